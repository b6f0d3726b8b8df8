"""Normalisation: arrays are shifted and scaled to mean 0 and variance 1, along some of their axes.

All of it is composed of sums and arithmetic, which fuse: where the last axis is among those that
are normalised, one group computes the statistics and the result, and another one the gradient.
Variances are sums of squared distances from the mean, so that an offset costs no digits.
"""
import numpy as np

from cytensor._core import Variable
from cytensor.ops import elementwise as ew
from cytensor.ops.axes import permuted
from cytensor.ops.registry import FLOAT_OF, KIND, common_dtype, normal_axes, to_dtype
from cytensor.ops.shape import addbroadcast
from cytensor.ops.statistics import count_along, mean_of_floats, squared_deviations
from cytensor.ops.views import as_tensor_variable, product, reshaped, sizes_of

# ----- dtypes -----


def _floats(what, *arrays):
    """Return arrays in the dtype to compute in, and the dtype of the result.

    An array that is None stays None; float16 is computed in float32.
    """
    found = [x for x in arrays if x is not None]
    dtype = FLOAT_OF[common_dtype(found)]
    if KIND[dtype] == "c":
        raise TypeError(f"{what}: only real numbers can be normalised, not {dtype}")
    work = "float32" if dtype == "float16" else dtype
    return [None if x is None else to_dtype(x, work) for x in arrays], dtype


def _number_like(value, x):
    """A number, or a 0-d variable, in the dtype of ``x``."""
    return to_dtype(value if isinstance(value, Variable) else float(value), x.type.dtype)


# ----- the arithmetic -----

def _mean_and_total(x, axes):
    """The mean along axes, and the sum of the squared distances from it."""
    return mean_of_floats(x, axes), squared_deviations(x, axis=axes)


def _standardised(x, axes, epsilon):
    """Return ``(x - mean) / sqrt(var + epsilon)`` along axes."""
    mean, total = _mean_and_total(x, axes)
    variance = total / count_along(x, axes, x.type.dtype)
    return (x - mean) * ew.rsqrt(variance + _number_like(epsilon, x))


def _scaled(x, gamma, beta):
    """Return ``x * gamma + beta``; either may be missing."""
    if gamma is not None:
        x = x * gamma
    return x if beta is None else x + beta


# ----- batches -----

class _Layout:
    """Which axes are normalised, and how parameters lie along the others.

    Parameters
    ----------
    what : str
        The function, for errors.
    inputs : Variable
    axes : str or sequence of int
    parameters : dict of str to Variable
        Those that are given: either all have the rank of ``inputs``, or none.
    """

    def __init__(self, what, inputs, axes, parameters):
        self.what = what
        self.shape = inputs.type.shape
        self.ndim = len(self.shape)
        self.axes = self._checked_axes(axes)
        self.others = tuple([i for i in range(self.ndim) if i not in self.axes])
        self.is_full = any([p.type.ndim == self.ndim for p in parameters.values()])
        for name, p in parameters.items():
            self._check(name, p)

    def _checked_axes(self, axes):
        known = {"per-activation": (0,), "spatial": (0, *range(2, self.ndim))}
        if not isinstance(axes, (tuple, list, range, np.ndarray)):
            if axes not in known:
                raise ValueError(f"{self.what}: axes is 'per-activation', 'spatial' or a tuple, "
                                 f"not {axes!r}")
            axes = known[axes]
        axes = tuple(sorted([int(axis) for axis in axes]))
        if not axes or axes[0] < 0 or axes[-1] >= self.ndim or len(set(axes)) < len(axes):
            raise ValueError(f"{self.what}: axes should be some of the {self.ndim} of inputs, each "
                             f"once, not {axes}")
        return axes

    def _check(self, name, p):
        """Raise ``ValueError`` for a parameter of another rank, or of a size that cannot fit."""
        wanted = self.ndim if self.is_full else len(self.others)
        if p.type.ndim != wanted:
            raise ValueError(
                f"{self.what}: {name} has {p.type.ndim} axes; as inputs has {self.ndim}, all of "
                f"gamma, beta and the statistics should have {self.ndim}, or all of them "
                f"{len(self.others)}: those that are not normalised")
        for i, axis in enumerate(self.others):
            have, want = p.type.shape[axis if self.is_full else i], self.shape[axis]
            if None not in (have, want) and have not in (1, want):
                raise ValueError(f"{self.what}: {name} has shape {p.type.shape}, but inputs has "
                                 f"size {want} on axis {axis}, not {have}")

    def spread(self, p):
        """Give a parameter the axes of the inputs; those that are normalised have size 1."""
        if p is None:
            return None
        if self.is_full:
            return addbroadcast(p, *self.axes)
        places = {axis: i for i, axis in enumerate(self.others)}
        return permuted(p, [places.get(axis, -1) for axis in range(self.ndim)])

    def narrow(self, p):
        """Undo ``spread``."""
        return p if self.is_full else permuted(p, self.others)


