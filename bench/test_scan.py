"""What does a loop cost: an LSTM, dynamic time warping, a recurrence of single numbers?"""
import fresh
import lstm
import numpy as np
import pytest
from turns import Candidate

rng = np.random.default_rng(0)
SIGNALS = rng.normal(size=200), rng.normal(size=200)


# ----- LSTM -----

@pytest.mark.parametrize("shape, targets", [
    (lstm.LARGE, {"torch.nn.LSTM": 0.7, "jax.jit of lax.scan": 0.35}),
    (lstm.LONG, {"torch.nn.LSTM": 0.5}),
], ids=["large", "long"])
def test_lstm_forward_and_gradient(contest, shape, targets):
    steps, batch, inputs, hidden = shape
    contest(f"LSTM T={steps} B={batch} I={inputs} H={hidden}, forward and gradient, float32", {
        "cytensor": lambda: lstm.cytensor(shape), "torch.nn.LSTM": lambda: lstm.torch(shape),
        "jax.jit of lax.scan": lambda: lstm.jax(shape)}, targets, rtol=1e-3)


COMPILE = """
import lstm
import {library}
start = time.perf_counter()
lstm.{maker}().value()
result = time.perf_counter() - start
"""


def test_compile_the_lstm_step(record):
    bodies = {"cytensor, no compiler on PATH": ("cytensor.tensor", "cytensor"),
              "jax.jit": ("jax", "jax")}
    bodies = {name: COMPILE.format(library=library, maker=maker)
              for name, (library, maker) in bodies.items()}
    ours = next(iter(bodies))
    measures = fresh.take_turns({ours: bodies.pop(ours)}, compilers=False)
    measures |= fresh.take_turns(bodies, rounds=3)
    record("compile the LSTM step and run it once", ours, measures, {"jax.jit": 0.15})


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


def test_peak_memory_with_checkpoints(record):
    bodies = {name: PEAK.format(checkpoint=checkpoint)
              for name, checkpoint in (('checkpoint="sqrt"', "sqrt"), ("without", None))}
    record("memory of the gradient of an LSTM of 1,000 steps", 'checkpoint="sqrt"',
           fresh.take_turns(bodies, rounds=3), {"without": 0.15}, unit="MB")


# ----- loops in loops -----

def cytensor_warping():
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
    return Candidate("f(*signals)", {"f": ct.function([x, y], rows[-1, -1]), "signals": SIGNALS})


def jax_warping():
    import jax
    import jax.numpy as jnp
    jax.config.update("jax_enable_x64", True)

    @jax.jit
    def f(x, y):
        def row(above, x_i):
            def cell(left, at):
                y_j, up, corner = at
                cost = jnp.abs(x_i - y_j) + jnp.minimum(left, jnp.minimum(up, corner))
                return cost, cost
            _, cells = jax.lax.scan(cell, jnp.inf, (y, above[1:], above[:-1]))
            return jnp.concatenate([jnp.full(1, jnp.inf), cells]), None
        first = jnp.concatenate([jnp.zeros(1), jnp.full(y.shape[0], jnp.inf)])
        return jax.lax.scan(row, first, x)[0][-1]
    return Candidate("f(*signals).block_until_ready()", {"f": f, "signals": SIGNALS})


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


def test_dynamic_time_warping(contest):
    contest("dynamic time warping of 200 by 200 numbers, two nested scans, float64", {
        "cytensor": cytensor_warping, "jax.jit of two scans": jax_warping,
        "numba": numba_warping,
    }, targets={"jax.jit of two scans": 0.25, "numba": 1.2}, rtol=1e-9)


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


def test_overhead_per_step_of_a_scalar_recurrence(record):
    record("a step of 3.7 * x * (1 - x), a million of them", "cytensor, no compiler on PATH",
           fresh.take_turns({"cytensor, no compiler on PATH": PER_STEP}, compilers=False),
           limit=100e-9)
