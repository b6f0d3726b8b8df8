"""One element in C: what the rows of ``ops/elementwise.py`` say for a dtype.

The build reads this file before anything of the package can be imported, for the tile kernels.
Generated code asks the same functions, so both compute the same.
"""
import re
from collections import namedtuple

DType = namedtuple("DType", "code name short kind size storage real")
DTYPES = {d.short: d for d in [
    DType(0, "bool", "bool", "?", 1, "uint8_t", "uint8_t"),
    DType(1, "int8", "i8", "i", 1, "int8_t", "int8_t"),
    DType(2, "uint8", "u8", "u", 1, "uint8_t", "uint8_t"),
    DType(3, "int16", "i16", "i", 2, "int16_t", "int16_t"),
    DType(4, "uint16", "u16", "u", 2, "uint16_t", "uint16_t"),
    DType(5, "int32", "i32", "i", 4, "int32_t", "int32_t"),
    DType(6, "uint32", "u32", "u", 4, "uint32_t", "uint32_t"),
    DType(7, "int64", "i64", "i", 8, "int64_t", "int64_t"),
    DType(8, "uint64", "u64", "u", 8, "uint64_t", "uint64_t"),
    DType(9, "float16", "f16", "f", 2, "uint16_t", "uint16_t"),
    DType(10, "float32", "f32", "f", 4, "float", "float"),
    DType(11, "float64", "f64", "f", 8, "double", "double"),
    DType(12, "complex64", "c64", "c", 8, "float complex", "float"),
    DType(13, "complex128", "c128", "c", 16, "double complex", "double"),
]}
BY_NAME = {d.name: d for d in DTYPES.values()}
BY_CODE = {d.code: d for d in DTYPES.values()}
REAL = {"c64": "f32", "c128": "f64"}
COMPLEX = {"f32": "c64", "f64": "c128"}
NAMES = "xyz"                   # of the inputs, in expressions


def count_inputs(expr):
    """Return how many inputs the expressions of a row read."""
    texts = expr.values() if isinstance(expr, dict) else [expr]
    return max(1 + NAMES.index(v) for text in texts for v in re.findall(r"{(\w)}", text))


def named(text, arguments):
    """Return an expression over the texts of its inputs."""
    return text.format(**dict(zip(NAMES, arguments)))


def expression(expr, kinds, dtype):
    """Return the expression for a dtype, or None where the op is not defined."""
    kind = dtype.kind
    if ("b" if kind == "?" else kind) not in kinds:
        return None
    return expr.get(kind) or expr.get("*") if isinstance(expr, dict) else expr


def signature(types, nin, dtype):
    """Return the dtypes of the inputs and of the output; None where there is no such kernel."""
    if types == "where":
        return [DTYPES["bool"], dtype, dtype], dtype
    if types in ("compare", "float_test", "logical"):
        return [dtype] * nin, DTYPES["bool"]
    if types in ("real", "angle"):
        return [dtype], DTYPES[REAL.get(dtype.short, dtype.short)]
    if types == "make_complex":
        made = COMPLEX.get(dtype.short)
        return ([dtype] * nin, DTYPES[made]) if made else None
    return [dtype] * nin, dtype


def moves(expr, types, dtype, out):
    """Whether an op only moves elements, whatever their bits mean."""
    return types == "where" or (expr == "{x}" and out == dtype)


def cast_expression(a, b):
    """Return the C that converts ``{x}`` from dtype ``a`` to ``b``."""
    x = "half_to_float({x})" if a.short == "f16" else "{x}"
    if b.kind == "?":
        return f"{x} != 0"
    if a.short == "i64" and b.short == "f64":
        return "ct_i64_to_double({x})"
    if b.short == "f16":
        return "double_to_half({x})" if a.short == "f64" else f"float_to_half((float){x})"
    if b.kind == "c" and a.kind != "c":
        return f"ctc_make(({b.real}){x}, ({b.real})0)"
    if a.kind == "f" and b.kind in "iu":
        return f"ct_to_{b.short}({x})"
    return f"({b.storage}){x}"
