"""Diagonals: taking them out of arrays, and making arrays of them."""
from cytensor.ops import elementwise as ew
from cytensor.ops.axes import moveaxis
from cytensor.ops.gather import scatter_set
from cytensor.ops.generate import counted, filled
from cytensor.ops.registry import (
    common_dtype, dtype_of, is_weak, normal_axis, structured, to_dtype)
from cytensor.ops.views import as_size, as_tensor_variable, sizes_of, specified


def _diagonal_sizes(S, shapes, inputs, *, offset, axis1, axis2):
    sizes, = shapes
    rows, columns = sizes[axis1], sizes[axis2]
    if offset < 0:
        rows = S.max(rows - -offset, 0)
    elif offset > 0:
        columns = S.max(columns - offset, 0)
    rest = [n for axis, n in enumerate(sizes) if axis not in (axis1, axis2)]
    return (*rest, S.min(rows, columns))


def _diagonal_vjp(g, out, x, *, offset, axis1, axis2):
    """Zeros in the shape of ``x``, but ``g`` on the diagonal."""
    sizes = sizes_of(x)
    ends = [sizes.pop(max(axis1, axis2)), sizes.pop(min(axis1, axis2))]
    rows, columns = ends if axis1 > axis2 else ends[::-1]
    blank = filled(0, [rows, columns, *sizes], g.dtype)
    i, j = _places(sizes_of(out)[-1], offset)
    written = scatter_set(blank, moveaxis(g, -1, 0), i, j)
    return (moveaxis(written, (0, 1), (axis1, axis2)),)


def _places(n, offset):
    """Row and column numbers of the n elements of a diagonal."""
    i = counted(n)
    return (i - offset, i) if offset < 0 else (i, i + offset) if offset else (i, i)


diagonal_op = structured(
    "diagonal", dtype_of(0), _diagonal_sizes, _diagonal_vjp, kind="view",
    doc="A diagonal of two axes; it becomes the last axis.")


def diagonal(x, offset=0, axis1=0, axis2=1):
    """Return a diagonal of two axes.

    Parameters
    ----------
    x : Variable, with at least two axes
    offset : int
        0 is the main diagonal; those above are positive.
    axis1, axis2 : int
        The axes of rows and of columns.

    Returns
    -------
    Variable
        Without the two axes; the diagonal is its last axis.

    Raises
    ------
    ValueError
        If the two axes are one, or ``x`` has fewer than two.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> T.diagonal(T.zeros((2, 3, 4)), 1).type.shape
    (4, 2)
    """
    x = as_tensor_variable(x)
    if x.type.ndim < 2:
        raise ValueError(f"diagonal: at least two axes are needed, not {x.type.ndim}")
    axis1 = normal_axis(axis1, x.type.ndim, "diagonal")
    axis2 = normal_axis(axis2, x.type.ndim, "diagonal")
    if axis1 == axis2:
        raise ValueError("diagonal: axis1 and axis2 must differ")
    return diagonal_op(x, offset=offset.__index__(), axis1=axis1, axis2=axis2)


def extract_diag(x, offset=0, axis1=0, axis2=1):
    """Return a diagonal of two axes; another name of ``diagonal``.

    Parameters
    ----------
    x : Variable, with at least two axes
    offset, axis1, axis2 : int

    Returns
    -------
    Variable

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> T.extract_diag(T.matrix("x")).type
    TensorType(float64, vector)
    """
    return diagonal(x, offset, axis1, axis2)


def alloc_diag(x, offset=0, axis1=0, axis2=1):
    """Make an array of zeros with ``x`` on a diagonal.

    Parameters
    ----------
    x : Variable, shape (..., n)
        Its last axis becomes the diagonal.
    offset : int
        0 is the main diagonal; those above are positive.
    axis1, axis2 : int
        Where the axes of rows and of columns stand in the result.

    Returns
    -------
    Variable
        With two axes of size ``n + abs(offset)`` in place of the last.

    Raises
    ------
    ValueError
        If ``x`` is 0-d.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> T.alloc_diag(T.zeros(3), 1).type.shape
    (4, 4)
    """
    x = as_tensor_variable(x)
    if x.type.ndim == 0:
        raise ValueError("alloc_diag: at least one axis is needed")
    axis1 = normal_axis(axis1, x.type.ndim + 1, "alloc_diag")
    axis2 = normal_axis(axis2, x.type.ndim + 1, "alloc_diag")
    *rest, n = sizes_of(x)
    m = n + abs(offset) if offset else n
    i, j = _places(n, offset)
    written = scatter_set(filled(0, [m, m, *rest], x.type.dtype), moveaxis(x, -1, 0), i, j)
    return moveaxis(written, (0, 1), (axis1, axis2))


