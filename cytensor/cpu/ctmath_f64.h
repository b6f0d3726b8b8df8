/* ctmath_f64.h: the functions of ctmath.h on doubles. ctmath_f32.h explains what they share. */
#ifndef CT_MATH_F64_H
#define CT_MATH_F64_H

#include "ctmath_base.h"

/* ----- exponentials ----- */

/* p 2^n, given n + 2046 in the low bits */
CT_INLINE double scale_f64(double p, uint64_t bits)
{
    const uint64_t half = bits >> 1;
    return p * of_bits_f64(half << 52) * of_bits_f64((bits - half) << 52);
}

CT_INLINE double at_most_f64(double high, double x)
{
    const int64_t limit = (int64_t)bits_f64(high), bits = (int64_t)bits_f64(x);
    return of_bits_f64((uint64_t)(bits < limit ? bits : limit));
}

CT_INLINE double vanish_f64(double x, double low, double y)
{
    return of_bits_f64(bits_f64(y) & -(uint64_t)!(x < low));
}

/* e^(x + tail) 2^k, for x >= -746 */
CT_INLINE double exp_times_f64(double x, double tail, uint64_t k)
{
    const double round = CT_ROUND_F64 + 2046;
    const double t = at_most_f64(round + 1030, fma_f64(x, CT_LOG2E, round)), n = t - round;
    const double head = fma_f64(-n, CT_LN2_HI_F64, x), lost = fma_f64(-n, CT_LN2_LO_F64, tail);
    const double r = head + lost;
    const double p = 1 + (head + fma_f64(r * r, CT_POLY_EXP_F64(r), lost));
    return scale_f64(p, bits_f64(t) + k);
}

CT_INLINE double exp_f64(double x) { return vanish_f64(x, -746, exp_times_f64(x, 0, 0)); }

/* e^x for x >= -708, but not just below overflow */
CT_INLINE double exp_near_f64(double x)
{
    const double round = CT_ROUND_F64 + 1023;
    const double t = at_most_f64(round + 1023, fma_f64(x, CT_LOG2E, round)), n = t - round;
    const double r = fma_f64(-n, CT_LN2_LO_F64, fma_f64(-n, CT_LN2_HI_F64, x));
    const double p = 1 + fma_f64(r * r, CT_POLY_EXP_F64(r), r);
    return p * of_bits_f64(bits_f64(t) << 52);
}

CT_INLINE double exp2_f64(double x)
{
    const double round = CT_ROUND_F64 + 2046;
    const double t = at_most_f64(round + 1030, x + round), r = x - (t - round);
    return vanish_f64(x, -1076, scale_f64(fma_f64(r, CT_POLY_EXP2_F64(r), 1), bits_f64(t)));
}

CT_INLINE double expm1_f64(double x)
{
    const double round = CT_ROUND_F64 + 1022;
    const double t = fma_f64(x, CT_LOG2E, round), n = t - round;
    const double head = fma_f64(-n, CT_LN2_HI_F64, x), r = fma_f64(-n, CT_LN2_LO_F64, head);
    const double tail = fma_f64(-n, CT_LN2_LO_F64, head - r);
    const double q = fma_f64(r * r, CT_POLY_EXP_F64(r), tail);
    const double scale = of_bits_f64(bits_f64(t) << 52), one = scale - 0.5;
    const double sum = fma_f64(scale, r, one), rest = fma_f64(scale, r, one - sum);
    const double y = 2 * (sum + fma_f64(scale, q, rest));
    const double near = abs_f64(x) < 0x1p-53 ? x : y, above = x < -38 ? -1 : near;
    return t > round + 1024 ? CT_INF_F64 : above;
}

/* ----- logarithms ----- */

/* log(x) = e log(2) + f + y, with 1 + f the mantissa of x between sqrt(1/2) and sqrt(2). */
typedef struct { double e, f, y; } log_parts_f64;

