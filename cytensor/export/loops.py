"""Loops in C: the body of a scan is written into a ``for``, its states are rows of buffers.

A state whose values are all kept is read and written where the loop returns it. One of which only
the last value counts has two places, which are exchanged; others go round in a ring of rows.
"""
from cytensor.export import kernels
from cytensor.export.places import MEMORY, NUMBER, Place, array
from cytensor.export.sizes import plus, product, times
from cytensor.export.unit import line_of
from cytensor.lowering.scalars import BY_NAME


class LoopWriter:
    """Writes the step of a program that runs a loop.

    Parameters
    ----------
    outer : ProgramWriter
        Of the program around it.
    step : Step
    write_program : callable
        ``write_program(unit, program, inputs, results)``, with a method ``write``.
    """

    def __init__(self, outer, step, write_program):
        self.outer, self.unit, self.step = outer, outer.unit, step
        self.write_program = write_program
        self.loop = step.python
        self.form = step.node.params["form"]
        self.inputs = [outer.place(i) for i in step.ins]
        self.total = self._total(self.inputs[0].base)
        self.outputs = [outer.result(i, step.node) for i in step.outs]
        for place in self.outputs:
            if self.unit.is_local(place):       # perhaps nobody reads it
                self.unit.lines.add(f"(void){place.base};")
        self.k = self.unit.names.new("k")
        self._slots = []
        self.states = []            # (place at some steps back, where the next value goes)

    def _total(self, text):
        return int(text) if text.lstrip("-").isdigit() else self.unit.size(text)

    def write(self):
        """Write the loop."""
        lines = self.unit.lines
        _, seqs, inits, consts = self.form.split_inputs(self.inputs)
        lines.open()
        self.taken = self.total
        if self.form.until:
            self.taken = self.unit.names.new("k")
            lines.add(f"int64_t {self.taken} = 0;")
        states = [self._state(i, init) for i, init in enumerate(inits)]
        lines.open(f"for (int64_t {self.k} = 0; {self.k} < {self.total}; {self.k}++)")
        self._body(seqs, states, consts)
        for state in states:
            state.advance()
        if self.form.until:
            lines.add(f"{self.taken} = {self.k} + 1;", f"if ({self.condition})", "    break;")
        lines.close()
        for state in states:
            state.hand_out()
        if self.form.until:
            lines.add(f"{self.outputs[-1].element()} = {self.taken};")
        lines.close()
        for slot in self._slots:
            self.unit.release(slot)

    # ----- one step -----

    def _body(self, seqs, states, consts):
        plain = [s for s, cell in zip(states, self.loop.cells) if not cell]
        cells = [s for s, cell in zip(states, self.loop.cells) if cell]
        given = [self._named(self._row(seq)) for seq in seqs]
        given += [self._named(s.before(lag)) for s in plain for lag in s.lags]
        given += self._constants(consts, len(given))
        given += [s.before(1)._replace(early=False) for s in cells]
        results = [self._checked(s.next()) for s in plain]
        count = len(states)
        results += [self._checked(self._row(out))
                    for out in self.outputs[count:count + self.form.rows]]
        if self.form.until:
            name = self.unit.names.new("b")
            self.unit.lines.add(f"uint8_t {name}[1];")
            self.condition = f"{name}[0]"
            results.append(lambda dims: array(name, BY_NAME["bool"], dims))
        results += [self._checked(s.next()) for s in cells]
        self.write_program(self.unit, self.loop.program, given, results).write()

    def _row(self, place):
        """The row of a sequence, or of a result, that belongs to this step."""
        if place.kind == NUMBER:
            return place._replace(dims=place.dims[1:], strides=place.strides[1:])
        index = f"({self.total} - 1 - {self.k})" if self.form.backwards else self.k
        return row_of(place, index)

    def _constants(self, consts, first):
        """What is the same in each step; some values are sizes, which are known already."""
        known = dict(zip(self.loop.known, self.step.numbers))
        return [self._known(place, known[first + i]) if first + i in known else
                place._replace(buffer=None) for i, place in enumerate(consts)]

    def _known(self, place, register):
        found = self.outer.registers[register]
        return Place(str(found.text), place.dtype, (), (), NUMBER, not found.late)

    def _named(self, place):
        """A place that is another one in each step, with a name."""
        place = place._replace(early=False)
        if place.kind == MEMORY and not place.base.isidentifier():
            name = self.unit.names.new("p")
            self.unit.lines.define(
                name, f"const {place.dtype.storage} *const {name} = {place.base};")
            return place._replace(base=name)
        return place

    def _checked(self, place):
        """What a result is given to: its sizes must be those of the room that there is."""
        def settle(dims):
            for n, m in zip(dims, place.dims, strict=True):
                self._check_equal(n, m)
            return place
        return settle

    def _check_equal(self, n, m):
        if n != m:
            late = not self.unit.late.isdisjoint((str(n), str(m)))
            lines = self.unit.lines if late else self.unit.prologue
            self.unit.check(lines, f"{n} == {m}", "scan: a step makes a value of another shape "
                            "than there is room for" + line_of(self.step.node))

    # ----- states -----

    def _state(self, i, init):
        lags, out = self.form.lags[i], self.outputs[i]
        if self.form.keeps[i]:
            return _Kept(self, lags, init, out)
        return (_Pair if lags == (1,) else _Ring)(self, lags, init, out)

    def room(self, dtype, dims):
        """Return memory for the time of the loop."""
        place = self.unit.buffer(dtype, dims, self.step.node)
        if place.buffer is not None:
            self._slots.append(place.buffer)
        return place


