/* product_tiles.c: products of matrices in tiles of sums that stay in registers.
 *
 * b is cut into panels of a few vectors. They are read where they lie, unless their rows are far
 * apart, or a row is no vector: then they are copied. a is read where it lies. Each item of c is a
 * sum of chains of fused products, whose lengths follow from that of k: its bits depend neither on
 * the blocks of c, nor on the tiles, nor on the threads. */
#include "product.h"

#include <stdatomic.h>
#include <stdlib.h>

#define DEPTH 512               /* items of a row of a in one chain, at most */
#define SLAB 1024               /* of a row of a, for a block of its own, where c is small */
#define SLAB_ITEMS (1 << 17)    /* of such a c */
#define BLOCK_ROWS 512          /* of c: what a block reads of a, of DEPTH, is as large as L2 */
#define BLOCK_BYTES 4096        /* of a row of a block of c */
#define LEAST_WORK 4000000      /* multiplications: below, BLAS has kernels that copy nothing .. */
#define LEAST_TURNED 250000     /* .. but slow ones if b is transposed */
#define LEAST_PANEL 8           /* vectors of a row of c; one, if b is transposed */
#define BLOCK_WORK 500000       /* that are worth a block of their own */
#define LEAST_SIDE 8
#define LEAST_VECTOR 32         /* bytes: with shorter ones, OpenBLAS is as good */
#define FEW_ROWS 48             /* of c: to copy b costs more than to read it where it lies .. */
#define SOME_ROWS 192           /* .. and so it does if they are fewer than these .. */
#define NOT_FAR 8192            /* .. and rows of b at most so many bytes apart .. */
#define NEAR 4096               /* .. and always if they are no more than these */
#define ALIAS 512               /* rows so many bytes apart are in each other's way in the cache */
#define LINE 64

typedef struct {
    const ct_product_of *p;
    ct_panels by;               /* of b */
    int64_t rows, columns;      /* of a block of c */
    int64_t down, across;       /* blocks */
    int64_t slabs, slab;        /* of k: how many, and how long */
    char *sums;                 /* those of all slabs but the first, one c behind the other */
    _Atomic int status;
} tiles;

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
/* c = alpha * sums + beta * c, for some rows of n items */ \
CT_CLONES static void scale_##name(int64_t rows, int64_t n, char *c, int64_t step, \
                                   const char *sums, int64_t pitch, T alpha, T beta) \
{ \
    for (int64_t r = 0; r < rows; r++, c += step, sums += pitch) { \
        const T *restrict from = (const T *)sums; \
        T *restrict to = (T *)c; \
        if (beta == 0) \
            for (int64_t i = 0; i < n; i++) \
                to[i] = alpha * from[i]; \
        else \
            for (int64_t i = 0; i < n; i++) \
                to[i] = alpha * from[i] + beta * to[i]; \
    } \
}
SCALE(f32, float)
SCALE(f64, double)

static double number(int dtype, const void *x)
{
    return dtype == CT_F32 ? *(const float *)x : *(const double *)x;
}

/* c = alpha * sums + beta * c, where rows of sums are so many bytes apart. */
static void scale(int dtype, const ct_matrix *c, const char *sums, int64_t pitch, double alpha,
                  double beta)
{
    if (dtype == CT_F32)
        scale_f32(c->rows, c->columns, c->data, c->row_step, sums, pitch, (float)alpha,
                  (float)beta);
    else
        scale_f64(c->rows, c->columns, c->data, c->row_step, sums, pitch, alpha, beta);
}

/* Have the items of c that sums will be added to brought into the cache meanwhile. */
static void fetch(const block *k, const ct_matrix *c, int is_first)
{
    if (is_first && number(k->p->dtype, k->p->beta) == 0)
        return;
    for (int64_t i = 0; i < c->rows; i++)
        for (int64_t at = 0; at < c->columns * k->t->by.item; at += LINE)
            __builtin_prefetch(c->data + i * c->row_step + at, 1);
}

