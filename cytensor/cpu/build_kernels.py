"""Write the C of the tile kernels: each elementwise op, cast and reduction, for each dtype.

The build runs it before anything of the package can be imported. It reads the rows of
``ops/elementwise.py`` by running that file with a recorder in place of ``elementwise``. What it
writes is compiled once per instruction set; ``isa.py`` chooses among the results.
"""
import re
import runpy
import sys
import types
from collections import namedtuple
from pathlib import Path
from string import Template

HERE = Path(__file__).parent
ROWS = HERE.parent / "ops" / "elementwise.py"

#: Read by path: the package cannot be imported yet.
scalars = types.SimpleNamespace(**runpy.run_path(str(HERE.parent / "lowering" / "scalars.py")))
DTYPES, REAL, NAMES = scalars.DTYPES, scalars.REAL, scalars.NAMES

#: Ops whose bits do not depend on the sign of an integer type: one kernel serves both.
SIGNLESS = {"add", "sub", "mul", "neg", "sqr", "and_", "or_", "xor", "invert", "eq", "neq"}
#: Ops with a loop for each combination of arrays and scalars; others spread scalars first.
HOT = {"add", "sub", "mul", "true_div", "maximum", "minimum"}
#: Two roundings in one pass: (outer, inner, which input of the outer is the inner's result).
PAIRS = [
    ("add", "mul", 0), ("sub", "mul", 0), ("sub", "mul", 1), ("add", "add", 0), ("add", "sub", 0),
    ("sub", "add", 0), ("sub", "sub", 0), ("sub", "sub", 1), ("mul", "add", 0), ("mul", "sub", 0),
    ("mul", "mul", 0),
]


# ----- the rows -----

Row = namedtuple("Row", "name expr types kinds nin fixup")


def read_rows(path=ROWS):
    """Run the op table with a recorder, and return its rows by name, special functions aside."""
    rows = {}

    def record(name, expr, vjp=None, *, types="same", kinds="biufc", special=False,
               fixup=None, **traits):
        if not special:
            rows[name] = Row(name, expr, types, kinds, scalars.count_inputs(expr), fixup)

    stand_in = types.ModuleType("cytensor.ops.registry")
    stand_in.elementwise = record
    stand_in.__getattr__ = lambda name: None            # what the gradients use
    before = sys.modules.get(stand_in.__name__)
    sys.modules[stand_in.__name__] = stand_in
    try:
        exec(compile(path.read_text(), str(path), "exec"), {"__name__": "rows"})
    finally:
        del sys.modules[stand_in.__name__]
        if before is not None:
            sys.modules[stand_in.__name__] = before
    return rows


# ----- C, one template per loop shape -----

KERNEL = Template("""\
/* $what */
void $symbol(int64_t n, void *out, const void *const *in, unsigned scalars)
{
$typedef    $O *const o = out;
$pointers
$body
}
""")
PLAIN = Template("""\
    if (scalars) {
        ct_spread_scalars($symbol, $nin, (const uint8_t[]){$sizes}, n, out, in, scalars);
        return;
    }
$loop""")
LOOP = Template("""\
    CT_IVDEP
    for (int64_t i = 0; i < n; i++) {
$loads
        o[i] = $expr;
    }""")
SEARCH = Template("""\
    for (int64_t i = 0; i < n; i++) {
$loads
        rare |= $expr;
    }""")
FIXUP = Template("""\
    int rare = 0;
$search
    if (rare) {
$rare
        return;
    }
$common""")
EACH_MASK = Template("""\
    switch (scalars) {
$cases
    default:
        $symbol(n > 0, out, in, 0);
        ct_fill(out, sizeof *o, n);
    }""")
CASE = Template("""\
    case $mask: {
$scalars
$loop
        break;
    }""")
HALF = Template("""\
/* $what */
void $symbol(int64_t n, void *out, const void *const *in, unsigned scalars)
{
    ct_map_half($inner, $nin, $out_size, n, out, in, scalars);
}
""")


def _indent(text, by="    "):
    return "\n".join(by + line if line else line for line in text.split("\n"))


def _operands(types, expr):
    """(place, name, C type) of each input that the expression reads."""
    return [(k, v, t) for k, (v, t) in enumerate(zip(NAMES, types)) if re.search(rf"\b{v}\b", expr)]


