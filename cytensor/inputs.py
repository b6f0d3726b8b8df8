"""The arguments of compiled functions: how they are declared, and how values are made to fit."""
import numpy as np

from cytensor import config
from cytensor._core import Variable


class In:
    """An argument of a function, with its options.

    Parameters
    ----------
    variable : Variable
    name : str, optional
        For keyword calls; by default that of the variable.
    value : array_like or shared variable, optional
        The default. With a shared variable, the argument is that variable's value.
    update : Variable, optional
        The value that the default takes after each call.
    mutable : bool
        Whether the function may overwrite the array that is passed.
    borrow : bool
        Whether the function may keep a reference to it.
    strict : bool
        Take nothing but an array of exactly this type.
    allow_downcast : bool, optional
        Whether values may lose precision. By default only Python floats for ``config.floatX``.
    implicit : bool
        The argument cannot be passed: it always has its default.

    Examples
    --------
    >>> import cytensor as ct, cytensor.tensor as T
    >>> x, y = T.dscalars("x", "y")
    >>> f = ct.function([x, ct.In(y, value=2)], x * y)
    >>> f(3), f(3, y=5)
    (array(6.), array(15.))
    """

    def __init__(self, variable, name=None, value=None, update=None, mutable=None, borrow=None,
                 strict=False, allow_downcast=None, autoname=True, implicit=None, shared=None):
        if not isinstance(variable, Variable):
            raise TypeError(f"In wants a variable, not {variable!r}")
        self.variable = variable
        self.name = name or (variable.name if autoname else None)
        self.value = shared if shared is not None else value
        self.update = update
        self.mutable = bool(update is not None) if mutable is None else mutable
        self.borrow = self.mutable if borrow is None else borrow
        self.strict = strict
        self.allow_downcast = allow_downcast
        self.implicit = bool(implicit)

    def __repr__(self):
        return f"In({self.variable!r})"


class Out:
    """A result of a function, with its options.

    Parameters
    ----------
    variable : Variable
    borrow : bool
        Whether the result may share memory with what the function keeps. Results are always
        arrays of their own here, so that it makes no difference.
    """

    def __init__(self, variable, borrow=False):
        self.variable = variable
        self.borrow = borrow


def fit(value, type, strict=False, allow_downcast=None):
    """Return ``value`` as an array of a tensor type.

    Parameters
    ----------
    value : array_like
    type : TensorType
    strict, allow_downcast
        As in ``In``.

    Returns
    -------
    ndarray
        ``value`` itself where it fits.

    Raises
    ------
    TypeError
        If the rank differs, or the dtype cannot be had without loss.
    """
    if strict and not (isinstance(value, np.ndarray) and value.dtype == type.dtype):
        raise TypeError(f"expected an ndarray of {type.dtype}, got {_describe(value)}")
    if isinstance(value, Variable):
        raise TypeError(f"expected a value, got the symbolic variable {value!r}")
    array = _cast(value, type.dtype, allow_downcast)
    if array.ndim != type.ndim:
        raise TypeError(f"wrong number of dimensions: expected {type.ndim}, got {array.ndim} "
                        f"with shape {array.shape}")
    for axis, (size, known) in enumerate(zip(array.shape, type.shape)):
        if known is not None and size != known:
            raise TypeError(f"expected size {known} on axis {axis}, got {size} "
                            f"(shape {array.shape})")
    return np.require(array, requirements="A")


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
            cast = np.asarray(value, dtype)
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


def as_input(x):
    """Return what the user listed as an input as an ``In``."""
    if isinstance(x, In):
        return x
    if isinstance(x, (tuple, list)):
        return _from_tuple(x)
    if not isinstance(x, Variable):
        raise TypeError(f"an input is a variable, an In, or a pair (variable, default), not {x!r}")
    return In(x)


def _from_tuple(x):
    """(name, variable), (variable, default), (variable, update) and longer ones, as in Theano."""
    name = None
    parts = list(x)
    if parts and isinstance(parts[0], str):
        name = parts.pop(0)
    if not parts or not isinstance(parts[0], Variable):
        raise TypeError(f"an input is a variable, an In, or a pair (variable, default), not {x!r}")
    variable, *rest = parts
    update = value = None
    for part in rest:
        if isinstance(part, tuple):
            update, value = part
        elif isinstance(part, Variable) and not hasattr(part, "container"):
            update = part
        else:
            value = part
    return In(variable, name=name, value=value, update=update)
