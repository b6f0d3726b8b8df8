/* conv_filters.c: the gradient of a convolution with respect to its filters.
 *
 * Each item of a filter is a sum over all pixels of all images, of a pixel of the image times the
 * gradient of a result. The sums of a tile stay in registers for some hundred pixels, a wave; what
 * fills the vectors is put side by side for one wave at a time. There are three ways, and what
 * takes the fewest vectors is chosen from the sizes:
 *
 *   by filters: a vector holds the results of many filters, and an item of the image is spread;
 *   by taps:    a vector holds many taps, and a result is spread: for few channels;
 *   by pixels:  a vector holds pixels side by side, and is added up at the end: for filters of one
 *               or two channels, in many groups.
 *
 * The pixels are cut into parts, each with sums of its own, which are added up at the end. How many
 * there are depends on the sizes alone, so that threads change no bit. */
#include "conv.h"

#include <stdlib.h>
#include <string.h>

#define WAVE_PIXELS 1024
#define PANEL_BYTES (1 << 18)   /* of the panels of a wave, about */
#define BOX_BYTES (4 << 20)     /* of images whose boxes are filled at a time, about */
#define TASKS 16                /* enough for the threads */
#define SHARED 4                /* a number of waves that is a multiple of it suits them */
#define TASK_SUMS (1 << 16)     /* vectors of sums that are worth a task */
#define PART_BYTES (1 << 20)    /* of sums that parts may always have */
#define PART_SHARE 8            /* what they may have of the size of images and results */

typedef struct {
    int64_t first, n;           /* what is in the vectors */
    int vectors, rows;          /* of a tile */
    int64_t ntiles;             /* one below the other */
    int64_t sums;               /* items from those of the group */
    const ct_piece *pieces;     /* by taps: of the window */
    int64_t npieces;
} column;

/* Some pixels of an image, or all of some images. */
typedef struct {
    int64_t image, pixel, n;
} wave;

