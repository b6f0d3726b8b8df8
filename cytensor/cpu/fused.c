/* fused.c: plans and runs fused groups, tile by tile (see fused.h and docs/decisions/0001). */
#include "fused.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK 32                /* rows that a column reduction adds in order */
#define PARALLEL_COST 150000    /* additions below which waking threads does not pay */
#define ALIGN(n) (((n) + 63) & ~(int64_t)63)

enum mode { MAP, ROW, COLUMN };

/* How the elements of a value are reached while a tile is worked on. */
enum access { TILE, LONG, DIRECT, FIXED, STRIDED, ROWS, SINGLE };

typedef struct {
    int32_t level, dtype, item, source, operand;
    int32_t access;
    int32_t is_scalar;          /* one element serves the whole tile */
    int64_t at;                 /* TILE, STRIDED, LONG, ROWS, SINGLE: offset in its scratch area */
    int32_t nd;
    int64_t dims[CT_MAXDIM], strides[CT_MAXDIM];
} value;

typedef struct {
    int32_t kind, segment, level;
    int32_t out, nin, in[4];
    unsigned scalars;
    int32_t fold;               /* which fold, in order */
    int64_t counter_at;         /* where its counter lies in private scratch */
    void *fn, *fn2;
    char identity[16];
} op;

struct ct_group {
    enum mode mode;
    int64_t nk, nr, nc;         /* numbers of elements */
    int64_t tile_rows;          /* rows per tile */
    int64_t width;              /* COLUMN: columns per tile */
    int nvalues, nops, nphases, nfolds, levels;
    value *values;
    op *ops;
    int32_t *first;             /* first op of each segment */
    int64_t shared_bytes, private_bytes, tile_bytes;
    int64_t cost;
};

static ct_parallel_for pool_run;
static int (*pool_threads)(void);

void ct_group_use_pool(ct_parallel_for parallel_for, int (*threads)(void))
{
    pool_run = parallel_for;
    pool_threads = threads;
}

/* Segments in the order in which they run: single elements; then KEPT ops that need no
 * reduction; then per phase its block loop and the KEPT ops after it. */
static int segment_of(int level, int phase)
{
    return level == CT_ONE ? 0 : level == CT_KEPT ? 2 * phase + 3 : 2 * phase + 2;
}

/* ----- strided memory to and from tiles ----- */

/* Merge axes that follow each other in memory. Returns the number left; drops axes of size 1. */
static int merge_axes(int n, const int64_t *dims, const int64_t *strides,
                      int64_t *out_dims, int64_t *out_strides)
{
    int m = 0;
    for (int a = 0; a < n; a++) {
        if (dims[a] == 1)
            continue;
        if (m && out_strides[m - 1] == strides[a] * dims[a]) {
            out_dims[m - 1] *= dims[a];
            out_strides[m - 1] = strides[a];
        } else {
            out_dims[m] = dims[a];
            out_strides[m] = strides[a];
            m++;
        }
    }
    return m;
}

/* Where the linear index i lies: fills idx, returns the offset in bytes. */
static int64_t locate(const value *v, int64_t i, int64_t *idx)
{
    int64_t off = 0;
    for (int a = v->nd - 1; a >= 0; a--) {
        idx[a] = i % v->dims[a];
        i /= v->dims[a];
        off += idx[a] * v->strides[a];
    }
    return off;
}

/* Go `run` steps along the last axis, which takes at most to its end. */
static int64_t advance(const value *v, int64_t *idx, int64_t off, int64_t run)
{
    int a = v->nd - 1;
    idx[a] += run;
    off += run * v->strides[a];
    while (a > 0 && idx[a] == v->dims[a]) {
        off -= idx[a] * v->strides[a];
        idx[a--] = 0;
        idx[a]++;
        off += v->strides[a];
    }
    return off;
}

#define COPY_RUN(T) do { \
        T *o = (T *)out; \
        if (step == 0) { \
            const T x = *(const T *)in; \
            for (int64_t i = 0; i < run; i++) o[i] = x; \
        } else { \
            for (int64_t i = 0; i < run; i++) o[i] = *(const T *)(in + i * step); \
        } } while (0)

typedef struct { uint64_t a, b; } pair64;

static void copy_run(char *out, const char *in, int64_t step, int64_t run, int item)
{
    if (step == item) {
        memcpy(out, in, run * item);
        return;
    }
    switch (item) {
    case 1: COPY_RUN(uint8_t); break;
    case 2: COPY_RUN(uint16_t); break;
    case 4: COPY_RUN(uint32_t); break;
    case 8: COPY_RUN(uint64_t); break;
    default: COPY_RUN(pair64);
    }
}

#define SCATTER_RUN(T) do { \
        const T *x = (const T *)in; \
        for (int64_t i = 0; i < run; i++) *(T *)(out + i * step) = x[i]; } while (0)

static void scatter_run(char *out, const char *in, int64_t step, int64_t run, int item)
{
    switch (item) {
    case 1: SCATTER_RUN(uint8_t); break;
    case 2: SCATTER_RUN(uint16_t); break;
    case 4: SCATTER_RUN(uint32_t); break;
    case 8: SCATTER_RUN(uint64_t); break;
    default: SCATTER_RUN(pair64);
    }
}

