"""The rows of pooling in the table of ops."""
import numpy as np
import pooling_reference as reference
from op_table import APART, FLOATS, OPS, POSITIVE, REAL, REALS, Domain, Row

import cytensor.tensor as T
from cytensor.ops.pooling import pool, window_sizes
from cytensor.tensor.signal import downsample, pool as P

IMAGES = [((2, 5, 6),), ((4, 7),), ((0, 5, 6),), ((2, 1, 3, 4),)]
#: Overlapping and not, with padding and without, over a border.
WINDOWS = [
    {"ws": (2, 2), "stride": (2, 2), "pad": (0, 0), "ignore_border": True},
    {"ws": (3, 2), "stride": (1, 2), "pad": (1, 0), "ignore_border": True},
    {"ws": (3, 3), "stride": (2, 1), "pad": (1, 2), "ignore_border": False},
    {"ws": (2, 1), "stride": (3, 4), "pad": (0, 0), "ignore_border": False},
]
MEANS = ("float16", "float32", "float64")
REGIONS = Domain(0, 1, "int64")


def _parts(window):
    """The arguments of an op: the sizes, and the parameters."""
    sizes = window_sizes(window["ws"], window["stride"], window["pad"], 2, "row")
    return sizes, {"ndim": 2, "ignore_border": window["ignore_border"]}


def max_rows(window):
    """The maximum and its derivatives."""
    sizes, params = _parts(window)
    op, grad, gather = [OPS[name] for name in ("max_pool", "max_pool_grad", "max_pool_gather")]

    def counts(shape):
        return reference.windows_shape(shape, **window)

    yield Row(op, lambda x, **window: reference.pool(x, "max", **window), APART, IMAGES, window,
              REALS, call=lambda x: op(x, *sizes, **params))
    yield Row(grad, lambda x, g, **window: reference.max_grad(
        x, reference.pool(x, "max", **window), g, **window), (APART, REAL),
        [(x, counts(x)) for x, in IMAGES], window, FLOATS,
        call=lambda x, g: grad(x, op(x, *sizes, **params), g, *sizes, **params))
    yield Row(gather, lambda x, h, **window: reference.max_gather(
        reference.pool(x, "max", **window), x, h, **window), (APART, REAL),
        [(x, x) for x, in IMAGES], window, FLOATS,
        call=lambda x, h: gather(op(x, *sizes, **params), x, h, *sizes, **params))


def sum_rows(window, mode, divisor):
    """A sum or a mean, and its transpose."""
    sizes, params = _parts(window)
    params = {**params, "divisor": divisor}
    kinds = "iuf" if mode == "sum" else MEANS
    yield Row(OPS["sum_pool"], reference.pool, REAL, IMAGES, {**window, "mode": mode}, kinds,
              call=lambda x: OPS["sum_pool"](x, *sizes, **params))
    for shape, in IMAGES:
        yield Row(OPS["sum_unpool"], reference.unpool, REAL,
                  [(reference.windows_shape(shape, **window),)],
                  {**window, "mode": mode, "sizes": shape[-2:]}, kinds,
                  call=lambda g, n=shape[-2:]: OPS["sum_unpool"](g, *sizes, *n, **params))


def _public(function, axes, window, **params):
    """A row of a function that users call; its derivatives are those of the ops."""
    return Row(function, lambda x, **params: reference.pool(x, **params), REAL, axes,
               {**window, **params}, "iuf" if params["mode"] in ("max", "sum") else MEANS,
               slopes=())


