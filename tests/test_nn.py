"""Layers: how parameters are found, kept and loaded; what single layers compute."""
import copy
import pickle

import numpy as np
import pytest

import cytensor as ct
import cytensor.tensor as T
from cytensor import nn


def some(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


class Counter(nn.Layer):
    """Returns its input, and counts the calls of functions that train."""

    untrained = ("count",)

    def __init__(self):
        self.gain = nn.parameter("gain", (1,), 1.0)
        self.count = ct.shared(0, name="count")

    def __call__(self, x):
        if not self.training:
            return x * self.gain
        now = nn.current(self.count)
        nn.renew(now, now + 1)
        return x * self.gain + 0 * now


class Net(nn.Layer):
    """Layers in all places where they are found."""

    def __init__(self):
        self.size = 3
        self.first = nn.Dense(2, 3)
        self.rest = [Counter(), (nn.Dense(3, 3, bias=None), nn.PReLU())]
        self.scale = nn.parameter("scale", (2,), 1.0)
        self.twice = self.first
        self._hidden = nn.Dense(1, 1)


NAMES = ["first.W", "first.b", "rest.0.gain", "rest.1.0.W", "rest.1.1.slope", "scale"]


# ----- parameters -----

def test_parameters_are_found_in_order_and_once():
    net = Net()
    assert list(net.named_params()) == NAMES
    assert net.params() == list(net.named_params().values())
    assert net.named_params()["first.W"] is net.first.W
    assert list(net.state()) == [*NAMES[:3], "rest.0.count", *NAMES[3:]]


def test_children():
    net = Net()
    assert net.children() == [net.first, net.rest[0], *net.rest[1], net.first]


def test_a_layer_without_a_call():
    with pytest.raises(NotImplementedError, match="Net does not say"):
        Net()(T.matrix())


def test_start_of_a_parameter():
    assert nn.parameter("w", (2, 3), 0.5).get_value().tolist() == [[0.5] * 3] * 2
    assert nn.parameter("w", (2,), [1, 2]).get_value().dtype == np.float64
    assert nn.parameter("w", (2, 3), nn.init.ones).type.shape == (2, 3)
    with pytest.raises(ValueError, match=r"w is to have the shape \(2,\), not \(3,\)"):
        nn.parameter("w", (2,), np.zeros(3))


def test_a_parameter_keeps_its_shape():
    with pytest.raises(TypeError, match="size 2"):
        nn.Dense(2, 2).W.set_value(np.zeros((3, 2)))


# ----- values -----

def test_state_is_a_copy():
    layer = nn.Dense(2, 2)
    layer.state()["W"][:] = 7
    assert (layer.W.get_value() != 7).all()


def test_state_goes_through_a_file(tmp_path):
    net, other = Net(), Net()
    np.savez(tmp_path / "net.npz", **net.state())
    with np.load(tmp_path / "net.npz") as state:
        other.load_state(state)
    for name, value in net.state().items():
        np.testing.assert_array_equal(other.state()[name], value)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.longdouble])
def test_another_precision_is_cast(dtype):
    layer = nn.Dense(2, 2)
    layer.load_state({name: value.astype(dtype) + 1 for name, value in layer.state().items()})
    np.testing.assert_array_equal(layer.b.get_value(), [1, 1])
    assert layer.W.get_value().dtype == np.float64


