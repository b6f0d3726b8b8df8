"""How ops are made: the constructors that the op files call, and the type rules they share.

``elementwise`` makes an op from one row: a scalar expression and a gradient. ``structured`` makes
any other from a dtype rule, a size rule and a gradient.
"""
import numpy as np

from cytensor import config
from cytensor._core import Constant, Op, TensorType, Variable, new_constant
from cytensor.ops.casting import (
    WEAK_TYPES, dtype_alone, dtype_beside, dtype_of_quotient, promote)
from cytensor.ops.sizes import STATIC

FLOATS = ("float16", "float32", "float64")
COMPLEXES = ("complex64", "complex128")
KIND = {name: np.dtype(name).kind for name in (
    "bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64",
    *FLOATS, *COMPLEXES)}
#: The float dtype in which a function of integers is computed: one that holds them all, or float64.
FLOAT_OF = {name: name if KIND[name] in "fc" else
            "float32" if name in ("bool", "int8", "int16", "uint8", "uint16") else "float64"
            for name in KIND}
REAL_OF = {"complex64": "float32", "complex128": "float64"}
COMPLEX_OF = {"float16": "complex64", "float32": "complex64", "float64": "complex128"}


# ----- from values to variables -----

def constant(value, name=None, dtype=None):
    """Make a constant of the graph from an array, a list or a number.

    Parameters
    ----------
    value : array_like
    name : str, optional
    dtype : str, optional
        By default that of ``value``; for a Python number see ``config.cast_policy``.

    Returns
    -------
    Constant

    Examples
    --------
    >>> constant([1, 2]).type
    TensorType(int64, (2,))
    """
    if dtype is None and type(value) in WEAK_TYPES:
        dtype = dtype_alone(value)
    data = np.array(value, dtype=dtype, order="C")
    if data.size == 0 and dtype is None and not hasattr(value, "dtype"):
        data = data.astype(config.floatX)       # a list without anything in it
    if data.dtype.kind not in "biufc":
        raise TypeError(f"cannot make a tensor constant from {value!r} "
                        f"(NumPy reads it as {data.dtype})")
    if not data.dtype.isnative:
        data = data.astype(data.dtype.newbyteorder("="))
    return new_constant(TensorType(data.dtype.name, data.shape), data, name)


_makers = []        # for values that are more than arrays: (test, make)


def register_maker(test, make):
    """Teach ``as_variable`` a further kind of value. Later ones are asked first."""
    _makers.insert(0, (test, make))


def as_variable(x, name=None):
    """Return ``x`` as a variable: as it is, or as a constant.

    Raises
    ------
    TypeError
        If ``x`` is neither a variable nor an array of numbers.
    """
    if isinstance(x, Variable):
        return x
    for test, make in _makers:
        if test(x):
            return make(x)
    return constant(x, name)


def is_weak(x):
    """Whether ``x`` is a Python number: its dtype yields to that of an array."""
    return type(x) in WEAK_TYPES


def scalar_like(value, dtype):
    """Make a 0-d constant of a given dtype from a Python number."""
    if KIND[dtype] in "iu" and type(value) is int:
        info = np.iinfo(dtype)
        if not info.min <= value <= info.max:
            raise OverflowError(f"the Python integer {value} does not fit into {dtype}")
    return new_constant(TensorType(dtype, ()), np.array(value, dtype=dtype))


def common_dtype(inputs):
    """Return the dtype to which variables and Python numbers promote."""
    strong = [x.type.dtype for x in inputs if isinstance(x, Variable)]
    if not strong:
        return promote(*[dtype_alone(x) for x in inputs])
    dtype = promote(*strong)
    for x in inputs:
        if type(x) in WEAK_TYPES:
            dtype = promote(dtype, dtype_beside(x, dtype))
    return dtype


def to_dtype(x, dtype):
    """Return the variable or Python number ``x`` as a variable of a given dtype."""
    if not isinstance(x, Variable):
        return scalar_like(x, dtype)
    if x.type is None or x.type.dtype == dtype:
        return x
    if isinstance(x, Constant) and x.type.ndim == 0:
        return new_constant(TensorType(dtype, ()), _cast_array(x.data, dtype))
    return cast(x, dtype=dtype)


def _cast_array(data, dtype):
    if data.dtype.kind == "c" and KIND[dtype] not in "cb":
        raise TypeError(f"cannot cast {data.dtype} to {dtype}; take real(x) or imag(x)")
    with np.errstate(all="ignore"):
        return data.astype(dtype)


# ----- elementwise ops -----

