"""Numbers of NumPy's ``RandomState``, bit for bit: functions from a state to a state and numbers.

States are Python objects, and the ops run Python. An op draws from a copy of its state, so that a
call that fails has changed nothing.
"""
import numpy as np

from cytensor import config
from cytensor._core import TensorType, Type, Variable
from cytensor.autodiff.absent import grad_undefined
from cytensor.ops.objects import python_op
from cytensor.ops.registry import KIND, as_variable, constant, promote, to_dtype
from cytensor.ops.views import as_size, as_tensor_variable, common_sizes, sizes_of
from cytensor.random.draws import given_sizes
from cytensor.random.twister import copied, retire
from cytensor.shared import SharedVariable, register_shared

# ----- states -----

class RandomStateType(Type):
    """The type of a ``numpy.random.RandomState``."""

    __props__ = ()

    def filter(self, value, strict=False, allow_downcast=None):
        """Return ``value``, or raise a TypeError if it is no ``RandomState``."""
        if type(value) is not np.random.RandomState:
            raise TypeError(f"a numpy.random.RandomState is wanted, not {value!r}")
        return value

    def values_eq(self, a, b):
        """Whether two states will give the same numbers."""
        (_, keys, *rest), (_, other_keys, *other_rest) = a.get_state(), b.get_state()
        has_normal = rest[1]                # without it, the last entry says nothing
        n = 3 if has_normal else 2
        return np.array_equal(keys, other_keys) and rest[:n] == other_rest[:n]

    def __repr__(self):
        return "RandomStateType"


random_state_type = RandomStateType()


class RandomStateSharedVariable(SharedVariable):
    """A shared variable whose value is a ``RandomState``."""


@register_shared
def randomstate_constructor(value, name=None, strict=False, allow_downcast=None, borrow=False):
    """Make a shared variable of a ``RandomState``; ``borrow`` keeps the object itself."""
    random_state_type.filter(value)
    v = RandomStateSharedVariable(name, random_state_type, np.random.RandomState(0))
    v.set_value(value, borrow)
    return v


# ----- the op -----

def _types(state, *inputs, dtype, pattern, **params):
    return random_state_type, TensorType(dtype, pattern)


def _sizes(S, shapes, inputs, *, fn, naxes, added, **params):
    if naxes is None or (added and fn not in _ADDED):
        return None, None
    first, arguments = inputs[1:1 + naxes], inputs[1 + naxes:]
    dims = [S.value(n) for n in first]
    for n in dims:
        S.check(S.lt(-1, n), "negative dimensions are not allowed: {a}", a=n)
    return None, (*dims, *_ADDED[fn](S, shapes[1 + naxes:], arguments)) if added else tuple(dims)


def _vjp(g, out, state, *inputs, naxes, **params):
    n = naxes or 0
    return None, *[None] * n, *[grad_undefined(random_function, 1 + n + i, x,
                                               "it would be that of a random number")
                                for i, x in enumerate(inputs[n:])]


def _perform(inputs, params):
    state, *rest = inputs
    naxes = params["naxes"]
    size = None if naxes is None else tuple([int(n) for n in rest[:naxes]])
    fn = params["fn"]
    draw = getattr(np.random.RandomState, fn) if isinstance(fn, str) else fn
    new = copied(state)
    out = np.asarray(draw(new, *rest[naxes or 0:], size), dtype=params["dtype"])
    ndim = len(params["pattern"])
    if size is None and out.ndim == 0:
        out = out.reshape((1,) * ndim)
    if out.ndim != ndim or (size is not None and out.shape[:len(size)] != size):
        raise ValueError(f"{getattr(draw, '__name__', draw)} returned numbers of shape "
                         f"{out.shape}, not the {ndim} axes that begin with {size}")
    retire(state)
    return [new, out]


random_function = python_op(
    "random_function", _perform, _types, _sizes, _vjp, nout=2,
    undefined=True,     # also where whole numbers are drawn
    doc="Numbers that a method of RandomState draws, and the state that it leaves behind.")


