"""The symbolic API under NumPy's and Theano's names: what a user calls ``T``."""
# ruff: noqa: F401, F403  (names to be imported from here)
from cytensor._core import Constant, TensorType, Variable
from cytensor.ops.activation import (
    elu, gelu, leaky_relu, log_sigmoid, relu, selu, softsign, swish)
from cytensor.autodiff.control import (
    disconnected_grad, grad_clip, grad_scale, undefined_grad, zero_grad)
from cytensor.autodiff.derived import hessian, hessian_vector_product, hvp, jacobian
from cytensor.autodiff.forward import Rop
from cytensor.autodiff.reverse import Lop, grad, subgraph_grad
from cytensor.autodiff.verify import verify_grad
from cytensor.ops.arithmetic import allclose, cast, default, divmod, round, where
from cytensor.ops.axes import (
    atleast_1d, atleast_2d, atleast_3d, dimshuffle, expand_dims, moveaxis, shape_padaxis,
    shape_padleft, shape_padright, squeeze, swapaxes, transpose)
from cytensor.ops.counting import bincount, unique
from cytensor.ops.cumulative import cumprod, cumsum, diff
from cytensor.ops.diagonal import (
    alloc_diag, diag, diagonal, extract_diag, fill_diagonal, fill_diagonal_offset, trace)
from cytensor.ops.einsum import einsum
from cytensor.ops.elementwise import (
    abs, add, and_, angle, arccos, arccosh, arcsin, arcsinh, arctan, arctan2, arctanh, cbrt, ceil,
    chi2sf, clip, complex_from_polar, conj, cos, cosh, deg2rad, eq, erf, erfc, erfcinv, erfcx,
    erfinv, exp, exp2, expm1, floor, floor_div, fmax, fmin, gamma, gammainc, gammaincc, gammal,
    gammaln, gammau, ge, gt, hard_sigmoid, hypot, i0, i1, imag, invert, isclose, isfinite, isinf,
    isnan, iv, j0, j1, jv, le, left_shift, log, log1mexp, log1p, log2, log10, logaddexp,
    logical_and, logical_not, logical_or, logical_xor, lt, make_complex, maximum, minimum, mod, mul,
    neg, neq, or_, polygamma, pow, psi, rad2deg, real, reciprocal, right_shift,
    round_half_away_from_zero, round_half_to_even, rsqrt, sgn, sigmoid, sin, sinh, softplus, sqr,
    sqrt, sub, switch, tan, tanh, tri_gamma, true_div, trunc, ultra_fast_sigmoid, xor)
from cytensor.ops.flat_index import ravel_multi_index, unravel_index
from cytensor.ops.generate import (
    alloc, empty, empty_like, fill, full, full_like, ones, ones_like, second, zeros, zeros_like)
from cytensor.ops.indexing import inc_subtensor, set_subtensor
from cytensor.ops.joining import (
    array_split, column_stack, concatenate, dstack, hstack, join, split, stack, vstack)
from cytensor.ops.linear import (
    batched_dot, batched_tensordot, dot, gemm, inner, kron, matmul, outer, tensordot, vdot)
from cytensor.ops.matrices import eye, identity, identity_like, tri, tril, triu
from cytensor.ops.ranges import arange, linspace, logspace, meshgrid, mgrid, ogrid
from cytensor.ops.rearrange import flip, fliplr, flipud, pad, repeat, roll, rot90, tile
from cytensor.ops.reduce import all, any, argmax, argmin, max, max_and_argmax, min, prod, sum
from cytensor.ops.registry import constant
from cytensor.ops.select import (
    choose, compress, flatnonzero, nonzero, nonzero_values, take, take_along_axis)
from cytensor.ops.shape import (
    addbroadcast, broadcast_arrays, broadcast_to, flatten, patternbroadcast, ravel, reshape, shape,
    shape_i, size, specify_shape, unbroadcast)
from cytensor.ops.softmax import (
    binary_crossentropy, categorical_crossentropy, confusion_matrix, crossentropy_categorical_1hot,
    log_softmax, logsoftmax, logsumexp, sigmoid_binary_crossentropy, softmax, softmax_with_bias,
    to_one_hot)
from cytensor.ops.sorting import searchsorted
from cytensor.ops.statistics import mean, norm, ptp, std, var
from cytensor.ops.variable import TensorConstant, TensorVariable
from cytensor.ops.views import as_tensor_variable
from cytensor.ops.windows import bartlett, blackman, hamming, hanning
from cytensor.tensor import constructors, extra_ops, fft, nlinalg, nnet, signal, slinalg
from cytensor.tensor.constructors import *
from cytensor.tensor.sort import argsort, argtopk, sort, topk, topk_and_argtopk

# ----- NumPy's and Theano's second names -----

abs_ = absolute = abs
as_tensor = as_tensor_variable
bitwise_and, bitwise_or, bitwise_xor, bitwise_not = and_, or_, xor, invert
conjugate = conj
divide = true_divide = true_div
equal, not_equal = eq, neq
floor_divide = int_div = floor_div
greater, greater_equal, less, less_equal = gt, ge, lt, le
inv = reciprocal
largest, smallest = maximum, minimum
multiply, negative, power, remainder, subtract = mul, neg, pow, mod, sub
sign = sgn
square = sqr
