"""Generated code gives the bits of the tile kernels, and comes and goes without a call noticing."""
import os
import random
import subprocess
import sys
import textwrap
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from compiled import Lot, assert_same_bits, needs_compiler, values
from random_graphs import Graph

import cytensor as ct
import cytensor.tensor as T
from cytensor import config
from cytensor._core import DTYPES, TensorType, registered_ops
from cytensor.cpu import compiler

OPS = {name: op for name, op in registered_ops().items()
       if op.kind == "elementwise" and name != "cast" and not op.traits.get("special")}


# ----- every op -----

@needs_compiler
@pytest.mark.parametrize("dtype", DTYPES)
def test_every_op(jit, dtype):
    lot = Lot()
    for name, op in OPS.items():
        f, args = on_vectors(op, dtype)
        if f is not None:
            with np.errstate(all="ignore"):
                lot.call((name, dtype), f, *args)
    for other in DTYPES:
        if np.dtype(dtype).kind != "c" or np.dtype(other).kind in "cb":
            x = TensorType(dtype, (None,))()
            lot.call(("cast", dtype, other), ct.function([x], T.cast(x, other), mode="none"),
                     values(dtype, 700, 0))
    assert len(lot.calls) > 20
    lot.check(jit)


def on_vectors(op, dtype):
    """A function of vectors, and its arguments; None if the op is not for this dtype."""
    inputs = [TensorType(dtype, (None,))() for _ in range(op.traits["nin"])]
    try:
        out = op(*inputs)
    except TypeError:
        return None, None
    if dtype not in [x.type.dtype for x in out.owner.inputs]:
        return None, None
    args = [values(dtype, 700, seed) for seed in range(len(inputs))]
    return ct.function(inputs, out, mode="none"), args


# ----- whole graphs -----

@needs_compiler
def test_random_graphs(jit):
    lot = Lot()
    for seed in range(40):
        graph = Graph(random.Random(seed), 25)
        made = graph.made
        if made:
            f = ct.function(graph.inputs, made, on_unused_input="ignore")
            lot.call(seed, f, *[graph.values[x] for x in graph.inputs])
    lot.check(jit)


@needs_compiler
def test_functions_of_scipy_are_called(jit):
    lot = Lot()
    for dtype in ("float64", "float32", "float16"):
        x, y = [TensorType(dtype, (None,))() for _ in range(2)]
        z = T.gammainc(y, T.exp(T.gammaln(x))) + T.psi(x) * T.erfinv(y / 9)
        f = ct.function([x, y], [z, T.grad(T.gammaln(x * y).sum(), x)])
        for n in (1, 5, 700):
            args = [np.linspace(*ends, n).astype(dtype) for ends in ((1, 4), (0.1, 8))]
            lot.call(dtype, f, *args)
            lot.call(dtype, f, args[0][::-1], np.repeat(args[1], 2)[::2])
        assert "ct_special_gammaln" in f.source()
    lot.check(jit)


@needs_compiler
def test_long_expressions(jit):
    """They run in stages, on some elements at a time; rare arguments come up in each of them."""
    x, y, w = T.fmatrix("x"), T.dmatrix("y"), ct.shared(values("float64", 700, 5)[:1400])
    lot, choose = Lot(), random.Random(0)
    made = [x, T.cast(y, "float32"), T.cast(x * 2 > y, "float32")]
    for _ in range(90):
        a, b = choose.choice(made[-6:]), choose.choice(made)
        made.append(choose.choice([
            lambda a, b: T.tanh(a) * b, lambda a, b: T.sin(a) + b, lambda a, b: T.maximum(a, b),
            lambda a, b: a - T.exp(-b * b), lambda a, b: T.switch(a > b, a, T.mod(b, 3))])(a, b))
    f = ct.function([x, y], [made[-1], made[-2], made[50], T.cast(made[70], "float64") * y,
                             made[-1].sum(1), T.nnet.softmax(T.tanh(made[-1]))])
    for shape in [(1, 1), (3, 300), (2, 256)]:
        n = shape[0] * shape[1]
        args = [values(dtype, n, seed)[:n].reshape(shape) for seed, dtype in enumerate("fd")]
        for other in views(args[1]):
            with np.errstate(all="ignore"):
                lot.call(shape, f, args[0], other)
    lot.check(jit)
    z = w
    for _ in range(12):
        z = T.sin(z * 3) * T.tanh(z) + w        # what is written over is read to the end
    g = ct.function([], [], updates={w: z})
    start = w.get_value()
    g()
    want = w.get_value()
    jit.improve_now([segment.last for segment in g.program.segments])
    w.set_value(start)
    g()
    assert_same_bits(w.get_value(), want, "update")


