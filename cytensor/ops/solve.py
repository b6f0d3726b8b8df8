"""Linear equations: inverses, solutions, and the Cholesky factor."""
import numpy as np

from cytensor.ops import elementwise as ew
from cytensor.ops.axes import permuted
from cytensor.ops.linear import batch_sizes, times, turned
from cytensor.ops.registry import dtype_of
from cytensor.ops.stacks import (
    adjoint, as_matrices, chain, column, conjugate, factorisation, folded, half_diagonal,
    of_one_rank, square, square_sizes, textbook, triangle)
from cytensor.ops.views import as_tensor_variable

# ----- inverse -----

inverse_op = factorisation(
    "inverse", dtype_of(0), square_sizes("inverse"),
    lambda g, y, x: (-chain(turned(y), g, turned(y)),),
    doc="The inverse of square matrices.")


def matrix_inverse(x):
    """Return the inverse of square matrices.

    Parameters
    ----------
    x : Variable or array_like, shape (..., n, n)

    Returns
    -------
    Variable, shape (..., n, n)

    Raises
    ------
    LinAlgError
        If they are not square; in a run, if one is singular.

    Examples
    --------
    >>> from cytensor.tensor import nlinalg
    >>> nlinalg.matrix_inverse([[2.0, 1.0], [1.0, 1.0]]).eval()
    array([[ 1., -1.],
           [-1.,  2.]])
    """
    return inverse_op(*as_matrices("matrix_inverse", x))


inv = matrix_inverse

# ----- solve -----

#: What is known of the matrix, and the number by which the kernel knows it.
KINDS = {"gen": 0, "sym": 1, "her": 2, "pos": 3}
_NAMES = {
    "gen": "gen", "general": "gen", "banded": "gen", "diagonal": "gen", "toeplitz": "gen",
    "tridiagonal": "gen", "sym": "sym", "symmetric": "sym", "her": "her", "hermitian": "her",
    "pos": "pos", "positive definite": "pos", "lower triangular": "lower",
    "lower_triangular": "lower", "upper triangular": "upper", "upper_triangular": "upper"}


def _solve_sizes(what):
    def sizes(S, shapes, inputs, **params):
        a, b = shapes
        n = S.equal(square(S, a, what), b[-2], f"{what}: incompatible dimensions: {{a}} equations, "
                    "but right sides of {b}")
        return (*batch_sizes(S, a[:-2], b[:-2], what), n, b[-1])
    return sizes


def _solve_vjp(g, x, a, b, *, kind, lower):
    to_b = solve_op(turned(a), g, kind=kind, lower=not lower)
    to_a = -times(to_b, turned(x))
    return to_a if kind == "gen" else folded(to_a, lower, kind != "sym"), to_b


solve_op = factorisation(
    "solve", dtype_of(0), _solve_sizes("solve"), _solve_vjp,
    iparams=lambda *, kind, lower: (KINDS[kind], int(lower)),
    doc="The x of a @ x = b.")


def with_columns(function):
    """Let ``function(a, b, ..)`` take one right side, a vector."""
    def solve(what, a, b, *args):
        a, b = as_tensor_variable(a), as_tensor_variable(b)
        vector = b.type.ndim == 1
        a, b = of_one_rank(*as_matrices(what, a, column(b) if vector else b))
        out = function(a, b, *args)
        return permuted(out, range(out.type.ndim - 1)) if vector else out
    return solve


@with_columns
def _solve(a, b, kind, lower):
    if kind in ("lower", "upper"):
        return triangular_op(a, b, lower=kind == "lower", unit=False)
    return solve_op(a, b, kind=kind, lower=lower)


