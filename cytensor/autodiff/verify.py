"""Check gradients against differences of the function itself."""
from functools import partial

import numpy as np

from cytensor._core import TensorType, new_variable
from cytensor.autodiff.compiler import compiled
from cytensor.autodiff.reverse import grad
from cytensor.ops.elementwise import mul, real
from cytensor.ops.registry import KIND, REAL_OF, as_variable
from cytensor.ops.reduce import sum_op

#: How far an analytic gradient may be off, by its dtype: (absolute, relative).
TOLERANCE = {"float16": (2e-2, 2e-2), "float32": (1e-4, 1e-4), "float64": (1e-7, 1e-7)}


class GradientError(Exception):
    """An analytic gradient differs from the numeric one.

    Parameters
    ----------
    arg, err_pos : int
        Which argument, and which of its elements (in C order), differ most.
    value1, value2 : float
        The analytic and the numeric gradient there.
    """

    def __init__(self, arg, err_pos, value1, value2, abs_err, rel_err, abs_tol, rel_tol):
        super().__init__(
            f"verify_grad: argument {arg}, element {err_pos}: the gradient is {value1!r}, "
            f"differences give {value2!r} (absolute error {abs_err:.3g}, tolerance {abs_tol:.3g}; "
            f"relative error {rel_err:.3g}, tolerance {rel_tol:.3g})")
        self.arg, self.err_pos, self.value1, self.value2 = arg, err_pos, value1, value2
        self.abs_err, self.rel_err, self.abs_tol, self.rel_tol = abs_err, rel_err, abs_tol, rel_tol


class numeric_grad:
    """The gradient of a function of arrays, by differences.

    Central differences of two steps, h and h / 2, are combined so that the error is of order
    ``h ** 4`` (Richardson). In float64 some ten digits are right.

    Parameters
    ----------
    f : callable
        ``f(*arrays) -> number``.
    pt : array or list of array
        Where to differentiate. Complex elements move along both of their axes.
    eps : float, optional
        The step h. By default larger elements take larger steps.

    Attributes
    ----------
    gf : array or list of array
        The gradient, as ``pt``.

    Examples
    --------
    >>> import numpy as np
    >>> bool(abs(numeric_grad(np.exp, np.array(1.0)).gf - np.exp(1)) < 1e-9)
    True
    """

    def __init__(self, f, pt, eps=None):
        arrays = [np.array(x, order="C") for x in (pt if isinstance(pt, (list, tuple)) else [pt])]
        self._f, self._eps = f, eps
        found = [self._gradient(arrays, x) for x in arrays]
        self.gf = found if isinstance(pt, (list, tuple)) else found[0]

    def _gradient(self, arrays, x):
        gradient = np.zeros_like(x)
        reals, out = _as_reals(x), _as_reals(gradient)
        for i in range(reals.size):
            out[i] = self._slope(arrays, reals, i)
        return gradient

    def _slope(self, arrays, reals, i):
        at = reals[i]
        h = self._eps or np.finfo(reals.dtype).eps ** 0.2 * max(1.0, abs(float(at)))

        def rise(step):
            up, down = reals.dtype.type(at + step), reals.dtype.type(at - step)
            reals[i] = up
            above = float(self._f(*arrays))
            reals[i] = down
            below = float(self._f(*arrays))
            return (above - below) / (float(up) - float(down))

        try:
            return (4 * rise(h / 2) - rise(h)) / 3
        finally:
            reals[i] = at

    @staticmethod
    def abs_rel_err(a, b):
        """Return the absolute and the relative error between two arrays."""
        abs_err = np.abs(a - b)
        return abs_err, abs_err / np.maximum(np.abs(a) + np.abs(b), 1e-8)

    def abs_rel_errors(self, g_pt):
        """Return the errors of ``g_pt``, one pair for each argument."""
        found = self.gf if isinstance(self.gf, list) else [self.gf]
        return [self.abs_rel_err(a, b) for a, b in zip(g_pt, found)]

    def max_err(self, g_pt, abs_tol, rel_tol):
        """Return the argument, the element and the two errors where ``g_pt`` is worst.

        An element counts by the better of its two errors, each in units of its tolerance.
        """
        worst = (0, 0, 0.0, 0.0), -1.0
        for arg, (abs_err, rel_err) in enumerate(self.abs_rel_errors(g_pt)):
            score = np.nan_to_num(np.minimum(abs_err / abs_tol, rel_err / rel_tol), nan=np.inf)
            if score.size and score.max() > worst[1]:
                i = int(score.argmax())
                worst = (arg, i, float(abs_err.flat[i]), float(rel_err.flat[i])), score.flat[i]
        return worst[0]


