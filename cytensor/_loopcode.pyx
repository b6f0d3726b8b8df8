"""Writes the steps of a loop as instructions: work on single numbers leaves its groups.

See ``scalars.h``. What is no such work stays a step of the plan.
"""
cimport cython
from libc.stdint cimport int64_t, intptr_t
from libc.stdlib cimport calloc

from cytensor._loops cimport (CT_CALL, CT_COPY1, CT_COPY4, CT_COPY8, CT_NO_LINK,
                              CT_STEP, ct_code, ct_find_chain, ct_link_of, loop_t)
from cytensor._plan cimport Plan, reloc_t, step_t
from cytensor._program cimport (CT_ARRAY, CT_COMPUTED, CT_F32, CT_F64, GROUP, GroupSpec, Segment,
                                Step, ct_itemsize, ct_spec_op, ct_spec_value, ct_tensor)

cdef enum:
    MAP = 0                     # ct_tile_kind


@cython.final
cdef class Instructions:
    """Writes those of one loop.

    Before ``write``, ``begin`` tells how many cells there may be: numbers that instructions make.
    """

    cdef int begin(self, loop_t *c, Plan inner, Segment segment, dict codes,
                   dict move_of) except -1:
        """Make room. Returns the number of cells; their memory is the caller's business.

        ``codes`` says which tile kernels are instructions; ``move_of`` has the slots that move.
        """
        cdef int i, most = 0
        cdef Step step
        self.c, self.inner, self.segment, self.codes = c, inner, segment, codes
        self.move_of = move_of
        for i in range(inner.nsteps):
            step = self.step_at(i)
            most += 1 if step.spec is None else step.spec.c.nops + step.spec.c.noutputs + 1
        c.code = <ct_code *>calloc(most + 1, sizeof(ct_code))
        if c.code == NULL:
            raise MemoryError
        return most

    cdef int write(self) except -1:
        """Write all steps."""
        cdef int i
        cdef Step step
        self.wanted = set()
        for i in range(self.inner.nsteps):
            step = self.step_at(i)
            if self.inner.steps[i].fn == self.c.copy and self.is_number(i):
                self.write_copy(i)
            elif step.kind == GROUP and self.is_scalar(step.spec):
                self.write_group(i, step.spec)
            else:
                self.write_step(i)
        self.keep_relocs()
        return 0

    cdef Step step_at(self, int i):
        return self.segment.steps[self.inner.steps[i].source]

    cdef ct_code *instruction(self, int op):
        cdef ct_code *c = &self.c.code[self.c.ncode]
        c.op = op
        self.c.ncode += 1
        return c

    cdef int write_step(self, int i) except -1:
        cdef const step_t *s = &self.inner.steps[i]
        cdef int k
        self.instruction(CT_STEP).at = i
        for k in range(s.n):
            self.wanted.add(s.first + k)
        return 0

    cdef bint is_number(self, int i):
        """Whether a step copies one number."""
        cdef const ct_tensor *t = &self.inner.tensors[self.inner.steps[i].first]
        return t.ndim == 0 and ct_itemsize[t.dtype] in (1, 4, 8)

    cdef int write_copy(self, int i) except -1:
        cdef int first = self.inner.steps[i].first
        self.copy_number(self.place_of(first), self.place_of(first + 1),
                         self.inner.tensors[first].dtype)
        return 0

    cdef int copy_number(self, int64_t out, int64_t source, int dtype) except -1:
        cdef int item = ct_itemsize[dtype]
        cdef ct_code *c = self.instruction(
            CT_COPY1 if item == 1 else CT_COPY4 if item == 4 else CT_COPY8)
        c.out, c.args[0] = out, source
        return 0

    cdef bint is_scalar(self, GroupSpec spec):
        """Whether a group works on single numbers, each of which an instruction can make."""
        cdef int i
        if spec.dims:
            return False
        for i in range(spec.c.nops):
            if spec.c.ops[i].kind != MAP:
                return False
        for i in range(spec.c.nvalues):
            if spec.c.values[i].source not in (CT_ARRAY, CT_COMPUTED):
                return False
        for i in range(spec.c.noutputs):
            if ct_itemsize[spec.c.values[spec.c.output_value[i]].dtype] not in (1, 4, 8):
                return False
        return True

    cdef int write_group(self, int i, GroupSpec spec) except -1:
        """Write the ops of a group, each on places of its own."""
        cdef int first = self.inner.steps[i].first, k, value
        cdef const ct_spec_value *v
        cdef const ct_spec_op *o
        cdef ct_code *c
        cdef list places = []
        for k in range(spec.c.nvalues):
            v = &spec.c.values[k]
            places.append(self.place_of(first + v.operand) if v.source == CT_ARRAY else None)
        again = []
        for k in range(spec.c.noutputs):
            value = spec.c.output_value[k]
            if places[value] is None:
                places[value] = self.place_of(first + k)
            else:
                again.append((self.place_of(first + k), value))
        for k in range(spec.c.nops):
            o = &spec.c.ops[k]
            if places[o.out] is None:
                places[o.out] = self.new_cell()
            op = self.codes.get(<intptr_t>o.fn)
            c = self.instruction(CT_CALL if op is None else op)
            c.fn, c.out = o.fn, places[o.out]
            for value in range(o.nin):
                c.args[value] = places[o.args[value]]
        for place, value in again:
            self.copy_number(place, places[value], spec.c.values[<int>value].dtype)
        return 0

    cdef int64_t new_cell(self):
        self.c.ncells += 1
        return self.c.places_of_cells + (self.c.ncells - 1) * <int64_t>sizeof(char *)

    cdef int64_t place_of(self, int tensor) except -1:
        """Where in scratch the address of an operand of the body is."""
        cdef const reloc_t *r
        cdef int i
        for i in range(self.c.nrelocs):
            r = &self.c.relocs[i]
            if r.tensor == tensor:
                if r.nterms == 0 and r.offset == 0:
                    return self.place_of_slot(r.slot)
                self.wanted.add(tensor)
        return self.c.tensors + tensor * <int64_t>sizeof(ct_tensor)

    cdef int64_t place_of_slot(self, int slot):
        """Where in scratch the address at a slot that moves is."""
        return self.c.now + self.move_of[slot] * <int64_t>sizeof(char *)

    cdef int keep_relocs(self) except -1:
        """Forget the addresses that instructions find for themselves."""
        cdef int i, kept = 0
        for i in range(self.c.nrelocs):
            if self.c.relocs[i].tensor in self.wanted:
                self.c.relocs[kept] = self.c.relocs[i]
                kept += 1
        self.c.nrelocs = kept
        self.c.is_plain = kept == 0 and not self.c.is_dynamic
        return 0

    cdef int find_chain(self, int tap_slot, int new_slot, bint keep, int dtype) except -1:
        """See whether a loop with one state, which lies at two slots, is a chain."""
        cdef const ct_code *one = &self.c.code[0]
        cdef const ct_code *two = &self.c.code[1]
        cdef int64_t tap, new, last
        cdef int first, second = CT_NO_LINK, at
        if not (self.c.is_plain and 1 <= self.c.ncode <= 2 and new_slot in self.move_of
                and dtype in (CT_F32, CT_F64)):
            return 0
        tap, new = self.place_of_slot(tap_slot), self.place_of_slot(new_slot)
        last = one.out if self.c.ncode == 1 else two.out
        at = self.state_in(one, tap)
        if at < 0 or last != new:
            return 0
        first = ct_link_of(one.op, at)
        self.c.chain.a = self.c.chain.b = one.args[1 - at]
        if self.c.ncode == 2:
            at = self.state_in(two, one.out)
            if at < 0 or two.args[1 - at] == tap:
                return 0
            second = ct_link_of(two.op, at)
            self.c.chain.b = two.args[1 - at]
        self.c.chain.first = tap
        self.c.chain.from_a = self.delta_at(self.c.chain.a)
        self.c.chain.from_b = self.delta_at(self.c.chain.b)
        # of a state that is not kept, the last value belongs where a loop of no steps has it
        self.c.chain.out = new if keep else tap
        self.c.chain.to = self.delta_at(new) if keep else 0
        self.c.chain.run = ct_find_chain(dtype, first, second)
        return 0

    cdef int state_in(self, const ct_code *c, int64_t state):
        """Which of two inputs of an instruction is the state; -1 if it is not exactly one."""
        if ct_link_of(c.op, 0) == CT_NO_LINK or (c.args[0] == state) == (c.args[1] == state):
            return -1
        return 0 if c.args[0] == state else 1

    cdef int64_t delta_at(self, int64_t place):
        """By how much the address at a place moves in each step."""
        cdef int64_t number = (place - self.c.now) // <int64_t>sizeof(char *)
        return self.c.moves[number].delta if 0 <= number < self.c.nmoves else 0
