"""The store of compiled kernels: one file each, named by everything that the compiler saw.

Nothing here needs a lock. A file is complete before it gets its name, is verified before it is
used, and may vanish at any time. So whatever other processes do, the worst is a kernel that
has to be compiled again.
"""
import functools
import hashlib
import re
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import NamedTuple

from cytensor import config
from cytensor.cache import entry, folder

#: The format is part of the name: releases of different formats share a folder in peace.
SUFFIX = f".kernel{entry.FORMAT}"
KEY = re.compile(r"[0-9a-f]{64}")
NAME = re.compile(r"([0-9a-f]{64})\.kernel\d+")
REMAINS = re.compile(r"[0-9a-f]{24}" + re.escape(folder.TEMPORARY))
HOUR = 3600.0


class Entry(NamedTuple):
    """One kernel of a store: its key, size in bytes, time of last use, and facts about it."""

    key: str
    size: int
    used: float
    about: dict


class Info(NamedTuple):
    """What a store has.

    Attributes
    ----------
    folder : str or None
    trouble : str
        Why the folder is not used; "" if it is.
    kernels, size, limit : int
        On disk: their number, their bytes, and how many bytes there may be.
    in_memory : int
        Number of kernels that could not be kept on disk.
    """

    folder: str | None
    trouble: str
    kernels: int
    size: int
    limit: int
    in_memory: int


