/* pooling.c: the largest item, and the sum, of windows; and the transpose of the sum. */
#include "pooling.h"
#include "structured.h"

#define ONE_PASS 3              /* the largest window that takes a single pass */

/* ----- passes over a grid: from items to what is in windows of them ----- */

/* The grids that a pass may use: where it reads, and the items; the next one is free. */
typedef struct {
    const void *from, *items;
    void *free[3];
    int64_t size;               /* what is still valid */
} passes;

static void *next_free(const passes *at)
{
    for (int k = 0; ; k++)
        if (at->free[k] != at->from && at->free[k] != at->items)
            return at->free[k];
}

/* Windows along one axis, in steps of `unit`. From windows of k items follow those of 2 k, and with
 * one item more those of 2 k + 1: as many passes as `window` has binary digits, less one. */
static void pass_axis(const ct_pooling_loops *loops, passes *at, int64_t window, int64_t unit)
{
    int digit = 63 - __builtin_clzll((uint64_t)window);
    at->items = at->from;
    for (int64_t k = 1; k < window; ) {
        const int odd = window >> --digit & 1;
        const int64_t next = 2 * k + odd;
        void *to = next_free(at);
        loops->combine(to, at->from, k * unit, odd ? at->items : NULL, 2 * k * unit,
                       at->size - (next - 1) * unit);
        at->from = to;
        k = next;
    }
    at->size -= (window - 1) * unit;
}

/* Where three grids of the size of this one are, or two, if no more are used. */
static int cut_grids(const ct_pooling *p, ct_room *room, int64_t size, void **grids)
{
    int64_t bytes[3];
    bytes[0] = bytes[1] = bytes[2] = size * p->loops->size;
    for (int a = 0; a < p->axes; a++)
        if (p->axis[a].window > ONE_PASS)
            return ct_room_cut(room, 3, bytes, grids);
    grids[2] = NULL;
    return ct_room_cut(room, 2, bytes, grids);
}

/* ----- windows of images ----- */

/* Windows that do not overlap are folded while they are put on the grid. */
static int is_folded(const ct_pooling *p, int a)
{
    const ct_pooling_axis *axis = &p->axis[a];
    return axis->step >= axis->window && axis->window > 1 && a < p->axes - 1;
}

/* How an image lies on the grid of the windows start .. start + count - 1. */
static ct_lay image_lay(const ct_pooling_axis *axis, int64_t start, int64_t count)
{
    const int64_t origin = start * axis->step - axis->pad;
    const int64_t end = origin + (count - 1) * axis->step + axis->window;
    const int64_t first = ct_max(origin, 0);
    return (ct_lay){.stride = axis->strides[1], .count = ct_max(ct_min(end, axis->n) - first, 0),
                    .at = first - origin, .step = 1, .repeat = 1, .window = axis->window};
}

/* t[0] is computed from t[1]: put the images on a grid, pass over each axis, take the windows. */
static int pool_tile(const ct_pooling *p, const int64_t *start, char *const *data, ct_room *room)
{
    ct_grid grid = {.axes = p->axes};
    ct_lay images[CT_MAXDIM], windows[CT_MAXDIM];
    char *from = data[1], *to = data[0];
    for (int a = 0; a < p->axes; a++) {
        const ct_pooling_axis *axis = &p->axis[a];
        const int64_t count = ct_min(axis->block, axis->m - start[a]);
        const int folded = is_folded(p, a);
        images[a] = image_lay(axis, start[a], count);
        images[a].period = folded ? axis->step : 0;
        windows[a] = (ct_lay){.stride = axis->strides[0], .count = count,
                              .step = folded ? 1 : axis->step, .repeat = 1,
                              .counts = axis->counts ? axis->counts + start[a] : NULL};
        grid.len[a] = folded ? count : (count - 1) * axis->step + axis->window;
        from += ct_max(start[a] * axis->step - axis->pad, 0) * images[a].stride;
        to += start[a] * windows[a].stride;
    }
    ct_grid_measure(&grid);
    passes at = {.size = grid.size};
    if (!cut_grids(p, room, grid.size, at.free))
        return 0;
    at.from = ct_grid_source(p->loops, &grid, images, from, at.free[0]);
    for (int a = 0; a < p->axes; a++)
        if (!images[a].period)
            pass_axis(p->loops, &at, p->axis[a].window, grid.unit[a]);
    ct_grid_take(p->loops, &grid, windows, at.from, to);
    return 1;
}

