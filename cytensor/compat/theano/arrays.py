"""Functions of arrays that Theano has."""
import numpy as np

from cytensor.compat.theano import dtypes
from cytensor.compat.theano.flags import config


def _asarray(a, dtype, order=None):
    """Return ``a`` as an array of a dtype; ``"floatX"`` stands for ``config.floatX``."""
    return np.asarray(a, dtype=config.floatX if dtype == "floatX" else dtype, order=order)


def tolerances(*arrays):
    """Return Theano's (absolute, relative) tolerance for arrays of these dtypes."""
    names = {str(np.asarray(a).dtype) for a in arrays}
    if "float16" in names:
        return dtypes.float16_atol, dtypes.float16_rtol
    if names & {"float32", "complex64"}:
        return dtypes.float32_atol, dtypes.float32_rtol
    return dtypes.float64_atol, dtypes.float64_rtol


def allclose(a, b, rtol=None, atol=None):
    """Whether two arrays are close, by the tolerances of their dtypes."""
    usual_atol, usual_rtol = tolerances(a, b)
    return np.allclose(a, b, atol=usual_atol if atol is None else atol,
                       rtol=usual_rtol if rtol is None else rtol)


def check_equal_numpy(x, y):
    """Whether two values are equal, and arrays in dtype and shape as well."""
    if isinstance(x, np.ndarray) and isinstance(y, np.ndarray):
        return (x.dtype == y.dtype and x.shape == y.shape and bool(np.all(abs(x - y) < 1e-10)))
    return x == y
