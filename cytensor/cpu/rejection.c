/* rejection.c: one random number of a distribution, by tests that a candidate may fail. */
#include "variates.h"

/* ----- whole numbers of an interval ----- */

/* From `low` to `high`, both included. */
int ct_make_integer(ct_source *s, void *out, const void *low, const void *high)
{
    const int64_t first = *(const int64_t *)low, last = *(const int64_t *)high;
    const uint64_t below = ct_next_below(s, (uint64_t)last - (uint64_t)first + 1);
    *(int64_t *)out = (int64_t)((uint64_t)first + below);
    return first <= last;
}

/* ----- gamma and beta ----- */

/* G. Marsaglia, W. W. Tsang: A simple method for generating gamma variables. ACM TOMS 26, 2000.
 * For a shape of at least 1. */
static double gamma_large(ct_source *s, double shape)
{
    const double d = shape - 1.0 / 3, c = 1 / __builtin_sqrt(9 * d);
    for (;;) {
        const double x = ct_next_normal(s), u = ct_next_open(s), root = 1 + c * x;
        const double v = root * root * root;
        if (root <= 0)
            continue;
        if (u < 1 - 0.0331 * (x * x) * (x * x))
            return d * v;
        if (log_f64(u) < 0.5 * x * x + d * (1 - v + log_f64(v)))
            return d * v;
    }
}

/* The logarithm of a gamma number of any shape above 0: small shapes give numbers that underflow.
 * A number of shape + 1, times u^(1/shape), is one of that shape. */
static double log_gamma_number(ct_source *s, double shape)
{
    if (shape >= 1)
        return log_f64(gamma_large(s, shape));
    const double boost = log_f64(ct_next_open(s)) / shape;
    return log_f64(gamma_large(s, shape + 1)) + boost;
}

int ct_make_gamma(ct_source *s, void *out, const void *shape, const void *unused)
{
    const double a = *(const double *)shape;
    (void)unused;
    *(double *)out = a >= 1 ? gamma_large(s, a) : a == 0 ? 0 : exp_f64(log_gamma_number(s, a));
    return a >= 0 && a < CT_INF_F64;
}

/* x / (x + y) of two gamma numbers */
int ct_make_beta(ct_source *s, void *out, const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    const int good = x > 0 && y > 0 && x < CT_INF_F64 && y < CT_INF_F64;
    if (good) {
        const double ratio = log_gamma_number(s, y) - log_gamma_number(s, x);
        *(double *)out = 1 / (1 + exp_f64(ratio));
    }
    return good;
}

/* ----- counts ----- */

/* log(k!), by Stirling's series where it is exact to a rounding error */
static double log_factorial(double k)
{
    if (k < 10) {
        double product = 1;
        for (int i = 2; i <= k; i++)
            product *= i;
        return log_f64(product);
    }
    const double x = k + 1, z = 1 / (x * x);
    const double tail = (1.0 / 12 - z * (1.0 / 360 - z * (1.0 / 1260 - z * (1.0 / 1680)))) / x;
    return (x - 0.5) * log_f64(x) - x + 0.91893853320467274178 + tail;
}

/* The first k at which the sum of the probabilities passes u. */
static int64_t poisson_small(ct_source *s, double mean)
{
    const double u = ct_next_uniform(s);
    double p = exp_f64(-mean), sum = p;
    int64_t k = 0;
    while (u >= sum && p > 0x1p-80) {
        p *= mean / ++k;
        sum += p;
    }
    return k;
}

/* A candidate of W. Hörmann's transformed rejection: k = floor((2a / us + b) u + c), whose tests
 * are those of the two functions below. */
typedef struct { double a, b, c, safe; } hat;
typedef struct { double k, v, us; } candidate;

static candidate next_candidate(ct_source *s, const hat *h)
{
    const double u = ct_next_uniform(s) - 0.5, v = ct_next_open(s), us = 0.5 - abs_f64(u);
    return (candidate){__builtin_floor((2 * h->a / us + h->b) * u + h->c), v, us};
}

