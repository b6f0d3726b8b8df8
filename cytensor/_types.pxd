"""Types, as C structures that the other extension modules may cimport."""

cdef class Type:
    pass


cdef class TensorType(Type):
    cdef readonly str dtype
    cdef readonly tuple shape           # each size an int, or None where it is not known
    cdef readonly int ndim
    cdef readonly int code              # the dtype's place in DTYPES


cdef Type without_sizes(Type type)
cpdef bint same_type(Type a, Type b) except -1
