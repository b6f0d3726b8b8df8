"""A plan: steps with every size, stride and offset worked out, and the arenas that run them."""
cimport cython
from cpython.ref cimport Py_DECREF, PyObject
from libc.stdint cimport int64_t, intptr_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcpy

from cytensor._program cimport (CT_CHECK, CT_EMPTY, CT_INDEX, CT_LINALG, CT_MAXLOOPS, CT_MEMORY,
                                CT_PYTHON, CT_ZERO_DIVISION, GROUP, Step)

from cytensor.failures import loop_text, node_text, step_text


cdef extern from *:
    """
    #include <stdlib.h>
    #include <sys/mman.h>

    #define HUGE_PAGE (2 << 20)

    /* Large memory gets large pages, where the system has them: fewer of their addresses are
     * forgotten. */
    static int ct_aligned(void **memory, size_t alignment, size_t bytes)
    {
        const int is_large = bytes >= 2 * HUGE_PAGE;
        const int status = posix_memalign(memory, is_large ? HUGE_PAGE : alignment, bytes);
    #ifdef MADV_HUGEPAGE
        if (status == 0 && is_large)
            madvise(*memory, bytes, MADV_HUGEPAGE);
    #endif
        return status;
    }
    """
    int ct_aligned(void **memory, size_t alignment, size_t bytes) nogil


cdef enum:
    CALL_COST = 500             # of what a call does beside its steps, in additions
    HELD_BYTES = 64 << 20       # of the arenas of a segment, above which idle ones have to go

# What calls of a segment may cost, in additions, before machine code of it is asked for.
cdef int64_t heat_limit = <int64_t>1 << 62


def set_heat_limit(int64_t additions):
    """Set when machine code is asked for: 0 at once, 2**62 never."""
    global heat_limit
    heat_limit = additions


cdef int run_checks(Segment segment, const int64_t *regs, bint dynamic_only) except -1:
    """Raise the error of the first check that does not hold."""
    for register, message, a, b, error, node in segment.checks:
        if regs[<int>register] or (dynamic_only and not segment.is_dynamic[<int>register]):
            continue
        text = message.format(a=regs[<int>a], b=regs[<int>b])
        raise error(text + node_text(node, sizes_of(segment, node, regs)))
    return 0


cdef int run_size_checks(Segment segment, const int64_t *regs) except -1:
    """As ``run_checks``, for what depends on sizes alone."""
    for register, message, a, b, error, node in segment.checks:
        if not regs[<int>register] and not segment.is_dynamic[<int>register]:
            text = message.format(a=regs[<int>a], b=regs[<int>b])
            raise error(text + node_text(node, sizes_of(segment, node, regs)))
    return 0


cdef sizes_of(Segment segment, node, const int64_t *regs):
    """The shapes of a node's inputs, as far as the registers tell."""
    if segment.shape is None:
        return None
    known = [regs[i] for i in range(segment.nregs)]
    return [segment.shape(x, known) for x in getattr(node, "inputs", ())]


cdef raise_error(int status, ct_call *call, step, operands, variables, arrays):
    """Turn what a kernel reported into an exception that shows what the step worked on.

    ``operands`` are the step's arrays, results first; ``variables`` and ``arrays`` those that the
    call began with.
    """
    if call.depth:
        loops = loops_around(call)
        place = loop_text(loops)
        if status == CT_CHECK:
            raise loops[-1][0].failed_check(call.info[0], call.info[1], call.info[2], place)
        step = loops[-1][0].step_at(loops[-1][2]) or step
    else:
        node = step.node
        if status == CT_INDEX and step.spec is not None:
            node = step.spec.node_of(call.info[3])
        place = step_text(step, node, operands, variables, arrays)
    if status == CT_PYTHON:
        error = <object><PyObject *><intptr_t>call.info[0]
        Py_DECREF(error)
        if hasattr(error, "add_note"):
            error.add_note(f"while running {step.label}{place}")
        raise error
    if status == CT_INDEX:
        name = step.label if step.spec is None else step.spec.node_of(call.info[3]).op.name
        raise IndexError(f"{name}: index {call.info[0]} is out of bounds for axis "
                         f"{call.info[1]} with size {call.info[2]}{place}")
    if status == CT_ZERO_DIVISION:
        raise ZeroDivisionError(f"{step.label}: integer division by zero{place}")
    if status == CT_EMPTY:
        raise ValueError(f"zero-size array to reduction operation {step.label} which has no "
                         f"identity{place}")
    if status == CT_MEMORY:
        raise MemoryError(f"{step.label}{place}")
    if status == CT_LINALG:
        from numpy.linalg import LinAlgError
        which = f", number {call.info[1]} of the stack" if call.info[1] >= 0 else ""
        raise LinAlgError(f"{step.label}: {call.text.decode()}{which}{place}")
    text = call.text.decode() if call.text != NULL else "failed"
    raise ValueError(f"{step.label}: {text}{place}")


