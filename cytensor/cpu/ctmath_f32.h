/* ctmath_f32.h: the functions of ctmath.h on floats. */
#ifndef CT_MATH_F32_H
#define CT_MATH_F32_H

#include "ctmath_base.h"

/* ----- exponentials ----- */

/* p 2^n, given n + 254 in the low bits. The power is applied in two steps, so that results which
 * overflow or are denormal come out right: its biased exponent is split between two factors. */
CT_INLINE float scale_f32(float p, uint32_t bits)
{
    const uint32_t half = bits >> 1;
    return p * of_bits_f32(half << 23) * of_bits_f32((bits - half) << 23);
}

/* Bounds on the bits of round + n: an integer minimum is one instruction, and keeps NaN here. */
CT_INLINE float at_most_f32(float high, float x)
{
    const int32_t limit = (int32_t)bits_f32(high), bits = (int32_t)bits_f32(x);
    return of_bits_f32((uint32_t)(bits < limit ? bits : limit));
}

/* 0 below `low`, else y. A mask, since gcc threads branches through a conditional constant. */
CT_INLINE float vanish_f32(float x, float low, float y)
{
    return of_bits_f32(bits_f32(y) & -(uint32_t)!(x < low));
}

/* e^x 2^k, for x >= -104. Beyond 104 the steps n stop, and r grows until the polynomial
 * overflows. */
CT_INLINE float exp_times_f32(float x, uint32_t k)
{
    const float round = CT_ROUND_F32 + 254;
    const float t = at_most_f32(round + 150, fma_f32(x, (float)CT_LOG2E, round)), n = t - round;
    const float r = fma_f32(-n, CT_LN2_LO_F32, fma_f32(-n, CT_LN2_HI_F32, x));
    const float p = fma_f32(r, fma_f32(r, CT_POLY_EXP_F32(r), 1), 1);
    return scale_f32(p, bits_f32(t) + k);
}

CT_INLINE float exp_f32(float x) { return vanish_f32(x, -104, exp_times_f32(x, 0)); }

/* e^x for x >= -87, where one factor is enough, with an error of |x| 2^-29 from a rounded log(2):
 * for functions near 1, which damp it. */
CT_INLINE float exp_near_f32(float x)
{
    const float round = CT_ROUND_F32 + 127;
    const float t = at_most_f32(round + 127, fma_f32(x, (float)CT_LOG2E, round)), n = t - round;
    const float r = fma_f32(-n, 0x1.62e43p-1f, x);
    const float p = fma_f32(r, fma_f32(r, CT_POLY_EXP_F32(r), 1), 1);
    return p * of_bits_f32(bits_f32(t) << 23);
}

CT_INLINE float exp2_f32(float x)
{
    const float round = CT_ROUND_F32 + 254;
    const float t = at_most_f32(round + 150, x + round), r = x - (t - round);
    return vanish_f32(x, -151, scale_f32(fma_f32(r, CT_POLY_EXP2_F32(r), 1), bits_f32(t)));
}

/* 2^n (e^r - 1) + (2^n - 1), in halves so that 2^n does not overflow before the result does. */
CT_INLINE float expm1_f32(float x)
{
    const float round = CT_ROUND_F32 + 126;
    const float t = fma_f32(x, (float)CT_LOG2E, round), n = t - round;
    const float head = fma_f32(-n, CT_LN2_HI_F32, x), r = fma_f32(-n, CT_LN2_LO_F32, head);
    const float tail = fma_f32(-n, CT_LN2_LO_F32, head - r);
    const float q = fma_f32(r * r, CT_POLY_EXP_F32(r), tail);
    const float scale = of_bits_f32(bits_f32(t) << 23), one = scale - 0.5f;
    const float sum = fma_f32(scale, r, one), rest = fma_f32(scale, r, one - sum);
    const float y = 2 * (sum + fma_f32(scale, q, rest));
    const float near = abs_f32(x) < 0x1p-24f ? x : y, above = x < -18 ? -1 : near;
    return t > round + 128 ? CT_INF_F32 : above;
}

/* ----- logarithms ----- */

/* log(x) = e log(2) + f + y, with 1 + f the mantissa of x between sqrt(1/2) and sqrt(2). */
typedef struct { float e, f, y; } log_parts_f32;

