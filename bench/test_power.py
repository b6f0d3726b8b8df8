"""Is a power with a known exponent computed by multiplications?"""
import numpy as np
from questions import Question
from turns import Candidate

x = np.random.default_rng(0).uniform(0.5, 1.5, size=10_000_000)


def cytensor():
    import cytensor as ct
    import cytensor.tensor as T
    a = T.dvector("x")
    return Candidate("f(x)", {"f": ct.function([a], a ** 10), "x": x})


def pytensor():
    import pytensor
    a = pytensor.tensor.dvector("x")
    return Candidate("f(x)", {"f": pytensor.function([a], a ** 10), "x": x})


def numpy():
    return Candidate("x ** 10", {"x": x})


def numexpr():
    import numexpr
    return Candidate("evaluate('x ** 10')", {"evaluate": numexpr.evaluate, "x": x})


def torch():
    import torch
    return Candidate("x ** 10", {"x": torch.from_numpy(x)})


def jax():
    import jax
    jax.config.update("jax_enable_x64", True)
    f = jax.jit(lambda x: x ** 10)
    return Candidate("f(x).block_until_ready()", {"f": f, "x": jax.numpy.asarray(x)})


def questions():
    yield Question("x**10, 1e7 float64", {
        "cytensor": cytensor, "numpy": numpy, "numexpr": numexpr, "torch": torch,
        "jax.jit": jax, "pytensor": pytensor,
    }, {"numpy": 0.2}, rtol=1e-10, label="x ** 10, 1e7")


def test_question(question, ask):
    ask(question)
