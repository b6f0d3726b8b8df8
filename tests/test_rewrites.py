"""Rewrites: each rule keeps the value and the gradient, and the passes do what they are for."""
import itertools
from collections import Counter

import numpy as np
import pytest
from reference import evaluate

from cytensor import config
from cytensor._core import Constant, TensorType, hole, toposort
from cytensor.autodiff.absent import NullTypeGradError
from cytensor.autodiff.reverse import grad
from cytensor.ops import (
    control, elementwise as ew, gather, generate, linear, ranges, reduce, shape, softmax, subtensor,
    views)
from cytensor.ops.gather import scatter_add
from cytensor.ops.registry import KIND, cast, constant
from cytensor.rewrites import driver
from cytensor.rewrites.driver import Pass
from cytensor.rewrites.expand import expand
from cytensor.rewrites.fold import fold
from cytensor.rewrites.intern import intern
from cytensor.rewrites.passes import named
from cytensor.rewrites.patterns import (
    AnyParam, NodeRule, RewriteError, Rule, constant_hole, instantiate)
from cytensor.rewrites.uses import Uses

PASSES = {name: named(name) for name in ("smaller", "safer", "assume", "faster", "updates",
                                         "splits")}
EVERY_RULE = [rule for step in PASSES.values() for rule in step.rules]
RULES = [rule for rule in EVERY_RULE if isinstance(rule, Rule)]
NODE_RULES = [rule for rule in EVERY_RULE if isinstance(rule, NodeRule)]


def tensor(name, ndim=0, dtype="float64", shape=None):
    return TensorType(dtype, shape or (None,) * ndim)(name)


def names_of(outputs):
    """The ops of a graph, in order."""
    return [node.op.name for node in toposort(outputs)]


def rewritten(*outputs):
    """Run the passes in the order of a compilation, but for the end of composites."""
    outputs = list(outputs)
    for step in (intern, folded, PASSES["smaller"], PASSES["safer"], PASSES["smaller"],
                 PASSES["faster"], PASSES["updates"], PASSES["smaller"], intern):
        outputs = step(outputs)
    return outputs


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
        "spd": [square @ square.T + np.eye(SIZE, dtype=wide)],
        "lower": [True, False], "nan": [False],
        "h": [square], "a": [square], "b": [square[::-1].copy()],
        "s": [number], "t": [number + number], "alpha": [number], "beta": [number],
        "c": [constant(np.array(c, wide)), square], "d": [constant(np.array(d, wide))],
        "i": [INDEX], "n": [constant(SIZE), np.array(SIZE)], "m": [constant(SIZE)],
        "k": [constant(SIZE)],
        "blank": [constant(np.zeros((SIZE, SIZE), wide))],
        "written": [scatter_add(constant(np.zeros((SIZE, SIZE), wide)), constant(square), INDEX)],
        "indices": [(constant(INDEX),), (constant(INDEX), constant(INDEX)), ()],
        "dims": [tuple(sizes)],
        "others": [tuple(sizes), (constant(SIZE * SIZE),), (constant(INDEX),)],
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
        new = rule.apply(old.owner, Counter())
        if new is None:
            continue
        fired += 1
        finite += bool(np.isfinite(want).all())
        assert new.type.dtype == old.type.dtype
        assert all(n in (None, m) for n, m in zip(old.type.shape, new.type.shape, strict=True))
        _agree(evaluate(new, feed), want)
        weights = _numbers("float", want.shape)
        for a, b in zip(_gradients(old, weights, feed), _gradients(new, weights, feed)):
            _agree(evaluate(b, feed), evaluate(a, feed))
    assert fired, "no filling made the rule fire"
    assert finite, "the rule was only seen on values that are not finite"


# ----- rules that are functions -----