def diag(x, k=0):
    """Return a diagonal of a matrix, or the matrix that has a vector on a diagonal.

    Parameters
    ----------
    x : Variable, 1-d or 2-d
    k : int
        0 is the main diagonal; those above are positive.

    Returns
    -------
    Variable

    Raises
    ------
    ValueError
        If ``x`` is neither a vector nor a matrix.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> T.diag(T.vector("x")).type
    TensorType(float64, matrix)
    """
    x = as_tensor_variable(x)
    if x.type.ndim == 1:
        return alloc_diag(x, k)
    if x.type.ndim == 2:
        return diagonal(x, k)
    raise ValueError(f"diag: a vector or a matrix is wanted, not {x!r} of type {x.type}")


def trace(x, offset=0, axis1=0, axis2=1):
    """Return the sum of a diagonal.

    Parameters
    ----------
    x : Variable, with at least two axes
    offset, axis1, axis2 : int

    Returns
    -------
    Variable
        Without the two axes.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> T.trace(T.matrix("x")).type
    TensorType(float64, scalar)
    """
    return diagonal(x, offset, axis1, axis2).sum(axis=-1)


# ----- writing to diagonals -----

def _fill_value(a, val, what):
    """Return what a diagonal is filled with as a 0-d variable in the dtype of ``a``."""
    val = val if is_weak(val) else as_tensor_variable(val)
    if not is_weak(val) and val.type.ndim != 0:
        raise TypeError(f"{what}: the value is 0-d, not {val.type.ndim}-d")
    dtype = common_dtype([a, val])
    if dtype != a.type.dtype:
        raise TypeError(f"{what}: the value does not fit into {a.type.dtype}; cast it")
    return to_dtype(val, dtype)


def fill_diagonal(a, val):
    """Return a copy of an array whose main diagonal has one value.

    Parameters
    ----------
    a : Variable, with at least two axes
        With more than two, all have one size.
    val : number or 0-d variable

    Returns
    -------
    Variable

    Raises
    ------
    TypeError
        If ``a`` has fewer axes, or ``val`` is not 0-d or does not fit into the dtype of ``a``.
    ValueError
        If ``a`` has more than two axes, and they differ in size, now or in the run.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> T.fill_diagonal(T.zeros((2, 3)), 7).eval()
    array([[7., 0., 0.],
           [0., 7., 0.]])
    """
    a = as_tensor_variable(a)
    if a.type.ndim < 2:
        raise TypeError(f"fill_diagonal: an array with at least two axes is wanted, "
                        f"not {a.type.ndim}")
    val = _fill_value(a, val, "fill_diagonal")
    sizes = sizes_of(a)
    if a.type.ndim > 2:
        a = specified(a, [sizes[0]] * len(sizes), "fill_diagonal")
        n = sizes[0]
    else:
        n = _smaller(*sizes)
    return scatter_set(a, val, *[counted(n)] * len(sizes))


def _smaller(n, m):
    return min(n, m) if type(n) is type(m) is int else ew.minimum(n, m)


def fill_diagonal_offset(a, val, offset):
    """Return a copy of a matrix of which one diagonal has one value.

    Parameters
    ----------
    a : Variable, 2-d
    val : number or 0-d variable
    offset : int or 0-d integer variable
        0 is the main diagonal; those above are positive.

    Returns
    -------
    Variable

    Raises
    ------
    TypeError
        If ``a`` is no matrix, ``val`` is not 0-d or does not fit into its dtype, or ``offset`` is
        no 0-d integer.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> T.fill_diagonal_offset(T.zeros((2, 3)), 7, 1).eval()
    array([[0., 7., 0.],
           [0., 0., 7.]])
    """
    a = as_tensor_variable(a)
    if a.type.ndim != 2:
        raise TypeError(f"fill_diagonal_offset: a matrix is wanted, not {a.type.ndim}-d")
    val = _fill_value(a, val, "fill_diagonal_offset")
    offset = as_size(offset, "fill_diagonal_offset: the offset")
    rows, columns = sizes_of(a)
    first = ew.maximum(0 - offset, 0), ew.maximum(offset, 0)
    count = ew.maximum(ew.minimum(rows - first[0], columns - first[1]), 0)
    return scatter_set(a, val, *[counted(count) + place for place in first])
