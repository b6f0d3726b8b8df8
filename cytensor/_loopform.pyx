"""What a loop of a plan does, for those who write code for it; and the place where code goes.

Everything here is the same in each run of the loop. Texts come from ``lowering/nests.py``.
"""
from collections import namedtuple

from libc.stdint cimport int64_t, intptr_t
from libc.stdlib cimport calloc, free

from cytensor._loopplan cimport LoopPlan
from cytensor._loops cimport (ct_nest, entry_t, exit_t, look_for_signals, move_t, nest_t,
                              rest_t)
from cytensor._plan cimport SLOT_ARENA, SLOT_ARRAYS, SLOT_REGS, Plan, reloc_t, step_t
from cytensor._program cimport (CT_ARRAY, CT_COMPUTED, CT_COUNT, GROUP, KERNEL, LOOP, GroupSpec,
                                Step, ct_group, ct_spec_value, ct_tensor)

cdef extern from *:
    """
    static inline void ct_publish(void *place, void *nest)
    {
        __atomic_store_n((void **)place, nest, __ATOMIC_RELEASE);
    }
    """
    void ct_publish(void *place, void *nest) noexcept nogil

cdef enum:
    MAP = 0                     # ct_tile_kind

#: An operand of a step. Its address is that of its slot, and so many bytes further; terms are pairs
#: of a register and the bytes that it counts.
Tensor = namedtuple("Tensor", "slot offset terms dtype dims strides")
#: A slot whose address goes on by ``delta`` bytes in each step, from ``high`` to ``low``. It begins
#: at an operand of the loop, or in scratch (-1), and lies in scratch at ``place``.
Move = namedtuple("Move", "place operand offset delta from_end low high")
#: A slot whose address stays: at an operand of the loop, or in scratch (-1).
Rest = namedtuple("Rest", "operand offset")
#: A slot whose address is known: a constant of the body.
Fixed = namedtuple("Fixed", "address")
#: A state: the slots of its values by lag, and that of the next one; its operands.
State = namedtuple("State", "number dtype ndim taps out keep init first entry exit")
#: How initial values come in: where to (-1: scratch), bytes between two there.
Entry = namedtuple("Entry", "target offset from_end step")
#: How last values go out: bytes between two of them.
Exit = namedtuple("Exit", "step")
#: A step of the body. ``kind``: scalars, copy, add, map, loop or call; ``first``: its first tensor;
#: ``box``: the address of its group.
Work = namedtuple("Work", "kind at step first n fn params box cost body")
#: A fused group as values and where they come from, (dtype, source, operand); values that it
#: returns; for each op its kernel, and the nodes that say what it computes.
Group = namedtuple("Group", "values outputs kernels scalars axes sizes")

#: Where the values of a group come from.
ARRAY, COMPUTED, COUNT = CT_ARRAY, CT_COMPUTED, CT_COUNT
#: Slots of every plan.
ARENA, REGS = SLOT_ARENA, SLOT_REGS


