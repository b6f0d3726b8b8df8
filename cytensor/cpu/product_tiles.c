/* product_tiles.c: products of matrices in tiles of sums that stay in registers.
 *
 * b is cut into panels of a few vectors, which are copied so that their rows lie side by side,
 * unless too few rows of c read them. a is read where it lies. Each item of c is a sum of chains of
 * fused products, whose lengths follow from that of k: its bits depend neither on the blocks of c,
 * nor on the tiles, nor on the threads. */
#include "product.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

const ct_conv_kits *ct_tiles_used;

#define DEPTH 512               /* items of a row of a in one chain, at most */
#define SLAB 1024               /* of a row of a, for a block of its own, where c is small */
#define SLAB_ITEMS (1 << 17)    /* of such a c */
#define BLOCK_ROWS 256          /* of c: what a block reads of a, and of DEPTH, fits into L2 */
#define BLOCK_BYTES 2048        /* of a row of a block of c */
#define LEAST_WORK 4000000      /* multiplications: below, BLAS has kernels that copy nothing */
#define BLOCK_WORK 500000       /* that are worth a block of their own */
#define LEAST_SIDE 8
#define WIDEST 4                /* vectors of a panel */
#define LEAST_VECTOR 32         /* bytes: with shorter ones, OpenBLAS is as good */
#define FEW_ROWS 48             /* of c: to copy b costs more than to read it where it lies */
#define ALIAS 512               /* rows so many bytes apart are in each other's way in the cache */
#define LINE 64

typedef struct {
    const ct_product_of *p;
    const ct_conv_kit *kit;
    int item, vector;           /* bytes */
    int64_t panel;              /* columns */
    int64_t rows, columns;      /* of a block of c */
    int64_t down, across;       /* blocks */
    int64_t slabs, slab;        /* of k: how many, and how long */
    char *sums;                 /* those of all slabs but the first, one c behind the other */
    _Atomic int status;
} tiles;

/* ----- the shape of tiles ----- */

/* The rows of a tile of so many vectors: as few tiles as can be, of about one size. */
static int tile_rows(const ct_conv_kit *kit, int64_t rows, int vectors)
{
    int most = CT_KIT_ROWS;
    while (kit->tile[vectors][most] == NULL)
        most--;
    return (int)ct_ceil_div(rows, ct_ceil_div(rows, most));
}

/* Products of vectors that a column of tiles costs for each k. A small tile waits for its sums, or
 * for what it loads. */
static int64_t panel_cost(const ct_conv_kit *kit, int64_t rows, int vectors)
{
    const int r = tile_rows(kit, rows, vectors);
    const int64_t sums = r * vectors, loads = r + vectors;
    const int64_t cost = sums > loads ? sums : loads;
    return ct_ceil_div(rows, r) * (cost < 8 ? 8 : cost);
}

/* How many vectors a panel has. */
static int best_width(const ct_conv_kit *kit, int64_t rows, int64_t vectors)
{
    int best = 1;
    int64_t least = INT64_MAX;
    for (int width = 1; width <= WIDEST; width++) {
        const int rest = (int)(vectors % width);
        const int64_t cost = vectors / width * panel_cost(kit, rows, width)
            + (rest ? panel_cost(kit, rows, rest) : 0);
        if (cost <= least) {
            least = cost;
            best = width;
        }
    }
    return best;
}

static tiles tiles_of(const ct_product_of *p)
{
    tiles t = {.p = p, .kit = p->dtype == CT_F32 ? ct_tiles_used->f32 : ct_tiles_used->f64,
               .item = ct_itemsize[p->dtype]};
    const int64_t vectors = ct_ceil_div(p->c.columns, t.kit->lanes);
    t.vector = t.kit->lanes * t.item;
    t.panel = best_width(t.kit, p->c.rows, vectors) * t.kit->lanes;
    return t;
}

/* ----- panels of b ----- */

/* Bytes of a row of the panel that begins at column j, of so many columns. */
static int64_t row_bytes(const tiles *t, int64_t columns, int64_t j)
{
    return ct_ceil_div(ct_min(t->panel, columns - j), t->kit->lanes) * t->vector;
}

/* Each row of b goes to all panels, so that memory is read in its own order. */
static void copy_rows(const tiles *t, const ct_matrix *b, char *to)
{
    for (int64_t k = 0; k < b->rows; k++) {
        const char *from = b->data + k * b->row_step;
        for (int64_t j = 0; j < b->columns; j += t->panel)
            t->kit->copy(ct_min(t->panel, b->columns - j),
                         to + j * t->item * b->rows + k * row_bytes(t, b->columns, j),
                         from + j * t->item);
    }
}

