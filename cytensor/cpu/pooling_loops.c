/* pooling_loops.c: the loops of pooling over items, for each dtype.
 *
 * S is how an item is stored, T how it is computed with. */
#include "half.h"
#include "pooling.h"

#include <float.h>
#include <string.h>

#define SAME(x) (x)

/* A NaN is larger than all. Written so, the choice takes no branch but one that is foreseen. */
#define LARGER(T, a, b) ({ const T most = (a) > (b) ? (a) : (b); (a) != (a) ? (a) : most; })
#define PLUS(T, a, b) ((a) + (b))
#define EITHER(T, a, b) ((a) | (b))

/* ----- to and from a grid ----- */

#define MOVES(name, S, T, READ, WRITE) \
CT_CLONES static void put_##name(void *grid, int64_t step, int64_t repeat, const char *x, \
                                 int64_t stride, int64_t n, const double *counts, double scale) \
{ \
    T *restrict to = grid; \
    if (stride == sizeof(S) && step == 1 && repeat == 1 && !counts) { \
        const S *restrict from = (const S *)x; \
        for (int64_t j = 0; j < n; j++) \
            to[j] = READ(from[j]); \
        return; \
    } \
    if (stride == sizeof(S) && step == 2 && repeat == 2 && !counts) { \
        const S *restrict from = (const S *)x; \
        for (int64_t j = 0; j < n; j++) \
            to[2 * j] = to[2 * j + 1] = READ(from[j]); \
        return; \
    } \
    if (stride == sizeof(S) && step == 1 && repeat == 1) { \
        const S *restrict from = (const S *)x; \
        for (int64_t j = 0; j < n; j++) \
            to[j] = READ(from[j]) / (T)(scale * counts[j]); \
        return; \
    } \
    for (int64_t j = 0; j < n; j++) { \
        const T item = READ(*(const S *)(x + j * stride)); \
        const T value = counts ? item / (T)(scale * counts[j]) : item; \
        for (int64_t k = 0; k < repeat; k++) \
            to[j * step + k] = value; \
    } \
} \
\
CT_CLONES static void take_##name(char *out, int64_t stride, const void *grid, int64_t step, \
                                  int64_t n, const double *counts, double scale) \
{ \
    const T *restrict from = grid; \
    if (counts) { \
        for (int64_t j = 0; j < n; j++) \
            *(S *)(out + j * stride) = WRITE(from[j * step] / (T)(scale * counts[j])); \
    } else if (stride == sizeof(S) && step == 1) { \
        S *restrict to = (S *)out; \
        for (int64_t j = 0; j < n; j++) \
            to[j] = WRITE(from[j]); \
    } else if (stride == sizeof(S) && step == 2) { \
        S *restrict to = (S *)out; \
        for (int64_t j = 0; j < n; j++) \
            to[j] = WRITE(from[2 * j]); \
    } else { \
        for (int64_t j = 0; j < n; j++) \
            *(S *)(out + j * stride) = WRITE(from[j * step]); \
    } \
}
MOVES(u8, uint8_t, uint8_t, SAME, SAME)
MOVES(u16, uint16_t, uint16_t, SAME, SAME)
MOVES(u32, uint32_t, uint32_t, SAME, SAME)
MOVES(u64, uint64_t, uint64_t, SAME, SAME)
MOVES(f16, uint16_t, float, ct_half_to_float, ct_float_to_half)
MOVES(f32, float, float, SAME, SAME)
MOVES(f64, double, double, SAME, SAME)

/* ----- what is in a window ----- */

