"""How fast are sorting and counting?"""
import numpy as np
from questions import Question
from turns import Candidate

rng = np.random.default_rng(0)
#: All different: there is one order.
VALUES = {"float32": rng.permutation(1_000_000).astype("float32") / 3 - 1e5,
          "int64": (rng.permutation(1_000_000) - 500_000) * 2**20}
CLASSES = rng.integers(0, 1000, 1_000_000)


def compiled(build, x):
    """A candidate that calls our function of one array."""
    import cytensor as ct
    import cytensor.tensor as T
    variable = T.tensor(x.dtype.name, (None,) * x.ndim)
    return Candidate("f(x)", {"f": ct.function([variable], build(T, variable)), "x": x})


def against_numpy(name, build, statement, x, label=""):
    return Question(name, {
        "cytensor": lambda: compiled(build, x),
        "numpy": lambda: Candidate(statement, {"np": np, "x": x}),
    }, {"numpy": 1.05}, rtol=0, label=label)


def sorting():
    for dtype, values in VALUES.items():
        for shape in (1_000_000,), (1000, 1000):
            x = values.reshape(shape)
            label = f"sort, {dtype}, 1e6" if len(shape) == 1 else ""
            yield against_numpy(f"sort, {dtype} {shape}", lambda T, x: T.sort(x), "np.sort(x)", x,
                                label)
            yield against_numpy(f"argsort, {dtype} {shape}", lambda T, x: T.argsort(x),
                                "np.argsort(x)", x)


def largest():
    for dtype, values in VALUES.items():
        for k in 10, 10_000:
            yield against_numpy(f"topk, {k} of 1e6 {dtype}", lambda T, x, k=k: T.topk(x, k),
                                f"np.sort(np.partition(x, -{k})[-{k}:])[::-1]", values)
    yield against_numpy("topk, 10 of each of 1000 rows of 1000 float32",
                        lambda T, x: T.topk(x, 10),
                        "np.sort(np.partition(x, -10, 1)[:, -10:], 1)[:, ::-1]",
                        VALUES["float32"].reshape(1000, 1000))


def counting():
    for name, x in [*VALUES.items(), ("of 1000 classes", CLASSES)]:
        yield against_numpy(f"unique, 1e6 {name}", lambda T, x: T.unique(x), "np.unique(x)", x)
        yield against_numpy(f"unique with counts, 1e6 {name}",
                            lambda T, x: T.unique(x, return_counts=True),
                            "np.unique(x, return_counts=True)", x)
    yield against_numpy("bincount, 1e6 int64 of 1000 classes", lambda T, x: T.bincount(x),
                        "np.bincount(x)", CLASSES)
    yield against_numpy("searchsorted, 1e6 float32 in as many",
                        lambda T, x: T.searchsorted(T.sort(x), x),
                        "np.searchsorted(np.sort(x), x)", VALUES["float32"])


def questions():
    yield from sorting()
    yield from largest()
    yield from counting()


def test_question(question, ask):
    ask(question)
