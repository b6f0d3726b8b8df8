"""Modes: which passes run, and what each mode does while a function runs."""
import pickle

import numpy as np
import pytest

import cytensor as ct
import cytensor.tensor as T
from cytensor.engine.debugmode import (
    BadDestroyMap, BadOptimization, BadThunkOutput, BadViewMap, DebugMode, InvalidValueError,
    StochasticOrder)
from cytensor.engine.guard import NanGuardMode
from cytensor.engine.modes import (
    FAST_COMPILE, Mode, get_default_mode, get_mode, predefined_linkers, predefined_modes,
    register_mode)
from cytensor.engine.monitor import MonitorMode, detect_nan
from cytensor.ops.control import ifelse
from cytensor.ops.custom import CustomOp
from cytensor.ops.objects import generic, python_op
from cytensor.rewrites.driver import Pass
from cytensor.rewrites.patterns import Rule, holes

V, U = T.dvectors("v", "u")
M, L = T.dmatrix("m"), T.lvector("labels")


@pytest.fixture
def config():
    """The settings, which are put back after a test."""
    names = ("mode", "optimizer", "optimizer_excluding", "optimizer_including", "debug")
    before = {name: getattr(ct.config, name) for name in names}
    yield ct.config
    for name, value in before.items():
        setattr(ct.config, name, value)


def training_step(mode=None):
    """A step of a softmax regression, and its weights."""
    W = ct.shared(np.linspace(-1, 1, 12).reshape(3, 4), "W")
    p = T.nnet.softmax(T.dot(T.tanh(M), W))
    cost = -T.mean(T.log(p)[T.arange(L.shape[0]), L])
    return ct.function([M, L], cost, updates=[(W, W - 0.1 * T.grad(cost, W))], mode=mode), W


ARGS = (np.linspace(0, 1, 15).reshape(5, 3), np.array([0, 1, 2, 3, 0]))


# ----- names -----

@pytest.mark.parametrize("name", [
    "fast_run", "FAST_RUN", "FAST_COMPILE", "none", "Mode", "DebugMode", "DEBUG_MODE",
    "NanGuardMode", "MonitorMode", *predefined_modes,
    ct.ProfileMode(profile=ct.ProfileStats(atexit_print=False))])
def test_every_mode_trains_as_the_default_does(name):
    plain, W = training_step()
    other, W2 = training_step(name)
    for _ in range(3):
        np.testing.assert_allclose(other(*ARGS), plain(*ARGS), rtol=1e-12)
    np.testing.assert_allclose(W2.get_value(), W.get_value(), rtol=1e-12)


def test_the_settings_choose_the_default_mode(config):
    config.mode = "FAST_COMPILE"
    assert get_default_mode() is FAST_COMPILE
    config.mode = "fast_run"
    config.optimizer = "merge"
    assert get_mode(None).names == Mode("merge").names == Mode().names
    config.optimizer_including, config.optimizer_excluding = "constant_folding", "no_such:fusion"
    mode = get_mode()
    assert "fold" in mode.names and not mode.fused
    with pytest.raises(ValueError, match="is one of"):
        config.mode = "fastest"


def test_linkers_mean_nothing():
    for linker in predefined_linkers:
        assert Mode(linker, "fast_compile").names == FAST_COMPILE.names
    assert Mode(linker="py").names == Mode().names
    assert str(Mode("vm", "merge")) == "Mode(linker = vm, optimizer = merge)"
    with pytest.raises(ValueError, match="a mode is one of"):
        Mode(optimizer="best")
    with pytest.raises(ValueError, match="a linker is one of"):
        Mode("best", "fast_run")


def test_a_mode_may_be_given_a_name():
    register_mode("quiet for tests", Mode("merge"))
    assert get_mode("quiet for tests").names == Mode("merge").names
    with pytest.raises(ValueError, match="already"):
        register_mode("quiet for tests", FAST_COMPILE)


# ----- passes in and out -----

