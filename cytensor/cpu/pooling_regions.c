/* pooling_regions.c: where the largest item is in each part of regions of images. */
#include "half.h"
#include "structured.h"

/* Images (batch, channels, height, width), regions (image, top, left, height, width), and what is
 * found: (regions, channels, rows, columns). */
typedef struct {
    const ct_tensor *found, *images, *regions;
} job;

/* The rows or columns first .. end - 1. */
typedef struct {
    int64_t first, end;
} span;

/* Part i of n of a stretch of an axis: what it touches, as far as it lies within the axis. */
static span part_of(int64_t i, int64_t n, int64_t start, int64_t length, int64_t size)
{
    const int64_t first = start + i * length / n, end = start + ct_ceil_div((i + 1) * length, n);
    return (span){first < 0 ? 0 : ct_min(first, size), end < 0 ? 0 : ct_min(end, size)};
}

#define SAME(x) (x)

/* The place of the first largest item, as if rows lay side by side; -1 if there is none. */
#define HIGHEST(name, S, T, READ) \
static int64_t highest_##name(const char *x, const int64_t *dims, const int64_t *strides, \
                              span rows, span columns) \
{ \
    int64_t found = -1; \
    T best = 0; \
    for (int64_t i = rows.first; i < rows.end; i++) { \
        const char *row = x + i * strides[0]; \
        for (int64_t j = columns.first; j < columns.end; j++) { \
            const T item = READ(*(const S *)(row + j * strides[1])); \
            if (found < 0 || item > best || (item != item && best == best)) { \
                best = item; \
                found = i * dims[1] + j; \
            } \
        } \
    } \
    return found; \
}
HIGHEST(f16, uint16_t, float, ct_half_to_float)
HIGHEST(f32, float, float, SAME)
HIGHEST(f64, double, double, SAME)

typedef int64_t (*highest)(const char *, const int64_t *, const int64_t *, span, span);
static const highest finders[CT_NDTYPES] = {
    [CT_F16] = highest_f16, [CT_F32] = highest_f32, [CT_F64] = highest_f64};

static int64_t number(const ct_tensor *regions, int64_t region, int64_t which)
{
    return *(const int64_t *)(regions->data + region * regions->strides[0]
                              + which * regions->strides[1]);
}

/* One channel of one region. */
static void find_region(void *ctx, int64_t task, int thread)
{
    const job *j = ctx;
    const ct_tensor *out = j->found, *x = j->images, *r = j->regions;
    const int64_t region = task / out->dims[1], channel = task % out->dims[1];
    const int64_t *dims = x->dims + 2, *strides = x->strides + 2;
    const char *image = x->data + number(r, region, 0) * x->strides[0] + channel * x->strides[1];
    char *row = out->data + region * out->strides[0] + channel * out->strides[1];
    (void)thread;
    for (int64_t i = 0; i < out->dims[2]; i++) {
        const span rows = part_of(i, out->dims[2], number(r, region, 1), number(r, region, 3),
                                  dims[0]);
        for (int64_t k = 0; k < out->dims[3]; k++) {
            const span columns = part_of(k, out->dims[3], number(r, region, 2),
                                         number(r, region, 4), dims[1]);
            *(int64_t *)(row + i * out->strides[2] + k * out->strides[3]) =
                finders[x->dtype](image, dims, strides, rows, columns);
        }
    }
}

/* t[0] = where the largest items are in the parts of the regions t[2] of the images t[1]. */
int ct_region_argmax(ct_call *call, int n, const ct_tensor *t, const int64_t *params)
{
    job j = {&t[0], &t[1], &t[2]};
    (void)n, (void)params;
    for (int64_t region = 0; region < t[2].dims[0]; region++) {
        const int64_t image = number(&t[2], region, 0);
        if (image < 0 || image >= t[1].dims[0]) {
            call->info[0] = image;
            call->info[1] = 0;
            call->info[2] = t[1].dims[0];
            return CT_INDEX;
        }
    }
    ct_run(t[0].dims[0] * t[0].dims[1], find_region, &j);
    return CT_OK;
}
