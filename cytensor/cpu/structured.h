/* structured.h: the structured kernels, and the loops that they share. */
#ifndef CT_STRUCTURED_H
#define CT_STRUCTURED_H

#include "nest.h"

/* structured.c */
extern const ct_kernel_entry ct_structured_kernels[];

/* ----- copy.c ----- */

/* Items are moved by size alone. They need not be aligned: a complex64 is moved as one uint64. */
typedef uint8_t ct_u8;
typedef uint16_t ct_u16 __attribute__((aligned(1), may_alias));
typedef uint32_t ct_u32 __attribute__((aligned(1), may_alias));
typedef uint64_t ct_u64 __attribute__((aligned(1), may_alias));
typedef struct { ct_u64 low, high; } ct_u128;

#define CT_FOR_SIZES(X) X(1, ct_u8) X(2, ct_u16) X(4, ct_u32) X(8, ct_u64) X(16, ct_u128)

/* The loop that copies one row of operand 1 to operand 0. */
ct_inner ct_copy_row(int itemsize);

/* Places along an axis of some length and step: negative indices count from its end. */
typedef struct {
    const int64_t *indices;
    int64_t length, step;
} ct_places;

static inline int64_t ct_from_front(int64_t index, int64_t size)
{
    return index + (index < 0 ? size : 0);
}

static inline int64_t ct_place(ct_places p, int64_t i)
{
    return ct_from_front(p.indices[i], p.length) * p.step;
}

/* Copy n single items, in order, between places of `indexed` and a plain run of items: `into`
 * the places, or out of them. */
typedef void (*ct_items)(int64_t n, char *indexed, ct_places places, char *plain, int64_t step);
ct_items ct_copy_items(int itemsize, int into);

/* The same for indices that are checked on the way; return whether all were within bounds. What
 * is copied before one that is not stays. */
typedef int (*ct_checked_items)(int64_t n, char *indexed, ct_places places, char *plain,
                                int64_t step);
ct_checked_items ct_copy_checked_items(int itemsize, int into);

/* Whether index i of some places is within bounds; it is then counted from the front. */
static inline int ct_is_within(ct_places p, int64_t i, int64_t *index)
{
    *index = ct_from_front(p.indices[i], p.length);
    return __builtin_expect((uint64_t)*index < (uint64_t)p.length, 1);
}

/* Copy operand 1 of a nest to operand 0, on the pool. */
void ct_copy_nest(ct_nest *nest, int itemsize);

int ct_copy(ct_call *call, int n, const ct_tensor *t, const int64_t *params);
int ct_join(ct_call *call, int n, const ct_tensor *t, const int64_t *params);

/* ----- add.c ----- */

/* The loop that adds one row of operand 1 to operand 0. */
ct_inner ct_add_row(int dtype);

/* Add n items of a plain run to places of `indexed`, in order. */
ct_items ct_add_items(int dtype);
ct_checked_items ct_add_checked_items(int dtype);

int ct_add_into(ct_call *call, int n, const ct_tensor *t, const int64_t *params);

/* ----- index.c ----- */

int ct_gather(ct_call *call, int n, const ct_tensor *t, const int64_t *params);
int ct_scatter_set(ct_call *call, int n, const ct_tensor *t, const int64_t *params);
int ct_scatter_add(ct_call *call, int n, const ct_tensor *t, const int64_t *params);
int ct_check_indices(ct_call *call, int n, const ct_tensor *t, const int64_t *params);

/* ----- nonzero.c ----- */

int ct_nonzero_count(ct_call *call, int n, const ct_tensor *t, const int64_t *params);
int ct_nonzero(ct_call *call, int n, const ct_tensor *t, const int64_t *params);

/* ----- arg.c ----- */

int ct_argmax(ct_call *call, int n, const ct_tensor *t, const int64_t *params);
int ct_argmin(ct_call *call, int n, const ct_tensor *t, const int64_t *params);