# ----- strides and axes -----

SHAPES = [(), (1,), (5,), (5000,), (0, 3), (3, 0), (1, 7), (7, 1), (70, 90), (40, 5), (5, 40),
          (3, 2100), (4, 5, 6), (2, 40, 50), (50, 3, 40)]


def views(x):
    """The array in other layouts."""
    yield x
    yield np.array(x, order="F")
    yield x[(..., *[slice(None, None, -1)] * x.ndim)]
    wide = np.zeros([2 * n for n in x.shape], x.dtype)[(..., *[slice(None, None, 2)] * x.ndim)]
    wide[...] = x
    yield wide


@needs_compiler
def test_strides(jit):
    lot = Lot()
    for shape in SHAPES:
        x, y = [TensorType("float32", (None,) * len(shape))() for _ in range(2)]
        f = ct.function([x, y], [T.exp(x) * y - 1, (x * y + T.sin(x)).T])
        a, b = np.random.default_rng(0).normal(size=(2, *shape)).astype("f")
        for i, other in enumerate(views(b)):
            lot.call((shape, i), f, a, other)
    lot.check(jit)


@needs_compiler
def test_broadcasts(jit):
    lot, rng = Lot(), np.random.default_rng(0)
    for shape in [(3, 4), (60, 70), (40, 3000), (500, 3)]:
        for other in [(1, shape[1]), (shape[0], 1), (1, 1)]:
            x = TensorType("float64", (None, None))()
            y = TensorType("float64", tuple([1 if n == 1 else None for n in other]))()
            f = ct.function([x, y], [T.tanh(x + y) * y, x.T - y.T, T.arange(shape[1]) * x + y])
            lot.call((shape, other), f, rng.normal(size=shape), rng.normal(size=other))
    lot.check(jit)


@needs_compiler
@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "int32", "complex64"])
def test_reductions(jit, dtype):
    lot, rng = Lot(), np.random.default_rng(0)
    for shape in SHAPES:
        x = TensorType(dtype, (None,) * len(shape))()
        a = rng.normal(size=shape, scale=3).astype(dtype)
        for axis in [None, 0, -1, (0, -1)]:
            if shape == () and axis is not None or len(shape) < 2 and type(axis) is tuple:
                continue
            results = [T.sum(x * x + 1, axis), T.prod(x - 2, axis)]
            if dtype != "complex64" and 0 not in shape:
                results += [T.max(x * 3, axis), T.exp(T.min(x, axis) * 0.5)]
            for i, other in enumerate(views(a)):
                lot.call((shape, axis, i), ct.function([x], results), other)
    lot.check(jit)


@needs_compiler
def test_patterns_of_rows(jit):
    lot, rng = Lot(), np.random.default_rng(0)
    x, b, i = T.fmatrix("x"), T.fvector("b"), T.lvector("i")
    mean = x.mean(1, keepdims=True)
    norm = (x - mean) / T.sqrt(T.mean((x - mean) ** 2, 1, keepdims=True) + 1e-5) * b + 1
    loss = -T.mean(T.log(T.nnet.softmax(x))[T.arange(i.shape[0]), i])
    f = ct.function([x, b, i], [T.nnet.softmax(x), T.nnet.logsoftmax(x + b), norm, loss,
                                ct.grad(loss, x), ct.grad(T.sum(T.sin(norm)), b)])
    for shape in [(1, 1), (4, 3), (300, 10), (40, 31), (40, 33), (9, 1000), (9, 1024), (5, 1025),
                  (3, 5000)]:
        a, row = [rng.normal(size=n).astype("f") for n in (shape, shape[1])]
        lot.call(shape, f, a, row, rng.integers(-shape[1], shape[1], shape[0]))
    lot.check(jit)


