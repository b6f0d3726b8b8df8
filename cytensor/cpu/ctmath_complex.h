/* ctmath_complex.h: complex functions. C99's from libm, and those that it lacks. */
#ifndef CT_MATH_COMPLEX_H
#define CT_MATH_COMPLEX_H

#include "ctmath_cmplx.h"
#include "ctmath_big.h"

/* T is the real type and C the complex one; f is libm's suffix, CMPLX its constructor. */
#define CT_COMPLEX(T, C, real, kind, f, CMPLX)                                                  \
    CT_INLINE T abs_##kind(C z) { return hypot_##real(creal##f(z), cimag##f(z)); }              \
    CT_INLINE T angle_##kind(C z) { return atan2_##real(cimag##f(z), creal##f(z)); }            \
    CT_INLINE C sgn_##kind(C z)                                                                 \
    {                                                                                           \
        const T size = abs_##kind(z);                                                           \
        return z == 0 ? 0 : CMPLX(creal##f(z) / size, cimag##f(z) / size);                      \
    }                                                                                           \
    CT_INLINE C exp2_##kind(C z) { return cexp##f(z * (T)0x1.62e42fefa39efp-1); }               \
    CT_INLINE C log2_##kind(C z) { return clog##f(z) * (T)CT_LOG2E; }                           \
    CT_INLINE C log10_##kind(C z) { return clog##f(z) * (T)0x1.bcb7b1526e50ep-2; }              \
    CT_INLINE C sigmoid_##kind(C z) { return 1 / (1 + cexp##f(-z)); }                           \
    /* cos(y) - 1 = -2 sin(y/2)^2 */                                                            \
    CT_INLINE C expm1_##kind(C z)                                                               \
    {                                                                                           \
        const T x = creal##f(z), y = cimag##f(z), s = sin##f(y / 2);                            \
        return CMPLX(expm1_##real(x) * cos##f(y) - 2 * s * s, exp_##real(x) * sin##f(y));       \
    }                                                                                           \
    /* |1 + z|^2 = 1 + (2 + x) x + y^2 */                                                       \
    CT_INLINE C log1p_##kind(C z)                                                               \
    {                                                                                           \
        const T x = creal##f(z), y = cimag##f(z), size = hypot_##real(1 + x, y);                \
        const T near = (T)0.5 * log1p_##real(x * (2 + x) + y * y);                              \
        const int small = abs_##real(x) < (T)0.5 && abs_##real(y) < (T)0.5;                     \
        return CMPLX(small ? near : log_##real(size), atan2_##real(y, 1 + x));                  \
    }
CT_COMPLEX(float, float _Complex, f32, c64, f, CMPLXF)
CT_COMPLEX(double, double _Complex, f64, c128, , CMPLX)

#endif
