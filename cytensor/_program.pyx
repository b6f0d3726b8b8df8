"""A compiled program, before sizes are known: values, steps, and the integer prologue.

``cytensor.lowering`` builds it once; ``cytensor._planner`` turns it into a plan for each set of
sizes. See ``docs/decisions/0001-programs-and-plans.md``.
"""
from cpython.pycapsule cimport PyCapsule_GetPointer
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcpy

cimport cython

from cytensor._types import DTYPES

_SIZE_OPS = {
    "const": SIZE_CONST, "dim": SIZE_DIM, "load": SIZE_LOAD, "add": SIZE_ADD, "sub": SIZE_SUB,
    "mul": SIZE_MUL, "floordiv": SIZE_FLOORDIV, "mod": SIZE_MOD, "max": SIZE_MAX,
    "min": SIZE_MIN, "eq": SIZE_EQ, "lt": SIZE_LT, "where": SIZE_WHERE,
}


class AssumptionError(Exception):
    """Sizes are not as a rewrite took them to be; the program without it serves instead."""


@cython.final
cdef class Value:
    """One value of a segment: its dtype and rank, and how it comes about."""

    def __init__(self, kind, dtype, ndim, index=-1, dims=(), home=IN_ARENA, spare=-1, axis=0):
        self.kind = kind
        self.dtype = dtype
        self.ndim = ndim
        self.index = index
        self.dims = list(dims)
        self.home = home
        self.spare = spare
        self.axis = axis


@cython.final
cdef class GroupSpec:
    """A fused group: tile ops over a space of axes (see ``cpu/fused.h``).

    Parameters
    ----------
    values : list of (level, dtype, source, operand)
    ops : list of (kind, level, phase, out, ins, weight, fn, fn2, identity)
        ``fn`` and ``fn2`` are addresses; ``identity`` is bytes.
    outputs : list of (value, operand that it overwrites or -1, whether a later step reads it)
    naxes : (int, int, int)
        Kept, reduced, and kept inner axes.
    dims : list of int
        Registers of the sizes of the axes.
    axes : list of tuple
        Per operand, outputs first: which of its axes each axis of the space is, or -1.
    scalars : list of list of (Apply, value that it makes, values that it reads)
        What each op computes, for those who write code.
    """

    def __init__(self, values, ops, outputs, naxes, nphases, dims, axes, scalars):
        cdef int i
        self.dims = dims
        self.axes = axes
        self.scalars = scalars
        self.values, self.ops, self.outputs, self.naxes = values, ops, outputs, naxes
        self.dtypes = [value[1] for value in values]
        self.code = {}
        self.c.nvalues, self.c.nops = len(values), len(ops)
        self.c.noutputs, self.c.nphases = len(outputs), nphases
        self.c.nk, self.c.nr, self.c.nc = naxes
        self.c.values = <ct_spec_value *>calloc(len(values) + 1, sizeof(ct_spec_value))
        self.c.ops = <ct_spec_op *>calloc(len(ops) + 1, sizeof(ct_spec_op))
        self.c.output_value = <int32_t *>calloc(len(outputs) + 1, sizeof(int32_t))
        self.c.output_alias = <int32_t *>calloc(len(outputs) + 1, sizeof(int32_t))
        self.c.output_read = <int32_t *>calloc(len(outputs) + 1, sizeof(int32_t))
        if not (self.c.values and self.c.ops and self.c.output_value and self.c.output_alias
                and self.c.output_read):
            raise MemoryError
        for i, (level, dtype, source, operand) in enumerate(values):
            self.c.values[i].level = level
            self.c.values[i].dtype = dtype
            self.c.values[i].source = source
            self.c.values[i].operand = operand
        for i, op in enumerate(ops):
            self._set_op(&self.c.ops[i], op)
        for i, (value, alias, is_read) in enumerate(outputs):
            self.c.output_value[i] = value
            self.c.output_alias[i] = alias
            self.c.output_read[i] = is_read

    def node_of(self, int i):
        """Return the node that an op computes, for messages."""
        return self.scalars[i][-1][0]

    cdef _set_op(self, ct_spec_op *op, tuple fields):
        cdef int k
        kind, level, phase, out, ins, weight, fn, fn2, identity = fields
        op.kind, op.level, op.phase, op.out = kind, level, phase, out
        op.nin = len(ins)
        for k in range(op.nin):
            op.args[k] = ins[k]
        op.weight = weight
        op.fn = <void *><intptr_t>fn
        op.fn2 = <void *><intptr_t>fn2
        memcpy(op.identity, <const char *>identity, len(identity))

    def __dealloc__(self):
        free(self.c.values)
        free(self.c.ops)
        free(self.c.output_value)
        free(self.c.output_alias)
        free(self.c.output_read)


