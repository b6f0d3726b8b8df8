"""The products of matrices, by our own tiles and by the BLAS that SciPy brings.

``kernels`` and ``ready`` are capsules for the interpreter, and ``rest`` one for the modules that
also use OpenBLAS. Get this module from ``cytensor.cpu.blas.load``, which chooses OpenBLAS's
kernels first, and keeps the rest of ``scipy.linalg`` from being imported.
"""
import sys

from cpython.pycapsule cimport PyCapsule_GetPointer, PyCapsule_New
from scipy.linalg cimport cython_blas as scipy_blas

from cytensor.cpu import _structured, isa


cdef extern from "threads.h" nogil:
    ctypedef struct ct_pool:
        pass

cdef extern from "nest.h" nogil:
    const ct_pool* ct_pool_used

cdef extern from "product.h" nogil:
    ctypedef struct ct_kernel_entry:
        pass
    ctypedef struct ct_conv_kits:
        pass
    ctypedef struct ct_ready_products:
        pass

    ctypedef void* ct_gemm
    ctypedef void* ct_gemv
    ctypedef float (*ct_sdot)(int* n, float* x, int* incx, float* y, int* incy) noexcept nogil
    ctypedef double (*ct_ddot)(int* n, double* x, int* incx, double* y, int* incy) noexcept nogil

    ctypedef struct ct_blas:
        ct_gemm gemm[4]
        ct_gemv gemv[4]
        ct_sdot sdot
        ct_ddot ddot

    ct_blas ct_blas_used
    const ct_conv_kits* ct_tiles_used
    ct_kernel_entry* ct_product_kernels
    const ct_ready_products ct_ready_used
    const char* ct_blas_find(const char* path)
    const char* ct_blas_core()
    int ct_blas_threads()
    void ct_blas_enter()
    void ct_blas_leave()

cdef extern from "lapack.h" nogil:
    ctypedef struct ct_blas_rest:
        void (*enter)() noexcept nogil
        void (*leave)() noexcept nogil


cdef const char* _found = ct_blas_find(sys.modules["scipy.linalg.cython_blas"].__file__.encode())

ct_pool_used = <const ct_pool*>PyCapsule_GetPointer(_structured.pool, "cytensor.pool")
ct_tiles_used = <const ct_conv_kits*>PyCapsule_GetPointer(isa.module().conv, "cytensor.conv_kits")
ct_blas_used.gemm[0] = <ct_gemm>scipy_blas.sgemm
ct_blas_used.gemm[1] = <ct_gemm>scipy_blas.dgemm
ct_blas_used.gemm[2] = <ct_gemm>scipy_blas.cgemm
ct_blas_used.gemm[3] = <ct_gemm>scipy_blas.zgemm
ct_blas_used.gemv[0] = <ct_gemv>scipy_blas.sgemv
ct_blas_used.gemv[1] = <ct_gemv>scipy_blas.dgemv
ct_blas_used.gemv[2] = <ct_gemv>scipy_blas.cgemv
ct_blas_used.gemv[3] = <ct_gemv>scipy_blas.zgemv
ct_blas_used.sdot = <ct_sdot>scipy_blas.sdot
ct_blas_used.ddot = <ct_ddot>scipy_blas.ddot
cdef ct_blas_rest _rest
_rest.enter, _rest.leave = ct_blas_enter, ct_blas_leave
rest = PyCapsule_New(&_rest, "cytensor.blas_rest", NULL)
kernels = PyCapsule_New(<void*>ct_product_kernels, "cytensor.kernels", NULL)
ready = PyCapsule_New(<void*>&ct_ready_used, "cytensor.ready", NULL)


def library():
    """Return where OpenBLAS is, the kernels that it chose, and its own number of threads.

    Each is None, or 0, where the BLAS is another one.
    """
    core = ct_blas_core()
    return (None if _found == NULL else (<bytes>_found).decode(),
            None if core == NULL else (<bytes>core).decode(), ct_blas_threads())