static void fill_panel(const tiles *t, const ct_matrix *b, int64_t wide, char *to)
{
    const ct_matrix place = {to, b->rows, b->columns, wide, t->item};
    int64_t at[WIDEST * 16];
    if (b->row_step != t->item) {
        ct_matrix_copy(&place, b, t->item);
        return;
    }
    for (int64_t j = 0; j < b->columns; j++)
        at[j] = j * b->column_step;
    t->kit->turn((int)b->columns, b->rows, b->data, at, to, wide);
}

/* to[panel][k][j] = b[k][j]; what is beyond the columns of b becomes 0. */
static void fill_panels(const tiles *t, const ct_matrix *b, char *to)
{
    const int64_t last = (b->columns - 1) / t->panel * t->panel;
    if (b->columns % t->kit->lanes)
        memset(to + last * t->item * b->rows, 0, b->rows * row_bytes(t, b->columns, last));
    if (b->column_step == t->item) {
        copy_rows(t, b, to);
        return;
    }
    for (int64_t j = 0; j < b->columns; j += t->panel) {
        const ct_matrix part = ct_some_columns(*b, j, ct_min(t->panel, b->columns - j));
        fill_panel(t, &part, row_bytes(t, b->columns, j), to + j * t->item * b->rows);
    }
}

/* ----- tiles of c ----- */

/* What one block works with. */
typedef struct {
    const tiles *t;
    const ct_product_of *p;     /* whose c is that of a slab */
    ct_matrix a, b, c;
    int64_t first;              /* of k */
    int64_t one_at[DEPTH], lanes_at[DEPTH], row_at[CT_KIT_ROWS];
    int64_t lanes_step;
    char *panels, *copy;        /* scratch */
    _Alignas(LINE) char sums[CT_KIT_ROWS * CT_KIT_VECTORS * 64];
} block;

#define SCALE(name, T) \
/* c = alpha * sums + beta * c */ \
CT_CLONES static void scale_##name(int64_t n, T *c, const T *sums, T alpha, T beta) \
{ \
    if (beta == 0) \
        for (int64_t i = 0; i < n; i++) \
            c[i] = alpha * sums[i]; \
    else \
        for (int64_t i = 0; i < n; i++) \
            c[i] = alpha * sums[i] + beta * c[i]; \
}
SCALE(f32, float)
SCALE(f64, double)

static double number(int dtype, const void *x)
{
    return dtype == CT_F32 ? *(const float *)x : *(const double *)x;
}

/* c = alpha * sums + beta * c, for n items. */
static void scale(int dtype, int64_t n, char *c, const char *sums, double alpha, double beta)
{
    if (dtype == CT_F32)
        scale_f32(n, (float *)c, (const float *)sums, (float)alpha, (float)beta);
    else
        scale_f64(n, (double *)c, (const double *)sums, alpha, beta);
}

/* Put a tile of sums where it belongs. Further chains of the same items are added to the first. */
static void store(const block *k, const ct_matrix *c, int64_t pitch, int is_first)
{
    const int dtype = k->p->dtype;
    const double alpha = number(dtype, k->p->alpha);
    const double beta = is_first ? number(dtype, k->p->beta) : 1;
    if (alpha == 1 && beta == 0)
        k->t->kit->copy_rows((int)c->rows, c->columns, c->data, c->row_step, k->sums, pitch);
    else
        for (int64_t i = 0; i < c->rows; i++)
            scale(dtype, c->columns, c->data + i * c->row_step, k->sums + i * pitch, alpha, beta);
}

/* The columns of c that belong to one panel, for some of k. */
static void run_panel(block *k, const ct_matrix *a, const ct_matrix *c, const char *lanes,
                      int is_first)
{
    const ct_conv_kit *kit = k->t->kit;
    const int vectors = (int)ct_ceil_div(c->columns, kit->lanes);
    const int most = tile_rows(kit, c->rows, vectors);
    for (int64_t r = 0; r < c->rows; r += most) {
        const int rows = (int)ct_min(most, c->rows - r);
        const ct_matrix to = ct_some_rows(*c, r, rows);
        kit->tile[vectors][rows](a->columns, a->data + r * a->row_step, k->one_at, k->row_at,
                                 lanes, k->lanes_at, k->sums, 0);
        store(k, &to, vectors * k->t->vector, is_first);
    }
}

