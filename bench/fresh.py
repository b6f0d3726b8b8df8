"""Measurements that need a process of their own: imports, cold compiles, peak memory."""
import json
import os
import statistics
import subprocess
import sys
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


def run(body, compilers=True):
    """Run Python code in a fresh process.

    Parameters
    ----------
    body : str
        Code that sets the name ``result`` to a number.
    compilers : bool
        Whether programs, C compilers among them, are to be found on PATH.

    Returns
    -------
    result : float
    peak : float
        Largest resident memory, in MB.
    """
    env = dict(os.environ) if compilers else {**os.environ, "PATH": "", "CC": "", "CXX": ""}
    done = subprocess.run([sys.executable, "-c", _FRAME.format(here=str(HERE), body=body)],
                          env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1]
        if last.startswith("ModuleNotFoundError"):
            raise NotInstalled(last)
        raise RuntimeError(done.stderr)
    result, peak = json.loads(done.stdout.splitlines()[-1])
    return result, peak


def take_turns(bodies, rounds=5, which=0, **options):
    """Run several bodies in turn, each in ``rounds`` fresh processes.

    Returns
    -------
    dict of str to float or None
        Medians of the result (``which=0``) or of the peak of memory (``which=1``); None for
        what is not installed.
    """
    values = {name: [] for name in bodies}
    for _ in range(rounds):
        for name, body in bodies.items():
            if values[name] is not None:
                try:
                    values[name].append(run(body, **options)[which])
                except NotInstalled:
                    values[name] = None
    return {name: found and statistics.median(found) for name, found in values.items()}