class Store:
    """Bytes of compiled kernels by key, on disk where that is safe, and else in this process.

    Parameters
    ----------
    folder : str, optional
        By default that of the settings: ``config.cache_dir``, or ``cytensor`` in the user's
        folder of caches.

    Examples
    --------
    >>> import tempfile
    >>> store = Store(tempfile.mkdtemp())
    >>> key = store.key({"source": "int f(void) { return 1; }", "flags": "-O3"})
    >>> store.get(key)
    >>> store.put(key, b"compiled", {"name": "f"})
    >>> store.get(key)
    b'compiled'
    """

    def __init__(self, folder: str | None = None):
        self.folder = _folder(folder)
        self._memory: dict[str, bytes] = {}
        self._unscanned = 0             # bytes that may be written before sizes are added up
        self._told = False

    @staticmethod
    def key(parts: Mapping[str, str | bytes]) -> str:
        """Return the key of what the compiler saw: source, flags, version, target and so on.

        Equal parts have equal keys, in any order; no two different mappings share one.

        Examples
        --------
        >>> Store.key({"a": "bc"}) == Store.key({"ab": "c"})
        False
        """
        digest = hashlib.sha256()
        for name in sorted(parts):
            value = parts[name]
            text = value.encode("utf-8", "surrogateescape") if isinstance(value, str) else value
            label = f"{name}:{type(value).__name__}".encode()
            for piece in (label, text):
                digest.update(len(piece).to_bytes(8, "little"))     # where each piece ends
                digest.update(piece)
        return digest.hexdigest()

    def get(self, key: str) -> bytes | None:
        """Return the kernel of a key, or None. What is returned is what was put, bit for bit."""
        found = self._read(key)
        return self._memory.get(key) if found is None else found

    def put(self, key: str, data: bytes, about: Mapping | None = None) -> None:
        """Keep a kernel: on disk, or in this process where that cannot be done.

        Parameters
        ----------
        key : str
            From `key`.
        data : bytes
        about : mapping, optional
            Facts for people, as JSON knows them; ``name`` is shown by ``cytensor cache list``.
        """
        name = _name(key)
        file = entry.pack(key, data, about or {})
        try:
            self._write(name, file)
        except OSError as error:
            self._memory[key] = data
            self._tell(error)
        else:
            self._memory.pop(key, None)

    def entries(self) -> Iterator[Entry]:
        """Yield the kernels on disk, the last used one first."""
        with suppress(OSError), folder.opened(self.folder) as handle:
            found = [(status.st_mtime, name, status.st_size)
                     for name, status in folder.files(handle) if name.endswith(SUFFIX)]
            for used, name, size in sorted(found, reverse=True):
                with suppress(OSError, entry.Odd):
                    key = name.removesuffix(SUFFIX)
                    with folder.reading(handle, name) as file:
                        yield Entry(key, size, used, entry.facts(file, key))

    def info(self) -> Info:
        """Return how much the store has, and where."""
        trouble, sizes = "", []
        try:
            with folder.opened(self.folder) as handle:
                sizes = [status.st_size for name, status in folder.files(handle)
                         if NAME.fullmatch(name)]
        except FileNotFoundError:
            pass                        # the first kernel makes the folder
        except OSError as error:
            trouble = str(error)
        return Info(self.folder, trouble, len(sizes), sum(sizes), _limit(), len(self._memory))

    def verify(self) -> tuple[int, list[str]]:
        """Read every kernel; remove those that are not whole.

        Returns
        -------
        good : int
        bad : list of str
            Names of the removed files, and what was wrong with each.
        """
        good, bad = 0, []
        with suppress(OSError), folder.opened(self.folder) as handle:
            for name, _ in list(folder.files(handle)):
                if not name.endswith(SUFFIX) or not NAME.fullmatch(name):
                    continue
                try:
                    with folder.reading(handle, name) as file:
                        entry.read(file, name.removesuffix(SUFFIX))
                    good += 1
                except FileNotFoundError:
                    pass
                except (OSError, entry.Odd) as error:
                    folder.remove(handle, name)
                    bad.append(f"{name}: {error}")
        return good, bad

    def clear(self) -> int:
        """Remove all kernels, and nothing else; return how many there were."""
        self._memory.clear()
        return self.prune(0)

    def prune(self, limit: int | None = None) -> int:
        """Remove the kernels that were not used for the longest time.

        Parameters
        ----------
        limit : int, optional
            How many bytes may stay; by default ``config.cache_limit``.

        Returns
        -------
        int
            How many were removed.
        """
        with suppress(OSError), folder.opened(self.folder) as handle:
            limit = _limit() if limit is None else limit
            return _shrink(handle, limit, limit)
        return 0

    def _read(self, key: str) -> bytes | None:
        name = _name(key)
        try:
            with folder.opened(self.folder) as handle:
                return _load(handle, name, key)
        except FileNotFoundError:
            return None
        except OSError as error:
            self._tell(error)
            return None

    def _write(self, name: str, file: bytes) -> None:
        limit = _limit()
        if limit <= 0:
            raise OSError("config.cache_limit is 0")
        with folder.opened(self.folder, create=True) as handle:
            folder.write(handle, name, file)
            self._unscanned -= len(file)
            if self._unscanned < 0:
                # Down to three quarters, so that it is not the next kernel's turn again.
                _shrink(handle, limit, limit * 3 // 4)
                self._unscanned = limit // 16

    def _tell(self, error: OSError) -> None:
        if config.debug >= 1 and not self._told:
            print(f"cytensor: kernels are not kept on disk: {error}", file=sys.stderr)
            self._told = True


def default() -> Store:
    """Return the store of the settings; there is one for each folder that they name.

    Examples
    --------
    >>> default() is default()
    True
    """
    return _store(folder.default())


@functools.cache
def _store(path: str | None) -> Store:
    return Store(path)


def _folder(path: str | None) -> str | None:
    return folder.default() if path is None else folder.absolute(path)


def _limit() -> int:
    return config.cache_limit << 20


def _name(key: str) -> str:
    if not KEY.fullmatch(key):
        raise ValueError(f"a key has 64 hexadecimal digits, unlike {key!r}")
    return key + SUFFIX


def _load(handle: int, name: str, key: str) -> bytes | None:
    """The verified kernel of a file, or None if it is odd. An odd file is left: `put` replaces it,
    and removing it here might hit a good one that has just taken its place."""
    try:
        with folder.reading(handle, name) as file:
            data = entry.read(file, key).data
            folder.touch(file, HOUR)
            return data
    except (OSError, entry.Odd):
        return None


def _shrink(handle: int, limit: int, target: int) -> int:
    """Remove remains of killed processes and, beyond ``limit`` bytes, the oldest files until
    ``target`` bytes are left. Processes that do so at the same time remove the same ones."""
    found = []
    for name, status in folder.files(handle):
        if NAME.fullmatch(name):
            found.append((status.st_mtime, name, status.st_size))
        elif REMAINS.fullmatch(name) and status.st_mtime < time.time() - HOUR:
            folder.remove(handle, name)
    return _remove_oldest(handle, sorted(found), limit, target)


def _remove_oldest(handle: int, found: list[tuple[float, str, int]], limit: int,
                   target: int) -> int:
    left = sum([size for _, _, size in found])
    if left <= limit:
        return 0
    removed = 0
    for _, name, size in found:
        if left <= target:
            break
        removed += folder.remove(handle, name)
        left -= size                    # also where another process was quicker
    return removed
