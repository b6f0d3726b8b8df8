"""SAFER, continued: what cancels, though views stand between.

``log(sigmoid(x).flatten())`` is as dangerous as ``log(sigmoid(x))``, and so is its gradient: there
``g / part(s)`` is brought back into the shape of x, and meets ``s * (1 - s)`` only then. A view
here is any op that moves elements and computes nothing; several may follow each other.
"""
from cytensor.ops.elementwise import add, log, log1p, mul, neg, sigmoid, softplus, sub
from cytensor.ops.gather import gather, pick, scatter_add, unpick
from cytensor.ops.softmax import logsoftmax_op, softmax_op
from cytensor.ops.subtensor import inc_subtensor_op, subtensor
from cytensor.ops.views import (
    broadcast_to_op, dimshuffle_op, inverse_order, reshape_op, stated_ones, unbroadcast_op)
from cytensor.rewrites.patterns import NodeRule, is_number
from cytensor.rewrites.shapes import is_blank, on

_DEEP = 6               # nodes to look down, or views in a row
#: What brings the gradient of a view back into place, and the view.
_BACK = {reshape_op: reshape_op, dimshuffle_op: dimshuffle_op, inc_subtensor_op: subtensor,
         scatter_add: gather, unpick: pick, unbroadcast_op: broadcast_to_op}
_VIEWS = (*_BACK.values(),)
_SUMS = (add, sub, neg)


# ----- logarithms -----

def _source(v):
    """Return the views above a value, the topmost first, and what they view."""
    views = []
    while v.owner is not None and v.owner.op in _VIEWS and len(views) < _DEEP:
        views.append(v.owner)
        v = v.owner.inputs[0]
    return views, v


def _viewed(view, y):
    """A view that a node has of its first input, of another value."""
    return view.op(y, *view.inputs[1:], **view.params)


def _through(views, y):
    for view in reversed(views):
        y = _viewed(view, y)
    return y


def _computed_by(v, op):
    return v.owner is not None and v.owner.op is op


def _without(v):
    """What ``v`` is 1 without, or None."""
    return v.owner.inputs[1] if _computed_by(v, sub) and is_number(v.owner.inputs[0], 1) else None


def _logit(v):
    """What ``v`` views the sigmoid of, viewed: None if it is not a view of a sigmoid."""
    views, s = _source(v)
    if _computed_by(s, sigmoid):
        return _through(views, s.owner.inputs[0])
    rest = _without(s)
    x = None if rest is None else _logit(rest)
    return None if x is None else _through(views, -x)


def _rest_of_rest(node):
    views, v = _source(node.inputs[1])
    s = _without(v)
    if s is None or not is_number(node.inputs[0], 1) or not _computed_by(s, sigmoid):
        return None
    return _through(views, s)


def _log_sigmoid(node):
    x = _logit(node.inputs[0])
    return None if x is None else -softplus(-x)


def _log_rest(node):
    x = _logit(node.inputs[0].owner.inputs[0])
    return None if x is None else -softplus(x)


def _log_softmax(node):
    views, p = _source(node.inputs[0])
    if not _computed_by(p, softmax_op):
        return None
    return _through(views, logsoftmax_op(*p.owner.inputs, **p.owner.params))


LOGARITHMS = [
    NodeRule("log(view(sigmoid(x))) -> -softplus(-view(x))", on(log, *_VIEWS), _log_sigmoid),
    NodeRule("log1p(-view(sigmoid(x))) -> -softplus(view(x))", on(log1p, neg), _log_rest),
    NodeRule("1 - view(1 - sigmoid(x)) -> view(sigmoid(x))",
             lambda op, heads: op is sub and heads[0] is True and heads[1] in (sub, *_VIEWS),
             _rest_of_rest),
    NodeRule("log(view(softmax(x))) -> view(logsoftmax(x))", on(log, *_VIEWS), _log_softmax),
]


# ----- quotients -----

def _at(back):
    """Which input of a node it brings into place."""
    return 1 if back.op in (inc_subtensor_op, scatter_add) else 0


def _align(x, y):
    """Whether two arrays that meet in one op have the same shape: neither is repeated."""
    return x.type.broadcastable == y.type.broadcastable


def _undoes(back, view):
    """Whether the node ``back`` brings what has the shape of the node ``view`` back into place."""
    if view is None or view.op is not _BACK[back.op]:
        return False
    if back.op is dimshuffle_op:
        ndim = view.inputs[0].type.ndim
        return back.params["order"] == inverse_order(view.params["order"], ndim)
    if back.op in (inc_subtensor_op, scatter_add):
        return (back.params.get("index") == view.params.get("index")
                and back.inputs[2:] == view.inputs[1:] and is_blank(back.inputs[0]))
    if back.op is unbroadcast_op:
        return back.params["axes"] == stated_ones(view.inputs[0], view.outputs[0])
    return back.op is reshape_op or back.inputs[1] is view.inputs[1]


def _first_view(v, backs):
    """The lowest of the views above ``v``, if ``backs``, the outermost first, undo all of them."""
    for back in reversed(backs):
        if not _undoes(back, v.owner):
            return None
        first, v = v, v.owner.inputs[0]
    return first


def _views_within(g, backs, depth=_DEEP):
    """Yield what ``g`` is computed of that ``backs`` undo, and None for each quotient."""
    node = g.owner
    if node is None or depth == 0:
        return
    first = _first_view(g, backs)
    if first is not None:
        yield first
    elif node.op in _BACK:
        yield from _views_within(node.inputs[_at(node)], [*backs, node], depth - 1)
    elif node.op.kind == "elementwise":
        if node.op.name == "true_div":
            yield None
        for v in node.inputs:
            yield from _views_within(v, backs, depth - 1)


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
        if not _align(y, viewed):
            return None
        if y.owner is None or y.owner.op.kind != "elementwise" or depth == 0:
            return _viewed(self.node, y)
        args = [self.of(v, depth - 1) for v in y.owner.inputs]
        return None if any([v is None for v in args]) else y.owner.op(*args, **y.owner.params)


def _placed_product(placed, y):
    """``placed * y`` with the product taken before ``placed`` is put in place, or None.

    That is so if it brings a quotient together with what cancels.
    """
    back = placed.owner
    if back is None or back.op not in _BACK or not _align(placed, y):
        return None
    at = _at(back)
    g = back.inputs[at]
    found = list(_views_within(g, [back]))
    views = [v for v in found if v is not None]
    if len(views) == len(found) or not views or not _align(views[0], g):
        return None
    view = _View(views)
    part = view.of(y)
    if part is None or not view.has_met or not _align(part, g):
        return None
    return back.op(*back.inputs[:at], g * part, *back.inputs[at + 1:], **back.params)


def _term_product(term, y, depth=_DEEP):
    """As `_placed_product`, if any of the terms of a sum can be multiplied so."""
    node = term.owner
    if node is None or node.op not in _SUMS or depth == 0:
        return _placed_product(term, y)
    products = [_term_product(v, y, depth - 1) for v in node.inputs]
    if not any([product is not None for product in products]):
        return None
    return node.op(*[v * y if product is None else product
                     for v, product in zip(node.inputs, products)])


def _multiply_before(node):
    a, b = node.inputs
    product = _term_product(a, b)
    return _term_product(b, a) if product is None else product


THROUGH = [*LOGARITHMS,
           NodeRule("back(g / view(x)) * y -> back(g / view(x) * view(y))",
                    lambda op, heads: op is mul and any(
                        head in _BACK or head in _SUMS for head in heads),
                    _multiply_before)]
