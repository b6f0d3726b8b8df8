"""Forward mode: how outputs move when inputs move in a given direction.

An op may have a ``jvp`` rule; few need one. A real elementwise op is diagonal, so that its ``vjp``
serves both ways. For any other op the trick of two transpositions works: ``vjp`` is linear in the
cotangent ``u``, and the transpose of that linear map is the forward derivative.
"""
from cytensor._core import at_loc, toposort
from cytensor.autodiff import branches, custom
from cytensor.autodiff.absent import (DisconnectedInputError, DisconnectedType, NullTypeGradError,
                                      is_disconnected, is_null)
from cytensor.autodiff.cotangents import expand, fit, is_float, total, zeros
from cytensor.autodiff.reverse import ZERO, as_list, backpropagate, call_vjp, made_at
from cytensor.ops.custom import CustomOp
from cytensor.ops.registry import KIND, as_variable, cast
from cytensor.ops.views import copied


def Rop(f, wrt, eval_points, disconnected_outputs="raise", return_disconnected="zero"):
    """Multiply by a Jacobian from the right: ``df/dwrt . eval_points``.

    Parameters
    ----------
    f, wrt : Variable or sequence of Variable
    eval_points : Variable or sequence of Variable
        The direction in which each of ``wrt`` moves, of its shape.
    disconnected_outputs : {"raise", "ignore"}
        What to do about an output that does not depend on ``wrt``.
    return_disconnected : {"zero", "None", "disconnected"}
        What stands for the derivative of such an output.

    Returns
    -------
    Variable, or list or tuple of Variable
        As ``f``; each has the type of its output.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> x, v = T.vectors("x", "v")
    >>> T.Rop(T.exp(x), x, v).type
    TensorType(float64, vector)
    """
    tangents, outputs = _directions(as_list(wrt), eval_points), as_list(f)
    push(outputs, tangents)
    results = [_result(y, tangents.get(y), disconnected_outputs, return_disconnected)
               for y in outputs]
    if isinstance(f, tuple):
        return tuple(results)
    return results if isinstance(f, list) else results[0]


def _directions(wrt, eval_points):
    points = eval_points if isinstance(eval_points, (list, tuple)) else [eval_points]
    if len(points) != len(wrt):
        raise ValueError(f"Rop: {len(wrt)} variables and {len(points)} eval_points")
    tangents = {}
    for x, v in zip(wrt, points):
        if v is None:
            continue
        v = as_variable(v)
        if v.type.ndim != x.type.ndim:
            raise ValueError(f"Rop: the eval_point for {x!r} has {v.type.ndim} axes, "
                             f"not {x.type.ndim}")
        tangents[x] = fit(v, x)
    return tangents


def _result(y, tangent, disconnected, stand_in):
    if tangent is ZERO:
        return zeros(y)
    if tangent is not None:
        return expand(tangent, y)
    if disconnected == "raise":
        raise DisconnectedInputError(f"Rop: {y!r} does not depend on the variables given")
    if stand_in == "zero":
        return zeros(y)
    return None if stand_in == "None" else DisconnectedType()()


def push(outputs, tangents):
    """Add to ``tangents`` those of ``outputs`` and of all that lies between.

    None of them stands for what does not move, ``ZERO`` for what moves without effect.
    """
    for node in toposort(outputs, tangents):
        _push_through(node, tangents)


# ----- one node -----

def _push_through(node, tangents):
    """Add the tangents of the outputs of a node to ``tangents``."""
    given = [tangents.get(x) for x in node.inputs]
    if node.op.kind == "shape" or all([t is None for t in given]):
        return
    if custom.has_forward_rule(node.op):
        _push_by_user(node, given, tangents)
        return
    moving = [None if t is ZERO or not is_float(x) else t for t, x in zip(given, node.inputs)]
    with at_loc(node.loc):
        pushed = _pushed(node, moving)
    for out, t in zip(node.outputs, pushed):
        tangents[out] = ZERO if t is None or not is_float(out) else fit(t, out)


def _push_by_user(node, given, tangents):
    """Add what the user's rule gives; an output for which that is None does not move."""
    moving = [None if t is ZERO else t for t in given]
    with at_loc(node.loc):
        for out, t in zip(node.outputs, custom.push(node, moving)):
            if t is not None:
                tangents[out] = fit(t, out) if is_float(out) else ZERO


def _pushed(node, moving):
    """The tangent of each output, None for zero. ``moving`` has None where an input rests."""
    op = node.op
    if node.kind == "ifelse":
        return branches.push(node, moving)
    flat = op.vjp is None and node.kind == "elementwise"
    if flat or all([t is None for t in moving]) or not any(map(is_float, node.outputs)):
        return [None] * len(node.outputs)
    if op.jvp is not None:
        out = node.outputs[0] if op.nout == 1 else node.outputs
        found = op.jvp(tuple(moving), out, *node.inputs, **node.params)
        return [found] if op.nout == 1 else found
    if op is cast:
        return moving                           # `fit` converts
    if op.vjp is None and not isinstance(op, CustomOp):
        raise NullTypeGradError(f"Rop: {op} has no gradient rule{made_at(node)}")
    return [_diagonal(node, moving)] if _is_diagonal(node) else _transposed_twice(node, moving)


def _is_diagonal(node):
    dtypes = {v.type.dtype for v in (*node.inputs, *node.outputs) if is_float(v)}
    return node.op.kind == "elementwise" and len(dtypes) == 1 and KIND[dtypes.pop()] == "f"


def _diagonal(node, moving):
    """The derivative of one element by another is zero, so ``vjp`` is its own transpose."""
    tangent = None
    for i, t in enumerate(moving):
        if t is not None:
            tangent = total(tangent, _present(node, call_vjp(node, [t])[i]))
    return tangent


def _transposed_twice(node, moving):
    """Return ``d<vjp(u), moving>/du``, the forward derivative: ``vjp`` is linear in ``u``."""
    # not constants: a cast of a constant is another constant, which depends on nothing
    us = [copied(zeros(out)) if is_float(out) else None for out in node.outputs]
    seeds = {}
    for x, t, g in zip(node.inputs, moving, call_vjp(node, us)):
        g = None if t is None else _present(node, g)
        if g is not None:
            g = expand(fit(g, x), x)
            seeds[g] = total(seeds.get(g), t)
    grads = backpropagate(seeds, [u for u in us if u is not None])
    found = [grads.get(u) for u in us]
    return [None if t is ZERO else t for t in found]


def _present(node, g):
    """Return a gradient that a rule gave, None where there is none; raise if it is undefined."""
    if g is None or is_disconnected(g):
        return None
    if is_null(g):
        raise NullTypeGradError(f"Rop: {g.type.why_null}{made_at(node)}")
    return g
