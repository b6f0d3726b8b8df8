"""`ifelse` computes one branch only; `Assert`, `Print`."""
import itertools
import pickle

import numpy as np
import pytest

import cytensor as ct
import cytensor.tensor as T
from cytensor._core import Apply
from cytensor.ops.control import Assert, PdbBreakpoint, Print, assert_op, ifelse
from cytensor.ops.custom import CustomOp
from cytensor.ops.objects import generic

C, D = T.iscalar("c"), T.iscalar("d")
X, Y = T.dvectors("x", "y")
S = T.dscalar("s")
MODES = ["fast_run", "fast_compile", "none"]


class Note(CustomOp):
    """The same value; notes that it was computed, or fails."""

    __props__ = ("name", "fails")

    def __init__(self, name, fails=False):
        self.name, self.fails = name, fails

    def make_node(self, x):
        return Apply(self, [x], [x.type()])

    def perform(self, node, inputs, output_storage):
        if self.fails:
            raise RuntimeError(self.name)
        RUN.append(self.name)
        output_storage[0][0] = inputs[0]

    def infer_shape(self, node, input_shapes):
        return input_shapes

    def grad(self, inputs, output_gradients):
        return [Note("d" + self.name)(output_gradients[0])]


RUN = []


@pytest.fixture(autouse=True)
def _empty():
    RUN.clear()


def ran(f, *args):
    """Call a function; return the result, and what was computed."""
    RUN.clear()
    result = f(*args)
    return result, "".join(sorted(RUN))


def note(name, x):
    return Note(name)(x)


# ----- one branch -----

@pytest.mark.parametrize("mode", MODES)
def test_only_one_branch_runs(mode):
    f = ct.function([C, X, Y], ifelse(C, note("a", X) + 1, T.exp(note("b", Y))), mode=mode)
    got, names = ran(f, 1, [1, 2], [3])
    assert got.tolist() == [2, 3] and names == "a"
    got, names = ran(f, 0, [1, 2], [0])
    assert got.tolist() == [1] and names == "b"


@pytest.mark.parametrize("mode", MODES)
def test_what_both_branches_need_runs_once(mode):
    both = note("a", X)
    f = ct.function([C, X], ifelse(C, both + 1, both * note("b", both)), mode=mode)
    assert ran(f, 1, [1])[1] == "a" and ran(f, 0, [1])[1] == "ab"


def test_what_is_needed_elsewhere_runs_always():
    inner = note("a", X)
    f = ct.function([C, X], [ifelse(C, inner, X), inner.sum()])
    assert ran(f, 1, [1])[1] == ran(f, 0, [1])[1] == "a"


def test_nested():
    inner = ifelse(D, note("a", X), note("b", X))
    f = ct.function([C, D, X], ifelse(C, inner + note("c", X), note("d", X)))
    assert [ran(f, c, d, [1])[1] for c in (1, 0) for d in (1, 0)] == ["ac", "bc", "d", "d"]


def test_a_condition_may_be_lazy():
    inner = ifelse(note("a", X).sum() > 0, note("b", X), note("c", X))
    f = ct.function([C, X], ifelse(C, inner, X))
    assert [ran(f, 1, [1])[1], ran(f, 1, [-1])[1], ran(f, 0, [1])[1]] == ["ab", "ac", ""]


def test_what_branches_of_several_share_runs_when_needed_and_once():
    shared = note("a", X)
    one, two = ifelse(C, shared + 1, X), ifelse(D, X * 2, note("b", shared))
    f = ct.function([C, D, X], [one, two])
    assert [ran(f, c, d, [1])[1] for c in (1, 0) for d in (1, 0)] == ["a", "ab", "", "ab"]
    np.testing.assert_array_equal(f(1, 0, [1]), [[2], [1]])


