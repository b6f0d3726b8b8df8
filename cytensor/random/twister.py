"""Copies of a ``RandomState``, in a few microseconds: NumPy's own way takes a hundred.

Two things make it quick. A `Twister` hands out its words all at once, where NumPy reads them one by
one. And a state that was ours, and that nobody refers to any more, is used for the next copy.
"""
import ctypes
import sys
from collections import deque
from copy import deepcopy
from functools import cache

import numpy as np

_WORDS = 624
_retired: deque = deque(maxlen=64)


class NoSeed:
    """Seeds a generator whose state is set anyway: to ask the system for a seed takes longer."""

    def generate_state(self, n_words, dtype=np.uint32):
        """Return zeros."""
        return np.zeros(n_words, dtype)


@cache
def _no_seed():
    np.random.bit_generator.ISeedSequence.register(NoSeed)
    return NoSeed()


class Twister(np.random.MT19937):
    """NumPy's Mersenne Twister, whose state is read and written at once."""

    def __init__(self):
        super().__init__(_no_seed())
        memory = (ctypes.c_uint32 * (_WORDS + 1)).from_address(self.ctypes.state_address)
        self._words = np.frombuffer(memory, np.uint32)

    @property
    def state(self):
        """The words and the place among them, as NumPy gives them."""
        words = self._words
        return {"bit_generator": "MT19937",
                "state": {"key": words[:_WORDS].copy(), "pos": int(words[_WORDS])}}

    @state.setter
    def state(self, value):
        values = value["state"]
        self._words[:_WORDS] = values["key"]
        self._words[_WORDS] = values["pos"]

    def __reduce__(self):
        plain = np.random.MT19937(_no_seed())
        plain.state = self.state
        return plain.__reduce__()


@cache
def _is_laid_out():
    """Whether the memory of NumPy's generator is what `Twister` takes it to be."""
    ours = Twister()
    theirs = np.random.MT19937(_no_seed())
    ours.random_raw(3), theirs.random_raw(3)
    found, want = ours.state["state"], theirs.state["state"]
    return found["pos"] == want["pos"] and np.array_equal(found["key"], want["key"])


def _new():
    return np.random.RandomState(Twister() if _is_laid_out() else np.random.MT19937(_no_seed()))


def _references(states):
    """Take a state, and count who refers to it."""
    state = states.popleft()
    return state, sys.getrefcount(state)


#: How many references there are to what nobody else has.
_ALONE = _references(deque([np.random.RandomState(0)]))[1]


def _spare():
    """A state to be written over."""
    while _retired:
        state, references = _references(_retired)
        if references == _ALONE:
            return state
    return _new()


def copied(state):
    """Return a copy of a ``RandomState``. (That of the module ``copy`` shares its generator.)"""
    values = state.get_state(legacy=False)
    if values["bit_generator"] != "MT19937":
        return deepcopy(state)
    new = _spare()
    new.set_state(values)
    return new


def retire(state):
    """Say that a state has served: once nobody refers to it, it may become another's copy."""
    if isinstance(state._bit_generator, Twister):
        _retired.append(state)
