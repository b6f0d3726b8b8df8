"""Convolution beyond the table of ops: sweeps over what can be set, large and odd sizes, views,
threads, dtypes, sizes that the run knows, layouts, derivatives.
"""
import itertools

import conv_reference as twin
import numpy as np
import pytest
import scipy.signal
from conv_reference import setting
from hypothesis import given, settings
from hypothesis import strategies as st

import cytensor as ct
import cytensor.tensor as T
from cytensor._core import TensorType
from cytensor.cpu import _structured
from cytensor.ops.convolution import conv, conv_grad_filters, conv_grad_inputs
from cytensor.tensor import nnet

RNG = np.random.default_rng(0)
TOLERANCE = {"float16": 4e-3, "float32": 1e-5, "float64": 1e-12}
CONVOLUTIONS = {1: nnet.conv1d, 2: nnet.conv2d, 3: nnet.conv3d}


def normal(shape, dtype="float64"):
    return RNG.standard_normal(shape).astype(dtype)


def open_type(ndim, dtype="float64"):
    """A type that knows no size."""
    return TensorType(dtype, (None,) * ndim)


def assert_close(got, want, dtype="float64"):
    assert got.shape == want.shape
    scale = np.abs(want).max(initial=1)
    np.testing.assert_allclose(got, want, rtol=0, atol=TOLERANCE[dtype] * scale)


def all_three(ndim, dtype, params, image, window):
    """The three ops as one function of (x, w, y), without known sizes."""
    x, w, y = [open_type(ndim + 2, dtype)() for _ in range(3)]
    return ct.function([x, w, y], [
        conv(x, w, **params), conv_grad_inputs(y, w, *map(T.constant, image), **params),
        conv_grad_filters(x, y, *map(T.constant, window), **params)])


def check_all_three(x, w, params):
    """Compare the three ops with the twin."""
    dtype, image, window = x.dtype.name, x.shape[2:], w.shape[2:]
    wide = [a.astype("float64") for a in (x, w)]
    want = twin.conv(*wide, **params)
    y = normal(want.shape, dtype)
    results = all_three(len(image), dtype, params, image, window)(x, w, y)
    assert_close(results[0], want, dtype)
    assert_close(results[1], twin.conv_grad_inputs(
        y.astype("float64"), wide[1], *image, **params), dtype)
    assert_close(results[2], twin.conv_grad_filters(
        wide[0], y.astype("float64"), *window, **params), dtype)


# ----- values -----

BORDERS = {1: [0, 2, "half", "full", ((1, 4),)], 2: [0, (1, 2), "half", "full", ((0, 3), (2, 1))],
           3: [0, 1, "half", "full", ((0, 1), (2, 0), (1, 1))]}
SIZES = {1: ((19,), (4,)), 2: ((9, 8), (3, 2)), 3: ((5, 6, 4), (2, 1, 2))}
EVERY = [(ndim, setting(ndim, stride, dilation, border, groups, flip))
         for ndim in (1, 2, 3) for border in BORDERS[ndim]
         for stride, dilation, groups, flip in itertools.product(
             (1, 2), (1, 2), (1, 3), (True, False))]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("ndim", [1, 2, 3])
