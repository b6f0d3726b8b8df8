"""The ops of cuda-convnet: arrays whose last axis is the batch, in the layout "c01b".

They take any number of channels, filters and images, and windows that are not square.
"""
from cytensor.ops.conv_arguments import tensor_with_axes, whole_number
from cytensor.tensor import nnet
from cytensor.tensor.signal.pool import pool_2d


class FilterActs:
    """Correlate images with filters.

    Parameters
    ----------
    pad : int
        The zeros around the images.
    partial_sum : int or None
        No effect: how cuda-convnet divided the work.
    stride : int
        The step from a window to the next.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> FilterActs(stride=2)(T.zeros((3, 9, 9, 128)), T.zeros((3, 5, 5, 16))).type.shape
    (16, 3, 3, 128)
    """

    def __init__(self, pad=0, partial_sum=None, stride=1):
        self.pad = whole_number("FilterActs", "pad", pad, 0)
        self.stride = whole_number("FilterActs", "stride", stride, 1)
        self.partial_sum = partial_sum

    def __call__(self, images, filters):
        """Correlate images (channels, rows, columns, batch) with filters of the same layout."""
        return nnet.conv2d(images, filters, border_mode=self.pad, subsample=self.stride,
                           filter_flip=False, layout="c01b")


class MaxPool:
    """Take the largest pixel of each window of images.

    Parameters
    ----------
    ds : int
        The size of the windows, which are square.
    stride : int
        The step from a window to the next.
    start, outputs : int
        Where the first window begins, and how many there are along an axis; only 0 and 0, which
        stands for all of them.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> MaxPool(ds=3, stride=2)(T.zeros((16, 6, 6, 128))).type.shape
    (16, 3, 3, 128)
    """

    def __init__(self, ds, stride, start=0, outputs=0):
        if start or outputs:
            raise NotImplementedError(f"MaxPool: start and outputs are 0, not {start} and "
                                      f"{outputs}")
        self.ds = whole_number("MaxPool", "ds", ds, 1)
        self.stride = whole_number("MaxPool", "stride", stride, 1)

    def __call__(self, images):
        """Pool images (channels, rows, columns, batch); the last windows may stand over."""
        images = tensor_with_axes("MaxPool", "images", images,
                                  ("channels", "rows", "columns", "batch"))
        out = pool_2d(images.dimshuffle(0, 3, 1, 2), (self.ds, self.ds), ignore_border=False,
                      stride=(self.stride, self.stride))
        return out.dimshuffle(0, 2, 3, 1)
