/* variates.c: arrays of random numbers that rejection makes; choices and permutations.
 *
 * The parameters of an element are where the array of parameters, by its strides, has it.
 */
#include <stdlib.h>

#include "variates.h"

/* ----- element by element ----- */

#define WEIGHT 32               /* what an element costs, in additions */
#define FEW 16                  /* elements in a row for which 64 blocks at a time do not pay */

typedef struct {
    ct_philox philox;
    ct_variate make;
    const char *out;            /* of element 0 */
    int64_t itemsize;
    int *bad;
} variates;

static void make_one(const variates *v, ct_source s, const ct_nest *nest, char *const *data,
                     int64_t i)
{
    const int last = nest->ndim - 1;
    char *at[3];
    for (int k = 0; k < 3; k++)
        at[k] = k < nest->nops ? data[k] + i * nest->strides[k][last] : NULL;
    if (!v->make(&s, at[0], at[1], at[2]))
        __atomic_store_n(v->bad, 1, __ATOMIC_RELAXED);
}

static void make_run(const ct_nest *nest, int64_t n, char *const *data, const void *ctx)
{
    const variates *v = ctx;
    const int64_t first = (data[0] - v->out) / v->itemsize;
    ct_words words;
    for (int64_t i = 0; i < n; i++) {
        const int64_t element = first + i;
        if (n < FEW) {
            make_one(v, ct_source_at(v->philox, element), nest, data, i);
            continue;
        }
        if (i == 0 || element % CT_LANES == 0)
            ct_philox_words(v->philox, element - element % CT_LANES, words);
        make_one(v, ct_source_of(v->philox, element, words), nest, data, i);
    }
}

static int make_all(ct_call *call, int n, const ct_tensor *t, ct_variate make,
                    const char *complaint)
{
    int bad = 0;
    const variates v = {ct_philox_of(&t[1]), make, t[0].data, ct_itemsize[t[0].dtype], &bad};
    ct_nest nest = ct_nest_of(&t[0]);
    for (int k = 2; k < n; k++)
        ct_nest_broadcast(&nest, &t[k]);
    ct_nest_tidy(&nest, 0);
    ct_nest_run(&nest, 1, WEIGHT, CT_LANES, make_run, &v);
    call->text = complaint;
    return bad ? CT_VALUE : CT_OK;
}

#define ARRAY_OF(name, make, complaint) \
int ct_random_##name(ct_call *call, int n, const ct_tensor *t, const int64_t *params) \
{ \
    (void)params; \
    return make_all(call, n, t, make, complaint); \
}

ARRAY_OF(integers, ct_make_integer, "integers: low is larger than the largest allowed number")
ARRAY_OF(gamma, ct_make_gamma, "gamma: shape is negative or not finite")
ARRAY_OF(beta, ct_make_beta, "beta: a and b are not all positive and finite")
ARRAY_OF(poisson, ct_make_poisson, "poisson: lam is negative, NaN or too large")
ARRAY_OF(binomial, ct_make_binomial, "binomial: n is negative, or p is not between 0 and 1")

/* ----- row by row ----- */

typedef struct {
    ct_philox philox;
    const char *out;                /* of row 0 */
    int64_t row_bytes;
    int64_t length, step;           /* of a row of the result: its size, and its stride */
    int64_t choices, choice_step;   /* of a row of probabilities */
    int *status;
} rows;

static int64_t row_number(const rows *r, const char *out)
{
    return r->row_bytes ? (out - r->out) / r->row_bytes : 0;
}

