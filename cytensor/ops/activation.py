"""Activations that are short compositions of elementwise ops: they fuse, and so cost one pass."""
from math import pi, sqrt

from cytensor.ops.elementwise import abs, erf, expm1, minimum, mul, sigmoid, softplus, switch, tanh
from cytensor.ops.elementwise import relu as relu_op
from cytensor.ops.registry import as_variable, is_weak


def relu(x, alpha=0):
    """Return x where it is positive, else ``alpha * x``.

    Parameters
    ----------
    x : array_like
    alpha : number or Variable

    Returns
    -------
    Variable

    Examples
    --------
    >>> relu([-1.0, 2.0], 0.5).eval()
    array([-0.5,  2. ])
    """
    x = as_variable(x)
    if is_weak(alpha) and alpha == 0:
        return relu_op(x)
    return switch(x > 0, x, mul(alpha, x))


def elu(x, alpha=1.0):
    """Return x where it is positive, else ``alpha * (exp(x) - 1)``.

    Parameters
    ----------
    x : array_like
    alpha : float

    Returns
    -------
    Variable

    Examples
    --------
    >>> elu([-1.0, 2.0]).type
    TensorType(float64, (2,))
    """
    x = as_variable(x)
    return switch(x > 0, x, alpha * expm1(minimum(x, 0)))       # exp(1000) is not wanted


def selu(x):
    """Return the scaled `elu` that keeps mean 0 and variance 1 through layers.

    Parameters
    ----------
    x : array_like

    Returns
    -------
    Variable

    Examples
    --------
    >>> selu([-1.0, 2.0]).type
    TensorType(float64, (2,))
    """
    return 1.0507009873554805 * elu(x, 1.6732632423543772)


def gelu(x, approximate=False):
    """Return x times the probability that a standard normal number is below x.

    Parameters
    ----------
    x : array_like
    approximate : bool
        Take the formula with tanh instead of erf.

    Returns
    -------
    Variable

    Examples
    --------
    >>> gelu([-1.0, 2.0]).type
    TensorType(float64, (2,))
    """
    x = as_variable(x)
    if approximate:
        return 0.5 * x * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x * x * x)))
    return 0.5 * x * (1 + erf(x * sqrt(0.5)))


def swish(x, beta=1.0):
    """Return ``x * sigmoid(beta * x)``.

    Parameters
    ----------
    x : array_like
    beta : float or Variable

    Returns
    -------
    Variable

    Examples
    --------
    >>> swish([-1.0, 2.0]).type
    TensorType(float64, (2,))
    """
    return mul(x, sigmoid(mul(beta, x)))


def softsign(x):
    """Return ``x / (1 + abs(x))``.

    Parameters
    ----------
    x : array_like

    Returns
    -------
    Variable

    Examples
    --------
    >>> softsign([-1.0, 2.0]).type
    TensorType(float64, (2,))
    """
    x = as_variable(x)
    return x / (1 + abs(x))


def leaky_relu(x, slope=0.01):
    """Return x where it is positive, else ``slope * x``.

    Parameters
    ----------
    x : array_like
    slope : float

    Returns
    -------
    Variable

    Examples
    --------
    >>> leaky_relu([-1.0, 2.0]).type
    TensorType(float64, (2,))
    """
    x = as_variable(x)
    return switch(x > 0, x, slope * x)


def log_sigmoid(x):
    """Return ``log(sigmoid(x))`` without underflow.

    Parameters
    ----------
    x : array_like

    Returns
    -------
    Variable

    Examples
    --------
    >>> log_sigmoid([-1.0, 2.0]).type
    TensorType(float64, (2,))
    """
    return -softplus(-as_variable(x))
