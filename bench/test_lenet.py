"""How fast is a training step of a small convolutional network?"""
import lenet
from questions import Question


def questions():
    yield Question("LeNet step, batch 64, float32", {
        "cytensor": lenet.cytensor, "torch": lenet.torch, "jax.jit": lenet.jax,
    }, {"torch": 0.5, "jax.jit": 0.25}, calls=3, label="LeNet step")


def test_question(question, ask):
    ask(question)
