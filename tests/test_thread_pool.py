"""The thread pool: concurrent callers, forks, and the end of the interpreter."""
import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from new_process import run

import cytensor as ct
import cytensor.tensor as T
from cytensor.cpu import _structured
from cytensor.cpu._structured import call


@pytest.fixture(autouse=True)
def many_threads():
    _structured.set_threads(4)
    yield
    _structured.set_threads(0)


def copied(x):
    """A transposed copy, large enough for several threads."""
    out = np.empty(x.shape[::-1], x.dtype)
    call("copy", [out], [x.T])
    return out


def test_the_default_is_what_the_process_may_use():
    _structured.set_threads(0)
    assert _structured.get_threads() == _structured.default_threads()
    assert 1 <= _structured.default_threads() <= os.cpu_count()


def test_the_number_of_threads_can_be_set():
    assert _structured.get_threads() == 4


def test_a_block_has_threads_of_its_own():
    with ct.threads(2):
        assert _structured.get_threads() == 2
        with ct.threads(1):
            assert _structured.get_threads() == 1
            with ThreadPoolExecutor(1) as executor:
                assert executor.submit(_structured.get_threads).result() == 4
            with ct.threads(0):
                assert _structured.get_threads() == 4
        assert _structured.get_threads() == 2
        with pytest.raises(KeyError), ct.threads(3):
            raise KeyError
        assert _structured.get_threads() == 2
    assert _structured.get_threads() == 4


@pytest.mark.parametrize("n, error", [(-1, ValueError), (1.5, TypeError), ("2", TypeError)])
def test_a_number_of_threads_that_is_none(n, error):
    with pytest.raises(error, match="threads"), ct.threads(n):
        pass


def test_threads_change_no_bit():
    x, w = T.dmatrices("x", "w")
    loss = T.nnet.softmax(x @ w).sum(axis=0).std() + (x ** 2).mean()
    f = ct.function([x, w], [loss, *T.grad(loss, [x, w])])
    rng = np.random.default_rng(0)
    x, w = rng.normal(size=(700, 300)), rng.normal(size=(300, 50))
    first = f(x, w)
    for n in (1, 2, 3, 7):
        with ct.threads(n):
            assert [a.tobytes() for a in f(x, w)] == [a.tobytes() for a in first]


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no affinity masks here")
def test_an_affinity_mask_is_respected():
    program = ("import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})\n"
               "from cytensor.cpu import _structured; print(_structured.default_threads())")
    assert run(program) == "1\n"


def test_callers_from_many_python_threads():
    x = np.arange(300_000.0).reshape(500, 600)
    with ThreadPoolExecutor(8) as executor:
        for out in executor.map(copied, [x] * 200):
            np.testing.assert_array_equal(out, x.T)


WORK = """
import os
import sys
import numpy as np
from cytensor.cpu import _structured
_structured.set_threads(3)
x = np.arange(300_000.0).reshape(500, 600)
def work():
    out = np.empty((600, 500))
    for i in range(20):
        _structured.call("copy", [out], [x.T])
    return np.array_equal(out, x.T)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system cannot fork")
def test_a_forked_child_has_a_pool_of_its_own():
    program = WORK + """
assert work()
child = os.fork()
if child == 0:
    os._exit(0 if work() else 1)
assert os.waitpid(child, 0)[1] == 0
assert work()
print("done")
"""
    assert run(program, "-W", "ignore") == "done\n"       # Python 3.12 warns of forks with threads


def test_work_goes_on_after_the_pool_has_ended():
    program = WORK + """
import atexit
atexit.unregister(_structured._stop)
assert work()
_structured._stop()
_structured._stop()
assert work()
print("done")
"""
    assert run(program) == "done\n"


def test_the_interpreter_ends_while_other_threads_work():
    program = WORK + """
import threading
def forever():
    while True:
        work()
for i in range(4):
    threading.Thread(target=forever, daemon=True).start()
assert work()
print("done")
"""
    assert run(program) == "done\n"