def _node_rule_cases():
    x, v, n = tensor("x", 2), tensor("v", 1), tensor("n", 0, "int64")
    places = tensor("places", 1, "int64")
    rows = views.shape_i_op(x, axis=0)
    spread = views.spread(v, [rows, views.shape_i_op(x, axis=1)])
    return {
        "arithmetic of constants -> a constant": (constant(2.0) * constant(3.0), 0),
        "reshape to its own shape -> x": (x.reshape(x.shape), 0),
        "the size of a result -> that of its source":
            (views.shape_i_op(softmax.softmax(ew.exp(x).T), axis=1), 1),
        "make_vector(x, ..)[0] -> x":
            (subtensor.subtensor(views.make_vector(n, n + 1), index=(("at", 1),)), 1),
        "broadcast_to its own shape -> x":
            (views.spread(x, [rows, views.shape_i_op(x, axis=1)]), 0),
        "dimshuffle(broadcast_to(x)) -> broadcast_to(dimshuffle(x))": (spread.T, 4),
        "f(broadcast_to(x)) -> broadcast_to(f(x))": (ew.exp(spread) * x, 2),
        "reduce along axes of size 1 -> x": (x.dimshuffle(0, "x", 1).sum(axis=1), 0),
        "reduce(dimshuffle(x)) -> dimshuffle(reduce(x))": (x.T.max(axis=0), 1),
        "sum(broadcast_to(x)) -> n * sum(x)": (spread.sum(axis=0), 5),
        "reduce(x, (0, 2)) -> reduce(reduce(x, 2), 0)":
            (x.dimshuffle(0, 1, "x").sum(axis=(0, 2)), 3),
        "sum(unpick(g)) -> g": (gather.unpick(v, places, n).sum(axis=1), 0),
        "sum(assume_size(x)) -> assume_size(sum(x))":
            (views.assume_size(x, rows, axis=0).sum(axis=1), 3),
        "ifelse of a constant -> the branch": (control.ifelse(constant(0), x, ew.exp(x)), 1),
        "the size of an ifelse -> that of its branches":
            (views.shape_i_op(control.ifelse(n, x, ew.exp(x)), axis=1), 1),
        "assert(x, true) -> x": (control.assert_op(x, constant(True)), 0),
        "back(g / view(x)) * y -> back(g / view(x) * view(y))":
            ((ew.exp(x).T / (x + 1).T).T * (x + 1), 3),
        "log(view(sigmoid(x))) -> -softplus(-view(x))": (ew.log(ew.sigmoid(x).T[0]), 5),
        "log1p(-view(sigmoid(x))) -> -softplus(view(x))": (ew.log1p(-ew.sigmoid(x).T), 3),
        "1 - view(1 - sigmoid(x)) -> view(sigmoid(x))":
            (1 - (1 - ew.sigmoid(x)).T + ew.sigmoid(x).T, 3),
        "log(view(softmax(x))) -> view(logsoftmax(x))": (ew.log(softmax.softmax(x).T[0]), 3),
    }, {x: np.arange(6.0).reshape(2, 3), v: np.array([0.5, 1.0, 2.0]), n: 7, places: INDEX}


@pytest.mark.parametrize("rule", NODE_RULES, ids=str)
def test_rule_that_is_a_function(rule, capsys, monkeypatch):
    cases, feed = _node_rule_cases()
    old, count = cases[rule.name]
    monkeypatch.setattr(config, "debug", 3)
    step, = [step for step in PASSES.values() if rule in step.rules]
    new, = step(intern([old]))
    assert f"{step.name}: {rule.name}" in capsys.readouterr().out
    assert len(toposort([new])) == count
    np.testing.assert_allclose(evaluate(new, feed), evaluate(old, feed))


# ----- the driver -----

x0 = hole("x")


def test_a_rule_may_not_change_the_dtype():
    bad = Pass("bad", [Rule(ew.exp(x0), cast(ew.exp(x0), dtype="float32"), name="exp to float32")])
    with pytest.raises(RewriteError, match="exp to float32"):
        bad([ew.exp(tensor("x"))])


def test_a_rule_that_would_lose_a_shape_is_passed_over():
    x, w = tensor("x", shape=(1, 3)), np.ones((2, 1))
    y = x * w
    assert PASSES["smaller"]([y]) == [y]


def test_names_and_lines_stay():
    x = tensor("x")
    y = ew.log(1 + ew.exp(x))
    y.name = "loss"
    z = ew.tanh(y)
    new, = PASSES["safer"]([z])
    assert new.owner.inputs[0].name == "loss" and new.owner.op is ew.tanh
    assert new.owner.inputs[0].owner.loc == y.owner.loc and new.owner.loc == z.owner.loc


