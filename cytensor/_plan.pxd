"""A plan: a program worked out for one set of sizes."""
from libc.stdint cimport int32_t, int64_t

from cytensor._program cimport (CT_MAXDIM, Segment, array_t, ct_call, ct_group, ct_kernel,
                                ct_tensor)

cdef enum:
    ALIGNMENT = 64              # of everything in an arena
    SLOT_ARENA = 0
    SLOT_REGS = 1
    SLOT_COUNT = 2
    SLOT_ARRAYS = 3


# A part of an address that changes from call to call: regs[reg] * scale.
ctypedef struct term_t:
    int32_t reg
    int64_t scale


# An operand whose address is not fixed in the arena.
ctypedef struct reloc_t:
    int32_t tensor, slot
    int64_t offset
    int32_t nterms
    term_t terms[CT_MAXDIM]


ctypedef struct step_t:
    ct_kernel fn
    int32_t first, n            # its operands among the tensors
    int32_t source              # which step of the segment it comes from
    const int64_t *params
    int64_t box                 # the one parameter of a fused group


# An array that a call allocates.
ctypedef struct output_t:
    int32_t number, ndim, dtype
    int64_t dims[CT_MAXDIM]


# The memory of one running call.
ctypedef struct arena_t:
    char *memory
    ct_tensor *tensors
    char **base
    int64_t *regs
    arena_t *next


cdef class Plan:
    cdef Segment segment
    cdef step_t *steps
    cdef ct_tensor *tensors             # data: offset in the arena, where that is its slot
    cdef int64_t *layout                # dims and strides of the operands, one after the other
    cdef reloc_t *relocs
    cdef int64_t *regs
    cdef int64_t *key
    cdef array_t *exports               # data: offset in the arena
    cdef int64_t *export_layout
    cdef int ncertain                   # steps from here on are updates
    cdef int nsteps, ntensors, nrelocs, nbase, nexports
    cdef readonly int64_t arena_bytes, cost
    cdef object jit                     # who makes machine code of groups; None: no need to ask
    cdef ct_group **groups
    cdef void (*group_free)(ct_group *) noexcept nogil
    cdef int ngroups
    cdef output_t *outputs
    cdef int noutputs
    cdef int32_t *objects               # outputs of the call that are Python objects
    cdef int nobjects
    cdef readonly list updates          # (cell, output): exchanged at the end
    cdef readonly list overwritten      # arrays (cells) that steps write into
    cdef readonly list children         # what runs the loops among the steps
    cdef arena_t *spare
    cdef int warm(self) except -1
    cdef void fill(self, arena_t *arena) noexcept
    cdef arena_t *take(self) except NULL
    cdef int make_room(self) except -1
    cdef void drop_idle(self) noexcept
    cdef void give_back(self, arena_t *arena) noexcept


cdef raise_error(int status, ct_call *call, step, operands, variables, arrays)
cdef int run_checks(Segment segment, const int64_t *regs, bint dynamic_only) except -1
cdef int run_size_checks(Segment segment, const int64_t *regs) except -1
