"""What lives between calls."""

cdef int pause() except -1


cdef class Cell:
    cdef public object value            # an ndarray, or an object that a call never changes
    cdef int readers, writers           # calls that use it now
