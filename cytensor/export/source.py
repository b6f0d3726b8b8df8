"""The text of an exported function: a C file and its header."""
import textwrap
from string import Template
from typing import NamedTuple

from cytensor.export.elements import literal
from cytensor.export.headers import body_of, closure
from cytensor.export.lines import identifiers
from cytensor.export.places import NUMBER, Place, array
from cytensor.export.program import ProgramWriter
from cytensor.export.signature import Namer, parameter
from cytensor.export.sizes import product
from cytensor.export.unit import ExportError, Unit, in_comment

_GLUE = "\N{NO-BREAK SPACE}"
STACK = 4096                # bytes of workspace that a call takes from its own stack
FAILURES = {
    "MEMORY": "there is no memory for the workspace",
    "INDEX": "an index is out of bounds",
}

PREFACE = """\
#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#pragma clang diagnostic ignored "-Wunused-function"
#pragma clang diagnostic ignored "-Wpass-failed"
#elif defined(__GNUC__)
#pragma GCC optimize("fp-contract=off", "wrapv", "no-math-errno", "no-trapping-math")
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#if defined(__GNUC__)
#pragma GCC diagnostic ignored "-Wtype-limits"
#endif
"""
FILE = Template("""\
/* $title
 *
 * Written by cytensor. See $name.h. */
#include "$name.h"

$includes

$preface
$helpers
$body""")
HEADER = Template("""\
/* $title
 *
$about
 */
#ifndef $guard
#define $guard

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

$declarations

#ifdef __cplusplus
}
#endif

#endif
""")
NUMBER_FUNCTION = Template("""\
$head
{
$body
    return $out[0];
}
""")
SIZES = Template("""\
$head
{
$body
    return ${name}_OK;
}
""")
STEPS = Template("""\
static $head
{
$body
    return ${name}_OK;
}
""")
CALL = Template("""\
$head
{
$sizes
    const int64_t bytes = $bytes;
    char small[$stack], *own = NULL, *at = workspace;
    if (!at)
        at = bytes <= (int64_t)sizeof small ? small : (own = malloc((size_t)bytes));
    if (!at)
        return ${name}_MEMORY;
    at += 63 - ((uintptr_t)at + 63) % 64;
    const int status = ${name}_steps($names, at);
    free(own);
    return status;
}
""")
DIRECT = Template("""\
$head
{
$body
    (void)workspace;
    return ${name}_OK;
}
""")
ERROR = Template("""\
const char *${name}_error(int code)
{
    switch (code) {
$cases
    default: return "unknown error";
    }
}
""")


class Source(NamedTuple):
    """An exported function.

    Attributes
    ----------
    name : str
    text, header : str
        The contents of the two files.
    inputs, outputs : list of Parameter
    is_number : bool
        Whether it is a plain function of numbers that returns a number.
    """

    name: str
    text: str
    header: str
    inputs: list
    outputs: list
    is_number: bool


