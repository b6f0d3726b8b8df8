"""The gradients of convolutions as functions of their own, and transposed convolutions.

They differ in what is wanted of shapes alone: a step of 2 takes images of several sizes to results
of one size, so a gradient needs to be told; a transposed convolution has a default.
"""
from cytensor.ops.conv_nd import Convolution

#: What the arguments are called where a gradient is taken for a layer.
_TRANSPOSED = {"output_grad": "input", "input_shape": "output_shape",
               "subsample": "input_dilation"}


# ----- gradients with respect to the images -----

def conv1d_grad_wrt_inputs(output_grad, filters, input_shape, filter_shape=None,
                           border_mode="valid", subsample=1, filter_flip=True, filter_dilation=1,
                           num_groups=1, unshared=False, *, layout=None):
    """Return the gradient of ``conv1d`` with respect to its input.

    Parameters
    ----------
    output_grad : Variable, shape (batch, filters, length of the result)
        The gradient with respect to the result.
    filters : Variable
    input_shape : sequence of int, None and 0-d variable
        The shape of the gradient: see ``conv2d_grad_wrt_inputs``.
    filter_shape, border_mode, subsample, filter_flip, filter_dilation, num_groups, unshared, \\
layout
        As in ``conv2d``, for one axis.

    Returns
    -------
    Variable, shape (batch, channels, length)

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> g = [[[1.0, 0.0, 2.0]]]
    >>> T.nnet.conv1d_grad_wrt_inputs(g, [[[1.0, -1.0]]], (None, None, 4)).eval()
    array([[[-1.,  1., -2.,  2.]]])
    """
    how = Convolution("conv1d_grad_wrt_inputs", 1, border_mode, subsample, filter_flip,
                      filter_dilation, num_groups, unshared, layout)
    return how.grad_inputs(output_grad, filters, input_shape, filter_shape)


def conv2d_grad_wrt_inputs(output_grad, filters, input_shape, filter_shape=None,
                           border_mode="valid", subsample=(1, 1), filter_flip=True,
                           filter_dilation=(1, 1), num_groups=1, unshared=False, *, layout=None):
    """Return the gradient of ``conv2d`` with respect to its input.

    Parameters
    ----------
    output_grad : Variable, shape (batch, filters, rows, columns)
        The gradient with respect to the result.
    filters : Variable
    input_shape : sequence of int, None and 0-d variable
        The shape of the gradient. The spatial sizes are needed, since images of several sizes may
        give such a result; the batch and the channels may be None.
    filter_shape, border_mode, subsample, filter_flip, filter_dilation, num_groups, unshared, \\
layout
        As in ``conv2d``.

    Returns
    -------
    Variable, shape (batch, channels, rows, columns)

    Raises
    ------
    TypeError
        If an array has another rank, or neither array is of floats.
    ValueError
        If a spatial size is missing, or images of these sizes do not give such a result.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> g, filters = T.tensor4("g"), T.zeros((8, 3, 5, 5))
    >>> T.nnet.conv2d_grad_wrt_inputs(g, filters, (None, 3, 12, 12)).type.shape
    (None, 3, 12, 12)
    """
    how = Convolution("conv2d_grad_wrt_inputs", 2, border_mode, subsample, filter_flip,
                      filter_dilation, num_groups, unshared, layout)
    return how.grad_inputs(output_grad, filters, input_shape, filter_shape)


def conv3d_grad_wrt_inputs(output_grad, filters, input_shape, filter_shape=None,
                           border_mode="valid", subsample=(1, 1, 1), filter_flip=True,
                           filter_dilation=(1, 1, 1), num_groups=1, unshared=False, *,
                           layout=None):
    """Return the gradient of ``conv3d`` with respect to its input.

    Parameters
    ----------
    output_grad : Variable, shape (batch, filters, depth, rows, columns)
        The gradient with respect to the result.
    filters : Variable
    input_shape : sequence of int, None and 0-d variable
        The shape of the gradient: see ``conv2d_grad_wrt_inputs``.
    filter_shape, border_mode, subsample, filter_flip, filter_dilation, num_groups, unshared, \\
layout
        As in ``conv2d``, for three axes.

    Returns
    -------
    Variable, shape (batch, channels, depth, rows, columns)

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> g, filters = T.zeros((2, 8, 4, 4, 4)), T.zeros((8, 3, 5, 5, 5))
    >>> T.nnet.conv3d_grad_wrt_inputs(g, filters, (None, None, 8, 8, 8)).type.shape
    (2, 3, 8, 8, 8)
    """
    how = Convolution("conv3d_grad_wrt_inputs", 3, border_mode, subsample, filter_flip,
                      filter_dilation, num_groups, unshared, layout)
    return how.grad_inputs(output_grad, filters, input_shape, filter_shape)


