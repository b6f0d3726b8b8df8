"""The steps of a loop's body in generated code: on numbers, on arrays, and calls."""
from cytensor._loopform import ARRAY, COMPUTED, REGS, Tensor
from cytensor._program import SizeOp
from cytensor.lowering.render import BY_CODE, Unwritable, scalar
from cytensor.lowering.scalars import named


class Steps:
    """Writes the steps of one loop: see ``nests._Level``, which says where things are."""

    def write_work(self, work, kind):
        """Write one step."""
        if kind == "scalars":
            self._scalars(work)
        elif kind == "number":
            out, source = self.uses.tensors(work)
            self.write(out, self.read(source))
        else:
            {"map": self._map, "copy": self._copy, "add": self._copy, "loop": self._loop,
             "call": self._call}[kind](work)
            self._forget()

    # ----- numbers -----

    def read(self, tensor):
        """The variable with a number that the body reads."""
        key = (tensor.slot, tensor.offset)
        if not tensor.terms and key in self.now:
            return self.now[key]
        if tensor.slot == REGS:
            return self.register(tensor.offset // 8)
        if not tensor.terms and self._is_constant(tensor):
            return self._constant(tensor)
        T, name = BY_CODE[tensor.dtype].storage, self.writer.name("t")
        self.body.append(f"const {T} {name} = *(const {T} *)({self.address(tensor)});")
        if not tensor.terms:
            self.now[key] = name
        return name

    def write(self, tensor, name):
        """Have a result be where later steps look for it."""
        self.now[tensor.slot, tensor.offset] = name
        if not self._is_variable(tensor):
            T = BY_CODE[tensor.dtype].storage
            self.body.append(f"*({T} *)({self.address(tensor)}) = {name};")

    def _is_variable(self, tensor):
        kept = [state.keep for state in self.uses.registers if state.out == tensor.slot]
        return self.uses.is_private(tensor) or kept == [False]

    def _forget(self):
        """After a step that writes arrays: numbers that lie in memory may be others."""
        variables = {slot for state in self.uses.registers
                     for slot in (state.out, *state.taps.values())}
        private = {(t.slot, t.offset) for t in self.form.tensors if self.uses.is_private(t)}
        self.now = {key: name for key, name in self.now.items()
                    if key in private or key[0] in variables}

    def _is_constant(self, tensor):
        """Whether a number is the same in all steps."""
        place = self.form.slots.get(tensor.slot)
        return (tensor.slot > REGS and not hasattr(place, "delta")
                and getattr(place, "operand", 0) >= 0)

    def _constant(self, tensor):
        key = (tensor.slot, tensor.offset)
        if key not in self.constants:
            self.constants[key] = self._find_constant(tensor)
        return self.constants[key]

    def _find_constant(self, tensor):
        """A number of the loop around this one, or one from memory, read once."""
        place = self.form.slots[tensor.slot]
        if self.parent is not None and not hasattr(place, "address"):
            outer = self.operand_tensor(place.operand)
            if not outer.dims and not place.offset and not tensor.offset:
                return self.parent.read(outer)
        T, name = BY_CODE[tensor.dtype].storage, self.writer.name("t")
        self.before.append(f"const {T} {name} = *(const {T} *)({self.address(tensor)});")
        return name

    def _scalars(self, work):
        group, operands = work.body, self.uses.tensors(work)
        names = {}
        for value, (dtype, source, operand) in enumerate(group.values):
            if source == ARRAY:
                names[value] = self.read(operands[operand])
            elif source != COMPUTED:
                T, first = BY_CODE[dtype].storage, self.writer.number(operands[operand].offset)
                names[value] = self.writer.name("t")
                self.body.append(f"const {T} {names[value]} = ({T}){first};")
        self.body += self._compute(group, names)
        for tensor, value in zip(operands, group.outputs):
            self.write(tensor, names[value])

    def _compute(self, group, names):
        """The lines that compute a group; ``names`` gets the variables of its values."""
        lines = []
        for kernel, nodes in zip(group.kernels, group.scalars):
            for node, out, ins in nodes:
                T = BY_CODE[group.values[out][0]].storage
                args = [names[i] for i in ins]
                names[out] = self.writer.name("t")
                lines += self._node(node, kernel, f"{T} {names[out]}", names[out], args)
        return lines

    def _node(self, node, kernel, declared, name, args):
        """One node: its expression, or a call of its tile kernel for one element."""
        try:
            text, fixup = scalar(node)
        except Unwritable:
            call = f"((ct_map){self.known(kernel)})"
            places = ", ".join([f"&{a}" for a in args])
            return [f"{declared};", f"{call}(1, &{name}, (const void *const []){{{places}}}, 0);"]
        if fixup:
            text = text.replace(f"ct_{fixup}(", f"ct_{fixup}_any(")
        text = named(text, args)
        return [f"const {declared} = {text};"]

    # ----- arrays -----

    def _map(self, work):
        group, operands = work.body, self.uses.tensors(work)
        loops = _Loops(self, group.sizes)
        names = {}
        for value, (dtype, source, operand) in enumerate(group.values):
            if source == COMPUTED:
                continue
            tensor = operands[operand]
            if source == ARRAY and not tensor.dims:
                names[value] = self.read(tensor)
            else:
                steps = _along(tensor, group.axes[operand], group.sizes)
                names[value] = loops.load(tensor, dtype, steps, source)
        loops.inside += self._compute(group, names)
        for k, value in enumerate(group.outputs):
            loops.store(operands[k], _along(operands[k], group.axes[k], group.sizes), names[value])
        self.body += loops.text()

    def _copy(self, work):
        """Write an array into another one, or add it to that."""
        out, source = self.uses.tensors(work)
        loops, ndim = _Loops(self, out.dims), len(out.dims)
        missing = ndim - len(source.dims)
        axes = [a - missing if a >= missing and source.dims[a - missing] != 1 else -1
                for a in range(ndim)]
        name = loops.load(source, source.dtype, _along(source, axes, out.dims), ARRAY)
        loops.store(out, _along(out, range(ndim), out.dims), name, adds=work.kind == "add")
        self.body += loops.text()

    # ----- other loops, and calls -----

    def _loop(self, work):
        level = type(self)(self.writer, self.uses.loops[work.at], self, work)
        self.body += level.text()

    def _call(self, work):
        """Call the kernel of a step on its tensors."""
        tensors = f"(ct_tensor *)({self.scratch(self.form.layout['tensors'])})"
        for i, tensor in enumerate(self.uses.tensors(work), work.first):
            if tensor.terms or hasattr(self.form.slots.get(tensor.slot), "delta"):
                self.body.append(f"({tensors})[{i}].data = {self.address(tensor)};")
        fn, params = self.known(work.fn), self.known(work.params)
        self.body += [
            f"status = ((ct_kernel){fn})(call, {work.n}, {tensors} + {work.first}, "
            f"(const int64_t *){params});",
            "if (status != CT_OK) {", *self.failure(self.step_number(), work.at), "return status;",
            "}"]

    # ----- integers that addresses depend on -----

    def register(self, i):
        """The number of a register."""
        value = self.form.values[i]
        if value is not None:
            return self.writer.number(value)
        return f"r{self.k}_{i}"

    def write_registers(self):
        """Compute the registers that depend on data, and check them."""
        for i, (op, a, b, c, imm) in enumerate(self.form.registers):
            if self.form.values[i] is None:
                text = (self.load(a, b, imm) if op == SizeOp.SIZE_LOAD
                        else self._size(op, a, b, c))
                self.body.append(f"const int64_t {self.register(i)} = {text};")
                self.body.append(f"(void){self.register(i)};")
        for i in sorted(self.uses.memory_registers):
            if self.form.values[i] is None:
                at = self.scratch(self.form.layout["regs"] + 8 * i)
                self.body.append(f"*(int64_t *)({at}) = {self.register(i)};")
        for number, condition, a, b in self.form.checks:
            info = [str(number), self.register(a), self.register(b)]
            self.body += [
                f"if (!{self.register(condition)}) {{",
                *[f"call->info[{k}] = {text};" for k, text in enumerate(info)],
                *self.failure(self.step_number(), -1), "return CT_CHECK;", "}"]

    def load(self, array, dtype, index):
        """The text of an integer of an array of the body."""
        slot, ndim, step = self.form.array(array)
        T = BY_CODE[dtype].storage
        if ndim == 0:
            return f"(int64_t){self.read(Tensor(slot, 0, [], dtype, (), ()))}"
        offset = f" + {self.writer.number(index * step)}" if index else ""
        return f"(int64_t)*(const {T} *)({self.pointer(slot, dtype)}{offset})"

    def _size(self, op, a, b, c):
        """The text of an operation on registers."""
        x, y, z = [self.register(i) for i in (a, b, c)]
        return {SizeOp.SIZE_ADD: f"{x} + {y}", SizeOp.SIZE_SUB: f"{x} - {y}",
                SizeOp.SIZE_MUL: f"{x} * {y}", SizeOp.SIZE_EQ: f"{x} == {y}",
                SizeOp.SIZE_LT: f"{x} < {y}", SizeOp.SIZE_WHERE: f"{x} ? {y} : {z}",
                SizeOp.SIZE_MAX: f"ct_most({x}, {y})", SizeOp.SIZE_MIN: f"ct_least({x}, {y})",
                SizeOp.SIZE_FLOORDIV: f"ct_size_quotient({x}, {y})",
                SizeOp.SIZE_MOD: f"ct_size_remainder({x}, {y})"}[op]


class _Loops:
    """Loops over the axes of arrays.

    Parameters
    ----------
    level : Steps
        Whose step they are.
    sizes : sequence of int
    """

    def __init__(self, level, sizes):
        self.level = level
        self.sizes = [level.writer.number(n) for n in sizes]
        self.indices = [level.writer.name("j") for _ in sizes]
        self.lines = [[] for _ in range(len(sizes) + 1)]        # per depth
        self.inside = []

    def load(self, tensor, dtype, steps, source):
        """Read an element as far outside as it is the same; return its name."""
        T, name = BY_CODE[dtype].storage, self.level.writer.name("t")
        depth = max([a + 1 for a, step in enumerate(steps) if step], default=0)
        if source == ARRAY:
            text = f"*(const {T} *)({self._element(tensor, steps)})"
        else:
            first = self.level.writer.number(tensor.offset)
            text = f"({T})({self._sum(first, steps, 0)})"
        self.lines[depth].append(f"const {T} {name} = {text};")
        return name

    def store(self, tensor, steps, name, adds=False):
        T = BY_CODE[tensor.dtype].storage
        self.inside.append(
            f"*({T} *)({self._element(tensor, steps)}) {'+' if adds else ''}= {name};")

    def _element(self, tensor, steps):
        pointer = self.level.writer.name("q")
        self.lines[0].append(f"char *const {pointer} = {self.level.address(tensor)};")
        return self._sum(pointer, steps, BY_CODE[tensor.dtype].size)

    def _sum(self, first, steps, item):
        terms = [f"{j} * {self.level.bytes(step, item)}"
                 for j, step in zip(self.indices, steps) if step]
        return " + ".join([first, *terms])

    def text(self):
        """Return the lines."""
        lines, last = ["{", *self.lines[0]], len(self.sizes) - 1
        for a, (j, n) in enumerate(zip(self.indices, self.sizes)):
            lines += ["CT_IVDEP"] * (a == last)
            lines += [f"for (int64_t {j} = 0; {j} < {n}; {j}++) {{", *self.lines[a + 1]]
        return [*lines, *self.inside, *["}"] * (len(self.sizes) + 1)]


def _along(tensor, axes, sizes):
    """The bytes from element to element along the axes of a space."""
    return [tensor.strides[axis] if axis >= 0 and n != 1 else 0 for axis, n in zip(axes, sizes)]
