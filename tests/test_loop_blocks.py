"""Loops in blocks of rows of a batch: which may be cut, and that the blocks make the whole."""
import os
import signal
import threading

import numpy as np
import pytest

import cytensor as ct
import cytensor.tensor as T
from cytensor.cpu import _structured
from cytensor.lowering import loops
from cytensor.lowering.batch import batch_of

HIDDEN, STEPS = 192, 6
rng = np.random.default_rng(0)
U = np.asarray(rng.normal(size=(HIDDEN, HIDDEN)) / 20, "float32")
#: What leaves every step as its own node: nothing is divided then.
WHOLE = ct.Mode().excluding("fusion")


@pytest.fixture
def threads():
    yield _structured.set_threads
    _structured.set_threads(0)


@pytest.fixture
def found(monkeypatch):
    """Which of the loops that are compiled have independent rows."""
    answers = []

    def noted(body, form):
        answers.append(batch_of(body, form))
        return answers[-1]

    monkeypatch.setattr(loops, "batch_of", noted)
    return lambda: [axes is not None for _, axes in answers]


def assert_close(a, b):
    np.testing.assert_allclose(a, b, 1e-3, 1e-5 * max(1, np.abs(b).max(initial=0)))


def sample(*shape):
    return np.asarray(rng.normal(size=shape), "float32")


# ----- loops whose rows are independent -----

def recurrent(x, h):
    return ct.scan(lambda x, h, U: T.tanh(x + h @ U), x, h, U)[0]


def gated(x, h):
    def step(x, h, U):
        both = T.concatenate([x + h, x - h], axis=1) @ T.concatenate([U, -U], axis=0)
        return T.sigmoid(both) * h + T.tanh(x[:, :1]), both.max(axis=1)
    h, rows = ct.scan(step, x, [h, None], U)[0]
    return h.sum(axis=2) + rows


def two_lags(x, h):
    first = T.stack([h, h * 2])
    return ct.scan(lambda x, one, two, U: T.tanh(x - one @ U) + two, x,
                   {"initial": first, "taps": [-1, -2]}, U)[0]


def backwards(x, h):
    return ct.scan(lambda x, h, U: T.tanh(x + h @ U), x, h, U, go_backwards=True)[0]


def masked(x, h):
    keep = T.cast(h > 0, "float32")          # the same in each step, but not in each row
    return ct.scan(lambda x, h, U, keep: T.tanh(x + (h * keep) @ U), x, h, [U, keep])[0]


def softmaxed(x, h):
    return ct.scan(lambda x, h, U: T.softmax(x + h @ U) * h.sum(
        axis=1, keepdims=True), x, h, U)[0]


LOOPS = [recurrent, gated, two_lags, backwards, masked, softmaxed]


def results(loop, static, mode=None):
    """A loop, with the gradients of its result, as a function."""
    x = T.TensorType("float32", (None, static, HIDDEN))("x")
    h = T.TensorType("float32", (static, HIDDEN))("h")
    made = loop(x, h)
    return ct.function([x, h], [made, made[-1], *T.grad((made ** 2).sum(), [x, h])], mode=mode)


def in_blocks(f):
    """For each loop of a function that has run: whether it did so in blocks."""
    return [type(loop).__name__ == "Blocks" for segment in f.program.segments
            for plan in segment.plans.values() for loop in plan.children]


@pytest.mark.parametrize("static", [True, False], ids=["known batch", "any batch"])
@pytest.mark.parametrize("batch", [7, 32, 61])
@pytest.mark.parametrize("loop", LOOPS)
def test_blocks_make_the_whole(loop, batch, static, threads, found):
    static = batch if static else None
    f = results(loop, static)
    assert all(found())
    data = sample(STEPS, batch, HIDDEN), sample(batch, HIDDEN)
    made = []
    for count in (1, 2, 3):
        threads(count)
        made.append(f(*data))
    assert in_blocks(f) == [batch > 8] * 2
    for other in made[1:]:
        for a, b in zip(made[0], other):
            np.testing.assert_array_equal(a, b)
    for a, b in zip(made[0], results(loop, static, WHOLE)(*data)):
        assert_close(a, b)


def test_one_function_serves_all_batches(found):
    f, g = results(recurrent, None), results(recurrent, None, WHOLE)
    for batch in (1, 40, 8, 0, 33):
        data = sample(STEPS, batch, HIDDEN), sample(batch, HIDDEN)
        for a, b in zip(f(*data), g(*data)):
            assert_close(a, b)


# ----- loops whose rows are not -----

def shifted(x, h):
    return ct.scan(lambda x, h: x + h[::-1], x, h)[0]


def centred(x, h):
    return ct.scan(lambda x, h: x + h - h.mean(axis=0), x, h)[0]


def mixed(x, h):
    return ct.scan(lambda x, h: x + (h @ h.T) @ h, x, h)[0]


def counted(x, h):
    return ct.scan(lambda x, h, U: T.tanh(x + h @ U / T.cast(h.shape[0], "float32")), x, h, U)[0]


def ended(x, h):
    return ct.scan(lambda x, h: (x + h, ct.until((x + h).sum() > 1e9)), x, h)[0]


@pytest.mark.parametrize("static", [32, None])
@pytest.mark.parametrize("loop", [shifted, centred, mixed, counted, ended])
def test_rows_that_depend_on_each_other_stay_together(loop, static, found):
    x = T.TensorType("float32", (None, static, HIDDEN))("x")
    h = T.TensorType("float32", (static, HIDDEN))("h")
    f = ct.function([x, h], loop(x, h))
    assert found() == [static is not None and loop is counted]      # by then a number as others
    data = sample(STEPS, 32, HIDDEN), sample(32, HIDDEN)
    plain = ct.function([x, h], loop(x, h), mode=WHOLE)
    assert_close(f(*data), plain(*data))


def test_a_batch_as_large_as_what_it_is_multiplied_with():
    """Where both sizes are known and equal, it is their place that tells rows from others."""
    x = T.TensorType("float32", (None, HIDDEN, HIDDEN))("x")
    h = T.TensorType("float32", (HIDDEN, HIDDEN))("h")
    data = sample(STEPS, HIDDEN, HIDDEN), sample(HIDDEN, HIDDEN)
    for loop in LOOPS:
        made = loop(x, h)
        f, g = [ct.function([x, h], made, mode=mode) for mode in (None, WHOLE)]
        assert_close(f(*data), g(*data))


# ----- failures -----

def test_an_error_names_the_step():
    x, h = T.ftensor3("x"), T.fmatrix("h")
    f = ct.function([x, h], recurrent(x, h))
    with pytest.raises(ValueError, match="scan"):
        f(sample(STEPS, 32, HIDDEN), sample(31, HIDDEN))


def test_ctrl_c_stops_all_blocks(threads):
    threads(2)
    h, n = T.fmatrix("h"), T.lscalar("n")
    made, _ = ct.scan(lambda h, U: T.tanh(h @ U), outputs_info=h, non_sequences=U, n_steps=n)
    f = ct.function([h, n], made[-1])
    data = sample(32, HIDDEN)
    before = f(data, 5)
    assert in_blocks(f) == [True]
    threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()
    with pytest.raises(KeyboardInterrupt):
        f(data, 10**8)
    np.testing.assert_array_equal(f(data, 5), before)
