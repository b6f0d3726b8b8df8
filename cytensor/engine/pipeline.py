"""From a graph to something callable: rewrite, lower, wrap."""
import gc
from contextlib import contextmanager

from cytensor import config
from cytensor._interpreter import Callable
from cytensor._program import AssumptionError
from cytensor.autodiff.compiler import use_compiler
from cytensor.engine.modes import as_mode, rewrite
from cytensor.lowering.program import lower


def device():
    """Return the device that programs are made for."""
    from cytensor.cpu.device import cpu
    return cpu()


def compile_program(inputs, outputs, updates, cells, mode=None):
    """Rewrite a graph and lower it.

    Parameters
    ----------
    inputs, outputs : list of Variable
    updates : list of (Variable, Variable)
        Shared variables and their new values.
    cells : list of Variable
        All shared variables that the graph uses or updates.
    mode : Mode or str, optional

    Returns
    -------
    program : Program
    graph : list of Variable
        The rewritten outputs, then the new values.
    """
    mode = as_mode(mode)
    roots = [*outputs, *[new for _, new in updates]]
    with _no_collection():
        try:
            program, roots = _compile(roots, inputs, updates, cells, mode)
        except AssumptionError:
            program, roots = _compile(roots, inputs, updates, cells, mode.excluding("assume"))
    if config.debug >= 4:
        from cytensor.printing import debugprint
        debugprint(program)
    return program, roots


def _compile(roots, inputs, updates, cells, mode):
    roots = rewrite(roots, mode)
    nresults = len(roots) - len(updates)
    updates = [(cell, new) for (cell, _), new in zip(updates, roots[nresults:])]
    return lower(roots[:nresults], updates, inputs, cells, device()), roots


@contextmanager
def _no_collection():
    """Keep the garbage collector from walking the growing graph again and again."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def run_once(variables):
    """Compute variables that depend on constants alone, without rewriting."""
    program = lower(list(variables), [], [], [], device())
    return Callable(program, [], "list", len(variables))()


def compile_plain(inputs, outputs):
    """Return a function of arrays that computes a list of outputs: for those who ask the engine.

    It serves every size: nothing is assumed, since there is no other program to turn to.
    """
    mode = as_mode(None).excluding("assume")
    program, _ = compile_program(list(inputs), list(outputs), [], [], mode)
    return Callable(program, [], "list", len(outputs))


use_compiler(compile_plain)
