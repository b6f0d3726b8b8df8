"""Linear algebra beyond the table of ops: errors, threads, sizes, rewrites, hard matrices."""
import numpy as np
import pytest
import scipy.linalg
from linalg_reference import LINALG
from new_process import run
from numpy.linalg import LinAlgError

import cytensor as ct
import cytensor.tensor as T
from cytensor import config
from cytensor._core import toposort
from cytensor.cpu import blas
from cytensor.cpu._structured import call
from cytensor.tensor import nlinalg as N, slinalg as S

RNG = np.random.default_rng(0)
x, y, v = T.dmatrix("x"), T.dmatrix("y"), T.dvector("v")


def compiled(*outputs, inputs=(x,)):
    return ct.function(list(inputs), list(outputs) if len(outputs) > 1 else outputs[0])


def positive(n, dtype="float64"):
    a = RNG.standard_normal((n, n))
    return (a @ a.T + n * np.eye(n)).astype(dtype)


# ----- errors -----

def test_a_singular_matrix_is_named_with_the_users_line():
    stack = np.array([np.eye(2), np.eye(2), np.ones((2, 2)), np.zeros((2, 2))])
    z = T.tensor3("z")
    f = ct.function([z], N.inv(z))          # the line
    with pytest.raises(LinAlgError, match="inverse: the matrix is singular, number 2 of the stack"):
        f(stack)
    with pytest.raises(LinAlgError, match=r"N\.inv\(z\)\) +# the line"):
        f(stack)
    np.testing.assert_array_equal(f(stack[:2]), stack[:2])


@pytest.mark.parametrize("make, value, message", [
    (N.inv, np.ones((2, 2)), "inverse: the matrix is singular\n"),
    (lambda x: S.solve(x, v), np.ones((2, 2)), "solve: the matrix is singular"),
    (lambda x: S.solve(x, v, "sym"), np.zeros((2, 2)), "solve: the matrix is singular"),
    (lambda x: S.solve(x, v, "pos"), -np.eye(2), "solve: the matrix is not positive definite"),
    (lambda x: S.solve_triangular(x, v), np.zeros((2, 2)), "a zero on its diagonal"),
    (S.cholesky, -np.eye(2), "cholesky: the matrix is not positive definite"),
    (lambda x: S.eigvalsh(np.eye(2), x), -np.eye(2), "not positive definite"),
    (N.eigvals, np.full((2, 2), np.nan), "did not converge|eigvals"),
    (lambda x: N.svd(x, compute_uv=False), np.full((2, 2), np.nan), "did not converge"),
    (N.det, np.ones((2, 3)), "not square: they have 2 rows and 3 columns"),
    (lambda x: N.matrix_power(x, -1), np.zeros((2, 2)), "singular"),
])
def test_errors_of_a_run(make, value, message):
    f = ct.function([x, v], make(x), on_unused_input="ignore")
    with pytest.raises(LinAlgError, match=message):
        f(value, np.ones(2))


@pytest.mark.parametrize("make, error", [
    (lambda: N.inv(v), LinAlgError),
    (lambda: N.inv(np.ones((2, 3))), LinAlgError),
    (lambda: S.solve(np.eye(2), np.ones(3)), ValueError),
    (lambda: S.solve(x, v, "no structure"), ValueError),
    (lambda: S.solve_triangular(x, v, trans=3), ValueError),
    (lambda: S.cholesky(x, on_error="pass"), ValueError),
    (lambda: N.qr(x, "no mode"), ValueError),
    (lambda: N.eigh(x, "M"), ValueError),
    (lambda: N.lstsq(x, v, [1.0]), LinAlgError),
    (lambda: N.matrix_power(np.ones((2, 3)), 2), ValueError),
    (lambda: N.norm([2, 1], "fro"), ValueError),
    (lambda: N.norm([[2, 1], [3, 4]], 0), ValueError),
    (lambda: N.norm(3.0), ValueError),
    (lambda: N.norm(np.ones((2, 3, 4))), NotImplementedError),
    (lambda: N.tensorinv(np.ones((2, 3)), 0), ValueError),
    (lambda: N.multi_dot([x]), ValueError),
    (lambda: S.lu_solve((x, v), v, trans=3), ValueError),
])
def test_errors_while_the_graph_is_built(make, error):
    with pytest.raises(error):
        make()


def test_cholesky_may_give_nan_instead():
    factor = S.cholesky(x, on_error="nan")
    f = compiled(factor, T.grad(factor.sum(), x))
    for found in f(np.array([[1.0, 0.2], [0.2, -2.0]])):
        assert np.isnan(found).all()
    np.testing.assert_allclose(f(np.eye(2))[0], np.eye(2))


# ----- threads and layouts -----

STACKED = {"inverse": {}, "cholesky": {"lower": True, "nan": False}, "svdvals": {}}


