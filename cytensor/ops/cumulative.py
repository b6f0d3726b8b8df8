"""Running sums and products, differences, and the linear recurrence that is their gradient.

``y[k] = a[k] * y[k-1] + b[k]`` is closed under gradient, and needs no division: so the gradients
of products are right where a factor is zero, to every order.
"""
import numpy as np

from cytensor.ops import elementwise as ew
from cytensor.ops.axes import permuted
from cytensor.ops.generate import filled
from cytensor.ops.registry import dtype_of, normal_axis, structured, to_dtype
from cytensor.ops.subtensor import WHOLE, inc_subtensor_op, subtensor
from cytensor.ops.views import as_tensor_variable, product, promoted, reshaped, sizes_of

# ----- along one axis -----

def backwards(x, axis):
    """Return ``x`` in reverse order along one axis."""
    return subtensor(x, index=(WHOLE,) * axis + (("slice", None, None, -1),))


def shifted(x, axis, places, first):
    """Return ``x`` moved by one place along an axis; ``first`` fills the place that is free."""
    before, after = ("slice", None, -1, None), ("slice", 1, None, None)
    source, target = (before, after) if places > 0 else (after, before)
    whole = (WHOLE,) * axis
    return inc_subtensor_op(filled(first, sizes_of(x), x.type.dtype),
                            subtensor(x, index=(*whole, source)),
                            index=(*whole, target), set=True)


# ----- the ops -----

def _along_axis(name, vjp, doc):
    return structured(name, dtype_of(0), lambda S, shapes, inputs, *, axis: shapes[0], vjp,
                      iparams=lambda *, axis: (axis,), doc=doc)


def _cumsum_vjp(g, out, x, *, axis):
    return (backwards(cumsum_op(backwards(g, axis), axis=axis), axis),)


def _cumprod_vjp(g, out, x, *, axis):
    """The products of what is before, times what is after: s[k] = g[k] + x[k+1] * s[k+1]."""
    return (_product_before(x, axis) * _carried_back(x, g, axis),)


cumsum_op = _along_axis("cumsum", _cumsum_vjp, "Running sums along one axis.")
cumprod_op = _along_axis("cumprod", _cumprod_vjp, "Running products along one axis.")


def _product_before(x, axis):
    return cumprod_op(shifted(x, axis, 1, 1), axis=axis)


def _carried_back(a, g, axis):
    """s[k] = g[k] + a[k+1] * s[k+1]: the recurrence from the end."""
    a = backwards(shifted(a, axis, -1, 0), axis)
    return backwards(recurrence(a, backwards(g, axis), axis=axis), axis)


def _recurrence_sizes(S, shapes, inputs, *, axis):
    return tuple([S.equal(n, m, "recurrence: a has size {a} where b has {b}")
                  for n, m in zip(*shapes)])


def _recurrence_vjp(g, y, a, b, *, axis):
    to_b = _carried_back(a, g, axis)
    return to_b * shifted(y, axis, 1, 0), to_b


recurrence = structured(
    "recurrence", dtype_of(0), _recurrence_sizes, _recurrence_vjp, coerce=promoted,
    iparams=lambda *, axis: (axis,),
    doc="y[k] = a[k] * y[k-1] + b[k] along one axis, from y[-1] = 0.")


# ----- products that leave one factor out -----

def products_of_others(x, axis):
    """Return, for each element, the product of all others along ``axis`` (a tuple)."""
    if not axis:
        return filled(1, sizes_of(x), x.type.dtype)
    if len(axis) == 1:
        return _others(x, axis[0])
    sizes = sizes_of(x)
    order = [*[i for i in range(x.type.ndim) if i not in axis], *axis]
    moved = permuted(x, order)
    last = x.type.ndim - len(axis)
    merged = [*[sizes[i] for i in order[:last]], product([sizes[i] for i in axis])]
    others = reshaped(_others(reshaped(moved, merged), last), [sizes[i] for i in order])
    return permuted(others, [order.index(i) for i in range(x.type.ndim)])


def _others(x, axis):
    after = backwards(_product_before(backwards(x, axis), axis), axis)
    return _product_before(x, axis) * after


# ----- what users call -----

def _running(op, x, axis, dtype):
    x = as_tensor_variable(x)
    if axis is None:
        x, axis = reshaped(x, [-1]), 0
    axis = normal_axis(axis, x.type.ndim, op.name)
    own = "int64" if x.type.dtype == "bool" else x.type.dtype
    dtype = own if dtype is None else np.dtype(dtype).name
    work = "float32" if dtype == "float16" else dtype
    return to_dtype(op(to_dtype(x, work), axis=axis), dtype)


def cumsum(x, axis=None, dtype=None):
    """Return running sums.

    Parameters
    ----------
    x : Variable
    axis : int, optional
        By default ``x`` is taken as a vector, in C order.
    dtype : str, optional
        By default that of ``x``; int64 for bool.

    Returns
    -------
    Variable

    Raises
    ------
    AxisError
        If ``x`` has no such axis.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> T.cumsum(T.fmatrix("x"), axis=0).type
    TensorType(float32, matrix)
    """
    return _running(cumsum_op, x, axis, dtype)


def cumprod(x, axis=None, dtype=None):
    """Return running products.

    Parameters
    ----------
    x : Variable
    axis : int, optional
        By default ``x`` is taken as a vector, in C order.
    dtype : str, optional
        By default that of ``x``; int64 for bool.

    Returns
    -------
    Variable

    Raises
    ------
    AxisError
        If ``x`` has no such axis.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> T.cumprod(T.fmatrix("x"), axis=0).type
    TensorType(float32, matrix)
    """
    return _running(cumprod_op, x, axis, dtype)


def diff(x, n=1, axis=-1):
    """Return the differences between neighbours, ``n`` times over.

    Parameters
    ----------
    x : Variable
    n : int
        How often; each time the axis becomes shorter by one.
    axis : int

    Returns
    -------
    Variable
        Of truth values, whether neighbours differ.

    Raises
    ------
    AxisError
        If ``x`` has no such axis.
    ValueError
        If ``n`` is negative.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> T.diff(T.constant([1, 4, 9, 16])).eval()
    array([3, 5, 7])
    """
    x = as_tensor_variable(x)
    axis = normal_axis(axis, x.type.ndim, "diff")
    if n < 0:
        raise ValueError(f"diff: the order is not negative, but {n}")
    less = ew.neq if x.type.dtype == "bool" else ew.sub
    whole = (WHOLE,) * axis
    for _ in range(n):
        x = less(subtensor(x, index=(*whole, ("slice", 1, None, None))),
                 subtensor(x, index=(*whole, ("slice", None, -1, None))))
    return x
