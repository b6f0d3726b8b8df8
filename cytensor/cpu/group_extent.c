/* group_extent.c: how many elements of a fused group a tile takes. */
#include "group.h"

#define SHORT_TILE 2048         /* bytes */
#define WIDEST 4096             /* columns whose sums stay in the cache while rows pass by */

static int64_t product(int n, const int64_t *dims)
{
    int64_t total = 1;
    for (int a = 0; a < n; a++)
        total *= dims[a];
    return total;
}

void group_choose_tiles(ct_group *g, const ct_spec *s, const int64_t *dims)
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

/* Whether elements are only folded, and lie in memory one after the other. */
static int is_only_folded(const ct_group *g)
{
    for (int i = 0; i < g->nops; i++) {
        const op *o = &g->ops[i];
        if (!(o->segment & 1))
            continue;
        for (int k = 0; k < o->nin; k++)
            if (!is_counted(o->kind) || g->values[o->in[k]].access != DIRECT
                    || g->values[o->in[k]].level != CT_FULL)
                return 0;
    }
    return g->mode != MAP && g->nphases == 1;
}

/* What is only folded needs no room in the cache: long runs of it pass by. */
void group_lengthen_tiles(ct_group *g)
{
    if (!is_only_folded(g) && !g->sums)
        return;
    g->run = RUN;
    if (g->mode == ROW && g->nr > 0 && g->nr <= CT_TILE)
        g->tile_rows = ct_least(RUN * CT_TILE / g->nr, CT_TILE);
    if (g->mode == COLUMN && g->nc <= WIDEST) {
        g->width = g->nc ? g->nc : 1;
        g->tile_rows = g->tile_rows < CHUNK ? CHUNK : g->tile_rows;
    }
}

/* A map over more data than the cache holds has it pass through in short tiles, which leave room
 * for what is on its way. But a row that serves for all others is in the cache anyway, and a
 * gather waits for its last elements at the end of each tile. */
void group_fit_tiles(ct_group *g)
{
    int64_t bytes = 0, item = 1;
    for (int i = 0; i < g->nmoving[CT_FULL]; i++) {
        const moving *m = &g->moving[CT_FULL][i];
        bytes += g->nk * m->item;
        item = item > m->item ? item : m->item;
    }
    if (g->mode != MAP || g->line || bytes < CACHE_BYTES || g->ngathers)
        return;
    g->tile_rows = SHORT_TILE / item < CT_TILE ? SHORT_TILE / item : CT_TILE;
}
