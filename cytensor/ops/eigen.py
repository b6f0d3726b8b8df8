"""Eigenvalues and eigenvectors."""
from cytensor.ops import elementwise as ew
from cytensor.ops.generate import counted, filled
from cytensor.ops.joining import concatenate
from cytensor.ops.linear import times
from cytensor.ops.reduce import argmax, sum
from cytensor.ops.registry import COMPLEX_OF, to_dtype
from cytensor.ops.select import take_along_axis
from cytensor.ops.solve import cholesky_op, solve_op, triangular_op
from cytensor.ops.stacks import (
    adjoint, as_diagonal, as_matrices, chain, column, conjugate, factorisation, folded, mirrored,
    of_one_rank, real_dtype, row, safe_reciprocal, square, textbook)
from cytensor.ops.views import padded_left, sizes_of


def _value_sizes(what):
    def sizes(S, shapes, inputs, **params):
        return (*shapes[0][:-2], square(S, shapes[0], what))
    return sizes


def _vector_sizes(what):
    def sizes(S, shapes, inputs, **params):
        n = square(S, shapes[0], what)
        return [(*shapes[0][:-2], n), (*shapes[0][:-2], n, n)]
    return sizes

# ----- symmetric and Hermitian matrices -----

def _gaps(w):
    """1 / (w[j] - w[i]) at place i, j; zeros on the diagonal."""
    return safe_reciprocal(row(w) - column(w))


@textbook
def _eigh_vjp(g, out, x, *, lower):
    (w, v), (gw, gv) = out, g
    gaps = to_dtype(_gaps(w), x.type.dtype)
    middle = as_diagonal(to_dtype(gw, x.type.dtype)) + gaps * times(adjoint(v), gv)
    return (folded(chain(v, middle, adjoint(v)), lower),)


def _lower(*, lower):
    return (int(lower),)


eigh_op = factorisation(
    "eigh", lambda x, *, lower: (real_dtype(x), x.type.dtype), _vector_sizes("eigh"), _eigh_vjp,
    nout=2, iparams=_lower, doc="Eigenvalues and eigenvectors of Hermitian matrices.")


@textbook
def _eigvalsh_vjp(g, out, x, *, lower):
    _, v = eigh_op(x, lower=lower)
    return (folded(times(v * row(to_dtype(g, x.type.dtype)), adjoint(v)), lower),)


eigvalsh_op = factorisation(
    "eigvalsh", lambda x, *, lower: real_dtype(x), _value_sizes("eigvalsh"), _eigvalsh_vjp,
    iparams=_lower, doc="The eigenvalues of Hermitian matrices.")


def _reduced(a, b, lower):
    """Return c with the eigenvalues of ``a v = w b v``, and L of b = L L^H: v is L^-H times c's."""
    factor = cholesky_op(b, lower=lower, nan=False)
    factor = factor if lower else adjoint(factor)
    half = triangular_op(factor, mirrored(a, lower), lower=True, unit=False)
    return triangular_op(factor, adjoint(half), lower=True, unit=False), factor


def _is_lower(UPLO):
    if UPLO not in ("L", "U"):
        raise ValueError(f'eigh: UPLO is "L" or "U", not {UPLO!r}')
    return UPLO == "L"


def eigh(a, b=None, UPLO="L"):
    """Return eigenvalues and eigenvectors of symmetric or Hermitian matrices.

    Where eigenvalues are equal, the gradient of the eigenvectors is not defined.

    Parameters
    ----------
    a : Variable or array_like, shape (..., n, n)
    b : Variable or array_like, shape (..., n, n), optional
        Positive definite: then solve ``a @ v = w * (b @ v)``. Theano's second argument, the
        triangle, may stand here, too.
    UPLO : {"L", "U"}
        Which triangle is read.

    Returns
    -------
    w : Variable, shape (..., n)
        In ascending order.
    v : Variable, shape (..., n, n)
        One eigenvector in each column.

    Raises
    ------
    LinAlgError
        In a run, if ``b`` is not positive definite, or if there is no convergence.

    Examples
    --------
    >>> from cytensor.tensor import nlinalg
    >>> w, v = nlinalg.eigh([[2.0, 0.0], [0.0, 1.0]])
    >>> w.eval()
    array([1., 2.])
    """
    if isinstance(b, str):
        b, UPLO = None, b
    lower = _is_lower(UPLO)
    if b is None:
        return list(eigh_op(*as_matrices("eigh", a), lower=lower))
    c, factor = _reduced(*of_one_rank(*as_matrices("eigh", a, b)), lower)
    w, v = eigh_op(c, lower=True)
    return [w, triangular_op(adjoint(factor), v, lower=False, unit=False)]


