"""Sparse matrices from and to what they consist of, dense arrays, other formats and dtypes."""
import numpy as np

from cytensor._core import TensorType
from cytensor.ops.objects import python_op
from cytensor.ops.registry import as_variable, to_dtype
from cytensor.ops.views import as_tensor_variable, padded_left
from cytensor.ops.generate import ones_like
from cytensor.sparse.type import FORMATS, SparseType
from cytensor.sparse.variable import (
    as_sparse_variable, is_dense_variable, is_sparse_variable, register_methods)

_VECTOR = TensorType("int32", (None,))


def sparse_inputs(count):
    """Return a function that takes the first inputs of an op as sparse, and others as they are."""
    def coerce(inputs, params):
        return [as_sparse_variable(x) if i < count else as_variable(x)
                for i, x in enumerate(inputs)]
    return coerce


def same_type(x, *inputs, **params):
    """The type rule of ops whose result is like their first input."""
    return x.type


# ----- parts -----

def _parts(inputs, params):
    x, = inputs
    return [x.data.copy(), x.indices.astype("int32"), x.indptr.astype("int32"),
            np.array(x.shape, "int32")]


def _parts_vjp(g, out, x):
    return csm_op(g[0], *csm_properties_op(x)[1:], format=x.type.format),


csm_properties_op = python_op(
    "csm_properties", _parts,
    lambda x: (TensorType(x.type.dtype, (None,)), _VECTOR, _VECTOR, TensorType("int32", (2,))),
    vjp=_parts_vjp, nout=4, coerce=sparse_inputs(1),
    doc="The data, indices, indptr and shape of a compressed sparse matrix.")


def csm_properties(x):
    """Return what a sparse matrix consists of.

    Parameters
    ----------
    x : sparse variable, csr or csc

    Returns
    -------
    list of Variable
        The stored elements; their int32 places within rows (csr) or columns (csc); where each row
        or column begins; and the two sizes.
    """
    x = as_sparse_variable(x)
    if x.owner is not None and x.owner.op is csm_op:
        return list(x.owner.inputs)
    return csm_properties_op(x)


def csm_data(x):
    """Return the stored elements of a sparse matrix; see ``csm_properties``."""
    return csm_properties(x)[0]


def csm_indices(x):
    """Return the places of the stored elements; see ``csm_properties``."""
    return csm_properties(x)[1]


def csm_indptr(x):
    """Return where rows or columns begin; see ``csm_properties``."""
    return csm_properties(x)[2]


def csm_shape(x):
    """Return the two sizes of a sparse matrix, as an int32 vector."""
    return csm_properties(x)[3]


def shape(x):
    """Return the two sizes of a sparse matrix, as an int64 vector."""
    return to_dtype(csm_shape(x), "int64")


def _build(inputs, params):
    data, indices, indptr, sizes = inputs
    return [FORMATS[params["format"]]((data, indices, indptr), shape=tuple(sizes.tolist()),
                                      copy=True)]


def _csm_inputs(inputs, params):
    data, *places = [as_tensor_variable(x) for x in inputs]
    for x in (data, *places):
        if x.type.ndim != 1:
            raise TypeError(f"a sparse matrix consists of vectors, not of {x!r} of type {x.type}")
    return [data, *[to_dtype(x, "int32") for x in places]]


def _csm_vjp(g, out, data, indices, indptr, sizes, *, format):
    return values_at_op(g, out), None, None, None


csm_op = python_op(
    "csm", _build, lambda data, *places, format: SparseType(format, data.type.dtype),
    vjp=_csm_vjp, coerce=_csm_inputs, doc="A sparse matrix from what it consists of.")


def CSR(data, indices, indptr, shape):
    """Return the csr matrix that consists of these vectors; see ``csm_properties``.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> x = T.dvector("x")
    >>> CSR(x, [0, 1], [0, 1, 2], [2, 2]).eval({x: [3, 4]}).toarray()
    array([[3., 0.],
           [0., 4.]])
    """
    return csm_op(data, indices, indptr, shape, format="csr")


def CSC(data, indices, indptr, shape):
    """Return the csc matrix that consists of these vectors; see ``csm_properties``."""
    return csm_op(data, indices, indptr, shape, format="csc")


def with_data(x, data):
    """Return a sparse matrix with the places of ``x`` and other elements."""
    return csm_op(data, *csm_properties(x)[1:], format=x.type.format)


def _values_at(inputs, params):
    x, pattern = inputs
    same = (x.format == pattern.format and x.nnz == pattern.nnz
            and np.array_equal(x.indptr, pattern.indptr)
            and np.array_equal(x.indices, pattern.indices))
    if same:
        return [x.data.copy()]
    rows, columns = places(pattern)
    return [np.asarray(x[rows, columns]).ravel()]


def places(x):
    """Return the rows and the columns of the stored elements of a matrix, in their order."""
    major = np.repeat(np.arange(len(x.indptr) - 1), np.diff(x.indptr))
    return (major, x.indices) if x.format == "csr" else (x.indices, major)


