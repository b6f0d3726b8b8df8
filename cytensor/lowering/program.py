"""From a rewritten graph to a program: what is computed, in which segment and order, and where to.

Within a segment, nodes of their own run as soon as they can, then all fused work that is ready,
and so on. Updates of shared variables come last (see ``updates.py``).
"""
from collections import deque

from cytensor._core import copy_apply, toposort
from cytensor._program import Program
from cytensor.lowering.emit import CODES, IN_CELL, IN_OUTPUT, ArrayTable, Emitter, loads_of
from cytensor.lowering.groups import FUSED, Fuser, Group, base_of
from cytensor.lowering.sizes import SIZE_ARGS, SizeSolver
from cytensor.lowering.tiles import is_count
from cytensor.lowering.updates import Updates
from cytensor.ops.elementwise import add

_FREE = ("view", "shape", "iota")       # nodes that are no work of their own


def lower(outputs, updates, inputs, cells, device):
    """Make a program.

    Parameters
    ----------
    outputs : list of Variable
        Results, in order.
    updates : list of (Variable, Variable)
        A shared variable and its new value.
    inputs, cells : list of Variable
        The arguments of the program, and the shared variables that it uses.
    device : object
        Where kernels are found; its ``capsule`` goes to the interpreter.

    Returns
    -------
    Program
        Its first outputs are the results, then come new values of shared variables.

    Raises
    ------
    NotImplementedError
        If the device has no kernel for an op.
    """
    return _Lowering(outputs, updates, inputs, cells, device).program()


def data_inputs(node):
    """The inputs of a node whose elements it reads; of the others only the sizes count."""
    if node.op.kind in ("shape", "iota"):
        return ()
    return node.inputs[:SIZE_ARGS.get(node.op.name, len(node.inputs))]


def materialise_counts(roots, stop):
    """Give 0, 1, 2, .. memory where something other than a fused group reads it.

    A single element of it may be a size, which is read from memory, too.
    """
    memo = {}

    def real(x):
        return add(x, 0) if is_count(x) else x

    for node in toposort(roots, stop):
        inputs = [memo.get(x, x) for x in node.inputs]
        needs_memory = node.op.kind not in FUSED and node.op.name not in (
            "dimshuffle", "broadcast_to", "subtensor", "assume_size", "iota", "shape_i")
        if needs_memory:
            count = SIZE_ARGS.get(node.op.name, len(inputs))
            inputs[:count] = [real(x) for x in inputs[:count]]
        elif node.op.kind == "view" and node.outputs[0].type.ndim == 0 and _is_made(inputs[0]):
            inputs[0] = add(inputs[0], 0)
        if any([a is not b for a, b in zip(inputs, node.inputs)]):
            memo.update(zip(node.outputs, copy_apply(node, inputs).outputs))
    return [real(memo.get(x, x)) for x in roots]


def _is_made(variable):
    """Whether a variable is a view of a size or a count, which have no memory."""
    owner = base_of(variable).owner
    return owner is not None and owner.op.kind in ("iota", "shape")


