"""Losses and layers of classifiers under Theano's names: compositions of softmax, pick and dot."""
from cytensor.ops.axes import permuted
from cytensor.ops.gather import pick, unpick
from cytensor.ops.generate import filled
from cytensor.ops.joining import join
from cytensor.ops.linear import batched_dot, dot, tensordot
from cytensor.ops.reduce import argmax, max as max_
from cytensor.ops.registry import KIND, is_weak, to_dtype
from cytensor.ops.softmax import logsoftmax, softmax
from cytensor.ops.views import as_tensor_variable, reshaped, sizes_of, spread

# ----- losses -----

def crossentropy_softmax_argmax_1hot_with_bias(x, b, y_idx):
    """Return the cross-entropy of true classes under ``softmax(x + b)``, and what leads to it.

    Parameters
    ----------
    x : Variable, shape (n, k)
    b : Variable, shape (k,)
    y_idx : Variable, shape (n,), integers
        The true classes.

    Returns
    -------
    list of Variable
        The losses (n,), the softmax (n, k), and the most probable classes (n,) in the dtype of
        ``y_idx``.

    Raises
    ------
    ValueError
        If an argument has not the rank that is wanted.
    TypeError
        If the classes are no integers.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> args = T.fmatrix("x"), T.fvector("b"), T.ivector("y")
    >>> [out.type for out in T.nnet.crossentropy_softmax_argmax_1hot_with_bias(*args)]
    [TensorType(float32, vector), TensorType(float32, matrix), TensorType(int32, vector)]
    """
    what = "crossentropy_softmax_argmax_1hot_with_bias"
    x, b, y = [as_tensor_variable(v) for v in (x, b, y_idx)]
    for name, v, ndim in (("x", x, 2), ("b", b, 1), ("y_idx", y, 1)):
        if v.type.ndim != ndim:
            raise ValueError(f"{what}: {name} has {ndim} axes, not {v.type.ndim}")
    if KIND[y.type.dtype] not in "iu":
        raise TypeError(f"{what}: classes are integers, not {y.type.dtype}")
    z = x + b
    return [-pick(logsoftmax(z), y), softmax(z), to_dtype(argmax(z, axis=-1), y.type.dtype)]


def crossentropy_softmax_1hot_with_bias(x, b, y_idx):
    """Return the cross-entropy of true classes under ``softmax(x + b)``, and the softmax.

    Parameters
    ----------
    x : Variable, shape (n, k)
    b : Variable, shape (k,)
    y_idx : Variable, shape (n,), integers
        The true classes.

    Returns
    -------
    list of Variable
        The losses (n,), and the softmax (n, k).

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> args = T.fmatrix("x"), T.fvector("b"), T.ivector("y")
    >>> [out.type.ndim for out in T.nnet.crossentropy_softmax_1hot_with_bias(*args)]
    [1, 2]
    """
    return crossentropy_softmax_argmax_1hot_with_bias(x, b, y_idx)[:2]


def crossentropy_softmax_1hot(x, y_idx):
    """Return the cross-entropy of true classes under ``softmax(x)``, and the softmax.

    Parameters
    ----------
    x : Variable, shape (n, k)
    y_idx : Variable, shape (n,), integers
        The true classes.

    Returns
    -------
    list of Variable
        The losses (n,), and the softmax (n, k).

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> [out.type.ndim for out in T.nnet.crossentropy_softmax_1hot(T.fmatrix("x"), [0, 1])]
    [1, 2]
    """
    x = as_tensor_variable(x)
    return crossentropy_softmax_1hot_with_bias(x, _no_bias(x), y_idx)


def _no_bias(x):
    return filled(0, sizes_of(x)[-1:], x.type.dtype)


def crossentropy_softmax_max_and_argmax_1hot_with_bias(x, b, y_idx):
    """Return the cross-entropy of true classes under ``softmax(x + b)``, and its largest entries.

    Parameters
    ----------
    x : Variable, shape (n, k)
    b : Variable, shape (k,)
    y_idx : Variable, shape (n,), integers
        The true classes.

    Returns
    -------
    tuple of Variable
        The losses (n,), the softmax (n, k), its largest entries (n,) and where they are (n,).

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> args = T.fmatrix("x"), T.fvector("b"), T.ivector("y")
    >>> len(T.nnet.crossentropy_softmax_max_and_argmax_1hot_with_bias(*args))
    4
    """
    losses, p = crossentropy_softmax_1hot_with_bias(x, b, y_idx)
    return losses, p, max_(p, axis=-1), argmax(p, axis=-1)