#define WINDOWS(name, S, T, READ, FOLD, NOTHING) \
CT_CLONES static void fill_##name(void *grid, int64_t n) \
{ \
    T *restrict to = grid; \
    for (int64_t i = 0; i < n; i++) \
        to[i] = NOTHING; \
} \
\
CT_CLONES static void fold_##name(void *grid, const char *x, int64_t stride, int64_t n) \
{ \
    T *restrict to = grid; \
    if (stride == sizeof(S)) { \
        const S *restrict from = (const S *)x; \
        for (int64_t j = 0; j < n; j++) { \
            const T item = READ(from[j]); \
            to[j] = FOLD(T, to[j], item); \
        } \
        return; \
    } \
    for (int64_t j = 0; j < n; j++) { \
        const T item = READ(*(const S *)(x + j * stride)); \
        to[j] = FOLD(T, to[j], item); \
    } \
} \
\
CT_CLONES static void combine_##name(void *restrict to, const void *from, int64_t near, \
                                     const void *rest, int64_t far, int64_t n) \
{ \
    T *restrict out = to; \
    const T *a = from, *b = a + near; \
    if (!rest) { \
        for (int64_t i = 0; i < n; i++) \
            out[i] = FOLD(T, a[i], b[i]); \
        return; \
    } \
    const T *c = (const T *)rest + far; \
    for (int64_t i = 0; i < n; i++) { \
        const T two = FOLD(T, a[i], b[i]); \
        out[i] = FOLD(T, two, c[i]); \
    } \
}
WINDOWS(max_i8, int8_t, int8_t, SAME, LARGER, INT8_MIN)
WINDOWS(max_u8, uint8_t, uint8_t, SAME, LARGER, 0)
WINDOWS(max_i16, int16_t, int16_t, SAME, LARGER, INT16_MIN)
WINDOWS(max_u16, uint16_t, uint16_t, SAME, LARGER, 0)
WINDOWS(max_i32, int32_t, int32_t, SAME, LARGER, INT32_MIN)
WINDOWS(max_u32, uint32_t, uint32_t, SAME, LARGER, 0)
WINDOWS(max_i64, int64_t, int64_t, SAME, LARGER, INT64_MIN)
WINDOWS(max_u64, uint64_t, uint64_t, SAME, LARGER, 0)
WINDOWS(max_f16, uint16_t, float, ct_half_to_float, LARGER, -__builtin_inff())
WINDOWS(max_f32, float, float, SAME, LARGER, -__builtin_inff())
WINDOWS(max_f64, double, double, SAME, LARGER, -__builtin_inf())
WINDOWS(any, uint8_t, uint8_t, SAME, EITHER, 0)
WINDOWS(sum_u8, uint8_t, uint8_t, SAME, PLUS, 0)
WINDOWS(sum_u16, uint16_t, uint16_t, SAME, PLUS, 0)
WINDOWS(sum_u32, uint32_t, uint32_t, SAME, PLUS, 0)
WINDOWS(sum_u64, uint64_t, uint64_t, SAME, PLUS, 0)
WINDOWS(sum_f16, uint16_t, float, ct_half_to_float, PLUS, 0)
WINDOWS(sum_f32, float, float, SAME, PLUS, 0)
WINDOWS(sum_f64, double, double, SAME, PLUS, 0)

/* ----- what equals the largest -----
 *
 * A block of items stays in vector registers while it is compared with all that it may equal. */

#define BLOCK 64                    /* bytes */

