/* group_plan.c: works out a fused group for given sizes: tiles, accesses, scratch, order of ops. */
#include "group.h"

#include <stdlib.h>
#include <string.h>

#define LONG_LINE 256           /* elements of a row from which tiles of a map keep to it */

/* The strides of an operand along the axes of its level, merged. */
static void place_operand(value *v, const ct_spec *s, const int64_t *dims, const int64_t *strides)
{
    int64_t d[CT_MAXDIM], st[CT_MAXDIM];
    int n = 0, naxes = group_axes(s);
    for (int a = 0; a < naxes; a++) {
        int reduced = a >= s->nk && a < s->nk + s->nr;
        if (v->level == CT_KEPT && reduced)
            continue;
        d[n] = dims[a];
        st[n++] = strides[a];
    }
    v->nd = group_merge_axes(n, d, st, v->dims, v->strides);
    if (v->nd == 1 && v->strides[0] == 0)
        v->nd = 0;
}

/* What an op adds to the plan while it is being made. */
typedef struct {
    ct_group *g;
    int max_values, max_ops;
} builder;

static op *add_op(builder *b, int kind, int segment, int level, int out, int in)
{
    op *o = &b->g->ops[b->g->nops++];
    memset(o, 0, sizeof *o);
    o->kind = kind;
    o->segment = segment;
    o->level = level;
    o->out = out;
    o->nin = 1;
    o->in[0] = in;
    return o;
}

static int add_value(builder *b, int level, int dtype, int access)
{
    value *v = &b->g->values[b->g->nvalues];
    memset(v, 0, sizeof *v);
    v->level = level;
    v->dtype = dtype;
    v->item = ct_itemsize[dtype];
    v->access = access;
    v->spec = -1;
    return b->g->nvalues++;
}

static int is_array_reader(int kind)
{
    return takes_rows(kind) || kind == CT_STORE;
}

/* Whether an operand has no step along the axes [from, to). */
static int skips(const int64_t *dims, const int64_t *strides, int from, int to)
{
    for (int a = from; a < to; a++)
        if (dims[a] != 1 && strides[a] != 0)
            return 0;
    return 1;
}

/* In a map whose tiles keep to rows, a row of numbers that serves for all of them is read where it
 * lies, and a number that serves for a whole row is a scalar. */
static void place_in_lines(ct_group *g, value *v)
{
    const int64_t size = v->dims[1], outer = v->strides[0], inner = v->strides[1];
    if (v->nd != 2 || v->source != CT_ARRAY || size < LONG_LINE || (g->line && g->line != size))
        return;
    if (outer == 0 && inner == v->item) {
        v->access = LINE;
    } else if (inner == 0) {
        v->access = SPOT;
        v->is_scalar = 1;
    } else {
        return;
    }
    g->line = size;
}

/* A row of numbers that serves for all rows is read where it lies, if that can be; else it is
 * loaded as often as a tile has rows, once. A number that serves for a whole row of a column group
 * is a scalar of the tile. */
static void place_repeated(ct_group *g, value *v, const ct_spec *s, const int64_t *dims,
                           const int64_t *strides)
{
    if (v->level != CT_FULL || v->access != STRIDED || v->nd == 0)
        return;
    if (g->mode == MAP)
        place_in_lines(g, v);
    if (g->mode == ROW && skips(dims, strides, 0, s->nk)) {
        int lies = v->nd == 2 && v->dims[1] == g->nr && v->strides[1] == v->item
                   && v->source == CT_ARRAY;
        if (lies && g->tile_rows == 1)
            v->access = LINE;
        else
            v->is_constant = g->nr <= CT_TILE;
    }
    if (g->mode == COLUMN)
        v->is_constant = skips(dims, strides, s->nk, s->nk + s->nr);
    if (g->mode == COLUMN && g->tile_rows == 1 && v->source == CT_ARRAY
            && skips(dims, strides, s->nk + s->nr, s->nk + s->nr + s->nc)) {
        v->access = SPOT;
        v->is_scalar = 1;
        v->is_constant = 0;
    }
}