def _as_reals(x):
    """The elements of an array as a flat view of real numbers."""
    flat = x.reshape(-1)
    return flat.view(REAL_OF[x.dtype.name]) if x.dtype.kind == "c" else flat


def verify_grad(fun, pt, n_tests=2, rng=None, eps=None, out_type=None, abs_tol=None, rel_tol=None,
                mode=None, cast_to_output_type=False, no_debug_ref=True):
    """Check the gradient of a function of variables against differences.

    The output is multiplied by random numbers and summed. The analytic gradient is taken in the
    dtype of ``pt``; the differences are taken in double precision, so that a float32 or float16
    gradient is checked to all of its digits.

    Parameters
    ----------
    fun : callable
        ``fun(*variables) -> variable``.
    pt : list of array_like
        Where to check. The arrays are floats or complex numbers.
    n_tests : int
        How many random projections to try.
    rng : numpy.random.Generator or RandomState, optional
    eps : float, optional
        The step of the differences.
    abs_tol, rel_tol : float, optional
        An element passes if either of its errors is within its tolerance.
    out_type, mode, cast_to_output_type, no_debug_ref
        Accepted for Theano's sake; without effect.

    Raises
    ------
    GradientError
        If they differ.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> T.verify_grad(T.tanh, [[0.5, -1.0]])
    """
    arrays = [np.array(x) for x in pt]
    for x in arrays:
        if x.dtype.name not in KIND or x.dtype.kind not in "fc":
            raise TypeError(f"verify_grad: the points are floats or complex numbers, not {x.dtype}")
    rng = np.random.default_rng(1) if rng is None else rng
    wide = [x.astype("complex128" if x.dtype.kind == "c" else "float64") for x in arrays]
    here = _Projected(fun, arrays)
    is_wide = [x.dtype for x in wide] == [x.dtype for x in arrays]
    reference = here if is_wide else _Projected(fun, wide)
    tolerance = _tolerance(arrays, here, abs_tol, rel_tol)
    for _ in range(n_tests):
        weights = _random_like(rng, reference.value(wide))
        slopes = numeric_grad(partial(reference.cost, weights), wide, eps)
        _compare(here.gradient(weights, arrays), slopes, tolerance)


verify_grad.E_grad = GradientError


class _Projected:
    """``sum(fun(*x) * weights)``, and its gradient."""

    def __init__(self, fun, arrays):
        self._xs = [new_variable(TensorType(x.dtype.name, _kept_ones(x)), f"x{i}")
                    for i, x in enumerate(arrays)]
        self.out = as_variable(fun(*self._xs))
        self._weights = new_variable(TensorType(self.out.type.dtype, self.out.type.shape))
        product = mul(self.out, self._weights)
        self._cost = real(sum_op(product, axis=tuple(range(self.out.type.ndim)), keepdims=False))
        self._value = compiled(self._xs, [self.out])
        self._run_cost = compiled([*self._xs, self._weights], [self._cost])
        self._run_gradient = None

    def value(self, arrays):
        return self._value(*arrays)[0]

    def cost(self, weights, *arrays):
        return self._run_cost(*arrays, weights)[0]

    def gradient(self, weights, arrays):
        if self._run_gradient is None:
            gradients = grad(self._cost, self._xs, disconnected_inputs="ignore")
            self._run_gradient = compiled([*self._xs, self._weights], gradients)
        return self._run_gradient(*arrays, weights.astype(self.out.type.dtype))


def _kept_ones(x):
    return [1 if n == 1 else None for n in x.shape]


def _random_like(rng, out):
    """Weights between 0.5 and 1.5, of both signs: none hides an element of the gradient."""
    weights = rng.uniform(0.5, 1.5, np.shape(out)) * rng.choice([-1.0, 1.0], np.shape(out))
    return np.asarray(weights, np.asarray(out).dtype)


def _tolerance(arrays, projected, abs_tol, rel_tol):
    dtypes = [x.dtype.name for x in arrays] + [projected.out.type.dtype]
    names = [REAL_OF.get(name, name) for name in dtypes]
    default = max([TOLERANCE.get(name, TOLERANCE["float64"]) for name in names])
    return abs_tol or default[0], rel_tol or default[1]


def _compare(gradients, slopes, tolerance):
    abs_tol, rel_tol = tolerance
    gradients = [np.asarray(g) for g in gradients]
    arg, i, abs_err, rel_err = slopes.max_err(gradients, abs_tol, rel_tol)
    if abs_err > abs_tol and rel_err > rel_tol or np.isnan(abs_err):
        raise GradientError(arg, i, gradients[arg].flat[i], slopes.gf[arg].flat[i],
                            abs_err, rel_err, abs_tol, rel_tol)
