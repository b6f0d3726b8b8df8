"""The names of neural networks, as in ``theano.tensor.nnet``."""
# ruff: noqa: F401
from cytensor.ops.activation import (
    elu, gelu, leaky_relu, log_sigmoid, relu, selu, softsign, swish)
from cytensor.ops.classification import (
    crossentropy_categorical_1hot_grad, crossentropy_softmax_1hot,
    crossentropy_softmax_1hot_with_bias, crossentropy_softmax_argmax_1hot_with_bias,
    crossentropy_softmax_max_and_argmax_1hot, crossentropy_softmax_max_and_argmax_1hot_with_bias,
    h_softmax, prepend_0_to_each_row, prepend_1_to_each_row, prepend_scalar_to_each_row)
from cytensor.ops.elementwise import hard_sigmoid, sigmoid, softplus, ultra_fast_sigmoid
from cytensor.ops.softmax import (
    binary_crossentropy, categorical_crossentropy, confusion_matrix,
    crossentropy_categorical_1hot, log_softmax, logsoftmax, sigmoid_binary_crossentropy, softmax,
    softmax_with_bias, to_one_hot)
from cytensor.tensor.nnet import neighbours

softmax_graph = softmax
