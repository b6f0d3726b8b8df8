"""Generated code: the C of a fused group, one function for the maps of each of its segments.

The text says the same, node by node, as the tile kernels: both come from the expressions in
``ops/elementwise.py``. A function takes rows of elements. Sizes are its arguments; how the elements
of a row are reached (one after the other, a number for all, some bytes apart) is in its text.
"""
import hashlib
import linecache
import re
from collections import namedtuple
from string import Template

from cytensor.lowering.groups import FULL
from cytensor.lowering.scalars import (
    BY_NAME, DTYPES, NAMES, cast_expression, expression, moves, signature)

EACH, ONE, STEPS, COUNTED = "eosc"              # enum ct_how
BY_CODE = {d.code: d for d in DTYPES.values()}
COUNTABLE = "iu"                                # kinds of dtypes in which numbers are counted
_MOST_NODES = 150                               # of a function: compilers take longer and longer

#: One pass of generated code: see ``cytensor.cpu._fused.Blocks``.
Block = namedtuple("Block", "level phase reads makes how ops")
#: What a group runs: its name tells it from all functions with another text.
Function = namedtuple("Function", "name text")

FUNCTION = Template("""\
void $name(
    int64_t rows, int64_t n, char *const *at, const int64_t *steps)
{
    for (int64_t r = 0; r < rows; r++) {
$rows
$loops
    }
}
""")
LOOP = Template("""\
        CT_IVDEP
        for (int64_t i = 0; i < n; i++) {
$body
        }""")
#: A function that needs another one for rare arguments: is there one in this row?
RARE = Template("""\
        int rare = 0;
        for (int64_t i = 0; i < n; i++) {
$search
        }
        if (rare) {
            for (int64_t i = 0; i < n; i++) {
$rare
            }
            continue;
        }
""")


class Unwritable(Exception):
    """A group that has ops without an expression in C, or too many."""


def render(spec, form):
    """Write the functions of a group.

    Parameters
    ----------
    spec : GroupSpec
    form : tuple
        What its blocks are: see ``cytensor.cpu._fused.Blocks``.

    Returns
    -------
    list of Function

    Raises
    ------
    Unwritable
        If the group can only be interpreted.
    """
    return [_Writer(spec, Block(*row)).function() for row in form]


def describe(step):
    """Return a comment that says what a group computes, and where the user wrote it."""
    lines = [*step.spec.text.split("\n"), *_user_lines(step.nodes)]
    text = "\n".join(["/* " + step.label, " *", *[f" *   {line}" for line in lines], " */\n"])
    return re.sub(r" +\n", "\n", text)


def _user_lines(nodes):
    found = {}
    for node in nodes:
        if node.loc:
            found[node.loc] = None
    lines = [f"{loc[0]}:{loc[1]}: {linecache.getline(*loc).strip()}" for loc in found]
    return ["", *[line.replace("*/", "* /") for line in lines]] if lines else []


