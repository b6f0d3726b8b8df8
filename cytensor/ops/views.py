"""Sizes as variables, and the ops that only look at an array in another way.

Inside the package a size is an ``int`` where it is known and a 0-d int64 variable where it is
not, and arithmetic such as ``n * m`` serves for both. Only at the door of an op do ints become
constants.
"""
import numpy as np

from cytensor._core import Constant, TensorType, Variable
from cytensor.ops.registry import (
    KIND, as_variable, constant, dtype_of, promote, scalar_like, static, structured, to_dtype)
from cytensor.ops.sizes import STATIC

# ----- arguments -----

def as_tensor_variable(x, name=None, ndim=None):
    """Return ``x`` as a symbolic tensor.

    Parameters
    ----------
    x : Variable, array_like or number
        A variable is returned as it is; a list that holds variables is stacked.
    name : str, optional
        The name of a constant that is made.
    ndim : int, optional
        The rank wanted: axes of size 1 are added in front.

    Returns
    -------
    Variable

    Raises
    ------
    TypeError
        If ``x`` is no array of numbers, or a variable that is not a tensor.
    ValueError
        If ``x`` has more than ``ndim`` axes.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> T.as_tensor_variable([1.5, 2], ndim=2).type
    TensorType(float64, (1, 2))
    """
    x = as_variable(x, name)
    if not isinstance(x.type, TensorType):
        raise TypeError(f"a tensor is wanted, not {x!r} of type {x.type}")
    if ndim is None or x.type.ndim == ndim:
        return x
    if x.type.ndim > ndim:
        raise ValueError(f"a tensor with {ndim} axes is wanted, not one with {x.type.ndim}")
    return padded_left(x, ndim)


def padded_left(x, ndim):
    """Return ``x`` with axes of size 1 in front, until it has ``ndim``."""
    extra = ndim - x.type.ndim
    if extra <= 0:
        return x
    return dimshuffle_op(x, order=(-1,) * extra + tuple(range(x.type.ndim)))

# ----- sizes as variables -----

shape_i_op = structured(
    "shape_i", lambda x, *, axis: "int64", lambda S, shapes, inputs, *, axis: (),
    kind="shape", doc="The size of one axis, as a 0-d int64.")


def _make_vector_join(*xs):
    return join_op(*[dimshuffle_op(x, order=(-1,)) for x in xs], axis=0)


def promoted(inputs, params):
    """Cast all inputs to their common dtype."""
    dtype = promote(*[x.type.dtype for x in inputs])
    return [to_dtype(x, dtype) for x in inputs]


make_vector = structured(
    "make_vector", dtype_of(0), lambda S, shapes, inputs: (len(inputs),),
    lambda g, out, *xs: tuple([g[i] for i in range(len(xs))]),
    kind="composite", coerce=promoted, expand=_make_vector_join,
    doc="Make a vector of 0-d variables.")


def sizes_of(x):
    """Return the sizes of ``x``: an int where it is known, else a 0-d variable."""
    return [shape_i_op(x, axis=i) if n is None else n for i, n in enumerate(x.type.shape)]


def vector_of(sizes):
    """Return sizes as one int64 vector."""
    if not sizes:
        return constant([], dtype="int64")
    return make_vector(*[as_size(n) for n in sizes])


def product(sizes):
    """Multiply sizes: ints now, variables in the graph."""
    known, total = 1, None
    for n in sizes:
        if type(n) is int:
            known *= n
        else:
            total = n if total is None else total * n
    if total is None or known == 0:
        return known
    return total if known == 1 else total * known


def as_size(n, what="a size"):
    """Return an int or a 0-d integer variable as a 0-d int64 variable.

    Raises
    ------
    TypeError
        If it is a float, or not 0-d.
    """
    if isinstance(n, Variable):
        if n.type.ndim != 0 or KIND[n.type.dtype] not in "biu":
            raise TypeError(f"{what} is a 0-d integer, not {n!r} of type {n.type}")
        return to_dtype(n, "int64")
    if isinstance(n, np.ndarray) and n.ndim == 0 and n.dtype.kind in "iu":
        n = n.item()
    try:
        return scalar_like(n.__index__(), "int64")
    except (AttributeError, TypeError):
        raise TypeError(f"{what} is an integer, not {n!r}") from None