@cython.final
cdef class Step:
    """One step of a segment: a view, a kernel on whole tensors, or a fused group."""

    def __init__(self, kind, outs, ins, numbers=(), node=None, fn=0, accumulates=False,
                 spec=None, label="", python=None, commits=False, nodes=(), variables=(),
                 changes=0):
        cdef int i
        self.kind = kind
        self.outs = tuple(outs)
        self.ins = tuple(ins)
        self.numbers = tuple(numbers)
        self.node = node
        self.accumulates = accumulates
        self.commits = commits
        self.changes = changes
        self.spec = spec
        self.label = label
        self.python = python
        self.nodes = nodes
        self.variables = variables
        self.fn = <ct_kernel><intptr_t>fn
        if kind == KERNEL:
            self.params = <int64_t *>malloc((len(self.numbers) + 1) * sizeof(int64_t))
            if self.params == NULL:
                raise MemoryError
            for i in range(len(self.numbers)):
                self.params[i] = self.numbers[i]

    @property
    def written(self):
        """How many of its operands, the first ones, it writes to. A view of a part is one."""
        return max(len(self.outs) + self.changes, 1)

    def tile_lines(self):
        """Return the tile program of a fused group, a line for each value, for readers."""
        spec, lines = self.spec, {}
        for node, number, arguments in [item for items in spec.scalars for item in items]:
            for i in arguments:
                _, _, source, operand = spec.values[i]
                if source not in (CT_COMPUTED, CT_APART) and i not in lines:
                    lines[i] = _tile_line(spec, i, f"load {self.variables[operand]!r}")
            names = ", ".join([self._tile_name(i) for i in arguments])
            lines[number] = _tile_line(spec, number, f"{node.name}({names})")
        return [lines[number] for number in sorted(lines)]

    cdef str _tile_name(self, int number):
        """What a value is called; an array that its reader reaches by itself is no value."""
        _, _, source, operand = self.spec.values[number]
        return repr(self.variables[operand]) if source == CT_APART else f"t{number}"

    def __dealloc__(self):
        free(self.params)


cdef str _tile_line(GroupSpec spec, int number, str text):
    level, dtype, *_ = spec.values[number]
    return f"t{number}: {'full' if level == CT_FULL else 'kept'} {DTYPES[dtype]} = {text}"


