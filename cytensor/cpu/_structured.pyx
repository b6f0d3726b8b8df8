"""The door to the structured kernels and to the thread pool.

``kernels`` and ``pool`` are capsules for the interpreter; ``call`` runs one kernel on NumPy arrays.
"""
import atexit

import numpy as np

from cpython.pycapsule cimport PyCapsule_GetPointer, PyCapsule_New
from libc.stdint cimport int32_t, int64_t, intptr_t
from libc.string cimport strcmp
cimport numpy as cnp

from cytensor._core import DTYPES

cnp.import_array()

cdef dict _CODES = {np.dtype(name): code for code, name in enumerate(DTYPES)}


cdef extern from "abi.h" nogil:
    enum: CT_OK, CT_PYTHON, CT_INDEX, CT_EMPTY, CT_MEMORY, CT_VALUE

    ctypedef struct ct_tensor:
        char* data
        const int64_t* dims
        const int64_t* strides
        int32_t ndim
        int32_t dtype

    ctypedef struct ct_call:
        int64_t info[4]
        const char* text

    ctypedef int (*ct_kernel)(ct_call* call, int n, const ct_tensor* t,
                              const int64_t* params) noexcept nogil

    ctypedef struct ct_kernel_entry:
        const char* name
        ct_kernel fn

cdef extern from "threads.h" nogil:
    ctypedef struct ct_pool:
        int (*default_threads)() noexcept nogil
        void (*set_threads)(int n) noexcept nogil
        int (*get_threads)() noexcept nogil
        int (*set_threads_here)(int n) noexcept nogil

    ct_pool ct_the_pool
    void ct_pool_stop()

cdef extern from "nest.h" nogil:
    const ct_pool* ct_pool_used

cdef extern from "structured.h" nogil:
    ct_kernel_entry* ct_structured_kernels
    const void* ct_searcher_of(int is_max, int dtype)


# ----- the thread pool -----

def default_threads():
    """Return how many cores this process may use."""
    return ct_the_pool.default_threads()


def set_threads(int n):
    """Set how many threads the kernels use; 0 or less means all cores."""
    ct_the_pool.set_threads(n)


def set_threads_here(int n):
    """Set how many threads the kernels use that this thread calls; 0 means as many as others.

    Returns
    -------
    int
        What was set before.
    """
    return ct_the_pool.set_threads_here(n)


def get_threads():
    """Return how many threads the kernels use."""
    return ct_the_pool.get_threads()


def _stop():
    with nogil:
        ct_pool_stop()


ct_pool_used = &ct_the_pool
pool = PyCapsule_New(<void*>&ct_the_pool, "cytensor.pool", NULL)
kernels = PyCapsule_New(<void*>ct_structured_kernels, "cytensor.kernels", NULL)
atexit.register(_stop)


def searcher(bint is_max, int dtype):
    """Return the address of what finds the largest, or smallest, items of a dtype."""
    return <intptr_t>ct_searcher_of(is_max, dtype)


# ----- one kernel on NumPy arrays -----

cdef ct_kernel _find(table, bytes name) except *:
    cdef const ct_kernel_entry* entry = \
        <const ct_kernel_entry*>PyCapsule_GetPointer(table, "cytensor.kernels")
    while entry.name != NULL:
        if strcmp(entry.name, name) == 0:
            return entry.fn
        entry += 1
    raise KeyError(f"no structured kernel {name.decode()!r}")


cdef ct_tensor _tensor(cnp.ndarray x) except *:
    cdef ct_tensor t
    t.data = cnp.PyArray_BYTES(x)
    t.dims = <const int64_t*>cnp.PyArray_DIMS(x)
    t.strides = <const int64_t*>cnp.PyArray_STRIDES(x)
    t.ndim = cnp.PyArray_NDIM(x)
    t.dtype = _CODES[x.dtype]
    return t


cdef _raise(int status, ct_call* call):
    if status == CT_INDEX:
        raise IndexError(f"index {call.info[0]} is out of bounds for axis {call.info[1]} "
                         f"with size {call.info[2]}")
    if status == CT_EMPTY:
        raise ValueError("a maximum over nothing")
    if status == CT_MEMORY:
        raise MemoryError
    if status == CT_VALUE:
        raise ValueError(call.text.decode())
    raise RuntimeError(f"kernel status {status}")


def call(str name, outputs, inputs, params=(), table=kernels):
    """Run one structured kernel. The interpreter does the same without Python.

    Parameters
    ----------
    name : str
    outputs, inputs : sequence of ndarray
        At most 34 together. What an accumulating kernel adds to is in its output.
    params : sequence of int
        The static parameters.
    table : capsule
        The kernels of a module: by default those of this one.

    Raises
    ------
    IndexError, ValueError, MemoryError
        If the kernel fails.

    Examples
    --------
    >>> import numpy as np
    >>> out = np.empty(3)
    >>> call("cumsum", [out], [np.ones(3)], (0,))
    >>> out
    array([1., 2., 3.])
    """
    cdef ct_tensor t[34]
    cdef int64_t c_params[16]
    cdef ct_call c_call
    cdef int status, i, n = len(outputs) + len(inputs)
    cdef ct_kernel kernel = _find(table, name.encode())
    if n > 34 or len(params) > 16:
        raise ValueError(f"{name}: too many arrays or parameters")
    for i, x in enumerate([*outputs, *inputs]):
        t[i] = _tensor(x)
    for i, value in enumerate(params):
        c_params[i] = value
    with nogil:
        status = kernel(&c_call, n, t, c_params)
    if status != CT_OK:
        _raise(status, &c_call)
