"""The arguments of compiled functions: how they are declared, and how values are made to fit."""
from cytensor._core import TensorType, Variable
from cytensor.ops.registry import as_variable, scalar_like
from cytensor.shared import SharedVariable


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
        if not isinstance(name, (str, type(None))):
            raise TypeError(f"In: a name is a string, not {name!r}")
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


# ----- what stands for a variable -----

def as_type_of(variable, value, what):
    """Return ``value`` as a variable that may stand for ``variable``."""
    if not isinstance(variable.type, TensorType):
        return _as_object(variable, value, what)
    if isinstance(value, (bool, int, float, complex)) and variable.type.ndim == 0:
        return scalar_like(value, variable.type.dtype)
    value = as_variable(value)
    ours, theirs = variable.type, value.type
    if ours == theirs:
        return value
    if not isinstance(ours, TensorType) or not isinstance(theirs, TensorType) \
            or ours.dtype != theirs.dtype or ours.ndim != theirs.ndim:
        raise TypeError(f"{what} must have the same type as the original {_kind_of(variable)} "
                        f"{variable!r}: it is {ours}, the new one {theirs}. If only the dtype "
                        f"differs, use cast(value, {getattr(ours, 'dtype', None)!r})")
    return value


def _kind_of(variable):
    return "shared variable" if isinstance(variable, SharedVariable) else "variable"


def _as_object(variable, value, what):
    try:
        return variable.type.filter_variable(value)
    except TypeError as error:
        raise TypeError(f"{what} must have the same type as the original {_kind_of(variable)} "
                        f"{variable!r}: {error}") from None
