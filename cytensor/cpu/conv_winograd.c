/* conv_winograd.c: windows of 3x3, step 1, with fewer multiplications.
 *
 * Results come in squares of 2x2, from squares of 4x4 pixels. A square is split into 16 parts, sums
 * and differences of its pixels; so is each filter, once. Parts are multiplied and added up over
 * the channels, 16 products instead of 36, and joined to results: F(2x2, 3x3) of A. Lavin and
 * S. Gray, "Fast algorithms for convolutional neural networks", 2016. As in conv_batch.c, images
 * are turned, so that a vector holds the same pixel of different ones. */
#include "conv.h"

#include <stdlib.h>
#include <string.h>

#define PARTS 16
#define BLOCK_BYTES (4 << 20)   /* of turned images at a time */
#define IMAGES 16               /* of a block, at most */
#define VECTORS 2               /* of a tile, at least */

typedef struct {
    const ct_conv *c;
    int64_t vectors, width;         /* of images in a block */
    int64_t squares[2];             /* down and across */
    int64_t sizes[2];               /* of a turned image: its squares, and what they overlap */
    int64_t low[2];                 /* its first pixel */
    int64_t together;               /* squares in one product */
    int rows, tile;                 /* of a tile: filters, and vectors */
    int64_t *placed, *row_at, *image_at, *pixel_at, *one_at, *lanes_at;
    char *panels, *images, *scratch;
    int64_t plane, block_bytes, scratch_bytes, sums_bytes, first_block, nblocks;
} job;

static int64_t ceil_half(int64_t n)
{
    return (n + 1) / 2;
}

/* ----- choosing ----- */

/* Whether an axis has three taps side by side, and steps of 1. */
static int is_simple(const ct_axis *axis)
{
    const int64_t *at = axis->pixel_at;
    return axis->step == 1 && axis->ntaps == 3 && (at[1] - at[0] == 1 || at[1] - at[0] == -1)
        && at[2] - at[1] == at[1] - at[0];
}

static void set_sizes(job *j)
{
    const ct_conv *c = j->c;
    const int lanes = c->kit->lanes;
    j->vectors = ct_ceil_div(ct_min(c->batch, IMAGES), lanes);
    j->width = j->vectors * lanes;
    for (int a = 0; a < 2; a++) {
        const ct_axis *axis = &c->axes[a + 1];
        j->squares[a] = ceil_half(axis->count);
        j->sizes[a] = 2 * j->squares[a] + 2;
        j->low[a] = axis->first + ct_min(axis->pixel_at[0], axis->pixel_at[2]);
    }
    j->plane = j->sizes[0] * j->sizes[1];
    j->together = ct_min(j->squares[1], ct_ceil_div(VECTORS, j->vectors));
    j->tile = ct_tile_width(j->together * j->vectors, CT_KIT_VECTORS);
    j->together = ct_min(j->together, j->tile / j->vectors);
    j->rows = ct_tile_rows(c->kit, c->results, j->tile);
    j->block_bytes = c->channels * j->plane * j->width * c->item;
}

/* In sums of vectors: what is added to split and join, and to turn a square of items. */
#define SPLIT 70.0
#define JOIN 50.0
#define MOVE 8.0

double ct_conv_winograd_cost(const ct_conv *c)
{
    job j = {.c = c};
    if (c->axes[0].count != 1 || c->axes[0].ntaps != 1 || c->image.sizes[0] != 1
        || c->axes[0].first + c->axes[0].pixel_at[0] != 0
        || !is_simple(&c->axes[1]) || !is_simple(&c->axes[2]) || c->batch < c->kit->lanes / 2)
        return -1;
    set_sizes(&j);
    if (j.tile < j.vectors || j.block_bytes * c->groups > BLOCK_BYTES)
        return -1;
    const double squares = (double)j.squares[0] * j.squares[1];
    const double products = PARTS * c->channels
        * ct_rows_cost(c->kit, c->results, j.tile) / j.together;
    const double moved = (double)(c->image.sizes[1] * c->image.sizes[2] * c->channels
                                  + ct_conv_count(c) * c->results);
    return ct_ceil_div(c->batch, j.width)
        * (squares * (products + (SPLIT * c->channels + JOIN * c->results) * j.vectors)
           + MOVE * moved * j.vectors);
}

/* ----- filters ----- */

static double item_of(const ct_conv *c, const char *at)
{
    return c->item == 4 ? *(const float *)at : *(const double *)at;
}

static void store(const ct_conv *c, char *at, double value)
{
    if (c->item == 4)
        *(float *)at = (float)value;
    else
        *(double *)at = value;
}

static void split_three(const double *w, int step, double *out, int out_step)
{
    const double a = w[0], b = w[step], c = w[2 * step];
    out[0] = a;
    out[out_step] = (a + b + c) / 2;
    out[2 * out_step] = (a - b + c) / 2;
    out[3 * out_step] = c;
}

