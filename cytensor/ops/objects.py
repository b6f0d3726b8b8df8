"""Values that are not arrays: types of Python objects, and ops in Python that compute with them."""
from cytensor._core import Op, TensorType, Type, new_constant
from cytensor.ops.registry import as_variable, static
from cytensor.ops.sizes import STATIC


class Generic(Type):
    """The type of any Python object.

    Examples
    --------
    >>> from cytensor.ops.objects import generic
    >>> settings = generic("settings")
    >>> settings.type
    generic
    """

    __props__ = ()

    def filter(self, value, strict=False, allow_downcast=None):
        """Return ``value``, whatever it is."""
        return value

    def __repr__(self):
        return "generic"


class NoneTypeT(Generic):
    """The type of ``None``."""

    def filter(self, value, strict=False, allow_downcast=None):
        """Return None, or raise a TypeError."""
        if value is not None:
            raise TypeError(f"expected None, not {value!r}")
        return value


generic = Generic()
none_type_t = NoneTypeT()
NoneConst = new_constant(none_type_t, None, "NoneConst")


# ----- gradients that do not exist: see ``autodiff/absent.py`` -----

class DisconnectedType(Type):
    """The type of the gradient with respect to what the cost does not depend on."""

    __props__ = ()

    def filter(self, value, strict=False, allow_downcast=None):
        """Raise: there is no such value."""
        raise ValueError("a gradient of DisconnectedType has no value")


class NullType(Type):
    """The type of a gradient that is undefined, or for which there is no rule.

    Parameters
    ----------
    why_null : str
        The reason, for the error message.
    """

    __props__ = ("why_null",)

    def __init__(self, why_null="no reason is given"):
        self.why_null = why_null

    def filter(self, value, strict=False, allow_downcast=None):
        """Raise: there is no such value."""
        raise ValueError(f"a gradient of NullType has no value: {self.why_null}")

    def __repr__(self):
        return f"NullType({self.why_null})"


# ----- making variables and ops -----

def as_object(value, type=generic):
    """Return ``value`` as a variable of a type of objects: as it is, or as a constant."""
    return type.filter_variable(value)


def python_op(name, perform, types, sizes=None, vjp=None, *, nout=1, coerce=None, doc=None,
              **traits):
    """Make an op that runs Python, on arrays and on other objects.

    Parameters
    ----------
    name : str
    perform : callable
        ``perform(inputs, params) -> list of results``. Arrays come as views of the memory of the
        call: it must neither keep nor change them, nor any other object that it gets.
    types : callable
        ``types(*inputs, **params) -> type of the result``, a tuple where there are several.
    sizes : callable, optional
        The size rule, as for ``structured``. In it, None stands for the shape of a result that is
        no array, or whose sizes only ``perform`` knows. Without a rule that holds for all results.
    vjp : callable, optional
        ``vjp(g, out, *inputs, **params) -> (gradient of each input)``.
    coerce : callable, optional
        ``coerce(inputs, params) -> inputs``: converts inputs, of which any may be no variable yet.

    Returns
    -------
    Op

    Examples
    --------
    >>> import cytensor as ct
    >>> import numpy as np
    >>> lengths = python_op("lengths", lambda inputs, params: [np.int64(len(inputs[0]))],
    ...                     lambda x: ct.TensorType("int64", ()))
    >>> x = generic("x")
    >>> int(ct.function([x], lengths(x))("abc"))
    3
    """
    def prepare(op, inputs, params):
        inputs = coerce(inputs, params) if coerce else inputs
        inputs = [as_variable(x) for x in inputs]
        found = types(*inputs, **params)
        found = (found,) if nout == 1 else found
        if sizes is None:
            return inputs, found
        shapes = sizes(STATIC, [_static(x) for x in inputs], inputs, **params)
        shapes = (shapes,) if nout == 1 else shapes
        return inputs, tuple([_narrowed(t, shape) for t, shape in zip(found, shapes)])

    return Op(name, "python", prepare, sizes=sizes, vjp=vjp, nout=nout, doc=doc, perform=perform,
              **traits)


def _static(x):
    return STATIC.static(x) if isinstance(x.type, TensorType) else ()


def _narrowed(type, shape):
    """A type with the sizes that a size rule knows."""
    if shape is None or not isinstance(type, TensorType):
        return type
    known = [n if m is None else m for n, m in zip(type.shape, static(shape))]
    return TensorType(type.dtype, known)
