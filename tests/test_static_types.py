"""What is known while a graph is built: dtypes, shapes, and errors on the user's own line."""
import copy
import pickle

import numpy as np
import pytest

import cytensor.tensor as T
from cytensor import config

F = T.fmatrix("F")                  # (None, None)
V = T.fvector("V")
S = T.fscalar("S")
N = T.lscalar("n")
I = T.ivector("I")                  # noqa: E741
Z = T.zeros((2, 3))
Z3 = T.zeros((2, 3, 4))

TYPES = [
    # reductions: integers in 64 bits, means of integers in float64
    (lambda: T.bmatrix().sum(), "int64", ()),
    (lambda: T.tensor("uint8", (None,)).sum(), "uint64", ()),
    (lambda: T.tensor("bool", (None,)).sum(), "int64", ()),
    (lambda: T.bvector().prod(), "int64", ()),
    (lambda: F.sum(axis=1), "float32", (None,)),
    (lambda: F.sum(dtype="float64"), "float64", ()),
    (lambda: T.tensor("float16", (3,)).mean(), "float16", ()),
    (lambda: T.bvector().mean(), "float64", ()),
    (lambda: F.mean(0), "float32", (None,)),
    (lambda: T.cvector().var(), "float32", ()),
    (lambda: F.std(keepdims=True), "float32", (1, 1)),
    (lambda: T.bvector().max(), "int8", ()),
    (lambda: Z3.max(axis=(0, 2)), "float64", (3,)),
    (lambda: Z3.min(axis=(0, -1), keepdims=True), "float64", (1, 3, 1)),
    (lambda: T.tensor("bool", (3,)).max(), "bool", ()),
    (lambda: Z3.argmax(axis=1), "int64", (2, 4)),
    (lambda: Z3.argmax(axis=(0, 2)), "int64", (3,)),
    (lambda: Z3.argmin(keepdims=True), "int64", (1, 1, 1)),
    (lambda: F.any(axis=0), "bool", (None,)),
    (lambda: Z.all(), "bool", ()),
    (lambda: T.norm(T.cvector()), "float32", ()),
    (lambda: T.bvector().cumsum(), "int8", (None,)),
    (lambda: T.cumprod(Z), "float64", (6,)),
    (lambda: T.cumsum(Z, axis=1), "float64", (2, 3)),
    (lambda: T.logsumexp(Z, axis=0), "float64", (3,)),
    # linear algebra
    (lambda: T.dot(F, V), "float32", (None,)),
    (lambda: T.dot(T.bmatrix(), F), "float32", (None, None)),
    (lambda: T.dot(Z3, T.zeros((5, 4, 2))), "float64", (2, 3, 5, 2)),
    (lambda: Z @ T.zeros((7, 3, 5)), "float64", (7, 2, 5)),
    (lambda: T.zeros((1, 2, 3)) @ T.zeros((5, 3, 4)), "float64", (5, 2, 4)),
    (lambda: T.zeros(3) @ T.zeros((5, 3, 4)), "float64", (5, 4)),
    (lambda: T.tensor("bool", (2, 2)) @ T.tensor("bool", (2, 2)), "bool", (2, 2)),
    (lambda: T.tensordot(Z3, T.zeros((4, 3)), ((1, 2), (1, 0))), "float64", (2,)),
    (lambda: T.outer(Z, V), "float64", (6, None)),
    (lambda: T.kron(Z, T.zeros(2)), "float64", (2, 6)),
    (lambda: T.einsum("...ij,kj->k...i", Z3, T.zeros((5, 4))), "float64", (5, 2, 3)),
    (lambda: T.einsum("ba", Z), "float64", (3, 2)),
    (lambda: T.batched_dot(Z3, T.zeros((2, 4))), "float64", (2, 3)),
    # shape
    (lambda: Z3.shape, "int64", (3,)),
    (lambda: F.shape[0], "int64", ()),
    (lambda: Z3.reshape((4, -1)), "float64", (4, 6)),
    (lambda: Z.reshape((Z.shape[1], -1)), "float64", (3, 2)),
    (lambda: F.reshape((1, -1)), "float32", (1, None)),
    (lambda: F.reshape(T.ivector(), ndim=3), "float32", (None, None, None)),
    (lambda: F.reshape(T.zeros((5, 6)).shape), "float32", (5, 6)),
    (lambda: Z3.flatten(2), "float64", (2, 12)),
    (lambda: Z.dimshuffle(1, "x", 0), "float64", (3, 1, 2)),
    (lambda: T.col().dimshuffle(0), "float64", (None,)),
    (lambda: Z3.T, "float64", (4, 3, 2)),
    (lambda: T.moveaxis(Z3, 0, -1), "float64", (3, 4, 2)),
    (lambda: T.row().squeeze(), "float64", (None,)),
    (lambda: T.broadcast_to(T.row(), (4, 5)), "float64", (4, 5)),
    (lambda: T.specify_shape(F, (2, None)), "float32", (2, None)),
    (lambda: T.unbroadcast(T.row(), 0), "float64", (None, None)),
    (lambda: T.addbroadcast(F, 1), "float32", (None, 1)),
    (lambda: T.join(0, Z, T.zeros((4, 3), "float32")), "float64", (6, 3)),
    (lambda: T.join(1, F, F), "float32", (None, None)),
    (lambda: T.stack([F, F], axis=-1), "float32", (None, None, 2)),
    (lambda: T.stack([S, 1.5, 2]), "float32", (3,)),
    (lambda: T.as_tensor_variable([[S, 1], [2, S]]), "float32", (2, 2)),
    (lambda: T.split(V, [1, 2], 2)[1], "float32", (2,)),
    (lambda: T.tile(Z, (2, 1, 3)), "float64", (2, 2, 9)),
    (lambda: T.repeat(Z, N, axis=0), "float64", (None, 3)),
    (lambda: T.roll(Z, 1), "float64", (2, 3)),
    (lambda: T.pad(Z, 1, mode="reflect"), "float64", (4, 5)),
    (lambda: T.diagonal(Z3, 1, 1, 2), "float64", (2, 3)),
    (lambda: T.diag(T.zeros(3), -1), "float64", (4, 4)),
    (lambda: T.trace(T.bmatrix()), "int64", ()),
    # from nothing
    (lambda: T.zeros((2, N), "int8"), "int8", (2, None)),
    (lambda: T.zeros(F.shape), "float64", (None, None)),
    (lambda: T.alloc(0, 1, N), "int64", (1, None)),
    (lambda: T.ones_like(T.row()), "float64", (1, None)),
    (lambda: T.arange(7), "int64", (7,)),
    (lambda: T.arange(T.bscalar()), "int64", (None,)),
    (lambda: T.arange(S), "float32", (None,)),
    (lambda: T.arange(0, 1, 0.25), "float64", (4,)),
    (lambda: T.linspace(0, 1, 5), "float64", (5,)),
    (lambda: T.eye(2, N), "float64", (2, None)),
    (lambda: T.tril(F), "float32", (None, None)),
    # indexing
    (lambda: Z3[0, ..., 1:], "float64", (3, 3)),
    (lambda: Z3[:, ::-2], "float64", (2, 2, 4)),
    (lambda: F[None, N], "float32", (1, None)),
    (lambda: Z3[:, [0, 1, 1]], "float64", (2, 3, 4)),
    (lambda: Z3[[0, 1], :, [0, 1]], "float64", (2, 3)),
    (lambda: Z3[:, 0, [0, 1]], "float64", (2, 2)),
    (lambda: Z3[[0, 1], None, [0, 1]], "float64", (2, 1, 4)),
    (lambda: Z[np.array([[True, False, True], [False, True, True]])], "float64", (4,)),
    (lambda: F[F > 0], "float32", (None,)),
    (lambda: F[T.arange(4), I], "float32", (4,)),
    (lambda: T.take(Z, [[0, 1]], axis=1), "float64", (2, 1, 2)),
    (lambda: T.set_subtensor(F[0, 1:], 1), "float32", (None, None)),
    (lambda: T.inc_subtensor(Z3[:, [0, 0], 1:], 1), "float64", (2, 3, 4)),
    (lambda: T.nonzero(Z)[1], "int64", (None,)),
    # softmax and losses
    (lambda: T.softmax(V), "float32", (None,)),
    (lambda: T.softmax(T.imatrix()), "float64", (None, None)),
    (lambda: T.nnet.logsoftmax(F, axis=0), "float32", (None, None)),
    (lambda: T.nnet.categorical_crossentropy(T.softmax(F), I), "float32", (None,)),
    (lambda: T.nnet.categorical_crossentropy(F, F), "float32", (None,)),
    (lambda: T.to_one_hot(I, 5), "float64", (None, 5)),
    # operators and NumPy's functions
    (lambda: 2 * F, "float32", (None, None)),
    (lambda: np.float64(2) * F, "float64", (None, None)),
    (lambda: np.ones((2, 3), "float32") @ F, "float32", (2, None)),
    (lambda: np.ones(3) + F, "float64", (None, 3)),
    (lambda: F < 1, "bool", (None, None)),
    (lambda: divmod(I, 2)[1], "int32", (None,)),
    (lambda: -F ** 2 % 3, "float32", (None, None)),
    (lambda: round(F), "float32", (None, None)),
    (lambda: np.exp(F), "float32", (None, None)),
    (lambda: np.add(F, 1), "float32", (None, None)),
    (lambda: np.sum(F, 0), "float32", (None,)),
    (lambda: np.concatenate([Z, np.ones((1, 3))]), "float64", (3, 3)),
    (lambda: np.where(F > 0, F, 0), "float32", (None, None)),
]


