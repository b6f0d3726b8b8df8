"""Native random streams: their distributions, and what their numbers depend on.

The tests of distributions have fixed seeds. Of right numbers, one test in 10,000 would fail
(`SIGNIFICANCE`) if the seed were another.
"""
import pickle
import zlib

import numpy as np
import pytest
import random_twins as twins
from numpy.testing import assert_allclose
from scipy import special, stats

import cytensor as ct
import cytensor.tensor as T
from cytensor.random import Stream
from cytensor.random.slopes import beta_slopes, gamma_slope

SIGNIFICANCE = 1e-4
N = 20_000


def draw(make, seed=1234):
    """Return the numbers of a variable that ``make`` makes of a stream."""
    return ct.function([], make(Stream(seed)))()


# ----- distributions -----

CONTINUOUS = [
    ("uniform", {"low": -1.0, "high": 3.0}, stats.uniform(-1, 4)),
    ("normal", {"avg": 2.0, "std": 3.0}, stats.norm(2, 3)),
    ("lognormal", {"avg": 0.5, "std": 0.7}, stats.lognorm(0.7, scale=np.exp(0.5))),
    ("truncated_normal", {"avg": 1.0, "std": 2.0}, stats.truncnorm(-2, 2, 1, 2)),
    ("truncated_normal", {"low": 6.0, "high": 8.0}, stats.truncnorm(6, 8)),
    ("truncated_normal", {"low": -9.0, "high": -7.0}, stats.truncnorm(-9, -7)),
    ("exponential", {"scale": 2.5}, stats.expon(scale=2.5)),
    ("laplace", {"loc": 1.0, "scale": 2.0}, stats.laplace(1, 2)),
    ("logistic", {"loc": 1.0, "scale": 2.0}, stats.logistic(1, 2)),
    ("gumbel", {"loc": 1.0, "scale": 2.0}, stats.gumbel_r(1, 2)),
    ("cauchy", {"loc": 1.0, "scale": 2.0}, stats.cauchy(1, 2)),
    ("rayleigh", {"scale": 2.0}, stats.rayleigh(scale=2)),
    ("weibull", {"a": 1.7}, stats.weibull_min(1.7)),
    ("pareto", {"a": 2.5}, stats.lomax(2.5)),
    ("gamma", {"shape": 0.2, "scale": 3.0}, stats.gamma(0.2, scale=3)),
    ("gamma", {"shape": 1.0}, stats.gamma(1)),
    ("gamma", {"shape": 40.0}, stats.gamma(40)),
    ("chisquare", {"df": 3.0}, stats.chi2(3)),
    ("standard_t", {"df": 4.0}, stats.t(4)),
    ("f", {"dfnum": 3.0, "dfden": 7.0}, stats.f(3, 7)),
    ("beta", {"a": 0.1, "b": 0.3}, stats.beta(0.1, 0.3)),
    ("beta", {"a": 5.0, "b": 2.0}, stats.beta(5, 2)),
]
DISCRETE = [
    ("integers", {"low": -3, "high": 9}, stats.randint(-3, 9)),
    ("random_integers", {"low": 0, "high": 1}, stats.randint(0, 2)),
    ("bernoulli", {"p": 0.3}, stats.bernoulli(0.3)),
    ("binomial", {"n": 1, "p": 0.3}, stats.bernoulli(0.3)),
    ("binomial", {"n": 12, "p": 0.6}, stats.binom(12, 0.6)),
    ("binomial", {"n": 300, "p": 0.2}, stats.binom(300, 0.2)),
    ("binomial", {"n": 300, "p": 0.9}, stats.binom(300, 0.9)),
    ("poisson", {"lam": 0.4}, stats.poisson(0.4)),
    ("poisson", {"lam": 9.9}, stats.poisson(9.9)),
    ("poisson", {"lam": 10.1}, stats.poisson(10.1)),
    ("poisson", {"lam": 800.0}, stats.poisson(800)),
    ("geometric", {"p": 0.2}, stats.geom(0.2)),
    ("negative_binomial", {"n": 4, "p": 0.3}, stats.nbinom(4, 0.3)),
    ("choice", {"a": 6}, stats.randint(0, 6)),
    ("choice", {"a": [0, 1], "p": [0.25, 0.75]}, stats.bernoulli(0.75)),
]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name, params, law", CONTINUOUS)
def test_continuous(name, params, law, dtype):
    x = draw(lambda stream: getattr(stream, name)((N,), dtype=dtype, **params))
    assert x.dtype == dtype
    assert stats.kstest(x.astype("float64"), law.cdf).pvalue > SIGNIFICANCE


