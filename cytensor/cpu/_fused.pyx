"""The CPU as a device: fused groups on the thread pool, and the copy kernel."""
from cpython.pycapsule cimport PyCapsule_GetPointer, PyCapsule_New
from libc.stdint cimport int64_t, intptr_t

from cytensor._program cimport ct_device, ct_group, ct_kernel, ct_spec

from cytensor.cpu import _structured


cdef extern from "threads.h":
    ctypedef struct ct_pool:
        void *parallel_for
        int (*get_threads)() noexcept nogil

cdef extern from "fused.h" nogil:
    ct_group *ct_group_new(const ct_spec *, const int64_t *, int, const int64_t *) noexcept
    void ct_group_free(ct_group *) noexcept
    int64_t ct_group_cost(const ct_group *) noexcept
    ct_kernel ct_group_run
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


cdef ct_device cpu
cdef ct_pool *pool = <ct_pool *>PyCapsule_GetPointer(_structured.pool, "cytensor.pool")
ct_group_use_pool(pool.parallel_for, pool.get_threads)
cpu.group_new = ct_group_new
cpu.group_free = ct_group_free
cpu.group_cost = ct_group_cost
cpu.group_run = <ct_kernel>ct_group_run
structured = kernel_addresses(_structured.kernels)
cpu.copy = <ct_kernel><intptr_t>structured["copy"]
device = PyCapsule_New(&cpu, "device", NULL)