class RandomFunction:
    """A function of a state that draws numbers.

    Parameters
    ----------
    fn : str or callable
        A method of ``RandomState``, or ``fn(state, *args, size)``.
    outtype : TensorType
        The type of the numbers.
    inplace : bool
        Accepted for Theano's sake; states are copied all the same.
    ndim_added : int
        How many more axes the result has than ``size``.

    Examples
    --------
    >>> import numpy as np
    >>> import cytensor as ct
    >>> draw = RandomFunction("uniform", ct.TensorType("float64", (None,)))
    >>> state = random_state_type()
    >>> f = ct.function([state], draw(state, (2,), 0.0, 1.0)[1])
    >>> bool((f(np.random.RandomState(7)) == np.random.RandomState(7).uniform(size=2)).all())
    True
    """

    def __init__(self, fn, outtype, inplace=False, ndim_added=0):
        self.fn = fn
        self.outtype = outtype
        self.inplace = inplace
        self.ndim_added = ndim_added

    def __call__(self, r, size, *args):
        """Return the next state, and the numbers. Of size ``()``, ``fn`` itself chooses."""
        ndim = self.outtype.ndim - self.ndim_added
        automatic = isinstance(size, (tuple, list)) and not size and ndim > 0
        sizes = [] if automatic else given_sizes("RandomFunction", size, ndim)
        return self._draw(r, sizes, args, automatic)

    def _draw(self, r, sizes, args, automatic=False):
        if not isinstance(getattr(r, "type", None), RandomStateType):
            raise TypeError(f"a variable of RandomStateType is wanted, not {r!r}")
        return random_function(
            r, *[as_size(n) for n in sizes], *[as_tensor_variable(x) for x in args], fn=self.fn,
            naxes=None if automatic else len(sizes), added=self.ndim_added,
            dtype=self.outtype.dtype, pattern=self.outtype.shape)


# ----- arguments -----

def _parameter(x):
    """Return a parameter as a variable; a Python float is one of ``config.floatX``."""
    return constant(x) if isinstance(x, float) else as_tensor_variable(x)


def _float_dtype(dtype, *parameters):
    if dtype is None:
        dtype = promote(config.floatX, *[x.type.dtype for x in parameters])
    return np.dtype(dtype).name


def _size_of_parameters(axis, ndim, parameters, what):
    """The size -1: that of the parameters on this axis."""
    found = 0
    for x in parameters:
        own = axis - ndim + x.type.ndim
        if own >= 0:
            found = 1
            if x.type.shape[own] != 1:
                return sizes_of(x)[own]
    if not found:
        raise ValueError(f"{what}: the size -1 on axis {axis} stands for that of a parameter, and "
                         "none has this axis")
    return 1


def _sizes_for(what, ndim, size, *parameters):
    """Return the sizes of a result, as ints and variables."""
    if size is None:
        if not parameters:
            return []
        return common_sizes(parameters)
    if isinstance(size, Variable) and size.type.ndim == 1 and KIND[size.type.dtype] not in "iu":
        raise TypeError(f"{what}: size holds integers, not {size.type.dtype}")
    if isinstance(size, Variable) and size.type.ndim != 1:
        raise TypeError(f"{what}: size is a vector or a sequence of integers, not {size!r}")
    sizes = given_sizes(what, size, ndim)
    sizes = [_size_of_parameters(axis, len(sizes), parameters, what)
             if type(n) is int and n == -1 else n for axis, n in enumerate(sizes)]
    most = max([x.type.ndim for x in parameters], default=0)
    if most > len(sizes):
        raise ValueError(f"{what}: a parameter has {most} axes, but size only {len(sizes)}")
    return sizes


def _numbers(fn, random_state, sizes, dtype, *parameters, added=0, last=()):
    pattern = [n if type(n) is int else None for n in [*sizes, *last]]
    function = RandomFunction(fn, TensorType(np.dtype(dtype).name, pattern), ndim_added=added)
    return function._draw(random_state, sizes, parameters)


