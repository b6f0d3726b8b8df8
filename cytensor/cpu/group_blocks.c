/* group_blocks.c: merges the maps of each segment into one block, for generated code. */
#include "group.h"

#include <stdlib.h>
#include <string.h>

int group_op_inputs(const ct_group *g, const op *o, const int32_t **values)
{
    const ct_pass *b = o->kind == CT_BLOCK ? &g->blocks[o->block] : NULL;
    *values = b ? b->places : o->in;
    return b ? b->nin : o->nin;
}

int group_op_outputs(const ct_group *g, const op *o, const int32_t **values)
{
    const ct_pass *b = o->kind == CT_BLOCK ? &g->blocks[o->block] : NULL;
    *values = b ? b->places + b->nin : &o->out;
    return b ? b->nout : 1;
}

/* Make room in a block. One piece of memory, which begins at `values`, holds all. */
int block_new(ct_pass *b, int nvalues, int nops)
{
    int32_t *room = calloc(3 * nvalues + nops + 1, sizeof *room);
    b->values = room;
    b->places = room + nvalues;
    b->ops = b->places + nvalues;
    b->how = (char *)(b->ops + nops);
    return room ? 0 : -1;
}

static int contains(int n, const int32_t *list, int32_t item)
{
    for (int i = 0; i < n; i++)
        if (list[i] == item)
            return 1;
    return 0;
}

static int is_member(const op *o, int segment)
{
    return o->kind == CT_MAP && o->segment == segment;
}

/* Whether a map of the segment makes a value. */
static int is_made(const ct_group *g, int segment, int32_t value)
{
    for (int i = g->first[segment]; i < g->first[segment + 1]; i++)
        if (is_member(&g->ops[i], segment) && g->ops[i].out == value)
            return 1;
    return 0;
}

/* Whether a value that a map of the segment makes is read elsewhere. */
static int is_wanted(const ct_group *g, int segment, int32_t value)
{
    if (g->values[value].access == DIRECT)
        return 1;
    for (int i = 0; i < g->nops; i++)
        if (!is_member(&g->ops[i], segment) && contains(g->ops[i].nin, g->ops[i].in, value))
            return 1;
    return 0;
}

/* Whether an op comes before the maps of its segment. What reads memory that they write over must;
 * what they make is read after them, and stores write over what they read. */
static int comes_first(const ct_group *g, const op *o)
{
    if (takes_rows(o->kind)) {
        int reads_made = 0;
        for (int k = 0; k < o->nin; k++)
            reads_made |= is_made(g, o->segment, o->in[k]);
        return !reads_made;
    }
    return o->kind == CT_LOAD || o->kind == CT_EXPAND || o->kind == CT_UNPICK
           || o->kind == CT_GATHER;
}

static void add_value(const ct_group *g, ct_pass *b, int *n, int32_t id)
{
    const value *v = &g->values[id];
    int one = v->is_scalar || v->level != b->level;
    b->places[*n] = id;
    b->values[*n] = v->spec;
    b->how[(*n)++] = one ? CT_ONE : CT_EACH;
}

/* Fill in the block of a segment that has maps. */
static int fill_block(const ct_group *g, int segment, ct_pass *b)
{
    int nops = 0, most = 0, n = 0, first = g->first[segment], end = g->first[segment + 1];
    for (int i = first; i < end; i++)
        if (is_member(&g->ops[i], segment)) {
            nops++;
            most += g->ops[i].nin + 1;
        }
    if (block_new(b, most, nops))
        return -1;
    b->level = segment & 1 ? CT_FULL : CT_KEPT;
    b->phase = segment & 1 ? segment / 2 : segment / 2 - 1;
    for (int i = first; i < end; i++) {
        const op *o = &g->ops[i];
        if (!is_member(o, segment))
            continue;
        b->ops[b->nops++] = o->spec;
        for (int k = 0; k < o->nin; k++)
            if (!is_made(g, segment, o->in[k]) && !contains(n, b->places, o->in[k]))
                add_value(g, b, &n, o->in[k]);
    }
    b->nin = n;
    for (int i = first; i < end; i++)
        if (is_member(&g->ops[i], segment) && is_wanted(g, segment, g->ops[i].out))
            add_value(g, b, &n, g->ops[i].out);
    b->nout = n - b->nin;
    return 0;
}

/* The ops of a segment with a block in place of its maps. */
static int merge_segment(ct_group *g, int segment, op *merged, int block)
{
    int n = 0, first = g->first[segment], end = g->first[segment + 1];
    for (int i = first; i < end; i++)
        if (!is_member(&g->ops[i], segment) && comes_first(g, &g->ops[i]))
            merged[n++] = g->ops[i];
    merged[n++] = (op){.kind = CT_BLOCK, .segment = segment, .level = g->blocks[block].level,
                       .out = g->blocks[block].places[g->blocks[block].nin], .block = block};
    for (int i = first; i < end; i++)
        if (!is_member(&g->ops[i], segment) && !comes_first(g, &g->ops[i]))
            merged[n++] = g->ops[i];
    return n;
}

int group_merge_maps(ct_group *g, int nsegments)
{
    op *merged = malloc(sizeof(op) * (g->nops + 1));
    g->blocks = calloc(nsegments, sizeof(ct_pass));
    int n = 0, status = merged && g->blocks ? 0 : -1;
    for (int s = 0; s < nsegments && !status; s++) {
        int maps = 0, first = g->first[s], end = g->first[s + 1];
        for (int i = first; i < end; i++)
            maps += is_member(&g->ops[i], s);
        if (maps) {
            status = fill_block(g, s, &g->blocks[g->nblocks++]);
            n += status ? 0 : merge_segment(g, s, merged + n, g->nblocks - 1);
        } else {
            memcpy(merged + n, g->ops + first, (end - first) * sizeof(op));
            n += end - first;
        }
    }
    if (!status) {
        memcpy(g->ops, merged, n * sizeof(op));
        g->nops = n;
        status = group_order_ops(g, nsegments);
    }
    free(merged);
    return status;
}

int ct_group_blocks(const ct_group *g, ct_pass **blocks)
{
    *blocks = g->blocks;
    return g->nblocks;
}
