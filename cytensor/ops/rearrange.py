"""Repeating, turning, rolling and padding: the same elements in other places."""
from cytensor._core import Constant, Variable
from cytensor.ops import elementwise as ew
from cytensor.ops.axes import expand_dims, moveaxis, permuted, swapaxes
from cytensor.ops.cumulative import backwards, cumsum_op
from cytensor.ops.gather import gather, scatter_add
from cytensor.ops.generate import counted, filled
from cytensor.ops.joining import slice_axis
from cytensor.ops.registry import KIND, is_weak, normal_axes, normal_axis, scalar_like, to_dtype
from cytensor.ops.subtensor import inc_subtensor_op
from cytensor.ops.views import (
    as_size, as_sizes, as_tensor_variable, join_op, padded_left, product, reshaped, sizes_of,
    spread)


def take_on_axis(x, axis, indices):
    """Return ``x`` with the entries of one axis that a vector of indices names."""
    return moveaxis(gather(moveaxis(x, axis, 0), indices), 0, axis)

# ----- repeating -----

def tile(x, reps, ndim=None):
    """Repeat an array as a whole.

    Parameters
    ----------
    x : Variable
    reps : int, sequence of ints and 0-d variables, or integer vector
        How often along each axis; for the last axes, if there are fewer than ``x`` has.
    ndim : int, optional
        The rank of the result: at least that of ``x`` and the length of ``reps``.

    Returns
    -------
    Variable

    Raises
    ------
    ValueError
        If ``ndim`` is too small.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> T.tile(T.zeros((2, 3)), (2, 1, 2)).type.shape
    (2, 2, 6)
    """
    x = as_tensor_variable(x)
    reps = _right_aligned(reps, ndim) if _is_open(reps) and ndim else as_sizes(reps, "tile")
    least = max(x.type.ndim, len(reps))
    ndim = least if ndim is None else ndim
    if ndim < least:
        raise ValueError(f"tile: ndim={ndim}, but the result has {least} axes")
    x = padded_left(x, ndim)
    reps = [1] * (ndim - len(reps)) + reps
    sizes = sizes_of(x)
    pairs = permuted(x, [i for axis in range(ndim) for i in (-1, axis)])
    pairs = spread(pairs, [n for pair in zip(reps, sizes) for n in pair])
    return reshaped(pairs, [product(pair) for pair in zip(reps, sizes)])


def _is_open(reps):
    """Whether only the run knows how many numbers there are."""
    return isinstance(reps, Variable) and reps.type.ndim == 1 and reps.type.shape == (None,)


def _right_aligned(reps, n):
    """The last ``n`` numbers of a vector, with ones before them if it is shorter."""
    padded = join_op(*[to_dtype(x, "int64") for x in (filled(1, [n], "int64"), reps)], axis=0)
    return as_sizes(padded[-n:], "tile", n)


def repeat(x, repeats, axis=None):
    """Repeat each element of an array.

    Parameters
    ----------
    x : Variable
    repeats : int, 0-d variable, or integer vector
        How often; a vector has one number for each element of the axis.
    axis : int, optional
        By default ``x`` is taken as a vector, in C order.

    Returns
    -------
    Variable

    Raises
    ------
    ValueError
        If ``repeats`` has more than one axis.
    TypeError
        If it does not hold integers, or such as may not fit into int64.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> T.repeat(T.zeros((2, 3)), 2, axis=1).type.shape
    (2, 6)
    """
    x = as_tensor_variable(x)
    if axis is None:
        x, axis = reshaped(x, [-1]), 0
    axis = normal_axis(axis, x.type.ndim, "repeat")
    counts = repeats if is_weak(repeats) else as_tensor_variable(repeats)
    if isinstance(counts, Variable):
        _check_counts(counts)
        if counts.type.ndim:
            return _repeat_each(x, counts, axis)
    n = int(counts.data) if isinstance(counts, Constant) else counts
    n = n if isinstance(n, int) else as_size(n, "repeat: a number of repeats")
    sizes = sizes_of(x)
    wide = spread(expand_dims(x, axis + 1), [*sizes[:axis + 1], n, *sizes[axis + 1:]])
    return reshaped(wide, [*sizes[:axis], product([sizes[axis], n]), *sizes[axis + 1:]])