def test_including_and_excluding():
    assert set(Mode("merge").including("fold").names) == {*Mode("merge").names, "fold"}
    assert Mode("merge").including("fast_compile").names == FAST_COMPILE.names
    assert "safer" not in Mode().excluding("stabilize").names
    assert Mode().excluding("safer").including("safer").names == Mode().names
    assert Mode("o3").inplace is False and Mode().requiring("stable").names == Mode().names


def test_names_of_theanos_are_passed_over_with_a_note(config, capsys):
    config.debug = 1
    assert Mode().excluding("local_mul_canonizer").names == Mode().names
    assert "local_mul_canonizer" in capsys.readouterr().out


def steps(f):
    return [step.label for segment in f.program.segments for step in segment.steps if step.label]


def test_without_fusion_each_op_is_a_step():
    assert steps(ct.function([V], T.exp(V) * 2 + 1)) == ["fused(exp, mul, add)"]
    f = ct.function([V], T.exp(V) * 2 + 1, mode=Mode().excluding("fusion"))
    assert steps(f) == ["exp", "mul", "add"]
    np.testing.assert_array_equal(f([0.0]), [3])


def test_without_inplace_values_are_exchanged():
    W = ct.shared(np.zeros(3))
    before = W.get_value(borrow=True)
    ct.function([V], updates=[(W, W + V)], mode=Mode().excluding("inplace"))([1.0, 2, 3])
    assert W.get_value(borrow=True) is not before and not before.any()
    ct.function([V], updates=[(W, W + V)])([1.0, 2, 3])
    np.testing.assert_array_equal(W.get_value(), [2, 4, 6])


def test_registered_rewrites_run():
    x, y = holes("x y")
    f = ct.function([V, U], V + U, mode=Mode().register(Rule(x + y, x * y)))
    np.testing.assert_array_equal(f([2.0], [5.0]), [10])
    seen = []

    def look(outputs):
        seen.append(outputs)
        return outputs

    ct.function([V], V + 1, mode=Mode().register((look, 2.0)))
    assert len(seen) == 1


class Multiply:
    """A rewrite in Theano's protocol."""

    def transform(self, node):
        return [node.inputs[0] * node.inputs[1]] if node.op.name == "add" else False


class Several:
    """Several of them."""

    def __init__(self, *parts):
        self.parts = parts


def test_rewrites_of_nodes_run():
    f = ct.function([V, U], T.exp(V + U) + U, mode=Mode().register(Multiply()))
    np.testing.assert_allclose(f([2.0], [5.0]), [np.exp(10) * 5])
    mode = Mode(optimizer=Several(Several(Multiply())))
    np.testing.assert_array_equal(ct.function([V, U], V + U, mode=mode)([2.0], [5.0]), [10])
    with pytest.raises(BadOptimization, match="Multiply"):
        ct.function([V, U], V + U, mode=DebugMode(optimizer=Several(Multiply())))([2.0], [5.0])


@pytest.mark.parametrize("mode", [
    Mode("merge").excluding("fusion"), NanGuardMode(big_is_error=False), DebugMode(),
    MonitorMode(post_func=detect_nan)])
def test_modes_are_pickled_with_functions(mode):
    f = pickle.loads(pickle.dumps(ct.function([V], V * 2, mode=mode)))
    assert type(f.mode) is type(mode) and f.mode.names == mode.names
    assert f.mode.options() == mode.options()
    np.testing.assert_array_equal(f([1.0]), [2])


# ----- NanGuardMode -----

NAN, INF, BIG = np.nan, np.inf, 1e11


FLOATS = ("float16", "float32", "float64", "complex64", "complex128")


@pytest.mark.parametrize("dtype, bad, kind", [
    (dtype, bad, kind) for dtype in FLOATS
    for bad, kind in ((NAN, "NaN"), (INF, "Inf"), (-INF, "Inf"), (-BIG, "Big"))
    if (dtype, kind) != ("float16", "Big")])        # float16 has no numbers as big as that
