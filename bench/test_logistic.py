"""What does a small model cost: value and gradient of a logistic regression?"""
import numpy as np
from questions import Question
from turns import Candidate

rng = np.random.default_rng(0)
X = rng.normal(size=(200, 10))
y = (rng.random(200) < 0.5).astype(np.float64)
w = rng.normal(size=10)
DATA = {"X": X, "y": y, "w": w}


def cytensor():
    import cytensor as ct
    import cytensor.tensor as T
    return _symbolic(ct, T, T.grad)


def pytensor():
    import pytensor
    candidate = _symbolic(pytensor, pytensor.tensor, pytensor.grad)
    candidate.names["f"].trust_input = True
    return candidate


def _symbolic(lib, T, grad):
    X, y, w = T.dmatrix("X"), T.dvector("y"), T.dvector("w")
    z = T.dot(X, w)
    loss = T.mean(T.softplus(z) - y * z)
    f = lib.function([X, y, w], [loss, grad(loss, w)])
    return Candidate("f(X, y, w)", {"f": f, **DATA})


def numpy():
    def f(X, y, w):
        z = X @ w
        p = 1 / (1 + np.exp(-z))
        return np.mean(np.logaddexp(0, z) - y * z), (p - y) @ X / len(y)
    return Candidate("f(X, y, w)", {"f": f, **DATA})


def torch():
    import torch

    def f(X, y, w):
        w.grad = None
        z = X @ w
        loss = (torch.nn.functional.softplus(z) - y * z).mean()
        loss.backward()
        return loss, w.grad
    names = {name: torch.from_numpy(value) for name, value in DATA.items()}
    names["w"] = names["w"].clone().requires_grad_()
    return Candidate("f(X, y, w)", {"f": f, **names})


def jax():
    import jax
    jax.config.update("jax_enable_x64", True)

    def loss(w, X, y):
        z = X @ w
        return (jax.nn.softplus(z) - y * z).mean()
    f = jax.jit(jax.value_and_grad(loss))
    return Candidate("jax.block_until_ready(f(w, X, y))", {"f": f, "jax": jax, **DATA})


def questions():
    yield Question("value and gradient of a 200x10 logistic regression, float64", {
        "cytensor": cytensor, "numpy by hand": numpy, "torch": torch, "jax.jit": jax,
        "pytensor (trust_input)": pytensor,
    }, {"pytensor (trust_input)": 0.6}, rtol=1e-6, label="logistic regression, gradient")


def test_question(question, ask):
    ask(question)
