"""Convolution with filters of its own for each place: "unshared", or locally connected.

Windows are cut out of the images; then each place is a product of matrices: (batch, taps of all
channels of a group) by (taps, filters of the group). Filters are (filters, *places, channels /
groups, *window).
"""
from cytensor.ops import elementwise as ew
from cytensor.ops.axes import permuted
from cytensor.ops.convolution import window_span, zeros_around
from cytensor.ops.gather import gather, scatter_add
from cytensor.ops.generate import counted, filled
from cytensor.ops.linear import matmul_op, turned
from cytensor.ops.rearrange import flip, pad
from cytensor.ops.views import as_size, product, reshaped, sizes_of, specified


class Places:
    """Where windows lie: the sizes along the spatial axes of an unshared convolution.

    Parameters
    ----------
    image, window : list of int and 0-d variable
    params : dict
        Those of the ops of convolution.
    """

    def __init__(self, image, window, params):
        self.image, self.window = image, window
        self.stride, self.dilation = params["stride"], params["dilation"]
        self.groups, self.flip = params["groups"], params["flip"]
        spans = [window_span(k, d) for k, d in zip(window, self.dilation)]
        self.zeros = [zeros_around(params["border"], axis, span)
                      for axis, span in enumerate(spans)]
        self.padded = [before + n + behind for n, (before, behind) in zip(image, self.zeros)]
        self.result = [self._count(axis, span) for axis, span in enumerate(spans)]

    @property
    def ndim(self):
        """The number of spatial axes."""
        return len(self.image)

    def _count(self, axis, span):
        room = self.padded[axis] - span
        count = room // self.stride[axis] + 1
        if type(room) is not int:
            return ew.maximum(count, 0)
        if room < 0:
            raise ValueError(f"conv: on spatial axis {axis} the window reaches over {span} pixels, "
                             f"and the image with its border has {self.padded[axis]}")
        return count

    def indices(self):
        """Return index arrays of rank 2 * ndim: places of the result, then of the window."""
        ndim, out = self.ndim, []
        for axis in range(ndim):
            starts = counted(as_size(self.result[axis])) * self.stride[axis]
            taps = counted(as_size(self.window[axis])) * self.dilation[axis]
            out.append(permuted(starts, _alone(axis, 2 * ndim))
                       + permuted(taps, _alone(ndim + axis, 2 * ndim)))
        return out

    def cut(self, x):
        """Return the windows of images: (groups, *result, batch, taps)."""
        ndim = self.ndim
        batch, channels = sizes_of(x)[:2]
        x = pad(x, [(0, 0), (0, 0), *self.zeros])
        parts = gather(permuted(x, (*range(2, 2 + ndim), 0, 1)), *self.indices())
        depth = channels // self.groups
        parts = reshaped(parts, [*self.result, *self.window, batch, self.groups, depth])
        order = (2 * ndim + 1, *range(ndim), 2 * ndim, 2 * ndim + 2, *range(ndim, 2 * ndim))
        return reshaped(permuted(parts, order), [
            self.groups, *self.result, batch, product([depth, *self.window])])

    def put_together(self, parts, batch, depth):
        """Add windows up to images: what ``cut`` does, transposed."""
        ndim = self.ndim
        parts = reshaped(parts, [self.groups, *self.result, batch, depth, *self.window])
        order = (*range(1, ndim + 1), *range(ndim + 3, 2 * ndim + 3), ndim + 1, 0, ndim + 2)
        parts = reshaped(permuted(parts, order), [
            *self.result, *self.window, batch, depth * self.groups])
        blank = filled(0, [*self.padded, batch, depth * self.groups], parts.type.dtype)
        images = permuted(scatter_add(blank, parts, *self.indices()),
                          (ndim, ndim + 1, *range(ndim)))
        inner = [slice(before, before + n) for n, (before, _) in zip(self.image, self.zeros)]
        return images[(slice(None), slice(None), *inner)]

    def matrices(self, w, depth):
        """Return filters of ``depth`` channels as (groups, *result, filters of a group, taps)."""
        filters = sizes_of(w)[0]
        w = specified(w, [filters, *self.result, depth, *self.window],
                      "unshared convolution: the filters")
        w = self._turned(w)
        parts = reshaped(w, [self.groups, filters // self.groups, *self.result,
                             product([depth, *self.window])])
        return permuted(parts, (0, *range(2, 2 + self.ndim), 1, 2 + self.ndim))

    def filters(self, parts, filters, depth):
        """Return matrices as filters: what ``matrices`` does, undone."""
        parts = permuted(parts, (0, 1 + self.ndim, *range(1, 1 + self.ndim), 2 + self.ndim))
        return self._turned(reshaped(parts, [filters, *self.result, depth, *self.window]))

    def _turned(self, w):
        ndim = self.ndim
        return flip(w, range(2 + ndim, 2 + 2 * ndim)) if self.flip else w

    def results(self, y):
        """Return results (batch, filters, *result) as (groups, *result, batch, filters)."""
        batch, filters = sizes_of(y)[:2]
        y = specified(y, [batch, filters, *self.result], "unshared convolution: the result")
        parts = reshaped(y, [batch, self.groups, filters // self.groups, *self.result])
        return permuted(parts, (1, *range(3, 3 + self.ndim), 0, 2))


def _alone(axis, ndim):
    """The order that makes a vector an array of ``ndim`` axes: it lies along one of them."""
    return [0 if i == axis else -1 for i in range(ndim)]


def unshared(x, w, params):
    """Convolve images with filters of which each place has its own.

    Parameters
    ----------
    x : Variable, shape (batch, channels, *image)
    w : Variable, shape (filters, *result, channels / groups, *window)
    params : dict
        Those of the ops of convolution.

    Returns
    -------
    Variable, shape (batch, filters, *result)
    """
    ndim = len(params["stride"])
    places = Places(sizes_of(x)[2:], sizes_of(w)[2 + ndim:], params)
    batch, channels = sizes_of(x)[:2]
    weights = places.matrices(w, channels // params["groups"])
    parts = matmul_op(places.cut(x), turned(weights))
    out = permuted(parts, (ndim + 1, 0, ndim + 2, *range(1, ndim + 1)))
    return reshaped(out, [batch, sizes_of(w)[0], *places.result])


def unshared_grad_inputs(y, w, image, params):
    """Return the gradient of ``unshared`` with respect to its images, of the sizes ``image``."""
    ndim = len(params["stride"])
    depth, *window = sizes_of(w)[1 + ndim:]
    places = Places(image, window, params)
    parts = matmul_op(places.results(y), places.matrices(w, depth))
    return places.put_together(parts, sizes_of(y)[0], depth)


def unshared_grad_filters(x, y, window, params):
    """Return the gradient of ``unshared`` with respect to its filters; windows have sizes
    ``window``.
    """
    places = Places(sizes_of(x)[2:], window, params)
    parts = matmul_op(turned(places.results(y)), places.cut(x))
    return places.filters(parts, sizes_of(y)[1], sizes_of(x)[1] // params["groups"])
