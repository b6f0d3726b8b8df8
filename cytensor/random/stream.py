"""Streams of random numbers that depend on a seed and on nothing else.

Each random variable has a key of its own, made from the seed and from its place in the stream. Its
numbers are a function of that key, of the number of the call, and of their place in the array
(Philox4x32-10, see ``cpu/philox.h``): the same on any number of threads and any processor.
"""
import numpy as np

from cytensor.random.continuous import Continuous
from cytensor.random.discrete import Discrete
from cytensor.random.draws import Draws, mark
from cytensor.shared import shared


class Stream(Continuous, Discrete):
    """Makes symbolic random numbers.

    Every method returns a variable whose numbers are new in each call of a compiled function. The
    state is a shared variable, ``x.rng``, which the function updates by itself, unless it is among
    its ``no_default_updates``.

    Parameters
    ----------
    seed : int or sequence of int, optional
        Not negative. By default one that the operating system chooses.

    Attributes
    ----------
    states : list of SharedVariable
        The state of each variable made so far, in order.

    Examples
    --------
    >>> import cytensor as ct
    >>> stream = ct.random.Stream(seed=42)
    >>> f = ct.function([], stream.uniform((2,)))
    >>> a, b = f(), f()
    >>> bool((a != b).all())
    True
    >>> stream.seed(42)
    >>> bool((f() == a).all())
    True
    """

    def __init__(self, seed=None):
        self.states = []
        self._root = _root(seed)
        self._children = 0
        self._open = None           # draws of the variable that is being made

    def _draws(self):
        """Begin a new variable."""
        state = shared(_state(self._root, len(self.states)), shape=(2,))
        state.tag.is_rng = True
        self._open = state, Draws(state)
        return self._open[1]

    def _done(self, out):
        state, draws = self._open
        self._open = None
        self.states.append(state)
        return mark(out, state, draws.state)

    def seed(self, seed=None):
        """Begin again with another seed: the variables made so far take new states.

        They are those that a new stream of this seed would give them.

        Parameters
        ----------
        seed : int or sequence of int, optional
            By default the one that this stream began with.
        """
        if seed is not None:
            self._root = _root(seed)
        for i, state in enumerate(self.states):
            state.set_value(_state(self._root, i))

    @property
    def state_updates(self):
        """Pairs of a state and its next value."""
        return [(state, state.default_update) for state in self.states]

    def updates(self):
        """Return the pairs of ``state_updates``."""
        return self.state_updates

    def split(self, n=2):
        """Return new streams, whose numbers do not depend on what is drawn from this one.

        Parameters
        ----------
        n : int

        Returns
        -------
        list of Stream

        Examples
        --------
        >>> a, b = Stream(1).split()
        >>> bool((a.normal((3,)).eval() != b.normal((3,)).eval()).all())
        True
        """
        first, self._children = self._children, self._children + n
        return [Stream(_descendant(self._root, 1, i)) for i in range(first, first + n)]

    def __repr__(self):
        return f"Stream({self._root.entropy})"


def _root(seed):
    """NumPy's way from any seed to well-mixed bits, and to those of descendants."""
    return seed if isinstance(seed, np.random.SeedSequence) else np.random.SeedSequence(seed)


def _descendant(root, *place):
    return np.random.SeedSequence(root.entropy, spawn_key=(*root.spawn_key, *place))


def _state(root, i):
    """The first state of variable number i."""
    key, = _descendant(root, 0, i).generate_state(1, np.uint64)
    return np.array([key, 0], dtype=np.uint64)
