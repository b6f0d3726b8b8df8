"""The type of sparse matrices: SciPy's, in one format and of one dtype."""
import numpy as np
from scipy import sparse

from cytensor._core import DTYPES, Type

FORMATS = {"csr": sparse.csr_matrix, "csc": sparse.csc_matrix, "bsr": sparse.bsr_matrix}


class SparseType(Type):
    """The type of sparse matrices.

    Parameters
    ----------
    format : {"csr", "csc", "bsr"}
    dtype : str

    Examples
    --------
    >>> SparseType("csr", "float32")
    Sparse[float32, csr]
    """

    __props__ = ("format", "dtype")
    ndim = 2
    broadcastable = (False, False)

    def __init__(self, format, dtype):
        if format not in FORMATS:
            raise NotImplementedError(f"the format of a sparse matrix is one of "
                                      f"{', '.join(FORMATS)}, not {format!r}")
        self.format = format
        self._dtype = np.dtype(dtype)           # quicker to compare than its name
        self.dtype = self._dtype.name
        if self.dtype not in DTYPES:
            raise NotImplementedError(f"there are no sparse matrices of {self.dtype}")

    def filter(self, value, strict=False, allow_downcast=None):
        """Return ``value`` as a matrix of this format and dtype, or raise a TypeError."""
        cls = FORMATS[self.format]
        if isinstance(value, cls) and value.data.dtype == self._dtype:
            return value
        if strict:
            raise TypeError(f"expected {self}, got {_describe(value)}")
        try:
            found = cls(value)
        except (TypeError, ValueError) as error:
            raise TypeError(f"expected {self}, got {_describe(value)}: {error}") from None
        if not (allow_downcast or np.can_cast(found.dtype, self.dtype, "safe")):
            raise TypeError(f"expected {self}, got {_describe(value)}: casting would lose "
                            "precision")
        return found.astype(self.dtype, copy=False)

    def values_eq(self, a, b):
        """Whether two matrices have the same format, dtype, shape and elements."""
        return _alike(a, b) and (a != b).nnz == 0

    def values_eq_approx(self, a, b, rtol=1e-5, atol=1e-8):
        """Whether two matrices are equal but for rounding."""
        if not _alike(a, b):
            return False
        difference = abs(a - b)
        return difference.nnz == 0 or bool((difference - rtol * abs(b)).max() <= atol)

    @staticmethod
    def may_share_memory(a, b):
        """Whether two values, sparse or not, may have memory in common."""
        return any([np.may_share_memory(x, y) for x in _arrays(a) for y in _arrays(b)])

    def with_dtype(self, dtype):
        """The same format with another dtype."""
        return self if dtype == self.dtype else SparseType(self.format, dtype)

    # ----- gradients -----

    def cotangent(self, g):
        """Return a contribution to a gradient, dense or of any format, as one of this type."""
        from cytensor.sparse.conversion import as_format
        return as_format(g, self)

    def zeros(self, x):
        """Return a zero gradient for the variable ``x``."""
        from cytensor.sparse.conversion import sp_zeros_like
        return sp_zeros_like(x)

    def __reduce__(self):
        return SparseType, (self.format, self.dtype)

    def __repr__(self):
        return f"Sparse[{self.dtype}, {self.format}]"


def _alike(a, b):
    return (sparse.issparse(a) and sparse.issparse(b) and a.format == b.format
            and a.dtype == b.dtype and a.shape == b.shape)


def _arrays(value):
    """The arrays that a value consists of."""
    if sparse.issparse(value):
        return [value.data, value.indices, value.indptr]
    return [value] if isinstance(value, np.ndarray) else []


def _describe(value):
    if sparse.issparse(value):
        return f"a {value.format} matrix of {value.dtype}"
    return f"{type(value).__name__} {str(value)[:40]}"
