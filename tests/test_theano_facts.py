"""What Theano 1.0 does, line by line: types, values, errors and texts under its names."""
import copy
import pickle
from pathlib import Path

import numpy as np
import pytest


@pytest.fixture(scope="module")
def T(theano):
    """``theano.tensor``."""
    return theano.tensor


def ones(shape, dtype="float64"):
    return np.ones(shape, dtype)


# ----- broadcasting and types -----

def test_only_known_ones_broadcast(theano, T):
    x, y = T.vectors("x", "y")
    with pytest.raises(ValueError):
        theano.function([x, y], x + y)(ones(1), ones(3))


@pytest.mark.parametrize("make, pattern", [
    (lambda t, T: t.shared(ones((1, 3))), (False, False)),
    (lambda t, T: T.constant(ones((1, 3))), (True, False)),
    (lambda t, T: T.as_tensor_variable([[1, 2]]), (True, False)),
    (lambda t, T: T.zeros((1, 3)), (True, False)),
    (lambda t, T: T.alloc(0, 1, T.lscalar()), (True, False)),
    (lambda t, T: T.vector().reshape((1, -1)), (True, False)),
    (lambda t, T: T.matrix().sum(axis=0, keepdims=True), (True, False))],
    ids=["shared", "constant", "list", "zeros", "alloc", "reshape", "keepdims"])
def test_what_is_known_to_be_one(theano, T, make, pattern):
    assert make(theano, T).broadcastable == pattern


def test_a_row_has_one_row(theano, T):
    x = T.row("x")
    with pytest.raises(TypeError):
        theano.function([x], x + 1)(ones((2, 3)))


def test_a_shared_list_is_generic(theano):
    assert isinstance(theano.shared([1, 2]).type, theano.gof.Generic)


def test_dropping_a_dimension(theano, T):
    with pytest.raises(ValueError, match="You cannot drop a non-broadcastable dimension"):
        T.DimShuffle((False, False), (0,))(T.matrix())


# ----- dtypes -----

NAMES = {"b": "int8", "w": "int16", "i": "int32", "l": "int64", "u": "uint8", "e": "float16",
         "f": "float32", "d": "float64", "?": "bool"}


@pytest.mark.parametrize("operation, inputs, want", [
    ("i + f", "if", "d"), ("b + f", "bf", "f"), ("w * f", "wf", "f"), ("f + 1.5", "f", "f"),
    ("f + np.float64(1.5)", "f", "d"), ("b + 1", "b", "b"), ("b + 200", "b", "w"),
    ("b + 1.5", "b", "f"), ("i + 1.5", "i", "d"), ("b / b", "b", "d"), ("l / l", "l", "d"),
    ("i // i", "i", "i"), ("i // f", "if", "d"), ("i ** i", "i", "i"), ("b ** 2", "b", "b"),
    ("T.exp(b)", "b", "f"), ("T.exp(i)", "i", "d"), ("T.sqrt(l)", "l", "d"),
    ("b.sum()", "b", "l"), ("u.sum()", "u", "uint64"), ("B.sum()", "?", "l"),
    ("f.sum()", "f", "f"), ("b.prod()", "b", "l"), ("b.mean()", "b", "d"), ("f.mean()", "f", "f"),
    ("e.mean()", "e", "e"), ("b.max()", "b", "b"), ("T.argmax(f)", "f", "l"),
    ("T.cumsum(b)", "b", "b"), ("T.eq(b, b)", "b", "?"), ("T.isnan(f)", "f", "?"),
    ("B + B", "?", "?"), ("~B", "?", "?"), ("T.dot(b, f)", "bf", "f"), ("T.arange(l[0])", "l", "l"),
    ("T.arange(f[0])", "f", "f"), ("T.arange(3)", "b", "l")])
def test_dtypes(T, operation, inputs, want):
    names = {name.replace("?", "B"): T.vector(dtype=NAMES[name]) for name in inputs}
    assert eval(operation, {"T": T, "np": np}, names).dtype == NAMES.get(want, want)


def test_a_softmax_of_a_vector_is_a_row(T):
    assert T.nnet.softmax(T.vector()).broadcastable == (True, False)


