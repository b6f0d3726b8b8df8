"""Layers that shrink images: the largest number or the mean of windows, or of all there is."""
from collections.abc import Callable

from cytensor import tensor as T
from cytensor._core import Variable
from cytensor.nn.layer import Layer
from cytensor.nn.windows import Sizes, for_each_axis
from cytensor.tensor.signal import pool

FUNCTIONS = {1: pool.pool_1d, 2: pool.pool_2d, 3: pool.pool_3d}      # by the number of axes


class _Pool(Layer):
    """What all pooling layers share: windows over the axes behind (batch, channels)."""

    axes = 0

    def __init__(self, window: Sizes, stride: Sizes | None = None, pad: Sizes = 0,
                 partial: bool = False):
        self.window = for_each_axis(window, self.axes, self)
        self.stride = self.window if stride is None else for_each_axis(stride, self.axes, self)
        self.pad = for_each_axis(pad, self.axes, self)
        self.partial = partial

    def _pooled(self, x, mode):
        """Apply the function for this number of axes; for one axis it wants numbers."""
        window, stride, pad = [sizes[0] if self.axes == 1 else sizes
                               for sizes in (self.window, self.stride, self.pad)]
        return FUNCTIONS[self.axes](x, window, not self.partial, stride, pad, mode)


class _MaxPool(_Pool):
    def __call__(self, x: Variable) -> Variable:
        """Apply the layer."""
        return self._pooled(x, "max")


class _AveragePool(_Pool):
    def __init__(self, window: Sizes, stride: Sizes | None = None, pad: Sizes = 0,
                 partial: bool = False, count_padding: bool = True):
        super().__init__(window, stride, pad, partial)
        self.count_padding = count_padding

    def __call__(self, x: Variable) -> Variable:
        """Apply the layer."""
        return self._pooled(x, "average_inc_pad" if self.count_padding else "average_exc_pad")


class MaxPool1D(_MaxPool):
    """The largest number of windows along sequences; as `MaxPool2D`.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> MaxPool1D(2)(T.constant([[[1.0, 4.0, 2.0, 3.0]]])).eval()
    array([[[4., 3.]]])
    """

    axes = 1


class MaxPool2D(_MaxPool):
    """The largest number of windows that move over images, shape (batch, channels, rows, columns).

    Parameters
    ----------
    window : int or pair of int
    stride : int or pair of int, optional
        The step from a window to the next. By default windows do not overlap.
    pad : int or pair of int
        How far windows may begin before, and end behind, an image.
    partial : bool
        Take windows at the end that lie in the image only in part; else those are left out.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> MaxPool2D(2)(T.zeros((10, 3, 8, 8))).type.shape
    (10, 3, 4, 4)
    """

    axes = 2


class MaxPool3D(_MaxPool):
    """The largest number of windows that move through volumes; as `MaxPool2D`.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> MaxPool3D((1, 2, 2))(T.zeros((10, 3, 5, 8, 8))).type.shape
    (10, 3, 5, 4, 4)
    """

    axes = 3


class AveragePool1D(_AveragePool):
    """The mean of windows along sequences; as `AveragePool2D`.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> AveragePool1D(2)(T.constant([[[1.0, 4.0, 2.0, 3.0]]])).eval()
    array([[[2.5, 2.5]]])
    """

    axes = 1


class AveragePool2D(_AveragePool):
    """The mean of windows that move over images.

    Parameters
    ----------
    window, stride, pad, partial
        As in `MaxPool2D`.
    count_padding : bool
        Count the padding as zeros; else the mean is of what lies in the image.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> AveragePool2D(2)(T.zeros((10, 3, 8, 8))).type.shape
    (10, 3, 4, 4)
    """

    axes = 2


class AveragePool3D(_AveragePool):
    """The mean of windows that move through volumes; as `AveragePool2D`.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> AveragePool3D(2)(T.zeros((10, 3, 4, 8, 8))).type.shape
    (10, 3, 2, 4, 4)
    """

    axes = 3


class GlobalPool(Layer):
    """One number for each channel: the mean over all of its places, or their maximum.

    Parameters
    ----------
    reduce : callable
        ``reduce(x, axis=axes)``: `T.mean`, `T.max` or the like.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> GlobalPool(T.max)(T.constant([[[1.0, 3.0], [2.0, 0.0]]])).eval()
    array([[3., 2.]])
    """

    def __init__(self, reduce: Callable = T.mean):
        self.reduce = reduce

    def __call__(self, x: Variable) -> Variable:
        """Apply the layer to shape (batch, channels, *space)."""
        return self.reduce(x, axis=tuple(range(2, x.ndim)))