def test_users_variables_are_not_renamed():
    x = tensor("x", 1)
    y = ew.exp(x)
    z = y * 1
    z.name = "z"
    assert PASSES["smaller"]([z]) == [y] and y.name is None


def test_what_others_use_is_not_computed_twice():
    x = tensor("x", 1)
    s = ew.sigmoid(x)
    both = PASSES["safer"]([1 - s, s])
    assert names_of(both) == ["sigmoid", "sub"]
    assert names_of(PASSES["safer"]([1 - s])) == ["neg", "sigmoid"]


def count_sweeps(monkeypatch):
    """A list that gets an item for each walk over a graph."""
    sweeps, real = [], driver._Sweep.run

    def run(self, *args):
        sweeps.append(self)
        return real(self, *args)
    monkeypatch.setattr(driver._Sweep, "run", run)
    return sweeps


def test_what_is_replaced_uses_nothing_any_more(monkeypatch):
    """Each layer has a rule that waits until the layer before it is the only user of a value."""
    x = tensor("x")
    chain = Pass("chain", [Rule(ew.exp(ew.log(x0)), x0),
                           Rule(ew.sin(ew.neg(x0)), ew.neg(ew.sin(x0)))])
    y = ew.neg(x)
    for _ in range(40):
        y = ew.sin(ew.exp(ew.log(y)))
    sweeps = count_sweeps(monkeypatch)
    assert names_of(chain([y])) == [*["sin"] * 40, "neg"]
    assert len(sweeps) <= 2


def test_what_equals_something_replaced_is_replaced_alike(monkeypatch):
    """Sizes of many layers lead to the size of the input, whichever was asked for first."""
    h = x = tensor("x", 1)
    asked = []
    for _ in range(30):
        h = ew.tanh(h)
        asked += [shape.shape(h)[0], shape.shape(ew.exp(h))[0]]
    sweeps = count_sweeps(monkeypatch)
    after = PASSES["smaller"](asked)
    assert {names_of([n])[-1] for n in after} == {"shape_i"}
    assert {n.owner.inputs[0] for n in after} == {x}
    assert len(sweeps) <= 2


def test_users_are_counted_while_the_graph_changes():
    x = tensor("x")
    a = ew.exp(x)
    b, c = ew.sin(a), ew.cos(a)
    uses = Uses(toposort([b, c]), [b, c])
    assert (uses[x], uses[a], uses[b]) == (1, 2, 1)
    uses.move(b, c, uses[b])            # c stands for b: one user of a is gone
    assert (uses[a], uses[b], uses[c]) == (1, 0, 2)
    uses.move(c, x, uses[c])            # nobody needs exp any more
    assert (uses[x], uses[a]) == (2, 0)
    uses.move(x, c, 1)                  # and now somebody does again
    assert (uses[x], uses[a], uses[c]) == (2, 1, 1)


@pytest.mark.parametrize("name", PASSES)
def test_after_a_sweep_users_are_counted_as_in_its_result(name, monkeypatch):
    x, gamma = tensor("x", 2), tensor("gamma", 1)
    h = x
    for _ in range(4):
        centred = h - h.mean(axis=1, keepdims=True)
        h = centred / ew.sqrt((centred ** 2).mean(axis=1, keepdims=True) + 1e-5) * gamma * 1 + h
    outputs = grad(-ew.log(ew.sigmoid(h)).sum(), [x, gamma])
    sweeps, real = [], driver._Sweep.run

    def run(self, *args):
        after = real(self, *args)
        self._look_around()
        sweeps.append((self.uses, after))
        return after
    monkeypatch.setattr(driver._Sweep, "run", run)
    PASSES[name](intern(outputs))
    for uses, after in sweeps:
        nodes = toposort(after)
        right = Uses(nodes, after)
        for v in {v for node in nodes for v in (*node.inputs, *node.outputs)}:
            assert uses[v] == right[v], v


