"""Runs loops: the body of a scan has a plan of its own, and its steps run in C.

A run moves the addresses of the body's arrays by one row per step. What steps read of a state lies
in the buffer that the loop returns, if that keeps all values, else in a ring of rows, or in one
place if each step writes it over. Rings, and the memory of the body, are one scratch operand of
the parent's step: nothing is allocated in a call.
"""
from cpython.exc cimport PyErr_CheckSignals
from cpython.ref cimport Py_INCREF, PyObject
from libc.stdint cimport int64_t, intptr_t
from libc.string cimport memcpy
from posix.time cimport CLOCK_MONOTONIC, clock_gettime, timespec

from cytensor._plan cimport SLOT_ARENA, SLOT_ARRAYS, SLOT_COUNT, SLOT_REGS, reloc_t, step_t
from cytensor._program cimport (CT_CHECK, CT_MAXLOOPS, CT_OK, CT_PYTHON, array_t, compute_sizes,
                                ct_after, ct_call, ct_tensor)

cdef extern from *:
    """
    static inline const void *ct_seen(const void *place)
    {
        return __atomic_load_n((void *const *)place, __ATOMIC_ACQUIRE);
    }
    """
    const void *ct_seen(const void *place) noexcept nogil

cdef enum:
    LOOK_TIME = 40_000_000      # nanoseconds between two looks for Ctrl-C
    CHUNK = 1 << 20             # steps of a chain between two looks for Ctrl-C
    STOPPED = -1                # a status: another block has failed


cdef int run_loop(ct_call *call, int n, const ct_tensor *t, const int64_t *params) noexcept nogil:
    """The ct_kernel of a loop.

    Its operands are buffers, rows, and perhaps the steps taken; then the inputs of the scan; then
    scratch memory.
    """
    cdef const loop_t *loop = <const loop_t *><intptr_t>params[0]
    cdef char *scratch = t[n - 1].data
    cdef int64_t total = (<const int64_t *>t[loop.steps_operand].data)[0], taken = 0
    cdef int64_t *outer_regs = call.regs
    cdef const nest_t *nest = <const nest_t *>ct_seen(&loop.nest) if call.after == NULL else NULL
    cdef int status
    begin(loop, t, scratch, total)
    if loop.nready:
        take_ready(loop, call, t, scratch)
    status = bring_in(loop, call, t, scratch, total)
    if status == CT_OK:
        call.regs = <int64_t *>(scratch + loop.regs)
        if nest != NULL:
            status = run_nest(loop, nest, call, scratch, total, &taken)
        elif loop.chain.run != NULL:
            status = run_chain(loop, call, scratch, total)
        else:
            status = run_steps(loop, call, scratch, total, &taken)
        call.regs = outer_regs
    if status == CT_OK:
        hand_out(loop, t, scratch)
        if loop.count_operand >= 0:
            (<int64_t *>t[loop.count_operand].data)[0] = taken
    return status


cdef void begin(const loop_t *loop, const ct_tensor *t, char *scratch,
                int64_t total) noexcept nogil:
    """Set up the body's memory, and the addresses of the first step."""
    cdef ct_tensor *tensors = <ct_tensor *>(scratch + loop.tensors)
    cdef char **base = <char **>(scratch + loop.base)
    cdef char **now = <char **>(scratch + loop.now)
    cdef const move_t *m
    cdef const rest_t *r
    cdef int i
    memcpy(tensors, loop.body, loop.ntensors * sizeof(ct_tensor))
    memcpy(scratch + loop.regs, loop.first_regs, loop.nregs * sizeof(int64_t))
    memcpy(scratch + loop.arrays, loop.places, loop.narrays * sizeof(array_t))
    for i in range(loop.ntensors):
        tensors[i].data = scratch + loop.arena + <int64_t><intptr_t>loop.body[i].data
    base[SLOT_ARENA] = scratch + loop.arena
    base[SLOT_REGS] = scratch + loop.regs
    base[SLOT_COUNT] = NULL
    for i in range(loop.nrests):
        r = &loop.rests[i]
        base[r.slot] = (scratch if r.operand == IN_SCRATCH else t[r.operand].data) + r.offset
    for i in range(loop.narrays):               # constants of the body
        if loop.places[i].data != NULL:
            base[SLOT_ARRAYS + i] = loop.places[i].data
    for i in range(loop.nmoves):
        m = &loop.moves[i]
        now[i] = ((scratch if m.operand == IN_SCRATCH else t[m.operand].data) + m.offset
                  + (total - 1) * m.from_end)
        base[m.slot] = now[i]
    for i in range(loop.ncells):
        (<char **>(scratch + loop.places_of_cells))[i] = scratch + loop.cells + i * CELL_BYTES
    apply(loop.nfixed, loop.fixed, base, <int64_t *>(scratch + loop.regs), tensors)


