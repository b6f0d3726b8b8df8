"""Tensor variables: the operators and methods that a symbolic array has.

They are the functions of the op files under the names of NumPy's and Theano's arrays.
"""
from types import NoneType

import numpy as np

from cytensor import config
from cytensor._core import Constant, TensorType, Variable, register_classes
from cytensor.ops import (
    arithmetic, axes, cumulative, diagonal as diagonals, elementwise as ew, generate, indexing,
    joining, linear, protocols, rearrange, reduce, select, shape as shapes, sorting, statistics)
from cytensor.ops.registry import cast, register_maker
from cytensor.ops.views import copied


def _binary(op):
    """Return an operator and its reflection."""
    def forward(self, other):
        return op(self, other) if _is_array(other) else NotImplemented

    def reflected(self, other):
        return op(other, self) if _is_array(other) else NotImplemented
    return forward, reflected


def _is_array(other):
    """Whether an operand is ours: other kinds of variables know what to do with arrays."""
    return not isinstance(other, Variable) or isinstance(other.type, (TensorType, NoneType))


def _unary(op):
    return lambda self: op(self)


def _with_axes(function):
    """A method whose axes may be given one by one: ``x.transpose(1, 0)``."""
    def method(self, *args, **kwargs):
        if len(args) == 1 and (args[0] is None or isinstance(args[0], (tuple, list))):
            args, = args
        return function(self, args if args else None, **kwargs)
    return method


def _no_value(what, instead):
    """A method that fails, because the array has no value yet."""
    def method(self, *args, **kwargs):
        raise TypeError(f"{what} of the symbolic {self!r} is not known while the graph is "
                        f"built; {instead}")
    return method


def _is_size(n):
    """Whether an argument of reshape is one size, and not a whole shape."""
    return not isinstance(n, (tuple, list, np.ndarray)) and getattr(n, "ndim", 0) == 0


_evaluate = None


def register_eval(evaluate):
    """Say how ``x.eval(inputs)`` computes: by ``evaluate(x, inputs)``."""
    global _evaluate
    _evaluate = evaluate


_truth = None


def register_truth(truth):
    """Say of which variables ``bool(x)`` is True, as programs ask that mean ``x is not None``."""
    global _truth
    _truth = truth


_show = None


def register_display(show):
    """Say what notebooks show of a variable: ``show(x, kind)``, with kind "svg" or "html"."""
    global _show
    _show = show