@pytest.mark.parametrize("operation, want", [("-7 // x", -4), ("-7 % x", 1), ("x // x", 1)])
def test_integer_division(theano, T, operation, want):
    x = T.iscalar("x")
    assert theano.function([x], eval(operation, {}, {"x": x}))(2) == want


@pytest.mark.parametrize("operation", [
    "B - B", "f & f", "f | f", "~f", "T.cast(c, 'float32')"])
def test_what_has_no_meaning(T, operation):
    names = {"B": T.vector(dtype="bool"), "f": T.fvector(), "c": T.cvector()}
    with pytest.raises(TypeError):
        eval(operation, {"T": T}, names)


def test_casts_and_rounding(theano, T):
    x = T.dvector("x")
    f = theano.function([x], [T.cast(x, "int8"), T.round(x),
                              T.round(x, mode="half_away_from_zero")])
    whole, even, away = f([0.5, 1.5, -2.5, 300.0])
    assert whole.tolist() == [0, 1, -2, 44]
    assert even.tolist() == [0, 2, -2, 300]
    assert away.tolist() == [1, 2, -3, 300]


@pytest.mark.parametrize("draw, want", [
    ("binomial", "int64"), ("permutation", "int64"), ("normal", "float64")])
def test_dtypes_of_draws(theano, draw, want):
    streams = theano.tensor.shared_randomstreams.RandomStreams(1)
    assert getattr(streams, draw)(size=(3,)).dtype == want


ARRAYS = {
    "x": ("float64", "-"), "y": ("float64", "-"), "m": ("float64", "--"), "n": ("float64", "--"),
    "sq": ("float64", "--"), "q": ("float64", "---"), "t4": ("float64", "----"),
    "row": ("float64", "1-"), "col": ("float64", "-1"), "s": ("float64", ""),
    "f": ("float32", "-"), "g": ("float32", "--"), "e": ("float16", "-"), "z": ("complex128", "-"),
    "i": ("int32", "-"), "l": ("int64", "-"), "w": ("int16", "-"), "b": ("int8", "-"),
    "u": ("uint8", "-"), "B": ("bool", "-"), "k": ("int64", ""), "j": ("int32", "")}


def observed():
    """Yield what the real Theano made of an expression: (dtype, pattern, expression)."""
    for line in (Path(__file__).parent / "theano_types.txt").read_text().splitlines():
        if line and not line.startswith("#"):
            yield line.split(maxsplit=2)


@pytest.mark.parametrize("dtype, pattern, expression", [*observed()])
def test_types_of_expressions(theano, T, dtype, pattern, expression):
    names = {name: T.TensorType(kind, [c == "1" for c in ones])(name)
             for name, (kind, ones) in ARRAYS.items()}
    names.update(T=T, theano=theano, np=np)
    found = eval(expression, names)
    ones = "".join(["1" if one else "-" for one in found.broadcastable]) or "."
    assert (found.dtype, ones) == (dtype, pattern)


@pytest.mark.parametrize("mode", ["FAST_RUN", "FAST_COMPILE"])
def test_a_size_that_is_said_to_be_one_broadcasts(theano, T, mode):
    m, n = T.matrices("m", "n")
    one = T.addbroadcast(n, 0)
    f = theano.function([m, n], [one + m, T.exp(one).T * m.T], mode=mode)
    assert [out.shape for out in f(ones((3, 4)), ones((1, 4)))] == [(3, 4), (4, 3)]


# ----- nothing -----

@pytest.mark.parametrize("name, want", [("sum", 0), ("prod", 1), ("mean", np.nan)])
def test_reductions_of_nothing(theano, T, name, want):
    x = T.vector("x")
    np.testing.assert_equal(theano.function([x], getattr(x, name)())([]), want)


@pytest.mark.parametrize("name", ["max", "argmax"])
def test_nothing_has_no_largest_element(theano, T, name):
    x = T.vector("x")
    with pytest.raises(ValueError):
        theano.function([x], getattr(x, name)())([])


# ----- gradients -----