/* Decide how each value of the spec is reached. */
static void place_values(ct_group *g, const ct_spec *s, const int64_t *dims,
                         const int64_t *strides)
{
    int naxes = group_axes(s), many_blocks = g->mode == ROW && g->nr > CT_TILE;
    for (int i = 0; i < s->nvalues; i++) {
        value *v = &g->values[i];
        const ct_spec_value *sv = &s->values[i];
        v->level = sv->level;
        v->dtype = sv->dtype;
        v->item = ct_itemsize[sv->dtype];
        v->source = sv->source;
        v->operand = sv->operand;
        v->spec = i;
        if (sv->source == CT_COMPUTED) {
            v->access = v->level == CT_FULL ? TILE : ROWS;
            continue;
        }
        if (sv->source == CT_APART) {
            v->access = APART;
            continue;
        }
        place_operand(v, s, dims, strides + sv->operand * naxes);
        if (sv->source == CT_COUNT)
            v->access = STRIDED;
        else if (v->nd == 0)
            v->access = FIXED;
        else if (v->nd == 1 && v->strides[0] == v->item)
            v->access = DIRECT;
        else
            v->access = STRIDED;
        v->is_scalar = v->access == FIXED;
        place_repeated(g, v, s, dims, strides + sv->operand * naxes);
    }
    for (int i = 0; i < s->nops; i++)           /* folds and stores want arrays */
        for (int k = 0; k < s->ops[i].nin; k++) {
            value *v = &g->values[s->ops[i].in[k]];
            int one = v->access == FIXED || v->access == SPOT;
            if (is_array_reader(s->ops[i].kind) && one && v->level == CT_FULL) {
                v->access = STRIDED;
                v->is_scalar = 0;
            }
            if (s->ops[i].kind == CT_FOLD && v->access == FIXED && g->nk > 1) {
                v->access = STRIDED;
                v->is_scalar = 0;
            }
        }
    for (int i = 0; i < s->nops; i++) {         /* so do the indices of a pick */
        if (s->ops[i].kind != CT_PICK && s->ops[i].kind != CT_UNPICK)
            continue;
        value *v = &g->values[s->ops[i].in[1]];
        if (v->access == FIXED && g->nk > 1) {
            v->access = STRIDED;
            v->is_scalar = 0;
        }
    }
    for (int k = 0; k < s->noutputs; k++) {
        value *v = &g->values[s->output_value[k]];
        if (v->source == CT_ARRAY && (v->access == FIXED || v->access == SPOT)) {
            v->access = STRIDED;
            v->is_scalar = 0;
        }
    }
    if (many_blocks)                            /* what a later phase reads must outlive a block */
        for (int i = 0; i < s->nops; i++) {
            const ct_spec_op *o = &s->ops[i];
            for (int k = 0; k < o->nin; k++) {
                value *v = &g->values[o->in[k]];
                if (v->access != TILE)
                    continue;
                for (int j = 0; j < s->nops; j++)
                    if (s->ops[j].out == o->in[k] && s->ops[j].phase != o->phase)
                        v->access = LONG;
            }
        }
}

static int64_t run_order(const ct_spec *s, int i)
{
    const ct_spec_op *o = &s->ops[i];
    int inner = takes_rows(o->kind);
    return (int64_t)group_segment(inner ? CT_FULL : o->level, o->phase) * s->nops + i;
}

/* Give outputs their memory directly where that is contiguous, and stores elsewhere. An output
 * that overwrites an operand must not be written before the operand's last reader has run. */
static void place_outputs(builder *b, const ct_spec *s, const int64_t *dims,
                          const int64_t *strides)
{
    ct_group *g = b->g;
    int naxes = group_axes(s);
    for (int k = 0; k < s->noutputs; k++) {
        int id = s->output_value[k];
        int64_t made = -1, last_read = -1;
        value *v = &g->values[id];
        value out = *v;
        out.operand = k;
        place_operand(&out, s, dims, strides + k * naxes);
        int alias = s->output_alias[k], phase = s->nphases > 0 ? s->nphases - 1 : 0;
        for (int i = 0; i < s->nops; i++) {
            if (s->ops[i].out == id)
                made = run_order(s, i), phase = s->ops[i].phase;
            for (int j = 0; alias >= 0 && j < s->ops[i].nin; j++) {
                const ct_spec_value *r = &s->values[s->ops[i].in[j]];
                if (r->source == CT_ARRAY && r->operand == alias && run_order(s, i) > last_read)
                    last_read = run_order(s, i);
            }
        }
        int contiguous = out.nd == 0 || (out.nd == 1 && out.strides[0] == out.item);
        if (v->source == CT_COMPUTED && contiguous && last_read <= made
                && (v->access == TILE || v->access == LONG || v->access == ROWS)) {
            out.access = DIRECT;
            out.source = CT_COMPUTED;
            *v = out;
            continue;
        }
        if (alias >= 0)
            phase = s->nphases > 0 ? s->nphases - 1 : 0;
        int target = add_value(b, v->level, v->dtype, STRIDED);
        out.access = STRIDED;
        g->values[target] = out;
        g->values[target].source = CT_ARRAY;
        add_op(b, CT_STORE, group_segment(v->level, phase), v->level,
               target, id);
    }
}

