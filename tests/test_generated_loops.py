"""Generated code of loops: the bits, the errors and the Ctrl-C of the interpreter."""
import itertools
import os
import random
import signal
import threading
import time

import numpy as np
import pytest
from compiled import Lot, assert_same_bits, needs_compiler, values
from hypothesis import given, settings
from hypothesis import strategies as st
from test_scan import STATE_TAPS, derivatives, warping

import cytensor as ct
import cytensor.tensor as T
from cytensor import config
from cytensor._core import DTYPES, TensorType, registered_ops
from cytensor._plan import set_heat_limit
from cytensor.cpu import codegen

pytestmark = needs_compiler
rng = np.random.default_rng(0)


def vector(dtype="float64"):
    return TensorType(dtype, (None,))()


def plans_of(f):
    return [segment.last for segment in f.program.segments]


def written(f):
    """The names of the functions of loops that the plans of the last call have."""
    return [function.name for plan in plans_of(f) for _, function, _, _ in codegen.loops_of(plan)]


def check_loops(jit, cases, count=None):
    """Check functions, each on some arguments: all of their loops are written, with the same bits.

    ``count`` is how many functions the loops of each take.
    """
    lot = Lot()
    for what, f, *calls in cases:
        for args in calls:
            with np.errstate(all="ignore"):
                lot.call(what, f, *args)
            names = written(f)
            assert len(names) == count if count is not None else names, what
    lot.check(jit)


# ----- states, rows and steps -----

LENGTHS = (0, 1, 2, 3, 4, 5, 6, 50)


@pytest.mark.parametrize("taps", [*STATE_TAPS, [-7], [-1, -6]], ids=str)
def test_taps_of_states(jit, taps):
    """With all values kept, and with only the last ones: these lie in a ring, or in variables."""
    x, y0, z0 = T.dvectors("x", "y0", "z0")

    def step(x, *args):
        y, z = args[:len(taps)], args[len(taps):]
        return [T.tanh(x + sum([(i + 1) * a for i, a in enumerate(y)])) + z[-1],
                T.sin(x - sum([a / (i + 2) for i, a in enumerate(z)])) * y[0]]

    cases = []
    for backwards in (False, True):
        infos = [{"initial": v[0] if taps == [-1] else v, "taps": taps} for v in (y0, z0)]
        (y, z), _ = ct.scan(step, x, infos, go_backwards=backwards)
        firsts = rng.normal(size=(2, -min(taps)))
        calls = [(rng.normal(size=n), *firsts) for n in LENGTHS]
        cases.append((("kept", backwards), ct.function([x, y0, z0], [y, z]), *calls))
        cases.append((("last", backwards), ct.function([x, y0, z0], [y[-1], z[-2:]]),
                      *[call for call in calls if len(call[0]) > 1]))
    check_loops(jit, cases)


@pytest.mark.parametrize("taps", STATE_TAPS, ids=str)
def test_gradients(jit, taps):
    x, y0 = T.dvectors("x", "y0")
    y, _ = ct.scan(lambda x, *y: T.tanh(x * sum([(i + 1) * a for i, a in enumerate(y)])), x,
                   {"initial": y0[0] if taps == [-1] else y0, "taps": taps})
    f = ct.function([x, y0], [y, *derivatives([y], [x, y0])])
    first = rng.normal(size=-min(taps))
    check_loops(jit, [("gradient", f, *[(rng.normal(size=n), first) for n in (0, 1, 2, 20)])])


def test_taps_of_sequences(jit):
    x, y = T.dvectors("x", "y")
    cases = []
    for taps in ([0], [-1], [2, 0], [-2, 1, 3]):
        out, _ = ct.scan(lambda *a: T.sin(sum(a[:-1])) * a[-1] + a[0],
                         [{"input": x, "taps": taps}, y], y[0])
        f = ct.function([x, y], [out, T.grad(out.sum(), x)])
        cases.append((taps, f, (rng.normal(size=20), rng.normal(size=30)),
                      (rng.normal(size=20)[::-1], np.repeat(rng.normal(size=9), 3)[::3])))
    check_loops(jit, cases)


