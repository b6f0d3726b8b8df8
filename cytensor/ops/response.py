"""Local response normalisation: what a channel says counts less where its neighbours are loud."""
from cytensor.ops.pooling import sum_pool
from cytensor.ops.registry import KIND, to_dtype
from cytensor.ops.views import as_size, as_tensor_variable, product, reshaped, sizes_of


def local_response_normalization(x, n=5, k=2, alpha=1e-4, beta=0.75):
    """Divide images by what their neighbouring channels sum up to.

    ``x / (k + alpha * s) ** beta``, where ``s`` is the sum of the squares of the ``n`` channels
    around each.

    Parameters
    ----------
    x : Variable, shape (batch, channels, ...)
    n : int
        How many channels count; odd.
    k, alpha, beta : float

    Returns
    -------
    Variable
        In the shape of ``x``.

    Raises
    ------
    TypeError
        If ``x`` has no axis of channels, or is complex.
    ValueError
        If ``n`` is even.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> T.nnet.local_response_normalization(T.ones((1, 3)), n=3, k=0, alpha=1, beta=1).eval()
    array([[0.5       , 0.33333333, 0.5       ]])
    """
    x = as_tensor_variable(x)
    if x.type.ndim < 2 or KIND[x.type.dtype] == "c":
        raise TypeError("local_response_normalization: x is real and has the axes (batch, "
                        f"channels, ...), so it is not a {x.type}")
    if n % 2 == 0:
        raise ValueError(f"local_response_normalization: n is odd, not {n}")
    x = x if KIND[x.type.dtype] == "f" else to_dtype(x, "float64")
    sizes = sizes_of(x)
    squares = reshaped(x * x, [*sizes[:2], product(sizes[2:])])
    window = [as_size(i) for i in (n, 1, 1, 1, n // 2, 0)]
    total = sum_pool(squares, *window, ndim=2, ignore_border=True, divisor=None)
    return x * (k + alpha * reshaped(total, sizes)) ** -beta
