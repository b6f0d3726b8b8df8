"""Jacobians, Hessians, and products with them, made of reverse mode."""
import numpy as np

from cytensor._core import TensorType, new_variable
from cytensor.autodiff.reverse import Lop, Report, as_list, backpropagate, grad
from cytensor.ops.elementwise import eq
from cytensor.ops.generate import counted
from cytensor.ops.outside import make_outside
from cytensor.ops.registry import cast, constant
from cytensor.ops.scan import Loop
from cytensor.ops.views import as_size, dimshuffle_op, join_op, sizes_of

_UNROLLED = 16          # up to so many rows, a graph for each is faster than a loop


def jacobian(expression, wrt, consider_constant=None, disconnected_inputs="raise"):
    """Return the derivative of a vector with respect to variables.

    Parameters
    ----------
    expression : Variable, 0-d or 1-d
    wrt : Variable or sequence of Variable
    consider_constant, disconnected_inputs
        As in `grad`.

    Returns
    -------
    Variable or list of Variable
        As ``wrt``, each of shape ``(len(expression), *x.shape)``; without the first axis for a
        scalar.

    Raises
    ------
    ValueError
        If the expression has more than one axis.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> x = T.vector("x")
    >>> T.jacobian(T.exp(x), x).type
    TensorType(float64, matrix)
    """
    if expression.type.ndim == 0:
        return grad(expression, wrt, consider_constant, disconnected_inputs)
    if expression.type.ndim != 1:
        raise ValueError("jacobian: the expression has to be a scalar or a vector, not "
                         f"{expression!r} of type {expression.type}; use flatten()")
    rows = _Rows(expression, as_list(wrt), consider_constant, disconnected_inputs)
    results = rows.unrolled() if rows.known else rows.looped()
    return results if isinstance(wrt, (list, tuple)) else results[0]


class _Rows:
    """The rows of one Jacobian."""

    def __init__(self, expression, wrt, consider_constant, disconnected_inputs):
        self.y, self.wrt = expression, wrt
        self.constant, self.report = consider_constant or (), Report(disconnected_inputs)
        self.n = sizes_of(expression)[0]
        self.known = type(self.n) is int and 0 < self.n <= _UNROLLED

    def _row(self, seed):
        """The gradients of one element, that where the seed is 1."""
        grads = backpropagate({self.y: seed}, self.wrt, self.constant)
        return [self.report.result(x, grads.get(x)) for x in self.wrt]

    def unrolled(self):
        units = np.eye(self.n, dtype=self.y.type.dtype)
        rows = [self._row(constant(unit)) for unit in units]
        return [join_op(*[_as_row(g) for g in column], axis=0) for column in zip(*rows)]

    def looped(self):
        places = counted(self.n)
        place = new_variable(TensorType("int64", ()), "i")
        loop = Loop(as_size(self.n), name="jacobian")
        loop.seqs = [(place, places)]
        loop.rows = self._row(cast(eq(places, place), dtype=self.y.type.dtype))
        return make_outside(loop).rows


def _as_row(g):
    return dimshuffle_op(g, order=(-1, *range(g.type.ndim)))


def hessian(cost, wrt, consider_constant=None, disconnected_inputs="raise"):
    """Return the matrix of second derivatives of a scalar with respect to vectors.

    Parameters
    ----------
    cost : Variable, 0-d
    wrt : Variable or sequence of Variable, 1-d
    consider_constant, disconnected_inputs
        As in `grad`.

    Returns
    -------
    Variable or list of Variable
        As ``wrt``, each of shape ``(len(x), len(x))``.

    Raises
    ------
    ValueError
        If one of ``wrt`` is not a vector.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> x = T.vector("x")
    >>> T.hessian((x ** 3).sum(), x).type
    TensorType(float64, matrix)
    """
    variables = as_list(wrt)
    for x in variables:
        if x.type.ndim != 1:
            raise ValueError(f"hessian: differentiate with respect to vectors, not {x!r} of type "
                             f"{x.type}")
    first = grad(cost, variables, consider_constant, disconnected_inputs)
    # A gradient that no longer depends on x has a zero derivative: that is no mistake.
    results = [jacobian(g, x, consider_constant, "ignore") for g, x in zip(first, variables)]
    return results if isinstance(wrt, (list, tuple)) else results[0]


def hessian_vector_product(cost, wrt, p):
    """Return the product of the Hessian of a scalar with a vector, without the Hessian.

    Parameters
    ----------
    cost : Variable, 0-d
    wrt, p : Variable or sequence of Variable
        ``p`` has the shapes of ``wrt``.

    Returns
    -------
    list of Variable
        One for each of ``wrt``, of its shape.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> x, v = T.vectors("x", "v")
    >>> T.hessian_vector_product((x ** 3).sum(), [x], [v])[0].type
    TensorType(float64, vector)
    """
    variables = as_list(wrt)
    return Lop(grad(cost, variables), variables, p, disconnected_inputs="ignore")


hvp = hessian_vector_product        # the name that most of the field uses
