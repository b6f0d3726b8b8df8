/* sort.h: stable sorting of items by unsigned keys, and the keys of each dtype. */
#ifndef CT_SORT_H
#define CT_SORT_H

#include "structured.h"

/* An item with a key of 64 bits, and where it stood. */
typedef struct {
    uint64_t key;
    int64_t index;
} ct_pair;

/* A kind of items: keys alone; a key of up to 32 bits above an index of 32; or a pair. */
typedef struct {
    int size;                       /* bytes of an item */
    int shift;                      /* bits below its key */
    void (*count)(const void *x, int64_t n, int shift, int64_t *counts);
    void (*deal)(const void *x, int64_t n, int shift, int64_t *places, void *out);
    void *(*merge)(void *x, void *other, int64_t n);
} ct_sortable;

/* Sort n items stably by keys of `key_bytes`, on the pool if `parallel`. `other` has as much room;
 * return the one of the two arrays that holds the result. */
void *ct_sort_items(const ct_sortable *kind, int key_bytes, void *x, void *other, int64_t n,
                    int parallel);

extern const ct_sortable ct_keys_1, ct_keys_2, ct_keys_4, ct_keys_8, ct_packed, ct_pairs;

/* How the items of a dtype become keys: their order is NumPy's, NaN after all numbers. */
typedef struct {
    int bytes;                      /* of a key */
    const ct_sortable *keys;        /* items that are nothing but a key */
    const ct_sortable *indexed;
    void (*load)(const char *x, int64_t stride, int64_t n, void *keys);
    void (*store)(const void *keys, int64_t n, char *out, int64_t stride);
    /* With their indices from `first` on. Here -0 is 0; the keys are xor-ed with `flip`. */
    void (*load_indexed)(const char *x, int64_t stride, int64_t first, int64_t n, uint64_t flip,
                         void *items);
    /* Append to `items`, which has `count`, those of n <= CT_BLOCK whose key is below `limit`;
     * return how many there are then. */
    int64_t (*filter)(const char *x, int64_t stride, int64_t first, int64_t n, uint64_t flip,
                      uint64_t limit, void *items, int64_t count);
} ct_order;

#define CT_BLOCK 256

/* Those of complex dtypes are empty: they have no keys. */
extern const ct_order ct_orders[CT_NDTYPES];

/* The key and the index of item i. */
uint64_t ct_item_key(const ct_sortable *kind, const void *items, int64_t i);
int64_t ct_item_index(const ct_sortable *kind, const void *items, int64_t i);

/* ----- compare.c ----- */

/* Whether row i comes before row j. */
typedef int (*ct_before)(const void *rows, int64_t i, int64_t j);

/* Sort n indices stably; `other` has as much room. Return which of the two holds the result. */
int64_t *ct_sort_indices(int64_t *indices, int64_t *other, int64_t n, ct_before before,
                         const void *rows);

/* The rows of a matrix, for `ct_row_before`: by their first items, then by the next. */
typedef struct {
    const char *data;
    int64_t columns, strides[2];
    int dtype;
} ct_rows;

int ct_row_before(const void *rows, int64_t i, int64_t j);

#endif
