"""Random graphs with values: what the tests of whole graphs compare in every mode.

A graph grows step by step. Each step applies one function to variables that fit, and its value is
computed at once by the naive twin, so that sizes, bounds and magnitudes are known while the graph
is built. A step that finds nothing that fits gives up. Comparisons are made with odd constants,
places are those of inputs, and nothing grows beyond 50: a difference in rounding stays one.
"""
import math

import numpy as np
from reference import evaluate

import cytensor as ct
import cytensor.tensor as T
from cytensor._core import TensorType

LIMIT = 50
ODD = 0.3217            # no value is exactly this
MOST = 6_000            # elements of a value
SIZES = (0, 1, 1, 2, 3, 3, 4, 5, 17)
LONG = (1024, 1025, 2050)


class Unfit(Exception):
    """No operands that this step could take are there."""


class Graph:
    """A random graph.

    Parameters
    ----------
    rng : random.Random
    steps : int
    shared : float
        The part of the inputs that are shared variables.

    Attributes
    ----------
    inputs : list of Variable
    values : dict of Variable to ndarray
        Those of the inputs, and of everything that was made of them.
    """

    def __init__(self, rng, steps, shared=0):
        self.rng = rng
        self.shared = shared
        self.arrays = np.random.default_rng(rng.randint(0, 2**31))
        self.float = rng.choice(["float64", "float64", "float64", "float32"])
        self.sizes = rng.sample(SIZES, 3) + ([rng.choice(LONG)] if rng.random() < 0.15 else [])
        self.values = {}
        self.inputs = [self._input() for _ in range(rng.randint(1, 3))]
        for _ in range(steps):
            self._step(rng.choice(STEPS))

    @property
    def tolerance(self):
        """How far two ways to compute a value may be apart."""
        narrow = any([value.dtype in ("float16", "float32") for value in self.values.values()])
        return 1e-3 if narrow else 1e-9

    @property
    def feed(self):
        """The values of the inputs."""
        return {x: self.values[x] for x in self.inputs}

    @property
    def made(self):
        """What is no input."""
        return [x for x in self.values if x not in self.inputs]

    def _input(self):
        dtype = self.rng.choice([self.float, self.float, self.float, "int64", "int8"])
        sizes, name = self._random_sizes(), f"x{len(self.values)}"
        known, value = [self._known(n) for n in sizes], self.random_array(dtype, sizes)
        if self.rng.random() < self.shared:
            x = ct.shared(value, name, shape=known)
        else:
            x = TensorType(dtype, known)(name)
        self.values[x] = value
        return x

    def _random_sizes(self):
        sizes = [self.rng.choice(self.sizes) for _ in range(self.rng.choice([0, 1, 2, 2, 2, 3]))]
        return sizes if math.prod(sizes) <= MOST else sizes[:1]

    def _known(self, n):
        known = self.rng.random() < (0.75 if n == 1 else 0.2)
        return n if known else None

    def random_array(self, dtype, sizes):
        """An array of small numbers."""
        if np.dtype(dtype).kind == "f":
            return self.arrays.uniform(-2, 2, sizes).astype(dtype)
        return self.arrays.integers(-4, 5, sizes).astype(dtype)

    def _step(self, step):
        try:
            made = step(self)
        except Unfit:
            return
        for x in made if isinstance(made, (list, tuple)) else [made]:
            self._keep(x)

    def _keep(self, x):
        if x in self.values:
            return
        value = evaluate(x, self.values)
        if value.size <= MOST and (value.size == 0 or np.abs(value).max() <= LIMIT):
            self.values[x] = value

    # ----- choosing operands -----

    def pick(self, kinds="f", fits=lambda x: True):
        """Return a variable of these kinds of dtype; the later ones are likelier."""
        found = [x for x, value in self.values.items() if value.dtype.kind in kinds and fits(x)]
        if not found:
            raise Unfit
        return found[max(self.rng.randrange(len(found)) for _ in range(2))]

    def shape(self, x):
        """The sizes that ``x`` has in this run."""
        return self.values[x].shape

    def partner(self, *xs, kinds="f"):
        """Return a variable that broadcasts against all of ``xs``."""
        return self.pick(kinds, lambda y: all([self._broadcast(x, y) for x in xs]))

    def _broadcast(self, x, y):
        pairs = zip(reversed(list(zip(self.shape(x), x.type.shape))),
                    reversed(list(zip(self.shape(y), y.type.shape))))
        fit = all(n == m or 1 in (known, other) for (n, known), (m, other) in pairs)
        return fit and self.values[x].size * self.values[y].size <= MOST * 20

    def axes(self, x):
        """Some of the axes of ``x``, or None."""
        ndim = x.type.ndim
        if self.rng.random() < 0.3:
            return None
        return tuple(self.rng.sample(range(ndim), self.rng.randint(0, ndim)))

    def axis(self, x):
        """One axis of ``x``."""
        if x.type.ndim == 0:
            raise Unfit
        return self.rng.randrange(-x.type.ndim, x.type.ndim)


