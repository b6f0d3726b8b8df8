"""How long does compiling take, in a fresh process?"""
from fresh import Script
from questions import Question

STEP = """
import {step}
{ready}
start = time.perf_counter()
{step}.{maker}().value()
result = time.perf_counter() - start
"""
IMPORT = {"cytensor": "import cytensor.tensor", "jax": "import jax",
          "torch_compile": "import torch", "pytensor": "import pytensor"}
#: One tiny function, so that libraries are loaded and tables are built.
TINY = {
    "cytensor": "import cytensor as ct, cytensor.tensor as T; "
                "ct.function([], T.dot(T.ones((2, 2)), T.ones((2, 2))))()",
    "jax": "import jax; (jax.numpy.ones(3) + 1).block_until_ready()",
    "torch_compile": "import torch; torch.compile(lambda x: x + 1)(torch.ones(3))",
    "pytensor": "import pytensor; pytensor.function([], pytensor.tensor.ones(3) + 1)()",
}
LONG = TINY["cytensor"] + """
x, W = T.dvector("x"), T.dmatrix("W")
y, nodes = x, 0
while nodes < {nodes}:
    y, nodes = {layer}
start = time.perf_counter()
ct.function([x, W], y.sum(), on_unused_input="ignore")
result = (time.perf_counter() - start) / {count}
"""
LAYERS = {
    "elementwise": "T.sin(y) * x + y, nodes + 3",
    "layers": "T.tanh(T.dot(W, y) + x), nodes + 3",
}
OURS = "cytensor, no compiler on PATH"
MAKERS = {OURS: "cytensor", "jax.jit": "jax", "torch.compile": "torch_compile",
          "pytensor": "pytensor"}


def first_run(step, makers, ready):
    """A script for each that builds a step and runs it once."""
    return {name: Script(STEP.format(step=step, ready=ready[maker], maker=maker),
                         compilers=name != OURS, rounds=5 if name == OURS else 3)
            for name, maker in makers.items()}


def long(nodes, kind, count=1):
    """Compile a graph of so many nodes; the measure is divided by ``count``."""
    return Script(LONG.format(nodes=nodes, layer=LAYERS[kind], count=count), compilers=False,
                  rounds=3)


def long_graphs(kind):
    for nodes, limit in ((1_000, 0.05), (10_000, 1.0)):
        yield Question(f"compile a graph of {nodes:,} nodes ({kind})",
                       {OURS: long(nodes, kind)}, limit=limit)
    yield Question(f"compile time per node ({kind})", {
        "cytensor at 10,000": long(10_000, kind, 10_000),
        "cytensor at 1,000": long(1_000, kind, 1_000)}, {"cytensor at 1,000": 1.2})


def questions():
    for ready, when in ((IMPORT, "straight after the import"), (TINY, "after one tiny function")):
        yield Question(f"compile the MLP step and run it once, {when}",
                       first_run("mlp", MAKERS, ready), {"jax.jit": 0.15},
                       label="compile the MLP step" if ready is TINY else "")
    yield Question("compile the LeNet step and run it once, straight after the import",
                   first_run("lenet", {OURS: "cytensor", "jax.jit": "jax"}, IMPORT),
                   {"jax.jit": 0.05}, label="compile the LeNet step")
    for kind in LAYERS:
        yield from long_graphs(kind)


def test_question(question, ask):
    ask(question)
