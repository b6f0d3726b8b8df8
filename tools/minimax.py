"""Compute the polynomials of cytensor/cpu/ctmath_poly.h: minimax fits by Remez's exchange.

Run it to write that header again; it takes about a minute and gives the same text each time.
"""
import argparse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import mpmath as mp
import numpy as np

mp.mp.dps = 60
HEADER = Path(__file__).parent.parent / "cytensor" / "cpu" / "ctmath_poly.h"
HALF_LN2 = mp.log(2) / 2 * mp.mpf("1.001")
TOP = """\
/* ctmath_poly.h: the minimax polynomials of ctmath.h. Written by tools/minimax.py.
 *
 * CT_POLY_NAME_F32(x) and _F64(x) are evaluated by Horner's rule, long ones in two parts. The
 * comment gives what the polynomial stands for, its interval, and the error it brings in units of
 * 2^-24 or 2^-53.
 */
#ifndef CT_MATH_POLY_H
#define CT_MATH_POLY_H
"""


@dataclass(frozen=True)
class Fit:
    """A polynomial P(x) for ``value(x)`` on [low, high]; its error is weighed by ``weight(x)``.

    The weight turns the error of P into the relative error of the function it serves.
    """

    name: str
    about: str
    value: Callable
    weight: Callable
    low: float
    high: float
    terms: dict     # {"F32": number of coefficients, "F64": ...}


def odd(function):
    """P(z) with f(x) = x + x^3 P(x^2), and its weight, as functions of z = x^2."""
    def value(z):
        x = mp.sqrt(z)
        return (function(x) - x) / x ** 3

    def weight(z):
        x = mp.sqrt(z)
        return x ** 3 / function(x)
    return value, weight


def log_ratio(z):
    """log((1 + s) / (1 - s)) / (2 s) at s^2 = z."""
    s = mp.sqrt(z)
    return mp.atanh(s) / s


def erfcx(x):
    return mp.exp(x * x) * mp.erfc(x)


def erfcx_of(center, q):
    """(1 + 2 x) exp(x^2) erfc(x) where q = (x - center) / (x + center)."""
    x = center * (1 + q) / (1 - q)
    return (1 + 2 * x) * erfcx(x)


def _moebius(center, x):
    return (x - center) / mp.mpf(x + center)


