"""The rows of linear algebra in the table of ops."""
from dataclasses import dataclass
from functools import partial

import numpy as np
import scipy.linalg
from linalg_reference import LINALG, stacked
from op_table import OPS, RESULTS, Domain, Row, real_of

import cytensor.tensor as T
from cytensor.tensor import nlinalg as N, slinalg as S


@dataclass(frozen=True)
class Dominant(Domain):
    """Matrices whose diagonals outweigh the rest: they have full rank and are positive definite."""

    def sample(self, rng, shape, dtype):
        """Return an array of these matrices."""
        x = super().sample(rng, shape, dtype)
        side = max(shape[-2:])
        steady = 3 * side * np.eye(*shape[-2:]) + np.diag(np.arange(side))[:shape[-2], :shape[-1]]
        return (x + steady).astype(x.dtype)


def lapack(dtype):
    """The dtype in which LAPACK computes."""
    kind = np.dtype(dtype).kind
    return "float64" if kind in "biu" else "float32" if dtype == "float16" else dtype


RESULTS.update({
    "lapack": lapack, "real lapack": lambda dtype: real_of(lapack(dtype)),
    "complex lapack": lambda dtype: np.result_type(lapack(dtype), "complex64").name})

SOME, SMALL, STEADY = Domain(-2, 2), Domain(-0.7, 0.7), Dominant(-1, 1)
OWN = ("float32", "float64", "complex64", "complex128")
ANY = ("float64", "complex64", "float16", "int64")
SQUARES = [((3, 3),), ((2, 4, 4),), ((0, 0),), ((0, 2, 2),), ((1, 1),)]
FULL = SQUARES[:2]
OBLONG = [((3, 2),), ((2, 2, 3),), ((3, 3),)]
WITH_NOTHING = [*OBLONG, ((0, 3),), ((3, 0),), ((0, 2, 2),)]
SYSTEMS = [((3, 3), (3, 2)), ((2, 3, 3), (2, 3, 1)), ((2, 3, 3), (1, 3, 2)), ((0, 0), (0, 2)),
           ((3, 3), (3, 0))]
VECTORS = [((3, 3), (3,)), ((3, 3), (3, 2)), ((2, 3, 3), (3, 2)), ((2, 3, 3), (3,))]


def own(name, *args, dtypes=OWN, loose=50, **kwargs):
    """A row of an op below the public functions."""
    return Row(OPS[name], LINALG[name], *args, dtypes=dtypes, loose=loose, **kwargs)


def row(function, reference, *args, dtypes=ANY, result="lapack", loose=50, **kwargs):
    """A row of a public function."""
    return Row(function, reference, *args, dtypes=dtypes, result=result, loose=loose, **kwargs)


def thin(*args, **kwargs):
    """A row of a function that is little more than an op, whose own row has the derivatives."""
    return row(*args, slopes=(), **kwargs)


def _columns(solve):
    """Let a reference solve for vectors, too."""
    def run(a, b, **params):
        many = stacked(partial(solve, **params), 2, 2)
        return many(a, b[..., None])[..., 0] if b.ndim == 1 else many(a, b)
    return run


# ----- equations -----

KINDS = [("gen", False), ("sym", True), ("sym", False), ("her", True), ("pos", False),
         ("pos", True)]
