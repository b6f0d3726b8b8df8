/* group_fetch.c: has the cache get data before a tile needs it.
 *
 * Between two tiles lies much work on what is in the cache. Meanwhile memory would be idle: what
 * the next tile reads is asked for beforehand, and so is the place that this one writes to.
 */
#include "group.h"

#include <stdlib.h>

static void add_fetch(ct_group *g, int value_id, int phase, int writes)
{
    const value *v = &g->values[value_id];
    int is_row_too_long = g->nr * v->item > CACHE_BYTES / 4;
    for (int i = 0; i < g->nfetches; i++)
        if (g->fetches[i].value == value_id && (g->fetches[i].phase == phase || !is_row_too_long))
            return;             /* it is in the cache by then */
    g->fetches[g->nfetches++] = (fetch){value_id, phase, writes};
}

/* Whether a value lies in memory in pieces that are worth to be asked for. */
static int lies_in_memory(const value *v)
{
    if (v->level != CT_FULL || v->is_constant || v->source == CT_COUNT || v->nd == 0)
        return 0;
    return (v->access == DIRECT || v->access == STRIDED) && v->strides[v->nd - 1] == v->item;
}

static int64_t bytes_in_memory(const ct_group *g)
{
    int64_t bytes = 0;
    for (int i = 0; i < g->nvalues; i++)
        if (lies_in_memory(&g->values[i]))
            bytes += g->nk * g->nr * g->values[i].item;
    return bytes;
}

/* Whether short rows of several arrays are read. One array, or long rows, the processor fetches
 * ahead by itself, and better. */
static int is_worthwhile(const ct_group *g)
{
    int arrays = 0;
    for (int i = 0; i < g->nvalues; i++)
        arrays += g->values[i].source == CT_ARRAY && g->values[i].operand >= g->spec->noutputs
                  && lies_in_memory(&g->values[i]);
    return g->mode == ROW && g->nr <= CT_TILE && arrays > 1;
}

/* List what the tiles of a row group fetch, where that is more than the cache holds. */
int group_list_fetches(ct_group *g)
{
    const int32_t *ids;
    int uses = 0;
    for (int i = 0; i < g->nops; i++)
        uses += group_op_inputs(g, &g->ops[i], &ids) + group_op_outputs(g, &g->ops[i], &ids);
    g->fetches = malloc(sizeof(fetch) * (uses + 1));
    if (!g->fetches)
        return -1;
    if (!is_worthwhile(g) || bytes_in_memory(g) < CACHE_BYTES)
        return 0;
    for (int i = 0; i < g->nops; i++) {
        const op *o = &g->ops[i];
        const int phase = (o->segment - 1) / 2;
        const int nin = o->kind == CT_STORE ? 0 : group_op_inputs(g, o, &ids);
        for (int k = 0; k < nin; k++)
            if (lies_in_memory(&g->values[ids[k]]))
                add_fetch(g, ids[k], phase, 0);
        const int nout = o->kind == CT_LOAD ? 0 : group_op_outputs(g, o, &ids);
        for (int k = 0; k < nout; k++)
            if (lies_in_memory(&g->values[ids[k]]))
                add_fetch(g, ids[k], phase, 1);
    }
    return 0;
}

/* Ask for what a phase needs: of the next tile, which has `next` elements, what it reads; of this
 * one, which has n, where it writes. */
void group_fetch(const work *w, int phase, int64_t n, int64_t next)
{
    const ct_group *g = w->j->g;
    for (int i = 0; i < g->nfetches; i++) {
        const fetch *f = &g->fetches[i];
        const value *v = &g->values[f->value];
        if (f->phase != phase)
            continue;
        if (f->writes)
            group_prefetch(v, w->j->t[v->operand].data, w->start, n, 1);
        else if (next > 0)
            group_prefetch(v, w->j->t[v->operand].data, w->start + n, next, 0);
    }
}
