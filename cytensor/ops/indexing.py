"""The language of ``x[...]``, and writing to what it names.

An indexing expression becomes at most four nodes, in this order: a subtensor for slices and
numbers, a dimshuffle that brings the axes of index arrays to the front, a gather, and a dimshuffle
that puts the result's axes where NumPy has them. ``set_subtensor`` walks back over them; how
many they are stands in ``x.tag.indexing``.
"""
import numpy as np

from cytensor._core import Constant, Variable
from cytensor.ops.axes import permuted
from cytensor.ops.gather import gather, nonzero_count, nonzero_op, scatter_add, scatter_set
from cytensor.ops.registry import KIND, is_weak, scalar_like, to_dtype
from cytensor.ops.subtensor import WHOLE, inc_subtensor_op, subtensor
from cytensor.ops.views import (
    as_size, as_tensor_variable, dimshuffle_op, inverse_order, make_vector, padded_left,
    reshape_op, reshaped, sizes_of, spread)

_WRONG = "index must be integers or a boolean mask"


# ----- reading a key: a list of (kind, value) -----

def _items(x, key):
    """Return the key as (kind, value) pairs that cover all axes of ``x``.

    Kinds: "slice", "at", "new", "array", "mask", and "gap" for an Ellipsis, whose value is the
    number of axes that it stands for.
    """
    if isinstance(key, list) and any([_is_no_element(part) for part in key]):
        key = tuple(key)                # as NumPy once took lists of slices
    key = key if isinstance(key, tuple) else (key,)
    items = [_item(part) for part in key]
    taken = sum([value.type.ndim if kind == "mask" else kind not in ("new", "gap")
                 for kind, value in items])
    if taken > x.type.ndim:
        raise IndexError(f"too many indices for array: array is {x.type.ndim}-dimensional, "
                         f"but {taken} were indexed")
    gaps = [i for i, item in enumerate(items) if item[0] == "gap"]
    if len(gaps) > 1:
        raise IndexError("an index can only have a single ellipsis ('...')")
    if not gaps:
        gaps = [len(items)]
        items.append(("gap", 0))
    items[gaps[0]] = ("gap", x.type.ndim - taken)
    return items


def _is_no_element(part):
    return part is None or part is Ellipsis or isinstance(part, slice)


def _item(part):
    """Return one part of a key as (kind, value)."""
    if part is None:
        return "new", None
    if part is Ellipsis:
        return "gap", 0
    if isinstance(part, slice):
        return "slice", (part.start, part.stop, part.step)
    if isinstance(part, (list, tuple, np.ndarray)):
        empty = len(part) == 0 if isinstance(part, (list, tuple)) else False
        part = as_tensor_variable(np.zeros(0, "int64") if empty else part)
    if isinstance(part, Variable):
        return _variable_item(part)
    return "at", _number(part)


def _variable_item(part):
    kind = KIND[part.type.dtype]
    if kind not in "biu" or (kind == "b" and part.type.ndim == 0):
        raise TypeError(f"{_WRONG}, not {part!r} of type {part.type}")
    if part.type.ndim == 0:
        return "at", _constant_int(part)
    return ("mask" if kind == "b" else "array"), part


def _constant_int(part):
    return int(part.data) if isinstance(part, Constant) else part


def _number(part):
    """Return a Python or NumPy integer as an int."""
    if isinstance(part, (bool, np.bool_)):
        raise TypeError(f"{_WRONG}, not {part!r}")
    try:
        i = part.__index__()
    except (AttributeError, TypeError):
        raise TypeError(f"{_WRONG}, not {part!r} of type {type(part).__name__}") from None
    if not -2**63 <= i < 2**63:
        raise IndexError(f"the index {i} does not fit into 64 bits")
    return i


# ----- reading -----

def getitem(x, key):
    """Return ``x[key]``, with NumPy's rules for every kind of key.

    Parameters
    ----------
    x : Variable
    key : int, slice, None, Ellipsis, integer array, boolean mask, 0-d variable, or tuple of those

    Returns
    -------
    Variable

    Raises
    ------
    IndexError
        If there are too many indices, or one is known to be out of bounds.
    TypeError
        If an index is neither integers nor a mask.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> x = T.tensor3("x")
    >>> x[:, [0, 2], 1:].type
    TensorType(float64, (None, 2, None))
    """
    x = as_tensor_variable(x)
    if x.owner is not None and x.owner.op is make_vector and KIND[x.type.dtype] in "iu":
        entry = _entry(x.owner.inputs, key)
        if entry is not None:
            return entry
    items = _items(x, key)
    if any([kind in ("array", "mask") for kind, _ in items]):
        out = _advanced(x, items)
    else:
        out = _basic(x, items)
    depth = _depth(out, x)
    if depth != 1:
        out.tag.indexing = depth
    return out


