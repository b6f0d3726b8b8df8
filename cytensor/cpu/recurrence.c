/* recurrence.c: y[k] = a[k] * y[k-1] + b[k] along an axis, one step after the other.
 *
 * It is the gradient of running products, and its own. Where neighbours lie side by side in
 * memory, they advance together. */
#include "arith.h"
#include "structured.h"

#define COLUMNS 1024            /* side by side: four rows of them stay in the L1 cache */

typedef struct {
    int64_t n, strides[3];      /* the axis: its size, and the strides of y, a and b */
} recurrence_axis;

#define RECURRENCE(name, T, SUM, PRODUCT) \
CT_CLONES static void along_##name(const recurrence_axis *axis, int64_t m, char *const *data) \
{ \
    for (int64_t j = 0; j < m; j++) \
        ((T *)data[0])[j] = ((const T *)data[2])[j]; \
    for (int64_t k = 1; k < axis->n; k++) { \
        const T *before = (const T *)(data[0] + (k - 1) * axis->strides[0]); \
        const T *restrict a = (const T *)(data[1] + k * axis->strides[1]); \
        const T *restrict b = (const T *)(data[2] + k * axis->strides[2]); \
        T *restrict next = (T *)(data[0] + k * axis->strides[0]); \
        for (int64_t j = 0; j < m; j++) { \
            const T term = PRODUCT(a[j], before[j]); \
            next[j] = SUM(term, b[j]); \
        } \
    } \
} \
\
static void recurrence_##name(const ct_nest *nest, int64_t m, char *const *data, const void *ctx) \
{ \
    const int last = nest->ndim - 1; \
    int contiguous = 1; \
    for (int i = 0; i < 3; i++) \
        contiguous &= nest->strides[i][last] == sizeof(T); \
    const int64_t step = contiguous ? COLUMNS : 1; \
    for (int64_t j = 0; j < m; j += step) { \
        char *column[3]; \
        for (int i = 0; i < 3; i++) \
            column[i] = data[i] + j * nest->strides[i][last]; \
        along_##name(ctx, ct_min(step, m - j), column); \
    } \
}

CT_FOR_ARITH(RECURRENCE)

#define ROW(name) recurrence_##name
static const ct_inner recurrences[CT_NDTYPES] = CT_ARITH_TABLE(ROW);

/* t[0] = the values of the recurrence with factors t[1] and terms t[2], along params[0]. */
int ct_recurrence(ct_call *call, int n, const ct_tensor *t, const int64_t *params)
{
    const int64_t along = params[0];
    recurrence_axis axis = {t[0].dims[along], {0}};
    ct_nest nest = ct_nest_of(&t[0]);
    (void)call, (void)n;
    ct_nest_broadcast(&nest, &t[1]);
    ct_nest_broadcast(&nest, &t[2]);
    if (axis.n == 0)
        return CT_OK;
    for (int i = 0; i < 3; i++)
        axis.strides[i] = nest.strides[i][along];
    nest.dims[along] = 1;           /* the kernel walks along it itself */
    ct_nest_tidy(&nest, 0);
    ct_nest_run(&nest, 1, 2 * axis.n, 1, recurrences[t[0].dtype], &axis);
    return CT_OK;
}
