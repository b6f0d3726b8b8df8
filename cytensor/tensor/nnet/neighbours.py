"""Neighbourhoods in images, as in ``theano.tensor.nnet.neighbours``."""
# ruff: noqa: F401
from cytensor.ops.neighbours import images2neibs, neibs2images
