"""Functions that exchange, add and drop axes. All are one ``dimshuffle``."""
from cytensor.ops.registry import normal_axes, normal_axis
from cytensor.ops.views import as_tensor_variable, dimshuffle_op


def permuted(x, order):
    """Return ``x`` with its axes in another order; -1 is a new axis of size 1."""
    order = tuple(order)
    return x if order == tuple(range(x.type.ndim)) else dimshuffle_op(x, order=order)


def dimshuffle(x, *pattern):
    """Exchange, add and drop axes.

    Parameters
    ----------
    x : Variable
    *pattern : int or 'x'
        For each axis of the result, the axis of ``x`` that it is; 'x' is a new one of size 1. Axes
        that are not named are dropped; they must have size 1. One sequence will do as well.

    Returns
    -------
    Variable

    Raises
    ------
    ValueError
        If an axis is named twice, is out of bounds, or is dropped though its size is not 1.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> T.dimshuffle(T.vector("x"), 0, "x").type
    TensorType(float64, col)
    """
    x = as_tensor_variable(x)
    if len(pattern) == 1 and isinstance(pattern[0], (tuple, list)):
        pattern, = pattern
    order = [-1 if item == "x" else normal_axis(item, x.type.ndim, "dimshuffle")
             for item in pattern]
    named = [axis for axis in order if axis >= 0]
    if len(set(named)) != len(named):
        raise ValueError(f"dimshuffle: an axis may not appear twice: {tuple(pattern)}")
    for axis, n in enumerate(x.type.shape):
        if axis not in order and n is None:
            raise ValueError("You cannot drop a non-broadcastable dimension: axis "
                             f"{axis} of {x!r} is not known to have size 1 (see addbroadcast)")
    return dimshuffle_op(x, order=tuple(order))


def transpose(x, axes=None):
    """Exchange axes.

    Parameters
    ----------
    x : Variable
    axes : sequence of int, optional
        For each axis of the result, the axis of ``x`` that it is. By default they are reversed.

    Returns
    -------
    Variable

    Raises
    ------
    ValueError
        If ``axes`` is not a permutation.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> T.transpose(T.zeros((2, 3, 4)), (0, 2, 1)).type.shape
    (2, 4, 3)
    """
    x = as_tensor_variable(x)
    ndim = x.type.ndim
    if axes is None:
        return permuted(x, range(ndim - 1, -1, -1))
    order = [normal_axis(axis, ndim, "transpose") for axis in axes]
    if sorted(order) != list(range(ndim)):
        raise ValueError(f"transpose: axes {tuple(axes)} do not match an array of {ndim} axes")
    return permuted(x, order)


def swapaxes(x, axis1, axis2):
    """Exchange two axes.

    Parameters
    ----------
    x : Variable
    axis1, axis2 : int

    Returns
    -------
    Variable

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> T.swapaxes(T.zeros((2, 3, 4)), 0, -1).type.shape
    (4, 3, 2)
    """
    x = as_tensor_variable(x)
    first = normal_axis(axis1, x.type.ndim, "swapaxes")
    second = normal_axis(axis2, x.type.ndim, "swapaxes")
    order = list(range(x.type.ndim))
    order[first], order[second] = second, first
    return permuted(x, order)


def moveaxis(x, source, destination):
    """Move axes to other places; the rest keep their order.

    Parameters
    ----------
    x : Variable
    source, destination : int or sequence of int

    Returns
    -------
    Variable

    Raises
    ------
    ValueError
        If the two name a different number of axes, or one twice.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> T.moveaxis(T.zeros((2, 3, 4)), 0, -1).type.shape
    (3, 4, 2)
    """
    x = as_tensor_variable(x)
    ndim = x.type.ndim
    source = _axis_list(source, ndim, "moveaxis")
    destination = _axis_list(destination, ndim, "moveaxis")
    if len(source) != len(destination):
        raise ValueError(f"moveaxis: {len(source)} axes to move to {len(destination)} places")
    order = [axis for axis in range(ndim) if axis not in source]
    for place, axis in sorted(zip(destination, source)):
        order.insert(place, axis)
    return permuted(x, order)


