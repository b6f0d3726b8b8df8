"""The parameters of an exported function: names, types, and what the header says about them."""
import re
from typing import NamedTuple

from cytensor._core import TensorType
from cytensor.export.unit import ExportError, where
from cytensor.lowering.scalars import BY_NAME, DType

_KEYWORDS = frozenset((
    "auto", "break", "case", "char", "const", "continue", "default", "do", "double", "else",
    "enum", "extern", "float", "for", "goto", "if", "inline", "int", "long", "register",
    "restrict", "return", "short", "signed", "sizeof", "static", "struct", "switch", "typedef",
    "union", "unsigned", "void", "volatile", "while", "complex", "I", "bool", "true", "false",
    "asm", "typeof", "workspace", "workspace_bytes", "main", "errno", "stdin", "stdout",
    "stderr", "INFINITY", "NAN", "NULL", "CMPLX", "CMPLXF", "small", "own", "at", "bytes",
    "status", "from", "some", "done", "place", "row", "malloc", "free", "cabs", "carg", "cexp",
    "cimag", "clog", "conj", "cpow", "creal", "csqrt", "cacos", "casin", "catan", "ccos",
    "csin", "ctan", "cproj", "ccosh", "csinh", "ctanh", "cacosh", "casinh", "catanh", "class",
    "new", "delete", "template", "this", "private", "public", "protected", "namespace", "operator",
    "try", "catch", "throw", "using", "virtual", "typename", "explicit", "friend", "mutable", "and",
    "or", "not", "xor"))
#: Functions of the C library, which a function cannot be named like.
_LIBRARY = frozenset((
    "abs", "acos", "acosh", "asin", "asinh", "atan", "atan2", "atanh", "cbrt", "ceil",
    "copysign", "cos", "cosh", "erf", "erfc", "exp", "exp2", "expm1", "fabs", "fdim", "floor",
    "fma", "fmax", "fmin", "fmod", "frexp", "gamma", "hypot", "ilogb", "j0", "j1", "jn",
    "ldexp", "lgamma", "llrint", "llround", "log", "log10", "log1p", "log2", "logb", "lrint",
    "lround", "modf", "nan", "nearbyint", "nextafter", "pow", "remainder", "remquo", "rint",
    "round", "scalbln", "scalbn", "signbit", "sin", "sinh", "sqrt", "tan", "tanh", "tgamma",
    "trunc", "y0", "y1", "yn", "isfinite", "isinf", "isnan", "isnormal", "abort", "atexit",
    "atof", "atoi", "atol", "bsearch", "calloc", "clearenv", "div", "drand48", "exit", "getenv",
    "labs", "ldiv", "mkstemp", "qsort", "putenv", "rand", "random", "realloc", "select",
    "setenv", "strtod", "strtol", "system", "srand", "bcmp", "bcopy", "bzero", "ffs", "index",
    "memccpy", "memchr", "memcmp", "memcpy", "memmove", "memset", "rindex", "stpcpy", "strcat",
    "strchr", "strcmp", "strcpy", "strdup", "strlen", "strncmp", "strsep", "strstr", "strtok",
    "getc", "gets", "printf", "putc", "puts", "read", "remove", "rename", "scanf", "time",
    "write", "link", "dup", "sleep", "signal"))
#: Names like those of the function's own variables, macros and helpers.
_TAKEN = re.compile(r"(?:[bfiknpstv]|at|constant)\d+_?|[ijk]|ct_.*|CT_.*|_.*|.*_f32|.*_f64|to_\w+")


class Parameter(NamedTuple):
    """An input or an output.

    Attributes
    ----------
    name : str
        A name in C.
    dtype : DType
    shape : tuple of int or None
        The sizes that the type knows.
    text : str
        What it is, for the header.
    is_output : bool
    """

    name: str
    dtype: DType
    shape: tuple
    text: str
    is_output: bool = False

    @property
    def is_number(self):
        """Whether it is passed by value."""
        return not self.shape and not self.is_output

    @property
    def has_shape(self):
        """Whether its sizes are an argument."""
        return None in self.shape and not self.is_output

    def declared(self):
        """Return its declarations in C."""
        T = self.dtype.storage.replace("complex", "_Complex")
        if self.is_number:
            return [f"{T} {self.name}"]
        if self.is_output:
            return [f"{T} *{self.name}"]
        shape = [f"const int64_t *{self.name}_shape"] if self.has_shape else []
        return [f"const {T} *{self.name}", *shape]

    def names(self):
        """Return the names that it declares."""
        return [self.name, f"{self.name}_shape"] if self.has_shape else [self.name]

    def described(self):
        """Return a line about it."""
        sizes = ", ".join(["?" if n is None else str(n) for n in self.shape])
        what = "a number" if not self.shape else \
            f"an array of shape ({sizes}{',' if len(self.shape) == 1 else ''})"
        return f"{self.name}: {what} of {self.dtype.name}{self.text}"


class Namer:
    """Makes C names of any names, each one once."""

    def __init__(self, *taken):
        self._used = set(taken)

    def name(self, text, default, is_function=False):
        """Return a C name like ``text``.

        Examples
        --------
        >>> namer = Namer()
        >>> namer.name("learning rate", "x"), namer.name("learning-rate", "x")
        ('learning_rate', 'learning_rate_2')
        """
        name = re.sub(r"\W+", "_", text or "", flags=re.ASCII).strip("_") or default
        if name[0].isdigit() or name in _KEYWORDS or _TAKEN.fullmatch(name) \
                or (is_function and name in _LIBRARY):
            name = f"{default}_{name}"
        found, count = name, 1
        while found in self._used or f"{found}_shape" in self._used:
            count += 1
            found = f"{name}_{count}"
        self._used.update((found, f"{found}_shape"))
        return found


def parameter(variable, name, text="", is_output=False):
    """Return the parameter of a variable."""
    if not isinstance(variable.type, TensorType):
        raise ExportError(f"{variable!r} of type {variable.type} is no array{where(variable)}")
    return Parameter(name, BY_NAME[variable.type.dtype], tuple(variable.type.shape), text,
                     is_output)
