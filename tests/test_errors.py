"""Errors of a running program: they show the op, what it worked on, and the user's line."""
import numpy as np
import pytest

import cytensor as ct
import cytensor.tensor as T
from cytensor.ops.objects import python_op

V, U, M = T.dvector("v"), T.dvector("u"), T.dmatrix("m")
K = T.lvector("i")


@pytest.fixture
def high():
    """High verbosity during a test."""
    ct.config.exception_verbosity = "high"
    yield
    ct.config.exception_verbosity = "low"


def text_of(error, f, *args):
    with pytest.raises(error) as info:
        f(*args)
    return "\n".join([str(info.value), *getattr(info.value, "__notes__", ())])


def failing(inputs, params):
    raise KeyError("not there")


fail = python_op("fail", failing, lambda x: x.type, lambda S, shapes, inputs: shapes[0])

#: A function, its arguments, the class of the error, and what the message has to tell.
CASES = {
    "a kernel": lambda: (
        ct.function([V, K], V[K]), ([1.0, 2.0, 3.0], [7]), IndexError, [            # the kernel
            "gather: index 7 is out of bounds for axis 0 with size 3", "gather(v, i)",
            "# the kernel", "Inputs shapes: [(3,), (1,)]", "Inputs strides: [(8,), (8,)]",
            "Inputs dtypes: [float64, int64]", "Inputs values: [array([1., 2., 3.]), array([7])]",
            "Inputs types: [TensorType(float64, vector), TensorType(int64, vector)]", "HINT"]),
    "a group": lambda: (
        ct.function([M, K], T.exp(M)[T.arange(M.shape[0]), K] + 1), (np.ones((2, 3)), [0, 5]),
        IndexError, ["pick", "index 5 is out of bounds for axis", "with size 3", "test_errors.py",
                     "(2, 3)", "array([0, 5])"]),
    "a gather of a group": lambda: (
        ct.function([V, K], T.exp(V[K]) * 2), ([1.0, 2.0, 3.0], [7]), IndexError, [     # its rows
            "gather: index 7 is out of bounds for axis 0 with size 3", "in gather, made at",
            "# its rows", "Apply nodes that ran together: fused(gather, exp, mul)",
            "Inputs: [v, i", "array([1., 2., 3.]), array([7])"]),
    "sizes of a plan": lambda: (
        ct.function([V, U], V + U), ([1.0, 2.0], [1.0, 2.0, 3.0]), ValueError, [    # the sizes
            "add: sizes 2 and 3 differ", "# the sizes", "Inputs shapes: [(2,), (3,)]",
            "add(v, u)"]),
    "sizes of a product": lambda: (
        ct.function([M, V], T.dot(M, V)), (np.ones((2, 3)), [1.0]), ValueError, [
            "x has 3 columns, but y has 1 rows", "Inputs shapes: [(2, 3), (1, 1)]"]),
    "a static size": lambda: (
        ct.function([M], M.reshape((2, 2))), (np.ones((2, 3)),), ValueError,
        ["reshape", "made at"]),
    "python": lambda: (
        ct.function([V], fail(V + 1)), ([1.0],), KeyError, [                # in Python
            "not there", "while running fail", "# in Python", "Inputs shapes: [(1,)]",
            "Inputs values: [array([2.])]", "HINT"]),
    "nothing to take the largest of": lambda: (
        ct.function([V], V.max()), ([],), ValueError, ["zero-size array", "made at", "(0,)"]),
}


@pytest.mark.parametrize("case", CASES)
def test_the_message_tells(case):
    f, args, error, pieces = CASES[case]()
    text = text_of(error, f, *args)
    assert [piece for piece in pieces if piece not in text] == []


def test_large_values_are_not_shown():
    text = text_of(IndexError, ct.function([V, K], V[K]), np.ones(100), [200])
    assert "Inputs values: [not shown, array([200])]" in text


def test_high_verbosity_shows_the_graph_and_the_memory(high):
    W = ct.shared(np.ones((2, 5)), "W")
    f = ct.function([V, K], T.dot(W, V)[K] + T.constant(np.ones(1000)).sum())
    text = text_of(IndexError, f, np.ones(5), [9])
    assert "gather [id A] <TensorType(float64, vector)>" in text and "HINT" not in text
    assert "  v: argument, float64, shape (5,), 40 bytes" in text
    assert "  W: shared value, float64, shape (2, 5), 80 bytes" in text
    assert "in all: " in text
    assert "Debugprint" in text_of(ValueError, ct.function([V, U], V + U), [1.0], [1.0, 2.0])


def test_errors_of_late_sizes_show_shapes():
    f = ct.function([V, U], V[V > 0] + U)
    assert "Inputs shapes: [(2,), (3,)]" in text_of(ValueError, f, [1.0, -1.0, 2.0], [1.0] * 3)


def test_a_group_lists_its_nodes():
    f = ct.function([M, K], T.exp(M)[T.arange(M.shape[0]), K].sum())
    text = text_of(IndexError, f, np.zeros((2, 3)), [0, -7])
    assert "Apply nodes that ran together" in text and "  exp  " in text and "  pick  " in text
