"""Fit a curve by least squares, and a sparse regression by convex optimisation.

    python examples/optimize.py [--out FOLDER]

Prints a table for each, and draws both into ``optimize.png``. Needs ``cytensor[cvx,demo]``.
"""
import argparse
from pathlib import Path

import numpy as np

import cytensor as ct
import cytensor.tensor as T
from cytensor.optimize import least_squares, minimize, to_cvxpy

OSCILLATION = {"height": 2.0, "decay": 0.6, "frequency": 3.0, "offset": 0.5}
WEIGHTS = np.array([3.0, 0, 0, -2, 0, 0, 1, 0, 0, 0])


def oscillation(t, height, decay, frequency, offset):
    """A damped oscillation."""
    return height * T.exp(-decay * t) * T.cos(frequency * t) + offset


def fit_curve(rng):
    """Fit a damped oscillation to noisy data.

    Returns the times, the data, the fitted curve, and rows of name, truth, fit, standard error.
    """
    times = np.linspace(0, 5, 80)
    data = oscillation(times, *OSCILLATION.values()).eval() + 0.1 * rng.normal(size=len(times))
    params = [ct.shared(start, name=name)
              for name, start in zip(OSCILLATION, (1.0, 1.0, 2.5, 0.0))]
    curve = oscillation(times, *params)
    found = least_squares(curve - data, params)
    variance = 2 * found.cost / (len(data) - len(params))
    errors = np.sqrt(np.diag(np.linalg.inv(found.jac.T @ found.jac)) * variance)
    rows = [(v.name, OSCILLATION[v.name], float(v.get_value()), error)
            for v, error in zip(params, errors)]
    return times, data, curve.eval(), rows


def fit_lasso(rng, penalty=16.0):
    """Regress with few weights, and once more on those alone, without the penalty.

    Returns rows of number, truth, lasso, second fit.
    """
    x = rng.normal(size=(60, len(WEIGHTS)))
    y = x @ WEIGHTS + rng.normal(size=60)
    w = ct.shared(np.zeros(len(WEIGHTS)), name="w")
    squares = 0.5 * T.sqr(T.dot(x, w) - y).sum()
    problem = to_cvxpy(squares + penalty * abs(w).sum())
    problem.solve()
    lasso = problem.params[w].value
    kept = abs(lasso) > 1e-4
    minimize(squares, w, bounds=(np.where(kept, -np.inf, 0), np.where(kept, np.inf, 0)))
    return list(zip(range(len(WEIGHTS)), WEIGHTS, lasso, w.get_value()))


def table(title, heads, rows):
    """Print numbers in columns."""
    print(f"\n{title}\n" + "".join([f"{head:>12}" for head in heads]))
    for name, *numbers in rows:
        print(f"{name:>12}" + "".join([f"{number:12.3f}" for number in numbers]))


def draw(path, times, data, curve, lasso):
    """Draw both fits, side by side."""
    from matplotlib.figure import Figure
    figure = Figure(figsize=(10, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    left.plot(times, data, ".", color="tab:gray", label="data")
    left.plot(times, curve, color="tab:blue", label="fit")
    left.set(title="A damped oscillation", xlabel="time")
    numbers, *columns = zip(*lasso)
    for shift, column, label in zip((-0.25, 0, 0.25), columns, ("truth", "lasso", "fitted again")):
        right.bar(np.array(numbers) + shift, column, 0.25, label=label)
    right.set(title="Sparse regression", xlabel="weight")
    for axes in (left, right):
        axes.legend()
    figure.savefig(path)


def main(args=None):
    """Run the example; return the rows of both tables."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--out", type=Path, default=Path(), help="folder for optimize.png")
    out = parser.parse_args(args).out
    rng = np.random.default_rng(0)
    times, data, curve, fitted = fit_curve(rng)
    lasso = fit_lasso(rng)
    table("A damped oscillation", ("", "truth", "fit", "error"), fitted)
    table("Sparse regression", ("weight", "truth", "lasso", "again"), lasso)
    out.mkdir(parents=True, exist_ok=True)
    draw(out / "optimize.png", times, data, curve, lasso)
    print(f"\n{out / 'optimize.png'}")
    return fitted, lasso


if __name__ == "__main__":
    main()
