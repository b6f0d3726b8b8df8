"""What does a call cost, where the work is next to nothing?"""
import numpy as np
from questions import Question
from turns import Candidate

a = np.array([[1.0, 2.0], [3.0, 4.0]])


def cytensor():
    import cytensor as ct
    import cytensor.tensor as T
    A = T.dmatrix("A")
    return Candidate("f(a)", {"f": ct.function([A], A * 2), "a": a})


def cytensor_trusting():
    candidate = cytensor()
    candidate.names["f"].trust_input = True
    return candidate


def numpy():
    return Candidate("a * 2", {"a": a})


def torch():
    import torch
    return Candidate("a * 2", {"a": torch.from_numpy(a)})


def jax():
    import jax
    jax.config.update("jax_enable_x64", True)
    f = jax.jit(lambda a: a * 2)
    return Candidate("f(a).block_until_ready()", {"f": f, "a": jax.numpy.asarray(a)})


def pytensor():
    import pytensor
    A = pytensor.tensor.dmatrix("A")
    return Candidate("f(a)", {"f": pytensor.function([A], A * 2), "a": a})


def pytensor_trusting():
    candidate = pytensor()
    candidate.names["f"].trust_input = True
    return candidate


def questions():
    yield Question("call of A*2 on a 2x2 float64 matrix", {
        "cytensor": cytensor, "cytensor (trust_input)": cytensor_trusting, "numpy": numpy,
        "torch": torch, "jax.jit": jax, "pytensor": pytensor,
        "pytensor (trust_input)": pytensor_trusting,
    }, {"numpy": 0.8, "pytensor (trust_input)": 0.3}, label="call of A * 2, 2x2")


def test_question(question, ask):
    ask(question)
