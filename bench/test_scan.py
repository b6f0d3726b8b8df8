"""What does a loop cost: an LSTM, dynamic time warping, a recurrence of single numbers?"""
from functools import partial

import lstm
import numpy as np
import tiers
from fresh import Script
from questions import Question
from turns import Candidate

rng = np.random.default_rng(0)
SIGNALS = rng.normal(size=200), rng.normal(size=200)


# ----- LSTM -----

def lstm_gradient(shape, targets):
    steps, batch, inputs, hidden = shape
    return Question(
        f"LSTM T={steps} B={batch} I={inputs} H={hidden}, forward and gradient, float32", {
            "cytensor": partial(lstm.cytensor, shape), "torch.nn.LSTM": partial(lstm.torch, shape),
            "jax.jit of lax.scan": partial(lstm.jax, shape),
        }, targets, rtol=1e-3, label=f"LSTM of {steps} steps, gradient")


COMPILE = """
import lstm
import {library}
start = time.perf_counter()
lstm.{maker}().value()
result = time.perf_counter() - start
"""


def lstm_compile():
    return Question("compile the LSTM step and run it once", {
        "cytensor, no compiler on PATH": Script(
            COMPILE.format(library="cytensor.tensor", maker="cytensor"), compilers=False),
        "jax.jit": Script(COMPILE.format(library="jax", maker="jax"), rounds=3),
    }, {"jax.jit": 0.15}, label="compile the LSTM step")


PEAK = """
import lstm
def resident(key):
    line = next(line for line in open("/proc/self/status") if line.startswith(key))
    return int(line.split()[1]) / 1024
f = lstm.cytensor((1000, 32, 64, 128), checkpoint={checkpoint!r})
before = resident("VmRSS")
f.value()
result = resident("VmHWM") - before
"""


def peak_memory_with_checkpoints():
    return Question("memory of the gradient of an LSTM of 1,000 steps", {
        'checkpoint="sqrt"': Script(PEAK.format(checkpoint="sqrt"), rounds=3),
        "without": Script(PEAK.format(checkpoint=None), rounds=3),
    }, {"without": 0.15}, unit="MB")


# ----- loops in loops -----

def cytensor_warping(jit, gradient=False):
    """With ``jit`` eager a C compiler is used, with ``jit`` off there might be none."""
    import cytensor as ct
    import cytensor.tensor as T
    x, y = T.dvectors("x", "y")
    infinite = T.constant(np.inf)

    def row(x_i, above, y):
        def cell(y_j, up, corner, left):
            return abs(x_i - y_j) + T.minimum(left, T.minimum(up, corner))
        cells, _ = ct.scan(cell, [y, above[1:], above[:-1]], infinite)
        return T.concatenate([T.stack([infinite]), cells])

    first = T.set_subtensor(T.zeros((y.shape[0] + 1,))[1:], infinite)
    rows, _ = ct.scan(row, x, first, y)
    cost = rows[-1, -1]
    results = T.grad(cost, [x, y]) if gradient else cost
    f = tiers.build(jit, lambda: ct.function([x, y], results), SIGNALS)
    return Candidate("f(*signals)", {"f": f, "signals": SIGNALS})


def jax_warping(gradient=False):
    import jax
    import jax.numpy as jnp
    jax.config.update("jax_enable_x64", True)

    def cost(x, y):
        def row(above, x_i):
            def cell(left, at):
                y_j, up, corner = at
                cost = jnp.abs(x_i - y_j) + jnp.minimum(left, jnp.minimum(up, corner))
                return cost, cost
            _, cells = jax.lax.scan(cell, jnp.inf, (y, above[1:], above[:-1]))
            return jnp.concatenate([jnp.full(1, jnp.inf), cells]), None
        first = jnp.concatenate([jnp.zeros(1), jnp.full(y.shape[0], jnp.inf)])
        return jax.lax.scan(row, first, x)[0][-1]
    f = jax.jit(jax.grad(cost, (0, 1)) if gradient else cost)
    return Candidate("block(f(*signals))", {
        "f": f, "signals": SIGNALS, "block": jax.block_until_ready})


def numba_warping():
    import numba

    @numba.njit
    def f(x, y):
        cost = np.full((len(x) + 1, len(y) + 1), np.inf)
        cost[0, 0] = 0
        for i in range(len(x)):
            for j in range(len(y)):
                best = min(cost[i, j], cost[i, j + 1], cost[i + 1, j])
                cost[i + 1, j + 1] = abs(x[i] - y[j]) + best
        return cost[-1, -1]
    return Candidate("f(*signals)", {"f": f, "signals": SIGNALS})


def warping():
    name = "dynamic time warping of 200 by 200 numbers, two nested scans, float64"
    yield Question(name, {
        "cytensor": partial(cytensor_warping, "eager"), "jax.jit of two scans": jax_warping,
        "numba": numba_warping,
    }, {"jax.jit of two scans": 0.25, "numba": 1.2}, rtol=1e-9,
        label="dynamic time warping, 200 x 200")
    yield Question(f"{name}, without a C compiler", {
        "cytensor": partial(cytensor_warping, "off"), "jax.jit of two scans": jax_warping,
    }, {"jax.jit of two scans": 0.5}, rtol=1e-9)
    yield Question(f"the gradient of {name}", {
        "cytensor": partial(cytensor_warping, "eager", True),
        "jax.jit of two scans": partial(jax_warping, True),
    }, {"jax.jit of two scans": 0.25}, rtol=1e-9, label="gradient of dynamic time warping")


# ----- one number -----

PER_STEP = """
import cytensor as ct
import cytensor.tensor as T
x, n = T.dscalar("x"), T.lscalar("n")
values, _ = ct.scan(lambda x: 3.7 * x * (1 - x), outputs_info=x, n_steps=n)
f = ct.function([x, n], values[-1])
f(0.3, 1000)
start = time.perf_counter()
f(0.3, 1_000_000)
result = (time.perf_counter() - start) / 1e6
"""


def scalar_recurrence():
    name = "a step of 3.7 * x * (1 - x), a million of them"
    yield Question(name, {"cytensor": Script(PER_STEP, env={"CYTENSOR_JIT": "eager"})}, limit=5e-9)
    yield Question(f"{name}, without a C compiler", {
        "cytensor": Script(PER_STEP, compilers=False)}, limit=100e-9)


def questions():
    yield lstm_gradient(lstm.LARGE, {"torch.nn.LSTM": 0.7, "jax.jit of lax.scan": 0.35})
    yield lstm_gradient(lstm.LONG, {"torch.nn.LSTM": 0.5})
    yield lstm_compile()
    yield peak_memory_with_checkpoints()
    yield from warping()
    yield from scalar_recurrence()


def test_question(question, ask):
    ask(question)