STRUCTURES = ["gen", "sym", "her", "pos", "lower triangular", "upper triangular"]
EQUATIONS = [
    own("inverse", STEADY, SQUARES),
    thin(N.matrix_inverse, np.linalg.inv, STEADY, FULL),
    *[own("solve", (STEADY, SOME), SYSTEMS, {"kind": kind, "lower": lower})
      for kind, lower in KINDS],
    *[thin(S.solve, _columns(scipy.linalg.solve), (STEADY, SOME), VECTORS,
           {"assume_a": kind}, dtypes=("float64", "complex64", "int64")) for kind in STRUCTURES],
    row(S.solve, _columns(scipy.linalg.solve), (STEADY, SOME), VECTORS, {"transposed": True},
        dtypes=("float32", "float64")),
    *[own("solve_triangular", (STEADY, SOME), SYSTEMS, {"lower": lower, "unit": unit})
      for lower, unit in ((True, False), (False, False), (True, True), (False, True))],
    *[row(S.solve_triangular, _columns(scipy.linalg.solve_triangular), (STEADY, SOME), VECTORS,
          {"trans": trans, "lower": trans != 1}, dtypes=("float64", "complex128"))
      for trans in (0, 1, 2)],
    thin(S.solve_lower_triangular, _columns(partial(scipy.linalg.solve_triangular, lower=True)),
        (STEADY, SOME), VECTORS),
    thin(S.solve_upper_triangular, _columns(scipy.linalg.solve_triangular), (STEADY, SOME),
        VECTORS),
    own("cholesky", STEADY, SQUARES, {"lower": True, "nan": False}),
    own("cholesky", STEADY, SQUARES, {"lower": False, "nan": True}),
    thin(S.cholesky, lambda x, lower: np.linalg.cholesky(x, upper=not lower), STEADY, FULL,
        {"lower": False}),
    *[row(S.cho_solve, _columns(partial(lambda c, b, lower: scipy.linalg.cho_solve((c, lower), b),
                                        lower=lower)), (STEADY, SOME), VECTORS, dtypes=OWN,
          call=lambda c, b, lower=lower: S.cho_solve((c, lower), b)) for lower in (True, False)],
]

# ----- factorisations -----


def _lu_parts(x, **params):
    return stacked(partial(scipy.linalg.lu, **params), 2)(x)


def _lu_solve(a, b, trans=0):
    return _columns(lambda a, b: scipy.linalg.lu_solve(scipy.linalg.lu_factor(a), b, trans))(a, b)


def _squares(x):
    """Squared absolute values: those do not depend on signs, and are smooth at 0."""
    return T.real(x * T.conj(x)) if x.dtype.startswith("complex") else x * x


def _sizes_of_qr(q, r):
    return [_squares(q), _squares(r), q @ r]


def _sizes_of_svd(u, s, vh):
    k = s.shape[-1]
    return [T.abs(u[..., :k]), s, T.abs(vh[..., :k, :]),
            (u[..., :k] * s[..., None, :]) @ vh[..., :k, :]]


def _svd(x, **params):
    u, s, vh = np.linalg.svd(x, full_matrices=False)
    return np.abs(u), s, np.abs(vh), x


def _lstsq(a, b, rcond=None):
    x, rest, rank, s = np.linalg.lstsq(a, b, rcond)
    return x, rest, np.int64(rank), s


