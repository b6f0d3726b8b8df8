"""The tile kernels, called by address: values, scalar operands, aliasing, and the order of sums."""
import ctypes
import itertools
import math

import numpy as np
import pytest
import scipy.special as sp

from cytensor import config
from cytensor._core import DTYPES, TensorType, registered_ops
from cytensor.cpu import isa
from cytensor.ops import elementwise  # noqa: F401  (fills the registry)

CODE = {name: code for code, name in enumerate(DTYPES)}
LENGTHS = (0, 1, 7, 16, 1000, 1024)
N = max(LENGTHS)
ROWS = {name: op for name, op in registered_ops().items()
        if op.kind == "elementwise" and name != "cast"}
SPECIAL = {name for name, op in ROWS.items() if op.traits.get("special")}


def ultra_fast_sigmoid(x):
    h = np.abs(x) / 2
    z = np.where(h < 1.7, 1.5 * h / (1 + h), 0.935409070603099 + 0.0458812946797165 * (h - 1.7))
    return 0.5 * (1 + np.sign(x) * np.where(h < 3, z, 0.99505475368673))


def round_away(x):
    return np.copysign(np.floor(np.abs(x) + 0.5), x) if x.dtype.kind == "f" else x


def log1mexp(x):
    return np.where(x > -0.69, np.log(-np.expm1(x)), np.log1p(-np.exp(x)))


#: What NumPy and SciPy say. Float16 and float32 are compared with the result in double.
REFERENCE = {
    "add": np.add, "sub": np.subtract, "mul": np.multiply, "true_div": np.true_divide,
    "floor_div": np.floor_divide, "mod": np.remainder, "neg": np.negative, "abs": np.abs,
    "sgn": lambda x: x if x.dtype == bool else np.sign(x), "sqr": np.square, "sqrt": np.sqrt,
    "rsqrt": lambda x: 1 / np.sqrt(x),
    "reciprocal": np.reciprocal, "cbrt": np.cbrt, "pow": np.power, "hypot": np.hypot,
    "exp": np.exp, "exp2": np.exp2, "expm1": np.expm1, "log": np.log, "log2": np.log2,
    "log10": np.log10, "log1p": np.log1p, "log1mexp": log1mexp,
    "logaddexp": np.logaddexp, "sin": np.sin, "cos": np.cos, "tan": np.tan,
    "arcsin": np.arcsin, "arccos": np.arccos, "arctan": np.arctan, "arctan2": np.arctan2,
    "sinh": np.sinh, "cosh": np.cosh, "tanh": np.tanh, "arcsinh": np.arcsinh,
    "arccosh": np.arccosh, "arctanh": np.arctanh, "deg2rad": np.deg2rad, "rad2deg": np.rad2deg,
    "ceil": np.ceil, "floor": np.floor, "trunc": np.trunc, "round_half_to_even": np.round,
    "round_half_away_from_zero": round_away,
    "eq": np.equal, "neq": np.not_equal, "lt": np.less, "le": np.less_equal, "gt": np.greater,
    "ge": np.greater_equal, "isnan": np.isnan, "isinf": np.isinf, "isfinite": np.isfinite,
    "switch": np.where, "maximum": np.maximum, "minimum": np.minimum, "fmax": np.fmax,
    "fmin": np.fmin, "clip": lambda x, low, high: np.minimum(np.maximum(x, low), high),
    "and_": np.bitwise_and, "or_": np.bitwise_or, "xor": np.bitwise_xor, "invert": np.invert,
    "left_shift": np.left_shift, "right_shift": np.right_shift, "logical_and": np.logical_and,
    "logical_or": np.logical_or, "logical_xor": np.logical_xor, "logical_not": np.logical_not,
    "sigmoid": sp.expit, "hard_sigmoid": lambda x: np.clip(0.2 * x + 0.5, 0, 1),
    "ultra_fast_sigmoid": ultra_fast_sigmoid, "softplus": lambda x: np.logaddexp(0, x),
    "relu": lambda x: x if x.dtype == bool else np.maximum(x, x.dtype.type(0)),
    "erf": sp.erf, "erfc": sp.erfc, "erfinv": sp.erfinv, "erfcinv": sp.erfcinv,
    "erfcx": sp.erfcx, "gamma": sp.gamma, "gammaln": sp.gammaln, "psi": sp.psi,
    "tri_gamma": lambda x: sp.polygamma(1, x), "polygamma": sp.polygamma,
    "chi2sf": lambda x, k: sp.chdtrc(k, x),
    "gammainc": sp.gammainc, "gammaincc": sp.gammaincc, "j0": sp.j0, "j1": sp.j1, "jv": sp.jv,
    "i0": sp.i0, "i1": sp.i1, "iv": sp.iv, "real": np.real, "imag": np.imag, "conj": np.conj,
    "angle": np.angle, "make_complex": lambda x, y: x + 1j * y,
}
UNIT, POSITIVE, BEYOND_1 = (-1, 1), (0.05, 8), (1, 9)
DOMAIN = {
    "sqrt": POSITIVE, "rsqrt": POSITIVE, "log": POSITIVE, "log2": POSITIVE, "log10": POSITIVE,
    "log1p": POSITIVE,
    "log1mexp": (-8, -0.05), "arcsin": UNIT, "arccos": UNIT, "arctanh": UNIT, "erfinv": UNIT,
    "arccosh": BEYOND_1, "pow": POSITIVE, "erfcinv": (0.05, 1.95), "gamma": POSITIVE,
    "gammaln": POSITIVE, "psi": POSITIVE, "tri_gamma": POSITIVE, "polygamma": BEYOND_1,
    "chi2sf": POSITIVE, "gammainc": POSITIVE,
    "gammaincc": POSITIVE, "jv": POSITIVE, "iv": POSITIVE,
}
#: ULPs of error over which a test fails; the accuracy of each function is measured elsewhere.
ULPS = 8
CANCELLING = {"hard_sigmoid", "ultra_fast_sigmoid", "logaddexp"}      # near their zeros
LOOSE = {"erfc": 30, "erfcinv": 300, "psi": 5000, "gamma": 50, "gammaln": 500, "jv": 3000,
         "polygamma": 300, "tri_gamma": 100, "chi2sf": 500, "iv": 500, "j0": 4000, "j1": 4000,
         "erfinv": 100, "erfcx": 50}


