"""Functions as C files: compiled without warnings, run under the sanitizers, equal to the last bit.

What a product of matrices gives may differ in the last bits: its loops add in another order.
"""
import os
import random
import shutil
import subprocess

import numpy as np
import pytest
from exported import COMPILER, STRICT, Exported, check, needs_compiler
from random_graphs import Graph

import cytensor as ct
import cytensor.tensor as T
from cytensor.export import library
from cytensor.export.elements import literal
from cytensor.export.headers import closure, pieces
from cytensor.export.unit import ExportError
from cytensor.lowering.scalars import BY_NAME

pytestmark = needs_compiler

SIZES = (0, 1, 2, 15, 16, 17, 31, 33, 100, 1023, 1024, 1025, 3000, 70000)
MATRICES = ((0, 3), (1, 1), (2, 3), (5, 17), (33, 65), (100, 1), (1, 100), (7, 1030), (1030, 7),
            (70, 2100))
STACKS = ((0, 3, 2), (3, 1, 4), (2, 3, 5), (7, 33, 17), (33, 5, 70), (3, 40, 1100))

v, w, m, k, t = T.dvector("v"), T.dvector("w"), T.dmatrix("m"), T.dmatrix("k"), T.dtensor3("t")
x, y, n, i = T.dscalar("x"), T.dscalar("y"), T.lscalar("n"), T.lvector("i")


def normal(*shape):
    return np.random.default_rng(sum(shape)).normal(size=shape)


def vectors(count=1, sizes=SIZES):
    return [tuple([normal(size) + j for j in range(count)]) for size in sizes]


def matrices(shapes=MATRICES):
    return [(normal(*shape),) for shape in shapes]


