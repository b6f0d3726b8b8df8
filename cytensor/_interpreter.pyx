"""Runs compiled programs: the path of a call, from the arguments to the results.

A call takes the sizes of its arrays, finds the plan for them, takes an arena, and runs the plan's
steps in one loop, without the GIL where that pays. Shared variables change at the end, all or none.
"""
import time

cimport cython
cimport numpy as cnp
from cpython.bytes cimport PyBytes_FromStringAndSize
from cpython.exc cimport PyErr_CheckSignals
from cpython.ref cimport Py_DECREF, PyObject
from libc.stdint cimport int32_t, int64_t, intptr_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcmp, memcpy, memset

from cytensor._plan cimport (SLOT_ARRAYS, Plan, arena_t, make_plan, reloc_t, run_checks, step_t)
from cytensor._program cimport (CT_EMPTY, CT_INDEX, CT_LINALG, CT_MEMORY, CT_OK, CT_PYTHON,
                                CT_VALUE, CT_ZERO_DIVISION, Program, Segment, array_t, ct_call)

from cytensor._plan import where

cnp.import_array()


cdef extern from "pool.h":
    const int ct_typenum[14]            # NumPy's number of each dtype
    object ct_new_array(int ndim, const cnp.npy_intp *dims, int typenum)


cdef extern from "unistd.h" nogil:
    int usleep(unsigned int)


cdef enum:
    RELEASE_COST = 40_000       # additions above which a call lets go of the GIL
    SIGNAL_COST = 200_000_000   # above which it looks for Ctrl-C between steps
    MAX_PLANS = 256             # remembered per segment
    STACK_ARRAYS = 64


cdef int pause() except -1:
    """Let other threads run."""
    with nogil:
        usleep(20)
    PyErr_CheckSignals()
    return 0


@cython.final
cdef class Cell:
    """The storage of a shared variable.

    While a call works on it, it counts as a reader or the writer; a call that would change what
    another one reads waits.
    """
    cdef public object value            # an ndarray
    cdef int readers, writers           # calls that use it now

    def __init__(self, value):
        self.value = value

    def copy(self):
        """Return a copy of the value, as it is between two calls."""
        while self.writers:
            pause()
        return self.value.copy()

    def set(self, value):
        """Exchange the value, between two calls that change it."""
        while self.writers:
            pause()
        self.value = value

    def __reduce__(self):
        return Cell, (self.copy(),)


cdef class Profile:
    """Time per step of one compiled function."""
    cdef readonly dict seconds          # (segment, step) -> [seconds, runs]
    cdef public double total
    cdef public long calls

    def __init__(self):
        self.seconds = {}
        self.total = 0
        self.calls = 0

    cdef add(self, int segment, int step, double seconds):
        entry = self.seconds.setdefault((segment, step), [0.0, 0])
        entry[0] += seconds
        entry[1] += 1


