"""Recurrent layers: plain ones, LSTM, GRU, and two of them that read both ways.

A layer has the matrices of its gates side by side, so that a step is one product. What reads no
state, the product with the inputs, is computed for all steps at once before the loop.
"""
from collections.abc import Callable, Sequence

import numpy as np

from cytensor import tensor as T
from cytensor._core import Variable
from cytensor.loops import scan
from cytensor.nn import init
from cytensor.nn.init import Seed
from cytensor.nn.layer import Layer, Start, current, parameter, renew
from cytensor.shared import shared


class Recurrent(Layer):
    """Base of the layers that go through a sequence.

    A subclass says in ``gates`` how many matrices it has side by side, in ``states`` how many
    arrays it carries from step to step, and in `advance` what a step computes.

    Parameters
    ----------
    inputs, hidden : int
        Numbers per step that come in, and that the layer carries on and returns.
    last : bool
        Return the output of the last step, in place of all outputs.
    go_backwards : bool
        Begin at the end of the sequence. Outputs still stand where their inputs do.
    time_major : bool
        The first axis of inputs and outputs is time, and the second one the batch. By default it
        is the other way round.
    stateful : int, optional
        The number of sequences in a batch, to begin each call of a function with the states that
        the last call ended with; see `reset_state`.
    truncate_gradient : int
        Through how many of the last steps gradients go; -1 for all.
    weights, recurrent : callable, number or array_like
        How the matrices begin: ``W``, of the inputs, and ``U``, of the state. A callable is asked
        for one gate at a time.
    rng : int or numpy.random.Generator, optional

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> class Sum(Recurrent):
    ...     def advance(self, projected, h):
    ...         return (projected + h,)
    >>> Sum(1, 1, weights=1.0)(T.constant([[[1.0], [2.0], [3.0]]])).eval().ravel()
    array([1., 3., 6.])
    """

    takes_mask = True
    gates = 1
    states = 1

    def __init__(self, inputs: int, hidden: int, *, last: bool = False,
                 go_backwards: bool = False, time_major: bool = False,
                 stateful: int | None = None, truncate_gradient: int = -1,
                 weights: Start = init.glorot_uniform, recurrent: Start = init.orthogonal,
                 rng: Seed = None):
        rng = np.random.default_rng(rng)
        self.hidden = hidden
        self.last = last
        self.go_backwards = go_backwards
        self.time_major = time_major
        self.truncate_gradient = truncate_gradient
        self.W = _side_by_side("W", inputs, hidden, self.gates, weights, rng)
        self.U = _side_by_side("U", hidden, hidden, self.gates, recurrent, rng)
        self.b = parameter("b", (self.gates * hidden,), init.zeros)
        self._carried = [shared(init.zeros((stateful, hidden)), shape=(None, hidden))
                         for _ in range(self.states)] if stateful else []

    # ----- one step -----

    def project(self, x: Variable) -> Variable:
        """Compute what the gates get of the inputs, of one step or of many at once.

        Parameters
        ----------
        x : Variable, shape (..., inputs)

        Returns
        -------
        Variable, shape (..., gates * hidden)
        """
        return T.dot(x, self.W) + self.b

    def advance(self, projected: Variable, *states: Variable) -> tuple[Variable, ...]:
        """Compute the states after a step; the first one is the output.

        Parameters
        ----------
        projected : Variable, shape (batch, gates * hidden)
            What `project` made of the input.
        *states : Variable, shape (batch, hidden)

        Returns
        -------
        tuple of Variable, each of shape (batch, hidden)
        """
        raise NotImplementedError(f"{type(self).__name__} does not say what a step computes")

    # ----- all steps -----

    def __call__(self, x: Variable, mask: Variable | None = None) -> Variable:
        """Go through sequences.

        Parameters
        ----------
        x : Variable, shape (batch, time, inputs)
        mask : Variable, shape (batch, time), optional
            False, or 0, where a sequence has no step: its states stay as they are. See
            `length_mask`.

        Returns
        -------
        Variable, shape (batch, time, hidden), or (batch, hidden) of the last step
            With ``time_major`` the first two axes are the other way round, also those of the
            arguments.
        """
        outputs, states = self.run(x, mask)
        return states[0] if self.last else outputs

    def run(self, x: Variable, mask: Variable | None = None,
            initial: Sequence[Variable] | None = None) -> tuple[Variable, tuple[Variable, ...]]:
        """Go through sequences from given states, and return the last states as well.

        Parameters
        ----------
        x, mask : Variable
            As in a call.
        initial : sequence of Variable, each of shape (batch, hidden), optional
            The states before the first step. By default zeros, or what a stateful layer carries;
            a stateful layer that is given some carries nothing on.

        Returns
        -------
        outputs : Variable, shape (batch, time, hidden)
        states : tuple of Variable, each of shape (batch, hidden)
        """
        projected = self.project(self._time_first(x))
        zeros = T.zeros((projected.shape[1], self.hidden), projected.dtype)
        carried = [current(state) for state in self._carried] if initial is None else []
        sequences = [projected]
        if mask is not None:
            sequences.append(T.neq(self._time_first(mask), 0))
        every = self._all_states(sequences, list(initial or carried or [zeros] * self.states))
        last = tuple([state[-1] for state in every])
        for state, new in zip(carried, last):
            renew(state, new)
        outputs = every[0][::-1] if self.go_backwards else every[0]
        return self._time_first(outputs), last

    def _all_states(self, sequences, initial):
        """The states after each step, in the order of the steps."""
        def step(projected, *rest):
            states = rest[-self.states:]
            new = self.advance(projected, *states)
            if len(sequences) == 1:
                return list(new)
            there = rest[0][:, None]
            return [T.switch(there, after, before) for after, before in zip(new, states)]

        every, updates = scan(step, sequences, initial, truncate_gradient=self.truncate_gradient,
                              go_backwards=self.go_backwards, name=type(self).__name__,
                              return_list=True)
        for state, new in updates.items():      # of random streams that steps draw from
            renew(state, new)
        return every

    def _time_first(self, x):
        """Exchange the first two axes, unless time is the first one for the user, too."""
        return x if self.time_major else T.swapaxes(x, 0, 1)

    def reset_state(self, batch: int | None = None) -> None:
        """Begin the next call with states of zeros.

        Parameters
        ----------
        batch : int, optional
            The number of sequences from now on.
        """
        for state in self._carried:
            rows = len(state.get_value(borrow=True)) if batch is None else batch
            state.set_value(np.zeros((rows, self.hidden), state.dtype))


