"""Tile kernels over SciPy's special functions. Imported when a program first needs one."""
from scipy.special cimport cython_special as scipy_special

# Each name in quotes is that of a function which special.h declares and maps over tiles.

cdef double _erfinv "ct_erfinv"(double x) noexcept nogil:
    return scipy_special.erfinv(x)

cdef double _erfcinv "ct_erfcinv"(double x) noexcept nogil:
    return scipy_special.erfcinv(x)

cdef double _erfcx "ct_erfcx"(double x) noexcept nogil:
    return scipy_special.erfcx(x)

cdef double _gamma "ct_gamma"(double x) noexcept nogil:
    return scipy_special.gamma(x)

cdef double _gammaln "ct_gammaln"(double x) noexcept nogil:
    return scipy_special.gammaln(x)

cdef double _psi "ct_psi"(double x) noexcept nogil:
    return scipy_special.psi(x)

cdef double _chi2sf "ct_chi2sf"(double x, double k) noexcept nogil:
    return scipy_special.chdtrc(k, x)

cdef double _gammainc "ct_gammainc"(double k, double x) noexcept nogil:
    return scipy_special.gammainc(k, x)

cdef double _gammaincc "ct_gammaincc"(double k, double x) noexcept nogil:
    return scipy_special.gammaincc(k, x)

cdef double _j0 "ct_j0"(double x) noexcept nogil:
    return scipy_special.j0(x)

cdef double _j1 "ct_j1"(double x) noexcept nogil:
    return scipy_special.j1(x)

cdef double _jv "ct_jv"(double v, double x) noexcept nogil:
    return scipy_special.jv(v, x)

cdef double _i0 "ct_i0"(double x) noexcept nogil:
    return scipy_special.i0(x)

cdef double _i1 "ct_i1"(double x) noexcept nogil:
    return scipy_special.i1(x)

cdef double _iv "ct_iv"(double v, double x) noexcept nogil:
    return scipy_special.iv(v, x)


cdef extern from "special.h":
    ctypedef struct ct_entry:
        const char* name
        int kind, dtype, to
        void* fn
    const ct_entry* ct_special_table


def entries():
    """List (kind, name, dtype code, to, address) of each kernel."""
    cdef list rows = []
    cdef const ct_entry* row = ct_special_table
    while row.name != NULL:
        rows.append((chr(row.kind), row.name.decode(), row.dtype, row.to, <size_t>row.fn))
        row += 1
    return rows
