"""Where a run took place, and with which versions."""
import importlib.metadata
import os
import platform

from questions import OURS, PEERS


def versions():
    """The version of each library that is compared; None for what is not installed."""
    return {name: _version(name) for name in (OURS, *PEERS)}


def _version(name):
    if name == OURS:
        import cytensor
        return cytensor.__version__
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def machine():
    """The processor, its cores, and the system."""
    cores = len(os.sched_getaffinity(0))
    return f"{_cpu()}, {cores} cores, {platform.system()}, Python {platform.python_version()}"


def _cpu():
    with open("/proc/cpuinfo") as lines:
        names = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def line():
    """One line on all of it."""
    found = [f"{name} {version}" if version else f"no {name}"
             for name, version in versions().items()]
    return f"{machine()}; {', '.join(found)}"
