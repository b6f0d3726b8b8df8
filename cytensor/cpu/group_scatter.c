/* group_scatter.c: tiles that are added to rows of a table, in the order of the indices.
 *
 * Each thread computes some tiles, and adds them when all that come before have been added: so the
 * sums are those of one thread. What the next tile is added to is fetched while it is computed. */
#include "group_cursor.h"
#include "nest.h"

#include <sched.h>

#define HELD 16                 /* tiles that a thread computes before it adds them */
#define SPINS 2000              /* looks at whose turn it is before others may run on this core */
#define AHEAD 6                 /* rows, or a tile, from one to one that is fetched in advance */
#define FETCHED 1024            /* bytes of it; the rest is foreseen by the hardware */

/* ----- some rows, or elements ----- */

/* Ask for what comes `ahead` steps later. */
static inline void fetch_row(const cursor *c, int a, int64_t i, int64_t bytes)
{
    const char *to = place_of(c, a, i);
    for (int64_t b = 0; b < ct_least(bytes, FETCHED); b += CACHE_LINE)
        __builtin_prefetch(to + b, 1);
}

/* Of the first `fetched` of n rows, those that come `ahead` later are asked for. Elements of rows
 * lie one after the other. */
#define DEFINE_ADD(name, T)                                                                       \
CT_CLONES static void add_##name(const cursor *c, int a, const char *from, int64_t n,             \
                                 int64_t length, int64_t fetched, int64_t ahead)                  \
{                                                                                                 \
    const T *y = (const T *)from;                                                                 \
    for (int64_t i = 0; i < n; i++, y += length) {                                                \
        T *to = (T *)place_of(c, a, i);                                                           \
        if (i < fetched)                                                                          \
            fetch_row(c, a, i + ahead, length * sizeof(T));                                       \
        for (int64_t k = 0; k < length; k++)                                                      \
            to[k] += y[k];                                                                        \
    }                                                                                             \
}
DEFINE_ADD(f32, float)
DEFINE_ADD(f64, double)

/* The same of any dtype, for elements that lie anywhere. */
static void add_any(const cursor *c, const op *o, int a, const char *y, int64_t n, int64_t length,
                    int item)
{
    const int64_t step = length > 1 ? c->p->row[c->p->nd - 1] : item;
    const int64_t run = step == item ? length : 1;
    for (int64_t i = 0; i < n; i++) {
        char *to = place_of(c, a, i);
        for (int64_t k = 0; k < length; k += run, y += run * item) {
            const void *in[2] = {to + k * step, y};
            ((ct_map)o->fn)(run, to + k * step, in, 0);
        }
    }
}

/* Add n rows of a tile, or pieces of that length, whose indices are one after the other on the
 * axis `a`. */
static void add_rows(const cursor *c, const op *o, int a, const char *y, int64_t n, int64_t length)
{
    const value *v = &c->j->g->values[o->in[0]];
    const int64_t tile = CT_TILE / length, ahead = tile > AHEAD ? tile : AHEAD;
    const int64_t fetched = c->p->dims[a] - c->idx[a] - ahead;
    const int lies = length == 1 || c->p->row[c->p->nd - 1] == v->item;
    if (v->dtype == CT_F32 && lies)
        add_f32(c, a, y, n, length, fetched, ahead);
    else if (v->dtype == CT_F64 && lies)
        add_f64(c, a, y, n, length, fetched, ahead);
    else
        add_any(c, o, a, y, n, length, v->item);
}

/* ----- tiles ----- */

/* Add n elements of y, the first of which is the element `start` of the space. */
static void add_tile(const job *j, const op *o, int64_t start, int64_t n, const char *y)
{
    const gathering *p = &j->g->gathers[o->gather];
    const int last = p->nd - 1, item = j->g->values[o->in[0]].item, by_rows = are_rows(p);
    cursor c;
    start_at(&c, j, o, start);
    for (int64_t some, rows; n > 0; n -= some, y += some * item) {
        const int64_t left = p->dims[last] - c.idx[last];
        const int whole = by_rows && last > 0 && c.idx[last] == 0 && n >= left;
        const int a = whole ? last - 1 : last;
        rows = whole ? ct_least(n / left, p->dims[a] - c.idx[a]) : by_rows ? 1 : ct_least(n, left);
        some = whole ? rows * left : ct_least(n, left);
        add_rows(&c, o, a, y, rows, some / rows);
        advance(&c, a, whole ? rows : some);
    }
}

