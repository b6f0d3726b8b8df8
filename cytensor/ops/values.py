"""Values of variables: how what a user passes is made to fit a type, and how values compare."""
from copy import deepcopy

import numpy as np

from cytensor import config
from cytensor._core import TensorType, Variable, register_arrays


def fit(value, type, strict=False, allow_downcast=None):
    """Return ``value`` as a value of a type: an array, for a tensor type.

    Parameters
    ----------
    value : array_like or object
    type : Type
    strict : bool
        Take nothing but a value of exactly this type.
    allow_downcast : bool, optional
        Whether values may lose precision. By default only Python floats for ``config.floatX``.

    Returns
    -------
    ndarray or object
        ``value`` itself where it fits.

    Raises
    ------
    TypeError
        If the rank differs, or the dtype cannot be had without loss.
    """
    if isinstance(value, Variable):
        raise TypeError(f"expected a value, got the symbolic variable {value!r}")
    if not isinstance(type, TensorType):
        return type.filter(value, strict=strict, allow_downcast=allow_downcast)
    if strict and not (isinstance(value, np.ndarray) and value.dtype == type.dtype):
        raise TypeError(f"expected an ndarray of {type.dtype}, got {_describe(value)}")
    array = _cast(value, type.dtype, allow_downcast)
    if array.ndim != type.ndim:
        raise TypeError(f"wrong number of dimensions: expected {type.ndim}, got {array.ndim} "
                        f"with shape {array.shape}")
    for axis, (size, known) in enumerate(zip(array.shape, type.shape)):
        if known is not None and size != known:
            raise TypeError(f"expected size {known} on axis {axis}, got {size} "
                            f"(shape {array.shape})")
    return array if array.flags.aligned else array.copy()


def _describe(value):
    if isinstance(value, np.ndarray):
        return f"an ndarray of {value.dtype} with shape {value.shape}"
    return f"{value!r} of type {value.__class__.__name__}"


def _cast(value, dtype, allow_downcast):
    """Cast where that loses nothing, or where loss is allowed."""
    if isinstance(value, np.ndarray):
        if value.dtype == dtype:
            return np.asarray(value, dtype)
        if allow_downcast or np.promote_types(value.dtype, dtype) == dtype:
            return np.asarray(value, dtype)
        raise TypeError(f"expected {dtype}, got {_describe(value)}: casting would lose precision. "
                        f"Cast it yourself, with value.astype({dtype!r}), or pass "
                        "allow_input_downcast=True to function")
    try:
        array = np.asarray(value)
        with np.errstate(all="ignore"):
            cast = array.astype(dtype)
    except (ValueError, TypeError, OverflowError) as error:
        raise TypeError(f"expected an array of {dtype}, got {_describe(value)} ({error})") from None
    is_float_x = allow_downcast is None and type(value) is float and dtype == config.floatX
    if allow_downcast or is_float_x or _same_values(array, cast):
        return cast
    raise TypeError(f"expected {dtype}, got {_describe(value)}, which {dtype} cannot hold exactly. "
                    f"Pass np.asarray(value, {dtype!r}), or pass allow_input_downcast=True to "
                    "function")


def _same_values(array, cast):
    if array.dtype.kind not in "biufc":
        return False
    return np.array_equal(array, cast, equal_nan=array.dtype.kind in "fc"
                          and cast.dtype.kind in "fc")


def duplicate(value):
    """Return a copy that shares nothing with ``value``: an array in C order, or any object."""
    return value.copy() if isinstance(value, np.ndarray) else deepcopy(value)


# ----- comparing -----

#: Relative tolerances of `close`, by dtype.
_TOLERANCE = {"float16": 5e-3, "float32": 1e-5, "complex64": 1e-5}


def equal(a, b):
    """Whether two arrays have the same dtype, shape and elements."""
    a, b = np.asarray(a), np.asarray(b)
    return a.dtype == b.dtype and np.array_equal(a, b)


def close(a, b, rtol=None, atol=None):
    """Whether two arrays have the same dtype and shape, and nearly the same elements."""
    a, b = np.asarray(a), np.asarray(b)
    if a.dtype != b.dtype or a.shape != b.shape:
        return False
    if a.dtype.kind not in "fc":
        return bool((a == b).all())
    usual = _TOLERANCE.get(a.dtype.name, 1e-8)
    return np.allclose(a, b, usual if rtol is None else rtol, usual if atol is None else atol,
                       equal_nan=True)


register_arrays(fit, equal, close)
