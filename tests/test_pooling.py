"""Pooling: kernels against plain loops and SciPy, at every size; threads, ties, NaN, errors."""
import numpy as np
import pooling_reference as reference
import pytest
import scipy.ndimage
from hypothesis import given, settings
from hypothesis import strategies as st

import cytensor as ct
import cytensor.tensor as T
from cytensor.cpu import _structured
from cytensor.cpu._structured import call
from cytensor.ops.pooling import max_pool_grad, sum_pool, windows_along
from cytensor.ops.sizes import STATIC
from cytensor.tensor.signal import downsample, pool as P

RNG = np.random.default_rng(0)
MODES = ("max", "sum", "average_inc_pad", "average_exc_pad")
DIVISORS = {"sum": 0, "average_exc_pad": 1, "average_inc_pad": 2}


@pytest.fixture(params=[1, 3])
def threads(request):
    """Run a test with one thread and with several."""
    _structured.set_threads(request.param)
    yield request.param
    _structured.set_threads(0)


def whole(shape, dtype="float64", seed=0, few=True):
    """Numbers that are whole, so that sums are exact; with `few`, many are equal."""
    high = 4 if few else 90
    low = 0 if np.dtype(dtype).kind == "u" else -high
    return np.random.default_rng(seed).integers(low, high, shape).astype(dtype)


def steps(f):
    return [step.label for segment in f.program.segments for step in segment.steps if step.label]


# ----- how many windows -----

@given(st.integers(0, 40), st.integers(1, 9), st.integers(1, 9), st.integers(0, 8), st.booleans())
def test_windows_are_counted(n, w, s, p, ignore_border):
    p = min(p, w - 1)
    assert windows_along(STATIC, n, w, s, p, ignore_border) \
        == reference.windows_along(n, w, s, p, ignore_border)


# ----- kernels -----

class Case:
    """One way to pool: `window` for the twins, `sizes` and `axes` for the kernels."""

    def __init__(self, lead, axes, ignore_border):
        self.window = {"ws": tuple(w for _, w, _, _ in axes),
                       "stride": tuple(s for _, _, s, _ in axes),
                       "pad": tuple(min(p, w - 1) for _, w, _, p in axes),
                       "ignore_border": ignore_border}
        self.shape = (*lead, *[n for n, *_ in axes])
        self.pooled = reference.windows_shape(self.shape, **self.window)
        self.axes = len(axes)
        self.sizes = [np.array(n) for name in ("ws", "stride", "pad") for n in self.window[name]]

    def __repr__(self):
        return f"{self.shape} {self.window}"

    def run(self, name, shape, arrays, *params):
        out = np.full(shape, 7, arrays[0].dtype)
        call(name, [out], [*arrays, *self.sizes], (self.axes, *params))
        return out


AXES = st.lists(st.tuples(st.integers(1, 12), st.integers(1, 5), st.integers(1, 4),
                          st.integers(0, 4)), min_size=1, max_size=3)
CASES = st.builds(Case, st.lists(st.integers(1, 4), max_size=2), AXES, st.booleans())
#: More than one tile, wide rows, small images, windows of the whole image.
LARGE = [Case((2, 3), [(70, 3, 1, 1), (90, 3, 2, 0)], True),
         Case((2,), [(9, 2, 2, 0), (3000, 3, 1, 1)], False),
         Case((), [(5000, 7, 3, 2)], True),
         Case((300,), [(4, 2, 2, 0), (4, 2, 2, 0)], True),
         Case((40,), [(7, 7, 7, 0), (7, 7, 7, 0)], True),
         Case((2,), [(130, 31, 1, 15), (120, 20, 3, 0)], True),
         Case((3,), [(20, 3, 2, 1), (22, 2, 1, 0), (24, 3, 2, 1)], True)]