def test_states_that_change_places(jit):
    """A new value that is an old one of another state."""
    x = T.dvector("x")
    outs, _ = ct.scan(lambda x, a, b, c: [b, a, b + x * c], x,
                      [T.constant(1.0), T.constant(2.0), T.constant(0.5)])
    history, _ = ct.scan(lambda x, a3, a1, b: [a1 * 1.0, a3 + b * 0], x,
                         [{"initial": x[:3], "taps": [-3, -1]}, T.constant(2.0)])
    call = (rng.normal(size=9),)
    check_loops(jit, [("swap", ct.function([x], outs), call),
                      ("last", ct.function([x], [out[-1] for out in outs]), call),
                      ("lags", ct.function([x], [*history, history[0][-1]]), call)])


def test_steps_that_a_call_tells(jit):
    x, n = T.dscalar("x"), T.lscalar("n")
    out, _ = ct.scan(lambda x: 3.7 * x * (1 - x), outputs_info=x, n_steps=n)
    f = ct.function([x, n], [out[-1:], out.sum()])
    check_loops(jit, [("n", f, *[(0.3, k) for k in (0, 1, 2, 1000)])])
    with pytest.raises(ValueError, match="-1"):
        f(0.3, -1)


def test_many_steps(jit):
    """Of which a function takes only some at a time."""
    n, limit = T.lscalar("n"), T.dscalar("limit")
    cases = []
    for taps in ([-1], [-1, -3], [-2, -7]):
        first = T.constant(np.linspace(0.1, 0.9, -min(taps)) if min(taps) < -1 else 0.3)

        def step(*y):
            new = T.sin(y[0] * 3 + y[-1]) + 0.5
            return new, ct.until(new > limit)

        def row(x):
            return ct.scan(lambda s: T.cos(s) + 0.1, outputs_info=x, n_steps=n)[0][-1]

        y, _ = ct.scan(step, outputs_info={"initial": first, "taps": taps}, n_steps=n)
        f = ct.function([n, limit], [y, y[-1], y.shape[0]])
        cases.append((taps, f, *[(30_000, bound) for bound in (9.0, 1.49999, 1.4)]))
    z, _ = ct.scan(row, outputs_info=T.constant(0.3), n_steps=2)
    check_loops(jit, [*cases, ("inner", ct.function([n], z), (30_000,))])


def test_loops_that_end_early(jit):
    x, limit = T.dvector("x"), T.dscalar("limit")
    total, _ = ct.scan(lambda x, s: (s + x, ct.until(s + x > limit)), x, T.constant(0.0))
    f = ct.function([x, limit], [total, total[-1], T.grad((total ** 2).sum(), x)])
    data = np.arange(1.0, 8)
    check_loops(jit, [("until", f, *[(data, bound) for bound in (9.0, 0.5, 1e6, 28, 27)])])


def test_checkpoints(jit):
    x = T.dvector("x")
    cases = []
    for every in (1, 3, "sqrt"):
        y, _ = ct.scan(lambda x, y: T.sin(x * y), x, T.constant(1.0), checkpoint=every)
        cases.append((every, ct.function([x], [y, T.grad(y.sum(), x)]), (rng.normal(size=11),)))
    check_loops(jit, cases)


# ----- ops and dtypes -----

@pytest.mark.parametrize("dtype", ["bool", "int8", "uint16", "int64", "float16", "float32",
                                   "float64", "complex128"])
def test_every_op(jit, dtype):
    """Each op that works on this dtype, on numbers that depend on a state."""
    cases = []
    for name, op in registered_ops().items():
        if (op.kind == "elementwise" and name not in ("cast", "identity")
                and not op.traits.get("special")):
            made = loop_of(op, dtype)
            if made is not None:
                cases.append(((name, dtype), *made))
    assert len(cases) > 10
    check_loops(jit, cases)


