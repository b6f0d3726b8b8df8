"""Matrices told by their diagonals: units, triangles."""
from cytensor.ops import elementwise as ew
from cytensor.ops.axes import permuted
from cytensor.ops.generate import counted, dtype_or_floatX
from cytensor.ops.registry import scalar_like, to_dtype
from cytensor.ops.views import as_tensor_variable, sizes_of


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
    return to_dtype(ew.eq(rows, columns), dtype_or_floatX(dtype))


def _row_and_column(n, m, k):
    """Row numbers plus ``k`` as a column, and column numbers as a row."""
    rows = permuted(counted(n), (0, -1))
    if type(k) is not int or k != 0:
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
    return to_dtype(ew.ge(rows, columns), dtype_or_floatX(dtype))


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
    return ew.switch(ew.ge(rows, columns), x, scalar_like(0, x.type.dtype))


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
    return ew.switch(ew.le(rows, columns), x, scalar_like(0, x.type.dtype))