cdef class Callable:
    """A compiled program with its shared values, ready to be called.

    Subclasses add names, defaults and conversions: ``_bind(args, kwargs)`` returns the tuple of
    arguments in order, ``_convert(i, value)`` an array that input ``i`` takes.

    Parameters
    ----------
    program : Program
    cells : list of Cell
    unpack : "one", "list", or list of keys
        How results are handed out: the only one, a list, or a dict.
    nresults : int
        How many of the program's outputs are results; the rest are new shared values.
    """
    cdef readonly Program program
    cdef readonly list cells
    cdef public Profile profile         # or None
    cdef int *typenums
    cdef int *ndims
    cdef object unpack
    cdef int nresults

    def __init__(self, program, cells, unpack, nresults):
        cdef int i
        self.program = program
        self.cells = cells
        self.unpack = unpack
        self.nresults = nresults
        self.typenums = <int *>calloc(self.program.ninputs + 1, sizeof(int))
        self.ndims = <int *>calloc(self.program.ninputs + 1, sizeof(int))
        if self.typenums == NULL or self.ndims == NULL:
            raise MemoryError
        for i in range(self.program.ninputs):
            self.typenums[i] = ct_typenum[<int>self.program.arrays[i][1]]
            self.ndims[i] = self.program.arrays[i][2]

    def __dealloc__(self):
        free(self.typenums)
        free(self.ndims)

    def _bind(self, args, kwargs):
        raise TypeError(f"expected {self.program.ninputs} arguments, got {len(args)}")

    def _convert(self, i, value):
        raise TypeError(f"argument {i} is {value!r}")

    def __call__(self, *args, **kwargs):
        if kwargs or len(args) != self.program.ninputs:
            args = self._bind(args, kwargs)
        return self.run(args)

    cdef object run(self, tuple args):
        cdef array_t stack[STACK_ARRAYS]
        cdef array_t *arrays = stack
        cdef int n = len(self.program.arrays)
        if n > STACK_ARRAYS:
            arrays = <array_t *>malloc(n * sizeof(array_t))
            if arrays == NULL:
                raise MemoryError
        try:
            hold = self.gather(args, arrays)
            self.acquire()
            try:
                return self.run_segments(arrays, hold)
            finally:
                self.release()
        finally:
            if arrays != stack:
                free(arrays)

    # ----- arguments -----

    cdef list gather(self, tuple args, array_t *arrays):
        """Point ``arrays`` at the arguments, shared values and constants; return what must live."""
        cdef list hold = []
        cdef int i, n = self.program.ninputs, ncells = self.program.ncells
        for i in range(n):
            value = args[i]
            if not self.fits(i, value):
                value = self._convert(i, value)
                if not self.fits(i, value):
                    raise TypeError(f"argument {i} was converted to {value!r}, which does not fit")
                hold.append(value)
            set_array(&arrays[i], <cnp.ndarray>value)
        for i in range(ncells):
            value = (<Cell>self.cells[i]).value
            hold.append(value)
            set_array(&arrays[n + i], <cnp.ndarray>value)
        for i in range(n + ncells, len(self.program.arrays)):
            payload = (<tuple>self.program.arrays[i])[3]
            if payload is not None:
                set_array(&arrays[i], <cnp.ndarray>payload)
        return hold

    cdef bint fits(self, int i, object value):
        return (cnp.PyArray_CheckExact(value)
                and cnp.PyArray_TYPE(<cnp.ndarray>value) == self.typenums[i]
                and cnp.PyArray_NDIM(<cnp.ndarray>value) == self.ndims[i]
                and cnp.PyArray_ISBEHAVED_RO(<cnp.ndarray>value))

    # ----- shared values: many readers, or one writer -----

    cdef int acquire(self) except -1:
        cdef Cell cell
        while self.busy():
            pause()
        for cell in self.cells:
            cell.readers += 1
        for i in self.program.written:
            cell = self.cells[<int>i]
            cell.readers -= 1
            cell.writers += 1
        return 0

    cdef bint busy(self):
        cdef Cell cell
        for cell in self.cells:
            if cell.writers:
                return True
        for i in self.program.written:
            cell = self.cells[<int>i]
            if cell.readers:
                return True
        return False

    cdef void release(self) noexcept:
        cdef Cell cell
        for cell in self.cells:
            cell.readers -= 1
        for i in self.program.written:
            cell = self.cells[<int>i]
            cell.readers += 1
            cell.writers -= 1

    # ----- segments -----

    cdef object run_segments(self, array_t *arrays, list hold):
        cdef list results = [None] * len(self.program.outputs)
        cdef list plans = []
        cdef list arenas = []
        cdef int i
        cdef Plan plan
        cdef double start = time.perf_counter() if self.profile is not None else 0
        try:
            for i in range(len(self.program.segments)):
                plan = self.find_plan(self.program.segments[i], arrays, hold)
                plans.append(plan)
                arenas.append(<intptr_t>self.run_plan(i, plan, arrays, results))
            for plan in plans:
                for cell, output in plan.updates:
                    (<Cell>self.cells[<int>cell]).value = results[<int>output]
            for cell, output in self.program.updates:
                (<Cell>self.cells[<int>cell]).value = results[<int>output]
        finally:
            for i in range(len(arenas)):
                (<Plan>plans[i]).give_back(<arena_t *><intptr_t>arenas[i])
        if self.profile is not None:
            self.profile.total += time.perf_counter() - start
            self.profile.calls += 1
        return self.hand_out(results)

    cdef object hand_out(self, list results):
        if self.unpack == "one":
            return results[0]
        if self.unpack == "list":
            return results[:self.nresults]
        return dict(zip(self.unpack, results))

    cdef Plan find_plan(self, Segment segment, array_t *arrays, list hold):
        """The plan for these sizes: the last one, one remembered, or a new one."""
        cdef Plan plan = segment.last
        cdef int64_t small[64]
        cdef int64_t *regs = small
        if segment.nregs > 64:
            regs = <int64_t *>malloc(segment.nregs * sizeof(int64_t))
            if regs == NULL:
                raise MemoryError
        try:
            if segment.any_dynamic or plan is None:
                segment.run_sizes(arrays, regs, False)
            if plan is None or not matches(plan, segment, arrays, regs):
                plan = self.other_plan(segment, arrays, regs)
            if plan.overwritten and self.avoid_overlap(plan, arrays, hold):
                return self.find_plan(segment, arrays, hold)
            return plan
        finally:
            if regs != small:
                free(regs)

    cdef Plan other_plan(self, Segment segment, array_t *arrays, int64_t *regs):
        cdef Plan plan
        key = make_key(segment, arrays, regs)
        plan = segment.plans.get(key)
        if plan is None:
            segment.run_sizes(arrays, regs, False)
            plan = make_plan(self.program, segment, arrays, regs)
            plan.key = <int64_t *>malloc(len(key) + 1)
            if plan.key == NULL:
                raise MemoryError
            memcpy(plan.key, <const char *><bytes>key, len(key))
            if len(segment.plans) >= MAX_PLANS:
                segment.plans.pop(next(iter(segment.plans)))
            segment.plans[key] = plan
        segment.last = plan
        return plan

    cdef bint avoid_overlap(self, Plan plan, array_t *arrays, list hold):
        """Copy arguments that share memory with a shared value that is about to be overwritten."""
        cdef int i, k, n = self.program.ninputs
        cdef int64_t low, high, low2, high2
        cdef bint copied = False
        for k in plan.overwritten:
            low = extent(&arrays[k], self.program.arrays[k], &high)
            for i in range(n):
                low2 = extent(&arrays[i], self.program.arrays[i], &high2)
                if low < high2 and low2 < high:
                    value = copy_of(&arrays[i], self.program.arrays[i])
                    hold.append(value)
                    set_array(&arrays[i], value)
                    copied = True
        return copied

    cdef arena_t *run_plan(self, int number, Plan plan, array_t *arrays, list results) except NULL:
        cdef Segment segment = plan.segment
        cdef arena_t *arena = plan.take()
        cdef ct_call call
        cdef int status = CT_OK, done = 0
        try:
            memset(&call, 0, sizeof(call))
            call.regs = arena.regs
            if segment.any_dynamic:
                segment.run_sizes(arrays, arena.regs, True)
                if segment.any_checks:
                    run_checks(segment, arena.regs, True)
            self.point(plan, arena, arrays, results)
            if self.profile is not None:
                status = self.run_profiled(number, plan, arena, &call, &done)
            elif plan.cost < RELEASE_COST:
                status = run_steps(plan, arena, &call, 0, plan.nsteps, &done)
            elif plan.cost < SIGNAL_COST:
                with nogil:
                    status = run_steps(plan, arena, &call, 0, plan.nsteps, &done)
            else:
                status = self.run_long(plan, arena, &call, &done)
            if status != CT_OK:
                raise_error(status, &call, segment.steps[plan.steps[done].source])
            self.export_arrays(plan, arena, arrays)
        except BaseException:
            plan.give_back(arena)
            raise
        return arena

    cdef int point(self, Plan plan, arena_t *arena, array_t *arrays, list results) except -1:
        """Allocate outputs, and fill in the addresses that differ between calls."""
        cdef int i, k, n = len(self.program.arrays)
        cdef cnp.npy_intp dims[32]
        cdef char **base = arena.base
        cdef const reloc_t *r
        cdef char *data
        for i in range(n):
            base[SLOT_ARRAYS + i] = arrays[i].data
        for output, sizes in plan.outputs:
            for k in range(len(<tuple>sizes)):
                dims[k] = (<tuple>sizes)[k]
            array = ct_new_array(len(<tuple>sizes), dims,
                                 ct_typenum[<int>(<tuple>self.program.outputs[<int>output])[0]])
            results[<int>output] = array
            base[SLOT_ARRAYS + n + <int>output] = cnp.PyArray_BYTES(<cnp.ndarray>array)
        for i in range(plan.nrelocs):
            r = &plan.relocs[i]
            data = base[r.slot] + r.offset
            for k in range(r.nterms):
                data += arena.regs[r.terms[k].reg] * r.terms[k].scale
            arena.tensors[r.tensor].data = data
        return 0

    cdef int run_long(self, Plan plan, arena_t *arena, ct_call *call, int *done) except? -1:
        """Between steps, look whether the user wants to stop; not once updates have begun."""
        cdef int status = CT_OK, i
        for i in range(plan.nsteps):
            if i < plan.ncertain:
                PyErr_CheckSignals()
            with nogil:
                status = run_steps(plan, arena, call, i, i + 1, done)
            if status != CT_OK:
                break
        return status

    cdef int run_profiled(self, int number, Plan plan, arena_t *arena, ct_call *call,
                          int *done) except? -1:
        cdef int status = CT_OK, i
        cdef double start
        for i in range(plan.nsteps):
            start = time.perf_counter()
            with nogil:
                status = run_steps(plan, arena, call, i, i + 1, done)
            self.profile.add(number, plan.steps[i].source, time.perf_counter() - start)
            if status != CT_OK:
                break
        return status

    cdef int export_arrays(self, Plan plan, arena_t *arena, array_t *arrays) except -1:
        """Hand values to later segments. They live in the arena, which the call keeps."""
        cdef int k = 0
        for _, array in plan.segment.exports:
            arrays[<int>array] = plan.exports[k]
            arrays[<int>array].data = arena.memory + <int64_t><intptr_t>plan.exports[k].data
            k += 1
        return 0


