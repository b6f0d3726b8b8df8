/* ctmath.h: every math function of the CPU kernels, with one source for all instruction sets.
 *
 * Design:
 * a. Functions are branch-free scalar C. A loop `out[i] = ct_exp(x[i])` vectorises when compiled
 *    with -O3 -fno-math-errno -fno-trapping-math -ffp-contract=off, and gives the same bits in
 *    vector bodies, remainders and single calls. All targets with fma agree on the bits, too.
 * b. exp_f32, exp_f64, ... are the functions; ct_exp(x) picks one by the type of x. float16 is
 *    computed in float between half_to_float and float_to_half.
 * c. Polynomials come from tools/minimax.py (ctmath_poly.h); errors are measured by tools/ulp.py
 *    and listed in docs/accuracy.md.
 * d. A few functions have a rare range that would make the loop slow:
 *
 *        sin cos tan (x)                    |x| > 2^30 (float: 2^17)
 *        fmod floor_mod floor_div (x, y)    |x / y| >= 2^50 (float: 2^22), y = 0
 *
 *    For these, CT_NEEDS_FIXUP_sin is defined; ct_is_big_sin(x) tells the rare range,
 *    ct_sin_big(x) computes it, ct_sin(x) everything else and ct_sin_any(x) all. A loop over
 *    arrays is written CT_MAP_FIXUP(sin, n, out[i], x[i]), with `i` the index: it looks for rare
 *    elements first, so out may be x. Integers need none of this (ct_fmod of integers is plain).
 *
 *   float and double    exp exp2 expm1 log log2 log10 log1p log1mexp softplus sigmoid cbrt sqrt
 *                       sin cos tan asin acos atan sinh cosh tanh asinh acosh atanh erf erfc
 *                       floor ceil trunc rint (halves to even) round (halves away from 0)
 *                       atan2(y, x) hypot pow logaddexp fmax fmin (these two ignore NaN)
 *   integers, too       abs sgn max min (NaN wins) pow fmod floor_mod floor_div
 *   integers only       shl shr
 *   complex             exp exp2 expm1 log log2 log10 log1p sqrt pow sigmoid sin cos tan asin
 *                       acos atan sinh cosh tanh asinh acosh atanh abs angle sgn
 *   casts               ct_to_i8(x) .. ct_to_u64(x) from float or double; half_to_float,
 *                       float_to_half, double_to_half on the bits of halves as uint16_t
 */
#ifndef CT_MATH_H
#define CT_MATH_H

#include "ctmath_base.h"
#include "ctmath_f32.h"
#include "ctmath_f64.h"
#include "ctmath_big.h"
#include "ctmath_int.h"
#include "ctmath_complex.h"

/* ----- a function by the type of its first argument ----- */

