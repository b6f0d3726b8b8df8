"""Run a program that was written for Theano: ``python -m cytensor.compat script.py ARGS``."""
import runpy
import sys
import types
from pathlib import Path

from cytensor.compat.names import FAMILIES, install

USAGE = """usage: python -m cytensor.compat script.py [arguments]
       python -m cytensor.compat -m module [arguments]"""


def run_script(path, arguments):
    """Run a file as ``__main__``, as ``python path arguments`` does."""
    sys.argv[:] = [path, *arguments]
    sys.path[0] = str(Path(path).resolve().parent)
    main = types.ModuleType("__main__")
    main.__dict__.update(__file__=path, __builtins__=__builtins__)
    sys.modules["__main__"] = main
    exec(compile(Path(path).read_bytes(), path, "exec"), main.__dict__)


def run_module(name, arguments):
    """Run a module as ``__main__``, as ``python -m name arguments`` does."""
    sys.argv[:] = [name, *arguments]
    sys.path[0] = ""
    runpy.run_module(name, run_name="__main__", alter_sys=True)


def _hide_own_frames():
    """Tracebacks begin in the user's script, as they do without us."""
    show = sys.excepthook

    def hook(kind, error, traceback):
        first = traceback
        while first is not None and first.tb_frame.f_code.co_filename in _OURS:
            first = first.tb_next
        show(kind, error.with_traceback(first or traceback), first or traceback)

    sys.excepthook = hook


_OURS = {__file__, runpy.__file__, "<frozen runpy>"}


def main(arguments):
    """Install all families, and run what the command line names."""
    if not arguments or arguments[0] in ("-h", "--help") or arguments == ["-m"]:
        sys.exit(USAGE)
    for family in FAMILIES:
        install(family)
    _hide_own_frames()
    if arguments[0] == "-m":
        run_module(arguments[1], arguments[2:])
    else:
        run_script(arguments[0], arguments[1:])


if __name__ == "__main__":
    main(sys.argv[1:])
