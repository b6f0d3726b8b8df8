"""Neighbourhoods in images: windows as rows of a matrix, and images made of such rows again."""
from cytensor.ops import elementwise as ew
from cytensor.ops.axes import permuted
from cytensor.ops.gather import gather
from cytensor.ops.generate import counted, filled
from cytensor.ops.indexing import set_subtensor
from cytensor.ops.rearrange import pad
from cytensor.ops.registry import structured
from cytensor.ops.views import as_size, as_sizes, as_tensor_variable, product, reshaped, sizes_of

_MODES = ("valid", "ignore_borders", "wrap_centered", "half", "full")


def _check_windows(S, n, c, step, mode):
    S.check(S.lt(0, c), "images2neibs: neib_shape values <= 0: {a}", c)
    S.check(S.lt(0, step), "images2neibs: neib_step values <= 0: {a}", step)
    if mode == "wrap_centered":
        S.check(c % 2, "images2neibs: with wrap_centered, windows have odd sizes, not {a}", c,
                error=TypeError)
    if mode != "ignore_borders":
        S.check(S.lt(c - 1, n), "images2neibs: a window of {a} is larger than the image of {b}",
                c, n, error=TypeError)
    if mode == "valid":
        S.check(S.eq((n - c) % step, 0), "images2neibs: windows of {a} do not end where the image "
                "of {b} ends; neib_shape and neib_step are not consistent with it", c, n,
                error=TypeError)


