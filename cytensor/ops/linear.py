"""Products of matrices and tensors. All are the op ``matmul``, between changes of shape."""
from cytensor.ops import elementwise as ew
from cytensor.ops.axes import moveaxis, permuted
from cytensor.ops.registry import common_dtype, normal_axis, structured, to_dtype
from cytensor.ops.views import (
    as_tensor_variable, dimshuffle_op, padded_left, product, promoted, reshaped, sizes_of)

# ----- the ops -----


def batch_sizes(S, first, second, what):
    """The sizes to which the batch axes of two stacks of matrices broadcast."""
    return tuple([m if type(n) is int and n == 1 else n if type(m) is int and m == 1 else
                  S.equal(n, m, what + ": batches of {a} and of {b} matrices do not broadcast")
                  for n, m in zip(first, second)])


def _matmul_sizes(S, shapes, inputs):
    a, b = shapes
    _check_rank(len(a) == len(b) >= 2, "matmul", inputs)
    S.equal(a[-1], b[-2], f"matmul: Shape mismatch: {inputs[0].type.shape} and "
            f"{inputs[1].type.shape}: x has {{a}} columns, but y has {{b}} rows")
    return (*batch_sizes(S, a[:-2], b[:-2], "matmul"), a[-2], b[-1])


def _check_rank(right, what, inputs):
    if not right:
        raise ValueError(f"{what}: shapes {', '.join([str(x.type.shape) for x in inputs])} "
                         "do not have the ranks that are wanted")


def turned(x):
    """Return ``x`` with its last two axes exchanged."""
    ndim = x.type.ndim
    return dimshuffle_op(x, order=(*range(ndim - 2), ndim - 1, ndim - 2))


def times(a, b):
    """Multiply two stacks of matrices of one rank; an outer product is elementwise."""
    if a.type.shape[-1] == 1 and b.type.shape[-2] == 1:
        return a * b
    return matmul_op(a, b)


matmul_op = structured(
    "matmul", lambda a, b: a.type.dtype, _matmul_sizes,
    lambda g, out, a, b: (times(g, turned(b)), times(turned(a), g)),
    coerce=promoted, doc="Multiply two stacks of matrices.")


def _gemm_sizes(S, shapes, inputs):
    c, a, b, alpha, beta = shapes
    _check_rank(len(a) == len(b) == len(c) == 2 and not alpha and not beta, "gemm", inputs)
    message = f"gemm: Shape mismatch: {', '.join([str(x.type.shape) for x in inputs[:3]])}"
    for n, m in ((a[1], b[0]), (c[0], a[0]), (c[1], b[1])):
        S.equal(n, m, message + ": {a} is not {b}")
    return c


def _gemm_vjp(g, out, c, a, b, alpha, beta):
    to_alpha = (g * times(a, b)).sum()
    return (g * beta, times(g, turned(b)) * alpha, times(turned(a), g) * alpha,
            to_alpha, (g * c).sum())


gemm = structured(
    "gemm", lambda c, a, b, alpha, beta: c.type.dtype, _gemm_sizes, _gemm_vjp, coerce=promoted,
    accumulates=True, doc="beta * c + alpha * (a @ b), for matrices.")

# ----- dtypes: BLAS has no float16, and truth values are or-ed -----

def _pair(x, y):
    """Return two arguments in the dtype to compute in, and the dtype of the result."""
    x, y = as_tensor_variable(x), as_tensor_variable(y)
    dtype = common_dtype([x, y])
    work = {"float16": "float32", "bool": "int64"}.get(dtype, dtype)
    return to_dtype(x, work), to_dtype(y, work), dtype


def _check_inner(what, x, y, i, j):
    """Check that axis i of x is as long as axis j of y, as far as it is known."""
    n, m = x.type.shape[i], y.type.shape[j]
    if n is not None and m is not None and n != m:
        raise ValueError(f"{what}: Shape mismatch: {x.type.shape} and {y.type.shape} "
                         f"(size {n} on axis {i} of x, {m} on axis {j} of y)")


def _contract(x, y, count):
    """Sum over the last ``count`` axes of x and the first ``count`` of y."""
    kept_x, kept_y = x.type.ndim - count, y.type.ndim - count
    sizes = sizes_of(x)[:kept_x] + sizes_of(y)[count:]
    out = times(_as_matrix(x, kept_x), _as_matrix(y, count))
    if (kept_x, kept_y) == (1, 1):
        return out
    if kept_x <= 1 and kept_y <= 1:
        return dimshuffle_op(out, order=tuple([0] * kept_x + [1] * kept_y))
    return reshaped(out, sizes)


def _as_matrix(x, rows):
    """Return ``x`` with its first ``rows`` axes merged into one, and its last as well."""
    if x.type.ndim == 2 and rows == 1:
        return x
    if x.type.ndim == 1:
        return permuted(x, (0, -1) if rows else (-1, 0))
    sizes = sizes_of(x)
    return reshaped(x, [product(sizes[:rows]), product(sizes[rows:])])


# ----- what users call -----

