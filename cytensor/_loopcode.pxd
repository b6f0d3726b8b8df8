"""The writer of instructions."""
from libc.stdint cimport int64_t

from cytensor._loops cimport ct_code, loop_t
from cytensor._plan cimport Plan
from cytensor._program cimport GroupSpec, Segment, Step


cdef class Instructions:
    cdef loop_t *c
    cdef Plan inner
    cdef Segment segment
    cdef dict codes, move_of
    cdef set wanted                     # tensors of the body whose addresses are filled in
    cdef int begin(self, loop_t *c, Plan inner, Segment segment, dict codes, dict move_of) except -1
    cdef int write(self) except -1
    cdef Step step_at(self, int i)
    cdef ct_code *instruction(self, int op)
    cdef int write_step(self, int i) except -1
    cdef bint is_number(self, int i)
    cdef int write_copy(self, int i) except -1
    cdef int copy_number(self, int64_t out, int64_t source, int dtype) except -1
    cdef bint is_scalar(self, GroupSpec spec)
    cdef int write_group(self, int i, GroupSpec spec) except -1
    cdef int64_t new_cell(self)
    cdef int64_t place_of(self, int tensor) except -1
    cdef int64_t place_of_slot(self, int slot)
    cdef int keep_relocs(self) except -1
    cdef int find_chain(self, int tap_slot, int new_slot, bint keep, int dtype) except -1
    cdef int state_in(self, const ct_code *c, int64_t state)
    cdef int64_t delta_at(self, int64_t place)
