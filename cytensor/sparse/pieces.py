"""Parts of sparse matrices, and matrices put together of parts."""
import numpy as np
from scipy import sparse

from cytensor._core import TensorType, Variable
from cytensor.ops.joining import stack
from cytensor.ops.objects import python_op
from cytensor.ops.registry import as_variable, to_dtype
from cytensor.ops.views import as_size
from cytensor.sparse.conversion import cast, csm_shape, same_type, sparse_inputs
from cytensor.sparse.type import FORMATS, SparseType
from cytensor.sparse.variable import as_sparse_variable, common_dtype, register_methods


# ----- the diagonal -----

diag_op = python_op(
    "sparse_diag", lambda inputs, params: [inputs[0].diagonal()],
    lambda x: TensorType(x.type.dtype, (None,)), vjp=lambda g, out, x: (_on_diagonal(g, x),),
    coerce=sparse_inputs(1))


def diag(x):
    """Return the diagonal of a sparse matrix, as a dense vector."""
    return diag_op(x)


def _put_on_diagonal(inputs, params):
    d, sizes = inputs
    return [sparse.dia_matrix((d[None].copy(), [0]), shape=tuple(sizes.tolist())).tocsc()]


on_diagonal_op = python_op(
    "sparse_on_diagonal", _put_on_diagonal, lambda d, sizes: SparseType("csc", d.type.dtype),
    vjp=lambda g, out, d, sizes: (diag(g), None))


def _on_diagonal(d, x):
    return on_diagonal_op(d, csm_shape(x))


def square_diagonal(d):
    """Return the square csc matrix that has the vector ``d`` on its diagonal.

    Examples
    --------
    >>> square_diagonal([1.0, 2.0]).eval().toarray()
    array([[1., 0.],
           [0., 2.]])
    """
    d = as_variable(d)
    n = d.shape[0]
    return on_diagonal_op(d, stack([n, n]))


# ----- order, and stored zeros -----

ensure_sorted_op = python_op(
    "ensure_sorted_indices", lambda inputs, params: [_sorted(inputs[0].copy())], same_type,
    vjp=lambda g, out, x: (g,), coerce=sparse_inputs(1))

remove0_op = python_op(
    "remove0", lambda inputs, params: [_without_zeros(inputs[0].copy())], same_type,
    vjp=lambda g, out, x: (g,), coerce=sparse_inputs(1))


def _sorted(x):
    x.sort_indices()
    return x


def _without_zeros(x):
    x.eliminate_zeros()
    return x


def ensure_sorted_indices(x):
    """Return a matrix with its elements stored in order."""
    return ensure_sorted_op(x)


def remove0(x):
    """Return a matrix without the zeros that it stores."""
    return remove0_op(x)


def clean(x):
    """Return a matrix in order, without stored zeros."""
    return ensure_sorted_indices(remove0(x))


# ----- elements -----

def _range(start, stop, step):
    """A slice from three numbers, of which the smallest int64 stands for None."""
    return slice(*[None if int(n) == _NONE else int(n) for n in (start, stop, step)])


_NONE = np.iinfo("int64").min


def _part(inputs, params):
    x, *numbers = inputs
    return [x[_range(*numbers[:3]), _range(*numbers[3:])].asformat(x.format)]


def _part_vjp(g, out, x, *numbers):
    return put_part_op(g, csm_shape(x), *numbers), *[None] * 6


def _put_part(inputs, params):
    """A matrix of zeros but for ``x`` at a range of rows and a range of columns."""
    x, sizes, *numbers = inputs
    rows, columns = [np.arange(n)[_range(*part)]
                     for n, part in zip(sizes, (numbers[:3], numbers[3:]))]
    x = x.tocoo()
    whole = (x.data, (rows[x.row], columns[x.col]))
    return [FORMATS[inputs[0].format](whole, shape=tuple(sizes.tolist()))]


get_part_op = python_op("sparse_part", _part, same_type, vjp=_part_vjp)
put_part_op = python_op(
    "sparse_put_part", _put_part, same_type,
    vjp=lambda g, out, x, sizes, *numbers: (get_part_op(g, *numbers), *[None] * 7))


def _element(inputs, params):
    x, i, j = inputs
    return [np.asarray(x[int(i), int(j)])]


def _element_vjp(g, out, x, i, j):
    value, row, column = [v.reshape((1,)) for v in (g, i, j)]
    return put_lists_op(value, row, column, csm_shape(x), format=x.type.format), None, None


get_scalar_op = python_op(
    "sparse_element", _element, lambda x, i, j: TensorType(x.type.dtype, ()), vjp=_element_vjp)


def get_item_2d(x, key):
    """Return a range of rows and of columns of a sparse matrix: ``x[a:b, c:d]``."""
    x = as_sparse_variable(x)
    ranges = [key] if not isinstance(key, (tuple, list)) else list(key)
    ranges += [slice(None)] * (2 - len(ranges))
    numbers = [_number(n) for part in ranges for n in (part.start, part.stop, part.step)]
    return get_part_op(x, *numbers)


def _number(n):
    return as_variable(np.int64(_NONE)) if n is None else to_dtype(as_size(n), "int64")


def get_item_scalar(x, key):
    """Return one element of a sparse matrix, as a dense scalar."""
    i, j = [to_dtype(as_size(n), "int64") for n in key]
    return get_scalar_op(as_sparse_variable(x), i, j)


