/* sort.c: sorting along the last axis: values, places, the largest few, and whole rows. */
#include "sort.h"

#include <stdatomic.h>
#include <stdlib.h>

/* What the inner loops share. Operand 0 of a nest is the output, operand 1 the input. */
typedef struct {
    int dtype;
    int64_t n, to, from;            /* the axis: its size, and the strides of output and input */
    int64_t wanted;                 /* of n */
    int largest, parallel;
    _Atomic int *failed;
} sort_axis;

/* Where things stand during one inner loop. */
typedef struct {
    void *items, *other;
} scratch;

static scratch scratch_of(const sort_axis *axis, int64_t n, int itemsize)
{
    scratch s = {malloc(n * itemsize), malloc(n * itemsize)};
    if (!s.items || !s.other)
        *axis->failed = 1;
    return s;
}

static void scratch_free(scratch s)
{
    free(s.items);
    free(s.other);
}

static void write_index(char *out, int64_t stride, int64_t i, int64_t index)
{
    *(int64_t *)(out + i * stride) = index;
}

/* ----- rows of dtypes that have keys ----- */

static void sort_row(const sort_axis *axis, scratch s, char *out, const char *x)
{
    const ct_order *order = &ct_orders[axis->dtype];
    order->load(x, axis->from, axis->n, s.items);
    const void *sorted = ct_sort_items(order->keys, order->bytes, s.items, s.other, axis->n,
                                       axis->parallel);
    order->store(sorted, axis->n, out, axis->to);
}

static void argsort_row(const sort_axis *axis, scratch s, char *out, const char *x)
{
    const ct_order *order = &ct_orders[axis->dtype];
    order->load_indexed(x, axis->from, 0, axis->n, 0, s.items);
    const void *sorted = ct_sort_items(order->indexed, order->bytes, s.items, s.other, axis->n,
                                       axis->parallel);
    for (int64_t i = 0; i < axis->n; i++)
        write_index(out, axis->to, i, ct_item_index(order->indexed, sorted, i));
}

/* ----- rows of complex numbers ----- */

static int64_t *sort_complex(const sort_axis *axis, scratch s, const char *x)
{
    const ct_rows rows = {x, 1, {axis->from, 0}, axis->dtype};
    for (int64_t i = 0; i < axis->n; i++)
        ((int64_t *)s.items)[i] = i;
    return ct_sort_indices(s.items, s.other, axis->n, ct_row_before, &rows);
}

static void sort_complex_row(const sort_axis *axis, scratch s, char *out, const char *x)
{
    const ct_places places = {sort_complex(axis, s, x), axis->n, axis->from};
    ct_copy_items(ct_itemsize[axis->dtype], 0)(axis->n, (char *)x, places, out, axis->to);
}

static void argsort_complex_row(const sort_axis *axis, scratch s, char *out, const char *x)
{
    const int64_t *sorted = sort_complex(axis, s, x);
    for (int64_t i = 0; i < axis->n; i++)
        write_index(out, axis->to, i, sorted[i]);
}

/* ----- the first few: `limit` is the key that the next one has to be below ----- */

/* So many items come together before all but the wanted ones are thrown away. */
static int64_t topk_room(const sort_axis *axis)
{
    return ct_min(2 * axis->wanted + CT_BLOCK, axis->n);
}

/* The wanted items at least, sorted, in one of the two arrays of `s`. */
static const void *find_first(const sort_axis *axis, scratch s, const char *x)
{
    const ct_order *order = &ct_orders[axis->dtype];
    const uint64_t flip = axis->largest ? ~(uint64_t)0 : 0;
    const int64_t room = topk_room(axis);
    int64_t count = room;
    uint64_t limit = 0;
    order->load_indexed(x, axis->from, 0, room, flip, s.items);
    for (int64_t i = room;; i += CT_BLOCK) {
        if (count >= room || i >= axis->n) {
            void *sorted = ct_sort_items(order->indexed, order->bytes, s.items, s.other, count,
                                         axis->parallel);
            s.other = sorted == s.items ? s.other : s.items;
            s.items = sorted;
            limit = ct_item_key(order->indexed, sorted, axis->wanted - 1);
            count = axis->wanted;
        }
        if (i >= axis->n)
            return s.items;
        count = order->filter(x + i * axis->from, axis->from, i, ct_min(CT_BLOCK, axis->n - i),
                              flip, limit, s.items, count);
    }
}

/* The largest first, also of the smallest few. */
static void topk_row(const sort_axis *axis, scratch s, char *out, const char *x)
{
    const void *first = find_first(axis, s, x);
    for (int64_t i = 0; i < axis->wanted; i++)
        write_index(out, axis->to, axis->largest ? i : axis->wanted - 1 - i,
                    ct_item_index(ct_orders[axis->dtype].indexed, first, i));
}

/* ----- over a tensor ----- */

typedef void (*row_sorter)(const sort_axis *axis, scratch s, char *out, const char *x);

typedef struct {
    sort_axis axis;
    row_sorter sort;
    int64_t room;                   /* items */
    int itemsize;
} sort_run;

