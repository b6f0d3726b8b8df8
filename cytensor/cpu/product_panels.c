/* product_panels.c: which tiles of sums suit a product, and its right factor in panels of a few
 * vectors, whose rows lie side by side. */
#include "product.h"

#include <string.h>

const ct_conv_kits *ct_tiles_used;

#define COPIED_ROWS 16          /* at a time */
#define MOST_LANES 16

/* ----- the shape of tiles ----- */

int ct_tile_rows(const ct_conv_kit *kit, int64_t rows, int vectors)
{
    int most = CT_KIT_ROWS;
    while (kit->tile[vectors][most] == NULL)
        most--;
    return (int)ct_ceil_div(rows, ct_ceil_div(rows, most));
}

/* What a tile costs for each k, in eighths of a product of vectors. A small tile waits for its
 * sums, or for what it loads; what a large one loads does not come quite for nothing. */
static int64_t tile_cost(int64_t rows, int64_t vectors)
{
    const int64_t sums = rows * vectors, loads = rows + vectors;
    const int64_t slowest = sums > loads ? sums : loads;
    return 8 * (slowest < 8 ? 8 : slowest) + loads;
}

/* The same of a column of tiles. */
static int64_t panel_cost(const ct_conv_kit *kit, int64_t rows, int vectors)
{
    const int r = ct_tile_rows(kit, rows, vectors);
    const int64_t rest = rows % r;
    return rows / r * tile_cost(r, vectors) + (rest ? tile_cost(rest, vectors) : 0);
}

static int has_tiles(const ct_conv_kit *kit, int vectors)
{
    return vectors == 0 || kit->tile[vectors][1] != NULL;
}

/* How many vectors a panel has. */
static int best_width(const ct_conv_kit *kit, int64_t rows, int64_t vectors)
{
    int best = 1;
    int64_t least = INT64_MAX;
    for (int width = 1; width <= CT_KIT_VECTORS; width++) {
        const int rest = (int)(vectors % width);
        if (!has_tiles(kit, width) || !has_tiles(kit, rest))
            continue;
        const int64_t cost = vectors / width * panel_cost(kit, rows, width)
            + (rest ? panel_cost(kit, rows, rest) : 0);
        if (cost < least) {
            least = cost;
            best = width;
        }
    }
    return best;
}

ct_panels ct_panels_for(int dtype, int64_t rows, int64_t columns)
{
    const ct_conv_kit *kit = dtype == CT_F32 ? ct_tiles_used->f32 : ct_tiles_used->f64;
    const int item = ct_itemsize[dtype];
    const int64_t vectors = ct_ceil_div(columns, kit->lanes);
    return (ct_panels){kit, item, kit->lanes * item, best_width(kit, rows, vectors) * kit->lanes};
}

/* ----- panels ----- */

int64_t ct_panel_row(const ct_panels *p, int64_t columns, int64_t j)
{
    return ct_ceil_div(ct_min(p->width, columns - j), p->kit->lanes) * p->vector;
}

int64_t ct_panels_bytes(const ct_panels *p, int64_t rows, int64_t columns)
{
    return rows * ct_ceil_div(columns, p->kit->lanes) * p->vector;
}

/* A few rows of b at a time go to all panels, so that memory is read nearly in its own order. */
static void copy_rows(const ct_panels *p, const ct_matrix *b, char *to)
{
    for (int64_t k = 0; k < b->rows; k += COPIED_ROWS)
        for (int64_t j = 0; j < b->columns; j += p->width) {
            const int64_t wide = ct_panel_row(p, b->columns, j);
            p->kit->copy_rows((int)ct_min(COPIED_ROWS, b->rows - k),
                              ct_min(p->width, b->columns - j),
                              to + j * p->item * b->rows + k * wide, wide,
                              b->data + k * b->row_step + j * p->item, b->row_step);
        }
}

static void fill_panel(const ct_panels *p, const ct_matrix *b, int64_t wide, char *to)
{
    const ct_matrix place = {to, b->rows, b->columns, wide, p->item};
    int64_t at[CT_KIT_VECTORS * MOST_LANES];
    if (b->row_step != p->item) {
        ct_matrix_copy(&place, b, p->item);
        return;
    }
    for (int64_t j = 0; j < b->columns; j++)
        at[j] = j * b->column_step;
    p->kit->turn((int)b->columns, b->rows, b->data, at, to, wide);
}

void ct_panels_fill(const ct_panels *p, const ct_matrix *b, char *to)
{
    const int64_t last = (b->columns - 1) / p->width * p->width;
    if (b->columns % p->kit->lanes)
        memset(to + last * p->item * b->rows, 0, b->rows * ct_panel_row(p, b->columns, last));
    if (b->column_step == p->item) {
        copy_rows(p, b, to);
        return;
    }
    for (int64_t j = 0; j < b->columns; j += p->width) {
        const ct_matrix part = ct_some_columns(*b, j, ct_min(p->width, b->columns - j));
        fill_panel(p, &part, ct_panel_row(p, b->columns, j), to + j * p->item * b->rows);
    }
}
