"""Derivatives of ops that users write as classes: the protocol of ``grad`` and ``R_op``.

Their gradients are those that users see: for complex variables, conjugated.
"""
import warnings

from cytensor._core import Variable
from cytensor.autodiff.absent import DisconnectedType, NullType, is_disconnected, is_null
from cytensor.autodiff.cotangents import ZERO, expand, fit, is_float, zeros
from cytensor.ops import elementwise
from cytensor.ops.custom import CustomOp
from cytensor.ops.registry import KIND


def connections(node):
    """Return one list per input of a node: whether each output depends on its value."""
    pattern = getattr(node.op, "connection_pattern", None)
    if pattern is None:
        return [[True] * len(node.outputs)] * len(node.inputs)
    found = pattern(node)
    if len(found) != len(node.inputs) or any(len(row) != len(node.outputs) for row in found):
        raise ValueError(f"{node.op}: connection_pattern returns {found} for {len(node.inputs)} "
                         f"inputs and {len(node.outputs)} outputs")
    return found


# ----- backwards -----

def pull(node, gs):
    """Return the contribution of a node to each of its inputs, as the walk wants it.

    Parameters
    ----------
    node : Apply
    gs : list of Variable, ``ZERO`` or None
        The cotangents of its outputs; None where the cost does not depend on one.
    """
    rows = connections(node)
    reached = [any(a and g is not None for a, g in zip(row, gs)) for row in rows]
    defined = [any(a and g is not None and not is_null(g) for a, g in zip(row, gs))
               for row in rows]
    null = next(filter(is_null, gs), None)
    if not any(defined):
        return [null if r else None for r in reached]
    if all([g is None or g is ZERO for g in gs]):
        return [ZERO if r else None for r in reached]
    terms = [_term(node, i, term, reached[i]) for i, term in enumerate(_gradients(node, gs))]
    return [null if null is not None and t is not None and _touches(row, gs) else t
            for t, row in zip(terms, rows)]


def _touches(row, gs):
    """Whether an input influences an output whose gradient is undefined."""
    return any([a and is_null(g) for a, g in zip(row, gs)])


def _gradients(node, gs):
    """Call the gradient method of the op."""
    op = node.op
    if type(op).L_op is CustomOp.L_op and not hasattr(op, "grad"):
        why = f"{op} has no method grad"
        return [NullType(why)() for _ in node.inputs]
    given = [_given(g, out) for g, out in zip(gs, node.outputs)]
    found = op.L_op(list(node.inputs), list(node.outputs), given)
    if found is None:
        raise TypeError(f"{op}.grad returned None, not a list of gradients")
    if len(found) != len(node.inputs):
        raise ValueError(f"{op}.grad returned {len(found)} gradients for {len(node.inputs)} "
                         "inputs")
    return found


def _given(g, out):
    """What the gradient method gets for one output."""
    if g is None or not hasattr(out.type, "dtype"):
        return DisconnectedType()()
    if is_null(g):
        return g
    return conjugated(zeros(out) if g is ZERO else expand(fit(g, out), out))


def conjugated(g):
    """Between the transposes of our rules and the gradients that users write."""
    return elementwise.conj(g) if KIND.get(getattr(g.type, "dtype", None)) == "c" else g


def _term(node, i, term, is_reached):
    """Check what the gradient method returned for one input; return it as the walk wants it."""
    op, x = node.op, node.inputs[i]
    if term is None:
        raise TypeError(f"{op}.grad returned None for input {i}; return zeros_like(input), a "
                        "variable of DisconnectedType, or what grad_undefined returns")
    if not isinstance(term, Variable):
        raise TypeError(f"{op}.grad returned {term!r} for input {i}, which is no variable")
    if is_disconnected(term):
        _check_connection(op, i, is_reached)
        return None
    if not is_reached:
        raise TypeError(f"{op}.grad returned {term!r} for input {i}; by its connection_pattern "
                        "that is disconnected")
    if is_null(term):
        return term
    if KIND.get(getattr(term.type, "dtype", None)) not in ("f", "c"):
        raise TypeError(f"{op}.grad returned {term!r} of type {term.type} for input {i}: "
                        "gradients are floats")
    if not is_float(x):
        return ZERO
    if term.type.ndim != x.type.ndim:
        raise ValueError(f"{op}.grad returned a gradient of {term.type.ndim} axes for input {i}, "
                         f"which has {x.type.ndim}")
    return fit(conjugated(term), x)


def _check_connection(op, i, is_reached):
    if not is_reached:
        return
    text = f"{op}.grad returned a variable of DisconnectedType for input {i}"
    if hasattr(op, "connection_pattern"):
        raise TypeError(text + ", which its connection_pattern does not allow")
    warnings.warn(text + "; give the op a method connection_pattern", stacklevel=6)


# ----- forwards -----

def has_forward_rule(op):
    """Whether the user wrote a forward derivative."""
    return isinstance(op, CustomOp) and hasattr(op, "R_op")


def push(node, moving):
    """Return the tangent of each output, None where it does not move.

    Parameters
    ----------
    node : Apply
    moving : list of Variable or None
        The tangents of its inputs.
    """
    points = [_point(x, t) for x, t in zip(node.inputs, moving)]
    found = node.op.R_op(list(node.inputs), points)
    if len(found) != len(node.outputs):
        raise ValueError(f"{node.op}.R_op returned {len(found)} tangents for "
                         f"{len(node.outputs)} outputs")
    return [None if t is None or is_disconnected(t) else t for t in found]


def _point(x, tangent):
    if tangent is None:
        return zeros(x) if is_float(x) else None
    return expand(tangent, x)