#define IOTA_RUN(T) do { \
        T *o = (T *)out; \
        for (int64_t i = 0; i < run; i++) o[i] = (T)(from + i * step); } while (0)

static void iota_run(char *out, int64_t from, int64_t step, int64_t run, int dtype)
{
    switch (dtype) {
    case CT_I8: case CT_U8: IOTA_RUN(uint8_t); break;
    case CT_I16: case CT_U16: IOTA_RUN(uint16_t); break;
    case CT_I32: case CT_U32: IOTA_RUN(uint32_t); break;
    case CT_I64: case CT_U64: IOTA_RUN(int64_t); break;
    case CT_F32: IOTA_RUN(float); break;
    case CT_F64: IOTA_RUN(double); break;
    }
}

/* Bring elements [start, start + n) of a strided value into a tile. */
static void load(const value *v, char *out, const char *data, int64_t start, int64_t n)
{
    if (v->nd == 0) {
        if (v->source == CT_COUNT)
            iota_run(out, (int64_t)(intptr_t)data, 0, n, v->dtype);
        else
            copy_run(out, data, 0, n, v->item);
        return;
    }
    int64_t idx[CT_MAXDIM], last = v->nd - 1, step = v->strides[last];
    int64_t off = locate(v, start, idx);
    while (n > 0) {
        int64_t run = v->dims[last] - idx[last];
        run = run < n ? run : n;
        if (v->source == CT_COUNT)
            iota_run(out, (int64_t)(intptr_t)data + off, step, run, v->dtype);
        else
            copy_run(out, data + off, step, run, v->item);
        out += run * v->item;
        n -= run;
        off = advance(v, idx, off, run);
    }
}

/* Write a tile to elements [start, start + n) of a strided value. */
static void store(const value *v, const char *in, char *data, int64_t start, int64_t n)
{
    if (v->nd == 0) {
        memcpy(data, in, v->item);
        return;
    }
    int64_t idx[CT_MAXDIM], last = v->nd - 1, step = v->strides[last];
    int64_t off = locate(v, start, idx);
    while (n > 0) {
        int64_t run = v->dims[last] - idx[last];
        run = run < n ? run : n;
        if (step == v->item)
            memcpy(data + off, in, run * v->item);
        else
            scatter_run(data + off, in, step, run, v->item);
        in += run * v->item;
        n -= run;
        off = advance(v, idx, off, run);
    }
}

/* ----- planning ----- */

static int64_t product(int n, const int64_t *dims)
{
    int64_t total = 1;
    for (int a = 0; a < n; a++)
        total *= dims[a];
    return total;
}

/* The strides of an operand along the axes of its level, merged. */
static void place_operand(value *v, const ct_spec *s, const int64_t *dims, const int64_t *strides)
{
    int64_t d[CT_MAXDIM], st[CT_MAXDIM];
    int n = 0, naxes = s->nk + s->nr + s->nc;
    for (int a = 0; a < naxes; a++) {
        int reduced = a >= s->nk && a < s->nk + s->nr;
        if (v->level == CT_ONE || (v->level == CT_KEPT && reduced))
            continue;
        d[n] = dims[a];
        st[n++] = strides[a];
    }
    v->nd = merge_axes(n, d, st, v->dims, v->strides);
    if (v->nd == 1 && v->strides[0] == 0)
        v->nd = 0;
}

static void choose_tiles(ct_group *g, const ct_spec *s, const int64_t *dims)
{
    g->nk = product(s->nk, dims);
    g->nr = product(s->nr, dims + s->nk);
    g->nc = product(s->nc, dims + s->nk + s->nr);
    g->mode = s->nr == 0 ? MAP : s->nc == 0 ? ROW : COLUMN;
    if (g->mode == MAP) {
        g->tile_rows = CT_TILE;
    } else if (g->mode == ROW) {
        g->tile_rows = g->nr == 0 ? CT_TILE : g->nr > CT_TILE ? 1 : CT_TILE / g->nr;
    } else {
        g->width = g->nc < CT_TILE ? (g->nc ? g->nc : 1) : CT_TILE;
        int64_t fit = g->nc > CT_TILE ? 1 : CT_TILE / g->width;
        if (fit >= CHUNK) {
            g->tile_rows = fit / CHUNK * CHUNK;
        } else {
            g->tile_rows = 1;
            while (2 * g->tile_rows <= fit)
                g->tile_rows *= 2;
        }
    }
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
    return b->g->nvalues++;
}

static int is_array_reader(int kind)
{
    return kind == CT_FOLD || kind == CT_PICK || kind == CT_STORE;
}

