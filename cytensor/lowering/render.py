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

from cytensor.lowering.groups import CHEAP, FULL
from cytensor.lowering.scalars import (
    BY_CODE, BY_NAME, cast_expression, expression, moves, named, signature)
from cytensor.lowering.tiles import WEIGHTS

EACH, ONE, STEPS, COUNTED, AROUND, BEHIND = "eoscwk"        # enum ct_how
COUNTABLE = "iu"                                # kinds of dtypes in which numbers are counted
_MOST_NODES = 2000              # of a function: half a minute of a compiler
_MOST_WEIGHT = 24               # of a stage, in half additions
_PIECE = 256                    # elements that a stage computes at a time
_MOST_BUFFERS = 128             # on the stack of a thread

#: Variables with addresses of functions, as ct_special_gammaln_f64; who loads code fills them in.
SPECIAL = "ct_special_"

#: One pass of generated code: see ``cytensor.cpu._fused.Blocks``.
Block = namedtuple("Block", "level phase reads makes keeps how ops")
#: What a group runs: its name tells it from all functions with another text.
Function = namedtuple("Function", "name text")

FUNCTION = Template("""\
void $name(
    int64_t rows, int64_t n, char *const *at, const int64_t *steps)
{
    for (int64_t r = 0; r < rows; r++) {
$rows
$loops
$ends
    }
$end
}
""")
LOOP = Template("""\
CT_IVDEP
for (int64_t i = 0; i < n; i++) {
$body
}""")
#: The same in stages, of which each is a loop over some elements. What a stage makes for later ones
#: lies in the cache. A processor sees some hundred instructions ahead: of a long body that is less
#: than one element, and each of its steps waits for the one before.
STAGES = Template("""\
for (int64_t from = 0; from < n; from += $piece) {
    const int64_t to = n - from < $piece ? n : from + $piece;
$buffers
$loops
}""")
STAGE = Template("""\
CT_IVDEP
for (int64_t i = from; i < to; i++) {
$body
}""")
#: A stage with a function that needs another one for rare arguments: was there one?
RARE = Template("""\
int rare$number = 0;
$stage
if (rare$number) {
    for (int64_t i = from; i < to; i++) {
$rare
    }
}""")


class Unwritable(Exception):
    """A group that has ops without an expression in C, or too many."""


def describe(step):
    """Return a comment that says what a group computes, and where the user wrote it."""
    lines = [*step.tile_lines(), *_user_lines(step.nodes)]
    text = "\n".join(["/* " + step.label, " *", *[f" *   {line}" for line in lines], " */\n"])
    return re.sub(r" +\n", "\n", text)


def _user_lines(nodes):
    found = {}
    for node in nodes:
        if node.loc:
            found[node.loc] = None
    lines = [f"{loc[0]}:{loc[1]}: {linecache.getline(*loc).strip()}" for loc in found]
    return ["", *[line.replace("*/", "* /") for line in lines]] if lines else []


