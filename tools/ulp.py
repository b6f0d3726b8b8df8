"""Measure the errors of cytensor/cpu/ctmath.h, in units in the last place.

    python tools/ulp.py                     the table of docs/accuracy.md, for the isa v3
    python tools/ulp.py --isa v2 exp tanh   two functions, as built without fma

The header is compiled into a temporary folder. Each function is sampled over all floats, denser
where it has structure, and compared with libm's in long double; the worst points are computed
again by mpmath.
"""
import argparse
import ctypes
import os
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import mpmath
import numpy as np

CPU = Path(__file__).resolve().parent.parent / "cytensor" / "cpu"
FLAGS = ["-std=c11", "-O3", "-fno-math-errno", "-fno-trapping-math", "-ffp-contract=off",
         "-shared", "-fPIC", f"-I{CPU}"]
ISAS = {
    "v2": ["-march=x86-64-v2"],
    "v3": ["-march=x86-64-v3", "-mprefer-vector-width=256"],
    "v4": ["-march=x86-64-v4", "-mprefer-vector-width=512"],
    "native": ["-march=native"],
}
COMPILER = os.environ.get("CC", "cc")
KINDS = {"f32": ("float", np.float32), "f64": ("double", np.float64)}


@dataclass(frozen=True)
class Row:
    """A function: its reference in C and in mpmath, where to look closely, and its bounds."""

    reference: str              # of long doubles x (and y)
    exact: str                  # of mpmath numbers x (and y)
    near: tuple = ((-5.0, 5.0),)
    bound: tuple = (1.5, 1.5)   # for float32 and float64
    arity: int = 1
    fixup: bool = False
    skip: str = ""              # C condition of what has no bound, e.g. zeros between floats


UNIT = ((-1.0, 1.0), (0.99, 1.0), (-1e-3, 1e-3))
WIDE = ((-110.0, 110.0), (-750.0, 750.0), (-2.0, 2.0), (-1e-3, 1e-3))
POSITIVE = ((0.0, 4.0), (0.9, 1.1), (0.999, 1.001), (0.0, 1e4))
ANGLES = ((-10.0, 10.0), (-1e4, 1e4), (-1e9, 1e9), (-0.1, 0.1))
PLANE = ((-4.0, 4.0), (-1e3, 1e3), (-1e-3, 1e-3))

ROWS = {
    "exp": Row("expl(x)", "exp(x)", WIDE),
    "exp2": Row("exp2l(x)", "mpf(2)**x", WIDE),
    "expm1": Row("expm1l(x)", "expm1(x)", WIDE),
    "log": Row("logl(x)", "log(x)", POSITIVE),
    "log2": Row("log2l(x)", "log(x)/log(2)", POSITIVE),
    "log10": Row("log10l(x)", "log(x)/log(10)", POSITIVE),
    "log1p": Row("log1pl(x)", "log1p(x)", ((-1.0, 4.0), (-1e-3, 1e-3), (0.0, 1e4))),
    "log1mexp": Row("x > -0.7L ? logl(-expm1l(x)) : log1pl(-expl(x))", "log(-expm1(x))",
                    ((-2.0, 0.0), (-110.0, 0.0), (-750.0, 0.0)), (2.5, 2.5)),
    "softplus": Row("(x > 0 ? x : 0) + log1pl(expl(-fabsl(x)))",
                    "max(x, 0) + log1p(exp(-abs(x)))", WIDE, (2.0, 2.0)),
    "sigmoid": Row("x < 0 ? expl(x) / (1 + expl(x)) : 1 / (1 + expl(-x))", "1/(1 + exp(-x))",
                   WIDE, (2.5, 2.5)),
    "cbrt": Row("cbrtl(x)", "sign(x)*cbrt(abs(x))", PLANE),
    "sqrt": Row("sqrtl(x)", "sqrt(x)", POSITIVE, (0.5, 0.5)),
    "sin": Row("sinl(x)", "sin(x)", ANGLES, fixup=True),
    "cos": Row("cosl(x)", "cos(x)", ANGLES, fixup=True),
    "tan": Row("tanl(x)", "tan(x)", ANGLES, (2.5, 2.5), fixup=True),
    "asin": Row("asinl(x)", "asin(x)", UNIT),
    "acos": Row("acosl(x)", "acos(x)", UNIT),
    "atan": Row("atanl(x)", "atan(x)"),
    "sinh": Row("sinhl(x)", "sinh(x)", WIDE),
    "cosh": Row("coshl(x)", "cosh(x)", WIDE),
    "tanh": Row("tanhl(x)", "tanh(x)"),
    "asinh": Row("asinhl(x)", "asinh(x)", PLANE),
    "acosh": Row("acoshl(x)", "acosh(x)", ((1.0, 1.001), (1.0, 4.0), (1.0, 1e3)), (1.5, 2.0)),
    "atanh": Row("atanhl(x)", "atanh(x)", UNIT, (1.5, 2.0)),
    "erf": Row("erfl(x)", "erf(x)", PLANE),
    "erfc": Row("erfcl(x)", "erfc(x)", ((-4.0, 11.0), (-4.0, 28.0), (-1e-3, 1e-3)), (2.5, 2.5)),
    "pow": Row("powl(x, y)", "x**y", ((0.0, 4.0), (0.9, 1.1), (-40.0, 40.0), (-700.0, 700.0)),
               arity=2),
    "atan2": Row("atan2l(x, y)", "atan2(x, y)", PLANE, (2.0, 2.0), arity=2),
    "hypot": Row("hypotl(x, y)", "hypot(x, y)", PLANE, arity=2),
    "logaddexp": Row("fmaxl(x, y) + (x == y ? logl(2) : log1pl(expl(-fabsl(x - y))))",
                     "max(x, y) + log1p(exp(-abs(x - y)))", PLANE, arity=2,
                     skip="fmaxl(x, y) > -2 && fmaxl(x, y) < 1"),
    "fmod": Row("fmodl(x, y)", "fmod(x, y)", PLANE, (0, 0), arity=2, fixup=True),
    "round": Row("roundl(x)", "nint(x)", PLANE, (0, 0)),
    "rint": Row("rintl(x)", "nint(x)", PLANE, (0, 0)),
}