def laid_out(x, order, turned):
    """A copy of `x` whose axes lie in memory in the given order, the turned ones backwards."""
    order = sorted(range(x.ndim), key=lambda axis: order[axis])
    view = np.ascontiguousarray(x.transpose(order)).transpose(np.argsort(order))
    turn = tuple([slice(None, None, -1 if axis in turned else 1) for axis in range(x.ndim)])
    return np.array(view[turn], order="K")[turn]


LAYOUTS = st.tuples(st.permutations(range(5)), st.sets(st.integers(0, 4)))


@settings(max_examples=150, deadline=None)
@given(CASES, LAYOUTS, st.sampled_from(["int8", "uint16", "int64", "float16", "float32",
                                        "float64"]))
def test_kernels_of_windows(case, layout, dtype):
    x = laid_out(whole(case.shape, dtype), *layout)
    np.testing.assert_array_equal(case.run("max_pool", case.pooled, [x]),
                                  reference.pool(x, "max", **case.window), strict=True)
    np.testing.assert_array_equal(case.run("sum_pool", case.pooled, [x], 0),
                                  reference.pool(x, "sum", **case.window), strict=True)
    g = laid_out(whole(case.pooled, dtype, 1), *layout)
    np.testing.assert_array_equal(
        case.run("sum_unpool", case.shape, [g], 0),
        reference.unpool(g, case.shape[-case.axes:], **case.window), strict=True)


@settings(max_examples=150, deadline=None)
@given(CASES, LAYOUTS, st.sampled_from(["float16", "float32", "float64"]))
def test_kernels_of_what_is_largest(case, layout, dtype):
    x, h = [laid_out(whole(case.shape, dtype, seed), *layout) for seed in (0, 1)]
    y = reference.pool(x, "max", **case.window)
    g = laid_out(whole(case.pooled, dtype, 2), *layout)
    np.testing.assert_array_equal(case.run("max_pool_grad", case.shape, [x, y, g]),
                                  reference.max_grad(x, y, g, **case.window), strict=True)
    np.testing.assert_array_equal(case.run("max_pool_gather", case.pooled, [y, x, h]),
                                  reference.max_gather(y, x, h, **case.window), strict=True)


@settings(max_examples=100, deadline=None)
@given(CASES, LAYOUTS, st.sampled_from(MODES[2:]), st.sampled_from(["float32", "float64"]))
def test_kernels_of_means(case, layout, mode, dtype):
    window = {**case.window, "ignore_border": True} if mode == "average_inc_pad" else case.window
    case.pooled = reference.windows_shape(case.shape, **window)
    x, g = [laid_out(whole(shape, dtype), *layout) for shape in (case.shape, case.pooled)]
    rtol = 1e-5 if dtype == "float32" else 1e-13
    np.testing.assert_allclose(case.run("sum_pool", case.pooled, [x], DIVISORS[mode]),
                               reference.pool(x, mode, **window), rtol=rtol, atol=1e-7)
    np.testing.assert_allclose(
        case.run("sum_unpool", case.shape, [g], DIVISORS[mode]),
        reference.unpool(g, case.shape[-case.axes:], mode, **window), rtol=rtol, atol=1e-5)


@pytest.mark.parametrize("order", [(0, 1, 2, 3, 4), (0, 4, 2, 3, 1), (4, 3, 2, 1, 0)],
                         ids=["rows", "channels last", "columns"])
@pytest.mark.parametrize("case", LARGE, ids=repr)
def test_kernels_of_many_tiles(threads, case, order):
    x, h = [laid_out(whole(case.shape, "float32", seed, few=False), order, ()) for seed in (0, 1)]
    y = reference.pool(x, "max", **case.window)
    g = laid_out(whole(case.pooled, "float32", 2), order, ())
    for name, shape, arrays, want in [
            ("max_pool", case.pooled, [x], y),
            ("max_pool_grad", case.shape, [x, y, g], reference.max_grad(x, y, g, **case.window)),
            ("max_pool_gather", case.pooled, [y, x, h],
             reference.max_gather(y, x, h, **case.window))]:
        np.testing.assert_array_equal(case.run(name, shape, arrays), want)
    np.testing.assert_array_equal(case.run("sum_pool", case.pooled, [x], 0),
                                  reference.pool(x, "sum", **case.window))
    np.testing.assert_array_equal(
        case.run("sum_unpool", case.shape, [g], 0),
        reference.unpool(g, case.shape[-case.axes:], **case.window))


