"""Norms of vectors and of matrices."""
import numpy as np

from cytensor.ops import elementwise as ew, reduce, statistics
from cytensor.ops.axes import moveaxis
from cytensor.ops.decompositions import svdvals_op
from cytensor.ops.registry import normal_axes, to_dtype
from cytensor.ops.stacks import lapack_dtype
from cytensor.ops.views import as_tensor_variable

#: Theano writes these as text.
_TEXTS = {"inf": np.inf, "-inf": -np.inf}


def _largest_sum(x, axis):
    return reduce.max(reduce.sum(ew.abs(x), axis=axis), axis=-1)


def _smallest_sum(x, axis):
    return reduce.min(reduce.sum(ew.abs(x), axis=axis), axis=-1)


_MATRIX = {
    None: lambda x: statistics.norm(x, 2, axis=(-2, -1)),
    "fro": lambda x: statistics.norm(x, 2, axis=(-2, -1)),
    "nuc": lambda x: reduce.sum(svdvals_op(x), axis=-1),
    np.inf: lambda x: _largest_sum(x, -1),
    -np.inf: lambda x: _smallest_sum(x, -1),
    1: lambda x: _largest_sum(x, -2),
    -1: lambda x: _smallest_sum(x, -2),
    2: lambda x: svdvals_op(x)[..., 0],
    -2: lambda x: svdvals_op(x)[..., -1],
}


def matrix_norm(x, ord, keepdims):
    """Return a norm of each matrix of a stack."""
    if ord not in _MATRIX:
        raise ValueError(f"Invalid norm order for matrices: {ord!r}")
    out = _MATRIX[ord](x)
    return out[..., None, None] if keepdims else out


def _vector_norm(x, ord, axis, keepdims):
    if isinstance(ord, str):
        raise ValueError(f"Invalid norm order for vectors: {ord!r}")
    return statistics.norm(x, 2 if ord is None else ord, axis, keepdims)


def norm(x, ord=None, axis=None, keepdims=False):
    """Return a norm of vectors or of matrices.

    Parameters
    ----------
    x : Variable or array_like
        With one or two axes, unless ``axis`` says more.
    ord : {None, "fro", "nuc", inf, -inf} or number
        None is the root of the sum of squares. Of vectors: any number; ``inf`` is the largest
        absolute value, 0 counts what is not zero. Of matrices: ``"fro"``, ``"nuc"`` (the sum of the
        singular values), 2 and -2 (the largest and the smallest one), 1 and -1, ``inf`` and
        ``-inf`` (the largest and the smallest sum of a column, or of a row).
    axis : int or pair of int, optional
        An axis of vectors, or two axes of matrices.
    keepdims : bool
        Whether the axes stay, with size 1.

    Returns
    -------
    Variable

    Raises
    ------
    ValueError
        If there is no such order.
    NotImplementedError
        If there are more than two axes and ``axis`` is None; ``tensor.norm`` takes them all.

    Examples
    --------
    >>> from cytensor.tensor import nlinalg
    >>> nlinalg.norm([[3.0, 0.0], [0.0, 4.0]]).eval()
    array(5.)
    """
    x, ord = as_tensor_variable(x), _TEXTS.get(ord, ord)
    x = to_dtype(x, lapack_dtype(x.type.dtype))
    if x.type.ndim == 0:
        raise ValueError("norm: a number has no axis to take a norm along")
    if axis is None:
        if x.type.ndim > 2:
            raise NotImplementedError(f"norm: x has {x.type.ndim} axes; say which ones are meant "
                                      "with axis=, or take tensor.norm for all")
        axis = tuple(range(x.type.ndim))
    axes = normal_axes(axis, x.type.ndim, "norm")
    if len(axes) == 1:
        return _vector_norm(x, ord, axes, keepdims)
    if len(axes) > 2:
        raise ValueError("norm: one axis, or two")
    order = [a % x.type.ndim for a in axis]        # rows, columns: not sorted
    out = matrix_norm(moveaxis(x, order, (-2, -1)), ord, keepdims)
    return moveaxis(out, (-2, -1), order) if keepdims else out
