"""The shapes of cotangents: what broadcasting did is undone, and small things stay small.

A cotangent may be smaller than the variable it belongs to: where it lacks an axis, or has size 1,
it is the same all along that axis of the variable. So the gradient of ``sum(x)`` stays a number
until something asks for more.

Variables that are no arrays may have gradients, too: those whose type has a ``dtype`` of floats.
Such a type says what fits as a cotangent, ``type.cotangent(g)``, and what is zero,
``type.zeros(x)``; its variables can be added.
"""
from cytensor import config
from cytensor._core import TensorType, Variable
from cytensor.ops.elementwise import add, mul, real
from cytensor.ops.reduce import sum_op
from cytensor.ops.registry import KIND, cast, scalar_like
from cytensor.ops.views import broadcast_to_op, dimshuffle_op, product, sizes_of, spread

ZERO = object()         # the cotangent of what is connected, but has no influence


def is_float(x):
    """Whether ``x`` may have a gradient other than zero."""
    return KIND.get(getattr(x.type, "dtype", None)) in ("f", "c")


def number_like(value, x):
    """A 0-d constant of the dtype of ``x``; of ``floatX``, where that is no float."""
    return scalar_like(value, x.type.dtype if is_float(x) else config.floatX)


def expand(g, x):
    """Return the cotangent ``g`` in the full shape of ``x``."""
    if not isinstance(x.type, TensorType):
        return g
    have, want = g.type.shape, x.type.shape
    if len(have) == len(want) and all(m != 1 or n == 1 for m, n in zip(have, want)):
        return g
    return spread(g, sizes_of(x))


def zeros(x):
    """Return a zero cotangent in the full shape of ``x``."""
    if not isinstance(x.type, TensorType):
        return x.type.zeros(x)
    return expand(number_like(0, x), x)


def fit(g, x, out=None):
    """Return a contribution to the gradient of ``x`` in its dtype, and no larger than it.

    Parameters
    ----------
    g : Variable or number
        What the rule returned.
    x : Variable
        An input of the node.
    out : Variable, optional
        The output of the node, if that is elementwise. Where ``x`` was broadcast and ``g`` is the
        same all along the axis, the sum is a product with the size of ``out``.
    """
    if not isinstance(x.type, TensorType):
        return x.type.cotangent(g)
    if not isinstance(g, Variable):
        g = number_like(g, x)
    if out is not None and out.type.shape != x.type.shape:
        g = _count_missing(g, x, out)
    if g.type.shape != x.type.shape:
        g = _sum_excess(g, x)
    return _to_dtype(g, x.type.dtype)


def _to_dtype(g, dtype):
    if KIND[g.type.dtype] == "c" and KIND[dtype] != "c":
        g = real(g)
    return g if g.type.dtype == dtype else cast(g, dtype=dtype)


def _varies(x, axis):
    """Whether ``x`` may differ along an axis, which is counted from the end (-1 is the last)."""
    return x.type.ndim >= -axis and x.type.shape[axis] != 1


def _count_missing(g, x, out):
    """Multiply by the sizes of the axes along which ``x`` was broadcast and ``g`` is constant."""
    ndim = out.type.ndim
    count = product([n for axis, n in enumerate(sizes_of(out), -ndim)
                     if _varies(out, axis) and not _varies(g, axis) and not _varies(x, axis)])
    if type(count) is int:
        return g if count == 1 else mul(g, scalar_like(float(count), g.type.dtype))
    return mul(g, cast(count, dtype=g.type.dtype))


def _sum_excess(g, x):
    """Sum over the axes along which ``g`` varies and ``x`` does not."""
    ndim, extra = g.type.ndim, max(g.type.ndim - x.type.ndim, 0)
    axes = [i for i in range(ndim) if _varies(g, i - ndim) and not _varies(x, i - ndim)]
    if axes:
        g = sum_op(g, axis=tuple(axes), keepdims=True)
    if extra:
        g = dimshuffle_op(g, order=tuple(range(extra, ndim)))
    return g


def unspread(g, before):
    """Make a cotangent small again: undo repetition, and axes of size 1 in front.

    The nodes ``before`` are left alone.
    """
    while g.owner is not None and g.owner not in before and (
            g.owner.op is broadcast_to_op or _pads_left(g.owner)):
        g = g.owner.inputs[0]
    return g


def _pads_left(node):
    if node.op is not dimshuffle_op:
        return False
    order, ndim = node.params["order"], node.inputs[0].type.ndim
    extra = len(order) - ndim
    return order == (-1,) * extra + tuple(range(ndim))


def total(a, b):
    """Add two contributions, either of which may be None."""
    if a is None or b is None:
        return b if a is None else a
    return add(a, b) if isinstance(a.type, TensorType) else a + b