def eigvalsh(a, b=None, lower=True):
    """Return the eigenvalues of symmetric or Hermitian matrices.

    Parameters
    ----------
    a : Variable or array_like, shape (..., n, n)
    b : Variable or array_like, shape (..., n, n), optional
        Positive definite: then those w for which ``a @ v = w * (b @ v)``.
    lower : bool
        Which triangle is read.

    Returns
    -------
    Variable, shape (..., n)
        In ascending order.

    Examples
    --------
    >>> from cytensor.tensor import slinalg
    >>> slinalg.eigvalsh([[2.0, 0.0], [0.0, 1.0]]).eval()
    array([1., 2.])
    """
    if b is None or getattr(b, "data", b) is None:      # Theano's constant None
        return eigvalsh_op(*as_matrices("eigvalsh", a), lower=bool(lower))
    c, _ = _reduced(*of_one_rank(*as_matrices("eigvalsh", a, b)), bool(lower))
    return eigvalsh_op(c, lower=True)

# ----- any square matrix -----

def _complex_dtype(x):
    return COMPLEX_OF.get(x.type.dtype, x.type.dtype)


def _normalised(gv, v):
    """The gradient before eigenvectors v got length 1, and a real number as their largest."""
    inner = sum(conjugate(gv) * v, axis=-2, keepdims=True)
    size = ew.real(v) ** 2 + ew.imag(v) ** 2
    nothing = filled(0, [*sizes_of(v)[:-2], 1, sizes_of(v)[-1]], size.type.dtype)
    largest = argmax(concatenate([size, nothing], axis=-2), axis=-2, keepdims=True)
    turn = to_dtype(ew.imag(inner), v.type.dtype) * 1j / take_along_axis(v, largest, axis=-2)
    here = ew.eq(padded_left(column(counted(sizes_of(v)[-2])), v.type.ndim), largest)
    return gv - v * ew.real(inner) + ew.switch(here, turn, 0)


@textbook
def _eig_vjp(g, out, x):
    (w, v), (gw, gv) = out, g
    middle = as_diagonal(gw) + conjugate(_gaps(w)) * times(adjoint(v), _normalised(gv, v))
    return (solve_op(adjoint(v), times(middle, adjoint(v)), kind="gen", lower=False),)


eig_op = factorisation(
    "eig", lambda x: (_complex_dtype(x),) * 2, _vector_sizes("eig"), _eig_vjp, nout=2,
    doc="Eigenvalues and right eigenvectors of square matrices.")


@textbook
def _eigvals_vjp(g, out, x):
    _, v = eig_op(x)
    return (solve_op(adjoint(v), column(g) * adjoint(v), kind="gen", lower=False),)


eigvals_op = factorisation(
    "eigvals", _complex_dtype, _value_sizes("eigvals"), _eigvals_vjp,
    doc="The eigenvalues of square matrices.")


def eig(x):
    """Return eigenvalues and right eigenvectors of square matrices.

    Both are complex, also where they happen to be real: the dtype of a result cannot depend on
    values. Where eigenvalues are equal, the gradient is not defined.

    Parameters
    ----------
    x : Variable or array_like, shape (..., n, n)

    Returns
    -------
    w : Variable, shape (..., n)
        In no particular order.
    v : Variable, shape (..., n, n)
        One eigenvector in each column, of length 1.

    Raises
    ------
    LinAlgError
        In a run, if there is no convergence.

    Examples
    --------
    >>> from cytensor.tensor import nlinalg
    >>> w, v = nlinalg.eig([[0.0, 1.0], [-1.0, 0.0]])
    >>> w.eval()
    array([0.+1.j, 0.-1.j])
    """
    return list(eig_op(*as_matrices("eig", x)))


def eigvals(x):
    """Return the eigenvalues of square matrices, as complex numbers.

    Parameters
    ----------
    x : Variable or array_like, shape (..., n, n)

    Returns
    -------
    Variable, shape (..., n)

    Examples
    --------
    >>> from cytensor.tensor import nlinalg
    >>> nlinalg.eigvals([[0.0, 1.0], [-1.0, 0.0]]).eval()
    array([0.+1.j, 0.-1.j])
    """
    return eigvals_op(*as_matrices("eigvals", x))
