"""Pooling under Theano's names: ops as classes, and older names."""
from cytensor import tensor as T
from cytensor.compat.theano.kinds import kind
from cytensor.ops import pooling
from cytensor.ops.sizes import STATIC
from cytensor.ops.views import as_size, sizes_of


class _Symbols:
    """The arithmetic of sizes on ints and variables alike."""

    max, min, where = staticmethod(T.maximum), staticmethod(T.minimum), staticmethod(T.switch)
    lt, eq = staticmethod(T.lt), staticmethod(T.eq)


def out_shape(imgshape, ws=None, ignore_border=False, stride=None, pad=None, ndim=2, ds=None,
              st=None, padding=None):
    """Return the shape that pooling gives, as a list of ints and 0-d variables.

    Parameters
    ----------
    imgshape : sequence of int or 0-d variable
    ndim : int
        The number of axes that are pooled.
    ws, ignore_border, stride, pad, ds, st, padding
        As those of ``pool_2d``.

    Raises
    ------
    TypeError
        If there are fewer axes than that.
    """
    ws, stride, pad = [old if new is None else new
                       for new, old in ((ws, ds), (stride, st), (pad, padding))]
    ndim = 2 if ndim is None else ndim
    if len(imgshape) < ndim:
        raise TypeError(f"imgshape must have at least {ndim} dimensions")
    window = pooling.window_sizes(ws, stride, pad, ndim, "out_shape")
    lead, pooled = imgshape[:-ndim], imgshape[-ndim:]
    return [*lead, *[_windows(n, *window[i::ndim], ignore_border) for i, n in enumerate(pooled)]]


def _windows(n, w, s, p, ignore_border):
    known = all([isinstance(size, int) for size in (n, w, s, p)])
    return pooling.windows_along(STATIC if known else _Symbols, n, w, s, p, ignore_border)


# ----- what an op of a class computes -----

def _pool(ignore_border=False, mode="max", ndim=2, openmp=None):
    if mode not in (*pooling.MODES, "max_deterministic"):
        raise ValueError(f"Pool mode parameter only support {', '.join(pooling.MODES)}. Got {mode}")
    return lambda x, ws, stride=None, pad=None: pooling.pool(x, ws, stride, pad, mode,
                                                             ignore_border, ndim, "Pool")


def _max_pool_grad(ignore_border, ndim=2, openmp=None):
    def apply(x, maxout, gz, ws, stride=None, pad=None):
        window = pooling.window_sizes(ws, stride, pad, ndim, "MaxPoolGrad")
        return pooling.max_pool_grad(x, maxout, gz, *window, ndim=ndim,
                                     ignore_border=bool(ignore_border))
    return apply


def _average_pool_grad(ignore_border, mode="average_inc_pad", ndim=2):
    def apply(x, gz, ws, stride=None, pad=None, dummy=None):
        window = pooling.window_sizes(ws, stride, pad, ndim, "AveragePoolGrad")
        sizes = [as_size(n) for n in sizes_of(T.as_tensor_variable(x))[-ndim:]]
        return pooling.sum_unpool(gz, *window, *sizes, ndim=ndim,
                                  ignore_border=bool(ignore_border),
                                  divisor=pooling.divisor_of(mode, ignore_border))
    return apply


def _grad_grad(ignore_border, mode="max", ndim=2, openmp=None):
    def apply(x, maxout, gz, ws, stride=None, pad=None):
        window = pooling.window_sizes(ws, stride, pad, ndim, "DownsampleFactorMaxGradGrad")
        return pooling.max_pool_gather(maxout, x, gz, *window, ndim=ndim,
                                       ignore_border=bool(ignore_border))
    return apply


def _max_pool_rop(ignore_border=False, mode="max", ndim=2, openmp=None):
    def apply(x, eval_point, ws, stride=None, pad=None):
        y = _pool(ignore_border, "max", ndim)(x, ws, stride, pad)
        return _grad_grad(ignore_border, "max", ndim)(x, y, eval_point, ws, stride, pad)
    return apply


def _downsample(ds, ignore_border=False, st=None, padding=(0, 0), mode="max"):
    return lambda x: pooling.max_pool_2d(x, ds, ignore_border, st, padding, mode)


Pool = kind("Pool", "max_pool sum_pool", _pool)
PoolGrad = kind("PoolGrad", "max_pool_grad sum_unpool")
MaxPoolGrad = kind("MaxPoolGrad", "max_pool_grad", _max_pool_grad)
AveragePoolGrad = kind("AveragePoolGrad", "sum_unpool", _average_pool_grad)
DownsampleFactorMaxGradGrad = kind("DownsampleFactorMaxGradGrad", "max_pool_gather", _grad_grad)
MaxPoolRop = kind("MaxPoolRop", "max_pool_gather", _max_pool_rop)
DownsampleFactorMax = kind("DownsampleFactorMax", "max_pool sum_pool", _downsample)
Pool.out_shape = PoolGrad.out_shape = MaxPoolGrad.out_shape = staticmethod(out_shape)
AveragePoolGrad.out_shape = DownsampleFactorMax.out_shape = staticmethod(out_shape)


def dnn_pool(img, ws, stride=None, mode="max", pad=None):
    """Pool windows of the last axes, as many as ``ws`` has sizes.

    Parameters
    ----------
    img : Variable
    ws, stride, pad : sequence of int, or integer vector
        By default, windows begin at each item, and nothing is padded.
    mode : str
        As that of ``pool_2d``.
    """
    ndim = len(ws)
    stride = (1,) * ndim if stride is None else stride
    return pooling.pool(img, ws, stride, pad, mode, True, ndim, "dnn_pool")
