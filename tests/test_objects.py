"""Values that are not arrays, and arrays whose sizes only the run tells."""
import pickle
import sys

import numpy as np
import pytest

import cytensor as ct
import cytensor.tensor as T
from cytensor._core import TensorType, Type
from cytensor.ops.objects import NoneConst, generic, none_type_t, python_op

X = T.dvector("x")


class Words(Type):
    """A type of the user's: lists of strings, made from any sequence of them."""

    __props__ = ("longest",)

    def __init__(self, longest=10):
        self.longest = longest

    def filter(self, value, strict=False, allow_downcast=None):
        if strict and not isinstance(value, list):
            raise TypeError("expected a list")
        if not all(isinstance(word, str) and len(word) <= self.longest for word in value):
            raise TypeError(f"expected words, not {value!r}")
        return value if isinstance(value, list) else list(value)


words = Words()
shout = python_op("test_shout", lambda inputs, params: [[w.upper() for w in inputs[0]]],
                  lambda x: x.type)
lengths = python_op("test_lengths", lambda inputs, params: [np.array([len(w) for w in inputs[0]])],
                    lambda x: TensorType("int64", (None,)))
count = python_op("test_count", lambda inputs, params: [np.int64(len(inputs[0]))],
                  lambda x: TensorType("int64", ()))
append = python_op("test_append", lambda inputs, params: [[*inputs[0], *inputs[1]]],
                   lambda x, y: x.type, coerce=lambda inputs, params: inputs)
positive = python_op("test_positive", lambda inputs, params: [inputs[0][inputs[0] > 0]],
                     lambda x: TensorType("float64", (None,)))
split = python_op("test_split", lambda inputs, params: [inputs[0][::2], ["odd"], inputs[0][1::2]],
                  lambda x: (TensorType("float64", (None,)), words, TensorType("float64", (None,))),
                  nout=3)


def failing(inputs, params):
    raise RuntimeError("no")


fail = python_op("test_fail", failing, lambda x: TensorType("float64", ()))


# ----- types -----

def test_types_are_equal_by_their_props():
    assert Words(3) == Words(3) != Words(4) and hash(Words(3)) == hash(Words(3))
    assert generic == type(generic)() and generic != none_type_t


def test_a_type_says_which_values_are_its_own():
    assert words.is_valid_value(["a"]) and not words.is_valid_value(("a",))
    assert words.values_eq(["a"], ["a"]) and not words.values_eq_approx(["a"], ["b"])
    with pytest.raises(TypeError, match="expected words"):
        words.make_constant([1])
    assert words.make_constant(("a",)).data == ["a"]


def test_tensor_types_have_the_same_methods():
    kind = TensorType("float32", (None,))
    assert kind.filter([1, 2]).dtype == "float32" and kind.is_valid_value(np.zeros(2, "float32"))
    assert not kind.is_valid_value(np.zeros(2)) and kind.make_constant([1.5]).data.tolist() == [1.5]
    a, b = np.ones(2, "float32"), np.ones(2, "float32") + np.float32(1e-7)
    assert kind.values_eq(a, a) and not kind.values_eq(a, b) and kind.values_eq_approx(a, b)


def test_types_and_variables_can_be_pickled():
    x = words("x")
    again = pickle.loads(pickle.dumps(shout(x)))
    assert again.type == words and again.owner.inputs[0].name == "x"
    assert pickle.loads(pickle.dumps(NoneConst)).data is None


# ----- arguments, results, constants -----

def test_objects_go_in_and_come_out():
    x = words("x")
    f = ct.function([x], [shout(x), count(x)])
    loud, n = f(["a", "bc"])
    assert loud == ["A", "BC"] and n == 2


def test_arguments_are_filtered():
    x = words("x")
    f = ct.function([x], shout(x))
    assert f(("a", "b")) == ["A", "B"] and f(x=["c"]) == ["C"]
    with pytest.raises(TypeError, match="expected words"):
        f([1])