def test_a_rule_without_end_is_stopped():
    grow = Pass("grow", [Rule(ew.exp(x0), ew.exp(ew.exp(x0)), name="exp grows", shared=True)])
    with pytest.warns(RuntimeWarning, match="exp grows"):
        grow([ew.exp(tensor("x"))])


def test_the_debug_output_names_the_pass_the_rule_and_the_line(capsys, monkeypatch):
    monkeypatch.setattr(config, "debug", 3)
    PASSES["smaller"]([tensor("x") * 1])
    assert "smaller: mul(x, 1) -> x" in (out := capsys.readouterr().out)
    assert "test_rewrites.py" in out


def test_holes():
    x, c = hole("x"), constant_hole("c")
    double = Pass("double", [Rule(ew.sub(x, x), ew.add(x, x)), Rule(ew.pow(x, c), ew.sub(x, c))])
    a, b = tensor("a"), tensor("b")
    assert names_of(double([ew.sub(a, b)])) == ["sub"]
    assert names_of(double([ew.sub(a, a)])) == ["add"]
    assert names_of(double([ew.pow(a, b)])) == ["pow"]
    assert names_of(double([ew.pow(a, 2.0)])) == ["sub"]


def test_a_number_matches_any_dtype_and_shape():
    for x in (tensor("x", 2, "float32"), tensor("x", 2, "int8")):
        assert PASSES["smaller"]([x * np.ones((1, 1), x.type.dtype)]) == [x]


def test_deep_graphs():
    y = tensor("x")
    for _ in range(30_000):
        y = ew.sin(y * 1) + 0
    new, = rewritten(y)
    assert names_of([new]) == ["sin"] * 30_000


# ----- common subexpressions and constants -----

def test_intern():
    x = tensor("x", 1)
    a, b = ew.exp(x) + 2.0, ew.exp(x) + 2.0
    new = intern([a, b])
    assert new[0] is new[1] and len(toposort(new)) == 2


def test_intern_tells_parameters_and_zeros_apart():
    x = tensor("x", 2)
    assert len(toposort(intern([x.sum(axis=0), x.sum(axis=1)]))) == 2
    zero, minus_zero = intern([ew.true_div(1.0, x + 0.0), ew.true_div(1.0, x + -0.0)])
    assert zero is not minus_zero


def test_fold():
    x = tensor("x", 1)
    y = x * (ew.exp(constant(1.0)) + 2)
    new, = folded([y])
    assert names_of([new]) == ["mul"]
    assert evaluate(new, {x: [1.0]}) == pytest.approx(np.e + 2)


def test_fold_leaves_large_results_and_errors():
    big = generate.zeros((1000, 1000))
    assert names_of(folded([big])) == ["broadcast_to"]
    wrong = gather.gather(constant([1.0]), constant([5])) * tensor("x")
    assert "gather" in names_of(folded([wrong, ew.exp(constant(1.0)) * tensor("x")]))


def test_expand():
    x = tensor("x", 2)
    parts = ["max", "sub", "exp", "sum", "reciprocal", "mul"]
    assert names_of(expand([softmax.softmax(x)])) == parts


# ----- smaller -----

def test_the_gradient_of_a_sum_of_squares_is_one_product():
    x = tensor("x", 2)
    assert names_of(rewritten(grad((x ** 2).sum(), x))) == ["mul"]


def test_constants_gather():
    x = tensor("x", 1, "float32")
    assert names_of(rewritten(-(x * 2) * 3)) == ["mul"]


def test_floats_are_not_regrouped_but_integers_are():
    x, i = tensor("x"), tensor("i", 0, "int64")
    assert names_of(rewritten((x + 1e20) - 1e20)) == ["add", "sub"]
    assert names_of(rewritten((i + 5) - 3)) == ["add"]
    assert names_of(rewritten((x * 1e-200) * 1e-200)) == ["mul", "mul"]


def test_casts():
    x = tensor("x", 1, "int64")
    assert rewritten(cast(cast(tensor("h", 1, "int32"), dtype="float64"), dtype="int32"))[0].owner \
        is None
    there_and_back = cast(cast(x, dtype="float64"), dtype="int64")      # 2**53 + 1 is lost
    assert names_of(rewritten(there_and_back)) == ["cast", "cast"]


# ----- faster -----

