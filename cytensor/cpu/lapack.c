/* lapack.c: a stack of problems on the pool, the memory of one, and the table of the kernels. */
#include "lapack.h"

#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

ct_lapack ct_lapack_used;
const ct_blas_rest *ct_blas_rest_used;
int ct_lapack_threads;

#define TASK_WORK (1 << 17)         /* operations that are worth a task */
/* From here on OpenBLAS's own threads gain more than they cost. */
#define LARGE_WORK (1 << 26)

/* ----- the problems of a stack ----- */

typedef struct {
    const ct_tensor *t;
    const int64_t *params;
    const char *ranks;
    ct_solver solve;
    int axes;                       /* of the stack */
    int64_t count, per_task;
    pthread_mutex_t lock;
    int64_t failed;                 /* the first problem that failed */
    int info;
} stack;

static int rank_of(char letter)
{
    return letter == 'm' ? 2 : letter == 'v';
}

static ct_matrix matrix_of(const ct_tensor *t, int rank)
{
    const int64_t *dims = t->dims + t->ndim - rank, *strides = t->strides + t->ndim - rank;
    return (ct_matrix){t->data, rank > 0 ? dims[0] : 1, rank > 1 ? dims[1] : 1,
                       rank > 0 ? strides[0] : 0, rank > 1 ? strides[1] : 0};
}

/* Where problem `number` begins in a tensor. Axes of size 1 serve all, as what has none does. */
static int64_t offset_of(const stack *s, const ct_tensor *t, int rank, int64_t number)
{
    int64_t offset = 0;
    for (int d = s->axes - 1; d >= 0 && t->ndim > rank; d--) {
        const int64_t at = number % s->t[0].dims[d];
        number /= s->t[0].dims[d];
        offset += t->dims[d] == 1 ? 0 : at * t->strides[d];
    }
    return offset;
}

static void note_failure(stack *s, int64_t number, int info)
{
    pthread_mutex_lock(&s->lock);
    if (s->failed < 0 || number < s->failed) {
        s->failed = number;
        s->info = info;
    }
    pthread_mutex_unlock(&s->lock);
}

static void run_problem(const stack *s, ct_problem *p, int64_t number)
{
    for (int i = 0; s->ranks[i]; i++) {
        const int rank = rank_of(s->ranks[i]);
        p->m[i] = matrix_of(&s->t[i], rank);
        p->m[i].data += offset_of(s, &s->t[i], rank, number);
    }
    const int info = s->solve(p);
    if (info != 0)
        note_failure((stack *)s, number, info);
}

static void run_task(void *ctx, int64_t task, int thread)
{
    stack *s = ctx;
    const int64_t first = task * s->per_task;
    /* the last matrix is an input: outputs may be complex where it is real */
    ct_problem p = {.dtype = s->t[strrchr(s->ranks, 'm') - s->ranks].dtype,
                    .params = s->params, .t = s->t};
    (void)thread;
    for (int64_t i = first; i < ct_min(first + s->per_task, s->count); i++)
        run_problem(s, &p, i);
    for (int i = 0; i < CT_SLOTS; i++)
        free(p.slots[i].data);
}

/* Operations of one problem, about: the cube of its size. */
static double work_of(const stack *s)
{
    double work = 0;
    for (int i = 0; s->ranks[i]; i++)
        if (s->ranks[i] == 'm') {
            const ct_matrix x = matrix_of(&s->t[i], 2);
            const double here = (double)x.rows * x.columns * ct_min(x.rows, x.columns);
            work = here > work ? here : work;
        }
    return work;
}

static int status_of(ct_call *call, const stack *s, const char *text)
{
    if (s->failed < 0)
        return CT_OK;
    call->text = s->info == CT_TOO_LARGE ? "the matrices are too large for LAPACK" : text;
    call->info[0] = s->info;
    call->info[1] = s->axes ? s->failed : -1;
    return s->info == CT_NO_MEMORY ? CT_MEMORY : s->info == CT_TOO_LARGE ? CT_VALUE : CT_LINALG;
}

