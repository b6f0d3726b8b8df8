"""Between places along axes and places in the array taken as a vector."""
from cytensor.ops import elementwise as ew
from cytensor.ops.bounds import bounded_op
from cytensor.ops.registry import KIND, to_dtype
from cytensor.ops.views import as_size, as_sizes, as_tensor_variable, product


def _indices(x, what):
    x = as_tensor_variable(x)
    if KIND[x.type.dtype] not in "iu":
        raise TypeError(f"{what}: indices are integers, not {x.type.dtype}")
    return to_dtype(x, "int64")


def _check_order(order, what):
    if order not in ("C", "F"):
        raise ValueError(f"{what}: order is 'C' or 'F', not {order!r}")


def _inside(x, n, mode):
    """Return indices along an axis of size ``n`` made to lie within it as ``mode`` says."""
    if mode == "raise":
        return bounded_op(x, as_size(n), what="ravel_multi_index")
    if mode == "wrap":
        return ew.mod(x, as_size(n))
    return ew.clip(x, 0, as_size(n) - 1)


def _modes(mode, count):
    modes = list(mode) if isinstance(mode, list | tuple) else [mode] * count
    if len(modes) != count:
        raise ValueError(f"ravel_multi_index: {len(modes)} modes for {count} axes")
    for m in modes:
        if m not in ("raise", "wrap", "clip"):
            raise ValueError("ravel_multi_index: mode is 'raise', 'wrap' or 'clip', "
                             f"not {m!r}")
    return modes


def ravel_multi_index(multi_index, dims, mode="raise", order="C"):
    """Return places in an array taken as a vector, from those along its axes.

    Parameters
    ----------
    multi_index : sequence of integer Variable or array_like
        One for each axis; they broadcast against each other.
    dims : sequence of ints and 0-d variables, or integer vector
        The shape of the array.
    mode : {'raise', 'wrap', 'clip'}, or one for each axis
        What an index out of bounds does. With 'clip', a negative index becomes 0.
    order : {'C', 'F'}
        Whether the last axis or the first one steps fastest.

    Returns
    -------
    Variable, int64

    Raises
    ------
    TypeError
        If ``multi_index`` is no sequence, or does not hold integers.
    ValueError
        If the numbers of axes differ, or, in the run, an index is out of bounds.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> T.ravel_multi_index(([0, 1], [2, 0]), (3, 4)).eval()
    array([2, 4])
    """
    _check_order(order, "ravel_multi_index")
    if not isinstance(multi_index, list | tuple):
        raise TypeError("ravel_multi_index: multi_index is a tuple or a list, "
                        f"not {multi_index!r}")
    parts = [_indices(x, "ravel_multi_index") for x in multi_index]
    sizes = as_sizes(dims, "ravel_multi_index", len(parts) if hasattr(dims, "type") else None)
    if len(sizes) != len(parts):
        raise ValueError(f"ravel_multi_index: parameter multi_index must be a sequence of length "
                         f"{len(sizes)}, not {len(parts)}")
    triples = list(zip(parts, sizes, _modes(mode, len(parts))))
    if order == "F":
        triples.reverse()
    out = 0
    for x, n, m in triples:
        out = out * as_size(n) + _inside(x, n, m)
    return out


def unravel_index(indices, dims, order="C", ndim=None):
    """Return places along the axes of an array, from those in it taken as a vector.

    Parameters
    ----------
    indices : integer Variable or array_like
    dims : sequence of ints and 0-d variables, or integer vector
        The shape of the array.
    order : {'C', 'F'}
        Whether the last axis or the first one steps fastest.
    ndim : int, optional
        The number of axes, where ``dims`` is a vector of unknown length.

    Returns
    -------
    tuple of Variable, int64
        One for each axis, in the shape of ``indices``.

    Raises
    ------
    TypeError
        If ``indices`` does not hold integers.
    ValueError
        If the number of axes is not known, or, in the run, an index is out of bounds.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> [i.eval() for i in T.unravel_index([2, 4], (3, 4))]
    [array([0, 1]), array([2, 0])]
    """
    _check_order(order, "unravel_index")
    sizes = as_sizes(dims, "unravel_index", ndim)
    left = bounded_op(_indices(indices, "unravel_index"), as_size(product(sizes)),
                      what="unravel_index")
    out = []
    for n in sizes if order == "F" else sizes[::-1]:
        out.append(ew.mod(left, as_size(n)))
        left = ew.floor_div(left, as_size(n))
    return tuple(out if order == "F" else out[::-1])