@pytest.fixture(params=isa.available())
def kernels(request, monkeypatch):
    monkeypatch.setattr(config, "isa", request.param)
    return isa.kernels()


# ----- calling -----

def run_map(address, n, inputs, scalars, out):
    pointers = (ctypes.c_void_p * len(inputs))(*[x.ctypes.data for x in inputs])
    call = ctypes.CFUNCTYPE(None, ctypes.c_int64, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint)
    call(address)(n, out.ctypes.data, pointers, scalars)
    return out


def run_fold(address, rows, n, out, x):
    call = ctypes.CFUNCTYPE(None, ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p, ctypes.c_void_p)
    call(address)(rows, n, out.ctypes.data, x.ctypes.data)
    return out


def sample(dtype, n, seed, domain=(-6, 6)):
    """Numbers of a dtype, among them the borders of integers and signed zeros."""
    rng = np.random.default_rng(seed)
    kind = np.dtype(dtype).kind
    if kind == "b":
        return rng.random(n) < 0.5
    if kind in "iu":
        info = np.iinfo(dtype)
        x = rng.integers(max(-9, info.min), 10, n).astype(dtype)
        x[::17], x[::19] = info.min, info.max
        return x
    x = rng.uniform(*domain, n).astype(np.float64)
    if kind == "c":
        return (x + 1j * rng.uniform(*domain, n)).astype(dtype)
    if domain[0] < 0 < domain[1]:
        x[::23], x[5::23] = 0.0, -0.0
    return x.astype(dtype)


