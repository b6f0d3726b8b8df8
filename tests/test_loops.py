"""How loops run: in C, without Python; what is kept, what is said when a step fails, Ctrl-C."""
import itertools
import os
import signal
import threading

import numpy as np
import pytest

import cytensor as ct
import cytensor.tensor as T
from cytensor._core import toposort

rng = np.random.default_rng(0)


def loops_of(f):
    """The scan nodes of a compiled function."""
    return [node for node in toposort(f.graph) if node.op.name == "scan"]


def runs_in_c(program):
    """Whether all loops of a program run without Python."""
    steps = [step for segment in program.segments for step in segment.steps
             if step.label == "scan"]
    return bool(steps) and all([hasattr(step.python, "program") for step in steps])


# ----- loops over single numbers -----

LINKS = {
    "x + a": lambda x, a: x + a, "x - a": lambda x, a: x - a, "a - x": lambda x, a: a - x,
    "x * a": lambda x, a: x * a, "min(x, a)": T.minimum, "min(a, x)": lambda x, a: T.minimum(a, x),
    "max(x, a)": T.maximum, "max(a, x)": lambda x, a: T.maximum(a, x),
}
IN_NUMPY = {T.minimum: np.minimum, T.maximum: np.maximum}
SPECIAL = np.array([1.5, -2.0, 0.0, -0.0, np.inf, 0.25, -np.inf, 3.0, np.nan, 1.0])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("first, second", [*itertools.product(LINKS, repeat=2),
                                           *[(link, None) for link in LINKS]])
def test_chains_have_the_bits_of_single_steps(first, second, dtype):
    """A chain (see scalars.h) agrees with its ops, each compiled by itself."""
    x, a, b = [T.TensorType(dtype, ())() for _ in range(3)]
    links = [ct.function([x, a], LINKS[first](x, a))]
    arrays = [T.TensorType(dtype, (None,))() for _ in range(2)]
    if second is None:
        out, _ = ct.scan(lambda a, x: LINKS[first](x, a), arrays[0], x)
        arrays = arrays[:1]
    else:
        links.append(ct.function([x, b], LINKS[second](x, b)))
        out, _ = ct.scan(lambda a, b, x: LINKS[second](LINKS[first](x, a), b), arrays, x)
    f = ct.function([x, *arrays], [out, out[-1]])
    values = [np.asarray(np.roll(SPECIAL, k), dtype) for k in range(len(arrays))]
    state, wanted = np.asarray(0.5, dtype), []
    for row in zip(*values):
        for link, value in zip(links, row):
            state = link(state, np.asarray(value))
        wanted.append(state)
    made, last = f(np.asarray(0.5, dtype), *values)
    # one bit may differ: the sign of a NaN
    np.testing.assert_array_equal(np.signbit(made)[~np.isnan(made)],
                                  np.signbit(wanted)[~np.isnan(made)])
    np.testing.assert_array_equal(made, wanted)
    np.testing.assert_array_equal(last, wanted[-1])


SCALAR_STEPS = {
    "logistic map": lambda x, a: 3.7 * x * (1 - x) + 0 * a,
    "branch": lambda x, a: T.switch(x > a, x / 2, x + a),
    "integers inside": lambda x, a: x + T.cast(T.floor(a * 4), "int64") % 3,
    "transcendental": lambda x, a: T.tanh(x) * T.exp(-a) + T.sqrt(abs(x)),
    "tests": lambda x, a: T.switch(T.eq(x, a) | (x < 0), -x, x - 0.125),
}


@pytest.mark.parametrize("step", SCALAR_STEPS.values(), ids=SCALAR_STEPS)
def test_numbers_have_the_bits_of_arrays(step):
    """A loop over single numbers agrees with one over arrays of one element."""
    data = rng.normal(size=40)
    results = []
    for shape in ((), (1,)):
        a = T.TensorType("float64", (None, *shape))()
        out, _ = ct.scan(lambda a, x: step(x, a), a, T.constant(np.full(shape, 0.4)))
        f = ct.function([a], out)
        assert runs_in_c(f.program)
        results.append(f(data.reshape(-1, *shape)).ravel())
    np.testing.assert_array_equal(*results)


