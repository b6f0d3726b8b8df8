/* group_rows.c: the loops of map and row groups. */
#include "group.h"

#include <stdlib.h>
#include <string.h>

/* Blocks [first, last) of the row `row` in one phase. */
static void run_blocks(work *w, int phase, int64_t row, int64_t first, int64_t last,
                       counter *counters)
{
    int64_t nr = w->j->g->nr;
    for (int64_t b = first; b < last; b++) {
        int64_t from = b * CT_TILE, n = nr - from < CT_TILE ? nr - from : CT_TILE;
        work_at_elements(w, row * nr + from, row * nr);
        work_run(w, group_segment(CT_FULL, phase), n, 1, n, from, counters);
    }
}

/* One row of many blocks. */
static void run_long_row(work *w, int64_t row)
{
    const ct_group *g = w->j->g;
    counter counters[g->nfolds + 1];
    int64_t blocks = (g->nr + CT_TILE - 1) / CT_TILE;
    work_at_rows(w, row);
    work_run(w, group_segment(CT_KEPT, -1), 1, 1, 1, 0, NULL);
    for (int p = 0; p < g->nphases; p++) {
        work_start_folds(w, p, counters, 0);
        run_blocks(w, p, row, 0, blocks, counters);
        int segment = group_segment(CT_FULL, p);
        for (int i = g->first[segment]; i < g->first[segment + 1]; i++) {
            const op *o = &g->ops[i];
            if (o->kind == CT_FOLD)
                counter_finish(&counters[o->fold], (ct_accumulate)o->fn2, w->ptr[o->out], 1,
                       g->values[o->out].item);
        }
        work_run(w, group_segment(CT_KEPT, p), 1, 1, 1, 0, NULL);
    }
}

/* A tile of whole rows. */
static void run_short_rows(work *w, int64_t row, int64_t rows)
{
    const ct_group *g = w->j->g;
    if (row > 0) {
        work_at_rows(w, row);
        work_at_elements(w, row * g->nr, row * g->nr);
    }
    for (int p = 0; p < g->nphases; p++)
        group_fetch(w, p, rows * g->nr, ct_least(rows, g->nk - row - rows) * g->nr);
    work_run(w, group_segment(CT_KEPT, -1), rows, rows, g->nr, 0, NULL);
    for (int p = 0; p < g->nphases; p++) {
        if (g->nr)
            work_run(w, group_segment(CT_FULL, p), rows * g->nr, rows, g->nr, 0, NULL);
        else
            work_identities(w, p, rows);
        work_run(w, group_segment(CT_KEPT, p), rows, rows, g->nr, 0, NULL);
    }
}

/* Rows [task * step, ...), or elements of a map. */
static void task_rows(void *ctx, int64_t task, int thread)
{
    const job *j = ctx;
    const ct_group *g = j->g;
    work w = work_new(j, work_shared(j, thread), thread);
    int64_t end = (task + 1) * j->step;
    end = end < g->nk ? end : g->nk;
    if (g->mode == ROW && g->nr <= CT_TILE)
        work_load_once(&w, 0, ct_least(g->tile_rows, end) * g->nr);
    for (int64_t r = task * j->step; r < end; r += g->tile_rows) {
        int64_t rows = end - r < g->tile_rows ? end - r : g->tile_rows;
        if (g->mode == MAP) {
            if (r > 0)
                work_at_elements(&w, r, 0);
            work_run(&w, group_segment(CT_FULL, 0), rows, rows, 1, 0, NULL);
        } else if (g->nr > CT_TILE) {
            run_long_row(&w, r);
        } else {
            run_short_rows(&w, r, rows);
        }
    }
}

/* A run of blocks of one long row that all threads share; `step` blocks, a power of two. */
static void task_blocks(void *ctx, int64_t task, int thread)
{
    const job *j = ctx;
    const ct_group *g = j->g;
    work w = work_new(j, j->shared, thread);
    counter counters[g->nfolds + 1];
    int64_t blocks = (g->nr + CT_TILE - 1) / CT_TILE, first = task * j->step;
    int64_t last = first + j->step < blocks ? first + j->step : blocks;
    work_at_rows(&w, j->row);
    work_start_folds(&w, j->phase, counters, 0);
    run_blocks(&w, j->phase, j->row, first, last, counters);
    int segment = group_segment(CT_FULL, j->phase);
    for (int i = g->first[segment]; i < g->first[segment + 1]; i++) {
        const op *o = &g->ops[i];
        if (o->kind == CT_FOLD)
            counter_finish(&counters[o->fold], (ct_accumulate)o->fn2,
                   j->partials + (task * g->nfolds + o->fold) * 16, 1, g->values[o->out].item);
    }
}

/* Few long rows: the threads share each row, phase by phase. */
static int run_shared_rows(job *j, int threads)
{
    const ct_group *g = j->g;
    int64_t blocks = (g->nr + CT_TILE - 1) / CT_TILE;
    j->step = power_of_two_at_least((blocks + 4 * threads - 1) / (4 * threads));
    int64_t ntasks = (blocks + j->step - 1) / j->step;
    j->partials = malloc(16 * ntasks * (g->nfolds + 1));
    if (!j->partials)
        return CT_MEMORY;
    work w = work_new(j, j->shared, 0);
    for (int64_t row = 0; row < g->nk; row++) {
        j->row = row;
        work_at_rows(&w, row);
        work_run(&w, group_segment(CT_KEPT, -1), 1, 1, 1, 0, NULL);
        for (int p = 0; p < g->nphases; p++) {
            j->phase = p;
            group_pool_run(threads, ntasks, task_blocks, j);
            w = work_new(j, j->shared, 0);
            work_at_rows(&w, row);
            int segment = group_segment(CT_FULL, p);
            for (int i = g->first[segment]; i < g->first[segment + 1]; i++) {
                const op *o = &g->ops[i];
                if (o->kind != CT_FOLD)
                    continue;
                int item = g->values[o->out].item;
                counter c = counter_new(&w, o, 0);
                for (int64_t task = 0; task < ntasks; task++) {
                    memcpy(c.result, j->partials + (task * g->nfolds + o->fold) * 16, item);
                    counter_push(&c, (ct_accumulate)o->fn2, 1, item);
                }
                counter_finish(&c, (ct_accumulate)o->fn2, w.ptr[o->out], 1, item);
            }
            work_run(&w, group_segment(CT_KEPT, p), 1, 1, 1, 0, NULL);
        }
    }
    free(j->partials);
    return CT_OK;
}

int group_run_rows(job *j, int threads)
{
    const ct_group *g = j->g;
    if (threads == 1) {
        j->step = g->nk;
        task_rows(j, 0, 0);
        return CT_OK;
    }
    if (g->mode == ROW && g->nr > CT_TILE && g->nk < 2 * threads)
        return run_shared_rows(j, threads);
    int64_t tiles = (g->nk + g->tile_rows - 1) / g->tile_rows, each = tiles / (8 * threads);
    j->step = g->tile_rows * (each ? each : 1);
    group_pool_run(threads, (g->nk + j->step - 1) / j->step, task_rows, j);
    return CT_OK;
}
