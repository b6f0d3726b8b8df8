"""FASTER, continued: products that are added, and parts that are written, in place of whole arrays.

``W - rate * x.T @ g`` is one gemm into a copy of W (or into W itself, where the engine sees that
nobody needs it any more); the gradient of an embedding touches the rows that were read.
"""
from cytensor._core import Constant
from cytensor.ops.gather import gather, pick, scatter_add, unpick
from cytensor.ops.generate import iota
from cytensor.ops.linear import gemm as gemm_op
from cytensor.ops.linear import matmul_op
from cytensor.ops.reduce import sum_op
from cytensor.ops.registry import KIND, scalar_like
from cytensor.ops.subtensor import inc_subtensor_op
from cytensor.ops.views import (
    assume_size, broadcast_to_op, common_sizes, dimshuffle_op, join_op, reshaped, sizes_of, spread)
from cytensor.ops.views import product as product_of
from cytensor.rewrites.patterns import NodeRule, Rule, any_param, holes, rest
from cytensor.rewrites.shapes import is_blank, is_size_of

a, b, c, s, t, x, y, n, m, blank, written = holes("a b c s t x y n m blank written")
alpha, beta = holes("alpha beta")
indices, others = rest("indices"), rest("others")
index, dtype = any_param("index"), any_param("dtype")


# ----- gemm: beta * c + alpha * a @ b -----

def gemm_fits(c, a, b):
    """Whether gemm serves: matrices of one float dtype, ``c`` of the full shape."""
    dtype, ones = c.type.dtype, c.type.broadcastable
    return (KIND[dtype] in "fc" and dtype != "float16" and a.type.ndim == 2
            and ones == (a.type.broadcastable[0], b.type.broadcastable[1]))


def scaled_gemm_fits(c, a, b, s):
    return s.type.ndim == 0 and gemm_fits(c, a, b)


def are_scalars(s, t):
    return s.type.ndim == 0 and t.type.ndim == 0


def is_scalar(s):
    return s.type.ndim == 0


def gemm(c, a, b, alpha, beta):
    """Apply gemm, with Python numbers as factors where they are known."""
    dtype = c.type.dtype
    alpha, beta = [scalar_like(f, dtype) if isinstance(f, int) else f for f in (alpha, beta)]
    return gemm_op(c, a, b, alpha, beta)


product = matmul_op(a, b)

GEMM = [
    # scalars gather in front of a product
    Rule(s * (t * product), (s * t) * product, where=are_scalars),
    Rule((s * product) / t, (s / t) * product, where=are_scalars),
    Rule(-(s * product), (-s) * product, where=is_scalar),
    Rule(c + s * product, lambda c, a, b, s: gemm(c, a, b, s, 1), where=scaled_gemm_fits,
         name="c + s * a @ b -> gemm"),
    Rule(c - s * product, lambda c, a, b, s: gemm(c, a, b, -s, 1), where=scaled_gemm_fits,
         name="c - s * a @ b -> gemm"),
    Rule(s * product - c, lambda c, a, b, s: gemm(c, a, b, s, -1), where=scaled_gemm_fits,
         name="s * a @ b - c -> gemm"),
    Rule(c + product / s, lambda c, a, b, s: gemm(c, a, b, 1 / s, 1), where=scaled_gemm_fits,
         name="c + a @ b / s -> gemm"),
    Rule(c - product / s, lambda c, a, b, s: gemm(c, a, b, -1 / s, 1), where=scaled_gemm_fits,
         name="c - a @ b / s -> gemm"),
    Rule(c + product, lambda c, a, b: gemm(c, a, b, 1, 1), where=gemm_fits,
         name="c + a @ b -> gemm"),
    Rule(c - product, lambda c, a, b: gemm(c, a, b, -1, 1), where=gemm_fits,
         name="c - a @ b -> gemm"),
    Rule(product - c, lambda c, a, b: gemm(c, a, b, 1, -1), where=gemm_fits,
         name="a @ b - c -> gemm"),
    Rule(gemm_op(t * c, a, b, alpha, beta), gemm_op(c, a, b, alpha, beta * t), where=lambda t, c:
         t.type.ndim == 0 and c.type.ndim == 2),
]


# ----- parts -----

def incremented(x, y):
    """The pattern of a part to which something is added."""
    return inc_subtensor_op(x, y, indices, index=index, set=False)


def scattered(x, y):
    return scatter_add(x, y, indices)


def is_written_blank(written):
    """Whether an array is zeros to which something was added in places."""
    x = written
    while not is_blank(x):
        owner = x.owner
        if owner is None or not (owner.op is scatter_add or (
                owner.op is inc_subtensor_op and not owner.params["set"])):
            return False
        x = owner.inputs[0]
    return x is not written


