/* cumulate.c: running sums and products along an axis, one step after the other as in NumPy.
 *
 * Several columns advance side by side: neighbours in memory, where they are, else a few. */
#include "arith.h"
#include "structured.h"

#define COLUMNS 1024            /* side by side: three rows of them stay in the L1 cache */
#define FEW 8                   /* enough to hide the latency of an addition */

typedef struct {
    int64_t n, to, from;        /* the axis: its size, and the strides of output and input */
} cumulate_axis;

#define CUMULATE(name, T, FOLD) \
CT_CLONES static void along_##name(const cumulate_axis *axis, int64_t m, char *out, \
                                   const char *x) \
{ \
    for (int64_t j = 0; j < m; j++) \
        ((T *)out)[j] = ((const T *)x)[j]; \
    for (int64_t i = 1; i < axis->n; i++) { \
        const T *before = (const T *)(out + (i - 1) * axis->to); \
        const T *restrict row = (const T *)(x + i * axis->from); \
        T *restrict next = (T *)(out + i * axis->to); \
        for (int64_t j = 0; j < m; j++) \
            next[j] = FOLD(before[j], row[j]); \
    } \
} \
\
static void few_##name(const cumulate_axis *axis, int64_t m, char *out, int64_t to, \
                       const char *x, int64_t from) \
{ \
    T total[FEW]; \
    for (int64_t j = 0; j < m; j++) \
        *(T *)(out + j * to) = total[j] = *(const T *)(x + j * from); \
    for (int64_t i = 1; i < axis->n; i++) { \
        const char *row = x + i * axis->from; \
        char *next = out + i * axis->to; \
        for (int64_t j = 0; j < m; j++) { \
            total[j] = FOLD(total[j], *(const T *)(row + j * from)); \
            *(T *)(next + j * to) = total[j]; \
        } \
    } \
} \
\
static void cumulate_##name(const ct_nest *nest, int64_t m, char *const *data, const void *ctx) \
{ \
    const int last = nest->ndim - 1; \
    const int64_t to = nest->strides[0][last], from = nest->strides[1][last]; \
    const int contiguous = to == sizeof(T) && from == sizeof(T); \
    const int64_t step = contiguous ? COLUMNS : FEW; \
    for (int64_t j = 0; j < m; j += step) { \
        char *out = data[0] + j * to; \
        const char *x = data[1] + j * from; \
        if (contiguous) \
            along_##name(ctx, ct_min(step, m - j), out, x); \
        else if (m - j >= FEW) \
            few_##name(ctx, FEW, out, to, x, from); \
        else \
            for (int64_t k = 0; k < m - j; k++) \
                few_##name(ctx, 1, out + k * to, to, x + k * from, from); \
    } \
}

#define CUMULATE_BOTH(name, T, SUM, PRODUCT) \
    CUMULATE(sum_##name, T, SUM) \
    CUMULATE(product_##name, T, PRODUCT)
CT_FOR_ARITH(CUMULATE_BOTH)

#define SUM_ROW(name) cumulate_sum_##name
#define PRODUCT_ROW(name) cumulate_product_##name
static const ct_inner sums[CT_NDTYPES] = CT_ARITH_TABLE(SUM_ROW);
static const ct_inner products[CT_NDTYPES] = CT_ARITH_TABLE(PRODUCT_ROW);

static int cumulate(const ct_inner *table, const ct_tensor *t, int64_t along)
{
    const cumulate_axis axis = {t[0].dims[along], t[0].strides[along], t[1].strides[along]};
    ct_nest nest = ct_nest_of(&t[0]);
    ct_nest_broadcast(&nest, &t[1]);
    if (axis.n == 0)
        return CT_OK;
    nest.dims[along] = 1;           /* the kernel walks along it itself */
    ct_nest_tidy(&nest, 0);
    ct_nest_run(&nest, 1, axis.n, FEW, table[t[0].dtype], &axis);
    return CT_OK;
}

/* t[0] = the running sums of t[1] along params[0]. */
int ct_cumsum(ct_call *call, int n, const ct_tensor *t, const int64_t *params)
{
    (void)call, (void)n;
    return cumulate(sums, t, params[0]);
}

/* t[0] = the running products of t[1] along params[0]. */
int ct_cumprod(ct_call *call, int n, const ct_tensor *t, const int64_t *params)
{
    (void)call, (void)n;
    return cumulate(products, t, params[0]);
}
