"""Constant folding: what depends on constants alone is computed now.

How to compute is the engine's business: it passes ``evaluate`` in. A result that would be much
larger than what it comes from stays an expression (``zeros((1000, 1000))`` is one number).
"""
from cytensor._core import Constant, TensorType, new_constant, replace, toposort

_SMALL = 1 << 10        # elements; a result as small as this is always worth storing
_STAYS = {"python", "random", "scan", "iota", "pick", "unpick"}


def fold(outputs, evaluate):
    """Replace what depends on constants alone by its value.

    Parameters
    ----------
    outputs : sequence of Variable
    evaluate : callable
        ``evaluate(variables) -> arrays``: runs a graph that has no inputs.

    Returns
    -------
    list of Variable
        What cannot be computed (an index out of bounds) stays, for the run to report.
    """
    found = _foldable(outputs)
    if not found:
        return list(outputs)
    values = dict(zip(found, _values(found, evaluate)))
    mapping = {x: new_constant(x.type, value, x.name)
               for x, value in values.items() if value is not None and _fits(x, value)}
    return replace(outputs, mapping)


def _foldable(outputs):
    """The variables that constants determine, and that something else needs."""
    known, found = set(), {}
    for node in toposort(outputs):
        if _is_known(node, known):
            known.update(node.outputs)
        elif known:
            found.update(dict.fromkeys([x for x in node.inputs if x in known]))
    found.update(dict.fromkeys([out for out in outputs if out in known]))
    return list(found)


def _is_known(node, known):
    if not node.inputs or node.kind in _STAYS:
        return False
    for x in node.inputs:
        if not isinstance(x, Constant) and x not in known:
            return False
    return all([_is_small(out, node) for out in node.outputs])


def _is_small(out, node):
    if not isinstance(out.type, TensorType) or None in out.type.shape:
        return False
    limit = max([_SMALL, *[_count(x.type.shape) for x in node.inputs]])
    return _count(out.type.shape) <= limit


def _count(shape):
    total = 1
    for n in shape:
        total *= n
    return total


def _values(variables, evaluate):
    """The value of each variable, None where the computation fails."""
    try:
        return evaluate(variables)
    except Exception:                       # one bad index must not keep the others from it
        return [_value(x, evaluate) for x in variables]


def _value(x, evaluate):
    try:
        return evaluate([x])[0]
    except Exception:                       # the run will report it, with the user's line
        return None


def _fits(x, value):
    return value.dtype == x.type.dtype and value.shape == x.type.shape
