/* expm.c: the exponential of a matrix, by Pade approximants, scaling and squaring.
 *
 * The method is that of Al-Mohy and Higham (2009): the norms of powers of the matrix choose the
 * degree of the approximant and the scaling. All is done in double precision. */
#include "lapack.h"

#include <math.h>
#include <string.h>

/* ----- matrices of one size, real or complex, in double precision ----- */

enum { POWER_2 = 0, POWER_4, POWER_6, ODD, EVEN, SPARE, MATRIX, SMALL };      /* slots */

typedef struct {
    int n, parts;                   /* parts: 1 for real, 2 for complex */
    double *a, *a2, *a4, *a6, *odd, *even, *spare;
    double *row, *next;             /* two vectors of n */
    int *pivots;
} work;

static int64_t length_of(const work *w)
{
    return (int64_t)w->n * w->n * w->parts;
}

static void multiply(const work *w, double *out, const double *x, const double *y)
{
    static const double one[2] = {1, 0}, zero[2] = {0, 0};
    char trans = 'N';
    int n = w->n;
    ct_lapack_used.gemm[w->parts == 2 ? 3 : 1](
        &trans, &trans, &n, &n, &n, (void *)one, (void *)x, &n, (void *)y, &n, (void *)zero, out,
        &n);
}

/* out = sum of c[i] * x[i], and c_unit on the diagonal */
static void combine(const work *w, double *out, int count, const double *c,
                    const double *const *x, double c_unit)
{
    const int64_t n = length_of(w);
    for (int64_t i = 0; i < n; i++) {
        double sum = 0;
        for (int k = 0; k < count; k++)
            sum += c[k] * x[k][i];
        out[i] = sum;
    }
    for (int i = 0; i < w->n; i++)
        out[(int64_t)i * (w->n + 1) * w->parts] += c_unit;
}

static void add(const work *w, double *out, const double *x, double factor)
{
    const int64_t n = length_of(w);
    for (int64_t i = 0; i < n; i++)
        out[i] += factor * x[i];
}

/* to = from @ |x|, without adding one item after the other. */
static void times_sizes(const work *w, double *to, const double *from, const double *x)
{
    const int64_t n = w->n;
    memset(to, 0, n * sizeof(double));
    for (int64_t i = 0; i < n; i++) {
        const double factor = from[i], *line = x + i * n * w->parts;
        if (w->parts == 1)
            for (int64_t j = 0; j < n; j++)
                to[j] += factor * fabs(line[j]);
        else
            for (int64_t j = 0; j < n; j++)
                to[j] += factor * sqrt(line[2 * j] * line[2 * j]
                                       + line[2 * j + 1] * line[2 * j + 1]);
    }
}

/* The norm of a power of |factor * x|: the largest of sums of absolute values. NaN stays. */
static double norm_of_power(const work *w, const double *x, int power, double factor)
{
    double largest = 0;
    for (int j = 0; j < w->n; j++)
        w->row[j] = 1;
    for (int k = 0; k < power; k++) {
        times_sizes(w, w->next, w->row, x);
        for (int j = 0; j < w->n; j++)
            w->row[j] = w->next[j] * factor;
    }
    for (int j = 0; j < w->n; j++)
        if (!(w->row[j] <= largest))
            largest = w->row[j];
    return largest;
}

static double norm(const work *w, const double *x)
{
    return norm_of_power(w, x, 1, 1);
}

/* ----- Pade approximants: exp(a) = (even + odd) / (even - odd) ----- */

static const double pade_3[] = {120, 60, 12, 1};
static const double pade_5[] = {30240, 15120, 3360, 420, 30, 1};
static const double pade_7[] = {17297280, 8648640, 1995840, 277200, 25200, 1512, 56, 1};
static const double pade_9[] = {17643225600, 8821612800, 2075673600, 302702400, 30270240, 2162160,
                                110880, 3960, 90, 1};
static const double pade_13[] = {
    64764752532480000, 32382376266240000, 7771770303897600, 1187353796428800, 129060195264000,
    10559470521600, 670442572800, 33522128640, 1323241920, 40840800, 960960, 16380, 182, 1};

