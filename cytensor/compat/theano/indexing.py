"""Indexing by functions: the names of ``theano.tensor.subtensor``."""
from cytensor import tensor as T


class AdvancedIndexingError(TypeError):
    """An index array stands where only numbers and slices may."""


class AdvancedBooleanIndexingError(TypeError):
    """A mask stands where only numbers and slices may."""


# ----- writing -----

def set_subtensor(x, y, inplace=False, tolerate_inplace_aliasing=False):
    """Return a copy of an array with ``y`` in a part; ``y`` is cast to its dtype."""
    return T.set_subtensor(x, _in_dtype_of(x, y))


def inc_subtensor(x, y, inplace=False, set_instead_of_inc=False, tolerate_inplace_aliasing=False):
    """Return a copy of an array with ``y`` added to a part; ``y`` is cast to its dtype."""
    return T.inc_subtensor(x, _in_dtype_of(x, y), set_instead_of_inc=set_instead_of_inc)


def _in_dtype_of(x, y):
    y = T.as_tensor_variable(y)
    return T.cast(y, x.dtype) if isinstance(x.type, T.TensorType) else y


# ----- indexing by functions -----

def advanced_subtensor(x, *index):
    """Return ``x[index]``."""
    return T.as_tensor_variable(x)[index]


def advanced_subtensor1(x, ilist):
    """Return ``x[ilist]``: rows, by a vector of integers."""
    return T.as_tensor_variable(x)[ilist]


def advanced_inc_subtensor(x, y, *index):
    """Return ``x`` with ``y`` added at an index."""
    return T.inc_subtensor(advanced_subtensor(x, *index), y)


def advanced_set_subtensor(x, y, *index):
    """Return ``x`` with ``y`` set at an index."""
    return T.set_subtensor(advanced_subtensor(x, *index), y)


def advanced_inc_subtensor1(x, y, ilist):
    """Return ``x`` with ``y`` added to rows."""
    return T.inc_subtensor(advanced_subtensor1(x, ilist), y)


def advanced_set_subtensor1(x, y, ilist):
    """Return ``x`` with rows set to ``y``."""
    return T.set_subtensor(advanced_subtensor1(x, ilist), y)


advanced_boolean_subtensor = advanced_subtensor
advanced_boolean_inc_subtensor = advanced_inc_subtensor
advanced_boolean_set_subtensor = advanced_set_subtensor


def as_index_variable(index):
    """Return a number or an array as a symbolic index; None and slices as they are."""
    return index if index is None or isinstance(index, slice) else T.as_tensor_variable(index)


def make_constant(args):
    """Return a nest of tuples and slices with numbers in place of constants."""
    if isinstance(args, tuple):
        return tuple([make_constant(part) for part in args])
    if isinstance(args, slice):
        return slice(*[make_constant(part) for part in (args.start, args.stop, args.step)])
    return args.data if isinstance(args, T.Constant) else args


def get_idx_list(inputs, idx_list, get_count=False):
    """Return the index of a node with its variables put in."""
    return tuple(idx_list)


def get_canonical_form_slice(theslice, length):
    """Return a slice from 0 on, and the direction in which it is read.

    Parameters
    ----------
    theslice : slice or int
        With numbers or 0-d integer variables.
    length : int or Variable
        Of the axis.

    Returns
    -------
    slice or Variable
        Equivalent to the slice; its step is positive.
    direction : int or Variable
        1, or -1 if the result is to be read backwards.
    """
    if not isinstance(theslice, slice):
        i = T.as_tensor_variable(theslice)
        return T.switch(T.lt(i, 0), i + length, i), 1
    step = T.as_tensor_variable(1 if theslice.step is None else theslice.step)
    back = T.lt(step, 0)
    start = _bound(theslice.start, length, T.switch(back, length - 1, 0), back)
    stop = _bound(theslice.stop, length, T.switch(back, -1, length), back)
    count = T.maximum(0, (stop - start + step - T.sgn(step)) // step)
    last = start + (count - 1) * step
    first, after = T.switch(back, last, start), T.switch(back, start + 1, stop)
    return slice(first, T.switch(T.eq(count, 0), first, after), abs(step)), T.sgn(step)


def _bound(value, length, default, back):
    """A bound of a slice, counted from the front and kept on the axis."""
    if value is None:
        return default
    value = T.as_tensor_variable(value)
    value = T.switch(T.lt(value, 0), value + length, value)
    return T.switch(back, T.clip(value, -1, length - 1), T.clip(value, 0, length))
