"""What ``theano.gradient`` has beyond ``cytensor``'s gradients."""
from types import MappingProxyType

import numpy as np

import cytensor
from cytensor import tensor as T
from cytensor._core import Constant, Variable, ancestors, toposort
from cytensor.autodiff.absent import (
    DisconnectedType, NullType, grad_not_implemented, grad_undefined)
from cytensor.autodiff import verify
from cytensor.autodiff.verify import GradientError
from cytensor.compat.theano.dependence import depending, second

__all__ = ["DisconnectedType", "GradientError", "NullType", "grad_not_implemented",
           "grad_undefined"]
disconnected_type = DisconnectedType()
null_type = NullType()
#: Theano's tolerances, absolute and relative, for gradients of each dtype.
_TOLERANCE = {"float16": 5e-2, "float32": 1e-2, "float64": 1e-4}


def grad(cost, wrt, consider_constant=None, disconnected_inputs="raise", add_names=True,
         known_grads=None, return_disconnected="zero", null_gradients="raise"):
    """Return derivatives; see ``cytensor.grad``.

    They depend on what the cost depends on, if there is one. An integer has the derivative of its
    uses as a float. A known gradient may have fewer axes than its variable.
    """
    known_grads = _known(known_grads)
    sources = [v for v in [cost, *dict(known_grads or {})] if v is not None]
    xs = [wrt] if isinstance(wrt, Variable) else list(wrt)
    uses = [_float_uses(x, sources) for x in xs]
    flat = cytensor.grad(cost, [use for several in uses for use in several], consider_constant,
                         disconnected_inputs, add_names, known_grads, return_disconnected,
                         null_gradients)
    parts = iter(flat)
    found = [_summed([next(parts) for _ in several]) for several in uses]
    found = found if cost is None else _all_mentioning(found, xs, sources)
    found = [_given(x, g, known_grads) for x, g in zip(xs, found)]
    return format_as(isinstance(wrt, list), isinstance(wrt, tuple), found)


def _known(grads):
    """Gradients that are known, in the shapes of their variables."""
    known = {x: g if isinstance(g, Variable) else T.as_tensor_variable(g)
             for x, g in dict(grads or {}).items()}
    return {x: second(x, g) if getattr(g.type, "ndim", x.ndim) < x.ndim else g
            for x, g in known.items()}


def _given(x, g, known):
    """The gradient of an integer, if it is known: ``cytensor`` has zeros there."""
    return known[x] if x in known and _is_whole(x) and hasattr(known[x], "dtype") else g


def _is_whole(x):
    return getattr(x.type, "dtype", "float")[:3] in ("boo", "int", "uin")


def _float_uses(x, sources):
    """The float variables as which a graph uses an integer: all that a derivative passes through.

    A float, and an integer that is not used so, stand for themselves.
    """
    if not isinstance(x, Variable) or not _is_whole(x):
        return [x]
    found = [node.outputs[0] for node in toposort(sources)
             if node.op.name == "cast" and node.inputs[0] is x]
    return [v for v in found if v.dtype.startswith(("float", "complex"))] or [x]


def _summed(terms):
    total, *others = terms
    for g in others:
        total = total + g
    return total


def jacobian(expression, wrt, consider_constant=None, disconnected_inputs="raise"):
    """Return derivatives of a vector; see ``cytensor.jacobian``."""
    found = cytensor.jacobian(expression, wrt, consider_constant, disconnected_inputs)
    return _all_mentioning(found, wrt, [expression])


def hessian(cost, wrt, consider_constant=None, disconnected_inputs="raise"):
    """Return second derivatives; see ``cytensor.hessian``."""
    found = cytensor.hessian(cost, wrt, consider_constant, disconnected_inputs)
    return _all_mentioning(found, wrt, [cost])


def _all_mentioning(found, wrt, sources):
    """The derivatives ``found``, in the form of ``wrt``: one, a list or a tuple.

    Zeros depend on the variable alone.
    """
    connected = set(ancestors(sources))
    if isinstance(wrt, Variable):
        return _all_mentioning([found], [wrt], sources)[0]
    made = [_mentioning(g, sources if x in connected and not _is_zero(g) else [x])
            for x, g in zip(wrt, found)]
    return tuple(made) if isinstance(wrt, tuple) else made


def _is_zero(g):
    while isinstance(g, Variable) and g.owner is not None and g.owner.name == "broadcast_to":
        g = g.owner.inputs[0]
    return isinstance(g, Constant) and isinstance(g.type, T.TensorType) and not g.data.any()


def _mentioning(g, sources):
    if not isinstance(g, Variable) or not isinstance(g.type, T.TensorType):
        return g
    name, out = g.name, depending(g, *sources)
    if out is not g:
        out.name = name
    return out


class numeric_grad(verify.numeric_grad):
    """The gradient of a function of arrays, by differences."""

    #: The step that Theano takes, by dtype.
    type_eps = MappingProxyType({
        "float64": 1e-7, "float32": 3e-4, "float16": 1e-1, np.dtype("float64"): 1e-7,
        np.dtype("float32"): 3e-4, np.dtype("float16"): 1e-1})

    def __init__(self, f, pt, eps=None, out_type=None):
        super().__init__(f, pt, eps)


def verify_grad(fun, pt, n_tests=2, rng=None, eps=None, out_type=None, abs_tol=None, rel_tol=None,
                mode=None, cast_to_output_type=False, no_debug_ref=True):
    """Check the gradient of a function of variables against differences.

    See ``cytensor.verify_grad``; tolerances are Theano's, and ``rng`` must be given.

    Raises
    ------
    TypeError
        If ``rng`` is missing, or a point is not a float array.
    GradientError
        If they differ.
    """
    if rng is None:
        raise TypeError("rng should be a valid instance of numpy.random.RandomState; "
                        "theano.tests.unittest_tools.verify_grad makes one")
    dtypes = {np.asarray(x).dtype.name for x in pt}
    if eps is None:
        eps = max([numeric_grad.type_eps.get(dtype, 1e-7) for dtype in dtypes], default=1e-7)
    usual = max([_TOLERANCE.get(dtype, 1e-4) for dtype in dtypes], default=1e-4)
    abs_tol, rel_tol = [usual if tol is None else tol for tol in (abs_tol, rel_tol)]
    verify.verify_grad(fun, list(pt), n_tests, _with_choice(rng), eps, out_type, abs_tol, rel_tol,
                       mode, cast_to_output_type, no_debug_ref)


verify_grad.E_grad = GradientError


def _with_choice(rng):
    """``rng``, or a RandomState that its numbers seed, where it is less than one."""
    if hasattr(rng, "choice"):
        return rng
    return np.random.RandomState(int(rng.rand() * 2**31))


def format_as(use_list, use_tuple, outputs):
    """Return variables as a list, as a tuple, or the only one alone."""
    outputs = list(outputs) if isinstance(outputs, (list, tuple)) else [outputs]
    if use_list:
        return outputs
    if use_tuple:
        return tuple(outputs)
    if len(outputs) != 1:
        raise AssertionError("more than one output, and neither a list nor a tuple is wanted")
    return outputs[0]


def _float_zeros_like(x: Variable):
    """Zeros in the shape of ``x``, in a float dtype."""
    return T.zeros_like(x, dtype=_float_dtype(x))


def _float_ones_like(x: Variable):
    """Ones in the shape of ``x``, in a float dtype."""
    return T.ones_like(x, dtype=_float_dtype(x))


def _float_dtype(x):
    from cytensor import config
    return x.dtype if x.dtype.startswith("float") else config.floatX
