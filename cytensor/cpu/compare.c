/* compare.c: sorting what has no unsigned keys, by comparisons: complex numbers, and whole rows. */
#include "half.h"
#include "sort.h"

#include <string.h>

#define RUN 8                   /* indices that are sorted by insertion, before runs are merged */

/* ----- sorting indices ----- */

static void insert(int64_t *x, int64_t n, ct_before before, const void *rows)
{
    for (int64_t i = 1; i < n; i++) {
        const int64_t item = x[i];
        int64_t k = i;
        for (; k > 0 && before(rows, item, x[k - 1]); k--)
            x[k] = x[k - 1];
        x[k] = item;
    }
}

/* Merge the sorted x[0 .. m-1] and x[m .. n-1]. */
static void merge(const int64_t *x, int64_t m, int64_t n, int64_t *out, ct_before before,
                  const void *rows)
{
    int64_t i = 0, j = m, k = 0;
    while (i < m && j < n)
        out[k++] = before(rows, x[j], x[i]) ? x[j++] : x[i++];
    memcpy(out + k, x + i, (m - i) * sizeof *x);
    memcpy(out + k + m - i, x + j, (n - j) * sizeof *x);
}

int64_t *ct_sort_indices(int64_t *indices, int64_t *other, int64_t n, ct_before before,
                         const void *rows)
{
    for (int64_t i = 0; i < n; i += RUN)
        insert(indices + i, ct_min(RUN, n - i), before, rows);
    for (int64_t size = RUN; size < n; size *= 2) {
        for (int64_t i = 0; i < n; i += 2 * size)
            merge(indices + i, ct_min(size, n - i), ct_min(2 * size, n - i), other + i, before,
                  rows);
        int64_t *swap = indices;
        indices = other;
        other = swap;
    }
    return indices;
}

/* ----- comparing items: below 0, 0 or above 0; NaN comes after all numbers ----- */

typedef int (*comparer)(const char *a, const char *b);

#define BY_VALUE(a, b) (((a) > (b)) - ((a) < (b)))
#define NAN_LAST(a, b) ((a) != (a) || (b) != (b) ? ((a) != (a)) - ((b) != (b)) : BY_VALUE(a, b))
#define DIRECT(x) (x)

#define COMPARE(name, S, T, READ) \
static int compare_##name(const char *x, const char *y) \
{ \
    const T a = READ(*(const S *)x), b = READ(*(const S *)y); \
    return NAN_LAST(a, b); \
}
COMPARE(i8, int8_t, int8_t, DIRECT)
COMPARE(u8, uint8_t, uint8_t, DIRECT)
COMPARE(i16, int16_t, int16_t, DIRECT)
COMPARE(u16, uint16_t, uint16_t, DIRECT)
COMPARE(i32, int32_t, int32_t, DIRECT)
COMPARE(u32, uint32_t, uint32_t, DIRECT)
COMPARE(i64, int64_t, int64_t, DIRECT)
COMPARE(u64, uint64_t, uint64_t, DIRECT)
COMPARE(f16, uint16_t, float, ct_half_to_float)
COMPARE(f32, float, float, DIRECT)
COMPARE(f64, double, double, DIRECT)

/* First those without NaN, then those with one in the imaginary part, in the real part, in both;
 * among each, by the real part and then by the imaginary one. */
#define COMPARE_COMPLEX(name, T, part) \
static int compare_##name(const char *x, const char *y) \
{ \
    const T *a = (const T *)x, *b = (const T *)y; \
    const int of_a = 2 * (a[0] != a[0]) + (a[1] != a[1]); \
    const int of_b = 2 * (b[0] != b[0]) + (b[1] != b[1]); \
    if (of_a != of_b) \
        return of_a - of_b; \
    const int real = compare_##part(x, y); \
    return real ? real : compare_##part(x + sizeof(T), y + sizeof(T)); \
}
COMPARE_COMPLEX(c64, float, f32)
COMPARE_COMPLEX(c128, double, f64)

static const comparer comparers[CT_NDTYPES] = {
    [CT_BOOL] = compare_u8, [CT_I8] = compare_i8, [CT_U8] = compare_u8, [CT_I16] = compare_i16,
    [CT_U16] = compare_u16, [CT_I32] = compare_i32, [CT_U32] = compare_u32,
    [CT_I64] = compare_i64, [CT_U64] = compare_u64, [CT_F16] = compare_f16,
    [CT_F32] = compare_f32, [CT_F64] = compare_f64, [CT_C64] = compare_c64,
    [CT_C128] = compare_c128,
};

static int compare_rows(const ct_rows *r, const char *a, const char *b)
{
    const comparer compare = comparers[r->dtype];
    for (int64_t k = 0; k < r->columns; k++) {
        const int order = compare(a + k * r->strides[1], b + k * r->strides[1]);
        if (order)
            return order;
    }
    return 0;
}

int ct_row_before(const void *rows, int64_t i, int64_t j)
{
    const ct_rows *r = rows;
    return compare_rows(r, r->data + i * r->strides[0], r->data + j * r->strides[0]) < 0;
}

/* ----- which of sorted entries are new ----- */

/* Neighbours in a contiguous vector. NaN equals NaN. */
#define STARTS(name, T) \
CT_CLONES static void starts_##name(const char *data, int64_t n, uint8_t *restrict out) \
{ \
    const T *restrict x = (const T *)data; \
    for (int64_t i = 1; i < n; i++) \
        out[i] = (x[i] != x[i - 1]) & ((x[i] == x[i]) | (x[i - 1] == x[i - 1])); \
}
STARTS(u8, uint8_t)
STARTS(u16, uint16_t)
STARTS(u32, uint32_t)
STARTS(u64, uint64_t)
STARTS(f32, float)
STARTS(f64, double)

static void (*const starts[CT_NDTYPES])(const char *, int64_t, uint8_t *) = {
    [CT_BOOL] = starts_u8, [CT_I8] = starts_u8, [CT_U8] = starts_u8, [CT_I16] = starts_u16,
    [CT_U16] = starts_u16, [CT_I32] = starts_u32, [CT_U32] = starts_u32, [CT_I64] = starts_u64,
    [CT_U64] = starts_u64, [CT_F32] = starts_f32, [CT_F64] = starts_f64,
};

/* t[0] = whether each entry of t[1] differs from the one before; a row is an entry. */
int ct_starts(ct_call *call, int n, const ct_tensor *t, const int64_t *params)
{
    (void)call, (void)n, (void)params;
    const ct_tensor *x = &t[1];
    const int64_t count = x->dims[0], to = t[0].strides[0];
    const int matrix = x->ndim == 2;
    const ct_rows rows = {x->data, matrix ? x->dims[1] : 1,
                          {x->strides[0], matrix ? x->strides[1] : 0}, x->dtype};
    if (count == 0)
        return CT_OK;
    t[0].data[0] = 1;
    if (!matrix && starts[x->dtype] && to == 1 && x->strides[0] == ct_itemsize[x->dtype]) {
        starts[x->dtype](x->data, count, (uint8_t *)t[0].data);
        return CT_OK;
    }
    for (int64_t i = 1; i < count; i++) {
        const char *entry = x->data + i * x->strides[0];
        t[0].data[i * to] = compare_rows(&rows, entry - x->strides[0], entry) != 0;
    }
    return CT_OK;
}
