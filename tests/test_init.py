"""First values of parameters: their distributions have the widths that the papers ask for."""
from functools import partial

import numpy as np
import pytest

import cytensor as ct
from cytensor import nn

init = nn.init
DENSE, FILTERS = (300, 200), (60, 40, 3, 5)
ALL = ["zeros", "ones", "constant", "uniform", "normal", "glorot_uniform", "glorot_normal",
       "he_uniform", "he_normal", "lecun_uniform", "lecun_normal", "orthogonal", "sparse"]


@pytest.mark.parametrize("shape, wanted", [
    (DENSE, (300, 200)), (FILTERS, (40 * 15, 60 * 15)), ((8, 4, 3), (12, 24)),
    ((8, 4, 2, 2, 2), (32, 64))])
def test_fans_of_matrices_and_filters(shape, wanted):
    assert init.fans(shape) == wanted


def test_a_vector_has_no_fans():
    with pytest.raises(ValueError, match=r"\(3,\) has no inputs"):
        init.fans((3,))


# ----- widths -----

VARIANCES = [
    (init.glorot_uniform, lambda fan_in, fan_out: 2 / (fan_in + fan_out)),
    (init.glorot_normal, lambda fan_in, fan_out: 2 / (fan_in + fan_out)),
    (partial(init.glorot_uniform, gain=3.0), lambda fan_in, fan_out: 18 / (fan_in + fan_out)),
    (partial(init.glorot_normal, gain=3.0), lambda fan_in, fan_out: 18 / (fan_in + fan_out)),
    (init.he_uniform, lambda fan_in, fan_out: 2 / fan_in),
    (init.he_normal, lambda fan_in, fan_out: 2 / fan_in),
    (partial(init.he_uniform, slope=1.0), lambda fan_in, fan_out: 1 / fan_in),
    (partial(init.he_normal, slope=0.5), lambda fan_in, fan_out: 1.6 / fan_in),
    (init.lecun_uniform, lambda fan_in, fan_out: 1 / fan_in),
    (init.lecun_normal, lambda fan_in, fan_out: 1 / fan_in),
    (init.uniform, lambda fan_in, fan_out: 0.1 ** 2 / 12),
    (partial(init.normal, std=0.3), lambda fan_in, fan_out: 0.09),
]


@pytest.mark.parametrize("shape", [DENSE, FILTERS])
@pytest.mark.parametrize("how, variance", VARIANCES)
def test_variance(how, variance, shape):
    values = how(shape, "float64", 0)
    wanted = variance(*init.fans(shape))
    assert values.shape == shape
    assert abs(values.mean()) < 5 * np.sqrt(wanted / values.size)
    np.testing.assert_allclose(values.var(), wanted, rtol=0.05)


@pytest.mark.parametrize("how", [init.glorot_uniform, init.he_uniform, init.lecun_uniform])
def test_uniform_numbers_fill_their_interval_evenly(how):
    values = how(DENSE, "float64", 0)
    bound = np.sqrt(3 * values.var())
    counts, _ = np.histogram(values, bins=10, range=(-bound, bound))
    assert abs(values).max() < 1.01 * bound
    assert counts.min() > 0.9 * values.size / 10


def test_uniform_and_normal_take_their_parameters():
    assert init.uniform((1000,), rng=0, low=2, high=3).min() >= 2
    assert abs(init.normal((10_000,), rng=0, mean=5.0).mean() - 5) < 0.01


# ----- matrices of a kind -----

@pytest.mark.parametrize("shape", [(6, 6), (8, 3), (3, 8), (4, 2, 3, 3)])
def test_orthogonal(shape):
    values = init.orthogonal(shape, "float64", 0, gain=2.0)
    rows = values.reshape(shape[0], -1)
    small = rows.T @ rows if rows.shape[0] > rows.shape[1] else rows @ rows.T
    assert values.shape == shape
    np.testing.assert_allclose(small, 4 * np.eye(len(small)), atol=1e-12)


def test_orthogonal_matrices_are_spread_evenly():
    """Of evenly spread rotations and reflections, the trace has mean 0 and variance 1."""
    rng = np.random.default_rng(0)
    traces = [np.trace(init.orthogonal((3, 3), "float64", rng)) for _ in range(2000)]
    assert abs(np.mean(traces)) < 0.1
    assert abs(np.var(traces) - 1) < 0.15


def test_sparse():
    values = init.sparse((100, 50), "float64", 0, connections=7, std=0.5)
    assert (np.count_nonzero(values, axis=0) == 7).all()
    np.testing.assert_allclose(values[values != 0].std(), 0.5, rtol=0.15)
    assert np.count_nonzero(init.sparse((4, 5), rng=0)) == 20      # never more than there are
    with pytest.raises(ValueError, match="matrix"):
        init.sparse((2, 3, 4))


# ----- what all have in common -----

@pytest.mark.parametrize("name", ALL)
def test_dtype_and_seed(name, monkeypatch):
    how = getattr(init, name)
    np.testing.assert_array_equal(how((20, 4), rng=7), how((20, 4), rng=7))
    assert how((20, 4), "float32").dtype == np.float32
    monkeypatch.setattr(ct.config, "floatX", "float32")
    assert how((20, 4)).dtype == np.float32


@pytest.mark.parametrize("name", ALL[3:])
def test_a_generator_goes_on(name):
    how, rng = getattr(init, name), np.random.default_rng(0)
    assert (how((20, 4), rng=rng) != how((20, 4), rng=rng)).any()
