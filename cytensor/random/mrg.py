"""Theano's ``MRG_RandomStreams``: the generator MRG31k3p in many streams, with Theano's numbers.

P. L'Ecuyer, R. Touzin: Fast combined multiple recursive generators with multipliers of the form
a = +-2^q +- 2^r. Winter Simulation Conference 2000. P. L'Ecuyer, R. Simard, E. J. Chen,
W. D. Kelton: An object-oriented random-number package with many long streams and substreams.
Operations Research 50, 2002: streams lie 2^134 numbers apart, substreams 2^72.
"""
import math
import warnings
from functools import cache

import numpy as np

from cytensor import config
from cytensor._core import Variable
from cytensor.autodiff.control import undefined_grad
from cytensor.ops import elementwise as ew
from cytensor.ops.cumulative import cumsum
from cytensor.ops.generate import zeros
from cytensor.ops.joining import concatenate
from cytensor.ops.reduce import sum as sum_of
from cytensor.ops.registry import FLOATS, constant, promote, structured, to_dtype
from cytensor.ops.select import flatnonzero
from cytensor.ops.views import as_size, as_tensor_variable, product, reshaped, sizes_of
from cytensor.random.draws import given_sizes, mark
from cytensor.shared import shared

M1 = 2**31 - 1
M2 = 2**31 - 21069
_STEP_1 = np.array([[0, 2**22, 2**7 + 1], [1, 0, 0], [0, 1, 0]], dtype=np.int64)
_STEP_2 = np.array([[2**15, 0, 2**15 + 1], [1, 0, 0], [0, 1, 0]], dtype=np.int64)
_MOST_STREAMS = 60 * 256        # what Theano found good for the GPUs of its time
#: The standard deviation of a standard normal number that is at most 2 in magnitude.
_TRUNCATED_STD = 0.87962566103423978


# ----- states -----

def _product(a, b, m):
    """``a @ b`` modulo m, without overflow."""
    return ((a[:, :, None] * b[None, :, :]) % m).sum(axis=1) % m


@cache
def _jumps(log2_steps):
    """The matrices of 2**log2_steps steps."""
    found = []
    for step, m in ((_STEP_1, M1), (_STEP_2, M2)):
        for _ in range(log2_steps):
            step = _product(step, step, m)
        found.append(step)
    return found


def _jump(states, log2_steps):
    """Return rows of states, all of them 2**log2_steps numbers on."""
    a, b = _jumps(log2_steps)
    return np.hstack([_product(states[:, :3], a.T, M1), _product(states[:, 3:], b.T, M2)])


def substreams(state, n):
    """Return the states of n substreams, one a row; the first is ``state``."""
    states, log2_steps = np.asarray(state, dtype=np.int64)[None], 72
    while len(states) < n:                  # twice as many, as many substreams on
        states = np.vstack([states, _jump(states, log2_steps)])
        log2_steps += 1
    return states[:n].astype(np.int32)


def multMatVect(v, A, m1, B, m2):
    """Return ``A`` times the first half of ``v`` modulo ``m1``, and ``B`` times the other half."""
    half = len(v) // 2
    halves = [_product(matrix, np.asarray(part, dtype=np.int64)[:, None], int(m))[:, 0]
              for matrix, part, m in ((A, v[:half], m1), (B, v[half:], m2))]
    return np.concatenate(halves).astype(np.int32)


def ff_2p72(state):
    """Return the state of the next substream, 2**72 numbers on."""
    a, b = _jumps(72)
    return multMatVect(state, a, M1, b, M2)


def ff_2p134(state):
    """Return the state of the next stream, 2**134 numbers on."""
    a, b = _jumps(134)
    return multMatVect(state, a, M1, b, M2)


def _checked_seed(seed):
    """Return the state that a seed stands for."""
    if isinstance(seed, (int, np.integer)):
        if seed == 0:
            raise ValueError("the seed should not be 0")
        if seed >= M2:
            raise ValueError(f"the seed should be less than {M2}, it is {seed}")
        return np.array([seed] * 6, dtype=np.int32)
    if len(seed) != 6:
        raise TypeError("the seed should be 1 integer or 6 integers")
    for part, m, which in ((seed[:3], M1, "first"), (seed[3:], M2, "last")):
        if not any(part):
            raise ValueError(f"the {which} 3 values of the seed should not be all 0: {seed}")
        if max(part) >= m:
            raise ValueError(f"the {which} 3 values of the seed should be less than {m}: {seed}")
    return np.array(seed, dtype=np.int32)


