"""SMALLER, continued: views of views, and repetition.

Repetition (`broadcast_to`) moves towards the outputs: through elementwise ops, which then work on
the small array.
"""
from cytensor._core import Constant, TensorType
from cytensor.ops.elementwise import maximum
from cytensor.ops.linear import matmul_op
from cytensor.ops.registry import scalar_like
from cytensor.ops.sizes import Size, Sizes, output_shapes
from cytensor.ops.subtensor import subtensor
from cytensor.ops.views import (
    broadcast_to_op, dimshuffle_op, join_op, keeps_order, make_vector, reshape_op, shape_i_op,
    sizes_of)
from cytensor.rewrites.patterns import NodeRule, Rule, any_param, holes, is_number, rest

x, y = holes("x y")
_FAR = 100              # nodes to look down for the origin of a size

dims, others = rest("dims"), rest("others")
order, outer = any_param("order"), any_param("outer")
index, axis = any_param("index"), any_param("axis")


# ----- axes -----

def same_axes(x, order):
    """Whether nothing moves; an axis of size 1 may be dropped and made anew."""
    return len(order) == x.type.ndim and all(
        i == axis or (i == -1 and x.type.shape[axis] == 1) for axis, i in enumerate(order))


def composed(x, order, outer):
    """One dimshuffle for two."""
    return dimshuffle_op(x, order=tuple([-1 if i < 0 else order[i] for i in outer]))


def swapped(x):
    return dimshuffle_op(x, order=(1, 0))


AXES = [
    Rule(dimshuffle_op(x, order=order), x, where=same_axes),
    Rule(dimshuffle_op(dimshuffle_op(x, order=order), order=outer), composed, shared=True),
    # transposes go to the operands, where BLAS takes them for free
    Rule(swapped(matmul_op(x, y)), matmul_op(swapped(y), swapped(x))),
    Rule(subtensor(x, index=index), x, where=lambda index: all(
        item in (("slice", None, None, None), ("slice", 0, None, 1)) for item in index)),
]


# ----- reshape -----

def reshaped_on(x, dims, order):
    """One reshape for a reshape and a dimshuffle that adds and drops axes of size 1."""
    return reshape_op(x, *[scalar_like(1, "int64") if i < 0 else dims[i] for i in order])


def _reshape_nothing(node):
    x, *dims = node.inputs
    if x.type.ndim != len(dims):
        return None
    rest_of_vector = len(dims) == 1 and is_number(dims[0], -1)
    same = all([is_size_of(n, x, i) for i, n in enumerate(dims)])
    return x if same or rest_of_vector else None


def on(op, *above):
    """A test for nodes of ``op`` whose first input is computed by one of ``above``."""
    if not above:
        return lambda o, heads: o is op
    return lambda o, heads: o is op and heads[0] in above


RESHAPES = [
    Rule(reshape_op(reshape_op(x, others), dims), reshape_op(x, dims), shared=True),
    Rule(reshape_op(dimshuffle_op(x, order=order), dims), reshape_op(x, dims), where=keeps_order),
    Rule(dimshuffle_op(reshape_op(x, dims), order=order), reshaped_on, where=keeps_order),
    NodeRule("reshape to its own shape -> x", on(reshape_op), _reshape_nothing),
    Rule(join_op(x, axis=axis), x),
]


# ----- sizes -----

class _Origins(Sizes):
    """Sizes that know which size or value of an input they are."""

    def origin(self, *args):
        """A size that stands for itself: equal ones are one object."""
        return self._made.setdefault(args, Size(self, "origin", args))

    def static(self, variable):
        if not isinstance(variable.type, TensorType):
            return ()
        return tuple([self.origin(variable, i) if n is None else n
                      for i, n in enumerate(variable.type.shape)])

    def value(self, variable):
        if isinstance(variable, Constant):
            return int(variable.data)
        return self.origin(variable)


def _size_below(x, axis):
    """Where a size comes from, one node further down.

    Returns an int; or a variable and the axis whose size it is; or a variable whose value it is,
    and None; or None, where it is computed.
    """
    node = x.owner
    if node.op.kind == "elementwise":
        return _size_of_any(node.inputs, axis - x.type.ndim)
    S = _Origins()
    shape = output_shapes(S, node, [S.static(i) for i in node.inputs])[x.index]
    if shape is None:
        return None
    size = shape[axis]
    if type(size) is int:
        return size
    return (*size.args, None)[:2] if size.op == "origin" else None


def _size_of_any(inputs, axis):
    """The size along an axis, counted from the end, of what inputs broadcast to."""
    for x in inputs:
        if x.type.ndim >= -axis and x.type.shape[axis] is None:
            return x, x.type.ndim + axis
    return None


def origin(x, axis):
    """Return what names the size of ``x`` along an axis: an int, or (variable, axis or None)."""
    if x.type.shape[axis] is not None:
        return x.type.shape[axis]
    for _ in range(_FAR):
        below = _size_below(x, axis) if x.owner is not None else None
        if below is None:
            break
        if type(below) is int or below[1] is None:
            return below if type(below) is int else value_origin(below[0])
        x, axis = below
    return x, axis