cdef void take_ready(const loop_t *loop, ct_call *call, const ct_tensor *t,
                     char *scratch) noexcept nogil:
    """Tell the products where their factors are. Those of blocks are ready."""
    cdef char *memory = scratch + loop.ready_at
    cdef int i
    if loop.in_block:
        memory = (<block_call *>call).ready
    else:
        make_ready(loop, t, memory)
    for i in range(loop.nready):
        (<char **>(scratch + loop.regs))[loop.nregs + i] = memory + loop.ready[i].at


cdef void make_ready(const loop_t *loop, const ct_tensor *t, char *memory) noexcept nogil:
    """Bring the factors that all steps share into the form that is fastest to read."""
    cdef const ready_t *r
    cdef ct_tensor factor
    cdef int i
    for i in range(loop.nready):
        r = &loop.ready[i]
        factor = loop.body[r.tensor]
        factor.data = (<char *>r.constant if r.constant != NULL else t[r.operand].data) + r.offset
        loop.products.fill(r.product, &factor, memory + r.at)


cdef int bring_in(const loop_t *loop, ct_call *call, const ct_tensor *t, char *scratch,
                  int64_t total) noexcept nogil:
    """Copy initial values to where steps read them."""
    cdef ct_tensor pair[2]
    cdef const entry_t *e
    cdef int i, status
    for i in range(loop.nentries):
        e = &loop.entries[i]
        pair[0], pair[1] = e.place, e.values
        pair[0].data = (scratch if e.target == IN_SCRATCH else t[e.target].data) + e.offset
        pair[0].data += (total - 1) * e.from_end
        pair[1].data = t[e.operand].data
        if e.bytes >= 0:
            memcpy(pair[0].data, pair[1].data, e.bytes)
            continue
        status = loop.copy(call, 2, pair, NULL)
        if status != CT_OK:
            return status
    return CT_OK


cdef void apply(int n, const reloc_t *relocs, char **base, const int64_t *regs,
                ct_tensor *tensors) noexcept nogil:
    """Fill in the addresses of operands."""
    cdef const reloc_t *r
    cdef char *data
    cdef int i, k
    for i in range(n):
        r = &relocs[i]
        data = base[r.slot] + r.offset
        for k in range(r.nterms):
            data += regs[r.terms[k].reg] * r.terms[k].scale
        tensors[r.tensor].data = data


cdef int run_steps(const loop_t *loop, ct_call *call, char *scratch, int64_t total,
                   int64_t *taken) noexcept nogil:
    cdef ct_tensor *tensors = <ct_tensor *>(scratch + loop.tensors)
    cdef char **base = <char **>(scratch + loop.base)
    cdef char **now = <char **>(scratch + loop.now)
    cdef int64_t *regs = <int64_t *>(scratch + loop.regs)
    cdef const step_t *s
    cdef const ct_code *c
    cdef int64_t k, look = loop.look_every
    cdef int i, status
    for k in range(total):
        if not loop.is_plain:
            for i in range(loop.nmoves):
                base[loop.moves[i].slot] = now[i]
            if loop.is_dynamic:
                status = look_at_data(loop, call, scratch)
                if status != CT_OK:
                    return fail(loop, call, k, -1, status)
            apply(loop.nrelocs, loop.relocs, base, regs, tensors)
        for i in range(loop.ncode):
            c = &loop.code[i]
            if c.op != CT_STEP:
                ct_scalar_run(c, scratch)
                continue
            s = &loop.steps[c.at]
            status = s.fn(call, s.n, tensors + s.first, s.params)
            if status == CT_OK and call.after != NULL:
                status = (<ct_after>call.after)(call, loop, c.at, tensors)
            if status != CT_OK:
                return fail(loop, call, k, c.at, status)
        advance(loop, now, scratch)
        taken[0] = k + 1
        if loop.until >= 0 and scratch[loop.until]:
            break
        look -= 1
        if look == 0:
            look = loop.look_every
            status = look_for_signals(call)
            if status == CT_OK and loop.in_block and (<block_call *>call).stopped[0]:
                return STOPPED
            if status != CT_OK:
                return fail(loop, call, k, -1, status)
    return CT_OK


