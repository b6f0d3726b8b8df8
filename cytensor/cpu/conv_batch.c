/* conv_batch.c: the results of a convolution, many images at a time.
 *
 * Images are turned so that the same pixel of different images lies side by side: a vector holds
 * that of many images, and of the next pixels where these are few. The results are turned back. A
 * tap that would read beyond the border of an image is left out, so that no zeros are multiplied.
 * That is for batches of small images with wide borders, as they are in gradients, and for numbers
 * of filters and pixels that do not fill vectors. */
#include "conv.h"

#include <stdlib.h>
#include <string.h>

#define BLOCK_BYTES (1 << 20)   /* of turned images that are read again and again, about */
#define WAVE_BYTES (4 << 20)    /* of all turned images at a time, about */

/* The taps of an axis that read inside of the image, for n places from `first`. They follow each
 * other, since their places rise or fall. */
typedef struct {
    int64_t first, n, low, ntaps;
} run;

typedef struct {
    const ct_conv *c;
    int64_t width;              /* images of a block */
    int64_t inner, plane, side; /* products of a sum, pixels of a channel, and those side by side */
    int64_t *placed, *row_at, *image_at, *pixel_at;
    run *runs[CT_SPACE];        /* of each place; of the last axis, of places alike */
    int64_t nruns;
    char *panels, *images, *scratch;
    int64_t block_bytes, scratch_bytes, first_block, nblocks;
} job;

/* ----- taps that read inside ----- */

static run run_at(const ct_conv *c, int a, int64_t place)
{
    const ct_axis *axis = &c->axes[a];
    const int64_t at = axis->first + place * axis->step;
    run now = {place, 1, 0, 0};
    for (int64_t t = 0; t < axis->ntaps; t++) {
        const int64_t pixel = at + axis->pixel_at[t];
        if (pixel < 0 || pixel >= c->image.sizes[a])
            continue;
        if (now.ntaps == 0)
            now.low = t;
        now.ntaps++;
    }
    return now;
}

/* The run of the last axis that begins at a place: neighbours whose taps are the same ones. */
static run long_run_at(const ct_conv *c, int64_t place)
{
    const int a = CT_SPACE - 1;
    run now = run_at(c, a, place);
    while (c->axes[a].step == 1 && place + now.n < c->axes[a].count) {
        const run next = run_at(c, a, place + now.n);
        if (next.ntaps != now.ntaps || (now.ntaps && next.low != now.low))
            break;
        now.n++;
    }
    return now;
}

/* ----- choosing ----- */

#define MOVE 8.0                /* to turn a vector of a square takes as long as so many sums */
#define LIST 2.0                /* to list a product */

static int64_t plane_of(const ct_conv *c)
{
    return c->image.sizes[0] * c->image.sizes[1] * c->image.sizes[2];
}

static int64_t bytes_of(const ct_conv *c, int64_t width)
{
    return c->channels * plane_of(c) * width * c->item;
}

/* Sums of one row of results, for each product in other axes and channels. */
static double cost_of_row(const ct_conv *c, int64_t width)
{
    double cost = 0;
    int vectors;
    for (int64_t x = 0; x < c->axes[2].count;) {
        const run now = long_run_at(c, x);
        cost += now.ntaps * (LIST + ct_grid_cost(
            c->kit, c->results, ct_ceil_div(now.n * width, c->kit->lanes), &vectors));
        x += now.n;
    }
    return cost;
}

static double cost_of_width(const ct_conv *c, int64_t width)
{
    const int lanes = c->kit->lanes;
    double products = c->channels, moved;
    for (int a = 0; a < CT_SPACE - 1; a++) {
        int64_t taps = 0;
        for (int64_t i = 0; i < c->axes[a].count; i++)
            taps += run_at(c, a, i).ntaps;
        products *= taps;
    }
    moved = (double)ct_ceil_div(plane_of(c), lanes) * c->channels
        + (double)ct_ceil_div(ct_conv_count(c), lanes) * c->results;
    return ct_ceil_div(c->batch, width)
        * (cost_of_row(c, width) * products + MOVE * moved * ct_ceil_div(width, lanes) * lanes);
}