@cython.final
cdef class Segment:
    """A run of steps whose sizes are all known when it begins.

    Registers hold the integers of the prologue. A register is *dynamic* if it depends on a number
    read from memory. Those that are sizes belong to the key of the plan.
    """

    def __init__(self):
        self.values = []
        self.steps = []
        self.checks = []
        self.exports = []
        self.late = []
        self.registers = []
        self.plans = {}
        self.key_registers = []
        self.arrays = ()

    def __dealloc__(self):
        free(self.size_ops)
        free(self.is_dynamic)
        free(self.array_ids)
        free(self.array_ndims)
        free(self.key_regs)

    def add_value(self, *args, **kwargs):
        """Add a ``Value``; return its number."""
        self.values.append(Value(*args, **kwargs))
        return len(self.values) - 1

    def add_register(self, op, a=0, b=0, c=0, imm=0):
        """Add an instruction of the prologue; return its register."""
        self.registers.append((_SIZE_OPS[op], a, b, c, imm))
        return len(self.registers) - 1

    def freeze(self, arrays, size_registers):
        """Close the segment.

        Parameters
        ----------
        arrays : dict of int to int
            The arrays of the program that it reads, and their ranks.
        size_registers : iterable of int
            Registers that are sizes, not mere offsets or data.
        """
        self.arrays = tuple(sorted(arrays))
        self.any_checks = len(self.checks) > 0
        self._freeze_registers()
        self.key_registers = sorted({r for r in size_registers if self.is_dynamic[r]})
        self._freeze_key(arrays)

    cdef _freeze_registers(self):
        cdef int i
        cdef size_op_t *op
        self.nregs = len(self.registers)
        self.size_ops = <size_op_t *>calloc(self.nregs + 1, sizeof(size_op_t))
        self.is_dynamic = <char *>calloc(self.nregs + 1, 1)
        if self.size_ops == NULL or self.is_dynamic == NULL:
            raise MemoryError
        for i in range(self.nregs):
            op = &self.size_ops[i]
            op.op, op.a, op.b, op.c, op.imm = self.registers[i]
            if op.op == SIZE_LOAD:
                self.is_dynamic[i] = 1
            elif op.op > SIZE_LOAD:
                self.is_dynamic[i] = (self.is_dynamic[op.a] | self.is_dynamic[op.b]
                                      | (op.op == SIZE_WHERE and self.is_dynamic[op.c]))
            self.any_dynamic |= self.is_dynamic[i]

    def loads_of_sizes(self):
        """Return the arrays whose data sizes depend on."""
        cdef set registers = set(self.key_registers), arrays = set()
        cdef int i
        for i in range(self.nregs - 1, -1, -1):
            op, a, b, c, _ = self.registers[i]
            if i not in registers or op == SIZE_CONST or op == SIZE_DIM:
                continue
            if op == SIZE_LOAD:
                arrays.add(a)
            else:
                registers.update((a, b, c) if op == SIZE_WHERE else (a, b))
        return arrays

    def know(self, arrays):
        """Take the data of some arrays to be known when a plan is made, as sizes are."""
        cdef int i
        cdef size_op_t *op
        self.any_dynamic = False
        for i in range(self.nregs):
            op = &self.size_ops[i]
            if op.op == SIZE_LOAD:
                self.is_dynamic[i] = op.a not in arrays
            elif op.op > SIZE_LOAD:
                self.is_dynamic[i] = (self.is_dynamic[op.a] | self.is_dynamic[op.b]
                                      | (op.op == SIZE_WHERE and self.is_dynamic[op.c]))
            self.any_dynamic |= self.is_dynamic[i]
        self.key_registers = [r for r in self.key_registers if self.is_dynamic[<int>r]]
        self.nkey -= self.nkeyregs - len(self.key_registers)
        self.nkeyregs = len(self.key_registers)
        for i in range(self.nkeyregs):
            self.key_regs[i] = self.key_registers[i]

    cdef _freeze_key(self, dict arrays):
        cdef int i
        self.narrays, self.nkeyregs = len(self.arrays), len(self.key_registers)
        self.array_ids = <int32_t *>calloc(self.narrays + 1, sizeof(int32_t))
        self.array_ndims = <int32_t *>calloc(self.narrays + 1, sizeof(int32_t))
        self.key_regs = <int32_t *>calloc(self.nkeyregs + 1, sizeof(int32_t))
        if not (self.array_ids and self.array_ndims and self.key_regs):
            raise MemoryError
        self.nkey = self.nkeyregs
        for i in range(self.narrays):
            self.array_ids[i] = self.arrays[i]
            self.array_ndims[i] = arrays[self.arrays[i]]
            self.nkey += 2 * self.array_ndims[i]
        for i in range(self.nkeyregs):
            self.key_regs[i] = self.key_registers[i]

    def dynamic(self, int register):
        """Whether a register may change between calls with the same sizes."""
        return bool(self.is_dynamic[register])

    cdef int run_sizes(self, const array_t *arrays, int64_t *regs, bint dynamic_only) except -1:
        """Run the prologue; ``dynamic_only`` leaves out what only depends on sizes."""
        compute_sizes(self.nregs, self.size_ops, self.is_dynamic, arrays, regs, dynamic_only)
        return 0


