"""The continuous distributions of a stream: standard numbers, moved and scaled by ordinary ops.

Such numbers have gradients with respect to whatever moves and scales them.
"""
import math

import numpy as np

from cytensor.ops import elementwise as ew
from cytensor.ops.arithmetic import where
from cytensor.ops.reduce import sum as sum_of
from cytensor.ops.registry import as_variable, to_dtype
from cytensor.random.draws import (
    check_number, float_parameters, random_beta, random_gamma, sizes_for, spread_all)


def _scaled(x, loc, scale):
    """``loc + scale * x``, without the steps that change nothing."""
    x = x if _is(scale, 1) else x * scale
    return x if _is(loc, 0) else x + loc


def _is(x, number):
    return isinstance(x, (int, float)) and x == number


def _positive(x):
    return x > 0


def _not_negative(x):
    return x >= 0


def _normal_cdf(x):
    return 0.5 * ew.erfc(x * -math.sqrt(0.5))


def _normal_ppf(p):
    return -math.sqrt(2) * ew.erfcinv(2 * p)


class Continuous:
    """Distributions of floats; ``Stream`` has them as methods.

    Every method takes ``size``, the shape of the result: an int, a sequence of ints and 0-d
    variables, or an integer vector, whose length is ``ndim`` if it is not known. By default it is
    that to which the parameters broadcast. ``dtype`` is that of the parameters, and at least
    ``config.floatX``, unless it is given.
    """

    def _standard(self, what, kind, size, ndim, dtype, *parameters):
        """Return standard numbers, and the parameters."""
        dtype, parameters = float_parameters(what, dtype, *parameters)
        sizes = sizes_for(what, size, ndim, *parameters)
        return self._draws().numbers(kind, sizes, dtype), spread_all(parameters, sizes)

    def uniform(self, size=None, low=0.0, high=1.0, ndim=None, dtype=None):
        """Draw from the interval from ``low`` to ``high``, ``high`` excluded.

        Parameters
        ----------
        size : int, sequence or integer vector, optional
        low, high : float or Variable
        ndim : int, optional
        dtype : str, optional

        Returns
        -------
        Variable

        Examples
        --------
        >>> from cytensor.random import Stream
        >>> Stream(1).uniform((2, 3), dtype="float32").type
        TensorType(float32, (2, 3))
        """
        u, (low, high) = self._standard("uniform", "uniform", size, ndim, dtype, low, high)
        return self._done(_scaled(u, low, high if _is(low, 0) else high - low))

    def normal(self, size=None, avg=0.0, std=1.0, ndim=None, dtype=None):
        """Draw from normal distributions of mean ``avg`` and standard deviation ``std``.

        Examples
        --------
        >>> from cytensor.random import Stream
        >>> Stream(1).normal((2, 3)).type.shape
        (2, 3)
        """
        check_number("normal", std, _not_negative, "std is negative")
        x, (avg, std) = self._standard("normal", "normal", size, ndim, dtype, avg, std)
        return self._done(_scaled(x, avg, std))

    def lognormal(self, size=None, avg=0.0, std=1.0, ndim=None, dtype=None):
        """Draw numbers whose logarithm is normal, of mean ``avg`` and deviation ``std``."""
        check_number("lognormal", std, _not_negative, "std is negative")
        x, (avg, std) = self._standard("lognormal", "normal", size, ndim, dtype, avg, std)
        return self._done(ew.exp(_scaled(x, avg, std)))

    def truncated_normal(self, size=None, avg=0.0, std=1.0, low=-2.0, high=2.0, ndim=None,
                         dtype=None):
        """Draw from a normal distribution, of which only one interval is taken.

        Parameters
        ----------
        size : int, sequence or integer vector, optional
        avg, std : float or Variable
            Mean and standard deviation before the cut.
        low, high : float or Variable
            The ends, in standard deviations from the mean.
        ndim : int, optional
        dtype : str, optional

        Returns
        -------
        Variable

        Examples
        --------
        >>> from cytensor.random import Stream
        >>> x = Stream(1).truncated_normal((1000,), low=0.0, high=1.0).eval()
        >>> bool((x >= 0).all() and (x <= 1).all())
        True
        """
        check_number("truncated_normal", std, _not_negative, "std is negative")
        what = "truncated_normal"
        dtype, parameters = float_parameters(what, dtype, avg, std, low, high)
        sizes = sizes_for(what, size, ndim, *parameters)
        avg, std, low, high = spread_all(parameters, sizes)
        a, b = [to_dtype(as_variable(x), "float64") for x in (low, high)]
        # In the tail on the right, 1 - cdf keeps the digits that cdf has lost.
        right = ew.gt(a, 0)
        a, b = where(right, -b, a), where(right, -a, b)
        below = _normal_cdf(a)
        u = self._draws().numbers("open", sizes, "float64")
        x = ew.clip(_normal_ppf(below + (_normal_cdf(b) - below) * u), a, b)
        return self._done(_scaled(to_dtype(where(right, -x, x), dtype), avg, std))

    def exponential(self, size=None, scale=1.0, ndim=None, dtype=None):
        """Draw waiting times of mean ``scale``."""
        check_number("exponential", scale, _not_negative, "scale is negative")
        u, (scale,) = self._standard("exponential", "open", size, ndim, dtype, scale)
        return self._done(_scaled(-ew.log(u), 0, scale))

    def laplace(self, size=None, loc=0.0, scale=1.0, ndim=None, dtype=None):
        """Draw from two exponential distributions, back to back at ``loc``."""
        check_number("laplace", scale, _not_negative, "scale is negative")
        u, (loc, scale) = self._standard("laplace", "open", size, ndim, dtype, loc, scale)
        side = where(ew.lt(u, 0.5), ew.log(2 * u), -ew.log(2 - 2 * u))
        return self._done(_scaled(side, loc, scale))

    def logistic(self, size=None, loc=0.0, scale=1.0, ndim=None, dtype=None):
        """Draw numbers whose cumulative probability is a sigmoid."""
        check_number("logistic", scale, _not_negative, "scale is negative")
        u, (loc, scale) = self._standard("logistic", "open", size, ndim, dtype, loc, scale)
        return self._done(_scaled(ew.log(u) - ew.log1p(-u), loc, scale))

    def gumbel(self, size=None, loc=0.0, scale=1.0, ndim=None, dtype=None):
        """Draw largest values: the index of the largest of logits and such noise is a choice."""
        check_number("gumbel", scale, _not_negative, "scale is negative")
        u, (loc, scale) = self._standard("gumbel", "open", size, ndim, dtype, loc, scale)
        return self._done(_scaled(-ew.log(-ew.log(u)), loc, scale))

    def cauchy(self, size=None, loc=0.0, scale=1.0, ndim=None, dtype=None):
        """Draw ratios of normal numbers: a distribution without a mean."""
        check_number("cauchy", scale, _not_negative, "scale is negative")
        u, (loc, scale) = self._standard("cauchy", "open", size, ndim, dtype, loc, scale)
        return self._done(_scaled(ew.tan(math.pi * (u - 0.5)), loc, scale))

    def rayleigh(self, size=None, scale=1.0, ndim=None, dtype=None):
        """Draw lengths of vectors of two normal numbers."""
        check_number("rayleigh", scale, _not_negative, "scale is negative")
        u, (scale,) = self._standard("rayleigh", "open", size, ndim, dtype, scale)
        return self._done(_scaled(ew.sqrt(-2 * ew.log(u)), 0, scale))

    def weibull(self, size=None, a=1.0, ndim=None, dtype=None):
        """Draw powers ``1 / a`` of exponential numbers."""
        check_number("weibull", a, _positive, "a is not positive")
        u, (a,) = self._standard("weibull", "open", size, ndim, dtype, a)
        return self._done(ew.pow(-ew.log(u), 1 / a))

    def pareto(self, size=None, a=1.0, ndim=None, dtype=None):
        """Draw from the Pareto distribution of the second kind, as NumPy does: from 0 on."""
        check_number("pareto", a, _positive, "a is not positive")
        u, (a,) = self._standard("pareto", "open", size, ndim, dtype, a)
        return self._done(ew.expm1(-ew.log(u) / a))

    # ----- by rejection -----

    def _gammas(self, draws, sizes, shape):
        return draws.variates(random_gamma, sizes, to_dtype(shape, "float64"))

    def gamma(self, size=None, shape=1.0, scale=1.0, ndim=None, dtype=None):
        """Draw waiting times for ``shape`` events, of mean ``scale`` each.

        There is no gradient with respect to ``shape``.

        Examples
        --------
        >>> from cytensor.random import Stream
        >>> Stream(1).gamma((2, 3), shape=2.5).type.shape
        (2, 3)
        """
        check_number("gamma", shape, _not_negative, "shape is negative")
        check_number("gamma", scale, _not_negative, "scale is negative")
        dtype, (shape, scale) = float_parameters("gamma", dtype, shape, scale)
        sizes = sizes_for("gamma", size, ndim, shape, scale)
        x = self._gammas(self._draws(), sizes, shape)
        return self._done(_scaled(to_dtype(x, dtype), 0, *spread_all([scale], sizes)))

    def chisquare(self, size=None, df=1.0, ndim=None, dtype=None):
        """Draw sums of ``df`` squares of standard normal numbers."""
        check_number("chisquare", df, _positive, "df is not positive")
        dtype, (df,) = float_parameters("chisquare", dtype, df)
        sizes = sizes_for("chisquare", size, ndim, df)
        return self._done(to_dtype(2 * self._gammas(self._draws(), sizes, df / 2), dtype))

    def standard_t(self, size=None, df=1.0, ndim=None, dtype=None):
        """Draw from Student's distribution of ``df`` degrees of freedom."""
        check_number("standard_t", df, _positive, "df is not positive")
        dtype, (df,) = float_parameters("standard_t", dtype, df)
        sizes, draws = sizes_for("standard_t", size, ndim, df), self._draws()
        normal = draws.numbers("normal", sizes, "float64")
        mean_square = 2 * self._gammas(draws, sizes, df / 2) / df
        return self._done(to_dtype(normal / ew.sqrt(mean_square), dtype))

    def f(self, size=None, dfnum=1.0, dfden=1.0, ndim=None, dtype=None):
        """Draw ratios of mean squares, of ``dfnum`` and ``dfden`` standard normal numbers."""
        for df in (dfnum, dfden):
            check_number("f", df, _positive, "a number of degrees of freedom is not positive")
        dtype, (dfnum, dfden) = float_parameters("f", dtype, dfnum, dfden)
        sizes, draws = sizes_for("f", size, ndim, dfnum, dfden), self._draws()
        top, bottom = [self._gammas(draws, sizes, df / 2) / df for df in (dfnum, dfden)]
        return self._done(to_dtype(top / bottom, dtype))

    def beta(self, size=None, a=1.0, b=1.0, ndim=None, dtype=None):
        """Draw from the interval from 0 to 1, with density ``x**(a - 1) * (1 - x)**(b - 1)``.

        There is no gradient with respect to ``a`` and ``b``.
        """
        for x in (a, b):
            check_number("beta", x, _positive, "a and b are not both positive")
        dtype, (a, b) = float_parameters("beta", dtype, a, b)
        sizes = sizes_for("beta", size, ndim, a, b)
        a, b = [to_dtype(x, "float64") for x in (a, b)]
        return self._done(to_dtype(self._draws().variates(random_beta, sizes, a, b), dtype))

    def dirichlet(self, alpha, size=None, ndim=None, dtype=None):
        """Draw probabilities, along the last axis.

        Parameters
        ----------
        alpha : Variable or array_like, shape (..., k)
            The weight of each of the k places.
        size : int, sequence or integer vector, optional
            The shape of the result but for its last axis.
        ndim : int, optional
            The length of ``size``.
        dtype : str, optional

        Returns
        -------
        Variable, shape (*size, k)

        Examples
        --------
        >>> from cytensor.random import Stream
        >>> Stream(1).dirichlet([1.0, 2.0, 3.0], size=4).type.shape
        (4, 3)
        """
        check_number("dirichlet", np.asarray(alpha) if isinstance(alpha, (list, tuple)) else alpha,
                     _positive, "a weight is not positive")
        dtype, (alpha,) = float_parameters("dirichlet", dtype, alpha)
        if isinstance(alpha, (int, float)) or alpha.type.ndim == 0:
            raise ValueError("dirichlet: alpha has no axis")
        row = alpha[..., 0]
        sizes = [*sizes_for("dirichlet", size, ndim, row), alpha.shape[-1]]
        x = self._gammas(self._draws(), sizes, alpha)
        return self._done(to_dtype(x / sum_of(x, axis=-1, keepdims=True), dtype))
