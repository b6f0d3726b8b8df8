"""Theano's ``RandomStreams``: symbolic random numbers that are those of NumPy's ``RandomState``."""
import numpy as np

from cytensor.ops.select import take_along_axis
from cytensor.ops.views import as_tensor_variable, sizes_of
from cytensor.random import raw_random
from cytensor.random.draws import mark
from cytensor.shared import shared


class RandomStreams:
    """Makes symbolic random numbers, which come from NumPy's Mersenne Twister.

    Each random variable has a ``RandomState`` of its own, seeded with a number that a
    ``RandomState`` of ``seed`` draws. `Stream` is much faster, and has more distributions.

    Every method takes ``size``, the shape of the result: a sequence of integers and 0-d variables,
    or an integer vector, of length ``ndim`` if that is not known. By default it is that of the
    parameters; a -1 in it stands for the size of the parameters on that axis.

    Parameters
    ----------
    seed : int, optional

    Attributes
    ----------
    state_updates : list of (SharedVariable, Variable)
        The state of each variable made so far, and the next value of that.
    gen_seedgen : RandomState
        What seeds the next variable.

    Examples
    --------
    >>> import cytensor as ct
    >>> x = RandomStreams(seed=234).uniform((2, 2))
    >>> ct.function([], x)()
    array([[0.12672381, 0.97091597],
           [0.13989098, 0.88754825]])
    """

    def __init__(self, seed=None):
        self.state_updates = []
        self.default_instance_seed = seed
        self.gen_seedgen = np.random.RandomState(seed)

    def updates(self):
        """Return a copy of ``state_updates``."""
        return list(self.state_updates)

    def seed(self, seed=None):
        """Seed the states of all variables made so far, as those of a new object would be.

        Parameters
        ----------
        seed : int, optional
            By default the one that this object was made with.
        """
        seeds = np.random.RandomState(self.default_instance_seed if seed is None else seed)
        for state, _ in self.state_updates:
            state.set_value(np.random.RandomState(int(seeds.randint(2**30))), borrow=True)

    def __getitem__(self, item):
        """Return the ``RandomState`` itself of a shared variable of states."""
        return item.get_value(borrow=True)

    def __setitem__(self, item, value):
        item.set_value(value, borrow=True)

    def gen(self, op, *args, **kwargs):
        """Make a random variable with a state of its own.

        Parameters
        ----------
        op : callable
            ``op(state, *args, **kwargs) -> (next state, numbers)``.

        Returns
        -------
        Variable
            The numbers; ``rng`` is the shared variable with their state, and ``update`` is that
            and its next value.
        """
        seed = int(self.gen_seedgen.randint(2**30))
        state = shared(np.random.RandomState(seed), borrow=True)
        state.tag.is_rng = True
        new_state, out = op(state, *args, **kwargs)
        self.state_updates.append((state, new_state))
        return mark(out, state, new_state)

    # ----- Theano's distributions -----

    def uniform(self, size=None, low=0.0, high=1.0, ndim=None, dtype=None):
        """Draw from the interval from ``low`` to ``high``, ``high`` excluded."""
        return self.gen(raw_random.uniform, size, low, high, ndim=ndim, dtype=dtype)

    def normal(self, size=None, avg=0.0, std=1.0, ndim=None, dtype=None):
        """Draw from normal distributions of mean ``avg`` and standard deviation ``std``."""
        return self.gen(raw_random.normal, size, avg, std, ndim=ndim, dtype=dtype)

    def binomial(self, size=None, n=1, p=0.5, ndim=None, dtype="int64", prob=None):
        """Draw how many of ``n`` trials succeed, each with probability ``p``."""
        return self.gen(raw_random.binomial, size, n, p, ndim=ndim, dtype=dtype, prob=prob)

    def random_integers(self, size=None, low=0, high=1, ndim=None, dtype="int64"):
        """Draw integers from ``low`` to ``high``, both included."""
        return self.gen(raw_random.random_integers, size, low, high, ndim=ndim, dtype=dtype)

    def choice(self, size=None, a=2, replace=True, p=None, ndim=None, dtype="int64"):
        """Draw elements of the vector ``a``, or of 0, 1, .., a - 1, with probabilities ``p``."""
        return self.gen(raw_random.choice, size, a, replace, p, ndim=ndim, dtype=dtype)

    def poisson(self, size=None, lam=None, ndim=None, dtype="int64"):
        """Draw how many events there are, where ``lam`` are to be expected."""
        return self.gen(raw_random.poisson, size, lam, ndim=ndim, dtype=dtype)

    def permutation(self, size=None, n=1, ndim=None, dtype="int64"):
        """Draw permutations of 0, 1, .., n - 1: as many as ``size`` says, along the last axis."""
        return self.gen(raw_random.permutation, size, n, ndim=ndim, dtype=dtype)

    def multinomial(self, size=None, n=1, pvals=(0.5, 0.5), ndim=None, dtype="int64"):
        """Draw how often each choice, along the last axis of ``pvals``, comes in ``n`` trials."""
        return self.gen(raw_random.multinomial, size, n, pvals, ndim=ndim, dtype=dtype)

    def shuffle_row_elements(self, input):
        """Return ``input`` with each row, along the last axis, in an order of its own.

        The order is the attribute ``permutation`` of the result.
        """
        x = as_tensor_variable(input)
        *rows, n = sizes_of(x)
        permutation = self.permutation(tuple(rows), n)
        out = mark(take_along_axis(x, permutation, axis=-1), permutation.rng,
                   permutation.update[1])
        out.tag.permutation = permutation
        return out

    # ----- further ones of RandomState -----

    def _floats(self, name, size, ndim, dtype, *parameters):
        def draw(state):
            return raw_random.floats(name, state, size, ndim, dtype, *parameters)
        return self.gen(draw)

    def _integers(self, name, size, ndim, dtype, *parameters):
        def draw(state):
            return raw_random.integers(name, state, size, ndim, dtype, *parameters)
        return self.gen(draw)

    def gamma(self, size=None, shape=1.0, scale=1.0, ndim=None, dtype=None):
        """Draw waiting times for ``shape`` events, of mean ``scale`` each."""
        return self._floats("gamma", size, ndim, dtype, shape, scale)

    def beta(self, size=None, a=1.0, b=1.0, ndim=None, dtype=None):
        """Draw from the beta distribution."""
        return self._floats("beta", size, ndim, dtype, a, b)

    def exponential(self, size=None, scale=1.0, ndim=None, dtype=None):
        """Draw waiting times of mean ``scale``."""
        return self._floats("exponential", size, ndim, dtype, scale)

    def laplace(self, size=None, loc=0.0, scale=1.0, ndim=None, dtype=None):
        """Draw from two exponential distributions, back to back at ``loc``."""
        return self._floats("laplace", size, ndim, dtype, loc, scale)

    def logistic(self, size=None, loc=0.0, scale=1.0, ndim=None, dtype=None):
        """Draw from the logistic distribution."""
        return self._floats("logistic", size, ndim, dtype, loc, scale)

    def lognormal(self, size=None, avg=0.0, std=1.0, ndim=None, dtype=None):
        """Draw numbers whose logarithm is normal."""
        return self._floats("lognormal", size, ndim, dtype, avg, std)

    def chisquare(self, size=None, df=1.0, ndim=None, dtype=None):
        """Draw sums of ``df`` squares of standard normal numbers."""
        return self._floats("chisquare", size, ndim, dtype, df)

    def standard_t(self, size=None, df=1.0, ndim=None, dtype=None):
        """Draw from Student's distribution of ``df`` degrees of freedom."""
        return self._floats("standard_t", size, ndim, dtype, df)

    def geometric(self, size=None, p=0.5, ndim=None, dtype="int64"):
        """Draw the number of the first trial that succeeds."""
        return self._integers("geometric", size, ndim, dtype, p)

    def negative_binomial(self, size=None, n=1, p=0.5, ndim=None, dtype="int64"):
        """Draw how many trials fail before ``n`` succeed."""
        return self._integers("negative_binomial", size, ndim, dtype, n, p)