@pytest.mark.parametrize("expression, at, want", [
    ("T.max(x)", [2.0, 2.0, 1.0], [1, 1, 0]),
    ("abs(x).sum()", [0.0, -1.0], [0, -1]),
    ("T.nnet.relu(x).sum()", [0.0, 1.0, -1.0], [0.5, 1, 0]),
    ("T.maximum(x, x).sum()", [1.0, 2.0], [1, 1]),
    ("T.prod(x)", [0.0, 2.0, 3.0], [6, 0, 0]),
    ("T.clip(x, 0, 1).sum()", [0.0, 1.0, 2.0], [1, 1, 0]),
    ("T.sgn(x).sum()", [1.0], [0]),
    ("T.floor(x).sum()", [1.5], [0]),
    ("T.switch(x, 1.0, 2.0).sum()", [1.5], [0])])
def test_conventions_of_gradients(theano, T, expression, at, want):
    x = T.vector("x")
    cost = eval(expression, {"T": T}, {"x": x})
    f = theano.function([x], T.grad(cost, x), on_unused_input="ignore")
    assert f(at).tolist() == want


def test_the_gradient_of_argmax_is_zero(theano, T):
    x = T.vector("x")
    g = T.grad(T.argmax(x).astype("float64") + x.sum(), x)
    assert theano.function([x], g)([1.0, 2.0]).tolist() == [1, 1]


def test_a_gradient_by_integers_is_float64(T):
    x = T.ivector("x")
    assert T.grad((x * 1.5).sum(), x).dtype == "float64"


def test_known_gradients_keep_the_cost_dtype(T):
    x = T.dvector("x")
    y = x ** 2
    assert T.grad(None, x, known_grads={y: T.fvector()}).dtype == "float64"


def test_wrong_gradients(theano, T):
    x, y = T.vectors("x", "y")
    with pytest.raises(TypeError):
        T.grad(x, x)
    with pytest.raises(theano.gradient.DisconnectedInputError):
        T.grad(x.sum(), y)


@pytest.mark.parametrize("make", [
    lambda T, x: T.grad(3 * x, x), lambda T, x: T.zeros_like(x), lambda T, x: T.ones_like(x)])
def test_what_does_not_depend_on_a_value_uses_it(theano, T, make):
    x = T.dscalar("x")
    assert theano.function([x], make(T, x))(2.0).shape == ()


def test_second_derivatives_of_what_is_linear(theano, T):
    x = T.dscalar("x")
    assert theano.function([x], T.grad(T.grad(3 * x, x), x))(2.0) == 0
    assert theano.function([x], T.grad(T.grad(x * x, x), x))(2.0) == 2


def test_a_known_gradient_of_an_integer_is_the_gradient(theano, T):
    n, g = T.iscalar(), T.dscalar()
    known = theano.gradient.grad(None, n, known_grads={n: g})
    assert theano.function([g], known)(0.5) == 0.5


def test_a_known_gradient_may_be_a_number(theano, T):
    x = T.dvector("x")
    y = x ** 2
    g = T.grad(None, x, known_grads={y: T.constant(10.0)})
    assert theano.function([x], g)([1.0, 2.0]).tolist() == [20, 40]


def test_a_gradient_of_zero_needs_its_variable_alone(theano, T):
    x, y = T.dscalars("xy")
    assert T.grad(x > y, y).eval({y: 1.0}) == 0
    far = theano.gradient.jacobian(1 + T.stack([x]), y, disconnected_inputs="ignore")
    assert theano.function([y], far)(1.0).tolist() == [0]


def test_directions_of_a_tuple(T):
    x, v = T.dvectors("x", "v")
    assert isinstance(T.Rop((x, 2 * x), x, v), tuple)
    assert isinstance(T.Rop([x, 2 * x], x, v), list)
    with pytest.raises(ValueError):
        T.Rop(0.0, [T.matrix()], [T.vector()])


# ----- functions -----

@pytest.mark.parametrize("kind, value", [
    ("fvector", np.ones(2)), ("fscalar", 1.1), ("ivector", np.ones(2, "int64")),
    ("ivector", [1.5]), ("ivector", np.ones(2, "float32")), ("vector", ones((2, 2)))])
def test_what_an_argument_refuses(theano, T, kind, value):
    x = getattr(T, kind)("x")
    with pytest.raises(TypeError, match=r"Bad input argument to theano function .*at index 0 "
                                        r"\(0-based\)"):
        theano.function([x], x * 2, name="double")(value)