@pytest.mark.parametrize("n, ops", [
    (2, 1), (3, 2), (4, 2), (10, 4), (-1, 1), (-2, 2), (0.5, 1), (-0.5, 1), (1.5, 2), (0.3, 1),
    (0.25, 2), (-0.75, 4), (2.75, 5)])
def test_powers(n, ops):
    x = tensor("x", 1)
    new, = rewritten(x ** n)
    feed = {x: np.array([0.5, 1.0, 3.0])}
    assert len(toposort([new])) == ops
    np.testing.assert_allclose(evaluate(new, feed), feed[x] ** n)


def test_an_sgd_step_is_one_gemm():
    W, x, y = tensor("W", 2, "float32"), tensor("x", 2, "float32"), tensor("y", 2, "float32")
    cost = ((linear.dot(x, W) - y) ** 2).sum() * np.float32(0.5)
    new = rewritten(W - np.float32(0.1) * grad(cost, W))
    assert sorted(names_of(new)) == ["dimshuffle", "gemm", "gemm"]


def test_the_gradient_of_an_embedding_is_sparse():
    W, i = tensor("W", 2), tensor("i", 1, "int64")
    cost = (W[i] ** 2).sum()
    new = rewritten(W - 0.1 * grad(cost, W))
    assert "broadcast_to" not in names_of(new) and names_of(new)[-1] == "scatter_add"


def test_the_loss_of_a_classifier_is_recognised():
    x, y = tensor("x", 2), tensor("y", 1, "int64")
    p = ew.exp(x) / ew.exp(x).sum(axis=1, keepdims=True)
    loss = -ew.log(p[ranges.arange(p.shape[0]), y]).mean()
    new = rewritten(loss, grad(loss, x))
    assert {"logsoftmax", "softmax", "pick", "unpick"} <= set(names_of(new))
    assert not {"exp", "log", "gather", "scatter_add"} & set(names_of(new))


# ----- safer -----

x1 = tensor("x", 1)
EXTREMES = {
    "log(1 + exp(x))": (ew.log(1 + ew.exp(x1)), lambda x: np.maximum(x, 0)),
    "log(sigmoid(x))": (ew.log(ew.sigmoid(x1)), lambda x: np.minimum(x, 0)),
    "log(1 - sigmoid(x))": (ew.log(1 - ew.sigmoid(x1)), lambda x: -np.maximum(x, 0)),
    "log(1 / (1 + exp(-x)))": (ew.log(1 / (1 + ew.exp(-x1))), lambda x: np.minimum(x, 0)),
    "crossentropy": (softmax.binary_crossentropy(ew.sigmoid(x1), 0.25),
                     lambda x: np.maximum(x, 0) - 0.25 * x),
}


@pytest.mark.parametrize("name", EXTREMES)
def test_far_out_values_and_gradients_are_right(name):
    y, limit = EXTREMES[name]
    feed = {x1: np.array([-2000.0, -800.0, 800.0, 2000.0])}
    value, slope = rewritten(y, grad(y.sum(), x1))
    np.testing.assert_allclose(evaluate(value, feed), limit(feed[x1]), atol=1e-300)
    want = limit(feed[x1] + 0.5) - limit(feed[x1] - 0.5)
    np.testing.assert_allclose(evaluate(slope, feed), want, atol=1e-300)


LOSSES = {
    "arange": lambda p, y: -ew.log(p[ranges.arange(p.shape[0]), y]).mean(),
    "arange of y": lambda p, y: -ew.log(p[ranges.arange(y.shape[0]), y]).mean(),
    "pick": lambda p, y: -ew.log(gather.pick(p, y)).mean(),
    "categorical": lambda p, y: softmax.categorical_crossentropy(p, y).mean(),
    "one hot": lambda p, y: -(softmax.to_one_hot(y, 3) * ew.log(p)).sum(axis=1).mean(),
}


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("naive", [False, True])
def test_crossentropy_of_confident_mistakes(loss, naive):
    x, y = tensor("x", 2), tensor("y", 1, "int64")
    p = ew.exp(x) / ew.exp(x).sum(axis=1).dimshuffle(0, "x") if naive else softmax.softmax(x)
    cost = LOSSES[loss](p, y)
    feed = {x: np.array([[1000.0, 0.0, -1000.0], [0.0, 1.0, 2.0]]), y: [2, 0]}
    value, slope = rewritten(cost, grad(cost, x))
    e = np.exp([0.0, 1.0, 2.0])
    assert evaluate(value, feed) == pytest.approx((2000 + np.log(e.sum())) / 2)
    want = np.array([[1, 0, -1], e / e.sum() - [1, 0, 0]]) / 2
    np.testing.assert_allclose(evaluate(slope, feed), want, atol=1e-15)


