/* mrg.c: uniform numbers of the generator MRG31k3p, in many streams.
 *
 * P. L'Ecuyer, R. Touzin: Fast combined multiple recursive generators with multipliers of the form
 * a = +-2^q +- 2^r. Winter Simulation Conference 2000. Two recurrences of order 3,
 *
 *     x[n] = 2^22 x[n-2] + (2^7 + 1) x[n-3]          modulo 2^31 - 1
 *     y[n] = 2^15 y[n-1] + (2^15 + 1) y[n-3]         modulo 2^31 - 21069
 *
 * make one number, their difference. Element i of an array is the next number of stream i modulo
 * the number of streams, so that streams advance side by side.
 */
#include <stdlib.h>
#include <string.h>

#include "half.h"
#include "structured.h"

#define M1 2147483647u          /* 2^31 - 1 */
#define M2 2147462579u          /* 2^31 - 21069 */
#define LANES 64                /* streams of one task */
#define STATE 6                 /* x[n], x[n-1], x[n-2]; y alike */

typedef uint32_t lanes[STATE][LANES];

/* x modulo m, for x below 2 m */
static inline uint32_t below(uint32_t x, uint32_t m)
{
    return x >= m ? x - m : x;
}

/* 2^15 y modulo M2, as 2^31 is 21069 there */
static inline uint32_t times_2_15(uint32_t y)
{
    return below(((y & 0xffff) << 15) + 21069 * (y >> 16), M2);
}

/* Advance m streams by one step; z is the difference, from 1 to M1. */
static inline __attribute__((always_inline)) void step(lanes s, int64_t m, uint32_t *z)
{
    for (int64_t j = 0; j < m; j++) {
        const uint32_t x2 = s[1][j], x3 = s[2][j], y1 = s[3][j], y3 = s[5][j];
        const uint32_t shifted = ((x2 & 0x1ff) << 22) + (x2 >> 9)           /* 2^22 x2 */
                                 + ((x3 & 0xffffff) << 7) + (x3 >> 24);     /* 2^7 x3 */
        const uint32_t x = below(below(shifted, M1) + x3, M1);
        const uint32_t y = below(below(times_2_15(y3) + y3, M2) + times_2_15(y1), M2);
        s[2][j] = x2;
        s[1][j] = s[0][j];
        s[0][j] = x;
        s[5][j] = s[4][j];
        s[4][j] = y1;
        s[3][j] = y;
        z[j] = x > y ? x - y : x - y + M1;
    }
}

/* Fill the elements of m streams: those from `first` on, in each row of `streams` elements. */
typedef void (*fill)(lanes s, int64_t m, int64_t first, int64_t streams, int64_t n, void *out);

#define FILL(name, T, value) \
CT_CLONES static void name(lanes s, int64_t m, int64_t first, int64_t streams, int64_t n, \
                           void *out) \
{ \
    uint32_t differences[LANES]; \
    for (int64_t at = first; at < n; at += streams) { \
        const int64_t now = ct_min(m, n - at); \
        if (m == LANES && now == LANES) \
            step(s, LANES, differences); \
        else \
            step(s, now, differences); \
        for (int64_t j = 0; j < now; j++) { \
            const int32_t z = (int32_t)differences[j]; \
            ((T *)out)[at + j] = value; \
        } \
    } \
}

/* The factors are those of Theano, so the numbers are, too. That of float32 is a little less than
 * 2^-31, which keeps the largest number below 1; that of float16 is about 2^-15. */
FILL(fill_f32, float, (float)z * 0x1.fffffep-32f)
FILL(fill_f64, double, z * 0x1p-31)
FILL(fill_f16, uint16_t, ct_float_to_half((float)((z & 0x7fff) + 1) * 0x1.ffp-16f))

typedef struct {
    const ct_tensor *t;
    int64_t n, streams;
    fill fill;
} generation;

