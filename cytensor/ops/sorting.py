"""Sorting: values, places, the largest few, and where values belong in sorted vectors.

Kernels sort along the last axis, and stably; the functions bring other axes there. NaN counts as
larger than all numbers, as in NumPy.
"""
import numpy as np

from cytensor._core import Constant, Variable
from cytensor.ops import elementwise as ew
from cytensor.ops.axes import swapaxes
from cytensor.ops.gather import gather
from cytensor.ops.registry import KIND, dtype_of, normal_axis, structured, to_dtype
from cytensor.ops.select import take_along_axis
from cytensor.ops.views import as_size, as_tensor_variable, promoted, reshaped

# ----- the ops -----

def _has_axis(inputs, params):
    x, = inputs
    if x.type.ndim == 0:
        raise np.exceptions.AxisError("axis -1 is out of bounds for array of dimension 0")
    return [x]


def _sort_vjp(g, out, x):
    """What went to a place comes from where the value was: argsort undoes itself."""
    return (take_along_axis(g, argsort_op(argsort_op(x)), -1),)


sort_op = structured(
    "sort", dtype_of(0), lambda S, shapes, inputs: shapes[0], _sort_vjp, coerce=_has_axis,
    doc="Sort along the last axis.")

argsort_op = structured(
    "argsort", lambda x: "int64", lambda S, shapes, inputs: shapes[0],
    lambda g, out, x: (None,), coerce=_has_axis,
    doc="The places of the elements in sorted order, along the last axis; stable.")


def _argtopk_sizes(S, shapes, inputs):
    *rest, n = shapes[0]
    k = S.value(inputs[1])
    count = S.max(k, 0 - k)
    S.check(count, "topk: kth must not be 0")
    S.check(S.lt(count, n + 1), "topk: kth = {a}, but the axis has {b} elements", k, n)
    return (*rest, count)


argtopk_op = structured(
    "argtopk", lambda x, k: "int64", _argtopk_sizes, lambda g, out, x, k: (None, None),
    coerce=lambda inputs, params: [*_has_axis(inputs[:1], params), as_size(inputs[1])],
    doc="The places of the k largest (or -k smallest) along the last axis, the largest first.")


def _searchsorted_sizes(S, shapes, inputs, *, right):
    if len(shapes[0]) != 1:
        raise ValueError(f"searchsorted: x is a vector, not {len(shapes[0])}-d")
    return shapes[1]


searchsorted_op = structured(
    "searchsorted", lambda x, v, *, right: "int64", _searchsorted_sizes,
    lambda g, out, x, v, *, right: (None, None), coerce=promoted,
    iparams=lambda *, right: (int(right),),
    doc="Where values belong in a sorted vector: before equal ones, or behind them.")

# ----- arguments -----

_KINDS = ("quicksort", "mergesort", "heapsort", "stable", None)


def _check_kind(kind, order, what):
    if kind not in _KINDS:
        raise ValueError(f"{what}: kind is one of {', '.join(map(repr, _KINDS[:-1]))}, "
                         f"not {kind!r}")
    if order is not None:
        raise ValueError(f"{what}: cannot specify order when the array has no fields")


def _fixed_axis(axis, what):
    """Return an axis as an int; a constant will do."""
    if isinstance(axis, Constant):
        axis = axis.data
    if isinstance(axis, np.ndarray | float) and axis == int(axis):
        return int(axis)
    if isinstance(axis, Variable):
        raise TypeError(f"{what}: the axis must be known, not {axis!r}")
    return axis


def _along(op, x, axis, what):
    """Apply an op of the last axis along another; None takes ``x`` as a vector."""
    x = as_tensor_variable(x)
    if axis is None:
        return op(reshaped(x, [-1]))
    axis = normal_axis(_fixed_axis(axis, what), x.type.ndim, what)
    if axis == x.type.ndim - 1:
        return op(x)
    return swapaxes(op(swapaxes(x, axis, -1)), axis, -1)


