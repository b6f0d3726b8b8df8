"""Pooling: the largest item, the sum or the mean of windows that slide over the last axes.

Five ops, closed under gradient. ``sum_pool`` is linear, and ``sum_unpool`` its transpose; a mean is
a sum that is divided by what its window holds. The gradient of ``max_pool`` is linear in what
comes in: ``max_pool_grad`` gives it to all items that equal the largest one of their window, and
``max_pool_gather``, its transpose, adds up what belongs to those. No places are stored.
"""
import warnings

from cytensor.ops.registry import KIND, structured, to_dtype
from cytensor.ops.views import as_size, as_sizes, as_tensor_variable, no_gradients, sizes_of

# ----- sizes -----

def _check_axis(S, w, s, p, what, divisor):
    S.check(S.lt(0, w), f"{what}: a window has at least one item along each axis, not {{a}}", w)
    S.check(S.lt(0, s), f"{what}: a stride is at least 1, not {{a}}", s)
    S.check(S.lt(-1, p), f"{what}: a padding is not negative: {{a}}", p)
    if divisor == "items":          # there must be some in each window
        S.check(S.lt(p, w), f"{what}: a padding must be smaller than the window: pad is {{a}}, "
                "ws is {b}", p, w)


def windows_along(S, n, w, s, p, ignore_border):
    """Return how many windows there are along an axis.

    Windows of size ``w`` begin every ``s`` items of an axis of size ``n`` with ``p`` items around
    it. Where the border is not ignored, the last one may run over the end, but each begins within
    the axis or before it.
    """
    padded = n + 2 * p
    if ignore_border:
        found = S.max((padded - w) // s + 1, 0)
    else:
        apart = (padded - 1) // s + 1
        found = S.where(S.lt(s, w), S.max((padded - 1 - w) // s + 1, 0) + 1, apart)
        found = S.min(found, (n + p + s - 1) // s)
    is_plain = type(p) is int and p == 0
    return found if is_plain else S.where(S.eq(n, 0), 0, found)


def _pooled(S, x, window, ndim, ignore_border, what, divisor="items"):
    """The sizes of what pooling gives, from those of images."""
    if len(x) < ndim:
        raise TypeError(f"{what}: images have at least the {ndim} axes that are pooled, "
                        f"not {len(x)}")
    sizes = [S.value(v) for v in window]
    window = list(zip(sizes[:ndim], sizes[ndim:2 * ndim], sizes[2 * ndim:3 * ndim]))
    for axis in window:
        _check_axis(S, *axis, what, divisor)
    lead = len(x) - ndim
    return (*x[:lead], *[windows_along(S, n, *axis, ignore_border)
                         for n, axis in zip(x[lead:], window)])


def _same(S, shape, other, what):
    """The sizes that two shapes share."""
    if len(shape) != len(other):
        raise TypeError(f"{what} have {len(shape)} and {len(other)} axes")
    return tuple([S.equal(n, m, f"{what} have sizes {{a}} and {{b}} on an axis")
                  for n, m in zip(shape, other)])


# ----- dtypes -----

def _ordered(x, *others, **params):
    if KIND[x.type.dtype] == "c":
        raise TypeError(f"max_pool is not defined for {x.type.dtype}: complex numbers have no "
                        "order")
    return x.type.dtype


def _added(x, *window, ndim, ignore_border, divisor=None):
    allowed = "iuf" if divisor is None else "f"
    if KIND[x.type.dtype] not in allowed:
        what = "a sum" if divisor is None else "a mean"
        raise TypeError(f"pooling: {what} of windows is not defined for {x.type.dtype}")
    return x.type.dtype


def _with_sizes(count):
    """Convert inputs: ``count`` tensors of one dtype, and sizes."""
    def coerce(inputs, params):
        x, *others = inputs[:count]
        others = [to_dtype(y, x.type.dtype) for y in others]
        return [x, *others, *[as_size(n) for n in inputs[count:]]]
    return coerce


# ----- the largest of each window -----

def _max_sizes(S, shapes, inputs, *, ndim, ignore_border):
    return _pooled(S, shapes[0], inputs[1:], ndim, ignore_border, "max_pool")


def _max_vjp(g, y, x, *window, **params):
    return max_pool_grad(x, y, g, *window, **params), *no_gradients(len(window))


max_pool = structured(
    "max_pool", _ordered, _max_sizes, _max_vjp, coerce=_with_sizes(1),
    iparams=lambda *, ndim, ignore_border: (ndim,),
    jvp=lambda tangents, y, x, *window, **params: max_pool_gather(y, x, tangents[0], *window,
                                                                  **params),
    doc="The largest item of each window: NaN, if there is one.")


def _max_grad_sizes(S, shapes, inputs, *, ndim, ignore_border):
    x, y, g = shapes[:3]
    wanted = _pooled(S, x, inputs[3:], ndim, ignore_border, "max_pool_grad")
    _same(S, wanted, y, "max_pool_grad: the windows of the images, and maxima,")
    _same(S, y, g, "max_pool_grad: maxima and gradients")
    return x


def _max_grad_vjp(h, out, x, y, g, *window, **params):
    return None, None, max_pool_gather(y, x, h, *window, **params), *no_gradients(len(window))


max_pool_grad = structured(
    "max_pool_grad", _ordered, _max_grad_sizes, _max_grad_vjp, coerce=_with_sizes(3),
    iparams=lambda *, ndim, ignore_border: (ndim,),
    doc="Items x get g of all windows whose maximum y they equal.")


def _max_gather_sizes(S, shapes, inputs, *, ndim, ignore_border):
    y, x, h = shapes[:3]
    wanted = _pooled(S, _same(S, x, h, "max_pool_gather: images and tangents"), inputs[3:], ndim,
                     ignore_border, "max_pool_gather")
    return _same(S, wanted, y, "max_pool_gather: the windows of the images, and maxima,")


def _max_gather_vjp(g, out, y, x, h, *window, **params):
    return None, None, max_pool_grad(x, y, g, *window, **params), *no_gradients(len(window))


max_pool_gather = structured(
    "max_pool_gather", _ordered, _max_gather_sizes, _max_gather_vjp, coerce=_with_sizes(3),
    iparams=lambda *, ndim, ignore_border: (ndim,),
    doc="Windows get the sum of h where x equals their maximum y.")

# ----- sums and means of windows -----

#: What a sum is divided by, as the kernels number it: the items in the image, or all of a window.
_DIVISORS = {None: 0, "items": 1, "window": 2}


def _sum_sizes(S, shapes, inputs, *, ndim, ignore_border, divisor):
    return _pooled(S, shapes[0], inputs[1:], ndim, ignore_border, "sum_pool", divisor)


def _sum_vjp(g, out, x, *window, **params):
    sizes = [as_size(n) for n in sizes_of(x)[x.type.ndim - params["ndim"]:]]
    return sum_unpool(g, *window, *sizes, **params), *no_gradients(len(window))


def _sum_params(*, ndim, ignore_border, divisor):
    return ndim, _DIVISORS[divisor]


sum_pool = structured(
    "sum_pool", _added, _sum_sizes, _sum_vjp, coerce=_with_sizes(1), iparams=_sum_params,
    jvp=lambda tangents, out, x, *window, **params: sum_pool(tangents[0], *window, **params),
    doc="The sum of each window, or its mean.")


def _unpool_sizes(S, shapes, inputs, *, ndim, ignore_border, divisor):
    g, (_, *window) = shapes[0], inputs
    lead = len(g) - ndim
    images = (*g[:lead], *[S.value(n) for n in window[3 * ndim:]])
    wanted = _pooled(S, images, window, ndim, ignore_border, "sum_unpool", divisor)
    _same(S, wanted, g, "sum_unpool: the windows of the images, and gradients,")
    return images


def _unpool_vjp(h, out, g, *window, **params):
    pooled = sum_pool(h, *window[:3 * params["ndim"]], **params)
    return pooled, *no_gradients(len(window))


sum_unpool = structured(
    "sum_unpool", _added, _unpool_sizes, _unpool_vjp, coerce=_with_sizes(1), iparams=_sum_params,
    doc="Items get the sum of g over the windows that they are in; the transpose of sum_pool.")

# ----- what users call -----

MODES = ("max", "sum", "average_inc_pad", "average_exc_pad")


def divisor_of(mode, ignore_border):
    """What the sum of a window is divided by, in one of the modes without a maximum."""
    if mode == "sum":
        return None
    # Of a window that runs over the end, only what is there counts.
    return "window" if mode == "average_inc_pad" and ignore_border else "items"


def window_sizes(ws, stride, pad, ndim, what):
    """Return a window, a stride and a padding along each axis, one after the other.

    Each is a number for all axes, or has one for each; the stride is by default the window.
    """
    def along(sizes, name):
        found = as_sizes(sizes, f"{what}: {name}", ndim if getattr(sizes, "ndim", 0) else None)
        if len(found) == 1 and not isinstance(sizes, (list, tuple)):
            return found * ndim
        if len(found) != ndim:
            raise ValueError(f"{what}: {name} has {ndim} numbers, not {len(found)}: {sizes}")
        return found

    window = along(ws, "ws")
    return [*window, *(window if stride is None else along(stride, "stride")),
            *along(0 if pad is None else pad, "pad")]


def pool(input, ws, stride, pad, mode, ignore_border, ndim, what):
    """Pool over the last ``ndim`` axes of a tensor."""
    x = as_tensor_variable(input)
    if x.type.ndim < ndim:
        raise NotImplementedError(f"{what} requires at least {ndim} axes, not {x.type.ndim}")
    mode = "max" if mode == "max_deterministic" else mode
    if mode not in MODES:
        raise ValueError(f"{what}: mode is one of {', '.join(map(repr, MODES))}, not {mode!r}")
    window = window_sizes(ws, stride, pad, ndim, what)
    params = {"ndim": ndim, "ignore_border": bool(ignore_border)}
    if mode == "max":
        return max_pool(x, *window, **params)
    if mode != "sum" and KIND[x.type.dtype] != "f":
        x = to_dtype(x, "float64")
    elif x.type.dtype == "bool":
        x = to_dtype(x, "int64")
    return sum_pool(x, *window, **params, divisor=divisor_of(mode, ignore_border))


def _renamed(new, old, names, what):
    """Return an argument that was once called otherwise; warn where the old name is used."""
    if old is None:
        return new
    if new is not None:
        raise ValueError(f"{what}: {names[0]} and its old name {names[1]} are both given; "
                         f"give only {names[0]}")
    warnings.warn(f"{what}: the parameter {names[1]} is deprecated, and is now called {names[0]}",
                  stacklevel=4)
    return old


def _as_in_theano(input, ws, ignore_border, stride, pad, mode, old, ndim):
    """Pooling, with the defaults and the old names of Theano."""
    what = f"pool_{ndim}d"
    ds, st, padding = old
    ws = _renamed(ws, ds, ("ws", "ds"), what)
    if ws is None:
        raise ValueError(f"{what}: the size of the windows, ws, is missing")
    stride = _renamed(stride, st, ("stride", "st"), what)
    is_given = not (isinstance(pad, (tuple, list)) and set(pad) == {0})
    pad = _renamed(pad if is_given else None, padding, ("pad", "padding"), what)
    if ignore_border is None:
        warnings.warn(f"{what}: say ignore_border=True or ignore_border=False; without either, it "
                      "is taken to be False", stacklevel=3)
    return pool(input, ws, stride, pad, mode, bool(ignore_border), ndim, what)


def pool_1d(input, ws, ignore_border=True, stride=None, pad=0, mode="max"):
    """Pool windows of the last axis.

    Parameters
    ----------
    input : Variable, shape (..., length)
    ws : int or 0-d variable
        How many items a window has.
    ignore_border, stride, pad, mode
        As those of ``pool_2d``.

    Returns
    -------
    Variable, shape (..., windows)

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> T.signal.pool.pool_1d(T.constant([1, 4, 2, 8, 5]), 3, stride=2).eval()
    array([4, 8])
    """
    return pool(input, ws, stride, pad, mode, ignore_border, 1, "pool_1d")


def pool_2d(input, ws=None, ignore_border=None, stride=None, pad=(0, 0), mode="max", ds=None,
            st=None, padding=None):
    """Pool windows of the last two axes.

    Parameters
    ----------
    input : Variable, shape (..., height, width)
        Real; a mean of integers is float64.
    ws : pair of int or 0-d variable, or integer vector
        Height and width of a window.
    ignore_border : bool
        Whether windows that run over the end are left out. By default, with a warning, they are
        taken as far as there are items.
    stride : pair of int or 0-d variable, or integer vector, optional
        From a window to the next; by default ``ws``, so that they do not overlap.
    pad : pair of int or 0-d variable, or integer vector
        How far the first windows begin before the image, and the last ones may end behind it;
        less than ``ws``.
    mode : {'max', 'sum', 'average_inc_pad', 'average_exc_pad'}
        What becomes of the items of a window; ``average_inc_pad`` counts those of the padding as
        well, which are zero.
    ds, st, padding
        Old names of ``ws``, ``stride`` and ``pad``.

    Returns
    -------
    Variable, shape (..., rows, columns)
        With ``ignore_border``, there are ``(height + 2 * pad - ws) // stride + 1`` rows.

    Raises
    ------
    NotImplementedError
        If ``input`` has less than two axes.
    ValueError
        If sizes make no sense, now or in the run, or the mode is not known.
    TypeError
        If sizes are not integers, or ``input`` is complex.

    Notes
    -----
    The gradient of the maximum goes to all items that equal it. A maximum over a NaN is NaN.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> x = T.arange(16).reshape((4, 4))
    >>> T.signal.pool.pool_2d(x, (2, 2), ignore_border=True).eval()
    array([[ 5,  7],
           [13, 15]])
    """
    return _as_in_theano(input, ws, ignore_border, stride, pad, mode, (ds, st, padding), 2)


def pool_3d(input, ws=None, ignore_border=None, stride=None, pad=(0, 0, 0), mode="max", ds=None,
            st=None, padding=None):
    """Pool windows of the last three axes.

    Parameters
    ----------
    input : Variable, shape (..., height, width, depth)
    ws, stride, pad : three int or 0-d variables, or integer vector
    ignore_border, mode, ds, st, padding
        As those of ``pool_2d``.

    Returns
    -------
    Variable

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> T.signal.pool.pool_3d(T.ones((2, 4, 4, 4)), (2, 2, 2), True, mode="sum").type.shape
    (2, 2, 2, 2)
    """
    return _as_in_theano(input, ws, ignore_border, stride, pad, mode, (ds, st, padding), 3)


def max_pool_2d_same_size(input, patch_size):
    """Set all items to zero but the largest of each patch.

    Parameters
    ----------
    input : Variable, shape (..., height, width)
    patch_size : pair of int or 0-d variable, or integer vector
        Patches do not overlap; what they leave over at the end becomes zero.

    Returns
    -------
    Variable, shape (..., height, width)
        Where several items are the largest, all of them stay.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> x = T.constant([[1., 2., 3., 4.], [5., 6., 7., 8.]])
    >>> T.signal.pool.max_pool_2d_same_size(x, (2, 2)).eval()
    array([[0., 0., 0., 0.],
           [0., 6., 0., 8.]])
    """
    x = as_tensor_variable(input)
    window = window_sizes(patch_size, None, None, 2, "max_pool_2d_same_size")
    y = max_pool(x, *window, ndim=2, ignore_border=True)
    return max_pool_grad(x, y, y, *window, ndim=2, ignore_border=True)


def max_pool_2d(input, ds, ignore_border=False, st=None, padding=(0, 0), mode="max"):
    """Pool windows of the last two axes: ``pool_2d``, as it was called once.

    Parameters
    ----------
    input : Variable, shape (..., height, width)
    ds, st, padding
        What are ``ws``, ``stride`` and ``pad`` now.
    ignore_border, mode
        As those of ``pool_2d``.

    Returns
    -------
    Variable, shape (..., rows, columns)

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> x = T.arange(9).reshape((3, 3))
    >>> T.signal.downsample.max_pool_2d(x, (2, 2)).eval()
    array([[4, 5],
           [7, 8]])
    """
    return pool(input, ds, st, padding, mode, ignore_border, 2, "max_pool_2d")
