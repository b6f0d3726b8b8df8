"""Reductions: sums, products, extremes, truth, and what is composed of them.

A reduce op works in one dtype and knows only its axes; the functions put casts around it. Integers
are added in 64 bits, and float16 in float32.
"""
import numpy as np

from cytensor.ops import elementwise as ew
from cytensor.ops.axes import permuted
from cytensor.ops.cumulative import products_of_others
from cytensor.ops.registry import KIND, normal_axes, structured, to_bool, to_dtype
from cytensor.ops.views import as_tensor_variable, product, reshaped, sizes_of, spread

# ----- the ops -----


def _reduced(shape, axis, keepdims):
    """The sizes that are left when ``axis`` is reduced."""
    if keepdims:
        return tuple([1 if i in axis else n for i, n in enumerate(shape)])
    return tuple([n for i, n in enumerate(shape) if i not in axis])


def _reduce_sizes(S, shapes, inputs, *, axis, keepdims):
    return _reduced(shapes[0], axis, keepdims)


def _extreme_sizes(name):
    """The size rule of a reduction that has no value for nothing."""
    def sizes(S, shapes, inputs, *, axis, keepdims):
        out = _reduced(shapes[0], axis, keepdims)
        S.check(S.lt(0, S.product([shapes[0][i] for i in axis])), "zero-size array to reduction "
                f"operation {name} which has no identity")
        return out
    return sizes


def kept(g, ndim, axis, keepdims):
    """Return a reduction's result with the reduced axes as axes of size 1."""
    if keepdims:
        return g
    order, left = [], 0
    for i in range(ndim):
        order.append(-1 if i in axis else left)
        left += i not in axis
    return permuted(g, order)


def _reduce(name, vjp=None, sizes=_reduce_sizes, **traits):
    return structured(name, lambda x, *, axis, keepdims: x.type.dtype, sizes, vjp,
                      kind="reduce", **traits)


def _sum_vjp(g, out, x, *, axis, keepdims):
    return (spread(kept(g, x.ndim, axis, keepdims), sizes_of(x)),)


def _prod_vjp(g, out, x, *, axis, keepdims):
    """Not out / x: a factor may be zero."""
    return (kept(g, x.ndim, axis, keepdims) * products_of_others(x, axis),)


def _extreme_vjp(g, out, x, *, axis, keepdims):
    """Each of the elements that are tied gets the full gradient."""
    g, out = kept(g, x.ndim, axis, keepdims), kept(out, x.ndim, axis, keepdims)
    return (ew.switch(ew.eq(x, out), g, 0),)


sum_op = _reduce("sum", _sum_vjp, doc="Add along axes.")
prod_op = _reduce("prod", _prod_vjp, doc="Multiply along axes.")
max_op = _reduce("max", _extreme_vjp, _extreme_sizes("max"), doc="The largest along axes.")
min_op = _reduce("min", _extreme_vjp, _extreme_sizes("min"), doc="The smallest along axes.")
all_op = _reduce("all", doc="Whether all are true, along axes.")
any_op = _reduce("any", doc="Whether any is true, along axes.")


def _arg_sizes(name):
    def sizes(S, shapes, inputs, *, axis):
        shape, = shapes
        out = shape[:axis] + shape[axis + 1:]
        S.check(S.lt(0, shape[axis]), f"attempt to get {name} of an empty sequence")
        return out
    return sizes


def _arg(name, doc):
    return structured(name, lambda x, *, axis: "int64", _arg_sizes(name),
                      lambda g, out, x, *, axis: (None,),
                      iparams=lambda *, axis: (axis,), doc=doc)


argmax_op = _arg("argmax", "Where the largest is, along one axis: the first of equals.")
argmin_op = _arg("argmin", "Where the smallest is, along one axis: the first of equals.")


# ----- dtypes -----

_ACCUMULATOR = {"bool": "int64", "int8": "int64", "int16": "int64", "int32": "int64",
                "uint8": "uint64", "uint16": "uint64", "uint32": "uint64",
                "float16": "float32"}