FITS = [
    Fit("EXP", "exp(x) = 1 + x + x^2 P(x)",
        lambda x: (mp.expm1(x) - x) / x ** 2, lambda x: x ** 2 / abs(mp.expm1(x)),
        -HALF_LN2, HALF_LN2, {"F32": 5, "F64": 10}),
    Fit("EXP2", "2^x = 1 + x P(x)",
        lambda x: mp.expm1(x * mp.log(2)) / x, lambda x: abs(x) / 2 ** x,
        -mp.mpf("0.501"), mp.mpf("0.501"), {"F32": 6, "F64": 11}),
    Fit("EXP2_WIDE", "2^x = 1 + x P(x), for float32 results",
        lambda x: mp.expm1(x * mp.log(2)) / x, lambda x: abs(x) / 2 ** x,
        -mp.mpf("0.501"), mp.mpf("0.501"), {"F64": 7}),
    Fit("LOG", "log(1 + x) = x + x^2 P(x)",
        lambda x: (mp.log1p(x) - x) / x ** 2, lambda x: abs(x ** 2 / mp.log1p(x)),
        mp.sqrt(0.5) - 1, mp.sqrt(2) - 1, {"F32": 9}),
    Fit("LOG_ODD", "log((1 + s) / (1 - s)) = 2 s + s x P(x), x = s^2",
        lambda z: 2 * (log_ratio(z) - 1) / z, lambda z: z / (2 * log_ratio(z)),
        0, mp.mpf("0.02945"), {"F64": 7}),
    Fit("LOG_WIDE", "log((1 + s) / (1 - s)) = 2 s (1 + x P(x)), x = s^2, for float32 results",
        lambda z: (log_ratio(z) - 1) / z, lambda z: z / log_ratio(z),
        0, mp.mpf("0.02945"), {"F64": 4}),
    Fit("LOG_TAIL", "log((1 + s) / (1 - s)) = 2 s (1 + x/3 + x^2 P(x)), x = s^2",
        lambda z: (log_ratio(z) - 1 - z / 3) / z ** 2, lambda z: z ** 2 / log_ratio(z),
        0, mp.mpf("0.02945"), {"F64": 8}),
    Fit("LOG_HALF", "log((1 + s) / (1 - s)) = 2 s + s x P(x), x = s^2, s <= 1/3",
        lambda z: 2 * (log_ratio(z) - 1) / z, lambda z: z / (2 * log_ratio(z)),
        0, mp.mpf("0.1112"), {"F32": 4, "F64": 10}),
    Fit("SIN", "sin(r) = r + r^3 P(x), x = r^2",
        *odd(mp.sin), 0, (mp.pi / 4 * mp.mpf("1.0005")) ** 2, {"F32": 3, "F64": 6}),
    Fit("COS", "cos(r) = 1 - x/2 + x^2 P(x), x = r^2",
        lambda z: (mp.cos(mp.sqrt(z)) - 1 + z / 2) / z ** 2,
        lambda z: z ** 2 / mp.cos(mp.sqrt(z)),
        0, (mp.pi / 4 * mp.mpf("1.0005")) ** 2, {"F32": 3, "F64": 6}),
    Fit("TAN", "tan(r) = r + r^3 P(x), x = r^2",
        *odd(mp.tan), 0, (mp.pi / 4 * mp.mpf("1.0005")) ** 2, {"F32": 6, "F64": 14}),
    Fit("ASIN", "asin(r) = r + r^3 P(x), x = r^2", *odd(mp.asin), 0, 0.25,
        {"F32": 5, "F64": 12}),
    Fit("ATAN", "atan(r) = r + r^3 P(x), x = r^2", *odd(mp.atan), 0, 1,
        {"F32": 9, "F64": 21}),
    Fit("TANH", "tanh(r) = r + r^3 P(x), x = r^2", *odd(mp.tanh), 0, mp.mpf("0.625") ** 2,
        {"F32": 5, "F64": 12}),
    Fit("SINH", "sinh(r) = r + r^3 P(x), x = r^2", *odd(mp.sinh), 0, mp.mpf("2.26"),
        {"F32": 5, "F64": 9}),
    Fit("ERF", "erf(r) = r + r P(x), x = r^2",
        lambda z: mp.erf(mp.sqrt(z)) / mp.sqrt(z) - 1,
        lambda z: mp.sqrt(z) / mp.erf(mp.sqrt(z)), 0, mp.mpf("0.9216"),
        {"F32": 7, "F64": 12}),
    Fit("ERF_TAIL", "log(erfc(x)) = P(x), for erf",
        lambda x: mp.log(mp.erfc(x)), lambda x: mp.erfc(x) / mp.erf(x),
        mp.mpf("0.9599"), mp.mpf("4.1"), {"F32": 8}),
    Fit("ERFCX_WIDE", "(1 + 2 r) exp(r^2) erfc(r) = P(x), x = (r - 2) / (r + 2)",
        lambda q: erfcx_of(2, q), lambda q: 1 / erfcx_of(2, q),
        -1, _moebius(2, mp.mpf("10.2")), {"F64": 12}),
    Fit("ERFCX", "(1 + 2 r) exp(r^2) erfc(r) = 5/4 + P(x), x = (r - 3) / (r + 3)",
        lambda q: erfcx_of(3, q) - 1.25, lambda q: 1 / erfcx_of(3, q),
        -1, _moebius(3, mp.mpf("27.5")), {"F64": 23}),
]


# ----- Remez's exchange -----

def chebyshev(low, high, count):
    """``count`` points from low to high, denser towards the ends, none at an end or near 0."""
    angles = (mp.pi * (2 * k + 1) / (2 * count) for k in range(count))
    points = [(low + high) / 2 - (high - low) / 2 * mp.cos(a) for a in angles]
    near = (high - low) * mp.mpf("1e-9")
    return [p if abs(p) > near else near for p in points]


def solve(value, weight, points, count):
    """Coefficients whose weighed error alternates evenly between the points."""
    rows = mp.matrix(count + 1, count + 1)
    for i, x in enumerate(points):
        for k in range(count):
            rows[i, k] = x ** k
        rows[i, count] = (-1) ** i / weight(x)
    return list(mp.lu_solve(rows, mp.matrix([value(x) for x in points])))[:count]


