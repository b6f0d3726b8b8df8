"""The ops of Fourier transforms: three linear ones, which are each other's gradients; arguments.

With F the matrix of a transform, F is symmetric, so that ``fftn`` is its own gradient. ``rfftn``
keeps half of what F makes of real numbers, and ``irfftn`` takes that half for the whole: one is
the other's transpose, but for a factor 2 in what stands for two.
"""
from cytensor.ops import elementwise as ew
from cytensor.ops.axes import permuted
from cytensor.ops.generate import counted, filled
from cytensor.ops.joining import concatenate, slice_axis
from cytensor.ops.registry import COMPLEX_OF, normal_axis, structured, to_dtype
from cytensor.ops.stacks import conjugate, is_complex, lapack_dtype, real_dtype
from cytensor.ops.views import as_size, as_tensor_variable, sizes_of

# ----- the ops: SciPy computes, and is imported when the first of them runs -----

#: SciPy's names of what a transform is divided by: nothing, the root of the size, the size.
_FORWARD = {"none": "backward", "root": "ortho", "size": "forward"}
_INVERSE = {"none": "forward", "root": "ortho", "size": "backward"}


def _run_fftn(inputs, params):
    import scipy.fft
    x, = inputs
    if params["inverse"]:
        return [scipy.fft.ifftn(x, axes=params["axes"], norm=_INVERSE[params["scale"]])]
    return [scipy.fft.fftn(x, axes=params["axes"], norm=_FORWARD[params["scale"]])]


def _run_rfftn(inputs, params):
    import scipy.fft
    x, = inputs
    return [scipy.fft.rfftn(x, axes=params["axes"], norm=_FORWARD[params["scale"]])]


def _run_irfftn(inputs, params):
    import scipy.fft
    x, n = inputs
    axes = params["axes"]
    sizes = [*[x.shape[axis] for axis in axes[:-1]], int(n)]
    return [scipy.fft.irfftn(x, sizes, axes=axes, norm=_INVERSE[params["scale"]])]


def complex_dtype(x, **params):
    return COMPLEX_OF.get(x.type.dtype, x.type.dtype)


def _check_axes(S, sizes, axes):
    for axis in axes:
        S.check(S.lt(0, sizes[axis]), "fft: there is nothing to transform on an axis of size {a}",
                sizes[axis])


def _replaced(sizes, axis, n):
    return (*sizes[:axis], n, *sizes[axis + 1:])


def _fftn_sizes(S, shapes, inputs, *, axes, inverse, scale):
    _check_axes(S, shapes[0], axes)
    return shapes[0]


fftn_op = structured(
    "fftn", complex_dtype, _fftn_sizes,
    lambda g, out, x, **params: (fftn_op(g, **params),),
    kind="python", perform=_run_fftn, doc="The Fourier transform along axes, or its inverse.")


