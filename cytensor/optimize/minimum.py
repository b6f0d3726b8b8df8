"""Minima of expressions, by SciPy's methods."""
from collections.abc import Callable, Iterable, Mapping

import numpy as np
from scipy import optimize
from scipy.optimize import OptimizeResult

from cytensor._core import Variable
from cytensor.autodiff.derived import hessian, hessian_vector_product
from cytensor.autodiff.reverse import grad
from cytensor.optimize.constraints import as_bounds, as_constraints, on_values
from cytensor.optimize.packing import Packing, Params, readable

_WITHOUT_GRADIENT = {"nelder-mead", "powell", "cobyla", "cobyqa"}
_WITH_PRODUCTS = {"newton-cg", "trust-ncg", "trust-krylov", "trust-constr"}
_WITH_HESSIAN = {"dogleg", "trust-exact"}
_WITH_CONSTRAINTS = {"cobyla", "cobyqa", "slsqp", "trust-constr"}
_WITH_BOUNDS = {"nelder-mead", "l-bfgs-b", "tnc", "powell"} | _WITH_CONSTRAINTS


def minimize(cost: Variable, params: Params, method: str | None = None, bounds: object = None,
             constraints: Variable | Iterable = (), inputs: Mapping | None = None,
             givens: Mapping | None = None, tol: float | None = None,
             callback: Callable | None = None, options: Mapping | None = None) -> OptimizeResult:
    """Find parameters for which a scalar is least.

    The value, the gradient, and what the method wants of second derivatives are compiled once,
    and handed to ``scipy.optimize.minimize``.

    Parameters
    ----------
    cost : Variable, 0-d
    params : shared variable, list of these, or dict of variable to start value
        float32 or float64, of any shapes. Shared variables start from their value, and take the
        result. SciPy itself works in float64.
    method : str, optional
        One of SciPy's. By default ``"L-BFGS-B"``, and ``"SLSQP"`` where there are constraints.
    bounds : pair, dict of parameter to pair, or sequence of pairs, optional
        A pair is (lower, upper): numbers, arrays that broadcast to the parameter, or None.
    constraints : comparison or list of comparisons
        Such as ``x.sum() <= 1`` or ``T.eq(h, 0)``; on arrays they hold for each element.
    inputs : dict of Variable to array_like, optional
        Values of the other inputs of the cost.
    givens : dict of Variable to Variable, optional
        What to put in place of variables.
    tol, options
        As in SciPy.
    callback : callable, optional
        Called with a dict of the parameters' values after each iteration.

    Returns
    -------
    OptimizeResult
        SciPy's. ``result.params`` maps the parameters to their values; ``result.x`` is
        all of them in one vector.

    Raises
    ------
    TypeError
        If the cost is not a real scalar, or a parameter cannot be varied.
    ValueError
        If the method takes no bounds or no constraints, and there are some.

    Examples
    --------
    >>> import cytensor as ct, numpy as np
    >>> x = ct.shared(np.zeros(2))
    >>> result = minimize(((x - [1, 2]) ** 2).sum(), x)
    >>> x.get_value().round(6)
    array([1., 2.])
    """
    packing = Packing(params, inputs, givens)
    _check_cost(cost, "minimize")
    limits = as_bounds(packing, bounds)
    constrained = isinstance(constraints, Variable) or bool(constraints)
    method = method or ("SLSQP" if constrained else "L-BFGS-B")
    _check_method(method.lower(), limits is not None, constrained)
    rules = as_constraints(packing, constraints, method.lower())
    found = optimize.minimize(
        x0=packing.start, method=method, bounds=limits, constraints=rules, tol=tol,
        callback=on_values(packing, callback), options=options,
        **_derivatives(packing, cost, method.lower(), constrained))
    return packing.result(found)


def minimize_scalar(cost: Variable, param: Variable, bracket: tuple | None = None,
                    bounds: tuple | None = None, method: str | None = None,
                    inputs: Mapping | None = None, tol: float | None = None,
                    options: Mapping | None = None) -> OptimizeResult:
    """Find the number for which a scalar is least, without derivatives.

    Parameters
    ----------
    cost : Variable, 0-d
    param : Variable, 0-d
        A shared variable takes the result.
    inputs : dict of Variable to array_like, optional
        Values of the other inputs of the cost.
    bracket, bounds, method, tol, options
        As in ``scipy.optimize.minimize_scalar``.

    Returns
    -------
    OptimizeResult
        SciPy's, with ``params`` as in ``minimize``.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> x = T.dscalar("x")
    >>> float(minimize_scalar(T.cosh(x - 3), x).x.round(5))
    3.0
    """
    _check_cost(cost, "minimize_scalar")
    if param.type.ndim:
        raise TypeError(f"minimize_scalar: {param!r} is no scalar but {param.type}; use minimize")
    start = param if hasattr(param, "container") else {param: 0.0}
    packing = Packing(start, inputs, who="minimize_scalar")
    value = packing.compile(packing.of_flat([cost])[0])
    found = optimize.minimize_scalar(lambda x: float(value([x])), bracket=bracket, bounds=bounds,
                                     method=method, tol=tol, options=options)
    packing.store(np.array([found.x]))
    found.params = readable({param: found.x})
    return found


def _check_cost(cost, who):
    if not isinstance(cost, Variable):
        raise TypeError(f"{who}: the cost is a symbolic scalar, not {cost!r}")
    if cost.type.ndim or cost.type.dtype.startswith("complex"):
        raise TypeError(f"{who}: the cost is a real scalar, not {cost.type}")


def _check_method(method, bounds, constraints):
    for what, given, able in (("bounds", bounds, _WITH_BOUNDS),
                              ("constraints", constraints, _WITH_CONSTRAINTS)):
        if given and method not in able:
            raise ValueError(f"minimize: the method {method!r} takes no {what}; these do: "
                             f"{', '.join(sorted(able))}")


def _derivatives(packing, cost, method, has_constraints):
    """What the method asks for, compiled: SciPy's arguments fun, jac, hess and hessp."""
    cost, = packing.of_flat([cost])
    if method in _WITHOUT_GRADIENT:
        value = packing.compile(cost)
        return {"fun": lambda x: float(value(x))}
    pieces = list(packing.pieces.values())
    # A parameter may be in the constraints alone.
    missing = "ignore" if has_constraints else "raise"
    both = packing.compile([cost, packing.join(grad(cost, pieces, disconnected_inputs=missing))])
    more = {}
    if method in _WITH_PRODUCTS:
        more["hessp"] = _products(packing, cost, pieces)
    elif method in _WITH_HESSIAN:
        more["hess"] = packing.compile(hessian(cost, packing.flat))
    return {"fun": lambda x: _as_pair(*both(x)), "jac": True, **more}


def _as_pair(value, gradient):
    return float(value), gradient


def _products(packing, cost, pieces):
    """A function of x and p: the Hessian at x times p."""
    p = packing.vector("p")
    products = hessian_vector_product(cost, pieces, list(packing.split(p).values()))
    return packing.compile(packing.join(products), p)
