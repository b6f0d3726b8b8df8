"""Derivatives: the options and errors of `grad`, both modes, and rules against differences.

Graphs are run by the naive twin (`reference.py`), so that a wrong kernel cannot hide a wrong
gradient.
"""
import numpy as np
import pytest
from reference import evaluate

from cytensor import config
from cytensor._core import TensorType, replace, toposort
from cytensor.autodiff import compiler, control, derived
from cytensor.autodiff.absent import (
    DisconnectedInputError, DisconnectedType, NullType, NullTypeGradError)
from cytensor.autodiff.forward import Rop
from cytensor.autodiff.reverse import Lop, grad, subgraph_grad
from cytensor.autodiff.verify import GradientError, numeric_grad, verify_grad
from cytensor.ops import (
    cumulative, diagonal, elementwise as ew, gather, indexing, joining, linear, shape, softmax)
from cytensor.ops.registry import cast, constant, structured
from cytensor.ops.views import spread


@pytest.fixture(autouse=True)
def _naive_compiler(monkeypatch):
    def compile(inputs, outputs, **options):
        return lambda *arrays: evaluate(outputs, dict(zip(inputs, arrays)))
    monkeypatch.setattr(compiler, "_compile", compile)


def tensor(name, ndim=0, dtype="float64", shape=None):
    return TensorType(dtype, shape or (None,) * ndim)(name)


def scalar(name="x"):
    return tensor(name)


def vector(name="x"):
    return tensor(name, 1)


def matrix(name="x"):
    return tensor(name, 2)


# ----- values -----

def test_a_scalar_function():
    x = scalar()
    assert evaluate(grad(x ** 3 + ew.sin(x), x), {x: 2.0}) == pytest.approx(12 + np.cos(2))


def test_several_variables_and_a_shared_subexpression():
    x, y = vector("x"), vector("y")
    z = x * y
    gx, gy = grad((z * z + z).sum(), [x, y])
    a, b = np.array([1.0, 2.0]), np.array([3.0, 4.0])
    np.testing.assert_allclose(evaluate(gx, {x: a, y: b}), (2 * a * b + 1) * b)
    np.testing.assert_allclose(evaluate(gy, {x: a, y: b}), (2 * a * b + 1) * a)


@pytest.mark.parametrize("small", [(), (3,), (1,), (2, 1), (1, 1), (1, 3)])
def test_broadcasting_is_undone(small):
    x = tensor("x", shape=tuple(1 if n == 1 else None for n in small))
    w = matrix("w")
    feed = {x: np.ones(small), w: np.arange(6.0).reshape(2, 3)}
    g = grad((x * w).sum(), x)
    assert g.type == x.type
    axes = tuple(i for i in range(-2, 0) if -i > len(small) or small[i] == 1)
    want = feed[w].sum(axes, keepdims=True).reshape(small)
    np.testing.assert_array_equal(evaluate(g, feed), want)


def test_a_gradient_that_is_constant_counts_the_elements():
    x, w = vector("x"), matrix("w")
    np.testing.assert_array_equal(
        evaluate(grad((x + w).sum(), x), {x: np.ones(3), w: np.ones((5, 3))}), [5.0, 5.0, 5.0])


def test_a_gradient_that_is_small_and_of_the_type_of_its_variable_counts_too():
    x, w = vector("x"), matrix("w")
    y = x + w                                   # the cotangent of y is v, the same in each row
    v = vector("v")
    g = grad((y * 1 + v * y).sum(), x)
    feed = {x: np.ones(3), w: np.ones((5, 3)), v: np.array([1.0, 2.0, 3.0])}
    np.testing.assert_array_equal(evaluate(g, feed), [10.0, 15.0, 20.0])


def test_the_gradient_of_a_sum_is_one_number_repeated():
    x = matrix()
    g = grad((3 * x).sum(), x)
    assert g.owner.op.name == "broadcast_to" and g.owner.inputs[0].type.ndim == 0


def test_theanos_conventions_at_kinks():
    x = vector()
    feed = {x: [-1.0, 0.0, 2.0]}
    assert evaluate(grad(ew.abs(x).sum(), x), feed).tolist() == [-1, 0, 1]
    assert evaluate(grad(ew.relu(x).sum(), x), feed).tolist() == [0, 0.5, 1]
    assert evaluate(grad(ew.floor(x).sum(), x), feed).tolist() == [0, 0, 0]
    assert evaluate(grad(ew.clip(x, -1, 0).sum(), x), feed).tolist() == [1, 1, 0]
    assert evaluate(grad(ew.maximum(x, x).sum(), x), feed).tolist() == [1, 1, 1]
    tied = {x: [2.0, 2.0, 1.0]}
    assert evaluate(grad(x.max(), x), tied).tolist() == [1, 1, 0]
    assert evaluate(grad(x.prod(), x), {x: [0.0, 2.0, 3.0]}).tolist() == [6, 0, 0]


