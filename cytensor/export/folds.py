"""Reductions in C, in the order in which the tile kernels add: the same bits (``cpu/folds.h``).

A row is cut into blocks of 1,024; a block is folded in lanes; blocks are combined pairwise, by a
binary counter. Columns add 32 rows in order, and combine such chunks by the same counter.
"""
from string import Template

from cytensor.lowering.scalars import BY_NAME, DTYPES

BLOCK, CHUNK = 1024, 32
WIDTH = 128                             # columns that are summed side by side
_LEVELS = 32                            # of a counter: more blocks than memory has
_OF_TRUTH = {"any": "max", "all": "min", "sum": "max", "prod": "min"}

#: Fold one row of at least one element.
LANES = Template("""\
static $T $name(int64_t n, const $T *x)
{
    $A lanes[$wide];
    int64_t i, k, half;
    if (n < 16) {
        $A total = $x0;
        for (i = 1; i < n; i++)
            total = $total_x;
        return $total;
    }
    const int64_t width = n < $twice ? 16 : $wide;
    for (k = 0; k < width; k++)
        lanes[k] = $xk;
    for (i = width; i + width <= n; i += width)
        for (k = 0; k < width; k++)
            lanes[k] = $lane_xik;
    for (k = width - (n - i); k < width; k++)
        lanes[k] = $lane_last;
    for (half = width / 2; half > 0; half /= 2)
        for (k = 0; k < half; k++)
            lanes[k] = $lane_half;
    return $lane_0;
}
""")
PLAIN = Template("""\
static $T $name(int64_t n, const $T *x)
{
    $A total = $x0;
    for (int64_t i = 1; i < n; i++)
        total = $total_x;
    return $total;
}
""")
#: A complex sum: its real and imaginary parts in lanes of reals.
COMPLEX = Template("""\
static $T $name(int64_t n, const $T *x)
{
    const $R *parts = (const $R *)x;
    $R lanes[$wide];
    int64_t i, k, half;
    if (n < 16) {
        $T total = x[0];
        for (i = 1; i < n; i++)
            total += x[i];
        return total;
    }
    for (k = 0; k < $wide; k++)
        lanes[k] = parts[k];
    for (i = $wide; i + $wide <= 2 * n; i += $wide)
        for (k = 0; k < $wide; k++)
            lanes[k] += parts[i + k];
    for (k = $wide - (2 * n - i); k < $wide; k++)
        lanes[k] += parts[2 * n - $wide + k];
    for (half = $wide / 2; half > 1; half /= 2)
        for (k = 0; k < half; k++)
            lanes[k] += lanes[k + half];
    return $make(lanes[0], lanes[1]);
}
""")
#: Combine results of blocks pairwise: level l holds what 2^l of them give.
TREE = Template("""\
typedef struct {
    int64_t count;
    $T level[$levels];
} ${name}_tree;

static void ${name}_push(${name}_tree *tree, $T x)
{
    int level = 0;
    for (int64_t full = tree->count++; full & 1; full >>= 1, level++)
        x = $joined;
    tree->level[level] = x;
}

static $T ${name}_total(const ${name}_tree *tree)
{
    int level = 0;
    while (!(tree->count >> level & 1))
        level++;
    $T x = tree->level[level++];
    for (; tree->count >> level; level++)
        if (tree->count >> level & 1)
            x = $joined;
    return x;
}
""")
#: The same for rows of some columns.
COLUMNS = Template("""\
typedef struct {
    int64_t count;
    $T level[$levels][$width], sum[$width];
} ${name}_columns;

/* Add a row to the last chunk, of which it is row `place`. */
static void ${name}_row(${name}_columns *tree, int64_t place, int64_t n, const $T *x)
{
    $T *restrict sum = tree->sum;
    for (int64_t j = 0; j < n; j++)
        sum[j] = place ? $added : x[j];
}

/* Take the last chunk in. */
static void ${name}_chunk(${name}_columns *tree, int64_t n)
{
    $T *restrict sum = tree->sum;
    int level = 0;
    for (int64_t full = tree->count++; full & 1; full >>= 1, level++)
        for (int64_t j = 0; j < n; j++)
            sum[j] = $lower;
    memcpy(tree->level[level], sum, n * sizeof *sum);
}

/* Leave the sums of all chunks in `sum`. */
static void ${name}_finish(${name}_columns *tree, int64_t n)
{
    $T *restrict sum = tree->sum;
    int level = 0;
    while (!(tree->count >> level & 1))
        level++;
    memcpy(sum, tree->level[level++], n * sizeof *sum);
    for (; tree->count >> level; level++)
        if (tree->count >> level & 1)
            for (int64_t j = 0; j < n; j++)
                sum[j] = $lower;
}
""")


