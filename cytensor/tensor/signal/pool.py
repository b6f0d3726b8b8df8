"""Pooling: windows that slide over the last axes, as in ``theano.tensor.signal.pool``."""
# ruff: noqa: F401
from cytensor.ops.pooling import max_pool_2d_same_size, pool_1d, pool_2d, pool_3d
from cytensor.ops.pooling_regions import (
    global_pooling_2d, roi_average_align_2d, roi_pooling_2d, spatial_pyramid_pooling_2d)
