"""Expressions as convex problems for cvxpy, which proves what it solves to be convex.

cvxpy's rules see one op at a time, and do not know that ``x.dot(P.dot(x))`` is convex. Where they
fail on a polynomial of degree two, the expression is kept, and written as a quadratic form by its
Hessian once its value is needed as a scalar.
"""
import linecache
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cytensor._core import Apply, Constant, TensorType, Variable, copy_apply, leaves, toposort
from cytensor.autodiff.derived import hessian
from cytensor.autodiff.reverse import grad
from cytensor.function import function
from cytensor.ops.registry import constant
from cytensor.ops.values import fit
from cytensor.optimize.constraints import read_constraint
from cytensor.optimize.packing import Packing

if TYPE_CHECKING:
    import cvxpy


class NotConvexError(ValueError):
    """An expression is outside the fragment that is known to be convex."""


def to_cvxpy(cost: Variable, params: Iterable | Mapping | None = None,
             constraints: Variable | Iterable = (),
             inputs: Mapping | None = None) -> "cvxpy.Problem":
    """Write the minimisation of a scalar as a problem for cvxpy.

    Affine expressions, quadratic forms, squares, norms, ``abs``, ``maximum``, ``exp``, ``log``,
    ``logsumexp``, ``softplus`` and what is made of them by cvxpy's rules. A concave expression is
    maximised by ``to_cvxpy(-expression)``.

    Parameters
    ----------
    cost : Variable, 0-d
    params : variable, list of variables, or dict of variable to cvxpy.Variable, optional
        What to vary. By default every shared variable and every input that has no value, of
        floats. A variable that is not shared has a type with all sizes.
    constraints : comparison or list of comparisons
        Such as ``x.sum() <= 1`` or ``T.eq(x, 0)``.
    inputs : dict of Variable to array_like, optional
        Values of the other inputs.

    Returns
    -------
    cvxpy.Problem
        With ``problem.params``, a dict of our variables and cvxpy's. After ``problem.solve()``,
        ``problem.params[x].value`` is the solution.

    Raises
    ------
    NotConvexError
        If an op has no convex form; the message names it and the user's line.

    Examples
    --------
    >>> import cytensor as ct, numpy as np
    >>> x = ct.shared(np.zeros(2), name="x")
    >>> problem = to_cvxpy(abs(x - [3, -1]).sum(), constraints=x >= 0)
    >>> float(round(problem.solve(), 6))
    1.0
    >>> problem.params[x].value.round(6) + 0
    array([3., 0.])
    """
    cp = _cvxpy()
    rules = [constraints] if isinstance(constraints, Variable) else list(constraints)
    sides = [read_constraint(rule) for rule in rules]
    roots = [cost, *[side for _, side in sides]]
    data = dict(inputs or {})
    variables = _cvxpy_variables(_params(params, roots, data))
    goal, *values = _Translation(variables, data).of(roots)
    if not goal.is_convex():
        raise NotConvexError(f"to_cvxpy: the cost is {goal.curvature.lower()}; a concave one is "
                             "maximised by to_cvxpy(-cost)")
    limits = [value >= 0 if kind == "ineq" else value == 0
              for (kind, _), value in zip(sides, values)]
    for rule, limit in zip(rules, limits):
        _check_constraint(rule, limit)
    problem = cp.Problem(cp.Minimize(goal), limits)
    problem.params = variables
    return problem


def _cvxpy():
    try:
        import cvxpy
    except ImportError:
        raise ImportError("to_cvxpy needs cvxpy: pip install 'cytensor[cvx]'") from None
    return cvxpy


# ----- what is varied -----

def _params(params, roots, data):
    if isinstance(params, Variable):
        return [params]
    if params is not None:
        return params
    found = [v for v in leaves(roots) if not isinstance(v, Constant) and v not in data
             and isinstance(v.type, TensorType) and v.type.dtype.startswith("float")]
    if not found:
        raise ValueError("to_cvxpy: the cost depends on nothing that could be varied")
    return found


def _cvxpy_variables(params):
    if isinstance(params, Mapping):
        return dict(params)
    import cvxpy
    return {v: cvxpy.Variable(_shape(v), name=v.name) for v in params}


def _shape(v):
    if hasattr(v, "container"):
        return v.container.value.shape
    if None in v.type.shape:
        raise TypeError(f"to_cvxpy: the sizes of {v!r} are not known; make it with "
                        "T.tensor(dtype, sizes), or pass {variable: cvxpy.Variable(sizes)}")
    return v.type.shape


def _check_constraint(rule, limit):
    if not limit.is_dcp():
        need = "affine" if rule.owner.op.name == "eq" else "convex on the smaller side"
        raise NotConvexError(f"to_cvxpy: the constraint {_place(rule.owner)} is not {need}")


# ----- the walk -----

@dataclass
class _Quadratic:
    """A polynomial of degree two in which cvxpy's rules do not see a convex expression.

    ``node`` is where they failed.
    """

    variable: Variable
    node: Apply


