"""Rules of gradient descent: each makes the updates that `function` takes.

A rule takes the loss, or the gradients of it if they are to be changed before, and the shared
variables to be trained. What it has to remember from step to step is in shared variables of its
own, which begin with zeros.
"""
from collections.abc import Iterator, Sequence
from typing import TypeAlias

import numpy as np

from cytensor import tensor as T
from cytensor._core import Variable
from cytensor.autodiff.reverse import grad
from cytensor.loops import OrderedUpdates
from cytensor.shared import SharedVariable, shared

Loss: TypeAlias = Variable | Sequence[Variable]
Rate: TypeAlias = float | Variable


def sgd(loss: Loss, params: Sequence[SharedVariable], rate: Rate) -> OrderedUpdates:
    """Go against the gradient: ``w - rate * g``.

    Parameters
    ----------
    loss : 0-d Variable, or list of Variable
        What is to become small, or its gradients.
    params : list of SharedVariable
    rate : float or 0-d Variable
        A shared variable may be changed while training goes on.

    Returns
    -------
    OrderedUpdates

    Raises
    ------
    ValueError
        If there are not as many gradients as parameters.

    Examples
    --------
    >>> import cytensor as ct
    >>> w = ct.shared(1.0)
    >>> step = ct.function([], updates=sgd(w ** 2, [w], rate=0.25))
    >>> _ = step(), step()
    >>> float(w.get_value())
    0.25
    """
    return OrderedUpdates({w: w - eta * g for w, g, eta in _terms(loss, params, rate)})


def momentum(loss: Loss, params: Sequence[SharedVariable], rate: Rate, momentum: float = 0.9,
             nesterov: bool = False) -> OrderedUpdates:
    """Keep a velocity: ``v = momentum * v - rate * g``, then ``w + v``.

    Parameters
    ----------
    loss, params, rate
        As in `sgd`.
    momentum : float
        The part of the velocity that stays.
    nesterov : bool
        Take the gradient where the velocity leads, seen from there: ``w + momentum * v - rate * g``
        (Sutskever, Martens, Dahl and Hinton, "On the importance of initialization and momentum in
        deep learning", ICML 2013, in the form of Bengio, Boulanger-Lewandowski and Pascanu,
        "Advances in optimizing recurrent networks", ICASSP 2013, formula 7).

    Returns
    -------
    OrderedUpdates

    Examples
    --------
    >>> import cytensor as ct
    >>> w = ct.shared(1.0)
    >>> step = ct.function([], updates=momentum(w, [w], rate=0.5))
    >>> _ = step(), step()
    >>> round(float(w.get_value()), 2)
    -0.45
    """
    updates = OrderedUpdates()
    for w, g, eta in _terms(loss, params, rate):
        velocity = _memory("velocity", w)
        new = momentum * velocity - eta * g
        updates[velocity] = new
        updates[w] = w + (momentum * new - eta * g if nesterov else new)
    return updates


def rmsprop(loss: Loss, params: Sequence[SharedVariable], rate: Rate = 1e-3, decay: float = 0.9,
            epsilon: float = 1e-8) -> OrderedUpdates:
    """Divide by the root of a running average of squares: ``w - rate * g / (sqrt(v) + epsilon)``.

    ``v = decay * v + (1 - decay) * g²`` (Tieleman and Hinton, lecture 6.5 of "Neural networks for
    machine learning", 2012).

    Parameters
    ----------
    loss, params, rate
        As in `sgd`.
    decay : float
        The part of the average that stays.
    epsilon : float
        Keeps steps small where gradients are tiny.

    Returns
    -------
    OrderedUpdates

    Examples
    --------
    >>> import cytensor as ct
    >>> w = ct.shared(1.0)
    >>> step = ct.function([], updates=rmsprop(w, [w], rate=0.5, decay=0.75))
    >>> _ = step()
    >>> round(float(w.get_value()), 6)
    0.0
    """
    updates = OrderedUpdates()
    for w, g, eta in _terms(loss, params, rate):
        square = _memory("square", w)
        new = decay * square + (1 - decay) * g * g
        updates[square] = new
        updates[w] = w - eta * g / (T.sqrt(new) + epsilon)
    return updates


def adam(loss: Loss, params: Sequence[SharedVariable], rate: Rate = 1e-3, beta1: float = 0.9,
         beta2: float = 0.999, epsilon: float = 1e-8) -> OrderedUpdates:
    """Divide a running average of gradients by the root of one of squares, both without bias.

    With t the number of the step, ``m = beta1 * m + (1 - beta1) * g``, ``v = beta2 * v + (1 -
    beta2) * g²``, and the step is ``rate * (m / (1 - beta1 ** t)) / (sqrt(v / (1 - beta2 ** t)) +
    epsilon)`` (Kingma and Ba, "Adam: a method for stochastic optimization", ICLR 2015,
    algorithm 1).

    Parameters
    ----------
    loss, params, rate
        As in `sgd`.
    beta1, beta2 : float
        The parts of the averages that stay.
    epsilon : float
        Keeps steps small where gradients are tiny.

    Returns
    -------
    OrderedUpdates

    Examples
    --------
    >>> import cytensor as ct
    >>> w = ct.shared(1.0)
    >>> step = ct.function([], updates=adam(w ** 2, [w], rate=0.25))
    >>> _ = step(), step()
    >>> round(float(w.get_value()), 2)
    0.5
    """
    steps = shared(np.int64(0), name="steps")
    t = T.cast(steps + 1, "float64")
    updates = OrderedUpdates({steps: steps + 1})
    for w, g, eta in _terms(loss, params, rate):
        mean, square = _memory("mean", w), _memory("square", w)
        updates[mean] = beta1 * mean + (1 - beta1) * g
        updates[square] = beta2 * square + (1 - beta2) * g * g
        first, second = [T.cast(1 / (1 - beta ** t), w.type.dtype) for beta in (beta1, beta2)]
        updates[w] = w - eta * first * updates[mean] / (
            T.sqrt(updates[square] * second) + epsilon)
    return updates


# ----- what rules have in common -----

def _terms(loss, params, rate) -> Iterator[tuple]:
    """Yield each parameter with its gradient, and the rate in its dtype."""
    grads = grad(loss, list(params)) if isinstance(loss, Variable) else list(loss)
    if len(grads) != len(params):
        raise ValueError(f"there are {len(grads)} gradients of {len(params)} parameters")
    for w, g in zip(params, grads):
        yield w, g, T.cast(rate, w.type.dtype)


def _memory(name, w):
    """A shared variable of zeros for something that belongs to a parameter."""
    zeros = np.zeros_like(w.get_value(borrow=True))
    return shared(zeros, name=f"{name} of {w.name}", shape=w.type.shape)