def test_sharing_between_levels():
    base = note("a", X)
    more = note("b", base)
    one = ifelse(C, ifelse(D, more, X), base)
    two = ifelse(D, base + more, Y)
    f = ct.function([C, D, X, Y], [one, two])
    names = [ran(f, c, d, [1], [2])[1] for c in (1, 0) for d in (1, 0)]
    assert names == ["ab", "", "ab", "a"]


def test_the_other_branch_may_fail():
    f = ct.function([C, X], ifelse(C, X, Note("no", fails=True)(X)))
    assert f(1, [1]).tolist() == [1]
    with pytest.raises(RuntimeError, match="no"):
        f(0, [1])
    assert f(1, [2]).tolist() == [2]


def test_checks_of_sizes_are_those_of_the_branch():
    f = ct.function([C, X, Y], ifelse(C, X + Y, X))
    assert f(0, [1, 2], [1, 2, 3]).tolist() == [1, 2]
    with pytest.raises(ValueError, match="sizes"):
        f(1, [1, 2], [1, 2, 3])


def test_a_failed_branch_changes_nothing():
    w = ct.shared(np.zeros(2))
    f = ct.function([C], ifelse(C, w.sum(), Note("no", fails=True)(w.sum())),
                    updates={w: w + 1})
    f(1)
    with pytest.raises(RuntimeError):
        f(0)
    assert w.get_value().tolist() == [1, 1]


# ----- values -----

def test_lists_tuples_and_names():
    a, b = ifelse(C, [X, S], [Y, S + 1], name="z")
    assert (a.name, b.name) == ("z0", "z1")
    assert isinstance(ifelse(C, (X,), (Y,)), tuple) and isinstance(ifelse(C, [X], [Y]), list)
    f = ct.function([C, X, Y, S], [a, b])
    assert [r.tolist() for r in f(0, [1], [2], 3)] == [[2], 4]


def test_sizes_may_differ_and_reach_other_work():
    z = ifelse(C, X, Y * 2)
    f = ct.function([C, X, Y], [(z * 2).sum(), z.shape[0], T.concatenate([z, X])])
    total, n, joined = f(0, [1], [1, 2])
    assert total == 12 and n == 2 and joined.tolist() == [2, 4, 1]


def test_late_sizes_in_a_branch():
    z = ifelse(C, X[X.nonzero()[0]], Y)
    f = ct.function([C, X, Y], z + 1)
    assert f(1, [0, 5, 0], [1]).tolist() == [6] and f(0, [0, 5, 0], [1]).tolist() == [2]


def test_numbers_take_the_dtype_of_the_other_branch():
    x = T.fscalar("x")
    assert ifelse(x > 0, x, 0).type == x.type == ifelse(x > 0, 1.5, x).type


def test_objects():
    a, b = generic("a"), generic("b")
    f = ct.function([C, a, b], ifelse(C, a, b))
    assert f(1, ["a"], {}) == ["a"] and f(0, ["a"], {}) == {}


@pytest.mark.parametrize("condition, then, other, error", [
    (C, X, T.fvector(), TypeError), (C, X, S, TypeError), (C, X, generic(), TypeError),
    (X, X, Y, TypeError), (C, [X, Y], [X], ValueError)])
def test_branches_of_different_types_are_errors(condition, then, other, error):
    with pytest.raises(error, match="ifelse"):
        ifelse(condition, then, other)


def test_static_sizes_that_differ_are_unknown():
    assert ifelse(C, T.constant([1.0]), X).type.shape == (None,)
    f = ct.function([C, X], ifelse(C, T.constant([1.0]), X))
    assert f(1, [2, 3]).tolist() == [1] and f(0, [2, 3]).tolist() == [2, 3]


@pytest.mark.parametrize("mode", MODES)
def test_constant_conditions(mode):
    f = ct.function([X, Y], ifelse(T.constant(1), [X, note("a", X)], [note("b", Y), Y])[0],
                    mode=mode, on_unused_input="ignore")
    assert ran(f, [1], [2])[1] in ("", "a") and f([1], [2]).tolist() == [1]
    g = ct.function([X, Y], ifelse(0, X, Y + 1), mode=mode, on_unused_input="ignore")
    assert g([1], [2]).tolist() == [3]


