"""Functions of ``theano.tensor.basic`` whose meaning is Theano's alone."""
import builtins

import numpy as np

from cytensor import config, tensor as T
from cytensor._core import Apply, Constant, Variable
from cytensor.compat.theano.arrays import allclose, check_equal_numpy, tolerances
from cytensor.compat.theano.types import tensor
from cytensor.engine.pipeline import run_once as evaluate
from cytensor.ops.views import copied, entries, make_vector

__all__ = [
    "AsTensorError", "EmptyConstantError", "NotScalarConstantError", "ShapeError",
    "check_equal_numpy", "tensor",
]
_allclose, _get_atol_rtol = allclose, tolerances
python_all, python_any, python_complex, izip = builtins.all, builtins.any, builtins.complex, zip


class AsTensorError(TypeError):
    """A value cannot be made a symbolic array."""


class ShapeError(Exception):
    """A shape cannot be computed."""


class NotScalarConstantError(Exception):
    """A variable is no single number that is known while the graph is built."""


class EmptyConstantError(NotScalarConstantError):
    """A constant has no elements."""


# ----- what is known while the graph is built -----

#: Ops that leave one number one number, through which ``get_scalar_constant_value`` looks.
_SAME_NUMBER = {"dimshuffle", "broadcast_to", "unbroadcast", "reshape", "assume_size", "assert",
                "beside"}
_ARITHMETIC = {"cast", "switch", "neq", "eq", "lt", "gt", "le", "ge", "sub", "add", "mod", "mul",
               "floor_div", "true_div", "minimum", "maximum", "neg"}


def numpy_scalar(data):
    """Return an array that holds one number, or one number repeated.

    Raises
    ------
    EmptyConstantError, NotScalarConstantError
    """
    data = np.asarray(data)
    if data.size == 0:
        raise EmptyConstantError
    first = data.flat[0]
    if data.dtype.kind not in "biufc" or not (data == first).all():
        raise NotScalarConstantError(f"not one number: {data}")
    return np.asarray(first, dtype=data.dtype)


def get_scalar_constant_value(v, elemwise=True, only_process_constants=False, max_recur=10):
    """Return the number that a variable is, if it is known while the graph is built.

    Parameters
    ----------
    v : Variable, array_like or number
    elemwise : bool
        Look through arithmetic as well.
    only_process_constants : bool
        Look at constants alone.
    max_recur : int
        How many ops to look through.

    Returns
    -------
    ndarray
        0-d.

    Raises
    ------
    NotScalarConstantError
        If it is not known, or more than one number.
    """
    if v is None:
        raise NotScalarConstantError("None is no number")
    if isinstance(v, Constant):
        return numpy_scalar(v.data)
    if not isinstance(v, Variable):
        return numpy_scalar(v)
    if v.owner is None or only_process_constants or max_recur <= 0:
        raise NotScalarConstantError(f"{v!r} is not a constant")

    def look(x):
        return get_scalar_constant_value(x, elemwise, only_process_constants, max_recur - 1)
    return _through(v.owner, look, elemwise)


def _through(node, look, elemwise):
    """The number that a node computes; ``look`` finds those of its inputs."""
    name = node.op.name
    if name in _SAME_NUMBER:
        return look(node.inputs[0])
    if name == "shape_i" and node.inputs[0].type.shape[node.params["axis"]] is not None:
        return np.asarray(node.inputs[0].type.shape[node.params["axis"]])
    if name == "subtensor":
        return look(_entry(node, look))
    if name in _ARITHMETIC and elemwise and node.outputs[0].type.ndim == 0:
        values = [T.as_tensor_variable(look(x)) for x in node.inputs]
        return np.asarray(evaluate([node.op(*values, **node.params)])[0])
    raise NotScalarConstantError(f"{node.outputs[0]!r} is not a constant")


