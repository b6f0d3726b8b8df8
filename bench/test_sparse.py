"""Does the product of a csr matrix and a dense one cost no more than SciPy's?"""
import numpy as np
from questions import Question
from scipy import sparse
from turns import Candidate

#: Rows and columns of the csr matrix, part that is stored, columns of the dense one.
SHAPES = [(100, 0.1, 8), (1000, 0.01, 32), (10_000, 0.001, 1), (10_000, 0.001, 64)]


def ours(x, y):
    import cytensor as ct
    import cytensor.tensor as T
    from cytensor import sparse as S
    a, b = S.csr_matrix(dtype=x.dtype), T.matrix(dtype=y.dtype.name)
    return Candidate("f(x, y)", {"f": ct.function([a, b], S.dot(a, b)), "x": x, "y": y})


def arrays(n, density, k, dtype):
    rng = np.random.default_rng(0)
    return (sparse.random(n, n, density, "csr", dtype=dtype, random_state=rng),
            rng.random((n, k)).astype(dtype))


def product(n, density, k, dtype):
    x, y = arrays(n, density, k, dtype)
    return Question(f"csr ({n}, {n}), {density:.1%} stored, times ({n}, {k}), {dtype}", {
        "cytensor": lambda: ours(x, y), "scipy": lambda: Candidate("x @ y", {"x": x, "y": y})},
        {"scipy": 1.0})


def questions():
    for dtype in ("float32", "float64"):
        for shape in SHAPES:
            yield product(*shape, dtype)


def test_question(question, ask):
    ask(question)
