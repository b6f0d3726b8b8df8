"""Layers of normalisation against NumPy; what they remember of training."""
import numpy as np
import pytest

import cytensor as ct
import cytensor.tensor as T
from cytensor import nn

CHANNELS = 4
SHAPES = [(6, CHANNELS), (3, CHANNELS, 5), (3, CHANNELS, 5, 2), (2, CHANNELS, 3, 2, 2)]


def some(*shape, seed=0):
    return 2 + 3 * np.random.default_rng(seed).normal(size=shape)


def variable(shape):
    return T.TensorType("float64", (None,) * len(shape))()


def applied(layer, x):
    v = variable(x.shape)
    return ct.function([v], layer(v))(x)


def wide(v, x):
    """A vector along axis 1 of x."""
    return v.reshape(-1, *[1] * (x.ndim - 2))


def normalised(x, axes, epsilon=1e-5):
    return (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + epsilon)


def over_batch(x):
    return (0, *range(2, x.ndim))


# ----- the batch -----

@pytest.mark.parametrize("shape", SHAPES)
def test_batch_norm_while_training(shape):
    layer = nn.BatchNorm(CHANNELS, epsilon=0.1, scale=some(CHANNELS), shift=some(CHANNELS, seed=1))
    x, v = some(*shape), variable(shape)
    f = ct.function([v], layer(v))
    scale, shift, mean, var = layer.state().values()
    for seed in range(3):
        x = some(*shape, seed=seed)
        wanted = normalised(x, over_batch(x), 0.1) * wide(scale, x) + wide(shift, x)
        np.testing.assert_allclose(f(x), wanted)
        mean = 0.9 * mean + 0.1 * x.mean(over_batch(x))
        var = 0.9 * var + 0.1 * x.var(over_batch(x), ddof=1)
        np.testing.assert_allclose(layer.mean.get_value(), mean)
        np.testing.assert_allclose(layer.var.get_value(), var)


@pytest.mark.parametrize("shape", SHAPES)
def test_batch_norm_in_prediction(shape):
    layer, x = nn.BatchNorm(CHANNELS), some(*shape)
    mean, var = some(CHANNELS), some(CHANNELS, seed=1) ** 2
    layer.mean.set_value(mean)
    layer.var.set_value(var)
    wanted = (x - wide(mean, x)) / np.sqrt(wide(var, x) + 1e-5)
    np.testing.assert_allclose(applied(layer.eval(), x), wanted)
    np.testing.assert_array_equal(layer.mean.get_value(), mean)


def test_one_model_trains_and_predicts():
    model = nn.Sequential(nn.Dense(3, CHANNELS, rng=0), nn.BatchNorm(CHANNELS, average_factor=0.5))
    x = T.matrix("x")
    loss = (model(x) ** 3).sum()
    step = ct.function([x], T.grad(loss, model.params()))
    predict = ct.function([x], model.eval()(x))
    data = some(50, 3)
    for _ in range(60):
        step(data)
    inside = data @ model[0].W.get_value()
    wanted = (inside - inside.mean(0)) / np.sqrt(inside.var(0, ddof=1) + 1e-5)
    np.testing.assert_allclose(predict(data), wanted, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(predict(data[:1]), wanted[:1], rtol=1e-6, atol=1e-9)


def test_averages_are_kept_and_not_trained():
    layer = nn.BatchNorm(2)
    assert list(layer.named_params()) == ["scale", "shift"]
    assert list(layer.state()) == ["scale", "shift", "mean", "var"]


def test_a_batch_of_one():
    layer = nn.BatchNorm(2)
    np.testing.assert_array_equal(applied(layer, np.array([[3.0, 4.0]])), [[0, 0]])
    assert np.isfinite(layer.var.get_value()).all()


# ----- each example -----

@pytest.mark.parametrize("shape", [3, (3,), (5, 3), (2, 5, 3)])
def test_layer_norm(shape):
    sizes = (shape,) if isinstance(shape, int) else shape
    scale, shift = some(*sizes, seed=1), some(*sizes, seed=2)
    layer, x = nn.LayerNorm(shape, 0.1, scale, shift), some(4, 2, 5, 3)
    axes = tuple(range(-len(sizes), 0))
    np.testing.assert_allclose(applied(layer, x), normalised(x, axes, 0.1) * scale + shift)


@pytest.mark.parametrize("groups", [1, 2, 4])
@pytest.mark.parametrize("shape", SHAPES[1:])
def test_group_norm(shape, groups):
    scale, shift = some(CHANNELS, seed=1), some(CHANNELS, seed=2)
    layer, x = nn.GroupNorm(groups, CHANNELS, 0.1, scale, shift), some(*shape)
    wanted = normalised(x.reshape(len(x), groups, -1), 2, 0.1).reshape(shape)
    np.testing.assert_allclose(applied(layer, x), wanted * wide(scale, x) + wide(shift, x))


@pytest.mark.parametrize("shape", SHAPES[1:])
def test_instance_norm(shape):
    x = some(*shape)
    layer = nn.InstanceNorm(CHANNELS)
    assert layer.params() == []
    np.testing.assert_allclose(applied(layer, x), normalised(x, tuple(range(2, x.ndim))))


def test_unequal_groups():
    with pytest.raises(ValueError, match="GroupNorm: 4 channels do not make 3 equal groups"):
        nn.GroupNorm(3, 4)


# ----- what all have in common -----

LAYERS = {
    "BatchNorm": lambda **options: nn.BatchNorm(CHANNELS, **options),
    "LayerNorm": lambda **options: nn.LayerNorm((CHANNELS, 3), **options),
    "GroupNorm": lambda **options: nn.GroupNorm(2, CHANNELS, **options),
    "InstanceNorm": lambda **options: nn.InstanceNorm(CHANNELS, scale=1.0, shift=0.0, **options),
}


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("name", LAYERS)
def test_gradients(name, training):
    layer = LAYERS[name]().train(training)

    def apply(x, scale, shift):
        layer.scale, layer.shift = scale, shift
        return layer(x)
    T.verify_grad(apply, [some(5, CHANNELS, 3), *[v.get_value() for v in layer.params()]],
                  abs_tol=1e-6, rel_tol=1e-6)


@pytest.mark.parametrize("name", ["BatchNorm", "LayerNorm", "GroupNorm"])
def test_without_scale_and_shift(name):
    layer, plain = LAYERS[name](), LAYERS[name](scale=None, shift=None)
    x = some(5, CHANNELS, 3)
    assert plain.params() == []
    np.testing.assert_allclose(applied(plain, x), applied(layer, x))


@pytest.mark.parametrize("name", LAYERS)
def test_single_precision(name, monkeypatch):
    monkeypatch.setattr(ct.config, "floatX", "float32")
    layer, x = LAYERS[name](), T.ftensor3("x")
    y = layer(x)
    f = ct.function([x], [y, *T.grad((y ** 3).sum(), layer.params())])
    got = f(some(5, CHANNELS, 3).astype(np.float32))
    assert {value.dtype for value in got} == {np.dtype("float32")}
    assert {value.dtype for value in layer.state().values()} == {np.dtype("float32")}