def _entry(entries, key):
    """A size out of a vector of sizes, or several: that needs no node."""
    if isinstance(key, (int, np.integer)) and not isinstance(key, bool):
        if not -len(entries) <= key < len(entries):
            raise IndexError(f"index {key} is out of bounds for axis 0 with size {len(entries)}")
        return entries[key]
    if isinstance(key, slice) \
            and not any([isinstance(i, Variable) for i in (key.start, key.stop, key.step)]):
        return make_vector(*entries[key]) if entries[key] else None
    return None


def _depth(out, x):
    depth = 0
    while out is not x:
        out = out.owner.inputs[0]
        depth += 1
    return depth


class _Index:
    """The parameter ``index`` of a subtensor, and the variables in it, as they are collected."""

    def __init__(self):
        self.items = []
        self.values = []

    def add(self, kind, *parts):
        self.items.append((kind, *[self._part(part) for part in parts]))

    def _part(self, part):
        if part is None:
            return None
        if isinstance(part, (Variable, np.ndarray)):
            part = _constant_int(as_size(part, "an index"))
            if type(part) is int:
                return part
            self.values.append(part)
            return ("arg", len(self.values) - 1)
        return _number(part)

    def apply(self, x):
        while self.items and self.items[-1] == WHOLE:
            self.items.pop()
        return subtensor(x, *self.values, index=tuple(self.items))


def _per_axis(x, items):
    """Yield the items again, each for one axis: slices for a gap, index arrays for a mask."""
    axis = 0
    for kind, value in items:
        if kind == "gap":
            yield from [("slice", (None, None, None))] * value
            axis += value
        elif kind == "mask":
            yield from [("array", i) for i in _mask_indices(x, axis, value)]
            axis += value.type.ndim
        else:
            yield kind, value
            axis += kind != "new"


def _basic(x, items):
    """Slices, numbers and new axes."""
    index, order, kept = _Index(), [], 0
    for kind, value in _per_axis(x, items):
        if kind == "new":
            order.append(-1)
        elif kind == "at":
            index.add("at", value)
        else:
            index.add("slice", *value)
            order.append(kept)
            kept += 1
    return permuted(index.apply(x), order)


def _advanced(x, items):
    """As ``_basic``, with index arrays: all of them, and the numbers, broadcast together."""
    index, arrays, places, rest = _Index(), [], [], []
    front = axis = 0
    for kind, value in _per_axis(x, items):
        if kind == "new":
            rest.append(-1)
            continue
        if kind == "slice":
            index.add("slice", *value)
            rest.append(axis)
        else:
            front = front if arrays else len(rest)
            arrays.append(_index_array(x, axis, value))
            places.append(axis)
            index.add(*WHOLE)
        axis += 1
    part = index.apply(x) if set(index.items) != {WHOLE} else x
    part = permuted(part, places + [a for a in rest if a >= 0])
    ndim = max([i.type.ndim for i in arrays])
    order = _result_order(rest, ndim, front if _are_adjacent(items) else 0)
    return permuted(gather(part, *arrays), order)


def _are_adjacent(items):
    """Whether numbers and index arrays stand side by side, with nothing between them."""
    which = [kind in ("array", "mask", "at") for kind, _ in items]
    first, last = which.index(True), len(which) - which[::-1].index(True)
    return all(which[first:last])


def _result_order(rest, ndim, front):
    """Where the axes of a gather go: those of the index arrays to ``front``, the rest around."""
    order, axis = [], ndim
    for a in rest:
        order.append(-1 if a < 0 else axis)
        axis += a >= 0
    return order[:front] + list(range(ndim)) + order[front:]


def _index_array(x, axis, value):
    """Return a number or an index array as an index array."""
    array = value if isinstance(value, Variable) else as_size(value)
    n = x.type.shape[axis]
    if isinstance(array, Constant) and n is not None and array.data.size:
        for i in (array.data.min(), array.data.max()):
            if not -n <= i < n:
                raise IndexError(f"index {i} is out of bounds for axis {axis} with size {n}")
    return array


def _mask_indices(x, axis, mask):
    """Return where a mask over the axes of ``x`` from ``axis`` on is true, one vector per axis."""
    ndim = mask.type.ndim
    sizes = x.type.shape[axis:axis + ndim]
    for i, (n, m) in enumerate(zip(sizes, mask.type.shape), axis):
        if n is not None and m is not None and n != m:
            raise IndexError(f"boolean index did not match indexed array along axis {i}; "
                             f"size of axis is {n} but size of corresponding boolean axis is {m}")
    if isinstance(mask, Constant) and None not in sizes:
        return [as_tensor_variable(i) for i in np.nonzero(mask.data)]
    return places(mask, sizes_of(x)[axis:axis + ndim])


def places(mask, sizes=()):
    """Return where ``mask`` is not zero, one int64 vector per axis.

    ``sizes`` are those of the array that the mask stands for; the run compares them.
    """
    matrix = nonzero_op(mask, nonzero_count(mask, *[as_size(n) for n in sizes]))
    return [subtensor(matrix, index=(("at", i),)) for i in range(mask.type.ndim)]


# ----- writing -----

