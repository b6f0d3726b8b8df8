/* ctmath_base.h: bits, fused multiply-add and exact products, under the functions of ctmath.h. */
#ifndef CT_MATH_BASE_H
#define CT_MATH_BASE_H

#include <stdint.h>
#include <string.h>

/* Loops vectorise only when all that they call is inlined. */
#define CT_INLINE static inline __attribute__((always_inline))

#define CT_INF_F32 __builtin_inff()
#define CT_NAN_F32 __builtin_nanf("")
#define CT_INF_F64 __builtin_inf()
#define CT_NAN_F64 __builtin_nan("")

/* ----- a number as its bits ----- */

CT_INLINE uint32_t bits_f32(float x) { uint32_t u; memcpy(&u, &x, sizeof u); return u; }
CT_INLINE float of_bits_f32(uint32_t u) { float x; memcpy(&x, &u, sizeof x); return x; }
CT_INLINE uint64_t bits_f64(double x) { uint64_t u; memcpy(&u, &x, sizeof u); return u; }
CT_INLINE double of_bits_f64(uint64_t u) { double x; memcpy(&x, &u, sizeof x); return x; }

CT_INLINE float abs_f32(float x) { return __builtin_fabsf(x); }
CT_INLINE double abs_f64(double x) { return __builtin_fabs(x); }
CT_INLINE float copysign_f32(float x, float y) { return __builtin_copysignf(x, y); }
CT_INLINE double copysign_f64(double x, double y) { return __builtin_copysign(x, y); }

/* ----- a * b + c, rounded once where the target can ----- */

#if defined(__FMA__) || defined(__ARM_FEATURE_FMA)
#define CT_HAS_FMA 1
CT_INLINE float fma_f32(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
CT_INLINE double fma_f64(double a, double b, double c) { return __builtin_fma(a, b, c); }
#else
#define CT_HAS_FMA 0
CT_INLINE float fma_f32(float a, float b, float c) { return a * b + c; }
CT_INLINE double fma_f64(double a, double b, double c) { return a * b + c; }
#endif
#define CT_FMA(a, b, c) _Generic((a), float: fma_f32, double: fma_f64)(a, b, c)

/* a * b - p without error, where p is a * b rounded (Dekker's product where there is no fma). */
CT_INLINE float product_error_f32(float a, float b, float p)
{
#if CT_HAS_FMA
    return __builtin_fmaf(a, b, -p);
#else
    const double exact = (double)a * (double)b;
    return (float)(exact - (double)p);
#endif
}

CT_INLINE double product_error_f64(double a, double b, double p)
{
#if CT_HAS_FMA
    return __builtin_fma(a, b, -p);
#else
    const double a1 = of_bits_f64(bits_f64(a) & 0xfffffffff8000000u), a2 = a - a1;
    const double b1 = of_bits_f64(bits_f64(b) & 0xfffffffff8000000u), b2 = b - b1;
    return ((a1 * b1 - p) + a1 * b2 + a2 * b1) + a2 * b2;
#endif
}

/* ----- polynomials: c0 + x (c1 + x (c2 + ...)) ----- */

#define CT_H1(f, x, c) (c)
#define CT_H2(f, x, c, ...) f(x, CT_H1(f, x, __VA_ARGS__), c)
#define CT_H3(f, x, c, ...) f(x, CT_H2(f, x, __VA_ARGS__), c)
#define CT_H4(f, x, c, ...) f(x, CT_H3(f, x, __VA_ARGS__), c)
#define CT_H5(f, x, c, ...) f(x, CT_H4(f, x, __VA_ARGS__), c)
#define CT_H6(f, x, c, ...) f(x, CT_H5(f, x, __VA_ARGS__), c)
#define CT_H7(f, x, c, ...) f(x, CT_H6(f, x, __VA_ARGS__), c)
#define CT_H8(f, x, c, ...) f(x, CT_H7(f, x, __VA_ARGS__), c)
#define CT_H9(f, x, c, ...) f(x, CT_H8(f, x, __VA_ARGS__), c)
#define CT_H10(f, x, c, ...) f(x, CT_H9(f, x, __VA_ARGS__), c)
#define CT_H11(f, x, c, ...) f(x, CT_H10(f, x, __VA_ARGS__), c)
#define CT_H12(f, x, c, ...) f(x, CT_H11(f, x, __VA_ARGS__), c)
#define CT_H13(f, x, c, ...) f(x, CT_H12(f, x, __VA_ARGS__), c)
#define CT_H14(f, x, c, ...) f(x, CT_H13(f, x, __VA_ARGS__), c)
#define CT_H15(f, x, c, ...) f(x, CT_H14(f, x, __VA_ARGS__), c)
#define CT_H16(f, x, c, ...) f(x, CT_H15(f, x, __VA_ARGS__), c)
#define CT_H17(f, x, c, ...) f(x, CT_H16(f, x, __VA_ARGS__), c)
#define CT_H18(f, x, c, ...) f(x, CT_H17(f, x, __VA_ARGS__), c)
#define CT_H19(f, x, c, ...) f(x, CT_H18(f, x, __VA_ARGS__), c)
#define CT_H20(f, x, c, ...) f(x, CT_H19(f, x, __VA_ARGS__), c)
#define CT_H21(f, x, c, ...) f(x, CT_H20(f, x, __VA_ARGS__), c)
#define CT_H22(f, x, c, ...) f(x, CT_H21(f, x, __VA_ARGS__), c)
#define CT_H23(f, x, c, ...) f(x, CT_H22(f, x, __VA_ARGS__), c)
#define CT_H24(f, x, c, ...) f(x, CT_H23(f, x, __VA_ARGS__), c)
#define CT_H25(f, x, c, ...) f(x, CT_H24(f, x, __VA_ARGS__), c)
#define CT_HORNER_F32(x, n, ...) CT_H##n(fma_f32, x, __VA_ARGS__)
#define CT_HORNER_F64(x, n, ...) CT_H##n(fma_f64, x, __VA_ARGS__)

#define CT_POWER_2(x) ((x) * (x))
#define CT_POWER_4(x) (CT_POWER_2(x) * CT_POWER_2(x))
#define CT_POWER_8(x) (CT_POWER_4(x) * CT_POWER_4(x))

#include "ctmath_poly.h"

/* Magic numbers. Adding 1.5 * 2^23 (2^52) to a number rounds it to the nearest integer and
 * leaves that in the low bits of the sum; it vectorises where conversions to integers do not. */
#define CT_ROUND_F32 0x1.8p23f
#define CT_ROUND_F64 0x1.8p52

#define CT_LOG2E 0x1.71547652b82fep+0
#define CT_LN2_HI_F32 0x1.62ep-1f            /* 12 bits: its multiples by exponents are exact */
#define CT_LN2_LO_F32 0x1.0bfbe8p-15f
#define CT_LN2_HI_F64 0x1.62e42fefa38p-1     /* 42 bits */
#define CT_LN2_LO_F64 0x1.ef35793c7673p-45

#endif
