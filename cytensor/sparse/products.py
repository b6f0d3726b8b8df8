"""Products of matrices, at least one of them sparse."""
import numpy as np

from cytensor._core import TensorType
from cytensor.cpu._sparse import csr_dot
from cytensor.ops import linear
from cytensor.ops.objects import python_op
from cytensor.ops.registry import as_variable
from cytensor.ops.views import dimshuffle_op
from cytensor.sparse.arithmetic import mul, operands
from cytensor.sparse.conversion import (
    dense_from_sparse, places, sp_ones_like, sparse_inputs, transpose)
from cytensor.sparse.type import FORMATS, SparseType
from cytensor.sparse.variable import (
    as_sparse_variable, common_dtype, is_sparse_variable, register_methods)

#: Elements of the dense operands that `sampling_dot` gathers at once.
CHUNK = 1 << 20


def _dtype(x, y):
    return common_dtype(x.type.dtype, y.type.dtype)


def _transposed(x):
    """The transpose of a matrix of either kind; a vector is taken as it is."""
    if is_sparse_variable(x):
        return transpose(x)
    return x if x.type.ndim < 2 else dimshuffle_op(x, order=(1, 0))


def _outer(x, y):
    """The product of a column and a row, from two vectors."""
    return dimshuffle_op(x, order=(0, -1)) * dimshuffle_op(y, order=(-1, 0))


# ----- dot: dense results, dense gradients -----

def _dot(inputs, params):
    found = multiply(*inputs)
    return [found if isinstance(found, np.ndarray) else found.toarray()]


def multiply(x, y):
    """Multiply two matrices of NumPy's or SciPy's: a csr and a dense one by our own kernel."""
    if isinstance(y, np.ndarray) and x.format == "csr" and x.shape[1] == len(y):
        data, indices, indptr = x.data, x.indices, x.indptr
        if data.dtype == y.dtype and data.dtype.char in "fd" and indices.dtype == indptr.dtype:
            return csr_dot(data, indices, indptr, y)
    return x @ y


def _product_type(x, y):
    axes = [v.type.ndim for v in (x, y)]
    if min(axes) < 1 or max(axes) > 2:
        raise TypeError(f"dot: a sparse matrix is multiplied by vectors and matrices, not by "
                        f"{x.type if axes[0] in (0, 3) else y.type}")
    return TensorType(_dtype(x, y), (*_outer_size(x, 0), *_outer_size(y, -1)))


def _outer_size(x, axis):
    """The size of the axis that is not summed over, as far as it is known; () for a vector."""
    if is_sparse_variable(x):
        return (None,)
    return (x.type.shape[axis],) if x.type.ndim == 2 else ()


def _dot_vjp(g, out, x, y):
    if y.type.ndim == 1:
        return _outer(g, y), _product(_transposed(x), g)
    if x.type.ndim == 1:
        return _product(y, g), _outer(x, g)
    return _product(g, _transposed(y)), _product(_transposed(x), g)


def _product(x, y):
    if is_sparse_variable(x) or is_sparse_variable(y):
        return dot_op(x, y)
    return linear.dot(x, y)


dot_op = python_op("sparse_dot", _dot, _product_type, vjp=_dot_vjp)


def dot(x, y):
    """Multiply two matrices, at least one of them sparse, or one by a vector.

    Parameters
    ----------
    x, y : sparse or dense

    Returns
    -------
    Variable, dense

    Notes
    -----
    The gradient with respect to a sparse matrix is that with respect to all its elements: dense.
    With `structured_dot` it is that with respect to what is stored.

    Examples
    --------
    >>> from scipy import sparse
    >>> dot(sparse.eye(2, format="csr"), [[1.0, 2.0], [3.0, 4.0]]).eval()
    array([[1., 2.],
           [3., 4.]])
    """
    return dot_op(*operands(x, y, "dot"))


# ----- true_dot: a sparse result -----

def _sparse_dot(inputs, params):
    x, y = inputs
    return [FORMATS[params["format"]](x @ y)]


def _true_dot_vjp(g, out, x, y, *, format):
    return _like(x, true_dot(g, _transposed(y))), _like(y, true_dot(_transposed(x), g))


