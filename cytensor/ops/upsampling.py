"""Bilinear upsampling: pixels between pixels, along one axis after the other."""
from math import gcd

from cytensor import config
from cytensor.ops import elementwise as ew
from cytensor.ops.axes import permuted
from cytensor.ops.conv_arguments import axis_names, tensor_with_axes, whole_number
from cytensor.ops.generate import counted
from cytensor.ops.joining import concatenate, slice_axis
from cytensor.ops.registry import FLOAT_OF, to_dtype
from cytensor.ops.views import as_size, as_sizes, reshaped, sizes_of

_AXES = axis_names("images", 2)


def bilinear_kernel_1D(ratio, normalize=True):
    """Return the weights by which a pixel counts for those around it: a triangle.

    Parameters
    ----------
    ratio : int or 0-d variable
        How many pixels one becomes.
    normalize : bool
        Whether the largest weight is 1; else it is ``ratio``.

    Returns
    -------
    Variable, shape (2 * ratio - 1,)
        In ``config.floatX``.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> T.nnet.bilinear_kernel_1D(2).eval()
    array([0.5, 1. , 0.5])
    """
    ratio = as_size(ratio, "bilinear_kernel_1D: ratio")
    weights = ratio - ew.abs(counted(2 * ratio - 1) - ratio + 1)
    weights = to_dtype(weights, config.floatX)
    return weights / to_dtype(ratio, config.floatX) if normalize else weights


def bilinear_kernel_2D(ratio, normalize=True):
    """Return the weights by which a pixel counts for those around it: a pyramid.

    Parameters
    ----------
    ratio : int, 0-d variable, or pair of those
        How many rows and columns one becomes.
    normalize : bool
        Whether the largest weight is 1; else it is the product of the ratios.

    Returns
    -------
    Variable, 2-d
        In ``config.floatX``.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> T.nnet.bilinear_kernel_2D((1, 2)).eval()
    array([[0.5, 1. , 0.5]])
    """
    rows, columns = ratio if isinstance(ratio, tuple) else (ratio, ratio)
    return (permuted(bilinear_kernel_1D(rows, normalize), (0, -1))
            * permuted(bilinear_kernel_1D(columns, normalize), (-1, 0)))


def bilinear_upsampling(input, ratio=None, frac_ratio=None, batch_size=None,
                        num_input_channels=None, use_1D_kernel=True):
    """Enlarge images: new pixels are weighted means of the two, or four, around them.

    Parameters
    ----------
    input : Variable, shape (batch, channels, rows, columns)
    ratio : int or 0-d variable, optional
        How many rows, and columns, one becomes.
    frac_ratio : pair of int, or pair of such pairs, optional
        In place of ``ratio``, a fraction (numerator, denominator), or one for rows and one for
        columns.
    batch_size, num_input_channels, use_1D_kernel
        No effect: rows and columns are always treated one after the other.

    Returns
    -------
    Variable, shape (batch, channels, rows * ratio, columns * ratio)
        Pixels beyond the outermost ones of the input are equal to those. If the ratio is even,
        there is one more of them behind than in front.

    Raises
    ------
    ValueError
        If not just one of ``ratio`` and ``frac_ratio`` is given.
    TypeError
        If the input does not have four axes.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> T.nnet.bilinear_upsampling([[[[0.0, 2.0]]]], 2).eval()
    array([[[[0., 1., 2., 2.],
             [0., 1., 2., 2.]]]])
    """
    if (ratio is None) == (frac_ratio is None):
        raise ValueError("bilinear_upsampling: one of ratio and frac_ratio is given, and not both")
    if frac_ratio is not None:
        return frac_bilinear_upsampling(input, frac_ratio)
    x = tensor_with_axes("bilinear_upsampling", "input", input, _AXES)
    ratio, = as_sizes(ratio, "bilinear_upsampling", 1)
    if type(ratio) is int and ratio < 1:
        raise ValueError(f"bilinear_upsampling: ratio is at least 1, not {ratio}")
    return _upsampled(_upsampled(x, 2, ratio), 3, ratio)


def frac_bilinear_upsampling(input, frac_ratio):
    """Enlarge images by a fraction: by its numerator, of which each so many pixels are kept.

    Parameters
    ----------
    input : Variable, shape (batch, channels, rows, columns)
    frac_ratio : pair of int, or pair of such pairs
        A fraction (numerator, denominator), or one for rows and one for columns.

    Returns
    -------
    Variable, shape (batch, channels, rows * ratio, columns * ratio)
        Sizes are rounded up.

    Raises
    ------
    ValueError
        If ``frac_ratio`` is something else.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> T.nnet.frac_bilinear_upsampling(T.zeros((1, 3, 20, 10)), ((3, 2), (6, 5))).type.shape
    (1, 3, 30, 12)
    """
    x = tensor_with_axes("frac_bilinear_upsampling", "input", input, _AXES)
    for axis, (up, down) in zip((2, 3), _fractions(frac_ratio)):
        x = _upsampled(x, axis, up)
        x = x[(slice(None),) * axis + (slice(None, None, down),)]
    return x


def _fractions(frac_ratio):
    """Return (numerator, denominator) in lowest terms, for rows and for columns."""
    what = "frac_bilinear_upsampling"
    if not isinstance(frac_ratio, tuple) or len(frac_ratio) != 2:
        raise ValueError(f"{what}: frac_ratio is a tuple (numerator, denominator), or a tuple of "
                         f"two such tuples, not {frac_ratio!r}")
    pairs = frac_ratio if isinstance(frac_ratio[0], tuple) else (frac_ratio, frac_ratio)
    out = []
    for up, down in pairs:
        up, down = [whole_number(what, "frac_ratio", n, 1) for n in (up, down)]
        out.append((up // gcd(up, down), down // gcd(up, down)))
    return out


def _upsampled(x, axis, ratio):
    """Make ``ratio`` pixels of one, along an axis."""
    x = to_dtype(x, FLOAT_OF[x.type.dtype])
    n = sizes_of(x)[axis]
    phase = counted(ratio)
    off = phase - (ratio - 1) // 2                  # from the pixel itself, in new pixels
    weight = to_dtype(ew.abs(off), x.type.dtype) / to_dtype(ratio, x.type.dtype)
    padded = concatenate([slice_axis(x, axis, None, 1), x, slice_axis(x, axis, -1, None)], axis)
    here, before, behind = [_with_phases(slice_axis(padded, axis, start, start + n), axis)
                            for start in (1, 0, 2)]
    weight, off = [_with_axes(v, axis, x.type.ndim) for v in (weight, off)]
    other = ew.switch(ew.lt(off, 0), before, behind)
    sizes = sizes_of(x)
    return reshaped(here * (1 - weight) + other * weight,
                    [*sizes[:axis], n * ratio, *sizes[axis + 1:]])


def _with_phases(x, axis):
    """Return ``x`` with a new axis of size 1 behind an axis: that of the new pixels."""
    return permuted(x, (*range(axis + 1), -1, *range(axis + 1, x.type.ndim)))


def _with_axes(vector, axis, ndim):
    """Return a vector over new pixels as an array beside those of ``_with_phases``."""
    return permuted(vector, [0 if i == axis + 1 else -1 for i in range(ndim + 1)])