def _loop(types, expr, scalars=0, loop=LOOP):
    loads = "\n".join(f"        const {t} {v} = p{v}[i];"
                      for k, v, t in _operands(types, expr) if not scalars >> k & 1)
    return loop.substitute(loads=loads, expr=expr).replace("{\n\n", "{\n")


def _each_mask(symbol, types, expr):
    """A loop for each combination of arrays and scalars, but not for scalars only."""
    cases = []
    for mask in range(2 ** len(types) - 1):
        hoisted = "\n".join(f"        const {t} {v} = *p{v};"
                            for k, v, t in _operands(types, expr) if mask >> k & 1)
        loop = _indent(_loop(types, expr, mask))
        cases.append(CASE.substitute(mask=mask, scalars=hoisted, loop=loop).replace("\n\n", "\n"))
    return EACH_MASK.substitute(cases="\n".join(cases), symbol=symbol)


def _fixup(types, expr, name):
    """Two loops, by whether there is an element in the rare range of a function."""
    call = f"ct_{name}("
    return FIXUP.substitute(
        search=_loop(types, expr.replace(call, f"ct_is_big_{name}("), loop=SEARCH),
        rare=_indent(_loop(types, expr.replace(call, f"ct_{name}_any("))),
        common=_loop(types, expr))


def kernel(symbol, what, types, sizes, out, expr, hot=False, fixup=None):
    """Return the C of one map. The last of ``types`` is T; ``sizes`` are in bytes, output last."""
    pointers = "\n".join(f"    const {t} *const p{v} = in[{k}];"
                         for k, v, t in _operands(types, expr))
    if hot:
        body = _each_mask(symbol, types, expr)
    else:
        loop = _fixup(types, expr, fixup) if fixup else _loop(types, expr)
        body = PLAIN.substitute(symbol=symbol, nin=len(types), loop=loop,
                                sizes=", ".join(map(str, sizes)))
    typedef = f"    typedef {types[-1]} T;\n" if "(T)" in expr else ""
    text = KERNEL.substitute(what=what, symbol=symbol, typedef=typedef, O=out, pointers=pointers,
                             body=body)
    return text.replace("\n\n", "\n")


class Kernels:
    """The kernels of one build: entries of the table, and the C functions behind them.

    Entries whose functions would do the same on the bits share one.
    """

    def __init__(self):
        self.entries = []           # (name, kind, dtype code, to, symbol)
        self.functions = {}         # symbol -> (part, C text)
        self._made = {}             # what a function does -> symbol
        self.signatures = {}        # symbol -> C prototype

    def entry(self, name, kind, dtype, symbol, to=-1):
        self.entries.append((name, kind, dtype.code, to, symbol))

    def map(self, part, symbol, what, ins, out, expr, raw=False, **shape):
        """Return the symbol of a function that maps ``expr``; make it unless there is one."""
        types = [_raw(d) if raw else d.storage for d in ins]
        o = _raw(out) if raw else out.storage
        key = (tuple(types), o, expr)
        if key not in self._made:
            self._made[key] = symbol
            sizes = [d.size for d in [*ins, out]]
            self._add(part, symbol, kernel(symbol, what, types, sizes, o, expr, **shape))
        return self._made[key]

    def half(self, symbol, what, inner, nin, out_size):
        text = HALF.substitute(symbol=symbol, what=what, inner=inner, nin=nin, out_size=out_size)
        self._add("f32", symbol, text)
        return symbol

    def _add(self, part, symbol, text):
        self.functions[symbol] = (part, text)
        self.signatures[symbol] = (f"void {symbol}(int64_t n, void *out, "
                                   "const void *const *in, unsigned scalars);")

    def fold(self, part, op, dtype, text):
        """Add a macro call that defines ``fold_<op>_<dtype>`` and ``accumulate_<op>_<dtype>``."""
        fold, accumulate = f"fold_{op}_{dtype}", f"accumulate_{op}_{dtype}"
        self.functions[fold] = (part, text + "\n")
        self.signatures[fold] = f"void {fold}(int64_t rows, int64_t n, void *out, const void *in);"
        self.signatures[accumulate] = (f"void {accumulate}(int64_t rows, int64_t n, void *acc, "
                                       "const void *in);")


    def terms(self, part, name, text):
        """Add a macro call that defines ``terms_<name>``."""
        symbol = f"terms_{name}"
        self.functions[symbol] = (part, text + "\n")
        self.signatures[symbol] = (f"void {symbol}(int64_t rows, int64_t n, void *out, "
                                   "const void *const *in);")


