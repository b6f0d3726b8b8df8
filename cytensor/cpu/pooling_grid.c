/* pooling_grid.c: tensors on grids, and back. */
#include "pooling.h"

#include <string.h>

void ct_grid_measure(ct_grid *grid)
{
    grid->size = 1;
    for (int a = grid->axes - 1; a >= 0; a--) {
        grid->unit[a] = grid->size;
        grid->size *= grid->len[a];
    }
}

/* Whether a tensor leaves no gaps on its grid. */
static int covers(const ct_grid *grid, const ct_lay *lay)
{
    for (int a = 0; a < grid->axes; a++) {
        const int is_dense = lay[a].count <= 1 || lay[a].step == lay[a].repeat;
        const int64_t end = (lay[a].count - 1) * lay[a].step + lay[a].repeat;
        if (lay[a].period || lay[a].at != 0 || !is_dense || end != grid->len[a])
            return 0;
    }
    return 1;
}

/* Whether it lies in memory as it does on the grid. */
static int is_grid(const ct_pooling_loops *loops, const ct_grid *grid, const ct_lay *lay)
{
    if (!loops->plain || !covers(grid, lay))
        return 0;
    for (int a = 0; a < grid->axes; a++) {
        const int is_single = lay[a].count == 1 && grid->len[a] == 1;
        if (lay[a].counts || lay[a].repeat != 1
            || (!is_single && lay[a].stride != grid->unit[a] * loops->size))
            return 0;
    }
    return 1;
}

/* ----- putting ----- */

typedef struct {
    const ct_pooling_loops *loops;
    const ct_grid *grid;
    const ct_lay *lay;
    int folds;
} walk;

static double scaled(const ct_lay *lay, int64_t entry, double scale)
{
    return lay->counts ? scale * lay->counts[entry] : scale;
}

/* Whether the tensor goes on along axis a, the last but one, in smaller steps than along the last
 * one. Then it is read and written along axis a: the grid is near anyway. */
static int is_crosswise(const walk *w, int a)
{
    const ct_lay *lay = &w->lay[a];
    const int64_t across = lay[0].stride, along = lay[1].stride;
    return a == w->grid->axes - 2 && !w->folds && lay[1].step == 1 && lay[1].repeat == 1
           && (lay[0].counts || !lay[1].counts)
           && (across < 0 ? -across : across) < (along < 0 ? -along : along);
}

static void put_row(const walk *w, const ct_lay *lay, char *to, const char *x, double scale)
{
    to += lay->at * w->loops->size;
    if (w->folds)
        w->loops->fold(to, x, lay->stride, lay->count);
    else
        w->loops->put(to, lay->step, lay->repeat, x, lay->stride, lay->count, lay->counts, scale);
}

static void put_crosswise(const walk *w, int a, char *to, const char *x, double scale)
{
    const ct_lay *lay = &w->lay[a];
    const int64_t unit = w->grid->unit[a], size = w->loops->size;
    to += lay[0].at * unit * size;
    for (int64_t k = 0; k < lay[1].count; k++)
        w->loops->put(to + (lay[1].at + k) * size, lay[0].step * unit, 1, x + k * lay[1].stride,
                      lay[0].stride, lay[0].count, lay[0].counts, scaled(&lay[1], k, scale));
    for (int64_t j = 0; j < lay[0].count; j++) {
        char *first = to + j * lay[0].step * unit * size;
        for (int64_t k = 1; k < lay[0].repeat; k++)
            memcpy(first + k * unit * size, first, unit * size);
    }
}

static void put_axis(const walk *w, int a, char *to, const char *x, double scale);

static void fold_axis(const walk *w, int a, char *to, const char *x, double scale)
{
    const ct_lay *lay = &w->lay[a];
    const int64_t unit = w->grid->unit[a] * w->loops->size;
    int64_t place = lay->at / lay->period, phase = lay->at % lay->period;
    for (int64_t j = 0; j < lay->count; j++) {
        if (phase < lay->window)
            put_axis(w, a + 1, to + place * unit, x + j * lay->stride, scale);
        if (++phase == lay->period) {
            phase = 0;
            place++;
        }
    }
}

static void put_axis(const walk *w, int a, char *to, const char *x, double scale)
{
    const ct_lay *lay = &w->lay[a];
    const int64_t unit = w->grid->unit[a] * w->loops->size;
    if (a == w->grid->axes - 1) {
        put_row(w, lay, to, x, scale);
    } else if (is_crosswise(w, a)) {
        put_crosswise(w, a, to, x, scale);
    } else if (lay->period) {
        fold_axis(w, a, to, x, scale);
    } else {
        for (int64_t j = 0; j < lay->count; j++) {
            char *first = to + (lay->at + j * lay->step) * unit;
            put_axis(w, a + 1, first, x + j * lay->stride, scaled(lay, j, scale));
            for (int64_t k = 1; k < lay->repeat; k++)
                memcpy(first + k * unit, first, unit);
        }
    }
}

void ct_grid_put(const ct_pooling_loops *loops, const ct_grid *grid, const ct_lay *lay,
                 const char *x, void *room)
{
    walk w = {loops, grid, lay, 0};
    for (int a = 0; a < grid->axes; a++)
        w.folds |= lay[a].period != 0;
    if (!covers(grid, lay))
        loops->fill(room, grid->size);
    put_axis(&w, 0, room, x, 1);
}

const void *ct_grid_source(const ct_pooling_loops *loops, const ct_grid *grid, const ct_lay *lay,
                           const char *x, void *room)
{
    if (is_grid(loops, grid, lay))
        return x;
    ct_grid_put(loops, grid, lay, x, room);
    return room;
}

/* ----- taking ----- */

static void take_crosswise(const walk *w, int a, const char *from, char *out, double scale)
{
    const ct_lay *lay = &w->lay[a];
    from += lay[1].at * w->loops->size;
    for (int64_t k = 0; k < lay[1].count; k++)
        w->loops->take(out + k * lay[1].stride, lay[0].stride, from + k * w->loops->size,
                       lay[0].step * w->grid->unit[a], lay[0].count, lay[0].counts,
                       scaled(&lay[1], k, scale));
}

static void take_axis(const walk *w, int a, const char *from, char *out, double scale)
{
    const ct_lay *lay = &w->lay[a];
    const int64_t unit = w->grid->unit[a] * w->loops->size;
    from += lay->at * unit;
    if (a == w->grid->axes - 1)
        w->loops->take(out, lay->stride, from, lay->step, lay->count, lay->counts, scale);
    else if (is_crosswise(w, a))
        take_crosswise(w, a, from, out, scale);
    else
        for (int64_t j = 0; j < lay->count; j++)
            take_axis(w, a + 1, from + j * lay->step * unit, out + j * lay->stride,
                      scaled(lay, j, scale));
}

void *ct_grid_target(const ct_pooling_loops *loops, const ct_grid *grid, const ct_lay *lay,
                     char *out, void *room)
{
    return is_grid(loops, grid, lay) ? (void *)out : room;
}

void ct_grid_take(const ct_pooling_loops *loops, const ct_grid *grid, const ct_lay *lay,
                  const void *from, char *out)
{
    const walk w = {loops, grid, lay, 0};
    if (from != out)
        take_axis(&w, 0, from, out, 1);
}
