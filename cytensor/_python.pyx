"""Steps that run Python: ops with a ``perform`` take the GIL for their own step."""
cimport cython
cimport numpy as cnp
from cpython.ref cimport Py_INCREF, PyObject
from libc.stdint cimport int64_t, intptr_t

from cytensor._program cimport CT_OK, CT_PYTHON, ct_call, ct_tensor

cnp.import_array()


cdef extern from "pool.h":
    const int ct_typenum[14]            # NumPy's number of each dtype


@cython.final
cdef class PythonCall:
    """``perform(inputs, params) -> arrays``, as a kernel calls it.

    Attributes
    ----------
    address : int
        To pass as the kernel's first parameter. The object must outlive the program.
    """
    cdef object perform
    cdef dict params
    cdef int nout

    def __init__(self, perform, params, nout):
        self.perform = perform
        self.params = params
        self.nout = nout

    @property
    def address(self):
        return <intptr_t><PyObject *>self

    cdef run(self, int n, const ct_tensor *t):
        arrays = [as_array(&t[i]) for i in range(n)]
        results = self.perform(arrays[self.nout:], self.params)
        if len(results) != self.nout:
            raise ValueError(f"perform returned {len(results)} results instead of {self.nout}")
        for out, result in zip(arrays, results):
            if (<object>result).shape != out.shape:
                raise ValueError(f"perform returned an array of shape {result.shape}; its size "
                                 f"rule says {out.shape}")
            out[...] = result


cdef cnp.ndarray as_array(const ct_tensor *t):
    """Look at a tensor as an ndarray, without copying."""
    return cnp.PyArray_New(cnp.ndarray, t.ndim, <cnp.npy_intp *>t.dims, ct_typenum[t.dtype],
                           <cnp.npy_intp *>t.strides, t.data, 0, cnp.NPY_ARRAY_WRITEABLE, None)


cdef int run_python(ct_call *call, int n, const ct_tensor *t, const int64_t *params) noexcept nogil:
    """The ct_kernel. What ``perform`` raises travels in ``call.info``."""
    cdef int status = CT_OK
    with gil:
        try:
            (<PythonCall><PyObject *><intptr_t>params[0]).run(n, t)
        except BaseException as error:
            Py_INCREF(error)
            call.info[0] = <int64_t><intptr_t><PyObject *>error
            status = CT_PYTHON
    return status


kernel = <intptr_t>&run_python
