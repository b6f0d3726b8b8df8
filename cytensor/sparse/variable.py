"""Sparse variables: their operators, constants and shared variables; what counts as sparse."""
import numpy as np
from scipy import sparse

from cytensor import config
from cytensor._core import Constant, TensorType, Variable
from cytensor.ops.registry import register_maker
from cytensor.ops.variable import TensorOperators
from cytensor.shared import SharedVariable, register_shared
from cytensor.sparse.type import SparseType

_methods = {}


def register_methods(**functions):
    """Say which functions the operators and methods of sparse variables are."""
    _methods.update(functions)


def _binary(name):
    """An operator and its reflection."""
    return (lambda self, other: _methods[name](self, other),
            lambda self, other: _methods[name](other, self))


class SparseOperators:
    """Operators and methods of symbolic sparse matrices. ``*`` multiplies elements."""

    __slots__ = ()
    __array_priority__ = 1001.0
    __array_ufunc__ = None                      # NumPy's arrays leave the operators to us

    __add__, __radd__ = _binary("add")
    __sub__, __rsub__ = _binary("sub")
    __mul__, __rmul__ = _binary("mul")
    __matmul__, __rmatmul__ = __dot__, __rdot__ = _binary("structured_dot")
    __lt__, __gt__ = _binary("lt")[0], _binary("gt")[0]
    __le__, __ge__ = _binary("le")[0], _binary("ge")[0]

    def __neg__(self):
        return _methods["neg"](self)

    def __getitem__(self, key):
        return _methods["get_item"](self, key)

    def __bool__(self):
        raise TypeError(f"the truth of the symbolic {self!r} is not known while the graph is built")

    @property
    def T(self):
        """The transposed matrix, in the other format."""
        return _methods["transpose"](self)

    @property
    def shape(self):
        """The two sizes, as an int64 vector."""
        return _methods["shape"](self)

    @property
    def ndim(self):
        """The number of axes."""
        return 2

    @property
    def dtype(self):
        """Name of the element type."""
        return self.type.dtype

    @property
    def format(self):
        """``"csr"``, ``"csc"`` or ``"bsr"``."""
        return self.type.format

    @property
    def data(self):
        """The stored elements, as a vector."""
        return _methods["csm_data"](self)

    @property
    def indices(self):
        """For each stored element, where it is in its row (csr) or column (csc)."""
        return _methods["csm_indices"](self)

    @property
    def indptr(self):
        """Where each row (csr) or column (csc) begins in ``data``."""
        return _methods["csm_indptr"](self)

    @property
    def size(self):
        """How many elements are stored."""
        return self.data.size

    def toarray(self):
        """Return the matrix as a dense one."""
        return _methods["dense_from_sparse"](self)

    def transpose(self):
        """Return the transposed matrix, in the other format."""
        return self.T

    def dot(self, other):
        """Multiply with a matrix or a vector."""
        return _methods["structured_dot"](self, other)

    def astype(self, dtype):
        """Convert to a dtype."""
        return _methods["cast"](self, dtype)

    def sum(self, axis=None, sparse_grad=False):
        """Return the sum of all elements, or of rows or columns."""
        return _methods["sp_sum"](self, axis, sparse_grad)

    def zeros_like(self):
        """Return an empty matrix of the same shape."""
        return _methods["sp_zeros_like"](self)

    eval = TensorOperators.eval
    _repr_svg_ = TensorOperators._repr_svg_
    _repr_html_ = TensorOperators._repr_html_


class SparseVariable(SparseOperators, Variable):
    """A symbolic sparse matrix."""

    def __repr__(self):
        return self.name or super().__repr__()


class SparseConstant(SparseOperators, Constant):
    """A sparse matrix that is part of the graph."""

    def __repr__(self):
        x = self.value
        return self.name or (f"SparseConstant{{{x.format}, {x.dtype}, shape={x.shape}, "
                             f"nnz={x.nnz}}}")

    data = Constant.data                        # the matrix itself, as for all constants


class SparseSharedVariable(SparseOperators, SharedVariable):
    """A shared variable whose value is a sparse matrix."""


SparseType.Variable = SparseVariable
SparseType.Constant = SparseConstant


# ----- making them -----

def as_sparse_variable(x, name=None):
    """Return a sparse matrix, or a sparse variable, as a variable.

    Parameters
    ----------
    x : sparse variable or scipy.sparse matrix
    name : str, optional
        Of a constant.

    Raises
    ------
    TypeError
        If ``x`` is not sparse.

    Examples
    --------
    >>> from scipy import sparse
    >>> as_sparse_variable(sparse.eye(3, format="csr")).type
    Sparse[float64, csr]
    """
    if is_sparse_variable(x):
        return x
    if not sparse.issparse(x):
        raise TypeError(f"expected a sparse matrix, not {x!r} of type {type(x).__name__}")
    return _type_of(x).make_constant(x.copy(), name)


def _type_of(matrix):
    if matrix.format not in ("csr", "csc", "bsr"):
        raise TypeError(f"sparse matrices are csr, csc or bsr here, not {matrix.format}; "
                        "convert it with x.tocsr()")
    return SparseType(matrix.format, matrix.dtype)


def is_sparse_variable(x):
    """Whether ``x`` is a variable whose value is a sparse matrix."""
    return isinstance(x, Variable) and isinstance(x.type, SparseType)


def is_sparse(x):
    """Whether ``x`` is a sparse variable, or a sparse matrix of SciPy's."""
    return is_sparse_variable(x) or sparse.issparse(x)


def is_dense_variable(x):
    """Whether ``x`` is a variable whose value is an array."""
    return isinstance(x, Variable) and isinstance(x.type, TensorType)


def matrix(format, name=None, dtype=None):
    """Make a sparse input.

    Parameters
    ----------
    format : {"csr", "csc", "bsr"}
    name : str, optional
    dtype : str, optional
        By default ``config.floatX``.

    Examples
    --------
    >>> matrix("csc", "x").type
    Sparse[float64, csc]
    """
    return SparseType(format, dtype or config.floatX)(name)


def csr_matrix(name=None, dtype=None):
    """Make a sparse input in csr format; see ``matrix``."""
    return matrix("csr", name, dtype)


def csc_matrix(name=None, dtype=None):
    """Make a sparse input in csc format; see ``matrix``."""
    return matrix("csc", name, dtype)


def bsr_matrix(name=None, dtype=None):
    """Make a sparse input in bsr format; see ``matrix``."""
    return matrix("bsr", name, dtype)


@register_shared
def _shared_sparse(value, name, strict, allow_downcast, borrow=False):
    if not sparse.issparse(value):
        raise TypeError(f"{type(value).__name__} is no sparse matrix")
    v = SparseSharedVariable(name, _type_of(value), value, strict, allow_downcast)
    if borrow:
        v.set_value(value, borrow=True)
    return v


register_maker(sparse.issparse, as_sparse_variable)


def common_dtype(*dtypes):
    """Return the dtype to which several promote."""
    found = dtypes[0]
    for dtype in dtypes[1:]:
        found = np.promote_types(found, dtype).name
    return found