def _side_by_side(name, rows, columns, gates, start, rng):
    """A parameter of several matrices in a row, each with a start of its own."""
    shape = (rows, gates * columns)
    if callable(start):
        parts = [start((rows, columns), None, rng) for _ in range(gates)]
        return parameter(name, shape, np.concatenate(parts, axis=1))
    return parameter(name, shape, start)


def _split(gates, hidden, count):
    """The parts of ``gates`` that belong to each gate."""
    return [gates[:, i * hidden:(i + 1) * hidden] for i in range(count)]


# ----- the layers -----

class RNN(Recurrent):
    """A plain recurrent layer: ``h = activation(x @ W + h @ U + b)``.

    Parameters
    ----------
    inputs, hidden : int
    activation : callable
    **options
        Those of `Recurrent`.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> layer = RNN(3, 5)
    >>> layer(T.tensor3("x")).type
    TensorType(float64, (None, None, 5))
    """

    def __init__(self, inputs: int, hidden: int, activation: Callable = T.tanh, **options):
        super().__init__(inputs, hidden, **options)
        self.activation = activation

    def advance(self, projected: Variable, *states: Variable) -> tuple[Variable, ...]:
        """Compute the state after a step."""
        h, = states
        return (self.activation(projected + T.dot(h, self.U)),)


class LSTM(Recurrent):
    """Long short-term memory.

    ``i, f, o = sigmoid(..)`` and ``g = tanh(..)`` are gates, each of ``x @ W + h @ U + b`` with
    matrices of its own, in the order i, f, g, o side by side. Then ``c = f * c + i * g`` and
    ``h = o * tanh(c)`` (Hochreiter and Schmidhuber, "Long short-term memory", Neural Computation,
    1997; the gate f is from Gers, Schmidhuber and Cummins, "Learning to forget", 2000).

    Parameters
    ----------
    inputs, hidden : int
    peepholes : bool
        Let the gates see the memory, too: i and f get ``c * P`` of the step before, and o that of
        this step, with one weight per unit (Gers and Schmidhuber, "Recurrent nets that time and
        count", 2000).
    forget_bias : float
        What the bias of f begins with. Above zero, the memory lasts from the beginning
        (Jozefowicz, Zaremba and Sutskever, "An empirical exploration of recurrent network
        architectures", ICML 2015).
    **options
        Those of `Recurrent`.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> layer = LSTM(3, 5, last=True)
    >>> layer(T.tensor3("x")).type
    TensorType(float64, (None, 5))
    >>> [W.type.shape for W in layer.params()]
    [(3, 20), (5, 20), (20,)]
    """

    gates = 4
    states = 2

    def __init__(self, inputs: int, hidden: int, peepholes: bool = False,
                 forget_bias: float = 1.0, **options):
        super().__init__(inputs, hidden, **options)
        bias = self.b.get_value()
        bias[hidden:2 * hidden] = forget_bias
        self.b.set_value(bias)
        self.P = parameter("P", (3, hidden), init.zeros) if peepholes else None

    def advance(self, projected: Variable, *states: Variable) -> tuple[Variable, ...]:
        """Compute h and c after a step."""
        h, c = states
        i, f, g, o = _split(projected + T.dot(h, self.U), self.hidden, 4)
        if self.P is not None:
            i, f = i + c * self.P[0], f + c * self.P[1]
        c = T.sigmoid(f) * c + T.sigmoid(i) * T.tanh(g)
        if self.P is not None:
            o = o + c * self.P[2]
        return T.sigmoid(o) * T.tanh(c), c


