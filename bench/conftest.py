"""The fixture that puts a question to cytensor and its peers, and the tables at the end."""
import importlib.metadata
import os
import platform

import pytest
from table import Answer
from turns import check_equal, take_turns

ANSWERS = pytest.StashKey[list]()
PEERS = ("numpy", "scipy", "numba", "numexpr", "jax", "pytensor", "torch")


def pytest_configure(config):
    config.stash[ANSWERS] = []


@pytest.fixture
def record(request):
    """Add an answer to the tables at the end: ``record(question, ours, measures, ...)``."""
    def add(*args, **kwargs):
        answer = Answer(*args, **kwargs)
        request.config.stash[ANSWERS].append(answer)
        return answer
    return add


@pytest.fixture
def contest(record, benchmark):
    """Put a question to cytensor and its peers.

    ``contest(question, makers, targets, calls, rtol)``: each maker returns a ``Candidate``, or
    raises ``ModuleNotFoundError`` where its peer is not installed. The first maker is ours.
    """
    def ask(question, makers, targets=(), calls=1, rtol=1e-4):
        candidates, missing = {}, {}
        for name, make in makers.items():
            try:
                candidates[name] = make()
            except ModuleNotFoundError:
                missing[name] = None
        check_equal(candidates, calls, rtol)
        ours = next(iter(makers))
        times = take_turns(candidates)
        answer = record(question, ours, {**times, **missing}, dict(targets))
        benchmark.extra_info["medians"] = times
        benchmark.pedantic(candidates[ours].function(), rounds=10,
                           iterations=max(1, round(0.01 / times[ours])))
        return answer
    return ask


def pytest_terminal_summary(terminalreporter, config):
    answers = config.stash[ANSWERS]
    if answers:
        terminalreporter.section("cytensor and its peers")
        terminalreporter.write_line(_machine())
        for answer in answers:
            terminalreporter.write_line("")
            for line in answer.lines():
                terminalreporter.write_line(line)


def _machine():
    """One line on where this ran, and with which versions."""
    versions = []
    for name in PEERS:
        try:
            versions.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            versions.append(f"no {name}")
    cores = len(os.sched_getaffinity(0))
    return f"{_cpu()}, {cores} cores, Python {platform.python_version()}; {', '.join(versions)}"


def _cpu():
    with open("/proc/cpuinfo") as lines:
        names = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
