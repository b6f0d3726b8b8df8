"""Composites give way to the ops that they are made of.

This comes last: until then `softmax` is one node that rules can see.
"""
from cytensor._core import at_loc, rebuild, renewed, toposort


def expand(outputs):
    """Replace every composite by its parts, and those of them that are composites too.

    Parameters
    ----------
    outputs : sequence of Variable

    Returns
    -------
    list of Variable
    """
    return _replaced(outputs, _is_composite, _parts)


def inline(outputs):
    """Put the graphs of ops that stand for one in their place.

    This comes first, so that the rules see what there is.

    Parameters
    ----------
    outputs : sequence of Variable

    Returns
    -------
    list of Variable
    """
    return _replaced(outputs, _stands_for_graph, lambda node: node.op.traits["inline"](node))


def _is_composite(node):
    return node.op.kind == "composite"


def _stands_for_graph(node):
    return node.kind == "python" and "inline" in node.op.traits


def _parts(node):
    with at_loc(node.loc):
        parts = node.op.traits["expand"](*node.inputs, **node.params)
    return [parts] if node.op.nout == 1 else list(parts)


def _replaced(outputs, is_whole, parts_of):
    """Put what ``parts_of`` makes in the place of nodes, until ``is_whole`` finds none."""
    def change(node, now):
        return parts_of(renewed(node, now)) if is_whole(node) else None

    outputs = list(outputs)
    while True:
        nodes = toposort(outputs)
        if not any([is_whole(node) for node in nodes]):
            return outputs
        outputs = rebuild(outputs, change, nodes=nodes)
