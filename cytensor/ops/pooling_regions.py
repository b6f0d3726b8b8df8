"""Pooling of whole images, of pyramids of parts of them, and of regions of interest."""
from cytensor.ops import elementwise as ew
from cytensor.ops.axes import permuted
from cytensor.ops.gather import gather
from cytensor.ops.generate import counted
from cytensor.ops.joining import concatenate, stack
from cytensor.ops.linear import matmul
from cytensor.ops.reduce import max as max_, sum as sum_
from cytensor.ops.registry import KIND, scalar_like, structured, to_dtype
from cytensor.ops.statistics import mean
from cytensor.ops.views import (
    as_size, as_tensor_variable, no_gradients, product, reshaped, sizes_of)

# ----- where the largest item of a part is -----

def _argmax_inputs(inputs, params):
    x, regions, *sizes = inputs
    return [x, to_dtype(regions, "int64"), *[as_size(n) for n in sizes]]


def _argmax_sizes(S, shapes, inputs):
    (_, channels, *_), (regions, five) = shapes[:2]
    S.equal(five, 5, "region_argmax: a region is an image, a corner and two sizes: 5 numbers, "
            "not {a}")
    sizes = [S.value(n) for n in inputs[2:]]
    for n in sizes:
        S.check(S.lt(0, n), "region_argmax: a region is cut into at least one part, not {a}", n)
    return (regions, channels, *sizes)


region_argmax = structured(
    "region_argmax", lambda x, *others: "int64", _argmax_sizes,
    lambda g, out, *inputs: no_gradients(len(inputs)), coerce=_argmax_inputs,
    doc="The place of the largest item of each part of regions of images; -1 if it is empty.")


def _images(x, what):
    x = as_tensor_variable(x)
    if x.type.ndim != 4:
        raise TypeError(f"{what}: images have four axes (batch, channels, height, width), "
                        f"not {x.type.ndim}")
    if KIND[x.type.dtype] == "c":
        raise TypeError(f"{what} is not defined for {x.type.dtype}")
    return x if KIND[x.type.dtype] == "f" else to_dtype(x, "float64")


def _largest_of(x, regions, rows, columns):
    """The largest item of each part of regions; 0 where there is none."""
    batch, channels, height, width = sizes_of(x)
    places = region_argmax(x, regions, rows, columns)
    image = permuted(to_dtype(regions, "int64")[:, 0], (0, -1, -1, -1))
    found = gather(reshaped(x, [batch, channels, product([height, width])]), image,
                   permuted(counted(channels), (-1, 0, -1, -1)), ew.maximum(places, 0))
    return ew.switch(ew.lt(places, 0), scalar_like(0, x.type.dtype), found)


# ----- whole images -----

def global_pooling_2d(x, mode="max"):
    """Pool each channel of images to one number.

    Parameters
    ----------
    x : Variable, shape (..., height, width)
    mode : {'max', 'sum', 'average'}

    Returns
    -------
    Variable, shape (...)

    Raises
    ------
    ValueError
        If the mode is another one.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> T.signal.pool.global_pooling_2d(T.ones((2, 3, 4, 4)), "sum").type.shape
    (2, 3)
    """
    modes = {"max": max_, "sum": sum_, "average": mean}
    if mode not in modes:
        raise ValueError(f"global_pooling_2d: mode is one of {', '.join(map(repr, modes))}, "
                         f"not {mode!r}")
    return modes[mode](x, axis=(-2, -1))


def _averaging(n, parts, dtype):
    """A matrix that takes the means of equal parts of an axis of size n."""
    place = permuted(counted(n), (-1, 0))
    part = permuted(counted(parts), (0, -1))
    first, end = part * as_size(n) // parts, ((part + 1) * as_size(n) + parts - 1) // parts
    inside = to_dtype(ew.and_(ew.ge(place, first), ew.lt(place, end)), dtype)
    return inside / to_dtype(end - first, dtype)


def _whole(x):
    """Each image as a region."""
    batch, _, height, width = sizes_of(x)
    image = counted(batch)
    rest = [image * 0 + as_size(n) for n in (0, 0, height, width)]
    return stack([image, *rest], axis=1)


def spatial_pyramid_pooling_2d(x, pyramid_height, mode="max"):
    """Pool images to vectors whose length does not depend on how large the images are.

    Level l of the pyramid cuts an image into ``2**l`` times ``2**l`` parts, which overlap by one
    row or column where its size does not divide.

    Parameters
    ----------
    x : Variable, shape (batch, channels, height, width)
    pyramid_height : int
        The number of levels.
    mode : {'max', 'average'}

    Returns
    -------
    Variable, shape (batch, channels * (4**pyramid_height - 1) // 3)
        Level by level; within one, channel by channel.

    Raises
    ------
    TypeError
        If ``x`` has other than four axes.
    ValueError
        If there is no level, or the mode is another one.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> x = T.arange(16.).reshape((1, 1, 4, 4))
    >>> T.signal.pool.spatial_pyramid_pooling_2d(x, 2).eval()
    array([[15.,  5.,  7., 13., 15.]])
    """
    x = _images(x, "spatial_pyramid_pooling_2d")
    if mode not in ("max", "average"):
        raise ValueError("spatial_pyramid_pooling_2d: mode is one of 'max', 'average', "
                         f"not {mode!r}")
    if pyramid_height < 1:
        raise ValueError("spatial_pyramid_pooling_2d: pyramid_height is at least 1, "
                         f"not {pyramid_height}")
    batch, channels = sizes_of(x)[:2]
    return concatenate([reshaped(_level(x, 2**level, mode), [batch, product([channels, 4**level])])
                        for level in range(pyramid_height)], axis=1)


