"""Arrays that are made from numbers: constants, ranges, grids, unit matrices."""
import math

import numpy as np

from cytensor import config
from cytensor._core import Variable
from cytensor.ops import elementwise as ew
from cytensor.ops.axes import permuted
from cytensor.ops.registry import (
    KIND, as_variable, cast, common_dtype, is_weak, promote, scalar_like, structured, to_dtype)
from cytensor.ops.views import (
    as_size, as_sizes, as_tensor_variable, known_size, padded_left, sizes_of, spread)

# ----- filled with one value -----

def filled(value, sizes, dtype):
    """Return an array of one Python number; ``sizes`` holds ints and 0-d variables."""
    return spread(scalar_like(value, dtype), sizes)


def _dtype(dtype):
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
    return filled(0, as_sizes(shape, "zeros"), _dtype(dtype))


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
    return filled(1, as_sizes(shape, "ones"), _dtype(dtype))


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


# ----- ranges -----

def _iota_sizes(S, shapes, inputs, *, dtype):
    n = S.value(inputs[0])
    S.check(S.lt(-1, n), "negative dimensions are not allowed: {a}", a=n)
    return (n,)


iota = structured(
    "iota", lambda n, *, dtype: dtype, _iota_sizes, kind="iota",
    coerce=lambda inputs, params: [as_size(n) for n in inputs], doc="0, 1, .., n - 1.")


def counted(n, dtype="int64"):
    """Return 0, 1, .., n - 1; ``n`` is an int or a 0-d variable."""
    return iota(as_size(n), dtype=dtype)


def arange(start, stop=None, step=1, dtype=None):
    """Return evenly spaced values, ``stop`` excluded.

    Parameters
    ----------
    start, stop, step : number or 0-d variable
        With one argument, it is ``stop``, and ``start`` is 0.
    dtype : str, optional
        By default int64 for integers of any width; else that of the floats given, where Python
        floats alone give ``config.floatX``.

    Returns
    -------
    Variable, 1-d

    Raises
    ------
    TypeError
        If an argument is not 0-d, or complex.
    ZeroDivisionError
        If ``step`` is the Python number 0.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> T.arange(2, 8, 3).type
    TensorType(int64, (2,))
    """
    if stop is None:
        start, stop = 0, start
    bounds = [_bound(x) for x in (start, stop, step)]
    common = _arange_dtype(bounds)
    dtype = common if dtype is None else np.dtype(dtype).name
    n = _arange_length(*bounds, common)
    work = "float32" if promote(common, dtype) == "float16" else promote(common, dtype)
    start, _, step = bounds
    out = counted(n, work)
    if not _is_number(step, 1):
        out = out * to_dtype(step, work)
    if not _is_number(start, 0):
        out = to_dtype(start, work) + out
    return to_dtype(out, dtype)


def _is_number(x, value):
    return not isinstance(x, Variable) and x == value


def _bound(x):
    """Return an argument of arange as a Python number or a 0-d variable."""
    if is_weak(x):
        return x
    x = as_tensor_variable(x)
    if x.type.ndim != 0 or KIND[x.type.dtype] not in "biuf":
        raise TypeError(f"arange: 0-d real numbers are wanted, not {x!r} of type {x.type}")
    return to_dtype(x, "int64") if KIND[x.type.dtype] in "biu" else x


def _arange_dtype(bounds):
    if all([isinstance(x, float) or type(x) is int for x in bounds]):
        return config.floatX if any([isinstance(x, float) for x in bounds]) else "int64"
    return common_dtype(bounds)


