"""``scan`` as Theano has it: its results count as made of all that it was given.

Each loop has an op of its own, which knows what is inside.
"""
import functools
import inspect

import cytensor
from cytensor import tensor as T
from cytensor._core import Op, Variable, exchange_op, toposort
from cytensor.compat.theano.dependence import reading
from cytensor.loops.arguments import as_list
from cytensor.ops.scan import scan_op

_SIGNATURE = inspect.signature(cytensor.scan)


class LoopOp(Op):
    """The op of a loop; those of equal steps are equal.

    Attributes
    ----------
    inputs, outputs : list of Variable
        The graph of a step.
    """

    def __init__(self, body):
        super().__init__(scan_op.name, scan_op.kind, scan_op.prepare, scan_op.sizes, scan_op.vjp,
                         scan_op.jvp, nout=scan_op.nout, **scan_op.traits)
        self.body = body

    @property
    def inputs(self):
        return list(self.body.inputs)

    @property
    def outputs(self):
        return list(self.body.outputs)

    def __eq__(self, other):
        return isinstance(other, LoopOp) and self.body == other.body

    def __hash__(self):
        return hash(self.body)

    def __reduce__(self):
        return LoopOp, (self.body,)


@functools.wraps(cytensor.scan)
def scan(*args, **kwargs):
    """Apply a function step by step; see ``cytensor.scan``.

    A sequence or a non-sequence that no step reads counts as an input of the results.
    """
    results, updates = cytensor.scan(*args, **kwargs)
    _name_loops([*as_list(results), *updates.values()])
    given = _given(_SIGNATURE.bind(*args, **kwargs).arguments)
    if isinstance(results, list):
        return [_mentioning(x, given) for x in results], updates
    return _mentioning(results, given), updates


def _name_loops(results):
    """Give the loops that were made last ops of their own."""
    for node in toposort(results):
        if node.op is scan_op:
            exchange_op(node, LoopOp(node.params["body"]))


def _given(arguments):
    """The variables that are listed among the arguments of a scan."""
    found = []
    for name in ("sequences", "outputs_info", "non_sequences"):
        for x in as_list(arguments.get(name)):
            x = x.get("input", x.get("initial")) if isinstance(x, dict) else x
            if isinstance(x, Variable) and isinstance(x.type, T.TensorType):
                found.append(x)
    return found


def _mentioning(x, given):
    plain = isinstance(x, Variable) and isinstance(x.type, T.TensorType)
    return reading(x, *given) if plain else x
