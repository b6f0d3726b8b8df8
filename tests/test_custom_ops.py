"""Ops and types that users write as classes, in Theano's protocol."""
import pickle
import sys

import numpy as np
import pytest

import cytensor as ct
import cytensor.tensor as T
from cytensor._core import Apply, TensorType, Type
from cytensor.autodiff.absent import DisconnectedType, NullTypeGradError, grad_undefined
from cytensor.ops.custom import CustomOp, ShapeError, as_op
from cytensor.ops.objects import generic

X, Y = T.dvectors("x", "y")
M = T.dmatrix("m")


class Scale(CustomOp):
    """A multiple of a vector, with every derivative."""

    __props__ = ("factor",)
    calls = 0

    def __init__(self, factor):
        self.factor = factor

    def make_node(self, x):
        x = T.as_tensor_variable(x)
        return Apply(self, [x], [x.type()])

    def perform(self, node, inputs, output_storage):
        type(self).calls += 1
        output_storage[0][0] = inputs[0] * self.factor

    def infer_shape(self, node, input_shapes):
        return input_shapes

    def grad(self, inputs, output_gradients):
        return [self(output_gradients[0])]

    def R_op(self, inputs, eval_points):
        return self.grad(inputs, eval_points)


class Plain(CustomOp):
    """An op with the least that an op needs."""

    itypes, otypes = [T.dvector], [T.dvector]

    def perform(self, node, inputs, output_storage):
        output_storage[0][0] = inputs[0][inputs[0] > 0]


class DivMod(CustomOp):
    """Two results, one of them an integer; the second input is disconnected from the first."""

    __props__ = ()

    def make_node(self, x, y):
        return Apply(self, [x, y], [x.type(), T.lvector()])

    def perform(self, node, inputs, output_storage):
        output_storage[0][0] = inputs[0] ** 2
        output_storage[1][0] = inputs[1].astype("int64")

    def connection_pattern(self, node):
        return [[True, False], [False, True]]

    def grad(self, inputs, output_gradients):
        g, _ = output_gradients
        return [2 * inputs[0] * g, DisconnectedType()()]


def values(*args):
    return [np.array(a, float) for a in args]


# ----- the graph -----

def test_equality_hash_and_names_come_from_props():
    assert Scale(2) == Scale(2) != Scale(3) and hash(Scale(2)) == hash(Scale(2))
    assert str(Scale(2)) == "Scale{factor=2}" and str(DivMod()) == "DivMod"
    assert Plain() != Plain() and str(Plain()) == "Plain"


def test_a_node_knows_its_op():
    y = Scale(2)(X); line = sys._getframe().f_lineno            # noqa: E702
    node = y.owner
    assert node.op == Scale(2) and node.inputs == (X,) and node.outputs == (y,)
    assert y.type == X.type and node.loc == (__file__, line) and repr(Bag()) == "Bag"
    with pytest.raises(ValueError, match="computed by another node"):
        Apply(Scale(3), [X], [y])
    with pytest.raises(TypeError):
        Apply(Scale(3), [1.0], [X.type()])


def test_results_are_one_or_a_list():
    assert isinstance(Scale(2)(X, return_list=True), list)
    assert len(DivMod()(X, Y)) == 2

    class First(DivMod):
        default_output = 0
    assert First()(X, Y).type == X.type and len(First()(X, Y, return_list=True)) == 1


def test_types_may_be_declared():
    y = Plain()(X)
    assert ct.function([X], y)([1, -2, 3]).tolist() == [1, 3]
    with pytest.raises(TypeError, match="expected inputs of types"):
        Plain()(M)
    with pytest.raises(ValueError, match="expected 1 inputs, got 2"):
        Plain()(X, X)
    with pytest.raises(NotImplementedError, match="make_node"):
        CustomOp()(X)


def test_attributes_may_have_any_name():
    class Sort(CustomOp):
        __props__ = ("kind", "name", "sizes", "nout")

        def __init__(self, kind, name, sizes, nout):
            self.kind, self.name, self.sizes, self.nout = kind, name, sizes, nout

        def make_node(self, x):
            return Apply(self, [x], [x.type()])

        def perform(self, node, inputs, output_storage):
            output_storage[0][0] = np.sort(inputs[0], kind=self.kind)

    op = Sort("stable", "reshape", (1, 2), None)
    assert ct.function([X], op(X) + X)([2, 1]).tolist() == [3, 3]
    assert op.kind == "stable" and op == Sort("stable", "reshape", (1, 2), None)