def inputs_of(op, dtype, n=N):
    """Inputs of an op, or None where its type rule does not take the dtype as it is."""
    nin = op.traits["nin"]
    dtypes = ["bool", dtype, dtype] if op.traits["types"] == "where" else [dtype] * nin
    variables = [TensorType(d, (None,))() for d in dtypes]
    try:
        node = op(*variables).owner
    except TypeError:
        return None
    if node.inputs != tuple(variables):
        return None
    domain = DOMAIN.get(op.name, (-6, 6))
    xs = [sample(d, n, seed, domain) for seed, d in enumerate(dtypes)]
    if op.name in ("polygamma", "jv", "iv"):
        xs[0] = np.floor(xs[0])
    if op.name == "pow" and np.dtype(dtype).kind in "iu":
        xs[1] = np.abs(xs[1] % 8).astype(dtype)
    if op.name in ("left_shift", "right_shift"):
        xs[1] = (xs[1] % (8 * np.dtype(dtype).itemsize)).astype(dtype)
    return xs, node.outputs[0].dtype


CASES = [(name, dtype) for name in ROWS for dtype in DTYPES
         if inputs_of(ROWS[name], dtype, 1) is not None]


def address_of(kernels, name, dtype):
    table = isa.kernels_special() if name in SPECIAL else kernels
    return table["m", name, CODE[dtype], -1]


def same_bits(a, b):
    """Equal bit for bit, except that any NaN equals any other."""
    if a.dtype.kind == "c":
        part = a.real.dtype
        return same_bits(a.view(part), b.view(part))
    bits = f"u{a.itemsize}"
    equal = a.view(bits) == b.view(bits)
    return bool((equal | ((a != a) & (b != b))).all())


# ----- maps -----

@pytest.mark.parametrize("name, dtype", CASES)
def test_map_matches_numpy(kernels, name, dtype):
    xs, to = inputs_of(ROWS[name], dtype)
    out = run_map(address_of(kernels, name, dtype), N, xs, 0, np.empty(N, to))
    with np.errstate(all="ignore"):
        want = expected(name, xs)
        want = want.astype(to)
    if np.dtype(to).kind in "fc":
        ulps = 40 if np.dtype(to).kind == "c" else LOOSE.get(name, ULPS)
        limits = np.finfo(to)
        atol = limits.eps if name in CANCELLING else ulps * limits.tiny
        np.testing.assert_allclose(out, want, rtol=ulps * limits.eps, atol=atol)
    else:
        np.testing.assert_array_equal(out, want)


def expected(name, xs):
    """The reference in double, where that is more than the dtype itself."""
    wide = {"float16": np.float64, "float32": np.float64, "complex64": np.complex128}
    if name not in ("isnan", "isinf", "isfinite"):
        xs = [x.astype(wide.get(x.dtype.name, x.dtype)) for x in xs]
    return np.asarray(REFERENCE[name](*xs))


@pytest.mark.parametrize("name, dtype", CASES)
def test_scalars_lengths_and_aliases_change_no_bit(kernels, name, dtype):
    xs, to = inputs_of(ROWS[name], dtype)
    address = address_of(kernels, name, dtype)
    for scalars, n in itertools.product(range(2 ** len(xs)), LENGTHS):
        ins = [x[3:4].copy() if scalars >> k & 1 else x[:n].copy() for k, x in enumerate(xs)]
        full = [np.full(n, x[0]) if scalars >> k & 1 else x for k, x in enumerate(ins)]
        want = run_map(address, n, full, 0, np.empty(n, to))
        guarded = np.full(n + 8, 77).astype(to)
        run_map(address, n, ins, scalars, guarded)
        assert same_bits(guarded[:n], want), (scalars, n)
        assert (guarded[n:] == np.array(77).astype(to)).all(), (scalars, n)
        for k, x in enumerate(ins):
            if not scalars >> k & 1 and x.itemsize == want.itemsize:
                alias = [y.copy() for y in ins]
                out = run_map(address, n, alias, scalars, alias[k].view(to))
                assert same_bits(out, want), (scalars, n, k)