/* Decide how each value of the spec is reached. */
static void place_values(ct_group *g, const ct_spec *s, const int64_t *dims,
                         const int64_t *strides)
{
    int naxes = s->nk + s->nr + s->nc, many_blocks = g->mode == ROW && g->nr > CT_TILE;
    for (int i = 0; i < s->nvalues; i++) {
        value *v = &g->values[i];
        const ct_spec_value *sv = &s->values[i];
        v->level = sv->level;
        v->dtype = sv->dtype;
        v->item = ct_itemsize[sv->dtype];
        v->source = sv->source;
        v->operand = sv->operand;
        if (sv->source == CT_COMPUTED) {
            v->access = v->level == CT_FULL ? TILE : v->level == CT_KEPT ? ROWS : SINGLE;
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
    }
    for (int i = 0; i < s->nops; i++)           /* folds and stores want arrays */
        for (int k = 0; k < s->ops[i].nin; k++) {
            value *v = &g->values[s->ops[i].in[k]];
            if (is_array_reader(s->ops[i].kind) && v->access == FIXED && v->level == CT_FULL) {
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
        if (v->source == CT_ARRAY && v->access == FIXED && v->level != CT_ONE) {
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
    int inner = o->kind == CT_FOLD || o->kind == CT_PICK;
    return (int64_t)segment_of(inner ? CT_FULL : o->level, o->phase) * s->nops + i;
}

/* Give outputs their memory directly where that is contiguous, and stores elsewhere. An output
 * that overwrites an operand must not be written before the operand's last reader has run. */
static void place_outputs(builder *b, const ct_spec *s, const int64_t *dims,
                          const int64_t *strides)
{
    ct_group *g = b->g;
    int naxes = s->nk + s->nr + s->nc;
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
                && (v->access == TILE || v->access == LONG || v->access == ROWS
                    || v->access == SINGLE)) {
            v->access = DIRECT;
            v->operand = k;
            if (v->level == CT_ONE)
                v->access = FIXED, v->is_scalar = 1;
            continue;
        }
        if (alias >= 0)
            phase = s->nphases > 0 ? s->nphases - 1 : 0;
        int target = add_value(b, v->level, v->dtype, STRIDED);
        out.access = STRIDED;
        g->values[target] = out;
        g->values[target].source = CT_ARRAY;
        add_op(b, CT_STORE, segment_of(v->level, phase), v->level,
               target, id);
    }
}

static void copy_ops(builder *b, const ct_spec *s)
{
    for (int i = 0; i < s->nops; i++) {
        const ct_spec_op *so = &s->ops[i];
        int inner = so->kind == CT_FOLD || so->kind == CT_PICK;
        op *o = add_op(b, so->kind, segment_of(inner ? CT_FULL : so->level, so->phase),
                       so->level, so->out, 0);
        o->nin = so->nin;
        memcpy(o->in, so->in, sizeof o->in);
        o->fn = so->fn;
        o->fn2 = so->fn2;
        memcpy(o->identity, so->identity, 16);
        if (so->kind == CT_FOLD)
            o->fold = b->g->nfolds++;
    }
}

/* Stable order by segment. */
static int order_ops(ct_group *g, int nsegments)
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
        int inner = (o.segment & 1) == 0 && o.segment > 0;      /* runs per block */
        for (int k = 0; k < o.nin; k++) {
            int id = o.in[k];
            value *v = &g->values[id];
            int again = many_blocks && inner && v->level == CT_FULL;
            int fresh = seen[2 * id] < 0 || (again && seen[2 * id] != o.segment);
            if (v->access == STRIDED && fresh) {
                int seg = v->level == CT_FULL ? o.segment : v->level == CT_ONE ? 0 : 1;
                add_op(b, CT_LOAD, seg, v->level, id, id);
                seen[2 * id] = o.segment;
            }
            int wants_rows = v->level == CT_KEPT && inner && o.kind != CT_PICK
                             && o.kind != CT_UNPICK;
            if (wants_rows && g->mode == ROW && g->tile_rows > 1 && !v->is_scalar) {
                if (seen[2 * id + 1] < 0) {
                    int full = add_value(b, CT_FULL, v->dtype, TILE);
                    add_op(b, CT_EXPAND, o.segment, CT_FULL, full, id);
                    seen[2 * id + 1] = full;
                }
                o.in[k] = seen[2 * id + 1];
            } else if (v->level == CT_ONE || v->is_scalar || wants_rows) {
                o.scalars |= 1u << k;
            }
        }
        g->ops[g->nops++] = o;
    }
    free(old);
    free(seen);
    return order_ops(g, nsegments);
}