@pytest.mark.parametrize("build, dtype, shape", TYPES)
def test_type(build, dtype, shape):
    assert build().type == T.TensorType(dtype, shape)


ERRORS = [
    (lambda: F[0, 0, 0], IndexError, "too many indices for array"),
    (lambda: F[1.5], TypeError, "index must be integers or a boolean mask"),
    (lambda: F[True], TypeError, "index must be integers or a boolean mask"),
    (lambda: F[S], TypeError, "index must be integers or a boolean mask"),
    (lambda: F[..., ...], IndexError, "single ellipsis"),
    (lambda: Z[2], IndexError, "index 2 is out of bounds for axis 0 with size 2"),
    (lambda: Z[:, [0, -4]], IndexError, "index -4 is out of bounds for axis 1 with size 3"),
    (lambda: Z[np.zeros(3, bool)], IndexError, "boolean index did not match"),
    (lambda: F[::0], ValueError, "slice step cannot be zero"),
    (lambda: T.set_subtensor(F, 1), TypeError, "result of an indexing"),
    (lambda: T.set_subtensor(I[0], 1.5), TypeError, "without loss"),
    (lambda: T.set_subtensor(F[0], F), TypeError, "the part only 1"),
    (lambda: T.set_subtensor(Z[0], np.ones(2)), ValueError, "size 2 where the part has 3"),
    (lambda: T.join(0, S, S), TypeError, "stack"),
    (lambda: T.join(0, F, V), TypeError, "same number of axes"),
    (lambda: T.join(0, Z, T.zeros((2, 4))), ValueError, "axis 1, input 0 has 3"),
    (lambda: T.dot(Z, Z), ValueError, r"Shape mismatch: \(2, 3\) and \(2, 3\)"),
    (lambda: Z @ Z, ValueError, "Shape mismatch"),
    (lambda: T.tensordot(Z, Z, 1), ValueError, "Shape mismatch"),
    (lambda: F @ S, ValueError, "0-d"),
    (lambda: T.einsum("ij,jk", Z, Z), ValueError, "'j' has size 3 and size 2"),
    (lambda: T.einsum("ij->k", Z), ValueError, "in no operand"),
    (lambda: Z + T.zeros((3, 2)), ValueError, "do not broadcast"),
    (lambda: Z.reshape((4, 2)), ValueError, "do not fit"),
    (lambda: Z.reshape((4, -1)), ValueError, "do not divide"),
    (lambda: Z.reshape((-1, -1)), ValueError, "only one size may be -1"),
    (lambda: F.reshape(I), ValueError, "ndim="),
    (lambda: F.reshape(V), TypeError, "holds integers"),
    (lambda: Z.dimshuffle(0), ValueError, "You cannot drop a non-broadcastable dimension"),
    (lambda: F.dimshuffle(0, 0), ValueError, "twice"),
    (lambda: F.transpose(0, 0), ValueError, "do not match"),
    (lambda: T.specify_shape(Z, (2, 4)), ValueError, "axis 1 has size 3, not 4"),
    (lambda: T.broadcast_to(Z, (4, 3)), ValueError, "not known to be 1"),
    (lambda: T.zeros((2, -1)), ValueError, "negative dimensions"),
    (lambda: T.zeros((2, 1.5)), TypeError, "integer"),
    (lambda: T.max(T.zeros((0, 3)), 0), ValueError, "zero-size array to reduction operation max"),
    (lambda: T.argmax(T.zeros(0)), ValueError, "argmax of an empty sequence"),
    (lambda: T.sum(F, 2), ValueError, "out of bounds"),
    (lambda: T.sum(F, (0, 0)), ValueError, "twice"),
    (lambda: T.max(T.cvector()), TypeError, "complex64"),
    (lambda: T.split(Z, [1, 1], 2, axis=1), ValueError, "add up"),
    (lambda: T.repeat(F, V), TypeError, "integers"),
    (lambda: T.take(F, V), TypeError, "integers"),
    (lambda: T.choose(V, [V]), TypeError, "integers"),
    (lambda: T.nonzero(S), ValueError, "at least one axis"),
    (lambda: T.pad(F, 1, mode="odd"), ValueError, "mode"),
    (lambda: T.categorical_crossentropy(F, V), TypeError, "integers"),
    (lambda: T.to_one_hot(V, 3), TypeError, "integers"),
    (lambda: bool(F > 0), TypeError, "truth"),
    (lambda: float(S), TypeError, "not known"),
    (lambda: len(F), TypeError, "length"),
    (lambda: list(F), TypeError, "length"),
    (lambda: np.array(F), TypeError, "not known"),
    (lambda: 1 in V, TypeError, "T.eq"),
    (lambda: F.__setitem__(0, 1), TypeError, "set_subtensor"),
    (lambda: np.add.reduce(F), TypeError, "np.add.reduce"),
    (lambda: np.exp(F, out=np.ones((2, 2))), TypeError, "np.exp with out"),
    (lambda: np.unwrap(F), TypeError, "numpy.unwrap"),
]


