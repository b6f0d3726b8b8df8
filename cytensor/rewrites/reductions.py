"""SMALLER, continued: reductions of less, and once instead of twice."""
from cytensor.ops.elementwise import mul
from cytensor.ops.gather import unpick
from cytensor.ops.reduce import all_op, any_op, max_op, min_op, prod_op, sum_op
from cytensor.ops.registry import cast, scalar_like
from cytensor.ops.views import broadcast_to_op, dimshuffle_op, product, sizes_of
from cytensor.rewrites.patterns import NodeRule, Rule, any_param, holes

x, s, i, n = holes("x s i n")
axis, keepdims = any_param("axis"), any_param("keepdims")
outer, order = any_param("outer"), any_param("order")

_REDUCTIONS = (sum_op, prod_op, max_op, min_op, all_op, any_op)


def total(x):
    """The pattern of any sum."""
    return sum_op(x, axis=axis, keepdims=keepdims)


def sum_of_picked(x, axis, keepdims):
    """Each row of unpick holds one number that is not zero."""
    ndim = x.type.ndim
    if axis != (ndim,):
        return None
    return dimshuffle_op(x, order=(*range(ndim), -1)) if keepdims else x


def is_scalar(s, x):
    """Whether ``s`` is one number, and ``x`` is not."""
    return s.type.ndim == 0 and x.type.ndim > 0


def axes_of_both(x, axis, outer, keepdims):
    """The axes of ``x`` that ``reduce(reduce(x, axis), outer)`` reduces."""
    left = [i for i in range(x.type.ndim) if keepdims or i not in axis]
    return tuple(sorted({*axis, *[left[i] for i in outer]}))


def kept_order(ndim, axis):
    """The dimshuffle that gives a reduction's result its axes back, as axes of size 1."""
    left = [i for i in range(ndim) if i not in axis]
    return tuple([-1 if i in axis else left.index(i) for i in range(ndim)])


def _reduce_in_place(op):
    return Rule(dimshuffle_op(op(x, axis=axis, keepdims=False), order=order),
                op(x, axis=axis, keepdims=True), name=f"{op.name}(x)[:, None] -> keepdims",
                where=lambda x, axis, order: order == kept_order(x.type.ndim, axis))


def _reduce_dropped(op):
    """Axes that are kept with size 1, and then dropped, need not be kept."""
    def dropped(x, axis, order):
        if any([i in axis for i in order]):
            return None
        left = [i for i in range(x.type.ndim) if i not in axis]
        return dimshuffle_op(op(x, axis=axis, keepdims=False),
                             order=tuple([-1 if i < 0 else left.index(i) for i in order]))

    return Rule(dimshuffle_op(op(x, axis=axis, keepdims=True), order=order), dropped,
                name=f"{op.name}(x, keepdims)[:, 0] -> {op.name}(x)")


def _reduce_twice(op):
    inner = op(x, axis=axis, keepdims=keepdims)
    return Rule(op(inner, axis=outer, keepdims=keepdims),
                lambda x, axis, outer, keepdims: op(
                    x, axis=axes_of_both(x, axis, outer, keepdims), keepdims=keepdims),
                name=f"{op.name}({op.name}(x)) -> {op.name}(x)")


# ----- over axes that hold one element, or none -----

def _reduce_ones(node):
    """Along axes of size 1 there is nothing to reduce."""
    x, = node.inputs
    axes = node.params["axis"]
    if any([x.type.shape[i] != 1 for i in axes]):
        return None
    if node.params["keepdims"] or not axes:
        return x
    return dimshuffle_op(x, order=tuple([i for i in range(x.type.ndim) if i not in axes]))


# ----- below a dimshuffle -----

def _reduce_shuffled(node):
    """reduce(dimshuffle(x)) is dimshuffle(reduce(x)): the new axes need no sum."""
    above, axes = node.inputs[0].owner, node.params["axis"]
    x, order = above.inputs[0], above.params["order"]
    if node.params["keepdims"]:
        return None
    inner = tuple(sorted([order[i] for i in axes if order[i] >= 0]))
    place = {old: new for new, old in
             enumerate([i for i in range(x.type.ndim) if i not in inner])}
    left = [order[i] for i in range(len(order)) if i not in axes]
    small = node.op(x, axis=inner, keepdims=False) if inner else x
    return dimshuffle_op(small, order=tuple([-1 if i < 0 else place[i] for i in left]))