def _arange_length(start, stop, step, dtype):
    """The number of values, ``ceil((stop - start) / step)`` or 0."""
    if not any([isinstance(x, Variable) for x in (start, stop, step)]):
        whole = all([type(x) is int for x in (start, stop, step)])
        return max(0, -((start - stop) // step) if whole else math.ceil((stop - start) / step))
    if KIND[dtype] == "i" and _is_number(step, 1):
        n = stop if _is_number(start, 0) else stop - start
    elif KIND[dtype] == "i":
        n = 0 - (start - stop) // step
    else:
        n = cast(ew.ceil(ew.true_div(stop - start, step)), dtype="int64")
    return ew.maximum(n, 0)


def linspace(start, stop, num=50, endpoint=True, dtype=None):
    """Return ``num`` evenly spaced values from ``start`` to ``stop``.

    Parameters
    ----------
    start, stop : number or 0-d variable
    num : int or 0-d integer variable
    endpoint : bool
        Whether ``stop`` is the last value.
    dtype : str, optional
        By default the floats' common dtype; ``config.floatX`` for Python numbers.

    Returns
    -------
    Variable, shape (num,)

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> T.linspace(0, 1, 5).type
    TensorType(float64, (5,))
    """
    bounds = [_bound(x) for x in (start, stop)]
    common = promote(common_dtype([*bounds, 1.0]), "float32")
    if not any([isinstance(x, Variable) for x in bounds]):
        common = promote(config.floatX, "float32")
    start, stop = [to_dtype(x, common) for x in bounds]
    steps = num - 1 if endpoint else num
    steps = max(steps, 1) if type(steps) is int else ew.maximum(steps, 1)
    place = counted(num, common)
    out = start + place * ((stop - start) / to_dtype(steps, common))
    if endpoint:                            # the last value exactly, whatever was rounded
        out = ew.switch(ew.eq(place, to_dtype(steps, common)), stop, out)
    return to_dtype(out, common if dtype is None else np.dtype(dtype).name)


def logspace(start, stop, num=50, endpoint=True, base=10.0, dtype=None):
    """Return ``num`` values from ``base**start`` to ``base**stop``, evenly spaced on a log scale.

    Parameters
    ----------
    start, stop : number or 0-d variable
        Exponents.
    num : int or 0-d integer variable
    endpoint : bool
        Whether ``base**stop`` is the last value.
    base : number or 0-d variable
    dtype : str, optional

    Returns
    -------
    Variable, shape (num,)

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> T.logspace(0, 2, 3).type
    TensorType(float64, (3,))
    """
    out = ew.pow(base, linspace(start, stop, num, endpoint))
    return out if dtype is None else to_dtype(out, np.dtype(dtype).name)


# ----- grids -----

def meshgrid(*xs, indexing="xy", sparse=False):
    """Return the coordinates of a grid from those on its axes.

    Parameters
    ----------
    *xs : Variable, 0-d or 1-d
    indexing : {'xy', 'ij'}
        With 'xy', the first two axes of the results are exchanged.
    sparse : bool
        Whether each result keeps size 1 on the axes along which it does not change.

    Returns
    -------
    list of Variable

    Raises
    ------
    ValueError
        If ``indexing`` is something else, or an argument has more than one axis.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> [x.type.shape for x in T.meshgrid(T.arange(2), T.arange(3))]
    [(3, 2), (3, 2)]
    """
    if indexing not in ("xy", "ij"):
        raise ValueError(f"meshgrid: indexing is 'xy' or 'ij', not {indexing!r}")
    ndim, grids = len(xs), []
    for i, x in enumerate(xs):
        x = as_tensor_variable(x)
        if x.type.ndim > 1:
            raise ValueError(f"meshgrid: argument {i} has {x.type.ndim} axes, not one")
        axis = 1 - i if indexing == "xy" and ndim > 1 and i < 2 else i
        order = [-1] * ndim
        if x.type.ndim:
            order[axis] = 0
        grids.append(permuted(x, order))
    if sparse or ndim < 2:
        return grids
    sizes = [sizes_of(next(g for g in grids if _varies(g, axis, grids)))[axis]
             for axis in range(ndim)]
    return [spread(g, sizes) for g in grids]


def _varies(grid, axis, grids):
    """Whether ``grid`` says how long an axis is: its size is not 1, or all are."""
    return grid.type.shape[axis] != 1 or all([g.type.shape[axis] == 1 for g in grids])


def eye(n, m=None, k=0, dtype=None):
    """Return a matrix with ones on a diagonal and zeros elsewhere.

    Parameters
    ----------
    n : int or 0-d integer variable
        Rows.
    m : int or 0-d integer variable, optional
        Columns; by default ``n``.
    k : int or 0-d integer variable
        The diagonal: 0 is the main one, those above are positive.
    dtype : str, optional
        By default ``config.floatX``.

    Returns
    -------
    Variable, shape (n, m)

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> T.eye(2, 3).type
    TensorType(float64, (2, 3))
    """
    rows, columns = _row_and_column(n, n if m is None else m, k)
    return to_dtype(ew.eq(rows, columns), _dtype(dtype))


def _row_and_column(n, m, k):
    """Row numbers plus ``k`` as a column, and column numbers as a row."""
    rows = permuted(counted(n), (0, -1))
    if not _is_number(k, 0):
        rows = rows + k
    return rows, permuted(counted(m), (-1, 0))


def identity(n, dtype=None):
    """Return the unit matrix.

    Parameters
    ----------
    n : int or 0-d integer variable
    dtype : str, optional
        By default ``config.floatX``.

    Returns
    -------
    Variable, shape (n, n)

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> T.identity(3).type.shape
    (3, 3)
    """
    return eye(n, dtype=dtype)


def identity_like(x):
    """Return ones on the main diagonal, in the shape and dtype of a matrix.

    Parameters
    ----------
    x : Variable, 2-d

    Returns
    -------
    Variable

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> T.identity_like(T.fmatrix("x")).type
    TensorType(float32, matrix)
    """
    x = as_tensor_variable(x)
    rows, columns = _matrix_sizes(x, "identity_like")
    return eye(rows, columns, dtype=x.type.dtype)


def _matrix_sizes(x, what):
    if x.type.ndim < 2:
        raise ValueError(f"{what}: a matrix is wanted, not {x!r} of type {x.type}")
    return sizes_of(x)[-2:]


def tri(n, m=None, k=0, dtype=None):
    """Return a matrix with ones at and below a diagonal and zeros elsewhere.

    Parameters
    ----------
    n : int or 0-d integer variable
        Rows.
    m : int or 0-d integer variable, optional
        Columns; by default ``n``.
    k : int or 0-d integer variable
        The diagonal: 0 is the main one, those above are positive.
    dtype : str, optional
        By default ``config.floatX``.

    Returns
    -------
    Variable, shape (n, m)

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> T.tri(2, 3).type.shape
    (2, 3)
    """
    rows, columns = _row_and_column(n, n if m is None else m, k)
    return to_dtype(ew.ge(rows, columns), _dtype(dtype))


def tril(x, k=0):
    """Return ``x`` with zeros above a diagonal.

    Parameters
    ----------
    x : Variable, shape (..., n, m)
    k : int or 0-d integer variable
        The diagonal: 0 is the main one, those above are positive.

    Returns
    -------
    Variable, shape (..., n, m)

    Raises
    ------
    ValueError
        If ``x`` has fewer than two axes.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> T.tril(T.fmatrix("x")).type
    TensorType(float32, matrix)
    """
    x = as_tensor_variable(x)
    rows, columns = _row_and_column(*_matrix_sizes(x, "tril"), k)
    return ew.switch(ew.ge(rows, columns), x, 0)


def triu(x, k=0):
    """Return ``x`` with zeros below a diagonal.

    Parameters
    ----------
    x : Variable, shape (..., n, m)
    k : int or 0-d integer variable
        The diagonal: 0 is the main one, those above are positive.

    Returns
    -------
    Variable, shape (..., n, m)

    Raises
    ------
    ValueError
        If ``x`` has fewer than two axes.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> T.triu(T.fmatrix("x")).type
    TensorType(float32, matrix)
    """
    x = as_tensor_variable(x)
    rows, columns = _row_and_column(*_matrix_sizes(x, "triu"), k)
    return ew.switch(ew.le(rows, columns), x, 0)
