"""Sizes that depend on data: they cut a program into segments, whose values must meet again.

Also what sizes are taken to be equal, and integers of few bits among them.
"""
import numpy as np
import pytest
from reference import evaluate

import cytensor as ct
import cytensor.tensor as T
from cytensor._core import leaves

x, y = T.dmatrices("x", "y")
n, small, unsigned = T.lscalar("n"), T.bscalar("small"), T.scalar("unsigned", dtype="uint8")
truth = T.scalar("truth", dtype="bool")
FEED = {x: np.arange(12.0).reshape(3, 4) - 5, y: np.ones((3, 4)), n: 2, small: 100, unsigned: 3,
        truth: True}

positive = x[x > 0]
most = T.argmax(x[0])               # 3

GRAPHS = {
    "a value of an earlier segment": positive.sum() * positive + x[0, 0],
    "a size as a value, later": positive * x.shape[0],
    "the size of a part as a value": x[:, :most] * x[:, :most].shape[1],
    "a count of a part": T.arange(positive.shape[0]) * positive,
    "sizes that only the run finds equal": positive + positive[::-1],
    "a size that equals a late one": [x[0] + y[0][y[0] > 0], T.exp(x[0])],
    "a mask of what has a late size": positive[positive > 3] + n,
    "a view of a late part": [x.T[:most], T.tanh(x).T[:most].sum(axis=0)],
    "a bound that is a view of a sum": x[:T.eq(x, 0).sum().dimshuffle("x")[0] + 1],
    "a bound that is a result as well": [x[:most], most],
    "a bound that is a view of a size": x[:x.shape[0].dimshuffle("x")[0]],
    "a bound that is one of a count": x[:T.arange(n + 2)[2]],
    "a bound that is one of every second": x[:T.arange(n + 2)[::2][1]],
    "a bound out of a repeated size": x[:, :T.broadcast_to(x.shape[0], (3,))[1]],
    "a size chosen by a value": x[:, :x.shape[T.argmin(x[0])]],
    "three segments": T.arange(x[:, :T.arange(most * 2)[2]].shape[1] + 1).sum() + x,
    "a reshape by a late size": positive.reshape((positive.shape[0] // 2, 2)),
    "an equal size that contains it": x + x.reshape((x.shape[0] * x.shape[1],))[:x.size].reshape(
        x.shape),
    "its own elements in another order": T.tanh(x)[::-1] + T.tanh(x),
    "its own elements, moved": T.exp(x)[1:] - T.exp(x)[:-1],
    "int8 that grows too large": T.arange(small + small + 60),
    "int8 that is turned around": T.arange(-(small + 28)),
    "int8 of something wider": T.arange((n + 256).astype("int8")),
    "uint8 below zero": T.arange(unsigned - 4),
    "uint8 of something negative": T.arange((-n).astype("uint8")),
    "truth values that are added": T.arange((truth + truth).astype("int64")),
    "the truth of a number": T.arange(n.astype("bool").astype("int64")),
}


@pytest.mark.parametrize("mode", ["none", "fast_compile", "fast_run"])
@pytest.mark.parametrize("name", GRAPHS)
def test_value(name, mode):
    given = GRAPHS[name]
    outputs = given if isinstance(given, list) else [given]
    inputs = [v for v in FEED if v in leaves(outputs)]
    f = ct.function(inputs, outputs, mode=mode)
    for _ in range(2):
        for got, want in zip(f(*[FEED[v] for v in inputs]), evaluate(outputs, FEED), strict=True):
            assert got.dtype == want.dtype
            np.testing.assert_allclose(got, want, rtol=1e-12)


def test_a_jacobian_whose_height_only_the_run_knows():
    v = T.dvector("v")
    f = ct.function([v], ct.jacobian(v ** 2 + v.sum(), v))
    for size in 3, 0, 5:
        value = np.arange(float(size))
        np.testing.assert_allclose(f(value), np.diag(2 * value) + 1)