class _Translation:
    """Our expressions in cvxpy's terms."""

    def __init__(self, variables, data):
        self.variables = variables
        self.data = data
        self.values = dict(variables)               # variable -> array, expression or _Quadratic
        self.degrees = dict.fromkeys(variables, 1)

    def of(self, roots):
        """Translate expressions."""
        order = toposort(roots, self.variables)
        dependent = self._dependent(order)
        self._evaluate_the_rest(roots, order, dependent)
        for node in order:
            if node in dependent:
                self._translate(node)
        return [self._resolved(self.values[root]) for root in roots]

    def _dependent(self, order):
        known = set(self.variables)
        dependent = set()
        for node in order:
            if any([x in known for x in node.inputs]):
                dependent.add(node)
                known.update(node.outputs)
        return dependent

    def _evaluate_the_rest(self, roots, order, dependent):
        """Compute all that does not depend on what is varied."""
        wanted = dict.fromkeys([x for node in dependent for x in node.inputs] + list(roots))
        wanted = [x for x in wanted if x not in self.values and x.owner not in dependent]
        f = function(list(self.data), wanted, on_unused_input="ignore", allow_input_downcast=True)
        self.values.update(zip(wanted, f(*self.data.values())))
        self.degrees.update(dict.fromkeys(wanted, 0))

    def _translate(self, node):
        inputs = [self.values[x] for x in node.inputs]
        if node.op.name == "shape_i":
            self._set(node, np.asarray(inputs[0].shape[node.params["axis"]]), 0)
        elif all([isinstance(x, np.ndarray) for x in inputs]):
            self._set(node, _compute(node, inputs), 0)
        else:
            degree = self._degree(node)
            self._set(node, self._expression(node, inputs, degree), degree)

    def _set(self, node, value, degree):
        self.values[node.outputs[0]] = value
        self.degrees[node.outputs[0]] = degree

    def _degree(self, node):
        """The degree of a polynomial; infinity for what is none, or of no use."""
        from cytensor.optimize.atoms import LINEAR, LINEAR_IN_ALL, PRODUCTS
        degrees = [self.degrees[x] for x in node.inputs]
        name = node.op.name
        if name in PRODUCTS:
            return sum(degrees)
        if name in LINEAR_IN_ALL:
            return max(degrees)
        if name in LINEAR or (name == "true_div" and degrees[1] == 0):
            return degrees[0]
        is_square = name in ("sqr", "squared_deviations") or (name == "pow" and degrees[1] == 0
                                      and np.all(self.values[node.inputs[1]] == 2))
        return 2 * degrees[0] if is_square else np.inf

    def _expression(self, node, inputs, degree):
        kept = next((x for x in inputs if isinstance(x, _Quadratic)), None)
        if kept is not None and degree <= 2:
            return _Quadratic(node.outputs[0], kept.node)
        found = self._by_rule(node, [self._resolved(x) for x in inputs])
        if found is None or found.curvature == "UNKNOWN":
            if degree > 2:
                raise NotConvexError(f"to_cvxpy: {_place(node)} is neither convex nor concave by "
                                     "cvxpy's rules")
            return _Quadratic(node.outputs[0], node)
        return found

    def _by_rule(self, node, inputs):
        from cytensor.optimize.atoms import ATOMS, atom_of
        if node.op.name not in ATOMS:
            raise NotConvexError(f"to_cvxpy: cvxpy has nothing for the op {_place(node)}")
        try:
            return atom_of(node, inputs)
        except (ValueError, TypeError, NotImplementedError) as error:
            raise NotConvexError(f"to_cvxpy: cvxpy does not take {_place(node)}: {error}") from None

    # ----- quadratic forms -----

    def _resolved(self, value):
        """The value as an expression: a polynomial of degree two as a quadratic form."""
        if not isinstance(value, _Quadratic):
            return value
        v = value.variable
        if v.type.ndim and np.prod([n or 0 for n in v.type.shape]) != 1:
            raise NotConvexError(f"to_cvxpy: {_place(value.node)} is neither convex nor concave "
                                 "by cvxpy's rules")
        return self._quadratic_form(v.sum() if v.type.ndim else v, value.node)

    def _quadratic_form(self, v, node):
        import cvxpy as cp
        packing = Packing({x: np.zeros(atom.shape) for x, atom in self.variables.items()},
                          self.data, who="to_cvxpy")
        value, = packing.of_flat([v])
        first = grad(value, packing.flat)
        f = packing.compile([value, first, hessian(value, packing.flat)])
        offset, slope, second = f(packing.start)
        flat = cp.hstack([cp.reshape(atom, (atom.size,), order="C")
                          for atom in self.variables.values()])
        return offset + slope @ flat + 0.5 * _form(flat, second, node)


def _form(flat, matrix, node):
    """A quadratic form that cvxpy knows to be convex, or concave."""
    import cvxpy as cp
    matrix = (matrix + matrix.T) / 2
    eigenvalues = np.linalg.eigvalsh(matrix)
    rounding = 1e-10 * abs(eigenvalues).max(initial=0.0) * len(matrix)
    if eigenvalues[0] >= -rounding:
        return cp.quad_form(flat, cp.psd_wrap(matrix))
    if eigenvalues[-1] <= rounding:
        return -cp.quad_form(flat, cp.psd_wrap(-matrix))
    raise NotConvexError(f"to_cvxpy: the quadratic form in {_place(node)} is neither convex nor "
                         f"concave: its eigenvalues go from {eigenvalues[0]:.3g} to "
                         f"{eigenvalues[-1]:.3g}")


def _compute(node, arrays):
    """Compute one application on arrays."""
    constants = [constant(fit(array, x.type)) for array, x in zip(arrays, node.inputs)]
    return function([], copy_apply(node, constants).outputs)()[0]


def _place(node):
    """The op, and the user's line."""
    if not node.loc:
        return node.op.name
    file, line = node.loc
    return f"{node.op.name}, in {file}:{line} `{linecache.getline(file, line).strip()}`"