# ----- elementwise -----

UNARY = (
    lambda x: -x, T.abs, T.tanh, T.sin, T.cos, T.sigmoid, T.softplus, T.sqr, T.relu, T.erf,
    lambda x: T.exp(T.minimum(x, 2)), lambda x: T.sqrt(T.abs(x) + 0.1), lambda x: x ** 2,
    lambda x: T.log(1 + T.exp(x)), lambda x: T.log(T.sigmoid(x)), lambda x: T.log1p(T.sqr(x)),
    lambda x: 1 / (1 + x * x), lambda x: x * 1, lambda x: x + 0, lambda x: x * 0, lambda x: 1 - x,
    lambda x: 2 * x, lambda x: x / 2, lambda x: T.log(T.exp(x)), lambda x: x ** 3, lambda x: x - x,
    lambda x: T.exp(-T.sqr(x)), lambda x: (T.abs(x) + 0.2) ** 0.5, lambda x: T.expm1(T.tanh(x)),
    lambda x: T.clip(x, -0.7, 0.9), lambda x: T.arctan(x), lambda x: T.sqrt(T.sqr(x) + 1),
)
BINARY = (
    T.add, T.add, T.sub, T.mul, T.mul, T.maximum, T.minimum, T.logaddexp,
    lambda x, y: x / (1 + T.sqr(y)), lambda x, y: x * y + x, lambda x, y: (x - y) ** 2,
    lambda x, y: T.exp(T.minimum(x, 1)) * T.exp(T.minimum(y, 1)),
    lambda x, y: T.switch(x > ODD, x, y), lambda x, y: x * y / (1 + T.abs(y)),
    lambda x, y: T.arctan2(x, T.abs(y) + 0.3), lambda x, y: x * T.sigmoid(y),
)
INTEGER = (
    lambda x: x // 3, lambda x: x % 3, lambda x: -x, lambda x: x + 1, lambda x: x * x, T.abs, T.sgn,
    lambda x: T.maximum(x, 0), lambda x: T.eq(x, 1), lambda x: x > 0,
)


def unary(graph):
    return graph.rng.choice(UNARY)(graph.pick())


def binary(graph):
    x = graph.pick()
    pair = [x, graph.partner(x)]
    graph.rng.shuffle(pair)
    return graph.rng.choice(BINARY)(*pair)


def integer(graph):
    return graph.rng.choice(INTEGER)(graph.pick("i"))


def mixed(graph):
    """A float and an integer or a truth value."""
    x = graph.pick()
    op = graph.rng.choice([T.mul, T.add])
    return op(x, graph.partner(x, kinds="ib"))


def compare(graph):
    return graph.pick() > ODD


def choose(graph):
    condition = graph.pick("b")
    x = graph.partner(condition)
    return T.switch(condition, x, graph.partner(condition, x) if graph.rng.random() < 0.5 else 0)


def as_float(graph):
    return graph.pick("ib").astype(graph.float)


# ----- reductions -----

def total(graph):
    x = graph.pick("fib")
    reduce = graph.rng.choice([T.sum, T.sum, T.sum, T.prod])
    return reduce(x, axis=graph.axes(x), keepdims=graph.rng.random() < 0.4)


def extreme(graph):
    x = graph.pick("fi", lambda x: graph.values[x].size)
    reduce = graph.rng.choice([T.max, T.min, T.mean, T.var, T.logsumexp, T.ptp])
    return reduce(x, axis=graph.axes(x), keepdims=graph.rng.random() < 0.4)


def place(graph):
    x = graph.pick("f", lambda x: x in graph.inputs and graph.values[x].size)
    return graph.rng.choice([T.argmax, T.argmin])(x, axis=graph.axes(x))


def truth(graph):
    x = graph.pick("b")
    return graph.rng.choice([T.all, T.any])(x, axis=graph.axes(x), keepdims=True)


def running(graph):
    x = graph.pick("fi")
    return graph.rng.choice([T.cumsum, T.cumsum, T.cumprod])(x, axis=graph.axis(x))


def soft(graph):
    x = graph.pick("f", lambda x: graph.values[x].size)
    function = graph.rng.choice([
        T.softmax, T.logsoftmax, lambda x, axis: T.log(T.softmax(x, axis))])
    return function(x, axis=graph.axis(x))


# ----- other views of the same elements -----

