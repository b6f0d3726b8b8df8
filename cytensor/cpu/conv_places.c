/* conv_places.c: what convolutions read and write where, and what tiles cost. */
#include "conv.h"

#include <stdlib.h>

/* ----- places ----- */

static void set_sizes(const ct_conv *c, int64_t *counts, int64_t *ntaps)
{
    for (int a = 0; a < CT_SPACE; a++) {
        counts[a] = c->axes[a].count;
        ntaps[a] = c->axes[a].ntaps;
    }
}

int64_t ct_conv_count(const ct_conv *c)
{
    return c->axes[0].count * c->axes[1].count * c->axes[2].count;
}

void ct_conv_set_reads(const ct_conv *c, const ct_box *box, int64_t *reads)
{
    const int64_t taps = c->ntaps;
    const int64_t channel = box ? box->items * c->item : c->image.channel_step;
    int64_t counts[CT_SPACE], ntaps[CT_SPACE], tap[CT_SPACE] = {0};
    set_sizes(c, counts, ntaps);
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

void ct_conv_set_pixels(const ct_conv *c, const ct_box *box, int64_t *pixels)
{
    int64_t counts[CT_SPACE], ntaps[CT_SPACE], at[CT_SPACE] = {0};
    set_sizes(c, counts, ntaps);
    for (int64_t i = 0; i < ct_conv_count(c); i++, ct_next_place(at, counts)) {
        pixels[i] = 0;
        for (int a = 0; a < CT_SPACE; a++)
            pixels[i] += at[a] * (box ? c->axes[a].step / box->apart[a] * box->steps[a] * c->item
                                      : c->axes[a].step * c->image.steps[a]);
    }
}

int ct_conv_set_results(const ct_conv *c, int64_t *placed)
{
    int64_t counts[CT_SPACE], ntaps[CT_SPACE], at[CT_SPACE] = {0};
    int is_plain = 1;
    set_sizes(c, counts, ntaps);
    for (int64_t i = 0; i < ct_conv_count(c); i++, ct_next_place(at, counts)) {
        placed[i] = 0;
        for (int a = 0; a < CT_SPACE; a++)
            placed[i] += (c->axes[a].first_result + at[a] * c->axes[a].result_step)
                * c->result.steps[a];
        is_plain = is_plain && placed[i] == placed[0] + i * c->item;
    }
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

int ct_tile_most_rows(const ct_conv_kit *kit, int vectors)
{
    int rows = CT_KIT_ROWS;
    while (kit->tile[vectors][rows] == NULL)
        rows--;
    return rows;
}

int ct_tile_rows(const ct_conv_kit *kit, int64_t n, int vectors)
{
    return (int)ct_ceil_div(n, ct_ceil_div(n, ct_tile_most_rows(kit, vectors)));
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
