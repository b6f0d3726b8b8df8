"""The naive twins of the ops of linear algebra and of Fourier transforms, by NumPy and SciPy.

A function of one matrix becomes one of a stack by a loop over its places.
"""
import numpy as np
import scipy.fft
import scipy.linalg

STRUCTURES = {"gen": "gen", "sym": "sym", "her": "her", "pos": "pos"}


def stacked(function, *ranks):
    """Call ``function`` at each place of a stack; ``ranks`` are those of its arguments."""
    def run(*xs, **params):
        befores = [x.shape[:x.ndim - rank] for x, rank in zip(xs, ranks)]
        before = np.broadcast_shapes(*befores)
        xs = [np.broadcast_to(x, before + x.shape[x.ndim - rank:]) for x, rank in zip(xs, ranks)]
        found = [function(*[x[place] for x in xs], **params) for place in np.ndindex(before)]
        if not before:
            return found[0]
        if not found:
            return _of_nothing(function, xs, before, params)
        if isinstance(found[0], tuple):
            return tuple(_joined(parts, before) for parts in zip(*found))
        return _joined(found, before)
    return run


def _joined(found, before):
    return np.stack(found).reshape(before + np.shape(found[0]))


def _of_nothing(function, xs, before, params):
    """The shapes of no results, by those of a stack of unit matrices."""
    ones = [np.ones(x.shape[len(before):], x.dtype) + 3 * np.eye(*x.shape[-2:]) for x in xs]
    found = function(*ones, **params)
    parts = found if isinstance(found, tuple) else (found,)
    empty = tuple(np.zeros(before + np.shape(x), np.asarray(x).dtype) for x in parts)
    return empty if isinstance(found, tuple) else empty[0]


def _solve(a, b, *, kind, lower):
    if 0 in b.shape:
        return np.zeros(b.shape, np.result_type(a, b))
    return scipy.linalg.solve(a, b, assume_a=kind, lower=lower)


def _solve_triangular(a, b, *, lower, unit):
    if 0 in b.shape:
        return np.zeros(b.shape, np.result_type(a, b))
    return scipy.linalg.solve_triangular(a, b, lower=lower, unit_diagonal=unit)


def _cholesky(x, *, lower, nan):
    return np.linalg.cholesky(x, upper=not lower)


def _lu_factor(x):
    if 0 in x.shape:
        return x, np.zeros(min(x.shape), "int32")
    packed, pivots = scipy.linalg.lu_factor(x)
    return packed, pivots.astype("int32")


def _permutation(packed, pivots, *, inverse):
    order = np.arange(len(packed))
    for i, k in enumerate(pivots):
        order[[i, k]] = order[[k, i]]
    return np.argsort(order) if inverse else order


def _lstsq(a, b, rcond):
    x, _, rank, s = np.linalg.lstsq(a, b, float(rcond))
    rest = (np.abs(a @ x - b) ** 2).sum(0)
    return x, rest, np.int64(rank), s


def _eig(x):
    w, v = np.linalg.eig(x)
    dtype = np.result_type(x.dtype, "complex64")
    return w.astype(dtype), v.astype(dtype)


def _qr_raw(x):
    h, tau = np.linalg.qr(x, "raw")
    return h, tau


_FORWARD = {"none": "backward", "root": "ortho", "size": "forward"}
_INVERSE = {"none": "forward", "root": "ortho", "size": "backward"}


def _fftn(x, *, axes, inverse, scale):
    if inverse:
        return scipy.fft.ifftn(x, axes=axes, norm=_INVERSE[scale])
    return scipy.fft.fftn(x, axes=axes, norm=_FORWARD[scale])


def _irfftn(x, n, *, axes, scale):
    sizes = [*[x.shape[axis] for axis in axes[:-1]], int(n)]
    return scipy.fft.irfftn(x, sizes, axes, norm=_INVERSE[scale])


FOURIER = {
    "fftn": _fftn,
    "rfftn": lambda x, *, axes, scale: scipy.fft.rfftn(x, axes=axes, norm=_FORWARD[scale]),
    "irfftn": _irfftn,
}
LINALG = {
    "inverse": np.linalg.inv,
    "solve": stacked(_solve, 2, 2),
    "solve_triangular": stacked(_solve_triangular, 2, 2),
    "cholesky": stacked(_cholesky, 2),
    "lu_factor": stacked(_lu_factor, 2),
    "pivot_permutation": stacked(_permutation, 2, 1),
    "det": np.linalg.det,
    "slogdet": lambda x: tuple(np.linalg.slogdet(x)),
    "qr": lambda x, *, complete: tuple(np.linalg.qr(x, "complete" if complete else "reduced")),
    "qr_raw": stacked(_qr_raw, 2),
    "qr_r": lambda x: np.linalg.qr(x, "r"),
    "eigh": lambda x, *, lower: tuple(np.linalg.eigh(x, "L" if lower else "U")),
    "eigvalsh": lambda x, *, lower: np.linalg.eigvalsh(x, "L" if lower else "U"),
    "eig": _eig,
    "eigvals": lambda x: _eig(x)[0],
    "svd": lambda x, *, full: tuple(np.linalg.svd(x, full_matrices=full)),
    "svdvals": lambda x: np.linalg.svd(x, compute_uv=False),
    "lstsq": stacked(_lstsq, 2, 2, 0),
    "pinv": lambda x, rcond: np.linalg.pinv(x, rcond),
    "expm": stacked(scipy.linalg.expm, 2),
}
