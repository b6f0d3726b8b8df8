/* pooling_match.c: what windows have to do with the items that equal their largest one.
 *
 * Each item is compared with the maxima of all windows that it is in (the gradient of the maximum),
 * or each maximum with all items of its window (the transpose of that). What stays in its place
 * lies on the grid `fixed`, what is compared with it on the grid `moving`.
 *
 * The axes at the end of a grid along which the step is 1, and the last one, make a *line*: over
 * it, a comparison is one shift of all its items. Lines are taken one by one, each with those rows
 * of the moving grid that it meets. */
#include "pooling.h"
#include "structured.h"

/* Operands: t[0] is computed. */
enum { RESULT, FIXED, MOVING, VALUE };

/* The entries of a tile on a grid, along one axis. */
typedef struct {
    int64_t len, first, count, at, step, repeat;
} place;

/* Entry j of an axis before the line meets those of the moving grid from low[j] to high[j]. */
typedef struct {
    int64_t *low, *high;
} range;

/* A shift of a line: by how many items, and which values count. */
typedef struct {
    int64_t by;
    const char *value;
} shift;

typedef struct {
    const ct_pooling *p;
    int axes;                           /* before a line */
    ct_grid fixed, moving;
    ct_lay lay[CT_POOLING_OPERANDS][CT_MAXDIM], masked[CT_MAXDIM];
    char *data[CT_POOLING_OPERANDS];
    int64_t first[CT_MAXDIM];           /* of the moving entries */
    int64_t most[CT_MAXDIM];            /* how many of them one entry meets */
    range meets[CT_MAXDIM];
    int64_t line, reach, nshifts;       /* items of a line; how far, and how often, it is shifted */
    const char *items, *met;            /* on the grids `fixed` and `moving` */
    char *out;
    shift *shifts;
    ct_meeting *meetings;               /* of a line */
} comparison;

/* How many windows overlap. */
static int64_t overlap(const ct_pooling_axis *axis)
{
    return ct_ceil_div(axis->window, axis->step);
}

static int axes_before_line(const ct_pooling *p)
{
    int axes = p->axes - 1;
    while (axes > 0 && p->axis[axes - 1].step == 1)
        axes--;
    return axes;
}

/* ----- where items and windows lie: items are fixed ----- */

/* Along a line, a window is at its first item, and at all those up to the next window. In front
 * are the windows that overlap the first ones; there are none if the line is whole, and has as
 * much without windows at its end. */
static void items_along(const ct_pooling_axis *axis, int64_t start, int64_t count, place *items,
                        place *windows)
{
    const int64_t step = axis->step, before = (overlap(axis) - 1) * step;
    const int64_t from = start + axis->pad;
    const int snug = count == axis->n && axis->pad == 0 && axis->m * step + before <= axis->n;
    const int64_t origin = snug ? 0 : from / step * step - before;
    const int64_t len = snug ? axis->n : ct_ceil_div(from + count, step) * step - origin;
    const int64_t first = ct_max(0, origin / step);
    const int64_t last = ct_min(axis->m, ct_ceil_div(origin + len, step));
    *items = (place){len, start, count, from - origin, 1, 1};
    *windows = (place){len, first, ct_max(last - first, 0), first * step - origin, step, step};
}

/* Along the other axes, windows lie one after the other. */
static void items_across(const ct_pooling_axis *axis, int64_t start, int64_t count, place *items,
                         place *windows)
{
    const int64_t from = start + axis->pad;
    const int64_t first = ct_max(0, ct_floor_div(from - axis->window, axis->step) + 1);
    const int64_t last = ct_min(axis->m, (from + count - 1) / axis->step + 1);
    const int64_t windows_count = ct_max(last - first, 0);
    *items = (place){count, start, count, 0, 1, 1};
    *windows = (place){windows_count, first, windows_count, 0, 1, 1};
}

/* Which windows each item is in. */
static void meet_windows(const ct_pooling_axis *axis, int64_t start, int64_t count, int64_t first,
                         range m)
{
    for (int64_t j = 0; j < count; j++) {
        const int64_t at = start + j + axis->pad;
        m.low[j] = ct_max(first, ct_floor_div(at - axis->window, axis->step) + 1) - first;
        m.high[j] = ct_min(axis->m, at / axis->step + 1) - first;
    }
}

/* ----- where items and windows lie: windows are fixed ----- */

/* A window is at its first item, or in a row of its own. */
static void windows_of(const ct_pooling_axis *axis, int64_t start, int64_t count, int along,
                       place *windows, place *items)
{
    const int64_t origin = start * axis->step - axis->pad, first = ct_max(origin, 0);
    const int64_t len = (count - 1) * axis->step + axis->window;
    *windows = along ? (place){len, start, count, 0, axis->step, 1}
                     : (place){count, start, count, 0, 1, 1};
    *items = (place){len, first, ct_max(ct_min(origin + len, axis->n) - first, 0),
                     first - origin, 1, 1};
}

