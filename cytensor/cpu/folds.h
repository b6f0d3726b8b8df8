/* folds.h: reductions of one tile. The order of the additions depends on the row's length alone.
 *
 * A row of floats shorter than 16 is folded from left to right. A longer one is dealt out to LANES
 * lanes: lane l takes x[l], x[l + LANES], ... What remains at the end (n mod LANES items) goes to
 * the last lanes. Then the upper half of the lanes is folded into the lower half, again and again.
 * How many lanes a vector register holds does not show in the result, so every instruction set
 * returns the same bits. Integers are exact in any order and are left to the compiler.
 */
#ifndef CT_FOLDS_H
#define CT_FOLDS_H

#include <math.h>
#include <string.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "abi.h"
#include "tile.h"

/* Bytes of a vector register. */
#if defined(__AVX512F__)
#define CT_REGISTER 64
#elif defined(__AVX2__)
#define CT_REGISTER 32
#else
#define CT_REGISTER 16
#endif

#define CT_SEQUENTIAL 16        /* rows shorter than this have no lanes */

/* ----- operations on scalars and on vectors: `a` is the result so far, `b` comes next ----- */

#define CT_SUM(a, b) ((a) + (b))
#define CT_PROD(a, b) ((a) * (b))
/* A NaN that comes is taken, and one that is there stays. */
#define CT_MAX(a, b) ((b) != (b) ? (b) : (b) > (a) ? (b) : (a))
#define CT_MIN(a, b) ((b) != (b) ? (b) : (b) < (a) ? (b) : (a))

