"""``theano.tensor.nlinalg`` and ``theano.tensor.slinalg`` as Theano defines them.

Their classes make ops with options; the functions are ours wherever theirs mean the same.
"""
from cytensor import tensor as T
from cytensor.compat.theano.kinds import kind
from cytensor.tensor import nlinalg, slinalg



class _Op:
    """An op that Theano makes once: no function, so that a class may hold it without binding it."""

    def __init__(self, apply):
        self._apply = apply
        self.__doc__ = apply.__doc__

    def __call__(self, *args):
        return self._apply(*args)


# ----- nlinalg -----

@_Op
def pinv(x):
    """Return the pseudoinverse of a matrix."""
    return nlinalg.pinv(x)


@_Op
def alloc_diag(x):
    """Return the matrix that has a vector on its diagonal.

    Raises
    ------
    TypeError
        If ``x`` is no vector.
    """
    x = T.as_tensor_variable(x)
    if x.ndim != 1:
        raise TypeError(f"AllocDiag only works on vectors, not on {x!r} of type {x.type}")
    return T.alloc_diag(x)


def diag(x):
    """Return the diagonal of a matrix, or the matrix that has a vector on its diagonal.

    Raises
    ------
    TypeError
        If ``x`` is neither.
    """
    x = T.as_tensor_variable(x)
    if x.ndim not in (1, 2):
        raise TypeError(f"diag requires vector or matrix argument, not {x!r} of type {x.type}")
    return T.diag(x)


@_Op
def eig(x):
    """Return eigenvalues and eigenvectors in the dtype of ``x``: imaginary parts are dropped."""
    x = T.as_tensor_variable(x)
    found = nlinalg.eig(x)
    return found if x.dtype.startswith("complex") else [T.real(part) for part in found]


matrix_inverse, det = _Op(nlinalg.matrix_inverse), _Op(nlinalg.det)


def _eigh(UPLO="L"):
    return lambda x: nlinalg.eigh(x, UPLO=UPLO)


def _eigh_grad(UPLO="L"):
    return lambda x, w, v, gw, gv: T.Lop(nlinalg.eigh(x, UPLO=UPLO), x, [gw, gv])


def _qr(mode):
    return lambda x: nlinalg.qr(x, mode)


def _svd(full_matrices=True, compute_uv=True):
    return lambda x: nlinalg.svd(x, full_matrices, compute_uv)


def _tensorinv(ind=2):
    return lambda a: nlinalg.tensorinv(a, ind)


def _tensorsolve(axes=None):
    return lambda a, b: nlinalg.tensorsolve(a, b, axes)


# ----- slinalg -----

#: Theano solves by the general method, unless the matrix is triangular.
_STRUCTURES = {"general": "gen", "symmetric": "gen", "lower_triangular": "lower triangular",
               "upper_triangular": "upper triangular", "hermitian": "gen", "banded": "gen",
               "diagonal": "gen", "toeplitz": "gen"}
MATRIX_STRUCTURES = tuple(_STRUCTURES)


def _cholesky(lower=True, on_error="raise"):
    if on_error not in ("raise", "nan"):
        raise ValueError(f'on_error must be one of "raise" or "nan", not {on_error!r}')
    return lambda x: slinalg.cholesky(x, lower, on_error)


def _cholesky_grad(lower=True):
    return lambda x, factor, dz: T.Lop(slinalg.cholesky(x, lower), x, dz)


def _solve(A_structure="general", lower=False, overwrite_A=False, overwrite_b=False):
    if A_structure not in _STRUCTURES:
        raise ValueError(f"Invalid matrix structure argument {A_structure!r}")
    return lambda A, b: slinalg.solve(A, b, _STRUCTURES[A_structure])


def _eigvalsh(lower=True):
    return lambda a, b=None: slinalg.eigvalsh(a, b, lower)


def _eigvalsh_grad(lower=True):
    return lambda a, b, gw: T.Lop(slinalg.eigvalsh(a, b, lower), [a, b], gw)


solve, solve_symmetric, solve_lower_triangular, solve_upper_triangular = [
    _Op(_solve(name)) for name in ("general", "symmetric", "lower_triangular", "upper_triangular")]
cholesky, expm = _Op(slinalg.cholesky), _Op(slinalg.expm)


def kron(a, b):
    """Return the Kronecker product, as an older SciPy did it for other than matrices.

    Raises
    ------
    TypeError
        If the two have no more than two axes together.
    """
    a, b = T.as_tensor_variable(a), T.as_tensor_variable(b)
    if a.ndim + b.ndim <= 2:
        raise TypeError("kron: inputs dimensions must sum to 3 or more. "
                        f"You passed {a.ndim} and {b.ndim}.")
    sizes = [*[a.shape[i] for i in range(a.ndim)], *[b.shape[i] for i in range(b.ndim)]]
    spread = T.outer(a, b).reshape(sizes)
    if spread.ndim == 3:
        return spread.dimshuffle(1, 0, 2).flatten()
    turned = spread.dimshuffle(0, 2, 1, *range(3, spread.ndim))
    return turned.reshape([sizes[0] * sizes[2], sizes[1] * sizes[3], *sizes[4:]])


# ----- classes of ops -----

_NAMES = {
    "AllocDiag": ("", lambda: alloc_diag), "Det": ("det", lambda: nlinalg.det),
    "Eig": ("eig", lambda: eig), "Eigh": ("eigh", _eigh), "EighGrad": ("", _eigh_grad),
    "MatrixInverse": ("inverse", lambda: nlinalg.matrix_inverse),
    "MatrixPinv": ("pinv", lambda: pinv), "QRFull": ("qr", _qr), "QRIncomplete": ("qr_r", _qr),
    "SVD": ("svd svdvals", _svd), "lstsq": ("lstsq", lambda: nlinalg.lstsq),
    "TensorInv": ("inverse", _tensorinv), "TensorSolve": ("solve", _tensorsolve),
    "Cholesky": ("cholesky", _cholesky), "CholeskyGrad": ("", _cholesky_grad),
    "Solve": ("solve solve_triangular", _solve), "Eigvalsh": ("eigvalsh", _eigvalsh),
    "EigvalshGrad": ("", _eigvalsh_grad), "Expm": ("expm", lambda: slinalg.expm),
}
globals().update({name: kind(name, *row) for name, row in _NAMES.items()})