def rosenbrock(x):
    return (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()


# ----- values, to the last bit -----

GROUPS = {
    "rosenbrock": ([v], [rosenbrock(v), T.grad(rosenbrock(v), v)], vectors(sizes=SIZES[1:])),
    "chain": ([v, w], T.tanh(v) * T.exp(w) + T.sin(v * 1e6), vectors(2)),
    "rare arguments": ([v], [T.sin(v), T.tan(v), v % 0.1], [(normal(9) * 1e30,)]),
    "sums": ([v], [v.sum(), v.prod()], vectors()),
    "moments": ([v], [v.mean(), v.var()], vectors(sizes=SIZES[1:])),
    "extremes": ([v], [v.max(), v.min(), v.argmax(), v.argmin()], vectors(sizes=SIZES[1:])),
    "not a number": ([v], [v.max(), v.min(), v.argmax(), v.sum(), T.isnan(v)],
                     [([1, np.nan, 3],), ([np.inf, -np.inf],)]),
    "softmax": ([m], T.nnet.softmax(m), matrices()),
    "axes": ([m], [m.sum(0), m.sum(1), m.sum(), (m ** 2).sum(0), m.T.sum(0), m.T.sum()],
             matrices()),
    "columns": ([m], [m.max(0), m.argmax(0), m.argmin(1)], matrices(MATRICES[1:])),
    "three axes": ([t], [t.sum((0, 2)), t.sum(1), t.sum((0, 1)), t.sum((1, 2)),
                         t.dimshuffle(2, 0, 1).sum((1, 2)), t.dimshuffle(1, 2, 0).sum()],
                   matrices(STACKS)),
    "broadcasting": ([m, v], [m + v, (m * v).sum(1), m.T * 2, (m - m.mean(0)) / 2],
                     [(normal(a, b), normal(b)) for a, b in ((3, 4), (1, 1), (33, 70))]),
    "slices": ([v, n], [v[n:], v[:n], v[::-1], v[n:-1:2], v[n]],
               [(normal(10), 3), (normal(10), -2), (normal(5), 0)]),
    "reshapes": ([m], [m.reshape((-1,)), m.T.reshape((-1, 2)), m.flatten()],
                 matrices(((4, 5), (2, 3)))),
    "diagonals": ([m], [T.diagonal(m), T.diagonal(m, 1), m[::-1].diagonal(-1)],
                  matrices(((4, 5), (6, 3), (1, 1)))),
    "counts": ([v], [T.arange(v.shape[0]) * v, v + T.shape(v)[0]], vectors()),
    "gather": ([m, i], [m[i], m[:, i * 0], m[i, i * 0]],
               [(normal(5, 6), [0, 3, -1]), (normal(5, 6), [])]),
    "scatter": ([m, i], [T.inc_subtensor(m[i], 1.5), T.set_subtensor(m[i], m[i] * 2),
                         T.set_subtensor(m[1:3], 0), T.inc_subtensor(m[:, 1], 2.0)],
                [(normal(5, 6), [0, 3, -1, 0]), (normal(5, 6), [])]),
    "joins": ([v, w], [T.concatenate([v, w, v]), T.stack([v, v * 2], axis=1),
                       T.concatenate([v * 2, w + 1])], vectors(2)),
    "running sums": ([m], [T.cumsum(m, 0), T.cumsum(m, 1), T.cumprod(m, 1)],
                     matrices(MATRICES[1:])),
    "cross-entropy": (
        [m, i], T.grad(T.nnet.categorical_crossentropy(T.nnet.softmax(m), i).mean(), m),
        [(normal(4, 6), [0, 3, 1, 5]), (normal(40, 1100), np.arange(40) * 7)]),
    "choices": ([v], [v > 0, (v > 0).any(), (v > 0).all(), T.switch(v > 0, v, 0), (v > 0).sum()],
                vectors()),
    "constants": ([v], [v[:3] * np.array([1.0, np.inf, -0.1]), v + np.float64(1e-300)],
                  [(normal(3),)]),
    "branches": ([x], [ct.ifelse(x > 0, T.exp(x), -x), T.grad(ct.ifelse(x > 0, T.exp(x), -x), x)],
                 [(1.5,), (-2.0,)]),
    "two segments": ([v, i], [v[v.argmax()], v[i[0]:i[1]].sum()], [(normal(9), [2, 5])]),
}


@pytest.mark.parametrize("name", GROUPS)
def test_same_bits(name, tmp_path):
    inputs, outputs, calls = GROUPS[name]
    check(ct.function(inputs, outputs, name=name), tmp_path, *calls)


def test_integers(tmp_path):
    a, b = T.lmatrix("a"), T.bmatrix("b")
    f = ct.function([a, b], [a.sum(), a.sum(0), a // 3, a % 3, a * a - a, -a, abs(a), a ** 2,
                             a.max(), b * b, b + b, b.sum(), -b])
    check(f, tmp_path, (np.arange(-6, 6).reshape(3, 4), np.full((2, 3), -128, "int8")),
          (np.full((40, 50), 2 ** 62), np.full((70, 2), 127, "int8")))


def test_single_and_half_precision(tmp_path):
    a = T.fmatrix("a")
    f = ct.function([a], [a.sum(), a.sum(0), T.exp(a), a.max(1), a.astype("int32"), a.mean(),
                          a.astype("float16").sum(1), T.tanh(a.astype("float16")).sum(0)])
    check(f, tmp_path, *[(normal(*s).astype("float32"),) for s in ((3, 4), (40, 70), (3, 2000))])


def test_complex_numbers(tmp_path):
    z = T.zvector("z")
    f = ct.function([z], [z.sum(), T.exp(z), abs(z), z * z, z.real, z.prod(), z / (z + 1)])
    check(f, tmp_path, *[(normal(s) + 1j * normal(s + 1)[1:],) for s in (1, 15, 16, 17, 2000)])


def test_random_expressions_of_many_ops(tmp_path):
    """One function with most of the ops of one element."""
    p = T.exp(v)
    outputs = [getattr(T, name)(arg) for name, arg in [
        *[(name, v) for name in ("exp", "expm1", "sin", "cos", "tan", "sinh", "cosh", "tanh",
                                 "arctan", "arcsinh", "erf", "erfc", "floor", "ceil", "round",
                                 "sgn", "sqr", "neg", "abs", "deg2rad")],
        *[(name, p) for name in ("log", "log2", "log10", "log1p", "sqrt")]]]
    outputs += [T.arctan2(v, p), T.pow(p, v), T.maximum(v, 1), T.clip(v, -1, 1), v // p, v % p,
                T.nnet.sigmoid(v), T.nnet.softplus(v), T.nnet.relu(v), T.eq(v, v[0])]
    check(ct.function([v], outputs), tmp_path, *vectors(sizes=(1, 5, 1000)))


def test_arrays_that_are_known_to_be_empty(tmp_path):
    rows, none = T.TensorType("float64", (4, 0))("rows"), T.TensorType("float64", (0,))("none")
    f = ct.function([rows, none], [rows.sum(1), rows.sum(0), none.prod(), T.exp(rows),
                                   rows - rows.mean(1, keepdims=True), T.dot(rows, rows.T),
                                   T.concatenate([none, none])])
    check(f, tmp_path, (np.zeros((4, 0)), []))


def test_gamma_functions(tmp_path):
    names = ("gamma", "gammaln", "psi", "tri_gamma")
    f = ct.function([v], [getattr(T, name)(v) for name in names])
    check(f, tmp_path, (np.linspace(-4.9, 30, 1000),), exact=False)


# ----- loops -----

def test_loops(tmp_path):
    states, _ = ct.scan(lambda a, h: T.tanh(h * 0.9 + a), sequences=v, outputs_info=x)
    f = ct.function([v, x], [states, states[-1], *T.grad(states.sum(), [v, x])])
    check(f, tmp_path, *[(normal(size), 0.3) for size in (1, 2, 7, 50)])


def test_loops_with_several_lags(tmp_path):
    both = {"initial": w, "taps": [-3, -1]}
    states, _ = ct.scan(lambda a, b, c: a + b * 0.5 + c, sequences=v, outputs_info=both)
    check(ct.function([v, w], states), tmp_path, *[(normal(s), normal(3)) for s in (1, 2, 9)])


def test_loops_that_keep_the_last_values(tmp_path):
    both = {"initial": w, "taps": [-3, -1]}
    lags, _ = ct.scan(lambda a, b, c: a + b * 0.5 + c, sequences=v, outputs_info=both)
    rows, _ = ct.scan(lambda row, h: h * 0.5 + row, sequences=m, outputs_info=w)
    f = ct.function([v, w, m], [lags[-1], rows[-1]])
    check(f, tmp_path, *[(normal(s), normal(3), normal(s, 3)) for s in (1, 2, 9)])


def test_loops_in_loops_and_backwards(tmp_path):
    zero = T.constant(0.0)
    sums, _ = ct.scan(lambda row: ct.scan(lambda a, h: h * 0.5 + a, sequences=row,
                                          outputs_info=zero)[0][-1], sequences=m)
    (turned, counts), _ = ct.scan(lambda a, h: (a * h, h + 1.0), sequences=v,
                                  outputs_info=[None, x], go_backwards=True)
    f = ct.function([m, v, x], [sums, T.grad(sums.sum(), m), turned, counts])
    check(f, tmp_path, (normal(3, 4), normal(5), 0.5), (normal(5, 1), normal(1), 2.0))


def test_loops_that_look_up(tmp_path):
    picked, _ = ct.scan(lambda j, h, v: h + v[j], sequences=i, outputs_info=x, non_sequences=v)
    walk, _ = ct.scan(lambda j, v: T.cast(v[j], "int64"), outputs_info=n, non_sequences=v,
                      n_steps=5)
    f = ct.function([i, v, x, n], [picked, walk, T.grad(picked.sum(), v)])
    check(f, tmp_path, ([0, 2, 1], [1.0, 2.0, 3.0, 0.0], 0.5, 0), ([3], [2.0, 0, 1, 1], 0.5, 1))
    assert isinstance(Exported(f, tmp_path)([4], [1.0, 2, 3, 0], 0.5, 0), int)


def test_loops_that_end_early(tmp_path):
    steps, _ = ct.scan(lambda h: (h * 2, ct.until(h * 2 > 100)), outputs_info=x, n_steps=50)
    check(ct.function([x], steps[-1]), tmp_path, (1.0,), (7.0,), (1e-30,))


def test_recurrent_network(tmp_path):
    states, _ = ct.scan(lambda a, h: T.tanh(T.dot(k, h) + a), sequences=m, outputs_info=v)
    f = ct.function([m, v, k], [states, *T.grad((states ** 2).sum(), [m, v, k])])
    check(f, tmp_path, *[(normal(s, 4), normal(4), normal(4, 4)) for s in (1, 5, 20)],
          exact=False)


# ----- products -----

PRODUCTS = [(normal(a, b), normal(b, c)) for a, b, c in
            ((1, 1, 1), (2, 3, 4), (5, 0, 3), (17, 33, 70), (4, 64, 65), (0, 2, 2), (70, 130, 3))]


@pytest.mark.parametrize("dtype", ["float64", "float32", "int64", "complex128"])
def test_products_in_loops(dtype, tmp_path):
    a, b = T.TensorType(dtype, (None, None))("a"), T.TensorType(dtype, (None, None))("b")
    f = ct.function([a, b], [T.dot(a, b), T.dot(b.T, a.T)])
    calls = [((3 * p).astype(dtype), (3 * q).astype(dtype)) for p, q in PRODUCTS]
    check(f, tmp_path, *calls, exact=dtype == "int64", rtol=1e-4 if dtype == "float32" else 1e-12)


def test_products_with_vectors(tmp_path):
    f = ct.function([m, v], [T.dot(m, v), T.dot(v, m.T), T.dot(v, v), T.dot(m.T, m).sum()])
    check(f, tmp_path, *[(normal(a, b), normal(b)) for a, b in ((3, 4), (1, 1), (33, 70))],
          exact=False)


REFERENCE_BLAS = """\
void dgemm_(const char *ta, const char *tb, const int *m, const int *n, const int *k,
            const double *alpha, const double *a, const int *lda, const double *b,
            const int *ldb, const double *beta, double *c, const int *ldc)
{
    for (int i = 0; i < *m; i++)
        for (int j = 0; j < *n; j++) {
            double sum = 0;
            for (int l = 0; l < *k; l++)
                sum += (*ta == 'N' ? a[i + l * *lda] : a[l + i * *lda])
                     * (*tb == 'N' ? b[l + j * *ldb] : b[j + l * *ldb]);
            c[i + j * *ldc] = *alpha * sum + (*beta == 0 ? 0 : *beta * c[i + j * *ldc]);
        }
}
"""


def test_products_by_blas(tmp_path):
    (tmp_path / "blas.c").write_text(REFERENCE_BLAS)
    f = ct.function([m, k], [T.dot(m, k), T.dot(k.T, m.T), T.dot(m[::-1], k[:, ::-1]),
                             2 * T.dot(m, k) + T.dot(m, k).T.T])
    exported = check(f, tmp_path, *PRODUCTS, exact=False, blas="fortran", link=["blas.c"])
    assert "dgemm_" in exported.source.text


def test_there_is_no_outside_call_without_blas(tmp_path):
    Exported(ct.function([m, k], T.dot(m, k)), tmp_path, flags=())
    outside = subprocess.run(["nm", "-u", tmp_path / "f.o"], capture_output=True, text=True,
                             check=True).stdout.split()
    assert not {name for name in outside if "gemm" in name}


# ----- models -----

def regression():
    W, b = ct.shared(normal(3, 2), "W"), ct.shared(np.zeros(2), "b")
    p = T.nnet.softmax(m.dot(W) + b)
    loss = -T.log(p[T.arange(i.shape[0]), i]).mean()
    return W, b, loss, T.grad(loss, [W, b])


def test_shared_values_inside(tmp_path):
    _, _, loss, gradients = regression()
    f = ct.function([m, i], [loss, *gradients], name="logistic regression")
    check(f, tmp_path, (normal(5, 3), [0, 1, 1, 0, 1]), (normal(1, 3), [0]), exact=False)


def test_shared_values_as_arguments(tmp_path):
    W, b, loss, _ = regression()
    f = ct.function([m, i], loss)
    exported = Exported(f, tmp_path, shared="arguments")
    assert [p.name for p in exported.source.inputs][2:] == ["W", "b"]
    W.set_value(normal(3, 2) + 1)
    data = normal(5, 3), [0, 1, 1, 0, 1]
    result, = exported(*data, W.get_value(), b.get_value())
    np.testing.assert_allclose(result, f(*data), rtol=1e-12)


def test_updates_are_results(tmp_path):
    W, b, loss, (gW, gb) = regression()
    f = ct.function([m, i], loss, updates=[(W, W - 0.1 * gW), (b, b - 0.1 * gb)])
    exported = Exported(f, tmp_path)
    assert [p.name for p in exported.source.outputs] == ["out", "new_W", "new_b"]
    data = normal(5, 3), [0, 1, 1, 0, 1]
    results = exported(*data, W.get_value(), b.get_value())
    for got, want in zip(results, [f(*data), W.get_value(), b.get_value()]):
        np.testing.assert_allclose(got, want, rtol=1e-12)


def test_inputs_with_updates(tmp_path):
    f = ct.function([x, ct.In(y, value=1.0, update=y * x)], x + y)
    assert [float(r) for r in Exported(f, tmp_path)(2.0, 5.0)] == [7.0, 10.0]


def test_network(tmp_path):
    layers = [ct.shared(normal(*s) / 5) for s in ((20, 50), (50, 50), (50, 1))]
    h = m
    for W in layers[:-1]:
        h = T.tanh(h.dot(W))
    loss = (h.dot(layers[-1]) ** 2).mean()
    f = ct.function([m], [loss, *T.grad(loss, layers)])
    check(f, tmp_path, (normal(32, 20),), (normal(1, 20),), exact=False)


def test_known_sizes_need_no_shape(tmp_path):
    point = T.TensorType("float64", (3,))("point")
    f = ct.function([point], [rosenbrock(point), T.grad(rosenbrock(point), point)])
    exported = check(f, tmp_path, (normal(3),))
    assert "point_shape" not in exported.source.header
    assert "malloc" not in exported.source.text


# ----- graphs that nobody thought of -----

TOGETHER = 10               # graphs in one export: a compiler takes its time


def random_graphs(seed):
    """Some random graphs, values and slopes, as far as they can be exported."""
    rng = random.Random(seed)
    while True:
        graph = Graph(rng, rng.randint(1, 14))
        costs = [T.tanh(0.3 * a + 0.1).sum() for a in graph.made if a.type.dtype == graph.float]
        wrt = [a for a in graph.inputs if a.type.dtype == graph.float]
        outputs = [*graph.made[-2:]]
        if costs and wrt:
            outputs += T.grad(sum(costs), wrt, disconnected_inputs="ignore")
        try:
            f = ct.function(graph.inputs, outputs, on_unused_input="ignore")
            library.source_of(f, "f", "inline")
        except ExportError:
            continue
        yield graph, outputs


@pytest.mark.parametrize("seed", range(int(os.environ.get("GRAPHS", "40")) // TOGETHER))
def test_random_graphs(seed, tmp_path):
    graphs = [graph for graph, _ in zip(random_graphs(seed), range(TOGETHER))]
    f = ct.function([a for graph, _ in graphs for a in graph.inputs],
                    [out for _, outputs in graphs for out in outputs],
                    on_unused_input="ignore", name="random")
    arguments = [graph.feed[a] for graph, _ in graphs for a in graph.inputs]
    results = iter(zip(Exported(f, tmp_path)(*arguments), f(*arguments)))
    for graph, outputs in graphs:
        scale = max([1.0, *[float(np.abs(a).max(initial=0)) for a in graph.values.values()]])
        for _, (got, want) in zip(outputs, results):
            assert got.shape == want.shape and got.dtype == want.dtype
            np.testing.assert_allclose(got, want, rtol=graph.tolerance * 10,
                                       atol=graph.tolerance * scale * 10)


# ----- errors -----

def test_codes(tmp_path):
    exported = Exported(ct.function([m, v], m.dot(v), name="f"), tmp_path)
    code = exported(normal(2, 3), normal(4))
    assert f"f_SIZES_{code - 1} = {code}" in exported.source.header
    assert "x has one columns, but y has the other rows (test_export.py:" in exported.source.text


def test_bad_indices(tmp_path):
    exported = Exported(ct.function([v, i], v[i], name="f"), tmp_path)
    wrong = exported.many([(normal(3), [0, 3]), (normal(3), [-4]), (normal(3), [-3, 2])])
    assert wrong[:2] == [2, 2] and isinstance(wrong[2], list)
    assert "f_INDEX = 2" in exported.source.header


def test_bad_picks(tmp_path):
    loss = T.nnet.categorical_crossentropy(T.nnet.softmax(m), i).mean()
    exported = Exported(ct.function([m, i], T.grad(loss, m)), tmp_path)
    assert isinstance(exported(normal(2, 3), [0, 3]), int)


def test_nothing_has_no_maximum(tmp_path):
    assert isinstance(Exported(ct.function([v], v.max()), tmp_path)([]), int)


@pytest.mark.parametrize("make, text", [
    (lambda: T.sort(v), "sort has no C of its own"),
    (lambda: T.gammainc(v, v), "gammainc has no C of its own"),
    (lambda: T.nonzero(v)[0] * 2, "no C of its own|depends on computed data"),
    (lambda: T.slinalg.cholesky(m[:2, :2]) + v[0], "cholesky has no C of its own"),
])
def test_what_cannot_be_exported_says_so(make, text):
    out = make()
    f = ct.function([v, m], out, on_unused_input="ignore")
    with pytest.raises(ExportError, match=text):
        f.export_c("never written")
    assert not os.path.exists("never written.c")


def test_the_user_s_line_is_named():
    f = ct.function([v], T.sort(v))
    with pytest.raises(ExportError, match=r"made at .*test_export\.py:\d+"):
        library.source_of(f, "f")


def test_large_shared_values_are_refused():
    W = ct.shared(np.zeros((1000, 1000)), "W")
    f = ct.function([v], v.dot(W))
    with pytest.raises(ValueError, match=r"8000000 bytes.*shared='arguments'"):
        library.source_of(f, "f")
    assert "const double *W" in library.source_of(f, "f", shared="arguments").header


def test_choices_are_checked():
    f = ct.function([x], x + 1)
    for wrong in ({"blas": "mkl"}, {"shared": "no"}):
        with pytest.raises(ValueError, match="is one of"):
            f.export_c("never written", **wrong)


# ----- files and names -----

def test_odd_paths_and_names(tmp_path):
    folder = tmp_path / "päth with spaces — 數"
    folder.mkdir()
    odd = T.dvector('a */ "b" \\ ??/ 数')
    one = T.dscalar("1 double")
    f = ct.function([odd, one], (odd * one).sum(), name="my function: été /*")
    c_path, header = f.export_c(folder / "some file")
    assert (c_path.name, header.name) == ("some file.c", "my_function_t.h")
    subprocess.run([COMPILER, *STRICT, "-c", c_path.name, "-o", "f.o"], cwd=folder, check=True)


@pytest.mark.parametrize("name", ["double", "i", "n1", "workspace", "INFINITY", "exp_f64", "I",
                                  "exp", "random", "malloc", "main"])
def test_names_that_c_has_taken(name, tmp_path):
    taken = T.dvector(name)
    f = ct.function([taken], rosenbrock(taken), name=name)
    check(f, tmp_path, (normal(4),))


def test_no_path_of_this_machine_in_the_text(tmp_path):
    source = library.source_of(ct.function([v, i], T.exp(v[i])), "f")
    assert "test_export.py:" in source.text
    assert os.path.dirname(__file__) not in source.text + source.header


def test_names_of_results(tmp_path):
    f = ct.function([x], {"value": x * 2, "slope": x + 1})
    assert [p.name for p in Exported(f, tmp_path).source.outputs] == ["value", "slope"]


@pytest.mark.parametrize("standard", ["c11", "c17", "gnu11"])
@pytest.mark.parametrize("level", ["-O0", "-O2", "-O3"])
def test_standards_and_levels(standard, level, tmp_path):
    c_path, _ = ct.function([m], T.nnet.softmax(m), name="f").export_c(tmp_path / "f.c")
    subprocess.run([COMPILER, "-Wall", "-Wextra", "-Werror", f"-std={standard}", level, "-c",
                    c_path, "-o", tmp_path / "f.o"], check=True)


def test_header_serves_cpp(tmp_path):
    compiler = shutil.which("g++") or shutil.which("clang++")
    if compiler is None:
        pytest.skip("there is no C++ compiler")
    _, header = ct.function([m], T.nnet.softmax(m), name="f").export_c(tmp_path / "f.c")
    (tmp_path / "main.cpp").write_text(f'#include "{header.name}"\nint main() {{ return f_OK; }}')
    subprocess.run([compiler, "-Wall", "-Wextra", "-Werror", "main.cpp", "-c"], cwd=tmp_path,
                   check=True)


# ----- parts -----

def test_pieces_of_headers_have_names():
    assert all([piece.names for piece in pieces()])
    assert {"exp_f64", "floor_div_i64", "ctc_mul", "CT_IVDEP", "ct_sin_any_f32"} <= {
        name for piece in pieces() for name in piece.names}


def test_an_export_has_only_what_it_uses():
    text = closure({"exp_f64"})
    assert "exp_f64" in text and "sin_" not in text and "f32(" in text


@pytest.mark.parametrize("value, dtype, text", [
    (1.5, "float64", "1.5"), (0.1, "float32", "0.1f"), (1e300, "float64", "1e+300"),
    (-np.inf, "float64", "-INFINITY"), (np.nan, "float32", "NAN"), (True, "bool", "1"),
    (-2 ** 63, "int64", "INT64_MIN"), (2 ** 64 - 1, "uint64", "18446744073709551615ull"),
    (1.0, "float16", "15360"), (1 + 2j, "complex128", "CMPLX(1.0, 2.0)")])
def test_literals(value, dtype, text):
    assert literal(np.dtype(dtype).type(value), BY_NAME[dtype]) == text
