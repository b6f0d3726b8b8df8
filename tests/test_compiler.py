"""The C compiler: found in every form, never left running, and none is needed."""
import ctypes
import importlib.util
import os
import random
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pytest
from forked import start, status_of
from new_process import PLACE

from cytensor import config
from cytensor.__main__ import main
from cytensor.cache import load, store
from cytensor.cpu import compiler, target, workshop

SOURCE = "double ct_twice(double x) { return 2 * x; }"
REAL = shutil.which("cc")

pytestmark = pytest.mark.skipif(REAL is None, reason="no C compiler")


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    """Folders of an odd name for the cache and for temporary files; nothing is found before."""
    odd = tmp_path / "Jörg's Rechner $HOME"
    odd.mkdir()
    monkeypatch.setattr(config, "cache_dir", str(odd / "cache"))
    monkeypatch.setattr(config, "cc", "")
    monkeypatch.setattr(config, "cflags", "")
    monkeypatch.setattr(tempfile, "tempdir", str(odd))
    compiler._find.cache_clear()
    yield odd
    compiler._find.cache_clear()
    assert not list(odd.glob(workshop.PREFIX + "*"))


@pytest.fixture
def script(place, monkeypatch):
    """Make a shell script the compiler; $HERE is its folder."""
    def make(text, name="my cc"):
        path = place / name
        path.write_text(f'#!/bin/sh\nHERE=$(dirname "$0")\n{text}\n')
        path.chmod(0o755)
        monkeypatch.setattr(config, "cc", shlex.quote(str(path)))
        compiler._find.cache_clear()
        return path
    return make


def twice(data):
    return ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_double)(load.load(data).address("ct_twice"))


def wait_for(path):
    """Wait until a script has written a file; return its text."""
    end = time.monotonic() + 10
    while not (path.exists() and path.read_text().endswith("\n")):
        assert time.monotonic() < end, f"{path} was not written"
        time.sleep(0.01)
    return path.read_text()


def is_gone(process):
    """Whether a process has ended, and has not only been told to."""
    end = time.monotonic() + 5
    while time.monotonic() < end:
        try:
            state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return True
        if state == "Z":
            return True
        time.sleep(0.01)
    return False


# Found

def test_the_compiler_of_this_machine_works():
    found = compiler.find()
    assert compiler.trouble() == "" and compiler.find() is found
    assert twice(found.compile(SOURCE))(4) == 8


@pytest.mark.parametrize("cc", ["cc", "cc -O1 -g0", "env cc", "'env' A='b c' cc", REAL])
def test_a_command_with_options(cc, monkeypatch):
    monkeypatch.setattr(config, "cc", cc)
    assert twice(compiler.find().compile(SOURCE))(4) == 8


def test_a_path_with_spaces(script):
    script(f'exec {REAL} "$@"')
    assert twice(compiler.find().compile(SOURCE))(4) == 8


@pytest.mark.skipif(importlib.util.find_spec("ziglang") is None, reason="ziglang is not installed")
def test_the_compiler_of_a_python_package(monkeypatch):
    monkeypatch.setattr(config, "cc", f"{sys.executable} -m ziglang cc")
    found = compiler.find()
    assert found is not None, compiler.trouble()
    assert "clang" in found.version and twice(found.compile(SOURCE))(4) == 8


@pytest.mark.parametrize("cc, reason", [
    ("none", "config.cc is none"),
    ("no-such-cc", "no such program"),
    ("'", "No closing quotation"),
    (" ", "no such program"),
    ("false", "exit status 1"),
    ("true", "kernel.so"),                  # says that all is well, and writes nothing
    ("/etc/passwd", "no such program"),
])
def test_a_command_that_does_not_work_is_no_compiler(cc, reason, monkeypatch, capsys):
    monkeypatch.setattr(config, "cc", cc)
    assert compiler.find() is None
    assert reason in compiler.trouble()
    main(["info"])
    assert "none (" in capsys.readouterr().out


def test_a_compiler_that_writes_nonsense_is_none(script):
    script('[ "$1" = --version ] || echo nonsense > kernel.so')
    assert compiler.find() is None


def test_a_compiler_that_hangs_is_none(script, monkeypatch):
    monkeypatch.setattr(compiler, "SHORT_PATIENCE", 0.2)
    script("sleep 1000")
    assert compiler.find() is None
    assert "no answer within 0.2 seconds" in compiler.trouble()


