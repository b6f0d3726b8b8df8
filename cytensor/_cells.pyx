"""What lives between calls: the values of shared variables, and the times of profiled functions."""
cimport cython
from cpython.exc cimport PyErr_CheckSignals
from libc.stdint cimport int64_t


cdef extern from "unistd.h" nogil:
    int usleep(unsigned int)


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
    """Time and memory traffic per step of one compiled function.

    Attributes
    ----------
    steps : dict
        (segment, step) -> [seconds, runs, bytes of all its operands].
    calls : int
    total : float
        Seconds of all calls, arguments and results included.
    """
    def __init__(self):
        self.steps = {}

    cdef add(self, int segment, int step, double seconds, int64_t bytes):
        entry = self.steps.setdefault((segment, step), [0.0, 0, 0])
        entry[0] += seconds
        entry[1] += 1
        entry[2] += bytes
