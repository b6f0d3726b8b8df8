"""Generated code for rows: one function that computes a row from its loads to its stores.

Its loops are those of blocks (``render.py``), its sums are added by the kernels of reductions, and
what is one number for a row is a variable. What a later loop reads lies in scratch memory.
"""
from string import Template

from cytensor.lowering.groups import FULL, KEPT
from cytensor.lowering.merges import FOLD, MAP
from cytensor.lowering.render_columns import SUMS, ColumnWriter
from cytensor.lowering.render import (
    AROUND, BEHIND, EACH, ONE, Block, Writer, end_of, indent, named_function, number, without_gaps)

WHOLE = 2                                       # of enum ct_level

ROWS = Template("""\
void $name(
    int64_t rows, int64_t n, char *const *at, const int64_t *steps)
{
$sizes
    for (int64_t r = 0; r < rows; r++) {
$row
    }
$end
}
""")
LINES = Template("""\
for (int64_t line = 0; line < lines; line++) {
$pointers
$loops
}""")
#: A row, as a whole and its size, where it is one line and where it has several.
ONE_LINE, MANY_LINES = ("p", "n"), ("row", "all")


def render(spec, form, kernel):
    """Write the functions of a group.

    Parameters
    ----------
    spec : GroupSpec
    form : tuple
        What its blocks are: see ``cytensor.cpu._fused.Blocks``.
    kernel : callable
        From the address of a kernel of reductions to the name of the variable that has it.

    Returns
    -------
    list of Function

    Raises
    ------
    Unwritable
        If its functions cannot be written.
    """
    return [_writer(spec, Block(*row), kernel).function() for row in form]


def _writer(spec, block, kernel):
    if block.level == WHOLE:
        return RowWriter(spec, block, kernel)
    return ColumnWriter(spec, block) if block.level == SUMS else Writer(spec, block)


