"""Softmax and its kin, and the losses that go with it.

softmax, logsoftmax and logsumexp are composite ops: rewrites recognise them by name, and what is
left of them is expanded into parts that fuse.
"""
from cytensor.ops import elementwise as ew
from cytensor.ops.axes import permuted
from cytensor.ops.counting import unique
from cytensor.ops.gather import pick, unpick
from cytensor.ops.generate import dtype_or_floatX, filled
from cytensor.ops.joining import join
from cytensor.ops.linear import dot
from cytensor.ops.reduce import kept, max_op, sum_op
from cytensor.ops.registry import (
    FLOAT_OF, KIND, dtype_of, is_weak, normal_axes, structured, to_dtype)
from cytensor.ops.views import as_tensor_variable, sizes_of

# ----- the ops -----

def _total(x, axis):
    return sum_op(x, axis=axis, keepdims=True)


def _largest(x, axis):
    return max_op(x, axis=axis, keepdims=True)


def _expand_softmax(x, *, axis):
    e = ew.exp(x - _largest(x, axis))       # at most 1: no overflow
    return e * ew.reciprocal(_total(e, axis))       # one division a row


def _expand_logsoftmax(x, *, axis):
    off = x - _largest(x, axis)
    return off - ew.log(_total(ew.exp(off), axis))


def _expand_logsumexp(x, *, axis, keepdims):
    top = _largest(x, axis)
    top = ew.switch(ew.isinf(top), 0, top)  # inf - inf would be NaN
    out = ew.log(_total(ew.exp(x - top), axis)) + top
    return out if keepdims else permuted(out, [i for i in range(x.ndim) if i not in axis])


def _composite(name, sizes, vjp, expand, doc):
    return structured(name, dtype_of(0), sizes, vjp, kind="composite", expand=expand, doc=doc)


def _same_sizes(S, shapes, inputs, *, axis):
    return shapes[0]


def _logsumexp_sizes(S, shapes, inputs, *, axis, keepdims):
    return tuple([1 if i in axis else n for i, n in enumerate(shapes[0])
                  if keepdims or i not in axis])


def _logsumexp_vjp(g, out, x, *, axis, keepdims):
    g, out = kept(g, x.ndim, axis, keepdims), kept(out, x.ndim, axis, keepdims)
    return (g * ew.exp(x - out),)


softmax_op = _composite(
    "softmax", _same_sizes,
    lambda g, y, x, *, axis: ((g - _total(g * y, axis)) * y,), _expand_softmax,
    "exp(x) / sum(exp(x)) along axes.")

logsoftmax_op = _composite(
    "logsoftmax", _same_sizes,
    lambda g, y, x, *, axis: (g - ew.exp(y) * _total(g, axis),), _expand_logsoftmax,
    "x - log(sum(exp(x))) along axes.")

logsumexp_op = _composite(
    "logsumexp", _logsumexp_sizes, _logsumexp_vjp, _expand_logsumexp,
    "log(sum(exp(x))) along axes.")


def _as_float(x):
    """Return (x in a dtype to compute in, the dtype of the result)."""
    x = as_tensor_variable(x)
    dtype = FLOAT_OF[x.type.dtype]
    return to_dtype(x, "float32" if dtype == "float16" else dtype), dtype


# ----- what users call -----

def softmax(x, axis=-1):
    """Return ``exp(x) / sum(exp(x))`` along axes, without overflow.

    Parameters
    ----------
    x : Variable
    axis : int or tuple of int, optional
        None takes all axes.

    Returns
    -------
    Variable
        In the shape of ``x``: a vector stays a vector.

    Raises
    ------
    AxisError
        If ``x`` has no such axis.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> T.softmax(T.fmatrix("x")).type
    TensorType(float32, matrix)
    """
    x, dtype = _as_float(x)
    return to_dtype(softmax_op(x, axis=normal_axes(axis, x.type.ndim, "softmax")), dtype)


def logsoftmax(x, axis=-1):
    """Return ``log(softmax(x))`` along axes, exact also where the softmax is 0.

    Parameters
    ----------
    x : Variable
    axis : int or tuple of int, optional
        None takes all axes.

    Returns
    -------
    Variable
        In the shape of ``x``.

    Raises
    ------
    AxisError
        If ``x`` has no such axis.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> T.logsoftmax(T.fmatrix("x")).type
    TensorType(float32, matrix)
    """
    x, dtype = _as_float(x)
    return to_dtype(logsoftmax_op(x, axis=normal_axes(axis, x.type.ndim, "logsoftmax")), dtype)


log_softmax = logsoftmax


def logsumexp(x, axis=None, keepdims=False):
    """Return ``log(sum(exp(x)))`` along axes, without overflow.

    Parameters
    ----------
    x : Variable
    axis : int or tuple of int, optional
        By default all.
    keepdims : bool
        Whether the axes stay, with size 1.

    Returns
    -------
    Variable

    Raises
    ------
    AxisError
        If ``x`` has no such axis.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> T.logsumexp(T.fmatrix("x"), axis=1).type
    TensorType(float32, vector)
    """
    x, dtype = _as_float(x)
    axis = normal_axes(axis, x.type.ndim, "logsumexp")
    return to_dtype(logsumexp_op(x, axis=axis, keepdims=bool(keepdims)), dtype)


def softmax_with_bias(x, b):
    """Return ``softmax(x + b)`` along the last axis.

    Parameters
    ----------
    x : Variable, shape (n, k)
    b : Variable, shape (k,)

    Returns
    -------
    Variable, shape (n, k)

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> T.softmax_with_bias(T.fmatrix("x"), T.fvector("b")).type
    TensorType(float32, matrix)
    """
    return softmax(as_tensor_variable(x) + b)


