/* conv_filters.c: the gradient of a convolution with respect to its filters.
 *
 * Each item of a filter is a sum over all pixels of all images, of a pixel of the image times the
 * gradient of a result. The sums of a tile stay in registers for some thousand pixels, a wave; what
 * fills the vectors is turned for one wave at a time. There are three ways, and what takes the
 * fewest vectors is chosen from the sizes:
 *
 *   by filters: a vector holds the results of many filters, and an item of the image is spread;
 *   by taps:    a vector holds many taps, and a result is spread: for few channels;
 *   by pixels:  a vector holds pixels side by side, and is added up at the end: for filters of one
 *               or two channels, in many groups.
 *
 * A task has its own sums and goes over the waves in order, so that threads change no bit. */
#include "conv.h"

#include <stdlib.h>
#include <string.h>

#define WAVE_PIXELS 2048
#define WAVE_BYTES (1 << 20)    /* of a wave of turned items, about */
#define TURN_PIXELS 256         /* that a task turns */
#define BOX_BYTES (4 << 20)     /* of images whose boxes are filled at a time, about */

typedef struct {
    int64_t first, n;           /* what is in the vectors */
    int vectors, rows;          /* of a tile */
    int64_t ntiles;             /* one below the other */
    int64_t panel, sums;        /* items from those of the group */
} column;

typedef struct {
    const ct_conv *c;
    ct_box box;
    int is_boxed, by_pixels, by_taps, ncolumns;
    int64_t inner, count, rows;         /* taps of a filter; pixels; rows of all tiles */
    int64_t *reads, *pixels, *placed, *across;
    int64_t *one_at, *panel_steps;      /* of the pixels of a wave */
    column *columns;
    char *panels, *sums, *boxes;
    int64_t panel_items, sum_items, box_bytes, ntiles;      /* of a group; of an image */
    int64_t wave, first, end, first_image, images;
    int result_run, pixel_run;          /* items side by side: of results, and of pixels */
} job;

/* ----- images ----- */

static const char *image_of(const job *j, int64_t n, int64_t group)
{
    const ct_conv *c = j->c;
    if (j->is_boxed)
        return j->boxes + ((n - j->first_image) * c->groups + group) * j->box_bytes;
    return ct_conv_image(c, n, group);
}

static void fill_channel(void *ctx, int64_t task, int thread)
{
    const job *j = ctx;
    const ct_conv *c = j->c;
    const int64_t channels = c->groups * c->channels, channel = task % channels;
    const int64_t n = j->first_image + task / channels;
    char *box = j->boxes + (task / c->channels) * j->box_bytes;
    (void)thread;
    ct_box_fill(c, &j->box, box + channel % c->channels * j->box.items * c->item,
                c->image.data + n * c->image.batch_step + channel * c->image.channel_step);
}

/* ----- a wave ----- */

static int64_t at_run(int64_t pixel, int64_t end, int64_t count, int64_t run)
{
    const int64_t left = run - pixel % count % run;
    return left < end - pixel ? left : end - pixel;
}

/* Turn some pixels of a wave: what a column has in its vectors, pixel after pixel. */
static void turn_some(void *ctx, int64_t task, int thread)
{
    const job *j = ctx;
    const ct_conv *c = j->c;
    const int64_t pieces = ct_ceil_div(j->end - j->first, TURN_PIXELS);
    const int64_t columns = task / pieces, group = columns / j->ncolumns;
    const column *col = &j->columns[columns % j->ncolumns];
    const int64_t width = col->vectors * c->kit->lanes;
    const int64_t first = j->first + task % pieces * TURN_PIXELS;
    const int64_t end = ct_min(first + TURN_PIXELS, j->end);
    const int64_t run = j->by_taps ? j->pixel_run : j->result_run;
    const int64_t *at = (j->by_taps ? j->reads : j->across) + col->first;
    char *to = j->panels + (group * j->panel_items + col->panel
                            + (first - j->first) * width) * c->item;
    (void)thread;
    if (col->n < width)
        memset(to, 0, (end - first) * width * c->item);
    for (int64_t p = first, n; p < end; p += n) {
        const int64_t image = p / j->count, pixel = p % j->count;
        const char *from = j->by_taps ? image_of(j, image, group) + j->pixels[pixel]
                                      : ct_conv_result(c, image, group) + j->placed[pixel];
        n = at_run(p, end, j->count, run);
        c->kit->turn((int)col->n, n, from, at, to, width * c->item);
        to += n * width * c->item;
    }
}