class Writer:
    """Writes the function of one block."""

    def __init__(self, spec, block):
        self.spec = spec
        self.block = block
        self.nodes = list(dict.fromkeys([node for i in block.ops for node in spec.scalars[i]]))
        if len(self.nodes) > _MOST_NODES:
            raise Unwritable
        self.specials = {}              # variables with addresses -> their declarations
        self.buffers = _Buffers()
        self.lines = [self._node(*node) for node in self.nodes]

    @staticmethod
    def dtype_of(spec, value):
        """Return the dtype of a value of a spec."""
        return BY_CODE[spec.dtypes[value]]

    def dtype(self, value):
        """Return the dtype of a value."""
        return self.dtype_of(self.spec, value)

    # ----- one node -----

    def _node(self, node, out, ins):
        """(line, its expression, the function that may need help); None: a call"""
        if node.op.traits.get("special"):
            return None, None, None
        text, fixup = scalar(node)
        text = named(text, _arguments(ins))
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
        if how == AROUND:
            return f"_Alignas(64) {T} p{value}[CT_PIECE];"
        where = f"({at})" if cast else at
        return f"{const}{star}const p{value} = {cast}{where};"

    def _element(self, k, value, how):
        """The element of an operand: an expression, or None if it is the same all along."""
        T = self.dtype(value).storage
        if how in (EACH, AROUND):
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

    def _streams(self):
        """What is done once a row for results that go around the cache."""
        places = enumerate(zip(self.block.makes, self.block.how[len(self.block.reads):]),
                           len(self.block.reads))
        return [f"ct_stream(at[{k}] + r * steps[{2 * k}], p{v}, n * sizeof *p{v});"
                for k, (v, how) in places if how == AROUND]

    # ----- stages -----

    def _stages(self):
        """The nodes, by number, of each stage. Only one that cannot be repeated writes results."""
        stages, weight = [[]], 0
        for k, (node, _, _) in enumerate(self.nodes):
            cost = 2 * WEIGHTS.get(node.op.name, 0.5 if node.op.name in CHEAP else _MOST_WEIGHT)
            if stages[-1] and weight + cost > _MOST_WEIGHT:
                stages.append([])
                weight = 0
            stages[-1].append(k)
            weight += cost
        return stages if all([self._is_plain(k) for k in stages[-1]]) else [*stages, []]

    def _is_plain(self, k):
        """Whether a node is an expression that serves for all arguments."""
        line, _, fixup = self.lines[k]
        return line is not None and not fixup

    def loops(self):
        """The loop over a row, or the loops of its stages."""
        stages = self._stages()
        if len(stages) == 1:
            body = [*self._loads(), *[line for line, _, _ in self.lines], *self._stores()]
            return LOOP.substitute(body=indent(body, 1))
        made = [{self.nodes[k][1] for k in stage} for stage in stages]
        wanted = [{v for k in stage for v in self.nodes[k][2]} for stage in stages]
        wanted[-1].update(self.block.makes)
        last = {v: i for i, values in enumerate(wanted) for v in values}
        loops = []
        for i, stage in enumerate(stages):
            before = [*self._loads(wanted[i]), *self._from_buffers(wanted[i])]
            later = sorted([v for v in made[i] if last.get(v, i) > i])
            after = [f"{self._buffer(v)}[i - from] = t{v};" for v in later]
            if stage and self.lines[stage[0]][0] is None:
                loops.append(self._call(*self.nodes[stage[0]]))
            else:
                after += self._stores() if i == len(stages) - 1 else []
                loops.append(self._stage(i, stage, before, after))
            self.buffers.release([v for v in wanted[i] if last[v] == i])
        if len(self.buffers.lines) > _MOST_BUFFERS:
            raise Unwritable
        return STAGES.substitute(piece=_PIECE, buffers=indent(self.buffers.lines, 1),
                                 loops=indent(loops, 1))

    def _buffer(self, v):
        return self.buffers.take(v, self.dtype(v).storage)

    def _stage(self, number, stage, before, after):
        """The loop of a stage, and another one in case that an argument was rare."""
        lines = [self._line(k, False) for k in stage]
        asked = [f"rare{number} |= {text.replace(f'ct_{fixup}(', f'ct_is_big_{fixup}(')};"
                 for _, text, fixup in [self.lines[k] for k in stage] if fixup]
        loop = STAGE.substitute(body=indent([*before, *lines, *asked, *after], 1))
        if not asked:
            return loop
        rare = [*before, *[self._line(k, True) for k in stage], *after]
        return RARE.substitute(number=number, stage=loop, rare=indent(rare, 2))

    def _call(self, node, out, ins):
        """The call of a tile kernel, of a function that has no expression."""
        name = f"{SPECIAL}{node.op.name}_{BY_NAME[node.inputs[-1].type.dtype].short}"
        self.specials[name] = f"ct_map {name};\n"
        how = dict(zip(self.block.reads, self.block.how))
        places, loops, scalars = [], [], 0
        for k, v in enumerate(ins):
            if how.get(v) == ONE:
                places.append(f"&t{v}")
                scalars |= 1 << k
            elif how.get(v) == EACH:
                places.append(f"p{v} + from")
            else:
                if v in how:                    # its elements do not lie side by side
                    body = [*self._loads([v]), f"{self._buffer(v)}[i - from] = t{v};"]
                    loops.append(STAGE.substitute(body=indent(body, 1)))
                places.append(self._buffer(v))
        args = f"(const void *const []){{{', '.join(places)}}}"
        call = f"{name}(to - from, {self._buffer(out)}, {args}, {scalars});"
        return "\n".join([*loops, call])

    def _from_buffers(self, values):
        return [f"const {self.dtype(v).storage} t{v} = {self._buffer(v)}[i - from];"
                for v in sorted(values) if v in self.buffers.names and v not in self.block.reads]

    def function(self):
        """Return the function; its name ends with what tells it from all others."""
        loops = indent([self.loops()], 2)
        ends = self._streams()
        text = FUNCTION.safe_substitute(rows=indent(self._rows(), 2), loops=loops,
                                        ends=indent(ends, 2), end=indent(end_of(ends), 1))
        text = "".join(self.specials.values()) + without_gaps(text)
        level = "" if self.block.level == FULL else "_rows"
        return named_function([node for node, _, _ in self.nodes], level, text)


def end_of(ends):
    """What comes at the end of a function whose rows end so."""
    return ["ct_stream_end();"] if any(["ct_stream(" in line for line in ends]) else []


def without_gaps(text):
    """Drop the lines that nothing was put into."""
    return re.sub(r"\n(\s*\n)+", "\n", text)


def named_function(nodes, ending, text):
    """Name a function by what it does, in a few words, and by a digest of its text."""
    names = [node.op.name.rstrip("_") for node in nodes]
    few = names if len(names) <= 4 else [*names[:3], f"{len(names) - 3}_more"]
    digest = hashlib.sha256(text.encode()).hexdigest()[:12]
    name = re.sub(r"\W", "_", "_".join(few)) + f"{ending}_{digest}"
    return Function(name, Template(text).substitute(name=name))


class _Buffers:
    """Arrays for what stages make for later ones. Each serves several values, one by one."""

    def __init__(self):
        self.names = {}                 # value -> the buffer that has it
        self.lines = []                 # declarations
        self._free = {}                 # type -> names
        self._types = {}                # name -> type

    def take(self, value, T):
        """Return the buffer of a value."""
        if value not in self.names:
            free = self._free.setdefault(T, [])
            if not free:
                free.append(f"b{len(self.lines)}")
                self._types[free[0]] = T
                self.lines.append(f"_Alignas(64) {T} {free[0]}[{_PIECE}];")
            self.names[value] = free.pop()
        return self.names[value]

    def release(self, values):
        """Give up the buffers of values that nobody reads any more."""
        for value in sorted(values):
            name = self.names.pop(value, None)
            if name is not None:
                self._free[self._types[name]].append(name)


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


def number(node, ins):
    """The C of a node on single numbers.

    Raises
    ------
    Unwritable
        If the op is none of C.
    """
    text, fixup = scalar(node)
    text = text.replace(f"ct_{fixup}(", f"ct_{fixup}_any(") if fixup else text
    return named(text, _arguments(ins))


def _arguments(ins):
    return [f"t{value}" for value in ins]


def indent(texts, levels):
    """Join texts of one line or more, further to the right."""
    lines = [line for text in texts for line in text.split("\n")]
    return "\n".join(["    " * levels + line for line in lines])
