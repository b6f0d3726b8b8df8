"""Indexing as NumPy does it: random keys, read, written, differentiated, and their sizes.

Run by the naive twin (`reference.py`). Keys mix numbers, slices, new axes, an ellipsis, index
arrays and masks; some of their parts are symbolic.
"""
import pickle

import numpy as np
import pytest
from reference import evaluate

import cytensor
import cytensor.tensor as T
from cytensor import grad
from cytensor._core import toposort
from cytensor.ops.sizes import Sizes

KINDS = (["number", "slice"], ["number", "slice", "array"], ["number", "slice", "array", "mask"])
#: Only one in so many random keys is compiled; all are run by the naive twin.
COMPILED = 5


class Keys:
    """Random keys, and the symbolic variables that stand for parts of them."""

    def __init__(self, seed):
        self.random = np.random.default_rng(seed)
        self.feed = {}

    def key(self, shape):
        kinds = KINDS[self.random.integers(len(KINDS))]
        first = self.random.integers(0, len(shape) + 1)
        last = self.random.integers(first, len(shape) + 1)
        parts = self.parts(shape[:first], kinds)
        if last > first or self.random.random() < 0.3:
            parts.append(Ellipsis)
        parts += self.parts(shape[last:], kinds)
        for _ in range(self.random.integers(0, 2)):
            parts.insert(self.random.integers(0, len(parts) + 1), None)
        return tuple(parts)

    def parts(self, shape, kinds):
        """A part for each axis; sometimes a mask takes two."""
        parts = []
        while shape:
            if "mask" in kinds and len(shape) > 1 and self.random.random() < 0.25:
                parts.append(self.random.random(shape[:2]) < 0.6)
                shape = shape[2:]
            else:
                parts.append(self.part(shape[0], kinds))
                shape = shape[1:]
        return parts

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
    if seed % COMPILED == 0:
        again = cytensor.function(list(keys.feed), [part, g], on_unused_input="ignore")
        for a, b in zip(again(*keys.feed.values()), (got, got_grad)):
            np.testing.assert_array_equal(a, b)


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
    if seed % COMPILED == 0:
        outputs = [T.set_subtensor(part, y_variable), T.inc_subtensor(part, y_variable)]
        again = cytensor.function(list(keys.feed), outputs, on_unused_input="ignore")
        for a, b in zip(again(*keys.feed.values()), got):
            np.testing.assert_allclose(a, b)


def test_writing_through_views():
    """Transposes and reshapes of a part are looked through: the result is the whole."""
    a = T.dmatrix("a")
    x, y = np.arange(12.0).reshape(3, 4), np.arange(8.0).reshape(4, 2)
    outputs = [T.set_subtensor(a[1:].T, y), T.inc_subtensor(a[:2].reshape((-1,)), y.ravel())]
    turned, flat = evaluate(outputs, {a: x})
    np.testing.assert_array_equal(turned, np.vstack([x[:1], y.T]))
    np.testing.assert_array_equal(flat, np.vstack([x[:2] + y.reshape(2, 4), x[2:]]))


@pytest.mark.parametrize("seed", range(0, 150, 7))
def test_second_order(seed):
    """The gradient of a gradient, through reading and through adding."""
    x, key, variable, symbolic, keys = case(seed)
    if not x[key].size:
        return
    part = variable[symbolic]
    cost = (T.inc_subtensor(part, part ** 2) ** 2).sum()
    slope = (grad(cost, variable) * T.constant(keys.random.normal(size=x.shape))).sum()
    way, h = keys.random.normal(size=x.shape), 1e-5
    above, below = [evaluate(slope, {**keys.feed, variable: x + d * way}) for d in (h, -h)]
    curve = evaluate(grad(slope, variable), keys.feed)
    np.testing.assert_allclose((curve * way).sum(), (above - below) / (2 * h), rtol=1e-5,
                               atol=1e-6)


def test_a_part_of_a_part_is_a_part_also_after_pickling():
    """What is written to a[1:3][:, i] is a[1:3]."""
    a, i = T.dmatrix("a"), T.lvector("i")
    fresh = a, i, a[1:3][:, i]
    for whole, places, part in (fresh, pickle.loads(pickle.dumps(fresh))):
        written = evaluate(T.set_subtensor(part, 0), {whole: np.ones((4, 5)), places: [1, 2]})
        np.testing.assert_array_equal(written, [[1, 0, 0, 1, 1]] * 2)


@pytest.mark.parametrize("key, error", [
    ((0, 0, 0), IndexError), (1.5, TypeError), (True, TypeError), ("a", TypeError),
    ((..., ...), IndexError), (2**70, IndexError), (np.zeros(3), TypeError),
    ((slice(None), np.zeros((2, 2), bool)), IndexError), (slice(0.5, None), TypeError)])
def test_keys_that_are_no_keys(key, error):
    with pytest.raises(error):
        T.dmatrix("a")[key]


@pytest.mark.parametrize("key, error", [
    (slice(None), TypeError), ((0, 0), TypeError), ([0, 1], ValueError), (0, ValueError)])
def test_values_that_do_not_fit(key, error):
    """A value of three elements in two axes, where the part has 2 or no axes, or other sizes."""
    a = T.tensor("float32", (4, 5), name="a")
    y = T.tensor("float32", (1, 3), name="y") if error is ValueError else T.tensor3("y")
    y = y[0] if key == 0 else y
    with pytest.raises(error):
        T.set_subtensor(a[key], y)


@pytest.mark.parametrize("key", [slice(1, 3), [0, 2]], ids=["slice", "array"])
def test_a_value_that_turns_out_to_have_size_1(key):
    """It broadcasts, though nobody knew; another size that does not fit is an error."""
    a, y = T.dmatrix("a"), T.dmatrix("y")
    f = cytensor.function([a, y], T.inc_subtensor(a[key], y))
    for shape in ((2, 3), (1, 3), (2, 1), (1, 1)):
        assert f(np.zeros((4, 3)), np.ones(shape)).sum() == 6
    with pytest.raises(ValueError, match="the value has size 3 where the part has 2"):
        f(np.zeros((4, 3)), np.ones((3, 3)))


def test_a_mask_of_another_size_is_an_error_of_the_run():
    a, mask = T.dmatrix("a"), T.tensor("bool", (None, None), name="mask")
    f = cytensor.function([a, mask], a[mask])
    with pytest.raises(IndexError, match="boolean index did not match"):
        f(np.ones((3, 4)), np.ones((3, 5), bool))


def test_places_that_are_not_zero_are_a_key():
    a = T.dmatrix("a")
    x = np.arange(6.0).reshape(2, 3) % 2
    got = cytensor.function([a], [a[a.nonzero()], a[(a > 0).nonzero()], T.nonzero_values(a)])(x)
    for values in got:
        np.testing.assert_array_equal(values, x[x > 0])


@pytest.mark.parametrize("bad", [[-1, 0], [0, 2]])
def test_a_choice_out_of_bounds(bad):
    a = T.lvector("a")
    with pytest.raises(ValueError, match="invalid entry in choice array"):
        cytensor.function([a], T.choose(a, [1.0, 2.0]))(bad)


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