@pytest.mark.parametrize("layout", ["plain", "strided", "scalar"])
def test_bad_arguments_are_found(dtype, bad, kind, layout):
    value = np.ones((3, 700), dtype)
    value[1, 678] = bad
    x = T.matrix("x", dtype=dtype)
    f = ct.function([x], x[0, 0], mode=NanGuardMode())
    value = {"plain": value, "strided": value[:, ::-3][:, 7:],
             "scalar": value[1:2, 678:679]}[layout]
    with pytest.raises(AssertionError, match=f"{kind}.* in 1 of {value.size} numbers that x holds"):
        f(value)


def test_arrays_without_elements_are_good():
    assert ct.function([V], V + 1, mode=NanGuardMode())([]).shape == (0,)


def test_what_is_no_error_passes():
    for value, name in ((NAN, "nan"), (INF, "inf"), (BIG, "big")):
        f = ct.function([V], V + 1, mode=NanGuardMode(**{f"{name}_is_error": False}))
        f([value])
        for other in {NAN, INF, BIG} - {value}:
            with pytest.raises(AssertionError):
                f([other, value])


def test_the_first_bad_op_of_a_group_is_named():
    f = ct.function([V], T.exp(T.log(V) * 2).sum(), mode=NanGuardMode())       # a logarithm
    assert f([1.0, 2.0]) == pytest.approx(5)
    with pytest.raises(AssertionError, match="that log made") as info:
        f([1.0, -1.0])
    text = str(info.value)
    assert "# a logarithm" in text and "input v: float64, shape (2,), from -1 to 1" in text


def test_the_op_and_the_step_of_a_loop_are_named():
    values, _ = ct.scan(lambda x, before: T.log(before) * x, sequences=V,      # the step
                        outputs_info=T.constant(2.0))
    f = ct.function([V], values[-1] + 1, mode=NanGuardMode())
    with pytest.raises(AssertionError, match="that log made") as info:
        f([0.5, 0.6, -2.0, 3.0])
    assert "# the step" in str(info.value) and "in step 2" in str(info.value)


def test_groups_with_broadcasting_and_counts_are_traced():
    n = T.lscalar("n")
    out = T.log(M / M.sum(axis=1, keepdims=True) - T.arange(n).astype("float64"))
    f = ct.function([M, n], T.sqrt(out).sum(axis=0), mode=NanGuardMode())
    with pytest.raises(AssertionError, match="NaN in 4 of 6 numbers that log made"):
        f(np.ones((2, 3)), 3)


def test_products_are_guarded_and_state_stays_right():
    step, W = training_step(NanGuardMode())
    before = W.get_value()
    with pytest.raises(AssertionError, match="NaN"):
        step(np.full((5, 3), NAN), ARGS[1])
    np.testing.assert_array_equal(W.get_value(), before)
    W.set_value(np.full((3, 4), 1e200))
    with pytest.raises(AssertionError, match="that W holds"):
        step(*ARGS)


def test_results_whose_sizes_only_the_run_knows_are_guarded():
    positive = python_op("positive", lambda inputs, params: [np.sqrt(inputs[0][inputs[0] < 1])],
                         lambda x: x.type)
    f = ct.function([V], positive(V).sum(), mode=NanGuardMode())
    assert f([0.25, 4.0]) == 0.5
    with pytest.raises(AssertionError, match="NaN in 1 of 1 numbers that positive made"), \
            np.errstate(invalid="ignore"):
        f([-0.5, 4.0])


def test_a_guard_may_warn():
    f = ct.function([V], T.log(V), mode=NanGuardMode(action="warn"))
    with pytest.warns(UserWarning, match="Inf in 1 of 1 numbers that log made"):
        assert f([0.0]) == -INF


# ----- MonitorMode -----

