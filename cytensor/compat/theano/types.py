"""``TensorType`` as Theano calls it, and comparisons of values."""
import numpy as np

from cytensor import _core, config
from cytensor._core import Constant
from cytensor.compat.theano.arrays import allclose
from cytensor.ops.objects import Generic, NoneConst
from cytensor.ops.registry import as_variable


class stand_in(type):
    """Instances of cytensor's class ``ours`` count as instances of a stand-in for it."""

    def __instancecheck__(cls, x):
        return isinstance(x, cls.ours) and cls.accepts(x)

    def accepts(cls, x):
        """Whether an instance of our class counts."""
        return True

    def __subclasscheck__(cls, other):
        return issubclass(other, cls.ours) or super().__subclasscheck__(other)

    def __getattr__(cls, name):
        return getattr(cls.ours, name)


class TensorType(metaclass=stand_in):
    """Make the type of an array from a dtype and a broadcast pattern.

    Parameters
    ----------
    dtype : str
        ``"floatX"`` stands for ``config.floatX``.
    broadcastable : sequence of bool or int
        Per axis, whether its size is 1 for good.
    name : str, optional
    sparse_grad : bool
        No effect.

    Examples
    --------
    >>> TensorType("float32", (0, 1))
    TensorType(float32, col)
    """

    ours = _core.TensorType
    #: Whether arrays that are passed must be finite: DebugMode checks that by itself.
    filter_checks_isfinite = False

    @staticmethod
    def values_eq(a, b, force_same_dtype=True):
        """Whether two arrays have the same shape, elements and (unless told so) dtype."""
        a, b = np.asarray(a), np.asarray(b)
        if a.shape != b.shape or (force_same_dtype and a.dtype != b.dtype):
            return False
        return np.array_equal(a, b, equal_nan=a.dtype.kind in "fc" and b.dtype.kind in "fc")

    @staticmethod
    def values_eq_approx(a, b, allow_remove_inf=False, allow_remove_nan=False, rtol=None,
                         atol=None):
        """Whether two arrays are nearly equal; see the function ``values_eq_approx``."""
        return values_eq_approx(a, b, allow_remove_inf, allow_remove_nan, rtol, atol)

    @staticmethod
    def may_share_memory(a, b):
        """Whether two values are arrays that may share memory."""
        arrays = isinstance(a, np.ndarray) and isinstance(b, np.ndarray)
        return arrays and np.may_share_memory(a, b)

    def __new__(cls, dtype, broadcastable, name=None, sparse_grad=False):
        dtype = config.floatX if str(dtype) == "floatX" else dtype
        return cls.ours(dtype, [bool(b) for b in broadcastable])


def tensor(dtype=None, broadcastable=None, name=None, sparse_grad=False):
    """Make an input variable from a dtype and a broadcast pattern."""
    return TensorType(dtype or config.floatX, broadcastable)(name)


# ----- comparing values -----

def values_eq_approx(a, b, allow_remove_inf=False, allow_remove_nan=False, rtol=None, atol=None):
    """Whether two arrays have the same dtype and shape, and nearly the same elements.

    Parameters
    ----------
    a, b : ndarray
    allow_remove_inf, allow_remove_nan : bool
        Take anything to equal an infinity, or a NaN.
    rtol, atol : float, optional
    """
    a, b = np.asarray(a), np.asarray(b)
    if a.dtype != b.dtype or a.shape != b.shape:
        return False
    if a.dtype.kind not in "fc":
        return bool((a == b).all())
    skip = np.zeros(a.shape, bool)
    if allow_remove_inf:
        skip |= np.isinf(a) | np.isinf(b)
    if allow_remove_nan:
        skip |= np.isnan(a) | np.isnan(b)
    skip |= (a == b) | (np.isnan(a) & np.isnan(b))
    return allclose(a[~skip], b[~skip], rtol, atol)


def values_eq_approx_remove_inf(a, b):
    """As ``values_eq_approx``; anything equals an infinity."""
    return values_eq_approx(a, b, allow_remove_inf=True)


def values_eq_approx_remove_nan(a, b):
    """As ``values_eq_approx``; anything equals a NaN."""
    return values_eq_approx(a, b, allow_remove_nan=True)


def values_eq_approx_remove_inf_nan(a, b):
    """As ``values_eq_approx``; anything equals an infinity or a NaN."""
    return values_eq_approx(a, b, allow_remove_inf=True, allow_remove_nan=True)


def values_eq_approx_always_true(a, b):
    """Compare nothing."""
    return True


# ----- classes of which there are no instances -----

class Absent:
    """A class of Theano's that has no counterpart: nothing is an instance of it."""

    def __new__(cls, *args, **kwargs):
        raise NotImplementedError(f"cytensor has no {cls.__name__}: {cls.__doc__}")


class CDataType(Absent):
    """The type of pointers that C code hands on."""


class EnumType(Absent):
    """The type of parameters of C code."""


EnumList = CEnumType = EnumType


class ParamsType(Absent):
    """The type of several parameters of C code."""


Params = ParamsType


# ----- slices as values -----

class SliceType(Generic):
    """The type of a Python slice."""

    def filter(self, value, strict=False, allow_downcast=None):
        """Return a slice, or raise a TypeError."""
        if not isinstance(value, slice):
            raise TypeError(f"expected a slice, not {value!r}")
        return value

    def __repr__(self):
        return "slice"


slicetype = SliceType()


class SliceConstant(Constant):
    """A slice that is part of the graph."""


def make_slice(slc=None, stop=None, step=None):
    """Return a slice, as the index that it is; its parts may be symbolic."""
    return slc if isinstance(slc, slice) else slice(slc, stop, step)


def as_int_none_variable(x):
    """Return None or an integer as a variable.

    Raises
    ------
    TypeError
        If it is neither.
    """
    if x is None:
        return NoneConst
    x = as_variable(x)
    if x.type.ndim or x.type.dtype[:3] not in ("int", "uin"):
        raise TypeError(f"an index is a 0-d integer, not {x!r} of type {x.type}")
    return x
