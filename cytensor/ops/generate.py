"""Arrays out of nothing: filled with one value, or counting up."""
import numpy as np

from cytensor import config
from cytensor.ops.registry import KIND, cast, is_weak, scalar_like, structured, to_dtype
from cytensor.ops.views import as_size, as_sizes, as_tensor_variable, sizes_of, spread

# ----- filled with one value -----

def filled(value, sizes, dtype):
    """Return an array of one Python number; ``sizes`` holds ints and 0-d variables."""
    return spread(scalar_like(value, dtype), sizes)


def dtype_or_floatX(dtype):
    """Return the name of a dtype; by default ``config.floatX``."""
    return config.floatX if dtype is None else np.dtype(dtype).name


def alloc(value, *shape):
    """Make an array of a given shape from a value, repeating it as needed.

    Parameters
    ----------
    value : Variable or array_like
        Broadcasts to ``shape``.
    *shape : ints and 0-d variables, or one sequence of them

    Returns
    -------
    Variable

    Raises
    ------
    ValueError
        If ``value`` does not broadcast to ``shape``.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> T.alloc(T.vector("x"), 2, 3).type.shape
    (2, 3)
    """
    if len(shape) == 1:
        shape, = shape
    return spread(as_tensor_variable(value), as_sizes(shape, "alloc"))


def full(shape, fill_value, dtype=None):
    """Make an array of one value.

    Parameters
    ----------
    shape : int, sequence of ints and 0-d variables, or integer vector
    fill_value : Variable or number
    dtype : str, optional
        By default that of ``fill_value``.

    Returns
    -------
    Variable

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> T.full((2, 3), 7).type
    TensorType(int64, (2, 3))
    """
    value = as_tensor_variable(fill_value)
    value = value if dtype is None else to_dtype(value, np.dtype(dtype).name)
    return spread(value, as_sizes(shape, "full"))


def zeros(shape, dtype=None):
    """Make an array of zeros.

    Parameters
    ----------
    shape : int, sequence of ints and 0-d variables, or integer vector
    dtype : str, optional
        By default ``config.floatX``.

    Returns
    -------
    Variable

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> T.zeros((2, T.iscalar("n"))).type
    TensorType(float64, (2, None))
    """
    return filled(0, as_sizes(shape, "zeros"), dtype_or_floatX(dtype))


def ones(shape, dtype=None):
    """Make an array of ones.

    Parameters
    ----------
    shape : int, sequence of ints and 0-d variables, or integer vector
    dtype : str, optional
        By default ``config.floatX``.

    Returns
    -------
    Variable

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> T.ones(3, dtype="int8").type
    TensorType(int8, (3,))
    """
    return filled(1, as_sizes(shape, "ones"), dtype_or_floatX(dtype))


def empty(shape, dtype=None):
    """Make an array whose content is not promised; it is zeros.

    Parameters
    ----------
    shape : int, sequence of ints and 0-d variables, or integer vector
    dtype : str, optional
        By default ``config.floatX``.

    Returns
    -------
    Variable

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> T.empty((2, 3)).type.shape
    (2, 3)
    """
    return zeros(shape, dtype)


def full_like(x, fill_value, dtype=None):
    """Make an array of one value, in the shape of ``x``.

    Parameters
    ----------
    x : Variable
    fill_value : Variable or number
    dtype : str, optional
        By default that of ``x``.

    Returns
    -------
    Variable

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> T.full_like(T.fmatrix("x"), 7).type
    TensorType(float32, matrix)
    """
    x = as_tensor_variable(x)
    dtype = x.type.dtype if dtype is None else np.dtype(dtype).name
    value = fill_value if is_weak(fill_value) else as_tensor_variable(fill_value)
    return spread(to_dtype(value, dtype), sizes_of(x))


def zeros_like(x, dtype=None):
    """Make an array of zeros in the shape of ``x``.

    Parameters
    ----------
    x : Variable
    dtype : str, optional
        By default that of ``x``.

    Returns
    -------
    Variable

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> T.zeros_like(T.fmatrix("x")).type
    TensorType(float32, matrix)
    """
    return full_like(x, 0, dtype)


def ones_like(x, dtype=None):
    """Make an array of ones in the shape of ``x``.

    Parameters
    ----------
    x : Variable
    dtype : str, optional
        By default that of ``x``.

    Returns
    -------
    Variable

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> T.ones_like(T.fmatrix("x")).type
    TensorType(float32, matrix)
    """
    return full_like(x, 1, dtype)


def empty_like(x, dtype=None):
    """Make an array in the shape of ``x`` whose content is not promised; it is zeros.

    Parameters
    ----------
    x : Variable
    dtype : str, optional
        By default that of ``x``.

    Returns
    -------
    Variable

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> T.empty_like(T.fmatrix("x")).type
    TensorType(float32, matrix)
    """
    return zeros_like(x, dtype)


def second(a, b):
    """Return ``b`` repeated to the shape of ``a``.

    Parameters
    ----------
    a : Variable
        Only its shape is used.
    b : Variable or array_like
        Broadcasts to the shape of ``a``.

    Returns
    -------
    Variable
        In the dtype of ``b``.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> T.second(T.matrix("a"), T.iscalar("b")).type
    TensorType(int32, matrix)
    """
    return spread(as_tensor_variable(b), sizes_of(as_tensor_variable(a)))


def fill(a, b):
    """Return ``b`` repeated to the shape of ``a``; another name of ``second``.

    Parameters
    ----------
    a : Variable
    b : Variable or array_like

    Returns
    -------
    Variable

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> T.fill(T.matrix("a"), T.iscalar("b")).type
    TensorType(int32, matrix)
    """
    return second(a, b)

# ----- counting -----

def _iota_sizes(S, shapes, inputs, *, dtype):
    n = S.value(inputs[0])
    S.check(S.lt(-1, n), "negative dimensions are not allowed: {a}", a=n)
    return (n,)


iota = structured(
    "iota", lambda n, *, dtype: dtype, _iota_sizes, lambda g, out, n, *, dtype: (None,),
    kind="iota",
    coerce=lambda inputs, params: [as_size(n) for n in inputs], doc="0, 1, .., n - 1.")


def counted(n, dtype="int64"):
    """Return 0, 1, .., n - 1; ``n`` is an int or a 0-d variable."""
    if KIND[dtype] == "c" or dtype in ("bool", "float16"):      # what no counter counts in
        return cast(iota(as_size(n), dtype="int64"), dtype=dtype)
    return iota(as_size(n), dtype=dtype)