def p_of_counts(x, law):
    """The p-value of a chi-square test, in classes that hold five of the numbers or more."""
    low, high = int(law.ppf(1e-3)), int(law.ppf(1 - 1e-3))
    want = len(x) * np.diff(law.cdf(np.arange(low, high)), prepend=0, append=1)
    got = np.bincount(np.clip(x, low, high) - low, minlength=high - low + 1)
    common = want >= 5
    return stats.chisquare(np.append(got[common], got[~common].sum() + 1e-9),
                           np.append(want[common], want[~common].sum() + 1e-9)).pvalue


@pytest.mark.parametrize("name, params, law", DISCRETE)
def test_discrete(name, params, law):
    x = draw(lambda stream: getattr(stream, name)((N,), **params))
    assert x.dtype == "int64"
    assert p_of_counts(x, law) > SIGNIFICANCE


def test_permutations_are_all_as_likely():
    x = draw(lambda stream: stream.permutation((N,), n=4))
    _, counts = np.unique(x, axis=0, return_counts=True)
    assert len(counts) == 24
    assert stats.chisquare(counts).pvalue > SIGNIFICANCE


def test_multinomial_counts():
    p = np.array([0.1, 0.0, 0.6, 0.3])
    x = draw(lambda stream: stream.multinomial((N,), 30, p))
    assert (x.sum(axis=1) == 30).all()
    assert not x[:, 1].any()
    for column, chance in zip(x.T[[0, 2, 3]], p[[0, 2, 3]]):
        assert p_of_counts(column, stats.binom(30, chance)) > SIGNIFICANCE


def test_choice_without_replacement():
    weights = np.array([0.1, 0.2, 0.7])
    x = np.array([draw(lambda stream: stream.choice((2,), a=3, replace=False, p=weights), seed)
                  for seed in range(300)])
    assert (x[:, 0] != x[:, 1]).all()
    assert stats.chisquare(np.bincount(x[:, 0], minlength=3), 300 * weights).pvalue > SIGNIFICANCE
    x = draw(lambda stream: stream.choice((40, 25), a=1000, replace=False))
    np.testing.assert_array_equal(np.sort(x.ravel()), np.arange(1000))


def test_dirichlet_means():
    x = draw(lambda stream: stream.dirichlet([1.0, 2.0, 5.0], size=(N,)))
    np.testing.assert_allclose(x.sum(axis=1), 1)
    for column, a in zip(x.T, (1, 2, 5)):
        assert stats.kstest(column, stats.beta(a, 8 - a).cdf).pvalue > SIGNIFICANCE


@pytest.mark.parametrize("lag", [1, 2, 63, 64, 128, 256])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_neighbours_are_independent(dtype, lag):
    x = draw(lambda stream: stream.normal((100_000,), dtype=dtype))
    assert stats.pearsonr(x[:-lag], x[lag:]).pvalue > SIGNIFICANCE
    assert stats.pearsonr(x[:-lag]**2, x[lag:]**2).pvalue > SIGNIFICANCE


def test_float16():
    x = draw(lambda stream: stream.uniform((N,), dtype="float16"))
    assert x.dtype == "float16"
    assert x.max() < 1
    assert stats.chisquare(np.bincount((x * 16).astype(int))).pvalue > SIGNIFICANCE


# ----- what the numbers depend on -----

def test_philox_is_that_of_the_paper():
    """The vectors that its authors publish with their code."""
    ones, pi = [0xFFFFFFFF] * 4, [0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344]
    for counter, key, want in [
            ([0] * 4, [0, 0], [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]),
            (ones, ones[:2], [0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD]),
            (pi, [0xA4093822, 0x299F31D0], [0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1])]:
        assert twins.philox([counter], key)[0].tolist() == want