def _raw(dtype):
    """A type to move elements in: whatever their dtype, only their size matters."""
    return "ct_u128" if dtype.size == 16 else f"uint{8 * dtype.size}_t"


def _unsigned(dtype):
    return DTYPES["u" + dtype.short[1:]] if dtype.kind == "i" else dtype


def _part(dtype):
    return dtype.short if dtype.short in ("f32", "f64") else \
        "complex" if dtype.kind == "c" else "int"


# ----- what there is -----

def add_ops(kernels, rows):
    """The elementwise ops, in every dtype for which they are defined."""
    order = sorted(DTYPES.values(), key=lambda d: d.short == "f16")     # it builds on f32
    for row in rows.values():
        symbols = {}
        for dtype in order:
            expr = scalars.expression(row.expr, row.kinds, dtype)
            types = scalars.signature(row.types, row.nin, dtype)
            if expr is not None and types is not None:
                symbols[dtype.short] = _add_op(kernels, row, dtype, expr, *types, symbols)
                kernels.entry(row.name, "m", dtype, symbols[dtype.short])


def _add_op(kernels, row, dtype, expr, ins, out, symbols):
    symbol, what = f"map_{row.name}_{dtype.short}", f"{row.name}, {dtype.name}"
    moves = scalars.moves(expr, row.types, dtype, out)
    if dtype.short == "f16" and not moves:
        return kernels.half(symbol, what, symbols["f32"], row.nin, out.size)
    if row.name in SIGNLESS:
        ins, out = [_unsigned(d) for d in ins], _unsigned(out)
    return kernels.map("int" if moves else _part(dtype), symbol, what, ins, out,
                       expr.format(x="x", y="y", z="z"), raw=moves,
                       hot=row.name in HOT and dtype.short in ("f32", "f64", "i64"),
                       fixup=row.fixup if dtype.kind == "f" else None)


def add_pairs(kernels, rows):
    """Pairs of arithmetic in one pass, as ``add(mul(x,y),z)``."""
    for outer, inner, at in PAIRS:
        first = "xy" if at == 0 else "yz"
        name = f"{inner}({first[0]},{first[1]})"
        name = f"{outer}({name},z)" if at == 0 else f"{outer}(x,{name})"
        a = _plain(rows[inner]).format(x=first[0], y=first[1])
        ends = (f"({a})", "z") if at == 0 else ("x", f"({a})")
        expr = _plain(rows[outer]).format(x=ends[0], y=ends[1])
        for dtype in (DTYPES["f32"], DTYPES["f64"]):
            symbol = f"map_{outer}_{inner}{at}_{dtype.short}"
            kernels.map(_part(dtype), symbol, f"{name}, {dtype.name}", [dtype] * 3, dtype, expr,
                        hot=True)
            kernels.entry(name, "m", dtype, symbol)


def _plain(row):
    return scalars.expression(row.expr, row.kinds, DTYPES["f64"])


def add_casts(kernels):
    """All conversions but those of complex numbers to real ones."""
    for a in DTYPES.values():
        for b in DTYPES.values():
            if a.kind != "c" or b.kind in "c?":
                symbol = _add_cast(kernels, a, b)
                kernels.entry("cast", "m", a, symbol, to=b.code)


def _add_cast(kernels, a, b):
    symbol, what = f"cast_{a.short}_{b.short}", f"cast, {a.name} to {b.name}"
    integers = a.kind in "?iu" and b.kind in "iu"
    if a == b or (integers and a.size == b.size):
        return kernels.map("int", symbol, what, [a], a, "x", raw=True)
    if integers and b.size < a.size:
        a, b = _unsigned(a), _unsigned(b)
    return kernels.map("cast", symbol, what, [a], b,
                       scalars.cast_expression(a, b).format(x="x"))


