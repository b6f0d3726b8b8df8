"""The functions that convolution comes in: by Fourier transforms, transposed, unshared, made of
others; and what they say of wrong arguments.
"""
import conv_reference as twin
import numpy as np
import pytest
import scipy.signal
from conv_reference import setting, unshared_conv

import cytensor as ct
import cytensor.tensor as T
from cytensor._core import TensorType, toposort
from cytensor.ops.conv_fft import fast_size, takes_fft
from cytensor.tensor import nnet
from cytensor.tensor.signal.conv import conv2d as plain_conv2d

RNG = np.random.default_rng(0)
CONVOLUTIONS = {1: nnet.conv1d, 2: nnet.conv2d, 3: nnet.conv3d}


def normal(shape):
    return RNG.standard_normal(shape)


def open_type(ndim):
    """A type that knows no size."""
    return TensorType("float64", (None,) * ndim)


def assert_close(got, want):
    np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-12, strict=True)


# ----- Fourier transforms -----

def op_names(y):
    return {node.name for node in toposort([y])}


def test_large_windows_are_computed_by_fourier_transforms():
    small, large = T.zeros((4, 3, 64, 64)), T.zeros((1, 3, 256, 256))
    assert "rfftn" not in op_names(nnet.conv2d(small, T.zeros((8, 3, 5, 5))))
    y = nnet.conv2d(large, T.zeros((3, 3, 63, 63)))
    assert "conv" not in op_names(y)
    assert "rfftn" in ct.debugprint(y, file="str")
    assert "rfftn" not in op_names(nnet.conv2d(large, T.zeros((3, 3, 63, 63)), algorithm="direct"))
    assert "rfftn" in op_names(nnet.conv2d(small, T.zeros((8, 3, 5, 5)), algorithm="fft"))
    assert "rfftn" not in op_names(nnet.conv2d(T.tensor4(), T.tensor4()))


@pytest.mark.parametrize("setting, found", [("fft", True), ("direct", False)])
def test_the_setting_decides(setting, found):
    before = ct.config.conv
    try:
        ct.config.conv = setting
        x, w = T.tensor4(), T.tensor4()
        assert ("rfftn" in op_names(nnet.conv2d(x, w))) is found
        assert "rfftn" not in op_names(nnet.conv2d(x, w, algorithm="direct"))
    finally:
        ct.config.conv = before
    with pytest.raises(ValueError, match=r"config\.conv is one of"):
        ct.config.conv = "fast"


def test_an_estimate_needs_no_window_that_fits():
    large = TensorType("float32", (1, 1, 4, 4))()
    params = setting(2)
    assert not takes_fft("conv2d", "auto", large, TensorType("float32", (1, 1, 9, 9))(), params)


def test_sizes_of_transforms():
    for n in range(1, 200):
        m = fast_size(n)
        assert m >= n
        for factor in (2, 3, 5):
            while m % factor == 0:
                m //= factor
        assert m == 1
    assert [fast_size(n) for n in (1, 7, 11, 97, 1000)] == [1, 8, 12, 100, 1000]


# ----- transposed -----

@pytest.mark.parametrize("kwargs", [
    {}, {"border_mode": "half"}, {"border_mode": ((0, 1), (1, 0)), "filter_dilation": 2},
    {"filter_flip": False, "num_groups": 2}, {"unshared": True}])
@pytest.mark.parametrize("step", [1, (2, 3)])
def test_transposed_convolution(kwargs, step):
    """By default the result is the smallest image of which ``conv2d`` makes such an input."""
    groups = kwargs.get("num_groups", 1)
    y, w = normal((2, 4, 5, 6)), normal((4, 3, 3, 2))
    if kwargs.get("unshared"):
        w = normal((4, 5, 6, 3, 3, 2))
    x = nnet.conv2d_transpose(y, w, input_dilation=step, **kwargs)
    shape = x.type.shape
    assert shape[:2] == (2, 3 * groups)
    for larger in (0, max(np.ravel(step)) - 1):
        image = T.zeros((*shape[:2], shape[2], shape[3] + larger))
        assert nnet.conv2d(image, w, subsample=step, **kwargs).type.shape == y.shape
    # <conv(x), y> = <x, transposed(y)>
    z = normal(shape)
    forward = nnet.conv2d(z, w, subsample=step, **kwargs).eval()
    np.testing.assert_allclose((forward * y).sum(), (z * x.eval()).sum())