def _check_counts(counts):
    if KIND[counts.type.dtype] not in "iu":
        raise TypeError(f"repeat: repeats are integers, not {counts.type.dtype}")
    if counts.type.dtype == "uint64":
        raise TypeError("repeat: repeats of dtype uint64 may not fit into int64; cast them")


def _repeat_each(x, counts, axis):
    """Count up at each place where the next element begins; that says which element it is."""
    if counts.type.ndim > 1:
        raise ValueError(f"repeat: repeats is a number or a vector, not {counts.type.ndim}-d")
    _check_counts(counts)
    if counts.type.shape == (1,):
        return repeat(x, permuted(counts, ()), axis)
    counts = spread(to_dtype(counts, "int64"), [sizes_of(x)[axis]])
    ends = cumsum_op(counts, axis=0)
    total = counts.sum()
    marks = scatter_add(filled(0, [total + 1], "int64"), scalar_like(1, "int64"), ends)
    return take_on_axis(x, axis, cumsum_op(marks, axis=0)[:total])


# ----- turning and rolling -----

def flip(x, axis=None):
    """Reverse the order of the elements along axes.

    Parameters
    ----------
    x : Variable
    axis : int or tuple of int, optional
        By default all.

    Returns
    -------
    Variable

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> T.flip(T.zeros((2, 3)), 0).type.shape
    (2, 3)
    """
    x = as_tensor_variable(x)
    for i in normal_axes(axis, x.type.ndim, "flip"):
        x = backwards(x, i)
    return x


def flipud(x):
    """Reverse the order of the elements along the first axis.

    Parameters
    ----------
    x : Variable

    Returns
    -------
    Variable

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> T.flipud(T.vector("x")).type
    TensorType(float64, vector)
    """
    return flip(x, 0)


def fliplr(x):
    """Reverse the order of the elements along the second axis.

    Parameters
    ----------
    x : Variable, with at least two axes

    Returns
    -------
    Variable

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> T.fliplr(T.matrix("x")).type
    TensorType(float64, matrix)
    """
    return flip(x, 1)


def rot90(x, k=1, axes=(0, 1)):
    """Turn an array by 90 degrees in the plane of two axes.

    Parameters
    ----------
    x : Variable, with at least two axes
    k : int
        How often; from the first of the axes towards the second.
    axes : pair of int

    Returns
    -------
    Variable

    Raises
    ------
    ValueError
        If the axes are not two.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> T.rot90(T.zeros((2, 3))).type.shape
    (3, 2)
    """
    x = as_tensor_variable(x)
    if len(normal_axes(tuple(axes), x.type.ndim, "rot90")) != 2:
        raise ValueError(f"rot90: two axes are wanted, not {tuple(axes)}")
    first, second = axes
    if k % 4 == 0:
        return x
    if k % 4 == 2:
        return flip(x, (first, second))
    if k % 4 == 1:
        return swapaxes(flip(x, second), first, second)
    return flip(swapaxes(x, first, second), second)


def roll(x, shift, axis=None):
    """Move elements along axes; those that leave at one end come in at the other.

    Parameters
    ----------
    x : Variable
    shift : int, 0-d variable, or tuple of those
    axis : int or tuple of int, optional
        By default ``x`` is taken as a vector, in C order, and gets its shape back.

    Returns
    -------
    Variable

    Raises
    ------
    ValueError
        If there are not as many shifts as axes.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> T.roll(T.zeros((2, 3)), 1, axis=0).type.shape
    (2, 3)
    """
    x = as_tensor_variable(x)
    if axis is None:
        return reshaped(roll(reshaped(x, [-1]), shift, 0), sizes_of(x))
    axes = axis if isinstance(axis, (tuple, list)) else (axis,)
    shifts = shift if isinstance(shift, (tuple, list)) else (shift,) * len(axes)
    if len(shifts) != len(axes):
        raise ValueError(f"roll: {len(shifts)} shifts for {len(axes)} axes")
    for places, i in zip(shifts, axes):
        x = _roll(x, places, normal_axis(i, x.type.ndim, "roll"))
    return x


