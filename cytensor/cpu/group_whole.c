/* group_whole.c: rows that one function of generated code takes from their loads to their stores.
 *
 * A row that the cache holds needs no tiles. Most of its time it waits for memory, and between
 * calls for single ops nothing would be on its way: a processor looks some hundred instructions
 * ahead.
 */
#include "group.h"

#include <stdlib.h>

#define LEAST_ROWS 64           /* with fewer, threads may have to share a row */
#define WHOLE_BYTES (CACHE_BYTES / 2)   /* of all that belongs to a row */

static int64_t stride_of(const ct_group *g, int operand, int axis)
{
    return g->strides[operand * group_axes(g->spec) + axis];
}

/* Whether all ops are such that they can be written, and rows such that it pays. */
static int is_eligible(const ct_group *g)
{
    for (int i = 0; i < g->spec->nops; i++)
        if (g->spec->ops[i].kind != CT_MAP && g->spec->ops[i].kind != CT_FOLD)
            return 0;
    return g->mode == ROW && g->nk >= LEAST_ROWS && g->nr >= SHORT_ROW;
}

/* ----- who reads a value ----- */

static int64_t segment_of(const ct_spec_op *o)
{
    return group_segment(takes_rows(o->kind) ? CT_FULL : o->level, o->phase);
}

static const ct_spec_op *maker_of(const ct_spec *s, int value)
{
    for (int i = 0; i < s->nops; i++)
        if (s->ops[i].out == value)
            return &s->ops[i];
    return NULL;
}

/* Whether a fold reads a value. */
static int is_folded(const ct_spec *s, int value)
{
    for (int i = 0; i < s->nops; i++)
        if (s->ops[i].kind == CT_FOLD && group_reads(&s->ops[i], value))
            return 1;
    return 0;
}

/* Whether a value must outlive the loop that makes it. */
static int is_kept(const ct_spec *s, int value)
{
    const ct_spec_op *maker = maker_of(s, value);
    for (int i = 0; i < s->nops; i++)
        if (group_reads(&s->ops[i], value)
                && (s->ops[i].kind == CT_FOLD || segment_of(&s->ops[i]) != segment_of(maker)))
            return 1;
    return 0;
}

/* Whether memory that an output overwrites is read when the output is being written, or later, but
 * by the loop that writes it. */
static int is_overwritten_early(const ct_spec *s, int output)
{
    const ct_spec_op *maker = maker_of(s, s->output_value[output]);
    for (int i = 0; i < s->nops && s->output_alias[output] >= 0; i++)
        for (int k = 0; k < s->ops[i].nin; k++) {
            const ct_spec_value *v = &s->values[s->ops[i].in[k]];
            if (v->source != CT_ARRAY || v->operand != s->output_alias[output])
                continue;
            if (segment_of(&s->ops[i]) > segment_of(maker)
                    || (segment_of(&s->ops[i]) == segment_of(maker) && s->ops[i].kind == CT_FOLD))
                return 1;
        }
    return 0;
}

/* ----- the values of the function ----- */

static void add(ct_pass *b, int *n, int value, int place, char how)
{
    b->values[*n] = value;
    b->places[*n] = place;
    b->how[(*n)++] = how;
}

/* List what is read. How the elements of a row are reached is filled in later. */
static int list_reads(const ct_spec *s, ct_pass *b)
{
    for (int i = 0; i < s->nvalues; i++) {
        if (s->values[i].source == CT_COMPUTED || !group_is_read(s, i))
            continue;
        if (s->values[i].source != CT_ARRAY)
            return 0;
        add(b, &b->nin, i, s->values[i].operand, CT_ONE);
    }
    return 1;
}

static int list_makes(const ct_spec *s, ct_pass *b)
{
    int n = b->nin;
    for (int k = 0; k < s->noutputs; k++) {
        if (s->values[s->output_value[k]].source != CT_COMPUTED)
            return 0;
        add(b, &n, s->output_value[k], k, CT_ONE);
    }
    b->nout = s->noutputs;
    return 1;
}

/* List what lies in scratch while a row is computed. */
static void list_kept(const ct_spec *s, ct_pass *b)
{
    int n = b->nin + b->nout, first = n;
    for (int i = 0; i < s->nvalues; i++) {
        const ct_spec_value *v = &s->values[i];
        char how = 0;
        for (int k = b->nin; k < first; k++)
            if (b->values[k] == i)
                how = b->how[k];
        if (v->level == CT_FULL && v->source == CT_COMPUTED
                && (how ? how == CT_AROUND || how == CT_BEHIND : is_kept(s, i)))
            add(b, &n, i, -1, CT_EACH);
    }
    b->nkept = n - first;
}

/* ----- where they lie ----- */

/* Whether the elements of a row follow each other. */
static int is_packed(const ct_group *g, int k)
{
    const int item = ct_itemsize[g->spec->values[g->blocks->values[k]].dtype];
    return g->lines == 1 || g->line_steps[k] == g->line_length * item;
}

/* How an operand of the FULL level is reached; 0 if the function cannot. */
static char how_of(const ct_group *g, int k, int64_t step)
{
    const ct_pass *b = g->blocks;
    const int id = b->values[k], item = ct_itemsize[g->spec->values[id].dtype];
    if (k < b->nin && is_folded(g->spec, id))
        return step == item && is_packed(g, k) ? CT_EACH : 0;
    if (k < b->nin)
        return step == item ? CT_EACH : step == 0 ? CT_ONE : 0;
    if (step != item || (!is_packed(g, k) && is_folded(g->spec, id)))
        return 0;
    const int early = is_overwritten_early(g->spec, k - b->nin);
    if (!is_packed(g, k))
        return early ? 0 : CT_EACH;
    return group_streams(g, k - b->nin) ? CT_AROUND : early ? CT_BEHIND : CT_EACH;
}

