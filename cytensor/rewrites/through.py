"""SAFER, continued: what cancels, though a view stands between.

``log(sigmoid(x).flatten())`` is as dangerous as ``log(sigmoid(x))``, and so is its gradient: there
``g / part(s)`` is brought back into the shape of x, and meets ``s * (1 - s)`` only then.
"""
from cytensor.ops.elementwise import log, log1p, mul, sigmoid, softplus
from cytensor.ops.subtensor import inc_subtensor_op, subtensor
from cytensor.ops.views import dimshuffle_op, inverse_order, reshape_op
from cytensor.rewrites.patterns import NodeRule, Rule, any_param, holes, rest
from cytensor.rewrites.shapes import is_blank

x, = holes("x")
dims, indices = rest("dims"), rest("indices")
order, index = any_param("order"), any_param("index")

#: The views, as functions of what is viewed.
_VIEWS = [lambda x: reshape_op(x, dims), lambda x: dimshuffle_op(x, order=order),
          lambda x: subtensor(x, indices, index=index)]

SIGMOID_PARTS = [rule for part in _VIEWS for rule in (
    Rule(log(part(sigmoid(x))), -softplus(-part(x)), shared=True),
    Rule(log1p(-part(sigmoid(x))), -softplus(part(x)), shared=True),
    Rule(1 - part(sigmoid(x)), sigmoid(-part(x)), shared=True))]


# ----- quotients -----

_DEEP = 6               # nodes to look down for what cancels
_BACK = {reshape_op: reshape_op, dimshuffle_op: dimshuffle_op, inc_subtensor_op: subtensor}


def _undoes(back, view):
    """Whether the node ``back`` brings what has the shape of the node ``view`` back into place."""
    if view.op is not _BACK[back.op]:
        return False
    if back.op is dimshuffle_op:
        ndim = view.inputs[0].type.ndim
        return back.params["order"] == inverse_order(view.params["order"], ndim)
    if back.op is inc_subtensor_op:
        return (back.params["index"] == view.params["index"]
                and back.inputs[2:] == view.inputs[1:] and is_blank(back.inputs[0]))
    return True


def _views_within(g, back, depth=_DEEP):
    """Yield what ``g`` is computed of that ``back`` undoes, and None for each quotient."""
    node = g.owner
    if node is None or depth == 0:
        return
    if node.op.kind == "elementwise":
        if node.op.name == "true_div":
            yield None
        for v in node.inputs:
            yield from _views_within(v, back, depth - 1)
    elif _undoes(back, node):
        yield g


class _View:
    """A view that was found, to be applied to other arrays of the shape of the one it views."""

    def __init__(self, found):
        self.node = found[0].owner
        self.known = {v.owner.inputs[0]: v for v in found}
        self.has_met = False

    def of(self, y, depth=_DEEP):
        """Return the view of ``y``: ops on elements are applied to views. None if that fails."""
        if y in self.known:
            self.has_met = True
            return self.known[y]
        if y.type.ndim == 0:
            return y
        viewed = self.node.inputs[0]
        if y.type.shape != viewed.type.shape:
            return None
        if y.owner is None or y.owner.op.kind != "elementwise" or depth == 0:
            return self.node.op(y, *self.node.inputs[1:], **self.node.params)
        args = [self.of(v, depth - 1) for v in y.owner.inputs]
        return None if any([v is None for v in args]) else y.owner.op(*args, **y.owner.params)


def _multiply_before(node):
    """Multiply before the view is undone, if that brings a quotient together with what cancels."""
    for placed, y in (node.inputs, node.inputs[::-1]):
        back = placed.owner
        if back is None or back.op not in _BACK or placed.type.shape != y.type.shape:
            continue
        at = 1 if back.op is inc_subtensor_op else 0
        g = back.inputs[at]
        found = list(_views_within(g, back))
        views = [v for v in found if v is not None]
        if len(views) == len(found) or not views or views[0].type.shape != g.type.shape:
            continue
        view = _View(views)
        part = view.of(y)
        if part is None or not view.has_met or part.type.shape != g.type.shape:
            continue
        return back.op(*back.inputs[:at], g * part, *back.inputs[at + 1:], **back.params)
    return None


THROUGH = [*SIGMOID_PARTS,
           NodeRule("back(g / view(x)) * y -> back(g / view(x) * view(y))",
                    lambda op, heads: op is mul and any(head in _BACK for head in heads),
                    _multiply_before)]
