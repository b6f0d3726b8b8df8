/* arg.c: where the largest or smallest item along an axis is: the first of equals, NaN above all.
 *
 * Rows are searched in blocks: a pass that vectorises finds the extreme of a block, and only the
 * block that holds the extreme of the row is searched for its place. Columns are searched side by
 * side. Nothing is rounded, so that the work may be divided in any way. */
#include "half.h"
#include "structured.h"

#include <string.h>

#define BLOCK 2048
#define COLUMNS 1024            /* columns side by side: what they need stays in the L1 cache */
#define SEGMENT (1 << 30)       /* rows that an int32 can count */

/* ----- real dtypes: one set of functions per dtype and direction -----
 *
 * S is how an item is stored, T how it is compared, M a signed integer of T's size. BEATS is > for
 * a maximum. LANES of items are compared side by side, in as many vectors as fit the registers. */

#define DIRECT(x) (x)
#define LANES(T) (256 / (int)sizeof(T))

/* A NaN beats all but a NaN. */
#define IS_BETTER(BEATS, a, b) (((a) BEATS (b)) | (((a) != (a)) & ((b) == (b))))

#define SEARCH_TYPE(name, S, T, M, READ) \
static const T *block_##name(const char *x, int64_t n, int64_t stride, T *buffer) \
{ \
    if (sizeof(S) == sizeof(T) && stride == sizeof(S)) \
        return (const T *)x; \
    for (int64_t i = 0; i < n; i++) \
        buffer[i] = READ(*(const S *)(x + i * stride)); \
    return buffer; \
} \
\
/* Where `value`, or a NaN, is first. It is there. */ \
CT_CLONES static int64_t find_##name(const T *x, int64_t n, T value) \
{ \
    int64_t i = 0; \
    for (M found = 0; i + LANES(T) <= n; i += LANES(T)) { \
        for (int k = 0; k < LANES(T); k++) \
            found |= (x[i + k] == value) | (x[i + k] != x[i + k]); \
        if (found) \
            break; \
    } \
    while (x[i] != value && x[i] == x[i]) \
        i++; \
    return i; \
}

#define SEARCH(name, type, S, T, M, READ, BEATS) \
static int better_##name(const char *x, const char *than) \
{ \
    const T a = READ(*(const S *)x), b = READ(*(const S *)than); \
    return IS_BETTER(BEATS, a, b); \
} \
\
/* The extreme of n items, at least as many as lanes; NaN, if there is one. The last step may go \
 * over some items once more. */ \
CT_CLONES static T extreme_of_lanes_##name(const T *restrict x, int64_t n) \
{ \
    T lanes[LANES(T)]; \
    M unordered[LANES(T)]; \
    for (int k = 0; k < LANES(T); k++) { \
        lanes[k] = x[k]; \
        unordered[k] = x[k] != x[k]; \
    } \
    for (int64_t i = LANES(T); i < n; i += LANES(T)) { \
        const T *restrict at = x + ct_min(i, n - LANES(T)); \
        for (int k = 0; k < LANES(T); k++) { \
            lanes[k] = at[k] BEATS lanes[k] ? at[k] : lanes[k]; \
            unordered[k] |= at[k] != at[k]; \
        } \
    } \
    for (int k = 0; k < LANES(T); k++) \
        unordered[0] |= unordered[k]; \
    for (int half = LANES(T) / 2; half > 0; half /= 2) \
        for (int k = 0; k < half; k++) \
            lanes[k] = lanes[k + half] BEATS lanes[k] ? lanes[k + half] : lanes[k]; \
    return unordered[0] ? nan_##type : lanes[0]; \
} \
\
static T extreme_##name(const T *x, int64_t n) \
{ \
    T best = x[0]; \
    if (n >= LANES(T)) \
        return extreme_of_lanes_##name(x, n); \
    for (int64_t i = 1; i < n; i++) \
        best = IS_BETTER(BEATS, x[i], best) ? x[i] : best; \
    return best; \
} \
\
static inline void only_##name(const char *x, int64_t n, char *out) \
{ \
    *(T *)out = extreme_##name((const T *)x, n); \
} \
\
static inline int64_t place_##name(const char *x, int64_t n, const char *extreme) \
{ \
    return find_##type((const T *)x, n, *(const T *)extreme); \
} \
\
static int64_t row_##name(const char *x, int64_t n, int64_t stride) \
{ \
    T buffer[BLOCK], best = 0; \
    int64_t where = -1; \
    for (int64_t i = 0; i < n; i += BLOCK) { \
        const int64_t size = ct_min(BLOCK, n - i); \
        const T e = extreme_##name(block_##type(x + i * stride, size, stride, buffer), size); \
        if (where < 0 || IS_BETTER(BEATS, e, best)) { \
            best = e; \
            where = i; \
        } \
        if (best != best) \
            break; \
    } \
    const int64_t size = ct_min(BLOCK, n - where); \
    return where + find_##type(block_##type(x + where * stride, size, stride, buffer), size, \
                               best); \
} \
\
/* Go on with rows first .. first + n - 1 of m columns; at[j] stays -1 where nothing is better. */ \
CT_CLONES static void walk_##name(const char *x, int64_t n, int64_t stride, int64_t m, \
                                  T *restrict best, int32_t *restrict at) \
{ \
    for (int32_t i = 0; i < (int32_t)n; i++) { \
        const S *restrict row = (const S *)(x + i * stride); \
        for (int64_t j = 0; j < m; j++) { \
            const T v = READ(row[j]); \
            const int take = IS_BETTER(BEATS, v, best[j]); \
            best[j] = take ? v : best[j]; \
            at[j] = take ? i : at[j]; \
        } \
    } \
} \
\
static void columns_##name(const char *x, int64_t n, int64_t stride, int64_t m, int64_t *out) \
{ \
    T best[COLUMNS]; \
    int32_t at[COLUMNS]; \
    for (int64_t j = 0; j < m; j++) { \
        best[j] = READ(((const S *)x)[j]); \
        out[j] = 0; \
    } \
    for (int64_t i = 0; i < n; i += SEGMENT) { \
        memset(at, -1, sizeof at); \
        walk_##name(x + i * stride, ct_min(SEGMENT, n - i), stride, m, best, at); \
        for (int64_t j = 0; j < m; j++) \
            out[j] = at[j] < 0 ? out[j] : i + at[j]; \
    } \
}

