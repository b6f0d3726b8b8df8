"""The plan maker."""
from libc.stdint cimport int32_t, int64_t

from cytensor._places cimport place_t
from cytensor._plan cimport Plan, step_t
from cytensor._program cimport (Program, Segment, Step, Value, array_t, ct_kernel)


# A buffer in the arena.
cdef struct buffer_t:
    int64_t bytes, offset
    int32_t birth, death        # steps of the plan
    int32_t alias               # the buffer whose memory it takes over, or -1


cdef class Builder:
    cdef Program program
    cdef Segment segment
    cdef Plan plan
    cdef const array_t *arrays
    cdef const int64_t *regs
    cdef place_t *places
    cdef buffer_t *buffers
    cdef int nbuffers, room_buffers
    cdef int room_steps, room_tensors, room_relocs, room_layout, nlayout
    cdef int current            # step of the segment that is being placed
    cdef list uses              # per plan step: roots that it touches
    cdef place_t *place(self, int value) except NULL
    cdef int new_buffer(self, int64_t bytes) except -1
    cdef int in_arena(self, place_t *p) except -1
    cdef int place_value(self, int i) except -1
    cdef int note_object(self, int output) except -1
    cdef int place_result(self, int i) except -1
    cdef bint is_allocated(self, int number)
    cdef int place_part(self, Value v, place_t *p) except -1
    cdef int allocate(self, int number, place_t *p) except -1
    cdef bint fits_cell(self, Value v, place_t *p)
    cdef int place_view(self, Step step) except -1
    cdef int dimshuffle(self, Step step, place_t *p, place_t *out) except -1
    cdef int slice(self, Step step, place_t *p, place_t *out) except -1
    cdef int broadcast(self, Step step, place_t *p, place_t *out) except -1
    cdef int diagonal(self, Step step, place_t *p, place_t *out) except -1
    cdef int reshape(self, Step step, place_t *p, place_t *out) except -1
    cdef step_t *begin_step(self, ct_kernel fn, const int64_t *params) except NULL
    cdef int add_operand(self, place_t *p) except -1
    cdef int end_step(self, int64_t cost) except -1
    cdef int kernel(self, Step step) except -1
    cdef int bring_in(self, Step step) except -1
    cdef int group(self, Step step) except -1
    cdef int take_over(self) except -1
    cdef int final(self, int root) noexcept
    cdef int assign_offsets(self) except -1
    cdef int64_t fit(self, list free_list, buffer_t *b, int64_t top)
    cdef int finish(self) except -1
    cdef int export_results(self) except -1


cdef Plan make_plan(Program program, Segment segment, const array_t *arrays, int64_t *regs)
