"""Shared variables: values that live between calls, and that functions may update."""
import numpy as np

from cytensor._core import TensorType, Variable, init_variable
from cytensor._cells import Cell
from cytensor.ops.objects import generic
from cytensor.ops.registry import KIND
from cytensor.ops.values import duplicate
from cytensor.ops.variable import TensorOperators


class SharedVariable(Variable):
    """A variable with a value that functions read, and change through ``updates``.

    Parameters
    ----------
    name : str or None
    type : Type
    value : object
    strict : bool
        Take ``value`` only as it is.
    allow_downcast : bool, optional
    container : Cell, optional
        The storage of another shared variable, in place of ``value``.

    Attributes
    ----------
    default_update : Variable, optional
        The new value that every function gives it, unless told otherwise.
    container : Cell
        The storage; several variables may have one.
    """

    default_update = None

    def __init__(self, name, type, value, strict=False, allow_downcast=None, container=None):
        init_variable(self, type, name)
        if container is None:
            value = type.filter(value, strict=strict, allow_downcast=allow_downcast)
            container = Cell(duplicate(value))
        self.container = container

    def get_value(self, borrow=False, return_internal_type=False):
        """Return the value.

        Parameters
        ----------
        borrow : bool
            Return the array itself, not a copy. Later calls of functions may overwrite it.
        return_internal_type : bool
            No effect on the CPU.

        Returns
        -------
        ndarray or object

        Examples
        --------
        >>> import cytensor as ct
        >>> ct.shared(np.array([1, 2])).get_value()
        array([1, 2])
        """
        return self.container.value if borrow else self.container.copy()

    def set_value(self, value, borrow=False):
        """Replace the value.

        Parameters
        ----------
        value : array_like or object
            Of the variable's dtype and rank; its sizes may differ from the old ones.
        borrow : bool
            Keep the value itself, not a copy.

        Raises
        ------
        TypeError
            If the dtype cannot be cast safely, or the rank differs.
        ValueError
            If a text is no number.

        Examples
        --------
        >>> import cytensor as ct
        >>> x = ct.shared(0.0)
        >>> x.set_value(2)
        >>> x.get_value()
        array(2.)
        """
        self.container.set(self.filter(value, borrow))

    def filter(self, value, borrow=False):
        """Return ``value`` as one that this variable may hold."""
        value = self.type.filter(value)
        return value if borrow else duplicate(value)

    def clone(self):
        """Return another variable with the same storage."""
        return _load_shared(type(self), self.type, self.container, self.name, self.default_update)

    def __reduce__(self):
        # The default update may contain the variable: it is written when that is there already.
        own = {} if self.default_update is None else {"default_update": self.default_update}
        return _load_shared, (type(self), self.type, self.container, self.name), own


class TensorSharedVariable(TensorOperators, SharedVariable):
    """A shared variable whose value is an array."""

    allow_downcast = None
    strict = False

    def filter(self, value, borrow=False):
        """Return ``value`` as an array that this variable may hold."""
        wanted = self.type
        if self.strict:
            wanted.filter(value, strict=True)
        array = _as_numbers(value, wanted.dtype)
        name = self.name or "a shared variable"
        if array.ndim != wanted.ndim:
            raise TypeError(f"{name} has {wanted.ndim} axes, the value {array.ndim} "
                            f"(shape {array.shape})")
        for axis, (size, known) in enumerate(zip(array.shape, wanted.shape)):
            if known is not None and size != known:
                raise TypeError(f"{name} has size {known} on axis {axis}, the value {size}")
        if not (self.allow_downcast or _casts_safely(value, array, wanted.dtype)):
            raise TypeError(f"{name} is {wanted.dtype}, the value {array.dtype}: casting would "
                            "lose precision; cast it yourself, with "
                            f"value.astype({wanted.dtype!r})")
        copy = None if borrow else True
        array = np.array(array, dtype=wanted.dtype, order="A" if borrow else "C", copy=copy)
        return array if array.flags.behaved else array.copy()