def floats(name, random_state, size, ndim, dtype, *parameters):
    """Draw floats of a distribution, by the name of the method of ``RandomState``.

    Parameters
    ----------
    name : str
    random_state : Variable
    size, ndim : see ``uniform``
    dtype : str or None
    *parameters : float or Variable

    Returns
    -------
    list of Variable
        The next state, and the numbers.
    """
    parameters = [_parameter(x) for x in parameters]
    sizes = _sizes_for(name, ndim, size, *parameters)
    return _numbers(name, random_state, sizes, _float_dtype(dtype, *parameters), *parameters)


def integers(name, random_state, size, ndim, dtype, *parameters):
    """Draw whole numbers of a distribution, as ``floats`` does; ``dtype`` must be given."""
    parameters = [_parameter(x) for x in parameters]
    return _numbers(name, random_state, _sizes_for(name, ndim, size, *parameters), dtype,
                    *parameters)


# ----- distributions -----

def uniform(random_state, size=None, low=0.0, high=1.0, ndim=None, dtype=None):
    """Draw from the interval from ``low`` to ``high``.

    Parameters
    ----------
    random_state : Variable of RandomStateType
    size : sequence of int and 0-d variables, or integer vector, optional
        By default that of the parameters. A -1 stands for the size of the parameters there.
    low, high : float or Variable
    ndim : int, optional
        The length of ``size``, if it is not known.
    dtype : str, optional
        By default that of the parameters, and at least ``config.floatX``.

    Returns
    -------
    list of Variable
        The next state, and the numbers.

    Examples
    --------
    >>> state, x = uniform(random_state_type(), (2, 3))
    >>> x.type.shape
    (2, 3)
    """
    return floats("uniform", random_state, size, ndim, dtype, low, high)


def normal(random_state, size=None, avg=0.0, std=1.0, ndim=None, dtype=None):
    """Draw from a normal distribution; the other parameters are those of ``uniform``."""
    return floats("normal", random_state, size, ndim, dtype, avg, std)


def binomial(random_state, size=None, n=1, p=0.5, ndim=None, dtype="int64", prob=None):
    """Draw how many of ``n`` trials succeed; ``prob`` is an old name of ``p``."""
    return integers("binomial", random_state, size, ndim, dtype, n, p if prob is None else prob)


def poisson(random_state, size=None, lam=1.0, ndim=None, dtype="int64"):
    """Draw how many events there are, where ``lam`` are to be expected; ``size`` must be given."""
    if size is None:
        raise TypeError("poisson: size is wanted")
    return integers("poisson", random_state, size, ndim, dtype, lam)


def random_integers_helper(random_state, low, high, size):
    """Draw integers from ``low`` to ``high``, one after the other where these are arrays."""
    if low.ndim == 0 and high.ndim == 0:
        return random_state.randint(int(low), int(high) + 1, size)
    low, high = np.broadcast_to(low, size), np.broadcast_to(high, size)
    out = np.empty(size, dtype=np.int64)
    for place in np.ndindex(*size):
        out[place] = random_state.randint(int(low[place]), int(high[place]) + 1)
    return out


def random_integers(random_state, size=None, low=0, high=1, ndim=None, dtype="int64"):
    """Draw integers from ``low`` to ``high``, both included."""
    return integers(random_integers_helper, random_state, size, ndim, dtype, low, high)


def choice_helper(random_state, a, replace, *rest):
    """Draw elements of ``a`` with NumPy's ``choice``: ``rest`` is any probabilities, and size."""
    *p, size = rest
    return random_state.choice(a if a.ndim else int(a), size or None, bool(replace), *p)


