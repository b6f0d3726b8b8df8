"""Programs, plans and calls: segments, memory, updates in place, interrupts, settings."""
import gc
import os
import threading
import time

import numpy as np
import pytest
from new_process import run

import cytensor as ct
import cytensor.tensor as T
from cytensor.ops.registry import dtype_of, structured

X = T.dmatrix("x")
V = T.dvector("v")


def steps(f):
    return [step.label for segment in f.program.segments for step in segment.steps]


# ----- what a program consists of -----

def test_an_mlp_step_is_few_steps():
    W, b = ct.shared(np.ones((6, 4)), "W"), ct.shared(np.ones(4), "b")
    y = T.lvector("y")
    p = T.nnet.softmax(X @ W + b)
    cost = -T.mean(T.log(p)[T.arange(y.shape[0]), y])
    gW, gb = ct.grad(cost, [W, b])
    f = ct.function([X, y], cost, updates=[(W, W - 0.1 * gW), (b, b - 0.1 * gb)])
    names = steps(f)
    assert names.count("matmul") == 1 and names.count("gemm") == 1
    assert len([n for n in names if n]) <= 8


def test_views_are_no_steps_of_a_plan():
    f = ct.function([X], X.T[1:].reshape((-1,))[::2] + 1)
    assert [n for n in steps(f) if n] == ["add"]


def test_updates_come_last_and_in_place():
    w = ct.shared(np.zeros(1000))
    before = w.get_value(borrow=True)
    f = ct.function([V], w.sum(), updates={w: w + V})
    assert f(np.ones(1000)) == 0
    assert w.get_value(borrow=True) is before and before[0] == 1


def test_an_update_that_does_not_fit_in_place_is_exchanged():
    w = ct.shared(np.arange(6.0).reshape(2, 3).T.copy().T, borrow=True)     # Fortran order
    f = ct.function([], [], updates={w: w + 1})
    f()
    np.testing.assert_array_equal(w.get_value(), np.arange(6.0).reshape(2, 3) + 1)


# ----- segments -----

def test_sizes_that_depend_on_data():
    a = np.array([[1.0, -2, 3], [-4, 5, -6]])
    f = ct.function([X], [X[X > 0].sum(), (X[X > 0] * 2), T.nonzero(X > 0)[0].shape[0]])
    total, doubled, count = f(a)
    assert total == 9 and doubled.tolist() == [2, 6, 10] and count == 3
    total, doubled, count = f(-np.abs(a))
    assert total == 0 and doubled.shape == (0,) and count == 0


def test_a_moving_slice_keeps_its_plan():
    i = T.lscalar()
    f = ct.function([V, i], V[i * 3:(i + 1) * 3].sum())
    a = np.arange(30.0)
    for k in range(10):
        assert f(a, k) == a[3 * k:3 * k + 3].sum()
    assert len(f.program.segments[0].plans) == 1


def test_negative_and_clipped_slices_follow_the_argument():
    i, j = T.lscalars("i", "j")
    f = ct.function([V, i, j], V[i:j])
    g = ct.function([V, i, j], V[i:j:-2])
    a = np.arange(9.0)
    for start in range(-12, 13, 3):
        for stop in range(-12, 13, 2):
            np.testing.assert_array_equal(f(a, start, stop), a[start:stop])
            np.testing.assert_array_equal(g(a, start, stop), a[start:stop:-2])


# ----- sizes that rewrites assume -----

def picked_loss():
    """A loss that is one group if there are as many labels as rows."""
    y = T.lvector("y")
    p = T.nnet.softmax(X)
    return y, -T.log(p)[T.arange(y.shape[0]), y].sum()


def test_fewer_labels_than_rows():
    y, loss = picked_loss()
    f = ct.function([X, y], [loss, ct.grad(loss, X)])
    g = ct.function([X, y], [loss, ct.grad(loss, X)], mode="none")
    a = np.random.default_rng(0).normal(size=(6, 4))
    for rows in (6, 4, 6, 1, 0, 4, 6):
        labels = np.arange(rows) % 4
        for got, wanted in zip(f(a, labels), g(a, labels)):
            np.testing.assert_allclose(got, wanted, atol=1e-12)
    with pytest.raises(IndexError):
        f(a, np.zeros(7, "int64"))


def test_a_broken_assumption_leaves_state_and_updates_right():
    y, loss = picked_loss()
    s, w = T.dscalar("s"), ct.shared(0.0)
    f = ct.function([X, y, ct.In(s, value=0.0, update=s + loss)], loss, updates={w: w + loss})
    g = ct.function([X, y], loss, mode="none")
    a, total = np.random.default_rng(0).normal(size=(5, 3)), 0
    for rows in (5, 2, 5, 3):
        labels = np.arange(rows) % 3
        assert f(a, labels) == pytest.approx(g(a, labels))
        total += g(a, labels)
    assert f["s"] == pytest.approx(total) and w.get_value() == pytest.approx(total)