def broadcast_static(op, types):
    """Return the static shape of an elementwise result.

    Only an axis known to have size 1 broadcasts. An unknown size is taken to equal the others.

    Raises
    ------
    ValueError
        If two known sizes differ and neither is 1.
    """
    shapes = [t.shape for t in types]
    first = shapes[0]
    for shape in shapes[1:]:
        if shape != first:
            break
    else:
        return first
    ndim = max([len(shape) for shape in shapes])
    out = []
    for axis in range(-ndim, 0):
        size = 1
        for shape in shapes:
            if -axis > len(shape):
                continue
            n = shape[axis]
            if n == 1 or n == size:
                continue
            if size == 1 or size is None:
                size = n
            elif n is not None:
                raise ValueError(f"{op.name}: shapes {', '.join(map(str, shapes))} do not "
                                 f"broadcast (sizes {size} and {n} on axis {ndim + axis})")
        out.append(size)
    return tuple(out)


def _prepare_elementwise(op, inputs, params):
    if len(inputs) != 2 and inputs and "chains" in op.traits:
        inputs = _chained(op, inputs)
    if len(inputs) != op.traits["nin"]:
        raise TypeError(f"{op.name} takes {op.traits['nin']} arguments, not {len(inputs)}")
    inputs = [x if type(x) in WEAK_TYPES else as_variable(x) for x in inputs]
    for x in inputs:
        if isinstance(x, Variable) and not isinstance(x.type, TensorType):
            raise TypeError(f"{op.name} takes tensors, not {x!r} of type {x.type}")
    inputs, dtype = TYPE_RULES[op.traits["types"]](op, inputs)
    shape = broadcast_static(op, [x.type for x in inputs])
    return inputs, (TensorType(dtype, shape),)


def _chained(op, inputs):
    """Two inputs of ``op`` that stand for one or for many.

    One stands beside the trait ``chains``, the neutral element; of many, the last one stands beside
    the others combined.
    """
    if len(inputs) == 1:
        return [*inputs, op.traits["chains"]]
    inputs = [x if type(x) in WEAK_TYPES else as_variable(x) for x in inputs]
    dtype = common_dtype(inputs)
    first, *others, last = [to_dtype(x, dtype) for x in inputs]
    for x in others:
        first = op(first, x)
    return [first, last]


def _check_kind(op, dtype):
    if KIND[dtype] not in op.traits["kinds"]:
        raise TypeError(f"{op.name} is not defined for {dtype}")


def _same(op, inputs):
    """All inputs and the result in the common dtype."""
    dtype = common_dtype(inputs)
    _check_kind(op, dtype)
    return [to_dtype(x, dtype) for x in inputs], dtype


def _float(op, inputs):
    """As ``_same``, but integers are taken to a float dtype first."""
    dtype = FLOAT_OF[common_dtype(inputs)]
    _check_kind(op, dtype)
    return [to_dtype(x, dtype) for x in inputs], dtype


def _divide(op, inputs):
    """As ``_float``; the quotient of integers is float64, as in NumPy."""
    dtype = common_dtype(inputs)
    if KIND[dtype] not in "fc":
        dtype = dtype_of_quotient()
    return [to_dtype(x, dtype) for x in inputs], dtype


def _compare(op, inputs):
    """Compare in the common dtype; the result is bool."""
    return _same(op, inputs)[0], "bool"


def _float_test(op, inputs):
    """Test floats; the result is bool."""
    return _float(op, inputs)[0], "bool"


def _logical(op, inputs):
    """Truth values in, truth values out."""
    return [to_bool(x) for x in inputs], "bool"


def _where(op, inputs):
    """A condition, and two branches in their common dtype."""
    condition, *branches = inputs
    dtype = common_dtype(branches)
    return [to_bool(condition), *[to_dtype(x, dtype) for x in branches]], dtype


def _real_part(op, inputs):
    """The result is the real dtype of a complex input."""
    inputs, dtype = _same(op, inputs)
    return inputs, REAL_OF.get(dtype, dtype)


def _angle(op, inputs):
    inputs, dtype = _float(op, inputs)
    return inputs, REAL_OF.get(dtype, dtype)


def _make_complex(op, inputs):
    """Two reals make one complex."""
    dtype = FLOAT_OF[common_dtype(inputs)]
    dtype = "float32" if dtype == "float16" else dtype
    _check_kind(op, dtype)
    return [to_dtype(x, dtype) for x in inputs], COMPLEX_OF[dtype]


def to_bool(x):
    """Return ``x != 0`` as bool."""
    if not isinstance(x, Variable):
        return scalar_like(bool(x), "bool")
    return x if x.type.dtype == "bool" else cast(x, dtype="bool")


TYPE_RULES = {
    "same": _same, "float": _float, "divide": _divide, "compare": _compare,
    "float_test": _float_test, "logical": _logical, "where": _where, "real": _real_part,
    "angle": _angle, "make_complex": _make_complex,
}


