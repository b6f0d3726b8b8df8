"""Sorting, as in ``theano.tensor.sort``."""
# ruff: noqa: F401
from cytensor.ops.sorting import argsort, argtopk, sort, topk, topk_and_argtopk
