"""Joining arrays, and cutting them apart."""
from cytensor._core import Constant, Variable
from cytensor.ops import elementwise as ew
from cytensor.ops.axes import atleast_1d, atleast_2d, atleast_3d, expand_dims, permuted
from cytensor.ops.control import ifelse
from cytensor.ops.registry import common_dtype, constant, is_weak, normal_axis, to_dtype
from cytensor.ops.views import (
    as_sizes, as_tensor_variable, join_op, make_vector, sizes_of, specified)


def tensors(xs):
    """Return a list of values as tensors of one dtype; Python numbers are weak."""
    xs = [x if is_weak(x) else as_tensor_variable(x) for x in xs]
    dtype = common_dtype(xs)
    return [to_dtype(x, dtype) for x in xs]


def along(axis, ndim, what, make):
    """Return ``make(axis)``, where the axis may be a variable: then the run chooses."""
    if not isinstance(axis, Variable) or isinstance(axis, Constant):
        return make(normal_axis(axis, ndim, what))
    k = constant(list(range(ndim)))[axis]       # counted from the front, and checked
    result = make(ndim - 1)
    for i in reversed(range(max(ndim - 1, 1))):
        result = ifelse(ew.eq(k, i), make(i), result)
    return result


def join(axis, *xs):
    """Join arrays along an axis that they have.

    Parameters
    ----------
    axis : int or 0-d variable
        If only the run knows it, no size of the result is known before.
    *xs : Variable or array_like
        Of one rank; their sizes on the other axes are equal. They get one dtype.

    Returns
    -------
    Variable

    Raises
    ------
    TypeError
        If the ranks differ, or are 0.
    ValueError
        If sizes on another axis differ, or nothing is given.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> T.join(1, T.zeros((2, 3)), T.zeros((2, 1))).type.shape
    (2, 4)
    """
    if not xs:
        raise ValueError("join: at least one array is needed")
    xs = tensors(xs)
    ranks = [x.type.ndim for x in xs]
    if 0 in ranks:
        raise TypeError("join: 0-d arrays have no axis to be joined on; stack makes one")
    if len(set(ranks)) > 1:
        raise TypeError(f"join: all arrays must have the same number of axes, not {ranks}")
    return along(axis, ranks[0], "join",
                 lambda i: xs[0] if len(xs) == 1 else join_op(*xs, axis=i))


def concatenate(xs, axis=0):
    """Join a list of arrays along an axis that they have.

    Parameters
    ----------
    xs : sequence of Variable or array_like
        Of one rank; their sizes on the other axes are equal.
    axis : int or 0-d variable, optional
        None joins them as vectors, in C order.

    Returns
    -------
    Variable

    Raises
    ------
    TypeError
        If the ranks differ, or are 0.
    ValueError
        If sizes on another axis differ, or nothing is given.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> T.concatenate([T.zeros((2, 3)), T.zeros((1, 3))]).type.shape
    (3, 3)
    """
    if axis is None:
        return join(0, *[as_tensor_variable(x).flatten() for x in xs])
    return join(axis, *xs)


def stack(xs, *more, axis=0):
    """Join arrays along a new axis.

    Parameters
    ----------
    xs : sequence of Variable or array_like
        Of one shape. They may also be given as arguments of their own.
    axis : int
        Where the new axis stands in the result.

    Returns
    -------
    Variable

    Raises
    ------
    TypeError
        If the ranks differ.
    ValueError
        If the shapes differ, or nothing is given.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> T.stack([T.vector("x"), T.vector("y")], axis=1).type.shape
    (None, 2)
    """
    if not isinstance(xs, (list, tuple)):
        xs = [xs, *more]
    elif more:                              # stack([x, y], 1)
        axis, = more
    if not xs:
        raise ValueError("stack: at least one array is needed")
    xs = tensors(xs)
    if all([x.type.ndim == 0 for x in xs]):
        normal_axis(axis, 1, "stack")
        return make_vector(*xs)
    return join(axis, *[expand_dims(x, axis) for x in xs])


def vstack(xs):
    """Join arrays along the first axis, vectors as rows.

    Parameters
    ----------
    xs : sequence of Variable or array_like

    Returns
    -------
    Variable

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> T.vstack([T.zeros(3), T.zeros((2, 3))]).type.shape
    (3, 3)
    """
    return join(0, *[atleast_2d(x) for x in xs])


def hstack(xs):
    """Join arrays along the second axis; vectors along their only one.

    Parameters
    ----------
    xs : sequence of Variable or array_like

    Returns
    -------
    Variable

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> T.hstack([T.zeros(3), T.zeros(2)]).type.shape
    (5,)
    """
    xs = [atleast_1d(x) for x in xs]
    return join(min(1, xs[0].type.ndim - 1) if xs else 0, *xs)


