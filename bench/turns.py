"""Timing of several candidates in one run, in turn, so that a noisy machine is noisy for all."""
import gc
import time
import timeit
from dataclasses import dataclass

import numpy as np

SLOW = 0.1              # seconds of an execution that needs none before it to be warm


@dataclass
class Candidate:
    """A statement to time, and the names that it uses.

    A statement, rather than a function, so that a call of half a microsecond is not measured
    together with the call of a wrapper. ``count`` says for how many things it stands, if what
    is asked is the time of one.
    """

    statement: str
    names: dict
    count: int = 1

    def value(self):
        """Run the statement once, and return its value as a list of arrays."""
        value = eval(self.statement, self.names)
        values = value if isinstance(value, (tuple, list)) else [value]
        return [np.asarray(v.detach() if hasattr(v, "detach") else v) for v in values]

    def values(self, calls):
        """The values of the first calls."""
        return [self.value() for _ in range(calls)]

    def timer(self):
        """A timer of the statement."""
        return timeit.Timer(self.statement, globals=self.names)

    def function(self):
        """The statement as a function, for what measures functions."""
        return eval(f"lambda: {self.statement}", self.names)


class Turn:
    """One candidate's turns, each of about the same number of seconds."""

    def __init__(self, candidate, seconds=0.03):
        self.timer = candidate.timer()
        gc.collect()
        self.loops, taken = _loops(self.timer, seconds)
        self.warm = max(self.loops // 2, taken < SLOW)
        self.count = candidate.count

    def take(self):
        """The seconds of one execution, after some that warm up."""
        self.timer.timeit(self.warm)
        return self.timer.timeit(self.loops) / self.loops / self.count


def _loops(timer, seconds):
    """How many executions fill a turn, and how long one takes, about."""
    count, taken = 1, timer.timeit(1)
    while taken < seconds / 4:
        count *= 2
        taken = timer.timeit(count)
    return max(1, round(count * seconds / taken)), taken / count


def check_equal(values, rtol=1e-4):
    """Compare what the candidates computed, call by call.

    Parameters
    ----------
    values : dict of str to list of list of array
        For each candidate what each call returned. The others are compared with the first.
    """
    (ours, wanted), *others = values.items()
    for name, found in others:
        for call, (results, wants) in enumerate(zip(found, wanted, strict=True)):
            for a, b in zip(results, wants, strict=True):
                np.testing.assert_allclose(a, b, rtol=rtol, atol=rtol * 1e-2,
                                           err_msg=f"{name} and {ours}, call {call}")


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
    dict of str to list of float
        The seconds that one execution takes, in each round.
    """
    turns = {name: Turn(candidate, seconds) for name, candidate in candidates.items()}
    times = {name: [] for name in turns}
    for _ in range(rounds):
        for name, turn in turns.items():
            time.sleep(pause)
            times[name].append(turn.take())
    return times
