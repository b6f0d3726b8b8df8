/* product_blas.c: matrix products by BLAS, in blocks that the sizes alone determine.
 *
 * BLAS stores matrices by columns, in Fortran's way: a matrix is usable if its rows or its columns
 * are contiguous. Each block is one call of BLAS on one thread, so that the number of
 * threads changes who computes a block, and never its bits. */
#include "product.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

ct_blas ct_blas_used;

/* ----- layouts ----- */

/* A matrix as BLAS takes it: 'N' by columns, 'T' by rows; 0 if it cannot be taken. */
typedef struct {
    char trans;
    int64_t step;                   /* items from column to column, or from row to row */
} layout;

static layout by_columns(const ct_matrix *x, int itemsize)
{
    if (x->rows > 1 && x->row_step != itemsize)
        return (layout){0, 0};
    if (x->columns <= 1)
        return (layout){'N', x->rows};
    if (x->column_step % itemsize || x->column_step / itemsize < x->rows)
        return (layout){0, 0};
    return (layout){'N', x->column_step / itemsize};
}

static layout layout_of(const ct_matrix *x, int itemsize)
{
    const ct_matrix other = ct_transposed(*x);
    layout l = by_columns(x, itemsize);
    if (l.trans == 0) {
        l = by_columns(&other, itemsize);
        l.trans = l.trans ? 'T' : 0;
    }
    return l;
}

ct_matrix ct_matrix_like(const ct_matrix *x, int itemsize)
{
    char *data = malloc(x->rows * x->columns * itemsize + 1);
    return (ct_matrix){data, x->rows, x->columns, x->columns * itemsize, itemsize};
}

void ct_matrix_copy(const ct_matrix *to, const ct_matrix *from, int itemsize)
{
    const int64_t dims[2] = {from->rows, from->columns};
    const int64_t out[2] = {to->row_step, to->column_step};
    const int64_t in[2] = {from->row_step, from->column_step};
    ct_nest nest = ct_nest_new(2, dims);
    ct_nest_add(&nest, to->data, dims, out);
    ct_nest_add(&nest, from->data, dims, in);
    ct_copy_nest(&nest, itemsize);
}

/* Replace a matrix by a contiguous copy. `scratch` is to be freed. */
static int make_contiguous(ct_matrix *x, int itemsize, char **scratch)
{
    ct_matrix copy = ct_matrix_like(x, itemsize);
    if (copy.data == NULL)
        return CT_MEMORY;
    ct_matrix_copy(&copy, x, itemsize);
    *x = copy;
    *scratch = copy.data;
    return CT_OK;
}

static int fits(int64_t size)
{
    return -INT_MAX <= size && size <= INT_MAX;
}

static int too_large(ct_call *call)
{
    call->text = "matmul: BLAS takes at most 2147483647 rows, columns, and items between them";
    return CT_VALUE;
}

/* ----- blocks -----
 *
 * To cut a side costs some speed, since the other factor is prepared once more. Up to four blocks
 * are made early, because most machines have that many cores; more only where they stay large. */

#define CUT_WORK 1000000            /* multiplications from which two blocks are made */
#define LARGE_WORK 32000000
#define LARGE_AREA (1 << 18)
#define MOST_BLOCKS 64

typedef struct {
    int64_t rows, columns;          /* of a block of c */
    int64_t down, across;           /* how many there are */
} blocks;

static int64_t halved(int64_t n)
{
    return ct_ceil_div(ct_ceil_div(n, 2), 16) * 16;
}

static blocks cut_product(int64_t m, int64_t n, int64_t k)
{
    int64_t rows = m, columns = n, count = 1;
    while (count < MOST_BLOCKS) {
        const double area = (double)rows * columns, work = area * k;
        if (work <= CUT_WORK || (rows < 32 && columns < 32)
            || (count >= 4 && (work <= LARGE_WORK || area < LARGE_AREA)))
            break;
        if (rows >= columns)
            rows = halved(rows);
        else
            columns = halved(columns);
        count *= 2;
    }
    return (blocks){rows, columns, ct_ceil_div(m, rows), ct_ceil_div(n, columns)};
}

/* ----- gemm: c is stored by columns ----- */

/* A product of long rows with long columns, as the gradient of a weight is. To prepare the factors
 * takes BLAS about as long as to multiply them, unless it takes the product for a small one: where
 * it has kernels for those, several short products are added up. */
#define SMALL_WORK 1000000          /* OpenBLAS: above this, a product is not small */
#define FLAT 100                    /* multiplications per item that would be prepared */
#define SHORTEST 16

static int has_small_kernels(int dtype)
{
    const char *core = ct_blas_core();
    return dtype <= CT_F64 && core != NULL && strcmp(core, "SkylakeX") == 0;
}

/* How many columns of a (and rows of b) one call takes, for a block of m by n. */
static int64_t depth_of(int64_t m, int64_t n, int64_t k, int small)
{
    const int64_t depth = SMALL_WORK / (m * n);
    return !small || k <= depth || depth < SHORTEST || m * n > FLAT * (m + n) ? k : depth;
}