TOP = """\
#include <math.h>
#include "ctmath.h"

/* The distance of out from the reference, in units of the last of `digits` binary places. */
static double ulps(long double out, long double want, int digits, int emin, long double huge)
{
    if (isnan(want) || isnan(out))
        return isnan(want) && isnan(out) ? 0 : INFINITY;
    if (isinf(out) && fabsl(want) > huge)
        return (out > 0) == (want > 0) ? 0 : INFINITY;
    if (isinf(want) || isinf(out))
        return INFINITY;
    int e = want == 0 ? emin : ilogbl(want);
    return fabsl(out - want) / ldexpl(1, (e < emin ? emin : e) - digits + 1);
}
"""
FUNCTION = """
void map_{name}_{kind}(int64_t n, const {T} *x, const {T} *y, {T} *out)
{{
    (void)y;
    {loop}
}}

void one_{name}_{kind}(int64_t n, const {T} *x, const {T} *y, {T} *out)
{{
    for (int64_t i = 0; i < n; i++)
        map_{name}_{kind}(1, x + i, y + i, out + i);
}}

void ulp_{name}_{kind}(int64_t n, const {T} *px, const {T} *py, const {T} *out, double *error)
{{
    for (int64_t i = 0; i < n; i++) {{
        const long double x = px[i], y = py[i];
        (void)y;
        error[i] = {skip}ulps(out[i], {reference}, {digits});
    }}
}}
"""
DIGITS = {"f32": "24, -126, 0x1.ffffffp127L", "f64": "53, -1022, 0x1.fffffffffffffcp1023L"}


def source(names):
    """The C text of the library that measures the functions."""
    parts = [TOP]
    for name in names:
        row = ROWS[name]
        args = "x[i], y[i]" if row.arity == 2 else "x[i]"
        loop = (f"CT_MAP_FIXUP({name}, n, out[i], {args});" if row.fixup else
                f"for (int64_t i = 0; i < n; i++)\n        out[i] = ct_{name}({args});")
        skip = f"{row.skip} ? 0 : " if row.skip else ""
        parts += [FUNCTION.format(name=name, kind=kind, T=KINDS[kind][0], loop=loop, skip=skip,
                                  reference=row.reference, digits=DIGITS[kind]) for kind in KINDS]
    return "".join(parts)


def compiled(text, isa="v3", flags=()):
    """Compile and load C text that may include ctmath.h; return it and the compiler's messages."""
    with tempfile.TemporaryDirectory() as folder:
        code, library = Path(folder, "code.c"), Path(folder, "code.so")
        code.write_text(text)
        done = subprocess.run([COMPILER, *FLAGS, *ISAS[isa], *flags, str(code), "-o",
                               str(library), "-lm"], capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"{COMPILER} failed: {done.stderr}")
        return ctypes.CDLL(str(library)), done.stderr