def _axis_list(axes, ndim, what):
    """Return axes counted from the front, in the order given."""
    axes = axes if isinstance(axes, (tuple, list)) else (axes,)
    normal_axes(axes, ndim, what)           # raises for one that is named twice
    return [normal_axis(axis, ndim, what) for axis in axes]


def squeeze(x, axis=None):
    """Drop axes of size 1.

    Parameters
    ----------
    x : Variable
    axis : int or tuple of int, optional
        By default all axes that are known to have size 1.

    Returns
    -------
    Variable

    Raises
    ------
    ValueError
        If an axis that is named does not have size 1, now or in the run.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> T.squeeze(T.zeros((1, 3, 1))).type.shape
    (3,)
    """
    x = as_tensor_variable(x)
    if axis is None:
        dropped = [i for i, n in enumerate(x.type.shape) if n == 1]
    else:
        dropped = normal_axes(axis, x.type.ndim, "squeeze")
    return permuted(x, [i for i in range(x.type.ndim) if i not in dropped])


def expand_dims(x, axis):
    """Add axes of size 1.

    Parameters
    ----------
    x : Variable
    axis : int or tuple of int
        Where the new axes stand in the result.

    Returns
    -------
    Variable

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> T.expand_dims(T.vector("x"), 0).type
    TensorType(float64, row)
    """
    x = as_tensor_variable(x)
    count = len(axis) if isinstance(axis, (tuple, list)) else 1
    new = normal_axes(axis, x.type.ndim + count, "expand_dims")
    old = iter(range(x.type.ndim))
    return permuted(x, [-1 if i in new else next(old) for i in range(x.type.ndim + count)])


def atleast_1d(x):
    """Return ``x`` with at least one axis.

    Parameters
    ----------
    x : Variable

    Returns
    -------
    Variable

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> T.atleast_1d(T.scalar("x")).type.shape
    (1,)
    """
    x = as_tensor_variable(x)
    return x if x.type.ndim else permuted(x, (-1,))


def atleast_2d(x):
    """Return ``x`` with at least two axes: a vector becomes a row.

    Parameters
    ----------
    x : Variable

    Returns
    -------
    Variable

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> T.atleast_2d(T.vector("x")).type
    TensorType(float64, row)
    """
    x = atleast_1d(x)
    return x if x.type.ndim > 1 else permuted(x, (-1, 0))


def atleast_3d(x):
    """Return ``x`` with at least three axes: a vector becomes ``x[None, :, None]``.

    Parameters
    ----------
    x : Variable

    Returns
    -------
    Variable

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> T.atleast_3d(T.matrix("x")).type.shape
    (None, None, 1)
    """
    x = atleast_2d(x)
    return x if x.type.ndim > 2 else permuted(x, (0, 1, -1))


def shape_padleft(x, n_ones=1):
    """Add ``n_ones`` axes of size 1 in front.

    Parameters
    ----------
    x : Variable
    n_ones : int

    Returns
    -------
    Variable

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> T.shape_padleft(T.vector("x")).type
    TensorType(float64, row)
    """
    x = as_tensor_variable(x)
    return permuted(x, [-1] * n_ones + list(range(x.type.ndim)))


def shape_padright(x, n_ones=1):
    """Add ``n_ones`` axes of size 1 at the end.

    Parameters
    ----------
    x : Variable
    n_ones : int

    Returns
    -------
    Variable

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> T.shape_padright(T.vector("x")).type
    TensorType(float64, col)
    """
    x = as_tensor_variable(x)
    return permuted(x, list(range(x.type.ndim)) + [-1] * n_ones)


def shape_padaxis(x, axis):
    """Add an axis of size 1.

    Parameters
    ----------
    x : Variable
    axis : int
        Where the new axis stands in the result.

    Returns
    -------
    Variable

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> T.shape_padaxis(T.vector("x"), -1).type
    TensorType(float64, col)
    """
    return expand_dims(x, axis)