def _accumulated(op, x, axis, dtype, keepdims, acc_dtype, what):
    """Reduce in ``acc_dtype``, and return the result in ``dtype``."""
    x = as_tensor_variable(x)
    own = x.type.dtype
    if dtype is None:
        dtype = own if KIND[own] in "fc" else _ACCUMULATOR.get(own, own)
    dtype = np.dtype(dtype).name
    if acc_dtype is None:
        acc_dtype = _ACCUMULATOR.get(dtype, dtype) if KIND[dtype] == "f" else dtype
    axis = normal_axes(axis, x.type.ndim, what)
    x = to_dtype(x, np.dtype(acc_dtype).name)
    if x.type.dtype == "bool":          # where to add is to ask for any, to multiply for all
        op = {sum_op: any_op, prod_op: all_op}[op]
    out = op(x, axis=axis, keepdims=bool(keepdims))
    return to_dtype(out, dtype)


def _through_float32(op, x, **params):
    """Apply an op that float16 has no kernel for; for comparisons this is exact."""
    if x.type.dtype != "float16":
        return op(x, **params)
    return op(to_dtype(x, "float32"), **params)

# ----- sums and products -----

def sum(x, axis=None, dtype=None, keepdims=False, acc_dtype=None):
    """Add the elements along axes.

    Parameters
    ----------
    x : Variable
    axis : int or tuple of int, optional
        By default all.
    dtype : str, optional
        Of the result; by default that of ``x``, but 64 bits for integers.
    keepdims : bool
        Whether the axes stay, with size 1.
    acc_dtype : str, optional
        In which to add; by default ``dtype``, but float32 for float16.

    Returns
    -------
    Variable
        0 for nothing.

    Raises
    ------
    AxisError
        If ``x`` has no such axis.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> T.sum(T.bmatrix("x"), axis=0).type
    TensorType(int64, vector)
    """
    return _accumulated(sum_op, x, axis, dtype, keepdims, acc_dtype, "sum")


def prod(x, axis=None, dtype=None, keepdims=False, acc_dtype=None, no_zeros_in_input=False):
    """Multiply the elements along axes.

    Parameters
    ----------
    x : Variable
    axis : int or tuple of int, optional
        By default all.
    dtype : str, optional
        Of the result; by default that of ``x``, but 64 bits for integers.
    keepdims : bool
        Whether the axes stay, with size 1.
    acc_dtype : str, optional
        In which to multiply; by default ``dtype``, but float32 for float16.
    no_zeros_in_input : bool
        Taken for Theano's sake: the gradient is right with and without zeros.

    Returns
    -------
    Variable
        1 for nothing.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> T.prod(T.fmatrix("x"), axis=1).type
    TensorType(float32, vector)
    """
    return _accumulated(prod_op, x, axis, dtype, keepdims, acc_dtype, "prod")


# ----- extremes -----

def _extreme(op, for_bool, x, axis, keepdims):
    x = as_tensor_variable(x)
    if KIND[x.type.dtype] == "c":
        raise TypeError(f"{op.name} is not defined for {x.type.dtype}")
    op = for_bool if x.type.dtype == "bool" else op
    axis = normal_axes(axis, x.type.ndim, op.name)
    out = _through_float32(op, x, axis=axis, keepdims=bool(keepdims))
    return to_dtype(out, x.type.dtype)


def max(x, axis=None, keepdims=False):
    """Return the largest element along axes; NaN, if there is one.

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
        Where several are the largest, each gets the full gradient.

    Raises
    ------
    ValueError
        If there are no elements.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> T.max(T.fmatrix("x"), axis=0).type
    TensorType(float32, vector)
    """
    return _extreme(max_op, any_op, x, axis, keepdims)


def min(x, axis=None, keepdims=False):
    """Return the smallest element along axes; NaN, if there is one.

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
        Where several are the smallest, each gets the full gradient.

    Raises
    ------
    ValueError
        If there are no elements.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> T.min(T.fmatrix("x"), axis=0).type
    TensorType(float32, vector)
    """
    return _extreme(min_op, all_op, x, axis, keepdims)


