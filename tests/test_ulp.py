"""The math functions of the CPU kernels: errors, special values, and the same bits everywhere.

The header is compiled here by the system's C compiler, once for each instruction set that this
machine runs; tools/ulp.py does the measuring.
"""
import ctypes
import functools
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "tools"))
import ulp

pytestmark = pytest.mark.skipif(not shutil.which(ulp.COMPILER), reason="needs a C compiler")
NEEDS = {"v2": "sse4_2", "v3": "avx2", "v4": "avx512dq"}
CPU_FLAGS = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
ISAS = [isa for isa, flag in NEEDS.items() if flag in CPU_FLAGS] or ["native"]
CASES = [(name, kind) for name in ulp.ROWS for kind in ulp.KINDS]
ENDS = sorted({ISAS[0], ISAS[-1]})
ARC = ["asin", "acos", "atan", "asinh", "acosh", "atanh"]      # NumPy: arcsin, ...
COUNTS = {"f32": 40_000, "f64": 12_000}


@functools.cache
def library(isa):
    return ulp.Library(isa, flags=["-fopt-info-vec-optimized"] if is_gcc() else [])


@functools.cache
def is_gcc():
    version = subprocess.run([ulp.COMPILER, "--version"], capture_output=True, text=True).stdout
    return "Free Software Foundation" in version


# ----- accuracy -----

@pytest.mark.parametrize("name, kind", CASES)
def test_error_is_within_its_bound(name, kind):
    isa = "v3" if "v3" in ISAS else ISAS[-1]
    *_, errors = ulp.sample(library(isa), name, kind, COUNTS[kind])
    assert np.max(errors) <= ulp.ROWS[name].bound[list(ulp.KINDS).index(kind)]


