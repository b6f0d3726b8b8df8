"""Random graphs give the same with and without rewrites, and as the naive twin.

To hunt for bugs, try more of them: ``GRAPHS=20000 pytest tests/test_random_graphs.py``.
"""
import os
from contextlib import contextmanager, suppress

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from random_graphs import Graph, Unfit, update
from reference import evaluate

import cytensor as ct
import cytensor.tensor as T

EXAMPLES = int(os.environ.get("GRAPHS", "0"))
LONGEST = 14
MODES = "fast_run", "fast_compile", "none"

randomly = settings(
    max_examples=EXAMPLES or 300, derandomize=not EXAMPLES, deadline=None, database=None,
    suppress_health_check=list(HealthCheck))
#: Programs of decisions; hypothesis makes a failing one shorter.
decisions = given(st.randoms(use_true_random=False), st.integers(1, LONGEST))


def chosen(graph):
    """The last value, and up to three others."""
    made = graph.made
    return made[-1:] + graph.rng.sample(made, min(len(made), graph.rng.randint(0, 3)))


def largest(arrays):
    """The largest absolute value, or 1."""
    return max([1.0, *[float(np.abs(x).max()) for x in arrays if x.size]])


def finite(arrays):
    return all([np.isfinite(x).all() for x in arrays])


def compare(results, want, tolerance, scale):
    """Results differ by rounding alone; ``scale`` is the size of what went into them."""
    for got, expected in zip(results, want, strict=True):
        assert got.dtype == expected.dtype
        np.testing.assert_allclose(got, expected, rtol=tolerance, atol=tolerance * scale)


def compiled(graph, outputs):
    return [ct.function(graph.inputs, outputs, mode=mode, on_unused_input="ignore")
            for mode in MODES]


@randomly
@decisions
def test_values(rng, steps):
    graph = Graph(rng, steps)
    outputs = chosen(graph)
    want = [graph.values[x] for x in outputs]
    for f in compiled(graph, outputs):
        for _ in range(2):              # the second call finds the plan of the first
            compare(f(*graph.feed.values()), want, graph.tolerance, largest(graph.values.values()))


def resized(graph):
    """Other values of the inputs, with other sizes wherever a type leaves them open."""
    sizes = {n: graph.rng.choice([1, 2, 3, 4, 6]) for x in graph.inputs for n in graph.shape(x)}
    return {x: graph.random_array(x.type.dtype, [
        sizes[n] if known is None else known for n, known in zip(graph.shape(x), x.type.shape)])
        for x in graph.inputs}


@contextmanager
def repeating_is_refused():
    """NumPy repeats an axis that happens to have size 1."""
    try:
        yield
    except ValueError as error:
        if "not known to be 1" not in str(error):
            raise


@randomly
@decisions
def test_other_sizes(rng, steps):
    graph = Graph(rng, steps)
    outputs = chosen(graph)
    feed = resized(graph)
    try:
        want = evaluate(outputs, feed)
    except (ValueError, IndexError, AssertionError):
        return                          # these sizes do not go together
    if not finite(want):
        return                          # safer rewrites may find a number there
    scale = largest(want) * largest(feed.values())
    for f in compiled(graph, outputs):
        f(*graph.feed.values())
        with repeating_is_refused():
            compare(f(*feed.values()), want, graph.tolerance * 100, scale * 100)


@randomly
@decisions
def test_gradients(rng, steps):
    graph = Graph(rng, steps)
    costs = [T.tanh(0.3 * x + 0.1).sum() for x in chosen(graph) if x.type.dtype == graph.float]
    inputs = [x for x in graph.inputs if x.type.dtype == graph.float]
    if not costs or not inputs:
        return
    grads = T.grad(sum(costs), inputs, disconnected_inputs="ignore")
    want = evaluate(grads, graph.feed)
    if not finite(want):
        return
    for f in compiled(graph, grads):
        compare(f(*graph.feed.values()), want, graph.tolerance * 100,
                largest(want) * largest(graph.values.values()))


# ----- updates of shared variables -----

def updates_of(graph, states):
    """New values for some of the shared variables."""
    updates = {}
    for x in states:
        with suppress(Unfit):
            updates[x] = update(graph, x)
    return updates


@randomly
@decisions
def test_updates(rng, steps):
    """The new values are those of the same expressions; after an error nothing has changed."""
    graph = Graph(rng, steps, shared=0.7)
    states = [x for x in graph.inputs if isinstance(x, ct.SharedVariable)]
    arguments = [x for x in graph.inputs if x not in states]
    outputs, updates = chosen(graph), updates_of(graph, states)
    place = T.lvector()
    f = ct.function([*arguments, place], [*outputs, T.arange(3)[place]], updates=updates,
                    mode=rng.choice(MODES), on_unused_input="ignore")
    before = [x.get_value() for x in states]
    with pytest.raises(IndexError):
        f(*[graph.values[x] for x in arguments], [7])
    for x, value in zip(states, before):
        np.testing.assert_array_equal(x.get_value(), value, strict=True)
    want = evaluate([*outputs, *updates.values()], graph.feed)
    results = f(*[graph.values[x] for x in arguments], [1])
    after = [x.get_value() for x in updates]
    compare([*results[:-1], *after], want, graph.tolerance, largest(graph.values.values()) ** 2)
    for x, value in zip(states, before):
        if x not in updates:
            np.testing.assert_array_equal(x.get_value(), value, strict=True)