def loop_of(op, dtype):
    """A loop in which an op works on states, which are rows of the step before."""
    inputs = [vector(dtype) for _ in range(op.traits["nin"])]
    firsts = [x[0] for x in inputs]

    def step(*args):
        rows, states = args[:len(inputs)], args[len(inputs):]
        return [*rows, op(*states)]

    try:
        outs, _ = ct.scan(step, inputs, [*firsts, None])
    except (TypeError, ValueError):
        return None
    f = ct.function(inputs, outs[-1], mode="none", on_unused_input="ignore")
    return f, tuple([values(dtype, 40, seed) for seed in range(len(inputs))])


def test_casts(jit):
    cases = []
    for a, b in itertools.product(DTYPES, repeat=2):
        if np.dtype(a).kind == "c" and np.dtype(b).kind not in "cb":
            continue
        x = vector(a)
        outs, _ = ct.scan(lambda x, s, b=b: [x, T.cast(s, b)], x, [x[0], None])
        cases.append(((a, b), ct.function([x], outs[-1], mode="none"), (values(a, 30, 0),)))
    check_loops(jit, cases)


def test_mixed_dtypes(jit):
    x, k, z = T.fvector("x"), T.lvector("k"), T.zvector("z")

    def step(x, k, z, count, flag, c):
        flag = T.or_(T.lt(x, 0), T.and_(flag, T.gt(k, 2)))
        count = count + T.switch(flag, k, -1)
        return [count, flag, c * z + T.cast(count, "complex128"), T.cast(x, "float16") * 2]

    outs, _ = ct.scan(step, [x, k, z], [T.constant(np.int64(0)), T.constant(np.bool_(False)),
                                        T.constant(np.complex128(1j)), None])
    n = 30
    args = (rng.normal(size=n).astype("f"), rng.integers(0, 5, n),
            (rng.normal(size=n) + 1j * rng.normal(size=n)) / 2)
    check_loops(jit, [("mixed", ct.function([x, k, z], [*outs, outs[0][-1], outs[2][-1]]), args)])


def test_functions_of_scipy_are_called(jit):
    x = T.dvector("x")
    out, _ = ct.scan(lambda x, s: T.gammaln(s * s + 1 + x) + T.psi(s * s + 2), x, T.constant(0.5))
    f = ct.function([x], out)
    check_loops(jit, [("special", f, (np.linspace(0, 3, 20),))])


# ----- random bodies -----

@st.composite
def bodies(draw):
    lags = st.lists(st.integers(-5, -1), min_size=1, max_size=3, unique=True)
    return (draw(st.lists(lags, min_size=1, max_size=3)), draw(st.integers(0, 2)),
            draw(st.booleans()), draw(st.booleans()), draw(st.integers(0, 1 << 30)))


