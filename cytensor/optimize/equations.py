"""Roots of equations, and least squares, by SciPy's methods."""
from collections.abc import Callable, Mapping, Sequence

from scipy import optimize
from scipy.optimize import OptimizeResult

from cytensor._core import Variable
from cytensor.autodiff.derived import jacobian
from cytensor.optimize.constraints import as_bounds
from cytensor.optimize.packing import Packing, Params

_WITH_JACOBIAN = {"hybr", "lm"}


def root(equations: Variable | Sequence[Variable], unknowns: Params, method: str = "hybr",
         inputs: Mapping | None = None, givens: Mapping | None = None,
         tol: float | None = None, callback: Callable | None = None,
         options: Mapping | None = None) -> OptimizeResult:
    """Solve equations.

    Parameters
    ----------
    equations : Variable or list of Variable
        What is to be 0, or an equation ``T.eq(a, b)``. There are as many numbers as unknowns.
    unknowns : shared variable, list of these, or dict of variable to start value
        Shared variables take the solution.
    method : str
        One of ``scipy.optimize.root``. ``"hybr"`` and ``"lm"`` are given the Jacobian.
    inputs, givens
        As in ``minimize``.
    tol, callback, options
        As in SciPy.

    Returns
    -------
    OptimizeResult
        SciPy's, with ``params`` as in ``minimize``.

    Raises
    ------
    ValueError
        If there are more or fewer equations than unknowns.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> x, y = T.dscalars("x", "y")
    >>> found = root([T.eq(x + y, 3), T.eq(x - y, 1)], {x: 0, y: 0})
    >>> found.x.round(6)
    array([2., 1.])
    """
    packing = Packing(unknowns, inputs, givens, who="root")
    fun, jac = _residuals(packing, equations)
    count = len(fun(packing.start))
    if count != len(packing.start):
        raise ValueError(f"root: {count} equations for {len(packing.start)} unknowns; "
                         "least_squares takes any number")
    found = optimize.root(fun, packing.start, jac=jac if method in _WITH_JACOBIAN else None,
                          method=method, tol=tol, callback=callback, options=options)
    return packing.result(found)


def least_squares(residuals: Variable | Sequence[Variable], params: Params,
                  bounds: object = None, inputs: Mapping | None = None,
                  givens: Mapping | None = None, **options: object) -> OptimizeResult:
    """Find parameters for which a sum of squares is least.

    Parameters
    ----------
    residuals : Variable or list of Variable
        Arrays of any shapes; their elements are squared and summed.
    params : shared variable, list of these, or dict of variable to start value
        Shared variables take the result.
    bounds, inputs, givens
        As in ``minimize``.
    **options
        Of ``scipy.optimize.least_squares``: ``method``, ``loss``, ``x_scale`` and so on.

    Returns
    -------
    OptimizeResult
        SciPy's, with ``params`` as in ``minimize``.

    Examples
    --------
    >>> import cytensor as ct, cytensor.tensor as T
    >>> a, t = ct.shared(1.0), T.dvector("t")
    >>> found = least_squares(T.exp(a * t) - [1, 4, 16], a, inputs={t: [0, 1, 2]})
    >>> round(float(a.get_value()), 4)
    1.3863
    """
    packing = Packing(params, inputs, givens, who="least_squares")
    fun, jac = _residuals(packing, residuals)
    limits = as_bounds(packing, bounds)
    if limits is not None:
        options["bounds"] = limits
    return packing.result(optimize.least_squares(fun, packing.start, jac=jac, **options))


def _residuals(packing, expressions):
    """The functions of the residuals and of their Jacobian."""
    if isinstance(expressions, Variable):
        expressions = [expressions]
    flat = packing.join(packing.of_flat([_difference(x, packing.who) for x in expressions]))
    return packing.compile(flat), packing.compile(jacobian(flat, packing.flat))


def _difference(x, who):
    if not isinstance(x, Variable):
        raise TypeError(f"{who}: an equation is a symbolic expression, not {x!r}")
    if x.owner is not None and x.owner.op.name == "eq":
        left, right = x.owner.inputs
        return left - right
    if x.type.dtype == "bool" or x.type.dtype.startswith("complex"):
        raise TypeError(f"{who}: {x!r} is {x.type}; it should be real, or T.eq(a, b)")
    return x