@needs_compiler
def test_updates_in_place(jit):
    w, x = ct.shared(np.linspace(0, 1, 3000).reshape(30, 100), "w"), T.dmatrix("x")
    f = ct.function([x], T.sum(w), updates={w: w * 0.9 - T.tanh(w * x)})
    a, start = np.linspace(-1, 1, 3000).reshape(30, 100), w.get_value()
    wanted = [f(a), w.get_value(), f(a), w.get_value()]
    jit.improve_now([segment.last for segment in f.program.segments])
    w.set_value(start)
    for got, want in zip([f(a), w.get_value(), f(a), w.get_value()], wanted):
        assert_same_bits(got, want, "update")


@needs_compiler
def test_loops(jit):
    x = T.dvector("x")
    rows, _ = ct.scan(lambda row: T.tanh(row * 0.9 + x) - row ** 2, outputs_info=[x], n_steps=5)
    lot, rng = Lot(), np.random.default_rng(0)
    lot.call("scan", ct.function([x], rows), np.linspace(-1, 1, 200))
    x, h, w = T.ftensor3("x"), T.fmatrix("h"), T.fmatrix("w")
    rows, _ = ct.scan(lambda x, h, w: T.tanh(x + h @ w), x, h, w)
    lot.call("in blocks of rows", ct.function([x, h, w], rows), *[
        rng.normal(size=shape, scale=0.1).astype("f")
        for shape in [(6, 300, 192), (300, 192), (192, 192)]])
    lot.check(jit)


@needs_compiler
def test_bad_indices_are_reported(jit):
    x, i = T.fmatrix("x"), T.lvector("i")
    f = ct.function([x, i], (T.exp(x))[T.arange(i.shape[0]), i])
    a = np.zeros((3, 40), "f")
    f(a, np.array([0, 1, 2]))
    jit.improve_now([segment.last for segment in f.program.segments])
    with pytest.raises(IndexError, match="40"):
        f(a, np.array([0, 40, 2]))


# ----- when -----

def chain(op):
    """A function whose code no other test has had compiled."""
    x = T.fvector("x")
    return ct.function([x], op(x * 2) + T.exp(-x ** 2))


@needs_compiler
def test_eager_compiles_at_the_first_call(jit, monkeypatch):
    built = []
    monkeypatch.setattr(jit, "_compile", lambda texts, real=jit._compile: (
        built.extend(texts), real(texts)))
    f, x = chain(T.arctan), np.linspace(-3, 3, 999, dtype="f")
    want = f(x)
    assert not built
    config.jit = "eager"
    assert_same_bits(f(x), want, "eager")
    assert len(built) == 1 and built[0] in f.source()
    f(x[:500])                              # another size: no further compilation
    assert len(built) == 1


@needs_compiler
def test_background_swaps_while_threads_call(jit, monkeypatch):
    from cytensor._plan import set_heat_limit
    f, x = chain(T.sinh), np.linspace(-3, 3, 100_000, dtype="f")
    want = f(x)
    config.jit = "background"
    set_heat_limit(1)
    done = threading.Event()

    def calls():
        count = 0
        while not done.is_set() or count < 3:
            assert_same_bits(f(x), want, "background")
            assert_same_bits(f(x[:777]), want[:777], "background")
            count += 1

    with ThreadPoolExecutor(3) as pool:
        running = [pool.submit(calls) for _ in range(3)]
        while not jit._addresses.keys() >= names_in(f):
            assert not [r.result() for r in running if r.done()]
        jit.finish()
        done.set()
        for r in running:
            r.result()


