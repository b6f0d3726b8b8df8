/* group_gather.c: tiles of rows that indices name, and which index was out of bounds.
 *
 * A gather walks over the axes of its level, merged for table and indices alike. Along the last
 * one either the indices stay, so that a part of one row is copied, or they change from element to
 * element. */
#include "group_cursor.h"

#include <stdlib.h>
#include <string.h>

#define ITEMS_AHEAD 64          /* elements from one to one that is fetched in advance */
#define AHEAD 6                 /* rows from one to one that is fetched in advance */
#define FETCHED 1024            /* bytes of it; the rest is foreseen by the hardware */

/* ----- the plan ----- */

/* Whether the axis `a` goes on where the merged axis `m` makes one step, in all strides. */
static int follows(int nlanes, int64_t *const *lanes, const int64_t *const *strides,
                   int64_t size, int m, int a)
{
    for (int k = 0; k < nlanes; k++)
        if (lanes[k][m] != strides[k][a] * size)
            return 0;
    return 1;
}

/* Merge the axes of the level of an op. */
static void merge_axes(const ct_group *g, const op *o, gathering *p)
{
    const ct_spec *s = g->spec;
    const int naxes = group_axes(s), nlanes = 1 + p->nindices;
    int64_t *lanes[1 + MOST_INDICES] = {p->row};
    const int64_t *strides[1 + MOST_INDICES] = {g->strides + p->table * naxes};
    for (int k = 0; k < p->nindices; k++) {
        lanes[1 + k] = p->steps[k];
        strides[1 + k] = g->strides + p->indices[k] * naxes;
    }
    for (int a = 0; a < naxes; a++) {
        const int is_reduced = a >= s->nk && a < s->nk + s->nr;
        if (g->dims[a] == 1 || (is_reduced && o->level == CT_KEPT))
            continue;
        if (p->nd && follows(nlanes, lanes, strides, g->dims[a], p->nd - 1, a))
            p->dims[p->nd - 1] *= g->dims[a];
        else
            p->dims[p->nd++] = g->dims[a];
        for (int k = 0; k < nlanes; k++)
            lanes[k][p->nd - 1] = strides[k][a];
    }
    if (p->nd == 0)
        p->dims[p->nd++] = 1;
}

/* List where the ops of a group that have indices find their elements. */
int group_list_gathers(ct_group *g)
{
    for (int i = 0; i < g->nops; i++)
        if (has_indices(g->ops[i].kind))
            g->ops[i].gather = g->ngathers++;
    if (g->ngathers == 0)
        return 0;
    g->gathers = calloc(g->ngathers, sizeof *g->gathers);
    if (!g->gathers)
        return -1;
    for (int i = 0; i < g->nops; i++) {
        const op *o = &g->ops[i];
        if (!has_indices(o->kind))
            continue;
        gathering *p = &g->gathers[o->gather];
        p->nindices = o->nin - 1;
        p->table = g->values[o->kind == CT_GATHER ? o->in[0] : o->out].operand;
        for (int k = 0; k < p->nindices; k++)
            p->indices[k] = g->values[o->in[1 + k]].operand;
        merge_axes(g, o, p);
    }
    return 0;
}

/* ----- indices out of bounds -----
 *
 * A tile only notes that there is one. Then all indices are looked at in order, so that the error
 * depends neither on threads nor on tiles. */

/* The axes that the indices of a gather have in common; returns their number. */
static int axes_of(const gathering *p, const ct_tensor *t, int64_t *dims)
{
    const int ndim = t[p->indices[0]].ndim;
    for (int a = 0; a < ndim; a++) {
        dims[a] = 1;
        for (int k = 0; k < p->nindices; k++)
            if (t[p->indices[k]].dims[a] != 1)
                dims[a] = t[p->indices[k]].dims[a];
    }
    return ndim;
}

/* The index of an array at a place in the C order of the common axes. */
static int64_t index_of(const ct_tensor *indices, const int64_t *dims, int64_t place)
{
    const char *at = indices->data;
    for (int a = indices->ndim - 1; a >= 0; place /= dims[a--])
        at += indices->dims[a] == 1 ? 0 : place % dims[a] * indices->strides[a];
    return *(const int64_t *)at;
}