def dimshuffle(graph):
    x = graph.pick("fib")
    kept = [i for i, n in enumerate(x.type.shape) if n != 1 or graph.rng.random() < 0.5]
    graph.rng.shuffle(kept)
    for _ in range(graph.rng.choice([0, 0, 1, 2])):
        if len(kept) < 4:
            kept.insert(graph.rng.randint(0, len(kept)), "x")
    return x.dimshuffle(kept)


def reshape(graph):
    x = graph.pick("fib")
    n = graph.values[x].size
    way = graph.rng.randrange(4)
    if way == 0:
        return x.flatten()
    if way == 1 and n:
        divisor = graph.rng.choice([m for m in range(1, 7) if n % m == 0])
        return x.reshape(graph.rng.choice([(divisor, -1), (-1, divisor), (divisor, n // divisor)]))
    if way == 2 and x.type.ndim > 1:
        return x.reshape((x.shape[0] * x.shape[1], *[x.shape[i] for i in range(2, x.type.ndim)]))
    return x.reshape([*x.shape, 1]) if x.type.ndim < 4 else x.flatten()


def part(graph):
    x = graph.pick("fib")
    return x[_key(graph, x)]


def _key(graph, x, least=0):
    """A random basic index. With ``least`` = 1 it is not empty."""
    rng = graph.rng
    key = []
    for n in graph.shape(x)[:rng.randint(least, max(least, x.type.ndim))]:
        if n and rng.random() < 0.25:
            key.append(rng.randrange(-n, n))
        else:
            ends = [rng.choice([None, None, 0, 1, 2, -1, -2, n // 2, n + 2]) for _ in range(2)]
            key.append(slice(*ends, rng.choice([None, None, 1, 2, -1, -2])))
    if len(key) < least:
        raise Unfit
    return tuple(key)


def moving_part(graph):
    """A slice whose ends are computed in the graph."""
    x, i = graph.pick("fib", lambda x: x.type.ndim), graph.pick("i", lambda i: not i.type.ndim)
    n = x.shape[0]
    return graph.rng.choice([lambda: x[i % (n + 1):], lambda: x[:i], lambda: x[n // 2:],
                             lambda: x[:n - 1], lambda: x[n // 3::-1], lambda: x[i:i + 2]])()


def spread(graph):
    x = graph.pick("fib", lambda x: x.type.ndim < 3)
    return T.broadcast_to(x, (graph.rng.choice([0, 1, 2, 3]), *x.shape))


def diagonal(graph):
    x = graph.pick("fib", lambda x: x.type.ndim >= 2)
    return T.diagonal(x, graph.rng.choice([-1, 0, 0, 1]), *graph.rng.sample(range(x.type.ndim), 2))


# ----- products, joins -----

def matmul(graph):
    x = graph.pick("f", lambda x: x.type.ndim in (1, 2, 3))
    y = graph.pick("f", lambda y: y.type.ndim in (1, 2) and graph.shape(y)[0] == graph.shape(x)[-1])
    return x @ y


def gram(graph):
    x = graph.pick("f", lambda x: x.type.ndim == 2 and max(graph.shape(x)) ** 2 <= MOST)
    return x @ x.T if graph.rng.random() < 0.5 else x.T @ x


def batched(graph):
    x = graph.pick("f", lambda x: x.type.ndim == 3 and max(graph.shape(x)) ** 2 <= MOST)
    return T.batched_dot(x, x.dimshuffle(0, 2, 1))


def join(graph):
    x = graph.pick("fi", lambda x: x.type.ndim)
    axis = graph.axis(x) % x.type.ndim
    others = [i for i in range(x.type.ndim) if i != axis]
    y = graph.pick(graph.values[x].dtype.kind, lambda y: y.type.ndim == x.type.ndim and all(
        graph.shape(x)[i] == graph.shape(y)[i] for i in others))
    return T.join(axis, x, y, *([x] if graph.rng.random() < 0.3 else []))


def stack(graph):
    x = graph.pick("fib", lambda x: x.type.ndim < 3)
    y = graph.pick(graph.values[x].dtype.kind, lambda y: graph.shape(x) == graph.shape(y))
    return T.stack([x, y], axis=graph.rng.randint(0, x.type.ndim))


def rearrange(graph):
    x = graph.pick("fib", lambda x: x.type.ndim)
    axis = graph.axis(x)
    return graph.rng.choice([
        lambda: T.roll(x, graph.rng.randint(-2, 2), axis), lambda: T.flip(x, axis),
        lambda: T.repeat(x, graph.rng.randint(0, 3), axis), lambda: T.tile(x, 2),
        lambda: T.pad(x, 1)])()


# ----- by index arrays -----

def gather(graph):
    x = graph.pick("fib", lambda x: x.type.ndim)
    axis = graph.axis(x) % x.type.ndim
    return x[(slice(None),) * axis + (_places(graph, x, axis),)]


def _places(graph, x, axis):
    """Indices of an axis: constants, or computed."""
    n = graph.shape(x)[axis]
    if not n:
        raise Unfit
    if graph.rng.random() < 0.5:
        return graph.arrays.integers(-n, n, graph.rng.choice([(2,), (0,), (2, 3), (7,)]))
    return graph.pick("i", lambda i: 0 < i.type.ndim < 3) % x.shape[axis]


def mask(graph):
    x = graph.pick("fi", lambda x: x.type.ndim)
    ndim = graph.rng.randint(1, x.type.ndim)
    return x[graph.pick("b", lambda m: graph.shape(m) == graph.shape(x)[:ndim])]


def take_each(graph):
    x = graph.pick("f", lambda x: x in graph.inputs and x.type.ndim and graph.values[x].size)
    return T.take_along_axis(x, T.argmax(x, axis=-1, keepdims=True), axis=-1)


def write(graph):
    """set_subtensor or inc_subtensor with a basic index."""
    x = graph.pick("fi", lambda x: x.type.ndim)
    place = x[_key(graph, x, least=1)]
    graph._keep(place)
    return _written(graph, place)


def write_at(graph):
    """The same with an index array. Nothing is set twice."""
    x = graph.pick("fi", lambda x: x.type.ndim and graph.shape(x)[0])
    n = graph.shape(x)[0]
    if graph.rng.random() < 0.5:
        place = x[graph.arrays.permutation(n)[:graph.rng.randint(0, n)]]
        graph._keep(place)
        return _written(graph, place)
    return T.inc_subtensor(x[_places(graph, x, 0)], 1)


def _written(graph, place):
    if place not in graph.values:
        raise Unfit
    function = graph.rng.choice([T.set_subtensor, T.inc_subtensor])
    if graph.rng.random() < 0.3:
        return function(place, 1)
    kind = graph.values[place].dtype.kind
    return function(place, graph.pick(kind, lambda y: _fits_into(graph, y, place)))


def _fits_into(graph, y, place):
    if y.type.ndim > place.type.ndim or graph.values[y].dtype != graph.values[place].dtype:
        return False
    skip = place.type.ndim - y.type.ndim
    return all(n == 1 or m == k for n, m, k in zip(
        y.type.shape, graph.shape(y), graph.shape(place)[skip:]))


# ----- sizes as numbers -----

def size(graph):
    x = graph.pick("f", lambda x: x.type.ndim)
    return x * x.shape[0] if graph.rng.random() < 0.5 else x.shape[graph.axis(x)]


def count(graph):
    x = graph.pick("f", lambda x: x.type.ndim)
    return T.arange(x.shape[0]) + x.shape[0]


# ----- new values of shared variables -----

def update(graph, x):
    """Return an expression of the type and shape of ``x``, such as an update of it may be."""
    def fits(y):
        return graph.values[y].dtype == graph.values[x].dtype and graph.shape(y) == graph.shape(x)

    y = graph.pick(graph.values[x].dtype.kind, fits)
    ways = [lambda: y, lambda: x + y, lambda: x - y, lambda: y * 2 - x, lambda: x * y]
    if graph.values[x].dtype.kind == "f":
        ways += [lambda: x - 0.1 * y, lambda: 0.9 * x + 0.1 * y,
                 lambda: x - 0.1 * _product(graph, x), lambda: x + _product(graph, x)]
    if x.type.ndim:
        ways += [lambda: T.inc_subtensor(x[_key(graph, x, 1)], 1),
                 lambda: T.set_subtensor(x[_key(graph, x, 1)], 0), lambda: T.flip(x + y, 0),
                 lambda: x + x[::-1], lambda: T.set_subtensor(x[:1], y[:1])]
    return graph.rng.choice(ways)()


def _product(graph, x):
    """A product of matrices in the shape of ``x``."""
    if x.type.ndim != 2:
        raise Unfit
    n, m = graph.shape(x)
    dtype = graph.values[x].dtype
    a = graph.pick("f", lambda a: a.type.ndim == 2 and graph.shape(a)[0] == n)
    b = graph.pick("f", lambda b: b.type.ndim == 2 and graph.shape(b) == (graph.shape(a)[1], m)
                   and graph.values[a].dtype == graph.values[b].dtype == dtype)
    return a @ b


STEPS = (
    *[unary] * 6, *[binary] * 7, integer, mixed, compare, choose, choose, as_float,
    *[total] * 3, *[extreme] * 2, place, truth, running, *[soft] * 2,
    *[dimshuffle] * 3, *[reshape] * 2, *[part] * 3, moving_part, spread, diagonal,
    *[matmul] * 2, gram, batched, *[join] * 2, stack, rearrange,
    gather, gather, mask, take_each, *[write] * 2, write_at, size, count,
)
