"""Fused groups in C: loops over (kept, reduced, kept inside) axes, as ``cpu/fused.h`` says.

Elements are computed one by one, from the loads to the stores. What a reduction takes is put down,
a block of 1,024 at a time, and folded as the tile kernels do.
"""
from typing import NamedTuple

from cytensor.export.elements import ANY, ASK, USUAL, element, is_divided
from cytensor.export.folds import BLOCK, CHUNK, WIDTH
from cytensor.export.places import COUNT, MEMORY
from cytensor.export.sizes import follows, plus, product, times
from cytensor.lowering.groups import FULL, KEPT
from cytensor.lowering.merges import COMPUTED, FOLD, MAP, PICK, UNPICK
from cytensor.lowering.scalars import BY_CODE, named

_FEW = 16                   # elements of a loop that need not be vectorised


class Op(NamedTuple):
    """One op of a group; merged kernels are the ops that they stand for."""

    kind: int
    level: int
    phase: int
    out: int
    ins: tuple
    node: object


class Axis(NamedTuple):
    """One axis of the space: its size, and the stride of each operand."""

    size: object
    strides: tuple


class Run(NamedTuple):
    """Some elements of the innermost axis of a row: sizes.

    Attributes
    ----------
    start, count : size
        On the axis.
    place : size
        Where in a block they begin.
    done : size
        Where in the row they begin.
    """

    start: object
    count: object
    place: object
    done: object