def get_item(x, key):
    """Return what ``x[key]`` is.

    Parameters
    ----------
    x : sparse variable
    key : two slices, two numbers, one slice, a list of rows, or two lists
        Numbers may be symbolic.

    Returns
    -------
    Variable
        Sparse for ranges and for a list of rows; dense for one element and for two lists.

    Raises
    ------
    NotImplementedError
        For a number beside a range: there are no sparse vectors. Use a range of length 1.
    """
    parts = key if isinstance(key, tuple) else (key,)
    if len(parts) > 2:
        raise ValueError(f"a sparse matrix has 2 axes, {len(parts)} were indexed")
    if all([isinstance(part, slice) for part in parts]):
        return get_item_2d(x, parts)
    listed = [_is_list(part) for part in parts]
    if all(listed):
        return get_item_list(x, *parts) if len(parts) == 1 else get_item_2lists(x, *parts)
    if len(parts) == 2 and not any([one or isinstance(part, slice)
                                    for one, part in zip(listed, parts)]):
        return get_item_scalar(x, parts)
    raise NotImplementedError("there are no sparse vectors: instead of a number beside a range, "
                              "use a range of length 1, such as x[i:i + 1, a:b]")


def _is_list(part):
    if isinstance(part, Variable):
        return part.type.ndim == 1
    return isinstance(part, (list, np.ndarray))


# ----- elements named by lists -----

def _rows(inputs, params):
    x, rows = inputs
    return [x[rows.tolist(), :].asformat(x.format)]


def _put_rows(inputs, params):
    x, rows, sizes = inputs
    x = x.tocoo()
    whole = (x.data, (rows[x.row], x.col))              # rows named twice are added
    return [FORMATS[inputs[0].format](whole, shape=tuple(sizes.tolist()))]


get_item_list_op = python_op(
    "sparse_rows", _rows, same_type,
    vjp=lambda g, out, x, rows: (put_rows_op(g, rows, csm_shape(x)), None),
    coerce=sparse_inputs(1))
put_rows_op = python_op(
    "sparse_put_rows", _put_rows, same_type,
    vjp=lambda g, out, x, rows, sizes: (get_item_list_op(g, rows), None, None))


def get_item_list(x, index):
    """Return the rows of a sparse matrix that a list names."""
    return get_item_list_op(x, index)


def _elements(inputs, params):
    x, rows, columns = inputs
    return [np.asarray(x[rows, columns]).ravel()]


def _put_elements(inputs, params):
    values, rows, columns, sizes = inputs
    return [FORMATS[params["format"]]((values, (rows, columns)), shape=tuple(sizes.tolist()))]


def _elements_vjp(g, out, x, rows, columns):
    return put_lists_op(g, rows, columns, csm_shape(x), format=x.type.format), None, None


get_item_2lists_op = python_op(
    "sparse_elements", _elements, lambda x, rows, columns: TensorType(x.type.dtype, (None,)),
    vjp=_elements_vjp, coerce=sparse_inputs(1))
put_lists_op = python_op(
    "sparse_put_elements", _put_elements,
    lambda values, rows, columns, sizes, format: SparseType(format, values.type.dtype),
    vjp=lambda g, out, values, rows, columns, sizes, format: (
        get_item_2lists_op(g, rows, columns), None, None, None))


def get_item_2lists(x, ind1, ind2):
    """Return the elements of a sparse matrix that two lists name, as a dense vector."""
    return get_item_2lists_op(x, ind1, ind2)


def _listed_rows(inputs, params):
    x, values, rows = inputs
    n = x.shape[1]
    columns = np.tile(np.arange(n), len(rows))
    whole = (values.ravel(), (np.repeat(rows, n), columns))
    return [FORMATS["csc"](whole, shape=x.shape)]


construct_sparse_from_list_op = python_op(
    "construct_sparse_from_list", _listed_rows,
    lambda x, values, rows: SparseType("csc", values.type.dtype),
    vjp=lambda g, out, x, values, rows: (None, get_item_list(g, rows).toarray(), None))


def construct_sparse_from_list(x, values, rows):
    """Return a sparse matrix of the shape of ``x`` with ``values`` as the rows that a list names.

    Rows named twice are added.
    """
    return construct_sparse_from_list_op(as_variable(x), as_variable(values), as_variable(rows))


# ----- matrices side by side -----

def _stack(inputs, params):
    join = sparse.vstack if params["axis"] == 0 else sparse.hstack
    return [join(inputs, format=params["format"], dtype=params["dtype"])]


def _stack_vjp(g, out, *blocks, axis, format, dtype):
    parts, start = [], as_size(0)
    for block in blocks:
        stop = start + to_dtype(csm_shape(block)[axis], "int64")
        key = [slice(None), slice(None)]
        key[axis] = slice(start, stop)
        parts.append(get_item_2d(g, key))
        start = stop
    return parts


stack_op = python_op(
    "sparse_stack", _stack, lambda *blocks, axis, format, dtype: SparseType(format, dtype),
    vjp=_stack_vjp)


def hstack(blocks, format=None, dtype=None):
    """Put matrices side by side.

    Parameters
    ----------
    blocks : sequence of sparse variables or matrices
    format : str, optional
        By default ``"csc"``.
    dtype : str, optional
        By default that to which all promote.
    """
    return _stacked(blocks, 1, format, dtype)


def vstack(blocks, format=None, dtype=None):
    """Put matrices on top of each other; see ``hstack``."""
    return _stacked(blocks, 0, format, dtype)


def _stacked(blocks, axis, format, dtype):
    blocks = [as_sparse_variable(block) for block in blocks]
    dtype = np.dtype(dtype or common_dtype(*[block.type.dtype for block in blocks])).name
    return stack_op(*[cast(block, dtype) for block in blocks], axis=axis, format=format or "csc",
                    dtype=dtype)


register_methods(get_item=get_item)