# ----- ops in Python -----

def python_op(perform, name):
    return structured(name, dtype_of(0), lambda S, shapes, inputs: shapes[0], kind="python",
                      perform=perform)


def test_an_op_in_python():
    op = python_op(lambda inputs, params: [np.sort(inputs[0])], "sorted_in_python")
    f = ct.function([V], op(V * 2) + 1)
    assert f([3, 1, 2]).tolist() == [3, 5, 7]


def test_what_perform_raises_comes_through_with_the_line():
    def perform(inputs, params):
        raise KeyError("lost")
    broken = python_op(perform, "broken_in_python")(V)      # made on this line
    w = ct.shared(0.0)
    f = ct.function([V], broken, updates={w: w + V.sum()})
    with pytest.raises(KeyError, match="lost") as error:
        f([1])
    assert "made on this line" in "".join(error.value.__notes__)
    assert w.get_value() == 0


def test_a_result_of_another_shape_is_an_error():
    op = python_op(lambda inputs, params: [inputs[0][:1]], "short_in_python")
    with pytest.raises(ValueError, match="size rule"):
        ct.function([V], op(V))([1, 2])


# ----- interrupts and memory -----

INTERRUPTED = """
import numpy as np, signal, threading, os, time
import cytensor as ct, cytensor.tensor as T
w = ct.shared(np.zeros(3_000_000))
y = w
for _ in range(400):
    y = T.cumsum(y)
f = ct.function([], [], updates={w: y + 1}, mode="none")
signal.signal(signal.SIGINT, signal.default_int_handler)    # shells let background jobs ignore it
threading.Timer(0.7, os.kill, (os.getpid(), signal.SIGINT)).start()
start = time.perf_counter()
try:
    f()
except KeyboardInterrupt:
    print("stopped", time.perf_counter() - start < 3, w.get_value().any())
"""


def test_ctrl_c_stops_a_long_call_that_then_has_changed_nothing():
    assert run(INTERRUPTED).split() == ["stopped", "True", "False"]


def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.skipif(not os.path.exists("/proc/self/statm"), reason="reads Linux's /proc")
def test_calls_and_compiles_leak_nothing():
    f = ct.function([V], [V + 1, V.sum()])
    a = np.ones(1000)

    def work(n):
        for k in range(n):
            f(a)
            f(a[:k % 300])
        for _ in range(n // 100):
            ct.function([V], T.tanh(V) * 2)(a)
        gc.collect()

    work(2000)
    before = resident()
    work(6000)
    assert resident() - before < 8e6


def test_functions_die_with_their_last_reference():
    import weakref
    w = ct.shared(np.zeros(3))
    f = ct.function([V], V + w)
    f(np.ones(3))
    gone = weakref.ref(f)
    del f
    gc.collect()
    assert gone() is None


# ----- settings -----

def test_settings_are_checked():
    with pytest.raises(AttributeError, match="no setting"):
        ct.config.floatx = "float32"
    with pytest.raises(ValueError, match="floatX"):
        ct.config.floatX = "float128"
    with pytest.raises(TypeError, match="threads"):
        ct.config.threads = "many"


def test_the_number_of_threads_is_a_setting():
    from cytensor.cpu import _structured
    before = ct.config.threads
    try:
        ct.config.threads = 3
        assert _structured.get_threads() == 3
    finally:
        ct.config.threads = before


def test_a_profile_names_steps_and_lines():
    stats = ct.ProfileStats(atexit_print=False)
    f = ct.function([X], T.exp(X).sum(), profile=stats, name="f")     # the profiled line
    f(np.ones((4, 4)))
    text = str(f.profile)
    assert "1 calls" in text and "fused(exp, sum)" in text and "the profiled line" in text


def test_modes():
    f = ct.function([V], T.log(1 + T.exp(V)), mode="none")
    g = ct.function([V], T.log(1 + T.exp(V)), mode=ct.Mode("fast_run").excluding("safer"))
    h = ct.function([V], T.log(1 + T.exp(V)))
    assert np.isinf(f([1000.0])) and np.isinf(g([1000.0])) and h([1000.0]) == 1000
    with pytest.raises(ValueError, match="no pass"):
        ct.Mode("fast_run", excluding=["nonsense"])


def test_threads_do_not_wait_for_each_other():
    """A long call in one thread, many short ones of the same function in another."""
    f = ct.function([V], T.exp(V).sum())
    big, small = np.zeros(20_000_000), np.zeros(10)
    f(big)
    done = []
    thread = threading.Thread(target=lambda: (f(big), done.append(time.perf_counter())))
    thread.start()
    for _ in range(50):
        assert f(small) == 10
    first = time.perf_counter()
    thread.join()
    assert first < done[0] + 1