def _is_all_of_it(x, blank):
    return is_blank(blank) and x.type.broadcastable == blank.type.broadcastable


def _is_written_all_of_it(x, written):
    return is_written_blank(written) and x.type.broadcastable == written.type.broadcastable


def _rules_of_part(write):
    """Zeros with y written to a part: what is done to all is done to y, and a sum is written.

    Where zeros were written to several times, the rules take off one after the other.
    """
    part, again = write(blank, y), write(written, y)
    return [
        Rule(s * part, write(blank, s * y), where=lambda s, blank:
             s.type.ndim == 0 and is_blank(blank)),
        Rule(-part, write(blank, -y), where=is_blank),
        Rule(x + part, write(x, y), where=_is_all_of_it),
        Rule(x - part, write(x, -y), where=_is_all_of_it),
        Rule(s * again, write(s * written, s * y), where=lambda s, written:
             s.type.ndim == 0 and is_written_blank(written)),
        Rule(-again, write(-written, -y), where=is_written_blank),
        Rule(x + again, write(x + written, y), where=_is_written_all_of_it),
        Rule(x - again, write(x - written, -y), where=_is_written_all_of_it),
    ]


def _one_scatter(x, y, indices, t, others):
    """Return two scatters into a given array as one: that can be done in place."""
    if x.owner is not None or isinstance(x, Constant) or len(indices) != len(others):
        return None
    first, second = _in_a_row(x, y, indices), _in_a_row(x, t, others)
    return scatter_add(x, *[join_op(a, b, axis=0) for a, b in zip(first, second)])


def _in_a_row(x, y, indices):
    """Return (y, *indices) with the axes of the index arrays as one."""
    places, entry = common_sizes(indices), sizes_of(x)[len(indices):]
    if len(places) == len(indices) == 1 and y.type.broadcastable == (
            indices[0].type.broadcastable + x.type.broadcastable[1:]):
        return [y, *indices]
    n = product_of(places)
    return [reshaped(spread(y, [*places, *entry]), [n, *entry]),
            *[reshaped(spread(i, places), [n]) for i in indices]]


PARTS = [
    *_rules_of_part(incremented), *_rules_of_part(scattered),
    Rule(scatter_add(scatter_add(x, y, indices), t, others), _one_scatter, shared=True,
         name="x with y and then t added in places -> x with both added"),
]


# ----- one element of each row -----

def one_of_each_row(x, n, y):
    """Return x[arange(n), y] as `pick`."""
    if x.type.ndim != 2 or y.type.ndim != 1 or y.type.shape[0] == 1:
        return None
    return pick(x, y) if is_size_of(n, x, 0) else None


def into_each_row(x, m, y):
    """Return zeros((n, m)) with x added at [arange(n), y], as `unpick`."""
    if y.type.ndim != 1 or y.type.shape[0] == 1:
        return None
    return unpick(spread(x, sizes_of(y)) if x.type.shape == (1,) else x, y, m)


def _sum_of_row(node):
    """A row with one entry that is not 0 adds up to that entry."""
    g, above = node.inputs[0].owner.inputs[0], node.inputs[0]
    if node.params["axis"] != (above.type.ndim - 1,):
        return None
    order = tuple(range(g.type.ndim))
    return dimshuffle_op(g, order=(*order, -1)) if node.params["keepdims"] else g


def _sum_of_assumed(node):
    """Sums over other axes keep an axis whose size is assumed."""
    above = node.inputs[0].owner
    x, n = above.inputs
    axis, axes = above.params["axis"], node.params["axis"]
    if axis in axes:
        return None
    if not node.params["keepdims"]:
        axis -= len([i for i in axes if i < axis])
    return assume_size(node.op(x, **node.params), n, axis=axis)


def _sum_below(above):
    return lambda op, heads: op is sum_op and heads[0] is above


PICKS = [
    NodeRule("sum(unpick(g)) -> g", _sum_below(unpick), _sum_of_row),
    NodeRule("sum(assume_size(x)) -> assume_size(sum(x))", _sum_below(assume_size),
             _sum_of_assumed),
    Rule(gather(x, iota(n, dtype=dtype), y), one_of_each_row, shared=True,
         name="x[arange(n), y] -> pick"),
    Rule(scatter_add(broadcast_to_op(0, n, m), x, iota(n, dtype=dtype), y), into_each_row,
         shared=True, name="zeros with x added at [arange(n), y] -> unpick"),
]

UPDATES = [*GEMM, *PARTS]
