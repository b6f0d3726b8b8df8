"""Writes one segment of a program: its registers, values and steps."""
from copy import deepcopy

from cytensor import _python
from cytensor._core import DTYPES, Constant, TensorType
from cytensor._program import OBJECT_DTYPE, Segment, Step
from cytensor._python import PythonCall
from cytensor.lowering.groups import base_of
from cytensor.lowering.sizes import SIZE_ARGS
from cytensor.lowering.tiles import TileProgram
from cytensor.ops.sizes import Size
from cytensor.ops.subtensor import bound, position, slice_span

CODES = {name: code for code, name in enumerate(DTYPES)}
_ARRAY, _REGISTER, _COUNTER, _COMPUTED, _VIEW, _OBJECT = range(6)       # ValueKind
IN_ARENA, IN_OUTPUT, IN_CELL, IN_PART = range(4)                # Home
_DIMSHUFFLE, _SLICE, _RESHAPE, _BROADCAST, _DIAGONAL, _KERNEL, _GROUP, _LOOP = range(8)  # StepKind


class Emitter:
    """Writes one segment.

    Parameters
    ----------
    solver : SizeSolver
    device : object
        Where kernels are found.
    arrays : ArrayTable
        The arrays of the whole program.
    """

    def __init__(self, solver, device, arrays):
        self.solver = solver
        self.device = device
        self.arrays = arrays
        self.segment = Segment()
        self._registers = {}        # size -> register
        self.segment.shape = ShapeReader(solver, self._registers)
        self._values = {}           # variable -> value number
        self._sizes = set()         # registers that are sizes
        self._used = {}             # array -> rank
        self._homes = {}            # variable -> (home, index, spare[, axis])
        self._joined = {}           # join -> which values are computed in their places

    # ----- registers -----

    def register(self, size, is_size=False):
        """Return the register that holds a size."""
        found = self._register(size, self.solver.canonical)
        if is_size:
            self._sizes.add(found)
        return found

    def _register(self, size, canonical):
        size = canonical(size)
        if size not in self._registers:
            for part in _parts(size, self._registers, canonical):
                self._registers[part] = self._compute(part, canonical)
        return self._registers[size]

    def _compute(self, size, canonical):
        if type(size) is int:
            return self.segment.add_register("const", imm=size)
        if size.op in ("dim", "late"):
            variable, axis = size.args
            return self.segment.add_register("dim", self._array(variable), axis)
        if size.op == "load":
            variable, index = size.args
            return self.segment.add_register(
                "load", self._array(variable), CODES[variable.type.dtype], imm=index)
        args = [self._registers[canonical(a)] for a in size.args]
        return self.segment.add_register(size.op, *args)

    def _array(self, variable):
        number = self.arrays.number(variable)
        self._used[number] = self.arrays.rows[number][2]
        return number

    def check(self, condition, message, a, b, error, node):
        """Add a check that runs when a plan is made, or on each call.

        It looks at the sizes as they are, not at what is taken to equal them.
        """
        registers = [self._register(s, _itself) for s in (condition, a, b)]
        self.segment.checks.append((registers[0], message, *registers[1:], error, node))

    # ----- values -----

    def value(self, variable):
        """Return the number of a value, with the view steps that lead to it."""
        chain = []
        while variable not in self._values:
            node = variable.owner
            if self.arrays.holds(variable):
                self._values[variable] = self.segment.add_value(
                    _ARRAY, *layout(variable), self._array(variable))
            elif variable in self.arrays.objects:
                self._values[variable] = self._reference(variable)
            elif node.kind == "view":
                chain.append(variable)
                variable = node.inputs[0]
            elif node.kind in ("shape", "iota"):
                self._values[variable] = self._source(node)
            else:
                raise AssertionError(f"{variable!r} is read before it is computed")
        number = self._values[variable]
        for view in reversed(chain):
            number = self._values[view] = self._view(view.owner, number)
        return number

    def _source(self, node):
        out = node.outputs[0]
        if node.kind == "shape":
            size = self.solver.value(out)
            return self.segment.add_value(_REGISTER, CODES["int64"], 0, self.register(size))
        return self.segment.add_value(_COUNTER, CODES[out.type.dtype], 1,
                                      dims=self._size_registers(out))

    def _size_registers(self, variable):
        return [self.register(n, is_size=True) for n in self.solver.shape(variable)]

    def _reference(self, variable):
        """The value of a variable that is an object, and that the call holds."""
        return self.segment.add_value(_OBJECT, OBJECT_DTYPE, 0, self.arrays.objects[variable])

    def place(self, variable, home, index, spare=-1):
        """Say where a value is to be written, before the step that computes it."""
        self._homes[variable] = (home, index, spare)

    def is_placed(self, variable):
        """Whether it has been said where a value is to be written."""
        return variable in self._homes

    def _result(self, variable):
        if variable in self.arrays.objects:
            number = self._values[variable] = self._reference(variable)
            return number
        home, *where = self._homes.get(variable, (IN_ARENA, -1, -1))
        index, spare, *axis = where
        number = self.segment.add_value(
            _COMPUTED, CODES[variable.type.dtype], variable.type.ndim, index,
            self._size_registers(variable), home, spare, *axis)
        self._values[variable] = number
        return number

    # ----- views -----

    def _view(self, node, source):
        out = node.outputs[0]
        number = self.segment.add_value(_VIEW, CODES[out.type.dtype], out.type.ndim)
        kind, numbers = getattr(self, "_view_" + node.name)(node)
        self.segment.steps.append(Step(kind, [number], [source], numbers, node))
        return number

    def _view_dimshuffle(self, node):
        return _DIMSHUFFLE, node.params["order"]

    def _view_assume_size(self, node):
        return _DIMSHUFFLE, tuple(range(node.inputs[0].type.ndim))

    _view_unbroadcast = _view_after_steps = _view_assume_size

    def _view_broadcast_to(self, node):
        return _BROADCAST, self._size_registers(node.outputs[0])

    def _view_reshape(self, node):
        return _RESHAPE, self._size_registers(node.outputs[0])

    def _view_diagonal(self, node):
        p = node.params
        return _DIAGONAL, (p["offset"], p["axis1"], p["axis2"])

    def _view_subtensor(self, node):
        return _SLICE, self.slice_numbers(node.inputs[0], node.inputs[1:], node.params["index"])

    def slice_numbers(self, x, values, index):
        """Return (start, step, size) registers for each axis of ``x``."""
        S, numbers = self.solver, []
        for axis, n in enumerate(S.shape(x)):
            kind, *items = index[axis] if axis < len(index) else ("slice", None, None, None)
            items = [bound(S, item, values) for item in items]
            if kind == "at":
                numbers += [self.register(position(S, n, *items)), -1, -1]
            else:
                start, size, step = slice_span(S, n, *items)
                plain = type(step) is int and step == 1
                numbers += [self.register(start),
                            -1 if plain else self.register(step, is_size=True),
                            self.register(size, is_size=True)]
        return numbers

    # ----- steps -----

    def kernel(self, node, commits=False):
        """Write a structured node."""
        op = node.op
        if node in self._joined:
            self._join_rest(node)
            return
        accumulates = op.traits.get("accumulates", False)
        tensors = [x for i, x in enumerate(node.inputs) if not self._is_size_arg(node, i)]
        ins = [self.value(x) for x in tensors]
        outs = [self._result(out) for out in node.outputs]
        iparams = op.traits.get("iparams")
        numbers = iparams(**node.params) if iparams else ()
        self.segment.steps.append(Step(
            _KERNEL, outs, ins, numbers, node, fn=self.device.structured_kernel(op.name),
            accumulates=accumulates, label=op.name, commits=commits, nodes=(node,),
            variables=(*node.outputs, *tensors)))

    def join_in_place(self, node, made):
        """Have some of what a node joins computed where it belongs.

        ``made`` says for an input which value lies in memory as it does.
        """
        out, axis = node.outputs[0], node.params["axis"]
        whole = self._result(out)
        self._joined[node] = made
        for x, start in zip(node.inputs, self._starts(node)):
            if x in made:
                place = self.register(start, is_size=True)
                self._homes[made[x]] = (IN_PART, whole, place, axis)

    def view_in_output(self, variable, base, index):
        """Have ``base`` computed in an output, which has the shape of a view of it."""
        whole = self.segment.add_value(
            _COMPUTED, CODES[variable.type.dtype], variable.type.ndim, index,
            self._size_registers(variable), IN_OUTPUT)
        self._homes[base] = (IN_PART, whole, self.register(0, is_size=True), 0)

    def _starts(self, node):
        """Where on the joined axis each input begins."""
        starts = [0]
        for x in node.inputs[:-1]:
            starts.append(starts[-1] + self.solver.shape(x)[node.params["axis"]])
        return starts

    def _join_rest(self, node):
        """Copy those inputs of a join that are not computed in their places."""
        out, axis = node.outputs[0], node.params["axis"]
        copy = self.device.structured_kernel("copy")
        for x, start in zip(node.inputs, self._starts(node)):
            if x in self._joined[node]:
                continue
            numbers = []
            for i, n in enumerate(self.solver.shape(x)):
                first = self.register(start, is_size=True) if i == axis else -1
                numbers += [first, -1, self.register(n, is_size=True)]
            part = self.segment.add_value(_VIEW, CODES[out.type.dtype], out.type.ndim)
            source = self.value(x)
            self.segment.steps.extend([
                Step(_SLICE, [part], [self._values[out]], numbers, node),
                Step(_KERNEL, [], [part, source], (), node, fn=copy, label=node.name,
                     nodes=(node,))])

    def python(self, node):
        """Write a node that runs Python."""
        bind = node.op.traits.get("bind")
        perform = bind(node) if bind else node.op.traits["perform"]
        call = PythonCall(perform, node.params, [out.type for out in node.outputs])
        count = SIZE_ARGS.get(node.name, len(node.inputs))
        ins = [self._argument(x) for x in node.inputs[:count]]
        outs = [self._result(out) for out in node.outputs]
        self._python_step(node, outs, ins, call, node.name)

    def _argument(self, x):
        """The value of an argument of a step in Python, which takes references where it can."""
        return self._reference(x) if x in self.arrays.objects else self.value(x)

    def _python_step(self, node, outs, ins, call, label):
        self.segment.steps.append(Step(_KERNEL, outs, ins, (call.address,), node,
                                       fn=_python.kernel, label=label, python=call,
                                       nodes=(node,)))

    def copy_object(self, variable, index):
        """Write a copy of an object, or of an array that the call holds as one, to an output."""
        call = PythonCall(_copies, {}, [variable.type])
        target = self.segment.add_value(_OBJECT, OBJECT_DTYPE, 0, index)
        self._python_step(variable.owner, [target], [self._argument(variable)], call, "copy")

    def scan(self, node, loop):
        """Write a loop. Without a ``loop`` that runs it in C, it is a step in Python."""
        n, *rest = node.inputs
        steps = self.segment.add_value(_REGISTER, CODES["int64"], 0,
                                       self.register(self.solver.value(n)))
        ins = [steps, *[self._argument(x) for x in rest]]
        outs = [self._result(out) for out in node.outputs]
        if loop is None:
            call = PythonCall(node.op.traits["perform"], node.params,
                              [out.type for out in node.outputs])
            self._python_step(node, outs, ins, call, node.name)
        else:
            numbers = [self.register(self.solver.value(x), is_size=True)
                       for x in loop.known_inputs()]
            self.segment.steps.append(Step(_LOOP, outs, ins, numbers, node, label=node.name,
                                           python=loop, nodes=(node,)))

    def _is_size_arg(self, node, i):
        return i >= SIZE_ARGS.get(node.name, len(node.inputs))

    def check_indices(self, node):
        """Write a look at the indices of a scatter that is to write over a shared variable."""
        x, _, *indices = node.inputs
        while not self.arrays.holds(x):         # earlier writes: they change no size
            x = x.owner.inputs[0]
        self.segment.steps.append(Step(
            _KERNEL, [], [self.value(v) for v in (x, *indices)], (), node,
            fn=self.device.structured_kernel("check_indices"), label=node.name,
            variables=(x, *indices)))

    def increment(self, node, commits=False):
        """Write inc_subtensor: a copy, and a kernel on a part of it."""
        x, y, *values = node.inputs
        out = node.outputs[0]
        update = self.value(y)
        whole = self._accumulate(node, commits)
        numbers = self.slice_numbers(x, values, node.params["index"])
        sizes = [r for r in numbers[2::3] if r >= 0]
        part, spread = [self.segment.add_value(_VIEW, CODES[out.type.dtype], len(sizes))
                        for _ in range(2)]
        kernel = self.device.structured_kernel("copy" if node.params["set"] else "add_into")
        self.segment.steps.extend([
            Step(_SLICE, [part], [whole], numbers, node, commits=commits),
            Step(_BROADCAST, [spread], [update], sizes, node, commits=commits),
            Step(_KERNEL, [], [part, spread], (), node, fn=kernel, label=node.name,
                 commits=commits)])

    def _accumulate(self, node, commits):
        """Bring the first input of a node to where its output will be; return that."""
        source = self.value(node.inputs[0])
        whole = self._result(node.outputs[0])
        self.segment.steps.append(Step(
            _KERNEL, [whole], [source], (), node, accumulates=True, label=node.name,
            commits=commits))
        return whole

    def copy(self, variable, home, index=-1):
        """Write a copy of a value to an output, or to the arena; return its number."""
        source = self.value(variable)
        target = self.segment.add_value(
            _COMPUTED, CODES[variable.type.dtype], variable.type.ndim, index,
            self._size_registers(variable), home)
        self.segment.steps.append(Step(
            _KERNEL, [target], [source], (), variable.owner,
            fn=self.device.structured_kernel("copy"), label="copy"))
        return target

    def group(self, group, stored, read, aliases, commits=False):
        """Write a fused group, unless all that it makes is made again by those who read it."""
        tiles = TileProgram(group, stored, self.device)
        if not tiles.outputs and not group.sinks:
            return
        for sink in group.sinks:
            self._accumulate(sink.node, commits)
        ins = [self.value(x) for x in tiles.inputs]
        registers = [self.register(n, is_size=True) for n in group.space]
        outs = [self._result(out) for out in tiles.outputs]
        spec = tiles.spec(registers, self.solver.shape, aliases, read)
        nodes = tuple(group.nodes)
        self.segment.steps.append(Step(
            _GROUP, outs, ins, (), nodes[-1], spec=spec, commits=commits, label=_label(nodes),
            nodes=nodes, variables=(*tiles.outputs, *tiles.inputs), changes=len(group.sinks)))

    def export(self, variable):
        """Hand a value to later segments: one that lies in the arena, and is no view."""
        if variable in self.arrays.objects:
            self.segment.late.append((self.arrays.objects[variable], self.arrays.export(variable)))
            return
        if base_of(variable) is not variable or self.arrays.holds(variable):
            value = self.copy(variable, IN_ARENA)
        else:
            value = self.value(variable)
        self.segment.exports.append((value, self.arrays.export(variable)))

    def close(self):
        """Freeze the segment and return it."""
        self.segment.freeze(self._used, self._sizes)
        return self.segment


