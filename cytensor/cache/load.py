"""Load a compiled library from its bytes, so that what runs is exactly what was verified."""
import ctypes
import fcntl
import itertools
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

_count = itertools.count()


class Library:
    """A loaded library. It stays loaded, whatever becomes of this object.

    Parameters
    ----------
    handle : ctypes.CDLL
    """

    def __init__(self, handle: ctypes.CDLL):
        self._handle = handle

    def address(self, symbol: str) -> int:
        """Return the address of a function or a variable.

        Raises
        ------
        AttributeError
            If the library has no such symbol.
        """
        found = ctypes.cast(getattr(self._handle, symbol), ctypes.c_void_p).value
        assert found is not None        # a symbol that was found has an address
        return found


def load(data: bytes) -> Library:
    """Load a shared library.

    Parameters
    ----------
    data : bytes
        Of the whole file.

    Raises
    ------
    OSError
        If it is not a library that this machine can load.
    """
    try:
        with _in_memory(data) as path:
            return Library(ctypes.CDLL(path))
    except (OSError, AttributeError):           # another system, or one that forbids it
        with _on_disk(data) as path:
            return Library(ctypes.CDLL(path))


@contextmanager
def _in_memory(data: bytes) -> Iterator[str]:
    """A file without a folder, which works where the cache's or every folder is `noexec`."""
    flags = os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING
    with open(os.memfd_create("cytensor-kernel", flags), "w+b") as file:
        file.write(data)
        file.flush()
        fcntl.fcntl(file, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW
                    | fcntl.F_SEAL_WRITE | fcntl.F_SEAL_SEAL)
        yield f"/proc/self/fd/{_detour(next(_count))}{file.fileno()}"


def _detour(count: int) -> str:
    """A path to where one already is, another one for each count.

    The dynamic linker takes libraries of one path for one library, but numbers of files are used
    again.

    Examples
    --------
    >>> _detour(5)
    './/./'
    """
    return "".join(["./" if bit == "1" else "/" for bit in f"{count:b}"])


@contextmanager
def _on_disk(data: bytes) -> Iterator[str]:
    """A file in a new private folder; it may go as soon as it is loaded."""
    folder = tempfile.mkdtemp(prefix="cytensor-")
    try:
        path = os.path.join(folder, "kernel.so")
        with open(path, "xb") as file:
            file.write(data)
        yield path
    finally:
        shutil.rmtree(folder, ignore_errors=True)
