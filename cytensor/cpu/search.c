/* search.c: where items belong in a sorted vector, how often each integer occurs, and whether
 * indices are within bounds. */
#include "half.h"
#include "structured.h"

#include <stdatomic.h>
#include <stdlib.h>

/* ----- searchsorted ----- */

typedef struct {
    const char *x;
    int64_t n, stride;
} sorted_vector;

#define TOGETHER 8              /* searches side by side: while one waits, others go on */
#define DIRECT(x) (x)

/* Whether a comes before b: NaN after all numbers. */
#define BEFORE(a, b) (((a) < (b)) | (((b) != (b)) & ((a) == (a))))

/* at[k] is the number of items that come before value k, or, to the right, not after it. The
 * number of steps depends on the vector's length alone. */
#define SEARCH(name, S, T, READ) \
static inline void find_##name(const sorted_vector *vector, const T *value, int together, \
                               int right, int64_t *at) \
{ \
    for (int k = 0; k < together; k++) \
        at[k] = 0; \
    for (int64_t n = vector->n; n > 0; n /= 2) { \
        const int64_t half = n - n / 2; \
        for (int k = 0; k < together; k++) { \
            const T v = value[k]; \
            const T item = READ(*(const S *)(vector->x + (at[k] + half - 1) * vector->stride)); \
            at[k] += half * (right ? !BEFORE(v, item) : BEFORE(item, v)); \
        } \
    } \
} \
\
static inline void search_##name(const ct_nest *nest, int64_t m, char *const *data, \
                                 const void *ctx, int right) \
{ \
    const int last = nest->ndim - 1; \
    const int64_t to = nest->strides[0][last], from = nest->strides[1][last]; \
    T value[TOGETHER]; \
    int64_t at[TOGETHER]; \
    for (int64_t j = 0; j < m; j += TOGETHER) { \
        const int together = (int)ct_min(TOGETHER, m - j); \
        for (int k = 0; k < together; k++) \
            value[k] = READ(*(const S *)(data[1] + (j + k) * from)); \
        if (together == TOGETHER) \
            find_##name(ctx, value, TOGETHER, right, at); \
        else \
            find_##name(ctx, value, together, right, at); \
        for (int k = 0; k < together; k++) \
            *(int64_t *)(data[0] + (j + k) * to) = at[k]; \
    } \
} \
\
static void left_##name(const ct_nest *nest, int64_t m, char *const *data, const void *ctx) \
{ \
    search_##name(nest, m, data, ctx, 0); \
} \
\
static void right_##name(const ct_nest *nest, int64_t m, char *const *data, const void *ctx) \
{ \
    search_##name(nest, m, data, ctx, 1); \
}
SEARCH(i8, int8_t, int8_t, DIRECT)
SEARCH(u8, uint8_t, uint8_t, DIRECT)
SEARCH(i16, int16_t, int16_t, DIRECT)
SEARCH(u16, uint16_t, uint16_t, DIRECT)
SEARCH(i32, int32_t, int32_t, DIRECT)
SEARCH(u32, uint32_t, uint32_t, DIRECT)
SEARCH(i64, int64_t, int64_t, DIRECT)
SEARCH(u64, uint64_t, uint64_t, DIRECT)
SEARCH(f16, uint16_t, float, ct_half_to_float)
SEARCH(f32, float, float, DIRECT)
SEARCH(f64, double, double, DIRECT)

#define SIDES(name) {left_##name, right_##name}
static const ct_inner searchers[CT_NDTYPES][2] = {
    [CT_BOOL] = SIDES(u8), [CT_I8] = SIDES(i8), [CT_U8] = SIDES(u8), [CT_I16] = SIDES(i16),
    [CT_U16] = SIDES(u16), [CT_I32] = SIDES(i32), [CT_U32] = SIDES(u32), [CT_I64] = SIDES(i64),
    [CT_U64] = SIDES(u64), [CT_F16] = SIDES(f16), [CT_F32] = SIDES(f32), [CT_F64] = SIDES(f64),
};

