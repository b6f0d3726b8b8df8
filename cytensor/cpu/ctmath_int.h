/* ctmath_int.h: integer arithmetic, shifts, casts from floats, and half precision. */
#ifndef CT_MATH_INT_H
#define CT_MATH_INT_H

#include "ctmath_f32.h"
#include "ctmath_f64.h"

/* ----- division and powers ----- */

/* The quotient rounded towards 0. Short integers divide in a float type W that holds quotients
 * exactly, which vectorises; 0 as divisor becomes 1, since the callers replace the result. */
#define CT_QUOTIENT(T, kind, W)                                                                 \
    CT_INLINE T quotient_##kind(T x, T y) { return (T)(int64_t)((W)x / (W)(y == 0 ? 1 : y)); }
#define CT_QUOTIENT_SHORT(T, kind, W)                                                           \
    CT_INLINE T quotient_##kind(T x, T y) { return (T)(int32_t)((W)x / (W)(y == 0 ? 1 : y)); }
CT_QUOTIENT_SHORT(int8_t, i8, float)
CT_QUOTIENT_SHORT(uint8_t, u8, float)
CT_QUOTIENT_SHORT(int16_t, i16, float)
CT_QUOTIENT_SHORT(uint16_t, u16, float)
CT_QUOTIENT(int32_t, i32, double)
CT_QUOTIENT(uint32_t, u32, double)

CT_INLINE uint64_t quotient_u64(uint64_t x, uint64_t y) { return x / (y == 0 ? 1 : y); }

/* INT64_MIN / -1 would trap, so -1 is left to a negation that wraps. */
CT_INLINE int64_t quotient_i64(int64_t x, int64_t y)
{
    const int64_t safe = y == 0 || y == -1 ? 1 : y;
    return y == -1 ? (int64_t)(0 - (uint64_t)x) : x / safe;
}

/* Python's: the quotient rounded down, the remainder with the sign of y, both 0 if y is 0. U is
 * the unsigned type in which products wrap (at least 32 bits: shorter ones would become ints). */
