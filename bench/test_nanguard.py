"""What does it cost to look at every number of a training step?"""
import mlp
from questions import Question


def questions():
    yield Question("MLP step 784-500-10 with every number looked at", {
        "cytensor, NanGuardMode": mlp.cytensor_guarded, "cytensor": mlp.cytensor,
    }, {"cytensor": 1.2}, calls=3)


def test_question(question, ask):
    ask(question)
