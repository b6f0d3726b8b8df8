"""Fused groups: every loop, at sizes around its edges, against NumPy; the same on any threads."""
import numpy as np
import pytest

import cytensor as ct
import cytensor.tensor as T
from cytensor.cpu import _structured

RNG = np.random.default_rng(0)
SIZES = [0, 1, 2, 7, 16, 31, 1023, 1024, 1025, 2049, 5000]
SHAPES = [(0, 3), (3, 0), (1, 1), (1, 5000), (5000, 1), (7, 10), (300, 10), (33, 1024), (5, 1025),
          (3, 70_000), (70_000, 3), (64, 64), (257, 500), (31, 4097)]
X, Y = T.dmatrices("x", "y")
V, W = T.dvectors("v", "w")


def check(variables, out, arrays, wanted, rtol=1e-12):
    got = ct.function(variables, out)(*arrays)
    pairs = zip(got, wanted, strict=True) if isinstance(out, list) else [(got, wanted)]
    for a, b in pairs:
        np.testing.assert_allclose(a, b, rtol=rtol, atol=rtol)


@pytest.mark.parametrize("n", SIZES)
def test_map(n):
    a, b = RNG.normal(size=(2, n))
    check([V, W], T.tanh(V) * W + T.exp(-T.sqr(V)) - 0.5, [a, b],
          np.tanh(a) * b + np.exp(-a * a) - 0.5)


@pytest.mark.parametrize("shape", SHAPES)
def test_map_of_transposed_and_broadcast_operands(shape):
    a = RNG.normal(size=shape)
    t = RNG.normal(size=shape[::-1])
    r, c = RNG.normal(size=shape[1]), RNG.normal(size=(shape[0], 1))
    check([X, Y, V, W], X * Y.T + V - W.dimshuffle(0, "x"), [a, t, r, c[:, 0]], a * t.T + r - c)


@pytest.mark.parametrize("axis", [None, 0, 1])
@pytest.mark.parametrize("shape", SHAPES)
def test_sums(shape, axis):
    a, b = RNG.normal(size=(2, *shape))
    check([X, Y], (X * Y).sum(axis=axis), [a, b], (a * b).sum(axis=axis), rtol=1e-10)


@pytest.mark.parametrize("axis", [None, 0, 1])
@pytest.mark.parametrize("shape", [s for s in SHAPES if 0 not in s])
def test_max_min_prod(shape, axis):
    a = RNG.uniform(0.999, 1.001, size=shape)
    check([X], T.stack([X.max(axis=axis), X.min(axis=axis), X.prod(axis=axis)]), [a],
          np.stack([a.max(axis=axis), a.min(axis=axis), a.prod(axis=axis)]))


@pytest.mark.parametrize("axes", [(0,), (1,), (2,), (0, 1), (0, 2), (1, 2), (0, 1, 2)])
@pytest.mark.parametrize("shape", [(3, 4, 5), (40, 3, 1500), (1500, 2, 40), (2, 1500, 40)])
def test_sums_of_three_axes(shape, axes):
    x = T.dtensor3()
    a = RNG.normal(size=shape)
    check([x], T.sqr(x).sum(axis=axes), [a], (a * a).sum(axis=axes), rtol=1e-10)


