"""From a rewritten graph to a program: what is computed, in which segment and order, and where to.

Within a segment, nodes of their own run as soon as they can, then all fused work that is ready,
and so on. Updates of shared variables come last (see ``updates.py``).
"""
from collections import deque

from cytensor._core import TensorType, copy_apply, rebuild, toposort
from cytensor._program import OBJECT_DTYPE, Program
from cytensor.lowering.branches import compile_branches, has_branches
from cytensor.lowering.emit import IN_CELL, IN_OUTPUT, ArrayTable, Emitter, layout, loads_of
from cytensor.lowering.groups import FUSED, Fuser, Group, base_of
from cytensor.lowering.loops import lower_loop
from cytensor.lowering.sinks import attach_sinks
from cytensor.lowering.sizes import SIZE_ARGS, SizeSolver
from cytensor.lowering.tiles import is_count
from cytensor.lowering.updates import SCATTERS, Updates
from cytensor.ops.elementwise import add
from cytensor.ops.views import keeps_order

_FREE = ("view", "shape", "iota")       # nodes that are no work of their own
#: What reads 0, 1, 2, .. without memory.
_COUNTS_SERVE = ("dimshuffle", "broadcast_to", "subtensor", "assume_size", "iota", "shape_i")


def lower(outputs, updates, inputs, cells, device, fused=True, inplace=True):
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
    fused : bool
        Whether several ops may run as one step.
    inplace : bool
        Whether updates may overwrite the old values of shared variables.

    Returns
    -------
    Program
        Its first outputs are the results, then come new values of shared variables.

    Raises
    ------
    NotImplementedError
        If the device has no kernel for an op.
    """
    return _Lowering(outputs, updates, inputs, cells, device, fused, inplace).program()


def data_span(node):
    """From where to where a node reads the elements of its inputs; the others are sizes."""
    if node.kind in ("shape", "iota"):
        return slice(0, 0)
    first = 1 if node.kind == "scan" else 0         # the number of steps
    return slice(first, SIZE_ARGS.get(node.name, len(node.inputs)))


def materialise_counts(roots, nodes):
    """Give 0, 1, 2, .. memory where something other than a fused group reads it.

    A single element of it may be a size, which is read from memory, too.
    """
    return [_real(x) for x in rebuild(roots, _read_from_memory, nodes=nodes)]


def _read_from_memory(node, now):
    """The outputs of a node whose inputs lie in memory where it reads that; None as it is."""
    inputs = [now.get(x, x) for x in node.inputs]
    if node.kind not in FUSED and node.name not in _COUNTS_SERVE:
        data = data_span(node)
        inputs[data] = [_real(x) for x in inputs[data]]
    elif node.kind == "view" and node.outputs[0].type.ndim == 0 and _is_made(inputs[0]):
        inputs[0] = add(inputs[0], 0)
    same = all([a is b for a, b in zip(inputs, node.inputs)])
    return None if same else copy_apply(node, inputs).outputs


def _real(x):
    return add(x, 0) if is_count(x) else x


def _is_made(variable):
    """Whether a variable is a view of a size or a count, which have no memory."""
    owner = base_of(variable).owner
    return owner is not None and owner.kind in ("iota", "shape")


def is_number(node):
    """Whether a node computes one number from others."""
    return all([x.type.ndim == 0 for x in (*node.inputs, *node.outputs)])


def _in_one_block(x):
    """The value that lies in memory, as one block, as ``x`` does: past changes of shape alone."""
    while x.owner is not None and (
            x.owner.op.name == "reshape" or x.owner.op.name == "dimshuffle"
            and keeps_order(x.owner.params["order"])):
        x = x.owner.inputs[0]
    return x


class _Lowering:

    def __init__(self, outputs, updates, inputs, cells, device, fused, inplace):
        given = [*inputs, *cells]
        self.fused = fused
        self.inplace = inplace
        self.device = device
        roots = [*outputs, *[new for _, new in updates]]
        nodes = toposort(roots, given)
        if has_branches(nodes):
            roots = compile_branches(roots, given, self._lower_branch)
            nodes = toposort(roots, given)
        roots = materialise_counts(roots, nodes)
        self.outputs = roots[:len(outputs)]
        self.updated = list(zip([cell for cell, _ in updates], roots[len(outputs):]))
        self.cells = cells
        self.solver = SizeSolver(given)
        self.arrays = ArrayTable(inputs, cells)
        self.loops = {}
        self.nodes = toposort(roots, given)
        for node in self.nodes:
            self.solver.infer(node)
        self._find_work(roots)
        self._place_in_segments(roots)

    def _lower_branch(self, outputs, inputs):
        return lower(outputs, [], inputs, [], self.device, self.fused, self.inplace)

    # ----- what has to be computed -----

    def _find_work(self, roots):
        """Find the nodes whose values are needed, not only their sizes, and who reads what."""
        self._memo, self._checked = {}, {}
        wanted = set(roots)
        self.held = {base_of(root) for root in roots}
        for condition, *_ in self.solver.checks:
            wanted.update(loads_of(condition, self._checked))
        self.work = []
        self.readers = {}               # variable -> nodes that read its memory
        self.loads = {}                 # node -> variables whose values its sizes depend on
        self.reads = {}                 # node -> the inputs whose elements it reads
        self.bases = {}                 # node -> the variables whose memory it reads
        for node in reversed(self.nodes):
            if wanted.isdisjoint(node.outputs):
                continue
            self.work.append(node)
            reads = self.reads[node] = node.inputs[data_span(node)]
            self.loads[node] = self._loads_of(node)
            wanted.update(self.loads[node])
            wanted.update(reads)
            if node.kind not in _FREE:
                bases = self.bases[node] = [base_of(x) for x in reads]
                for x in bases:
                    self.readers.setdefault(x, []).append(node)
        self.work.reverse()

    def _loads_of(self, node):
        sizes = [n for out in node.outputs for n in self.solver.shape(out)]
        if node.kind == "shape":
            sizes += [self.solver.value(node.outputs[0])]
        elif node.kind == "scan":
            loop = self._loop(node)
            known = loop.known_inputs() if loop is not None else []
            sizes += [self.solver.value(x) for x in (node.inputs[0], *known)]
        elif node.name in SIZE_ARGS:
            sizes += [self.solver.value(x) for x in node.inputs[SIZE_ARGS[node.name]:]]
        found = set()
        for size in sizes:
            found |= loads_of(size, self._memo, self.solver.canonical)
        found = found.difference(node.outputs)      # its own sizes come with it
        if node.kind == "python" or not self.solver.late:
            return found
        return found.union([x for x in self.reads[node] if x in self.solver.late])

    def _is_object(self, variable):
        """Whether a variable is a Python object, or an array that a step in Python makes."""
        return variable in self.solver.late or not isinstance(variable.type, TensorType)

    def _loop(self, node):
        """What runs a scan; None if it runs in Python."""
        if node not in self.loops:
            late = not self.solver.late.isdisjoint(node.outputs)
            self.loops[node] = None if late else lower_loop(
                node, self.device, lower, self.fused)
        return self.loops[node]

    def _is_computed(self, variable):
        return variable.owner is not None and not self.arrays.holds(variable)

    # ----- segments -----

    def _place_in_segments(self, roots):
        """A node runs in the first segment at whose beginning its sizes are known."""
        self.segment_of = {}            # variable -> segment that computes it
        self.by_segment = [[]]
        self.exports = {}               # segment -> variables that later segments read
        for node in self.work:
            segment = max([self.segment_of.get(x, 0) for x in self.reads[node]], default=0)
            for load in self.loads[node]:
                if self._is_computed(load):
                    segment = max(segment, self.segment_of[load] + 1)
            for out in node.outputs:
                self.segment_of[out] = segment
            while len(self.by_segment) <= segment:
                self.by_segment.append([])
            if node.kind not in _FREE:
                self.by_segment[segment].append(node)
            if segment > 0:
                self._note_exports(node, segment)
        for root in roots:              # a view may be late for the sake of its sizes alone
            self._export(base_of(root), self.segment_of.get(root, 0))
        for check in self.solver.checks:
            self._place_check(check)

    def _place_check(self, check):
        """Make sure that there is a segment in which the numbers of a check are known."""
        segment = self._segment_of_check(check)
        while len(self.by_segment) <= segment:
            self.by_segment.append([])
        for load in loads_of(check[0], self._checked):
            self._export(load, segment)
            self._export(base_of(load), self.segment_of.get(load, 0))

    def _note_exports(self, node, segment):
        for x in self.bases.get(node, ()):
            self._export(x, segment)
        for x in self.loads[node]:
            self._export(x, segment)
            self._export(base_of(x), self.segment_of.get(x, 0))

    def _export(self, x, segment):
        """Keep a value for a later segment; sizes and counts are made anew where they are read."""
        if self._is_computed(x) and x.owner.kind not in ("shape", "iota") \
                and isinstance(x.type, TensorType) and self.segment_of[x] < segment:
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
        self.read = self._find_read(fusers)
        self.stored = self.read.union(self.held)
        self.emitters = [Emitter(self.solver, self.device, self.arrays) for _ in fusers]
        self._place_outputs()
        for segment, fuser in enumerate(fusers):
            self._place_views(segment, fuser)
            self._place_parts(segment, fuser)
            self._emit(segment, fuser, segment == last)
        return Program(self.device.capsule, self.arrays.rows,
                       [e.close() for e in self.emitters], self.output_rows,
                       self.update_plan.exchanged, self.update_plan.written,
                       self.arrays.variables, self.device.jit)

    def _fuse(self, nodes, is_last):
        """Sort the nodes of a segment into units; updates come after all others."""
        fuser = Fuser(self.solver, self.fused, self.device.guests)
        commits = self.update_plan.nodes if is_last else ()
        self._fuse_wave(fuser, [n for n in nodes if n not in commits])
        fuser.settle()
        now, late = fuser.units[:], []
        if commits:
            fuser.barrier()
            self._fuse_wave(fuser, [n for n in nodes if n in commits])
            late = fuser.units[len(now):]
        if self.fused and self.device.sinks:
            now, late = [attach_sinks(fuser, units, self.readers, self._is_kept)
                         for units in (now, late)]
        fuser.units, fuser.early, fuser.commits = now + late, now, late
        return fuser

    def _fuse_wave(self, fuser, nodes):
        here = set(nodes)
        waiting, readers = {}, {}
        ready_alone, ready_fused = deque(), deque()
        in_fused = False

        def make_ready(node):
            if not fuser.takes(node, self.readers, self._is_kept):
                ready_alone.append(node)
            elif is_number(node):       # first, so that none of them splits a group
                ready_fused.appendleft(node)
            else:
                ready_fused.append(node)

        for node in nodes:
            sources = {x.owner for x in self.bases[node]} & here
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

    def _is_kept(self, variable):
        """Whether more than nodes of its segment needs a value."""
        return variable in self.held or self._is_exported(variable)

    def _find_read(self, fusers):
        """The values that are read outside the group that makes them: these need memory."""
        read = set()
        for exports in self.exports.values():
            read.update([base_of(v) for v in exports])
        for fuser in fusers:
            for unit in fuser.units:
                if isinstance(unit, Group):
                    read.update([base_of(o.variable) for m in unit.members
                                 for o in m.operands if o.axes is not None])
                    read.update([base_of(x) for sink in unit.sinks
                                 for x in (sink.node.inputs[0], *sink.node.inputs[2:])])
                else:
                    read.update(self.bases[unit.node])
        return read

    # ----- outputs -----

    def _place_outputs(self):
        """Let results be computed where the user gets them; what cannot be, is copied."""
        self.output_rows = [layout(v) for v in self.outputs]
        self.copies = {}                # segment -> (variable, output)
        placed = set(self.update_plan.in_place)
        rows = [*enumerate(self.outputs)]
        for cell, new in self.updated:
            index = len(self.output_rows)
            self.output_rows.append(layout(new))
            if new in self.update_plan.in_place:
                for v in self.update_plan.written_with(new):
                    self.emitters[-1].place(v, IN_CELL, self.arrays.number(cell), index)
            else:
                rows.append((index, new))
                self.update_plan.exchanged.append((self.cells.index(cell), index))
        for index, v in rows:
            segment = self.segment_of.get(v, len(self.emitters) - 1)
            if self._is_direct(v, placed):
                placed.add(v)
                self.emitters[segment].place(v, IN_OUTPUT, index)
                if self._is_object(v):
                    self.arrays.objects[v] = index
            else:
                self.copies.setdefault(segment, []).append((v, index))
        self._hold_objects()

    def _is_direct(self, v, placed):
        """Whether a value is computed where the user gets it."""
        return (self._is_computed(v) and v.owner.kind not in _FREE and v not in placed
                and (self._is_object(v) or not self._is_exported(v)))

    def _hold_objects(self):
        """Let the call hold the objects that are no results, as if they were."""
        for node in self.work:
            for out in node.outputs:
                if self._is_object(out) and out not in self.arrays.objects:
                    self.arrays.objects[out] = len(self.output_rows)
                    self.output_rows.append((OBJECT_DTYPE, 0))

    def _place_views(self, segment, fuser):
        """Let a group compute a result where the user gets it, in another shape."""
        emitter, copied = self.emitters[segment], []
        for v, index in self.copies.get(segment, ()):
            base = _in_one_block(v)
            unit = fuser.unit_of.get(base.owner)
            if not self._is_object(v) and v.type.ndim and isinstance(unit, Group) \
                    and unit not in fuser.commits \
                    and not self._is_exported(base) and not emitter.is_placed(base):
                emitter.view_in_output(v, base, index)
            else:
                copied.append((v, index))
        self.copies[segment] = copied

    def _place_parts(self, segment, fuser):
        """Let groups compute what is joined where it belongs."""
        taken = set()
        emitter = self.emitters[segment]
        for unit in fuser.early:
            node = unit.node
            if node is None or node.name != "join":
                continue
            is_block = node.params["axis"] == 0
            made = {x: base for x in node.inputs for base in [_in_one_block(x) if is_block else x]
                    if base not in taken and self._is_made_here(base, node, fuser)
                    and node.inputs.count(x) == 1 and not self._is_exported(base)
                    and not emitter.is_placed(base)}
            if made:
                taken.update(made.values())
                emitter.join_in_place(node, made)

    def _is_made_here(self, x, node, fuser):
        """Whether a step of this segment can write a value into a part of a join."""
        unit = fuser.unit_of.get(x.owner)
        if isinstance(unit, Group):
            return True
        return unit is not None and unit.node.kind == "scan" and node.params["axis"] == 0

    # ----- steps -----

    def _emit(self, segment, fuser, is_last):
        emitter = self.emitters[segment]
        for check in self.solver.checks:
            if self._segment_of_check(check) == segment:
                emitter.check(*check)
        for unit in fuser.early:
            self._emit_unit(emitter, unit)
        for variable in self.exports.get(segment, ()):
            emitter.export(variable)
        for variable, index in self.copies.get(segment, ()):
            if self._is_object(variable):
                emitter.copy_object(variable, index)
            else:
                emitter.copy(variable, IN_OUTPUT, index)
        for unit in self.commits if is_last else ():
            nodes = [s.node for s in unit.sinks] if isinstance(unit, Group) else [unit.node]
            for node in nodes:
                if node.name in SCATTERS:
                    emitter.check_indices(node)
        for unit in self.commits if is_last else ():
            self._emit_unit(emitter, unit, self.update_plan.aliases(unit), True)

    def _emit_unit(self, emitter, unit, aliases=(), commits=False):
        if isinstance(unit, Group):
            emitter.group(unit, self.stored, self.read, aliases, commits)
        elif unit.node.kind == "inc":
            emitter.increment(unit.node, commits)
        elif unit.node.kind == "python":
            emitter.python(unit.node)
        elif unit.node.kind == "scan":
            emitter.scan(unit.node, self._loop(unit.node))
        else:
            emitter.kernel(unit.node, commits)

    def _segment_of_check(self, check):
        """The first segment that knows a check's numbers."""
        loads = loads_of(check[0], self._checked)
        return max([self.segment_of[x] + 1 for x in loads if x in self.segment_of], default=0)
