"""The nodes of a graph, as C structures that the other extension modules may cimport."""

from cytensor._types cimport TensorType, Type


cdef class Variable:
    cdef readonly Type type             # None only in a rewrite pattern
    cdef readonly Apply owner           # None for inputs and constants
    cdef readonly Py_ssize_t index      # which output of the owner
    cdef public str name
    cdef public object loc              # where the user made it: (file, line), or None
    cdef dict _tag
    cdef object __weakref__


cdef class Constant(Variable):
    cdef readonly object data           # a read-only ndarray, or an object


cdef class Apply:
    cdef readonly Op op
    cdef readonly tuple inputs
    cdef readonly tuple outputs
    cdef readonly dict params
    cdef public object loc
    cdef object _key
    cdef object __weakref__


cdef class Op:
    cdef readonly str name
    cdef readonly str kind
    cdef readonly int nout
    cdef readonly object prepare
    cdef readonly object sizes
    cdef readonly object vjp
    cdef readonly object jvp
    cdef readonly object expr
    cdef readonly dict traits
    cdef public str __doc__
    cdef object __weakref__


cpdef list toposort(object outputs, object stop=*)
