"""Factorisations of any matrix: LU, QR, and by singular values."""
from cytensor.ops import elementwise as ew
from cytensor.ops.generate import counted, filled
from cytensor.ops.joining import concatenate, slice_axis
from cytensor.ops.linear import times, turned
from cytensor.ops.registry import structured, to_dtype
from cytensor.ops.solve import triangular_op, with_columns
from cytensor.ops.stacks import (
    adjoint, as_diagonal, as_matrices, chain, column, conjugate, factorisation, half_diagonal,
    identity_of, real_dtype, row, rows_at, safe_reciprocal, textbook, triangle)
from cytensor.ops.views import as_tensor_variable, padded_left, sizes_of

# ----- parts of matrices -----

def _least(S, sizes):
    return S.min(sizes[-2], sizes[-1])


def smaller_side(x):
    """The smaller of the two sizes of a matrix, as an int or a 0-d variable."""
    rows, columns = sizes_of(x)[-2:]
    if type(rows) is int and type(columns) is int:
        return min(rows, columns)
    return ew.minimum(rows, columns)


def _first_rows(x, n):
    return slice_axis(x, x.type.ndim - 2, None, n)


def _first_columns(x, n):
    return slice_axis(x, x.type.ndim - 1, None, n)


def _last_columns(x, n):
    return slice_axis(x, x.type.ndim - 1, n, None)


def _zeros_like(x):
    return filled(0, sizes_of(x), x.type.dtype)

# ----- LU -----

def _lu_sizes(S, shapes, inputs):
    sizes, = shapes
    return [sizes, (*sizes[:-2], _least(S, sizes))]


def _square_factors(packed):
    """L and U of a packed matrix, each made square by a part of a unit matrix."""
    *before, rows, columns = sizes_of(packed)
    dtype = packed.type.dtype
    below = concatenate([packed, filled(0, [*before, rows, rows], dtype)], axis=-1)
    above = concatenate([packed, filled(0, [*before, columns, columns], dtype)], axis=-2)
    lower = triangle(_first_columns(below, rows), True, strict=True)
    upper = triangle(_first_rows(above, columns), False)
    missing = to_dtype(ew.ge(column(counted(columns)), rows), dtype)
    return (lower + identity_of(lower),
            upper + identity_of(upper) * padded_left(missing, upper.type.ndim))


def _lu_vjp(g, out, x):
    """With dL = L tril(D) and dU = triu(D) U, where D = inv(L) dA[p] inv(U)."""
    packed, pivots = out
    lower, upper = _square_factors(packed)
    middle = (triangle(times(turned(lower), g[0]), True, strict=True)
              + triangle(times(g[0], turned(upper)), False))
    left = triangular_op(turned(lower), middle, lower=False, unit=True)
    both = triangular_op(upper, turned(left), lower=False, unit=False)
    return (rows_at(turned(both), _permutation(packed, pivots, inverse=True)),)


lu_factor_op = factorisation(
    "lu_factor", lambda x: (x.type.dtype, "int32"), _lu_sizes, _lu_vjp, nout=2,
    doc="L and U in one matrix, and the exchanges of rows.")

pivot_permutation = structured(
    "pivot_permutation", lambda packed, pivots, *, inverse: "int64",
    lambda S, shapes, inputs, *, inverse: shapes[0][:-1],
    lambda g, out, packed, pivots, *, inverse: (None, None),
    coerce=lambda inputs, params: [inputs[0], to_dtype(inputs[1], "int32")],
    iparams=lambda *, inverse: (int(inverse),),
    doc="The order of the rows after exchanges.")


def _permutation(packed, pivots, inverse=False):
    return pivot_permutation(packed, pivots, inverse=inverse)


def lu_factor(x):
    """Factor matrices as P @ L @ U, in the packed form that ``lu_solve`` takes.

    Parameters
    ----------
    x : Variable or array_like, shape (..., m, n)

    Returns
    -------
    lu : Variable, shape (..., m, n)
        L below the diagonal, without its ones; U on and above it.
    pivots : Variable, shape (..., min(m, n))
        Row i was exchanged with row ``pivots[i]``.

    Examples
    --------
    >>> from cytensor.tensor import slinalg
    >>> lu, pivots = slinalg.lu_factor([[1.0, 2.0], [2.0, 8.0]])
    >>> lu.eval()
    array([[ 2. ,  8. ],
           [ 0.5, -2. ]])
    """
    return list(lu_factor_op(*as_matrices("lu_factor", x)))


