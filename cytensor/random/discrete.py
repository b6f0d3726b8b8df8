"""The distributions of whole numbers of a stream; choices and permutations."""
import numpy as np

from cytensor._core import Variable
from cytensor.ops import elementwise as ew
from cytensor.ops.cumulative import cumsum
from cytensor.ops.registry import KIND, as_variable, to_dtype
from cytensor.ops.select import take, take_along_axis
from cytensor.ops.views import (
    as_sizes, as_tensor_variable, product, reshaped, sizes_of, specified)
from cytensor.random.draws import (
    check_number, count_dtype, float_parameters, random_binomial, random_gamma, random_integers,
    random_poisson, sizes_for, spread_all)


def _probability(x):
    return (x >= 0) & (x <= 1)


def _positive_probability(x):
    return (x > 0) & (x <= 1)


def _not_negative(x):
    return x >= 0


def _whole(what, x):
    """Return a parameter as an int64 variable."""
    x = as_variable(x)
    if KIND[x.type.dtype] not in "biu":
        raise TypeError(f"{what}: integers are wanted, not {x!r} of type {x.type}")
    return to_dtype(x, "int64")


class Discrete:
    """Distributions of whole numbers; ``Stream`` has them as methods.

    Their numbers have no gradients. ``size`` and ``ndim`` are those of ``Continuous``; ``dtype``
    may be one of integers or of floats.
    """

    def bits(self, size, ndim=None, dtype="uint32"):
        """Draw integers of ``dtype``, uint32 or uint64, all of whose bits are random.

        Examples
        --------
        >>> from cytensor.random import Stream
        >>> Stream(1).bits((2,)).type
        TensorType(uint32, (2,))
        """
        sizes = sizes_for("bits", size, ndim)
        return self._done(self._draws().numbers("bits", sizes, np.dtype(dtype).name))

    def integers(self, size=None, low=0, high=None, endpoint=False, ndim=None, dtype="int64"):
        """Draw integers from ``low`` to ``high``, each as likely as the others.

        Parameters
        ----------
        size : int, sequence or integer vector, optional
        low, high : int or integer Variable
            With one of them, it is ``high``, and ``low`` is 0.
        endpoint : bool
            Whether ``high`` itself is drawn.
        ndim : int, optional
        dtype : str

        Returns
        -------
        Variable

        Examples
        --------
        >>> from cytensor.random import Stream
        >>> bool((Stream(1).integers((100,), 10).eval() < 10).all())
        True
        """
        low, high = (0, low) if high is None else (low, high)
        low, high = [_whole("integers", x) for x in (low, high)]
        last = high if endpoint else high - 1
        sizes = sizes_for("integers", size, ndim, low, high)
        x = self._draws().variates(random_integers, sizes, low, last)
        return self._done(to_dtype(x, count_dtype("integers", dtype)))

    def random_integers(self, size=None, low=0, high=1, ndim=None, dtype="int64"):
        """Draw integers from ``low`` to ``high``, both included."""
        return self.integers(size, low, high, True, ndim, dtype)

    def bernoulli(self, size=None, p=0.5, ndim=None, dtype="int64"):
        """Draw 1 with probability ``p``, else 0: for masks, in the dtype of what they mask.

        Examples
        --------
        >>> from cytensor.random import Stream
        >>> Stream(1).bernoulli((2, 3), p=0.8, dtype="float32").type
        TensorType(float32, (2, 3))
        """
        check_number("bernoulli", p, _probability, "p is not between 0 and 1")
        work, (p,) = float_parameters("bernoulli", None, p)
        sizes = sizes_for("bernoulli", size, ndim, p)
        mask = ew.lt(self._draws().numbers("uniform", sizes, work), *spread_all([p], sizes))
        return self._done(to_dtype(mask, count_dtype("bernoulli", dtype)))

    def mask(self, size, probability=0.5, ndim=None):
        """Draw truth values, each true with the same probability.

        Parameters
        ----------
        size : int, sequence or integer vector
        probability : number or 0-d Variable
        ndim : int, optional

        Returns
        -------
        Variable
            Of bools. Their probability is a multiple of 2**-32.

        Examples
        --------
        >>> from cytensor.random import Stream
        >>> Stream(1).mask((2, 3), 0.8).type
        TensorType(bool, (2, 3))
        """
        check_number("mask", probability, _probability, "the probability is not between 0 and 1")
        sizes = sizes_for("mask", size, ndim)
        return self._done(self._draws().mask(sizes, probability))

    def binomial(self, size=None, n=1, p=0.5, ndim=None, dtype="int64"):
        """Draw how many of ``n`` trials succeed, each with probability ``p``."""
        if type(n) is int and n == 1:
            return self.bernoulli(size, p, ndim, dtype)
        check_number("binomial", n, _not_negative, "n is negative")
        check_number("binomial", p, _probability, "p is not between 0 and 1")
        n, (_, (p,)) = _whole("binomial", n), float_parameters("binomial", None, p)
        sizes = sizes_for("binomial", size, ndim, n, p)
        x = self._draws().variates(random_binomial, sizes, n, to_dtype(p, "float64"))
        return self._done(to_dtype(x, count_dtype("binomial", dtype)))

    def poisson(self, size=None, lam=1.0, ndim=None, dtype="int64"):
        """Draw how many events there are, where ``lam`` are to be expected."""
        check_number("poisson", lam, _not_negative, "lam is negative")
        _, (lam,) = float_parameters("poisson", None, lam)
        sizes = sizes_for("poisson", size, ndim, lam)
        x = self._draws().variates(random_poisson, sizes, to_dtype(lam, "float64"))
        return self._done(to_dtype(x, count_dtype("poisson", dtype)))

    def geometric(self, size=None, p=0.5, ndim=None, dtype="int64"):
        """Draw the number of the first trial that succeeds, each with probability ``p``."""
        check_number("geometric", p, _positive_probability, "p is not between 0 and 1, or is 0")
        _, (p,) = float_parameters("geometric", None, p)
        sizes = sizes_for("geometric", size, ndim, p)
        p, = spread_all([p], sizes)
        u = self._draws().numbers("open", sizes, "float64")
        x = ew.maximum(ew.ceil(ew.log(u) / ew.log1p(-to_dtype(p, "float64"))), 1)
        return self._done(to_dtype(x, count_dtype("geometric", dtype)))

    def negative_binomial(self, size=None, n=1, p=0.5, ndim=None, dtype="int64"):
        """Draw how many trials fail before ``n`` succeed, each with probability ``p``."""
        check_number("negative_binomial", n, _not_negative, "n is negative")
        check_number("negative_binomial", p, _positive_probability, "p is not between 0 and 1")
        _, (n, p) = float_parameters("negative_binomial", None, n, p)
        sizes, draws = sizes_for("negative_binomial", size, ndim, n, p), self._draws()
        n, p = [to_dtype(x, "float64") for x in (n, p)]
        p, = spread_all([p], sizes)
        mean = draws.variates(random_gamma, sizes, n) * ((1 - p) / p)
        x = draws.variates(random_poisson, sizes, mean)
        return self._done(to_dtype(x, count_dtype("negative_binomial", dtype)))

    # ----- choices -----

    def multinomial(self, size=None, n=1, pvals=(0.5, 0.5), ndim=None, dtype="int64"):
        """Draw how often each of k choices is taken in ``n`` trials.

        Parameters
        ----------
        size : int, sequence or integer vector, optional
            The shape of the result but for its last axis.
        n : int or integer Variable
            Broadcasts to ``size``.
        pvals : Variable or array_like, shape (..., k)
            Probabilities; the last one is what the others leave.
        ndim : int, optional
            The length of ``size``.
        dtype : str

        Returns
        -------
        Variable, shape (*size, k)

        Examples
        --------
        >>> from cytensor.random import Stream
        >>> Stream(1).multinomial(4, 10, [0.2, 0.3, 0.5]).eval().sum(axis=1)
        array([10, 10, 10, 10])
        """
        _, (pvals,) = float_parameters("multinomial", None, np.asarray(pvals)
                                       if isinstance(pvals, (list, tuple)) else pvals)
        if not isinstance(pvals, Variable) or pvals.type.ndim == 0:
            raise ValueError("multinomial: pvals has no axis")
        check_number("multinomial", n, _not_negative, "n is negative")
        check_number("multinomial", pvals, _probability, "a probability is not between 0 and 1")
        n = _whole("multinomial", n)
        sizes = sizes_for("multinomial", size, ndim, n, pvals[..., 0])
        x = self._draws().counts(sizes, n, pvals)
        return self._done(to_dtype(x, count_dtype("multinomial", dtype)))

    def choice(self, size=None, a=2, replace=True, p=None, ndim=None, dtype=None):
        """Choose elements of ``a``.

        Parameters
        ----------
        size : int, sequence or integer vector, optional
            By default a single choice.
        a : int, 0-d integer variable, or vector
            A number n stands for 0, 1, .., n - 1.
        replace : bool
            Whether an element may be chosen several times.
        p : Variable or array_like, 1-d, optional
            The probability of each element; by default all are as likely.
        ndim : int, optional
        dtype : str, optional
            By default that of ``a``.

        Returns
        -------
        Variable

        Raises
        ------
        ValueError
            If more elements are to be chosen than there are, or than have a probability.

        Examples
        --------
        >>> from cytensor.random import Stream
        >>> sorted(Stream(1).choice(3, a=[5, 6, 7], replace=False).eval().tolist())
        [5, 6, 7]
        """
        a = as_tensor_variable(a)
        if a.type.ndim > 1:
            raise ValueError(f"choice: a has {a.type.ndim} axes, not one or none")
        sizes = [] if size is None else as_sizes(size, "choice", ndim)
        count = sizes_of(a)[0] if a.type.ndim else as_sizes(a, "choice")[0]
        places = self._places(sizes, count, replace, p)
        out = take(a, places) if a.type.ndim else places
        return self._done(out if dtype is None else to_dtype(out, count_dtype("choice", dtype)))

    def _places(self, sizes, count, replace, p):
        draws = self._draws()
        if p is not None:
            _, (p,) = float_parameters("choice", None, as_tensor_variable(p))
            if p.type.ndim != 1:
                raise ValueError(f"choice: p has {p.type.ndim} axes, not one")
            check_number("choice", p, _probability, "a probability is not between 0 and 1")
            known = p.type.shape[0]
            if type(count) is int and known not in (None, count):
                raise ValueError(f"choice: {known} probabilities for {count} elements")
            p = specified(p, [count], "choice: p")
        if replace and p is not None:
            return draws.categories(sizes, cumsum(to_dtype(p, "float64"), axis=0))
        if replace:
            return draws.variates(random_integers, sizes, as_variable(0), as_variable(count) - 1)
        total = product(sizes)
        if type(total) is int and type(count) is int and total > count:
            raise ValueError(f"choice: {total} different ones of {count}")
        if p is not None:
            return reshaped(draws.choices([], total, p), sizes)
        return reshaped(draws.permutations([count])[:total], sizes)

    def permutation(self, size=None, n=1, ndim=None, dtype="int64"):
        """Draw permutations of 0, 1, .., n - 1.

        Parameters
        ----------
        size : int, sequence or integer vector, optional
            How many; by default a single one.
        n : int or 0-d integer variable
        ndim : int, optional
            The length of ``size``.
        dtype : str

        Returns
        -------
        Variable, shape (*size, n)

        Examples
        --------
        >>> from cytensor.random import Stream
        >>> sorted(Stream(1).permutation(n=4).eval().tolist())
        [0, 1, 2, 3]
        """
        check_number("permutation", n, _not_negative, "n is negative")
        sizes = [] if size is None else as_sizes(size, "permutation", ndim)
        x = self._draws().permutations([*sizes, _whole("permutation", n)])
        return self._done(to_dtype(x, count_dtype("permutation", dtype)))

    def shuffle_row_elements(self, input):
        """Return ``input`` with each row, along the last axis, in an order of its own."""
        x = as_tensor_variable(input)
        if x.type.ndim == 0:
            raise ValueError("shuffle_row_elements: the input has no axis")
        permutation = self._draws().permutations(sizes_of(x))
        out = self._done(take_along_axis(x, permutation, axis=-1))
        out.tag.permutation = permutation
        return out

    def shuffle(self, x):
        """Return ``x`` with its items, along the first axis, in a random order."""
        x = as_tensor_variable(x)
        if x.type.ndim == 0:
            raise ValueError("shuffle: the input has no axis")
        return self._done(take(x, self._draws().permutations(sizes_of(x)[:1]), axis=0))