# ----- running -----

def test_equal_ops_on_equal_inputs_run_once():
    Scale.calls = 0
    f = ct.function([X], Scale(2)(X) + Scale(2)(X) + Scale(3)(X))
    assert f([1, 2]).tolist() == [7, 14] and Scale.calls == 2


@pytest.mark.parametrize("mode", ["fast_run", "fast_compile", "none"])
def test_ops_mix_with_fused_work(mode):
    f = ct.function([X], (Scale(2)(X * 3) + Plain()(X).sum()).sum(), mode=mode)
    assert f([1, -1, 2]) == 2 * 3 * 2 + 3 * 3


def test_the_op_stays_visible_in_the_compiled_graph():
    f = ct.function([X], Scale(2)(X))
    assert isinstance(f.graph[0].owner.op, Scale)


def test_an_op_may_keep_and_change_its_inputs():
    kept = []

    class Vandal(CustomOp):
        def __init__(self):
            self.destroy_map = {0: [0], 1: [1]}

        def make_node(self, x, thing):
            return Apply(self, [x, thing], [x.type(), thing.type()])

        def perform(self, node, inputs, output_storage):
            x, thing = inputs
            x += 1
            thing.append(1)
            kept.append(x)
            output_storage[0][0], output_storage[1][0] = x, thing

    s, w, thing = ct.shared(np.zeros(2)), ct.shared([0]), generic("thing")
    f = ct.function([X], Vandal()(X + s, w))
    given = np.array([1.0, 2.0])
    assert f(given)[0].tolist() == [2, 3] and f(given)[1] == [0, 1]
    assert given.tolist() == [1, 2] and w.get_value() == [0]
    ct.function([X], X * 5)(given)
    assert kept[0].tolist() == [2, 3]
    x, out = ct.function([X, thing], Vandal()(X, thing))(given, [])
    assert out == [1] and x.tolist() == [2, 3] and given.tolist() == [1, 2]


def test_a_view_of_an_input_may_be_the_output():
    class Front(CustomOp):
        itypes, otypes = [T.dvector], [T.dvector]

        def perform(self, node, inputs, output_storage):
            output_storage[0][0] = inputs[0][:2]

    s = ct.shared(np.arange(4.0))
    f = ct.function([], Front()(s), updates={s: s + 1})
    assert f().tolist() == [0, 1] and f().tolist() == [1, 2]


@pytest.mark.parametrize("result, error", [
    (np.zeros((2, 2)), "wrong number of dimensions"), (np.zeros(2, complex), "complex128"),
    ("text", "does not fit"), (None, "left output 0 without a value")])
def test_wrong_results_name_the_op_and_the_line(result, error):
    class Wrong(CustomOp):
        __props__ = ()
        itypes, otypes = [T.dvector], [T.dvector]

        def perform(self, node, inputs, output_storage):
            output_storage[0][0] = result

    f = ct.function([X], Wrong()(X))        # the line of Wrong
    with pytest.raises((TypeError, ValueError), match=error) as caught:
        f([1])
    assert "Wrong" in str(caught.value)
    text = str(caught.value) + "".join(getattr(caught.value, "__notes__", ()))
    assert "the line of Wrong" in text


def test_results_of_a_smaller_dtype_are_cast():
    class Ones(CustomOp):
        itypes, otypes = [T.dvector], [T.dvector, T.dscalar]

        def perform(self, node, inputs, output_storage):
            output_storage[0][0] = np.ones(2, "float32")
            output_storage[1][0] = 1

    a, b = ct.function([X], Ones()(X))([0])
    assert a.dtype == b.dtype == "float64" and b == 1


def test_params():
    class WithParams(Scale):
        def get_params(self, node):
            return self.factor * 10

        def perform(self, node, inputs, output_storage, params):
            output_storage[0][0] = inputs[0] * params

    assert ct.function([X], WithParams(2)(X))([1]) == [20]


def test_a_thunk_of_the_users():
    class Thunk(CustomOp):
        def make_node(self, x):
            return Apply(self, [x], [x.type()])

        def make_thunk(self, node, storage_map, compute_map, no_recycling, impl=None):
            source, target = storage_map[node.inputs[0]], storage_map[node.outputs[0]]

            def thunk():
                target[0] = source[0] + 1
            return thunk

    assert ct.function([X], Thunk()(X) * 2)([1, 2]).tolist() == [4, 6]