@pytest.mark.parametrize("name", STACKED)
def test_stacks_have_the_same_bits_on_every_number_of_threads(name, monkeypatch):
    f = {"inverse": N.inv, "cholesky": S.cholesky,
         "svdvals": lambda z: N.svd(z, compute_uv=False)}[name]
    z = T.tensor3("z")
    f, stack = ct.function([z], f(z)), np.array([positive(20) for _ in range(60)])
    found = []
    for threads in (1, 2, 5):
        monkeypatch.setattr(config, "threads", threads)
        found.append(f(stack))
    np.testing.assert_array_equal(found[0], found[1])
    np.testing.assert_array_equal(found[0], found[2])


def test_one_large_matrix_has_the_same_bits_where_that_is_asked_for(monkeypatch):
    monkeypatch.setattr(config, "lapack_threads", False)
    f, a, found = compiled(N.inv(x)), positive(400), []
    for threads in (1, 2, 0):
        monkeypatch.setattr(config, "threads", threads)
        found.append(f(a))
    np.testing.assert_array_equal(found[0], found[1])
    np.testing.assert_array_equal(found[0], found[2])


@pytest.mark.parametrize("turn", [False, True])
def test_kernels_write_where_nothing_is_contiguous(turn):
    kernels = blas.load_lapack().kernels
    a, b = positive(4), RNG.standard_normal((4, 2))
    for name, inputs, params, sizes in (
            ("inverse", [a], (), [(4, 4)]), ("solve", [a, b], (0, 0), [(4, 2)]),
            ("solve_triangular", [a, b], (1, 0), [(4, 2)]), ("cholesky", [a], (1, 0), [(4, 4)]),
            ("svd", [b], (0,), [(4, 2), (2,), (2, 2)]), ("expm", [a / 9], (), [(4, 4)])):
        plain = [np.empty(size) for size in sizes]
        odd = [np.empty([3 * n for n in size])[(slice(None, None, 3),) * len(size)]
               for size in sizes]
        odd = [out.T.copy()[::-1].T if turn and out.ndim == 2 else out for out in odd]
        call(name, plain, inputs, params, kernels)
        call(name, odd, inputs, params, kernels)
        for one, other in zip(plain, odd):
            np.testing.assert_allclose(other, one, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("n", [64, 150])
def test_blocked_algorithms(n):
    """LAPACK works in blocks from some size on, and wants scratch for them."""
    a, b = positive(n), RNG.standard_normal((n, n))
    w, vectors = N.eigh(x)
    q, r = N.qr(y)
    u, s, vh = N.svd(y)
    values, right = N.eig(y)
    f = compiled(N.inv(x), S.cholesky(x), (vectors * w) @ vectors.T, q @ r, (u * s) @ vh,
                 T.real((right * values) @ N.inv(right)), N.slogdet(x)[1],
                 N.lstsq(y[:, :n // 2], y)[0], inputs=(x, y))
    want = [np.linalg.inv(a), np.linalg.cholesky(a), a, b, b, b, np.linalg.slogdet(a)[1],
            np.linalg.lstsq(b[:, :n // 2], b)[0]]
    for got, expected in zip(f(a, b), want, strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-8, atol=1e-9)


# ----- the package that LAPACK comes from -----

def test_scipy_linalg_is_not_imported():
    run("""
import sys
import cytensor as ct
import cytensor.tensor as T
from cytensor.tensor import nlinalg, slinalg
assert not [name for name in sys.modules if name.startswith("scipy")]
x = T.dmatrix()
f = ct.function([x], [nlinalg.inv(x), slinalg.cholesky(x), x @ x])
f([[2.0, 0.0], [0.0, 4.0]])
assert "scipy.linalg" not in sys.modules
import scipy.linalg
assert scipy.linalg.inv([[2.0]])[0, 0] == 0.5
""")


def test_scipy_linalg_may_be_there_already():
    run("""
import scipy.linalg
from cytensor.tensor import nlinalg
assert nlinalg.inv([[2.0]]).eval()[0, 0] == 0.5
""")


# ----- rewrites -----

def ops_of(f):
    return {node.op.name for node in toposort(f.maker.fgraph.outputs)}


@pytest.mark.parametrize("make, there, gone", [
    (lambda: N.inv(x) @ v, "solve", "inverse"),
    (lambda: v @ N.inv(x), "solve", "inverse"),
    (lambda: N.inv(x).T @ v, "solve", "inverse"),
    (lambda: T.dot(x, N.inv(x).T), "solve", "inverse"),
    (lambda: S.solve(S.cholesky(x), v), "solve_triangular", "solve"),
    (lambda: N.inv(S.cholesky(x).T) @ v, "solve_triangular", "inverse"),
    (lambda: T.log(N.det(x)), "slogdet", "det"),
    (lambda: T.log(abs(N.det(x))), "slogdet", "det"),
    (lambda: T.grad(T.log(N.det(x)), x), "inverse", "det"),
])
def test_rewrites(make, there, gone):
    f, plain = [ct.function([x, v], make(), on_unused_input="ignore", mode=mode)
                for mode in ("fast_run", "none")]
    assert there in ops_of(f) and gone not in ops_of(f)
    a, b = positive(3), RNG.standard_normal(3)
    np.testing.assert_allclose(f(a, b), plain(a, b), rtol=1e-10, atol=1e-12)


def test_an_inverse_that_is_wanted_stays():
    inverse = N.inv(x)
    f = ct.function([x, v], [inverse, inverse @ v])
    assert "solve" not in ops_of(f)


def test_the_logarithm_of_a_determinant_that_is_no_float():
    f = compiled(T.log(N.det(x)))
    assert f(np.eye(500) * 100) == pytest.approx(500 * np.log(100))
    assert np.isnan(f(-np.eye(3))) and f(np.zeros((2, 2))) == -np.inf


# ----- what functions promise -----

def test_rank_deficient_least_squares():
    a, b = np.ones((4, 2)), np.arange(4.0)
    found = ct.function([x, v], N.lstsq(x, v))(a, b)
    for got, want in zip(found, np.linalg.lstsq(a, b)):
        np.testing.assert_allclose(got, want, atol=1e-14)
    assert found[1].shape == (0,) and found[2] == 1


def test_stacks_of_least_squares():
    a, b = RNG.standard_normal((3, 4, 2)), RNG.standard_normal((4, 1))
    got, rests, rank, _ = [out.eval() for out in N.lstsq(a, b)]
    assert got.shape == (3, 2, 1) and rests.shape == (3, 1) and rank.tolist() == [2, 2, 2]
    np.testing.assert_allclose(got[1], np.linalg.lstsq(a[1], b)[0])


def test_gradient_of_equal_singular_values_is_finite():
    for cost in (N.norm(x, "nuc"), N.svd(x)[1].sum(), N.eigh(x)[0].sum(), N.norm(N.pinv(x))):
        assert np.isfinite(T.grad(cost, x).eval({x: np.eye(3)})).all()


def test_the_order_of_a_product():
    tall, wide = T.zeros((50, 2)), T.zeros((2, 50))
    product = N.multi_dot([tall, wide, tall])
    assert product.owner.inputs[1].type.shape == (2, 2)
    assert N.multi_dot([x, y, v]).type.ndim == 1


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64", "complex128"])
@pytest.mark.parametrize("a", [
    np.array([[0, 1e6, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1], [0, 0, 0, 0]]),
    np.array([[1, 1e4], [0, -1]]),
    np.diag([-300.0, 2, 1e-9]),
    np.full((3, 3), 1e-12),
    RNG.standard_normal((6, 6)) * 8,
], ids=["nilpotent", "not normal", "far apart", "tiny", "random"])
def test_exponentials_of_hard_matrices(a, dtype):
    a = a.astype(dtype)
    want = scipy.linalg.expm(a.astype("complex128" if a.dtype.kind == "c" else "float64"))
    tolerance = 1e-4 if dtype in ("float32", "complex64") else 1e-11
    np.testing.assert_allclose(S.expm(a).eval(), want.astype(dtype), rtol=tolerance,
                               atol=tolerance * np.abs(want).max() * 1e-2)


def test_an_exponential_of_what_is_not_finite():
    assert np.isnan(S.expm(np.array([[np.inf, 1.0], [0.0, 1.0]])).eval()).all()


def test_both_triangles_of_an_eigenproblem():
    a = RNG.standard_normal((4, 4))
    lower, upper = compiled(S.eigvalsh(x), S.eigvalsh(x, lower=False))(a)
    np.testing.assert_allclose(lower, LINALG["eigvalsh"](a, lower=True))
    np.testing.assert_allclose(upper, LINALG["eigvalsh"](a, lower=False))


def test_the_gradient_of_eigenvectors_knows_their_scale():
    """LAPACK gives them length 1, and a real number as their largest."""
    a = RNG.standard_normal((4, 4))
    T.verify_grad(lambda x: T.real(N.eig(x)[1]) + 2 * T.imag(N.eig(x)[1]), [a])


@pytest.mark.parametrize("function", [
    np.linalg.inv, np.linalg.cholesky, np.linalg.det, np.linalg.eigvalsh, np.linalg.pinv,
    lambda x: np.linalg.norm(x, "nuc"), lambda x: np.linalg.solve(x, x @ x),
    lambda x: np.linalg.svd(x, compute_uv=False), lambda x: np.linalg.eigvalsh(x, "U"),
    lambda x: np.linalg.matrix_power(x, 3), lambda x: np.linalg.lstsq(x, x)[0],
    np.fft.rfft, lambda x: np.fft.ifftn(x, axes=(0,)), np.fft.fftshift])
def test_numpys_functions_stay_symbolic(function):
    a = positive(3)
    np.testing.assert_allclose(compiled(function(x))(a), function(a), rtol=1e-10, atol=1e-12)
