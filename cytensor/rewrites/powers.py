"""FASTER: powers as multiplications and roots, and divisions that are exact as multiplications."""
from functools import reduce

import numpy as np

from cytensor.ops.elementwise import exp2, mul, pow, reciprocal, rsqrt, sqr, sqrt, true_div
from cytensor.ops.registry import KIND
from cytensor.rewrites.patterns import Rule, constant_hole, holes, uniform_value

x, y = holes("x y")
c = constant_hole("c")

_LARGEST = 64           # of the exponents that become multiplications


def is_float(x):
    return KIND[x.type.dtype] in "fc"


def is_real(x):
    return KIND[x.type.dtype] == "f"


def is_number(x):
    return x.type.dtype != "bool"


def is_as_large(y, x):
    """Whether ``y`` has as many elements as ``x``: of fewer, the reciprocal is less work."""
    return y.type.broadcastable == x.type.broadcastable


def chain(x, n):
    """Return ``x ** n`` for a whole ``n`` above 0: x ** 10 is sqr(sqr(sqr(x)) * x)."""
    out = x
    for bit in bin(n)[3:]:
        out = sqr(out)
        if bit == "1":
            out = mul(out, x)
    return out


def factors(x, n):
    """Return what ``x ** n`` is the product of, for ``n`` in quarters."""
    found = [chain(x, int(n))] if n >= 1 else []
    found += [sqrt(x)] if n % 1 >= 0.5 else []
    return found + ([sqrt(sqrt(x))] if n % 0.5 else [])


def power(x, c):
    """Return ``x ** c`` without `pow`, or None if there is no such way."""
    exponent = uniform_value(c)
    if exponent is None or np.imag(exponent):
        return None
    n = abs(np.real(exponent).item())
    if n == 0 or n > _LARGEST or (exponent.real < 0 and not is_float(x)):
        return None
    if n != int(n) and (4 * n != int(4 * n) or not is_real(x)):
        return None
    out = reduce(mul, factors(x, n))
    return out if exponent.real > 0 else reciprocal(out)


def is_power_of_two(c):
    """Whether dividing by ``c`` is multiplying by its inverse, bit for bit."""
    value = uniform_value(c)
    if value is None or KIND[c.type.dtype] != "f" or not np.isfinite(value) or value == 0:
        return False
    fraction, exponent = np.frexp(value)
    return abs(fraction) == 0.5 and abs(exponent) < 100


POWERS = [
    Rule(pow(x, c), power, name="pow(x, n) -> products of x", shared=True),
    Rule(x * x, sqr(x), where=is_number),
    Rule(pow(2, x), exp2(x), where=is_float),
    Rule(x * reciprocal(y), x / y, where=is_as_large),
    Rule(reciprocal(sqrt(x)), rsqrt(x), where=is_real),
    Rule(reciprocal(reciprocal(x)), x),
    Rule(true_div(1, x / y), y / x),
    Rule(x / c, lambda x, c: mul(x, 1 / c.data), where=is_power_of_two, shared=True,
         name="x / 2**n -> x * 2**-n"),
]