def solve(a, b, assume_a="gen", lower=False, transposed=False):
    """Return the solution x of linear equations ``a @ x = b``.

    Parameters
    ----------
    a : Variable or array_like, shape (..., n, n)
    b : Variable or array_like, shape (..., n, k) or (n,)
        The leading axes broadcast against each other.
    assume_a : str
        What is known of ``a``: ``"gen"`` (nothing), ``"sym"`` (symmetric), ``"her"`` (Hermitian),
        ``"pos"`` (positive definite), ``"lower triangular"`` or ``"upper triangular"``.
    lower : bool
        Which triangle of a symmetric, Hermitian or positive definite matrix is read.
    transposed : bool
        Solve ``a.T @ x = b``.

    Returns
    -------
    Variable, shape (..., n, k) or (..., n)

    Raises
    ------
    LinAlgError
        If ``a`` is not square; in a run, if it is singular, or not positive definite.

    Examples
    --------
    >>> from cytensor.tensor import slinalg
    >>> slinalg.solve([[2.0, 0.0], [0.0, 4.0]], [1.0, 1.0]).eval()
    array([0.5 , 0.25])
    """
    if assume_a not in _NAMES:
        raise ValueError(f"solve: {assume_a!r} is no structure; there are {', '.join(_NAMES)}")
    kind = _NAMES[assume_a]
    if transposed:
        a, lower = turned(as_tensor_variable(a)), not lower
        kind = {"lower": "upper", "upper": "lower"}.get(kind, kind)
    return _solve("solve", a, b, kind, bool(lower) and kind != "gen")

# ----- triangular equations -----

def _triangular_vjp(g, x, a, b, *, lower, unit):
    to_b = triangular_op(turned(a), g, lower=not lower, unit=unit)
    return triangle(-times(to_b, turned(x)), lower, strict=unit), to_b


triangular_op = factorisation(
    "solve_triangular", dtype_of(0), _solve_sizes("solve_triangular"), _triangular_vjp,
    iparams=lambda *, lower, unit: (int(lower), int(unit)),
    doc="The x of a @ x = b, where a is triangular.")

_TRANS = {0: "N", 1: "T", 2: "C", "N": "N", "T": "T", "C": "C"}


@with_columns
def _solve_triangular(a, b, trans, lower, unit):
    if trans != "N":
        a, lower = turned(a), not lower
    return triangular_op(conjugate(a) if trans == "C" else a, b, lower=lower, unit=unit)


def solve_triangular(a, b, trans=0, lower=False, unit_diagonal=False):
    """Return the solution x of ``a @ x = b``, where ``a`` is triangular.

    Parameters
    ----------
    a : Variable or array_like, shape (..., n, n)
        Only one triangle is read.
    b : Variable or array_like, shape (..., n, k) or (n,)
    trans : {0, 1, 2, "N", "T", "C"}
        1 or T: solve with the transpose of ``a``; 2 or C: with its conjugate transpose.
    lower : bool
        Whether ``a`` is lower triangular.
    unit_diagonal : bool
        Whether the diagonal is taken to be ones, and not read.

    Returns
    -------
    Variable, shape (..., n, k) or (..., n)

    Raises
    ------
    LinAlgError
        In a run, if there is a zero on the diagonal.

    Examples
    --------
    >>> from cytensor.tensor import slinalg
    >>> slinalg.solve_triangular([[2.0, 0.0], [1.0, 1.0]], [2.0, 3.0], lower=True).eval()
    array([1., 2.])
    """
    if trans not in _TRANS:
        raise ValueError(f"solve_triangular: trans is 0, 1, 2, 'N', 'T' or 'C', not {trans!r}")
    return _solve_triangular("solve_triangular", a, b, _TRANS[trans], bool(lower),
                             bool(unit_diagonal))


def solve_lower_triangular(a, b):
    """Return the solution x of ``a @ x = b``, where ``a`` is lower triangular.

    Parameters
    ----------
    a : Variable or array_like, shape (..., n, n)
    b : Variable or array_like, shape (..., n, k) or (n,)

    Returns
    -------
    Variable, shape (..., n, k) or (..., n)

    Examples
    --------
    >>> from cytensor.tensor import slinalg
    >>> slinalg.solve_lower_triangular([[2.0, 0.0], [1.0, 1.0]], [2.0, 3.0]).eval()
    array([1., 2.])
    """
    return solve_triangular(a, b, lower=True)


