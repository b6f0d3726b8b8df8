"""What a run of a loop reads: addresses that move, initial and last values, instructions."""
from cpython.ref cimport PyObject
from libc.stdint cimport int32_t, int64_t

from cytensor._plan cimport reloc_t, step_t
from cytensor._program cimport (CT_MAXDIM, array_t, ct_call, ct_kernel, ct_ready,
                                ct_ready_products, ct_task, ct_tensor, size_op_t)


cdef extern from "scalars.h" nogil:
    enum: CT_STEP, CT_CALL, CT_COPY1, CT_COPY4, CT_COPY8, CT_NO_LINK
    ctypedef struct ct_code:
        int32_t op, at
        void *fn
        int64_t out
        int64_t args "in"[3]
    ctypedef struct ct_scalar_name:
        const char *name
        int dtype, op
    const ct_scalar_name ct_scalar_names[]
    void ct_scalar_run(const ct_code *code, char *scratch)
    ctypedef struct ct_chain_rows:
        char *out
        char *a
        char *b
        int64_t to, from_a, from_b
    ctypedef void (*ct_chain)(int64_t n, const void *first,
                              const ct_chain_rows *rows) noexcept nogil
    ct_chain ct_find_chain(int dtype, int one, int two)
    int ct_link_of(int op, int place)


cdef enum:
    CELL_BYTES = 16             # of a number that an instruction makes
    IN_SCRATCH = -1             # in place of the number of an operand
    MOST_OPERANDS = 64          # of a loop that runs in blocks


# An address that moves by one row per step: where it begins, and where it starts again.
ctypedef struct move_t:
    int32_t slot                # of the body's base addresses
    int32_t operand             # of the parent's step, or IN_SCRATCH
    int64_t offset, delta
    int64_t from_end            # further bytes per step that the loop takes
    int64_t low, high           # of a ring: at high it goes on at low

# An address that is the same in each step.
ctypedef struct rest_t:
    int32_t slot, operand
    int64_t offset

# Initial values, which are brought to where steps read them.
ctypedef struct entry_t:
    int32_t operand, target     # numbers of operands; target may be IN_SCRATCH
    int64_t offset, from_end
    int64_t bytes               # of one block; -1: strides differ
    ct_tensor values, place
    int64_t layout[4 * CT_MAXDIM]

# The last values of a state, which are handed out in order.
ctypedef struct exit_t:
    int32_t operand, move       # which move writes; -1: each step writes the same place
    int32_t rows
    int64_t bytes, low, high
    int64_t step                # bytes between two of them where they go

ctypedef struct check_t:
    int32_t number, condition, a, b

# A factor of products that is made ready before the first step.
ctypedef struct ready_t:
    int32_t tensor              # of the body
    int32_t operand             # of the parent's step, unless it is a constant of the body
    const char *constant
    int64_t offset              # in one or the other
    int64_t at                  # where in the memory of what is ready
    ct_ready *product

# A loop as a chain: the state is written to a row, from the row before; two rows are read.
ctypedef struct chain_t:
    ct_chain run
    int64_t first, out, a, b    # places in scratch
    int64_t to, from_a, from_b

# Which steps generated code takes, and how that went.
ctypedef struct ct_steps:
    int64_t first, n
    int64_t taken
    int32_t ended               # whether the loop ends with the last of them

# Generated code of a loop, and of loops in it: see ``lowering/nests.py``. The numbers are what
# depends on sizes; scratch is what a loop works on.
ctypedef int (*ct_nest)(ct_call *call, char *scratch, const int64_t *numbers,
                        ct_steps *steps) noexcept nogil
ctypedef struct nest_t:
    ct_nest run
    int64_t *numbers


cdef struct loop_t:
    PyObject *owner
    ct_kernel copy
    int32_t steps_operand, count_operand
    int64_t until               # where in scratch the condition is, or -1
    int64_t arena, tensors, base, regs, arrays, now     # where in scratch
    int32_t nsteps, ntensors, nbase, nregs, narrays
    int32_t nmoves, nrests, nentries, nexits, nrelocs, nfixed, nchecks, ncode, ncells
    bint is_dynamic, is_plain   # plain: no address has to be filled in
    bint in_block               # one of several that run side by side; its call is a block_call
    int64_t cells, places_of_cells
    ct_code *code
    chain_t chain
    nest_t *nest                # set once, while others may run the loop; NULL: interpreted
    int64_t look_every
    const step_t *steps
    const ct_tensor *body
    const array_t *places
    const int64_t *first_regs
    const size_op_t *size_ops
    const char *dynamic
    move_t *moves
    rest_t *rests
    entry_t *entries
    exit_t *exits
    reloc_t *relocs             # those that differ between steps
    reloc_t *fixed
    check_t *checks
    const ct_ready_products *products
    int32_t nready
    ready_t *ready
    int64_t ready_bytes
    int64_t ready_at            # where in scratch, unless blocks share it


cdef int look_for_signals(ct_call *call) noexcept nogil
cdef int run_loop(ct_call *call, int n, const ct_tensor *t, const int64_t *params) noexcept nogil


# A loop in blocks of rows of a batch, which run side by side.
ctypedef struct blocks_t:
    const loop_t *loop
    const loop_t *rest          # the last block, if it has fewer rows, or NULL
    void (*run)(int64_t ntasks, ct_task task, void *ctx) noexcept nogil
    int64_t count               # without the rest
    int64_t scratch             # bytes of a block
    int64_t room                # where in them its block_call is
    int64_t steps[MOST_OPERANDS]        # bytes from block to block, per operand
    int64_t ready               # where in scratch blocks find what is ready; the rest behind that

ctypedef struct block_call:
    ct_call call
    int32_t *stopped            # set when one of the blocks has failed
    char *ready                 # what has been made ready for all blocks
    int32_t status


cdef int run_blocks(ct_call *call, int n, const ct_tensor *t,
                    const int64_t *params) noexcept nogil
