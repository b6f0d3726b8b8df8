"""Test values: nodes are computed when they are made, and errors come at the user's line."""
import traceback
import warnings

import numpy as np
import pytest

import cytensor as ct
import cytensor.tensor as T
from cytensor.test_values import get_debug_values, get_test_value, missing_test_message


@pytest.fixture(autouse=True)
def action():
    """Test values are on, and missing ones are errors; a test may choose otherwise."""
    def choose(value):
        ct.config.compute_test_value = value
    choose("raise")
    yield choose
    choose("off")
    ct.config.print_test_value = False


def matrix(*shape, name=None):
    x = T.dmatrix(name)
    x.tag.test_value = np.random.default_rng(0).random(shape)
    return x


def test_nodes_have_the_values_that_functions_compute():
    x, y = matrix(3, 4), matrix(4, 5)
    W = ct.shared(np.ones((5, 2)))
    z = T.tanh(T.dot(T.dot(x, y), W)) + T.constant([1.0, 2.0])
    g = T.grad(z.sum(), x)
    f = ct.function([x, y], [z, g])
    for value, v in zip(f(x.tag.test_value, y.tag.test_value), (z, g)):
        np.testing.assert_allclose(v.tag.test_value, value, rtol=1e-12)


def test_indexing_shapes_and_reductions():
    x = matrix(3, 4)
    assert x[1:, ::2].tag.test_value.shape == (2, 2)
    assert x.shape[1].tag.test_value == 4 and T.arange(x.shape[0]).tag.test_value[-1] == 2
    assert x.reshape((-1, 2)).tag.test_value.shape == (6, 2)
    assert T.argmax(x, axis=1).tag.test_value.shape == (3,)
    np.testing.assert_allclose(T.nnet.softmax(x).tag.test_value.sum(1), 1)


def test_an_error_is_raised_by_the_line_that_makes_the_node():
    x, y = matrix(3, 4, name="x"), matrix(6, 5, name="y")
    with pytest.raises(ValueError, match="4 columns") as info:
        T.dot(x, y)         # this line
    assert "# this line" in str(info.value) and "matmul(x, y)" in str(info.value)
    assert any(["# this line" in line for line in traceback.format_tb(info.tb)])
    with pytest.raises(ValueError, match="# the second time"):
        T.dot(x, y)         # the second time


def test_a_missing_value_raises_warns_or_is_ignored(action):
    x, y = matrix(3, 4), T.dmatrix("y")
    with pytest.raises(ValueError, match=r"test value of .*: input . \(y\)"):
        T.dot(x, y)
    action("warn")
    with pytest.warns(UserWarning, match="input . .y. has none") as caught:
        T.dot(x, y)
    assert caught[0].filename == __file__
    for value in ("ignore", "off"):
        action(value)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert not hasattr(T.dot(x, y).tag, "test_value")


def test_off_computes_nothing(action):
    x = matrix(3, 4)
    action("off")
    assert not hasattr((x + 1).tag, "test_value")


@pytest.mark.parametrize("make, value, error", [
    (T.fmatrix, np.ones((3, 4)), TypeError), (T.dmatrix, np.ones(3), TypeError)])
def test_a_value_of_another_type_is_an_error(make, value, error):
    x = make("x")
    x.tag.test_value = value
    with pytest.raises(error):
        x + 1


def test_python_numbers_and_lists_are_values():
    i = T.iscalar("i")
    i.tag.test_value = 3
    assert (i * 2).tag.test_value == 6
    v = T.dvector()
    v.tag.test_value = [1, 2]
    np.testing.assert_array_equal((v + 1).tag.test_value, [2, 3])


def test_compiling_and_rewriting_compute_nothing():
    x = matrix(3, 4)
    z = T.log(1 + T.exp(x))
    x.tag.test_value = "no matrix"
    np.testing.assert_allclose(ct.function([x], z)(np.zeros((1, 1))), np.log(2))


def test_get_test_value():
    x = T.dmatrix("x")
    with pytest.raises(AttributeError, match=r"x has no test value \(made at"):
        get_test_value(x)
    np.testing.assert_array_equal(get_test_value([1, 2]), [1, 2])
    np.testing.assert_array_equal(get_test_value(ct.shared(np.ones(2))), [1, 1])


def test_get_debug_values(action):
    x, y = matrix(1, 1), T.dmatrix("y")
    assert [len(values) for values in get_debug_values(x, 2)] == [2]
    with pytest.raises(ValueError, match="argument 1"):
        list(get_debug_values(x, y))
    action("ignore")
    assert list(get_debug_values(x, y)) == []
    action("off")
    assert list(get_debug_values(x)) == []
    missing_test_message("nothing happens")


def test_they_are_printed():
    ct.config.print_test_value = True
    x = T.dscalar("x")
    x.tag.test_value = 2.0
    text = ct.debugprint(x + 1, file="str")
    assert "add [id A] = array(3.)" in text and "x [id B] = 2.0" in text


def test_loops():
    v = T.dvector()
    v.tag.test_value = np.array([2.0, 3.0])
    powers, _ = ct.scan(lambda before, x: before * x, outputs_info=T.ones_like(v),
                        non_sequences=v, n_steps=3)
    np.testing.assert_allclose(powers[-1].tag.test_value, [8, 27])
