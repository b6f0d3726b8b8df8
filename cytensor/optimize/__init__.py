"""Optimisation of expressions: SciPy's methods, given compiled derivatives; convex problems."""
from cytensor.optimize.convex import NotConvexError, to_cvxpy
from cytensor.optimize.equations import least_squares, root
from cytensor.optimize.minimum import minimize, minimize_scalar

__all__ = ["NotConvexError", "least_squares", "minimize", "minimize_scalar", "root", "to_cvxpy"]
