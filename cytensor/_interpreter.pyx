"""Runs compiled programs: the path of a call, from the arguments to the results.

A call takes the sizes of its arrays, finds the plan for them, takes an arena, and runs the plan's
steps in one loop, without the GIL where that pays. Shared variables change at the end, all or none.
"""
import time

cimport numpy as cnp
from cpython.exc cimport PyErr_CheckSignals
from cpython.list cimport PyList_GET_ITEM
from cpython.ref cimport Py_DECREF, Py_INCREF, Py_XDECREF, PyObject
from libc.stdint cimport int64_t, intptr_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcpy, memset

from cytensor._arrays cimport copy_of, extent, make_key, matches, remember
from cytensor._cells cimport Cell, pause
from cytensor._plan cimport (SLOT_ARRAYS, Plan, arena_t, output_t, raise_error, reloc_t, run_checks,
                             step_t)
from cytensor._planner cimport make_plan
from cytensor._program cimport CT_OK, OBJECT_DTYPE, Program, Segment, array_t, ct_call
from cytensor._watch cimport Watcher, arrays_of, look_inside, operands

from cytensor._program import AssumptionError

cnp.import_array()


cdef extern from "pool.h":
    const int ct_typenum[14]            # NumPy's number of each dtype
    object ct_new_array(int ndim, const cnp.npy_intp *dims, int typenum)


cdef extern from "vectorcall.h":
    ctypedef object (*vectorcall_t)(object self, PyObject *const *args, size_t nargs,
                                    PyObject *names)
    Py_ssize_t PyVectorcall_NARGS(size_t)
    void ct_enable_vectorcall(object type, Py_ssize_t offset)
    Py_ssize_t ct_offset(void *start, void *member)


cdef enum:
    RELEASE_COST = 40_000       # additions above which a call lets go of the GIL
    SIGNAL_COST = 200_000_000   # above which it looks for Ctrl-C between steps
    STACK_BYTES = 4096
    NO_ARRAY = -1               # in place of NumPy's number of a dtype

cdef enum:
    ONE, LIST, DICT            # how results are handed out


