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

/* Copy operand 1 of a nest to operand 0, on the pool. */
void ct_copy_nest(ct_nest *nest, int itemsize);

int ct_copy(ct_call *call, int n, const ct_tensor *t, const int64_t *params);
int ct_join(ct_call *call, int n, const ct_tensor *t, const int64_t *params);

/* ----- add.c ----- */

/* The loop that adds one row of operand 1 to operand 0. */
ct_inner ct_add_row(int dtype);

/* Add n items of a plain run to places of `indexed`, in order. */
ct_items ct_add_items(int dtype);

int ct_add_into(ct_call *call, int n, const ct_tensor *t, const int64_t *params);

/* ----- index.c ----- */

int ct_gather(ct_call *call, int n, const ct_tensor *t, const int64_t *params);
int ct_scatter_set(ct_call *call, int n, const ct_tensor *t, const int64_t *params);
int ct_scatter_add(ct_call *call, int n, const ct_tensor *t, const int64_t *params);

/* ----- nonzero.c ----- */

int ct_nonzero_count(ct_call *call, int n, const ct_tensor *t, const int64_t *params);
int ct_nonzero(ct_call *call, int n, const ct_tensor *t, const int64_t *params);

/* ----- arg.c ----- */

int ct_argmax(ct_call *call, int n, const ct_tensor *t, const int64_t *params);
int ct_argmin(ct_call *call, int n, const ct_tensor *t, const int64_t *params);

/* ----- cumulate.c ----- */

int ct_cumsum(ct_call *call, int n, const ct_tensor *t, const int64_t *params);
int ct_cumprod(ct_call *call, int n, const ct_tensor *t, const int64_t *params);

/* ----- recurrence.c ----- */

int ct_recurrence(ct_call *call, int n, const ct_tensor *t, const int64_t *params);

#endif
