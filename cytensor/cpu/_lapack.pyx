"""Linear algebra, by the LAPACK that SciPy brings.

``kernels`` is a capsule for the interpreter. Get this module from
``cytensor.cpu.blas.load_lapack``, which keeps the rest of ``scipy.linalg`` from being imported.
"""
from importlib import import_module

from cpython.pycapsule cimport PyCapsule_GetName, PyCapsule_GetPointer, PyCapsule_New

from cytensor.cpu import _blas, _structured


cdef extern from "threads.h" nogil:
    ctypedef struct ct_pool:
        pass

cdef extern from "nest.h" nogil:
    const ct_pool* ct_pool_used

cdef extern from "lapack.h" nogil:
    ctypedef struct ct_kernel_entry:
        pass

    ctypedef struct ct_blas_rest:
        pass

    ctypedef struct ct_routine:
        const char* name
        const char* types
        void* where

    const ct_blas_rest* ct_blas_rest_used
    const ct_routine* ct_routines
    ct_kernel_entry* ct_lapack_kernels
    int ct_lapack_threads


cdef void* _address(str name) except NULL:
    """Where a function of SciPy's is, by the capsules that it exports to Cython."""
    for module in ("scipy.linalg.cython_lapack", "scipy.linalg.cython_blas"):
        capsule = import_module(module).__pyx_capi__.get(name)
        if capsule is not None:
            return PyCapsule_GetPointer(capsule, PyCapsule_GetName(capsule))
    raise ImportError(f"scipy.linalg has no {name}")


cdef int _find_routines() except -1:
    cdef const ct_routine* routine = ct_routines
    cdef int i
    while routine.name != NULL:
        for i, letter in enumerate((<bytes>routine.types).decode()):
            (<void**>routine.where)[i] = _address(letter + (<bytes>routine.name).decode())
        routine += 1
    return 0


def use_threads(bint wanted):
    """Say whether OpenBLAS may use threads of its own for one large matrix."""
    global ct_lapack_threads
    ct_lapack_threads = wanted


_find_routines()
ct_pool_used = <const ct_pool*>PyCapsule_GetPointer(_structured.pool, "cytensor.pool")
ct_blas_rest_used = <const ct_blas_rest*>PyCapsule_GetPointer(_blas.rest, "cytensor.blas_rest")
kernels = PyCapsule_New(<void*>ct_lapack_kernels, "cytensor.kernels", NULL)
