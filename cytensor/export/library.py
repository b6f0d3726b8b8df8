"""Exported functions as files, and as machine code behind a pointer."""
import ctypes
from pathlib import Path
from typing import NamedTuple

from cytensor.cache import load
from cytensor.cpu import compiler
from cytensor.export.prepare import program_of
from cytensor.export.signature import Namer
from cytensor.export.source import SourceWriter
from cytensor.export.wrappers import natural, wrapper

#: Bytes of shared values that may be a part of a text.
MOST_INSIDE = 1 << 22
_BLAS = ("fortran", "inline")
_SHARED = ("inside", "arguments")

_loaded = {}                # text -> its library, which stays loaded
_names = {}                 # signature -> its bytes: capsules point to them


class CFunction(NamedTuple):
    """A C function that anybody may call, from any thread, without Python.

    Attributes
    ----------
    address : int
    signature : str
        Its type in C, as SciPy writes it: ``"double (double, double)"``.
    capsule : PyCapsule
        The address, with the signature as name: what `scipy.LowLevelCallable` takes.
    text : str
        The C.
    """

    address: int
    signature: str
    capsule: object
    text: str


def source_of(function, name, blas="fortran", shared="inside"):
    """Return the `Source` of a compiled function."""
    _check(blas, _BLAS, "blas")
    _check(shared, _SHARED, "shared")
    spec = function.spec
    updates = list(spec.updates.items())
    outputs = [*spec.results, *[new for _, new in spec.states]]
    program = program_of(spec.variables, outputs, updates, spec.shared, function.mode)
    texts = {v: x.name for v, x in zip(spec.variables, spec.inputs)}
    inputs = [(v, texts[v], "") for v in spec.variables]
    values = []
    for v, cell in zip(spec.shared, function.cells):
        value = None if shared == "arguments" or v in spec.updates else cell.value
        values.append(value)
        if value is None:
            inputs.append((v, v.name, ": the value of a shared variable"))
    _check_size(function, values)
    results = [(v, n, "") for v, n in zip(spec.results, _result_names(spec))]
    results += [(new, f"new_{texts[spec.variables[i]] or ''}", ": the new value of an input")
                for i, new in spec.states]
    results += [(new, f"new_{v.name or ''}", ": the new value of a shared variable")
                for v, new in updates]
    title = f"{function.name or 'A function'} of {_listed(texts.values())}"
    return SourceWriter(name, title, program, inputs, results, values, blas).write()


def _check(value, allowed, what):
    if value not in allowed:
        raise ValueError(f"{what} is one of {', '.join(allowed)}, not {value!r}")


def _check_size(function, values):
    size = sum([v.nbytes for v in values if v is not None])
    if size > MOST_INSIDE:
        raise ValueError(f"the shared variables of {function!r} have {size} bytes: pass "
                         "shared='arguments' to leave them out of the text")


def _result_names(spec):
    if spec.keys is not None:
        return spec.keys
    return [v.name or "out" for v in spec.results]


def _listed(names):
    return ", ".join([name or "an input" for name in names]) or "nothing"


def export_c(function, path, name=None, blas="fortran", shared="inside"):
    """Write a function as C. See ``Function.export_c``."""
    path = Path(path)
    path = path if path.suffix == ".c" else path.with_name(path.name + ".c")
    name = Namer().name(name or function.name or path.stem, "f", is_function=True)
    source = source_of(function, name, blas, shared)
    header = path.with_name(f"{name}.h")
    path.write_text(source.text, encoding="utf-8")
    header.write_text(source.header, encoding="utf-8")
    return path, header


def c_function(function, signature=None, shared="inside"):
    """Compile a function behind a pointer. See ``Function.c_function``."""
    source = source_of(function, "ct_exported", "inline", shared)
    found = signature or natural(source)
    text = source.header + source.text.replace('#include "ct_exported.h"\n', "")
    symbol = source.name
    if signature is not None and signature != natural(source):
        symbol = "ct_wrapped"
        text += "\n" + wrapper(source, signature, symbol)
    address = _library(text).address(symbol)
    return CFunction(address, found, _capsule(address, found), text)


def _library(text):
    if text not in _loaded:
        found = compiler.find()
        if found is None:
            raise RuntimeError(
                "a function pointer takes a C compiler, and there is none "
                f"({compiler.trouble()}): install gcc or clang, or `pip install ziglang` and set "
                "CYTENSOR_CC='python -m ziglang cc'")
        _loaded[text] = load.load(found.build(text, about={"name": "exported function"}))
    return _loaded[text]


def _capsule(address, signature):
    name = _names.setdefault(signature, signature.encode())
    new = ctypes.pythonapi.PyCapsule_New
    new.restype = ctypes.py_object
    new.argtypes = (ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p)
    return new(address, name, None)
