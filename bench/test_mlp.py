"""How fast is a training step of perceptrons: of usual size, wide, and small?"""
from functools import partial

import mlp
from questions import Question

EITHER = {"jax.jit": 0.8, "torch": 0.8}


def against_both(name, shape, label):
    return Question(name, {
        "cytensor": partial(mlp.cytensor, shape), "torch": partial(mlp.torch, shape),
        "jax.jit": partial(mlp.jax, shape),
    }, EITHER, calls=3, label=label)


def questions():
    yield Question("MLP step 784-500-10, batch 256, float32", {
        "cytensor": mlp.cytensor, "numpy by hand": mlp.numpy, "torch": mlp.torch,
        "torch.compile": mlp.torch_compile, "jax.jit": mlp.jax, "pytensor": mlp.pytensor,
    }, EITHER, calls=3, label="MLP step 784-500-10")
    yield against_both("MLP step 784-2048-2048-10, batch 512, float32", mlp.WIDE,
                       "MLP step 784-2048-2048-10")
    yield against_both("MLP step 20-50-50-1, batch 32, float32", mlp.SMALL, "MLP step 20-50-50-1")


def test_question(question, ask):
    ask(question)
