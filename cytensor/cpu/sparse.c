/* sparse.c: the product of a csr matrix and a dense one.
 *
 * Each row of the result is made by one thread, from its stored elements in their order, so that
 * the number of threads changes no bit. */
#include "sparse.h"
#include "nest.h"

#include <string.h>

#define SMALL 40000             /* products of elements below which one thread is as fast */
#define TASKS_PER_THREAD 4

typedef struct {
    const ct_csr *x;
    const void *dense;
    void *out;
    int64_t ntasks;
} job;

/* Some columns of a row of the result: as many as a constant says, so that their sums stay in
 * registers. The order of a sum is that of the stored elements, whatever the block. */
#define DEFINE_BLOCK(name, T, I, BLOCK)                                                           \
static inline void name##_##BLOCK(const ct_csr *x, const T *dense, T *row, int64_t first,         \
                                  int64_t last)                                                   \
{                                                                                                 \
    T sums[BLOCK] = {0};                                                                          \
    for (int64_t p = first; p < last; p++) {                                                      \
        const T value = ((const T *)x->data)[p];                                                  \
        const T *other = dense + ((const I *)x->indices)[p] * x->width;                           \
        for (int j = 0; j < BLOCK; j++)                                                           \
            sums[j] += value * other[j];                                                          \
    }                                                                                             \
    memcpy(row, sums, sizeof sums);                                                               \
}

#define DEFINE_ROWS(name, T, I)                                                                   \
DEFINE_BLOCK(name, T, I, 16)                                                                      \
DEFINE_BLOCK(name, T, I, 8)                                                                       \
DEFINE_BLOCK(name, T, I, 4)                                                                       \
DEFINE_BLOCK(name, T, I, 2)                                                                       \
DEFINE_BLOCK(name, T, I, 1)                                                                       \
                                                                                                  \
CT_CLONES                                                                                         \
static void name(const ct_csr *x, const T *dense, T *out, int64_t first_row, int64_t last_row)    \
{                                                                                                 \
    const int64_t width = x->width;                                                               \
    for (int64_t i = first_row; i < last_row; i++) {                                              \
        const int64_t first = ((const I *)x->indptr)[i], last = ((const I *)x->indptr)[i + 1];    \
        T *row = out + i * width;                                                                 \
        int64_t j = 0;                                                                            \
        for (; width - j >= 16; j += 16)                                                          \
            name##_16(x, dense + j, row + j, first, last);                                        \
        for (; width - j >= 8; j += 8)                                                            \
            name##_8(x, dense + j, row + j, first, last);                                         \
        for (; width - j >= 4; j += 4)                                                            \
            name##_4(x, dense + j, row + j, first, last);                                         \
        for (; width - j >= 2; j += 2)                                                            \
            name##_2(x, dense + j, row + j, first, last);                                         \
        for (; width - j >= 1; j += 1)                                                            \
            name##_1(x, dense + j, row + j, first, last);                                         \
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
