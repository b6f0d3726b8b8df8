"""Random numbers under Theano's names: those of NumPy's ``RandomState``, and of MRG31k3p.

The numbers called Theano's are what Theano 1.0.5 gave.
"""
import pickle
from collections import deque

import numpy as np
import pytest
import random_twins as twins
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats

import cytensor as ct
import cytensor.tensor as T
from cytensor.random import MRG_RandomStreams, RandomStreams, Stream, mrg, raw_random, twister

SIGNIFICANCE = 1e-4


def call(x, **kwargs):
    return ct.function([], x, **kwargs)()


# ----- RandomStreams -----

def first_state(seed):
    """The state of the first variable of a stream."""
    return np.random.RandomState(np.random.RandomState(seed).randint(2**30))


P = np.array([0.2, 0.3, 0.5])
METHODS = [
    ("uniform", {"size": (2, 3), "low": -1.0, "high": np.array([1.0, 2.0, 3.0])},
     lambda r: r.uniform(-1, [1, 2, 3], (2, 3))),
    ("normal", {"avg": np.array([1.0, 2.0])}, lambda r: r.normal([1, 2])),
    ("binomial", {"size": (4,), "n": 9, "p": 0.3}, lambda r: r.binomial(9, 0.3, 4)),
    ("poisson", {"size": (2, 2), "lam": np.array([1.0, 50.0])},
     lambda r: r.poisson([1, 50], (2, 2))),
    ("random_integers", {"size": (9,), "low": 3, "high": 9}, lambda r: r.randint(3, 10, 9)),
    ("random_integers", {"low": np.array([1, 5]), "high": 8},
     lambda r: [r.randint(1, 9), r.randint(5, 9)]),
    ("choice", {"size": (5,), "a": 10, "replace": False}, lambda r: r.choice(10, 5, False)),
    ("choice", {"size": (5,), "a": np.array([3, 5, 7]), "p": P},
     lambda r: r.choice([3, 5, 7], 5, p=P)),
    ("permutation", {"n": 6}, lambda r: r.permutation(6)),
    ("permutation", {"size": (2,), "n": 6}, lambda r: [r.permutation(6), r.permutation(6)]),
    ("multinomial", {"size": (3,), "n": 9, "pvals": P}, lambda r: r.multinomial(9, P, 3)),
    ("multinomial", {"n": np.array([9, 4]), "pvals": P},
     lambda r: [r.multinomial(9, P), r.multinomial(4, P)]),
    ("gamma", {"size": (4,), "shape": 2.0, "scale": 3.0}, lambda r: r.gamma(2, 3, 4)),
    ("beta", {"size": (4,), "a": 2.0, "b": 3.0}, lambda r: r.beta(2, 3, 4)),
    ("exponential", {"size": (4,), "scale": 3.0}, lambda r: r.exponential(3, 4)),
    ("laplace", {"size": (4,)}, lambda r: r.laplace(0, 1, 4)),
    ("logistic", {"size": (4,)}, lambda r: r.logistic(0, 1, 4)),
    ("lognormal", {"size": (4,)}, lambda r: r.lognormal(0, 1, 4)),
    ("chisquare", {"size": (4,), "df": 3.0}, lambda r: r.chisquare(3, 4)),
    ("standard_t", {"size": (4,), "df": 3.0}, lambda r: r.standard_t(3, 4)),
    ("geometric", {"size": (4,), "p": 0.2}, lambda r: r.geometric(0.2, 4)),
    ("negative_binomial", {"size": (4,), "n": 3, "p": 0.2},
     lambda r: r.negative_binomial(3, 0.2, 4)),
]


@pytest.mark.parametrize("name, params, numpy", METHODS)
def test_numbers_are_those_of_numpy(name, params, numpy):
    x = getattr(RandomStreams(234), name)(**params)
    f = ct.function([], x)
    state = first_state(234)
    for _ in range(2):
        want, got = np.asarray(numpy(state)), f()
        assert_array_equal(got, want)
        assert got.dtype == x.type.dtype
        assert want.shape == tuple([m if n is None else n
                                    for n, m in zip(x.type.shape, want.shape)])