def test_a_loop_over_numbers_in_a_loop_over_numbers():
    """The number of steps until |z| > 2, for each point: an inner loop that ends early."""
    x = T.dvector("x")

    def count(c):
        z, _ = ct.scan(lambda z: (z * z + c, ct.until(abs(z * z + c) > 2)),
                       outputs_info=T.constant(0.0), n_steps=50)
        return z.shape[0]

    out, _ = ct.scan(count, x)

    def wanted(c):
        z, steps = 0.0, 0
        while steps < 50:
            z, steps = z * z + c, steps + 1
            if abs(z) > 2:
                break
        return steps

    data = np.linspace(-2.2, 0.5, 23)
    np.testing.assert_array_equal(ct.function([x], out)(data), [wanted(c) for c in data])


# ----- what is kept -----

def test_only_the_last_value_is_kept():
    x, h0 = T.dmatrix("x"), T.dvector("h0")
    h, _ = ct.scan(lambda x_t, h: T.tanh(x_t + h), x, h0)
    f = ct.function([x, h0], h[-1])
    node, = loops_of(f)
    assert node.params["form"].keeps == (False,)
    data, state = rng.normal(size=(5, 3)), np.zeros(3)
    for row in data:
        state = np.tanh(row + state)
    np.testing.assert_allclose(f(data, np.zeros(3)), state)
    with pytest.raises(IndexError, match="out of bounds"):
        f(data[:0], np.zeros(3))


def test_outputs_that_nobody_asks_for_are_not_computed():
    x = T.dvector("x")
    (a, b, _), _ = ct.scan(lambda x_t, a, b: [a + x_t, T.sin(b) * x_t, T.exp(a * b)], x,
                           [T.constant(0.0), T.constant(1.0), None])
    node, = loops_of(ct.function([x], a))
    assert len(node.outputs) == 1
    assert "sin" not in [n.op.name for n in toposort(node.params["body"].outputs)]
    node, = loops_of(ct.function([x], [a, b]))
    assert len(node.outputs) == 2


def test_a_loop_and_its_forward_part_become_one():
    x, w = T.dmatrix("x"), T.dmatrix("w")
    h, _ = ct.scan(lambda x_t, h: T.exp(-T.dot(h, w) ** 2) + x_t, x, T.zeros((3,)))
    f = ct.function([x, w], [h, T.grad(h.sum(), w)])
    forms = [node.params["form"] for node in loops_of(f)]
    assert sorted([form.backwards for form in forms]) == [False, True]


def test_equal_loops_are_one():
    x = T.dvector("x")
    made = [ct.scan(lambda x_t, s: s * x_t + 1, x, T.constant(0.0))[0] for _ in range(3)]
    assert len(loops_of(ct.function([x], made))) == 1


def test_initial_values_joined_in_front_cost_nothing():
    x, h0 = T.dvector("x"), T.dscalar("h0")
    h, _ = ct.scan(lambda x_t, h: T.sin(h) + x_t, x, h0)
    f = ct.function([x, h0], T.concatenate([h0.dimshuffle("x"), h]))
    assert "join" not in [node.op.name for node in toposort(f.graph)]
    assert f([1.0, 2.0], 0.5)[0] == 0.5


def test_gates_are_cut_and_joined_without_copies():
    """What a recurrent cell does: slices of one product, and a gradient that joins them."""
    x, u = T.dtensor3("x"), T.dmatrix("u")

    def step(x_t, h):
        gates = x_t + T.dot(h, u)
        return T.sigmoid(gates[:, :3]) * T.tanh(gates[:, 3:])

    h, _ = ct.scan(step, x, T.zeros((2, 3)))
    f = ct.function([x, u], T.grad(h.sum(), u))
    labels = [step.label for segment in f.program.segments for s in segment.steps
              if s.label == "scan" for step in s.python.program.segments[0].steps]
    assert "inc_subtensor" not in labels
    assert "join" not in labels


