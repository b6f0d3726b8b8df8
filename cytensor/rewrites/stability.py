"""SAFER: the same function by another way, one that neither overflows nor loses digits.

Gradients need it as much as costs. Those of ``log(sigmoid(x))`` are ``g / s * (s * (1 - s))`` and
become not-a-number where s is 0, unless the two s are seen to cancel.
"""
from cytensor.ops.elementwise import (
    exp, expm1, log, log1mexp, log1p, logaddexp, reciprocal, sigmoid, softplus)
from cytensor.ops.reduce import sum_op
from cytensor.ops.registry import KIND
from cytensor.ops.softmax import logsoftmax_op, logsumexp_op, softmax_op
from cytensor.ops.views import common_sizes, dimshuffle_op, padded_left, spread
from cytensor.rewrites.reductions import kept_order
from cytensor.rewrites.patterns import Rule, any_param, holes

x, y, g, h = holes("x y g h")
axis, keepdims, order = map(any_param, ("axis", "keepdims", "order"))


def is_real(x):
    return KIND[x.type.dtype] != "c"


# ----- logarithms and exponentials -----

NEAR_ZERO = [
    Rule(log(1 + exp(x)), softplus(x), where=is_real),          # exp(100) overflows float32
    Rule(log1p(exp(x)), softplus(x), where=is_real),
    Rule(log(exp(x) + exp(y)), logaddexp(x, y), where=is_real),
    Rule(log(1 - exp(x)), log1mexp(x), where=is_real),          # 1 - exp(-1e-20) is 0
    Rule(log1p(-exp(x)), log1mexp(x), where=is_real),
    Rule(log(-expm1(x)), log1mexp(x), where=is_real),
    Rule(log(1 + x), log1p(x)),                                 # 1 + 1e-20 is 1
    Rule(log(1 - x), log1p(-x), shared=True),
    Rule(exp(x) - 1, expm1(x)),
    Rule(exp(x) + -1, expm1(x)),
    Rule(1 - exp(x), -expm1(x), shared=True),
]


# ----- the logistic function -----

SIGMOID = [
    Rule(1 / (1 + exp(x)), sigmoid(-x), where=is_real, shared=True),
    Rule(reciprocal(1 + exp(x)), sigmoid(-x), where=is_real, shared=True),
    Rule(exp(x) / (1 + exp(x)), sigmoid(x), where=is_real),
    Rule((g * exp(x)) / (1 + exp(x)), g * sigmoid(x), where=is_real, shared=True),
    Rule(g / (1 + exp(x)), g * sigmoid(-x), where=is_real, shared=True),
    Rule(sigmoid(-x) * exp(x), sigmoid(x)),                     # 0 * inf, where x is large
    Rule(sigmoid(x) * exp(-x), sigmoid(-x), shared=True),
    Rule((g * sigmoid(-x)) * exp(x), g * sigmoid(x), shared=True),
    Rule((g * sigmoid(x)) * exp(-x), g * sigmoid(-x), shared=True),
    Rule(log(sigmoid(x)), -softplus(-x), shared=True),
    Rule(log(1 - sigmoid(x)), -softplus(x), shared=True),
    Rule(log1p(-sigmoid(x)), -softplus(x), shared=True),
    Rule(1 - sigmoid(x), sigmoid(-x)),
]


# ----- what cancels: 0 / 0 and inf * 0 in the gradients of logarithms -----

def of_shape(g, x):
    """``g`` in the shape that ``g / x * x`` has."""
    sizes = common_sizes([g, x])
    return g if len(sizes) == g.type.ndim and g.type.shape == x.type.shape else spread(g, sizes)


CANCEL = [
    Rule((g / x) * x, of_shape, shared=True, name="g / x * x -> g"),
    Rule((g / x) * (x * y), g * y, shared=True),
    Rule((g / x) * (h * (x * y)), g * (h * y), shared=True),
    Rule((g / x + h) * x, lambda g, x, h: of_shape(g, x) + h * x, shared=True,
         name="(g / x + h) * x -> g + h * x"),
    Rule((g / x - h) * x, lambda g, x, h: of_shape(g, x) - h * x, shared=True,
         name="(g / x - h) * x -> g - h * x"),
    Rule((g / x + h / y) * (x * y), g * y + h * x, shared=True),
    Rule((g / x - h / y) * (x * y), g * y - h * x, shared=True),
]


# ----- sums of exponentials -----

def are_leading(x, axis):
    """Whether what a sum leaves lines up with ``x`` without new axes."""
    return axis == tuple(range(len(axis))) and is_real(x)


def exp_of_part(g, x, axis, order):
    """The gradient g / sum(exp(x)) * exp(x), where g has to be brought into the shape of x."""
    if order != kept_order(x.type.ndim, axis):
        return None
    g = padded_left(g, x.type.ndim - len(axis))
    return dimshuffle_op(g, order=order) * softmax_op(x, axis=axis)


total = sum_op(exp(x), axis=axis, keepdims=True)
short_total = sum_op(exp(x), axis=axis, keepdims=False)
p, log_p = softmax_op(x, axis=axis), logsoftmax_op(x, axis=axis)


def mean_of(g):
    return sum_op(g * p, axis=axis, keepdims=True)


SOFTMAX = [
    Rule(exp(x) / total, p, where=is_real),
    Rule(exp(x) / short_total, p, where=are_leading),
    Rule((g / total) * exp(x), g * p, where=is_real, shared=True),
    Rule((g / short_total) * exp(x), g * p, where=are_leading, shared=True),
    Rule(mean_of(g / total) * exp(x), mean_of(g) * p, shared=True),
    Rule((g / total - mean_of(g / total)) * exp(x), (g - mean_of(g)) * p, shared=True),
    Rule(dimshuffle_op(g / short_total, order=order) * exp(x), exp_of_part, shared=True,
         name="(g / sum(exp(x)))[:, None] * exp(x) -> g[:, None] * softmax(x)"),
    Rule(log(sum_op(exp(x), axis=axis, keepdims=keepdims)),
         logsumexp_op(x, axis=axis, keepdims=keepdims), where=is_real),
    Rule(x - logsumexp_op(x, axis=axis, keepdims=True), log_p),
    Rule(log(p), log_p),
]

# signs go where the rules above do not meet them
SIGNS = [Rule(-(-x), x), Rule(-(g / x), (-g) / x, shared=True)]

SAFER = [*SIGNS, *NEAR_ZERO, *SIGMOID, *CANCEL, *SOFTMAX]
