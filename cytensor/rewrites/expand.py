"""Composites give way to the ops that they are made of.

This comes last: until then `softmax` is one node that rules can see.
"""
from cytensor._core import at_loc, copy_apply, toposort


def expand(outputs):
    """Replace every composite by its parts, and those of them that are composites too.

    Parameters
    ----------
    outputs : sequence of Variable

    Returns
    -------
    list of Variable
    """
    outputs = list(outputs)
    while True:
        nodes = toposort(outputs)
        if not any([node.op.kind == "composite" for node in nodes]):
            return outputs
        outputs = _expand_once(nodes, outputs)


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
    outputs = list(outputs)
    while True:
        nodes = toposort(outputs)
        if not any([node.kind == "python" and "inline" in node.op.traits for node in nodes]):
            return outputs
        outputs = _expand_once(nodes, outputs)


def _expand_once(nodes, outputs):
    now = {}
    for node in nodes:
        if now and not now.keys().isdisjoint(node.inputs):
            copy = copy_apply(node, [now.get(x, x) for x in node.inputs])
            now.update(zip(node.outputs, copy.outputs))
        else:
            copy = node
        if node.op.kind == "composite":
            now.update(zip(node.outputs, _parts(copy)))
        elif node.kind == "python" and "inline" in node.op.traits:
            now.update(zip(node.outputs, copy.op.traits["inline"](copy)))
    return [now.get(out, out) for out in outputs]


def _parts(node):
    with at_loc(node.loc):
        parts = node.op.traits["expand"](*node.inputs, **node.params)
    return [parts] if node.op.nout == 1 else list(parts)