cdef inline void set_array(array_t *array, cnp.ndarray value) noexcept:
    array.data = cnp.PyArray_BYTES(value)
    array.dims = <const int64_t *>cnp.PyArray_DIMS(value)
    array.strides = <const int64_t *>cnp.PyArray_STRIDES(value)


cdef int run_steps(Plan plan, arena_t *arena, ct_call *call, int first, int last,
                   int *done) noexcept nogil:
    cdef int i, status
    cdef const step_t *s
    for i in range(first, last):
        s = &plan.steps[i]
        status = s.fn(call, s.n, arena.tensors + s.first, s.params)
        if status != CT_OK:
            done[0] = i
            return status
    return CT_OK


cdef bint matches(Plan plan, Segment segment, const array_t *arrays, const int64_t *regs) noexcept:
    """Whether a plan was made for these sizes and strides."""
    cdef const int64_t *key = plan.key
    cdef const array_t *array
    cdef int i, k, ndim
    for i in range(segment.narrays):
        array = &arrays[segment.array_ids[i]]
        ndim = segment.array_ndims[i]
        for k in range(ndim):
            if key[k] != array.dims[k] or key[ndim + k] != array.strides[k]:
                return False
        key += 2 * ndim
    for i in range(segment.nkeyregs):
        if key[i] != regs[segment.key_regs[i]]:
            return False
    return True