def crossentropy_softmax_max_and_argmax_1hot(x, y_idx):
    """Return the cross-entropy of true classes under ``softmax(x)``, and its largest entries.

    Parameters
    ----------
    x : Variable, shape (n, k)
    y_idx : Variable, shape (n,), integers
        The true classes.

    Returns
    -------
    tuple of Variable
        The losses (n,), the softmax (n, k), its largest entries (n,) and where they are (n,).

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> len(T.nnet.crossentropy_softmax_max_and_argmax_1hot(T.fmatrix("x"), [0, 1]))
    4
    """
    x = as_tensor_variable(x)
    return crossentropy_softmax_max_and_argmax_1hot_with_bias(x, _no_bias(x), y_idx)


def crossentropy_categorical_1hot_grad(g_y, coding_dist, true_one_of_n):
    """Return the gradient of ``crossentropy_categorical_1hot`` with respect to distributions.

    Parameters
    ----------
    g_y : Variable, shape (n,)
        The gradient with respect to the losses.
    coding_dist : Variable, shape (n, k)
    true_one_of_n : Variable, shape (n,), integers

    Returns
    -------
    Variable, shape (n, k)

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> T.nnet.crossentropy_categorical_1hot_grad(
    ...     T.constant([1.0]), T.constant([[0.25, 0.75]]), T.constant([0])).eval()
    array([[-4.,  0.]])
    """
    g, p, y = [as_tensor_variable(v) for v in (g_y, coding_dist, true_one_of_n)]
    return unpick(to_dtype(-g / pick(p, y), p.type.dtype), y, sizes_of(p)[-1])


# ----- matrices with one more column -----

def prepend_scalar_to_each_row(val, mat):
    """Return a matrix with a column of one value in front.

    Parameters
    ----------
    val : number or 0-d variable
    mat : Variable, 2-d

    Returns
    -------
    Variable, 2-d

    Raises
    ------
    TypeError
        If ``mat`` is no matrix.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> T.nnet.prepend_scalar_to_each_row(5.0, T.zeros((2, 2))).eval()
    array([[5., 0., 0.],
           [5., 0., 0.]])
    """
    mat = as_tensor_variable(mat)
    if mat.type.ndim != 2:
        raise TypeError(f"prepend_scalar_to_each_row: a matrix is wanted, not {mat.type.ndim}-d")
    val = to_dtype(val if is_weak(val) else as_tensor_variable(val), mat.type.dtype)
    return join(1, spread(val, [sizes_of(mat)[0], 1]), mat)


def prepend_0_to_each_row(mat):
    """Return a matrix with a column of zeros in front.

    Parameters
    ----------
    mat : Variable, 2-d

    Returns
    -------
    Variable, 2-d

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> T.nnet.prepend_0_to_each_row(T.ones((1, 2))).eval()
    array([[0., 1., 1.]])
    """
    return prepend_scalar_to_each_row(0, mat)


def prepend_1_to_each_row(mat):
    """Return a matrix with a column of ones in front.

    Parameters
    ----------
    mat : Variable, 2-d

    Returns
    -------
    Variable, 2-d

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> T.nnet.prepend_1_to_each_row(T.zeros((1, 2))).eval()
    array([[1., 0., 0.]])
    """
    return prepend_scalar_to_each_row(1, mat)


# ----- a softmax in two steps -----

def h_softmax(x, batch_size, n_outputs, n_classes, n_outputs_per_class, W1, b1, W2, b2,
              target=None):
    """Return a hierarchical softmax: first over classes of outputs, then within a class.

    Parameters
    ----------
    x : Variable, shape (batch_size, features)
    batch_size, n_outputs, n_classes, n_outputs_per_class : int or 0-d variable
        There are at most ``n_classes * n_outputs_per_class`` outputs; the first
        ``n_outputs_per_class`` form the first class.
    W1 : Variable, shape (features, n_classes)
    b1 : Variable, shape (n_classes,)
    W2 : Variable, shape (n_classes, features, n_outputs_per_class)
    b2 : Variable, shape (n_classes, n_outputs_per_class)
    target : Variable, batch_size integers, optional
        One output for each row. Only its probability is computed then.

    Returns
    -------
    Variable, shape (batch_size, n_outputs), or (batch_size,) for a target

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> x, W1, W2 = T.matrix("x"), T.matrix("W1"), T.tensor3("W2")
    >>> T.nnet.h_softmax(x, 8, 6, 2, 3, W1, T.vector("b1"), W2, T.matrix("b2")).type.shape
    (8, 6)
    """
    classes = softmax(dot(x, W1) + b1)
    W2, b2 = as_tensor_variable(W2), as_tensor_variable(b2)
    if target is None:
        within = softmax(tensordot(x, W2, ((1,), (1,))) + b2)
        joint = permuted(classes, (0, 1, -1)) * within
        return reshaped(joint, [batch_size, n_classes * n_outputs_per_class])[:, :n_outputs]
    target = reshaped(as_tensor_variable(target), [-1])
    its_class = target // n_outputs_per_class
    within = softmax(batched_dot(x, W2[its_class]) + b2[its_class])
    return pick(classes, its_class) * pick(within, target % n_outputs_per_class)
