/* arith.h: sum and product of two items of each dtype, for kernels that are not tile kernels. */
#ifndef CT_ARITH_H
#define CT_ARITH_H

#include "half.h"

#include "ctmath_cmplx.h"

/* Integers wrap around, as unsigned ones do by definition; 16 bits would be promoted to int. */
#define CT_PLUS(a, b) ((a) + (b))
#define CT_TIMES(a, b) ((a) * (b))
#define CT_TIMES_SMALL(a, b) (1u * (a) * (b))

/* Of truth values. */
#define CT_OR(a, b) ((a) | (b))
#define CT_AND(a, b) ((a) & (b))

#define CT_HALF_PLUS(a, b) ct_float_to_half(ct_half_to_float(a) + ct_half_to_float(b))
#define CT_HALF_TIMES(a, b) ct_float_to_half(ct_half_to_float(a) * ct_half_to_float(b))

/* C's own product of complex numbers looks for infinities, as NumPy's does not. */
static inline float complex ct_times_c64(float complex a, float complex b)
{
    return CMPLXF(crealf(a) * crealf(b) - cimagf(a) * cimagf(b),
                  crealf(a) * cimagf(b) + cimagf(a) * crealf(b));
}

static inline double complex ct_times_c128(double complex a, double complex b)
{
    return CMPLX(creal(a) * creal(b) - cimag(a) * cimag(b),
                 creal(a) * cimag(b) + cimag(a) * creal(b));
}

/* X(name, type, sum, product) for each way in which dtypes are added and multiplied. */
#define CT_FOR_ARITH(X) \
    X(bool, uint8_t, CT_OR, CT_AND) \
    X(int8, uint8_t, CT_PLUS, CT_TIMES_SMALL) \
    X(int16, uint16_t, CT_PLUS, CT_TIMES_SMALL) \
    X(int32, uint32_t, CT_PLUS, CT_TIMES) \
    X(int64, uint64_t, CT_PLUS, CT_TIMES) \
    X(float16, uint16_t, CT_HALF_PLUS, CT_HALF_TIMES) \
    X(float32, float, CT_PLUS, CT_TIMES) \
    X(float64, double, CT_PLUS, CT_TIMES) \
    X(complex64, float complex, CT_PLUS, ct_times_c64) \
    X(complex128, double complex, CT_PLUS, ct_times_c128)

/* A table by dtype of what ROW(name) says. */
#define CT_ARITH_TABLE(ROW) { \
    [CT_BOOL] = ROW(bool), [CT_I8] = ROW(int8), [CT_U8] = ROW(int8), [CT_I16] = ROW(int16), \
    [CT_U16] = ROW(int16), [CT_I32] = ROW(int32), [CT_U32] = ROW(int32), \
    [CT_I64] = ROW(int64), [CT_U64] = ROW(int64), [CT_F16] = ROW(float16), \
    [CT_F32] = ROW(float32), [CT_F64] = ROW(float64), [CT_C64] = ROW(complex64), \
    [CT_C128] = ROW(complex128)}

#endif