#define FOR_REALS(X) \
    X(i8, int8_t, int8_t, int8_t, DIRECT) X(u8, uint8_t, uint8_t, int8_t, DIRECT) \
    X(i16, int16_t, int16_t, int16_t, DIRECT) X(u16, uint16_t, uint16_t, int16_t, DIRECT) \
    X(i32, int32_t, int32_t, int32_t, DIRECT) X(u32, uint32_t, uint32_t, int32_t, DIRECT) \
    X(i64, int64_t, int64_t, int64_t, DIRECT) X(u64, uint64_t, uint64_t, int64_t, DIRECT) \
    X(f16, uint16_t, float, int32_t, ct_half_to_float) \
    X(f32, float, float, int32_t, DIRECT) X(f64, double, double, int64_t, DIRECT)

/* What a block with a NaN returns. Integers have none, and never ask. */
enum { nan_i8, nan_u8 = 0, nan_i16 = 0, nan_u16 = 0, nan_i32 = 0, nan_u32 = 0, nan_i64 = 0,
       nan_u64 = 0 };
#define nan_f16 __builtin_nanf("")
#define nan_f32 __builtin_nanf("")
#define nan_f64 __builtin_nan("")

#define SEARCH_BOTH(name, S, T, M, READ) \
    SEARCH_TYPE(name, S, T, M, READ) \
    SEARCH(max_##name, name, S, T, M, READ, >) \
    SEARCH(min_##name, name, S, T, M, READ, <)
FOR_REALS(SEARCH_BOTH)

/* ----- complex dtypes: by the real parts, then the imaginary ones; a NaN in either counts ----- */

#define SEARCH_COMPLEX(name, R, BETTER) \
static int better_##name(const char *x, const char *than) \
{ \
    const R *a = (const R *)x, *b = (const R *)than; \
    if (b[0] != b[0] || b[1] != b[1]) \
        return 0; \
    if (a[0] != a[0] || a[1] != a[1]) \
        return 1; \
    return a[0] BETTER b[0] || (a[0] == b[0] && a[1] BETTER b[1]); \
} \
\
static int64_t row_##name(const char *x, int64_t n, int64_t stride) \
{ \
    int64_t where = 0; \
    for (int64_t i = 1; i < n; i++) \
        if (better_##name(x + i * stride, x + where * stride)) \
            where = i; \
    return where; \
}
SEARCH_COMPLEX(max_c64, float, >)
SEARCH_COMPLEX(min_c64, float, <)
SEARCH_COMPLEX(max_c128, double, >)
SEARCH_COMPLEX(min_c128, double, <)

#define REAL(way, name) \
    {row_##way##_##name, columns_##way##_##name, better_##way##_##name, only_##way##_##name, \
     place_##way##_##name}
#define HALF(way, name) \
    {row_##way##_##name, columns_##way##_##name, better_##way##_##name, NULL, NULL}
#define COMPLEX(way, name) {row_##way##_##name, NULL, better_##way##_##name, NULL, NULL}
#define SEARCHERS(way) { \
    [CT_BOOL] = REAL(way, u8), [CT_I8] = REAL(way, i8), [CT_U8] = REAL(way, u8), \
    [CT_I16] = REAL(way, i16), [CT_U16] = REAL(way, u16), [CT_I32] = REAL(way, i32), \
    [CT_U32] = REAL(way, u32), [CT_I64] = REAL(way, i64), [CT_U64] = REAL(way, u64), \
    [CT_F16] = HALF(way, f16), [CT_F32] = REAL(way, f32), [CT_F64] = REAL(way, f64), \
    [CT_C64] = COMPLEX(way, c64), [CT_C128] = COMPLEX(way, c128)}

static const ct_searcher max_searchers[CT_NDTYPES] = SEARCHERS(max);
static const ct_searcher min_searchers[CT_NDTYPES] = SEARCHERS(min);

const ct_searcher *ct_searcher_of(int is_max, int dtype)
{
    return &(is_max ? max_searchers : min_searchers)[dtype];
}

/* ----- over a tensor: operand 0 of the nest is the output, operand 1 the input at index 0 ----- */

typedef struct {
    const ct_searcher *search;
    int64_t n, stride;          /* of the axis */
} arg_axis;

static void search_rows(const ct_nest *nest, int64_t m, char *const *data, const void *ctx)
{
    const arg_axis *axis = ctx;
    const int last = nest->ndim - 1;
    for (int64_t j = 0; j < m; j++)
        *(int64_t *)(data[0] + j * nest->strides[0][last]) =
            axis->search->row(data[1] + j * nest->strides[1][last], axis->n, axis->stride);
}

static void search_columns(const ct_nest *nest, int64_t m, char *const *data, const void *ctx)
{
    const arg_axis *axis = ctx;
    const int64_t to = nest->strides[0][nest->ndim - 1], from = nest->strides[1][nest->ndim - 1];
    int64_t found[COLUMNS];
    for (int64_t j = 0; j < m; j += COLUMNS) {
        const int64_t size = ct_min(COLUMNS, m - j);
        axis->search->columns(data[1] + j * from, axis->n, axis->stride, size, found);
        for (int64_t k = 0; k < size; k++)
            *(int64_t *)(data[0] + (j + k) * to) = found[k];
    }
}

/* One long row in pieces, of which the first best one wins. */
typedef struct {
    const arg_axis *axis;
    const char *x;
    int64_t piece, found[CT_MAXTHREADS];
} split_row;

static void search_piece(void *ctx, int64_t task, int thread)
{
    split_row *split = ctx;
    const arg_axis *axis = split->axis;
    const int64_t first = task * split->piece, n = ct_min(split->piece, axis->n - first);
    (void)thread;
    split->found[task] = first + axis->search->row(split->x + first * axis->stride, n,
                                                   axis->stride);
}

static int64_t search_split(const arg_axis *axis, const char *x, int64_t pieces)
{
    split_row split = {.axis = axis, .x = x, .piece = ct_ceil_div(axis->n, pieces)};
    pieces = ct_ceil_div(axis->n, split.piece);
    ct_run(pieces, search_piece, &split);
    int64_t best = split.found[0];
    for (int64_t i = 1; i < pieces; i++)
        if (axis->search->better(x + split.found[i] * axis->stride, x + best * axis->stride))
            best = split.found[i];
    return best;
}

static void search_split_rows(const ct_nest *nest, int64_t m, char *const *data, const void *ctx)
{
    const arg_axis *axis = ctx;
    const int last = nest->ndim - 1;
    const int64_t pieces = ct_min(axis->n / CT_GRAIN, ct_pool_used->get_threads());
    for (int64_t j = 0; j < m; j++)
        *(int64_t *)(data[0] + j * nest->strides[0][last]) =
            search_split(axis, data[1] + j * nest->strides[1][last], pieces);
}

/* The axes that stay. */
static ct_nest kept_axes(const ct_tensor *out, const ct_tensor *x, int64_t axis)
{
    int64_t strides[CT_MAXDIM];
    for (int i = 0; i < out->ndim; i++)
        strides[i] = x->strides[i < axis ? i : i + 1];
    ct_nest nest = ct_nest_of(out);
    ct_nest_add(&nest, x->data, out->dims, strides);
    ct_nest_tidy(&nest, 1);
    return nest;
}

static int search(const ct_searcher *searchers, const ct_tensor *t, int64_t axis)
{
    const arg_axis a = {&searchers[t[1].dtype], t[1].dims[axis], t[1].strides[axis]};
    ct_nest nest = kept_axes(&t[0], &t[1], axis);
    const int64_t size = ct_nest_size(&nest), itemsize = ct_itemsize[t[1].dtype];
    if (size == 0)
        return CT_OK;
    if (a.n == 0)
        return CT_EMPTY;
    if (size < ct_pool_used->get_threads() && a.n >= 2 * CT_GRAIN)
        ct_nest_serial(&nest, 1, search_split_rows, &a);
    else if (a.search->columns && nest.strides[1][nest.ndim - 1] == itemsize
             && a.stride != itemsize)
        ct_nest_run(&nest, 1, a.n, 64, search_columns, &a);
    else
        ct_nest_run(&nest, 1, a.n, 1, search_rows, &a);
    return CT_OK;
}

/* t[0] = the index of the largest item of t[1] along params[0]. */
int ct_argmax(ct_call *call, int n, const ct_tensor *t, const int64_t *params)
{
    (void)call, (void)n;
    return search(max_searchers, t, params[0]);
}

/* The same for the smallest item. */
int ct_argmin(ct_call *call, int n, const ct_tensor *t, const int64_t *params)
{
    (void)call, (void)n;
    return search(min_searchers, t, params[0]);
}
