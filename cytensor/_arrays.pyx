"""What the arrays of a call are like: the plan that serves their sizes, and memory they share."""
cimport numpy as cnp
from cpython.bytes cimport PyBytes_FromStringAndSize
from libc.stdint cimport int64_t, intptr_t
from libc.string cimport memcpy

from cytensor._plan cimport Plan
from cytensor._program cimport Segment, array_t

cnp.import_array()


cdef extern from "pool.h":
    const int ct_typenum[14]            # NumPy's number of each dtype


cdef enum:
    MAX_PLANS = 256             # remembered per segment


cdef bint matches(Plan plan, Segment segment, const array_t *arrays, const int64_t *regs) noexcept:
    """Whether a plan was made for these sizes and strides."""
    cdef const int64_t *key = plan.key
    cdef const array_t *array
    cdef int i, k, ndim
    for i in range(segment.narrays):
        array = &arrays[segment.array_ids[i]]
        ndim = segment.array_ndims[i]
        for k in range(ndim):
            if key[k] != array.dims[k] or key[ndim + k] != array.strides[k]:
                return False
        key += 2 * ndim
    for i in range(segment.nkeyregs):
        if key[i] != regs[segment.key_regs[i]]:
            return False
    return True


cdef int remember(Segment segment, bytes key, plan) except -1:
    """Keep a plan, or that there is none; the oldest makes room."""
    if len(segment.plans) >= MAX_PLANS:
        segment.plans.pop(next(iter(segment.plans)))
    segment.plans[key] = plan
    return 0


cdef bytes make_key(Segment segment, const array_t *arrays, const int64_t *regs):
    cdef bytes key = PyBytes_FromStringAndSize(NULL, segment.nkey * sizeof(int64_t))
    cdef int64_t *at = <int64_t *><char *>key
    cdef const array_t *array
    cdef int i, ndim
    for i in range(segment.narrays):
        array = &arrays[segment.array_ids[i]]
        ndim = segment.array_ndims[i]
        memcpy(at, array.dims, ndim * sizeof(int64_t))
        memcpy(at + ndim, array.strides, ndim * sizeof(int64_t))
        at += 2 * ndim
    for i in range(segment.nkeyregs):
        at[i] = regs[segment.key_regs[i]]
    return key


cdef int64_t extent(const array_t *array, tuple spec, int64_t *high):
    """First byte of an array, and the one behind its last."""
    cdef int64_t low = <int64_t><intptr_t>array.data, reach
    cdef int a
    high[0] = low + 16
    for a in range(<int>spec[2]):
        reach = array.strides[a] * (array.dims[a] - 1)
        if reach > 0:
            high[0] += reach
        else:
            low += reach
    return low


cdef object copy_of(const array_t *array, tuple spec):
    cdef cnp.ndarray view = cnp.PyArray_New(
        cnp.ndarray, spec[2], <cnp.npy_intp *>array.dims, ct_typenum[<int>spec[1]],
        <cnp.npy_intp *>array.strides, array.data, 0, 0, None)
    return view.copy()