/* The exponent and mantissa of x: e comes by a magic number, as AVX2 cannot convert it. */
CT_INLINE log_parts_f64 split_exponent_f64(double x)
{
    const double normal = x < 0x1p-1022 ? x * 0x1p52 : x;
    const double bias = x < 0x1p-1022 ? 0x1p52 + 1024 + 52 : 0x1p52 + 1024;
    const uint64_t root_half = 0x3fe6a09e667f3bcdu, bits = bits_f64(normal) - root_half;
    const uint64_t biased = (bits + 0x4000000000000000u) >> 52;
    const double m = of_bits_f64((bits & 0xfffffffffffffu) + root_half);
    const log_parts_f64 parts = {of_bits_f64(biased | 0x4330000000000000u) - bias, m - 1, 0};
    return parts;
}

/* With s = f / (2 + f): log(1 + f) = 2 s + s R = f - s (f - R). */
CT_INLINE log_parts_f64 split_log_f64(double x)
{
    log_parts_f64 parts = split_exponent_f64(x);
    const double f = parts.f, s = f / (2 + f), z = s * s;
    const double half_square = 0.5 * f * f;
    parts.y = fma_f64(s, fma_f64(z, CT_POLY_LOG_ODD_F64(z), half_square), -half_square);
    return parts;
}

CT_INLINE double log_special_f64(double x, double y)
{
    const double at_most_0 = x == 0 ? -CT_INF_F64 : CT_NAN_F64;
    const double finite = x > 0 ? y : at_most_0;
    return x < CT_INF_F64 ? finite : x;
}

CT_INLINE double log_f64(double x)
{
    const log_parts_f64 p = split_log_f64(x);
    const double y = fma_f64(p.e, CT_LN2_HI_F64, p.f + fma_f64(p.e, CT_LN2_LO_F64, p.y));
    return log_special_f64(x, y);
}

CT_INLINE double log2_f64(double x)
{
    const double hi = CT_LOG2E, lo = 0x1.777d0ffda0d24p-56;
    const log_parts_f64 p = split_log_f64(x);
    return log_special_f64(x, p.e + fma_f64(p.f, hi, fma_f64(p.f, lo, p.y * hi)));
}

CT_INLINE double log10_f64(double x)
{
    const double hi = 0x1.bcb7b1526e50ep-2, lo = 0x1.95355baaafad3p-57;         /* log10(e) */
    const double two_hi = 0x1.34413509f78p-2, two_lo = 0x1.fef311f12b358p-46;   /* log10(2) */
    const log_parts_f64 p = split_log_f64(x);
    const double small = fma_f64(p.f, lo, fma_f64(p.y, hi, p.e * two_lo));
    return log_special_f64(x, fma_f64(p.e, two_hi, fma_f64(p.f, hi, small)));
}

CT_INLINE double log_sum_f64(double u, double c)
{
    const log_parts_f64 p = split_log_f64(u);
    const double rest = p.y + fma_f64(p.e, CT_LN2_LO_F64, c / u);
    return log_special_f64(u, fma_f64(p.e, CT_LN2_HI_F64, p.f + rest));
}

CT_INLINE double log1p_f64(double x)
{
    const double u = 1 + x;
    const double c = x < 1 ? x - (u - 1) : 1 - (u - x);
    return x == 0 ? x : log_sum_f64(u, c);
}

CT_INLINE double log1mexp_f64(double x)
{
    const double e = exp_f64(x), u = 1 - e;
    const int far = x < -0.6931471805599453;
    const double y = log_sum_f64(far ? u : -expm1_f64(x), far ? (1 - u) - e : 0);
    return u == 1 ? -e : y;
}

CT_INLINE double log1p_exp_f64(double d)
{
    const double t = exp_f64(-d), s = t / (2 + t), z = s * s;
    return fma_f64(-s, fma_f64(-z, CT_POLY_LOG_HALF_F64(z), t), t);
}

CT_INLINE double softplus_f64(double x)
{
    return (x > 0 ? x : 0) + log1p_exp_f64(abs_f64(x));
}

CT_INLINE double logaddexp_f64(double x, double y)
{
    const double d = x == y ? 0 : abs_f64(x - y);
    return (x > y ? x : y) + log1p_exp_f64(d);
}

