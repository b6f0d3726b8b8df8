"""How fast are ten million random numbers?"""
import numpy as np
import pytest
from turns import Candidate, take_turns

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


def makers():
    """The candidates whose libraries are there, by name."""
    for maker in (cytensor, numpy, torch, jax):
        try:
            maker("uniform")
        except ModuleNotFoundError:
            continue
        yield maker


@pytest.mark.parametrize("name", ["uniform", "normal"])
def test_ten_million_float32(name, record):
    candidates = {maker.__name__: maker(name) for maker in makers()}
    for candidate in candidates.values():
        x, = candidate.value()
        np.testing.assert_allclose((x.mean(), x.std()), MOMENTS[name], atol=1e-3)
    record(f"{name}, 1e7 float32", "cytensor", take_turns(candidates), {"numpy": 0.5})
