"""Values that Theano computes from a variable although they do not depend on what it is.

``zeros_like(x)`` of a number, or the derivative of ``3 * x``, is known while the graph is built.
In Theano's graph it is computed from ``x`` all the same, so that ``x`` counts as used.
"""
from cytensor import config
from cytensor import tensor as T
from cytensor._core import Constant, leaves
from cytensor.ops.registry import structured
from cytensor.ops.views import as_tensor_variable, common_sizes, spread

beside = structured(
    "beside", lambda x, *others: x.type.dtype, lambda S, shapes, inputs: shapes[0],
    lambda g, out, x, *others: (g, *[T.zeros_like(other) for other in others]),
    kind="composite", expand=lambda x, *others: x,
    doc="x; the other inputs are only mentioned.")


def depending(value, *sources):
    """Return ``value``, made to depend on variables that it should be computed from."""
    missing = _missing(value, sources)
    return beside(value, *missing) if missing else value


def reading(value, *sources):
    """Return ``value``, made to depend on variables of which it has no derivative."""
    missing = [T.disconnected_grad(s) for s in _missing(value, sources)]
    return beside(value, *missing) if missing else value


def _missing(value, sources):
    """The variables that need an input which ``value`` does not need."""
    known = set(leaves([value]))
    return [s for s in sources
            if any([v not in known and not isinstance(v, Constant) for v in leaves([s])])]


def second(a, b):
    """Return ``b``, in the common shape of both."""
    a, b = as_tensor_variable(a), as_tensor_variable(b)
    return depending(spread(b, common_sizes([a, b])), a)


fill = second


def zeros_like(model, dtype=None, opt=False):
    """Return zeros in the shape of ``model``."""
    return _filled(model, dtype, T.zeros_like)


def ones_like(model, dtype=None, opt=False):
    """Return ones in the shape of ``model``."""
    return _filled(model, dtype, T.ones_like)


def _filled(model, dtype, function):
    model = as_tensor_variable(model)
    dtype = config.floatX if dtype == "floatX" else dtype
    return depending(function(model, dtype=dtype), model)