static void copy_states(const ct_tensor *t, lanes s, int64_t first, int64_t m, int to_lanes)
{
    for (int k = 0; k < STATE; k++)
        for (int64_t j = 0; j < m; j++) {
            char *at = t->data + (first + j) * t->strides[0] + k * t->strides[1];
            memcpy(to_lanes ? (char *)&s[k][j] : at, to_lanes ? at : (char *)&s[k][j], 4);
        }
}

static void advance_block(void *ctx, int64_t task, int thread)
{
    const generation *g = ctx;
    const int64_t first = task * LANES, m = ct_min(LANES, g->streams - first);
    lanes s;
    (void)thread;
    copy_states(&g->t[2], s, first, m, 1);
    g->fill(s, m, first, g->streams, g->n, g->t[1].data);
    copy_states(&g->t[0], s, first, m, 0);
}

/* t[0] = the states after t[1] = numbers between 0 and 1, from the states t[2], one a row. */
int ct_random_mrg(ct_call *call, int n, const ct_tensor *t, const int64_t *params)
{
    generation g = {t, ct_product(t[1].ndim, t[1].dims), t[2].dims[0],
                    t[1].dtype == CT_F32 ? fill_f32 : t[1].dtype == CT_F64 ? fill_f64 : fill_f16};
    (void)call, (void)n, (void)params;
    const int64_t tasks = ct_ceil_div(g.streams, LANES);
    if (g.n < CT_GRAIN)
        for (int64_t task = 0; task < tasks; task++)
            advance_block(&g, task, 0);
    else
        ct_run(tasks, advance_block, &g);
    return CT_OK;
}

/* ----- choices without replacement ----- */

/* The first place whose running sum, added up in double, is above u; else the last that has a
 * probability. */
#define CHOOSE(name, T) \
static int64_t place_##name(const T *p, int64_t n, double u, double *sum) \
{ \
    int64_t last = 0; \
    *sum = 0; \
    for (int64_t k = 0; k < n; k++) { \
        *sum += p[k]; \
        if (*sum > u) \
            return k; \
        if (p[k] > 0) \
            last = k; \
    } \
    return last; \
} \
\
/* Take a place out, and scale the others so that their sum is 1 again. */ \
static void remove_##name(T *p, int64_t n, int64_t place, double before) \
{ \
    T rest = (T)(before - p[place]); \
    p[place] = 0; \
    for (int64_t k = place; k < n; k++) \
        rest += p[k]; \
    for (int64_t k = 0; k < n; k++) \
        p[k] /= rest; \
} \
\
static void choose_##name(const ct_tensor *t, int64_t row, T *p) \
{ \
    const int64_t n = t[1].dims[1], count = t[0].dims[1], rows = t[1].dims[0]; \
    for (int64_t k = 0; k < n; k++) \
        p[k] = *(const T *)(t[1].data + row * t[1].strides[0] + k * t[1].strides[1]); \
    for (int64_t c = 0; c < count; c++) { \
        double sum; \
        const double u = *(const double *)(t[2].data + (c * rows + row) * t[2].strides[0]); \
        const int64_t place = place_##name(p, n, u, &sum); \
        ((int64_t *)t[0].data)[row * count + c] = place; \
        remove_##name(p, n, place, sum); \
    } \
}

CHOOSE(f32, float)
CHOOSE(f64, double)

/* t[0] = different places of the rows of t[1], one for each of the uniform numbers t[2]. */
int ct_mrg_choice(ct_call *call, int n, const ct_tensor *t, const int64_t *params)
{
    void *p = malloc(t[1].dims[1] * sizeof(double) + 1);
    (void)call, (void)n, (void)params;
    if (!p)
        return CT_MEMORY;
    for (int64_t row = 0; row < t[1].dims[0]; row++) {
        if (t[1].dtype == CT_F32)
            choose_f32(t, row, p);
        else
            choose_f64(t, row, p);
    }
    free(p);
    return CT_OK;
}
