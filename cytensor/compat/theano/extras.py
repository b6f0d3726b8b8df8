"""Functions of ``theano.tensor`` that are composed of others, and arrays from files."""
import numpy as np

from cytensor import tensor as T
from cytensor._core import TensorType
from cytensor.ops.objects import as_object, python_op


def stacklists(arg):
    """Stack nested lists of variables into one array."""
    if isinstance(arg, (tuple, list)):
        return T.stack([stacklists(item) for item in arg])
    return arg


# ----- permutations -----

def permute_row_elements(x, y, inverse=0):
    """Return the elements of each row of ``x`` in the order that a row of ``y`` gives.

    Parameters
    ----------
    x, y : Variable
        Their leading axes broadcast.
    inverse : bool
        Undo the permutation.
    """
    x, y = T.as_tensor_variable(x), T.as_tensor_variable(y)
    y = T.argsort(y, axis=-1) if inverse else y
    ndim = max(x.ndim, y.ndim)
    x, y = [T.shape_padleft(v, ndim - v.ndim) for v in (x, y)]
    sizes = [T.switch(T.eq(n, 1), m, n) for n, m in zip(_sizes(x), _sizes(y))][:-1]
    x, y = [T.broadcast_to(v, [*sizes, v.shape[ndim - 1]]) for v in (x, y)]
    return T.take_along_axis(x, y, axis=-1)


def _sizes(x):
    return [x.shape[i] for i in range(x.ndim)]


def inverse_permutation(perm):
    """Return the permutation that undoes another one, row by row."""
    perm = T.as_tensor_variable(perm)
    return T.cast(T.argsort(perm, axis=-1), perm.dtype)


def bincount(x, weights=None, minlength=None, assert_nonneg=False):
    """Count the values of a vector of integers, in its own dtype; see ``bincount``.

    Parameters
    ----------
    x : Variable, vector of int
    weights : Variable, optional
        What each value counts.
    minlength : int, optional
    assert_nonneg : bool
        Whether a negative value is an AssertionError; else it is a ValueError.
    """
    x = T.as_tensor_variable(x)
    counts = T.bincount(x, weights, 0 if minlength is None else minlength, assert_nonneg)
    return counts if weights is not None else T.cast(counts, x.dtype)


# ----- statistics -----

def cov(m, y=None, rowvar=True, bias=False, ddof=None, fweights=None, aweights=None):
    """Return the covariance matrix of variables.

    Parameters
    ----------
    m : Variable, vector or matrix
        A variable a row, an observation a column.
    y : Variable, optional
        More variables.
    rowvar : bool
        False if a variable is a column.
    bias : bool
        Divide by the number of observations, not by one less.
    ddof : int, optional
        What to subtract from that number, in place of ``bias``.
    fweights, aweights
        Not supported.

    Raises
    ------
    ValueError
        If there are more than two axes, or ``ddof`` is no integer.
    NotImplementedError
        If weights are given.
    """
    if fweights is not None or aweights is not None:
        raise NotImplementedError("cov: weights are not supported")
    if ddof is not None and ddof != int(ddof):
        raise ValueError("cov: ddof is an integer")
    x = _variables(m, rowvar)
    if y is not None:
        x = T.concatenate([x, _variables(y, rowvar)], axis=0)
    off = x - x.mean(axis=1, keepdims=True)
    count = off.shape[1] - (ddof if ddof is not None else 0 if bias else 1)
    dtype = off.dtype if off.dtype.startswith("float") else "float64"
    return T.dot(off, T.conj(off).T) / T.cast(count, dtype)


def _variables(m, rowvar):
    m = T.as_tensor_variable(m)
    if m.ndim > 2:
        raise ValueError("cov: m has more than 2 axes")
    m = T.shape_padleft(m, 2 - m.ndim)
    return m if rowvar or m.broadcastable[0] else m.T


# ----- files -----

def load(path, dtype, broadcastable, mmap_mode=None):
    """Return the array in a file of NumPy's, read anew in each call.

    Parameters
    ----------
    path : str or Variable of a path
    dtype : str
    broadcastable : sequence of bool
    mmap_mode : {None, "c"}
        "c" maps the file into memory.

    Raises
    ------
    ValueError
        If ``mmap_mode`` is another.
    """
    if mmap_mode not in (None, "c"):
        raise ValueError("the only supported values for mmap_mode are None and 'c', "
                         f"not {mmap_mode!r}")
    out = TensorType(dtype, [bool(b) for b in broadcastable])

    def perform(inputs, params):
        array = np.load(inputs[0], mmap_mode=mmap_mode)
        if array.dtype != out.dtype:
            raise TypeError(f"expected dtype {out.dtype} in {inputs[0]}, got {array.dtype}")
        return [np.array(array)]

    read = python_op("load", perform, lambda path: out)
    return read(as_object(path))