cdef class LoopForm:
    """A loop for given sizes, as its plan says it.

    Attributes
    ----------
    address : int
        Of the ``loop_t``, which failures name.
    look, look_every : int
        What looks for Ctrl-C: the address of a function, and after how many steps.
    layout : dict of str to int
        Where in scratch things are.
    tensors : list of Tensor
    slots : dict of int to Move, Rest or Fixed
    states : list of State
    works : list of Work
    registers : list of (op, a, b, c, imm)
    values : list of int or None
        The registers; None if they depend on data.
    checks : list of (number, condition, a, b)
        Those that depend on data.
    """
    cdef readonly LoopPlan plan
    cdef readonly list tensors, states, works, registers, values, checks
    cdef readonly dict slots, layout
    cdef readonly object node, until, count_operand
    cdef readonly intptr_t address, look
    cdef readonly int64_t look_every
    cdef readonly int steps_operand, seqs
    cdef readonly bint in_block

    def __init__(self, LoopPlan plan):
        cdef int i
        self.plan, self.node = plan, plan.node
        self.address = <intptr_t>&plan.c
        self.look = <intptr_t>look_for_signals
        self.look_every = plan.c.look_every
        self.steps_operand, self.in_block = plan.c.steps_operand, plan.c.in_block
        self.seqs = plan.form.seqs
        self.count_operand = plan.c.count_operand if plan.c.count_operand >= 0 else None
        self.until = plan.c.until if plan.c.until >= 0 else None
        self.layout = {"arena": plan.c.arena, "tensors": plan.c.tensors, "base": plan.c.base,
                       "regs": plan.c.regs}
        self.tensors = self.list_tensors(plan.inner)
        self.slots = self.list_slots()
        self.states = [self.state(number, first, output)
                       for number, first, output in sorted(plan.taps)]
        self.works = [self.work(plan.inner, i) for i in range(plan.inner.nsteps)]
        self.registers = plan.segment.registers
        self.values = [None if plan.segment.is_dynamic[i] else plan.inner.regs[i]
                       for i in range(plan.segment.nregs)]
        self.checks = [(plan.c.checks[i].number, plan.c.checks[i].condition, plan.c.checks[i].a,
                        plan.c.checks[i].b) for i in range(plan.c.nchecks)]

    def array(self, int i):
        """Return the slot of array ``i`` of the body, its rank, and the stride of axis 0."""
        return (SLOT_ARRAYS + i, self.plan.program.arrays[i][2], self.plan.arrays[i].strides[0])

    def install(self, addresses, numbers):
        """Let the loop run this function from now on; its plan must still be there."""
        cdef nest_t *nest = <nest_t *>calloc(1, sizeof(nest_t))
        cdef int i
        if nest == NULL:
            raise MemoryError
        nest.numbers = <int64_t *>calloc(len(numbers) + 1, sizeof(int64_t))
        if nest.numbers == NULL or self.plan.c.nest != NULL:
            free(nest.numbers)
            free(nest)
            return
        nest.run = <ct_nest><intptr_t>addresses[0]
        for i in range(len(numbers)):
            nest.numbers[i] = numbers[i]
        ct_publish(&self.plan.c.nest, nest)

    # ----- addresses -----

    cdef list list_tensors(self, Plan inner):
        cdef const ct_tensor *t
        cdef const reloc_t *r
        cdef int i, k
        places = {}
        for i in range(inner.nrelocs):
            r = &inner.relocs[i]
            places[r.tensor] = (r.slot, r.offset,
                                [(r.terms[k].reg, r.terms[k].scale) for k in range(r.nterms)])
        found = []
        for i in range(inner.ntensors):
            t = &inner.tensors[i]
            slot, offset, terms = places.get(i) or (SLOT_ARENA, <intptr_t>t.data, [])
            found.append(Tensor(slot, offset, terms, t.dtype,
                                tuple([t.dims[k] for k in range(t.ndim)]),
                                tuple([t.strides[k] for k in range(t.ndim)])))
        return found

    cdef dict list_slots(self):
        cdef const move_t *m
        cdef const rest_t *r
        cdef int i
        cdef dict found = {}
        for i in range(self.plan.c.narrays):
            if self.plan.c.places[i].data != NULL:
                found[SLOT_ARRAYS + i] = Fixed(<intptr_t>self.plan.c.places[i].data)
        for i in range(self.plan.c.nrests):
            r = &self.plan.c.rests[i]
            found[r.slot] = Rest(r.operand, r.offset)
        for i in range(self.plan.c.nmoves):
            m = &self.plan.c.moves[i]
            found[m.slot] = Move(self.plan.c.now + i * <int64_t>sizeof(char *), m.operand, m.offset,
                                 m.delta, m.from_end, m.low, m.high)
        return found

    cdef state(self, int number, int first, int output):
        cdef LoopPlan plan = self.plan
        cdef int operand = plan.init_operand(number), i
        cdef const entry_t *e
        cdef const exit_t *x
        cdef int ndim = 0, dtype = 0
        cdef int64_t step = 0
        entry = last = None
        for i in range(plan.c.nentries):
            e = &plan.c.entries[i]
            if e.operand == operand:
                entry = Entry(e.target, e.offset, e.from_end, e.place.strides[0])
                ndim, dtype, step = e.values.ndim - 1, e.values.dtype, e.values.strides[0]
        for i in range(plan.c.nexits):
            x = &plan.c.exits[i]
            if x.operand == number:
                last = Exit(x.step)
        taps = {lag: SLOT_ARRAYS + first + k for k, lag in enumerate(plan.form.lags[number])}
        out = plan.output_slot(output)
        if out not in self.slots:               # a cell that each step writes over
            out = SLOT_ARRAYS + first
        return State(number, dtype, ndim, taps, out, bool(plan.form.keeps[number]), operand, step,
                     entry, last)

    # ----- steps -----

    cdef work(self, Plan inner, int i):
        cdef const step_t *s = &inner.steps[i]
        cdef Step step = self.plan.segment.steps[s.source]
        cdef int64_t cost = 0
        kind, body = "call", None
        if s.fn == self.plan.c.copy:
            kind = "copy"
        elif step.kind == KERNEL and step.node is not None and step.node.kind == "inc":
            kind = "add"
        elif step.kind == GROUP:
            kind, body = self.kind_of_group(step.spec), self.group(inner, step.spec)
            cost = self.plan.program.dev.group_cost(<const ct_group *><intptr_t>s.box)
        elif step.kind == LOOP:
            kind, body = self.loop_at(inner, s)
        return Work(kind, i, step, s.first, s.n, <intptr_t>s.fn, <intptr_t>s.params,
                    s.box, cost, body)

    cdef tuple loop_at(self, Plan inner, const step_t *s):
        """The loop that a step runs, if it neither runs in blocks nor begins with work."""
        for loop in inner.children:
            if isinstance(loop, LoopPlan) and <int64_t><intptr_t>&(<LoopPlan>loop).c == s.box \
                    and not (<LoopPlan>loop).c.nready:
                return "loop", LoopForm(loop)
        return "call", None

    cdef str kind_of_group(self, GroupSpec spec):
        cdef int i
        for i in range(spec.c.nops):
            if spec.c.ops[i].kind != MAP:
                return "call"
        return "map" if spec.dims else "scalars"

    cdef group(self, Plan inner, GroupSpec spec):
        cdef const ct_spec_value *v
        cdef int i
        values = []
        for i in range(spec.c.nvalues):
            v = &spec.c.values[i]
            values.append((v.dtype, v.source, v.operand))
        return Group(values, [spec.c.output_value[i] for i in range(spec.c.noutputs)],
                     [<intptr_t>spec.c.ops[i].fn for i in range(spec.c.nops)], spec.scalars,
                     spec.axes, [inner.regs[<int>i] for i in spec.dims])