def softmax(a):
    e = np.exp(a - a.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("shape", [s for s in SHAPES if 0 not in s])
def test_work_goes_on_after_a_reduction(shape):
    a = RNG.normal(size=shape)
    e = T.exp(X - X.max(axis=1, keepdims=True))
    check([X], e / e.sum(axis=1, keepdims=True), [a], softmax(a))


@pytest.mark.parametrize("axes", [(2,), (0, 2), (1, 2), (0, 1, 2)])
@pytest.mark.parametrize("shape", [(3, 4, 5), (40, 3, 1500), (1500, 3, 2), (2, 700, 40), (9, 1, 7)])
def test_work_goes_on_after_sums_over_outer_axes(shape, axes):
    x, w = T.dtensor3(), T.dvector()
    a, b = RNG.normal(size=shape) + 3, RNG.normal(size=shape[2])
    out = (x - x.mean(axes, keepdims=True)) / T.sqrt(x.var(axes, keepdims=True) + 1) * w
    want = (a - a.mean(axes, keepdims=True)) / np.sqrt(a.var(axes, keepdims=True) + 1) * b
    check([x, w], [out, T.sqr(out).sum(axes)], [a, b], [want, (want**2).sum(axes)], rtol=1e-9)


@pytest.mark.parametrize("shape", [s for s in SHAPES if 0 not in s])
def test_a_row_that_serves_all_rows(shape):
    a, b = RNG.normal(size=shape), RNG.normal(size=2 * shape[1])
    twice = W[::2]
    e = T.exp(X - X.max(axis=1, keepdims=True))
    check([X, W], e / e.sum(axis=1, keepdims=True) * twice + W[:shape[1]], [a, b],
          softmax(a) * b[::2] + b[:shape[1]])
    check([X, W], [(X * twice).sum(0), T.sqr(X - W[:shape[1]]).sum(0)], [a, b],
          [(a * b[::2]).sum(0), ((a - b[:shape[1]])**2).sum(0)], rtol=1e-10)


@pytest.mark.parametrize("shape", [s for s in SHAPES if 0 not in s])
def test_a_number_that_serves_a_row_in_sums_over_rows(shape):
    a, b = RNG.normal(size=shape), RNG.normal(size=2 * shape[0])
    column, other = W[::2].dimshuffle(0, "x"), W[:shape[0]].dimshuffle(0, "x")
    c, d = b[::2, None], b[:shape[0], None]
    outs = [(X * column).sum(0), T.broadcast_to(other, X.shape).sum(0), T.exp(X - other).max(0)]
    check([X, W], outs, [a, b], [(a * c).sum(0), np.broadcast_to(d, shape).sum(0),
                                 np.exp(a - d).max(0)], rtol=1e-10)


@pytest.mark.parametrize("shape", [s for s in SHAPES if 0 not in s])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_sums_of_terms_have_the_bits_of_their_parts(shape, dtype):
    x, y = T.matrix(dtype=dtype), T.matrix(dtype=dtype)
    arrays = RNG.normal(size=(2, *shape)).astype(dtype)
    off = x - x.mean(1, keepdims=True)
    outs = [T.sqr(x).sum(1), (x * y).sum(1), T.sqr(off).sum(1), (y * off).sum(1), (off * y).sum()]
    one, each = [ct.function([x, y], outs, mode=ct.Mode("fast_run", excluding=left_out))
                 for left_out in ((), ("fusion",))]
    for got, want in zip(one(*arrays), each(*arrays), strict=True):
        assert got.tobytes() == want.tobytes()


def test_cheap_values_are_made_again_and_not_stored():
    a, b = RNG.normal(size=(2, 300, 300))
    off = X - Y[0]
    early, late = T.exp(off), off * T.dot(off, Y)
    f = ct.function([X, Y], [early, late, off.T + late])
    c = a - b[0]
    for got, want in zip(f(a, b), [np.exp(c), c * (c @ b), c.T + c * (c @ b)], strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-10, atol=1e-10)
    off = X - 1
    f = ct.function([X, Y], T.exp(off).sum() + (T.dot(Y, Y) * off).sum())
    outputs = [v for s in f.program.segments[0].steps if s.spec for v in s.variables]
    assert not [v for v in outputs if v.owner and v.owner.op.name == "sub"]


@pytest.mark.parametrize("shape", [s for s in SHAPES if 0 not in s])
def test_standardise_everything(shape):
    a = RNG.normal(size=shape) + 3
    check([X], (X - X.mean()) / T.sqrt(X.var() + 1), [a], (a - a.mean()) / np.sqrt(a.var() + 1),
          rtol=1e-9)


@pytest.mark.parametrize("shape", [s for s in SHAPES if 0 not in s])
def test_cross_entropy_and_its_gradient_by_picking(shape):
    a = RNG.normal(size=shape)
    labels = RNG.integers(0, shape[1], shape[0])
    y = T.lvector()
    p = T.nnet.softmax(X)
    loss = -T.mean(T.log(p)[T.arange(y.shape[0]), y])
    f = ct.function([X, y], [loss, ct.grad(loss, X)])
    q = softmax(a)
    hot = np.zeros(shape)
    hot[np.arange(shape[0]), labels] = 1
    got = f(a, labels)
    np.testing.assert_allclose(got[0], -np.log(q)[np.arange(shape[0]), labels].mean(), rtol=1e-9)
    np.testing.assert_allclose(got[1], (q - hot) / shape[0], rtol=1e-8, atol=1e-12)
    with pytest.raises(IndexError):
        f(a, labels + shape[1])


def test_several_results_of_one_group():
    a = RNG.normal(size=(300, 40))
    f = ct.function([X], [T.exp(X), X.sum(axis=1), X.max(axis=1), X.sum(axis=0), X.mean()])
    for got, wanted in zip(f(a), [np.exp(a), a.sum(1), a.max(1), a.sum(0), a.mean()]):
        np.testing.assert_allclose(got, wanted, rtol=1e-10, atol=1e-12)


def test_float32_sums_are_pairwise():
    v = T.fvector()
    a = np.full(10_000_001, 0.1, "float32")
    got = ct.function([v], v.sum())(a)
    assert abs(float(got) - a.astype("f8").sum()) < 1


THREADED = [
    (lambda: X.sum(), (3000, 1111)), (lambda: X.sum(axis=0), (200_000, 6)),
    (lambda: X.sum(axis=0), (700, 5000)), (lambda: X.sum(axis=1), (6, 300_000)),
    (lambda: X.sum(axis=1), (300_000, 6)), (lambda: T.nnet.softmax(X), (2, 400_000)),
    (lambda: X.var(), (1000, 1000)), (lambda: T.tanh(X.T) * 2, (1000, 1000)),
    (lambda: X.prod(axis=1), (1, 1_000_003)),
]


@pytest.mark.parametrize("make, shape", THREADED)
def test_the_number_of_threads_changes_no_bit(make, shape):
    a = RNG.normal(size=shape)
    f = ct.function([X], make())
    before = _structured.get_threads()
    try:
        results = []
        for n in (1, 2, 3, 7):
            _structured.set_threads(n)
            results.append(f(a))
    finally:
        _structured.set_threads(before)
    for r in results[1:]:
        assert r.tobytes() == results[0].tobytes()


def test_a_deep_chain_of_ops_is_one_group():
    x = T.dvector()
    y = x
    for k in range(300):
        y = T.sin(y) + k if k % 3 else y * x
    f = ct.function([x], y, mode="none")
    assert len([s for s in f.program.segments[0].steps if s.kind == 6]) == 1
    a = np.linspace(0, 1, 2000)
    b = a
    for k in range(300):
        b = np.sin(b) + k if k % 3 else b * a
    np.testing.assert_allclose(f(a), b, rtol=1e-9)


def test_many_plans_come_and_go():
    f = ct.function([V], V.sum())
    for n in [*range(600), 3, 599, 0]:
        assert f(np.ones(n)) == n
    assert len(f.program.segments[0].plans) <= 256


@pytest.mark.parametrize("mode", ["fast_run", "none"])
def test_picks_from_rows_of_one_item(mode):
    x, i = T.TensorType("float64", (None, 1))("x"), T.lvector("i")
    y = x[T.arange(x.shape[0]), i]
    f = ct.function([x, i], [y, ct.grad((y ** 2).sum(), x)], mode=mode)
    a = np.array([[1.0], [2.0], [3.0]])
    picked, gradient = f(a, [0, -1, 0])
    assert picked.tolist() == [1, 2, 3] and gradient.tolist() == [[2], [4], [6]]
    with pytest.raises(IndexError, match="index 1 is out of bounds"):
        f(a, [0, 1, 0])


# ----- results in another shape -----

@pytest.mark.parametrize("view", [
    lambda y: y.reshape((-1,)), lambda y: y.reshape((2, 3, -1)), lambda y: y.dimshuffle(0, "x", 1),
    lambda y: y.flatten().dimshuffle("x", 0), lambda y: y.dimshuffle("x", 0, 1).reshape((3, -1))])
def test_a_result_in_another_shape_is_not_copied(view):
    x = T.dmatrix("x")
    y = T.tanh(x) + x.sum(axis=1, keepdims=True)
    f = ct.function([x], view(y))
    data = np.arange(24.0).reshape(6, 4)
    want = np.tanh(data) + data.sum(axis=1, keepdims=True)
    out = f(data)
    np.testing.assert_allclose(out.reshape(-1), want.reshape(-1))
    assert out.flags.owndata
    assert out.shape == ct.function([x], view(x))(data).shape
    assert "copy" not in ct.debugprint(f, file="str")


def test_two_shapes_of_one_result_are_two_arrays():
    x = T.dvector("x")
    y = T.exp(x)
    f = ct.function([x], [y.reshape((2, -1)), y, y.reshape((-1, 2))])
    a, b, c = f(np.arange(6.0))
    a += 1
    b += 2
    np.testing.assert_allclose(a.reshape(-1) - 1, c.reshape(-1))
    np.testing.assert_allclose(b - 2, c.reshape(-1))