/* How a dtype is searched for its largest or smallest items: for fused groups. */
const ct_searcher *ct_searcher_of(int is_max, int dtype);

/* ----- cumulate.c ----- */

int ct_cumsum(ct_call *call, int n, const ct_tensor *t, const int64_t *params);
int ct_cumprod(ct_call *call, int n, const ct_tensor *t, const int64_t *params);

/* ----- guard.c ----- */

int ct_guard(ct_call *call, int n, const ct_tensor *t, const int64_t *params);

/* ----- sort.c ----- */

int ct_sort(ct_call *call, int n, const ct_tensor *t, const int64_t *params);
int ct_argsort(ct_call *call, int n, const ct_tensor *t, const int64_t *params);
int ct_argtopk(ct_call *call, int n, const ct_tensor *t, const int64_t *params);
int ct_argsort_rows(ct_call *call, int n, const ct_tensor *t, const int64_t *params);

/* ----- compare.c ----- */

int ct_starts(ct_call *call, int n, const ct_tensor *t, const int64_t *params);

/* ----- search.c ----- */

int ct_searchsorted(ct_call *call, int n, const ct_tensor *t, const int64_t *params);
int ct_highest(ct_call *call, int n, const ct_tensor *t, const int64_t *params);
int ct_bincount(ct_call *call, int n, const ct_tensor *t, const int64_t *params);
int ct_weighted_bincount(ct_call *call, int n, const ct_tensor *t, const int64_t *params);
int ct_bounded(ct_call *call, int n, const ct_tensor *t, const int64_t *params);

/* ----- pooling.c ----- */

int ct_max_pool(ct_call *call, int n, const ct_tensor *t, const int64_t *params);
int ct_sum_pool(ct_call *call, int n, const ct_tensor *t, const int64_t *params);
int ct_sum_unpool(ct_call *call, int n, const ct_tensor *t, const int64_t *params);

/* ----- pooling_match.c ----- */

int ct_max_pool_grad(ct_call *call, int n, const ct_tensor *t, const int64_t *params);
int ct_max_pool_gather(ct_call *call, int n, const ct_tensor *t, const int64_t *params);

/* ----- pooling_regions.c ----- */

int ct_region_argmax(ct_call *call, int n, const ct_tensor *t, const int64_t *params);

/* ----- recurrence.c ----- */

int ct_recurrence(ct_call *call, int n, const ct_tensor *t, const int64_t *params);

/* ----- draw.c ----- */

int ct_random_draw(ct_call *call, int n, const ct_tensor *t, const int64_t *params);
int ct_random_mask(ct_call *call, int n, const ct_tensor *t, const int64_t *params);
int ct_random_next(ct_call *call, int n, const ct_tensor *t, const int64_t *params);

/* ----- variates.c ----- */

int ct_random_integers(ct_call *call, int n, const ct_tensor *t, const int64_t *params);
int ct_random_gamma(ct_call *call, int n, const ct_tensor *t, const int64_t *params);
int ct_random_beta(ct_call *call, int n, const ct_tensor *t, const int64_t *params);
int ct_random_poisson(ct_call *call, int n, const ct_tensor *t, const int64_t *params);
int ct_random_binomial(ct_call *call, int n, const ct_tensor *t, const int64_t *params);
int ct_random_permutation(ct_call *call, int n, const ct_tensor *t, const int64_t *params);
int ct_random_multinomial(ct_call *call, int n, const ct_tensor *t, const int64_t *params);
int ct_random_categorical(ct_call *call, int n, const ct_tensor *t, const int64_t *params);
int ct_random_choose(ct_call *call, int n, const ct_tensor *t, const int64_t *params);

/* ----- mrg.c ----- */

int ct_random_mrg(ct_call *call, int n, const ct_tensor *t, const int64_t *params);
int ct_mrg_choice(ct_call *call, int n, const ct_tensor *t, const int64_t *params);

#endif