def solve_upper_triangular(a, b):
    """Return the solution x of ``a @ x = b``, where ``a`` is upper triangular.

    Parameters
    ----------
    a : Variable or array_like, shape (..., n, n)
    b : Variable or array_like, shape (..., n, k) or (n,)

    Returns
    -------
    Variable, shape (..., n, k) or (..., n)

    Examples
    --------
    >>> from cytensor.tensor import slinalg
    >>> slinalg.solve_upper_triangular([[2.0, 1.0], [0.0, 1.0]], [3.0, 1.0]).eval()
    array([1., 1.])
    """
    return solve_triangular(a, b)

# ----- cholesky -----

@textbook
def _cholesky_vjp(g, out, x, *, lower, nan):
    """The triangle of L^H g, its diagonal halved, between L^-H and L^-1 (Murray, 2016)."""
    upper, g = (adjoint(out), g) if lower else (out, adjoint(g))
    middle = half_diagonal(triangle(times(upper, g), True))
    left = triangular_op(upper, middle, lower=False, unit=False)
    found = folded(triangular_op(upper, adjoint(left), lower=False, unit=False), lower)
    return (ew.switch(ew.isnan(out), np.nan, found) if nan else found,)


cholesky_op = factorisation(
    "cholesky", dtype_of(0), square_sizes("cholesky"), _cholesky_vjp,
    iparams=lambda *, lower, nan: (int(lower), int(nan)),
    doc="The Cholesky factor of positive definite matrices.")


def cholesky(x, lower=True, on_error="raise"):
    """Return the triangular factor of positive definite matrices.

    Parameters
    ----------
    x : Variable or array_like, shape (..., n, n)
        Only the triangle that the factor fills is read.
    lower : bool
        Return L with ``L @ L.conj().T == x``; else U with ``U.conj().T @ U == x``.
    on_error : {"raise", "nan"}
        What a matrix that is not positive definite gives: an error, or a matrix of NaN.

    Returns
    -------
    Variable, shape (..., n, n)

    Raises
    ------
    LinAlgError
        In a run, if a matrix is not positive definite.

    Examples
    --------
    >>> from cytensor.tensor import slinalg
    >>> slinalg.cholesky([[4.0, 2.0], [2.0, 2.0]]).eval()
    array([[2., 0.],
           [1., 1.]])
    """
    if on_error not in ("raise", "nan"):
        raise ValueError(f'cholesky: on_error is "raise" or "nan", not {on_error!r}')
    x, = as_matrices("cholesky", x)
    return cholesky_op(x, lower=bool(lower), nan=on_error == "nan")


@with_columns
def _cho_solve(factor, b, lower):
    first, second = (factor, adjoint(factor)) if lower else (adjoint(factor), factor)
    half = triangular_op(first, b, lower=True, unit=False)
    return triangular_op(second, half, lower=False, unit=False)


def cho_solve(c_and_lower, b):
    """Return the solution x of ``a @ x = b``, by the Cholesky factor of ``a``.

    Parameters
    ----------
    c_and_lower : (Variable, bool)
        The factor, shape (..., n, n), and whether it is lower triangular.
    b : Variable or array_like, shape (..., n, k) or (n,)

    Returns
    -------
    Variable, shape (..., n, k) or (..., n)

    Examples
    --------
    >>> from cytensor.tensor import slinalg
    >>> factor = slinalg.cholesky([[4.0, 2.0], [2.0, 2.0]])
    >>> slinalg.cho_solve((factor, True), [6.0, 4.0]).eval()
    array([1., 1.])
    """
    factor, lower = c_and_lower
    return _cho_solve("cho_solve", factor, b, bool(lower))