double ct_conv_batch_cost(const ct_conv *c, int64_t *width)
{
    double least = -1;
    for (int64_t blocks = 1; blocks <= c->batch && blocks <= 64; blocks *= 2) {
        const int64_t some = ct_ceil_div(c->batch, blocks);
        const double cost = cost_of_width(c, some);
        if ((least < 0 || cost < 0.98 * least || bytes_of(c, *width) > BLOCK_BYTES)
            && (cost < 1.1 * least || least < 0)) {
            least = cost;
            *width = some;
        }
    }
    return least;
}

/* ----- turning images ----- */

/* How many pixels of a channel lie side by side. */
static int64_t pixels_side_by_side(const ct_conv *c)
{
    const ct_view *x = &c->image;
    int64_t run = 1;
    for (int a = CT_SPACE - 1; a >= 0; a--) {
        if (x->sizes[a] > 1 && x->steps[a] != run * c->item)
            break;
        run *= x->sizes[a];
    }
    return run;
}

static int64_t place_of(const ct_view *x, int64_t pixel)
{
    int64_t at = 0;
    for (int a = CT_SPACE - 1; a >= 0; a--) {
        at += pixel % x->sizes[a] * x->steps[a];
        pixel /= x->sizes[a];
    }
    return at;
}

/* to[channel][pixel][image], for the images of a block: one channel of them, or, where the channels
 * of a pixel lie side by side, a pixel. */
static void turn_images(void *ctx, int64_t task, int thread)
{
    const job *j = ctx;
    const ct_conv *c = j->c;
    const int by_pixels = j->side == 1 && c->image.channel_step == c->item;
    const int64_t pieces = by_pixels ? j->plane : c->channels, piece = task % pieces;
    const int64_t group = task / pieces % c->groups, block = task / pieces / c->groups;
    const int64_t first = (j->first_block + block) * j->width, step = j->width * c->item;
    const int images = (int)ct_min(j->width, c->batch - first);
    const char *from = ct_conv_image(c, first, group);
    char *to = j->images + (block * c->groups + group) * j->block_bytes;
    (void)thread;
    if (by_pixels) {
        c->kit->turn(images, c->channels, from + place_of(&c->image, piece), j->image_at,
                     to + piece * step, j->plane * step);
        return;
    }
    for (int64_t p = 0; p < j->plane; p += j->side)
        c->kit->turn(images, j->side, from + piece * c->image.channel_step + place_of(&c->image, p),
                     j->image_at, to + (piece * j->plane + p) * step, step);
}

/* ----- results ----- */

/* List what the sums of a run in one row are made of; return how many products. */
static int64_t list_products(const job *j, const int64_t *row, const run *along, int64_t *one_at,
                             int64_t *lanes_at)
{
    const ct_conv *c = j->c;
    const ct_axis *axes = c->axes;
    const int64_t step = j->width * c->item, one = c->results * c->item;
    const int64_t *size = c->image.sizes;
    const run *deep = &j->runs[0][row[0]], *down = &j->runs[1][row[1]];
    const int64_t first[CT_SPACE] = {axes[0].first + row[0] * axes[0].step,
                                     axes[1].first + row[1] * axes[1].step,
                                     axes[2].first + along->first * axes[2].step};
    int64_t n = 0;
    for (int64_t z = deep->low; z < deep->low + deep->ntaps; z++)
        for (int64_t y = down->low; y < down->low + down->ntaps; y++)
            for (int64_t x = along->low; x < along->low + along->ntaps; x++, n++) {
                one_at[n] = ((z * axes[1].ntaps + y) * axes[2].ntaps + x) * one;
                lanes_at[n] = (((first[0] + axes[0].pixel_at[z]) * size[1]
                                + first[1] + axes[1].pixel_at[y]) * size[2]
                               + first[2] + axes[2].pixel_at[x]) * step;
            }
    for (int64_t k = n; k < n * c->channels; k++) {
        one_at[k] = one_at[k - n] + c->ntaps * one;
        lanes_at[k] = lanes_at[k - n] + j->plane * step;
    }
    return n * c->channels;
}