RANDOM_OPS = (
    lambda a, b: T.tanh(a) - b, lambda a, b: T.maximum(a, b) * 0.5, lambda a, b: T.sin(a * b),
    lambda a, b: T.switch(a > b, a, -b), lambda a, b: abs(a) + T.exp(-b * b),
    lambda a, b: T.cast(T.cast(T.tanh(a) * 9, "int64") % 5, "float64") / 4,
    lambda a, b: T.floor(T.tanh(b) * 9) // (1.5 + T.cos(a)))


def random_step(seed, nstates, inner):
    """A function that computes new states and a row from numbers."""
    def step(*args):
        choose, made = random.Random(seed), list(args)
        for _ in range(choose.randint(2, 7)):
            op = choose.choice(RANDOM_OPS)
            made.append(op(choose.choice(made), choose.choice(made)))
        if inner:
            last = made[-1]
            made.append(ct.scan(lambda s: T.sin(s + last), outputs_info=args[0], n_steps=3)[0][-1])
        return [T.tanh(made[-1 - i % len(made)] + i) for i in range(nstates)] + [made[-1]]
    return step


@settings(max_examples=5, deadline=None, derandomize=True)
@given(st.lists(bodies(), min_size=5, max_size=5))
def test_random_bodies(specs):
    from cytensor.engine.pipeline import device
    cases = []
    for lags, nseqs, backwards, inner, seed in specs:
        seqs = [T.dvector() for _ in range(nseqs)]
        firsts = [T.dvector() for _ in lags]
        infos = [{"initial": v[0] if t == [-1] else v, "taps": t} for v, t in zip(firsts, lags)]
        outs, _ = ct.scan(random_step(seed, len(lags), inner), seqs, [*infos, None],
                          n_steps=6, go_backwards=backwards)
        f = ct.function([*seqs, *firsts], [*outs, T.grad(outs[0].sum() + outs[-1].sum(), firsts[0],
                                                        disconnected_inputs="ignore")],
                        on_unused_input="ignore")
        data = np.random.default_rng(seed)
        cases.append((seed, f, (*[data.normal(size=6) for _ in seqs],
                                *[data.normal(size=-min(t)) for t in lags])))
    check_loops(device().jit, cases)


# ----- loops in loops -----

def test_dynamic_time_warping(jit):
    x, y = T.dvectors("x", "y")
    cost = warping(x, y)
    cases = [("values", ct.function([x, y], cost)),
             ("gradients", ct.function([x, y], [cost, *T.grad(cost, [x, y])]))]
    sizes = [(1, 1), (9, 6), (30, 40), (2, 0)]
    calls = [tuple([rng.normal(size=n) for n in size]) for size in sizes]
    check_loops(jit, [(*cases[0], *calls)], count=1)
    check_loops(jit, [(*cases[1], *calls[:3])], count=2)


def test_three_loops_and_states_of_each_kind(jit):
    x, y, z = T.dvectors("x", "y", "z")

    def outer(x, s, m):
        def middle(y, a, b):
            def inner(z, c2, c1):
                return T.sin(c2 + z * a) - c1 * x, c1 > 3
            (c, flags), _ = ct.scan(inner, z, [{"initial": y + z[:2], "taps": [-2, -1]}, None])
            return c[-1] + b, T.cast(flags.any(), "float64") + a
        (a, b), _ = ct.scan(middle, y, [s, m])
        return T.tanh(a[-1]), b[-1] / 3

    outs, _ = ct.scan(outer, x, [T.constant(0.5), T.constant(1.0)])
    f = ct.function([x, y, z], [*outs, outs[0][-1]])
    call = tuple([rng.normal(size=n) for n in (4, 5, 6)])
    check_loops(jit, [("three", f, call)])


def test_inner_loops_that_end_early(jit):
    """Their sizes depend on data, so that each step of the outer one is a call."""
    x = T.dvector("x")

    def count(c):
        z, _ = ct.scan(lambda z: (z * z + c, ct.until(abs(z * z + c) > 2)),
                       outputs_info=T.constant(0.0), n_steps=50)
        return z.shape[0], z[-1]

    outs, _ = ct.scan(count, x)
    data = np.linspace(-2.2, 0.5, 23)
    wanted = ct.function([x], outs)(data)
    config.jit = "eager"
    for a, b in zip(ct.function([x], outs)(data), wanted):
        assert_same_bits(a, b, "until")


def test_a_loop_in_a_loop_to_second_order(jit):
    m, h0 = T.dmatrix("m"), T.dscalar("h0")

    def outer(row, h):
        return T.tanh(ct.scan(lambda x, s: T.sin(s * h + x), row, h)[0][-1])

    out, _ = ct.scan(outer, m, h0)
    f = ct.function([m, h0], [out, *derivatives([out], [m, h0])])
    check_loops(jit, [("second order", f, (rng.normal(size=(4, 5)), 0.3))])


def test_rows_of_outer_sequences_in_any_layout(jit):
    m = T.dmatrix("m")
    out, _ = ct.scan(lambda row, s: ct.scan(lambda a, b, s: T.cos(a * s) + b, [row[1:], row[:-1]],
                                            s)[0][-1], m, T.constant(1.0))
    f = ct.function([m], out)
    a = rng.normal(size=(8, 12))
    check_loops(jit, [("layouts", f, (a,), (a.T,), (a[::-1, ::2],), (a[:, ::-1],))], count=1)


# ----- arrays in the body -----

def test_arrays_beside_numbers(jit):
    m, v = T.dmatrix("m"), T.dvector("v")

    def step(row, s, h, v):
        h = T.tanh(row * s + h[::-1]) + v * T.arange(v.shape[0])
        return T.sin(s + row[0] * h[-1]) + h.sum(), h, T.outer(h, v) * s, h.max()

    outs, _ = ct.scan(step, m, [T.constant(0.5), v, None, None], v)
    f = ct.function([m, v], [*outs, outs[1][-1]])
    args = rng.normal(size=(6, 7)), rng.normal(size=7)
    check_loops(jit, [("arrays", f, args, (args[0].T[:6], args[1][:6]))], count=1)


def test_an_inner_loop_with_an_array_is_called(jit):
    m, v = T.dmatrix("m"), T.dvector("v")

    def step(row, s, v):
        h, _ = ct.scan(lambda a, h: T.tanh(h * a + s), row, v)
        return T.sin(s + row[0]) * h[-1].sum()

    out, _ = ct.scan(step, m, T.constant(0.5), v)
    f = ct.function([m, v], [out, T.grad(out.sum(), v)])
    check_loops(jit, [("called", f, (rng.normal(size=(6, 7)), rng.normal(size=3)))])


def test_parts_of_states_are_set(jit):
    x = T.dvector("x")

    def step(x, h):
        return T.inc_subtensor(T.set_subtensor(h[1:], h[:-1])[0], T.sin(x + h[2]))

    out, _ = ct.scan(step, x, T.constant(np.arange(5.0)))
    f = ct.function([x], [out, T.grad(out.sum(), x)])
    check_loops(jit, [("parts", f, (rng.normal(size=9),))])


def test_places_that_depend_on_data(jit):
    table, first = T.dvector("table"), T.lscalar("first")

    def step(k, s):
        return [(k * 5 + 1) % 7, T.sin(s + table[k]) * table[k // 2 - 1]]

    outs, _ = ct.scan(step, outputs_info=[first, T.constant(1.0)], n_steps=20)
    f = ct.function([table, first], outs)
    assert "ct_size_quotient" in source_after(f, np.ones(7), 0)
    check_loops(jit, [("lookup", f, *[(rng.normal(size=7), k) for k in (0, 3, -2)])])
    check_message(f, table, first, outs, match="5")


def test_an_error_in_an_inner_loop_names_all_steps(jit):
    table, first = T.dvector("table"), T.lscalar("first")

    def row(s):
        (_, rows), _ = ct.scan(lambda k, s: [(k * 5 + 1) % 7, s + table[k]],
                               outputs_info=[first, s], n_steps=4)
        return T.sin(rows[-1])

    out, _ = ct.scan(row, outputs_info=T.constant(1.0), n_steps=20, name="outer")
    f = ct.function([table, first], out)
    check_loops(jit, [("lookup", f, (rng.normal(size=7), 3))], count=1)
    check_message(f, table, first, out, match="5")


def test_an_error_in_a_kernel_that_is_called(jit):
    table, k = T.dvector("table"), T.lscalar("k")

    def step(k, s):
        return (k * 5 + 1) % 7, T.sin(s) + table[T.stack([k, 0, k])].sum()

    outs, _ = ct.scan(step, outputs_info=[k, T.constant(1.0)], n_steps=20)
    f = ct.function([table, k], outs)
    check_loops(jit, [("lookup", f, (rng.normal(size=7), 3))], count=1)
    check_message(f, table, k, outs, match="6 is out of bounds")


def check_message(f, table, k, outs, match):
    """Check that code that has been compiled fails as the interpreter does."""
    texts = []
    for g in (f, ct.function([table, k], outs)):
        with pytest.raises(IndexError, match=match) as caught:
            g(np.ones(5), 0)
        texts.append(str(caught.value))
    assert texts[0] == texts[1]
    assert "in step" in texts[0]


def source_after(f, *args):
    """The code of a function for the sizes of some arguments."""
    f(*args)
    return f.source()


# ----- when -----

def logistic():
    x, n = T.dscalar("x"), T.lscalar("n")
    out, _ = ct.scan(lambda x: 3.7 * x * (1 - x), outputs_info=x, n_steps=n)
    return ct.function([x, n], out[-1])


def nested():
    x, n = T.dscalar("x"), T.lscalar("n")

    def row(x):
        return ct.scan(lambda x: T.sin(x) + 0.5, outputs_info=x, n_steps=n)[0][-1] / 2

    out, _ = ct.scan(row, outputs_info=x, n_steps=10)
    return ct.function([x, n], out[-1])


@pytest.mark.parametrize("make", [logistic, nested])
def test_ctrl_c(jit, make):
    config.jit = "eager"
    f = make()
    f(0.3, 10)
    assert written(f)
    sent = []

    def interrupt():
        sent.append(time.perf_counter())
        os.kill(os.getpid(), signal.SIGINT)

    threading.Timer(0.3, interrupt).start()
    with pytest.raises(KeyboardInterrupt) as caught:
        f(0.3, 10 ** 12)
    assert time.perf_counter() - sent[0] < 0.1
    assert "in step" in "".join(getattr(caught.value, "__notes__", ["in step"]))
    config.jit = "off"
    assert f(0.3, 10) == make()(0.3, 10)


def test_background(jit):
    """Calls go on while a loop is compiled, and it is taken over between two of them."""
    f = logistic()
    want = f(0.3, 5000)
    config.jit = "background"
    set_heat_limit(1)
    for _ in range(3):
        assert f(0.3, 5000) == want
    jit.finish()
    assert f(0.3, 5000) == want


def test_those_who_look_on_see_each_step(jit):
    """Where something watches the steps, they are interpreted."""
    x = T.dvector("x")
    out, _ = ct.scan(lambda x, s: T.log(x * s), x, T.constant(1.0))
    f = ct.function([x], out, mode="NanGuardMode")
    config.jit = "eager"
    f([2.0, 3.0])
    with pytest.raises(AssertionError, match="NaN"):
        f([2.0, -3.0])


# ----- for readers -----

def test_source(jit):
    x = T.dvector("x")
    out, _ = ct.scan(lambda x, s: T.tanh(s) + x, x, T.constant(0.5))
    f = ct.function([x], out)
    assert "when it has been called" in f.source()
    text = source_after(f, np.ones(3))
    assert "lambda x, s: T.tanh(s) + x" in text
    code = text[text.index("while (i0"):]
    assert code.split("steps->taken")[0] == """while (i0 < n0) {
        const double t2 = *(const double *)(p3);
        const double t4 = ct_tanh(h0_0_1);
        const double t5 = t4 + t2;
        *(double *)(p6) = t5;
        h0_0_1 = t5;
        p3 += 8;
        p6 += 8;
        i0++;
    }
    *(char **)(s0 + v1) = p3;
    *(char **)(s0 + v0) = p6;
    """


def test_text_does_not_depend_on_sizes(jit):
    x, y = T.dvectors("x", "y")
    cost = warping(x, y)
    f = ct.function([x, y], T.grad(cost, x))
    names = []
    for sizes in ((5, 6), (50, 60), (3, 300)):
        f(*[rng.normal(size=n) for n in sizes])
        names.append(written(f))
    assert names[0] == names[1] == names[2]
