"""What cvxpy calls our ops: a function of cvxpy's expressions for each op that it knows.

A function takes the node and its inputs, as arrays or cvxpy's expressions. ``None`` means: not in
this form.
"""
import cvxpy as cp
import numpy as np

from cytensor._core import Apply

#: Ops that keep a polynomial's degree, and are linear in their first input or in all.
LINEAR = {"neg", "sum", "dimshuffle", "reshape", "broadcast_to", "unbroadcast", "subtensor",
          "gather", "diagonal", "cumsum", "cast", "assume_size"}
LINEAR_IN_ALL = {"add", "sub", "join"}
PRODUCTS = {"mul", "matmul"}


def _is_number(x):
    return isinstance(x, np.ndarray)


# ----- arithmetic -----

def _mul(node, x, y):
    if _is_number(x) or _is_number(y):
        return cp.multiply(x, y)
    a, b = node.inputs
    if a is b:
        return cp.square(x)
    for one, other, value in ((a, b, x), (b, a, y)):
        if _is(other, "log") and other.owner.inputs[0] is one:
            return -cp.entr(value)                      # x log x
    return None


def _true_div(node, x, y):
    if _is_number(y):
        return x / y
    return cp.multiply(x, cp.inv_pos(y)) if _is_number(x) else None


def _pow(node, x, y):
    if _is_number(y) and y.size == 1:
        return cp.power(x, float(y.reshape(())))
    if _is_number(x) and np.all(x > 0):
        return cp.exp(cp.multiply(np.log(x), y))
    return None


def _matmul(node, x, y):
    return x @ y if _is_number(x) or _is_number(y) else None


def _sqrt(node, x):
    """The root of a sum of squares is a norm, which is convex; another root is concave."""
    inside = node.inputs[0].owner
    if _is(node.inputs[0], "sum") and isinstance(x, cp.Expression):
        squared = _squared(inside.inputs[0], x.args[0])
        if squared is not None:
            return _norm(squared, inside.params["axis"], inside.params["keepdims"])
    return cp.sqrt(x)


def _squared(v, atom):
    """What a variable is the elementwise square of, as cvxpy's expression."""
    node = v.owner
    is_square = node is not None and (
        node.op.name == "sqr" or (node.op.name == "mul" and node.inputs[0] is node.inputs[1])
        or (node.op.name == "pow" and _is_two(node.inputs[1])))
    return atom.args[0] if is_square else None


def _is_two(v):
    return v.owner is None and hasattr(v, "value") and np.all(v.value == 2)


def _norm(x, axis, keepdims):
    if len(axis) == len(x.shape):
        flat = cp.norm(cp.reshape(x, (x.size,), order="C"), 2)
        return cp.reshape(flat, (1,) * len(x.shape), order="C") if keepdims else flat
    return cp.norm(x, 2, axis=axis[0], keepdims=keepdims) if len(axis) == 1 else None


def _log(node, x):
    """The log of a sum of exponentials is convex; another log is concave."""
    inside = node.inputs[0].owner
    if _is(node.inputs[0], "sum") and _is(inside.inputs[0], "exp"):
        return cp.log_sum_exp(x.args[0].args[0], axis=inside.params["axis"],
                              keepdims=inside.params["keepdims"])
    if _is(node.inputs[0], "det"):
        return None                                     # only logdet is known to be concave
    return cp.log(x)


def _is(v, name):
    return v.owner is not None and v.owner.op.name == name


# ----- shapes -----

def _dimshuffle(node, x, *, order):
    kept = [axis for axis in order if axis >= 0]
    dropped = [axis for axis in range(len(x.shape)) if axis not in kept]
    if kept + dropped != sorted(kept + dropped):
        x = cp.transpose(x, (*kept, *dropped))
        sizes = iter(x.shape)
        shape = tuple([next(sizes) if axis >= 0 else 1 for axis in order])
    else:
        shape = tuple([x.shape[axis] if axis >= 0 else 1 for axis in order])
    return cp.reshape(x, shape, order="C")