CT_INLINE log_parts_f32 split_log_f32(float x)
{
    const float normal = x < 0x1p-126f ? x * 0x1p23f : x;
    const float shift = x < 0x1p-126f ? 23 : 0;
    const uint32_t root_half = 0x3f3504f3, bits = bits_f32(normal) - root_half;
    const float f = of_bits_f32((bits & 0x7fffff) + root_half) - 1;
    const log_parts_f32 parts = {(float)((int32_t)bits >> 23) - shift, f,
                                 f * f * CT_POLY_LOG_F32(f)};
    return parts;
}

/* `y`, but what a logarithm is at 0, infinity, NaN and below 0. */
CT_INLINE float log_special_f32(float x, float y)
{
    const float at_most_0 = x == 0 ? -CT_INF_F32 : CT_NAN_F32;
    const float finite = x > 0 ? y : at_most_0;
    return x < CT_INF_F32 ? finite : x;
}

CT_INLINE float log_f32(float x)
{
    const log_parts_f32 p = split_log_f32(x);
    const float y = fma_f32(p.e, CT_LN2_HI_F32, p.f + fma_f32(p.e, CT_LN2_LO_F32, p.y));
    return log_special_f32(x, y);
}

CT_INLINE float log2_f32(float x)
{
    const float hi = 0x1.715476p+0f, lo = 0x1.4ae0cp-26f;     /* log2(e) */
    const log_parts_f32 p = split_log_f32(x);
    return log_special_f32(x, p.e + fma_f32(p.f, hi, fma_f32(p.f, lo, p.y * hi)));
}

CT_INLINE float log10_f32(float x)
{
    const float hi = 0x1.bcb7b2p-2f, lo = -0x1.5b235ep-27f;           /* log10(e) */
    const float two_hi = 0x1.344p-2f, two_lo = 0x1.3509f8p-18f;       /* log10(2) */
    const log_parts_f32 p = split_log_f32(x);
    const float small = fma_f32(p.f, lo, fma_f32(p.y, hi, p.e * two_lo));
    return log_special_f32(x, fma_f32(p.e, two_hi, fma_f32(p.f, hi, small)));
}

/* log(u + c) for c within a rounding error of u, or u = 1 */
CT_INLINE float log_sum_f32(float u, float c)
{
    const log_parts_f32 p = split_log_f32(u);
    const float rest = p.y + fma_f32(p.e, CT_LN2_LO_F32, c / u);
    return log_special_f32(u, fma_f32(p.e, CT_LN2_HI_F32, p.f + rest));
}

CT_INLINE float log1p_f32(float x)
{
    const float u = 1 + x;
    const float c = x < 1 ? x - (u - 1) : 1 - (u - x);
    return x == 0 ? x : log_sum_f32(u, c);
}

/* log(1 - e^x): where e^x < 1/2 it is log1p(-e^x), elsewhere 1 - e^x = -expm1(x). */
CT_INLINE float log1mexp_f32(float x)
{
    const float e = exp_f32(x), u = 1 - e;
    const int far = x < -0.6931472f;
    const float y = log_sum_f32(far ? u : -expm1_f32(x), far ? (1 - u) - e : 0);
    return u == 1 ? -e : y;
}

/* log(1 + e^-d) for d >= 0 */
CT_INLINE float log1p_exp_f32(float d)
{
    const float t = exp_f32(-d), s = t / (2 + t), z = s * s;
    return fma_f32(-s, fma_f32(-z, CT_POLY_LOG_HALF_F32(z), t), t);
}

CT_INLINE float softplus_f32(float x)
{
    return (x > 0 ? x : 0) + log1p_exp_f32(abs_f32(x));
}

CT_INLINE float logaddexp_f32(float x, float y)
{
    const float d = x == y ? 0 : abs_f32(x - y);        /* infinities are equal, too */
    return (x > y ? x : y) + log1p_exp_f32(d);
}

/* 1 / (1 + e^-x), from the exponential that falls, so that the tail is exact */
CT_INLINE float sigmoid_f32(float x)
{
    const float e = exp_f32(-abs_f32(x));
    return (x < 0 ? e : 1) / (1 + e);
}

/* ----- hyperbolic functions ----- */

CT_INLINE float tanh_f32(float x)
{
    const float a = abs_f32(x), z = a * a;
    const float small = fma_f32(a * z, CT_POLY_TANH_F32(z), a);
    const float large = 1 - 2 / (exp_near_f32(a + a) + 1);
    return copysign_f32(a < 0.625f ? small : large, x);
}

CT_INLINE float sinh_f32(float x)
{
    const float a = abs_f32(x), z = a * a;
    const float small = fma_f32(a * z, CT_POLY_SINH_F32(z), a);
    const float half = exp_times_f32(a, -1);      /* e^a / 2 */
    return copysign_f32(a < 1.5f ? small : half - 0.25f / half, x);
}

