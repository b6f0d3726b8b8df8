"""One training step of an MLP, 784-500-10 with tanh and softmax, in cytensor and in its peers.

Each function builds the step and returns it as a ``Candidate`` whose statement gives the cost.
"""
import numpy as np
from turns import Candidate

RATE = 0.1
BATCH = 256


rng = np.random.default_rng(0)
#: Images and labels, of no meaning but of the right sizes; made here, so that it is not timed.
X, Y = rng.random((BATCH, 784), dtype=np.float32), rng.integers(0, 10, BATCH)
START = (rng.uniform(-0.07, 0.07, (784, 500)).astype(np.float32), np.zeros(500, np.float32),
         rng.uniform(-0.1, 0.1, (500, 10)).astype(np.float32), np.zeros(10, np.float32))


def weights():
    """Start values of W, b, V and c, as arrays that the step may change."""
    return [w.copy() for w in START]


def cytensor():
    import cytensor as ct
    import cytensor.tensor as T
    return _symbolic(ct, T, T.grad, T.nnet.softmax)


def cytensor_guarded():
    import cytensor as ct
    ct.config.mode = "NanGuardMode"
    try:
        return cytensor()
    finally:
        ct.config.mode = "fast_run"


def pytensor():
    import pytensor
    from pytensor.tensor.special import softmax
    return _symbolic(pytensor, pytensor.tensor, pytensor.grad, lambda z: softmax(z, axis=1))


def _symbolic(lib, T, grad, softmax):
    x, y = T.fmatrix("x"), T.lvector("y")
    params = [lib.shared(w) for w in weights()]
    W, b, V, c = params
    p = softmax(T.dot(T.tanh(T.dot(x, W) + b), V) + c)
    cost = -T.mean(T.log(p)[T.arange(y.shape[0]), y])
    rate = np.float32(RATE)
    updates = [(w, w - rate * g) for w, g in zip(params, grad(cost, params))]
    step = lib.function([x, y], cost, updates=updates)
    return Candidate("step(x, y)", {"step": step, "x": X, "y": Y})


def numpy():
    W, b, V, c = weights()
    rows = np.arange(BATCH)

    def step(x, y):
        h = np.tanh(x @ W + b)
        z = h @ V + c
        p = np.exp(z - z.max(axis=1, keepdims=True))
        p /= p.sum(axis=1, keepdims=True)
        cost = -np.log(p[rows, y]).mean()
        p[rows, y] -= 1
        p /= BATCH
        g = p @ V.T * (1 - h * h)
        for w, gradient in zip((W, b, V, c), (x.T @ g, g.sum(0), h.T @ p, p.sum(0))):
            w -= np.float32(RATE) * gradient
        return cost
    return Candidate("step(x, y)", {"step": step, "x": X, "y": Y})


def torch():
    import torch
    return _torch_step(torch, lambda f: f)


def torch_compile():
    import torch
    return _torch_step(torch, torch.compile)


def _torch_step(torch, transform):
    params = [torch.from_numpy(w).requires_grad_() for w in weights()]

    def cost(x, y):
        W, b, V, c = params
        return torch.nn.functional.cross_entropy(torch.tanh(x @ W + b) @ V + c, y)

    optimizer = torch.optim.SGD(params, lr=RATE)
    cost = transform(cost)

    def step(x, y):
        optimizer.zero_grad()
        loss = cost(x, y)
        loss.backward()
        optimizer.step()
        return loss
    return Candidate("step(x, y)", {
        "step": step, "x": torch.from_numpy(X), "y": torch.from_numpy(Y)})


def jax():
    import jax
    import jax.numpy as jnp

    def cost(params, x, y):
        W, b, V, c = params
        logp = jax.nn.log_softmax(jnp.tanh(x @ W + b) @ V + c)
        return -logp[jnp.arange(len(y)), y].mean()

    @jax.jit
    def update(params, x, y):
        loss, grads = jax.value_and_grad(cost)(params, x, y)
        return loss, [w - RATE * g for w, g in zip(params, grads)]

    params = [jnp.asarray(w) for w in weights()]

    def step(x, y):
        nonlocal params
        loss, params = update(params, x, y)
        return jax.block_until_ready(loss)
    return Candidate("step(x, y)", {
        "step": step, "x": jnp.asarray(X), "y": jnp.asarray(Y)})
