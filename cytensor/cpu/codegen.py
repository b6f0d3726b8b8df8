"""The C of fused groups and loops, as machine code and as text for people."""
import re
from functools import cache, partial
from pathlib import Path

from cytensor._loopblocks import Loop
from cytensor._loopform import LoopForm
from cytensor.cache import load
from cytensor.cpu import _fused, compiler, isa
from cytensor.lowering import nests
from cytensor.lowering.render import SPECIAL, Unwritable, describe
from cytensor.lowering.render_rows import render
from cytensor.lowering.scalars import DTYPES

HEADERS = Path(__file__).parent
INCLUDE = re.compile(r'#include "(\w+\.h)"')
INCLUDED = ("tile.h", "ctcomplex.h", "nestcode.h", "rowcode.h")
PREFACE = "".join([f'#include "{name}"\n' for name in INCLUDED]) + "\n"
SPECIALS = re.compile(rf"^ct_map ({SPECIAL}(\w+)_([a-z0-9]+));$", re.MULTILINE)
#: Variables with the addresses of kernels of reductions.
FOLD = "ct_the_"
FOLDS = re.compile(rf"^ct_\w+ ({FOLD}\w+);$", re.MULTILINE)
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
    text = "\n".join(texts.values())
    for variable, name, short in set(SPECIALS.findall(text)):
        kernel = isa.kernels_special()["m", name, DTYPES[short].code, -1]
        _fill_in(library.address(variable), kernel)
    for variable in set(FOLDS.findall(text)):
        _fill_in(library.address(variable), _fold_kernels()[variable])
    return {name: library.address(name) for name in texts}


def _fill_in(place, kernel):
    """Write the address of a kernel to where code looks for it."""
    from ctypes import c_void_p
    c_void_p.from_address(place).value = kernel


@cache
def _fold_kernels():
    """The kernels of reductions: the variable that has the address -> the address."""
    codes = {d.code: d.short for d in DTYPES.values()}
    return {f"{FOLD}{kind}_{re.sub(r'[^a-z]+', '_', name).strip('_')}_{codes[dtype]}": address
            for (kind, name, dtype, _), address in isa.kernels().items() if kind in "fta"}


@cache
def _fold_variables():
    """The same the other way round; some variables have the same address."""
    return {address: name for name, address in sorted(_fold_kernels().items(), reverse=True)}


def source(program):
    """Return the C of the groups and loops of a program, for readers; it needs no compiler."""
    parts = [part for segment in program.segments for part in _sections(segment, segment.last)]
    return PREFACE + "\n".join(parts) if parts else ""


def _sections(segment, plan):
    """The texts of a segment; ``plan`` is that of the last call, if there was one."""
    groups = {id(step): address
              for step, address in (plan.list_groups() if plan is not None else ())}
    loops = {id(loop.node): loop for loop in (plan.list_loops() if plan is not None else ())}
    parts = []
    for step in segment.steps:
        if step.spec is not None:
            parts.append(_section(step, groups.get(id(step))))
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


def _section(step, address):
    _, functions = _written(step.spec, address)
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
            blocks, functions = _written(step.spec, address)
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


def _written(spec, address):
    """A group of a plan, or if it has no address, of some sizes: its blocks, and their functions.

    All of a row is one block if such a function can be written.
    """
    for whole in (True, False):
        blocks = _fused.blocks_of(address, whole) if address is not None \
            else _fused.blocks_of_sizes(spec, SOME_SIZE, whole)
        functions = functions_of(spec, blocks.form)
        if functions is not None:
            break
    return blocks, functions


def functions_of(spec, form):
    """Return the functions of a group, from memory where it has been written; or None."""
    if form not in spec.code:
        try:
            spec.code[form] = render(spec, form, _fold_variables().__getitem__)
        except Unwritable:
            spec.code[form] = None
    return spec.code[form]


@cache
def headers():
    """Return the headers that generated code includes, name -> text."""
    found, waiting = {}, [*INCLUDED]
    while waiting:
        name = waiting.pop()
        if name not in found and (HEADERS / name).exists():
            found[name] = (HEADERS / name).read_text()
            waiting += INCLUDE.findall(found[name])
    return found
