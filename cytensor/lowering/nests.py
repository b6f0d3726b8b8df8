"""Generated code of loops: the body of a scan of single numbers as a loop in C, and loops in it.

One function runs some steps of a loop; loops of its body are loops of the function. States and
intermediate numbers are variables; rows move by addresses. Arrays in the body are looped over, and
what has no expression in C is called. Which sizes and bytes these are is given as numbers, so that
the text depends on structure alone.
"""
import hashlib
import re
from string import Template

from cytensor._loopform import ARENA, REGS, Tensor
from cytensor.lowering.nest_steps import Steps
from cytensor.lowering.nest_uses import Uses
from cytensor.lowering.render import BY_CODE, Function, Unwritable, describe

FUNCTION = Template("""\
int $name(
    ct_call *call, char *s0, const int64_t *v, ct_steps *steps)
{
$numbers
const int64_t n0 = steps->n;
int status = CT_OK;
(void)status;
$body
steps->taken = i0;
return CT_OK;
}
""")


def render(form):
    """Write the function of a loop, and of the loops in it.

    Parameters
    ----------
    form : LoopForm

    Returns
    -------
    function : Function
    numbers : list of int
        What its text depends on no more: sizes, strides, addresses.
    uses : Uses
        Which steps the function does.

    Raises
    ------
    Unwritable
        If nothing in the loop is faster in C.
    """
    uses = Uses(form)
    if not uses.is_worth_it:
        raise Unwritable
    writer = _Writer()
    body = _Level(writer, uses).text()
    names = [f"v{i}" for i in range(len(writer.numbers))]
    numbers = [f"const int64_t {', '.join([f'{n} = v[{n[1:]}]' for n in names[i:i + 6]])};"
               for i in range(0, len(names), 6)]
    text = FUNCTION.safe_substitute(numbers="\n".join(numbers), body="\n".join(body))
    text = _indented(text.replace("\n\n", "\n"))
    name = f"{_stem(uses)}_{hashlib.sha256(text.encode()).hexdigest()[:12]}"
    return Function(name, Template(text).substitute(name=name)), writer.numbers, uses


def describe_loop(node, uses):
    """Return comments that say what a loop computes in each step, and where the user wrote it."""
    works = [work for work in uses.all_works() if work.step.spec is not None]
    name = node.params["form"].name or "scan"
    return "".join([f"/* {name}: in each step */\n", *[describe(work.step) for work in works]])


def _stem(uses):
    """What a step does, in a few words."""
    names = [node.op.name.rstrip("_") for work in uses.all_works() if work.step.spec is not None
             for nodes in work.body.scalars for node, _, _ in nodes]
    few = names if len(names) <= 4 else [*names[:3], f"{len(names) - 3}_more"]
    return re.sub(r"\W", "_", "_".join(["loop", *few]))


def _indented(text):
    """Each line as deep as there are braces around it."""
    depth, lines = 0, []
    for line in text.split("\n"):
        if line.startswith("}"):
            depth -= 1
        lines.append("    " * depth + line if line else "")
        if line.endswith("{"):
            depth += 1
    return "\n".join(lines)


class _Writer:
    """What the loops of one function share: its numbers, and the names of its variables."""

    def __init__(self):
        self.numbers = []
        self.levels = 0
        self._count = 0
        self._places = {}

    def number(self, value):
        """The name of a number that the function is given."""
        self.numbers.append(int(value))
        return f"v{len(self.numbers) - 1}"

    def place(self, value, space):
        """The same for a place, of which one space has one alone; equal numbers share a name."""
        if (space, value) not in self._places:
            self._places[space, value] = self.number(value)
        return self._places[space, value]

    def name(self, stem):
        self._count += 1
        return f"{stem}{self._count}"


