"""A training step of perceptrons with tanh, in cytensor and in its peers: the same for all.

Each function builds the step and returns it as a ``Candidate`` whose statement gives the cost: the
cross-entropy of classes, or the mean square of the error of a single output.
"""
from functools import cache
from itertools import pairwise

import numpy as np
from turns import Candidate

RATE = 0.1
#: Units of each layer, and rows of a batch.
DIGITS, WIDE, SMALL = ((784, 500, 10), 256), ((784, 2048, 2048, 10), 512), ((20, 50, 50, 1), 32)


@cache
def data(shape):
    """Inputs and labels (or wanted outputs), of no meaning but of the right sizes."""
    (inputs, *_, outputs), batch = shape
    rng = np.random.default_rng(0)
    x = rng.random((batch, inputs), dtype=np.float32)
    return x, rng.integers(0, outputs, batch) if outputs > 1 else x.mean(axis=1)


@cache
def start(shape):
    """The start values: matrices and biases in turn."""
    sizes, _ = shape
    rng = np.random.default_rng(1)
    layers = [(rng.uniform(-1, 1, pair) * (6 / sum(pair)) ** 0.5, np.zeros(pair[1]))
              for pair in pairwise(sizes)]
    return [np.asarray(w, np.float32) for layer in layers for w in layer]


def weights(shape):
    """Start values, as arrays that the step may change."""
    return [w.copy() for w in start(shape)]


data(DIGITS), start(DIGITS)     # made here, where compiling is not yet timed


def network(x, params, tanh):
    """The layers, in whichever library."""
    *hidden, last = zip(params[::2], params[1::2])
    for W, b in hidden:
        x = tanh(x @ W + b)
    W, b = last
    return x @ W + b


def cytensor(shape=DIGITS):
    import cytensor as ct
    import cytensor.tensor as T
    return _symbolic(shape, ct, T, T.grad, T.nnet.softmax)


def cytensor_guarded():
    import cytensor as ct
    ct.config.mode = "NanGuardMode"
    try:
        return cytensor()
    finally:
        ct.config.mode = "fast_run"


def pytensor(shape=DIGITS):
    import pytensor
    from pytensor.tensor.special import softmax
    return _symbolic(shape, pytensor, pytensor.tensor, pytensor.grad, lambda z: softmax(z, axis=1))


def _symbolic(shape, lib, T, grad, softmax):
    X, Y = data(shape)
    x, y = T.fmatrix("x"), T.lvector("y") if Y.dtype == "int64" else T.fvector("y")
    params = [lib.shared(w) for w in weights(shape)]
    z = network(x, params, T.tanh)
    if Y.dtype == "int64":
        cost = -T.mean(T.log(softmax(z))[T.arange(y.shape[0]), y])
    else:
        cost = T.mean((z[:, 0] - y) ** 2)
    rate = np.float32(RATE)
    updates = [(w, w - rate * g) for w, g in zip(params, grad(cost, params))]
    step = lib.function([x, y], cost, updates=updates)
    return Candidate("step(x, y)", {"step": step, "x": X, "y": Y})


def numpy():
    """By hand, for one hidden layer."""
    W, b, V, c = weights(DIGITS)
    X, Y = data(DIGITS)
    rows = np.arange(len(X))

    def step(x, y):
        h = np.tanh(x @ W + b)
        z = h @ V + c
        p = np.exp(z - z.max(axis=1, keepdims=True))
        p /= p.sum(axis=1, keepdims=True)
        cost = -np.log(p[rows, y]).mean()
        p[rows, y] -= 1
        p /= len(x)
        g = p @ V.T * (1 - h * h)
        for w, gradient in zip((W, b, V, c), (x.T @ g, g.sum(0), h.T @ p, p.sum(0))):
            w -= np.float32(RATE) * gradient
        return cost
    return Candidate("step(x, y)", {"step": step, "x": X, "y": Y})


def torch(shape=DIGITS):
    return _torch_step(shape, lambda torch, f: f)


def torch_compile(shape=DIGITS):
    return _torch_step(shape, lambda torch, f: torch.compile(f))


def _torch_step(shape, transform):
    import torch
    X, Y = map(torch.from_numpy, data(shape))
    params = [torch.from_numpy(w).requires_grad_() for w in weights(shape)]

    def cost(x, y):
        z = network(x, params, torch.tanh)
        if y.dtype == torch.int64:
            return torch.nn.functional.cross_entropy(z, y)
        return torch.nn.functional.mse_loss(z[:, 0], y)

    optimizer = torch.optim.SGD(params, lr=RATE)
    cost = transform(torch, cost)

    def step(x, y):
        optimizer.zero_grad()
        loss = cost(x, y)
        loss.backward()
        optimizer.step()
        return loss
    return Candidate("step(x, y)", {"step": step, "x": X, "y": Y})


def jax(shape=DIGITS):
    import jax
    import jax.numpy as jnp
    X, Y = map(jnp.asarray, data(shape))

    def cost(params, x, y):
        z = network(x, params, jnp.tanh)
        if jnp.issubdtype(y.dtype, jnp.integer):
            return -jax.nn.log_softmax(z)[jnp.arange(len(y)), y].mean()
        return ((z[:, 0] - y) ** 2).mean()

    @jax.jit
    def update(params, x, y):
        loss, grads = jax.value_and_grad(cost)(params, x, y)
        return loss, [w - RATE * g for w, g in zip(params, grads)]

    params = [jnp.asarray(w) for w in weights(shape)]

    def step(x, y):
        nonlocal params
        loss, params = update(params, x, y)
        return jax.block_until_ready(loss)
    return Candidate("step(x, y)", {"step": step, "x": X, "y": Y})
