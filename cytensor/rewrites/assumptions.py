"""ASSUMED: rewrites that hold for the sizes that nearly all calls have.

``p[arange(y.shape[0]), y]`` may leave out rows of ``p``, but hardly ever does. Where its rows are
taken to be as many as y's entries, it is a pick, which fuses with the work around it. A call for
which that is wrong runs a program that was made without these rules.
"""
from cytensor._core import Constant
from cytensor.ops.gather import gather, pick, scatter_add, unpick
from cytensor.ops.generate import iota
from cytensor.ops.views import assume_size, broadcast_to_op, sizes_of, spread
from cytensor.rewrites.patterns import Rule, any_param, holes
from cytensor.rewrites.shapes import is_size_of

x, y, n, m, k = holes("x y n m k")
dtype = any_param("dtype")


def _known(n):
    """The value of a 0-d variable, if it is a constant."""
    return int(n.data) if isinstance(n, Constant) else None


def _may_be(n, size):
    """Whether a 0-d variable and a size that a type knows, or not, may be equal."""
    return size is None or _known(n) in (None, size)


def _one_per_row(x, n, y):
    if x.type.ndim != 2 or y.type.ndim != 1 or y.type.shape[0] == 1 or is_size_of(n, x, 0):
        return None
    if not _may_be(n, x.type.shape[0]) or not _may_be(n, y.type.shape[0]):
        return None
    return pick(assume_size(x, n, axis=0), y)


def _one_into_each_row(x, n, y, k, m):
    if y.type.ndim != 1 or y.type.shape[0] == 1 or k is n:
        return None
    if not _may_be(n, _known(k)) or not _may_be(k, y.type.shape[0]):
        return None
    rows = unpick(spread(x, sizes_of(y)) if x.type.shape == (1,) else x, y, m)
    return assume_size(rows, k, axis=0)


ASSUMED = [
    Rule(gather(x, iota(n, dtype=dtype), y), _one_per_row, shared=True,
         name="x[arange(n), y] -> pick, if x has n rows"),
    Rule(scatter_add(broadcast_to_op(0, k, m), x, iota(n, dtype=dtype), y), _one_into_each_row,
         shared=True, name="zeros((k, m)) with x added at [arange(n), y] -> unpick, if k is n"),
]