static void meet_items(const ct_pooling_axis *axis, int64_t count, range m)
{
    for (int64_t j = 0; j < count; j++) {
        m.low[j] = j * axis->step;
        m.high[j] = m.low[j] + axis->window;
    }
}

/* ----- both ----- */

static ct_lay lay_of(const place *at, int64_t stride)
{
    return (ct_lay){.stride = stride, .count = at->count, .at = at->at, .step = at->step,
                    .repeat = at->repeat};
}

static void place_axis(comparison *c, int a, const int64_t *start)
{
    const ct_pooling_axis *axis = &c->p->axis[a];
    const int along = a >= c->axes, of_images = c->p->of_images;
    const int64_t count = ct_min(axis->block, axis->entries - start[a]);
    place fixed, moving;
    if (!of_images)
        windows_of(axis, start[a], count, along, &fixed, &moving);
    else if (along)
        items_along(axis, start[a], count, &fixed, &moving);
    else
        items_across(axis, start[a], count, &fixed, &moving);
    c->fixed.len[a] = fixed.len;
    c->moving.len[a] = moving.len;
    c->first[a] = moving.first;
    c->most[a] = of_images ? overlap(axis) : axis->window;
    for (int k = 0; k < CT_POOLING_OPERANDS; k++) {
        const place *at = k < MOVING ? &fixed : &moving;
        c->lay[k][a] = lay_of(at, axis->strides[k]);
        c->data[k] += at->first * axis->strides[k];
    }
    c->masked[a] = c->lay[VALUE][a];
}

/* Of windows that do not divide into steps, the last step is not all a window's. */
static int is_masked(const ct_pooling *p)
{
    const ct_pooling_axis *last = &p->axis[p->axes - 1];
    return p->of_images && last->window % last->step != 0;
}

static void place_all(comparison *c, const int64_t *start)
{
    const int last = c->p->axes - 1;
    c->fixed.axes = c->moving.axes = last + 1;
    c->axes = axes_before_line(c->p);
    for (int a = 0; a <= last; a++)
        place_axis(c, a, start);
    if (is_masked(c->p))
        c->masked[last].repeat = c->p->axis[last].window % c->p->axis[last].step;
    ct_grid_measure(&c->fixed);
    ct_grid_measure(&c->moving);
    c->nshifts = 1;
    for (int a = c->axes; a <= last; a++) {
        const int64_t by = c->p->of_images ? c->p->axis[a].step : 1;
        c->nshifts *= c->most[a];
        c->reach += (c->most[a] - 1) * by * c->moving.unit[a];
    }
    c->line = c->axes ? c->fixed.unit[c->axes - 1] : c->fixed.size;
    if (!c->p->of_images)
        c->line -= c->reach;            /* where the last window begins */
}

/* The shifts of a line, in the order of what is met: from windows before it, or to items behind. */
static void list_shifts(const comparison *c, const char *values, const char *masked)
{
    const int last = c->p->axes - 1, of_images = c->p->of_images;
    for (int64_t s = 0; s < c->nshifts; s++) {
        int64_t rest = s, by = of_images ? -c->reach : 0;
        for (int a = last; a >= c->axes; a--) {
            const int64_t step = of_images ? c->p->axis[a].step : 1;
            by += rest % c->most[a] * step * c->moving.unit[a];
            rest /= c->most[a];
        }
        c->shifts[s] = (shift){by, masked && s % c->most[last] == 0 ? masked : values};
    }
}

static void meet(const comparison *c, const int64_t *start)
{
    for (int a = 0; a < c->axes; a++) {
        const ct_pooling_axis *axis = &c->p->axis[a];
        if (c->p->of_images)
            meet_windows(axis, start[a], c->fixed.len[a], c->first[a], c->meets[a]);
        else
            meet_items(axis, c->fixed.len[a], c->meets[a]);
    }
}

/* Compare one line with all shifts of the rows that it meets. */
static void compare_line(const comparison *c, int64_t at, const int64_t *rows, int64_t nrows)
{
    const ct_pooling_loops *loops = c->p->loops;
    ct_meeting *next = c->meetings;
    for (int64_t r = 0; r < nrows; r++) {
        for (int64_t s = 0; s < c->nshifts; s++) {
            const int64_t from = (rows[r] + c->shifts[s].by) * loops->size;
            *next++ = (ct_meeting){c->met + from, c->shifts[s].value + from};
        }
    }
    loops->match(c->out + at * loops->size, c->items + at * loops->size, c->line, c->meetings,
                 next - c->meetings);
}

/* Compare all lines from an axis on. `rows` has `nrows` places of the moving grid, and room for
 * those of the next axes. */
static void compare(const comparison *c, int a, int64_t at, int64_t *rows, int64_t nrows)
{
    if (a == c->axes) {
        compare_line(c, at, rows, nrows);
        return;
    }
    for (int64_t j = 0; j < c->fixed.len[a]; j++) {
        int64_t *more = rows + nrows, count = 0;
        for (int64_t r = 0; r < nrows; r++)
            for (int64_t i = c->meets[a].low[j]; i < c->meets[a].high[j]; i++)
                more[count++] = rows[r] + i * c->moving.unit[a];
        compare(c, a + 1, at + j * c->fixed.unit[a], more, count);
    }
}