def elementwise(name, expr, vjp=None, *, types="same", kinds="biufc", commutes=False,
                doc=None, **traits):
    """Make an elementwise op.

    Parameters
    ----------
    name : str
    expr : str or dict
        The C expression of one element, over ``{x}``, ``{y}``, ``{z}``; ``T`` is the dtype of the
        inputs. A dict has one expression per kind of dtype: ``?`` bool, ``i`` signed, ``u``
        unsigned, ``f`` float, ``c`` complex, and ``*`` for all others.
    vjp : callable, optional
        ``vjp(g, out, x, ...) -> (gradient of x, ...)``.
    types : str
        The type rule, a key of ``TYPE_RULES``.
    kinds : str
        NumPy's kinds of the dtypes in which it is computed.
    commutes : bool
        Whether ``op(x, y)`` is ``op(y, x)``.
    doc : str
        One line in the imperative.
    """
    sample = expr if isinstance(expr, str) else next(iter(expr.values()))
    nin = 3 if "{z}" in sample else 2 if "{y}" in sample else 1
    return Op(name, "elementwise", _prepare_elementwise, vjp=vjp, expr=expr, doc=doc,
              nin=nin, types=types, kinds=kinds, commutes=commutes, **traits)


# ----- casts -----

def _prepare_cast(op, inputs, params):
    x, = inputs
    x = as_variable(x)
    dtype = params["dtype"] = np.dtype(params["dtype"]).name
    if dtype not in KIND:
        raise TypeError(f"cast: cytensor has no dtype {dtype!r}")
    if KIND[x.type.dtype] == "c" and KIND[dtype] not in "cb":
        raise TypeError(f"cannot cast {x.type.dtype} to {dtype}; take real(x) or imag(x)")
    return [x], (x.type.with_dtype(dtype),)


def _cast_vjp(g, out, x, dtype):
    return (g if KIND[x.type.dtype] in "fc" else None,)


cast = Op("cast", "elementwise", _prepare_cast, vjp=_cast_vjp, nin=1, commutes=False,
          doc="Convert to another dtype.")


# ----- other ops -----

def structured(name, dtype, sizes, vjp=None, *, kind="structured", coerce=None, nout=1,
               doc=None, **traits):
    """Make an op that is not elementwise.

    Parameters
    ----------
    name : str
    dtype : callable
        ``dtype(*inputs, **params) -> dtype of the output`` (a tuple, where there are several).
    sizes : callable
        ``sizes(S, shapes, inputs, **params) -> shape of the output`` (a list of shapes, where
        there are several outputs). ``S`` is a ``Sizes``; ``shapes`` has one tuple of sizes per
        input. It serves twice: now, for what is known of the result's type, and when the program
        is made, for the sizes that the run will know.
    vjp : callable, optional
        ``vjp(g, out, *inputs, **params) -> (gradient of each input)``.
    coerce : callable, optional
        ``coerce(inputs, params) -> inputs``: converts inputs that are variables already.
    """
    def prepare(op, inputs, params):
        inputs = [as_variable(x) for x in inputs]
        if coerce is not None:
            inputs = coerce(inputs, params)
        dtypes = dtype(*inputs, **params)
        shapes = sizes(STATIC, [STATIC.static(x) for x in inputs], inputs, **params)
        if op.nout == 1:
            dtypes, shapes = (dtypes,), (shapes,)
        return inputs, tuple([TensorType(d, static(s)) for d, s in zip(dtypes, shapes)])

    return Op(name, kind, prepare, sizes=sizes, vjp=vjp, nout=nout, doc=doc, **traits)


def static(shape):
    """Turn sizes into the shape of a type: ints where they are known, else None."""
    return tuple([n if type(n) is int else None for n in shape])


def dtype_of(i):
    """A dtype rule: that of input ``i``."""
    return lambda *inputs, **params: inputs[i].type.dtype


def normal_axis(axis, ndim, what):
    """Return ``axis`` counted from the front, or raise as NumPy does."""
    axis = (axis.data if isinstance(axis, Constant) else axis).__index__()
    if not -ndim <= axis < ndim:
        raise np.exceptions.AxisError(f"{what}: axis {axis} is out of bounds for an array of "
                                      f"dimension {ndim}")
    return axis % ndim


def normal_axes(axis, ndim, what):
    """Return a sorted tuple of axes: all of them for None."""
    if axis is None or (isinstance(axis, Constant) and axis.data is None):
        return tuple(range(ndim))
    axes = axis if isinstance(axis, (tuple, list, range)) else (axis,)
    normal = tuple(sorted([normal_axis(a, ndim, what) for a in axes]))
    if len(set(normal)) != len(normal):
        raise ValueError(f"{what}: axis {axis} names an axis twice")
    return normal