cdef int run_nest(const loop_t *loop, const nest_t *nest, ct_call *call, char *scratch,
                  int64_t total, int64_t *taken) noexcept nogil:
    """Run generated code, some steps at a time."""
    cdef ct_steps steps
    cdef int status
    steps.first, steps.ended = 0, False
    while steps.first < total and not steps.ended:
        steps.n = min(loop.look_every, total - steps.first)
        status = nest.run(call, scratch, nest.numbers, &steps)
        if status != CT_OK:
            return status
        steps.first += steps.taken
        if steps.first < total:
            status = look_for_signals(call)
            if status != CT_OK:
                return fail(loop, call, steps.first - 1, -1, status)
    taken[0] = steps.first
    return CT_OK


cdef int run_chain(const loop_t *loop, ct_call *call, char *scratch,
                   int64_t total) noexcept nogil:
    """Run a loop whose state stays in a register."""
    cdef const chain_t *c = &loop.chain
    cdef ct_chain_rows rows
    cdef const char *first = (<char **>(scratch + c.first))[0]
    cdef int64_t k = 0, n
    cdef int status = CT_OK
    rows.out, rows.a = (<char **>(scratch + c.out))[0], (<char **>(scratch + c.a))[0]
    rows.b = (<char **>(scratch + c.b))[0]
    rows.to, rows.from_a, rows.from_b = c.to, c.from_a, c.from_b
    while k < total:
        n = min(CHUNK, total - k)
        c.run(n, first, &rows)
        k += n
        first = rows.out + (n - 1) * c.to
        rows.out += n * c.to
        rows.a += n * c.from_a
        rows.b += n * c.from_b
        if k < total:
            status = look_for_signals(call)
            if status != CT_OK:
                return fail(loop, call, k, -1, status)
    return status


cdef inline void advance(const loop_t *loop, char **now, char *scratch) noexcept nogil:
    cdef const move_t *m
    cdef int i
    for i in range(loop.nmoves):
        m = &loop.moves[i]
        now[i] += m.delta
        if m.high and now[i] == scratch + m.high:
            now[i] = scratch + m.low


cdef int look_at_data(const loop_t *loop, ct_call *call, char *scratch) noexcept nogil:
    """Compute the offsets that depend on the data of this step, and check them."""
    cdef array_t *arrays = <array_t *>(scratch + loop.arrays)
    cdef char **base = <char **>(scratch + loop.base) + SLOT_ARRAYS
    cdef int64_t *regs = <int64_t *>(scratch + loop.regs)
    cdef const check_t *c
    cdef int i
    for i in range(loop.narrays):
        arrays[i].data = base[i]
    compute_sizes(loop.nregs, loop.size_ops, loop.dynamic, arrays, regs, True)
    for i in range(loop.nchecks):
        c = &loop.checks[i]
        if not regs[c.condition]:
            call.info[0], call.info[1], call.info[2] = c.number, regs[c.a], regs[c.b]
            return CT_CHECK
    return CT_OK


cdef int fail(const loop_t *loop, ct_call *call, int64_t step, int at, int status) noexcept nogil:
    """Note where a failure happened; the loops around it add theirs."""
    if call.depth < CT_MAXLOOPS:
        call.trace[call.depth].loop = loop
        call.trace[call.depth].step = step
        call.trace[call.depth].at = at
    call.depth += 1
    return status