cdef list loops_around(ct_call *call):
    """What runs each loop around a failure, its step that failed, and where; outermost first."""
    found = []
    for i in range(min(call.depth, CT_MAXLOOPS)):
        owner = <object>(<PyObject **>call.trace[i].loop)[0]
        found.insert(0, (owner, call.trace[i].step, call.trace[i].at))
    return found


@cython.final
cdef class Plan:
    """Steps with every size, stride and offset worked out, and the arenas that run them."""

    def __dealloc__(self):
        cdef int i
        for i in range(self.ngroups):
            self.group_free(self.groups[i])
        self.drop_idle()
        free(self.groups)
        free(self.steps)
        free(self.tensors)
        free(self.layout)
        free(self.relocs)
        free(self.regs)
        free(self.key)
        free(self.exports)
        free(self.export_layout)
        free(self.outputs)
        free(self.objects)

    def list_groups(self):
        """Return (step, address) of each fused group, with those in loops."""
        found = []
        cdef int i
        for i in range(self.nsteps):
            step = <Step>self.segment.steps[self.steps[i].source]
            if step.kind == GROUP:
                found.append((step, <intptr_t>self.steps[i].box))
        for loop in self.children:
            for plan in loop.plans():
                found += plan.list_groups()
        return found

    def list_loops(self):
        """Return what runs the loops among the steps as wholes."""
        return [loop for loop in self.children if loop.is_whole]

    cdef int warm(self) except -1:
        """Have machine code made of the groups once calls of this segment have cost enough."""
        if self.segment.heat >= heat_limit:
            jit, self.jit = self.jit, None
            jit.improve(self)
        self.segment.heat += self.cost + CALL_COST
        return 0

    cdef arena_t *take(self) except NULL:
        """Return memory for one call. The caller holds the GIL."""
        cdef arena_t *arena = self.spare
        if arena != NULL:
            self.spare = arena.next
            return arena
        self.make_room()
        arena = <arena_t *>calloc(1, sizeof(arena_t))
        if arena == NULL:
            raise MemoryError
        if ct_aligned(<void **>&arena.memory, ALIGNMENT, self.arena_bytes + ALIGNMENT):
            free(arena)
            raise MemoryError
        arena.tensors = <ct_tensor *>malloc((self.ntensors + 1) * sizeof(ct_tensor))
        arena.base = <char **>calloc(self.nbase + 1, sizeof(char *))
        arena.regs = <int64_t *>malloc((self.segment.nregs + 1) * sizeof(int64_t))
        if arena.tensors == NULL or arena.base == NULL or arena.regs == NULL:
            free_arena(arena)
            raise MemoryError
        self.fill(arena)
        self.segment.held += self.arena_bytes
        return arena

    cdef int make_room(self) except -1:
        """Before another arena: let idle ones go, if those of many sizes have gathered."""
        if self.segment.held > HELD_BYTES + 2 * self.arena_bytes:
            for plan in self.segment.plans.values():
                if plan is not None:
                    (<Plan>plan).drop_idle()
        return 0

    cdef void drop_idle(self) noexcept:
        """Free the arenas that no call is using."""
        cdef arena_t *arena
        while self.spare != NULL:
            arena = self.spare
            self.spare = arena.next
            free_arena(arena)
            if self.segment is not None:        # it may be gone when the plan goes
                self.segment.held -= self.arena_bytes

    cdef void fill(self, arena_t *arena) noexcept:
        cdef int i
        memcpy(arena.tensors, self.tensors, self.ntensors * sizeof(ct_tensor))
        memcpy(arena.regs, self.regs, self.segment.nregs * sizeof(int64_t))
        for i in range(self.ntensors):
            arena.tensors[i].data = arena.memory + <int64_t><intptr_t>self.tensors[i].data
        arena.base[SLOT_ARENA] = arena.memory
        arena.base[SLOT_REGS] = <char *>arena.regs

    cdef void give_back(self, arena_t *arena) noexcept:
        """Keep an arena for the next call. The caller holds the GIL."""
        arena.next = self.spare
        self.spare = arena


cdef void free_arena(arena_t *arena) noexcept:
    free(arena.memory)
    free(arena.tensors)
    free(arena.base)
    free(arena.regs)
    free(arena)
