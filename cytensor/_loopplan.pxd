"""The plan of a loop for given sizes."""
from libc.stdint cimport int64_t

from cytensor._loops cimport exit_t, loop_t, move_t
from cytensor._loopready cimport Ready
from cytensor._places cimport place_t
from cytensor._plan cimport Plan
from cytensor._planner cimport Builder
from cytensor._program cimport Program, Segment, Step, array_t


cdef class LoopPlan:
    cdef loop_t c
    cdef Ready ready
    cdef readonly object node
    cdef object form
    cdef Program program
    cdef readonly Segment segment
    cdef readonly Plan inner
    cdef list cells
    cdef dict codes
    cdef list known
    cdef array_t *arrays
    cdef int64_t *layout                # sizes and strides of the body's arrays
    cdef Builder builder
    cdef tuple operands                 # values of the parent's segment
    cdef place_t *places                # of the operands, if those are parts of them
    cdef int64_t scratch                # bytes that are taken so far
    cdef int64_t steps                  # of the loop, as far as is known
    cdef dict move_of                   # slot -> the move of its address
    cdef int noutputs                   # of the step
    cdef list taps                      # (state, first of its arrays in the body, its output)
    cdef int input_operand(self, int i)
    cdef int seq_operand(self, int k)
    cdef int init_operand(self, int k)
    cdef int const_operand(self, int k)
    cdef place_t *at(self, int operand) except NULL
    cdef int place(self, Builder builder, Step step) except -1
    cdef int prepare(self, Builder builder, Step step, place_t *places) except -1
    cdef int end(self, Builder builder, Step step, int64_t bytes, int64_t cost) except -1
    cdef int64_t steps_expected(self) except -1
    cdef int plan_body(self, tuple registers) except -1
    cdef int plan_body_with(self, int64_t *values, tuple registers) except -1
    cdef int describe_arrays(self) except -1
    cdef int describe(self, int i, const place_t *p, int skip, bint packed) except -1
    cdef int64_t *dims_of(self, int i)
    cdef int describe_constant(self, int i, payload) except -1
    cdef int check_results(self) except -1
    cdef int result_of(self, int number) except -1
    cdef int64_t take(self, int64_t bytes)
    cdef int lay_out(self) except -1
    cdef int connect(self) except -1
    cdef int output_slot(self, int number)
    cdef move_t *move(self, int slot, int operand, int64_t offset, int64_t delta)
    cdef int rest(self, int slot, int operand, int64_t offset) except -1
    cdef int move_rows(self, int slot, int operand, int64_t first) except -1
    cdef int64_t row_bytes(self, int state) except -1
    cdef int connect_state(self, int state, int first, int output) except -1
    cdef int connect_cell(self, int state, int array, int output) except -1
    cdef bint is_exchanged(self, int cell)
    cdef int ring(self, int slot, int64_t low, int64_t high, int64_t row, int first) except -1
    cdef int exit(self, int state, int move, int rows, int64_t row, int64_t low,
                  int64_t high) except -1
    cdef int enter(self, int state, int target, int64_t offset) except -1
    cdef int sort_relocs(self) except -1
    cdef int make_products_ready(self) except -1
    cdef int write_code(self, Builder builder) except -1
    cdef int note_checks(self) except -1