def test_higher_orders():
    x = scalar()
    y = ew.exp(2 * x)
    for order in range(1, 5):
        y = grad(y, x)
        assert evaluate(y, {x: 0.5}) == pytest.approx(2 ** order * np.e)


def test_a_chain_of_100_000_nodes():
    x = y = scalar()
    for _ in range(50_000):
        y = ew.sin(y) + x
    g = grad(y, x)
    assert len(toposort([g])) > 100_000
    assert np.isfinite(evaluate(g, {x: 0.1}))


def test_a_variable_used_many_times():
    x = scalar()
    y = x
    for _ in range(60):
        y = y + y                                   # 2 ** 60 paths, 60 nodes
    assert evaluate(grad(y, x), {x: 1.0}) == 2.0 ** 60


# ----- dtypes -----

@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_a_gradient_has_the_type_of_its_variable(dtype):
    x = tensor("x", 1, dtype)
    cost = (ew.tanh(x) * tensor("w", 1, "float64")).sum()
    assert grad(cost, x).type == x.type


@pytest.mark.parametrize("dtype", ["int32", "bool", "uint8"])
def test_with_respect_to_integers_it_is_zeros_of_floatX(dtype):
    i, x = tensor("i", 1, dtype), vector()
    g = grad((i * x).sum(), i)
    assert g.type.dtype == config.floatX
    assert evaluate(g, {i: [1, 0], x: [1.0, 2.0]}).tolist() == [0, 0]


def test_a_cost_of_integers_is_flat():
    x = scalar()
    assert evaluate(grad(cast(x, dtype="int64"), x), {x: 2.5}) == 0


def test_a_complex_gradient_points_uphill():
    z = tensor("z", 0, "complex128")
    g = grad(ew.abs(z * (1 + 2j)) ** 2, z)          # 5 |z|^2: the gradient is 10 z
    assert evaluate(g, {z: 3 - 1j}) == pytest.approx(30 - 10j)


def test_known_grads_of_complex_variables_are_gradients_too():
    z = tensor("z", 0, "complex128")
    w = z * (1 + 2j)
    direct = grad(ew.real(w * w), z)
    by_parts = grad(None, z, known_grads={w: grad(ew.real(w * w), w)})
    assert evaluate(by_parts, {z: 3 - 1j}) == pytest.approx(evaluate(direct, {z: 3 - 1j}))


# ----- the options of grad -----

def test_the_cost_is_a_real_scalar():
    with pytest.raises(TypeError, match="scalar"):
        grad(vector(), scalar())
    with pytest.raises(TypeError, match="real"):
        grad(tensor("z", 0, "complex64"), scalar())
    with pytest.raises(TypeError, match="variables"):
        grad(scalar(), 3.0)
    with pytest.raises(ValueError, match="known_grads"):
        grad(None, scalar())


def test_disconnected_inputs():
    x, y = scalar("x"), vector("y")
    with pytest.raises(DisconnectedInputError, match="y"):
        grad(x, y)
    with pytest.warns(UserWarning, match="does not depend"):
        grad(x, y, disconnected_inputs="warn")
    zero = grad(x, y, disconnected_inputs="ignore")
    assert evaluate(zero, {y: [1.0, 2.0]}).tolist() == [0, 0]
    assert grad(x, y, disconnected_inputs="ignore", return_disconnected="None") is None
    nothing = grad(x, y, disconnected_inputs="ignore", return_disconnected="disconnected")
    assert isinstance(nothing.type, DisconnectedType)
    with pytest.raises(ValueError, match="disconnected_inputs"):
        grad(x, y, disconnected_inputs="maybe")


def test_a_shape_does_not_connect_but_a_step_does():
    x = vector()
    with pytest.raises(DisconnectedInputError):
        grad(cast(x.shape[0], dtype="float64"), x)
    flat = grad(cast(x.argmax(), dtype="float64"), x)
    assert evaluate(flat, {x: [1.0, 2.0]}).tolist() == [0, 0]


