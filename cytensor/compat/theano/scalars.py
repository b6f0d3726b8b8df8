"""``theano.scalar``: its types are those of 0-d arrays, and its ops are ops of arrays."""
import builtins
import contextlib

import numpy as np

from cytensor import config
from cytensor import tensor as T
from cytensor._core import Op, TensorType, Variable, replace
from cytensor.compat.theano.plurals import plural
from cytensor.ops import casting
from cytensor.ops.casting import promote
from cytensor.ops.registry import FLOAT_OF, REAL_OF

builtin_bool, builtin_int = builtins.bool, builtins.int
builtin_float, builtin_complex = builtins.float, builtins.complex


class ComplexError(NotImplementedError):
    """A function is not defined for complex numbers."""


# ----- types -----

class Scalar:
    """The type of a number. Its variables are 0-d arrays.

    Parameters
    ----------
    dtype : str
    """

    ndim, broadcastable = 0, ()

    def __init__(self, dtype):
        self.dtype = config.floatX if str(dtype) == "floatX" else str(dtype)
        self._type = TensorType(self.dtype, ())

    def __call__(self, name=None):
        """Make a variable."""
        return self._type(name)

    make_variable = __call__

    def filter(self, value, strict=False, allow_downcast=None):
        """Return ``value`` as a 0-d array of the dtype."""
        return self._type.filter(value, strict=strict, allow_downcast=allow_downcast)

    def __eq__(self, other):
        return isinstance(other, Scalar) and self.dtype == other.dtype

    def __hash__(self):
        return hash((Scalar, self.dtype))

    def __str__(self):
        return self.dtype

    def __repr__(self):
        return f"Scalar({self.dtype})"


class ScalarVariable:
    """Theano's class of numbers in a graph: here they are 0-d arrays."""


class ScalarConstant(ScalarVariable):
    """Theano's class of constant numbers in a graph."""


_types_of_numbers: dict = {}


def get_scalar_type(dtype):
    """Return the type of numbers of a dtype."""
    return _types_of_numbers.setdefault(str(dtype), Scalar(dtype))


_ALL = ("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64",
        "float16", "float32", "float64", "complex64", "complex128")
globals().update({dtype: get_scalar_type(dtype) for dtype in _ALL})


def _types(*kinds):
    return tuple([get_scalar_type(dtype) for dtype in _ALL if np.dtype(dtype).kind in kinds])


int_types, uint_types, float_types, complex_types = [_types(kind) for kind in "iufc"]
integer_types = int_types + uint_types
discrete_types = _types("b") + integer_types
continuous_types = float_types + complex_types
all_types = discrete_types + continuous_types


ints, floats, complexs64, complexs128 = [
    plural(name, get_scalar_type(dtype)) for name, dtype in (
        ("ints", "int64"), ("floats", "float64"), ("complexs64", "complex64"),
        ("complexs128", "complex128"))]
complexs = complexs128


# ----- values -----

def upcast(dtype, *dtypes):
    """Return the dtype to which several promote."""
    return promote(*[str(d) for d in (dtype, *dtypes)])


def convert(x, dtype=None):
    """Return a number or a list as an array, by the casting policy."""
    if dtype is not None:
        return np.asarray(x, dtype=dtype)
    if type(x) in casting.WEAK_TYPES:
        return np.asarray(x, dtype=casting.dtype_by_policy(x))
    return np.asarray(x)


def constant(x, name=None, dtype=None):
    """Return a number as a constant of the graph."""
    return T.constant(convert(x, dtype), name)


def as_scalar(x, name=None):
    """Return a number or a 0-d array as a variable.

    Raises
    ------
    TypeError
        If it has axes.
    """
    x = x if isinstance(x, Variable) else constant(x, name)
    if x.type.ndim:
        raise TypeError("Variable type field must be a Scalar.", x, x.type)
    return x


def as_common_dtype(*xs):
    """Return variables in their common dtype."""
    dtype = upcast(*[x.type.dtype for x in xs])
    return tuple([T.cast(x, dtype) for x in xs])


class NumpyAutocaster:
    """Gives Python numbers the first of some dtypes that holds them.

    Parameters
    ----------
    dtypes : sequence of str
    """

    def __init__(self, dtypes):
        self.dtypes = tuple(dtypes)

    def __call__(self, x):
        """Return the number as an array."""
        if hasattr(x, "dtype"):
            return np.asarray(x)
        return np.asarray(x, dtype=casting.dtype_by_policy(x))


autocast_int = NumpyAutocaster(casting.autocast_ints)
autocast_float = NumpyAutocaster(casting.autocast_floats)


@contextlib.contextmanager
def autocast_float_as(*dtypes):
    """Let Python floats take the first of other dtypes that holds them, inside a with block."""
    before = list(casting.autocast_floats)
    casting.autocast_floats[:] = dtypes
    try:
        yield
    finally:
        casting.autocast_floats[:] = before


def round_half_away_from_zero_vec(a):
    """Round an array to whole numbers; a half goes away from zero."""
    return np.where(a >= 0, np.floor(a + 0.5), np.ceil(a - 0.5))