def _to_last(x, axis):
    """Return ``x`` with some axes merged into one, which stands last."""
    rest = [i for i in range(x.type.ndim) if i not in axis]
    sizes = sizes_of(x)
    merged = product([sizes[i] for i in axis])
    return reshaped(permuted(x, [*rest, *axis]), [*[sizes[i] for i in rest], merged])


def _place(op, x, axis, keepdims):
    x = as_tensor_variable(x)
    if KIND[x.type.dtype] == "c":
        raise TypeError(f"{op.name} is not defined for {x.type.dtype}")
    ndim = x.type.ndim
    axes = normal_axes(axis, ndim, op.name)
    if len(axes) == 1:
        out = _through_float32(op, x, axis=axes[0])
    else:
        out = _through_float32(op, _to_last(x, axes), axis=ndim - len(axes))
    return kept(out, ndim, axes, False) if keepdims else out


def argmax(x, axis=None, keepdims=False):
    """Return where the largest element is, along axes: the first of equals.

    Parameters
    ----------
    x : Variable
    axis : int or tuple of int, optional
        By default all. Several axes are counted as one, in C order.
    keepdims : bool
        Whether the axes stay, with size 1.

    Returns
    -------
    Variable, int64

    Raises
    ------
    ValueError
        If there are no elements.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> T.argmax(T.fmatrix("x"), axis=1).type
    TensorType(int64, vector)
    """
    return _place(argmax_op, x, axis, keepdims)


def argmin(x, axis=None, keepdims=False):
    """Return where the smallest element is, along axes: the first of equals.

    Parameters
    ----------
    x : Variable
    axis : int or tuple of int, optional
        By default all. Several axes are counted as one, in C order.
    keepdims : bool
        Whether the axes stay, with size 1.

    Returns
    -------
    Variable, int64

    Raises
    ------
    ValueError
        If there are no elements.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> T.argmin(T.fmatrix("x"), axis=1).type
    TensorType(int64, vector)
    """
    return _place(argmin_op, x, axis, keepdims)


def max_and_argmax(x, axis=None, keepdims=False):
    """Return the largest element along axes, and where it is.

    Parameters
    ----------
    x : Variable
    axis : int or tuple of int, optional
        By default all.
    keepdims : bool
        Whether the axes stay, with size 1.

    Returns
    -------
    list of Variable
        The maximum, and its place (int64).

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> [out.type for out in T.max_and_argmax(T.fmatrix("x"), axis=1)]
    [TensorType(float32, vector), TensorType(int64, vector)]
    """
    return [max(x, axis, keepdims), argmax(x, axis, keepdims)]


# ----- truth -----

def all(x, axis=None, keepdims=False):
    """Test whether all elements along axes are true, that is, not zero.

    Parameters
    ----------
    x : Variable
    axis : int or tuple of int, optional
        By default all.
    keepdims : bool
        Whether the axes stay, with size 1.

    Returns
    -------
    Variable, bool
        True for nothing.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> T.all(T.fmatrix("x"), axis=1).type
    TensorType(bool, vector)
    """
    x = to_bool(as_tensor_variable(x))
    return all_op(x, axis=normal_axes(axis, x.type.ndim, "all"), keepdims=bool(keepdims))


def any(x, axis=None, keepdims=False):
    """Test whether any element along axes is true, that is, not zero.

    Parameters
    ----------
    x : Variable
    axis : int or tuple of int, optional
        By default all.
    keepdims : bool
        Whether the axes stay, with size 1.

    Returns
    -------
    Variable, bool
        False for nothing.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> T.any(T.fmatrix("x"), axis=1).type
    TensorType(bool, vector)
    """
    x = to_bool(as_tensor_variable(x))
    return any_op(x, axis=normal_axes(axis, x.type.ndim, "any"), keepdims=bool(keepdims))
