"""Finds the products of a loop's body by matrices that stay the same, which are made ready once."""
cimport cython
from libc.stdint cimport int64_t
from libc.stdlib cimport calloc, free

from cytensor._loops cimport ready_t, rest_t
from cytensor._plan cimport ALIGNMENT, SLOT_ARRAYS, Plan, reloc_t, step_t


@cython.final
cdef class Ready:
    """Which products of a body have a factor that is made ready before the first step.

    The factors are operands of the loop that are the same in each step, or constants of the body.
    """

    def __dealloc__(self):
        cdef int i
        if self.loop != NULL:
            for i in range(self.loop.nready):
                self.products.free(self.loop.ready[i].product)
            free(self.loop.ready)

    cdef int find(self, Plan inner) except -1:
        """Have the steps of a body that are such products run as such."""
        cdef step_t *s
        cdef int i
        self.loop.ready = <ready_t *>calloc(inner.nsteps + 1, sizeof(ready_t))
        if self.loop.ready == NULL:
            raise MemoryError
        for i in range(inner.nsteps):
            s = &inner.steps[i]
            if s.fn != self.products.product:
                continue
            if not self.look_at(inner, s, 2) and not self.loop.in_block:
                self.look_at(inner, s, 1)
        return 0

    cdef bint look_at(self, Plan inner, step_t *s, int factor):
        """Note a product if that factor of it stays the same, and if it is worth it."""
        cdef int place = self.loop.nregs + self.loop.nready
        cdef ready_t *r = &self.loop.ready[self.loop.nready]
        if not self.is_found(r, s.first + factor):
            return False
        r.product = self.products.make(&inner.tensors[s.first], factor, self.loop.in_block, place)
        if r.product == NULL:
            return False
        r.at = self.loop.ready_bytes
        self.loop.ready_bytes += (self.products.bytes(r.product) + ALIGNMENT - 1) \
            // ALIGNMENT * ALIGNMENT
        self.loop.nready += 1
        s.fn, s.params = self.products.run, <const int64_t *>r.product
        return True

    cdef bint is_found(self, ready_t *r, int tensor):
        """Find out where an operand of the body comes from, if it stays the same."""
        cdef const reloc_t *reloc
        cdef const rest_t *rest
        cdef int i, k
        for i in range(self.loop.nfixed):
            reloc = &self.loop.fixed[i]
            if reloc.tensor != tensor or reloc.slot < SLOT_ARRAYS:
                continue
            r.tensor, r.offset = tensor, reloc.offset
            r.constant = NULL
            if reloc.slot - SLOT_ARRAYS < self.loop.narrays:
                r.constant = self.loop.places[reloc.slot - SLOT_ARRAYS].data
            if r.constant != NULL:
                return True
            for k in range(self.loop.nrests):
                rest = &self.loop.rests[k]
                if rest.slot == reloc.slot and self.first_const <= rest.operand:
                    r.operand = rest.operand
                    return True
        return False
