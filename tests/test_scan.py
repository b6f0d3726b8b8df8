"""Loops: against loops in Python, and their derivatives against those of unrolled graphs."""
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cytensor as ct
import cytensor.tensor as T
from cytensor._core import toposort

LENGTHS = (0, 1, 2, 7)
rng = np.random.default_rng(0)


# ----- the same loop, written out -----

def unrolled(fn, sequences=(), infos=(), constants=(), n=None, backwards=False):
    """Return what `scan` returns, as graphs of one node per step and op.

    ``sequences`` are (array, taps), ``infos`` are (initial, taps) or None.
    """
    rows = []
    for array, taps in sequences:
        first, last = min([*taps, 0]), max([*taps, 0])
        have = int(array.tag.length) - (last - first)
        n = have if n is None else min(n, have)
        rows.append((array, taps, first, have))
    histories = [None if info is None else
                 ([info[0]] if info[1] == [-1] else
                  [info[0][i] for i in range(-min(info[1]))]) for info in infos]
    outputs = [[] for _ in infos]
    for t in range(n):
        args = []
        for array, taps, first, have in rows:
            at = have - 1 - t if backwards else t
            args += [array[at + tap - first] for tap in taps]
        for info, history in zip(infos, histories):
            if info is not None:
                args += [history[tap] for tap in info[1]]
        made = fn(*args, *constants)
        made = made if isinstance(made, (list, tuple)) else [made]
        for out, history, new in zip(outputs, histories, made):
            out.append(new)
            if history is not None:
                history.append(new)
    return [T.stack(out) if out else None for out in outputs]


def sequence(name, kind, length):
    x = kind(name)
    x.tag.length = length
    return x


def looped(fn, sequences=(), infos=(), constants=(), n=None, backwards=False, **options):
    outputs, updates = ct.scan(
        fn, [{"input": x, "taps": taps} for x, taps in sequences],
        [None if info is None else {"initial": info[0], "taps": info[1]} for info in infos],
        list(constants), n, go_backwards=backwards, return_list=True, **options)
    assert not updates
    return outputs


def derivatives(outputs, wrt):
    """A cost of the outputs, its gradients, and the gradients of these."""
    cost = sum([(T.sin(out) * (1 + T.arange(out.shape[0]).reshape(
        (out.shape[0],) + (1,) * (out.ndim - 1)))).sum() for out in outputs])
    first = T.grad(cost, wrt, disconnected_inputs="ignore")
    second = T.grad(sum([T.cos(g).sum() for g in first]), wrt, disconnected_inputs="ignore")
    return [*first, *second]


def agree(fn, sequences, infos, constants, values, n=None, backwards=False, order=2, **options):
    """Check values and derivatives of a loop against the same loop written out."""
    given = [x for x, _ in sequences] + [info[0] for info in infos if info] + list(constants)
    made = looped(fn, sequences, infos, constants, n, backwards, **options)
    wanted = unrolled(fn, sequences, infos, constants, n, backwards)
    if wanted[0] is None:
        results = ct.function(given, made, on_unused_input="ignore")(*values)
        assert all(len(result) == 0 for result in results)
        gradients = T.grad(sum([out.sum() for out in made]), given, disconnected_inputs="ignore")
        for g in ct.function(given, gradients, on_unused_input="ignore")(*values):
            assert not g.any()
        return
    both = [made, wanted]
    if order:
        both = [[*outputs, *derivatives(outputs, given)] for outputs in both]
    ours, theirs = [ct.function(given, outputs, on_unused_input="ignore")(*values)
                    for outputs in both]
    for a, b in zip(ours, theirs, strict=True):
        assert a.shape == b.shape
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-11)


# ----- every tap pattern -----

def mix(*args):
    """Something that no argument leaves out, and that does not grow."""
    total = 0.0
    for i, x in enumerate(args):
        total = total + T.sin((i + 1) * x) / (i + 2)
    return total


