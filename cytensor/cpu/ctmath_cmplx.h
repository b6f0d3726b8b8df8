/* ctmath_cmplx.h: C's constructors of complex numbers, which some libraries have for some compilers
 * alone. */
#ifndef CT_MATH_CMPLX_H
#define CT_MATH_CMPLX_H

#include <complex.h>

#ifndef CMPLX
#define CMPLX(re, im) __builtin_complex((double)(re), (double)(im))
#define CMPLXF(re, im) __builtin_complex((float)(re), (float)(im))
#endif

#endif