def _along_any(op, x, axis, what):
    """As ``_along``; the axis may be a variable, and then each one is tried."""
    if not isinstance(axis, Variable) or isinstance(axis, Constant):
        return _along(op, x, axis, what)
    x = as_tensor_variable(x)
    axis = ew.mod(as_tensor_variable(axis), x.type.ndim)
    out = _along(op, x, -1, what)
    for i in range(x.type.ndim - 1):
        out = ew.switch(ew.eq(axis, i), _along(op, x, i, what), out)
    return out


# ----- what users call -----

def sort(a, axis=-1, kind="quicksort", order=None):
    """Return a sorted copy of an array.

    Parameters
    ----------
    a : Variable
    axis : int or 0-d variable, optional
        None sorts ``a`` as a vector, in C order.
    kind : {'quicksort', 'mergesort', 'heapsort', 'stable'}
        Taken for NumPy's sake: the order is the same with each.
    order : None
        Taken for NumPy's sake: arrays have no fields.

    Returns
    -------
    Variable
        NaN comes last. The gradient follows each element to its place.

    Raises
    ------
    AxisError
        If ``a`` has no such axis.
    ValueError
        If ``kind`` is not known, or ``order`` is given.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> T.sort(T.constant([3.0, 1.0, 2.0])).eval()
    array([1., 2., 3.])
    """
    _check_kind(kind, order, "sort")
    return _along_any(sort_op, a, axis, "sort")


def argsort(a, axis=-1, kind="quicksort", order=None):
    """Return the indices that sort an array.

    Parameters
    ----------
    a : Variable
    axis : int or 0-d variable, optional
        None sorts ``a`` as a vector, in C order.
    kind : {'quicksort', 'mergesort', 'heapsort', 'stable'}
        Taken for NumPy's sake: the order is stable with each.
    order : None
        Taken for NumPy's sake: arrays have no fields.

    Returns
    -------
    Variable, int64

    Raises
    ------
    AxisError
        If ``a`` has no such axis.
    ValueError
        If ``kind`` is not known, or ``order`` is given.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> T.argsort(T.constant([3.0, 1.0, 2.0])).eval()
    array([1, 2, 0])
    """
    _check_kind(kind, order, "argsort")
    return _along_any(argsort_op, a, axis, "argsort")


def _topk_places(x, kth, axis, what):
    """Return (x with the axis last, the places along it, a function that puts the axis back)."""
    x = as_tensor_variable(x)
    if x.type.ndim == 0:
        raise ValueError(f"{what}: x needs at least one axis")
    if KIND[x.type.dtype] == "c":
        raise TypeError(f"{what} is not defined for {x.type.dtype}")
    if axis is None:
        x, axis = reshaped(x, [-1]), 0
    axis = normal_axis(_fixed_axis(axis, what), x.type.ndim, what)
    last = swapaxes(x, axis, -1)
    if isinstance(kth, int | np.integer) and kth == 0:
        raise ValueError(f"{what}: kth must not be 0")
    return last, argtopk_op(last, kth), lambda out: swapaxes(out, axis, -1)


def _index_dtype(dtype, what):
    dtype = np.dtype(dtype).name
    if KIND.get(dtype) not in ("i", "u"):
        raise TypeError(f"{what}: idx_dtype is an integer dtype, not {dtype!r}")
    return dtype


def topk(x, kth, axis=-1, sorted=True, idx_dtype="int64"):
    """Return the largest or smallest few elements along an axis.

    Parameters
    ----------
    x : Variable
    kth : int or 0-d variable
        How many of the largest; if negative, how many of the smallest. Not 0.
    axis : int, optional
        None takes ``x`` as a vector, in C order.
    sorted : bool
        Taken for Theano's sake: the largest always comes first.
    idx_dtype : str
        Taken for Theano's sake.

    Returns
    -------
    Variable

    Raises
    ------
    ValueError
        If ``kth`` is 0, or the axis is shorter, now or in the run.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> T.topk(T.constant([3.0, 1.0, 2.0]), 2).eval()
    array([3., 2.])
    """
    return topk_and_argtopk(x, kth, axis, sorted, idx_dtype)[0]