SEQUENCE_TAPS = ([0], [-1], [2], [0, 1], [-2, 0], [-1, 1], [3, -2, 0])
STATE_TAPS = ([-1], [-2], [-1, -2], [-3, -1], [-1, -4, -2])


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("taps", SEQUENCE_TAPS, ids=str)
def test_taps_of_sequences(taps, length):
    length += max([*taps, 0]) - min([*taps, 0])
    x = sequence("x", T.dmatrix, length)
    y0 = T.dvector("y0")
    agree(mix, [(x, taps)], [(y0, [-1])], [], [rng.normal(size=(length, 3)), rng.normal(size=3)])


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("taps", STATE_TAPS, ids=str)
def test_taps_of_states(taps, length):
    x = sequence("x", T.dvector, length)
    y0 = T.dscalar("y0") if taps == [-1] else T.dvector("y0")
    first = rng.normal() if taps == [-1] else rng.normal(size=-min(taps))
    agree(mix, [(x, [0])], [(y0, taps)], [], [rng.normal(size=length), first])


@pytest.mark.parametrize("backwards", [False, True])
def test_several_of_each_kind(backwards):
    u, v = sequence("u", T.dmatrix, 9), sequence("v", T.dvector, 7)
    a0, b0, w = T.dvector("a0"), T.dmatrix("b0"), T.dmatrix("w")

    def step(u0, u2, v_t, a1, b3, b1, w):
        a = T.tanh(T.dot(u0, w) + a1 * v_t + b3)
        b = T.sin(T.dot(w, b1) + u2 * a1)
        return a, (a * b).sum(), b

    agree(step, [(u, [0, 2]), (v, [0])], [(a0, [-1]), None, (b0, [-3, -1])], [w],
          [rng.normal(size=s) for s in ((9, 3), (7,), (3,), (3, 3), (3, 3))], backwards=backwards)


@pytest.mark.parametrize("checkpoint", [1, 3, 7, "sqrt", 50])
def test_checkpoints_change_no_value(checkpoint):
    x = sequence("x", T.dmatrix, 8)
    h0, w = T.dmatrix("h0"), T.dmatrix("w")

    def step(x_t, h2, h1, w):
        h = T.tanh(T.dot(h1, w) + x_t * h2)
        return h, T.exp(h).sum()

    agree(step, [(x, [0])], [(h0, [-2, -1]), None], [w],
          [rng.normal(size=s) for s in ((8, 3), (2, 3), (3, 3))], checkpoint=checkpoint)


def test_a_loop_without_sequences():
    x0, a = T.dscalars("x0", "a")
    agree(lambda x, a: a * x * (1 - x), [], [(x0, [-1])], [a], [0.3, 2.9], n=12)


def test_a_map():
    x, w = sequence("x", T.dmatrix, 6), T.dmatrix("w")
    agree(lambda row, w: [T.softmax(T.dot(row, w)), row.sum()], [(x, [0])], [None, None], [w],
          [rng.normal(size=(6, 3)), rng.normal(size=(3, 4))])


# ----- random loops -----

@st.composite
def loops(draw):
    """A body over some sequences and states, given as numbers."""
    n = draw(st.sampled_from((0, 1, 2, 5)))
    taps = st.lists(st.integers(-2, 2), min_size=1, max_size=3, unique=True)
    lags = st.lists(st.integers(-3, -1), min_size=1, max_size=2, unique=True)
    shape = draw(st.sampled_from(((), (2,), (2, 2))))
    states = st.lists(lags, min_size=1, max_size=2)
    return (n, shape, draw(st.lists(taps, max_size=2)), draw(states), draw(st.booleans()),
            draw(st.lists(st.integers(0, 5), min_size=2, max_size=5)), draw(st.booleans()))


OPS = (lambda a, b: a * b, lambda a, b: T.tanh(a) + b, lambda a, b: a - T.sin(b),
       lambda a, b: T.dot(a, b) if a.ndim == b.ndim == 2 else a * T.cos(b),
       lambda a, b: T.maximum(a, b / 2), lambda a, b: T.exp(-a * a) * b.sum())


