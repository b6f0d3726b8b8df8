"""Find a C compiler that works, and compile kernels with it.

None of this is needed: without a compiler, kernels are run by the interpreter.
"""
import functools
import json
import os
import shlex
import shutil
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from cytensor import config
from cytensor.cache import load, store
from cytensor.cpu import target
from cytensor.cpu.workshop import Workshop

#: Both the interpreter's kernels and the compiled ones give the same bits, so nothing here may
#: change a result: no contraction to fused operations, no "fast math".
FLAGS = ("-O3", "-ffp-contract=off", "-fno-math-errno", "-fno-trapping-math", "-fwrapv",
         "-fno-strict-aliasing", "-fPIC", "-shared")
#: With -ftree-pre, gcc moves work into the branches of choices, and loops stay without vector code.
FLAGS_OF_GCC = ("-fno-tree-pre",)
NAMES = ("cc", "gcc", "clang")
#: Variables of the environment that change what a compiler finds.
ENVIRONMENT = ("CPATH", "C_INCLUDE_PATH", "LIBRARY_PATH", "COMPILER_PATH", "GCC_EXEC_PREFIX",
               "SDKROOT")
#: Seconds: for a kernel, and for the version.
PATIENCE, SHORT_PATIENCE = 120.0, 20.0
DAY = 86400.0
TRIAL = """\
#include <math.h>
#include <stdint.h>
#include <string.h>
double ct_trial(double x, int64_t n) { return sqrt(x) + (double)n; }
"""


class CompileError(RuntimeError):
    """A compiler refused, or could not be run.

    Attributes
    ----------
    command : str
        As one would type it.
    text : str
        What the compiler said.
    """

    def __init__(self, command: Sequence[str], text: str):
        super().__init__(f"{shlex.join(command)}: {text}")
        self.command = shlex.join(command)
        self.text = text


@dataclass(frozen=True)
class Compiler:
    """A C compiler that works.

    Attributes
    ----------
    command : tuple of str
        The program with its full path, and options that belong to it.
    version : str
        All that it says about its version.
    flags : tuple of str
        For each kernel: optimisation, and what this CPU has.
    target : str
        What these flags stand for on this machine. Machines with other CPUs may share a folder.
    """

    command: tuple[str, ...]
    version: str
    flags: tuple[str, ...]
    target: str

    def compile(self, source: str, flags: Sequence[str] = (),
                headers: Mapping[str, str] | None = None) -> bytes:
        """Compile a C source to a shared library.

        Parameters
        ----------
        source : str
        flags : sequence of str, optional
            Further options; those of ``config.cflags`` come after them.
        headers : mapping, optional
            Name to text of the files that the source includes.

        Returns
        -------
        bytes
            Of the library; `cytensor.cache.load.load` loads it.

        Raises
        ------
        CompileError
            With the command, and what the compiler said.
        """
        words = [*self.command, *self._all(flags), "kernel.c", "-o", "kernel.so", "-lm"]
        try:
            with Workshop() as shop:
                for name, text in {**(headers or {}), "kernel.c": source}.items():
                    shop.write(name, text.encode())
                status, said = shop.run(words, PATIENCE)
                if status:
                    raise CompileError(words, f"exit status {status}\n{said}")
                return shop.read("kernel.so")
        except OSError as error:
            raise CompileError(words, str(error)) from None

    def build(self, source: str, flags: Sequence[str] = (),
              headers: Mapping[str, str] | None = None, about: Mapping | None = None) -> bytes:
        """Return the library of a source from the cache, or compile it and keep it there.

        Parameters
        ----------
        source, flags, headers
            As for `compile`.
        about : mapping, optional
            Facts for ``cytensor cache list``; ``name`` is the kernel's.

        Raises
        ------
        CompileError
            As from `compile`.
        """
        kernels, key = store.default(), self.key(source, flags, headers)
        data = kernels.get(key)
        if data is None:
            start = time.perf_counter()
            data = self.compile(source, flags, headers)
            facts = {"compiler": self.version.partition("\n")[0],
                     "seconds": round(time.perf_counter() - start, 3)}
            kernels.put(key, data, {**facts, **(about or {})})
        return data

    def key(self, source: str, flags: Sequence[str] = (),
            headers: Mapping[str, str] | None = None) -> str:
        """Return the key of the cache for all that the compiler would see."""
        seen = {"kind": "cpu", "source": source, "command": _joined(self.command),
                "version": self.version, "flags": _joined(self._all(flags)),
                "target": self.target, "abi": target.abi()}
        seen |= {f"header {name}": text for name, text in (headers or {}).items()}
        seen |= {f"environment {name}": os.environ[name] for name in ENVIRONMENT
                 if name in os.environ}
        return store.Store.key(seen)

    def _all(self, flags: Sequence[str]) -> tuple[str, ...]:
        return (*self.flags, *flags, *shlex.split(config.cflags))


