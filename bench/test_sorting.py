"""How fast are sorting and counting?"""
import numpy as np
import pytest
from turns import Candidate

rng = np.random.default_rng(0)
#: All different: there is one order.
VALUES = {"float32": rng.permutation(1_000_000).astype("float32") / 3 - 1e5,
          "int64": (rng.permutation(1_000_000) - 500_000) * 2**20}
CLASSES = rng.integers(0, 1000, 1_000_000)
TARGET = {"numpy": 1.05}


def compiled(build, x):
    """A candidate that calls our function of one array."""
    import cytensor as ct
    import cytensor.tensor as T
    variable = T.tensor(x.dtype.name, (None,) * x.ndim)
    return Candidate("f(x)", {"f": ct.function([variable], build(T, variable)), "x": x})


def ask(contest, question, build, statement, x):
    contest(question, {"cytensor": lambda: compiled(build, x),
                       "numpy": lambda: Candidate(statement, {"np": np, "x": x})},
            targets=TARGET, rtol=0)


@pytest.mark.parametrize("shape", [(1_000_000,), (1000, 1000)], ids=["vector", "rows"])
@pytest.mark.parametrize("dtype", VALUES)
def test_sort(contest, dtype, shape):
    ask(contest, f"sort, {dtype} {shape}", lambda T, x: T.sort(x), "np.sort(x)",
        VALUES[dtype].reshape(shape))


@pytest.mark.parametrize("shape", [(1_000_000,), (1000, 1000)], ids=["vector", "rows"])
@pytest.mark.parametrize("dtype", VALUES)
def test_argsort(contest, dtype, shape):
    ask(contest, f"argsort, {dtype} {shape}", lambda T, x: T.argsort(x),
        "np.argsort(x)", VALUES[dtype].reshape(shape))


@pytest.mark.parametrize("k", [10, 10_000])
@pytest.mark.parametrize("dtype", VALUES)
def test_topk(contest, dtype, k):
    ask(contest, f"topk, {k} of 1e6 {dtype}", lambda T, x: T.topk(x, k),
        f"np.sort(np.partition(x, -{k})[-{k}:])[::-1]", VALUES[dtype])


def test_topk_of_rows(contest):
    ask(contest, "topk, 10 of each of 1000 rows of 1000 float32", lambda T, x: T.topk(x, 10),
        "np.sort(np.partition(x, -10, 1)[:, -10:], 1)[:, ::-1]",
        VALUES["float32"].reshape(1000, 1000))


@pytest.mark.parametrize("name, x", [*VALUES.items(), ("of 1000 classes", CLASSES)],
                         ids=[*VALUES, "classes"])
def test_unique(contest, name, x):
    ask(contest, f"unique, 1e6 {name}", lambda T, x: T.unique(x), "np.unique(x)", x)
    ask(contest, f"unique with counts, 1e6 {name}",
        lambda T, x: T.unique(x, return_counts=True), "np.unique(x, return_counts=True)", x)


def test_bincount(contest):
    ask(contest, "bincount, 1e6 int64 of 1000 classes", lambda T, x: T.bincount(x),
        "np.bincount(x)", CLASSES)


def test_searchsorted(contest):
    ask(contest, "searchsorted, 1e6 float32 in as many",
        lambda T, x: T.searchsorted(T.sort(x), x), "np.searchsorted(np.sort(x), x)",
        VALUES["float32"])