def test_transposed_convolution_of_sizes_that_the_run_knows():
    y, w, n = T.dtensor4("y"), T.dtensor4("w"), T.lscalar("n")
    f = ct.function([y, w], nnet.conv2d_transpose(y, w, input_dilation=(2, 2)))
    g = ct.function([y, w, n], nnet.conv2d_transpose(y, w, (None, None, n, n + 1), None, "valid",
                                                     (2, 2)))
    a, b = normal((2, 3, 4, 4)), normal((3, 5, 3, 3))
    want = twin.conv_grad_inputs(a, b, 9, 9, **setting(2, 2))
    assert_close(f(a, b), want)
    assert_close(g(a, b, 9)[..., :9], want)
    with pytest.raises(ValueError, match="result has size 4 on spatial axis 0"):
        g(a, b, 11)
    line = nnet.conv1d_transpose(a[:, :, 0], b[:, :, 0], border_mode=1)
    assert_close(line.eval(), twin.conv_grad_inputs(
        a[:, :, 0], b[:, :, 0], 4, **setting(1, border=1)))
    volume = nnet.conv3d_transpose(normal((1, 3, 2, 2, 2)), normal((3, 2, 2, 2, 2)))
    assert volume.type.shape == volume.eval().shape == (1, 2, 3, 3, 3)


# ----- unshared -----

@pytest.mark.parametrize("ndim", [1, 2, 3])
def test_unshared_gradients_are_transposes(ndim):
    image = (2, 4, 5, 4, 3)[:ndim + 2]
    window = (2, 2, 2)[:ndim]
    params = setting(ndim, (2, 1, 1)[:ndim], border=1, groups=2)
    places = twin.Taps(image[2:], window, **params).result
    x, w = normal(image), normal((6, *places, 2, *window))
    kwargs = {"border_mode": 1, "subsample": params["stride"], "num_groups": 2, "unshared": True}
    want = unshared_conv(x, w, params)
    y = normal(want.shape)
    total = (want * y).sum()
    to_x = getattr(nnet, f"conv{ndim}d_grad_wrt_inputs")(y, w, image, w.shape, **kwargs).eval()
    to_w = getattr(nnet, f"conv{ndim}d_grad_wrt_weights")(x, y, w.shape, image, **kwargs).eval()
    np.testing.assert_allclose([(to_x * x).sum(), (to_w * w).sum()], total)
    xs, ws = open_type(ndim + 2)(), open_type(2 * ndim + 2)()
    out = CONVOLUTIONS[ndim](xs, ws, **kwargs)
    f = ct.function([xs, ws], [out, *T.grad((out * y).sum(), [xs, ws])])
    for got, expected in zip(f(x, w), (want, to_x, to_w)):
        assert_close(got, expected)


def test_unshared_filters_have_one_set_a_place():
    x, w = T.dtensor4("x"), open_type(6)("w")
    f = ct.function([x, w], nnet.conv2d(x, w, unshared=True))
    assert f(normal((1, 2, 4, 4)), normal((3, 3, 3, 2, 2, 2))).shape == (1, 3, 3, 3)
    with pytest.raises(ValueError, match="size 2 where 3 is wanted"):
        f(normal((1, 2, 4, 4)), normal((3, 2, 3, 2, 2, 2)))
    with pytest.raises(ValueError, match="the filters: axis 1 has size 2, not 3"):
        nnet.conv2d(normal((1, 2, 4, 4)), normal((3, 2, 3, 2, 2, 2)), unshared=True)
    with pytest.raises(ValueError, match="window reaches over 5 pixels"):
        nnet.conv2d(normal((1, 2, 4, 4)), normal((3, 1, 1, 2, 5, 5)), unshared=True)


# ----- those that are made of others -----

def test_a_causal_convolution_sees_the_past_alone():
    x, w = normal((2, 3, 12)), normal((4, 3, 3))
    y = nnet.causal_conv1d(x, w, filter_dilation=2).eval()
    later = x.copy()
    later[:, :, 7:] = 99
    assert_close(nnet.causal_conv1d(later, w, filter_dilation=2).eval()[:, :, :7], y[:, :, :7])
    assert y.shape == (2, 4, 12)
    assert nnet.causal_conv1d(x, w, subsample=3).type.shape == (2, 4, 4)
    with pytest.raises(ValueError, match="how many taps"):
        nnet.causal_conv1d(T.dtensor3(), T.dtensor3())


