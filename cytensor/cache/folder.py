"""A private folder: opened without following links, and refused where others may write.

Every operation opens the folder anew and works through its descriptor, so that a folder which is
replaced between two steps is never mistaken for the one that was checked.
"""
import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import BinaryIO

from cytensor import config

#: What no file and no folder of the cache may allow: writing by the group or by others.
SHARED = stat.S_IWGRP | stat.S_IWOTH
TEMPORARY = ".new"


class Unsafe(OSError):
    """A folder or a file that this process may not trust, or that cannot be."""


def default() -> str | None:
    """Return the folder of the settings: ``config.cache_dir``, or one of the user's cache.

    Returns
    -------
    str or None
        None if the user has no home.

    Examples
    --------
    >>> default() is None or os.path.isabs(default())
    True
    """
    if config.cache_dir:
        return absolute(config.cache_dir)
    base = os.environ.get("XDG_CACHE_HOME", "")
    if os.path.isabs(base):             # the standard says to ignore a relative one
        return os.path.join(base, "cytensor")
    home = os.path.expanduser("~") if os.environ.get("HOME", "unset") else ""
    return os.path.join(home, ".cache", "cytensor") if os.path.isdir(home) else None


def absolute(path: str) -> str:
    """Return the full path of a folder, so that it stays the same when the process moves."""
    return os.path.abspath(os.path.expanduser(path))


@contextmanager
def opened(path: str | None, create: bool = False) -> Iterator[int]:
    """Open a folder that only this user can write; yield its descriptor.

    Raises
    ------
    OSError
        If there is none, or if it is not safe.
    """
    if path is None:
        raise Unsafe("there is no home folder")
    if create:
        _create(path)
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        _check(os.fstat(handle), path)
        yield handle
    finally:
        os.close(handle)


def _create(path: str) -> None:
    if not os.path.lexists(path):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with suppress(FileExistsError):         # another process was quicker
            os.mkdir(path, 0o700)


def _check(status: os.stat_result, name: str) -> None:
    if status.st_uid != os.geteuid():
        raise Unsafe(f"{name} belongs to another user")
    if status.st_mode & SHARED:
        raise Unsafe(f"others may write {name} (mode {stat.S_IMODE(status.st_mode):o})")


@contextmanager
def reading(handle: int, name: str) -> Iterator[BinaryIO]:
    """Open a file of a folder for reading; a link, a pipe or a file of others is an OSError."""
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    with open(os.open(name, flags, dir_fd=handle), "rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise Unsafe(f"{name} is not a file")
        _check(status, name)
        yield file


def write(handle: int, name: str, data: bytes) -> None:
    """Write a file so that every reader sees all of it or nothing, whenever this is killed."""
    new = os.urandom(12).hex() + TEMPORARY
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        with open(os.open(new, flags, 0o600, dir_fd=handle), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())             # or a crash of the machine may leave a hole
        os.rename(new, name, src_dir_fd=handle, dst_dir_fd=handle)
    except BaseException:
        remove(handle, new)
        raise


def touch(file: BinaryIO, rest: float) -> None:
    """Mark a file as used now, unless that was done in the last ``rest`` seconds."""
    if abs(time.time() - os.fstat(file.fileno()).st_mtime) > rest:
        with suppress(OSError):
            os.utime(file.fileno())


def remove(handle: int, name: str) -> bool:
    """Remove a file if it is there and can be removed; return whether it was."""
    try:
        os.unlink(name, dir_fd=handle)
    except OSError:
        return False
    return True


def files(handle: int) -> Iterator[tuple[str, os.stat_result]]:
    """Yield name and status of all but folders; what vanishes meanwhile is left out."""
    with os.scandir(handle) as found:
        for item in found:
            with suppress(OSError):
                if not item.is_dir(follow_symlinks=False):
                    yield item.name, item.stat(follow_symlinks=False)
