"""Does the product of a csr matrix and a dense one cost no more than SciPy's?"""
import numpy as np
import pytest
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


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("n, density, k", SHAPES)
def test_dot(contest, n, density, k, dtype):
    rng = np.random.default_rng(0)
    x = sparse.random(n, n, density, "csr", dtype=dtype, random_state=rng)
    y = rng.random((n, k)).astype(dtype)
    contest(f"csr ({n}, {n}), {density:.1%} stored, times ({n}, {k}), {dtype}", {
        "cytensor": lambda: ours(x, y), "scipy": lambda: Candidate("x @ y", {"x": x, "y": y})},
        targets={"scipy": 1.0})