#define CT_DIVISION(T, kind, U)                                                                 \
    CT_INLINE T fmod_##kind(T x, T y)                                                           \
    {                                                                                           \
        const T r = (T)((U)x - (U)quotient_##kind(x, y) * (U)y);                                \
        return y == 0 ? 0 : r;                                                                  \
    }                                                                                           \
    CT_INLINE T floor_mod_##kind(T x, T y)                                                      \
    {                                                                                           \
        const T r = fmod_##kind(x, y);                                                          \
        return r != 0 && (r < 0) != (y < 0) ? (T)(r + y) : r;                                   \
    }                                                                                           \
    CT_INLINE T floor_div_##kind(T x, T y)                                                      \
    {                                                                                           \
        const T q = quotient_##kind(x, y), r = fmod_##kind(x, y);                               \
        const T down = (T)(q - (r != 0 && (r < 0) != (y < 0) ? 1 : 0));                         \
        return y == 0 ? 0 : down;                                                               \
    }

/* By repeated squaring, modulo 2^bits. A negative exponent leaves 1 / x rounded towards 0. */
#define CT_POWER(T, kind, U)                                                                    \
    CT_INLINE T pow_##kind(T x, T y)                                                            \
    {                                                                                           \
        U base = (U)x, power = 1;                                                               \
        for (U rest = y < 0 ? 0 : (U)y; rest; rest >>= 1) {                                     \
            power *= rest & 1 ? base : 1;                                                       \
            base *= base;                                                                       \
        }                                                                                       \
        const T unit = (T)(y & 1 ? x : 1);                                                      \
        const int is_unit = x == 1 || x == (T)-1;                                               \
        return y < 0 ? (is_unit ? unit : 0) : (T)power;                                         \
    }

/* NumPy's: shifting by the width or more (or by a negative number) leaves 0, or -1. */
#define CT_SHIFTS(T, kind, U)                                                                   \
    CT_INLINE T shl_##kind(T x, T y)                                                            \
    {                                                                                           \
        const U width = 8 * sizeof(T), by = (U)y;                                               \
        return by < width ? (T)((U)x << (by & (width - 1))) : 0;                                \
    }                                                                                           \
    CT_INLINE T shr_##kind(T x, T y)                                                            \
    {                                                                                           \
        const U width = 8 * sizeof(T), by = (U)y;                                               \
        return by < width ? (T)(x >> (by & (width - 1))) : (T)(x < 0 ? -1 : 0);                 \
    }

#define CT_CHOICES(T, kind)                                                                     \
    CT_INLINE T max_##kind(T x, T y) { return x > y ? x : y; }                                  \
    CT_INLINE T min_##kind(T x, T y) { return x < y ? x : y; }

#define CT_SIGNED(T, kind, U)                                                                   \
    CT_INLINE T abs_##kind(T x) { return x < 0 ? (T)(0 - (U)x) : x; }                           \
    CT_INLINE T sgn_##kind(T x) { return (T)((x > 0) - (x < 0)); }
#define CT_UNSIGNED(T, kind)                                                                    \
    CT_INLINE T abs_##kind(T x) { return x; }                                                   \
    CT_INLINE T sgn_##kind(T x) { return x > 0; }

#define CT_INTEGERS(T, kind, U)                                                                 \
    CT_DIVISION(T, kind, U) CT_POWER(T, kind, U) CT_SHIFTS(T, kind, U) CT_CHOICES(T, kind)
CT_INTEGERS(int8_t, i8, uint32_t)
CT_INTEGERS(int16_t, i16, uint32_t)
CT_INTEGERS(int32_t, i32, uint32_t)
CT_INTEGERS(int64_t, i64, uint64_t)
CT_INTEGERS(uint8_t, u8, uint32_t)
CT_INTEGERS(uint16_t, u16, uint32_t)
CT_INTEGERS(uint32_t, u32, uint32_t)
CT_INTEGERS(uint64_t, u64, uint64_t)
CT_SIGNED(int8_t, i8, uint32_t)
CT_SIGNED(int16_t, i16, uint32_t)
CT_SIGNED(int32_t, i32, uint32_t)
CT_SIGNED(int64_t, i64, uint64_t)
CT_UNSIGNED(uint8_t, u8)
CT_UNSIGNED(uint16_t, u16)
CT_UNSIGNED(uint32_t, u32)
CT_UNSIGNED(uint64_t, u64)

/* ----- casts from floats to integers, as NumPy's on x86: what does not fit is defined ----- */

#define CT_CASTS(T, kind, two_31, two_63)                                                       \
    CT_INLINE int32_t to_i32_##kind(T x)                                                        \
    {                                                                                           \
        return x >= -two_31 && x < two_31 ? (int32_t)x : INT32_MIN;                             \
    }                                                                                           \
    CT_INLINE int64_t to_i64_##kind(T x)                                                        \
    {                                                                                           \
        return x >= -two_63 && x < two_63 ? (int64_t)x : INT64_MIN;                             \
    }                                                                                           \
    CT_INLINE int8_t to_i8_##kind(T x) { return (int8_t)to_i32_##kind(x); }                     \
    CT_INLINE int16_t to_i16_##kind(T x) { return (int16_t)to_i32_##kind(x); }                  \
    CT_INLINE uint8_t to_u8_##kind(T x) { return (uint8_t)to_i32_##kind(x); }                   \
    CT_INLINE uint16_t to_u16_##kind(T x) { return (uint16_t)to_i32_##kind(x); }                \
    CT_INLINE uint32_t to_u32_##kind(T x)                                                       \
    {                                                                                           \
        const uint32_t beyond = (uint32_t)to_i32_##kind(x - two_31) ^ (uint32_t)INT32_MIN;      \
        return x >= two_31 ? beyond : (uint32_t)to_i32_##kind(x);                               \
    }                                                                                           \
    CT_INLINE uint64_t to_u64_##kind(T x)                                                       \
    {                                                                                           \
        const uint64_t beyond = (uint64_t)to_i64_##kind(x - two_63) ^ (uint64_t)INT64_MIN;      \
        return x >= two_63 ? beyond : (uint64_t)to_i64_##kind(x);                               \
    }
CT_CASTS(float, f32, 0x1p31f, 0x1p63f)
CT_CASTS(double, f64, 0x1p31, 0x1p63)

/* ----- half precision (IEEE binary16), by its bits ----- */

/* Denormals become right when the float unit multiplies them up. */
CT_INLINE float half_to_float(uint16_t h)
{
    const uint32_t sign = (uint32_t)(h & 0x8000) << 16, body = (uint32_t)(h & 0x7fff) << 13;
    const float normal = of_bits_f32(body + 0x38000000);
    const float denormal = of_bits_f32(body + 0x38800000) - 0x1p-14f;
    const uint32_t special = body | 0x7f800000;
    const uint32_t finite = bits_f32(body < 0x00800000 ? denormal : normal);
    return of_bits_f32((body >= 0x0f800000 ? special : finite) | sign);
}

/* Round to nearest, halves to even: in the bits, or for denormals by adding 1/2, whose last
 * place is the smallest half. */
CT_INLINE uint16_t float_to_half(float x)
{
    const uint32_t bits = bits_f32(x), sign = bits >> 16 & 0x8000, body = bits & 0x7fffffff;
    const uint32_t normal = (body - 0x38000000 + 0xfff + (body >> 13 & 1)) >> 13;
    const uint32_t denormal = bits_f32(of_bits_f32(body) + 0.5f) - 0x3f000000;
    const uint32_t finite = body < 0x38800000 ? denormal : normal;
    const uint32_t payload = body >> 13 & 0x3ff;
    const uint32_t nan = 0x7c00 | payload | (payload == 0 ? 1 : 0);
    const uint32_t large = body > 0x7f800000 ? nan : 0x7c00;
    return (uint16_t)((body >= 0x477ff000 ? large : finite) | sign);
}

/* Rounded once: to float towards odd first, so that the second rounding sees what was lost. */
CT_INLINE uint16_t double_to_half(double x)
{
    const uint64_t bits = bits_f64(x), lost = bits & 0x1fffffff;
    const double odd = of_bits_f64((bits & ~(uint64_t)0x1fffffff) | (lost ? 0x20000000 : 0));
    return float_to_half((float)odd);
}

#endif