def test_separable_convolution_in_three_dimensions():
    x, each, mix = normal((1, 2, 4, 4, 3)), normal((4, 1, 2, 2, 2)), normal((3, 4, 1, 1, 1))
    want = twin.conv(twin.conv(x, each, **setting(3, groups=2)), mix, **setting(3))
    assert_close(nnet.separable_conv3d(x, each, mix, 2).eval(), want)


@pytest.mark.parametrize("images, filters, result", [
    ((7, 6), (2, 3), (6, 4)), ((4, 7, 6), (2, 3), (4, 6, 4)), ((7, 6), (5, 2, 3), (5, 6, 4)),
    ((4, 7, 6), (5, 2, 3), (4, 5, 6, 4))])
def test_plain_images(images, filters, result):
    x, w = normal(images), normal(filters)
    out = plain_conv2d(x, w, images, filters)
    assert out.type.shape == result
    for place in np.ndindex(*result[:-2]):
        one = [a[i] if a.ndim == 3 else a for a, i in
               zip((x, w), (place[0] if place else 0, place[-1] if place else 0))]
        assert_close(out.eval()[place], scipy.signal.convolve2d(*one, "valid"))
    with pytest.raises(ValueError, match="one image or a stack of them"):
        plain_conv2d(T.dtensor4(), w)


@pytest.mark.parametrize("ratio", [1, 2, 3, 5])
def test_upsampling_is_a_transposed_convolution(ratio):
    """With the triangle of weights, where pixels beyond the edge are equal to those on it."""
    x = normal((2, 3, 4, 5))
    edged = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)), "edge").reshape(6, 1, 6, 7)
    kernel = nnet.bilinear_kernel_2D(ratio).eval()[None, None]
    cut = 2 * ratio - (ratio - 1) // 2 - 1
    want = twin.conv_grad_inputs(edged, kernel, 4 * ratio, 5 * ratio,
                                 **setting(2, ratio, border=cut))
    n = T.lscalar("n")
    for out in (nnet.bilinear_upsampling(x, ratio).eval(),
                ct.function([n], nnet.bilinear_upsampling(x, n))(ratio)):
        assert_close(out, want.reshape(2, 3, 4 * ratio, 5 * ratio))
    weights = nnet.bilinear_kernel_1D(ratio, normalize=False).eval()
    assert weights.tolist() == [*range(1, ratio + 1), *range(ratio - 1, 0, -1)]


# ----- errors -----

