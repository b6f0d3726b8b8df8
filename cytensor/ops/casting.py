"""Casting policies: the dtype that a Python number takes, alone and beside an array.

``config.cast_policy`` chooses. "weak" is NumPy's: the number yields to the array. The others are
Theano's, "custom" by the number's value and "numpy+floatX" by its type. They hold for numbers in
the user's own lines: inside the package a number is always weak, so that a gradient or a rewrite
never changes a dtype.
"""
import os
import sys

import numpy as np

from cytensor import config

WEAK_TYPES = (bool, int, float, complex)
_KIND = {name: np.dtype(name).kind for name in (
    "bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64",
    "float16", "float32", "float64", "complex64", "complex128")}
_COMPLEX_OF = {"float16": "complex64", "float32": "complex64", "float64": "complex128"}

_promoted: dict = {}


def promote(*dtypes):
    """Return the dtype to which NumPy promotes ``dtypes``."""
    common = dtypes[0]
    for other in dtypes[1:]:
        if other != common:
            pair = (common, other)
            found = _promoted.get(pair)
            if found is None:
                found = _promoted[pair] = np.promote_types(common, other).name
            common = found
    return common


# ----- NumPy's policy -----

def _weak_alone(value):
    if type(value) is bool:
        return "bool"
    if type(value) is int:
        return "int64" if -2**63 <= value < 2**63 else "uint64"
    if type(value) is float:
        return config.floatX
    return "complex64" if config.floatX == "float32" else "complex128"


def _weak_beside(value, strong):
    kind = _KIND[strong]
    if type(value) is bool:
        return strong
    if type(value) is int:
        return "int64" if kind == "b" else strong
    if type(value) is float:
        return strong if kind in "fc" else "float64"
    if kind == "c":
        return strong
    return _COMPLEX_OF[strong] if kind == "f" else "complex128"


# ----- Theano's policies -----

#: The dtypes that a number is tried in, the smallest first.
autocast_ints = ["int8", "int16", "int32", "int64"]
autocast_floats = ["float16", "float32", "float64"]


def _by_value(value):
    """The first dtype that holds the number; a float takes float16 for ``floatX`` alone."""
    if type(value) is int:
        for dtype in autocast_ints:
            info = np.iinfo(dtype)
            if info.min <= value <= info.max:
                return dtype
        return "uint64"
    if type(value) is not float:
        return "bool" if type(value) is bool else "complex128"
    if config.floatX != "float64" and config.floatX in autocast_floats:
        return config.floatX
    tried = [d for d in autocast_floats if d != "float16" or config.floatX == "float16"]
    with np.errstate(over="ignore"):
        exact = [d for d in tried if float(np.dtype(d).type(value)) == value]
    return (exact or tried[-1:])[0]


def _by_type(value):
    if type(value) is float:
        return config.floatX
    return "complex128" if type(value) is complex else _weak_alone(value)


_ALONE = {"custom": _by_value, "numpy+floatX": _by_type}
_HOME = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
#: Files through which a user's number comes to an op unchanged.
_DOORS = {_HOME + os.path.join("ops", name) for name in (
    "casting.py", "registry.py", "variable.py", "protocols.py", "arithmetic.py", "views.py",
    "generate.py", "joining.py")}
_FOREIGN = _HOME + "compat" + os.sep      # other libraries' names are doors, too
_inside: dict = {}          # code object -> None for a door, else whether it is ours


def _is_from_user():
    """Whether the line that gave the number is outside this package."""
    frame = sys._getframe(2)
    while frame is not None:
        code = frame.f_code
        if code not in _inside:
            name = code.co_filename
            door = name in _DOORS or name.startswith(_FOREIGN)
            _inside[code] = None if door else name.startswith(_HOME)
        if _inside[code] is not None:
            return not _inside[code]
        frame = frame.f_back
    return True


# ----- what registry asks -----

def dtype_alone(value):
    """Return the dtype of a Python number that stands alone."""
    if config.cast_policy == "weak" or not _is_from_user():
        return _weak_alone(value)
    return _ALONE[config.cast_policy](value)


def dtype_by_policy(value):
    """Return the dtype of a Python number that stands alone, whoever asks."""
    return _ALONE.get(config.cast_policy, _weak_alone)(value)


def dtype_beside(value, strong):
    """Return the dtype that a Python number and an array of dtype ``strong`` have in common."""
    if config.cast_policy == "weak" or not _is_from_user():
        return _weak_beside(value, strong)
    return promote(strong, _ALONE[config.cast_policy](value))


def dtype_of_quotient():
    """Return the dtype of an integer divided by an integer."""
    return "float64" if config.cast_policy == "weak" else config.floatX
