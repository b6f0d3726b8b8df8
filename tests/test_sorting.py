"""Sorting and counting: large and odd arrays in every dtype, on threads; what is refused."""
import numpy as np
import pytest

import cytensor as ct
import cytensor.tensor as T
from cytensor._core import DTYPES
from cytensor.cpu import _structured
from cytensor.cpu._structured import call

REAL = [name for name in DTYPES if np.dtype(name).kind != "c"]
SHAPES = [(0,), (1,), (31,), (32,), (33,), (3, 50), (2, 3, 1000), (100, 20), (70_000,), (2, 40_000),
          (3, 0)]


@pytest.fixture(params=[1, 3])
def threads(request):
    """Run a test with one thread and with several."""
    _structured.set_threads(request.param)
    yield
    _structured.set_threads(0)


def sample(shape, dtype, seed=0):
    """Numbers over the whole range of a dtype, or few different ones; NaN, infinity and -0."""
    rng = np.random.default_rng([seed, *shape])
    kind = np.dtype(dtype).kind
    if kind == "b":
        return rng.random(shape) < 0.5
    if kind in "iu":
        ends = np.iinfo(dtype) if seed else np.iinfo("int8" if kind == "i" else "uint8")
        return rng.integers(ends.min, ends.max, shape, dtype, endpoint=True)
    x = np.round(rng.normal(size=shape) * 5, 5 if seed else 0)
    x = np.asarray(x + 1j * np.round(rng.normal(size=shape)) if kind == "c" else x).astype(dtype)
    if x.size > 9:
        x.flat[rng.integers(0, x.size, 5)] = [np.nan, -np.nan, np.inf, -np.inf, -0.0]
    return x


def layouts(x):
    """The same numbers, of small arrays also in other orders in memory."""
    return [x, x[..., ::-1], np.asfortranarray(x)] if x.size < 10_000 else [x]


def in_order(x):
    """The stable order along the last axis; of float16 by way of float32."""
    return np.argsort(x.astype("float32") if x.dtype == "float16" else x, -1, kind="stable")


# ----- kernels -----

@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("seed", [0, 1])
def test_sort_and_argsort(threads, dtype, seed):
    for shape in SHAPES:
        for x in layouts(sample(shape, dtype, seed)):
            order, values, places = in_order(x), np.empty_like(x), np.empty(shape, "int64")
            call("sort", [values], [x])
            call("argsort", [places], [x])
            np.testing.assert_array_equal(values, np.take_along_axis(x, order, -1))
            np.testing.assert_array_equal(places, order)


def test_sort_keeps_the_sign_of_zero():
    out = np.empty(4)
    call("sort", [out], [np.array([0.0, -0.0, -1.0, 1.0])])
    np.testing.assert_array_equal(np.signbit(out), [True, True, False, False])


