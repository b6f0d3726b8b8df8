/* lapack.h: linear algebra on stacks of matrices, and the LAPACK that it stands on.
 *
 * A kernel treats each matrix of a stack as one problem. LAPACK stores matrices by columns, and
 * ours lie by rows: a buffer by rows is, to LAPACK, the transpose. A solver says which it means. */
#ifndef CT_LAPACK_H
#define CT_LAPACK_H

#include "product.h"

#define CT_OPERANDS 8
#define CT_SLOTS 8

/* What a solver returns besides 0 and LAPACK's info. */
#define CT_NO_MEMORY -1001
#define CT_TOO_LARGE -1002

/* One problem: its operands, outputs first, and its scratch memory. Vectors are columns, and
 * numbers are matrices with one item. */
typedef struct {
    int dtype;                      /* of the matrices */
    const int64_t *params;
    const ct_tensor *t;
    ct_matrix m[CT_OPERANDS];
    struct {
        char *data;
        int64_t bytes;
    } slots[CT_SLOTS];
} ct_problem;

typedef int (*ct_solver)(ct_problem *p);

/* Run a solver on each problem of a stack. `ranks` has a letter for each operand: m for a matrix,
 * v for a vector, s for a number. `text` says what is wrong where LAPACK fails. */
int ct_each_problem(ct_call *call, const ct_tensor *t, const int64_t *params, const char *ranks,
                    ct_solver solve, const char *text);

/* ----- memory of a problem ----- */

/* At least so many bytes, in a slot that the next problem uses again. NULL: no memory. */
void *ct_scratch(ct_problem *p, int slot, int64_t bytes);

/* A buffer for a matrix: the matrix itself, where it lies by rows without gaps, or scratch. */
void *ct_buffer_by_rows(ct_problem *p, int slot, const ct_matrix *x);

/* A copy in scratch. */
void *ct_copy_by_rows(ct_problem *p, int slot, const ct_matrix *x);
void *ct_copy_by_columns(ct_problem *p, int slot, const ct_matrix *x);

/* Store a buffer, and read one. Nothing is done where the buffer is the matrix itself. */
void ct_store_by_rows(const ct_matrix *x, const void *buffer, int itemsize);
void ct_store_by_columns(const ct_matrix *x, const void *buffer, int itemsize);
void ct_load_by_rows(void *buffer, const ct_matrix *x, int itemsize);

void ct_copy_matrix(ct_matrix to, ct_matrix from, int itemsize);

/* The first rows and columns of a matrix. */
ct_matrix ct_corner(ct_matrix x, int64_t rows, int64_t columns);

/* Set items to 0: all; all but a diagonal of ones; those strictly below the diagonal, or above. */
void ct_clear(const ct_matrix *x, int itemsize);
void ct_set_identity(const ct_matrix *x, int dtype);
void ct_clear_triangle(const ct_matrix *x, int itemsize, int lower);

/* The length of scratch that LAPACK asked for, or 0 if it is more than an int. */
int ct_asked(int dtype, const void *work);

static inline int ct_at_least_1(int64_t n)
{
    return n > 1 ? (int)n : 1;
}

static inline int ct_is_complex(int dtype)
{
    return dtype >= CT_C64;
}

static inline int ct_real_of(int dtype)
{
    return ct_is_complex(dtype) ? dtype - 2 : dtype;
}

/* ----- threads: of OpenBLAS, or of our pool ----- */

/* From cytensor.cpu._blas: OpenBLAS's threads rest between the two. */
typedef struct {
    void (*enter)(void), (*leave)(void);
} ct_blas_rest;

extern const ct_blas_rest *ct_blas_rest_used;

/* Whether OpenBLAS may use its threads for one large problem. */
extern int ct_lapack_threads;

/* ----- LAPACK and BLAS, filled in by _lapack.pyx; the arrays are by dtype, from CT_F32 ----- */