@settings(max_examples=25, deadline=None, derandomize=True)
@given(loops())
def test_random_loops(spec):
    n, shape, taps, lags, with_row, ops, backwards = spec

    def step(*args):
        values = list(args)
        for i, op in enumerate(ops):
            values.append(OPS[op](values[-1], values[(3 * i) % len(values)]))
        news = [T.tanh(values[-1 - i % len(ops)]) for i in range(len(lags))]
        return [*news, values[-1]] if with_row else news

    def tensor(name, axes, length=0):
        return sequence(name, lambda name: T.TensorType("float64", (None,) * axes)(name), length)

    spans = [max([*t, 0]) - min([*t, 0]) for t in taps]
    seqs = [(tensor(f"x{i}", len(shape) + 1, n + span), t)
            for i, (t, span) in enumerate(zip(taps, spans))]
    infos = [(tensor(f"h{i}", len(shape) + (lag != [-1])), lag) for i, lag in enumerate(lags)]
    values = [np.random.default_rng(i).normal(size=(n + span, *shape))
              for i, span in enumerate(spans)]
    values += [np.random.default_rng(9 + i).normal(size=shape if lag == [-1] else
                                                   (-min(lag), *shape))
               for i, lag in enumerate(lags)]
    agree(step, seqs, infos + [None] * with_row, [], values, n, backwards)


# ----- loops in loops -----

def warping(x, y):
    """The cost of the best alignment of two vectors."""
    big = T.constant(1e9)

    def row(x_i, above, y):
        def cell(y_j, up, corner, left):
            return abs(x_i - y_j) + T.minimum(left, T.minimum(up, corner))
        cells, _ = ct.scan(cell, [y, above[1:], above[:-1]], big)
        return T.concatenate([T.stack([big]), cells])

    first = T.set_subtensor(T.fill(T.zeros((y.shape[0] + 1,)), big)[0], 0.0)
    rows, _ = ct.scan(row, x, first, y)
    return rows[-1, -1]


def warping_in_python(x, y):
    cost = np.full((len(x) + 1, len(y) + 1), 1e9)
    cost[0, 0] = 0
    for i in range(len(x)):
        for j in range(len(y)):
            best = min(cost[i, j], cost[i, j + 1], cost[i + 1, j])
            cost[i + 1, j + 1] = abs(x[i] - y[j]) + best
    return cost[-1, -1]


def test_dynamic_time_warping():
    x, y = T.dvectors("x", "y")
    cost = warping(x, y)
    f = ct.function([x, y], [cost, *T.grad(cost, [x, y])])
    a, b = rng.normal(size=9), rng.normal(size=6)
    value, to_a, to_b = f(a, b)
    assert value == pytest.approx(warping_in_python(a, b), rel=1e-12)
    for k, (v, g) in enumerate(((a, to_a), (b, to_b))):
        for i in range(len(v)):
            ends = []
            for sign in (1, -1):
                moved = [a.copy(), b.copy()]
                moved[k][i] += sign * 1e-6
                ends.append(warping_in_python(*moved))
            assert g[i] == pytest.approx((ends[0] - ends[1]) / 2e-6, abs=1e-6)


def test_a_loop_in_a_loop_to_second_order():
    m, w = T.dmatrices("m", "w")

    def rows(inner):
        def outer(row, h, w):
            return T.tanh(inner(row, h, w)[-1])
        return outer

    def in_loop(row, h, w):
        return ct.scan(lambda x, s, w: T.sin(T.dot(s, w) + x), row, h, w)[0]

    def written_out(row, h, w):
        for i in range(3):
            h = T.sin(T.dot(h, w) + row[i])
        return T.stack([h])

    h0 = T.dvector("h0")
    m.tag.length = 4
    values = [rng.normal(size=s) for s in ((4, 3), (2,), (2, 2))]
    made = looped(rows(in_loop), [(m, [0])], [(h0, [-1])], [w])
    wanted = unrolled(rows(written_out), [(m, [0])], [(h0, [-1])], [w])
    ours, theirs = [ct.function([m, h0, w], [*out, *derivatives(out, [m, h0, w])])(*values)
                    for out in (made, wanted)]
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9)


# ----- loops that end early -----