@pytest.mark.skipif("v2" not in ISAS, reason="needs x86")
@pytest.mark.parametrize("name, kind", CASES)
def test_error_without_fma_is_half_a_place_more(name, kind):
    *_, errors = ulp.sample(library("v2"), name, kind, COUNTS[kind] // 4)
    bound = ulp.ROWS[name].bound[list(ulp.KINDS).index(kind)]
    assert np.max(errors) <= (bound + 0.5 if bound > 0.5 else bound)


def test_long_double_is_a_good_reference():
    for name in ("exp", "tanh", "erfc", "pow", "sin"):
        x, y, out, errors = ulp.sample(library(ISAS[-1]), name, "f64", 30)
        for i in np.flatnonzero(np.isfinite(out) & (errors > 0))[:10]:
            assert abs(ulp.exact_ulps(name, "f64", x[i], y[i], out[i]) - errors[i]) < 0.01


# ----- the same bits from every loop -----

@pytest.mark.parametrize("name, kind", CASES)
def test_vectors_remainders_and_single_calls_agree(name, kind):
    x, y = ulp.points(name, kind, COUNTS[kind] // 4)
    fused = [isa for isa in ISAS if isa != "v2"]
    ways = [(isa, how) for isa in fused for how in ("map", "one")]
    want, *others = [library(isa).map(name, kind, x, y, how) for isa, how in ways]
    for way, out in zip(ways[1:], others):
        differs = (out.view(f"u{out.itemsize}") != want.view(f"u{out.itemsize}"))
        differs &= ~(np.isnan(out) & np.isnan(want))
        assert not differs.any(), (way, x[differs][0], y[differs][0])


@pytest.mark.skipif(not is_gcc(), reason="only gcc tells which loops it vectorised")
@pytest.mark.parametrize("isa", ISAS)
def test_every_loop_is_vectorised(isa):
    one = library(isa)
    counts = vectorised_loops(one.source.splitlines(), one.messages.splitlines())
    for name, kind in CASES:
        assert counts.get(f"map_{name}_{kind}", 0) >= (2 if ulp.ROWS[name].fixup else 1), name


def vectorised_loops(lines, notes):
    """How many loops each function has that gcc vectorised with full vectors."""
    counts = {}
    for note in notes:
        if "loop vectorized" in note:
            line = int(note.split(":")[1]) - 1
            while not lines[line].startswith("void"):
                line -= 1
            name = lines[line].split("(")[0].split()[1]
            counts[name] = counts.get(name, 0) + 1
    return counts


# ----- special values, against NumPy -----

def numpy_twins():
    return {
        **{name: getattr(np, name) for name in [
            "exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "cbrt", "sqrt", "sin",
            "cos", "tan", "sinh", "cosh", "tanh", "rint", "hypot", "logaddexp", "fmod"]},
        **{name: getattr(np, "arc" + name[1:]) for name in [*ARC, "atan2"]},
        "pow": np.power, "sigmoid": lambda x: np.exp(-np.logaddexp(0, -x)),
        "softplus": lambda x: np.logaddexp(0, x),
    }


@pytest.mark.parametrize("kind", ulp.KINDS)
@pytest.mark.parametrize("name", numpy_twins())
def test_special_values_are_numpys(name, kind):
    x, y = ulp.points(name, kind, 0)
    arguments = (x, y)[:ulp.ROWS[name].arity]
    with np.errstate(all="ignore"):
        want = numpy_twins()[name](*arguments)
    for isa in ISAS:
        got = library(isa).map(name, kind, x, y)
        np.testing.assert_allclose(got, want, rtol=1e-6 if kind == "f32" else 1e-14)
        numbers = ~np.isnan(want)
        np.testing.assert_array_equal(np.signbit(got)[numbers], np.signbit(want)[numbers])


@pytest.mark.parametrize("name", ["erf", "erfc", "log1mexp"])
def test_special_values_that_numpy_lacks(name):
    x = np.array([0.0, -0.0, np.inf, -np.inf, np.nan])
    want = {"erf": [0.0, -0.0, 1, -1, np.nan], "erfc": [1, 1, 0, 2, np.nan],
            "log1mexp": [-np.inf, -np.inf, np.nan, -0.0, np.nan]}[name]
    for isa in ISAS:
        for kind in ulp.KINDS:
            got = library(isa).map(name, kind, x)
            np.testing.assert_array_equal(got, want)
            np.testing.assert_array_equal(np.signbit(got)[:-1], np.signbit(want)[:-1])


# ----- remainders, choices, integers, casts and halves: exactly NumPy's -----

BINARY = {"floor_mod": np.remainder, "floor_div": np.floor_divide, "max": np.maximum,
          "min": np.minimum}
INTEGERS = {"fmod": np.fmod, "pow": np.power, "shl": np.left_shift, "shr": np.right_shift}
FLOATS = {"fmax": np.fmax, "fmin": np.fmin}
UNARY = {"abs": np.abs, "sgn": np.sign}
C_NAMES = {"i": "int", "u": "uint"}
INTEGER_KINDS = ["i8", "i16", "i32", "i64", "u8", "u16", "u32", "u64"]


def c_type(kind):
    return {"f32": "float", "f64": "double"}.get(kind) or f"{C_NAMES[kind[0]]}{kind[1:]}_t"


def dtype_of(kind):
    return np.dtype(f"{kind[0]}{int(kind[1:]) // 8}")


def loop(name, source, target, expression):
    return (f"void {name}(int64_t n, const {source} *x, const {source} *y, {target} *out)\n"
            f"{{ for (int64_t i = 0; i < n; i++) out[i] = {expression}; }}\n")


def binary_source():
    parts = ['#include "ctmath.h"\n']
    for kind in [*INTEGER_KINDS, *ulp.KINDS]:
        T, floats = c_type(kind), kind in ulp.KINDS
        for name in [*BINARY, *(FLOATS if floats else INTEGERS), *UNARY]:
            args = "x[i]" if name in UNARY else "x[i], y[i]"
            any_ = "_any" if floats and name.startswith("floor_") else ""
            parts.append(loop(f"map_{name}_{kind}", T, T, f"ct_{name}{any_}({args})"))
    for kind in ulp.KINDS:
        parts += [loop(f"map_to_{to}_{kind}", c_type(kind), c_type(to), f"ct_to_{to}(x[i])")
                  for to in INTEGER_KINDS]
    parts += [loop("map_half_to_float", "uint16_t", "float", "half_to_float(x[i])"),
              loop("map_float_to_half", "float", "uint16_t", "float_to_half(x[i])"),
              loop("map_double_to_half", "double", "uint16_t", "double_to_half(x[i])")]
    return "".join(parts)


@functools.cache
def other_functions(isa):
    return ulp.compiled(binary_source(), isa)[0]


def call(isa, name, x, y, dtype):
    out = np.empty(x.shape, dtype)
    pointers = [ctypes.c_void_p(a.ctypes.data) for a in (x, y, out)]
    getattr(other_functions(isa), name)(ctypes.c_int64(x.size), *pointers)
    return out


def integer_pairs(kind):
    dtype, rng = dtype_of(kind), np.random.default_rng(0)
    info = np.iinfo(dtype)
    ends = [0, 1, 2, 3, 7, 31, 63, 64, info.max, info.max - 1, info.min, info.min + 1]
    ends = np.array(ends + ([-1, -2, -7] if info.min else []), dtype)
    small = rng.integers(max(-9, info.min), 9, (2, 2000)).astype(dtype)
    wide = rng.integers(info.min, info.max, (2, 2000), dtype, endpoint=True)
    grid = np.stack([a.ravel() for a in np.meshgrid(ends, ends)])
    return np.ascontiguousarray(np.concatenate([grid, small, wide], axis=1))


@pytest.mark.parametrize("isa", ENDS)
@pytest.mark.parametrize("kind", INTEGER_KINDS)
def test_integers_are_numpys(kind, isa):
    x, y = integer_pairs(kind)
    for name, twin in {**BINARY, **INTEGERS, **UNARY}.items():
        a, b = (x[y >= 0], y[y >= 0]) if name == "pow" else (x, y)
        with np.errstate(all="ignore"):
            want = twin(a) if name in UNARY else twin(a, b)
        np.testing.assert_array_equal(call(isa, f"map_{name}_{kind}", a, b, a.dtype), want, name)


def test_negative_powers_of_integers():
    x, y = np.array([2, 1, -1, -1, 0], "i4"), np.array([-1, -5, -2, -3, -1], "i4")
    assert call(ISAS[-1], "map_pow_i32", x, y, "i4").tolist() == [0, 1, 1, -1, 0]


@pytest.mark.parametrize("isa", ENDS)
@pytest.mark.parametrize("kind", ulp.KINDS)
def test_remainders_and_choices_of_floats_are_numpys(kind, isa):
    x, y = ulp.points("fmod", kind, 20_000)
    for name, twin in {**BINARY, **FLOATS, **UNARY}.items():
        with np.errstate(all="ignore"):
            want = twin(x) if name in UNARY else twin(x, y)
        got = call(isa, f"map_{name}_{kind}", x, y, x.dtype)
        np.testing.assert_array_equal(got, want, name)
        if name.startswith("floor_"):
            numbers = ~np.isnan(want)
            np.testing.assert_array_equal(np.signbit(got)[numbers], np.signbit(want)[numbers])


OUTSIDE = [300.5, -300.5, 70000.0, -70000.0, 2.0**31, -3e9, 2.0**63, -(2.0**70), np.nan, np.inf]
LOW = {32: -2**31, 64: -2**63}


@pytest.mark.parametrize("isa", ENDS)
@pytest.mark.parametrize("kind", ulp.KINDS)
@pytest.mark.parametrize("to", INTEGER_KINDS)
def test_casts_to_integers(to, kind, isa):
    dtype, info = ulp.KINDS[kind][1], np.iinfo(dtype_of(to))
    rng = np.random.default_rng(0)
    inside = rng.uniform(float(info.min) * 0.999, float(info.max) * 0.999, 1000).astype(dtype)
    got = call(isa, f"map_to_{to}_{kind}", inside, inside, dtype_of(to))
    np.testing.assert_array_equal(got, inside.astype(dtype_of(to)))
    outside = np.array(OUTSIDE, dtype)
    got = call(isa, f"map_to_{to}_{kind}", outside, outside, dtype_of(to))
    assert got.tolist() == [as_x86(float(x), to) for x in outside]


def as_x86(x, to):
    """What NumPy's casts give on x86: the conversion's "indefinite" number, wrapped."""
    bits = 64 if to.endswith("64") else 32
    beyond = to in ("u32", "u64") and x >= -LOW[bits]
    shifted = x + LOW[bits] if beyond else x
    fits = LOW[bits] <= shifted < -LOW[bits]
    value = (int(shifted) if fits else LOW[bits]) - (LOW[bits] if beyond else 0)
    width = int(to[1:])
    wrapped = value % 2**width
    return wrapped - 2**width if to[0] == "i" and wrapped >= 2**(width - 1) else wrapped


def near_halves(halves):
    """All halves, the ties between them, and the neighbours of both."""
    with np.errstate(all="ignore"):
        x = np.concatenate([halves, (halves[:-1] + halves[1:]) / 2])
        return np.concatenate([x, np.nextafter(x, x.dtype.type(-1e9)),
                               np.nextafter(x, x.dtype.type(1e9))])


@pytest.mark.parametrize("isa", ENDS)
def test_halves_are_numpys(isa):
    halves = np.arange(2**16, dtype="u2")
    want = halves.view("f2").astype("f4")
    got = call(isa, "map_half_to_float", halves, halves, "f4")
    np.testing.assert_array_equal(got.view("u4") & 0x7fffe000, want.view("u4") & 0x7fffe000)
    np.testing.assert_array_equal(np.signbit(got), np.signbit(want))
    for name, x in [("map_float_to_half", near_halves(want)),
                    ("map_double_to_half", near_halves(halves.view("f2").astype("f8")))]:
        with np.errstate(all="ignore"):
            expected = x.astype("f2")
        got = call(isa, name, x, x, "u2").view("f2")
        np.testing.assert_array_equal(got, expected, name)
        np.testing.assert_array_equal(np.signbit(got), np.signbit(expected))


# ----- complex -----

COMPLEX = ["exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "sqrt", "sin", "cos", "tan",
           "sinh", "cosh", "tanh", "abs", "angle", "sgn"]
COMPLEX_TWINS = {**{name: getattr(np, name.replace("sgn", "sign")) for name in COMPLEX},
                 **{name: getattr(np, "arc" + name[1:]) for name in ARC}}


@functools.cache
def complex_functions():
    parts = ['#include "ctmath.h"\n']
    for kind, T in [("c64", "float"), ("c128", "double")]:
        for name in COMPLEX_TWINS:
            out = T if name in ("abs", "angle") else f"{T} _Complex"
            parts.append(loop(f"map_{name}_{kind}", f"{T} _Complex", out, f"ct_{name}(x[i])"))
    return ulp.compiled("".join(parts), ISAS[-1])[0]


@pytest.mark.parametrize("name", COMPLEX_TWINS)
@pytest.mark.parametrize("kind, dtype, wider, rtol", [
    ("c64", "c8", "c16", 1e-5), ("c128", "c16", "G", 1e-13)])
def test_complex_functions_are_numpys_in_higher_precision(name, kind, dtype, wider, rtol):
    rng = np.random.default_rng(0)
    parts = rng.normal(size=(2, 100)) * np.repeat([1e-3, 1, 3, 5], 25)
    x = np.append(parts[0] + 1j * parts[1], 0).astype(dtype)[:-1 if "log" in name else None]
    want = COMPLEX_TWINS[name](x.astype(wider))
    got = np.empty(x.shape, dtype if want.dtype.kind == "c" else np.dtype(dtype).type(0).real.dtype)
    pointers = [ctypes.c_void_p(a.ctypes.data) for a in (x, x, got)]
    getattr(complex_functions(), f"map_{name}_{kind}")(ctypes.c_int64(x.size), *pointers)
    np.testing.assert_allclose(got, want, rtol=rtol)