#define CT_REAL(x, name) _Generic((x), float: name##_f32, double: name##_f64)
#define CT_INTEGER(x, name)                                                                     \
    _Generic((x), int8_t: name##_i8, int16_t: name##_i16, int32_t: name##_i32,                  \
             int64_t: name##_i64, uint8_t: name##_u8, uint16_t: name##_u16,                     \
             uint32_t: name##_u32, uint64_t: name##_u64)
#define CT_NUMBER(x, name)                                                                      \
    _Generic((x), float: name##_f32, double: name##_f64, int8_t: name##_i8,                     \
             int16_t: name##_i16, int32_t: name##_i32, int64_t: name##_i64, uint8_t: name##_u8, \
             uint16_t: name##_u16, uint32_t: name##_u32, uint64_t: name##_u64)
/* A complex function from libm, or ours */
#define CT_LIBM(x, name)                                                                        \
    _Generic((x), float: name##_f32, double: name##_f64, float _Complex: c##name##f,            \
             double _Complex: c##name)
#define CT_OURS(x, name)                                                                        \
    _Generic((x), float: name##_f32, double: name##_f64, float _Complex: name##_c64,            \
             double _Complex: name##_c128)

#define ct_exp(x) CT_LIBM(x, exp)(x)
#define ct_log(x) CT_LIBM(x, log)(x)
#define ct_sqrt(x) CT_LIBM(x, sqrt)(x)
#define ct_sin(x) CT_LIBM(x, sin)(x)
#define ct_cos(x) CT_LIBM(x, cos)(x)
#define ct_tan(x) CT_LIBM(x, tan)(x)
#define ct_asin(x) CT_LIBM(x, asin)(x)
#define ct_acos(x) CT_LIBM(x, acos)(x)
#define ct_atan(x) CT_LIBM(x, atan)(x)
#define ct_sinh(x) CT_LIBM(x, sinh)(x)
#define ct_cosh(x) CT_LIBM(x, cosh)(x)
#define ct_tanh(x) CT_LIBM(x, tanh)(x)
#define ct_asinh(x) CT_LIBM(x, asinh)(x)
#define ct_acosh(x) CT_LIBM(x, acosh)(x)
#define ct_atanh(x) CT_LIBM(x, atanh)(x)

#define ct_exp2(x) CT_OURS(x, exp2)(x)
#define ct_expm1(x) CT_OURS(x, expm1)(x)
#define ct_log2(x) CT_OURS(x, log2)(x)
#define ct_log10(x) CT_OURS(x, log10)(x)
#define ct_log1p(x) CT_OURS(x, log1p)(x)
#define ct_sigmoid(x) CT_OURS(x, sigmoid)(x)

#define ct_log1mexp(x) CT_REAL(x, log1mexp)(x)
#define ct_softplus(x) CT_REAL(x, softplus)(x)
#define ct_cbrt(x) CT_REAL(x, cbrt)(x)
#define ct_erf(x) CT_REAL(x, erf)(x)
#define ct_erfc(x) CT_REAL(x, erfc)(x)
#define ct_floor(x) CT_REAL(x, floor)(x)
#define ct_ceil(x) CT_REAL(x, ceil)(x)
#define ct_trunc(x) CT_REAL(x, trunc)(x)
#define ct_rint(x) CT_REAL(x, rint)(x)
#define ct_round(x) CT_REAL(x, round)(x)
#define ct_atan2(y, x) CT_REAL(y, atan2)(y, x)
#define ct_hypot(x, y) CT_REAL(x, hypot)(x, y)
#define ct_logaddexp(x, y) CT_REAL(x, logaddexp)(x, y)
#define ct_fmax(x, y) CT_REAL(x, fmax)(x, y)
#define ct_fmin(x, y) CT_REAL(x, fmin)(x, y)
#define ct_copysign(x, y) CT_REAL(x, copysign)(x, y)

#define ct_max(x, y) CT_NUMBER(x, max)(x, y)
#define ct_min(x, y) CT_NUMBER(x, min)(x, y)
#define ct_fmod(x, y) CT_NUMBER(x, fmod)(x, y)
#define ct_floor_mod(x, y) CT_NUMBER(x, floor_mod)(x, y)
#define ct_floor_div(x, y) CT_NUMBER(x, floor_div)(x, y)
#define ct_shl(x, y) CT_INTEGER(x, shl)(x, y)
#define ct_shr(x, y) CT_INTEGER(x, shr)(x, y)

#define CT_ALL(x, name, complex_f, complex_d)                                                   \
    _Generic((x), float: name##_f32, double: name##_f64, int8_t: name##_i8,                     \
             int16_t: name##_i16, int32_t: name##_i32, int64_t: name##_i64, uint8_t: name##_u8, \
             uint16_t: name##_u16, uint32_t: name##_u32, uint64_t: name##_u64,                  \
             float _Complex: complex_f, double _Complex: complex_d)
#define ct_abs(x) CT_ALL(x, abs, abs_c64, abs_c128)(x)
#define ct_sgn(x) CT_ALL(x, sgn, sgn_c64, sgn_c128)(x)
#define ct_pow(x, y) CT_ALL(x, pow, cpowf, cpow)(x, y)
#define ct_angle(x) _Generic((x), float _Complex: angle_c64, double _Complex: angle_c128)(x)

#define ct_to_i8(x) CT_REAL(x, to_i8)(x)
#define ct_to_i16(x) CT_REAL(x, to_i16)(x)
#define ct_to_i32(x) CT_REAL(x, to_i32)(x)
#define ct_to_i64(x) CT_REAL(x, to_i64)(x)
#define ct_to_u8(x) CT_REAL(x, to_u8)(x)
#define ct_to_u16(x) CT_REAL(x, to_u16)(x)
#define ct_to_u32(x) CT_REAL(x, to_u32)(x)
#define ct_to_u64(x) CT_REAL(x, to_u64)(x)

/* ----- rare ranges ----- */

#define CT_NEEDS_FIXUP_sin 1
#define CT_NEEDS_FIXUP_cos 1
#define CT_NEEDS_FIXUP_tan 1
#define CT_NEEDS_FIXUP_fmod 1
#define CT_NEEDS_FIXUP_floor_mod 1
#define CT_NEEDS_FIXUP_floor_div 1

#define ct_is_big_sin(x) CT_REAL(x, is_big_sin)(x)
#define ct_is_big_cos(x) CT_REAL(x, is_big_cos)(x)
#define ct_is_big_tan(x) CT_REAL(x, is_big_tan)(x)
#define ct_is_big_fmod(x, y) CT_REAL(x, is_big_fmod)(x, y)
#define ct_is_big_floor_mod(x, y) CT_REAL(x, is_big_floor_mod)(x, y)
#define ct_is_big_floor_div(x, y) CT_REAL(x, is_big_floor_div)(x, y)

#define ct_sin_big(x) CT_REAL(x, sin_big)(x)
#define ct_cos_big(x) CT_REAL(x, cos_big)(x)
#define ct_tan_big(x) CT_REAL(x, tan_big)(x)
#define ct_fmod_big(x, y) CT_REAL(x, fmod_big)(x, y)
#define ct_floor_mod_big(x, y) CT_REAL(x, floor_mod_big)(x, y)
#define ct_floor_div_big(x, y) CT_REAL(x, floor_div_big)(x, y)

#define ct_sin_any(x) (ct_is_big_sin(x) ? ct_sin_big(x) : ct_sin(x))
#define ct_cos_any(x) (ct_is_big_cos(x) ? ct_cos_big(x) : ct_cos(x))
#define ct_tan_any(x) (ct_is_big_tan(x) ? ct_tan_big(x) : ct_tan(x))
#define ct_fmod_any(x, y) (ct_is_big_fmod(x, y) ? ct_fmod_big(x, y) : ct_fmod(x, y))
#define ct_floor_mod_any(x, y)                                                                  \
    (ct_is_big_floor_mod(x, y) ? ct_floor_mod_big(x, y) : ct_floor_mod(x, y))
#define ct_floor_div_any(x, y)                                                                  \
    (ct_is_big_floor_div(x, y) ? ct_floor_div_big(x, y) : ct_floor_div(x, y))

/* out = ct_name(args) for i < n, where `out` and the arguments are written with the index `i`. */
#define CT_MAP_FIXUP(name, n, out, ...)                                                         \
    do {                                                                                        \
        int big = 0;                                                                            \
        for (int64_t i = 0; i < (n); i++)                                                       \
            big |= ct_is_big_##name(__VA_ARGS__);                                               \
        if (big)                                                                                \
            for (int64_t i = 0; i < (n); i++)                                                   \
                (out) = ct_##name##_any(__VA_ARGS__);                                           \
        else                                                                                    \
            for (int64_t i = 0; i < (n); i++)                                                   \
                (out) = ct_##name(__VA_ARGS__);                                                 \
    } while (0)

#endif
