"""Makes plans: works out every dimension, stride, offset and buffer of a segment for given sizes.

Views cost nothing: they only move a value's place. What remains is a flat array of steps over
tensors whose addresses are an offset in the arena, or are filled in on each call.
"""
from libc.stdint cimport int32_t, int64_t, intptr_t
from libc.stdlib cimport calloc, free, malloc, realloc
from libc.string cimport memcpy, memset

cimport cython

from cytensor._places cimport (count, is_contiguous, place_t, reshape_strides, set_contiguous)
from cytensor._plan cimport (ALIGNMENT, SLOT_ARENA, SLOT_ARRAYS, SLOT_COUNT, SLOT_REGS, Plan,
                             output_t, reloc_t, run_checks, run_size_checks, step_t,
                             term_t)
from cytensor._program cimport (ARRAY, BROADCAST, COMPUTED, COUNTER, CT_MAXDIM, DIAGONAL,
                                DIMSHUFFLE, GROUP, IN_ARENA, IN_CELL, IN_OUTPUT, IN_PART, KERNEL,
                                LOOP, OBJECT, REGISTER, SLICE, GroupSpec, Program, Segment, Step,
                                Value, array_t, ct_group, ct_itemsize, ct_kernel, ct_tensor)


# ----- the builder -----

@cython.final
cdef class Builder:
    """State while one plan is made."""

    def __cinit__(self):
        self.nbuffers = self.room_buffers = 0

    def __dealloc__(self):
        free(self.places)
        free(self.buffers)

    cdef place_t *place(self, int value) except NULL:
        return &self.places[value]

    cdef int new_buffer(self, int64_t bytes) except -1:
        if self.nbuffers == self.room_buffers:
            self.room_buffers = 2 * self.room_buffers + 16
            self.buffers = <buffer_t *>grow(self.buffers, self.room_buffers * sizeof(buffer_t))
        cdef buffer_t *b = &self.buffers[self.nbuffers]
        b.bytes = (bytes + ALIGNMENT - 1) // ALIGNMENT * ALIGNMENT
        b.birth = self.plan.nsteps
        b.death = self.plan.nsteps
        b.alias = -1
        b.offset = 0
        self.nbuffers += 1
        return self.nbuffers - 1

    cdef int in_arena(self, place_t *p) except -1:
        """Give a value memory of its own."""
        p.slot = SLOT_ARENA
        p.offset = 0
        p.nterms = 0
        p.root = self.new_buffer(count(p) * ct_itemsize[p.dtype])
        set_contiguous(p, ct_itemsize[p.dtype])
        return 0

    # ----- values -----

    cdef int place_value(self, int i) except -1:
        """Place what does not depend on a view step."""
        cdef Value v = self.segment.values[i]
        cdef place_t *p = &self.places[i]
        cdef const array_t *array
        cdef int a
        p.ndim, p.dtype, p.root = v.ndim, v.dtype, -1
        if v.kind == ARRAY:
            array = &self.arrays[v.index]
            for a in range(v.ndim):
                p.dims[a], p.strides[a] = array.dims[a], array.strides[a]
            p.slot = SLOT_ARRAYS + v.index
        elif v.kind == REGISTER:
            p.slot, p.offset = SLOT_REGS, 8 * v.index
        elif v.kind == COUNTER:
            p.slot, p.dims[0], p.strides[0] = SLOT_COUNT, self.regs[<int>v.dims[0]], 1
        elif v.kind == COMPUTED:
            for a in range(v.ndim):
                p.dims[a] = self.regs[<int>v.dims[a]]
        elif v.kind == OBJECT:
            p.slot = SLOT_ARRAYS + len(self.program.arrays) + v.index
            self.note_object(v.index)
        return 0

    cdef int note_object(self, int output) except -1:
        """Note that a step puts a reference into an output of the call, or reads one there."""
        cdef Plan plan = self.plan
        plan.objects = <int32_t *>grow(plan.objects, (plan.nobjects + 1) * sizeof(int32_t))
        plan.objects[plan.nobjects] = output
        plan.nobjects += 1
        return 0

    cdef int place_result(self, int i) except -1:
        """Give the result of a kernel or a group its memory."""
        cdef Value v = self.segment.values[i]
        cdef place_t *p = &self.places[i]
        cdef int a
        if v.kind == OBJECT:
            return 0
        if v.home == IN_CELL and self.fits_cell(v, p):
            for a in range(p.ndim):
                p.strides[a] = self.arrays[v.index].strides[a]
            p.slot = SLOT_ARRAYS + v.index
            if v.index not in self.plan.overwritten:
                self.plan.overwritten.append(v.index)
        elif v.home == IN_ARENA:
            self.in_arena(p)
        elif v.home == IN_PART:
            self.place_part(v, p)
        else:
            set_contiguous(p, ct_itemsize[p.dtype])
            output = v.index if v.home == IN_OUTPUT else v.spare
            p.slot = SLOT_ARRAYS + len(self.program.arrays) + output
            if self.is_allocated(output):       # written to by several steps
                return 0
            self.allocate(output, p)
            if v.home == IN_CELL:
                self.plan.updates.append((v.index - self.program.ninputs, output))
        return 0

    cdef bint is_allocated(self, int number):
        cdef int i
        for i in range(self.plan.noutputs):
            if self.plan.outputs[i].number == number:
                return True
        return False

    cdef int place_part(self, Value v, place_t *p) except -1:
        """Give a result a part of a value that is joined of several."""
        cdef place_t *whole = &self.places[v.index]
        if whole.slot == SLOT_ARENA and whole.root < 0:         # the first part that is made
            self.place_result(v.index)
        p.slot, p.root, p.nterms = whole.slot, whole.root, 0
        if v.axis == 0:                 # one block, in which it may have another shape
            set_contiguous(p, ct_itemsize[p.dtype])
        else:
            memcpy(p.strides, whole.strides, p.ndim * sizeof(int64_t))
        p.offset = whole.offset + self.regs[v.spare] * whole.strides[v.axis]
        return 0

    cdef int allocate(self, int number, place_t *p) except -1:
        """Note an array that each call allocates."""
        cdef Plan plan = self.plan
        cdef output_t *out
        plan.outputs = <output_t *>grow(plan.outputs, (plan.noutputs + 1) * sizeof(output_t))
        out = &plan.outputs[plan.noutputs]
        out.number, out.ndim, out.dtype = number, p.ndim, p.dtype
        memcpy(out.dims, p.dims, p.ndim * sizeof(int64_t))
        plan.noutputs += 1
        return 0

    cdef bint fits_cell(self, Value v, place_t *p):
        """Whether a new value may be written over the old one: same sizes, C-contiguous."""
        cdef place_t old
        cdef int a
        old.ndim, old.dtype = p.ndim, p.dtype
        for a in range(p.ndim):
            old.dims[a] = self.arrays[v.index].dims[a]
            old.strides[a] = self.arrays[v.index].strides[a]
            if old.dims[a] != p.dims[a]:
                return False
        return is_contiguous(&old)

    # ----- views -----

    cdef int place_view(self, Step step) except -1:
        cdef int source = step.ins[0], target = step.outs[0]
        cdef place_t *p = &self.places[source]
        cdef place_t *out = &self.places[target]
        cdef Value v = self.segment.values[target]
        out.slot, out.root, out.offset = p.slot, p.root, p.offset
        out.nterms = p.nterms
        memcpy(out.terms, p.terms, sizeof(p.terms))
        out.ndim, out.dtype = v.ndim, v.dtype
        if step.kind == DIMSHUFFLE:
            self.dimshuffle(step, p, out)
        elif step.kind == SLICE:
            self.slice(step, p, out)
        elif step.kind == BROADCAST:
            self.broadcast(step, p, out)
        elif step.kind == DIAGONAL:
            self.diagonal(step, p, out)
        else:
            self.reshape(step, p, out)
        return 0

    cdef int dimshuffle(self, Step step, place_t *p, place_t *out) except -1:
        """numbers: the input axis of each output axis, or -1."""
        cdef int a, source
        for a in range(out.ndim):
            source = step.numbers[a]
            out.dims[a] = p.dims[source] if source >= 0 else 1
            out.strides[a] = p.strides[source] if source >= 0 else 0
        return 0

    cdef int slice(self, Step step, place_t *p, place_t *out) except -1:
        """numbers: (start, step, size) per axis: registers; size -1 drops the axis."""
        cdef int a, start, stride, size, n = 0
        for a in range(p.ndim):
            start, stride, size = (step.numbers[3 * a], step.numbers[3 * a + 1],
                                   step.numbers[3 * a + 2])
            if start >= 0:
                if self.segment.is_dynamic[start]:
                    if out.nterms == CT_MAXDIM:
                        raise ValueError("too many slices with moving starts on one value")
                    out.terms[out.nterms].reg = start
                    out.terms[out.nterms].scale = p.strides[a]
                    out.nterms += 1
                elif size < 0 or self.regs[size] > 0:
                    out.offset += self.regs[start] * p.strides[a]
            if size >= 0:
                out.dims[n] = self.regs[size]
                out.strides[n] = p.strides[a] * (self.regs[stride] if stride >= 0 else 1)
                n += 1
        return 0

    cdef int broadcast(self, Step step, place_t *p, place_t *out) except -1:
        """numbers: a register per output axis."""
        cdef int a, source
        for a in range(out.ndim):
            source = a - (out.ndim - p.ndim)
            out.dims[a] = self.regs[<int>step.numbers[a]]
            out.strides[a] = 0
            if source >= 0 and p.dims[source] == out.dims[a]:
                out.strides[a] = p.strides[source]
        return 0

    cdef int diagonal(self, Step step, place_t *p, place_t *out) except -1:
        """numbers: offset, axis1, axis2."""
        cdef int a, n = 0
        cdef int64_t offset = step.numbers[0], rows, cols
        cdef int axis1 = step.numbers[1], axis2 = step.numbers[2]
        rows, cols = p.dims[axis1], p.dims[axis2]
        for a in range(p.ndim):
            if a != axis1 and a != axis2:
                out.dims[n], out.strides[n] = p.dims[a], p.strides[a]
                n += 1
        if offset >= 0:
            cols -= offset
        else:
            rows += offset
        out.dims[n] = max(min(rows, cols), 0)
        out.strides[n] = p.strides[axis1] + p.strides[axis2]
        if out.dims[n] > 0:
            out.offset += offset * p.strides[axis2] if offset >= 0 else -offset * p.strides[axis1]
        return 0

    cdef int reshape(self, Step step, place_t *p, place_t *out) except -1:
        """numbers: a register per output axis. Copies only where strides cannot express it."""
        cdef place_t packed
        cdef int a
        for a in range(out.ndim):
            out.dims[a] = self.regs[<int>step.numbers[a]]
        if reshape_strides(p, out):
            return 0
        packed = p[0]
        self.in_arena(&packed)
        self.begin_step(self.program.dev.copy, NULL)
        self.add_operand(&packed)
        self.add_operand(p)
        self.end_step(2 * count(p))
        out.slot, out.root, out.offset, out.nterms = packed.slot, packed.root, 0, 0
        set_contiguous(out, ct_itemsize[out.dtype])
        return 0

    # ----- steps -----

    cdef step_t *begin_step(self, ct_kernel fn, const int64_t *params) except NULL:
        cdef Plan plan = self.plan
        if plan.nsteps == self.room_steps:
            self.room_steps = 2 * self.room_steps + 16
            plan.steps = <step_t *>grow(plan.steps, self.room_steps * sizeof(step_t))
        cdef step_t *s = &plan.steps[plan.nsteps]
        memset(s, 0, sizeof(step_t))
        s.fn, s.params = fn, params
        s.first = plan.ntensors
        s.source = self.current
        return s

    cdef int add_operand(self, place_t *p) except -1:
        """Append a tensor to the step that has begun."""
        cdef Plan plan = self.plan
        cdef ct_tensor *t
        cdef reloc_t *r
        if plan.ntensors == self.room_tensors:
            self.room_tensors = 2 * self.room_tensors + 32
            plan.tensors = <ct_tensor *>grow(plan.tensors, self.room_tensors * sizeof(ct_tensor))
        if self.nlayout + 2 * p.ndim > self.room_layout:
            self.room_layout = 2 * self.room_layout + 2 * p.ndim + 64
            plan.layout = <int64_t *>grow(plan.layout, self.room_layout * sizeof(int64_t))
        t = &plan.tensors[plan.ntensors]
        t.ndim, t.dtype = p.ndim, p.dtype
        t.dims = <const int64_t *><intptr_t>self.nlayout        # made pointers at the end
        memcpy(plan.layout + self.nlayout, p.dims, p.ndim * sizeof(int64_t))
        memcpy(plan.layout + self.nlayout + p.ndim, p.strides, p.ndim * sizeof(int64_t))
        self.nlayout += 2 * p.ndim
        t.data = <char *><intptr_t>p.offset
        t.strides = <const int64_t *><intptr_t>p.root
        if p.root >= 0:
            self.buffers[p.root].death = plan.nsteps
        if p.slot != SLOT_ARENA or p.nterms:
            if plan.nrelocs == self.room_relocs:
                self.room_relocs = 2 * self.room_relocs + 16
                plan.relocs = <reloc_t *>grow(plan.relocs, self.room_relocs * sizeof(reloc_t))
            r = &plan.relocs[plan.nrelocs]
            r.tensor, r.slot, r.offset, r.nterms = plan.ntensors, p.slot, p.offset, p.nterms
            memcpy(r.terms, p.terms, p.nterms * sizeof(term_t))
            plan.nrelocs += 1
        plan.ntensors += 1
        return 0

    cdef int end_step(self, int64_t cost) except -1:
        cdef step_t *s = &self.plan.steps[self.plan.nsteps]
        s.n = self.plan.ntensors - s.first
        self.plan.nsteps += 1
        self.plan.cost += cost
        return 0

    cdef int kernel(self, Step step) except -1:
        cdef int i, first = 0
        cdef int64_t cost = 0, product = 1
        cdef place_t *p
        for i in step.outs:
            self.place_result(i)
        if step.accumulates:
            self.bring_in(step)
            first = 1
        if step.fn == NULL:                 # the copy was all
            return 0
        if step.fn == self.program.dev.copy and count(&self.places[<int>step.ins[0]]) == 0:
            return 0
        self.begin_step(step.fn, step.params)
        for i in step.outs:
            self.add_operand(&self.places[i])
            cost += count(&self.places[i])
        for i in step.ins[first:]:
            p = &self.places[i]
            self.add_operand(p)
            cost += count(p)
            if p.ndim:
                product *= max(p.dims[p.ndim - 1], 1)
        self.end_step(4 * cost + (product * cost // 8 if is_cubic(step) else 0))
        return 0

    cdef int bring_in(self, Step step) except -1:
        """Put the first input of an accumulating kernel where its output will be.

        Where that is the last use of a buffer of the same size, the buffer itself is taken over
        (decided when all uses are known, in ``take_over``).
        """
        cdef place_t *out = &self.places[<int>step.outs[0]]
        cdef place_t *p = &self.places[<int>step.ins[0]]
        if out.slot == p.slot and out.slot >= SLOT_ARRAYS:      # an update in place
            return 0
        self.begin_step(self.program.dev.copy, NULL)
        self.add_operand(out)
        self.add_operand(p)
        self.end_step(2 * count(out))
        if (p.root >= 0 and out.root >= 0 and p.nterms == 0 and p.offset == 0
                and is_contiguous(p)
                and self.buffers[p.root].bytes == self.buffers[out.root].bytes):
            self.buffers[out.root].alias = p.root
        return 0

    cdef int group(self, Step step) except -1:
        cdef GroupSpec spec = step.spec
        cdef int naxes = len(spec.dims), i, k = 0, a, axis
        cdef int64_t dims[CT_MAXDIM]
        cdef int64_t *strides
        cdef place_t *p
        cdef step_t *s
        cdef ct_group *g
        if naxes > CT_MAXDIM:
            raise ValueError(f"an expression over more than {CT_MAXDIM} axes")
        for i in step.outs:
            self.place_result(i)
        operands = step.outs + step.ins
        strides = <int64_t *>calloc(len(operands) * naxes + 1, sizeof(int64_t))
        if strides == NULL:
            raise MemoryError
        for a in range(naxes):
            dims[a] = self.regs[<int>spec.dims[a]]
        for i in operands:
            p = &self.places[i]
            axes = <tuple>spec.axes[k]
            for a in range(naxes):
                axis = axes[a]
                if axis >= 0 and dims[a] != 1:
                    strides[k * naxes + a] = p.strides[axis]
            k += 1
        g = self.program.dev.group_new(&spec.c, dims, k, strides)
        free(strides)
        if g == NULL:
            raise MemoryError
        self.plan.groups = <ct_group **>grow(self.plan.groups,
                                             (self.plan.ngroups + 1) * sizeof(ct_group *))
        self.plan.groups[self.plan.ngroups] = g
        self.plan.ngroups += 1
        s = self.begin_step(self.program.dev.group_run, NULL)
        s.box = <int64_t><intptr_t>g
        for i in operands:
            self.add_operand(&self.places[i])
        self.end_step(self.program.dev.group_cost(g))
        return 0

    # ----- memory -----

    cdef int take_over(self) except -1:
        """Let accumulators reuse the buffer of an input that nobody reads afterwards."""
        cdef int i, root
        cdef buffer_t *b
        for i in range(self.nbuffers):
            b = &self.buffers[i]
            if b.alias < 0:
                continue
            root = self.final(b.alias)
            if self.buffers[root].death != b.birth:
                b.alias = -1
                continue
            self.buffers[root].death = max(self.buffers[root].death, b.death)
            b.alias = root
        return 0

    cdef int final(self, int root) noexcept:
        while self.buffers[root].alias >= 0:
            root = self.buffers[root].alias
        return root

    cdef int assign_offsets(self) except -1:
        """Lay the buffers into the arena: first fit, freed after the last use."""
        cdef list free_list = [], live = []
        cdef int i, next_buffer = 0, step
        cdef int64_t top = 0
        cdef buffer_t *b
        for step in range(self.plan.nsteps):
            while next_buffer < self.nbuffers and self.buffers[next_buffer].birth == step:
                b = &self.buffers[next_buffer]
                if b.alias < 0:
                    top = self.fit(free_list, b, top)
                    live.append(next_buffer)
                next_buffer += 1
            if live:
                staying = []
                for i in live:
                    b = &self.buffers[i]
                    if b.death <= step:
                        release(free_list, b.offset, b.bytes)
                    else:
                        staying.append(i)
                live = staying
        self.plan.arena_bytes = top
        return 0

    cdef int64_t fit(self, list free_list, buffer_t *b, int64_t top):
        for i, (offset, size) in enumerate(free_list):
            if size >= b.bytes:
                b.offset = offset
                if size == b.bytes:
                    del free_list[i]
                else:
                    free_list[i] = (offset + b.bytes, size - b.bytes)
                return top
        if free_list and free_list[-1][0] + free_list[-1][1] == top:
            b.offset = free_list.pop()[0]
        else:
            b.offset = top
        return b.offset + b.bytes

    cdef int finish(self) except -1:
        """Turn offsets into what a call needs."""
        cdef Plan plan = self.plan
        cdef ct_tensor *t
        cdef int64_t at
        cdef int i, root
        for i in range(plan.ntensors):
            t = &plan.tensors[i]
            at = <int64_t><intptr_t>t.dims
            root = <int><intptr_t>t.strides
            t.dims = plan.layout + at
            t.strides = plan.layout + at + t.ndim
            if root >= 0:
                t.data = <char *><intptr_t>(<int64_t><intptr_t>t.data
                                            + self.buffers[self.final(root)].offset)
        for i in range(plan.nsteps):
            if plan.steps[i].params == NULL:
                plan.steps[i].params = &plan.steps[i].box
        for i in range(plan.nrelocs):
            t = &plan.tensors[plan.relocs[i].tensor]
            if plan.relocs[i].slot == SLOT_ARENA:
                plan.relocs[i].offset = <int64_t><intptr_t>t.data
        plan.nbase = SLOT_ARRAYS + len(self.program.arrays) + len(self.program.outputs)
        self.export_results()
        return 0

    cdef int export_results(self) except -1:
        """Note where values lie that later segments read."""
        cdef Plan plan = self.plan
        cdef int k = 0, value
        plan.nexports = len(self.segment.exports)
        plan.exports = <array_t *>calloc(plan.nexports + 1, sizeof(array_t))
        plan.export_layout = <int64_t *>calloc(plan.nexports * 2 * CT_MAXDIM + 1, sizeof(int64_t))
        if plan.exports == NULL or plan.export_layout == NULL:
            raise MemoryError
        for value, _array in self.segment.exports:
            p = &self.places[value]
            at = plan.export_layout + 2 * CT_MAXDIM * k
            memcpy(at, p.dims, p.ndim * sizeof(int64_t))
            memcpy(at + CT_MAXDIM, p.strides, p.ndim * sizeof(int64_t))
            plan.exports[k].dims, plan.exports[k].strides = at, at + CT_MAXDIM
            plan.exports[k].data = <char *><intptr_t>(
                p.offset + self.buffers[self.final(p.root)].offset)
            k += 1
        return 0


cdef void *grow(void *block, size_t size) except NULL:
    cdef void *bigger = realloc(block, size)
    if bigger == NULL:
        raise MemoryError
    return bigger


cdef int release(list free_list, int64_t offset, int64_t size) except -1:
    """Give a piece of the arena back; neighbours merge."""
    cdef int i = 0
    while i < len(free_list) and free_list[i][0] < offset:
        i += 1
    free_list.insert(i, (offset, size))
    if i + 1 < len(free_list) and offset + size == free_list[i + 1][0]:
        free_list[i] = (offset, size + free_list[i + 1][1])
        del free_list[i + 1]
    if i > 0 and free_list[i - 1][0] + free_list[i - 1][1] == offset:
        free_list[i - 1] = (free_list[i - 1][0], free_list[i - 1][1] + free_list[i][1])
        del free_list[i]
    return 0


cdef bint is_cubic(Step step) except -1:
    """Whether the work of a step is about the cube of a side, as with products of matrices."""
    return (step.label in ("matmul", "gemm")
            or step.node is not None and step.node.op.traits.get("cubic", False))


cdef Plan make_plan(Program program, Segment segment, const array_t *arrays, int64_t *regs):
    """Plan a segment for the sizes in ``arrays`` and ``regs``.

    Raises
    ------
    ValueError, IndexError
        If a check of sizes fails; the message has the user's line.
    """
    cdef Builder b = Builder.__new__(Builder)
    cdef Plan plan = Plan.__new__(Plan)
    cdef Step step
    cdef int i
    if segment.in_loop:
        run_size_checks(segment, regs)
    else:
        run_checks(segment, regs, False)
    b.program, b.segment, b.plan = program, segment, plan
    b.arrays, b.regs = arrays, regs
    plan.segment = segment
    plan.group_free = program.dev.group_free
    plan.updates, plan.overwritten, plan.children = [], [], []
    b.places = <place_t *>calloc(len(segment.values) + 1, sizeof(place_t))
    if b.places == NULL:
        raise MemoryError
    for i in range(len(segment.values)):
        b.place_value(i)
    for i in range(len(segment.steps)):
        step = segment.steps[i]
        b.current = i
        if step.kind == KERNEL:
            b.kernel(step)
        elif step.kind == GROUP:
            b.group(step)
        elif step.kind == LOOP:
            step.python.plan(b, step)
        else:
            b.place_view(step)
        if not step.commits and step.kind in (KERNEL, GROUP, LOOP):
            plan.ncertain = plan.nsteps
    for value, _ in segment.exports:
        if b.places[<int>value].root >= 0:
            b.buffers[b.places[<int>value].root].death = plan.nsteps
    b.take_over()
    b.assign_offsets()
    b.finish()
    plan.jit = program.jit if plan.ngroups or plan.children else None
    plan.regs = <int64_t *>malloc((segment.nregs + 1) * sizeof(int64_t))
    if plan.regs == NULL:
        raise MemoryError
    memcpy(plan.regs, regs, segment.nregs * sizeof(int64_t))
    return plan
