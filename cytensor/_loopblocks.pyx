"""Places loops in plans: as a whole, or in blocks of rows of a batch that run side by side.

Rows of the batch do not depend on each other, so that each block takes all of its steps without
waiting for the others. How many rows a block has follows from sizes alone.
"""
cimport cython
from libc.stdint cimport int64_t, intptr_t
from libc.stdlib cimport calloc, free

from cytensor._loopplan cimport LoopPlan
from cytensor._loops cimport MOST_OPERANDS, block_call, blocks_t, run_blocks
from cytensor._places cimport count, place_t
from cytensor._plan cimport ALIGNMENT, step_t
from cytensor._planner cimport Builder
from cytensor._program cimport Program, Step, ct_itemsize, ct_kernel

cdef enum:
    MOST_SHARED = 1 << 19       # bytes of constants: each block reads all of them in each step
    LEAST_STEPS = 4
    LEAST_COST = 20_000         # additions of a step of a block; much less would keep the GIL
    COST_OF_PRODUCTS = 16       # multiplications of products that cost as much as an addition


@cython.final
cdef class Loop:
    """A scan that can be run in C: its body as a program, and how its arrays belong to the scan's.

    Parameters
    ----------
    program : Program
        Its inputs are the rows of the sequences, the values of states that are no cells, and the
        constants; its cells are the values of the others; its results are the new values, then
        the rows, then the condition.
    node : Apply
    cells : list of bool
        Per state: whether it is a cell.
    codes : dict of int to int
        The instructions that do what some tile kernels do, by their addresses.
    known : list of int
        Constants, by number, whose values sizes of the body depend on. The ``numbers`` of the
        step are the registers that have them.
    axes : list of int or None
        For each output and each input of the scan the axis that a batch of independent rows is,
        or -1; None if the rows depend on each other.
    """
    cdef readonly Program program
    cdef readonly object node
    cdef readonly list cells
    cdef readonly dict codes
    cdef readonly list known
    cdef readonly list axes

    def __init__(self, program, node, cells, codes, known, axes):
        self.program, self.node, self.cells = program, node, cells
        self.codes, self.known, self.axes = codes, known, axes

    def known_inputs(self):
        """Return the inputs of the scan whose values its sizes depend on."""
        consts = self.node.params["form"].split_inputs(self.node.inputs)[3]
        first = self.program.ninputs - len(consts)
        return [consts[i - first] for i in self.known]

    def plan(self, Builder builder, Step step):
        """Place the step of the parent's program that runs this loop."""
        cdef Blocks blocks = Blocks()
        for i in step.outs:
            builder.place_result(i)
        if self.axes is not None and self.is_divided(blocks, builder, step):
            blocks.place(builder, step)
        else:
            LoopPlan(self).place(builder, step)

    cdef bint is_divided(self, Blocks blocks, Builder builder, Step step) except -1:
        """Whether the loop runs in blocks. Of sizes that do not fit the plan of the whole tells."""
        try:
            return blocks.divide(self, builder, step)
        except ValueError:
            return False