def _reshape(node, x, *dims):
    shape = [int(n) for n in dims]
    if -1 in shape:
        shape[shape.index(-1)] = x.size // -int(np.prod(shape))
    return cp.reshape(x, tuple(shape), order="C")


def _subtensor(node, x, *values, index):
    return x[tuple([_item(kind, [_number(part, values) for part in parts])
                    for kind, *parts in index])]


def _item(kind, parts):
    return parts[0] if kind == "at" else slice(*parts)


def _number(part, values):
    return int(values[part[1]]) if isinstance(part, tuple) else part


def _gather(node, x, *indices):
    return x[tuple(indices)] if len(indices) > 1 else x[indices[0]]


def _diagonal(node, x, *, offset, axis1, axis2):
    if len(x.shape) != 2:
        return None
    if axis1 > axis2:
        x = x.T
    rows = np.arange(max(-offset, 0), x.shape[0])
    rows = rows[rows + offset < x.shape[1]]
    return x[rows, rows + offset]


# ----- reductions -----

def _reduction(atom):
    def reduced(node, x, *, axis, keepdims):
        return atom(x, axis=axis, keepdims=keepdims) if axis else x
    return reduced


def _squared_deviations(node, x, *, axis):
    mean = cp.sum(x, axis=axis, keepdims=True) / np.prod([x.shape[i] for i in axis])
    return cp.sum(cp.square(x - cp.broadcast_to(mean, x.shape)), axis=axis, keepdims=True)


def _binary(atom):
    return lambda node, x, y: atom(x, y)


def _unary(atom):
    return lambda node, x: atom(x)


ATOMS = {
    "add": lambda node, x, y: x + y,
    "sub": lambda node, x, y: x - y,
    "neg": lambda node, x: -x,
    "mul": _mul,
    "true_div": _true_div,
    "reciprocal": _unary(cp.inv_pos),
    "pow": _pow,
    "sqr": _unary(cp.square),
    "sqrt": _sqrt,
    "abs": _unary(cp.abs),
    "exp": _unary(cp.exp),
    "expm1": lambda node, x: cp.exp(x) - 1,
    "log": _log,
    "log1p": _unary(cp.log1p),
    "log2": lambda node, x: cp.log(x) / np.log(2),
    "log10": lambda node, x: cp.log(x) / np.log(10),
    "softplus": _unary(cp.logistic),
    "logaddexp": lambda node, x, y: y + cp.logistic(x - y),
    "relu": _unary(cp.pos),
    "maximum": _binary(cp.maximum),
    "minimum": _binary(cp.minimum),
    "fmax": _binary(cp.maximum),
    "fmin": _binary(cp.minimum),
    "matmul": _matmul,
    "cast": lambda node, x, *, dtype: x if dtype.startswith("float") else None,
    "dimshuffle": _dimshuffle,
    "reshape": _reshape,
    "broadcast_to": lambda node, x, *dims: cp.broadcast_to(x, tuple([int(n) for n in dims])),
    "unbroadcast": lambda node, x, **axes: x,
    "assume_size": lambda node, x, *more, **params: x,
    "subtensor": _subtensor,
    "gather": _gather,
    "diagonal": _diagonal,
    "join": lambda node, *xs, axis: cp.concatenate(list(xs), axis=axis),
    "cumsum": lambda node, x, *, axis: cp.cumsum(x, axis=axis),
    "squared_deviations": _squared_deviations,
    "sum": _reduction(cp.sum),
    "max": _reduction(cp.max),
    "min": _reduction(cp.min),
    "logsumexp": _reduction(cp.log_sum_exp),
}


def atom_of(node: Apply, inputs: list) -> cp.Expression | None:
    """Write one application in cvxpy's terms; None for what it has no rule for."""
    atom = ATOMS.get(node.op.name)
    return None if atom is None else atom(node, *inputs, **node.params)
