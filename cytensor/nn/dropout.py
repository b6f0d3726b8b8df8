"""Noise for training: dropout."""
from collections.abc import Sequence

from cytensor._core import Variable
from cytensor.nn.layer import Layer
from cytensor.random import Stream, dropout


class Dropout(Layer):
    """Put zeros in place of some numbers while training, and scale the others up.

    Each number is a zero with probability ``p``, and ``1 / (1 - p)`` times itself otherwise, so
    that its mean is what it was (Srivastava et al., "Dropout: a simple way to prevent neural
    networks from overfitting", JMLR 2014). In prediction the layer does nothing.

    Parameters
    ----------
    p : float
        From 0 up to, but without, 1.
    shared_axes : sequence of int
        Axes along which all numbers have one fate: the axes of an image drop whole channels, the
        one of time drops the same units in each step.
    rng : int or sequence of int, optional
        Seed of the noise.

    Raises
    ------
    ValueError
        If ``p`` is no such number.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> x = T.ones((2, 4))
    >>> layer = Dropout(0.5, rng=0)
    >>> layer(x).eval()
    array([[0., 2., 0., 2.],
           [2., 0., 0., 0.]])
    >>> layer.eval()(x).eval()
    array([[1., 1., 1., 1.],
           [1., 1., 1., 1.]])
    """

    def __init__(self, p: float = 0.5, shared_axes: Sequence[int] = (),
                 rng: int | Sequence[int] | None = None):
        if not 0 <= p < 1:
            raise ValueError(f"Dropout: p is from 0 up to 1, not {p}")
        self.p = p
        self.shared_axes = tuple(shared_axes)
        self._stream = Stream(rng)

    def __call__(self, x: Variable) -> Variable:
        """Apply the layer."""
        return dropout(x, self.p, self._stream, self.shared_axes, self.training)
