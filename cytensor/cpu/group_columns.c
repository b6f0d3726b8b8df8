/* group_columns.c: the loops of column groups: sums over outer axes. */
#include "group.h"

#include <stdlib.h>
#include <string.h>

#define BAND 4                  /* column tiles whose sums stay in the cache */

/* Long rows are read in order: a task sums several column tiles side by side, unless it has loaded
 * what only one of them reads. */
int64_t group_band(const ct_group *g)
{
    if (g->mode != COLUMN || g->tile_rows > 1 || g->first[g->once] < g->first[g->once + 1])
        return 1;
    return ct_least((g->nc + g->width - 1) / g->width, BAND);
}

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

/* What one task sums: some rows of a band of adjacent column tiles, of one kept index. */
typedef struct {
    int64_t k, tile, ntiles, r0, r1;
} band;

static int64_t tile_start(const ct_group *g, const band *b, int64_t i)
{
    return (b->tile + i) * g->width;
}

static int64_t tile_width(const ct_group *g, const band *b, int64_t i)
{
    return ct_least(g->nc - tile_start(g, b, i), g->width);
}

/* The ops on `rows` rows from row r, of columns to which the work points. */
static void run_tile(work *w, int64_t r, int64_t rows, int64_t width, counter *counters)
{
    const ct_group *g = w->j->g;
    const int64_t n = rows * width;
    int segment = group_segment(CT_FULL, 0);
    for (int i = g->first[segment]; i < g->first[segment + 1]; i++) {
        const op *o = &g->ops[i];
        const value *out = &g->values[o->out];
        if (o->kind == CT_FOLD)
            accumulate(w, o, &counters[o->fold], r, rows, width);
        else if (o->kind == CT_MAP)
            work_map(w, o, n);
        else if (o->kind == CT_BLOCK)
            work_block(w, o, n, 1, n);
        else if (o->kind == CT_GATHER)
            group_gather(w, o, n);
        else if (o->kind == CT_LOAD)
            group_load(out, w->ptr[o->out], w->j->t[out->operand].data, w->start, n);
        else
            group_store(out, w->ptr[o->in[0]], w->j->t[out->operand].data, w->start, n);
    }
}

/* Push what is left of the last chunk of rows. */
static void push_rests(const ct_group *g, int64_t width, counter *counters)
{
    int segment = group_segment(CT_FULL, 0);
    for (int i = g->first[segment]; i < g->first[segment + 1]; i++) {
        const op *o = &g->ops[i];
        if (o->kind == CT_FOLD)
            counter_push(&counters[o->fold], (ct_accumulate)o->fn2, width,
                         g->values[o->in[0]].item);
    }
}

/* The chunks of a band, added by generated code. */
static void add_chunks(work *w, const band *b, counter *counters)
{
    const ct_group *g = w->j->g;
    for (int64_t r = b->r0, rows; r < b->r1; r += rows) {
        rows = ct_least(b->r1 - r, CHUNK - r % CHUNK);
        for (int64_t i = 0; i < b->ntiles; i++) {
            counter *these = counters + i * g->nfolds;
            const int64_t width = tile_width(g, b, i);
            group_add_rows(w, b->k, r, rows, tile_start(g, b, i), width, these);
            if ((r + rows) % CHUNK == 0)
                push_rests(g, width, these);
        }
    }
}