def test_consider_constant_stops_the_walk():
    x = scalar()
    y = x * x
    assert evaluate(grad(x * y, x, consider_constant=[y]), {x: 3.0}) == 9


@pytest.mark.parametrize("make", [lambda s: s.dimshuffle("x", "x"), lambda s: spread(s, [1, 1])],
                         ids=["axes added", "repeated"])
def test_a_known_gradient_stays_a_variable(make):
    """It may be what others are differentiated by, or an input."""
    x, s = TensorType("float64", (1, 1))("x"), tensor("s")
    known = make(s)
    y = x + 1
    slope = grad(None, x, known_grads={y: known}) * 3
    assert evaluate(grad(slope.sum(), known), {s: 2.0}) == [[3]]
    assert evaluate(replace([slope], {known: constant([[5.0]])})[0]) == [[15]]


def test_known_grads_replace_what_the_cost_says():
    x = scalar()
    y = x * x
    g = grad(ew.exp(y), x, known_grads={y: constant(10.0)})
    assert evaluate(g, {x: 3.0}) == 60
    assert evaluate(grad(None, x, known_grads={y: np.float32(2)}), {x: 3.0}) == 12
    with pytest.raises(ValueError, match="axes"):
        grad(None, x, known_grads={y: [1.0, 2.0]})


def test_a_known_grad_may_be_disconnected():
    x = scalar()
    y = x * x
    with pytest.raises(DisconnectedInputError):
        grad(ew.exp(y), x, known_grads={y: DisconnectedType()()})
    g = grad(ew.exp(y) + 3 * x, x, known_grads={y: DisconnectedType()()})
    assert evaluate(g, {x: 3.0}) == 3


def test_an_intermediate_variable_and_its_inputs():
    x = scalar()
    y = x * x
    gy, gx = grad(y * y, [y, x])
    assert (evaluate(gy, {x: 3.0}), evaluate(gx, {x: 3.0})) == (18, 108)


def test_names():
    x = scalar("x")
    cost = x * x
    cost.name = "cost"
    assert grad(cost, x).name == "(dcost/dx)"
    assert grad(cost, x, add_names=False).name is None


def test_null_gradients():
    x = scalar()
    y = control.undefined_grad(x) * 2
    with pytest.raises(NullTypeGradError, match="undefined_grad"):
        grad(y, x)
    assert isinstance(grad(y, x, null_gradients="return").type, NullType)


def test_an_op_without_a_rule_is_named_with_its_line():
    op = structured("riddle", lambda x: x.type.dtype, lambda S, shapes, inputs: shapes[0])
    x = scalar()
    with pytest.raises(NullTypeGradError, match=r"riddle.*test_autodiff\.py"):
        grad(op(x) * 2, x)


def test_a_rule_that_fails_is_named_with_its_line():
    def fail(g, out, x):
        raise RuntimeError("no")
    op = structured("broken", lambda x: x.type.dtype, lambda S, shapes, inputs: shapes[0], fail)
    x = scalar()
    with pytest.raises(RuntimeError) as error:
        grad(op(x), x)
    assert "broken" in error.value.__notes__[0] and "test_autodiff.py" in error.value.__notes__[0]


def test_a_gradient_has_the_line_of_what_it_differentiates():
    x = scalar()
    y = ew.sin(x)
    assert grad(y, x).owner.loc == y.owner.loc


def test_subgraph_grad_in_two_parts():
    x, w1, w2 = scalar("x"), scalar("w1"), scalar("w2")
    h = ew.tanh(w1 * x)
    cost = (w2 * h) ** 2
    (g2,), (gh,) = subgraph_grad([w2], [h], cost=cost)
    (g1,), (gx,) = subgraph_grad([w1], [x], start={h: gh})
    feed = {x: 0.3, w1: 0.5, w2: 2.0}
    for part, whole in zip((g1, g2, gx), grad(cost, [w1, w2, x])):
        assert evaluate(part, feed) == pytest.approx(evaluate(whole, feed))


# ----- control -----

def test_gradient_control():
    x = vector()
    feed = {x: [0.1, 1.0, -5.0]}
    assert evaluate(grad((control.grad_clip(x, -1, 1) ** 2).sum(), x), feed) == pytest.approx(
        [0.2, 1, -1])
    assert evaluate(grad((control.grad_scale(x, -2) ** 2).sum(), x), feed) == pytest.approx(
        [-0.4, -4, 20])
    assert evaluate(grad((x * control.zero_grad(x)).sum(), x), feed) == pytest.approx(feed[x])
    assert evaluate(grad((x * control.disconnected_grad(x)).sum(), x), feed) == pytest.approx(
        feed[x])
    assert evaluate(grad(control.zero_grad(x).sum(), x), feed).tolist() == [0, 0, 0]
    with pytest.raises(DisconnectedInputError):
        grad(control.disconnected_grad(x).sum(), x)
    np.testing.assert_array_equal(evaluate(control.grad_clip(x, -1, 1), feed), feed[x])


