"""Sparse matrices: each op against SciPy, gradients by differences, operators, shared ones."""
import pickle
import sys

import numpy as np
import pytest
from scipy import sparse

import cytensor as ct
import cytensor.tensor as T
from cytensor import sparse as S
from cytensor._core import ancestors

FORMATS = ["csr", "csc"]


def matrix(shape=(5, 4), format="csr", seed=0, dtype="float64", density=0.5):
    """A random matrix; about half of its elements are stored, and one stored element is 0."""
    found = sparse.random(*shape, density, format, dtype="float64",
                          random_state=np.random.default_rng(seed))
    found = found.astype(dtype) if np.dtype(dtype).kind == "f" else (found * 9).astype(dtype)
    if found.nnz:
        found.data[0] = 0
    return found


def dense(shape=(5, 4), seed=1, dtype="float64"):
    """A random array."""
    return np.random.default_rng(seed).uniform(0.1, 1, shape).astype(dtype)


def value(expression):
    """The value of an expression, as an array."""
    found = ct.function([], expression)()
    return found.toarray() if sparse.issparse(found) else found


def as_arrays(*values):
    """Values with sparse ones made dense."""
    return [v.toarray() if sparse.issparse(v) else np.asarray(v) for v in values]


X, Y, D, V = matrix(seed=1), matrix(seed=2), dense(), dense((4,), 3)
C = dense((5,), 4)
W = dense((4, 3), 5)
P = matrix((4, 3), seed=6)

# name -> (function, arguments, NumPy's value of the same arguments, whether the result is sparse)
ROWS = {
    "add s s": (S.add, (X, Y), np.add, True),
    "add s d": (S.add, (X, D), np.add, False),
    "add d s": (S.add, (D, X), np.add, False),
    "add s number": (S.add, (X, 2.0), np.add, False),
    "sub s s": (S.sub, (X, Y), np.subtract, True),
    "sub d s": (S.sub, (D, X), np.subtract, False),
    "mul s s": (S.mul, (X, Y), np.multiply, True),
    "mul s d": (S.mul, (X, D), np.multiply, True),
    "mul d s": (S.mul, (D, X), np.multiply, True),
    "mul s row": (S.mul, (X, V), np.multiply, True),
    "mul s number": (S.mul, (X, 3.0), np.multiply, True),
    "mul_s_v": (S.mul_s_v, (X, V), np.multiply, True),
    "col_scale": (S.col_scale, (X, V), np.multiply, True),
    "row_scale": (S.row_scale, (X, C), lambda x, c: x * c[:, None], True),
    "neg": (S.neg, (X,), np.negative, True),
    "transpose": (S.transpose, (X,), np.transpose, True),
    "structured_add_s_v": (S.structured_add_s_v, (X, V),
                           lambda x, v: x + v * _stored(X), True),
    "add_s_s_data": (S.add_s_s_data, (X, 2 * X), lambda x, y: 3 * x, True),
    "sum": (S.sp_sum, (X,), np.sum, False),
    "sum 0": (lambda x: S.sp_sum(x, 0), (X,), lambda x: x.sum(0), False),
    "sum 1": (lambda x: S.sp_sum(x, axis=1), (X,), lambda x: x.sum(1), False),
    "dot s d": (S.dot, (X, W), np.dot, False),
    "dot d s": (S.dot, (W.T, X.T), np.dot, False),
    "dot s s": (S.dot, (X, P), np.dot, False),
    "dot s v": (S.dot, (X, V), np.dot, False),
    "dot v s": (S.dot, (C, X), np.dot, False),
    "true_dot s s": (S.true_dot, (X, P), np.dot, True),
    "true_dot s d": (S.true_dot, (X, W), np.dot, True),
    "true_dot d s": (S.true_dot, (D, P), np.dot, True),
    "usmm": (S.usmm, (2.0, X, W, dense((5, 3))), lambda a, x, w, z: a * x @ w + z, False),
    "diag": (S.diag, (X,), np.diag, False),
    "square_diagonal": (S.square_diagonal, (V,), np.diag, True),
    "clean": (S.clean, (X,), lambda x: x, True),
    "remove0": (S.remove0, (X,), lambda x: x, True),
    "ensure_sorted_indices": (S.ensure_sorted_indices, (X,), lambda x: x, True),
    "dense_from_sparse": (lambda x: S.dense_from_sparse(x, structured=False), (X,),
                          lambda x: x, False),
    "csr_from_dense": (S.csr_from_dense, (D,), lambda x: x, True),
    "csc_from_dense": (S.csc_from_dense, (D,), lambda x: x, True),
    "part": (lambda x: x[1:4, :-1], (X,), lambda x: x[1:4, :-1], True),
    "part with steps": (lambda x: x[::-2, 1::2], (X,), lambda x: x[::-2, 1::2], True),
    "rows": (lambda x: x[2:], (X,), lambda x: x[2:], True),
    "element": (lambda x: x[1, 2], (X,), lambda x: x[1, 2], False),
    "listed rows": (lambda x: x[[0, 2, 0]], (X,), lambda x: x[[0, 2, 0]], True),
    "listed elements": (lambda x: x[[0, 1, 1], [1, 2, 2]], (X,),
                        lambda x: x[[0, 1, 1], [1, 2, 2]], False),
    "hstack": (lambda x, y: S.hstack([x, y]), (X, Y), lambda *xs: np.hstack(xs), True),
    "vstack": (lambda x, y: S.vstack([x, y], "csr"), (X, Y), lambda *xs: np.vstack(xs), True),
}

