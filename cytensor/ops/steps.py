"""The work of all steps of a loop at once: what one step does to a row, done to the whole array.

A value that is the same in each step stays as it is; one that differs gets an axis in front, the
step. Not every op can be lifted in this way; those that a loop would gain from can.
"""
from cytensor.ops.gather import gather
from cytensor.ops.linear import matmul_op, turned
from cytensor.ops.subtensor import WHOLE, subtensor
from cytensor.ops.views import (
    as_size, broadcast_to_op, dimshuffle_op, join_op, padded_left, reshape_op, reshaped, sizes_of,
    spread)


class Lift:
    """Lifts graphs over rows to graphs over arrays.

    Parameters
    ----------
    n : Variable
        The number of steps.
    arrays : dict of Variable to Variable
        What stands for a row, and the array of all rows.
    """

    def __init__(self, n, arrays):
        self.n = n
        self.arrays = dict(arrays)

    def moves(self, x):
        """Whether a value differs from step to step."""
        return x in self.arrays

    def add(self, node):
        """Lift the result of a node whose inputs are lifted."""
        rule = _RULES.get(node.op.name, _elementwise)
        self.arrays[node.outputs[0]] = rule(self, node)

    def array(self, x):
        """The array for a value that moves, the value itself where it does not."""
        return self.arrays.get(x, x)

    def spread(self, x):
        """The array for any value: one that does not move is repeated."""
        return self.arrays[x] if self.moves(x) else spread(x, [self.n, *sizes_of(x)])

    def aligned(self, x, ndim):
        """The array for a value, with room for the axes in which it is repeated."""
        if not self.moves(x):
            return x
        extra = ndim - x.type.ndim
        order = (0, *[-1] * extra, *range(1, x.type.ndim + 1))
        return dimshuffle_op(self.arrays[x], order=order) if extra else self.arrays[x]


def _elementwise(lift, node):
    ndim = node.outputs[0].type.ndim
    return node.op.apply([lift.aligned(x, ndim) for x in node.inputs], dict(node.params)).out


def _dimshuffle(lift, node):
    order = [-1 if axis < 0 else axis + 1 for axis in node.params["order"]]
    return dimshuffle_op(lift.array(node.inputs[0]), order=(0, *order))


def _with_sizes(lift, node):
    """reshape and broadcast_to: the sizes are the same in each step."""
    x, *dims = node.inputs
    array = lift.array(x)
    if node.op is broadcast_to_op:
        array = lift.aligned(x, len(dims))
    return node.op.apply([array, as_size(lift.n), *dims], {}).out


def _subtensor(lift, node):
    x, *values = node.inputs
    if any([lift.moves(i) for i in values]):        # x[i], with another i in each step
        return gather(x, *[lift.spread(i) for i in values])
    return subtensor(lift.array(x), *values, index=(WHOLE, *node.params["index"]))


def _gather(lift, node):
    x, *indices = node.inputs
    ndim = indices[0].type.ndim
    return gather(x, *[lift.aligned(i, ndim) if lift.moves(i) else padded_left(i, ndim + 1)
                       for i in indices])


def _reduce(lift, node):
    axis = tuple([a + 1 for a in node.params["axis"]])
    return node.op.apply([lift.array(node.inputs[0])], {**node.params, "axis": axis}).out


def _join(lift, node):
    return join_op(*[lift.spread(x) for x in node.inputs], axis=node.params["axis"] + 1)


def _matmul(lift, node):
    a, b = node.inputs
    if a.type.ndim > 2 or (lift.moves(a) and lift.moves(b)):
        return matmul_op(_stacked(lift, a), _stacked(lift, b))
    if lift.moves(a):
        return _rows_times(lift, lift.arrays[a], b)
    return turned(_rows_times(lift, turned(lift.arrays[b]), turned(a)))


def _stacked(lift, x):
    """A stack of matrices; one that is the same in each step gets an axis of size 1."""
    return lift.arrays[x] if lift.moves(x) else dimshuffle_op(x, order=(-1, *range(x.type.ndim)))


def _rows_times(lift, a, b):
    """Multiply all rows of a stack of matrices by one matrix: a single product."""
    n, m, k = a.type.shape[0] or lift.n, *sizes_of(a)[1:]
    rows = matmul_op(reshaped(a, [n * m, k]), b)
    return reshaped(rows, [n, m, sizes_of(b)[1]])


def can_lift(node, moving):
    """Whether a node can be lifted, where its inputs in ``moving`` can and differ by step."""
    if node.op is gather:
        return node.inputs[0] not in moving
    if node.op in (reshape_op, broadcast_to_op, subtensor):
        return moving.isdisjoint(node.inputs[1:]) or is_lookup(node, moving)
    return node.op.name in _RULES or node.op.kind == "elementwise"


def is_lookup(node, moving):
    """Whether rows of an array that is the same in each step are looked up by numbers."""
    if node.op is gather:
        return node.inputs[0] not in moving
    return (node.op is subtensor and node.inputs[0] not in moving and len(node.inputs) > 1
            and all([item[0] == "at" and type(item[1]) is tuple for item in node.params["index"]]))


_RULES = {
    "dimshuffle": _dimshuffle, "reshape": _with_sizes, "broadcast_to": _with_sizes,
    "subtensor": _subtensor, "gather": _gather, "join": _join, "matmul": _matmul,
    **dict.fromkeys(("sum", "prod", "max", "min", "all", "any", "softmax", "logsoftmax",
                     "logsumexp"), _reduce),
}