typedef struct {
    const ct_product_of *p;
    layout a, b, c;
    blocks cut;
    int small;
} gemm_run;

static void gemm_block(void *ctx, int64_t task, int thread)
{
    const gemm_run *run = ctx;
    const ct_product_of *p = run->p;
    const int64_t row = task % run->cut.down * run->cut.rows;
    const int64_t column = task / run->cut.down * run->cut.columns;
    int m = (int)ct_min(run->cut.rows, p->c.rows - row);
    int n = (int)ct_min(run->cut.columns, p->c.columns - column);
    const int64_t depth = depth_of(m, n, p->a.columns, run->small);
    const double one_f64 = 1;
    const float one_f32 = 1;
    const void *beta = p->beta;
    int lda = (int)run->a.step, ldb = (int)run->b.step, ldc = (int)run->c.step;
    char ta = run->a.trans, tb = run->b.trans;
    char *c = p->c.data + row * p->c.row_step + column * p->c.column_step;
    (void)thread;
    for (int64_t first = 0; first == 0 || first < p->a.columns; first += depth) {
        int k = (int)ct_min(depth, p->a.columns - first);
        char *a = p->a.data + row * p->a.row_step + first * p->a.column_step;
        char *b = p->b.data + column * p->b.column_step + first * p->b.row_step;
        ct_blas_used.gemm[p->dtype - CT_F32](&ta, &tb, &m, &n, &k, (void *)p->alpha, a, &lda, b,
                                             &ldb, (void *)beta, c, &ldc);
        if (depth == p->a.columns)
            break;
        beta = p->dtype == CT_F32 ? (const void *)&one_f32 : (const void *)&one_f64;
    }
}

static int gemm(ct_call *call, const ct_product_of *p)
{
    const int itemsize = ct_itemsize[p->dtype];
    gemm_run run = {p, layout_of(&p->a, itemsize), layout_of(&p->b, itemsize),
                    by_columns(&p->c, itemsize),
                    cut_product(p->c.rows, p->c.columns, p->a.columns),
                    has_small_kernels(p->dtype)};
    if (!fits(p->c.rows) || !fits(p->c.columns) || !fits(p->a.columns) || !fits(run.a.step)
        || !fits(run.b.step) || !fits(run.c.step))
        return too_large(call);
    ct_run(run.cut.down * run.cut.across, gemm_block, &run);
    return CT_OK;
}

/* ----- gemv: b and c are columns ----- */

#define GEMV_WORK (1 << 16)         /* items of the matrix per block */

typedef struct {
    const ct_product_of *p;
    layout a;
    int64_t rows;                   /* per block */
} gemv_run;

/* BLAS takes the lowest address of a vector, also where it steps backwards. */
static char *lowest(const ct_matrix *x, int64_t first, int64_t n)
{
    return x->data + (x->row_step < 0 ? first + n - 1 : first) * x->row_step;
}

static void gemv_block(void *ctx, int64_t task, int thread)
{
    const gemv_run *run = ctx;
    const ct_product_of *p = run->p;
    const int itemsize = ct_itemsize[p->dtype], by_rows = run->a.trans == 'T';
    const int64_t first = task * run->rows, n = ct_min(run->rows, p->c.rows - first);
    int m = (int)(by_rows ? p->a.columns : n), k = (int)(by_rows ? n : p->a.columns);
    int lda = (int)run->a.step;
    int incx = p->b.rows == 1 ? 1 : (int)(p->b.row_step / itemsize);
    int incy = p->c.rows == 1 ? 1 : (int)(p->c.row_step / itemsize);
    char trans = run->a.trans;
    (void)thread;
    ct_blas_used.gemv[p->dtype - CT_F32](
        &trans, &m, &k, (void *)p->alpha, p->a.data + first * p->a.row_step, &lda,
        lowest(&p->b, 0, p->b.rows), &incx, (void *)p->beta, lowest(&p->c, first, n), &incy);
}

static int gemv(ct_call *call, const ct_product_of *p)
{
    const int itemsize = ct_itemsize[p->dtype];
    gemv_run run = {p, layout_of(&p->a, itemsize), 0};
    if (!fits(p->a.rows) || !fits(p->a.columns) || !fits(run.a.step)
        || !fits(p->b.row_step / itemsize) || !fits(p->c.row_step / itemsize))
        return too_large(call);
    run.rows = ct_ceil_div(ct_ceil_div(GEMV_WORK, p->a.columns), 16) * 16;
    ct_run(ct_ceil_div(p->c.rows, run.rows), gemv_block, &run);
    return CT_OK;
}

/* ----- dot: both are vectors of reals ----- */

#define DOT_WORK (1 << 17)          /* items per block; the sums of the blocks are added in order */
#define MOST_DOTS 512

typedef struct {
    const ct_product_of *p;
    int64_t n;                      /* items per block */
    double sums[MOST_DOTS];
} dot_run;

