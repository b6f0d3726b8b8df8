"""Convolution, with the inner loops of the instruction set in use.

``kernels`` is a capsule for the interpreter.
"""
from cpython.pycapsule cimport PyCapsule_GetPointer, PyCapsule_New

from cytensor.cpu import _structured, isa


cdef extern from "nest.h" nogil:
    ctypedef struct ct_pool:
        pass
    const ct_pool* ct_pool_used

cdef extern from "conv.h" nogil:
    ctypedef struct ct_kernel_entry:
        pass
    ctypedef struct ct_conv_kits:
        pass
    const ct_conv_kits* ct_conv_used
    ct_kernel_entry* ct_conv_kernels


ct_pool_used = <const ct_pool*>PyCapsule_GetPointer(_structured.pool, "cytensor.pool")
ct_conv_used = <const ct_conv_kits*>PyCapsule_GetPointer(isa.module().conv, "cytensor.conv_kits")
kernels = PyCapsule_New(<void*>ct_conv_kernels, "cytensor.kernels", NULL)
