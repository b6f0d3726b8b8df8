"""Functions of numbers that are composed of elementwise ops."""
from cytensor.ops import elementwise as ew
from cytensor.ops.reduce import all as all_
from cytensor.ops.select import nonzero
from cytensor.ops.views import as_tensor_variable

_ROUNDINGS = {"half_to_even": ew.round_half_to_even,
              "half_away_from_zero": ew.round_half_away_from_zero}


def round(x, mode="half_to_even", decimals=0):
    """Round to whole numbers, or to some decimals.

    Parameters
    ----------
    x : Variable
    mode : {'half_to_even', 'half_away_from_zero'}, or int
        Where a half goes. An int is taken as ``decimals``, as in NumPy.
    decimals : int

    Returns
    -------
    Variable

    Raises
    ------
    ValueError
        If the mode is not known.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> T.round(T.fvector("x")).type
    TensorType(float32, vector)
    """
    if isinstance(mode, int):
        mode, decimals = "half_to_even", mode
    if mode not in _ROUNDINGS:
        raise ValueError(f"round: mode is one of {', '.join(map(repr, _ROUNDINGS))}, "
                         f"not {mode!r}")
    if decimals == 0:
        return _ROUNDINGS[mode](x)
    scale = 10.0 ** abs(decimals)
    x = as_tensor_variable(x)
    if decimals < 0:
        return _ROUNDINGS[mode](x / scale) * scale
    return _ROUNDINGS[mode](x * scale) / scale


def where(condition, x=None, y=None):
    """Choose between two values by a condition; alone, the condition's places are returned.

    Parameters
    ----------
    condition : Variable or array_like
    x, y : Variable or array_like, optional
        What to take where the condition is true, and where it is not.

    Returns
    -------
    Variable, or tuple of Variable
        With the condition alone, ``nonzero(condition)``.

    Raises
    ------
    TypeError
        If only one of ``x`` and ``y`` is given.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> x = T.fvector("x")
    >>> T.where(x > 0, x, 0).type
    TensorType(float32, vector)
    """
    if x is None and y is None:
        return nonzero(condition)
    if x is None or y is None:
        raise TypeError("where: give both x and y, or neither")
    return ew.switch(condition, x, y)


def default(x, value):
    """Return ``x``, or another value if it is None.

    Parameters
    ----------
    x : Variable, array_like or None
    value : Variable or array_like

    Returns
    -------
    Variable

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> T.default(None, 2).eval()
    array(2)
    """
    return as_tensor_variable(value if x is None else x)


def cast(x, dtype):
    """Convert to another dtype.

    Parameters
    ----------
    x : Variable or array_like
    dtype : str

    Returns
    -------
    Variable
        ``x`` itself, if it has the dtype already.

    Raises
    ------
    TypeError
        If ``x`` is complex and ``dtype`` is not.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> T.cast(T.fvector("x"), "float64").type
    TensorType(float64, vector)
    """
    return as_tensor_variable(x).astype(dtype)


def divmod(x, y):
    """Return the quotient rounded down, and the remainder.

    Parameters
    ----------
    x, y : Variable or array_like

    Returns
    -------
    tuple of Variable

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> [out.type for out in T.divmod(T.lscalar("x"), 3)]
    [TensorType(int64, scalar), TensorType(int64, scalar)]
    """
    return ew.floor_div(x, y), ew.mod(x, y)


def allclose(a, b, rtol=1e-5, atol=1e-8, equal_nan=False):
    """Test whether all elements of two arrays are close.

    Parameters
    ----------
    a, b : Variable or array_like
    rtol, atol : float
        Relative and absolute tolerance.
    equal_nan : bool
        Whether NaN is close to NaN.

    Returns
    -------
    Variable, 0-d bool

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> T.allclose(T.vector("a"), T.vector("b")).type
    TensorType(bool, scalar)
    """
    return all_(ew.isclose(a, b, rtol, atol, equal_nan))