cdef bytes make_key(Segment segment, const array_t *arrays, const int64_t *regs):
    cdef bytes key = PyBytes_FromStringAndSize(NULL, segment.nkey * sizeof(int64_t))
    cdef int64_t *at = <int64_t *><char *>key
    cdef const array_t *array
    cdef int i, ndim
    for i in range(segment.narrays):
        array = &arrays[segment.array_ids[i]]
        ndim = segment.array_ndims[i]
        memcpy(at, array.dims, ndim * sizeof(int64_t))
        memcpy(at + ndim, array.strides, ndim * sizeof(int64_t))
        at += 2 * ndim
    for i in range(segment.nkeyregs):
        at[i] = regs[segment.key_regs[i]]
    return key


cdef int64_t extent(const array_t *array, tuple spec, int64_t *high):
    """First byte of an array, and the one behind its last."""
    cdef int64_t low = <int64_t><intptr_t>array.data, reach
    cdef int a
    high[0] = low + 16
    for a in range(<int>spec[2]):
        reach = array.strides[a] * (array.dims[a] - 1)
        if reach > 0:
            high[0] += reach
        else:
            low += reach
    return low


cdef object copy_of(const array_t *array, tuple spec):
    cdef cnp.ndarray view = cnp.PyArray_New(
        cnp.ndarray, spec[2], <cnp.npy_intp *>array.dims, ct_typenum[<int>spec[1]],
        <cnp.npy_intp *>array.strides, array.data, 0, 0, None)
    return view.copy()


cdef raise_error(int status, ct_call *call, step):
    """Turn what a kernel reported into an exception that shows the user's line."""
    place = where(step.node)
    if status == CT_PYTHON:
        error = <object><PyObject *><intptr_t>call.info[0]
        Py_DECREF(error)
        if hasattr(error, "add_note"):
            error.add_note(f"while running {step.label}{place}")
        raise error
    if status == CT_INDEX:
        raise IndexError(f"{step.label}: index {call.info[0]} is out of bounds for axis "
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
        raise LinAlgError(f"{step.label}: info {call.info[0]}{place}")
    text = call.text.decode() if call.text != NULL else "failed"
    raise ValueError(f"{step.label}: {text}{place}")