def cast_reference(x, to):
    """NumPy's cast. On x86 it sends floats that do not fit to int32 or int64, whose least value
    stands for them, and cuts off the bits."""
    kind = np.dtype(to).kind
    if x.dtype.kind != "f" or kind not in "iu":
        return x.astype(to)
    wide = np.int64 if to in ("int64", "uint64") else np.int32
    bound = float(2 ** (8 * np.dtype(wide).itemsize - 1))
    fits = (x >= -bound) & (x < bound)
    through = np.where(fits, np.where(fits, x, 0).astype(wide), np.iinfo(wide).min).astype(to)
    if to in ("uint32", "uint64"):
        fits = x < 2 * bound
        through = np.where(x >= bound, np.where(fits, x, 0).astype(to), through)
    return through


@pytest.mark.parametrize("dtype, to", list(itertools.product(DTYPES, DTYPES)))
def test_cast_matches_numpy(kernels, dtype, to):
    if np.dtype(dtype).kind == "c" and np.dtype(to).kind not in "cb":
        assert ("m", "cast", CODE[dtype], CODE[to]) not in kernels
        return
    x = sample(dtype, N, 1, (-200, 200))
    if x.dtype.kind == "f":
        x[::29], x[1::29], x[2::29], x[3::29] = np.nan, np.inf, 3e4, -3e-7
        if x.dtype != np.float16:
            x[4::29], x[5::29], x[6::29] = 3e9, 1.2e19, 65519.99
    address = kernels["m", "cast", CODE[dtype], CODE[to]]
    with np.errstate(all="ignore"):
        want = cast_reference(x, to)
    out = run_map(address, N, [x], 0, np.empty(N, to))
    np.testing.assert_array_equal(out, want)
    for n in LENGTHS:
        scalar = run_map(address, n, [x[1:2].copy()], 1, np.empty(n, to))
        assert same_bits(scalar, np.full(n, out[1]))


def parse(name):
    """The inner op, the outer op and whether the inner comes first, of ``add(mul(x,y),z)``."""
    outer, rest = name.split("(", 1)
    first = not rest.startswith("x,")
    inner = rest[2 * (not first):].split("(")[0]
    return inner, outer, first


def test_pairs_have_the_bits_of_two_ops(kernels):
    pairs = [key for key in kernels if key[0] == "m" and "(" in key[1]]
    assert len(pairs) >= 20
    for key, n in itertools.product(pairs, LENGTHS):
        inner, outer, first = parse(key[1])
        dtype = DTYPES[key[2]]
        for scalars in range(8):
            xs = [sample(dtype, 1 if scalars >> k & 1 else n, k) for k in range(3)]
            full = [np.full(n, x[0]) if scalars >> k & 1 else x for k, x in enumerate(xs)]
            a, b, other = (*full[:2], full[2]) if first else (*full[1:], full[0])
            half = run_map(kernels["m", inner, key[2], -1], n, [a, b], 0, np.empty(n, dtype))
            ends = [half, other] if first else [other, half]
            want = run_map(kernels["m", outer, key[2], -1], n, ends, 0, np.empty(n, dtype))
            out = run_map(kernels[key], n, xs, scalars, np.empty(n, dtype))
            assert same_bits(out, want), (key, scalars, n)


def available_kernels(monkeypatch):
    tables = {}
    for name in isa.available():
        monkeypatch.setattr(config, "isa", name)
        tables[name] = isa.kernels()
    return tables


EXACT = {"add", "sub", "mul", "true_div", "neg", "abs", "sqrt", "floor", "maximum", "fmin",
         "switch"}


@pytest.mark.parametrize("name, dtype", [c for c in CASES if c[0] not in SPECIAL])
def test_instruction_sets_agree(monkeypatch, name, dtype):
    """Those with fused multiply-add agree on every bit; v2 has none, but adds and rounds alike."""
    tables = available_kernels(monkeypatch)
    if name not in EXACT or (name == "abs" and dtype.startswith("complex")):
        tables.pop("v2", None)
    xs, to = inputs_of(ROWS[name], dtype)
    outs = [run_map(address_of(k, name, dtype), N, xs, 0, np.empty(N, to))
            for k in tables.values()]
    assert all(same_bits(out, outs[0]) for out in outs)


