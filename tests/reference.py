"""The naive twin: run a graph node by node with NumPy and SciPy. Tests compare with it.

Nothing here is shared with the kernels: no scalar expression, no fused loop, no plan. An op is
looked up by its name; one that is a composite of others is expanded.
"""
import numpy as np
from conv_reference import CONVOLUTION
from linalg_reference import FOURIER, LINALG
from scipy import special

from cytensor._core import Constant, TensorType, toposort
from cytensor.ops.control import split_branches
from cytensor.ops.custom import CustomOp


def evaluate(outputs, feed=None):
    """Return the arrays that ``outputs`` stand for.

    Parameters
    ----------
    outputs : Variable or sequence of Variable
    feed : dict of Variable to array_like
        Values of the inputs; they are converted to the dtype of the variable.

    Returns
    -------
    ndarray or list of ndarray
    """
    wanted = list(outputs) if isinstance(outputs, (list, tuple)) else [outputs]
    values = {x: np.asarray(value, x.type.dtype) for x, value in (feed or {}).items()}
    with np.errstate(all="ignore"):
        for node in toposort(wanted, values):
            _run(node, values)
        results = [_value(x, values) for x in wanted]
    return results if isinstance(outputs, (list, tuple)) else results[0]


def _value(x, values):
    if x in values:
        return values[x]
    if isinstance(x, Constant):
        return x.data
    if x.owner is None and getattr(x, "get_value", None):
        return np.asarray(x.get_value())
    raise KeyError(f"no value is given for {x!r}")


def _run(node, values):
    inputs = [_value(x, values) for x in node.inputs]
    name, kind = node.op.name, node.op.kind
    if kind == "elementwise":
        found = [_elementwise(node, inputs)]
    elif name in STRUCTURED:
        found = STRUCTURED[name](*inputs, **node.params)
        found = [found] if node.op.nout == 1 else found
    elif kind == "ifelse":
        branches = split_branches(inputs[1:])
        found = branches[0 if inputs[0] else 1]
    elif isinstance(node.op, CustomOp):
        cells = [[None] for _ in node.outputs]
        node.op.perform(node, inputs, cells)
        found = [cell[0] for cell in cells]
    elif kind == "composite":
        found = _expanded(node, inputs)
    elif "perform" in node.op.traits:
        found = node.op.traits["perform"](inputs, node.params)
    else:
        raise NotImplementedError(f"the reference has no {kind} op {name!r}")
    for out, value in zip(node.outputs, found):
        values.setdefault(out, _checked(out, value))


def _checked(out, value):
    """A graph says what type a value has: hold it to that."""
    if not isinstance(out.type, TensorType):
        return value
    value = np.asarray(value)
    assert value.dtype == out.type.dtype, f"{out!r} should be {out.type}, not {value.dtype}"
    assert value.ndim == out.type.ndim and all(
        want in (None, n) for n, want in zip(value.shape, out.type.shape)), \
        f"{out!r} should have the shape {out.type.shape}, not {value.shape}"
    return value


def _expanded(node, inputs):
    expansion = node.op.traits["expand"](*node.inputs, **node.params)
    outputs = list(expansion) if isinstance(expansion, (list, tuple)) else [expansion]
    return evaluate(outputs, dict(zip(node.inputs, inputs)))


# ----- elementwise ops -----

def _elementwise(node, inputs):
    dtype = node.outputs[0].type.dtype
    if node.op.name == "cast":
        return inputs[0].astype(dtype)
    _check_sizes(node, inputs)
    return np.asarray(ELEMENTWISE[node.op.name](*inputs)).astype(dtype, copy=False)


def _check_sizes(node, inputs):
    """Only an axis that is known to have size 1 broadcasts."""
    ndim = node.outputs[0].type.ndim
    for axis in range(-ndim, 0):
        sizes = {value.shape[axis] for x, value in zip(node.inputs, inputs)
                 if x.type.ndim >= -axis and x.type.shape[axis] != 1}
        if len(sizes) > 1:
            raise ValueError(f"{node.op.name}: sizes {sorted(sizes)} on axis {ndim + axis}")


def _widened(function):
    """SciPy's functions know no float16, and some take a complex number for granted."""
    def run(*inputs):
        if inputs[0].dtype == np.float16:
            inputs = [x.astype("float32") for x in inputs]
        return function(*inputs)
    return run


def _angle(z):
    return np.where(np.isnan(z), z, np.angle(z)) if z.dtype.kind == "f" else np.angle(z)


def _make_complex(x, y):
    z = np.empty(np.broadcast_shapes(x.shape, y.shape), np.result_type(x.dtype, np.complex64))
    z.real, z.imag = x, y
    return z


