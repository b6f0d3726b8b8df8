/* pooling_apart.c: the gradient of the maximum where windows do not overlap.
 *
 * Each item is in one window at most, so that it is compared once, where it lies. */
#include "pooling.h"

/* Operands: t[0] is computed. */
enum { RESULT, IMAGE, LARGEST, VALUE };

/* ----- windows of two by two ----- */

/* A plane of `rows` by `columns` windows; in bytes, a row of operand k is step[k] from the next. */
typedef struct {
    int64_t rows, columns;
    char *data[CT_POOLING_OPERANDS];
    int64_t step[CT_POOLING_OPERANDS];
} plane;

/* Two rows of items belong to one of windows, which is doubled in vector registers. The last vector
 * may lie over the one before. */
#define PAIRS(name, T, M, BYTES, LOW, HIGH) \
typedef T block_##name __attribute__((vector_size(BYTES))); \
typedef T loose_##name __attribute__((vector_size(BYTES), aligned(sizeof(T)), may_alias)); \
typedef M mask_##name __attribute__((vector_size(BYTES))); \
\
CT_CLONES static void pairs_##name(const plane *p) \
{ \
    const int64_t most = BYTES / sizeof(T); \
    for (int64_t r = 0; r < 2 * p->rows; r++) { \
        T *out = (T *)(p->data[RESULT] + r * p->step[RESULT]); \
        const T *x = (const T *)(p->data[IMAGE] + r * p->step[IMAGE]); \
        const T *largest = (const T *)(p->data[LARGEST] + r / 2 * p->step[LARGEST]); \
        const T *value = (const T *)(p->data[VALUE] + r / 2 * p->step[VALUE]); \
        for (int64_t at = 0; at < p->columns; at += most) { \
            const int64_t i = ct_min(at, p->columns - most); \
            const block_##name y = *(const loose_##name *)(largest + i); \
            const mask_##name v = (mask_##name) *(const loose_##name *)(value + i); \
            const block_##name a = *(const loose_##name *)(x + 2 * i); \
            const block_##name b = *(const loose_##name *)(x + 2 * i + most); \
            *(loose_##name *)(out + 2 * i) = (block_##name)( \
                (mask_##name)(a == CT_PICK(mask_##name, y, y, LOW)) \
                & CT_PICK(mask_##name, v, v, LOW)); \
            *(loose_##name *)(out + 2 * i + most) = (block_##name)( \
                (mask_##name)(b == CT_PICK(mask_##name, y, y, HIGH)) \
                & CT_PICK(mask_##name, v, v, HIGH)); \
        } \
    } \
}
#define LOW_8 0, 0, 1, 1, 2, 2, 3, 3
#define HIGH_8 4, 4, 5, 5, 6, 6, 7, 7
#define LOW_4 0, 0, 1, 1
#define HIGH_4 2, 2, 3, 3
PAIRS(f32, float, int32_t, 32, LOW_8, HIGH_8)
PAIRS(few_f32, float, int32_t, 16, LOW_4, HIGH_4)
PAIRS(f64, double, int64_t, 32, LOW_4, HIGH_4)

/* How many windows of two a tile has along an axis; 0 where something else is in it. */
static int64_t pairs_along(const ct_pooling_axis *axis, int64_t start)
{
    const int64_t n = ct_min(axis->block, axis->n - start), end = start + n;
    return axis->step == 2 && axis->window == 2 && axis->pad == 0 && start % 2 == 0 && n % 2 == 0
        && end / 2 <= axis->m ? n / 2 : 0;
}

/* Compute the last two axes, or return 0. */
static int compute_plane(const ct_pooling *p, const int64_t *start, char *const *data)
{
    const int a = p->axes - 2;
    const ct_pooling_axis *rows = &p->axis[a], *columns = rows + 1;
    plane part = {pairs_along(rows, start[a]), pairs_along(columns, start[a + 1]), {0}, {0}};
    const int size = p->loops->size;
    if (part.rows == 0 || part.columns < 4)
        return 0;
    for (int k = 0; k < CT_POOLING_OPERANDS; k++) {
        const int64_t of_windows = k >= LARGEST;
        part.step[k] = rows->strides[k];
        part.data[k] = data[k] + (start[a] >> of_windows) * rows->strides[k]
            + (start[a + 1] >> of_windows) * size;
    }
    (size == 8 ? pairs_f64 : part.columns < 8 ? pairs_few_f32 : pairs_f32)(&part);
    return 1;
}

/* ----- any windows ----- */

/* A row of `n` items, the first of which is `from` items into a window, and what belongs to the
 * windows from there on. What is beyond the last window, or between two of them, gets nothing. */
typedef struct {
    int64_t from, n, windows, window, step;
} row;

#define ROW(name, T) \
CT_CLONES static void row_##name(row r, char *const *data) \
{ \
    T *restrict out = (T *)data[RESULT]; \
    const T *x = (const T *)data[IMAGE], *largest = (const T *)data[LARGEST]; \
    const T *value = (const T *)data[VALUE]; \
    int64_t i = 0; \
    for (int64_t w = 0; w < r.windows && i < r.n; w++) { \
        const int64_t end = ct_min(r.n, i + r.step - r.from); \
        const int64_t inside = ct_min(end, i + ct_max(r.window - r.from, 0)); \
        for (; i < inside; i++) \
            out[i] = x[i] == largest[w] ? value[w] : 0; \
        for (; i < end; i++) \
            out[i] = 0; \
        r.from = 0; \
    } \
    for (; i < r.n; i++) \
        out[i] = 0; \
}
ROW(f32, float)
ROW(f64, double)

/* The window in which an item is, or -1. */
static int64_t window_of(const ct_pooling_axis *axis, int64_t item)
{
    const int64_t at = item + axis->pad, w = at / axis->step;
    return w < axis->m && at % axis->step < axis->window ? w : -1;
}

static void compute_row(const ct_pooling *p, int64_t start, char *const *data, int is_in_window)
{
    const ct_pooling_axis *axis = &p->axis[p->axes - 1];
    const int64_t at = start + axis->pad, first = at / axis->step;
    const int64_t size = p->loops->size;
    const row r = {at % axis->step, ct_min(axis->block, axis->n - start),
                   is_in_window ? ct_max(axis->m - first, 0) : 0, axis->window, axis->step};
    char *const from[] = {data[RESULT] + start * size, data[IMAGE] + start * size,
                          data[LARGEST] + first * size, data[VALUE] + first * size};
    (size == 4 ? row_f32 : row_f64)(r, from);
}

/* All rows of a tile, from an axis on. */
static void compute(const ct_pooling *p, int a, const int64_t *start, char *const *data,
                    int is_in_window)
{
    const ct_pooling_axis *axis = &p->axis[a];
    if (a == p->axes - 1) {
        compute_row(p, start[a], data, is_in_window);
        return;
    }
    if (a == p->axes - 2 && is_in_window && compute_plane(p, start, data))
        return;
    for (int64_t i = start[a]; i < ct_min(start[a] + axis->block, axis->n); i++) {
        const int64_t w = window_of(axis, i);
        const int64_t at[] = {i, i, ct_max(w, 0), ct_max(w, 0)};
        char *next[CT_POOLING_OPERANDS];
        for (int k = 0; k < CT_POOLING_OPERANDS; k++)
            next[k] = data[k] + at[k] * axis->strides[k];
        compute(p, a + 1, start, next, is_in_window && w >= 0);
    }
}

int ct_pooling_apart_tile(const ct_pooling *p, const int64_t *start, char *const *data,
                          ct_room *room)
{
    (void)room;
    compute(p, 0, start, data, 1);
    return 1;
}

int ct_pooling_is_apart(const ct_pooling *p)
{
    const ct_pooling_axis *last = &p->axis[p->axes - 1];
    for (int a = 0; a < p->axes; a++)
        if (p->axis[a].step < p->axis[a].window)
            return 0;
    for (int k = 0; k < CT_POOLING_OPERANDS; k++)
        if (last->strides[k] != p->loops->size)
            return 0;
    return p->loops->plain;
}