class Fold:
    """A reduction of one dtype: its operation in C, and its functions.

    Parameters
    ----------
    op : str
        sum, prod, max, min, all or any.
    dtype : DType
    """

    def __init__(self, op, dtype):
        self.kind = _OF_TRUTH.get(op, op) if dtype.kind == "?" else op
        self.dtype = dtype
        self.name = f"ct_{self.kind}_{dtype.short}"

    @property
    def identity(self):
        """The value of a reduction over nothing, as a number."""
        return 1 if self.kind == "prod" or (self.dtype.kind == "?" and self.kind == "min") else 0

    def joined(self, a, b):
        """Return the C of the operation on two stored values, ``a`` being the earlier one."""
        if self.dtype.short == "f16":
            return f"float_to_half({self._of_wide(f'half_to_float({a})', f'half_to_float({b})')})"
        if self.dtype.kind in "iu" and self.kind in ("sum", "prod"):
            U = "uint64_t" if self.dtype.size == 8 else "uint32_t"
            sign = "+" if self.kind == "sum" else "*"
            return f"({self.dtype.storage})(({U}){a} {sign} ({U}){b})"
        return self._of_wide(a, b)

    def _of_wide(self, a, b):
        if self.kind == "sum":
            return f"{a} + {b}"
        if self.kind == "prod":
            return f"ctc_mul({a}, {b})" if self.dtype.kind == "c" else f"{a} * {b}"
        sign = ">" if self.kind == "max" else "<"
        if self.dtype.kind != "f":
            return f"{b} {sign} {a} ? {b} : {a}"
        return f"(({b} {sign} {a}) | ({b} != {b})) ? {b} : {a}"     # not-a-number stays

    # ----- functions -----

    def row(self):
        """Return the function of one row."""
        if self.dtype.kind == "c":
            return self._complex_row()
        if self.dtype.kind != "f":
            return PLAIN.substitute(
                T=self.dtype.storage, A=self.dtype.storage, name=self.name, x0="x[0]",
                total="total", total_x=self.joined("total", "x[i]"))
        half = self.dtype.short == "f16"
        real = DTYPES["f32"] if half else self.dtype
        wide = 32 if real.size == 4 else 16

        def read(text):
            return f"half_to_float({text})" if half else text

        def give(text):
            return f"float_to_half({text})" if half else text

        return LANES.substitute(
            T=self.dtype.storage, A=real.storage, name=self.name, wide=wide,
            twice=2 * wide, x0=read("x[0]"), xk=read("x[k]"), total=give("total"),
            total_x=self._of_wide("total", read("x[i]")),
            lane_xik=self._of_wide("lanes[k]", read("x[i + k]")),
            lane_last=self._of_wide("lanes[k]", read("x[n - width + k]")),
            lane_half=self._of_wide("lanes[k]", "lanes[k + half]"), lane_0=give("lanes[0]"))

    def _complex_row(self):
        T, single = self.dtype.storage, self.dtype.short == "c64"
        if self.kind == "prod":
            return PLAIN.substitute(T=T, A=T, name=self.name, x0="x[0]", total="total",
                                    total_x=self.joined("total", "x[i]"))
        return COMPLEX.substitute(
            T=T, R="float" if single else "double", name=self.name, wide=32 if single else 16,
            make="CMPLXF" if single else "CMPLX")

    def tree(self):
        """Return the functions that combine blocks of a row."""
        return TREE.substitute(T=self.dtype.storage, name=self.name, levels=_LEVELS,
                               joined=self.joined("tree->level[level]", "x"))

    def columns(self):
        """Return the functions that sum rows of columns."""
        return COLUMNS.substitute(
            T=self.dtype.storage, name=self.name, levels=_LEVELS, width=WIDTH,
            added=self.joined("sum[j]", "x[j]"),
            lower=self.joined("tree->level[level][j]", "sum[j]"))


def fold_of(node):
    """Return the fold of a reduction."""
    return Fold(node.name, BY_NAME[node.inputs[0].type.dtype])
