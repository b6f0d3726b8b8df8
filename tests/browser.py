"""A headless Chromium, moved through the pipe of its DevTools protocol: no driver is needed."""
import fcntl
import json
import os
import shutil
import signal

NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")


def find_browser():
    """The path of a Chromium, or None."""
    return next((path for path in map(shutil.which, NAMES) if path), None)


def _start(path, flags, down, up):
    """Start Chromium, which reads commands from descriptor 3 and answers on 4."""
    out = os.open(os.devnull, os.O_WRONLY)
    ends = [fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 10) for fd in (down, up, out)]
    actions = [(os.POSIX_SPAWN_DUP2, end, place) for end, place in zip(ends, (3, 4, 2))]
    process = os.posix_spawn(path, [path, *flags], os.environ, file_actions=actions)
    for fd in (down, up, out, *ends):
        os.close(fd)
    return process


class Browser:
    """One page in a browser of its own.

    Parameters
    ----------
    page : Path
    folder : Path
        For what the browser writes.
    """

    SIZE = (1200, 900)

    def __init__(self, page, folder):
        down, self._to = os.pipe()
        self._from, up = os.pipe()
        self._process = _start(find_browser(), [
            "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
            "--remote-debugging-pipe", f"--user-data-dir={folder}",
            f"--window-size={self.SIZE[0]},{self.SIZE[1]}", page.as_uri()], down, up)
        self._number, self._rest, self._session = 0, b"", None
        self.errors = []
        self._attach(page)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        os.kill(self._process, signal.SIGTERM)
        os.waitpid(self._process, 0)
        os.close(self._to)
        os.close(self._from)

    # ----- the protocol -----

    def send(self, method, **params):
        """Send a command, and return its answer."""
        self._number += 1
        command = {"id": self._number, "method": method, "params": params}
        if self._session:
            command["sessionId"] = self._session
        os.write(self._to, json.dumps(command).encode() + b"\0")
        while True:
            message = self._read()
            if message.get("id") == self._number:
                assert "error" not in message, message
                return message["result"]
            if message.get("method") == "Runtime.exceptionThrown":
                self.errors.append(message["params"]["exceptionDetails"])

    def _read(self):
        while b"\0" not in self._rest:
            chunk = os.read(self._from, 65536)
            assert chunk, "the browser has ended"
            self._rest += chunk
        text, self._rest = self._rest.split(b"\0", 1)
        return json.loads(text)

    def _attach(self, page):
        pages = []
        while not pages:
            found = self.send("Target.getTargets")["targetInfos"]
            pages = [info for info in found if info["type"] == "page"]
        self._session = self.send("Target.attachToTarget", targetId=pages[0]["targetId"],
                                  flatten=True)["sessionId"]
        self.send("Runtime.enable")
        loaded = f"location.href === {page.as_uri()!r} && document.readyState === 'complete'"
        while not self.run(loaded):
            pass

    # ----- what a user does and sees -----

    def run(self, script):
        """The value of a JavaScript expression."""
        answer = self.send("Runtime.evaluate", expression=script, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def middle(self, selector):
        """The middle of an element, in the window."""
        box = self.run(f"(b => [b.x + b.width / 2, b.y + b.height / 2])"
                       f"(document.querySelector({selector!r}).getBoundingClientRect())")
        return tuple(box)

    def mouse(self, kind, x, y, **more):
        """Move, press or release the mouse, or turn its wheel."""
        self.send("Input.dispatchMouseEvent", type=f"mouse{kind}", x=x, y=y, **more)

    def click(self, x, y):
        """Click at a place."""
        self.mouse("Moved", x, y)
        self.mouse("Pressed", x, y, button="left", clickCount=1)
        self.mouse("Released", x, y, button="left", clickCount=1)

    def drag(self, start, end):
        """Press at one place, and release at another."""
        self.mouse("Moved", *start)
        self.mouse("Pressed", *start, button="left", clickCount=1)
        self.mouse("Moved", *end, button="left")
        self.mouse("Released", *end, button="left", clickCount=1)

    def type(self, text):
        """Type into what has the focus; a newline is the Enter key."""
        for letter in text:
            key = {"key": letter}
            if letter == "\n":
                key = {"key": "Enter", "windowsVirtualKeyCode": 13}
            self.send("Input.dispatchKeyEvent", type="keyDown", text=letter.replace("\n", "\r"),
                      **key)
            self.send("Input.dispatchKeyEvent", type="keyUp", **key)