/* A tile of sums, over the pixels of a wave. */
static void add_wave(void *ctx, int64_t task, int thread)
{
    const job *j = ctx;
    const ct_conv *c = j->c;
    const int64_t group = task / j->ntiles;
    int64_t tile = task % j->ntiles;
    const column *col = j->columns;
    (void)thread;
    for (; tile >= col->ntiles; col++)
        tile -= col->ntiles;
    const int64_t width = col->vectors * c->kit->lanes, row = tile * col->rows;
    const int rows = (int)ct_min(col->rows, j->rows - row);
    /* one_at is from the first image of the wave */
    const int64_t image = j->first / j->count;
    const char *ones = j->by_taps ? ct_conv_result(c, image, group) : image_of(j, image, group);
    c->kit->tile[col->vectors][rows](
        j->end - j->first, ones, j->one_at, (j->by_taps ? j->across : j->reads) + row,
        j->panels + (group * j->panel_items + col->panel) * c->item,
        j->panel_steps + (col->vectors - 1) * j->wave,
        j->sums + (group * j->sum_items + col->sums + row * width) * c->item, j->first > 0);
}

/* Where the items that are spread lie, from the first image of the wave. */
static void set_ones(job *j)
{
    const ct_conv *c = j->c;
    const int64_t image = j->first / j->count;
    const int64_t step = j->by_taps ? c->result.batch_step
        : j->is_boxed ? c->groups * j->box_bytes : c->image.batch_step;
    const int64_t *pixels = j->by_taps ? j->placed : j->pixels;
    for (int64_t p = j->first; p < j->end; p++)
        j->one_at[p - j->first] = (p / j->count - image) * step + pixels[p % j->count];
}

static void run_waves(job *j, int64_t first, int64_t end)
{
    for (j->first = first; j->first < end; j->first = j->end) {
        j->end = ct_min(j->first + j->wave, end);
        set_ones(j);
        ct_run(j->c->groups * j->ncolumns * ct_ceil_div(j->end - j->first, TURN_PIXELS),
               turn_some, j);
        ct_run(j->c->groups * j->ntiles, add_wave, j);
    }
}

static void run(job *j)
{
    const ct_conv *c = j->c;
    for (int64_t n = 0; n < c->batch; n += j->images) {
        const int64_t images = ct_min(j->images, c->batch - n);
        j->first_image = n;
        if (j->is_boxed)
            ct_run(images * c->groups * c->channels, fill_channel, j);
        run_waves(j, n * j->count, (n + images) * j->count);
    }
}

/* ----- the filters ----- */

/* One tap of all channels: the sums to the filters. */
static void place_tap(const job *j, const column *col, int64_t tap, const char *sums, char *window)
{
    const ct_conv *c = j->c;
    const int64_t taps = c->ntaps, width = col->vectors * c->kit->lanes;
    for (int64_t i = 0; i < c->channels; i++) {
        const int64_t k = i * taps + tap;
        char *to = window + i * c->channel_step;
        if (!j->by_taps)
            for (int64_t r = 0; r < col->n; r++)
                ct_move(c->item, to + (col->first + r) * c->result_step,
                        sums + (k * width + r) * c->item);
        else if (k >= col->first && k < col->first + col->n)
            for (int64_t r = 0; r < c->results; r++)
                ct_move(c->item, to + r * c->result_step,
                        sums + (r * width + k - col->first) * c->item);
    }
}

static void place_group(void *ctx, int64_t group, int thread)
{
    const job *j = ctx;
    const ct_conv *c = j->c;
    (void)thread;
    for (int i = 0; i < j->ncolumns; i++)
        for (int64_t t = 0; t < c->ntaps; t++)
            place_tap(j, &j->columns[i], t,
                      j->sums + (group * j->sum_items + j->columns[i].sums) * c->item,
                      c->filters + group * c->group_step + c->tap_at[t]);
}

/* ----- choosing ----- */

#define MOVE 5.0                /* to turn a vector takes as long as so many sums */

static int choose(job *j)
{
    const ct_conv *c = j->c;
    const int64_t lanes = c->kit->lanes;
    const int64_t filters = ct_ceil_div(c->results, lanes), taps = ct_ceil_div(j->inner, lanes);
    int wide, other;
    const double by_filters = ct_grid_cost(c->kit, j->inner, filters, &wide) + MOVE * filters;
    const double by_taps = ct_grid_cost(c->kit, c->results, taps, &other) + MOVE * taps;
    j->by_taps = by_taps < by_filters;
    j->by_pixels = ct_conv_pixels_can(c) && j->count > 0
        && ct_conv_pixels_cost(c) < j->count * (j->by_taps ? by_taps : by_filters);
    j->box = ct_box_of(c, j->by_taps);
    j->is_boxed = ct_box_is_padded(c, &j->box)
        || (j->by_taps && (c->axes[2].step > 1 || c->image.steps[2] != c->item));
    j->rows = j->by_taps ? c->results : j->inner;
    return j->by_taps ? other : wide;
}