/* ----- memory of a tile ----- */

/* How many rows the last axis before a line meets, and all of them do together. */
static int64_t rows_of(const comparison *c, int64_t *total)
{
    int64_t rows = 1;
    *total = 1;
    for (int a = 0; a < c->axes; a++) {
        rows *= c->most[a];
        *total += rows;
    }
    return rows;
}

static int64_t ranges_of(const comparison *c)
{
    int64_t total = 0;
    for (int a = 0; a < c->axes; a++)
        total += 2 * c->fixed.len[a];
    return total;
}

static void cut_ranges(comparison *c, int64_t *next)
{
    for (int a = 0; a < c->axes; a++) {
        c->meets[a] = (range){next, next + c->fixed.len[a]};
        next += 2 * c->fixed.len[a];
    }
}

/* The parts of a tile's memory: grids, in the order of the operands, and lists. */
enum { MASKED = VALUE + 1, SHIFTS, ROWS, RANGES, MEETINGS, PARTS };

static int cut_room(comparison *c, ct_room *room, void **parts)
{
    const int64_t size = c->p->loops->size, fixed = c->fixed.size * size;
    const int64_t moving = (c->moving.size + c->reach) * size;
    int64_t all, rows = rows_of(c, &all);
    const int64_t bytes[PARTS] = {
        [RESULT] = fixed, [FIXED] = fixed, [MOVING] = moving, [VALUE] = moving,
        [MASKED] = is_masked(c->p) ? moving : 0, [SHIFTS] = c->nshifts * sizeof(shift),
        [ROWS] = all * sizeof(int64_t), [RANGES] = ranges_of(c) * sizeof(int64_t),
        [MEETINGS] = rows * c->nshifts * sizeof(ct_meeting)};
    if (!ct_room_cut(room, PARTS, bytes, parts))
        return 0;
    c->shifts = parts[SHIFTS];
    c->meetings = parts[MEETINGS];
    cut_ranges(c, parts[RANGES]);
    return 1;
}

/* Put something on the moving grid. In front is as much of nothing as a line reaches back; items
 * behind are there. */
static const void *put_moving(const comparison *c, const ct_lay *lay, const char *x, char *room)
{
    const ct_pooling_loops *loops = c->p->loops;
    char *grid = room + c->reach * loops->size;
    if (c->reach == 0 || !c->p->of_images)
        return ct_grid_source(loops, &c->moving, lay, x, room);
    loops->fill(room, c->reach);
    ct_grid_put(loops, &c->moving, lay, x, grid);
    return grid;
}

static int match_tile(const ct_pooling *p, const int64_t *start, char *const *data, ct_room *room)
{
    comparison c = {.p = p, .data = {data[0], data[1], data[2], data[3]}};
    void *parts[PARTS];
    place_all(&c, start);
    if (!cut_room(&c, room, parts))
        return 0;
    c.items = ct_grid_source(p->loops, &c.fixed, c.lay[FIXED], c.data[FIXED], parts[FIXED]);
    c.met = put_moving(&c, c.lay[MOVING], c.data[MOVING], parts[MOVING]);
    c.out = ct_grid_target(p->loops, &c.fixed, c.lay[RESULT], c.data[RESULT], parts[RESULT]);
    list_shifts(&c, put_moving(&c, c.lay[VALUE], c.data[VALUE], parts[VALUE]),
                is_masked(p) ? put_moving(&c, c.masked, c.data[VALUE], parts[MASKED]) : NULL);
    meet(&c, start);
    int64_t *rows = parts[ROWS];
    rows[0] = 0;
    compare(&c, 0, 0, rows, 1);
    ct_grid_take(p->loops, &c.fixed, c.lay[RESULT], c.out, c.data[RESULT]);
    return 1;
}

/* ----- kernels: params are the number of axes ----- */

static int run(const ct_tensor *t, int images, int64_t axes)
{
    ct_pooling p;
    if (!ct_pooling_describe(&p, t, CT_POOLING_OPERANDS, images, (int)axes,
                             &t[CT_POOLING_OPERANDS]))
        return CT_OK;
    p.loops = &ct_pooling_sum[t[0].dtype];
    p.tile = p.of_images && ct_pooling_is_apart(&p) ? ct_pooling_apart_tile : match_tile;
    return ct_pooling_run(&p, 16);
}

/* t[0] = for each item of t[1] the sum of t[3] over the windows whose largest, in t[2], it is. */
int ct_max_pool_grad(ct_call *call, int n, const ct_tensor *t, const int64_t *params)
{
    (void)call, (void)n;
    return run(t, 1 << RESULT | 1 << FIXED, params[0]);
}

/* t[0] = for each window, whose largest is in t[1], the sum of t[3] where t[2] equals it. */
int ct_max_pool_gather(ct_call *call, int n, const ct_tensor *t, const int64_t *params)
{
    (void)call, (void)n;
    return run(t, 1 << MOVING | 1 << VALUE, params[0]);
}