class _Level(Steps):
    """One loop of the function.

    Parameters
    ----------
    writer : _Writer
    uses : Uses
        Of the loop.
    parent : _Level, optional
        The loop around it.
    work : Work, optional
        The step of the parent that this loop is.
    """

    def __init__(self, writer, uses, parent=None, work=None):
        self.writer, self.uses, self.form = writer, uses, uses.form
        self.parent, self.work = parent, work
        self.k = writer.levels
        writer.levels += 1
        self.before, self.body, self.after = [], [], []     # lines
        self.pointers = {}              # slot -> name of the variable that has its address
        self.constants = {}             # what is the same in all steps: key -> name
        self.now = {}                   # (slot, offset) -> the number that is there
        self.moved = []                 # lines at the end of a step

    def text(self):
        """Return the lines of the loop."""
        self._begin_states()
        self._begin_step()
        for work, kind in zip(self.form.works, self.uses.kinds):
            self.write_work(work, kind)
        self._end_step()
        return self._root() if self.parent is None else self._inner()

    def _root(self):
        i = f"i{self.k}"
        self._end_root_states()
        return [*self.before, f"int64_t {i} = 0;", "steps->ended = 0;",
                f"while ({i} < n{self.k}) {{", *self.body, "}", *self.after]

    def _inner(self):
        i, n, end = [f"{stem}{self.k}" for stem in ("i", "n", "end")]
        self._end_inner_states()
        look, every = self.known(self.form.look), self.writer.number(self.form.look_every)
        label = [f"ended{self.k}: ;"] if self.form.until is not None else []
        return [
            "{", *self.before, f"int64_t {i} = 0;", f"while ({i} < {n}) {{",
            f"const int64_t {end} = ct_least({n}, {i} + {every});",
            f"while ({i} < {end}) {{", *self.body, "}",
            f"if ({i} < {n} && (status = ((ct_look){look})(call)) != CT_OK) {{",
            *self.failure(f"{i} - 1", -1), "return status;", "}", "}", *label, *self.after, "}"]

    def failure(self, step, at):
        """The lines that note a failure in a step of this loop."""
        lines = [f"ct_failed(call, (const void *){self.known(self.form.address)}, {step}, {at});"]
        if self.parent is not None:
            lines += self.parent.failure(self.parent.step_number(), self.work.at)
        return lines

    def step_number(self):
        """The number of the step that runs."""
        return "steps->first + i0" if self.parent is None else f"i{self.k}"

    # ----- addresses -----

    def known(self, address):
        """An address that is the same in all calls."""
        return f"(intptr_t){self.writer.place(address, 'memory')}"

    def scratch(self, offset):
        """A place in the scratch memory of this loop."""
        return f"s{self.k} + {self.writer.place(offset, self.k)}"

    def address(self, tensor):
        """The address of an operand of the body."""
        parts = [self.pointer(tensor.slot, tensor.dtype)]
        if tensor.offset:
            parts.append(self.writer.number(tensor.offset))
        for register, scale in tensor.terms:
            parts.append(f"{self.register(register)} * {self.writer.number(scale)}")
        return " + ".join(parts)

    def operand(self, i):
        """The address of an operand of this loop; -1: of its scratch memory."""
        if i < 0 or self.parent is None:
            return f"s{self.k}"
        return self.parent.address(self.operand_tensor(i))

    def operand_tensor(self, i):
        return self.parent.form.tensors[self.work.first + i]

    def pointer(self, slot, dtype):
        """The variable with the address of a slot in this step."""
        if slot not in self.pointers:
            self.pointers[slot] = self.writer.name("p")
            self._declare_pointer(self.pointers[slot], slot, BY_CODE[dtype].size)
        return self.pointers[slot]

    def _declare_pointer(self, name, slot, item):
        place, layout = self.form.slots.get(slot), self.form.layout
        if slot in (ARENA, REGS):
            where = self.scratch(layout["arena" if slot == ARENA else "regs"])
        elif hasattr(place, "address"):
            where = f"(char *){self.known(place.address)}"
        elif hasattr(place, "delta"):
            self.before.append(f"char *{name} = {self._first(place)};")
            self._move(name, place, item)
            return
        elif self.parent is None:
            where = f"*(char **)({self.scratch(layout['base'] + 8 * slot)})"
        else:
            where = self._further(place)
        self.before.append(f"char *const {name} = {where};")

    def _further(self, place):
        """The address of a slot that stays, or where it begins."""
        offset = f" + {self.writer.number(place.offset)}" if place.offset else ""
        return self.operand(place.operand) + offset

    def _first(self, move):
        """Where a slot that moves is in the first step."""
        if self.parent is None:
            return f"*(char **)({self.scratch(move.place)})"
        return self._further(move) + self._from_end(move)

    def _from_end(self, place):
        """Bytes that depend on the number of steps, of what begins at the last row."""
        if not place.from_end:
            return ""
        return f" + (n{self.k} - 1) * {self.writer.number(place.from_end)}"

    def _move(self, name, move, item):
        """Have a slot go on after each step, and after all."""
        self.moved.append(f"{name} += {self.bytes(move.delta, item)};")
        if move.high:
            low, high = self.scratch(move.low), self.scratch(move.high)
            self.moved += [f"if ({name} == {high})", f"    {name} = {low};"]
        if self.parent is None:
            self.after.append(f"*(char **)({self.scratch(move.place)}) = {name};")

    def bytes(self, step, item):
        """A distance: in the text, if it is that of neighbours."""
        return str(step) if abs(step) == item else self.writer.number(step)

    # ----- states that are variables -----

    def _begin_states(self):
        """Declare the states that are variables, with their initial values."""
        if self.parent is not None:
            scratch = self.operand_tensor(self.work.n - 1)
            self.before.append(f"char *const s{self.k} = {self.parent.address(scratch)};")
            self.before.append(f"const int64_t n{self.k} = {self._steps()};")
        for state in self.uses.registers:
            T = BY_CODE[state.dtype].storage
            source = self._source(state)
            for lag in range(1, max(state.taps) + 1):
                value = f"*(const {T} *)({source(lag)})"
                self.before.append(f"{T} {self.variable(state, lag)} = {value};")

    def _steps(self):
        return self.parent.read(self.operand_tensor(self.form.steps_operand))

    def variable(self, state, lag):
        """The variable that has the value of some steps ago."""
        return f"h{self.k}_{state.number}_{lag}"

    def _source(self, state):
        """A function from a lag to the address of an initial value."""
        if self.parent is None:
            name = self.writer.name("e")
            self.before.append(f"char *const {name} = {self._out(state)};")
            return self._back(state, name)
        first, most = self.operand(state.init), max(state.taps)
        return lambda lag: first + self._rows(most - lag, state.first)

    def _out(self, state):
        """Where the next value of a state of the root belongs."""
        place = self.form.slots[state.out]
        if hasattr(place, "delta"):
            return f"*(char **)({self.scratch(place.place)})"
        return self.scratch(place.offset)

    def _back(self, state, name):
        """A function from a lag to the address of a value, seen from that of the next one."""
        place = self.form.slots[state.out]
        if not hasattr(place, "delta"):         # written over
            return lambda lag: name
        step = self.bytes(place.delta, BY_CODE[state.dtype].size)
        if not place.high:
            return lambda lag: f"{name} - {lag} * {step}"
        ends = self._ring(place)
        return lambda lag: f"ct_ring_back({name}, {lag} * {step}, {ends})"

    def _ring(self, place):
        return f"{self.scratch(place.low)}, {self.scratch(place.high)}"

    def _rows(self, n, step):
        """So many rows on."""
        return f" + {n} * {self.writer.number(step)}" if n else ""

    def _end_root_states(self):
        """Put the values back to where they came from; what is kept has been written."""
        for state in self.uses.registers:
            place = self.form.slots[state.out]
            if state.keep:
                continue
            name, T = self.writer.name("e"), BY_CODE[state.dtype].storage
            if hasattr(place, "delta"):
                step = self.bytes(place.delta, BY_CODE[state.dtype].size)
                self.after += [
                    f"char *const {name} = ct_ring_on({self._out(state)}, i{self.k} * {step}, "
                    f"{self._ring(place)});", f"{self._out(state)} = {name};"]
            else:
                self.after.append(f"char *const {name} = {self._out(state)};")
            back = self._back(state, name)
            self.after += [f"*({T} *)({back(lag)}) = {self.variable(state, lag)};"
                           for lag in range(1, max(state.taps) + 1)]

    def _end_inner_states(self):
        """Write initial values before, and last values behind the loop, where the parent reads."""
        for state in self.uses.registers:
            most, T = max(state.taps), BY_CODE[state.dtype].storage
            if state.keep:
                place = state.entry
                self.before += [
                    f"*({T} *)({self._first_of(place)}{self._rows(j, place.step)}) = "
                    f"{self.variable(state, most - j)};" for j in range(most)]
            else:
                self.after += [
                    f"*({T} *)({self.operand(state.number)}{self._rows(j, state.exit.step)}) = "
                    f"{self.variable(state, most - j)};" for j in range(most)]
        if self.form.count_operand is not None:
            self.after.append(
                f"*(int64_t *)({self.operand(self.form.count_operand)}) = i{self.k};")

    def _first_of(self, entry):
        offset = f" + {self.writer.number(entry.offset)}" if entry.offset else ""
        return self.operand(entry.target) + offset + self._from_end(entry)

    # ----- steps -----

    def _begin_step(self):
        for state in self.uses.registers:
            for lag, slot in state.taps.items():
                self.now[slot, 0] = self.variable(state, lag)
        self.write_registers()

    def _end_step(self):
        """Move on, and see whether the loop ends early."""
        if self.form.until is not None:
            ended = self.read(Tensor(self.uses.until, 0, [], 0, (), ()))
        self.body += [*self._renew(), *self.moved, f"i{self.k}++;"]
        if self.form.until is not None:
            leave = [f"goto ended{self.k};"] if self.parent else ["steps->ended = 1;", "break;"]
            self.body += [f"if ({ended}) {{", *leave, "}"]

    def _renew(self):
        """Give states their new values. One that is an old value of a state is copied first."""
        copies, lines = [], []
        for state in self.uses.registers:
            value = self.now[state.out, 0]
            if value.startswith("h"):
                T, old, value = BY_CODE[state.dtype].storage, value, self.writer.name("t")
                copies.append(f"const {T} {value} = {old};")
            lags = range(max(state.taps), 1, -1)
            lines += [f"{self.variable(state, lag)} = {self.variable(state, lag - 1)};"
                      for lag in lags]
            lines.append(f"{self.variable(state, 1)} = {value};")
        return copies + lines