class ShapeReader:
    """Tells the sizes of variables, for the errors of a segment.

    Parameters
    ----------
    solver : SizeSolver
    registers : dict of size to int
    """

    def __init__(self, solver, registers):
        self._solver = solver
        self._registers = registers

    def __call__(self, variable, numbers):
        """Return the shape that a variable has, given the numbers in the registers."""
        return tuple([self._number(size, numbers) for size in self._solver.shape(variable)])

    def _number(self, size, numbers):
        for known in (size, self._solver.canonical(size)):
            if type(known) is int:
                return known
            if known in self._registers:
                return numbers[self._registers[known]]
        return "?"


def layout(variable):
    """The dtype and the rank of a variable, as programs write them."""
    if not isinstance(variable.type, TensorType):
        return OBJECT_DTYPE, 0
    return CODES[variable.type.dtype], variable.type.ndim


def _copies(inputs, params):
    return [deepcopy(x) for x in inputs]


def _itself(size):
    return size


def _label(nodes):
    names = [node.name for node in nodes]
    return names[0] if len(names) == 1 else f"fused({', '.join(names)})"


def _parts(size, known, canonical):
    """The sizes that ``size`` is made of and that are not known, each after its own parts."""
    order, stack, done = [], [size], set()
    while stack:
        s = stack[-1]
        if s in known or s in done:
            stack.pop()
            continue
        parts = () if type(s) is int or s.op in ("dim", "late", "load") else s.args
        parts = [p if type(p) is int else canonical(p) for p in parts]
        waiting = [p for p in parts if p not in known and p not in done]
        if waiting:
            stack.extend(waiting)
        else:
            done.add(s)
            order.append(s)
            stack.pop()
    return order