def _given(**parameters):
    """Those parameters that are not None, as variables."""
    return {name: as_tensor_variable(p) for name, p in parameters.items() if p is not None}


def batch_normalization_train(inputs, gamma=None, beta=None, axes="per-activation", epsilon=1e-4,
                              running_average_factor=0.1, running_mean=None, running_var=None):
    """Normalise a batch by its own mean and variance.

    Parameters
    ----------
    inputs : Variable
    gamma, beta : Variable, optional
        Scale and shift; of the rank of ``inputs``, with size 1 along the normalised axes, or
        without these axes.
    axes : {"per-activation", "spatial"} or tuple of int
        Along which to normalise: the first; all but the second; or these.
    epsilon : number or 0-d Variable
        Added to the variance.
    running_average_factor : number or 0-d Variable
        The weight of this batch in the running statistics.
    running_mean, running_var : Variable, optional
        The running statistics so far, laid out as ``gamma``.

    Returns
    -------
    tuple of Variable
        The result, the mean, and one over the standard deviation; with running statistics also
        their new values, in the dtypes of the old ones. The running variance takes up the unbiased
        variance of the batch, ``m / (m - 1) * var`` for m elements. What a batch does not define,
        the mean of nothing and the variance of one element, leaves them as they were.

    Raises
    ------
    ValueError
        If ranks, sizes or axes do not fit, or one of the running statistics is missing.
    TypeError
        If there are complex numbers.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> x, gamma, beta = T.ftensor4("x"), T.fvector("gamma"), T.fvector("beta")
    >>> out, mean, invstd = T.nnet.bn.batch_normalization_train(x, gamma, beta, "spatial")
    >>> mean.type
    TensorType(float32, vector)
    """
    what = "batch_normalization_train"
    if (running_mean is None) != (running_var is None):
        raise ValueError(f"{what}: running_mean and running_var must either both be given or both "
                         "be None")
    inputs, running = as_tensor_variable(inputs), _given(mean=running_mean, var=running_var)
    given = _given(gamma=gamma, beta=beta)
    layout = _Layout(what, inputs, axes, {
        **given, **{f"running_{name}": p for name, p in running.items()}})
    (x, gamma, beta), dtype = _floats(what, inputs, given.get("gamma"), given.get("beta"))
    mean, total = _mean_and_total(x, layout.axes)
    count = count_along(x, layout.axes, x.type.dtype)
    invstd = ew.rsqrt(total / count + _number_like(epsilon, x))
    out = _normalised(x, mean, invstd, layout.spread(gamma), layout.spread(beta))
    results = [out, *[layout.narrow(v) for v in (mean, invstd)]]
    new = [to_dtype(v, dtype) for v in results]
    if running:
        statistics = [(running["mean"], mean, 1), (running["var"], total / (count - 1), 2)]
        new += [_running(layout, x, *each, running_average_factor) for each in statistics]
    return tuple(new)


def _normalised(x, mean, invstd, gamma, beta):
    """Parameters are combined first: they are small."""
    return _scaled(x - mean, invstd if gamma is None else gamma * invstd, beta)


def _running(layout, x, old, new, least, weight):
    """A running statistic, moved towards one that at least so many elements define."""
    spread, weight = layout.spread(old), _number_like(weight, new)
    moved = to_dtype(spread * (1 - weight) + new * weight, old.type.dtype)
    sizes = sizes_of(x)
    count = product([sizes[axis] for axis in layout.axes])
    is_defined = count >= least
    if isinstance(is_defined, Variable):
        moved = ew.switch(is_defined, moved, spread)
    return layout.narrow(moved if isinstance(is_defined, Variable) or is_defined else spread)


