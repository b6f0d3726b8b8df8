"""`OpFromGraph`: parts of graphs as ops, with derivatives of their own."""
import pickle

import numpy as np
import pytest

import cytensor as ct
import cytensor.tensor as T
from cytensor._core import toposort
from cytensor.autodiff.absent import DisconnectedType, NullType, NullTypeGradError
from cytensor.autodiff.subgraphs import OpFromGraph

X, Y, Z = T.dvectors("x", "y", "z")
A, B = T.dvectors("a", "b")
A0, B0 = np.array([1.0, 2.0]), np.array([3.0, 5.0])


def call(outputs, inputs=(A, B), values=(A0, B0), **options):
    return ct.function(list(inputs), outputs, on_unused_input="ignore", **options)(*values)


@pytest.mark.parametrize("mode", ["fast_run", "fast_compile", "none"])
def test_it_computes_what_its_graph_computes(mode):
    op = OpFromGraph([X, Y, Z], [X + Y * Z])
    f = ct.function([A, B], op(A, B, A) - op(B, A, A), mode=mode)
    np.testing.assert_allclose(f(A0, B0), (A0 + B0 * A0) - (B0 + A0 * A0))
    assert not any(isinstance(node.op, OpFromGraph) for node in toposort(f.graph))


def test_several_outputs_and_nesting():
    inner = OpFromGraph([X, Y], [X + Y, X - Y], name="turn")
    outer = OpFromGraph([X, Y], [inner(*inner(X, Y))[0] / 2])
    np.testing.assert_allclose(call(outer(A, B)), A0)
    assert str(inner) == "turn" and isinstance(inner(A, B), list)


def test_gradients_of_any_order():
    op = OpFromGraph([X, Y], [X ** 2 * Y])
    g = T.grad(op(A, B).sum(), A)
    h = T.grad(g.sum(), [A, B])
    got = call([g, *h])
    for value, want in zip(got, [2 * A0 * B0, 2 * B0, 2 * A0]):
        np.testing.assert_allclose(value, want)


def test_the_same_variable_twice():
    op = OpFromGraph([X, Y], [X ** 2 * Y])
    np.testing.assert_allclose(call(T.grad(op(A, A).sum(), A)), 3 * A0 ** 2)


def test_shared_variables_inside():
    s = ct.shared(np.array([10.0, 20.0]))
    op = OpFromGraph([X], [X * s])
    y = op(A)
    np.testing.assert_allclose(call(y), A0 * [10, 20])
    np.testing.assert_allclose(call(T.grad(y.sum(), A)), [10, 20])
    np.testing.assert_allclose(call(T.grad(y.sum(), s)), A0)
    s.set_value(np.zeros(2))
    np.testing.assert_allclose(call(y), 0)


def test_forward_derivatives():
    op = OpFromGraph([X, Y], [X ** 2 * Y])
    np.testing.assert_allclose(call(T.Rop(op(A, B), [A, B], [B, A])), 2 * A0 * B0 * B0 + A0 ** 3)


def test_wrong_arguments():
    with pytest.raises(TypeError, match="list"):
        OpFromGraph([X], X)
    with pytest.raises(TypeError, match="variables"):
        OpFromGraph([X], [1.0])
    with pytest.raises(TypeError, match="updates"):
        OpFromGraph([X], [X + 1], updates={})
    with pytest.raises(ValueError, match="no input"):
        OpFromGraph([X], [X + Y])
    with pytest.raises(ValueError, match="not both"):
        OpFromGraph([X], [X + 1], grad_overrides=abs, lop_overrides=abs)
    op = OpFromGraph([X], [X + 1])
    with pytest.raises(TypeError, match="expected an input"):
        op(T.dmatrix())
    with pytest.raises(ValueError, match="expected 1 inputs"):
        op(X, X)


# ----- overrides -----

def by_hand(inputs, gs):
    x, y = inputs
    return [gs[0] * y * 2, gs[0] * x * 1.5]


G = T.dvector("g")


@pytest.mark.parametrize("override", [
    by_hand, OpFromGraph([X, Y, G], by_hand([X, Y], [G])),
    [lambda inputs, gs: by_hand(inputs, gs)[0], lambda inputs, gs: by_hand(inputs, gs)[1]]])