def argtopk(x, kth, axis=-1, sorted=True, idx_dtype="int64"):
    """Return where the largest or smallest few elements along an axis are.

    Parameters
    ----------
    x : Variable
    kth : int or 0-d variable
        How many of the largest; if negative, how many of the smallest. Not 0.
    axis : int, optional
        None takes ``x`` as a vector, in C order.
    sorted : bool
        Taken for Theano's sake: the place of the largest always comes first.
    idx_dtype : str
        An integer dtype.

    Returns
    -------
    Variable
        Of equal elements, those that stand first count.

    Raises
    ------
    ValueError
        If ``kth`` is 0, or the axis is shorter, now or in the run.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> T.argtopk(T.constant([3.0, 1.0, 2.0]), -2).eval()
    array([2, 1])
    """
    _, places, back = _topk_places(x, kth, axis, "argtopk")
    return to_dtype(back(places), _index_dtype(idx_dtype, "argtopk"))


def topk_and_argtopk(x, kth, axis=-1, sorted=True, idx_dtype="int64"):
    """Return the largest or smallest few elements along an axis, and where they are.

    Parameters
    ----------
    x : Variable
    kth : int or 0-d variable
        How many of the largest; if negative, how many of the smallest. Not 0.
    axis : int, optional
        None takes ``x`` as a vector, in C order.
    sorted : bool
        Taken for Theano's sake: the largest always comes first.
    idx_dtype : str
        An integer dtype.

    Returns
    -------
    list of Variable
        The elements, and their places.

    Raises
    ------
    ValueError
        If ``kth`` is 0, or the axis is shorter, now or in the run.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> [out.type for out in T.topk_and_argtopk(T.fmatrix("x"), 1)]
    [TensorType(float32, col), TensorType(int64, col)]
    """
    dtype = _index_dtype(idx_dtype, "topk")
    last, places, back = _topk_places(x, kth, axis, "topk")
    values = back(take_along_axis(last, places, -1))
    return [values, to_dtype(back(places), dtype)]


def searchsorted(x, v, side="left", sorter=None):
    """Return where values belong in a sorted vector.

    Parameters
    ----------
    x : Variable, 1-d
        In ascending order, or put into it by ``sorter``.
    v : Variable or array_like
    side : {'left', 'right'}
        Whether a value belongs before the elements that equal it, or behind them.
    sorter : Variable, 1-d integers, optional
        Indices that sort ``x``, such as those of ``argsort``.

    Returns
    -------
    Variable, int64
        In the shape of ``v``.

    Raises
    ------
    ValueError
        If ``x`` or ``sorter`` is not 1-d, or ``side`` is something else.
    TypeError
        If ``sorter`` does not hold integers, or the dtype is complex.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> T.searchsorted([1, 2, 3, 4, 5], [-10, 10, 2, 3]).eval()
    array([0, 5, 1, 2])
    """
    if side not in ("left", "right"):
        raise ValueError(f"searchsorted: side is 'left' or 'right', not {side!r}")
    x, v = as_tensor_variable(x), as_tensor_variable(v)
    for values in (x, v):
        if KIND[values.type.dtype] == "c":
            raise TypeError(f"searchsorted is not defined for {values.type.dtype}")
    if sorter is not None:
        sorter = as_tensor_variable(sorter)
        if sorter.type.ndim != 1:
            raise ValueError(f"searchsorted: sorter is a vector, not {sorter.type.ndim}-d")
        if KIND[sorter.type.dtype] not in "iu":
            raise TypeError(f"searchsorted: sorter holds integers, not {sorter.type.dtype}")
        x = gather(x, sorter)
    return searchsorted_op(x, v, right=side == "right")