def value_origin(n):
    """Return what names the value of a 0-d variable, as `origin` does."""
    if isinstance(n, Constant):
        return int(n.data)
    if n.owner is not None and n.owner.op is shape_i_op:
        return origin(n.owner.inputs[0], n.owner.params["axis"])
    return n, None


def is_size_of(n, x, axis):
    """Whether the 0-d variable ``n`` is for certain the size of ``x`` along an axis."""
    return value_origin(n) == origin(x, axis)


def _size_source(node):
    below = _size_below(node.inputs[0], node.params["axis"])
    if below is None:
        return None
    if type(below) is int:
        return scalar_like(below, "int64")
    x, axis = below
    return x if axis is None else shape_i_op(x, axis=axis)


def _has_size_rule(op, heads):
    if op is not shape_i_op or isinstance(heads[0], bool):
        return False
    head = heads[0]
    return (
        head.kind == "elementwise" or head.sizes is not None or "node_sizes" in head.traits)


def _entry(node):
    """make_vector(x, y, z)[1] is y."""
    item, = node.params["index"]
    return node.inputs[0].owner.inputs[item[1]] if item[0] == "at" and type(item[1]) is int \
        else None


SIZES = [
    NodeRule("the size of a result -> that of its source", _has_size_rule, _size_source),
    NodeRule("make_vector(x, ..)[0] -> x", on(subtensor, make_vector), _entry),
    Rule(maximum(shape_i_op(x, axis=axis), 0), shape_i_op(x, axis=axis), shared=True),
]


# ----- repetition -----

def _spread_nothing(node):
    x, *dims = node.inputs
    same = x.type.ndim == len(dims) and x.type.shape == node.out.type.shape and all(
        n is not None or is_size_of(dim, x, i)
        for i, (n, dim) in enumerate(zip(x.type.shape, dims)))
    return x if same else None


def _spread_after_shuffle(node):
    """dimshuffle(broadcast_to(x)) is broadcast_to(dimshuffle(x))."""
    small, *dims = node.inputs[0].owner.inputs
    if not _only_repeats(small, dims):
        return None
    extra = len(dims) - small.type.ndim
    order = node.params["order"]
    inner = [i - extra if i >= extra else -1 for i in order]
    while inner and inner[0] < 0:               # axes in front come by themselves
        del inner[0]
    one = scalar_like(1, "int64")
    return broadcast_to_op(dimshuffle_op(small, order=tuple(inner)),
                           *[one if i < 0 else dims[i] for i in order])


def _only_repeats(x, dims):
    """Whether broadcasting only repeats: it may also say that an unknown size is 1."""
    return all([n is not None or not isinstance(dim, Constant)
                for n, dim in zip(x.type.shape, dims[len(dims) - x.type.ndim:])])


def _spread_after_elementwise(node):
    """An elementwise op on repeated arrays is the repetition of its result on the small ones."""
    repeated = [x.owner for x in node.inputs
                if x.owner is not None and x.owner.op is broadcast_to_op
                and _only_repeats(x.owner.inputs[0], x.owner.inputs[1:])]
    if not repeated:
        return None
    inputs = [x.owner.inputs[0] if x.owner in repeated else x for x in node.inputs]
    small = node.op.apply(inputs, node.params).out
    if small.type.ndim == node.out.type.ndim and small.type.shape == node.out.type.shape:
        return small
    return broadcast_to_op(small, *_sizes_out(node, repeated))


def _sizes_out(node, repeated):
    """The shape of an elementwise result, in terms of the shapes that were asked for."""
    ndim, sizes = node.out.type.ndim, sizes_of(node.out)
    for axis in range(-ndim, 0):
        for spread in repeated:
            dims = spread.inputs[1:]
            if node.out.type.shape[axis] is None and len(dims) >= -axis \
                    and spread.out.type.shape[axis] is None:
                sizes[axis] = dims[axis]
    return sizes


def is_blank(blank):
    """Whether an array is zeros."""
    x = blank
    if x.owner is not None and x.owner.op is broadcast_to_op:
        x = x.owner.inputs[0]
    return is_number(x, 0)


def _repeats(op, heads):
    return op.kind == "elementwise" and broadcast_to_op in heads


SPREADS = [
    NodeRule("broadcast_to its own shape -> x", on(broadcast_to_op), _spread_nothing),
    Rule(broadcast_to_op(broadcast_to_op(x, others), dims), broadcast_to_op(x, dims),
         where=lambda x, others: _only_repeats(x, others)),
    NodeRule("dimshuffle(broadcast_to(x)) -> broadcast_to(dimshuffle(x))",
             on(dimshuffle_op, broadcast_to_op), _spread_after_shuffle),
    NodeRule("f(broadcast_to(x)) -> broadcast_to(f(x))", _repeats, _spread_after_elementwise),
]

SHAPES = [*AXES, *RESHAPES, *SIZES, *SPREADS]