#define MATCH(name, T, M) \
typedef T block_##name __attribute__((vector_size(BLOCK))); \
typedef T loose_##name __attribute__((vector_size(BLOCK), aligned(sizeof(T)), may_alias)); \
typedef M mask_##name __attribute__((vector_size(BLOCK))); \
\
CT_CLONES static void match_##name(void *restrict out, const void *fixed, int64_t n, \
                                   const ct_meeting *with, int64_t meetings) \
{ \
    const int64_t lanes = BLOCK / sizeof(T); \
    const T *x = fixed; \
    T *restrict to = out; \
    int64_t i = 0; \
    for (; i + 2 * lanes <= n; i += 2 * lanes) { \
        const block_##name a = *(const loose_##name *)(x + i); \
        const block_##name b = *(const loose_##name *)(x + i + lanes); \
        block_##name sum_a = {0}, sum_b = {0}; \
        for (int64_t k = 0; k < meetings; k++) { \
            const loose_##name *moving = (const void *)((const T *)with[k].moving + i); \
            const loose_##name *value = (const void *)((const T *)with[k].value + i); \
            sum_a += (block_##name)((mask_##name)(a == moving[0]) & (mask_##name)value[0]); \
            sum_b += (block_##name)((mask_##name)(b == moving[1]) & (mask_##name)value[1]); \
        } \
        *(loose_##name *)(to + i) = sum_a; \
        *(loose_##name *)(to + i + lanes) = sum_b; \
    } \
    for (; i < n; i++) { \
        T sum = 0; \
        for (int64_t k = 0; k < meetings; k++) { \
            const T value = ((const T *)with[k].value)[i]; \
            sum += x[i] == ((const T *)with[k].moving)[i] ? value : 0; \
        } \
        to[i] = sum; \
    } \
}
MATCH(f32, float, int32_t)
MATCH(f64, double, int64_t)

/* ----- tables ----- */

#define LOOPS(S, T, PLAIN, move, window, match) \
    {sizeof(T), sizeof(S), PLAIN, fill_##window, put_##move, fold_##window, take_##move, \
     combine_##window, match}

const ct_pooling_loops ct_pooling_max[CT_NDTYPES] = {
    [CT_BOOL] = LOOPS(uint8_t, uint8_t, 1, u8, max_u8, NULL),
    [CT_I8] = LOOPS(int8_t, int8_t, 1, u8, max_i8, NULL),
    [CT_U8] = LOOPS(uint8_t, uint8_t, 1, u8, max_u8, NULL),
    [CT_I16] = LOOPS(int16_t, int16_t, 1, u16, max_i16, NULL),
    [CT_U16] = LOOPS(uint16_t, uint16_t, 1, u16, max_u16, NULL),
    [CT_I32] = LOOPS(int32_t, int32_t, 1, u32, max_i32, NULL),
    [CT_U32] = LOOPS(uint32_t, uint32_t, 1, u32, max_u32, NULL),
    [CT_I64] = LOOPS(int64_t, int64_t, 1, u64, max_i64, NULL),
    [CT_U64] = LOOPS(uint64_t, uint64_t, 1, u64, max_u64, NULL),
    [CT_F16] = LOOPS(uint16_t, float, 0, f16, max_f16, NULL),
    [CT_F32] = LOOPS(float, float, 1, f32, max_f32, NULL),
    [CT_F64] = LOOPS(double, double, 1, f64, max_f64, NULL),
};

const ct_pooling_loops ct_pooling_sum[CT_NDTYPES] = {
    [CT_BOOL] = LOOPS(uint8_t, uint8_t, 1, u8, any, NULL),
    [CT_I8] = LOOPS(int8_t, uint8_t, 1, u8, sum_u8, NULL),
    [CT_U8] = LOOPS(uint8_t, uint8_t, 1, u8, sum_u8, NULL),
    [CT_I16] = LOOPS(int16_t, uint16_t, 1, u16, sum_u16, NULL),
    [CT_U16] = LOOPS(uint16_t, uint16_t, 1, u16, sum_u16, NULL),
    [CT_I32] = LOOPS(int32_t, uint32_t, 1, u32, sum_u32, NULL),
    [CT_U32] = LOOPS(uint32_t, uint32_t, 1, u32, sum_u32, NULL),
    [CT_I64] = LOOPS(int64_t, uint64_t, 1, u64, sum_u64, NULL),
    [CT_U64] = LOOPS(uint64_t, uint64_t, 1, u64, sum_u64, NULL),
    [CT_F16] = LOOPS(uint16_t, float, 0, f16, sum_f16, match_f32),
    [CT_F32] = LOOPS(float, float, 1, f32, sum_f32, match_f32),
    [CT_F64] = LOOPS(double, double, 1, f64, sum_f64, match_f64),
};