static int are_too_large(const stack *s)
{
    for (int i = 0; s->ranks[i]; i++) {
        const ct_matrix x = matrix_of(&s->t[i], rank_of(s->ranks[i]));
        if (x.rows > INT_MAX || x.columns > INT_MAX)
            return 1;
    }
    return 0;
}

int ct_each_problem(ct_call *call, const ct_tensor *t, const int64_t *params, const char *ranks,
                    ct_solver solve, const char *text)
{
    stack s = {.t = t, .params = params, .ranks = ranks, .solve = solve, .failed = -1,
               .axes = t[0].ndim - rank_of(ranks[0]), .lock = PTHREAD_MUTEX_INITIALIZER};
    s.count = ct_product(s.axes, t[0].dims);
    if (s.count == 0)
        return CT_OK;
    if (are_too_large(&s))
        s.failed = 0, s.info = CT_TOO_LARGE;
    const double work = work_of(&s);
    const int rest = s.count > 1 || work < LARGE_WORK || !ct_lapack_threads;
    s.per_task = work >= TASK_WORK ? 1 : (int64_t)(TASK_WORK / (work + 100)) + 1;
    if (rest)
        ct_blas_rest_used->enter();
    if (s.failed < 0)
        ct_run(ct_ceil_div(s.count, s.per_task), run_task, &s);
    if (rest)
        ct_blas_rest_used->leave();
    return status_of(call, &s, text);
}

/* ----- memory ----- */

void *ct_scratch(ct_problem *p, int slot, int64_t bytes)
{
    if (p->slots[slot].bytes < bytes || p->slots[slot].data == NULL) {
        free(p->slots[slot].data);
        p->slots[slot].data = malloc(bytes + 64);
        p->slots[slot].bytes = p->slots[slot].data ? bytes : 0;
    }
    return p->slots[slot].data;
}

static int lies_by_rows(const ct_matrix *x, int itemsize)
{
    return (x->columns <= 1 || x->column_step == itemsize)
        && (x->rows <= 1 || x->row_step == x->columns * itemsize)
        && (uintptr_t)x->data % itemsize == 0;
}

static ct_matrix by_rows(const ct_matrix *x, const void *buffer, int itemsize)
{
    return (ct_matrix){(char *)buffer, x->rows, x->columns, x->columns * itemsize, itemsize};
}

void ct_copy_matrix(ct_matrix to, ct_matrix from, int itemsize)
{
    const int64_t dims[2] = {from.rows, from.columns};
    const int64_t out[2] = {to.row_step, to.column_step};
    const int64_t in[2] = {from.row_step, from.column_step};
    ct_nest nest = ct_nest_new(2, dims);
    ct_nest_add(&nest, to.data, dims, out);
    ct_nest_add(&nest, from.data, dims, in);
    ct_copy_nest(&nest, itemsize);
}

void *ct_buffer_by_rows(ct_problem *p, int slot, const ct_matrix *x)
{
    const int itemsize = ct_itemsize[p->dtype];
    if (lies_by_rows(x, itemsize))
        return x->data;
    return ct_scratch(p, slot, x->rows * x->columns * itemsize);
}

void ct_load_by_rows(void *buffer, const ct_matrix *x, int itemsize)
{
    if (buffer != x->data)
        ct_copy_matrix(by_rows(x, buffer, itemsize), *x, itemsize);
}

void ct_store_by_rows(const ct_matrix *x, const void *buffer, int itemsize)
{
    if (buffer != x->data)
        ct_copy_matrix(*x, by_rows(x, buffer, itemsize), itemsize);
}

void ct_store_by_columns(const ct_matrix *x, const void *buffer, int itemsize)
{
    const ct_matrix turned = ct_transposed(*x);
    ct_store_by_rows(&turned, buffer, itemsize);
}

void *ct_copy_by_rows(ct_problem *p, int slot, const ct_matrix *x)
{
    const int itemsize = ct_itemsize[p->dtype];
    void *buffer = ct_scratch(p, slot, x->rows * x->columns * itemsize);
    if (buffer)
        ct_load_by_rows(buffer, x, itemsize);
    return buffer;
}