def test_the_number_of_threads_changes_no_bit():
    x = T.ftensor4("x")
    outputs = []
    for mode in MODES:
        y = P.pool_2d(x, (3, 3), True, (1, 2), (1, 1), mode)
        outputs += [y, T.grad((y ** 3).sum(), x)]
    f = ct.function([x], outputs)
    images = RNG.standard_normal((4, 6, 50, 60)).astype("float32")
    results = []
    for threads in (1, 2, 3):
        _structured.set_threads(threads)
        results.append([out.tobytes() for out in f(images)])
    _structured.set_threads(0)
    assert results[0] == results[1] == results[2]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("columns", [8, 11, 16, 27, 3001])
def test_windows_of_two_by_two_are_the_same_wherever_items_lie(columns, dtype):
    x = RNG.standard_normal((2, 3, 7, columns)).astype(dtype)
    x[1, 2, 3, 5] = np.nan
    x[0, 1, :4, :4] = -0.0
    apart = np.repeat(x, 2, axis=3)[..., ::2]
    images = T.TensorType(dtype, (None,) * 4)()
    f = ct.function([images], [P.pool_2d(images, (2, 2), True, mode=mode)
                               for mode in ("max", "sum")])
    for mode, y, other in zip(("max", "sum"), f(x), f(apart)):
        assert y.tobytes() == other.tobytes()
        np.testing.assert_allclose(y, reference.pool(x, mode, ws=(2, 2)), rtol=1e-5,
                                   atol=1e-6)


# ----- SciPy -----

