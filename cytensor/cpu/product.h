/* product.h: matrix products, and the BLAS that they stand on. */
#ifndef CT_PRODUCT_H
#define CT_PRODUCT_H

#include "conv_kit.h"
#include "ready.h"
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

/* ----- product_panels.c: the right factor of a product by tiles ----- */

/* The tiles of the instruction set in use. */
extern const ct_conv_kits *ct_tiles_used;

/* How a matrix is cut into panels: columns 0 to width - 1 are the first, and so on. */
typedef struct {
    const ct_conv_kit *kit;
    int item, vector;               /* bytes */
    int64_t width;                  /* columns of a panel */
} ct_panels;

/* The rows of a tile of so many vectors: as few tiles as can be, of about one size. */
int ct_tile_rows(const ct_conv_kit *kit, int64_t rows, int vectors);

/* Whether tiles can write sums where they belong: whole vectors, in rows not too far apart. */
static inline int ct_writes_whole(const ct_panels *p, int64_t columns, int64_t row_step)
{
    return columns % p->kit->lanes == 0 && row_step >= columns * p->item && row_step <= INT32_MAX;
}

/* For a product of so many rows and columns; float32 or float64. */
ct_panels ct_panels_for(int dtype, int64_t rows, int64_t columns);

/* Bytes of a row of the panel that begins at column j, of so many columns; of all panels. */
int64_t ct_panel_row(const ct_panels *p, int64_t columns, int64_t j);
int64_t ct_panels_bytes(const ct_panels *p, int64_t rows, int64_t columns);

/* to[panel][k][j] = b[k][j]; what is beyond the columns of b becomes 0. */
void ct_panels_fill(const ct_panels *p, const ct_matrix *b, char *to);

/* ----- product_tiles.c: float32 and float64, where they are not small ----- */

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

/* ----- product_ready.c ----- */

extern const ct_ready_products ct_ready_used;

/* ----- product.c: the kernels ----- */

/* t[0] = t[1] @ t[2], for each place of the axes before the last two, which broadcast. */
int ct_matmul(ct_call *call, int n, const ct_tensor *t, const int64_t *params);

extern const ct_kernel_entry ct_product_kernels[];

#endif
