"""Groups that read rows of tables, and that find where the largest is: the same as step by step."""
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cytensor as ct
import cytensor.tensor as T
from cytensor import config
from cytensor._core import DTYPES, TensorType
from cytensor.cpu import _structured, compiler
from cytensor.engine.pipeline import device

RNG = np.random.default_rng(0)
needs_compiler = pytest.mark.skipif(compiler.find() is None, reason="no C compiler")
APART = ct.Mode("fast_run", excluding=("fusion",))
E, IDX = T.dmatrix("E"), T.lvector("i")


def labels(f):
    """What the steps of a function do."""
    return [step.label for segment in f.program.segments for step in segment.steps if step.label]


def is_fused(f, name):
    """Whether an op runs in a group, and nowhere else."""
    found = [label for label in labels(f) if name in label]
    return bool(found) and all([label.startswith("fused(") for label in found])


def assert_same_bits(a, b, what=None):
    for x, y in zip(a, b, strict=True):
        assert (x.dtype, x.shape, x.tobytes()) == (y.dtype, y.shape, y.tobytes()), what


def check(inputs, outputs, arrays, wanted, names=("gather",)):
    """Compare with NumPy, and bit for bit with steps of their own and with generated code."""
    f = ct.function(inputs, outputs)
    got = f(*arrays)
    for name in names:
        assert is_fused(f, name), labels(f)
    for a, b in zip(got, wanted, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-10)
    assert_same_bits(got, ct.function(inputs, outputs, mode=APART)(*arrays))
    if compiler.find() is not None:
        device().jit.improve_now([segment.last for segment in f.program.segments])
        assert_same_bits(got, f(*arrays))


@pytest.fixture(autouse=True)
def jit_on_demand():
    before, config.jit = config.jit, "off"
    yield
    config.jit = before


# ----- rows of a table -----

#: Rows of the table, their length, and how many are read.
SIZES = [(5, 3, 4), (1, 1, 1), (7, 1, 2000), (40, 16, 300), (40, 17, 300), (300, 128, 100),
         (9, 1024, 5), (9, 1025, 5), (3, 5000, 4), (2, 70_000, 3), (5, 3, 0), (5, 0, 4)]


@pytest.mark.parametrize("size", SIZES)
def test_rows_and_what_follows(size):
    rows, length, n = size
    table, i = RNG.normal(size=(rows, length)), RNG.integers(-rows, rows, n)
    x = T.tanh(E[IDX])
    y = np.tanh(table[i])
    check([E, IDX], [x * 2], [table, i], [y * 2])
    check([E, IDX], [x.sum(1)], [table, i], [y.sum(1)])
    check([E, IDX], [x.sum(0), x.prod(0)], [table, i], [y.sum(0), y.prod(0)])
    check([E, IDX], [x.sum()], [table, i], [y.sum()])
    if length:
        e = np.exp(y - y.max(1, keepdims=True))
        check([E, IDX], [T.nnet.softmax(x)], [table, i], [e / e.sum(1, keepdims=True)])


@pytest.mark.parametrize("n", [0, 1, 1000, 1024, 5000])
def test_elements(n):
    v, i = RNG.normal(size=50), RNG.integers(-50, 50, n)
    x = T.dvector()
    check([x, IDX], [T.exp(x[IDX]) - 1], [v, i], [np.exp(v[i]) - 1])
    check([x, IDX], [T.sqr(x[IDX]).sum()], [v, i], [np.square(v[i]).sum()])


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_dtype(dtype):
    x, out = TensorType(dtype, (None, None))(), None
    out = T.invert(x[IDX]) if dtype == "bool" else x[IDX] + x[IDX]
    a = RNG.integers(0, 2, (60, 9)).astype(dtype)
    i = RNG.integers(-60, 60, 700)
    check([x, IDX], [out], [a, i], [~a[i] if dtype == "bool" else a[i] + a[i]])
    check([x, IDX], [out[:, 0]], [a, i], [~a[i, 0] if dtype == "bool" else (a[i] + a[i])[:, 0]],
          names=())


def test_several_tables_and_indices_in_one_group():
    words, places, j = T.dmatrix(), T.dmatrix(), T.lvector()
    a, b = RNG.normal(size=(2, 30, 8))
    i, k = RNG.integers(-30, 30, (2, 90))
    inputs, outputs = [words, places, IDX, j], [T.tanh(words[IDX] + places[j]).mean(1)]
    check(inputs, outputs, [a, b, i, k], [np.tanh(a[i] + b[k]).mean(1)])
    found = labels(ct.function(inputs, outputs))
    assert sum(["gather" in label for label in found]) == 1


