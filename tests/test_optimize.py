"""Optimisation: known optima, by every method, with bounds, constraints and any parameters."""
import threading

import numpy as np
import pytest
from scipy import optimize as reference

import cytensor as ct
import cytensor.tensor as T
from cytensor.optimize import minimum
from cytensor.optimize import least_squares, minimize, minimize_scalar, root

METHODS = ["BFGS", "CG", "L-BFGS-B", "TNC", "SLSQP", "Newton-CG", "trust-ncg", "trust-krylov",
           "trust-exact", "dogleg", "trust-constr", "Nelder-Mead", "Powell", "COBYLA", "COBYQA"]


def rosenbrock(x):
    return (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()


@pytest.mark.parametrize("method", METHODS)
def test_every_method_finds_rosenbrocks_minimum(method):
    x = ct.shared(np.array([1.2, 0.9, 0.8]), name="x")
    if method == "dogleg":                  # wants a positive definite Hessian all the way
        x.set_value(np.array([1.05, 1.1, 1.2]))
    options = {"maxiter": 3000} if method in ("Nelder-Mead", "trust-constr") else None
    tol = 1e-6 if method in ("COBYLA", "trust-krylov") else 1e-9
    found = minimize(rosenbrock(x), x, method=method, options=options, tol=tol)
    assert np.allclose(found.x, 1, atol=0.1 if method == "COBYLA" else 1e-3)
    assert np.array_equal(x.get_value(), found.x)
    assert np.array_equal(found.params[x], found.x)
    assert "params: {x: array(" in repr(found)


def test_the_derivatives_are_those_of_scipy():
    seen = {}

    def spy(fun, x0, jac, hessp, **more):
        value, gradient = fun(x0)
        seen.update(value=value, gradient=gradient, product=hessp(x0, np.ones(4)))
        return reference.OptimizeResult(x=x0)

    x0 = np.array([1.3, 0.7, 0.8, 1.9])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(minimum.optimize, "minimize", spy)
        x = T.dvector("x")
        minimize(rosenbrock(x), {x: x0}, "Newton-CG")
    assert np.isclose(seen["value"], reference.rosen(x0))
    assert np.allclose(seen["gradient"], reference.rosen_der(x0))
    assert np.allclose(seen["product"], reference.rosen_hess_prod(x0, np.ones(4)))


def test_parameters_of_several_shapes_and_dtypes():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(50, 3))
    Y = X @ [[1, 2], [3, 4], [5, 6]] + [7, 8]
    W = ct.shared(np.zeros((3, 2), "float32"), name="W")
    b = ct.shared(np.zeros(2), name="b")
    x, y = T.dmatrices("x", "y")
    found = minimize(((x @ W + b - y) ** 2).mean(), [W, b], inputs={x: X, y: Y})
    assert found.success
    assert W.get_value().dtype == "float32" and b.get_value().dtype == "float64"
    assert np.allclose(W.get_value(), [[1, 2], [3, 4], [5, 6]], atol=1e-3)
    assert np.allclose(b.get_value(), [7, 8], atol=1e-3)


def test_logistic_regression_satisfies_its_own_equations():
    rng = np.random.default_rng(1)
    X = rng.normal(size=(200, 4))
    t = (X @ [1.0, -2.0, 0.5, 0.0] + rng.normal(size=200) > 0).astype(float)
    w = ct.shared(np.zeros(4))
    z = T.constant(X) @ w
    minimize(T.nnet.softplus(z).sum() - (t * z).sum() + 0.5 * (w ** 2).sum(), w,
             method="Newton-CG", tol=1e-12)
    p = 1 / (1 + np.exp(-X @ w.get_value()))
    assert np.allclose(X.T @ (p - t) + w.get_value(), 0, atol=1e-9)


@pytest.mark.parametrize("method", [None, "SLSQP", "trust-constr"])
def test_a_constrained_quadratic_has_its_closed_form(method):
    P = np.array([[4.0, 1.0], [1.0, 2.0]])
    q = np.array([1.0, 1.0])
    x = ct.shared(np.array([0.0, 0.0]))
    found = minimize(0.5 * T.dot(x, T.dot(P, x)) + T.dot(q, x), x, method=method, tol=1e-10,
                     constraints=[T.eq(x.sum(), 1), x >= 0])
    # The Lagrange conditions of the equality; the inequality does not bind.
    wanted = np.linalg.solve(np.block([[P, np.ones((2, 1))], [np.ones((1, 2)), np.zeros((1, 1))]]),
                             [-1, -1, 1])[:2]
    assert wanted.min() > 0
    assert np.allclose(found.x, wanted, atol=1e-5)


def test_an_inequality_binds():
    x, y = T.dscalars("x", "y")
    found = minimize((x - 2) ** 2 + (y - 1) ** 2, {x: 0, y: 0}, constraints=x + y <= 1)
    assert np.allclose([found.params[x], found.params[y]], [1, 0], atol=1e-6)


def test_bounds_of_all_kinds():
    a, b = ct.shared(np.array([0.0, 0.0]), name="a"), ct.shared(0.0, name="b")
    cost = ((a - [3, -3]) ** 2).sum() + (b - 5) ** 2
    for bounds, wanted in [
            ((-1, 1), [1, -1, 1]),
            ({a: (None, [1, 2])}, [1, -3, 5]),
            ([(-1, 1), (None, None)], [1, -1, 5]),
            (reference.Bounds([0, 0, 0], [9, 9, 4]), [3, 0, 4])]:
        a.set_value(np.array([0.0, 0.0]))
        b.set_value(0.0)
        assert np.allclose(minimize(cost, [a, b], bounds=bounds).x, wanted, atol=1e-5)


