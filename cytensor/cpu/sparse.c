/* sparse.c: the product of a csr matrix and a dense one.
 *
 * Each row of the result is made by one thread, from its stored elements in their order, so that
 * the number of threads changes no bit. */
#include "sparse.h"

#include <string.h>

#define SMALL 40000             /* products of elements below which one thread is as fast */
#define TASKS_PER_THREAD 4

typedef struct {
    const ct_csr *x;
    const void *dense;
    void *out;
    int64_t ntasks;
} job;

/* A few columns of a row of the result at once: their sums stay in registers. The last columns
 * are fewer than BLOCK. */
#define BLOCK 16

#define DEFINE_ROWS(name, T, I)                                                                   \
static void name##_block(const ct_csr *x, const T *dense, T *row, int64_t first, int64_t last)    \
{                                                                                                 \
    T sums[BLOCK] = {0};                                                                          \
    for (int64_t p = first; p < last; p++) {                                                      \
        const T value = ((const T *)x->data)[p];                                                  \
        const T *other = dense + ((const I *)x->indices)[p] * x->width;                           \
        for (int j = 0; j < BLOCK; j++)                                                           \
            sums[j] += value * other[j];                                                          \
    }                                                                                             \
    memcpy(row, sums, sizeof sums);                                                               \
}                                                                                                 \
                                                                                                  \
static void name##_rest(const ct_csr *x, const T *dense, T *row, int width,                       \
                        int64_t first, int64_t last)                                              \
{                                                                                                 \
    T sums[BLOCK] = {0};                                                                          \
    for (int64_t p = first; p < last; p++) {                                                      \
        const T value = ((const T *)x->data)[p];                                                  \
        const T *other = dense + ((const I *)x->indices)[p] * x->width;                           \
        for (int j = 0; j < width; j++)                                                           \
            sums[j] += value * other[j];                                                          \
    }                                                                                             \
    memcpy(row, sums, width * sizeof(T));                                                         \
}                                                                                                 \
                                                                                                  \
static void name##_vector(const ct_csr *x, const T *dense, T *out, int64_t first, int64_t last)   \
{                                                                                                 \
    const I *indices = x->indices, *indptr = x->indptr;                                           \
    for (int64_t i = first; i < last; i++) {                                                      \
        T sum = 0;                                                                                \
        for (I p = indptr[i]; p < indptr[i + 1]; p++)                                             \
            sum += ((const T *)x->data)[p] * dense[indices[p]];                                   \
        out[i] = sum;                                                                             \
    }                                                                                             \
}                                                                                                 \
                                                                                                  \
static void name(const ct_csr *x, const T *dense, T *out, int64_t first, int64_t last)            \
{                                                                                                 \
    const I *indptr = x->indptr;                                                                  \
    if (x->width == 1) {                                                                          \
        name##_vector(x, dense, out, first, last);                                                \
        return;                                                                                   \
    }                                                                                             \
    for (int64_t i = first; i < last; i++) {                                                      \
        T *row = out + i * x->width;                                                              \
        int64_t j = 0;                                                                            \
        for (; j + BLOCK <= x->width; j += BLOCK)                                                 \
            name##_block(x, dense + j, row + j, indptr[i], indptr[i + 1]);                        \
        if (j < x->width)                                                                         \
            name##_rest(x, dense + j, row + j, x->width - j, indptr[i], indptr[i + 1]);           \
    }                                                                                             \
}

DEFINE_ROWS(rows_f32_i32, float, int32_t)
DEFINE_ROWS(rows_f32_i64, float, int64_t)
DEFINE_ROWS(rows_f64_i32, double, int32_t)
DEFINE_ROWS(rows_f64_i64, double, int64_t)

static void rows(const job *j, int64_t first, int64_t last)
{
    const ct_csr *x = j->x;
    if (x->is_double && x->is_wide)
        rows_f64_i64(x, j->dense, j->out, first, last);
    else if (x->is_double)
        rows_f64_i32(x, j->dense, j->out, first, last);
    else if (x->is_wide)
        rows_f32_i64(x, j->dense, j->out, first, last);
    else
        rows_f32_i32(x, j->dense, j->out, first, last);
}

static int64_t row_start(const ct_csr *x, int64_t i)
{
    return x->is_wide ? ((const int64_t *)x->indptr)[i] : ((const int32_t *)x->indptr)[i];
}

/* The first row of a task: tasks have about as many stored elements and rows, each. */
static int64_t task_start(const job *j, int64_t task)
{
    const int64_t n = j->x->nrows, all = row_start(j->x, n) + n;
    const int64_t wanted = all / j->ntasks * task;
    int64_t low = 0, high = n;
    if (task == j->ntasks)
        return n;
    while (low < high) {
        const int64_t middle = (low + high) / 2;
        if (row_start(j->x, middle) + middle < wanted)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void run_task(void *ctx, int64_t task, int thread)
{
    const job *j = ctx;
    (void)thread;
    rows(j, task_start(j, task), task_start(j, task + 1));
}

void ct_csr_dot(const ct_csr *x, const void *dense, void *out, const ct_pool *pool)
{
    const int threads = pool->get_threads();
    job j = {x, dense, out, (int64_t)threads * TASKS_PER_THREAD};
    if (threads < 2 || row_start(x, x->nrows) * x->width < SMALL)
        rows(&j, 0, x->nrows);
    else
        pool->parallel_for(threads, j.ntasks, run_task, &j);
}