/* PTRS of W. Hörmann: The transformed rejection method for generating Poisson random variables.
 * Insurance: Mathematics and Economics 12, 1993. */
static int64_t poisson_large(ct_source *s, double mean)
{
    const double b = 0.931 + 2.53 * __builtin_sqrt(mean), a = -0.059 + 0.02483 * b;
    const double scale = 1.1239 + 1.1328 / (b - 3.4), log_mean = log_f64(mean);
    const hat h = {a, b, mean + 0.43, 0.9277 - 3.6224 / (b - 2)};
    for (;;) {
        const candidate x = next_candidate(s, &h);
        if (x.us >= 0.07 && x.v <= h.safe)
            return (int64_t)x.k;
        if (x.k < 0 || (x.us < 0.013 && x.v > x.us))
            continue;
        const double log_v = log_f64(x.v * scale / (a / (x.us * x.us) + b));
        if (log_v <= x.k * log_mean - mean - log_factorial(x.k))
            return (int64_t)x.k;
    }
}

#define LARGEST_MEAN 0x1p62         /* the counts are int64 */

int ct_make_poisson(ct_source *s, void *out, const void *mean, const void *unused)
{
    const double m = *(const double *)mean;
    const int good = m >= 0 && m < LARGEST_MEAN;
    (void)unused;
    if (good)
        *(int64_t *)out = m < 10 ? poisson_small(s, m) : poisson_large(s, m);
    return good;
}

/* p is at most 1/2, and n p below 10. */
static int64_t binomial_small(ct_source *s, int64_t n, double p)
{
    const double u = ct_next_uniform(s), odds = p / (1 - p);
    double probability = exp_f64(n * log1p_f64(-p)), sum = probability;
    int64_t k = 0;
    while (u >= sum && k < n && probability > 0x1p-80) {
        k++;
        probability *= odds * (n - k + 1) / k;
        sum += probability;
    }
    return k;
}

/* BTRS of W. Hörmann: The generation of binomial random variates. Journal of Statistical
 * Computation and Simulation 46, 1993. p is at most 1/2. */
static int64_t binomial_large(ct_source *s, int64_t n, double p)
{
    const double spread = __builtin_sqrt(n * p * (1 - p)), b = 1.15 + 2.53 * spread;
    const double a = -0.0873 + 0.0248 * b + 0.01 * p, alpha = (2.83 + 5.1 / b) * spread;
    const hat h = {a, b, n * p + 0.5, 0.92 - 4.2 / b};
    const double mode = __builtin_floor((n + 1.0) * p), log_odds = log_f64(p / (1 - p));
    const double top = log_factorial(mode) + log_factorial(n - mode);
    for (;;) {
        const candidate x = next_candidate(s, &h);
        if (x.us >= 0.07 && x.v <= h.safe)
            return (int64_t)x.k;
        if (x.k < 0 || x.k > n)
            continue;
        const double log_v = log_f64(x.v * alpha / (a / (x.us * x.us) + b));
        if (log_v <= top - log_factorial(x.k) - log_factorial(n - x.k) + (x.k - mode) * log_odds)
            return (int64_t)x.k;
    }
}

int64_t ct_binomial(ct_source *s, int64_t n, double p)
{
    if (p > 0.5)
        return n - ct_binomial(s, n, 1 - p);
    return n * p < 10 ? binomial_small(s, n, p) : binomial_large(s, n, p);
}

int ct_make_binomial(ct_source *s, void *out, const void *n, const void *p)
{
    const int64_t count = *(const int64_t *)n;
    const double chance = *(const double *)p;
    const int good = count >= 0 && chance >= 0 && chance <= 1;
    if (good)
        *(int64_t *)out = ct_binomial(s, count, chance);
    return good;
}