WINDOW_2D = {"ws": (2, 3), "stride": (1, 2), "pad": (1, 1), "ignore_border": True}
PUBLIC = [
    *[_public(P.pool_2d, IMAGES[:2], WINDOW_2D, mode=mode)
      for mode in ("max", "sum", "average_inc_pad", "average_exc_pad")],
    _public(P.pool_3d, [((2, 4, 3, 5),), ((3, 4, 4),)],
            {"ws": (2, 1, 3), "stride": (1, 2, 2), "pad": (1, 0, 1), "ignore_border": True},
            mode="max"),
    Row(P.pool_1d, lambda x, ws, stride, pad, mode: reference.pool(
        x, mode, ws=(ws,), stride=(stride,), pad=(pad,)), REAL, [((7,),), ((2, 6),)],
        {"ws": 3, "stride": 2, "pad": 1, "mode": "max"}, REALS, slopes=()),
    Row(downsample.max_pool_2d, lambda x, ds, st: reference.pool(
        x, "max", ws=ds, stride=st, ignore_border=False), REAL, IMAGES[:2],
        {"ds": (2, 3), "st": (2, 2)}, REALS, slopes=()),
    Row(P.max_pool_2d_same_size, lambda x, patch_size: reference.max_grad(
        x, *[reference.pool(x, "max", ws=patch_size)] * 2, ws=patch_size), APART, IMAGES,
        {"patch_size": (2, 3)}, FLOATS),
    Row(pool, lambda x, ws, stride, mode, **other: reference.pool(
        x.astype("int64"), mode, ws=(ws, ws), stride=(stride, stride)), REAL, IMAGES[:2],
        {"ws": 2, "stride": 1, "pad": None, "mode": "sum", "ignore_border": True, "ndim": 2,
         "what": "pool"}, ("bool",), "int64"),
    Row(pool, lambda x, ws, mode, **other: reference.pool(
        x.astype("float64"), mode, ws=(ws, ws)), REAL, IMAGES[:2],
        {"ws": 2, "stride": None, "pad": None, "mode": "average_exc_pad", "ignore_border": True,
         "ndim": 2, "what": "pool"}, "biu", "float64"),
]

ROIS = np.array([[0, 1, 0, 9, 7], [1, -3, -2, 5, 30], [1, 4, 4, 4, 4], [0, 0, 0, 11, 13]])
PHOTOS = [((2, 3, 5, 6),)]
WHOLE = [
    Row(OPS["region_argmax"], lambda x: reference.region_argmax(
        x, [(0, 1, 0, 3, 4), (1, -1, 2, 4, 5), (1, 7, 0, 2, 2)], 2, 3), APART, PHOTOS,
        dtypes=MEANS, result="int64", call=lambda x: OPS["region_argmax"](
            x, [(0, 1, 0, 3, 4), (1, -1, 2, 4, 5), (1, 7, 0, 2, 2)], 2, 3)),
    Row(P.roi_pooling_2d, reference.roi_pooling, APART, PHOTOS,
        {"rois": ROIS, "outh": 2, "outw": 3, "spatial_scale": 0.5}, MEANS),
    Row(P.roi_average_align_2d, reference.roi_average_align, REAL, PHOTOS,
        {"rois": ROIS, "outh": 2, "outw": 2, "spatial_scale": 0.5, "sampling_ratio": 2}, MEANS,
        loose=20),
    *[Row(P.spatial_pyramid_pooling_2d, reference.pyramid, APART, [((2, 2, 5, 4),)],
          {"pyramid_height": 3, "mode": mode}, MEANS, loose=4) for mode in ("max", "average")],
    *[Row(P.global_pooling_2d, lambda x, mode, reduce=reduce: reduce(x, axis=(-2, -1)), APART,
          [((2, 3, 4),)], {"mode": mode}, MEANS)
      for mode, reduce in (("max", np.max), ("sum", np.sum), ("average", np.mean))],
    *[Row(T.nnet.local_response_normalization, reference.local_response, POSITIVE,
          [((2, 5, 3),), ((1, 3),), ((1, 4, 2, 2),)], params, MEANS)
      for params in ({"n": 3, "k": 1, "alpha": 0.5}, {})],
]

POOLING_ROWS = [
    *[row for window in WINDOWS for row in max_rows(window)],
    *[row for window in WINDOWS for row in sum_rows(window, "sum", None)],
    *[row for window in WINDOWS for row in sum_rows(window, "average_exc_pad", "items")],
    *[row for window in WINDOWS[:2] for row in sum_rows(window, "average_inc_pad", "window")],
    *PUBLIC, *WHOLE,
]
