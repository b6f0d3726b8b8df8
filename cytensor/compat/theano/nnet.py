"""Functions of ``theano.tensor.nnet`` as Theano defines them."""
from cytensor import tensor as T
from cytensor.ops.bounds import bounded_op
from cytensor.tensor import nnet

_FLOATS = ("float16", "float32", "float64")


def _rows(x, what):
    """Return ``x`` as a matrix: a vector is one row."""
    x = T.as_tensor_variable(x)
    if x.ndim not in (1, 2) or x.dtype not in _FLOATS:
        raise ValueError(f"{what}: x must be 1-d or 2-d tensor of floats. Got {x.type}")
    return x.dimshuffle("x", 0) if x.ndim == 1 else x


def softmax(c):
    """Return the softmax of each row of a matrix; a vector becomes one row."""
    return nnet.softmax(_rows(c, "softmax"), axis=1)


def logsoftmax(c):
    """Return the logarithm of the softmax of each row of a matrix."""
    return nnet.logsoftmax(_rows(c, "logsoftmax"), axis=1)


def softmax_graph(c):
    """Return the softmax along the last axis, as its parts."""
    return T.exp(c) / T.exp(c).sum(axis=-1, keepdims=True)


def softmax_with_bias(x, b):
    """Return the softmax of each row of ``x + b``.

    Raises
    ------
    ValueError
        If ``x`` is not a matrix, or ``b`` not a vector, of floats.
    """
    x, b = T.as_tensor_variable(x), T.as_tensor_variable(b)
    if x.ndim != 2 or x.dtype not in _FLOATS:
        raise ValueError("x must be 2-d tensor of floats")
    if b.ndim != 1 or b.dtype not in _FLOATS:
        raise ValueError("b must be 1-d tensor of floats")
    return nnet.softmax(x + b, axis=1)


def relu(x, alpha=0):
    """Return ``x`` where it is positive, else ``alpha * x``; the derivative at 0 is the mean."""
    x = T.as_tensor_variable(x)
    if isinstance(alpha, (int, float)) and alpha == 0:
        return 0.5 * (x + abs(x))
    alpha = T.as_tensor_variable(alpha)
    return 0.5 * (1 + alpha) * x + 0.5 * (1 - alpha) * abs(x)


# ----- cross-entropy with softmax -----

def _within(y_idx, x):
    """Return indices of the columns of ``x``; the run checks them, and none counts from the end."""
    return bounded_op(y_idx, x.shape[1], what="crossentropy")


def crossentropy_softmax_argmax_1hot_with_bias(x, b, y_idx):
    """Return (cross-entropy, softmax, argmax) of each row of ``x + b``.

    Parameters
    ----------
    x : matrix
    b : vector
    y_idx : vector of int
        The right column of each row.

    Raises
    ------
    ValueError
        If the ranks or dtypes are others; and in the run, if an index is too large, or negative.
    """
    x, b, y_idx = [T.as_tensor_variable(v) for v in (x, b, y_idx)]
    if x.ndim != 2 or x.dtype not in _FLOATS:
        raise ValueError("x must be 2-d tensor of floats", x.type)
    if b.ndim != 1 or b.dtype not in _FLOATS:
        raise ValueError("b must be 1-d tensor of floats", b.type)
    if y_idx.ndim != 1 or y_idx.dtype[:3] not in ("int", "uin"):
        raise ValueError("y_idx must be 1-d tensor of [u]ints", y_idx.type)
    y_idx = _within(y_idx, x)
    p = nnet.softmax(x + b, axis=1)
    return nnet.crossentropy_categorical_1hot(p, y_idx), p, T.argmax(x + b, axis=1)


def crossentropy_softmax_1hot_with_bias(x, b, y_idx):
    """Return (cross-entropy, softmax) of each row of ``x + b``."""
    return crossentropy_softmax_argmax_1hot_with_bias(x, b, y_idx)[:2]


def crossentropy_softmax_1hot(x, y_idx):
    """Return (cross-entropy, softmax) of each row of ``x``."""
    x = T.as_tensor_variable(x)
    return crossentropy_softmax_1hot_with_bias(x, T.zeros_like(x[0, :]), y_idx)


def crossentropy_softmax_max_and_argmax_1hot_with_bias(x, b, y_idx):
    """Return (cross-entropy, softmax, max of the softmax, argmax) of each row of ``x + b``."""
    xent, p = crossentropy_softmax_1hot_with_bias(x, b, y_idx)
    largest, where = T.max_and_argmax(p, axis=-1)
    return xent, p, largest, where


def crossentropy_softmax_max_and_argmax_1hot(x, y_idx):
    """Return (cross-entropy, softmax, max of the softmax, argmax) of each row of ``x``."""
    x = T.as_tensor_variable(x)
    return crossentropy_softmax_max_and_argmax_1hot_with_bias(x, T.zeros_like(x[0, :]), y_idx)


def softmax_grad(dy, sm):
    """Return the gradient of a softmax of rows: ``sm`` is its value, ``dy`` that from above."""
    dy, sm = T.as_tensor_variable(dy), T.as_tensor_variable(sm)
    return (dy - (dy * sm).sum(axis=1, keepdims=True)) * sm


def crossentropy_softmax_1hot_with_bias_dx(dy, sm, y_idx):
    """Return the gradient of cross-entropy with softmax: ``sm`` is the softmax."""
    sm, y_idx = T.as_tensor_variable(sm), T.as_tensor_variable(y_idx)
    if y_idx.dtype[:3] not in ("int", "uin"):
        raise ValueError("y_idx must be 1-d tensor of [u]ints", y_idx.type)
    hit = T.inc_subtensor(sm[T.arange(y_idx.shape[0]), _within(y_idx, sm)], -1)
    return _for_rows(dy) * hit


def crossentropy_categorical_1hot_grad(g_y, coding_dist, true_one_of_n):
    """Return the gradient of cross-entropy in the distributions; ``g_y`` is that from above."""
    p, y_idx = T.as_tensor_variable(coding_dist), T.as_tensor_variable(true_one_of_n)
    hit = T.set_subtensor(T.zeros_like(p)[T.arange(y_idx.shape[0]), y_idx], -1)
    return _for_rows(g_y) * hit / p


def _for_rows(g):
    """One number for each row, or for all of them, as it is multiplied with a matrix."""
    g = T.as_tensor_variable(g)
    return T.shape_padright(g) if g.ndim else g


# ----- a column in front -----

def prepend_scalar_to_each_row(value, matrix):
    """Return a matrix with a column of one number in front."""
    matrix = T.as_tensor_variable(matrix)
    column = T.alloc(T.cast(value, matrix.dtype), matrix.shape[0], 1)
    return T.concatenate([column, matrix], axis=1)


def prepend_0_to_each_row(matrix):
    """Return a matrix with a column of zeros in front."""
    return prepend_scalar_to_each_row(0.0, matrix)


def prepend_1_to_each_row(matrix):
    """Return a matrix with a column of ones in front."""
    return prepend_scalar_to_each_row(1.0, matrix)
