"""scatter_add at the end of a group: what it adds is computed tile by tile, and never stored."""
import numpy as np
import pytest
from compiled import Lot, needs_compiler
from hypothesis import given, settings
from hypothesis import strategies as st

import cytensor as ct
import cytensor.tensor as T
from cytensor.cpu.device import cpu

RNG = np.random.default_rng(5)


def labels(f):
    """The steps of a function that do work on elements."""
    return [step.label for segment in f.program.segments for step in segment.steps]


def is_fused(f):
    return any(["scatter_add)" in label for label in labels(f)])


@pytest.fixture
def apart(monkeypatch):
    """Compile the same function with a step of its own for each scatter_add."""
    def build(make):
        monkeypatch.setattr(type(cpu()), "sinks", False)
        f = make()
        monkeypatch.undo()
        assert not is_fused(f)
        return f
    return build


def embedding(rows, shape, n, dtype="float32"):
    """A table, indices and an array of the rows that they name."""
    table = RNG.normal(size=(rows, *shape)).astype(dtype)
    return table, RNG.integers(-rows, rows, n), RNG.normal(size=(n, *shape)).astype(dtype)


COSTS = {
    "squares": lambda e, w: ((e - w) ** 2).sum(),
    "rows": lambda e, w: T.tanh((e * w).sum(axis=-1)).sum(),
    "dear": lambda e, w: (T.tanh(e) * w).sum(),
    "by row": lambda e, w: ((e - e.mean(axis=-1, keepdims=True)) ** 2 * w).sum(),
}


def gradient(cost, dtype="float32", ndim=2):
    E, w = T.TensorType(dtype, (None,) * ndim)("E"), T.TensorType(dtype, (None,) * ndim)("w")
    i = T.lvector("i")
    value = COSTS[cost](E[i], w)
    return lambda: ct.function([E, i, w], [value, T.grad(value, E)])


def update(cost):
    def make(values):
        E, i, w = ct.shared(values), T.lvector("i"), T.fmatrix("w")
        value = COSTS[cost](E[i], w)
        g = T.grad(value, E)
        return ct.function([i, w], value, updates=[(E, E - np.float32(0.1) * g)]), E
    return make


@pytest.mark.parametrize("cost", COSTS)
@pytest.mark.parametrize("size", [(4, 3), (50, 64), (300, 7), (5, 1024), (3, 2500), (2, 1)])
def test_bits_are_those_of_two_steps(cost, size, apart):
    rows, width = size
    for n in (1, 70, 3000):
        data = embedding(rows, (width,), n)
        make = gradient(cost)
        fused, plain = make(), apart(make)
        assert is_fused(fused)
        for threads in (1, 2, 3):
            with ct.threads(threads):
                for a, b in zip(fused(*data), plain(*data)):
                    assert a.tobytes() == b.tobytes()


@pytest.mark.parametrize("dtype", ["float16", "float64", "complex64", "int32"])
def test_every_dtype(dtype, apart):
    x, E = T.TensorType(dtype, (None, 6))("x"), T.TensorType(dtype, (None, 6))("E")
    i = T.lvector("i")

    def make():
        y = x[i] * 2
        return ct.function([E, x, i], T.inc_subtensor(E[i], y))
    table, indices, _ = embedding(20, (6,), 400)
    data = [(8 * v).astype(dtype) for v in (table, RNG.normal(size=(20, 6)))]
    fused, plain = make(), apart(make)
    assert is_fused(fused)
    assert np.array_equal(fused(*data, indices), plain(*data, indices))


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_table_of_any_layout(axis, apart):
    make = gradient("squares", ndim=3)
    table, indices, w = embedding(9, (5, 6), 40)
    table, w = [np.moveaxis(np.moveaxis(v, axis, 0).copy(), 0, axis) for v in (table, w)]
    fused, plain = make(), apart(make)
    assert is_fused(fused)
    for a, b in zip(fused(table, indices, w), plain(table, indices, w)):
        assert a.tobytes() == b.tobytes()


def test_indices_of_several_axes_and_arrays(apart):
    E, w = T.TensorType("float32", (None,) * 3)("E"), T.TensorType("float32", (None,) * 3)("w")
    i, j = T.lvector("i"), T.lmatrix("j")

    def make():
        value = ((E[i, j] - w) ** 2).sum()
        return ct.function([E, i, j, w], T.grad(value, E))
    data = (RNG.normal(size=(4, 5, 6)).astype("float32"), RNG.integers(-4, 4, 30),
            RNG.integers(-5, 5, (20, 30)), RNG.normal(size=(20, 30, 6)).astype("float32"))
    fused, plain = make(), apart(make)
    assert is_fused(fused)
    assert fused(*data).tobytes() == plain(*data).tobytes()


@pytest.mark.parametrize("cost", COSTS)
def test_an_update_in_place(cost, apart):
    table, indices, w = embedding(40, (33,), 500)
    make = update(cost)
    f, E = make(table)
    g, F = apart_pair(make, table, apart)
    assert is_fused(f)
    for _ in range(3):
        assert f(indices, w) == g(indices, w)
    assert E.get_value().tobytes() == F.get_value().tobytes()


def apart_pair(make, table, apart):
    found = []

    def build():
        found.extend(make(table))
        return found[0]
    apart(build)
    return found