/* Whether nothing is to be done to sums but to put them where they belong. */
static int is_plain(const block *k, int is_first)
{
    const int dtype = k->p->dtype;
    return is_first && number(dtype, k->p->alpha) == 1 && number(dtype, k->p->beta) == 0;
}

/* Put a tile of sums where it belongs. Further chains of the same items are added to the first. */
static void store(const block *k, const ct_matrix *c, int64_t pitch, int is_first)
{
    const int dtype = k->p->dtype;
    const double alpha = number(dtype, k->p->alpha);
    const double beta = is_first ? number(dtype, k->p->beta) : 1;
    if (is_plain(k, is_first))
        k->t->by.kit->copy_rows((int)c->rows, c->columns, c->data, c->row_step, k->sums, pitch);
    else
        scale(dtype, c, k->sums, pitch, alpha, beta);
}

/* The columns of c that belong to one panel, for some of k. */
static void run_panel(block *k, const ct_matrix *a, const ct_matrix *c, const char *lanes,
                      int is_first)
{
    const ct_conv_kit *kit = k->t->by.kit;
    const int vectors = (int)ct_ceil_div(c->columns, kit->lanes);
    const int most = ct_tile_rows(kit, c->rows, vectors);
    const int is_whole = is_plain(k, is_first)
        && ct_writes_whole(&k->t->by, c->columns, c->row_step);
    for (int64_t r = 0; r < c->rows; r += most) {
        const int rows = (int)ct_min(most, c->rows - r);
        const ct_matrix to = ct_some_rows(*c, r, rows);
        fetch(k, &to, is_first);
        kit->tile[vectors][rows](a->columns, a->data + r * a->row_step, k->one_at, k->row_at,
                                 lanes, k->lanes_at, is_whole ? to.data : k->sums,
                                 is_whole ? (int)c->row_step : 0);
        if (!is_whole)
            store(k, &to, vectors * k->t->by.vector, is_first);
    }
}

/* ----- blocks of c ----- */

/* Which step separates the items of a that do not lie side by side, if it is a bad one. */
static int is_in_the_way(const tiles *t, const ct_matrix *a)
{
    return (a->column_step == t->by.item && a->row_step % ALIAS == 0)
        || (a->row_step == t->by.item && a->column_step % ALIAS == 0);
}

/* Bytes between rows of n items, or columns, that are not in each other's way. */
static int64_t pitch_of(const tiles *t, int64_t n)
{
    return ct_ceil_div(n * t->by.item, LINE) * LINE + LINE;
}

static ct_matrix copied_apart(const block *k, ct_matrix a)
{
    const int by_rows = a.column_step == k->t->by.item;
    const ct_matrix from = by_rows ? a : ct_transposed(a);
    const int64_t pitch = pitch_of(k->t, from.columns);
    for (int64_t i = 0; i < from.rows; i++)
        k->t->by.kit->copy(from.columns, k->copy + i * pitch, from.data + i * from.row_step);
    const ct_matrix copy = {k->copy, from.rows, from.columns, pitch, k->t->by.item};
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
    const ct_product_of *p = t->p;
    const int64_t apart = llabs(p->b.row_step);
    return p->b.column_step == t->by.item
        && (p->c.rows <= FEW_ROWS || apart <= (p->c.rows < SOME_ROWS ? NOT_FAR : NEAR));
}

/* A panel of the rows `first` and so on of b, and the bytes between its rows. */
static const char *panel_at(block *k, int64_t j, int64_t first, int64_t depth)
{
    const tiles *t = k->t;
    const int64_t n = ct_min(t->by.width, k->b.columns - j);
    const int64_t wide = ct_panel_row(&t->by, k->b.columns, j);
    const ct_matrix part = ct_some_columns(ct_some_rows(k->b, first, depth), j, n);
    char *to = k->panels + j * t->by.item * depth;
    if (reads_in_place(t) && n * t->by.item == wide) {
        set_lanes(k, depth, part.row_step);
        return part.data;
    }
    if (reads_in_place(t))
        ct_panels_fill(&t->by, &part, to);
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
        ct_panels_fill(&t->by, &b, k->panels);
    for (int64_t j = 0; j < k->c.columns; j += t->by.width) {
        const ct_matrix c = ct_some_columns(k->c, j, ct_min(t->by.width, k->c.columns - j));
        run_panel(k, &a, &c, panel_at(k, j, first, depth), first == k->first);
    }
}