/* The sums of some vectors, for all filters: to[filter] of each goes on by `pitch` bytes. */
static void add_products(const job *j, int64_t products, int vectors, int64_t n, const char *panel,
                         const char *images, const int64_t *one_at, const int64_t *lanes_at,
                         char *to, int64_t pitch)
{
    _Alignas(64) char sums[CT_KIT_ROWS * CT_KIT_VECTORS * 64];
    const ct_conv *c = j->c;
    const int64_t wide = vectors * c->kit->lanes * c->item;
    const int most = ct_tile_rows(c->kit, c->results, vectors);
    for (int64_t f = 0; f < c->results; f += most) {
        const int rows = (int)ct_min(most, c->results - f);
        c->kit->tile[vectors][rows](products, panel + f * c->item, one_at, j->row_at, images,
                                    lanes_at, sums, 0);
        c->kit->copy_rows(rows, n, to + f * pitch, pitch, sums, wide);
    }
}

/* Turn the results of a row back: sums[filter][pixel][image]. */
static void place_row(const job *j, int64_t pixel, int images, const char *sums, char *result)
{
    const ct_conv *c = j->c;
    const int64_t step = j->width * c->item, n = c->axes[2].count;
    const int is_plain = n == 1 || j->placed[pixel + 1] == j->placed[pixel] + c->item;
    for (int64_t f = 0; f < c->results; f++, sums += n * step) {
        char *to = result + f * c->result.channel_step;
        if (is_plain) {
            c->kit->turn((int)n, images, sums, j->pixel_at, to + j->placed[pixel],
                         c->result.batch_step);
            continue;
        }
        for (int64_t p = 0; p < n; p++)
            for (int k = 0; k < images; k++)
                ct_move(c->item, to + j->placed[pixel + p] + k * c->result.batch_step,
                        sums + p * step + k * c->item);
    }
}

/* One row of the results of the images of a block. */
static void run_row(void *ctx, int64_t task, int thread)
{
    const job *j = ctx;
    const ct_conv *c = j->c;
    const int64_t nrows = c->axes[0].count * c->axes[1].count, row = task % nrows;
    const int64_t group = task / nrows % c->groups, block = task / nrows / c->groups;
    const int64_t first = (j->first_block + block) * j->width, step = j->width * c->item;
    const int64_t at[2] = {row / c->axes[1].count, row % c->axes[1].count};
    const int64_t pitch = c->axes[2].count * step;
    const char *images = j->images + (block * c->groups + group) * j->block_bytes;
    const char *panel = j->panels + group * j->inner * c->results * c->item;
    int64_t *one_at = (int64_t *)(j->scratch + thread * j->scratch_bytes);
    int64_t *lanes_at = one_at + j->inner;
    char *sums = (char *)(lanes_at + j->inner);
    for (int64_t i = 0; i < j->nruns; i++) {
        const run *along = &j->runs[2][i];
        const int64_t products = list_products(j, at, along, one_at, lanes_at);
        const int64_t all = along->n * j->width;
        int most;
        ct_grid_cost(c->kit, c->results, ct_ceil_div(all, c->kit->lanes), &most);
        for (int64_t lane = 0, n; lane < all; lane += n) {
            const int vectors = ct_tile_width(ct_ceil_div(all - lane, c->kit->lanes), most);
            n = ct_min(vectors * c->kit->lanes, all - lane);
            add_products(j, products, vectors, n, panel, images + lane * c->item, one_at, lanes_at,
                         sums + along->first * step + lane * c->item, pitch);
        }
    }
    place_row(j, row * c->axes[2].count, (int)ct_min(j->width, c->batch - first), sums,
              ct_conv_result(c, first, group));
}

