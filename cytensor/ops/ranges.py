"""Evenly spaced values, and grids of them."""
import math

import numpy as np

from cytensor import config
from cytensor._core import Variable
from cytensor.ops import elementwise as ew
from cytensor.ops.axes import permuted
from cytensor.ops.generate import counted
from cytensor.ops.registry import KIND, cast, common_dtype, is_weak, promote, to_dtype
from cytensor.ops.views import as_tensor_variable, sizes_of, spread

# ----- ranges -----

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
        out = out * _rounded_step(start, step, work)
    if not _is_number(start, 0):
        out = to_dtype(start, work) + out
    return to_dtype(out, dtype)


def _rounded_step(start, step, dtype):
    """The step as NumPy takes it: what lies between the first two values."""
    start, step = to_dtype(start, dtype), to_dtype(step, dtype)
    return step if KIND[dtype] == "i" else (start + step) - start


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
    own = common_dtype([*bounds, 1.0])
    if not any([isinstance(x, Variable) for x in bounds]):
        own = config.floatX
    common = promote(own, "float32")
    start, stop = [to_dtype(x, common) for x in bounds]
    steps = num - 1 if endpoint else num
    steps = max(steps, 1) if type(steps) is int else ew.maximum(steps, 1)
    place = counted(num, common)
    out = start + place * ((stop - start) / to_dtype(steps, common))
    if endpoint:                            # the last value exactly, whatever was rounded
        out = ew.switch(ew.eq(place, to_dtype(steps, common)), stop, out)
    return to_dtype(out, own if dtype is None else np.dtype(dtype).name)


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


class _Grid:
    """Makes the coordinates of a grid from slices in square brackets."""

    def __init__(self, sparse):
        self._sparse = sparse

    def __getitem__(self, key):
        parts = key if isinstance(key, tuple) else (key,)
        axes = [_grid_axis(part) for part in parts]
        grids = meshgrid(*axes, indexing="ij", sparse=self._sparse)
        return grids if isinstance(key, tuple) else grids[0]


def _grid_axis(part):
    if not isinstance(part, slice) or part.stop is None:
        raise IndexError(f"a grid is made of slices with an end, not {part!r}")
    start = 0 if part.start is None else part.start
    if isinstance(part.step, complex):      # NumPy's way to give the number of points
        return linspace(start, part.stop, int(abs(part.step)))
    return arange(start, part.stop, 1 if part.step is None else part.step)


#: ``mgrid[0:2, 0:3]`` is a list of one matrix for each axis: the coordinates of a grid.
mgrid = _Grid(sparse=False)
#: The same, but each keeps size 1 on the axes along which it does not change.
ogrid = _Grid(sparse=True)