WRONG = {
    "missing": ({"b": np.zeros(2)}, "W is missing"),
    "unexpected": ({"W": np.zeros((2, 2)), "b": np.zeros(2), "c": 1}, "c is not known"),
    "of another shape": ({"W": np.zeros((2, 2)), "b": np.zeros(3)},
                         r"b has the shape \(2,\), the array \(3,\)"),
    "of another kind": ({"W": np.zeros((2, 2)), "b": np.zeros(2, complex)},
                        "b is float64, the array complex128"),
    "several": ({"c": 1, "W": np.zeros(2)}, "b is missing; c is not known; W has the shape"),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_state_that_does_not_fit_changes_nothing(what):
    state, message = WRONG[what]
    layer = nn.Dense(2, 2)
    before = layer.state()
    with pytest.raises(ValueError, match="load_state of Dense: .*" + message):
        layer.load_state(state)
    for name, value in before.items():
        np.testing.assert_array_equal(layer.state()[name], value)


def test_full_names_in_messages():
    state = Net().state() | {"rest.1.0.W": np.zeros(1)}
    with pytest.raises(ValueError, match=r"rest\.1\.0\.W has the shape"):
        Net().load_state(state)


@pytest.mark.parametrize("twin", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_a_copy_has_parameters_of_its_own(twin):
    model = nn.Sequential(nn.Dense(2, 3, T.tanh), nn.Dropout(0.5), nn.LSTM(3, 2, stateful=1))
    other = twin(model)
    x = T.tensor3("x")
    f, g = [ct.function([x], m.eval()(x)) for m in (model, other)]
    np.testing.assert_array_equal(f(some(1, 4, 2)), g(some(1, 4, 2)))
    other[0].W.set_value(np.zeros((2, 3)))
    assert (model[0].W.get_value() != 0).all()


# ----- training and prediction -----

def test_training_is_passed_on():
    model = nn.Sequential(nn.Sequential(nn.Dropout()), T.tanh)
    assert model.training
    assert model.eval() is model
    assert not model[0][0].training
    model.train()
    assert model[0][0].training


def test_a_function_renews_what_its_training_calls_read():
    layer, x = Counter(), T.vector("x")
    train = ct.function([x], layer(x))
    gradient = ct.function([x], T.grad((layer(x) ** 2).sum(), layer.params()))
    predict = ct.function([x], layer.eval()(x))
    still = ct.function([x], layer.train()(x), no_default_updates=True)
    for f, wanted in ((train, 1), (gradient, 2), (predict, 2), (still, 2), (train, 3)):
        f([1.0, 2.0])
        assert layer.count.get_value() == wanted


def test_dropout():
    layer, x = nn.Dropout(0.25, rng=0), T.matrix("x")
    f = ct.function([x], [layer(x), T.grad(layer(x).sum(), x)])
    ones = np.ones((200, 300))
    first, _ = f(ones)
    second, slopes = f(ones)
    assert set(np.unique(first)) == {0.0, 1 / 0.75}
    assert abs(first.mean() - 1) < 0.01
    assert (first != second).any()
    assert set(np.unique(slopes)) == {0.0, 1 / 0.75}
    assert layer.eval()(x) is x
    assert nn.Dropout(0)(x) is x


def test_dropout_along_axes():
    x = T.tensor3("x")
    noise = ct.function([x], nn.Dropout(shared_axes=(-2,), rng=0)(x))(np.ones((5, 7, 40)))
    assert (noise == noise[:, :1]).all()
    assert len(np.unique(noise[:, 0], axis=0)) == 5


@pytest.mark.parametrize("p", [-0.1, 1.0, 2.0])
def test_dropout_of_no_probability(p):
    with pytest.raises(ValueError, match="from 0 up to 1"):
        nn.Dropout(p)


def test_dropout_keeps_the_dtype():
    assert nn.Dropout()(T.fmatrix()).dtype == "float32"


# ----- single layers -----

@pytest.mark.parametrize("shape", [(4,), (3, 4), (2, 3, 4)])
def test_dense(shape):
    layer = nn.Dense(4, 2, T.tanh, bias=nn.init.normal)
    W, b = layer.state().values()
    x = some(*shape)
    np.testing.assert_allclose(layer(T.constant(x)).eval(), np.tanh(x @ W + b))


def test_dense_without_bias():
    layer = nn.Dense(4, 2, bias=None)
    assert list(layer.state()) == ["W"]
    x = some(3, 4)
    np.testing.assert_allclose(layer(T.constant(x)).eval(), x @ layer.W.get_value())


def test_dense_of_another_size_says_so():
    with pytest.raises(ValueError, match=r"5.*4|4.*5"):
        nn.Dense(4, 2)(T.constant(some(3, 5)))


def test_dense_gradients():
    def apply(x, W, b):
        layer = nn.Dense(4, 2, T.tanh)
        layer.W, layer.b = W, b
        return layer(x)
    T.verify_grad(apply, [some(3, 5, 4), some(4, 2), some(2)])


def test_embedding():
    layer = nn.Embedding(5, 3, rng=0)
    x = T.lmatrix("x")
    rows, slopes = ct.function([x], [layer(x), T.grad(layer(x).sum(), layer.W)])([[1, 4], [1, 0]])
    np.testing.assert_array_equal(rows, layer.W.get_value()[[[1, 4], [1, 0]]])
    np.testing.assert_array_equal(slopes, np.array([1, 2, 0, 0, 1])[:, None] * np.ones(3))


@pytest.mark.parametrize("keep, shape", [(1, (2, 60)), (2, (2, 3, 20)), (0, (120,))])
def test_flatten(keep, shape):
    x = some(2, 3, 4, 5)
    np.testing.assert_array_equal(nn.Flatten(keep)(T.constant(x)).eval(), x.reshape(shape))


@pytest.mark.parametrize("shape", [(4, 3), (2, 3, 5), (2, 3, 5, 5)])
def test_prelu(shape):
    x, slope = some(*shape), some(3, seed=1)
    layer = nn.PReLU(3, slope)
    wide = slope.reshape(3, *[1] * (len(shape) - 2))
    np.testing.assert_allclose(layer(T.constant(x)).eval(), np.where(x > 0, x, wide * x))
    np.testing.assert_allclose(nn.PReLU(slope=0.5)(T.constant(x)).eval(), np.where(x > 0, x, x / 2))

    def apply(x, slope):
        layer.slope = slope
        return layer(x)
    T.verify_grad(apply, [x, slope])


def test_sequential():
    model = nn.Sequential(nn.Dense(2, 3), T.tanh, nn.Dropout(0.0), nn.Dense(3, 1))
    x = some(5, 2)
    W, b, V, c = model.state().values()
    assert list(model.state()) == ["0.W", "0.b", "3.W", "3.b"]
    np.testing.assert_allclose(model(T.constant(x)).eval(), np.tanh(x @ W + b) @ V + c)
    assert len(model) == 4
    assert model[1] is T.tanh
    assert model[:2].params() == model.params()[:2]


def test_a_model_learns():
    from cytensor import optim
    rng = np.random.default_rng(0)
    data = rng.normal(size=(200, 2))
    labels = (data[:, 0] * data[:, 1] > 0).astype(np.int64)        # no line divides them
    model = nn.Sequential(nn.Dense(2, 16, T.tanh, rng=rng), nn.Dense(16, 2, rng=rng))
    x, y = T.matrix("x"), T.lvector("y")
    loss = -T.nnet.log_softmax(model(x))[T.arange(y.size), y].mean()
    step = ct.function([x, y], loss, updates=optim.adam(loss, model.params(), 0.02))
    losses = [float(step(data, labels)) for _ in range(200)]
    wrong = ct.function([x, y], T.neq(model(x).argmax(axis=1), y).mean())
    assert losses[-1] < 0.2 < losses[0]
    assert wrong(data, labels) < 0.05
