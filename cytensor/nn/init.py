"""First values of parameters: functions of a shape, with the papers that their formulas are from.

Every function takes the shape, the dtype (by default `config.floatX`), and a seed or generator of
random numbers. What else it takes is bound with `functools.partial`::

    nn.Dense(784, 100, weights=partial(nn.init.normal, std=0.1))

A shape of two axes means a matrix (inputs, outputs), as `Dense` has it; one of more axes means
filters (outputs, inputs, height, width, ..), as convolutions have them.
"""
from collections.abc import Sequence
from math import prod, sqrt

import numpy as np

from cytensor import config

Shape = Sequence[int]
Seed = int | np.random.Generator | None


def as_float(value, dtype=None):
    """Return an array of a dtype, by default `config.floatX`."""
    return np.asarray(value, dtype or config.floatX)


# ----- values that are known -----

def constant(shape: Shape, dtype: str | None = None, rng: Seed = None,
             value: float = 0.0) -> np.ndarray:
    """Return an array of one value.

    Parameters
    ----------
    shape : sequence of int
    dtype : str, optional
    rng
        Without effect; every function of this module takes it.
    value : float

    Returns
    -------
    ndarray

    Examples
    --------
    >>> constant((2,), value=0.5)
    array([0.5, 0.5])
    """
    return as_float(np.full(shape, value), dtype)


def zeros(shape: Shape, dtype: str | None = None, rng: Seed = None) -> np.ndarray:
    """Return an array of zeros.

    Examples
    --------
    >>> zeros((2,))
    array([0., 0.])
    """
    return constant(shape, dtype)


def ones(shape: Shape, dtype: str | None = None, rng: Seed = None) -> np.ndarray:
    """Return an array of ones.

    Examples
    --------
    >>> ones((2,))
    array([1., 1.])
    """
    return constant(shape, dtype, value=1.0)


# ----- distributions as they are -----

def uniform(shape: Shape, dtype: str | None = None, rng: Seed = None, low: float = -0.05,
            high: float = 0.05) -> np.ndarray:
    """Return numbers that are uniform between two bounds.

    Parameters
    ----------
    shape : sequence of int
    dtype : str, optional
    rng : int or numpy.random.Generator, optional
    low, high : float

    Returns
    -------
    ndarray

    Examples
    --------
    >>> x = uniform((100,), rng=0, low=0.0, high=2.0)
    >>> bool(0 <= x.min() < x.max() < 2)
    True
    """
    return as_float(np.random.default_rng(rng).uniform(low, high, shape), dtype)


def normal(shape: Shape, dtype: str | None = None, rng: Seed = None, std: float = 0.05,
           mean: float = 0.0) -> np.ndarray:
    """Return normal numbers.

    Parameters
    ----------
    shape : sequence of int
    dtype : str, optional
    rng : int or numpy.random.Generator, optional
    std, mean : float

    Returns
    -------
    ndarray

    Examples
    --------
    >>> normal((2, 3), rng=0).shape
    (2, 3)
    """
    return as_float(np.random.default_rng(rng).normal(mean, std, shape), dtype)


# ----- distributions whose width follows from the shape -----

def fans(shape: Shape) -> tuple[int, int]:
    """Return how many numbers an output is a sum of, and in how many outputs an input occurs.

    Parameters
    ----------
    shape : sequence of int
        (inputs, outputs), or (outputs, inputs, *window) for the filters of a convolution.

    Returns
    -------
    fan_in, fan_out : int

    Raises
    ------
    ValueError
        If the shape has fewer than two axes.

    Examples
    --------
    >>> fans((784, 100)), fans((16, 3, 5, 5))
    ((784, 100), (75, 400))
    """
    if len(shape) < 2:
        raise ValueError(f"the shape {tuple(shape)} has no inputs and outputs: give two axes for a "
                         "matrix, or more for filters")
    if len(shape) == 2:
        return shape[0], shape[1]
    window = prod(shape[2:])
    return shape[1] * window, shape[0] * window


def _of_variance(draw, variance, shape, dtype, rng):
    """Numbers of mean 0 and a given variance."""
    std = sqrt(variance)
    if draw is uniform:
        bound = sqrt(3) * std               # uniform on [-a, a] has the variance a² / 3
        return uniform(shape, dtype, rng, -bound, bound)
    return normal(shape, dtype, rng, std)


def glorot_uniform(shape: Shape, dtype: str | None = None, rng: Seed = None,
                   gain: float = 1.0) -> np.ndarray:
    """Return uniform numbers of variance ``gain² * 2 / (fan_in + fan_out)``.

    The variance of values, going up, and of gradients, going down, then changes little from layer
    to layer (Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural
    networks", AISTATS 2010, formula 16).

    Parameters
    ----------
    shape : sequence of int
    dtype : str, optional
    rng : int or numpy.random.Generator, optional
    gain : float

    Returns
    -------
    ndarray

    Examples
    --------
    >>> bool(abs(glorot_uniform((4, 2), rng=0)).max() <= 1.0)
    True
    """
    return _of_variance(uniform, 2 * gain ** 2 / sum(fans(shape)), shape, dtype, rng)