/* ----- spans: some tiles, which are computed, and then added ----- */

/* Let what the tile at element `start` adds wait behind the tiles of the span before it. */
void group_hold(work *w, int64_t start)
{
    const ct_group *g = w->j->g;
    for (int k = g->first[g->last]; k < g->first[g->last + 1]; k++) {
        const op *o = &g->ops[k];
        w->ptr[o->in[0]] = w->private + o->held_at + (start - w->span) * g->values[o->in[0]].item;
    }
}

void group_begin_span(work *w, int64_t start)
{
    w->span = start;
    group_hold(w, start);
}

static void wait_for_turn(const job *j, int64_t task)
{
    for (int n = 0; __atomic_load_n(&j->turn, __ATOMIC_ACQUIRE) != task; n++)
        if (n >= SPINS)
            sched_yield();
}

/* Add n elements that a task has computed in a phase, after all tasks before it. */
void group_end_span(work *w, int64_t task, int phase, int64_t n)
{
    const ct_group *g = w->j->g;
    job *j = (job *)w->j;
    wait_for_turn(j, task);
    for (int k = g->first[g->last]; n > 0 && k < g->first[g->last + 1]; k++) {
        const op *o = &g->ops[k];
        if (g->spec->ops[o->spec].phase == phase || phase < 0)
            add_tile(j, o, w->span, n, w->private + o->held_at);
    }
    __atomic_store_n(&j->turn, task + 1, __ATOMIC_RELEASE);
}

int64_t group_span_tiles(int threads)
{
    return threads > 1 ? HELD : 1;
}

/* ----- the plan ----- */

/* Tiles of whole rows need not look for the place of a part of one. */
static void fit_rows(ct_group *g)
{
    for (int k = g->first[g->last]; k < g->first[g->last + 1] && g->mode == MAP; k++) {
        const gathering *p = &g->gathers[g->ops[k].gather];
        const int64_t length = p->dims[p->nd - 1];
        if (are_rows(p) && length > 0 && length <= CT_TILE)
            g->tile_rows = CT_TILE / length * length;
    }
}

/* Give what is added room for as many tiles as a thread computes at once. */
void group_hold_tiles(ct_group *g)
{
    fit_rows(g);
    for (int k = g->first[g->last]; k < g->first[g->last + 1]; k++) {
        g->ops[k].held_at = g->private_bytes;
        g->private_bytes += ALIGN(HELD * CT_TILE * g->values[g->ops[k].in[0]].item);
    }
}

static int64_t count_of(const gathering *p)
{
    int64_t n = 1;
    for (int a = 0; a < p->nd; a++)
        n *= p->dims[a];
    return n;
}

static void check_scatter(const job *j, const op *o)
{
    const gathering *p = &j->g->gathers[o->gather];
    const int last = p->nd - 1, by_rows = are_rows(p), a = by_rows && last > 0 ? last - 1 : last;
    const int64_t n = by_rows && a == last ? 1 : p->dims[a];
    const int64_t step = p->dims[a] * (a < last ? p->dims[last] : 1);
    cursor c;
    start_at(&c, j, o, 0);
    for (int64_t left = count_of(p); left > 0; left -= step) {
        are_within(&c, a, n);
        advance(&c, a, p->dims[a]);
    }
}

/* Look at all indices before anything is added. */
void group_check_scatters(job *j)
{
    const ct_group *g = j->g;
    for (int k = g->first[g->last]; k < g->first[g->last + 1]; k++)
        check_scatter(j, &g->ops[k]);
    if (j->status == CT_INDEX)
        group_check_indices(j);
}