static void dot_block(void *ctx, int64_t task, int thread)
{
    dot_run *run = ctx;
    const ct_matrix a = ct_transposed(run->p->a), b = run->p->b;
    const int itemsize = ct_itemsize[run->p->dtype];
    const int64_t first = task * run->n, count = ct_min(run->n, b.rows - first);
    int n = (int)count, inca = (int)(a.row_step / itemsize), incb = (int)(b.row_step / itemsize);
    char *x = lowest(&a, first, count), *y = lowest(&b, first, count);
    (void)thread;
    run->sums[task] = run->p->dtype == CT_F32
        ? ct_blas_used.sdot(&n, (float *)x, &inca, (float *)y, &incb)
        : ct_blas_used.ddot(&n, (double *)x, &inca, (double *)y, &incb);
}

static void store_dot(const ct_product_of *p, double sum)
{
    if (p->dtype == CT_F32) {
        const float alpha = *(const float *)p->alpha, beta = *(const float *)p->beta;
        float *c = (float *)p->c.data;
        *c = (float)(beta == 0 ? alpha * sum : alpha * sum + beta * *c);
    } else {
        const double alpha = *(const double *)p->alpha, beta = *(const double *)p->beta;
        double *c = (double *)p->c.data;
        *c = beta == 0 ? alpha * sum : alpha * sum + beta * *c;
    }
}

static int dot(ct_call *call, const ct_product_of *p)
{
    const int itemsize = ct_itemsize[p->dtype];
    const int64_t n = p->b.rows;
    dot_run run = {.p = p, .n = n / MOST_DOTS + 1 > DOT_WORK ? n / MOST_DOTS + 1 : DOT_WORK};
    if (!fits(run.n) || !fits(p->a.column_step / itemsize) || !fits(p->b.row_step / itemsize))
        return too_large(call);
    const int64_t count = ct_ceil_div(n, run.n);
    double sum = 0;
    ct_run(count, dot_block, &run);
    for (int64_t i = 0; i < count; i++)
        sum += run.sums[i];
    store_dot(p, sum);
    return CT_OK;
}

/* ----- choosing ----- */

static int is_vector(const ct_matrix *x, int itemsize)
{
    return x->columns == 1
        && (x->rows == 1 || (x->row_step != 0 && x->row_step % itemsize == 0));
}

/* c = a @ b with c as one column: make a and b usable. */
static int vector_product(ct_call *call, ct_product_of *p)
{
    const int itemsize = ct_itemsize[p->dtype];
    const ct_matrix row = ct_transposed(p->a);
    char *scratch[2] = {NULL, NULL};
    int status = CT_OK;
    if (p->dtype <= CT_F64 && is_vector(&row, itemsize) && is_vector(&p->b, itemsize))
        return dot(call, p);
    if (layout_of(&p->a, itemsize).trans == 0)
        status = make_contiguous(&p->a, itemsize, &scratch[0]);
    if (status == CT_OK && !is_vector(&p->b, itemsize))
        status = make_contiguous(&p->b, itemsize, &scratch[1]);
    if (status == CT_OK)
        status = gemv(call, p);
    free(scratch[0]);
    free(scratch[1]);
    return status;
}

static int matrix_product(ct_call *call, ct_product_of *p)
{
    const int itemsize = ct_itemsize[p->dtype];
    char *scratch[2] = {NULL, NULL};
    int status = CT_OK;
    if (layout_of(&p->a, itemsize).trans == 0)
        status = make_contiguous(&p->a, itemsize, &scratch[0]);
    if (status == CT_OK && layout_of(&p->b, itemsize).trans == 0)
        status = make_contiguous(&p->b, itemsize, &scratch[1]);
    if (status == CT_OK)
        status = gemm(call, p);
    free(scratch[0]);
    free(scratch[1]);
    return status;
}

/* (a @ b).T = b.T @ a.T */
static void transpose_product(ct_product_of *p)
{
    const ct_matrix a = p->a;
    p->a = ct_transposed(p->b);
    p->b = ct_transposed(a);
    p->c = ct_transposed(p->c);
}

/* Compute into a contiguous c, and copy it to where it belongs. */
static int through_scratch(ct_call *call, const ct_product_of *given)
{
    const int itemsize = ct_itemsize[given->dtype];
    ct_product_of p = *given;
    char *scratch = NULL;
    int status = make_contiguous(&p.c, itemsize, &scratch);
    if (status == CT_OK)
        status = ct_product_blas(call, &p);
    if (status == CT_OK)
        ct_matrix_copy(&given->c, &p.c, itemsize);
    free(scratch);
    return status;
}

int ct_product_blas(ct_call *call, const ct_product_of *given)
{
    const int itemsize = ct_itemsize[given->dtype];
    ct_product_of p = *given;
    if (p.c.rows == 1 && p.c.columns > 1)
        transpose_product(&p);
    if (is_vector(&p.c, itemsize))
        return vector_product(call, &p);
    if (by_columns(&p.c, itemsize).trans == 0)
        transpose_product(&p);
    if (by_columns(&p.c, itemsize).trans == 0)
        return through_scratch(call, given);
    return matrix_product(call, &p);
}
