"""The names of neural networks, as in ``theano.tensor.nnet``."""
# ruff: noqa: F401
from cytensor.ops.activation import (
    elu, gelu, leaky_relu, log_sigmoid, relu, selu, softsign, swish)
from cytensor.ops.classification import (
    crossentropy_categorical_1hot_grad, crossentropy_softmax_1hot,
    crossentropy_softmax_1hot_with_bias, crossentropy_softmax_argmax_1hot_with_bias,
    crossentropy_softmax_max_and_argmax_1hot, crossentropy_softmax_max_and_argmax_1hot_with_bias,
    h_softmax, prepend_0_to_each_row, prepend_1_to_each_row, prepend_scalar_to_each_row)
from cytensor.ops.conv_nd import conv1d, conv2d, conv3d
from cytensor.ops.conv_separable import causal_conv1d, separable_conv2d, separable_conv3d
from cytensor.ops.conv_shapes import (
    check_conv_gradinputs_shape, get_conv_gradinputs_shape, get_conv_gradinputs_shape_1axis,
    get_conv_gradweights_shape, get_conv_gradweights_shape_1axis, get_conv_output_shape,
    get_conv_shape_1axis)
from cytensor.ops.conv_transposed import (
    conv1d_grad_wrt_inputs, conv1d_grad_wrt_weights, conv1d_transpose, conv2d_grad_wrt_inputs,
    conv2d_grad_wrt_weights, conv2d_transpose, conv3d_grad_wrt_inputs, conv3d_grad_wrt_weights,
    conv3d_transpose)
from cytensor.ops.elementwise import hard_sigmoid, sigmoid, softplus, ultra_fast_sigmoid
from cytensor.ops.normalization import (
    batch_normalization, group_norm, instance_norm, layer_norm, rms_norm)
from cytensor.ops.response import local_response_normalization
from cytensor.ops.softmax import (
    binary_crossentropy, categorical_crossentropy, confusion_matrix,
    crossentropy_categorical_1hot, log_softmax, logsoftmax, sigmoid_binary_crossentropy, softmax,
    softmax_with_bias, to_one_hot)
from cytensor.ops.upsampling import (
    bilinear_kernel_1D, bilinear_kernel_2D, bilinear_upsampling, frac_bilinear_upsampling)
from cytensor.tensor.nnet import bn, neighbours

softmax_graph = softmax
