"""Functions of matrices: powers, exponentials, products of many; and equations of tensors."""
from cytensor.ops.axes import moveaxis
from cytensor.ops.generate import filled
from cytensor.ops.joining import concatenate
from cytensor.ops.linear import dot, matmul, turned
from cytensor.ops.registry import dtype_of, normal_axis
from cytensor.ops.shape import reshape
from cytensor.ops.solve import inverse_op, solve
from cytensor.ops.stacks import (
    as_matrices, factorisation, identity_of, square_sizes)
from cytensor.ops.views import as_tensor_variable, product, reshaped, sizes_of, spread

# ----- exponential -----

def _expm_vjp(g, out, x):
    """The derivative in the direction g, read off the exponential of a block matrix."""
    xt, n = turned(x), sizes_of(x)[-1]
    *before, _, _ = sizes_of(x)
    zeros = filled(0, [*before, n, n], x.type.dtype)
    block = concatenate([concatenate([xt, g], axis=-1), concatenate([zeros, xt], axis=-1)],
                        axis=-2)
    return (expm_op(block)[..., :n, n:],)


expm_op = factorisation(
    "expm", dtype_of(0), square_sizes("expm"), _expm_vjp, doc="The exponential of matrices.")


def expm(x):
    """Return the exponential of square matrices.

    Parameters
    ----------
    x : Variable or array_like, shape (..., n, n)

    Returns
    -------
    Variable, shape (..., n, n)

    Examples
    --------
    >>> from cytensor.tensor import slinalg
    >>> slinalg.expm([[0.0, 1.0], [0.0, 0.0]]).eval()
    array([[1., 1.],
           [0., 1.]])
    """
    return expm_op(*as_matrices("expm", x))

# ----- powers and products -----

def matrix_power(x, n):
    """Return the n-th power of square matrices.

    Parameters
    ----------
    x : Variable or array_like, shape (..., m, m)
    n : int
        0 gives unit matrices; a negative power is one of the inverse.

    Returns
    -------
    Variable, shape (..., m, m)

    Examples
    --------
    >>> from cytensor.tensor import nlinalg
    >>> nlinalg.matrix_power([[1.0, 1.0], [0.0, 1.0]], 3).eval()
    array([[1., 3.],
           [0., 1.]])
    """
    x, n = as_tensor_variable(x), n.__index__()
    if n < 0:
        x, n = inverse_op(*as_matrices("matrix_power", x)), -n
    if x.type.ndim < 2 or len({*x.type.shape[-2:]} - {None}) > 1:
        raise ValueError(f"matrix_power: square matrices are wanted, not {x.type}")
    if n == 0:
        return spread(identity_of(x), sizes_of(x))
    power = None
    while n:
        if n % 2:
            power = x if power is None else matmul(power, x)
        n //= 2
        x = matmul(x, x) if n else x
    return power


def matrix_dot(*xs):
    """Multiply matrices, from left to right.

    Parameters
    ----------
    *xs : Variable or array_like

    Returns
    -------
    Variable

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> from cytensor.tensor import nlinalg
    >>> nlinalg.matrix_dot(T.zeros((2, 3)), T.zeros((3, 4)), T.zeros((4, 5))).type.shape
    (2, 5)
    """
    out = as_tensor_variable(xs[0])
    for x in xs[1:]:
        out = dot(out, x)
    return out


def _best_order(sides):
    """Where to cut each chain of matrices, for the fewest multiplications."""
    n = len(sides) - 1
    cost, cut = {(i, i): 0 for i in range(n)}, {}
    for length in range(1, n):
        for i in range(n - length):
            j = i + length
            found = [(cost[i, k] + cost[k + 1, j] + sides[i] * sides[k + 1] * sides[j + 1], k)
                     for k in range(i, j)]
            cost[i, j], cut[i, j] = min(found)
    return cut


def _multiplied(xs, cut, i, j):
    if i == j:
        return xs[i]
    k = cut[i, j]
    return dot(_multiplied(xs, cut, i, k), _multiplied(xs, cut, k + 1, j))


def multi_dot(xs):
    """Multiply matrices in the order that takes the fewest multiplications.

    Parameters
    ----------
    xs : sequence of Variable or array_like
        Matrices; the first and the last may be vectors. Where a size is not known while the
        graph is built, they are multiplied from left to right.

    Returns
    -------
    Variable

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> from cytensor.tensor import nlinalg
    >>> nlinalg.multi_dot([T.zeros((2, 9)), T.zeros((9, 9)), T.zeros(9)]).type.shape
    (2,)
    """
    xs = [as_tensor_variable(x) for x in xs]
    if len(xs) < 2:
        raise ValueError(f"multi_dot: at least two arrays are needed, not {len(xs)}")
    sides = [xs[0].type.shape[0] if xs[0].type.ndim == 2 else 1]
    sides += [x.type.shape[0] for x in xs[1:]]
    sides.append(xs[-1].type.shape[1] if xs[-1].type.ndim == 2 else 1)
    if None in sides:
        return matrix_dot(*xs)
    return _multiplied(xs, _best_order(sides), 0, len(xs) - 1)

# ----- tensors as matrices -----

def tensorinv(a, ind=2):
    """Return the inverse of a tensor as a linear map: for ``tensordot(a, b, ind)``.

    Parameters
    ----------
    a : Variable or array_like
        The product of its first ``ind`` sizes is that of the others.
    ind : int

    Returns
    -------
    Variable, shape ``a.shape[ind:] + a.shape[:ind]``

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> from cytensor.tensor import nlinalg
    >>> nlinalg.tensorinv(T.zeros((4, 6, 8, 3))).type.shape
    (8, 3, 4, 6)
    """
    a = as_tensor_variable(a)
    if ind <= 0:
        raise ValueError(f"tensorinv: ind is positive, not {ind}")
    sizes = sizes_of(a)
    matrix = reshaped(a, [product(sizes[:ind]), product(sizes[ind:])])
    return reshaped(inverse_op(*as_matrices("tensorinv", matrix)), sizes[ind:] + sizes[:ind])


def tensorsolve(a, b, axes=None):
    """Return the x with ``tensordot(a, x, x.ndim) == b``.

    Parameters
    ----------
    a : Variable or array_like, shape ``b.shape + x.shape``
    b : Variable or array_like
    axes : sequence of int, optional
        Axes of ``a`` that are moved to its end first.

    Returns
    -------
    Variable

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> from cytensor.tensor import nlinalg
    >>> nlinalg.tensorsolve(T.zeros((6, 4, 2, 12)), T.zeros((6, 4))).type.shape
    (2, 12)
    """
    a, b = as_tensor_variable(a), as_tensor_variable(b)
    if axes is not None:
        axes = [normal_axis(axis, a.type.ndim, "tensorsolve") for axis in axes]
        a = moveaxis(a, axes, list(range(a.type.ndim - len(axes), a.type.ndim)))
    sizes = sizes_of(a)[b.type.ndim:]
    n = product(sizes)
    return reshaped(solve(reshape(a, (-1, n), 2), reshaped(b, [-1])), sizes)
