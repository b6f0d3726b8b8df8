"""Convolutions that are made of others: separable ones, and those that look back in time alone."""
from cytensor.ops.conv_nd import Convolution


def separable_conv2d(input, depthwise_filters, pointwise_filters, num_channels, input_shape=None,
                     depthwise_filter_shape=None, pointwise_filter_shape=None,
                     border_mode="valid", subsample=(1, 1), filter_flip=True,
                     filter_dilation=(1, 1), *, layout=None):
    """Convolve each channel by itself, and then mix the channels at each pixel.

    Parameters
    ----------
    input : Variable, shape (batch, num_channels, rows, columns)
    depthwise_filters : Variable, shape (a multiple of num_channels, 1, rows, columns)
    pointwise_filters : Variable, shape (filters, that multiple, 1, 1)
    num_channels : int
    input_shape, depthwise_filter_shape, pointwise_filter_shape : sequence of int and None, optional
        What is known of the shapes.
    border_mode, subsample, filter_flip, filter_dilation, layout
        As in ``conv2d``, for the first of the two steps.

    Returns
    -------
    Variable, shape (batch, filters, rows, columns)

    Raises
    ------
    TypeError, ValueError
        As in ``conv2d``.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> x, each, mix = T.zeros((2, 3, 9, 9)), T.zeros((6, 1, 3, 3)), T.zeros((8, 6, 1, 1))
    >>> T.nnet.separable_conv2d(x, each, mix, 3).type.shape
    (2, 8, 7, 7)
    """
    each = Convolution("separable_conv2d", 2, border_mode, subsample, filter_flip,
                       filter_dilation, num_channels, layout=layout, names=_NAMES)
    return _separable(each, input, depthwise_filters, pointwise_filters, input_shape,
                      depthwise_filter_shape, pointwise_filter_shape)


def separable_conv3d(input, depthwise_filters, pointwise_filters, num_channels, input_shape=None,
                     depthwise_filter_shape=None, pointwise_filter_shape=None,
                     border_mode="valid", subsample=(1, 1, 1), filter_flip=True,
                     filter_dilation=(1, 1, 1), *, layout=None):
    """Convolve each channel of volumes by itself, and then mix the channels at each place.

    Parameters
    ----------
    input : Variable, shape (batch, num_channels, depth, rows, columns)
    depthwise_filters : Variable, shape (a multiple of num_channels, 1, depth, rows, columns)
    pointwise_filters : Variable, shape (filters, that multiple, 1, 1, 1)
    num_channels : int
    input_shape, depthwise_filter_shape, pointwise_filter_shape, border_mode, subsample, \\
filter_flip, filter_dilation, layout
        As in ``separable_conv2d``, for three axes.

    Returns
    -------
    Variable, shape (batch, filters, depth, rows, columns)

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> x, each, mix = T.zeros((2, 3, 9, 9, 9)), T.zeros((6, 1, 3, 3, 3)), T.zeros((8, 6, 1, 1, 1))
    >>> T.nnet.separable_conv3d(x, each, mix, 3).type.shape
    (2, 8, 7, 7, 7)
    """
    each = Convolution("separable_conv3d", 3, border_mode, subsample, filter_flip,
                       filter_dilation, num_channels, layout=layout, names=_NAMES)
    return _separable(each, input, depthwise_filters, pointwise_filters, input_shape,
                      depthwise_filter_shape, pointwise_filter_shape)


#: What the two steps call their arguments.
_NAMES = {"filters": "depthwise_filters", "filter_shape": "depthwise_filter_shape",
          "num_groups": "num_channels"}
_MIX_NAMES = {"filters": "pointwise_filters", "filter_shape": "pointwise_filter_shape"}


def _separable(each, x, depthwise, pointwise, x_shape, depthwise_shape, pointwise_shape):
    mix = Convolution(each.what, each.ndim, layout=each.layout, names=_MIX_NAMES)
    x = each.forward(x, depthwise, x_shape, depthwise_shape)
    return mix.forward(x, pointwise, None, pointwise_shape)


def causal_conv1d(input, filters, filter_shape=None, input_shape=None, subsample=1,
                  filter_flip=True, filter_dilation=1, num_groups=1, unshared=False, *,
                  layout=None):
    """Convolve sequences so that no result depends on what comes later in the input.

    Zeros stand before the input, and none behind it.

    Parameters
    ----------
    input : Variable, shape (batch, channels, length)
    filters : Variable, shape (filters, channels / num_groups, taps)
    filter_shape, input_shape : sequence of int and None, optional
        What is known of the shapes. The number of taps has to be known, here or from ``filters``.
    subsample, filter_flip, filter_dilation, num_groups, unshared, layout
        As in ``conv1d``.

    Returns
    -------
    Variable, shape (batch, filters, length)

    Raises
    ------
    ValueError
        If the number of taps is not known; and as in ``conv2d``.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> T.nnet.causal_conv1d([[[1.0, 2.0, 4.0]]], [[[1.0, 1.0]]]).eval()
    array([[[1., 3., 6.]]])
    """
    what = "causal_conv1d"
    plain = Convolution(what, 1, 0, subsample, filter_flip, filter_dilation, num_groups, unshared,
                        layout)
    filters = plain.array("filters", filters)
    stated = plain.shape_of("filters", filter_shape)
    taps = plain.space(stated)[0] or plain.space(filters.type.shape)[0]
    if taps is None:
        raise ValueError(f"{what}: filter_shape has to say how many taps the filters have")
    zeros = (taps - 1) * plain.params["dilation"][0]
    how = Convolution(what, 1, ((zeros, 0),), subsample, filter_flip, filter_dilation, num_groups,
                      unshared, layout)
    return how.forward(input, filters, input_shape, filter_shape)
