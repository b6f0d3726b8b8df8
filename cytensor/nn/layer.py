"""What a layer is: something to call, with parameters that are found among its attributes."""
from collections.abc import Callable, Iterator, Mapping

import numpy as np

from cytensor import tensor as T
from cytensor._core import Variable
from cytensor.nn.init import Seed, Shape, as_float
from cytensor.shared import SharedVariable, shared

#: How a parameter begins: a function of `nn.init`, one number for all elements, or the array.
Start = Callable | float | np.ndarray


class Layer:
    """Base of all layers: a function with parameters.

    A layer is an ordinary object. In ``__init__`` it makes its parameters, and assigns them to
    attributes; ``__call__`` applies it to variables. Shared variables among the attributes, also
    those of other layers, and of lists of both, are found by their names: ``"hidden.W"`` is the
    ``W`` of the attribute ``hidden``, ``"0.W"`` that of the first layer of a `Sequential`. Names
    that begin with an underscore are left alone.

    Attributes
    ----------
    training : bool
        Whether calls compute what training wants; see `train`.
    untrained : tuple of str
        Attributes of the class that hold values which are no parameters to be trained, such as
        running averages. They belong to `state`, and not to `params`.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> class Scale(Layer):
    ...     def __init__(self, n):
    ...         self.scale = parameter("scale", (n,), 1.0)
    ...     def __call__(self, x):
    ...         return x * self.scale
    >>> layer = Scale(2)
    >>> layer.params()
    [scale]
    >>> layer(T.constant([[1.0, 2.0]])).eval()
    array([[1., 2.]])
    """

    training = True
    untrained: tuple[str, ...] = ()

    def __call__(self, x: Variable) -> Variable:
        """Apply the layer."""
        raise NotImplementedError(f"{type(self).__name__} does not say what a call computes")

    # ----- what it is made of -----

    def parts(self) -> Iterator[tuple[str, object]]:
        """Yield the name and the value of each attribute where parameters may be."""
        for name, value in vars(self).items():
            if not name.startswith("_"):
                yield name, value

    def children(self) -> list["Layer"]:
        """Return the layers that this one is made of, in order."""
        return [part for _, part in _flat(self.parts()) if isinstance(part, Layer)]

    def _named(self, prefix=""):
        """Yield the full name, the variable, and whether it is trained."""
        for name, part in _flat(self.parts()):
            if isinstance(part, SharedVariable):
                yield prefix + name, part, name not in self.untrained
            elif isinstance(part, Layer):
                yield from part._named(f"{prefix}{name}.")

    def _variables(self):
        """The same without repetition: a variable in two places has the first name."""
        found = {}
        for name, v, trained in self._named():
            found.setdefault(v, (name, trained))
        return [(name, v, trained) for v, (name, trained) in found.items()]

    def named_params(self) -> dict[str, SharedVariable]:
        """Return what is to be trained, by name, in the order of the attributes.

        Returns
        -------
        dict of str to SharedVariable
        """
        return {name: v for name, v, trained in self._variables() if trained}

    def params(self) -> list[SharedVariable]:
        """Return what is to be trained, as a list for `T.grad` and `cytensor.optim`.

        Returns
        -------
        list of SharedVariable
        """
        return list(self.named_params().values())

    # ----- values -----

    def state(self) -> dict[str, np.ndarray]:
        """Return copies of all values, running averages included, by name.

        Returns
        -------
        dict of str to ndarray
            ``np.savez(path, **layer.state())`` keeps them.
        """
        return {name: v.get_value() for name, v, _ in self._variables()}

    def load_state(self, state: Mapping[str, np.ndarray]) -> None:
        """Take the values that `state` returned.

        Parameters
        ----------
        state : mapping of str to array_like
            All names, and no others. Floats of another precision are cast.

        Raises
        ------
        ValueError
            If a name is missing or unknown, or an array has another shape or another kind of
            numbers. Nothing has changed then.
        """
        own = {name: v for name, v, _ in self._variables()}
        wrong = [f"{name} is missing" for name in own if name not in state]
        wrong += [f"{name} is not known" for name in state if name not in own]
        values = {name: np.asarray(state[name]) for name in own if name in state}
        wrong += [complaint for name, value in values.items()
                  for complaint in _misfits(name, own[name], value)]
        if wrong:
            raise ValueError(f"load_state of {type(self).__name__}: {'; '.join(wrong)}")
        for name, value in values.items():
            own[name].set_value(value.astype(own[name].type.dtype))

    def reset_state(self, batch: int | None = None) -> None:
        """Forget what stateful layers carry from call to call.

        Parameters
        ----------
        batch : int, optional
            The number of sequences from now on.
        """
        for child in self.children():
            child.reset_state(batch)

    # ----- how calls behave -----

    def train(self, training: bool = True) -> "Layer":
        """Let the calls that follow compute what training wants, or what prediction wants.

        Expressions that have been built stay as they are.

        Parameters
        ----------
        training : bool

        Returns
        -------
        Layer
            This one.
        """
        self.training = training
        for child in self.children():
            child.train(training)
        return self

    def eval(self) -> "Layer":
        """Let the calls that follow compute what prediction wants: ``train(False)``."""
        return self.train(False)