/* ----- images of windows: each item gets what all windows that it is in have ----- */

/* How windows lie on the grid of `count` items from `start` on. Where they overlap, each is at its
 * first item, and the sum over the window that ends at an item is what it gets; where they do not,
 * each is at all of its items. */
static ct_lay window_lay(const ct_pooling_axis *axis, int64_t start, int64_t count, int64_t *len,
                         int64_t *first)
{
    const int64_t from = start + axis->pad, end = from + count;
    const int apart = axis->step >= axis->window;
    const int64_t origin = apart ? from / axis->step * axis->step : from - axis->window + 1;
    *first = ct_max(0, ct_floor_div(origin - 1, axis->step) + 1);
    const int64_t last = ct_min(axis->m, ct_floor_div(end - 1, axis->step) + 1);
    *len = ct_max(end, apart ? (last - 1) * axis->step + axis->window : 0) - origin;
    return (ct_lay){.stride = axis->strides[1], .count = ct_max(last - *first, 0),
                    .at = *first * axis->step - origin, .step = axis->step,
                    .repeat = apart ? axis->window : 1,
                    .counts = axis->counts ? axis->counts + *first : NULL};
}

static int unpool_tile(const ct_pooling *p, const int64_t *start, char *const *data, ct_room *room)
{
    ct_grid grid = {.axes = p->axes};
    ct_lay images[CT_MAXDIM], windows[CT_MAXDIM];
    char *from = data[1], *to = data[0];
    for (int a = 0; a < p->axes; a++) {
        const ct_pooling_axis *axis = &p->axis[a];
        const int64_t count = ct_min(axis->block, axis->n - start[a]);
        const int apart = axis->step >= axis->window;
        int64_t first;
        windows[a] = window_lay(axis, start[a], count, &grid.len[a], &first);
        images[a] = (ct_lay){.stride = axis->strides[0], .count = count, .step = 1, .repeat = 1,
                             .at = apart ? (start[a] + axis->pad) % axis->step : 0};
        from += first * windows[a].stride;
        to += start[a] * images[a].stride;
    }
    ct_grid_measure(&grid);
    passes at = {.size = grid.size};
    if (!cut_grids(p, room, grid.size, at.free))
        return 0;
    at.from = ct_grid_source(p->loops, &grid, windows, from, at.free[0]);
    for (int a = 0; a < p->axes; a++)
        if (p->axis[a].step < p->axis[a].window)
            pass_axis(p->loops, &at, p->axis[a].window, grid.unit[a]);
    ct_grid_take(p->loops, &grid, images, at.from, to);
    return 1;
}

/* ----- kernels: params are the number of axes, and what a sum is divided by ----- */

enum { BY_NOTHING, BY_ITEMS, BY_WINDOW };

static int run(const ct_pooling_loops *loops, ct_pooling_tile tile, const ct_tensor *t, int images,
               const ct_tensor *sizes, int64_t axes, int64_t divided)
{
    ct_pooling p;
    if (!ct_pooling_describe(&p, t, 2, images, (int)axes, sizes))
        return CT_OK;
    p.loops = &loops[t[0].dtype];
    int status = CT_MEMORY;
    if (divided == BY_NOTHING || ct_pooling_count(&p, divided == BY_WINDOW)) {
        p.tile = tile == pool_tile && ct_pooling_is_pairs(&p) ? ct_pooling_pairs_tile : tile;
        status = ct_pooling_run(&p, 8);
    }
    ct_pooling_free(&p);
    return status;
}

/* t[0] = the largest item of each window of t[1]. */
int ct_max_pool(ct_call *call, int n, const ct_tensor *t, const int64_t *params)
{
    (void)call, (void)n;
    return run(ct_pooling_max, pool_tile, t, 2, &t[2], params[0], BY_NOTHING);
}

/* t[0] = the sum of each window of t[1]. */
int ct_sum_pool(ct_call *call, int n, const ct_tensor *t, const int64_t *params)
{
    (void)call, (void)n;
    return run(ct_pooling_sum, pool_tile, t, 2, &t[2], params[0], params[1]);
}

/* t[0], an image = for each item the sum of t[1] over the windows that it is in. */
int ct_sum_unpool(ct_call *call, int n, const ct_tensor *t, const int64_t *params)
{
    (void)call, (void)n;
    return run(ct_pooling_sum, unpool_tile, t, 1, &t[2], params[0], params[1]);
}