/* Run `inner` over the rows of t[0], which has `axes` axes besides, and those of the others. */
static int each_row(ct_call *call, int n, const ct_tensor *t, int depth, int64_t weight,
                    ct_inner inner, const char *complaint)
{
    int status = CT_OK;
    const int ndim = t[0].ndim - depth, last = t[n - 1].ndim - 1;
    rows r = {.philox = ct_philox_of(&t[1]), .out = t[0].data, .length = 1, .status = &status};
    if (depth)
        r.length = t[0].dims[ndim], r.step = t[0].strides[ndim];
    if (n > 2)
        r.choices = t[n - 1].dims[last], r.choice_step = t[n - 1].strides[last];
    r.row_bytes = r.length * ct_itemsize[t[0].dtype];
    ct_nest nest = ct_nest_new(ndim, t[0].dims);
    for (int k = 0; k < n; k++)
        if (k != 1)
            ct_nest_add(&nest, t[k].data, t[k].dims, t[k].strides);
    ct_nest_tidy(&nest, 0);
    ct_nest_run(&nest, 1, weight, 1, inner, &r);
    call->text = complaint;
    return status;
}

static void fail(const rows *r, int status)
{
    __atomic_store_n(r->status, status, __ATOMIC_RELAXED);
}

/* R. A. Fisher and F. Yates: from the last place on, exchange with one not behind it. */
static void shuffle(const rows *r, int64_t *row, uint64_t first)
{
    ct_words words;
    for (int64_t k = r->length - 1; k > 0; k--) {
        const uint64_t element = first + k;
        if (k == r->length - 1 || element % CT_LANES == CT_LANES - 1)
            ct_philox_words(r->philox, element - element % CT_LANES, words);
        ct_source s = ct_source_of(r->philox, element, words);
        const int64_t other = ct_next_below(&s, k + 1), held = row[k];
        row[k] = row[other];
        row[other] = held;
    }
}

static void permute_rows(const ct_nest *nest, int64_t n, char *const *data, const void *ctx)
{
    const rows *r = ctx;
    for (int64_t i = 0; i < n; i++) {
        int64_t *row = (int64_t *)(data[0] + i * nest->strides[0][nest->ndim - 1]);
        for (int64_t k = 0; k < r->length; k++)
            row[k] = k;
        shuffle(r, row, row_number(r, (char *)row) * r->length);
    }
}

/* t[0] = permutations of 0, 1, .. along the last axis. */
int ct_random_permutation(ct_call *call, int n, const ct_tensor *t, const int64_t *params)
{
    (void)params;
    return each_row(call, n, t, 1, WEIGHT * t[0].dims[t[0].ndim - 1], permute_rows, NULL);
}

/* A binomial number for each choice but the last, of what the ones before have left. */
static int share_out(const rows *r, int64_t *row, int64_t left, const char *p)
{
    const uint64_t first = row_number(r, (char *)row) * r->length;
    double rest = 1;
    for (int64_t k = 0; k < r->length; k++) {
        const double chance = *(const double *)(p + k * r->choice_step);
        const double part = chance < rest ? chance / rest : 1;
        if (!(chance >= 0) || (k < r->length - 1 && chance > rest + 1e-5))
            return 0;
        ct_source s = ct_source_at(r->philox, first + k);
        row[k] = k == r->length - 1 ? left : chance > 0 ? ct_binomial(&s, left, part) : 0;
        left -= row[k];
        rest = rest > chance ? rest - chance : 0;
    }
    return 1;
}

static void multinomial_rows(const ct_nest *nest, int64_t n, char *const *data, const void *ctx)
{
    const rows *r = ctx;
    const int last = nest->ndim - 1;
    for (int64_t i = 0; i < n; i++) {
        const int64_t count = *(const int64_t *)(data[1] + i * nest->strides[1][last]);
        int64_t *row = (int64_t *)(data[0] + i * nest->strides[0][last]);
        if (count < 0 || !share_out(r, row, count, data[2] + i * nest->strides[2][last]))
            fail(r, CT_VALUE);
    }
}

/* t[0] = how often each choice is taken in t[2] trials, by the probabilities t[3]. */
int ct_random_multinomial(ct_call *call, int n, const ct_tensor *t, const int64_t *params)
{
    (void)params;
    return each_row(call, n, t, 1, WEIGHT * t[0].dims[t[0].ndim - 1], multinomial_rows,
                    "multinomial: n is negative, or pvals are no probabilities: one is negative, "
                    "or their sum is above 1");
}