# ----- below a repetition -----

def _sum_repeated(node):
    """The sum over n equal things is n times one of them."""
    above, axes, keepdims = node.inputs[0].owner, node.params["axis"], node.params["keepdims"]
    x, dims = above.inputs[0], above.inputs[1:]
    extra = len(dims) - x.type.ndim
    repeated = [i for i in axes if i < extra or x.type.shape[i - extra] == 1]
    if not repeated:
        return None
    left = [i - extra for i in axes if i >= extra]
    small = sum_op(x, axis=tuple(left), keepdims=keepdims) if left else x
    kept = [dims[i] for i in range(len(dims)) if i not in axes]
    if keepdims:
        kept = [scalar_like(1, "int64") if i in axes else dim for i, dim in enumerate(dims)]
    return broadcast_to_op(mul(small, _count(above.out, repeated, x)), *kept)


def _count(x, axes, like):
    """The number of elements along some axes, as a number of a given dtype."""
    sizes = sizes_of(x)
    count = product([sizes[i] for i in axes])
    dtype = like.type.dtype
    return scalar_like(count, dtype) if type(count) is int else cast(count, dtype=dtype)


def _below(above, *ops):
    return lambda op, heads: op in ops and heads[0] is above


REDUCTIONS = [
    *[_reduce_twice(op) for op in _REDUCTIONS],
    *[_reduce_in_place(op) for op in _REDUCTIONS],
    *[_reduce_dropped(op) for op in _REDUCTIONS],
    NodeRule("reduce along axes of size 1 -> x", lambda op, heads: op in _REDUCTIONS,
             _reduce_ones),
    NodeRule("reduce(dimshuffle(x)) -> dimshuffle(reduce(x))",
             _below(dimshuffle_op, *_REDUCTIONS), _reduce_shuffled),
    NodeRule("sum(broadcast_to(x)) -> n * sum(x)", _below(broadcast_to_op, sum_op),
             _sum_repeated),
    Rule(total(-x), -total(x)),
    Rule(total(x * s), s * total(x), where=is_scalar),
    Rule(total(x / s), total(x) / s, where=is_scalar),
    Rule(total(unpick(x, i, n)), sum_of_picked, shared=True, name="sum(unpick(x)) -> x"),
]


# ----- of products with what is the same all along -----

def constant_along(s, x, axis):
    """Whether ``s`` is the same all along each of the axes of ``x``."""
    missing = x.type.ndim - s.type.ndim
    return missing >= 0 and all([i < missing or s.type.shape[i - missing] == 1 for i in axis])


def factor_taken_out(x, s, axis, keepdims):
    if not constant_along(s, x, axis):
        return None
    out = sum_op(x, axis=axis, keepdims=keepdims)
    missing = x.type.ndim - s.type.ndim
    if not keepdims:
        s = dimshuffle_op(s, order=tuple([i - missing for i in range(missing, x.type.ndim)
                                          if i not in axis]))
    return mul(out, s)


FACTORS = [Rule(total(x * s), factor_taken_out, shared=True, name="sum(x * s) -> sum(x) * s")]


# ----- of what does not lie together -----

def _split(node):
    """Reduce the last axes first, where the others do not lie beside them: memory is then read in
    order, row by row, and what is left is small. Halves would be rounded once more."""
    x, = node.inputs
    axes, keepdims = node.params["axis"], node.params["keepdims"]
    last = x.type.ndim
    while last - 1 in axes:
        last -= 1
    outer = tuple([i for i in axes if i < last])
    if not outer or last == x.type.ndim or x.type.dtype == "float16":
        return None
    rows = node.op(x, axis=axes[len(outer):], keepdims=keepdims)
    return node.op(rows, axis=outer, keepdims=keepdims)


SPLITS = [NodeRule("reduce(x, (0, 2)) -> reduce(reduce(x, 2), 0)",
                   lambda op, heads: op in _REDUCTIONS, _split)]
