"""Computes a graph one node at a time, so that every value can be seen.

Each node becomes a program of its own. That is slow, and it is what MonitorMode, DebugMode, test
values and the reports of NanGuardMode need.
"""
import numpy as np

from cytensor._core import Constant, TensorType, copy_apply, new_variable, type_key
from cytensor._interpreter import Callable
from cytensor._program import AssumptionError
from cytensor.engine.modes import Mode
from cytensor.engine.passes import rewrite
from cytensor.engine.pipeline import device, undisturbed
from cytensor.lowering.program import lower
from cytensor.ops.control import ifelse_op, split_branches
from cytensor.ops.values import duplicate

_MAX_PROGRAMS = 4096
_MAX_BYTES = 64         # constants up to this size are told apart by their values
_NO_REWRITES = Mode(optimizer=None)
_programs = {}          # what a node does, and to what -> (program, node)


class Plain(Callable):
    """A program as a function of values of exactly the right types.

    A call for which an assumption is wrong raises an AssumptionError.
    """

    def _general(self):
        raise AssumptionError

    def _convert(self, i, value):
        return np.require(value, requirements="A") if isinstance(value, np.ndarray) else value


def compute(node, values):
    """Return the values of a node's outputs.

    Parameters
    ----------
    node : Apply
    values : sequence
        Those of its inputs, constants included: arrays, or objects, of exactly their types.

    Returns
    -------
    list

    Raises
    ------
    AssumptionError
        If the node only stands for what nearly always holds, and it does not.
    """
    program, first = _program(node)
    arguments = [value for x, value in zip(node.inputs, values) if not isinstance(x, Constant)]
    try:
        return program(*arguments)
    except AssumptionError:
        raise
    except Exception:
        if first is node or node.op.kind == "python":
            raise
    return _compile(node)(*arguments)       # the same error, of this node's line


def _program(node):
    """The program for a node, and the node that it was made for."""
    key = (node.key, *[_key_of(x) for x in node.inputs],
           *[type_key(out.type) for out in node.outputs])
    if node.op.kind == "python":
        key = (*key, node.loc)
    found = _programs.get(key)
    if found is None:
        if len(_programs) >= _MAX_PROGRAMS:
            _programs.clear()
        found = _programs[key] = (_compile(node), node)     # the node keeps what the key names
    return found


def _key_of(x):
    if not isinstance(x, Constant):
        return type_key(x.type)
    if isinstance(x.type, TensorType) and x.data.nbytes <= _MAX_BYTES:
        return type_key(x.type), x.data.tobytes()
    return x


def _compile(node):
    with undisturbed():
        inputs = [x if isinstance(x, Constant) else new_variable(x.type, repr(x))
                  for x in node.inputs]
        outputs = rewrite(list(copy_apply(node, inputs).outputs), _NO_REWRITES)
        free = [x for x in inputs if not isinstance(x, Constant)]
        return Plain(lower(outputs, [], free, [], device()), [], "list", len(outputs))


class Values:
    """The values of the variables of a graph, computed when they are asked for.

    Parameters
    ----------
    known : dict of Variable to value
    visit : callable
        ``visit(node, values of its inputs) -> values of its outputs``.
    """

    def __init__(self, known, visit=compute):
        self.known = dict(known)
        self._visit = visit

    def __getitem__(self, variable):
        if isinstance(variable, Constant):
            return variable.data
        if variable not in self.known:
            self._find(variable)
        return self.known[variable]

    def _find(self, variable):
        """Compute a variable, and what it needs before it."""
        stack = [variable.owner]
        while stack:
            node = stack[-1]
            if node.outputs[0] in self.known:
                stack.pop()
                continue
            waiting = [x.owner for x in self._needs(node)
                       if x not in self.known and not isinstance(x, Constant)]
            if waiting:
                stack.extend(reversed(waiting))
            else:
                stack.pop()
                self._add(node)

    def _needs(self, node):
        """The inputs that a node reads: of two branches, the chosen one."""
        if node.op is not ifelse_op:
            return node.inputs
        condition = node.inputs[0]
        if condition not in self.known and not isinstance(condition, Constant):
            return [condition]
        return split_branches(node.inputs[1:])[0 if self[condition] else 1]

    def _add(self, node):
        """Compute a node whose inputs are known."""
        values = [self[x] for x in self._needs(node)]
        results = values if node.op is ifelse_op else self._visit(node, values)
        self.known.update(zip(node.outputs, results))


def given_values(job, arguments, shared):
    """Return what a call knows when it begins: variable -> value."""
    return {**dict(zip(job.inputs, arguments)), **dict(zip(job.cells, shared))}


def as_results(job, values):
    """Return what a runner returns, from the values of results and updates.

    Parameters
    ----------
    job : Job
    values : list
        Of its outputs, then of its new shared values.

    Returns
    -------
    results : list
    updates : list of (int, value)
    """
    values = [duplicate(value) for value in values]
    count = len(job.outputs)
    numbers = [job.cells.index(cell) for cell, _ in job.updates]
    return values[:count], list(zip(numbers, values[count:]))
