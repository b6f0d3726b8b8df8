"""The CPU that kernels are compiled for: as options for the compiler, and as text for the key."""
import functools
import os
import platform
from collections.abc import Iterator
from typing import NamedTuple

from cytensor import config
from cytensor.cpu import isa

#: What tells CPUs apart in /proc/cpuinfo: names and versions, which compilers tune for, and
#: features. Frequencies and the like are left out.
TELLING = ("vendor_id", "cpu family", "model", "flags",
           "CPU implementer", "CPU architecture", "CPU variant", "CPU part", "Features")
LEVELS = {"v2": ("-march=x86-64-v2",),
          "v3": ("-march=x86-64-v3", "-mprefer-vector-width=256"),
          "v4": ("-march=x86-64-v4", "-mprefer-vector-width=512")}


class Target(NamedTuple):
    """Options for the compiler, and what they stand for on this machine."""

    flags: tuple[str, ...]
    name: str


def choices() -> Iterator[Target]:
    """Yield the targets that fit this CPU, best first; not every compiler knows each of them.

    Examples
    --------
    >>> list(choices())[-1].flags
    ()
    """
    level = LEVELS.get(isa.name(), ())
    machine = platform.machine()
    if not config.isa and cpu():
        native = "-march=native" if level else "-mcpu=native"
        yield Target((native, *level[1:]), f"{machine}: {cpu()}")
    if level:
        yield Target(level, f"{machine}: {level[0]}")
    yield Target((), machine)


@functools.cache
def cpu() -> str:
    """Return what a compiler may see of the CPU, or "" where the system does not tell."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
            first = file.read().split("\n\n", 1)[0]
    except OSError:
        return ""
    pairs = [line.partition(":")[::2] for line in first.splitlines()]
    return "; ".join([f"{name.strip()} {' '.join(sorted(value.split()))}"
                      for name, value in pairs if name.strip() in TELLING])


@functools.cache
def abi() -> str:
    """Return what else a library depends on: the system, its C library, the size of a pointer.

    Examples
    --------
    >>> abi().startswith(os.name)
    True
    """
    system = f"{os.name} {platform.system()} {platform.architecture()[0]}"
    return f"{system} {' '.join(platform.libc_ver())}"