def test_the_next_name_is_tried(place, monkeypatch):
    for name, text in (("cc", "exit 1"), ("gcc", f'exec {REAL} "$@"')):
        (place / name).write_text(f"#!/bin/sh\n{text}\n")
        (place / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{place}:{os.environ['PATH']}")
    assert compiler.find().command == (str(place / "gcc"),)


def test_why_there_is_none_is_a_line_of_debug_output(monkeypatch, capsys):
    monkeypatch.setattr(config, "debug", 1)
    monkeypatch.setattr(config, "cc", "no-such-cc")
    compiler.find()
    compiler.find()
    assert capsys.readouterr().err == "cytensor: no C compiler: no-such-cc: no such program\n"


@pytest.mark.skipif("v2" not in target.isa.available(), reason="not an x86-64")
@pytest.mark.parametrize("refused, flag", [
    ("native", f"-march=x86-64-{target.isa.available()[0]}"), ("march", "-shared")])
def test_a_compiler_that_does_not_know_the_cpu_gets_less(script, refused, flag):
    script(f'case "$*" in *{refused}*) echo unknown; exit 1;; esac; exec {REAL} "$@"')
    found = compiler.find()
    assert flag in found.flags and refused not in " ".join(found.flags)
    assert twice(found.compile(SOURCE))(4) == 8


def test_the_setting_isa_holds_for_compiled_kernels(monkeypatch):
    lowest = target.isa.available()[-1]
    monkeypatch.setattr(config, "isa", lowest)
    assert not [flag for flag in compiler.find().flags if "native" in flag]


def test_a_warm_process_runs_nothing(script, place):
    script(f'echo run >> "$HERE/runs"; exec {REAL} "$@"')
    first = compiler.find()
    data = first.build(SOURCE)
    runs = (place / "runs").read_text()
    compiler._find.cache_clear()
    assert compiler.find() == first
    assert compiler.find().build(SOURCE) == data
    assert (place / "runs").read_text() == runs


def test_a_compiler_that_was_exchanged_is_asked_again(script):
    script(f'exec {REAL} "$@"')
    before = compiler.find()
    script(f'[ "$1" = --version ] && echo version 2 && exit; exec {REAL} "$@"')
    assert compiler.find().version == "version 2\n" != before.version


def test_what_a_launcher_starts_is_asked_again_each_day(script, place, monkeypatch):
    script(f'echo run >> "$HERE/runs"; exec {REAL} "$@"')
    compiler.find()
    runs = (place / "runs").read_text()
    monkeypatch.setattr(compiler, "_today", lambda: 0)
    compiler._find.cache_clear()
    compiler.find()
    assert (place / "runs").read_text() == 2 * runs


# Keys

def other(**fields):
    return compiler.Compiler(**{**vars(compiler.find()), **fields})


def test_all_that_the_compiler_sees_is_in_the_key(monkeypatch):
    found = compiler.find()
    keys = [found.key(SOURCE), found.key(SOURCE + " "), found.key(SOURCE, ["-g"]),
            found.key(SOURCE, headers={"a.h": ""}), found.key(SOURCE, headers={"a.h": "//"}),
            other(version="13").key(SOURCE), other(command=("gcc",)).key(SOURCE),
            other(target="another CPU").key(SOURCE), other(flags=()).key(SOURCE)]
    monkeypatch.setenv("CPATH", "/somewhere")
    keys.append(found.key(SOURCE))
    monkeypatch.setattr(config, "cflags", "-O1")
    keys.append(found.key(SOURCE))
    assert len(set(keys)) == len(keys)


def test_releases_and_cpus_share_a_folder():
    """Each of four (two releases, whose kernels differ, on two CPUs) finds its own kernel."""
    found = compiler.find()
    machines = [found, other(target="another CPU")]
    sources = {n: f"double ct_twice(double x) {{ return {n} * x; }}" for n in (2, 3)}
    for _ in range(2):
        for machine in machines:
            for factor, source in sources.items():
                assert twice(machine.build(source))(10) == 10 * factor
    names = [kernel for kernel in store.default().entries() if "seconds" in kernel.about]
    assert len(names) == 4


# Compiling

def test_headers_and_flags():
    data = compiler.find().compile('#include "deep/own.h"\ndouble ct_twice(double x)'
                                   " { return FACTOR * PLUS * x; }", ["-DPLUS=3"],
                                   {"deep/own.h": "#define FACTOR 5\n"})
    assert twice(data)(1) == 15


def test_the_flags_of_the_user_come_last(monkeypatch):
    monkeypatch.setattr(config, "cflags", "-DPLUS=7 '-DTEXT=\"a b\"'")
    source = "double ct_twice(double x) { return PLUS * x + sizeof TEXT; }"
    assert twice(compiler.find().compile(source, ["-UPLUS"]))(1) == 7 + 4


def test_what_the_compiler_says_is_in_the_error():
    with pytest.raises(compiler.CompileError) as caught:
        compiler.find().compile("int f( { return gänse; }")
    assert "kernel.c:1:" in caught.value.text and "exit status 1" in str(caught.value)
    assert "-ffp-contract=off" in caught.value.command


def test_no_room_for_temporary_files_is_a_compile_error(monkeypatch):
    found = compiler.find()
    monkeypatch.setattr(tempfile, "tempdir", "/proc/none")
    with pytest.raises(compiler.CompileError):
        found.compile(SOURCE)


def test_results_are_those_of_plain_arithmetic():
    """Neither contracted nor reordered: the last bit of x * x - y tells."""
    source = "double ct_twice(double x) { return x * x - (1 + 0x1p-29); }"
    x = 1 + 2.0**-30
    assert twice(compiler.find().compile(source))(x) == x * x - (1 + 2.0**-29)


def test_a_kernel_that_takes_too_long_is_given_up(script, place, monkeypatch):
    script(f'[ -e "$HERE/slow" ] || exec {REAL} "$@"; sleep 1000 & echo $! > "$HERE/child"; wait')
    found = compiler.find()
    (place / "slow").touch()
    monkeypatch.setattr(compiler, "PATIENCE", 2)
    with pytest.raises(compiler.CompileError, match="no answer within 2 seconds"):
        found.compile(SOURCE)
    assert is_gone(int(wait_for(place / "child")))


def test_a_compiler_gives_way_to_the_work_of_the_user(script, place):
    script(f'sleep 0.1; nice > "$HERE/nice"; exec {REAL} "$@"')
    compiler.find()
    assert int(wait_for(place / "nice")) == max(os.nice(0), workshop.NICE)


def test_a_status_that_nobody_can_read_is_no_success(script, place):
    """With SIGCHLD ignored, the system throws away how a compiler ended."""
    script(f'[ -e "$HERE/broken" ] && exit 1; exec {REAL} "$@"')
    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        found = compiler.find()
        assert twice(found.compile(SOURCE))(4) == 8
        (place / "broken").touch()
        with pytest.raises(compiler.CompileError):
            found.compile(SOURCE)
    finally:
        signal.signal(signal.SIGCHLD, before)


def test_remains_of_killed_processes_are_removed(place, monkeypatch):
    old, new = place / (workshop.PREFIX + "old"), place / (workshop.PREFIX + "new")
    foreign = place / "cytensor"
    for path in (old, new, foreign):
        path.mkdir()
        (path / "kernel.c").touch()
    for path in (old, foreign):
        os.utime(path, (0, 0))
    monkeypatch.setattr(workshop, "_swept", False)
    compiler.find().compile(SOURCE)
    assert not old.exists() and new.exists() and foreign.exists()
    shutil.rmtree(new)


# Threads, forks and the end

def test_threads_compile_at_once():
    found, done = compiler.find(), {}

    def work(number):
        source = f"double ct_twice(double x) {{ return {number} * x; }}"
        done[number] = twice(found.build(source))(1)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert done == {number: number for number in range(6)}


def compile_and_exit(found):
    assert twice(found.compile(SOURCE))(4) == 8
    workshop.stop()


def test_a_fork_while_a_kernel_is_compiled_harms_neither(script, place):
    script(f'[ -e "$HERE/slow" ] && rm "$HERE/slow" && echo > "$HERE/on" && sleep 0.5\n'
           f'exec {REAL} "$@"')
    found, done = compiler.find(), []
    (place / "slow").touch()
    thread = threading.Thread(target=lambda: done.append(found.compile(SOURCE)))
    thread.start()
    wait_for(place / "on")
    assert status_of(start(compile_and_exit, found)) == 0
    thread.join()
    assert twice(done[0])(4) == 8


EXIT = """
import tempfile, threading, time
from pathlib import Path
from cytensor.cpu import compiler
found = compiler.find()
Path("slow").touch()
threading.Thread(target=found.compile, args=({source!r},), daemon=True).start()
while not Path("child").exists():
    time.sleep(0.01)
{end}
"""


@pytest.mark.parametrize("end, status", [("", 0), ("raise SystemExit(3)", 3), ("1 / 0", 1)])
def test_no_compiler_outlives_the_interpreter(script, place, end, status):
    path = script(f'[ -e "$HERE/slow" ] || exec {REAL} "$@"\n'
                  f'sleep 1000 & echo $! > "$HERE/child"; wait')
    environment = {**os.environ, "CYTENSOR_CC": shlex.quote(str(path)), "TMPDIR": str(place),
                   "CYTENSOR_CACHE_DIR": str(place / "cache"), "PYTHONPATH": str(PLACE)}
    done = subprocess.run([sys.executable, "-c", EXIT.format(source=SOURCE, end=end)], cwd=place,
                          env=environment, timeout=30, check=False, stderr=subprocess.DEVNULL)
    assert done.returncode == status
    assert is_gone(int(wait_for(place / "child")))


def test_after_the_end_nothing_is_started(monkeypatch):
    found = compiler.find()
    monkeypatch.setattr(workshop, "_closed", True)
    with pytest.raises(compiler.CompileError, match="interpreter is exiting"):
        found.compile(SOURCE)


# Many processes at once

def build_all(found, numbers):
    for number in numbers:
        source = f"double ct_twice(double x) {{ return {number} * x; }}"
        assert twice(found.build(source, ["-O0"]))(1) == number


def test_processes_compile_the_same_kernels_and_may_be_killed(place):
    found = compiler.find()
    children = [start(build_all, found, random.sample(range(4), 4)) for _ in range(8)]
    killed = random.sample(children, 4)
    for child in killed:
        time.sleep(random.random() / 10)
        os.kill(child, signal.SIGKILL)
    status = {child: status_of(child) for child in children}
    assert {status[child] for child in children if child not in killed} == {0}
    assert store.default().verify()[1] == []
    for remains in place.glob(workshop.PREFIX + "*"):     # of the killed ones, for the next sweep
        shutil.rmtree(remains)
