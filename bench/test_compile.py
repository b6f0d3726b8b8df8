"""How long does compiling take, in a fresh process?"""
import fresh
import pytest

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
result = time.perf_counter() - start
"""
LAYERS = {
    "elementwise": "T.sin(y) * x + y, nodes + 3",
    "layers": "T.tanh(T.dot(W, y) + x), nodes + 3",
}


@pytest.mark.parametrize("ready, when", [
    (IMPORT, "straight after the import"), (TINY, "after one tiny function")])
def test_mlp_with_gradients_and_updates(record, ready, when):
    makers = {"cytensor, no compiler on PATH": "cytensor", "jax.jit": "jax",
              "torch.compile": "torch_compile", "pytensor": "pytensor"}
    bodies = {name: STEP.format(step="mlp", ready=ready[maker], maker=maker)
              for name, maker in makers.items()}
    ours = next(iter(bodies))
    measures = fresh.take_turns({ours: bodies.pop(ours)}, compilers=False)
    measures |= fresh.take_turns(bodies, rounds=3)
    record(f"compile the MLP step and run it once, {when}", ours, measures, {"jax.jit": 0.15})


def test_lenet_with_gradients_and_updates(record):
    bodies = {maker: STEP.format(step="lenet", ready=IMPORT[maker], maker=maker)
              for maker in ("cytensor", "jax")}
    measures = fresh.take_turns({"cytensor": bodies.pop("cytensor")}, compilers=False)
    measures |= fresh.take_turns(bodies, rounds=3)
    record("compile the LeNet step and run it once, straight after the import", "cytensor",
           measures, {"jax": 0.05})


@pytest.mark.parametrize("kind", LAYERS)
def test_compile_time_is_linear(record, kind):
    times = {nodes: fresh.take_turns(
        {"": LONG.format(nodes=nodes, layer=LAYERS[kind])}, rounds=3, compilers=False)[""]
        for nodes in (1_000, 10_000)}
    for nodes, limit in ((1_000, 0.05), (10_000, 1.0)):
        record(f"compile a graph of {nodes:,} nodes ({kind})", "cytensor",
               {"cytensor": times[nodes]}, limit=limit)
    small, large = "cytensor at 1,000", "cytensor at 10,000"
    record(f"compile time per node ({kind})", large,
           {large: times[10_000] / 10_000, small: times[1_000] / 1_000}, {small: 1.2})