cdef void compute_sizes(int n, const size_op_t *ops, const char *is_dynamic,
                        const array_t *arrays, int64_t *regs, bint dynamic_only) noexcept nogil:
    """Run a prologue. Python's rules for // and %; by zero they give 0."""
    cdef int i
    cdef const size_op_t *op
    cdef int64_t a, b
    for i in range(n):
        if dynamic_only and not is_dynamic[i]:
            continue
        op = &ops[i]
        if op.op == SIZE_CONST:
            regs[i] = op.imm
        elif op.op == SIZE_DIM:
            regs[i] = arrays[op.a].dims[op.b]
        elif op.op == SIZE_LOAD:
            regs[i] = _load_integer(&arrays[op.a], op.b, op.imm)
        else:
            a, b = regs[op.a], regs[op.b]
            if op.op == SIZE_ADD:
                regs[i] = a + b
            elif op.op == SIZE_SUB:
                regs[i] = a - b
            elif op.op == SIZE_MUL:
                regs[i] = a * b
            elif op.op == SIZE_FLOORDIV:
                regs[i] = _floordiv(a, b)
            elif op.op == SIZE_MOD:
                regs[i] = a - _floordiv(a, b) * b if b != 0 else 0
            elif op.op == SIZE_MAX:
                regs[i] = a if a > b else b
            elif op.op == SIZE_MIN:
                regs[i] = a if a < b else b
            elif op.op == SIZE_EQ:
                regs[i] = a == b
            elif op.op == SIZE_LT:
                regs[i] = a < b
            else:
                regs[i] = b if a else regs[op.c]


cdef inline int64_t _floordiv(int64_t a, int64_t b) noexcept nogil:
    if b == 0:
        return 0
    cdef int64_t q = a // b             # C's, towards zero
    return q - 1 if (a % b != 0 and (a < 0) != (b < 0)) else q


cdef int64_t _load_integer(const array_t *array, int dtype, int64_t index) noexcept nogil:
    """Element ``index`` (along axis 0, where there is one) of an integer array."""
    cdef const char *at = array.data + (index * array.strides[0] if index else 0)
    if dtype == 0 or dtype == 2:
        return (<const unsigned char *>at)[0]
    if dtype == 1:
        return (<const signed char *>at)[0]
    if dtype == 3:
        return (<const short *>at)[0]
    if dtype == 4:
        return (<const unsigned short *>at)[0]
    if dtype == 5:
        return (<const int *>at)[0]
    if dtype == 6:
        return (<const unsigned int *>at)[0]
    return (<const int64_t *>at)[0]


@cython.final
cdef class Program:
    """Segments, and the arrays they work on.

    Parameters
    ----------
    device : capsule
        The ``ct_device`` whose kernels the steps name.
    arrays : list of (kind, dtype, ndim, payload)
        ``"input"`` and ``"cell"`` come first, in the order of the call; then ``"constant"``
        (payload: the array) and ``"export"`` (a value that one segment hands to later ones).
        The dtype of what is no array is ``OBJECT_DTYPE``.
    outputs : list of (dtype, ndim)
        What a call makes and holds: results, then new values of shared variables, then what
        steps in Python return and others read.
    updates : list of (cell, output)
    written : list of int
        All cells that a call changes, by exchange or in place.
    variables : sequence of Variable
        What the arrays are.
    jit : object, optional
        ``jit.improve(plan)`` is called once for a plan that costs much time.
    """

    def __init__(self, device, arrays, segments, outputs, updates, written, variables=(),
                 jit=None):
        self.device = device
        self.dev = <ct_device *>PyCapsule_GetPointer(device, "device")
        self.arrays = arrays
        self.segments = segments
        self.outputs = outputs
        self.updates = updates
        self.written = written
        self.variables = tuple(variables)
        self.jit = jit
        self.ninputs = len([a for a in arrays if a[0] == "input"])
        self.ncells = len([a for a in arrays if a[0] == "cell"])
