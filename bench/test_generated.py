"""What does generated C win, and how far is the interpreter of tile kernels from it?"""
from functools import cache

import numpy as np
import tiers
from questions import Question
from turns import Candidate


def chain(T, x, y):
    """Ten ops, written as their user would write them."""
    return 1 / (1 + T.exp(-(x * y + 0.5))) * T.tanh(x) - y ** 2


def power(T, x, y):
    """An exponent that is the same for all, and no number of roots."""
    return (x * x + y * y) ** 0.7


def squares(T, x, y):
    return ((x - y) ** 2).mean()


def reading(T, x, y):
    """As little as can be done with every number."""
    return [x.sum(), y.sum()]


def made(make, arrays, jit):
    """``make(T, x, ...)`` compiled: with ``jit`` eager or off."""
    import cytensor as ct
    import cytensor.tensor as T
    xs = [T.TensorType(str(a.dtype), (None,) * a.ndim)() for a in arrays]
    f = tiers.build(jit, lambda: ct.function(xs, make(T, *xs)), arrays)
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


@cache
def two(n):
    return [*np.random.default_rng(0).normal(size=(2, n)).astype(np.float32)]


@cache
def matrix(*shape):
    return [np.random.default_rng(0).standard_exponential(shape, np.float32)]


def ways(make, arrays, *sizes):
    """Both tiers of ours, of ``arrays(*sizes)``."""
    return {"generated": lambda: made(make, arrays(*sizes), "eager"),
            "interpreted": lambda: made(make, arrays(*sizes), "off")}


def elementwise():
    n = 1_000_000
    both = ways(chain, two, n)
    yield Question("chain of 10 elementwise ops, 1e6 float32", {
        **both, "jax.jit": lambda: jax_of(chain, two(n))}, {"jax.jit": 0.65})
    yield Question("the same chain, without a compiler", dict(reversed(both.items())),
                   {"generated": 1.6})
    yield Question("(x * x + y * y) ** 0.7, 1e6 float32", {
        **ways(power, two, n), "jax.jit": lambda: jax_of(power, two(n))},
        {"interpreted": 1.1, "jax.jit": 1.0})


def difference():
    n = 10_000_000
    both = ways(squares, two, n)
    yield Question("mean of the squares of a difference, 1e7 float32", {
        **both, "jax.jit": lambda: jax_of(squares, two(n))},
        label="mean square of a difference, 1e7")
    yield Question("mean of the squares of a difference, and reading the numbers", {
        "generated": both["generated"],
        "cytensor, two sums": lambda: made(reading, two(n), "off"),
    }, {"cytensor, two sums": 1.15}, check=lambda values: None)


ROWS = {
    "softmax": (lambda T, x: T.nnet.softmax(x), lambda torch, x: torch.softmax(x, 1)),
    "log-softmax": (lambda T, x: T.nnet.logsoftmax(x), lambda torch, x: torch.log_softmax(x, 1)),
    "layer norm": (
        lambda T, x: (x - x.mean(1, keepdims=True)) / T.sqrt(x.var(1, keepdims=True) + 1e-5),
        lambda torch, x: torch.nn.functional.layer_norm(x, x.shape[1:])),
}


def rows(what):
    ours, theirs = ROWS[what]
    shape = 4096, 1000
    return Question(f"{what} of rows, {shape} float32", {
        **ways(ours, matrix, *shape), "torch": lambda: torch_of(theirs, matrix(*shape)),
    }, {"torch": 0.8}, rtol=1e-3, label=f"{what} of rows")


#: For torch, whose names and axes are others.
THEIRS = {
    "sum": lambda torch, x, axis: torch.sum(x, dim=axis),
    "max": lambda torch, x, axis: torch.amax(x, dim=() if axis is None else axis),
    "argmax": lambda torch, x, axis: torch.argmax(x, dim=axis),
}


def reduction(what, axis):
    def ours(T, x):
        return getattr(x, what)(axis)

    def theirs(torch, x):
        return THEIRS[what](torch, x, axis)

    shape, axes = (4096, 4096), "all" if axis is None else f"axis {axis}"
    return Question(f"{what} over {axes}, {shape} float32", {
        **ways(ours, matrix, *shape), "numpy": lambda: numpy_of(ours, matrix(*shape)),
        "torch": lambda: torch_of(theirs, matrix(*shape)),
    }, {"numpy": 0.6, "torch": 1.0}, rtol=1e-3, label=f"{what} over {axes}, 4096 x 4096")


def questions():
    yield from elementwise()
    yield from difference()
    yield from map(rows, ROWS)
    for what in THEIRS:
        for axis in (0, 1, None):
            yield reduction(what, axis)


def test_question(question, ask):
    ask(question)