@pytest.mark.parametrize("name", ["sin", "cos", "tan"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_rare_large_arguments(kernels, name, dtype):
    x = sample(dtype, N, 3)
    x[100], x[700], x[701] = 1e30, -3e12, np.inf
    with np.errstate(all="ignore"):
        want = expected(name, [x])
    out = run_map(address_of(kernels, name, dtype), N, [x], 0, np.empty(N, dtype))
    np.testing.assert_allclose(out, want, rtol=8 * np.finfo(dtype).eps, atol=np.finfo(dtype).eps)


def test_float16_is_computed_in_float32_and_rounded(kernels):
    x, y = sample("float16", N, 1), sample("float16", N, 2)
    out = run_map(address_of(kernels, "mul", "float16"), N, [x, y], 0, np.empty(N, "float16"))
    assert same_bits(out, x * y)


# ----- folds -----

def tree(x, lanes):
    """The naive twin of the lanes of ``folds.h``, in the dtype of ``x``."""
    acc, n = list(x[:lanes]), len(x)
    whole = n - n % lanes
    for i in range(lanes, whole, lanes):
        acc = [a + b for a, b in zip(acc, x[i:i + lanes])]
    for k, value in enumerate(x[whole:]):
        acc[lanes - (n - whole) + k] += value
    while len(acc) > 1:
        half = len(acc) // 2
        acc = [acc[k] + acc[k + half] for k in range(half)]
    return acc[0]


def lanes_of(dtype, n):
    if n < 16:
        return 1
    wide = {"float32": 32, "float64": 16, "complex64": 16, "complex128": 8}[dtype]
    return wide if n >= 2 * wide or dtype != "float32" else 16


FOLD_LENGTHS = (1, 2, 3, 7, 10, 15, 16, 17, 31, 32, 33, 63, 64, 65, 100, 1000, 1023, 1024)


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64", "complex128"])
def test_sums_add_in_the_stated_order(kernels, dtype):
    for n, rows in itertools.product(FOLD_LENGTHS, (1, 5)):
        x = sample(dtype, rows * n, n)
        out = run_fold(kernels["f", "sum", CODE[dtype], -1], rows, n, np.empty(rows, dtype), x)
        want = [tree(row, lanes_of(dtype, n)) for row in x.reshape(rows, n)]
        assert same_bits(out, np.array(want, dtype)), n


TERMS = {
    "sqr(x)": lambda x, y, z: (x * x, (x, x)), "mul(x,y)": lambda x, y, z: (x * y, (x, y)),
    "sqr(sub(x,y))": lambda x, y, z: ((x - y) * (x - y), (x, y)),
    "sqr(sub(x,z))": lambda x, y, z: ((x - z) * (x - z), (x, z)),
    "mul(x,sub(y,z))": lambda x, y, z: (x * (y - z), (x, y, z)),
}


@pytest.mark.parametrize("term", TERMS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_sums_of_terms_have_the_bits_of_a_map_and_a_sum(kernels, dtype, term):
    for n, rows in itertools.product(FOLD_LENGTHS, (1, 5)):
        x, y = [sample(dtype, rows * n, n + k).reshape(rows, n) for k in (0, 1)]
        terms, ins = TERMS[term](x, y, sample(dtype, rows, 2)[:, None])
        ins = [np.ascontiguousarray(v) for v in ins]
        want = run_fold(kernels["f", "sum", CODE[dtype], -1], rows, n, np.empty(rows, dtype), terms)
        out = np.empty(rows, dtype)
        pointers = (ctypes.c_void_p * len(ins))(*[v.ctypes.data for v in ins])
        kernel = ctypes.CFUNCTYPE(None, ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p,
                                  ctypes.c_void_p)
        kernel(kernels["t", f"sum({term})", CODE[dtype], -1])(rows, n, out.ctypes.data, pointers)
        assert same_bits(out, want), n


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_sums_are_close_to_the_exact_ones(kernels, dtype):
    eps = np.finfo(dtype).eps
    for n in FOLD_LENGTHS:
        x = sample(dtype, 3 * n, n)
        out = run_fold(kernels["f", "sum", CODE[dtype], -1], 3, n, np.empty(3, dtype), x)
        for got, row in zip(out, x.reshape(3, n)):
            assert abs(float(got) - math.fsum(row)) <= eps * np.abs(row.astype("f8")).sum()


REAL = [d for d in DTYPES if not d.startswith("complex")]
NUMBERS = [d for d in DTYPES if d != "bool"]
FOLDS = [(op, dtype) for ops, dtypes in [(("sum", "prod"), NUMBERS), (("max", "min"), REAL),
                                         (("all", "any"), ["bool"])]
         for op in ops for dtype in dtypes]


def fold_reference(op, x):
    with np.errstate(all="ignore"):
        if op in ("sum", "prod"):
            return getattr(np, op)(x, axis=1, dtype=x.dtype)
        return getattr(np, op)(x, axis=1)


@pytest.mark.parametrize("op, dtype", FOLDS)
def test_folds_match_numpy(kernels, op, dtype):
    domain = (0.9, 1.1) if op == "prod" else (-6, 6)
    for n, rows in itertools.product(FOLD_LENGTHS, (1, 3, 50)):
        x = sample(dtype, rows * n, n, domain).reshape(rows, n)
        if op == "prod" and x.dtype.kind == "c":
            x = (x / np.abs(x)).astype(dtype)
        out = run_fold(kernels["f", op, CODE[dtype], -1], rows, n, np.empty(rows, dtype), x)
        want = fold_reference(op, x)
        if x.dtype.kind in "fc" and op in ("sum", "prod"):
            tol = np.finfo(dtype).eps * (n + 4)
            np.testing.assert_allclose(out, want, rtol=tol, atol=6 * tol)
        else:
            np.testing.assert_array_equal(out, want)


@pytest.mark.parametrize("op", ["max", "min"])
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_nan_wins_wherever_it_is(kernels, op, dtype):
    for n in FOLD_LENGTHS:
        x = sample(dtype, n * n, n).reshape(n, n)
        np.fill_diagonal(x, np.nan)
        out = run_fold(kernels["f", op, CODE[dtype], -1], n, n, np.empty(n, dtype), x)
        assert np.isnan(out).all()


@pytest.mark.parametrize("op, dtype", FOLDS)
def test_accumulation_goes_row_by_row(kernels, op, dtype):
    combine = {"sum": np.add, "prod": np.multiply, "max": np.maximum, "min": np.minimum,
               "all": np.logical_and, "any": np.logical_or}[op]
    for rows, n in itertools.product((0, 1, 3, 4, 9, 32), LENGTHS):
        x, acc = sample(dtype, rows * n, 1, (0.9, 1.1)).reshape(rows, n), sample(dtype, n, 2)
        want = acc.copy()
        with np.errstate(all="ignore"):
            for row in x:
                want = combine(want, row)
        run_fold(kernels["a", op, CODE[dtype], -1], rows, n, acc, x)
        assert same_bits(acc, want) or (acc.dtype.kind == "c" and np.allclose(acc, want))


@pytest.mark.parametrize("op, dtype", FOLDS)
def test_instruction_sets_fold_alike(monkeypatch, op, dtype):
    tables = available_kernels(monkeypatch)
    for n in FOLD_LENGTHS:
        x = sample(dtype, 4 * n, n)
        outs = [run_fold(k["f", op, CODE[dtype], -1], 4, n, np.empty(4, dtype), x)
                for k in tables.values()]
        assert all(same_bits(out, outs[0]) for out in outs), n


def test_an_unknown_instruction_set_is_named(monkeypatch):
    monkeypatch.setattr(config, "isa", "neon")
    with pytest.raises(RuntimeError, match="instruction set 'neon'"):
        isa.kernels()
