"""The structured kernels against NumPy: every dtype, odd strides, empty arrays, several threads."""
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cytensor._core import DTYPES
from cytensor.cpu import _structured
from cytensor.cpu._structured import call

REAL = [name for name in DTYPES if np.dtype(name).kind != "c"]


@pytest.fixture(params=[1, 3], autouse=True)
def threads(request):
    """Run each test with one thread and with several."""
    _structured.set_threads(request.param)
    yield
    _structured.set_threads(0)


def sample(shape, dtype, seed=0, few=False):
    """Random items; with `few`, many of them are equal."""
    rng = np.random.default_rng(seed)
    high = 4 if few else 100
    if np.dtype(dtype).kind == "b":
        return np.asarray(rng.random(shape) < 0.5)
    if np.dtype(dtype).kind in "iu":
        return rng.integers(0, high, shape).astype(dtype)
    x = rng.integers(-high, high, shape) if few else rng.standard_normal(shape) * 10
    if np.dtype(dtype).kind == "c":
        x = x + 1j * rng.integers(-high, high, shape)
    return np.asarray(x).astype(dtype)


def laid_out(x, order, steps):
    """A copy of `x` whose axes lie in memory in the given order, with gaps, and maybe backwards."""
    order = [axis for axis in order if axis < x.ndim]
    gaps = [abs(steps[axis]) for axis in order]
    memory = np.zeros([x.shape[axis] * gap for axis, gap in zip(order, gaps)], x.dtype)
    view = memory[(..., *[slice(None, None, gap) for gap in gaps])].transpose(np.argsort(order))
    view = view[(..., *[slice(None, None, -1 if steps[axis] < 0 else 1)
                        for axis in range(x.ndim)])]
    view[...] = x
    return view


SHAPES = st.lists(st.integers(0, 7), max_size=4).map(tuple)
ORDERS = st.permutations(range(4))
STEPS = st.lists(st.sampled_from([1, 1, 2, 3, -1, -2]), min_size=4, max_size=4)
LAYOUTS = st.tuples(ORDERS, STEPS)


def assert_same(got, want):
    np.testing.assert_array_equal(got, want, strict=True)


# ----- copy, fill, join -----

@settings(max_examples=200, deadline=None)
@given(SHAPES, LAYOUTS, LAYOUTS, st.sampled_from(DTYPES))
def test_copy(shape, to, source, dtype):
    x = laid_out(sample(shape, dtype), *source)
    out = laid_out(np.zeros(shape, dtype), *to)
    call("copy", [out], [x])
    assert_same(out, x)


@pytest.mark.parametrize("dtype", ["int8", "float16", "float32", "float64", "complex128"])
@pytest.mark.parametrize("shape", [(700, 301), (64, 64), (3, 5000), (5000, 3), (7, 130, 65)])
def test_copy_of_transposes(dtype, shape):
    x = sample(shape, dtype)
    for axes in [range(x.ndim)[::-1], (*range(x.ndim)[1:], 0)]:
        out = np.empty(x.transpose(axes).shape, dtype)
        call("copy", [out], [x.transpose(axes)])
        assert_same(out, np.ascontiguousarray(x.transpose(axes)))


def test_copy_of_large_arrays():
    x = sample((1000, 300), "float32")
    for source in (x, x[::-1], x[:, ::-2], np.broadcast_to(x[0], (500, 300))):
        out = np.empty(source.shape, "float32")
        call("copy", [out], [source])
        assert_same(out, np.ascontiguousarray(source))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(), (0,), (5,), (300, 400)])
def test_fill(dtype, shape):
    value = sample((), dtype)
    out = np.zeros(shape, dtype)
    call("fill", [out], [value])
    assert_same(out, np.full(shape, value))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 4), min_size=1, max_size=3), st.integers(0, 2),
       st.lists(st.integers(0, 5), min_size=1, max_size=3), LAYOUTS, st.sampled_from(DTYPES))
def test_join(shape, axis, sizes, layout, dtype):
    axis %= len(shape)
    parts = [laid_out(sample((*shape[:axis], n, *shape[axis + 1:]), dtype, i), *layout)
             for i, n in enumerate(sizes)]
    want = np.concatenate(parts, axis)
    out = np.empty(want.shape, dtype)
    call("join", [out], parts, (axis,))
    assert_same(out, want)


# ----- add_into -----

@settings(max_examples=200, deadline=None)
@given(SHAPES, LAYOUTS, LAYOUTS, st.sets(st.integers(0, 3)), st.sampled_from(DTYPES))
def test_add_into(shape, to, source, ones, dtype):
    y_shape = [1 if axis in ones else n for axis, n in enumerate(shape)]
    y = laid_out(sample(y_shape, dtype, 1), *source)
    out = laid_out(sample(shape, dtype), *to)
    want = out + y
    call("add_into", [out], [y])
    assert_same(out, want)