def dot(x, y):
    """Multiply matrices and vectors.

    Parameters
    ----------
    x, y : Variable or array_like
        If one is 0-d, this is ``x * y``. Else the last axis of ``x`` and the last but one (or
        only) axis of ``y`` are summed over.

    Returns
    -------
    Variable

    Raises
    ------
    ValueError
        'Shape mismatch', if the two axes differ in size.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> T.dot(T.fmatrix("x"), T.fvector("y")).type
    TensorType(float32, vector)
    """
    x, y, dtype = _pair(x, y)
    if x.type.ndim == 0 or y.type.ndim == 0:
        return to_dtype(x * y, dtype)
    inner = max(y.type.ndim - 2, 0)
    _check_inner("dot", x, y, x.type.ndim - 1, inner)
    return to_dtype(_contract(x, moveaxis(y, inner, 0), 1), dtype)


def matmul(x, y):
    """Multiply stacks of matrices: what ``x @ y`` does.

    Parameters
    ----------
    x : Variable or array_like, shape (..., n, k) or (k,)
    y : Variable or array_like, shape (..., k, m) or (k,)
        The leading axes broadcast against each other.

    Returns
    -------
    Variable, shape (..., n, m)
        The axis of a vector is left out.

    Raises
    ------
    ValueError
        'Shape mismatch', if the inner sizes differ; or if an argument is 0-d.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> T.matmul(T.zeros((5, 2, 3)), T.zeros((3, 4))).type.shape
    (5, 2, 4)
    """
    x, y, dtype = _pair(x, y)
    if x.type.ndim == 0 or y.type.ndim == 0:
        raise ValueError("matmul: a 0-d argument has no axis to sum over; use x * y")
    inner = max(y.type.ndim - 2, 0)
    _check_inner("matmul", x, y, x.type.ndim - 1, inner)
    if y.type.ndim <= 2:
        return to_dtype(_contract(x, y, 1), dtype)
    row = x.type.ndim == 1
    ndim = max(x.type.ndim, y.type.ndim)
    out = times(padded_left(x, ndim), padded_left(y, ndim))
    if row:
        out = permuted(out, [i for i in range(ndim) if i != ndim - 2])
    return to_dtype(out, dtype)


def tensordot(x, y, axes=2):
    """Sum over pairs of axes of two arrays.

    Parameters
    ----------
    x, y : Variable or array_like
    axes : int, or pair of (int or sequence of int)
        The axes of ``x``, and for each the one of ``y``. An int n stands for the last n axes
        of ``x`` and the first n of ``y``.

    Returns
    -------
    Variable
        The axes of ``x`` that are left, then those of ``y``.

    Raises
    ------
    ValueError
        'Shape mismatch', if two axes of a pair differ in size; or if there are not as many
        axes of ``x`` as of ``y``.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> T.tensordot(T.zeros((2, 3, 4)), T.zeros((4, 3, 5)), ((1, 2), (1, 0))).type.shape
    (2, 5)
    """
    x, y, dtype = _pair(x, y)
    first, second = _axis_pairs(x, y, axes, "tensordot")
    for i, j in zip(first, second):
        _check_inner("tensordot", x, y, i, j)
    x = permuted(x, [i for i in range(x.type.ndim) if i not in first] + first)
    y = permuted(y, second + [i for i in range(y.type.ndim) if i not in second])
    return to_dtype(_contract(x, y, len(first)), dtype)


def _axis_pairs(x, y, axes, what, skip=0):
    """Return the axes of x and those of y; an int does not count the first ``skip`` axes."""
    axes = axes.tolist() if hasattr(axes, "tolist") else axes
    if not isinstance(axes, (tuple, list)):
        n = axes.__index__()
        if not 0 <= n <= min(x.type.ndim, y.type.ndim) - skip:
            raise ValueError(f"{what}: axes={n}, but x has {x.type.ndim} axes, "
                             f"and y {y.type.ndim}")
        return list(range(x.type.ndim - n, x.type.ndim)), list(range(skip, skip + n))
    first, second = [list(a) if isinstance(a, (tuple, list)) else [a] for a in axes]
    if len(first) != len(second):
        raise ValueError(f"{what}: {len(first)} axes of x, but {len(second)} of y")
    first = [normal_axis(i, x.type.ndim, what) for i in first]
    second = [normal_axis(i, y.type.ndim, what) for i in second]
    if len(set(first)) != len(first) or len(set(second)) != len(second):
        raise ValueError(f"{what}: axes {axes} name an axis twice")
    return first, second


def _check_batch(x, y, what):
    if x.type.ndim == 0 or y.type.ndim == 0:
        raise TypeError(f"{what}: both arguments need a batch axis")
    _check_inner(what, x, y, 0, 0)