static void set_columns(job *j, int most)
{
    const ct_conv *c = j->c;
    const int64_t all = j->by_taps ? j->inner : c->results;
    j->ncolumns = 0;
    j->panel_items = j->sum_items = j->ntiles = 0;
    for (int64_t first = 0; first < all;) {
        column *col = &j->columns[j->ncolumns++];
        col->vectors = ct_tile_width(ct_ceil_div(all - first, c->kit->lanes), most);
        const int64_t width = col->vectors * c->kit->lanes;
        col->rows = ct_tile_rows(c->kit, j->rows, col->vectors);
        col->ntiles = ct_ceil_div(j->rows, col->rows);
        col->first = first;
        col->n = ct_min(width, all - first);
        col->panel = j->panel_items;
        col->sums = j->sum_items;
        j->ntiles += col->ntiles;
        j->panel_items += j->wave * width;
        j->sum_items += j->rows * width;
        first += col->n;
    }
}

/* How many items of a row, of rows, or of planes lie side by side. */
static int side_by_side(const ct_conv *c, const int64_t *places)
{
    int64_t run = 1;
    for (int a = CT_SPACE - 1; a >= 0; a--) {
        const int64_t n = c->axes[a].count;
        if (n > 1 && places[run] != places[0] + run * c->item)
            return (int)run;
        run *= n;
    }
    return (int)run;
}

static void set_tables(job *j)
{
    const ct_conv *c = j->c;
    const ct_box *box = j->is_boxed ? &j->box : NULL;
    ct_conv_set_reads(c, box, j->reads);
    ct_conv_set_pixels(c, box, j->pixels);
    ct_conv_set_results(c, j->placed);
    for (int64_t r = 0; r < c->results; r++)
        j->across[r] = r * c->result.channel_step;
    for (int v = 1; v <= CT_KIT_VECTORS; v++)
        for (int64_t p = 0; p < j->wave; p++)
            j->panel_steps[(v - 1) * j->wave + p] = p * v * c->kit->lanes * c->item;
    j->result_run = side_by_side(c, j->placed);
    j->pixel_run = side_by_side(c, j->pixels);
}

static void set_sizes(job *j)
{
    const ct_conv *c = j->c;
    const int64_t width = (j->by_taps ? j->inner : c->results) + c->kit->lanes;
    const int64_t pixels = WAVE_BYTES / (width * c->groups * c->item);
    j->box_bytes = (c->channels * j->box.items * c->item + 127) / 64 * 64;
    j->images = j->is_boxed ? ct_min(c->batch, BOX_BYTES / (j->box_bytes * c->groups) + 1)
                            : c->batch;
    j->wave = ct_min(WAVE_PIXELS, pixels < TURN_PIXELS ? TURN_PIXELS : pixels);
    j->wave = ct_min(j->wave, j->images * j->count);
}

/* ----- memory ----- */

static void lay_out_tables(void *job_, char **memory)
{
    job *j = job_;
    const int64_t number = sizeof(int64_t);
    j->columns = (column *)ct_take(memory, (j->inner + j->c->results) * sizeof(column));
    j->reads = (int64_t *)ct_take(memory, j->inner * number);
    j->across = (int64_t *)ct_take(memory, j->c->results * number);
    j->pixels = (int64_t *)ct_take(memory, j->count * number);
    j->placed = (int64_t *)ct_take(memory, j->count * number);
    j->one_at = (int64_t *)ct_take(memory, j->wave * number);
    j->panel_steps = (int64_t *)ct_take(memory, CT_KIT_VECTORS * j->wave * number);
}

static void lay_out_data(void *job_, char **memory)
{
    job *j = job_;
    const ct_conv *c = j->c;
    j->panels = ct_take(memory, c->groups * j->panel_items * c->item);
    j->sums = ct_take(memory, c->groups * j->sum_items * c->item);
    j->boxes = ct_take(memory, j->is_boxed ? j->images * c->groups * j->box_bytes : 0);
}

int ct_conv_filters(const ct_conv *c)
{
    job j = {.c = c, .inner = c->channels * c->ntaps, .count = ct_conv_count(c)};
    int status = CT_MEMORY;
    const int is_empty = c->batch * j.count <= 0;
    if (c->groups * c->results * j.inner == 0)
        return CT_OK;
    const int most = choose(&j);
    if (j.by_pixels)
        return ct_conv_pixels(c);
    j.is_boxed = j.is_boxed && !is_empty;
    set_sizes(&j);
    char *tables = ct_with_memory(&j, lay_out_tables), *data = NULL;
    if (tables != NULL) {
        set_tables(&j);
        set_columns(&j, most);
        data = ct_with_memory(&j, lay_out_data);
    }
    if (data != NULL) {
        status = CT_OK;
        if (is_empty)
            memset(j.sums, 0, c->groups * j.sum_items * c->item);
        run(&j);
        ct_run(c->groups, place_group, &j);
    }
    free(data);
    free(tables);
    return status;
}