def batch_normalization_test(inputs, gamma, beta, mean, var, axes="per-activation", epsilon=1e-4):
    """Normalise by a given mean and variance.

    Parameters
    ----------
    inputs : Variable
    gamma, beta : Variable or None
    mean, var : Variable
        All of the rank of ``inputs``, with size 1 along the normalised axes, or without these axes.
    axes : {"per-activation", "spatial"} or tuple of int
        As in ``batch_normalization_train``.
    epsilon : number or 0-d Variable
        Added to the variance.

    Returns
    -------
    Variable
        ``(inputs - mean) * gamma / sqrt(var + epsilon) + beta``.

    Raises
    ------
    ValueError
        If ranks, sizes or axes do not fit.
    TypeError
        If there are complex numbers.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> x, (gamma, beta, mean, var) = T.ftensor4("x"), T.fvectors(4)
    >>> T.nnet.bn.batch_normalization_test(x, gamma, beta, mean, var, "spatial").type
    TensorType(float32, 4D)
    """
    what = "batch_normalization_test"
    inputs = as_tensor_variable(inputs)
    given = _given(gamma=gamma, beta=beta, mean=mean, var=var)
    layout = _Layout(what, inputs, axes, given)
    (x, *parameters), dtype = _floats(
        what, inputs, *[given.get(name) for name in ("gamma", "beta", "mean", "var")])
    gamma, beta, mean, var = [layout.spread(p) for p in parameters]
    invstd = ew.rsqrt(var + _number_like(epsilon, x))
    return to_dtype(_normalised(x, mean, invstd, gamma, beta), dtype)


def batch_normalization(inputs, gamma, beta, mean, std, mode="low_mem"):
    """Return ``(inputs - mean) * gamma / std + beta``.

    Parameters
    ----------
    inputs, gamma, beta, mean, std : Variable
        They broadcast against each other.
    mode : {"low_mem", "high_mem"}
        Taken for Theano's sake: both give the same.

    Returns
    -------
    Variable

    Raises
    ------
    ValueError
        If there is no such mode.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> x, (gamma, beta, mean, std) = T.fmatrix("x"), T.fvectors(4)
    >>> T.nnet.bn.batch_normalization(x, gamma, beta, mean, std).type
    TensorType(float32, matrix)
    """
    if mode not in ("low_mem", "high_mem"):
        raise ValueError('batch_normalization: mode must be either "low_mem" or "high_mem", not '
                         f"{mode!r}")
    return (as_tensor_variable(inputs) - mean) * (as_tensor_variable(gamma) / std) + beta


# ----- single examples -----

def layer_norm(x, gamma=None, beta=None, axes=-1, epsilon=1e-5):
    """Normalise each example by its own mean and variance along axes, mostly the last ones.

    Parameters
    ----------
    x : Variable
    gamma, beta : Variable, optional
        Scale and shift, which broadcast against ``x``: mostly of the shape of the last axes.
    axes : int or tuple of int
    epsilon : number or 0-d Variable
        Added to the variance.

    Returns
    -------
    Variable, shape of x

    Raises
    ------
    AxisError
        If ``x`` has no such axis.
    TypeError
        If there are complex numbers.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> T.nnet.layer_norm(T.fmatrix("x"), T.fvector("gamma"), T.fvector("beta")).type
    TensorType(float32, matrix)
    """
    x, gamma, beta, axes, dtype = _example("layer_norm", x, gamma, beta, axes)
    return to_dtype(_scaled(_standardised(x, axes, epsilon), gamma, beta), dtype)


def rms_norm(x, gamma=None, axes=-1, epsilon=1e-6):
    """Divide each example by the root of the mean of its squares along axes.

    Parameters
    ----------
    x : Variable
    gamma : Variable, optional
        Scale, which broadcasts against ``x``.
    axes : int or tuple of int
    epsilon : number or 0-d Variable
        Added to the mean of the squares.

    Returns
    -------
    Variable, shape of x

    Raises
    ------
    AxisError
        If ``x`` has no such axis.
    TypeError
        If there are complex numbers.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> T.nnet.rms_norm(T.fmatrix("x"), T.fvector("gamma")).type
    TensorType(float32, matrix)
    """
    x, gamma, _, axes, dtype = _example("rms_norm", x, gamma, None, axes)
    squares = mean_of_floats(ew.sqr(x), axes)
    return to_dtype(_scaled(x * ew.rsqrt(squares + _number_like(epsilon, x)), gamma, None), dtype)