IMAGES, FILTERS = np.ones((2, 3, 7, 8)), np.ones((4, 3, 3, 2))
WRONG = [
    (TypeError, "filters has 4 axes .filters, channels, rows, columns., not 3",
     lambda: nnet.conv2d(IMAGES, T.dtensor3())),
    (TypeError, "input has 3 axes .batch, channels, length., not 4",
     lambda: nnet.conv1d(IMAGES, T.dtensor3())),
    (TypeError, "6 axes .filters, rows of the result, columns of the result, channels",
     lambda: nnet.conv2d(IMAGES, FILTERS, unshared=True)),
    (TypeError, "input has 4 axes .channels, rows, columns, batch., not 5",
     lambda: nnet.conv2d(T.dtensor5(), FILTERS, layout="c01b")),
    (TypeError, "floats are convolved, and input is int64, filters is int64; cast",
     lambda: nnet.conv2d(IMAGES.astype(int), FILTERS.astype(int))),
    (TypeError, "filters is complex128", lambda: nnet.conv2d(IMAGES, FILTERS * 1j)),
    (TypeError, "subsample is a whole number, not 1.5",
     lambda: nnet.conv2d(IMAGES, FILTERS, subsample=(1, 1.5))),
    (ValueError, "subsample has 2 elements",
     lambda: nnet.conv2d(IMAGES, FILTERS, subsample=(1, 1, 1))),
    (ValueError, "filter_dilation is at least 1, not 0",
     lambda: nnet.conv2d(IMAGES, FILTERS, filter_dilation=(0, 1))),
    (ValueError, "num_groups is at least 1", lambda: nnet.conv2d(IMAGES, FILTERS, num_groups=0)),
    (ValueError, "num_channels is at least 1",
     lambda: nnet.separable_conv2d(IMAGES, FILTERS, FILTERS, 0)),
    *[(ValueError, "border_mode is 'valid', 'half', 'full', a number",
       lambda mode=mode: nnet.conv2d(IMAGES, FILTERS, border_mode=mode))
      for mode in ("same", -1, (1, 2, 3), (1, -1), ((1, 2, 3), 0), (1.5, 1), None)],
    (ValueError, "input has size 8 on axis 3, and input_shape says 9",
     lambda: nnet.conv2d(IMAGES, FILTERS, (2, 3, 7, 9))),
    (ValueError, "filters has size 4 on axis 0, and filter_shape says 5",
     lambda: nnet.conv2d(IMAGES, FILTERS, None, (5, 3, 3, 2))),
    (ValueError, "input_shape is a tuple of 4 sizes",
     lambda: nnet.conv2d(IMAGES, FILTERS, (2, 3, 7))),
    (ValueError, r"filter_shape\[2\] is a constant int or None",
     lambda: nnet.conv2d(IMAGES, FILTERS, None, (None, None, T.lscalar(), 3))),
    (ValueError, "images have 3 channels, and the filters expect 2",
     lambda: nnet.conv2d(IMAGES, FILTERS[:, :2])),
    (ValueError, "4 filters do not make 3 equal groups",
     lambda: nnet.conv2d(IMAGES, FILTERS[:, :1], num_groups=3)),
    (ValueError, "window reaches over 9 pixels, and the image with its border has 7",
     lambda: nnet.conv2d(IMAGES, FILTERS, filter_dilation=4)),
    (ValueError, "layout is 'bc01' in any order", lambda: nnet.conv2d(
        IMAGES, FILTERS, layout="NHWC")),
    (ValueError, "unshared filters is 'bc01'", lambda: nnet.conv2d(
        IMAGES, np.ones((4, 5, 7, 3, 3, 2)), layout="c01b", unshared=True)),
    (ValueError, "algorithm is one of 'auto', 'direct', 'fft', not 'winograd'",
     lambda: nnet.conv2d(IMAGES, FILTERS, algorithm="winograd")),
    (ValueError, r"input_shape\[2\] is an int or a 0-d integer variable, not None",
     lambda: nnet.conv2d_grad_wrt_inputs(IMAGES, FILTERS, (2, 3, None, 9))),
    (ValueError, r"filter_shape\[3\] is an int or a 0-d integer variable, not None",
     lambda: nnet.conv2d_grad_wrt_weights(IMAGES, IMAGES, (2, 3, 4, None))),
    (ValueError, r"output_shape\[3\] is an int or a 0-d integer variable, not 1.5",
     lambda: nnet.conv2d_transpose(IMAGES, FILTERS, (2, 3, 4, 1.5))),
    (ValueError, "input_dilation is at least 1",
     lambda: nnet.conv2d_transpose(IMAGES, FILTERS, input_dilation=0)),
    (ValueError, "result has size 7 on spatial axis 0, and images and filters of these sizes",
     lambda: nnet.conv2d_transpose(IMAGES[:, :2].repeat(2, 1), FILTERS, (2, 3, 8, 9))),
    (ValueError, "the result has 3 channels, and there are 4 filters",
     lambda: nnet.conv2d_transpose(IMAGES, FILTERS)),
    (ValueError, "one of ratio and frac_ratio", lambda: nnet.bilinear_upsampling(IMAGES)),
    (ValueError, "one of ratio and frac_ratio",
     lambda: nnet.bilinear_upsampling(IMAGES, 2, (3, 2))),
    (ValueError, "ratio is at least 1, not 0", lambda: nnet.bilinear_upsampling(IMAGES, 0)),
    (TypeError, "bilinear_upsampling", lambda: nnet.bilinear_upsampling(IMAGES, 1.5)),
    (ValueError, "frac_ratio is a tuple", lambda: nnet.frac_bilinear_upsampling(IMAGES, 1.5)),
    (ValueError, "border_mode is not negative",
     lambda: nnet.get_conv_shape_1axis(5, 3, -1, 1)),
]


@pytest.mark.parametrize("error, text, make", WRONG, ids=[text for _, text, _ in WRONG])
def test_errors_say_what_is_wrong(error, text, make):
    with pytest.raises(error, match=text):
        make()