@cython.final
cdef class Blocks:
    """A loop in blocks, for given sizes. Its parent's plan keeps it alive."""
    cdef blocks_t c
    cdef readonly LoopPlan main, rest
    cdef place_t *places                # of the operands, as far as a block works on them
    cdef list axes
    cdef int64_t rows                   # of a block
    is_whole = False

    def __dealloc__(self):
        free(self.places)

    def plans(self):
        """Return the plans of a step."""
        return [loop.inner for loop in (self.main, self.rest) if loop is not None]

    cdef bint divide(self, Loop loop, Builder builder, Step step) except -1:
        """Plan the blocks; False where the loop had better run as a whole."""
        cdef int64_t total
        self.axes = loop.axes
        total = self.batch(builder, step)
        self.rows = rows_of_block(total)
        if total <= self.rows or self.shared_bytes(builder, step) > MOST_SHARED:
            return False
        self.main = self.plan_of(self.rows, loop, builder, step)
        if self.main.steps < LEAST_STEPS or self.cost_of_step(loop.program) < LEAST_COST:
            return False
        if total % self.rows:
            self.rest = self.plan_of(total % self.rows, loop, builder, step)
        self.c.count = total // self.rows
        return True

    cdef int64_t batch(self, Builder builder, Step step) except -1:
        """The number of rows; 0 where operands do not agree about it, or are too many."""
        cdef set sizes = set()
        cdef place_t *p
        if len(self.axes) + 1 > MOST_OPERANDS:
            return 0
        for i, axis in zip(step.outs + step.ins, self.axes):
            if axis >= 0:
                p = builder.place(i)
                sizes.add(p.dims[<int>axis])
        return sizes.pop() if len(sizes) == 1 else 0

    cdef int64_t shared_bytes(self, Builder builder, Step step) except -1:
        """The bytes of what all rows read."""
        cdef int64_t total = 0
        for i, axis in zip(step.outs + step.ins, self.axes):
            if axis < 0:
                total += count(builder.place(i)) * ct_itemsize[builder.place(i).dtype]
        return total

    cdef LoopPlan plan_of(self, int64_t rows, Loop loop, Builder builder, Step step):
        """Plan the loop for some rows."""
        cdef LoopPlan plan = LoopPlan(loop)
        cdef int k = 0
        free(self.places)
        self.places = <place_t *>calloc(len(self.axes), sizeof(place_t))
        if self.places == NULL:
            raise MemoryError
        for i, axis in zip(step.outs + step.ins, self.axes):
            self.places[k] = builder.place(i)[0]
            if axis >= 0:
                self.places[k].dims[<int>axis] = rows
            k += 1
        plan.prepare(builder, step, self.places)
        return plan

    cdef int64_t cost_of_step(self, Program program) except -1:
        """Additions that a step of a block costs: of its fused groups, and of its products."""
        cdef int64_t total = 0
        cdef int i
        for i in range(self.main.inner.ngroups):
            total += program.dev.group_cost(self.main.inner.groups[i])
        for i in range(self.main.inner.nsteps):
            total += self.products_of(i) // COST_OF_PRODUCTS
        return total

    cdef int64_t products_of(self, int i) except -1:
        """The multiplications of a step that is a product of matrices."""
        cdef const step_t *s = &self.main.inner.steps[i]
        shapes = self.main.shapes_at(i)
        if self.main.step_at(i).label != "matmul":
            return 0
        m, k, n = shapes[0][-2], shapes[0][-1], shapes[1][-1]
        return m * k * n if s.n == 3 else 0

    cdef int place(self, Builder builder, Step step) except -1:
        """Write the step into the parent's plan."""
        cdef int64_t total = self.c.count + (self.rest is not None), ready
        cdef int k = 0
        cdef step_t *s
        for i, axis in zip(step.outs + step.ins, self.axes):
            if axis >= 0:
                self.c.steps[k] = self.rows * builder.place(i).strides[<int>axis]
            k += 1
        self.c.run = self.main.program.dev.run
        self.c.loop = &self.main.c
        self.c.room = self.main.scratch
        if self.rest is not None:
            self.c.rest = &self.rest.c
            self.c.room = max(self.c.room, self.rest.scratch)
        self.c.scratch = aligned(self.c.room + <int64_t>sizeof(block_call))
        self.c.steps[k] = self.c.scratch
        self.c.ready = total * self.c.scratch
        ready = self.main.c.ready_bytes + (0 if self.rest is None else self.rest.c.ready_bytes)
        s = builder.begin_step(<ct_kernel>run_blocks, NULL)
        s.box = <int64_t><intptr_t>&self.c
        self.main.end(builder, step, total * self.c.scratch + ready,
                      total * self.main.steps * (self.main.inner.cost + 100))
        builder.plan.children.append(self)
        return 0


cdef int64_t aligned(int64_t bytes):
    return (bytes + ALIGNMENT - 1) // ALIGNMENT * ALIGNMENT


cdef int64_t rows_of_block(int64_t total):
    """Few enough that most machines have work for all of their cores; else as many as is fast."""
    return 8 if total <= 32 else 16 if total <= 256 else 32