CT_INLINE float cosh_f32(float x)
{
    const float half = exp_times_f32(abs_f32(x), -1);
    return half + 0.25f / half;
}

/* 2^x for |x| <= 1000, to 2^-34 of itself */
CT_INLINE double exp2_wide(double x)
{
    const double round = CT_ROUND_F64 + 1023;
    const double t = x + round, r = x - (t - round);
    return fma_f64(r, CT_POLY_EXP2_WIDE_F64(r), 1) * of_bits_f64(bits_f64(t) << 52);
}

/* The inverse ones in double: there log's argument loses nothing that a float can see. */

/* log(x) for normal doubles, to 2^-38 of itself near 1 */
CT_INLINE double log_wide(double x)
{
    const uint64_t root_half = 0x3fe6a09e667f3bcdu, bits = bits_f64(x) - root_half;
    const double m = of_bits_f64((bits & 0xfffffffffffffu) + root_half);
    const double e = of_bits_f64((bits + 0x4000000000000000u) >> 52 | 0x4330000000000000u)
                     - (0x1p52 + 1024);
    const double s = (m - 1) / (m + 1), z = s * s;
    return fma_f64(e, 0x1.62e42fefa39efp-1, 2 * fma_f64(s * z, CT_POLY_LOG_WIDE_F64(z), s));
}

CT_INLINE float asinh_f32(float x)
{
    const float a = abs_f32(x);
    const double d = a, large = log_wide(d + __builtin_sqrt(fma_f64(d, d, 1)));
    const float small = fma_f32(a * a * a, -0x1.555556p-3f, a);
    const float y = a < 0x1p-10f ? small : (float)large;
    return a < CT_INF_F32 ? copysign_f32(y, x) : x;
}

CT_INLINE float acosh_f32(float x)
{
    const double d = x;
    const float y = (float)log_wide(d + __builtin_sqrt((d - 1) * (d + 1)));
    const float inside = x >= 1 ? y : CT_NAN_F32;
    return x < CT_INF_F32 ? inside : x;
}

CT_INLINE float atanh_f32(float x)
{
    const float a = abs_f32(x);
    const double d = a;
    const float large = (float)(0.5 * log_wide((1 + d) / (1 - d)));
    const float small = fma_f32(a * a * a, 0x1.555556p-2f, a);
    const float y = a < 0x1p-10f ? small : large, edge = a == 1 ? CT_INF_F32 : CT_NAN_F32;
    return copysign_f32(a < 1 ? y : edge, x);
}

/* ----- trigonometric functions ----- */

/* x - k pi/2 as hi + lo */
typedef struct { float hi, lo; } pair_f32;

CT_INLINE pair_f32 reduce_f32(float x, float k)
{
#if CT_HAS_FMA
    const float p1 = 0x1.921fb6p+0f, p2 = -0x1.777a5cp-25f, p3 = -0x1.ee59dap-50f;
    const float head = fma_f32(-k, p1, x);      /* exact: a small multiple of p1's last place */
    const float middle = k * p2, hi = head - middle;
    const float lost = ((head - hi) - middle) - product_error_f32(k, p2, middle);
    const pair_f32 r = {hi, fma_f32(-k, p3, lost)};
#else
    const double p1 = 0x1.921fb544p+0, p2 = 0x1.0b4611a626331p-34;
    const double exact = ((double)x - k * p1) - k * p2;
    const float hi = (float)exact;
    const pair_f32 r = {hi, (float)(exact - hi)};
#endif
    return r;
}

/* The sine of r after `quarters` quarter turns, for |r| <= pi/4 */
CT_INLINE float sin_turned_f32(pair_f32 r, uint32_t quarters)
{
    const float z = r.hi * r.hi;
    const float s = r.hi + fma_f32(r.hi * z, CT_POLY_SIN_F32(z), r.lo);
    const float head = fma_f32(-0.5f, z, 1), lost = fma_f32(-0.5f, z, 1 - head);
    const float c = head + fma_f32(z * z, CT_POLY_COS_F32(z), fma_f32(-r.hi, r.lo, lost));
    return of_bits_f32(bits_f32(quarters & 1 ? c : s) ^ (quarters & 2) << 30);
}

#define CT_LIMIT_TRIG_F32 0x1p17f

CT_INLINE float quarter_turns_f32(float x)
{
    return fma_f32(x, 0x1.45f306p-1f, CT_ROUND_F32);
}

