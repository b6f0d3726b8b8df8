"""What the arrays of a call are like."""
from libc.stdint cimport int64_t

from cytensor._plan cimport Plan
from cytensor._program cimport Segment, array_t


cdef bint matches(Plan plan, Segment segment, const array_t *arrays, const int64_t *regs) noexcept
cdef int remember(Segment segment, bytes key, plan) except -1
cdef bytes make_key(Segment segment, const array_t *arrays, const int64_t *regs)
cdef int64_t extent(const array_t *array, tuple spec, int64_t *high)
cdef object copy_of(const array_t *array, tuple spec)
