"""The command line: ``python -m cytensor info`` tells what runs here, and how it is set.

``python -m cytensor cache`` shows, checks and empties the folder of compiled kernels.
"""
import argparse
import os
import platform
import sys
import time
from collections.abc import Callable, Iterator

import cytensor
from cytensor import config
from cytensor.cache import store

Fact = tuple[str, str]

ACTIONS = {
    "info": "where it is, and how much it has",
    "list": "the kernels, the last used one first",
    "clear": "remove all kernels",
    "verify": "read all kernels, and remove those that are damaged",
    "prune": "remove the kernels that were not used for the longest time",
}


def main(argv: list[str] | None = None) -> int:
    """Run the command that ``argv`` names."""
    options = _parser().parse_args(argv)
    if options.command == "info":
        return _info()
    return _cache(options.action, options.limit)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m cytensor", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("info", help="versions, instruction set, BLAS, compiler and settings")
    cache = commands.add_parser("cache", help="the folder of compiled kernels")
    actions = cache.add_subparsers(dest="action", required=True)
    for name, purpose in ACTIONS.items():
        action = actions.add_parser(name, help=purpose)
        if name == "prune":
            action.add_argument("limit", type=int, nargs="?", help="how many MB may stay")
    cache.set_defaults(limit=None)
    return parser


def _info() -> int:
    for title, facts in (("versions", versions), ("CPU", cpu), ("kernels", kernels),
                         ("settings", settings)):
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


def kernels() -> Iterator[Fact]:
    """Yield what compiles kernels, and where they are kept."""
    yield "C compiler", _told(_compiler)
    yield "cache", _told(_folder)


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


def _compiler() -> str:
    from cytensor.cpu import compiler
    found = compiler.find()
    if found is None:
        return f"none ({compiler.trouble().strip()})"
    return f"{' '.join(found.command)}: {found.version.partition(chr(10))[0]}"


def _folder() -> str:
    found = store.default().info()
    if found.trouble:
        return f"memory only ({found.trouble})"
    megabytes = f"{found.size / 2**20:.1f} of {found.limit >> 20} MB"
    return f"{found.folder}: {found.kernels} kernels, {megabytes}"


def _cache(action: str, limit: int | None) -> int:
    """Run one of ``ACTIONS``; return the exit status."""
    kept = store.default()
    trouble = kept.info().trouble
    if trouble:
        print(f"the cache is not used: {trouble}", file=sys.stderr)
        return 1
    if action == "list":
        return _list(kept)
    if action == "verify":
        return _verify(kept)
    if action in ("clear", "prune"):
        removed = kept.clear() if action == "clear" else kept.prune(
            None if limit is None else limit << 20)
        print(f"removed {removed} kernels")
    print(_folder())
    return 0


def _list(kept: store.Store) -> int:
    for key, size, used, about in kept.entries():
        day = time.strftime("%Y-%m-%d %H:%M", time.localtime(used))
        facts = ", ".join([str(about.pop("name", "?")), *[f"{k} {v}" for k, v in about.items()]])
        print(f"{key[:12]}  {size:>9}  {day}  {facts}")
    return 0


def _verify(kept: store.Store) -> int:
    good, bad = kept.verify()
    for line in bad:
        print(f"removed {line}")
    print(f"{good} kernels are good, {len(bad)} were not")
    return 1 if bad else 0


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