@pytest.mark.parametrize("size", [(3, 3), (5, 1), (2, 4), (7, 7)])
@pytest.mark.parametrize("step", [(1, 1), (2, 3)])
def test_filters_of_scipy(size, step):
    image = RNG.standard_normal((30, 41))
    x = T.matrix("x")
    largest = P.pool_2d(x, size, True, step)
    mean = P.pool_2d(x, size, True, step, mode="average_exc_pad")
    found = ct.function([x], [largest, mean])(image)
    inside = tuple([slice(w // 2, n - (w - 1) // 2, s)
                    for n, w, s in zip(image.shape, size, step)])
    np.testing.assert_array_equal(found[0], scipy.ndimage.maximum_filter(image, size)[inside])
    np.testing.assert_allclose(found[1], scipy.ndimage.uniform_filter(image, size)[inside])


@pytest.mark.parametrize("ws, stride", [((10**12, 2), (1, 1)), ((3, 10**9), (10**12, 10**9)),
                                        ((2, 2), (10**9, 1))])
@pytest.mark.parametrize("mode", MODES)
def test_windows_far_larger_than_images(ws, stride, mode):
    x, image = T.matrix("x"), whole((5, 6))
    y = P.pool_2d(x, ws, False, stride, mode=mode)
    found, slope = ct.function([x], [y, T.grad(y.sum(), x)])(image)
    window = {"ws": ws, "stride": stride, "ignore_border": False}
    np.testing.assert_allclose(found, reference.pool(image, mode, **window))
    ones = np.ones_like(found)
    np.testing.assert_allclose(slope, (
        reference.max_grad(image, found, ones, **window) if mode == "max"
        else reference.unpool(ones, image.shape, mode, **window)))


def test_filters_of_scipy_in_three_dimensions():
    image = RNG.standard_normal((9, 10, 11))
    x = T.tensor3("x")
    found = P.pool_3d(x, (3, 3, 3), True, (1, 1, 1), (1, 1, 1)).eval({x: image})
    np.testing.assert_array_equal(
        found, scipy.ndimage.maximum_filter(image, 3, mode="constant", cval=-np.inf))


# ----- what equals, what is no number, what is empty -----

def test_the_gradient_goes_to_all_that_equal_the_largest():
    x = T.matrix("x")
    y = P.pool_2d(x, (2, 2), True, (1, 1))
    image = np.array([[1., 1., 0.], [1., 1., 1.]])
    np.testing.assert_array_equal(T.grad(y.sum(), x).eval({x: image}), [[1, 2, 0], [1, 2, 1]])


def test_nan_is_the_largest():
    image = RNG.standard_normal((2, 9, 40)).astype("float32")
    image[0, 3, 17] = image[1, 8, 0] = np.nan
    x = T.ftensor3("x")
    y, g = ct.function([x], [P.pool_2d(x, (2, 2), True), T.grad(P.pool_2d(
        x, (2, 2), True).sum(), x)])(image)
    np.testing.assert_array_equal(y, reference.pool(image, "max", ws=(2, 2)))
    assert np.isnan(y).sum() == 1
    assert not np.isnan(g).any()


def test_infinities():
    image = np.array([[-np.inf, -np.inf, 3.], [-np.inf, -np.inf, np.inf]])
    x = T.matrix("x")
    y = P.pool_2d(x, (2, 2), True, (1, 1), (1, 1))
    found, slope = ct.function([x], [y, T.grad(y.sum(), x)])(image)
    np.testing.assert_array_equal(
        found, reference.pool(image, "max", ws=(2, 2), stride=(1, 1), pad=(1, 1)))
    np.testing.assert_array_equal(slope, reference.max_grad(
        image, found, np.ones_like(found), ws=(2, 2), stride=(1, 1), pad=(1, 1)))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("shape, wanted", [
    ((0, 3, 4, 4), (0, 3, 2, 2)), ((2, 3, 1, 4), (2, 3, 0, 2)), ((2, 3, 0, 4), (2, 3, 0, 2))])
def test_nothing_to_pool(mode, shape, wanted):
    x = T.tensor4("x")
    y = P.pool_2d(x, (2, 2), True, mode=mode)
    found, slope = ct.function([x], [y, T.grad(y.sum(), x)])(np.ones(shape))
    assert found.shape == wanted
    np.testing.assert_array_equal(slope, np.zeros(shape))


def test_a_border_of_nothing():
    """Sums take windows that lie beside the image altogether."""
    x, image = T.matrix("x"), whole((3, 4))
    y = P.pool_2d(x, (2, 2), True, (1, 2), (2, 3), "sum")
    found, slope = ct.function([x], [y, T.grad((y ** 2).sum(), x)])(image)
    window = {"ws": (2, 2), "stride": (1, 2), "pad": (2, 3)}
    np.testing.assert_array_equal(found, reference.pool(image, "sum", **window))
    np.testing.assert_array_equal(slope, reference.unpool(2 * found, image.shape, **window))


def test_rest_at_the_border_has_no_gradient():
    x = T.matrix("x")
    y = P.pool_2d(x, (2, 2), True, mode="sum")
    slope = T.grad(y.sum(), x).eval({x: np.ones((5, 7))})
    np.testing.assert_array_equal(slope, np.pad(np.ones((4, 6)), ((0, 1), (0, 1))))


# ----- sizes -----

@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("ignore_border", [True, False])
def test_sizes_that_the_run_knows(mode, ignore_border):
    x, ws, stride, pad = T.matrix("x"), T.ivector("ws"), T.lvector("stride"), T.bvector("pad")
    y = P.pool_2d(x, ws, ignore_border, stride, pad, mode)
    f = ct.function([x, ws, stride, pad], [y, T.grad((y ** 2).sum(), x)])
    image = whole((9, 11))
    for window in [((2, 3), (1, 2), (1, 0)), ((4, 2), (3, 3), (0, 1)), ((12, 1), (1, 1), (5, 0))]:
        names = dict(zip(("ws", "stride", "pad"), window), ignore_border=ignore_border)
        found, slope = f(image, *window)
        want = reference.pool(image, mode, **names)
        np.testing.assert_allclose(found, want)
        back = (reference.max_grad(image, want, 2 * want, **names) if mode == "max"
                else reference.unpool(2 * want, image.shape, mode, **names))
        np.testing.assert_allclose(slope, back, atol=1e-12)


def test_a_number_that_the_run_knows():
    x, n = T.matrix("x"), T.lscalar("n")
    f = ct.function([x, n], [P.pool_2d(x, (n, 2), True), P.pool_2d(x, n, True, stride=1)])
    found = f(whole((6, 8)), 3)
    np.testing.assert_array_equal(found[0], reference.pool(whole((6, 8)), "max", ws=(3, 2)))
    np.testing.assert_array_equal(
        found[1], reference.pool(whole((6, 8)), "max", ws=(3, 3), stride=(1, 1)))


def test_sizes_that_the_type_knows():
    x = T.TensorType("float32", (None, 3, 32, 33))("x")
    assert P.pool_2d(x, (3, 3), True, (2, 2), (1, 1)).type.shape == (None, 3, 16, 17)
    assert P.pool_2d(x, (2, 2), False).type.shape == (None, 3, 16, 17)
    assert P.pool_3d(x, (1, 2, 5), True).type.shape == (None, 3, 16, 6)


# ----- arguments -----

@pytest.mark.parametrize("params, error, message", [
    ({"ws": (2, 2, 2)}, ValueError, "ws has 2 numbers, not 3"),
    ({"ws": (2, 2), "stride": (1,)}, ValueError, "stride has 2 numbers, not 1"),
    ({"ws": (2.0, 2)}, TypeError, "ws: a size is an integer, not 2.0"),
    ({"ws": (0, 2)}, ValueError, "at least one item along each axis, not 0"),
    ({"ws": (2, 2), "stride": (2, 0)}, ValueError, "stride is at least 1, not 0"),
    ({"ws": (2, 2), "pad": (-1, 0)}, ValueError, "padding is not negative: -1"),
    ({"ws": (2, 2), "pad": (0, 2)}, ValueError, "smaller than the window: pad is 2, ws is 2"),
    ({"ws": (2, 2), "mode": "mean"}, ValueError, "mode is one of 'max', 'sum', .* not 'mean'"),
    ({}, ValueError, "ws, is missing"),
    ({"ws": (2, 2), "ds": (2, 2)}, ValueError, "ws and its old name ds are both given"),
    ({"ws": (2, 2), "pad": (1, 1), "padding": (1, 1)}, ValueError, "pad and its old name padding"),
])
def test_arguments_that_make_no_sense(params, error, message):
    with pytest.raises(error, match=message):
        P.pool_2d(T.tensor4("x"), ignore_border=True, **params)


def test_sizes_that_make_no_sense_in_the_run():
    x, ws = T.matrix("x"), T.lvector("ws")
    f = ct.function([x, ws], P.pool_2d(x, ws, True, pad=(1, 0)))
    with pytest.raises(ValueError, match="at least one item along each axis, not 0"):
        f(np.ones((3, 3)), [2, 0])
    with pytest.raises(ValueError, match="smaller than the window: pad is 1, ws is 1"):
        f(np.ones((3, 3)), [1, 2])
    with pytest.raises(IndexError):
        f(np.ones((3, 3)), [2])


def test_maxima_of_other_sizes_are_refused():
    x, y = T.matrices("x", "y")
    f = ct.function([x, y], max_pool_grad(x, y, y, 2, 2, 2, 2, 0, 0, ndim=2, ignore_border=True))
    with pytest.raises(ValueError, match="have sizes 3 and 4 on an axis"):
        f(np.ones((6, 6)), np.ones((4, 3)))


def test_complex_images_are_refused():
    with pytest.raises(TypeError, match="complex numbers have no order"):
        P.pool_2d(T.zmatrix("x"), (2, 2), True)
    with pytest.raises(TypeError, match="mean of windows is not defined for int32"):
        sum_pool(T.ivector("x"), 2, 2, 0, ndim=1, ignore_border=True, divisor="items")


def test_too_few_axes():
    with pytest.raises(NotImplementedError, match="pool_2d requires at least 2 axes, not 1"):
        P.pool_2d(T.vector("x"), (2, 2), True)


def test_old_names_and_defaults():
    x, image = T.matrix("x"), whole((5, 5))
    with pytest.warns(UserWarning, match="ignore_border=True or ignore_border=False"):
        y = P.pool_2d(x, (2, 2))
    np.testing.assert_array_equal(
        y.eval({x: image}), reference.pool(image, "max", ws=(2, 2), ignore_border=False))
    with pytest.warns(UserWarning, match="is now called") as caught:
        y = P.pool_2d(x, ds=(3, 3), st=(1, 2), padding=(1, 1), ignore_border=True)
    assert len(caught) == 3
    np.testing.assert_array_equal(y.eval({x: image}), reference.pool(
        image, "max", ws=(3, 3), stride=(1, 2), pad=(1, 1)))
    np.testing.assert_array_equal(
        downsample.max_pool_2d(x, (2, 2), st=(1, 1), padding=(1, 1), mode="sum").eval({x: image}),
        reference.pool(image, "sum", ws=(2, 2), stride=(1, 1), pad=(1, 1), ignore_border=False))


def test_a_border_with_padding():
    """As others do, but Theano: the last window begins in the image, or before it."""
    x, image = T.matrix("x"), whole((5, 6))
    y = P.pool_2d(x, (3, 3), False, (2, 3), (1, 1))
    np.testing.assert_array_equal(y.eval({x: image}), reference.pool(
        image, "max", ws=(3, 3), stride=(2, 3), pad=(1, 1), ignore_border=False))


# ----- what is compiled -----

def test_a_gradient_of_the_maximum_is_one_more_step():
    x = T.tensor4("x")
    y = P.pool_2d(x, (3, 3), True, (2, 2))
    assert steps(ct.function([x], T.grad(y.sum(), x))) == ["max_pool", "max_pool_grad"]
    assert steps(ct.function([x], [y, T.grad(y.sum(), x)])) == ["max_pool", "max_pool_grad"]


def test_channels_that_come_last_are_not_copied():
    x = T.tensor4("x")
    y = P.pool_2d(x.dimshuffle(0, 3, 1, 2), (3, 3), True, (2, 2)).dimshuffle(0, 2, 3, 1)
    assert steps(ct.function([x], T.grad(y.sum(), x)))[:2] == ["max_pool", "max_pool_grad"]


def test_a_gradient_of_a_mean_needs_no_image():
    x = T.tensor4("x")
    y = P.pool_2d(x, (3, 3), True, (2, 2), mode="average_inc_pad")
    assert steps(ct.function([x], T.grad(y.sum(), x))) == ["sum_unpool"]


# ----- Theano -----

def test_classes_of_theano(theano):
    from theano.tensor.signal import downsample as old, pool as new
    x = theano.tensor.tensor4("x")
    image = RNG.standard_normal((2, 3, 7, 8)).astype(theano.config.floatX)
    g = whole((2, 3, 3, 4), image.dtype, 1)
    window = {"ws": (2, 2), "ignore_border": True}
    y = new.Pool(ignore_border=True)(x, (2, 2))
    assert isinstance(y.owner.op, new.Pool)
    assert not isinstance(y.owner.op, new.MaxPoolGrad)
    want = reference.pool(image, "max", **window)
    run = [y, old.DownsampleFactorMax((2, 2), True)(x), new.MaxPoolGrad(True)(x, y, g, (2, 2)),
           new.AveragePoolGrad(True, "sum")(x, g, (2, 2)),
           new.DownsampleFactorMaxGradGrad(True)(x, y, x, (2, 2)),
           new.MaxPoolRop(True)(x, x, (2, 2))]
    found = theano.function([x], run)(image)
    for got, expected in zip(found, [want, want, reference.max_grad(image, want, g, **window),
                                     reference.unpool(g, (7, 8), **window), want, want]):
        np.testing.assert_allclose(got, expected)


def test_shapes_of_theano(theano):
    from theano.tensor.signal.pool import Pool
    assert Pool.out_shape((9, 8, 6), (2, 2)) == [9, 4, 3]
    assert Pool.out_shape((8, 7), (2, 2), True) == [4, 3]
    n = theano.tensor.lscalar("n")
    lead, rows, _ = Pool.out_shape((3, n, n), (3, 3), False, (2, 2))
    assert lead == 3
    assert theano.function([n], rows)(8) == len(reference.pool(np.ones((8, 8)), ws=(3, 3),
                                                               stride=(2, 2),
                                                               ignore_border=False))


def test_a_hessian_of_pooled_products(theano):
    x = theano.tensor.vector("x")
    z = theano.tensor.dot(x.dimshuffle(0, "x"), x.dimshuffle("x", 0))
    from theano.tensor.signal.pool import pool_2d
    cost = theano.tensor.exp(pool_2d(z, (2, 2), ignore_border=True).sum())
    hessian = theano.function([x], theano.tensor.hessian(cost, x))
    # the largest is x1 * x1, and exp(t * t) has the second derivative (2 + 4 t * t) exp(t * t)
    np.testing.assert_allclose(hessian([1, 2]), [[0, 0], [0, 18 * np.exp(4)]], rtol=1e-6)


# ----- regions -----

def test_regions_of_images_that_are_not_there():
    x, rois = T.tensor4("x"), T.matrix("rois")
    f = ct.function([x, rois], P.roi_pooling_2d(x, rois, 2, 2, 1.0))
    with pytest.raises(IndexError, match="index 2 is out of bounds for axis 0 with size 2"):
        f(np.ones((2, 1, 4, 4)), [[2, 0, 0, 1, 1]])


def test_regions_on_threads(threads):
    x = RNG.standard_normal((2, 20, 30, 40)).astype("float32")
    corners = RNG.integers(0, 60, (30, 4))
    rois = np.column_stack([RNG.integers(0, 2, 30), np.sort(corners[:, ::2], 1)[:, :1],
                            np.sort(corners[:, 1::2], 1)[:, :1], corners.max(1), corners.max(1)])
    found = P.roi_pooling_2d(T.constant(x), rois, 3, 5, 0.5).eval()
    np.testing.assert_array_equal(found, reference.roi_pooling(x, rois, 3, 5, 0.5))


@pytest.mark.parametrize("make, error, message", [
    (lambda: P.roi_pooling_2d(T.tensor3("x"), T.matrix("r"), 2, 2, 1), TypeError, "four axes"),
    (lambda: P.roi_pooling_2d(T.tensor4("x"), T.vector("r"), 2, 2, 1), TypeError,
     r"its shape is \(regions, 5\)"),
    (lambda: P.roi_pooling_2d(T.tensor4("x"), np.ones((2, 5)), 0, 2, 1), ValueError,
     "at least one part, not 0"),
    (lambda: P.spatial_pyramid_pooling_2d(T.tensor4("x"), 0), ValueError, "at least 1, not 0"),
    (lambda: P.spatial_pyramid_pooling_2d(T.tensor4("x"), 2, "sum"), ValueError, "mode is one of"),
    (lambda: P.global_pooling_2d(T.tensor4("x"), "min"), ValueError, "mode is one of"),
    (lambda: T.nnet.local_response_normalization(T.vector("x")), TypeError, "has the axes"),
    (lambda: T.nnet.local_response_normalization(T.matrix("x"), n=4), ValueError, "n is odd"),
])
def test_what_makes_no_sense(make, error, message):
    with pytest.raises(error, match=message):
        make()