def _roll(x, shift, axis):
    n = sizes_of(x)[axis]
    shift, = as_sizes(shift, "roll")
    if type(n) is int and type(shift) is int:
        cut = n - shift % n if n else 0
    else:
        cut = n - ew.mod(shift, ew.maximum(n, 1))
    return join_op(slice_axis(x, axis, cut, None), slice_axis(x, axis, None, cut), axis=axis)


# ----- padding -----

def _edge(i, n):
    return ew.clip(i, 0, ew.maximum(n - 1, 0))


def _mirror(i, n, period):
    """Go up to the end and back: 0, 1, 2, 1, 0, 1, .."""
    i = ew.mod(i, ew.maximum(period, 1))
    return i, period - i


def _reflect(i, n):
    up, down = _mirror(i, n, 2 * n - 2)
    return ew.minimum(up, down)


def _symmetric(i, n):
    up, down = _mirror(i, n, 2 * n)
    return ew.minimum(up, down - 1)


def _wrap(i, n):
    return ew.mod(i, ew.maximum(n, 1))


#: Which element stands at place ``i``, which may lie outside of 0 .. n-1.
_OUTSIDE = {"edge": _edge, "reflect": _reflect, "symmetric": _symmetric, "wrap": _wrap}


def pad(x, pad_width, mode="constant", constant_values=0):
    """Add elements around an array.

    Parameters
    ----------
    x : Variable
    pad_width : int, (before, after), or one such pair for each axis
        Ints or 0-d variables.
    mode : {'constant', 'edge', 'reflect', 'symmetric', 'wrap'}
        Where the elements come from.
    constant_values : number or 0-d variable
        With 'constant', what is added.

    Returns
    -------
    Variable

    Raises
    ------
    ValueError
        If the mode is not known, or there is not a pair for each axis.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> T.pad(T.zeros((2, 3)), ((1, 1), (0, 2))).type.shape
    (4, 5)
    """
    x = as_tensor_variable(x)
    widths = _pad_widths(pad_width, x.type.ndim)
    if mode == "constant":
        return _pad_constant(x, widths, constant_values)
    if mode not in _OUTSIDE:
        raise ValueError(f"pad: mode is 'constant', {', '.join(map(repr, _OUTSIDE))}, "
                         f"not {mode!r}")
    for axis, (before, after) in enumerate(widths):
        if (before, after) != (0, 0):
            n = as_size(sizes_of(x)[axis])
            i = counted(before + sizes_of(x)[axis] + after) - before
            x = take_on_axis(x, axis, _OUTSIDE[mode](i, n))
    return x


def _pad_widths(pad_width, ndim):
    """Return one (before, after) for each axis, of ints and 0-d variables."""
    pairs = pad_width.tolist() if hasattr(pad_width, "tolist") else pad_width
    if not isinstance(pairs, (tuple, list)):
        pairs = (pairs, pairs)
    if not any([isinstance(pair, (tuple, list)) for pair in pairs]):
        pairs = (pairs,) * max(ndim, 1)
    pairs = [as_sizes(pair, "pad") for pair in pairs]
    pairs = pairs * ndim if len(pairs) == 1 else pairs
    pairs = [pair * 2 if len(pair) == 1 else pair for pair in pairs]
    if len(pairs) != ndim or any([len(pair) != 2 for pair in pairs]):
        raise ValueError(f"pad: one (before, after) for each of {ndim} axes is wanted, "
                         f"not {pad_width}")
    if any([type(n) is int and n < 0 for pair in pairs for n in pair]):
        raise ValueError(f"pad: a width may not be negative: {pad_width}")
    return pairs


def _pad_constant(x, widths, value):
    """Write ``x`` into the middle of a larger array."""
    value = to_dtype(value if is_weak(value) else as_tensor_variable(value), x.type.dtype)
    sizes, index, places = sizes_of(x), [], []
    for n, (before, _) in zip(sizes, widths):
        index.append(("slice", _argument(before, places), _argument(before + n, places), None))
    outer = [before + n + after for n, (before, after) in zip(sizes, widths)]
    return inc_subtensor_op(spread(value, outer), x, *places, index=tuple(index), set=True)


def _argument(n, places):
    """Return a size as an item of an index; a variable is added to ``places``."""
    if type(n) is int:
        return n
    places.append(n)
    return ("arg", len(places) - 1)
