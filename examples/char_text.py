"""A text that every Python brings along, as codes of characters; what simple models make of it."""
import contextlib
import io
import os
from pathlib import Path
from pydoc_data.topics import topics
from typing import NamedTuple

import numpy as np

ALPHABET = "\n" + "".join(map(chr, range(32, 127)))
REPLACED = str.maketrans({"\u2018": "'", "\u2019": "'", "\u201c": '"', "\u201d": '"',
                          "\u2013": "-", "\u2014": "-", "\u2026": "...", "\t": "    "})
HELD_OUT = 10                   # every tenth paragraph is not trained on


class TextError(Exception):
    """The text could not be read. The message is one line that says why."""


class Text(NamedTuple):
    """Codes of the characters to train on and of those held out, and where they come from."""

    train: np.ndarray           # int64, places in ALPHABET
    test: np.ndarray
    source: str


def load(path=None):
    """Read the text.

    Parameters
    ----------
    path : str, optional
        A text file in UTF-8. By default what comes with Python: the topics of ``help()``, the
        licence, and the Zen of Python.

    Returns
    -------
    Text

    Raises
    ------
    TextError
        If the file cannot be read, or has too few paragraphs to hold some out.
    """
    if path is None:
        texts, source = [zen(), licence(), *topics.values()], "Python's own documentation"
    else:
        texts, source = [_read(path)], str(path)
    paragraphs = different_paragraphs(texts)
    held = paragraphs[HELD_OUT - 1::HELD_OUT]
    if not held:
        raise TextError(f"{source}: {len(paragraphs)} paragraphs are too few to hold some out")
    del paragraphs[HELD_OUT - 1::HELD_OUT]
    return Text(encode("\n\n".join(paragraphs)), encode("\n\n".join(held)), source)


def _read(path):
    try:
        return Path(path).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise TextError(f"{path}: cannot be read ({error})") from None


def zen():
    """The Zen of Python."""
    with contextlib.redirect_stdout(io.StringIO()):
        import this             # it prints itself, but only once
    return "".join([this.d.get(character, character) for character in this.s])


def licence():
    """The licence of this Python, if its text is installed."""
    library = Path(os.__file__).parent
    for folder in (library, library.parent):
        for name in ("LICENSE.txt", "LICENSE"):
            if (folder / name).is_file():
                return (folder / name).read_text("utf-8")
    return ""


def different_paragraphs(texts):
    """Return the paragraphs of all texts, in order, each once.

    Topics quote each other. What has been trained on must not be held out as well.
    """
    paragraphs = [paragraph for text in texts for paragraph in text.split("\n\n")]
    return list({" ".join(p.split()): p.strip("\n") for p in paragraphs if p.strip()}.values())


# ----- characters -----

def encode(text):
    """Return the place in the alphabet of each character; unknown ones become question marks."""
    places = {character: place for place, character in enumerate(ALPHABET)}
    return np.array([places.get(c, places["?"]) for c in text.translate(REPLACED)], np.int64)


def decode(codes):
    """Return the text of an array of codes."""
    return "".join([ALPHABET[code] for code in codes])


# ----- simple models -----

def ngram_bits(text, order):
    """Return the bits per character of the text held out, given the ``order`` characters before.

    Counts of longer contexts are mixed with those of shorter ones, the more so the more different
    characters have followed them (Witten and Bell, "The zero-frequency problem", 1991).
    """
    n = len(ALPHABET)
    p = np.full((1, n), 1 / n)              # a row for each context: what may follow
    for length in range(order + 1):
        if length:
            p = np.tile(p, (n, 1))          # a longer context begins with what the shorter one has
        counts = np.bincount(_contexts(text.train, length), minlength=p.size).reshape(p.shape)
        kinds = (counts > 0).sum(axis=1, keepdims=True)
        total = counts.sum(axis=1, keepdims=True)
        p = np.where(kinds > 0, (counts + kinds * p) / np.maximum(total + kinds, 1), p)
    return -np.log2(p.ravel()[_contexts(text.test, order)]).mean()


def _contexts(codes, length):
    """The number that each character makes together with the ``length`` ones before it."""
    parts = [codes[i:len(codes) - length + i] for i in range(length + 1)]
    return np.ravel_multi_index(parts, [len(ALPHABET)] * (length + 1))
