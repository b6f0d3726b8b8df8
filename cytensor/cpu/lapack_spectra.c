/* lapack_spectra.c: eigenvalues, singular values, and least squares by them. */
#include "lapack.h"

#include <string.h>

#define L ct_lapack_used

enum { MATRIX, VALUES, WORK, REAL_WORK, INT_WORK, LEFT, RIGHT };     /* slots */

static const char NO_CONVERGENCE[] = "the eigenvalues did not converge";

/* ----- eigh: of symmetric and Hermitian matrices ----- */

typedef struct {
    char job, uplo;
    int n;
    void *a, *w;
} symmetric;

static int run_syevd(ct_problem *p, symmetric *s)
{
    const int k = p->dtype - CT_F32, itemsize = ct_itemsize[p->dtype];
    int ask = -1, info = 0, length, ints;
    double asked[2];
    L.syevd[k](&s->job, &s->uplo, &s->n, s->a, &s->n, s->w, asked, &ask, &ints, &ask, &info);
    if ((length = ct_asked(p->dtype, asked)) == 0)
        return CT_TOO_LARGE;
    void *work = ct_scratch(p, WORK, (int64_t)length * itemsize);
    void *iwork = ct_scratch(p, INT_WORK, ints * (int64_t)sizeof(int));
    if (work == NULL || iwork == NULL)
        return CT_NO_MEMORY;
    L.syevd[k](&s->job, &s->uplo, &s->n, s->a, &s->n, s->w, work, &length, iwork, &ints, &info);
    return info;
}

static int run_heevd(ct_problem *p, symmetric *s)
{
    const int k = p->dtype - CT_C64, itemsize = ct_itemsize[p->dtype];
    int ask = -1, info = 0, length, reals, ints;
    double asked[2], asked_reals[2];
    L.heevd[k](&s->job, &s->uplo, &s->n, s->a, &s->n, s->w, asked, &ask, asked_reals, &ask, &ints,
               &ask, &info);
    length = ct_asked(p->dtype, asked);
    reals = ct_asked(p->dtype, asked_reals);
    if (length == 0 || reals == 0)
        return CT_TOO_LARGE;
    void *work = ct_scratch(p, WORK, (int64_t)length * itemsize);
    void *rwork = ct_scratch(p, REAL_WORK, (int64_t)reals * itemsize / 2);
    void *iwork = ct_scratch(p, INT_WORK, ints * (int64_t)sizeof(int));
    if (work == NULL || rwork == NULL || iwork == NULL)
        return CT_NO_MEMORY;
    L.heevd[k](&s->job, &s->uplo, &s->n, s->a, &s->n, s->w, work, &length, rwork, &reals, iwork,
               &ints, &info);
    return info;
}

static int decompose(ct_problem *p, const ct_matrix *w, const ct_matrix *v, const ct_matrix *x)
{
    const int real = ct_itemsize[ct_real_of(p->dtype)];
    if (x->rows == 0)
        return 0;
    symmetric s = {v ? 'V' : 'N', p->params[0] ? 'L' : 'U', (int)x->rows,
                   ct_copy_by_columns(p, MATRIX, x), ct_scratch(p, VALUES, x->rows * real)};
    if (s.a == NULL || s.w == NULL)
        return CT_NO_MEMORY;
    const int info = ct_is_complex(p->dtype) ? run_heevd(p, &s) : run_syevd(p, &s);
    ct_store_by_rows(w, s.w, real);
    if (v)
        ct_store_by_columns(v, s.a, ct_itemsize[p->dtype]);
    return info;
}

static int find_eigh(ct_problem *p)
{
    return decompose(p, &p->m[0], &p->m[1], &p->m[2]);
}

static int find_eigvalsh(ct_problem *p)
{
    return decompose(p, &p->m[0], NULL, &p->m[1]);
}

/* t[0], t[1] = eigenvalues and eigenvectors of t[2]; params[0]: read its lower triangle. */
int ct_eigh(ct_call *call, int n, const ct_tensor *t, const int64_t *params)
{
    (void)n;
    return ct_each_problem(call, t, params, "vmm", find_eigh, NO_CONVERGENCE);
}

int ct_eigvalsh(ct_call *call, int n, const ct_tensor *t, const int64_t *params)
{
    (void)n;
    return ct_each_problem(call, t, params, "vm", find_eigvalsh, NO_CONVERGENCE);
}