static char *scratch_of(block *k)
{
    const tiles *t = k->t;
    const int64_t depth = ct_min(DEPTH, k->a.columns);
    const int64_t panels = ct_panels_bytes(&t->by, depth, k->c.columns);
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
    const int64_t step = p.c.columns * t->by.item;
    p.c = (ct_matrix){t->sums + (slab - 1) * p.c.rows * step, p.c.rows, p.c.columns, step,
                      t->by.item};
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

/* The size of each of as few parts as can be, none of which is larger than `most`. */
static int64_t part_of(int64_t n, int64_t most)
{
    return ct_ceil_div(n, ct_ceil_div(n, most));
}

/* Whether so many blocks of one size leave no thread without work for long. */
static int is_even(int64_t blocks, int64_t threads)
{
    return blocks >= 2 * threads && ct_ceil_div(blocks, threads) * threads * 8 <= blocks * 9;
}

/* Halve the longer side of the blocks until each thread has two, or they become small. */
static void cut(tiles *t)
{
    const ct_matrix *c = &t->p->c;
    const int64_t width = t->by.width, panels = ct_ceil_div(c->columns, width);
    t->rows = part_of(c->rows, BLOCK_ROWS);
    t->columns = part_of(panels, BLOCK_BYTES / t->by.item / width) * width;
    for (;;) {
        const int64_t columns = ct_ceil_div(t->columns / width, 2) * width;
        t->down = ct_ceil_div(c->rows, t->rows);
        t->across = ct_ceil_div(c->columns, t->columns);
        if (is_even(t->down * t->across * t->slabs, ct_pool_used->get_threads())
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
    const int64_t bytes = (t->slabs - 1) * c->rows * c->columns * t->by.item;
    t->sums = aligned_alloc(LINE, ct_ceil_div(bytes, LINE) * LINE);
    return t->sums == NULL ? CT_MEMORY : CT_OK;
}

/* Add the sums of the slabs, in order. */
static void join_slabs(const tiles *t)
{
    const ct_matrix *c = &t->p->c;
    for (int64_t slab = 1; slab < t->slabs; slab++) {
        const ct_matrix from = sums_of(t, slab).c;
        scale(t->p->dtype, c, from.data, from.row_step, 1, 1);
    }
}

/* ----- the interface ----- */

int ct_tiles_fit(const ct_product_of *p)
{
    const int item = ct_itemsize[p->dtype];
    if (p->dtype != CT_F32 && p->dtype != CT_F64)
        return 0;
    const ct_conv_kit *kit = p->dtype == CT_F32 ? ct_tiles_used->f32 : ct_tiles_used->f64;
    const int turned = p->b.row_step == item && p->b.column_step != item;
    return kit->lanes * item >= LEAST_VECTOR && p->c.column_step == item
        && p->c.rows >= LEAST_SIDE && p->a.columns >= LEAST_SIDE
        && p->c.columns >= kit->lanes * (turned ? 1 : LEAST_PANEL)
        && (double)p->c.rows * p->c.columns * p->a.columns >= (turned ? LEAST_TURNED : LEAST_WORK);
}

int ct_product_tiles(const ct_product_of *p)
{
    tiles t = {.p = p, .by = ct_panels_for(p->dtype, p->c.rows, p->c.columns)};
    t.status = cut_slabs(&t);
    if (t.status == CT_OK) {
        cut(&t);
        ct_run(t.down * t.across * t.slabs, run_block, &t);
        join_slabs(&t);
    }
    free(t.sums);
    return t.status;
}
