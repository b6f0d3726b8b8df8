"""The ops of the counter-based generator, and the state that a sequence of draws goes through.

A state is a key and the number of the next draw, two uint64. A draw is a function of its state:
the same state gives the same numbers, and the state that follows differs by one.
"""
import numpy as np

from cytensor import config
from cytensor._core import Variable
from cytensor.ops.registry import FLOATS, KIND, as_variable, promote, structured, to_dtype
from cytensor.ops.variable import TensorVariable
from cytensor.ops.views import (
    as_size, as_sizes, as_tensor_variable, common_sizes, sizes_of, specified, spread)
from cytensor.random.slopes import beta_slopes, gamma_slope

#: In the order of ``cpu/draw.c``: the kinds of numbers, and the dtypes that they may have.
_KINDS = {"uniform": FLOATS, "open": FLOATS, "normal": FLOATS, "bits": ("uint32", "uint64")}


# ----- ops -----

def _checked_state(inputs, params):
    if inputs[0].type.dtype != "uint64" or inputs[0].type.ndim != 1:
        raise TypeError("a state of a random stream is a vector of two uint64, not "
                        f"{inputs[0]!r} of type {inputs[0].type}")
    return inputs


def _checked_kind(inputs, params):
    if params["dtype"] not in _KINDS[params["kind"]]:
        raise TypeError(f"there are no random {params['kind']} numbers of {params['dtype']}")
    return _checked_state(inputs, params)


def _checked_mask(inputs, params):
    state, probability, *dims = _checked_state(inputs, params)
    return [state, to_dtype(probability, "float64"), *dims]


def _with_state(rule):
    """The size rule, after a check of the size of the state."""
    def sizes(S, shapes, inputs, **params):
        S.equal(shapes[0][0], 2, "a state of a random stream has 2 numbers, not {a}")
        return rule(S, shapes, inputs)
    return sizes


def _given_sizes(S, shapes, inputs, first=1):
    sizes = [S.value(n) for n in inputs[first:]]
    for n in sizes:
        S.check(S.lt(-1, n), "negative dimensions are not allowed: {a}", a=n)
    return tuple(sizes)


def _no_gradients(g, out, *inputs, **params):
    return (None,) * len(inputs)


random_draw = structured(
    "random_draw", lambda state, *dims, kind, dtype: dtype, _with_state(_given_sizes),
    _no_gradients, coerce=_checked_kind,
    iparams=lambda kind, dtype: (list(_KINDS).index(kind),),
    doc="Independent numbers: uniform, normal, or random bits.")
random_mask = structured(
    "random_mask", lambda state, probability, *dims: "bool",
    _with_state(lambda S, shapes, inputs: _given_sizes(S, shapes, inputs, 2)), _no_gradients,
    coerce=_checked_mask, doc="Truth values, true with a given probability.")
random_next = structured(
    "random_next", lambda state: "uint64", _with_state(lambda S, shapes, inputs: (2,)),
    _no_gradients, coerce=_checked_state, doc="The state after a draw.")


def _chosen_sizes(S, shapes, inputs):
    *rows, n = shapes[1]
    count = S.value(inputs[2])
    S.check(S.lt(count, n + 1), "choice: {a} different ones of {b}", count, n)
    return *rows, count


def _variates(name, out, *dtypes, vjp=_no_gradients):
    """An op over a state and arrays of parameters, all of the shape of the result."""
    def coerce(inputs, params):
        state, *parameters = _checked_state(inputs, params)
        return [state, *[to_dtype(x, dtype) for x, dtype in zip(parameters, dtypes)]]

    return structured(f"random_{name}", lambda *inputs: out,
                      _with_state(lambda S, shapes, inputs: shapes[1]), vjp, coerce=coerce,
                      doc=f"Numbers of the {name} distribution.")


def _gamma_vjp(g, out, state, a):
    return None, g * gamma_slope(a, out)


def _beta_vjp(g, out, state, a, b):
    return None, *[g * slope for slope in beta_slopes(a, b, out)]


random_integers = _variates("integers", "int64", "int64", "int64")
random_poisson = _variates("poisson", "int64", "float64")
random_binomial = _variates("binomial", "int64", "int64", "float64")
random_gamma = _variates("gamma", "float64", "float64", vjp=_gamma_vjp)
random_beta = _variates("beta", "float64", "float64", "float64", vjp=_beta_vjp)

random_permutation = structured(
    "random_permutation", lambda state, *dims: "int64", _with_state(_given_sizes), _no_gradients,
    coerce=_checked_state, doc="Permutations of 0, 1, .., along the last axis.")
random_multinomial = structured(
    "random_multinomial", lambda *inputs: "int64",
    _with_state(lambda S, shapes, inputs: shapes[2]), _no_gradients, coerce=_checked_state,
    doc="How often each choice comes in n trials; probabilities are along the last axis.")
random_categorical = structured(
    "random_categorical", lambda *inputs: "int64",
    _with_state(lambda S, shapes, inputs: shapes[1][:-1]), _no_gradients, coerce=_checked_state,
    doc="A choice for each row of running sums of probabilities.")
random_choose = structured(
    "random_choose", lambda *inputs: "int64", _with_state(_chosen_sizes), _no_gradients,
    coerce=_checked_state, doc="Different choices, by weights along the last axis.")


# ----- a sequence of draws -----