static void sort_rows(const ct_nest *nest, int64_t m, char *const *data, const void *ctx)
{
    const sort_run *run = ctx;
    const int last = nest->ndim - 1;
    const scratch s = scratch_of(&run->axis, run->room, run->itemsize);
    for (int64_t j = 0; j < m && s.items && s.other; j++)
        run->sort(&run->axis, s, data[0] + j * nest->strides[0][last],
                  data[1] + j * nest->strides[1][last]);
    scratch_free(s);
}

/* Sort each row of t[1]: several at a time, or each on all threads. */
static int run_rows(const ct_tensor *t, sort_run *run)
{
    const int last = t[0].ndim - 1;
    _Atomic int failed = 0;
    run->axis.dtype = t[1].dtype;
    run->axis.n = t[1].dims[last];
    run->axis.from = t[1].strides[last];
    run->axis.to = t[0].strides[last];
    run->axis.failed = &failed;
    ct_nest nest = ct_nest_of(&t[0]);
    ct_nest_broadcast(&nest, &t[1]);
    nest.dims[last] = 1;            /* the row functions walk along it themselves */
    if (run->axis.n == 0)
        return CT_OK;
    ct_nest_tidy(&nest, 0);
    run->axis.parallel = ct_nest_size(&nest) < ct_pool_used->get_threads();
    if (run->axis.parallel)
        ct_nest_serial(&nest, 1, sort_rows, run);
    else
        ct_nest_run(&nest, 1, 16 * run->axis.n, 1, sort_rows, run);
    return failed ? CT_MEMORY : CT_OK;
}

/* A packed index has 32 bits. */
static int is_too_long(const ct_tensor *x)
{
    return x->dims[x->ndim - 1] > UINT32_MAX && ct_orders[x->dtype].indexed == &ct_packed;
}

static int too_long(ct_call *call)
{
    call->text = "more than 4294967295 elements along the axis";
    return CT_VALUE;
}

static int is_complex(const ct_tensor *x)
{
    return x->dtype == CT_C64 || x->dtype == CT_C128;
}

/* t[0] = t[1] sorted along the last axis. */
int ct_sort(ct_call *call, int n, const ct_tensor *t, const int64_t *params)
{
    (void)call, (void)n, (void)params;
    const int by_comparing = is_complex(&t[1]);
    sort_run run = {.sort = by_comparing ? sort_complex_row : sort_row,
                    .room = t[1].dims[t[1].ndim - 1]};
    run.itemsize = by_comparing ? (int)sizeof(int64_t) : ct_orders[t[1].dtype].keys->size;
    return run_rows(t, &run);
}

/* t[0] = the places of t[1]'s items in sorted order, along the last axis. */
int ct_argsort(ct_call *call, int n, const ct_tensor *t, const int64_t *params)
{
    (void)n, (void)params;
    const int by_comparing = is_complex(&t[1]);
    sort_run run = {.sort = by_comparing ? argsort_complex_row : argsort_row,
                    .room = t[1].dims[t[1].ndim - 1]};
    if (!by_comparing && is_too_long(&t[1]))
        return too_long(call);
    run.itemsize = by_comparing ? (int)sizeof(int64_t) : ct_orders[t[1].dtype].indexed->size;
    return run_rows(t, &run);
}

/* t[0] = the places of the t[2] largest items of t[1] along the last axis, or, if t[2] is
 * negative, of the -t[2] smallest; the largest of them first. */
int ct_argtopk(ct_call *call, int n, const ct_tensor *t, const int64_t *params)
{
    (void)n, (void)params;
    const int64_t k = *(const int64_t *)t[2].data;
    sort_run run = {.sort = topk_row, .itemsize = ct_orders[t[1].dtype].indexed->size};
    if (is_too_long(&t[1]))
        return too_long(call);
    run.axis.n = t[1].dims[t[1].ndim - 1];
    run.axis.wanted = t[0].dims[t[0].ndim - 1];
    run.axis.largest = k > 0;
    run.room = topk_room(&run.axis) + CT_BLOCK;
    return run_rows(t, &run);
}

/* t[0] = the order of the rows of the matrix t[1]. */
int ct_argsort_rows(ct_call *call, int n, const ct_tensor *t, const int64_t *params)
{
    (void)call, (void)n, (void)params;
    const int64_t count = t[1].dims[0];
    const ct_rows rows = {t[1].data, t[1].dims[1], {t[1].strides[0], t[1].strides[1]},
                          t[1].dtype};
    int64_t *indices = malloc((2 * count + 1) * sizeof *indices);
    if (!indices)
        return CT_MEMORY;
    for (int64_t i = 0; i < count; i++)
        indices[i] = i;
    const int64_t *sorted = ct_sort_indices(indices, indices + count, count, ct_row_before, &rows);
    for (int64_t i = 0; i < count; i++)
        write_index(t[0].data, t[0].strides[0], i, sorted[i]);
    free(indices);
    return CT_OK;
}
