"""The steps of a program in C: registers become sizes, views become places, the rest becomes loops.

What is read is what the interpreter runs: segments, values and steps (``_program.pyx``).
"""
from pathlib import Path
from typing import NamedTuple

from cytensor._program import Home, SizeOp, StepKind, ValueKind
from cytensor.export import kernels
from cytensor.export.groups import GroupWriter
from cytensor.export.lines import identifiers
from cytensor.export.loops import LoopWriter
from cytensor.export.places import (
    COUNT, NUMBER, Place, array, broadcast, diagonal, dimshuffled, reshaped, sliced)
from cytensor.export.sizes import arithmetic, plus, times
from cytensor.export.unit import ExportError, in_comment, line_of, where
from cytensor.lowering.render import Unwritable, describe
from cytensor.lowering.scalars import BY_CODE, BY_NAME

_OPS = {int(op): op.name.removeprefix("SIZE_").lower() for op in SizeOp}
#: The steps of lazy branches, and what writes them.
_CHOICES = {"ifelse_call": "_choice", "ifelse_need": "_need", "ifelse_memo": "_memo"}
INT64 = BY_NAME["int64"]


class Register(NamedTuple):
    """A number of the prologue: an expression, and whether only the steps find it out."""

    text: object
    late: bool


class ProgramWriter:
    """Writes one program: that of a function, or of the body of a loop.

    Parameters
    ----------
    unit : Unit
    program : Program
    arrays : list of Place
        Its inputs and cells.
    results : list of Place or None
        Where its results belong; None where the writer finds memory for one.
    is_branch : bool
        Whether it may not run at all: then its checks are a part of the steps.
    """

    def __init__(self, unit, program, arrays, results, is_branch=False):
        self.unit, self.program, self.is_branch = unit, program, is_branch
        self.arrays = list(arrays)
        self.results = list(results)
        for row in program.arrays[len(self.arrays):]:
            self.arrays.append(unit.constant(row[3]) if row[0] == "constant" else None)
        self.slots = []             # that hold values of the segment that is written

    def write(self):
        """Write all segments."""
        for segment in self.program.segments:
            self._segment(segment)
        for slot in self.slots:
            self.unit.release(slot)

    def _segment(self, segment):
        self.segment = segment
        if segment.late:
            raise ExportError("a step that runs Python makes an array of unknown size")
        self.registers, self._same = [], self._equal_registers(segment)
        for number, row in enumerate(segment.registers):
            self.registers.append(self._register(number, row))
        for check in segment.checks:
            self._check(*check)
        self.places = [None] * len(segment.values)
        self._find_last_uses(segment)
        for number, step in enumerate(segment.steps):
            self._number = number
            self._step(step)
            self._release(number)
        for value, number in segment.exports:
            self.arrays[number] = self.place(value)._replace(early=False)

    # ----- sizes -----

    def _equal_registers(self, segment):
        """Registers that a check says are equal -> the one that stands for both."""
        same = {}
        for condition, *_ in segment.checks:
            op, a, b, _, _ = segment.registers[condition]
            if _OPS[op] == "eq":
                a, b = _final(same, a), _final(same, b)
                constant = [_OPS[segment.registers[r][0]] == "const" for r in (a, b)]
                if a != b and not all(constant):
                    a, b = (b, a) if constant[0] or (b > a and not constant[1]) else (a, b)
                    same[a] = b
        return same

    def _register(self, number, row):
        op, a, b, c, imm = row
        op = _OPS[op]
        if op == "const":
            return Register(imm, False)
        if op == "dim":
            size = self.arrays[a].dims[b]
            return Register(size, not self.unit.late.isdisjoint(identifiers(str(size))))
        if op == "load":
            place = self.arrays[a]
            offset = times(imm, place.strides[0]) if imm else 0
            if place.kind == NUMBER and place.base.lstrip("-").isdigit():
                return Register(int(place.base), False)
            return self._named(f"(int64_t){place.element(offset)}", not place.early)
        count = 3 if op == "where" else 2
        parts = [self.registers[r] for r in (a, b, c)[:count]]
        texts = [part.text for part in parts] + [0] * (3 - count)
        return self._named(arithmetic(op, *texts), any([part.late for part in parts]))

    def _named(self, text, late):
        return Register(self.unit.size(text, late), late)

    def number(self, register):
        """Return the size in a register; -1 is none."""
        if register < 0:
            return None
        return self.registers[_final(self._same, register)].text

    def _check(self, condition, message, a, b, error, node):
        held = self.registers[condition]
        if type(held.text) is int and held.text:
            return
        text = message.replace("{a}", "one").replace("{b}", "the other")
        lines = self.unit.lines if held.late or self.is_branch else self.unit.prologue
        self.unit.check(lines, held.text, text + line_of(node))

    # ----- memory -----

    def _find_last_uses(self, segment):
        """Which step is the last that looks at the memory of each value."""
        self._root = list(range(len(segment.values)))
        self._last = {}
        for number, value in enumerate(segment.values):
            if value.kind == ValueKind.COMPUTED and value.home == Home.IN_PART:
                self._root[number] = value.index
        for number, step in enumerate(segment.steps):
            if step.kind <= StepKind.DIAGONAL:
                self._root[step.outs[0]] = self._root[step.ins[0]]
            for value in (*step.outs, *step.ins):
                self._last[self._root[value]] = number
        for value, _ in segment.exports:
            self._last[self._root[value]] = len(segment.steps)
        self._held = {}             # root -> slots
        self._find_early_outputs(segment)

    def _find_early_outputs(self, segment):
        """Values that may lie where the caller gets what is made by writing over them."""
        self._early = {}            # value -> output
        for number, step in reversed(list(enumerate(segment.steps))):
            if not step.accumulates:
                continue
            out, source = step.outs[0], step.ins[0]
            value, before = segment.values[out], segment.values[source]
            index = value.index if value.home == Home.IN_OUTPUT else self._early.get(out)
            if index is not None and self._last[self._root[source]] == number \
                    and self._root[source] == source and _is_in_arena(before):
                self._early[source] = index

    def _hold(self, value, slot):
        if slot is not None:
            self._held.setdefault(self._root[value], []).append(slot)
            self.slots.append(slot)

    def _release(self, number):
        for root in [r for r, last in self._last.items() if last == number and r in self._held]:
            for slot in self._held.pop(root):
                self.unit.release(slot)
                self.slots.remove(slot)

    # ----- values -----

    def place(self, number):
        """Return where a value is."""
        if self.places[number] is None:
            self.places[number] = self._source(self.segment.values[number])
        return self.places[number]

    def _source(self, value):
        dtype = BY_CODE.get(value.dtype)
        if value.kind == ValueKind.ARRAY:
            return self._array(value)
        if value.kind == ValueKind.REGISTER:
            register = self.registers[_final(self._same, value.index)]
            return Place(str(register.text), INT64, (), (), NUMBER, not register.late)
        if value.kind == ValueKind.COUNTER:
            return Place("0", dtype, (self.number(value.dims[0]),), (1,), COUNT, True)
        return None                     # an object, which only steps in Python look at

    def _array(self, value):
        """An array of the program, with the sizes that stand for its own."""
        place, dims = self.arrays[value.index], []
        if place is None:
            return None
        names = {(a, b): self.number(i) for i, (op, a, b, _, _) in
                 enumerate(self.segment.registers) if _OPS[op] == "dim"}
        for axis, n in enumerate(place.dims):
            dims.append(names.get((value.index, axis), n))
        if place.is_packed:
            return array(place.base, place.dtype, dims, early=place.early, buffer=place.buffer)
        return place._replace(dims=tuple(dims))

    def result(self, number, node):
        """Return where a value is to be written."""
        value = self.segment.values[number]
        dtype = BY_CODE.get(value.dtype)
        if value.kind == ValueKind.OBJECT or dtype is None:
            raise ExportError(f"{node.name} runs Python{where(node)}")
        dims = tuple([self.number(r) for r in value.dims])
        if number in self._early:
            place = self._output(self._early[number], dtype, dims, node)
        elif value.home == Home.IN_ARENA:
            place = self.unit.buffer(dtype, dims, node)
            self._hold(number, place.buffer)
        elif value.home == Home.IN_PART:
            place = self._part(value, dtype, dims, node)
        else:
            place = self._output(value.index if value.home == Home.IN_OUTPUT else value.spare,
                                 dtype, dims, node)
        self.places[number] = place
        return place

    def _output(self, index, dtype, dims, node):
        place = self.results[index]
        if place is None:
            place = self.results[index] = self.unit.buffer(dtype, dims, node)
        if callable(place):
            place = self.results[index] = place(dims)
        return place._replace(dims=dims) if place.is_packed else place

    def _part(self, value, dtype, dims, node):
        whole = self.places[value.index]
        if whole is None:
            whole = self.result(value.index, node)
        strides = array("", dtype, dims).strides if value.axis == 0 else whole.strides
        offset = times(self.number(value.spare), whole.strides[value.axis])
        return whole.moved(offset, dims=dims, strides=strides)

    # ----- steps -----

    def _step(self, step):
        if step.kind <= StepKind.DIAGONAL:
            self._view(step)
        elif step.kind == StepKind.GROUP:
            self._group(step)
        elif step.kind == StepKind.LOOP:
            self._comment(step.node)
            LoopWriter(self, step, ProgramWriter).write()
        else:
            self._kernel(step)

    def _view(self, step):
        source, out = self.place(step.ins[0]), step.outs[0]
        numbers = step.numbers
        if step.kind == StepKind.DIMSHUFFLE:
            place = dimshuffled(source, numbers)
        elif step.kind == StepKind.SLICE:
            items = [self.number(r) for r in numbers]
            place = sliced(source, list(zip(items[::3], items[1::3], items[2::3])))
        elif step.kind == StepKind.BROADCAST:
            place = broadcast(source, tuple([self.number(r) for r in numbers]))
        elif step.kind == StepKind.DIAGONAL:
            place = self._diagonal(source, *numbers)
        elif step.kind == StepKind.RESHAPE:
            place = self._reshaped(source, tuple([self.number(r) for r in numbers]), step)
        self.places[out] = place

    def _diagonal(self, source, offset, axis1, axis2):
        rows, cols = source.dims[axis1], source.dims[axis2]
        rows, cols = plus(rows, min(offset, 0)), plus(cols, -max(offset, 0))
        length = self.unit.size(arithmetic("max", arithmetic("min", rows, cols, 0), 0, 0))
        return diagonal(source, offset, axis1, axis2, length)

    def _reshaped(self, source, dims, step):
        place = reshaped(source, dims)
        if place is None:
            packed = self.unit.buffer(source.dtype, source.dims, step.node)
            self._hold(step.outs[0], packed.buffer)
            kernels.copy(self.unit, packed, source)
            place = reshaped(packed, dims)
        return place

    def _group(self, step):
        try:
            outs = [self.result(i, step.node) for i in step.outs]
            ins = [self.place(i) for i in step.ins]
            dims = [self.number(r) for r in step.spec.dims]
            self.unit.lines.comment("", *_description(step))
            GroupWriter(self.unit, step.spec, dims, [*outs, *ins]).write()
        except Unwritable:
            names = [n.name for n in step.nodes if n.op.traits.get("special")]
            nodes = [n for n in step.nodes if n.name in names] or step.nodes
            raise ExportError(f"{nodes[0].name} has no C of its own{where(nodes[0])}") from None

    def _comment(self, node):
        self.unit.lines.comment("", f"/* {node.name}{line_of(node)} */")

    def _kernel(self, step):
        node = step.node
        if node is not None and node.name in _CHOICES:
            getattr(self, _CHOICES[node.name])(step)
            return
        ins = [self.place(i) for i in step.ins]
        if step.python is not None or node is not None and node.kind == "python":
            raise ExportError(f"{node.name} runs Python{where(node)}")
        if step.accumulates and self._take_over(step.outs[0], step.ins[0]):
            outs = [self.place(i) for i in step.outs]
        else:
            outs = [self.result(i, node) for i in step.outs]
        moves = step.accumulates and outs[0].base != ins[0].base
        if step.accumulates and node.kind == "inc" and not moves:
            return
        if node is not None:
            self._comment(node)
        self.unit.lines.open()
        if moves:
            kernels.copy(self.unit, outs[0], ins[0])
        self._write_kernel(step, outs, ins[1:] if step.accumulates else ins)
        self.unit.lines.close()

    def _take_over(self, out, source):
        """Let a value be written over one that nobody reads afterwards, if that is possible."""
        if source in self._early:
            self.places[out] = self.places[source]
            return True
        root, value = self._root[source], self.segment.values[out]
        place = self.places[source]
        if not (_is_in_arena(self.segment.values[root]) and _is_in_arena(value)
                and self._last[root] == self._number and place.is_packed
                and place.base == self.places[root].base):
            return False
        self.places[out] = array(place.base, place.dtype, [self.number(r) for r in value.dims],
                                 buffer=place.buffer)
        self._last[root] = self._last.pop(self._root[out])
        self._root = [root if r == self._root[out] else r for r in self._root]
        return True

    def _memo(self, step):
        """What branches share is computed in each of them: there is nothing to note."""

    def _need(self, step):
        """What several branches share."""
        outs = [self.result(i, step.node) for i in step.outs]
        _, *ins = [self.place(i) for i in step.ins]
        shared = step.node.params["shared"]
        ProgramWriter(self.unit, shared.function.program, ins, outs, True).write()

    def _choice(self, step):
        """One of two programs."""
        self._comment(step.node)
        outs = [self.result(i, step.node) for i in step.outs]
        condition, *ins = [self.place(i) for i in step.ins]
        call, lines = step.node.params["call"], self.unit.lines
        lines.open(f"if ({condition.element()})")
        for branch, (function, places) in enumerate(zip(call.functions, call.places)):
            if branch:
                lines.close()
                lines.open("else")
            ProgramWriter(self.unit, function.program, [ins[i] for i in places], outs,
                          True).write()
        lines.close()

    def _write_kernel(self, step, outs, ins):
        node, label = step.node, step.label
        if not outs:                # into a part of a value that is there
            into, source = ins
            adds = node.kind == "inc" and not node.params["set"]
            (kernels.add_into if adds else kernels.copy)(self.unit, into, source)
        elif label == "copy":
            kernels.copy(self.unit, outs[0], ins[0])
        elif node.kind == "inc":
            return                  # the copy was all
        else:
            write = kernels.TABLE.get(node.name)
            if write is None:
                raise ExportError(f"{node.name} has no C of its own{where(node)}")
            write(self.unit, node, outs, ins)


def _is_in_arena(value):
    return value.kind == ValueKind.COMPUTED and value.home == Home.IN_ARENA


def _description(step):
    """The comment above a group, without the paths of this machine."""
    text = describe(step).strip().removeprefix("/*").removesuffix("*/")
    for node in step.nodes:
        if node.loc:
            text = text.replace(node.loc[0], Path(node.loc[0]).name)
    return f"/*{in_comment(text)}*/".split("\n")


def _final(same, register):
    while register in same:
        register = same[register]
    return register