# ----- products with Jacobians -----

def _functions():
    x, w = vector("x"), matrix("w")
    i = constant([2, 0])
    return [
        (x, ew.exp(x) * x), (x, x / (1 + x * x)), (x, x.sum() * x), (x, linear.dot(w, x)),
        (x, softmax.softmax(x)), (x, x[1:] * x[:-1]), (x, x[i]), (x, x.dimshuffle(0, "x") * w.T),
        (x, indexing.inc_subtensor(x[1:], x[:2])), (x, cumulative.cumprod(x)), (x, x.max() * x),
        (x, x.reshape((3, 1)) + w.T), (x, joining.concatenate([x, x * x])),
        (x, ew.abs(x) + ew.floor(x)),
        (x, ew.real(ew.exp(ew.make_complex(x, 2 * x)))), (w, linear.dot(w, w.T)),
        (w, diagonal.diagonal(w)), (w, w[:, ::-1] * x), (w, gather.pick(w, i)),
    ], {x: np.array([0.3, -0.7, 1.1]), w: np.array([[0.5, 1.0, -2.0], [0.25, 3.0, 1.0]])}


@pytest.mark.parametrize("number", range(19))
def test_both_modes_agree_with_differences(number):
    cases, feed = _functions()
    x, y = cases[number]
    rng = np.random.default_rng(0)
    value = evaluate(y, feed)
    v, u = rng.normal(size=feed[x].shape), rng.normal(size=value.shape)
    forward = evaluate(Rop(y, x, constant(v)), feed)
    backward = evaluate(Lop(y, x, constant(u)), feed)
    h = 1e-6
    ahead, behind = (evaluate(y, {**feed, x: feed[x] + s * h * v}) for s in (1, -1))
    np.testing.assert_allclose(forward, (ahead - behind) / (2 * h), rtol=1e-6, atol=1e-7)
    assert (backward * v).sum() == pytest.approx((u * forward).sum(), rel=1e-10)


def test_rop_of_disconnected_outputs():
    x, y = vector("x"), vector("y")
    with pytest.raises(DisconnectedInputError):
        Rop(y, x, x)
    assert evaluate(Rop(y, x, x, disconnected_outputs="ignore"), {y: [1.0]}).tolist() == [0]
    assert Rop(y, x, x, disconnected_outputs="ignore", return_disconnected="None") is None
    with pytest.raises(ValueError, match="axes"):
        Rop(x * 2, x, scalar())


def test_lop_adds_what_one_output_does_to_another():
    x = scalar()
    a = x * x
    b = a * a
    g = Lop([a, b], x, [constant(1.0), constant(1.0)])
    assert evaluate(g, {x: 2.0}) == 4 + 32


@pytest.mark.parametrize("size", [3, None, 40])
def test_jacobian(size):
    x, w = tensor("x", shape=(size,)), matrix("w")
    y = ew.exp(x) * x.sum() + linear.dot(x, w)
    a = np.linspace(0.1, 1, size or 4)
    feed = {x: a, w: np.outer(a, a)}
    want = np.diag(np.exp(a) * a.sum()) + np.exp(a)[:, None] + feed[w].T
    J, Jw = derived.jacobian(y, [x, w])
    np.testing.assert_allclose(evaluate(J, feed), want)
    np.testing.assert_allclose(evaluate(Jw, feed), np.einsum("i,jk->kij", a, np.eye(len(a))))


@pytest.mark.parametrize("size", [3, None])
def test_hessian_and_its_products(size):
    x, v = tensor("x", shape=(size,)), tensor("v", shape=(size,))
    cost = (x ** 3).sum() * x[0]
    a, b = np.array([0.5, 1.0, -2.0]), np.array([1.0, 2.0, 3.0])
    want = np.diag(6 * a * a[0])
    want[0] += 3 * a ** 2
    want[:, 0] += 3 * a ** 2
    np.testing.assert_allclose(evaluate(derived.hessian(cost, x), {x: a}), want)
    product, = derived.hessian_vector_product(cost, [x], [v])
    np.testing.assert_allclose(evaluate(product, {x: a, v: b}), want @ b)


