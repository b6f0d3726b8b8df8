"""From a fused group to its tile program: values, ops, and the kernels that run them."""
from cytensor._core import DTYPES
from cytensor._program import GroupSpec
from cytensor.lowering.groups import CHEAP, FULL, KEPT, SEARCHES
from cytensor.lowering.merges import (
    APART, ARG, ARRAY, COMPUTED, COUNT, FOLD, GATHER, MAP, PICK, SCATTER, UNPICK,
    Merger)

CODES = {name: code for code, name in enumerate(DTYPES)}

#: Cost of one element in additions, where it is not 1.
WEIGHTS = {"true_div": 2, "sqrt": 2, "rsqrt": 4, "exp": 5, "exp2": 5, "log": 6, "log2": 6,
           "log10": 6, "expm1": 7, "log1p": 7, "tanh": 8, "sigmoid": 7, "softplus": 14, "sin": 8,
           "cos": 8, "tan": 12, "pow": 25, "erf": 12, "erfc": 16, "logaddexp": 16, "floor_div": 6,
           "mod": 8}
_SLOW = 40                                      # functions that are not in the table and not cheap
_GATHER_WEIGHT, _SCATTER_WEIGHT = 4, 6
#: The value of a reduction over nothing.
_IDENTITY = {"sum": 0, "prod": 1, "all": 1, "any": 0}