QR = ("real lapack", "real lapack", "lapack")
SVD = ("real lapack", "real lapack", "real lapack", "lapack")
FACTORS = [
    own("lu_factor", SOME, WITH_NOTHING, result=("same", "int32")),
    own("pivot_permutation", (SOME, Domain(0, 2, "int32")), [((3, 2), (2,)), ((2, 3, 3), (2, 3))],
        {"inverse": False}, result="int64"),
    own("pivot_permutation", (SOME, Domain(0, 2, "int32")), [((3, 2), (2,)), ((2, 3, 3), (2, 3))],
        {"inverse": True}, result="int64"),
    thin(S.lu_factor, LINALG["lu_factor"], SOME, OBLONG, result=("lapack", "int32")),
    row(S.lu, _lu_parts, SOME, OBLONG, result=("lapack",) * 3),
    row(S.lu, _lu_parts, SOME, OBLONG, {"permute_l": True}, result=("lapack",) * 2),
    *[row(S.lu_solve, partial(_lu_solve, trans=trans), (STEADY, SOME), VECTORS, dtypes=(dtype,),
          call=lambda a, b, trans=trans: S.lu_solve(S.lu_factor(a), b, trans))
      for trans, dtype in ((0, "float64"), (1, "float32"), (2, "complex128"))],
    Row(OPS["qr"], lambda x, complete: (*[np.abs(part) ** 2 for part in np.linalg.qr(x)], x),
        SOME, WITH_NOTHING, {"complete": False}, OWN, QR, loose=50,
        call=lambda x: _sizes_of_qr(*OPS["qr"](x, complete=False))),
    row(N.qr, lambda x, mode: np.abs(np.linalg.qr(x, mode)[1]) ** 2, SOME, OBLONG,
        {"mode": "complete"}, result="real lapack",
        call=lambda x: _squares(N.qr(x, "complete")[1])),
    own("qr_raw", SOME, WITH_NOTHING, result=("same", "same"), slopes=()),
    Row(OPS["qr_r"], lambda x: np.abs(np.linalg.qr(x, "r")) ** 2, SOME, WITH_NOTHING, {}, OWN,
        "real lapack", loose=50, call=lambda x: _squares(OPS["qr_r"](x))),
    Row(OPS["svd"], _svd, SOME, WITH_NOTHING, {"full": False}, OWN, SVD, loose=50,
        call=lambda x: _sizes_of_svd(*OPS["svd"](x, full=False))),
    thin(N.svd, _svd, SOME, OBLONG, result=SVD, call=lambda x: _sizes_of_svd(*N.svd(x))),
    own("svdvals", SOME, WITH_NOTHING, result="real"),
    own("lstsq", (SOME, SOME, Domain(1e-6, 1e-5, "float64")),
        [((4, 2), (4, 3), ()), ((2, 2, 4), (2, 2, 1), ())], dtypes=("float64",),
        result=("same", "real", "int64", "real")),
    row(N.lstsq, _lstsq, SOME, [((4, 2), (4,)), ((4, 2), (4, 3)), ((2, 4), (2, 3)),
                                ((3, 3), (3, 1))],
        result=("lapack", "real lapack", "int64", "real lapack")),
    own("pinv", (SOME, Domain(1e-6, 1e-5, "float64")), [((3, 2), ()), ((2, 2, 3), ())],
        dtypes=("float64", "complex128")),
    row(N.pinv, np.linalg.pinv, SOME, [*OBLONG, ((0, 3),)]),
]

# ----- eigenvalues -----


def _rebuilt(x):
    """The matrix that eigenvalues and eigenvectors belong to."""
    w, v = N.eig(x)
    return (v * w[..., None, :]) @ N.inv(v)


def _eigh(a, b=None, lower=True):
    w, v = scipy.linalg.eigh(a, b, lower=lower)
    return w, np.abs(v)


REAL_TWO = ("real lapack", "real lapack")
EIGEN = [
    *[Row(OPS["eigh"], stacked(_eigh, 2), SOME, SQUARES, {"lower": lower}, OWN,
          REAL_TWO, loose=50, call=lambda x, lower=lower: [
              part if i == 0 else T.abs(part)
              for i, part in enumerate(OPS["eigh"](x, lower=lower))]) for lower in (True, False)],
    *[own("eigvalsh", SOME, SQUARES, {"lower": lower}, result="real") for lower in (True, False)],
    *[thin(N.eigh, partial(stacked(_eigh, 2), lower=UPLO == "L"), SOME, FULL, result=REAL_TWO,
          call=lambda x, UPLO=UPLO: [N.eigh(x, UPLO)[0], T.abs(N.eigh(x, UPLO=UPLO)[1])])
      for UPLO in "LU"],
    *[row(S.eigh, stacked(partial(_eigh, lower=UPLO == "L"), 2, 2), (SOME, STEADY),
          [((3, 3), (3, 3)), ((2, 2, 2), (2, 2, 2))], result=REAL_TWO, dtypes=(dtype,),
          call=lambda a, b, UPLO=UPLO: [S.eigh(a, b, UPLO)[0], T.abs(S.eigh(a, b, UPLO)[1])])
      for UPLO, dtype in (("L", "float64"), ("U", "complex128"), ("U", "float32"))],
    thin(S.eigvalsh, stacked(partial(scipy.linalg.eigvalsh, lower=False), 2), SOME, FULL,
        result="real lapack", call=lambda a: S.eigvalsh(a, None, False)),
    row(S.eigvalsh, stacked(scipy.linalg.eigvalsh, 2, 2), (SOME, STEADY),
        [((3, 3), (3, 3)), ((2, 3, 3), (3, 3))], result="real lapack"),
    # their order may change with rounding: float32 is compared by what does not depend on it
    own("eig", SOME, SQUARES, dtypes=OWN[1::2], result=("complex lapack",) * 2),
    own("eigvals", SOME, SQUARES, dtypes=OWN[1::2], result="complex lapack"),
    thin(N.eig, lambda x: x, SOME, FULL, result="complex lapack", loose=200, call=_rebuilt),
    thin(N.eigvals, lambda x: np.trace(x @ x, axis1=-2, axis2=-1), SOME, FULL,
        result="complex lapack", loose=200, call=lambda x: (N.eigvals(x) ** 2).sum(axis=-1)),
]