static void copy_ops(builder *b, const ct_spec *s)
{
    for (int i = 0; i < s->nops; i++) {
        const ct_spec_op *so = &s->ops[i];
        int inner = takes_rows(so->kind);
        op *o = add_op(b, so->kind, group_segment(inner ? CT_FULL : so->level, so->phase),
                       so->level, so->out, 0);
        if (so->kind == CT_SCATTER) {
            o->segment = b->g->last;
            b->g->nscatters++;
        }
        o->nin = so->nin;
        memcpy(o->in, so->in, sizeof o->in);
        o->spec = i;
        o->fn = so->fn;
        o->fn2 = so->fn2;
        memcpy(o->identity, so->identity, 16);
        if (is_counted(so->kind))
            o->fold = b->g->nfolds++;
    }
}

int group_order_ops(ct_group *g, int nsegments)
{
    op *sorted = malloc(sizeof(op) * (g->nops + 1));
    if (!sorted)
        return -1;
    int n = 0;
    for (int seg = 0; seg < nsegments; seg++) {
        g->first[seg] = n;
        for (int i = 0; i < g->nops; i++)
            if (g->ops[i].segment == seg)
                sorted[n++] = g->ops[i];
    }
    g->first[nsegments] = n;
    memcpy(g->ops, sorted, sizeof(op) * n);
    free(sorted);
    return 0;
}

/* Put loads and expansions before their first use, and scalars into the masks. `seen` remembers,
 * per value, where it was brought in last, and as which value. */
static int insert_moves(builder *b, int nsegments)
{
    ct_group *g = b->g;
    int nold = g->nops, nvalues = g->nvalues, many_blocks = g->mode == ROW && g->nr > CT_TILE;
    op *old = malloc(sizeof(op) * (nold + 1));
    int32_t *seen = malloc(sizeof(int32_t) * 2 * (nvalues + 1));
    if (!old || !seen) {
        free(old);
        free(seen);
        return -1;
    }
    memcpy(old, g->ops, sizeof(op) * nold);
    for (int i = 0; i < 2 * nvalues; i++)
        seen[i] = -1;
    g->nops = 0;
    for (int i = 0; i < nold; i++) {
        op o = old[i];
        int inner = o.segment & 1;                  /* runs per block */
        for (int k = 0; k < o.nin; k++) {
            int id = o.in[k];
            value *v = &g->values[id];
            if (v->access == APART)
                continue;
            int again = many_blocks && inner && v->level == CT_FULL;
            int fresh = seen[2 * id] < 0 || (again && seen[2 * id] != o.segment);
            if (v->access == STRIDED && fresh) {
                int seg = v->is_constant ? g->once : v->level == CT_FULL ? o.segment : 0;
                add_op(b, CT_LOAD, seg, v->level, id, id);
                seen[2 * id] = o.segment;
            }
            int wants_rows = v->level == CT_KEPT && inner && o.kind != CT_PICK
                             && o.kind != CT_UNPICK && o.kind != CT_FOLD;
            if (wants_rows && g->by_rows && o.kind == CT_MAP)
                continue;
            if (wants_rows && g->mode == ROW && g->tile_rows > 1 && !v->is_scalar) {
                if (seen[2 * id + 1] < 0) {
                    int full = add_value(b, CT_FULL, v->dtype, TILE);
                    g->values[full].spec = id;
                    add_op(b, CT_EXPAND, o.segment, CT_FULL, full, id);
                    seen[2 * id + 1] = full;
                }
                o.in[k] = seen[2 * id + 1];
            } else if (v->is_scalar || wants_rows) {
                o.scalars |= 1u << k;
            }
        }
        g->ops[g->nops++] = o;
    }
    free(old);
    free(seen);
    return group_order_ops(g, nsegments + 2);
}

