"""Functions that compute rows from end to end give the bits of the tile kernels."""
import numpy as np
import pytest
from compiled import Lot, assert_same_bits, needs_compiler

import cytensor as ct
import cytensor.tensor as T
from cytensor._core import TensorType
from cytensor.tensor import nnet

SHAPES = [(64, 32), (70, 33), (65, 1000), (64, 1024), (67, 1025), (130, 9000),
          (3, 40, 48)]


def numbers(*shape, dtype="float32", seed=0):
    return np.random.default_rng(seed).normal(size=shape, scale=2).astype(dtype)


def patterns(x, b):
    """Softmax, normalisation, and what their gradients are made of, of the last axis."""
    norm = nnet.layer_norm(x, b, b)
    slope = T.grad(T.sum(T.sin(norm)), x)
    return [T.softmax(x), T.log_softmax(x * b), norm, slope, T.max(x * x, -1),
            T.prod(1 + x / 99, -1)]


def is_by_rows(f):
    return "_by_rows_" in f.source()


@needs_compiler
@pytest.mark.parametrize("dtype", ["float32", "float64", "float16"])
def test_patterns(jit, dtype):
    lot = Lot()
    for shape in SHAPES:
        x, b = TensorType(dtype, (None,) * len(shape))(), TensorType(dtype, (None,))()
        f = ct.function([x, b], patterns(x, b))
        lot.call(shape, f, numbers(*shape, dtype=dtype), numbers(shape[-1], dtype=dtype, seed=1))
        assert is_by_rows(f) or shape[-1] == 9000       # the cache does not hold such rows
    lot.check(jit)


@needs_compiler
def test_rows_of_lines(jit):
    """Numbers that serve for some elements of a row."""
    lot = Lot()
    x, b = T.ftensor4("x"), T.fvector("b")
    out = nnet.group_norm(x, 4, b, T.exp(b))
    f = ct.function([x, b], [out, *T.grad(T.sum(T.cos(out)), [x, b])])
    for shape in [(20, 8, 7, 9), (16, 8, 4, 8), (19, 32, 20, 19)]:
        lot.call(shape, f, numbers(*shape), numbers(shape[1], seed=1))
        assert "lines" in f.source()
    lot.check(jit)


@needs_compiler
def test_strided_rows(jit):
    """Rows that lie apart, and results that do; elements of a row that do are left to tiles."""
    x, y = T.fmatrix("x"), T.fmatrix("y")
    f = ct.function([x, y], [T.softmax(x) + y, (T.exp(x - y.mean(1, keepdims=True))).T])
    a, wide = numbers(80, 100), numbers(160, 200, seed=1)
    lot = Lot()
    for i, b in enumerate([wide[::2, :100], wide[:80, 50:150], wide[80:0:-1, :100],
                           wide[:80, ::2], np.array(wide[:80, :100], order="F")]):
        lot.call(i, f, a, b)
    lot.check(jit)


@needs_compiler
def test_what_is_written_over_is_read_before(jit):
    w = ct.shared(numbers(100, 300), "w")
    e = T.exp(w - w.max(1, keepdims=True))
    scaled = e / e.sum(1, keepdims=True) + w * 0.5
    f = ct.function([], [e.sum(1), (w * scaled).sum(1)], updates={w: scaled * 1.01})
    start = w.get_value()
    wanted = [*f(), w.get_value(), *f(), w.get_value()]
    jit.improve_now([segment.last for segment in f.program.segments])
    w.set_value(start)
    for got, want in zip([*f(), w.get_value(), *f(), w.get_value()], wanted):
        assert_same_bits(got, want, "update")


@needs_compiler
@pytest.mark.parametrize("n", [1000, 1021, 4096])
def test_large_results_go_around_the_cache(jit, n):
    x = T.fmatrix("x")
    f = ct.function([x], [T.softmax(x), x - x.mean(1, keepdims=True)])
    lot = Lot()
    lot.call(n, f, numbers(12_000_000 // n, n))
    assert "ct_stream(" in f.source()
    lot.check(jit)


@needs_compiler
def test_few_rows_are_shared_by_threads(jit):
    x = T.fmatrix("x")
    f = ct.function([x], T.softmax(x))
    lot = Lot()
    lot.call("few", f, numbers(3, 200_000))
    assert not is_by_rows(f)
    lot.check(jit)


@needs_compiler
def test_what_cannot_be_written_is_left_to_tiles(jit):
    """The indices of a pick, and the functions of SciPy on numbers of a row."""
    x, i = T.fmatrix("x"), T.lvector("i")
    f = ct.function([x, i], T.log_softmax(x)[T.arange(x.shape[0]), i])
    g = ct.function([x], x * T.gamma(x.max(1, keepdims=True)))
    lot = Lot()
    lot.call("pick", f, numbers(99, 50), np.arange(99) % 50)
    lot.call("special", g, numbers(99, 50))
    assert not is_by_rows(f)
    assert not is_by_rows(g)
    lot.check(jit)


# ----- columns -----

def sums_of_columns(x, b, m):
    """Sums and the like over an outer axis, of what is computed."""
    centred = (x - b) * m
    return [T.sum(T.sqr(x - b), -2), T.sum(centred, -2), T.max(x * b, -2), T.min(T.exp(x) - m, -2),
            T.prod(1 + x / 99, -2), T.sqrt(T.sum(x * x * m, -2)) + 1]


@needs_compiler
@pytest.mark.parametrize("dtype", ["float32", "float64", "float16"])
def test_columns(jit, dtype):
    lot = Lot()
    for shape in [(1, 7), (31, 40), (33, 300), (64, 1000), (1000, 65), (70, 3001), (130, 5000),
                  (3, 70, 1000), (4, 5, 6, 90)]:
        x, b = TensorType(dtype, (None,) * len(shape))(), TensorType(dtype, (None,))()
        m = TensorType(dtype, (*[None] * (len(shape) - 1), 1))()
        f = ct.function([x, b, m], sums_of_columns(x, b, m))
        a = numbers(*shape, dtype=dtype)
        a[..., 0, :3] = np.nan, -0.0, np.inf
        lot.call(shape, f, a, numbers(shape[-1], dtype=dtype, seed=1),
                 numbers(*shape[:-1], 1, dtype=dtype, seed=2))
        assert "_by_columns_" in f.source() or shape[-2] == 1 or dtype == "float16"
    lot.check(jit)


@needs_compiler
def test_strided_columns(jit):
    x, y = T.fmatrix("x"), T.fmatrix("y")
    f = ct.function([x, y], [(x * y).sum(0), T.exp(y).max(0)])
    a, wide, lot = numbers(80, 100), numbers(160, 200, seed=1), Lot()
    for i, b in enumerate([wide[::2, :100], wide[80:0:-1, 50:150], wide[:80, ::2],
                           np.array(wide[:80, :100], order="F"), np.broadcast_to(a[0], a.shape)]):
        lot.call(i, f, a, b)
    lot.check(jit)


@needs_compiler
def test_columns_with_functions_of_scipy_and_indices(jit):
    x, table, i = T.fmatrix("x"), T.fmatrix("table"), T.lvector("i")
    f = ct.function([x], T.gamma(T.abs(x) + 1).sum(0))
    g = ct.function([table, i, x], (table[i] * x).sum(0))
    lot = Lot()
    lot.call("special", f, numbers(50, 300))
    lot.call("gather", g, numbers(20, 300), np.arange(50) % 20, numbers(50, 300))
    lot.check(jit)