# ----- functions of matrices -----


def _logdet(x):
    return np.linalg.slogdet(x)[1]


TENSOR = (2, 3, 3, 2)
VECTOR_ORDERS = [None, np.inf, -np.inf, 0, 1, 2, 3, -1]
MATRIX_ORDERS = [None, "fro", "nuc", np.inf, -np.inf, 1, -1, 2, -2]
FUNCTIONS = [
    own("det", STEADY, SQUARES),
    thin(N.det, np.linalg.det, STEADY, FULL),
    own("slogdet", STEADY, SQUARES, result=("same", "real")),
    thin(N.slogdet, np.linalg.slogdet, STEADY, FULL, result=("lapack", "real lapack")),
    thin(N.logdet, _logdet, STEADY, FULL, result="real lapack"),
    own("expm", SMALL, SQUARES),
    thin(S.expm, LINALG["expm"], Domain(-3, 3), FULL, loose=200),
    *[row(N.matrix_power, np.linalg.matrix_power, STEADY, FULL, {"n": n}, dtypes=OWN)
      for n in (0, 1, 2, 5, -1, -3)],
    row(N.matrix_power, np.linalg.matrix_power, Domain(-2, 2), FULL, {"n": 3},
        dtypes=("int64",), result="same"),
    row(N.matrix_dot, lambda *xs: np.linalg.multi_dot(xs), SOME, [((2, 3), (3, 4), (4, 2))],
        dtypes=OWN),
    row(N.multi_dot, lambda *xs: np.linalg.multi_dot(xs), SOME,
        [((2, 3), (3, 1), (1, 4)), ((3,), (3, 4), (4, 2), (2,))], dtypes=OWN,
        call=lambda *xs: N.multi_dot(xs)),
    *[row(N.norm, np.linalg.norm, SOME, [((5,),)], {"ord": ord}, result="real lapack",
          slopes=() if ord == 0 else None, dtypes=OWN) for ord in VECTOR_ORDERS],
    *[row(N.norm, np.linalg.norm, SOME, [((3, 4),), ((3, 3),)], {"ord": ord},
          result="real lapack", dtypes=(*OWN, "int64")) for ord in MATRIX_ORDERS],
    row(N.norm, np.linalg.norm, SOME, [((2, 3, 4),)],
        {"ord": 1, "axis": (2, 0), "keepdims": True}, result="real lapack", dtypes=OWN),
    row(N.norm, np.linalg.norm, SOME, [((2, 3, 4),)], {"ord": 2, "axis": 1},
        result="real lapack", dtypes=OWN),
    *[row(N.cond, np.linalg.cond, STEADY, FULL, {"p": p}, result="real lapack", dtypes=OWN)
      for p in (None, -2, 1, np.inf, "fro")],
    row(N.matrix_rank, np.linalg.matrix_rank, SOME, [*OBLONG, ((4,),)], result="int64"),
    row(N.tensorinv, lambda x: np.linalg.tensorinv(x.reshape(TENSOR)), STEADY, [((6, 6),)],
        dtypes=OWN, call=lambda x: N.tensorinv(x.reshape(TENSOR))),
    *[row(N.tensorsolve, lambda a, b, axes=axes, shape=shape: np.linalg.tensorsolve(
        a.reshape(TENSOR), b.reshape(shape), axes), (STEADY, SOME), [((6, 6), (6,))], dtypes=OWN,
        call=lambda a, b, axes=axes, shape=shape: N.tensorsolve(
            a.reshape(TENSOR), b.reshape(shape), axes))
      for axes, shape in ((None, (2, 3)), ((0, 1), (3, 2)))],
]

LINALG_ROWS = [*EQUATIONS, *FACTORS, *EIGEN, *FUNCTIONS]