values_at_op = python_op(
    "sparse_values_at", _values_at, lambda x, pattern: TensorType(x.type.dtype, (None,)),
    vjp=lambda g, out, x, pattern: (with_data(pattern, g), None), coerce=sparse_inputs(2),
    doc="The elements of a matrix at the places of the stored elements of another.")


# ----- dense -----

def _to_dense_vjp(g, out, x, *, structured):
    if not structured:
        return from_dense_op(g, format=x.type.format),
    from cytensor.sparse.arithmetic import mul
    return mul(sp_ones_like(x), g),


dense_from_sparse_op = python_op(
    "dense_from_sparse", lambda inputs, params: [inputs[0].toarray()],
    lambda x, structured: TensorType(x.type.dtype, (None, None)),
    vjp=_to_dense_vjp, coerce=sparse_inputs(1))


def dense_from_sparse(x, structured=True):
    """Return a sparse matrix as a dense one.

    Parameters
    ----------
    x : sparse variable
    structured : bool
        Whether the gradient with respect to ``x`` has its places, or all.
    """
    return dense_from_sparse_op(x, structured=structured)


from_dense_op = python_op(
    "sparse_from_dense", lambda inputs, params: [FORMATS[params["format"]](inputs[0])],
    lambda x, format: SparseType(format, x.type.dtype),
    vjp=lambda g, out, x, format: (dense_from_sparse(g, structured=False),),
    coerce=lambda inputs, params: [_matrix(inputs[0])])


def _matrix(x):
    x = as_tensor_variable(x)
    if x.type.ndim > 2:
        raise TypeError(f"only a matrix can become sparse, not {x!r} of type {x.type}")
    return padded_left(x, 2)


def csr_from_dense(x):
    """Return a dense matrix as a sparse one in csr format; zeros are not stored.

    A vector or a number becomes a matrix of one row.
    """
    return from_dense_op(x, format="csr")


def csc_from_dense(x):
    """Return a dense matrix as a sparse one in csc format; zeros are not stored."""
    return from_dense_op(x, format="csc")


# ----- formats and dtypes -----

as_format_op = python_op(
    "sparse_as_format", lambda inputs, params: [inputs[0].asformat(params["format"], copy=True)],
    lambda x, format: SparseType(format, x.type.dtype),
    vjp=lambda g, out, x, format: (as_format_op(g, format=x.type.format),),
    coerce=sparse_inputs(1), doc="The same matrix in another format.")


def as_format(x, type):
    """Return a matrix, sparse or dense, as a sparse one of some type."""
    if is_dense_variable(x):
        x = from_dense_op(x, format=type.format)
    if x.type.format != type.format:
        x = as_format_op(x, format=type.format)
    return cast(x, type.dtype)


cast_op = python_op(
    "sparse_cast", lambda inputs, params: [inputs[0].astype(params["dtype"])],
    lambda x, dtype: x.type.with_dtype(dtype),
    vjp=lambda g, out, x, dtype: (cast(g, x.type.dtype),), coerce=sparse_inputs(1))


def cast(x, dtype):
    """Convert a sparse matrix to a dtype."""
    x = as_sparse_variable(x)
    dtype = np.dtype(dtype).name
    return x if dtype == x.type.dtype else cast_op(x, dtype=dtype)


transpose_op = python_op(
    "sparse_transpose", lambda inputs, params: [inputs[0].transpose(copy=True)],
    lambda x: SparseType({"csr": "csc", "csc": "csr", "bsr": "bsr"}[x.type.format], x.type.dtype),
    vjp=lambda g, out, x: (transpose(g),), coerce=sparse_inputs(1))


def transpose(x):
    """Return the transposed matrix: csr from csc, and csc from csr."""
    return transpose_op(x)


# ----- matrices of the same shape -----

def sp_ones_like(x):
    """Return a matrix that stores 1 wherever ``x`` stores something."""
    x = as_sparse_variable(x)
    return with_data(x, ones_like(csm_data(x)))


def _empty_like(inputs, params):
    return [FORMATS[inputs[0].format](inputs[0].shape, dtype=inputs[0].dtype)]


zeros_op = python_op("sp_zeros_like", _empty_like, same_type, vjp=lambda g, out, x: (None,),
                     coerce=sparse_inputs(1))


def sp_zeros_like(x):
    """Return an empty matrix of the shape of ``x``."""
    return zeros_op(x)


def as_sparse_or_tensor_variable(x, name=None):
    """Return ``x`` as a sparse variable if it is sparse, else as a tensor variable."""
    x = as_variable(x, name)
    return x if is_sparse_variable(x) else as_tensor_variable(x)


register_methods(
    csm_data=csm_data, csm_indices=csm_indices, csm_indptr=csm_indptr, shape=shape,
    dense_from_sparse=dense_from_sparse, cast=cast, transpose=transpose,
    sp_zeros_like=sp_zeros_like)