def test_a_bad_index_changes_nothing():
    table, indices, w = embedding(40, (33,), 5000)
    f, E = update("squares")(table)
    assert is_fused(f)
    i, v = T.lvector("i"), T.fmatrix("v")
    g = ct.function([i, v], [], updates=[(E, T.inc_subtensor(E[i], T.exp(v[:i.shape[0]])))])
    for function in (f, g):
        for place in (0, 4321, 4999):
            bad = indices.copy()
            bad[place] = 40
            with pytest.raises(IndexError, match="index 40 is out of bounds for axis 0"):
                function(bad, w)
            assert np.array_equal(E.get_value(), table)


@pytest.mark.parametrize("threads", [1, 2])
def test_the_error_names_the_index_and_the_line(threads):
    E, i, w = T.fmatrix("E"), T.lvector("i"), T.fmatrix("w")
    value = ((E[i] - w) ** 2).sum()
    f = ct.function([E, i, w], T.grad(value, E))
    assert is_fused(f)
    table, indices, values = embedding(7, (50,), 3600)
    indices[[2000, 3000]] = -9, 8
    with ct.threads(threads), pytest.raises(IndexError, match="index -9 is out") as error:
        f(table, indices, values)
    assert "value = ((E[i] - w)" in str(error.value)


def test_what_is_needed_in_memory_is_stored():
    E, i, w = T.fmatrix("E"), T.lvector("i"), T.fmatrix("w")
    value = ((E[i] - w) ** 2).sum()
    y = 2 * (E[i] - w)
    assert is_fused(ct.function([E, i, w], [value, T.grad(value, E)]))
    assert not is_fused(ct.function([E, i, w], [value, T.inc_subtensor(E[i], y), y]))


def test_what_reads_the_table_is_computed_before():
    table, indices, w = embedding(6, (6,), 6)
    E, i, v = ct.shared(table), T.lvector("i"), T.fmatrix("v")
    f = ct.function([i, v], [], updates=[(E, T.inc_subtensor(E[i], T.exp(E) * v))])
    f(indices, w)
    wanted = table.copy()
    np.add.at(wanted, indices, np.exp(table) * w)
    np.testing.assert_allclose(E.get_value(), wanted, rtol=1e-5)


def test_two_additions_to_one_table(apart):
    table, indices, w = embedding(30, (8,), 100)

    def make():
        E, i, v = ct.shared(table), T.lvector("i"), T.fmatrix("v")
        value = ((E[i] - v) ** 2).sum() + T.exp(-E[i[::-1]] * v).sum()
        return ct.function([i, v], value, updates=[(E, E - np.float32(0.1) * T.grad(value, E))])
    f, g = make(), apart(make)
    for _ in range(3):
        assert f(indices, w) == g(indices, w)


def test_empty():
    f = gradient("squares")()
    for rows, n, width in ((3, 0, 4), (3, 5, 0), (0, 0, 4)):
        data = (np.ones((rows, width), "float32"), np.zeros(n, "int64"),
                np.ones((n, width), "float32"))
        assert f(*data)[1].shape == (rows, width)
    with pytest.raises(IndexError):
        f(np.ones((3, 0), "float32"), np.array([5]), np.ones((1, 0), "float32"))


def test_in_a_loop(apart):
    E, i, w = T.fmatrix("E"), T.lmatrix("i"), T.ftensor3("w")

    def make():
        def step(i, w, table):
            return T.inc_subtensor(table[i], T.tanh(table[i] - w))
        tables, _ = ct.scan(step, [i, w], E)
        return ct.function([E, i, w], tables[-1])
    data = (RNG.normal(size=(8, 5)).astype("float32"), RNG.integers(0, 8, (4, 20)),
            RNG.normal(size=(4, 20, 5)).astype("float32"))
    assert make()(*data).tobytes() == make()(*data).tobytes()
    wanted = data[0].copy()
    for index, v in zip(*data[1:]):
        np.add.at(wanted, index, np.tanh(wanted[index] - v))
    np.testing.assert_allclose(make()(*data), wanted, rtol=1e-4, atol=1e-5)


@needs_compiler
def test_generated_code(jit):
    lot = Lot()
    for cost in COSTS:
        for rows, width, n in ((50, 64, 300), (7, 3, 5000), (5, 2500, 20)):
            lot.call((cost, rows), gradient(cost)(), *embedding(rows, (width,), n))
    lot.check(jit)


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_any_scatter(data):
    rows = data.draw(st.integers(1, 6))
    shape = tuple(data.draw(st.lists(st.integers(1, 40), min_size=1, max_size=2)))
    places = tuple(data.draw(st.lists(st.integers(0, 60), min_size=1, max_size=2)))
    E = T.TensorType("float32", (None,) * (1 + len(shape)))("E")
    i = T.TensorType("int64", (None,) * len(places))("i")
    table = RNG.normal(size=(rows, *shape)).astype("float32")
    indices = RNG.integers(-rows, rows, places)
    cost = T.exp(-E[i] ** 2).sum()
    f = ct.function([E, i], T.grad(cost, E))
    wanted = np.zeros_like(table)
    x = table[indices]
    np.add.at(wanted, indices, -2 * x * np.exp(-x ** 2))
    np.testing.assert_allclose(f(table, indices), wanted, rtol=1e-4, atol=1e-4)


def test_a_bad_number_is_found():
    E, i, w = T.fmatrix("E"), T.lvector("i"), T.fmatrix("w")
    value = (T.sqrt(E[i]) * w).sum()
    f = ct.function([E, i, w], [value, T.grad(value, E)], mode="NanGuardMode")
    assert is_fused(f)
    table, indices, values = embedding(4, (3,), 5)
    f(np.abs(table) + 1, indices, values)
    with pytest.raises(AssertionError, match=r"NaN in .* that true_div made"):
        f(np.zeros_like(table), indices, np.zeros_like(values))