def test_a_list_is_taken(theano, T):
    x = T.fvector("x")
    assert theano.function([x], x * 2)([1, 2.5]).tolist() == [2, 5]


@pytest.mark.parametrize("args, kwargs, message", [
    ((1, 2), {}, "Too many parameter passed to theano function"),
    ((), {}, "Missing required input: x"),
    ((1,), {"y": 2}, "Unknown input or state: y")])
def test_wrong_arguments(theano, T, args, kwargs, message):
    x = T.scalar("x")
    with pytest.raises(TypeError, match=message):
        theano.function([x], x)(*args, **kwargs)


def test_wrong_inputs(theano, T):
    x, y = T.scalars("x", "y")
    w = theano.shared(1.0)
    errors = theano.compile.function_module
    with pytest.raises(errors.UnusedInputError):
        theano.function([x, y], x)
    with pytest.raises(errors.UnusedInputError):
        theano.function([x, x], x)
    with pytest.raises(theano.gof.fg.MissingInputError):
        theano.function([x], x + y)
    with pytest.raises(TypeError):
        theano.function([w], w)


def test_kinds_of_outputs(theano, T):
    x = T.scalar("x")
    assert theano.function([x], [x, x + 1])(1) == [1, 2]
    assert theano.function([x], {"a": x})(1) == {"a": 1}
    assert theano.function([x], [], on_unused_input="ignore")(1) == []


def test_wrong_updates(theano, T):
    w = theano.shared(np.float32(1))
    with pytest.raises(TypeError, match="An update must have the same type as the original "
                                        "shared variable"):
        theano.function([], [], updates=[(w, T.dscalar())])
    with pytest.raises(ValueError):
        theano.function([], [], updates=[(w, w + 1), (w, w + 2)])


@pytest.mark.parametrize("value", [np.float64(1), np.ones(2, "float32")])
def test_wrong_values_of_shared_variables(theano, value):
    with pytest.raises(TypeError):
        theano.shared(np.float32(1)).set_value(value)


def test_defaults_of_arguments(theano, T):
    x = T.dscalar("x")
    assert theano.function([theano.Param(x, default=2.0)], x)() == 2
    assert theano.function([theano.In(x, value=2.0, name="p")], x)(p=3) == 3
    assert theano.function([(x, 4.0)], x)() == 4


def test_default_updates(theano):
    w = theano.shared(0)
    w.default_update = w + 1
    f = theano.function([], w)
    g = theano.function([], w, no_default_updates=True)
    assert [int(f()), int(f()), int(g()), int(g())] == [0, 1, 2, 2]


def test_a_copy_with_another_shared_variable(theano):
    a, b = theano.shared(1.0), theano.shared(10.0)
    f = theano.function([], a + 1)
    assert f.copy(swap={a: b})() == [11]


def test_borrowed_values_are_shared(theano):
    value = np.zeros(3)
    borrowing, copying = theano.shared(value, borrow=True), theano.shared(value)
    value += 1
    assert borrowing.get_value().tolist() == [1, 1, 1]
    assert copying.get_value().tolist() == [0, 0, 0]


def test_test_values_raise_while_the_graph_is_built(theano, T):
    x, y = T.vectors("x", "y")
    x.tag.test_value, y.tag.test_value = ones(2), ones(3)
    with theano.change_flags(compute_test_value="raise"), pytest.raises(ValueError):
        x + y


def test_copies_return_lists(theano, T):
    n, state, other = T.iscalar("n"), theano.shared(0), theano.shared(0)
    f = theano.function([n], state, updates=[(state, state + n)])
    assert f(10) == 0
    assert f.copy(swap={state: other})(100) == [0] and other.get_value() == 100
    assert f.copy(delete_updates=True)(9000) == [10] and state.get_value() == 10
    assert theano.function([n], {"n": n}).copy()(3) == {"n": 3}


def _sharing_functions(theano, T):
    x, s = T.dscalars("x", "s")
    inc = theano.function([x, theano.In(s, update=s + x, value=10.0)], s, name="inc")
    dec = theano.function([x, theano.In(s, update=s - x, value=inc.container[s])], s)
    return inc, dec, s


