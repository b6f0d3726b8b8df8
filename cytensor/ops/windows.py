"""Window functions of signal processing: weights that fall off to both ends."""
from math import pi

import numpy as np

from cytensor import config
from cytensor._core import Variable
from cytensor.ops import elementwise as ew
from cytensor.ops.generate import counted
from cytensor.ops.registry import KIND, to_dtype
from cytensor.ops.views import as_size, as_tensor_variable


def _place(M, what):
    """Return (0, 1, .., M - 1; the last of them, at least 1) in a float dtype."""
    if isinstance(M, Variable | np.ndarray):
        M = as_tensor_variable(M)
        if M.type.ndim != 0:
            raise TypeError(f"{what}: the number of points is 0-d, not {M.type.ndim}-d")
        if KIND[M.type.dtype] not in "biu":
            raise TypeError(f"{what}: the number of points is an integer, not {M.type.dtype}")
    n = ew.maximum(as_size(M, f"{what}: the number of points"), 0)
    last = to_dtype(ew.maximum(n - 1, 1), "float64")
    return counted(n, "float64"), last, n


def _cosines(M, coefficients, what):
    """Return a sum of cosines of whole waves; a single point is 1."""
    place, last, n = _place(M, what)
    out = coefficients[0]
    for k, a in enumerate(coefficients[1:], 1):
        out = out + a * ew.cos(place * (2 * pi * k) / last)
    return to_dtype(ew.switch(ew.eq(n, 1), 1.0, out), config.floatX)


def bartlett(M):
    """Return the Bartlett window: a triangle that is 0 at both ends.

    Parameters
    ----------
    M : int or 0-d variable
        The number of points; nothing comes out if it is not positive.

    Returns
    -------
    Variable, shape (M,)
        In ``config.floatX``.

    Raises
    ------
    TypeError
        If ``M`` is no 0-d integer.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> T.bartlett(5).eval()
    array([0. , 0.5, 1. , 0.5, 0. ])
    """
    place, last, n = _place(M, "bartlett")
    out = 1 - ew.abs(2 * place / last - 1)
    return to_dtype(ew.switch(ew.eq(n, 1), 1.0, out), config.floatX)


def hanning(M):
    """Return the Hann window: a raised cosine that is 0 at both ends.

    Parameters
    ----------
    M : int or 0-d variable
        The number of points; nothing comes out if it is not positive.

    Returns
    -------
    Variable, shape (M,)
        In ``config.floatX``.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> T.hanning(3).eval()
    array([0., 1., 0.])
    """
    return _cosines(M, (0.5, -0.5), "hanning")


def hamming(M):
    """Return the Hamming window: a raised cosine that is 0.08 at both ends.

    Parameters
    ----------
    M : int or 0-d variable
        The number of points; nothing comes out if it is not positive.

    Returns
    -------
    Variable, shape (M,)
        In ``config.floatX``.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> T.hamming(3).eval().round(2)
    array([0.08, 1.  , 0.08])
    """
    return _cosines(M, (0.54, -0.46), "hamming")


def blackman(M):
    """Return the Blackman window: a sum of two cosines that is 0 at both ends.

    Parameters
    ----------
    M : int or 0-d variable
        The number of points; nothing comes out if it is not positive.

    Returns
    -------
    Variable, shape (M,)
        In ``config.floatX``.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> T.blackman(5).eval().round(2) + 0
    array([0.  , 0.34, 1.  , 0.34, 0.  ])
    """
    return _cosines(M, (0.42, -0.5, 0.08), "blackman")