def choice(random_state, size=None, a=2, replace=True, p=None, ndim=None, dtype="int64"):
    """Draw elements of ``a``, a vector, or a number n for 0, 1, .., n - 1.

    Parameters
    ----------
    random_state : Variable of RandomStateType
    size : sequence of int and 0-d variables, or integer vector, optional
        By default a single element.
    a : int or Variable
    replace : bool
        Whether an element may be drawn several times.
    p : Variable or array_like, 1-d, optional
        The probability of each element.
    ndim : int, optional
    dtype : str

    Returns
    -------
    list of Variable
        The next state, and the elements.
    """
    a = as_tensor_variable(a)
    if a.type.ndim > 1:
        raise ValueError(f"choice: a has {a.type.ndim} axes, not one or none")
    none = p is None or (isinstance(p, (int, float, list, tuple)) and not p)
    p = [] if none else [_parameter(p)]
    if p and p[0].type.ndim != 1:
        raise ValueError(f"choice: p has {p[0].type.ndim} axes, not one")
    return _numbers(choice_helper, random_state, _sizes_for("choice", ndim, size), dtype, a,
                    as_tensor_variable(replace), *[to_dtype(x, "float64") for x in p])


def permutation_helper(random_state, n, size):
    """Draw permutations of 0, 1, .., n - 1, in turn."""
    out = np.empty((*size, int(n)), dtype=np.int64)
    for place in np.ndindex(*size):
        out[place] = random_state.permutation(int(n))
    return out


def permutation(random_state, size=None, n=1, ndim=None, dtype="int64"):
    """Draw permutations of 0, 1, .., n - 1: along the last axis, as many as ``size`` says."""
    if size is None or (isinstance(size, tuple) and not size):
        if ndim not in (None, 1):
            raise TypeError(f"permutation: without size there is one, but ndim={ndim}")
        size, ndim = (), None
    n = as_size(as_variable(n), "permutation: n")
    sizes = _sizes_for("permutation", ndim, size)
    return _numbers(permutation_helper, random_state, sizes, dtype, n, added=1, last=[None])


_SLACK = 5e-5               # what Theano leaves of a sum of probabilities that rounding has raised


def multinomial_helper(random_state, n, pvals, size):
    """Draw counts, row by row."""
    if pvals.size and pvals.min() < 0:
        raise ValueError("multinomial: a probability is negative")
    n = np.broadcast_to(n, size)
    pvals = np.broadcast_to(pvals, (*size, pvals.shape[-1]))
    out = np.empty(pvals.shape, dtype=np.int64)
    for place in np.ndindex(*size):
        p = pvals[place]
        if 1 < p.sum() < 1 + 1e-5 or p[-1] < _SLACK:
            p = p * (1 - _SLACK)
        out[place] = random_state.multinomial(n[place], p.astype("float64"))
    return out


def multinomial(random_state, size=None, n=1, pvals=(0.5, 0.5), ndim=None, dtype="int64"):
    """Draw how often each choice is taken in ``n`` trials.

    Parameters
    ----------
    random_state : Variable of RandomStateType
    size : sequence of int and 0-d variables, or integer vector, optional
        The shape of the result but for its last axis.
    n : int or Variable
    pvals : Variable or array_like, shape (..., k)
        Probabilities along the last axis.
    ndim : int, optional
        The length of ``size``, if it is not known.
    dtype : str

    Returns
    -------
    list of Variable
        The next state, and counts of shape ``(*size, k)``.
    """
    n, pvals = as_tensor_variable(n), as_tensor_variable(pvals)
    if pvals.type.ndim == 0:
        raise IndexError("multinomial: pvals has no axis")
    sizes = _sizes_for("multinomial", ndim, size, n, pvals[..., 0])
    return _numbers(multinomial_helper, random_state, sizes, dtype, n, pvals, added=1,
                    last=[pvals.type.shape[-1]])


#: The size of the axis that a function adds.
_ADDED = {
    permutation_helper: lambda S, shapes, arguments: [S.value(arguments[0])],
    multinomial_helper: lambda S, shapes, arguments: [shapes[1][-1]],
}
