"""Bounds and constraints, as a user writes them and as SciPy takes them."""
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
from scipy.optimize import Bounds, NonlinearConstraint

from cytensor._core import Apply, Variable, new_variable
from cytensor.autodiff.derived import hessian, jacobian
from cytensor.optimize.packing import Packing

#: op -> (SciPy's type, whether the left side is the larger one)
_COMPARISONS = {"ge": ("ineq", True), "gt": ("ineq", True), "le": ("ineq", False),
                "lt": ("ineq", False), "eq": ("eq", True)}


def read_constraint(constraint: object) -> tuple[str, Variable]:
    """Return SciPy's type of a constraint, and what is to be zero, or at least zero.

    Parameters
    ----------
    constraint : Variable
        A comparison: ``g >= 0``, ``x.sum() <= 1``, ``T.eq(h, 0)``.

    Returns
    -------
    kind : {"ineq", "eq"}
    expression : Variable
        Not negative where an inequality holds, and 0 where an equality does.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> x = T.dvector("x")
    >>> read_constraint(x.sum() <= 1)
    ('ineq', sub.0)
    """
    node = constraint.owner if isinstance(constraint, Variable) else None
    if not isinstance(node, Apply) or node.op.name not in _COMPARISONS:
        raise TypeError("a constraint is a comparison, such as g >= 0 or T.eq(h, 0), not "
                        f"{constraint!r}")
    kind, left_is_larger = _COMPARISONS[node.op.name]
    left, right = node.inputs
    return kind, left - right if left_is_larger else right - left


def as_constraints(packing: Packing, constraints: Variable | Iterable,
                   method: str) -> list:
    """Compile constraints, with the derivatives that the method asks for, into SciPy's form."""
    if isinstance(constraints, Variable):
        constraints = [constraints]
    make = _with_hessian if method == "trust-constr" else _as_dict
    return [make(packing, *read_constraint(c)) for c in constraints]


def _as_dict(packing, kind, expression):
    value, derivative = _value_and_jacobian(packing, expression)
    return {"type": kind, "fun": packing.compile(value), "jac": packing.compile(derivative)}


def _with_hessian(packing, kind, expression):
    value, derivative = _value_and_jacobian(packing, expression)
    weights = new_variable(value.type, "weights")
    second = hessian((weights * value).sum(), packing.flat, disconnected_inputs="ignore")
    return NonlinearConstraint(packing.compile(value), 0, 0 if kind == "eq" else np.inf,
                               packing.compile(derivative), packing.compile(second, weights))


def _value_and_jacobian(packing, expression):
    value = packing.join(packing.of_flat([expression]))
    return value, jacobian(value, packing.flat, disconnected_inputs="ignore")


def as_bounds(packing: Packing, bounds: object) -> Bounds | None:
    """Return bounds as SciPy takes them.

    Parameters
    ----------
    packing : Packing
    bounds : Bounds, pair, dict of parameter to pair, or sequence of pairs
        A pair is (lower, upper): numbers, arrays that broadcast to the parameter, or None. One
        pair is for all parameters; a sequence has a pair for each.
    """
    if bounds is None or isinstance(bounds, Bounds):
        return bounds
    pairs = _pairs(packing, bounds)
    low, high = [packing.pack([_side(pair, side, value)
                               for pair, value in zip(pairs, packing.arrays)])
                 for side in (0, 1)]
    return Bounds(low, high)


def _pairs(packing, bounds):
    if isinstance(bounds, Mapping):
        unknown = [v for v in bounds if v not in packing.variables]
        if unknown:
            raise ValueError(f"{packing.who}: bounds for {unknown[0]!r}, which is no parameter")
        return [bounds.get(v, (None, None)) for v in packing.variables]
    if _is_pair(bounds):
        return [bounds] * len(packing.variables)
    if len(bounds) != len(packing.variables):
        raise ValueError(f"{packing.who}: {len(bounds)} bounds for {len(packing.variables)} "
                         "parameters")
    return list(bounds)


def _is_pair(bounds: Sequence) -> bool:
    """Whether this is one (lower, upper), and not a sequence of these."""
    return len(bounds) == 2 and not any([isinstance(side, (tuple, list)) for side in bounds])


def _side(pair, side, value):
    limit = pair[side]
    if limit is None:
        limit = np.inf if side else -np.inf
    return np.broadcast_to(limit, value.shape)


def on_values(packing: Packing, callback: Callable | None) -> Callable | None:
    """Return SciPy's callback for one that takes a dict of the parameters' values."""
    if callback is None:
        return None
    return lambda x, *state: callback(packing.unpack(x))