static void fill_panel(void *ctx, int64_t group, int thread)
{
    const job *j = ctx;
    const ct_conv *c = j->c;
    (void)thread;
    ct_fill_panel(c, group, 0, c->results, c->results,
                  j->panels + group * j->inner * c->results * c->item);
}

static void run_blocks(job *j)
{
    const ct_conv *c = j->c;
    const int64_t blocks = ct_ceil_div(c->batch, j->width);
    const int64_t rows = c->axes[0].count * c->axes[1].count;
    const int64_t pieces = j->side == 1 && c->image.channel_step == c->item ? j->plane
                                                                           : c->channels;
    ct_run(c->groups, fill_panel, j);
    for (j->first_block = 0; j->first_block < blocks; j->first_block += j->nblocks) {
        const int64_t some = ct_min(j->nblocks, blocks - j->first_block) * c->groups;
        ct_run(some * pieces, turn_images, j);
        ct_run(some * rows, run_row, j);
    }
}

/* ----- memory ----- */

static void lay_out(void *job_, char **memory)
{
    job *j = job_;
    const ct_conv *c = j->c;
    const int64_t number = sizeof(int64_t);
    j->placed = (int64_t *)ct_take(memory, ct_conv_count(c) * number);
    j->row_at = (int64_t *)ct_take(memory, CT_KIT_ROWS * number);
    j->image_at = (int64_t *)ct_take(memory, j->width * number);
    j->pixel_at = (int64_t *)ct_take(memory, c->axes[2].count * number);
    for (int a = 0; a < CT_SPACE; a++)
        j->runs[a] = (run *)ct_take(memory, c->axes[a].count * sizeof(run));
    j->panels = ct_take(memory, c->groups * j->inner * c->results * c->item);
    /* a vector may reach beyond the last image */
    j->images = ct_take(memory, j->nblocks * c->groups * j->block_bytes
                                + CT_KIT_VECTORS * c->kit->lanes * c->item);
    j->scratch = ct_take(memory, ct_pool_used->get_threads() * j->scratch_bytes);
}

static void set_tables(job *j)
{
    const ct_conv *c = j->c;
    ct_conv_set_results(c, j->placed);
    ct_conv_set_abreast(c, j->width, j->row_at, j->image_at, j->pixel_at);
    for (int a = 0; a < CT_SPACE - 1; a++)
        for (int64_t i = 0; i < c->axes[a].count; i++)
            j->runs[a][i] = run_at(c, a, i);
    for (int64_t x = 0; x < c->axes[2].count; x += j->runs[2][j->nruns - 1].n)
        j->runs[2][j->nruns++] = long_run_at(c, x);
}

int ct_conv_batch(const ct_conv *c, int64_t width)
{
    job j = {.c = c, .width = width, .inner = c->channels * c->ntaps, .plane = plane_of(c),
             .side = pixels_side_by_side(c)};
    j.block_bytes = bytes_of(c, width);
    j.nblocks = ct_min(ct_ceil_div(c->batch, width),
                       WAVE_BYTES / (j.block_bytes * c->groups + 1) + 1);
    j.scratch_bytes = 2 * j.inner * sizeof(int64_t)
        + c->results * c->axes[2].count * width * c->item;
    j.scratch_bytes = (j.scratch_bytes + 127) / 64 * 64;
    char *memory = ct_with_memory(&j, lay_out);
    if (memory == NULL)
        return CT_MEMORY;
    /* the lanes of images that are not there are added up as well: let them hold numbers */
    if (c->batch % width)
        memset(j.images, 0, j.nblocks * c->groups * j.block_bytes);
    set_tables(&j);
    run_blocks(&j);
    free(memory);
    return CT_OK;
}