def guess_n_streams(size, warn=False):
    """Return the number of streams that Theano uses for a size, on which the numbers depend.

    Parameters
    ----------
    size : tuple of int, or anything symbolic
    warn : bool
        Whether to warn if the size is not known.

    Returns
    -------
    int

    Examples
    --------
    >>> guess_n_streams((10, 20)), guess_n_streams((2, 3)), guess_n_streams((1000, 1000))
    (33, 6, 15360)
    """
    if isinstance(size, (tuple, list)) and all([isinstance(n, (int, np.integer)) for n in size]):
        total = math.prod(size)
        return min(total // 6 if total > 6 else total, _MOST_STREAMS)
    if warn:
        warnings.warn(f"MRG_RandomStreams cannot tell how many streams suit the size {size}: "
                      f"it takes {_MOST_STREAMS}", stacklevel=3)
    return _MOST_STREAMS


# ----- ops -----

def _mrg_sizes(S, shapes, inputs, *, dtype):
    sizes = [S.value(n) for n in inputs[1:]]
    S.check(S.lt(S.product(sizes), 2**31), "MRG31k3p gives at most 2**31 - 1 numbers at once, "
            "not {a}", S.product(sizes))
    S.equal(shapes[0][1], 6, "a state of MRG31k3p has 6 numbers, not {a}")
    return [shapes[0], tuple(sizes)]


def _mrg_inputs(inputs, params):
    state, *sizes = inputs
    if params["dtype"] not in FLOATS:
        raise TypeError(f"MRG31k3p draws floats, not {params['dtype']}")
    if state.type.dtype != "int32" or state.type.ndim != 2:
        raise TypeError(f"states of MRG31k3p are an int32 matrix, not {state!r} of {state.type}")
    return [state, *[as_size(n) for n in sizes]]


random_mrg = structured(
    "random_mrg", lambda state, *sizes, dtype: ("int32", dtype), _mrg_sizes,
    lambda g, out, *inputs, dtype: (None,) * len(inputs), coerce=_mrg_inputs, nout=2,
    iparams=lambda dtype: (), doc="New states, and uniform numbers between 0 and 1.")


def _choice_sizes(S, shapes, inputs):
    n = S.value(inputs[2])
    S.equal(shapes[1][0], shapes[0][0] * n, "{a} uniform numbers for {b} choices")
    S.check(S.lt(n, shapes[0][1] + 1), "cannot choose {a} of {b} without replacement", n,
            shapes[0][1])
    return shapes[0][0], n


mrg_choice = structured(
    "mrg_choice", lambda *inputs: "int64", _choice_sizes, lambda g, out, *inputs: (None,) * 3,
    coerce=lambda inputs, params: [inputs[0], to_dtype(inputs[1], "float64"), as_size(inputs[2])],
    doc="Rows of different places of probabilities, one for each uniform number.")


class mrg_uniform:
    """Uniform numbers of given states: Theano's op, of which there is this way to make it."""

    @staticmethod
    def new(rstate, ndim, dtype, size):
        """Return the next states, and the numbers.

        Parameters
        ----------
        rstate : Variable, int32 matrix
            A state in each row.
        ndim : int or None
            The length of ``size``, if it is not known.
        dtype : str
        size : sequence of int and 0-d variables, or integer vector

        Returns
        -------
        list of Variable
        """
        sizes = given_sizes("mrg_uniform", size, ndim)
        return random_mrg(rstate, *[as_size(n) for n in sizes], dtype=np.dtype(dtype).name)


# ----- arguments -----

def _checked_size(size):
    """Check the size of a uniform draw, as Theano does."""
    if isinstance(size, Variable) and size.type.ndim == 1:
        return size
    if not isinstance(size, (tuple, list)):
        raise TypeError("size is a tuple of integers and 0-d variables, or a vector, not "
                        f"{size!r}")
    for n in size:
        if isinstance(n, (int, np.integer)) and n <= 0:
            raise ValueError(f"the size {size} has an axis of size {n}: none may be below 1")
    return size


def _sizes_of_normal(size, ndim):
    """Return the sizes of a normal draw: Theano takes more kinds of ``size`` there."""
    if isinstance(size, (int, np.integer)) or (isinstance(size, Variable) and size.type.ndim == 0):
        size = (size,)
    if isinstance(size, Variable) and size.type.ndim == 1:
        return given_sizes("normal", size, ndim)
    if not isinstance(size, (tuple, list)):
        raise ValueError(f"size is an integer, a sequence of them, or a vector, not {size!r}")
    for n in size:
        if not isinstance(n, (int, np.integer, Variable)):
            raise ValueError(f"the size {size} has {n!r}, which is no integer")
    return given_sizes("normal", _checked_size(size), ndim)


def _dtype_of(dtype, *parameters):
    """Theano's: that of the parameters, and at least ``config.floatX``."""
    if dtype is None:
        dtype = promote(config.floatX, *[x.type.dtype for x in parameters])
    return np.dtype(dtype).name


def _parameter(x):
    """Return a parameter as a variable; a Python number is no wider than ``config.floatX``."""
    return constant(float(x)) if isinstance(x, (int, float)) else as_tensor_variable(x)


def _probabilities(what, p):
    if p is None:
        raise TypeError(f"MRG_RandomStreams.{what} wants probabilities")
    p = undefined_grad(as_tensor_variable(p))
    if p.type.ndim != 2:
        raise NotImplementedError(f"MRG_RandomStreams.{what} takes a matrix of probabilities, not "
                                  f"{p.type.ndim} axes")
    return p


def _unused(what, **arguments):
    for name, value in arguments.items():
        if value is not None:
            raise ValueError(f"MRG_RandomStreams.{what} does not use the argument {name}")


# ----- the streams -----

class MRG_RandomStreams:
    """Makes symbolic random numbers: those that Theano's class of this name makes.

    They depend on the seed, on the order in which variables are made, and on the number of streams
    of each variable. `Stream` is faster, and has more distributions.

    Parameters
    ----------
    seed : int or sequence of 6 int
        Below 2**31 - 21069, and not 0.

    Attributes
    ----------
    rstate : ndarray
        The first state of the next variable.
    state_updates : list of tuple
        For each variable its state, the next value of that, its size and its number of streams.

    Examples
    --------
    >>> MRG_RandomStreams(1234).uniform((3,)).eval().round(8)
    array([0.37257111, 0.65768584, 0.59250678])
    """

    def __init__(self, seed=12345):
        self.state_updates = []
        self.default_instance_seed = seed
        self.set_rstate(seed)

    def updates(self):
        """Return a copy of ``state_updates``."""
        return list(self.state_updates)

    # ----- states -----

    def set_rstate(self, seed):
        """Begin again with another seed; variables made so far keep their states."""
        self.rstate = _checked_seed(seed)

    def inc_rstate(self):
        """Move on to the next stream, 2**134 numbers away."""
        self.rstate = ff_2p134(self.rstate)

    def seed(self, seed=None):
        """Begin again: variables made so far take the states that a new object would give them.

        Parameters
        ----------
        seed : int or sequence of 6 int, optional
            By default the one that this object was made with.
        """
        self.set_rstate(self.default_instance_seed if seed is None else seed)
        for state, new, size, nstreams in self.state_updates:
            n = self.n_streams(size) if nstreams is None else nstreams
            state.set_value(self.get_substream_rstates(n, new.type.dtype), borrow=True)

    def get_substream_rstates(self, n_streams, dtype, inc_rstate=True):
        """Return the states of substreams, one a row.

        Parameters
        ----------
        n_streams : int
        dtype : str
            Of the numbers; it does not matter.
        inc_rstate : bool
            Whether to move on to the next stream.

        Returns
        -------
        ndarray of int32, shape (n_streams, 6)
        """
        states = substreams(self.rstate, n_streams)
        if inc_rstate:
            self.inc_rstate()
        return states

    def n_streams(self, size):
        """Return the number of streams for a size."""
        return guess_n_streams(size)

    # ----- distributions -----

    def uniform(self, size, low=0.0, high=1.0, ndim=None, dtype=None, nstreams=None, **kwargs):
        """Draw from the interval from ``low`` to ``high``, both excluded.

        Parameters
        ----------
        size : tuple of int and 0-d variables, or integer vector
        low, high : float or Variable
            There is no gradient with respect to them.
        ndim : int, optional
            The length of ``size``, if it is not known.
        dtype : str, optional
            By default that of ``low`` and ``high``, and at least ``config.floatX``.
        nstreams : int, optional
            The number of streams.

        Returns
        -------
        Variable
        """
        _no_others("uniform", kwargs)
        low, high = _parameter(low), _parameter(high)
        dtype = _dtype_of(dtype, low, high)
        sizes = given_sizes("uniform", _checked_size(size), ndim)
        if max(low.type.ndim, high.type.ndim) > len(sizes):
            raise NotImplementedError("size must have at least as many axes as low and high")
        low, high = [undefined_grad(to_dtype(x, dtype)) for x in (low, high)]
        n = self.n_streams(size) if nstreams is None else nstreams
        state = shared(self.get_substream_rstates(n, dtype))
        state.tag.is_rng = True
        new, u = mrg_uniform.new(state, None, dtype, sizes)
        self.state_updates.append((state, new, size, nstreams))
        return mark(u * (high - low) + low, state, new)

    def _uniforms(self, total, nstreams, dtype=None, **kwargs):
        """A vector; its size is one that Theano does not know while it builds a graph."""
        n = _MOST_STREAMS if nstreams is None else nstreams
        return self.uniform((total,), ndim=1, nstreams=n, dtype=dtype, **kwargs)

    def binomial(self, size=None, n=1, p=0.5, ndim=None, dtype="int64", nstreams=None, **kwargs):
        """Draw 1 with probability ``p``, else 0.

        Raises
        ------
        NotImplementedError
            If ``n`` is not 1.
        """
        if n != 1:
            raise NotImplementedError("MRG_RandomStreams.binomial takes n=1 only; Stream and "
                                      "RandomStreams take any")
        u = self.uniform(size, ndim=ndim, nstreams=nstreams, **kwargs)
        return to_dtype(ew.lt(u, undefined_grad(as_tensor_variable(p))), np.dtype(dtype).name)

    def multinomial(self, size=None, n=1, pvals=None, ndim=None, dtype="int64", nstreams=None,
                    **kwargs):
        """Draw how often each place of each row of ``pvals`` comes in ``n`` trials.

        Parameters
        ----------
        pvals : Variable or array_like, 2-d
            Probabilities, which are not checked.
        n : int or 0-d variable
        dtype : str
        nstreams : int, optional
        size, ndim : None
            Not used.

        Returns
        -------
        Variable, of the shape of ``pvals``
        """
        if pvals is not None:
            _unused("multinomial", size=size, ndim=ndim)
        pvals = _probabilities("multinomial", pvals)
        rows = sizes_of(pvals)[0]
        u = reshaped(self._uniforms(product([rows, n]), nstreams, **kwargs), [n, rows, 1])
        # A number falls on the first place whose running sum is above it, so it is below the
        # running sums from there on.
        reached = ew.gt(cumsum(to_dtype(pvals, "float64"), axis=1), to_dtype(u, "float64"))
        counts = sum_of(reached, axis=0)
        before = concatenate([zeros((rows, 1), "int64"), counts[:, :-1]], axis=1)
        return to_dtype(counts - before, np.dtype(dtype).name)

    def choice(self, size=1, a=None, replace=True, p=None, ndim=None, dtype="int64",
               nstreams=None, **kwargs):
        """Choose ``size`` different places of each row of ``p``.

        Parameters
        ----------
        size : int or 0-d variable
        a : None
            Not used.
        replace : bool
            Only False is possible.
        p : Variable or array_like, 2-d
            Probabilities.
        ndim : None
            Not used.
        dtype : str
        nstreams : int, optional

        Returns
        -------
        Variable, shape (rows of ``p``, size)
        """
        if replace:
            raise NotImplementedError("MRG_RandomStreams.choice chooses without replacement only; "
                                      "Stream.choice does both")
        if a is not None:
            raise TypeError("MRG_RandomStreams.choice chooses places of p: a is None")
        p = _probabilities("choice", p)
        _unused("choice", ndim=ndim)
        if p.type.dtype not in ("float32", "float64"):
            p = to_dtype(p, "float64")
        u = self._uniforms(product([sizes_of(p)[0], size]), nstreams, **kwargs)
        return to_dtype(mrg_choice(p, u, size), np.dtype(dtype).name)

    def multinomial_wo_replacement(self, size=None, n=1, pvals=None, ndim=None, dtype="int64",
                                   nstreams=None, **kwargs):
        """Choose ``n`` different places of each row of ``pvals``: an old name of ``choice``."""
        warnings.warn("MRG_RandomStreams.multinomial_wo_replacement is deprecated: use choice",
                      stacklevel=2)
        _unused("multinomial_wo_replacement", size=size)
        return self.choice(n, None, False, pvals, ndim, dtype, nstreams, **kwargs)

    def normal(self, size, avg=0.0, std=1.0, ndim=None, dtype=None, nstreams=None, truncate=False,
               **kwargs):
        """Draw from normal distributions, by Box and Muller's transformation.

        Parameters
        ----------
        size : int, sequence of int and 0-d variables, or integer vector
        avg, std : float or Variable
        ndim : int, optional
            The length of ``size``, if it is not known.
        dtype : str, optional
        nstreams : int, optional
        truncate : bool
            Take only numbers up to two standard deviations from the mean.

        Returns
        -------
        Variable
        """
        sizes = _sizes_of_normal(size, ndim)
        avg, std = [undefined_grad(_parameter(x)) for x in (avg, std)]
        dtype = _dtype_of(dtype, avg, std)
        total = product(sizes)
        half = (total + 1) // 2
        u = self._uniforms(2 * half, nstreams, dtype, **kwargs)
        radius, turn = _radius(u[:half]), u[half:] * float(np.array(2 * math.pi, dtype))
        sides = [ew.cos(turn), ew.sin(turn)]
        normals = [radius * side for side in sides]
        if truncate:
            normals = self._replaced(normals, sides, nstreams, dtype, **kwargs)
        out = reshaped(concatenate(normals, axis=0)[:total], sizes)
        return out * to_dtype(std, dtype) + to_dtype(avg, dtype)

    def _replaced(self, normals, sides, nstreams, dtype, **kwargs):
        """Give those beyond 2 another radius, of at most 2; in each half they come last."""
        beyond = [ew.gt(ew.abs(x), 2) for x in normals]
        kept = [x[flatnonzero(ew.logical_not(far))] for x, far in zip(normals, beyond)]
        sides = [side[flatnonzero(far)] for side, far in zip(sides, beyond)]
        counts = [sizes_of(side)[0] for side in sides]
        u = self._uniforms(counts[0] + counts[1], nstreams, dtype, low=1 / math.e**2, **kwargs)
        radius = _radius(u)
        again = [radius[:counts[0]] * sides[0], radius[counts[0]:] * sides[1]]
        return [kept[0], again[0], kept[1], again[1]]

    def truncated_normal(self, size, avg=0.0, std=1.0, ndim=None, dtype=None, nstreams=None,
                         **kwargs):
        """Draw from a normal distribution cut on both sides, of standard deviation ``std``.

        It is cut where the distribution before has twice its standard deviation. The parameters
        are those of ``normal``.
        """
        std = as_tensor_variable(std) if not isinstance(std, (int, float)) else std
        return self.normal(size, avg, std / _TRUNCATED_STD, ndim, dtype, nstreams, True, **kwargs)


def _radius(u):
    return ew.sqrt(-2.0 * ew.log(u))


def _no_others(what, kwargs):
    kwargs.pop("target", None)              # where Theano kept the state: there is one place here
    if kwargs:
        raise TypeError(f"{what}() got unexpected keyword arguments {sorted(kwargs)}")
