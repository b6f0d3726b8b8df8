"""DebugMode: every rewrite, every kernel and every op in Python is checked on the actual inputs.

A call computes the graph as the user wrote it, node by node. Then it computes what each rule that
fired has replaced, and what it put in its place; and it runs the compiled program, twice. Values
that should be equal and are not, are an error that names whose fault it is.
"""
import re

import numpy as np

from cytensor._cells import Cell
from cytensor._core import Constant, TensorType, toposort
from cytensor._program import AssumptionError
from cytensor.engine.checks import (
    BadDestroyMap, BadOptimization, BadThunkOutput, BadViewMap, DebugModeError,
    InvalidValueError, StochasticOrder, agree, same_bits)
from cytensor.engine.modes import Mode, register_mode
from cytensor.engine.nodewise import Plain, Values, as_results, compute, given_values
from cytensor.engine.passes import steps_of
from cytensor.engine.pipeline import compile_program, undisturbed
from cytensor.ops.values import duplicate
from cytensor.printing import debugprint
from cytensor.rewrites.driver import listen

__all__ = ["BadDestroyMap", "BadOptimization", "BadThunkOutput", "BadViewMap", "DebugMode",
           "DebugModeError", "InvalidValueError", "StochasticOrder"]


class DebugMode(Mode):
    """A mode that checks everything, and is slow.

    Parameters
    ----------
    optimizer : str, optional
        As for ``Mode``: the rewrites that are checked.
    stability_patience : int
        How often a function is compiled, to see whether the same program comes out.
    check_isfinite : bool
        Whether a value that is infinite or NaN is an error.
    check_py_code : bool
        Whether ops in Python are checked: that they leave their inputs alone, return memory of
        their own, and give the same twice.
    check_c_code, check_preallocated_output, require_matching_strides
        Accepted for Theano's sake.

    Raises
    ------
    BadOptimization
        A rewrite has changed a value.
    BadThunkOutput
        The compiled program computes something else than its nodes do one by one, or two runs of
        it differ; or two runs of an op in Python.
    BadDestroyMap, BadViewMap
        An op in Python has changed an input, or returned a part of it.
    InvalidValueError
        A value is not of its variable's type, or is not finite.
    StochasticOrder
        Compiling twice has given two programs.

    Examples
    --------
    >>> import cytensor as ct, cytensor.tensor as T
    >>> x = T.dvector("x")
    >>> f = ct.function([x], T.log(1 + T.exp(x)), mode=DebugMode())
    >>> f([0.0])
    array([0.69314718])
    """

    def __init__(self, optimizer="default", stability_patience=2, check_c_code=None,
                 check_py_code=True, check_isfinite=True, check_preallocated_output=None,
                 require_matching_strides=None, linker=None, **options):
        super().__init__(linker, optimizer, **options)
        self.stability_patience = stability_patience
        self.check_py_code = check_py_code
        self.check_isfinite = check_isfinite

    def options(self):
        """Return the further arguments that make this mode."""
        return {"stability_patience": self.stability_patience,
                "check_py_code": self.check_py_code, "check_isfinite": self.check_isfinite}

    def runner(self, job, program, graph):
        """Return what checks each call of a function."""
        _check_order(job, self, program, graph)
        return _Checker(job, self, program)


register_mode("DEBUG_MODE", DebugMode())


# ----- when the function is compiled -----

class Change:
    """What a pass, or one of its rules, has put in the place of a variable."""

    def __init__(self, reason, of, old, new):
        self.reason = reason
        self.of = of
        self.old = old
        self.new = new


def record_changes(roots, mode):
    """Run the passes of a mode, and return each change that they make, in order."""
    changes = []

    def note(name, rule, node, new):
        changes.append(Change(str(rule), f"of the pass {name} ", node.outputs[0], new))

    with undisturbed():
        before = listen(note)
        try:
            for step in steps_of(mode):
                outputs = step(roots)
                changes += [Change(f"pass {step.name}", "", old, new)
                            for old, new in zip(roots, outputs) if old is not new]
                roots = outputs
        finally:
            listen(before)
    return changes


def _check_order(job, mode, program, graph):
    """Compile again: the same graph must give the same program."""
    first = _text(program, graph)
    for _ in range(mode.stability_patience - 1):
        again = _text(*compile_program(*job, mode))
        if again != first:
            raise StochasticOrder(first, again)


def _text(program, graph):
    text = debugprint(graph, file="str") + debugprint(program, file="str")
    return re.sub(r" at 0x[0-9a-f]+", "", text)     # where an object lies, is no difference


# ----- when it is called -----