def test_givens_and_callback():
    x, y = T.dvector("x"), T.dscalar("y")
    seen = []
    minimize(((x - y) ** 2).sum(), {x: [0, 0]}, givens={y: T.constant(2.0) * T.constant(2.0)},
             callback=lambda values: seen.append(values[x]))
    assert np.allclose(seen[-1], 4)


def test_failures_change_nothing():
    x = ct.shared(np.array([0.0]))

    def stop(values):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        minimize(((x - 1) ** 2).sum(), x, callback=stop)
    assert x.get_value() == 0


def test_many_threads_minimise_at_once():
    centers, results = np.arange(8.0), {}
    x, c = T.dvector("x"), T.dscalar("c")
    cost = ((x - c) ** 4).sum() + ((x - c) ** 2).sum()

    def work(center):
        results[center] = minimize(cost, {x: np.zeros(3)}, inputs={c: center}).x

    threads = [threading.Thread(target=work, args=(center,)) for center in centers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all([np.allclose(results[center], center, atol=1e-4) for center in centers])


def test_minimize_scalar():
    x = ct.shared(1.0)
    found = minimize_scalar((x - 2) ** 4 + x, x)
    assert np.isclose(found.x, 2 - 0.25 ** (1 / 3), atol=1e-6)
    assert x.get_value() == found.x
    bounded = minimize_scalar((x - 2) ** 2, x, bounds=(3, 5), method="bounded")
    assert np.isclose(bounded.x, 3, atol=1e-4)


# ----- equations and least squares -----

@pytest.mark.parametrize("method", ["hybr", "lm", "krylov", "broyden1"])
def test_root(method):
    x = ct.shared(np.array([0.4, 1.2]))
    found = root([x[0] + x[1] - 2, T.eq(x[0] * x[1], 0.75)], x, method=method)
    assert np.allclose(x.get_value(), [0.5, 1.5], atol=1e-5)
    assert found.success


def test_least_squares_is_linear_regression():
    rng = np.random.default_rng(2)
    A, b = rng.normal(size=(40, 3)), rng.normal(size=40)
    x = ct.shared(np.zeros(3))
    least_squares(T.dot(A, x) - b, x)
    assert np.allclose(x.get_value(), np.linalg.lstsq(A, b)[0])


def test_least_squares_with_bounds_and_a_loss():
    t, a = T.dvector("t"), ct.shared(1.0)
    data = {t: np.linspace(0, 1, 20)}
    least_squares(T.exp(a * t) - T.exp(2 * t), a, bounds=(0, 1.5), inputs=data)
    assert np.isclose(a.get_value(), 1.5)
    least_squares(T.exp(a * t) - T.exp(2 * t), a, inputs=data, loss="soft_l1")
    assert np.isclose(a.get_value(), 2)


# ----- errors -----

x = T.dvector("x")
n = T.lvector("n")
w = ct.shared(np.zeros(2), name="w")
ERRORS = [
    (lambda: minimize(x, {x: [1]}), TypeError, "cost is a real scalar, not TensorType"),
    (lambda: minimize(3.0, {x: [1]}), TypeError, "cost is a symbolic scalar, not 3.0"),
    (lambda: minimize(x.sum(), x), TypeError, "the parameter x has no value to start from"),
    (lambda: minimize(x.sum(), []), ValueError, "there are no parameters"),
    (lambda: minimize(w.sum(), [w, w]), ValueError, "the parameter w is listed twice"),
    (lambda: minimize(w.sum(), [w + 1]), TypeError, "has no value to start from"),
    (lambda: minimize(n.sum(), {n: [1]}), TypeError, "n is TensorType.int64"),
    (lambda: minimize(w.sum(), w, constraints=[w]), TypeError, "a constraint is a comparison"),
    (lambda: minimize(w.sum(), w, bounds={x: (0, 1)}), ValueError, "bounds for x"),
    (lambda: minimize(w.sum(), w, bounds=[(0, 1)] * 3), ValueError, "3 bounds for 1 parameters"),
    (lambda: minimize(w.sum(), w, "BFGS", bounds=(0, 1)), ValueError, "'bfgs' takes no bounds"),
    (lambda: minimize(w.sum(), w, "CG", constraints=w > 0), ValueError, "takes no constraints"),
    (lambda: minimize(x.sum(), w), ct.DisconnectedInputError, "w"),
    (lambda: minimize((w + x).sum(), w), ct.MissingInputError, "depends on x"),
    (lambda: minimize_scalar(w.sum(), w), TypeError, "w is no scalar"),
    (lambda: root(w[:1], w), ValueError, "1 equations for 2 unknowns"),
    (lambda: root([3], w), TypeError, "an equation is a symbolic expression, not 3"),
    (lambda: least_squares(w > 0, w), TypeError, "it should be real"),
]


@pytest.mark.parametrize("call, error, message", ERRORS, ids=[row[2] for row in ERRORS])
def test_errors(call, error, message):
    with pytest.raises(error, match=message):
        call()