class GRU(Recurrent):
    """Gated recurrent units.

    ``r, z = sigmoid(..)`` are gates of ``x @ W + h @ U + b``, side by side in the order r, z, n.
    With ``n = tanh(x @ W + b + r * (h @ U + d))``, ``h = (1 - z) * n + z * h`` (Cho et al.,
    "Learning phrase representations using RNN encoder-decoder", EMNLP 2014).

    Parameters
    ----------
    inputs, hidden : int
    reset_after : bool
        As above: the gate r acts on the product, so that a step is one product, as in cuDNN. False
        is the form of the paper, ``n = tanh(x @ W + b + (r * h) @ U)``.
    **options
        Those of `Recurrent`.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> layer = GRU(3, 5)
    >>> layer(T.tensor3("x")).type
    TensorType(float64, (None, None, 5))
    """

    gates = 3

    def __init__(self, inputs: int, hidden: int, reset_after: bool = True, **options):
        super().__init__(inputs, hidden, **options)
        self.d = parameter("d", (hidden,), init.zeros) if reset_after else None

    def advance(self, projected: Variable, *states: Variable) -> tuple[Variable, ...]:
        """Compute the state after a step."""
        h, = states
        n, z = (self._reset_before if self.d is None else self._reset_after)(projected, h)
        return (n + z * (h - n),)

    def _reset_after(self, x, h):
        """What is new, and how much of the old stays."""
        x_r, x_z, x_n = _split(x, self.hidden, 3)
        h_r, h_z, h_n = _split(T.dot(h, self.U), self.hidden, 3)
        r, z = T.sigmoid(x_r + h_r), T.sigmoid(x_z + h_z)
        return T.tanh(x_n + r * (h_n + self.d)), z

    def _reset_before(self, x, h):
        n = 2 * self.hidden
        r, z = _split(T.sigmoid(x[:, :n] + T.dot(h, self.U[:, :n])), self.hidden, 2)
        return T.tanh(x[:, n:] + T.dot(r * h, self.U[:, n:])), z


# ----- both ways -----

MERGES = {
    "concat": lambda a, b: T.concatenate([a, b], axis=a.ndim - 1),
    "sum": lambda a, b: a + b,
    "mean": lambda a, b: (a + b) / 2,
    "product": lambda a, b: a * b,
}


class Bidirectional(Layer):
    """Two recurrent layers that read the same sequence, one of them from its end.

    Parameters
    ----------
    forward, backward : Recurrent
        The second one is set to go backwards.
    merge : {"concat", "sum", "mean", "product"}
        What becomes of the two outputs; the first puts them side by side.

    Raises
    ------
    ValueError
        If ``merge`` is none of these.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> layer = Bidirectional(GRU(3, 5), GRU(3, 5))
    >>> layer(T.tensor3("x")).type
    TensorType(float64, (None, None, 10))
    """

    takes_mask = True

    def __init__(self, forward: Recurrent, backward: Recurrent, merge: str = "concat"):
        if merge not in MERGES:
            raise ValueError(f"merge is one of {', '.join(MERGES)}, not {merge!r}")
        backward.go_backwards = True
        self.forward = forward
        self.backward = backward
        self.merge = merge

    def __call__(self, x: Variable, mask: Variable | None = None) -> Variable:
        """Go through sequences both ways; as a call of `Recurrent`."""
        return MERGES[self.merge](self.forward(x, mask), self.backward(x, mask))


def length_mask(lengths: Variable, steps: Variable | int) -> Variable:
    """Return the mask of sequences that differ in length.

    Parameters
    ----------
    lengths : Variable of integers, shape (batch,)
    steps : int or 0-d integer variable
        Of the longest sequence: ``x.shape[1]``.

    Returns
    -------
    Variable of bool, shape (batch, steps)

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> length_mask(T.constant([1, 3]), 3).eval()
    array([[ True, False, False],
           [ True,  True,  True]])
    """
    return T.arange(steps)[None, :] < T.as_tensor_variable(lengths)[:, None]
