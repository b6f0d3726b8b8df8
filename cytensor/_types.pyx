"""Types: what is known of a variable before the program runs.

A type makes variables, and says which values they take. ``_core`` tells it what those are.
"""
cimport cython
from cpython.object cimport PyObject
from cpython.type cimport PyType_Modified

DTYPES = (
    "bool", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64",
    "float16", "float32", "float64", "complex64", "complex128",
)
MAX_NDIM = 16           # CT_MAXDIM of cpu/abi.h
cdef dict _CODES = {name: code for code, name in enumerate(DTYPES)}
cdef tuple _SIZES = (1, 1, 1, 2, 2, 4, 4, 8, 8, 2, 4, 8, 8, 16)
cdef tuple _NAMES = ("scalar", "vector", "matrix")


# ----- what other layers add -----

cdef extern from "Python.h":
    ctypedef struct PyTypeObject:
        PyObject *tp_dict


cdef class _Added:
    """An attribute of a class that another layer has given to it."""

    cdef object function

    def __get__(self, x, cls):
        if x is None:
            raise AttributeError(f"objects of {cls.__name__} have it, the class has not")
        return self.function(x)


def register_attributes(cls, **functions):
    """Give the types, variables, nodes or ops of a class further attributes.

    ``x.name`` is ``functions["name"](x)`` where the class itself has no such attribute. With None
    in place of a function, the attribute is gone again.
    """
    # A class of C can be changed in C only. A `__getattr__` would need nothing of the kind, but
    # makes all attributes of the subclasses that are written in Python slow.
    cdef dict names = <dict>(<PyTypeObject *>cls).tp_dict
    for name, function in functions.items():
        if isinstance(names.get(name, None), _Added):
            del names[name]
        if function is not None and name not in names:
            added = _Added()
            (<_Added>added).function = function
            names[name] = added
    PyType_Modified(cls)


# ----- types -----

cdef class Type:
    """What is known of a variable before the program runs. Users may subclass it.

    A subclass says in ``filter`` which values its variables take. Those are Python objects, which
    only ops in Python compute with; arrays are of ``TensorType``. The classes of its variables and
    constants may be named as attributes, ``Variable`` and ``Constant``. Two types are equal if
    they are one object, or of one class with equal attributes ``__props__``.
    """

    def __call__(self, name=None):
        """Make a new input variable of this type."""
        return self.make_variable(name)

    def make_variable(self, name=None):
        """Make a new input variable of this type."""
        return _new_variable(self if _sizes_count else without_sizes(self), name)

    def make_constant(self, value, name=None):
        """Make a constant of this type."""
        return _new_constant(self, self.filter(value), name)

    def filter(self, value, strict=False, allow_downcast=None):
        """Return ``value`` as one of this type, or raise a TypeError.

        Parameters
        ----------
        value : object
        strict : bool
            Convert nothing.
        allow_downcast : bool, optional
            Whether a conversion may lose precision.
        """
        raise NotImplementedError(f"{type(self).__name__} has no method filter")

    def filter_variable(self, other, allow_convert=True):
        """Return ``other`` as a variable of this type, or raise a TypeError."""
        if not isinstance(other, _variable_class):
            return self.make_constant(other)
        found = self.convert_variable(other) if allow_convert else None
        if found is None and other.type == self:
            found = other
        if found is None:
            raise TypeError(f"cannot convert {other!r} of type {other.type} to {self}")
        return found

    def convert_variable(self, variable):
        """Return a variable of this type with the value of another, or None."""
        return None

    def is_valid_value(self, value):
        """Whether ``value`` may be a value of this type as it is."""
        try:
            self.filter(value, strict=True)
        except (TypeError, ValueError):
            return False
        return True

    def values_eq(self, a, b):
        """Whether two values of this type are equal."""
        return a == b

    def values_eq_approx(self, a, b):
        """Whether two values of this type are equal but for rounding."""
        return self.values_eq(a, b)

    def __eq__(self, other):
        if self is other:
            return True
        return _same_props(self, other)

    def __hash__(self):
        return _hash_props(self)

    def __repr__(self):
        names = getattr(self, "__props__", ())
        inner = ", ".join([f"{name}={getattr(self, name)!r}" for name in names])
        return f"{type(self).__name__}({inner})" if inner else type(self).__name__