def _weights(n, like, single, pairs):
    """A vector for the half that ``rfft`` keeps: ``single`` where an entry stands for itself."""
    place = counted(n // 2 + 1)
    alone = ew.or_(ew.eq(place, 0), ew.eq(2 * place, n))
    return to_dtype(ew.switch(alone, single, pairs), real_dtype(like))


def _along(vector, axis, ndim):
    return permuted(vector, [0 if i == axis else -1 for i in range(ndim)])


def _rfftn_sizes(S, shapes, inputs, *, axes, scale):
    _check_axes(S, shapes[0], axes)
    return _replaced(shapes[0], axes[-1], shapes[0][axes[-1]] // 2 + 1)


def _rfftn_vjp(g, out, x, *, axes, scale):
    n = sizes_of(x)[axes[-1]]
    weights = _along(_weights(n, g, 1.0, 0.5), axes[-1], x.type.ndim)
    return (irfftn_op(conjugate(g) * weights, as_size(n), axes=axes, scale=scale),)


rfftn_op = structured(
    "rfftn", complex_dtype, _rfftn_sizes, _rfftn_vjp, kind="python", perform=_run_rfftn,
    doc="The Fourier transform of real numbers: half of the last axis.")


def _irfftn_sizes(S, shapes, inputs, *, axes, scale):
    sizes, n = shapes[0], S.value(inputs[1])
    S.check(S.lt(0, n), "irfft: the result has at least one entry, not {a}", n)
    S.equal(sizes[axes[-1]], n // 2 + 1, "irfft: {b} entries are needed, not {a}")
    _check_axes(S, sizes, axes[:-1])
    return _replaced(sizes, axes[-1], n)


def _irfftn_vjp(g, out, x, n, *, axes, scale):
    weights = _along(_weights(n, g, 1.0, 2.0), axes[-1], x.type.ndim)
    return conjugate(rfftn_op(g, axes=axes, scale=scale)) * weights, None


irfftn_op = structured(
    "irfftn", lambda x, n, **params: real_dtype(x), _irfftn_sizes, _irfftn_vjp, kind="python",
    perform=_run_irfftn, doc="The real numbers of which half of the transform is given.")

# ----- arguments -----

_NORMS = {None: ("none", "size"), "backward": ("none", "size"), "ortho": ("root", "root"),
          "forward": ("size", "none")}
_SWAPPED = {None: "forward", "backward": "forward", "ortho": "ortho", "forward": "backward"}


def _scale(norm, inverse):
    if norm not in _NORMS:
        raise ValueError(f'fft: norm is None, "backward", "ortho" or "forward", not {norm!r}')
    return _NORMS[norm][inverse]


def swapped(norm):
    """The name of the norm by which a transform stands for the inverse of another."""
    _scale(norm, False)
    return _SWAPPED[norm]


def _resized(x, axis, n):
    """Cut an axis off at size n, or append zeros."""
    m = sizes_of(x)[axis]
    if n is None or (type(m) is int and type(n) is int and m == n):
        return x
    known = type(m) is int and type(n) is int
    if not known or n < m:
        x = slice_axis(x, axis, None, n)
    missing = n - m if known else ew.maximum(n - m, 0)
    if known and missing <= 0:
        return x
    sizes = sizes_of(x)
    zeros = filled(0, [*sizes[:axis], missing, *sizes[axis + 1:]], x.type.dtype)
    return concatenate([x, zeros], axis=axis)


def given_size(n):
    """A size that a user gave, as an int or a 0-d variable."""
    if n is None or type(n) is int:
        return n
    variable = as_size(n, "fft: a size")
    return int(variable.data) if hasattr(variable, "data") else variable


def _axes_and_sizes(x, s, axes, what):
    """Return non-negative axes, and the size wanted on each, or None."""
    ndim = x.type.ndim
    if axes is None:
        axes = range(ndim) if s is None else range(ndim - len(s), ndim)
    axes = [normal_axis(axis, ndim, what) for axis in axes]
    s = [None] * len(axes) if s is None else [given_size(n) for n in s]
    if len(s) != len(axes):
        raise ValueError(f"{what}: Shape and axes have different lengths: {len(s)} and "
                         f"{len(axes)}")
    if len(set(axes)) < len(axes) or not axes:
        raise ValueError(f"{what}: at least one axis, and none twice, not {axes}")
    return tuple(axes), s


def as_float(x):
    """Return ``x`` as a tensor in a dtype that SciPy transforms."""
    x = as_tensor_variable(x)
    return to_dtype(x, lapack_dtype(x.type.dtype))


def as_real(x, what):
    """The same, if it is real."""
    x = as_float(x)
    if is_complex(x):
        raise TypeError(f"{what}: real numbers are wanted, not {x.type.dtype}")
    return x


def transform(x, s, axes, norm, inverse, what):
    """Resize the axes of ``x``, and transform along them."""
    x = as_float(x)
    axes, s = _axes_and_sizes(x, s, axes, what)
    for axis, n in zip(axes, s):
        x = _resized(x, axis, n)
    return fftn_op(x, axes=axes, inverse=inverse, scale=_scale(norm, inverse))


def real_transform(x, s, axes, norm, what):
    """The same for real numbers: the first half of the last axis."""
    x = as_real(x, what)
    axes, s = _axes_and_sizes(x, s, axes, what)
    for axis, n in zip(axes, s):
        x = _resized(x, axis, n)
    return rfftn_op(x, axes=axes, scale=_scale(norm, False))


def real_inverse(x, s, axes, norm, what):
    """The same from the first half of the last axis back to real numbers."""
    x = as_float(x)
    axes, s = _axes_and_sizes(x, s, axes, what)
    n = 2 * (sizes_of(x)[axes[-1]] - 1) if s[-1] is None else s[-1]
    for axis, m in zip(axes, [*s[:-1], None if s[-1] is None else n // 2 + 1]):
        x = _resized(x, axis, m)
    x = x if is_complex(x) else to_dtype(x, complex_dtype(x))
    return irfftn_op(x, as_size(n), axes=axes, scale=_scale(norm, True))