class TileProgram:
    """Builds the ``GroupSpec`` of one group.

    Parameters
    ----------
    group : Group
    stored : collection of Variable
        The values that are read outside the group.
    device : object
        Where kernels are found: ``map_kernel``, ``fold_kernel``.
    """

    def __init__(self, group, stored, device):
        self.group = group
        self.device = device
        self.outputs = [v for v in group.values if v in stored and v not in group.borrowed]
        self.inputs = []            # variables, one per loaded operand
        self.axes = []              # per input: its axes along the space, in the group's order
        self._values = []
        self._numbers = {}          # variable, or (variable, level, axes) -> value
        self._ops = []
        self._names = []            # per op: for fused pairs
        self._scalars = []          # per op: (node, value that it makes, values that it reads), ..
        reduced = group.reduced or (False,) * len(group.space)
        last = max([i for i, r in enumerate(reduced) if r], default=-1)
        axes = range(len(reduced))
        self.k = [i for i in axes if not reduced[i] and i < last or last < 0]
        self.r = [i for i in axes if reduced[i]]
        self.c = [i for i in axes if not reduced[i] and i > last >= 0]
        self.order = self.k + self.r + self.c
        self.mode = "map" if not self.r else "column" if self.c else "row"
        self._build()

    # ----- values -----

    def _value(self, level, dtype, source, operand):
        self._values.append((level, CODES[dtype], source, operand))
        return len(self._values) - 1

    def _load(self, operand):
        """The value number of an argument that comes from memory."""
        x, level, axes = operand.variable, operand.level, operand.axes
        if level == FULL and self.mode == "row" and self._skips_reduced(axes):
            level = KEPT                        # one element per row: loaded once per row
        key = (x, level, axes)
        number = self._numbers.get(key)
        if number is None:
            source = COUNT if is_count(x) else ARRAY
            number = self._value(level, x.type.dtype, source, len(self.inputs))
            self._numbers[key] = number
            self.inputs.append(x)
            self.axes.append(tuple([axes[i] for i in self.order]))
        return number

    def _apart(self, operand):
        """The value number of an argument that its reader reaches by itself."""
        x, level, axes = operand.variable, operand.level, operand.axes
        key = (x, level, axes, APART)
        if key not in self._numbers:
            self._numbers[key] = self._value(level, x.type.dtype, APART, len(self.inputs))
            self.inputs.append(x)
            self.axes.append(tuple([axes[i] for i in self.order]))
        return self._numbers[key]

    def _skips_reduced(self, axes):
        return any([axes[i] >= 0 for i in self.k]) and not any([axes[i] >= 0 for i in self.r])

    def _argument(self, operand):
        if operand.axes is None:
            return self._numbers[operand.variable]
        return self._load(operand)

    # ----- ops -----

    def _build(self):
        tables = [self._apart(sink.table) for sink in self.group.sinks]     # the first inputs
        for member in self.group.members:
            read = self._apart if member.node.name == "gather" else self._argument
            arguments = [read(o) for o in member.operands]
            out = member.node.outputs[0]
            number = self._value(member.level, out.type.dtype, COMPUTED, -1)
            self._numbers[out] = number
            self._ops.append(self._op(member, number, arguments))
            self._names.append(member.node.name)
            self._scalars.append([(member.node, number, tuple(arguments))])
        if self.group.space:            # of single numbers, a loop makes instructions
            stored = {self._numbers[v] for v in self.outputs}
            stored.update([self._numbers[sink.source.variable] for sink in self.group.sinks])
            merger = Merger(self._ops, self._names, self._scalars, self._values, stored,
                            self.device)
            self._ops, self._scalars = merger.merged(self.mode == "row")
        for sink, table in zip(self.group.sinks, tables):
            self._add_sink(sink, table)

    def _add_sink(self, sink, out):
        """Write an op that adds to memory, which is an operand."""
        node = sink.node
        ins = (self._argument(sink.source), *[self._apart(x) for x in sink.indices])
        fn = self.device.map_kernel("add", CODES[node.outputs[0].type.dtype])
        _, phase = self.group.values[sink.source.variable]
        self._ops.append((SCATTER, FULL, phase, out, ins, _SCATTER_WEIGHT, fn, 0, b""))
        self._scalars.append([(node, out, ins)])

    def _op(self, member, out, arguments):
        """(kind, level, phase, out, ins, weight, fn, fn2, identity)"""
        node = member.node
        kind = node.kind
        head = (member.level, member.phase, out, tuple(arguments))
        if kind == "pick":
            return (PICK, *head, 1, 0, 0, b"")
        if kind == "unpick":
            return (UNPICK, *head, 1, 0, 0, b"")
        if node.name == "gather":
            return (GATHER, *head, _GATHER_WEIGHT, 0, 0, b"")
        if node.name in SEARCHES:
            fn = self.device.searcher(node.name, CODES[node.inputs[0].type.dtype])
            return (ARG, *head, 1, fn, 0, b"")
        if kind == "reduce" and member.level == KEPT:
            return self._fold(node, head)
        fn = self._map_address(node)
        return (MAP, *head, self._weight(node), fn, 0, b"")

    def _map_address(self, node):
        name = node.name
        dtype = CODES[node.inputs[-1].type.dtype]
        if node.kind == "reduce":            # over axes of size 1: a copy
            return self.device.map_kernel("cast", dtype, dtype)
        if name == "cast":
            return self.device.map_kernel("cast", dtype, CODES[node.params["dtype"]])
        return self.device.map_kernel(name, dtype, special=node.op.traits.get("special", False))

    def _weight(self, node):
        name = node.name
        return 1 if name in CHEAP or node.kind == "reduce" else WEIGHTS.get(name, _SLOW)

    def _fold(self, node, head):
        import numpy as np
        name, dtype = node.name, node.inputs[0].type.dtype
        fold, join = self.device.fold_kernels(name, CODES[dtype])
        identity = np.array(_IDENTITY.get(name, 0), dtype).tobytes()
        return (FOLD, *head, 1, fold, join, identity)

    # ----- the result -----

    def output_axes(self, variable):
        """Which axis of an output each axis of the space is, or -1."""
        level, _ = self.group.values[variable]
        real = [i for i, n in enumerate(self._shape(variable)) if not is_one(n)]
        it = iter(real)
        reduced = self.group.reduced or (False,) * len(self.group.space)
        # A space of picks has its last axis even where the output, of size 1 there, has none.
        places = [-1 if level == KEPT and r else next(it, -1) for r in reduced]
        return tuple([places[i] for i in self.order])

    def spec(self, registers, shape, aliases, read):
        """Make the ``GroupSpec``.

        Parameters
        ----------
        registers : list of int
            Registers of the sizes of the space.
        shape : callable
            From a variable to its sizes.
        aliases : dict
            Output variable -> input variable whose memory it overwrites.
        read : collection of Variable
            What later steps read.
        """
        self._shape = shape
        nout = len(self.outputs)
        values = [(level, dtype, source, operand + nout if source != COMPUTED else -1)
                  for level, dtype, source, operand in self._values]
        outputs = [(self._numbers[v], self._alias(v, aliases) + nout if v in aliases else -1,
                    v in read) for v in self.outputs]
        phases = 1 + max([m.phase for m in self.group.members], default=0)
        return GroupSpec(
            values, self._ops, outputs, (len(self.k), len(self.r), len(self.c)), max(phases, 1),
            [registers[i] for i in self.order],
            [self.output_axes(v) for v in self.outputs] + self.axes, self._scalars)

    def _alias(self, output, aliases):
        return self.inputs.index(aliases[output])


def is_one(n):
    """Whether a size is known to be 1."""
    return type(n) is int and n == 1


def is_count(x):
    """Whether a variable is 0, 1, 2, .. seen through views that need no copy."""
    while x.owner is not None and x.owner.name in (
            "dimshuffle", "broadcast_to", "subtensor", "assume_size"):
        x = x.owner.inputs[0]
    return x.owner is not None and x.owner.kind == "iota"