@cython.final
cdef class TensorType(Type):
    """The type of an array: its dtype, its rank, and its sizes as far as they are known.

    Parameters
    ----------
    dtype : str
        One of ``DTYPES``.
    shape : sequence of int, None or bool
        One entry per axis: the size, or None where only the run will tell. Booleans are
        read as Theano's broadcast pattern: True is size 1, False is unknown.
    broadcastable : sequence of bool, optional
        Another name for a broadcast pattern in place of ``shape``.

    Examples
    --------
    >>> from cytensor._core import TensorType
    >>> TensorType("float32", (None, 1)).broadcastable
    (False, True)
    """

    def __init__(self, dtype, shape=None, *, broadcastable=None):
        if shape is None and broadcastable is not None:
            shape = [bool(one) for one in broadcastable]
        if type(dtype) is not str or dtype not in _CODES:
            dtype = _dtype_name(dtype)
        self.dtype = dtype
        self.code = _CODES[dtype]
        self.shape = tuple([_checked_size(size) for size in shape])
        self.ndim = len(self.shape)
        if self.ndim > MAX_NDIM:
            raise ValueError(f"a tensor has at most {MAX_NDIM} axes, not {self.ndim}")

    @property
    def broadcastable(self):
        """One bool per axis: whether its size is known to be 1."""
        return tuple([size == 1 for size in self.shape])

    @property
    def itemsize(self):
        """Bytes per element."""
        return _SIZES[self.code]

    def __eq__(self, other):
        if self is other:
            return True
        if not isinstance(other, TensorType):
            return NotImplemented
        return same_type(self, other) if _sizes_count else _alike(self, other)

    def __hash__(self):
        return self.code * (MAX_NDIM + 1) + self.ndim       # of what `==` never passes over

    def __reduce__(self):
        return TensorType, (self.dtype, self.shape)

    def __repr__(self):
        known = any(size not in (None, 1) for size in self.shape)
        if known:
            return f"TensorType({self.dtype}, {self.shape})"
        if 1 in self.shape:
            names = {(1,): "(True,)", (1, None): "row", (None, 1): "col"}
            return f"TensorType({self.dtype}, {names.get(self.shape, self.broadcastable)})"
        name = _NAMES[self.ndim] if self.ndim < len(_NAMES) else f"{self.ndim}D"
        return f"TensorType({self.dtype}, {name})"

    def with_dtype(self, dtype):
        """The same sizes with another dtype."""
        return self if dtype == self.dtype else TensorType(dtype, self.shape)

    def filter(self, value, strict=False, allow_downcast=None):
        """Return ``value`` as an array of this type, or raise a TypeError."""
        return _fit(value, self if _sizes_count else without_sizes(self), strict, allow_downcast)

    def values_eq(self, a, b):
        """Whether two arrays have the same dtype, shape and elements."""
        return _arrays_equal(a, b)

    def values_eq_approx(self, a, b, rtol=None, atol=None):
        """Whether two arrays have the same dtype and shape, and nearly the same elements."""
        return _arrays_close(a, b, rtol, atol)


# ----- types that differ in known sizes alone -----

cdef bint _sizes_count = True


def count_sizes(bint count):
    """Say whether types differ by known sizes other than 1: to Theano, they do not.

    If not, ``==`` passes over these sizes, values of other sizes fit, and a type makes variables
    that do not have them. The variables of a graph have them all the same.
    """
    global _sizes_count
    _sizes_count = count


cdef bint _alike(TensorType a, TensorType b):
    return a.code == b.code and a.broadcastable == b.broadcastable


cpdef bint same_type(Type a, Type b) except -1:
    """Whether two types are the same and know the same sizes, which ``==`` may pass over."""
    if a is b:
        return True
    if not isinstance(a, TensorType) or not isinstance(b, TensorType):
        return a == b
    return ((<TensorType>a).code == (<TensorType>b).code
            and (<TensorType>a).shape == (<TensorType>b).shape)


def type_key(type):
    """Return what stands for a type where `same_type` has to decide: in a key."""
    return (type.dtype, type.shape) if isinstance(type, TensorType) else type


cdef Type without_sizes(Type type):
    """The same type, of which only sizes of 1 are known."""
    if not isinstance(type, TensorType):
        return type
    shape = tuple([size if size == 1 else None for size in (<TensorType>type).shape])
    return type if shape == (<TensorType>type).shape else TensorType(type.dtype, shape)


# ----- what types need of other modules -----

cdef object _new_variable = None
cdef object _new_constant = None
cdef object _variable_class = None
cdef object _fit = None
cdef object _arrays_equal = None
cdef object _arrays_close = None


def register_variables(new_variable, new_constant, variable_class):
    """Say how variables are made, and what they are."""
    global _new_variable, _new_constant, _variable_class
    _new_variable, _new_constant, _variable_class = new_variable, new_constant, variable_class


def register_arrays(fit, equal, close):
    """Say how arrays are made to fit a ``TensorType``, and how they are compared."""
    global _fit, _arrays_equal, _arrays_close
    _fit, _arrays_equal, _arrays_close = fit, equal, close


# ----- checks -----

cdef object _same_props(a, b):
    """Whether two records of one class have equal ``__props__``; they are its values."""
    names = getattr(a, "__props__", None)
    if names is None or type(a) is not type(b):
        return NotImplemented
    return all([getattr(a, name) == getattr(b, name) for name in names])


cdef Py_hash_t _hash_props(a) except? -1:
    names = getattr(a, "__props__", None)
    if names is None:
        return object.__hash__(a)
    return hash((type(a), *[getattr(a, name) for name in names]))


cdef str _dtype_name(dtype):
    import numpy
    name = numpy.dtype(dtype).name
    if name not in _CODES:
        raise TypeError(f"cytensor has no dtype {name!r}; it has {', '.join(DTYPES)}")
    return name


cdef object _checked_size(size):
    if size is None or type(size) is int:
        if size is not None and size < 0:
            raise ValueError(f"a size may not be negative: {size}")
        return size
    if isinstance(size, bool):
        return 1 if size else None
    try:
        return _checked_size(size.__index__())
    except AttributeError:
        raise TypeError(f"a shape holds ints, None or bools, not {size!r}") from None