CT_INLINE float sin_f32(float x)
{
    const float t = quarter_turns_f32(x);
    const float y = sin_turned_f32(reduce_f32(x, t - CT_ROUND_F32), bits_f32(t));
    return x == 0 ? x : y;
}

CT_INLINE float cos_f32(float x)
{
    const float t = quarter_turns_f32(x);
    return sin_turned_f32(reduce_f32(x, t - CT_ROUND_F32), bits_f32(t) + 1);
}

CT_INLINE float tan_f32(float x)
{
    const float t = quarter_turns_f32(x);
    const pair_f32 r = reduce_f32(x, t - CT_ROUND_F32);
    const float z = r.hi * r.hi;
    const float y = r.hi + fma_f32(r.hi * z, CT_POLY_TAN_F32(z), r.lo);
    const float turned = bits_f32(t) & 1 ? -1 / y : y;
    return x == 0 ? x : turned;
}

/* asin(s) - s, where z = s^2 */
CT_INLINE float asin_rest_f32(float s, float z) { return s * z * CT_POLY_ASIN_F32(z); }

/* Beyond 1/2: asin(x) = pi/2 - 2 asin(sqrt((1 - x) / 2)). */
CT_INLINE float asin_f32(float x)
{
    const float a = abs_f32(x);
    const int near = a < 0.5f;
    const float z = near ? a * a : fma_f32(-0.5f, a, 0.5f), s = near ? a : __builtin_sqrtf(z);
    const float rest = asin_rest_f32(s, z), quarter = 0x1.921fb6p+0f;
    const float head = quarter - 2 * s, lost = (quarter - head) - 2 * s;
    const float far = head + (lost - fma_f32(2, rest, 0x1.777a5cp-25f));
    return copysign_f32(near ? s + rest : far, x);
}

CT_INLINE float acos_f32(float x)
{
    const float a = abs_f32(x);
    const int near = a < 0.5f;
    const float z = near ? a * a : fma_f32(-0.5f, a, 0.5f), s = near ? a : __builtin_sqrtf(z);
    const float p = s + asin_rest_f32(s, z), signed_p = copysign_f32(p, x);
    const float middle = 0x1.921fb6p+0f - (signed_p + 0x1.777a5cp-25f);
    const float left = 0x1.921fb6p+1f - fma_f32(2, p, 0x1.777a5cp-24f);
    const float far = x < 0 ? left : 2 * p;
    return near ? middle : far;
}

CT_INLINE float atan_poly_f32(float t)
{
    const float z = t * t;
    return fma_f32(t * z, CT_POLY_ATAN_F32(z), t);
}

CT_INLINE float atan_f32(float x)
{
    const float a = abs_f32(x);
    const float p = atan_poly_f32(a > 1 ? 1 / a : a);
    const float far = 0x1.921fb6p+0f - (p + 0x1.777a5cp-25f);
    return copysign_f32(a > 1 ? far : p, x);
}

CT_INLINE float atan2_f32(float y, float x)
{
    const float ax = abs_f32(x), ay = abs_f32(y);
    const float low = ax < ay ? ax : ay, high = ax < ay ? ay : ax;
    const float ratio = low / (high == 0 ? 1 : high);
    const float p = atan_poly_f32(low == high && high > 0 ? 1 : ratio);
    const float up = ay > ax ? 0x1.921fb6p+0f - (p + 0x1.777a5cp-25f) : p;
    const float turned = copysign_f32(1, x) < 0 ? 0x1.921fb6p+1f - (up + 0x1.777a5cp-24f) : up;
    return x != x || y != y ? x + y : copysign_f32(turned, y);
}

/* ----- roots and powers ----- */

/* x^(-1/3) from its bits, then two steps of (1 - e)^(-1/3) = 1 + e/3 + 2 e^2/9 + 14 e^3/81. */
CT_INLINE float cbrt_f32(float x)
{
    const float a = abs_f32(x), normal = a < 0x1p-126f ? a * 0x1p24f : a;
    const float guess = of_bits_f32(0x54a21d2a - bits_f32(normal) / 3);
    const float e = fma_f32(-normal * guess, guess * guess, 1);
    const float first = fma_f32(e, fma_f32(e, fma_f32(e, 14.0f / 81, 2.0f / 9), 1.0f / 3), 1);
    const float r = guess * first, root = normal * r * r;
    const float square = root * root, error = product_error_f32(root, root, square);
    const float residual = -product_error_f32(square, root, normal) - error * root;
    const float y = fma_f32(residual, r * r * (1.0f / 3), root);
    const float scaled = a < 0x1p-126f ? y * 0x1p-8f : y;
    return a > 0 && a < CT_INF_F32 ? copysign_f32(scaled, x) : x;
}

