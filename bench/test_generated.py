"""What does generated C win, and how far is the interpreter of tile kernels from it?"""
import numpy as np
import pytest
from turns import Candidate, take_turns

rng = np.random.default_rng(0)


def chain(T, x, y):
    """Ten ops, written as their user would write them."""
    return 1 / (1 + T.exp(-(x * y + 0.5))) * T.tanh(x) - y ** 2


def squares(T, x, y):
    return ((x - y) ** 2).mean()


def made(make, arrays, jit):
    """``make(T, x, ...)`` compiled: with ``jit`` eager or off."""
    import cytensor as ct
    import cytensor.tensor as T
    before, ct.config.jit = ct.config.jit, jit
    xs = [T.TensorType(str(a.dtype), (None,) * a.ndim)() for a in arrays]
    f = ct.function(xs, make(T, *xs))
    f(*arrays)
    ct.config.jit = before
    return Candidate("f(*arrays)", {"f": f, "arrays": arrays})


def torch_of(make, arrays):
    import torch
    tensors = [torch.from_numpy(a) for a in arrays]
    return Candidate("f(torch, *tensors)", {"f": make, "torch": torch, "tensors": tensors})


def jax_of(make, arrays):
    import jax
    f = jax.jit(lambda *xs: make(jax.numpy, *xs))
    return Candidate("f(*arrays).block_until_ready()", {
        "f": f, "arrays": [jax.numpy.asarray(a) for a in arrays]})


def numpy_of(make, arrays):
    return Candidate("f(np, *arrays)", {"f": make, "np": np, "arrays": arrays})


def two(n):
    return [*rng.normal(size=(2, n)).astype(np.float32)]


def ways(make, arrays):
    return {"generated": lambda: made(make, arrays, "eager"),
            "interpreted": lambda: made(make, arrays, "off")}


def test_chain(contest):
    arrays = two(1_000_000)
    contest("chain of 10 elementwise ops, 1e6 float32", {
        **ways(chain, arrays), "jax.jit": lambda: jax_of(chain, arrays)},
        targets={"jax.jit": 0.65})


def test_chain_interpreted(contest):
    arrays = two(1_000_000)
    contest("the same without a compiler", dict(reversed(ways(chain, arrays).items())),
            targets={"generated": 1.6})


def test_squares(contest, record):
    arrays = two(10_000_000)
    makers = ways(squares, arrays)
    contest("mean of the squares of a difference, 1e7 float32", {
        **makers, "jax.jit": lambda: jax_of(squares, arrays)})
    reading = made(lambda T, x, y: [x.sum(), y.sum()], arrays, "off")
    times = take_turns({"generated": makers["generated"](), "reading": reading})
    record("the same, and reading the numbers", "generated", times, {"reading": 1.15})


ROWS = {
    "softmax": (lambda T, x: T.nnet.softmax(x), lambda torch, x: torch.softmax(x, 1)),
    "log-softmax": (lambda T, x: T.nnet.logsoftmax(x), lambda torch, x: torch.log_softmax(x, 1)),
    "layer norm": (
        lambda T, x: (x - x.mean(1, keepdims=True)) / T.sqrt(x.var(1, keepdims=True) + 1e-5),
        lambda torch, x: torch.nn.functional.layer_norm(x, x.shape[1:])),
}


@pytest.mark.parametrize("what", ROWS)
def test_rows(contest, what):
    ours, theirs = ROWS[what]
    arrays = [rng.normal(size=(4096, 1000)).astype(np.float32)]
    contest(f"{what} of rows, (4096, 1000) float32", {
        **ways(ours, arrays), "torch": lambda: torch_of(theirs, arrays)}, targets={"torch": 0.8},
        rtol=1e-3)


@pytest.mark.parametrize("axis", [0, 1, None])
@pytest.mark.parametrize("what", ["sum", "max"])
def test_reductions(contest, what, axis):
    def ours(T, x):
        return getattr(x, what)(axis)

    def theirs(torch, x):
        f = torch.sum if what == "sum" else torch.amax
        return f(x, dim=() if axis is None and what == "max" else axis)

    arrays = [rng.uniform(size=(4096, 4096)).astype(np.float32)]
    contest(f"{what} over axis {axis}, (4096, 4096) float32", {
        **ways(ours, arrays), "numpy": lambda: numpy_of(ours, arrays),
        "torch": lambda: torch_of(theirs, arrays)}, targets={"numpy": 0.6, "torch": 1.0},
        rtol=1e-3)