CT_INLINE double sigmoid_f64(double x)
{
    const double e = exp_f64(-abs_f64(x));
    return (x < 0 ? e : 1) / (1 + e);
}

/* ----- hyperbolic functions ----- */

CT_INLINE double tanh_f64(double x)
{
    const double a = abs_f64(x), z = a * a;
    const double small = fma_f64(a * z, CT_POLY_TANH_F64(z), a);
    const double large = 1 - 2 / (exp_near_f64(a + a) + 1);
    return copysign_f64(a < 0.625 ? small : large, x);
}

CT_INLINE double sinh_f64(double x)
{
    const double a = abs_f64(x), z = a * a;
    const double small = fma_f64(a * z, CT_POLY_SINH_F64(z), a);
    const double half = exp_times_f64(a, 0, -1);
    return copysign_f64(a < 1.5 ? small : half - 0.25 / half, x);
}

CT_INLINE double cosh_f64(double x)
{
    const double half = exp_times_f64(abs_f64(x), 0, -1);
    return half + 0.25 / half;
}

/* log(1 + t + lost), or log(t) + log(2) where 1 is lost in t */
CT_INLINE double log_of_sum_f64(double t, double lost, int large)
{
    const double u = 1 + t, c = t < 1 ? t - (u - 1) : 1 - (u - t);
    const double y = log_sum_f64(large ? t : u, large ? 0 : c + lost);
    return y + (large ? 0x1.62e42fefa39efp-1 : 0);
}

CT_INLINE double asinh_f64(double x)
{
    const double a = abs_f64(x), square = a * a;
    const int large = a > 0x1p28;
    const double rest = square / (1 + __builtin_sqrt(1 + square)), t = a + rest;
    const double y = log_of_sum_f64(large ? a : t, (a - t) + rest, large);
    return copysign_f64(a < 0x1p-28 ? a : y, x);
}

CT_INLINE double acosh_f64(double x)
{
    const double t = x - 1;
    const int large = x > 0x1p28;
    const double root = __builtin_sqrt(fma_f64(t, t, 2 * t)), sum = t + root;
    const double y = log_of_sum_f64(large ? x : sum, (root - sum) + t, large);
    return x < 1 ? CT_NAN_F64 : y;
}

CT_INLINE double atanh_f64(double x)
{
    const double a = abs_f64(x), twice = a + a;
    const double t = a < 0.5 ? twice + twice * a / (1 - a) : twice / (1 - a);
    const double y = 0.5 * log_of_sum_f64(t, 0, 0);
    return copysign_f64(a < 0x1p-28 ? a : a > 1 ? CT_NAN_F64 : y, x);
}

/* ----- trigonometric functions ----- */

typedef struct { double hi, lo; } pair_f64;

/* x - k pi/2. Without fma the parts have 33 bits, so that k times a part is exact. */
CT_INLINE pair_f64 reduce_f64(double x, double k)
{
#if CT_HAS_FMA
    const double p1 = 0x1.921fb54442d18p+0, p2 = 0x1.1a62633145c07p-54;
    const double p3 = -0x1.f1976b7ed8fbcp-110;
    const double head = fma_f64(-k, p1, x), middle = k * p2, hi = head - middle;
    const double lost = ((head - hi) - middle) - product_error_f64(k, p2, middle);
    const pair_f64 r = {hi, fma_f64(-k, p3, lost)};
#else
    const double p1 = 0x1.921fb544p+0, p2 = 0x1.0b4611a6p-34;
    const double p3 = 0x1.3198a2ep-69, p4 = 0x1.b839a252049c1p-104;
    const double head = x - k * p1, middle = head - k * p2;
    const double lost = (head - middle) - k * p2, tail = lost - k * p3;
    const double hi = middle + tail;
    const pair_f64 r = {hi, ((middle - hi) + tail) + (((lost - tail) - k * p3) - k * p4)};
#endif
    return r;
}

