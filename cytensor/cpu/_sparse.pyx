"""The product of a csr matrix of SciPy's and a dense one, on the thread pool."""
cimport numpy as cnp
from cpython.pycapsule cimport PyCapsule_GetPointer
from libc.stdint cimport int64_t

from cytensor.cpu import _structured

cnp.import_array()


cdef extern from "threads.h":
    ctypedef struct ct_pool:
        pass

cdef extern from "sparse.h" nogil:
    ctypedef struct ct_csr:
        int64_t nrows, width
        const void *data
        const void *indices
        const void *indptr
        int is_double, is_wide
    void ct_csr_dot(const ct_csr *, const void *, void *, const ct_pool *) noexcept


cdef const ct_pool *pool = <const ct_pool *>PyCapsule_GetPointer(_structured.pool, "cytensor.pool")


def csr_dot(cnp.ndarray data, cnp.ndarray indices, cnp.ndarray indptr, cnp.ndarray dense):
    """Return the product of a csr matrix and a dense vector or matrix.

    Parameters
    ----------
    data, indices, indptr : ndarray
        The matrix, as SciPy stores it, of float32 or float64. That its indices lie within its
        sizes is not checked.
    dense : ndarray
        Of the same dtype, with as many rows as the matrix has columns.

    Returns
    -------
    ndarray
    """
    cdef ct_csr x
    cdef cnp.npy_intp shape[2]
    cdef cnp.ndarray out
    data, indices = cnp.PyArray_GETCONTIGUOUS(data), cnp.PyArray_GETCONTIGUOUS(indices)
    indptr, dense = cnp.PyArray_GETCONTIGUOUS(indptr), cnp.PyArray_GETCONTIGUOUS(dense)
    x.nrows = shape[0] = indptr.shape[0] - 1
    x.width = shape[1] = dense.shape[1] if dense.ndim == 2 else 1
    x.data, x.indices, x.indptr = data.data, indices.data, indptr.data
    x.is_double = cnp.PyArray_TYPE(data) == cnp.NPY_DOUBLE
    x.is_wide = cnp.PyArray_ITEMSIZE(indices) == 8
    out = cnp.PyArray_EMPTY(dense.ndim, shape, cnp.PyArray_TYPE(data), 0)
    with nogil:
        ct_csr_dot(&x, dense.data, out.data, pool)
    return out
