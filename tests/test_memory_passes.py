"""Reductions and broadcasts of arrays that do not fit into the cache: values, bits and threads."""
import numpy as np
import pytest

import cytensor as ct
import cytensor.tensor as T

SHAPES = [(3, 40_000), (70, 4096), (2500, 1000), (67, 4100), (20_000, 33), (300, 1024), (5000, 10)]
OPS = {"sum": np.sum, "max": np.max, "min": np.min}


@pytest.fixture(autouse=True)
def interpreted(monkeypatch):
    monkeypatch.setattr(ct.config, "jit", "off")


def numbers(*shape, dtype="float32"):
    return np.random.default_rng(len(shape)).normal(size=shape).astype(dtype)


def with_threads(f, n, *args):
    before, ct.config.threads = ct.config.threads, n
    try:
        return f(*args)
    finally:
        ct.config.threads = before


def same_bits_with_any_threads(f, *args):
    """The results with one thread, after a comparison with those with several."""
    first = with_threads(f, 1, *args)
    for n in (2, 3):
        again = with_threads(f, n, *args)
        assert first.tobytes() == again.tobytes()
    return first


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("axis", [0, 1, None])
@pytest.mark.parametrize("op", OPS)
def test_reductions(op, axis, shape):
    x = numbers(*shape)
    X = T.fmatrix()
    got = same_bits_with_any_threads(ct.function([X], getattr(T, op)(X, axis=axis)), x)
    want = OPS[op](x.astype("float64"), axis=axis)
    scale = np.abs(x).sum(axis) if op == "sum" else 0
    np.testing.assert_allclose(got, want, rtol=0, atol=1e-6 * np.max(scale))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("op", ["max", "min"])
@pytest.mark.parametrize("place", [0, 15, 16, 63, 64, 999, 1000, 40_000, 99_999])
def test_a_nan_wins_wherever_it_is(op, dtype, place):
    x = numbers(100_000, dtype=dtype)
    x[place] = np.nan
    X = T.TensorType(dtype, (None,))()
    f = ct.function([X], getattr(T, op)(X))
    assert np.isnan(f(x))
    assert np.isnan(f(x[place:place + 20]))


@pytest.mark.parametrize("op, zeros", [("max", (-0.0, 0.0)), ("min", (0.0, -0.0))])
def test_of_equal_zeros_the_first_one_stays(op, zeros):
    first, second = zeros
    x = np.full(4096, second, "float32")
    x[:1024] = first
    X = T.fvector()
    assert np.signbit(ct.function([X], getattr(T, op)(X))(x)) == np.signbit(np.float32(first))


def test_the_mean_of_the_squares_of_a_difference():
    x, y = numbers(2, 1_000_003)
    X, Y = T.fvectors("x", "y")
    f = ct.function([X, Y], ((X - Y) ** 2).mean())
    got = same_bits_with_any_threads(f, x, y)
    np.testing.assert_allclose(got, np.mean((x.astype("float64") - y) ** 2), rtol=1e-6)


@pytest.mark.parametrize("shape", [(2000, 1000), (1000, 257), (700, 1024), (300, 5000),
                                   (4000, 255)])
def test_maps_with_a_row_or_a_column_that_serves_for_all(shape):
    x, row, column = numbers(*shape), numbers(shape[1]), numbers(shape[0], 1)
    X, R, C = T.fmatrix(), T.fvector(), T.col("c", "float32")
    f = ct.function([X, R, C], (X - R) * C + R * X)
    got = same_bits_with_any_threads(f, x, row, column)
    np.testing.assert_array_equal(got, (x - row) * column + row * x)


def test_maps_with_rows_of_several_sizes():
    x, inner, outer = numbers(40, 50, 300), numbers(300), numbers(50, 300)
    X, V, M = T.ftensor3(), T.fvector(), T.fmatrix()
    f = ct.function([X, V, M], X * V + M)
    np.testing.assert_array_equal(same_bits_with_any_threads(f, x, inner, outer),
                                  x * inner + outer)


def test_the_result_may_be_a_row_that_is_repeated():
    x, row = numbers(900, 1000), numbers(1000)
    X, R = T.fmatrix(), T.fvector()
    f = ct.function([X, R], [X * 0 + R, T.exp(R) + X])
    repeated, added = f(x, row)
    np.testing.assert_array_equal(repeated, np.broadcast_to(row, x.shape))
    np.testing.assert_allclose(added, np.exp(row) + x, rtol=1e-5, atol=1e-6)


def test_what_all_readers_make_again_is_not_computed():
    """The difference is read by a later group alone, which subtracts by itself."""
    X, G, B, M, V = T.fmatrix(), *T.fvectors("g", "b", "m", "v")
    y = T.nnet.bn.batch_normalization_test(X, G, B, M, V, epsilon=1e-5)
    f = ct.function([X, G, B, M, V], y)
    x, (g, b, m) = numbers(300, 40), numbers(3, 40)
    v = np.abs(m) + 1
    want = (x - m) * (g / np.sqrt(v + np.float32(1e-5))) + b
    np.testing.assert_allclose(f(x, g, b, m, v), want, rtol=1e-4, atol=1e-5)
    assert "/* sub\n" not in f.source()
