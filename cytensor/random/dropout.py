"""Dropout: elements, or whole channels, are set to 0 at random, and the others scaled up.

The mask is drawn once, as truth values of a byte each: so reading it again for the gradient costs
less than to draw it anew.
"""
from cytensor._core import Variable
from cytensor.ops import elementwise as ew
from cytensor.ops.control import ifelse
from cytensor.ops.registry import FLOAT_OF, KIND, normal_axes, to_dtype
from cytensor.ops.views import as_tensor_variable, sizes_of
from cytensor.random.stream import Stream


def dropout(x, rate=0.5, stream=None, shared_axes=(), train=True, rescale=True):
    """Set elements to 0 at random; scale the others by ``1 / (1 - rate)``, so that means stay.

    Parameters
    ----------
    x : Variable
        Integers become floats.
    rate : number or 0-d Variable
        The probability of each element to become 0: between 0 and 1.
    stream : Stream or int, optional
        Where the mask comes from, or a seed for a new stream. By default one that the operating
        system seeds.
    shared_axes : int or tuple of int
        Axes along which all elements share one draw.
    train : bool or 0-d Variable
        Where it is false, nothing happens; then no mask is drawn.
    rescale : bool
        Whether what is left is scaled up.

    Returns
    -------
    Variable, shape of x
        The mask is another one in each call. Gradients go through the elements that are left.

    Raises
    ------
    ValueError
        If ``rate`` is not between 0 and 1.
    TypeError
        If ``rate``, ``train`` or ``stream`` is none of the above.

    Examples
    --------
    >>> import cytensor as ct, cytensor.tensor as T
    >>> x = T.fvector("x")
    >>> f = ct.function([x], ct.random.dropout(x, 0.5, ct.random.Stream(1)))
    >>> sorted(set(f([1] * 100).tolist()))
    [0.0, 2.0]
    """
    x = as_tensor_variable(x)
    x = to_dtype(x, FLOAT_OF[x.type.dtype])
    _check_number("rate", rate, "f")
    if not isinstance(rate, Variable) and not 0 <= rate <= 1:
        raise ValueError(f"dropout: rate is between 0 and 1, not {rate}")
    if not isinstance(train, Variable):
        return _dropped(x, rate, stream, shared_axes, rescale) if train else x
    _check_number("train", train, "biuf")
    return ifelse(train, _dropped(x, rate, stream, shared_axes, rescale), x)


def spatial_dropout(x, rate=0.5, stream=None, train=True, rescale=True):
    """Set whole channels to 0 at random; scale the others by ``1 / (1 - rate)``.

    Parameters
    ----------
    x : Variable, shape (n, channels, ...)
    rate, stream, train, rescale
        As in ``dropout``.

    Returns
    -------
    Variable, shape of x

    Raises
    ------
    ValueError
        If ``x`` has fewer than 2 axes, or ``rate`` is not between 0 and 1.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> spatial_dropout(T.ftensor4("x"), 0.2, stream=1).type
    TensorType(float32, 4D)
    """
    x = as_tensor_variable(x)
    if x.type.ndim < 2:
        raise ValueError(f"spatial_dropout: x has {x.type.ndim} axes; at least 2 are wanted: "
                         "examples, channels")
    return dropout(x, rate, stream, tuple(range(2, x.type.ndim)), train, rescale)


def _check_number(name, value, kinds):
    """Raise ``TypeError`` for a variable that is no number of some kinds."""
    if isinstance(value, Variable) and (value.type.ndim or KIND[value.type.dtype] not in kinds):
        raise TypeError(f"dropout: {name} is a number, not {value!r} of type {value.type}")


def _dropped(x, rate, stream, shared_axes, rescale):
    if not isinstance(rate, Variable) and rate == 0:
        return x
    mask = _as_stream(stream).mask(_mask_sizes(x, shared_axes), 1 - rate)
    if rescale:
        x = x * _scale(rate, x)
    return ew.switch(mask, x, 0)


def _as_stream(stream):
    if stream is None or isinstance(stream, int):
        return Stream(stream)
    if not isinstance(stream, Stream):
        raise TypeError(f"dropout: stream is a Stream or a seed, not {stream!r}")
    return stream


def _mask_sizes(x, shared_axes):
    shared = normal_axes(shared_axes, x.type.ndim, "dropout: shared_axes")
    return [1 if axis in shared else n for axis, n in enumerate(sizes_of(x))]


def _scale(rate, x):
    """What makes up for what is lost. Where all is lost, any number does."""
    if not isinstance(rate, Variable):
        return to_dtype(1 / (1 - rate) if rate < 1 else 0.0, x.type.dtype)
    return to_dtype(1 / (1 - to_dtype(rate, "float64")), x.type.dtype)
