"""Symbolic sparse matrices over ``scipy.sparse``: variables, ops and gradients."""
from cytensor.sparse.arithmetic import (
    add, add_s_d, add_s_s, add_s_s_data, col_scale, eq, ge, gt, le, lt, mul, mul_s_d, mul_s_s,
    mul_s_v, neg, neq, row_scale, sp_sum, structured_add_s_v, sub)
from cytensor.sparse.conversion import (
    CSC, CSR, as_sparse_or_tensor_variable, cast, csc_from_dense, csm_data, csm_indices,
    csm_indptr, csm_properties, csm_shape, csr_from_dense, dense_from_sparse, sp_ones_like,
    sp_zeros_like, transpose)
from cytensor.sparse.pieces import (
    clean, construct_sparse_from_list, diag, ensure_sorted_indices, get_item_2d, get_item_2lists,
    get_item_list, get_item_scalar, hstack, remove0, square_diagonal, vstack)
from cytensor.sparse.products import (
    dot, sampling_dot, structured_dot, true_dot, usmm)
from cytensor.sparse.structured import (
    arcsin, arcsinh, arctan, arctanh, ceil, conj, deg2rad, expm1, floor, log1p, rad2deg, rint, sgn,
    sin, sinh, sqr, sqrt, structured_add, structured_exp, structured_log, structured_maximum,
    structured_minimum, structured_monoid, structured_pow, structured_sigmoid, tan, tanh, trunc)
from cytensor.sparse.type import SparseType
from cytensor.sparse.variable import (
    SparseConstant, SparseSharedVariable, SparseVariable, as_sparse_variable, bsr_matrix,
    csc_matrix, csr_matrix, is_sparse, is_sparse_variable, matrix)

csr_fmatrix, csc_fmatrix, bsr_fmatrix = [SparseType(f, "float32") for f in ("csr", "csc", "bsr")]
csr_dmatrix, csc_dmatrix, bsr_dmatrix = [SparseType(f, "float64") for f in ("csr", "csc", "bsr")]
as_sparse = as_sparse_variable

__all__ = [
    "CSC", "CSR", "SparseConstant", "SparseSharedVariable", "SparseType", "SparseVariable",
    "add", "add_s_d", "add_s_s", "add_s_s_data", "arcsin", "arcsinh", "arctan", "arctanh",
    "as_sparse", "as_sparse_or_tensor_variable", "as_sparse_variable", "bsr_dmatrix",
    "bsr_fmatrix", "bsr_matrix", "cast", "ceil", "clean", "col_scale", "conj",
    "construct_sparse_from_list", "csc_dmatrix", "csc_fmatrix", "csc_from_dense", "csc_matrix",
    "csm_data", "csm_indices", "csm_indptr", "csm_properties", "csm_shape", "csr_dmatrix",
    "csr_fmatrix", "csr_from_dense", "csr_matrix", "deg2rad", "dense_from_sparse", "diag", "dot",
    "ensure_sorted_indices", "eq", "expm1", "floor", "ge", "get_item_2d", "get_item_2lists",
    "get_item_list", "get_item_scalar", "gt", "hstack", "is_sparse", "is_sparse_variable", "le",
    "log1p", "lt", "matrix", "mul", "mul_s_d", "mul_s_s", "mul_s_v", "neg", "neq", "rad2deg",
    "remove0", "rint", "row_scale", "sampling_dot", "sgn", "sin", "sinh", "sp_ones_like", "sp_sum",
    "sp_zeros_like", "sqr", "sqrt", "square_diagonal", "structured_add", "structured_add_s_v",
    "structured_dot", "structured_exp", "structured_log", "structured_maximum",
    "structured_minimum", "structured_monoid", "structured_pow", "structured_sigmoid", "sub",
    "tan", "tanh", "transpose", "true_dot", "trunc", "usmm", "vstack",
]
