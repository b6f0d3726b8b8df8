"""An LSTM layer with its gradient, in every library that is compared: the same numbers for all."""
import numpy as np
from turns import Candidate

#: (steps, batch, inputs, hidden)
LARGE, LONG = (100, 32, 64, 128), (1000, 1, 32, 32)
GATES = 4                       # input, forget, cell, output: the order of torch


def numbers(shape):
    """The input, and the parameters: W, U, b."""
    steps, batch, inputs, hidden = shape
    rng = np.random.default_rng(0)
    scale = hidden ** -0.5
    return [np.asarray(rng.uniform(-s, s, size), np.float32) for s, size in (
        (1, (steps, batch, inputs)), (scale, (inputs, GATES * hidden)),
        (scale, (hidden, GATES * hidden)), (scale, (GATES * hidden,)))]


def graph(ct, T, shape, **options):
    """The loss of an LSTM as an expression, its input and its parameters."""
    _, batch, _, hidden = shape
    x, W, U, b = T.ftensor3("x"), *T.fmatrices("W", "U"), T.fvector("b")

    def step(x_t, h, c):
        gates = T.dot(x_t, W) + T.dot(h, U) + b
        i, f, g, o = [gates[:, k * hidden:(k + 1) * hidden] for k in range(GATES)]
        c = T.sigmoid(f) * c + T.sigmoid(i) * T.tanh(g)
        return T.sigmoid(o) * T.tanh(c), c

    zeros = T.zeros((batch, hidden), "float32")
    (h, _), _ = ct.scan(step, x, [zeros, zeros], **options)
    return (h ** 2).sum(), x, [W, U, b]


def cytensor(shape=LARGE, **options):
    """Loss and gradients, compiled once."""
    import cytensor as ct
    import cytensor.tensor as T
    loss, x, parameters = graph(ct, T, shape, **options)
    f = ct.function([x, *parameters], [loss, *T.grad(loss, parameters)])
    return Candidate("f(*data)", {"f": f, "data": numbers(shape)})


def torch(shape=LARGE):
    """torch.nn.LSTM."""
    import torch
    _, _, inputs, hidden = shape
    x, W, U, b = [torch.from_numpy(value) for value in numbers(shape)]
    layer = torch.nn.LSTM(inputs, hidden)
    with torch.no_grad():
        layer.weight_ih_l0.copy_(W.T)
        layer.weight_hh_l0.copy_(U.T)
        layer.bias_ih_l0.copy_(b)
        layer.bias_hh_l0.zero_()

    def f():
        layer.zero_grad()
        loss = (layer(x)[0] ** 2).sum()
        loss.backward()
        return (loss, layer.weight_ih_l0.grad.T, layer.weight_hh_l0.grad.T,
                layer.bias_ih_l0.grad)
    return Candidate("f()", {"f": f})


def jax(shape=LARGE):
    """jax.jit of lax.scan."""
    import jax
    import jax.numpy as jnp
    _, batch, _, hidden = shape

    def loss(parameters, x):
        W, U, b = parameters

        def step(state, x_t):
            h, c = state
            i, f, g, o = jnp.split(x_t @ W + h @ U + b, GATES, axis=1)
            c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
            h = jax.nn.sigmoid(o) * jnp.tanh(c)
            return (h, c), h

        zeros = jnp.zeros((batch, hidden), jnp.float32)
        _, h = jax.lax.scan(step, (zeros, zeros), x)
        return (h ** 2).sum()

    step = jax.jit(jax.value_and_grad(loss))

    def f(x, *parameters):
        value, gradients = step(parameters, x)
        jax.block_until_ready(gradients)
        return value, *gradients
    return Candidate("f(*data)", {"f": f, "data": [jnp.asarray(v) for v in numbers(shape)]})