class GroupWriter:
    """Writes one fused group.

    Parameters
    ----------
    unit : Unit
        The function that it is a part of.
    spec : GroupSpec
    dims : list of size
    places : list of Place
        The operands: outputs, then inputs.
    """

    def __init__(self, unit, spec, dims, places):
        self.unit, self.lines = unit, unit.lines
        self.spec, self.places = spec, places
        self.ops = [Op(*op[:5], scalars[0][0]) for op, scalars in zip(spec.ops, spec.scalars)]
        self.values = spec.values
        self.dtypes = [BY_CODE[code] for code in spec.dtypes]
        self.stored = [(value, place) for (value, *_), place in zip(spec.outputs, places)]
        nk, nr, _ = spec.naxes
        axes = [Axis(n, tuple([self._stride(k, a, n) for k in range(len(places))]))
                for a, n in enumerate(dims)]
        self.k, self.r, self.c = axes[:nk], axes[nk:nk + nr], axes[nk + nr:]
        self.length = product([axis.size for axis in self.r])
        self.is_short = type(self.length) is int and self.length <= BLOCK
        self.rows = {}              # FULL value -> where a whole row of it is kept
        self._slots = []
        self._how = ANY             # how functions are called that have rare arguments

    def _stride(self, operand, a, n):
        axis = self.spec.axes[operand][a]
        if axis < 0 or (type(n) is int and n == 1):
            return 0
        return self.places[operand].strides[axis]

    def write(self):
        """Write the group as a block of its own."""
        self.lines.open_scope()
        if self.r and self.c:
            self._columns()
        elif self.r:
            self._rows()
        else:
            self._map()
        self.lines.close()
        for slot in self._slots:
            self.unit.release(slot)

    # ----- loops -----

    def _merged(self, axes):
        """Join neighbouring axes where all operands allow it."""
        merged = axes[:1]
        for axis in axes[1:]:
            last = merged[-1]
            if all([follows(a, b, axis.size) for a, b in zip(last.strides, axis.strides)]):
                merged[-1] = Axis(times(last.size, axis.size), axis.strides)
            else:
                merged.append(axis)
        return merged

    def _open(self, axes):
        """Begin loops over axes; return how far each operand is on, in them."""
        offsets = [0] * len(self.places)
        for axis in axes:
            i = self.unit.names.new("i")
            self.lines.open(f"for (int64_t {i} = 0; {i} < {axis.size}; {i}++)")
            offsets = [plus(offset, times(stride, i))
                       for offset, stride in zip(offsets, axis.strides)]
        return offsets

    def _close(self, axes):
        for _ in axes:
            self.lines.close()

    def _moved(self, offsets, operands, which="p"):
        """Note where operands begin, ``offsets`` on. Return the places."""
        found = {}
        for k in operands:
            place, offset = self.places[k], offsets[k]
            if place.kind == MEMORY and (offset != 0 or not place.base.isidentifier()):
                name = self.unit.names.new(which)
                const = "const " if k >= len(self.stored) else ""
                self.lines.define(name, f"{const}{place.dtype.storage} *const {name} = "
                                  f"{plus(place.base, offset)};")
                place = place._replace(base=name)
            elif place.kind == COUNT:
                place = place.moved(offset)
            found[k] = place
        return found

    def _inner(self, size, index="i", first=0):
        """Begin a loop without dependences between its steps."""
        self.lines.add("CT_IVDEP")
        self.lines.open(f"for (int64_t {index} = {first}; {index} < {size}; {index}++)")

    # ----- elements -----

    def _operands(self, level):
        """The operands that are read or written on a level."""
        loads = [operand for lv, _, source, operand in self.values
                 if source != COMPUTED and lv == level]
        stores = [k for k, (value, _) in enumerate(self.stored) if self.values[value][0] == level]
        return stores + loads

    def _load(self, value, place, offset):
        T = self.dtypes[value].storage
        self.lines.define(f"t{value}_", f"const {T} t{value}_ = {place.element(offset)};")

    def _compute(self, op):
        """Compute a map, or a copy."""
        arguments = [f"t{v}_" for v in op.ins]
        if self._how == ASK and is_divided(op.node):
            self.lines.add(f"rare_ |= {named(element(op.node, ASK), arguments)};")
        text = named(element(op.node, ANY if self._how == ANY else USUAL), arguments)
        T = self.dtypes[op.out].storage
        self.lines.define(f"t{op.out}_", f"const {T} t{op.out}_ = {text};")

    def _usual_or_rare(self, ops, size, write):
        """Write a loop over elements; if there are two ways, find out first which one it takes.

        A loop of the usual way can be vectorised. ``write`` writes the loop.
        """
        few = type(size) is int and size <= _FEW
        if few or not any([op.kind == MAP and is_divided(op.node) for op in ops]):
            write()
            return
        self.lines.open()
        self.lines.add("int rare_ = 0;")
        for self._how, head in ((ASK, None), (ANY, "if (rare_)"), (USUAL, "else")):
            if head:
                self.lines.open(head)
            write()
            if head:
                self.lines.close()
        self._how = ANY
        self.lines.close()

    def _store(self, value, places, offset_of):
        if self._how == ASK:
            return
        for k, (stored, _) in enumerate(self.stored):
            if stored == value:
                self.lines.add(f"{places[k].element(offset_of(k))} = t{value}_;")

    def _load_all(self, level, wanted, places, offset_of):
        for value in sorted(wanted):
            lv, _, source, operand = self.values[value]
            if source != COMPUTED and lv == level:
                self._load(value, places[operand], offset_of(operand))

    # ----- maps -----

    def _map(self):
        axes = self._merged(self.k)
        outer, inner = axes[:-1], axes[-1:]
        places = self._moved(self._open(outer), self._operands(FULL))

        def offset_of(k):
            return times(inner[0].strides[k], "i") if inner else 0

        def write():
            for axis in inner:
                self._inner(axis.size)
            self._load_all(FULL, range(len(self.values)), places, offset_of)
            for op in self.ops:
                self._compute(op)
                self._store(op.out, places, offset_of)
            self._close(inner)

        self._usual_or_rare(self.ops, inner[0].size if inner else 1, write)
        self._close(outer)

    # ----- rows -----

    def _rows(self):
        """A row at a time: its phases, each of which reads it once."""
        self._keep_rows()
        kept = self._open(self.k)
        places = self._moved(kept, self._operands(KEPT))
        self._load_all(KEPT, range(len(self.values)), places, lambda k: 0)
        self._stage(-1, places)
        for phase in range(1 + max([op.phase for op in self.ops])):
            ops = [op for op in self.ops if op.phase == phase
                   and (op.level == FULL or op.kind in (FOLD, PICK))]
            if ops:
                self._phase(ops, kept)
            self._stage(phase, places)
        self._close(self.k)

    def _stage(self, phase, places):
        """What is computed once a row, after a phase."""
        for op in self.ops:
            if op.level != KEPT or op.phase != phase:
                continue
            if op.kind == MAP:
                self._compute(op)
            self._store(op.out, places, lambda k: 0)

    def _keep_rows(self):
        """Find memory for the rows that a later phase reads."""
        made = {op.out: op.phase for op in self.ops if op.level == FULL}
        for op in self.ops:
            for value in op.ins:
                if value in made and made[value] < op.phase and value not in self.rows:
                    row = self.unit.buffer(self.dtypes[value], (self.length,))
                    self.rows[value] = row.base
                    self._slots.append(row.buffer)

    def _phase(self, ops, kept):
        """One pass over a row."""
        axes = self._merged(self.r)
        self._begin_folds(ops)
        if self.length == 0:
            return
        self.lines.open()
        outer, inner = axes[:-1], axes[-1]
        if outer:
            self.lines.add("int64_t done = 0;")
        offsets = [plus(a, b) for a, b in zip(kept, self._open(outer))]
        places = self._moved(offsets, self._operands(FULL))
        write = self._pieces if outer else self._one_block if self.is_short else self._blocks
        write(ops, inner, places)
        self._close(outer)
        self.lines.close()
        self._end_folds(ops)

    def _one_block(self, ops, axis, places):
        """A row that is one block, on one axis."""
        self._pass(ops, axis, places, Run(0, axis.size, 0, 0))
        self._take(ops, axis.size, 0)

    def _blocks(self, ops, axis, places):
        """A row that is one axis."""
        self.lines.open(f"for (int64_t from = 0, some; from < {axis.size}; from += some)")
        self.lines.add(f"some = ct_smaller({axis.size} - from, {BLOCK});")
        self._pass(ops, axis, places, Run("from", "some", 0, "from"))
        self._take(ops, "some", "from")
        self.lines.close()

    def _pieces(self, ops, axis, places):
        """A part of a row that is several axes: ``done`` elements come before.

        Blocks end where they would if the row was one axis.
        """
        lines, n = self.lines, axis.size
        lines.open(f"for (int64_t from = 0, some; from < {n}; from += some)")
        lines.define("place_", f"const int64_t place_ = done % {BLOCK};")
        lines.add(f"some = ct_smaller({n} - from, {BLOCK} - place_);")
        self._pass(ops, axis, places, Run("from", "some", "place_", "done"))
        lines.add("done += some;")
        if any([op.kind in (FOLD, PICK) for op in ops]):
            lines.open(f"if (place_ + some == {BLOCK} || done == {self.length})")
            self._take(ops, "place_ + some", "done - (place_ + some)")
            lines.close()
        lines.close()

    def _pass(self, ops, axis, places, run):
        """Compute the elements of a run."""
        def offset_of(k):
            return times(axis.strides[k], plus(run.start, "i"))

        def write():
            self._inner(run.count)
            read = {value for op in ops for value in op.ins}
            self._load_all(FULL, read, places, offset_of)
            self._load_rows(sorted(read - {op.out for op in ops}), plus(run.done, "i"))
            for op in ops:
                self._element(op, run)
                if op.level == FULL:
                    self._store(op.out, places, offset_of)
            self.lines.close()

        self._usual_or_rare(ops, run.count, write)

    def _element(self, op, run):
        """Compute an element, or put it down for those who fold, or for a later phase."""
        if op.kind == MAP:
            self._compute(op)
        elif op.kind == UNPICK:
            self._unpick(op, plus(run.done, "i"))
        elif self._how != ASK:
            self.lines.add(f"f{op.out}_[{plus(run.place, 'i')}] = t{op.ins[0]}_;")
        if op.out in self.rows and self._how != ASK:
            self.lines.add(f"{self.rows[op.out]}[{plus(run.done, 'i')}] = t{op.out}_;")

    def _load_rows(self, values, place):
        """Read what an earlier phase has left."""
        for value in values:
            if value in self.rows:
                text = f"{self.dtypes[value].storage} t{value}_ = {self.rows[value]}[{place}];"
                self.lines.define(f"t{value}_", f"const {text}")

    # ----- reductions of rows -----

    def _begin_folds(self, ops):
        for op in ops:
            if op.kind in (PICK, UNPICK):
                self._index(op)
            if op.kind in (FOLD, PICK):
                self._begin_fold(op)

    def _begin_fold(self, op):
        """Make room for a block of what is folded, and for the result."""
        T, out = self.dtypes[op.out].storage, op.out
        fold = self.unit.fold(op.node) if op.kind == FOLD else None
        if self.length != 0:
            room = self.length if self.is_short else BLOCK
            self.lines.add(f"{self.dtypes[op.ins[0]].storage} f{out}_[{room}];")
        start = self.unit.literal(fold.identity if fold else 0, self.dtypes[out])
        self.lines.define(f"t{out}_", f"{T} t{out}_ = {start};")
        if fold and not self.is_short:
            self.unit.need(fold.name + "_tree", fold.tree)
            self.lines.add(f"{fold.name}_tree s{out}_;", f"s{out}_.count = 0;")

    def _take(self, ops, count, start):
        """Fold a block of ``count`` elements, of which ``start`` come before."""
        for op in ops:
            out = op.out
            if op.kind == PICK:
                place = f"k{out}_ - {start}" if start != 0 else f"k{out}_"
                self.lines.add(f"if (k{out}_ >= {start} && {place} < {count})",
                               f"    t{out}_ = f{out}_[{place}];")
            elif op.kind == FOLD:
                fold = self.unit.fold(op.node)
                call = f"{fold.name}({count}, f{out}_)"
                self.lines.add(f"t{out}_ = {call};" if self.is_short else
                               f"{fold.name}_push(&s{out}_, {call});")

    def _end_folds(self, ops):
        for op in ops:
            if op.kind == FOLD and not self.is_short:
                name = self.unit.fold(op.node).name
                self.lines.add(f"if (s{op.out}_.count)",
                               f"    t{op.out}_ = {name}_total(&s{op.out}_);")

    # ----- picks -----

    def _index(self, op):
        """Check the index of a pick in this row, and count it from the front."""
        n, k = self.length, f"k{op.out}_"
        at = f"t{op.ins[1]}_"
        self.lines.add(f"const int64_t {k} = {at} < 0 ? {at} + {n} : {at};",
                       f"if ({k} < 0 || {k} >= {n})", f"    {self.unit.fail('INDEX')}")

    def _unpick(self, op, place):
        T, out = self.dtypes[op.out].storage, op.out
        zero = self.unit.literal(0, self.dtypes[out])
        self.lines.define(f"t{out}_", f"const {T} t{out}_ = {place} == k{out}_ "
                          f"? t{op.ins[0]}_ : {zero};")

    # ----- columns -----

    def _columns(self):
        """Some columns side by side, row after row."""
        lines, inside = self.lines, self._merged(self.c)
        around, inner = [*self.k, *inside[:-1]], inside[-1]
        kept = self._open(around)
        narrow = type(inner.size) is int and inner.size <= WIDTH
        run = Run(0, inner.size, 0, 0) if narrow else Run("from", "some", 0, 0)
        if not narrow:
            lines.open(f"for (int64_t from = 0; from < {inner.size}; from += {WIDTH})")
            lines.add(f"const int64_t some = ct_smaller({inner.size} - from, {WIDTH});")
        for op in self._folds():
            fold = self.unit.fold(op.node)
            self.unit.need(fold.name + "_columns", fold.columns)
            lines.add(f"{fold.name}_columns s{op.out}_;", f"s{op.out}_.count = 0;")
            lines.define(f"f{op.out}_", f"{self.dtypes[op.out].storage} f{op.out}_[{WIDTH}];")
        self._sum_columns(kept, inner, run)
        self._finish_columns(kept, inner, run)
        if not narrow:
            lines.close()
        self._close(around)

    def _folds(self):
        return [op for op in self.ops if op.kind == FOLD]

    def _sum_columns(self, kept, inner, run):
        lines, axes = self.lines, self._merged(self.r)
        lines.open()
        lines.add("int64_t row = 0;")
        offsets = [plus(a, b) for a, b in zip(kept, self._open(axes))]
        places = self._moved(offsets, self._operands(FULL))
        rows = {op: self._row_in_memory(op, places, inner, run) for op in self._folds()}
        self._column_elements(places, inner, run, rows)
        for op, row in rows.items():
            name, row = self.unit.fold(op.node).name, row or f"f{op.out}_"
            lines.add(f"{name}_row(&s{op.out}_, row % {CHUNK}, {run.count}, {row});")
        lines.add("row++;")
        self._end_chunk(run.count, f"row % {CHUNK} == 0")
        self._close(axes)
        self._end_chunk(run.count, f"row % {CHUNK} != 0")
        lines.close()

    def _row_in_memory(self, op, places, inner, run):
        """The address of the row that a fold takes, if it lies there as it is; or None."""
        _, _, source, operand = self.values[op.ins[0]]
        if source == COMPUTED or places[operand].kind != MEMORY or inner.strides[operand] != 1:
            return None
        return plus(places[operand].base, run.start)

    def _column_elements(self, places, inner, run, rows):
        """Compute the elements of one row, but for those that lie in memory already."""
        if all(rows.values()) and not any([op.level == FULL for op in self.ops]):
            return

        def offset_of(k):
            return times(inner.strides[k], plus(run.start, "j"))

        def write():
            self._inner(run.count, "j")
            self._load_all(FULL, range(len(self.values)), places, offset_of)
            for op in self.ops:
                if op.level == FULL:
                    self._compute(op)
                    self._store(op.out, places, offset_of)
                elif op.kind == FOLD and self._how != ASK and not rows[op]:
                    self.lines.add(f"f{op.out}_[j] = t{op.ins[0]}_;")
            self.lines.close()

        self._usual_or_rare([op for op in self.ops if op.level == FULL], run.count, write)

    def _end_chunk(self, width, condition):
        self.lines.open(f"if ({condition})")
        for op in self._folds():
            name = self.unit.fold(op.node).name
            self.lines.add(f"{name}_chunk(&s{op.out}_, {width});")
        self.lines.close()

    def _finish_columns(self, kept, inner, run):
        """Compute what depends on the sums."""
        def offset_of(k):
            return times(inner.strides[k], plus(run.start, "j"))

        for op in self._folds():
            self._finish_fold(op, run.count)
        places = self._moved(kept, self._operands(KEPT))
        self._inner(run.count, "j")
        self._load_all(KEPT, range(len(self.values)), places, offset_of)
        for op in self.ops:
            if op.kind == FOLD:
                T = self.dtypes[op.out].storage
                self.lines.define(f"t{op.out}_", f"const {T} t{op.out}_ = s{op.out}_.sum[j];")
            elif op.level == KEPT:
                self._compute(op)
            if op.level == KEPT:
                self._store(op.out, places, offset_of)
        self.lines.close()

    def _finish_fold(self, op, width):
        fold = self.unit.fold(op.node)
        none = self.unit.literal(fold.identity, self.dtypes[op.out])
        self.lines.add(f"if (s{op.out}_.count)", f"    {fold.name}_finish(&s{op.out}_, {width});",
                       "else", f"    for (int64_t j = 0; j < {width}; j++)",
                       f"        s{op.out}_.sum[j] = {none};")