def _like(x, g):
    """The gradient of ``x``, dense if that is."""
    return g if is_sparse_variable(x) else dense_from_sparse(g, structured=False)


true_dot_op = python_op(
    "sparse_true_dot", _sparse_dot, lambda x, y, format: SparseType(format, _dtype(x, y)),
    vjp=_true_dot_vjp)


def true_dot(x, y, grad_preserves_dense=True):
    """Multiply two matrices, at least one of them sparse; the product is sparse.

    Parameters
    ----------
    x, y : sparse or dense matrix
    grad_preserves_dense : bool
        Accepted for Theano's sake: gradients are of the kind of their variables.

    Returns
    -------
    Variable, sparse
    """
    x, y = operands(x, y, "true_dot")
    first = x if is_sparse_variable(x) else y
    return true_dot_op(x, y, format=first.type.format)


# ----- structured_dot: gradients where something is stored -----

def _structured_vjp(g, out, x, y):
    if is_sparse_variable(y):
        to_x = mul(true_dot(g, transpose(y)), sp_ones_like(x))
        return to_x, mul(true_dot(transpose(x), g), sp_ones_like(y))
    if y.type.ndim == 1:
        columns = [dimshuffle_op(v, order=(0, -1)) for v in (g, y)]
        return sampling_dot(*columns, sp_ones_like(x)), structured_dot(transpose(x), g)
    return sampling_dot(g, y, sp_ones_like(x)), structured_dot(transpose(x), g)


def _structured_type(x, y):
    if is_sparse_variable(y):
        return SparseType(x.type.format, _dtype(x, y))
    return _product_type(x, y)


def _structured(inputs, params):
    found = multiply(*inputs)
    return [found if isinstance(found, np.ndarray) else found.asformat(inputs[0].format)]


structured_dot_op = python_op(
    "structured_dot", _structured, _structured_type, vjp=_structured_vjp, coerce=sparse_inputs(1))


def structured_dot(x, y):
    """Multiply two matrices; the gradient of a sparse one is where it stores something.

    Parameters
    ----------
    x, y : sparse or dense, at least one of them sparse

    Returns
    -------
    Variable
        Sparse if both are, else dense.
    """
    x, y = operands(x, y, "structured_dot")
    if is_sparse_variable(x):
        return structured_dot_op(x, y)
    return _transposed(structured_dot_op(transpose(y), _transposed(x)))


# ----- sampling_dot: a few elements of a dense product -----

def _sampling(inputs, params):
    x, y, p = inputs
    rows, columns = places(p)
    data = np.empty(len(rows), np.result_type(x, y, p.dtype))
    step = max(CHUNK // max(x.shape[1], 1), 1)
    for start in range(0, len(rows), step):
        part = slice(start, start + step)
        data[part] = np.einsum("ij,ij->i", x[rows[part]], y[columns[part]])
    data *= p.data
    return [FORMATS[p.format]((data, p.indices, p.indptr), shape=p.shape, copy=True)]


def _sampling_vjp(g, out, x, y, p):
    weights = mul(p, g)
    samples = sampling_dot(x, y, sp_ones_like(p))
    return structured_dot(weights, y), structured_dot(transpose(weights), x), mul(samples, g)


sampling_op = python_op(
    "sampling_dot", _sampling,
    lambda x, y, p: SparseType(p.type.format, common_dtype(*[v.type.dtype for v in (x, y, p)])),
    vjp=_sampling_vjp,
    coerce=lambda inputs, params: [*map(as_variable, inputs[:2]), as_sparse_variable(inputs[2])])


def sampling_dot(x, y, p):
    """Return ``p * dot(x, y.T)``, computing only what ``p`` stores.

    Parameters
    ----------
    x : dense, shape (m, k)
    y : dense, shape (n, k)
    p : sparse, shape (m, n)

    Returns
    -------
    Variable, sparse
    """
    return sampling_op(x, y, p)


def usmm(alpha, x, y, z):
    """Return ``alpha * dot(x, y) + z``.

    Parameters
    ----------
    alpha : scalar
    x, y : sparse or dense matrix, at least one of them sparse
    z : dense matrix
    """
    return as_variable(alpha) * dot(x, y) + z


register_methods(structured_dot=structured_dot)