CT_INLINE double sin_turned_f64(pair_f64 r, uint64_t quarters)
{
    const double z = r.hi * r.hi;
    const double s = r.hi + fma_f64(r.hi * z, CT_POLY_SIN_F64(z), r.lo);
    const double head = fma_f64(-0.5, z, 1), lost = fma_f64(-0.5, z, 1 - head);
    const double c = head + fma_f64(z * z, CT_POLY_COS_F64(z), fma_f64(-r.hi, r.lo, lost));
    return of_bits_f64(bits_f64(quarters & 1 ? c : s) ^ (quarters & 2) << 62);
}

CT_INLINE double tan_turned_f64(pair_f64 r, uint64_t quarters)
{
    const double z = r.hi * r.hi;
    const double y = r.hi + fma_f64(r.hi * z, CT_POLY_TAN_F64(z), r.lo);
    return quarters & 1 ? -1 / y : y;
}

#define CT_LIMIT_TRIG_F64 (CT_HAS_FMA ? 0x1p30 : 0x1p19)

CT_INLINE double quarter_turns_f64(double x)
{
    return fma_f64(x, 0x1.45f306dc9c883p-1, CT_ROUND_F64);
}

CT_INLINE double sin_f64(double x)
{
    const double t = quarter_turns_f64(x);
    const double y = sin_turned_f64(reduce_f64(x, t - CT_ROUND_F64), bits_f64(t));
    return x == 0 ? x : y;
}

CT_INLINE double cos_f64(double x)
{
    const double t = quarter_turns_f64(x);
    return sin_turned_f64(reduce_f64(x, t - CT_ROUND_F64), bits_f64(t) + 1);
}

CT_INLINE double tan_f64(double x)
{
    const double t = quarter_turns_f64(x);
    const double y = tan_turned_f64(reduce_f64(x, t - CT_ROUND_F64), bits_f64(t));
    return x == 0 ? x : y;
}

CT_INLINE double asin_rest_f64(double s, double z) { return s * z * CT_POLY_ASIN_F64(z); }

CT_INLINE double asin_f64(double x)
{
    const double a = abs_f64(x);
    const int near = a < 0.5;
    const double z = near ? a * a : fma_f64(-0.5, a, 0.5), s = near ? a : __builtin_sqrt(z);
    const double rest = asin_rest_f64(s, z), quarter = 0x1.921fb54442d18p+0;
    const double head = quarter - 2 * s, lost = (quarter - head) - 2 * s;
    const double far = head + (lost - fma_f64(2, rest, -0x1.1a62633145c07p-54));
    return copysign_f64(near ? s + rest : far, x);
}

CT_INLINE double acos_f64(double x)
{
    const double a = abs_f64(x);
    const int near = a < 0.5;
    const double z = near ? a * a : fma_f64(-0.5, a, 0.5), s = near ? a : __builtin_sqrt(z);
    const double p = s + asin_rest_f64(s, z), signed_p = copysign_f64(p, x);
    const double middle = 0x1.921fb54442d18p+0 - (signed_p - 0x1.1a62633145c07p-54);
    const double left = 0x1.921fb54442d18p+1 - fma_f64(2, p, -0x1.1a62633145c07p-53);
    const double far = x < 0 ? left : 2 * p;
    return near ? middle : far;
}

CT_INLINE double atan_poly_f64(double t)
{
    const double z = t * t;
    return fma_f64(t * z, CT_POLY_ATAN_F64(z), t);
}

CT_INLINE double atan_f64(double x)
{
    const double a = abs_f64(x);
    const double p = atan_poly_f64(a > 1 ? 1 / a : a);
    const double far = 0x1.921fb54442d18p+0 - (p - 0x1.1a62633145c07p-54);
    return copysign_f64(a > 1 ? far : p, x);
}