def test_arrays_are_objects_where_the_type_says_so():
    x = generic("x")
    f = ct.function([x], count(x))
    for value in (np.zeros(3, object), np.zeros(3), [1, 2, 3], "abc"):
        assert f(value) == 3


def test_what_a_call_was_given_is_not_what_it_returns():
    x, given = generic("x"), ["a"]
    f = ct.function([x], [x, x, words.make_constant(["b"])])
    first, second, third = f(given)
    assert first == second == given and third == ["b"]
    assert first is not given and first is not second


def test_the_same_object_twice():
    x = words("x")
    y = shout(x)
    a, b = ct.function([x], [y, y])(["a"])
    assert a == b == ["A"] and a is not b


def test_defaults_and_givens():
    x, y = words("x"), words("y")
    f = ct.function([x, ct.In(y, value=("b",))], append(x, y))
    assert f(["a"]) == ["a", "b"] and f["y"] == ["b"]
    f["y"] = ["c"]
    assert f(["a"]) == ["a", "c"]
    g = ct.function([x], append(x, y), givens={y: shout(x)})
    assert g(["a"]) == ["a", "A"]


def test_objects_are_released():
    class Thing:
        pass
    thing = Thing()
    x = generic("x")
    good = python_op("test_same", lambda inputs, params: [[inputs[0]]], lambda x: generic)(x)
    f, g = ct.function([x], good), ct.function([x], [good, fail(good)])
    before = sys.getrefcount(thing)
    for _ in range(3):
        assert f(thing)[0] is thing
        with pytest.raises(RuntimeError):
            g(thing)
    assert sys.getrefcount(thing) == before


# ----- shared objects -----

def test_a_list_is_shared_as_it_is():
    s = ct.shared([1, 2])
    assert s.type == generic and s.get_value() == [1, 2] and s.get_value() is not s.get_value()
    s.set_value("other")
    assert s.get_value() == "other"


def test_borrowed_values_are_not_copied():
    value = {"a": 1}
    s = ct.shared(value, borrow=True)
    assert s.get_value(borrow=True) is value
    assert ct.shared(value).get_value(borrow=True) is not value


def test_updates_of_objects():
    s = ct.shared(["a"])
    x = generic("x")
    f = ct.function([x], count(s), updates=[(s, append(s, x))])
    assert [int(f(["b"])), int(f(["c"]))] == [1, 2] and s.get_value() == ["a", "b", "c"]


def test_two_shared_objects_change_places():
    a, b = ct.shared(["a"]), ct.shared(["b"])
    ct.function([], [], updates=[(a, b), (b, a)])()
    assert a.get_value() == ["b"] and b.get_value() == ["a"]


def test_a_failed_call_changes_no_object():
    s, w = ct.shared(["a"]), ct.shared(0.0)
    bad = fail(count(s))
    f = ct.function([], bad, updates=[(s, append(s, s)), (w, w + 1)])
    with pytest.raises(RuntimeError):
        f()
    assert s.get_value() == ["a"] and w.get_value() == 0


def test_an_update_of_another_type_is_an_error():
    s = ct.shared(["a"])
    with pytest.raises(TypeError, match="same type"):
        ct.function([], [], updates=[(s, X)])


def test_functions_of_objects_can_be_pickled_and_copied():
    s = ct.shared(["a"])
    f = ct.function([], count(s), updates=[(s, append(s, s))])
    again = pickle.loads(pickle.dumps(f))
    f()
    assert f() == 2 and again() == 1
    other = ct.shared(["x", "y", "z"])
    assert f.copy(swap={s: other})() == 3


def test_a_constructor_of_shared_variables_may_be_added():
    from cytensor.shared import SharedVariable, _constructors, register_shared

    def words_of(value, name=None, strict=False, allow_downcast=None):
        if not isinstance(value, tuple):
            raise TypeError("no words")
        return SharedVariable(name, words, value, strict)

    register_shared(words_of)
    try:
        s = ct.shared(("a", "b"), name="s")
    finally:
        _constructors.remove(words_of)
    assert s.type == words and s.get_value() == ["a", "b"] and ct.shared([1]).type == generic