def dstack(xs):
    """Join arrays along the third axis, vectors as ``x[None, :, None]``.

    Parameters
    ----------
    xs : sequence of Variable or array_like

    Returns
    -------
    Variable

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> T.dstack([T.zeros((2, 3)), T.zeros((2, 3))]).type.shape
    (2, 3, 2)
    """
    return join(2, *[atleast_3d(x) for x in xs])


def column_stack(xs):
    """Join arrays along the second axis, vectors as columns.

    Parameters
    ----------
    xs : sequence of Variable or array_like

    Returns
    -------
    Variable

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> T.column_stack([T.zeros(3), T.zeros((3, 2))]).type.shape
    (3, 3)
    """
    xs = [as_tensor_variable(x) for x in xs]
    return join(1, *[x if x.type.ndim > 1 else permuted(atleast_1d(x), (0, -1)) for x in xs])

# ----- cutting apart -----

def slice_axis(x, axis, start, stop):
    """Return ``x[start:stop]`` on one axis."""
    return x[(slice(None),) * axis + (slice(start, stop),)]


def split(x, splits_size, n_splits=None, axis=0):
    """Cut an array into parts along an axis.

    Parameters
    ----------
    x : Variable
    splits_size : sequence of ints and 0-d variables, or integer vector; or int
        The size of each part. With ``n_splits`` left out, NumPy's meaning: a number of equal
        parts, or the places at which to cut.
    n_splits : int, optional
        The number of parts.
    axis : int or 0-d variable

    Returns
    -------
    list of Variable

    Raises
    ------
    ValueError
        If the sizes do not add up to that of the axis, now or in the run.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> [part.type.shape for part in T.split(T.vector("x"), [2, 3], 2)]
    [(2,), (3,)]
    """
    x = as_tensor_variable(x)
    return along(axis, x.type.ndim, "split", lambda i: _split(x, splits_size, n_splits, i))


def _split(x, splits_size, n_splits, axis):
    if n_splits is not None:
        return _split_sizes(x, as_sizes(splits_size, "split", n_splits), axis)
    if isinstance(splits_size, (list, tuple)) or getattr(splits_size, "ndim", 0):
        return _split_at(x, as_sizes(splits_size, "split"), axis)
    n, parts = sizes_of(x)[axis], splits_size.__index__()
    if type(n) is int and n % parts:
        raise ValueError(f"split: size {n} does not divide into {parts} equal parts")
    return _split_sizes(x, [n // parts] * parts, axis)


def _split_sizes(x, sizes, axis):
    n = sizes_of(x)[axis]
    if type(n) is int and all([type(m) is int for m in sizes]) and sum(sizes) != n:
        raise ValueError(f"split: sizes {sizes} do not add up to {n}")
    parts, start = [], 0
    for i, size in enumerate(sizes):
        stop = start + size if i < len(sizes) - 1 else None
        part = slice_axis(x, axis, start, stop)
        want = sizes_of(part)
        want[axis] = size
        parts.append(specified(part, want, "split"))    # the run checks that they add up
        start = stop
    return parts


def _split_at(x, places, axis):
    starts, stops = [0, *places], [*places, None]
    return [slice_axis(x, axis, start, stop) for start, stop in zip(starts, stops)]


def array_split(x, indices_or_sections, axis=0):
    """Cut an array into parts of about equal size, or at given places.

    Parameters
    ----------
    x : Variable
    indices_or_sections : int, or sequence of ints and 0-d variables
        A number of parts, of which the first may be one longer; or the places at which to cut.
    axis : int

    Returns
    -------
    list of Variable

    Raises
    ------
    ValueError
        If the number of parts is not positive.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> [part.type.shape for part in T.array_split(T.arange(5), 2)]
    [(3,), (2,)]
    """
    x = as_tensor_variable(x)
    axis = normal_axis(axis, x.type.ndim, "array_split")
    if isinstance(indices_or_sections, (list, tuple)) or getattr(indices_or_sections, "ndim", 0):
        return _split_at(x, as_sizes(indices_or_sections, "array_split"), axis)
    parts = indices_or_sections.__index__()
    if parts <= 0:
        raise ValueError(f"array_split: the number of parts is positive, not {parts}")
    n = sizes_of(x)[axis]
    least, longer = n // parts, n % parts
    smaller = ew.minimum if isinstance(n, Variable) else min
    return _split_at(x, [i * least + smaller(longer, i) for i in range(1, parts)], axis)
