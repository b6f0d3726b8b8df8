/* export.h: what exported functions have beside their math: sizes, and functions for all arguments.
 *
 * Nothing includes this file: cytensor/export takes the pieces from it that a function uses. */
#ifndef CT_EXPORT_H
#define CT_EXPORT_H

#define ct_smaller(a, b) ((a) < (b) ? (a) : (b))
#define ct_larger(a, b) ((a) > (b) ? (a) : (b))

/* Bytes up to the next multiple of a cache line */
#define ct_aligned(bytes) (((bytes) + 63) & ~(int64_t)63)

/* Python's // and %; by zero they give 0. */
static inline int64_t ct_floor_quotient(int64_t a, int64_t b)
{
    if (b == 0)
        return 0;
    return a / b - (a % b != 0 && (a < 0) != (b < 0));
}

static inline int64_t ct_floor_rest(int64_t a, int64_t b)
{
    return b == 0 ? 0 : a - ct_floor_quotient(a, b) * b;
}

/* Functions that need another way for rare arguments, with both ways */
#define CT_ANY_1(T, name, kind)                                                                 \
    CT_INLINE T ct_##name##_any_##kind(T x)                                                     \
    {                                                                                           \
        return is_big_##name##_##kind(x) ? name##_big_##kind(x) : name##_##kind(x);             \
    }
#define CT_ANY_2(T, name, kind)                                                                 \
    CT_INLINE T ct_##name##_any_##kind(T x, T y)                                                \
    {                                                                                           \
        return is_big_##name##_##kind(x, y) ? name##_big_##kind(x, y) : name##_##kind(x, y);    \
    }
CT_ANY_1(float, sin, f32)
CT_ANY_1(float, cos, f32)
CT_ANY_1(float, tan, f32)
CT_ANY_2(float, fmod, f32)
CT_ANY_2(float, floor_mod, f32)
CT_ANY_2(float, floor_div, f32)
CT_ANY_1(double, sin, f64)
CT_ANY_1(double, cos, f64)
CT_ANY_1(double, tan, f64)
CT_ANY_2(double, fmod, f64)
CT_ANY_2(double, floor_mod, f64)
CT_ANY_2(double, floor_div, f64)

/* ----- the gamma function and its relatives ----- */

static inline double ct_gamma(double x)
{
    return x == 0 ? copysign(INFINITY, x) : tgamma(x);
}

#if defined(__unix__) || defined(__APPLE__)
extern double lgamma_r(double, int *);          /* lgamma leaves the sign in a global variable */
static inline double ct_gammaln(double x)
{
    int sign;
    return lgamma_r(x, &sign);
}
#else
static inline double ct_gammaln(double x)
{
    return lgamma(x);
}
#endif

/* psi(x) is psi(x + 1) - 1/x, and that of large x is a series. */
static double ct_psi(double x)
{
    if (x == 0)
        return copysign(INFINITY, -x);
    if (x < 0) {                                /* reflected */
        const double turn = x - trunc(x);
        return turn == 0 ? NAN : ct_psi(1 - x) - 3.14159265358979323846
            / tan(3.14159265358979323846 * turn);
    }
    double low = 0;
    for (; x < 10; x++)
        low += 1 / x;
    const double z = 1 / (x * x);
    const double series = z * (1.0 / 12 - z * (1.0 / 120 - z * (1.0 / 252 - z * (1.0 / 240
        - z * (1.0 / 132 - z * (691.0 / 32760 - z / 12))))));
    return log(x) - 0.5 / x - series - low;
}

static double ct_tri_gamma(double x)
{
    if (x <= 0) {
        const double sine = sin(3.14159265358979323846 * (x - trunc(x)));
        return sine == 0 ? INFINITY : 9.86960440108935861883 / (sine * sine) - ct_tri_gamma(1 - x);
    }
    double low = 0;
    for (; x < 10; x++)
        low += 1 / (x * x);
    const double z = 1 / (x * x);
    const double series = z * (1.0 / 6 - z * (1.0 / 30 - z * (1.0 / 42 - z * (1.0 / 30
        - z * (5.0 / 66 - z * (691.0 / 2730 - z * 7 / 6))))));
    return (1 + 0.5 / x + series) / x + low;
}

#endif
