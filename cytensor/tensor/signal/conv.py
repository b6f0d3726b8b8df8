"""Convolution of plain images, as in ``theano.tensor.signal.conv``."""
# ruff: noqa: F401
from cytensor.ops.conv_plain import plain_conv2d as conv2d