/* Merge the axes: a nest of rows, and in each row some lines. Returns whether that can be. */
static int place_axes(ct_group *g)
{
    ct_pass *b = g->blocks;
    nest *t = &g->nest;
    const int nargs = b->nin + b->nout, nk = g->spec->nk;
    int outer[CT_MAXDIM + 1], inner[CT_MAXDIM + 1];
    int64_t dims[CT_MAXDIM];
    const int nd = group_merge_nest(g, b, nk, nk + g->spec->nr, dims, inner);
    t->nd = group_merge_nest(g, b, 0, nk, t->dims, outer) + 1;
    if (nd > 2 || dims[nd - 1] < SHORT_ROW)
        return 0;
    g->lines = nd == 2 ? dims[0] : 1;
    t->dims[t->nd - 1] = g->line_length = dims[nd - 1];
    t->strides = calloc(nargs * (t->nd + 1), sizeof *t->strides);
    if (!t->strides)
        return 0;
    g->line_steps = t->strides + nargs * t->nd;
    for (int k = 0; k < nargs; k++) {
        for (int a = 0; a < t->nd - 1; a++)
            t->strides[k * t->nd + a] = stride_of(g, b->places[k], outer[a]);
        g->line_steps[k] = nd == 2 ? stride_of(g, b->places[k], inner[0]) : 0;
        if (g->spec->values[b->values[k]].level != CT_FULL)
            continue;
        b->how[k] = how_of(g, k, stride_of(g, b->places[k], inner[nd - 1]));
        if (!b->how[k])
            return 0;
    }
    return 1;
}

/* Bytes of all that belongs to a row; kept values get their places in scratch. */
static int64_t place_kept(ct_group *g)
{
    const ct_pass *b = g->blocks;
    int64_t bytes = 0;
    for (int k = 0; k < b->nin + b->nout + b->nkept; k++) {
        const int64_t each = ALIGN(g->nr * ct_itemsize[g->spec->values[b->values[k]].dtype]);
        bytes += b->how[k] == CT_ONE ? 0 : each;
        g->private_bytes += k < b->nin + b->nout ? 0 : each;
    }
    return bytes;
}

static int fill(ct_group *g)
{
    const ct_spec *s = g->spec;
    ct_pass *b = g->blocks;
    if (!list_reads(s, b) || !list_makes(s, b) || !place_axes(g))
        return 0;
    list_kept(s, b);
    b->level = CT_WHOLE;
    b->phase = g->lines > 1;
    b->nops = s->nops;
    for (int i = 0; i < s->nops; i++)
        b->ops[i] = i;
    g->private_bytes = ALIGN(1);                /* an area of no bytes would be none */
    return place_kept(g) <= WHOLE_BYTES;
}

/* Make one function of a row group. Returns 1, or 0 where that cannot be, or -1. */
int group_make_whole(ct_group *g)
{
    const ct_spec *s = g->spec;
    if (!is_eligible(g))
        return 0;
    g->blocks = calloc(1, sizeof(ct_pass));
    if (!g->blocks || block_new(g->blocks, 2 * s->nvalues + s->noutputs, s->nops))
        return -1;
    g->nblocks = 1;
    if (fill(g))
        return g->is_whole = 1;
    free(g->blocks->values);
    free(g->blocks);
    free(g->nest.strides);
    g->blocks = NULL;
    g->nblocks = g->nest.nd = g->private_bytes = 0;
    g->nest.strides = NULL;
    return 0;
}

/* ----- the run ----- */

/* Rows [task * step, ...). */
static void task_whole(void *ctx, int64_t task, int thread)
{
    const job *j = ctx;
    const ct_group *g = j->g;
    const ct_pass *b = g->blocks;
    const nest *t = &g->nest;
    const int nargs = b->nin + b->nout;
    char *at[nargs + b->nkept], *scratch = j->private + thread * g->private_bytes;
    int64_t steps[2 * nargs + 1];
    for (int k = 0; k < nargs; k++) {
        steps[2 * k] = t->strides[k * t->nd + t->nd - 2];
        steps[2 * k + 1] = g->line_steps[k];
    }
    steps[2 * nargs] = g->lines;
    for (int k = nargs; k < nargs + b->nkept; k++) {
        at[k] = scratch;
        scratch += ALIGN(g->nr * ct_itemsize[g->spec->values[b->values[k]].dtype]);
    }
    const int64_t end = ct_least((task + 1) * j->step, g->nk);
    for (int64_t row = task * j->step, some; row < end; row += some) {
        some = ct_least(group_locate(j, row, 0, at), end - row);
        b->fn(some, g->line_length, at, steps);
    }
}

int group_run_whole(job *j, int threads)
{
    const int64_t each = j->g->nk / (8 * threads);
    j->step = threads == 1 ? j->g->nk : each ? each : 1;
    if (threads == 1)
        task_whole(j, 0, 0);
    else
        group_pool_run(threads, (j->g->nk + j->step - 1) / j->step, task_whole, j);
    return CT_OK;
}
