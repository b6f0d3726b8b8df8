/* nonzero.c: how many items are not zero, and where they are. */
#include "structured.h"

#include <string.h>

#define RUN 1024                /* items looked at in one go */

/* An item is nonzero if any of its bits is, but for the sign of a float: the mask leaves it out.
 * A complex one is two floats. */
#define FOR_MASKS(X) \
    X(1, uint8_t, 0xff) X(2, uint16_t, 0xffff) X(4, uint32_t, 0xffffffffu) \
    X(8, uint64_t, ~(uint64_t)0) X(half, uint16_t, 0x7fff) X(float, uint32_t, 0x7fffffffu) \
    X(double, uint64_t, ~(uint64_t)0 >> 1)

#define FIND(name, T, MASK) \
static void find_##name(const char *x, int64_t n, int64_t stride, uint8_t *found) \
{ \
    if (stride == sizeof(T)) { \
        for (int64_t i = 0; i < n; i++) \
            found[i] = (((const T *)x)[i] & (T)MASK) != 0; \
        return; \
    } \
    for (int64_t i = 0; i < n; i++) \
        found[i] = (*(const T *)(x + i * stride) & (T)MASK) != 0; \
}
FOR_MASKS(FIND)

#define FIND_COMPLEX(name, T, part) \
static void find_##name(const char *x, int64_t n, int64_t stride, uint8_t *found) \
{ \
    uint8_t imaginary[RUN]; \
    find_##part(x, n, stride, found); \
    find_##part(x + sizeof(T), n, stride, imaginary); \
    for (int64_t i = 0; i < n; i++) \
        found[i] |= imaginary[i]; \
}
FIND_COMPLEX(cfloat, float, float)
FIND_COMPLEX(cdouble, double, double)

/* found[i] = whether item i of at most RUN is not zero. */
typedef void (*finder)(const char *x, int64_t n, int64_t stride, uint8_t *found);

static const finder finders[CT_NDTYPES] = {
    [CT_BOOL] = find_1, [CT_I8] = find_1, [CT_U8] = find_1, [CT_I16] = find_2, [CT_U16] = find_2,
    [CT_I32] = find_4, [CT_U32] = find_4, [CT_I64] = find_8, [CT_U64] = find_8,
    [CT_F16] = find_half, [CT_F32] = find_float, [CT_F64] = find_double,
    [CT_C64] = find_cfloat, [CT_C128] = find_cdouble,
};

/* ----- nonzero_count ----- */

typedef struct {
    finder find;
    _Atomic int64_t *count;
} counting;

static void count_row(const ct_nest *nest, int64_t n, char *const *data, const void *ctx)
{
    const counting *c = ctx;
    const int64_t stride = nest->strides[0][nest->ndim - 1];
    int64_t count = 0;
    uint8_t found[RUN];
    for (int64_t i = 0; i < n; i += RUN) {
        const int64_t size = ct_min(RUN, n - i);
        int here = 0;
        c->find(data[0] + i * stride, size, stride, found);
        for (int64_t k = 0; k < size; k++)
            here += found[k];
        count += here;
    }
    *c->count += count;
}

/* t[0] = the number of items of t[1] that are not zero. */
int ct_nonzero_count(ct_call *call, int n, const ct_tensor *t, const int64_t *params)
{
    (void)call, (void)n, (void)params;
    _Atomic int64_t count = 0;
    const counting c = {finders[t[1].dtype], &count};
    ct_nest nest = ct_nest_of(&t[1]);
    ct_nest_tidy(&nest, 0);
    ct_nest_run(&nest, 1, 1, RUN, count_row, &c);
    *(int64_t *)t[0].data = count;
    return CT_OK;
}

/* ----- nonzero ----- */

typedef struct {
    const ct_tensor *out;       /* (ndim, n): row d has the indices along axis d */
    int64_t written;
} positions;

/* out[i * stride] = from + step * at[i] */
static void write_axis(char *out, int64_t stride, int64_t n, int64_t from, int64_t step,
                       const int32_t *at)
{
    for (int64_t i = 0; i < n; i++)
        *(int64_t *)(out + i * stride) = from + step * at[i];
}

/* Write down the items of one run: those at `first` + the set flags along the last axis. */
static void write_run(positions *p, int ndim, const int64_t *index, int64_t first,
                      const uint8_t *found, int64_t n)
{
    int32_t where[RUN + 1];
    int64_t count = 0;
    for (int32_t i = 0; i < (int32_t)n; i++) {      /* no branch that could be guessed wrongly */
        where[count] = i;
        count += found[i];
    }
    count = ct_min(count, p->out->dims[1] - p->written);
    const int64_t *strides = p->out->strides;
    char *out = p->out->data + p->written * strides[1];
    for (int d = 0; d < ndim - 1; d++)
        write_axis(out + d * strides[0], strides[1], count, index[d], 0, where);
    write_axis(out + (ndim - 1) * strides[0], strides[1], count, first, 1, where);
    p->written += count;
}

static void write_row(positions *p, const ct_tensor *x, const char *row, const int64_t *index)
{
    const int last = x->ndim - 1;
    uint8_t found[RUN];
    for (int64_t i = 0; i < x->dims[last]; i += RUN) {
        const int64_t n = ct_min(RUN, x->dims[last] - i);
        finders[x->dtype](row + i * x->strides[last], n, x->strides[last], found);
        write_run(p, x->ndim, index, i, found, n);
    }
}

/* Go to the next row; return whether there is one. */
static int next_row(const ct_tensor *x, int64_t *index, const char **row)
{
    for (int d = x->ndim - 2; d >= 0; d--) {
        *row += x->strides[d];
        if (++index[d] < x->dims[d])
            return 1;
        *row -= x->dims[d] * x->strides[d];
        index[d] = 0;
    }
    return 0;
}

/* t[0] = where t[1] is not zero: a matrix (ndim, n) in C order; t[2] is n, the count. */
int ct_nonzero(ct_call *call, int n, const ct_tensor *t, const int64_t *params)
{
    (void)call, (void)n, (void)params;
    const ct_tensor *x = &t[1];
    int64_t index[CT_MAXDIM] = {0};
    positions p = {&t[0], 0};
    const char *row = x->data;
    if (x->ndim == 0 || ct_product(x->ndim, x->dims) == 0)
        return CT_OK;
    do
        write_row(&p, x, row, index);
    while (next_row(x, index, &row));
    return CT_OK;
}
