"""Loops whose steps multiply by the same matrix: it is made ready once, before the first step."""
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cytensor as ct
import cytensor.tensor as T
from cytensor.cpu import _structured

STEPS = 20
sizes = st.integers(1, 40)


@pytest.fixture
def threads():
    yield _structured.set_threads
    _structured.set_threads(0)


def sample(*shape, dtype="float64", seed=0):
    return np.asarray(np.random.default_rng(seed).uniform(-0.3, 0.3, shape), dtype)


def states(h, product, steps=STEPS):
    """What a loop of ``h = tanh(product(h))`` returns."""
    found = []
    for _ in range(steps):
        h = np.tanh(product(h))
        found.append(h)
    return np.array(found)


def scan_of(h, U, product, **options):
    return ct.scan(lambda h, U: T.tanh(product(h, U)), None, h, U,
                   **{"n_steps": STEPS, **options})[0]


def assert_close(a, b, dtype="float64"):
    np.testing.assert_allclose(a, b, rtol=1e-3 if dtype == "float32" else 1e-9,
                               atol=1e-5 if dtype == "float32" else 1e-12)


@settings(max_examples=40, deadline=None)
@given(rows=sizes, n=sizes, dtype=st.sampled_from(["float32", "float64"]), turned=st.booleans(),
       left=st.booleans())
def test_of_any_size_and_layout(rows, n, dtype, turned, left):
    h, U = sample(rows, n, dtype=dtype), sample(n, n, dtype=dtype, seed=1)
    h = np.ascontiguousarray(h.T) if left else h
    x, V = T.matrix("x", dtype), T.matrix("V", dtype)

    def product(h, U):
        U = U.T if turned else U
        return (U @ h) if left else h @ U
    f = ct.function([x, V], scan_of(x, V, product))
    assert_close(f(h, U), states(h, lambda h: product(h, U)), dtype)


@pytest.mark.parametrize("cut", [np.s_[:16, 1:17], np.s_[15::-1, :16], np.s_[:16, :32:2],
                                 np.s_[3:19, 24:8:-1]])
def test_a_part_of_a_matrix(cut):
    U, h = sample(24, 40), sample(3, 16, seed=1)
    x, V = T.dmatrices("x", "V")
    f = ct.function([x, V], scan_of(x, V, lambda h, U: h @ U[cut]))
    assert_close(f(h, U), states(h, lambda h: h @ U[cut]))


def test_of_vectors():
    U, h = sample(24, 24), sample(24, seed=1)
    x, V = T.dvector("x"), T.dmatrix("V")
    for product in (lambda h, U: h @ U, lambda h, U: U @ h):
        f = ct.function([x, V], scan_of(x, V, product))
        assert_close(f(h, U), states(h, lambda h, product=product: product(h, U)))


def test_of_a_constant_of_the_body():
    U, h = sample(24, 24), sample(5, 24, seed=1)
    x = T.dmatrix("x")
    h_t, _ = ct.scan(lambda h: T.tanh(h @ T.constant(U)), None, x, n_steps=STEPS)
    assert_close(ct.function([x], h_t)(h), states(h, lambda h: h @ U))


def test_a_state_is_no_constant():
    A, h = sample(12, 12), sample(12, 12, seed=1)
    x, V = T.dmatrices("x", "V")

    def step(h, V):
        return T.tanh(h @ V), V * 0.9
    (h_t, _), _ = ct.scan(step, None, [x, V], n_steps=STEPS)
    got = ct.function([x, V], h_t)(h, A)
    for k in range(STEPS):
        h, A = np.tanh(h @ A), A * 0.9
        assert_close(got[k], h)


def test_a_loop_in_a_loop():
    h, U = sample(9, 24), sample(4, 24, 24, seed=1)
    x, V = T.dmatrix("x"), T.dtensor3("V")
    h_t, _ = ct.scan(lambda U, h: scan_of(h, U, lambda h, U: h @ U)[-1], V, x)
    got = ct.function([x, V], h_t)(h, U)
    for k in range(4):
        h = states(h, lambda h, k=k: h @ U[k])[-1]
        assert_close(got[k], h)


def test_no_steps():
    x, V, n = *T.dmatrices("x", "V"), T.lscalar("n")
    f = ct.function([x, V, n], scan_of(x, V, lambda h, U: h @ U, n_steps=n))
    assert f(sample(3, 16), sample(16, 16), 0).shape == (0, 3, 16)
    assert f(sample(3, 16), sample(16, 16), 30).shape == (30, 3, 16)


@pytest.mark.parametrize("rows", [1, 7, 24, 33, 150])
def test_gradient_and_the_same_bits_on_all_threads(rows, threads):
    h, U = sample(rows, 96, dtype="float32"), sample(96, 96, dtype="float32", seed=1)
    x, V = T.fmatrices("x", "V")
    loss = (scan_of(x, V, lambda h, U: h @ U) ** 2).sum()
    f = ct.function([x, V], [loss, *T.grad(loss, [x, V])])
    whole = ct.function([x, V], [loss, *T.grad(loss, [x, V])],
                        mode=ct.Mode().excluding("fusion"))
    threads(1)
    wanted = f(h, U)
    for a, b in zip(wanted, whole(h, U), strict=True):
        np.testing.assert_allclose(a, b, 1e-3, 1e-4 * np.abs(b).max())
    for count in (2, 3):
        threads(count)
        for a, b in zip(f(h, U), wanted, strict=True):
            assert a.tobytes() == b.tobytes()


def test_who_looks_on_sees_the_same():
    h, U = sample(24, 96, dtype="float32"), sample(96, 96, dtype="float32", seed=1)
    x, V = T.fmatrices("x", "V")
    result = scan_of(x, V, lambda h, U: h @ U)
    plain = ct.function([x, V], result)(h, U)
    profiled = ct.function([x, V], result, profile=True)(h, U)
    assert plain.tobytes() == profiled.tobytes()
    guarded = ct.function([x, V], result, mode="NanGuardMode")
    assert guarded(h, U).tobytes() == plain.tobytes()
    U[3, 3] = np.nan
    with pytest.raises(AssertionError, match="NaN"):
        guarded(h, U)