/* ----- eig: of any square matrices. The results are complex ----- */

/* Room for the values: two real vectors, or a complex one. */
static int run_geev(ct_problem *p, char job, int n, void *a, void *values, void *vectors)
{
    const int is_complex = ct_is_complex(p->dtype), itemsize = ct_itemsize[p->dtype];
    const int k = p->dtype - (is_complex ? CT_C64 : CT_F32);
    int ask = -1, info = 0, length, one = 1;
    char none = 'N', *second = (char *)values + (int64_t)n * itemsize;
    double asked[2], unused[2];
    void *work = asked, *rwork = ct_scratch(p, REAL_WORK, 2 * (int64_t)n * itemsize);
    for (int *given = &ask; ; given = &length) {
        if (is_complex)
            L.cgeev[k](&none, &job, &n, a, &n, values, unused, &one, vectors, &n, work, given,
                       rwork, &info);
        else
            L.geev[k](&none, &job, &n, a, &n, values, second, unused, &one, vectors, &n, work,
                      given, &info);
        if (given == &length)
            return info;
        if ((length = ct_asked(p->dtype, asked)) == 0)
            return CT_TOO_LARGE;
        work = ct_scratch(p, WORK, (int64_t)length * itemsize);
        if (work == NULL || rwork == NULL)
            return CT_NO_MEMORY;
    }
}

#define PAIRS(name, T) \
/* LAPACK packs a pair of complex eigenvectors into two real columns: u + iv and u - iv. */ \
static void unpack_##name(const ct_matrix *w, const ct_matrix *v, const T *values, \
                          const T *vectors) \
{ \
    const int64_t n = w->rows; \
    for (int64_t j = 0; j < n; j++) { \
        T *to = (T *)(w->data + j * w->row_step); \
        to[0] = values[j]; \
        to[1] = values[n + j]; \
        const int first = values[n + j] > 0, second = values[n + j] < 0; \
        const T *u = vectors + (j - second) * n, sign = second ? -1 : 1; \
        for (int64_t i = 0; v && i < n; i++) { \
            T *item = (T *)(v->data + i * v->row_step + j * v->column_step); \
            item[0] = u[i]; \
            item[1] = first || second ? sign * u[n + i] : 0; \
        } \
    } \
}
PAIRS(f32, float)
PAIRS(f64, double)

static int find_spectrum(ct_problem *p, const ct_matrix *w, const ct_matrix *v, const ct_matrix *x)
{
    const int itemsize = ct_itemsize[p->dtype], n = (int)x->rows;
    if (n == 0)
        return 0;
    void *a = ct_copy_by_columns(p, MATRIX, x);
    void *values = ct_scratch(p, VALUES, 2 * (int64_t)n * itemsize);
    void *vectors = ct_scratch(p, RIGHT, (int64_t)n * n * itemsize);
    if (a == NULL || values == NULL || vectors == NULL)
        return CT_NO_MEMORY;
    const int info = run_geev(p, v ? 'V' : 'N', n, a, values, vectors);
    if (info != 0)
        return info;
    if (p->dtype == CT_F32)
        unpack_f32(w, v, values, vectors);
    else if (p->dtype == CT_F64)
        unpack_f64(w, v, values, vectors);
    else {
        ct_store_by_rows(w, values, itemsize);
        if (v)
            ct_store_by_columns(v, vectors, itemsize);
    }
    return 0;
}

static int find_eig(ct_problem *p)
{
    return find_spectrum(p, &p->m[0], &p->m[1], &p->m[2]);
}

static int find_eigvals(ct_problem *p)
{
    return find_spectrum(p, &p->m[0], NULL, &p->m[1]);
}

/* t[0], t[1] = eigenvalues and right eigenvectors of t[2]. */
int ct_eig(ct_call *call, int n, const ct_tensor *t, const int64_t *params)
{
    (void)n;
    return ct_each_problem(call, t, params, "vmm", find_eig, NO_CONVERGENCE);
}

int ct_eigvals(ct_call *call, int n, const ct_tensor *t, const int64_t *params)
{
    (void)n;
    return ct_each_problem(call, t, params, "vm", find_eigvals, NO_CONVERGENCE);
}

/* ----- svd ----- */