def test_functions_share_state(theano, T):
    inc, dec, s = _sharing_functions(theano, T)
    inc[s] = 2
    dec(1)
    assert inc[s] == inc.value[s] == 1
    assert s in inc.container and 1 in inc.container and "other" not in inc.container


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))],
                         ids=["deepcopy", "pickle"])
def test_copies_share_state_among_themselves(theano, T, copied):
    inc, dec, _ = _sharing_functions(theano, T)
    inc.trust_input = True
    inc2, dec2 = copied([inc, dec])
    inc2(np.asarray(5.0))
    dec2(1)
    assert (inc["s"], inc2["s"], dec2["s"]) == (10, 14, 14)
    assert inc2.trust_input and inc2.name == "inc"


def test_a_shallow_copy_has_its_own_state(theano, T):
    inc, _, s = _sharing_functions(theano, T)
    other = copy.copy(inc)
    other(5)
    assert (inc[s], other[s]) == (10, 15)


def test_a_given_of_another_rank(theano, T):
    w, x, y = T.imatrix("w"), T.ivector("x"), T.ivector("y")
    with pytest.raises(TypeError):
        theano.function([w, y], x * y, givens=[(x, w)])
    f = theano.function([w, y], x * y, givens=[(x, w)], rebuild_strict=False)
    assert f(ones((2, 3), "int32"), np.arange(3, dtype="int32")).shape == (2, 3)


def test_strict_shared_variables(theano, T):
    w = theano.shared(7.25, strict=True)
    assert w.type == T.dscalar
    w.set_value(np.asarray(2.0))
    for value in (8, np.float32(2), np.ones(1)):
        with pytest.raises(TypeError):
            w.set_value(value)


def test_a_name_is_a_string(theano, T):
    with pytest.raises(TypeError):
        theano.In(T.scalar(), name=[])


# ----- neural networks -----

@pytest.mark.parametrize("label", [-1, 5])
def test_labels_of_cross_entropy_are_checked(theano, T, label):
    x, b, y = T.matrix(), T.vector(), T.lvector()
    loss, *_ = T.nnet.crossentropy_softmax_argmax_1hot_with_bias(x, b, y)
    f = theano.function([x, b, y], loss)
    np.testing.assert_allclose(f(ones((2, 5)), ones(5), [0, 4]), np.log([5, 5]))
    with pytest.raises(ValueError, match="y_i value out of bounds"):
        f(ones((2, 5)), ones(5), [0, label])


def test_ops_of_nnet_by_class(theano, T):
    nnet = theano.tensor.nnet.nnet
    p, y, g = T.matrix(), T.lvector(), T.vector()
    loss = nnet.CrossentropyCategorical1Hot()(p, y)
    f = theano.function([p, y, g], [
        T.grad((loss * g).sum(), p), nnet.CrossentropyCategorical1HotGrad()(g, p, y)])
    want, got = f(np.array([[0.25, 0.75], [0.5, 0.5]]), [1, 0], [1.0, 2.0])
    np.testing.assert_allclose(got, want)
    row = nnet.Prepend_scalar_constant_to_each_row(4.0)(p)
    assert theano.function([p], row)(ones((1, 2))).tolist() == [[4, 1, 1]]


# ----- indexing -----

@pytest.mark.parametrize("index, error, message", [
    ((0, 0, 0), IndexError, "too many indices for array"),
    (1.5, TypeError, "index must be integers or a boolean mask"),
    (True, TypeError, "bool")])
def test_wrong_indices(T, index, error, message):
    with pytest.raises(error, match=message):
        T.matrix()[index]


@pytest.mark.parametrize("index", [np.array([True, False]), 5])
def test_indices_out_of_bounds(theano, T, index):
    x = T.vector("x")
    with pytest.raises(IndexError):
        theano.function([x], x[index])(ones(3))


def test_writing_to_parts(theano, T):
    x = T.vector("x")
    f = theano.function([x], T.inc_subtensor(x[[0, 0]], 1))
    assert f([0, 0]).tolist() == [2, 0]
    assert T.set_subtensor(T.fvector()[0], np.float32(1)).dtype == "float32"
    with pytest.raises(TypeError):
        T.set_subtensor(x, 1)