def as_sizes(shape, what, ndim=None):
    """Return a shape that a user gave as a list of ints and 0-d int64 variables.

    Parameters
    ----------
    shape : int, 0-d variable, sequence of those, or integer vector
    what : str
        The function, for error messages.
    ndim : int, optional
        The number of sizes, where a vector does not know its length.
    """
    if isinstance(shape, np.ndarray):
        shape = shape.tolist()
    if isinstance(shape, Variable) and shape.type.ndim == 1:
        items = entries(shape, what, ndim)
    else:
        items = list(shape) if isinstance(shape, (tuple, list)) else [shape]
    if ndim is not None and ndim != len(items):
        raise ValueError(f"{what}: ndim={ndim}, but the shape has {len(items)} sizes")
    return [_int_or_variable(n, what) for n in items]


def _int_or_variable(n, what):
    variable = as_size(n, f"{what}: a size")
    return int(variable.data) if isinstance(variable, Constant) else variable


def entries(vector, what, n=None):
    """Return the elements of an integer vector as 0-d variables.

    Raises
    ------
    TypeError
        If it does not hold integers.
    ValueError
        If its length is not known, and not given as ``n``.
    """
    if KIND[vector.type.dtype] not in "iu":
        raise TypeError(f"{what}: a shape holds integers, not {vector.type.dtype}")
    if vector.owner is not None and vector.owner.op is make_vector:
        return list(vector.owner.inputs)
    if isinstance(vector, Constant):
        return vector.data.tolist()
    n = vector.type.shape[0] if n is None else n
    if n is None:
        raise ValueError(f"{what}: the length of the shape {vector!r} is not known; "
                         "say how many axes the result has with ndim=")
    return [vector[i] for i in range(n)]


def _is_size(n):
    """Whether the integer variable ``n`` is for certain not negative, by how it is made."""
    todo, seen = [n], set()
    while todo:
        n = todo.pop()
        if n in seen:
            continue
        seen.add(n)
        if isinstance(n, Constant):
            if int(n.data) < 0:
                return False
        elif n.owner is None or n.owner.op.name not in ("shape_i", "add", "mul", "floor_div"):
            return False
        elif n.owner.op is not shape_i_op:
            todo.extend(n.owner.inputs)
    return True


# ----- axes: exchanged, added, dropped -----

def _dimshuffle_sizes(S, shapes, inputs, *, order):
    sizes, = shapes
    for axis, n in enumerate(sizes):
        if axis not in order:
            S.equal(n, 1, "You cannot drop a non-broadcastable dimension: "
                          f"axis {axis} has size {{a}}")
    return tuple([1 if axis < 0 else sizes[axis] for axis in order])


def keeps_order(order):
    """Whether a dimshuffle only adds and drops axes of size 1."""
    kept = [i for i in order if i >= 0]
    return kept == sorted(kept)


def inverse_order(order, ndim):
    """Return the order that undoes ``order`` on an array that had ``ndim`` axes."""
    return tuple([order.index(axis) if axis in order else -1 for axis in range(ndim)])


dimshuffle_op = structured(
    "dimshuffle", dtype_of(0), _dimshuffle_sizes,
    lambda g, out, x, *, order: (dimshuffle_op(g, order=inverse_order(order, x.ndim)),),
    kind="view", doc="Exchange, add (-1) and drop axes.")


def copied(x):
    """Return a variable of its own with the value of ``x``."""
    return dimshuffle_op(x, order=tuple(range(x.type.ndim)))


# ----- reshape -----