def test_until():
    x, limit = T.dvector("x"), T.dscalar("limit")
    total, _ = ct.scan(lambda x_t, s: (s + x_t, ct.until(s + x_t > limit)), x, T.constant(0.0))
    g = T.grad((total ** 2).sum(), x)
    f = ct.function([x, limit], [total, g])
    data = np.arange(1.0, 8)
    for bound, steps in ((9.0, 4), (0.5, 1), (1e6, 7)):
        sums = np.cumsum(data)[:steps]
        expected = np.zeros(7)
        expected[:steps] = 2 * np.cumsum(sums[::-1])[::-1]
        value, gradient = f(data, bound)
        np.testing.assert_allclose(value, sums)
        np.testing.assert_allclose(gradient, expected)


def test_until_and_truncated_gradient():
    x, limit = T.dvector("x"), T.dscalar("limit")
    out, _ = ct.scan(lambda a, b: (a * b, ct.until(b > limit)), {"input": x, "taps": [-2, 0]},
                     truncate_gradient=3)
    g = ct.function([x, limit], T.grad(out.sum(), x))
    np.testing.assert_allclose(g(np.arange(15.0), 6), [0, 0, 0, 5, 6, 10, 4, 5] + [0] * 7)


def test_while_loop():
    n = T.lscalar("n")
    a, b = ct.while_loop(lambda a, b: a + b < n, lambda a, b: [b, a + b],
                         [T.constant(0), T.constant(1)], 100)
    f = ct.function([n], [a, b])
    assert [int(v) for v in f(100)] == [55, 89]
    assert [int(v) for v in f(0)] == [0, 1]


# ----- truncated gradients -----

@pytest.mark.parametrize("k", [1, 3, 10])
def test_truncated_gradient(k):
    x, h0 = T.dvector("x"), T.dscalar("h0")
    h, _ = ct.scan(lambda x_t, h: T.sin(x_t + h), x, h0, truncate_gradient=k)
    f = ct.function([x, h0], [h, *T.grad(h[-1], [x, h0])])
    data = rng.normal(size=6)
    values, to_x, to_h0 = f(data, 0.5)
    slopes = np.cos(data + np.concatenate([[0.5], values[:-1]]))
    expected = np.cumprod(slopes[::-1])[::-1] * (np.arange(6) >= 6 - k)
    np.testing.assert_allclose(to_x, expected)
    np.testing.assert_allclose(to_h0, np.prod(slopes) if k >= 6 else 0)


# ----- shared variables -----

def test_updates_of_shared_variables():
    count, total = ct.shared(0, "count"), ct.shared(np.zeros(2), "total")

    def step(x_t):
        return x_t * count, {count: count + 1, total: total + x_t}

    x = T.dmatrix("x")
    out, updates = ct.scan(step, x)
    f = ct.function([x], out, updates=updates)
    data = rng.normal(size=(4, 2))
    for start in (0, 4):
        np.testing.assert_allclose(f(data), data * np.arange(start, start + 4)[:, None])
    assert count.get_value() == 8
    np.testing.assert_allclose(total.get_value(), 2 * data.sum(0))


def test_default_updates_happen_in_each_step():
    n = ct.shared(1)
    n.default_update = 2 * n
    out, updates = ct.scan(lambda: n * 1, n_steps=4)
    f = ct.function([], out, updates=updates)
    np.testing.assert_array_equal(f(), [1, 2, 4, 8])
    assert n.get_value() == 16


def test_strict_wants_shared_variables_listed():
    w = ct.shared(2.0)
    x = T.dvector("x")
    with pytest.raises(ct.MissingInputError, match="non_sequences"):
        ct.scan(lambda x_t: x_t * w, x, strict=True)
    ct.scan(lambda x_t, w: x_t * w, x, non_sequences=w, strict=True)


def test_gradient_with_respect_to_what_is_not_listed():
    w, x = ct.shared(rng.normal(size=(3, 3))), T.dmatrix("x")
    h, _ = ct.scan(lambda x_t, h: T.tanh(T.dot(h, w * 2) + x_t), x, T.zeros((3,)))
    g = ct.function([x], T.grad(h.sum(), w))
    data = rng.normal(size=(5, 3))
    h1 = T.zeros((3,))
    total = 0
    for t in range(5):
        h1 = T.tanh(T.dot(h1, w * 2) + x[t])
        total = total + h1.sum()
    np.testing.assert_allclose(g(data), ct.function([x], T.grad(total, w))(data))


