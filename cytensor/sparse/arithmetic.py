"""Sums, products and comparisons of sparse matrices, element by element, and sums along axes."""
import operator

import numpy as np
from scipy import sparse

from cytensor._core import TensorType
from cytensor.ops import reduce
from cytensor.ops.objects import python_op
from cytensor.ops.registry import as_variable, is_weak, scalar_like, to_dtype
from cytensor.ops.views import dimshuffle_op, spread
from cytensor.sparse.conversion import (
    as_format, csm_data, csm_shape, dense_from_sparse, places, same_type, sp_ones_like,
    sparse_inputs)
from cytensor.sparse.type import FORMATS, SparseType
from cytensor.sparse.variable import (
    as_sparse_variable, common_dtype, is_sparse, is_sparse_variable, register_methods)


def operands(x, y, what):
    """Return two operands as variables, at least one of which is sparse.

    A Python number becomes a constant of the dtype that it has beside the other operand.
    """
    if not (is_sparse(x) or is_sparse(y)):
        raise TypeError(f"{what}: one operand is a sparse matrix, not {type(x).__name__} and "
                        f"{type(y).__name__}")
    return _beside(x, y), _beside(y, x)


def _beside(x, other):
    if not is_weak(x):
        return as_variable(x)
    dtype = np.result_type(x, np.empty(0, as_sparse_variable(other).type.dtype)).name
    return scalar_like(x, dtype)


def _promoted(x, y):
    return SparseType(x.type.format, common_dtype(x.type.dtype, y.type.dtype))


# ----- neg -----

neg_op = python_op("sparse_neg", lambda inputs, params: [-inputs[0]], same_type,
                   vjp=lambda g, out, x: (neg(g),), coerce=sparse_inputs(1))


def neg(x):
    """Return a sparse matrix with all signs changed."""
    return neg_op(x)


# ----- add -----

add_s_s_op = python_op(
    "sparse_add", lambda inputs, params: [(inputs[0] + inputs[1]).asformat(inputs[0].format)],
    _promoted, vjp=lambda g, out, x, y: (g, g), coerce=sparse_inputs(2))

add_s_s_data_op = python_op(
    "sparse_add_data", lambda inputs, params: [_with_new_data(
        inputs[0], inputs[0].data + inputs[1].data)],
    _promoted, vjp=lambda g, out, x, y: (g, g), coerce=sparse_inputs(2))


def _with_new_data(x, data):
    """A matrix of SciPy's with the places of ``x`` and other elements."""
    return FORMATS[x.format]((data, x.indices, x.indptr), shape=x.shape, copy=True)


def add(x, y):
    """Add two matrices.

    Parameters
    ----------
    x, y : sparse or dense, at least one of them sparse
        A dense one may also be a number or a row, and is broadcast.

    Returns
    -------
    Variable
        Sparse if both are, else dense.

    Examples
    --------
    >>> from scipy import sparse
    >>> (add(sparse.eye(2, format="csr"), sparse.eye(2, format="csr"))).eval().toarray()
    array([[2., 0.],
           [0., 2.]])
    """
    x, y = operands(x, y, "add")
    if is_sparse_variable(x) and is_sparse_variable(y):
        return add_s_s_op(x, y)
    x, y = [dense_from_sparse(v) if is_sparse_variable(v) else v for v in (x, y)]
    return x + y


def sub(x, y):
    """Subtract one matrix from another; see ``add``."""
    x, y = operands(x, y, "sub")
    if is_sparse_variable(x) and is_sparse_variable(y):
        return add_s_s_op(x, neg(y))
    x, y = [dense_from_sparse(v) if is_sparse_variable(v) else v for v in (x, y)]
    return x - y


def add_s_s(x, y):
    """Add two sparse matrices."""
    return add_s_s_op(x, y)


def add_s_s_data(x, y):
    """Add two sparse matrices that store the same places."""
    return add_s_s_data_op(x, y)


def add_s_d(x, y):
    """Add a sparse and a dense matrix."""
    return add(x, y)


# ----- mul -----

mul_s_s_op = python_op(
    "sparse_mul", lambda inputs, params: [inputs[0].multiply(inputs[1]).asformat(inputs[0].format)],
    _promoted, vjp=lambda g, out, x, y: (mul(y, g), mul(x, g)), coerce=sparse_inputs(2))


def _mul_dense(inputs, params):
    x, y = inputs
    values = np.broadcast_to(y, x.shape)[places(x)] if y.ndim else y
    return [_with_new_data(x, x.data * values)]


def _mul_dense_vjp(g, out, x, y):
    product = mul_s_s_op(x, g)
    if y.type.ndim == 0:
        return mul(g, y), csm_data(product).sum()
    if y.type.ndim == 1:
        return mul(g, y), sp_sum(product, axis=0)
    dense = dense_from_sparse(product)
    for axis, size in enumerate(y.type.shape):
        if size == 1:
            dense = reduce.sum(dense, axis=axis, keepdims=True)
    return mul(g, y), dense


def _dense_factor(inputs, params):
    x, y = as_sparse_variable(inputs[0]), as_variable(inputs[1])
    if y.type.ndim > 2:
        raise TypeError(f"a sparse matrix is multiplied by at most 2-d arrays, not {y.type}")
    if x.type.format == "bsr":
        x = as_format(x, SparseType("csr", x.type.dtype))
    return [x, y]


