"""Fourier transforms of real numbers, with pairs of real numbers for complex ones, as in Theano."""
from cytensor.ops import elementwise as ew
from cytensor.ops.fourier import as_real, irfftn_op, rfftn_op
from cytensor.ops.joining import stack
from cytensor.ops.views import as_size, sizes_of

_PAIR_SCALES = {None: ("none", "size"), "ortho": ("root", "root"), "no_norm": ("none", "none")}


def _pair_scale(norm, inverse):
    if norm not in _PAIR_SCALES:
        raise ValueError(f"Invalid value {norm!r} for norm: it is None, 'ortho' or 'no_norm'")
    return _PAIR_SCALES[norm][inverse]


def rfft_pairs(x, norm=None):
    """Return half of the Fourier transform of real numbers, along all axes but the first.

    Parameters
    ----------
    x : Variable or array_like, shape (batch, ..., n)
    norm : {None, "ortho", "no_norm"}
        Only "ortho" divides: by the root of the size.

    Returns
    -------
    Variable, shape (batch, ..., n // 2 + 1, 2)
        Real and imaginary parts along the last axis.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> from cytensor.tensor import fft
    >>> fft.rfft_pairs(T.zeros((3, 8))).type.shape
    (3, 5, 2)
    """
    scale = _pair_scale(norm, False)
    x = as_real(x, "rfft")
    if x.type.ndim < 2:
        raise TypeError(f"rfft: at least two axes, of which the first is a batch, "
                        f"not {x.type.ndim}")
    found = rfftn_op(x, axes=tuple(range(1, x.type.ndim)), scale=scale)
    return stack([ew.real(found), ew.imag(found)], axis=-1)


def irfft_pairs(x, norm=None, is_odd=False):
    """Return the real numbers of which ``rfft_pairs`` gives ``x``.

    Parameters
    ----------
    x : Variable or array_like, shape (batch, ..., m, 2)
    norm : {None, "ortho", "no_norm"}
        What ``rfft_pairs`` got. "no_norm" never divides, so that the result is too large by the
        size.
    is_odd : bool
        Whether the last axis of the result has an odd size.

    Returns
    -------
    Variable, shape (batch, ..., n)
        n is ``2 * (m - 1)``, plus 1 with ``is_odd``.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> from cytensor.tensor import fft
    >>> fft.irfft_pairs(T.zeros((3, 5, 2)), is_odd=True).type.shape
    (3, 9)
    """
    if is_odd not in (True, False):
        raise ValueError(f"Invalid value {is_odd!r} for is_odd: it is True or False")
    scale = _pair_scale(norm, True)
    x = as_real(x, "irfft")
    if x.type.ndim < 3:
        raise TypeError("irfft: at least three axes, of which the first is a batch, and the last "
                        f"has real and imaginary parts, not {x.type.ndim}")
    n = 2 * (sizes_of(x)[-2] - 1) + int(is_odd)
    whole = ew.make_complex(x[..., 0], x[..., 1])
    return irfftn_op(whole, as_size(n), axes=tuple(range(1, whole.type.ndim)), scale=scale)