#define CT_SUM_V(t, a, b) ((a) + (b))
#define CT_PROD_V(t, a, b) ((a) * (b))
#define CT_MAX_V(t, a, b) CT_SELECT(t, (b) != (b), b, CT_BEST_##t(max, a, b))
#define CT_MIN_V(t, a, b) CT_SELECT(t, (b) != (b), b, CT_BEST_##t(min, a, b))
/* C has no ?: for vectors. Compilers turn this into a blend. */
#define CT_SELECT(t, mask, a, b) \
    ((ct_v_##t)(((mask) & (ct_m_##t)(a)) | (~(mask) & (ct_m_##t)(b))))

/* b where it is larger (smaller), else a: one instruction of x86, which compilers do not find. */
#if defined(__AVX512F__)
#define CT_BEST_f32(op, a, b) ((ct_v_f32)_mm512_##op##_ps((__m512)(b), (__m512)(a)))
#define CT_BEST_f64(op, a, b) ((ct_v_f64)_mm512_##op##_pd((__m512d)(b), (__m512d)(a)))
#elif defined(__AVX2__)
#define CT_BEST_f32(op, a, b) ((ct_v_f32)_mm256_##op##_ps((__m256)(b), (__m256)(a)))
#define CT_BEST_f64(op, a, b) ((ct_v_f64)_mm256_##op##_pd((__m256d)(b), (__m256d)(a)))
#elif defined(__x86_64__)
#define CT_BEST_f32(op, a, b) ((ct_v_f32)_mm_##op##_ps((__m128)(b), (__m128)(a)))
#define CT_BEST_f64(op, a, b) ((ct_v_f64)_mm_##op##_pd((__m128d)(b), (__m128d)(a)))
#else
#define CT_BEATS_max(b, a) ((b) > (a))
#define CT_BEATS_min(b, a) ((b) < (a))
#define CT_BEST_f32(op, a, b) CT_SELECT(f32, CT_BEATS_##op(b, a), b, a)
#define CT_BEST_f64(op, a, b) CT_SELECT(f64, CT_BEATS_##op(b, a), b, a)
#endif

/* ----- floats ----- */

/* V: a register of T; M: the integers of the same size; U: V at any address. */
#define CT_FOLD_TYPES(t, T, I) \
typedef T ct_v_##t __attribute__((vector_size(CT_REGISTER))); \
typedef I ct_m_##t __attribute__((vector_size(CT_REGISTER))); \
typedef T ct_u_##t __attribute__((vector_size(CT_REGISTER), aligned(sizeof(T)), may_alias)); \
\
static inline ct_m_##t ct_iota_##t(void) \
{ \
    ct_m_##t iota; \
    for (int i = 0; i < (int)(CT_REGISTER / sizeof(T)); i++) \
        iota[i] = i; \
    return iota; \
} \
\
/* The lanes from `half` on, moved to the front. What follows them is not looked at. */ \
static inline ct_v_##t ct_upper_##t(ct_v_##t v, int half) \
{ \
    return CT_SHUFFLE(v, (ct_iota_##t() + (I)half) & (I)(CT_REGISTER / sizeof(T) - 1), t); \
}

#if defined(__clang__)          /* it shuffles by literal indices alone */
#define CT_SHUFFLE(v, from, t) ({ \
    const ct_m_##t from_ = (from); \
    ct_v_##t moved_; \
    for (int i_ = 0; i_ < (int)(sizeof(from_) / sizeof(from_[0])); i_++) \
        moved_[i_] = (v)[from_[i_]]; \
    moved_; })
#else
#define CT_SHUFFLE(v, from, t) __builtin_shuffle(v, from)
#endif

CT_FOLD_TYPES(f32, float, int32_t)
CT_FOLD_TYPES(f64, double, int64_t)

/* What is folded: an expression of the arrays x and y and of the number z, at place i. */
#define CT_TERM_X(AT, x, y, z, i) AT(x, i)
#define CT_TERM_SQR(AT, x, y, z, i) (AT(x, i) * AT(x, i))
#define CT_TERM_MUL(AT, x, y, z, i) (AT(x, i) * AT(y, i))
#define CT_TERM_SQR_DIFF(AT, x, y, z, i) ((AT(x, i) - AT(y, i)) * (AT(x, i) - AT(y, i)))
#define CT_TERM_SQR_SUB(AT, x, y, z, i) ((AT(x, i) - (z)) * (AT(x, i) - (z)))
#define CT_TERM_MUL_SUB(AT, x, y, z, i) (AT(x, i) * (AT(y, i) - (z)))
#define CT_AT_f32(x, i) (*(const ct_u_f32 *)((x) + (i)))
#define CT_AT_f64(x, i) (*(const ct_u_f64 *)((x) + (i)))
#define CT_AT_ONE(x, i) (x)[i]

/* Fold one row into `parts` adjacent results: 1, or the 2 of a complex number. */
#define CT_FOLD_LANES(name, OP, TERM, t, T, I, IDENTITY, LANES) \
static inline __attribute__((always_inline)) \
void name##_lanes##LANES(int64_t n, T *out, const T *x, const T *y, const T z, const int parts) \
{ \
    enum { WIDTH = CT_REGISTER / sizeof(T), REGISTERS = LANES / WIDTH }; \
    ct_v_##t acc[REGISTERS]; \
    int64_t i = LANES; \
    _Pragma("GCC unroll 8") \
    for (int k = 0; k < REGISTERS; k++) \
        acc[k] = TERM(CT_AT_##t, x, y, z, k * WIDTH); \
    for (; i + LANES <= n; i += LANES) { \
        _Pragma("GCC unroll 8") \
        for (int k = 0; k < REGISTERS; k++) { \
            const ct_v_##t next = TERM(CT_AT_##t, x, y, z, i + k * WIDTH); \
            acc[k] = OP##_V(t, acc[k], next); \
        } \
    } \
    if (i < n) { \
        const ct_v_##t identity = IDENTITY - (ct_v_##t){0};     /* -0 stays -0 */ \
        const I taken = (I)(i + LANES - n);         /* lanes without a last item */ \
        _Pragma("GCC unroll 8") \
        for (int k = 0; k < REGISTERS; k++) { \
            const ct_v_##t last = TERM(CT_AT_##t, x, y, z, n - LANES + k * WIDTH); \
            const ct_m_##t mask = ct_iota_##t() + (I)(k * WIDTH) >= taken; \
            const ct_v_##t next = CT_SELECT(t, mask, last, identity); \
            acc[k] = OP##_V(t, acc[k], next); \
        } \
    } \
    _Pragma("GCC unroll 4") \
    for (int half = REGISTERS / 2; half > 0; half /= 2) \
        _Pragma("GCC unroll 4") \
        for (int k = 0; k < half; k++) \
            acc[k] = OP##_V(t, acc[k], acc[k + half]); \
    ct_v_##t total = acc[0]; \
    _Pragma("GCC unroll 4") \
    for (int half = WIDTH / 2; half >= parts; half /= 2) { \
        const ct_v_##t upper = ct_upper_##t(total, half); \
        total = OP##_V(t, total, upper); \
    } \
    for (int p = 0; p < parts; p++) \
        out[p] = total[p]; \
}

/* Rows of a length that the compiler knows become code without branches. */
#define CT_BY_LENGTH(short_rows, rows, n, o, x, y, z) \
    switch (n) { \
    case 1: short_rows(rows, 1, o, x, y, z); break; \
    case 2: short_rows(rows, 2, o, x, y, z); break; \
    case 3: short_rows(rows, 3, o, x, y, z); break; \
    case 4: short_rows(rows, 4, o, x, y, z); break; \
    case 5: short_rows(rows, 5, o, x, y, z); break; \
    case 6: short_rows(rows, 6, o, x, y, z); break; \
    case 7: short_rows(rows, 7, o, x, y, z); break; \
    case 8: short_rows(rows, 8, o, x, y, z); break; \
    case 9: short_rows(rows, 9, o, x, y, z); break; \
    case 10: short_rows(rows, 10, o, x, y, z); break; \
    case 11: short_rows(rows, 11, o, x, y, z); break; \
    case 12: short_rows(rows, 12, o, x, y, z); break; \
    case 13: short_rows(rows, 13, o, x, y, z); break; \
    case 14: short_rows(rows, 14, o, x, y, z); break; \
    case 15: short_rows(rows, 15, o, x, y, z); break; \
    }

static inline int64_t ct_min_size(int64_t a, int64_t b) { return a < b ? a : b; }

/* Rows of terms of floats: `WIDE` lanes, and 16 where a row does not fill those twice. `z` has one
 * number for each row, or is NULL. */
#define CT_FOLD_ROWS(name, OP, TERM, t, T, I, IDENTITY, WIDE) \
CT_FOLD_LANES(name, OP, TERM, t, T, I, IDENTITY, 16) \
CT_FOLD_WIDE_##WIDE(name, OP, TERM, t, T, I, IDENTITY) \
\
static inline __attribute__((always_inline)) \
void name##_short(int64_t rows, const int64_t n, T *out, const T *x, const T *y, const T *z) \
{ \
    for (int64_t r = 0; r < rows; r++, x += n, y += n) { \
        const T zr = z ? z[r] : (T)0; \
        T total = TERM(CT_AT_ONE, x, y, zr, 0); \
        _Pragma("GCC unroll 16") \
        for (int64_t i = 1; i < n; i++) \
            total = OP(total, TERM(CT_AT_ONE, x, y, zr, i)); \
        out[r] = total; \
    } \
} \
\
static inline __attribute__((always_inline)) \
void name##_rows(int64_t rows, int64_t n, T *o, const T *x, const T *y, const T *z) \
{ \
    if (n < CT_SEQUENTIAL) { \
        CT_BY_LENGTH(name##_short, rows, n, o, x, y, z) \
    } else if (n < 2 * WIDE || WIDE == 16) { \
        for (int64_t r = 0; r < rows; r++) \
            name##_lanes16(n, o + r, x + r * n, y + r * n, z ? z[r] : (T)0, 1); \
    } else { \
        for (int64_t r = 0; r < rows; r++) \
            name##_lanes##WIDE(n, o + r, x + r * n, y + r * n, z ? z[r] : (T)0, 1); \
    } \
}

#define CT_FOLD_FLOAT(op, OP, t, T, I, IDENTITY, WIDE) \
CT_FOLD_ROWS(op##_##t, OP, CT_TERM_X, t, T, I, IDENTITY, WIDE) \
void fold_##op##_##t(int64_t rows, int64_t n, void *out, const void *in) \
{ \
    op##_##t##_rows(rows, n, out, in, in, NULL); \
} \
CT_ACCUMULATE(op##_##t, T, OP)

/* Sums of terms: of the arrays in[0] and in[Y], and of one number for each row, which Z finds. */
#define CT_SUM_TERMS(name, TERM, Y, Z, t, T, I, WIDE) \
CT_FOLD_ROWS(name##_##t, CT_SUM, TERM, t, T, I, -(T)0, WIDE) \
void terms_##name##_##t(int64_t rows, int64_t n, void *out, const void *const *in) \
{ \
    name##_##t##_rows(rows, n, out, in[0], in[Y], Z); \
}

#define CT_FOLD_WIDE_16(name, OP, TERM, t, T, I, IDENTITY)
#define CT_FOLD_WIDE_32(name, OP, TERM, t, T, I, IDENTITY) \
CT_FOLD_LANES(name, OP, TERM, t, T, I, IDENTITY, 32)

/* Complex sums: twice as many reals, and the tree ends at a real and an imaginary lane. */
#define CT_FOLD_COMPLEX_SUM(t, C, rt, R, LANES) \
void fold_sum_##t(int64_t rows, int64_t n, void *out, const void *in) \
{ \
    const C *x = in; \
    C *o = out; \
    for (int64_t r = 0; r < rows; r++, x += n) { \
        if (n >= CT_SEQUENTIAL) { \
            sum_##rt##_lanes##LANES(2 * n, (R *)(o + r), (const R *)x, (const R *)x, 0, 2); \
            continue; \
        } \
        C total = x[0]; \
        for (int64_t i = 1; i < n; i++) \
            total += x[i]; \
        o[r] = total; \
    } \
} \
CT_ACCUMULATE(sum_##t, C, CT_SUM)

/* ----- folds from left to right: integers, where the order is free, and complex products ----- */

#define CT_FOLD_PLAIN(op, OP, t, T) \
void fold_##op##_##t(int64_t rows, int64_t n, void *out, const void *in) \
{ \
    const T *x = in; \
    T *o = out; \
    for (int64_t r = 0; r < rows; r++, x += n) { \
        T total = x[0]; \
        for (int64_t i = 1; i < n; i++) \
            total = OP(total, x[i]); \
        o[r] = total; \
    } \
} \
CT_ACCUMULATE(op##_##t, T, OP)

/* ----- accumulation: four rows in one pass over the accumulators ----- */

#define CT_ACCUMULATE(name, T, OP) \
void accumulate_##name(int64_t rows, int64_t n, void *acc, const void *in) \
{ \
    T *restrict a = acc; \
    const T *restrict x = in; \
    int64_t r = 0; \
    for (; r + 4 <= rows; r += 4, x += 4 * n) { \
        for (int64_t j = 0; j < n; j++) { \
            T total = a[j]; \
            total = OP(total, x[j]); \
            total = OP(total, x[j + n]); \
            total = OP(total, x[j + 2 * n]); \
            a[j] = OP(total, x[j + 3 * n]); \
        } \
    } \
    for (; r < rows; r++, x += n) \
        for (int64_t j = 0; j < n; j++) \
            a[j] = OP(a[j], x[j]); \
}

/* ----- float16: folded in float, and each result rounded ----- */

#define CT_FOLD_HALF(op, OP) \
void fold_##op##_f16(int64_t rows, int64_t n, void *out, const void *in) \
{ \
    const uint16_t *x = in; \
    uint16_t *o = out; \
    float items[CT_TILE], totals[CT_TILE]; \
    const int64_t step = CT_TILE / n; \
    for (int64_t r = 0; r < rows; r += step, x += step * n, o += step) { \
        const int64_t some = ct_min_size(step, rows - r); \
        ct_load_half(some * n, items, x); \
        fold_##op##_f32(some, n, totals, items); \
        ct_store_half(some, o, totals); \
    } \
} \
\
void accumulate_##op##_f16(int64_t rows, int64_t n, void *acc, const void *in) \
{ \
    uint16_t *restrict a = acc; \
    const uint16_t *restrict x = in; \
    for (int64_t r = 0; r < rows; r++, x += n) { \
        for (int64_t j = 0; j < n; j++) { \
            const float total = half_to_float(a[j]), next = half_to_float(x[j]); \
            a[j] = float_to_half(OP(total, next)); \
        } \
    } \
}

#endif