def test_gradients_are_overridden(override):
    op = OpFromGraph([X, Y], [X * Y], grad_overrides=override)
    got = call(T.grad(op(A, B).sum(), [A, B]))
    np.testing.assert_allclose(got, [B0 * 2, A0 * 1.5])


def test_some_gradients_are_overridden():
    op = OpFromGraph([X, Y, Z], [X * Y + Z], grad_overrides=[
        lambda inputs, gs: gs[0] * 7, "default", "default"])
    got = call(T.grad(op(A, B, A).sum(), [A, B]))
    np.testing.assert_allclose(got, [8 * np.ones(2), A0])


@pytest.mark.parametrize("override", [
    lambda inputs, outputs, gs: [2 * outputs[0] * gs[0]],
    OpFromGraph([X, Y, Z], [2 * Y * Z])])
def test_gradients_by_the_outputs(override):
    op = OpFromGraph([X], [T.exp(X)], lop_overrides=override)
    np.testing.assert_allclose(call(T.grad(op(A).sum(), A)), 2 * np.exp(A0))


def test_gradients_that_do_not_exist():
    op = OpFromGraph([X, Y, Z], [X * Y + Z], grad_overrides=[
        "default", NullType("by hand")(), DisconnectedType()()])
    assert op.connection_pattern(None) == [[True], [True], [False]]
    y = op(A, B, X)
    np.testing.assert_allclose(call(T.grad(y.sum(), A)), B0)
    with pytest.raises(NullTypeGradError, match="by hand"):
        T.grad(y.sum(), B)
    with pytest.raises(ct.DisconnectedInputError):
        T.grad(y.sum(), X)


@pytest.mark.parametrize("override", [
    lambda inputs, points: [inputs[0] * points[1] * 10], "list", "op"])
def test_forward_derivatives_are_overridden(override):
    if override == "list":
        override = [lambda inputs, points: inputs[0] * points[1] * 10]
    elif override == "op":
        u, v = T.dvectors("u", "v")
        override = OpFromGraph([X, Y, u, v], [X * v * 10])
    op = OpFromGraph([X, Y], [X * Y], rop_overrides=override)
    np.testing.assert_allclose(call(T.Rop(op(A, B), [A, B], [B, A])), A0 * A0 * 10)


@pytest.mark.parametrize("override, error", [
    (3, TypeError), (lambda inputs, gs: gs[0], TypeError), (lambda inputs, gs: [], ValueError),
    ([X, "default"], ValueError)])
def test_wrong_overrides(override, error):
    op = OpFromGraph([X, Y], [X * Y], grad_overrides=override)
    with pytest.raises(error):
        T.grad(op(A, B).sum(), A)


def test_connection_patterns():
    op = OpFromGraph([X, Y, Z], [X * Y, Y * Z, T.zeros_like(X)])
    assert op.connection_pattern(None) == [
        [True, False, False], [True, True, False], [False, True, False]]


def test_an_input_that_nothing_needs():
    op = OpFromGraph([X, Y], [Y + T.round(Y)], connection_pattern=[[True], [False]],
                     grad_overrides=lambda inputs, gs: [gs[0], DisconnectedType()()],
                     on_unused_input="ignore")
    np.testing.assert_allclose(call(T.grad(op(A, B).sum(), A)), [1, 1])


def test_inside_a_loop_and_a_branch():
    op = OpFromGraph([X, Y], [X * Y + 1])
    out, _ = ct.scan(lambda y: op(y, A), outputs_info=B, n_steps=2)
    f = ct.function([A, B], ct.ifelse(A.sum() > 0, out[-1], A))
    np.testing.assert_allclose(f(A0, B0), (B0 * A0 + 1) * A0 + 1)


def test_pickles():
    op = OpFromGraph([X, Y], [X * Y])
    f = pickle.loads(pickle.dumps(ct.function([A, B], op(A, B))))
    np.testing.assert_allclose(f(A0, B0), A0 * B0)
    y = pickle.loads(pickle.dumps(op(A, B)))
    assert isinstance(y.owner.op, OpFromGraph)
