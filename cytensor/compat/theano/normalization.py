"""Batch normalisation: ``theano.tensor.nnet.bn``."""
import numpy as np

from cytensor import tensor as T

#: The smallest epsilon that Theano takes.
_MIN_EPSILON = 1e-5


class _Layout:
    """Which axes are normalised, and how parameters lie along the others."""

    def __init__(self, inputs, axes, epsilon, *parameters):
        self.ndim = inputs.ndim
        self.axes = self._axes(axes)
        self.others = tuple([i for i in range(self.ndim) if i not in self.axes])
        self.is_full = parameters[0].ndim == self.ndim
        wanted = self.ndim if self.is_full else len(self.others)
        for p in parameters:
            if p.ndim != wanted:
                raise ValueError("gamma, beta and the statistics have as many axes as the inputs, "
                                 f"or as those that are not normalised: not {p.ndim}, but {wanted}")
        if not np.float64(epsilon) >= _MIN_EPSILON * (1 - 1e-6):
            raise ValueError(f"epsilon must be at least {_MIN_EPSILON}, got {epsilon}")

    def _axes(self, axes):
        if isinstance(axes, str):
            known = {"per-activation": (0,), "spatial": (0, *range(2, self.ndim))}
            if axes not in known:
                raise ValueError(f"invalid axes: {axes}")
            axes = known[axes]
        axes = tuple(sorted([int(axis) for axis in axes]))
        if not axes or min(axes) < 0 or max(axes) >= self.ndim:
            raise ValueError(f"axes should be some of the {self.ndim} of the inputs, not {axes}")
        return axes

    def spread(self, p):
        """Give a parameter the axes of the inputs; those that are normalised have size 1."""
        if self.is_full:
            return T.addbroadcast(p, *self.axes)
        places = iter(range(p.ndim))
        return p.dimshuffle(["x" if i in self.axes else next(places) for i in range(self.ndim)])

    def narrow(self, p):
        """Undo ``spread``."""
        return p if self.is_full else p.dimshuffle(*self.others)


def batch_normalization_train(inputs, gamma, beta, axes="per-activation", epsilon=1e-4,
                              running_average_factor=0.1, running_mean=None, running_var=None):
    """Normalise a batch by its own mean and variance.

    Parameters
    ----------
    inputs : Variable
    gamma, beta : Variable
        Scale and shift; of the rank of ``inputs``, or without the normalised axes.
    axes : {"per-activation", "spatial"} or tuple of int
        Along which to normalise: the first; all but the second; or these.
    epsilon : float
        Added to the variance.
    running_average_factor : float
        The weight of this batch in the running statistics.
    running_mean, running_var : Variable, optional
        The running statistics so far.

    Returns
    -------
    tuple of Variable
        The result, the mean, one over the standard deviation, and with running statistics
        their new values.

    Raises
    ------
    ValueError
        If ranks, axes or epsilon do not fit, or one of the running statistics is missing.
    """
    if (running_mean is None) != (running_var is None):
        raise ValueError("running_mean and running_var must either both be given or both be None")
    running = [T.as_tensor_variable(v) for v in (running_mean, running_var) if v is not None]
    inputs, gamma, beta = [T.as_tensor_variable(v) for v in (inputs, gamma, beta)]
    layout = _Layout(inputs, axes, epsilon, gamma, beta, *running)
    mean = inputs.mean(layout.axes, keepdims=True)
    var = inputs.var(layout.axes, keepdims=True)
    invstd = T.reciprocal(T.sqrt(var + _like(epsilon, var)))
    out = (inputs - mean) * (layout.spread(gamma) * invstd) + layout.spread(beta)
    found = [mean, invstd]
    if running:
        weight = running_average_factor
        count = T.cast(T.prod(inputs.shape) / T.prod(mean.shape), mean.dtype)
        for old, new in zip(running, (mean, count / (count - 1) * var)):
            found.append(_weighted(layout.spread(old), new, weight))
    return (out, *[layout.narrow(v) for v in found])


def _like(number, x):
    return T.constant(np.asarray(number, dtype=x.dtype))


def _weighted(old, new, weight):
    weight = _like(weight, new) if isinstance(weight, (int, float)) else weight
    return old * (1 - weight) + new * weight


def batch_normalization_test(inputs, gamma, beta, mean, var, axes="per-activation", epsilon=1e-4):
    """Normalise by a given mean and variance.

    Parameters
    ----------
    inputs : Variable
    gamma, beta, mean, var : Variable
        Of the rank of ``inputs``, or without the normalised axes.
    axes, epsilon
        As in ``batch_normalization_train``.

    Returns
    -------
    Variable
    """
    inputs, *parameters = [T.as_tensor_variable(v) for v in (inputs, gamma, beta, mean, var)]
    layout = _Layout(inputs, axes, epsilon, *parameters)
    gamma, beta, mean, var = [layout.spread(p) for p in parameters]
    return (inputs - mean) * gamma / T.sqrt(var + _like(epsilon, var)) + beta


def batch_normalization(inputs, gamma, beta, mean, std, mode="low_mem"):
    """Return ``(inputs - mean) * gamma / std + beta``.

    Raises
    ------
    ValueError
        If ``mode`` is neither "low_mem" nor "high_mem"; both give the same.
    """
    if mode not in ("low_mem", "high_mem"):
        raise ValueError('mode must be either "low_mem", "high_mem"')
    return (inputs - mean) * (gamma / std) + beta