def _windows_sizes(S, shapes, inputs, *, mode):
    n, c, step = [S.value(x) for x in inputs]
    _check_windows(S, n, c, step, mode)
    if mode == "wrap_centered":
        return ((n + step - 1) // step,)
    return (S.max(1 + (n - c) // step, 0),)


window_numbers = structured(
    "window_numbers", lambda n, c, step, *, mode: "int64", _windows_sizes,
    lambda g, out, n, c, step, *, mode: (None,) * 3, kind="iota",
    coerce=lambda inputs, params: [as_size(n) for n in inputs],
    doc="0, 1, ..: one number for each window of size c that fits into n, at that step.")


def _places(numbers, n, c, step, mode):
    """Return the places of window elements along an axis, one row for each window."""
    starts = permuted(numbers * as_size(step), (0, -1))
    places = starts + permuted(counted(c), (-1, 0))
    return ew.mod(places - as_size(c) // 2, as_size(n)) if mode == "wrap_centered" else places


def images2neibs(ten4, neib_shape, neib_step=None, mode="valid"):
    """Return windows that slide over images as the rows of a matrix.

    Parameters
    ----------
    ten4 : Variable, shape (batch, channels, height, width)
    neib_shape : pair of int or 0-d variable, or integer vector
        Height and width of a window.
    neib_step : pair of int or 0-d variable, or integer vector, optional
        From a window to the next; by default ``neib_shape``, so that they do not overlap.
    mode : {'valid', 'ignore_borders', 'wrap_centered', 'half', 'full'}
        Whether the windows must end where the image ends; may leave a rest; are centered at
        pixels, and go on at the other side of the image; or lie in an image with zeros around
        it, of half a window or of a whole one less 1.

    Returns
    -------
    Variable, 2-d
        A row for each window: of the first channel of the first image, row by row, and so on.

    Raises
    ------
    TypeError
        If ``ten4`` is not 4-d, or, now or in the run, windows do not fit into the image.
    NotImplementedError
        If the mode is not known.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> T.nnet.neighbours.images2neibs(T.arange(8).reshape((1, 1, 2, 4)), (2, 2)).eval()
    array([[0, 1, 4, 5],
           [2, 3, 6, 7]])
    """
    if mode not in _MODES:
        raise NotImplementedError(f"images2neibs: mode is one of {', '.join(map(repr, _MODES))}, "
                                  f"not {mode!r}")
    x = as_tensor_variable(ten4)
    if x.type.ndim != 4:
        raise TypeError(f"images2neibs: four axes are wanted, not {x.type.ndim}")
    window = as_sizes(neib_shape, "images2neibs", 2)
    step = window if neib_step is None else as_sizes(neib_step, "images2neibs", 2)
    x, mode = _padded(x, window, mode)
    numbers = [window_numbers(n, c, s, mode=mode)
               for n, c, s in zip(sizes_of(x)[2:], window, step)]
    if mode != "wrap_centered" and all([c is s or _are_equal(c, s)
                                        for c, s in zip(window, step)]):
        return _cut(x, window, [sizes_of(i)[0] for i in numbers])
    rows, columns = [_places(i, n, c, s, mode) for i, n, c, s in zip(
        numbers, sizes_of(x)[2:], window, step)]
    parts = gather(permuted(x, (2, 3, 0, 1)), permuted(rows, (0, -1, 1, -1)),
                   permuted(columns, (-1, 0, -1, 1)))
    return _as_rows(permuted(parts, (4, 5, 0, 1, 2, 3)), window)


def _are_equal(n, m):
    return type(n) is type(m) is int and n == m


def _padded(x, window, mode):
    """Return an image with zeros around it, for the modes that have them, and the mode then."""
    if mode not in ("half", "full"):
        return x, mode
    rows, columns = [c // 2 if mode == "half" else c - 1 for c in window]
    return pad(x, ((0, 0), (0, 0), (rows, rows), (columns, columns))), "valid"


def _cut(x, window, counts):
    """Cut images into windows that do not overlap: no element is read twice."""
    used = [n * c for n, c in zip(counts, window)]
    x = x[:, :, :used[0], :used[1]]
    batch, channels = sizes_of(x)[:2]
    cut = reshaped(x, [batch, channels, counts[0], window[0], counts[1], window[1]])
    return _as_rows(permuted(cut, (0, 1, 2, 4, 3, 5)), window)


def _as_rows(parts, window):
    sizes = sizes_of(parts)
    return reshaped(parts, [product(sizes[:4]), product(window)])


def neibs2images(neibs, neib_shape, original_shape, mode="valid"):
    """Put windows that do not overlap together to images again.

    Parameters
    ----------
    neibs : Variable, 2-d
        What ``images2neibs`` returns.
    neib_shape : pair of int or 0-d variable, or integer vector
        Height and width of a window.
    original_shape : four ints or 0-d variables, or integer vector
        The shape of the images.
    mode : {'valid', 'ignore_borders'}
        Whether the windows cover the images; what is not covered becomes 0.

    Returns
    -------
    Variable, 4-d

    Raises
    ------
    NotImplementedError
        If the mode is another one.
    ValueError
        If the number of elements does not fit, now or in the run.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> rows = T.constant([[0, 1, 4, 5], [2, 3, 6, 7]])
    >>> T.nnet.neighbours.neibs2images(rows, (2, 2), (1, 1, 2, 4)).eval()
    array([[[[0, 1, 2, 3],
             [4, 5, 6, 7]]]])
    """
    if mode not in ("valid", "ignore_borders"):
        raise NotImplementedError("neibs2images: mode is 'valid' or 'ignore_borders', "
                                  f"not {mode!r}")
    neibs = as_tensor_variable(neibs)
    window = as_sizes(neib_shape, "neibs2images", 2)
    shape = as_sizes(original_shape, "neibs2images", 4)
    counts = [n // c for n, c in zip(shape[2:], window)]
    parts = reshaped(neibs, [*shape[:2], *counts, *window])
    covered = [n * c for n, c in zip(counts, window)] if mode == "ignore_borders" else shape[2:]
    images = reshaped(permuted(parts, (0, 1, 2, 4, 3, 5)), [*shape[:2], *covered])
    if mode == "valid":
        return images
    blank = filled(0, shape, images.type.dtype)
    return set_subtensor(blank[:, :, :covered[0], :covered[1]], images)
