"""SMALLER: fewer nodes and smaller arrays, by the rules of algebra.

Zero times anything is zero here, also where the other factor is infinite or not a number; so it is
in Theano. Sums and differences of floats are not regrouped: ``(x + 1e20) - 1e20`` is meant.
"""
import numpy as np

from cytensor._core import new_constant
from cytensor.ops.elementwise import (
    abs, add, and_, arctanh, conj, exp, expm1, eq, imag, invert, log, log1p, logical_and,
    logical_not, logical_or, make_complex, maximum, minimum, mul, neg, neq, or_, pow, real,
    relu, sgn, sigmoid, softplus, sqr, sqrt, sub, switch, tanh, true_div, xor)
from cytensor.ops.registry import KIND, cast
from cytensor.rewrites.patterns import NodeRule, Rule, any_param, constant_hole, holes

x, y, z = holes("x y z")
c, d = constant_hole("c"), constant_hole("d")
dtype, wide = any_param("dtype"), any_param("wide")

_NOT_NEGATIVE = {abs, sqr, exp, sigmoid, softplus, relu}


def is_real(x):
    return KIND[x.type.dtype] != "c"


def is_bool(x):
    return x.type.dtype == "bool"


def is_integer(x):
    return KIND[x.type.dtype] in "iu"


def is_scalar(x):
    return x.type.ndim == 0


def not_negative(x):
    """Whether a real ``x`` cannot be below 0, by how it is made."""
    return is_real(x) and x.owner is not None and x.owner.op in _NOT_NEGATIVE


def same_shape(x, y):
    return x.type.shape == y.type.shape


def product_is_safe(c, d):
    """Whether two constants may be multiplied first: no overflow, nothing lost to underflow."""
    if KIND[c.type.dtype] in "biu":
        return True
    with np.errstate(all="ignore"):
        size = np.abs(c.data * d.data)
    tiny, huge = np.finfo(size.dtype).tiny, np.finfo(size.dtype).max
    return bool(((size >= tiny) & (size <= huge)).all())


def holds(wide, narrow):
    """Whether every value of dtype ``narrow`` is one of dtype ``wide``."""
    if KIND[narrow] in "iu" and KIND[wide] in "fc":
        bits = np.finfo(wide).nmant + 1
        return np.iinfo(narrow).bits - (KIND[narrow] == "i") <= bits
    return np.can_cast(narrow, wide, "safe")


NEUTRAL = [
    Rule(x + 0, x),
    Rule(x - 0, x),
    Rule(0 - x, -x),
    Rule(x * 1, x),
    Rule(x * -1, -x),
    Rule(x / 1, x),
    Rule(x / -1, -x),
    Rule(x * 0, 0),
    Rule(true_div(0, x), 0),
    Rule(pow(x, 1), x),
    Rule(pow(x, 0), 1),
    Rule(and_(x, True), x, where=is_bool),
    Rule(and_(x, False), 0),
    Rule(or_(x, False), x),
    Rule(or_(x, True), 1, where=is_bool),
    Rule(xor(x, 0), x),
    Rule(logical_and(x, True), x),
    Rule(logical_and(x, False), 0),
    Rule(logical_or(x, False), x),
    Rule(logical_or(x, True), 1),
    Rule(switch(True, x, y), x),
    Rule(switch(False, x, y), y),
]

SIGNS = [
    Rule(-(-x), x),
    Rule(-(x - y), y - x),
    Rule(x - (-y), x + y),
    Rule(x + (-y), x - y),
    Rule((-x) * (-y), x * y),
    Rule((-x) / (-y), x / y),
    Rule((-x) * c, x * (-c), shared=True),
    Rule((-x) * y, -(x * y)),
    Rule((-x) / y, -(x / y)),
    Rule(x / (-y), -(x / y)),
    Rule(-(x * c), x * (-c)),
    Rule(abs(-x), abs(x)),
    Rule(sqr(-x), sqr(x)),
    Rule(sqr(abs(x)), sqr(x), where=is_real),
]

# where the inner function is not defined, x takes the place of not-a-number
INVERSES = [
    Rule(log(exp(x)), x, where=is_real),
    Rule(exp(log(x)), x),
    Rule(log1p(expm1(x)), x, where=is_real),
    Rule(expm1(log1p(x)), x),
    Rule(exp(log1p(x)), 1 + x),
    Rule(expm1(log(x)), x - 1),
    Rule(tanh(arctanh(x)), x),
    Rule(sqrt(sqr(x)), abs(x), where=is_real),
    Rule(sqrt(x * x), abs(x), where=is_real),
    Rule(sqr(sqrt(x)), x, where=not_negative),
    Rule(invert(invert(x)), x),
    Rule(logical_not(logical_not(x)), x),
    Rule(logical_not(eq(x, y)), neq(x, y)),
    Rule(logical_not(neq(x, y)), eq(x, y)),
    Rule(conj(conj(x)), x),
]

TWICE = [
    Rule(x - x, 0, where=is_integer),
    Rule(abs(x), x, where=not_negative),
    Rule(relu(x), x, where=not_negative),
    Rule(sgn(sgn(x)), sgn(x)),
    Rule(maximum(x, x), x),
    Rule(minimum(x, x), x),
    Rule(and_(x, x), x),
    Rule(or_(x, x), x),
    Rule(logical_and(x, x), x),
    Rule(logical_or(x, x), x),
    Rule(switch(x, y, y), y),
    Rule(switch(logical_not(x), y, z), switch(x, z, y)),
]

COMPLEX = [
    Rule(conj(x), x, where=is_real),
    Rule(real(x), x, where=is_real),
    Rule(imag(x), 0, where=is_real),
    Rule(real(make_complex(x, y)), x),
    Rule(imag(make_complex(x, y)), y),
]

# ----- constants -----

_EXACT = {add: np.add, sub: np.subtract, mul: np.multiply, neg: np.negative,
          true_div: np.divide}


def arithmetic_of_constants(node):
    """Compute at once what needs no kernel, so that other rules see the result."""
    out = node.out
    if not is_real(out) or None in out.type.shape or out.type.dtype == "bool":
        return None
    with np.errstate(all="ignore"):
        value = _EXACT[node.op](*[x.data for x in node.inputs])
    return new_constant(out.type, np.array(value, out.type.dtype))


# (x * c) * d is x * (c * d)
CONSTANTS = [
    NodeRule("arithmetic of constants -> a constant",
             lambda op, heads: op in _EXACT and all([head is True for head in heads]),
             arithmetic_of_constants),
    Rule((x * c) * d, x * (c * d), where=product_is_safe, shared=True),
    Rule((x + c) + d, x + (c + d), where=is_integer, shared=True),
    Rule((x - c) + d, x + (d - c), where=is_integer, shared=True),
    Rule((x + c) - d, x + (c - d), where=is_integer, shared=True),
    Rule((x - c) - d, x - (c + d), where=is_integer, shared=True),
]

CASTS = [
    Rule(cast(x, dtype=dtype), x, where=lambda x, dtype: x.type.dtype == dtype),
    Rule(cast(cast(x, dtype=wide), dtype=dtype), cast(x, dtype=dtype),
         where=lambda x, wide: holds(wide, x.type.dtype)),
]

SMALLER = [*NEUTRAL, *SIGNS, *INVERSES, *TWICE, *COMPLEX, *CONSTANTS, *CASTS]
