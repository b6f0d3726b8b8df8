"""Convolution under Theano's names: older functions, and ops as classes."""
import warnings

from cytensor import tensor as T
from cytensor.compat.theano.basic import NotScalarConstantError, get_scalar_constant_value
from cytensor.compat.theano.kinds import kind
from cytensor.ops.control import Assert
from cytensor.ops.conv_arguments import border
from cytensor.ops.conv_nd import Convolution
from cytensor.ops.convolution import zeros_around
from cytensor.ops.views import as_sizes
from cytensor.tensor import nnet

#: Whether SciPy convolves where there is no compiler: here nothing needs one.
imported_scipy_signal = True


# ----- functions -----

def conv2d(input, filters, input_shape=None, filter_shape=None, border_mode="valid",
           subsample=(1, 1), filter_flip=True, image_shape=None, filter_dilation=(1, 1),
           num_groups=1, unshared=False, **kwargs):
    """Convolve a batch of images with filters; see ``cytensor.tensor.nnet.conv2d``.

    ``image_shape`` is an older name of ``input_shape``; further arguments have no effect.

    Raises
    ------
    ValueError
        If both names are given, or an argument asks for images with zeros in between.
    """
    if "imshp_logical" in kwargs or "kshp_logical" in kwargs:
        raise ValueError("conv2d: imshp_logical and kshp_logical are not supported")
    if kwargs:
        warnings.warn(f"conv2d: {', '.join(kwargs)} are deprecated and have no effect",
                      stacklevel=2)
    if image_shape is not None:
        if input_shape is not None:
            raise ValueError("conv2d: input_shape and image_shape are two names of one argument; "
                             "both are given")
        warnings.warn("conv2d: image_shape is deprecated; it is now called input_shape",
                      stacklevel=2)
        input_shape = image_shape
    return nnet.conv2d(input, filters, input_shape, filter_shape, border_mode, subsample,
                       filter_flip, filter_dilation, num_groups, unshared)


def old_conv2d(input, filters, image_shape=None, filter_shape=None, border_mode="valid",
               subsample=(1, 1), **kwargs):
    """Convolve a batch of images with filters: ``theano.tensor.nnet.conv.conv2d``.

    Parameters
    ----------
    input, filters, border_mode, subsample
        As in ``cytensor.tensor.nnet.conv2d``; the border is 'valid' or 'full'.
    image_shape, filter_shape : sequence of int, None and constant, or constant vector, optional
    **kwargs
        Those of ``ConvOp``, which have no effect.

    Raises
    ------
    NotScalarConstantError
        If a size is not known while the graph is built.
    AssertionError
        If the two shapes do not have the same number of channels.
    """
    warnings.warn("theano.tensor.nnet.conv.conv2d is deprecated. Use theano.tensor.nnet.conv2d "
                  "instead.", stacklevel=2)
    image_shape = _known(image_shape, "image_shape")
    filter_shape = _known(filter_shape, "filter_shape")
    channels, depth = [shape[1] if shape else None for shape in (image_shape, filter_shape)]
    if None not in (channels, depth) and channels != depth:
        raise AssertionError(f"conv2d: images have {channels} channels, and filters {depth}")
    op = ConvOp(dx=subsample[0], dy=subsample[1], output_mode=border_mode, **kwargs)
    return op(input, filters, image_shape, filter_shape)


def _known(shape, name):
    """Return a shape as a tuple of int and None."""
    if shape is None:
        return None
    try:
        return tuple([None if n is None else int(get_scalar_constant_value(n)) for n in shape])
    except NotScalarConstantError:
        raise NotScalarConstantError(f"conv2d: {name} has constant sizes, not {shape}") from None