class SourceWriter:
    """Writes the files of one function.

    Parameters
    ----------
    name : str
        In C.
    title : str
        What it is, in a line.
    program : Program
    inputs, outputs : list of (Variable, name)
    values : list of ndarray or None
        The values of shared variables that become constants; None where one is an argument, whose
        variable is then one of ``inputs``.
    blas : {"fortran", "inline"}
    """

    def __init__(self, name, title, program, inputs, outputs, values, blas):
        self.name, self.title, self.program = name, title, program
        namer = Namer(name)
        self.inputs = [parameter(v, namer.name(text, "input"), about)
                       for v, text, about in inputs]
        self.outputs = [parameter(v, namer.name(text, "out"), about, True)
                        for v, text, about in outputs]
        self.values, self.blas = values, blas

    def write(self):
        """Return the source."""
        unit = self.unit = Unit(self.name, self.blas)
        self.dims = [None] * len(self.outputs)
        writer = ProgramWriter(unit, self.program, self._given(),
                               [self._output_place(i) for i in range(len(self.outputs))])
        writer.write()
        self.bytes = unit.lay_out()
        is_number = self._is_number()
        body = self._number() if is_number else self._general()
        return Source(self.name, self._file(body), self._header(is_number), self.inputs,
                      self.outputs, is_number)

    # ----- places -----

    def _given(self):
        """The places of the inputs of the program: arguments, then shared variables."""
        arguments = [self._input_place(p) for p in self.inputs]
        count = len(arguments) - sum([v is None for v in self.values])
        shared = iter(arguments[count:])
        cells = [next(shared) if v is None else
                 self.unit.constant(v) for v in self.values]
        return [*arguments[:count], *cells]

    def _input_place(self, p):
        if p.is_number:
            return Place(p.name, p.dtype, (), (), NUMBER, True)
        dims = [self.unit.size(f"{p.name}_shape[{a}]") if p.has_shape else n
                for a, n in enumerate(p.shape)]
        return array(p.name, p.dtype, dims, early=True)

    def _output_place(self, i):
        def place(dims):
            if not self.unit.late.isdisjoint([str(n) for n in dims]):
                raise ExportError(f"the size of the result {self.outputs[i].name} depends on "
                                  "computed data")
            self.dims[i] = dims
            return array(self.outputs[i].name, self.outputs[i].dtype, dims)
        return place

    # ----- functions -----

    def _is_number(self):
        unit = self.unit
        return (all([p.is_number for p in self.inputs]) and len(self.outputs) == 1
                and self.outputs[0].shape == () and not unit.checks and not unit.failures
                and not unit.slots)

    def _declared(self, parameters):
        return [text for p in parameters for text in p.declared()]

    def _head(self, kind="run"):
        inputs = self._declared(self.inputs)
        if kind == "number":
            T = self.outputs[0].dtype.storage.replace("complex", "_Complex")
            return _call(f"{T} {self.name}", inputs or ["void"])
        if kind == "sizes":
            shapes = [f"int64_t *{p.name}_shape" for p in self.outputs if p.shape]
            return _call(f"int {self.name}_sizes", [*inputs, *shapes, "int64_t *workspace_bytes"])
        outputs = self._declared(self.outputs)
        if kind == "steps":
            return _call(f"int {self.name}_steps", [*inputs, *outputs, "char *workspace"])
        return _call(f"int {self.name}", [*inputs, *outputs, "void *workspace"])

    def _number(self):
        out = self.outputs[0]
        steps = self.unit.lines.text()
        lines = [self.unit.prologue.text(identifiers(steps)),
                 f"{out.dtype.storage} {out.name}[1];", steps]
        body = textwrap.indent("\n".join([t for t in lines if t]), "    ")
        return NUMBER_FUNCTION.substitute(head=self._head("number"), out=out.name,
                                          body=self._with_unused(body))

    def _general(self):
        parts = [self._steps(), self._sizes(), self._errors()]
        return "\n".join(parts)

    def _with_unused(self, body, names=None):
        """Say of parameters that nothing needs that this is so."""
        used = identifiers(body)
        names = names or [name for p in self.inputs for name in p.names()]
        unused = [f"    (void){name};\n" for name in names if name not in used]
        return "".join(unused) + body

    def _steps(self):
        unit = self.unit
        steps = unit.lines.text()
        lines = [unit.prologue.text(identifiers(steps)), steps]
        body = textwrap.indent("\n".join([t for t in lines if t]), "    ")
        names = [name for p in (*self.inputs, *self.outputs) for name in p.names()]
        body = self._with_unused(body, names)
        if not unit.slots:
            return DIRECT.substitute(head=self._head(), body=body, name=self.name)
        sizes = textwrap.indent(unit.prologue.text(identifiers(str(self.bytes))), "    ")
        call = CALL.substitute(name=self.name, head=self._head(), sizes=sizes, bytes=self.bytes,
                               stack=STACK, names=", ".join(names))
        return STEPS.substitute(name=self.name, head=self._head("steps"), body=body) + "\n" + call

    def _sizes(self):
        rows = []
        for p, dims in zip(self.outputs, self.dims):
            rows += [f"{p.name}_shape[{a}] = {n};" for a, n in enumerate(dims)]
        rows.append(f"*workspace_bytes = {self.bytes};")
        body = textwrap.indent("\n".join(
            [*self.unit.prologue.needed(identifiers("\n".join(rows))), *rows]), "    ")
        return SIZES.substitute(head=self._head("sizes"), body=self._with_unused(body),
                                name=self.name)

    # ----- errors -----

    def _codes(self):
        """(name, number, message) of what a call returns."""
        failures = ["MEMORY", *[f for f in FAILURES if f in self.unit.failures]]
        codes = [("OK", "it has worked"), *[(f, FAILURES[f]) for f in failures],
                 *self.unit.checks]
        return [(f"{self.name}_{code}", text) for code, text in codes]

    def _errors(self):
        cases = [f"    case {code}: return {_string(text)};" for code, text in self._codes()]
        return ERROR.substitute(name=self.name, cases="\n".join(cases))

    # ----- files -----

    def _file(self, body):
        helpers = "\n".join([*self._helpers(body), *self._constants()])
        pieces = closure(identifiers(helpers + body))
        text = pieces + "\n\n" + helpers
        includes, preface = ["math.h", "stdlib.h", "string.h"], PREFACE
        if "complex" in text + body:
            includes.insert(0, "complex.h")
            preface += body_of("ctmath_cmplx.h")
        return FILE.substitute(
            title=in_comment(self.title), name=self.name, preface=preface,
            includes="\n".join([f"#include <{name}>" for name in includes]),
            helpers=text.strip() + "\n\n" if text.strip() else "", body=body)

    def _helpers(self, body):
        """The helpers that are called, each after those that it calls."""
        wanted, found = identifiers(body), []
        for name, text in reversed(self.unit.helpers.items()):
            defined = identifiers(text) & wanted
            if any([n == name or n.startswith(name + "_") for n in defined]):
                found.append(text)
                wanted |= identifiers(text)
        return found[::-1]

    def _constants(self):
        for name, dtype, value in self.unit.constants:
            items = [literal(x, dtype) for x in value.reshape(-1)] or ["0"]
            rows = textwrap.fill(", ".join(items), 96, initial_indent="    ",
                                 subsequent_indent="    ", break_long_words=False)
            yield f"static const {dtype.storage} {name}[{len(items)}] = {{\n{rows}\n}};\n"

    def _header(self, is_number):
        parameters = [*self.inputs, *self.outputs]
        text = _ABOUT_NUMBER if is_number else _ABOUT.replace("NAME", self.name)
        about = [*[p.described() for p in parameters], "", *textwrap.wrap(text, 94)]
        rows = "\n".join([f" * {in_comment(row)}".rstrip() for row in about])
        if is_number:
            declarations = [self._head("number") + ";"]
        else:
            codes = ",\n".join([f"    {code} = {k}" for k, (code, _) in enumerate(self._codes())])
            declarations = [f"enum {{\n{codes}\n}};", self._head() + ";",
                            self._head("sizes") + ";",
                            f"const char *{self.name}_error(int code);"]
        return HEADER.substitute(
            title=in_comment(self.title), about=rows, guard=f"{self.name}_H",
            declarations="\n\n".join(declarations))

    def total(self, i):
        """Return the number of elements of an output."""
        return product(self.dims[i])


_ABOUT_NUMBER = "It keeps nothing between calls: threads may call it at once."
_ABOUT = """\
Arrays are in C order, without gaps. Outputs are memory of the caller, which overlaps no other
argument; NAME_sizes tells their shapes, and how many bytes of workspace a call wants. With NULL as
workspace it looks for memory itself. A call returns 0, or a code that NAME_error explains. Nothing
is kept between calls: threads may call it at once, each with its own memory."""


def _call(head, parameters):
    """A declaration, in lines of at most 100 columns."""
    one = f"{head}({', '.join([p.replace(' ', _GLUE) for p in parameters])})"
    return textwrap.fill(one, 90, subsequent_indent="    ", break_long_words=False,
                         break_on_hyphens=False).replace(_GLUE, " ")


def _string(text):
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'.replace("??", '?""?')