def test_an_op_with_nothing_but_c_code():
    class InC(CustomOp):
        itypes, otypes = [T.dvector], [T.dvector]

        def c_code(self, node, name, inputs, outputs, sub):
            return ""

    with pytest.raises(NotImplementedError, match="only C code"):
        ct.function([X], InC()(X))([1])


# ----- sizes -----

class Doubled(Scale):
    """A result of twice the length."""

    def perform(self, node, inputs, output_storage):
        type(self).calls += 1
        output_storage[0][0] = np.repeat(inputs[0], 2)

    def infer_shape(self, node, input_shapes):
        return [(input_shapes[0][0] * 2,)]


def test_sizes_that_are_known_need_no_call():
    Doubled.calls = 0
    y = Doubled(1)(X)
    f = ct.function([X], [y.shape[0] + 1, T.zeros(y.shape)])
    n, zeros = f([1, 2])
    assert n == 5 and zeros.shape == (4,) and Doubled.calls == 0
    assert not any(isinstance(v.owner.op, Doubled) for v in f.graph if v.owner)
    assert ct.function([X], y + T.arange(y.shape[0]))([1, 2]).tolist() == [1, 2, 4, 5]
    assert len(ct.function([X], y * 2).program.segments) == 1


@pytest.mark.parametrize("rule", [
    lambda self, node, shapes: [(node.inputs[0].sum().astype("int64"),)],
    lambda self, node, shapes: [(T.ceil(shapes[0][0] / 1.0).astype("int32"),)],
    lambda self, fgraph, node, shapes: [(shapes[0][0] + 0,)],
    lambda self, node, shapes: [None], None],
    ids=["data", "ceil", "fgraph", "none", "absent"])
def test_sizes_that_are_no_plain_arithmetic(rule):
    class Positive(Plain):
        if rule is not None:
            infer_shape = rule

        def perform(self, node, inputs, output_storage):
            output_storage[0][0] = inputs[0].copy()

    assert ct.function([X], Positive()(X) * 2)([2.0, 0.0]).tolist()[0] == 4


def test_an_infer_shape_that_fails():
    class Broken(Plain):
        def infer_shape(self, node, shapes):
            raise KeyError("here")

    with pytest.warns(UserWarning, match="infer_shape failed"):
        f = ct.function([X], Broken()(X) * 2)
    assert f([2.0, 0.0]).tolist() == [4]


def test_shape_error_means_unknown():
    class Unknown(Plain):
        def infer_shape(self, node, shapes):
            raise ShapeError("no idea")
    assert ct.function([X], Unknown()(X).shape[0])([1, -1]) == 1


def test_a_wrong_infer_shape_is_found():
    class Wrong(Plain):
        def infer_shape(self, node, shapes):
            return shapes
    with pytest.raises(ValueError, match="size rule"):
        ct.function([X], Wrong()(X) + 1)([1, -1])


# ----- gradients -----

def test_gradients_of_any_order():
    cost = (Scale(3)(X ** 3)).sum()
    g = T.grad(cost, X)
    h = T.grad(g.sum(), X)
    f = ct.function([X], [g, h])
    np.testing.assert_allclose(f([1, 2]), [[9, 36], [18, 36]])


def test_forward_derivatives():
    y = Scale(3)(X ** 2)
    f = ct.function([X, Y], T.Rop(y, X, Y))
    np.testing.assert_allclose(f([1, 2], [1, 10]), [6, 120])


def test_forward_derivatives_without_a_rule_of_the_users():
    class Square(CustomOp):
        itypes, otypes = [T.dvector], [T.dvector]

        def perform(self, node, inputs, output_storage):
            output_storage[0][0] = inputs[0] ** 2

        def L_op(self, inputs, outputs, output_gradients):
            assert outputs[0].owner.op is self
            return [2 * inputs[0] * output_gradients[0]]

    f = ct.function([X, Y], T.Rop(Square()(X), X, Y))
    np.testing.assert_allclose(f([1, 2], [1, 10]), [2, 40])


def test_connection_patterns():
    a, _ = DivMod()(X, Y)
    f = ct.function([X, Y], T.grad(a.sum(), X), on_unused_input="ignore")
    assert f([1, 2], [3, 4]).tolist() == [2, 4]
    with pytest.raises(ct.DisconnectedInputError):
        T.grad(a.sum(), Y)


def grad_of(rule, **attributes):
    class Op(Plain):
        grad = rule
    for name, value in attributes.items():
        setattr(Op, name, value)
    return lambda: T.grad(Op()(X).sum(), X)