CT_INLINE double atan2_f64(double y, double x)
{
    const double ax = abs_f64(x), ay = abs_f64(y);
    const double low = ax < ay ? ax : ay, high = ax < ay ? ay : ax;
    const double ratio = low / (high == 0 ? 1 : high);
    const double p = atan_poly_f64(low == high && high > 0 ? 1 : ratio);
    const double up = ay > ax ? 0x1.921fb54442d18p+0 - (p - 0x1.1a62633145c07p-54) : p;
    const double back = 0x1.921fb54442d18p+1 - (up - 0x1.1a62633145c07p-53);
    const double turned = copysign_f64(1, x) < 0 ? back : up;
    return x != x || y != y ? x + y : copysign_f64(turned, y);
}

/* ----- roots and powers ----- */

/* The guess divides the upper half of the bits by 3 in double. */
CT_INLINE double cbrt_guess_f64(double x)
{
    const double upper = of_bits_f64(bits_f64(x) >> 32 | 0x4330000000000000u) - 0x1p52;
    const double guess = fma_f64(upper, -1.0 / 3, 0x553ef0ffp0) + 0x1p52;
    return of_bits_f64(bits_f64(guess) << 32);
}

CT_INLINE double cbrt_f64(double x)
{
    const double a = abs_f64(x), normal = a < 0x1p-1022 ? a * 0x1p54 : a;
    const double guess = cbrt_guess_f64(normal);
    const double e = fma_f64(-normal * guess, guess * guess, 1);
    const double first = fma_f64(e, fma_f64(e, fma_f64(e, 14.0 / 81, 2.0 / 9), 1.0 / 3), 1);
    const double r = guess * first, d = fma_f64(-normal * r, r * r, 1);
    const double better = r * fma_f64(d, fma_f64(d, fma_f64(d, 14.0 / 81, 2.0 / 9), 1.0 / 3), 1);
    const double root = normal * better * better, square = root * root;
    const double error = product_error_f64(root, root, square);
    const double residual = -product_error_f64(square, root, normal) - error * root;
    const double y = fma_f64(residual, better * better * (1.0 / 3), root);
    const double scaled = a < 0x1p-1022 ? y * 0x1p-18 : y;
    return a > 0 && a < CT_INF_F64 ? copysign_f64(scaled, x) : x;
}

/* Scaled by a power of two near the larger, so that no square overflows or vanishes. */
CT_INLINE double hypot_f64(double x, double y)
{
    const double a = abs_f64(x), b = abs_f64(y);
    const double high = a > b ? a : b, low = a > b ? b : a;
    const double down = high > 0x1p500 ? 0x1p-600 : high < 0x1p-450 ? 0x1p600 : 1;
    const double up = high > 0x1p500 ? 0x1p600 : high < 0x1p-450 ? 0x1p-600 : 1;
    const double h = high * down, l = low * down;
    const double square = h * h, error = product_error_f64(h, h, square);
    const double r = up * __builtin_sqrt(square + fma_f64(l, l, error));
    const double known = x != x || y != y ? x + y : r;
    return a == CT_INF_F64 || b == CT_INF_F64 ? CT_INF_F64 : known;
}

/* log(x) as hi + lo, to 2^-64 of itself: 2 s (1 + z/3 + z^2 P(z)) with all but P in pairs. */
CT_INLINE pair_f64 log_pair_f64(double x)
{
    const log_parts_f64 p = split_exponent_f64(x);
    const double f = p.f, d = 2 + f, d_lo = f - (d - 2), inverse = 1 / d;
    const double s = f * inverse, product = s * d;
    const double miss = (f - product) - product_error_f64(s, d, product);
    const double s_lo = fma_f64(-s, d_lo, miss) * inverse;
    const double z = s * s, z_lo = fma_f64(2 * s, s_lo, product_error_f64(s, s, z));
    const double third = 0x1.5555555555555p-2, third_lo = 0x1.5555555555555p-56;
    const double a = z * third, w = z * z * CT_POLY_LOG_TAIL_F64(z), b = a + w;
    const double a_lo = fma_f64(z, third_lo, product_error_f64(z, third, a));
    const double b_lo = ((a - b) + w) + fma_f64(z_lo, third, a_lo);
    const double t = s + s, c = t * b;
    const double c_lo = fma_f64(t, b_lo, fma_f64(2 * s_lo, b, product_error_f64(t, b, c)));
    const double m = t + c, m_lo = ((t - m) + c) + (c_lo + 2 * s_lo);
    const double g = p.e * CT_LN2_HI_F64, hi = g + m;
    const pair_f64 r = {hi, ((g - hi) + m) + fma_f64(p.e, CT_LN2_LO_F64, m_lo)};
    return r;
}

