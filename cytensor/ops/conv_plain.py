"""Convolution of plain images, without channels."""
from cytensor.ops.axes import permuted
from cytensor.ops.conv_nd import Convolution
from cytensor.ops.views import as_tensor_variable


def plain_conv2d(input, filters, image_shape=None, filter_shape=None, border_mode="valid",
                 subsample=(1, 1)):
    """Convolve an image, or each of several, with a filter, or with each of several.

    Parameters
    ----------
    input : Variable, shape (rows, columns) or (images, rows, columns)
    filters : Variable, shape (rows, columns) or (filters, rows, columns)
    image_shape, filter_shape : sequence of int and None, optional
        What is known of the shapes.
    border_mode, subsample
        As in ``nnet.conv2d``.

    Returns
    -------
    Variable, shape (images, filters, rows, columns)
        Without the first axis, if ``input`` is one image; and without the second, if ``filters``
        is one filter.

    Raises
    ------
    ValueError
        If an array has neither two nor three axes; and as in ``nnet.conv2d``.

    Examples
    --------
    >>> from cytensor.tensor.signal.conv import conv2d
    >>> conv2d([[1.0, 2.0, 4.0]], [[1.0, -1.0]]).eval()
    array([[1., 2.]])
    """
    how = Convolution("signal.conv2d", 2, border_mode, subsample)
    x, w = [_stack(name, value) for name, value in (("input", input), ("filters", filters))]
    kept = [axis for axis, is_kept in enumerate((x.type.ndim == 3, w.type.ndim == 3, True, True))
            if is_kept]
    out = how.forward(_as_images(x), _as_images(w), _shape("image_shape", image_shape, x),
                      _shape("filter_shape", filter_shape, w))
    return permuted(out, kept)


def _stack(name, x):
    x = as_tensor_variable(x)
    if x.type.ndim not in (2, 3):
        raise ValueError(f"signal.conv2d: {name} is one image or a stack of them, with 2 or 3 "
                         f"axes, not {x.type.ndim} (its type is {x.type})")
    return x


def _as_images(x):
    """Return images with an axis of one channel, and a batch of one if there is none."""
    return permuted(x, (-1, -1, 0, 1) if x.type.ndim == 2 else (0, -1, 1, 2))


def _shape(name, shape, x):
    """Return a shape that a user states of plain images as one with channels."""
    if shape is None:
        return None
    if len(shape) != x.type.ndim:
        raise ValueError(f"signal.conv2d: {name} is a tuple of {x.type.ndim} sizes, not {shape!r}")
    return (*shape[:-2], 1, *shape[-2:]) if len(shape) == 3 else (1, 1, *shape)
