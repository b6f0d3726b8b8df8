"""A training step of twelve transformer blocks, in cytensor and in its peers.

Normalisation comes before attention and before the two dense layers with GELU between them, as in
GPT-2; the loss is the mean square of what comes out, the step is gradient descent.
"""
import numpy as np
from turns import Candidate

LAYERS, BATCH, STEPS, WIDTH, HEADS = 12, 4, 128, 256, 8
RATE = np.float32(0.1)
HEAD = WIDTH // HEADS
#: Shapes of the matrices of a block: to queries, keys and values; from heads; the dense layers.
MATRICES = {"qkv": (WIDTH, 3 * WIDTH), "out": (WIDTH, WIDTH),
            "up": (WIDTH, 4 * WIDTH), "down": (4 * WIDTH, WIDTH)}


def inputs():
    """A batch of sequences, of no meaning."""
    shape = BATCH, STEPS, WIDTH
    return np.random.default_rng(0).standard_normal(shape, dtype=np.float32)


def weights():
    """Start values: for each block the matrices, each with its bias, and two normalisations."""
    rng = np.random.default_rng(1)
    return [_block(rng) for _ in range(LAYERS)]


def _block(rng):
    block = {}
    for name, shape in MATRICES.items():
        block[name] = rng.normal(0, shape[0] ** -0.5, shape).astype(np.float32)
        block[f"{name}_bias"] = np.zeros(shape[1], np.float32)
    for name in ("first", "second"):
        block[name] = np.ones(WIDTH, np.float32)
        block[f"{name}_bias"] = np.zeros(WIDTH, np.float32)
    return block


# ----- cytensor -----

def cytensor():
    import cytensor as ct
    import cytensor.tensor as T
    x = T.ftensor3("x")
    blocks = [{name: ct.shared(w, name=name) for name, w in block.items()}
              for block in weights()]
    h = x
    for block in blocks:
        h = _symbolic_block(T, h, block)
    loss = (h ** 2).mean()
    params = [w for block in blocks for w in block.values()]
    updates = [(w, w - RATE * g) for w, g in zip(params, T.grad(loss, params))]
    return Candidate("step(x)", {"step": ct.function([x], loss, updates=updates), "x": inputs()})


def _symbolic_block(T, h, p):
    z = T.nnet.layer_norm(h, p["first"], p["first_bias"])
    qkv = (T.dot(z, p["qkv"]) + p["qkv_bias"]).reshape(
        (h.shape[0], h.shape[1], 3, HEADS, HEAD))
    q, k, v = [qkv[:, :, i].dimshuffle(0, 2, 1, 3) for i in range(3)]
    scores = T.matmul(q, k.dimshuffle(0, 1, 3, 2)) * np.float32(HEAD ** -0.5)
    mixed = T.matmul(T.softmax(scores), v).dimshuffle(0, 2, 1, 3).reshape(h.shape)
    h = h + T.dot(mixed, p["out"]) + p["out_bias"]
    z = T.nnet.layer_norm(h, p["second"], p["second_bias"])
    z = T.gelu(T.dot(z, p["up"]) + p["up_bias"])
    return h + T.dot(z, p["down"]) + p["down_bias"]


# ----- the peers -----

def torch():
    import torch
    from torch.nn import functional as F
    blocks = [{name: torch.from_numpy(w).requires_grad_() for name, w in block.items()}
              for block in weights()]
    optimizer = torch.optim.SGD([w for block in blocks for w in block.values()], lr=float(RATE))

    def step(x):
        optimizer.zero_grad()
        for block in blocks:
            x = _torch_block(F, x, block)
        loss = (x ** 2).mean()
        loss.backward()
        optimizer.step()
        return loss
    return Candidate("step(x)", {"step": step, "x": torch.from_numpy(inputs())})


def _torch_block(F, h, p):
    z = F.layer_norm(h, (WIDTH,), p["first"], p["first_bias"])
    qkv = (z @ p["qkv"] + p["qkv_bias"]).view(*h.shape[:2], 3, HEADS, HEAD)
    q, k, v = qkv.permute(2, 0, 3, 1, 4)
    mixed = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(h.shape)
    h = h + mixed @ p["out"] + p["out_bias"]
    z = F.layer_norm(h, (WIDTH,), p["second"], p["second_bias"])
    return h + F.gelu(z @ p["up"] + p["up_bias"]) @ p["down"] + p["down_bias"]


def jax():
    import jax
    import jax.numpy as jnp

    def loss(blocks, x):
        for block in blocks:
            x = _jax_block(jax, x, block)
        return (x ** 2).mean()

    @jax.jit
    def update(blocks, x):
        value, grads = jax.value_and_grad(loss)(blocks, x)
        return value, jax.tree.map(lambda w, g: w - RATE * g, blocks, grads)

    blocks = jax.tree.map(jnp.asarray, weights())

    def step(x):
        nonlocal blocks
        value, blocks = update(blocks, x)
        return jax.block_until_ready(value)
    return Candidate("step(x)", {"step": step, "x": jnp.asarray(inputs())})


def _jax_block(jax, h, p):
    z = _jax_norm(h, p["first"], p["first_bias"])
    qkv = (z @ p["qkv"] + p["qkv_bias"]).reshape(*h.shape[:2], 3, HEADS, HEAD)
    q, k, v = qkv.transpose(2, 0, 3, 1, 4)
    scores = q @ k.swapaxes(-1, -2) * HEAD ** -0.5
    mixed = (jax.nn.softmax(scores) @ v).transpose(0, 2, 1, 3).reshape(h.shape)
    h = h + mixed @ p["out"] + p["out_bias"]
    z = _jax_norm(h, p["second"], p["second_bias"])
    z = jax.nn.gelu(z @ p["up"] + p["up_bias"], approximate=False)
    return h + z @ p["down"] + p["down_bias"]


def _jax_norm(x, scale, shift):
    x = x - x.mean(-1, keepdims=True)
    return x * ((x ** 2).mean(-1, keepdims=True) + 1e-5) ** -0.5 * scale + shift
