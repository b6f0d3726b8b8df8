"""Convolution under Theano's and pylearn2's names."""
import conv_reference as twin
import numpy as np
import pytest
from conv_reference import setting

import cytensor.compat

pytestmark = pytest.mark.usefixtures("theano")
RNG = np.random.default_rng(0)


def normal(*shape):
    return RNG.standard_normal(shape)


@pytest.fixture(scope="module")
def T(theano):
    return theano.tensor


@pytest.fixture
def pylearn2():
    """pylearn2's names, while a test runs."""
    cytensor.compat.install("pylearn2")
    yield
    cytensor.compat.uninstall("pylearn2")


# ----- functions -----

def test_the_older_name_of_a_shape(T):
    x, w = T.tensor4("x"), T.tensor4("w")
    with pytest.warns(UserWarning, match="image_shape is deprecated"):
        y = T.nnet.conv2d(x, w, image_shape=(2, 3, 9, 9), filter_shape=(4, 3, 3, 3))
    assert y.type.shape == (2, 4, 7, 7)
    with pytest.warns(UserWarning, match="unroll_batch are deprecated"):
        T.nnet.conv2d(x, w, unroll_batch=2)
    with pytest.raises(ValueError, match="two names of one argument"):
        T.nnet.conv2d(x, w, input_shape=(2, 3, 9, 9), image_shape=(2, 3, 9, 9))
    with pytest.raises(ValueError, match="kshp_logical"):
        T.nnet.conv2d(x, w, kshp_logical=(3, 3))


def test_the_older_function(theano, T):
    """As the tutorials call it."""
    from theano.tensor.nnet import conv
    x, w = T.dtensor4("x"), T.dtensor4("w")
    with pytest.warns(UserWarning, match="is deprecated"):
        y = conv.conv2d(input=x, filters=w, filter_shape=(4, 3, 2, 2), image_shape=(2, 3, 7, 7),
                        subsample=(2, 1), border_mode="full", openmp=False)
    assert y.type.shape == (2, 4, 4, 8)
    a, b = normal(2, 3, 7, 7), normal(4, 3, 2, 2)
    np.testing.assert_allclose(theano.function([x, w], y)(a, b),
                               twin.conv(a, b, **setting(2, (2, 1), border="full")))


@pytest.mark.filterwarnings("ignore:theano.tensor.nnet.conv")
def test_errors_of_the_older_function(theano, T):
    from theano.tensor.nnet import conv
    x, w = T.dtensor4("x"), T.dtensor4("w")
    with pytest.raises(T.NotScalarConstantError, match="image_shape has constant sizes"):
        conv.conv2d(x, w, (3, 2, 8, T.iscalar()), None)
    with pytest.raises(AssertionError, match="images have 2 channels, and filters 3"):
        conv.conv2d(x, w, (3, 2, 8, 8), (4, 3, 5, 5))
    with pytest.raises(ValueError, match="'valid' or 'full', not 'half'"):
        conv.conv2d(x, w, border_mode="half")
    with pytest.raises(NotImplementedError, match="zeros in between"):
        conv.ConvOp(imshp_logical=(9, 9))
    f = theano.function([x, w], conv.conv2d(x, w, T.as_tensor_variable([2, 3, 7, 7])))
    with pytest.raises(ValueError):
        f(normal(2, 3, 7, 8), normal(4, 3, 2, 2))