class Draws:
    """Draws one array after the other.

    Parameters
    ----------
    state : Variable, two uint64

    Attributes
    ----------
    state : Variable
        That of the next draw.
    """

    def __init__(self, state):
        self.state = state

    def _apply(self, op, *inputs, **params):
        out = op(self.state, *inputs, **params)
        self.state = random_next(self.state)
        return out

    def numbers(self, kind, sizes, dtype):
        """Return independent numbers; ``sizes`` holds ints and 0-d variables."""
        return self._apply(random_draw, *[as_size(n) for n in sizes], kind=kind, dtype=dtype)

    def mask(self, sizes, probability):
        """Return truth values that are true with a probability."""
        return self._apply(random_mask, to_dtype(probability, "float64"),
                           *[as_size(n) for n in sizes])

    def variates(self, op, sizes, *parameters):
        """Return numbers of an op over parameters that broadcast to ``sizes``."""
        return self._apply(op, *[spread(x, sizes) for x in parameters])

    def permutations(self, sizes):
        """Return permutations along the last axis."""
        return self._apply(random_permutation, *[as_size(n) for n in sizes])

    def categories(self, sizes, sums):
        """Return places of ``sums``, running sums of probabilities along the last axis."""
        return self._apply(random_categorical, _rows(sums, sizes))

    def choices(self, sizes, count, weights):
        """Return ``count`` different places of ``weights`` along its last axis."""
        return self._apply(random_choose, _rows(weights, sizes), as_size(count))

    def counts(self, sizes, n, probabilities):
        """Return how often each place of ``probabilities`` comes in ``n`` trials."""
        n = spread(to_dtype(n, "int64"), sizes)
        return self._apply(random_multinomial, n, _rows(probabilities, sizes))


def _rows(x, sizes):
    """Repeat an array for each place of ``sizes``; its last axis comes last."""
    x = to_dtype(x, "float64")
    return spread(x, [*sizes, sizes_of(x)[-1]])



# ----- arguments -----

def float_parameters(what, dtype, *parameters):
    """Return the dtype of a result, and the parameters as they broadcast.

    Python numbers stay what they are; the dtype is at least as wide as ``config.floatX``.

    Raises
    ------
    TypeError
        If the dtype is not one of floats, or a parameter is complex.
    """
    found = [x if _is_number(x) else as_tensor_variable(x) for x in parameters]
    variables = [x.type.dtype for x in found if isinstance(x, Variable)]
    if any([KIND[name] == "c" for name in variables]):
        raise TypeError(f"{what}: the parameters are real, not complex")
    dtype = promote(config.floatX, *variables) if dtype is None else np.dtype(dtype).name
    if dtype not in FLOATS:
        raise TypeError(f"{what}: the numbers are floats, not {dtype}")
    return dtype, [to_dtype(x, dtype) if isinstance(x, Variable) else x for x in found]


def _is_number(x):
    return isinstance(x, (int, float)) and not isinstance(x, (bool, np.generic))


def count_dtype(what, dtype):
    """Return the name of the dtype of whole numbers; floats may hold them, too."""
    name = np.dtype(dtype).name
    if KIND.get(name) not in ("b", "i", "u", "f"):
        raise TypeError(f"{what}: the numbers are integers or floats, not {name}")
    return name


def given_sizes(what, size, ndim):
    """Return a size that a user gave as a list of ints and 0-d variables.

    A vector whose length only the run knows must then have ``ndim`` entries.
    """
    if ndim is not None and isinstance(size, Variable) and size.type.shape == (None,) \
            and KIND[size.type.dtype] in "iu":
        size = specified(size, [ndim], f"{what}: size")
    return as_sizes(size, what, ndim)


def sizes_for(what, size, ndim, *parameters):
    """Return the sizes of a result: as given, or those to which the parameters broadcast.

    Raises
    ------
    ValueError
        If ``size`` has fewer axes than a parameter, or a negative number.
    """
    parameters = [as_variable(x) for x in parameters]
    if size is None:
        sizes = common_sizes(parameters) if parameters else []
        if ndim is not None and ndim != len(sizes):
            raise ValueError(f"{what}: ndim={ndim}, but the parameters have {len(sizes)} axes")
        return sizes
    sizes = given_sizes(what, size, ndim)
    for n in sizes:
        if type(n) is int and n < 0:
            raise ValueError(f"{what}: a size may not be negative: {n}")
    wide = max([x.type.ndim for x in parameters], default=0)
    if wide > len(sizes):
        raise ValueError(f"{what}: a parameter has {wide} axes, but size only {len(sizes)}")
    return sizes


def spread_all(parameters, sizes):
    """Return the parameters repeated to ``sizes``, which checks that they fit; numbers stay."""
    return [x if _is_number(x) or x.type.ndim == 0 else spread(x, sizes) for x in parameters]


def check_number(what, x, condition, text):
    """Raise ``ValueError`` for a parameter that is known now and that nothing allows."""
    values = x if _is_number(x) or isinstance(x, (np.ndarray, np.generic)) \
        else getattr(x, "data", None)
    if values is not None and not np.all(condition(np.asarray(values))):
        raise ValueError(f"{what}: {text}")


# ----- results -----

class RandomVariable(TensorVariable):
    """A symbolic array of random numbers. It knows the state that it comes from."""

    __slots__ = ()

    @property
    def rng(self):
        """The shared variable with the state of the generator."""
        return self.tag.rng

    @property
    def rstate(self):
        """The same, under the name that it has for ``MRG_RandomStreams``."""
        return self.tag.rng

    @property
    def permutation(self):
        """The order that a shuffled array took."""
        return self.tag.permutation

    @property
    def update(self):
        """That variable, and its next value."""
        return self.tag.update


def mark(out, state, new_state):
    """Make ``out`` a ``RandomVariable``, whose state each function call moves on."""
    state.default_update = new_state
    if out.owner is None or isinstance(out, RandomVariable):
        raise AssertionError(f"{out!r} is not new")
    out.__class__ = RandomVariable
    out.tag.rng = state
    out.tag.update = (state, new_state)
    return out

