"""How fast is indexing by arrays, and writing where they say?"""
import numpy as np
import pytest
from turns import Candidate

rng = np.random.default_rng(0)
ROWS, ELEMENTS, PICKS = 4096, 1_000_000, 100_000
DTYPES = ("float32", "float64")


def arrays(case, dtype):
    """What is indexed, the index arrays, and what is added there."""
    if case == "rows":
        x, indices = rng.normal(size=(10_000, 128)), [rng.integers(0, 10_000, ROWS)]
    elif case == "elements":
        x, indices = rng.normal(size=ELEMENTS), [rng.integers(0, ELEMENTS, ELEMENTS)]
    else:
        x, indices = rng.normal(size=(PICKS, 10)), [np.arange(PICKS), rng.integers(0, 10, PICKS)]
    x = x.astype(dtype)
    return x, indices, rng.normal(size=x[tuple(indices)].shape).astype(dtype)


QUESTIONS = {"rows": "4096 rows of 10000 x 128", "elements": "1e6 of 1e6 elements",
             "picks": "x[arange(n), y], n = 1e5"}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("case", QUESTIONS)
def test_take(contest, case, dtype):
    x, indices, _ = arrays(case, dtype)

    def ours():
        import cytensor as ct
        import cytensor.tensor as T
        a, i = T.tensor(dtype, (None,) * x.ndim), [T.lvector() for _ in indices]
        return Candidate("f(x, *i)", {"f": ct.function([a, *i], a[tuple(i)]), "x": x,
                                      "i": indices})

    statement = "x.take(i[0], 0)" if len(indices) == 1 else "x[i[0], i[1]]"
    contest(f"take {QUESTIONS[case]}, {dtype}", {
        "cytensor": ours, "numpy": lambda: Candidate(statement, {"x": x, "i": indices}),
    }, targets={"numpy": 1.0}, rtol=0)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("case", QUESTIONS)
def test_scatter_add(contest, case, dtype):
    """An update of a shared variable, in place, as NumPy's is."""
    x, indices, y = arrays(case, dtype)

    def ours():
        import cytensor as ct
        import cytensor.tensor as T
        W = ct.shared(x.copy())
        i, v = [T.lvector() for _ in indices], T.tensor(dtype, (None,) * y.ndim)
        f = ct.function([*i, v], [], updates=[(W, T.inc_subtensor(W[tuple(i)], v))])
        return Candidate("f(*i, v) or done", {"f": f, "i": indices, "v": y, "done": 0})

    contest(f"add to {QUESTIONS[case]}, {dtype}", {
        "cytensor": ours,
        "numpy": lambda: Candidate("np.add.at(x, i, v) or done", {
            "np": np, "x": x.copy(), "i": tuple(indices), "v": y, "done": 0}),
    }, targets={"numpy": 0.2})