def _level(x, parts, mode):
    if mode == "max":
        return _largest_of(x, _whole(x), parts, parts)
    height, width = [_averaging(n, parts, x.type.dtype) for n in sizes_of(x)[2:]]
    return matmul(matmul(height, x), permuted(width, (1, 0)))


# ----- regions of interest -----

def _regions(rois, what):
    rois = as_tensor_variable(rois)
    if rois.type.ndim != 2 or rois.type.shape[1] not in (5, None):
        raise TypeError(f"{what}: rois has a row (image, x_min, y_min, x_max, y_max) for each "
                        f"region, so its shape is (regions, 5), not {rois.type}")
    return rois


def roi_pooling_2d(x, rois, outh, outw, spatial_scale):
    """Return the largest items of the parts of regions of interest.

    Parameters
    ----------
    x : Variable, shape (batch, channels, height, width)
    rois : Variable, shape (regions, 5)
        For each region the number of its image, and ``x_min, y_min, x_max, y_max``, both ends
        included, in units of ``1 / spatial_scale``. They are rounded.
    outh, outw : int or 0-d variable
        Into how many rows and columns of parts a region is cut.
    spatial_scale : float
        The size of ``x`` by that of the images in which the regions are given.

    Returns
    -------
    Variable, shape (regions, channels, outh, outw)
        0 for parts that lie outside of the image.

    Raises
    ------
    TypeError
        If ``x`` or ``rois`` has another shape, or ``x`` is complex.
    IndexError
        If a region names an image that is not there; it runs when called.

    Notes
    -----
    Of several largest items, the gradient goes to the first one. There is none of ``rois``.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> x = T.arange(16.).reshape((1, 1, 4, 4))
    >>> T.signal.pool.roi_pooling_2d(x, [[0, 0, 0, 3, 1]], 1, 2, 1.0).eval()
    array([[[[5., 7.]]]])
    """
    x, rois = _images(x, "roi_pooling_2d"), _regions(rois, "roi_pooling_2d")
    scaled = rois[:, 1:] * spatial_scale
    left, top, right, bottom = [to_dtype(ew.round_half_away_from_zero(scaled[:, i]), "int64")
                                for i in range(4)]
    regions = stack([to_dtype(rois[:, 0], "int64"), top, left, ew.maximum(bottom - top + 1, 1),
                     ew.maximum(right - left + 1, 1)], axis=1)
    return _largest_of(x, regions, outh, outw)


def _samples(start, end, parts, ratio, n, dtype):
    """Where an axis of size n is read: two places for each sample, and their weights."""
    n = as_size(n)
    length = permuted(ew.maximum(end - start, 1), (0, -1))
    middle = (permuted(counted(parts * ratio), (-1, 0)) + 0.5) / (parts * ratio)
    at = permuted(start, (0, -1)) + length * to_dtype(middle, dtype)
    inside = to_dtype(ew.and_(ew.ge(at, -1), ew.le(at, to_dtype(n, dtype))), dtype)
    at = ew.minimum(ew.maximum(at, 0), to_dtype(n - 1, dtype))
    low = ew.floor(at)
    place = to_dtype(low, "int64")
    return [(place, (1 - (at - low)) * inside),
            (ew.minimum(place + 1, n - 1), (at - low) * inside)]


def roi_average_align_2d(x, rois, outh, outw, spatial_scale, sampling_ratio=2):
    """Return the means of the parts of regions of interest, read between pixels.

    Parameters
    ----------
    x : Variable, shape (batch, channels, height, width)
    rois : Variable, shape (regions, 5)
        For each region the number of its image, and ``x_min, y_min, x_max, y_max``, in units of
        ``1 / spatial_scale``. They are not rounded.
    outh, outw : int
        Into how many rows and columns of parts a region is cut.
    spatial_scale : float
        The size of ``x`` by that of the images in which the regions are given.
    sampling_ratio : int
        A part is read at so many places, in each direction, by bilinear interpolation.

    Returns
    -------
    Variable, shape (regions, channels, outh, outw)
        Places outside of the image count as 0. It has a gradient of ``rois``, too.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> x = T.arange(16.).reshape((1, 1, 4, 4))
    >>> T.signal.pool.roi_average_align_2d(x, [[0, 0, 0, 2, 2]], 1, 2, 1.0).eval()
    array([[[[4.5, 5.5]]]])
    """
    x, rois = [f(v, "roi_average_align_2d") for f, v in ((_images, x), (_regions, rois))]
    dtype = x.type.dtype
    image = permuted(to_dtype(rois[:, 0], "int64"), (0, -1, -1))
    left, top, right, bottom = [to_dtype(rois[:, i] * spatial_scale, dtype) for i in range(1, 5)]
    _, channels, height, width = sizes_of(x)
    pixels, total = permuted(x, (0, 2, 3, 1)), 0
    for rows, by_row in _samples(top, bottom, outh, sampling_ratio, height, dtype):
        for columns, by_column in _samples(left, right, outw, sampling_ratio, width, dtype):
            read = gather(pixels, image, permuted(rows, (0, 1, -1)), permuted(columns, (0, -1, 1)))
            total = total + read * permuted(by_row, (0, 1, -1, -1)) \
                * permuted(by_column, (0, -1, 1, -1))
    parts = reshaped(total, [sizes_of(rois)[0], outh, sampling_ratio, outw, sampling_ratio,
                             channels])
    return permuted(mean(parts, axis=(2, 4)), (0, 3, 1, 2))