PARTS = {
    "whole": lambda s: s, "reshape": lambda s: s.flatten(), "column": lambda s: s[:, 0],
    "transpose": lambda s: s.T,
    "row of a transpose": lambda s: s.T[0], "part of a vector": lambda s: s.flatten()[:3],
    "row of a reshape": lambda s: s.reshape((1, 3, 1))[0, :, 0].dimshuffle(0, "x"),
    "rows by number": lambda s: s.T[0, [2, 1, 0]][::-1],
    "by a pair of indices": lambda s: s.T[[0, 0, 0], [0, 1, 2]],
    "an axis stated": lambda s: shape.addbroadcast(s, 1).dimshuffle(0),
    "an axis stated, flat": lambda s: shape.addbroadcast(s, 1).flatten(),
}


@pytest.mark.parametrize("part", PARTS.values(), ids=PARTS)
@pytest.mark.parametrize("targets", [0.25, np.full(3, 0.25)], ids=["number", "array"])
@pytest.mark.parametrize("whole", [ew.sigmoid, lambda x: 1 - ew.sigmoid(-x)], ids=["s", "1 - s"])
def test_cross_entropy_of_a_part_of_a_sigmoid(part, targets, whole):
    x = tensor("x", 2)
    p = part(whole(x))
    p = p if p.type.ndim == 1 else p.flatten()
    cost = -(targets * ew.log(p) + (1 - targets) * ew.log(1 - p)).sum()
    value, slope = evaluate(rewritten(cost, grad(cost, x)), {x: np.array([[-800.0], [0], [800]])})
    np.testing.assert_allclose(value, 200 + np.log(2) + 600)
    np.testing.assert_allclose(slope, [[-0.25], [0.25], [0.75]])


PARTS_OF_ROWS = {
    "row of a transpose": lambda p: p.T[2], "transpose, flat": lambda p: p.T.flatten()[4:],
    "by a pair of indices": lambda p: p.T[[2, 2], [0, 1]],
    "pick": lambda p: gather.pick(p.reshape((1, 2, 3))[0], constant(np.array([2, 2]))),
}


@pytest.mark.parametrize("part", PARTS_OF_ROWS.values(), ids=PARTS_OF_ROWS)
def test_log_of_a_part_of_a_softmax(part):
    x = tensor("x", 2)
    cost = -ew.log(part(softmax.softmax(x))).sum()
    feed = {x: np.array([[800.0, 0, -800], [0, 0, 0]])}
    value, slope = evaluate(rewritten(cost, grad(cost, x)), feed)
    np.testing.assert_allclose(value, 1600 + np.log(3))
    np.testing.assert_allclose(slope, [[1, 0, -1], [1 / 3, 1 / 3, -2 / 3]], atol=1e-15)


def test_logsumexp_of_large_numbers():
    y = ew.log(ew.exp(x1).sum())
    feed = {x1: np.array([1000.0, 1000.0, -1000.0])}
    value, slope = rewritten(y, grad(y, x1))
    assert evaluate(value, feed) == pytest.approx(1000 + np.log(2))
    np.testing.assert_allclose(evaluate(slope, feed), [0.5, 0.5, 0])


def test_small_numbers_keep_their_digits():
    feed = {x1: np.array([1e-20])}
    for y, want in [(ew.log(1 + x1), 1e-20), (ew.exp(x1) - 1, 1e-20), (1 - ew.exp(x1), -1e-20),
                    (ew.log(1 - ew.exp(-x1)), np.log(1e-20))]:
        assert evaluate(rewritten(y)[0], feed) == pytest.approx([want], rel=1e-12)
