"""Fourier transforms under NumPy's names."""
from cytensor.ops.fourier import as_float, real_inverse, real_transform, swapped, transform
from cytensor.ops.stacks import conjugate

# ----- one axis -----

def fft(x, n=None, axis=-1, norm=None):
    """Return the Fourier transform along an axis.

    Parameters
    ----------
    x : Variable or array_like
    n : int or 0-d variable, optional
        By default that of the axis: it is cut off there, or padded with zeros.
    axis : int
    norm : {None, "backward", "ortho", "forward"}
        Which of the two transforms is divided by the size: backward, which is None, or forward.
        With "ortho" both are divided by its root.

    Returns
    -------
    Variable, complex

    Examples
    --------
    >>> from cytensor.tensor import fft
    >>> fft.fft([1.0, 2.0]).eval().real
    array([ 3., -1.])
    """
    return transform(x, [n], [axis], norm, False, "fft")


def ifft(x, n=None, axis=-1, norm=None):
    """Return the inverse Fourier transform along an axis.

    Parameters
    ----------
    x : Variable or array_like
    n : int or 0-d variable, optional
        By default that of the axis: it is cut off there, or padded with zeros.
    axis : int
    norm : {None, "backward", "ortho", "forward"}
        Which of the two transforms is divided by the size: backward, which is None, or forward.
        With "ortho" both are divided by its root.

    Returns
    -------
    Variable, complex

    Examples
    --------
    >>> from cytensor.tensor import fft
    >>> fft.ifft([3.0, -1.0]).eval().real
    array([1., 2.])
    """
    return transform(x, [n], [axis], norm, True, "ifft")


def rfft(x, n=None, axis=-1, norm=None):
    """Return half of the Fourier transform of real numbers; the rest follows from it.

    Parameters
    ----------
    x : Variable or array_like
    n : int or 0-d variable, optional
        By default that of the axis: it is cut off there, or padded with zeros.
    axis : int
    norm : {None, "backward", "ortho", "forward"}
        Which of the two transforms is divided by the size: backward, which is None, or forward.
        With "ortho" both are divided by its root.

    Returns
    -------
    Variable, complex
        With ``n // 2 + 1`` entries on the axis.

    Examples
    --------
    >>> from cytensor.tensor import fft
    >>> fft.rfft([1.0, 0.0, 0.0]).eval()
    array([1.+0.j, 1.+0.j])
    """
    return real_transform(x, [n], [axis], norm, "rfft")


def irfft(x, n=None, axis=-1, norm=None):
    """Return the real numbers of which ``rfft`` gives ``x``.

    Parameters
    ----------
    x : Variable or array_like
    n : int or 0-d variable, optional
        The size of the result: even by default, ``2 * (m - 1)`` for m entries.
    axis : int
    norm : {None, "backward", "ortho", "forward"}
        Which of the two transforms is divided by the size: backward, which is None, or forward.
        With "ortho" both are divided by its root.

    Returns
    -------
    Variable
        With ``n`` real entries on the axis.

    Examples
    --------
    >>> from cytensor.tensor import fft
    >>> fft.irfft([1.0, 1.0], 3).eval()
    array([1., 0., 0.])
    """
    return real_inverse(x, [n], [axis], norm, "irfft")


def hfft(x, n=None, axis=-1, norm=None):
    """Return the real Fourier transform of numbers whose second half mirrors the first.

    Parameters
    ----------
    x : Variable or array_like
    n : int or 0-d variable, optional
        The size of the result: even by default, ``2 * (m - 1)`` for m entries.
    axis : int
    norm : {None, "backward", "ortho", "forward"}
        Which of the two transforms is divided by the size: backward, which is None, or forward.
        With "ortho" both are divided by its root.

    Returns
    -------
    Variable
        With ``n`` real entries on the axis.

    Examples
    --------
    >>> from cytensor.tensor import fft
    >>> fft.hfft([1.0, 1.0], 3).eval()
    array([3., 0., 0.])
    """
    return real_inverse(conjugate(as_float(x)), [n], [axis], swapped(norm), "hfft")


def ihfft(x, n=None, axis=-1, norm=None):
    """Return the numbers of which ``hfft`` gives ``x``.

    Parameters
    ----------
    x : Variable or array_like
    n : int or 0-d variable, optional
        By default that of the axis: it is cut off there, or padded with zeros.
    axis : int
    norm : {None, "backward", "ortho", "forward"}
        Which of the two transforms is divided by the size: backward, which is None, or forward.
        With "ortho" both are divided by its root.

    Returns
    -------
    Variable, complex
        With ``n // 2 + 1`` entries on the axis.

    Examples
    --------
    >>> from cytensor.tensor import fft
    >>> fft.ihfft([3.0, 0.0, 0.0]).eval()
    array([1.-0.j, 1.-0.j])
    """
    return conjugate(real_transform(x, [n], [axis], swapped(norm), "ihfft"))

# ----- several axes -----

def fftn(x, s=None, axes=None, norm=None):
    """Return the Fourier transform along several axes.

    Parameters
    ----------
    x : Variable or array_like
    s : sequence of int and 0-d variables, optional
        The sizes of the axes: each is cut off there, or padded with zeros.
    axes : sequence of int, optional
        By default all, or as many of the last as ``s`` has sizes.
    norm : {None, "backward", "ortho", "forward"}
        Which of the two transforms is divided by the size: backward, which is None, or forward.
        With "ortho" both are divided by its root.

    Returns
    -------
    Variable, complex

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> from cytensor.tensor import fft
    >>> fft.fftn(T.zeros((4, 6))).type.shape
    (4, 6)
    """
    return transform(x, s, axes, norm, False, "fftn")


