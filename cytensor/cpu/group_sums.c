/* group_sums.c: column groups whose terms are added by generated code as they are computed.
 *
 * Of rows that are only summed, nothing needs to be written: the function of such a group reads
 * them, and adds to accumulators that lie in the cache.
 */
#include "group.h"

#include <stdlib.h>

/* Whether all that is computed of rows are terms of folds. */
static int is_eligible(const ct_group *g)
{
    const ct_spec *s = g->spec;
    for (int k = 0; k < s->noutputs; k++)
        if (s->values[s->output_value[k]].level == CT_FULL)
            return 0;
    for (int i = 0; i < s->nops; i++) {
        const int is_full = s->ops[i].level == CT_FULL || takes_rows(s->ops[i].kind);
        if (is_full && s->ops[i].kind != CT_MAP && s->ops[i].kind != CT_FOLD)
            return 0;
        for (int k = 0; k < s->ops[i].nin && is_full; k++)
            if (s->values[s->ops[i].in[k]].level != CT_FULL)
                return 0;
    }
    return g->mode == COLUMN;
}

/* Add a value to the end of those that the function reads, or those that it adds to. */
static void add(ct_pass *b, int *count, int value, int place)
{
    const int at = b->nin + b->nout;
    b->values[at] = value;
    b->places[at] = place;
    b->how[at] = CT_EACH;
    (*count)++;
}

static int is_read_in_rows(const ct_spec *s, int value)
{
    for (int i = 0; i < s->nops; i++)
        if (group_reads(&s->ops[i], value)
                && (s->ops[i].level == CT_FULL || s->ops[i].kind == CT_FOLD))
            return 1;
    return 0;
}

/* List what the function reads, what it adds to, and its ops. */
static int list_values(const ct_spec *s, ct_pass *b)
{
    for (int i = 0; i < s->nvalues; i++) {
        if (s->values[i].source == CT_COMPUTED || !is_read_in_rows(s, i))
            continue;
        if (s->values[i].source != CT_ARRAY)
            return 0;
        add(b, &b->nin, i, s->values[i].operand);
    }
    for (int i = 0; i < s->nops; i++) {
        if (s->ops[i].kind == CT_FOLD)
            add(b, &b->nout, s->ops[i].out, -1);
        if (s->ops[i].kind == CT_FOLD || s->ops[i].level == CT_FULL)
            b->ops[b->nops++] = i;
    }
    return 1;
}

/* Find how elements are reached: rows and their elements are one axis each for all that is read. */
static int place_axes(ct_group *g, ct_pass *b)
{
    const ct_spec *s = g->spec;
    const int naxes = group_axes(s);
    int rows[CT_MAXDIM + 1], columns[CT_MAXDIM + 1];
    int64_t dims[CT_MAXDIM];
    ct_pass reads = *b;
    reads.nout = 0;
    if (group_merge_nest(g, &reads, s->nk, s->nk + s->nr, dims, rows) != 1
            || group_merge_nest(g, &reads, s->nk + s->nr, naxes, dims, columns) != 1)
        return 0;
    for (int k = 0; k < b->nin; k++) {
        const int64_t *strides = g->strides + b->places[k] * naxes;
        const int64_t step = strides[columns[0]];
        if (step != 0 && step != ct_itemsize[s->values[b->values[k]].dtype])
            return 0;
        b->how[k] = step ? CT_EACH : CT_ONE;
    }
    g->row_axis = rows[0];
    return 1;
}

/* Take the loads and maps of the rows out of the plan. */
static void drop_ops(ct_group *g)
{
    int n = 0;
    for (int i = 0; i < g->nops; i++) {
        const op *o = &g->ops[i];
        const int is_full = o->segment == group_segment(CT_FULL, 0) || o->segment == g->once;
        if (!is_full || o->kind == CT_FOLD)
            g->ops[n++] = *o;
    }
    g->nops = n;
}

/* Make one function of the rows of a column group. Returns 1, or 0 where that cannot be, or -1. */
int group_make_sums(ct_group *g)
{
    const ct_spec *s = g->spec;
    ct_pass *b = NULL, made = {.level = CT_SUMS};
    for (int i = 0; i < g->nblocks; i++)
        if (g->blocks[i].level == CT_FULL)
            b = &g->blocks[i];
    if (!b || !is_eligible(g))
        return 0;
    if (block_new(&made, s->nvalues + s->nops, s->nops))
        return -1;
    if (!list_values(s, &made) || !place_axes(g, &made)) {
        free(made.values);
        return 0;
    }
    free(b->values);
    *b = made;
    g->sums = b;
    drop_ops(g);
    return 1;
}

/* Add `rows` rows from row r of the kept index k, and n columns from column c, to the results that
 * counters hold. The first row of a chunk takes their place. */
void group_add_rows(work *w, int64_t k, int64_t r, int64_t rows, int64_t c, int64_t n,
                    counter *counters)
{
    const ct_group *g = w->j->g;
    const ct_pass *b = g->sums;
    const int nargs = b->nin + b->nout, naxes = group_axes(g->spec);
    char *at[nargs];
    int64_t steps[2 * nargs + 1];
    for (int i = 0; i < b->nin; i++) {
        const value *v = &g->values[b->values[i]];
        at[i] = w->j->t[b->places[i]].data + group_offset(v, (k * g->nr + r) * g->nc + c);
        steps[2 * i] = g->strides[b->places[i] * naxes + g->row_axis];
    }
    for (int i = 0; i < b->nout; i++) {
        at[b->nin + i] = counters[i].result;
        steps[2 * (b->nin + i)] = 0;
    }
    steps[2 * nargs] = r % CHUNK == 0;
    b->fn(rows, n, at, steps);
}
