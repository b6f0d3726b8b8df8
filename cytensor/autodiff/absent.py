"""Gradients that do not exist: of a value that does not matter, or where no rule is known.

A variable of ``DisconnectedType`` says that no path of the graph leads from the cost to a
variable. One of ``NullType`` says that there is a path, but that its gradient is not defined or
not written. Both travel through the walk like other cotangents, and are reported at its end.
"""
from cytensor._core import Variable
from cytensor.ops.objects import DisconnectedType, NullType


class DisconnectedInputError(ValueError):
    """The cost does not depend on a variable with respect to which it is differentiated."""


class NullTypeGradError(TypeError):
    """The gradient passes through something that has none."""


def is_null(g):
    """Whether a cotangent is a variable of ``NullType``."""
    return isinstance(g, Variable) and isinstance(g.type, NullType)


def is_disconnected(g):
    """Whether a cotangent is a variable of ``DisconnectedType``."""
    return isinstance(g, Variable) and isinstance(g.type, DisconnectedType)


def grad_undefined(op, x_pos, x, comment=""):
    """Return a gradient that says: this one is mathematically undefined.

    Parameters
    ----------
    op : Op
    x_pos : int
        Which input of ``op``.
    x : Variable
        That input.
    comment : str
        Why.

    Returns
    -------
    Variable of NullType
        For a ``vjp`` rule to return. An error follows only if that gradient is asked for.
    """
    return _null(op, x_pos, x, "is undefined", comment)


def grad_not_implemented(op, x_pos, x, comment=""):
    """Return a gradient that says: the rule for this one has not been written.

    The parameters are those of ``grad_undefined``.
    """
    return _null(op, x_pos, x, "has not been implemented", comment)


def _null(op, x_pos, x, what, comment):
    reason = f"the gradient of {op} with respect to its input {x_pos} ({x}) {what}"
    return NullType(f"{reason}: {comment}" if comment else reason)()
