"""Shapes of convolutions as arithmetic: that of the result, and back to images and windows.

Sizes are ints, None where they are not known, or 0-d variables.
"""
from cytensor._core import Constant, Variable
from cytensor.ops.convolution import window_span, zeros_around


def get_conv_shape_1axis(image_shape, kernel_shape, border_mode, subsample, dilation=1):
    """Return the size of the result of a convolution along one axis.

    Parameters
    ----------
    image_shape, kernel_shape : int, None or 0-d variable
        The sizes of image and window.
    border_mode : {'valid', 'half', 'full'}, int, or pair of int
        As in ``conv2d``, for one axis.
    subsample, dilation : int

    Returns
    -------
    int, None or 0-d variable

    Raises
    ------
    ValueError
        If the border is negative.

    Examples
    --------
    >>> get_conv_shape_1axis(10, 3, "valid", 2)
    4
    """
    if None in (image_shape, kernel_shape, border_mode, subsample, dilation):
        return None
    span = window_span(kernel_shape, dilation)
    return _plus(image_shape - span, _zeros(border_mode, span)) // subsample + 1


def get_conv_gradinputs_shape_1axis(kernel_shape, top_shape, border_mode, subsample, dilation):
    """Return the size of the images of a convolution along one axis, from that of the result.

    Parameters
    ----------
    kernel_shape, top_shape : int, None or 0-d variable
        The sizes of window and result.
    border_mode, subsample, dilation
        As in ``get_conv_shape_1axis``.

    Returns
    -------
    int, None or 0-d variable
        None if the step is not 1: then images of several sizes give this result.

    Examples
    --------
    >>> get_conv_gradinputs_shape_1axis(3, 8, "valid", 1, 1)
    10
    """
    if None in (kernel_shape, top_shape, border_mode, subsample, dilation) or subsample != 1:
        return None
    span = window_span(kernel_shape, dilation)
    before, behind = _zeros(border_mode, span)
    return _plus(top_shape + span - 1, (-before, -behind))


def get_conv_gradweights_shape_1axis(image_shape, top_shape, border_mode, subsample, dilation):
    """Return the size of the windows of a convolution along one axis, from that of the result.

    Parameters
    ----------
    image_shape, top_shape : int, None or 0-d variable
        The sizes of image and result.
    border_mode, subsample, dilation
        As in ``get_conv_shape_1axis``.

    Returns
    -------
    int, None or 0-d variable
        None if the step is not 1, or the border is half a window: then windows of several sizes
        give this result.

    Examples
    --------
    >>> get_conv_gradweights_shape_1axis(10, 8, "valid", 1, 1)
    3
    """
    if None in (image_shape, top_shape, border_mode, subsample, dilation):
        return None
    if subsample != 1 or border_mode == "half":
        return None
    if border_mode == "full":
        reach = top_shape - image_shape
    else:
        reach = _plus(image_shape - top_shape, _zeros(border_mode, 0))
    return reach // dilation + 1


def _zeros(mode, span):
    """The zeros before and behind an image, along one axis."""
    if mode == "valid":
        return 0, 0
    if mode in ("half", "full"):
        return zeros_around(mode, 0, span)
    before, behind = mode if isinstance(mode, (tuple, list)) else (mode, mode)
    if min(before, behind) < 0:
        raise ValueError(f"border_mode is not negative: {mode!r}")
    return before, behind


def _plus(n, zeros):
    """``n`` with zeros on both sides; nothing is added to a variable in vain."""
    for zero in zeros:
        if isinstance(zero, Variable) or zero != 0:
            n = n + zero
    return n


# ----- whole shapes -----

def _each_axis(rule, first, second, border_mode, subsample, dilation):
    """Apply a rule of one axis to all spatial ones."""
    ndim = len(subsample)
    dilation = (1,) * ndim if dilation is None else dilation
    modes = border_mode if isinstance(border_mode, (tuple, list)) else (border_mode,) * ndim
    return tuple([rule(*axis) for axis in zip(first, second, modes, subsample, dilation)])