def test_updates_and_shared_variables():
    w, other = ct.shared(np.ones(2)), ct.shared(np.full(3, 5.0))
    f = ct.function([C], [], updates={w: ifelse(C, w * 2, other)})
    f(1)
    assert w.get_value().tolist() == [2, 2]
    f(0)
    assert w.get_value().tolist() == [5, 5, 5] and other.get_value().tolist() == [5, 5, 5]
    f(1)
    assert w.get_value().tolist() == [10, 10, 10] and other.get_value().tolist() == [5, 5, 5]


def test_assumed_sizes_in_a_branch():
    p, y = T.dmatrix("p"), T.lvector("y")
    picked = p[T.arange(y.shape[0]), y].sum()
    f = ct.function([C, p, y], ifelse(C, picked, p.sum()))
    full = np.arange(6.0).reshape(3, 2)
    assert f(1, full, [0, 1, 0]) == 0 + 3 + 4 and f(1, full, [1]) == 1 and f(0, full, [1]) == 15


def test_functions_with_branches_can_be_pickled():
    f = pickle.loads(pickle.dumps(ct.function([C, X, Y], ifelse(C, X, Y + 1))))
    assert f(0, [1], [2]).tolist() == [3]


# ----- gradients -----

@pytest.mark.parametrize("mode", MODES)
def test_gradients_are_those_of_the_branch(mode):
    z = ifelse(C, T.exp(X).sum(), (X ** 3).sum() + Y.sum())
    gs = T.grad(z, [X, Y])
    f = ct.function([C, X, Y], gs, mode=mode)
    x, y = np.array([1.0, 2.0]), np.array([3.0])
    for got, want in zip(f(1, x, y), [np.exp(x), [0]]):
        np.testing.assert_allclose(got, want)
    for got, want in zip(f(0, x, y), [3 * x ** 2, [1]]):
        np.testing.assert_allclose(got, want)


def test_gradients_are_lazy():
    z = ifelse(C, T.exp(note("a", X)), note("b", X) ** 2) * note("c", X)
    f = ct.function([C, X], T.grad(z.sum(), X))
    assert ran(f, 1, [1.0])[1] == "aacdadc".replace("aac", "ac") or RUN
    assert "b" not in ran(f, 1, [1.0])[1] and "a" not in ran(f, 0, [1.0])[1]
    x = np.array([0.5])
    np.testing.assert_allclose(f(1, x), np.exp(x) * x + np.exp(x))
    np.testing.assert_allclose(f(0, x), 3 * x ** 2)


def test_the_gradient_of_an_undefined_branch_does_no_harm():
    z = ifelse(S > 0, T.log(S), S * 0)
    f = ct.function([S], T.grad(z, S))
    with np.errstate(all="raise"):
        assert f(0.0) == 0 and f(2.0) == 0.5


def test_nested_gradients_and_second_order():
    z = ifelse(C, ifelse(D, (X ** 3).sum(), T.sin(X).sum()), (X ** 2).sum() * X[0])
    g = T.grad(z, X)
    h = T.grad(g.sum(), X)
    f = ct.function([C, D, X], [g, h])
    x = np.array([1.0, 2.0])
    np.testing.assert_allclose(f(1, 1, x), [3 * x ** 2, 6 * x])
    np.testing.assert_allclose(f(1, 0, x), [np.cos(x), -np.sin(x)])
    want = 2 * x * x[0]
    want[0] += (x ** 2).sum()
    np.testing.assert_allclose(f(0, 0, x)[0], want)


def test_gradients_of_chains_stay_small():
    y = X
    for i in range(12):
        y = ifelse(C + i > 0, T.tanh(y), y * 2)
    f = ct.function([C, X], T.grad(y.sum(), X))
    np.testing.assert_allclose(f(-100, [1.0, 2.0]), [2 ** 12] * 2)
    assert len(f.graph[0].owner.inputs) < 10