def test_every_setting(ndim, dtype):
    image, window = SIZES[ndim]
    for n, params in EVERY:
        if n == ndim:
            x = normal((2, 6, *image), dtype)
            check_all_three(x, normal((9, 6 // params["groups"], *window), dtype), params)


@pytest.mark.parametrize("mode, border", [("valid", 0), ("full", "full"), ("same", "half")])
@pytest.mark.parametrize("ndim", [1, 2, 3])
def test_scipy_agrees(mode, border, ndim):
    """Windows of odd sizes, for which SciPy's "same" is our "half"."""
    x, w = normal((1, 1, 9, 8, 7)[:ndim + 2]), normal((1, 1, 3, 5, 1)[:ndim + 2])
    for flip, function in ((True, scipy.signal.convolve), (False, scipy.signal.correlate)):
        out = CONVOLUTIONS[ndim](x, w, border_mode=border, filter_flip=flip).eval()
        assert_close(out[0, 0], function(x[0, 0], w[0, 0], mode))


@pytest.mark.parametrize("params", [
    setting(2), setting(2, 2, border="half"), setting(2, dilation=3, border=((4, 1), (0, 6))),
    setting(2, (3, 1), border="full", flip=False), setting(2, groups=4)])
@pytest.mark.parametrize("channels, filters, image, window", [
    (16, 32, (40, 37), (3, 3)), (4, 4, (64, 5), (7, 2)), (64, 16, (12, 130), (1, 1)),
    (8, 128, (9, 9), (5, 5))])
def test_sizes_beyond_a_tile(channels, filters, image, window, params):
    depth = channels // params["groups"]
    check_all_three(normal((3, channels, *image), "float32"),
                    normal((filters, depth, *window), "float32"), params)


@pytest.mark.parametrize("images, filters, params", [
    ((64, 20, 12, 12), (50, 20, 5, 5), setting(2)),
    ((33, 16, 14, 13), (24, 16, 3, 3), setting(2, border="half")),
    ((40, 32, 7, 7), (48, 32, 3, 3), setting(2, 2, flip=False)),
    ((20, 32, 9, 12), (32, 32, 3, 3), setting(2, border=((2, 0), (1, 3)), flip=False)),
    ((17, 6, 30), (7, 6, 9), setting(1, border="full")),
    ((18, 3, 5, 6, 4), (5, 3, 2, 3, 2), setting(3, 2, border=1)),
    ((3, 600, 5, 5), (9, 600, 3, 3), setting(2, border=1)),
    ((16, 3, 32, 32), (64, 3, 3, 3), setting(2)),
    ((12, 1, 28, 28), (20, 1, 5, 5), setting(2, border=(2, 1))),
    ((1, 3, 75, 81), (17, 3, 7, 7), setting(2, 2, flip=False)),
    ((2, 256, 6, 6), (256, 256, 3, 3), setting(2))])
@pytest.mark.parametrize("by_pixel", [False, True])
def test_many_images_or_channels(images, filters, params, by_pixel):
    """Vectors hold different images, where there are enough; see docs/decisions."""
    x = normal(images, "float32")
    if by_pixel:            # the channels of a pixel lie side by side
        x = np.moveaxis(np.ascontiguousarray(np.moveaxis(x, 1, -1)), -1, 1)
    check_all_three(x, normal(filters, "float32"), params)


SMALL = st.integers(1, 4)


@st.composite
def problems(draw):
    """Images, filters and parameters that fit; sizes, steps and borders are small."""
    ndim = draw(st.integers(1, 3))
    groups = draw(st.integers(1, 3))
    axes = [draw(st.tuples(st.integers(1, 6), SMALL, SMALL, st.integers(1, 3), st.integers(0, 3),
                           st.integers(0, 3))) for _ in range(ndim)]
    window = [k for _, k, *_ in axes]
    stride, dilation = [tuple([axis[i] for axis in axes]) for i in (2, 3)]
    border = draw(st.sampled_from(["half", "full", tuple([axis[4:] for axis in axes])]))
    spans = [(k - 1) * d + 1 for k, d in zip(window, dilation)]
    image = [n + span for (n, *_), span in zip(axes, spans)]        # so that a window fits
    depth, batch, filters = [draw(st.integers(0, 3)) for _ in range(3)]
    dtype = draw(st.sampled_from(["float32", "float64"]))
    params = {"stride": stride, "dilation": dilation, "border": border, "groups": groups,
              "flip": draw(st.booleans())}
    return (normal((batch, depth * groups, *image), dtype),
            normal((filters * groups, depth, *window), dtype), params)


@settings(max_examples=150, deadline=None)
@given(problems())
def test_shapes_at_random(problem):
    check_all_three(*problem)


@settings(max_examples=60, deadline=None)
@given(problems())
def test_by_fourier_transforms_it_is_the_same(problem):
    x, w, params = problem
    if 0 in (*x.shape, *w.shape):
        return
    out = CONVOLUTIONS[x.ndim - 2](
        x, w, None, None, params["border"], params["stride"], params["flip"], params["dilation"],
        params["groups"], algorithm="fft")
    assert_close(out.eval(), twin.conv(x.astype("float64"), w, **params).astype(x.dtype),
                 x.dtype.name)


# ----- how arrays lie, and who computes -----

@pytest.mark.parametrize("change, order", [
    (lambda x: x.transpose(0, 2, 3, 1), lambda x: x.dimshuffle(0, 3, 1, 2)),
    (lambda x: np.ascontiguousarray(x[:, :, ::-1]), lambda x: x[:, :, ::-1]),
    (lambda x: x.repeat(2, axis=3), lambda x: x[:, :, :, ::2]),
    (lambda x: np.concatenate([x, x], 1), lambda x: x[:, x.shape[1] // 2:]),
    (lambda x: x[:, :1], lambda x: T.addbroadcast(x, 1).repeat(4, axis=1)),
    (lambda x: x[..., :1], lambda x: T.broadcast_to(T.addbroadcast(x, 3), (*x.shape[:3], 5)))])
def test_views_in_the_graph(change, order):
    """Kernels read views where they lie, also those that repeat a column."""
    x, w = normal((3, 4, 8, 9), "float32"), normal((5, 4, 3, 2), "float32")
    xs, ws = T.ftensor4("x"), T.ftensor4("w")
    y = nnet.conv2d(order(xs), order(ws), border_mode=4)
    f = ct.function([xs, ws], [y, *T.grad((y ** 2).sum(), [xs, ws])])
    given = [np.ascontiguousarray(change(a)).astype("float32") for a in (x, w)]
    seen = [ct.function([xs], order(xs))(a) for a in given]
    params = setting(2, border=4)
    want = twin.conv(*seen, **params)
    got = f(*given)
    assert_close(got[0], want, "float32")
    slopes = (twin.conv_grad_inputs(2 * want, seen[1], *seen[0].shape[2:], **params),
              twin.conv_grad_filters(seen[0], 2 * want, *seen[1].shape[2:], **params))
    for found, slope, a in zip(got[1:], slopes, given):
        back = T.grad((order(xs) * slope).sum(), xs)
        assert_close(found, ct.function([xs], back, on_unused_input="ignore")(a), "float32")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape, filters, params", [
    ((7, 16, 30, 31), (24, 16, 3, 3), setting(2, border="half")),
    ((2, 3, 61, 50), (9, 3, 7, 5), setting(2, 2, 1, 3)),
    ((1, 64, 9, 9), (70, 64, 1, 1), setting(2)),
    ((40, 20, 12, 12), (25, 20, 5, 5), setting(2)),
    ((32, 16, 12, 12), (32, 16, 3, 3), setting(2, border="half")),
    ((5, 12, 20, 20), (12, 1, 3, 3), setting(2, groups=12, border=1)),
    ((16, 3, 32, 32), (64, 3, 3, 3), setting(2)),
    ((30, 1, 28, 28), (20, 1, 5, 5), setting(2)),
    ((2, 256, 6, 6), (256, 256, 3, 3), setting(2)),
    ((3, 4, 1000), (6, 4, 25), setting(1)),
    ((2, 4, 9, 10, 11), (8, 4, 3, 3, 3), setting(3, border="half"))])
def test_the_number_of_threads_changes_no_bit(shape, filters, params, dtype):
    x, w = normal(shape, dtype), normal(filters, dtype)
    y = normal(twin.conv(x, w, **params).shape, dtype)
    f = all_three(len(shape) - 2, dtype, params, shape[2:], filters[2:])
    before, results = _structured.get_threads(), []
    try:
        for n in (1, 2, 3):
            _structured.set_threads(n)
            results.append(f(x, w, y))
    finally:
        _structured.set_threads(before)
    for others in results[1:]:
        for a, b in zip(results[0], others):
            np.testing.assert_array_equal(a, b)


# ----- dtypes -----

@pytest.mark.parametrize("images, filters, result", [
    ("float16", "float16", "float16"), ("float16", "float32", "float32"),
    ("float32", "float64", "float64"), ("int8", "float32", "float32"),
    ("int64", "float32", "float64"), ("float64", "bool", "float64")])
def test_dtypes_promote(images, filters, result):
    x = RNG.integers(0, 2, (2, 3, 5, 5)).astype(images)
    w = RNG.integers(0, 2, (4, 3, 2, 2)).astype(filters)
    want = twin.conv(x.astype("float64"), w.astype("float64"), **setting(2))
    for shared in (False, True):
        out = nnet.conv2d(ct.shared(x) if shared else x, w)
        assert out.type.dtype == result
        np.testing.assert_array_equal(out.eval(), want.astype(result), strict=True)


def test_float16_is_summed_in_float32():
    x = np.full((1, 1, 70, 70), 1, "float16")
    out = nnet.conv2d(x, np.ones((1, 1, 64, 64), "float16"), algorithm="direct").eval()
    np.testing.assert_array_equal(out, np.full((1, 1, 7, 7), 4096, "float16"), strict=True)
    g = T.tensor4(dtype="float16")
    slope = T.grad(nnet.conv2d(x, g).sum(), g)
    assert slope.type.dtype == "float16"


# ----- sizes -----

def test_static_shapes_are_found():
    x, w = T.tensor4("x"), T.tensor4("w")
    y = nnet.conv2d(x, w, (8, 3, None, 20), (5, None, 3, 3), "half", (1, 2))
    assert y.type.shape == (8, 5, None, 10)
    given = nnet.conv2d(np.ones((2, 3, 9, 9)), np.ones((4, 3, 2, 2)))
    assert given.type.shape == (2, 4, 8, 8)


def test_one_function_serves_every_size():
    x, w = T.dtensor4("x"), T.dtensor4("w")
    y = nnet.conv2d(x, w, border_mode="half", subsample=2)
    f = ct.function([x, w], [y, y.shape, *T.grad((y ** 2).sum(), [x, w])])
    for image, window in (((1, 2, 5, 6), (3, 2, 1, 1)), ((4, 1, 9, 3), (2, 1, 3, 2)),
                          ((0, 2, 4, 4), (1, 2, 3, 3))):
        a, b = normal(image), normal(window)
        got, shape, to_x, to_w = f(a, b)
        params = setting(2, 2, border="half")
        want = twin.conv(a, b, **params)
        assert_close(got, want)
        assert tuple(shape) == want.shape
        assert_close(to_x, twin.conv_grad_inputs(2 * want, b, *image[2:], **params))
        assert_close(to_w, twin.conv_grad_filters(a, 2 * want, *window[2:], **params))


@pytest.mark.parametrize("algorithm", ["direct", "fft"])
def test_a_window_that_is_larger_than_the_image(algorithm):
    x, w = T.dtensor4("x"), T.dtensor4("w")
    f = ct.function([x, w], nnet.conv2d(x, w, algorithm=algorithm))
    full = ct.function([x, w], nnet.conv2d(x, w, border_mode="full", algorithm=algorithm))
    a, b = normal((1, 1, 3, 3)), normal((1, 1, 4, 2))
    with pytest.raises(ValueError):
        f(a, b)
    with pytest.raises(ValueError, match="window reaches over 4 pixels"):
        nnet.conv2d(a, b, algorithm=algorithm)
    assert_close(full(a, b)[0, 0], scipy.signal.convolve2d(a[0, 0], b[0, 0]))


@pytest.mark.parametrize("image, window", [((1, 1, 0, 4), (1, 1, 1, 1)),
                                           ((1, 1, 4, 4), (1, 1, 2, 0))])
def test_images_and_windows_of_nothing(image, window):
    f = ct.function([], nnet.conv2d(ct.shared(np.ones(image)), ct.shared(np.ones(window))))
    with pytest.raises(ValueError, match="window"):
        f()
    bordered = nnet.conv2d(np.ones((1, 1, 0, 4)), np.ones((1, 1, 2, 2)), border_mode=(1, 0))
    np.testing.assert_array_equal(bordered.eval(), np.zeros((1, 1, 1, 3)))


def test_sizes_that_the_run_finds_wrong():
    x, w = T.dtensor4("x"), T.dtensor4("w")
    f = ct.function([x, w], nnet.conv2d(x, w, (None, 2, 7, 7), (3, 2, 2, 2)))
    assert f(normal((5, 2, 7, 7)), normal((3, 2, 2, 2))).shape == (5, 3, 6, 6)
    with pytest.raises(ValueError, match="size 8 where 7 is wanted"):
        f(normal((5, 2, 7, 8)), normal((3, 2, 2, 2)))
    with pytest.raises(ValueError, match="size 4 where 3 is wanted"):
        f(normal((5, 2, 7, 7)), normal((4, 2, 2, 2)))
    g = ct.function([x, w], nnet.conv2d(x, w))
    with pytest.raises(ValueError, match="4 channels, and the filters expect 2"):
        g(normal((5, 4, 7, 7)), normal((3, 2, 2, 2)))


@pytest.mark.parametrize("border", ["valid", "half", "full", 2, (0, 1), ((1, 0), (2, 3))])
@pytest.mark.parametrize("step, dilation", [((1, 1), (1, 1)), ((2, 3), (1, 2)), ((1, 1), (2, 3))])
def test_shapes_as_arithmetic(border, step, dilation):
    image, filters = (4, 6, 13, 12), (8, 6, 3, 4)
    y = nnet.conv2d(T.zeros(image), T.zeros(filters), None, None, border, step, True, dilation)
    args = border, step, dilation
    assert nnet.get_conv_output_shape(image, filters, *args) == y.type.shape
    sizes = T.lscalars(4)
    found = nnet.get_conv_output_shape(tuple(sizes), filters, *args)
    f = ct.function(sizes, [T.as_tensor_variable(n) for n in found], on_unused_input="ignore")
    assert [int(n) for n in f(*image)] == list(y.type.shape)
    assert nnet.get_conv_output_shape((None,) * 4, filters, *args) == (None, 8, None, None)
    one = step == (1, 1)
    back = nnet.get_conv_gradinputs_shape(filters, y.type.shape, *args)
    assert back == (4, 6, *(image[2:] if one else (None, None)))
    window = filters[2:] if one and border != "half" else (None, None)
    back = nnet.get_conv_gradweights_shape(image, y.type.shape, *args)
    assert back == (8, 6, *window)
    assert nnet.check_conv_gradinputs_shape(image, filters, y.type.shape, *args)
    assert not nnet.check_conv_gradinputs_shape(image, filters, (4, 8, 99, 1), *args)
    assert not nnet.check_conv_gradinputs_shape(image, filters, (4, 8, 3), *args)


# ----- layouts -----

@pytest.mark.parametrize("layout", ["bc01", "b01c", "c01b", "01bc", "b10c"])
def test_layouts(layout):
    plain = normal((2, 6, 7, 8)), normal((4, 3, 2, 3))
    order = ["bc01".index(axis) for axis in layout]
    x, w = [a.transpose(order) for a in plain]
    kwargs = {"num_groups": 2, "subsample": (2, 1), "border_mode": (0, 1)}
    want = twin.conv(*plain, **setting(2, (2, 1), border=(0, 1), groups=2))
    y = nnet.conv2d(x, w, x.shape, w.shape, layout=layout, **kwargs)
    assert y.type.shape == y.eval().shape
    assert_close(y.eval(), want.transpose(order))
    g = y.eval()
    to_x = nnet.conv2d_grad_wrt_inputs(g, w, x.shape, w.shape, layout=layout, **kwargs)
    to_w = nnet.conv2d_grad_wrt_weights(x, g, w.shape, x.shape, layout=layout, **kwargs)
    params = setting(2, (2, 1), border=(0, 1), groups=2)
    assert_close(to_x.eval(), twin.conv_grad_inputs(
        want, plain[1], 7, 8, **params).transpose(order))
    assert_close(to_w.eval(), twin.conv_grad_filters(
        plain[0], want, 2, 3, **params).transpose(order))


# ----- derivatives -----

@pytest.mark.parametrize("kwargs", [
    {}, {"border_mode": "half", "subsample": 2}, {"filter_dilation": 2, "filter_flip": False},
    {"num_groups": 2, "border_mode": ((0, 2), (1, 0))}, {"algorithm": "fft"},
    {"unshared": True}])
def test_derivatives_of_second_order(kwargs):
    """The gradient of a gradient, of a function that is not linear in images or filters."""
    x, w = normal((2, 4, 5, 6)), normal((4, 4 // kwargs.get("num_groups", 1), 3, 2))
    if kwargs.get("unshared"):
        w = normal((4, 3, 5, 4, 3, 2))

    def slope(x, w):
        y = T.tanh(nnet.conv2d(x, w, **kwargs))
        grads = T.grad((y ** 2).sum(), [x, w])
        return (grads[0] ** 2).sum() + T.sin(grads[1]).sum()
    T.verify_grad(slope, [0.2 * x, 0.2 * w], abs_tol=1e-5, rel_tol=1e-5)


def test_forward_mode_and_products_with_the_hessian():
    x, w, dx = T.dtensor4("x"), T.dtensor4("w"), T.dtensor4("dx")
    y = nnet.conv2d(x, w, border_mode="half", subsample=(1, 2))
    moved = ct.function([w, x, dx], ct.Rop(y, x, dx), on_unused_input="ignore")
    a, b, da = normal((2, 3, 5, 5)), normal((4, 3, 3, 3)), normal((2, 3, 5, 5))
    params = setting(2, (1, 2), border="half")
    assert_close(moved(b, a, da), twin.conv(da, b, **params))
    curved, = T.hvp((y ** 2).sum(), [x], [dx])
    got = ct.function([x, w, dx], curved, on_unused_input="ignore")(a, b, da)
    want = twin.conv_grad_inputs(2 * twin.conv(da, b, **params), b, 5, 5, **params)
    assert_close(got, want)


def test_a_gradient_needs_nothing_of_the_result():
    """Convolution is linear: its gradient by images does not read them."""
    x, w = T.ftensor4("x"), T.ftensor4("w")
    f = ct.function([x, w], T.grad(nnet.conv2d(x, w).sum(), x))
    steps = ct.debugprint(f, file="str").partition("steps:")[2]
    assert "conv_grad_inputs(" in steps and "conv(" not in steps


def test_a_network_learns():
    """Convolution, activation and loss in one function with updates."""
    rng = np.random.default_rng(1)
    images = rng.standard_normal((32, 1, 8, 8)).astype("float32")
    goal = (images[:, 0, :4].mean((1, 2)) > images[:, 0, 4:].mean((1, 2))).astype("float32")
    first = ct.shared(rng.standard_normal((4, 1, 3, 3)).astype("float32") * 0.3)
    last = ct.shared(rng.standard_normal((4 * 36, 1)).astype("float32") * 0.1)
    x, y = T.ftensor4("x"), T.fvector("y")
    hidden = T.tanh(nnet.conv2d(x, first)).reshape((x.shape[0], -1))
    cost = T.nnet.sigmoid_binary_crossentropy(T.dot(hidden, last)[:, 0], y).mean()
    updates = [(p, p - 0.5 * g) for p, g in zip((first, last), T.grad(cost, [first, last]))]
    train = ct.function([x, y], cost, updates=updates)
    costs = [float(train(images, goal)) for _ in range(60)]
    assert costs[-1] < 0.2 * costs[0]