def test_what_is_written_is_cast(theano, T):
    x, y = T.ivector("x"), T.dscalar("y")
    f = theano.function([x, y], [T.set_subtensor(x[0], y), T.inc_subtensor(x[[1]], 1.7)])
    assert [out.tolist() for out in f([1, 2], 3.9)] == [[3, 2], [1, 3]]
    assert f([1, 2], 3.9)[0].dtype == "int32"


@pytest.mark.parametrize("function", [len, iter, lambda x: bool(x > 0), float])
def test_what_a_symbol_cannot_do(T, function):
    with pytest.raises(TypeError):
        function(T.vector())


def test_sums_and_products_of_one_or_many(theano, T):
    x, y, z = T.fvector("x"), T.bvector("y"), T.dscalar("z")
    outputs = [T.add(x), T.mul(y), T.add(x, y, 2), T.mul(x, y, z, 0.5)]
    assert [out.dtype for out in outputs] == ["float32", "int8", "float32", "float64"]
    values = theano.function([x, y, z], outputs)([1.0, 2.0], [3, 4], 10)
    assert [v.tolist() for v in values] == [[1, 2], [3, 4], [6, 8], [15, 40]]


def test_a_variable_is_true(T):
    assert bool(T.vector())
    assert (T.vector() or None) is not None


def test_equality_is_identity(theano, T):
    x, y = T.vectors("x", "y")
    assert x == x
    assert x != y
    assert theano.function([x, y], T.eq(x, y))([1, 2], [1, 3]).tolist() == [True, False]


def test_reshape_needs_to_know_the_rank(T):
    with pytest.raises(ValueError):
        T.vector().reshape(T.ivector())
    assert T.vector().reshape(T.ivector(), ndim=2).ndim == 2


# ----- joins and products -----

def test_joins(T):
    with pytest.raises(TypeError):
        T.join(0, T.scalar(), T.scalar())
    with pytest.raises(TypeError):
        T.join(0, T.vector(), T.matrix())
    assert T.join(0, T.fvector(), T.ivector()).dtype == "float64"


def test_a_product_of_wrong_shapes(theano, T):
    x, y = T.matrices("x", "y")
    with pytest.raises(ValueError, match="Shape mismatch"):
        theano.function([x, y], T.dot(x, y))(ones((2, 3)), ones((2, 3)))


# ----- loops -----

def test_a_state_keeps_its_dtype(theano, T):
    with pytest.raises(ValueError):
        theano.scan(lambda s: s * 1.5, outputs_info=T.lscalar(), n_steps=2)


def test_sequences_end_together(theano, T):
    x, y = T.vectors("x", "y")
    out, _ = theano.scan(lambda a, b: a + b, sequences=[x, y])
    f = theano.function([x, y], out)
    assert f([1, 2, 3], [1, 2]).tolist() == [2, 4]
    assert f([], [1]).tolist() == []


def test_what_no_step_reads_is_an_input_all_the_same(theano, T):
    x, y, n = T.dvector("x"), T.dvector("y"), T.lscalar("n")
    out, _ = theano.scan(lambda a, b, m: 2 * a, sequences=x, non_sequences=[y, n])
    assert theano.function([x, y, n], out)([1, 2], [3], 4).tolist() == [2, 4]
    with pytest.raises(theano.gradient.DisconnectedInputError):
        T.grad(out.sum(), y)


# ----- random numbers -----

def test_numbers_of_numpy(theano):
    streams = theano.tensor.shared_randomstreams.RandomStreams(234)
    f = theano.function([], streams.uniform((2, 2)))
    seed = np.random.RandomState(234).randint(2**30)
    np.testing.assert_array_equal(f(), np.random.RandomState(seed).uniform(size=(2, 2)))


def test_numbers_of_mrg31k3p(theano):
    from theano.sandbox.rng_mrg import MRG_RandomStreams
    numbers = theano.function([], MRG_RandomStreams(1234).uniform((3,)))()
    np.testing.assert_allclose(numbers, [0.37257111, 0.65768584, 0.59250678], atol=5e-9)


# ----- counting -----

def test_bincount_asserts_if_it_is_told_to(theano, T):
    x = T.lvector("x")
    with pytest.raises(AssertionError):
        theano.function([x], T.bincount(x, assert_nonneg=True))([-1, 2])


# ----- texts -----