def test_theanos_tutorial():
    x = RandomStreams(seed=234).uniform((2, 2))
    assert_allclose(call(x), [[0.12672381, 0.97091597], [0.13989098, 0.88754825]], atol=1e-8)


def test_each_variable_has_a_state():
    stream = RandomStreams(7)
    x, y = stream.uniform((2,)), stream.normal((2,))
    f = ct.function([], [x, y])
    f()
    assert stream.updates() == [x.update, y.update]
    state = x.rng.get_value()
    assert_array_equal(f()[0], state.uniform(size=2))
    assert raw_random.random_state_type.values_eq(state, x.rng.get_value())
    stream[x.rng] = np.random.RandomState(3)
    assert stream[x.rng] is x.rng.get_value(borrow=True)
    assert_array_equal(f()[0], np.random.RandomState(3).uniform(size=2))
    x.rng.get_value(borrow=True).seed(4)
    assert_array_equal(f()[0], np.random.RandomState(4).uniform(size=2))


def test_seed_seeds_all_states():
    stream = RandomStreams(7)
    f = ct.function([], [stream.uniform((2,)), stream.normal((2,))])
    first = f()
    stream.seed(902340)
    assert_array_equal(f()[0], first_state(902340).uniform(size=2))
    stream.seed()
    assert_array_equal(f(), first)


def test_no_default_updates_keep_the_state():
    x = RandomStreams(7).uniform((2,))
    f, still = ct.function([], x), ct.function([], x, no_default_updates=[x.rng])
    first = still()
    assert_array_equal(still(), first)
    assert_array_equal(f(), first)
    assert not (still() == first).any()


def test_a_failed_call_keeps_the_state():
    n = T.lscalar()
    x = RandomStreams(7).binomial((2,), n=n)
    f = ct.function([n], x)
    with pytest.raises(ValueError):
        f(-1)
    assert_array_equal(f(5), first_state(7).binomial(5, 0.5, 2))


def test_sizes_of_random_streams():
    v, m = T.lvector(), T.matrix()
    x = RandomStreams(7).uniform(v, ndim=2)
    assert ct.function([v], x)([3, 4]).shape == (3, 4)
    x = RandomStreams(7).normal((2, -1), avg=m)
    assert ct.function([m], x)(np.zeros((2, 5))).shape == (2, 5)
    x = RandomStreams(7).uniform((3,), dtype="float32")
    assert_array_equal(call(x), first_state(7).uniform(size=3).astype("float32"))


@pytest.mark.parametrize("streams", [RandomStreams, MRG_RandomStreams, Stream])
def test_a_size_of_another_length_is_an_error(streams):
    v = T.lvector()
    f = ct.function([v], streams(7).uniform(v, ndim=2))
    assert f([3, 4]).shape == (3, 4)
    for wrong in ([3], [3, 4, 5]):
        with pytest.raises(ValueError, match="size"):
            f(wrong)


def test_shuffle_row_elements_of_random_streams():
    x = np.arange(12).reshape(3, 4)
    rows = RandomStreams(7).shuffle_row_elements(x)
    got, order = ct.function([], [rows, rows.permutation])()
    state = first_state(7)
    assert_array_equal(order, [state.permutation(4) for _ in range(3)])
    assert_array_equal(got, np.take_along_axis(x, order, 1))


def test_raw_functions():
    state = raw_random.random_state_type()
    new, x = raw_random.uniform(state, (2,))
    f = ct.function([state], [x, raw_random.normal(new, (2,))[1]])
    given = np.random.RandomState(1)
    x, y = f(given)
    want = np.random.RandomState(1)
    assert_array_equal(x, want.uniform(size=2))
    assert_array_equal(y, want.normal(size=2))
    assert_array_equal(given.uniform(size=2), x)        # it was copied