CT_INLINE float hypot_f32(float x, float y)
{
    const double a = x, b = y;
    const float r = (float)__builtin_sqrt(fma_f64(a, a, b * b));
    return abs_f32(x) == CT_INF_F32 || abs_f32(y) == CT_INF_F32 ? CT_INF_F32 : r;
}

/* ----- the error function ----- */

CT_INLINE float erf_f32(float x)
{
    const float a = abs_f32(x), z = a * a, c = at_most_f32(4.1f, a);
    const float small = fma_f32(a, CT_POLY_ERF_F32(z), a);
    const float large = 1 - exp_near_f32(CT_POLY_ERF_TAIL_F32(c));
    return copysign_f32(a >= 0.96f ? large : small, x)     /* NaN: small */;
}

/* In double: three roundings of its factors would show in a float. */
CT_INLINE float erfc_f32(float x)
{
    const double size = abs_f32(x), a = 10.2 < size ? 10.2 : size, q = (a - 2) / (a + 2);
    const double y = exp2_wide(-CT_LOG2E * a * a) * CT_POLY_ERFCX_WIDE_F64(q) / fma_f64(2, a, 1);
    return (float)(x < 0 ? 2 - y : y);
}

/* ----- rounding and remainders ----- */

CT_INLINE float floor_f32(float x) { return __builtin_floorf(x); }
CT_INLINE float ceil_f32(float x) { return __builtin_ceilf(x); }
CT_INLINE float trunc_f32(float x) { return __builtin_truncf(x); }
CT_INLINE float rint_f32(float x) { return __builtin_rintf(x); }
CT_INLINE float sqrt_f32(float x) { return __builtin_sqrtf(x); }

/* Halves go away from 0. */
CT_INLINE float round_f32(float x)
{
    const float a = abs_f32(x), down = __builtin_truncf(a);
    return copysign_f32(down + (a - down >= 0.5f ? 1.0f : 0.0f), x);
}

/* Remainders whose quotient does not fit into the mantissa need a long division: libm's. */
CT_INLINE int is_big_fmod_f32(float x, float y)
{
    return !(abs_f32(x) < abs_f32(y) * 0x1p22f);
}

/* x - trunc(x/y) y. The quotient may have been rounded up to an integer: then a y too much. */
CT_INLINE float fmod_f32(float x, float y)
{
    const float a = abs_f32(x), b = abs_f32(y), q = __builtin_truncf(a / b);
#if CT_HAS_FMA
    const float r = fma_f32(-q, b, a);
#else
    const float r = (float)((double)a - (double)q * b);
#endif
    const float inside = r < 0 ? r + b : r;
    return copysign_f32(a < b ? a : inside, x);
}

/* Python's remainder, which has the sign of y, from C's */
CT_INLINE float floor_mod_of_f32(float r, float y)
{
    const float moved = (r < 0) != (y < 0) ? r + y : r;
    return r == 0 ? copysign_f32(0, y) : moved;
}

CT_INLINE float floor_div_of_f32(float x, float y, float r)
{
    const float moved = (r < 0) != (y < 0) && r != 0 ? 1 : 0;
    const float q = (x - r) / y - moved, down = __builtin_floorf(q);
    const float near = down + (q - down > 0.5f ? 1.0f : 0.0f);
    const float whole = q == 0 ? copysign_f32(0, x / y) : near;
    return y == 0 ? x / y : whole;
}

CT_INLINE float floor_mod_f32(float x, float y)
{
    return floor_mod_of_f32(fmod_f32(x, y), y);
}

CT_INLINE float floor_div_f32(float x, float y)
{
    return floor_div_of_f32(x, y, fmod_f32(x, y));
}

/* ----- choices ----- */

CT_INLINE float sgn_f32(float x)
{
    const float sign = x > 0 ? 1 : x < 0 ? -1 : 0;
    return x != x ? x : sign;
}

CT_INLINE float max_f32(float x, float y) { return x >= y || x != x ? x : y; }
CT_INLINE float min_f32(float x, float y) { return x <= y || x != x ? x : y; }
CT_INLINE float fmax_f32(float x, float y) { return x >= y || y != y ? x : y; }
CT_INLINE float fmin_f32(float x, float y) { return x <= y || y != y ? x : y; }

#endif
