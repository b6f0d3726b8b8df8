/* lapack_solve.c: the kernels `inverse`, `solve`, `solve_triangular` and `cholesky`. */
#include "lapack.h"

#include <math.h>

#define L ct_lapack_used

static const char SINGULAR[] = "the matrix is singular";
static const char NOT_POSITIVE[] = "the matrix is not positive definite";

/* ----- inverse ----- */

/* The inverse of the transpose is the transpose of the inverse: rows may stay rows. */
static int invert(ct_problem *p)
{
    const ct_matrix *out = &p->m[0], *x = &p->m[1];
    const int itemsize = ct_itemsize[p->dtype], k = p->dtype - CT_F32;
    int n = (int)x->rows, ld = ct_at_least_1(n), info = 0, ask = -1, length;
    double asked[2];
    if (n == 0)
        return 0;
    void *a = ct_buffer_by_rows(p, 0, out);
    int *pivots = ct_scratch(p, 1, n * sizeof(int));
    if (a == NULL || pivots == NULL)
        return CT_NO_MEMORY;
    ct_load_by_rows(a, x, itemsize);
    L.getrf[k](&n, &n, a, &ld, pivots, &info);
    if (info != 0)
        return info;
    L.getri[k](&n, a, &ld, pivots, asked, &ask, &info);
    if ((length = ct_asked(p->dtype, asked)) == 0)
        return CT_TOO_LARGE;
    void *work = ct_scratch(p, 2, (int64_t)length * itemsize);
    if (work == NULL)
        return CT_NO_MEMORY;
    L.getri[k](&n, a, &ld, pivots, work, &length, &info);
    ct_store_by_rows(out, a, itemsize);
    return info;
}

/* t[0] = the inverses of t[1]. */
int ct_inverse(ct_call *call, int n, const ct_tensor *t, const int64_t *params)
{
    (void)n;
    return ct_each_problem(call, t, params, "mm", invert, SINGULAR);
}

/* ----- solve ----- */

enum { GENERAL, SYMMETRIC, HERMITIAN, POSITIVE };

typedef struct {
    int n, k, ld;
    void *a, *b;                    /* b by columns */
    int *pivots;
} equations;

/* The matrix lies by rows, so that LAPACK factors its transpose: solve with that one's. */
static int solve_general(ct_problem *p, equations *e)
{
    int info = 0;
    char trans = 'T';
    L.getrf[p->dtype - CT_F32](&e->n, &e->n, e->a, &e->ld, e->pivots, &info);
    if (info == 0)
        L.getrs[p->dtype - CT_F32](&trans, &e->n, &e->k, e->a, &e->ld, e->pivots, e->b, &e->ld,
                                   &info);
    return info;
}

static int solve_positive(ct_problem *p, equations *e, char uplo)
{
    int info = 0;
    L.potrf[p->dtype - CT_F32](&uplo, &e->n, e->a, &e->ld, &info);
    if (info == 0)
        L.potrs[p->dtype - CT_F32](&uplo, &e->n, &e->k, e->a, &e->ld, e->b, &e->ld, &info);
    return info;
}

static int solve_symmetric(ct_problem *p, equations *e, char uplo, int hermitian)
{
    const int k = p->dtype - CT_F32;
    int info = 0, ask = -1, length;
    double asked[2];
    __typeof__(L.sysv[0]) solve = hermitian && ct_is_complex(p->dtype) ? L.hesv[k] : L.sysv[k];
    solve(&uplo, &e->n, &e->k, e->a, &e->ld, e->pivots, e->b, &e->ld, asked, &ask, &info);
    if ((length = ct_asked(p->dtype, asked)) == 0)
        return CT_TOO_LARGE;
    void *work = ct_scratch(p, 3, (int64_t)length * ct_itemsize[p->dtype]);
    if (work == NULL)
        return CT_NO_MEMORY;
    solve(&uplo, &e->n, &e->k, e->a, &e->ld, e->pivots, e->b, &e->ld, work, &length, &info);
    return info;
}

static int solve(ct_problem *p)
{
    const ct_matrix *out = &p->m[0], *a = &p->m[1], *b = &p->m[2];
    const int kind = (int)p->params[0];
    const char uplo = p->params[1] ? 'L' : 'U';
    int info;
    if (a->rows == 0 || b->columns == 0)
        return 0;
    equations e = {(int)a->rows, (int)b->columns, (int)a->rows,
                   kind == GENERAL ? ct_copy_by_rows(p, 0, a) : ct_copy_by_columns(p, 0, a),
                   ct_copy_by_columns(p, 1, b), ct_scratch(p, 2, a->rows * sizeof(int))};
    if (e.a == NULL || e.b == NULL || e.pivots == NULL)
        return CT_NO_MEMORY;
    if (kind == GENERAL)
        info = solve_general(p, &e);
    else if (kind == POSITIVE)
        info = solve_positive(p, &e, uplo);
    else
        info = solve_symmetric(p, &e, uplo, kind == HERMITIAN);
    if (info == 0)
        ct_store_by_columns(out, e.b, ct_itemsize[p->dtype]);
    return info;
}