/* Describe the first bad index of a gather; returns whether it has one. */
static int find_bad(const job *j, const gathering *p, int op)
{
    int64_t dims[CT_MAXDIM], count = 1;
    for (int a = axes_of(p, j->t, dims) - 1; a >= 0; a--)
        count *= dims[a];
    for (int64_t place = 0; place < count; place++)
        for (int k = 0; k < p->nindices; k++) {
            const int64_t size = j->t[p->table].dims[k];
            const int64_t index = index_of(&j->t[p->indices[k]], dims, place);
            if (index >= -size && index < size)
                continue;
            const int64_t info[4] = {index, k, size, op};
            memcpy(j->call->info, info, sizeof info);
            return 1;
        }
    return 0;
}

/* Look at all indices of a group. */
void group_check_indices(job *j)
{
    const ct_group *g = j->g;
    for (int i = 0; i < g->nops; i++)
        if (has_indices(g->ops[i].kind)
                && find_bad(j, &g->gathers[g->ops[i].gather], g->ops[i].spec)) {
            j->status = CT_INDEX;
            return;
        }
}

/* ----- a tile ----- */

/* ----- elements whose indices change along the last axis ----- */

/* One index array, checked on the way. Returns whether all were within bounds. */
#define CHECKED(T, STEP, BYTES, ROW, FETCH) \
    for (int64_t i = 0; i < n; i++) { \
        int64_t index = *(const int64_t *)(at + i * (STEP)); \
        index += index < 0 ? size : 0; \
        if (__builtin_expect((uint64_t)index >= (uint64_t)size, 0)) \
            return 0; \
        ((T *)out)[i] = *(const T *)(in + index * (BYTES) + i * (ROW)); \
        FETCH; \
    }
#define FETCH_LATER(T) \
    __builtin_prefetch((const T *)in + *(const int64_t *)(at + (i + ITEMS_AHEAD) * 8))

#define CHECKED_ITEMS(T) do { \
        if (step != 8 || bytes != sizeof(T) || row != 0) { \
            CHECKED(T, step, bytes, row, ) \
        } else if (fetches) { \
            CHECKED(T, 8, (int64_t)sizeof(T), 0, FETCH_LATER(T)) \
        } else { \
            CHECKED(T, 8, (int64_t)sizeof(T), 0, ) \
        } } while (0)

#define ITEMS(T) do { \
        for (int64_t i = 0; i < n; i++) \
            ((T *)out)[i] = *(const T *)place_of(c, last, i); \
    } while (0)

typedef struct { uint64_t a, b; } pair64;

static int checked_items(const cursor *c, char *out, int64_t n, int item)
{
    const int last = c->p->nd - 1;
    const char *in = c->row, *at = c->at[0];
    const int64_t step = c->p->steps[0][last], row = c->p->row[last];
    const int64_t size = c->table->dims[0], bytes = c->table->strides[0];
    const int fetches = size * bytes > CACHE_BYTES / 2
                        && c->idx[last] + n + ITEMS_AHEAD <= c->p->dims[last];
    switch (item) {
    case 1: CHECKED_ITEMS(uint8_t); break;
    case 2: CHECKED_ITEMS(uint16_t); break;
    case 4: CHECKED_ITEMS(uint32_t); break;
    case 8: CHECKED_ITEMS(uint64_t); break;
    default: CHECKED_ITEMS(pair64);
    }
    return 1;
}

static void get_items(const cursor *c, char *out, int64_t n, int item)
{
    const int last = c->p->nd - 1;
    switch (item) {
    case 1: ITEMS(uint8_t); break;
    case 2: ITEMS(uint16_t); break;
    case 4: ITEMS(uint32_t); break;
    case 8: ITEMS(uint64_t); break;
    default: ITEMS(pair64);
    }
}

static void gather_items(cursor *c, char *out, int64_t n, int item)
{
    const int last = c->p->nd - 1;
    for (int64_t some; n > 0; n -= some, out += some * item) {
        some = ct_least(n, c->p->dims[last] - c->idx[last]);
        if (c->p->nindices > 1 || !checked_items(c, out, some, item)) {
            if (are_within(c, last, some))
                get_items(c, out, some, item);
            else
                memset(out, 0, some * item);
        }
        advance(c, last, some);
    }
}

/* ----- rows: the indices stay the same along the last axis ----- */

