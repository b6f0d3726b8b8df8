"""What DebugMode finds: its exceptions, and how it compares values."""
import numpy as np

from cytensor._core import TensorType, Type
from cytensor.failures import where
from cytensor.printing import debugprint, pprint

#: Differences that rounding may make, by dtype: relative ones, and of numbers near 0.
_TOLERANCE = {"float16": (1e-2, 1e-2), "float32": (1e-4, 1e-5), "complex64": (1e-4, 1e-5)}
_USUAL = (1e-7, 1e-12)


class DebugModeError(Exception):
    """Something that DebugMode has found."""


class BadOptimization(DebugModeError):
    """A rewrite has changed a value.

    Attributes
    ----------
    reason : str
        The rule and its pass.
    old_r, new_r : Variable
    old_r_val, new_r_val : object
        What they are for the inputs of the call. The new one may be an exception.
    """

    def __init__(self, change, old, new):
        self.reason = change.reason
        self.old_r, self.new_r = change.old, change.new
        self.old_r_val, self.new_r_val = old, new
        super().__init__(
            f"the rewrite {self.reason} {change.of}has changed a value\n"
            f"old: {pprint(self.old_r, depth=4)} is\n{old!r}\n"
            f"new: {pprint(self.new_r, depth=4)} is\n{new!r}{_difference(old, new)}"
            f"{where(self.old_r.owner)}")

    @property
    def old_graph(self):
        """The graph of the old variable, as text."""
        return debugprint(self.old_r, file="str")

    @property
    def new_graph(self):
        """The graph of the new variable, as text."""
        return debugprint(self.new_r, file="str")


class BadThunkOutput(DebugModeError):
    """Two ways to compute one value differ.

    Attributes
    ----------
    r : Variable
    val1, val2 : object
    """

    def __init__(self, r, val1, val2, way1, way2):
        self.r, self.val1, self.val2 = r, val1, val2
        super().__init__(f"{r!r} is\n{val1!r}\n{way1}, but\n{val2!r}\n{way2}"
                         f"{_difference(val1, val2)}{where(r.owner)}")


class BadDestroyMap(DebugModeError):
    """An op has changed an input that it does not declare."""

    def __init__(self, node, variable, old_val, new_val):
        self.node, self.old_val, self.new_val = node, old_val, new_val
        super().__init__(f"{node!r} has changed its input {variable!r}, which its destroy_map does "
                         f"not name\nbefore:\n{old_val!r}\nafter:\n{new_val!r}{where(node)}")


class BadViewMap(DebugModeError):
    """A result shares memory with what its op does not declare."""

    def __init__(self, node, output_idx, shared):
        self.node, self.output_idx = node, output_idx
        super().__init__(f"output {output_idx} of {node!r} shares memory with {shared}, which its "
                         f"view_map does not name{where(node)}")


class InvalidValueError(DebugModeError):
    """A value does not fit the type of its variable, or is not finite."""

    def __init__(self, r, v, reason):
        self.r, self.v = r, v
        shape = getattr(v, "shape", "none")
        super().__init__(f"{r!r} has a value that is not valid: {reason}\n"
                         f"{type(v).__name__}, dtype {getattr(v, 'dtype', 'none')}, shape {shape}\n"
                         f"{v!r}{where(r.owner or r)}")


class StochasticOrder(DebugModeError):
    """Compiling the same graph twice has given two programs."""

    def __init__(self, first, second):
        import difflib
        lines = difflib.unified_diff(first.splitlines(), second.splitlines(), "first", "second",
                                     lineterm="", n=1)
        super().__init__("the same graph was compiled to two programs\n" + "\n".join(lines))


def _difference(a, b):
    """A line on how far two arrays are apart."""
    if not isinstance(a, np.ndarray) or not isinstance(b, np.ndarray):
        return ""
    if a.shape != b.shape or a.dtype != b.dtype:
        return f"\n{a.dtype} of shape {a.shape} is not {b.dtype} of shape {b.shape}"
    if a.size == 0 or a.dtype.kind not in "iufc":
        return ""
    with np.errstate(all="ignore"):
        apart = np.abs(a.astype("complex128") - b)
    return f"\nthe largest difference is {np.nanmax(apart):.4g}"


def agree(type, old, new):
    """Whether two values are equal but for rounding.

    Where the old one is not finite, the new one may be anything: to make it better is what some
    rewrites are for.
    """
    if not isinstance(type, TensorType):
        return _agree_as_objects(type, old, new)
    if old.dtype != new.dtype or old.shape != new.shape:
        return False
    if old.dtype.kind not in "fc":
        return bool((old == new).all())
    good = np.isfinite(old)
    old, new = old[good], new[good]
    if old.size == 0:
        return True
    rtol, floor = _TOLERANCE.get(old.dtype.name, _USUAL)
    largest = float(np.abs(old).max())
    return bool(np.allclose(new, old, rtol, max(rtol * min(1.0, largest), floor)))


def _agree_as_objects(type, old, new):
    """Ask the type, if it knows more than ``==``, which copies of many objects do not pass."""
    own = type.__class__
    knows = own.values_eq is not Type.values_eq \
        or own.values_eq_approx is not Type.values_eq_approx
    return bool(type.values_eq_approx(old, new)) if knows else _same_objects(old, new)


def same_bits(a, b):
    """Whether two values are equal, NaNs included."""
    if isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
        return a.shape == b.shape and a.dtype == b.dtype and a.tobytes() == b.tobytes()
    if isinstance(a, np.ndarray) or isinstance(b, np.ndarray):
        return False
    return _same_objects(a, b)


def _same_objects(a, b):
    """Whether two objects may be equal: many do not say."""
    return type(a) is type(b)
