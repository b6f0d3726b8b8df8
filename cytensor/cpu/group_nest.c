/* group_nest.c: maps in one block of generated code: no tiles, but loops over strided memory. */
#include "group.h"

#include <stdlib.h>
#include <string.h>

#define LONG_ROW 256            /* elements of rows that may go around the cache */

/* Whether nothing but maps is to do. */
int group_is_nest(const ct_group *g)
{
    for (int i = 0; i < g->spec->nops; i++)
        if (g->spec->ops[i].kind != CT_MAP)
            return 0;
    return g->mode == MAP;
}

/* The values that come from memory, then the results, each with its operand as its place. */
static int list_values(const ct_spec *s, ct_pass *b)
{
    int n = 0;
    if (block_new(b, s->nvalues + s->noutputs, s->nops))
        return -1;
    for (int i = 0; i < s->nvalues; i++)
        if (s->values[i].source != CT_COMPUTED && group_is_read(s, i)) {
            b->values[n] = i;
            b->places[n++] = s->values[i].operand;
        }
    b->nin = n;
    b->nout = s->noutputs;
    for (int k = 0; k < s->noutputs; k++) {
        b->values[n] = s->output_value[k];
        b->places[n++] = k;
    }
    b->nops = s->nops;
    for (int i = 0; i < s->nops; i++)
        b->ops[i] = i;
    return 0;
}

/* Whether the axis `a` goes on, in each operand, where the merged axis `m` makes one step. */
static int follows(const ct_group *g, const ct_pass *b, int a, int m)
{
    const int naxes = group_axes(g->spec);
    for (int k = 0; k < b->nin + b->nout; k++) {
        const int64_t *strides = g->strides + b->places[k] * naxes;
        if (strides[m] != strides[a] * g->dims[a])
            return 0;
    }
    return 1;
}

/* Merge axes [from, end) of all operands. Returns how many are left; `last` says of each the
 * innermost one in it. */
int group_merge_nest(const ct_group *g, const ct_pass *b, int from, int end, int64_t *dims,
                     int *last)
{
    int nd = 0;
    for (int a = from; a < end; a++) {
        if (g->dims[a] == 1)
            continue;
        if (nd && follows(g, b, a, last[nd - 1]))
            dims[nd - 1] *= g->dims[a];
        else
            dims[nd++] = g->dims[a];
        last[nd - 1] = a;
    }
    return nd;
}

static char how_of(const ct_group *g, int value, int64_t step)
{
    const ct_spec_value *v = &g->spec->values[value];
    if (v->source == CT_COUNT)
        return CT_COUNTED;
    return step == 0 ? CT_ONE : step == ct_itemsize[v->dtype] ? CT_EACH : CT_STEPS;
}

static int64_t row_length(const ct_group *g)
{
    return g->nest.dims[g->nest.nd - 1];
}

/* A map as a nest of loops. Returns 1, or 0 where rows are too short for that, or -1. */
int group_make_nest(ct_group *g)
{
    int last[CT_MAXDIM + 1];
    nest *t = &g->nest;
    g->blocks = calloc(1, sizeof(ct_pass));
    if (!g->blocks || list_values(g->spec, g->blocks))
        return -1;
    g->nblocks = 1;
    ct_pass *b = g->blocks;
    int nargs = b->nin + b->nout, naxes = g->spec->nk;
    t->nd = group_merge_nest(g, b, 0, naxes, t->dims, last);
    if (t->nd > 1 && row_length(g) < SHORT_ROW) {
        free(b->values);
        free(g->blocks);
        g->blocks = NULL;
        g->nblocks = t->nd = 0;
        return 0;
    }
    int single = t->nd == 0;                    /* one element: any way to reach it will do */
    if (single)
        t->dims[t->nd++] = 1;
    t->strides = calloc(nargs * t->nd, sizeof *t->strides);
    if (!t->strides)
        return -1;
    for (int k = 0; k < nargs; k++) {
        int64_t *strides = t->strides + k * t->nd;
        for (int a = 0; a < t->nd && !single; a++)
            strides[a] = g->strides[b->places[k] * naxes + last[a]];
        b->how[k] = how_of(g, b->values[k], single
                           ? ct_itemsize[g->spec->values[b->values[k]].dtype]
                           : strides[t->nd - 1]);
    }
    for (int k = 0; k < b->nout; k++)
        if (b->how[b->nin + k] == CT_EACH && row_length(g) >= LONG_ROW && group_streams(g, k))
            b->how[b->nin + k] = CT_AROUND;
    return 1;
}

/* Point at the element (row, from), and return how many rows follow in equal steps. */
int64_t group_locate(const job *j, int64_t row, int64_t from, char **at)
{
    const ct_group *g = j->g;
    const nest *t = &g->nest;
    const ct_pass *b = g->blocks;
    const int nargs = b->nin + b->nout;
    for (int k = 0; k < nargs; k++)
        at[k] = j->t[b->places[k]].data + from * t->strides[k * t->nd + t->nd - 1];
    int64_t rows = 1;
    for (int a = t->nd - 2; a >= 0; a--) {
        int64_t index = row % t->dims[a];
        row /= t->dims[a];
        if (a == t->nd - 2)
            rows = t->dims[a] - index;
        for (int k = 0; k < nargs; k++)
            at[k] += index * t->strides[k * t->nd + a];
    }
    return rows;
}

static int64_t pieces_of(const ct_group *g)
{
    return (row_length(g) + CT_PIECE - 1) / CT_PIECE;
}

/* Pieces of rows [task * step, ...): many rows at once, or a part of a long one. */
static void task_nest(void *ctx, int64_t task, int thread)
{
    (void)thread;
    const job *j = ctx;
    const ct_group *g = j->g;
    const nest *t = &g->nest;
    const ct_pass *b = g->blocks;
    const int nargs = b->nin + b->nout;
    char *at[nargs];
    int64_t steps[2 * nargs];
    for (int k = 0; k < nargs; k++) {
        steps[2 * k] = t->nd > 1 ? t->strides[k * t->nd + t->nd - 2] : 0;
        steps[2 * k + 1] = t->strides[k * t->nd + t->nd - 1];
    }
    const int64_t n = row_length(g), pieces = pieces_of(g), total = g->nk / n * pieces;
    int64_t end = (task + 1) * j->step, some;
    end = end < total ? end : total;
    for (int64_t u = task * j->step; u < end; u += some) {
        int64_t from = u % pieces * CT_PIECE, length = n - from < CT_PIECE ? n - from : CT_PIECE;
        int64_t rows = group_locate(j, u / pieces, from, at);
        some = pieces > 1 ? 1 : rows < end - u ? rows : end - u;
        b->fn(some, length, at, steps);
    }
}

int group_run_nest(job *j, int threads)
{
    const ct_group *g = j->g;
    const int64_t total = g->nk / row_length(g) * pieces_of(g);
    if (threads == 1) {
        j->step = total;
        task_nest(j, 0, 0);
        return CT_OK;
    }
    const int64_t each = total / (8 * threads);
    j->step = each ? each : 1;
    group_pool_run(threads, (total + j->step - 1) / j->step, task_nest, j);
    return CT_OK;
}