@pytest.mark.parametrize("dtype", DTYPES)
def test_add_into_of_large_arrays(dtype):
    y, out = sample((300, 500), dtype, 1), sample((300, 500), dtype)
    for other in (y, y[0], y[:, :1], y[::-1]):
        want = out + other
        call("add_into", [out], [other])
        assert_same(out, want)


def test_every_float16_survives_its_sum_with_zero():
    x = np.arange(65536, dtype="uint16").view("float16")
    out = np.zeros(65536, "float16")
    call("add_into", [out], [x])
    with np.errstate(invalid="ignore"):         # signalling NaNs
        want = x + np.float16(0)
    assert_same(out, want)


def test_float16_sums_are_rounded_to_even():
    x, y = sample(100_000, "uint16").view("float16"), sample(100_000, "float16", 1)
    x = (np.random.default_rng(2).integers(0, 31744, 100_000).astype("uint16")).view("float16")
    out = y.copy()
    call("add_into", [out], [x])
    assert_same(out, x + y)


# ----- gather and scatter -----

INDICES = st.tuples(st.lists(st.integers(0, 5), max_size=2).map(tuple), st.integers(1, 3),
                    st.lists(st.integers(0, 4), max_size=2).map(tuple), st.integers(0, 99),
                    st.booleans())


def draw_indices(spec, dtype):
    """An array, indices for its first axes, one of which broadcasts, and a result's shape."""
    positions, k, row, seed, broadcast = spec
    rng = np.random.default_rng(seed)
    x = sample((*range(3, 3 + k), *row), dtype, seed)
    indices = [rng.integers(-n, n, positions) for n in x.shape[:k]]
    if broadcast and k > 1 and positions:
        indices[0] = indices[0][:1]
    return x, indices, (*np.broadcast_shapes(*[i.shape for i in indices]), *row)


@settings(max_examples=150, deadline=None)
@given(INDICES, LAYOUTS, LAYOUTS, st.sampled_from(DTYPES))
def test_gather(spec, to, source, dtype):
    x, indices, shape = draw_indices(spec, dtype)
    x = laid_out(x, *source) if x.ndim <= 4 else x
    out = laid_out(np.zeros(shape, dtype), *to)
    call("gather", [out], [x, *indices])
    assert_same(out, x[tuple(indices)])


@settings(max_examples=150, deadline=None)
@given(INDICES, LAYOUTS, st.booleans(), st.sampled_from(DTYPES))
def test_scatters(spec, source, broadcast, dtype):
    x, indices, shape = draw_indices(spec, dtype)
    y_shape = [1] * len(shape) if broadcast else shape
    y = laid_out(sample(y_shape, dtype, 7), *source)
    for name, reference in (("scatter_set", np.ndarray.__setitem__), ("scatter_add", np.add.at)):
        want, out = x.copy(), x.copy()
        reference(want, tuple(indices), y)
        call(name, [out], [y, *indices])
        assert_same(out, want)


@pytest.mark.parametrize("row", [(), (1,), (16,), (300,), (4, 100)])
@pytest.mark.parametrize("dtype", ["float32", "float64", "int8", "float16"])
def test_gather_and_scatter_of_many_rows(row, dtype):
    rng = np.random.default_rng(0)
    x, i = sample((50, *row), dtype, few=True), rng.integers(-50, 50, 3000)
    out = np.empty((3000, *row), dtype)
    call("gather", [out], [x, i])
    assert_same(out, x[i])
    want, total = x.copy(), x.copy()
    np.add.at(want, i, out)
    call("scatter_add", [total], [out, i])
    assert_same(total, want)
    want[i] = out[::-1]
    call("scatter_set", [total], [out[::-1], i])
    assert_same(total, want)


@pytest.mark.parametrize("name", ["gather", "scatter_set", "scatter_add"])
def test_the_first_index_out_of_bounds_is_named(name):
    x, y = np.zeros((4, 6)), np.zeros(100_000)
    i, j = np.zeros(100_000, int), np.zeros(100_000, int)
    i[70_000], j[60_000], j[90_000] = 4, -7, 9
    arrays = ([y], [x, i, j]) if name == "gather" else ([x], [y, i, j])
    with pytest.raises(IndexError, match="index -7 is out of bounds for axis 1 with size 6"):
        call(name, *arrays)


def test_an_index_into_empty_rows_is_checked():
    with pytest.raises(IndexError, match="index 5"):
        call("gather", [np.zeros((1, 0))], [np.zeros((3, 0)), np.array([5])])
    with pytest.raises(IndexError, match="index 5"):
        call("scatter_add", [np.zeros((3, 0))], [np.zeros((1, 0)), np.array([5])])


# ----- argmax, argmin, cumsum, cumprod -----

@settings(max_examples=200, deadline=None)
@given(st.lists(st.integers(1, 7), min_size=1, max_size=4).map(tuple), st.integers(0, 3),
       LAYOUTS, st.sampled_from(DTYPES))
