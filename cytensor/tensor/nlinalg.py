"""Linear algebra under the names of ``theano.tensor.nlinalg`` and ``numpy.linalg``."""
# ruff: noqa: F401
from numpy.linalg import LinAlgError

from cytensor.ops.decompositions import qr, svd
from cytensor.ops.determinants import det, logdet, slogdet
from cytensor.ops.diagonal import alloc_diag, diag, extract_diag, trace
from cytensor.ops.eigen import eig, eigh, eigvals, eigvalsh
from cytensor.ops.least_squares import cond, lstsq, matrix_rank, pinv
from cytensor.ops.linear import kron
from cytensor.ops.matrix_functions import (
    matrix_dot, matrix_power, multi_dot, tensorinv, tensorsolve)
from cytensor.ops.norms import norm
from cytensor.ops.solve import inv, matrix_inverse, solve

