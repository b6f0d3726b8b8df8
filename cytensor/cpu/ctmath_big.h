/* ctmath_big.h: the rare ranges of ctmath.h, as scalar functions that no loop need vectorise. */
#ifndef CT_MATH_BIG_H
#define CT_MATH_BIG_H

#include <math.h>
#include "ctmath_f32.h"
#include "ctmath_f64.h"

#define CT_RARE __attribute__((noinline, cold, unused)) static

/* ----- sines of huge angles (Payne and Hanek's reduction) ----- */

/* 64 zeros, then the bits of 1/pi after the point */
static const uint64_t ct_inverse_pi[] = {
    0x0000000000000000u, 0x517cc1b727220a94u, 0xfe13abe8fa9a6ee0u, 0x6db14acc9e21c820u,
    0xff28b1d5ef5de2b0u, 0xdb92371d2126e970u, 0x0324977504e8c90eu, 0x7f0ef58e5894d39fu,
    0x74411afa975da242u, 0x74ce38135a2fbf20u, 0x9cc8eb1cc1a99cfau, 0x4e422fc5defc941du,
    0x8ffc4bffef02cc07u, 0xf79788c5ad05368fu, 0xb69b3f6793e584dbu, 0xa7a31fb34f2ff516u,
    0xba93dd63f5f2f8bdu, 0x9e839cfbc5294975u, 0x35fdafd88fc6ae84u, 0x2b0198237e3db5d5u,
    0xf867de104d7a1b0eu,
};

/* The 64 bits from position `first` on */
CT_INLINE uint64_t inverse_pi_bits(int first)
{
    const uint64_t *word = ct_inverse_pi + first / 64;
    const int shift = first % 64;
    return shift ? word[0] << shift | word[1] >> (64 - shift) : word[0];
}

/* x / (2 pi) modulo 1, as 192 bits after the point, most significant first. With x = m 2^e, the
 * bits of 1/pi that m turns into whole turns are skipped, and those beyond 2^-192 are dropped. */
CT_INLINE void turns_of(double x, uint64_t turns[3])
{
    const uint64_t bits = bits_f64(x), m = (bits & 0xfffffffffffffu) | 0x10000000000000u;
    const int first = 64 + (int)(bits >> 52 & 0x7ff) - 1076;
    unsigned __int128 carry = 0;
    for (int i = 2; i >= 0; i--) {
        carry += (unsigned __int128)inverse_pi_bits(first + 64 * i) * m;
        turns[i] = (uint64_t)carry;
        carry >>= 64;
    }
}

/* The fraction of 192 bits as a pair: its leading 53 bits, and the next */
CT_INLINE pair_f64 pair_of_fraction(const uint64_t words[3])
{
    const int skip = words[0] ? __builtin_clzll(words[0]) : 64 + __builtin_clzll(words[1] | 1);
    const int word = skip / 64, shift = skip % 64;
    const uint64_t next = word < 2 ? words[word + 1] : 0;
    const uint64_t after = word < 1 ? words[2] : 0;
    const uint64_t high = shift ? words[word] << shift | next >> (64 - shift) : words[word];
    const uint64_t low = shift ? next << shift | after >> (64 - shift) : next;
    const double unit = of_bits_f64((uint64_t)(1023 - 64 - skip) << 52);
    const uint64_t rest = (high & 0x7ff) << 53 | low >> 11;
    const pair_f64 r = {(double)(high >> 11 << 11) * unit,
                        (double)rest * 0x1p-64 * (unit * 0x1p11)};
    return r;
}

/* Reduce |x| by multiples of pi/2, whose number modulo 4 goes to *quarters. */
CT_INLINE pair_f64 reduce_big_f64(double x, uint64_t *quarters)
{
    uint64_t w[3];
    turns_of(abs_f64(x), w);
    *quarters = w[0] >> 62;
    w[0] = w[0] << 2 | w[1] >> 62;
    w[1] = w[1] << 2 | w[2] >> 62;
    w[2] <<= 2;
    const int beyond = w[0] >> 63;          /* more than half a quarter: 1 - w, of the next one */
    for (int i = 0; i < 3; i++)
        w[i] = beyond ? ~w[i] : w[i];
    *quarters += beyond;
    const pair_f64 g = pair_of_fraction(w);
    const double sign = beyond ? -1 : 1;
    const double quarter = 0x1.921fb54442d18p+0, quarter_lo = 0x1.1a62633145c07p-54;
    const double hi = g.hi * quarter, error = product_error_f64(g.hi, quarter, hi);
    const pair_f64 r = {sign * hi, sign * (error + (g.hi * quarter_lo + g.lo * quarter))};
    return r;
}

CT_RARE double sin_big_f64(double x)
{
    uint64_t quarters;
    const pair_f64 r = reduce_big_f64(x, &quarters);
    const double y = sin_turned_f64(r, quarters);
    return x - x == 0 ? (x < 0 ? -y : y) : CT_NAN_F64;
}

CT_RARE double cos_big_f64(double x)
{
    uint64_t quarters;
    const pair_f64 r = reduce_big_f64(x, &quarters);
    return x - x == 0 ? sin_turned_f64(r, quarters + 1) : CT_NAN_F64;
}

CT_RARE double tan_big_f64(double x)
{
    uint64_t quarters;
    const pair_f64 r = reduce_big_f64(x, &quarters);
    const double y = tan_turned_f64(r, quarters);
    return x - x == 0 ? (x < 0 ? -y : y) : CT_NAN_F64;
}

#define CT_BIG_TRIG(name)                                                                       \
    CT_INLINE int is_big_##name##_f32(float x) { return !(abs_f32(x) <= CT_LIMIT_TRIG_F32); }   \
    CT_INLINE int is_big_##name##_f64(double x) { return !(abs_f64(x) <= CT_LIMIT_TRIG_F64); }  \
    CT_RARE float name##_big_f32(float x)                                                       \
    {                                                                                           \
        const double d = x;                                                                     \
        return (float)(is_big_##name##_f64(d) ? name##_big_f64(d) : name##_f64(d));             \
    }
CT_BIG_TRIG(sin)
CT_BIG_TRIG(cos)
CT_BIG_TRIG(tan)

/* ----- remainders with a long quotient: fmod is exact, so libm's is as good as any ----- */

CT_RARE float fmod_big_f32(float x, float y) { return fmodf(x, y); }
CT_RARE double fmod_big_f64(double x, double y) { return fmod(x, y); }

#define CT_BIG_FLOOR(T, kind)                                                                   \
    CT_INLINE int is_big_floor_mod_##kind(T x, T y) { return is_big_fmod_##kind(x, y); }        \
    CT_INLINE int is_big_floor_div_##kind(T x, T y) { return is_big_fmod_##kind(x, y); }        \
    CT_RARE T floor_mod_big_##kind(T x, T y)                                                    \
    {                                                                                           \
        return floor_mod_of_##kind(fmod_big_##kind(x, y), y);                                   \
    }                                                                                           \
    CT_RARE T floor_div_big_##kind(T x, T y)                                                    \
    {                                                                                           \
        return floor_div_of_##kind(x, y, fmod_big_##kind(x, y));                                \
    }
CT_BIG_FLOOR(float, f32)
CT_BIG_FLOOR(double, f64)

#endif