def row_of(place, index):
    """Return one row of a place."""
    return place.moved(times(place.strides[0], index), dims=place.dims[1:],
                       strides=place.strides[1:])


class _State:
    """A state of a loop: where its values are."""

    def __init__(self, loop, lags, init, out):
        self.loop, self.lags, self.out = loop, lags, out
        self.unit, self.k = loop.unit, loop.k
        self.most = init.dims[0]
        self.begin(init)

    def advance(self):
        """Write what ends a step."""

    def hand_out(self):
        """Write what leaves the last values to the caller."""


class _Kept(_State):
    """All values lie where the loop returns them."""

    def begin(self, init):
        first = self.out._replace(dims=(self.most, *self.out.dims[1:]))
        if self.loop.form.backwards:
            last = plus(plus(self.most, self.loop.total), -1)
            self.end = self.unit.size(last)
            first = self.out.moved(
                times(self.out.strides[0], self.end), dims=first.dims,
                strides=(times(-1, self.out.strides[0]), *self.out.strides[1:]))
        kernels.copy(self.unit, first, init)

    def _at(self, back):
        index = plus(plus(self.most, -back) if type(self.most) is int
                     else f"{self.most} - {back}" if back else self.most, self.k)
        if self.loop.form.backwards:
            index = f"{self.end} - ({index})"
        return row_of(self.out, index)

    def before(self, lag):
        """Return the value of some steps back."""
        return self._at(lag)

    def next(self):
        """Return where the new value goes."""
        return self._at(0)


class _Pair(_State):
    """Only the last value is read: two places, exchanged after each step."""

    def begin(self, init):
        dims, dtype = self.out.dims[1:], self.out.dtype
        self.small = product(dims) == 1
        self.old, self.new = [self.loop.room(dtype, dims) for _ in range(2)]
        if not self.small:
            self.old, self.new = [self._pointer(place) for place in (self.old, self.new)]
        kernels.copy(self.unit, self.old, row_of(init, 0) if init.kind == MEMORY else
                     init._replace(dims=dims, strides=(0,) * len(dims)))

    def _pointer(self, place):
        name = self.unit.names.new("p")
        self.unit.lines.add(f"{place.dtype.storage} *{name} = {place.base};")
        return place._replace(base=name)

    def before(self, lag):
        """Return the old value."""
        return self.old

    def next(self):
        """Return where the new value goes."""
        return self.new

    def advance(self):
        """Exchange the places."""
        if self.small:
            kernels.copy(self.unit, self.old, self.new)
            return
        name, (old, new) = self.unit.names.new("p"), (self.old.base, self.new.base)
        self.unit.lines.add(f"{self.out.dtype.storage} *const {name} = {old};",
                            f"{old} = {new};", f"{new} = {name};")

    def hand_out(self):
        """Copy the last value to the result."""
        kernels.copy(self.unit, row_of(self.out, 0), self.old)


class _Ring(_State):
    """The last values go round in a ring."""

    def begin(self, init):
        self.rows = plus(self.most, 1)
        self.ring = self.loop.room(self.out.dtype, (self.rows, *self.out.dims[1:]))
        kernels.copy(self.unit, self.ring._replace(dims=(self.most, *self.out.dims[1:])), init)

    def _at(self, back):
        index = plus(plus(self.most, -back) if type(self.most) is int
                     else f"{self.most} - {back}", self.k)
        return row_of(self.ring, f"(({index}) % {self.rows})" if type(self.rows) is int
                      else f"(({index}) % ({self.rows}))")

    def before(self, lag):
        """Return the value of some steps back."""
        return self._at(lag)

    def next(self):
        """Return where the new value goes."""
        return self._at(0)

    def hand_out(self):
        """Copy the last values to the result, in order."""
        i = self.unit.names.new("i")
        self.unit.lines.open(f"for (int64_t {i} = 0; {i} < {self.most}; {i}++)")
        rows = self.rows if type(self.rows) is int else f"({self.rows})"
        last = row_of(self.ring, f"(({self.loop.taken} + {i}) % {rows})")
        kernels.copy(self.unit, row_of(self.out, i), last)
        self.unit.lines.close()
