/* product.c: the kernels `matmul` and `gemm`. */
#include "product.h"
#include "half.h"

#include <stdatomic.h>
#include <stdlib.h>

/* Multiplications that loops do faster than BLAS starts: of vectors, and of matrices. It has loops
 * for small matrices on some machines only. */
#define TINY_VECTOR_WORK 24
#define TINY_WORK 100
#define BATCH_WORK (1 << 18)        /* multiplications that are worth a task */

static const int64_t integer_one = 1;
static const float one_f32 = 1;
static const double one_f64 = 1;
static const float one_c64[2] = {1, 0};
static const double one_c128[2] = {1, 0};
static const double zero[2] = {0, 0};

/* ----- one product ----- */

static double work_of(const ct_product_of *p)
{
    return (double)p->c.rows * p->c.columns * p->a.columns;
}

/* (a @ b).T = b.T @ a.T */
static ct_product_of transposed(const ct_product_of *p)
{
    return (ct_product_of){p->dtype, ct_transposed(p->b), ct_transposed(p->a),
                           ct_transposed(p->c), p->alpha, p->beta};
}

/* Whether tiles compute it, perhaps transposed. */
static int is_for_tiles(const ct_product_of *p)
{
    const ct_product_of other = transposed(p);
    return ct_tiles_fit(p) || ct_tiles_fit(&other);
}

/* Whether BLAS computes it; then its threads are to rest. */
static int is_for_blas(const ct_product_of *p)
{
    const int vector = p->c.rows == 1 || p->c.columns == 1;
    return p->dtype >= CT_F16 && p->a.columns > 1 && !is_for_tiles(p)
        && work_of(p) > (vector ? TINY_VECTOR_WORK : TINY_WORK);
}

static int half_product(ct_call *call, const ct_product_of *p);

static int product(ct_call *call, const ct_product_of *p)
{
    if (p->c.rows == 0 || p->c.columns == 0)
        return CT_OK;
    if (p->dtype == CT_F16)
        return half_product(call, p);
    if (is_for_tiles(p)) {
        const ct_product_of other = transposed(p);
        return ct_product_tiles(ct_tiles_fit(p) ? p : &other);
    }
    return is_for_blas(p) ? ct_product_blas(call, p) : ct_product_loops(call, p);
}

static void widen_row(const ct_nest *nest, int64_t n, char *const *data, const void *ctx)
{
    const int last = nest->ndim - 1;
    (void)ctx;
    for (int64_t i = 0; i < n; i++)
        *(float *)(data[0] + i * nest->strides[0][last]) =
            ct_half_to_float(*(const uint16_t *)(data[1] + i * nest->strides[1][last]));
}

static void narrow_row(const ct_nest *nest, int64_t n, char *const *data, const void *ctx)
{
    const int last = nest->ndim - 1;
    (void)ctx;
    for (int64_t i = 0; i < n; i++)
        *(uint16_t *)(data[0] + i * nest->strides[0][last]) =
            ct_float_to_half(*(const float *)(data[1] + i * nest->strides[1][last]));
}

static void convert(const ct_matrix *to, const ct_matrix *from, ct_inner row)
{
    const int64_t dims[2] = {from->rows, from->columns};
    const int64_t out[2] = {to->row_step, to->column_step};
    const int64_t in[2] = {from->row_step, from->column_step};
    ct_nest nest = ct_nest_new(2, dims);
    ct_nest_add(&nest, to->data, dims, out);
    ct_nest_add(&nest, from->data, dims, in);
    ct_nest_tidy(&nest, 0);
    ct_nest_run(&nest, 1, 1, 1, row, NULL);
}

/* float16 is multiplied and added up in float32. */
static int half_product(ct_call *call, const ct_product_of *p)
{
    ct_product_of wide = {CT_F32, ct_matrix_like(&p->a, 4), ct_matrix_like(&p->b, 4),
                          ct_matrix_like(&p->c, 4), &one_f32, zero};
    int status = CT_MEMORY;
    if (wide.a.data && wide.b.data && wide.c.data) {
        convert(&wide.a, &p->a, widen_row);
        convert(&wide.b, &p->b, widen_row);
        status = product(call, &wide);
        convert(&p->c, &wide.c, narrow_row);
    }
    free(wide.a.data);
    free(wide.b.data);
    free(wide.c.data);
    return status;
}

/* ----- matmul ----- */

/* The last two axes of a tensor. */
static ct_matrix matrix_of(const ct_tensor *t)
{
    const int i = t->ndim - 2, j = t->ndim - 1;
    return (ct_matrix){t->data, t->dims[i], t->dims[j], t->strides[i], t->strides[j]};
}

