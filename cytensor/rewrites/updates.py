"""FASTER, continued: products that are added, and parts that are written, in place of whole arrays.

``W - rate * x.T @ g`` is one gemm into a copy of W (or into W itself, where the engine sees that
nobody needs it any more); the gradient of an embedding touches the rows that were read.
"""
from cytensor.ops.gather import gather, pick, scatter_add, unpick
from cytensor.ops.generate import iota
from cytensor.ops.linear import gemm as gemm_op
from cytensor.ops.linear import matmul_op
from cytensor.ops.registry import KIND, scalar_like
from cytensor.ops.subtensor import inc_subtensor_op, subtensor
from cytensor.ops.views import broadcast_to_op
from cytensor.rewrites.patterns import Rule, any_param, holes, rest
from cytensor.rewrites.shapes import is_size_of

a, b, c, s, t, x, y, n, m = holes("a b c s t x y n m")
alpha, beta = holes("alpha beta")
indices, dims = rest("indices"), rest("dims")
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

zeros = broadcast_to_op(0, dims)
increment = inc_subtensor_op(zeros, y, indices, index=index, set=False)
scattered = scatter_add(zeros, y, indices)

PARTS = [
    Rule(s * increment, inc_subtensor_op(zeros, s * y, indices, index=index, set=False),
         where=is_scalar),
    Rule(-increment, inc_subtensor_op(zeros, -y, indices, index=index, set=False)),
    Rule(x + increment, inc_subtensor_op(x, y, indices, index=index, set=False)),
    Rule(x - increment, inc_subtensor_op(x, -y, indices, index=index, set=False)),
    Rule(s * scattered, scatter_add(zeros, s * y, indices), where=is_scalar),
    Rule(-scattered, scatter_add(zeros, -y, indices)),
    Rule(x + scattered, scatter_add(x, y, indices)),
    Rule(x - scattered, scatter_add(x, -y, indices)),
]


# ----- one element of each row -----

def one_of_each_row(x, n, y):
    """Return x[arange(n), y] as `pick`."""
    if x.type.ndim != 2 or y.type.ndim != 1 or y.type.shape[0] == 1:
        return None
    if not is_size_of(n, x, 0):
        x = subtensor(x, n, index=(("slice", 0, ("arg", 0), 1),))
    return pick(x, y)


def into_each_row(x, m, y):
    """Return zeros((n, m)) with x added at [arange(n), y], as `unpick`."""
    full = x.type.ndim == y.type.ndim == 1 and x.type.shape == y.type.shape
    return unpick(x, y, m) if full else None


PICKS = [
    Rule(gather(x, iota(n, dtype=dtype), y), one_of_each_row, name="x[arange(n), y] -> pick"),
    Rule(scatter_add(broadcast_to_op(0, n, m), x, iota(n, dtype=dtype), y), into_each_row,
         name="zeros with x added at [arange(n), y] -> unpick"),
]

UPDATES = [*PICKS, *GEMM, *PARTS]
