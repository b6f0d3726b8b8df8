"""How fast are ten million random numbers?"""
from functools import partial

import numpy as np
from questions import Question
from turns import Candidate

N = 10_000_000
MOMENTS = {"uniform": (0.5, 12**-0.5), "normal": (0.0, 1.0)}


def cytensor(name):
    import cytensor as ct
    draw = getattr(ct.random.Stream(1), name)
    return Candidate("f()", {"f": ct.function([], draw((N,), dtype="float32"))})


def numpy(name):
    rng = np.random.default_rng(1)
    draw = {"uniform": rng.random, "normal": rng.standard_normal}[name]
    return Candidate("draw(n, dtype='float32')", {"draw": draw, "n": N})


def torch(name):
    import torch
    return Candidate("draw(n)", {"draw": {"uniform": torch.rand, "normal": torch.randn}[name],
                                 "n": N})


def jax(name):
    import jax
    draw = jax.jit(lambda key: getattr(jax.random, name)(key, (N,), dtype="float32"))
    return Candidate("draw(key).block_until_ready()", {"draw": draw, "key": jax.random.key(1)})


def question(name):
    def check(values):
        (x,), = values
        np.testing.assert_allclose((x.mean(), x.std()), MOMENTS[name], atol=1e-3)

    makers = (cytensor, numpy, torch, jax)
    return Question(f"{name}, 1e7 float32", {m.__name__: partial(m, name) for m in makers},
                    {"numpy": 0.5}, check=check, label=f"{name} numbers, 1e7")


def questions():
    return map(question, MOMENTS)


def test_question(question, ask):
    ask(question)
