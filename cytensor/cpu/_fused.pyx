"""The CPU as a device: fused groups on the thread pool, and the copy kernel."""
from cpython.pycapsule cimport PyCapsule_GetPointer, PyCapsule_New
from libc.stdint cimport int32_t, int64_t, intptr_t
from libc.stdlib cimport calloc, free

from cytensor._program cimport (CT_COUNT, CT_MAXDIM, GroupSpec, ct_device, ct_group, ct_itemsize,
                                ct_kernel, ct_ready_products, ct_spec, ct_task)

from cytensor.cpu import _structured


cdef extern from "threads.h":
    ctypedef struct ct_pool:
        void (*parallel_for)(int threads, int64_t ntasks, ct_task task, void *ctx) noexcept nogil
        int (*get_threads)() noexcept nogil

cdef extern from "fused.h" nogil:
    ct_group *ct_group_new(const ct_spec *, const int64_t *, int, const int64_t *) noexcept
    void ct_group_free(ct_group *) noexcept
    int64_t ct_group_cost(const ct_group *) noexcept
    ct_kernel ct_group_run
    ctypedef void (*ct_pass_fn)(int64_t, int64_t, char *const *, const int64_t *) noexcept
    ctypedef struct ct_pass:
        int32_t level, phase, nin, nout, nkept, nops
        int32_t *values
        int32_t *ops
        char *how
        ct_pass_fn fn
    ct_group *ct_group_in_blocks(const ct_group *, int) noexcept
    int ct_group_blocks(const ct_group *, ct_pass **) noexcept
    int ct_group_improve(ct_group *, ct_group *) noexcept
    void ct_group_use_pool(void *parallel_for, int (*threads)() noexcept nogil) noexcept

cdef extern from "abi.h":
    ctypedef struct ct_kernel_entry:
        const char *name
        ct_kernel fn


def kernel_addresses(capsule):
    """Return the structured kernels of a module, name -> address."""
    cdef const ct_kernel_entry *entry = \
        <const ct_kernel_entry *>PyCapsule_GetPointer(capsule, "cytensor.kernels")
    table = {}
    while entry.name != NULL:
        table[entry.name.decode()] = <intptr_t>entry.fn
        entry += 1
    return table


cdef class Blocks:
    """A group of a plan as blocks: what generated code has to do, and a place for its functions.

    Attributes
    ----------
    form : tuple of (level, phase, reads, makes, keeps, how, ops)
        One row a block. ``reads``, ``makes`` and ``keeps`` are values of the spec, ``how`` says of
        each how it is reached, and ``ops`` are those of the spec, in order.
    """
    cdef ct_group *group
    cdef ct_group *better
    cdef readonly tuple form

    def __dealloc__(self):
        ct_group_free(self.better)

    def install(self, addresses):
        """Let the group run these functions from now on; the plan must still be there."""
        cdef ct_pass *blocks
        cdef int i
        for i in range(ct_group_blocks(self.better, &blocks)):
            blocks[i].fn = <ct_pass_fn><intptr_t>addresses[i]
        if ct_group_improve(self.group, self.better):
            self.better = NULL


def blocks_of(intptr_t address, bint whole=True):
    """Return the `Blocks` of a group of a plan, by its address.

    ``whole`` says whether all of a row may be one block.
    """
    cdef Blocks found = Blocks.__new__(Blocks)
    found.group = <ct_group *>address
    found.better = ct_group_in_blocks(found.group, whole)
    if found.better == NULL:
        raise MemoryError
    found.form = form_of(found.better)
    return found


def cost_of(intptr_t address):
    """Return what a run of a group costs, roughly, in additions."""
    return ct_group_cost(<const ct_group *>address)


def blocks_of_sizes(GroupSpec spec, int64_t size, bint whole=True):
    """Return the `Blocks` of a group whose axes all have one size, and whose arrays are packed.

    They are to be looked at; nothing runs them.
    """
    cdef int naxes = len(spec.dims), k = 0, a
    cdef int64_t dims[CT_MAXDIM]
    cdef int64_t *strides = <int64_t *>calloc(len(spec.axes) * naxes + 1, sizeof(int64_t))
    cdef ct_group *plain
    cdef Blocks found = Blocks.__new__(Blocks)
    if strides == NULL:
        raise MemoryError
    for a in range(naxes):
        dims[a] = size
    for axes in spec.axes:
        for a in range(naxes):
            if axes[a] >= 0:
                strides[k * naxes + a] = item_of(spec, k)
                for axis in axes:
                    strides[k * naxes + a] *= size if axis > axes[a] else 1
        k += 1
    plain = ct_group_new(&spec.c, dims, k, strides)
    free(strides)
    found.better = ct_group_in_blocks(plain, whole) if plain != NULL else NULL
    ct_group_free(plain)
    if found.better == NULL:
        raise MemoryError
    found.form = form_of(found.better)
    return found


cdef int64_t item_of(GroupSpec spec, int operand):
    """Bytes of an element of an operand; a count goes up by 1."""
    cdef int i
    if operand < spec.c.noutputs:
        return ct_itemsize[spec.c.values[spec.c.output_value[operand]].dtype]
    for i in range(spec.c.nvalues):
        if spec.c.values[i].operand == operand:
            return 1 if spec.c.values[i].source == CT_COUNT \
                else ct_itemsize[spec.c.values[i].dtype]
    return 0


cdef tuple form_of(const ct_group *group):
    cdef ct_pass *blocks
    cdef int i
    return tuple([row_of(&blocks[i]) for i in range(ct_group_blocks(group, &blocks))])


cdef tuple row_of(const ct_pass *b):
    cdef int i, nin = b.nin, nargs = b.nin + b.nout, nall = nargs + b.nkept
    return (b.level, b.phase, tuple([b.values[i] for i in range(nin)]),
            tuple([b.values[i] for i in range(nin, nargs)]),
            tuple([b.values[i] for i in range(nargs, nall)]),
            "".join([chr(b.how[i]) for i in range(nall)]),
            tuple([b.ops[i] for i in range(b.nops)]))


cdef ct_device cpu
cdef ct_pool *pool = <ct_pool *>PyCapsule_GetPointer(_structured.pool, "cytensor.pool")
ct_group_use_pool(<void *>pool.parallel_for, pool.get_threads)


cdef void run_tasks(int64_t ntasks, ct_task task, void *ctx) noexcept nogil:
    pool.parallel_for(pool.get_threads(), ntasks, task, ctx)


cpu.group_new = ct_group_new
cpu.group_free = ct_group_free
cpu.group_cost = ct_group_cost
cpu.group_run = <ct_kernel>ct_group_run
structured = kernel_addresses(_structured.kernels)
cpu.copy = <ct_kernel><intptr_t>structured["copy"]
cpu.run = run_tasks
device = PyCapsule_New(&cpu, "device", NULL)


def use_products(ready):
    """Have loops make factors of their products ready, with what this capsule holds."""
    cpu.ready = <const ct_ready_products *>PyCapsule_GetPointer(ready, "cytensor.ready")
