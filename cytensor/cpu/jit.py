"""Machine code for fused groups that cost much time: compiled beside the calls, then swapped in.

A call never waits for this, unless ``config.jit`` is ``eager``. Without a compiler, or if it fails,
groups stay what they are: programs of tile kernels, with the same results to the last bit.
"""
import os
import sys
import threading
from collections import deque
from contextlib import suppress

from cytensor import config
from cytensor._plan import set_heat_limit

#: What the calls of a function have cost, in additions, before a compiler is started for it.
HOT = 2_000_000_000
LIMITS = {"off": 2**62, "background": HOT, "eager": 0}
#: Groups that take less than this part of the time of a plan are not worth a compilation.
SMALL = 1 / 500
NICE = 10
#: Seconds of an eager compilation after which it says what is going on.
PATIENCE = 1.0


class Jit:
    """Makes machine code of the groups and loops of plans. One object serves the process."""

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
        """Compile what the groups and loops of some plans need, in one go, and swap it in.

        Groups that take less than the part ``least`` of the time of their plan are left out.
        """
        # Not at the top: most processes never compile anything, and these take milliseconds.
        from cytensor.cpu import codegen
        if not codegen.is_possible():
            return
        found = [pair for plan in plans for pair in codegen.wanted_by(plan, least)]
        wanted = {f.name: f.text for _, functions in found for f in functions}
        with self._lock:
            self._compile({name: text for name, text in wanted.items()
                           if name not in self._addresses})
        for install, functions in found:
            addresses = [self._addresses[f.name] for f in functions]
            if None not in addresses:
                install(addresses)

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
        from cytensor.cpu import codegen
        if texts:
            try:
                self._addresses.update(codegen.compiled(texts))
            except codegen.Failed as error:
                self._addresses.update(dict.fromkeys(texts))
                if config.debug >= 1:
                    print(f"cytensor: generated code is not used: {error}", file=sys.stderr)

    def source(self, program):
        """Return the C of the groups of a program, as text for people."""
        from cytensor.cpu import codegen
        return codegen.source(program)


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