def test_a_monitor_sees_every_node():
    seen = []
    mode = MonitorMode(lambda i, node, fn: seen.append((i, node.op.name, fn.outputs[0][0])),
                       lambda i, node, fn: seen.append((i, fn.inputs[-1][0], fn.outputs[0][0])))
    assert ct.function([V], T.exp(V.dimshuffle(0, "x")).sum(), mode=mode)([0.0, 0.0]) == 2
    assert [row[:2] for row in seen[::2]] == [(0, "dimshuffle"), (1, "exp"), (2, "sum")]
    assert all([row[2] is None for row in seen[::2]])
    assert seen[1][2].shape == (2, 1) and seen[5][2] == 2


def test_a_monitor_sees_the_steps_of_a_loop():
    seen = []
    mode = MonitorMode(post_func=lambda i, node, fn: seen.append((node.op.name, fn.outputs[0][0])))
    sums, _ = ct.scan(lambda x, s: s + T.sqrt(x), sequences=V, outputs_info=np.float64(1))
    assert ct.function([V], sums, mode=mode)([4.0, 9.0]).tolist() == [3, 6]
    assert [float(value) for name, value in seen if name == "add"] == [3, 6]
    doubled, _ = ct.scan(lambda x: (2 * x, ct.until(x > 5)), outputs_info=np.float64(1), n_steps=9)
    assert ct.function([], doubled, mode=mode)().tolist() == [2, 4, 8, 16]


def test_detect_nan_prints_the_node(capsys):
    f = ct.function([V], T.log(V) * V, mode=MonitorMode(post_func=detect_nan))
    assert np.isnan(f([0.0])[0])
    text = capsys.readouterr().out
    assert "NaN detected in node 1" in text and "mul [id A]" in text and "-inf" in text


def test_a_monitored_function_returns_arrays_of_its_own():
    f = ct.function([V], [V, V[:1]], mode=MonitorMode())
    a = np.ones(3)
    assert not any([np.shares_memory(a, r) for r in f(a)])
    assert f.copy(name="again")(a)[1] == 1


# ----- DebugMode -----

def broken(new):
    """A mode with a rule that is wrong."""
    x, y = holes("x y")
    return DebugMode().register(Pass("broken", [Rule(x + y, new, name="add, but wrong")]))


def test_a_wrong_rule_is_named():
    f = ct.function([V], V * 3 + T.exp(V), mode=broken(lambda x, y: x - y))     # the wrong sum
    with pytest.raises(BadOptimization, match="add, but wrong") as info:
        f([1.0, 2.0])
    error = info.value
    assert error.reason == "add, but wrong" and "of the pass broken" in str(error)
    assert "# the wrong sum" in str(error)
    np.testing.assert_allclose(error.old_r_val - error.new_r_val, 2 * np.exp([1.0, 2.0]))
    assert error.old_graph.startswith("add") and error.new_graph.startswith("sub")


def test_a_rule_whose_result_cannot_be_computed_is_named():
    f = ct.function([V, U], V + U, mode=broken(lambda x, y: x * T.join(0, y, y)))
    with pytest.raises(BadOptimization, match="add, but wrong") as info:
        f([1.0, 2.0], [3.0, 4.0])
    assert isinstance(info.value.new_r_val, ValueError)


def test_a_rule_may_make_numbers_better():
    f = ct.function([V], T.log(1 + T.exp(V)), mode=DebugMode(check_isfinite=False))
    np.testing.assert_array_equal(f([1000.0]), [1000])


def test_assumed_sizes_may_be_wrong():
    f = ct.function([M, L], M[T.arange(L.shape[0]), L], mode="DebugMode")
    np.testing.assert_array_equal(f(np.eye(3), [1, 1]), [0, 1])


def test_values_must_be_finite_unless_allowed():
    f = ct.function([V], T.log(V), mode="DebugMode")
    with pytest.raises(InvalidValueError, match="not all of it is finite"):
        f([0.0])
    with pytest.raises(InvalidValueError, match="v has a value"):
        f([np.nan])