def lu(x, permute_l=False):
    """Factor matrices as P @ L @ U: a permutation, a lower and an upper triangle.

    Parameters
    ----------
    x : Variable or array_like, shape (..., m, n)
    permute_l : bool
        Return P @ L as one matrix.

    Returns
    -------
    P : Variable, shape (..., m, m)
        Left out with ``permute_l``.
    L : Variable, shape (..., m, k), with k = min(m, n)
        Its diagonal is ones.
    U : Variable, shape (..., k, n)

    Examples
    --------
    >>> from cytensor.tensor import slinalg
    >>> P, L, U = slinalg.lu([[1.0, 2.0], [2.0, 8.0]])
    >>> U.eval()
    array([[ 2.,  8.],
           [ 0., -2.]])
    """
    packed, pivots = lu_factor(x)
    k = smaller_side(packed)
    part = _first_columns(packed, k)
    lower = triangle(part, True, strict=True) + identity_of(part)
    upper = triangle(_first_rows(packed, k), False)
    if permute_l:
        return [rows_at(lower, _permutation(packed, pivots, inverse=True)), upper]
    order = _permutation(packed, pivots)
    place = padded_left(column(counted(sizes_of(packed)[-2])), packed.type.ndim)
    return [to_dtype(ew.eq(place, row(order)), packed.type.dtype), lower, upper]


@with_columns
def _lu_solve(packed, b, pivots, trans):
    if trans == 0:
        b = rows_at(b, _permutation(packed, pivots))
        half = triangular_op(packed, b, lower=True, unit=True)
        return triangular_op(packed, half, lower=False, unit=False)
    packed = conjugate(packed) if trans == 2 else packed
    half = triangular_op(turned(packed), b, lower=True, unit=False)
    found = triangular_op(turned(packed), half, lower=False, unit=True)
    return rows_at(found, _permutation(packed, pivots, inverse=True))


def lu_solve(lu_and_pivots, b, trans=0):
    """Return the solution x of ``a @ x = b``, by what ``lu_factor`` returns for ``a``.

    Parameters
    ----------
    lu_and_pivots : pair of Variable
    b : Variable or array_like, shape (..., n, k) or (n,)
    trans : {0, 1, 2}
        1: solve with the transpose of ``a``; 2: with its conjugate transpose.

    Returns
    -------
    Variable, shape (..., n, k) or (..., n)

    Examples
    --------
    >>> from cytensor.tensor import slinalg
    >>> slinalg.lu_solve(slinalg.lu_factor([[1.0, 2.0], [2.0, 8.0]]), [3.0, 10.0]).eval()
    array([1., 1.])
    """
    if trans not in (0, 1, 2):
        raise ValueError(f"lu_solve: trans is 0, 1 or 2, not {trans!r}")
    packed, pivots = [as_tensor_variable(x) for x in lu_and_pivots]
    return _lu_solve("lu_solve", packed, b, pivots, trans)

# ----- QR -----

def _qr_sizes(S, shapes, inputs, *, complete):
    *before, rows, columns = shapes[0]
    k = rows if complete else _least(S, shapes[0])
    return [(*before, rows, k), (*before, k, columns)]


@textbook
def _qr_vjp(g, out, x, *, complete):
    """Columns of Q beyond the first min(m, n) count as constants.

    Of x = [x1 | x2] the first part is square or tall, and R2 = Q^H x2.
    """
    k = smaller_side(x)
    (q, r), (gq, gr) = [(_first_columns(a, k), _first_rows(b, k)) for a, b in (out, g)]
    r1, gr1, gr2 = _first_columns(r, k), _first_columns(gr, k), _last_columns(gr, k)
    gq = gq + times(_last_columns(x, k), adjoint(gr2))
    middle = half_diagonal(triangle(times(r1, adjoint(gr1)) - times(adjoint(gq), q), True))
    moved = gq + times(q, middle + adjoint(middle))
    first = adjoint(triangular_op(r1, adjoint(moved), lower=False, unit=False))
    return (concatenate([first, times(q, gr2)], axis=-1),)


qr_op = factorisation(
    "qr", lambda x, *, complete: (x.type.dtype,) * 2, _qr_sizes, _qr_vjp, nout=2,
    iparams=lambda *, complete: (int(complete),), doc="The factors Q and R.")


def _raw_sizes(S, shapes, inputs):
    *before, rows, columns = shapes[0]
    return [(*before, columns, rows), (*before, _least(S, shapes[0]))]


qr_raw_op = factorisation(
    "qr_raw", lambda x: (x.type.dtype,) * 2, _raw_sizes, nout=2,
    doc="R and the reflectors of Q in one matrix, transposed; and their factors.")


def _expand_r(x):
    h, _ = qr_raw_op(x)
    return triangle(_first_rows(turned(h), smaller_side(x)), False)


def _r_vjp(g, out, x):
    q, r = qr_op(x, complete=False)
    return _qr_vjp((_zeros_like(q), g), (q, r), x, complete=False)