def conv3d2d(signals, filters, signals_shape=None, filters_shape=None, border_mode="valid"):
    """Convolve films with filters: ``theano.tensor.nnet.conv3d2d.conv3d``.

    Parameters
    ----------
    signals : Variable, shape (batch, time, channels, rows, columns)
    filters : Variable, shape (filters, time, channels, rows, columns)
    signals_shape, filters_shape : sequence of int and None, optional
    border_mode : {'valid', 'full', 'half'}, or one of them for each of time, rows and columns

    Returns
    -------
    Variable, shape (batch, time, filters, rows, columns)
    """
    modes = (border_mode,) * 3 if isinstance(border_mode, str) else border_mode
    what = "conv3d2d.conv3d"
    borders = [border(what, mode, 1) for mode in modes]
    how = Convolution(what, 3)
    film, w = how.array("input", signals), how.array("filters", filters)
    film = T.specify_shape(film, signals_shape) if signals_shape else film
    w = T.specify_shape(w, filters_shape) if filters_shape else w
    zeros = [zeros_around(mode, 0, w.shape[axis]) for mode, axis in zip(borders, (1, 3, 4))]
    film = T.pad(film, [(0, 0), zeros[0], (0, 0), *zeros[1:]])
    out = how.forward(film.dimshuffle(0, 2, 1, 3, 4), w.dimshuffle(0, 2, 1, 3, 4))
    return out.dimshuffle(0, 2, 1, 3, 4)


# ----- checks -----

def assert_conv_shape(shape):
    """Return a shape whose sizes are checked: of space positive, the first two not negative.

    Raises
    ------
    ValueError
        If a size is known to be wrong; in the run it is an AssertionError.
    """
    return tuple([_asserted(n, axis) for axis, n in enumerate(shape)])


def _asserted(n, axis):
    least = 0 if axis < 2 else 1
    text = f"The convolution would produce an invalid shape (dim[{axis}] < {least})"
    try:
        if get_scalar_constant_value(n) < least:
            raise ValueError(f"{text}: {n}")
        return n
    except NotScalarConstantError:
        return Assert(text)(n, T.ge(n, least))


def assert_shape(x, expected_shape, msg="Unexpected shape."):
    """Return ``x``, whose shape the run asserts, if the flag ``conv.assert_shape`` is set.

    Parameters
    ----------
    x : Variable
    expected_shape : sequence of int, None and 0-d variable, or None
        None leaves a size open.
    msg : str
        That of the AssertionError.
    """
    from cytensor.compat.theano.flags import config
    if expected_shape is None or not config.conv.assert_shape:
        return x
    tests = [T.eq(x.shape[axis], n) for axis, n in enumerate(expected_shape) if n is not None]
    return Assert(msg)(x, *tests) if tests else x


def border_mode_to_pad(mode, convdim, kshp):
    """Return (zeros before, zeros behind) for each spatial axis, for windows of sizes ``kshp``."""
    zeros = border("border_mode_to_pad", mode, convdim)
    return tuple([zeros_around(zeros, axis, k) for axis, k in enumerate(kshp)])


# ----- ops as classes -----

def _abstract(direction, ndim):
    """Make ops such as ``AbstractConv2d``: first how, then on what."""
    def make(imshp=None, kshp=None, border_mode="valid", subsample=1, filter_flip=True,
             filter_dilation=1, num_groups=1, unshared=False):
        how = Convolution(f"Conv{ndim}d", ndim, border_mode, subsample, filter_flip,
                          filter_dilation, num_groups, unshared)
        how.shape_of("input", imshp)
        how.shape_of("filters", kshp)
        return _OPS[direction](how, imshp, kshp)
    return make


def _correlation(direction, ndim):
    """Make ops such as ``CorrMM``: filters are not turned round."""
    def make(border_mode="valid", subsample=1, filter_dilation=1, num_groups=1, unshared=False,
             openmp=None):
        how = Convolution(f"Corr{ndim}d", ndim, border_mode, subsample, False, filter_dilation,
                          num_groups, unshared)
        return _OPS[direction](how, None, None)
    return make


def _gpu_correlation(border_mode="valid", subsample=(1, 1), pad=(0, 0)):
    """``GpuCorrMM``, whose border could also be called ``pad``."""
    return _correlation("forward", 2)(pad if border_mode == "valid" else border_mode, subsample)


def _forward(how, imshp, kshp):
    def apply(img, kern):
        return how.forward(img, kern, imshp, kshp)
    return apply


def _to_images(how, imshp, kshp):
    """The gradient with respect to images; without their sizes, those that a step of 1 gives."""
    def apply(kern, topgrad, shape=None, add_assert_shape=True):
        if shape is None:
            return how.transpose(topgrad, kern, None, kshp)
        space = as_sizes(shape, how.what, how.ndim)
        return how.grad_inputs(topgrad, kern, (*_first(imshp, 2), *space), kshp)
    return apply


