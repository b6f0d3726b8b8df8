/* group_columns.c: the loops of column groups: sums over outer axes. */
#include "group.h"

#include <stdlib.h>
#include <string.h>

/* Add rows of a tile into the accumulators of each fold, CHUNK rows to a leaf of the tree. */
static void accumulate(work *w, const op *o, counter *c, int64_t row, int64_t rows, int64_t width)
{
    int item = w->j->g->values[o->in[0]].item;
    const char *x = w->ptr[o->in[0]];
    ct_accumulate join = (ct_accumulate)o->fn2;
    while (rows > 0) {
        int64_t in_chunk = row % CHUNK, take = CHUNK - in_chunk;
        take = take < rows ? take : rows;
        int64_t skip = 0;
        if (in_chunk == 0) {
            memcpy(c->result, x, width * item);
            skip = 1;
        }
        join(take - skip, width, c->result, x + skip * width * item);
        row += take;
        rows -= take;
        x += take * width * item;
        if (row % CHUNK == 0)
            counter_push(c, join, width, item);
    }
}

/* Rows [r0, r1) of the columns [c0, c0 + width) of the kept index k. */
static void run_columns(work *w, int64_t k, int64_t r0, int64_t r1, int64_t c0, int64_t width,
                        counter *counters)
{
    const ct_group *g = w->j->g;
    int segment = group_segment(CT_FULL, 0);
    work_start_folds(w, 0, counters);
    for (int64_t r = r0; r < r1; r += g->tile_rows) {
        int64_t rows = r1 - r < g->tile_rows ? r1 - r : g->tile_rows, n = rows * width;
        work_at_elements(w, (k * g->nr + r) * g->nc + c0, 0);
        for (int i = g->first[segment]; i < g->first[segment + 1]; i++) {
            const op *o = &g->ops[i];
            const value *out = &g->values[o->out];
            if (o->kind == CT_FOLD)
                accumulate(w, o, &counters[o->fold], r, rows, width);
            else if (o->kind == CT_MAP)
                work_map(w, o, n);
            else if (o->kind == CT_LOAD)
                group_load(out, w->ptr[o->out], w->j->t[out->operand].data, w->start, n);
            else
                group_store(out, w->ptr[o->in[0]], w->j->t[out->operand].data, w->start, n);
        }
    }
    for (int i = g->first[segment]; i < g->first[segment + 1]; i++) {
        const op *o = &g->ops[i];
        if (o->kind == CT_FOLD && r1 % CHUNK && r1 > r0)
            counter_push(&counters[o->fold], (ct_accumulate)o->fn2, width,
                         g->values[o->in[0]].item);
    }
}

static void finish_columns(work *w, int64_t k, int64_t c0, int64_t width, counter *counters)
{
    const ct_group *g = w->j->g;
    int segment = group_segment(CT_FULL, 0);
    work_at_rows(w, k * g->nc + c0);
    work_run(w, group_segment(CT_KEPT, -1), width, width, 1, 0, NULL);
    if (g->nr == 0)
        work_identities(w, 0, width);
    for (int i = g->first[segment]; i < g->first[segment + 1] && g->nr; i++) {
        const op *o = &g->ops[i];
        if (o->kind == CT_FOLD)
            counter_finish(&counters[o->fold], (ct_accumulate)o->fn2, w->ptr[o->out], width,
                   g->values[o->out].item);
    }
    work_run(w, group_segment(CT_KEPT, 0), width, width, 1, 0, NULL);
}

static int64_t column_partial(const job *j, int64_t super, int64_t tile, int fold)
{
    return ((super * j->ntiles + tile) * j->g->nfolds + fold) * ALIGN(j->g->width * 16);
}

/* One (kept index, column tile, run of rows). */
static void task_columns(void *ctx, int64_t task, int thread)
{
    const job *j = ctx;
    const ct_group *g = j->g;
    work w = work_new(j, work_shared(j, thread), thread);
    counter counters[g->nfolds + 1];
    int64_t tiles_per_k = (g->nc + g->width - 1) / g->width;
    int64_t super = task % j->nsupers, tile = task / j->nsupers;
    int64_t k = tile / tiles_per_k, c0 = tile % tiles_per_k * g->width;
    int64_t width = g->nc - c0 < g->width ? g->nc - c0 : g->width;
    int64_t r0 = super * j->super_rows, r1 = r0 + j->super_rows;
    r1 = r1 < g->nr ? r1 : g->nr;
    run_columns(&w, k, r0, r1, c0, width, counters);
    if (j->nsupers == 1) {
        finish_columns(&w, k, c0, width, counters);
        return;
    }
    int segment = group_segment(CT_FULL, 0);
    for (int i = g->first[segment]; i < g->first[segment + 1]; i++) {
        const op *o = &g->ops[i];
        if (o->kind == CT_FOLD)
            counter_finish(&counters[o->fold], (ct_accumulate)o->fn2,
                   j->partials + column_partial(j, super, tile, o->fold), width,
                   g->values[o->in[0]].item);
    }
}

/* Combine what the runs of rows of one column tile gave. */
static void task_join_columns(void *ctx, int64_t tile, int thread)
{
    const job *j = ctx;
    const ct_group *g = j->g;
    work w = work_new(j, work_shared(j, thread), thread);
    counter counters[g->nfolds + 1];
    int64_t tiles_per_k = (g->nc + g->width - 1) / g->width;
    int64_t k = tile / tiles_per_k, c0 = tile % tiles_per_k * g->width;
    int64_t width = g->nc - c0 < g->width ? g->nc - c0 : g->width;
    int segment = group_segment(CT_FULL, 0);
    work_start_folds(&w, 0, counters);
    for (int i = g->first[segment]; i < g->first[segment + 1]; i++) {
        const op *o = &g->ops[i];
        if (o->kind != CT_FOLD)
            continue;
        int item = g->values[o->in[0]].item;
        for (int64_t s = 0; s < j->nsupers; s++) {
            memcpy(counters[o->fold].result, j->partials + column_partial(j, s, tile, o->fold),
                   width * item);
            counter_push(&counters[o->fold], (ct_accumulate)o->fn2, width, item);
        }
    }
    finish_columns(&w, k, c0, width, counters);
}

int group_run_columns(job *j, int threads)
{
    const ct_group *g = j->g;
    j->ntiles = g->nk * ((g->nc + g->width - 1) / g->width);
    j->nsupers = 1;
    j->super_rows = g->nr;
    int64_t wanted = j->ntiles >= threads ? 1 : 4 * threads / (j->ntiles ? j->ntiles : 1);
    if (threads > 1 && wanted > 1 && g->nr > 4 * CHUNK) {
        int64_t chunks = (g->nr + CHUNK - 1) / CHUNK;
        j->super_rows = CHUNK * power_of_two_at_least((chunks + wanted - 1) / wanted);
        j->nsupers = (g->nr + j->super_rows - 1) / j->super_rows;
    }
    if (j->nsupers == 1) {
        if (threads > 1)
            group_pool_run(threads, j->ntiles, task_columns, j);
        else
            for (int64_t task = 0; task < j->ntiles; task++)
                task_columns(j, task, 0);
        return CT_OK;
    }
    j->partials = malloc(j->nsupers * j->ntiles * (g->nfolds + 1) * ALIGN(g->width * 16));
    if (!j->partials)
        return CT_MEMORY;
    group_pool_run(threads, j->ntiles * j->nsupers, task_columns, j);
    for (int64_t tile = 0; tile < j->ntiles; tile++)
        task_join_columns(j, tile, 0);
    free(j->partials);
    return CT_OK;
}
