"""A training step of LeNet, 28x28 digits in batches of 64, in cytensor and in its peers.

20 filters of 5x5, pooling 2, 50 filters of 5x5, pooling 2, 500 hidden units, 10 classes, tanh.
"""
import numpy as np
from turns import Candidate

RATE = 0.1
BATCH = 64

rng = np.random.default_rng(0)
#: Images and labels, of no meaning but of the right sizes.
X = rng.random((BATCH, 1, 28, 28), dtype=np.float32)
Y = rng.integers(0, 10, BATCH)


def _uniform(*shape, fan_in):
    bound = fan_in ** -0.5
    return rng.uniform(-bound, bound, shape).astype(np.float32)


START = (_uniform(20, 1, 5, 5, fan_in=25), np.zeros(20, np.float32),
         _uniform(50, 20, 5, 5, fan_in=500), np.zeros(50, np.float32),
         _uniform(800, 500, fan_in=800), np.zeros(500, np.float32),
         _uniform(500, 10, fan_in=500), np.zeros(10, np.float32))


def weights():
    """Start values, as arrays that the step may change."""
    return [w.copy() for w in START]


def cytensor():
    import cytensor as ct
    import cytensor.tensor as T
    x, y = T.ftensor4("x"), T.lvector("y")
    params = [ct.shared(w) for w in weights()]
    W1, b1, W2, b2, W3, b3, W4, b4 = params
    h = x
    for W, b in ((W1, b1), (W2, b2)):
        h = T.nnet.conv2d(h, W, filter_flip=False)
        h = T.signal.pool.pool_2d(h, (2, 2), ignore_border=True)
        h = T.tanh(h + b.dimshuffle("x", 0, "x", "x"))
    h = T.tanh(T.dot(h.flatten(2), W3) + b3)
    p = T.nnet.softmax(T.dot(h, W4) + b4)
    cost = -T.mean(T.log(p)[T.arange(y.shape[0]), y])
    rate = np.float32(RATE)
    updates = [(w, w - rate * g) for w, g in zip(params, T.grad(cost, params))]
    step = ct.function([x, y], cost, updates=updates)
    return Candidate("step(x, y)", {"step": step, "x": X, "y": Y})


def torch():
    import torch
    from torch.nn import functional as F
    params = [torch.from_numpy(w).requires_grad_() for w in weights()]
    optimizer = torch.optim.SGD(params, lr=RATE)

    def step(x, y):
        W1, b1, W2, b2, W3, b3, W4, b4 = params
        optimizer.zero_grad()
        h = torch.tanh(F.max_pool2d(F.conv2d(x, W1, b1), 2))
        h = torch.tanh(F.max_pool2d(F.conv2d(h, W2, b2), 2))
        h = torch.tanh(h.flatten(1) @ W3 + b3)
        loss = F.cross_entropy(h @ W4 + b4, y)
        loss.backward()
        optimizer.step()
        return loss
    return Candidate("step(x, y)", {
        "step": step, "x": torch.from_numpy(X), "y": torch.from_numpy(Y)})


def jax():
    import jax
    import jax.numpy as jnp
    from jax import lax

    def layer(h, W, b):
        h = lax.conv(h, W, (1, 1), "VALID")
        h = lax.reduce_window(h, -jnp.inf, lax.max, (1, 1, 2, 2), (1, 1, 2, 2), "VALID")
        return jnp.tanh(h + b[None, :, None, None])

    def cost(params, x, y):
        W1, b1, W2, b2, W3, b3, W4, b4 = params
        h = layer(layer(x, W1, b1), W2, b2).reshape(len(x), -1)
        logp = jax.nn.log_softmax(jnp.tanh(h @ W3 + b3) @ W4 + b4)
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
