"""Fourier transforms under the names of ``numpy.fft``.

``theano.tensor.fft`` has two functions, which take pairs of real numbers for complex ones: here
they are ``rfft_pairs`` and ``irfft_pairs``.
"""
# ruff: noqa: F401
from cytensor.ops.fft import (
    fft, fft2, fftn, hfft, ifft, ifft2, ifftn, ihfft, irfft, irfft2, irfftn, rfft, rfft2, rfftn)
from cytensor.ops.fft_pairs import irfft_pairs, rfft_pairs
from cytensor.ops.frequencies import fftfreq, fftshift, ifftshift, rfftfreq