# Ops that no row uses, and the test that does.
ELSEWHERE = {
    "construct_sparse_from_list": "test_construct_sparse_from_list",
    "sampling_dot": "test_structured_gradients", "structured_dot": "test_structured_gradients",
    "sp_zeros_like": "test_a_gradient_that_does_not_depend_is_zero",
    "sparse_cast": "test_operators", "sparse_values_at": "test_structured_gradients"}


def _stored(x):
    """Where a matrix stores something."""
    return sparse.csr_matrix((np.ones(x.nnz), x.indices, x.indptr), x.shape).toarray()


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("name", ROWS)
def test_values(name, format):
    function, values, reference, is_sparse = ROWS[name]
    values = [v.asformat(format) if sparse.issparse(v) else v for v in values]
    found = function(*[S.as_sparse_or_tensor_variable(v) for v in values])
    assert S.is_sparse_variable(found) == is_sparse
    wanted = reference(*as_arrays(*values))
    assert np.allclose(value(found), wanted)
    assert value(found).dtype == "float64"


@pytest.mark.parametrize("dtype", ["float32", "int64", "complex128"])
@pytest.mark.parametrize("name", ["add s s", "mul s d", "dot s d", "transpose", "sum 0", "diag"])
def test_dtypes(name, dtype):
    function, values, reference, _ = ROWS[name]
    values = [(v * 9).astype(dtype) for v in values]
    found = function(*values)
    wanted = reference(*as_arrays(*values))
    assert found.type.dtype == dtype
    assert np.allclose(value(found), wanted, rtol=1e-5)


def test_every_op_is_used_by_a_row():
    ops = {op.name for name, module in sys.modules.items() if name.startswith("cytensor.sparse.")
           for op in vars(module).values() if isinstance(op, ct.Op)}
    used = set()
    for function, values, *_ in ROWS.values():
        inputs = [S.as_sparse_or_tensor_variable(v) for v in values]
        found = function(*inputs)
        grads = ct.grad(smooth(found), inputs, disconnected_inputs="ignore")
        used |= {v.owner.op.name for v in ancestors([found, *grads]) if v.owner is not None}
    assert ops - used == set(ELSEWHERE)


# ----- gradients -----

def smooth(y):
    """A scalar that depends on every element of a result."""
    y = S.dense_from_sparse(y, structured=False) if S.is_sparse_variable(y) else y
    weights = T.sin(3.0 + T.arange(y.size)).reshape(y.shape)
    return (T.sin(y) * weights).sum()


