"""Fusion: which elementwise nodes, reductions, picks and gathers run together, tile by tile.

A group computes over one space of axes. Every value in it has the linear order of the whole space
(FULL) or of the axes that are kept when the others are reduced (KEPT); see ``cpu/fused.h``.

Units (a group, or a node of its own) are numbered as they are made, and a unit only reads from
units with lower numbers: so a node may join a group if all that it reads from elsewhere is older
than the group. What else is ready is always taken first, so that groups begin late and grow wide.
"""
from collections import Counter

from numpy import dtype

FULL, KEPT = 0, 1
FUSED = ("elementwise", "reduce", "pick", "unpick")
SEARCHES = ("argmax", "argmin")
TRANSPARENT = ("dimshuffle", "broadcast_to", "reshape", "assume_size")

_MOST_INPUTS = 4                        # of an op of a tile program


#: Ops that cost less than reading their result.
CHEAP = frozenset((
    "add", "sub", "mul", "neg", "abs", "sqr", "maximum", "minimum", "fmax", "fmin", "switch",
    "eq", "neq", "lt", "le", "gt", "ge", "and_", "or_", "xor", "invert", "cast", "clip", "relu",
    "isnan", "isinf", "isfinite", "logical_and", "logical_or", "logical_xor", "logical_not",
    "floor", "ceil", "trunc", "sgn", "reciprocal", "real", "imag", "conj"))


class Operand:
    """One argument of a node in a group.

    Attributes
    ----------
    variable : Variable
        The value in the group (a node's output, past views that only add or drop axes of
        size 1 or repeat), or the array to load.
    level : int
        FULL or KEPT.
    axes : tuple of int, optional
        For an array: which of its axes each axis of the space is, or -1.
    """

    __slots__ = ("variable", "level", "axes")

    def __init__(self, variable, level, axes=None):
        self.variable = variable
        self.level = level
        self.axes = axes


class Member:
    """A node of a group: its level, its phase, and where its arguments come from."""

    __slots__ = ("node", "level", "phase", "operands")

    def __init__(self, node, level, phase, operands):
        self.node = node
        self.level = level
        self.phase = phase
        self.operands = operands


class Unit:
    """A node on its own, or a fused group."""

    def __init__(self, number, node=None):
        self.number = number
        self.node = node


class Group(Unit):
    """A fused group.

    Attributes
    ----------
    space : tuple of size
        The axes, none of which is known to have size 1.
    reduced : tuple of bool, or None
        Which axes its reductions take, once there is one.
    """

    def __init__(self, number, space):
        super().__init__(number)
        self.space = space
        self.reduced = None
        self.members = []
        self.sinks = []             # see ``sinks.py``
        self.values = {}            # variable -> (level, phase)
        self.borrowed = set()       # values that belong to another group and are made again
        self.loaded = Counter()     # how often each array is read from memory

    @property
    def nodes(self):
        """All nodes that it computes."""
        return [m.node for m in (*self.members, *self.sinks)]

    @property
    def trailing(self):
        """Whether the last axis is reduced, if any is: then work may go on after a reduction."""
        return not self.reduced or self.reduced[-1] or not any(self.reduced)

    @property
    def kept(self):
        """The sizes of the axes that are not reduced."""
        if self.reduced is None:
            return self.space
        return tuple([n for n, r in zip(self.space, self.reduced) if not r])

    def add(self, member, again=False):
        """Take a node in: ``again``, if another group has it, too."""
        self.members.append(member)
        self.loaded.update(_loads_of(member))
        for out in member.node.outputs:
            self.values[out] = (member.level, member.phase)
            if again:
                self.borrowed.add(out)

    def drop(self, members):
        """Give borrowed nodes back."""
        for member in members:
            self.remove(member)
            self.borrowed.difference_update(member.node.outputs)

    def remove(self, member):
        """Take a node out that no other one reads."""
        self.members.remove(member)
        if all([m.level == FULL and m.node.kind != "unpick" for m in self.members]):
            self.reduced = None
        self.loaded.subtract(_loads_of(member))
        for out in member.node.outputs:
            del self.values[out]

    def is_needed(self, member):
        """Whether the group reads what a node makes, or has what it searches."""
        outputs, x = member.node.outputs, member.operands[0]
        if member.node.name in SEARCHES and (x.axes is None or self.loaded[x.variable] > 1):
            return True
        return any([o.axes is None and o.variable in outputs
                    for m in self.members for o in m.operands])


