"""Choosing elements by indices and by masks: take, choose, compress, nonzero."""
import numpy as np

from cytensor._core import Variable
from cytensor.ops import elementwise as ew
from cytensor.ops.axes import expand_dims, permuted
from cytensor.ops.bounds import bounded_op
from cytensor.ops.gather import gather
from cytensor.ops.generate import counted
from cytensor.ops.indexing import places
from cytensor.ops.joining import stack, tensors
from cytensor.ops.registry import KIND, normal_axis, to_dtype
from cytensor.ops.views import as_size, as_tensor_variable, common_sizes, reshaped, sizes_of, spread


def _indices(indices, what):
    """Return integer indices as an int64 tensor."""
    if isinstance(indices, (list, tuple)) and not indices:
        indices = np.zeros(0, "int64")
    indices = as_tensor_variable(indices)
    if KIND[indices.type.dtype] not in "iu":
        raise TypeError(f"{what}: indices are integers, not {indices.type.dtype}")
    return to_dtype(indices, "int64")


def _within(indices, n, mode, what):
    """Return indices made to lie within 0 .. n-1 as ``mode`` says."""
    if mode == "raise":
        return indices
    last = ew.maximum(as_size(n) - 1, 0)
    if mode == "clip":
        return ew.clip(indices, 0, last)
    if mode == "wrap":
        return ew.mod(indices, last + 1)
    raise ValueError(f"{what}: mode is 'raise', 'wrap' or 'clip', not {mode!r}")


def take(x, indices, axis=None, mode="raise"):
    """Return the elements along an axis that indices name.

    Parameters
    ----------
    x : Variable
    indices : int or integer array_like
    axis : int, optional
        By default ``x`` is taken as a vector, in C order.
    mode : {'raise', 'wrap', 'clip'}
        What an index out of bounds does.

    Returns
    -------
    Variable
        With the axes of ``indices`` in place of ``axis``.

    Raises
    ------
    TypeError
        If the indices are not integers.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> T.take(T.matrix("x"), [[0, 1, 1]], axis=1).type.shape
    (None, 1, 3)
    """
    x, indices = as_tensor_variable(x), _indices(indices, "take")
    if axis is None:
        x, axis = reshaped(x, [-1]), 0
    axis = normal_axis(axis, x.type.ndim, "take")
    indices = _within(indices, sizes_of(x)[axis], mode, "take")
    return x[(slice(None),) * axis + (indices,)]


def take_along_axis(x, indices, axis=-1):
    """Return elements along an axis, by indices that differ from place to place.

    Parameters
    ----------
    x : Variable
    indices : integer array_like
        Of the rank of ``x``; its sizes are those of ``x``, or 1, but on ``axis``.
    axis : int, optional
        None takes ``x`` as a vector, in C order.

    Returns
    -------
    Variable
        In the shape of ``indices``, broadcast against ``x``.

    Raises
    ------
    ValueError
        If the ranks differ.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> x = T.matrix("x")
    >>> T.take_along_axis(x, T.argmax(x, axis=1, keepdims=True), axis=1).type
    TensorType(float64, col)
    """
    x, indices = as_tensor_variable(x), _indices(indices, "take_along_axis")
    if axis is None:
        x, axis = reshaped(x, [-1]), 0
    ndim = x.type.ndim
    if indices.type.ndim != ndim:
        raise ValueError(f"take_along_axis: x has {ndim} axes, indices {indices.type.ndim}")
    axis = normal_axis(axis, ndim, "take_along_axis")
    own = sizes_of(x)
    grid = [indices if i == axis else _along(counted(own[i]), i, ndim) for i in range(ndim)]
    return gather(x, *grid)


def _along(vector, axis, ndim):
    return permuted(vector, [0 if i == axis else -1 for i in range(ndim)])


def choose(a, choices, out=None, mode="raise"):
    """Build an array out of several: ``choices[a[i]][i]`` at each place ``i``.

    Parameters
    ----------
    a : integer array_like
    choices : sequence of Variable or array_like, or Variable
        All broadcast against each other and ``a``. Of an array, the first axis is the sequence.
    out : None
        Taken for NumPy's sake: a graph has no memory to write to.
    mode : {'raise', 'wrap', 'clip'}
        What a number out of bounds does.

    Returns
    -------
    Variable

    Raises
    ------
    TypeError
        If ``a`` does not hold integers.
    ValueError
        If ``out`` is given; with 'raise', in the run, if a number is out of bounds.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> T.choose(T.ivector("a"), [T.vector("x"), 0.0]).type
    TensorType(float64, vector)
    """
    if out is not None:
        raise ValueError("choose: there is no array to write to while the graph is built")
    a = _indices(a, "choose")
    if isinstance(choices, Variable):
        table, sizes = choices, common_sizes([a, choices[0]])
    else:
        choices = tensors(choices)
        sizes = common_sizes([a, *choices])
        table = stack([spread(choice, sizes) for choice in choices])
    n, ndim = sizes_of(table)[0], len(sizes)
    new = tuple(range(1, ndim + 2 - table.type.ndim))
    table = spread(expand_dims(table, new), [n, *sizes])
    a = bounded_op(a, as_size(n), what="choose") if mode == "raise" \
        else _within(a, n, mode, "choose")
    a = spread(a, sizes)
    return gather(table, a, *[_along(counted(m), i, ndim) for i, m in enumerate(sizes)])

# ----- by truth -----

def nonzero(x, return_matrix=False):
    """Return where elements are not zero.

    Parameters
    ----------
    x : Variable, with at least one axis
    return_matrix : bool
        Whether the result is one matrix, of a row for each axis.

    Returns
    -------
    tuple of Variable, int64
        The places as one vector of indices for each axis: what ``x[...]`` takes.

    Raises
    ------
    ValueError
        If ``x`` is 0-d.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> [i.type for i in T.nonzero(T.matrix("x"))]
    [TensorType(int64, vector), TensorType(int64, vector)]
    """
    x = as_tensor_variable(x)
    if x.type.ndim == 0:
        raise ValueError("nonzero: at least one axis is needed")
    vectors = places(x)
    return vectors[0].owner.inputs[0] if return_matrix else tuple(vectors)


def flatnonzero(x):
    """Return where elements are not zero, with ``x`` taken as a vector in C order.

    Parameters
    ----------
    x : Variable

    Returns
    -------
    Variable, 1-d, int64

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> T.flatnonzero(T.matrix("x")).type
    TensorType(int64, vector)
    """
    return nonzero(reshaped(as_tensor_variable(x), [-1]))[0]


def nonzero_values(x):
    """Return the elements that are not zero, in C order.

    Parameters
    ----------
    x : Variable

    Returns
    -------
    Variable, 1-d

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> T.nonzero_values(T.matrix("x")).type
    TensorType(float64, vector)
    """
    flat = reshaped(as_tensor_variable(x), [-1])
    return gather(flat, flatnonzero(flat))


def compress(condition, x, axis=None):
    """Return the entries along an axis for which a condition is true.

    Parameters
    ----------
    condition : Variable or array_like, 1-d
        May be shorter than the axis.
    x : Variable
    axis : int, optional
        By default ``x`` is taken as a vector, in C order.

    Returns
    -------
    Variable

    Raises
    ------
    ValueError
        If ``condition`` is not 1-d.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> T.compress([True, False, True], T.zeros((3, 2)), axis=0).type
    TensorType(float64, (None, 2))
    """
    condition = as_tensor_variable(condition)
    if condition.type.ndim != 1:
        raise ValueError(f"compress: condition is 1-d, not {condition.type.ndim}-d")
    return take(x, flatnonzero(condition), axis)
