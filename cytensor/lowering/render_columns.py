"""Generated code for columns: one function that adds what it computes of rows to accumulators."""
from string import Template

from cytensor.lowering.groups import FULL
from cytensor.lowering.merges import FOLD, MAP
from cytensor.lowering.render import EACH, Block, Unwritable, Writer, indent, named_function

SUMS = 3                                        # of enum ct_level
#: What comes to an accumulator, as the kernels of reductions do it: ``folds.h``.
_ADDED = {"sum": "{a} + {t}", "prod": "{a} * {t}",
          "max": "{t} != {t} ? {t} : {t} > {a} ? {t} : {a}",
          "min": "{t} != {t} ? {t} : {t} < {a} ? {t} : {a}"}
_DTYPES = ("f32", "f64")

FUNCTION = Template("""\
void $name(
    int64_t rows, int64_t n, char *const *at, const int64_t *steps)
{
$accumulators
    for (int64_t r = 0; r < rows; r++) {
$rows
        if (r == 0 && steps[$first]) {
$begin
            continue;
        }
$go_on
    }
}
""")


class ColumnWriter:
    """Writes the function that adds the rows of a column group."""

    def __init__(self, spec, block):
        self.spec = spec
        self.block = block
        ops = [(spec.ops[i], spec.scalars[i]) for i in block.ops]
        self.folds = [(op, scalars[-1][0]) for op, scalars in ops if op[0] == FOLD]
        self.nodes = [node for op, scalars in ops if op[0] == MAP for node in scalars]
        if any([fold.name not in _ADDED or Writer.dtype_of(spec, op[3]).short not in _DTYPES
                for op, fold in self.folds]):
            raise Unwritable

    def function(self):
        """Return the function."""
        begin, go_on = self._writer("{t}"), self._writer(None)
        text = FUNCTION.safe_substitute(
            accumulators=indent(self._accumulators(), 1), rows=indent(begin.pointers(), 2),
            first=2 * (len(self.block.reads) + len(self.block.makes)),
            begin=indent([begin.loops()], 3), go_on=indent([go_on.loops()], 2))
        nodes = [node for node, _, _ in self.nodes] + [fold for _, fold in self.folds]
        return named_function(nodes, "_by_columns", "".join(begin.specials.values()) + text)

    def _accumulators(self):
        lines = []
        for k, value in enumerate(self.block.makes, len(self.block.reads)):
            T = Writer.dtype_of(self.spec, value).storage
            lines.append(f"{T} *const a{value} = ({T} *)at[{k}];")
        return lines

    def _writer(self, added):
        """Writes the loop over a row; ``added`` is what an accumulator becomes."""
        stores = [f"a{op[3]}[i] = " + (added or _ADDED[fold.name]).format(
            a=f"a{op[3]}[i]", t=f"t{op[4][0]}") + ";" for op, fold in self.folds]
        makes = tuple(dict.fromkeys([op[4][0] for op, _ in self.folds]))
        reads = self.block.how[:len(self.block.reads)]
        maps = [i for i in self.block.ops if self.spec.ops[i][0] == MAP]
        return _Terms(self.spec, Block(FULL, 0, self.block.reads, makes, (),
                                       reads + EACH * len(makes), maps), stores)


class _Terms(Writer):
    """Writes loops that end with stores of their own."""

    def __init__(self, spec, block, stores):
        super().__init__(spec, block)
        self._own_stores = stores

    def _stores(self):
        return self._own_stores

    def pointers(self):
        """Return what is done once a row for what it reads."""
        return [self._pointer(k, v, how)
                for k, (v, how) in enumerate(zip(self.block.reads, self.block.how))]
