"""Signals and images, as in ``theano.tensor.signal``: convolution of plain arrays, and pooling."""
from cytensor.tensor.signal import conv, downsample, pool  # noqa: F401
