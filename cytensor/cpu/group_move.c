/* group_move.c: tiles from and to strided memory. */
#include "group.h"

#include <string.h>

/* Merge axes that follow each other in memory. Returns the number left; drops axes of size 1. */
int group_merge_axes(int n, const int64_t *dims, const int64_t *strides,
                      int64_t *out_dims, int64_t *out_strides)
{
    int m = 0;
    for (int a = 0; a < n; a++) {
        if (dims[a] == 1)
            continue;
        if (m && out_strides[m - 1] == strides[a] * dims[a]) {
            out_dims[m - 1] *= dims[a];
            out_strides[m - 1] = strides[a];
        } else {
            out_dims[m] = dims[a];
            out_strides[m] = strides[a];
            m++;
        }
    }
    return m;
}

/* Where the linear index i lies: fills idx, returns the offset in bytes. */
static int64_t locate(const value *v, int64_t i, int64_t *idx)
{
    int64_t off = 0;
    for (int a = v->nd - 1; a >= 0; a--) {
        idx[a] = i % v->dims[a];
        i /= v->dims[a];
        off += idx[a] * v->strides[a];
    }
    return off;
}

/* The offset in bytes of the linear index i. */
int64_t group_offset(const value *v, int64_t i)
{
    int64_t idx[CT_MAXDIM];
    return locate(v, i, idx);
}

/* Go `run` steps along the last axis, which takes at most to its end. */
static int64_t advance(const value *v, int64_t *idx, int64_t off, int64_t run)
{
    int a = v->nd - 1;
    idx[a] += run;
    off += run * v->strides[a];
    while (a > 0 && idx[a] == v->dims[a]) {
        off -= idx[a] * v->strides[a];
        idx[a--] = 0;
        idx[a]++;
        off += v->strides[a];
    }
    return off;
}

#define COPY_RUN(T) do { \
        T *o = (T *)out; \
        if (step == 0) { \
            const T x = *(const T *)in; \
            for (int64_t i = 0; i < run; i++) o[i] = x; \
        } else { \
            for (int64_t i = 0; i < run; i++) o[i] = *(const T *)(in + i * step); \
        } } while (0)

typedef struct { uint64_t a, b; } pair64;

void group_copy_run(char *out, const char *in, int64_t step, int64_t run, int item)
{
    if (step == item) {
        memcpy(out, in, run * item);
        return;
    }
    switch (item) {
    case 1: COPY_RUN(uint8_t); break;
    case 2: COPY_RUN(uint16_t); break;
    case 4: COPY_RUN(uint32_t); break;
    case 8: COPY_RUN(uint64_t); break;
    default: COPY_RUN(pair64);
    }
}

#define SCATTER_RUN(T) do { \
        const T *x = (const T *)in; \
        for (int64_t i = 0; i < run; i++) *(T *)(out + i * step) = x[i]; } while (0)

static void scatter_run(char *out, const char *in, int64_t step, int64_t run, int item)
{
    switch (item) {
    case 1: SCATTER_RUN(uint8_t); break;
    case 2: SCATTER_RUN(uint16_t); break;
    case 4: SCATTER_RUN(uint32_t); break;
    case 8: SCATTER_RUN(uint64_t); break;
    default: SCATTER_RUN(pair64);
    }
}

#define IOTA_RUN(T) do { \
        T *o = (T *)out; \
        for (int64_t i = 0; i < run; i++) o[i] = (T)(from + i * step); } while (0)

static void iota_run(char *out, int64_t from, int64_t step, int64_t run, int dtype)
{
    switch (dtype) {
    case CT_I8: case CT_U8: IOTA_RUN(uint8_t); break;
    case CT_I16: case CT_U16: IOTA_RUN(uint16_t); break;
    case CT_I32: case CT_U32: IOTA_RUN(uint32_t); break;
    case CT_I64: case CT_U64: IOTA_RUN(int64_t); break;
    case CT_F32: IOTA_RUN(float); break;
    case CT_F64: IOTA_RUN(double); break;
    }
}

/* Have the cache get elements [start, start + n) of a value whose rows are contiguous. */
void group_prefetch(const value *v, const char *data, int64_t start, int64_t n, int writes)
{
    int64_t idx[CT_MAXDIM], last = v->nd - 1;
    int64_t off = n > 0 ? locate(v, start, idx) : 0;
    while (n > 0) {
        const int64_t run = ct_least(v->dims[last] - idx[last], n);
        for (int64_t b = 0; b < run * v->item; b += CACHE_LINE) {
            if (writes)
                __builtin_prefetch(data + off + b, 1, 2);
            else
                __builtin_prefetch(data + off + b, 0, 2);
        }
        n -= run;
        off = advance(v, idx, off, run);
    }
}

/* Bring elements [start, start + n) of a strided value into a tile. */
void group_load(const value *v, char *out, const char *data, int64_t start, int64_t n)
{
    if (v->nd == 0) {
        if (v->source == CT_COUNT)
            iota_run(out, (int64_t)(intptr_t)data, 0, n, v->dtype);
        else
            group_copy_run(out, data, 0, n, v->item);
        return;
    }
    int64_t idx[CT_MAXDIM], last = v->nd - 1, step = v->strides[last];
    int64_t off = locate(v, start, idx);
    while (n > 0) {
        int64_t run = v->dims[last] - idx[last];
        run = run < n ? run : n;
        if (v->source == CT_COUNT)
            iota_run(out, (int64_t)(intptr_t)data + off, step, run, v->dtype);
        else
            group_copy_run(out, data + off, step, run, v->item);
        out += run * v->item;
        n -= run;
        off = advance(v, idx, off, run);
    }
}

/* Write a tile to elements [start, start + n) of a strided value. */
void group_store(const value *v, const char *in, char *data, int64_t start, int64_t n)
{
    if (v->nd == 0) {
        memcpy(data, in, v->item);
        return;
    }
    int64_t idx[CT_MAXDIM], last = v->nd - 1, step = v->strides[last];
    int64_t off = locate(v, start, idx);
    while (n > 0) {
        int64_t run = v->dims[last] - idx[last];
        run = run < n ? run : n;
        if (step == v->item)
            memcpy(data + off, in, run * v->item);
        else
            scatter_run(data + off, in, step, run, v->item);
        in += run * v->item;
        n -= run;
        off = advance(v, idx, off, run);
    }
}

