"""The naive twin of convolution and of its derivatives: a loop over the taps of a window.

With the zeros of the border written around the images, tap t of a window sees every ``step``-th
pixel from ``t * spread`` on: a slice as large as the result. Each function is a sum over taps.
"""
import itertools

import numpy as np


class Taps:
    """The slices of images with a border that the taps of a window see.

    Parameters
    ----------
    image, window : sequence of int
        Sizes along the spatial axes.
    stride, dilation, border, groups, flip
        The parameters of the ops.
    """

    def __init__(self, image, window, stride, dilation, border, groups, flip):
        spans = [(k - 1) * spread + 1 for k, spread in zip(window, dilation)]
        if isinstance(border, str):
            border = [(s // 2,) * 2 if border == "half" else (s - 1,) * 2 for s in spans]
        self.image, self.window, self.border, self.flip = image, window, border, flip
        self.stride, self.dilation, self.groups = stride, dilation, groups
        self.padded = [before + n + behind for n, (before, behind) in zip(image, border)]
        self.result = [(n - s) // step + 1 for n, s, step in zip(self.padded, spans, stride)]
        assert min(self.result) > 0

    def __iter__(self):
        """Yield (place of the tap in the filters, slices of the images)."""
        for tap in itertools.product(*map(range, self.window)):
            place = tuple([k - 1 - t for k, t in zip(self.window, tap)]) if self.flip else tap
            seen = [slice(t * spread, t * spread + (m - 1) * step + 1, step) for t, spread, m, step
                    in zip(tap, self.dilation, self.result, self.stride)]
            yield place, tuple(seen)

    def with_border(self, x):
        """Return images with their border, and their channels divided into groups."""
        x = np.pad(x, [(0, 0), (0, 0), *self.border])
        return self.in_groups(x, 1)

    def without_border(self, x):
        """Return such images as they are without border and groups."""
        inner = [slice(before, before + n) for n, (before, _) in zip(self.image, self.border)]
        x = x[(..., *inner)]
        return x.reshape(x.shape[0], x.shape[1] * x.shape[2], *x.shape[3:])

    def in_groups(self, x, axis):
        """Return an array with an axis divided into groups."""
        n = x.shape[axis]
        return x.reshape(*x.shape[:axis], self.groups, n // self.groups, *x.shape[axis + 1:])


def conv(x, w, **params):
    """Return images x (batch, channels, *image) convolved with filters w."""
    taps = Taps(x.shape[2:], w.shape[2:], **params)
    images, filters = taps.with_border(x), taps.in_groups(w, 0)
    out = np.zeros((x.shape[0], *filters.shape[:2], *taps.result), x.dtype)
    for place, seen in taps:
        out += np.einsum("bgc...,gfc->bgf...", images[(..., *seen)], filters[(..., *place)])
    return out.reshape(x.shape[0], w.shape[0], *taps.result)


def conv_grad_inputs(y, w, *image, **params):
    """Return the images whose pixels are what the results y put on them."""
    taps = Taps([int(n) for n in image], w.shape[2:], **params)
    results, filters = taps.in_groups(y, 1), taps.in_groups(w, 0)
    assert list(y.shape[2:]) == taps.result
    out = np.zeros((y.shape[0], taps.groups, w.shape[1], *taps.padded), y.dtype)
    for place, seen in taps:
        out[(..., *seen)] += np.einsum("bgf...,gfc->bgc...", results, filters[(..., *place)])
    return taps.without_border(out)


def conv_grad_filters(x, y, *window, **params):
    """Return the filters whose taps are products of what they see in x with the results y."""
    taps = Taps(x.shape[2:], [int(k) for k in window], **params)
    assert list(y.shape[2:]) == taps.result
    images, results = taps.with_border(x), _flat(taps.in_groups(y, 1))
    out = np.zeros((*results.shape[1:3], images.shape[2], *taps.window), x.dtype)
    for place, seen in taps:
        out[(..., *place)] = np.einsum("bgcn,bgfn->gfc", _flat(images[(..., *seen)]), results)
    return out.reshape(y.shape[1], images.shape[2], *taps.window)


def _flat(x):
    """Return (batch, groups, channels, *space) with one axis for the space."""
    return x.reshape(*x.shape[:3], int(np.prod(x.shape[3:])))


def unshared_conv(x, w, params):
    """The twin of an unshared convolution: for each place, a convolution with its own filters."""
    ndim = len(params["stride"])
    places = w.shape[1:1 + ndim]
    out = np.zeros((x.shape[0], w.shape[0], *places), x.dtype)
    for place in np.ndindex(*places):
        everywhere = conv(x, w[(slice(None), *place)], **params)
        out[(..., *place)] = everywhere[(..., *place)]
    return out


def setting(ndim, stride=1, dilation=1, border=0, groups=1, flip=True):
    """The parameters of an op; a number stands for all axes."""
    def each(n):
        return n if isinstance(n, (tuple, str)) else (n,) * ndim
    border = border if isinstance(border, str) else tuple(
        [n if isinstance(n, tuple) else (n, n) for n in each(border)])
    return {"stride": each(stride), "dilation": each(dilation), "border": border,
            "groups": groups, "flip": flip}


#: By the names of the ops.
CONVOLUTION = {"conv": conv, "conv_grad_inputs": conv_grad_inputs,
               "conv_grad_filters": conv_grad_filters}