def test_random_function_of_automatic_size():
    draw = raw_random.RandomFunction("uniform", ct.TensorType("float64", (None,)))
    state, low = raw_random.random_state_type(), T.vector()
    f = ct.function([state, low], draw(state, (), low, 9.0)[1])
    assert_array_equal(f(np.random.RandomState(1), [1.0, 2.0]),
                       np.random.RandomState(1).uniform([1, 2], 9))


def test_random_streams_are_pickled():
    stream = RandomStreams(7)
    f = ct.function([], stream.uniform((2,)))
    f()
    copy = pickle.loads(pickle.dumps(f))
    assert_array_equal(copy(), f())


def test_states_that_nobody_sees_are_used_again(monkeypatch):
    counted, new = [], twister._new
    monkeypatch.setattr(twister, "_retired", deque())
    monkeypatch.setattr(twister, "_new", lambda: counted.append(None) or new())
    x = RandomStreams(3).normal((3,))
    f = ct.function([], x)
    f()
    held = x.rng.get_value(borrow=True)
    before, numbers = held.get_state(), [f() for _ in range(10)]
    after = held.get_state()
    assert len(counted) <= 4 and before[2:] == after[2:] and (before[1] == after[1]).all()
    assert_array_equal(np.ravel(numbers), held.normal(size=30))


def test_states_are_pickled_as_numpys():
    state = twister.copied(np.random.RandomState(5))
    state.normal()
    other = pickle.loads(pickle.dumps(state))
    assert type(other._bit_generator) is np.random.MT19937
    assert_array_equal(other.normal(size=5), state.normal(size=5))


@pytest.mark.parametrize("draw", [
    lambda p: MRG_RandomStreams(7).binomial((2,), p=p), lambda p: RandomStreams(7).poisson((2,), p),
    lambda p: MRG_RandomStreams(7).binomial((2,), p=p, dtype="float64") * p,
    lambda p: MRG_RandomStreams(7).multinomial(pvals=T.stack([p, 1 - p])[None]),
    lambda p: RandomStreams(7).random_integers((2,), high=T.cast(p, "int64"))])
def test_parameters_of_whole_numbers_have_no_gradient(draw):
    p = T.scalar()
    with pytest.raises(ct.NullTypeGradError):
        T.grad(draw(p).sum(), p)


def test_random_parameters_have_no_gradient():
    p = T.scalar()
    for x in (RandomStreams(7).normal((2,), p), MRG_RandomStreams(7).uniform((2,), p)):
        with pytest.raises(ct.NullTypeGradError):
            T.grad(x.sum(), p)
        assert T.grad((x * p).sum(), p, consider_constant=[x]).type.ndim == 0


@pytest.mark.parametrize("make, error", [
    (lambda s: s.uniform((2,), low=np.zeros((3, 2))), ValueError),
    (lambda s: s.uniform(T.lvector()), ValueError),
    (lambda s: s.uniform((2,), ndim=3), ValueError),
    (lambda s: s.uniform((-1,)), ValueError),
    (lambda s: s.poisson((2,)), TypeError),
    (lambda s: s.uniform(T.dvector(), ndim=1), TypeError),
    (lambda s: s.permutation(ndim=2), TypeError),
    (lambda s: s.multinomial((2,), pvals=0.5), IndexError),
    (lambda s: s.choice((2,), a=np.zeros((2, 2))), ValueError),
])
def test_errors_of_random_streams(make, error):
    with pytest.raises(error):
        make(RandomStreams(1))


# ----- MRG_RandomStreams -----