class Library:
    """ctmath.h compiled for one instruction set, with its functions on NumPy arrays."""

    def __init__(self, isa="v3", names=tuple(ROWS), flags=()):
        self.source = source(names)
        self._dll, self.messages = compiled(self.source, isa, flags)

    def _call(self, function, kind, arrays):
        n = ctypes.c_int64(len(arrays[0]))
        getattr(self._dll, f"{function}_{kind}")(
            n, *(ctypes.c_void_p(a.ctypes.data) for a in arrays))
        return arrays[-1]

    def map(self, name, kind, x, y=None, how="map"):
        """f(x) or f(x, y), by vectors or (how="one") one element at a time."""
        x = np.ascontiguousarray(x, KINDS[kind][1])
        y = x if y is None else np.ascontiguousarray(y, KINDS[kind][1])
        return self._call(f"{how}_{name}", kind, (x, y, np.empty_like(x)))

    def errors(self, name, kind, x, y, out):
        """The error of each element of ``out`` in ULP; inf where one is NaN and one is not."""
        return self._call(f"ulp_{name}", kind, (x, y, out, np.empty(len(x))))


# ----- where to look -----

SPECIAL = [0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 2.0, -2.0, 3.0, -3.0, np.inf, -np.inf, np.nan]


def special(dtype):
    """Zeros, units, infinities, NaN, the ends of the normal and denormal numbers."""
    info = np.finfo(dtype)
    ends = [info.max, info.tiny, info.smallest_subnormal, info.tiny * (1 - info.eps)]
    return np.array(SPECIAL + ends + [-e for e in ends], dtype)


def random_bits(rng, dtype, count):
    """Numbers of all exponents alike, of both signs."""
    size = np.dtype(dtype).itemsize
    return rng.integers(0, 256, count * size, np.uint8).view(dtype)


def points(name, kind, count, seed=0):
    """Sample the arguments of a function: x and y, of ``count`` elements and the special ones."""
    dtype, row = KINDS[kind][1], ROWS[name]
    rng = np.random.default_rng(seed)

    def column():
        parts = [random_bits(rng, dtype, count // 3)]
        share = count * 2 // 3 // len(row.near)
        parts += [rng.uniform(low, high, share).astype(dtype) for low, high in row.near]
        return np.concatenate(parts)

    ends = special(dtype)
    if row.arity == 1:
        x = np.concatenate([column(), ends])
        return x, x
    pairs = np.array([(a, b) for a in ends for b in ends], dtype)
    x, y = column(), column()
    rng.shuffle(y)
    return np.concatenate([x, pairs[:, 0]]), np.concatenate([y, pairs[:, 1]])


def sample(library, name, kind, count, seed=0):
    """Return the points, the results and the errors in ULP of a function."""
    x, y = points(name, kind, count, seed)
    out = library.map(name, kind, x, y)
    return x, y, out, library.errors(name, kind, x, y, out)


# ----- the worst points again, by mpmath -----

def exact_ulps(name, kind, x, y, out):
    """The error of one result, by mpmath; None where that has no finite value."""
    info = np.finfo(KINDS[kind][1])
    space = {**vars(mpmath), "x": mpmath.mpf(float(x)), "y": mpmath.mpf(float(y)),
             "max": max, "abs": abs}
    with mpmath.workdps(400):
        want = eval(ROWS[name].exact, space)
        if not mpmath.isfinite(want) or not np.isfinite(out):
            return None
        exponent = max(int(mpmath.floor(mpmath.log(abs(want), 2))) if want else info.minexp,
                       info.minexp)
        return float(abs(mpmath.mpf(float(out)) - want) / mpmath.ldexp(1, exponent - info.nmant))


def measure(library, name, kind, count, checked=8):
    """Return the largest error (by mpmath), the mean error, and where the largest is."""
    x, y, out, error = sample(library, name, kind, count)
    order = np.argsort(error)[::-1][:checked]
    if not np.isfinite(error[order[0]]):
        return float("inf"), float("nan"), (x[order[0]], y[order[0]], out[order[0]])
    worst = [exact_ulps(name, kind, x[i], y[i], out[i]) if error[i] else 0 for i in order]
    largest = max(w for w in worst if w is not None) if any(
        w is not None for w in worst) else error[order[0]]
    return largest, float(error.mean()), (x[order[0]], y[order[0]], out[order[0]])


def table(library, names, counts):
    """Yield the lines of the table."""
    yield "| function | float32 max | mean | bound | float64 max | mean | bound |"
    yield "|---|---|---|---|---|---|---|"
    for name in names:
        cells = []
        for kind, count, bound in zip(KINDS, counts, ROWS[name].bound):
            largest, mean, _ = measure(library, name, kind, count)
            cells += [f"{largest:.2f}", f"{mean:.2f}", f"{bound:g}"]
        yield "| " + " | ".join([name, *cells]) + " |"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", default=list(ROWS))
    parser.add_argument("--isa", default="v3", choices=ISAS)
    parser.add_argument("--counts", type=int, nargs=2, default=(2_000_000, 200_000))
    args = parser.parse_args()
    for line in table(Library(args.isa, args.names), args.names, args.counts):
        print(line, flush=True)


if __name__ == "__main__":
    main()