/* Everything by columns, as LAPACK wants it. */
typedef struct {
    char job;                       /* 'A': whole U and V, 'S': their first columns, 'N': none */
    int m, n, ldu, ldvt;
    void *a, *s, *u, *vt;
} singular;

static int run_gesdd(ct_problem *p, singular *g)
{
    const int is_complex = ct_is_complex(p->dtype), itemsize = ct_itemsize[p->dtype];
    const int k = p->dtype - (is_complex ? CT_C64 : CT_F32);
    const int64_t least = ct_min(g->m, g->n), most = g->m > g->n ? g->m : g->n;
    const int64_t reals = is_complex ? least * (5 * least + 2 * most + 7) : 0;
    int ask = -1, info = 0, length;
    double asked[2];
    void *work = asked, *iwork = ct_scratch(p, INT_WORK, 8 * least * sizeof(int));
    void *rwork = ct_scratch(p, REAL_WORK, reals * itemsize);
    for (int *given = &ask; ; given = &length) {
        if (is_complex)
            L.cgesdd[k](&g->job, &g->m, &g->n, g->a, &g->m, g->s, g->u, &g->ldu, g->vt, &g->ldvt,
                        work, given, rwork, iwork, &info);
        else
            L.gesdd[k](&g->job, &g->m, &g->n, g->a, &g->m, g->s, g->u, &g->ldu, g->vt, &g->ldvt,
                       work, given, iwork, &info);
        if (given == &length)
            return info;
        if ((length = ct_asked(p->dtype, asked)) == 0)
            return CT_TOO_LARGE;
        work = ct_scratch(p, WORK, (int64_t)length * itemsize);
        if (work == NULL || rwork == NULL || iwork == NULL)
            return CT_NO_MEMORY;
    }
}

static int decompose_singular(ct_problem *p, const ct_matrix *u, const ct_matrix *s,
                              const ct_matrix *vh, const ct_matrix *x)
{
    const int itemsize = ct_itemsize[p->dtype], real = ct_itemsize[ct_real_of(p->dtype)];
    singular g = {.job = u == NULL ? 'N' : p->params[0] ? 'A' : 'S', .m = (int)x->rows,
                  .n = (int)x->columns, .ldu = ct_at_least_1(x->rows),
                  .ldvt = vh ? ct_at_least_1(vh->rows) : 1};
    if (s->rows == 0) {
        if (u) {
            ct_set_identity(u, p->dtype);
            ct_set_identity(vh, p->dtype);
        }
        return 0;
    }
    g.a = ct_copy_by_columns(p, MATRIX, x);
    g.s = ct_scratch(p, VALUES, s->rows * real);
    g.u = u ? ct_scratch(p, LEFT, u->rows * u->columns * itemsize) : g.s;
    g.vt = u ? ct_scratch(p, RIGHT, vh->rows * vh->columns * itemsize) : g.s;
    if (g.a == NULL || g.s == NULL || g.u == NULL || g.vt == NULL)
        return CT_NO_MEMORY;
    const int info = run_gesdd(p, &g);
    ct_store_by_rows(s, g.s, real);
    if (u) {
        ct_store_by_columns(u, g.u, itemsize);
        ct_store_by_columns(vh, g.vt, itemsize);
    }
    return info;
}

static int find_svd(ct_problem *p)
{
    return decompose_singular(p, &p->m[0], &p->m[1], &p->m[2], &p->m[3]);
}

static int find_svdvals(ct_problem *p)
{
    return decompose_singular(p, NULL, &p->m[0], NULL, &p->m[1]);
}

static const char NO_SVD[] = "the singular values did not converge";

/* t[0], t[1], t[2] = U, the singular values and V^H of t[3]; params[0]: U and V are square. */
int ct_svd(ct_call *call, int n, const ct_tensor *t, const int64_t *params)
{
    (void)n;
    return ct_each_problem(call, t, params, "mvmm", find_svd, NO_SVD);
}

int ct_svdvals(ct_call *call, int n, const ct_tensor *t, const int64_t *params)
{
    (void)n;
    return ct_each_problem(call, t, params, "vm", find_svdvals, NO_SVD);
}

/* ----- lstsq ----- */

typedef struct {
    int m, n, k, ldb, rank;
    void *a, *b, *s, *rcond;
} squares;