/* Offsets in scratch: tiles are reused as soon as their last reader has run. */
static int assign_scratch(ct_group *g)
{
    int n = g->nvalues;
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
        last[g->ops[i].out] = i;
        for (int k = 0; k < g->ops[i].nin; k++)
            last[g->ops[i].in[k]] = i;
    }
    for (int i = 0; i < n; i++) {
        value *v = &g->values[i];
        int kept_load = v->access == STRIDED && v->level != CT_FULL;
        v->at = -1;
        if (v->access == ROWS || v->access == SINGLE || kept_load) {
            v->at = g->shared_bytes;
            g->shared_bytes += ALIGN(v->level == CT_ONE ? 16 : CT_TILE * v->item);
        } else if (v->access == LONG) {
            v->at = g->shared_bytes;
            g->shared_bytes += ALIGN(g->nr * v->item);
        }
    }
    for (int i = 0; i < g->nops; i++) {
        const op *o = &g->ops[i];
        int reusable = o->kind == CT_MAP;       /* a map may write over its input */
        for (int pass = 0; pass < 2; pass++) {
            if (pass == reusable) {
                value *v = &g->values[o->out];
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
                for (int k = 0; k < o->nin; k++) {
                    value *v = &g->values[o->in[k]];
                    int tile = v->access == TILE || (v->access == STRIDED
                                                     && v->level == CT_FULL);
                    if (!tile || last[o->in[k]] != i || o->kind == CT_LOAD)
                        continue;
                    last[o->in[k]] = -2;        /* once, if it is read twice */
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

static int64_t counter_bytes(const ct_group *g, const op *o)
{
    int item = g->values[o->in[0]].item;
    return ALIGN((g->mode == COLUMN ? g->width : 1) * item);
}

/* Room for the binary counter of each fold: a result and one partial result per level. */
static void assign_counters(ct_group *g)
{
    int64_t leaves = g->mode == COLUMN ? g->nr / CHUNK + 1 : g->nr / CT_TILE + 1;
    g->levels = 1;
    while (leaves >> g->levels)
        g->levels++;
    g->tile_bytes = g->private_bytes;           /* then the pointers, then the counters */
    g->private_bytes += ALIGN(sizeof(char *) * g->nvalues);
    for (int i = 0; i < g->nops; i++)
        if (g->ops[i].kind == CT_FOLD) {
            g->ops[i].counter_at = g->private_bytes;
            g->private_bytes += (g->levels + 1) * counter_bytes(g, &g->ops[i]);
        }
}

static void estimate_cost(ct_group *g, const ct_spec *s)
{
    int64_t per_element = 0, per_row = 0;
    for (int i = 0; i < s->nops; i++) {
        if (s->ops[i].level == CT_FULL || s->ops[i].kind == CT_FOLD)
            per_element += s->ops[i].weight;
        else
            per_row += s->ops[i].weight;
    }
    for (int i = 0; i < g->nops; i++)
        if (g->ops[i].kind == CT_LOAD || g->ops[i].kind == CT_STORE)
            per_element += 4;
    g->cost = g->nk * g->nc * (g->nr * per_element + per_row);
}

ct_group *ct_group_new(const ct_spec *s, const int64_t *dims, int noperands,
                       const int64_t *strides)
{
    (void)noperands;
    int most = 2 * (s->nvalues + s->nops + s->noutputs) + 4;
    int uses = 0, nsegments = 2 * (s->nphases > 0 ? s->nphases : 1) + 2;
    for (int i = 0; i < s->nops; i++)
        uses += s->ops[i].nin + 1;
    ct_group *g = calloc(1, sizeof *g);
    if (!g)
        return NULL;
    g->values = calloc(most + uses, sizeof(value));
    g->ops = calloc(most + 3 * uses, sizeof(op));
    g->first = calloc(nsegments + 1, sizeof(int32_t));
    g->nphases = s->nphases > 0 ? s->nphases : 1;
    g->nvalues = s->nvalues;
    builder b = {g, most + uses, most + 3 * uses};
    if (!g->values || !g->ops || !g->first)
        goto no_memory;
    choose_tiles(g, s, dims);
    place_values(g, s, dims, strides);
    copy_ops(&b, s);
    place_outputs(&b, s, dims, strides);
    if (order_ops(g, nsegments) || insert_moves(&b, nsegments) || assign_scratch(g))
        goto no_memory;
    assign_counters(g);
    estimate_cost(g, s);
    return g;
no_memory:
    ct_group_free(g);
    return NULL;
}

void ct_group_free(ct_group *g)
{
    if (!g)
        return;
    free(g->values);
    free(g->ops);
    free(g->first);
    free(g);
}

int64_t ct_group_cost(const ct_group *g)
{
    return g->cost;
}

/* ----- running ----- */

/* Combines results pairwise: level l of the stack holds the sum of 2^l leaves. */
typedef struct {
    char *result, *stack;
    int64_t size, count;        /* bytes per level; leaves so far */
} counter;

typedef struct {
    const ct_group *g;
    const ct_tensor *t;
    ct_call *call;
    char *shared, *private;     /* scratch: one shared area, one private area per thread */
    int64_t step, rows;         /* what one task takes */
    int64_t row;                /* of a row that several threads share */
    int phase;
    char *partials;             /* results of the tasks of one reduction */
    int64_t nsupers, super_rows, ntiles;
    int status;
} job;

/* What one thread works with. */
typedef struct {
    const job *j;
    char **ptr;                 /* where each value is now */
    char *private, *shared;
    int64_t start, row;         /* first element and first row of the tile */
} work;

static work new_work(const job *j, char *shared, int thread)
{
    const ct_group *g = j->g;
    char *private = j->private + thread * g->private_bytes;
    work w = {.j = j, .private = private, .shared = shared};
    w.ptr = (char **)(private + g->tile_bytes);
    for (int i = 0; i < g->nvalues; i++) {
        const value *v = &g->values[i];
        switch (v->access) {
        case TILE: w.ptr[i] = private + v->at; break;
        case STRIDED: w.ptr[i] = (v->level == CT_FULL ? private : shared) + v->at; break;
        case FIXED: w.ptr[i] = j->t[v->operand].data; break;
        default: w.ptr[i] = shared + v->at;
        }
    }
    return w;
}

/* Point the FULL values at the tile that begins at element `start`. */
static void at_elements(work *w, int64_t start, int64_t row_start)
{
    const ct_group *g = w->j->g;
    w->start = start;
    for (int i = 0; i < g->nvalues; i++) {
        const value *v = &g->values[i];
        if (v->level != CT_FULL)
            continue;
        if (v->access == DIRECT)
            w->ptr[i] = w->j->t[v->operand].data + start * v->item;
        else if (v->access == LONG)
            w->ptr[i] = w->shared + v->at + (start - row_start) * v->item;
    }
}

/* Point the KEPT values at the row `row`. */
static void at_rows(work *w, int64_t row)
{
    const ct_group *g = w->j->g;
    w->row = row;
    for (int i = 0; i < g->nvalues; i++) {
        const value *v = &g->values[i];
        if (v->level == CT_KEPT && v->access == DIRECT)
            w->ptr[i] = w->j->t[v->operand].data + row * v->item;
    }
}

static void expand(char *out, const char *in, int64_t rows, int64_t n, int item)
{
    for (int64_t r = 0; r < rows; r++)
        copy_run(out + r * n * item, in + r * item, 0, n, item);
}

static int bad_index(work *w, int64_t index, int64_t size)
{
    job *j = (job *)w->j;
    j->call->info[0] = index;
    j->call->info[1] = 0;
    j->call->info[2] = size;
    __atomic_store_n(&j->status, CT_INDEX, __ATOMIC_RELAXED);
    return CT_INDEX;
}

/* The column of row r that an index names, or -1 with the error noted. */
static int64_t picked(work *w, const op *o, int64_t r)
{
    int64_t nr = w->j->g->nr, i = ((const int64_t *)w->ptr[o->in[1]])[r];
    if (i < -nr || i >= nr) {
        bad_index(w, i, nr);
        return -1;
    }
    return i < 0 ? i + nr : i;
}

/* A block holds whole rows, or the columns [from, from + n) of one row. */
static void pick(work *w, const op *o, int64_t rows, int64_t n, int64_t from)
{
    int item = w->j->g->values[o->out].item;
    const char *x = w->ptr[o->in[0]];
    char *out = w->ptr[o->out];
    for (int64_t r = 0; r < rows; r++) {
        int64_t i = picked(w, o, r);
        if (i >= from && i < from + n)
            memcpy(out + r * item, x + (r * n + i - from) * item, item);
    }
}

static void unpick(work *w, const op *o, int64_t rows, int64_t n, int64_t from)
{
    int item = w->j->g->values[o->out].item;
    const char *grad = w->ptr[o->in[0]];
    char *out = w->ptr[o->out];
    memset(out, 0, rows * n * item);
    for (int64_t r = 0; r < rows; r++) {
        int64_t i = picked(w, o, r);
        if (i >= from && i < from + n)
            memcpy(out + (r * n + i - from) * item, grad + (o->scalars & 1 ? 0 : r * item), item);
    }
}

static void push(counter *c, ct_accumulate join, int64_t width, int item)
{
    char *at = c->stack;
    for (int64_t full = c->count; full & 1; full >>= 1, at += c->size) {
        join(1, width, at, c->result);
        memcpy(c->result, at, width * item);
    }
    memcpy(at, c->result, width * item);
    c->count++;
}

/* Combine what the counter holds into out: smaller runs first. */
static void finish(counter *c, ct_accumulate join, char *out, int64_t width, int item)
{
    char *at = c->stack;
    int first = 1;
    for (int64_t full = c->count; full; full >>= 1, at += c->size) {
        if (!(full & 1))
            continue;
        if (!first)
            join(1, width, at, out);
        memcpy(out, at, width * item);
        first = 0;
    }
}

static counter new_counter(const work *w, const op *o)
{
    int64_t size = counter_bytes(w->j->g, o);
    char *base = w->private + o->counter_at;
    return (counter){.result = base, .stack = base + size, .size = size};
}

static void map(work *w, const op *o, int64_t n)
{
    const void *in[4];
    for (int k = 0; k < o->nin; k++)
        in[k] = w->ptr[o->in[k]];
    ((ct_map)o->fn)(n, w->ptr[o->out], in, o->scalars);
}

/* Run the ops of one segment on a tile of n elements. Of a row of many blocks, `from` is the
 * first column, and folds go into `counters`; else the tile holds `rows` whole rows. */
static void run_segment(work *w, int segment, int64_t n, int64_t rows, int64_t cols, int64_t from,
                        counter *counters)
{
    const ct_group *g = w->j->g;
    for (int i = g->first[segment]; i < g->first[segment + 1]; i++) {
        const op *o = &g->ops[i];
        const value *out = &g->values[o->out];
        switch (o->kind) {
        case CT_MAP:
            map(w, o, n);
            break;
        case CT_LOAD:
            load(out, w->ptr[o->out], w->j->t[out->operand].data,
                 out->level == CT_FULL ? w->start : out->level == CT_KEPT ? w->row : 0, n);
            break;
        case CT_STORE:
            store(out, w->ptr[o->in[0]], w->j->t[out->operand].data,
                  out->level == CT_FULL ? w->start : out->level == CT_KEPT ? w->row : 0, n);
            break;
        case CT_EXPAND:
            expand(w->ptr[o->out], w->ptr[o->in[0]], rows, cols, out->item);
            break;
        case CT_FOLD:
            if (counters) {
                counter *c = &counters[o->fold];
                ((ct_fold)o->fn)(1, n, c->result, w->ptr[o->in[0]]);
                push(c, (ct_accumulate)o->fn2, 1, out->item);
            } else {
                ((ct_fold)o->fn)(rows, cols, w->ptr[o->out], w->ptr[o->in[0]]);
            }
            break;
        case CT_PICK:
            pick(w, o, rows, cols, from);
            break;
        case CT_UNPICK:
            unpick(w, o, rows, cols, from);
            break;
        }
    }
}

static void identities(work *w, int phase, int64_t rows)
{
    const ct_group *g = w->j->g;
    int segment = segment_of(CT_FULL, phase);
    for (int i = g->first[segment]; i < g->first[segment + 1]; i++) {
        const op *o = &g->ops[i];
        if (o->kind == CT_FOLD)
            copy_run(w->ptr[o->out], o->identity, 0, rows, g->values[o->out].item);
    }
}

/* Start counters for the folds of a phase. */
static void start_folds(work *w, int phase, counter *counters)
{
    const ct_group *g = w->j->g;
    int segment = segment_of(CT_FULL, phase);
    for (int i = g->first[segment]; i < g->first[segment + 1]; i++)
        if (g->ops[i].kind == CT_FOLD)
            counters[g->ops[i].fold] = new_counter(w, &g->ops[i]);
}

/* Blocks [first, last) of the row `row` in one phase. */
static void run_blocks(work *w, int phase, int64_t row, int64_t first, int64_t last,
                       counter *counters)
{
    int64_t nr = w->j->g->nr;
    for (int64_t b = first; b < last; b++) {
        int64_t from = b * CT_TILE, n = nr - from < CT_TILE ? nr - from : CT_TILE;
        at_elements(w, row * nr + from, row * nr);
        run_segment(w, segment_of(CT_FULL, phase), n, 1, n, from, counters);
    }
}

/* One row of many blocks. */
static void run_long_row(work *w, int64_t row)
{
    const ct_group *g = w->j->g;
    counter counters[g->nfolds + 1];
    int64_t blocks = (g->nr + CT_TILE - 1) / CT_TILE;
    at_rows(w, row);
    run_segment(w, segment_of(CT_KEPT, -1), 1, 1, 1, 0, NULL);
    for (int p = 0; p < g->nphases; p++) {
        start_folds(w, p, counters);
        run_blocks(w, p, row, 0, blocks, counters);
        int segment = segment_of(CT_FULL, p);
        for (int i = g->first[segment]; i < g->first[segment + 1]; i++) {
            const op *o = &g->ops[i];
            if (o->kind == CT_FOLD)
                finish(&counters[o->fold], (ct_accumulate)o->fn2, w->ptr[o->out], 1,
                       g->values[o->out].item);
        }
        run_segment(w, segment_of(CT_KEPT, p), 1, 1, 1, 0, NULL);
    }
}

/* A tile of whole rows. */
static void run_short_rows(work *w, int64_t row, int64_t rows)
{
    const ct_group *g = w->j->g;
    at_rows(w, row);
    at_elements(w, row * g->nr, 0);
    run_segment(w, segment_of(CT_KEPT, -1), rows, rows, g->nr, 0, NULL);
    for (int p = 0; p < g->nphases; p++) {
        if (g->nr)
            run_segment(w, segment_of(CT_FULL, p), rows * g->nr, rows, g->nr, 0, NULL);
        else
            identities(w, p, rows);
        run_segment(w, segment_of(CT_KEPT, p), rows, rows, g->nr, 0, NULL);
    }
}

static void run_ones(work *w)
{
    run_segment(w, 0, 1, 1, 1, 0, NULL);
}

static char *thread_shared(const job *j, int thread)
{
    return j->shared + thread * j->g->shared_bytes;
}

/* Rows [task * step, ...), or elements of a map. */
static void task_rows(void *ctx, int64_t task, int thread)
{
    const job *j = ctx;
    const ct_group *g = j->g;
    work w = new_work(j, thread_shared(j, thread), thread);
    int64_t end = (task + 1) * j->step;
    end = end < g->nk ? end : g->nk;
    run_ones(&w);
    for (int64_t r = task * j->step; r < end; r += g->tile_rows) {
        int64_t rows = end - r < g->tile_rows ? end - r : g->tile_rows;
        if (g->mode == MAP) {
            at_elements(&w, r, 0);
            run_segment(&w, segment_of(CT_FULL, 0), rows, rows, 1, 0, NULL);
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
    work w = new_work(j, j->shared, thread);
    counter counters[g->nfolds + 1];
    int64_t blocks = (g->nr + CT_TILE - 1) / CT_TILE, first = task * j->step;
    int64_t last = first + j->step < blocks ? first + j->step : blocks;
    at_rows(&w, j->row);
    start_folds(&w, j->phase, counters);
    run_blocks(&w, j->phase, j->row, first, last, counters);
    int segment = segment_of(CT_FULL, j->phase);
    for (int i = g->first[segment]; i < g->first[segment + 1]; i++) {
        const op *o = &g->ops[i];
        if (o->kind == CT_FOLD)
            finish(&counters[o->fold], (ct_accumulate)o->fn2,
                   j->partials + (task * g->nfolds + o->fold) * 16, 1, g->values[o->out].item);
    }
}

static int64_t power_of_two_at_least(int64_t n)
{
    int64_t p = 1;
    while (p < n)
        p *= 2;
    return p;
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
    work w = new_work(j, j->shared, 0);
    run_ones(&w);
    for (int64_t row = 0; row < g->nk; row++) {
        j->row = row;
        at_rows(&w, row);
        run_segment(&w, segment_of(CT_KEPT, -1), 1, 1, 1, 0, NULL);
        for (int p = 0; p < g->nphases; p++) {
            j->phase = p;
            pool_run(threads, ntasks, task_blocks, j);
            w = new_work(j, j->shared, 0);
            at_rows(&w, row);
            int segment = segment_of(CT_FULL, p);
            for (int i = g->first[segment]; i < g->first[segment + 1]; i++) {
                const op *o = &g->ops[i];
                if (o->kind != CT_FOLD)
                    continue;
                int item = g->values[o->out].item;
                counter c = new_counter(&w, o);
                for (int64_t task = 0; task < ntasks; task++) {
                    memcpy(c.result, j->partials + (task * g->nfolds + o->fold) * 16, item);
                    push(&c, (ct_accumulate)o->fn2, 1, item);
                }
                finish(&c, (ct_accumulate)o->fn2, w.ptr[o->out], 1, item);
            }
            run_segment(&w, segment_of(CT_KEPT, p), 1, 1, 1, 0, NULL);
        }
    }
    free(j->partials);
    return CT_OK;
}

/* ----- columns ----- */

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
            push(c, join, width, item);
    }
}

/* Rows [r0, r1) of the columns [c0, c0 + width) of the kept index k. */
static void run_columns(work *w, int64_t k, int64_t r0, int64_t r1, int64_t c0, int64_t width,
                        counter *counters)
{
    const ct_group *g = w->j->g;
    int segment = segment_of(CT_FULL, 0);
    start_folds(w, 0, counters);
    for (int64_t r = r0; r < r1; r += g->tile_rows) {
        int64_t rows = r1 - r < g->tile_rows ? r1 - r : g->tile_rows, n = rows * width;
        at_elements(w, (k * g->nr + r) * g->nc + c0, 0);
        for (int i = g->first[segment]; i < g->first[segment + 1]; i++) {
            const op *o = &g->ops[i];
            const value *out = &g->values[o->out];
            if (o->kind == CT_FOLD)
                accumulate(w, o, &counters[o->fold], r, rows, width);
            else if (o->kind == CT_MAP)
                map(w, o, n);
            else if (o->kind == CT_LOAD)
                load(out, w->ptr[o->out], w->j->t[out->operand].data, w->start, n);
            else
                store(out, w->ptr[o->in[0]], w->j->t[out->operand].data, w->start, n);
        }
    }
    for (int i = g->first[segment]; i < g->first[segment + 1]; i++) {
        const op *o = &g->ops[i];
        if (o->kind == CT_FOLD && r1 % CHUNK && r1 > r0)
            push(&counters[o->fold], (ct_accumulate)o->fn2, width, g->values[o->in[0]].item);
    }
}

static void finish_columns(work *w, int64_t k, int64_t c0, int64_t width, counter *counters)
{
    const ct_group *g = w->j->g;
    int segment = segment_of(CT_FULL, 0);
    at_rows(w, k * g->nc + c0);
    run_segment(w, segment_of(CT_KEPT, -1), width, width, 1, 0, NULL);
    if (g->nr == 0)
        identities(w, 0, width);
    for (int i = g->first[segment]; i < g->first[segment + 1] && g->nr; i++) {
        const op *o = &g->ops[i];
        if (o->kind == CT_FOLD)
            finish(&counters[o->fold], (ct_accumulate)o->fn2, w->ptr[o->out], width,
                   g->values[o->out].item);
    }
    run_segment(w, segment_of(CT_KEPT, 0), width, width, 1, 0, NULL);
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
    work w = new_work(j, thread_shared(j, thread), thread);
    counter counters[g->nfolds + 1];
    int64_t tiles_per_k = (g->nc + g->width - 1) / g->width;
    int64_t super = task % j->nsupers, tile = task / j->nsupers;
    int64_t k = tile / tiles_per_k, c0 = tile % tiles_per_k * g->width;
    int64_t width = g->nc - c0 < g->width ? g->nc - c0 : g->width;
    int64_t r0 = super * j->super_rows, r1 = r0 + j->super_rows;
    r1 = r1 < g->nr ? r1 : g->nr;
    run_ones(&w);
    run_columns(&w, k, r0, r1, c0, width, counters);
    if (j->nsupers == 1) {
        finish_columns(&w, k, c0, width, counters);
        return;
    }
    int segment = segment_of(CT_FULL, 0);
    for (int i = g->first[segment]; i < g->first[segment + 1]; i++) {
        const op *o = &g->ops[i];
        if (o->kind == CT_FOLD)
            finish(&counters[o->fold], (ct_accumulate)o->fn2,
                   j->partials + column_partial(j, super, tile, o->fold), width,
                   g->values[o->in[0]].item);
    }
}

/* Combine what the runs of rows of one column tile gave. */
static void task_join_columns(void *ctx, int64_t tile, int thread)
{
    const job *j = ctx;
    const ct_group *g = j->g;
    work w = new_work(j, thread_shared(j, thread), thread);
    counter counters[g->nfolds + 1];
    int64_t tiles_per_k = (g->nc + g->width - 1) / g->width;
    int64_t k = tile / tiles_per_k, c0 = tile % tiles_per_k * g->width;
    int64_t width = g->nc - c0 < g->width ? g->nc - c0 : g->width;
    int segment = segment_of(CT_FULL, 0);
    run_ones(&w);
    start_folds(&w, 0, counters);
    for (int i = g->first[segment]; i < g->first[segment + 1]; i++) {
        const op *o = &g->ops[i];
        if (o->kind != CT_FOLD)
            continue;
        int item = g->values[o->in[0]].item;
        for (int64_t s = 0; s < j->nsupers; s++) {
            memcpy(counters[o->fold].result, j->partials + column_partial(j, s, tile, o->fold),
                   width * item);
            push(&counters[o->fold], (ct_accumulate)o->fn2, width, item);
        }
    }
    finish_columns(&w, k, c0, width, counters);
}

static int run_column_group(job *j, int threads)
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
            pool_run(threads, j->ntiles, task_columns, j);
        else
            for (int64_t task = 0; task < j->ntiles; task++)
                task_columns(j, task, 0);
        return CT_OK;
    }
    j->partials = malloc(j->nsupers * j->ntiles * (g->nfolds + 1) * ALIGN(g->width * 16));
    if (!j->partials)
        return CT_MEMORY;
    pool_run(threads, j->ntiles * j->nsupers, task_columns, j);
    for (int64_t tile = 0; tile < j->ntiles; tile++)
        task_join_columns(j, tile, 0);
    free(j->partials);
    return CT_OK;
}

/* ----- scratch: one growing block per calling thread ----- */

static pthread_key_t scratch_key;
static pthread_once_t scratch_once = PTHREAD_ONCE_INIT;
static __thread char *scratch_block;
static __thread int64_t scratch_size;

static void make_scratch_key(void)
{
    pthread_key_create(&scratch_key, free);
}

static char *scratch(int64_t bytes)
{
    if (bytes > scratch_size) {
        pthread_once(&scratch_once, make_scratch_key);
        void *block = NULL;
        if (posix_memalign(&block, 64, bytes))
            return NULL;
        free(scratch_block);
        scratch_block = block;
        scratch_size = bytes;
        pthread_setspecific(scratch_key, block);
    }
    return scratch_block;
}

int ct_group_run(ct_call *call, int n, const ct_tensor *t, const int64_t *params)
{
    (void)n;
    const ct_group *g = (const ct_group *)(intptr_t)params[0];
    if (g->nk == 0 || (g->mode == COLUMN && g->nc == 0))
        return CT_OK;
    int threads = g->cost > PARALLEL_COST && pool_run ? pool_threads() : 1;
    char *block = scratch(threads * (g->shared_bytes + g->private_bytes));
    if (!block)
        return CT_MEMORY;
    job j = {.g = g, .t = t, .call = call, .shared = block,
             .private = block + threads * g->shared_bytes};
    int status = CT_OK;
    if (g->mode == COLUMN) {
        status = run_column_group(&j, threads);
    } else if (threads == 1) {
        j.step = g->nk;
        task_rows(&j, 0, 0);
    } else if (g->mode == ROW && g->nr > CT_TILE && g->nk < 2 * threads) {
        status = run_shared_rows(&j, threads);
    } else {
        int64_t tiles = (g->nk + g->tile_rows - 1) / g->tile_rows, each = tiles / (8 * threads);
        j.step = g->tile_rows * (each ? each : 1);
        pool_run(threads, (g->nk + j.step - 1) / j.step, task_rows, &j);
    }
    return status ? status : j.status;
}
