"""Recurrent layers against loops in NumPy, and their gradients against differences."""
import numpy as np
import pytest

import cytensor as ct
import cytensor.tensor as T
from cytensor import nn

BATCH, TIME, INPUTS, HIDDEN = 3, 5, 4, 2
LENGTHS = np.array([5, 2, 4])
MASK = np.arange(TIME) < LENGTHS[:, None]


def some(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


X = some(BATCH, TIME, INPUTS)


# ----- the layers in NumPy -----

def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def rnn_step(p, x, h):
    return (np.tanh(x @ p["W"] + h @ p["U"] + p["b"]),)


def lstm_step(p, x, h, c):
    i, f, g, o = np.split(x @ p["W"] + h @ p["U"] + p["b"], 4, axis=1)
    P_i, P_f, P_o = p.get("P", np.zeros(3))
    c, before = sigmoid(f + P_f * c) * c, sigmoid(i + P_i * c)
    c = c + before * np.tanh(g)
    return sigmoid(o + P_o * c) * np.tanh(c), c


def gru_step(p, x, h):
    x_r, x_z, x_n = np.split(x @ p["W"] + p["b"], 3, axis=1)
    U_r, U_z, U_n = np.split(p["U"], 3, axis=1)
    r, z = sigmoid(x_r + h @ U_r), sigmoid(x_z + h @ U_z)
    n = x_n + (r * (h @ U_n + p["d"]) if "d" in p else (r * h) @ U_n)
    return ((1 - z) * np.tanh(n) + z * h,)


def unroll(step, p, x, states, mask=None, backwards=False):
    """All outputs, (batch, time, hidden), and the last states."""
    outputs = np.zeros((*x.shape[:2], states[0].shape[1]))
    for t in range(x.shape[1])[::-1 if backwards else 1]:
        new = step(p, x[:, t], *states)
        there = np.ones((len(x), 1), bool) if mask is None else mask[:, t, None]
        states = tuple(np.where(there, after, before) for after, before in zip(new, states))
        outputs[:, t] = states[0]
    return outputs, states


LAYERS = {
    "RNN": (nn.RNN, {}, rnn_step),
    "RNN, relu": (nn.RNN, {"activation": T.nnet.relu},
                  lambda p, x, h: (np.maximum(x @ p["W"] + h @ p["U"] + p["b"], 0),)),
    "LSTM": (nn.LSTM, {}, lstm_step),
    "LSTM, peepholes": (nn.LSTM, {"peepholes": True}, lstm_step),
    "GRU": (nn.GRU, {}, gru_step),
    "GRU, reset before": (nn.GRU, {"reset_after": False}, gru_step),
}


def make(name, seed=0, **options):
    """A layer with random parameters, and its step in NumPy."""
    kind, own, step = LAYERS[name]
    layer = kind(INPUTS, HIDDEN, **own, **options)
    rng = np.random.default_rng(seed)
    for v in layer.params():
        v.set_value(rng.normal(size=v.get_value().shape))
    return layer, step


def zeros(layer):
    return tuple(np.zeros((BATCH, HIDDEN)) for _ in range(layer.states))


# ----- values -----

@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("name", LAYERS)
def test_all_steps_agree_with_numpy(name, backwards, masked):
    layer, step = make(name, go_backwards=backwards)
    x = T.dtensor3("x")
    outputs, states = layer.run(x, nn.length_mask(LENGTHS, x.shape[1]) if masked else None)
    got = ct.function([x], [outputs, *states])(X)
    outputs, states = unroll(step, layer.state(), X, zeros(layer), MASK if masked else None,
                             backwards)
    for a, b in zip(got, [outputs, *states], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("name", LAYERS)
def test_initial_states(name):
    layer, step = make(name)
    x = T.dtensor3("x")
    start = [some(BATCH, HIDDEN, seed=i) for i in range(layer.states)]
    outputs, _ = layer.run(x, initial=[T.constant(s) for s in start])
    np.testing.assert_allclose(ct.function([x], outputs)(X),
                               unroll(step, layer.state(), X, start)[0], rtol=1e-10)


@pytest.mark.parametrize("name", LAYERS)
def test_time_first_is_the_same_turned_round(name):
    layer, _ = make(name)
    turned, _ = make(name, time_major=True)
    x, mask = T.dtensor3("x"), T.matrix("mask")
    f, g = [ct.function([x, mask], each(x, mask)) for each in (layer, turned)]
    np.testing.assert_allclose(g(X.swapaxes(0, 1), 1.0 * MASK.T), f(X, MASK).swapaxes(0, 1))


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("name", LAYERS)
def test_the_last_output_of_a_short_sequence_is_that_of_its_last_step(name, backwards):
    layer, step = make(name, last=True, go_backwards=backwards)
    x = T.dtensor3("x")
    got = ct.function([x], layer(x, nn.length_mask(LENGTHS, x.shape[1])))(X)
    for row, n in enumerate(LENGTHS):
        part, start = X[row:row + 1, :n], [s[:1] for s in zeros(layer)]
        _, states = unroll(step, layer.state(), part, start, backwards=backwards)
        np.testing.assert_allclose(got[row], states[0][0], rtol=1e-10)


def test_a_sequence_of_no_steps():
    layer, _ = make("LSTM")
    x = T.dtensor3("x")
    assert ct.function([x], layer(x))(X[:, :0]).shape == (BATCH, 0, HIDDEN)


# ----- gradients -----

@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("name", [name for name in LAYERS if "relu" not in name])
def test_gradients(name, backwards, masked):
    layer, _ = make(name, go_backwards=backwards)
    names = list(layer.named_params())

    def outputs(x, *params):
        vars(layer).update(zip(names, params))
        outputs, states = layer.run(x, T.constant(MASK) if masked else None)
        return T.concatenate([outputs.ravel(), *[state.ravel() for state in states]])
    T.verify_grad(outputs, [X, *layer.state().values()], abs_tol=1e-6, rel_tol=1e-6)


@pytest.mark.parametrize("backwards", [False, True])
def test_gradients_go_back_as_far_as_they_are_told(backwards):
    layer, _ = make("GRU", last=True, truncate_gradient=2, go_backwards=backwards)
    x = T.dtensor3("x")
    slopes = ct.function([x], T.grad(layer(x).sum(), x))(X)
    read_last = slice(0, 2) if backwards else slice(TIME - 2, TIME)
    assert (slopes[:, read_last] != 0).all()
    assert np.count_nonzero(slopes) == BATCH * 2 * INPUTS


# ----- from call to call -----

@pytest.mark.parametrize("name", LAYERS)
def test_a_stateful_layer_goes_on(name):
    layer, step = make(name, stateful=BATCH)
    x = T.dtensor3("x")
    f = ct.function([x], layer(x))
    whole, _ = unroll(step, layer.state(), X, zeros(layer))
    for _ in range(2):
        np.testing.assert_allclose(f(X[:, :3]), whole[:, :3], rtol=1e-10)
        np.testing.assert_allclose(f(X[:, 3:]), whole[:, 3:], rtol=1e-10)
        layer.reset_state()


def test_the_batch_of_a_stateful_layer_may_change():
    layer, step = make("LSTM", stateful=7)
    x = T.dtensor3("x")
    f = ct.function([x], nn.Sequential(layer)(x))
    nn.Sequential(layer).reset_state(BATCH)
    np.testing.assert_allclose(f(X), unroll(step, layer.state(), X, zeros(layer))[0], rtol=1e-10)
    layer.reset_state(2)
    with pytest.raises(ValueError, match=r"2.*3|3.*2"):
        f(X)


def test_given_states_are_not_carried_on():
    layer, step = make("RNN", stateful=BATCH)
    x, start = T.dtensor3("x"), some(BATCH, HIDDEN)
    f = ct.function([x], layer.run(x, initial=[T.constant(start)])[0])
    for _ in range(2):
        np.testing.assert_allclose(f(X), unroll(step, layer.state(), X, [start])[0], rtol=1e-10)


def test_what_is_carried_is_no_parameter():
    layer, _ = make("LSTM", stateful=BATCH)
    assert list(layer.state()) == ["W", "U", "b"]


def test_training_and_prediction_carry_the_same_state():
    layer, step = make("GRU", stateful=BATCH)
    x = T.dtensor3("x")
    gradients = T.grad(layer(x).sum(), layer.params())
    train = ct.function([x], gradients)
    predict = ct.function([x], layer(x))
    whole, _ = unroll(step, layer.state(), X, zeros(layer))
    train(X[:, :2])
    np.testing.assert_allclose(predict(X[:, 2:]), whole[:, 2:], rtol=1e-10)


def test_noise_within_steps_is_new_in_each_step_and_call():
    class Noisy(nn.RNN):
        stream = ct.random.Stream(3)

        def advance(self, projected, *states):
            return (super().advance(projected, *states)[0] + self.stream.normal((1, 1)),)
    layer, x = Noisy(1, 1, weights=0.0, recurrent=0.0), T.dtensor3("x")
    f = ct.function([x], layer(x))
    drawn = np.concatenate([f(np.zeros((1, 10, 1))).ravel() for _ in range(3)])
    assert len(set(drawn)) == 30


# ----- several -----

@pytest.mark.parametrize("merge, wanted", [
    ("concat", lambda a, b: np.concatenate([a, b], axis=-1)), ("sum", np.add),
    ("mean", lambda a, b: (a + b) / 2), ("product", np.multiply)])
@pytest.mark.parametrize("last", [False, True])
def test_both_ways(merge, wanted, last):
    (forward, step), (backward, _) = make("LSTM", last=last), make("LSTM", seed=1, last=last)
    x = T.dtensor3("x")
    layer = nn.Bidirectional(forward, backward, merge)
    got = ct.function([x], layer(x, T.constant(MASK)))(X)
    a, b = [unroll(step, each.state(), X, zeros(each), MASK, back)
            for each, back in ((forward, False), (backward, True))]
    a, b = (a[1][0], b[1][0]) if last else (a[0], b[0])
    np.testing.assert_allclose(got, wanted(a, b), rtol=1e-10)


def test_an_unknown_merge():
    with pytest.raises(ValueError, match="'both'"):
        nn.Bidirectional(nn.RNN(2, 3), nn.RNN(2, 3), merge="both")


def test_one_above_the_other():
    (first, step), x = make("LSTM"), T.dtensor3("x")
    second = nn.GRU(HIDDEN, 6, last=True, rng=0)
    model = nn.Sequential(first, second, nn.Dense(6, 1))
    got = ct.function([x], model(x, mask=T.constant(MASK)))(X)
    below, _ = unroll(step, first.state(), X, zeros(first), MASK)
    _, (above,) = unroll(gru_step, second.state(), below, [np.zeros((BATCH, 6))], MASK)
    np.testing.assert_allclose(got, above @ model[2].W.get_value(), rtol=1e-10)


# ----- parameters -----

def test_first_values():
    layer = nn.LSTM(INPUTS, HIDDEN, forget_bias=0.5, rng=0)
    np.testing.assert_array_equal(layer.b.get_value(), [0, 0, .5, .5, 0, 0, 0, 0])
    for gate in np.split(layer.U.get_value(), 4, axis=1):
        np.testing.assert_allclose(gate @ gate.T, np.eye(HIDDEN), atol=1e-12)
    assert abs(layer.W.get_value()).max() <= np.sqrt(6 / (INPUTS + HIDDEN))
    np.testing.assert_array_equal(nn.LSTM(INPUTS, HIDDEN, rng=0).W.get_value(), layer.W.get_value())


def test_first_values_as_arrays():
    W, U = some(INPUTS, 3 * HIDDEN), some(HIDDEN, 3 * HIDDEN)
    layer = nn.GRU(INPUTS, HIDDEN, weights=W, recurrent=U)
    np.testing.assert_array_equal(layer.W.get_value(), W)
    np.testing.assert_array_equal(layer.U.get_value(), U)
    with pytest.raises(ValueError, match="W is to have the shape"):
        nn.GRU(INPUTS, HIDDEN, weights=U)


def test_single_precision(monkeypatch):
    monkeypatch.setattr(ct.config, "floatX", "float32")
    x = T.ftensor3("x")
    for layer in (nn.RNN(4, 2), nn.LSTM(4, 2, stateful=3, peepholes=True), nn.GRU(4, 2)):
        loss = layer(x, nn.length_mask(LENGTHS, 5)).sum()
        f = ct.function([x], [loss, *T.grad(loss, layer.params())])
        assert {value.dtype for value in f(np.float32(X))} == {np.dtype("float32")}


def test_a_layer_of_ones_own():
    class Average(nn.Recurrent):
        """h = (1 - a) * h + a * x, with a learned for each unit."""
        def __init__(self, n):
            super().__init__(n, n, weights=np.eye(n))
            self.a = nn.parameter("a", (n,), 0.5)

        def advance(self, projected, *states):
            return (states[0] + self.a * (projected - states[0]),)
    got = ct.function([], Average(1)(T.constant([[[1.0], [0.0], [4.0]]])))()
    np.testing.assert_allclose(got.ravel(), [0.5, 0.25, 2.125])
