"""Layers that work on the last axis, or on each number: dense ones, look-ups, PReLU."""
from collections.abc import Callable

from cytensor import tensor as T
from cytensor._core import Variable
from cytensor.nn import init
from cytensor.nn.init import Seed
from cytensor.nn.layer import Layer, Start, along_channels, parameter


class Dense(Layer):
    """``activation(x @ W + b)``.

    Parameters
    ----------
    inputs, outputs : int
    activation : callable, optional
        Such as `T.tanh`.
    weights : callable, number or array_like
        How ``W``, of shape (inputs, outputs), begins: see `nn.init`.
    bias : callable, number, array_like or None
        How ``b``, of shape (outputs,), begins. None: there is none.
    rng : int or numpy.random.Generator, optional

    Examples
    --------
    >>> import numpy as np, cytensor.tensor as T
    >>> layer = Dense(3, 2, T.nnet.relu, weights=np.ones((3, 2)), bias=-5.0)
    >>> layer(T.constant([[1.0, 2.0, 3.0]])).eval()
    array([[1., 1.]])
    """

    def __init__(self, inputs: int, outputs: int, activation: Callable | None = None,
                 weights: Start = init.glorot_uniform, bias: Start | None = init.zeros,
                 rng: Seed = None):
        self.activation = activation
        self.W = parameter("W", (inputs, outputs), weights, rng)
        self.b = None if bias is None else parameter("b", (outputs,), bias, rng)

    def __call__(self, x: Variable) -> Variable:
        """Apply the layer to the last axis of ``x``.

        Parameters
        ----------
        x : Variable, shape (..., inputs)

        Returns
        -------
        Variable, shape (..., outputs)
        """
        y = T.dot(x, self.W)
        y = y if self.b is None else y + self.b
        return y if self.activation is None else self.activation(y)


class Embedding(Layer):
    """A row of a matrix for each whole number.

    Parameters
    ----------
    size : int
        The numbers are 0 to ``size - 1``.
    width : int
        Of a row.
    weights : callable, number or array_like
        How ``W``, of shape (size, width), begins: see `nn.init`.
    rng : int or numpy.random.Generator, optional

    Examples
    --------
    >>> import numpy as np, cytensor.tensor as T
    >>> words = Embedding(3, 2, weights=np.arange(6).reshape(3, 2))
    >>> words(T.constant([2, 0])).eval()
    array([[4., 5.],
           [0., 1.]])
    """

    def __init__(self, size: int, width: int, weights: Start = init.normal, rng: Seed = None):
        self.W = parameter("W", (size, width), weights, rng)

    def __call__(self, x: Variable) -> Variable:
        """Look up rows.

        Parameters
        ----------
        x : Variable of integers

        Returns
        -------
        Variable, shape (*x.shape, width)
        """
        return self.W[x]


class Flatten(Layer):
    """Make one axis of all axes but the first ones.

    Parameters
    ----------
    keep : int
        How many axes stay.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> Flatten()(T.ones((5, 2, 3))).type.shape
    (5, 6)
    """

    def __init__(self, keep: int = 1):
        self.keep = keep

    def __call__(self, x: Variable) -> Variable:
        """Flatten ``x``."""
        return T.flatten(x, self.keep + 1)


class PReLU(Layer):
    """x where it is positive, else a slope that is learned times x.

    He et al., "Delving deep into rectifiers", ICCV 2015.

    Parameters
    ----------
    channels : int
        How many slopes there are, one for each place of axis 1; with 1, all share it.
    slope : callable, number or array_like
        How they begin.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> PReLU(2, slope=[0.5, 0.25])(T.constant([[-1.0, -1.0], [1.0, 2.0]])).eval()
    array([[-0.5 , -0.25],
           [ 1.  ,  2.  ]])
    """

    def __init__(self, channels: int = 1, slope: Start = 0.25):
        self.slope = parameter("slope", (channels,), slope)

    def __call__(self, x: Variable) -> Variable:
        """Apply the layer to channels along axis 1."""
        return T.nnet.relu(x, along_channels(self.slope, x))