CT_INLINE uint64_t mask_f64(int truth) { return -(uint64_t)truth; }

CT_INLINE double choose_f64(uint64_t mask, double a, double b)
{
    return of_bits_f64((bits_f64(a) & mask) | (bits_f64(b) & ~mask));
}

/* C99's cases, given r = |x|^y, which is right for all finite x != 0 and finite y. Truths are masks
 * of bits: compilers do not vectorise choices by a truth that is the same for a whole loop, as all
 * are that x or y alone decides if the other is many numbers. */
CT_INLINE double pow_special_f64(double x, double y, double r)
{
    const double a = abs_f64(x), half = 0.5 * y;
    const uint64_t infinity = bits_f64(CT_INF_F64), negative = mask_f64(y < 0);
    const uint64_t integer = mask_f64(__builtin_floor(y) == y);
    const uint64_t odd = integer & mask_f64(__builtin_floor(half) != half);
    const double zero = of_bits_f64(infinity & negative);
    const double infinite = of_bits_f64(infinity & ~negative);
    const double grows = of_bits_f64(infinity & ~(mask_f64(a > 1) ^ mask_f64(y > 0)));
    const double at_inf = choose_f64(mask_f64(a == 1), 1, grows);
    const double based = choose_f64(mask_f64(a == 0), zero,
                                    choose_f64(mask_f64(a == CT_INF_F64), infinite, r));
    const double powered = choose_f64(mask_f64(abs_f64(y) == CT_INF_F64), at_inf, based);
    const uint64_t sign = bits_f64(x) & bits_f64(-0.0) & odd;
    const double flipped = of_bits_f64(bits_f64(powered) | sign);
    const uint64_t unreal = mask_f64(x < 0) & mask_f64(a < CT_INF_F64) & ~integer;
    const uint64_t unknown = mask_f64(x != x) | mask_f64(y != y);
    const uint64_t one = mask_f64(x == 1) | mask_f64(y == 0);
    return choose_f64(one, 1, choose_f64(unreal | unknown, CT_NAN_F64, flipped));
}

CT_INLINE double pow_f64(double x, double y)
{
    const pair_f64 log = log_pair_f64(abs_f64(x));
    const double p = y * log.hi;
    const double error = fma_f64(y, log.lo, product_error_f64(y, log.hi, p));
    const double power = exp_times_f64(p, abs_f64(p) < 746 ? error : 0, 0);
    return pow_special_f64(x, y, vanish_f64(p, -746, power));
}

/* Powers of floats: log2 to 2^-37 and 2^t to 2^-34 of itself are plenty. */
CT_INLINE float pow_f32(float x, float y)
{
    const double a = x, b = y;
    const log_parts_f64 p = split_exponent_f64(abs_f64(a));
    const double s = p.f / (2 + p.f), z = s * s;
    const double log = fma_f64(s * z, CT_POLY_LOG_WIDE_F64(z), s);
    const double t = b * fma_f64(log, 2 * CT_LOG2E, p.e);
    const double power = vanish_f64(t, -300, exp2_wide(at_most_f64(300, t)));
    return (float)pow_special_f64(a, b, power);
}

/* ----- the error function ----- */

/* erfc(x) for x >= 0. A Newton step gives back what its factors lose. */
CT_INLINE double erfc_tail_f64(double x)
{
    const double a = at_most_f64(27.4, x);
    const double square = a * a, error = product_error_f64(a, a, square);
    const double q = (a - 3) / (a + 3), rest = CT_POLY_ERFCX_F64(q);
    const double p = 1.25 + rest, p_lo = (1.25 - p) + rest;
    const double e = exp_times_f64(-square, -error, 0), d = fma_f64(2, a, 1), inverse = 1 / d;
    const double product = e * p, y = product * inverse, d_lo = (2 * a - d) + 1;
    const double product_lo = fma_f64(e, p_lo, product_error_f64(e, p, product));
    const double lost = product_lo - y * d_lo;
    return fma_f64(lost - product_error_f64(y, d, product), inverse, y);
}

