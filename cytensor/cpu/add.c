/* add.c: adding one tensor into another, by rows or item by item. */
#include "arith.h"
#include "structured.h"

#define AHEAD 48                /* items from one to one that is fetched in advance */

#define ADD(name, T, SUM, PRODUCT) \
CT_CLONES static void add_row_##name(const ct_nest *nest, int64_t n, char *const *data, \
                                     const void *ctx) \
{ \
    const int last = nest->ndim - 1; \
    const int64_t to = nest->strides[0][last], from = nest->strides[1][last]; \
    char *restrict out = data[0]; \
    const char *restrict in = data[1]; \
    (void)ctx; \
    if (to == sizeof(T) && from == sizeof(T)) { \
        for (int64_t i = 0; i < n; i++) \
            ((T *)out)[i] = SUM(((T *)out)[i], ((const T *)in)[i]); \
    } else if (to == sizeof(T) && from == 0) { \
        const T value = *(const T *)in; \
        for (int64_t i = 0; i < n; i++) \
            ((T *)out)[i] = SUM(((T *)out)[i], value); \
    } else { \
        for (int64_t i = 0; i < n; i++) { \
            T *at = (T *)(out + i * to); \
            *at = SUM(*at, *(const T *)(in + i * from)); \
        } \
    } \
} \
\
static void add_items_##name(int64_t n, char *indexed, ct_places places, \
                             char *plain, int64_t step) \
{ \
    for (int64_t i = 0; i < n; i++) { \
        T *at = (T *)(indexed + ct_place(places, i)); \
        *at = SUM(*at, *(const T *)(plain + i * step)); \
    } \
} \
\
static int add_checked_##name(int64_t n, char *indexed, ct_places places, \
                              char *plain, int64_t step) \
{ \
    int64_t at, i = 0; \
    for (; i < n && ct_is_within(places, i, &at); i++) { \
        if (i + AHEAD < n) \
            __builtin_prefetch(indexed + ct_place(places, i + AHEAD), 1); \
        T *item = (T *)(indexed + at * places.step); \
        *item = SUM(*item, *(const T *)(plain + i * step)); \
    } \
    return i == n; \
}
CT_FOR_ARITH(ADD)

#define ADDERS(name) {add_row_##name, add_items_##name, add_checked_##name}
static const struct {
    ct_inner row;
    ct_items items;
    ct_checked_items checked;
} adders[CT_NDTYPES] = CT_ARITH_TABLE(ADDERS);

ct_inner ct_add_row(int dtype)
{
    return adders[dtype].row;
}

ct_items ct_add_items(int dtype)
{
    return adders[dtype].items;
}

ct_checked_items ct_add_checked_items(int dtype)
{
    return adders[dtype].checked;
}

/* t[0] += t[1], which broadcasts. */
int ct_add_into(ct_call *call, int n, const ct_tensor *t, const int64_t *params)
{
    (void)call, (void)n, (void)params;
    ct_nest nest = ct_nest_of(&t[0]);
    ct_nest_broadcast(&nest, &t[1]);
    ct_nest_tidy(&nest, 0);
    ct_nest_run(&nest, 1, 1, 64, ct_add_row(t[0].dtype), NULL);
    return CT_OK;
}