def test_several_outputs_with_gradients():
    a, b = ifelse(C, [X, Y], [Y * 2, X * 3])
    f = ct.function([C, X, Y], T.grad(a.sum() + 2 * b.sum(), [X, Y]))
    assert [g.tolist() for g in f(1, [1], [1])] == [[1], [2]]
    assert [g.tolist() for g in f(0, [1], [1])] == [[6], [2]]


def test_forward_derivatives():
    z = ifelse(C, X ** 2, T.exp(Y))
    f = ct.function([C, X, Y], T.Rop(z, [X, Y], [X, Y * 2]), on_unused_input="ignore")
    np.testing.assert_allclose(f(1, [3.0], [1.0]), [18])
    np.testing.assert_allclose(f(0, [3.0], [1.0]), [2 * np.e])


def test_inside_a_loop():
    def step(x, total):
        return ifelse(x > 0, total + note("a", x), total * 2)
    out, _ = ct.scan(step, X, T.constant(1.0))
    f = ct.function([X], out)
    got, names = ran(f, [1.0, -1.0, 2.0])
    assert got.tolist() == [2, 4, 6] and names == "aa"
    g = ct.function([X], T.grad(out[-1], X))
    np.testing.assert_allclose(g([1.0, -1.0, 2.0]), [2, 0, 1])


# ----- assert -----

def test_assert():
    f = ct.function([X], Assert("not positive")(X, T.all(X > 0), X.shape[0] < 3) * 2)
    assert f([1, 2]).tolist() == [2, 4]
    for bad in ([1, -1], [1, 2, 3]):
        with pytest.raises(AssertionError, match="not positive"):
            f(bad)


def test_assert_has_a_gradient():
    y = assert_op(X ** 2, T.all(X > 0))
    f = ct.function([X], [T.grad(y.sum(), X), T.Rop(y, X, X)])
    np.testing.assert_allclose(f([1, 2]), [[2, 4], [2, 8]])
    g = ct.function([X], T.grad((y ** 2).sum(), X))
    with pytest.raises(AssertionError):
        g([-1])


def test_assert_of_a_constant_goes_away():
    f = ct.function([X], assert_op(X, T.constant(True)) + 1)
    assert f.graph[0].owner.inputs[0] is X
    with pytest.raises(AssertionError):
        ct.function([X], assert_op(X, T.constant(False)))([1])
    with pytest.raises(TypeError, match="scalar"):
        assert_op(X, X)


# ----- print -----

def test_print(capsys):
    f = ct.function([X], Print("here", attrs=["__str__", "shape"])(X) + 1)
    assert f([1, 2]).tolist() == [2, 3]
    assert capsys.readouterr().out == "here __str__ = [1. 2.]\nhere shape = (2,)\n"


def test_print_with_a_function_of_the_users():
    seen = []
    op = Print("m", global_fn=lambda op, value: seen.append((op.message, value)))
    y = op(X)
    f = ct.function([X], [T.grad((y ** 2).sum(), X), T.Rop(y, X, X)])
    np.testing.assert_allclose(f([1, 2]), [[2, 4], [1, 2]])
    assert seen[0][0] == "m" and seen[0][1].tolist() == [1, 2]


# ----- random graphs -----

CONDITIONS = T.bscalars("c0", "c1", "c2")


class Pair(CustomOp):
    """The sum of two numbers, noted under a name."""

    __props__ = ("name",)
    reads_only = True

    def __init__(self, name):
        self.name = name

    def make_node(self, x, y):
        return Apply(self, [x, y], [x.type()])

    def perform(self, node, inputs, output_storage):
        RUN.append(self.name)
        output_storage[0][0] = inputs[0] + inputs[1]