def _log1mexp(x):
    return np.where(x > -np.log(2), np.log(-np.expm1(x)), np.log1p(-np.exp(x)))


def _round_half_away(x):
    if x.dtype.kind != "f":
        return x
    whole = np.trunc(x)
    return whole + np.sign(x) * (np.abs(x - whole) >= 0.5)


def _ultra_fast_sigmoid(x):
    half = np.abs(x) * 0.5
    z = np.where(half < 1.7, 1.5 * half / (1 + half), 0.935409070603099
                 + 0.0458812946797165 * (half - 1.7))
    return 0.5 * (1 + np.sign(x) * np.where(half < 3, z, 0.99505475368673))


def _power(x, y):
    if x.dtype.kind == "i":
        return np.where(y < 0, 0, np.power(x, np.maximum(y, 0)))
    return np.power(x, y)


ELEMENTWISE = {
    "add": np.add, "sub": np.subtract, "mul": np.multiply, "true_div": np.divide,
    "floor_div": np.floor_divide, "mod": np.mod, "neg": np.negative, "abs": np.abs,
    "sgn": lambda x: x if x.dtype == bool else np.sign(x), "sqr": lambda x: x * x,
    "sqrt": np.sqrt, "reciprocal": lambda x: 1 / x, "cbrt": np.cbrt, "pow": _power,
    "rsqrt": lambda x: 1 / np.sqrt(x),
    "hypot": np.hypot,
    "exp": np.exp, "exp2": np.exp2, "expm1": np.expm1, "log": np.log, "log2": np.log2,
    "log10": np.log10, "log1p": np.log1p, "log1mexp": _log1mexp, "logaddexp": np.logaddexp,
    "sin": np.sin, "cos": np.cos, "tan": np.tan, "arcsin": np.arcsin, "arccos": np.arccos,
    "arctan": np.arctan, "arctan2": np.arctan2, "sinh": np.sinh, "cosh": np.cosh,
    "tanh": np.tanh, "arcsinh": np.arcsinh, "arccosh": np.arccosh, "arctanh": np.arctanh,
    "deg2rad": np.deg2rad, "rad2deg": np.rad2deg,
    "ceil": np.ceil, "floor": np.floor, "trunc": np.trunc, "round_half_to_even": np.rint,
    "round_half_away_from_zero": _round_half_away,
    "eq": np.equal, "neq": np.not_equal, "lt": np.less, "le": np.less_equal, "gt": np.greater,
    "ge": np.greater_equal, "isnan": np.isnan, "isinf": np.isinf, "isfinite": np.isfinite,
    "switch": np.where, "maximum": np.maximum, "minimum": np.minimum, "fmax": np.fmax,
    "fmin": np.fmin, "clip": lambda x, low, high: np.minimum(np.maximum(x, low), high),
    "and_": np.bitwise_and, "or_": np.bitwise_or, "xor": np.bitwise_xor, "invert": np.invert,
    "left_shift": np.left_shift, "right_shift": np.right_shift,
    "logical_and": np.logical_and, "logical_or": np.logical_or, "logical_xor": np.logical_xor,
    "logical_not": np.logical_not,
    "sigmoid": _widened(special.expit),
    "hard_sigmoid": lambda x: np.clip(x * 0.2 + 0.5, 0, 1),
    "ultra_fast_sigmoid": _ultra_fast_sigmoid,
    "softplus": lambda x: np.logaddexp(np.zeros((), x.dtype), x),
    "relu": lambda x: np.maximum(x, np.zeros((), x.dtype)),
    "erf": _widened(special.erf), "erfc": _widened(special.erfc),
    "erfinv": _widened(special.erfinv), "erfcinv": _widened(special.erfcinv),
    "erfcx": _widened(special.erfcx), "gamma": _widened(special.gamma),
    "gammaln": _widened(special.gammaln), "psi": _widened(special.psi),
    "tri_gamma": _widened(lambda x: special.polygamma(1, x)),
    "polygamma": _widened(special.polygamma),
    "chi2sf": _widened(lambda x, k: special.chdtrc(k, x)),
    "gammainc": _widened(special.gammainc), "gammaincc": _widened(special.gammaincc),
    "gammal": _widened(lambda k, x: special.gammainc(k, x) * special.gamma(k)),
    "gammau": _widened(lambda k, x: special.gammaincc(k, x) * special.gamma(k)),
    "j0": _widened(special.j0), "j1": _widened(special.j1), "jv": _widened(special.jv),
    "i0": _widened(special.i0), "i1": _widened(special.i1), "iv": _widened(special.iv),
    "real": np.real, "imag": np.imag, "conj": np.conj, "angle": _angle,
    "make_complex": _make_complex,
}


