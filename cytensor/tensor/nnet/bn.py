"""Batch normalisation, as in ``theano.tensor.nnet.bn``."""
# ruff: noqa: F401
from cytensor.ops.normalization import (
    batch_normalization, batch_normalization_test, batch_normalization_train)