# ----- gradients with respect to the filters -----

def conv1d_grad_wrt_weights(input, output_grad, filter_shape, input_shape=None,
                            border_mode="valid", subsample=1, filter_flip=True, filter_dilation=1,
                            num_groups=1, unshared=False, *, layout=None):
    """Return the gradient of ``conv1d`` with respect to its filters.

    Parameters
    ----------
    input : Variable, shape (batch, channels, length)
    output_grad : Variable, shape (batch, filters, length of the result)
        The gradient with respect to the result.
    filter_shape : sequence of int, None and 0-d variable
        The shape of the gradient: see ``conv2d_grad_wrt_weights``.
    input_shape, border_mode, subsample, filter_flip, filter_dilation, num_groups, unshared, layout
        As in ``conv2d``, for one axis.

    Returns
    -------
    Variable, shape (filters, channels / num_groups, taps)

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> x, g = [[[1.0, 2.0, 3.0]]], [[[1.0, 1.0]]]
    >>> T.nnet.conv1d_grad_wrt_weights(x, g, (None, None, 2)).eval()
    array([[[5., 3.]]])
    """
    how = Convolution("conv1d_grad_wrt_weights", 1, border_mode, subsample, filter_flip,
                      filter_dilation, num_groups, unshared, layout)
    return how.grad_filters(input, output_grad, filter_shape, input_shape)


def conv2d_grad_wrt_weights(input, output_grad, filter_shape, input_shape=None,
                            border_mode="valid", subsample=(1, 1), filter_flip=True,
                            filter_dilation=(1, 1), num_groups=1, unshared=False, *, layout=None):
    """Return the gradient of ``conv2d`` with respect to its filters.

    Parameters
    ----------
    input : Variable, shape (batch, channels, rows, columns)
    output_grad : Variable, shape (batch, filters, rows, columns)
        The gradient with respect to the result.
    filter_shape : sequence of int, None and 0-d variable
        The shape of the gradient. Rows and columns of the windows are needed, since windows of
        several sizes may give such a result; the others may be None.
    input_shape, border_mode, subsample, filter_flip, filter_dilation, num_groups, unshared, layout
        As in ``conv2d``.

    Returns
    -------
    Variable, shape (filters, channels / num_groups, rows, columns)
        Or, if unshared, (filters, rows of the result, columns of the result,
        channels / num_groups, rows, columns).

    Raises
    ------
    TypeError
        If an array has another rank, or neither array is of floats.
    ValueError
        If a size of the windows is missing, or windows of these sizes do not give such a result.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> images, g = T.zeros((2, 3, 12, 12)), T.zeros((2, 8, 8, 8))
    >>> T.nnet.conv2d_grad_wrt_weights(images, g, (None, None, 5, 5)).type.shape
    (8, 3, 5, 5)
    """
    how = Convolution("conv2d_grad_wrt_weights", 2, border_mode, subsample, filter_flip,
                      filter_dilation, num_groups, unshared, layout)
    return how.grad_filters(input, output_grad, filter_shape, input_shape)


def conv3d_grad_wrt_weights(input, output_grad, filter_shape, input_shape=None,
                            border_mode="valid", subsample=(1, 1, 1), filter_flip=True,
                            filter_dilation=(1, 1, 1), num_groups=1, unshared=False, *,
                            layout=None):
    """Return the gradient of ``conv3d`` with respect to its filters.

    Parameters
    ----------
    input : Variable, shape (batch, channels, depth, rows, columns)
    output_grad : Variable, shape (batch, filters, depth, rows, columns)
        The gradient with respect to the result.
    filter_shape : sequence of int, None and 0-d variable
        The shape of the gradient: see ``conv2d_grad_wrt_weights``.
    input_shape, border_mode, subsample, filter_flip, filter_dilation, num_groups, unshared, layout
        As in ``conv2d``, for three axes.

    Returns
    -------
    Variable, shape (filters, channels / num_groups, depth, rows, columns)

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> volumes, g = T.zeros((2, 3, 8, 8, 8)), T.zeros((2, 8, 4, 4, 4))
    >>> T.nnet.conv3d_grad_wrt_weights(volumes, g, (None, None, 5, 5, 5)).type.shape
    (8, 3, 5, 5, 5)
    """
    how = Convolution("conv3d_grad_wrt_weights", 3, border_mode, subsample, filter_flip,
                      filter_dilation, num_groups, unshared, layout)
    return how.grad_filters(input, output_grad, filter_shape, input_shape)


