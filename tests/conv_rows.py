"""The rows of convolutions in the table of ops."""
import numpy as np
from conv_reference import conv, conv_grad_filters, conv_grad_inputs, setting, unshared_conv
from op_table import OPS, Domain, Row

import cytensor.tensor as T
from cytensor.tensor import nnet
from cytensor.tensor.signal.conv import conv2d as plain_conv2d

SOME = Domain(-2, 2)
FLOATS = ("float32", "float64")
LINES = ((2, 2, 7), (4, 2, 3))
HALVES = ((2, 4, 5), (2, 2, 2))             # two groups
IMAGES = ((2, 2, 4, 3), (2, 2, 2, 3))
GROUPS = ((1, 3, 5, 4), (6, 1, 2, 2))
VOLUMES = ((1, 2, 3, 4, 2), (2, 2, 2, 2, 1))
EMPTY = ((0, 2, 4, 3), (2, 2, 2, 3))
NO_FILTERS = ((1, 2, 4, 3), (0, 2, 2, 3))
NO_CHANNELS = ((2, 0, 4, 3), (2, 0, 2, 3))


CASES = [
    (LINES, setting(1)), (LINES, setting(1, stride=2, border="half", flip=False)),
    (LINES, setting(1, dilation=2, border=((3, 1),))), (LINES, setting(1, stride=4, border="full")),
    (HALVES, setting(1, groups=2)), (HALVES, setting(1, groups=2, dilation=3, border="half")),
    (IMAGES, setting(2)), (IMAGES, setting(2, border="full", flip=False)),
    (IMAGES, setting(2, border="half", stride=(2, 1))),
    (IMAGES, setting(2, border=((1, 0), (0, 4)), dilation=(2, 1), stride=(1, 3))),
    (GROUPS, setting(2, groups=3, border=(1, 0))),
    (GROUPS, setting(2, groups=3, stride=2, dilation=2, border="full", flip=False)),
    (VOLUMES, setting(3)), (VOLUMES, setting(3, border="half", flip=False)),
    (VOLUMES, setting(3, border="full", stride=(2, 1, 2), dilation=(1, 2, 1))),
    (EMPTY, setting(2, border="half")), (NO_FILTERS, setting(2)),
    (NO_CHANNELS, setting(2, border=1)),
]


def to_inputs(shapes, params):
    """The row of the gradient with respect to the images."""
    image, filters = shapes
    result = conv(np.zeros(image), np.zeros(filters), **params).shape
    op, sizes = OPS["conv_grad_inputs"], image[2:]
    return Row(op, lambda y, w, **params: conv_grad_inputs(y, w, *sizes, **params), SOME,
               [(result, filters)], params, FLOATS, loose=20,
               call=lambda y, w: op(y, w, *map(T.constant, sizes), **params))


def to_filters(shapes, params):
    """The row of the gradient with respect to the filters."""
    image, filters = shapes
    result = conv(np.zeros(image), np.zeros(filters), **params).shape
    op, sizes = OPS["conv_grad_filters"], filters[2:]
    return Row(op, lambda x, y, **params: conv_grad_filters(x, y, *sizes, **params), SOME,
               [(image, result)], params, FLOATS, loose=20,
               call=lambda x, y: op(x, y, *map(T.constant, sizes), **params))


OWN = [
    *[Row(OPS["conv"], conv, SOME, [shapes], params, FLOATS, loose=20)
      for shapes, params in CASES],
    *[to_inputs(*case) for case in CASES], *[to_filters(*case) for case in CASES],
]


# ----- public functions: what they add to the ops -----

def public(function, reference, shapes, loose=20, **kwargs):
    """A row of a function that is convolution in other words."""
    return Row(function, reference, SOME, [shapes], dtypes=FLOATS, loose=loose, **kwargs)


def _fft(x, w, params):
    how = {"border_mode": params["border"], "subsample": params["stride"],
           "filter_dilation": params["dilation"], "num_groups": params["groups"],
           "filter_flip": params["flip"], "algorithm": "fft"}
    return getattr(nnet, f"conv{x.ndim - 2}d")(x, w, **how)