def test_the_gradient_of_a_jacobian_of_unknown_height():
    x = vector()
    J = derived.jacobian(ew.exp(x) * x[0], x)
    a = np.array([0.5, 1.0, -2.0])
    numeric = numeric_grad(lambda a: (evaluate(J, {x: a}) ** 2).sum(), a)
    np.testing.assert_allclose(evaluate(grad((J ** 2).sum(), x), {x: a}), numeric.gf, rtol=1e-8)


def test_jacobian_refuses_a_matrix():
    x = matrix()
    with pytest.raises(ValueError, match="flatten"):
        derived.jacobian(x, x)
    with pytest.raises(ValueError, match="vectors"):
        derived.hessian(x.sum(), x)


# ----- rules against differences -----

OPS = {
    "tanh": (ew.tanh, [(3,)]),
    "pow": (lambda x, y: ew.abs(x) ** y, [(3,), (3,)]),
    "true_div": (lambda x, y: x / (y + 3), [(2, 3), (3,)]),
    "where": (lambda x, y: ew.switch(ew.gt(x, 0), x * y, y), [(4,), (1,)]),
    "mean": (lambda x: x.mean(axis=0), [(3, 2)]),
    "prod": (lambda x: x.prod(axis=1), [(2, 3)]),
    "max": (lambda x: x.max(axis=1), [(2, 3)]),
    "var": (lambda x: x.var(axis=1), [(2, 3)]),
    "dot": (linear.dot, [(2, 3), (3, 4)]),
    "batched matmul": (linear.matmul, [(1, 2, 3), (4, 3, 2)]),
    "softmax": (lambda x: softmax.softmax(x) ** 2, [(2, 3)]),
    "logsumexp": (softmax.logsumexp, [(2, 3)]),
    "cumsum": (lambda x: cumulative.cumsum(x, 0), [(3, 2)]),
    "reshape": (lambda x: shape.reshape(x, (3, -1)) ** 2, [(2, 3)]),
    "concatenate": (lambda x, y: joining.concatenate([x, y]) ** 2, [(2,), (3,)]),
    "x[i]": (lambda x: x[constant([0, 0, 2])] ** 2, [(3, 2)]),
    "x[::2]": (lambda x: x[::2, -1] ** 2, [(3, 2)]),
    "set_subtensor": (lambda x, y: indexing.set_subtensor(x[1:], y) ** 2, [(3,), (2,)]),
}


@pytest.mark.parametrize("name", OPS)
def test_rule_against_differences(name):
    function, shapes = OPS[name]
    rng = np.random.default_rng(1)
    verify_grad(function, [rng.uniform(0.2, 1.5, s) * rng.choice([-1, 1], s) for s in shapes])


@pytest.mark.parametrize("name", OPS)
def test_the_rule_of_the_rule_against_differences(name):
    function, shapes = OPS[name]
    rng = np.random.default_rng(2)

    def slope(*xs):
        y = function(*xs)
        return grad((y * y).sum(), xs[0])
    verify_grad(slope, [rng.uniform(0.2, 1.5, s) * rng.choice([-1, 1], s) for s in shapes])


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "complex64", "complex128"])
def test_verify_grad_in_every_dtype(dtype):
    verify_grad(lambda x: ew.sin(x) * x, [np.array([0.5, 1.25], dtype)])


def test_verify_grad_finds_a_wrong_rule():
    wrong = structured("wrong", lambda x: x.type.dtype, lambda S, shapes, inputs: shapes[0],
                       lambda g, out, x: (g * 1.001,), kind="composite", expand=lambda x: x)
    with pytest.raises(GradientError, match="element"):
        verify_grad(wrong, [np.array([0.5, 1.5])])
    with pytest.raises(TypeError, match="floats"):
        verify_grad(wrong, [np.array([1, 2])])


def test_numeric_grad_is_good_to_1e_9():
    pt = np.array([0.5, -2.0, 30.0])
    found = numeric_grad(lambda x: np.sin(x).sum() + x[0] * x[1], pt)
    want = np.cos(pt) + [pt[1], pt[0], 0]
    np.testing.assert_allclose(found.gf, want, rtol=1e-9)
    assert found.max_err([want], 1e-8, 1e-8)[2] < 1e-9


def test_verify_grad_takes_arrays_of_any_layout():
    verify_grad(lambda x: x[0] ** 2, [np.asfortranarray(np.arange(6.0).reshape(2, 3))])
