"""Run programs that make files: in a private folder, at low priority, and never left behind.

What runs when the interpreter exits is killed, with all that it started, and its folder is removed.
Folders of interpreters that were killed themselves are removed by later ones.
"""
import atexit
import os
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

PREFIX = "cytensor-cc-"
NICE = 10               # users' own work goes first
HOUR = 3600.0

_lock = threading.Lock()
_open: set["Workshop"] = set()
_closed = False
_swept = False


class Stopped(OSError):
    """The interpreter is about to exit."""


class Workshop:
    """A private folder, and the program that runs in it. A context: it ends with the block.

    Examples
    --------
    >>> with Workshop() as shop:
    ...     shop.run(["sh", "-c", "echo made > result; echo said"], patience=10)
    ...     shop.read("result")
    (0, 'said\\n')
    b'made\\n'
    """

    def __init__(self) -> None:
        self._process: subprocess.Popen | None = None
        with _lock:
            _check_open()
            self._folder = Path(tempfile.mkdtemp(prefix=PREFIX))
            _open.add(self)
        _sweep(self._folder.parent)

    def __enter__(self) -> "Workshop":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
        with _lock:
            _open.discard(self)

    def write(self, name: str, data: bytes) -> None:
        """Write a file of the folder, and the folders of its name."""
        path = self._folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)

    def read(self, name: str) -> bytes:
        """Read a file of the folder."""
        return (self._folder / name).read_bytes()

    def run(self, words: Sequence[str], patience: float) -> tuple[int, str]:
        """Run a program in the folder; return its exit status and what it printed.

        Parameters
        ----------
        words : sequence of str
            The program and its arguments.
        patience : float
            Seconds.

        Raises
        ------
        OSError
            If it cannot be started, or (`TimeoutError`) does not end in time.
        """
        # What it prints goes to a file: a pipe would stay open while any child of it lives.
        with open(self._folder / "printed", "wb") as printed:
            process = self._start(words, printed.fileno())
        try:
            status = process.wait(patience)
        except subprocess.TimeoutExpired:
            self._kill()
            raise TimeoutError(f"no answer within {patience:g} seconds") from None
        return status, self.read("printed").decode(errors="replace")

    def close(self) -> None:
        """Kill what runs, and remove the folder."""
        self._kill()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _start(self, words: Sequence[str], printed: int) -> subprocess.Popen:
        # Paths of the folder never stand on a command line, whatever its name has in it.
        # Own temporary files of the compiler go there as well, and its messages are English.
        env = {**os.environ, "TMPDIR": str(self._folder), "LC_ALL": "C"}
        with _lock:
            _check_open()
            self._process = subprocess.Popen(
                words, cwd=self._folder, env=env, stdin=subprocess.DEVNULL, stdout=printed,
                stderr=subprocess.STDOUT, process_group=0)
        with suppress(OSError):
            nice = max(NICE, os.getpriority(os.PRIO_PROCESS, 0))
            os.setpriority(os.PRIO_PGRP, self._process.pid, nice)
        return self._process

    def _kill(self) -> None:
        process = self._process
        if process is not None and process.poll() is None:
            with suppress(OSError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def stop() -> None:
    """Kill all that runs, and refuse to start more."""
    global _closed
    with _lock:
        _closed = True
        shops = list(_open)
    for shop in shops:
        shop.close()


def _check_open() -> None:
    if _closed:
        raise Stopped("the interpreter is exiting")


def _sweep(parent: Path) -> None:
    """Remove, once in a process, folders that killed processes of this user have left."""
    global _swept
    if _swept:
        return
    _swept = True
    with suppress(OSError), os.scandir(parent) as found:
        for item in found:
            if item.name.startswith(PREFIX) and _is_old(item):
                shutil.rmtree(item.path, ignore_errors=True)


def _is_old(item: os.DirEntry) -> bool:
    with suppress(OSError):
        status = item.stat(follow_symlinks=False)
        return status.st_uid == os.geteuid() and status.st_mtime < time.time() - HOUR
    return False


def _forget() -> None:
    """In a forked child: what runs is the parent's, and its lock may never be released here."""
    global _lock
    _lock = threading.Lock()
    _open.clear()


atexit.register(stop)
os.register_at_fork(after_in_child=_forget)
