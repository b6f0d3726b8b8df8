"""Functions that ask for, change, state and forget the shape of an array."""
from cytensor.ops.registry import normal_axis
from cytensor.ops.views import (
    as_size, as_sizes, as_tensor_variable, common_sizes, product, reshaped, shape_i_op, sizes_of,
    specified, spread, unbroadcast_op, vector_of)

# ----- sizes -----

def shape_i(x, axis):
    """Return the size of one axis.

    Parameters
    ----------
    x : Variable
    axis : int

    Returns
    -------
    Variable, 0-d int64
        A constant, where the size is known.

    Raises
    ------
    AxisError
        If ``x`` has no such axis.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> T.shape_i(T.matrix("x"), 0).type
    TensorType(int64, scalar)
    """
    x = as_tensor_variable(x)
    axis = normal_axis(axis, x.type.ndim, "shape_i")
    n = x.type.shape[axis]
    return shape_i_op(x, axis=axis) if n is None else as_size(n)


def shape(x):
    """Return the sizes of ``x`` as a vector.

    Parameters
    ----------
    x : Variable

    Returns
    -------
    Variable, shape (x.ndim,), int64
        Its length is known, so that it can be unpacked; ``shape(x)[0]`` is ``shape_i(x, 0)``.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> rows, cols = T.shape(T.matrix("x"))
    """
    return vector_of(sizes_of(as_tensor_variable(x)))


def size(x):
    """Return the number of elements of ``x``.

    Parameters
    ----------
    x : Variable

    Returns
    -------
    Variable, 0-d int64

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> T.size(T.zeros((2, 3)))
    TensorConstant{6}
    """
    return as_size(product(sizes_of(as_tensor_variable(x))))

# ----- reshape -----

def reshape(x, newshape, ndim=None):
    """Give an array another shape; the elements keep their C order.

    Parameters
    ----------
    x : Variable
    newshape : int, sequence of ints and 0-d variables, or integer vector
        One size may be -1: it takes what the others leave.
    ndim : int, optional
        The rank of the result, where ``newshape`` is a vector of unknown length.

    Returns
    -------
    Variable

    Raises
    ------
    ValueError
        If the elements do not fit, or the rank of the result is not known.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> T.reshape(T.zeros((2, 6)), (3, -1)).type.shape
    (3, 4)
    """
    return reshaped(as_tensor_variable(x), as_sizes(newshape, "reshape", ndim))


def flatten(x, ndim=1):
    """Merge the last axes into one, so that ``ndim`` axes are left.

    Parameters
    ----------
    x : Variable
    ndim : int
        Rank of the result.

    Returns
    -------
    Variable

    Raises
    ------
    ValueError
        If ``x`` has fewer than ``ndim`` axes.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> T.flatten(T.zeros((2, 3, 4)), 2).type.shape
    (2, 12)
    """
    x = as_tensor_variable(x)
    if ndim == 1:
        return reshaped(x, [-1])
    if not 1 <= ndim <= x.type.ndim:
        raise ValueError(f"flatten: ndim={ndim}, but x has {x.type.ndim} axes")
    sizes = sizes_of(x)
    return reshaped(x, [*sizes[:ndim - 1], product(sizes[ndim - 1:])])


def ravel(x):
    """Return the elements of ``x`` in C order, as a vector.

    Parameters
    ----------
    x : Variable

    Returns
    -------
    Variable, 1-d

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> T.ravel(T.matrix("x")).type
    TensorType(float64, vector)
    """
    return flatten(x)


# ----- broadcasting -----

def broadcast_to(x, shape, ndim=None):
    """Repeat ``x`` along its axes of size 1, and along new axes in front.

    Parameters
    ----------
    x : Variable
    shape : int, sequence of ints and 0-d variables, or integer vector
    ndim : int, optional
        The rank of the result, where ``shape`` is a vector of unknown length.

    Returns
    -------
    Variable

    Raises
    ------
    ValueError
        If a size of ``x`` is neither 1 nor the one wanted. As everywhere, only an axis known to
        have size 1 is repeated.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> T.broadcast_to(T.scalar("x"), (2, 3)).type.shape
    (2, 3)
    """
    return spread(as_tensor_variable(x), as_sizes(shape, "broadcast_to", ndim))


def broadcast_arrays(*xs):
    """Repeat tensors until they all have the same shape.

    Parameters
    ----------
    *xs : Variable

    Returns
    -------
    list of Variable

    Raises
    ------
    ValueError
        If the shapes do not broadcast.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> [x.type.shape for x in T.broadcast_arrays(T.zeros((2, 1)), T.zeros(3))]
    [(2, 3), (2, 3)]
    """
    xs = [as_tensor_variable(x) for x in xs]
    sizes = common_sizes(xs)
    return [spread(x, sizes) for x in xs]


# ----- what is known of a shape -----

def specify_shape(x, shape):
    """State the shape of ``x``, so that the graph knows it; the run checks it.

    Parameters
    ----------
    x : Variable
    shape : sequence of int, None or 0-d variable, or integer vector
        None leaves the size of an axis open.

    Returns
    -------
    Variable

    Raises
    ------
    ValueError
        If the rank or a known size differs, now or in the run.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> T.specify_shape(T.matrix("x"), (2, None)).type.shape
    (2, None)
    """
    x = as_tensor_variable(x)
    have = sizes_of(x)
    if isinstance(shape, (tuple, list)) and len(shape) == len(have):
        shape = [n if want is None else want for n, want in zip(have, shape)]
    want = as_sizes(shape, "specify_shape")
    if len(want) != len(have):
        raise ValueError(f"specify_shape: x has {len(have)} axes, the shape {len(want)}")
    return specified(x, want, "specify_shape")


def addbroadcast(x, *axes):
    """State that axes have size 1, so that they broadcast; the run checks it.

    Parameters
    ----------
    x : Variable
    *axes : int

    Returns
    -------
    Variable

    Raises
    ------
    ValueError
        If a size is known, and not 1.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> T.addbroadcast(T.matrix("x"), 0).type
    TensorType(float64, row)
    """
    x = as_tensor_variable(x)
    axes = [normal_axis(axis, x.type.ndim, "addbroadcast") for axis in axes]
    return specify_shape(x, [1 if i in axes else None for i in range(x.type.ndim)])


def unbroadcast(x, *axes):
    """Forget that axes have size 1, so that they do not broadcast.

    Parameters
    ----------
    x : Variable
    *axes : int

    Returns
    -------
    Variable

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> T.unbroadcast(T.row("x"), 0).type
    TensorType(float64, matrix)
    """
    x = as_tensor_variable(x)
    axes = tuple(sorted({normal_axis(axis, x.type.ndim, "unbroadcast") for axis in axes}))
    return unbroadcast_op(x, axes=axes)


def patternbroadcast(x, broadcastable):
    """Give ``x`` a broadcast pattern: state some sizes of 1, and forget others.

    Parameters
    ----------
    x : Variable
    broadcastable : sequence of bool
        One per axis.

    Returns
    -------
    Variable

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> T.patternbroadcast(T.row("x"), (False, True)).type
    TensorType(float64, col)
    """
    x = as_tensor_variable(x)
    have = x.type.broadcastable
    if len(broadcastable) != len(have):
        raise ValueError(f"patternbroadcast: x has {len(have)} axes, "
                         f"the pattern {len(broadcastable)}")
    added = [i for i, one in enumerate(broadcastable) if one and not have[i]]
    dropped = [i for i, one in enumerate(broadcastable) if have[i] and not one]
    x = addbroadcast(x, *added) if added else x
    return unbroadcast(x, *dropped) if dropped else x
