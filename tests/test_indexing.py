"""Indexing as NumPy does it: random keys, read, written, differentiated, and their sizes.

Run by the naive twin (`reference.py`). Keys mix numbers, slices, new axes, an ellipsis, index
arrays and masks; some of their parts are symbolic.
"""
import numpy as np
import pytest
from reference import evaluate

import cytensor.tensor as T
from cytensor import grad
from cytensor._core import toposort
from cytensor.ops.sizes import Sizes

KINDS = (["number", "slice"], ["number", "slice", "array"], ["number", "slice", "array", "mask"])


class Keys:
    """Random keys, and the symbolic variables that stand for parts of them."""

    def __init__(self, seed):
        self.random = np.random.default_rng(seed)
        self.feed = {}

    def key(self, shape):
        kinds = KINDS[self.random.integers(len(KINDS))]
        first = self.random.integers(0, len(shape) + 1)
        last = self.random.integers(first, len(shape) + 1)
        parts = [self.part(n, kinds) for n in shape[:first]]
        if last > first or self.random.random() < 0.3:
            parts.append(Ellipsis)
        parts += [self.part(n, kinds) for n in shape[last:]]
        for _ in range(self.random.integers(0, 2)):
            parts.insert(self.random.integers(0, len(parts) + 1), None)
        return tuple(parts)

    def part(self, n, kinds):
        kind = kinds[self.random.integers(len(kinds))]
        if kind == "number":
            return int(self.random.integers(-n, n))
        if kind == "slice":
            step = self.random.choice([-3, -2, -1, 1, 2, 3])
            return slice(self.end(n), self.end(n), self.maybe(int(step)))
        if kind == "mask":
            return self.random.random(n) < 0.6
        return self.random.integers(-n, n, size=[(3,), (2, 3), (1,), (2, 1)][
            self.random.integers(4)])

    def end(self, n):
        return self.maybe(int(self.random.integers(-n - 2, n + 3)))

    def maybe(self, value):
        return None if self.random.random() < 0.4 else value

    def symbolic(self, key):
        return tuple(self.symbolic_part(part) for part in key)

    def symbolic_part(self, part):
        if isinstance(part, slice):
            return slice(*map(self.symbolic_part, (part.start, part.stop, part.step)))
        if part is None or part is Ellipsis or self.random.random() < 0.5:
            return part
        part = np.asarray(part)
        return self.input(part)

    def input(self, array):
        shape = tuple(n if n == 1 else None for n in array.shape)
        x = T.tensor(str(array.dtype), shape)
        self.feed[x] = array
        return x


def case(seed):
    """Return (array, key, variable of the array, symbolic key, keys); a key that NumPy takes."""
    keys = Keys(seed)
    while True:
        shape = tuple(keys.random.integers(1, 5, size=keys.random.integers(1, 5)).tolist())
        x, key = keys.random.normal(size=shape), keys.key(shape)
        try:
            x[key]
        except IndexError:
            continue        # masks and arrays that do not broadcast
        return x, key, keys.input(x), keys.symbolic(key), keys


@pytest.mark.parametrize("seed", range(150))
def test_reading(seed):
    x, key, variable, symbolic, keys = case(seed)
    part = variable[symbolic]
    weights = keys.random.normal(size=x[key].shape)
    g = grad((part * T.constant(weights)).sum(), variable)
    got, got_grad = evaluate([part, g], keys.feed)
    np.testing.assert_array_equal(got, x[key])
    want = np.zeros_like(x)
    np.add.at(want, key, weights)
    np.testing.assert_allclose(got_grad, want)


@pytest.mark.parametrize("seed", range(150))
def test_writing(seed):
    x, key, variable, symbolic, keys = case(seed)
    shape = x[key].shape
    y = keys.random.normal(size=shape[keys.random.integers(0, len(shape) + 1):])
    y_variable = keys.input(y)
    part = variable[symbolic]
    got = evaluate([T.set_subtensor(part, y_variable), T.inc_subtensor(part, y_variable)],
                   keys.feed)
    is_set, is_added = x.copy(), x.copy()
    is_set[key] = y
    np.add.at(is_added, key, np.broadcast_to(y, shape))
    np.testing.assert_allclose(got[0], is_set)
    np.testing.assert_allclose(got[1], is_added)


def test_writing_through_views():
    """Transposes and reshapes of a part are looked through: the result is the whole."""
    a = T.dmatrix("a")
    x, y = np.arange(12.0).reshape(3, 4), np.arange(8.0).reshape(4, 2)
    outputs = [T.set_subtensor(a[1:].T, y), T.inc_subtensor(a[:2].reshape((-1,)), y.ravel())]
    turned, flat = evaluate(outputs, {a: x})
    np.testing.assert_array_equal(turned, np.vstack([x[:1], y.T]))
    np.testing.assert_array_equal(flat, np.vstack([x[:2] + y.reshape(2, 4), x[2:]]))


# ----- size rules -----

class RunSizes(Sizes):
    """The sizes of a run: all of them are known."""

    def __init__(self, values):
        super().__init__()
        self.values = values

    def value(self, variable):
        return int(self.values[variable])

    def unknown(self):
        raise AssertionError("a size that the run does not know")


@pytest.mark.parametrize("seed", range(100))
def test_size_rules_say_what_the_run_gives(seed):
    _, _, variable, symbolic, keys = case(seed)
    part = variable[symbolic]
    outputs = [part.sum(axis=0) if part.ndim else part, T.roll(variable, 2),
               T.inc_subtensor(part, 1), T.repeat(variable, 2, axis=0),
               T.pad(variable, 1).reshape((-1, 1)), T.softmax(variable), T.diag(part.ravel())]
    nodes = toposort(outputs)
    everything = [v for node in nodes for v in (*node.inputs, *node.outputs)]
    values = dict(zip(everything, evaluate(everything, keys.feed)))
    sizes = RunSizes(values)
    for node in nodes:
        if node.op.sizes is not None:
            shapes = [np.shape(values[v]) for v in node.inputs]
            assert node.op.sizes(sizes, shapes, node.inputs, **node.params) \
                == values[node.out].shape, node


def test_equal_slices_have_equal_sizes():
    """x[1:] - x[:-1] needs no check in the run: the two sizes are one object."""
    op, x = T.dvector()[1:].owner.op, T.dvector()
    sizes = Sizes()
    n = sizes.unknown()
    first, second = [op.sizes(sizes, [(n,)], [x], index=(("slice", start, stop, None),))
                     for start, stop in ((1, None), (None, -1))]
    assert first[0] is second[0]