class TensorOperators:
    """Operators and methods of symbolic arrays.

    ``==`` and ``!=`` compare identity, so that variables can be keys of a dict; ``eq`` and ``neq``
    compare elements.
    """

    __slots__ = ()
    __array_priority__ = 1000

    # ----- operators -----

    __add__, __radd__ = _binary(ew.add)
    __sub__, __rsub__ = _binary(ew.sub)
    __mul__, __rmul__ = _binary(ew.mul)
    __truediv__, __rtruediv__ = _binary(ew.true_div)
    __floordiv__, __rfloordiv__ = _binary(ew.floor_div)
    __mod__, __rmod__ = _binary(ew.mod)
    __pow__, __rpow__ = _binary(ew.pow)
    __matmul__, __rmatmul__ = _binary(linear.matmul)
    __and__, __rand__ = _binary(ew.and_)
    __or__, __ror__ = _binary(ew.or_)
    __xor__, __rxor__ = _binary(ew.xor)
    __lshift__, __rlshift__ = _binary(ew.left_shift)
    __rshift__, __rrshift__ = _binary(ew.right_shift)
    __lt__, __gt__ = _binary(ew.lt)[0], _binary(ew.gt)[0]
    __le__, __ge__ = _binary(ew.le)[0], _binary(ew.ge)[0]
    __neg__ = _unary(ew.neg)
    __abs__ = _unary(ew.abs)
    __invert__ = _unary(ew.invert)
    __getitem__ = indexing.getitem

    def __pos__(self):
        return self

    def __divmod__(self, other):
        return self // other, self % other

    def __rdivmod__(self, other):
        return other // self, other % self

    def __round__(self, ndigits=None):
        return arithmetic.round(self, decimals=ndigits or 0)

    # ----- what a symbolic array cannot do -----

    def __bool__(self):
        if _truth is not None and _truth(self):
            return True
        raise TypeError(f"the truth of the symbolic {self!r} is not known while the graph is "
                        "built; use T.switch, or compile it with cytensor.function")

    __float__ = _no_value("the value", "compile it with cytensor.function, or call .eval()")
    __int__ = _no_value("the value", "compile it with cytensor.function, or call .eval()")
    __complex__ = _no_value("the value", "compile it with cytensor.function, or call .eval()")
    __index__ = _no_value("the value", "give a size as a tuple, or call .eval()")
    __array__ = _no_value("the value", "use the functions of cytensor.tensor, or call .eval()")
    __contains__ = _no_value("the content", "use T.any(T.eq(x, value))")
    __setitem__ = _no_value("the memory", "use x = T.set_subtensor(x[key], value)")

    def __len__(self):
        shape = self.type.shape
        if not shape:
            raise TypeError("a 0-d tensor has no length")
        if shape[0] is None:
            raise TypeError(f"the length of the symbolic {self!r} is not known while the graph "
                            "is built; use x.shape[0]")
        return shape[0]

    def __iter__(self):
        return iter([self[i] for i in range(len(self))])

    # ----- NumPy's functions on symbolic arrays -----

    __array_ufunc__ = protocols.array_ufunc
    __array_function__ = protocols.array_function

    # ----- properties -----

    T = property(axes.transpose, doc="The array with its axes reversed.")
    shape = property(shapes.shape, doc="The sizes, as an int64 vector of known length.")
    size = property(shapes.size, doc="The number of elements.")
    real = property(_unary(ew.real), doc="The real part.")
    imag = property(_unary(ew.imag), doc="The imaginary part.")

    # ----- reductions -----

    sum = reduce.sum
    prod = reduce.prod
    mean = statistics.mean
    var = statistics.var
    std = statistics.std
    max = reduce.max
    min = reduce.min
    argmax = reduce.argmax
    argmin = reduce.argmin
    any = reduce.any
    all = reduce.all
    ptp = statistics.ptp
    cumsum = cumulative.cumsum
    cumprod = cumulative.cumprod
    trace = diagonals.trace

    def norm(self, L=2, axis=None, keepdims=False):
        """Return the vector norm of order ``L``; see ``norm``."""
        return statistics.norm(self, L, axis, keepdims)

    # ----- shape -----

    dimshuffle = axes.dimshuffle
    swapaxes = axes.swapaxes
    squeeze = axes.squeeze
    flatten = shapes.flatten
    ravel = shapes.ravel
    diagonal = diagonals.diagonal
    repeat = rearrange.repeat
    transpose = _with_axes(axes.transpose)

    def reshape(self, *newshape, ndim=None, shape=None):
        """Give the array another shape, also by the name ``shape``; see ``reshape``."""
        if shape is not None:
            newshape = shape
        elif len(newshape) == 2 and not _is_size(newshape[0]):
            newshape, ndim = newshape       # Theano's x.reshape(vector, 2)
        elif len(newshape) == 1:
            newshape, = newshape
        return shapes.reshape(self, newshape, ndim)

    # ----- elements -----

    sort = sorting.sort
    argsort = sorting.argsort
    searchsorted = sorting.searchsorted
    take = select.take
    choose = select.choose
    nonzero = select.nonzero
    nonzero_values = select.nonzero_values
    fill = generate.fill
    zeros_like = generate.zeros_like
    ones_like = generate.ones_like
    conj = conjugate = _unary(ew.conj)

    def compress(self, condition, axis=None):
        """Return the entries along an axis for which a condition is true; see ``compress``."""
        return select.compress(condition, self, axis)

    def clip(self, a_min, a_max):
        """Limit the elements to an interval; see ``clip``."""
        return ew.clip(self, a_min, a_max)

    def dot(self, other):
        """Multiply with a matrix or a vector; see ``dot``."""
        return linear.dot(self, other)

    def round(self, mode="half_to_even"):
        """Round to whole numbers; see ``round``."""
        return arithmetic.round(self, mode)

    def astype(self, dtype=None):
        """Convert to a dtype, by default ``config.floatX``."""
        dtype = config.floatX if dtype is None else np.dtype(dtype).name
        return self if dtype == self.type.dtype else cast(self, dtype=dtype)

    def copy(self, name=None):
        """Return a variable of its own with the same value."""
        out = copied(self)
        out.name = name
        return out

    # ----- values -----

    def eval(self, inputs_to_values=None):
        """Compute the value now.

        Parameters
        ----------
        inputs_to_values : dict of Variable to array_like, optional
            What to take for the inputs.

        Returns
        -------
        ndarray

        Examples
        --------
        >>> import cytensor.tensor as T
        >>> x = T.dscalar("x")
        >>> (x + 1).eval({x: 2.0})
        array(3.)
        """
        if _evaluate is None:
            raise TypeError("eval needs `import cytensor`, which knows how to compile")
        return _evaluate(self, inputs_to_values or {})

    # ----- notebooks -----

    def _repr_svg_(self):
        return _show(self, "svg") if _show else None

    def _repr_html_(self):
        return _show(self, "html") if _show else None


class TensorVariable(TensorOperators, Variable):
    """A symbolic array. Like most objects, it takes attributes of any name."""


class TensorConstant(TensorOperators, Constant):
    """An array that is part of the graph."""


register_classes(TensorVariable, TensorConstant)


# ----- lists that hold variables are stacked -----

def _holds_variable(x):
    if not isinstance(x, (list, tuple)):
        return False
    return any([isinstance(item, Variable) or _holds_variable(item) for item in x])


def _stacked(x):
    return joining.stack([_stacked(item) if _holds_variable(item) else item for item in x])


register_maker(_holds_variable, _stacked)