def ifftn(x, s=None, axes=None, norm=None):
    """Return the inverse Fourier transform along several axes.

    Parameters
    ----------
    x : Variable or array_like
    s : sequence of int and 0-d variables, optional
        The sizes of the axes: each is cut off there, or padded with zeros.
    axes : sequence of int, optional
        By default all, or as many of the last as ``s`` has sizes.
    norm : {None, "backward", "ortho", "forward"}
        Which of the two transforms is divided by the size: backward, which is None, or forward.
        With "ortho" both are divided by its root.

    Returns
    -------
    Variable, complex

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> from cytensor.tensor import fft
    >>> fft.ifftn(T.zeros((4, 6))).type.shape
    (4, 6)
    """
    return transform(x, s, axes, norm, True, "ifftn")


def rfftn(x, s=None, axes=None, norm=None):
    """Return half of the Fourier transform of real numbers along several axes.

    Parameters
    ----------
    x : Variable or array_like
    s : sequence of int and 0-d variables, optional
        The sizes of the axes: each is cut off there, or padded with zeros.
    axes : sequence of int, optional
        By default all, or as many of the last as ``s`` has sizes.
    norm : {None, "backward", "ortho", "forward"}
        Which of the two transforms is divided by the size: backward, which is None, or forward.
        With "ortho" both are divided by its root.

    Returns
    -------
    Variable, complex
        The last of the axes has ``n // 2 + 1`` entries.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> from cytensor.tensor import fft
    >>> fft.rfftn(T.zeros((4, 6))).type.shape
    (4, 4)
    """
    return real_transform(x, s, axes, norm, "rfftn")


def irfftn(x, s=None, axes=None, norm=None):
    """Return the real numbers of which ``rfftn`` gives ``x``.

    Parameters
    ----------
    x : Variable or array_like
    s : sequence of int and 0-d variables, optional
        The sizes of the axes: each is cut off there, or padded with zeros.
    axes : sequence of int, optional
        By default all, or as many of the last as ``s`` has sizes.
    norm : {None, "backward", "ortho", "forward"}
        Which of the two transforms is divided by the size: backward, which is None, or forward.
        With "ortho" both are divided by its root.

    Returns
    -------
    Variable
        By default the last of the axes has ``2 * (m - 1)`` entries for m of ``x``.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> from cytensor.tensor import fft
    >>> fft.irfftn(T.zeros((4, 6))).type.shape
    (4, 10)
    """
    return real_inverse(x, s, axes, norm, "irfftn")


def fft2(x, s=None, axes=(-2, -1), norm=None):
    """Return the Fourier transform along two axes.

    Parameters
    ----------
    x : Variable or array_like
    s : sequence of int and 0-d variables, optional
        The sizes of the axes: each is cut off there, or padded with zeros.
    axes : sequence of int
    norm : {None, "backward", "ortho", "forward"}
        Which of the two transforms is divided by the size: backward, which is None, or forward.
        With "ortho" both are divided by its root.

    Returns
    -------
    Variable, complex

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> from cytensor.tensor import fft
    >>> fft.fft2(T.zeros((4, 6))).type.shape
    (4, 6)
    """
    return transform(x, s, axes, norm, False, "fft2")


def ifft2(x, s=None, axes=(-2, -1), norm=None):
    """Return the inverse Fourier transform along two axes.

    Parameters
    ----------
    x : Variable or array_like
    s : sequence of int and 0-d variables, optional
        The sizes of the axes: each is cut off there, or padded with zeros.
    axes : sequence of int
    norm : {None, "backward", "ortho", "forward"}
        Which of the two transforms is divided by the size: backward, which is None, or forward.
        With "ortho" both are divided by its root.

    Returns
    -------
    Variable, complex

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> from cytensor.tensor import fft
    >>> fft.ifft2(T.zeros((4, 6))).type.shape
    (4, 6)
    """
    return transform(x, s, axes, norm, True, "ifft2")


def rfft2(x, s=None, axes=(-2, -1), norm=None):
    """Return half of the Fourier transform of real numbers along two axes.

    Parameters
    ----------
    x : Variable or array_like
    s : sequence of int and 0-d variables, optional
        The sizes of the axes: each is cut off there, or padded with zeros.
    axes : sequence of int
    norm : {None, "backward", "ortho", "forward"}
        Which of the two transforms is divided by the size: backward, which is None, or forward.
        With "ortho" both are divided by its root.

    Returns
    -------
    Variable, complex
        The last of the axes has ``n // 2 + 1`` entries.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> from cytensor.tensor import fft
    >>> fft.rfft2(T.zeros((4, 6))).type.shape
    (4, 4)
    """
    return real_transform(x, s, axes, norm, "rfft2")


def irfft2(x, s=None, axes=(-2, -1), norm=None):
    """Return the real numbers of which ``rfft2`` gives ``x``.

    Parameters
    ----------
    x : Variable or array_like
    s : sequence of int and 0-d variables, optional
        The sizes of the axes: each is cut off there, or padded with zeros.
    axes : sequence of int
    norm : {None, "backward", "ortho", "forward"}
        Which of the two transforms is divided by the size: backward, which is None, or forward.
        With "ortho" both are divided by its root.

    Returns
    -------
    Variable
        By default the last of the axes has ``2 * (m - 1)`` entries for m of ``x``.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> from cytensor.tensor import fft
    >>> fft.irfft2(T.zeros((4, 6))).type.shape
    (4, 10)
    """
    return real_inverse(x, s, axes, norm, "irfft2")