@pytest.mark.parametrize("modes", ["valid", "half", "full", ("half", "valid", "full")])
@pytest.mark.parametrize("known", [True, False])
def test_films(theano, T, modes, known):
    from theano.tensor.nnet.conv3d2d import conv3d
    x, w = T.dtensor5("x"), T.dtensor5("w")
    film, filters = normal(2, 6, 3, 5, 4), normal(4, 3, 3, 2, 3)
    y = conv3d(x, w, film.shape if known else None, filters.shape if known else None, modes)
    zeros = []
    for mode, k in zip((modes,) * 3 if isinstance(modes, str) else modes, (3, 2, 3)):
        zeros.append({"valid": (0, 0), "half": (k // 2,) * 2, "full": (k - 1,) * 2}[mode])
    order = (0, 2, 1, 3, 4)
    want = twin.conv(film.transpose(order), filters.transpose(order),
                     **setting(3, border=tuple(zeros)))
    np.testing.assert_allclose(theano.function([x, w], y)(film, filters), want.transpose(order))


def test_functions_of_cudnn(theano, T):
    from theano.sandbox.cuda import dnn
    assert not dnn.dnn_available()
    x, w = T.dtensor4("x"), T.dtensor4("w")
    a, b = normal(2, 3, 7, 7), normal(4, 3, 3, 3)
    for mode, flip in (("conv", True), ("cross", False)):
        y = dnn.dnn_conv(x, w, border_mode=(1, 0), subsample=(2, 2), conv_mode=mode)
        np.testing.assert_allclose(theano.function([x, w], y)(a, b),
                                   twin.conv(a, b, **setting(2, 2, border=(1, 0), flip=flip)))


# ----- ops as classes -----

def test_abstract_ops(theano, T):
    from theano.tensor.nnet import abstract_conv as A
    x, w, y = T.dtensor4("x"), T.dtensor4("w"), T.dtensor4("y")
    how = {"border_mode": "half", "subsample": (2, 2), "filter_flip": False}
    params = setting(2, 2, border="half", flip=False)
    a, b = normal(2, 3, 7, 7), normal(4, 3, 3, 3)
    want = twin.conv(a, b, **params)
    out = A.AbstractConv2d(**how)(x, w)
    assert isinstance(out.owner.op, A.AbstractConv2d)
    assert isinstance(out.owner.op, T.nnet.ConvOp)
    assert not isinstance(out.owner.op, A.AbstractConv2d_gradInputs)
    to_x = A.AbstractConv2d_gradInputs(imshp=None, kshp=(4, 3, 3, 3), **how)(w, y, x.shape[2:])
    to_w = A.AbstractConv2d_gradWeights(imshp=(2, 3, 7, 7), **how)(x, y, (3, 3))
    f = theano.function([x, w, y], [out, to_x, to_w])
    for got, expected in zip(f(a, b, want), (want, twin.conv_grad_inputs(want, b, 7, 7, **params),
                                             twin.conv_grad_filters(a, want, 3, 3, **params))):
        np.testing.assert_allclose(got, expected)
    with pytest.raises(ValueError, match=r"input_shape is a tuple of 4 sizes"):
        A.AbstractConv2d(imshp=x.shape)


@pytest.mark.parametrize("ndim", [2, 3])
@pytest.mark.parametrize("border", ["valid", "full", 1])
def test_correlations(theano, T, ndim, border):
    """Without a shape, gradients are those of a step of 1."""
    from theano.tensor.nnet import corr, corr3d
    family = corr if ndim == 2 else corr3d
    name = "CorrMM" if ndim == 2 else "Corr3dMM"
    x, w, y = [(T.dtensor4 if ndim == 2 else T.dtensor5)(n) for n in "xwy"]
    image, window = (5, 6, 4)[:ndim], (2, 3, 1)[:ndim]
    a, b = normal(2, 3, *image), normal(4, 3, *window)
    params = setting(ndim, border=0 if border == "valid" else border, flip=False)
    want = twin.conv(a, b, **params)
    f = theano.function([x, w, y], [
        getattr(family, name)(border)(x, w), getattr(family, name + "_gradInputs")(border)(w, y),
        getattr(family, name + "_gradWeights")(border)(x, y)])
    for got, expected in zip(f(a, b, want), (
            want, twin.conv_grad_inputs(want, b, *image, **params),
            twin.conv_grad_filters(a, want, *window, **params))):
        np.testing.assert_allclose(got, expected)
    with pytest.raises(ValueError, match="shape of the windows has to be given"):
        getattr(family, name + "_gradWeights")("half")(x, y)


def test_shapes_that_are_asserted(theano, T):
    from theano.tensor.nnet.abstract_conv import (
        assert_conv_shape, assert_shape, border_mode_to_pad)
    n, x = T.iscalar("n"), T.dmatrix("x")
    f = theano.function([n], assert_conv_shape((n, 2, 3))[0])
    assert f(0) == 0
    with pytest.raises(AssertionError, match=r"invalid shape .dim.0. < 0"):
        f(-1)
    with pytest.raises(ValueError, match=r"invalid shape .dim.2. < 1"):
        assert_conv_shape((1, 1, 0))
    assert assert_shape(x, (2, None)) is x
    with theano.change_flags([("conv.assert_shape", True)]):
        g = theano.function([x], assert_shape(x, (2, None)))
    assert g(normal(2, 3)).shape == (2, 3)
    with pytest.raises(AssertionError, match="Unexpected shape"):
        g(normal(3, 3))
    assert border_mode_to_pad("half", 2, (3, 4)) == ((1, 1), (2, 2))
    assert border_mode_to_pad((1, (2, 3)), 2, (3, 4)) == ((1, 1), (2, 3))


# ----- cuda-convnet -----

NOTE = """
from pylearn2.sandbox.cuda_convnet.filter_acts import FilterActs
from theano.sandbox.cuda.basic_ops import gpu_contiguous

conv_op = FilterActs()
input_shuffled = input.dimshuffle(1, 2, 3, 0)  # bc01 -> c01b
filters_shuffled = filters.dimshuffle(1, 2, 3, 0)  # bc01 -> c01b
filters_flipped = filters_shuffled[:, ::-1, ::-1, :] # flip rows and columns
contiguous_input = gpu_contiguous(input_shuffled)
contiguous_filters = gpu_contiguous(filters_flipped)
out_shuffled = conv_op(contiguous_input, contiguous_filters)
out = out_shuffled.dimshuffle(3, 0, 1, 2)  # c01b -> bc01
"""


def test_the_note_on_cuda_convnet(theano, T, pylearn2):
    """As it is printed: with filters that are turned round, the correlation is ``conv2d``. Any
    number of channels and filters will do, and windows need not be square.
    """
    names = {"input": T.dtensor4("input"), "filters": T.dtensor4("filters")}
    exec(NOTE, names)
    a, b = normal(3, 5, 8, 7), normal(6, 5, 3, 2)
    f = theano.function([names["input"], names["filters"]], names["out"])
    np.testing.assert_allclose(f(a, b), twin.conv(a, b, **setting(2)))


def test_steps_and_borders_of_cuda_convnet(theano, T, pylearn2):
    from pylearn2.sandbox.cuda_convnet.filter_acts import FilterActs
    x, w = T.dtensor4("x"), T.dtensor4("w")
    a, b = normal(5, 8, 7, 3), normal(5, 3, 3, 6)
    out = FilterActs(pad=1, stride=2, partial_sum=1)(x, w)
    f = theano.function([x, w], [out, *T.grad((out ** 2).sum(), [x, w])])
    params = setting(2, 2, border=1, flip=False)
    want = twin.conv(a.transpose(3, 0, 1, 2), b.transpose(3, 0, 1, 2), **params)
    got = f(a, b)
    np.testing.assert_allclose(got[0], want.transpose(1, 2, 3, 0))
    slope = twin.conv_grad_filters(a.transpose(3, 0, 1, 2), 2 * want, 3, 3, **params)
    np.testing.assert_allclose(got[2], slope.transpose(1, 2, 3, 0))
    with pytest.raises(ValueError, match="FilterActs: stride is at least 1"):
        FilterActs(stride=0)


def test_pooling_of_cuda_convnet(theano, T, pylearn2):
    """Windows that overlap; the last ones stand over the edge."""
    from pylearn2.sandbox.cuda_convnet.pool import MaxPool
    x = T.dtensor4("x")
    a = normal(3, 6, 7, 5)
    got = theano.function([x], MaxPool(ds=3, stride=2)(x))(a)
    want = np.array([[[a[c, i:i + 3, j:j + 3].max((0, 1)) for j in (0, 2, 4)] for i in (0, 2, 4)]
                     for c in range(3)])
    np.testing.assert_array_equal(got, want)
    with pytest.raises(NotImplementedError, match="start and outputs are 0"):
        MaxPool(3, 2, start=1)
    with pytest.raises(TypeError, match="images has 4 axes"):
        MaxPool(3, 2)(T.dtensor3())


def test_names_are_gone_afterwards():
    assert "pylearn2" not in cytensor.compat.names._finders
    with pytest.raises(ModuleNotFoundError):
        import pylearn2  # noqa: F401