/* The parts of one window: to[part]. Taps are taken in the order of the pixels that they meet. */
static void split_window(const ct_conv *c, const char *window, double *to)
{
    const int down = c->axes[1].pixel_at[2] < c->axes[1].pixel_at[0];
    const int across = c->axes[2].pixel_at[2] < c->axes[2].pixel_at[0];
    double w[9], half[12];
    for (int y = 0; y < 3; y++)
        for (int x = 0; x < 3; x++)
            w[3 * y + x] = item_of(c, window + c->tap_at[3 * (down ? 2 - y : y)
                                                         + (across ? 2 - x : x)]);
    for (int y = 0; y < 3; y++)
        split_three(w + 3 * y, 1, half + 4 * y, 1);
    for (int x = 0; x < 4; x++)
        split_three(half + x, 4, to + x, 4);
}

/* panels[group][part][channel][filter] */
static void fill_panel(void *ctx, int64_t task, int thread)
{
    const job *j = ctx;
    const ct_conv *c = j->c;
    const int64_t group = task / c->channels, channel = task % c->channels;
    const int64_t row = c->results * c->item;
    char *to = j->panels + group * PARTS * c->channels * row + channel * row;
    double parts[PARTS];
    (void)thread;
    for (int64_t f = 0; f < c->results; f++) {
        split_window(c, c->filters + group * c->group_step + f * c->result_step
                        + channel * c->channel_step, parts);
        for (int k = 0; k < PARTS; k++)
            store(c, to + k * c->channels * row + f * c->item, parts[k]);
    }
}

/* ----- images ----- */

/* images[block][group][channel][row][column][image], with zeros where there is no pixel. */
static void turn_channel(void *ctx, int64_t task, int thread)
{
    const job *j = ctx;
    const ct_conv *c = j->c;
    const int64_t channel = task % c->channels, group = task / c->channels % c->groups;
    const int64_t block = task / c->channels / c->groups;
    const int64_t first = (j->first_block + block) * j->width;
    const int images = (int)ct_min(j->width, c->batch - first);
    const int64_t step = j->width * c->item, pixel = c->image.steps[2];
    const int64_t left = ct_min(j->low[1], 0), right = ct_min(c->image.sizes[2],
                                                             j->low[1] + j->sizes[1]);
    const char *from = ct_conv_image(c, first, group) + channel * c->image.channel_step;
    char *to = j->images + (block * c->groups + group) * j->block_bytes + channel * j->plane * step;
    (void)thread;
    memset(to, 0, j->plane * step);
    for (int64_t y = 0; y < j->sizes[0]; y++) {
        const int64_t row = j->low[0] + y, start = left < j->low[1] ? j->low[1] : 0;
        if (row < 0 || row >= c->image.sizes[1])
            continue;
        const char *x = from + row * c->image.steps[1];
        char *at = to + (y * j->sizes[1] - j->low[1]) * step;
        if (pixel == c->item)
            c->kit->turn(images, right - start, x + start * pixel, j->image_at, at + start * step,
                         step);
        else
            for (int64_t i = start; i < right; i++)
                c->kit->turn(images, 1, x + i * pixel, j->image_at, at + i * step, step);
    }
}

/* ----- results ----- */

/* The products of some squares: parts[part][channel] to sums[part][filter]. */
static void multiply(const job *j, const char *panel, const char *parts, char *sums)
{
    const ct_conv *c = j->c;
    const int64_t row = j->tile * c->kit->lanes * c->item;
    for (int k = 0; k < PARTS; k++)
        for (int64_t f = 0; f < c->results; f += j->rows)
            c->kit->tile[j->tile][ct_min(j->rows, c->results - f)](
                c->channels, panel + (k * c->channels * c->results + f) * c->item, j->one_at,
                j->row_at, parts + k * c->channels * row, j->lanes_at,
                sums + (k * c->results + f) * row, 0);
}

/* Turn two rows of results back: made[filter][row][column][image]. */
static void place_rows(const job *j, int64_t first_row, int images, const char *made, char *result)
{
    const ct_conv *c = j->c;
    const int64_t across = c->axes[2].count, line = 2 * j->squares[1] * j->width * c->item;
    for (int64_t f = 0; f < c->results; f++)
        for (int64_t y = 0; y < ct_min(2, c->axes[1].count - first_row); y++) {
            const char *from = made + (2 * f + y) * line;
            const int64_t *placed = j->placed + (first_row + y) * across;
            char *to = result + f * c->result.channel_step;
            if (across == 1 || placed[1] == placed[0] + c->item)
                c->kit->turn((int)across, images, from, j->pixel_at, to + placed[0],
                             c->result.batch_step);
            else
                for (int64_t x = 0; x < across; x++)
                    c->kit->turn(1, images, from + j->pixel_at[x], j->pixel_at, to + placed[x],
                                 c->result.batch_step);
        }
}

