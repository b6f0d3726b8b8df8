"""How fast is a training step of twelve transformer blocks?"""
import transformer
from questions import Question


def questions():
    yield Question("step of 12 transformer blocks, B=4 T=128 D=256, 8 heads, float32", {
        "cytensor": transformer.cytensor, "torch": transformer.torch, "jax.jit": transformer.jax,
    }, {"torch": 0.9, "jax.jit": 0.9}, calls=3, rtol=1e-3, label="12 transformer blocks, step")


def test_question(question, ask):
    ask(question)
