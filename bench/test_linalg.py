"""Do factorisations cost no more than SciPy's own calls of the same LAPACK?"""
import numpy as np
from questions import Question
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


def inverse(x):
    from cytensor.tensor import nlinalg
    return nlinalg.inv(x)


def cholesky(x):
    from cytensor.tensor import slinalg
    return slinalg.cholesky(x)


def eigh(x):
    """Signs of eigenvectors are free, so that only the values are compared; all are computed."""
    import cytensor.tensor as T
    from cytensor.tensor import nlinalg
    w, v = nlinalg.eigh(x)
    return [w, T.abs(v[:1, 0] * 0)]


def least_squares(a, b):
    from cytensor.tensor import nlinalg
    return nlinalg.lstsq(a, b)[0]


#: Its name, ours, the statement of SciPy and NumPy, what SciPy's has besides, arrays of size n.
CASES = [
    ("inverse", inverse, "{}.inv(*arrays)", "", lambda n: [square(n)]),
    ("cholesky", cholesky, "{}.cholesky(*arrays{})", ", lower=True", lambda n: [positive(n)]),
    ("eigh", eigh, "[(r := {}.eigh(*arrays))[0], abs(r[1][:1, 0] * 0)]", "",
     lambda n: [positive(n)]),
    ("lstsq of n equations in n / 2 unknowns", least_squares, "{}.lstsq(*arrays)[0]", "",
     overdetermined),
]


def factorisation(name, make, statement, option, arrays, n):
    return Question(f"{name}, n = {n}, float64", {
        "cytensor": lambda: ours(make, *arrays(n)),
        "scipy": lambda: theirs(statement.format("linalg", option), *arrays(n)),
        "numpy": lambda: numpys(statement.format("np.linalg", ""), *arrays(n)),
    }, {"scipy": 1.05}, rtol=1e-6, label=f"{name}, 1000" if (name, n) == ("inverse", 1000) else "")


def questions():
    for case in CASES:
        for n in SIZES:
            yield factorisation(*case, n)


def test_question(question, ask):
    ask(question)
