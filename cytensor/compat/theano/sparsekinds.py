"""Theano's names for sparse matrices that cytensor has in another form: classes of ops, lists."""
import scipy.sparse

from cytensor import sparse as S
from cytensor._core import DTYPES
from cytensor.compat.theano.kinds import kind
from cytensor.sparse.type import FORMATS
from cytensor.sparse.variable import is_dense_variable, is_sparse_variable

enable_sparse = True
sparse_formats = ["csc", "csr"]

# ----- dtypes -----

all_dtypes = set(DTYPES) - {"float16", "bool"}
complex_dtypes, float_dtypes, int_dtypes, uint_dtypes = [
    [dtype for dtype in sorted(all_dtypes) if dtype.startswith(kind_of)]
    for kind_of in ("complex", "float", "int", "uint")]
integer_dtypes = discrete_dtypes = int_dtypes + uint_dtypes
continuous_dtypes = complex_dtypes + float_dtypes

bcast, wcast, icast, lcast, fcast, dcast, ccast, zcast = [
    lambda x, dtype=dtype: S.cast(x, dtype)
    for dtype in ("int8", "int16", "int32", "int64", "float32", "float64", "complex64",
                  "complex128")]


# ----- what is sparse -----

_mtypes = [FORMATS["csc"], FORMATS["csr"]]
_mtype_to_str = {cls: name for name, cls in FORMATS.items()}
_is_sparse_variable, _is_dense_variable = is_sparse_variable, is_dense_variable


def _is_sparse(x):
    """Whether a value is a sparse matrix."""
    if not hasattr(x, "shape") or hasattr(x, "type"):
        raise NotImplementedError(f"_is_sparse asks about values, not about {x!r}")
    return scipy.sparse.issparse(x)


def _is_dense(x):
    """Whether a value is an array."""
    return not _is_sparse(x)


# ----- classes of ops -----

def _same(function):
    """A class that is called without parameters."""
    return lambda **options: function


def _spsum(axis=None, sparse_grad=True):
    return lambda x: S.sp_sum(x, axis, sparse_grad)


def _csm(format, kmap=None):
    return {"csr": S.CSR, "csc": S.CSC}[format]


def _stack(function):
    return lambda format=None, dtype=None: lambda *blocks: function(blocks, format, dtype)


_KINDS = {
    "CSM": ("csm", _csm), "CSMProperties": ("csm_properties", _same(S.csm_properties)),
    "CSMGrad": ("sparse_values_at",),
    "Cast": ("sparse_cast", lambda out_type: lambda x: S.cast(x, out_type)),
    "DenseFromSparse": ("dense_from_sparse", lambda structured=True:
                        lambda x: S.dense_from_sparse(x, structured)),
    "SparseFromDense": ("sparse_from_dense", lambda format: {
        "csr": S.csr_from_dense, "csc": S.csc_from_dense}[format]),
    "GetItemList": ("sparse_rows", _same(S.get_item_list)),
    "GetItem2Lists": ("sparse_elements", _same(S.get_item_2lists)),
    "GetItem2d": ("sparse_part", _same(S.get_item_2d)),
    "GetItemScalar": ("sparse_element", _same(S.get_item_scalar)),
    "Transpose": ("sparse_transpose", _same(S.transpose)), "Neg": ("sparse_neg", _same(S.neg)),
    "ColScaleCSC": ("", _same(S.col_scale)), "RowScaleCSC": ("", _same(S.row_scale)),
    "SpSum": ("sparse_sum", _spsum), "Diag": ("sparse_diag", _same(S.diag)),
    "SquareDiagonal": ("sparse_on_diagonal", _same(S.square_diagonal)),
    "EnsureSortedIndices": ("ensure_sorted_indices",
                            lambda inplace=False: S.ensure_sorted_indices),
    "Remove0": ("remove0", lambda inplace=False: S.remove0),
    "AddSS": ("sparse_add", _same(S.add_s_s)), "AddSD": ("", _same(S.add_s_d)),
    "AddSSData": ("sparse_add_data", _same(S.add_s_s_data)),
    "StructuredAddSV": ("structured_add_s_v", _same(S.structured_add_s_v)),
    "MulSS": ("sparse_mul", _same(S.mul_s_s)), "MulSD": ("sparse_mul_dense", _same(S.mul_s_d)),
    "MulSV": ("sparse_mul_dense", _same(S.mul_s_v)),
    "HStack": ("sparse_stack", _stack(S.hstack)), "VStack": ("sparse_stack", _stack(S.vstack)),
    "TrueDot": ("sparse_true_dot", lambda grad_preserves_dense=True: S.true_dot),
    "StructuredDot": ("structured_dot", _same(S.structured_dot)),
    "StructuredDotGradCSC": ("sampling_dot",), "StructuredDotGradCSR": ("sampling_dot",),
    "SamplingDot": ("sampling_dot", _same(S.sampling_dot)),
    "Dot": ("sparse_dot", _same(S.dot)), "Usmm": ("", _same(S.usmm)),
    "ConstructSparseFromList": ("construct_sparse_from_list",
                                _same(S.construct_sparse_from_list)),
}
globals().update({name: kind(name, *row) for name, row in _KINDS.items()})

__all__ = [
    *_KINDS, "_is_dense", "_is_dense_variable", "_is_sparse", "_is_sparse_variable",
    "_mtype_to_str", "_mtypes", "all_dtypes", "bcast", "ccast", "complex_dtypes",
    "continuous_dtypes", "dcast", "discrete_dtypes", "enable_sparse", "fcast", "float_dtypes",
    "icast", "int_dtypes", "integer_dtypes", "lcast", "sparse_formats", "uint_dtypes", "wcast",
    "zcast",
]