def _causal(x, w):
    return conv(x, w, **setting(1, dilation=2, border=((4, 0),)))


def _separable(x, each, mix):
    x = conv(x, each, **setting(2, groups=2, stride=(2, 1), border=1))
    return conv(x, mix, **setting(2))


def _upsampled(x, *, frac_ratio):
    """Linear interpolation between the pixels, of which the outermost go on."""
    for axis, (up, down) in zip((2, 3), frac_ratio):
        n = x.shape[axis]
        place = (np.arange(0, n * up, down) - (up - 1) // 2) / up
        first = np.floor(place).astype(int)
        near, far = [np.take(x, np.clip(first + i, 0, n - 1), axis) for i in (0, 1)]
        rest = np.expand_dims(place - first, [i for i in range(4) if i != axis])
        x = near * (1 - rest) + far * rest
    return x


PUBLIC = [
    *[public(nnet.conv2d, lambda x, w, params=params: conv(x, w, **params), shapes, loose=100,
             call=lambda x, w, params=params: _fft(x, w, params)) for shapes, params in CASES[:15]],
    public(nnet.conv2d, lambda x, w: conv(x.transpose(3, 0, 1, 2), w.transpose(3, 0, 1, 2),
                                          **setting(2)).transpose(1, 2, 3, 0),
           ((2, 4, 3, 2), (2, 2, 3, 2)), call=lambda x, w: nnet.conv2d(x, w, layout="c01b")),
    *[public(nnet.conv2d, lambda x, w, params=params: unshared_conv(x, w, params), shapes,
             call=lambda x, w, kwargs=kwargs: nnet.conv2d(x, w, unshared=True, **kwargs))
      for shapes, params, kwargs in (
          (((2, 1, 3, 4), (2, 2, 3, 1, 2, 2)), setting(2), {}),
          (((1, 4, 3, 3), (2, 2, 2, 2, 2, 3)), setting(2, 2, border=((1, 0), (0, 2)), groups=2),
           {"subsample": 2, "border_mode": ((1, 0), (0, 2)), "num_groups": 2}),
          (((1, 1, 3, 4), (2, 3, 4, 1, 3, 2)), setting(2, 1, (1, 2), "half", flip=False),
           {"border_mode": "half", "filter_dilation": (1, 2), "filter_flip": False}))],
    public(nnet.conv1d, conv, LINES, params=setting(1), call=nnet.conv1d),
    public(nnet.conv3d, conv, VOLUMES, params=setting(3), call=nnet.conv3d),
    public(nnet.causal_conv1d, _causal, LINES,
           call=lambda x, w: nnet.causal_conv1d(x, w, (None, None, 3), filter_dilation=2)),
    public(nnet.separable_conv2d, _separable, ((1, 2, 4, 3), (4, 1, 2, 2), (2, 4, 1, 1)),
           call=lambda x, each, mix: nnet.separable_conv2d(
               x, each, mix, 2, border_mode=1, subsample=(2, 1))),
    public(nnet.conv2d_transpose, lambda y, w: conv_grad_inputs(y, w, 5, 4, **setting(2, 2)),
           ((2, 3, 2, 2), (3, 2, 3, 2)),
           call=lambda y, w: nnet.conv2d_transpose(y, w, None, (3, 2, 3, 2), input_dilation=2)),
    public(plain_conv2d, lambda x, w: conv(x[:, None], w[None, None], **setting(2))[:, 0],
           ((3, 4, 3), (2, 2))),
    *[public(nnet.frac_bilinear_upsampling, _upsampled, ((2, 1, 3, 4),),
             params={"frac_ratio": ratio}) for ratio in (((3, 1), (2, 1)), ((7, 4), (5, 3)))],
    Row(nnet.bilinear_kernel_1D, lambda n: 1 - abs(np.arange(1 - n, n)) / n,
        Domain(1, 5, "int64"), [((),)], dtypes=("int64",), result="float64"),
]

CONV_ROWS = [*OWN, *PUBLIC]