def test_argmax_and_argmin(shape, axis, layout, dtype):
    x = laid_out(sample(shape, dtype, few=True), *layout)
    axis %= x.ndim
    for name in ("argmax", "argmin"):
        want = getattr(np, name)(x, axis)
        out = np.zeros(np.shape(want), int)
        call(name, [out], [x], (axis,))
        assert_same(out, np.asarray(want))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(300, 700), (2, 100_000), (100_000, 2), (1, 200_000),
                                   (40, 9, 300)])
def test_arg_of_large_arrays(dtype, shape):
    for few in (False, True):
        x = sample(shape, dtype, few=few)
        for axis in range(x.ndim):
            for name in ("argmax", "argmin"):
                want = getattr(np, name)(x, axis)
                out = np.zeros(want.shape, int)
                call(name, [out], [x], (axis,))
                assert_same(out, want)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "complex64", "complex128"])
@pytest.mark.parametrize("size", [3, 40, 3000, 200_000])
def test_the_first_nan_wins(dtype, size):
    x = np.stack([sample(size, dtype, i) for i in range(4)])
    x[0, 0], x[1, size // 2], x[2, -1] = np.nan, np.nan, np.nan
    x[1, size // 2 + 1] = np.nan
    for view, axis in ((x, 1), (np.ascontiguousarray(x.T), 0), (x[:, ::-1], 1)):
        for name in ("argmax", "argmin"):
            out = np.zeros(4, int)
            call(name, [out], [view], (axis,))
            assert_same(out, getattr(np, name)(view, axis))


def test_arg_over_nothing():
    with pytest.raises(ValueError, match="nothing"):
        call("argmax", [np.zeros(3, int)], [np.zeros((3, 0))], (1,))
    call("argmax", [np.zeros(0, int)], [np.zeros((0, 0))], (1,))


@settings(max_examples=200, deadline=None)
@given(st.lists(st.integers(0, 7), min_size=1, max_size=4).map(tuple), st.integers(0, 3),
       LAYOUTS, LAYOUTS, st.sampled_from(DTYPES))
def test_cumsum_and_cumprod(shape, axis, to, source, dtype):
    x = laid_out(sample(shape, dtype, few=True), *source)
    axis %= x.ndim
    for name, ufunc in (("cumsum", np.add), ("cumprod", np.multiply)):
        out = laid_out(np.zeros(shape, dtype), *to)
        with np.errstate(all="ignore"):
            want = ufunc.accumulate(x, axis, dtype=dtype)
        call(name, [out], [x], (axis,))
        np.testing.assert_allclose(out, want, rtol=1e-6)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.integers(0, 7), min_size=1, max_size=4).map(tuple), st.integers(0, 3),
       LAYOUTS, LAYOUTS, st.sampled_from(DTYPES))
def test_recurrence(shape, axis, to, source, dtype):
    a = laid_out(sample(shape, dtype, seed=1, few=True), *source)
    b = laid_out(sample(shape, dtype, seed=2, few=True), *to)
    axis %= a.ndim
    out = laid_out(np.zeros(shape, dtype), *to)
    want, before = np.zeros(shape, dtype), np.zeros((), dtype)
    with np.errstate(all="ignore"):
        for k in range(shape[axis]):
            at = (slice(None),) * axis + (k,)
            want[at] = before = (a[at] * before).astype(dtype) + b[at]
    call("recurrence", [out], [a, b], (axis,))
    np.testing.assert_allclose(out, want, rtol=1e-6)


@pytest.mark.parametrize("shape, axis", [((300, 500), 0), ((300, 500), 1), ((100_000,), 0)])
def test_cumsum_of_large_arrays_is_that_of_numpy(shape, axis):
    x = sample(shape, "float32")
    out = np.empty(shape, "float32")
    call("cumsum", [out], [x], (axis,))
    assert_same(out, np.cumsum(x, axis))


# ----- nonzero -----

@settings(max_examples=150, deadline=None)
@given(SHAPES.filter(len), LAYOUTS, st.sampled_from(DTYPES))
def test_nonzero(shape, layout, dtype):
    x = laid_out(sample(shape, dtype, few=True), *layout)
    count = np.zeros((), int)
    call("nonzero_count", [count], [x])
    assert count == np.count_nonzero(x)
    out = np.zeros((x.ndim, int(count)), int)
    call("nonzero", [out], [x, count])
    assert_same(out, np.array(np.nonzero(x)))


def test_nonzero_of_large_and_odd_values():
    x = sample((300, 4000), "int8", few=True)
    count = np.zeros((), int)
    call("nonzero_count", [count], [x])
    out = np.zeros((2, int(count)), int)
    call("nonzero", [out], [x, count])
    assert_same(out, np.array(np.nonzero(x)))
    for dtype in ("float16", "float32", "float64", "complex64"):
        call("nonzero_count", [count], [np.array([0.0, -0.0, np.nan, 1], dtype)])
        assert count == 2


def test_a_kernel_that_does_not_exist():
    with pytest.raises(KeyError, match="no structured kernel 'nothing'"):
        call("nothing", [], [])
