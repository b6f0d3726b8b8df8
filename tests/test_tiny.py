"""Start here: what cytensor does, in tests of a few lines that use the public names alone."""
import numpy as np
import pytest

import cytensor as ct
import cytensor.tensor as T


def test_an_expression_becomes_a_function():
    x, y = T.dvectors("x", "y")
    f = ct.function([x, y], x * y + 1)
    assert f([1, 2], [3, 4]).tolist() == [4, 9]


def test_one_function_serves_every_size():
    x = T.dmatrix("x")
    f = ct.function([x], T.tanh(x).sum(axis=1))
    for shape in (2, 3), (500, 7), (0, 4):
        a = np.ones(shape)
        np.testing.assert_allclose(f(a), np.tanh(a).sum(axis=1))


def test_several_results():
    x = T.dscalar("x")
    assert ct.function([x], [x + 1, x * 2])(5) == [6, 10]
    assert ct.function([x], {"next": x + 1, "twice": x * 2})(5) == {"next": 6, "twice": 10}


def test_numpy_functions_stay_symbolic():
    x = T.dvector("x")
    f = ct.function([x], np.exp(x) + np.sum(x))
    np.testing.assert_allclose(f([0, 1]), np.exp([0, 1]) + 1)


def test_a_value_without_a_function():
    x = T.dvector("x")
    assert (x ** 2).sum().eval({x: [3, 4]}) == 25


def test_a_gradient():
    x = T.dvector("x")
    g = ct.function([x], T.grad((x ** 3).sum(), x))
    assert g([1, 2]).tolist() == [3, 12]


def test_a_gradient_of_a_gradient():
    x = T.dscalar("x")
    slope = T.grad(T.sin(x), x)
    assert ct.function([x], T.grad(slope, x))(1.0) == pytest.approx(-np.sin(1.0))


def test_a_product_of_matrices():
    x, y = T.dmatrices("x", "y")
    a, b = np.arange(6.0).reshape(2, 3), np.ones((3, 4))
    np.testing.assert_array_equal(ct.function([x, y], x @ y)(a, b), a @ b)


def test_indexing():
    x, i = T.dmatrix("x"), T.lscalar("i")
    f = ct.function([x, i], [x[i], x[:, ::-1], x[x > 3]])
    row, turned, large = f(np.arange(6.0).reshape(2, 3), 1)
    assert (row.tolist(), large.tolist()) == ([3, 4, 5], [4, 5])
    assert turned.tolist() == [[2, 1, 0], [5, 4, 3]]


def test_a_shared_variable_counts():
    count, step = ct.shared(0), T.lscalar("step")
    f = ct.function([step], count, updates={count: count + step})
    assert [int(f(2)), int(f(3)), int(count.get_value())] == [0, 2, 5]


def test_updates_learn():
    w, x = ct.shared(5.0), T.dscalar("x")
    cost = (w - x) ** 2
    step = ct.function([x], cost, updates=[(w, w - 0.1 * T.grad(cost, w))])
    costs = [float(step(2.0)) for _ in range(50)]
    assert costs[-1] < 1e-6 < costs[0]
    assert w.get_value() == pytest.approx(2.0, abs=1e-3)


def test_givens_put_a_value_in_place_of_an_input():
    x, i = T.dvector("x"), T.lscalar("i")
    data = ct.shared(np.arange(10.0))
    batch_sum = ct.function([i], x.sum(), givens={x: data[2 * i:2 * i + 2]})
    assert [float(batch_sum(i)) for i in range(3)] == [1, 5, 9]


def test_a_default():
    x = T.dscalar("x")
    y = T.dscalar("y")
    f = ct.function([x, ct.In(y, value=10)], x + y)
    assert [f(1), f(1, y=2)] == [11, 3]


def test_a_failed_call_changes_nothing():
    count, x, i = ct.shared(0), T.dvector("x"), T.lscalar("i")
    f = ct.function([x, i], x[i], updates={count: count + 1})
    with pytest.raises(IndexError):
        f([1, 2], 7)
    assert count.get_value() == 0


def test_an_error_shows_the_line_that_is_wrong():
    x = T.dmatrix("x")
    y = x + T.constant(np.ones(3)).reshape((3, 1))      # the wrong line
    with pytest.raises(ValueError, match="the wrong line"):
        ct.function([x], y)(np.ones((2, 3)))
