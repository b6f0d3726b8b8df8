"""Indexing by arrays of integers: reading (gather), writing (scatter), and where things are.

gather and scatter_add are each other's gradients, as are pick and unpick.
"""
from cytensor.ops.registry import KIND, dtype_of, scalar_like, structured, to_bool, to_dtype
from cytensor.ops.subtensor import check_fits, subtensor
from cytensor.ops.views import (
    as_size, dimshuffle_op, no_gradients, padded_left, shape_i_op, sizes_of, spread)

# ----- checks -----

def _int64(i, what):
    if KIND[i.type.dtype] not in "iu":
        raise TypeError(f"{what}: an index holds integers, not {i.type.dtype}")
    return to_dtype(i, "int64")


def _aligned(x, indices, what):
    """Return index arrays as int64, with one common rank."""
    if len(indices) > x.type.ndim:
        raise IndexError(f"too many indices for array: array is {x.type.ndim}-dimensional, "
                         f"but {len(indices)} were indexed")
    ndim = max([i.type.ndim for i in indices])
    return [padded_left(_int64(i, what), ndim) for i in indices]


_MISMATCH = "shape mismatch: index arrays of sizes {a} and {b} do not broadcast"


def is_of_mask(i):
    """Whether an index array says where a mask is true: if that is one place, it broadcasts."""
    while i.owner is not None and i.owner.op in (dimshuffle_op, subtensor):
        i = i.owner.inputs[0]
    return i.owner is not None and i.owner.op is nonzero_op


def _common(S, n, m, open):
    """The size to which two sizes broadcast; if ``open``, either may turn out to be 1."""
    for one, other in ((n, m), (m, n)):
        if type(one) is int and one == 1:
            return other
    if n is m or not open:
        return S.equal(n, m, _MISMATCH)
    fits = S.max(S.eq(n, m), S.max(S.eq(n, 1), S.eq(m, 1)))
    S.check(fits, _MISMATCH, n, m, error=IndexError)
    return S.where(S.eq(n, 1), m, n)


def _broadcast(S, shapes, indices):
    """The sizes to which index arrays of one rank broadcast."""
    open = any([is_of_mask(i) for i in indices])
    out = []
    for first, *others in zip(*shapes):
        for n in others:
            first = _common(S, first, n, open)
        out.append(first)
    return tuple(out)


def _part(S, shapes, inputs):
    """The sizes of ``x[indices]``, from the shapes of x and of the indices."""
    (x, *sizes), (_, *indices) = shapes, inputs
    return _broadcast(S, sizes, indices) + tuple(x[len(indices):])


# ----- gather and scatter -----

def _gather_inputs(inputs, params):
    x, *indices = inputs
    return [x, *_aligned(x, indices, "gather")]


def _gather_vjp(g, out, x, *indices):
    blank = spread(scalar_like(0, g.dtype), sizes_of(x))
    return scatter_add(blank, g, *indices), *no_gradients(len(indices))


gather = structured(
    "gather", lambda x, *indices: x.type.dtype, _part, _gather_vjp, coerce=_gather_inputs,
    doc="x[i, j, ..] for arrays of integers.")


def _scatter_inputs(inputs, params):
    x, y, *indices = inputs
    indices = _aligned(x, indices, "scatter")
    ndim = indices[0].type.ndim + x.type.ndim - len(indices)
    return [x, padded_left(to_dtype(y, x.type.dtype), ndim), *indices]


def _scatter_sizes(S, shapes, inputs):
    x, y, *indices = shapes
    part = _part(S, [x, *indices], [inputs[0], *inputs[2:]])
    check_fits(S, y, part, "set_subtensor or inc_subtensor")
    return x


scatter_add = structured(
    "scatter_add", lambda x, y, *indices: x.type.dtype, _scatter_sizes,
    lambda g, out, x, y, *indices: (g, gather(g, *indices), *no_gradients(len(indices))),
    coerce=_scatter_inputs, accumulates=True,
    doc="x with y added at x[i, j, ..]; what is named twice is added twice.")


def _scatter_set_vjp(g, out, x, y, *indices):
    to_x = scatter_set(g, scalar_like(0, g.dtype), *indices)
    return to_x, gather(g, *indices), *no_gradients(len(indices))


scatter_set = structured(
    "scatter_set", lambda x, y, *indices: x.type.dtype, _scatter_sizes, _scatter_set_vjp,
    coerce=_scatter_inputs, accumulates=True,
    doc="x with y set at x[i, j, ..]; of what is named twice, the last counts.")


# ----- pick: one element of each row -----

def _pick_sizes(S, shapes, inputs):
    x, i = shapes
    if len(i) != len(x) - 1:
        raise ValueError(f"pick: x has {len(x)} axes, so the index has {len(x) - 1}, "
                         f"not {len(i)}")
    return tuple([S.equal(n, m, "pick: x has {a} rows, the index {b} entries")
                  for n, m in zip(x, i)])


pick = structured(
    "pick", dtype_of(0), _pick_sizes,
    lambda g, out, x, i: (unpick(g, i, shape_i_op(x, axis=x.ndim - 1)), None),
    kind="pick", coerce=lambda inputs, params: [inputs[0], _int64(inputs[1], "pick")],
    doc="x[.., i[..]]: one element of each row.")


def _unpick_inputs(inputs, params):
    g, i, n = inputs
    return [g, _int64(i, "unpick"), as_size(n)]


def _unpick_sizes(S, shapes, inputs):
    rows = tuple([S.equal(n, m, "unpick: {a} values for {b} rows")
                  for n, m in zip(shapes[0], shapes[1])])
    return (*rows, S.value(inputs[2]))


unpick = structured(
    "unpick", dtype_of(0), _unpick_sizes, lambda g, out, y, i, n: (pick(g, i), None, None),
    kind="unpick", coerce=_unpick_inputs, doc="Zeros, but out[.., i[..]] = g.")


# ----- nonzero -----

def _count_inputs(inputs, params):
    x, *sizes = inputs
    return [to_bool(x), *[as_size(n) for n in sizes]]


def _count_sizes(S, shapes, inputs):
    """A mask may be followed by the sizes of the axes that it stands for."""
    for axis, (n, m) in enumerate(zip(shapes[0], inputs[1:])):
        m = S.value(m)
        S.check(S.eq(n, m), "boolean index did not match indexed array along axis "
                f"{axis} of the mask; size of axis is {{b}} but size of corresponding boolean "
                "axis is {a}", n, m, error=IndexError)
    return ()


nonzero_count = structured(
    "nonzero_count", lambda *inputs: "int64", _count_sizes, coerce=_count_inputs,
    doc="How many elements are not zero.")

nonzero_op = structured(
    "nonzero", lambda x, n: "int64",
    lambda S, shapes, inputs: (len(shapes[0]), S.value(inputs[1])),
    coerce=lambda inputs, params: [to_bool(inputs[0]), as_size(inputs[1])],
    doc="Where the n elements that are not zero are: one row of indices per axis.")
