"""A plan: steps with every size, stride and offset worked out, and the arenas that run them."""
import linecache

cimport cython
from libc.stdint cimport int64_t, intptr_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcpy


cdef extern from "stdlib.h" nogil:
    int posix_memalign(void **, size_t, size_t)


cdef int run_checks(Segment segment, const int64_t *regs, bint dynamic_only) except -1:
    """Raise the error of the first check that does not hold."""
    for register, message, a, b, error, node in segment.checks:
        if regs[<int>register] or (dynamic_only and not segment.is_dynamic[<int>register]):
            continue
        text = message.format(a=regs[<int>a], b=regs[<int>b])
        raise error(text + where(node))
    return 0


def where(node):
    """Say on which line of the user's a node was made."""
    loc = getattr(node, "loc", None)
    if not loc:
        return ""
    line = linecache.getline(*loc).strip()
    return f"\n  in {node!r}, made at {loc[0]}:{loc[1]}" + (f"\n    {line}" if line else "")


@cython.final
cdef class Plan:
    """Steps with every size, stride and offset worked out, and the arenas that run them."""

    def __dealloc__(self):
        cdef int i
        cdef arena_t *arena
        for i in range(self.ngroups):
            self.group_free(self.groups[i])
        while self.spare != NULL:
            arena = self.spare
            self.spare = arena.next
            free_arena(arena)
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

    cdef arena_t *take(self) except NULL:
        """Return memory for one call. The caller holds the GIL."""
        cdef arena_t *arena = self.spare
        if arena != NULL:
            self.spare = arena.next
            return arena
        arena = <arena_t *>calloc(1, sizeof(arena_t))
        if arena == NULL:
            raise MemoryError
        if posix_memalign(<void **>&arena.memory, ALIGNMENT, self.arena_bytes + ALIGNMENT):
            free(arena)
            raise MemoryError
        arena.tensors = <ct_tensor *>malloc((self.ntensors + 1) * sizeof(ct_tensor))
        arena.base = <char **>calloc(self.nbase + 1, sizeof(char *))
        arena.regs = <int64_t *>malloc((self.segment.nregs + 1) * sizeof(int64_t))
        if arena.tensors == NULL or arena.base == NULL or arena.regs == NULL:
            free_arena(arena)
            raise MemoryError
        self.fill(arena)
        return arena

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