# Gradients of these have the places of their argument; those of the others have all.
STRUCTURED = {"mul s row", "structured_add_s_v", "add_s_s_data", "add s d", "add d s", "sub d s",
              "add s number"}


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("name", ROWS)
def test_gradients_by_differences(name, format):
    """With respect to all elements, also those that happen to be 0, unless it is structured."""
    function, values, *_ = ROWS[name]
    values = [v.asformat(format) if sparse.issparse(v) else np.asarray(v) for v in values]
    if name in STRUCTURED:
        check_structured(function, values)
    else:
        from_dense = {"csr": S.csr_from_dense, "csc": S.csc_from_dense}[format]

        def cost(*dense):
            return smooth(function(*[from_dense(d) if sparse.issparse(v) else d
                                     for d, v in zip(dense, values)]))
        check(cost, as_arrays(*values))


def check_structured(function, values):
    """Check gradients with respect to what is stored."""
    def cost(*parts):
        return smooth(function(*[
            {"csr": S.CSR, "csc": S.CSC}[v.format](part, v.indices, v.indptr, v.shape)
            if sparse.issparse(v) else part for part, v in zip(parts, values)]))
    check(cost, [v.data if sparse.issparse(v) else v for v in values])


def check(cost, values):
    """Check a gradient along one random direction, by central differences."""
    values = [np.asarray(v, "float64") for v in values]

    def at(*shifted):
        return ct.function([], cost(*[T.constant(v) for v in shifted]))()

    rng = np.random.default_rng(7)
    step = [rng.normal(size=v.shape) for v in values]
    wanted = (at(*[v + 1e-6 * d for v, d in zip(values, step)])
              - at(*[v - 1e-6 * d for v, d in zip(values, step)])) / 2e-6
    constants = [T.constant(v) for v in values]
    grads = ct.function([], ct.grad(cost(*constants), constants, disconnected_inputs="ignore"))()
    found = sum([(g * d).sum() for g, d in zip(grads, step)])
    assert np.isclose(found, wanted, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("function", [
    S.structured_exp, S.structured_sigmoid, S.sin, S.tanh, S.sqr, S.log1p, S.expm1, S.arctan,
    lambda x: S.structured_pow(x, 3), lambda x: S.structured_add(x, 2.0),
    lambda x: S.dense_from_sparse(x), lambda x: S.structured_dot(x, W),
    lambda x: S.structured_dot(x, V), lambda x: S.structured_dot(x, P),
    lambda x: S.structured_dot(P.T, x.T), lambda x: S.dot(x, W), lambda x: x.data,
    lambda x: S.sampling_dot(C[:, None], V[:, None], x), lambda x: S.sp_sum(x, 1, sparse_grad=True),
    lambda x: S.sp_sum(x, sparse_grad=True), lambda x: S.mul(x, T.constant(V[None]))])
def test_structured_gradients(function, format):
    check_structured(function, [X.asformat(format)])


@pytest.mark.parametrize("function", [
    lambda w: S.structured_dot(X, w), lambda w: S.dot(X, w), lambda w: S.mul(Y[:4, :3], w),
    lambda w: S.sampling_dot(w, T.constant(dense((6, 3))), matrix((4, 6))),
    lambda w: S.sampling_dot(T.constant(dense((6, 3))), w, matrix((6, 4))),
    lambda w: S.mul(X, w[:, 0]), lambda w: S.mul(X, w[:, :1].T), lambda w: S.mul(X, w[0, 0]),
    lambda w: S.construct_sparse_from_list(T.zeros((9, 3)), w, [1, 7, 1, 0])])
def test_gradients_of_dense_arguments(function):
    check(lambda w: smooth(function(w)), [W])


def test_gradients_have_the_type_of_their_variable():
    x, w = S.csc_matrix("x"), T.dmatrix("w")
    for product in (S.dot, S.structured_dot):
        cost = (product(x, w) ** 2).sum() + S.sp_sum(S.mul(x, x))
        g, h = ct.grad(cost, [x, w])
        assert g.type == x.type and h.type == w.type
        found, _ = ct.function([x, w], [g, h])(X.tocsc(), W)
        wanted = 2 * X @ W @ W.T + 2 * X.toarray()
        stored = _stored(X) if product is S.structured_dot else 1
        assert np.allclose(found.toarray(), wanted * stored)


def test_second_derivatives():
    x, v = T.constant(X.data), T.dvector("v")
    w = T.dmatrix("w")

    def gradient(data):
        y = S.structured_dot(S.CSR(data, X.indices, X.indptr, X.shape), w)
        return ct.grad(T.sin(y).sum(), data)

    product = ct.function([w, v], ct.grad((gradient(x) * v).sum(), x))
    first = ct.function([data := T.dvector(), w], gradient(data))
    step = np.random.default_rng(0).normal(size=X.nnz)
    wanted = (first(X.data + 1e-6 * step, W) - first(X.data - 1e-6 * step, W)) / 2e-6
    assert np.allclose(product(W, step), wanted, atol=1e-7)


def test_a_gradient_that_does_not_depend_is_zero():
    x = S.csr_matrix("x")
    g = ct.grad(S.sp_sum(S.sp_zeros_like(x)) + T.constant(0.0), x)
    assert ct.function([x], g)(X).nnz == 0


# ----- operators, parts and comparisons -----

def test_operators():
    x, y, d = S.csr_matrix("x"), S.csr_matrix("y"), T.dmatrix("d")
    results = {
        x + y: X + Y, x - y: X - Y, -x: -X, x * y: X.multiply(Y), x + d: X + D, d + x: D + X,
        d - x: D - X, x * d: X.multiply(D), d * x: X.multiply(D), 2 * x: 2 * X, x * 2: 2 * X,
        x + Y: X + Y, Y + x: X + Y, D + x: X + D, x @ d.T: X @ D.T, d.T @ x: D.T @ X,
        x.dot(y.T): X @ Y.T, x.T: X.T, x.toarray(): X.toarray(), x.sum(axis=0): X.toarray().sum(0),
        x[1:3, 2:]: X[1:3, 2:], x.astype("float32"): X, x.zeros_like(): 0 * X,
        S.transpose(x): X.T, x.shape: [5, 4], x.data: X.data, x.indices: X.indices,
        x.indptr: X.indptr, x.size: X.nnz}
    found = ct.function([x, y, d], list(results), on_unused_input="ignore")(X, Y, D)
    for got, want in zip(found, results.values()):
        assert np.allclose(*as_arrays(got, want))
    assert x.ndim == 2 and x.dtype == "float64" and x.format == "csr"
    assert value(S.csr_from_dense(V)).shape == (1, 4)
    assert S.dot(x, T.col("c")).type.shape == (None, 1)


@pytest.mark.parametrize("name, reference", [
    ("eq", np.equal), ("neq", np.not_equal), ("lt", np.less), ("gt", np.greater),
    ("le", np.less_equal), ("ge", np.greater_equal)])
@pytest.mark.filterwarnings("ignore::scipy.sparse.SparseEfficiencyWarning")
def test_comparisons(name, reference):
    x, y, d = (X * 2).rint(), (Y * 2).rint(), (D * 2).round()
    for a, b in [(x, y), (x, d), (d, x)]:
        found = getattr(S, name)(a, b)
        assert found.type.dtype == "bool"
        assert S.is_sparse_variable(found) == (a is x and b is y)
        assert np.array_equal(value(found), reference(*as_arrays(a, b)))


def test_symbolic_ranges_and_elements():
    x, i, n = S.csc_matrix("x"), T.lscalar("i"), T.lscalar("n")
    f = ct.function([x, i, n], [x[i:n, -n:], x[i, n], x[i:, :]])
    part, element, rows = f(X.tocsc(), 1, 3)
    assert np.allclose(*as_arrays(part, X[1:3, -3:]))
    assert element == X[1, 3]
    assert np.allclose(*as_arrays(rows, X[1:]))
    for key in [(i, slice(None)), (slice(None), 0), 2]:
        with pytest.raises(NotImplementedError, match="there are no sparse vectors"):
            x[key]


def test_sampling_dot_in_many_chunks(monkeypatch):
    monkeypatch.setattr(S.products, "CHUNK", 7)
    a, b = dense((5, 3)), dense((4, 3), 8)
    assert np.allclose(value(S.sampling_dot(a, b, X)), X.toarray() * (a @ b.T))


def test_parts_put_together_again():
    x = S.csc_matrix("x")
    data, indices, indptr, shape = S.csm_properties(x)
    again = S.CSC(data * 2, indices, indptr, shape)
    assert S.csm_data(again) is again.owner.inputs[0]
    assert np.allclose(*as_arrays(ct.function([x], again)(X.tocsc()), 2 * X))
    assert indices.type.dtype == indptr.type.dtype == shape.type.dtype == "int32"


def test_construct_sparse_from_list():
    found = S.construct_sparse_from_list(np.zeros((5, 2)), dense((3, 2)), [4, 1, 4])
    wanted = np.zeros((5, 2))
    np.add.at(wanted, [4, 1, 4], dense((3, 2)))
    assert found.type.format == "csc"
    assert np.allclose(value(found), wanted)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("index", ["int32", "int64"])
@pytest.mark.parametrize("shape, k", [
    ((5, 4), 3), ((5, 4), 1), ((0, 4), 2), ((5, 0), 2), ((5, 4), 0), ((700, 300), 17),
    ((700, 300), 32), ((700, 300), 47)])
def test_products_of_csr_matrices_by_our_kernel(shape, k, index, dtype):
    x = matrix(shape, dtype=dtype, density=0.1)
    x.indices, x.indptr = x.indices.astype(index), x.indptr.astype(index)
    for y in (dense((shape[1], k), dtype=dtype), dense((k, shape[1]), dtype=dtype).T,
              dense((shape[1],), dtype=dtype)):
        found = S.products.multiply(x, y)
        assert found.dtype == dtype
        assert np.allclose(found, x.toarray() @ y, rtol=1e-5)


def test_strided_parts_of_a_csr_matrix():
    data, indices = np.repeat(X.data, 2)[::2], np.repeat(X.indices, 2)[::2]
    x = sparse.csr_matrix((data, indices, X.indptr), X.shape, copy=False)
    assert np.allclose(S.products.multiply(x, W), X @ W)


# ----- types, constants, shared variables -----

def test_types():
    assert S.SparseType("csr", "float32") == S.csr_fmatrix
    assert S.csr_fmatrix != S.csc_fmatrix
    assert {S.csr_dmatrix: 1}[S.SparseType("csr", "float64")] == 1
    assert pickle.loads(pickle.dumps(S.csc_fmatrix)) == S.csc_fmatrix
    assert S.matrix("bsr", "b", "float32").type == S.bsr_fmatrix
    assert S.csr_dmatrix.values_eq(X, X.copy()) and not S.csr_dmatrix.values_eq(X, Y)
    assert S.csr_dmatrix.values_eq_approx(X, X * (1 + 1e-12))
    assert not S.csr_dmatrix.values_eq_approx(X, X.tocsc())
    assert S.SparseType.may_share_memory(X, X.indices)
    assert not S.SparseType.may_share_memory(X, X.copy())
    assert not S.SparseType.may_share_memory(X, 3)


def test_arguments_are_converted_where_nothing_is_lost():
    x = S.csr_matrix("x", dtype="float64")
    f = ct.function([x], x * 2)
    for given in (X, X.tocsc(), X.toarray(), X.astype("float32"), sparse.csr_array(X)):
        assert np.allclose(f(given).toarray(), 2 * X.toarray(), rtol=1e-6)
    y = S.csr_matrix("y", dtype="float32")
    with pytest.raises(TypeError, match="casting would lose precision"):
        ct.function([y], S.sp_sum(y))(X)
    with pytest.raises(TypeError, match=r"expected Sparse\[float64, csr\]"):
        f("text")


def test_results_are_the_callers_own():
    x = S.csr_matrix("x")
    f = ct.function([x], [x.T, S.transpose(x.T), x.data])
    before = X.copy()
    for found in f(X):
        (found if isinstance(found, np.ndarray) else found.data)[:] = 77
    assert (before != X).nnz == 0


def test_shared_sparse_matrices():
    x = ct.shared(X, name="x")
    assert isinstance(x, S.SparseSharedVariable) and x.type == S.csr_dmatrix
    step = ct.function([], S.sp_sum(x), updates={x: x * 2})
    assert np.isclose(step(), X.sum()) and np.isclose(step(), 2 * X.sum())
    assert np.allclose(x.get_value().toarray(), 4 * X.toarray())
    x.set_value(Y)
    assert np.allclose(x.get_value().toarray(), Y.toarray())
    with pytest.raises(TypeError):
        x.set_value(Y.astype(complex))


def test_linear_regression_on_sparse_data():
    rng = np.random.default_rng(0)
    data, target = matrix((200, 10), seed=3, density=0.3), rng.normal(size=10)
    x, y = S.csr_matrix("x"), T.dvector("y")
    w = ct.shared(np.zeros(10))
    cost = T.sqr(S.structured_dot(x, w) - y).mean()
    step = ct.function([x, y], cost, updates={w: w - 2.0 * ct.grad(cost, w)})
    for _ in range(300):
        last = step(data, data @ target)
    assert last < 1e-6
    assert np.allclose(w.get_value(), target, atol=1e-2)


def test_graphs_are_pickled_and_printed():
    x = S.csr_matrix("x")
    y = pickle.loads(pickle.dumps(S.dot(x, T.constant(W))))
    assert y.owner.inputs[0].type == x.type
    assert ct.pprint(S.sp_sum(x * 2)) == \
        "sparse_sum(sparse_mul_dense(x, TensorConstant{2.0}), axis=None, sparse_grad=False)"
    assert repr(S.as_sparse_variable(X)) == "SparseConstant{csr, float64, shape=(5, 4), nnz=10}"


# ----- errors -----

SX = S.csr_matrix("x")
ERRORS = [
    (lambda: S.add(D, D), TypeError, "add: one operand is a sparse matrix, not ndarray"),
    (lambda: S.dot(W, W), TypeError, "dot: one operand is a sparse"),
    (lambda: S.dot(SX, T.tensor3()), TypeError, "multiplied by vectors and matrices"),
    (lambda: S.SparseType("coo", "float64"), NotImplementedError, "csr, csc, bsr, not 'coo'"),
    (lambda: S.as_sparse_variable(D), TypeError, "expected a sparse matrix"),
    (lambda: S.as_sparse_variable(X.tocoo()), TypeError, "convert it with x.tocsr"),
    (lambda: S.sp_sum(SX, axis=2), ValueError, "axis is None, 0 or 1, not 2"),
    (lambda: S.csr_from_dense(T.tensor3()), TypeError, "only a matrix can become sparse"),
    (lambda: S.CSR(D, [0], [0, 1], [1, 1]), TypeError, "consists of vectors"),
    (lambda: SX[1, 2, 3], ValueError, "has 2 axes, 3 were indexed"),
    (lambda: bool(SX), TypeError, "the truth of the symbolic x"),
    (lambda: T.exp(SX), TypeError, "exp takes tensors"),
    (lambda: S.mul(SX, T.tensor3()), TypeError, "at most 2-d"),
]


@pytest.mark.parametrize("call, error, message", ERRORS, ids=[row[2] for row in ERRORS])
def test_errors(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_shapes_that_do_not_fit_are_errors_of_the_call():
    x, w = S.csr_matrix("x"), T.dmatrix("w")
    with pytest.raises(ValueError):
        ct.function([x, w], S.dot(x, w))(X, W[1:])