@pytest.mark.parametrize("rule, error", [
    (lambda self, inputs, gs: None, TypeError), (lambda self, inputs, gs: [None], TypeError),
    (lambda self, inputs, gs: [1.0], TypeError), (lambda self, inputs, gs: [], ValueError),
    (lambda self, inputs, gs: [T.arange(3)], TypeError),
    (lambda self, inputs, gs: [grad_undefined(self, 0, inputs[0], "no")], NullTypeGradError),
    (lambda self, inputs, gs: [inputs[0].dimshuffle(0, "x")], ValueError)])
def test_wrong_gradients_are_errors(rule, error):
    with pytest.raises(error):
        grad_of(rule)()


def test_an_op_without_gradient():
    with pytest.raises(NullTypeGradError, match="no method grad"):
        T.grad(Plain()(X).sum(), X)


def test_a_disconnected_gradient_wants_a_pattern():
    rule = lambda self, inputs, gs: [DisconnectedType()()]      # noqa: E731
    with pytest.warns(UserWarning, match="connection_pattern"), pytest.raises(ValueError):
        grad_of(rule)()
    with pytest.raises(TypeError, match="does not allow"):
        grad_of(rule, connection_pattern=lambda self, node: [[True]])()


# ----- objects -----

class Bag(Type):
    """The type of sets."""

    __props__ = ()

    def filter(self, value, strict=False, allow_downcast=None):
        if not isinstance(value, set):
            raise TypeError(f"{value!r} is no set")
        return value


class Union(CustomOp):
    __props__ = ()

    def make_node(self, a, b):
        return Apply(self, [a, b], [Bag()()])

    def perform(self, node, inputs, output_storage):
        output_storage[0][0] = inputs[0] | inputs[1]


def test_ops_on_types_of_the_users():
    a, b = Bag()("a"), Bag()("b")
    s = ct.shared({0})
    f = ct.function([a, b], Union()(a, b))
    assert f({1}, {2}) == {1, 2}
    with pytest.raises(TypeError, match="is no set"):
        f([1], {2})
    state = ct.SharedVariable("state", Bag(), {0})
    g = ct.function([a], Union()(a, state), updates={state: Union()(a, state)})
    assert g({1}) == {0, 1} and g({2}) == {0, 1, 2} and s.type == generic


# ----- functions as ops -----

@as_op(itypes=[T.dmatrix, T.dmatrix], otypes=[T.dmatrix])
def numpy_dot(a, b):
    """Multiply matrices with NumPy."""
    return np.dot(a, b)


@as_op([T.dvector], [T.dvector, T.dscalar], infer_shape=lambda node, shapes: [shapes[0], ()])
def twice_and_sum(x):
    """Two results."""
    return 2 * x, x.sum()


def test_functions_as_ops():
    f = ct.function([M], numpy_dot(M, M.T) + 1)
    a = np.arange(6.0).reshape(2, 3)
    np.testing.assert_allclose(f(a), a @ a.T + 1)
    double, total = ct.function([X], twice_and_sum(X))([1, 2])
    assert double.tolist() == [2, 4] and total == 3


def test_functions_as_ops_check_their_types():
    with pytest.raises(TypeError, match="itypes"):
        as_op([int], [T.dvector])
    with pytest.raises(TypeError, match="infer_shape"):
        as_op([T.dvector], [T.dvector], infer_shape=3)
    with pytest.raises(TypeError, match="expected inputs of types"):
        numpy_dot(X, X)


def test_what_users_write_can_be_pickled():
    f = pickle.loads(pickle.dumps(ct.function([X], Scale(2)(X))))
    assert f([1, 2]).tolist() == [2, 4]
    y = pickle.loads(pickle.dumps(numpy_dot(M, M)))
    assert y.owner.op is numpy_dot
    assert pickle.loads(pickle.dumps(Bag()("a"))).type == Bag()


def test_the_type_of_an_input_says_nothing_of_other_sizes():
    class First(CustomOp):
        def make_node(self, x):
            return Apply(self, [x], [x.type()])

        def perform(self, node, inputs, output_storage):
            output_storage[0][0] = inputs[0][:1]

    y = First()(T.constant([[1.0], [2.0]]))
    assert y.type.shape == (None, 1) and ct.function([], y)().tolist() == [[1]]


def test_static_sizes_may_become_known_later():
    y = Plain()(X)
    f = ct.function([], y, givens={X: T.constant([1.0, -1.0])})
    assert f().tolist() == [1] and y.type == TensorType("float64", (None,))