/* A row of squares of the images of a block. */
static void run_squares(void *ctx, int64_t task, int thread)
{
    const job *j = ctx;
    const ct_conv *c = j->c;
    const int64_t down = task % j->squares[0], group = task / j->squares[0] % c->groups;
    const int64_t block = task / j->squares[0] / c->groups, n = j->vectors;
    const int64_t first = (j->first_block + block) * j->width, step = j->width * c->item;
    const int64_t row = j->tile * c->kit->lanes * c->item, line = 2 * j->squares[1] * step;
    const char *images = j->images + (block * c->groups + group) * j->block_bytes
        + 2 * down * j->sizes[1] * step;
    const char *panel = j->panels + group * PARTS * c->channels * c->results * c->item;
    char *parts = j->scratch + thread * j->scratch_bytes;
    char *sums = parts + PARTS * c->channels * row, *made = sums + j->sums_bytes;
    for (int64_t x = 0; x < j->squares[1]; x += j->together) {
        const int64_t some = ct_min(j->together, j->squares[1] - x);
        for (int64_t i = 0; i < c->channels; i++)
            for (int64_t s = 0; s < some; s++)
                c->kit->split(n, images + (i * j->plane + 2 * (x + s)) * step, j->sizes[1] * step,
                              step, parts + i * row + s * step, c->channels * row);
        multiply(j, panel, parts, sums);
        for (int64_t f = 0; f < c->results; f++)
            for (int64_t s = 0; s < some; s++)
                c->kit->join(n, sums + f * row + s * step, c->results * row,
                             made + 2 * f * line + 2 * (x + s) * step, line, step);
    }
    place_rows(j, 2 * down, (int)ct_min(j->width, c->batch - first), made,
               ct_conv_result(c, first, group));
}

/* ----- all of it ----- */

static void lay_out(void *job_, char **memory)
{
    job *j = job_;
    const ct_conv *c = j->c;
    const int64_t number = sizeof(int64_t);
    j->placed = (int64_t *)ct_take(memory, ct_conv_count(c) * number);
    j->row_at = (int64_t *)ct_take(memory, CT_KIT_ROWS * number);
    j->image_at = (int64_t *)ct_take(memory, j->width * number);
    j->pixel_at = (int64_t *)ct_take(memory, c->axes[2].count * number);
    j->one_at = (int64_t *)ct_take(memory, c->channels * number);
    j->lanes_at = (int64_t *)ct_take(memory, c->channels * number);
    j->panels = ct_take(memory, c->groups * PARTS * c->channels * c->results * c->item);
    j->images = ct_take(memory, j->nblocks * c->groups * j->block_bytes);
    j->scratch = ct_take(memory, ct_pool_used->get_threads() * j->scratch_bytes);
}

static void set_tables(job *j)
{
    const ct_conv *c = j->c;
    ct_conv_set_results(c, j->placed);
    ct_conv_set_abreast(c, j->width, j->row_at, j->image_at, j->pixel_at);
    for (int64_t i = 0; i < c->channels; i++) {
        j->one_at[i] = i * c->results * c->item;
        j->lanes_at[i] = i * j->tile * c->kit->lanes * c->item;
    }
}

static void run_blocks(job *j)
{
    const ct_conv *c = j->c;
    const int64_t blocks = ct_ceil_div(c->batch, j->width);
    ct_run(c->groups * c->channels, fill_panel, j);
    for (j->first_block = 0; j->first_block < blocks; j->first_block += j->nblocks) {
        const int64_t some = ct_min(j->nblocks, blocks - j->first_block) * c->groups;
        ct_run(some * c->channels, turn_channel, j);
        ct_run(some * j->squares[0], run_squares, j);
    }
}

int ct_conv_winograd(const ct_conv *c)
{
    job j = {.c = c};
    set_sizes(&j);
    const int64_t row = j.tile * c->kit->lanes * c->item;
    j.nblocks = ct_min(ct_ceil_div(c->batch, j.width),
                       BLOCK_BYTES / (j.block_bytes * c->groups));
    j.sums_bytes = PARTS * c->results * row;
    j.scratch_bytes = PARTS * c->channels * row + j.sums_bytes
        + 4 * c->results * j.squares[1] * j.width * c->item;
    j.scratch_bytes = (j.scratch_bytes + 127) / 64 * 64;
    char *memory = ct_with_memory(&j, lay_out);
    if (memory == NULL)
        return CT_MEMORY;
    /* squares that are not there are multiplied as well: let them hold numbers */
    memset(j.scratch, 0, ct_pool_used->get_threads() * j.scratch_bytes);
    set_tables(&j);
    run_blocks(&j);
    free(memory);
    return CT_OK;
}
