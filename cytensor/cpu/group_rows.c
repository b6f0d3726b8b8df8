/* group_rows.c: the loops of map and row groups. */
#include "group.h"

#include <stdlib.h>
#include <string.h>

/* Blocks [first, last) of the row `row` in one phase. */
static void run_blocks(work *w, int phase, int64_t row, int64_t first, int64_t last,
                       counter *counters)
{
    const int64_t nr = w->j->g->nr, run = w->j->g->run;
    for (int64_t b = first, some; b < last; b += some) {
        const int64_t from = b * CT_TILE, n = ct_least(nr - from, CT_TILE);
        some = n < CT_TILE ? 1 : ct_least(run, ct_least(last, nr / CT_TILE) - b);
        work_at_elements(w, row * nr + from, row * nr);
        work_run(w, group_segment(CT_FULL, phase), some * n, some, n, from, counters);
    }
}

/* Write what a reduction of a long row, or of a part of it, gave. */
static void finish(const ct_group *g, const op *o, counter *c, char *out)
{
    if (o->kind == CT_ARG)
        arg_finish(c, out);
    else
        counter_finish(c, (ct_accumulate)o->fn2, out, 1, g->values[o->out].item);
}

/* One row of many blocks. */
static void run_long_row(work *w, int64_t row, counter *counters)
{
    const ct_group *g = w->j->g;
    int64_t blocks = (g->nr + CT_TILE - 1) / CT_TILE;
    work_at_rows(w, row);
    work_run(w, group_segment(CT_KEPT, -1), 1, 1, 1, 0, NULL);
    for (int f = 0; f < g->nfolds; f++)
        counters[f].count = 0;
    for (int p = 0; p < g->nphases; p++) {
        run_blocks(w, p, row, 0, blocks, counters);
        int segment = group_segment(CT_FULL, p);
        for (int i = g->first[segment]; i < g->first[segment + 1]; i++) {
            const op *o = &g->ops[i];
            if (is_counted(o->kind))
                finish(g, o, &counters[o->fold], w->ptr[o->out]);
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
    for (int p = 0; p < g->nphases && g->nfetches; p++)
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

/* Elements [first, end) of a map. */
static void run_map(work *w, int64_t first, int64_t end)
{
    const ct_group *g = w->j->g;
    for (int64_t i = first, n; i < end; i += n) {
        n = tile_of_map(g, i, end);
        if (i > 0)
            work_at_elements(w, i, i - (g->line ? i % g->line : 0));
        work_run(w, group_segment(CT_FULL, 0), n, n, 1, 0, NULL);
    }
}

/* Rows [task * step, ...), or elements of a map. */
static void task_rows(void *ctx, int64_t task, int thread)
{
    const job *j = ctx;
    const ct_group *g = j->g;
    work w = work_new(j, work_shared(j, thread), thread);
    counter counters[g->nfolds + 1];
    int64_t end = (task + 1) * j->step;
    end = end < g->nk ? end : g->nk;
    for (int p = 0; p < g->nphases; p++)
        work_start_folds(&w, p, counters, 0);
    if (g->nscatters)
        group_begin_span(&w, task * j->step * g->nr);
    if (g->mode == ROW && g->nr <= CT_TILE)
        work_load_once(&w, 0, ct_least(g->tile_rows, end) * g->nr);
    if (g->mode == MAP)
        run_map(&w, task * j->step, end);
    for (int64_t r = task * j->step; r < end && g->mode == ROW; r += g->tile_rows) {
        if (g->nr > CT_TILE)
            run_long_row(&w, r, counters);
        else
            run_short_rows(&w, r, ct_least(end - r, g->tile_rows));
    }
    if (g->nscatters)
        group_end_span(&w, task, -1, (end - task * j->step) * g->nr);
}

static char *partial_at(const job *j, int64_t task, const op *o)
{
    return j->partials + (task * j->g->nfolds + o->fold) * PARTIAL;
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
    if (g->nscatters)
        group_begin_span(&w, j->row * g->nr + first * CT_TILE);
    run_blocks(&w, j->phase, j->row, first, last, counters);
    if (g->nscatters)
        group_end_span(&w, task, j->phase, ct_least(last * CT_TILE, g->nr) - first * CT_TILE);
    int segment = group_segment(CT_FULL, j->phase);
    for (int i = g->first[segment]; i < g->first[segment + 1]; i++) {
        const op *o = &g->ops[i];
        if (o->kind == CT_ARG)
            arg_keep(&counters[o->fold], partial_at(j, task, o));
        else if (o->kind == CT_FOLD)
            finish(g, o, &counters[o->fold], partial_at(j, task, o));
    }
}

/* Combine what the tasks gave. */
static void join_partials(const work *w, const op *o, int64_t ntasks)
{
    const ct_group *g = w->j->g;
    const int item = g->values[o->out].item;
    counter c = counter_new(w, o, 0);
    for (int64_t task = 0; task < ntasks; task++) {
        if (o->kind == CT_ARG) {
            arg_take(g, o, &c, partial_at(w->j, task, o));
        } else {
            memcpy(c.result, partial_at(w->j, task, o), item);
            counter_push(&c, (ct_accumulate)o->fn2, 1, item);
        }
    }
    finish(g, o, &c, w->ptr[o->out]);
}

static void run_tasks(int threads, int64_t ntasks, ct_task task, job *j)
{
    if (threads > 1) {
        group_pool_run(threads, ntasks, task, j);
        return;
    }
    for (int64_t i = 0; i < ntasks; i++)
        task(j, i, 0);
}

/* Few long rows: the threads share each row, phase by phase. */
static int run_shared_rows(job *j, int threads)
{
    const ct_group *g = j->g;
    int64_t blocks = (g->nr + CT_TILE - 1) / CT_TILE;
    j->step = g->nscatters ? group_span_tiles(threads)
                           : power_of_two_at_least((blocks + 8 * threads - 1) / (8 * threads));
    int64_t ntasks = (blocks + j->step - 1) / j->step;
    j->partials = malloc(PARTIAL * ntasks * (g->nfolds + 1));
    if (!j->partials)
        return CT_MEMORY;
    work w = work_new(j, j->shared, 0);
    for (int64_t row = 0; row < g->nk; row++) {
        j->row = row;
        work_at_rows(&w, row);
        work_run(&w, group_segment(CT_KEPT, -1), 1, 1, 1, 0, NULL);
        for (int p = 0; p < g->nphases; p++) {
            j->phase = p;
            j->turn = 0;
            run_tasks(threads, ntasks, task_blocks, j);
            w = work_new(j, j->shared, 0);
            work_at_rows(&w, row);
            int segment = group_segment(CT_FULL, p);
            for (int i = g->first[segment]; i < g->first[segment + 1]; i++) {
                const op *o = &g->ops[i];
                if (is_counted(o->kind))
                    join_partials(&w, o, ntasks);
            }
            work_run(&w, group_segment(CT_KEPT, p), 1, 1, 1, 0, NULL);
        }
    }
    free(j->partials);
    return CT_OK;
}

/* Few tiles a task, so that none waits for long to add its own. */
static int run_spans(job *j, int threads)
{
    const ct_group *g = j->g;
    if (g->mode == ROW && g->nr > CT_TILE)
        return run_shared_rows(j, threads);
    j->step = g->tile_rows * group_span_tiles(threads);
    run_tasks(threads, (g->nk + j->step - 1) / j->step, task_rows, j);
    return CT_OK;
}

int group_run_rows(job *j, int threads)
{
    const ct_group *g = j->g;
    if (g->nscatters)
        return run_spans(j, threads);
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