FOLDS = {"sum": ("CT_SUM", "-({T})0"), "prod": ("CT_PROD", "({T})1"),
         "max": ("CT_MAX", "-({T})INFINITY"), "min": ("CT_MIN", "({T})INFINITY")}


def add_folds(kernels):
    """Reductions and accumulations."""
    for op, (macro, identity) in FOLDS.items():
        for short, lanes in (("f32", 32), ("f64", 16)):
            T = DTYPES[short].storage
            kernels.fold(short, op, short, f"CT_FOLD_FLOAT({op}, {macro}, {short}, {T}, "
                         f"int{8 * DTYPES[short].size}_t, {identity.format(T=T)}, {lanes})")
        kernels.fold("f32", op, "f16", f"CT_FOLD_HALF({op}, {macro})")
        for dtype in DTYPES.values():
            if dtype.kind in "iu" and (op in ("max", "min") or dtype.kind == "u"):
                kernels.fold("int", op, dtype.short,
                             f"CT_FOLD_PLAIN({op}, {macro}, {dtype.short}, {dtype.storage})")
    for short, lanes in (("c64", 32), ("c128", 16)):
        C, real = DTYPES[short].storage, DTYPES[REAL[short]]
        kernels.fold(real.short, "sum", short, f"CT_FOLD_COMPLEX_SUM({short}, {C}, {real.short}, "
                     f"{real.storage}, {lanes})")
        kernels.fold("complex", "prod", short, f"CT_FOLD_PLAIN(prod, ctc_mul, {short}, {C})")
    _fold_entries(kernels)


#: Sums of terms, of arrays x and y and one number z for each row: the macro of the term, the place
#: of y among the inputs, and where z is found.
TERMS = {
    "sqr(x)": ("sum_sqr", "CT_TERM_SQR", 0, "NULL"),
    "mul(x,y)": ("sum_mul", "CT_TERM_MUL", 1, "NULL"),
    "sqr(sub(x,y))": ("sum_sqr_diff", "CT_TERM_SQR_DIFF", 1, "NULL"),
    "sqr(sub(x,z))": ("sum_sqr_sub", "CT_TERM_SQR_SUB", 0, "in[1]"),
    "mul(x,sub(y,z))": ("sum_mul_sub", "CT_TERM_MUL_SUB", 1, "in[2]"),
}


def add_sums_of_terms(kernels):
    """Sums of products and squares in one pass."""
    for term, (name, macro, y, z) in TERMS.items():
        for short, lanes in (("f32", 32), ("f64", 16)):
            dtype = DTYPES[short]
            kernels.terms(short, f"{name}_{short}",
                          f"CT_SUM_TERMS({name}, {macro}, {y}, {z}, {short}, {dtype.storage}, "
                          f"int{8 * dtype.size}_t, {lanes})")
            kernels.entry(f"sum({term})", "t", dtype, f"terms_{name}_{short}")


def _fold_entries(kernels):
    boolean = {"max": "max", "any": "max", "min": "min", "all": "min"}
    for op, dtype in [(op, d) for op in FOLDS for d in DTYPES.values()]:
        if dtype.kind == "?" or (dtype.kind == "c" and op in ("max", "min")):
            continue
        short = _unsigned(dtype).short if op in ("sum", "prod") else dtype.short
        _fold_entry(kernels, op, dtype, f"{op}_{short}")
    for op, same in boolean.items():
        _fold_entry(kernels, op, DTYPES["bool"], f"{same}_u8")


def _fold_entry(kernels, op, dtype, symbol):
    kernels.entry(op, "f", dtype, f"fold_{symbol}")
    kernels.entry(op, "a", dtype, f"accumulate_{symbol}")


# ----- files -----

