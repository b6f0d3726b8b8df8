"""A compiled program, before sizes are known: C structures that the plan maker reads."""
from libc.stdint cimport int32_t, int64_t, intptr_t


cdef extern from "abi.h":
    enum: CT_MAXDIM
    enum: CT_BOOL, CT_I64, CT_F16, CT_F32, CT_F64, CT_C128, CT_NDTYPES
    enum: CT_OK, CT_PYTHON, CT_INDEX, CT_ZERO_DIVISION, CT_EMPTY, CT_MEMORY, CT_LINALG, CT_VALUE
    enum: CT_CHECK, CT_MAXLOOPS
    const int ct_itemsize[14]
    ctypedef struct ct_tensor:
        char *data
        const int64_t *dims
        const int64_t *strides
        int32_t ndim
        int32_t dtype
    ctypedef struct ct_trace:
        const void *loop
        int64_t step
        int32_t at
    ctypedef struct ct_call:
        int64_t info[4]
        const char *text
        int64_t *regs
        int64_t looked
        int32_t depth
        ct_trace *trace
        void *after
        void *watchers
    ctypedef int (*ct_after)(ct_call *call, const void *loop, int at,
                             const ct_tensor *tensors) noexcept nogil
    ctypedef int (*ct_kernel)(ct_call *call, int n, const ct_tensor *t,
                              const int64_t *params) noexcept nogil
    ctypedef void (*ct_task)(void *ctx, int64_t task, int thread) noexcept nogil


cdef extern from "fused.h":
    enum: CT_FULL, CT_KEPT
    enum: CT_COMPUTED, CT_ARRAY, CT_COUNT, CT_APART
    ctypedef struct ct_spec_value:
        int32_t level, dtype, source, operand
    ctypedef struct ct_spec_op:
        int32_t kind, level, phase, out, nin
        int32_t args "in"[4]
        int32_t weight
        void *fn
        void *fn2
        char identity[16]
    ctypedef struct ct_spec:
        int32_t nvalues, nops, noutputs, nphases, nk, nr, nc
        ct_spec_value *values
        ct_spec_op *ops
        int32_t *output_value
        int32_t *output_alias
        int32_t *output_read
    ctypedef struct ct_group:
        pass


cdef extern from "ready.h":
    ctypedef struct ct_ready:
        pass
    ctypedef struct ct_ready_products:
        ct_kernel product
        ct_ready *(*make)(const ct_tensor *, int factor, int alone, int64_t place) noexcept nogil
        void (*free)(ct_ready *) noexcept nogil
        int64_t (*bytes)(const ct_ready *) noexcept nogil
        void (*fill)(const ct_ready *, const ct_tensor *, char *) noexcept nogil
        ct_kernel run


cdef extern from "device.h":
    ctypedef struct ct_device:
        ct_group *(*group_new)(const ct_spec *, const int64_t *, int,
                               const int64_t *) noexcept nogil
        void (*group_free)(ct_group *) noexcept nogil
        int64_t (*group_cost)(const ct_group *) noexcept nogil
        ct_kernel group_run
        ct_kernel copy
        void (*run)(int64_t ntasks, ct_task task, void *ctx) noexcept nogil
        const ct_ready_products *ready


# The dtype of a value that is a Python object; its data points to the reference.
cpdef enum:
    OBJECT_DTYPE = CT_NDTYPES


# An array that a call works on: an argument, a shared value, or a result of an earlier segment.
ctypedef struct array_t:
    char *data
    const int64_t *dims
    const int64_t *strides


# One instruction of the integer prologue; it writes the register of its own number.
ctypedef struct size_op_t:
    int32_t op, a, b, c
    int64_t imm


cpdef enum SizeOp:
    SIZE_CONST, SIZE_DIM, SIZE_LOAD, SIZE_ADD, SIZE_SUB, SIZE_MUL, SIZE_FLOORDIV, SIZE_MOD
    SIZE_MAX, SIZE_MIN, SIZE_EQ, SIZE_LT, SIZE_WHERE