def _cancel(total, known):
    """Take equal factors out of two lists of sizes."""
    total, left = list(total), []
    for n in known:
        for i, m in enumerate(total):
            if m is n or (type(m) is int and type(n) is int and m == n):
                del total[i]
                break
        else:
            left.append(n)
    return total, left


def _check_reshape(S, x, have, want):
    total, known = _cancel(have, want)
    if S.product(total) is not S.product(known):
        S.equal(S.product(have), S.product(want),
                f"reshape: the {{a}} elements of x ({x.type}) do not fit into the {{b}} places of "
                f"shape {static(want)}")
    return tuple(want)


def _reshape_rest(S, x, have, want):
    """Replace the one -1 by what the other sizes leave."""
    hole = want.index(-1)
    total, known = _cancel(have, want[:hole] + want[hole + 1:])
    total, known = S.product(total), S.product(known)
    S.check(known, "reshape: with a size 0 in the shape, -1 could be anything")
    S.equal(S.make("mod", total, known), 0,
            f"reshape: the elements of x ({x.type}) do not divide into shape {static(want)}")
    want[hole] = total // known
    return tuple(want)


def _reshape_open(S, have, want, dims):
    """Sizes of which any may turn out to be -1 at run time."""
    known = S.product([n if _is_size(d) else S.where(S.eq(n, -1), 1, n)
                       for n, d in zip(want, dims)])
    rest = S.make("floordiv", S.product(have), known)       # of nothing, where known is 0
    return [n if _is_size(d) else S.where(S.eq(n, -1), rest, n) for n, d in zip(want, dims)]


def _reshape_sizes(S, shapes, inputs):
    x, *dims = inputs
    have, want = shapes[0], [S.value(d) for d in dims]
    fixed = [n for n in want if type(n) is int]
    if fixed.count(-1) > 1:
        raise ValueError(f"reshape: only one size may be -1, not {fixed.count(-1)}")
    if fixed and min(fixed) < -1:
        raise ValueError(f"reshape: a size may not be negative: {min(fixed)}")
    if -1 in fixed:
        return _reshape_rest(S, x, have, want)
    if not all([_is_size(d) for d in dims]):
        want = _reshape_open(S, have, want, dims)
    return _check_reshape(S, x, have, want)


def sizes_last(inputs, params):
    """Check the size arguments that follow the first input."""
    x, *dims = inputs
    return [x, *[as_size(n) for n in dims]]


def no_gradients(n):
    """Those of ``n`` size arguments."""
    return (None,) * n


reshape_op = structured(
    "reshape", lambda x, *dims: x.type.dtype, _reshape_sizes,
    lambda g, out, x, *dims: (reshaped(g, sizes_of(x)), *no_gradients(len(dims))),
    kind="view", coerce=sizes_last, doc="The same elements in another shape.")


def reshaped(x, sizes):
    """Return ``x`` in the shape ``sizes``, a list of ints and 0-d variables."""
    return reshape_op(x, *[as_size(n) for n in sizes])


# ----- broadcasting -----

def _broadcast_sizes(S, shapes, inputs):
    x, *dims = inputs
    have, want = shapes[0], [S.value(d) for d in dims]
    extra = len(want) - len(have)
    if extra < 0:
        raise ValueError(f"broadcast_to: x has {len(have)} axes, the shape only {len(want)}")
    for n, d in zip(want, dims):
        if not _is_size(d):
            S.check(S.lt(-1, n), "negative dimensions are not allowed: {a}", a=n)
    message = (f"broadcast_to: x ({x.type}) has size {{a}} where {{b}} is wanted, "
               "and it is not known to be 1")
    return (*want[:extra], *[n if type(m) is int and m == 1 else S.equal(m, n, message)
                             for m, n in zip(have, want[extra:])])


def stated_ones(x, out):
    """The axes of ``out``, a broadcast ``x``, whose size of 1 was not known of ``x``."""
    extra = out.type.ndim - x.type.ndim
    return tuple([axis for axis, n in enumerate(x.type.shape, extra)
                  if n is None and out.type.shape[axis] == 1])