def test_indices_of_several_axes():
    x, i, j = T.dtensor4(), T.lmatrix(), T.lvector()
    a = RNG.normal(size=(4, 5, 6, 7))
    rows, columns = RNG.integers(-4, 4, (3, 2)), RNG.integers(-5, 5, 2)
    w = a[rows, columns]
    out = T.exp(x[i, j])
    check([x, i, j], [out], [a, rows, columns], [np.exp(w)])
    for axes in [(0,), (1,), (3,), (0, 1), (2, 3), (1, 3), (0, 2)]:
        check([x, i, j], [out.sum(axes)], [a, rows, columns], [np.exp(w).sum(axes)])
    one, two, three = RNG.integers(-4, 4, (3, 50))
    k, m = T.lvector(), T.lvector()
    check([x, IDX, k, m], [x[IDX, k, m] * 2], [a, one, two, three], [a[one, two, three] * 2])


@pytest.mark.parametrize("axis", [0, 1])
def test_a_table_of_any_layout(axis):
    a = RNG.normal(size=(40, 30))
    for table in (np.asfortranarray(a), a[::-1, ::2], a[::2], np.broadcast_to(a[:1], (40, 30))):
        i = RNG.integers(-len(table), len(table), 77)[::-2]
        check([E, IDX], [T.tanh(E[IDX]).sum(axis)], [table, i], [np.tanh(table[i]).sum(axis)])
        check([E, IDX], [E[IDX] + 1], [table, i], [table[i] + 1])


def test_what_is_needed_in_memory_has_a_step_of_its_own():
    w = T.dmatrix()
    f = ct.function([E, IDX, w], [T.dot(E[IDX], w), T.tanh(E[IDX])])
    assert "gather" in labels(f)
    assert "gather" in labels(ct.function([E, IDX], E[IDX]))
    assert "gather" in labels(ct.function([E, IDX], [E[IDX], T.exp(E[IDX])]))
    assert "gather" in labels(ct.function([E, IDX], T.exp(E[IDX]), mode=APART))
    transposed = ct.function([E, IDX], T.exp(E[:, IDX]))
    a, i = RNG.normal(size=(5, 6)), [1, 0, -1]
    np.testing.assert_allclose(transposed(a, i), np.exp(a[:, i]))


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_the_first_bad_index_is_named(threads):
    i = RNG.integers(-30, 30, 50_000)
    i[[20_000, 20_001, 40_000]] = 30, 99, -31
    f = ct.function([E, IDX], T.exp(E[IDX]).sum(1))
    before = _structured.get_threads()
    try:
        _structured.set_threads(threads)
        with pytest.raises(IndexError, match="gather: index 30 is out of bounds for axis 0 with "):
            f(np.ones((30, 8)), i)
        with pytest.raises(IndexError, match="index 0 is out of bounds for axis 0 with size 0"):
            f(np.ones((0, 8)), [0])
        assert f(np.ones((0, 8)), []).shape == (0,)
    finally:
        _structured.set_threads(before)


@pytest.mark.parametrize("out", [T.exp(E[IDX]), T.exp(E[IDX]).sum(1), T.exp(E[IDX]).sum(0)])
def test_indices_of_rows_without_elements_are_looked_at(out):
    f = ct.function([E, IDX], out)
    assert is_fused(f, "gather")
    assert f(np.ones((5, 0)), [4, -5]).size in (0, 2)
    with pytest.raises(IndexError, match="index 7 is out of bounds for axis 0 with size 5"):
        f(np.ones((5, 0)), [4, 7])


def test_bad_indices_of_several_axes():
    x, j = T.dtensor3(), T.lvector()
    f = ct.function([x, IDX, j], T.exp(x[IDX, j]))
    for i, k, text in [([0, 1], [0, 7], "index 7 is out of bounds for axis 1 with size 3"),
                       ([5, 1], [0, 7], "index 5 is out of bounds for axis 0 with size 2"),
                       ([0, -3], [9, 1], "index 9 is out of bounds for axis 1 with size 3"),
                       ([0, -3], [0, 9], "index -3 is out of bounds for axis 0 with size 2")]:
        with pytest.raises(IndexError, match=text):
            f(np.ones((2, 3, 4)), i, k)


def test_of_bad_indices_the_first_place_counts():
    x, j = T.dtensor3(), T.lvector()
    i, k = np.zeros((2, 3000), "int64")
    i[10], k[9] = 8, 7
    i[2900] = k[2901] = 6
    for mode in (None, APART):
        f = ct.function([x, IDX, j], T.exp(x[IDX, j]), mode=mode)
        with pytest.raises(IndexError, match="index 7 is out of bounds for axis 1 with size 3"):
            f(np.ones((2, 3, 4)), i, k)


