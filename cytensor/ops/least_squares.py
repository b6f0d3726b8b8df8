"""Least squares and the pseudoinverse, by singular values; rank and condition with them."""
import numpy as np
from numpy.linalg import LinAlgError

from cytensor.ops import elementwise as ew
from cytensor.ops.axes import permuted
from cytensor.ops.decompositions import svd_op, svdvals_op
from cytensor.ops.linear import batch_sizes, times
from cytensor.ops.norms import matrix_norm
from cytensor.ops.reduce import all, sum
from cytensor.ops.registry import structured, to_dtype
from cytensor.ops.solve import inverse_op
from cytensor.ops.stacks import (
    adjoint, as_matrices, chain, column, factorisation, identity_of, of_one_rank, real_dtype, row,
    safe_reciprocal, textbook)
from cytensor.ops.views import as_tensor_variable, sizes_of


def _largest(s):
    """The first of sorted singular values; 0 where there are none."""
    return sum(s[..., :1], axis=-1, keepdims=True)


def _threshold(rcond, x):
    """A relative threshold as a number of the dtype of singular values."""
    rcond = as_tensor_variable(rcond)
    if rcond.type.ndim != 0:
        raise LinAlgError(f"rcond is one number, not {rcond!r} of type {rcond.type}")
    return to_dtype(rcond, real_dtype(x))


def _rounding(x):
    """The largest side of a matrix, times the distance from 1 to the next float."""
    rows, columns = sizes_of(x)[-2:]
    most = max(rows, columns) if type(rows) is type(columns) is int else ew.maximum(rows, columns)
    eps = float(np.finfo(real_dtype(x)).eps)
    return _threshold(most * eps, x)

# ----- pseudoinverse -----

def _expand_pinv(x, rcond):
    u, s, vh = svd_op(x, full=False)
    inverse = ew.switch(ew.gt(s, rcond * _largest(s)), safe_reciprocal(s), 0)
    return times(adjoint(vh) * row(to_dtype(inverse, x.type.dtype)), adjoint(u))


@textbook
def _pinv_vjp(g, y, x, rcond):
    """Golub and Pereyra (1973); it holds where the rank does not change."""
    xy, yx, gh, yh = times(x, y), times(y, x), adjoint(g), adjoint(y)
    first = chain(identity_of(xy) - xy, gh, y, yh)
    second = chain(yh, y, gh, identity_of(yx) - yx)
    return first + second - chain(yh, g, yh), None


pinv_op = structured(
    "pinv", lambda x, rcond: x.type.dtype,
    lambda S, shapes, inputs: (*shapes[0][:-2], shapes[0][-1], shapes[0][-2]), _pinv_vjp,
    kind="composite", expand=_expand_pinv, doc="The pseudoinverse of matrices.")


def pinv(x, rcond=1e-15):
    """Return the pseudoinverse of matrices.

    Parameters
    ----------
    x : Variable or array_like, shape (..., m, n)
    rcond : Variable or number, 0-d
        Singular values below ``rcond`` times the largest one count as 0.

    Returns
    -------
    Variable, shape (..., n, m)

    Examples
    --------
    >>> from cytensor.tensor import nlinalg
    >>> nlinalg.pinv([[2.0, 0.0], [0.0, 0.0]]).eval()
    array([[0.5, 0. ],
           [0. , 0. ]])
    """
    x, = as_matrices("pinv", x)
    return pinv_op(x, _threshold(rcond, x))

# ----- least squares -----

def _lstsq_sizes(S, shapes, inputs):
    a, b, _ = shapes
    S.equal(a[-2], b[-2], "lstsq: Incompatible dimensions: {a} equations, but right sides of {b}")
    before = batch_sizes(S, a[:-2], b[:-2], "lstsq")
    return [(*before, a[-1], b[-1]), (*before, b[-1]), before, (*before, S.min(a[-2], a[-1]))]


@textbook
def _lstsq_vjp(g, out, a, b, rcond):
    """The solution is pinv(a) @ b; what is left over is at right angles to the columns of a."""
    (x, _, _, _), (gx, grest, _, gs) = out, g
    y = pinv_op(a, rcond)
    yh, rest = adjoint(y), b - times(a, x)
    pull = 2 * rest * row(to_dtype(grest, a.type.dtype))
    to_b = times(yh, gx) + pull
    across = adjoint(gx - chain(y, a, gx))
    u, _, vh = svd_op(a, full=False)
    to_a = (times(rest, adjoint(chain(y, yh, gx))) + chain(yh, x, across)
            - times(to_b, adjoint(x)) + times(u * row(to_dtype(gs, a.type.dtype)), vh))
    return to_a, to_b, None


