/* philox.h: the counter-based generator Philox4x32-10, and numbers made of its bits.
 *
 * J. K. Salmon, M. A. Moraes, R. O. Dror, D. E. Shaw: Parallel random numbers: as easy as 1, 2, 3.
 * SC '11. A block is a function of a key and a counter alone, so whoever needs a number computes
 * it, on any thread. Here the counter is (block, draw): a draw of an array takes the blocks
 * 0, 1, 2, .. of one `draw`, and a state is a key and the number of the next draw.
 *
 * What is computed of the bits rounds the same on every machine: no multiplication is fused with
 * an addition.
 */
#ifndef CT_PHILOX_H
#define CT_PHILOX_H

#include "abi.h"
#include "ctmath_base.h"
#undef CT_HAS_FMA
#define CT_HAS_FMA 0
#define fma_f32(a, b, c) ((a) * (b) + (c))
#define fma_f64(a, b, c) ((a) * (b) + (c))
#include "ctmath_f32.h"
#include "ctmath_f64.h"

typedef struct {
    uint64_t key, draw;
} ct_philox;

/* Read a state: a vector of two uint64. */
static inline ct_philox ct_philox_of(const ct_tensor *state)
{
    ct_philox p;
    memcpy(&p.key, state->data, 8);
    memcpy(&p.draw, state->data + state->strides[0], 8);
    return p;
}

#define CT_PHILOX_ROUNDS 10
#define CT_PHILOX_M0 0xD2511F53u
#define CT_PHILOX_M1 0xCD9E8D57u
#define CT_PHILOX_W0 0x9E3779B9u        /* the golden ratio */
#define CT_PHILOX_W1 0xBB67AE85u        /* sqrt(3) - 1 */

/* The four words of one block. */
CT_INLINE void ct_philox_block(ct_philox p, uint64_t block, uint32_t word[4])
{
    uint32_t k0 = (uint32_t)p.key, k1 = (uint32_t)(p.key >> 32);
    uint32_t c0 = (uint32_t)block, c1 = (uint32_t)(block >> 32);
    uint32_t c2 = (uint32_t)p.draw, c3 = (uint32_t)(p.draw >> 32);
    for (int round = 0; round < CT_PHILOX_ROUNDS; round++) {
        const uint64_t a = (uint64_t)c0 * CT_PHILOX_M0, b = (uint64_t)c2 * CT_PHILOX_M1;
        c0 = (uint32_t)(b >> 32) ^ c1 ^ k0;
        c2 = (uint32_t)(a >> 32) ^ c3 ^ k1;
        c1 = (uint32_t)b;
        c3 = (uint32_t)a;
        k0 += CT_PHILOX_W0;
        k1 += CT_PHILOX_W1;
    }
    word[0] = c0, word[1] = c1, word[2] = c2, word[3] = c3;
}

/* So many blocks are computed side by side: lane j of each word is that of block `first` + j, and
 * `first` is a multiple of their number. */
#define CT_LANES 64
typedef uint32_t ct_words[4][CT_LANES];
void ct_philox_words(ct_philox p, uint64_t first, ct_words words);

/* ----- numbers of bits ----- */

CT_INLINE uint64_t ct_long(uint32_t low, uint32_t high)
{
    return (uint64_t)high << 32 | low;
}

/* [0, 1) in steps of 2^-53. The halves are converted as int32, which every vector unit can. */
CT_INLINE double ct_uniform_f64(uint32_t low, uint32_t high)
{
    return ((int32_t)(high >> 5) * 0x1p26 + (int32_t)(low >> 6)) * 0x1p-53;
}

/* (0, 1), symmetric: the odd multiples of 2^-53 */
CT_INLINE double ct_open_f64(uint32_t low, uint32_t high)
{
    return ((int32_t)(high >> 6) * 0x1p26 + (int32_t)(low >> 6) + 0.5) * 0x1p-52;
}

/* The radius of a standard normal pair, sqrt(-2 log u) of a u in (0, 1]. */
CT_INLINE float ct_radius_f32(uint32_t word)
{
    const float u = (float)(int32_t)(word >> 1) + 0.5f;         /* times 2^-31 */
    const log_parts_f32 p = split_log_f32(u);
    const float e = p.e - 31;
    const float log = e * CT_LN2_HI_F32 + (p.f + (e * CT_LN2_LO_F32 + p.y));
    return __builtin_sqrtf(-2 * (log < 0 ? log : 0));
}

CT_INLINE double ct_radius_f64(double u)
{
    const log_parts_f64 p = split_log_f64(u);
    const double log = p.e * CT_LN2_HI_F64 + (p.f + (p.e * CT_LN2_LO_F64 + p.y));
    return __builtin_sqrt(-2 * (log < 0 ? log : 0));
}

/* Sine and cosine of an angle in [0, pi/4] */
typedef struct { float sin, cos; } ct_turn_f32;
typedef struct { double sin, cos; } ct_turn_f64;

CT_INLINE ct_turn_f32 ct_turned_f32(float x)
{
    const float z = x * x;
    return (ct_turn_f32){x + x * z * CT_POLY_SIN_F32(z),
                         1 - (0.5f * z - z * z * CT_POLY_COS_F32(z))};
}

CT_INLINE ct_turn_f64 ct_turned_f64(double x)
{
    const double z = x * x;
    return (ct_turn_f64){x + x * z * CT_POLY_SIN_F64(z),
                         1 - (0.5 * z - z * z * CT_POLY_COS_F64(z))};
}

/* A point of the unit circle: an angle in the first eighth, and three bits for one of its eight
 * mirror images. */
CT_INLINE ct_turn_f32 ct_circle_f32(uint32_t word)
{
    const ct_turn_f32 t = ct_turned_f32(
        ((float)(int32_t)(word >> 3) + 0.5f) * 0x1.921fb6p-30f);    /* pi / 4 * 2^-29 */
    const uint32_t s = bits_f32(word & 1 ? t.cos : t.sin), c = bits_f32(word & 1 ? t.sin : t.cos);
    return (ct_turn_f32){of_bits_f32(s ^ (word & 2) << 30), of_bits_f32(c ^ (word & 4) << 29)};
}

CT_INLINE ct_turn_f64 ct_circle_f64(uint32_t low, uint32_t high)
{
    /* the lowest 6 bits of `low` are no part of the angle */
    const ct_turn_f64 t = ct_turned_f64(ct_uniform_f64(low, high) * 0x1.921fb54442d18p-1);
    const uint64_t bits = low, s = bits_f64(low & 1 ? t.cos : t.sin),
                   c = bits_f64(low & 1 ? t.sin : t.cos);
    return (ct_turn_f64){of_bits_f64(s ^ (bits & 2) << 62), of_bits_f64(c ^ (bits & 4) << 61)};
}

#endif