@pytest.mark.parametrize("seed, want", [(0, 0xec91becd), ([1, 2**70], 0x0d5aeeef)])
def test_numbers_never_change(seed, want):
    """A program that somebody saved gives the same numbers with later versions, on any machine."""
    stream, n = Stream(seed), (1000,)
    made = [*[stream.uniform(n, dtype=dtype) for dtype in ("float16", "float32", "float64")],
            *[stream.normal(n, dtype=dtype) for dtype in ("float16", "float32", "float64")],
            stream.gamma(n, 0.7), stream.beta(n, 0.7, 3.0), stream.poisson(n, 7.0),
            stream.poisson(n, 70.0), stream.binomial(n, 9, 0.4), stream.binomial(n, 900, 0.4),
            stream.integers(n, 1000), stream.permutation((10,), 100), stream.multinomial(n, 5),
            stream.choice(n, 3, p=[0.2, 0.3, 0.5])]
    assert hex(zlib.crc32(b"".join([x.eval().tobytes() for x in made]))) == hex(want)


EVERY = [
    lambda stream, n: stream.uniform((n,), dtype="float32"),
    lambda stream, n: stream.normal((n,)),
    lambda stream, n: stream.normal((n,), dtype="float16"),
    lambda stream, n: stream.gamma((n,), 0.5),
    lambda stream, n: stream.integers((n,), 7),
    lambda stream, n: stream.poisson((n,), 20.0),
    lambda stream, n: stream.choice((n,), a=5, p=np.full(5, 0.2)),
    lambda stream, n: stream.permutation((n // 10,), 10),
]


@pytest.mark.parametrize("make", EVERY)
def test_threads_do_not_matter(make):
    made = []
    before = ct.config.threads
    try:
        for threads in (1, 2, 3, 7):
            ct.config.threads = threads
            made.append(draw(lambda stream: make(stream, 100_000)))
    finally:
        ct.config.threads = before
    assert all([np.array_equal(x, made[0]) for x in made])


@pytest.mark.parametrize("make", EVERY)
@pytest.mark.parametrize("n", [10, 60, 250, 1030])
def test_an_element_depends_on_its_place_alone(make, n):
    few, many = [draw(lambda stream, size=size: make(stream, size)) for size in (n, 5000)]
    np.testing.assert_array_equal(few, many[:len(few)])


def test_parameters_are_where_their_strides_say():
    lam = np.linspace(0, 50, 24).reshape(4, 6)
    f = ct.function([x := T.matrix()], Stream(3).poisson(lam=x), no_default_updates=True)
    want = f(lam)
    wide = np.zeros((8, 12))
    wide[::2, ::2] = lam
    np.testing.assert_array_equal(f(wide[::2, ::2]), want)
    np.testing.assert_array_equal(f(np.asfortranarray(lam)), want)


def test_parameters_broadcast():
    avg, std = np.arange(3.0), np.array([[0.0], [1e-9]])
    x = draw(lambda stream: stream.normal(avg=avg, std=std))
    np.testing.assert_allclose(x, np.tile(avg, (2, 1)), atol=1e-7)
    x = draw(lambda stream: stream.binomial((5, 3), n=np.array([0, 4, 9]), p=1.0))
    np.testing.assert_array_equal(x, np.tile([0, 4, 9], (5, 1)))


# ----- states -----

def test_each_call_draws_anew():
    x = Stream(1).uniform((3,))
    f = ct.function([], x)
    assert not (f() == f()).any()
    assert x.rng.get_value()[1] == 2
    assert x.update[0] is x.rng


def test_without_updates_each_call_is_the_same():
    x = Stream(1).uniform((3,))
    still = ct.function([], x, no_default_updates=True)
    first = still()
    np.testing.assert_array_equal(still(), first)
    np.testing.assert_array_equal(ct.function([], x, no_default_updates=[x.rng])(), first)
    np.testing.assert_array_equal(ct.function([], x)(), first)
    assert not (still() == first).any()


def test_a_state_can_be_kept_and_put_back():
    x = Stream(1).normal((3,))
    f = ct.function([], x)
    f()
    state = x.rng.get_value()
    want = f()
    x.rng.set_value(state)
    np.testing.assert_array_equal(f(), want)


def test_one_variable_read_twice_is_one_draw():
    x = Stream(1).normal((3,))
    np.testing.assert_array_equal(ct.function([], x - x)(), np.zeros(3))


def test_variables_of_a_stream_differ():
    stream = Stream(1)
    x, y = ct.function([], [stream.normal((3,)), stream.normal((3,))])()
    assert not (x == y).any()


def test_seed_begins_again():
    stream = Stream(1)
    f = ct.function([], [stream.normal((3,)), stream.uniform((2,))])
    first = f()
    stream.seed(2)
    other = f()
    stream.seed(1)
    for a, b, c in zip(first, other, f()):
        np.testing.assert_array_equal(a, c)
        assert not (a == b).any()


def test_split_streams_are_their_own():
    a, b = Stream(7).split()
    again, _ = Stream(7).split()
    x, y, z = [draw(lambda _, s=s: s.uniform((4,))) for s in (a, b, again)]
    assert not (x == y).any()
    np.testing.assert_array_equal(x, z)
    parent = Stream(7)
    assert not (draw(lambda _: parent.split(1)[0].uniform((4,))) == draw(
        lambda _: parent.split(1)[0].uniform((4,)))).any()


def test_a_stream_without_a_seed_is_new_each_time():
    assert not (draw(lambda stream: stream.uniform((4,)), None)
                == draw(lambda stream: stream.uniform((4,)), None)).any()


def test_a_function_is_pickled_with_its_state():
    f = ct.function([], Stream(1).uniform((3,)))
    f()
    copy = pickle.loads(pickle.dumps(f))
    np.testing.assert_array_equal(copy(), f())


# ----- sizes and gradients -----

def test_sizes_may_be_symbolic():
    n, v = T.iscalar(), T.lvector()
    assert ct.function([n], Stream(1).normal((n, 2)))(3).shape == (3, 2)
    assert ct.function([v], Stream(1).normal(v, ndim=2))([3, 4]).shape == (3, 4)
    x = T.matrix()
    assert ct.function([x], Stream(1).permutation(x.shape[:1], x.shape[1]))(
        np.zeros((3, 4))).shape == (3, 4)
    assert Stream(1).normal((3, n)).type.shape == (3, None)
    assert Stream(1).normal().eval().shape == ()
    assert Stream(1).normal((0, 3)).eval().shape == (0, 3)


def test_gradients_go_through_what_moves_and_scales():
    a, s = T.scalar(), T.scalar()
    for name in ("normal", "laplace", "gumbel"):
        x = getattr(Stream(1), name)((5,), a, s)
        f = ct.function([a, s], [x, *T.grad(x.sum(), [a, s])], no_default_updates=True)
        x, to_a, to_s = f(2.0, 3.0)
        assert to_a == 5
        np.testing.assert_allclose(to_s, ((x - 2) / 3).sum())


QUANTILES = np.array([1e-6, 0.1, 0.5, 0.9, 1 - 1e-6])


def _moved(inverse, forward, z, shape, others=()):
    """How the quantile z moves with a shape, by differences."""
    step = 1e-4 * shape
    p = forward(shape, *others, z)
    ends = [inverse(shape + k * step, *others, p) for k in (-2, -1, 1, 2)]
    return (ends[0] - 8 * ends[1] + 8 * ends[2] - ends[3]) / (12 * step)


@pytest.mark.parametrize("shape", [0.3, 1.0, 4.5, 200.0])
def test_gamma_numbers_move_with_their_shape(shape):
    a, z = T.dscalar(), T.dvector()
    values = special.gammaincinv(shape, QUANTILES)
    want = _moved(special.gammaincinv, special.gammainc, values, shape)
    got = ct.function([a, z], gamma_slope(a, z))(shape, values)
    assert_allclose(got, want, rtol=1e-5)


@pytest.mark.parametrize("a, b", [(0.3, 2.0), (1.0, 1.0), (5.0, 0.7), (60.0, 30.0)])
def test_beta_numbers_move_with_their_shapes(a, b):
    x = special.betaincinv(a, b, QUANTILES)
    x = x[(x > 1e-4) & (x < 1 - 1e-4)]
    to_a, to_b = [slope.eval() for slope in beta_slopes(*map(T.constant, (a, b, x)))]
    assert_allclose(to_a, _moved(lambda s, o, p: special.betaincinv(s, o, p),
                                 special.betainc, x, a, (b,)), rtol=1e-5)
    mirrored = -_moved(special.betaincinv, special.betainc, 1 - x, b, (a,))
    assert_allclose(to_b, mirrored, rtol=1e-5)


def test_gradients_go_through_shapes():
    """A mean moves as its formula says."""
    a, stream, n = T.scalar(), Stream(5), 20_000
    means = [stream.gamma((n,), shape=a).mean(), stream.beta((n,), a, 3.0).mean(),
             stream.chisquare((n,), df=a).mean()]
    f = ct.function([a], [T.grad(mean, a) for mean in means])
    assert_allclose(f(2.0), [1, 3 / 25, 1], rtol=0.03)
    assert ct.function([a], T.grad(stream.gamma((9,), shape=a).sum(), a))(0.0) == 0


def test_counts_have_no_gradient():
    p = T.scalar()
    x = Stream(1).binomial((5,), 10, p)
    f = ct.function([p], [x, T.grad((x * p).sum(), p)])
    counts, slope = f(0.5)
    assert slope == counts.sum()


def test_shuffles():
    x = np.arange(12).reshape(3, 4)
    rows = Stream(1).shuffle_row_elements(x)
    got, order = ct.function([], [rows, rows.permutation])()
    np.testing.assert_array_equal(got, np.take_along_axis(x, order, 1))
    np.testing.assert_array_equal(np.sort(got, axis=1), x)
    items = draw(lambda stream: stream.shuffle(x))
    np.testing.assert_array_equal(items[np.argsort(items[:, 0])], x)


# ----- errors -----

@pytest.mark.parametrize("make, message", [
    (lambda s: s.normal((2,), std=-1.0), "std is negative"),
    (lambda s: s.uniform((2, -1)), "negative"),
    (lambda s: s.uniform((2,), low=np.zeros((3, 2))), "2 axes, but size only 1"),
    (lambda s: s.uniform((2, 3), low=np.zeros(2)), "size 2 where 3 is wanted"),
    (lambda s: s.bernoulli((2,), p=1.5), "not between 0 and 1"),
    (lambda s: s.binomial((2,), n=-1), "n is negative"),
    (lambda s: s.poisson((2,), lam=np.array([1.0, -1.0])), "lam is negative"),
    (lambda s: s.gamma((2,), shape=-1.0), "shape is negative"),
    (lambda s: s.choice((2,), a=3, p=[0.5, 0.5]), "2 probabilities for 3"),
    (lambda s: s.choice((2,), a=np.zeros((2, 2))), "2 axes"),
    (lambda s: s.choice((2, 2), a=3, replace=False), "4 different ones of 3"),
    (lambda s: s.choice((4,), 2, False, [0.5, 0.5]), "4 different ones of 2"),
    (lambda s: s.multinomial(pvals=0.5), "no axis"),
    (lambda s: s.uniform(T.lvector()), "ndim"),
])
def test_what_is_wrong_now_is_an_error_now(make, message):
    with pytest.raises(ValueError, match=message):
        make(Stream(1))


def test_wrong_kinds_are_type_errors():
    for make in (lambda s: s.uniform((2,), dtype="int64"), lambda s: s.uniform(2.5),
                 lambda s: s.integers((2,), 2.5), lambda s: s.normal((2,), avg=1j),
                 lambda s: s.bits((2,), dtype="int32")):
        with pytest.raises(TypeError):
            make(Stream(1))


@pytest.mark.parametrize("make, value, message", [
    (lambda s, x: s.poisson((3,), x), -1.0, "lam is negative"),
    (lambda s, x: s.poisson((3,), x), np.nan, "lam is negative, NaN"),
    (lambda s, x: s.gamma((3,), x), -1.0, "shape is negative"),
    (lambda s, x: s.beta((3,), x, 1.0), 0.0, "not all positive"),
    (lambda s, x: s.binomial((3,), 5, x), 1.5, "not between 0 and 1"),
    (lambda s, x: s.multinomial((3,), 5, T.stack([x, x])), 1.5, "sum is above 1"),
    (lambda s, x: s.choice((3,), 2, p=T.stack([x, x])), 0.0, "positive and finite sum"),
    (lambda s, x: s.choice((2,), 2, False, T.stack([x, 0 * x])), 1.0, "fewer choices"),
    (lambda s, x: s.integers((3,), 3, x.astype("int64")), 3.0, "larger than"),
    (lambda s, x: s.permutation(n=x.astype("int64")), -1.0, "negative"),
    (lambda s, x: s.choice((5,), x.astype("int64"), False), 3.0, "5"),
    (lambda s, x: s.choice((x.astype("int64"),), 2, False, [0.5, 0.5]), 3.0, "3 different ones"),
])
def test_what_only_the_run_knows_is_an_error_then(make, value, message):
    x = T.dscalar()
    f = ct.function([x], make(Stream(1), x))
    with pytest.raises(ValueError, match=message):
        f(value)
