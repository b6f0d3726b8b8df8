/* product_loops.c: matrix products by plain loops, for every dtype but float16.
 *
 * Each item is a sum over k in ascending order, whatever the layout. A strip of a few rows of c is
 * summed up at a time: it stays in the L1 cache while b passes by once for all of its rows. */
#include "arith.h"
#include "product.h"

#include <stdlib.h>
#include <string.h>

#define ROWS 4
#define WIDTH 128
#define TASK_WORK (1 << 18)     /* multiplications that are worth a task */

#define LOOPS(name, T, SUM, PRODUCT) \
/* totals[i][j] = sum over k of a[i][k] * b[k][j], for rows <= ROWS and columns <= WIDTH */ \
CT_CLONES static void strip_##name(const ct_matrix *a, const ct_matrix *b, int64_t rows, \
                                   int64_t columns, T totals[ROWS][WIDTH]) \
{ \
    for (int64_t i = 0; i < rows; i++) \
        for (int64_t j = 0; j < columns; j++) \
            totals[i][j] = 0; \
    for (int64_t k = 0; k < a->columns; k++) \
        for (int64_t i = 0; i < rows; i++) { \
            const T factor = *(const T *)(a->data + i * a->row_step + k * a->column_step); \
            const char *row = b->data + k * b->row_step; \
            T *restrict total = totals[i]; \
            if (b->column_step == sizeof(T)) \
                for (int64_t j = 0; j < columns; j++) \
                    total[j] = SUM(total[j], PRODUCT(factor, ((const T *)row)[j])); \
            else \
                for (int64_t j = 0; j < columns; j++) \
                    total[j] = SUM(total[j], \
                                   PRODUCT(factor, *(const T *)(row + j * b->column_step))); \
        } \
} \
\
static void store_##name(const ct_product_of *p, const ct_matrix *c, T totals[ROWS][WIDTH]) \
{ \
    const T alpha = *(const T *)p->alpha, beta = *(const T *)p->beta; \
    if (alpha == 1 && beta == 0 && c->column_step == sizeof(T)) { \
        for (int64_t i = 0; i < c->rows; i++) \
            memcpy(c->data + i * c->row_step, totals[i], c->columns * sizeof(T)); \
        return; \
    } \
    for (int64_t i = 0; i < c->rows; i++) \
        for (int64_t j = 0; j < c->columns; j++) { \
            T *at = (T *)(c->data + i * c->row_step + j * c->column_step); \
            const T total = alpha == 1 ? totals[i][j] : (T)PRODUCT(alpha, totals[i][j]); \
            *at = beta == 0 ? total : (T)SUM(total, PRODUCT(beta, *at)); \
        } \
} \
\
static void rows_##name(const ct_product_of *p, int64_t first, int64_t n) \
{ \
    T totals[ROWS][WIDTH]; \
    for (int64_t j = 0; j < p->c.columns; j += WIDTH) { \
        const int64_t columns = ct_min(WIDTH, p->c.columns - j); \
        const ct_matrix b = ct_some_columns(p->b, j, columns); \
        const ct_matrix c = ct_some_columns(p->c, j, columns); \
        for (int64_t i = first; i < first + n; i += ROWS) { \
            const int64_t rows = ct_min(ROWS, first + n - i); \
            const ct_matrix a = ct_some_rows(p->a, i, rows), to = ct_some_rows(c, i, rows); \
            strip_##name(&a, &b, rows, columns, totals); \
            store_##name(p, &to, totals); \
        } \
    } \
}
CT_FOR_ARITH(LOOPS)

typedef void (*row_loop)(const ct_product_of *p, int64_t first, int64_t n);
#define ROW_LOOP(name) rows_##name
static const row_loop row_loops[CT_NDTYPES] = CT_ARITH_TABLE(ROW_LOOP);

typedef struct {
    const ct_product_of *p;
    int64_t rows;                   /* per task */
} loop_run;

static void run_rows(void *ctx, int64_t task, int thread)
{
    const loop_run *run = ctx;
    const int64_t first = task * run->rows;
    (void)thread;
    row_loops[run->p->dtype](run->p, first, ct_min(run->rows, run->p->c.rows - first));
}

/* Make the rows of b contiguous, if they are read often. */
static int tidy_b(ct_product_of *p, char **scratch)
{
    const int itemsize = ct_itemsize[p->dtype];
    if (p->b.column_step == itemsize || p->b.columns == 1 || p->c.rows <= ROWS
        || p->b.rows * p->b.columns < 256)
        return CT_OK;
    ct_matrix b = ct_matrix_like(&p->b, itemsize);
    if (b.data == NULL)
        return CT_MEMORY;
    ct_matrix_copy(&b, &p->b, itemsize);
    p->b = b;
    *scratch = b.data;
    return CT_OK;
}

int ct_product_loops(ct_call *call, const ct_product_of *given)
{
    (void)call;
    ct_product_of p = *given;
    char *scratch = NULL;
    if (tidy_b(&p, &scratch) != CT_OK)
        return CT_MEMORY;
    const int64_t per_row = p.c.columns * (p.a.columns + 1);
    loop_run run = {&p, ct_ceil_div(ct_ceil_div(TASK_WORK, per_row), ROWS) * ROWS};
    ct_run(ct_ceil_div(p.c.rows, run.rows), run_rows, &run);
    free(scratch);
    return CT_OK;
}
