"""Makes plans of loops: the body of a scan gets a plan of its own inside the plan of its parent."""
cimport cython
from cpython.ref cimport PyObject
from libc.stdint cimport int64_t, intptr_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy, memset

from cytensor._loopcode cimport Instructions
from cytensor._loops cimport (CELL_BYTES, IN_SCRATCH, check_t, entry_t, exit_t, move_t, rest_t,
                              run_loop)
from cytensor._places cimport count, is_contiguous, place_t, set_contiguous
from cytensor._plan cimport ALIGNMENT, SLOT_ARRAYS, Plan, reloc_t, step_t
from cytensor._planner cimport Builder, make_plan
from cytensor._program cimport CT_MAXDIM, Step, array_t, ct_itemsize, ct_kernel, ct_tensor

cdef enum:
    LOOK_COST = 1_000_000       # additions between two looks at the clock
    UNKNOWN_STEPS = 1_000_000   # for the cost of a loop whose length no size tells
    MANY_STEPS = 16             # to make a matrix ready costs as much as a few products


@cython.final
cdef class LoopPlan:
    """A loop for given sizes. Its parent's plan keeps it alive."""

    is_whole = True

    def __init__(self, loop):
        self.node, self.form = loop.node, loop.node.params["form"]
        self.program, self.cells, self.codes = loop.program, loop.cells, loop.codes
        self.known = loop.known
        self.taps = []
        self.segment = loop.program.segments[0]

    def __dealloc__(self):
        free(self.arrays)
        free(self.layout)
        free(self.c.moves)
        free(self.c.rests)
        free(self.c.entries)
        free(self.c.exits)
        free(self.c.relocs)
        free(self.c.fixed)
        free(self.c.checks)
        free(self.c.code)
        if self.c.nest != NULL:
            free(self.c.nest.numbers)
            free(self.c.nest)

    def plans(self):
        """Return the plans of a step."""
        return [self.inner]

    # ----- which operand is which -----

    cdef int input_operand(self, int i):
        """The operand of input ``i`` of the scan."""
        return self.noutputs + i

    cdef int seq_operand(self, int k):
        return self.noutputs + 1 + k

    cdef int init_operand(self, int k):
        return self.noutputs + 1 + <int>self.form.seqs + k

    cdef int const_operand(self, int k):
        return self.noutputs + 1 + <int>self.form.seqs + len(self.form.lags) + k

    cdef place_t *at(self, int operand) except NULL:
        if self.places != NULL:
            return &self.places[operand]
        return self.builder.place(self.operands[operand])

    # ----- the plan -----

    cdef int place(self, Builder builder, Step step) except -1:
        """Plan the body and the loop, and write the step into the parent's plan."""
        cdef step_t *s
        self.prepare(builder, step, NULL)
        s = builder.begin_step(<ct_kernel>run_loop, NULL)
        s.box = <int64_t><intptr_t>&self.c
        self.end(builder, step, self.scratch, self.steps * (self.inner.cost + 100))
        builder.plan.children.append(self)
        return 0

    cdef int prepare(self, Builder builder, Step step, place_t *places) except -1:
        """Plan the body and the loop. ``places`` are the operands, if they are parts of those."""
        self.builder, self.places = builder, places
        self.operands = step.outs + step.ins
        self.noutputs = len(step.outs)
        self.plan_body(step.numbers)
        self.check_results()
        self.c.owner = <PyObject *>self
        self.c.copy = self.program.dev.copy
        self.c.steps_operand = self.noutputs
        self.c.count_operand = self.noutputs - 1 if self.form.until else -1
        self.c.in_block = places != NULL
        self.lay_out()
        self.connect()
        self.sort_relocs()
        self.write_code(builder)
        self.note_checks()
        self.steps = self.steps_expected()
        self.make_products_ready()
        self.builder, self.places = None, NULL
        return 0

    cdef int end(self, Builder builder, Step step, int64_t bytes, int64_t cost) except -1:
        """Give the step that has begun its operands, and as much scratch memory."""
        cdef place_t scratch
        memset(&scratch, 0, sizeof(scratch))
        scratch.ndim, scratch.dtype, scratch.dims[0] = 1, 1, bytes
        builder.in_arena(&scratch)
        for i in step.outs + step.ins:
            builder.add_operand(builder.place(i))
        builder.add_operand(&scratch)
        return builder.end_step(cost)

    cdef int64_t steps_expected(self) except -1:
        """The number of steps, if a size tells it."""
        cdef int nstates = len(self.form.lags)
        if self.form.seqs:
            return self.at(self.seq_operand(0)).dims[0]
        if self.form.rows:
            return self.at(nstates).dims[0]
        return self.at(0).dims[0] if nstates and self.form.keeps[0] else UNKNOWN_STEPS

    cdef int plan_body(self, tuple registers) except -1:
        """Make the plan of a step."""
        cdef int64_t *values = <int64_t *>calloc(len(registers) + 2, sizeof(int64_t))
        if values == NULL:
            raise MemoryError
        try:
            self.plan_body_with(values, registers)
        finally:
            free(values)
        return 0

    cdef int plan_body_with(self, int64_t *values, tuple registers) except -1:
        """``values`` is memory for the constants whose values are known."""
        cdef int i, narrays = len(self.program.arrays)
        cdef int64_t *regs
        self.arrays = <array_t *>calloc(narrays + 1, sizeof(array_t))
        self.layout = <int64_t *>calloc(narrays * 2 * CT_MAXDIM + 1, sizeof(int64_t))
        regs = <int64_t *>calloc(self.segment.nregs + 1, sizeof(int64_t))
        if self.arrays == NULL or self.layout == NULL or regs == NULL:
            free(regs)
            raise MemoryError
        self.describe_arrays()
        given = [i for i in range(narrays) if self.arrays[i].data == NULL]
        try:
            for i in given:             # data is not there yet, but it is looked at
                self.arrays[<int>i].data = <char *>&values[len(registers)]
            for i in range(len(registers)):
                values[i] = self.builder.regs[<int>registers[i]]
                self.arrays[<int>self.known[i]].data = <char *>&values[i]
            self.segment.run_sizes(self.arrays, regs, False)
            self.inner = make_plan(self.program, self.segment, self.arrays, regs)
            for i in given:
                self.arrays[<int>i].data = NULL
        finally:
            free(regs)
        self.c.places, self.c.narrays = self.arrays, narrays
        return 0

    cdef int describe_arrays(self) except -1:
        """The sizes and strides of the body's arrays, as far as they are the same in each step."""
        cdef int i = 0, k, state
        cdef object payload
        for k in range(self.form.seqs):
            self.describe(i, self.at(self.seq_operand(k)), 1, False)
            i += 1
        for state, lags in enumerate(self.form.lags):
            for _ in range(0 if self.cells[state] else len(lags)):
                self.describe(i, self.at(self.init_operand(state)), 1, True)
                i += 1
        for k in range(self.program.ninputs - i):
            self.describe(i, self.at(self.const_operand(k)), 0, False)
            i += 1
        for state in range(len(self.cells)):
            if self.cells[state]:
                self.describe(i, self.at(self.init_operand(state)), 1, True)
                i += 1
        for i in range(self.program.ninputs + self.program.ncells, len(self.program.arrays)):
            payload = self.program.arrays[i][3]
            self.describe_constant(i, payload)
        return 0

    cdef int describe(self, int i, const place_t *p, int skip, bint packed) except -1:
        cdef place_t row
        cdef int a
        row.ndim, row.dtype = p.ndim - skip, p.dtype
        for a in range(row.ndim):
            row.dims[a], row.strides[a] = p.dims[a + skip], p.strides[a + skip]
        if packed:
            set_contiguous(&row, ct_itemsize[row.dtype])
        memcpy(self.dims_of(i), row.dims, row.ndim * sizeof(int64_t))
        memcpy(self.dims_of(i) + CT_MAXDIM, row.strides, row.ndim * sizeof(int64_t))
        self.arrays[i].dims, self.arrays[i].strides = self.dims_of(i), self.dims_of(i) + CT_MAXDIM
        return 0

    cdef int64_t *dims_of(self, int i):
        return self.layout + i * 2 * CT_MAXDIM

    cdef int describe_constant(self, int i, payload) except -1:
        """A constant of the body: the program keeps the array alive."""
        cdef int a
        for a in range(payload.ndim):
            self.dims_of(i)[a] = payload.shape[a]
            self.dims_of(i)[CT_MAXDIM + a] = payload.strides[a]
        self.arrays[i].data = <char *><intptr_t><object>payload.ctypes.data
        self.arrays[i].dims, self.arrays[i].strides = self.dims_of(i), self.dims_of(i) + CT_MAXDIM
        return 0

    cdef int check_results(self) except -1:
        """Each step must make what has room: states keep their sizes, and rows have one size."""
        cdef int i, k, nstates = len(self.form.lags)
        cdef const place_t *p
        for i in range(self.inner.noutputs):
            k = self.result_of(self.inner.outputs[i].number)
            if k >= nstates + <int>self.form.rows:
                continue
            p = self.at(k)
            made = tuple([self.inner.outputs[i].dims[a] for a in range(p.ndim - 1)])
            room = tuple([p.dims[a + 1] for a in range(p.ndim - 1)])
            if made != room:
                from cytensor.failures import where
                what = "a state" if k < nstates else "a row"
                raise ValueError(f"scan: a step makes {what} of shape {made} where {room} is "
                                 f"wanted{where(self.node)}")
        return 0

    cdef int result_of(self, int number) except -1:
        """Which output of the scan an output of the body belongs to.

        Results of the body come first; new values of cells follow.
        """
        cdef int state, place = 0, nplain = 0
        for state in range(len(self.cells)):
            if not self.cells[state]:
                if number == nplain:
                    return state
                nplain += 1
        place = number - nplain
        if place < <int>self.form.rows + <int>self.form.until:
            return len(self.cells) + place
        place -= <int>self.form.rows + <int>self.form.until
        for state in range(len(self.cells)):
            if self.cells[state]:
                if place == 0:
                    return state
                place -= 1
        raise AssertionError

    # ----- scratch -----

    cdef int64_t take(self, int64_t bytes):
        cdef int64_t at = self.scratch
        self.scratch += (bytes + ALIGNMENT - 1) // ALIGNMENT * ALIGNMENT
        return at

    cdef int lay_out(self) except -1:
        """Give the body its memory, and copy what a run reads."""
        cdef Plan inner = self.inner
        self.c.arena = self.take(inner.arena_bytes)
        self.c.tensors = self.take(inner.ntensors * sizeof(ct_tensor))
        self.c.base = self.take(inner.nbase * sizeof(char *))
        self.c.regs = self.take((self.segment.nregs + inner.nsteps) * sizeof(int64_t))
        self.c.arrays = self.take(self.c.narrays * sizeof(array_t))
        self.c.nsteps, self.c.ntensors, self.c.nbase = inner.nsteps, inner.ntensors, inner.nbase
        self.c.nregs = self.segment.nregs
        self.c.is_dynamic = self.segment.any_dynamic
        self.c.steps, self.c.body, self.c.first_regs = inner.steps, inner.tensors, inner.regs
        self.c.size_ops, self.c.dynamic = self.segment.size_ops, self.segment.is_dynamic
        self.c.look_every = max(LOOK_COST // max(inner.cost + 100, 1), 1)
        self.c.until = -1
        return 0

    # ----- addresses -----

    cdef int connect(self) except -1:
        """Say for each array of the body where it lies in each step."""
        cdef int i = 0, k, state, output = 0
        cdef int ntaps = sum([len(lags) for lags in self.form.lags])
        cdef int most = self.form.seqs + ntaps + 2 * len(self.form.lags) + self.form.rows + 1
        self.c.moves = <move_t *>calloc(most + 1, sizeof(move_t))
        self.c.rests = <rest_t *>calloc(most + len(self.program.arrays) + 1, sizeof(rest_t))
        self.c.entries = <entry_t *>calloc(len(self.form.lags) + 1, sizeof(entry_t))
        self.c.exits = <exit_t *>calloc(len(self.form.lags) + 1, sizeof(exit_t))
        if not (self.c.moves and self.c.rests and self.c.entries and self.c.exits):
            raise MemoryError
        for k in range(self.form.seqs):
            self.move_rows(SLOT_ARRAYS + i, self.seq_operand(k), 0)
            i += 1
        for state in range(len(self.cells)):
            if not self.cells[state]:
                self.connect_state(state, i, output)
                self.taps.append((state, i, output))
                i += len(self.form.lags[state])
                output += 1
        for k in range(self.program.ninputs - i):
            self.rest(SLOT_ARRAYS + i, self.const_operand(k), 0)
            i += 1
        for k in range(self.form.rows):
            self.move_rows(self.output_slot(output), len(self.cells) + k, 0)
            output += 1
        if self.form.until:
            self.c.until = self.take(1)
            self.rest(self.output_slot(output), IN_SCRATCH, self.c.until)
            output += 1
        for state in range(len(self.cells)):
            if self.cells[state]:
                self.connect_cell(state, i, output)
                self.taps.append((state, i, output))
                i += 1
                output += 1
        self.c.now = self.take(self.c.nmoves * sizeof(char *))
        return 0

    cdef int output_slot(self, int number):
        return SLOT_ARRAYS + len(self.program.arrays) + number

    cdef move_t *move(self, int slot, int operand, int64_t offset, int64_t delta):
        cdef move_t *m = &self.c.moves[self.c.nmoves]
        m.slot, m.operand, m.offset, m.delta = slot, operand, offset, delta
        self.c.nmoves += 1
        return m

    cdef int rest(self, int slot, int operand, int64_t offset) except -1:
        cdef rest_t *r = &self.c.rests[self.c.nrests]
        r.slot, r.operand, r.offset = slot, operand, offset
        self.c.nrests += 1
        return 0

    cdef int move_rows(self, int slot, int operand, int64_t first) except -1:
        """An array whose row ``first`` comes first; backwards, that row counted from the last."""
        cdef int64_t row = self.at(operand).strides[0]
        cdef move_t *m
        if self.form.backwards:
            m = self.move(slot, operand, first * row, -row)
            m.from_end = row
        else:
            self.move(slot, operand, first * row, row)
        return 0

    cdef int64_t row_bytes(self, int state) except -1:
        cdef const place_t *p = self.at(self.init_operand(state))
        cdef int64_t total = ct_itemsize[p.dtype]
        cdef int a
        for a in range(1, p.ndim):
            total *= p.dims[a]
        return total

    cdef int connect_state(self, int state, int first, int output) except -1:
        """A state that is no cell: it lies in the kept buffer, or in a ring."""
        cdef int most = max(self.form.lags[state]), k
        cdef int64_t row = self.row_bytes(state), low, high
        if self.form.keeps[state]:
            for k, lag in enumerate(self.form.lags[state]):
                self.move_rows(SLOT_ARRAYS + first + k, state,
                               <int>lag if self.form.backwards else most - <int>lag)
            self.move_rows(self.output_slot(output), state, 0 if self.form.backwards else most)
            return self.enter(state, state, 0)
        low = self.take((most + 1) * row)
        high = low + (most + 1) * row
        for k, lag in enumerate(self.form.lags[state]):
            self.ring(SLOT_ARRAYS + first + k, low, high, row, most - <int>lag)
        self.ring(self.output_slot(output), low, high, row, most)
        self.exit(state, self.c.nmoves - 1, most, row, low, high)
        return self.enter(state, IN_SCRATCH, low)

    cdef int connect_cell(self, int state, int array, int output) except -1:
        """A state that is a cell: each step writes it over, or into the other of two places."""
        cdef int64_t row = self.row_bytes(state), low, high
        cdef int cell = array - self.program.ninputs
        if self.is_exchanged(cell):
            low = self.take(2 * row)
            high = low + 2 * row
            self.ring(SLOT_ARRAYS + array, low, high, row, 0)
            self.ring(self.output_slot(output), low, high, row, 1)
            self.exit(state, self.c.nmoves - 1, 1, row, low, high)
        else:
            low = self.take(row)
            self.rest(SLOT_ARRAYS + array, IN_SCRATCH, low)
            self.exit(state, -1, 1, row, low, 0)
        return self.enter(state, IN_SCRATCH, low)

    cdef bint is_exchanged(self, int cell):
        return any([cell == c for c, _ in [*self.inner.updates, *self.program.updates]])

    cdef int ring(self, int slot, int64_t low, int64_t high, int64_t row, int first) except -1:
        cdef move_t *m = self.move(slot, IN_SCRATCH, low + first * row, row)
        m.low, m.high = low, high
        if row == 0:                    # nothing to read or write
            m.high = 0
        return 0

    cdef int exit(self, int state, int move, int rows, int64_t row, int64_t low,
                  int64_t high) except -1:
        cdef exit_t *e = &self.c.exits[self.c.nexits]
        e.operand, e.move, e.rows, e.bytes, e.low, e.high = state, move, rows, row, low, high
        e.step = self.at(state).strides[0]
        self.c.nexits += 1
        return 0

    cdef int enter(self, int state, int target, int64_t offset) except -1:
        """Have the initial values copied to the begin of the buffer; to its end, if backwards."""
        cdef const place_t *p = self.at(self.init_operand(state))
        cdef entry_t *e = &self.c.entries[self.c.nentries]
        cdef place_t packed = p[0]
        cdef int64_t row
        set_contiguous(&packed, ct_itemsize[p.dtype])
        if target != IN_SCRATCH:                # a block takes a part of each row
            packed.strides[0] = self.at(target).strides[0]
        row = packed.strides[0]
        e.operand, e.target, e.offset = self.init_operand(state), target, offset
        e.bytes = count(p) * ct_itemsize[p.dtype] if is_contiguous(p) else -1
        if target != IN_SCRATCH and self.form.backwards:
            if p.dims[0] > 1:
                e.bytes = -1
            e.offset, e.from_end = p.dims[0] * row, row         # the latest value comes first
            packed.strides[0] = -row
        memcpy(e.layout, p.dims, p.ndim * sizeof(int64_t))
        memcpy(e.layout + CT_MAXDIM, p.strides, p.ndim * sizeof(int64_t))
        memcpy(e.layout + 2 * CT_MAXDIM, packed.strides, p.ndim * sizeof(int64_t))
        e.values.ndim = e.place.ndim = p.ndim
        e.values.dtype = e.place.dtype = p.dtype
        e.values.dims = e.place.dims = e.layout
        e.values.strides, e.place.strides = e.layout + CT_MAXDIM, e.layout + 2 * CT_MAXDIM
        self.c.nentries += 1
        return 0

    cdef int sort_relocs(self) except -1:
        """Tell the operands of the body whose addresses differ between steps from the others."""
        cdef Plan inner = self.inner
        cdef reloc_t *r
        cdef int i
        self.move_of = {self.c.moves[i].slot: i for i in range(self.c.nmoves)}
        self.c.relocs = <reloc_t *>calloc(inner.nrelocs + 1, sizeof(reloc_t))
        self.c.fixed = <reloc_t *>calloc(inner.nrelocs + 1, sizeof(reloc_t))
        if self.c.relocs == NULL or self.c.fixed == NULL:
            raise MemoryError
        for i in range(inner.nrelocs):
            r = &inner.relocs[i]
            if r.slot in self.move_of or r.nterms:
                self.c.relocs[self.c.nrelocs] = r[0]
                self.c.nrelocs += 1
            else:
                self.c.fixed[self.c.nfixed] = r[0]
                self.c.nfixed += 1
        return 0

    cdef int make_products_ready(self) except -1:
        """Have factors that all steps share made ready before the first, if there are many."""
        self.c.products = self.program.dev.ready
        if self.c.products == NULL or self.steps < MANY_STEPS:
            return 0
        self.ready = Ready()
        self.ready.products, self.ready.loop = self.c.products, &self.c
        self.ready.first_const = self.const_operand(0)
        self.ready.find(self.inner)
        if not self.c.in_block:
            self.c.ready_at = self.take(self.c.ready_bytes)
        return 0

    # ----- instructions -----

    cdef int write_code(self, Builder builder) except -1:
        """Write the steps as instructions, and see whether they are a chain."""
        cdef Instructions writer = Instructions()
        cdef int most = writer.begin(&self.c, self.inner, self.segment, self.codes, self.move_of)
        cdef int tap
        self.c.cells = self.take(most * CELL_BYTES)
        self.c.places_of_cells = self.take(most * sizeof(char *))
        writer.write()
        if self.form.lags == ((1,),) and self.form.rows == 0 and not self.form.until:
            tap = self.program.ninputs if self.cells[0] else <int>self.form.seqs
            writer.find_chain(SLOT_ARRAYS + tap, self.output_slot(0), self.form.keeps[0],
                              self.at(self.init_operand(0)).dtype)
        return 0

    cdef int note_checks(self) except -1:
        """Those that depend on the data of a step."""
        cdef check_t *c
        self.c.checks = <check_t *>calloc(len(self.segment.checks) + 1, sizeof(check_t))
        if self.c.checks == NULL:
            raise MemoryError
        for number, (condition, _, a, b, _, _) in enumerate(self.segment.checks):
            if self.segment.is_dynamic[<int>condition]:
                c = &self.c.checks[self.c.nchecks]
                c.number, c.condition, c.a, c.b = number, condition, a, b
                self.c.nchecks += 1
        return 0

    # ----- what failed -----

    def step_at(self, at):
        """The step of the body's program that a step of its plan comes from, or None."""
        return None if at < 0 else self.segment.steps[self.inner.steps[<int>at].source]

    def shapes_at(self, at):
        """The shapes of what a step of the body reads."""
        cdef const step_t *s = &self.inner.steps[<int>at]
        cdef const ct_tensor *t
        cdef int i, a, first = max(len(self.step_at(at).outs), 1)
        shapes = []
        for i in range(first, s.n):
            t = &self.inner.tensors[s.first + i]
            shapes.append(tuple([t.dims[a] for a in range(t.ndim)]))
        return shapes

    def failed_check(self, number, a, b, text):
        """The error of a check of the body."""
        _, message, _, _, error, node = self.segment.checks[number]
        from cytensor.failures import node_text
        return error(message.format(a=a, b=b) + text + node_text(node))