/* The first place of a sorted row whose value is above x, or the first of the largest value. */
static int64_t search(const char *row, int64_t n, int64_t step, double x)
{
    const double largest = *(const double *)(row + (n - 1) * step);
    int64_t low = 0, high = n - 1;
    while (low < high) {
        const int64_t middle = low + (high - low) / 2;
        const double value = *(const double *)(row + middle * step);
        if (value > x || value >= largest)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

static void categorical_rows(const ct_nest *nest, int64_t n, char *const *data, const void *ctx)
{
    const rows *r = ctx;
    const int last = nest->ndim - 1;
    for (int64_t i = 0; i < n; i++) {
        char *out = data[0] + i * nest->strides[0][last];
        const char *row = data[1] + i * nest->strides[1][last];
        const double total = r->choices ? *(const double *)(row + (r->choices - 1) * r->choice_step)
                                        : 0;
        ct_source s = ct_source_at(r->philox, row_number(r, out));
        if (total > 0 && total < CT_INF_F64)
            *(int64_t *)out = search(row, r->choices, r->choice_step, ct_next_uniform(&s) * total);
        else
            fail(r, CT_VALUE);
    }
}

/* t[0] = a choice for each row of running sums of probabilities, t[2]. */
int ct_random_categorical(ct_call *call, int n, const ct_tensor *t, const int64_t *params)
{
    (void)params;
    return each_row(call, n, t, 0, WEIGHT, categorical_rows,
                    "choice: the probabilities have no positive and finite sum");
}

/* ----- several different choices, by weight ----- */

typedef struct {
    double time;
    int64_t place;
} arrival;

static int earlier(const void *x, const void *y)
{
    const arrival *a = x, *b = y;
    if (a->time != b->time)
        return a->time < b->time ? -1 : 1;
    return a->place < b->place ? -1 : 1;
}

/* Each choice arrives after an exponential time, sooner the more it weighs: the first to arrive
 * are taken, in this order. (P. S. Efraimidis, P. G. Spirakis: Weighted random sampling with a
 * reservoir. Information Processing Letters 97, 2006.) */
static int take_first(const rows *r, int64_t *row, const char *p, arrival *race)
{
    const uint64_t first = row_number(r, (char *)row) * r->choices;
    for (int64_t k = 0; k < r->choices; k++) {
        const double weight = *(const double *)(p + k * r->choice_step);
        ct_source s = ct_source_at(r->philox, first + k);
        if (!(weight >= 0))
            return 0;
        race[k] = (arrival){weight > 0 ? -log_f64(ct_next_open(&s)) / weight : CT_INF_F64, k};
    }
    qsort(race, r->choices, sizeof *race, earlier);
    for (int64_t k = 0; k < r->length; k++)
        row[k] = race[k].place;
    return r->length == 0 || race[r->length - 1].time < CT_INF_F64;
}

static void choose_rows(const ct_nest *nest, int64_t n, char *const *data, const void *ctx)
{
    const rows *r = ctx;
    const int last = nest->ndim - 1;
    arrival *race = malloc(r->choices * sizeof *race + 1);
    for (int64_t i = 0; i < n; i++)
        if (!race)
            fail(r, CT_MEMORY);
        else if (!take_first(r, (int64_t *)(data[0] + i * nest->strides[0][last]),
                             data[1] + i * nest->strides[1][last], race))
            fail(r, CT_VALUE);
    free(race);
}

/* t[0] = different choices along the last axis, by the weights t[2]. */
int ct_random_choose(ct_call *call, int n, const ct_tensor *t, const int64_t *params)
{
    (void)params;
    return each_row(call, n, t, 1, WEIGHT * t[2].dims[t[2].ndim - 1], choose_rows,
                    "choice without replacement: fewer choices have a positive probability than "
                    "are to be taken, or one is negative");
}
