/* special.h: tile kernels over scalar functions of doubles. _special.pyx defines most of these
 * with SciPy's; the polygamma functions are here. Smaller floats are computed in double. */
#ifndef CT_SPECIAL_H
#define CT_SPECIAL_H

#include <math.h>

#include "tile.h"

#define CT_FOR_UNARY(X) \
    X(erfinv) X(erfcinv) X(erfcx) X(gamma) X(gammaln) X(psi) X(tri_gamma) X(j0) X(j1) X(i0) X(i1)
#define CT_FOR_BINARY(X) X(polygamma) X(chi2sf) X(gammainc) X(gammaincc) X(jv) X(iv)

#define DECLARE_UNARY(name) static double ct_##name(double x);
#define DECLARE_BINARY(name) static double ct_##name(double x, double y);
CT_FOR_UNARY(DECLARE_UNARY)
CT_FOR_BINARY(DECLARE_BINARY)

/* ----- polygamma ----- */

/* sum over k >= 0 of (q + k)^-s, for q > 0: large terms, then Euler and Maclaurin's formula. */
static double ct_zeta(double s, double q)
{
    /* (2j)! / B_2j for j = 1, 2, .. */
    static const double divisors[] = {
        12.0, -720.0, 30240.0, -1209600.0, 47900160.0, -1307674368000.0 / 691,
        74724249600.0, -10670622842880000.0 / 3617,
    };
    double total = 0, term, factor = s;
    for (; q < 10 + s; q++)
        total += pow(q, -s);
    term = pow(q, -s);
    total += term * q / (s - 1) + term / 2;
    for (int j = 0; j < 8; j++) {
        term /= q;
        total += factor * term / divisors[j];
        term /= q;
        factor *= (s + 2 * j + 1) * (s + 2 * j + 2);
    }
    return total;
}

/* The derivative of psi of order n = 1, 2, ..: (-1)^(n+1) n! sum over k >= 0 of (x + k)^-(n+1). */
static double ct_polygamma(double n, double x)
{
    const double s = n + 1, sign = fmod(n, 2) == 0 ? -1 : 1;
    if (!(n >= 1) || n != floor(n))
        return NAN;
    if (x > 0)
        return sign * tgamma(s) * ct_zeta(s, x);
    if (x == floor(x))
        return sign > 0 ? INFINITY : NAN;
    /* The terms with x + k < 0, seen from 0 outwards, are what one series has beyond another. */
    const double inner = ceil(x) - x, outer = 1 - x;
    const double below = ct_zeta(s, inner) - ct_zeta(s, outer);
    return sign * tgamma(s) * (ct_zeta(s, 1 - inner) + sign * below);
}

static double ct_tri_gamma(double x) { return ct_polygamma(1, x); }

/* ----- kernels ----- */

#define CT_SAME(x) (x)
#define CT_FOR_FLOATS(X, name) \
    X(name, f16, uint16_t, half_to_float, double_to_half) \
    X(name, f32, float, CT_SAME, (float)) \
    X(name, f64, double, CT_SAME, CT_SAME)

#define MAP_UNARY(name, t, T, LOAD, STORE) \
static void name##_##t(int64_t n, void *out, const void *const *in, unsigned scalars) \
{ \
    const T *x = in[0]; \
    T *o = out; \
    if (scalars) { \
        ct_spread_scalars(name##_##t, 1, (const uint8_t[]){sizeof(T), sizeof(T)}, n, out, in, \
                          scalars); \
        return; \
    } \
    for (int64_t i = 0; i < n; i++) \
        o[i] = STORE(ct_##name(LOAD(x[i]))); \
}

#define MAP_BINARY(name, t, T, LOAD, STORE) \
static void name##_##t(int64_t n, void *out, const void *const *in, unsigned scalars) \
{ \
    const T *x = in[0], *y = in[1]; \
    T *o = out; \
    if (scalars) { \
        ct_spread_scalars(name##_##t, 2, (const uint8_t[]){sizeof(T), sizeof(T), sizeof(T)}, n, \
                          out, in, scalars); \
        return; \
    } \
    for (int64_t i = 0; i < n; i++) \
        o[i] = STORE(ct_##name(LOAD(x[i]), LOAD(y[i]))); \
}

#define MAPS_UNARY(name) CT_FOR_FLOATS(MAP_UNARY, name)
#define MAPS_BINARY(name) CT_FOR_FLOATS(MAP_BINARY, name)
CT_FOR_UNARY(MAPS_UNARY)
CT_FOR_BINARY(MAPS_BINARY)

#define ROWS(name) \
    {#name, 'm', CT_F16, -1, name##_f16}, {#name, 'm', CT_F32, -1, name##_f32}, \
    {#name, 'm', CT_F64, -1, name##_f64},

static const ct_entry ct_special_table[] = {CT_FOR_UNARY(ROWS) CT_FOR_BINARY(ROWS) {0}};

#endif
