"""Machine code for fused groups that cost much time: compiled beside the calls, then swapped in.

A call never waits for this, unless ``config.jit`` is ``eager``. Without a compiler, or if it fails,
groups stay what they are: programs of tile kernels, with the same results to the last bit.
"""
import os
import re
import sys
import threading
from collections import deque
from contextlib import suppress
from functools import cache
from pathlib import Path

from cytensor import config
from cytensor._plan import set_heat_limit
from cytensor.cache import load
from cytensor.cpu import _fused, compiler
from cytensor.lowering.render import Unwritable, describe, render

#: What the calls of a function have cost, in additions, before a compiler is started for it.
HOT = 2_000_000_000
LIMITS = {"off": 2**62, "background": HOT, "eager": 0}
#: Groups that take less than this part of the time of a plan are not worth a compilation.
SMALL = 1 / 500
HEADERS = Path(__file__).parent
INCLUDE = re.compile(r'#include "(\w+\.h)"')
PREFACE = '#include "tile.h"\n#include "ctcomplex.h"\n\n'
NICE = 10
#: Seconds of an eager compilation after which it says what is going on.
PATIENCE = 1.0
#: Sizes that stand for all where a function has not been called.
SOME_SIZE = 64


class Jit:
    """Makes machine code of the groups of plans. One object serves the process."""

    def __init__(self):
        self._waiting = deque()         # plans
        self._addresses = {}            # name of a function -> address, or None if that failed
        self._start_anew()
        os.register_at_fork(after_in_child=self._start_anew)
        config.on_change("jit", lambda mode: set_heat_limit(LIMITS[mode]))

    def _start_anew(self):
        """In a forked child the thread is not there, and its locks may never be released."""
        self._thread = None
        self._lock = threading.Lock()   # of what compiles
        self._wake = threading.Event()

    # ----- from calls -----

    def improve(self, plan):
        """Have the groups of a plan run machine code: now, or when it is there."""
        if config.jit == "eager":
            with _Note():
                self.improve_now([plan])
            return
        self._waiting.append(plan)
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self._work, name="cytensor-jit", daemon=True)
            with suppress(RuntimeError):        # no more threads, as at the exit
                self._thread.start()
        self._wake.set()

    def improve_now(self, plans, least=0):
        """Compile what the groups of some plans need, in one go, and swap it in.

        Groups that take less than the part ``least`` of the time of their plan are left out.
        """
        if compiler.find() is None:
            return
        found = []                      # (blocks, names of their functions)
        wanted = {}                     # name -> text
        for step, address in [group for plan in plans for group in groups_of(plan, least)]:
            blocks = _fused.blocks_of(address)
            functions = functions_of(step.spec, blocks.form)
            if functions:
                found.append((blocks, [f.name for f in functions]))
                wanted.update({f.name: f.text for f in functions})
        with self._lock:
            self._compile({name: text for name, text in wanted.items()
                           if name not in self._addresses})
        for blocks, names in found:
            addresses = [self._addresses[name] for name in names]
            if None not in addresses:
                blocks.install(addresses)

    # ----- the thread -----

    def _work(self):
        with suppress(OSError, AttributeError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICE)
        while True:
            self._wake.wait()
            self._wake.clear()
            self.finish()

    def finish(self):
        """Compile all that was asked for, and wait for what is being compiled."""
        plans = []
        while self._waiting:
            with suppress(IndexError):      # somebody else was quicker
                plans.append(self._waiting.popleft())
        self.improve_now(plans, SMALL)

    def _compile(self, texts):
        """Compile functions, name -> text; those that fail stay known as such."""
        if not texts:
            return
        source = PREFACE + "\n".join(texts.values())
        try:
            data = compiler.find().build(source, headers=headers(),
                                         about={"name": ", ".join(texts)})
            library = load.load(data)
            self._addresses.update({name: library.address(name) for name in texts})
        except (compiler.CompileError, OSError, AttributeError) as error:
            self._addresses.update(dict.fromkeys(texts))
            if config.debug >= 1:
                print(f"cytensor: generated code is not used: {error}", file=sys.stderr)

    # ----- for readers -----

    def source(self, program):
        """Return the C of the groups of a program, as text for people."""
        parts = []
        for segment in program.segments:
            plan = segment.last
            forms = {id(step): _fused.blocks_of(address).form
                     for step, address in (plan.list_groups() if plan is not None else ())}
            for step in segment.steps:
                if step.spec is not None:
                    form = forms.get(id(step)) or _fused.form_of_sizes(step.spec, SOME_SIZE)
                    parts.append(_section(step, form))
        return PREFACE + "\n".join(parts) if parts else ""


def _section(step, form):
    functions = functions_of(step.spec, form)
    if functions is None:
        return describe(step) + "/* interpreted: it has ops that are not written in C */\n"
    if not functions:
        return describe(step) + "/* interpreted: nothing but kernels that are there already */\n"
    return describe(step) + "\n".join([f.text for f in functions])


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
    found, waiting = {}, ["tile.h", "ctcomplex.h"]
    while waiting:
        name = waiting.pop()
        if name not in found and (HEADERS / name).exists():
            found[name] = (HEADERS / name).read_text()
            waiting += INCLUDE.findall(found[name])
    return found


class _Note:
    """Says what is going on where that lasts long."""

    def __enter__(self):
        self._timer = threading.Timer(PATIENCE, self._say)
        self._timer.daemon = True
        self._timer.start()

    def __exit__(self, *_):
        self._timer.cancel()

    def _say(self):
        print("cytensor: compiling generated code ...", file=sys.stderr)
