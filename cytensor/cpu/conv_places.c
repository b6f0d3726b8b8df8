/* conv_places.c: what convolutions read and write where, and what tiles cost. */
#include "conv.h"

#include <stdlib.h>

/* ----- places ----- */

int64_t ct_conv_count(const ct_conv *c)
{
    return c->axes[0].count * c->axes[1].count * c->axes[2].count;
}

void ct_conv_set_reads(const ct_conv *c, const ct_box *box, int64_t *reads)
{
    const int64_t taps = c->ntaps;
    const int64_t channel = box ? box->items * c->item : c->image.channel_step;
    const int64_t ntaps[CT_SPACE] = {c->axes[0].ntaps, c->axes[1].ntaps, c->axes[2].ntaps};
    int64_t tap[CT_SPACE] = {0};
    for (int64_t t = 0; t < taps; t++, ct_next_place(tap, ntaps)) {
        int64_t at = 0;
        if (box)
            at = ct_box_tap(c, box, tap) * c->item;
        else
            for (int a = 0; a < CT_SPACE; a++)
                at += (c->axes[a].first + c->axes[a].pixel_at[tap[a]]) * c->image.steps[a];
        for (int64_t i = 0; i < c->channels; i++)
            reads[i * taps + t] = at + i * channel;
    }
}

/* List the places of results: `first`, and so many bytes from one to the next along each axis. */
static void set_grid(const ct_conv *c, int64_t first, const int64_t *steps, int64_t *places)
{
    const int64_t n = c->axes[2].count, step = steps[2];
    for (int64_t z = 0; z < c->axes[0].count; z++)
        for (int64_t y = 0; y < c->axes[1].count; y++, places += n) {
            const int64_t row = first + z * steps[0] + y * steps[1];
            for (int64_t x = 0; x < n; x++)
                places[x] = row + x * step;
        }
}

void ct_conv_set_pixels(const ct_conv *c, const ct_box *box, int64_t *pixels)
{
    int64_t steps[CT_SPACE];
    for (int a = 0; a < CT_SPACE; a++)
        steps[a] = box ? c->axes[a].step / box->apart[a] * box->steps[a] * c->item
                       : c->axes[a].step * c->image.steps[a];
    set_grid(c, 0, steps, pixels);
}

int ct_conv_set_results(const ct_conv *c, int64_t *placed)
{
    int64_t first = 0, steps[CT_SPACE], next = c->item;
    int is_plain = 1;
    for (int a = CT_SPACE - 1; a >= 0; a--) {
        const ct_axis *axis = &c->axes[a];
        first += axis->first_result * c->result.steps[a];
        steps[a] = axis->result_step * c->result.steps[a];
        is_plain = is_plain && (axis->count == 1 || steps[a] == next);
        next *= axis->count;
    }
    set_grid(c, first, steps, placed);
    return is_plain;
}

void ct_conv_set_abreast(const ct_conv *c, int64_t width, int64_t *row_at, int64_t *image_at,
                         int64_t *pixel_at)
{
    for (int r = 0; r < CT_KIT_ROWS; r++)
        row_at[r] = r * c->item;
    for (int64_t n = 0; n < width; n++)
        image_at[n] = n * c->image.batch_step;
    for (int64_t x = 0; x < c->axes[2].count; x++)
        pixel_at[x] = x * width * c->item;
}

int64_t ct_conv_flats(const ct_conv *c, const ct_box *box)
{
    int64_t last = 0;
    for (int a = 0; a < CT_SPACE; a++)
        last += (c->axes[a].count - 1) * box->steps[a];
    return last + 1;
}

/* ----- tiles ----- */

#define LATENCY 8.0             /* sums that are added to in turn, to keep the adders busy */
#define READ_ONE 1.4            /* to spread an item, and to read a vector, in sums */
#define READ_LANES 1.5

static double larger(double a, double b)
{
    return a > b ? a : b;
}

static double tile_cost(int rows, int vectors)
{
    const double read = READ_ONE * rows + READ_LANES * vectors;
    return larger(larger(rows * vectors, LATENCY), read) + 0.02 * read;
}

static int most_rows(const ct_conv_kit *kit, int vectors)
{
    int rows = CT_KIT_ROWS;
    while (kit->tile[vectors][rows] == NULL)
        rows--;
    return rows;
}

int ct_tile_rows(const ct_conv_kit *kit, int64_t n, int vectors)
{
    return (int)ct_ceil_div(n, ct_ceil_div(n, most_rows(kit, vectors)));
}

int ct_tile_width(int64_t n, int most)
{
    static const int widths[] = {CT_KIT_WIDTHS};
    int i = 0;
    while (widths[i] > most || widths[i] > n)
        i++;
    return widths[i];
}

double ct_rows_cost(const ct_conv_kit *kit, int64_t n, int vectors)
{
    const int rows = ct_tile_rows(kit, n, vectors);
    const int64_t whole = n / rows;
    const int rest = (int)(n - whole * rows);
    return whole * tile_cost(rows, vectors) + (rest ? tile_cost(rest, vectors) : 0);
}

double ct_grid_cost(const ct_conv_kit *kit, int64_t rows, int64_t vectors, int *width)
{
    static const int widths[] = {CT_KIT_WIDTHS};
    double least = 0;
    for (size_t i = 0; i < sizeof widths / sizeof *widths; i++) {
        double cost = 0;
        for (int64_t left = vectors; left > 0; left -= ct_tile_width(left, widths[i]))
            cost += ct_rows_cost(kit, rows, ct_tile_width(left, widths[i]));
        if (i == 0 || cost < least) {
            least = cost;
            *width = widths[i];
        }
    }
    return least;
}

/* ----- memory ----- */

char *ct_take(char **memory, int64_t bytes)
{
    char *taken = *memory;
    *memory += (bytes + 63) / 64 * 64;
    return taken;
}

char *ct_with_memory(void *what, void (*lay_out)(void *what, char **memory))
{
    char *end = NULL;
    lay_out(what, &end);
    char *memory = aligned_alloc(64, end - (char *)NULL + 64), *next = memory;
    if (memory != NULL)
        lay_out(what, &next);
    return memory;
}