# ----- the other canonical ops -----

def _reduce(function):
    def run(x, *, axis, keepdims):
        return function(x, axis=tuple(axis), keepdims=keepdims).astype(x.dtype)
    return run


def _dimshuffle(x, *, order):
    kept = [axis for axis in order if axis >= 0]
    dropped = [axis for axis in range(x.ndim) if axis not in kept]
    assert all(x.shape[axis] == 1 for axis in dropped), "a dropped axis has size 1"
    shuffled = np.squeeze(x, tuple(dropped)).transpose(np.argsort(np.argsort(kept)))
    return shuffled[tuple(np.newaxis if axis < 0 else slice(None) for axis in order)]


def _reshape(x, *dims):
    return x.reshape([int(n) for n in dims])


def _broadcast_to(x, *dims):
    return np.broadcast_to(x, [int(n) for n in dims])


def _index(index, values):
    """The tuple that NumPy takes, from an index of the graph and its values."""
    def number(item):
        return int(values[item[1]]) if isinstance(item, tuple) else item

    return tuple(number(item[1]) if item[0] == "at" else slice(*map(number, item[1:]))
                 for item in index)


def _subtensor(x, *values, index):
    return x[_index(index, values)]


def _inc_subtensor(x, y, *values, index, set):
    out = x.copy()
    where = _index(index, values)
    out[where] = y if set else out[where] + y
    return out


def _scatter(function):
    def run(x, y, *indices):
        out = x.copy()
        shape = np.broadcast_shapes(*[i.shape for i in indices]) + x.shape[len(indices):]
        indices = np.broadcast_arrays(*indices)
        function(out, tuple(indices), np.broadcast_to(y, shape))
        return out
    return run


def _scatter_set(out, indices, y):
    for place in np.ndindex(indices[0].shape):          # in C order: the last one wins
        out[tuple(i[place] for i in indices)] = y[place]


def _pick(x, i):
    return np.take_along_axis(x, i[..., None], -1)[..., 0]


def _unpick(g, i, n):
    out = np.zeros((*g.shape, int(n)), g.dtype)
    np.put_along_axis(out, i[..., None], g[..., None], -1)
    return out


def _gemm(c, a, b, alpha, beta):
    return (beta * c + alpha * (a @ b)).astype(c.dtype)


def _nonzero_count(x, *sizes):
    if sizes and x.shape != tuple(map(int, sizes)):
        raise IndexError(f"a mask of shape {x.shape} for axes of sizes {sizes}")
    return np.int64(np.count_nonzero(x))


def _recurrence(a, b, *, axis):
    a, b = np.moveaxis(a, axis, 0), np.moveaxis(b, axis, 0)
    out, before = np.empty_like(b), np.zeros(b.shape[1:], b.dtype)
    for k in range(len(b)):
        out[k] = before = a[k] * before + b[k]
    return np.moveaxis(out, 0, axis)


STRUCTURED = {
    "sum": _reduce(np.sum), "prod": _reduce(np.prod), "max": _reduce(np.max),
    "min": _reduce(np.min), "all": _reduce(np.all), "any": _reduce(np.any),
    "dimshuffle": _dimshuffle, "reshape": _reshape, "broadcast_to": _broadcast_to,
    "unbroadcast": lambda x, *, axes: x,
    "assume_size": lambda x, n, *, axis: x,
    "subtensor": _subtensor, "inc_subtensor": _inc_subtensor,
    "diagonal": lambda x, *, offset, axis1, axis2: np.diagonal(x, offset, axis1, axis2),
    "shape_i": lambda x, *, axis: np.int64(x.shape[axis]),
    "iota": lambda n, *, dtype: np.arange(int(n)).astype(dtype),
    "pick": _pick, "unpick": _unpick,
    "matmul": np.matmul, "gemm": _gemm,
    "gather": lambda x, *indices: x[tuple(indices)],
    "scatter_set": _scatter(_scatter_set), "scatter_add": _scatter(np.add.at),
    "join": lambda *xs, axis: np.concatenate(xs, axis),
    "argmax": lambda x, *, axis: np.argmax(x, axis),
    "argmin": lambda x, *, axis: np.argmin(x, axis),
    "cumsum": lambda x, *, axis: np.cumsum(x, axis, x.dtype),
    "cumprod": lambda x, *, axis: np.cumprod(x, axis, x.dtype),
    "recurrence": _recurrence,
    "nonzero_count": _nonzero_count,
    "nonzero": lambda x, n: np.array(np.nonzero(x), np.int64).reshape(x.ndim, int(n)),
    **CONVOLUTION, **LINALG, **FOURIER,
}