class _Lowering:

    def __init__(self, outputs, updates, inputs, cells, device):
        given = [*inputs, *cells]
        roots = materialise_counts([*outputs, *[new for _, new in updates]], given)
        self.outputs = roots[:len(outputs)]
        self.updated = list(zip([cell for cell, _ in updates], roots[len(outputs):]))
        self.cells = cells
        self.device = device
        self.solver = SizeSolver(given)
        self.arrays = ArrayTable(inputs, cells)
        self.nodes = toposort(roots, given)
        for node in self.nodes:
            self.solver.infer(node)
        self._find_work(roots)
        self._place_in_segments(roots)

    # ----- what has to be computed -----

    def _find_work(self, roots):
        """Find the nodes whose values are needed, not only their sizes, and who reads what."""
        self._memo, self._checked = {}, {}
        wanted = set(roots)
        self.work = []
        self.readers = {}               # variable -> nodes that read its memory
        self.loads = {}                 # node -> variables whose values its sizes depend on
        for node in reversed(self.nodes):
            if not any([out in wanted for out in node.outputs]):
                continue
            self.work.append(node)
            self.loads[node] = self._loads_of(node)
            wanted.update(self.loads[node])
            for x in data_inputs(node):
                wanted.add(x)
                if node.op.kind not in _FREE:
                    self.readers.setdefault(base_of(x), []).append(node)
        self.work.reverse()

    def _loads_of(self, node):
        sizes = [n for out in node.outputs for n in self.solver.shape(out)]
        if node.op.kind == "shape":
            sizes += [self.solver.value(node.outputs[0])]
        elif node.op.name in SIZE_ARGS:
            sizes += [self.solver.value(x) for x in node.inputs[SIZE_ARGS[node.op.name]:]]
        found = set()
        for size in sizes:
            found |= loads_of(size, self._memo, self.solver.canonical)
        return found

    def _is_computed(self, variable):
        return variable.owner is not None and not self.arrays.holds(variable)

    # ----- segments -----

    def _place_in_segments(self, roots):
        """A node runs in the first segment at whose beginning its sizes are known."""
        self.segment_of = {}            # variable -> segment that computes it
        self.by_segment = [[]]
        self.exports = {}               # segment -> variables that later segments read
        for node in self.work:
            segment = max([self.segment_of.get(x, 0) for x in data_inputs(node)], default=0)
            for load in self.loads[node]:
                if self._is_computed(load):
                    segment = max(segment, self.segment_of[load] + 1)
            for out in node.outputs:
                self.segment_of[out] = segment
            while len(self.by_segment) <= segment:
                self.by_segment.append([])
            if node.op.kind not in _FREE:
                self.by_segment[segment].append(node)
            self._note_exports(node, segment)
        for root in roots:              # a view may be late for the sake of its sizes alone
            self._export(base_of(root), self.segment_of.get(root, 0))

    def _note_exports(self, node, segment):
        bases = [] if node.op.kind in _FREE else [base_of(x) for x in data_inputs(node)]
        for x in bases:
            self._export(x, segment)
        for x in self.loads[node]:
            self._export(x, segment)
            self._export(base_of(x), self.segment_of.get(x, 0))

    def _export(self, x, segment):
        """Keep a value for a later segment; sizes and counts are made anew where they are read."""
        if self._is_computed(x) and x.owner.op.kind not in ("shape", "iota") \
                and self.segment_of[x] < segment:
            self.exports.setdefault(self.segment_of[x], {})[x] = None

    def _is_exported(self, variable):
        return variable in self.exports.get(self.segment_of.get(variable), ())

    # ----- the program -----

    def program(self):
        last = len(self.by_segment) - 1
        self.update_plan = Updates(self, last)
        fusers = [self._fuse(nodes, segment == last)
                  for segment, nodes in enumerate(self.by_segment)]
        self.commits = self.update_plan.order(fusers[-1])
        self.stored = self._find_stored(fusers)
        self.emitters = [Emitter(self.solver, self.device, self.arrays) for _ in fusers]
        self._place_outputs()
        for segment, fuser in enumerate(fusers):
            self._emit(segment, fuser, segment == last)
        return Program(self.device.capsule, self.arrays.rows,
                       [e.close() for e in self.emitters], self.output_rows,
                       self.update_plan.exchanged, self.update_plan.written)

    def _fuse(self, nodes, is_last):
        """Sort the nodes of a segment into units; updates come after all others."""
        fuser = Fuser(self.solver)
        commits = self.update_plan.nodes if is_last else ()
        self._fuse_wave(fuser, [n for n in nodes if n not in commits])
        fuser.first_commit = len(fuser.units)
        if commits:
            fuser.barrier()
            self._fuse_wave(fuser, [n for n in nodes if n in commits])
        return fuser

    def _fuse_wave(self, fuser, nodes):
        here = set(nodes)
        waiting, readers = {}, {}
        ready_alone, ready_fused = deque(), deque()
        in_fused = False

        def make_ready(node):
            (ready_fused if node.op.kind in FUSED else ready_alone).append(node)

        for node in nodes:
            sources = {base_of(x).owner for x in data_inputs(node)} & here
            waiting[node] = len(sources)
            for source in sources:
                readers.setdefault(source, []).append(node)
            if not sources:
                make_ready(node)
        while ready_alone or ready_fused:
            fused = bool(ready_fused) and (in_fused or not ready_alone)
            in_fused = fused            # all fused work that is ready comes in one go
            node = (ready_fused if fused else ready_alone).popleft()
            (fuser.fuse if fused else fuser.alone)(node)
            for reader in readers.get(node, ()):
                waiting[reader] -= 1
                if not waiting[reader]:
                    make_ready(reader)

    def _find_stored(self, fusers):
        """The values that need memory: those that are read outside the group that makes them."""
        stored = {base_of(v) for v in (*self.outputs, *[new for _, new in self.updated])}
        for exports in self.exports.values():
            stored.update([base_of(v) for v in exports])
        for fuser in fusers:
            for unit in fuser.units:
                if isinstance(unit, Group):
                    stored.update([base_of(o.variable) for m in unit.members
                                   for o in m.operands if o.axes is not None])
                else:
                    stored.update([base_of(x) for x in data_inputs(unit.node)])
        return stored

    # ----- outputs -----

    def _place_outputs(self):
        """Let results be computed where the user gets them; what cannot be, is copied."""
        self.output_rows = [(CODES[v.type.dtype], v.type.ndim) for v in self.outputs]
        self.copies = {}                # segment -> (variable, output)
        placed = set(self.update_plan.in_place)
        rows = [*enumerate(self.outputs)]
        for cell, new in self.updated:
            index = len(self.output_rows)
            self.output_rows.append((CODES[new.type.dtype], new.type.ndim))
            if new in self.update_plan.in_place:
                self.emitters[-1].place(new, IN_CELL, self.arrays.number(cell), index)
            else:
                rows.append((index, new))
                self.update_plan.exchanged.append((self.cells.index(cell), index))
        for index, v in rows:
            segment = self.segment_of.get(v, len(self.emitters) - 1)
            direct = (self._is_computed(v) and v.owner.op.kind not in _FREE
                      and v not in placed and not self._is_exported(v))
            if direct:
                placed.add(v)
                self.emitters[segment].place(v, IN_OUTPUT, index)
            else:
                self.copies.setdefault(segment, []).append((v, index))

    # ----- steps -----

    def _emit(self, segment, fuser, is_last):
        emitter = self.emitters[segment]
        for check in self.solver.checks:
            if self._segment_of_check(check) == segment:
                emitter.check(*check)
        for unit in fuser.units[:fuser.first_commit]:
            self._emit_unit(emitter, unit)
        for variable in self.exports.get(segment, ()):
            emitter.export(variable)
        for variable, index in self.copies.get(segment, ()):
            emitter.copy(variable, IN_OUTPUT, index)
        for unit in self.commits if is_last else ():
            self._emit_unit(emitter, unit, self.update_plan.aliases(unit), True)

    def _emit_unit(self, emitter, unit, aliases=(), commits=False):
        if isinstance(unit, Group):
            emitter.group(unit, self.stored, aliases, commits)
        elif unit.node.op.kind == "inc":
            emitter.increment(unit.node)
        elif unit.node.op.kind == "python":
            emitter.python(unit.node)
        else:
            emitter.kernel(unit.node, commits)

    def _segment_of_check(self, check):
        """The first segment that knows a check's numbers; None if no segment does."""
        segment = 0
        for load in loads_of(check[0], self._checked):
            if self._is_computed(load):
                if load not in self.segment_of:
                    return None
                segment = max(segment, self.segment_of[load] + 1)
        return segment