def _example(what, x, gamma, beta, axes):
    """The arguments of a normalisation of examples, as it computes with them."""
    x, given = as_tensor_variable(x), _given(gamma=gamma, beta=beta)
    for name, p in given.items():
        if p.type.ndim > x.type.ndim:
            raise ValueError(f"{what}: {name} has {p.type.ndim} axes, more than the {x.type.ndim} "
                             "of x")
    (x, gamma, beta), dtype = _floats(what, x, given.get("gamma"), given.get("beta"))
    return x, gamma, beta, normal_axes(axes, x.type.ndim, what), dtype


# ----- channels -----

def group_norm(x, groups, gamma=None, beta=None, epsilon=1e-5):
    """Normalise each example by the mean and variance of each of its groups of channels.

    Parameters
    ----------
    x : Variable, shape (n, channels, ...)
    groups : int
        How many: it divides the number of channels.
    gamma, beta : Variable, shape (channels,), optional
        Scale and shift.
    epsilon : number or 0-d Variable
        Added to the variance.

    Returns
    -------
    Variable, shape of x

    Raises
    ------
    ValueError
        If ``x`` has fewer than 2 axes, gamma or beta are no vectors, or the groups do not divide
        the channels.
    TypeError
        If there are complex numbers.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> T.nnet.group_norm(T.ftensor4("x"), 2, T.fvector("gamma")).type
    TensorType(float32, 4D)
    """
    x, gamma, beta, dtype = _channels("group_norm", x, gamma, beta, 2)
    n, channels, *spatial = sizes_of(x)
    if type(channels) is int and (groups < 1 or channels % groups):
        raise ValueError(f"group_norm: x has {channels} channels, which {groups} groups do not "
                         "divide")
    split = [n, groups, channels // groups, *spatial]
    ones = [1] * len(spatial)
    gamma, beta = [None if p is None else reshaped(p, [1, *split[1:3], *ones])
                   for p in (gamma, beta)]
    out = _standardised(reshaped(x, split), tuple(range(2, len(split))), epsilon)
    return to_dtype(reshaped(_scaled(out, gamma, beta), [n, channels, *spatial]), dtype)


def instance_norm(x, gamma=None, beta=None, epsilon=1e-5):
    """Normalise each channel of each example by its own mean and variance.

    Parameters
    ----------
    x : Variable, shape (n, channels, ...)
        With at least one axis after the channels.
    gamma, beta : Variable, shape (channels,), optional
        Scale and shift.
    epsilon : number or 0-d Variable
        Added to the variance.

    Returns
    -------
    Variable, shape of x

    Raises
    ------
    ValueError
        If ``x`` has fewer than 3 axes, or gamma or beta are no vectors.
    TypeError
        If there are complex numbers.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> T.nnet.instance_norm(T.ftensor4("x"), T.fvector("gamma")).type
    TensorType(float32, 4D)
    """
    x, gamma, beta, dtype = _channels("instance_norm", x, gamma, beta, 3)
    axes = tuple(range(2, x.type.ndim))
    gamma, beta = [None if p is None else permuted(p, (-1, 0, *[-1] * len(axes)))
                   for p in (gamma, beta)]
    mean, total = _mean_and_total(x, axes)
    variance = total / count_along(x, axes, x.type.dtype)
    invstd = ew.rsqrt(variance + _number_like(epsilon, x))
    return to_dtype(_normalised(x, mean, invstd, gamma, beta), dtype)


def _channels(what, x, gamma, beta, least):
    """The arguments of a normalisation of channels, as it computes with them."""
    x, given = as_tensor_variable(x), _given(gamma=gamma, beta=beta)
    if x.type.ndim < least:
        places = ", and places" if least > 2 else ""
        raise ValueError(f"{what}: x has {x.type.ndim} axes; at least {least} are wanted: "
                         f"examples, channels{places}")
    for name, p in given.items():
        if p.type.ndim != 1:
            raise ValueError(f"{what}: {name} has {p.type.ndim} axes; one is wanted: the channels")
    (x, gamma, beta), dtype = _floats(what, x, given.get("gamma"), given.get("beta"))
    return x, gamma, beta, dtype
