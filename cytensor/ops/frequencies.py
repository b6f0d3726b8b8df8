"""What belongs to the entries of a Fourier transform: their frequencies, and their order."""
from cytensor.ops import elementwise as ew
from cytensor.ops.fourier import given_size
from cytensor.ops.generate import counted, dtype_or_floatX
from cytensor.ops.rearrange import roll
from cytensor.ops.registry import normal_axes, to_dtype
from cytensor.ops.views import as_tensor_variable, sizes_of


def fftshift(x, axes=None):
    """Move the zero frequency to the middle.

    Parameters
    ----------
    x : Variable or array_like
    axes : int or sequence of int, optional
        By default all.

    Returns
    -------
    Variable

    Examples
    --------
    >>> from cytensor.tensor import fft
    >>> fft.fftshift([0, 1, -1]).eval()
    array([-1,  0,  1])
    """
    return _shifted(x, axes, 1)


def ifftshift(x, axes=None):
    """Move the zero frequency from the middle to the front: undo ``fftshift``.

    Parameters
    ----------
    x : Variable or array_like
    axes : int or sequence of int, optional
        By default all.

    Returns
    -------
    Variable

    Examples
    --------
    >>> from cytensor.tensor import fft
    >>> fft.ifftshift([-1, 0, 1]).eval()
    array([ 0,  1, -1])
    """
    return _shifted(x, axes, -1)


def _shifted(x, axes, sign):
    x = as_tensor_variable(x)
    axes = normal_axes(axes, x.type.ndim, "fftshift")
    sizes = sizes_of(x)
    return roll(x, tuple([sign * (sizes[axis] // 2) for axis in axes]), axes)


def fftfreq(n, d=1.0, dtype=None):
    """Return the frequencies of the entries of ``fft``.

    Parameters
    ----------
    n : int or 0-d variable
        The size of the transform.
    d : number or 0-d variable
        The time from sample to sample.
    dtype : str, optional
        By default ``config.floatX``.

    Returns
    -------
    Variable, shape (n,)

    Examples
    --------
    >>> from cytensor.tensor import fft
    >>> fft.fftfreq(4).eval()
    array([ 0.  ,  0.25, -0.5 , -0.25])
    """
    n = given_size(n)
    place = counted(n)
    return _frequencies(ew.switch(ew.lt(place, (n + 1) // 2), place, place - n), n, d, dtype)


def rfftfreq(n, d=1.0, dtype=None):
    """Return the frequencies of the entries of ``rfft``.

    Parameters
    ----------
    n : int or 0-d variable
        The size of the transform.
    d : number or 0-d variable
        The time from sample to sample.
    dtype : str, optional
        By default ``config.floatX``.

    Returns
    -------
    Variable, shape (n // 2 + 1,)

    Examples
    --------
    >>> from cytensor.tensor import fft
    >>> fft.rfftfreq(4).eval()
    array([0.  , 0.25, 0.5 ])
    """
    n = given_size(n)
    return _frequencies(counted(n // 2 + 1), n, d, dtype)


def _frequencies(places, n, d, dtype):
    dtype = dtype_or_floatX(dtype)
    return to_dtype(places, dtype) / to_dtype(n * as_tensor_variable(d), dtype)
