"""What Theano's functions take, and what its types, loops and files tell."""
import pickle

import numpy as np
import pytest


@pytest.fixture(scope="module")
def T(theano):
    """``theano.tensor``."""
    return theano.tensor


def ones(shape):
    return np.ones(shape)


# ----- types -----

def test_types_do_not_differ_by_sizes(theano, T):
    zeros, row = T.zeros((4,)), T.zeros((1, 4))
    assert zeros.type == T.dvector and T.dvector == zeros.type
    assert row.type == T.drow and row.type != T.dmatrix and zeros.type != T.fvector
    assert {T.dvector: "vector"}[zeros.type] == "vector" and zeros.type in [T.dmatrix, T.dvector]
    assert zeros.type.is_valid_value(ones(7)) and zeros.type.filter(ones(7)).shape == (7,)
    assert T.dvector.filter_variable(zeros) is zeros
    y = zeros.type("y")
    assert theano.function([y], y + 1)(ones(7)).shape == (7,)


def test_graphs_know_sizes_that_types_pass_over(theano, T):
    """Equal bytes in two shapes stay two constants, though their types are equal."""
    a, b = T.constant(np.zeros((2, 3))), T.constant(np.zeros((3, 2)))
    x, y = theano.function([], [a.sum(axis=0), b.sum(axis=0)])()
    assert x.shape == (3,) and y.shape == (2,)
    steps = [theano.scan(lambda row: row * 1, sequences=[v])[0] for v in (a, b)]
    assert [v.shape for v in theano.function([], steps)()] == [(2, 3), (3, 2)]


# ----- arguments -----

def test_the_axis_of_a_join_may_be_a_variable(theano, T):
    a, b, axis, row = T.dmatrix("a"), T.dmatrix("b"), T.lscalar("axis"), T.drow()
    joined = T.join(axis, a, b)
    assert T.join(axis, row, row).broadcastable == (False, False)
    f = theano.function([a, b, axis], [joined, joined.shape, *T.grad((joined ** 2).sum(), [a, b])])
    A, B = ones((2, 2)), 3 * ones((2, 2))
    for k in (0, 1, -1, -2):
        value, shape, ga, gb = f(A, B, k)
        np.testing.assert_array_equal(value, np.concatenate([A, B], axis=k))
        assert tuple(shape) == value.shape and (ga == 2 * A).all() and (gb == 2 * B).all()
    with pytest.raises(IndexError):
        f(A, B, 2)
    with pytest.raises(ValueError, match="equal"):
        f(A, B[:1], 1)
    assert f(A, B[:1], 0)[0].shape == (3, 2)
    halves = theano.function([a, axis], T.split(a, [1, 1], 2, axis=axis))
    assert [[part.shape for part in halves(A, k)] for k in (0, 1)] == [[(1, 2)] * 2, [(2, 1)] * 2]
    assert theano.function([axis], T.join(axis, ones(2), ones(1)))(0).shape == (3,)


def test_how_often_to_tile_may_be_a_vector(theano, T):
    x, reps = T.dmatrix(), T.ivector()
    f = theano.function([x, reps], T.tile(x, reps, 3))
    for numbers in ([2], [2, 3], [4, 2, 3]):
        want = np.tile(ones((2, 2)), [1] * (3 - len(numbers)) + numbers)
        np.testing.assert_array_equal(f(ones((2, 2)), numbers), want)


def test_the_shape_of_reshape_may_be_named(theano, T):
    x, shape = T.dmatrix(), T.lvector()
    f = theano.function([x, shape], [x.reshape(shape=(4, 1)), x.reshape(shape=shape, ndim=1)])
    assert [y.shape for y in f(ones((2, 2)), [4])] == [(4, 1), (4,)]


@pytest.mark.parametrize("start, stop, step", [(-5, 1.1, 1.2), (0.3, 20, 0.1), (2, -3, -0.3)])
def test_ranges_of_floats_are_numpys_to_the_last_bit(theano, T, start, stop, step):
    a, b, c = T.dscalars("a", "b", "c")
    want = np.arange(start, stop, step)
    assert (theano.function([a, b, c], T.arange(a, b, c))(start, stop, step) == want).all()
    assert (T.arange(start, stop, step, dtype="float64").eval() == want).all()


@pytest.mark.parametrize("name", ["sum", "prod"])
def test_a_sum_or_product_may_be_a_bool(theano, T, name):
    x = T.fmatrix()
    value = np.array([[0, 1, 0], [0, 2, 3]], "float32")
    result, = theano.function([x], [getattr(T, name)(x, axis=0, dtype="bool")])(value)
    want = getattr(np, name)(value, axis=0, dtype=bool)
    assert result.dtype == bool and (result == want).all()


# ----- loops and files -----

def test_the_arguments_of_a_function_on_disk(theano, T, tmp_path):
    x = T.dvector("x")
    theano.function_dump(tmp_path / "f.pkl", [x], x + 1, name="f")
    arguments = pickle.loads((tmp_path / "f.pkl").read_bytes())
    f = theano.function(**arguments)
    assert f.name == "f" and (f(ones(2)) == 2).all()


def test_the_op_of_a_loop_knows_what_is_inside(theano, T):
    from theano.scan_module.scan_op import Scan

    def step(x_t, h):
        new = T.tanh(x_t + T.dot(h, w))
        new.name, new.tag.role = "new", "state"
        return new

    x, w = T.dmatrix("x"), theano.shared(ones((2, 2)))
    y, _ = theano.scan(step, x, ones(2))
    node, = [node for node in theano.gof.graph.io_toposort([x], [y]) if isinstance(node.op, Scan)]
    new, = node.op.outputs
    assert new.name == "new" and new.tag.role == "state"
    inside = theano.gof.graph.inputs(node.op.outputs)
    assert {v.ndim for v in inside} == {1, 2} and set(inside) <= {*node.op.inputs}
    y, again = pickle.loads(pickle.dumps((y, y + 1)))
    node, = [n for n in theano.gof.graph.io_toposort([], [again]) if isinstance(n.op, Scan)]
    assert [v.name for v in node.op.outputs] == ["new"]


def test_values_on_disk_have_the_names_that_a_program_gives(theano, T, tmp_path):
    from theano.misc import pkl_utils

    class ByPath(pkl_utils.PersistentSharedVariableID):
        def __call__(self, obj):
            if isinstance(obj, theano.compile.SharedVariable):
                super().__call__(obj)
                self.ndarray_names[id(obj.container.storage[0])] = f"model-{obj.name}"
            named = id(obj) in self.ndarray_names
            return pkl_utils.PersistentGpuArrayID.__call__(self, obj) if named else None

    w = theano.shared(ones((2, 3)), name="w")
    with (tmp_path / "model.zip").open("wb") as file:
        pkl_utils.dump({"w": w, "cost": (w ** 2).sum()}, file, persistent_id=ByPath)
    assert np.load(tmp_path / "model.zip")["model-w"].shape == (2, 3)
    with (tmp_path / "model.zip").open("rb") as file:
        found = pkl_utils.load(file)
    found["w"].set_value(2 * ones((2, 3)))
    assert found["cost"].eval() == 24
