/* guard.c: whether a tensor holds numbers that are too large, infinite, or no numbers at all. */
#include "structured.h"

/* Without its sign bit, a float orders as an integer: finite numbers, inf, then NaN. So one
 * comparison of bits finds all three. */
#define ABOVE(name, T, MASK) \
CT_CLONES static int above_##name(const char *x, int64_t n, int64_t stride, int64_t limit) \
{ \
    const T bound = (T)limit; \
    T found = 0; \
    if (stride == sizeof(T)) { \
        for (int64_t i = 0; i < n; i++) \
            found |= (((const T *)x)[i] & (T)MASK) > bound; \
        return found != 0; \
    } \
    for (int64_t i = 0; i < n; i++) \
        found |= (*(const T *)(x + i * stride) & (T)MASK) > bound; \
    return found != 0; \
}
ABOVE(half, int16_t, 0x7fff)
ABOVE(float, int32_t, 0x7fffffff)
ABOVE(double, int64_t, 0x7fffffffffffffff)

typedef int (*above)(const char *x, int64_t n, int64_t stride, int64_t limit);

static const struct {
    above row;
    int parts, param;           /* floats in an element; which limit is theirs */
} rules[CT_NDTYPES] = {
    [CT_F16] = {above_half, 1, 0}, [CT_F32] = {above_float, 1, 1}, [CT_F64] = {above_double, 1, 2},
    [CT_C64] = {above_float, 2, 1}, [CT_C128] = {above_double, 2, 2},
};

typedef struct {
    int dtype;
    int64_t limit;
    _Atomic int *found;
} looking;

static void look_at_row(const ct_nest *nest, int64_t n, char *const *data, const void *ctx)
{
    const looking *c = ctx;
    const int parts = rules[c->dtype].parts;
    const int64_t part = ct_itemsize[c->dtype] / parts, step = nest->strides[0][nest->ndim - 1];
    int found = 0;
    if (step == parts * part) {
        found = rules[c->dtype].row(data[0], n * parts, part, c->limit);
    } else {
        for (int k = 0; k < parts; k++)
            found |= rules[c->dtype].row(data[0] + k * part, n, step, c->limit);
    }
    if (found)
        *c->found = 1;
}

/* CT_VALUE if a number of t[0] has bits above the limit for its kind of float: params has the
 * limits for half, single and double precision. */
int ct_guard(ct_call *call, int n, const ct_tensor *t, const int64_t *params)
{
    (void)call, (void)n;
    if (!rules[t[0].dtype].row)
        return CT_OK;
    _Atomic int found = 0;
    const looking c = {t[0].dtype, params[rules[t[0].dtype].param], &found};
    ct_nest nest = ct_nest_of(&t[0]);
    ct_nest_tidy(&nest, 0);
    ct_nest_run(&nest, 1, 1, 64, look_at_row, &c);
    return found ? CT_VALUE : CT_OK;
}