def test_the_first_place_counts_whatever_the_order_of_the_tiles():
    i = T.lmatrix()
    index = np.zeros((30, 40), "int64")
    index[2, 30], index[5, 1] = 8, 9        # the sum over axis 0 comes to column 1 first
    for mode in (None, APART):
        f = ct.function([E, i], T.exp(E[i]).sum((0, 2)), mode=mode)
        with pytest.raises(IndexError, match="index 8 is out of bounds"):
            f(np.ones((3, 4)), index)


def test_threads_change_nothing():
    a, i = RNG.normal(size=(500, 96)), RNG.integers(-500, 500, 9000)
    x = T.tanh(E[IDX])
    f = ct.function([E, IDX], [x.sum(0), x.sum(1), x.sum(), T.exp(E[IDX])])
    before, results = _structured.get_threads(), []
    try:
        for threads in (1, 2, 7):
            _structured.set_threads(threads)
            results.append(f(a, i))
    finally:
        _structured.set_threads(before)
    for other in results[1:]:
        assert_same_bits(results[0], other)


def test_gradients_of_an_embedding():
    a, i = RNG.normal(size=(20, 6)), RNG.integers(-20, 20, 300)     # with many duplicates
    loss = T.sum(T.tanh(E[IDX]) ** 2)
    y = np.tanh(a[i])
    want = np.zeros_like(a)
    np.add.at(want, i, 2 * y * (1 - y * y))
    check([E, IDX], [ct.grad(loss, E), loss], [a, i], [want, (y * y).sum()], names=())
    ct.verify_grad(lambda e: T.sum(T.tanh(e[i[:7]]) ** 2), [a])


def test_an_embedding_is_trained():
    a, i = RNG.normal(size=(50, 8)), RNG.integers(-50, 50, 200)
    results = []
    for mode in (None, APART):
        table = ct.shared(a.copy())
        loss = T.sqr(T.tanh(table[IDX]) - 1).mean()
        step = table - 0.1 * ct.grad(loss, table)
        f = ct.function([IDX], loss, updates=[(table, step)], mode=mode)
        losses = [f(i) for _ in range(5)]
        assert losses[-1] < losses[0]
        results.append([*losses, table.get_value()])
        with pytest.raises(IndexError):
            f([50])
        assert table.get_value().tobytes() == results[-1][-1].tobytes()
    assert_same_bits(*results)


def test_in_a_loop():
    steps = T.lmatrix()
    h, _ = ct.scan(lambda i, h: T.tanh(E[i] + h), sequences=[steps], outputs_info=[T.zeros((3, 4))])
    a, i = RNG.normal(size=(9, 4)), RNG.integers(-9, 9, (6, 3))
    want = np.zeros((3, 4))
    for row in i:
        want = np.tanh(a[row] + want)
    np.testing.assert_allclose(ct.function([E, steps], h[-1])(a, i), want)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_any_gather(data):
    number = st.integers(1, 6)
    k = data.draw(st.integers(1, 3))
    shape = data.draw(st.lists(number, min_size=k, max_size=4))
    positions = data.draw(st.lists(st.integers(0, 7), min_size=1, max_size=2))
    indices = [np.array(data.draw(st.lists(
        st.integers(-n, n - 1), min_size=int(np.prod(positions)), max_size=int(np.prod(positions))
    )), "int64").reshape(positions) for n in shape[:k]]
    a = np.random.default_rng(0).normal(size=shape)
    x = TensorType("float64", (None,) * len(shape))()
    i = [TensorType("int64", (None,) * len(positions))() for _ in indices]
    ndim = len(positions) + len(shape) - k
    axes = tuple(data.draw(st.sets(st.integers(0, ndim - 1))))
    w = np.tanh(a[tuple(indices)])
    out = T.tanh(x[tuple(i)])
    check([x, *i], [out.sum(axes) if axes else out], [a, *indices],
          [w.sum(axes) if axes else w])


# ----- where the largest of a row is -----

ROWS = [(1, 1), (4, 3), (300, 10), (40, 64), (40, 65), (9, 1000), (9, 1024), (5, 1025), (3, 2048),
        (3, 70_000), (0, 3)]
REAL = [dtype for dtype in DTYPES if not dtype.startswith("complex")]