def test_texts(theano, T):
    n = T.lscalar("n")
    assert theano.printing.pp(n + 1) == "(n + TensorConstant{1})"
    assert str(n + 1) == "Elemwise{add,no_inplace}.0"
    assert str((n + 1).owner.inputs[1]) == "TensorConstant{1}"
    assert str(T.vector().sum()) == "Sum{acc_dtype=float64}.0"
    assert str(T.dmatrix) == "TensorType(float64, matrix)"
    assert str(T.dtensor3) == "TensorType(float64, 3D)"
    assert str(T.TensorType("float32", (True, False, False))) == \
        "TensorType(float32, (True, False, False))"


# ----- what libraries reach for -----

def test_what_libraries_reach_for(theano, T):
    x = T.matrix("x")
    y = T.tanh(x)
    f = theano.function([x], y)
    assert y.owner.inputs[0] is x
    assert y.owner.outputs == (y,) or list(y.owner.outputs) == [y]
    assert isinstance(y.owner.op, T.Elemwise)
    assert theano.compile.get_default_mode()
    assert theano.config.cxx
    assert len(f.maker.fgraph.toposort()) == 1
    assert "int8" in T.discrete_dtypes
    assert T.basic.exp is T.exp
    assert theano._asarray([1], dtype="float32").dtype == "float32"
    assert theano.compile.pfunc([x], y)(ones((1, 1))).shape == (1, 1)
    T.verify_grad(T.tanh, [ones((2, 2))], rng=np.random.RandomState(1))


def test_the_inputs_of_a_node_join_lists(T):
    x, y, z = T.vectors("xyz")
    node = (x + y).owner
    assert [z] + node.inputs == [z, x, y]
    assert node.inputs + [z] == [x, y, z]
    assert node.inputs == [x, y]
    assert node.inputs != [y, x]
    assert node.inputs + node.outputs == (x, y, *node.outputs)
    assert (z,) + node.inputs == (z, x, y)
    joined = [z]
    joined += node.inputs
    assert joined == [z, x, y]
    assert hash(node.inputs) == hash((x, y))


def test_a_type_of_the_type_of_a_variable(T):
    x = T.fvector("x")
    assert type(x.type)(dtype=x.dtype, broadcastable=(True, False)).broadcastable == (True, False)


def test_scalars_by_letters(theano):
    x, y, z = theano.scalar.floats("xyz")
    assert [v.name for v in theano.scalar.ints("a", "b")] == ["a", "b"]
    inside = theano.scalar.basic.InRange(True, False)(x, y, z)
    f = theano.function([x, y, z], inside)
    assert [bool(f(at, 1, 2)) for at in (0, 1, 2)] == [False, False, True]


def test_missing_test_values_are_attribute_errors(theano, T):
    op = theano.gof.op
    with theano.change_flags(compute_test_value="raise"):
        with pytest.raises(AttributeError):
            list(op.get_debug_values(T.vector()))
        with pytest.raises(ValueError):
            op.debug_error_message("wrong")
    assert op.utils.MethodNotDefined is theano.gof.utils.MethodNotDefined


def test_names_in_a_dump(theano, tmp_path):
    from theano.misc.pkl_utils import dump, load
    values = [theano.shared(i, name="foo") for i in range(3)]
    with open(tmp_path / "model.zip", "wb") as file:
        dump((*values, np.array(3)), file)
    stored = np.load(tmp_path / "model.zip")
    assert list(stored) == ["foo", "foo_2", "foo_3", "array_0", "pkl"] and stored["foo_3"] == 2
    with open(tmp_path / "model.zip", "rb") as file:
        *again, number = load(file)
    assert [v.get_value() for v in again] == [0, 1, 2] and number == 3



def test_graphs_as_texts(theano, T):
    x, y = T.scalars("xy")
    z = T.exp(x)
    several = theano.gof.graph.as_string([x, y], [z * z + y, z])
    assert several == ["Elemwise{add,no_inplace}(Elemwise{mul,no_inplace}("
                       "*1 -> Elemwise{exp,no_inplace}(x), *1), y)", "*1"]
    short = theano.gof.graph.as_string([z], [z * z], leaf_formatter=lambda v: "z",
                                       node_formatter=lambda node, texts: "".join(texts))
    assert short == ["zz"]
