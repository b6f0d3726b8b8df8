/* product.h: matrix products, and the BLAS that they stand on. */
#ifndef CT_PRODUCT_H
#define CT_PRODUCT_H

#include "conv_kit.h"
#include "structured.h"

/* A matrix of any strides, in bytes. */
typedef struct {
    char *data;
    int64_t rows, columns, row_step, column_step;
} ct_matrix;

/* c = alpha * a @ b + beta * c. c is not read where beta is 0. */
typedef struct {
    int dtype;
    ct_matrix a, b, c;
    const void *alpha, *beta;       /* one item each; of integers, 1 and 0 */
} ct_product_of;

static inline ct_matrix ct_transposed(ct_matrix x)
{
    return (ct_matrix){x.data, x.columns, x.rows, x.column_step, x.row_step};
}

/* Rows first .. first + n - 1. */
static inline ct_matrix ct_some_rows(ct_matrix x, int64_t first, int64_t n)
{
    return (ct_matrix){x.data + first * x.row_step, n, x.columns, x.row_step, x.column_step};
}

static inline ct_matrix ct_some_columns(ct_matrix x, int64_t first, int64_t n)
{
    return ct_transposed(ct_some_rows(ct_transposed(x), first, n));
}

/* ----- product_loops.c: for integers, for tiny products and outer ones ----- */

int ct_product_loops(ct_call *call, const ct_product_of *p);

/* ----- product_blas.c: float32, float64, complex64, complex128 ----- */

int ct_product_blas(ct_call *call, const ct_product_of *p);

/* ----- product_tiles.c: float32 and float64, where they are not small ----- */

/* The tiles of the instruction set in use. */
extern const ct_conv_kits *ct_tiles_used;

/* Whether tiles are faster than BLAS: c has to lie by rows. */
int ct_tiles_fit(const ct_product_of *p);

/* CT_OK or CT_MEMORY. */
int ct_product_tiles(const ct_product_of *p);

/* A contiguous copy in fresh memory, or one whose content does not matter. NULL data: no memory. */
ct_matrix ct_matrix_like(const ct_matrix *x, int itemsize);
void ct_matrix_copy(const ct_matrix *to, const ct_matrix *from, int itemsize);

/* ----- BLAS ----- */

typedef void (*ct_gemm)(char *ta, char *tb, int *m, int *n, int *k, void *alpha, void *a, int *lda,
                        void *b, int *ldb, void *beta, void *c, int *ldc);
typedef void (*ct_gemv)(char *t, int *m, int *n, void *alpha, void *a, int *lda, void *x,
                        int *incx, void *beta, void *y, int *incy);

typedef float (*ct_sdot)(int *n, float *x, int *incx, float *y, int *incy);
typedef double (*ct_ddot)(int *n, double *x, int *incx, double *y, int *incy);

/* scipy's, filled in by _blas.pyx. The arrays are by dtype, from CT_F32. */
typedef struct {
    ct_gemm gemm[4];
    ct_gemv gemv[4];
    ct_sdot sdot;
    ct_ddot ddot;
} ct_blas;

extern ct_blas ct_blas_used;

/* ----- blas_threads.c: OpenBLAS's own threads rest while our products run ----- */

/* Look for OpenBLAS below the library at `path`; return where it is, or NULL. */
const char *ct_blas_find(const char *path);

/* Its name for the kernels that it has chosen, and the threads it may use; else NULL and 0. */
const char *ct_blas_core(void);
int ct_blas_threads(void);

void ct_blas_enter(void);
void ct_blas_leave(void);

/* ----- product.c: the kernels ----- */

extern const ct_kernel_entry ct_product_kernels[];

#endif
