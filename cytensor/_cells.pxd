"""What lives between calls."""
from libc.stdint cimport int64_t


cdef int pause() except -1


cdef class Cell:
    cdef public object value            # an ndarray
    cdef int readers, writers           # calls that use it now


cdef class Profile:
    cdef readonly dict steps
    cdef public double total
    cdef public long calls
    cdef add(self, int segment, int step, double seconds, int64_t bytes)
