"""Updates of shared variables: which are written in place, and in which order.

A call must change nothing unless all of it succeeds. So the last work of each update, of a kind
that cannot fail, is kept back until everything else is done. There it may write over the old
value, if no one reads that afterwards. What does not fit is computed into a new array, and the
arrays are exchanged when the call has succeeded.
"""
from cytensor.lowering.groups import FUSED, KEPT, Group, base_of
from cytensor.lowering.sinks import is_sink

_NEVER_FAILS = ("elementwise", "reduce")
#: Those of the ops below that fail for an index out of bounds: this is looked at beforehand.
SCATTERS = ("scatter_add", "scatter_set")
#: Ops that write to a part of their first input, or to all of it.
_WRITES = ("gemm", "inc_subtensor", *SCATTERS)


class Updates:
    """Plans the updates of one program.

    Attributes
    ----------
    nodes : set of Apply
        The work that is kept back.
    in_place : dict of Variable to Variable
        New values that are written over the old ones: new value -> shared variable.
    exchanged : list of (int, int)
        (cell, output) of all others.
    written : list of int
        The cells that change.
    """

    def __init__(self, lowering, last):
        self._readers = lowering.readers
        self._cells = {cell for cell, _ in lowering.updated}
        self._solver = lowering.solver
        self.exchanged = []
        cells = {cell: i for i, cell in enumerate(lowering.cells)}
        self.written = sorted([cells[cell] for cell, _ in lowering.updated])
        held = {base_of(v) for v in lowering.outputs}
        times = {}
        for _, new in lowering.updated:
            times[new] = times.get(new, 0) + 1
        exported = {base_of(v) for vs in lowering.exports.values() for v in vs}
        self._held = held | exported | {base_of(new) for _, new in lowering.updated}
        self._chains = {}           # new value -> nodes that write to its cell, the last first
        roots = {new: cell for cell, new in lowering.updated
                 if self._is_candidate(lowering, cell, new, last) and new not in held
                 and times[new] == 1}
        self.nodes = self._keep_back(lowering.by_segment[last], roots)
        self.in_place = roots

    def _is_candidate(self, lowering, cell, new, last):
        node = new.owner
        if not lowering.inplace or node is None:
            return False
        if lowering.arrays.holds(new) or self._readers.get(new):
            return False
        if lowering.segment_of.get(new) != last:
            return False
        if node.name in _WRITES:
            return self._find_chain(cell, new, lambda x: lowering.segment_of.get(x) == last)
        return node.op.kind in _NEVER_FAILS

    def _find_chain(self, cell, new, is_last):
        """Note the nodes that write to a cell one after the other; return whether that is all."""
        chain, x = [], new
        while x is not cell:
            node = x.owner
            if node is None or node.name not in _WRITES or not is_last(x):
                return False
            if any([base_of(y) is cell for y in node.inputs[1:]]):
                return False
            if chain and (x in self._held or self._readers[x] != chain[-1:]):
                return False
            chain.append(node)
            x = node.inputs[0]
        self._chains[new] = chain
        return True

    def written_with(self, new):
        """The values that lie one after the other where a new value is made, itself included."""
        return [node.outputs[0] for node in self._chains.get(new, ())] or [new]

    def _keep_back(self, nodes, roots):
        """The roots, and the work on the same axes that serves them alone."""
        chosen = {node for new in roots for node in self._chains.get(new, ())}
        for node in reversed(nodes):
            out = node.outputs[0]
            if out in roots:
                chosen.add(node)
            elif (node.op.kind in _NEVER_FAILS and out not in self._held
                    and self._serves(out, chosen)):
                chosen.add(node)
        for node in [node for node in chosen if node.name == "scatter_add"]:
            chosen -= self._dear_work(node, chosen)
        return chosen

    def _dear_work(self, node, chosen):
        """The work that serves a scatter_add, if what it reads takes more memory than it makes."""
        work, waiting = set(), [base_of(node.inputs[1]).owner]
        while waiting:
            maker = waiting.pop()
            if maker in chosen and maker not in work:
                work.add(maker)
                waiting += [base_of(x).owner for x in maker.inputs]
        read = {base_of(x) for maker in work for x in maker.inputs}
        stored = [x for x in read if x.owner is not None and x.owner not in work
                  and (x.owner.kind in FUSED or x.owner.name == "gather")
                  and self._same_space(x, node.inputs[1])]
        return work if len(stored) > 1 else set()

    def _serves(self, out, chosen):
        readers = self._readers.get(out, ())
        if [r.name for r in readers] == ["scatter_add"]:
            return self._feeds(out, readers[0], chosen)
        return bool(readers) and all(
            [r in chosen and r.op.kind == "elementwise" and self._same_space(out, r.outputs[0])
             for r in readers])

    def _feeds(self, out, node, chosen):
        """Whether a scatter_add that is kept back may add what its group computes."""
        return node in chosen and is_sink(node, out) and out.owner.op.kind == "elementwise" \
            and not any([base_of(x) in self._cells for x in out.owner.inputs])

    def _same_space(self, a, b):
        shape = self._solver.shape
        canonical = self._solver.canonical
        return [canonical(n) for n in shape(a)] == [canonical(n) for n in shape(b)]

    # ----- order -----

    def order(self, fuser):
        """Sort the units that were kept back: who reads an old value runs before it is overwritten.

        An update that reads an old value askew, or that is part of a circle, is exchanged instead.
        """
        units = fuser.commits
        for new in list(self.in_place):
            if not self._reads_straight(fuser, new):
                del self.in_place[new]
        while True:
            done, stuck = self._sort(units)
            if not stuck:
                return done
            for unit in stuck:
                made = self._made_by(unit)
                if made:
                    del self.in_place[made[0]]
                    break

    def aliases(self, unit):
        """Which outputs of a unit overwrite which of its inputs."""
        if not isinstance(unit, Group):
            return {}
        read = {o.variable for m in unit.members for o in m.operands if o.axes is not None}
        return {new: self.in_place[new] for new in self._made_by(unit)
                if self.in_place[new] in read}

    def _made_by(self, unit):
        return [out for node in _nodes_of(unit) for out in node.outputs if out in self.in_place]

    def _first_made_by(self, unit):
        """The new values that a unit begins to write."""
        nodes = _nodes_of(unit)
        return [new for new in self.in_place
                if self._chains.get(new, [new.owner])[-1] in nodes]

    def _reads_straight(self, fuser, new):
        """Whether the unit that makes a new value reads the old one element by element."""
        unit, cell = fuser.unit_of[new.owner], self.in_place[new]
        if not isinstance(unit, Group) or new not in unit.values:
            return True                     # a group reads nothing that its sinks write to
        level, _ = unit.values[new]
        real = iter([i for i, _ in fuser.dims(new)])
        places = tuple([-1 if level == KEPT and r else next(real)
                        for r in unit.reduced or (False,) * len(unit.space)])
        return all([o.variable is cell and o.level == level and o.axes == places
                    for m in unit.members for o in m.operands
                    if o.axes is not None and base_of(o.variable) is cell])

    def _sort(self, units):
        """Return (units in order, units of a circle)."""
        writers = {self.in_place[new]: unit for unit in units for new in self._first_made_by(unit)}
        makers = {out: unit for unit in units for node in _nodes_of(unit)
                  for out in node.outputs}
        before = {unit: set() for unit in units}
        for unit in units:
            for base in {base_of(x) for node in _nodes_of(unit) for x in node.inputs}:
                if base in makers and makers[base] is not unit:
                    before[unit].add(makers[base])
                if base in writers and writers[base] is not unit:
                    before[writers[base]].add(unit)
        done = []
        waiting = list(units)
        while waiting:
            ready = [u for u in waiting if not before[u].difference(done)]
            if not ready:
                return done, waiting
            done += ready
            waiting = [u for u in waiting if u not in ready]
        return done, []


def _nodes_of(unit):
    return unit.nodes if isinstance(unit, Group) else [unit.node]