class _Checker:
    """Runs and checks one function."""

    def __init__(self, job, mode, program):
        self.job = job
        self.mode = mode
        self.roots = [*job.outputs, *[new for _, new in job.updates]]
        self.changes = record_changes(self.roots, mode)
        self.read = {x for node in toposort(self.roots) for x in node.inputs}
        self.program = program
        self.general = None         # for sizes that the program does not serve

    def __call__(self, arguments, shared):
        for variable, value in given_values(self.job, arguments, shared).items():
            self._check_value(variable, value)
        values = Values(given_values(self.job, arguments, shared), self._visit)
        wanted = [values[root] for root in self.roots]
        self._check_changes(values)
        return as_results(self.job, self._check_program(wanted, arguments, shared))

    # ----- nodes -----

    def _visit(self, node, inputs):
        if node.op.kind == "python" and self.mode.check_py_code:
            results = _check_python(node, inputs, self.read)
        else:
            results = compute(node, inputs)
        for out, value in zip(node.outputs, results):
            self._check_value(out, value)
        return results

    def _check_value(self, variable, value):
        if not variable.type.is_valid_value(value):
            raise InvalidValueError(variable, value, f"its type is {variable.type}")
        is_float = isinstance(value, np.ndarray) and value.dtype.kind in "fc"
        if self.mode.check_isfinite and is_float and not np.isfinite(value).all():
            raise InvalidValueError(variable, value, "not all of it is finite")

    # ----- rewrites -----

    def _check_changes(self, values):
        lenient = Values(values.known)      # a rewrite may make numbers that are not finite better
        for change in self.changes:
            old = _value_or_error(lenient, change.old)
            new = _value_or_error(lenient, change.new)
            if isinstance(old, Exception) or isinstance(new, AssumptionError):
                continue
            if isinstance(new, Exception) or not agree(change.new.type, old, new):
                raise BadOptimization(change, old, new)

    # ----- the program -----

    def _check_program(self, wanted, arguments, shared):
        first = self._run(arguments, shared)
        for root, want, value in zip(self.roots, wanted, first):
            if not agree(root.type, want, value):
                raise BadThunkOutput(root, want, value, "node by node", "as a compiled program")
        for root, value, again in zip(self.roots, first, self._run(arguments, shared)):
            if not same_bits(value, again):
                raise BadThunkOutput(root, value, again, "in a first run", "in a second run")
        return first

    def _run(self, arguments, shared):
        """Run the program on copies; return its results, then the new shared values."""
        given = [duplicate(x) for x in arguments]
        cells = [Cell(duplicate(x)) for x in shared]
        count = len(self.job.outputs)
        try:
            results = Plain(self.program, cells, "list", count)(*given)
        except AssumptionError:
            if self.general is None:
                self.general, _ = compile_program(*self.job, self.mode.excluding("assume"))
            results = Plain(self.general, cells, "list", count)(*given)
        for variable, before, after in zip(self.job.inputs, arguments, given):
            if not same_bits(before, after):
                raise BadDestroyMap(variable.owner, variable, before, after)
        new = [cells[self.job.cells.index(cell)].value for cell, _ in self.job.updates]
        return [*results, *new]


def _value_or_error(values, variable):
    """The value of a variable, or the exception that computing it raises."""
    try:
        return values[variable]
    except Exception as error:              # whose fault it is, is found by comparing
        return error


def _check_python(node, inputs, read):
    """Run an op in Python twice, on copies; return its results."""
    first, taken = _perform(node, inputs)
    _check_inputs(node, inputs, taken)
    _check_views(node, first, taken, read)
    again, _ = _perform(node, inputs)
    for out, a, b in zip(node.outputs, first, again):
        if not same_bits(a, b):
            raise BadThunkOutput(out, a, b, "in a first run", "in a second run")
    return compute(node, inputs)


def _perform(node, inputs):
    """Run an op on copies; return its results and what it has left of the copies."""
    taken = [duplicate(x) for x in inputs]
    if "perform" in node.op.traits:
        return node.op.traits["perform"](taken, node.params), taken
    storage = {out: [None] for out in node.outputs}
    storage.update(zip(node.inputs, [[x] for x in taken]))
    node.op.make_thunk(node, storage, {v: [v in node.inputs] for v in storage}, [])()
    return [storage[out][0] for out in node.outputs], taken


def _declared(node, what):
    """Which inputs an op says that its outputs overwrite, or look at: output -> inputs."""
    return getattr(node.op, what, None) or node.op.traits.get(what) or {}


def _check_inputs(node, inputs, taken):
    allowed = {i for places in _declared(node, "destroy_map").values() for i in places}
    for i, (variable, before, after) in enumerate(zip(node.inputs, inputs, taken)):
        if i not in allowed and isinstance(variable.type, TensorType) \
                and not same_bits(before, after):
            raise BadDestroyMap(node, variable, before, after)


def _check_views(node, results, taken, read):
    """No result may be memory of an input, or of another result, unless the op says so.

    Two results may share memory if the graph reads one of them at most.
    """
    views, destroys = _declared(node, "view_map"), _declared(node, "destroy_map")
    for k, value in enumerate(results):
        allowed = {*views.get(k, ()), *destroys.get(k, ())}
        for i, variable in enumerate(node.inputs):
            if i not in allowed and not isinstance(variable, Constant) \
                    and _overlap(value, taken[i]):
                raise BadViewMap(node, k, f"input {i} ({variable!r})")
        for j in range(k):
            if not allowed and read.issuperset((node.outputs[j], node.outputs[k])) \
                    and _overlap(value, results[j]):
                raise BadViewMap(node, k, f"output {j}")


def _overlap(a, b):
    arrays = isinstance(a, np.ndarray) and isinstance(b, np.ndarray)
    return arrays and np.shares_memory(a, b)
