"""How fast is indexing by arrays, writing where they say, and finding where the largest are?"""
import numpy as np
from questions import Question
from turns import Candidate

ROWS, ELEMENTS, PICKS = 4096, 1_000_000, 100_000
DTYPES = ("float32", "float64")
#: What is in the chart.
SHOWN = "elements", "float32"


def arrays(case, dtype):
    """What is indexed, the index arrays, and what is added there."""
    rng = np.random.default_rng(0)
    if case == "rows":
        x, indices = rng.normal(size=(10_000, 128)), [rng.integers(0, 10_000, ROWS)]
    elif case == "elements":
        x, indices = rng.normal(size=ELEMENTS), [rng.integers(0, ELEMENTS, ELEMENTS)]
    else:
        x, indices = rng.normal(size=(PICKS, 10)), [np.arange(PICKS), rng.integers(0, 10, PICKS)]
    x = x.astype(dtype)
    return x, indices, rng.normal(size=x[tuple(indices)].shape).astype(dtype)


CASES = {"rows": "4096 rows of 10000 x 128", "elements": "1e6 of 1e6 elements",
         "picks": "x[arange(n), y], n = 1e5"}


def take(case, dtype):
    x, indices, _ = arrays(case, dtype)

    def ours():
        import cytensor as ct
        import cytensor.tensor as T
        a, i = T.tensor(dtype, (None,) * x.ndim), [T.lvector() for _ in indices]
        return Candidate("f(x, *i)", {"f": ct.function([a, *i], a[tuple(i)]), "x": x,
                                      "i": indices})

    statement = "x.take(i[0], 0)" if len(indices) == 1 else "x[i[0], i[1]]"
    return Question(f"take {CASES[case]}, {dtype}", {
        "cytensor": ours, "numpy": lambda: Candidate(statement, {"x": x, "i": indices}),
    }, {"numpy": 1.0}, rtol=0, label="take, 1e6" if (case, dtype) == SHOWN else "")


def scatter_add(case, dtype):
    """An update of a shared variable, in place, as NumPy's is."""
    x, indices, y = arrays(case, dtype)

    def ours():
        import cytensor as ct
        import cytensor.tensor as T
        W = ct.shared(x.copy())
        i, v = [T.lvector() for _ in indices], T.tensor(dtype, (None,) * y.ndim)
        f = ct.function([*i, v], [], updates=[(W, T.inc_subtensor(W[tuple(i)], v))])
        return Candidate("f(*i, v) or done", {"f": f, "i": indices, "v": y, "done": 0})

    return Question(f"add to {CASES[case]}, {dtype}", {
        "cytensor": ours,
        "numpy": lambda: Candidate("np.add.at(x, i, v) or done", {
            "np": np, "x": x.copy(), "i": tuple(indices), "v": y, "done": 0}),
    }, {"numpy": 0.2}, label="add at, 1e6" if (case, dtype) == SHOWN else "")


# ----- indexing with work before or after it -----

def lookup_arrays():
    """Rows of word vectors."""
    rng = np.random.default_rng(0)
    return [rng.normal(size=(10_000, 128)).astype("float32"), rng.integers(0, 10_000, ROWS)]


def logit_arrays():
    """What a classifier of 1,000 classes gives, and its biases."""
    rng = np.random.default_rng(0)
    return [rng.normal(size=n).astype("float32") for n in ((ROWS, 1000), 1000)]


#: The arrays, and the statement with each library: ``ours`` is symbolic.
FUSED = {
    "embedding lookup, tanh, sum of rows": (
        lookup_arrays, lambda T, e, i: T.tanh(e[i]).sum(1),
        "np.tanh(x[i]).sum(1)", "torch.tanh(x[i]).sum(1)", 0.8),
    "argmax of logits with biases": (
        logit_arrays, lambda T, x, b: T.argmax(x + b, 1),
        "np.argmax(x + i, 1)", "torch.argmax(x + i, 1)", 0.8),
}


def fused(name):
    make, build, by_numpy, by_torch, target = FUSED[name]
    x, i = make()

    def ours():
        import cytensor as ct
        import cytensor.tensor as T
        variables = [T.tensor(a.dtype.name, (None,) * a.ndim) for a in (x, i)]
        f = ct.function(variables, build(T, *variables))
        return Candidate("f(x, i)", {"f": f, "x": x, "i": i})

    def torch():
        import torch
        return Candidate(by_torch, {"torch": torch, "x": torch.from_numpy(x),
                                    "i": torch.from_numpy(i)})

    return Question(f"{name}, {x.shape}", {
        "cytensor": ours, "torch": torch,
        "numpy": lambda: Candidate(by_numpy, {"np": np, "x": x, "i": i}),
    }, {"numpy": target, "torch": target}, label=name)


# ----- the gradient of an embedding: what is added is computed on the way -----

def embedding_arrays():
    """A table, the rows that are looked up, and what they should be."""
    rng = np.random.default_rng(0)
    return [rng.normal(size=(100_000, 64)).astype("float32"), rng.integers(0, 100_000, 100_000),
            rng.normal(size=(100_000, 64)).astype("float32")]


def embedding_gradient():
    table, i, wanted = embedding_arrays()

    def ours():
        import cytensor as ct
        import cytensor.tensor as T
        E, k, w = T.fmatrix("E"), T.lvector("k"), T.fmatrix("w")
        cost = ((E[k] - w) ** 2).sum()
        f = ct.function([E, k, w], [cost, T.grad(cost, E)])
        return Candidate("f(E, i, w)", {"f": f, "E": table, "i": i, "w": wanted})

    def jax():
        import jax
        import jax.numpy as jnp
        f = jax.jit(jax.value_and_grad(lambda E, i, w: ((E[i] - w) ** 2).sum()))
        return Candidate("ready(f(E, i, w))", {
            "f": f, "ready": jax.block_until_ready,
            **dict(zip("Eiw", map(jnp.asarray, (table, i, wanted))))})

    def torch():
        import torch
        E, k, w = map(torch.from_numpy, (table, i, wanted))
        E = E.clone().requires_grad_()

        def f():
            E.grad = None
            cost = ((E[k] - w) ** 2).sum()
            cost.backward()
            return cost, E.grad
        return Candidate("f()", {"f": f})

    return Question("cost and gradient of 100,000 of 100,000 rows of 64, float32", {
        "cytensor": ours, "torch": torch, "jax.jit": jax},
        {"torch": 0.8, "jax.jit": 0.8}, rtol=1e-3, label="gradient of an embedding")


def questions():
    for case in CASES:
        for dtype in DTYPES:
            yield take(case, dtype)
            yield scatter_add(case, dtype)
    for name in FUSED:
        yield fused(name)
    yield embedding_gradient()


def test_question(question, ask):
    ask(question)