def batched_tensordot(x, y, axes=2):
    """Do ``tensordot`` for each entry of a first axis that two arrays share.

    Parameters
    ----------
    x, y : Variable or array_like, shape (batch, ...)
    axes : int, or pair of (int or sequence of int)
        As in ``tensordot``; axis 0 is the batch, and may not be named.

    Returns
    -------
    Variable, shape (batch, ...)

    Raises
    ------
    TypeError
        If an argument is 0-d.
    ValueError
        If sizes differ, or axis 0 is named.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> T.batched_tensordot(T.zeros((5, 2, 3)), T.zeros((5, 3, 4)), 1).type.shape
    (5, 2, 4)
    """
    x, y, dtype = _pair(x, y)
    _check_batch(x, y, "batched_tensordot")
    first, second = _axis_pairs(x, y, axes, "batched_tensordot", skip=1)
    if 0 in first or 0 in second:
        raise ValueError("batched_tensordot: axis 0 is the batch, and cannot be summed over")
    for i, j in zip(first, second):
        _check_inner("batched_tensordot", x, y, i, j)
    left = [i for i in range(1, x.type.ndim) if i not in first]
    right = [i for i in range(1, y.type.ndim) if i not in second]
    n, m = sizes_of(x), sizes_of(y)
    batch, summed = n[0], product([n[i] for i in first])
    a = reshaped(permuted(x, [0, *left, *first]), [batch, product([n[i] for i in left]), summed])
    b = reshaped(permuted(y, [0, *second, *right]),
                 [batch, summed, product([m[i] for i in right])])
    sizes = [batch, *[n[i] for i in left], *[m[i] for i in right]]
    return to_dtype(reshaped(times(a, b), sizes), dtype)


def batched_dot(x, y):
    """Do ``dot`` for each entry of a first axis that two arrays share.

    Parameters
    ----------
    x, y : Variable or array_like, shape (batch, ...)

    Returns
    -------
    Variable, shape (batch, ...)

    Raises
    ------
    TypeError
        If an argument is 0-d.
    ValueError
        If sizes differ.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> T.batched_dot(T.zeros((5, 2, 3)), T.zeros((5, 3))).type.shape
    (5, 2)
    """
    x, y, dtype = _pair(x, y)
    _check_batch(x, y, "batched_dot")
    if x.type.ndim == 1 or y.type.ndim == 1:
        x, y = [permuted(a, [0] + [-1] * (b.type.ndim - 1)) if a.type.ndim == 1 else a
                for a, b in ((x, y), (y, x))]
        return to_dtype(x * y, dtype)
    if x.type.ndim == 3 and y.type.ndim == 3:
        _check_inner("batched_dot", x, y, 2, 1)
        return to_dtype(times(x, y), dtype)
    axes = [x.type.ndim - 1], [max(1, y.type.ndim - 2)]
    return to_dtype(batched_tensordot(x, y, axes), dtype)


def inner(x, y):
    """Sum over the last axes of two arrays.

    Parameters
    ----------
    x, y : Variable or array_like
        If one is 0-d, this is ``x * y``.

    Returns
    -------
    Variable

    Raises
    ------
    ValueError
        'Shape mismatch', if the last axes differ in size.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> T.inner(T.zeros((2, 3)), T.zeros((4, 3))).type.shape
    (2, 4)
    """
    x, y = as_tensor_variable(x), as_tensor_variable(y)
    if x.type.ndim == 0 or y.type.ndim == 0:
        return x * y
    return tensordot(x, y, ((-1,), (-1,)))


def outer(x, y):
    """Multiply each element of one array with each of another.

    Parameters
    ----------
    x, y : Variable or array_like
        Taken as vectors, in C order.

    Returns
    -------
    Variable, shape (x.size, y.size)

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> T.outer(T.vector("x"), T.vector("y")).type
    TensorType(float64, matrix)
    """
    x, y = [a if a.type.ndim == 1 else reshaped(a, [-1])
            for a in (as_tensor_variable(x), as_tensor_variable(y))]
    return permuted(x, (0, -1)) * permuted(y, (-1, 0))


def vdot(x, y):
    """Return the dot product of two arrays taken as vectors; ``x`` is conjugated.

    Parameters
    ----------
    x, y : Variable or array_like
        Of one size.

    Returns
    -------
    Variable, 0-d

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> T.vdot(T.fmatrix("x"), T.fmatrix("y")).type
    TensorType(float32, scalar)
    """
    x, y = as_tensor_variable(x), as_tensor_variable(y)
    x = ew.conj(x) if x.type.dtype.startswith("complex") else x
    return dot(reshaped(x, [-1]), reshaped(y, [-1]))


def kron(x, y):
    """Return the Kronecker product: each element of ``x`` times the whole of ``y``.

    Parameters
    ----------
    x, y : Variable or array_like
        The one with fewer axes gets axes of size 1 in front.

    Returns
    -------
    Variable
        Each size is the product of theirs.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> T.kron(T.zeros((2, 3)), T.zeros((4, 5))).type.shape
    (8, 15)
    """
    x, y = as_tensor_variable(x), as_tensor_variable(y)
    ndim = max(x.type.ndim, y.type.ndim)
    x, y = padded_left(x, ndim), padded_left(y, ndim)
    sizes = [product(pair) for pair in zip(sizes_of(x), sizes_of(y))]
    coarse = permuted(x, [i for axis in range(ndim) for i in (axis, -1)])
    fine = permuted(y, [i for axis in range(ndim) for i in (-1, axis)])
    return reshaped(coarse * fine, sizes)
