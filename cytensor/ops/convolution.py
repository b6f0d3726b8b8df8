"""Convolution and its two partial derivatives, for any number of spatial axes.

A convolution is linear in the images x and in the filters w, so that <conv(x, w), y> is trilinear:
holding two of (x, w, y) fixed gives the three ops below, and every gradient of one is another.

Images are (batch, channels, *space), filters (filters, channels / groups, *window). The static
parameters are one record for all three: ``stride`` and ``dilation``, one number per spatial axis;
``border``, a pair (zeros before, zeros behind) per axis, or "half" or "full"; ``groups``; and
``flip``, whether filters are turned round as in the convolution of mathematics.
"""
from cytensor.ops.registry import structured, to_dtype
from cytensor.ops.views import sizes_of

_BORDERS = ("half", "full")     # by the code that kernels know, from the last: -2, -1


def window_span(k, dilation):
    """Return how many pixels a window of ``k`` taps reaches over."""
    return (k - 1) * dilation + 1


def zeros_around(border, axis, span):
    """Return how many zeros stand before and behind an image along a spatial axis."""
    if border == "half":
        return span // 2, span // 2
    if border == "full":
        return span - 1, span - 1
    return border[axis]


def _one_result(S, n, k, axis, op, params):
    """The size of the result along a spatial axis, from those of image and window."""
    span = window_span(k, params["dilation"][axis])
    before, behind = zeros_around(params["border"], axis, span)
    padded = n + before + behind
    S.check(S.lt(0, k), f"{op}: the window has {{a}} taps on spatial axis {axis}", k)
    S.check(S.lt(span - 1, padded), f"{op}: on spatial axis {axis} the window reaches over {{a}} "
            "pixels, and the image with its border has {b}", span, padded)
    return (padded - span) // params["stride"][axis] + 1


def _check_ranks(op, params, *tensors):
    ndim = len(params["stride"]) + 2
    for name, x in tensors:
        if x.type.ndim != ndim:
            raise TypeError(f"{op}: {name} has {ndim} axes, not {x.type.ndim} "
                            f"(shape {x.type.shape})")


def _check_filters(S, op, filters, groups):
    S.check(S.eq(filters % groups, 0), f"{op}: {{a}} filters do not make {{b}} equal groups",
            filters, groups)


def _conv_sizes(S, shapes, inputs, **params):
    (batch, channels, *image), (filters, depth, *window) = shapes
    groups = params["groups"]
    wanted = depth * groups
    S.equal(channels, wanted, "conv: the images have {a} channels, and the filters expect {b} "
            f"(images {inputs[0].type.shape}, filters {inputs[1].type.shape}, groups {groups})")
    _check_filters(S, "conv", filters, groups)
    return batch, filters, *[_one_result(S, n, k, axis, "conv", params)
                             for axis, (n, k) in enumerate(zip(image, window))]


def _check_result(S, op, given, image, window, params):
    for axis, (m, n, k) in enumerate(zip(given, image, window)):
        S.equal(m, _one_result(S, n, k, axis, op, params), f"{op}: the result has size {{a}} on "
                f"spatial axis {axis}, and images and filters of these sizes give {{b}}")


def _grad_inputs_sizes(S, shapes, inputs, **params):
    (batch, filters, *result), (many, depth, *window) = shapes[:2]
    image = [S.value(n) for n in inputs[2:]]
    op = "conv_grad_inputs"
    S.equal(filters, many, op + ": the result has {a} channels, and there are {b} filters")
    _check_filters(S, op, filters, params["groups"])
    _check_result(S, op, result, image, window, params)
    return batch, depth * params["groups"], *image


def _grad_filters_sizes(S, shapes, inputs, **params):
    (batch, channels, *image), (images, filters, *result) = shapes[:2]
    window = [S.value(n) for n in inputs[2:]]
    op, groups = "conv_grad_filters", params["groups"]
    S.equal(batch, images, op + ": there are {a} images and {b} results")
    S.check(S.eq(channels % groups, 0), op + ": {a} channels do not make {b} equal groups",
            channels, groups)
    _check_filters(S, op, filters, groups)
    _check_result(S, op, result, image, window, params)
    return filters, channels // groups, *window


def _coerced(op, first, second):
    """Two arrays of one float dtype, and of as many axes as the parameters say."""
    def coerce(inputs, params):
        x, y, *sizes = inputs
        _check_ranks(op, params, (first, x), (second, y))
        for name, z in ((first, x), (second, y)):
            if z.type.dtype not in ("float32", "float64"):
                raise TypeError(f"{op}: {name} is of float32 or float64, not {z.type.dtype}")
        dtype = max(x.type.dtype, y.type.dtype)
        return [to_dtype(x, dtype), to_dtype(y, dtype), *sizes]
    return coerce


def _numbers(*, stride, dilation, border, groups, flip):
    """What kernels are told: as many numbers for each spatial axis, and two more."""
    axes = []
    for axis, (step, spread) in enumerate(zip(stride, dilation)):
        code = _BORDERS.index(border) - 2 if isinstance(border, str) else border[axis][0]
        axes += [step, spread, code]
    return groups, int(flip), *axes


def _spatial(x):
    return sizes_of(x)[2:]


conv = structured(
    "conv", lambda x, w, **params: x.type.dtype, _conv_sizes,
    lambda g, out, x, w, **params: (conv_grad_inputs(g, w, *_spatial(x), **params),
                                    conv_grad_filters(x, g, *_spatial(w), **params)),
    coerce=_coerced("conv", "images", "filters"), iparams=_numbers,
    doc="Convolve images with filters.")
conv_grad_inputs = structured(
    "conv_grad_inputs", lambda y, w, *sizes, **params: y.type.dtype, _grad_inputs_sizes,
    lambda g, out, y, w, *sizes, **params: (
        conv(g, w, **params), conv_grad_filters(g, y, *_spatial(w), **params),
        *[None] * len(sizes)),
    coerce=_coerced("conv_grad_inputs", "results", "filters"), iparams=_numbers,
    doc="The gradient of a convolution with respect to its images.")
conv_grad_filters = structured(
    "conv_grad_filters", lambda x, y, *sizes, **params: x.type.dtype, _grad_filters_sizes,
    lambda g, out, x, y, *sizes, **params: (
        conv_grad_inputs(y, g, *_spatial(x), **params), conv(x, g, **params),
        *[None] * len(sizes)),
    coerce=_coerced("conv_grad_filters", "images", "results"), iparams=_numbers,
    doc="The gradient of a convolution with respect to its filters.")
