"""Rewrites: each rule keeps the value and the gradient, and the passes do what they are for."""
import itertools

import numpy as np
import pytest
from reference import evaluate

from cytensor import config
from cytensor._core import Constant, TensorType, hole, toposort
from cytensor.autodiff.absent import NullTypeGradError
from cytensor.autodiff.reverse import grad
from cytensor.ops import (
    elementwise as ew, gather, generate, indexing, linear, reduce, softmax, subtensor, views)
from cytensor.ops.registry import KIND, cast, constant
from cytensor.rewrites import algebra, powers, reductions, shapes, stability, updates
from cytensor.rewrites.driver import Pass
from cytensor.rewrites.expand import expand
from cytensor.rewrites.fold import fold
from cytensor.rewrites.intern import intern
from cytensor.rewrites.patterns import (
    AnyParam, NodeRule, RewriteError, Rule, constant_hole, instantiate)

TABLES = {
    "smaller": [*algebra.SMALLER, *shapes.SHAPES, *reductions.REDUCTIONS],
    "safer": stability.SAFER,
    "faster": [*powers.POWERS, *updates.UPDATES],
}
RULES = [rule for table in TABLES.values() for rule in table if isinstance(rule, Rule)]
PASSES = {name: Pass(name, table) for name, table in TABLES.items()}


def tensor(name, ndim=0, dtype="float64", shape=None):
    return TensorType(dtype, shape or (None,) * ndim)(name)


def names_of(outputs):
    """The ops of a graph, in order."""
    return [node.op.name for node in toposort(outputs)]


def rewritten(*outputs):
    """Run the passes in the order in which a compilation does."""
    outputs = list(outputs)
    for step in (intern, PASSES["smaller"], PASSES["safer"], PASSES["smaller"], intern,
                 PASSES["faster"], PASSES["smaller"]):
        outputs = step(outputs)
    return intern(folded(outputs))


def folded(outputs):
    return fold(outputs, evaluate)


# ----- each rule -----
#
# The holes of a rule are filled by their names, from the values below. A rule is tried on every
# combination that makes a graph, and has to fire on one of them at the least.

SIZE = 3
RNG = np.random.default_rng(0)
INDEX = np.array([2, 0, 1])


def _numbers(kind, shape):
    if kind == "int":
        return RNG.integers(1, 5, shape)
    if kind == "bool":
        return RNG.integers(0, 2, shape).astype(bool)
    if kind == "complex":
        return RNG.uniform(0.2, 0.9, shape) + 1j * RNG.uniform(0.2, 0.9, shape)
    return RNG.uniform(0.2, 0.9, shape) * (-1 if kind == "negative" else 1)


def _inputs(kind):
    """What may fill a hole, by its name: arrays for inputs, constants, tuples for `rest`."""
    square, vector, number = (_numbers(kind, shape) for shape in ((SIZE, SIZE), SIZE, ()))
    sizes = [constant(SIZE), constant(SIZE)]
    if kind == "bool":
        c = d = True
    else:
        c, d = (2, 3) if kind == "int" else (0.25, -2.0)
    wide = square.dtype.name
    return {
        "x": [square, vector, ew.exp], "y": [_numbers(kind, (SIZE, SIZE)), INDEX, vector],
        "z": [square + square], "g": [_numbers(kind, (SIZE, SIZE)), vector],
        "h": [square], "a": [square], "b": [square[::-1].copy()],
        "s": [number], "t": [number + number], "alpha": [number], "beta": [number],
        "c": [constant(np.array(c, wide)), square], "d": [constant(np.array(d, wide))],
        "i": [INDEX], "n": [constant(SIZE)], "m": [constant(SIZE)],
        "blank": [constant(np.zeros((SIZE, SIZE), wide))],
        "indices": [(constant(INDEX),), (constant(INDEX), constant(INDEX)), ()],
        "dims": [tuple(sizes)], "others": [tuple(sizes), (constant(SIZE * SIZE),)],
        "axis": [(0,), (1,), (0, 1), 0], "keepdims": [False, True],
        "order": [(0, 1), (1, 0), (0, -1), (-1,), (0,), (0, -1, 1)],
        "outer": [(1, 0), (0,), (0, 1, -1)],
        "dtype": ["float64", "int64", "bool"], "wide": ["float64", "complex128", "int64"],
        "index": [(("slice", None, None, None),), (("at", 1),), (("slice", 0, 2, None),)],
    }


def _names(pattern, found):
    """The names of the holes and of the free parameters of a pattern."""
    if getattr(pattern, "owner", None) is None:
        if hasattr(pattern, "name") and not isinstance(pattern, Constant):
            found[pattern.name] = pattern
        return found
    for p in pattern.owner.inputs:
        _names(p, found)
    found.update({v.name: v.name for v in pattern.owner.params.values()
                  if isinstance(v, AnyParam)})
    return found


def _fill(value, name, feed):
    """A variable for an array, alone or below an op; constants and parameters as they are."""
    if value is ew.exp:
        return ew.exp(_fill(np.full((SIZE, SIZE), 0.5), name, feed))
    if not isinstance(value, (np.ndarray, np.generic)):
        return value
    x = tensor(name, dtype=value.dtype.name, shape=value.shape)
    feed[x] = value
    return x


def _fillings(rule):
    """Every way to fill the holes of a rule so that its old side is a graph."""
    places = _names(rule.old, {})
    for kind in ("float", "negative", "int", "bool", "complex"):
        given = _inputs(kind)
        for values in itertools.product(*[given[name] for name in places]):
            feed = {}
            env = {place: _fill(value, name, feed)
                   for (name, place), value in zip(places.items(), values)}
            try:
                old = instantiate(rule.old, env)
                yield kind, old, feed, evaluate(old, feed)
            except (TypeError, ValueError, IndexError, KeyError, AssertionError):
                continue


def _gradients(out, weights, feed):
    if KIND[out.type.dtype] not in "fc":
        return []
    wrt = [x for x in feed if KIND[x.type.dtype] in "fc"]
    cost = ew.real(reduce.sum(out * constant(weights)))
    if cost.type.dtype == "float16" or not wrt:
        return []
    try:
        return grad(cost, wrt, disconnected_inputs="ignore")
    except NullTypeGradError:                   # all(x) of floats
        return []


def _agree(new, old):
    """Equal wherever the old value is a number; float32 may differ in its last digits."""
    known = ~np.isnan(old)
    single = old.dtype.name in ("float32", "complex64")
    rtol, atol = (1e-5, 1e-6) if single else (1e-9, 1e-11)
    np.testing.assert_allclose(np.asarray(new)[known], old[known], rtol=rtol, atol=atol)


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_rule_keeps_the_value_and_the_gradient(rule):
    fired = finite = 0
    for _kind, old, feed, want in _fillings(rule):
        new = rule.apply(old.owner, {})
        if new is None:
            continue
        fired += 1
        finite += bool(np.isfinite(want).all())
        assert new.type.dtype == old.type.dtype and new.type.shape == old.type.shape
        _agree(evaluate(new, feed), want)
        weights = _numbers("float", old.type.shape)
        for a, b in zip(_gradients(old, weights, feed), _gradients(new, weights, feed)):
            _agree(evaluate(b, feed), evaluate(a, feed))
    assert fired, "no filling made the rule fire"
    assert finite, "the rule was only seen on values that are not finite"
