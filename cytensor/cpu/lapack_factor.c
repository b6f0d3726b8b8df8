/* lapack_factor.c: LU and what follows from it, and QR. */
#include "lapack.h"

#include <math.h>
#include <string.h>

#define L ct_lapack_used

/* ----- lu_factor, pivot_permutation ----- */

/* A zero on the diagonal of U is no error. */
static int factor_lu(ct_problem *p)
{
    const ct_matrix *out = &p->m[0], *swaps = &p->m[1], *x = &p->m[2];
    int m = (int)x->rows, n = (int)x->columns, ld = ct_at_least_1(m), info = 0;
    void *a = ct_copy_by_columns(p, 0, x);
    int *pivots = ct_scratch(p, 1, swaps->rows * sizeof(int));
    if (a == NULL || pivots == NULL)
        return CT_NO_MEMORY;
    if (swaps->rows == 0)
        return 0;
    L.getrf[p->dtype - CT_F32](&m, &n, a, &ld, pivots, &info);
    ct_store_by_columns(out, a, ct_itemsize[p->dtype]);
    for (int64_t i = 0; i < swaps->rows; i++)
        *(int32_t *)(swaps->data + i * swaps->row_step) = pivots[i] - 1;
    return 0;
}

/* t[0] = L and U of t[2] in one matrix; t[1] = which row was exchanged with row i. */
int ct_lu_factor(ct_call *call, int n, const ct_tensor *t, const int64_t *params)
{
    (void)n;
    return ct_each_problem(call, t, params, "mvm", factor_lu, "");
}

static void exchange(const ct_matrix *x, int64_t i, int64_t k)
{
    int64_t *a = (int64_t *)(x->data + i * x->row_step);
    int64_t *b = (int64_t *)(x->data + k * x->row_step);
    const int64_t here = *a;
    *a = *b;
    *b = here;
}

static int permute(ct_problem *p)
{
    const ct_matrix *out = &p->m[0], *swaps = &p->m[2];
    const int64_t count = ct_min(swaps->rows, out->rows);
    for (int64_t i = 0; i < out->rows; i++)
        *(int64_t *)(out->data + i * out->row_step) = i;
    for (int64_t k = 0; k < count; k++) {
        const int64_t i = p->params[0] ? count - 1 - k : k;
        const int32_t other = *(const int32_t *)(swaps->data + i * swaps->row_step);
        if (other < 0 || other >= out->rows)
            return 1;
        exchange(out, i, other);
    }
    return 0;
}

/* t[0] = the row that exchanges t[2] bring to each place, for matrices as t[1]; params[0]: the
 * place to which they bring each row. */
int ct_pivot_permutation(ct_call *call, int n, const ct_tensor *t, const int64_t *params)
{
    (void)n;
    return ct_each_problem(call, t, params, "vmv", permute, "a pivot is no row of the matrix");
}

/* ----- det, slogdet ----- */

/* A determinant as sign * exp(logarithm): the sign is a number of absolute value 1, or 0. */
typedef struct {
    double _Complex sign, product;
    double logarithm;
} determinant;

static double _Complex item(const void *x, int64_t i, int dtype)
{
    switch (dtype) {
    case CT_F32: return ((const float *)x)[i];
    case CT_F64: return ((const double *)x)[i];
    case CT_C64: return ((const float _Complex *)x)[i];
    default: return ((const double _Complex *)x)[i];
    }
}

static double magnitude(double _Complex z)
{
    const double *parts = (const double *)&z;
    return parts[1] == 0 ? fabs(parts[0]) : hypot(parts[0], parts[1]);
}

static void multiply(determinant *d, double _Complex factor)
{
    const double size = magnitude(factor);
    d->product *= factor;
    d->logarithm += log(size);
    d->sign = size == 0 ? 0 : d->sign * (factor / size);
}

static int find_determinant(ct_problem *p, const ct_matrix *x, determinant *d)
{
    int n = (int)x->rows, info = 0;
    *d = (determinant){1, 1, 0};
    if (n == 0)
        return 0;
    void *a = ct_copy_by_rows(p, 0, x);
    int *pivots = ct_scratch(p, 1, n * sizeof(int));
    if (a == NULL || pivots == NULL)
        return CT_NO_MEMORY;
    L.getrf[p->dtype - CT_F32](&n, &n, a, &n, pivots, &info);
    for (int i = 0; i < n; i++) {
        const double _Complex factor = item(a, (int64_t)i * (n + 1), p->dtype);
        multiply(d, pivots[i] == i + 1 ? factor : -factor);
    }
    return 0;
}

static void store(char *to, int dtype, double _Complex value)
{
    const double *parts = (const double *)&value;
    switch (dtype) {
    case CT_F32: *(float *)to = (float)parts[0]; break;
    case CT_F64: *(double *)to = parts[0]; break;
    case CT_C64: *(float _Complex *)to = (float _Complex)value; break;
    default: *(double _Complex *)to = value;
    }
}