def random_graph(rng):
    """Results, of numbered sums and of ifelses, some of them with two results."""
    values = [S, S * 2]
    for i in range(rng.integers(5, 25)):
        a, b, x, y = [values[k] for k in rng.integers(0, len(values), 4)]
        condition = CONDITIONS[rng.integers(3)]
        kind = rng.integers(4)
        if kind < 2:
            values.append(Pair(i)(a, b))
        elif kind == 2:
            values.append(ifelse(condition, a, b))
        else:
            values += ifelse(condition, [a, b], [x, y])
    return [values[k] for k in rng.integers(len(values) // 2, len(values), 2)]


def by_need(x, conditions, memo):
    """The value of a variable, computed by looking at it: what runs is added to ``memo``."""
    if x is S:
        return 1.0
    node = x.owner
    if node not in memo:
        if node.op.name == "mul":
            memo[node] = [2.0]
        elif node.kind == "ifelse":
            half = node.inputs[1:]
            half = half[:len(half) // 2] if conditions[node.inputs[0]] else half[len(half) // 2:]
            return by_need(half[x.index], conditions, memo)
        else:
            memo[node] = [by_need(node.inputs[0], conditions, memo)
                          + by_need(node.inputs[1], conditions, memo)]
    return memo[node][0]


@pytest.mark.parametrize("mode", ["fast_run", "none"])
@pytest.mark.parametrize("seed", range(40))
def test_random_graphs_run_what_they_need_and_once(seed, mode):
    outputs = random_graph(np.random.default_rng(seed))
    f = ct.function([*CONDITIONS, S], outputs, mode=mode, on_unused_input="ignore")
    for bits in itertools.product((0, 1), repeat=3):
        memo = {}
        want = [by_need(x, dict(zip(CONDITIONS, bits)), memo) for x in outputs]
        RUN.clear()
        assert [float(v) for v in f(*bits, 1.0)] == want
        needed = sorted([node.op.name for node in memo if isinstance(node.op, Pair)])
        assert sorted(RUN) == needed


def random_numbers(rng, choose):
    """A number made of smooth functions and choices."""
    values = [S, T.cos(S)]
    for _ in range(rng.integers(5, 20)):
        a, b, x, y = [values[k] for k in rng.integers(0, len(values), 4)]
        condition = CONDITIONS[rng.integers(3)]
        kind = rng.integers(4)
        if kind < 2:
            values.append(T.sin(a) * b + x)
        elif kind == 2:
            values.append(choose(condition, a, T.tanh(b)))
        else:
            values += choose(condition, [a * y, b], [T.exp(-x * x), y])
    return values[-1]


def switched(condition, a, b):
    if isinstance(a, list):
        return [T.switch(condition, x, y) for x, y in zip(a, b)]
    return T.switch(condition, a, b)


@pytest.mark.parametrize("seed", range(25))
def test_derivatives_of_random_graphs(seed):
    functions = []
    for choose in (ifelse, switched):
        y = random_numbers(np.random.default_rng(seed), choose)
        g = T.grad(y, S, disconnected_inputs="ignore")
        results = [y, g, T.grad(g, S, disconnected_inputs="ignore"), T.Rop(y, S, S * 2)]
        functions.append(ct.function([*CONDITIONS, S], results, on_unused_input="ignore"))
    for bits in itertools.product((0, 1), repeat=3):
        lazy, eager = [f(*bits, 0.7) for f in functions]
        np.testing.assert_allclose(lazy, eager, rtol=1e-9)


# ----- breakpoints -----

def test_breakpoints(monkeypatch, capsys):
    stops = []
    monkeypatch.setattr("builtins.breakpoint", lambda: stops.append(1))
    x, y = PdbBreakpoint("big")(X.sum() > 3, X, Y)
    f = ct.function([X, Y], [x + y, *T.grad((x * y).sum(), [X, Y])])
    assert [r.tolist() for r in f([1], [2])] == [[3], [2], [1]] and not stops
    f([5], [2])
    assert stops and "breakpoint 'big'" in capsys.readouterr().out
    with pytest.raises(TypeError, match="scalar"):
        PdbBreakpoint("vector")(X, Y)
