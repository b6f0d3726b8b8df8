"""How fast are batch and layer normalisation, softmax and dropout, values and gradients?"""
import numpy as np
from questions import Question
from turns import Candidate

IMAGES, ROWS = (64, 64, 28, 28), (4096, 1000)
TARGETS = {"torch": 0.8}
#: Those that are in the chart.
SHOWN = ("batch normalisation", "layer normalisation", "softmax")


def numbers(seed, *shape):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def symbolic(make, arrays, slopes):
    """``make(T, x, ...)``; with slopes, the gradient as well, the last array being that of it."""
    import cytensor as ct
    import cytensor.tensor as T
    xs = [T.TensorType("float32", (None,) * a.ndim)() for a in arrays]
    inner = xs[:-1] if slopes else xs
    outs = [make(T, *inner)]
    if slopes:
        outs += T.grad(None, inner, known_grads={outs[0]: xs[-1]})
    names = {"f": ct.function(xs, outs), "arrays": arrays}
    return Candidate("f(*arrays)", names)


def eager(make, arrays, slopes):
    """The same by torch: ``make(torch.nn.functional, x, ...)``."""
    import torch
    tensors = [torch.from_numpy(a) for a in arrays]
    if not slopes:
        def f():
            with torch.no_grad():
                return [make(torch.nn.functional, *tensors)]
        return Candidate("f()", {"f": f})
    *inner, g = tensors
    inner = [x.clone().requires_grad_() for x in inner]

    def both():
        for x in inner:
            x.grad = None
        out = make(torch.nn.functional, *inner)
        out.backward(g)
        return [out, *[x.grad for x in inner]]
    return Candidate("f()", {"f": both})


def batch_arrays():
    return [numbers(0, *IMAGES), numbers(1, 64), numbers(2, 64)]


def row_arrays():
    return [numbers(0, *ROWS), numbers(1, ROWS[1]), numbers(2, ROWS[1])]


CASES = {
    "batch normalisation": (
        batch_arrays, lambda T, x, g, b: T.nnet.bn.batch_normalization_train(
            x, g, b, "spatial", 1e-5)[0],
        lambda F, x, g, b: F.batch_norm(x, None, None, g, b, True)),
    "batch normalisation by column": (
        row_arrays, lambda T, x, g, b: T.nnet.bn.batch_normalization_train(
            x, g, b, epsilon=1e-5)[0],
        lambda F, x, g, b: F.batch_norm(x, None, None, g, b, True)),
    "layer normalisation": (
        row_arrays, lambda T, x, g, b: T.nnet.layer_norm(x, g, b),
        lambda F, x, g, b: F.layer_norm(x, (ROWS[1],), g, b)),
    "group normalisation": (
        batch_arrays, lambda T, x, g, b: T.nnet.group_norm(x, 8, g, b),
        lambda F, x, g, b: F.group_norm(x, 8, g, b)),
    "softmax": (lambda: [numbers(0, *ROWS)], lambda T, x: T.softmax(x),
                lambda F, x: F.softmax(x, -1)),
    "log-softmax": (lambda: [numbers(0, *ROWS)], lambda T, x: T.log_softmax(x),
                    lambda F, x: F.log_softmax(x, -1)),
}


def against_torch(name, slopes):
    make, ours, theirs = CASES[name]

    def arrays():
        found = make()
        return [*found, numbers(3, *found[0].shape)] if slopes else found

    shape = IMAGES if make is batch_arrays else ROWS
    return Question(f"{name}{' and its gradient' if slopes else ''}, {shape}, float32", {
        "cytensor": lambda: symbolic(ours, arrays(), slopes),
        "torch": lambda: eager(theirs, arrays(), slopes),
    }, TARGETS, rtol=5e-3, label=f"{name}, gradient" if slopes and name in SHOWN else "")


def dropout():
    def ours():
        import cytensor.random
        x = numbers(0, *ROWS)
        return symbolic(lambda T, x: cytensor.random.dropout(x, 0.25, 1), [x, x], True)

    def theirs():
        x = numbers(0, *ROWS)
        return eager(lambda F, x: F.dropout(x, 0.25), [x, x], True)

    return Question(f"dropout and its gradient, {ROWS}, float32",
                    {"cytensor": ours, "torch": theirs}, TARGETS, check=lambda values: None)


def questions():
    for name in CASES:
        for slopes in (False, True):
            yield against_torch(name, slopes)
    yield dropout()


def test_question(question, ask):
    ask(question)