/* Copy some bytes: few of them without a call, in two pieces that may overlap. */
static inline void copy_bytes(char *out, const char *in, int64_t n)
{
    char first[16], last[16];
    if (n < 8 || n > 32) {
        memcpy(out, in, n);
    } else if (n <= 16) {
        memcpy(first, in, 8);
        memcpy(last, in + n - 8, 8);
        memcpy(out, first, 8);
        memcpy(out + n - 8, last, 8);
    } else {
        memcpy(first, in, 16);
        memcpy(last, in + n - 16, 16);
        memcpy(out, first, 16);
        memcpy(out + n - 16, last, 16);
    }
}

/* Copy rows of contiguous bytes that one index array names; of the first `fetched` of them, ask for
 * one that comes soon, maybe in the next tile. Returns whether all were within bounds. */
static inline __attribute__((always_inline)) int copy_rows(
    const cursor *c, int a, char *out, int64_t rows, int64_t fetched, int64_t bytes)
{
    const char *in = c->row, *at = c->at[0];
    const int64_t step = c->p->steps[0][a], row = c->p->row[a];
    const int64_t size = c->table->dims[0], stride = c->table->strides[0];
    for (int64_t i = 0; i < rows; i++) {
        int64_t index = *(const int64_t *)(at + i * step);
        index += index < 0 ? size : 0;
        if (__builtin_expect((uint64_t)index >= (uint64_t)size, 0))
            return 0;
        if (i < fetched) {
            const int64_t next = *(const int64_t *)(at + (i + AHEAD) * step);
            const char *from = in + (next + (next < 0 ? size : 0)) * stride;
            for (int64_t b = 0; b < ct_least(bytes, FETCHED); b += CACHE_LINE)
                __builtin_prefetch(from + b);
        }
        copy_bytes(out + i * bytes, in + index * stride + i * row, bytes);
    }
    return 1;
}

static int copy_whole(const cursor *c, int a, char *out, int64_t rows, int64_t fetched,
                      int64_t bytes)
{
    switch (bytes) {            /* lengths of many tables */
    case 16: return copy_rows(c, a, out, rows, fetched, 16);
    case 32: return copy_rows(c, a, out, rows, fetched, 32);
    case 64: return copy_rows(c, a, out, rows, fetched, 64);
    default: return copy_rows(c, a, out, rows, fetched, bytes);
    }
}

static void gather_whole(cursor *c, char *out, int64_t rows, int item)
{
    const int last = c->p->nd - 1, a = last - 1;
    const int64_t length = c->p->dims[last], fetched = c->p->dims[a] - c->idx[a] - AHEAD;
    if (c->p->nindices == 1 && c->p->row[last] == item
            && copy_whole(c, a, out, rows, fetched, length * item))
        return;
    if (!are_within(c, a, rows)) {
        memset(out, 0, rows * length * item);
        return;
    }
    for (int64_t i = 0; i < rows; i++)
        group_copy_run(out + i * length * item, place_of(c, a, i), c->p->row[last], length, item);
}

static void gather_part(const cursor *c, char *out, int64_t n, int item)
{
    const int last = c->p->nd - 1;
    if (are_within(c, last, 1))
        group_copy_run(out, place_of(c, last, 0), c->p->row[last], n, item);
    else
        memset(out, 0, n * item);
}

static void gather_rows(cursor *c, char *out, int64_t n, int item)
{
    const int last = c->p->nd - 1;
    const int64_t length = c->p->dims[last];
    for (int64_t some; n > 0; n -= some, out += some * item) {
        if (last > 0 && c->idx[last] == 0 && n >= length) {
            const int64_t rows = ct_least(n / length, c->p->dims[last - 1] - c->idx[last - 1]);
            some = rows * length;
            gather_whole(c, out, rows, item);
            advance(c, last - 1, rows);
        } else {
            some = ct_least(n, length - c->idx[last]);
            gather_part(c, out, some, item);
            advance(c, last, some);
        }
    }
}

/* Fill a tile of n elements. */
void group_gather(work *w, const op *o, int64_t n)
{
    const ct_group *g = w->j->g;
    cursor c;
    start_at(&c, w->j, o, o->level == CT_FULL ? w->start : w->row);
    (are_rows(c.p) ? gather_rows : gather_items)(&c, w->ptr[o->out], n, g->values[o->out].item);
}