def test_errors_of_the_user_are_theirs():
    f = ct.function([V, L], V[L] * 2, mode="DebugMode")
    with pytest.raises(IndexError, match="out of bounds"):
        f([1.0], [3])


class Doubling(CustomOp):
    """An op of a user's that does what it should, or not."""

    __props__ = ("behaviour",)
    itypes, otypes = [T.dvector], [T.dvector]

    def __init__(self, behaviour, **maps):
        self.behaviour = behaviour
        for name, value in maps.items():
            setattr(self, name, value)

    def perform(self, node, inputs, output_storage):
        x, = inputs
        output_storage[0][0] = {"good": lambda: 2 * x, "in place": lambda: np.add(x, x, out=x),
                                "view": lambda: x[:], "noisy": lambda: x + next(COUNT)}[
                                    self.behaviour]()


COUNT = iter(range(1000))


def doubled(behaviour, mode="DebugMode", **maps):
    return ct.function([V], Doubling(behaviour, **maps)(V + 1), mode=mode)([1.0, 2.0])


@pytest.mark.parametrize("behaviour, maps", [
    ("good", {}), ("in place", {"destroy_map": {0: [0]}}), ("view", {"view_map": {0: [0]}})])
def test_what_an_op_declares_it_may_do(behaviour, maps):
    np.testing.assert_array_equal(doubled(behaviour, **maps), doubled(behaviour, "fast_run"))


@pytest.mark.parametrize("behaviour, error, text", [
    ("in place", BadDestroyMap, "has changed its input"),
    ("view", BadViewMap, "output 0 of .* shares memory with input 0"),
    ("noisy", BadThunkOutput, "in a second run")])
def test_what_an_op_may_not_do(behaviour, error, text):
    with pytest.raises(error, match=text):
        doubled(behaviour)


def test_checks_of_python_can_be_left_out():
    mode = DebugMode(check_py_code=False)
    np.testing.assert_array_equal(doubled("in place", mode), [4, 6])


def test_ops_in_python_without_a_class_are_checked():
    def perform(inputs, params):
        inputs[0][:] += 1
        return [inputs[0] * 2]

    careless = python_op("careless", perform, lambda x: x.type)
    with pytest.raises(BadDestroyMap, match="careless has changed its input v"):
        ct.function([V], careless(V), mode="DebugMode")([1.0])


def test_compiling_twice_must_give_one_program():
    turn = iter(range(100))
    x, y = holes("x y")
    sometimes = Pass("sometimes", [Rule(x + y, lambda x, y: y * x if next(turn) % 2 else None,
                                        name="now and then")])
    with pytest.raises(StochasticOrder, match="two programs"):
        ct.function([V, U], V + U, mode=DebugMode().register(sometimes))


@pytest.mark.parametrize("mode", ["DebugMode", MonitorMode(), NanGuardMode()])
def test_the_branch_that_is_not_taken_is_not_computed(mode):
    f = ct.function([V, L], ifelse(V.sum() > 0, V[:1], V[L] * 2), mode=mode)
    np.testing.assert_array_equal(f([1.0], [7]), [1])
    np.testing.assert_array_equal(f([-1.0], [0]), [-2])


@pytest.mark.parametrize("mode", ["DebugMode", MonitorMode(), NanGuardMode()])
def test_objects_and_strided_arguments(mode):
    settings = generic("settings")
    scaled = python_op("scaled", lambda inputs, params: [inputs[1] * inputs[0]["by"]],
                       lambda s, x: x.type)
    f = ct.function([settings, V], scaled(settings, V)[::2] + 1, mode=mode)
    np.testing.assert_array_equal(f({"by": 3}, np.arange(6.0)[::-2]), [16, 4])


def test_loops_are_checked():
    powers, _ = ct.scan(lambda before, x: before * x, outputs_info=T.ones_like(V),
                        non_sequences=V, n_steps=3)
    f = ct.function([V], powers[-1], mode="DebugMode")
    np.testing.assert_allclose(f([2.0, 3.0]), [8, 27])