# ----- what is said, and what stays -----

def test_an_error_names_the_step_the_line_and_the_shapes():
    x = T.dmatrix("x")
    (_, out), _ = ct.scan(lambda k, s: [2 * k + 1, s + x[k]], None,
                          [T.constant(0), T.zeros((2,))], n_steps=9, name="walk")
    f = ct.function([x], out)
    assert runs_in_c(f.program)
    with pytest.raises(IndexError) as caught:
        f(np.zeros((3, 2)))
    text = str(caught.value)
    assert "step 2 of walk" in text
    assert "test_loops.py" in text
    assert "index 3 is out of bounds for axis 0 with size 3" in text


def test_a_state_keeps_its_shape():
    x = T.dmatrix("x")
    out, _ = ct.scan(lambda x_t, s: s.sum() + x_t, x, T.dvector("s0"))
    f = ct.function([x, out.owner.inputs[0].owner.inputs[2].owner.inputs[0]], out)
    with pytest.raises(ValueError, match=r"\(3,\) where \(2,\)"):
        f(np.zeros((4, 3)), np.zeros(2))


def test_ctrl_c_stops_a_loop_and_changes_nothing():
    s, n = ct.shared(np.ones(3)), T.lscalar("n")
    _, updates = ct.scan(lambda: {s: T.sin(s) + 1}, n_steps=n)
    f = ct.function([n], [], updates=updates)
    f(10)
    before = s.get_value()
    threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()
    with pytest.raises(KeyboardInterrupt):
        f(10 ** 11)
    np.testing.assert_array_equal(s.get_value(), before)
    f(1)


def test_sizes_within_a_step_may_depend_on_data():
    x, n = T.dmatrix("x"), T.lvector("n")
    out, _ = ct.scan(lambda k: x[:k].sum(), n)
    np.testing.assert_array_equal(ct.function([x, n], out)(np.ones((5, 2)), [1, 3, 5]), [2, 6, 10])


def test_a_constant_may_give_sizes():
    x, k = T.dvector("x"), T.lscalar("k")
    out, _ = ct.scan(lambda a, s: s + T.arange(k) * a, x, T.zeros((k,)))
    f = ct.function([x, k], out)
    assert runs_in_c(f.program)
    for size in (3, 5):
        np.testing.assert_allclose(f([1.0, 2.0], size)[1], 3.0 * np.arange(size))


def test_python_inside_of_a_loop():
    x = T.dvector("x")
    out, _ = ct.scan(lambda a, s: s + T.sort(T.stack([a, s]))[0], x, T.constant(1.0))
    np.testing.assert_allclose(ct.function([x], out)([2.0, -1.0]), [2.0, 1.0])


def test_many_calls_at_once():
    x, w = T.dtensor3("x"), ct.shared(rng.normal(size=(4, 4)))
    h, _ = ct.scan(lambda x_t, h: T.tanh(T.dot(h, w) + x_t), x, T.zeros((8, 4)))
    f = ct.function([x], h)
    arrays = [rng.normal(size=(50, 8, 4)) for _ in range(4)]
    wanted, found = [f(a) for a in arrays], [None] * 4

    def work(i):
        for _ in range(20):
            found[i] = f(arrays[i])

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for a, b in zip(found, wanted):
        np.testing.assert_array_equal(a, b)


def test_the_guard_against_bad_numbers_sees_into_loops():
    x = T.dmatrix("x")
    out, _ = ct.scan(lambda a, s: T.exp(-T.log(s + a) ** 2), x, T.zeros((2,)), name="walk")
    f = ct.function([x], T.isnan(out).sum(), mode="NanGuardMode")
    good = np.ones((4, 2))
    assert f(good) == 0
    bad = good.copy()
    bad[2, 0] = -9
    with pytest.raises(AssertionError) as caught:
        f(bad)
    assert "step 2 of walk" in "".join(caught.value.__notes__)