static int find_det(ct_problem *p)
{
    determinant d;
    const int info = find_determinant(p, &p->m[1], &d);
    store(p->m[0].data, p->dtype, d.product);
    return info;
}

static int find_slogdet(ct_problem *p)
{
    determinant d;
    const int info = find_determinant(p, &p->m[2], &d);
    store(p->m[0].data, p->dtype, d.sign);
    store(p->m[1].data, ct_real_of(p->dtype), d.logarithm);
    return info;
}

/* t[0] = the determinants of t[1]. */
int ct_det(ct_call *call, int n, const ct_tensor *t, const int64_t *params)
{
    (void)n;
    return ct_each_problem(call, t, params, "sm", find_det, "");
}

/* t[0] = the signs of the determinants of t[2], t[1] = the logarithms of their sizes. */
int ct_slogdet(ct_call *call, int n, const ct_tensor *t, const int64_t *params)
{
    (void)n;
    return ct_each_problem(call, t, params, "ssm", find_slogdet, "");
}

/* ----- qr ----- */

enum { A, TAU, WORK, Q };           /* slots */

/* Factor a copy by columns; its reflectors stay below the diagonal. */
static int reflect(ct_problem *p, const ct_matrix *x)
{
    const int itemsize = ct_itemsize[p->dtype];
    int m = (int)x->rows, n = (int)x->columns, ld = ct_at_least_1(m), ask = -1, info = 0, length;
    double asked[2];
    void *a = ct_copy_by_columns(p, A, x);
    void *tau = ct_scratch(p, TAU, ct_min(m, n) * itemsize);
    if (a == NULL || tau == NULL)
        return CT_NO_MEMORY;
    if (m == 0 || n == 0)
        return 0;
    L.geqrf[p->dtype - CT_F32](&m, &n, a, &ld, tau, asked, &ask, &info);
    if ((length = ct_asked(p->dtype, asked)) == 0)
        return CT_TOO_LARGE;
    void *work = ct_scratch(p, WORK, (int64_t)length * itemsize);
    if (work == NULL)
        return CT_NO_MEMORY;
    L.geqrf[p->dtype - CT_F32](&m, &n, a, &ld, tau, work, &length, &info);
    return info;
}

/* Q from its reflectors, which lie in the first k columns. */
static int make_q(ct_problem *p, const ct_matrix *q, int k)
{
    const int itemsize = ct_itemsize[p->dtype];
    int m = (int)q->rows, n = (int)q->columns, ld = ct_at_least_1(m), ask = -1, info = 0, length;
    double asked[2];
    char *a = ct_scratch(p, Q, (int64_t)m * n * itemsize);
    if (a == NULL)
        return CT_NO_MEMORY;
    if (m == 0 || n == 0)
        return 0;
    memcpy(a, p->slots[A].data, (int64_t)m * k * itemsize);
    L.orgqr[p->dtype - CT_F32](&m, &n, &k, a, &ld, p->slots[TAU].data, asked, &ask, &info);
    if ((length = ct_asked(p->dtype, asked)) == 0)
        return CT_TOO_LARGE;
    void *work = ct_scratch(p, WORK, (int64_t)length * itemsize);
    if (work == NULL)
        return CT_NO_MEMORY;
    L.orgqr[p->dtype - CT_F32](&m, &n, &k, a, &ld, p->slots[TAU].data, work, &length, &info);
    ct_store_by_columns(q, a, itemsize);
    return info;
}

static int factor_qr(ct_problem *p)
{
    const ct_matrix *q = &p->m[0], *r = &p->m[1], *x = &p->m[2];
    const int itemsize = ct_itemsize[p->dtype];
    int info = reflect(p, x);
    if (info != 0)
        return info;
    const ct_matrix factored = {p->slots[A].data, r->rows, r->columns, itemsize,
                                x->rows * itemsize};
    ct_copy_matrix(*r, factored, itemsize);
    ct_clear_triangle(r, itemsize, 1);
    return make_q(p, q, (int)ct_min(x->rows, x->columns));
}

/* t[0] and t[1] = Q and R of t[2]. */
int ct_qr(ct_call *call, int n, const ct_tensor *t, const int64_t *params)
{
    (void)n;
    return ct_each_problem(call, t, params, "mmm", factor_qr, "");
}

static int factor_raw(ct_problem *p)
{
    const ct_matrix *out = &p->m[0], *tau = &p->m[1], *x = &p->m[2];
    const int info = reflect(p, x);
    if (info != 0)
        return info;
    ct_store_by_rows(out, p->slots[A].data, ct_itemsize[p->dtype]);
    ct_store_by_rows(tau, p->slots[TAU].data, ct_itemsize[p->dtype]);
    return 0;
}

/* t[0] = R and the reflectors of Q in one matrix, transposed; t[1] = the reflectors' factors. */
int ct_qr_raw(ct_call *call, int n, const ct_tensor *t, const int64_t *params)
{
    (void)n;
    return ct_each_problem(call, t, params, "mvm", factor_raw, "");
}
