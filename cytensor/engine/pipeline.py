"""From a graph to something callable: rewrite, lower, wrap."""
import gc
import time
from collections import namedtuple
from contextlib import contextmanager

from cytensor import config
from cytensor._core import leaves
from cytensor._interpreter import Callable
from cytensor._program import AssumptionError
from cytensor.autodiff import scan  # noqa: F401  (the derivatives of loops)
from cytensor.autodiff.compiler import use_compiler
from cytensor.engine import loops  # noqa: F401  (loops whose steps are calls)
from cytensor.engine.modes import as_mode
from cytensor.engine.passes import rewrite
from cytensor.lowering.program import lower
from cytensor.ops.quiet import quiet


#: What ``compile_program`` is given.
Job = namedtuple("Job", "inputs outputs updates cells")


def device():
    """Return the device that programs are made for."""
    from cytensor.cpu.device import cpu
    return cpu()


def compile_program(inputs, outputs, updates, cells, mode=None, seconds=None):
    """Rewrite a graph and lower it.

    Parameters
    ----------
    inputs, outputs : list of Variable
    updates : list of (Variable, Variable)
        Shared variables and their new values.
    cells : list of Variable
        All shared variables that the graph uses or updates.
    mode : Mode or str, optional
    seconds : dict, optional
        Takes the times of ``"rewrite"`` and ``"lower"``, and those of the passes by their names
        as ``"passes"``.

    Returns
    -------
    program : Program
    graph : list of Variable
        The rewritten outputs, then the new values.
    """
    mode = as_mode(mode)
    roots = [*outputs, *[new for _, new in updates]]
    seconds = {} if seconds is None else seconds
    with undisturbed():
        try:
            program, roots = _compile(roots, inputs, updates, cells, mode, seconds)
        except AssumptionError:
            mode = mode.excluding("assume")
            program, roots = _compile(roots, inputs, updates, cells, mode, seconds)
    if config.debug >= 4:
        from cytensor.printing import debugprint
        debugprint(program)
    return program, roots


def _compile(roots, inputs, updates, cells, mode, seconds):
    start = time.perf_counter()
    roots = rewrite(roots, mode, seconds.setdefault("passes", {}))
    middle = time.perf_counter()
    nresults = len(roots) - len(updates)
    updates = [(cell, new) for (cell, _), new in zip(updates, roots[nresults:])]
    program = lower(roots[:nresults], updates, inputs, cells, device(), mode.fused, mode.inplace)
    seconds["rewrite"] = seconds.get("rewrite", 0.0) + middle - start
    seconds["lower"] = seconds.get("lower", 0.0) + time.perf_counter() - middle
    return program, roots


@contextmanager
def undisturbed():
    """Keep the garbage collector from walking the growing graph, and test values out of it."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        with quiet():
            yield
    finally:
        if was_on:
            gc.enable()


def run_once(variables):
    """Compute variables that depend on constants alone, without rewriting."""
    program = lower(list(variables), [], [], [], device())
    return Callable(program, [], "list", len(variables))()


def compile_plain(inputs, outputs, mode=None, profile=None, name=None):
    """Return a function of arrays that computes a list of outputs: for those who ask the engine.

    It serves every size: nothing is assumed, since there is no other program to turn to.
    """
    mode = as_mode(mode).excluding("assume")
    shared = [v for v in leaves(outputs, inputs) if getattr(v, "container", None) is not None]
    job, seconds = Job(list(inputs), list(outputs), [], shared), {}
    start = time.perf_counter()
    program, graph = compile_program(*job, mode, seconds)
    seconds["compile"] = time.perf_counter() - start
    function = Callable(program, [v.container for v in shared], "list", len(outputs))
    function.runner = mode.runner(job, program, graph)
    watchers = mode.watchers()
    if profile is not None:
        watchers.append(profile.measure(name, program, seconds))
    function.watchers = watchers or None
    return function


use_compiler(compile_plain)