def odd(shape, dtype, seed=0):
    """Numbers with many equal ones, and not-a-numbers in some rows."""
    rng = np.random.default_rng(seed)
    a = rng.integers(0, 1 + shape[1] // 2, shape).astype(dtype)
    if np.dtype(dtype).kind == "f" and a.size:
        for row in a[::3]:
            row[rng.integers(0, shape[1], 2)] = np.nan
        for row in a[1::3]:
            row[rng.integers(0, shape[1], 2)] = -np.inf
    return a


@pytest.mark.parametrize("dtype", REAL)
@pytest.mark.parametrize("shape", ROWS)
def test_argmax_and_argmin(shape, dtype):
    x, zero = TensorType(dtype, (None, None))(), TensorType(dtype, (None,))()
    made = T.or_(x, zero) if dtype == "bool" else x + zero
    f = ct.function([x, zero], [T.argmax(made, 1), T.argmin(made, 1)])
    assert is_fused(f, "argmax") and is_fused(f, "argmin")
    a = odd(shape, dtype)
    for layout in (a, np.asfortranarray(a), a[::-1]):
        got = f(layout, np.zeros(shape[1], dtype))
        for one, want in zip(got, (layout.argmax(1), layout.argmin(1))):
            np.testing.assert_array_equal(one, want)


@pytest.mark.parametrize("shape", ROWS)
def test_argmax_beside_other_work(shape):
    x, b = T.fmatrix(), T.fvector()
    a, row = odd(shape, "float32"), RNG.normal(size=shape[1]).astype("f")
    outs = [x.max(1), T.argmax(x, 1), T.argmin(x + b, 1), T.argmax(x * 2, 1) + 1]
    check([x, b], outs, [a, row], [a.max(1), a.argmax(1), (a + row).argmin(1),
                                   (a * 2).argmax(1) + 1], names=("argmax", "argmin"))


def test_argmax_of_logits():
    x, w, b, y = T.dmatrix(), T.dmatrix(), T.dvector(), T.lvector()
    a, m, c = RNG.normal(size=(64, 20)), RNG.normal(size=(20, 10)), RNG.normal(size=10)
    t = RNG.integers(0, 10, 64)
    z = a @ m + c
    logits = T.dot(x, w) + b
    wrong = T.neq(T.argmax(T.nnet.softmax(logits), axis=1), y)
    f = ct.function([x, w, b, y], [T.argmax(logits, 1), wrong.mean()])
    assert is_fused(f, "argmax")
    got, errors = f(a, m, c, t)
    np.testing.assert_array_equal(got, z.argmax(1))
    assert errors == (z.argmax(1) != t).mean()


def test_argmax_of_rows_of_a_table():
    a, i = RNG.normal(size=(30, 17)), RNG.integers(-30, 30, 200)
    check([E, IDX], [T.argmax(E[IDX], 1)], [a, i], [a[i].argmax(1)], names=("gather", "argmax"))


def test_argmax_of_what_lies_in_memory_has_a_step_of_its_own():
    x = T.dtensor3()
    for out in (T.argmax(x, 2), T.argmax(x, 0), T.argmax(x.T, 2), T.argmax(x + 1, 1)):
        assert "argmax" in labels(ct.function([x], out))
    with pytest.raises(ValueError, match="empty sequence"):
        ct.function([x], T.argmax(x + 1, 2))(np.ones((2, 3, 0)))


@pytest.mark.parametrize("shape", [(2, 300_000), (1, 50_000), (3000, 70)])
def test_argmax_on_threads(shape):
    x, a = T.dmatrix(), odd(shape, "float64")
    f = ct.function([x], [T.argmax(x + 1, 1), (x + 1).max(1), T.argmin(x + 1, 1)])
    before, want = _structured.get_threads(), [a.argmax(1), a.max(1) + 1, a.argmin(1)]
    try:
        for threads in (1, 2, 7):
            _structured.set_threads(threads)
            for got, right in zip(f(a), want):
                np.testing.assert_array_equal(got, right)
    finally:
        _structured.set_threads(before)


# ----- for readers -----

def test_the_program_and_the_source_show_it():
    table = T.fmatrix("table")
    f = ct.function([table, IDX], [T.tanh(table[IDX]).sum(1), T.argmax(T.tanh(table[IDX]), 1)])
    text = ct.printing.debugprint(f, file="str")
    assert "full float32 = gather(table, i)" in text
    assert "kept int64 = argmax(t" in text
    f(np.ones((5, 6), "f"), [1])
    source = f.source()
    assert "gather(table, i)" in source and "const float t3 = ct_tanh(t2);" in source
