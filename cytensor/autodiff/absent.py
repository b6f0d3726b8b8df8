"""Gradients that do not exist: of a value that does not matter, or where no rule is known.

A variable of ``DisconnectedType`` says that no path of the graph leads from the cost to a
variable. One of ``NullType`` says that there is a path, but that its gradient is not defined or
not written. Both travel through the walk like other cotangents, and are reported at its end.
"""
from cytensor._core import Type, Variable


class DisconnectedInputError(ValueError):
    """The cost does not depend on a variable with respect to which it is differentiated."""


class NullTypeGradError(TypeError):
    """The gradient passes through something that has none."""


class DisconnectedType(Type):
    """The type of the gradient with respect to what the cost does not depend on."""

    def __eq__(self, other):
        return isinstance(other, DisconnectedType)

    def __hash__(self):
        return hash(DisconnectedType)

    def __repr__(self):
        return "DisconnectedType"


class NullType(Type):
    """The type of a gradient that is undefined, or for which there is no rule.

    Parameters
    ----------
    why_null : str
        The reason, for the error message.
    """

    def __init__(self, why_null="no reason is given"):
        self.why_null = why_null

    def __eq__(self, other):
        return isinstance(other, NullType) and other.why_null == self.why_null

    def __hash__(self):
        return hash((NullType, self.why_null))

    def __repr__(self):
        return f"NullType({self.why_null})"


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
