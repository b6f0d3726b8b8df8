"""Layers of convolutions and pooling against sums over windows in NumPy."""
import itertools

import numpy as np
import pytest

import cytensor as ct
import cytensor.tensor as T
from cytensor import nn

SIDE = 7


def some(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def images(channels, axes):
    return some(2, channels, *range(SIDE, SIDE - axes, -1))


def applied(layer, x):
    """What a layer makes of an array."""
    v = T.TensorType("float64", (None,) * x.ndim)()
    return ct.function([v], layer(v))(x)


def each(value, axes):
    return (value,) * axes if np.ndim(value) == 0 else value


# ----- in NumPy -----

def windows(x, window, stride, dilation=1):
    """Yield the place of each window in the result, and the slices of x that it covers."""
    counts = [(n - (w - 1) * d - 1) // s + 1
              for n, w, s, d in zip(x.shape[2:], window, stride, dilation)]
    for place in itertools.product(*map(range, counts)):
        yield place, tuple(slice(i * s, i * s + (w - 1) * d + 1, d)
                           for i, w, s, d in zip(place, window, stride, dilation))


def result_shape(x, window, stride, dilation):
    return tuple(np.max([place for place, _ in windows(x, window, stride, dilation)], axis=0) + 1)


def convolved(x, W, b, stride, pad, dilation, groups):
    """Sums of windows times filters."""
    axes = W.ndim - 2
    stride, dilation = each(stride, axes), each(dilation, axes)
    x = np.pad(x, [(0, 0), (0, 0), *[(p, p) for p in each(pad, axes)]])
    y = np.zeros((len(x), len(W), *result_shape(x, W.shape[2:], stride, dilation)))
    for place, part in windows(x, W.shape[2:], stride, dilation):
        seen = x[(slice(None), slice(None), *part)]
        for group in range(groups):
            c, k = W.shape[1], len(W) // groups
            y[(slice(None), slice(group * k, group * k + k), *place)] = np.tensordot(
                seen[:, group * c:group * c + c], W[group * k:group * k + k],
                (range(1, axes + 2), range(1, axes + 2)))
    return y + b.reshape(-1, *[1] * axes)


def pooled(x, reduce, window, stride, pad, filler):
    axes = x.ndim - 2
    x = np.pad(x, [(0, 0), (0, 0), *[(p, p) for p in each(pad, axes)]], constant_values=filler)
    y = np.zeros((*x.shape[:2], *result_shape(x, window, stride, each(1, axes))))
    for place, part in windows(x, window, stride, each(1, axes)):
        seen = x[(slice(None), slice(None), *part)]
        y[(slice(None), slice(None), *place)] = reduce(seen, axis=tuple(range(2, 2 + axes)))
    return y


# ----- convolution -----

CONVOLUTIONS = {1: nn.Conv1D, 2: nn.Conv2D, 3: nn.Conv3D}
TRANSPOSED = {1: nn.ConvTranspose1D, 2: nn.ConvTranspose2D, 3: nn.ConvTranspose3D}
OPTIONS = [
    {},
    {"stride": 2, "pad": 1},
    {"dilation": 2, "groups": 2},
    {"stride": 3, "groups": 4},
]


@pytest.mark.parametrize("axes", [1, 2, 3])
@pytest.mark.parametrize("options", OPTIONS)
def test_convolution(axes, options):
    options = {"stride": 1, "pad": 0, "dilation": 1, "groups": 1} | options
    given = {"border" if name == "pad" else name: value for name, value in options.items()}
    layer = CONVOLUTIONS[axes](4, 8, 3, bias=some(8), rng=0, **given)
    x = images(4, axes)
    W, b = layer.state().values()
    assert W.shape == (8, 4 // options["groups"], *[3] * axes)
    np.testing.assert_allclose(applied(layer, x), convolved(x, W, b, **options), atol=1e-12)


def test_sizes_for_each_axis():
    layer = nn.Conv2D(2, 3, (1, 3), stride=(2, 1), border=(0, 1), rng=0)
    x = images(2, 2)
    wanted = convolved(x, *layer.state().values(), (2, 1), (0, 1), 1, 1)
    np.testing.assert_allclose(applied(layer, x), wanted, atol=1e-12)
    with pytest.raises(ValueError, match="Conv2D: one size, or one for each of 2 axes"):
        nn.Conv2D(2, 3, (1, 3, 3))


@pytest.mark.parametrize("border, size", [("valid", SIDE - 2), ("half", SIDE), ("full", SIDE + 2)])
def test_borders(border, size):
    layer = nn.Conv1D(1, 1, 3, border=border)
    assert applied(layer, images(1, 1)).shape == (2, 1, size)


def test_flipped_filters():
    layer, flipped = nn.Conv2D(2, 3, 3, rng=0), nn.Conv2D(2, 3, 3, flip=True)
    flipped.W.set_value(layer.W.get_value()[:, :, ::-1, ::-1])
    x = images(2, 2)
    np.testing.assert_allclose(applied(flipped, x), applied(layer, x))


def test_no_bias_and_an_activation():
    layer = nn.Conv1D(2, 3, 3, activation=T.nnet.relu, bias=None, rng=0)
    x = images(2, 1)
    wanted = convolved(x, layer.W.get_value(), np.zeros(3), 1, 0, 1, 1)
    assert list(layer.state()) == ["W"]
    np.testing.assert_allclose(applied(layer, x), np.maximum(wanted, 0), atol=1e-12)


def test_unequal_groups():
    with pytest.raises(ValueError, match="3 and 4 channels do not make 2 equal groups"):
        nn.Conv2D(3, 4, 3, groups=2)


@pytest.mark.parametrize("axes", [1, 2, 3])
@pytest.mark.parametrize("options", OPTIONS)
def test_transposed_convolution_is_the_transpose(axes, options):
    """<conv(x), y> and <x, transposed(y)> are the same number, for all x and y."""
    given = {"border" if name == "pad" else name: value for name, value in options.items()}
    there = CONVOLUTIONS[axes](4, 8, 3, bias=None, rng=0, **given)
    back = TRANSPOSED[axes](8, 4, 3, bias=None, weights=there.W.get_value(), **given)
    y = some(*applied(there, images(4, axes)).shape)
    x = applied(back, y)
    np.testing.assert_allclose((applied(there, x) * y).sum(), (x * x).sum())


def test_start_of_transposed_filters():
    """A start sees the channels that come in and go out at their places."""
    def start(shape, dtype, rng):
        assert shape == (5, 4, 2, 3)
        return np.arange(120.0).reshape(shape)
    W = nn.ConvTranspose2D(4, 5, (2, 3), weights=start).W.get_value()
    np.testing.assert_array_equal(W, np.arange(120.0).reshape(5, 4, 2, 3).swapaxes(0, 1))


@pytest.mark.parametrize("kind", [nn.Conv2D, nn.ConvTranspose2D])
def test_gradients_of_convolutions(kind):
    layer = kind(2, 4, 3, stride=2, groups=2, activation=T.tanh, rng=0)

    def apply(x, W, b):
        layer.W, layer.b = W, b
        return layer(x)
    T.verify_grad(apply, [images(2, 2), *layer.state().values()], n_tests=1)


# ----- pooling -----

MAXIMA = {1: nn.MaxPool1D, 2: nn.MaxPool2D, 3: nn.MaxPool3D}
MEANS = {1: nn.AveragePool1D, 2: nn.AveragePool2D, 3: nn.AveragePool3D}


@pytest.mark.parametrize("axes", [1, 2, 3])
@pytest.mark.parametrize("window, stride, pad", [(2, None, 0), (3, 2, 0), (3, 1, 1)])
def test_pooling(axes, window, stride, pad):
    x = images(3, axes)
    sizes = each(window, axes), each(stride or window, axes), pad
    np.testing.assert_allclose(applied(MAXIMA[axes](window, stride, pad), x),
                               pooled(x, np.max, *sizes, -np.inf))
    np.testing.assert_allclose(applied(MEANS[axes](window, stride, pad), x),
                               pooled(x, np.mean, *sizes, 0))
    np.testing.assert_allclose(applied(MEANS[axes](window, stride, pad, count_padding=False), x),
                               pooled(x, np.nanmean, *sizes, np.nan))


def test_windows_that_lie_in_the_image_in_part():
    x = some(1, 1, 5)
    first, second, third = x.ravel()[:4:2], x.ravel()[1:4:2], x.ravel()[4]
    got = applied(nn.MaxPool1D(2, partial=True), x)
    np.testing.assert_array_equal(got.ravel(), [*np.maximum(first, second), third])
    assert applied(nn.MaxPool1D(2), x).shape == (1, 1, 2)


def test_pooling_of_unequal_windows():
    x = images(2, 2)
    np.testing.assert_allclose(applied(nn.MaxPool2D((1, 3), (2, 1)), x),
                               pooled(x, np.max, (1, 3), (2, 1), 0, 0))
    with pytest.raises(ValueError, match="MaxPool2D: one size"):
        nn.MaxPool2D((1, 2, 3))


@pytest.mark.parametrize("axes", [1, 2, 3])
@pytest.mark.parametrize("reduce, wanted", [(T.mean, np.mean), (T.max, np.max)])
def test_pooling_of_all_there_is(axes, reduce, wanted):
    x = images(3, axes)
    np.testing.assert_allclose(applied(nn.GlobalPool(reduce), x),
                               wanted(x, axis=tuple(range(2, 2 + axes))))


# ----- a network -----

def test_a_network_of_images_learns():
    """Which way does a bar lie, wherever it is?"""
    from cytensor import optim
    rng = np.random.default_rng(0)
    x, y = 0.3 * rng.normal(size=(200, 1, 8, 8)), rng.integers(0, 2, 200)
    for image, label in zip(x[:, 0], y):
        (image if label else image.T)[rng.integers(8)] += 1
    model = nn.Sequential(nn.Conv2D(1, 8, 3, activation=T.nnet.relu, rng=rng), nn.MaxPool2D(2),
                          nn.Conv2D(8, 8, 2, activation=T.nnet.relu, rng=rng), nn.GlobalPool(T.max),
                          nn.Dense(8, 2, rng=rng))
    images, labels = T.tensor4("images"), T.lvector("labels")
    loss = -T.nnet.log_softmax(model(images))[T.arange(labels.size), labels].mean()
    step = ct.function([images, labels], loss, updates=optim.adam(loss, model.params(), 0.02))
    losses = [float(step(x, y)) for _ in range(40)]
    assert losses[-1] < 0.3 < losses[0]