@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("size", [(3,), (10, 20), (7, 3, 2), (700,)])
def test_mrg_is_that_of_the_paper(size, dtype):
    x = MRG_RandomStreams(1234).uniform(size, dtype=dtype)
    f, states = ct.function([], x), x.rstate.get_value()
    assert len(states) == mrg.guess_n_streams(size)
    for _ in range(2):
        states, z = twins.mrg(states, int(np.prod(size)))
        factor = 2.0**-31 if dtype == "float64" else np.float32(4.6566126e-10)
        assert_array_equal(f(), (z.astype(dtype) * factor).reshape(size))
        assert_array_equal(x.rstate.get_value(), states)


def test_mrg_numbers_are_those_of_theano():
    x = MRG_RandomStreams(1234).uniform((3,), dtype="float64")
    f = ct.function([], x)
    assert_allclose(f(), [0.37257111, 0.65768584, 0.59250678], atol=1e-8)
    assert_allclose(f(), [0.36046432, 0.3002901, 0.87304802], atol=1e-8)
    x = call(MRG_RandomStreams(1234).uniform((3,), dtype="float16"))
    assert_allclose(x, [0.819, 0.0989, 0.5234], atol=1e-3)
    x = call(MRG_RandomStreams(5).normal(6))
    assert_allclose(x, [-2.69377059, -0.29117066, -0.57360994, -1.4257658, -0.82545564,
                        -0.44299128], atol=1e-7)
    x = call(MRG_RandomStreams(5).truncated_normal((5,)))
    assert_allclose(x, [-0.33101655, -0.65210688, -0.54790368, -1.62087791, -0.93841696],
                    atol=1e-7)


def power_of_step(step, m, log2):
    step = step.astype(object)
    for _ in range(log2):
        step = step @ step % m
    return step


def test_streams_lie_as_far_apart_as_they_should():
    first = np.array([1, 2, 3, 4, 5, 6], dtype=object)
    stream = MRG_RandomStreams([1, 2, 3, 4, 5, 6])
    states = stream.get_substream_rstates(20, "float32")
    x, y = [np.array([[0, 2**22, 129], [1, 0, 0], [0, 1, 0]]),
            np.array([[2**15, 0, 2**15 + 1], [1, 0, 0], [0, 1, 0]])]
    for log2, want in ((72, states[1]), (134, stream.rstate)):
        assert [*(power_of_step(x, mrg.M1, log2) @ first[:3] % mrg.M1),
                *(power_of_step(y, mrg.M2, log2) @ first[3:] % mrg.M2)] == want.tolist()
    one_by_one = [states[0]]
    for _ in range(19):
        one_by_one.append(mrg.ff_2p72(one_by_one[-1]))
    assert_array_equal(states, one_by_one)


def test_threads_do_not_matter_to_mrg():
    before, made = ct.config.threads, []
    try:
        for threads in (1, 2, 5):
            ct.config.threads = threads
            made.append(call(MRG_RandomStreams(1).uniform((100_001,))))
    finally:
        ct.config.threads = before
    assert stats.kstest(made[0], "uniform").pvalue > SIGNIFICANCE
    for x in made[1:]:
        assert_array_equal(x, made[0])


def test_mrg_distributions():
    n = (30_000,)
    x = call(MRG_RandomStreams(1).normal(n, avg=1.0, std=2.0))
    assert stats.kstest(x, stats.norm(1, 2).cdf).pvalue > SIGNIFICANCE
    x = call(MRG_RandomStreams(1).normal(n, truncate=True))
    assert stats.kstest(x, stats.truncnorm(-2, 2).cdf).pvalue > SIGNIFICANCE
    x = call(MRG_RandomStreams(1).truncated_normal(n, std=3.0))
    assert abs(x.std() - 3) < 0.05
    x = call(MRG_RandomStreams(1).binomial(n, p=0.3))
    assert stats.binomtest(int(x.sum()), n[0], 0.3).pvalue > SIGNIFICANCE