/* ----- blocks of c ----- */

/* Which step separates the items of a that do not lie side by side, if it is a bad one. */
static int is_in_the_way(const tiles *t, const ct_matrix *a)
{
    return (a->column_step == t->item && a->row_step % ALIAS == 0)
        || (a->row_step == t->item && a->column_step % ALIAS == 0);
}

/* Bytes between rows of n items, or columns, that are not in each other's way. */
static int64_t pitch_of(const tiles *t, int64_t n)
{
    return ct_ceil_div(n * t->item, LINE) * LINE + LINE;
}

static ct_matrix copied_apart(const block *k, ct_matrix a)
{
    const int by_rows = a.column_step == k->t->item;
    const ct_matrix from = by_rows ? a : ct_transposed(a);
    const int64_t pitch = pitch_of(k->t, from.columns);
    for (int64_t i = 0; i < from.rows; i++)
        k->t->kit->copy(from.columns, k->copy + i * pitch, from.data + i * from.row_step);
    const ct_matrix copy = {k->copy, from.rows, from.columns, pitch, k->t->item};
    return by_rows ? copy : ct_transposed(copy);
}

static void set_places(block *k, const ct_matrix *a)
{
    for (int64_t i = 0; i < a->columns; i++)
        k->one_at[i] = i * a->column_step;
    for (int r = 0; r < CT_KIT_ROWS; r++)
        k->row_at[r] = r * a->row_step;
    k->lanes_step = -1;
}

static void set_lanes(block *k, int64_t depth, int64_t step)
{
    if (k->lanes_step == step)
        return;
    for (int64_t i = 0; i < depth; i++)
        k->lanes_at[i] = i * step;
    k->lanes_step = step;
}

/* Whether panels are read where b has them, as far as these are whole vectors. */
static int reads_in_place(const tiles *t)
{
    return t->p->c.rows <= FEW_ROWS && t->p->b.column_step == t->item;
}

/* A panel of the rows `first` and so on of b, and the bytes between its rows. */
static const char *panel_at(block *k, int64_t j, int64_t first, int64_t depth)
{
    const tiles *t = k->t;
    const int64_t n = ct_min(t->panel, k->b.columns - j), wide = row_bytes(t, k->b.columns, j);
    const ct_matrix part = ct_some_columns(ct_some_rows(k->b, first, depth), j, n);
    char *to = k->panels + j * t->item * depth;
    if (reads_in_place(t) && n * t->item == wide) {
        set_lanes(k, depth, part.row_step);
        return part.data;
    }
    if (reads_in_place(t))
        fill_panels(t, &part, to);
    set_lanes(k, depth, wide);
    return to;
}

/* Some of k, for a block. */
static void run_depth(block *k, int64_t first, int64_t depth)
{
    const tiles *t = k->t;
    const ct_matrix b = ct_some_rows(k->b, first, depth);
    ct_matrix a = ct_some_columns(k->a, first, depth);
    if (is_in_the_way(t, &a))
        a = copied_apart(k, a);
    set_places(k, &a);
    if (!reads_in_place(t))
        fill_panels(t, &b, k->panels);
    for (int64_t j = 0; j < k->c.columns; j += t->panel) {
        const ct_matrix c = ct_some_columns(k->c, j, ct_min(t->panel, k->c.columns - j));
        run_panel(k, &a, &c, panel_at(k, j, first, depth), first == k->first);
    }
}

static char *scratch_of(block *k)
{
    const tiles *t = k->t;
    const int64_t depth = ct_min(DEPTH, k->a.columns);
    const int64_t panels = depth * (ct_ceil_div(k->c.columns, t->kit->lanes) * t->vector);
    const int64_t one = k->a.rows * pitch_of(t, depth), other = depth * pitch_of(t, k->a.rows);
    char *memory = aligned_alloc(LINE, ct_ceil_div(panels + (one > other ? one : other), LINE)
                                 * LINE);
    k->panels = memory;
    k->copy = memory + panels;
    return memory;
}

/* Chains of about one length. */
static void run_chains(block *k, int64_t first, int64_t end)
{
    const int64_t depth = ct_ceil_div(end - first, ct_ceil_div(end - first, DEPTH));
    k->first = first;
    for (int64_t i = first; i < end; i += depth)
        run_depth(k, i, ct_min(depth, end - i));
}

