"""Rules of gradient descent against the same rules in NumPy."""
from functools import partial

import numpy as np
import pytest

import cytensor as ct
import cytensor.tensor as T
from cytensor import optim

GRADIENTS = np.random.default_rng(0).normal(size=(20, 3))
RATE = 0.1


# ----- the rules in NumPy: yield the change of the parameter in each step -----

def sgd(gradients):
    for g in gradients:
        yield -RATE * g


def momentum(gradients, mu=0.9, nesterov=False):
    v = 0
    for g in gradients:
        v = mu * v - RATE * g
        yield mu * v - RATE * g if nesterov else v


def rmsprop(gradients, decay=0.9, epsilon=1e-8):
    v = 0
    for g in gradients:
        v = decay * v + (1 - decay) * g ** 2
        yield -RATE * g / (np.sqrt(v) + epsilon)


def adam(gradients, beta1=0.9, beta2=0.999, epsilon=1e-8):
    m = v = 0
    for t, g in enumerate(gradients, 1):
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g ** 2
        yield -RATE * m / (1 - beta1 ** t) / (np.sqrt(v / (1 - beta2 ** t)) + epsilon)


RULES = [
    (optim.sgd, sgd, {}),
    (optim.momentum, momentum, {}),
    (optim.momentum, lambda g: momentum(g, 0.5), {"momentum": 0.5}),
    (optim.momentum, lambda g: momentum(g, nesterov=True), {"nesterov": True}),
    (optim.rmsprop, rmsprop, {}),
    (optim.rmsprop, lambda g: rmsprop(g, 0.99, 0.1), {"decay": 0.99, "epsilon": 0.1}),
    (optim.adam, adam, {}),
    (optim.adam, lambda g: adam(g, 0.8, 0.9, 0.1), {"beta1": 0.8, "beta2": 0.9, "epsilon": 0.1}),
]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("rule, twin, options", RULES)
def test_steps_are_those_of_numpy(rule, twin, options, dtype):
    w, other = [ct.shared(np.zeros(3, dtype), name=name) for name in ("w", "other")]
    g = T.vector("g", dtype=dtype)
    loss = (w * g).sum() - (other * g).sum()        # its gradients are g and -g
    step = ct.function([g], updates=rule(loss, [w, other], RATE, **options))
    for gradient in GRADIENTS:
        step(gradient.astype(dtype))
    wanted = sum(twin(GRADIENTS))
    np.testing.assert_allclose(w.get_value(), wanted, rtol=1e-4 if dtype == "float32" else 1e-10)
    np.testing.assert_allclose(other.get_value(), -wanted, rtol=1e-4)
    assert w.get_value().dtype == dtype


@pytest.mark.parametrize("rule", [optim.sgd, partial(optim.momentum, momentum=0.0), optim.rmsprop,
                                  optim.adam])
def test_a_shared_rate_may_change(rule):
    w, rate = ct.shared(np.zeros(3, np.float32)), ct.shared(0.5)
    step = ct.function([], updates=rule(w.sum(), [w], rate))
    step()
    assert (w.get_value() < -0.1).all()
    before = w.get_value()
    rate.set_value(0.0)
    step()
    np.testing.assert_array_equal(w.get_value(), before)


@pytest.mark.parametrize("rate", [0.5, np.float64(0.5), np.float32(0.5)])
def test_a_rate_does_not_change_the_dtype(rate):
    w = ct.shared(np.zeros(3, np.float32))
    ct.function([], updates=optim.adam(w.sum(), [w], rate))()
    assert w.get_value().dtype == np.float32


def test_gradients_in_place_of_a_loss():
    w = ct.shared(np.ones(2))
    ct.function([], updates=optim.sgd([T.constant([1.0, 2.0])], [w], 0.5))()
    np.testing.assert_array_equal(w.get_value(), [0.5, 0.0])
    with pytest.raises(ValueError, match="2 gradients of 1 parameters"):
        optim.sgd([w, w], [w], 0.1)


# ----- clipping -----

@pytest.mark.parametrize("limit, factor", [(1.0, 1 / 13), (13.0, 1), (26.0, 1), (6.5, 0.5)])
def test_clipping_makes_all_gradients_shorter_alike(limit, factor):
    gradients = [np.array([3.0, 4.0]), np.array([[12.0]])]
    clipped = optim.clip_norm([T.constant(g) for g in gradients], limit)
    for g, wanted in zip(clipped, gradients):
        np.testing.assert_allclose(g.eval(), factor * wanted)


def test_clipping_of_nothing():
    g, = optim.clip_norm([T.constant(np.zeros(2, np.float32))], 1.0)
    np.testing.assert_array_equal(g.eval(), [0, 0])
    assert g.dtype == "float32"


def test_the_norm_of_all():
    parts = [GRADIENTS[:5], GRADIENTS[5:].ravel()]
    norm = optim.global_norm([T.constant(part) for part in parts]).eval()
    np.testing.assert_allclose(norm, np.linalg.norm(GRADIENTS))
