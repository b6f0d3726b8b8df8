"""SMALLER, continued: branches that are certain, checks that always hold, sizes that agree."""
from cytensor._core import Constant
from cytensor.ops.control import Assert, ifelse_op, split_branches
from cytensor.ops.views import shape_i_op
from cytensor.rewrites.patterns import NodeRule
from cytensor.rewrites.shapes import origin


def _certain_branch(node):
    """ifelse(true, x, y) is x; ifelse(c, x, x) is x."""
    if len(node.outputs) != 1:
        return None
    condition, then, other = node.inputs
    if isinstance(condition, Constant):
        return then if condition.data else other
    return then if then is other else None


def _size_of_branches(node):
    """The size of an ifelse whose branches have one size."""
    result, axis = node.inputs[0], node.params["axis"]
    then, other = [half[result.index] for half in split_branches(result.owner.inputs[1:])]
    size = origin(then, axis)
    return shape_i_op(then, axis=axis) if size == origin(other, axis) else None


def _uncertain(node):
    """Leave out the conditions of an assertion that hold for certain."""
    value, *conditions = node.inputs
    left = [c for c in conditions if not (isinstance(c, Constant) and c.data)]
    if len(left) == len(conditions):
        return None
    return node.op(value, *left) if left else value


def _on_ifelse(op, heads):
    return op is ifelse_op


def _size_of_ifelse(op, heads):
    return op is shape_i_op and heads[0] is ifelse_op


def _on_assert(op, heads):
    return isinstance(op, Assert)


CONTROL = [
    NodeRule("ifelse of a constant -> the branch", _on_ifelse, _certain_branch),
    NodeRule("the size of an ifelse -> that of its branches", _size_of_ifelse, _size_of_branches),
    NodeRule("assert(x, true) -> x", _on_assert, _uncertain),
]