# ----- losses -----

def _log_of(p):
    """Return log(p); of a softmax directly, so that what is close to 0 keeps its digits."""
    if p.owner is not None and p.owner.op is softmax_op:
        return logsoftmax_op(p.owner.inputs[0], axis=p.owner.params["axis"])
    return ew.log(p)


def categorical_crossentropy(coding_dist, true_dist):
    """Return the cross-entropy between distributions, or of classes under distributions.

    Parameters
    ----------
    coding_dist : Variable, shape (..., k)
        Each row is a distribution.
    true_dist : Variable, shape (..., k), or integers of shape (...)
        The true distributions, or the true classes.

    Returns
    -------
    Variable, shape (...)

    Raises
    ------
    TypeError
        If ``true_dist`` has neither the rank of ``coding_dist`` nor one less, or classes are no
        integers.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> T.categorical_crossentropy(T.fmatrix("p"), T.ivector("y")).type
    TensorType(float32, vector)
    """
    p, true = as_tensor_variable(coding_dist), as_tensor_variable(true_dist)
    if true.type.ndim == p.type.ndim:
        return -(true * _log_of(p)).sum(axis=-1)
    if true.type.ndim == p.type.ndim - 1:
        return crossentropy_categorical_1hot(p, true)
    raise TypeError(f"categorical_crossentropy: for a coding_dist of {p.type.ndim} axes, "
                    f"true_dist has as many or one less, not {true.type.ndim}")


def crossentropy_categorical_1hot(coding_dist, true_one_of_n):
    """Return the cross-entropy of true classes under distributions.

    Parameters
    ----------
    coding_dist : Variable, shape (..., k)
        Each row is a distribution.
    true_one_of_n : Variable, shape (...)
        The true classes, as integers.

    Returns
    -------
    Variable, shape (...)
        ``-log(coding_dist[i, true_one_of_n[i]])``.

    Raises
    ------
    TypeError
        If the classes are no integers.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> T.crossentropy_categorical_1hot(T.fmatrix("p"), T.ivector("y")).type
    TensorType(float32, vector)
    """
    p, y = as_tensor_variable(coding_dist), as_tensor_variable(true_one_of_n)
    if p.owner is not None and p.owner.op is softmax_op:
        return -pick(_log_of(p), y)
    return -ew.log(pick(p, y))


def binary_crossentropy(output, target):
    """Return the cross-entropy between probabilities, element by element.

    Parameters
    ----------
    output, target : Variable
        Probabilities; ``output`` those that are judged.

    Returns
    -------
    Variable
        ``-(target * log(output) + (1 - target) * log(1 - output))``.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> T.binary_crossentropy(T.fvector("p"), T.fvector("t")).type
    TensorType(float32, vector)
    """
    p = as_tensor_variable(output)
    t = target if is_weak(target) else as_tensor_variable(target)
    return -(t * ew.log(p) + (1 - t) * ew.log1p(-p))


def sigmoid_binary_crossentropy(output, target):
    """Return ``binary_crossentropy(sigmoid(output), target)``, without overflow.

    Parameters
    ----------
    output : Variable
        Log odds.
    target : Variable
        Probabilities.

    Returns
    -------
    Variable

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> T.sigmoid_binary_crossentropy(T.fvector("x"), T.fvector("t")).type
    TensorType(float32, vector)
    """
    x = as_tensor_variable(output)
    t = target if is_weak(target) else as_tensor_variable(target)
    return t * ew.softplus(-x) + (1 - t) * ew.softplus(x)


# ----- classes -----

def to_one_hot(y, nb_class, dtype=None):
    """Return rows of zeros with a one at the place of each class.

    Parameters
    ----------
    y : Variable, shape (...), integers
    nb_class : int or 0-d variable
    dtype : str, optional
        By default ``config.floatX``.

    Returns
    -------
    Variable, shape (..., nb_class)

    Raises
    ------
    TypeError
        If ``y`` does not hold integers.
    IndexError
        In the run, if a class is not below ``nb_class``.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> T.to_one_hot(T.ivector("y"), 10, "float32").type
    TensorType(float32, (None, 10))
    """
    y = as_tensor_variable(y)
    if KIND[y.type.dtype] not in "iu":
        raise TypeError(f"to_one_hot: classes are integers, not {y.type.dtype}")
    return unpick(filled(1, sizes_of(y), dtype_or_floatX(dtype)), y, nb_class)


def confusion_matrix(actual, pred):
    """Count how often each class was taken for each other.

    Parameters
    ----------
    actual, pred : Variable, 1-d
        The true classes, and those that were predicted.

    Returns
    -------
    list of Variable
        The matrix (int64): rows are true classes, columns are predicted ones. And the classes
        that occur, in ascending order.

    Raises
    ------
    ValueError
        If an argument is not 1-d.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> [out.type for out in T.confusion_matrix(T.ivector("y"), T.ivector("p"))]
    [TensorType(int64, matrix), TensorType(int32, vector)]
    """
    pair = [as_tensor_variable(x) for x in (actual, pred)]
    for x in pair:
        if x.type.ndim != 1:
            raise ValueError(f"confusion_matrix: vectors are wanted, not {x.type.ndim}-d")
    order = unique(join(0, *pair))
    hot = [ew.eq(permuted(x, (0, -1)), order).astype("int64") for x in pair]
    return [dot(hot[0].T, hot[1]), order]
