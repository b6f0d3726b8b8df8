"""What looks on while a program runs: the times of its steps, and a guard against bad numbers.

A ``Callable`` with watchers runs its steps one by one, and shows each of them.
"""
import numpy as np

cimport cython
cimport numpy as cnp
from cpython.ref cimport Py_INCREF, PyObject
from libc.stdint cimport int64_t, intptr_t

from cytensor._plan cimport Plan, arena_t, step_t
from cytensor._program cimport (CT_C128, CT_COUNT, CT_F16, CT_OK, CT_PYTHON, GROUP, OBJECT_DTYPE,
                                GroupSpec, Program, Step, array_t, ct_call, ct_itemsize, ct_kernel,
                                ct_tensor)

from cytensor._core import DTYPES

cnp.import_array()


cdef extern from "pool.h":
    const int ct_typenum[14]            # NumPy's number of each dtype


cdef class Watcher:
    """Sees each call begin and end, and each of its steps when it has run."""

    cdef int begin(self, Program program, const array_t *arrays) except -1:
        return 0

    cdef int after(self, int segment, Plan plan, arena_t *arena, int step,
                   double seconds) except -1:
        return 0

    cdef int end(self, double seconds) except -1:
        return 0


cdef int look_inside(ct_call *call, list watchers) except -1:
    """Let those watchers who wish it see the steps of loops."""
    for watcher in watchers:
        if (<Watcher>watcher).inside:
            call.after = <void *>after_inside
            call.watchers = <void *>watchers
    return 0


cdef int after_inside(ct_call *call, const void *loop, int at,
                      const ct_tensor *tensors) noexcept nogil:
    """The ct_after. What a watcher raises travels in ``call.info``."""
    cdef int status = CT_OK
    with gil:
        try:
            show_inside(call, <object>(<PyObject **>loop)[0], at, tensors)
        except BaseException as error:
            Py_INCREF(error)
            call.info[0] = <int64_t><intptr_t><PyObject *>error
            status = CT_PYTHON
    return status


cdef show_inside(ct_call *call, runner, int at, const ct_tensor *tensors):
    cdef Plan plan = runner.inner
    cdef arena_t arena
    arena.tensors, arena.regs = <ct_tensor *>tensors, call.regs
    for watcher in <list>call.watchers:
        if (<Watcher>watcher).inside:
            (<Watcher>watcher).after(-1, plan, &arena, at, 0)


# ----- times -----

cdef class Profile(Watcher):
    """Time and memory traffic per step of one compiled function.

    Attributes
    ----------
    steps : dict
        (segment, step) -> [seconds, runs, bytes of all its operands, bytes of its results].
    memory : dict
        segment -> [bytes of the arena, bytes that its results would take if none made room].
    calls : int
    total : float
        Seconds of all calls, arguments and results included.
    """
    def __init__(self):
        self.clear()

    def clear(self):
        """Forget what was measured."""
        self.steps = {}
        self.memory = {}
        self.total = 0
        self.calls = 0

    cdef int end(self, double seconds) except -1:
        self.total += seconds
        self.calls += 1
        return 0

    cdef int after(self, int segment, Plan plan, arena_t *arena, int step,
                   double seconds) except -1:
        if step == 0:
            self.note_memory(segment, plan)
        entry = self.steps.setdefault((segment, plan.steps[step].source), [0.0, 0, 0, 0])
        entry[0] += seconds
        entry[1] += 1
        entry[2] += bytes_of(plan, step, plan.steps[step].n)
        entry[3] += bytes_of(plan, step, noutputs(plan, step))
        return 0

    cdef int note_memory(self, int segment, Plan plan) except -1:
        cdef int i
        cdef int64_t results = 0
        for i in range(plan.nsteps):
            results += bytes_of(plan, i, noutputs(plan, i))
        entry = self.memory.setdefault(segment, [0, 0])
        entry[0] = max(entry[0], plan.arena_bytes)
        entry[1] = max(entry[1], results)
        return 0


# ----- bad numbers -----