static void pade_low(const work *w, int degree, const double *b)
{
    const double *powers[4] = {w->a2, w->a4, w->a6, w->spare};
    const int count = (degree - 1) / 2;
    double odd[4], even[4];
    for (int i = 0; i < count; i++) {
        odd[i] = b[2 * i + 3];
        even[i] = b[2 * i + 2];
    }
    if (degree == 9)
        multiply(w, w->spare, w->a4, w->a4);
    combine(w, w->even, count, odd, powers, b[1]);
    multiply(w, w->odd, w->a, w->even);
    combine(w, w->even, count, even, powers, b[0]);
}

static void pade_high(const work *w)
{
    const double *b = pade_13, *powers[3] = {w->a2, w->a4, w->a6};
    const double odd_high[3] = {b[9], b[11], b[13]}, odd_low[3] = {b[3], b[5], b[7]};
    const double even_high[3] = {b[8], b[10], b[12]}, even_low[3] = {b[2], b[4], b[6]};
    combine(w, w->spare, 3, odd_high, powers, 0);
    multiply(w, w->even, w->a6, w->spare);
    combine(w, w->spare, 3, odd_low, powers, b[1]);
    add(w, w->even, w->spare, 1);
    multiply(w, w->odd, w->a, w->even);
    combine(w, w->spare, 3, even_high, powers, 0);
    multiply(w, w->even, w->a6, w->spare);
    combine(w, w->spare, 3, even_low, powers, b[0]);
    add(w, w->even, w->spare, 1);
}

/* spare = the quotient. */
static int divide(const work *w)
{
    const int k = w->parts == 2 ? 3 : 1;
    int n = w->n, info = 0;
    char trans = 'N';
    memcpy(w->spare, w->even, length_of(w) * sizeof(double));
    add(w, w->spare, w->odd, 1);
    add(w, w->even, w->odd, -1);
    ct_lapack_used.getrf[k](&n, &n, w->even, &n, w->pivots, &info);
    if (info == 0)
        ct_lapack_used.getrs[k](&trans, &n, &n, w->even, &n, w->pivots, w->spare, &n, &info);
    return info;
}

/* ----- which approximant, and how often to halve ----- */

/* Extra halvings so that the error stays below one unit of the last place. */
static int extra_halvings(const work *w, int degree, double factor)
{
    static const double leading[14] = {[3] = 1.0 / 100800, [5] = 1.0 / 10059033600,
                                       [7] = 1.0 / 4487938430976000,
                                       [9] = 1.0 / 5914384781877411840000.0,
                                       [13] = 1.0 / 113250775606021113483283660800000000.0};
    const double whole = norm(w, w->a) * factor;
    const double power = norm_of_power(w, w->a, 2 * degree + 1, factor);
    if (power == 0 || whole == 0 || !isfinite(power))
        return 0;
    const double need = log2(leading[degree] * power / whole / 0x1p-53) / (2 * degree);
    return need > 0 ? (int)ceil(need) : 0;
}

static double root(double x, int degree)
{
    return pow(x, 1.0 / degree);
}

static double larger(double x, double y)
{
    return x > y ? x : y;
}

typedef struct {
    int degree;
    double limit;                   /* of the norm, for an error below one unit of the last place */
    const double *b;
} approximant;

static const approximant low[4] = {
    {3, 1.495585217958292e-2, pade_3}, {5, 2.539398330063230e-1, pade_5},
    {7, 9.504178996162932e-1, pade_7}, {9, 2.097847961257068, pade_9}};

/* Find the first even powers, up to the eighth. */
static void find_powers(const work *w, int count)
{
    multiply(w, w->a2, w->a, w->a);
    if (count > 1)
        multiply(w, w->a4, w->a2, w->a2);
    if (count > 2)
        multiply(w, w->a6, w->a4, w->a2);
    if (count > 3)
        multiply(w, w->spare, w->a4, w->a4);
}

/* Evaluate a low approximant, where the norm of the matrix itself allows one. */
static int try_by_norm(const work *w)
{
    const double size = norm(w, w->a);
    for (int i = 0; i < 4; i++)
        if (size < low[i].limit) {
            find_powers(w, i + 1);
            pade_low(w, low[i].degree, low[i].b);
            return 1;
        }
    return 0;
}

