"""Updates of a few rows of a shared variable: in place, at the price of the rows, or not at all."""
import time

import numpy as np
import pytest

import cytensor as ct
import cytensor.tensor as T

ROWS = np.array([3, 0, 3, -1])
VALUES = np.arange(8.0).reshape(4, 2) + 1


def table(rows=6):
    return ct.shared(np.arange(2.0 * rows).reshape(rows, 2), "W")


def cost(W, i, v):
    return T.sum((W[i] - v) ** 2) / 2


#: name: (what W becomes, the same by NumPy).
UPDATES = {
    "set": (lambda W, i, v: T.set_subtensor(W[i], v), None),
    "add": (lambda W, i, v: T.inc_subtensor(W[i], -0.5 * v),
            lambda W, i, v: np.add.at(W, i, -0.5 * v)),
    "descent": (lambda W, i, v: W - 0.5 * T.grad(cost(W, i, v), W),
                lambda W, i, v: np.add.at(W, i, -0.5 * (W[i] - v))),
    "two terms": (lambda W, i, v: W - 0.5 * T.grad(cost(W, i, v) + cost(W, i // 2, v), W),
                  lambda W, i, v: np.add.at(W, np.append(i, i // 2),
                                            -0.5 * (W[np.append(i, i // 2)] - np.tile(v, (2, 1))))),
    "three terms": (lambda W, i, v: W - 0.5 * T.grad(W[i].sum() + (W[i, 1] * v[:, 0]).sum()
                                                     + W[i // 2].sum(), W), None),
    "elements": (lambda W, i, v: T.inc_subtensor(W[i, i % 2], v[:, 0]),
                 lambda W, i, v: np.add.at(W, (i, i % 2), v[:, 0])),
    "slice": (lambda W, i, v: T.inc_subtensor(W[1:5], v),
              lambda W, i, v: np.add.at(W, slice(1, 5), v)),
    "moving slice": (lambda W, i, v: T.set_subtensor(W[i[0]:i[0] + 1], v[:1]), None),
    "row": (lambda W, i, v: T.set_subtensor(W[i[0]], v[0]), None),
}


def stepper(W, name):
    i, v = T.lvector("i"), T.dmatrix("v")
    new, _ = UPDATES[name]
    return ct.function([i, v], [], updates=[(W, new(W, i, v))], on_unused_input="ignore")


def expected(name, W, i, v):
    """The new value by another way: NumPy, or a function that returns it."""
    new, reference = UPDATES[name]
    if reference is None:
        a, rows, values = T.dmatrix(), T.lvector(), T.dmatrix()
        run = ct.function([a, rows, values], new(a, rows, values), mode="none",
                          on_unused_input="ignore")
        return run(W, i, v)
    W = W.copy()
    reference(W, i, v)
    return W


@pytest.mark.parametrize("name", UPDATES)
def test_rows_are_updated(name):
    W = table()
    step, want = stepper(W, name), W.get_value()
    for _ in range(2):
        want = expected(name, want, ROWS, VALUES)
        step(ROWS, VALUES)
        np.testing.assert_allclose(W.get_value(), want)


@pytest.mark.parametrize("name", UPDATES)
def test_what_is_updated_stays_where_it_is(name):
    W = ct.shared(np.arange(12.0).reshape(6, 2), "W", borrow=True)
    step = stepper(W, name)
    step(ROWS, VALUES)
    before = W.get_value(borrow=True)
    step(ROWS, VALUES)
    assert np.shares_memory(before, W.get_value(borrow=True))


def seconds(step):
    """Of the fastest of some calls."""
    best = np.inf
    for _ in range(20):
        start = time.perf_counter()
        step(ROWS, VALUES)
        best = min(best, time.perf_counter() - start)
    return best


@pytest.mark.parametrize("name", UPDATES)
def test_the_price_is_that_of_the_rows(name):
    """A table of 64 MB is not copied: that takes milliseconds."""
    small, large = [seconds(stepper(table(rows), name)) for rows in (6, 4_000_000)]
    assert large < small + 1e-3


@pytest.mark.parametrize("name", ["set", "add", "descent", "two terms", "elements"])
@pytest.mark.parametrize("bad", [[0, 6], [-7, 0], [0, 1, 2, 6]])
def test_an_index_out_of_bounds_changes_nothing(name, bad):
    W, count = table(), ct.shared(0)
    i, v = T.lvector("i"), T.dmatrix("v")
    new, _ = UPDATES[name]
    step = ct.function([i, v], [], updates=[(count, count + 1), (W, new(W, i, v))])
    before = W.get_value()
    with pytest.raises(IndexError, match="out of bounds"):
        step(bad, np.ones((len(bad), 2)))
    np.testing.assert_array_equal(W.get_value(), before)
    assert count.get_value() == 0


def test_two_tables_are_updated_or_none():
    W, V = table(), table(3)
    i, j = T.lvector("i"), T.lvector("j")
    step = ct.function([i, j], [], updates=[(W, T.inc_subtensor(W[i], 1)),
                                            (V, T.inc_subtensor(V[j], 1))])
    before = W.get_value(), V.get_value()
    with pytest.raises(IndexError):
        step([0], [3])
    np.testing.assert_array_equal(W.get_value(), before[0])
    step([0], [2])
    assert (W.get_value() - before[0]).sum() == (V.get_value() - before[1]).sum() == 2


def test_an_update_that_reads_other_rows_reads_old_ones():
    """What is written is computed before, also where it is a part of the same table."""
    W, total = table(), ct.shared(0.0)
    i = T.lvector("i")
    step = ct.function([i], W[0], updates=[(W, T.set_subtensor(W[i], W[i[::-1]] + 1)),
                                           (total, W.sum())])
    before = W.get_value()
    np.testing.assert_array_equal(step([0, 1, 2]), before[0])
    assert total.get_value() == before.sum()
    want = before.copy()
    want[:3] = before[2::-1] + 1
    np.testing.assert_array_equal(W.get_value(), want)
    shift = ct.function([], [], updates=[(W, T.set_subtensor(W[1:], W[:-1]))])
    shift()
    np.testing.assert_array_equal(W.get_value(), np.vstack([want[:1], want[:-1]]))


def test_a_result_may_be_the_new_table():
    W = table()
    i = T.lvector("i")
    new = T.inc_subtensor(W[i], 1)
    step = ct.function([i], new, updates=[(W, new)])
    out = step([1])
    np.testing.assert_array_equal(out, W.get_value())
    step([1])
    assert (W.get_value() != out).any()