/* Offsets in scratch: tiles are reused as soon as their last reader has run. */
static int assign_scratch(ct_group *g)
{
    const int n = g->nvalues;
    const int64_t room = g->width > CT_TILE ? g->width : CT_TILE;
    int32_t *last = malloc(sizeof(int32_t) * (n + 1));
    int64_t *free_at = malloc(sizeof(int64_t) * (n + 1));
    int32_t *free_item = malloc(sizeof(int32_t) * (n + 1));
    int nfree = 0;
    if (!last || !free_at || !free_item) {
        free(last);
        free(free_at);
        free(free_item);
        return -1;
    }
    for (int i = 0; i < n; i++)
        last[i] = -1;
    for (int i = 0; i < g->nops; i++) {
        const int32_t *ids;
        for (int k = group_op_outputs(g, &g->ops[i], &ids); k-- > 0;)
            last[ids[k]] = i;
        for (int k = group_op_inputs(g, &g->ops[i], &ids); k-- > 0;)
            last[ids[k]] = i;
    }
    for (int i = 0; i < n; i++) {
        value *v = &g->values[i];
        int kept_load = v->access == STRIDED && v->level != CT_FULL;
        v->at = -1;
        if (v->access == ROWS || kept_load) {
            v->at = g->shared_bytes;
            g->shared_bytes += ALIGN(room * v->item);
        } else if (v->is_constant) {
            v->at = g->private_bytes;
            g->private_bytes += ALIGN(CT_TILE * v->item);
        } else if (v->access == LONG) {
            v->at = g->shared_bytes;
            g->shared_bytes += ALIGN(g->nr * v->item);
        }
    }
    for (int i = 0; i < g->nops; i++) {
        const op *o = &g->ops[i];
        int reusable = o->kind == CT_MAP || o->kind == CT_BLOCK;    /* may write over inputs */
        const int32_t *ids;
        for (int pass = 0; pass < 2; pass++) {
            int count = pass == reusable ? group_op_outputs(g, o, &ids)
                                         : group_op_inputs(g, o, &ids);
            for (int k = 0; k < count; k++) {
                value *v = &g->values[ids[k]];
                if (pass == reusable) {
                    int tile = v->at < 0 && (v->access == TILE || (o->kind == CT_LOAD
                                                                   && v->level == CT_FULL));
                    int found = -1;
                    for (int f = 0; tile && f < nfree; f++)     /* the last one freed */
                        if (free_item[f] == v->item)
                            found = f;
                    if (found >= 0) {
                        v->at = free_at[found];
                        free_at[found] = free_at[--nfree];
                        free_item[found] = free_item[nfree];
                    } else if (tile) {
                        v->at = g->private_bytes;
                        g->private_bytes += ALIGN(CT_TILE * v->item);
                    }
                } else {
                    int tile = v->access == TILE || (v->access == STRIDED && !v->is_constant
                                                     && v->level == CT_FULL);
                    if (!tile || last[ids[k]] != i || o->kind == CT_LOAD)
                        continue;
                    last[ids[k]] = -2;          /* once, if it is read twice */
                    free_at[nfree] = v->at;
                    free_item[nfree++] = v->item;
                }
            }
        }
    }
    free(last);
    free(free_at);
    free(free_item);
    return 0;
}

/* Room for the binary counter of each fold: a result and one partial result per level. */
static void assign_counters(ct_group *g)
{
    g->band = group_band(g);
    int64_t leaves = g->mode == COLUMN ? g->nr / CHUNK + 1 : g->nr / CT_TILE + 1;
    g->levels = 1;
    while (leaves >> g->levels)
        g->levels++;
    g->tile_bytes = g->private_bytes;           /* then the pointers, then the counters */
    g->private_bytes += ALIGN(sizeof(char *) * g->nvalues);
    for (int i = 0; i < g->nops; i++)
        if (is_counted(g->ops[i].kind)) {
            g->ops[i].counter_at = g->private_bytes;
            g->private_bytes += g->band * (g->levels + 1) * counter_bytes(g, &g->ops[i]);
        }
}

static void estimate_cost(ct_group *g, const ct_spec *s)
{
    int64_t per_element = 0, per_row = 0;
    for (int i = 0; i < s->nops; i++) {
        if (s->ops[i].level == CT_FULL || is_counted(s->ops[i].kind))
            per_element += s->ops[i].weight;
        else
            per_row += s->ops[i].weight;
    }
    for (int i = 0; i < g->nops; i++)
        if (g->ops[i].kind == CT_LOAD || g->ops[i].kind == CT_STORE)
            per_element += 4;
    g->cost = g->nk * g->nc * (g->nr * per_element + per_row);
}

static int moves(const ct_group *g, const value *v)
{
    int in_blocks = v->access == LONG || (v->access == LINE && (g->line || g->nr > CT_TILE));
    return v->access == DIRECT || v->access == SPOT || (v->level == CT_FULL && in_blocks);
}

