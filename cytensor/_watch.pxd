"""Who looks on while a program runs."""
from libc.stdint cimport int64_t

from cytensor._plan cimport Plan, arena_t
from cytensor._program cimport Program, array_t, ct_call, ct_kernel, ct_tensor


cdef class Watcher:
    cdef bint inside            # whether it also sees the steps of the bodies of loops
    cdef int begin(self, Program program, const array_t *arrays) except -1
    cdef int after(self, int segment, Plan plan, arena_t *arena, int step,
                   double seconds) except -1
    cdef int end(self, double seconds) except -1


cdef class Profile(Watcher):
    cdef readonly dict steps
    cdef readonly dict memory
    cdef public double total
    cdef public long calls
    cdef int note_memory(self, int segment, Plan plan) except -1


cdef class Guard(Watcher):
    cdef object report_value, report_step
    cdef ct_kernel kernel
    cdef int64_t limits[3]
    cdef bint is_bad(self, const ct_tensor *t)
    cdef bint is_bad_object(self, value)


cdef int look_inside(ct_call *call, list watchers) except -1
cdef list operands(Plan plan, arena_t *arena, int step)
cdef list arrays_of(Program program, const array_t *arrays)
