"""How much memory does training take, and does it stay the same?"""
from fresh import Script
from growth import TIMES
from questions import Question

TRAIN = """
import mlp
step = mlp.{maker}()
for _ in range(200):
    step.value()
result = 0
"""


def peak_of_training():
    makers = {"cytensor": "cytensor", "jax.jit": "jax", "torch": "torch", "pytensor": "pytensor"}
    return Question("peak memory of 200 steps of the MLP", {
        name: Script(TRAIN.format(maker=maker), peak=True, rounds=3)
        for name, maker in makers.items()
    }, {"jax.jit": 0.5}, unit="MB")


CONVOLUTION = """
import numpy as np, cytensor as ct, cytensor.tensor as T
x, w, g = T.ftensor4("x"), T.ftensor4("w"), T.ftensor4("g")
y = T.nnet.conv2d(x, w, filter_flip=False)
f = ct.function([x, w, g], [y, *T.grad(None, [x, w], known_grads={y: g})])

def arrays(*shapes):
    return [np.random.rand(*shape).astype(np.float32) for shape in shapes]

def memory(which):
    line = next(line for line in open("/proc/self/status") if line.startswith(which))
    return int(line.split()[1]) * 1024

f(*arrays((2, 64, 28, 28), (64, 64, 3, 3), (2, 64, 26, 26)))
given = arrays((32, 64, 28, 28), (64, 64, 3, 3), (32, 64, 26, 26))
open("/proc/self/clear_refs", "w").write("5")       # the peak is that of now
before = memory("VmRSS")
made = f(*given)
needed = sum(a.nbytes for a in given)
result = (needed + memory("VmHWM") - before) / (needed + sum(a.nbytes for a in made))
"""


def peak_of_a_convolution():
    return Question(
        "peak memory of a convolution and both gradients, over that of its inputs and outputs",
        {"cytensor": Script(CONVOLUTION, rounds=3)}, limit=1.3, unit="times")


GROWTH = """
from growth import growth
result = growth({what!r})
"""
NAMES = {"calls": "calls of a function", "compiles": "functions compiled",
         "sizes": "sets of sizes, once and again"}


def growth(what):
    return Question(f"resident memory after {TIMES[what][0]:,} {NAMES[what]}, over that before",
                    {"cytensor": Script(GROWTH.format(what=what), rounds=1)}, limit=1.01,
                    unit="times")


def questions():
    yield peak_of_training()
    yield peak_of_a_convolution()
    yield from map(growth, NAMES)


def test_question(question, ask):
    ask(question)