def extrema(errors):
    """Index of the largest error between each two changes of sign."""
    best = [0]
    for i, error in enumerate(errors):
        if error * errors[best[-1]] < 0:
            best.append(i)
        elif abs(error) > abs(errors[best[-1]]):
            best[-1] = i
    return best


def remez(fit, count, rounds=12):
    """Return the minimax coefficients of ``fit``, lowest power first."""
    low, high = mp.mpf(fit.low), mp.mpf(fit.high)
    grid = chebyshev(low, high, 40 * count)
    values, weights = [fit.value(x) for x in grid], [fit.weight(x) for x in grid]
    points = chebyshev(low, high, count + 1)
    for _ in range(rounds):
        coefs = solve(fit.value, fit.weight, points, count)
        errors = [w * (v - mp.polyval(coefs[::-1], x))
                  for x, v, w in zip(grid, values, weights)]
        peaks = extrema(errors)
        while len(peaks) > count + 1:
            peaks.pop(0 if abs(errors[peaks[0]]) < abs(errors[peaks[-1]]) else -1)
        heights = [abs(errors[p]) for p in peaks]
        if len(peaks) <= count or max(heights) < min(heights) * mp.mpf("1.01"):
            break
        points = [grid[p] for p in peaks]
    return coefs


def error_of(fit, coefs):
    """The largest weighed error of a polynomial on the interval of a fit."""
    grid = chebyshev(mp.mpf(fit.low), mp.mpf(fit.high), 400)
    return max(abs(fit.weight(x) * (fit.value(x) - mp.polyval(coefs[::-1], x))) for x in grid)


# ----- the header -----

def rounded(coefs, kind):
    if kind == "F32":
        return [mp.mpf(float(np.float32(float(c)))) for c in coefs]
    return [mp.mpf(float(c)) for c in coefs]


def hexadecimal(value, kind):
    mantissa, exponent = float(value).hex().split("p")
    mantissa = mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa
    return f"{mantissa}p{int(exponent)}" + ("f" if kind == "F32" else "")


def horner(x, coefs, kind):
    """The call of the macro CT_HORNER, in lines."""
    texts = [hexadecimal(c, kind) for c in coefs]
    per_line = 4 if kind == "F32" else 3
    rows = [", ".join(texts[i:i + per_line]) for i in range(0, len(texts), per_line)]
    return [f"CT_HORNER_{kind}({x}, {len(texts)}, \\",
            *(f"    {row}, \\" for row in rows[:-1]), f"    {rows[-1]})"]


def evaluation(coefs, kind):
    """Lines that evaluate a polynomial: a long one as L(x) + x^k H(x), to halve the latency.

    Floats go by twice as many at a time, and their polynomials are short: they gain nothing.
    """
    if len(coefs) < 8 or kind == "F32":
        return horner("x", coefs, kind)
    half = 4 if len(coefs) < 12 else 8
    high, low = horner("x", coefs[half:], kind), horner("x", coefs[:half], kind)
    return [f"fma_{kind.lower()}(CT_POWER_{half}(x), \\", f"    {high[0]}", *high[1:-1],
            high[-1] + ", \\", f"    {low[0]}", *low[1:-1], low[-1] + ")"]


def macro(fit, kind, count):
    """The C text of one polynomial."""
    coefs = rounded(remez(fit, count), kind)
    units = error_of(fit, coefs) * 2 ** (24 if kind == "F32" else 53)
    lines = evaluation(coefs, kind)
    return "\n".join([
        f"/* {fit.about};\n   {float(fit.low):.4g} <= x <= {float(fit.high):.4g}; "
        f"error {float(units):.2g} */",
        f"#define CT_POLY_{fit.name}_{kind}(x) {lines[0]}", *lines[1:]])


def header(names=None):
    macros = [macro(fit, kind, count) for fit in FITS if names is None or fit.name in names
              for kind, count in fit.terms.items()]
    return "\n\n".join([TOP, *macros, "#endif\n"])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help="print these fits instead of writing the header")
    chosen = parser.parse_args().names
    if chosen:
        print(header(chosen))
    else:
        HEADER.write_text(header())