mul_s_d_op = python_op("sparse_mul_dense", _mul_dense, _promoted, vjp=_mul_dense_vjp,
                       coerce=_dense_factor)


def mul(x, y):
    """Multiply two matrices element by element.

    Parameters
    ----------
    x, y : sparse or dense, at least one of them sparse
        A dense one may also be a number or a row, and is broadcast.

    Returns
    -------
    Variable
        Sparse.
    """
    x, y = operands(x, y, "mul")
    if not is_sparse_variable(x):
        x, y = y, x
    return mul_s_s_op(x, y) if is_sparse_variable(y) else mul_s_d_op(x, y)


def mul_s_s(x, y):
    """Multiply two sparse matrices element by element."""
    return mul_s_s_op(x, y)


def mul_s_d(x, y):
    """Multiply a sparse matrix by a dense one, element by element."""
    return mul_s_d_op(x, y)


def mul_s_v(x, y):
    """Multiply each row of a sparse matrix by a vector, element by element."""
    return mul_s_d_op(x, y)


def col_scale(x, s):
    """Multiply each column of a sparse matrix by an element of the vector ``s``."""
    return mul_s_d_op(x, s)


def row_scale(x, s):
    """Multiply each row of a sparse matrix by an element of the vector ``s``."""
    return mul_s_d_op(x, dimshuffle_op(as_variable(s), order=(0, -1)))


# ----- add a row where something is stored -----

def _structured_add_v(inputs, params):
    x, y = inputs
    return [_with_new_data(x, x.data + y[places(x)[1]])]


structured_add_s_v_op = python_op(
    "structured_add_s_v", _structured_add_v, _promoted,
    vjp=lambda g, out, x, y: (g, sp_sum(mul(sp_ones_like(x), g), axis=0)),
    coerce=sparse_inputs(1))


def structured_add_s_v(x, y):
    """Add a vector to each row of a sparse matrix, where it stores something."""
    return structured_add_s_v_op(x, y)


# ----- sums -----

def _sum(inputs, params):
    x, axis = inputs[0], params["axis"]
    return [np.asarray(x.sum(axis=axis, dtype=x.dtype)).reshape([] if axis is None else [-1])]


def _sum_vjp(g, out, x, *, axis, sparse_grad):
    if sparse_grad:
        rows = g if axis != 1 else dimshuffle_op(g, order=(0, -1))
        return mul(sp_ones_like(x), rows),
    rows, columns = [csm_shape(x)[i] for i in (0, 1)]
    order = {None: (-1, -1), 0: (-1, 0), 1: (0, -1)}[axis]
    return spread(dimshuffle_op(g, order=order), (to_dtype(rows, "int64"),
                                                  to_dtype(columns, "int64"))),


sum_op = python_op(
    "sparse_sum", _sum,
    lambda x, axis, sparse_grad: TensorType(x.type.dtype, () if axis is None else (None,)),
    vjp=_sum_vjp, coerce=sparse_inputs(1))


def sp_sum(x, axis=None, sparse_grad=False):
    """Return the sum of all elements of a sparse matrix, or of its rows or columns.

    Parameters
    ----------
    x : sparse variable
    axis : {None, 0, 1}
    sparse_grad : bool
        Whether the gradient has the places of ``x`` only. By default it has all, as the sum
        depends on elements that happen to be 0.

    Returns
    -------
    Variable, dense
    """
    if axis not in (None, 0, 1, -1, -2):
        raise ValueError(f"sp_sum: axis is None, 0 or 1, not {axis!r}")
    axis = None if axis is None else axis % 2
    return sum_op(x, axis=axis, sparse_grad=sparse_grad)


# ----- comparisons -----

def _comparison(name, symbol, mirrored):
    compare = getattr(operator, symbol)

    def perform(inputs, params):
        x, y = inputs
        found = compare(x, y)
        if sparse.issparse(y):
            return [found.astype(bool).asformat(x.format)]
        return [np.asarray(found.toarray() if sparse.issparse(found) else found)]

    def types(x, y):
        if is_sparse_variable(y):
            return SparseType(x.type.format, "bool")
        return TensorType("bool", (None, None))

    op = python_op(f"sparse_{name}", perform, types, coerce=sparse_inputs(1))

    def function(x, y):
        x, y = operands(x, y, name)
        return op(x, y) if is_sparse_variable(x) else _OPS[mirrored](y, x)

    _OPS[name] = op
    function.__name__ = function.__qualname__ = name
    function.__doc__ = (f"Return where ``x {name} y`` holds: sparse if both are, else dense.")
    return function


_OPS = {}
eq = _comparison("eq", "eq", "eq")
neq = _comparison("neq", "ne", "neq")
lt = _comparison("lt", "lt", "gt")
gt = _comparison("gt", "gt", "lt")
le = _comparison("le", "le", "ge")
ge = _comparison("ge", "ge", "le")


register_methods(add=add, sub=sub, mul=mul, neg=neg, lt=lt, gt=gt, le=le, ge=ge, sp_sum=sp_sum)