def _flat(parts):
    """Unfold lists of parts: the first of ``layers`` is ``layers.0``."""
    for name, part in parts:
        if isinstance(part, (list, tuple)):
            yield from _flat((f"{name}.{i}", item) for i, item in enumerate(part))
        else:
            yield name, part


def _misfits(name, v, value):
    """Yield why a value is none for a variable."""
    own = v.get_value(borrow=True)
    if value.shape != own.shape:
        yield f"{name} has the shape {own.shape}, the array {value.shape}"
    elif not np.can_cast(value.dtype, own.dtype, "same_kind"):
        yield f"{name} is {own.dtype}, the array {value.dtype}"


# ----- making layers -----

def parameter(name: str, shape: Shape, start: Start, rng: Seed = None) -> SharedVariable:
    """Make a shared variable of a shape that stays as it is.

    Parameters
    ----------
    name : str
    shape : sequence of int
    start : callable, number or array_like
        Its first value. A callable is called as ``start(shape, dtype, rng)``, with None for
        the dtype, which means `config.floatX`.
    rng : int or numpy.random.Generator, optional

    Returns
    -------
    SharedVariable
        Of dtype `config.floatX`.

    Raises
    ------
    ValueError
        If the value has another shape.

    Examples
    --------
    >>> parameter("b", (2,), 0.5).get_value()
    array([0.5, 0.5])
    """
    value = as_float(start(shape, None, rng) if callable(start) else start)
    if value.ndim == 0:
        value = np.full(shape, value)
    if value.shape != tuple(shape):
        raise ValueError(f"{name} is to have the shape {tuple(shape)}, not {value.shape}")
    return shared(value, name=name, shape=value.shape)


def along_channels(v: Variable, x: Variable) -> Variable:
    """Lay out a vector of channels so that it broadcasts along axis 1 of ``x``.

    Examples
    --------
    >>> along_channels(T.vector("v"), T.tensor4("x")).type.shape
    (None, 1, 1)
    """
    return T.dimshuffle(v, [0, *"x" * (x.ndim - 2)])


def current(state: SharedVariable) -> SharedVariable:
    """Return a state for one call of a layer to read, and then to `renew`.

    It is another variable over the same storage: what other calls read stays as it is.

    Parameters
    ----------
    state : SharedVariable

    Returns
    -------
    SharedVariable
    """
    return state.clone()


def renew(now: SharedVariable, new: Variable) -> None:
    """Let every function that reads a `current` state give it a new value, at its end.

    Parameters
    ----------
    now : SharedVariable
    new : Variable

    Examples
    --------
    >>> import cytensor as ct
    >>> count = ct.shared(0)
    >>> now = current(count)
    >>> renew(now, now + 1)
    >>> f, g = ct.function([], now), ct.function([], count)
    >>> [int(f()), int(f()), int(g()), int(g())]
    [0, 1, 2, 2]
    """
    now.default_update = T.cast(new, now.dtype)


def read_with(value: Variable, now: Variable) -> Variable:
    """Return ``value``; who computes it counts as one who reads ``now``.

    For states that a call renews but does not need, as running averages.

    Parameters
    ----------
    value : Variable
    now : Variable
        The state, or what is made of it; of the same dtype, and broadcasts to the shape of
        ``value``.

    Examples
    --------
    >>> import cytensor as ct
    >>> x, largest = T.scalar("x"), ct.shared(0.0)
    >>> now = current(largest)
    >>> renew(now, T.maximum(now, x))
    >>> f = ct.function([x], read_with(x, now))
    >>> [float(f(v)) for v in (2, 5, 3)], largest.get_value()
    ([2.0, 5.0, 3.0], array(5.))
    """
    return T.switch(True, value, now)


class Sequential(Layer):
    """Layers one after the other; anything else that is called with one variable will do, too.

    Parameters
    ----------
    *layers : Layer or callable

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> from cytensor import nn
    >>> model = Sequential(nn.Dense(4, 3), T.tanh, nn.Dense(3, 2), T.nnet.softmax)
    >>> list(model.named_params())
    ['0.W', '0.b', '2.W', '2.b']
    >>> model(T.matrix("x")).type
    TensorType(float64, (None, 2))
    """

    def __init__(self, *layers: Callable):
        self.layers = list(layers)

    def parts(self) -> Iterator[tuple[str, object]]:
        """Yield the layers; their places are their names."""
        return ((str(i), layer) for i, layer in enumerate(self.layers))

    def __call__(self, x: Variable, mask: Variable | None = None) -> Variable:
        """Apply all layers.

        Parameters
        ----------
        x : Variable
        mask : Variable, optional
            For the recurrent layers; see `Recurrent`.

        Returns
        -------
        Variable
        """
        for layer in self.layers:
            masked = mask is not None and getattr(layer, "takes_mask", False)
            x = layer(x, mask=mask) if masked else layer(x)
        return x

    def __len__(self):
        return len(self.layers)

    def __getitem__(self, place):
        chosen = self.layers[place]
        return Sequential(*chosen) if isinstance(place, slice) else chosen