/* The c of a slab: only the first has the real one. */
static ct_product_of sums_of(const tiles *t, int64_t slab)
{
    static const double zero = 0;
    ct_product_of p = *t->p;
    if (slab == 0)
        return p;
    const int64_t step = p.c.columns * t->item;
    p.c = (ct_matrix){t->sums + (slab - 1) * p.c.rows * step, p.c.rows, p.c.columns, step, t->item};
    p.beta = &zero;
    return p;
}

static void run_block(void *ctx, int64_t task, int thread)
{
    tiles *t = ctx;
    const int64_t place = task / t->slabs, slab = task % t->slabs;
    const ct_product_of p = sums_of(t, slab);
    const int64_t row = place % t->down * t->rows, column = place / t->down * t->columns;
    const int64_t m = ct_min(t->rows, p.c.rows - row), n = ct_min(t->columns, p.c.columns - column);
    const ct_matrix rows = ct_some_rows(p.c, row, m);
    block k = {.t = t, .p = &p, .a = ct_some_rows(p.a, row, m),
               .b = ct_some_columns(p.b, column, n), .c = ct_some_columns(rows, column, n)};
    char *memory = scratch_of(&k);
    (void)thread;
    if (memory == NULL)
        t->status = CT_MEMORY;
    else
        run_chains(&k, slab * t->slab, ct_min((slab + 1) * t->slab, p.a.columns));
    free(memory);
}

/* Halve the longer side of the blocks until each thread has two, or they become small. */
static void cut(tiles *t)
{
    const ct_matrix *c = &t->p->c;
    const int64_t wanted = 2 * ct_pool_used->get_threads();
    t->rows = ct_min(c->rows, BLOCK_ROWS);
    t->columns = ct_min(ct_ceil_div(c->columns, t->panel) * t->panel,
                        BLOCK_BYTES / t->item / t->panel * t->panel);
    for (;;) {
        const int64_t columns = ct_ceil_div(ct_ceil_div(t->columns, 2), t->panel) * t->panel;
        t->down = ct_ceil_div(c->rows, t->rows);
        t->across = ct_ceil_div(c->columns, t->columns);
        if (t->down * t->across * t->slabs >= wanted
            || (double)t->rows * t->columns * t->slab < 2 * BLOCK_WORK)
            return;
        if (t->rows >= t->columns || columns == t->columns)
            t->rows = ct_ceil_div(t->rows, 2);
        else
            t->columns = columns;
    }
}

/* A long k of a small c is cut into slabs, so that a and b are read once. */
static int cut_slabs(tiles *t)
{
    const ct_matrix *c = &t->p->c;
    const int64_t k = t->p->a.columns;
    t->slabs = c->rows * c->columns <= SLAB_ITEMS ? ct_ceil_div(k, SLAB) : 1;
    t->slab = ct_ceil_div(k, t->slabs);
    t->slabs = ct_ceil_div(k, t->slab);
    if (t->slabs == 1)
        return CT_OK;
    t->sums = aligned_alloc(LINE, ct_ceil_div((t->slabs - 1) * c->rows * c->columns * t->item, LINE)
                            * LINE);
    return t->sums == NULL ? CT_MEMORY : CT_OK;
}

/* Add the sums of the slabs, in order. */
static void join_slabs(const tiles *t)
{
    const ct_matrix *c = &t->p->c;
    for (int64_t slab = 1; slab < t->slabs; slab++) {
        const ct_matrix from = sums_of(t, slab).c;
        for (int64_t i = 0; i < c->rows; i++)
            scale(t->p->dtype, c->columns, c->data + i * c->row_step,
                  from.data + i * from.row_step, 1, 1);
    }
}

/* ----- the interface ----- */

int ct_tiles_fit(const ct_product_of *p)
{
    const int item = ct_itemsize[p->dtype];
    if (p->dtype != CT_F32 && p->dtype != CT_F64)
        return 0;
    const ct_conv_kit *kit = p->dtype == CT_F32 ? ct_tiles_used->f32 : ct_tiles_used->f64;
    return kit->lanes * item >= LEAST_VECTOR && p->c.column_step == item
        && p->c.rows >= LEAST_SIDE && p->c.columns >= LEAST_SIDE && p->a.columns >= LEAST_SIDE
        && (double)p->c.rows * p->c.columns * p->a.columns >= LEAST_WORK;
}

int ct_product_tiles(const ct_product_of *p)
{
    tiles t = tiles_of(p);
    t.status = cut_slabs(&t);
    if (t.status == CT_OK) {
        cut(&t);
        ct_run(t.down * t.across * t.slabs, run_block, &t);
        join_slabs(&t);
    }
    free(t.sums);
    return t.status;
}
