/* tile.h: what all generated tile kernels share: scalar operands, and float16. */
#ifndef CT_TILE_H
#define CT_TILE_H

#include <string.h>

#include "abi.h"
#include "ctmath.h"

#define CT_CHUNK 256            /* elements of the scratch arrays below */

/* `out` may be an input, but then exactly: no iteration writes what a later one reads. */
#if defined(__clang__)
#define CT_IVDEP _Pragma("clang loop vectorize(assume_safety)")
#else
#define CT_IVDEP _Pragma("GCC ivdep")
#endif

/* Copy the first element into all n. */
static inline void ct_fill(void *data, int size, int64_t n)
{
    if (n <= 1)
        return;
    switch (size) {
    case 1: memset(data, *(uint8_t *)data, n); break;
#define FILL(bytes, T) case bytes: { \
        T *const to = data; \
        const T value = to[0]; \
        for (int64_t i = 1; i < n; i++) \
            to[i] = value; \
        break; \
    }
    FILL(2, uint16_t)
    FILL(4, uint32_t)
    FILL(8, uint64_t)
#undef FILL
    default:                    /* 16: a complex128 */
        for (int64_t i = 1; i < n; i++)
            memcpy((char *)data + i * size, data, size);
    }
}

/* Run a map that knows arrays only on arrays and scalars, which are spread over scratch arrays.
 * sizes: bytes per element of each input, then of the output. */
static inline void ct_spread_scalars(ct_map map, int nin, const uint8_t *sizes, int64_t n,
                                     void *out, const void *const *in, unsigned scalars)
{
    _Alignas(64) char scratch[3][CT_CHUNK * 16];
    const void *args[3];
    const int64_t chunk = n < CT_CHUNK ? n : CT_CHUNK;
    if (n <= 0)
        return;
    if (scalars == (1u << nin) - 1) {
        map(1, out, in, 0);
        ct_fill(out, sizes[nin], n);
        return;
    }
    for (int k = 0; k < nin; k++) {
        if (scalars >> k & 1) {
            memcpy(scratch[k], in[k], sizes[k]);
            ct_fill(scratch[k], sizes[k], chunk);
        }
    }
    for (int64_t i = 0; i < n; i += chunk) {
        for (int k = 0; k < nin; k++)
            args[k] = scalars >> k & 1 ? scratch[k] : (const char *)in[k] + i * sizes[k];
        map(n - i < chunk ? n - i : chunk, (char *)out + i * sizes[nin], args, 0);
    }
}

static inline void ct_load_half(int64_t n, float *out, const uint16_t *x)
{
    for (int64_t i = 0; i < n; i++)
        out[i] = half_to_float(x[i]);
}

static inline void ct_store_half(int64_t n, uint16_t *out, const float *x)
{
    for (int64_t i = 0; i < n; i++)
        out[i] = float_to_half(x[i]);
}

/* Run a map of float on float16. A result of one byte (a truth value) is kept as it is. */
static inline void ct_map_half(ct_map map, int nin, int out_size, int64_t n, void *out,
                               const void *const *in, unsigned scalars)
{
    _Alignas(64) float scratch[3][CT_CHUNK], result[CT_CHUNK];
    const void *const args[3] = {scratch[0], scratch[1], scratch[2]};
    for (int64_t i = 0; i < n; i += CT_CHUNK) {
        const int64_t some = n - i < CT_CHUNK ? n - i : CT_CHUNK;
        for (int k = 0; k < nin; k++) {
            const int scalar = scalars >> k & 1;
            ct_load_half(scalar ? 1 : some, scratch[k], (const uint16_t *)in[k] + (scalar ? 0 : i));
        }
        map(some, out_size == 1 ? (void *)((char *)out + i) : result, args, scalars);
        if (out_size == 2)
            ct_store_half(some, (uint16_t *)out + i, result);
    }
}

/* A 16-byte element that is only moved. */
typedef struct { uint64_t low, high; } ct_u128;

/* Where no vector instruction converts 64 bits: each half becomes the mantissa of a double of a
 * known exponent, 2^84 and 2^52; the difference is exact, and the sum rounds once. */
static inline double ct_i64_to_double(int64_t x)
{
#if defined(__AVX512DQ__) || !defined(__x86_64__)
    return (double)x;
#else
    const uint64_t high = ((uint64_t)x >> 32) ^ 0x4530000080000000u;
    const uint64_t low = ((uint64_t)x & 0xffffffffu) | 0x4330000000000000u;
    double high_value, low_value;
    memcpy(&high_value, &high, 8);
    memcpy(&low_value, &low, 8);
    return (high_value - (0x1p84 + 0x1p63 + 0x1p52)) + low_value;
#endif
}

#endif
