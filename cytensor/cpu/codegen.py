"""The C of fused groups and loops, as machine code and as text for people."""
import re
from functools import cache, partial
from pathlib import Path

from cytensor._loopblocks import Loop
from cytensor._loopform import LoopForm
from cytensor.cache import load
from cytensor.cpu import _fused, compiler
from cytensor.lowering import nests
from cytensor.lowering.render import SPECIAL, Unwritable, describe, render
from cytensor.lowering.scalars import DTYPES

HEADERS = Path(__file__).parent
INCLUDE = re.compile(r'#include "(\w+\.h)"')
PREFACE = '#include "tile.h"\n#include "ctcomplex.h"\n#include "nestcode.h"\n\n'
SPECIALS = re.compile(rf"^ct_map ({SPECIAL}(\w+)_([a-z0-9]+));$", re.MULTILINE)
#: Sizes that stand for all where a function has not been called.
SOME_SIZE = 64
#: What `compiled` may raise.
Failed = (compiler.CompileError, OSError, AttributeError)


def is_possible():
    """Whether there is a compiler."""
    return compiler.find() is not None


def compiled(texts):
    """Compile functions, name -> text, into one library; return name -> address."""
    data = compiler.find().build(PREFACE + "\n".join(texts.values()), headers=headers(),
                                 about={"name": ", ".join(texts)})
    library = load.load(data)
    for variable, name, short in set(SPECIALS.findall("\n".join(texts.values()))):
        _fill_in(library.address(variable), name, short)
    return {name: library.address(name) for name in texts}


def _fill_in(place, name, short):
    """Write the address of a function that has no expression in C to where code looks for it."""
    from ctypes import c_void_p

    from cytensor.cpu.device import cpu
    kernel = cpu().map_kernel(name, DTYPES[short].code, special=True)
    c_void_p.from_address(place).value = kernel


def source(program):
    """Return the C of the groups and loops of a program, for readers; it needs no compiler."""
    parts = [part for segment in program.segments for part in _sections(segment, segment.last)]
    return PREFACE + "\n".join(parts) if parts else ""


def _sections(segment, plan):
    """The texts of a segment; ``plan`` is that of the last call, if there was one."""
    forms = {id(step): _fused.blocks_of(address).form
             for step, address in (plan.list_groups() if plan is not None else ())}
    loops = {id(loop.node): loop for loop in (plan.list_loops() if plan is not None else ())}
    parts = []
    for step in segment.steps:
        if step.spec is not None:
            form = forms.get(id(step)) or _fused.form_of_sizes(step.spec, SOME_SIZE)
            parts.append(_section(step, form))
        elif isinstance(step.python, Loop):
            parts += _sections_of_loop(step, loops.get(id(step.node)), plan is not None)
    return parts


def _sections_of_loop(step, loop, is_called):
    """The texts of a loop: as a whole, or of the groups in it."""
    if not is_called:
        return [f"/* {step.label}: written when it has been called, for then it is planned */\n"]
    if loop is None:
        return [f"/* {step.label}: interpreted, in blocks of rows */\n"]
    rows = _loops_in(LoopForm(loop))
    if rows and rows[0][0].node is step.node:
        return [nests.describe_loop(form.node, uses) + function.text
                for form, function, _, uses in rows]
    return [f"/* {step.label}: interpreted, but for what follows */\n",
            *_sections(loop.segment, loop.inner)]


def _section(step, form):
    functions = functions_of(step.spec, form)
    if functions is None:
        return describe(step) + "/* interpreted: it has ops that are not written in C */\n"
    if not functions:
        return describe(step) + "/* interpreted: nothing but kernels that are there already */\n"
    return describe(step) + "\n".join([f.text for f in functions])


def wanted_by(plan, least):
    """What machine code a plan can use: pairs of what puts it in place, and the functions."""
    found, done = [], set()
    for form, function, numbers, uses in loops_of(plan):
        found.append((partial(form.install, numbers=numbers), [function]))
        done.update(uses.groups())
    for step, address in groups_of(plan, least):
        if address not in done:
            blocks = _fused.blocks_of(address)
            functions = functions_of(step.spec, blocks.form)
            if functions:
                found.append((blocks.install, functions))
    return found


def loops_of(plan):
    """The (form, function, numbers, uses) of loops of a plan that are written in C."""
    found = []
    for loop in plan.list_loops():
        found += _loops_in(LoopForm(loop))
    return found


def _loops_in(form):
    """A loop, or what can be written of the loops in it."""
    try:
        written = nests.render(form)
    except Unwritable:
        inner = [work.body for work in form.works if work.kind == "loop"]
        return [row for loop in inner for row in _loops_in(loop)]
    called = written[2].called_loops()
    return [(form, *written), *[row for loop in called for row in _loops_in(loop)]]


def groups_of(plan, least):
    """The (step, address) of those groups of a plan that take some part of its time."""
    groups = plan.list_groups()
    cost = least * sum([_fused.cost_of(address) for _, address in groups])
    return [group for group in groups if _fused.cost_of(group[1]) >= cost]


def functions_of(spec, form):
    """Return the functions of a group, from memory where it has been written; or None."""
    if form not in spec.code:
        try:
            spec.code[form] = render(spec, form)
        except Unwritable:
            spec.code[form] = None
    return spec.code[form]


@cache
def headers():
    """Return the headers that generated code includes, name -> text."""
    found, waiting = {}, ["tile.h", "ctcomplex.h", "nestcode.h"]
    while waiting:
        name = waiting.pop()
        if name not in found and (HEADERS / name).exists():
            found[name] = (HEADERS / name).read_text()
            waiting += INCLUDE.findall(found[name])
    return found