/* The same, where norms of powers do, which may be much smaller. */
static int try_by_powers(const work *w, double d4, double d6, double d8)
{
    const double sizes[4] = {larger(d4, d6), larger(d4, d6), larger(d6, d8), larger(d6, d8)};
    for (int i = 0; i < 4; i++)
        if (sizes[i] < low[i].limit && extra_halvings(w, low[i].degree, 1) == 0) {
            pade_low(w, low[i].degree, low[i].b);
            return 1;
        }
    return 0;
}

static void scale(const work *w, double *x, double factor)
{
    const int64_t n = length_of(w);
    for (int64_t i = 0; i < n; i++)
        x[i] *= factor;
}

static int halvings(const work *w, double d6, double d8)
{
    multiply(w, w->spare, w->a4, w->a6);
    const double d10 = root(norm(w, w->spare), 10);
    const double size = fmin(larger(d6, d8), larger(d8, d10));
    const int s = size > 4.25 ? (int)ceil(log2(size / 4.25)) : 0;
    return s + extra_halvings(w, 13, ldexp(1, -s));
}

/* a = exp(a); the result is in spare. */
static int exponential(work *w)
{
    if (try_by_norm(w))
        return divide(w);
    find_powers(w, 4);
    const double d4 = root(norm(w, w->a4), 4), d6 = root(norm(w, w->a6), 6);
    const double d8 = root(norm(w, w->spare), 8);
    if (!isfinite(d8 + d6)) {
        combine(w, w->spare, 0, NULL, NULL, 0);
        scale(w, w->spare, NAN);
        return 0;
    }
    if (try_by_powers(w, d4, d6, d8))
        return divide(w);
    const int s = halvings(w, d6, d8);
    scale(w, w->a, ldexp(1, -s));
    scale(w, w->a2, ldexp(1, -2 * s));
    scale(w, w->a4, ldexp(1, -4 * s));
    scale(w, w->a6, ldexp(1, -6 * s));
    pade_high(w);
    const int info = divide(w);
    for (int i = 0; i < s && info == 0; i++) {
        double *before = w->spare;
        multiply(w, w->odd, before, before);
        w->spare = w->odd;
        w->odd = before;
    }
    return info;
}

/* ----- the kernel ----- */

#define CONVERT(name, FROM, TO) \
static void name(TO *to, const FROM *from, int64_t n) \
{ \
    for (int64_t i = 0; i < n; i++) \
        to[i] = (TO)from[i]; \
}
CONVERT(widen, float, double)
CONVERT(narrow, double, float)

static int find_exponential(ct_problem *p)
{
    const ct_matrix *out = &p->m[0], *x = &p->m[1];
    work w = {.n = (int)x->rows, .parts = ct_is_complex(p->dtype) ? 2 : 1};
    const int64_t length = length_of(&w), bytes = length * sizeof(double);
    const int single = ct_real_of(p->dtype) == CT_F32;
    double **matrices[7] = {&w.a2, &w.a4, &w.a6, &w.odd, &w.even, &w.spare, &w.a};
    if (w.n == 0)
        return 0;
    for (int i = 0; i < 7; i++)
        if ((*matrices[i] = ct_scratch(p, POWER_2 + i, bytes)) == NULL)
            return CT_NO_MEMORY;
    double *vectors = ct_scratch(p, SMALL, w.n * (2 * sizeof(double) + sizeof(int)));
    if (vectors == NULL)
        return CT_NO_MEMORY;
    w.row = vectors;
    w.next = vectors + w.n;
    w.pivots = (int *)(vectors + 2 * w.n);
    ct_load_by_rows(single ? w.spare : w.a, x, ct_itemsize[p->dtype]);
    if (single)
        widen(w.a, (float *)w.spare, length);
    const int info = exponential(&w);
    if (single)
        narrow((float *)w.odd, w.spare, length);
    ct_store_by_rows(out, single ? w.odd : w.spare, ct_itemsize[p->dtype]);
    return info;
}

/* t[0] = the exponentials of t[1]. */
int ct_expm(ct_call *call, int n, const ct_tensor *t, const int64_t *params)
{
    (void)n;
    return ct_each_problem(call, t, params, "mm", find_exponential,
                           "the Pade approximant could not be divided");
}