class RowWriter:
    """Writes the function of a group that is computed row by row."""

    def __init__(self, spec, block, kernel):
        self.spec = spec
        self.block = block
        self.kernel = kernel
        self.has_lines = bool(block.phase)
        self.row, self.size = MANY_LINES if self.has_lines else ONE_LINE
        self.memory = (*block.reads, *block.makes)
        self.how = dict(zip(self.memory, block.how))
        self.declared = {}              # variables with addresses -> their declarations
        self.nodes = []                 # all of them, for the name

    def function(self):
        """Return the function."""
        phases = range(1 + max([op[2] for op in self.spec.ops]))
        ops = [line for p in phases for line in (*self._loop_segment(p), *self._numbers(p))]
        ends = self._tails()
        row = [*self._heads(), *self._numbers(-1), *ops, *ends]
        n = 2 * len(self.memory)
        sizes = [f"const int64_t lines = steps[{n}], all = lines * n;"] if self.has_lines else []
        text = ROWS.safe_substitute(sizes=indent(sizes, 1), row=indent(row, 2),
                                    end=indent(end_of(ends), 1))
        return named_function(self.nodes, "_by_rows",
                              "".join(self.declared.values()) + without_gaps(text))

    # ----- values -----

    def _is_full(self, value):
        return self.spec.values[value][0] == FULL

    def _is_each(self, value):
        """Whether a value has an array of elements, in memory or in scratch."""
        return self._is_full(value) and self.how.get(value) != ONE

    def _storage(self, value):
        return Writer.dtype_of(self.spec, value).storage

    def _heads(self):
        """Load the numbers of a row, and point at its arrays."""
        lines = []
        for k, value in enumerate(self.memory):
            T, at = self._storage(value), f"at[{k}] + r * steps[{2 * k}]"
            const = "const " if k < len(self.block.reads) else ""
            is_number = not self._is_each(value) and not (self.has_lines and self._is_full(value))
            if is_number and const:
                lines.append(f"const {T} t{value} = *(const {T} *)({at});")
            elif not is_number and self.how[value] not in (AROUND, BEHIND):
                lines.append(f"{const}{T} *const {self.row}{value} = ({const}{T} *)({at});")
        for k, value in enumerate(self.block.keeps, len(self.memory)):
            T = self._storage(value)
            lines.append(f"{T} *const {self.row}{value} = ({T} *)at[{k}];")
        return lines

    def _tails(self):
        """Store the numbers of a row, and results that were kept."""
        lines = []
        for k, value in enumerate(self.block.makes, len(self.block.reads)):
            T, at = self._storage(value), f"at[{k}] + r * steps[{2 * k}]"
            if not self._is_full(value):
                lines.append(f"*({T} *)({at}) = t{value};")
            elif self.how[value] in (AROUND, BEHIND):
                copy = "ct_stream" if self.how[value] == AROUND else "memcpy"
                lines.append(f"{copy}({at}, {self.row}{value}, {self.size} * sizeof({T}));")
        return lines

    def _of_line(self, value):
        """Point at the line of an array, or load its number."""
        T = self._storage(value)
        const = "const " if value in self.block.reads else ""
        if value in self.block.keeps:
            return f"{T} *const p{value} = row{value} + line * n;"
        step = f"line * steps[{2 * self.memory.index(value) + 1}]"
        at = f"({const}{T} *)(({const}char *)row{value} + {step})"
        if self._is_each(value):
            return f"{const}{T} *const p{value} = {at};"
        return f"const {T} t{value} = *{at};"

    # ----- ops -----

    def _ops(self, phase, kind, level):
        return [(op, scalars) for op, scalars in zip(self.spec.ops, self.spec.scalars)
                if op[2] == phase and op[0] == kind and op[1] == level]

    def _numbers(self, phase):
        """The ops on numbers after a phase."""
        nodes = [node for _, scalars in self._ops(phase, MAP, KEPT) for node in scalars]
        self.nodes += [node for node, _, _ in nodes]
        return [f"const {self._storage(out)} t{out} = {number(node, ins)};"
                for node, out, ins in dict.fromkeys(nodes)]

    def _loop_segment(self, phase):
        """The folds and the loop of a phase; folds that need not wait for the loop come first."""
        maps = self._ops(phase, MAP, FULL)
        made = {out for _, scalars in maps for _, out, _ in scalars}
        folds = [op for op, _ in self._ops(phase, FOLD, KEPT)]
        self.nodes += [scalars[-1][0] for _, scalars in self._ops(phase, FOLD, KEPT)]
        late = [op for op in folds if made.intersection(op[4])]
        lines = [line for op in folds if op not in late for line in self._fold(op)]
        lines += self._loops(maps, made) if maps else []
        return lines + [line for op in late for line in self._fold(op)]

    def _fold(self, op):
        """Fold a row."""
        _, _, _, out, ins, _, fn, join, _ = op
        T = self._storage(out)
        kinds = "ct_fold" if len(ins) == 1 else "ct_fold_terms", "ct_accumulate"
        names = [self.kernel(address) for address in (fn, join)]
        self.declared |= {name: f"{kind} {name};\n" for kind, name in zip(kinds, names)}
        places = [f"{self.row}{v}" if self._is_full(v) else f"&t{v}" for v in ins]
        arrays = sum([self._is_full(v) << k for k, v in enumerate(ins)])
        given = places[0] if len(ins) == 1 else \
            f"(const void *const []){{{', '.join(places)}}}, {len(ins)}, {arrays}"
        return [f"{T} t{out};", f"{kinds[0]}_row({', '.join(names)}, {self.size}, sizeof({T}), "
                f"&t{out}, {given});"]

    def _loops(self, maps, made):
        """The loop of the maps of a phase, over each line of a row."""
        nodes = [node for _, scalars in maps for node in scalars]
        self.nodes += [node for node, _, _ in nodes]
        reads = tuple(dict.fromkeys([v for _, _, ins in nodes for v in ins if v not in made]))
        makes = tuple(sorted(made.intersection((*self.block.keeps, *self.block.makes))))
        how = "".join([EACH if self._is_each(v) else ONE for v in (*reads, *makes)])
        ops = [self.spec.ops.index(op) for op, _ in maps]
        writer = Writer(self.spec, Block(FULL, 0, reads, makes, (), how, ops))
        loops = writer.loops()
        self.declared |= writer.specials
        if self.has_lines:
            pointers = [self._of_line(v) for v in (*reads, *makes) if self._is_full(v)]
            loops = LINES.substitute(pointers=indent(pointers, 1), loops=indent([loops], 1))
        return [loops]