CT_INLINE double erf_near_f64(double x)
{
    const double z = x * x;
    return fma_f64(x, CT_POLY_ERF_F64(z), x);
}

CT_INLINE double erf_f64(double x)
{
    const double a = abs_f64(x);
    return copysign_f64(a >= 0.96 ? 1 - erfc_tail_f64(a) : erf_near_f64(a), x);
}

CT_INLINE double erfc_f64(double x)
{
    const double y = erfc_tail_f64(abs_f64(x)), far = x < 0 ? 2 - y : y;
    const int tail = (x >= 0.5) + (x <= -0.96);
    return tail ? far : 1 - erf_near_f64(x);
}

/* ----- rounding and remainders ----- */

CT_INLINE double floor_f64(double x) { return __builtin_floor(x); }
CT_INLINE double ceil_f64(double x) { return __builtin_ceil(x); }
CT_INLINE double trunc_f64(double x) { return __builtin_trunc(x); }
CT_INLINE double rint_f64(double x) { return __builtin_rint(x); }
CT_INLINE double sqrt_f64(double x) { return __builtin_sqrt(x); }

CT_INLINE double round_f64(double x)
{
    const double a = abs_f64(x), down = __builtin_trunc(a);
    return copysign_f64(down + (a - down >= 0.5 ? 1.0 : 0.0), x);
}

/* Without fma the exact product below needs numbers that are not tiny. */
CT_INLINE int is_big_fmod_f64(double x, double y)
{
    const double tiny = CT_HAS_FMA ? 0 : 0x1p-900;
    const int small = abs_f64(x) < abs_f64(y) * 0x1p50, regular = abs_f64(y) >= tiny;
    return !(small & regular);
}

CT_INLINE double fmod_f64(double x, double y)
{
    const double a = abs_f64(x), b = abs_f64(y), q = __builtin_trunc(a / b);
#if CT_HAS_FMA
    const double r = fma_f64(-q, b, a);
#else
    const double p = q * b, r = (a - p) - product_error_f64(q, b, p);
#endif
    const double inside = r < 0 ? r + b : r;
    return copysign_f64(a < b ? a : inside, x);
}

CT_INLINE double floor_mod_of_f64(double r, double y)
{
    const double moved = (r < 0) != (y < 0) ? r + y : r;
    return r == 0 ? copysign_f64(0, y) : moved;
}

CT_INLINE double floor_div_of_f64(double x, double y, double r)
{
    const double moved = (r < 0) != (y < 0) && r != 0 ? 1 : 0;
    const double q = (x - r) / y - moved, down = __builtin_floor(q);
    const double near = down + (q - down > 0.5 ? 1.0 : 0.0);
    const double whole = q == 0 ? copysign_f64(0, x / y) : near;
    return y == 0 ? x / y : whole;
}

CT_INLINE double floor_mod_f64(double x, double y)
{
    return floor_mod_of_f64(fmod_f64(x, y), y);
}

CT_INLINE double floor_div_f64(double x, double y)
{
    return floor_div_of_f64(x, y, fmod_f64(x, y));
}

/* ----- choices ----- */

CT_INLINE double sgn_f64(double x)
{
    const double sign = x > 0 ? 1 : x < 0 ? -1 : 0;
    return x != x ? x : sign;
}

CT_INLINE double max_f64(double x, double y) { return x >= y || x != x ? x : y; }
CT_INLINE double min_f64(double x, double y) { return x <= y || x != x ? x : y; }
CT_INLINE double fmax_f64(double x, double y) { return x >= y || y != y ? x : y; }
CT_INLINE double fmin_f64(double x, double y) { return x <= y || y != y ? x : y; }

#endif