def _as_numbers(value, dtype):
    """``value`` as an array; texts, which are no arrays of texts, are read as numbers."""
    array = np.asarray(value)
    if array.dtype.kind in "SU" and not isinstance(value, np.ndarray):
        return array.astype(dtype)
    return array


def _casts_safely(value, array, dtype):
    if np.can_cast(array.dtype, dtype, "safe"):
        return True
    if isinstance(value, (np.ndarray, np.generic)):
        return False
    with np.errstate(all="ignore"):
        cast = array.astype(dtype)
    return (isinstance(value, float) and KIND[dtype] == "f") or np.array_equal(
        cast, array, equal_nan=array.dtype.kind in "fc")


def _load_shared(cls, type, container, name, default_update=None):
    v = cls(name, type, None, container=container)
    if default_update is not None:
        v.default_update = default_update
    return v


# ----- making them -----

_constructors: list = []     # for values that are neither arrays of numbers nor just any object


def register_shared(constructor):
    """Teach ``shared`` a kind of value; may be used as a decorator. Later ones are asked first.

    Parameters
    ----------
    constructor : callable
        ``constructor(value, name, strict, allow_downcast, **options) -> SharedVariable``; it
        raises a TypeError to decline.
    """
    _constructors.insert(0, constructor)
    return constructor


def shared(value, name=None, strict=False, allow_downcast=None, **options):
    """Make a shared variable.

    Parameters
    ----------
    value : ndarray, number or object
        The dtype and rank of an array are the variable's for good. Any other object, a list
        too, is kept as it is: only ops in Python compute with it.
    name : str, optional
    strict : bool
        Take no new value but an ndarray of the same dtype and rank.
    allow_downcast : bool, optional
        Accepted for Theano's sake: the type is that of the value, so nothing is cast.
    borrow : bool
        Keep the value itself, not a copy. Functions may then overwrite an array.
    broadcastable : sequence of bool, optional
        Axes of an array that have size 1 for good, and so may broadcast. By default none, as the
        value may be replaced by a larger one.
    shape : sequence of (int or None), optional
        Sizes that stay as they are, in place of ``broadcastable``.

    Returns
    -------
    SharedVariable

    Raises
    ------
    TypeError
        If the value is symbolic, or not what the options ask for.

    Examples
    --------
    >>> import cytensor as ct
    >>> w = ct.shared(np.array([[1.0, 2.0]]), name="w")
    >>> w.type
    TensorType(float64, matrix)
    """
    if isinstance(value, Variable):
        raise TypeError("shared() wants a value, not a symbolic variable; if you meant the value "
                        "of a shared variable, call its get_value()")
    for constructor in (_shared_tensor, *_constructors, _shared_object):
        try:
            return constructor(value, name=name, strict=strict, allow_downcast=allow_downcast,
                               **options)
        except TypeError as error:
            reason = error
    raise TypeError(f"cannot share {value!r}: {reason}")


def _shared_tensor(value, name, strict, allow_downcast, borrow=False, broadcastable=None,
                   shape=None, target=None):
    if not isinstance(value, (np.ndarray, np.generic, int, float, complex)):
        raise TypeError(f"{type(value).__name__} is no array; call numpy.asarray yourself")
    array = np.asarray(value)
    if array.dtype.kind not in "biufc" or array.dtype.name not in KIND:
        raise TypeError(f"NumPy reads it as {array.dtype}")
    known = shape if shape is not None else broadcastable or (None,) * array.ndim
    v = TensorSharedVariable.__new__(TensorSharedVariable)
    init_variable(v, TensorType(array.dtype.name, known), name)
    v.container = Cell(v.filter(array, borrow and isinstance(value, np.ndarray)))
    if allow_downcast is not None:
        v.allow_downcast = allow_downcast
    if strict:
        v.strict = True
    return v


def _shared_object(value, name, strict, allow_downcast, borrow=False):
    v = SharedVariable(name, generic, None, container=Cell(None))
    v.set_value(value, borrow)
    return v
