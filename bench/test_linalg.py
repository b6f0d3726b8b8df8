"""Do factorisations cost no more than SciPy's own calls of the same LAPACK?"""
import numpy as np
import pytest
from turns import Candidate

SIZES = (10, 100, 1000)


def ours(make, *arrays):
    import cytensor as ct
    import cytensor.tensor as T
    inputs = [T.as_tensor_variable(x).type() for x in arrays]
    f = ct.function(inputs, make(*inputs))
    return Candidate("f(*arrays)", {"f": f, "arrays": arrays})


def theirs(statement, *arrays):
    import scipy.linalg
    return Candidate(statement, {"linalg": scipy.linalg, "np": np, "arrays": arrays})


def numpys(statement, *arrays):
    return Candidate(statement, {"np": np, "arrays": arrays})


def square(n):
    return np.random.default_rng(0).standard_normal((n, n)) + n * np.eye(n)


def positive(n):
    x = square(n)
    return x @ x.T / n


def overdetermined(n):
    rng = np.random.default_rng(1)
    return rng.standard_normal((n, n // 2)), rng.standard_normal((n, 1))


def ask(contest, name, n, make, scipy, numpy, *arrays):
    contest(f"{name}, n = {n}, float64", {
        "cytensor": lambda: ours(make, *arrays), "scipy": lambda: theirs(scipy, *arrays),
        "numpy": lambda: numpys(numpy, *arrays)}, targets={"scipy": 1.05}, rtol=1e-6)


@pytest.mark.parametrize("n", SIZES)
def test_inverse(contest, n):
    from cytensor.tensor import nlinalg
    ask(contest, "inverse", n, nlinalg.inv, "linalg.inv(*arrays)", "np.linalg.inv(*arrays)",
        square(n))


@pytest.mark.parametrize("n", SIZES)
def test_cholesky(contest, n):
    from cytensor.tensor import slinalg
    ask(contest, "cholesky", n, slinalg.cholesky, "linalg.cholesky(*arrays, lower=True)",
        "np.linalg.cholesky(*arrays)", positive(n))


@pytest.mark.parametrize("n", SIZES)
def test_eigh(contest, n):
    """Signs of eigenvectors are free, so that only the values are compared; all are computed."""
    import cytensor.tensor as T
    from cytensor.tensor import nlinalg

    def both(x):
        w, v = nlinalg.eigh(x)
        return [w, T.abs(v[:1, 0] * 0)]

    def numpys_both(function):
        return f"[(r := {function}(*arrays))[0], abs(r[1][:1, 0] * 0)]"

    ask(contest, "eigh", n, both, numpys_both("linalg.eigh"), numpys_both("np.linalg.eigh"),
        positive(n))


@pytest.mark.parametrize("n", SIZES)
def test_least_squares(contest, n):
    from cytensor.tensor import nlinalg
    ask(contest, "lstsq of n equations in n / 2 unknowns", n,
        lambda a, b: nlinalg.lstsq(a, b)[0], "linalg.lstsq(*arrays)[0]",
        "np.linalg.lstsq(*arrays)[0]", *overdetermined(n))