/* t[0] = where the items of t[2] belong in the sorted vector t[1]; params[0]: to the right. */
int ct_searchsorted(ct_call *call, int n, const ct_tensor *t, const int64_t *params)
{
    (void)call, (void)n;
    const sorted_vector vector = {t[1].data, t[1].dims[0], t[1].strides[0]};
    ct_nest nest = ct_nest_of(&t[0]);
    ct_nest_broadcast(&nest, &t[2]);
    ct_nest_tidy(&nest, 0);
    ct_nest_run(&nest, 1, 32, TOGETHER, searchers[t[1].dtype][params[0] != 0], &vector);
    return CT_OK;
}

/* ----- bincount ----- */

#define CHUNK 512

CT_CLONES static int64_t highest_of(const int64_t *x, int64_t n)
{
    int64_t highest = -1;
    for (int64_t i = 0; i < n; i++)
        highest = x[i] > highest ? x[i] : highest;
    return highest;
}

static void highest_row(const ct_nest *nest, int64_t m, char *const *data, const void *ctx)
{
    _Atomic int64_t *highest = (_Atomic int64_t *)ctx;
    const int64_t stride = nest->strides[0][nest->ndim - 1];
    int64_t here = -1, before = *highest;
    if (stride == sizeof(int64_t))
        here = highest_of((const int64_t *)data[0], m);
    else
        for (int64_t i = 0; i < m; i++)
            here = here > *(const int64_t *)(data[0] + i * stride)
                       ? here : *(const int64_t *)(data[0] + i * stride);
    while (here > before && !atomic_compare_exchange_weak(highest, &before, here))
        continue;
}

/* t[0] = the largest item of the int64 vector t[1], but at least -1. */
int ct_highest(ct_call *call, int n, const ct_tensor *t, const int64_t *params)
{
    (void)call, (void)n, (void)params;
    _Atomic int64_t highest = -1;
    ct_nest nest = ct_nest_of(&t[1]);
    ct_nest_tidy(&nest, 0);
    ct_nest_run(&nest, 1, 1, 64, highest_row, &highest);
    *(int64_t *)t[0].data = highest;
    return CT_OK;
}

/* What a thread counts: its own piece into its own counts. */
typedef struct {
    const ct_tensor *x;
    int64_t piece, bins, *counts;
    _Atomic int bad;
} counting;

CT_CLONES static int any_outside(const int64_t *x, int64_t n, int64_t bins)
{
    int64_t bad = 0;
    for (int64_t i = 0; i < n; i++)
        bad |= x[i] | (bins - 1 - x[i]);
    return bad < 0;
}

/* The items from i on, at most CHUNK: where they are, or copied to `buffer`. */
static const int64_t *chunk_of(const ct_tensor *x, int64_t i, int64_t n, int64_t *buffer)
{
    const char *data = x->data + i * x->strides[0];
    if (x->strides[0] == sizeof(int64_t))
        return (const int64_t *)data;
    for (int64_t k = 0; k < n; k++)
        buffer[k] = *(const int64_t *)(data + k * x->strides[0]);
    return buffer;
}

static void count_piece(void *ctx, int64_t task, int thread)
{
    counting *c = ctx;
    int64_t *restrict counts = c->counts + task * c->bins, buffer[CHUNK];
    const int64_t first = task * c->piece, end = ct_min(first + c->piece, c->x->dims[0]);
    (void)thread;
    for (int64_t i = first; i < end; i += CHUNK) {
        const int64_t n = ct_min(CHUNK, end - i);
        const int64_t *x = chunk_of(c->x, i, n, buffer);
        if (any_outside(x, n, c->bins)) {
            c->bad = 1;
            return;
        }
        for (int64_t k = 0; k < n; k++)
            counts[x[k]]++;
    }
}

static int out_of_bins(ct_call *call)
{
    call->text = "the elements must not be negative";
    return CT_VALUE;
}