def glorot_normal(shape: Shape, dtype: str | None = None, rng: Seed = None,
                  gain: float = 1.0) -> np.ndarray:
    """Return normal numbers of the variance of `glorot_uniform`.

    Examples
    --------
    >>> glorot_normal((4, 2), rng=0).shape
    (4, 2)
    """
    return _of_variance(normal, 2 * gain ** 2 / sum(fans(shape)), shape, dtype, rng)


def he_uniform(shape: Shape, dtype: str | None = None, rng: Seed = None,
               slope: float = 0.0) -> np.ndarray:
    """Return uniform numbers of variance ``2 / ((1 + slope²) * fan_in)``, for layers of relu.

    relu takes away half of the variance, and a leaky one less (He et al., "Delving deep into
    rectifiers", ICCV 2015, formulas 10 and 15).

    Parameters
    ----------
    shape : sequence of int
    dtype : str, optional
    rng : int or numpy.random.Generator, optional
    slope : float
        Of the activation left of zero.

    Returns
    -------
    ndarray

    Examples
    --------
    >>> bool(abs(he_uniform((6, 2), rng=0)).max() <= 1.0)
    True
    """
    return _of_variance(uniform, 2 / ((1 + slope ** 2) * fans(shape)[0]), shape, dtype, rng)


def he_normal(shape: Shape, dtype: str | None = None, rng: Seed = None,
              slope: float = 0.0) -> np.ndarray:
    """Return normal numbers of the variance of `he_uniform`.

    Examples
    --------
    >>> he_normal((6, 2), rng=0).shape
    (6, 2)
    """
    return _of_variance(normal, 2 / ((1 + slope ** 2) * fans(shape)[0]), shape, dtype, rng)


def lecun_uniform(shape: Shape, dtype: str | None = None, rng: Seed = None) -> np.ndarray:
    """Return uniform numbers of variance ``1 / fan_in``.

    A sum of inputs of variance 1 then has variance 1 (LeCun, Bottou, Orr and Müller, "Efficient
    backprop", 1998, formula 16); `T.nnet.selu` wants it.

    Examples
    --------
    >>> bool(abs(lecun_uniform((3, 2), rng=0)).max() <= 1.0)
    True
    """
    return _of_variance(uniform, 1 / fans(shape)[0], shape, dtype, rng)


def lecun_normal(shape: Shape, dtype: str | None = None, rng: Seed = None) -> np.ndarray:
    """Return normal numbers of the variance of `lecun_uniform`.

    Examples
    --------
    >>> lecun_normal((3, 2), rng=0).shape
    (3, 2)
    """
    return _of_variance(normal, 1 / fans(shape)[0], shape, dtype, rng)


# ----- matrices of a kind -----

def orthogonal(shape: Shape, dtype: str | None = None, rng: Seed = None,
               gain: float = 1.0) -> np.ndarray:
    """Return a random matrix with orthonormal rows or columns, times ``gain``.

    Products with it keep lengths, however many there are: so it suits the matrices of recurrent
    layers (Saxe, McClelland and Ganguli, "Exact solutions to the nonlinear dynamics of learning in
    deep linear neural networks", ICLR 2014). All such matrices are equally likely (Mezzadri, "How
    to generate random matrices from the classical compact groups", Notices of the AMS, 2007).

    Parameters
    ----------
    shape : sequence of int
        At least two axes. Filters count as a matrix with one row for each output.
    dtype : str, optional
    rng : int or numpy.random.Generator, optional
    gain : float

    Returns
    -------
    ndarray

    Examples
    --------
    >>> Q = orthogonal((3, 3), rng=0)
    >>> bool(np.allclose(Q @ Q.T, np.eye(3)))
    True
    """
    fans(shape)                             # refuses vectors
    rows, columns = shape[0], prod(shape[1:])
    draws = np.random.default_rng(rng).normal(size=(max(rows, columns), min(rows, columns)))
    Q, R = np.linalg.qr(draws)
    Q *= np.where(np.diagonal(R) < 0, -1, 1)        # else signs depend on how LAPACK chooses them
    Q = Q if rows >= columns else Q.T
    return as_float(gain * Q.reshape(shape), dtype)


def sparse(shape: Shape, dtype: str | None = None, rng: Seed = None, connections: int = 15,
           std: float = 1.0) -> np.ndarray:
    """Return a matrix in which each output has a few inputs of normal weights, and zeros.

    The sum that enters a unit then does not grow with the number of inputs, and units differ
    (Martens, "Deep learning via Hessian-free optimization", ICML 2010, section 5).

    Parameters
    ----------
    shape : sequence of int
        (inputs, outputs).
    dtype : str, optional
    rng : int or numpy.random.Generator, optional
    connections : int
        Weights per output that are not zero.
    std : float

    Returns
    -------
    ndarray

    Raises
    ------
    ValueError
        If the shape is not that of a matrix.

    Examples
    --------
    >>> np.count_nonzero(sparse((100, 2), rng=0), axis=0)
    array([15, 15])
    """
    if len(shape) != 2:
        raise ValueError(f"sparse: a matrix (inputs, outputs) is wanted, not {tuple(shape)}")
    rng = np.random.default_rng(rng)
    chosen = rng.random(shape).argsort(axis=0) < connections    # in each column a permutation
    return as_float(np.where(chosen, rng.normal(0.0, std, shape), 0.0), dtype)
