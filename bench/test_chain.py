"""How fast is a fused chain of elementwise ops?"""
import numpy as np
from questions import Question
from turns import Candidate

rng = np.random.default_rng(0)
x, y = rng.normal(size=(2, 1_000_000)).astype(np.float32)


def chain(x, y, exp, tanh):
    """Ten ops, written as their user would write them."""
    return 1 / (1 + exp(-(x * y + 0.5))) * tanh(x) - y ** 2


def cytensor():
    import cytensor as ct
    import cytensor.tensor as T
    return _symbolic(ct, T)


def pytensor():
    import pytensor
    return _symbolic(pytensor, pytensor.tensor)


def _symbolic(lib, T):
    a, b = T.fvector("x"), T.fvector("y")
    f = lib.function([a, b], chain(a, b, T.exp, T.tanh))
    return Candidate("f(x, y)", {"f": f, "x": x, "y": y})


def numpy():
    return Candidate("chain(x, y, np.exp, np.tanh)", {"chain": chain, "np": np, "x": x, "y": y})


def numexpr():
    import numexpr
    numexpr.set_num_threads(2)
    text = "1 / (1 + exp(-(x * y + half))) * tanh(x) - y ** 2"
    return Candidate(f"evaluate({text!r}, names)", {
        "evaluate": numexpr.evaluate, "names": {"x": x, "y": y, "half": np.float32(0.5)}})


def torch():
    import torch
    return Candidate("chain(x, y, torch.exp, torch.tanh)", {
        "chain": chain, "torch": torch, "x": torch.from_numpy(x), "y": torch.from_numpy(y)})


def jax():
    import jax
    f = jax.jit(lambda x, y: chain(x, y, jax.numpy.exp, jax.numpy.tanh))
    return Candidate("f(x, y).block_until_ready()", {
        "f": f, "x": jax.numpy.asarray(x), "y": jax.numpy.asarray(y)})


def questions():
    yield Question("chain of 10 elementwise ops, 1e6 float32", {
        "cytensor": cytensor, "numpy": numpy, "numexpr": numexpr, "torch": torch,
        "jax.jit": jax, "pytensor": pytensor,
    }, {"jax.jit": 1.1}, label="chain of 10 ops, 1e6")


def test_question(question, ask):
    ask(question)