static int run_gelsd(ct_problem *p, squares *q)
{
    const int is_complex = ct_is_complex(p->dtype), itemsize = ct_itemsize[p->dtype];
    const int k = p->dtype - (is_complex ? CT_C64 : CT_F32);
    int ask = -1, info = 0, length, lda = ct_at_least_1(q->m), ints;
    double asked[2], asked_reals[2] = {0};
    void *work = asked, *rwork = asked_reals, *iwork = &ints;
    for (int *given = &ask; ; given = &length) {
        if (is_complex)
            L.cgelsd[k](&q->m, &q->n, &q->k, q->a, &lda, q->b, &q->ldb, q->s, q->rcond, &q->rank,
                        work, given, rwork, iwork, &info);
        else
            L.gelsd[k](&q->m, &q->n, &q->k, q->a, &lda, q->b, &q->ldb, q->s, q->rcond, &q->rank,
                       work, given, iwork, &info);
        if (given == &length)
            return info;
        length = ct_asked(p->dtype, asked);
        const int reals = ct_asked(p->dtype, asked_reals);
        if (length == 0 || reals == 0)
            return CT_TOO_LARGE;
        work = ct_scratch(p, WORK, (int64_t)length * itemsize);
        rwork = ct_scratch(p, REAL_WORK, (int64_t)reals * itemsize);
        iwork = ct_scratch(p, INT_WORK, ct_at_least_1(ints) * (int64_t)sizeof(int));
        if (work == NULL || rwork == NULL || iwork == NULL)
            return CT_NO_MEMORY;
    }
}

/* The sum of the squares of the items that LAPACK left below the solution. */
static double rest_of(const void *b, int64_t first, int64_t last, int dtype)
{
    const int parts = ct_is_complex(dtype) ? 2 : 1;
    double sum = 0;
    for (int64_t i = first * parts; i < last * parts; i++) {
        const double x = ct_real_of(dtype) == CT_F32 ? ((const float *)b)[i]
                                                      : ((const double *)b)[i];
        sum += x * x;
    }
    return sum;
}

static void store_rests(const ct_matrix *out, const squares *q, int dtype)
{
    for (int64_t j = 0; j < out->rows; j++) {
        const double sum = rest_of(q->b, j * q->ldb + q->n, j * q->ldb + q->m, dtype);
        char *to = out->data + j * out->row_step;
        if (ct_real_of(dtype) == CT_F32)
            *(float *)to = (float)sum;
        else
            *(double *)to = sum;
    }
}

/* b goes into a buffer that has room for the solution, too. */
static int fit_squares(ct_problem *p)
{
    const ct_matrix *out = &p->m[0], *rests = &p->m[1], *rank = &p->m[2], *s = &p->m[3];
    const ct_matrix *a = &p->m[4], *b = &p->m[5], *rcond = &p->m[6];
    const int itemsize = ct_itemsize[p->dtype], real = ct_itemsize[ct_real_of(p->dtype)];
    squares q = {.m = (int)a->rows, .n = (int)a->columns, .k = ct_at_least_1(b->columns),
                 .ldb = ct_at_least_1(a->rows > a->columns ? a->rows : a->columns)};
    const int64_t bytes = (int64_t)q.ldb * q.k * itemsize;
    q.a = ct_copy_by_columns(p, MATRIX, a);
    q.b = ct_scratch(p, LEFT, bytes);
    q.s = ct_scratch(p, VALUES, s->rows * real);
    q.rcond = rcond->data;
    if (q.a == NULL || q.b == NULL || q.s == NULL)
        return CT_NO_MEMORY;
    memset(q.b, 0, bytes);
    const ct_matrix given = {q.b, b->rows, b->columns, itemsize, q.ldb * (int64_t)itemsize};
    ct_copy_matrix(given, *b, itemsize);
    const int info = s->rows > 0 ? run_gelsd(p, &q) : 0;
    ct_copy_matrix(*out, ct_corner(given, out->rows, out->columns), itemsize);
    store_rests(rests, &q, p->dtype);
    *(int64_t *)rank->data = q.rank;
    ct_store_by_rows(s, q.s, real);
    return info;
}

/* t[0..3] = solutions, sums of squared rests, ranks, singular values of t[4] x = t[5]; t[6] is
 * the part of the largest singular value below which one counts as 0. */
int ct_lstsq(ct_call *call, int n, const ct_tensor *t, const int64_t *params)
{
    (void)n;
    return ct_each_problem(call, t, params, "mvsvmms", fit_squares, NO_SVD);
}