@cython.final
cdef class Guard(Watcher):
    """Looks at all numbers that a call gets and makes.

    Parameters
    ----------
    report_value : callable
        ``report_value(program, number, value)`` is told of an argument or a shared value that
        has a bad number.
    report_step : callable
        ``report_step(segment, step, operands, registers)`` is told of a step whose result has
        one: ``operands`` are its arrays, results first, ``registers`` the integers of the
        segment.
    kernel : int
        Address of the kernel ``guard``.
    limits : sequence of int
        For half, single and double precision: the bits of the largest number that is good.
    """

    def __init__(self, report_value, report_step, kernel, limits):
        self.inside = True
        self.report_value = report_value
        self.report_step = report_step
        self.kernel = <ct_kernel><intptr_t>kernel
        self.limits = limits

    cdef int begin(self, Program program, const array_t *arrays) except -1:
        cdef ct_tensor t
        cdef int i
        for i in range(program.ninputs + program.ncells):
            t = tensor_of(program, arrays, i)
            if self.is_bad(&t):
                self.report_value(program, i, look_at(&t))
        return 0

    cdef int after(self, int segment, Plan plan, arena_t *arena, int step,
                   double seconds) except -1:
        cdef const step_t *s = &plan.steps[step]
        cdef int i
        for i in range(noutputs(plan, step)):
            if self.is_bad(&arena.tensors[s.first + i]):
                self.report_step(plan.segment, plan.segment.steps[s.source],
                                 operands(plan, arena, step),
                                 [arena.regs[k] for k in range(plan.segment.nregs)])
                break
        return 0

    cdef bint is_bad(self, const ct_tensor *t):
        cdef ct_call call
        cdef int status
        if t.dtype == OBJECT_DTYPE:
            return self.is_bad_object(look_at(t))
        if t.dtype < CT_F16 or t.dtype > CT_C128:
            return False
        with nogil:
            status = self.kernel(&call, 1, t, self.limits)
        return status != CT_OK

    cdef bint is_bad_object(self, value):
        """Look at an array of which only the run knows the sizes."""
        cdef ct_tensor t
        if type(value) is not np.ndarray or value.dtype.name not in DTYPES:
            return False
        t.dtype, t.ndim = DTYPES.index(value.dtype.name), value.ndim
        t.data = cnp.PyArray_BYTES(value)
        t.dims = <const int64_t *>cnp.PyArray_DIMS(value)
        t.strides = <const int64_t *>cnp.PyArray_STRIDES(value)
        return self.is_bad(&t)


# ----- what a call and a step work on -----

cdef ct_tensor tensor_of(Program program, const array_t *arrays, int i):
    cdef ct_tensor t
    t.dtype, t.ndim = program.arrays[i][1], program.arrays[i][2]
    t.data, t.dims, t.strides = arrays[i].data, arrays[i].dims, arrays[i].strides
    return t


cdef list arrays_of(Program program, const array_t *arrays):
    """Look at the arrays of a call, those that the program has lent included; else None."""
    cdef ct_tensor t
    cdef int i
    found = []
    for i in range(len(program.arrays)):
        t = tensor_of(program, arrays, i)
        found.append(look_at(&t) if t.data != NULL else None)
    return found


cdef int noutputs(Plan plan, int step):
    """How many of a step's operands it writes."""
    cdef Step source = plan.segment.steps[plan.steps[step].source]
    cdef int written = source.written
    return written if plan.steps[step].n >= written else 1


cdef int64_t bytes_of(Plan plan, int step, int count):
    """The size of the first operands of a step."""
    cdef const step_t *s = &plan.steps[step]
    cdef const ct_tensor *t
    cdef int64_t total = 0, size
    cdef int k, a
    for k in range(count):
        t = &plan.tensors[s.first + k]
        size = ct_itemsize[t.dtype] if t.dtype != OBJECT_DTYPE else sizeof(PyObject *)
        for a in range(t.ndim):
            size *= t.dims[a]
        total += size
    return total


cdef list operands(Plan plan, arena_t *arena, int step):
    """Look at the operands of a step as arrays, or as the objects that they are: results first."""
    cdef const step_t *s = &plan.steps[step]
    cdef const ct_tensor *t = arena.tensors + s.first
    cdef Step source = plan.segment.steps[s.source]
    cdef int i
    return [counted(&t[i]) if is_counter(source, i) else look_at(&t[i]) for i in range(s.n)]


cdef bint is_counter(Step step, int operand):
    """Whether an operand of a group is 0, 1, 2, .. without memory."""
    cdef GroupSpec spec = step.spec
    cdef int i
    if step.kind != GROUP:
        return False
    for i in range(spec.c.nvalues):
        if spec.c.values[i].source == CT_COUNT and spec.c.values[i].operand == operand:
            return True
    return False


cdef counted(const ct_tensor *t):
    """The numbers that such an operand stands for: a first value, and steps along the axes."""
    shape = [t.dims[a] for a in range(t.ndim)]
    steps = [t.strides[a] for a in range(t.ndim)]
    numbers = np.full(shape, <int64_t><intptr_t>t.data)
    for axis, (n, step) in enumerate(zip(shape, steps)):
        numbers += step * np.arange(n).reshape([-1 if a == axis else 1 for a in range(t.ndim)])
    return numbers.astype(cnp.PyArray_DescrFromType(ct_typenum[t.dtype]))


cdef object look_at(const ct_tensor *t):
    """Return the object that an operand is, or an ndarray that looks at its memory."""
    cdef PyObject *value
    if t.dtype == OBJECT_DTYPE:
        value = (<PyObject **>t.data)[0]
        return <object>value if value != NULL else None
    return cnp.PyArray_New(cnp.ndarray, t.ndim, <cnp.npy_intp *>t.dims, ct_typenum[t.dtype],
                           <cnp.npy_intp *>t.strides, t.data, 0, 0, None)
