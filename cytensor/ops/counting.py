"""Which values occur, and how often: unique and bincount."""
from cytensor.ops import elementwise as ew
from cytensor.ops.axes import moveaxis
from cytensor.ops.control import Assert
from cytensor.ops.cumulative import cumsum_op
from cytensor.ops.gather import gather, nonzero_count, nonzero_op, scatter_set
from cytensor.ops.generate import filled
from cytensor.ops.reduce import all as all_
from cytensor.ops.registry import KIND, normal_axis, structured, to_dtype
from cytensor.ops.sorting import argsort_op, sort_op
from cytensor.ops.views import (
    as_size, as_tensor_variable, no_gradients, product, reshaped, sizes_of)

# ----- the ops -----

def _rows_sizes(S, shapes, inputs):
    if len(shapes[0]) != 2:
        raise ValueError(f"argsort_rows: a matrix is wanted, not {len(shapes[0])} axes")
    return shapes[0][:1]


argsort_rows = structured(
    "argsort_rows", lambda x: "int64", _rows_sizes, lambda g, out, x: (None,),
    doc="The order of the rows of a matrix: by their first elements, then by the next; stable.")


def _bins_sizes(S, shapes, inputs):
    n = S.value(inputs[-1])
    if len(inputs) == 3:
        S.equal(shapes[0][0], shapes[1][0], "bincount: {a} elements, but {b} weights")
    S.check(S.lt(-1, n), "bincount: the elements must not be negative")
    return (n,)


def _bins_inputs(inputs, params):
    x, *weights, n = inputs
    for v in (x, *weights):
        if v.type.ndim != 1:
            raise TypeError(f"bincount: inputs have one axis, not {v.type.ndim}")
    return [to_dtype(x, "int64"), *weights, as_size(n)]


bincount_op = structured(
    "bincount", lambda x, n: "int64", _bins_sizes, lambda g, out, x, n: no_gradients(2),
    coerce=_bins_inputs, doc="How often each of 0, 1, .., n - 1 occurs in a vector.")

weighted_bincount = structured(
    "weighted_bincount", lambda x, weights, n: weights.type.dtype, _bins_sizes,
    lambda g, out, x, weights, n: (None, gather(g, x), None), coerce=_bins_inputs,
    doc="The weights of what is in the bins 0, 1, .., n - 1, added up.")


highest_op = structured(
    "highest", lambda x: "int64", lambda S, shapes, inputs: (), lambda g, out, x: (None,),
    doc="The largest number of a vector; -1 for nothing, or for negative ones.")


def _starts_sizes(S, shapes, inputs):
    return shapes[0][:1]


starts_op = structured(
    "starts", lambda x: "bool", _starts_sizes, lambda g, out, x: (None,),
    doc="Which entries of a sorted vector, or of a matrix of sorted rows, differ from the last.")


# ----- bincount -----

def bincount(x, weights=None, minlength=None, assert_nonneg=False):
    """Count how often each number occurs in a vector of integers.

    Parameters
    ----------
    x : Variable, 1-d
        Integers that are not negative.
    weights : Variable, 1-d, optional
        How much each element of ``x`` counts.
    minlength : int or 0-d variable, optional
        The least length of the result.
    assert_nonneg : bool
        Whether a negative number is an AssertionError of the run; else it is a ValueError.

    Returns
    -------
    Variable, 1-d
        Of length ``max(x) + 1`` or more; int64, or of the dtype of ``weights``.

    Raises
    ------
    TypeError
        If ``x`` does not hold integers, or an argument is not 1-d.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> T.bincount(T.constant([1, 3, 1])).eval()
    array([0, 2, 0, 1])
    """
    x = as_tensor_variable(x)
    if KIND[x.type.dtype] not in "biu":
        raise TypeError(f"bincount: x holds integers, not {x.type.dtype}")
    if x.type.ndim != 1:
        raise TypeError(f"bincount: inputs have one axis, not {x.type.ndim}")
    x = to_dtype(x, "int64")
    if assert_nonneg:
        x = Assert("Input to bincount has negative values!")(x, all_(ew.ge(x, 0)))
    n = highest_op(x) + 1
    if minlength is not None:
        n = ew.maximum(n, as_size(minlength, "bincount: minlength"))
    if weights is None:
        return bincount_op(x, n)
    return weighted_bincount(x, as_tensor_variable(weights), n)


# ----- unique -----

def unique(x, return_index=False, return_inverse=False, return_counts=False, axis=None):
    """Return the different values of an array, in ascending order.

    Parameters
    ----------
    x : Variable
    return_index : bool
        Whether to say where each value stands first.
    return_inverse : bool
        Whether to say, for each element, which of the values it is.
    return_counts : bool
        Whether to say how often each value occurs.
    axis : int, optional
        Of which whole entries are compared: by their first elements, then by the next. By
        default single elements are; NaN is one value then.

    Returns
    -------
    Variable, or list of Variable
        The values, and what else was asked for, as int64.

    Raises
    ------
    AxisError
        If ``x`` has no such axis.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> T.unique(T.constant([3, 1, 3])).eval()
    array([1, 3])
    """
    x = as_tensor_variable(x)
    entries, restore = _entries(x, axis)
    order = None
    if return_index or return_inverse or axis is not None:
        order = argsort_op(entries) if axis is None else argsort_rows(entries)
    arranged = sort_op(entries) if order is None else gather(entries, order)
    new = starts_op(arranged)
    count = nonzero_count(new)
    first = nonzero_op(new, count)[0]
    results = [restore(gather(arranged, first))]
    which = cumsum_op(to_dtype(new, "int64"), axis=0) - 1
    if return_index:
        results.append(gather(order, first))
    if return_inverse:
        inverse = scatter_set(filled(0, sizes_of(which), "int64"), which, order)
        results.append(inverse if axis is not None else reshaped(inverse, sizes_of(x)))
    if return_counts:
        results.append(bincount_op(which, count))
    return results if len(results) > 1 else results[0]


def _entries(x, axis):
    """Return (what is compared, as a vector or as rows; how to give entries their shape back)."""
    if axis is None:
        return reshaped(x, [product(sizes_of(x))]), lambda values: values
    axis = normal_axis(axis, x.type.ndim, "unique")
    moved = moveaxis(x, axis, 0)
    n, *rest = sizes_of(moved)

    def restore(values):
        return moveaxis(reshaped(values, [sizes_of(values)[0], *rest]), 0, axis)
    return reshaped(moved, [n, product(rest)]), restore


class Unique:
    """``unique`` as Theano's op has it: first say what is wanted, then call it.

    Which of the values an element is comes as a vector, also for an array of several axes.
    """

    def __init__(self, return_index=False, return_inverse=False, return_counts=False, axis=None):
        self.return_index = return_index
        self.return_inverse = return_inverse
        self.return_counts = return_counts
        self.axis = axis

    def __call__(self, x, return_list=False):
        """Return the values, or a list of them and what else is wanted."""
        out = unique(x, self.return_index, self.return_inverse, self.return_counts, self.axis)
        if self.return_inverse:
            place = 1 + self.return_index
            out[place] = reshaped(out[place], [-1])
        return [out] if return_list and not isinstance(out, list) else out
