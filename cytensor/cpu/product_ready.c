/* product_ready.c: products of a loop whose steps multiply by the same matrix.
 *
 * That matrix is brought into panels once. A step then takes one tile of sums after the other:
 * there is nothing to choose, to copy or to ask. */
#include "product.h"

#include <stdlib.h>

#define LEAST_SIDE 8            /* of what is made ready */
#define LEAST_VECTOR 32         /* bytes: with shorter ones, OpenBLAS is as good */
#define MOST_WORK 1000000       /* multiplications: beyond, threads are better than panels */

struct ct_ready {
    int64_t place;              /* the register that has the address of the panels */
    int other;                  /* which operand is not ready */
    ct_panels by;
    int64_t rows, columns, depth, row_step;     /* of c = a @ b, perhaps transposed */
    int64_t row_at[CT_KIT_ROWS];
    int64_t *one_at;            /* of a: depth of them */
    int64_t *lanes_at, *last_at;        /* of whole panels, and of the last one */
};

static ct_matrix matrix_of(const ct_tensor *t)
{
    return (ct_matrix){t->data, t->dims[0], t->dims[1], t->strides[0], t->strides[1]};
}

/* The product as it is computed: its right factor is the one that is ready. */
static ct_product_of product_for(const ct_tensor *t, int factor)
{
    const ct_matrix c = matrix_of(&t[0]), a = matrix_of(&t[1]), b = matrix_of(&t[2]);
    if (factor == 2)
        return (ct_product_of){t[0].dtype, a, b, c, NULL, NULL};
    return (ct_product_of){t[0].dtype, ct_transposed(b), ct_transposed(a), ct_transposed(c),
                           NULL, NULL};
}

static int is_worth_it(const ct_product_of *p, int alone)
{
    const ct_conv_kit *kit = p->dtype == CT_F32 ? ct_tiles_used->f32 : ct_tiles_used->f64;
    const int item = ct_itemsize[p->dtype];
    return kit->lanes * item >= LEAST_VECTOR && p->c.rows > 0
        && p->c.column_step == item && p->c.columns >= LEAST_SIDE && p->a.columns >= LEAST_SIDE
        && (alone || (double)p->c.rows * p->c.columns * p->a.columns <= MOST_WORK);
}

static void fill_places(ct_ready *r, const ct_matrix *a)
{
    const int64_t last = (r->columns - 1) / r->by.width * r->by.width;
    const int64_t whole = ct_panel_row(&r->by, r->columns, 0);
    const int64_t rest = ct_panel_row(&r->by, r->columns, last);
    for (int i = 0; i < CT_KIT_ROWS; i++)
        r->row_at[i] = i * a->row_step;
    for (int64_t k = 0; k < r->depth; k++) {
        r->one_at[k] = k * a->column_step;
        r->lanes_at[k] = k * whole;
        r->last_at[k] = k * rest;
    }
}

static ct_ready *ready_new(const ct_tensor *t, int factor, int alone, int64_t place)
{
    if (t[0].ndim != 2 || (t[0].dtype != CT_F32 && t[0].dtype != CT_F64))
        return NULL;
    const ct_product_of p = product_for(t, factor);
    const int64_t depth = p.a.columns;
    if (!is_worth_it(&p, alone))
        return NULL;
    ct_ready *r = malloc(sizeof(*r) + 3 * depth * sizeof(int64_t));
    if (r == NULL)
        return NULL;
    *r = (ct_ready){.place = place, .other = 3 - factor, .rows = p.c.rows, .depth = depth,
                    .by = ct_panels_for(p.dtype, p.c.rows, p.c.columns), .columns = p.c.columns,
                    .row_step = p.c.row_step, .one_at = (int64_t *)(r + 1)};
    r->lanes_at = r->one_at + depth;
    r->last_at = r->lanes_at + depth;
    fill_places(r, &p.a);
    return r;
}

static void ready_free(ct_ready *r)
{
    free(r);
}

static int64_t ready_bytes(const ct_ready *r)
{
    return ct_panels_bytes(&r->by, r->depth, r->columns);
}

static void ready_fill(const ct_ready *r, const ct_tensor *t, char *to)
{
    const ct_matrix x = matrix_of(t), b = r->other == 1 ? x : ct_transposed(x);
    ct_panels_fill(&r->by, &b, to);
}

/* The columns of c that belong to one panel. */
static void run_panel(const ct_ready *r, const char *a, const char *lanes, const int64_t *lanes_at,
                      int64_t columns, char *c)
{
    _Alignas(64) char sums[CT_KIT_ROWS * CT_KIT_VECTORS * 64];
    const int vectors = (int)ct_ceil_div(columns, r->by.kit->lanes);
    const int most = ct_tile_rows(r->by.kit, r->rows, vectors);
    const int is_whole = ct_writes_whole(&r->by, columns, r->row_step);
    for (int64_t i = 0; i < r->rows; i += most) {
        const int rows = (int)ct_min(most, r->rows - i);
        char *to = c + i * r->row_step;
        r->by.kit->tile[vectors][rows](r->depth, a + i * r->row_at[1], r->one_at, r->row_at,
                                       lanes, lanes_at, is_whole ? to : sums,
                                       is_whole ? (int)r->row_step : 0);
        if (!is_whole)
            r->by.kit->copy_rows(rows, columns, to, r->row_step, sums, vectors * r->by.vector);
    }
}

/* The ct_kernel: t[0] = t[1] @ t[2]. */
static int ready_run(ct_call *call, int n, const ct_tensor *t, const int64_t *params)
{
    const ct_ready *r = (const ct_ready *)params;
    const char *panels = (const char *)call->regs[r->place], *a = t[r->other].data;
    const int64_t width = r->by.width;
    (void)n;
    for (int64_t j = 0; j < r->columns; j += width) {
        const int64_t columns = ct_min(width, r->columns - j);
        run_panel(r, a, panels + j * r->by.item * r->depth,
                  columns == width ? r->lanes_at : r->last_at, columns,
                  t[0].data + j * r->by.item);
    }
    return CT_OK;
}

const ct_ready_products ct_ready_used = {
    .product = ct_matmul, .make = ready_new, .free = ready_free, .bytes = ready_bytes,
    .fill = ready_fill, .run = ready_run,
};