def _broadcast_vjp(g, out, x, *dims):
    """The walk sums what was repeated."""
    axes = stated_ones(x, out)
    return unbroadcast_op(g, axes=axes) if axes else g, *no_gradients(len(dims))


broadcast_to_op = structured(
    "broadcast_to", lambda x, *dims: x.type.dtype, _broadcast_sizes, _broadcast_vjp,
    kind="view", coerce=sizes_last, doc="Repeat along axes of size 1.")


def spread(x, sizes):
    """Return ``x`` repeated to the shape ``sizes``, a list of ints and 0-d variables."""
    if tuple(sizes) == x.type.shape and None not in x.type.shape:
        return x
    return broadcast_to_op(x, *[as_size(n) for n in sizes])


def specified(x, sizes, what):
    """Return ``x`` with its shape known to be ``sizes``; nothing is repeated."""
    for axis, (n, m) in enumerate(zip(x.type.shape, sizes)):
        if n is not None and type(m) is int and n != m:
            raise ValueError(f"{what}: axis {axis} has size {n}, not {m}")
    open_ones = [axis for axis, (n, m) in enumerate(zip(x.type.shape, sizes))
                 if n == 1 and type(m) is not int]
    if open_ones:
        x = unbroadcast_op(x, axes=tuple(open_ones))
    return spread(x, sizes)


def common_sizes(xs):
    """Return the sizes to which tensors broadcast against each other."""
    ndim = max([x.type.ndim for x in xs])
    common = [1] * ndim
    for x in xs:
        for axis, n in enumerate(x.type.shape, ndim - x.type.ndim):
            if n is None and common[axis] == 1:
                common[axis] = shape_i_op(x, axis=axis - ndim + x.type.ndim)
            elif n not in (None, 1):
                common[axis] = n
    return common


# ----- what the type knows -----

def _unbroadcast_sizes(S, shapes, inputs, *, axes):
    if S is STATIC:         # the type forgets the size; the program knows it all the same
        return tuple([S.unknown() if i in axes else n for i, n in enumerate(shapes[0])])
    return shapes[0]


unbroadcast_op = structured(
    "unbroadcast", dtype_of(0), _unbroadcast_sizes, lambda g, out, x, *, axes: (g,),
    kind="view", doc="The same array, of whose sizes the type knows less.")


# ----- joining, by which a vector of sizes is made -----

def _join_sizes(S, shapes, inputs, *, axis):
    first = list(shapes[0])
    for i, sizes in enumerate(shapes[1:], 1):
        for k, n in enumerate(sizes):
            if k == axis:
                first[k] = first[k] + n
            else:
                first[k] = S.equal(first[k], n, "join: all sizes but those of the joined axis "
                                   f"must be equal; on axis {k}, input 0 has {{a}} and "
                                   f"input {i} has {{b}}")
    return tuple(first)


def _join_vjp(g, out, *xs, axis):
    before = (slice(None),) * axis
    grads, start = [], 0
    for x in xs:
        stop = start + sizes_of(x)[axis]
        grads.append(g[(*before, slice(start, stop))])
        start = stop
    return tuple(grads)


join_op = structured(
    "join", lambda *xs, axis: xs[0].type.dtype, _join_sizes, _join_vjp, coerce=promoted,
    iparams=lambda *, axis: (axis,), doc="Join arrays along an existing axis.")


# ----- sizes that rewrites assume -----

def _assumed_sizes(S, shapes, inputs, *, axis):
    shape = list(shapes[0])
    shape[axis] = S.assume(shape[axis], S.value(inputs[1]))
    return tuple(shape)


assume_size = structured(
    "assume_size", dtype_of(0), _assumed_sizes,
    lambda g, out, x, n, *, axis: (assume_size(g, shape_i_op(x, axis=axis), axis=axis), None),
    kind="view", coerce=lambda inputs, params: [inputs[0], as_size(inputs[1])],
    doc="x, taken to have size n on an axis. Where it has not, a program without it runs.")
