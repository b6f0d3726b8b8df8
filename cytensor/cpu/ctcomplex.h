/* ctcomplex.h: the arithmetic and the parts of complex numbers that expressions name, as ctc_*.
 *
 * Products and quotients are written out, as NumPy computes them: C's own would call the library
 * to repair infinities, and would change with the compiler's flags. Functions are in ctmath.h.
 */
#ifndef CT_COMPLEX_H
#define CT_COMPLEX_H

#include "ctmath_cmplx.h"
#include <math.h>

#include "ctmath.h"

static inline float complex ctc_makef(float re, float im) { return CMPLXF(re, im); }
static inline double complex ctc_make(double re, double im) { return CMPLX(re, im); }

/* -x by its sign bit, which compilers do not fold into a subtraction */
static inline float ctc_flipf(float x) { return of_bits_f32(bits_f32(x) ^ 0x80000000u); }
static inline double ctc_flip(double x) { return of_bits_f64(bits_f64(x) ^ 1ull << 63); }

#define CTC_FUNCTIONS(C, R, f) \
\
static inline R ctc_re##f(C x) { return creal##f(x); } \
static inline R ctc_im##f(C x) { return cimag##f(x); } \
static inline C ctc_conj##f(C x) { return ctc_make##f(ctc_re##f(x), -ctc_im##f(x)); } \
\
/* (-b) d stands for -(b d): GCC 12 turns alternating a c - b d, a d + b c into fused operations
 * whatever -ffp-contract says, but not two sums. */ \
static inline C ctc_mul##f(C x, C y) \
{ \
    const R a = ctc_re##f(x), b = ctc_im##f(x), c = ctc_re##f(y), d = ctc_im##f(y); \
    return ctc_make##f(a * c + ctc_flip##f(b) * d, a * d + b * c); \
} \
\
/* Scaled by the larger part of y, so that abs(y)^2 cannot overflow. */ \
static inline C ctc_div##f(C x, C y) \
{ \
    const R a = ctc_re##f(x), b = ctc_im##f(x), c = ctc_re##f(y), d = ctc_im##f(y); \
    if (c == 0 && d == 0) \
        return ctc_make##f(a / ct_abs(c), b / ct_abs(c)); \
    if (ct_abs(c) >= ct_abs(d)) { \
        const R ratio = d / c, inverse = (R)1 / (c + d * ratio); \
        return ctc_make##f((a + b * ratio) * inverse, (b - a * ratio) * inverse); \
    } \
    const R ratio = c / d, inverse = (R)1 / (c * ratio + d); \
    return ctc_make##f((a * ratio + b) * inverse, (b * ratio - a) * inverse); \
} \
\
static inline int ctc_isinf##f(C x) \
{ \
    return ct_abs(ctc_re##f(x)) == (R)INFINITY || ct_abs(ctc_im##f(x)) == (R)INFINITY; \
} \
\
static inline int ctc_isfinite##f(C x) \
{ \
    return ct_abs(ctc_re##f(x)) < (R)INFINITY && ct_abs(ctc_im##f(x)) < (R)INFINITY; \
} \
\
/* By multiplication where the exponent is a small integer: (1 + 2i)^2 is -3 + 4i exactly. */ \
static inline C ctc_ipow##f(C x, int n) \
{ \
    C power = ctc_make##f((R)1, (R)0); \
    for (unsigned bits = n < 0 ? -n : n; bits; bits >>= 1) { \
        if (bits & 1) \
            power = ctc_mul##f(power, x); \
        if (bits > 1) \
            x = ctc_mul##f(x, x); \
    } \
    return n < 0 ? ctc_div##f(ctc_make##f((R)1, (R)0), power) : power; \
} \
\
static inline C ctc_pow##f(C x, C y) \
{ \
    const R c = ctc_re##f(y), d = ctc_im##f(y); \
    if (d == 0 && ct_abs(c) < 100 && c == (R)(int)c) \
        return ctc_ipow##f(x, (int)c); \
    if (x == 0) \
        return c > 0 ? ctc_make##f((R)0, (R)0) : ctc_make##f((R)NAN, (R)NAN); \
    return cpow##f(x, y); \
}

CTC_FUNCTIONS(float complex, float, f)
CTC_FUNCTIONS(double complex, double, )

#define CTC_GENERIC(name, x) _Generic((x), float complex: name##f, double complex: name)

#define ctc_re(x) CTC_GENERIC(ctc_re, x)(x)
#define ctc_im(x) CTC_GENERIC(ctc_im, x)(x)
#define ctc_conj(x) CTC_GENERIC(ctc_conj, x)(x)
#define ctc_mul(x, y) CTC_GENERIC(ctc_mul, x)(x, y)
#define ctc_div(x, y) CTC_GENERIC(ctc_div, x)(x, y)
#define ctc_pow(x, y) CTC_GENERIC(ctc_pow, x)(x, y)
#define ctc_isinf(x) CTC_GENERIC(ctc_isinf, x)(x)
#define ctc_isfinite(x) CTC_GENERIC(ctc_isfinite, x)(x)
#define ctc_make(re, im) _Generic((re), float: ctc_makef, double: ctc_make)(re, im)

#endif
