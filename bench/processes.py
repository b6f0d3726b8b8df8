"""The processes that answer: one for each peer and topic."""
import contextlib
import os
import signal
import subprocess
import sys
from multiprocessing import Pipe
from pathlib import Path

WORKER = Path(__file__).resolve().parent / "worker.py"


class NoAnswer(Exception):
    """A word on why there is no answer."""


class Gone(NoAnswer):
    """The process has crashed, or took too long and was ended."""


class Process:
    """A worker that is started when it is first asked, and again after a crash.

    ``env`` has environment variables that it gets beside those of this process.
    """

    def __init__(self, topic, env=()):
        self.topic, self.env = topic, dict(env)
        self.process = None

    def ask(self, timeout, command, *arguments):
        """Have the worker do something, and return what it says."""
        if self.process is None:
            self._start()
        try:
            self.pipe.send((command, arguments))
            if not self.pipe.poll(timeout):
                self.stop(at_once=True)
                raise Gone(f"no answer in {timeout:.0f} s")
            state, result = self.pipe.recv()
        except (EOFError, OSError):
            status = self.stop()
            raise Gone(f"crashed with signal {-status}" if status < 0 else "crashed") from None
        if state != "done":
            raise NoAnswer(state)
        return result

    def forget(self):
        """Let the worker, if there is one, drop what it made."""
        if self.process is not None:
            with contextlib.suppress(NoAnswer):
                self.ask(10, "drop")

    def _start(self):
        self.pipe, theirs = Pipe()
        self.process = subprocess.Popen(
            [sys.executable, WORKER, str(theirs.fileno()), self.topic],
            env={**os.environ, **self.env}, pass_fds=[theirs.fileno()],
            stderr=subprocess.DEVNULL, start_new_session=True)
        theirs.close()

    def stop(self, at_once=False):
        """End it, with all that it has started; return its status."""
        if self.process is None:
            return 0
        self.pipe.close()
        process, self.process = self.process, None
        try:
            return process.wait(0 if at_once else 2)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            return process.wait()