def _loads_of(member):
    return [o.variable for o in member.operands if o.axes is not None]


class Fuser:
    """Sorts nodes into units.

    Parameters
    ----------
    solver : SizeSolver
    together : bool
        Whether a group may have several nodes.
    guests : collection of str
        Ops with kernels of their own that the groups of the device can compute, too.
    """

    def __init__(self, solver, together=True, guests=()):
        self.solver = solver
        self.together = together
        self.guests = guests if together else ()
        self.units = []
        self.unit_of = {}           # node -> unit
        self._dims = {}
        self._by_space = {}         # space -> its youngest group
        self._oldest = 0            # groups with lower numbers take no more nodes

    # ----- shapes without axes of size 1 -----

    def dims(self, variable):
        """Return (axis, size) of the axes that may not have size 1."""
        found = self._dims.get(variable)
        if found is None:
            canonical = self.solver.canonical
            found = self._dims[variable] = [
                (i, canonical(n)) for i, n in enumerate(self.solver.shape(variable))
                if not (type(n) is int and n == 1)]
        return found

    def space(self, variable):
        """Return the sizes that may not be 1, in order."""
        return tuple([n for _, n in self.dims(variable)])

    # ----- units -----

    def alone(self, node):
        """Give a node a unit of its own."""
        unit = Unit(len(self.units), node)
        self.units.append(unit)
        self.unit_of[node] = unit
        return unit

    def fuse(self, node):
        """Put a node into a group that is there, or into a new one."""
        space = self._space_of(node)
        for group in self._candidates(node, space) if self.together else ():
            if self._join(group, node):
                return group
        group = Group(len(self.units), space)
        self.units.append(group)
        self._join(group, node)
        self._by_space[space] = group
        return group

    def _join(self, group, node):
        """Put a node into a group, if it fits; return whether it does."""
        again = self._remake_inputs(group, node) if self.together else []
        member = self._fit(group, node)
        if member is None and again:
            group.drop(again)
            member = self._fit(group, node)
        if member is not None:
            group.add(member)
            self.unit_of[node] = group
        return member is not None

    # ----- nodes that have a kernel of their own, too -----

    def takes(self, node, readers, is_kept):
        """Whether a node is for groups.

        Parameters
        ----------
        node : Apply
        readers : dict of Variable to list of Apply
            Who reads the memory of what.
        is_kept : callable
            Whether a variable is needed in memory when the call, or the segment, has ended.
        """
        if node.kind in FUSED:
            return True
        if node.name not in self.guests:
            return False
        if node.name in SEARCHES:
            return self._is_at_hand(node, readers)
        out = node.outputs[0]
        return not is_kept(out) and self._stays_inside(node, readers.get(out, ()))

    def _is_at_hand(self, node, readers):
        """Whether a group computes, or reads anyway, the rows whose largest is looked for."""
        x, = node.inputs
        real, source = self.dims(x), self.source(x)[0].owner
        if not real or real[-1][0] != node.params["axis"] or x.type.dtype.startswith("complex"):
            return False
        if source is not None and (source.kind in FUSED or source.name == "gather"):
            return True
        return any([r.kind in FUSED and self._space_of(r) == self.space(x)
                    for r in readers.get(base_of(x), ())])

    def _stays_inside(self, node, readers):
        """Whether what a gather reads from its table need not lie in memory."""
        space = self.space(node.outputs[0])
        return bool(space and readers) and len(node.inputs) <= _MOST_INPUTS and all(
            [reader.kind in FUSED and self._space_of(reader) == space
             or reader.name in self.guests and self.space(reader.inputs[0]) == space
             for reader in readers])

    def settle(self):
        """Let guests that share nothing with their group run by themselves after all."""
        for group in [unit for unit in self.units if isinstance(unit, Group)]:
            guests = [m for m in group.members if m.node.kind not in FUSED
                      and not group.is_needed(m)]
            for member in guests:
                group.remove(member)
                self._put_after(group, member.node)
        self.units = [u for u in self.units if not isinstance(u, Group) or u.members]

    def _put_after(self, group, node):
        unit = Unit(group.number, node)
        self.units.insert(self.units.index(group) + 1, unit)
        self.unit_of[node] = unit

    def barrier(self):
        """Let no later node join a group that is there now."""
        self._by_space.clear()
        self._oldest = len(self.units)

    def _space_of(self, node):
        if node.kind in ("pick", "unpick"):
            return tuple([n for _, n in self._dims_of_picked(node)])
        takes_rows = node.kind == "reduce" or node.name in SEARCHES
        return self.space(node.inputs[0] if takes_rows else node.outputs[0])

    def _dims_of_picked(self, node):
        """The axes of the side of a pick that has whole rows: the last one is always there."""
        whole = node.inputs[0] if node.kind == "pick" else node.outputs[0]
        last = whole.type.ndim - 1
        real = self.dims(whole)
        return real if real and real[-1][0] == last else [*real, (last, 1)]

    def _candidates(self, node, space):
        """Groups that the node might join: those it reads from, then one with the same space."""
        found = []
        for x in node.inputs:
            source, _ = self.source(x)
            unit = self.unit_of.get(source.owner)
            if isinstance(unit, Group) and unit not in found:
                found.append(unit)
        found.sort(key=lambda unit: -unit.number)
        same = self._by_space.get(space)
        if same is not None and same not in found:
            found.append(same)
        return [unit for unit in found if unit.number >= self._oldest
                and self._is_younger(unit, node)]

    def _is_younger(self, group, node):
        """Whether all that the node reads from memory was written before the group runs."""
        for x in node.inputs:
            if self.source(x)[0] in group.values:
                continue
            unit = self.unit_of.get(base_of(x).owner)
            if unit is not None and unit.number >= group.number:
                return False
        return True

    # ----- arguments -----

    def source(self, x):
        """Look through views that keep the linear order.

        Returns
        -------
        source : Variable
        axes : list of int
            Which axis of the source each axis of ``x`` is, or -1.
        """
        axes = list(range(x.type.ndim))
        while x.owner is not None and x.owner.name in TRANSPARENT:
            step = self._look_through(x.owner)
            if step is None:
                break
            x = x.owner.inputs[0]
            axes = [step[a] if a >= 0 else -1 for a in axes]
        return x, axes

    def _look_through(self, node):
        """Which axis of its input each axis of a view's output is; None for other views."""
        x, out = node.inputs[0], node.outputs[0]
        if node.name == "dimshuffle":
            return list(node.params["order"])
        if node.name == "assume_size":
            return list(range(x.type.ndim))
        if node.name == "broadcast_to":
            extra = out.type.ndim - x.type.ndim
            small = {i for i, _ in self.dims(x)}
            return [a - extra if a - extra in small else -1 for a in range(out.type.ndim)]
        old, new = self.dims(x), self.dims(out)
        if [n for _, n in old] != [n for _, n in new]:
            return None
        axes = [-1] * out.type.ndim
        for (i, _), (j, _) in zip(old, new):
            axes[j] = i
        return axes

    def _operand(self, group, x, places, kept_places):
        """How a node in ``group`` reads ``x``; None if it cannot.

        ``places`` says which axis of x each axis of the space is, or -1; ``kept_places`` the same
        for the kept axes alone, where the node is on that level, else None.
        """
        source, axes = self.source(x)
        if source in group.values:
            return self._inner(group, source, axes, places, kept_places)
        return Operand(x, FULL if kept_places is None else KEPT, places)

    def _inner(self, group, source, axes, places, kept_places):
        """An argument that the group itself computes: its axes must lie where the group's are."""
        level, _ = group.values[source]
        real = [i for i, _ in self.dims(source)]
        here = [axes[p] if p >= 0 else -1 for p in places]
        here = [a if a in real else -1 for a in here]
        if level == FULL:
            wanted = real if len(real) == len(group.space) else None
        else:
            it = iter(real)
            wanted = [-1 if r else next(it) for r in group.reduced or (False,) * len(here)]
        if here != wanted or (level == FULL and kept_places is not None):
            return None
        return Operand(source, level)

    # ----- values that are made again -----

    def _remake_inputs(self, group, node):
        """Let a group compute again what would cost as much to read from memory.

        The group that computed it before need not write it then. Returns the new members.
        """
        made = []
        for x in node.inputs:
            bases = self._bases(group, x)
            if bases is None:
                continue
            new = sum([itemsize(base) for base in bases if not group.loaded[base]])
            if new <= itemsize(x):
                self._remake(group, self.source(x)[0], made)
        return made

    def _bases(self, group, x, depth=3):
        """The arrays of the group's size from which additions and the like lead to ``x``.

        None where that is no way.
        """
        source, _ = self.source(x)
        if source in group.values or self.space(source) != group.space:
            return set()
        home, node = self.unit_of.get(source.owner), source.owner
        if not isinstance(home, Group) or source not in home.values:
            return None if node is not None and node.kind == "view" else {source}
        if depth == 0 or node.kind != "elementwise" or node.name not in CHEAP:
            return None
        found = [self._bases(group, y, depth - 1) for y in node.inputs]
        return None if None in found else set().union(*found)

    def _remake(self, group, x, made):
        """Put the node that makes ``x``, and those that it needs, into another group, too."""
        home = self.unit_of.get(x.owner)
        if x in group.values or not isinstance(home, Group) or self.space(x) != group.space:
            return
        for y in x.owner.inputs:
            self._remake(group, self.source(y)[0], made)
        member = self._fit(group, x.owner)
        if member is not None and member.level == FULL:
            group.add(member, again=True)
            made.append(member)

    # ----- whether a node fits -----

    def _fit(self, group, node):
        """Return the node as a member of the group, or None."""
        kind = node.kind
        if kind == "elementwise":
            return self._fit_elementwise(group, node)
        if kind == "reduce":
            return self._fit_reduce(group, node, node.params["axis"])
        if node.name == "gather":
            return self._fit_gather(group, node)
        if node.name in SEARCHES:
            return self._fit_reduce(group, node, (node.params["axis"],))
        return self._fit_pick(group, node)

    def _fit_elementwise(self, group, node):
        out = node.outputs[0]
        real = self.dims(out)
        sizes = tuple([n for _, n in real])
        if sizes == group.space:
            levels = (FULL, KEPT) if not sizes and group.reduced is not None else (FULL,)
        elif group.reduced is not None and sizes == group.kept:
            levels = (KEPT,)
        else:
            return None
        for level in levels:
            member = self._elementwise_at(group, node, level, [i for i, _ in real])
            if member is not None:
                return member
        return None

    def _elementwise_at(self, group, node, level, real):
        ndim = node.outputs[0].type.ndim
        if level == KEPT:
            it = iter(real)
            real = [-1 if r else next(it) for r in group.reduced]
        operands = []
        for x in node.inputs:
            shift = ndim - x.type.ndim
            own = {i for i, _ in self.dims(x)}
            places = tuple([a - shift if a >= 0 and a - shift in own else -1 for a in real])
            operands.append(self._operand(group, x, places, places if level == KEPT else None))
        return self._member(group, node, level, operands)

    def _member(self, group, node, level, operands):
        """Make a member, with the phase in which its arguments are there."""
        if None in operands:
            return None
        phase = 0 if level == FULL else -1
        inner = False
        for operand in operands:
            known = group.values.get(operand.variable) if operand.axes is None else None
            if known is None:
                continue
            inner = True
            their_level, their_phase = known
            after = level == FULL and their_level == KEPT
            phase = max(phase, their_phase + 1 if after else their_phase)
        if level == KEPT and not inner:
            return None                     # nothing ties it to this group
        if not group.trailing and phase > 0:
            return None                     # a column group has one phase
        if not group.trailing and level == FULL and any(
                [o.level == KEPT for o in operands]):
            return None
        return Member(node, level, phase, operands)

    def _reduced_mask(self, x, axes):
        return tuple([i in axes for i, _ in self.dims(x)])

    def _takes_mask(self, group, mask):
        """Whether the group's reductions may be over the axes of ``mask``."""
        if group.reduced is not None:
            return group.reduced == mask
        return True

    def _fit_reduce(self, group, node, axis):
        x = node.inputs[0]
        mask = self._reduced_mask(x, axis)
        if self.space(x) != group.space or not self._takes_mask(group, mask):
            return None
        before = group.reduced
        group.reduced = mask
        places = tuple([i for i, _ in self.dims(x)])
        operand = self.full_operand(group, x, places)
        member = None
        if operand is not None and any(mask):
            member = self._reduction(group, node, operand)
        elif operand is not None:           # over axes of size 1 alone: a copy
            member = self._member(group, node, FULL, [operand])
        if member is None:
            group.reduced = before
        elif not any(mask):
            group.reduced = before
        return member

    def full_operand(self, group, x, places):
        """An argument over the whole space, as reductions and picks want it."""
        source, axes = self.source(x)
        if source in group.values:
            operand = self._inner(group, source, axes, places, None)
            return operand if operand is not None and operand.level == FULL else None
        return Operand(x, FULL, places)

    def _reduction(self, group, node, operand):
        phase = group.values[operand.variable][1] if operand.axes is None else 0
        if not group.trailing and phase > 0:
            return None
        return Member(node, KEPT, phase, [operand])

    def _fit_pick(self, group, node):
        """pick(x, i) reads a whole row; unpick(g, i, n) makes one."""
        picks = node.kind == "pick"
        real = self._dims_of_picked(node)
        if tuple([n for _, n in real]) != group.space:
            return None
        mask = (False,) * (len(real) - 1) + (True,)
        if not self._takes_mask(group, mask):
            return None
        before, group.reduced = group.reduced, mask
        member = self._pick_member(group, node, picks, [i for i, _ in real])
        if member is None:
            group.reduced = before
        return member

    def _pick_member(self, group, node, picks, real):
        rows = [-1 if r else i for i, r in zip(real, group.reduced)]
        operands, phase = [], 0
        for k, x in enumerate(node.inputs[:2]):
            if picks and k == 0:
                operand = self.full_operand(group, x, tuple(real))
            else:
                own = {i for i, _ in self.dims(x)}
                places = tuple([a if a in own else -1 for a in rows])
                operand = self._operand(group, x, places, places)
            if operand is None:
                return None
            operands.append(operand)
            if operand.axes is None:
                level, theirs = group.values[operand.variable]
                phase = max(phase, theirs if level == FULL else theirs + 1)
        return Member(node, KEPT if picks else FULL, phase, operands)

    def _fit_gather(self, group, node):
        """The first axes of the result are those of the indices, the others are the table's."""
        out, (table, *indices) = node.outputs[0], node.inputs
        real = [i for i, _ in self.dims(out)]
        if self.space(out) != group.space \
                or any([self.source(x)[0] in group.values for x in node.inputs]):
            return None
        ndim = indices[0].type.ndim
        row = tuple([i - ndim + len(indices) if i >= ndim else -1 for i in real])
        operands = [Operand(table, FULL, row)]
        for x in indices:
            own = {i for i, _ in self.dims(x)}
            operands.append(Operand(x, FULL, tuple([i if i in own else -1 for i in real])))
        return Member(node, FULL, 0, operands)


def itemsize(variable):
    """The bytes of an element."""
    return dtype(variable.type.dtype).itemsize


def base_of(variable):
    """Return the variable whose memory a chain of views looks at."""
    while variable.owner is not None and variable.owner.kind == "view":
        variable = variable.owner.inputs[0]
    return variable
