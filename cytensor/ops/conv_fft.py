"""Convolution by Fourier transforms: for large windows, where sums over them cost more.

Both sides are transformed along the spatial axes, and multiplied there, frequency by frequency:
what remains is a sum over the channels, a product of matrices. All is made of other ops, and so
are the gradients.
"""
from math import log2, prod

from cytensor import config
from cytensor.ops import elementwise as ew
from cytensor.ops.axes import permuted
from cytensor.ops.convolution import conv, window_span, zeros_around
from cytensor.ops.fft import irfftn, rfftn
from cytensor.ops.generate import filled
from cytensor.ops.indexing import set_subtensor
from cytensor.ops.linear import times
from cytensor.ops.rearrange import flip, pad
from cytensor.ops.sizes import STATIC
from cytensor.ops.views import reshaped, sizes_of, specified

ALGORITHMS = ("auto", "direct", "fft")

# ----- which is faster -----

#: Nanoseconds of float32: one product in a sum over windows, for three filters or more and for one;
#: a butterfly of a transform; one product between transforms; and what a transform costs at least.
_PRODUCT, _LONE_PRODUCT, _BUTTERFLY, _BETWEEN, _LEAST = 0.02, 0.06, 0.3, 0.6, 3e4
_DOUBLE = {"float32": (1, 1), "float64": (2, 1.6)}      # how much longer in float64
_CLEARLY = 1.5          # estimates are rough: how many times faster it should be


def takes_fft(what, algorithm, x, w, params):
    """Whether images are convolved with filters by Fourier transforms.

    Parameters
    ----------
    what : str
    algorithm : {"auto", "direct", "fft"} or None
        None is what the setting ``conv`` says.

    Raises
    ------
    ValueError
        If the algorithm is another.
    """
    algorithm = config.conv if algorithm is None else algorithm
    if algorithm not in ALGORITHMS:
        raise ValueError(f"{what}: algorithm is one of {', '.join(map(repr, ALGORITHMS))}, "
                         f"not {algorithm!r}")
    if algorithm != "auto" or None in (*x.type.shape, *w.type.shape):
        return algorithm == "fft"
    direct, fft = estimates(x.type, w.type, params)
    return direct > _CLEARLY * fft


def estimates(image_type, filter_type, params):
    """Return how long both ways take, roughly, in nanoseconds."""
    (batch, channels, *image), (filters, depth, *window) = image_type.shape, filter_type.shape
    spans = [window_span(k, d) for k, d in zip(window, params["dilation"])]
    zeros = [zeros_around(params["border"], axis, span) for axis, span in enumerate(spans)]
    padded = [before + n + behind for n, (before, behind) in zip(image, zeros)]
    result = [max(n - span, -1) // step + 1
              for n, span, step in zip(padded, spans, params["stride"])]
    products, place = batch * filters * depth, prod([fast_size(n) for n in padded])
    longer, longer_fft = _DOUBLE[image_type.dtype]
    each = max(_PRODUCT, _LONE_PRODUCT * params["groups"] / max(filters, 1))
    direct = products * prod(result) * prod(window) * each
    butterflies = (batch * channels + filters * depth + batch * filters) * place * log2(place + 1)
    fft = butterflies * _BUTTERFLY + products * place * _BETWEEN
    return direct * longer, fft * longer_fft + _LEAST


def fast_size(n):
    """Return the smallest product of powers of 2, 3 and 5 that is at least ``n``."""
    best = 1 << max(n - 1, 0).bit_length()
    five = 1
    while five < best:
        three = five
        while three < best:
            rest = -(-n // three)
            best = min(best, three << max(rest - 1, 0).bit_length())
            three *= 3
        five *= 5
    return best


# ----- the computation -----

def by_fft(x, w, params):
    """Convolve images with filters, as the op ``conv`` does.

    Parameters
    ----------
    x : Variable, shape (batch, channels, *image)
    w : Variable, shape (filters, channels / groups, *window)
    params : dict
        Those of the op.

    Returns
    -------
    Variable, shape (batch, filters, *result)
    """
    ndim = len(params["stride"])
    conv.sizes(STATIC, [STATIC.static(x), STATIC.static(w)], [x, w], **params)     # fits, or raises
    spans = [window_span(k, d) for k, d in zip(sizes_of(w)[2:], params["dilation"])]
    zeros = [zeros_around(params["border"], axis, span) for axis, span in enumerate(spans)]
    x = pad(x, [(0, 0), (0, 0), *zeros])
    w = w if params["flip"] else flip(w, range(2, 2 + ndim))
    w = _spread(w, spans, params["dilation"])
    image = sizes_of(x)[2:]
    circle = [fast_size(n) if type(n) is int else n for n in image]
    axes = tuple(range(2, 2 + ndim))
    product = _sum_over_channels(rfftn(x, circle, axes), rfftn(w, circle, axes), params["groups"])
    # in a circle as large as the image, what comes round falls on the first span - 1 places
    inner = [slice(span - 1, n, step) for span, n, step in zip(spans, image, params["stride"])]
    out = irfftn(product, circle, axes)[(slice(None), slice(None), *inner)]
    counts = [_at_least_one((n - span) // step + 1)
              for n, span, step in zip(image, spans, params["stride"])]
    return specified(out, [*sizes_of(out)[:2], *counts], "conv")


def _at_least_one(n):
    """A size that is an error in the run if it is not positive."""
    return n if type(n) is int else ew.maximum(n, 1)


def _spread(w, spans, dilation):
    """Return filters with zeros between their taps."""
    if all([step == 1 for step in dilation]):
        return w
    blank = filled(0, [*sizes_of(w)[:2], *spans], w.type.dtype)
    return set_subtensor(blank[(..., *[slice(None, None, step) for step in dilation])], w)


def _sum_over_channels(x, w, groups):
    """Multiply transforms frequency by frequency, as matrices of (batch or filters, channels)."""
    batch, _, *place = sizes_of(x)
    filters, depth = sizes_of(w)[:2]
    ndim = len(place)
    x = reshaped(x, [batch, groups, depth, *place])
    w = reshaped(w, [groups, filters // groups, depth, *place])
    x = permuted(x, (1, *range(3, 3 + ndim), 0, 2))
    w = permuted(w, (0, *range(3, 3 + ndim), 2, 1))
    y = permuted(times(x, w), (1 + ndim, 0, 2 + ndim, *range(1, 1 + ndim)))
    return reshaped(y, [batch, filters, *place])