def _entry(node, look):
    """The variable that ``vector[i]`` takes out of a vector whose entries are known."""
    x, *values = node.inputs
    index = node.params["index"]
    if all([isinstance(v, Constant) for v in node.inputs]):
        return T.as_tensor_variable(np.asarray(evaluate(node.outputs)[0]))
    if len(index) == 1 and index[0][0] == "at" and x.type.ndim == 1:
        i = index[0][1]
        i = int(look(values[i[1]])) if isinstance(i, tuple) else i
        if isinstance(x, Constant):
            return T.as_tensor_variable(x.data[i])
        if x.owner is not None and x.owner.op is make_vector:
            return x.owner.inputs[i]
    raise NotScalarConstantError(f"{node.outputs[0]!r} is not a constant")


def extract_constant(x, elemwise=True, only_process_constants=False):
    """Return the number that ``x`` is if it is known, else ``x``."""
    try:
        return get_scalar_constant_value(x, elemwise, only_process_constants)
    except NotScalarConstantError:
        return x


def get_vector_length(v):
    """Return the length of a symbolic vector, if it is known while the graph is built.

    Raises
    ------
    TypeError
        If ``v`` is not a vector.
    ValueError
        If the length is not known.
    """
    v = T.as_tensor_variable(v)
    if v.type.ndim != 1:
        raise TypeError(f"argument must be symbolic vector, got {v!r}")
    if v.type.shape[0] is None:
        raise ValueError(f"length not known: {v!r}")
    return v.type.shape[0]


class TensorConstantSignature(tuple):
    """A type and an array; equal if both are."""

    __slots__ = ()

    def __eq__(self, other):
        return (type(self) is type(other) and self[0] == other[0]
                and np.array_equal(self[1], other[1], equal_nan=self[1].dtype.kind in "fc"))

    def __ne__(self, other):
        return not self == other

    def __hash__(self):
        return hash((type(self), self[0], self[1].shape, self[1].tobytes()))


# ----- making variables -----

def as_tensor_variable(x, name=None, ndim=None):
    """Return ``x`` as a symbolic array.

    Parameters
    ----------
    x : Variable, Apply, array_like or number
        Of a node with several outputs, its default output.
    name : str, optional
    ndim : int, optional
        The rank wanted: axes of size 1 are added or taken away in front.

    Raises
    ------
    AsTensorError
        If it is no array of numbers. True and False are none.
    ValueError
        If it has more than ``ndim`` axes, or is a node with several outputs.
    """
    if hasattr(x, "_as_TensorVariable"):
        return x._as_TensorVariable()
    if isinstance(x, Apply):
        x = _default_output(x)
    if isinstance(x, bool):
        raise AsTensorError("Cannot cast True or False as a tensor variable. Use np.array(True). "
                            "Was == meant to compare elements? That is T.eq(x, y)")
    try:
        x = T.as_tensor_variable(x, name)
        return x if ndim is None else T.as_tensor_variable(_stripped(x, ndim), ndim=ndim)
    except TypeError as error:
        raise AsTensorError(f"Cannot convert {x!r} to TensorType", type(x)) from error


def _default_output(node):
    which = getattr(node.op, "default_output", None)
    if which is None and len(node.outputs) != 1:
        raise ValueError("It is ambiguous which output of a multi-output Op has to be fetched.",
                         node)
    if not 0 <= (which or 0) < len(node.outputs):
        raise AttributeError(f"{node.op}.default_output is out of range: {which}")
    return node.outputs[which or 0]


def _stripped(x, ndim):
    """``x`` without axes in front that have size 1, as far as it has too many."""
    extra = 0
    while x.ndim - extra > ndim and x.broadcastable[extra]:
        extra += 1
    return x.dimshuffle(*range(extra, x.ndim)) if extra else x


def flatten(x, ndim=None, outdim=None):
    """Return an array with its last axes made one, so that ``ndim`` are left."""
    return T.flatten(x, (1 if outdim is None else outdim) if ndim is None else ndim)


def horizontal_stack(*args):
    """Join matrices side by side."""
    return T.concatenate(_matrices("horizontal_stack", args), axis=1)


