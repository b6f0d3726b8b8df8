"""Fourier transforms beyond the table of ops: sizes that the run knows, halves, errors."""
import numpy as np
import pytest
from new_process import run

import cytensor as ct
import cytensor.tensor as T
from cytensor.tensor import fft

RNG = np.random.default_rng(0)
x, n = T.dmatrix("x"), T.lscalar("n")


@pytest.mark.parametrize("name", ["fft", "ifft", "rfft", "irfft", "ihfft", "hfft"])
def test_a_size_that_the_run_knows(name):
    f = ct.function([x, n], getattr(fft, name)(x, n))
    a = RNG.standard_normal((3, 6))
    for size in (1, 4, 6, 7, 10):
        np.testing.assert_allclose(f(a, size), getattr(np.fft, name)(a, size), atol=1e-13)


@pytest.mark.parametrize("size", [1, 2, 5, 6])
@pytest.mark.parametrize("norm", [None, "ortho", "forward"])
def test_gradients_of_halves_are_transposes(size, norm):
    """Against the matrix of the transform, which is found column by column."""
    half = size // 2 + 1
    forward = np.fft.rfft(np.eye(size), norm=norm).T
    parts = np.concatenate([np.eye(half), 1j * np.eye(half)])
    backward = np.fft.irfft(parts, size, norm=norm).T
    g = T.zvector("g")
    cost = T.real((g * fft.rfft(x[0], norm=norm)).sum())
    weights = RNG.standard_normal(half) + 1j * RNG.standard_normal(half)
    found = ct.function([x, g], T.grad(cost, x), on_unused_input="ignore")
    np.testing.assert_allclose(found(np.zeros((1, size)), weights)[0],
                               (weights @ forward).real, atol=1e-13)
    z = T.zvector("z")
    cost = (x[0] * fft.irfft(z, size, norm=norm)).sum()
    real = RNG.standard_normal((1, size))
    slopes = ct.function([x, z], T.grad(cost, z), on_unused_input="ignore")(real, weights)
    want = real[0] @ backward
    np.testing.assert_allclose(slopes, want[:half] + 1j * want[half:], atol=1e-13)


@pytest.mark.parametrize("is_odd", [False, True])
@pytest.mark.parametrize("norm", [None, "ortho", "no_norm"])
def test_pairs_go_there_and_back(norm, is_odd):
    a = RNG.standard_normal((3, 4, 8 + is_odd))
    z = T.dtensor3()
    back = fft.irfft_pairs(fft.rfft_pairs(z, norm), norm, is_odd)
    size = a[0].size if norm == "no_norm" else 1
    np.testing.assert_allclose(ct.function([z], back)(a), a * size, atol=1e-12)


@pytest.mark.parametrize("dtype, result", [
    ("float32", "complex64"), ("float16", "complex64"), ("int8", "complex128"),
    ("complex64", "complex64"), ("float64", "complex128")])
def test_precision_stays(dtype, result):
    out = fft.fft(np.ones(4, dtype))
    assert out.dtype == result and out.eval().dtype == result


def test_scipy_fft_is_imported_when_a_transform_runs():
    run("""
import sys
import cytensor as ct
import cytensor.tensor as T
from cytensor.tensor import fft
x = T.dvector()
f = ct.function([x], fft.rfft(x))
assert "scipy.fft" not in sys.modules
assert f([1.0, 2.0])[0] == 3
assert "scipy.fft" in sys.modules
""")


@pytest.mark.parametrize("make, error", [
    (lambda: fft.fft(x, norm="double"), ValueError),
    (lambda: fft.hfft(x, norm="double"), ValueError),
    (lambda: fft.rfft(x + 1j), TypeError),
    (lambda: fft.fft(x, axis=2), np.exceptions.AxisError),
    (lambda: fft.fftn(x, s=(2, 2), axes=(0,)), ValueError),
    (lambda: fft.fftn(x, axes=(0, 0)), ValueError),
    (lambda: fft.fft(np.ones((2, 0))), ValueError),
    (lambda: fft.fft(x, 1.5), TypeError),
    (lambda: fft.rfft_pairs(T.dvector()), TypeError),
    (lambda: fft.rfft_pairs(x, norm=123), ValueError),
    (lambda: fft.irfft_pairs(x), TypeError),
    (lambda: fft.irfft_pairs(T.dtensor3(), norm=123), ValueError),
    (lambda: fft.irfft_pairs(T.dtensor3(), is_odd=123), ValueError),
])
def test_errors_while_the_graph_is_built(make, error):
    with pytest.raises(error):
        make()


@pytest.mark.parametrize("size", [0, -1])
def test_a_size_that_is_too_small(size):
    f = ct.function([x, n], fft.irfft(x, n))
    with pytest.raises(ValueError, match="at least one entry"):
        f(np.ones((2, 3)), size)


def test_frequencies_of_a_size_that_the_run_knows():
    f = ct.function([n], [fft.fftfreq(n, 0.1), fft.rfftfreq(n, 0.1)])
    for size in (1, 4, 5):
        for got, want in zip(f(size), (np.fft.fftfreq(size, 0.1), np.fft.rfftfreq(size, 0.1))):
            np.testing.assert_allclose(got, want)