cdef int look_for_signals(ct_call *call) noexcept nogil:
    """Hear Ctrl-C, now and then."""
    cdef timespec time
    cdef int64_t now
    cdef int status = CT_OK
    clock_gettime(CLOCK_MONOTONIC, &time)
    now = time.tv_sec * 1_000_000_000 + time.tv_nsec
    if call.looked == 0:
        call.looked = now
    if now - call.looked < LOOK_TIME:
        return CT_OK
    call.looked = now
    with gil:
        try:
            PyErr_CheckSignals()
        except BaseException as error:
            Py_INCREF(error)
            call.info[0] = <int64_t><intptr_t><PyObject *>error
            status = CT_PYTHON
    return status


cdef void hand_out(const loop_t *loop, const ct_tensor *t, char *scratch) noexcept nogil:
    """Copy the last values of states, the latest last, from where the steps left them."""
    cdef char **now = <char **>(scratch + loop.now)
    cdef const exit_t *e
    cdef char *source
    cdef int i, k
    for i in range(loop.nexits):
        e = &loop.exits[i]
        source = scratch + e.low if e.move < 0 else now[e.move]
        for k in range(e.rows):
            if e.move >= 0:         # the oldest lies behind the place that would be written next
                source += e.bytes
                if source == scratch + e.high:
                    source = scratch + e.low
            memcpy(t[e.operand].data + k * e.step, source, e.bytes)


# ----- blocks of rows -----

ctypedef struct blocks_run:
    const blocks_t *blocks
    ct_call *call
    int n
    const ct_tensor *t
    int32_t stopped


cdef int run_blocks(ct_call *call, int n, const ct_tensor *t, const int64_t *params) noexcept nogil:
    """The ct_kernel of a loop in blocks. Its operands are those of the loop."""
    cdef blocks_run run
    cdef const blocks_t *blocks = <const blocks_t *><intptr_t>params[0]
    cdef int64_t i, total = blocks.count + (blocks.rest != NULL)
    run.blocks, run.call, run.n, run.t, run.stopped = blocks, call, n, t, 0
    make_ready(blocks.loop, t, t[n - 1].data + blocks.ready)
    if blocks.rest != NULL:
        make_ready(blocks.rest, t, t[n - 1].data + blocks.ready + blocks.loop.ready_bytes)
    if call.after != NULL:              # who looks on sees one block after the other
        for i in range(total):
            run_block(&run, i, 0)
    else:
        blocks.run(total, run_block, &run)
    return report(&run, total)


cdef void run_block(void *ctx, int64_t i, int thread) noexcept nogil:
    cdef blocks_run *run = <blocks_run *>ctx
    cdef const blocks_t *blocks = run.blocks
    cdef block_call *own = call_of(run, i)
    cdef ct_tensor t[MOST_OPERANDS]
    cdef int64_t box = <int64_t><intptr_t>(blocks.loop if i < blocks.count else blocks.rest)
    cdef int k
    memcpy(t, run.t, run.n * sizeof(ct_tensor))
    for k in range(run.n):
        t[k].data += i * blocks.steps[k]
    own.call, own.stopped = run.call[0], &run.stopped
    own.ready = run.t[run.n - 1].data + blocks.ready
    if i == blocks.count:
        own.ready += blocks.loop.ready_bytes
    own.status = run_loop(&own.call, run.n, t, &box)
    if own.status != CT_OK:
        run.stopped = 1


cdef inline block_call *call_of(const blocks_run *run, int64_t i) noexcept nogil:
    return <block_call *>(run.t[run.n - 1].data + i * run.blocks.scratch + run.blocks.room)


cdef int report(const blocks_run *run, int64_t total) noexcept nogil:
    """Pass on the failure of the first block that failed by itself."""
    cdef block_call *own
    cdef int64_t i
    cdef int64_t *regs = run.call.regs
    for i in range(total):
        own = call_of(run, i)
        if own.status != CT_OK and own.status != STOPPED:
            run.call[0] = own.call
            run.call.regs = regs
            return own.status
    return CT_OK


def scalar_names():
    """Return (op, code of its dtype, instruction) of what is computed without a tile kernel."""
    cdef int i = 0
    found = []
    while ct_scalar_names[i].name != NULL:
        found.append((ct_scalar_names[i].name.decode(), ct_scalar_names[i].dtype,
                      ct_scalar_names[i].op))
        i += 1
    return found
