"""What lives between calls: the values of shared variables."""
from copy import deepcopy

from numpy import ndarray

cimport cython
from cpython.exc cimport PyErr_CheckSignals


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

    @property
    def storage(self):
        """The value in a list, as Theano's programs look at it."""
        return [self.value]

    def copy(self):
        """Return a copy of the value, as it is between two calls."""
        while self.writers:
            pause()
        return self.value.copy() if isinstance(self.value, ndarray) else deepcopy(self.value)

    def set(self, value):
        """Exchange the value, between two calls that change it."""
        while self.writers:
            pause()
        self.value = value

    def __reduce__(self):
        return Cell, (self.copy(),)