def vertical_stack(*args):
    """Join matrices one above the other."""
    return T.concatenate(_matrices("vertical_stack", args), axis=0)


def _matrices(what, args):
    args = [T.as_tensor_variable(x) for x in args]
    if len(args) < 2 or any([x.ndim != 2 for x in args]):
        raise ValueError(f"{what} joins two matrices or more")
    return args


def smallest(*args):
    """Return the smallest of several arrays, element by element."""
    out, *others = args
    for x in others:
        out = T.minimum(out, x)
    return out


def largest(*args):
    """Return the largest of several arrays, element by element."""
    out, *others = args
    for x in others:
        out = T.maximum(out, x)
    return out


def clip(x, min, max):
    """Return ``min`` where ``x`` is smaller, else ``max`` where it is larger, else ``x``."""
    if all([isinstance(bound, (int, float)) for bound in (min, max)]) and min <= max:
        return T.clip(x, min, max)
    return T.switch(T.lt(x, min), min, T.switch(T.gt(x, max), max, x))


# ----- casts -----

def cast(x, dtype):
    """Convert to a dtype; ``"floatX"`` stands for ``config.floatX``."""
    return T.cast(x, config.floatX if dtype == "floatX" else dtype)


def _conversion(dtype):
    def convert(x):
        return T.cast(x, dtype)
    convert.__name__ = f"_convert_to_{dtype}"
    convert.__doc__ = f"Convert to {dtype}."
    return convert


globals().update({f"_convert_to_{dtype}": _conversion(dtype) for dtype in (
    "bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float16",
    "float32", "float64", "complex64", "complex128")})


# ----- small functions -----

def iround(x, mode=None):
    """Round to whole numbers, as int64."""
    return T.cast(T.round(x, mode or "half_to_even"), "int64")


def ceil_intdiv(a, b):
    """Return ``ceil(a / b)`` of integers."""
    quotient = T.floor_div(a, b)
    return quotient + T.cast(T.neq(T.mod(a, b), 0), quotient.dtype)


def int_or_true_div(x, y):
    """Divide; two integers by the flag ``int_division``."""
    from cytensor.compat.theano.flags import config as flags
    x, y = T.as_tensor_variable(x), T.as_tensor_variable(y)
    whole = x.dtype[:3] not in ("flo", "com") and y.dtype[:3] not in ("flo", "com")
    if not whole or flags.int_division == "floatX":
        return T.true_div(x, y)
    if flags.int_division == "raise":
        raise IntegerDivisionError("with int_division='raise', use x // y, or cast to float")
    return T.floor_div(x, y)


class IntegerDivisionError(Exception):
    """Two integers are divided, and the flag ``int_division`` forbids it."""


div_proxy = int_or_true_div


def mod_check(x, y):
    """Return ``x % y``.

    Raises
    ------
    TypeError
        If one of them is complex.
    """
    return T.mod(x, y)


def is_flat(var, ndim=None, outdim=1):
    """Whether a variable has ``ndim`` axes."""
    return var.ndim == (outdim if ndim is None else ndim)


def check_and_normalize_axes(x, axis):
    """Return axes as a list of ints, counted from the front.

    Raises
    ------
    TypeError
        If an axis is not an integer.
    ValueError
        If ``x`` has no such axis.
    """
    x = T.as_tensor_variable(x)
    if axis is None:
        return []
    axes = axis if isinstance(axis, (tuple, list)) else [axis]
    axes = [_axis(a) for a in axes]
    for a in axes:
        if not -x.ndim <= a < x.ndim:
            raise ValueError(f"axis {a} is out of bounds for an array of dimension {x.ndim}")
    return [a % x.ndim for a in axes]


def _axis(a):
    if isinstance(a, Constant) and a.type.ndim == 0 and a.data.dtype.kind in "iu":
        return int(a.data)
    try:
        return a.__index__()
    except (AttributeError, TypeError):
        raise TypeError(f"an axis is an integer, not {a!r}") from None


