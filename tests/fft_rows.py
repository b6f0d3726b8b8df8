"""The rows of Fourier transforms in the table of ops."""
import numpy as np
import scipy.fft
from linalg_reference import FOURIER
from linalg_rows import row
from op_table import OPS, Domain, Row

import cytensor.tensor as T
from cytensor.tensor import fft

SOME = Domain(-2, 2)
REALS, COMPLEXES = ("float32", "float64"), ("complex64", "complex128")
ALL = (*REALS, *COMPLEXES, "float16", "int64")
LINES = [((5,),), ((6,),), ((2, 4),), ((0, 3),), ((1,),)]
GRIDS = [((3, 4),), ((2, 3, 5),), ((4, 1),)]
TO_COMPLEX = {"result": "complex lapack", "loose": 20}
TO_REAL = {"result": "real lapack", "loose": 20}
NORMS = (None, "ortho", "forward")


def along(function, reference, shapes, dtypes, result, **params):
    """A row of a function of an axis, or of several."""
    return row(function, reference, SOME, shapes, params, dtypes=dtypes, **result)


def _pairs(z):
    return np.stack([z.real, z.imag], -1)


def _rfft_pairs(x, norm=None):
    norm = "ortho" if norm == "ortho" else "backward"
    return _pairs(np.fft.rfftn(x, axes=tuple(range(1, x.ndim)), norm=norm))


def _irfft_pairs(x, norm=None, is_odd=False):
    z = x[..., 0] + 1j * x[..., 1]
    sizes = [*z.shape[1:-1], 2 * (z.shape[-1] - 1) + is_odd]
    norm = {None: "backward", "ortho": "ortho", "no_norm": "forward"}[norm]
    return np.fft.irfftn(z, sizes, axes=tuple(range(1, z.ndim)), norm=norm)


OWN = [
    *[Row(OPS["fftn"], FOURIER["fftn"], SOME, [((3, 4),)],
          {"axes": axes, "inverse": inverse, "scale": scale}, (*REALS, *COMPLEXES),
          "complex lapack", loose=20)
      for axes, inverse, scale in (((1,), False, "none"), ((0, 1), True, "size"),
                                   ((1, 0), False, "root"))],
    *[Row(OPS["rfftn"], FOURIER["rfftn"], SOME, [((4, 5),), ((3, 6),)],
          {"axes": axes, "scale": scale}, REALS, "complex", loose=20)
      for axes, scale in (((1,), "none"), ((1, 0), "size"))],
    *[Row(OPS["irfftn"], lambda x, n=n, **params: FOURIER["irfftn"](x, n, **params),
          SOME, [((4, 3),)], {"axes": (0, 1), "scale": "size"}, COMPLEXES, "real", loose=20,
          call=lambda x, n=n: OPS["irfftn"](x, T.constant(n), axes=(0, 1), scale="size"))
      for n in (4, 5)],
]
ONE_AXIS = [
    *[along(getattr(fft, name), getattr(scipy.fft, name), LINES, ALL, TO_COMPLEX)
      for name in ("fft", "ifft")],
    *[along(fft.fft, scipy.fft.fft, [((4, 3),)], ("float64", "complex128"), TO_COMPLEX,
            n=n, axis=0, norm=norm) for n, norm in zip((3, 4, 7), NORMS)],
    *[along(fft.ifft, scipy.fft.ifft, [((4, 3),)], ("float64", "complex128"), TO_COMPLEX,
            n=n, axis=-1, norm=norm) for n, norm in zip((2, 3, 5), NORMS)],
    along(fft.rfft, scipy.fft.rfft, LINES, (*REALS, "float16", "int64"), TO_COMPLEX),
    *[along(fft.rfft, scipy.fft.rfft, [((4, 3),)], REALS, TO_COMPLEX, n=n, axis=0, norm=norm)
      for n, norm in zip((3, 4, 6), NORMS)],
    along(fft.irfft, scipy.fft.irfft, [*LINES[:4]], ALL, TO_REAL),
    *[along(fft.irfft, scipy.fft.irfft, [((4, 3),)], (*REALS, *COMPLEXES), TO_REAL, n=n, axis=0,
            norm=norm) for n, norm in zip((5, 6, 11), NORMS)],
    *[along(fft.hfft, np.fft.hfft, [((4, 3),)], ("float64", "complex128"), TO_REAL, n=n, norm=norm)
      for n, norm in zip((None, 5, 6), NORMS)],
    *[along(fft.ihfft, np.fft.ihfft, [((4, 3),)], ("float64",), TO_COMPLEX, n=n, norm=norm)
      for n, norm in zip((None, 5, 6), NORMS)],
]
SEVERAL_AXES = [
    *[along(getattr(fft, name), getattr(scipy.fft, name), GRIDS, ("complex64", "float64"),
            TO_COMPLEX) for name in ("fftn", "ifftn", "fft2", "ifft2")],
    *[along(getattr(fft, name), getattr(scipy.fft, name), GRIDS, REALS, TO_COMPLEX)
      for name in ("rfftn", "rfft2")],
    *[along(getattr(fft, name), getattr(scipy.fft, name), GRIDS[:2], ("complex128", "float64"),
            TO_REAL) for name in ("irfftn", "irfft2")],
    along(fft.fftn, scipy.fft.fftn, [((4, 3),)], ("float64",), TO_COMPLEX, s=(3, 5), norm="ortho"),
    along(fft.rfftn, scipy.fft.rfftn, [((4, 3, 5),)], ("float64",), TO_COMPLEX, s=(4, 3),
          axes=(2, 0)),
    along(fft.irfftn, scipy.fft.irfftn, [((4, 3, 5),)], ("complex128",), TO_REAL, s=(4, 5),
          axes=(2, 0)),
]
FREQUENCIES = [
    *[along(getattr(fft, name), getattr(np.fft, name), [((5,),), ((4, 3),)], ("float64", "int64"),
            {"result": "same"}, **params)
      for name in ("fftshift", "ifftshift") for params in ({}, {"axes": (0,)})],
    *[Row(function, lambda n, d, reference=reference: reference(int(n), d), Domain(1, 6, "int64"),
          [((),)], {"d": 0.5}, ("int64",), "float64")
      for function, reference in ((fft.fftfreq, np.fft.fftfreq), (fft.rfftfreq, np.fft.rfftfreq))],
]
PAIRS = [
    *[along(fft.rfft_pairs, _rfft_pairs, GRIDS[:2], REALS, {"result": "same", "loose": 20},
            norm=norm) for norm in (None, "ortho", "no_norm")],
    *[along(fft.irfft_pairs, _irfft_pairs, [((2, 3, 2),), ((1, 3, 4, 2),)], REALS,
            {"result": "same", "loose": 20}, norm=norm, is_odd=is_odd)
      for norm, is_odd in ((None, False), ("ortho", True), ("no_norm", True))],
]

FFT_ROWS = [*OWN, *ONE_AXIS, *SEVERAL_AXES, *FREQUENCIES, *PAIRS]