# ----- forward mode -----

def test_rop_is_the_transpose_of_lop():
    x, w, h0 = T.dmatrix("x"), T.dmatrix("w"), T.dmatrix("h0")
    out, _ = ct.scan(lambda x_t, h2, h1: T.tanh(T.dot(h1, w) + x_t * h2), x,
                     {"initial": h0, "taps": [-2, -1]})
    wrt = [x, w, h0]
    directions, v = [x.type() for x in wrt], T.dmatrix("v")
    pushed = (T.Rop(out, wrt, directions) * v).sum()
    pulled = sum([(g * d).sum() for g, d in zip(T.Lop(out, wrt, v), directions)])
    f = ct.function([*wrt, *directions, v], [pushed, pulled])
    shapes = [(4, 3), (3, 3), (2, 3)]
    values = [rng.normal(size=s) for s in (*shapes, *shapes, (4, 3))]
    np.testing.assert_allclose(*f(*values))


# ----- numbers of steps -----

def test_the_shortest_sequence_decides():
    x, y = T.dvectors("x", "y")
    out, _ = ct.scan(lambda a, b: a * b, [x, y])
    np.testing.assert_array_equal(ct.function([x, y], out)([1, 2, 3], [4, 5]), [4, 10])


def test_symbolic_steps():
    n, x0 = T.lscalar("n"), T.dscalar("x0")
    out, _ = ct.scan(lambda x: 2 * x, outputs_info=x0, n_steps=n)
    f = ct.function([n, x0], out)
    for k in LENGTHS:
        np.testing.assert_array_equal(f(k, 1), 2.0 ** np.arange(1, k + 1))
    with pytest.raises(ValueError, match="negative"):
        f(-1, 1.0)


def test_too_few_rows_is_an_error():
    x = T.dvector("x")
    out, _ = ct.scan(lambda x_t: x_t, x, n_steps=5)
    with pytest.raises(ValueError, match="3 entries"):
        ct.function([x], out)([1, 2, 3])


# ----- what is wrong is said -----

