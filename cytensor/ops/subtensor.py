"""Basic indexing: a part of an array by numbers and slices, and writing to such a part.

The static parameter ``index`` has one item for each axis from the front that is not taken whole:
``("at", i)`` or ``("slice", start, stop, step)``. Each of these is an int, None, or ``("arg", k)``:
the value of the k-th of the 0-d variables that follow the array.
"""
from cytensor.ops.registry import dtype_of, scalar_like, structured, to_dtype
from cytensor.ops.views import as_size, no_gradients, padded_left, sizes_of, spread

WHOLE = ("slice", None, None, None)


# ----- the arithmetic of slices -----

def bound(S, item, values):
    """Return an item of an index as a size: an int, None, or what a variable holds."""
    if type(item) is tuple:
        return S.value(values[item[1]])
    return item


def position(S, n, i):
    """Return the place, counted from the front, that ``i`` means on an axis of size ``n``."""
    if type(i) is int:
        return i if i >= 0 else n - -i      # n - 2, not n + -2: equal sizes are one object
    return S.where(S.lt(i, 0), n + i, i)


def _clipped(S, n, i, low, high):
    if type(i) is int and i == low == 0:
        return 0
    return S.min(S.max(position(S, n, i), low), high)


def _forward(S, n, start, stop, step):
    """First place and length of a slice whose step is positive."""
    if type(start) is int and start >= 0 and (stop is None or (type(stop) is int and stop < 0)):
        first = 0 if start == 0 else S.min(start, n)
        span = n - (start - (stop or 0))    # so that x[1:] and x[:-1] have the same size
    else:
        first = _clipped(S, n, start, 0, n)
        last = n if stop is None else _clipped(S, n, stop, 0, n)
        span = last - first
    if not (type(step) is int and step == 1):
        span = (span + step - 1) // step
    return first, _not_negative(S, n, span)


def _not_negative(S, n, span):
    return n if span is n else S.max(span, 0)


def _backward(S, n, start, stop, step):
    """First place and length of a slice whose step is negative."""
    first = n - 1 if start is None else _clipped(S, n, start, -1, n - 1)
    last = -1 if stop is None else _clipped(S, n, stop, -1, n - 1)
    span = first - last
    if not (type(step) is int and step == -1):
        span = (span - step - 1) // (0 - step)
    return first, _not_negative(S, n, span)


def slice_span(S, n, start, stop, step):
    """Return (first place, length, step) of a slice of an axis of size ``n``.

    Each of ``start``, ``stop`` and ``step`` is an int, a Size, or None. The first place is
    within the axis wherever the length is not 0.
    """
    step = 1 if step is None else step
    S.check(step, "slice step cannot be zero")
    ahead = S.lt(0, step)
    front = 0 if start is None else start
    if type(step) is int:
        span = _forward(S, n, front, stop, step) if ahead else _backward(S, n, start, stop, step)
        return (*span, step)
    up = _forward(S, n, front, stop, S.where(ahead, step, 1))
    down = _backward(S, n, start, stop, S.where(ahead, -1, step))
    return (*[S.where(ahead, a, b) for a, b in zip(up, down)], step)


def _check_place(S, n, i, axis):
    place = position(S, n, i)
    S.check(S.min(S.lt(-1, place), S.lt(place, n)),
            f"index {{a}} is out of bounds for axis {axis} with size {{b}}", i, n,
            error=IndexError)


def part_sizes(S, shape, values, index):
    """Return the sizes of the part of an array of sizes ``shape`` that ``index`` names."""
    out = []
    for axis, (kind, *items) in enumerate(index):
        items = [bound(S, item, values) for item in items]
        if kind == "at":
            _check_place(S, shape[axis], *items, axis)
        elif items == [None, None, None]:
            out.append(shape[axis])
        else:
            out.append(slice_span(S, shape[axis], *items)[1])
    return (*out, *shape[len(index):])

# ----- the ops -----

def _check_rank(x, index):
    if len(index) > x.type.ndim:
        raise IndexError(f"too many indices for array: array is {x.type.ndim}-dimensional, "
                         f"but {len(index)} were indexed")


def _subtensor_inputs(inputs, params):
    x, *values = inputs
    _check_rank(x, params["index"])
    return [x, *[as_size(v, "an index") for v in values]]


def _subtensor_vjp(g, out, x, *values, index):
    blank = spread(scalar_like(0, g.dtype), sizes_of(x))
    return (inc_subtensor_op(blank, g, *values, index=index, set=False),
            *no_gradients(len(values)))


subtensor = structured(
    "subtensor", lambda x, *values, index: x.type.dtype,
    lambda S, shapes, inputs, *, index: part_sizes(S, shapes[0], inputs[1:], index),
    _subtensor_vjp, kind="view", coerce=_subtensor_inputs,
    doc="A part of an array, by numbers and slices.")


def _inc_inputs(inputs, params):
    x, y, *values = inputs
    _check_rank(x, params["index"])
    dropped = sum([item[0] == "at" for item in params["index"]])
    y = padded_left(to_dtype(y, x.type.dtype), x.type.ndim - dropped)
    return [x, y, *[as_size(v, "an index") for v in values]]


def check_fits(S, have, part, what):
    """Check that an array of sizes ``have`` broadcasts to those of ``part``.

    A size that is not known beforehand may turn out to be 1.
    """
    if len(have) > len(part):
        raise ValueError(f"{what}: the value has {len(have)} axes, the part only {len(part)}")
    for n, m in zip(have, part[len(part) - len(have):]):
        if n is not m:
            S.check(S.max(S.eq(n, 1), S.eq(n, m)),
                    f"{what}: the value has size {{a}} where the part has {{b}}", n, m)


def _inc_sizes(S, shapes, inputs, *, index, set):
    part = part_sizes(S, shapes[0], inputs[2:], index)
    check_fits(S, shapes[1], part, "set_subtensor" if set else "inc_subtensor")
    return shapes[0]


def _inc_vjp(g, out, x, y, *values, index, set):
    to_x = g
    if set:                                 # what was overwritten does not count
        to_x = inc_subtensor_op(g, scalar_like(0, g.dtype), *values, index=index, set=True)
    return to_x, subtensor(g, *values, index=index), *no_gradients(len(values))


inc_subtensor_op = structured(
    "inc_subtensor", dtype_of(0), _inc_sizes, _inc_vjp, kind="inc", coerce=_inc_inputs,
    doc="An array with a value added to, or set in, a part of it.")