def find() -> Compiler | None:
    """Return a compiler that works, or None. It is looked for once in a process.

    ``config.cc`` names it, by default it is the first of cc, gcc and clang that works.

    Examples
    --------
    >>> find() is find()
    True
    """
    return _find(config.cc, config.cflags, config.isa)[0]


def trouble() -> str:
    """Return why there is no compiler, or "" if there is one."""
    return _find(config.cc, config.cflags, config.isa)[1]


@functools.cache
def _find(cc: str, *_others: str) -> tuple[Compiler | None, str]:
    """The compiler of the settings, and why there is none. The other settings are read where they
    are needed; here they tell the answers apart."""
    if cc == "none":
        return None, "config.cc is none"
    reasons = []
    for command in [cc] if cc else NAMES:
        try:
            return _tried(_program(command)), ""
        except (CompileError, OSError, ValueError) as error:
            reasons.append(f"{command}: {error}")
    if config.debug >= 1:
        print(f"cytensor: no C compiler: {'; '.join(reasons)}", file=sys.stderr)
    return None, "; ".join(reasons)


def _program(command: str) -> tuple[str, ...]:
    words = shlex.split(command)
    path = shutil.which(words[0]) if words else None
    if path is None:
        raise FileNotFoundError("no such program")
    return (os.path.abspath(path), *words[1:])


def _tried(command: tuple[str, ...]) -> Compiler:
    """The compiler of a command; the last one that was found to work is in the store."""
    kernels, key = store.default(), _key(command)
    known = _remembered(kernels.get(key))
    if known is None:
        known = _try(command)
        fact = {"day": _today(), **vars(known)}
        kernels.put(key, json.dumps(fact).encode(), {"name": f"compiler {command[0]}"})
    return known


def _key(command: tuple[str, ...]) -> str:
    """Names a compiler by its files: as long as they stay the same, nothing needs to be run."""
    seen = {"kind": "compiler", "command": _joined(command), "abi": target.abi(),
            "flags": _joined(FLAGS + FLAGS_OF_GCC), "cflags": config.cflags, "trial": TRIAL,
            "targets": "\n".join([choice.name for choice in target.choices()])}
    for number, word in enumerate(command):
        path = shutil.which(word)
        if path is not None:
            status = os.stat(path)
            seen[f"file {number}"] = f"{path} {status.st_mtime_ns} {status.st_size}"
    return store.Store.key(seen)


def _remembered(text: bytes | None) -> Compiler | None:
    """A compiler that was tried today: what `ccache` or `zig` starts may change unnoticed."""
    with suppress(ValueError, TypeError, KeyError):
        fact = json.loads(text or b"")
        if fact["day"] == _today():
            return Compiler(tuple(fact["command"]), fact["version"], tuple(fact["flags"]),
                            fact["target"])
    return None


def _today() -> int:
    return int(time.time() // DAY)


def _try(command: tuple[str, ...]) -> Compiler:
    version = _version(command)
    for compiler in _variants(command, version):
        try:
            load.load(compiler.compile(TRIAL)).address("ct_trial")
            return compiler
        except CompileError as error:
            reason = error
    raise reason


def _variants(command: tuple[str, ...], version: str) -> Iterator[Compiler]:
    flags = FLAGS if "clang" in version else (*FLAGS, *FLAGS_OF_GCC)
    for choice in target.choices():
        yield Compiler(command, version, (*flags, *choice.flags), choice.name)


def _version(command: tuple[str, ...]) -> str:
    words = [*command, "--version"]
    with Workshop() as shop:
        status, said = shop.run(words, SHORT_PATIENCE)
    if status:
        raise CompileError(words, f"exit status {status}\n{said}")
    return said


def _joined(words: Sequence[str]) -> str:
    return "\0".join(words)
