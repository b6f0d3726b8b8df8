"""What generated code of a loop does with each step, and what lies in variables, not in memory."""
from cytensor._loopform import ARENA, REGS
from cytensor.lowering.render import Unwritable, scalar
from cytensor.lowering.scalars import BY_CODE

#: Lags of states whose values are variables.
_MOST_LAG = 4
#: Additions of a step on arrays above which its own kernel, which has threads, does it.
_MOST_COST = 30_000
#: Nodes of all bodies: compilers take longer and longer.
_MOST_NODES = 500
_ADDED = "iufc"


class Uses:
    """How one loop is written.

    Attributes
    ----------
    kinds : list of str
        Per step of the body: ``scalars``, ``number`` (a copy of one), ``map``, ``copy`` and
        ``add`` (loops over arrays), ``loop``, or ``call`` where its own kernel is called.
    registers : list of State
        Those that are variables.
    is_nestable : bool
        Whether it can be written into the function of the loop around it.
    """

    def __init__(self, form):
        self.form = form
        self.loops = {work.at: Uses(work.body) for work in form.works if work.kind == "loop"}
        self.kinds = [self._kind(work) for work in form.works]
        self.until = self._until()
        self._note_memory()
        self.registers = [state for state in form.states if self._fits(state)]
        self.is_nestable = (
            "call" not in self.kinds and not self.memory_registers and not form.in_block
            and len(self.registers) == len(form.states))
        numbers = [kind for kind in self.kinds if kind in ("scalars", "number", "loop")]
        self.is_worth_it = bool(numbers) and not form.in_block and self._nodes() <= _MOST_NODES

    def all_works(self):
        """Return the steps that the code does itself, with those of loops in it."""
        found = []
        for work, kind in zip(self.form.works, self.kinds):
            if kind == "loop":
                found += self.loops[work.at].all_works()
            elif kind != "call":
                found.append(work)
        return found

    def groups(self):
        """Return the addresses of the fused groups that the code does itself."""
        return [work.box for work in self.all_works() if work.step.spec is not None]

    def called_loops(self):
        """Return the loops in it that are called."""
        found = []
        for work, kind in zip(self.form.works, self.kinds):
            if kind == "loop":
                found += self.loops[work.at].called_loops()
            elif work.at in self.loops:
                found.append(self.loops[work.at].form)
        return found

    def _nodes(self):
        return sum([len(nodes) for work in self.all_works() if work.step.spec is not None
                    for nodes in work.body.scalars])

    # ----- steps -----

    def tensors(self, work):
        """The operands of a step, results first."""
        return self.form.tensors[work.first:work.first + work.n]

    def _kind(self, work):
        operands = self.tensors(work)
        if work.kind == "loop":
            return "loop" if self.loops[work.at].is_nestable else "call"
        if work.kind == "copy" and not operands[0].dims:
            return "number"
        if work.kind == "map":
            return "map" if work.cost <= _MOST_COST and _is_writable(work.body) else "call"
        if work.kind in ("copy", "add") and _count(operands[0]) > _MOST_COST:
            return "call"
        if work.kind == "add":
            dtype = BY_CODE[operands[0].dtype]
            return "add" if dtype.kind in _ADDED and dtype.short != "f16" else "call"
        return work.kind

    def number_operands(self, work, kind):
        """Which operands of a step are read or written as numbers."""
        operands = range(work.n)
        if kind in ("scalars", "number"):
            return operands
        tensors = self.tensors(work)
        if kind == "map":
            return [i for i in operands if not tensors[i].dims and i >= len(work.body.outputs)]
        if kind == "loop":
            form, reached = work.body, self.loops[work.at].operands_in_memory()
            first = form.steps_operand + 1 + form.seqs + len(form.states)
            return [i for i in operands if i == form.steps_operand
                    or (i >= first and not tensors[i].dims and i not in reached)]
        return []

    # ----- memory -----

    def _note_memory(self):
        """Find the slots, registers and parts of the arena that steps reach as arrays."""
        self.memory_slots, self.memory_registers, self._ranges = set(), set(), []
        for work, kind in zip(self.form.works, self.kinds):
            numbers = self.number_operands(work, kind)
            for i, tensor in enumerate(self.tensors(work)):
                if i not in numbers:
                    self._note(tensor)
                elif tensor.terms or tensor.offset and tensor.slot > REGS:
                    self.memory_slots.add(tensor.slot)

    def operands_in_memory(self):
        """The operands of this loop that its steps reach as arrays, or parts of arrays."""
        return {getattr(self.form.slots.get(slot), "operand", -1) for slot in self.memory_slots}

    def _note(self, tensor):
        if tensor.slot == ARENA:
            self._ranges.append(_extent(tensor))
        elif tensor.slot == REGS:
            self.memory_registers.add(tensor.offset // 8)
        else:
            self.memory_slots.add(tensor.slot)

    def is_private(self, tensor):
        """Whether a number need not be in memory at all."""
        if tensor.slot != ARENA:
            return tensor.slot == self.until and tensor.slot not in self.memory_slots
        low, high = _extent(tensor)
        return ARENA not in self.memory_slots and not tensor.terms and not any(
            [low < end and start < high for start, end in self._ranges])

    def _fits(self, state):
        """Whether a state may be variables: it is a number that no step reaches as an array."""
        slots = {state.out, *state.taps.values()}
        return (state.ndim == 0 and max(state.taps) <= _MOST_LAG
                and not slots & self.memory_slots)

    def _until(self):
        """The slot of the condition to end."""
        for slot, place in self.form.slots.items():
            if self.form.until is not None and place == (-1, self.form.until):
                return slot
        return None


def _is_writable(group):
    try:
        for nodes in group.scalars:
            for node, _, _ in nodes:
                scalar(node)
    except Unwritable:
        return False
    return True


def _count(tensor):
    total = 1
    for n in tensor.dims:
        total *= n
    return total


def _extent(tensor):
    """The bytes of a slot that an operand reaches."""
    if tensor.terms:
        return 0, float("inf")
    steps = [(n - 1) * step for n, step in zip(tensor.dims, tensor.strides)]
    if any([n == 0 for n in tensor.dims]):
        return tensor.offset, tensor.offset
    low = tensor.offset + sum([step for step in steps if step < 0])
    high = tensor.offset + sum([step for step in steps if step > 0])
    return low, high + BY_CODE[tensor.dtype].size