def _lstsq_inputs(inputs, params):
    a, b, rcond = inputs
    return [*of_one_rank(a, b), rcond]


def _lstsq_dtypes(a, b, rcond):
    return a.type.dtype, real_dtype(a), "int64", real_dtype(a)


lstsq_op = factorisation(
    "lstsq", _lstsq_dtypes, _lstsq_sizes, _lstsq_vjp, nout=4, coerce=_lstsq_inputs,
    doc="Solutions of least squares, sums of the squares left, ranks, singular values.")


def lstsq(a, b, rcond=None):
    """Return the x for which the sum of the squares of ``a @ x - b`` is smallest.

    Of several, it is the shortest.

    Parameters
    ----------
    a : Variable or array_like, shape (..., m, n)
    b : Variable or array_like, shape (..., m, k) or (m,)
    rcond : Variable or number, 0-d, optional
        Singular values of ``a`` below ``rcond`` times the largest one count as 0. By default the
        larger of m and n, times the rounding error of the dtype.

    Returns
    -------
    x : Variable, shape (..., n, k) or (n,)
    residuals : Variable, shape (k,) or (0,)
        The sums of squares; nothing where the rank is less than n, or m not more than n. Of a
        stack of matrices always shape (..., k).
    rank : Variable, shape (...)
    s : Variable, shape (..., min(m, n))
        The singular values of ``a``.

    Examples
    --------
    >>> from cytensor.tensor import nlinalg
    >>> x, residuals, rank, s = nlinalg.lstsq([[1.0], [1.0]], [1.0, 3.0])
    >>> x.eval(), residuals.eval()
    (array([2.]), array([2.]))
    """
    b = as_tensor_variable(b)
    vector = b.type.ndim == 1
    a, b = as_matrices("lstsq", a, column(b) if vector else b)
    rcond = _rounding(a) if rcond is None else _threshold(rcond, a)
    x, rests, rank, s = lstsq_op(a, b, rcond)
    if rests.type.ndim == 1:
        rows, columns = sizes_of(a)
        full = ew.and_(ew.eq(rank, columns), ew.gt(as_tensor_variable(rows), columns))
        rests = rests[:ew.switch(full, rests.shape[0], 0)]
    return [permuted(x, range(x.type.ndim - 1)) if vector else x, rests, rank, s]

# ----- rank, condition -----

def matrix_rank(x, tol=None):
    """Return the rank of matrices: how many singular values are not small.

    Parameters
    ----------
    x : Variable or array_like, shape (..., m, n)
        Of a vector, it is whether there is a number other than 0.
    tol : Variable or number, optional
        What is small. By default the largest singular value, times the larger of m and n, times
        the rounding error of the dtype.

    Returns
    -------
    Variable, shape (...)

    Examples
    --------
    >>> from cytensor.tensor import nlinalg
    >>> nlinalg.matrix_rank([[1.0, 1.0], [1.0, 1.0]]).eval()
    array(1)
    """
    x = as_tensor_variable(x)
    if x.type.ndim < 2:
        return to_dtype(ew.logical_not(all(ew.eq(x, 0))), "int64")
    x, = as_matrices("matrix_rank", x)
    s = svdvals_op(x)
    tol = _largest(s) * _rounding(x) if tol is None else column(as_tensor_variable(tol))
    return sum(ew.gt(s, tol), axis=-1)


def cond(x, p=None):
    """Return the condition number of matrices: a norm, times that of the inverse.

    Parameters
    ----------
    x : Variable or array_like, shape (..., m, n)
        Square, unless ``p`` is None, 2 or -2.
    p : {None, 1, -1, 2, -2, inf, -inf, "fro", "nuc"}
        The norm; None is 2.

    Returns
    -------
    Variable, shape (...)

    Examples
    --------
    >>> from cytensor.tensor import nlinalg
    >>> nlinalg.cond([[4.0, 0.0], [0.0, 2.0]]).eval()
    array(2.)
    """
    x, = as_matrices("cond", x)
    if p in (None, 2, -2):
        s = svdvals_op(x)
        first, last = s[..., 0], s[..., -1]
        return last / first if p == -2 else first / last
    return matrix_norm(x, p, False) * matrix_norm(inverse_op(x), p, False)
