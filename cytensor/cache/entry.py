"""What a file of the cache holds: a header that proves that it is whole, facts, and the kernel."""
import hashlib
import json
import struct
from collections.abc import Mapping
from typing import BinaryIO, NamedTuple

FORMAT = 1
MAGIC = b"cytensor kernel\n"
#: magic, format, length of the facts, length of the kernel, key, sha256 of facts and kernel
HEADER = struct.Struct("<16sIIQ32s32s")


class Contents(NamedTuple):
    """A kernel, and the facts about it that `cytensor cache list` shows."""

    data: bytes
    about: dict


class Odd(ValueError):
    """A file that is not the entry that it should be."""


def pack(key: str, data: bytes, about: Mapping) -> bytes:
    """Return the bytes of the file of a kernel.

    Parameters
    ----------
    key : str
        64 hexadecimal digits.
    data : bytes
    about : mapping
        Facts for people, as JSON knows them.

    Examples
    --------
    >>> import io
    >>> file = io.BytesIO(pack("ab" * 32, b"code", {"name": "exp"}))
    >>> read(file, "ab" * 32)
    Contents(data=b'code', about={'name': 'exp'})
    """
    facts = json.dumps(dict(about)).encode()
    digest = hashlib.sha256(facts + data).digest()
    head = HEADER.pack(MAGIC, FORMAT, len(facts), len(data), bytes.fromhex(key), digest)
    return head + facts + data


def read(file: BinaryIO, key: str) -> Contents:
    """Read and verify a file.

    Raises
    ------
    Odd
        If it is not the whole and unchanged entry of ``key``.
    """
    facts_size, data_size, digest = _header(file, key)
    body = _exactly(file, facts_size + data_size)
    if file.read(1):
        raise Odd("bytes after its end")
    if hashlib.sha256(body).digest() != digest:
        raise Odd("its checksum is wrong")
    return Contents(body[facts_size:], _facts(body[:facts_size]))


def facts(file: BinaryIO, key: str) -> dict:
    """Read only the facts, without verifying that the rest is whole."""
    facts_size, _, _ = _header(file, key)
    return _facts(_exactly(file, facts_size))


def _header(file: BinaryIO, key: str) -> tuple[int, int, bytes]:
    fields = HEADER.unpack(_exactly(file, HEADER.size))
    magic, version, facts_size, data_size, found, digest = fields
    if (magic, version) != (MAGIC, FORMAT):
        raise Odd("not a kernel of this format")
    if found.hex() != key:
        raise Odd("the entry of another key")
    return facts_size, data_size, digest


def _exactly(file: BinaryIO, size: int) -> bytes:
    data = _up_to(file, size)
    if len(data) != size:
        raise Odd("too short")
    return data


def _up_to(file: BinaryIO, size: int) -> bytes:
    """Read ``size`` bytes; a broken header may ask for more than there are, or than fit."""
    try:
        return file.read(size)
    except (OverflowError, MemoryError):
        raise Odd("its sizes are impossible") from None


def _facts(text: bytes) -> dict:
    try:
        found = json.loads(text)
    except ValueError:
        raise Odd("its facts cannot be read") from None
    return found if isinstance(found, dict) else {}