def get_conv_output_shape(image_shape, kernel_shape, border_mode, subsample, filter_dilation=None):
    """Return the shape of the result of a convolution.

    Parameters
    ----------
    image_shape : tuple of int, None and 0-d variable
        (batch, channels, *image).
    kernel_shape : tuple of int, None and 0-d variable
        (filters, channels, *window); if unshared, with the sizes of the result behind the first.
    border_mode : {'valid', 'half', 'full'}, int, or tuple of int and pairs of int
    subsample, filter_dilation : tuple of int
        As in ``conv2d``.

    Returns
    -------
    tuple of int, None and 0-d variable
        (batch, filters, *result).

    Examples
    --------
    >>> get_conv_output_shape((3, 2, 12, 9), (4, 2, 5, 6), "half", (1, 2))
    (3, 4, 12, 5)
    """
    ndim = len(image_shape) - 2
    return (image_shape[0], kernel_shape[0], *_each_axis(
        get_conv_shape_1axis, image_shape[2:], kernel_shape[-ndim:], border_mode, subsample,
        filter_dilation))


def get_conv_gradinputs_shape(kernel_shape, top_shape, border_mode, subsample,
                              filter_dilation=None, num_groups=1):
    """Return the shape of the images of a convolution, as far as the result says it.

    Parameters
    ----------
    kernel_shape : tuple of int, None and 0-d variable
        (filters, channels / num_groups, *window).
    top_shape : tuple of int, None and 0-d variable
        (batch, filters, *result).
    border_mode, subsample, filter_dilation, num_groups
        As in ``conv2d``.

    Returns
    -------
    tuple of int, None and 0-d variable
        (batch, channels, *image), with None on axes whose step is not 1.

    Examples
    --------
    >>> get_conv_gradinputs_shape((4, 2, 5, 5), (3, 4, 8, 8), "valid", (1, 2))
    (3, 2, 12, None)
    """
    ndim = len(top_shape) - 2
    channels = kernel_shape[-ndim - 1]
    if channels is not None and num_groups > 1:
        channels = channels * num_groups
    return (top_shape[0], channels, *_each_axis(
        get_conv_gradinputs_shape_1axis, kernel_shape[-ndim:], top_shape[2:], border_mode,
        subsample, filter_dilation))


def get_conv_gradweights_shape(image_shape, top_shape, border_mode, subsample,
                               filter_dilation=None, num_groups=1, unshared=False):
    """Return the shape of the filters of a convolution, as far as the result says it.

    Parameters
    ----------
    image_shape : tuple of int, None and 0-d variable
        (batch, channels, *image).
    top_shape : tuple of int, None and 0-d variable
        (batch, filters, *result).
    border_mode, subsample, filter_dilation, num_groups, unshared
        As in ``conv2d``.

    Returns
    -------
    tuple of int, None and 0-d variable
        (filters, channels / num_groups, *window), with None on axes whose step is not 1 and, if
        the border is half a window, on all spatial axes. If unshared, the sizes of the result
        stand behind the first.

    Examples
    --------
    >>> get_conv_gradweights_shape((3, 2, 12, 12), (3, 4, 8, 8), "valid", (1, 2))
    (4, 2, 5, None)
    """
    channels = image_shape[1]
    if channels is not None and num_groups > 1:
        channels = channels // num_groups
    window = _each_axis(get_conv_gradweights_shape_1axis, image_shape[2:], top_shape[2:],
                        border_mode, subsample, filter_dilation)
    places = tuple(top_shape[2:]) if unshared else ()
    return (top_shape[1], *places, channels, *window)


def check_conv_gradinputs_shape(image_shape, kernel_shape, output_shape, border_mode, subsample,
                                filter_dilation=None):
    """Return whether images and filters of these shapes may give a result of such a shape.

    Parameters
    ----------
    image_shape, kernel_shape, output_shape : tuple of int, None and 0-d variable
        (batch, channels, *image), (filters, channels, *window) and (batch, filters, *result).
    border_mode, subsample, filter_dilation
        As in ``conv2d``.

    Returns
    -------
    bool
        False if a size is known to be wrong.

    Examples
    --------
    >>> check_conv_gradinputs_shape((3, 2, 12), (4, 2, 5), (3, 4, 9), "valid", (1,))
    False
    """
    ranks = {len(image_shape), len(kernel_shape), len(output_shape), len(subsample) + 2}
    if filter_dilation is not None:
        ranks.add(len(filter_dilation) + 2)
    if len(ranks) > 1:
        return False
    computed = get_conv_output_shape(image_shape, kernel_shape, border_mode, subsample,
                                     filter_dilation)
    return all([_may_be_equal(n, m) for n, m in zip(output_shape, computed)])


def _may_be_equal(n, m):
    n, m = [int(size.data) if isinstance(size, Constant) else size for size in (n, m)]
    if n is None or m is None or isinstance(n, Variable) or isinstance(m, Variable):
        return True
    return int(n) == int(m)
