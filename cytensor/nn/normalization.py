"""Layers that give numbers mean 0 and variance 1, and then a scale and a shift that are learned."""
from collections.abc import Sequence

from cytensor import tensor as T
from cytensor._core import Variable
from cytensor.nn import init
from cytensor.nn.layer import Layer, Start, along_channels, current, parameter, read_with, renew


class _Normalization(Layer):
    """What all of these layers share: a scale and a shift of some shape, if they are wanted."""

    def __init__(self, shape, epsilon, scale, shift):
        self.epsilon = epsilon
        self.scale = None if scale is None else parameter("scale", shape, scale)
        self.shift = None if shift is None else parameter("shift", shape, shift)


class BatchNorm(_Normalization):
    """Normalise each channel by its mean and variance in the batch.

    While training, these are the numbers of the batch, over all axes but the one of channels;
    running averages of them serve for prediction (Ioffe and Szegedy, "Batch normalization", ICML
    2015).

    Parameters
    ----------
    channels : int
        The size of axis 1.
    epsilon : float
        Added to the variance.
    average_factor : float
        The part that a batch has in the running averages from then on.
    scale, shift : callable, number, array_like or None
        How these begin, of shape (channels,). None: there is none.

    Attributes
    ----------
    mean, var : SharedVariable
        The running averages; ``var`` estimates the variance without bias.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> layer = BatchNorm(1)
    >>> layer(T.constant([[1.0], [3.0]])).eval().round(3)
    array([[-1.],
           [ 1.]])
    >>> layer.mean.get_value(), layer.var.get_value()
    (array([0.2]), array([1.1]))
    """

    untrained = ("mean", "var")

    def __init__(self, channels: int, epsilon: float = 1e-5, average_factor: float = 0.1,
                 scale: Start | None = init.ones, shift: Start | None = init.zeros):
        super().__init__((channels,), epsilon, scale, shift)
        self.average_factor = average_factor
        self.mean = parameter("mean", (channels,), init.zeros)
        self.var = parameter("var", (channels,), init.ones)

    def __call__(self, x: Variable) -> Variable:
        """Apply the layer to shape (batch, channels, *space)."""
        axes = (0, *range(2, x.ndim))
        if not self.training:
            return T.nnet.bn.batch_normalization_test(
                x, self.scale, self.shift, self.mean, self.var, axes, self.epsilon)
        averages = [current(self.mean), current(self.var)]
        y, _, _, *moved = T.nnet.bn.batch_normalization_train(
            x, self.scale, self.shift, axes, self.epsilon, self.average_factor, *averages)
        for average, value in zip(averages, moved):
            renew(average, value)
            y = read_with(y, along_channels(average, y).astype(y.dtype))
        return y


class LayerNorm(_Normalization):
    """Normalise each example by the mean and the variance of its last axes.

    Ba, Kiros and Hinton, "Layer normalization", 2016.

    Parameters
    ----------
    shape : int or sequence of int
        The sizes of the last axes, which are normalised together.
    epsilon : float
        Added to the variance.
    scale, shift : callable, number, array_like or None
        How these begin, of that shape. None: there is none.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> LayerNorm(2)(T.constant([[1.0, 3.0], [50.0, 60.0]])).eval().round(3)
    array([[-1.,  1.],
           [-1.,  1.]])
    """

    def __init__(self, shape: int | Sequence[int], epsilon: float = 1e-5,
                 scale: Start | None = init.ones, shift: Start | None = init.zeros):
        self.shape = (shape,) if isinstance(shape, int) else tuple(shape)
        super().__init__(self.shape, epsilon, scale, shift)

    def __call__(self, x: Variable) -> Variable:
        """Apply the layer to shape (..., *shape)."""
        axes = tuple(range(-len(self.shape), 0))
        return T.nnet.layer_norm(x, self.scale, self.shift, axes, self.epsilon)


class GroupNorm(_Normalization):
    """Normalise groups of channels of each example, over all places.

    Wu and He, "Group normalization", ECCV 2018.

    Parameters
    ----------
    groups : int
        Into how many groups of equal size the channels are divided.
    channels : int
        The size of axis 1.
    epsilon : float
        Added to the variance.
    scale, shift : callable, number, array_like or None
        How these begin, of shape (channels,). None: there is none.

    Raises
    ------
    ValueError
        If the channels do not make equal groups.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> GroupNorm(2, 4)(T.constant([[1.0, 3.0, 50.0, 60.0]])).eval().round(3)
    array([[-1.,  1., -1.,  1.]])
    """

    def __init__(self, groups: int, channels: int, epsilon: float = 1e-5,
                 scale: Start | None = init.ones, shift: Start | None = init.zeros):
        if channels % groups:
            raise ValueError(f"{type(self).__name__}: {channels} channels do not make {groups} "
                             "equal groups")
        super().__init__((channels,), epsilon, scale, shift)
        self.groups = groups

    def __call__(self, x: Variable) -> Variable:
        """Apply the layer to shape (batch, channels, *space)."""
        return T.nnet.group_norm(x, self.groups, self.scale, self.shift, self.epsilon)


class InstanceNorm(GroupNorm):
    """Normalise each channel of each example, over all places.

    Ulyanov, Vedaldi and Lempitsky, "Instance normalization", 2016.

    Parameters
    ----------
    channels : int
        The size of axis 1.
    epsilon, scale, shift
        As in `GroupNorm`, but without scale and shift unless they are given.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> InstanceNorm(2)(T.constant([[[1.0, 3.0], [50.0, 60.0]]])).eval().round(3)
    array([[[-1.,  1.],
            [-1.,  1.]]])
    """

    def __init__(self, channels: int, epsilon: float = 1e-5, scale: Start | None = None,
                 shift: Start | None = None):
        super().__init__(channels, channels, epsilon, scale, shift)