# What one call works with. References in it are owned.
cdef struct frame_t:
    array_t *arrays
    PyObject **results
    PyObject **held             # converted arguments, and the values of shared variables
    PyObject **plans
    arena_t **arenas
    int nheld, nplans


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
    cdef vectorcall_t vectorcall
    cdef readonly Program program
    cdef readonly list cells
    cdef public list watchers           # who looks on; None: nobody
    cdef public object runner           # what runs in place of the program, or None
    cdef int *typenums                  # of inputs and cells; NO_ARRAY: a Python object
    cdef int *ndims
    cdef int *written                   # the cells that a call changes
    cdef int unpack, nresults, ninputs, ncells, nwritten, narrays, noutputs, nsegments
    cdef list keys
    cdef array_t *constants             # the program's arrays, of which constants are filled in
    cdef PyObject **objects             # those constants that are no arrays
    cdef size_t frame_bytes

    def __cinit__(self, *args, **kwargs):
        self.vectorcall = call_fast

    def __init__(self, Program program, cells, unpack, nresults):
        cdef int i
        self.program = program
        self.cells = cells
        self.keys = list(unpack) if not isinstance(unpack, str) else None
        self.unpack = DICT if self.keys is not None else ONE if unpack == "one" else LIST
        self.nresults = nresults
        self.ninputs, self.ncells = program.ninputs, program.ncells
        self.narrays, self.noutputs = len(program.arrays), len(program.outputs)
        self.nsegments, self.nwritten = len(program.segments), len(program.written)
        self.frame_bytes = (self.narrays * sizeof(array_t) + sizeof(void *) * (
            self.noutputs + 2 * self.narrays + 2 * self.nsegments))
        free_all(self)
        self.typenums = <int *>calloc(self.ninputs + self.ncells + 1, sizeof(int))
        self.ndims = <int *>calloc(self.ninputs + 1, sizeof(int))
        self.written = <int *>calloc(self.nwritten + 1, sizeof(int))
        self.constants = <array_t *>calloc(self.narrays + 1, sizeof(array_t))
        self.objects = <PyObject **>calloc(self.narrays + 1, sizeof(PyObject *))
        if not (self.typenums and self.ndims and self.written and self.constants
                and self.objects):
            raise MemoryError
        for i in range(self.ninputs + self.ncells):
            dtype = program.arrays[i][1]
            self.typenums[i] = NO_ARRAY if dtype == OBJECT_DTYPE else ct_typenum[<int>dtype]
        for i in range(self.ninputs):
            self.ndims[i] = program.arrays[i][2]
        for i in range(self.nwritten):
            self.written[i] = program.written[i]
        for i in range(self.ninputs + self.ncells, self.narrays):
            self.set_constant(i, program.arrays[i])

    cdef int set_constant(self, int i, tuple row) except -1:
        """Point to a constant. The program keeps it alive."""
        kind, dtype, _, payload = row
        if dtype == OBJECT_DTYPE:
            self.objects[i] = <PyObject *>payload
            self.constants[i].data = <char *>&self.objects[i]
        elif kind == "constant":
            set_array(&self.constants[i], payload)
        return 0

    def __dealloc__(self):
        free_all(self)

    def _bind(self, args, kwargs):
        raise TypeError(f"expected {self.ninputs} arguments, got {len(args)}")

    def _convert(self, i, value):
        if self.typenums[i] == NO_ARRAY:
            return value
        raise TypeError(f"argument {i} does not fit: {value!r}")

    def __call__(self, *args, **kwargs):
        if kwargs or len(args) != self.ninputs:
            args = self._bind(args, kwargs)
        return self.call_tuple(args)

    cdef object call_tuple(self, tuple args):
        cdef PyObject **vector = <PyObject **>malloc((len(args) + 1) * sizeof(PyObject *))
        cdef int i
        if vector == NULL:
            raise MemoryError
        try:
            for i in range(len(args)):
                vector[i] = <PyObject *>args[i]
            return self.run(vector)
        finally:
            free(vector)

    def _general(self):
        """A callable of the same graph that assumes nothing of sizes."""
        raise AssertionError("this program assumes nothing")

    cdef object run(self, PyObject *const *args):
        """Call with as many arguments as there are inputs."""
        if self.runner is not None:
            return self.run_instead(args)
        try:
            return self.run_here(args)
        except AssumptionError:
            pass
        return (<Callable>self._general()).run(args)

    cdef object run_instead(self, PyObject *const *args):
        """Let the runner compute the results and the new shared values."""
        arguments = [<object>args[i] if self.fits(i, args[i]) else self._convert(i, <object>args[i])
                     for i in range(self.ninputs)]
        self.acquire()
        try:
            results, updates = self.runner(arguments, [cell.value for cell in self.cells])
            for cell, value in updates:
                (<Cell>self.cells[<int>cell]).value = value
        finally:
            self.release()
        return self.wrap(results)

    cdef object run_here(self, PyObject *const *args):
        cdef char stack[STACK_BYTES]
        cdef char *block = stack
        cdef frame_t frame
        if self.frame_bytes > STACK_BYTES:
            block = <char *>malloc(self.frame_bytes)
            if block == NULL:
                raise MemoryError
        self.open_frame(&frame, block)
        try:
            self.gather(&frame, args)
            if self.ncells == 0:
                return self.run_segments(&frame)
            self.acquire()
            try:
                self.gather_shared(&frame)
                return self.run_segments(&frame)
            finally:
                self.release()
        finally:
            self.close_frame(&frame)
            if block != stack:
                free(block)

    cdef void open_frame(self, frame_t *frame, char *block) noexcept:
        frame.arrays = <array_t *>block
        frame.results = <PyObject **>(block + self.narrays * sizeof(array_t))
        frame.held = frame.results + self.noutputs
        frame.plans = frame.held + 2 * self.narrays
        frame.arenas = <arena_t **>(frame.plans + self.nsegments)
        frame.nheld = frame.nplans = 0
        memset(frame.results, 0, self.noutputs * sizeof(PyObject *))

    cdef void close_frame(self, frame_t *frame) noexcept:
        cdef int i
        for i in range(frame.nplans):
            (<Plan>frame.plans[i]).give_back(frame.arenas[i])
            Py_DECREF(<Plan>frame.plans[i])
        for i in range(frame.nheld):
            Py_DECREF(<object>frame.held[i])
        for i in range(self.noutputs):
            Py_XDECREF(frame.results[i])

    # ----- arguments -----

    cdef int gather(self, frame_t *frame, PyObject *const *args) except -1:
        """Point the frame's arrays at the arguments and constants."""
        cdef int i
        cdef array_t *arrays = frame.arrays
        for i in range(self.ninputs):
            if self.fits(i, args[i]):
                set_array(&arrays[i], <cnp.ndarray>args[i])
            else:
                self.convert(frame, i, <object>args[i])
        i = self.ninputs + self.ncells
        memcpy(&arrays[i], &self.constants[i], (self.narrays - i) * sizeof(array_t))
        return 0

    cdef int gather_shared(self, frame_t *frame) except -1:
        """Point the frame's arrays at the shared values: now no other call exchanges them."""
        cdef int i
        for i in range(self.ncells):
            value = (<Cell>PyList_GET_ITEM(self.cells, i)).value
            hold(frame, value)
            if self.typenums[self.ninputs + i] == NO_ARRAY:
                set_object(&frame.arrays[self.ninputs + i], frame)
            else:
                set_array(&frame.arrays[self.ninputs + i], <cnp.ndarray>value)
        return 0

    cdef int convert(self, frame_t *frame, int i, object value) except -1:
        array = self._convert(i, value)
        if self.typenums[i] == NO_ARRAY:
            hold(frame, array)
            set_object(&frame.arrays[i], frame)
            return 0
        if not self.fits(i, <PyObject *>array):
            raise TypeError(f"argument {i} was converted to {array!r}, which does not fit")
        hold(frame, array)
        set_array(&frame.arrays[i], <cnp.ndarray>array)
        return 0

    cdef inline bint fits(self, int i, PyObject *value) noexcept:
        return (cnp.PyArray_CheckExact(<object>value)
                and cnp.PyArray_TYPE(<cnp.ndarray>value) == self.typenums[i]
                and cnp.PyArray_NDIM(<cnp.ndarray>value) == self.ndims[i]
                and cnp.PyArray_ISBEHAVED_RO(<cnp.ndarray>value))

    # ----- shared values: many readers, or one writer -----

    cdef int acquire(self) except -1:
        cdef int i
        cdef Cell cell
        while self.busy():
            pause()
        for i in range(self.ncells):
            cell = self.cells[i]
            cell.readers += 1
        for i in range(self.nwritten):
            cell = self.cells[self.written[i]]
            cell.readers -= 1
            cell.writers += 1
        return 0

    cdef bint busy(self):
        cdef int i
        cdef Cell cell
        for i in range(self.ncells):
            cell = self.cells[i]
            if cell.writers:
                return True
        for i in range(self.nwritten):
            cell = self.cells[self.written[i]]
            if cell.readers:
                return True
        return False

    cdef void release(self) noexcept:
        cdef int i
        cdef Cell cell
        for i in range(self.ncells):
            cell = self.cells[i]
            cell.readers -= 1
        for i in range(self.nwritten):
            cell = self.cells[self.written[i]]
            cell.readers += 1
            cell.writers -= 1

    # ----- segments -----

    cdef object run_segments(self, frame_t *frame):
        cdef int i
        cdef Plan plan
        cdef double start = self.begin_watching(frame) if self.watchers is not None else 0
        for i in range(self.nsegments):
            plan = self.find_plan(<Segment>PyList_GET_ITEM(self.program.segments, i), frame)
            frame.arenas[i] = plan.take()
            Py_INCREF(plan)
            frame.plans[i] = <PyObject *>plan
            frame.nplans = i + 1
            self.run_plan(i, plan, frame.arenas[i], frame)
        if self.nwritten:
            self.commit(frame)
        if self.watchers is not None:
            for watcher in self.watchers:
                (<Watcher>watcher).end(time.perf_counter() - start)
        return self.hand_out(frame)

    cdef double begin_watching(self, frame_t *frame) except -1:
        cdef double start = time.perf_counter()
        for watcher in self.watchers:
            (<Watcher>watcher).begin(self.program, frame.arrays)
        return start

    cdef int commit(self, frame_t *frame) except -1:
        """Exchange the shared values that were not written in place. Nothing here can fail."""
        cdef int i
        for i in range(frame.nplans):
            for cell, output in (<Plan>frame.plans[i]).updates:
                (<Cell>self.cells[<int>cell]).value = <object>frame.results[<int>output]
        for cell, output in self.program.updates:
            (<Cell>self.cells[<int>cell]).value = <object>frame.results[<int>output]
        return 0

    cdef object hand_out(self, frame_t *frame):
        cdef int i
        if self.unpack == ONE:
            return <object>frame.results[0]
        return self.wrap([<object>frame.results[i] for i in range(self.nresults)])

    cdef object wrap(self, list results):
        if self.unpack == DICT:
            return dict(zip(self.keys, results))
        return results if self.unpack == LIST else results[0]

    cdef Plan find_plan(self, Segment segment, frame_t *frame):
        """The plan for these sizes: the last one, one remembered, or a new one."""
        cdef Plan plan = segment.last
        cdef int64_t small[64]
        cdef int64_t *regs = small
        if segment.nregs > 64 and (segment.any_dynamic or plan is None):
            regs = <int64_t *>malloc(segment.nregs * sizeof(int64_t))
            if regs == NULL:
                raise MemoryError
        try:
            if segment.any_dynamic:
                segment.run_sizes(frame.arrays, regs, False)
            if plan is None or not matches(plan, segment, frame.arrays, regs):
                plan = self.other_plan(segment, frame.arrays, regs)
            if plan.overwritten and self.avoid_overlap(plan, frame):
                return self.find_plan(segment, frame)
            return plan
        finally:
            if regs != small:
                free(regs)

    cdef Plan other_plan(self, Segment segment, array_t *arrays, const int64_t *dynamic):
        """A plan that is remembered, or a new one."""
        cdef Plan plan
        cdef int64_t *regs
        key = make_key(segment, arrays, dynamic)
        plan = segment.plans.get(key)
        if plan is None and key in segment.plans:
            raise AssumptionError
        if plan is None:
            regs = <int64_t *>malloc((segment.nregs + 1) * sizeof(int64_t))
            if regs == NULL:
                raise MemoryError
            try:
                segment.run_sizes(arrays, regs, False)
                plan = make_plan(self.program, segment, arrays, regs)
            except AssumptionError:
                remember(segment, key, None)
                raise
            finally:
                free(regs)
            plan.key = <int64_t *>malloc(len(key) + 1)
            if plan.key == NULL:
                raise MemoryError
            memcpy(plan.key, <const char *><bytes>key, len(key))
            remember(segment, key, plan)
        segment.last = plan
        return plan

    cdef bint avoid_overlap(self, Plan plan, frame_t *frame) except -1:
        """Copy arguments that share memory with a shared value that is about to be overwritten."""
        cdef int i, k
        cdef int64_t low, high, low2, high2
        cdef bint copied = False
        for k in plan.overwritten:
            low = extent(&frame.arrays[k], self.program.arrays[k], &high)
            for i in range(self.ninputs):
                low2 = extent(&frame.arrays[i], self.program.arrays[i], &high2)
                if low < high2 and low2 < high:
                    value = copy_of(&frame.arrays[i], self.program.arrays[i])
                    hold(frame, value)
                    set_array(&frame.arrays[i], value)
                    copied = True
        return copied

    cdef int run_plan(self, int number, Plan plan, arena_t *arena, frame_t *frame) except -1:
        cdef Segment segment = plan.segment
        cdef ct_call call
        cdef int status = CT_OK, done = 0
        call.regs = arena.regs
        call.text = NULL
        call.looked = 0
        call.after = NULL
        call.depth = 0
        if segment.any_dynamic:
            segment.run_sizes(frame.arrays, arena.regs, True)
            if segment.any_checks:
                run_checks(segment, arena.regs, True)
        if plan.jit is not None:
            plan.warm()
        self.point(plan, arena, frame)
        if self.watchers is not None:
            status = self.run_watched(number, plan, arena, &call, &done)
        elif plan.cost < RELEASE_COST:
            status = run_steps(plan, arena, &call, 0, plan.nsteps, &done)
        elif plan.cost < SIGNAL_COST:
            with nogil:
                status = run_steps(plan, arena, &call, 0, plan.nsteps, &done)
        else:
            status = self.run_long(plan, arena, &call, &done)
        if status != CT_OK:
            raise_error(status, &call, segment.steps[plan.steps[done].source],
                        operands(plan, arena, done), self.program.variables,
                        arrays_of(self.program, frame.arrays))
        self.export_arrays(plan, arena, frame.arrays)
        if plan.nobjects:
            export_late(segment, frame)
        return 0

    cdef int point(self, Plan plan, arena_t *arena, frame_t *frame) except -1:
        """Allocate outputs, and fill in the addresses that differ between calls."""
        cdef int i, k
        cdef char **base = arena.base + SLOT_ARRAYS
        cdef const reloc_t *r
        cdef const output_t *out
        cdef char *data
        for i in range(self.narrays):
            base[i] = frame.arrays[i].data
        base += self.narrays
        for i in range(plan.noutputs):
            out = &plan.outputs[i]
            array = ct_new_array(out.ndim, <const cnp.npy_intp *>out.dims,
                                 ct_typenum[out.dtype])
            Py_INCREF(array)
            frame.results[out.number] = <PyObject *>array
            base[out.number] = cnp.PyArray_BYTES(<cnp.ndarray>array)
        for i in range(plan.nobjects):
            base[plan.objects[i]] = <char *>&frame.results[plan.objects[i]]
        base = arena.base
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

    cdef int run_watched(self, int number, Plan plan, arena_t *arena, ct_call *call,
                         int *done) except? -1:
        """Show each step to the watchers."""
        cdef int status = CT_OK, i
        cdef double start, seconds
        look_inside(call, self.watchers)
        for i in range(plan.nsteps):
            start = time.perf_counter()
            with nogil:
                status = run_steps(plan, arena, call, i, i + 1, done)
            seconds = time.perf_counter() - start
            if status != CT_OK:
                break
            for watcher in self.watchers:
                (<Watcher>watcher).after(number, plan, arena, i, seconds)
        return status

    cdef int export_arrays(self, Plan plan, arena_t *arena, array_t *arrays) except -1:
        """Hand values to later segments. They live in the arena, which the call keeps."""
        cdef int k = 0
        for _, array in plan.segment.exports:
            arrays[<int>array] = plan.exports[k]
            arrays[<int>array].data = arena.memory + <int64_t><intptr_t>plan.exports[k].data
            k += 1
        return 0