def _to_filters(how, imshp, kshp):
    """The gradient with respect to filters; without their sizes, those that a step of 1 gives."""
    def apply(img, topgrad, shape=None, add_assert_shape=True):
        if shape is None:
            shape = _window(how, T.as_tensor_variable(img), T.as_tensor_variable(topgrad))
        space = as_sizes(shape, how.what, how.ndim)
        return how.grad_filters(img, topgrad, (
            *_first(kshp, 2 + how.ndim if how.unshared else 2), *space), imshp)
    return apply


def _first(shape, n):
    return (None,) * n if shape is None else tuple(shape)[:n]


def _window(how, img, topgrad):
    p = how.params
    found = nnet.get_conv_gradweights_shape(
        tuple(img.shape), tuple(topgrad.shape), p["border"], p["stride"], p["dilation"])[2:]
    if None in found:
        raise ValueError(f"{how.what}: the shape of the windows has to be given for a step other "
                         "than 1, and for the border 'half'")
    return found


_OPS = {"forward": _forward, "to images": _to_images, "to filters": _to_filters}
_DIRECTIONS = {"": ("conv", "forward"), "_gradInputs": ("conv_grad_inputs", "to images"),
               "_gradWeights": ("conv_grad_filters", "to filters")}


def _conv_op(imshp=None, kshp=None, nkern=None, bsize=None, dx=1, dy=1, output_mode="valid",
             unroll_batch=None, unroll_kern=None, unroll_patch=None, imshp_logical=None,
             kshp_logical=None, kshp_logical_top_aligned=True, verbose=0, version=-1,
             direction_hint="forward", openmp=None):
    """The op ``ConvOp``, of which only the border and the steps matter."""
    if output_mode not in ("valid", "full"):
        raise ValueError(f"ConvOp: the border is 'valid' or 'full', not {output_mode!r}")
    if (imshp_logical or kshp_logical) and (imshp_logical, kshp_logical) != (imshp, kshp):
        raise NotImplementedError("ConvOp: images and filters with zeros in between (imshp_logical "
                                  "and kshp_logical) are not supported")
    how = Convolution("ConvOp", 2, output_mode, (dx or 1, dy or 1))
    return how.forward


ConvOp = kind("ConvOp", "conv", _conv_op)
BaseAbstractConv = kind("BaseAbstractConv", "conv conv_grad_inputs conv_grad_filters")
BaseCorrMM = BaseCorr3dMM = BaseAbstractConv
AbstractConv, AbstractConv_gradInputs, AbstractConv_gradWeights = [
    kind("AbstractConv" + suffix, op) for suffix, (op, _) in _DIRECTIONS.items()]
for _suffix, (_op, _direction) in _DIRECTIONS.items():
    for _name, _make, _ndim in (("AbstractConv2d", _abstract, 2), ("AbstractConv3d", _abstract, 3),
                                ("CorrMM", _correlation, 2), ("Corr3dMM", _correlation, 3)):
        globals()[_name + _suffix] = kind(_name + _suffix, _op, _make(_direction, _ndim))
GpuCorrMM = kind("GpuCorrMM", "conv", _gpu_correlation)


# ----- functions of cuDNN -----

def dnn_conv(img, kerns, border_mode="valid", subsample=(1, 1), dilation=(1, 1),
             conv_mode="conv", direction_hint=None, workmem=None, algo=None, precision=None,
             num_groups=1):
    """Convolve a batch of images with filters; with ``conv_mode="cross"`` these are not turned."""
    return nnet.conv2d(img, kerns, None, None, border_mode, subsample, conv_mode == "conv",
                       dilation, num_groups)


def dnn_conv3d(img, kerns, border_mode="valid", subsample=(1, 1, 1), dilation=(1, 1, 1),
               conv_mode="conv", direction_hint=None, algo=None, precision=None, num_groups=1):
    """Convolve a batch of volumes with filters; see ``dnn_conv``."""
    return nnet.conv3d(img, kerns, None, None, border_mode, subsample, conv_mode == "conv",
                       dilation, num_groups)
