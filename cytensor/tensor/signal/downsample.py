"""Pooling under its first names, as in ``theano.tensor.signal.downsample``."""
# ruff: noqa: F401
from cytensor.ops.pooling import max_pool_2d, max_pool_2d_same_size