# ----- dtypes of results, for ops of users -----

def upcast_out(*types):
    """The common dtype of the inputs."""
    return get_scalar_type(upcast(*[t.dtype for t in types])),


def upgrade_to_float(*types):
    """A float dtype that holds the inputs."""
    return get_scalar_type(FLOAT_OF[upcast(*[t.dtype for t in types])]),


def upgrade_to_float64(*types):
    """float64."""
    return get_scalar_type("float64"),


def same_out(type):
    """The dtype of the input."""
    return type,


def float_out(*types):
    """float64."""
    return get_scalar_type("float64"),


def int_out(*types):
    """int64."""
    return get_scalar_type("int64"),


def real_out(type):
    """The dtype of the real part."""
    return get_scalar_type(REAL_OF.get(type.dtype, type.dtype)),


def _refuse(rule, kinds, what):
    def refusing(*types):
        if any([np.dtype(t.dtype).kind in kinds for t in types]):
            raise TypeError(f"{what} arguments are not supported")
        return rule(*types)
    return refusing


upcast_out_no_complex = _refuse(upcast_out, "c", "complex")
upcast_out_nobool = _refuse(upcast_out, "b", "bool")
upgrade_to_float_no_complex = _refuse(upgrade_to_float, "c", "complex")
same_out_nocomplex = _refuse(same_out, "c", "complex")
same_out_nobool = _refuse(same_out, "b", "bool")
same_out_float_only = _refuse(same_out, "biuc", "other than float")


def specific_out(*spec):
    """Return a rule that gives these types, whatever the inputs are."""
    return lambda *types: spec


def transfer_type(*transfer):
    """Return a rule that gives the types of some inputs, or given types."""
    return lambda *types: tuple([types[t] if isinstance(t, builtin_int) else t
                                 for t in transfer])


def unary_out_lookup(table):
    """Return a rule that looks a dtype up."""
    return lambda type: (table[type],)


class InRange:
    """Ask whether numbers lie between two others: ``InRange(openlow, openhi)(x, low, hi)``.

    Parameters
    ----------
    openlow, openhi : bool
        Whether a bound itself lies outside.
    """

    def __init__(self, openlow, openhi):
        self.openlow, self.openhi = openlow, openhi

    def __call__(self, x, low, hi):
        """Return the answer, element by element."""
        above = T.gt(x, low) if self.openlow else T.ge(x, low)
        below = T.lt(x, hi) if self.openhi else T.le(x, hi)
        return T.and_(above, below)


# ----- ops of users -----

class Composite:
    """An op that computes an expression of numbers.

    Parameters
    ----------
    inputs, outputs : list of Variable
    """

    def __init__(self, inputs, outputs):
        self.inputs, self.outputs = list(inputs), list(outputs)

    def __call__(self, *values):
        """Return the outputs for other inputs, which may be arrays."""
        values = [T.cast(value, x.dtype) for x, value in zip(self.inputs, values)]
        outs = replace(self.outputs, dict(zip(self.inputs, values)))
        return outs[0] if len(outs) == 1 else outs


class ScalarOp:
    """A base class of elementwise ops in Python: subclasses define ``impl`` and ``grad``.

    Parameters
    ----------
    output_types_preference : callable, optional
        The types of the outputs, from those of the inputs.
    name : str, optional
    """

    nin, nout = -1, 1

    def __init__(self, output_types_preference=None, name=None):
        if output_types_preference is not None:
            self.output_types_preference = output_types_preference
        self.name = name or type(self).__name__
        self._op = None

    output_types_preference = staticmethod(upcast_out)

    def output_types(self, types):
        """Return the types of the outputs."""
        return list(self.output_types_preference(*types))

    def __call__(self, *inputs):
        """Apply the op to numbers or arrays."""
        if self._op is None:
            self._op = _elementwise_in_python(self)
        return self._op(*T.broadcast_arrays(*inputs) if len(inputs) > 1 else inputs)


class UnaryScalarOp(ScalarOp):
    """An op of one number."""

    nin = 1


class BinaryScalarOp(ScalarOp):
    """An op of two numbers."""

    nin = 2


def _elementwise_in_python(scalar_op) -> Op:
    """Make an op that calls ``scalar_op.impl`` for each element."""
    from cytensor.ops.objects import python_op

    def types(*xs):
        out, = scalar_op.output_types([get_scalar_type(x.dtype) for x in xs])
        return TensorType(out.dtype, xs[0].type.shape)

    def perform(inputs, params):
        out, = scalar_op.output_types([get_scalar_type(x.dtype) for x in inputs])
        found = np.vectorize(scalar_op.impl, otypes=[out.dtype])(*inputs)
        return [np.asarray(found, dtype=out.dtype)]

    return python_op(
        scalar_op.name, perform, types, lambda S, shapes, inputs: shapes[0],
        lambda g, out, *xs: tuple(scalar_op.grad(xs, (g,))),
        coerce=lambda inputs, params: [T.as_tensor_variable(x) for x in inputs])