def _value_for(x, y, what):
    """Return ``y`` in the dtype of ``x``, if it can be had without loss of kind."""
    dtype = x.type.dtype
    if is_weak(y):
        lossy = ((isinstance(y, complex) and KIND[dtype] != "c")
                 or (isinstance(y, float) and KIND[dtype] in "biu"))
        y = None if lossy else scalar_like(y, dtype)
    else:
        y = as_tensor_variable(y)
        lossy = not np.can_cast(y.type.dtype, dtype, "same_kind")
    if lossy:
        raise TypeError(f"{what}: the value does not fit into {dtype} without loss; cast it")
    if y.type.ndim > x.type.ndim:
        raise TypeError(f"{what}: the value has {y.type.ndim} axes, "
                        f"the part only {x.type.ndim}")
    return to_dtype(y, dtype)


def _write_dimshuffle(node, y, set):
    x, = node.inputs
    y = padded_left(y, node.out.type.ndim)
    return dimshuffle_op(y, order=inverse_order(node.params["order"], x.type.ndim)), set


def _write_reshape(node, y, set):
    return reshaped(spread(y, sizes_of(node.out)), sizes_of(node.inputs[0])), set


def _write_subtensor(node, y, set):
    x, *values = node.inputs
    return inc_subtensor_op(x, y, *values, index=node.params["index"], set=set), True


def _write_gather(node, y, set):
    x, *indices = node.inputs
    return (scatter_set if set else scatter_add)(x, y, *indices), True


#: How to write through a node: (node, y, set) -> (the node's first input with y written, whether
#: further out the result is to be set).
_WRITERS = {dimshuffle_op: _write_dimshuffle, reshape_op: _write_reshape,
            subtensor: _write_subtensor, gather: _write_gather}
_VIEWS = (dimshuffle_op, reshape_op)


def _write(x, y, set, what):
    """Return the array of which ``x`` is a part, with ``y`` added to or set in that part."""
    x = as_tensor_variable(x)
    y = _value_for(x, y, what)
    while True:
        node = x.owner
        if node is None or node.op not in _WRITERS:
            raise TypeError(f"{what}: x must be the result of an indexing such as a[1:3], "
                            f"not {x!r}")
        depth = getattr(x.tag, "indexing", None)
        if depth is None and node.op in _VIEWS:     # a[1:3].T: look through it
            y, _ = _WRITERS[node.op](node, y, set)
            x = node.inputs[0]
            continue
        for _ in range(depth or 1):
            y, set = _WRITERS[x.owner.op](x.owner, y, set)
            x = x.owner.inputs[0]
        return y


def set_subtensor(x, y, inplace=False, tolerate_inplace_aliasing=False):
    """Return a copy of an array in which a part is replaced: ``set_subtensor(a[1:3], y)``.

    Parameters
    ----------
    x : Variable
        The result of an indexing, of any kind; transposes and reshapes of it will do too.
    y : Variable or array_like
        Broadcasts to the shape of ``x``, and is cast to its dtype.
    inplace, tolerate_inplace_aliasing : bool
        Taken for Theano's sake. Whether memory is reused is decided when the program is made.

    Returns
    -------
    Variable
        In the shape and dtype of ``a``.

    Raises
    ------
    TypeError
        If ``x`` is not the result of an indexing, or ``y`` does not fit into its dtype.
    ValueError
        If ``y`` does not broadcast to the part.

    Notes
    -----
    Where an index array names an element twice, the last value counts; the gradient with respect
    to ``y`` does not know which one that was. The gradient is summed over axes on which ``y`` is
    known to have size 1: state it with ``addbroadcast`` where the type does not know.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> a = T.matrix("a")
    >>> T.set_subtensor(a[0, 1:], 7).type
    TensorType(float64, matrix)
    """
    return _write(x, y, True, "set_subtensor")


def inc_subtensor(x, y, inplace=False, set_instead_of_inc=False,
                  tolerate_inplace_aliasing=False):
    """Return a copy of an array with ``y`` added to a part: ``inc_subtensor(a[1:3], y)``.

    Parameters
    ----------
    x : Variable
        The result of an indexing, of any kind; transposes and reshapes of it will do too.
    y : Variable or array_like
        Broadcasts to the shape of ``x``, and is cast to its dtype.
    set_instead_of_inc : bool
        Whether to do what ``set_subtensor`` does.
    inplace, tolerate_inplace_aliasing : bool
        Taken for Theano's sake. Whether memory is reused is decided when the program is made.

    Returns
    -------
    Variable
        In the shape and dtype of ``a``. What an index array names twice is added twice.

    Raises
    ------
    TypeError
        If ``x`` is not the result of an indexing, or ``y`` does not fit into its dtype.
    ValueError
        If ``y`` does not broadcast to the part.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> a = T.vector("a")
    >>> T.inc_subtensor(a[[0, 0, 2]], 1).type
    TensorType(float64, vector)
    """
    return _write(x, y, set_instead_of_inc, "inc_subtensor")