typedef struct {
    const ct_conv *c;
    ct_box box;
    int is_boxed, by_pixels, by_taps, is_cut, is_reversed, is_plain, ncolumns;
    int64_t inner, count, rows;         /* items of a filter; pixels; rows of all tiles */
    int64_t *reads, *pixels, *placed, *across, *window_at;
    int64_t *one_at, *panel_steps;      /* of the pixels of a wave */
    column *columns;
    ct_piece *pieces;
    char *scratch, *sums, *boxes;
    int64_t sum_items, box_bytes, panel_bytes;          /* of a group; of an image; of a thread */
    int64_t wave, abreast, nwaves;      /* pixels; images, or 0 for a part of one; of all images */
    int64_t parts, sets;                /* of the waves; of the columns */
    int64_t first_image, images;        /* whose boxes are filled */
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

/* Where the memory of an image ends that may be read. */
static const char *end_of(const job *j, const char *image)
{
    const ct_view *x = &j->c->image;
    if (j->is_boxed)
        return image + j->box_bytes;
    int64_t last = (j->c->channels - 1) * x->channel_step;
    for (int a = 0; a < CT_SPACE; a++)
        last += (x->sizes[a] - 1) * x->steps[a];
    return image + last + j->c->item;
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

static wave wave_of(const job *j, int64_t i, int64_t images)
{
    if (j->abreast) {
        const int64_t image = i * j->abreast;
        return (wave){j->first_image + image, 0, ct_min(j->abreast, images - image) * j->count};
    }
    const int64_t pieces = ct_ceil_div(j->count, j->wave), pixel = i % pieces * j->wave;
    return (wave){j->first_image + i / pieces, pixel, ct_min(j->wave, j->count - pixel)};
}

static int64_t waves_of(const job *j, int64_t images)
{
    return j->abreast ? ct_ceil_div(images, j->abreast)
                      : images * ct_ceil_div(j->count, j->wave);
}

/* The results, or windows, of n pixels of an image. */
static void fill_pixels(const job *j, const column *col, int64_t image, int64_t group,
                        int64_t pixel, int64_t n, char *to)
{
    const ct_conv *c = j->c;
    const int64_t step = col->vectors * c->kit->lanes * c->item;
    const int64_t run = j->by_taps ? j->pixel_run : j->result_run;
    const int64_t *at = (j->by_taps ? j->reads : j->across) + col->first;
    const int64_t *places = j->by_taps ? j->pixels : j->placed;
    const char *from = j->by_taps ? image_of(j, image, group) : ct_conv_result(c, image, group);
    if (j->is_cut) {
        ct_copy_windows(col->pieces, col->npieces, n, from, places + pixel, end_of(j, from), to,
                        step);
        return;
    }
    for (int64_t p = pixel, some; p < pixel + n; p += some, to += some * step) {
        some = ct_min(run - p % run, pixel + n - p);
        c->kit->turn((int)col->n, some, from + places[p], at, to, step);
    }
}

/* What a column has in its vectors, pixel after pixel of a wave. */
static void fill_panel(const job *j, const column *col, int64_t group, const wave *w, int is_used,
                       char *to)
{
    const int64_t width = col->vectors * j->c->kit->lanes, step = width * j->c->item;
    if (col->n < width && !is_used)         /* or what is left of the wave before is there */
        memset(to, 0, w->n * step);
    for (int64_t p = 0, n; p < w->n; p += n, to += n * step) {
        n = ct_min(j->count - w->pixel, w->n - p);
        fill_pixels(j, col, w->image + p / j->count, group, w->pixel, n, to);
    }
}

/* Ask for results of a wave before they are needed: each filter has a short run of memory, which
 * the processor does not foresee. */
static void ask_for(const job *j, int64_t group, const wave *w, int64_t first, int64_t end)
{
    const ct_conv *c = j->c;
    for (int64_t p = 0, n; j->is_plain && p < w->n; p += n) {
        n = ct_min(j->count - w->pixel, w->n - p);
        const char *from = ct_conv_result(c, w->image + p / j->count, group)
            + j->placed[w->pixel];
        for (int64_t r = first; r < end; r++)
            for (int64_t at = 0; at < n * c->item; at += 64)
                __builtin_prefetch(from + r * c->result.channel_step + at, 0, 2);
    }
}

/* Add a wave to the sums of a column, and ask for the results of the next one meanwhile. */
static void add_wave(const job *j, const column *col, int64_t group, const wave *w,
                     const wave *next, const char *panel, char *sums, int go_on)
{
    const ct_conv *c = j->c;
    const int64_t width = col->vectors * c->kit->lanes, results = c->results;
    const char *ones = j->by_taps ? ct_conv_result(c, w->image, group)
                                  : image_of(j, w->image, group);
    for (int64_t i = 0; i < col->ntiles; i++) {
        const int64_t row = i * col->rows;
        if (next)
            ask_for(j, group, next, results * i / col->ntiles, results * (i + 1) / col->ntiles);
        c->kit->tile[col->vectors][ct_min(col->rows, j->rows - row)](
            w->n, ones, j->one_at + w->pixel, (j->by_taps ? j->across : j->reads) + row, panel,
            j->panel_steps + (col->vectors - 1) * j->wave, sums + row * width * c->item, go_on);
    }
}

/* ----- parts ----- */

/* One part of the waves, for all columns or one of them. */
static void run_part(void *ctx, int64_t task, int thread)
{
    const job *j = ctx;
    const ct_conv *c = j->c;
    const int64_t set = task % j->sets, group = task / j->sets % c->groups;
    const int64_t part = task / j->sets / c->groups;
    const int64_t images = ct_min(j->images, c->batch - j->first_image);
    const int64_t nwaves = waves_of(j, images), first = nwaves * part / j->parts;
    const int64_t end = nwaves * (part + 1) / j->parts;
    const column *columns = j->columns + (j->sets > 1 ? set : 0);
    const int ncolumns = j->sets > 1 ? 1 : j->ncolumns;
    char *panel = j->scratch + thread * j->panel_bytes;
    char *sums = j->sums + (part * c->groups + group) * j->sum_items * c->item;
    for (int64_t i = first; i < end; i++) {
        const wave now = wave_of(j, i, images), next = wave_of(j, i + 1, images);
        for (int k = 0; k < ncolumns; k++) {
            fill_panel(j, &columns[k], group, &now, i > first && ncolumns == 1, panel);
            add_wave(j, &columns[k], group, &now, k == 0 && i + 1 < end ? &next : NULL, panel,
                     sums + columns[k].sums * c->item, j->first_image > 0 || i > first);
        }
    }
}

static void run(job *j)
{
    const ct_conv *c = j->c;
    for (j->first_image = 0; j->first_image < c->batch; j->first_image += j->images) {
        if (j->is_boxed)
            ct_run(ct_min(j->images, c->batch - j->first_image) * c->groups * c->channels,
                   fill_channel, j);
        ct_run(j->parts * c->groups * j->sets, run_part, j);
    }
}

/* ----- the filters ----- */

#define ROWS 32                 /* that a task places */

static void add_items(int item, int64_t n, char *to, const char *from)
{
    if (item == 4)
        for (int64_t i = 0; i < n; i++)
            ((float *)to)[i] += ((const float *)from)[i];
    else
        for (int64_t i = 0; i < n; i++)
            ((double *)to)[i] += ((const double *)from)[i];
}

/* Rows of sums, of which one part is left, to the filters. */
static void place_rows(const job *j, const column *col, int64_t first, int64_t end,
                       const char *sums, char *filters)
{
    const ct_conv *c = j->c;
    const int64_t width = col->vectors * c->kit->lanes;
    for (int64_t row = first; row < end; row++, sums += width * c->item)
        for (int64_t i = 0; i < col->n; i++) {
            const int64_t r = j->by_taps ? row : col->first + i;
            const int64_t k = j->by_taps ? col->first + i : row;
            ct_move(c->item, filters + r * c->result_step + j->window_at[k], sums + i * c->item);
        }
}

static void finish_rows(void *ctx, int64_t task, int thread)
{
    const job *j = ctx;
    const ct_conv *c = j->c;
    const int64_t pieces = ct_ceil_div(j->rows, ROWS), first = task % pieces * ROWS;
    const int64_t end = ct_min(first + ROWS, j->rows), group = task / pieces % c->groups;
    const column *col = &j->columns[task / pieces / c->groups];
    const int64_t width = col->vectors * c->kit->lanes;
    const int64_t part = c->groups * j->sum_items * c->item;
    char *sums = j->sums + (group * j->sum_items + col->sums + first * width) * c->item;
    (void)thread;
    for (int64_t k = 1; k < j->parts; k++)
        add_items(c->item, (end - first) * width, sums, sums + k * part);
    place_rows(j, col, first, end, sums, c->filters + group * c->group_step);
}

/* ----- choosing ----- */

#define MOVE 5.0                /* to turn a vector takes as long as so many sums */
#define MOVE_PIECE 1.5          /* and to copy a piece of a window */

/* What it costs to put a window into vectors; cut tells whether that is done in pieces. */
static double windows_cost(const ct_conv *c, int64_t vectors, int *cut)
{
    const ct_axis *axis = &c->axes[2];
    const int64_t n = axis->ntaps, step = n > 1 ? axis->pixel_at[1] - axis->pixel_at[0] : 0;
    const int64_t row = step == 1 || step == -1 ? n : 1, lanes = c->kit->lanes;
    const double pieces = MOVE_PIECE * c->channels * c->ntaps / row
        * ct_ceil_div(row * c->item, CT_WINDOW_PIECE);
    const double turns = MOVE * vectors * ct_ceil_div(axis->count, lanes) * lanes / axis->count;
    *cut = pieces < turns;
    return *cut ? pieces : turns;
}

static int goes_back(const ct_view *x)
{
    return x->channel_step < 0 || x->steps[0] < 0 || x->steps[1] < 0 || x->steps[2] < 0;
}

/* Whether windows go from their last tap to the first, which pieces of rows cannot. */
static int is_reversed(const ct_conv *c)
{
    const ct_axis *axis = &c->axes[2];
    return axis->ntaps > 1 && axis->pixel_at[0] > axis->pixel_at[1];
}

/* Whether windows are read from boxes. */
static int needs_box(const job *j)
{
    const ct_conv *c = j->c;
    if (ct_box_is_padded(c, &j->box))
        return 1;
    if (!j->by_taps)
        return 0;
    return c->image.steps[2] != c->item
        || (j->is_cut ? goes_back(&c->image) : c->axes[2].step > 1);
}

/* Choose what fills the vectors; return how many a tile has. */
static int choose(job *j)
{
    const ct_conv *c = j->c;
    const int64_t lanes = c->kit->lanes;
    const int64_t filters = ct_ceil_div(c->results, lanes), taps = ct_ceil_div(j->inner, lanes);
    int wide, other, cut;
    const double by_filters = ct_grid_cost(c->kit, j->inner, filters, &wide) + MOVE * filters;
    const double by_taps = ct_grid_cost(c->kit, c->results, taps, &other)
        + windows_cost(c, taps, &cut);
    j->by_taps = by_taps < by_filters;
    j->is_cut = j->by_taps && cut;
    j->is_reversed = j->is_cut && is_reversed(c);
    j->by_pixels = ct_conv_pixels_can(c) && j->count > 0
        && ct_conv_pixels_cost(c) < j->count * (j->by_taps ? by_taps : by_filters);
    j->box = ct_box_of(c, j->by_taps && !cut);
    j->is_boxed = needs_box(j) && c->batch * j->count > 0;
    j->rows = j->by_taps ? c->results : j->inner;
    return j->by_taps ? other : wide;
}

static void set_columns(job *j, int most)
{
    const ct_conv *c = j->c;
    const int64_t all = j->by_taps ? j->inner : c->results;
    j->ncolumns = 0;
    j->sum_items = 0;
    for (int64_t first = 0; first < all;) {
        column *col = &j->columns[j->ncolumns++];
        col->vectors = ct_tile_width(ct_ceil_div(all - first, c->kit->lanes), most);
        const int64_t width = col->vectors * c->kit->lanes;
        col->rows = ct_tile_rows(c->kit, j->rows, col->vectors);
        col->ntiles = ct_ceil_div(j->rows, col->rows);
        col->first = first;
        col->n = ct_min(width, all - first);
        col->sums = j->sum_items;
        col->pieces = j->pieces + first;
        if (j->is_cut)
            col->npieces = ct_cut_window(j->reads + first, col->n, c->item, j->pieces + first);
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

/* The items of a filter, in the order in which sums are made of them. */
static void set_items(job *j)
{
    const ct_conv *c = j->c;
    ct_conv_set_reads(c, j->is_boxed ? &j->box : NULL, j->reads);
    for (int64_t k = 0; k < j->inner; k++)
        j->window_at[k] = k / c->ntaps * c->channel_step + c->tap_at[k % c->ntaps];
    for (int64_t i = 0; j->is_reversed && i < c->channels; i++)
        for (int64_t a = i * c->ntaps, b = a + c->ntaps - 1; a < b; a++, b--) {
            const int64_t read = j->reads[a], at = j->window_at[a];
            j->reads[a] = j->reads[b];
            j->reads[b] = read;
            j->window_at[a] = j->window_at[b];
            j->window_at[b] = at;
        }
}

/* Where the items that are spread lie, from the first image of a wave. */
static void set_ones(job *j)
{
    const ct_conv *c = j->c;
    const int64_t *places = j->by_taps ? j->placed : j->pixels;
    const int64_t step = j->by_taps ? c->result.batch_step
        : j->is_boxed ? c->groups * j->box_bytes : c->image.batch_step;
    for (int64_t n = 0; n < (j->abreast ? j->abreast : 1); n++)
        for (int64_t p = 0; p < j->count; p++)
            j->one_at[n * j->count + p] = n * step + places[p];
}

static void set_tables(job *j)
{
    const ct_conv *c = j->c;
    set_items(j);
    ct_conv_set_pixels(c, j->is_boxed ? &j->box : NULL, j->pixels);
    j->is_plain = ct_conv_set_results(c, j->placed);
    for (int64_t r = 0; r < c->results; r++)
        j->across[r] = r * c->result.channel_step;
    for (int v = 1; v <= CT_KIT_VECTORS; v++)
        for (int64_t p = 0; p < j->wave; p++)
            j->panel_steps[(v - 1) * j->wave + p] = p * v * c->kit->lanes * c->item;
    j->result_run = side_by_side(c, j->placed);
    j->pixel_run = side_by_side(c, j->pixels);
    set_ones(j);
}

/* How many images a wave has: `most` or less, so that the waves can be shared out evenly. */
static int64_t images_abreast(int64_t images, int64_t most)
{
    if (most <= 1)
        return most;
    const int64_t waves = (ct_ceil_div(images, most) + SHARED - 1) / SHARED * SHARED;
    return ct_ceil_div(images, waves);
}

static void set_waves(job *j, int most)
{
    const ct_conv *c = j->c;
    const int64_t width = most * c->kit->lanes;
    const int64_t fits = ct_min(PANEL_BYTES / (width * c->item), WAVE_PIXELS);
    const int64_t pixels = fits < 128 ? 128 : fits, count = j->count > 0 ? j->count : 1;
    j->box_bytes = (c->channels * j->box.items * c->item + CT_WINDOW_PIECE + 127) / 64 * 64;
    j->images = j->is_boxed ? ct_min(c->batch, BOX_BYTES / (j->box_bytes * c->groups) + 1)
                            : c->batch;
    j->abreast = images_abreast(j->images, ct_min(pixels / count, j->images));
    j->wave = j->abreast ? j->abreast * count
                         : ct_ceil_div(count, ct_ceil_div(count, pixels));
    j->nwaves = waves_of(j, j->images);
}

/* How many parts the waves have; and whether a task has all columns. */
static void set_parts(job *j)
{
    const ct_conv *c = j->c;
    const int64_t shared = (c->batch * (c->channels * c->image.sizes[0] * c->image.sizes[1]
                                        * c->image.sizes[2] + c->results * j->count)) / PART_SHARE;
    const int64_t bytes = c->item * (shared * c->groups), sums = c->groups * j->sum_items;
    const int64_t room = (bytes > PART_BYTES ? bytes : PART_BYTES) / (sums * c->item);
    const int64_t work = c->batch * j->count * (sums / c->kit->lanes) / TASK_SUMS;
    const int64_t tasks = ct_min(work, TASKS), parts = ct_ceil_div(tasks, c->groups);
    j->parts = ct_min(ct_min(parts, room), j->nwaves);
    j->parts = j->parts > 1 ? j->parts : 1;
    j->sets = 2 * j->parts * c->groups < tasks ? j->ncolumns : 1;
}

/* ----- memory ----- */

static void lay_out_tables(void *job_, char **memory)
{
    job *j = job_;
    const int64_t number = sizeof(int64_t);
    j->columns = (column *)ct_take(memory, (j->inner + j->c->results) * sizeof(column));
    j->pieces = (ct_piece *)ct_take(memory, j->is_cut ? j->inner * sizeof(ct_piece) : 0);
    j->reads = (int64_t *)ct_take(memory, j->inner * number);
    j->window_at = (int64_t *)ct_take(memory, j->inner * number);
    j->across = (int64_t *)ct_take(memory, j->c->results * number);
    j->pixels = (int64_t *)ct_take(memory, j->count * number);
    j->placed = (int64_t *)ct_take(memory, j->count * number);
    j->one_at = (int64_t *)ct_take(memory, (j->count + j->wave) * number);
    j->panel_steps = (int64_t *)ct_take(memory, CT_KIT_VECTORS * j->wave * number);
}

static void lay_out_data(void *job_, char **memory)
{
    job *j = job_;
    const ct_conv *c = j->c;
    j->panel_bytes = j->columns[0].vectors * c->kit->lanes * j->wave * c->item + CT_WINDOW_PIECE;
    j->panel_bytes = (j->panel_bytes + 63) / 64 * 64;
    j->scratch = ct_take(memory, ct_pool_used->get_threads() * j->panel_bytes);
    j->sums = ct_take(memory, j->parts * c->groups * j->sum_items * c->item);
    j->boxes = ct_take(memory, j->is_boxed ? j->images * c->groups * j->box_bytes : 0);
}

int ct_conv_filters(const ct_conv *c)
{
    job j = {.c = c, .inner = c->channels * c->ntaps, .count = ct_conv_count(c)};
    int status = CT_MEMORY;
    if (c->groups * c->results * j.inner == 0)
        return CT_OK;
    const int most = choose(&j);
    if (j.by_pixels)
        return ct_conv_pixels(c);
    set_waves(&j, most);
    char *tables = ct_with_memory(&j, lay_out_tables), *data = NULL;
    if (tables != NULL) {
        set_tables(&j);
        set_columns(&j, most);
        set_parts(&j);
        data = ct_with_memory(&j, lay_out_data);
    }
    if (data != NULL) {
        status = CT_OK;
        if (c->batch * j.count <= 0)
            memset(j.sums, 0, c->groups * j.sum_items * c->item);
        else
            run(&j);
        ct_run(c->groups * j.ncolumns * ct_ceil_div(j.rows, ROWS), finish_rows, &j);
    }
    free(data);
    free(tables);
    return status;
}