cpdef enum ValueKind:
    ARRAY           # index: which array of the program
    REGISTER        # index: a register, read as a 0-d int64
    COUNTER         # 0, 1, 2, ..: dims has its length
    COMPUTED        # dims; home, index: where it is written
    VIEW            # made by a view step
    OBJECT          # index: which output of the call holds the reference


cpdef enum Home:
    IN_ARENA
    IN_OUTPUT       # index: which output
    IN_CELL         # index: array of the cell that it updates; spare: output if that cannot be
    IN_PART         # index: the value that it is a part of; spare: register of its place on axis


cpdef enum StepKind:
    DIMSHUFFLE, SLICE, RESHAPE, BROADCAST, DIAGONAL, KERNEL, GROUP, LOOP


cdef class Value:
    cdef readonly int kind, dtype, ndim, index, home, spare, axis
    cdef readonly list dims


cdef class GroupSpec:
    cdef ct_spec c
    cdef readonly list axes             # per operand: its axis for each axis of the space, or -1
    cdef readonly list dims             # registers of the sizes of the space
    cdef readonly list scalars          # per op: nodes, and the values that they make and read
    cdef readonly list values, ops, outputs     # as they were given, for those who write code
    cdef readonly tuple naxes
    cdef readonly list dtypes           # of the values
    cdef readonly dict code             # which machine code serves which form of its blocks
    cdef _set_op(self, ct_spec_op *op, tuple fields)


cdef class Step:
    cdef readonly int kind
    cdef readonly object node           # the Apply that it comes from, for messages
    cdef readonly tuple nodes           # all of them, where the step is a group
    cdef readonly tuple variables       # what its operands are, results first, if that is known
    cdef readonly tuple outs, ins
    cdef readonly tuple numbers         # static integers, or registers: by kind
    cdef readonly bint commits          # an update: from here on nothing may fail
    cdef readonly int changes           # how many of its inputs, the first ones, it writes to
    cdef readonly bint accumulates      # the kernel finds its first input in its output
    cdef readonly GroupSpec spec
    cdef readonly str label
    cdef readonly object python         # what a Python step calls
    cdef ct_kernel fn
    cdef int64_t *params
    cdef str _tile_name(self, int number)


cdef class Segment:
    cdef readonly list values, steps, checks, exports, registers
    cdef readonly list late             # (output, array): arrays whose sizes the run has found
    cdef readonly list key_registers
    cdef readonly tuple arrays          # those of the program whose sizes are part of the key
    cdef size_op_t *size_ops
    cdef char *is_dynamic
    cdef int nregs
    cdef int32_t *array_ids             # the same as `arrays`, with their ranks
    cdef int32_t *array_ndims
    cdef int32_t *key_regs
    cdef int narrays, nkeyregs
    cdef int nkey                       # length of the key
    cdef bint any_dynamic, any_checks
    cdef readonly dict plans            # key (bytes) -> Plan
    cdef readonly object last           # the Plan of the last call
    cdef int64_t held                   # bytes of the arenas of its plans
    cdef int64_t heat                   # what its calls have cost, while groups are interpreted
    cdef public object shape            # shape(variable, registers), for messages
    cdef public bint in_loop            # the body of a loop, which checks data in each step
    cdef _freeze_registers(self)
    cdef _freeze_key(self, dict arrays)
    cdef int run_sizes(self, const array_t *arrays, int64_t *regs, bint dynamic_only) except -1


cdef void compute_sizes(int n, const size_op_t *ops, const char *is_dynamic,
                        const array_t *arrays, int64_t *regs, bint dynamic_only) noexcept nogil


cdef class Program:
    cdef readonly list arrays           # (kind, dtype, ndim, payload): see _program.pyx
    cdef readonly list segments
    cdef readonly list outputs          # (dtype, ndim) of each array that a call allocates
    cdef readonly int ninputs, ncells
    cdef readonly object device
    cdef ct_device *dev
    cdef readonly list updates          # (cell, output): arrays exchanged at the end
    cdef readonly list written          # cells that a call changes
    cdef readonly tuple variables       # what its arrays are, for messages
    cdef readonly object jit            # who makes machine code of fused groups, or None
