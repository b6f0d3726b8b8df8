"""Layers of convolutions along one, two or three axes, and their transposes."""
from collections.abc import Callable, Sequence

import numpy as np

from cytensor import tensor as T
from cytensor._core import Variable
from cytensor.nn import init
from cytensor.nn.init import Seed
from cytensor.nn.layer import Layer, Start, along_channels, parameter
from cytensor.nn.windows import Sizes, for_each_axis

Border = str | int | Sequence


class _Convolution(Layer):
    """What all of these layers share: filters, a bias for each channel of the result."""

    axes = 0                    # along which windows move
    step = ""                   # the name that the function has for the stride
    function: Callable

    def __init__(self, inputs: int, outputs: int, window: Sizes, stride: Sizes = 1,
                 border: Border = "valid", dilation: Sizes = 1, groups: int = 1,
                 activation: Callable | None = None, weights: Start = init.glorot_uniform,
                 bias: Start | None = init.zeros, flip: bool = False, rng: Seed = None):
        self.stride = for_each_axis(stride, self.axes, self)
        self.border = border
        self.dilation = for_each_axis(dilation, self.axes, self)
        self.groups = groups
        self.flip = flip
        self.activation = activation
        window = for_each_axis(window, self.axes, self)
        self.W = self._filters(inputs, outputs, window, weights, rng)
        self.b = None if bias is None else parameter("b", (outputs,), bias, rng)

    def _filters(self, inputs, outputs, window, weights, rng):
        """Filters as the function wants them."""
        if inputs % self.groups or outputs % self.groups:
            raise ValueError(f"{type(self).__name__}: {inputs} and {outputs} channels do not make "
                             f"{self.groups} equal groups")
        return parameter("W", (outputs, inputs // self.groups, *window), weights, rng)

    def _options(self):
        """What the function is told; with one axis it wants a number for each option."""
        stride, dilation = [sizes if self.axes > 1 else sizes[0]
                            for sizes in (self.stride, self.dilation)]
        return {self.step: stride, "border_mode": self.border, "filter_dilation": dilation,
                "num_groups": self.groups, "filter_flip": self.flip}

    def __call__(self, x: Variable) -> Variable:
        """Apply the layer.

        Parameters
        ----------
        x : Variable, shape (batch, inputs, *space)

        Returns
        -------
        Variable, shape (batch, outputs, *space)
        """
        y = self.function(x, self.W, **self._options())
        y = y if self.b is None else y + along_channels(self.b, y)
        return y if self.activation is None else self.activation(y)


class Conv1D(_Convolution):
    """Filters that move along sequences, shape (batch, channels, length); as `Conv2D`.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> Conv1D(4, 8, 3, border="half")(T.zeros((2, 4, 50))).type.shape
    (2, 8, 50)
    """

    axes = 1
    step = "subsample"
    function = staticmethod(T.nnet.conv1d)


class Conv2D(_Convolution):
    """Filters that move over images, shape (batch, channels, rows, columns).

    Parameters
    ----------
    inputs, outputs : int
        Channels of the images, and of the result.
    window : int or pair of int
        The size of the filters.
    stride : int or pair of int
        The step from a window to the next.
    border : {"valid", "full", "half"}, int, or sequence
        The zeros around the images, as the ``border_mode`` of `T.nnet.conv2d`.
    dilation : int or pair of int
        The step from a tap of a filter to the next.
    groups : int
        Channels are divided into so many groups that do not see each other.
    activation : callable, optional
    weights : callable, number or array_like
        How ``W``, of shape (outputs, inputs / groups, rows, columns), begins: see `nn.init`.
    bias : callable, number, array_like or None
        How ``b``, of shape (outputs,), begins. None: there is none.
    flip : bool
        Turn filters round, as a convolution of mathematics does.
    rng : int or numpy.random.Generator, optional

    Raises
    ------
    ValueError
        If there is not a size for each axis, or groups are not equal.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> layer = Conv2D(3, 8, 5, stride=2, activation=T.nnet.relu)
    >>> layer(T.zeros((10, 3, 32, 32))).type.shape
    (10, 8, 14, 14)
    """

    axes = 2
    step = "subsample"
    function = staticmethod(T.nnet.conv2d)


class Conv3D(_Convolution):
    """Filters that move through volumes, (batch, channels, depth, rows, columns); as `Conv2D`.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> Conv3D(1, 2, (1, 3, 3))(T.zeros((2, 1, 5, 8, 8))).type.shape
    (2, 2, 5, 6, 6)
    """

    axes = 3
    step = "subsample"
    function = staticmethod(T.nnet.conv3d)


class _Transposed(_Convolution):
    """The way back: filters have the channels that come in on their first axis."""

    step = "input_dilation"

    def _filters(self, inputs, outputs, window, weights, rng):
        def turned(shape, dtype, rng):
            start = weights((shape[1], shape[0], *shape[2:]), dtype, rng)
            return np.ascontiguousarray(np.swapaxes(start, 0, 1))
        return super()._filters(outputs, inputs, window, turned if callable(weights) else weights,
                                rng)


class ConvTranspose1D(_Transposed):
    """Go from the result of a `Conv1D` to a sequence; as `ConvTranspose2D`.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> ConvTranspose1D(8, 4, 2, stride=2)(T.zeros((2, 8, 25))).type.shape
    (2, 4, 50)
    """

    axes = 1
    function = staticmethod(T.nnet.conv1d_transpose)


class ConvTranspose2D(_Transposed):
    """Go from the result of a `Conv2D` of the same options to images.

    Each pixel adds a window of weights, times itself, to the result: also called deconvolution.

    Parameters
    ----------
    inputs, outputs : int
        Channels of what comes in, and of the result.
    window, stride, border, dilation, groups, flip
        Those of the `Conv2D` whose way back it is. ``stride`` is the step between windows in the
        result, and ``border`` is cut off.
    activation, bias, rng
        As in `Conv2D`.
    weights : callable, number or array_like
        How ``W``, of shape (inputs, outputs / groups, rows, columns), begins.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> ConvTranspose2D(8, 3, 2, stride=2)(T.zeros((10, 8, 16, 16))).type.shape
    (10, 3, 32, 32)
    """

    axes = 2
    function = staticmethod(T.nnet.conv2d_transpose)


class ConvTranspose3D(_Transposed):
    """Go from the result of a `Conv3D` to volumes; as `ConvTranspose2D`.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> ConvTranspose3D(2, 1, 2, stride=2)(T.zeros((2, 2, 5, 8, 8))).type.shape
    (2, 1, 10, 16, 16)
    """

    axes = 3
    function = staticmethod(T.nnet.conv3d_transpose)