# ----- sizes that only the run tells -----

VALUE = np.array([1.0, -2.0, 3.0, -4.0, 5.0])


def test_late_sizes_reach_fused_work():
    f = ct.function([X], (positive(X) * 2).sum() + X.sum())
    assert f(VALUE) == 18 + 3 and f(-VALUE) == 12 - 3 and f([]) == 0


@pytest.mark.parametrize("use, expected", [
    (lambda y: y, [1, 3, 5]),
    (lambda y: y[::-1], [5, 3, 1]),
    (lambda y: [y, y, y + 1], [[1, 3, 5], [1, 3, 5], [2, 4, 6]]),
    (lambda y: y.shape[0], 3),
    (lambda y: T.zeros((y.shape[0], 2)).sum() + y[0], 1),
    (lambda y: positive(y - 2), [1, 3]),
    (lambda y: positive(positive(y) - 3), [2]),
    (lambda y: T.concatenate([y, X]), [1, 3, 5, *VALUE]),
    (lambda y: T.dot(y, y), 35),
    (lambda y: y.dimshuffle(0, "x") * T.arange(y.shape[0]), np.outer([1, 3, 5], [0, 1, 2])),
    (lambda y: split(y * 2)[2], [6]),
], ids=range(11))
@pytest.mark.parametrize("mode", ["fast_run", "none"])
def test_late_sizes(use, expected, mode):
    got = ct.function([X], use(positive(X)), mode=mode)(VALUE)
    if isinstance(got, list):
        assert [g.tolist() for g in got] == expected
    else:
        np.testing.assert_array_equal(got, expected)


def test_results_of_several_kinds():
    f = ct.function([X], split(X))
    a, w, b = f(VALUE)
    assert a.tolist() == [1, 3, 5] and w == ["odd"] and b.tolist() == [-2, -4]


def test_late_sizes_that_do_not_fit_are_an_error():
    y = positive(X)
    f = ct.function([X], y + X)
    assert f([1, 2]).tolist() == [2, 4]
    with pytest.raises(ValueError, match="sizes"):
        f(VALUE)


def test_an_update_of_late_size():
    s = ct.shared(VALUE)
    f = ct.function([], s.sum(), updates={s: positive(s - 1)})
    assert [float(f()), float(f()), float(f())] == [3, 6, 4] and s.get_value().tolist() == [2]


def test_results_share_no_memory_with_what_they_are_views_of():
    part = python_op("test_part", lambda inputs, params: [inputs[0][1:]],
                     lambda x: TensorType("float64", (None,)))
    value = VALUE.copy()
    result = ct.function([X], part(X))(value)
    value[:] = 0
    assert result.tolist() == VALUE[1:].tolist() and result.flags.owndata


@pytest.mark.parametrize("result", [np.zeros(2, "float32"), np.zeros((2, 2)), np.zeros(3)])
def test_a_result_of_another_type_is_an_error(result):
    wrong = python_op("test_wrong", lambda inputs, params: [result, 0],
                      lambda x: (TensorType("float64", (None if result.shape == (2,) else 2,)),
                                 generic), nout=2)
    with pytest.raises((TypeError, ValueError), match="perform returned"):
        ct.function([X], wrong(X)[0] + 1)(VALUE)


def test_a_size_rule_for_some_of_the_results():
    op = python_op("test_mixed", lambda inputs, params: [inputs[0] * 2, "ok", inputs[0][:1]],
                   lambda x: (x.type, generic, x.type),
                   lambda S, shapes, inputs: [shapes[0], None, None], nout=3)
    double, text, first = op(X)
    f = ct.function([X], [double + X, text, first + 1])
    a, b, c = f(VALUE)
    assert a.tolist() == (3 * VALUE).tolist() and b == "ok" and c.tolist() == [2]
