"""Means, variances, ranges and norms: what is composed of reductions."""
import numpy as np

from cytensor.ops import elementwise as ew
from cytensor.ops.axes import permuted
from cytensor.ops.reduce import max, min, sum_op, sum
from cytensor.ops.registry import KIND, dtype_of, normal_axes, structured, to_dtype
from cytensor.ops.views import as_size, as_tensor_variable, product, sizes_of


def _count(x, axis):
    """The number of elements along axes, as a size."""
    sizes = sizes_of(x)
    return product([sizes[i] for i in axis])


def _float_dtype(dtype):
    """The dtype of a mean: integers give float64."""
    return dtype if KIND[dtype] in "fc" else "float64"


def mean(x, axis=None, dtype=None, op=False, keepdims=False, acc_dtype=None):
    """Return the mean along axes.

    Parameters
    ----------
    x : Variable
    axis : int or tuple of int, optional
        By default all.
    dtype : str, optional
        Of the result; by default that of ``x``, but float64 for integers.
    op : bool
        Taken for Theano's sake.
    keepdims : bool
        Whether the axes stay, with size 1.
    acc_dtype : str, optional
        In which to add; by default ``dtype``, but float32 for float16.

    Returns
    -------
    Variable
        NaN for nothing.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> T.mean(T.bvector("x")).type
    TensorType(float64, scalar)
    """
    x = as_tensor_variable(x)
    dtype = _float_dtype(x.type.dtype) if dtype is None else np.dtype(dtype).name
    if acc_dtype is None:
        acc_dtype = "float32" if dtype == "float16" else dtype
    acc_dtype = _float_dtype(np.dtype(acc_dtype).name)
    axis = normal_axes(axis, x.type.ndim, "mean")
    total = sum_op(to_dtype(x, acc_dtype), axis=axis, keepdims=bool(keepdims))
    return to_dtype(total / count_along(x, axis, acc_dtype), dtype)


def mean_of_floats(x, axis):
    """Return the mean along axes, which stay."""
    return sum_op(x, axis=axis, keepdims=True) / count_along(x, axis, x.type.dtype)


def count_along(x, axis, dtype):
    """Return the number of elements along axes, in a dtype of floats."""
    return to_dtype(as_size(_count(x, axis)), dtype)


def _expand_deviations(x, *, axis):
    return sum_op(ew.sqr(x - mean_of_floats(x, axis)), axis=axis, keepdims=True)


def _deviations_vjp(g, out, x, *, axis):
    """The mean adds nothing to the slope: it lies where the sum is smallest."""
    return ((2 * g) * (x - mean_of_floats(x, axis)),)


squared_deviations = structured(
    "squared_deviations", dtype_of(0),
    lambda S, shapes, inputs, *, axis: tuple([
        1 if i in axis else n for i, n in enumerate(shapes[0])]),
    _deviations_vjp, kind="composite", expand=_expand_deviations,
    doc="sum((x - mean(x))**2) along axes, which stay.")


def var(x, axis=None, ddof=0, keepdims=False, corrected=False, dtype=None):
    """Return the variance along axes, in two passes.

    Parameters
    ----------
    x : Variable
    axis : int or tuple of int, optional
        By default all.
    ddof : int
        The sum of squares is divided by the number of elements less ``ddof``.
    keepdims : bool
        Whether the axes stay, with size 1.
    corrected : bool
        Whether to correct for the error of the mean by a third sum.
    dtype : str, optional
        Of the result; by default that of ``x``, but float64 for integers.

    Returns
    -------
    Variable
        Real, also for complex ``x``.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> T.var(T.fmatrix("x"), axis=0, ddof=1).type
    TensorType(float32, vector)
    """
    x = as_tensor_variable(x)
    dtype = _float_dtype(x.type.dtype) if dtype is None else np.dtype(dtype).name
    axis = normal_axes(axis, x.type.ndim, "var")
    x = to_dtype(x, "float32" if dtype == "float16" else dtype)
    total = _deviations(x, axis)
    n = count_along(x, axis, total.type.dtype)
    if corrected:
        total = total - ew.sqr(sum_op(x - mean_of_floats(x, axis), axis=axis, keepdims=True)) / n
    if not keepdims:
        total = permuted(total, [i for i in range(x.type.ndim) if i not in axis])
    out = total / (n - ddof if ddof else n)
    return to_dtype(out, "float16") if dtype == "float16" else out


def _deviations(x, axis):
    """The sum of squared distances from the mean along axes, which stay."""
    if KIND[x.type.dtype] != "c":
        return squared_deviations(x, axis=axis)
    off = x - mean_of_floats(x, axis)
    return sum_op(ew.sqr(ew.real(off)) + ew.sqr(ew.imag(off)), axis=axis, keepdims=True)


def std(x, axis=None, ddof=0, keepdims=False, corrected=False, dtype=None):
    """Return the standard deviation along axes: the square root of ``var``.

    Parameters
    ----------
    x : Variable
    axis : int or tuple of int, optional
        By default all.
    ddof : int
        The sum of squares is divided by the number of elements less ``ddof``.
    keepdims : bool
        Whether the axes stay, with size 1.
    corrected : bool
        Whether to correct for the error of the mean by a third sum.
    dtype : str, optional
        Of the result; by default that of ``x``, but float64 for integers.

    Returns
    -------
    Variable

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> T.std(T.fmatrix("x"), keepdims=True).type.shape
    (1, 1)
    """
    return ew.sqrt(var(x, axis, ddof, keepdims, corrected, dtype))


def ptp(x, axis=None, keepdims=False):
    """Return the largest element less the smallest, along axes.

    Parameters
    ----------
    x : Variable
    axis : int or tuple of int, optional
        By default all.
    keepdims : bool
        Whether the axes stay, with size 1.

    Returns
    -------
    Variable

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> T.ptp(T.fmatrix("x"), axis=0).type
    TensorType(float32, vector)
    """
    return max(x, axis, keepdims) - min(x, axis, keepdims)

# ----- norms -----

def norm(x, ord=2, axis=None, keepdims=False):
    """Return a vector norm along axes: ``sum(abs(x)**ord)**(1/ord)``.

    Parameters
    ----------
    x : Variable
    ord : number
        2 by default; ``inf`` takes the largest, ``-inf`` the smallest absolute value, and 0 counts
        what is not zero.
    axis : int or tuple of int, optional
        By default all: several axes are taken as one vector.
    keepdims : bool
        Whether the axes stay, with size 1.

    Returns
    -------
    Variable

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> T.norm(T.fmatrix("x"), 1, axis=0).type
    TensorType(float32, vector)
    """
    x = as_tensor_variable(x)
    x = to_dtype(x, _float_dtype(x.type.dtype))
    size = ew.abs(x) if ord != 2 or KIND[x.type.dtype] == "c" else x
    if ord == 2:
        return ew.sqrt(sum(ew.sqr(size), axis, keepdims=keepdims))
    if ord == 1:
        return sum(size, axis, keepdims=keepdims)
    if ord in (np.inf, -np.inf):
        return (max if ord > 0 else min)(size, axis, keepdims)
    if ord == 0:
        return sum(ew.neq(x, 0), axis, dtype=size.type.dtype, keepdims=keepdims)
    return ew.pow(sum(ew.pow(size, ord), axis, keepdims=keepdims), 1 / ord)
