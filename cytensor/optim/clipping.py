"""What is done to gradients before a rule gets them."""
from collections.abc import Sequence

from cytensor import tensor as T
from cytensor._core import Variable


def global_norm(gradients: Sequence[Variable]) -> Variable:
    """Return the Euclidean norm of all gradients as one vector.

    Parameters
    ----------
    gradients : list of Variable

    Returns
    -------
    Variable, 0-d

    Examples
    --------
    >>> global_norm([T.constant([1.0, 2.0]), T.constant([[2.0]])]).eval()
    array(3.)
    """
    return T.sqrt(sum([T.sum(g * g) for g in gradients]))


def clip_norm(gradients: Sequence[Variable], limit: float | Variable) -> list[Variable]:
    """Make all gradients shorter by one factor, so that together they have at most a given norm.

    Their direction stays: recurrent layers want this, as their gradients may be large now and then
    (Pascanu, Mikolov and Bengio, "On the difficulty of training recurrent neural networks", ICML
    2013, algorithm 1).

    Parameters
    ----------
    gradients : list of Variable
    limit : float or 0-d Variable

    Returns
    -------
    list of Variable

    Examples
    --------
    >>> a, b = clip_norm([T.constant([3.0, 4.0]), T.constant([0.0])], 1.0)
    >>> a.eval()
    array([0.6, 0.8])
    """
    norm = global_norm(gradients)
    factor = limit / T.maximum(norm, limit)         # 1 below the limit; a norm of 0 is no problem
    return [g * T.cast(factor, g.type.dtype) for g in gradients]
