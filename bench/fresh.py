"""Measurements that need a process of their own: imports, cold compiles, memory."""
import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parent

#: Runs `body`, which sets `result`, and reports it with the peak of the process's memory. VmHWM,
#: because getrusage also counts what the parent had when it forked.
_FRAME = """
import json, sys, time
sys.path.insert(0, {here!r})
{body}
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(json.dumps([result, int(peak.split()[1]) / 1024]))
"""


class NotInstalled(Exception):
    """A module that the measurement needs is not there."""


@dataclass
class Script:
    """Python code that sets the name ``result`` to what it measured.

    Attributes
    ----------
    body : str
    compilers : bool
        Whether programs, C compilers among them, are to be found on PATH.
    peak : bool
        Whether the measure is the largest resident memory in MB, instead of ``result``.
    env : dict of str to str
        Environment variables beyond those of this process.
    rounds : int
        How many processes measure, at most.
    """

    body: str
    compilers: bool = True
    peak: bool = False
    env: dict = field(default_factory=dict)
    rounds: int = 5

    def measure(self, timeout=None):
        """Run it once, in a new process that finds packages where they are installed."""
        env = {**os.environ, **self.env}
        if not self.compilers:
            env |= {"PATH": "", "CC": "", "CXX": ""}
        code = _FRAME.format(here=str(HERE), body=self.body)
        done = subprocess.run([sys.executable, "-P", "-c", code], env=env, timeout=timeout,
                              capture_output=True, text=True, check=False)
        if done.returncode:
            raise _error(done)
        return json.loads(done.stdout.splitlines()[-1])[self.peak]


def _error(done):
    last = (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]
    missing = last.startswith("ModuleNotFoundError")
    return NotInstalled(last) if missing else RuntimeError(done.stderr or last)


def take_turns(scripts, rounds=5):
    """Run several scripts in turn, each in new processes.

    Returns
    -------
    dict of str to list of float or None
        What was measured in each round; None for what is not installed.
    """
    values = {name: [] for name in scripts}
    for number in range(rounds):
        for name, script in scripts.items():
            if values[name] is not None and number < script.rounds:
                try:
                    values[name].append(script.measure())
                except NotInstalled:
                    values[name] = None
    return values