typedef struct {
    void (*getrf[4])(int *m, int *n, void *a, int *lda, int *pivots, int *info);
    void (*getrs[4])(char *trans, int *n, int *k, void *a, int *lda, int *pivots, void *b,
                     int *ldb, int *info);
    void (*getri[4])(int *n, void *a, int *lda, int *pivots, void *work, int *lwork, int *info);
    void (*potrf[4])(char *uplo, int *n, void *a, int *lda, int *info);
    void (*potrs[4])(char *uplo, int *n, int *k, void *a, int *lda, void *b, int *ldb, int *info);
    void (*sysv[4])(char *uplo, int *n, int *k, void *a, int *lda, int *pivots, void *b, int *ldb,
                    void *work, int *lwork, int *info);
    void (*hesv[4])(char *uplo, int *n, int *k, void *a, int *lda, int *pivots, void *b, int *ldb,
                    void *work, int *lwork, int *info);
    void (*geqrf[4])(int *m, int *n, void *a, int *lda, void *tau, void *work, int *lwork,
                     int *info);
    void (*orgqr[4])(int *m, int *n, int *k, void *a, int *lda, void *tau, void *work, int *lwork,
                     int *info);
    void (*syevd[2])(char *job, char *uplo, int *n, void *a, int *lda, void *w, void *work,
                     int *lwork, int *iwork, int *liwork, int *info);
    void (*heevd[2])(char *job, char *uplo, int *n, void *a, int *lda, void *w, void *work,
                     int *lwork, void *rwork, int *lrwork, int *iwork, int *liwork, int *info);
    void (*geev[2])(char *left, char *right, int *n, void *a, int *lda, void *wr, void *wi,
                    void *vl, int *ldvl, void *vr, int *ldvr, void *work, int *lwork, int *info);
    void (*cgeev[2])(char *left, char *right, int *n, void *a, int *lda, void *w, void *vl,
                     int *ldvl, void *vr, int *ldvr, void *work, int *lwork, void *rwork,
                     int *info);
    void (*gesdd[2])(char *job, int *m, int *n, void *a, int *lda, void *s, void *u, int *ldu,
                     void *vt, int *ldvt, void *work, int *lwork, int *iwork, int *info);
    void (*cgesdd[2])(char *job, int *m, int *n, void *a, int *lda, void *s, void *u, int *ldu,
                      void *vt, int *ldvt, void *work, int *lwork, void *rwork, int *iwork,
                      int *info);
    void (*gelsd[2])(int *m, int *n, int *k, void *a, int *lda, void *b, int *ldb, void *s,
                     void *rcond, int *rank, void *work, int *lwork, int *iwork, int *info);
    void (*cgelsd[2])(int *m, int *n, int *k, void *a, int *lda, void *b, int *ldb, void *s,
                      void *rcond, int *rank, void *work, int *lwork, void *rwork, int *iwork,
                      int *info);
    void (*trsm[4])(char *side, char *uplo, char *trans, char *diagonal, int *m, int *n,
                    void *alpha, void *a, int *lda, void *b, int *ldb);
    ct_gemm gemm[4];
} ct_lapack;

extern ct_lapack ct_lapack_used;

/* Where the routines of a name go: one for each letter of `types`. A NULL name ends the table. */
typedef struct {
    const char *name, *types;
    void *where;
} ct_routine;

extern const ct_routine ct_routines[];

/* ----- the kernels ----- */

extern const ct_kernel_entry ct_lapack_kernels[];

int ct_inverse(ct_call *call, int n, const ct_tensor *t, const int64_t *params);
int ct_solve(ct_call *call, int n, const ct_tensor *t, const int64_t *params);
int ct_solve_triangular(ct_call *call, int n, const ct_tensor *t, const int64_t *params);
int ct_cholesky(ct_call *call, int n, const ct_tensor *t, const int64_t *params);
int ct_lu_factor(ct_call *call, int n, const ct_tensor *t, const int64_t *params);
int ct_pivot_permutation(ct_call *call, int n, const ct_tensor *t, const int64_t *params);
int ct_det(ct_call *call, int n, const ct_tensor *t, const int64_t *params);
int ct_slogdet(ct_call *call, int n, const ct_tensor *t, const int64_t *params);
int ct_qr(ct_call *call, int n, const ct_tensor *t, const int64_t *params);
int ct_qr_raw(ct_call *call, int n, const ct_tensor *t, const int64_t *params);
int ct_eigh(ct_call *call, int n, const ct_tensor *t, const int64_t *params);
int ct_eigvalsh(ct_call *call, int n, const ct_tensor *t, const int64_t *params);
int ct_eig(ct_call *call, int n, const ct_tensor *t, const int64_t *params);
int ct_eigvals(ct_call *call, int n, const ct_tensor *t, const int64_t *params);
int ct_svd(ct_call *call, int n, const ct_tensor *t, const int64_t *params);
int ct_svdvals(ct_call *call, int n, const ct_tensor *t, const int64_t *params);
int ct_lstsq(ct_call *call, int n, const ct_tensor *t, const int64_t *params);
int ct_expm(ct_call *call, int n, const ct_tensor *t, const int64_t *params);

#endif