class _Writer:
    """Writes the function of one block."""

    def __init__(self, spec, block):
        self.spec = spec
        self.block = block
        self.nodes = list(dict.fromkeys([node for i in block.ops for node in spec.scalars[i]]))
        if len(self.nodes) > _MOST_NODES:
            raise Unwritable
        self.lines = [self._node(*node) for node in self.nodes]

    def dtype(self, value):
        return BY_CODE[self.spec.dtypes[value]]

    # ----- one node -----

    def _node(self, node, out, ins):
        """(line, its call in the search for rare arguments or None, what it is called there)"""
        text, fixup = scalar(node)
        text = _named(text, ins)
        line = f"const {self.dtype(out).storage} t{out} = {text};"
        return line, text, fixup

    def _line(self, k, rare):
        line, _, fixup = self.lines[k]
        return line.replace(f"ct_{fixup}(", f"ct_{fixup}_any(") if rare and fixup else line

    # ----- elements -----

    def _pointer(self, k, value, how):
        """What is done once a row for an operand."""
        T, at = self.dtype(value).storage, f"at[{k}] + r * steps[{2 * k}]"
        const = "const " if k < len(self.block.reads) else ""
        if how == COUNTED:
            if self.dtype(value).kind not in COUNTABLE and T not in ("float", "double"):
                raise Unwritable
            return f"const int64_t c{value} = (int64_t)({at});"
        if how == ONE and const:
            return f"const {T} t{value} = *(const {T} *)({at});"
        star = "char *" if how == STEPS else f"{T} *"
        cast = "" if how == STEPS else f"({const}{T} *)"
        const = "const " if how == STEPS and const else const
        where = f"({at})" if cast else at
        return f"{const}{star}const p{value} = {cast}{where};"

    def _element(self, k, value, how):
        """The element of an operand: an expression, or None if it is the same all along."""
        T = self.dtype(value).storage
        if how == EACH:
            return f"p{value}[i]"
        if how == ONE:
            return f"p{value}[0]"
        if how == COUNTED:
            return f"({T})(c{value} + i * steps[{2 * k + 1}])"
        const = "const " if k < len(self.block.reads) else ""
        return f"*({const}{T} *)(p{value} + i * steps[{2 * k + 1}])"

    def _loads(self, wanted=None):
        return [f"const {self.dtype(v).storage} t{v} = {self._element(k, v, how)};"
                for k, (v, how) in enumerate(zip(self.block.reads, self.block.how))
                if how != ONE and (wanted is None or v in wanted)]

    def _stores(self):
        n = len(self.block.reads)
        return [f"{self._element(n + k, v, self.block.how[n + k])} = t{v};"
                for k, v in enumerate(self.block.makes)]

    # ----- the function -----

    def _rows(self):
        values = (*self.block.reads, *self.block.makes)
        return [self._pointer(k, v, how)
                for k, (v, how) in enumerate(zip(values, self.block.how))]

    def _body(self, rare=False):
        return [*self._loads(), *[self._line(k, rare) for k in range(len(self.lines))],
                *self._stores()]

    def _search(self):
        """The lines that find out whether some argument is rare."""
        found, wanted = [], set()
        for (_, out, ins), (line, text, fixup) in zip(reversed(self.nodes), reversed(self.lines)):
            if out in wanted:
                found.append(line)
                wanted.update(ins)
            if fixup:
                found.append(f"rare |= {text.replace(f'ct_{fixup}(', f'ct_is_big_{fixup}(')};")
                wanted.update(ins)
        return [*self._loads(wanted), *reversed(found)]

    def function(self):
        """Return the function; its name ends with what tells it from all others."""
        loops = LOOP.substitute(body=_indent(self._body(), 3))
        if any([fixup for _, _, fixup in self.lines]):
            loops = RARE.substitute(search=_indent(self._search(), 3),
                                    rare=_indent(self._body(rare=True), 4)) + loops
        rows = _indent(self._rows(), 2)
        text = FUNCTION.safe_substitute(rows=rows, loops=loops).replace("{\n\n", "{\n")
        name = f"{self._stem()}_{hashlib.sha256(text.encode()).hexdigest()[:12]}"
        return Function(name, Template(text).substitute(name=name))

    def _stem(self):
        """What the function does, in a few words."""
        names = [node.op.name.rstrip("_") for node, _, _ in self.nodes]
        level = "" if self.block.level == FULL else "_rows"
        few = names if len(names) <= 4 else [*names[:3], f"{len(names) - 3}_more"]
        return re.sub(r"\W", "_", "_".join(few)) + level


def scalar(node):
    """Return the C of one element of a node over x, y, z, and the function that may need help.

    Raises
    ------
    Unwritable
        If the op is none of C.
    """
    a = BY_NAME[node.inputs[-1].type.dtype]
    if node.kind == "reduce":                   # over axes of size 1: a copy
        return "{x}", None
    if node.op.name == "cast":
        b = BY_NAME[node.params["dtype"]]
        return ("{x}" if a == b else cast_expression(a, b)), None
    traits = node.op.traits
    if traits.get("special"):
        raise Unwritable
    text = expression(node.op.expr, traits["kinds"], a)
    out = signature(traits["types"], len(node.inputs), a)[1]
    fixup = traits.get("fixup") if a.kind == "f" else None
    if a.short == "f16" and not moves(text, traits["types"], a, out):
        text = re.sub(r"{(\w)}", r"half_to_float({\1})", text).replace("(T)", "(float)")
        return (f"float_to_half({text})" if out.short == "f16" else text), fixup
    return text.replace("(T)", f"({a.storage})"), fixup


def _named(text, ins):
    """The expression over the names of values."""
    return text.format(**{name: f"t{value}" for name, value in zip(NAMES, ins)})


def _indent(lines, levels):
    return "\n".join("    " * levels + line for line in lines)