@pytest.mark.parametrize("n", [1, 7])
def test_mrg_multinomial(n):
    p = np.tile(P, (20_000, 1))
    x = call(MRG_RandomStreams(1).multinomial(pvals=p, n=n))
    assert (x.sum(axis=1) == n).all()
    assert stats.chisquare(x.sum(axis=0), 20_000 * n * P).pvalue > SIGNIFICANCE


def test_mrg_choice():
    p = np.tile(P, (10_000, 1))
    x = call(MRG_RandomStreams(1).choice(size=2, replace=False, p=p))
    assert (x[:, 0] != x[:, 1]).all()
    assert stats.chisquare(np.bincount(x[:, 0]), 10_000 * P).pvalue > SIGNIFICANCE
    second = sum(P[k] * np.where(np.arange(3) == k, 0, P) / (1 - P[k]) for k in range(3))
    assert stats.chisquare(np.bincount(x[:, 1]), 10_000 * second).pvalue > SIGNIFICANCE
    with pytest.warns(UserWarning, match="use choice"):
        again = call(MRG_RandomStreams(1).multinomial_wo_replacement(pvals=p, n=2))
    assert_array_equal(again, x)


def test_mrg_states():
    stream = MRG_RandomStreams(5)
    x, y = stream.uniform((4,)), stream.uniform((4,), nstreams=2)
    f = ct.function([], [x, y])
    first = f()
    assert [len(update) for update in stream.updates()] == [4, 4]
    assert x.update[0] is x.rng
    stream.seed(9)
    other = f()
    stream.seed()
    again = f()
    for a, b, c in zip(first, other, again):
        assert_array_equal(a, c)
        assert not (a == b).any()


def test_mrg_sizes_may_be_symbolic():
    v = T.lvector()
    f = ct.function([v], MRG_RandomStreams(5).normal(v, ndim=2))
    assert f([3, 5]).shape == (3, 5)
    assert f([1, 1]).shape == (1, 1)


@pytest.mark.parametrize("make, error", [
    (lambda: MRG_RandomStreams(0), ValueError),
    (lambda: MRG_RandomStreams(mrg.M2), ValueError),
    (lambda: MRG_RandomStreams([0, 0, 0, 1, 1, 1]), ValueError),
    (lambda: MRG_RandomStreams([1, 1, 1, 1, 1, mrg.M2]), ValueError),
    (lambda: MRG_RandomStreams([1, 1]), TypeError),
    (lambda: MRG_RandomStreams(1).uniform((0, 3)), ValueError),
    (lambda: MRG_RandomStreams(1).uniform(3), TypeError),
    (lambda: MRG_RandomStreams(1).uniform((2**16, 2**15)), ValueError),
    (lambda: MRG_RandomStreams(1).uniform((2,), dtype="int32"), TypeError),
    (lambda: mrg.mrg_uniform.new(T.imatrix(), None, "int32", (2,)), TypeError),
    (lambda: mrg.mrg_uniform.new(np.ones((2, 5), "int32"), None, "float32", (2,)), ValueError),
    (lambda: MRG_RandomStreams(1).uniform((2,), size_of=3), TypeError),
    (lambda: MRG_RandomStreams(1).uniform((2,), low=np.zeros((3, 2))), NotImplementedError),
    (lambda: MRG_RandomStreams(1).normal((2, 1.5)), ValueError),
    (lambda: MRG_RandomStreams(1).binomial((2,), n=2), NotImplementedError),
    (lambda: MRG_RandomStreams(1).multinomial(), TypeError),
    (lambda: MRG_RandomStreams(1).multinomial(size=(2,), pvals=P[None]), ValueError),
    (lambda: MRG_RandomStreams(1).multinomial(pvals=P), NotImplementedError),
    (lambda: MRG_RandomStreams(1).choice(p=P[None]), NotImplementedError),
    (lambda: call(MRG_RandomStreams(1).choice(4, replace=False, p=P[None])), ValueError),
])
def test_errors_of_mrg(make, error):
    with pytest.raises(error):
        make()
