"""Where values lie while a plan is made: slots, offsets, sizes and strides."""
from libc.stdint cimport int32_t, int64_t

from cytensor._plan cimport term_t
from cytensor._program cimport CT_MAXDIM, ct_itemsize


# Where a value lies.
ctypedef struct place_t:
    int32_t ndim, dtype
    int64_t dims[CT_MAXDIM]
    int64_t strides[CT_MAXDIM]
    int32_t slot                # in the table of base pointers
    int32_t root                # which arena buffer, or -1
    int64_t offset
    int32_t nterms
    term_t terms[CT_MAXDIM]


cdef inline bint is_contiguous(const place_t *p) noexcept nogil:
    cdef int64_t step = ct_itemsize[p.dtype]
    cdef int a
    for a in range(p.ndim - 1, -1, -1):
        if p.dims[a] == 0:
            return True
        if p.dims[a] != 1 and p.strides[a] != step:
            return False
        step *= p.dims[a]
    return True


cdef inline void set_contiguous(place_t *p, int64_t item) noexcept nogil:
    cdef int64_t step = item
    cdef int a
    for a in range(p.ndim - 1, -1, -1):
        p.strides[a] = step
        step *= p.dims[a] if p.dims[a] > 0 else 1


cdef inline int64_t count(const place_t *p) noexcept nogil:
    cdef int64_t total = 1
    cdef int a
    for a in range(p.ndim):
        total *= p.dims[a]
    return total


cdef inline bint reshape_strides(const place_t *p, place_t *out) noexcept nogil:
    """Find strides under which p's memory has out's dims. False if a copy is needed."""
    cdef int64_t dims[CT_MAXDIM]
    cdef int64_t strides[CT_MAXDIM]
    cdef int64_t inner, step
    cdef int n = 0, a, i, j, k
    if count(p) == 0:
        set_contiguous(out, 1)
        return True
    for a in range(p.ndim):
        if p.dims[a] != 1:
            dims[n], strides[n] = p.dims[a], p.strides[a]
            n += 1
    i = j = 0
    while i < n:
        # axes i..k of the old shape hold as much as axes j.. of the new one
        k = i + 1
        inner = dims[i]
        a = j
        step = 1
        while step != inner:
            if step < inner:
                if a >= out.ndim:
                    return False
                step *= out.dims[a]
                a += 1
            else:
                inner *= dims[k]
                k += 1
        for inner in range(i, k - 1):
            if strides[inner] != strides[inner + 1] * dims[inner + 1]:
                return False
        step = strides[k - 1]
        for inner in range(a - 1, j - 1, -1):
            out.strides[inner] = step
            step *= out.dims[inner]
        i, j = k, a
    for a in range(j, out.ndim):
        out.strides[a] = ct_itemsize[p.dtype]
    return True
