"""Common subexpressions: what is computed twice from the same is computed once.

Users write equal expressions, and gradients repeat the forward pass; later passes compare
variables by identity. Equal constants become one as well.
"""
from cytensor._core import Constant, TensorType, copy_apply, toposort, type_key

_BIG = 1 << 12          # constants of more bytes are not compared by their content


def intern(outputs):
    """Merge equal nodes and equal constants.

    Parameters
    ----------
    outputs : sequence of Variable

    Returns
    -------
    list of Variable
        Of equal nodes the first one stays, with its name and its source line.
    """
    seen, constants, now = {}, {}, {}
    for node in toposort(outputs):
        inputs = [_first(x, constants) if isinstance(x, Constant) else now.get(x, x)
                  for x in node.inputs]
        key = (node.key, *inputs)
        first = seen.get(key)
        if first is None:
            first = node if _same_inputs(inputs, node) else copy_apply(node, inputs)
            seen[key] = first
        if first is not node:
            now.update(zip(node.outputs, first.outputs))
    return [now.get(out, out) for out in outputs]


def _same_inputs(inputs, node):
    return all([a is b for a, b in zip(inputs, node.inputs)])


def _first(x, constants):
    """Return the first constant that equals ``x`` bit for bit."""
    if not isinstance(x.type, TensorType) or x.data.nbytes > _BIG:
        return x
    return constants.setdefault((type_key(x.type), x.data.tobytes()), x)