def names_in(f):
    """The names of the functions that a compiled function's source has."""
    return {line.split()[1][:-1] for line in f.source().split("\n")
            if line.startswith("void ")}


@pytest.mark.parametrize("cc", ["none", "false", "no-such-compiler"])
def test_without_a_compiler_calls_go_on(jit, monkeypatch, cc):
    monkeypatch.setattr(config, "cc", cc)
    config.jit = "eager"
    f = chain(T.erf)
    np.testing.assert_allclose(f([0, 1]), [1, 0.9953222650 + np.exp(-1)], rtol=1e-6)
    assert "ct_erf" in f.source()


@needs_compiler
def test_a_compiler_that_fails_is_asked_once(jit, monkeypatch, capsys):
    def fail(*args, **kwargs):
        failures.append(args)
        raise compiler.CompileError(["cc"], "out of order")

    failures = []
    monkeypatch.setattr(type(compiler.find()), "build", fail)
    monkeypatch.setattr(config, "debug", 1)
    config.jit = "eager"
    f = chain(T.cosh)
    for x in ([0, 1], [0, 1, 2]):
        np.testing.assert_allclose(f(x)[1], np.cosh(2) + np.exp(-1), rtol=1e-6)
    assert len(failures) == 1
    assert capsys.readouterr().err.count("out of order") == 1


@needs_compiler
@pytest.mark.parametrize("program", ["", """
    if os.fork() == 0:
        time.sleep(0.1)
        os._exit(0 if (f(x) == f(x)).all() and (g(x) == g(x)).all() else 3)
    assert os.wait()[1] == 0
"""], ids=["exit", "fork"])
def test_exit_and_fork_while_it_compiles(program, tmp_path):
    text = """
    import os, time
    import numpy as np, cytensor as ct, cytensor.tensor as T
    from cytensor._plan import set_heat_limit
    set_heat_limit(1)
    x = T.fvector("x")
    f, g = [ct.function([x], T.tanh(x * k) + T.exp(x)) for k in (2, 3)]
    x = np.ones(10, "f")
    f(x), f(x)
    """
    env = {**os.environ, "CYTENSOR_JIT": "background"}
    subprocess.run([sys.executable, "-c", textwrap.dedent(text) + textwrap.dedent(program)],
                   env=env, check=True, timeout=60, cwd=tmp_path)


@needs_compiler
def test_eager_says_what_takes_long(jit, monkeypatch, capsys):
    monkeypatch.setattr("cytensor.cpu.jit.PATIENCE", 0.01)
    monkeypatch.setattr(jit, "_compile", lambda texts, real=jit._compile: (
        time.sleep(0.3), real(texts)))
    config.jit = "eager"
    chain(T.log1p)(np.ones(3, "f"))
    assert "compiling generated code" in capsys.readouterr().err


# ----- for readers -----

def test_source():
    x, y = T.fvector("x"), T.fvector("y")
    f = ct.function([x, y], T.tanh(x * y) + x)
    text = f.source()
    top, _, code = text.partition("*/\n")
    assert "tanh(t2)" in top and "T.tanh(x * y) + x" in top
    assert code.split("(", 1)[1] == """
    int64_t rows, int64_t n, char *const *at, const int64_t *steps)
{
    for (int64_t r = 0; r < rows; r++) {
        const float *const p0 = (const float *)(at[0] + r * steps[0]);
        const float *const p1 = (const float *)(at[1] + r * steps[2]);
        float *const p4 = (float *)(at[2] + r * steps[4]);
        CT_IVDEP
        for (int64_t i = 0; i < n; i++) {
            const float t0 = p0[i];
            const float t1 = p1[i];
            const float t2 = t0 * t1;
            const float t3 = ct_tanh(t2);
            const float t4 = t3 + t0;
            p4[i] = t4;
        }
    }
}
"""


def test_source_of_nothing():
    x = T.fmatrix("x")
    assert ct.function([x], x.T).source() == ""
    assert "nothing but kernels" in ct.function([x], x.sum()).source()