HEADER = Template("""\
/* Written by build_kernels.py from ops/elementwise.py. Do not edit. */
#include "tile.h"
#include "ctmath.h"
#include "ctcomplex.h"
#include "folds.h"

#pragma GCC visibility push(hidden)
$prototypes
#pragma GCC visibility pop
""")
TABLE = Template("""\
/* Written by build_kernels.py. The table of the $isa kernels, as a module. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "kernels_generated.h"
#include "conv_kit.h"

#pragma GCC visibility push(hidden)
extern const ct_conv_kit ct_conv_f32, ct_conv_f64;
#pragma GCC visibility pop

static const ct_entry table[] = {
$entries
    {0}
};

static PyObject *entries(PyObject *self, PyObject *unused)
{
    PyObject *list = PyList_New(0);
    (void)self, (void)unused;
    for (const ct_entry *e = table; list && e->name; e++) {
        PyObject *item = Py_BuildValue("CsiiN", e->kind, e->name, e->dtype, e->to,
                                       PyLong_FromVoidPtr(e->fn));
        if (!item || PyList_Append(list, item) < 0)
            Py_CLEAR(list);
        Py_XDECREF(item);
    }
    return list;
}

static PyMethodDef methods[] = {
    {"entries", entries, METH_NOARGS, "List (kind, name, dtype, to, address) of each kernel."},
    {0}
};

static int add(PyObject *module, const char *name, const void *what, const char *kind)
{
    PyObject *capsule = PyCapsule_New((void *)what, kind, NULL);
    const int failed = !capsule || PyModule_AddObjectRef(module, name, capsule) < 0;
    Py_XDECREF(capsule);
    return failed ? -1 : 0;
}

static ct_conv_kits conv;

static int fill(PyObject *module)
{
    conv.f32 = &ct_conv_f32;
    conv.f64 = &ct_conv_f64;
    return add(module, "table", table, "cytensor.cpu._kernels_$isa.table")
        || add(module, "conv", &conv, "cytensor.conv_kits") ? -1 : 0;
}

static PyModuleDef_Slot slots[] = {{Py_mod_exec, fill}, {0}};
static PyModuleDef module = {PyModuleDef_HEAD_INIT, "_kernels_$isa", NULL, 0, methods, slots};

PyMODINIT_FUNC PyInit__kernels_$isa(void) { return PyModuleDef_Init(&module); }
""")
PARTS = ("f32", "f64", "int", "cast", "complex")
CONV = Template("""\
/* Written by build_kernels.py. The inner loops of convolution for $type. */
#define T $type
#define T_BYTES $size
#include "conv_tiles.h"

#pragma GCC visibility push(hidden)
const ct_conv_kit $name = KIT;
#pragma GCC visibility pop
""")


def make_kernels():
    """Return all kernels."""
    kernels = Kernels()
    rows = read_rows()
    add_ops(kernels, rows)
    add_pairs(kernels, rows)
    add_casts(kernels)
    add_folds(kernels)
    add_sums_of_terms(kernels)
    return kernels


def _write(path, text):
    """Write a file, but leave one alone that has this text already: it need not be rebuilt."""
    if not path.exists() or path.read_text() != text:
        path.write_text(text)


def write(isas, folder=HERE):
    """Write the C files, and return those of each instruction set, as paths.

    The sets share their sources. Each includes them from files of its own, so that the object
    files of parallel builds do not meet.
    """
    kernels = make_kernels()
    prototypes = "\n".join(kernels.signatures.values())
    _write(folder / "kernels_generated.h", HEADER.substitute(prototypes=prototypes))
    for part in PARTS:
        texts = [text for where, text in kernels.functions.values() if where == part]
        _write(folder / f"kernels_{part}_generated.h",
               '#include "kernels_generated.h"\n\n' + "\n".join(texts))
    return {isa: _write_isa(kernels, isa, folder) for isa in isas}


def _write_isa(kernels, isa, folder):
    entries = "\n".join(f"    {{\"{name}\", '{kind}', {dtype}, {to}, {symbol}}},"
                        for name, kind, dtype, to, symbol in kernels.entries)
    texts = {part: f'#include "kernels_{part}_generated.h"\n' for part in PARTS}
    texts["table"] = TABLE.substitute(isa=isa, entries=entries)
    for name, type_, size in (("conv_f32", "float", 4), ("conv_f64", "double", 8)):
        texts[name] = CONV.substitute(type=type_, size=size, name=f"ct_{name}")
    paths = []
    for part, text in texts.items():
        paths.append(folder / f"_kernels_{isa}_{part}_generated.c")
        _write(paths[-1], text)
    return paths
