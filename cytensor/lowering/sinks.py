"""scatter_add at the end of a group: what is added is computed tile by tile, and never stored.

When groups are complete, a ``scatter_add`` may become the *sink* of the map that makes what it
adds, if it is the only one to read that.
"""
from cytensor.lowering.groups import FULL, Group, Operand, base_of
from cytensor.lowering.tiles import is_one

_MOST_INDICES = 3
#: Ops that write to their first input.
_WRITES = ("gemm", "inc_subtensor", "scatter_add", "scatter_set")


class Sink:
    """A scatter_add, as a group does it.

    Attributes
    ----------
    node : Apply
    source : Operand
        What is added, which the group computes.
    table, indices : Operand, list of Operand
    """

    __slots__ = ("node", "source", "table", "indices")

    def __init__(self, node, source, table, indices):
        self.node = node
        self.source = source
        self.table = table
        self.indices = indices


def is_sink(node, variable):
    """Whether a node is a scatter_add that adds what lies in the memory of a variable."""
    return node.name == "scatter_add" and base_of(node.inputs[1]) is variable \
        and not any([base_of(x) is variable for x in (node.inputs[0], *node.inputs[2:])])


def attach_sinks(fuser, units, readers, is_kept):
    """Let each scatter_add among some units of a fuser join the group that makes what it adds.

    Parameters
    ----------
    fuser : Fuser
    units : list of Unit
    readers : dict of Variable to list of Apply
        Who reads the memory of what.
    is_kept : callable
        Whether a variable is needed in memory when the call, or the segment, has ended.

    Returns
    -------
    list of Unit
        Those that are left.
    """
    left, here = [], set(units)
    for unit in units:
        sink = _sink_of(fuser, unit, here, readers, is_kept)
        if sink is None:
            left.append(unit)
    return left


def _sink_of(fuser, unit, here, readers, is_kept):
    """Make a unit the sink of one that is here; return it, or None where it stays."""
    node = unit.node
    if node is None or node.name != "scatter_add":
        return None
    source, _ = fuser.source(node.inputs[1])
    group = fuser.unit_of.get(source.owner)
    if group not in here or is_kept(source) or readers.get(source) != [node] \
            or not is_sink(node, source):
        return None
    sink = _fit(fuser, group, source, node)
    if sink is not None:
        group.sinks.append(sink)
        fuser.unit_of[node] = group
    return sink


def _fit(fuser, group, source, node):
    """Return the node as a sink of the group, or None."""
    table, y, *indices = node.inputs
    if not _is_made_in_order(group, source) or len(indices) > _MOST_INDICES \
            or not all([_is_older(fuser, group, x) for x in (table, *indices)]) \
            or _reads(group, _written(table)) or not _fills(fuser, table, y, indices):
        return None
    real = [i for i, _ in fuser.dims(y)]
    if real[-1] < indices[0].type.ndim:
        return None                     # single elements: their own kernel is faster
    operand = fuser.full_operand(group, y, tuple(real))
    if operand is None:
        return None
    ndim = indices[0].type.ndim
    row = tuple([i - ndim + len(indices) if i >= ndim else -1 for i in real])
    places = []
    for x in indices:
        own = {i for i, _ in fuser.dims(x)}
        places.append(Operand(x, FULL, tuple([i if i in own else -1 for i in real])))
    return Sink(node, operand, Operand(node.outputs[0], FULL, row), places)


def _is_made_in_order(group, source):
    """Whether a group of arrays makes all of ``source``, from the first element to the last."""
    return isinstance(group, Group) and bool(group.space) and source not in group.borrowed \
        and source in group.values and group.values[source][0] == FULL \
        and list(group.reduced or ()) == sorted(group.reduced or ())


def _is_older(fuser, group, x):
    """Whether what a variable looks at lies in memory before the group runs."""
    unit = fuser.unit_of.get(base_of(x).owner)
    return unit is None or unit.number < group.number


def _written(table):
    """The variables that lie where a table does, if all that is written to it is in place."""
    found = [base_of(table)]
    while found[-1].owner is not None and found[-1].owner.name in _WRITES:
        found.append(base_of(found[-1].owner.inputs[0]))
    return found


def _reads(group, variables):
    """Whether a group reads the memory of some variables."""
    return any([o.axes is not None and base_of(o.variable) in variables
                for m in group.members for o in m.operands])


def _fills(fuser, table, y, indices):
    """Whether ``y`` has all the sizes of ``table[indices]``, so that nothing is repeated."""
    shape, canonical = fuser.solver.shape, fuser.solver.canonical
    sizes = [[n for n in axis if not is_one(n)] for axis in zip(*[shape(x) for x in indices])]
    sizes += [[n] for n in shape(table)[len(indices):]]
    return all([all([canonical(n) == canonical(m) for m in axis])
                for n, axis in zip(shape(y), sizes)])
