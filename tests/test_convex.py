"""Convex problems: cvxpy computes what we compute, solves it, and errors name the user's line."""
import cvxpy
import numpy as np
import optimize as example
import pytest

import cytensor as ct
import cytensor.tensor as T
from cytensor import optimize
from cytensor.optimize import minimize

rng = np.random.default_rng(3)
A, b = rng.normal(size=(12, 4)), rng.normal(size=12)
S = A.T @ A
X0 = rng.normal(size=(3, 4))


def value_of(expression, variable, value):
    """What cvxpy's form of an expression is at a point."""
    problem = optimize.to_cvxpy(expression, [variable])
    problem.params[variable].value = value
    return problem.objective.value, problem


CONVEX = {
    "affine": lambda x: (3 * x[:, 1] - x[1:2, 0] / 2 + 1).sum(),
    "least squares": lambda x: T.sqr(T.dot(A, x.T) - b[:, None]).mean(),
    "product with itself": lambda x: (x * x).sum(),
    "power": lambda x: (x ** 2).sum() + (abs(x) ** 1.5).sum() + (x ** 4).sum(),
    "quadratic form": lambda x: T.dot(x[0], T.dot(S, x[0])),
    "elementwise quadratic form": lambda x: (x * T.dot(x, S)).sum() + x.sum(),
    "trace": lambda x: T.dot(x, T.dot(S, x.T)).trace(),
    "sum of quadratics": lambda x: x[0, 0] ** 2 + x[0, 0] * x[0, 1] + x[0, 1] ** 2,
    "function of a quadratic": lambda x: T.exp(0.01 * T.dot(x[0], T.dot(S, x[0]))),
    "variance": lambda x: x.var(axis=1).sum(),
    "norms": lambda x: x[0].norm(2) + x[1].norm(1) + abs(x[2]).max(),
    "norms of rows": lambda x: T.sqrt((x ** 2).sum(axis=1)).sum() + T.sqrt(T.sqr(x).sum()),
    "logsumexp": lambda x: T.logsumexp(x, axis=1).sum() + T.log(T.exp(x).sum(axis=0)).max(),
    "logistic": lambda x: T.nnet.softplus(x - 1).sum() - (x * 0.3).sum(),
    "entropy": lambda x: (T.exp(x) - T.log(x + 9) - T.log1p(x + 9)).sum(),
    "x log x": lambda x: ((lambda y: y * T.log(y))(x + 9)).sum(),
    "maxima": lambda x: T.maximum(x, 0.1).sum() + T.nnet.relu(x).sum() - T.minimum(x, 1).sum(),
    "shapes": lambda x: (x.flatten()[::2].reshape((2, 3)).dimshuffle(1, "x", 0) * X0[:, None, :2]
                         ).sum() + T.concatenate([x, x + 1]).max() + T.stack([x, -x]).max(),
    "elements": lambda x: x[[0, 2], [1, 3]].max() + T.diag(x[:, :3]).sum() + T.cumsum(x)[3],
    "size": lambda x: x.sum() * x.shape[0] / (x.size + 1.0) + x.mean(),
    "reciprocals": lambda x: (1 / (x + 9)).sum() + (2.0 ** x).sum(),
}


@pytest.mark.parametrize("name", CONVEX)
def test_cvxpy_computes_the_same(name):
    x = T.tensor("float64", (3, 4), name="x")
    expression = CONVEX[name](x)
    value, problem = value_of(expression, x, X0)
    assert np.isclose(value, expression.eval({x: X0}))
    assert problem.is_dcp()


def test_lasso_is_solved():
    w = ct.shared(np.zeros(4), name="w")
    residual = T.dot(A, w) - b
    problem = optimize.to_cvxpy(0.5 * T.dot(residual, residual) + 2.0 * abs(w).sum())
    problem.solve()
    found = problem.params[w].value
    slope = A.T @ (A @ found - b)               # optimal where the subgradient holds 0
    assert np.all(abs(slope) <= 2 + 1e-4)
    active = abs(found) > 1e-4
    assert np.allclose(slope[active], -2 * np.sign(found[active]), atol=1e-3)


@pytest.mark.parametrize("solver", ["CLARABEL", "OSQP", "SCS"])
def test_a_portfolio_is_solved(solver):
    w = T.tensor("float64", (4,), name="w")
    mean = T.dvector("mean")
    problem = optimize.to_cvxpy(
        T.dot(w, T.dot(S, w)) - T.dot(mean, w), w,
        constraints=[T.eq(w.sum(), 1), w >= 0, w[0] <= 0.2], inputs={mean: [1, 2, 3, 4]})
    problem.solve(solver=solver)
    found = problem.params[w].value
    start = ct.shared(np.full(4, 0.25))
    other = minimize(T.dot(start, T.dot(S, start)) - T.dot(np.arange(1.0, 5), start), start,
                     constraints=[T.eq(start.sum(), 1), start >= 0, start[0] <= 0.2], tol=1e-12)
    assert np.allclose(found, other.x, atol=1e-3)


def test_cvxpys_own_variables_may_be_passed():
    u, x = cvxpy.Variable(2, nonneg=True), T.dvector("x")
    problem = optimize.to_cvxpy(((x - [1, -1]) ** 2).sum(), {x: u})
    problem.solve()
    assert np.allclose(u.value, [1, 0], atol=1e-4)


v = T.tensor("float64", (2,), name="v")
OUTSIDE = [
    (lambda: T.sin(v).sum(), {}, r"nothing for the op sin, in .*test_convex.py:\d+ `.*T.sin"),
    (lambda: T.dot(v, T.dot([[1, 0], [0, -1.0]], v)), {}, "eigenvalues go from -2 to 2"),
    (lambda: T.log(v).sum(), {}, r"the cost is concave; a concave one is maximised"),
    (lambda: T.exp(T.log(v)).sum(), {}, r"exp, in .* is neither convex nor concave"),
    (lambda: (v[0] * v[1]) ** 2, {}, "neither convex nor concave"),
    (lambda: v.sum(), {"constraints": T.eq(v ** 2, 1)}, r"constraint eq, in .*is not affine"),
    (lambda: v.sum(), {"constraints": v ** 2 >= 1}, r"constraint ge, in .*is not convex"),
]


@pytest.mark.parametrize("cost, more, message", OUTSIDE, ids=[row[2] for row in OUTSIDE])
def test_what_is_not_convex_says_where(cost, more, message):
    with pytest.raises(optimize.NotConvexError, match=message):
        optimize.to_cvxpy(cost(), v, **more)


def test_unknown_sizes_and_nothing_to_vary():
    with pytest.raises(TypeError, match="the sizes of x are not known"):
        optimize.to_cvxpy(T.dvector("x").sum())
    with pytest.raises(ValueError, match="depends on nothing that could be varied"):
        optimize.to_cvxpy(T.constant(1.0) + 1)


def test_the_example_finds_the_truth(tmp_path):
    fitted, lasso = example.main(["--out", str(tmp_path / "new")])
    assert all([abs(fit - truth) < 4 * error for _, truth, fit, error in fitted])
    assert all([abs(again - truth) < 0.5 for _, truth, _, again in lasso])
    assert (tmp_path / "new" / "optimize.png").read_bytes().startswith(b"\x89PNG")