/* All tiles of a band side by side, so that memory is read in order. */
static void run_band(work *w, const band *b, counter *counters)
{
    const ct_group *g = w->j->g;
    for (int64_t i = 0; i < b->ntiles; i++)
        work_start_folds(w, 0, counters + i * g->nfolds, i);
    work_load_once(w, (b->k * g->nr + b->r0) * g->nc + tile_start(g, b, 0),
                   ct_least(g->tile_rows, b->r1 - b->r0) * tile_width(g, b, 0));
    if (g->sums)
        add_chunks(w, b, counters);
    for (int64_t r = b->r0; r < b->r1 && !g->sums; r += g->tile_rows) {
        for (int64_t i = 0; i < b->ntiles; i++) {
            work_at_elements(w, (b->k * g->nr + r) * g->nc + tile_start(g, b, i), 0);
            run_tile(w, r, ct_least(b->r1 - r, g->tile_rows), tile_width(g, b, i),
                     counters + i * g->nfolds);
        }
    }
    for (int64_t i = 0; i < b->ntiles && b->r1 % CHUNK && b->r1 > b->r0; i++)
        push_rests(g, tile_width(g, b, i), counters + i * g->nfolds);
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

static int64_t tiles_of(const ct_group *g)
{
    return (g->nc + g->width - 1) / g->width;
}

static int64_t bands_of(const ct_group *g)
{
    return (tiles_of(g) + g->band - 1) / g->band;
}

/* Hand on what a run of rows gives for one tile. */
static void keep_partials(const job *j, int64_t super, int64_t tile, int64_t width,
                          counter *counters)
{
    const ct_group *g = j->g;
    int segment = group_segment(CT_FULL, 0);
    for (int i = g->first[segment]; i < g->first[segment + 1]; i++) {
        const op *o = &g->ops[i];
        if (o->kind == CT_FOLD)
            counter_finish(&counters[o->fold], (ct_accumulate)o->fn2,
                           j->partials + column_partial(j, super, tile, o->fold), width,
                           g->values[o->in[0]].item);
    }
}

/* One (kept index, band of column tiles, run of rows). */
static void task_columns(void *ctx, int64_t task, int thread)
{
    const job *j = ctx;
    const ct_group *g = j->g;
    work w = work_new(j, work_shared(j, thread), thread);
    counter counters[g->nfolds * g->band + 1];
    const int64_t super = task % j->nsupers, number = task / j->nsupers;
    band b = {.k = number / bands_of(g), .tile = number % bands_of(g) * g->band,
              .r0 = super * j->super_rows};
    b.ntiles = ct_least(tiles_of(g) - b.tile, g->band);
    b.r1 = ct_least(b.r0 + j->super_rows, g->nr);
    run_band(&w, &b, counters);
    for (int64_t i = 0; i < b.ntiles; i++) {
        counter *these = counters + i * g->nfolds;
        if (j->nsupers == 1)
            finish_columns(&w, b.k, tile_start(g, &b, i), tile_width(g, &b, i), these);
        else
            keep_partials(j, super, b.k * tiles_of(g) + b.tile + i, tile_width(g, &b, i), these);
    }
}

/* Combine what the runs of rows of one column tile gave. */
static void task_join_columns(void *ctx, int64_t tile, int thread)
{
    const job *j = ctx;
    const ct_group *g = j->g;
    work w = work_new(j, work_shared(j, thread), thread);
    counter counters[g->nfolds + 1];
    int64_t k = tile / tiles_of(g), c0 = tile % tiles_of(g) * g->width;
    int64_t width = ct_least(g->nc - c0, g->width);
    int segment = group_segment(CT_FULL, 0);
    work_start_folds(&w, 0, counters, 0);
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
    const int64_t nbands = g->nk * bands_of(g);
    j->ntiles = g->nk * tiles_of(g);
    j->nsupers = 1;
    j->super_rows = g->nr;
    int64_t wanted = nbands >= threads ? 1 : 4 * threads / (nbands ? nbands : 1);
    if (threads > 1 && wanted > 1 && g->nr > 4 * CHUNK) {
        int64_t chunks = (g->nr + CHUNK - 1) / CHUNK;
        j->super_rows = CHUNK * power_of_two_at_least((chunks + wanted - 1) / wanted);
        j->nsupers = (g->nr + j->super_rows - 1) / j->super_rows;
    }
    if (j->nsupers == 1) {
        if (threads > 1)
            group_pool_run(threads, nbands, task_columns, j);
        else
            for (int64_t task = 0; task < nbands; task++)
                task_columns(j, task, 0);
        return CT_OK;
    }
    j->partials = malloc(j->nsupers * j->ntiles * (g->nfolds + 1) * ALIGN(g->width * 16));
    if (!j->partials)
        return CT_MEMORY;
    group_pool_run(threads, nbands * j->nsupers, task_columns, j);
    for (int64_t tile = 0; tile < j->ntiles; tile++)
        task_join_columns(j, tile, 0);
    free(j->partials);
    return CT_OK;
}