/* t[0] = x with t[1] x = t[2]. params[0] says what t[1] is; params[1] which triangle is read. */
int ct_solve(ct_call *call, int n, const ct_tensor *t, const int64_t *params)
{
    (void)n;
    return ct_each_problem(call, t, params, "mmm", solve,
                           params[0] == POSITIVE ? NOT_POSITIVE : SINGULAR);
}

/* ----- solve_triangular ----- */

static int is_zero(const char *item, int dtype)
{
    switch (dtype) {
    case CT_F32: return *(const float *)item == 0;
    case CT_F64: return *(const double *)item == 0;
    case CT_C64: return *(const float _Complex *)item == 0;
    default: return *(const double _Complex *)item == 0;
    }
}

/* The number of the first zero on a diagonal, counted from 1; 0 if there is none. */
static int first_zero(const char *a, int n, int dtype)
{
    const int64_t step = (int64_t)(n + 1) * ct_itemsize[dtype];
    for (int i = 0; i < n; i++)
        if (is_zero(a + i * step, dtype))
            return i + 1;
    return 0;
}

/* All lies by rows: a x = b is, to BLAS, x^T a^T = b^T. */
static int solve_triangle(ct_problem *p)
{
    static const double one[2] = {1, 0};
    static const float one_f32[2] = {1, 0};
    const ct_matrix *out = &p->m[0], *a = &p->m[1], *b = &p->m[2];
    const int itemsize = ct_itemsize[p->dtype], unit = (int)p->params[1];
    int n = (int)a->rows, k = (int)b->columns, lda = n, info = 0;
    if (n == 0 || k == 0)
        return 0;
    const int turned = a->rows > 1 && a->row_step == itemsize;
    const ct_matrix stored = turned ? ct_transposed(*a) : *a;
    char *matrix = ct_buffer_by_rows(p, 0, &stored), *x = ct_buffer_by_rows(p, 1, out);
    if (matrix == NULL || x == NULL)
        return CT_NO_MEMORY;
    ct_load_by_rows(matrix, &stored, itemsize);
    if (!unit && (info = first_zero(matrix, n, p->dtype)) != 0)
        return info;
    ct_load_by_rows(x, b, itemsize);
    const void *alpha = ct_real_of(p->dtype) == CT_F32 ? (const void *)one_f32 : one;
    char side = 'R', uplo = (p->params[0] != 0) == turned ? 'L' : 'U';
    char trans = turned ? 'T' : 'N', diagonal = unit ? 'U' : 'N';
    L.trsm[p->dtype - CT_F32](&side, &uplo, &trans, &diagonal, &k, &n, (void *)alpha, matrix, &lda,
                              x, &k);
    ct_store_by_rows(out, x, itemsize);
    return 0;
}

/* t[0] = x with t[1] x = t[2]. params: whether t[1] is lower; whether its diagonal is 1. */
int ct_solve_triangular(ct_call *call, int n, const ct_tensor *t, const int64_t *params)
{
    (void)n;
    return ct_each_problem(call, t, params, "mmm", solve_triangle,
                           "the matrix is singular: there is a zero on its diagonal");
}

/* ----- cholesky ----- */

static void fill_nan(const ct_matrix *x, int dtype)
{
    const int parts = ct_is_complex(dtype) ? 2 : 1;
    for (int64_t i = 0; i < x->rows * x->columns * parts; i++) {
        const int64_t item = i / parts;
        char *at = x->data + item / x->columns * x->row_step + item % x->columns * x->column_step;
        if (ct_real_of(dtype) == CT_F32)
            ((float *)at)[i % parts] = NAN;
        else
            ((double *)at)[i % parts] = NAN;
    }
}

/* By rows the lower triangle of x is, to LAPACK, the upper one of its conjugate; and the factor
 * that belongs to it is the transpose of ours. */
static int factor_positive(ct_problem *p)
{
    const ct_matrix *out = &p->m[0], *x = &p->m[1];
    const int itemsize = ct_itemsize[p->dtype], lower = (int)p->params[0];
    int n = (int)x->rows, info = 0;
    char uplo = lower ? 'U' : 'L';
    if (n == 0)
        return 0;
    void *a = ct_buffer_by_rows(p, 0, out);
    if (a == NULL)
        return CT_NO_MEMORY;
    ct_load_by_rows(a, x, itemsize);
    L.potrf[p->dtype - CT_F32](&uplo, &n, a, &n, &info);
    if (info != 0 && p->params[1]) {
        fill_nan(out, p->dtype);
        return 0;
    }
    ct_store_by_rows(out, a, itemsize);
    ct_clear_triangle(out, itemsize, !lower);
    return info;
}

/* t[0] = the Cholesky factor of t[1]. params: whether it is lower; whether failure is NaN. */
int ct_cholesky(ct_call *call, int n, const ct_tensor *t, const int64_t *params)
{
    (void)n;
    return ct_each_problem(call, t, params, "mm", factor_positive, NOT_POSITIVE);
}
