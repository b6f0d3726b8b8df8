"""Steps that run Python: ops with a ``perform`` take the GIL for their own step."""
import numpy as np

cimport cython
cimport numpy as cnp
from cpython.ref cimport Py_INCREF, Py_XDECREF, PyObject
from libc.stdint cimport int64_t, intptr_t

from cytensor._types cimport TensorType
from cytensor._program cimport CT_OK, CT_PYTHON, OBJECT_DTYPE, ct_call, ct_tensor

cnp.import_array()


cdef extern from "pool.h":
    const int ct_typenum[14]            # NumPy's number of each dtype


@cython.final
cdef class PythonCall:
    """``perform(inputs, params) -> results``, as a kernel calls it.

    Parameters
    ----------
    perform : callable
        Arrays come as views of the memory of the call: it must neither keep nor change them.
    params : dict
    types : sequence of Type
        Those of the results.

    Attributes
    ----------
    address : int
        To pass as the kernel's first parameter. The object must outlive the program.
    """
    cdef object perform
    cdef dict params
    cdef tuple types

    def __init__(self, perform, params, types):
        self.perform = perform
        self.params = params
        self.types = tuple(types)

    @property
    def address(self):
        return <intptr_t><PyObject *>self

    cdef run(self, int n, const ct_tensor *t):
        cdef int i, nout = len(self.types)
        results = self.perform([look_at(&t[i]) for i in range(nout, n)], self.params)
        if len(results) != nout:
            raise ValueError(f"perform returned {len(results)} results instead of {nout}")
        for i in range(nout):
            if t[i].dtype == OBJECT_DTYPE:
                put(&t[i], as_value(results[i], self.types[i]))
            else:
                fill(&t[i], results[i])


cdef object look_at(const ct_tensor *t):
    """Return the object that an operand is, or an ndarray that looks at its memory."""
    if t.dtype == OBJECT_DTYPE:
        return <object>(<PyObject **>t.data)[0]
    return as_array(t)


cdef cnp.ndarray as_array(const ct_tensor *t):
    """Look at a tensor as an ndarray, without copying."""
    return cnp.PyArray_New(cnp.ndarray, t.ndim, <cnp.npy_intp *>t.dims, ct_typenum[t.dtype],
                           <cnp.npy_intp *>t.strides, t.data, 0, cnp.NPY_ARRAY_WRITEABLE, None)


cdef fill(const ct_tensor *t, result):
    """Copy a result to the memory that its sizes were given."""
    out = as_array(t)
    if result.shape != (<object>out).shape:
        raise ValueError(f"perform returned an array of shape {result.shape}; its size "
                         f"rule says {(<object>out).shape}")
    out[...] = result


cdef put(const ct_tensor *t, value):
    """Let the call hold a result."""
    cdef PyObject **home = <PyObject **>t.data
    Py_XDECREF(home[0])
    Py_INCREF(value)
    home[0] = <PyObject *>value


cdef object as_value(result, type):
    """Return a result that the call may keep. A tensor has memory of its own."""
    if not isinstance(type, TensorType):
        return result
    array = np.asarray(result)
    if array.dtype != type.dtype or array.ndim != type.ndim or any(
            [known is not None and known != n for known, n in zip(type.shape, array.shape)]):
        raise TypeError(f"perform returned {array.dtype} of shape {array.shape} where the type of "
                        f"the result is {type}")
    return array if array.flags.owndata and array.flags.carray else array.copy()


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