@pytest.mark.parametrize("build, error, words", ERRORS)
def test_error_when_the_line_runs(build, error, words):
    with pytest.raises(error, match=words):
        build()


# ----- sizes -----

def test_shape_can_be_unpacked_and_gives_its_sizes_back():
    rows, cols = F.shape
    assert len(F.shape) == 2
    assert rows.owner.op.name == "shape_i"
    assert F.shape[1] is not cols               # each use makes its own node ..
    assert F.shape[-1].owner.params == {"axis": 1}      # .. and no indexing
    assert [int(n.data) for n in Z3.shape[1:]] == [3, 4]


def test_sizes_that_are_the_same_expression_need_no_check():
    assert F[1:].type == F[:-1].type
    assert F.reshape((F.shape[0], -1)).type.shape == (None, None)


def test_constants_of_known_length_are_iterable():
    assert [x.type.shape for x in T.constant([3, 4])] == [(), ()]


# ----- variables -----

def test_equality_is_identity():
    assert F == F
    assert F != V
    assert {F: 1}[F] == 1
    assert T.eq(F, F).type.dtype == "bool"


def test_names_and_constructors():
    x, y = T.dmatrices("x", "y")
    assert (x.name, y.name, x.type) == ("x", "y", T.dmatrix)
    assert len(T.iscalars(3)) == 3
    assert T.dmatrix.dtype == "float64"
    assert T.crow.broadcastable == (True, False)
    assert T.tensor("int8", (None, 3), "t").type.shape == (None, 3)
    assert T.tensor("int8", broadcastable=(True, False)).type.shape == (1, None)
    assert T.tensor7().ndim == 7


def test_unprefixed_constructors_ask_for_float_x_when_they_are_called(monkeypatch):
    monkeypatch.setitem(vars(config), "floatX", "float32")
    assert T.matrix().dtype == "float32"
    assert T.matrix(dtype="int8").dtype == "int8"
    assert T.zeros(2).dtype == "float32"


@pytest.mark.parametrize("build", [
    lambda: F[1:, [0, 1]].sum(), lambda: T.softmax(F), lambda: T.constant([1, 2]),
    lambda: T.set_subtensor(F[0], 1)])
def test_variables_can_be_pickled_and_copied(build):
    x = build()
    assert pickle.loads(pickle.dumps(x)).type == x.type
    assert copy.deepcopy(x).type == x.type


def test_a_node_remembers_the_line_that_made_it():
    line = T.sum(F[0]).owner.loc
    assert line[0] == __file__


def test_every_public_function_is_documented():
    functions = [f for name, f in vars(T).items()
                 if callable(f) and not name.startswith("_") and not isinstance(f, type)
                 and not isinstance(f, T.TensorType)]
    assert [f.__name__ for f in functions if not f.__doc__] == []