cdef object call_fast(object self, PyObject *const *args, size_t flags, PyObject *names):
    """The vectorcall of a ``Callable``: no tuple, no dict."""
    cdef Callable f = <Callable>self
    cdef Py_ssize_t n = PyVectorcall_NARGS(flags), i
    if names == NULL and n == f.ninputs:
        return f.run(args)
    kwargs = {}
    if names != NULL:
        for i, name in enumerate(<tuple>names):
            kwargs[name] = <object>args[n + i]
    return f.call_tuple(f._bind(tuple([<object>args[i] for i in range(n)]), kwargs))


def enable_vectorcall(type):
    """Let a subclass of ``Callable`` that leaves ``__call__`` alone be called without a tuple."""
    cdef Callable f = Callable.__new__(Callable)
    ct_enable_vectorcall(type, ct_offset(<void *>f, &f.vectorcall))


enable_vectorcall(Callable)


cdef void free_all(Callable f) noexcept:
    free(f.typenums)
    free(f.ndims)
    free(f.written)
    free(f.constants)
    free(f.objects)
    f.typenums = f.ndims = f.written = NULL
    f.constants = NULL
    f.objects = NULL


cdef inline void hold(frame_t *frame, object value) noexcept:
    """Keep an object alive until the call ends."""
    Py_INCREF(value)
    frame.held[frame.nheld] = <PyObject *>value
    frame.nheld += 1


cdef inline void set_object(array_t *array, frame_t *frame) noexcept:
    """Let an array of the call be the reference to the object that is held last."""
    array.data = <char *>&frame.held[frame.nheld - 1]
    array.dims = array.strides = NULL


cdef int export_late(Segment segment, frame_t *frame) except -1:
    """Hand arrays that a step in Python made, and only now their sizes, to later segments."""
    for output, array in segment.late:
        set_array(&frame.arrays[<int>array], <cnp.ndarray>frame.results[<int>output])
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
