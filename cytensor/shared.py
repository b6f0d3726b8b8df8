"""Shared variables: values that live between calls, and that functions may update."""
import numpy as np

from cytensor._core import TensorType, Variable, init_variable
from cytensor._cells import Cell
from cytensor.ops.registry import KIND
from cytensor.ops.variable import TensorVariable


class SharedVariable(TensorVariable):
    """A variable with a value that functions read, and change through ``updates``.

    Attributes
    ----------
    default_update : Variable, optional
        The new value that every function gives it, unless told otherwise.
    container : Cell
        The storage; several variables may have one.
    """

    default_update = None

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
        ndarray

        Examples
        --------
        >>> import cytensor as ct
        >>> ct.shared([1, 2]).get_value()
        array([1, 2])
        """
        return self.container.value if borrow else self.container.copy()

    def set_value(self, value, borrow=False):
        """Replace the value.

        Parameters
        ----------
        value : array_like
            Of the variable's dtype and rank; its sizes may differ from the old ones.
        borrow : bool
            Keep the array itself, not a copy.

        Raises
        ------
        TypeError
            If the dtype cannot be cast safely, or the rank differs.

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
        """Return ``value`` as an array that this variable may hold."""
        wanted = self.type
        array = np.asarray(value)
        name = self.name or "a shared variable"
        if array.ndim != wanted.ndim:
            raise TypeError(f"{name} has {wanted.ndim} axes, the value {array.ndim} "
                            f"(shape {array.shape})")
        for axis, (size, known) in enumerate(zip(array.shape, wanted.shape)):
            if known is not None and size != known:
                raise TypeError(f"{name} has size {known} on axis {axis}, the value {size}")
        if not _casts_safely(value, array, wanted.dtype):
            raise TypeError(f"{name} is {wanted.dtype}, the value {array.dtype}: casting would "
                            "lose precision; cast it yourself, with "
                            f"value.astype({wanted.dtype!r})")
        copy = None if borrow else True
        array = np.array(array, dtype=wanted.dtype, order="A" if borrow else "C", copy=copy)
        return array if array.flags.behaved else array.copy()

    def __reduce__(self):
        return _load_shared, (self.type, self.container, self.name, self.default_update)


def _casts_safely(value, array, dtype):
    if np.can_cast(array.dtype, dtype, "safe"):
        return True
    if isinstance(value, (np.ndarray, np.generic)):
        return False
    with np.errstate(all="ignore"):
        cast = array.astype(dtype)
    return (isinstance(value, float) and KIND[dtype] == "f") or np.array_equal(
        cast, array, equal_nan=array.dtype.kind in "fc")


def _load_shared(type, container, name, default_update):
    v = SharedVariable.__new__(SharedVariable)
    init_variable(v, type, name)
    v.container = container
    if default_update is not None:
        v.default_update = default_update
    return v


def shared(value, name=None, strict=False, allow_downcast=None, borrow=False,
           broadcastable=None, shape=None):
    """Make a shared variable.

    Parameters
    ----------
    value : array_like
        Its dtype and rank are the variable's for good.
    name : str, optional
    strict : bool
        Take nothing but an ndarray.
    allow_downcast : bool, optional
        Accepted for Theano's sake: the type is that of the value, so nothing is cast.
    borrow : bool
        Keep the array itself, not a copy. Functions may then overwrite it.
    broadcastable : sequence of bool, optional
        Axes that have size 1 for good, and so may broadcast. By default none, as the value
        may be replaced by a larger one.
    shape : sequence of (int or None), optional
        Sizes that stay as they are, in place of ``broadcastable``.

    Returns
    -------
    SharedVariable

    Raises
    ------
    TypeError
        If the value is no array of numbers, or is symbolic.

    Examples
    --------
    >>> import cytensor as ct
    >>> w = ct.shared([[1.0, 2.0]], name="w")
    >>> w.type
    TensorType(float64, matrix)
    """
    if isinstance(value, Variable):
        raise TypeError("shared() wants a value, not a symbolic variable; if you meant the value "
                        "of a shared variable, call its get_value()")
    if strict and not isinstance(value, np.ndarray):
        raise TypeError(f"shared(strict=True) takes an ndarray, not {type(value).__name__}")
    array = np.asarray(value)
    if array.dtype.kind not in "biufc" or array.dtype.name not in KIND:
        raise TypeError(f"cannot share {value!r}: NumPy reads it as {array.dtype}")
    known = shape if shape is not None else broadcastable or (None,) * array.ndim
    v = SharedVariable.__new__(SharedVariable)
    init_variable(v, TensorType(array.dtype.name, known), name)
    v.container = Cell(v.filter(array, borrow and isinstance(value, np.ndarray)))
    return v