@pytest.mark.parametrize("call, error, message", [
    (lambda: ct.scan(lambda: T.constant(1.0)), ValueError, "number of steps"),
    (lambda: ct.scan(lambda x: x + 0.5, outputs_info=T.constant(0), n_steps=3), ValueError,
     "dtype int64, but the function returns float64"),
    (lambda: ct.scan(lambda x: [x, x], outputs_info=[T.dscalar()], n_steps=3), ValueError,
     "provide None"),
    (lambda: ct.scan(lambda x: 3, T.dvector()), ValueError, "constant"),
    (lambda: ct.scan(lambda x: x, outputs_info={"initial": T.dvector(), "taps": [0]}, n_steps=3),
     ValueError, "negative"),
    (lambda: ct.scan(lambda x: x, outputs_info={"taps": [-1]}, n_steps=3), ValueError,
     "initial values"),
    (lambda: ct.scan(lambda x, y: x + y, T.zeros((2, 3)), T.zeros((1,))), ValueError, "size 1"),
    (lambda: ct.scan(lambda x: (x, 2, 3), T.dvector()), ValueError, "variables"),
    (lambda: ct.scan(lambda x: x, outputs_info=T.dscalar(), n_steps=-2), ValueError, "negative"),
], ids=range(9))
def test_errors_while_a_loop_is_built(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_an_error_in_a_step_names_it():
    x, i = T.dmatrix("x"), T.lvector("i")
    out, _ = ct.scan(lambda x_t, i_t: x_t[i_t], [x, i])
    with pytest.raises(IndexError) as caught:
        ct.function([x, i], out)(np.zeros((3, 2)), [0, 1, 5])
    assert "step 2" in str(caught.value) + "".join(getattr(caught.value, "__notes__", []))


# ----- what does not recur leaves the loop -----

def body_ops(*outputs):
    """The ops in the bodies of all scans that a graph needs."""
    return [inner.op.name for node in toposort(outputs) if node.op.name == "scan"
            for inner in toposort(node.params["body"].outputs)]


def test_rows_that_are_looked_up_leave_the_loop():
    words, table, i = T.dmatrix("table"), T.lmatrix("i"), T.lvector("i")
    for index, take in ((i, lambda k: words[k]), (table, lambda k: words[k])):
        h, _ = ct.scan(lambda k, h, take=take: T.tanh(h + take(k).sum(-1).sum()), index,
                       T.constant(0.0))
        g = T.grad(h.sum(), words)
        assert not {"gather", "subtensor", "scatter_add"} & set(body_ops(h, g))
        numbers = rng.integers(0, 5, (4,) if index is i else (4, 2))
        data, state, wanted = rng.normal(size=(5, 3)), 0.0, []
        for row in numbers:
            state = np.tanh(state + data[row].sum())
            wanted.append(state)
        np.testing.assert_allclose(ct.function([words, index], h)(data, numbers), wanted)
        unrolled_h, total = 0.0, 0.0
        for t in range(4):
            unrolled_h = T.tanh(unrolled_h + words[index[t]].sum())
            total = total + unrolled_h
        np.testing.assert_allclose(*[ct.function([words, index], grad)(data, numbers)
                                     for grad in (g, T.grad(total, words))])


def test_products_that_do_not_recur_leave_the_loop():
    x, w, u, v = T.tensor3("x"), *T.matrices("w", "u", "v")

    def step(x_t, h):
        h = T.tanh(T.dot(x_t, w) + T.dot(h, u))
        return h, T.softmax(T.dot(h, v))

    (_h, y), _ = ct.scan(step, x, [T.zeros((2, 3)), None])
    assert body_ops(y).count("matmul") == 1
    g = T.grad(y.sum(), [w, u, v])
    assert body_ops(*g).count("matmul") == 2        # h @ u, and its gradient by h


# ----- how a body is compiled -----

def running(mode=None, profile=False):
    """A loop over a vector, compiled as it is asked for."""
    x = T.dvector("x")
    y, _ = ct.scan(lambda x_t, h: T.log(T.exp(x_t * h)) + h * 1, x, np.float64(1), mode=mode,
                   profile=profile, name="running", allow_gc=False)
    return x, y


def test_the_body_has_a_mode_of_its_own():
    plain = ct.Mode(optimizer=None)
    for inside, around, is_rewritten in ((None, None, True), (None, plain, False),
                                         (plain, None, False), ("FAST_RUN", plain, True)):
        x, y = running(inside)
        f = ct.function([x], y, mode=around)
        np.testing.assert_allclose(f([0.5, 1.0]), [1.5, 3])
        assert ("log" not in body_ops(*f.graph)) == is_rewritten


def test_loops_of_different_modes_are_not_merged():
    x, y = running()
    z, _ = ct.scan(lambda x_t, h: T.log(T.exp(x_t * h)) + h * 1, x, np.float64(1),
                   mode=ct.Mode(optimizer=None))
    f = ct.function([x], [y, z])
    assert sum([node.op.name == "scan" for node in toposort(f.graph)]) == 2
    np.testing.assert_allclose(*f([0.5, 1.0]))


def test_a_mode_that_looks_on_sees_the_steps_of_its_loop():
    seen = []
    x, y = running(ct.MonitorMode(post_func=lambda i, node, fn: seen.append(node.op.name)))
    np.testing.assert_allclose(ct.function([x], y)([0.5, 1.0]), [1.5, 3])
    assert seen.count("mul") == 2


def test_a_profile_of_a_loop_shows_its_steps():
    stats = ct.ProfileStats(atexit_print=False)
    x, y = running(profile=stats)
    f = ct.function([x], [y, T.grad(y.sum(), x)])
    value, slope = f([0.5, 1.0])
    np.testing.assert_allclose(value, [1.5, 3])
    np.testing.assert_allclose(slope, [3, 1.5])
    names = {measured.name: measured.watcher.calls for measured in stats.functions}
    assert names == {"running": 2, "gradient of running": 2}
    assert "mul" in str(stats) and all([node.op.name != "scan" for node in stats.apply_time])