static const void *one_of(int dtype)
{
    switch (dtype) {
    case CT_F32: return &one_f32;
    case CT_F64: return &one_f64;
    case CT_C64: return one_c64;
    case CT_C128: return one_c128;
    default: return &integer_one;       /* in the first byte, on a little-endian machine */
    }
}

typedef struct {
    ct_call *call;
    ct_product_of p;                    /* at the first place of the batch */
    ct_nest nest;                       /* over the batch: c, a, b */
    int64_t count, per_task;
    _Atomic int status;
} batch;

static void run_batch(void *ctx, int64_t task, int thread)
{
    batch *b = ctx;
    const int64_t first = task * b->per_task;
    (void)thread;
    for (int64_t i = first; i < ct_min(first + b->per_task, b->count); i++) {
        ct_product_of p = b->p;
        int64_t rest = i;
        for (int d = b->nest.ndim - 1; d >= 0; d--) {
            const int64_t at = rest % b->nest.dims[d];
            rest /= b->nest.dims[d];
            p.c.data += at * b->nest.strides[0][d];
            p.a.data += at * b->nest.strides[1][d];
            p.b.data += at * b->nest.strides[2][d];
        }
        const int status = product(b->call, &p);
        if (status != CT_OK)
            b->status = status;
    }
}

/* A product on its own, while the threads of BLAS rest. */
static int one_product(ct_call *call, const ct_product_of *p)
{
    const int for_blas = is_for_blas(p);
    if (for_blas)
        ct_blas_enter();
    const int status = product(call, p);
    if (for_blas)
        ct_blas_leave();
    return status;
}

/* If one b serves the whole batch, and a and c go on from row to row, it is one product. */
static void merge_batch(batch *b)
{
    const ct_nest *nest = &b->nest;
    ct_product_of *p = &b->p;
    if (nest->ndim == 1 && nest->strides[2][0] == 0
        && nest->strides[0][0] == p->c.rows * p->c.row_step
        && nest->strides[1][0] == p->a.rows * p->a.row_step) {
        p->c.rows *= b->count;
        p->a.rows *= b->count;
        b->count = 1;
    }
}

int ct_matmul(ct_call *call, int n, const ct_tensor *t, const int64_t *params)
{
    (void)n, (void)params;
    const int before = t[0].ndim - 2, dtype = t[0].dtype;
    if (before == 0) {
        const ct_product_of p = {dtype, matrix_of(&t[1]), matrix_of(&t[2]), matrix_of(&t[0]),
                                 one_of(dtype), zero};
        return one_product(call, &p);
    }
    batch b = {.call = call, .nest = ct_nest_new(before, t[0].dims), .status = CT_OK,
               .p = {dtype, matrix_of(&t[1]), matrix_of(&t[2]), matrix_of(&t[0]),
                     one_of(dtype), zero}};
    for (int i = 0; i < 3; i++)
        ct_nest_add(&b.nest, t[i].data, t[i].dims, t[i].strides);
    b.count = ct_nest_size(&b.nest);
    if (b.count == 0)
        return CT_OK;
    ct_nest_tidy(&b.nest, 0);
    b.p.c.data = b.nest.data[0];
    b.p.a.data = b.nest.data[1];
    b.p.b.data = b.nest.data[2];
    merge_batch(&b);
    const double work = work_of(&b.p);
    b.per_task = work >= BATCH_WORK ? 1 : (int64_t)(BATCH_WORK / (work + 1));
    const int for_blas = is_for_blas(&b.p);
    if (for_blas)
        ct_blas_enter();
    ct_run(ct_ceil_div(b.count, b.per_task), run_batch, &b);
    if (for_blas)
        ct_blas_leave();
    return b.status;
}

/* t[0] = alpha * t[1] @ t[2] + beta * t[0], with alpha in t[3] and beta in t[4]. */
static int gemm(ct_call *call, int n, const ct_tensor *t, const int64_t *params)
{
    (void)n, (void)params;
    const ct_product_of p = {t[0].dtype, matrix_of(&t[1]), matrix_of(&t[2]), matrix_of(&t[0]),
                             t[3].data, t[4].data};
    if (p.dtype < CT_F32) {
        call->text = "gemm: it is for float32, float64, complex64 and complex128";
        return CT_VALUE;
    }
    ct_blas_enter();
    const int status = product(call, &p);
    ct_blas_leave();
    return status;
}

const ct_kernel_entry ct_product_kernels[] = {
    {"matmul", ct_matmul},
    {"gemm", gemm},
    {NULL, NULL},
};