def loads_of(size, memo, canonical=_itself):
    """The variables that must be there before a size is known."""
    size = canonical(size)
    if type(size) is not Size:
        return frozenset()
    found = memo.get(size)
    if found is None:
        for part in _parts(size, memo, canonical):
            if type(part) is int:
                memo[part] = frozenset()
            elif part.op in ("late", "load"):
                memo[part] = frozenset([part.args[0]])
            elif part.op == "dim":
                memo[part] = frozenset()
            else:
                memo[part] = frozenset().union(*[memo[canonical(a)] for a in part.args])
        found = memo[size]
    return found


class ArrayTable:
    """The arrays of a program: arguments, cells, then constants and exports.

    Attributes
    ----------
    rows : list of (kind, dtype, ndim, payload)
    objects : dict of Variable to int
        What steps in Python return as objects: which output of the call holds it.
    """

    def __init__(self, inputs, cells):
        self.rows = []
        self.objects = {}
        self._numbers = {}
        for kind, variables in (("input", inputs), ("cell", cells)):
            for v in variables:
                self._add(v, kind, None)

    def _add(self, variable, kind, payload):
        self._numbers[variable] = len(self.rows)
        self.rows.append((kind, *layout(variable), payload))
        return len(self.rows) - 1

    @property
    def variables(self):
        """What the arrays are, in order."""
        return tuple(self._numbers)

    def holds(self, variable):
        """Whether a variable is an array that is there when a segment begins."""
        return variable in self._numbers or isinstance(variable, Constant)

    def number(self, variable):
        """The number of such a variable."""
        found = self._numbers.get(variable)
        if found is None and isinstance(variable, Constant):
            found = self._add(variable, "constant", variable.data)
        if found is None:
            raise AssertionError(f"{variable!r} is no array of the program")
        return found

    def export(self, variable):
        """Make room for a value that one segment hands to later ones."""
        return self._add(variable, "export", None)
