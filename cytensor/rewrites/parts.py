"""Parts of arrays: a sum of parts written into zeros is a join, and parts are taken early.

Both are what a recurrent cell needs: it slices one product into gates, and its gradient puts the
gradients of the gates together again.
"""
import itertools

from cytensor._core import replace, toposort
from cytensor.ops.elementwise import add
from cytensor.ops.registry import constant
from cytensor.ops.subtensor import WHOLE, inc_subtensor_op, subtensor
from cytensor.ops.views import as_size, join_op, sizes_of, spread
from cytensor.rewrites.shapes import is_blank


def parts(outputs):
    """Join what is added up from disjoint parts; take parts before elementwise work.

    Parameters
    ----------
    outputs : sequence of Variable

    Returns
    -------
    list of Variable
    """
    outputs = list(outputs)
    nodes = toposort(outputs)
    if any([node.op is inc_subtensor_op for node in nodes]):
        outputs = _join_parts(outputs, nodes)
    if any([node.op is subtensor for node in nodes]):
        outputs = _take_early(outputs)
    return outputs


# ----- sums of parts -----

def _join_parts(outputs, nodes):
    inner = {x for node in nodes if node.op is add for x in node.inputs}
    mapping = {}
    for node in nodes:
        if node.op is add and node.outputs[0] not in inner:
            joined = _joined(node.outputs[0])
            if joined is not None:
                mapping[node.outputs[0]] = joined
    return replace(outputs, mapping) if mapping else outputs


def _joined(x):
    """Return a sum as a join, if its terms are zeros but for parts that divide an axis."""
    pieces = [_piece(term) for term in _terms(x)]
    if None in pieces or len(pieces) < 2:
        return None
    axes = {axis for axis, _, _, _ in pieces}
    if len(axes) > 1:
        return None
    pieces.sort(key=lambda piece: piece[1])
    ends = [stop for _, _, stop, _ in pieces]
    starts = [start for _, start, _, _ in pieces]
    if starts[0] != 0 or starts[1:] != ends[:-1]:
        return None
    axis, values = axes.pop(), [y for _, _, _, y in pieces]
    if ends[-1] is None:
        return join_op(*values, axis=axis)
    if any([y.type.shape[axis] != stop - start for _, start, stop, y in pieces]):
        return None
    return join_op(*values, _zeros_behind(x, axis, ends[-1]), axis=axis)


def _zeros_behind(x, axis, stop):
    """Zeros in the shape of ``x`` from ``stop`` on: none, where the parts are all of an axis."""
    sizes = sizes_of(x)
    sizes[axis] = as_size(sizes[axis]) - stop
    return spread(constant(0, dtype=x.type.dtype), sizes)


def _terms(x):
    found, stack = [], [x]
    while stack:
        x = stack.pop()
        if x.owner is not None and x.owner.op is add:
            stack.extend(x.owner.inputs)
        else:
            found.append(x)
    return found


def _piece(term):
    """(axis, start, stop, value) of zeros with a value added to a slice of one axis; or None."""
    node = term.owner
    if node is None or node.op is not inc_subtensor_op or not is_blank(node.inputs[0]):
        return None
    y, index = node.inputs[1], node.params["index"]
    moved = [axis for axis, item in enumerate(index) if item != WHOLE]
    ones = [n == 1 for n in y.type.shape] != [n == 1 for n in term.type.shape]
    if len(moved) != 1 or y.type.ndim != term.type.ndim or ones:
        return None
    span = _span(index[moved[0]])
    if span is None:
        return None
    start, stop = span
    size = term.type.shape[moved[0]]
    return moved[0], start, None if stop == size else stop, y


def _span(item):
    """The (start, stop) of a plain slice whose ends are known and counted from the front."""
    if item[0] != "slice" or item[3] not in (None, 1):
        return None
    start, stop = item[1] or 0, item[2]
    if type(start) is not int or start < 0 or not (stop is None or type(stop) is int and stop >= 0):
        return None
    return start, stop


# ----- parts of elementwise results -----

def _take_early(outputs):
    """Let f(x, y)[a:b] be f(x[a:b], y[a:b]), where all that is read of f are disjoint parts."""
    nodes = toposort(outputs)
    users = {}
    for node in nodes:
        for x in node.inputs:
            users.setdefault(x, []).append(node)
    kept, pushed = set(outputs), {}
    for node in reversed(nodes):
        if node.op.kind == "elementwise" and node.outputs[0] not in kept:
            indices = _indices_of(node.outputs[0], users, pushed)
            if indices is not None:
                pushed[node.outputs[0]] = indices
    reads = [node for node in nodes if node.op is subtensor and node.inputs[0] in pushed]
    memo = {}
    mapping = {node.outputs[0]: _part_of(node.inputs[0], node.params["index"], pushed, memo)
               for node in reads}
    return replace(outputs, mapping) if mapping else outputs


def _indices_of(x, users, pushed):
    """The disjoint parts of ``x`` that are read, if nothing else of it is."""
    found = set()
    for node in users.get(x, ()):
        if node.op is subtensor and len(node.inputs) == 1:
            found.add(node.params["index"])
        elif node.outputs[0] in pushed and node.outputs[0].type.shape == x.type.shape:
            found |= pushed[node.outputs[0]]
        else:
            return None
    return found if len(found) > 1 and _are_disjoint(found) else None


def _are_disjoint(indices):
    """Whether slices divide one axis, and take the others whole."""
    spans, axes = [], set()
    for index in indices:
        moved = [axis for axis, item in enumerate(index) if item != WHOLE]
        span = _span(index[moved[0]]) if len(moved) == 1 else None
        if span is None:
            return False
        axes.add(moved[0])
        spans.append(span)
    spans.sort(key=lambda span: span[0])
    return len(axes) == 1 and all([a[1] is not None and a[1] <= b[0]
                                   for a, b in itertools.pairwise(spans)])


def _part_of(x, index, pushed, memo):
    """A part of ``x``, taken as early as may be."""
    key = (x, index)
    if key not in memo:
        if x in pushed:
            node = x.owner
            inputs = [_part_of(y, _index_for(y, x, index), pushed, memo) for y in node.inputs]
            memo[key] = node.op.apply(inputs, dict(node.params)).out
        else:
            memo[key] = x if all([item == WHOLE for item in index]) else subtensor(x, index=index)
    return memo[key]


def _index_for(y, x, index):
    """The part of an input that belongs to a part of an elementwise result."""
    extra = x.type.ndim - y.type.ndim
    items = index[max(extra, 0):]
    return tuple([WHOLE if y.type.shape[axis] == 1 and x.type.shape[axis + extra] != 1 else item
                  for axis, item in enumerate(items)])