/* List what lies elsewhere in each tile, so that going to the next one is little work. */
static int list_moving(ct_group *g)
{
    for (int level = CT_FULL; level <= CT_KEPT; level++) {
        g->moving[level] = malloc(sizeof(moving) * (g->nvalues + 1));
        if (!g->moving[level])
            return -1;
    }
    for (int i = 0; i < g->nvalues; i++) {
        const value *v = &g->values[i];
        if (moves(g, v))
            g->moving[v->level][g->nmoving[v->level]++] = (moving){
                i, v->operand, v->item, v->access, v->at};
    }
    return 0;
}

/* A copy of what describes the group, to plan it again. */
static int keep_description(ct_group *g, const ct_spec *s, const int64_t *dims, int noperands,
                            const int64_t *strides)
{
    int naxes = group_axes(s);
    g->spec = s;
    g->noperands = noperands;
    g->dims = malloc((naxes + 1) * sizeof *dims);
    g->strides = malloc((naxes * noperands + 1) * sizeof *strides);
    if (!g->dims || !g->strides)
        return -1;
    memcpy(g->dims, dims, naxes * sizeof *dims);
    memcpy(g->strides, strides, naxes * noperands * sizeof *strides);
    return 0;
}

static ct_group *make_group(const ct_spec *s, const int64_t *dims, int noperands,
                            const int64_t *strides, int in_blocks, int whole)
{
    int most = 2 * (s->nvalues + s->nops + s->noutputs) + 4;
    int uses = 0, nsegments = 2 * (s->nphases > 0 ? s->nphases : 1) + 1;
    for (int i = 0; i < s->nops; i++)
        uses += s->ops[i].nin + 1;
    ct_group *g = calloc(1, sizeof *g);
    if (!g)
        return NULL;
    g->values = calloc(most + uses, sizeof(value));
    g->ops = calloc(most + 3 * uses, sizeof(op));
    g->first = calloc(nsegments + 3, sizeof(int32_t));
    g->once = nsegments;
    g->last = nsegments + 1;
    g->nphases = s->nphases > 0 ? s->nphases : 1;
    g->nvalues = s->nvalues;
    builder b = {g, most + uses, most + 3 * uses};
    if (!g->values || !g->ops || !g->first || keep_description(g, s, dims, noperands, strides))
        goto no_memory;
    group_choose_tiles(g, s, dims);
    g->run = 1;
    g->in_blocks = in_blocks;
    g->by_rows = in_blocks && g->mode == ROW && g->tile_rows > 1 && g->nr >= SHORT_ROW;
    int nest = in_blocks && group_is_nest(g) ? group_make_nest(g) : 0;
    int rows = whole && !nest ? group_make_whole(g) : 0;
    if (nest < 0 || rows < 0)
        goto no_memory;
    if (nest || rows) {
        estimate_cost(g, s);
        return g;
    }
    place_values(g, s, dims, strides);
    copy_ops(&b, s);
    place_outputs(&b, s, dims, strides);
    if (group_order_ops(g, nsegments + 2) || insert_moves(&b, nsegments)
            || (in_blocks && group_merge_maps(g, nsegments + 2)))
        goto no_memory;
    if (whole && group_make_sums(g) > 0)
        group_order_ops(g, nsegments + 2);
    group_lengthen_tiles(g);
    if (assign_scratch(g) || group_list_gathers(g)
            || list_moving(g) || group_list_fetches(g))
        goto no_memory;
    group_hold_tiles(g);
    assign_counters(g);
    estimate_cost(g, s);
    group_fit_tiles(g);
    return g;
no_memory:
    ct_group_free(g);
    return NULL;
}

ct_group *ct_group_new(const ct_spec *s, const int64_t *dims, int noperands,
                       const int64_t *strides)
{
    return make_group(s, dims, noperands, strides, 0, 0);
}

ct_group *ct_group_in_blocks(const ct_group *g, int whole)
{
    return make_group(g->spec, g->dims, g->noperands, g->strides, 1, whole);
}

void ct_group_free(ct_group *g)
{
    if (!g)
        return;
    ct_group_free(g->better);
    for (int i = 0; i < g->nblocks; i++)
        free(g->blocks[i].values);
    free(g->blocks);
    free(g->nest.strides);
    free(g->dims);
    free(g->strides);
    free(g->values);
    free(g->ops);
    free(g->first);
    free(g->fetches);
    free(g->gathers);
    free(g->moving[CT_FULL]);
    free(g->moving[CT_KEPT]);
    free(g);
}

int64_t ct_group_cost(const ct_group *g)
{
    return g->cost;
}
