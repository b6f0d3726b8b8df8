"""One element in C: the expressions of tile kernels, with the functions of one type named."""
import re

import numpy as np

from cytensor.export.headers import families
from cytensor.lowering.render import scalar
from cytensor.lowering.scalars import BY_NAME

#: Functions that calls from Python take from SciPy, and exports from the C library or ``export.h``.
SPECIAL = frozenset(("gamma", "gammaln", "psi", "tri_gamma"))
_CALL = re.compile(r"\bct_(\w+)\(")
#: Signed integers are computed as unsigned ones, where C says that they wrap around.
_WRAPPING = frozenset(("add", "sub", "mul", "sqr", "neg"))


#: How a function is called that needs another way for rare arguments: whatever the argument is,
#: where it is known not to be rare, or to ask whether it is.
ANY, USUAL, ASK = "_any", "", "is_big_"


def element(node, how=ANY):
    """Return the C of one element of a node over ``{x}``, ``{y}``, ``{z}``.

    Raises
    ------
    Unwritable
        If the op is none of C.
    """
    dtype = BY_NAME[node.inputs[-1].type.dtype]
    if node.name in SPECIAL and dtype.short in ("f32", "f64"):
        return f"({dtype.storage})ct_{node.name}({{x}})"
    text, fixup = scalar(node)
    if fixup:
        called = f"ct_{ASK}{fixup}(" if how == ASK else f"ct_{fixup}{how}("
        text = text.replace(f"ct_{fixup}(", called)
    if dtype.kind in "iu" and node.name in _WRAPPING:
        return _wrapping(text, dtype)
    return _CALL.sub(lambda call: _typed(call.group(1), dtype) + "(", text)


def is_divided(node):
    """Whether a node needs another way for rare arguments."""
    return bool(node.op.traits.get("fixup")) and BY_NAME[node.inputs[-1].type.dtype].kind == "f"


def _wrapping(text, dtype):
    unsigned = "uint64_t" if dtype.size == 8 else "uint32_t"
    return f"({dtype.storage})({text.replace('{', f'({unsigned}){{')})"


def _typed(name, dtype):
    """The function that a generic name stands for, where there is one name for it."""
    short = "f32" if dtype.short == "f16" else dtype.short
    if name.endswith("_any") and dtype.kind == "f":
        return f"ct_{name}_{short}"
    kind, stem = families().get(name, (None, name))
    if dtype.kind == "c" and kind == "CT_LIBM":
        return f"c{stem}" + ("f" if short == "c64" else "")
    if kind is None and name != "angle" or dtype.kind == "?":
        return f"ct_{name}"
    return f"{stem}_{short}"


def literal(value, dtype):
    """Return a number as C has it, to the last bit.

    Examples
    --------
    >>> literal(np.float32(0.1), BY_NAME["float32"])
    '0.1f'
    """
    if dtype.short == "f16":
        return str(int(np.float16(value).view(np.uint16)))
    if dtype.kind == "c":
        make = "CMPLXF" if dtype.short == "c64" else "CMPLX"
        real = BY_NAME["float32" if dtype.short == "c64" else "float64"]
        return f"{make}({literal(value.real, real)}, {literal(value.imag, real)})"
    if dtype.kind == "f":
        return _float(float(value), repr(value.item()) if dtype.size == 8 else str(value),
                      "f" if dtype.size == 4 else "")
    return _integer(int(value), dtype)


def _float(value, text, suffix):
    if value != value:
        return "-NAN" if np.signbit(value) else "NAN"
    if value in (float("inf"), float("-inf")):
        return "INFINITY" if value > 0 else "-INFINITY"
    return (text if re.search(r"[.e]", text) else text + ".0") + suffix


def _integer(value, dtype):
    if dtype.kind == "u" and dtype.size >= 4:
        return f"{value}{'ull' if dtype.size == 8 else 'u'}"
    if value == -(2 ** 63):
        return "INT64_MIN"
    return f"INT64_C({value})" if abs(value) >= 2 ** 31 else str(value)
