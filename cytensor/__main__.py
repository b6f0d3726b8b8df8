"""The command line: ``python -m cytensor info`` tells what runs here, and how it is set."""
import argparse
import os
import platform
import sys
from collections.abc import Callable, Iterator

import cytensor
from cytensor import config

Fact = tuple[str, str]


def main(argv: list[str] | None = None) -> int:
    """Run the command that ``argv`` names."""
    parser = argparse.ArgumentParser(prog="python -m cytensor", description=__doc__)
    parser.add_argument("command", choices=["info"],
                        help="versions, instruction set, BLAS, threads and settings")
    parser.parse_args(argv)
    for title, facts in (("versions", versions), ("CPU", cpu), ("settings", settings)):
        print(f"{title}:")
        for name, text in facts():
            print(f"  {name:24}{text}")
    return 0


def versions() -> Iterator[Fact]:
    """Yield the versions of what takes part."""
    import numpy
    import scipy
    yield "cytensor", cytensor.__version__
    yield "Python", f"{platform.python_version()} ({platform.platform()})"
    yield "NumPy", numpy.__version__
    yield "SciPy", scipy.__version__


def cpu() -> Iterator[Fact]:
    """Yield what the kernels run on. A part that is not there does not hide the others."""
    yield "machine", platform.processor() or platform.machine()
    yield "cores", f"{len(os.sched_getaffinity(0))} for this process, {os.cpu_count()} in all"
    yield "instruction set", _told(_instruction_set)
    yield "kernel threads", _told(_threads)
    yield "BLAS", _told(_blas)


def settings() -> Iterator[Fact]:
    """Yield each setting, its environment variable, and whether it differs from the default."""
    for name, (default, _, _) in config.FLAGS.items():
        value = _setting(name)
        note = "" if value == default else f"   (default: {default!r})"
        yield name, f"{value!r:14}CYTENSOR_{name.upper()}{note}"


def _instruction_set() -> str:
    from cytensor.cpu.isa import available, name
    return f"{name()} (of {', '.join(available())})"


def _threads() -> str:
    from cytensor.cpu._structured import default_threads
    return str(_setting("threads") or default_threads())


def _blas() -> str:
    from cytensor.cpu.blas import record
    found = record()
    chosen = " (chosen by cytensor)" if found["coretype_set_by_us"] else ""
    return f"{found['core'] or 'unknown'} kernels{chosen}, {found['path'] or 'unknown library'}"


def _setting(name: str) -> object:
    return getattr(config, name)


def _told(tell: Callable[[], str]) -> str:
    """What ``tell`` returns, or why it cannot."""
    try:
        return tell()
    except (ImportError, AttributeError, OSError, RuntimeError) as error:
        return f"not known ({error})"


if __name__ == "__main__":
    sys.exit(main())