# ----- transposed convolutions -----

def conv1d_transpose(input, filters, output_shape=None, filter_shape=None, border_mode="valid",
                     input_dilation=1, filter_flip=True, filter_dilation=1, num_groups=1,
                     unshared=False, *, layout=None):
    """Apply a transposed convolution to a batch of sequences.

    Parameters
    ----------
    input : Variable, shape (batch, channels, length)
    filters : Variable, shape (channels, channels of the result / num_groups, taps)
    output_shape, filter_shape, border_mode, input_dilation, filter_flip, filter_dilation, \\
num_groups, unshared, layout
        As in ``conv2d_transpose``, for one axis.

    Returns
    -------
    Variable, shape (batch, channels of the result, length)

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> T.nnet.conv1d_transpose([[[1.0, 2.0]]], [[[1.0, 1.0]]], input_dilation=2).eval()
    array([[[1., 1., 2., 2.]]])
    """
    how = Convolution("conv1d_transpose", 1, border_mode, input_dilation, filter_flip,
                      filter_dilation, num_groups, unshared, layout, _TRANSPOSED)
    return how.transpose(input, filters, output_shape, filter_shape)


def conv2d_transpose(input, filters, output_shape=None, filter_shape=None, border_mode="valid",
                     input_dilation=(1, 1), filter_flip=True, filter_dilation=(1, 1), num_groups=1,
                     unshared=False, *, layout=None):
    """Apply a transposed convolution, also called deconvolution, to a batch of images.

    It takes results of ``conv2d`` to images: each pixel of the input adds a window, multiplied
    with it, to the result.

    Parameters
    ----------
    input : Variable, shape (batch, channels, rows, columns)
    filters : Variable, shape (channels, channels of the result / num_groups, rows, columns)
        Those of the ``conv2d`` that it transposes: the first axis belongs to the input.
    output_shape : sequence of int, None and 0-d variable, optional
        The shape of the result: rows and columns are needed, the others may be None. By default it
        is the smallest that ``conv2d`` takes to an input of this size.
    filter_shape : sequence of int and None, optional
    border_mode, filter_flip, filter_dilation, num_groups, unshared, layout
        Those of the ``conv2d`` that it transposes. A border is cut off.
    input_dilation : pair of int
        The ``subsample`` of that: the step from a window in the result to the next.

    Returns
    -------
    Variable, shape (batch, channels of the result, rows, columns)

    Raises
    ------
    TypeError
        If an array has another rank, or neither array is of floats.
    ValueError
        If another argument is not one of those above, or sizes do not fit, now or in the run.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> images, filters = T.zeros((2, 8, 16, 16)), T.zeros((8, 3, 2, 2))
    >>> T.nnet.conv2d_transpose(images, filters, input_dilation=(2, 2)).type.shape
    (2, 3, 32, 32)
    """
    how = Convolution("conv2d_transpose", 2, border_mode, input_dilation, filter_flip,
                      filter_dilation, num_groups, unshared, layout, _TRANSPOSED)
    return how.transpose(input, filters, output_shape, filter_shape)


def conv3d_transpose(input, filters, output_shape=None, filter_shape=None, border_mode="valid",
                     input_dilation=(1, 1, 1), filter_flip=True, filter_dilation=(1, 1, 1),
                     num_groups=1, unshared=False, *, layout=None):
    """Apply a transposed convolution to a batch of volumes.

    Parameters
    ----------
    input : Variable, shape (batch, channels, depth, rows, columns)
    filters : Variable, shape (channels, channels of the result / num_groups, depth, rows, columns)
    output_shape, filter_shape, border_mode, input_dilation, filter_flip, filter_dilation, \\
num_groups, unshared, layout
        As in ``conv2d_transpose``, for three axes.

    Returns
    -------
    Variable, shape (batch, channels of the result, depth, rows, columns)

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> volumes, filters = T.zeros((2, 8, 4, 4, 4)), T.zeros((8, 3, 2, 2, 2))
    >>> T.nnet.conv3d_transpose(volumes, filters, input_dilation=2).type.shape
    (2, 3, 8, 8, 8)
    """
    how = Convolution("conv3d_transpose", 3, border_mode, input_dilation, filter_flip,
                      filter_dilation, num_groups, unshared, layout, _TRANSPOSED)
    return how.transpose(input, filters, output_shape, filter_shape)