def makeKeepDims(x, y, axis):
    """Give ``y``, a reduction of ``x`` over ``axis``, the reduced axes again, with size 1."""
    x, y = T.as_tensor_variable(x), T.as_tensor_variable(y)
    reduced = check_and_normalize_axes(x, axis) if axis is not None else range(x.ndim)
    places = iter(range(y.ndim))
    return y.dimshuffle(["x" if i in reduced else next(places) for i in range(x.ndim)])


def transfer(var, target):
    """Return the variable: everything is on the CPU.

    Raises
    ------
    ValueError
        If the target is another device.
    """
    if target != "cpu":
        raise ValueError(f"can't transfer to target {target}")
    return var


def register_transfer(function):
    """Take a function that moves variables between devices; there are none."""


def tensor_from_scalar(s):
    """Return a scalar as a 0-d array: they are the same here."""
    return T.as_tensor_variable(s)


def scalar_from_tensor(t):
    """Return a 0-d array as a scalar: they are the same here."""
    t = T.as_tensor_variable(t)
    if t.type.ndim:
        raise TypeError(f"a 0-d array is wanted, not {t!r} of type {t.type}")
    return t


def default(x, default):
    """Return ``x``, or ``default`` if it is None."""
    return default if x is None else x


def setdefault(x, default):
    """Return ``x``, or ``default`` if it is None."""
    return default if x is None else x


def constructor(f):
    """Return the function: a mark of those that make variables."""
    return f


def cpu_contiguous(x):
    """Return a variable with the value of ``x``; layouts are decided when a program is made."""
    return copied(T.as_tensor_variable(x))


def alloc_validate_shape(shape):
    """Return (sizes as 0-d integer variables, broadcast pattern) of a shape."""
    if isinstance(shape, Variable) and shape.ndim == 1:
        shape = entries(shape, "alloc")
    sizes = [T.as_tensor_variable(n) for n in (
        shape if isinstance(shape, (tuple, list)) else [shape])]
    for n in sizes:
        if n.dtype[:3] not in ("int", "uin") or n.ndim:
            raise TypeError(f"Shape arguments to Alloc must be integers, but {n!r} is not")
    return sizes, [isinstance(n, Constant) and int(n.data) == 1 for n in sizes]


def dot(x, y):
    """Multiply two matrices, of which one may be sparse."""
    for own, method, other in ((x, "__dot__", y), (y, "__rdot__", x)):
        found = getattr(own, method, None)
        if found is not None:
            return found(other)
    return T.dot(x, y)


def sparse_grad(var):
    """Return the variable: gradients of ``W[idx]`` touch only those rows anyway."""
    return var


def xlogx(x):
    """Return ``x * log(x)``, which is 0 at 0."""
    x = T.as_tensor_variable(x)
    return T.switch(T.eq(x, 0), 0.0, x * T.log(T.switch(T.eq(x, 0), 1.0, x)))


def xlogy0(x, y):
    """Return ``x * log(y)``, which is 0 where ``x`` is."""
    x, y = T.as_tensor_variable(x), T.as_tensor_variable(y)
    return T.switch(T.eq(x, 0), 0.0, x * T.log(T.switch(T.eq(x, 0), 1.0, y)))


def hash_from_ndarray(data):
    """Return a text that stands for the contents, shape and dtype of an array."""
    import hashlib
    text = f"{data.shape}{data.strides}{data.dtype}".encode()
    return hashlib.sha256(data.tobytes() + text).hexdigest()


def shape_of_variables(fgraph, input_shapes):
    """Return a dict from the variables of a graph to their shapes, for shapes of its inputs."""
    from cytensor.function import function
    variables = [v for v in fgraph.variables if hasattr(v.type, "ndim")]
    f = function(fgraph.inputs, [v.shape for v in variables], on_unused_input="ignore")
    values = f(*[np.ones(input_shapes[v], dtype=v.type.dtype) for v in fgraph.inputs])
    return {v: tuple(int(n) for n in shape) for v, shape in zip(variables, values)}
