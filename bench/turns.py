"""Timing of several candidates in one run, in turn, so that a noisy machine is noisy for all."""
import gc
import statistics
import time
import timeit
from dataclasses import dataclass

import numpy as np


@dataclass
class Candidate:
    """A statement to time, and the names that it uses.

    A statement, rather than a function, so that a call of half a microsecond is not measured
    together with the call of a wrapper.
    """

    statement: str
    names: dict

    def value(self):
        """Run the statement once, and return its value as a list of arrays."""
        value = eval(self.statement, self.names)
        values = value if isinstance(value, (tuple, list)) else [value]
        return [np.asarray(v.detach() if hasattr(v, "detach") else v) for v in values]

    def timer(self):
        """A timer of the statement."""
        return timeit.Timer(self.statement, globals=self.names)

    def function(self):
        """The statement as a function, for what measures functions."""
        return eval(f"lambda: {self.statement}", self.names)


def check_equal(candidates, calls=1, rtol=1e-4):
    """Compare what the candidates compute, in each of the first ``calls`` calls.

    Parameters
    ----------
    candidates : dict of str to Candidate
        The first one is what the others are compared with.
    """
    first, *others = candidates.items()
    wanted = [first[1].value() for _ in range(calls)]
    for name, candidate in others:
        for call, want in enumerate(wanted):
            for a, b in zip(candidate.value(), want, strict=True):
                np.testing.assert_allclose(a, b, rtol=rtol, atol=rtol * 1e-2,
                                           err_msg=f"{name} and {first[0]}, call {call}")


def take_turns(candidates, rounds=15, seconds=0.03, pause=0.25):
    """Time the candidates in turn.

    Parameters
    ----------
    candidates : dict of str to Candidate
    rounds : int
    seconds : float
        How long one turn lasts, about.
    pause : float
        Seconds before a turn: the threads of the one before may spin for a while.

    Returns
    -------
    dict of str to float
        The median over the rounds of the seconds that one execution takes.
    """
    timers = {name: candidate.timer() for name, candidate in candidates.items()}
    loops = {name: _loops(timer, seconds) for name, timer in timers.items()}
    times = {name: [] for name in timers}
    gc.collect()
    for _ in range(rounds):
        for name, timer in timers.items():
            time.sleep(pause)
            timer.timeit(1)
            times[name].append(timer.timeit(loops[name]) / loops[name])
    return {name: statistics.median(values) for name, values in times.items()}


def _loops(timer, seconds):
    """How many executions fill a turn."""
    count, taken = 1, timer.timeit(1)
    while taken < seconds / 4:
        count *= 2
        taken = timer.timeit(count)
    return max(1, round(count * seconds / taken))