qr_r_op = structured(
    "qr_r", lambda x: x.type.dtype, lambda S, shapes, inputs: _qr_sizes(
        S, shapes, inputs, complete=False)[1],
    _r_vjp, kind="composite", expand=_expand_r, doc="The factor R alone.")


def qr(x, mode="reduced"):
    """Factor matrices as Q @ R: orthonormal columns, and an upper triangle.

    Parameters
    ----------
    x : Variable or array_like, shape (..., m, n)
    mode : {"reduced", "complete", "r", "raw"}
        ``"reduced"``: Q of shape (..., m, k) and R of shape (..., k, n), with k = min(m, n).
        ``"complete"``: Q of shape (..., m, m) and R of shape (..., m, n); the columns of Q beyond
        the first k have no gradient. ``"r"``: R alone. ``"raw"``: what LAPACK's ``geqrf`` makes,
        transposed; without gradient. ``"full"`` is an old name of ``"reduced"``, as in NumPy.

    Returns
    -------
    list of Variable, or Variable

    Examples
    --------
    >>> from cytensor.tensor import nlinalg
    >>> q, r = nlinalg.qr([[3.0, 1.0], [4.0, 2.0]])
    >>> (q @ r).eval()
    array([[3., 1.],
           [4., 2.]])
    """
    x, = as_matrices("qr", x)
    if mode in ("reduced", "full", "complete"):
        return list(qr_op(x, complete=mode == "complete"))
    if mode == "r":
        return qr_r_op(x)
    if mode == "raw":
        return list(qr_raw_op(x))
    raise ValueError(f"qr: the mode is reduced, complete, r or raw, not {mode!r}")

# ----- singular values -----

def _svd_sizes(S, shapes, inputs, *, full):
    *before, rows, columns = shapes[0]
    k = _least(S, shapes[0])
    return [(*before, rows, rows if full else k), (*before, k),
            (*before, columns if full else k, columns)]


def _skew(x):
    return x - adjoint(x)


@textbook
def _svd_vjp(g, out, x, *, full):
    """Columns of U and V beyond the first min(m, n) count as constants."""
    k = smaller_side(x)
    (u, s, vh), (gu, gs, gvh) = [
        (_first_columns(a, k), b, _first_rows(c, k)) for a, b, c in (out, g)]
    s = to_dtype(s, x.type.dtype)
    inverse = safe_reciprocal(s)
    gaps = safe_reciprocal(row(s * s) - column(s * s))
    ugu, vgv = times(adjoint(u), gu), times(vh, adjoint(gvh))
    middle = (_skew(ugu) * gaps * row(s) + column(s) * (_skew(vgv) * gaps)
              + as_diagonal(to_dtype(gs, x.type.dtype))
              + identity_of(ugu) * _skew(ugu) * row(inverse) / 2)
    return (chain(u, middle, vh)
            + times((gu - times(u, ugu)) * row(inverse), vh)
            + times(u, column(inverse) * (gvh - times(adjoint(vgv), vh))),)


svd_op = factorisation(
    "svd", lambda x, *, full: (x.type.dtype, real_dtype(x), x.type.dtype), _svd_sizes, _svd_vjp,
    nout=3, iparams=lambda *, full: (int(full),),
    doc="U, the singular values, and the conjugate transpose of V.")


@textbook
def _svdvals_vjp(g, out, x):
    u, _, vh = svd_op(x, full=False)
    return (times(u * row(to_dtype(g, x.type.dtype)), vh),)


svdvals_op = factorisation(
    "svdvals", lambda x: real_dtype(x),
    lambda S, shapes, inputs: (*shapes[0][:-2], _least(S, shapes[0])), _svdvals_vjp,
    doc="The singular values, the largest first.")


def svd(x, full_matrices=True, compute_uv=True):
    """Factor matrices as U @ diag(s) @ Vh, with orthonormal columns of U and rows of Vh.

    Where singular values are equal, the gradient of U and Vh is not defined. In it, the columns of
    U and the rows of Vh beyond the first k count as constants.

    Parameters
    ----------
    x : Variable or array_like, shape (..., m, n)
    full_matrices : bool
        Whether U and Vh are square.
    compute_uv : bool
        Whether to return more than the singular values.

    Returns
    -------
    U : Variable, shape (..., m, m) or (..., m, k), with k = min(m, n)
    s : Variable, shape (..., k)
        The largest first.
    Vh : Variable, shape (..., n, n) or (..., k, n)

    Examples
    --------
    >>> from cytensor.tensor import nlinalg
    >>> nlinalg.svd([[3.0, 0.0], [0.0, 4.0]], compute_uv=False).eval()
    array([4., 3.])
    """
    x, = as_matrices("svd", x)
    if not compute_uv:
        return svdvals_op(x)
    return list(svd_op(x, full=bool(full_matrices)))
