"""The names of neural networks, as in ``theano.tensor.nnet``."""
# ruff: noqa: F401
from cytensor.ops.activation import (
    elu, gelu, leaky_relu, log_sigmoid, selu, softsign, swish)
from cytensor.ops.elementwise import hard_sigmoid, relu, sigmoid, softplus, ultra_fast_sigmoid
from cytensor.ops.softmax import (
    binary_crossentropy, categorical_crossentropy, confusion_matrix,
    crossentropy_categorical_1hot, log_softmax, logsoftmax, sigmoid_binary_crossentropy, softmax,
    softmax_with_bias, to_one_hot)