static int count_bins(ct_call *call, const ct_tensor *out, const ct_tensor *x)
{
    counting c = {.x = x, .bins = out->dims[0]};
    int64_t pieces = ct_min(ct_pool_used->get_threads(), x->dims[0] / (CT_GRAIN + 4 * c.bins));
    pieces = pieces > 1 ? pieces : 1;
    c.piece = ct_ceil_div(x->dims[0], pieces);
    c.counts = calloc(pieces * c.bins + 1, sizeof *c.counts);
    if (!c.counts)
        return CT_MEMORY;
    ct_run(x->dims[0] ? pieces : 0, count_piece, &c);
    for (int64_t bin = 0; bin < c.bins; bin++) {
        int64_t total = 0;
        for (int64_t k = 0; k < pieces; k++)
            total += c.counts[k * c.bins + bin];
        *(int64_t *)(out->data + bin * out->strides[0]) = total;
    }
    free(c.counts);
    return c.bad ? out_of_bins(call) : CT_OK;
}

/* Weights are added in their order. */
static int add_weights(ct_call *call, const ct_tensor *out, const ct_tensor *x,
                       const ct_tensor *weights)
{
    const ct_items add = ct_add_items(out->dtype);
    int64_t buffer[CHUNK];
    for (int64_t i = 0; i < x->dims[0]; i += CHUNK) {
        const int64_t n = ct_min(CHUNK, x->dims[0] - i);
        const int64_t *bins = chunk_of(x, i, n, buffer);
        if (any_outside(bins, n, out->dims[0]))
            return out_of_bins(call);
        add(n, out->data, (ct_places){bins, 0, out->strides[0]},
            weights->data + i * weights->strides[0], weights->strides[0]);
    }
    return CT_OK;
}

/* t[0] = how often each of 0, 1, .. occurs in the vector t[1]. */
int ct_bincount(ct_call *call, int n, const ct_tensor *t, const int64_t *params)
{
    (void)n, (void)params;
    return count_bins(call, &t[0], &t[1]);
}

/* The same, where each element of t[1] counts as much as that of t[2]. */
int ct_weighted_bincount(ct_call *call, int n, const ct_tensor *t, const int64_t *params)
{
    static const int64_t zero[2];
    (void)n, (void)params;
    const ct_tensor nothing = {(char *)zero, NULL, NULL, 0, t[0].dtype};
    ct_copy(call, 2, (ct_tensor[]){t[0], nothing}, NULL);
    return add_weights(call, &t[0], &t[1], &t[2]);
}

/* ----- bounds ----- */

typedef struct {
    int64_t n;
    _Atomic int bad;
} bound;

static void check_row(const ct_nest *nest, int64_t m, char *const *data, const void *ctx)
{
    bound *b = (bound *)ctx;
    const int last = nest->ndim - 1;
    int bad = 0;
    for (int64_t j = 0; j < m; j++) {
        const int64_t i = *(const int64_t *)(data[1] + j * nest->strides[1][last]);
        *(int64_t *)(data[0] + j * nest->strides[0][last]) = i;
        bad |= (uint64_t)i >= (uint64_t)b->n;
    }
    if (bad)
        b->bad = 1;
}

/* In the order of `ops/bounds.py`. */
static const char *const bound_errors[] = {
    "ravel_multi_index: invalid entry in coordinates array",
    "unravel_index: an index is out of bounds for an array of that shape",
    "choose: invalid entry in choice array",
    "y_i value out of bounds",
};

/* t[0] = t[1], all of which must be in 0 .. t[2] - 1. params[0] says whose error it is. */
int ct_bounded(ct_call *call, int n, const ct_tensor *t, const int64_t *params)
{
    (void)n;
    bound b = {.n = *(const int64_t *)t[2].data};
    ct_nest nest = ct_nest_of(&t[0]);
    ct_nest_broadcast(&nest, &t[1]);
    ct_nest_tidy(&nest, 0);
    ct_nest_run(&nest, 1, 1, 64, check_row, &b);
    call->text = bound_errors[params[0]];
    return b.bad ? CT_VALUE : CT_OK;
}