void *ct_copy_by_columns(ct_problem *p, int slot, const ct_matrix *x)
{
    const ct_matrix turned = ct_transposed(*x);
    return ct_copy_by_rows(p, slot, &turned);
}

/* ----- parts and fillings ----- */

ct_matrix ct_corner(ct_matrix x, int64_t rows, int64_t columns)
{
    x.rows = rows;
    x.columns = columns;
    return x;
}

static void clear_row(const ct_matrix *x, int itemsize, int64_t row, int64_t first, int64_t last)
{
    char *start = x->data + row * x->row_step;
    if (x->column_step == itemsize) {
        memset(start + first * itemsize, 0, (last - first) * itemsize);
        return;
    }
    for (int64_t j = first; j < last; j++)
        memset(start + j * x->column_step, 0, itemsize);
}

void ct_clear(const ct_matrix *x, int itemsize)
{
    for (int64_t i = 0; i < x->rows; i++)
        clear_row(x, itemsize, i, 0, x->columns);
}

void ct_clear_triangle(const ct_matrix *x, int itemsize, int lower)
{
    for (int64_t i = 0; i < x->rows; i++)
        if (lower)
            clear_row(x, itemsize, i, 0, ct_min(i, x->columns));
        else
            clear_row(x, itemsize, i, ct_min(i + 1, x->columns), x->columns);
}

void ct_set_identity(const ct_matrix *x, int dtype)
{
    ct_clear(x, ct_itemsize[dtype]);
    for (int64_t i = 0; i < ct_min(x->rows, x->columns); i++) {
        char *item = x->data + i * (x->row_step + x->column_step);
        if (ct_real_of(dtype) == CT_F32)
            *(float *)item = 1;
        else
            *(double *)item = 1;
    }
}

int ct_asked(int dtype, const void *work)
{
    const double n = ct_real_of(dtype) == CT_F32 ? *(const float *)work : *(const double *)work;
    return n < INT_MAX ? ct_at_least_1((int64_t)n) : 0;
}

/* ----- tables ----- */

#define ROUTINE(name, types) {#name, types, ct_lapack_used.name}
const ct_routine ct_routines[] = {
    ROUTINE(getrf, "sdcz"), ROUTINE(getrs, "sdcz"), ROUTINE(getri, "sdcz"),
    ROUTINE(potrf, "sdcz"), ROUTINE(potrs, "sdcz"), ROUTINE(sysv, "sdcz"),
    {"hesv", "cz", ct_lapack_used.hesv + 2}, ROUTINE(geqrf, "sdcz"), ROUTINE(orgqr, "sd"),
    {"ungqr", "cz", ct_lapack_used.orgqr + 2}, ROUTINE(syevd, "sd"), ROUTINE(heevd, "cz"),
    ROUTINE(geev, "sd"), {"geev", "cz", ct_lapack_used.cgeev}, ROUTINE(gesdd, "sd"),
    {"gesdd", "cz", ct_lapack_used.cgesdd}, ROUTINE(gelsd, "sd"),
    {"gelsd", "cz", ct_lapack_used.cgelsd}, ROUTINE(trsm, "sdcz"), ROUTINE(gemm, "sdcz"),
    {NULL, NULL, NULL},
};

const ct_kernel_entry ct_lapack_kernels[] = {
    {"inverse", ct_inverse},
    {"solve", ct_solve},
    {"solve_triangular", ct_solve_triangular},
    {"cholesky", ct_cholesky},
    {"lu_factor", ct_lu_factor},
    {"pivot_permutation", ct_pivot_permutation},
    {"det", ct_det},
    {"slogdet", ct_slogdet},
    {"qr", ct_qr},
    {"qr_raw", ct_qr_raw},
    {"eigh", ct_eigh},
    {"eigvalsh", ct_eigvalsh},
    {"eig", ct_eig},
    {"eigvals", ct_eigvals},
    {"svd", ct_svd},
    {"svdvals", ct_svdvals},
    {"lstsq", ct_lstsq},
    {"expm", ct_expm},
    {NULL, NULL},
};