@pytest.mark.parametrize("dtype", REAL)
def test_argtopk(threads, dtype):
    for shape in SHAPES:
        n = shape[-1]
        for x in layouts(sample(shape, dtype)) if n else ():
            order = in_order(x)
            for k in {1, -1, n, -n, min(5, n), -min(5, n), max(n // 3, 1)}:
                places = np.empty((*shape[:-1], abs(k)), "int64")
                call("argtopk", [places], [x, np.array(k)])
                best = order[..., ::-1][..., :k] if k > 0 else order[..., :-k][..., ::-1]
                np.testing.assert_array_equal(np.take_along_axis(x, places, -1),
                                              np.take_along_axis(x, best, -1))
                assert all(len(set(row)) == abs(k) for row in places.reshape(-1, abs(k)))


@pytest.mark.parametrize("x", [np.arange(50_000), np.arange(50_000)[::-1], np.zeros(50_000)],
                         ids=["ascending", "descending", "equal"])
def test_argtopk_of_arrays_that_are_sorted(x):
    for k in (3, -3):
        places = np.empty(3, "int64")
        call("argtopk", [places], [x, np.array(k)])
        want = np.argsort(-x if k > 0 else x, kind="stable")[:3]
        np.testing.assert_array_equal(places, want if k > 0 else want[::-1])


@pytest.mark.parametrize("dtype", REAL)
@pytest.mark.parametrize("side", ["left", "right"])
def test_searchsorted(threads, dtype, side):
    x = np.sort(sample((10_000,), dtype)) if dtype != "float16" else \
        np.sort(sample((10_000,), dtype).astype("float32")).astype(dtype)
    for vector in (x, x[:1], x[:0], x[::3]):
        for v in layouts(sample((40, 1001), dtype, 1)):
            places = np.empty(v.shape, "int64")
            call("searchsorted", [places], [vector, v], (side == "right",))
            np.testing.assert_array_equal(places, np.searchsorted(vector, v, side))


@pytest.mark.parametrize("bins", [10, 100_000])
def test_bincount(threads, bins):
    rng = np.random.default_rng(0)
    x, weights = rng.integers(0, bins, 300_000), rng.normal(size=300_000)
    out, total = np.empty(bins, "int64"), np.empty(bins)
    call("bincount", [out], [x, np.array(bins)])
    call("weighted_bincount", [total], [x, weights, np.array(bins)])
    np.testing.assert_array_equal(out, np.bincount(x, minlength=bins))
    np.testing.assert_array_equal(total, np.bincount(x, weights, bins))


@pytest.mark.parametrize("dtype", REAL)
def test_rows_in_order(dtype):
    rows = sample((500, 3), dtype)
    places = np.empty(500, "int64")
    call("argsort_rows", [places], [rows])
    keys = rows.astype("float32") if dtype == "float16" else rows
    np.testing.assert_array_equal(places, np.lexsort(keys.T[::-1]))


# ----- what users call -----

#: NumPy orders rows of complex numbers by their bytes.
@pytest.mark.parametrize("dtype, axis", [(dtype, None) for dtype in DTYPES]
                         + [(dtype, axis) for dtype in REAL for axis in (0, 1)])
def test_unique(dtype, axis):
    values = sample((40, 3), dtype)
    values = np.nan_to_num(values) if axis is not None else values
    x = T.tensor(dtype, (None, None))
    got = ct.function([x], T.unique(x, True, True, True, axis=axis))(values)
    for a, b in zip(got, np.unique(values, True, True, True, axis=axis), strict=True):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(ct.function([x], T.unique(x, axis=axis))(values), got[0])


def test_the_class_unique_flattens_what_each_element_is():
    x = T.dmatrix()
    values = np.array([[1.0, 2.0], [2.0, 1.0]])
    got = ct.function([x], T.extra_ops.Unique(True, True, False)(x))(values)
    for a, b in zip(got, ([1, 2], [0, 1], [0, 1, 1, 0]), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_the_axis_may_be_a_variable(axis):
    x, a = T.dmatrix(), T.lscalar()
    values = np.random.default_rng(0).normal(size=(4, 5))
    got = ct.function([x, a], [T.sort(x, a), T.argsort(x, a)])(values, axis)
    np.testing.assert_array_equal(got[0], np.sort(values, axis))
    np.testing.assert_array_equal(got[1], np.argsort(values, axis))


def test_the_number_of_the_largest_may_be_a_variable():
    x, k = T.dvector(), T.lscalar()
    f = ct.function([x, k], T.topk(x, k))
    values = np.random.default_rng(0).normal(size=9)
    np.testing.assert_array_equal(f(values, 4), np.sort(values)[::-1][:4])
    np.testing.assert_array_equal(f(values, -4), np.sort(values)[:4][::-1])
    for wrong in (0, 10, -10):
        with pytest.raises(ValueError, match="kth"):
            f(values, wrong)


@pytest.mark.parametrize("make, error", [
    (lambda x: T.sort(x, 2), np.exceptions.AxisError),
    (lambda x: T.sort(x, kind="bubble"), ValueError),
    (lambda x: T.sort(x, order="name"), ValueError),
    (lambda x: T.sort(T.scalar()), np.exceptions.AxisError),
    (lambda x: T.topk(x, 0), ValueError),
    (lambda x: T.topk(x[:, :2], 3), ValueError),
    (lambda x: T.topk(T.zmatrix(), 1), TypeError),
    (lambda x: T.argtopk(x, 1, idx_dtype="float32"), TypeError),
    (lambda x: T.searchsorted(x, 1), ValueError),
    (lambda x: T.searchsorted(x[0], 1, side="middle"), ValueError),
    (lambda x: T.searchsorted(x[0], 1, sorter=x[1]), TypeError),
    (lambda x: T.bincount(x[0]), TypeError),
    (lambda x: T.bincount(T.lmatrix()), TypeError),
    (lambda x: T.diff(x, -1), ValueError),
    (lambda x: T.fill_diagonal(x[0], 1), TypeError),
    (lambda x: T.fill_diagonal(T.fmatrix(), T.dscalar()), TypeError),
    (lambda x: T.fill_diagonal_offset(x, 1, 0.5), TypeError),
    (lambda x: T.ravel_multi_index((x,), (3,)), TypeError),
    (lambda x: T.ravel_multi_index(([1], [2]), (3,)), ValueError),
    (lambda x: T.unravel_index([1], T.lvector()), ValueError),
    (lambda x: T.unravel_index([1], (3,), order="A"), ValueError),
    (lambda x: T.bartlett(2.5), TypeError),
])
def test_what_is_refused(make, error):
    with pytest.raises(error):
        make(T.tensor("float64", (4, 5)))


@pytest.mark.parametrize("make, values, error", [
    (lambda i: T.bincount(i), [1, -1], "negative"),
    (lambda i: T.bincount(i, weights=T.constant([1.0, 2.0, 3.0])), [1, 2], "weights"),
    (lambda i: T.ravel_multi_index((i, i), (3, 3)), [0, 3], "coordinates"),
    (lambda i: T.unravel_index(i, (3, 3)), [9], "out of bounds"),
    (lambda i: T.fill_diagonal(T.alloc(0.0, i[0], i[1], 2), 1), [2, 3], "fill_diagonal|size"),
])
def test_what_only_the_run_can_refuse(make, values, error):
    i = T.lvector("i")
    out = make(i)
    with pytest.raises(ValueError, match=error):
        ct.function([i], list(out) if isinstance(out, tuple) else out)(values)
