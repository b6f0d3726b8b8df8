"""NumPy's functions on symbolic arrays: ``np.exp(x)`` and ``np.sum(x)`` stay symbolic."""
from cytensor._core import Op
from cytensor.ops import (
    arithmetic, axes, cumulative, decompositions, determinants, diagonal, eigen, einsum,
    elementwise as ew, fft, frequencies, generate, joining, least_squares, linear,
    matrices, matrix_functions, norms, ranges, rearrange, reduce, select, shape, solve, statistics)

#: NumPy's names of the ufuncs that we name otherwise.
_UFUNC_NAMES = {
    "absolute": "abs", "bitwise_and": "and_", "bitwise_or": "or_", "bitwise_xor": "xor",
    "conjugate": "conj", "degrees": "rad2deg", "divide": "true_div", "equal": "eq",
    "expit": "sigmoid", "fabs": "abs", "floor_divide": "floor_div", "greater": "gt",
    "greater_equal": "ge", "less": "lt", "less_equal": "le", "multiply": "mul",
    "negative": "neg", "not_equal": "neq", "power": "pow", "radians": "deg2rad",
    "remainder": "mod", "rint": "round_half_to_even", "sign": "sgn", "square": "sqr",
    "subtract": "sub",
}
_UFUNCS = {"matmul": linear.matmul, "divmod": arithmetic.divmod, "positive": lambda x: x}

#: Where the functions are that NumPy dispatches by name; our names are NumPy's.
_HOMES = {
    arithmetic: "allclose round where",
    axes: "atleast_1d atleast_2d atleast_3d expand_dims moveaxis squeeze swapaxes transpose",
    cumulative: "cumprod cumsum",
    diagonal: "diag diagonal trace",
    einsum: "einsum",
    ew: "angle clip imag isclose real",
    generate: "empty_like full_like ones_like zeros_like",
    joining: "array_split column_stack concatenate dstack hstack split stack vstack",
    linear: "dot inner kron outer tensordot vdot",
    matrices: "tril triu",
    ranges: "linspace logspace meshgrid",
    rearrange: "flip fliplr flipud pad repeat roll rot90 tile",
    reduce: "all any argmax argmin max min prod sum",
    select: "choose compress flatnonzero nonzero take take_along_axis",
    shape: "broadcast_arrays broadcast_to ravel reshape shape size",
    statistics: "mean ptp std var",
}
_LINALG_HOMES = {
    decompositions: "qr svd",
    determinants: "det slogdet",
    eigen: "eig eigh eigvals",
    least_squares: "cond lstsq matrix_rank pinv",
    matrix_functions: "matrix_power multi_dot tensorinv tensorsolve",
    norms: "norm",
    solve: "inv solve",
}
_FFT_HOMES = {
    fft: "fft fft2 fftn hfft ifft ifft2 ifftn ihfft irfft irfft2 irfftn rfft rfft2 rfftn",
    frequencies: "fftshift ifftshift",
}


def _found(homes):
    return {name: getattr(home, name) for home, names in homes.items() for name in names.split()}


#: By the module and the name that NumPy gives a function.
_FUNCTIONS = {"numpy": _found(_HOMES), "numpy.linalg": _found(_LINALG_HOMES),
              "numpy.fft": _found(_FFT_HOMES)}
_FUNCTIONS["numpy"].update(amax=reduce.max, amin=reduce.min, around=arithmetic.round)
_FUNCTIONS["numpy.linalg"].update(
    cholesky=lambda a, upper=False: solve.cholesky(a, lower=not upper),
    eigvalsh=lambda a, UPLO="L": eigen.eigvalsh(a, lower=UPLO == "L"))


def array_ufunc(self, ufunc, method, *inputs, **kwargs):
    """Apply our op of the same meaning to the inputs of a NumPy ufunc."""
    name = ufunc.__name__
    op = _UFUNCS.get(name) or getattr(ew, _UFUNC_NAMES.get(name, name), None)
    if method != "__call__" or kwargs or not (isinstance(op, Op) or name in _UFUNCS):
        how = f"np.{name}" if method == "__call__" else f"np.{name}.{method}"
        extra = f" with {', '.join(kwargs)}" if kwargs else ""
        raise TypeError(f"{how}{extra} does not work on a symbolic tensor; "
                        "look for it in cytensor.tensor, or compute its value with .eval()")
    return op(*inputs)


def array_function(self, function, types, args, kwargs):
    """Call our function of the same name as a NumPy function."""
    ours = _FUNCTIONS.get(function.__module__, {}).get(function.__name__)
    if ours is None:
        raise TypeError(f"{function.__module__}.{function.__name__} does not work on a symbolic "
                        "tensor; look for it in cytensor.tensor, or compute its value with "
                        ".eval()")
    return ours(*args, **kwargs)
