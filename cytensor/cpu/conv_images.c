/* conv_images.c: the result of a convolution, image by image.
 *
 * A tile of sums stays in registers while all channels and taps are added up. There are two ways
 * to fill its vectors, and what takes fewer of them is chosen from the sizes:
 *
 *   across: a vector holds results of many filters at one pixel. The filters are copied once, so
 *           that those of one tap lie side by side; a pixel is spread over a vector as it is read,
 *           where it lies in the image. Strides and dilation are only other places to read.
 *   along:  a vector holds results of one filter at pixels side by side, also over the ends of
 *           rows, where what is computed is left out. For few filters, or few channels. */
#include "conv.h"

#include <stdlib.h>

#define PANEL_BYTES 32768       /* of filters that are read again and again by a strip of tiles */
#define STRIP_BYTES 16384       /* of sums that wait for more channels */
#define STRIP_ROWS 240
#define STRIP_PIXELS 256        /* of a filter, before the next one's */

typedef struct {
    int64_t first, n;           /* filters */
    int vectors, rows;          /* across: of filters, and pixels; along: of pixels, and filters */
    int64_t panel;              /* where its filters are, in items from those of the group */
    const int64_t *steps;       /* from one product to the next in the panel, in bytes */
} column;

typedef struct {
    int64_t at;                 /* in the result, in bytes */
    int32_t lane, n;            /* of a row of sums */
} piece;

typedef struct {
    const ct_conv *c;
    ct_box box;
    int is_boxed, is_across, is_plain, ncolumns;
    int64_t inner, count;       /* products of a sum, and pixels of a result */
    int64_t *reads, *pixels, *placed, *row_at, *steps;
    column *columns;
    char *panels, *scratch;
    int64_t panel_items, box_bytes;     /* of one group; of one image */
    int64_t nparts, strip;              /* pixels of a strip, or blocks of it */
    int64_t nflats, nblocks, block;     /* along: pixels with ends of rows, in blocks of vectors */
    piece *pieces;
    int64_t *first_piece;
} job;

/* ----- choosing ----- */

/* Vectors of one filter each, over pixels. */
static double cost_along(const ct_conv *c, int64_t nflats, int *vectors)
{
    static const int widths[] = {CT_KIT_WIDTHS};
    double least = 0;
    for (size_t i = 0; i < sizeof widths / sizeof *widths; i++) {
        const double cost = ct_ceil_div(nflats, widths[i] * c->kit->lanes)
            * ct_rows_cost(c->kit, c->results, widths[i]);
        if (i == 0 || cost < least) {
            least = cost;
            *vectors = widths[i];
        }
    }
    return least;
}

/* Have pixels read along the rows of the image itself, as if it were a box, where that is
 * possible: rows follow each other, and a vector does not reach beyond the image. */
static int take_image_as_box(const ct_conv *c, ct_box *box, int64_t vector)
{
    ct_box image = *box;
    int64_t least = c->item;
    if (ct_box_is_padded(c, box))
        return 0;
    for (int a = CT_SPACE - 1; a >= 0; a--) {
        const ct_axis *axis = &c->axes[a];
        const int64_t step = c->image.steps[a];
        image.steps[a] = axis->count > 1 ? step / c->item : 0;
        if (axis->count == 1)
            continue;
        if (axis->step != 1 || step < least || step % c->item || (a == 2 && step != c->item))
            return 0;
        least = axis->count * step;
    }
    if (ct_conv_flats(c, &image) < vector)
        return 0;
    *box = image;
    return 1;
}

/* What is moved besides counts as well, in about the time of so many sums. */
#define MOVE_ACROSS 6.0
#define MOVE_ALONG 3.0
#define MOVE_BOX 2.0

static job new_job(const ct_conv *c)
{
    return (job){.c = c, .inner = c->channels * c->ntaps, .count = ct_conv_count(c)};
}

/* Choose how vectors are filled, and how many a tile has; return the cost of an image. */
static double choose(job *j, int *vectors)
{
    const ct_conv *c = j->c;
    const int lanes = c->kit->lanes;
    const ct_box plain = ct_box_of(c, 0), apart = ct_box_of(c, 1);
    const int64_t filters = ct_ceil_div(c->results, lanes), flats = ct_conv_flats(c, &apart);
    const double box = MOVE_BOX * c->channels / lanes;
    const int is_padded = ct_box_is_padded(c, &plain);
    int wide, far = 1;
    const double across = ct_grid_cost(c->kit, j->count, filters, &wide) * j->inner
        + MOVE_ACROSS * j->count * filters + (is_padded ? box * plain.items : 0);
    const double along = cost_along(c, flats, &far) * j->inner
        + MOVE_ALONG * j->count * c->results / lanes + box * apart.items;
    j->is_across = across <= along;
    j->box = j->is_across ? plain : apart;
    j->is_boxed = j->is_across ? is_padded : !take_image_as_box(c, &j->box, far * lanes);
    j->nflats = ct_conv_flats(c, &j->box);
    *vectors = j->is_across ? wide : far;
    return j->is_across ? across : along;
}

double ct_conv_images_cost(const ct_conv *c)
{
    job j = new_job(c);
    int vectors;
    return c->batch * choose(&j, &vectors);
}

/* ----- tables of places ----- */

/* Cut what a block of flat pixels computes into pieces of rows. */
static void set_pieces(job *j)
{
    const int64_t item = j->c->item, row = j->c->axes[2].count;
    int64_t used = 0, first_row = 0;
    for (int64_t b = 0; b < j->nblocks; b++) {
        const int64_t start = ct_min(b * j->block, j->nflats > j->block ? j->nflats - j->block : 0);
        j->first_piece[b] = used;
        for (int64_t i = first_row; i < j->count; i += row) {
            const int64_t from = j->pixels[i] / item, end = from + row;
            if (end <= start) {
                first_row = i + row;
                continue;
            }
            if (from >= start + j->block)
                break;
            const int64_t low = from > start ? from : start;
            const int64_t high = ct_min(end, start + j->block);
            j->pieces[used++] = (piece){j->placed[i + low - from], (int32_t)(low - start),
                                        (int32_t)(high - low)};
        }
    }
    j->first_piece[j->nblocks] = used;
}

/* ----- panels of filters ----- */

static int64_t panel_width(const job *j, const column *col)
{
    return j->is_across ? col->vectors * j->c->kit->lanes : col->rows;
}

static void fill_panel(void *ctx, int64_t task, int thread)
{
    const job *j = ctx;
    const column *col = &j->columns[task % j->ncolumns];
    const int64_t group = task / j->ncolumns;
    (void)thread;
    ct_fill_panel(j->c, group, col->first, col->n, panel_width(j, col),
                  j->panels + (group * j->panel_items + col->panel) * j->c->item);
}

/* The columns of tiles of one group. */
static void set_columns(job *j, int vectors)
{
    const ct_conv *c = j->c;
    const int lanes = c->kit->lanes;
    const int even = ct_tile_rows(c->kit, c->results, vectors);
    int64_t first = 0;
    j->ncolumns = 0;
    j->panel_items = 0;
    while (first < c->results) {
        column *col = &j->columns[j->ncolumns++];
        const int64_t left = c->results - first;
        col->first = first;
        if (j->is_across) {
            col->vectors = ct_tile_width(ct_ceil_div(left, lanes), vectors);
            col->rows = ct_tile_rows(c->kit, j->count, col->vectors);
            col->n = ct_min(left, col->vectors * lanes);
        } else {
            col->vectors = vectors;
            col->n = col->rows = (int)ct_min(left, even);
        }
        col->panel = j->panel_items;
        j->panel_items += j->inner * panel_width(j, col);
        first += col->n;
    }
}

/* Columns of one width share a table of steps; a cheap choice has three widths at most. */
static void set_steps(job *j)
{
    int64_t *next = j->steps;
    for (int i = 0; i < j->ncolumns; i++) {
        const int64_t width = panel_width(j, &j->columns[i]) * j->c->item;
        int same = 0;
        while (panel_width(j, &j->columns[same]) * j->c->item != width)
            same++;
        if (same < i) {
            j->columns[i].steps = j->columns[same].steps;
            continue;
        }
        for (int64_t k = 0; k < j->inner; k++)
            next[k] = k * width;
        j->columns[i].steps = next;
        next += j->inner;
    }
}

/* ----- across ----- */

static void place_pixels(const job *j, const column *col, int64_t pixel, int rows,
                         const char *sums, char *result)
{
    const ct_conv *c = j->c;
    const int64_t row = col->vectors * c->kit->lanes * c->item, step = c->result.channel_step;
    char *to = result + col->first * step;
    if (j->is_plain) {
        int64_t at[STRIP_ROWS];
        for (int r = 0; r < rows; r++)
            at[r] = r * row;
        c->kit->turn(rows, col->n, sums, at, to + j->placed[pixel], step);
        return;
    }
    for (int r = 0; r < rows; r++) {
        char *at = to + j->placed[pixel + r];
        if (step == c->item)
            c->kit->copy(col->n, at, sums + r * row);
        else
            for (int64_t i = 0; i < col->n; i++)
                ct_move(c->item, at + i * step, sums + r * row + i * c->item);
    }
}

/* How many pixels a strip of tiles has at most: whole squares to turn, if a few tiles make one. */
static int64_t strip_rows(const ct_conv *c, int vectors, int64_t rows)
{
    const int64_t row = vectors * c->kit->lanes * c->item;
    const int64_t fit = ct_min(STRIP_BYTES / row, STRIP_ROWS) / rows * rows;
    int64_t square = rows;
    while (square % c->kit->lanes)
        square += rows;
    return square <= fit ? fit / square * square : fit;
}

/* A strip of tiles: as many of the products as fit into the cache, for each tile in turn. */
static void strip_across(const job *j, const column *col, const char *panel, const char *image,
                         char *result, int64_t first, int64_t end)
{
    _Alignas(64) char sums[STRIP_BYTES];
    const ct_conv *c = j->c;
    const int64_t row = col->vectors * c->kit->lanes * c->item, some = PANEL_BYTES / row;
    const int64_t most = ct_min(end - first, strip_rows(c, col->vectors, col->rows));
    for (int64_t start = first; start < end; start += most) {
        const int64_t stop = ct_min(start + most, end);
        for (int64_t k = 0; k == 0 || k < j->inner; k += some)
            for (int64_t p = start; p < stop; p += col->rows)
                c->kit->tile[col->vectors][ct_min(col->rows, stop - p)](
                    ct_min(some, j->inner - k), image, j->reads + k, j->pixels + p,
                    panel, col->steps + k, sums + (p - start) * row, k > 0);
        place_pixels(j, col, start, (int)(stop - start), sums, result);
    }
}

/* ----- along ----- */

static void place_pieces(const job *j, const column *col, int64_t block, const char *sums,
                         char *result)
{
    const ct_conv *c = j->c;
    const int64_t row = j->block * c->item;
    const int64_t pixel = c->axes[2].result_step * c->result.steps[2];
    for (int64_t i = j->first_piece[block]; i < j->first_piece[block + 1]; i++) {
        const piece *p = &j->pieces[i];
        char *to = result + col->first * c->result.channel_step + p->at;
        const char *from = sums + p->lane * c->item;
        if (pixel == c->item) {
            c->kit->copy_rows((int)col->n, p->n, to, c->result.channel_step, from, row);
            continue;
        }
        for (int64_t r = 0; r < col->n; r++, to += c->result.channel_step, from += row)
            for (int64_t x = 0; x < p->n; x++)
                ct_move(c->item, to + x * pixel, from + x * c->item);
    }
}

static void block_along(const job *j, const column *col, const char *panel, const char *image,
                        char *result, int64_t block)
{
    _Alignas(64) char sums[CT_KIT_ROWS * CT_KIT_VECTORS * 64];
    const ct_conv *c = j->c;
    const int64_t last = j->nflats > j->block ? j->nflats - j->block : 0;
    c->kit->tile[col->vectors][col->rows](j->inner, panel, col->steps, j->row_at,
                                          image + ct_min(block * j->block, last) * c->item,
                                          j->reads, sums, 0);
    place_pieces(j, col, block, sums, result);
}

/* ----- images ----- */

/* Ask for the pixels of a part before they are needed: each channel is a short run of memory, which
 * the processor does not foresee. */
static void ask_for_part(const job *j, const char *image, int64_t part)
{
    const int64_t first = part * j->strip * j->block;
    const int64_t bytes = ct_min(j->strip * j->block, j->nflats - first) * j->c->item;
    for (int64_t i = 0; i < j->c->channels; i++)
        for (int64_t at = 0; at < bytes; at += 64)
            __builtin_prefetch(image + i * j->c->image.channel_step + first * j->c->item + at);
}

/* Part `part` of the results of one image. */
static void run_part(const job *j, int64_t group, const char *image, char *result, int64_t part)
{
    if (!j->is_across && !j->is_boxed && part + 1 < j->nparts)
        ask_for_part(j, image, part + 1);
    for (int i = 0; i < j->ncolumns; i++) {
        const column *col = &j->columns[i];
        const char *panel = j->panels + (group * j->panel_items + col->panel) * j->c->item;
        if (j->is_across)
            strip_across(j, col, panel, image, result, part * j->strip,
                         ct_min((part + 1) * j->strip, j->count));
        else
            for (int64_t b = part * j->strip; b < ct_min((part + 1) * j->strip, j->nblocks); b++)
                block_along(j, col, panel, image, result, b);
    }
}

static void fill_box(const job *j, char *box, int64_t n, int64_t group, int64_t channel)
{
    ct_box_fill(j->c, &j->box, box + channel * j->box.items * j->c->item,
                ct_conv_image(j->c, n, group) + channel * j->c->image.channel_step);
}

/* One image of one group. */
static void run_image(void *ctx, int64_t task, int thread)
{
    const job *j = ctx;
    const int64_t n = task / j->c->groups, group = task % j->c->groups;
    const char *image = ct_conv_image(j->c, n, group);
    if (j->is_boxed) {
        char *box = j->scratch + thread * j->box_bytes;
        for (int64_t i = 0; i < j->c->channels; i++)
            fill_box(j, box, n, group, i);
        image = box;
    }
    for (int64_t part = 0; part < j->nparts; part++)
        run_part(j, group, image, ct_conv_result(j->c, n, group), part);
}

/* A few images are cut into parts; their boxes are filled first. */
static void fill_channel(void *ctx, int64_t task, int thread)
{
    const job *j = ctx;
    const int64_t channel = task % j->c->channels, image = task / j->c->channels;
    (void)thread;
    fill_box(j, j->scratch + image * j->box_bytes, image / j->c->groups, image % j->c->groups,
             channel);
}

static void run_one_part(void *ctx, int64_t task, int thread)
{
    const job *j = ctx;
    const int64_t part = task % j->nparts, image = task / j->nparts;
    const int64_t n = image / j->c->groups, group = image % j->c->groups;
    (void)thread;
    run_part(j, group,
             j->is_boxed ? j->scratch + image * j->box_bytes : ct_conv_image(j->c, n, group),
             ct_conv_result(j->c, n, group), part);
}

static int run(job *j)
{
    const ct_conv *c = j->c;
    const int64_t images = c->batch * c->groups, threads = ct_pool_used->get_threads();
    const int whole = images >= 4 * threads;        /* a task is an image */
    if (j->is_boxed) {
        /* a vector may reach beyond the last pixel */
        j->scratch = malloc((whole ? threads : images) * j->box_bytes);
        if (j->scratch == NULL)
            return CT_MEMORY;
    }
    ct_run(c->groups * j->ncolumns, fill_panel, j);
    if (whole) {
        ct_run(images, run_image, j);
    } else {
        if (j->is_boxed)
            ct_run(images * c->channels, fill_channel, j);
        ct_run(images * j->nparts, run_one_part, j);
    }
    free(j->scratch);
    return CT_OK;
}

/* ----- a whole convolution ----- */

static int64_t round_up(int64_t n, int64_t to)
{
    return ct_ceil_div(n, to) * to;
}

static void lay_out(void *job_, char **memory)
{
    job *j = job_;
    const int64_t inner = j->inner * sizeof(int64_t), count = j->count * sizeof(int64_t);
    j->columns = (column *)ct_take(memory, j->c->results * sizeof(column));
    j->reads = (int64_t *)ct_take(memory, inner);
    j->steps = (int64_t *)ct_take(memory, 3 * inner);
    j->pixels = (int64_t *)ct_take(memory, count);
    j->placed = (int64_t *)ct_take(memory, count);
    j->row_at = (int64_t *)ct_take(memory, CT_KIT_ROWS * sizeof(int64_t));
    j->first_piece = (int64_t *)ct_take(memory, (j->nblocks + 1) * sizeof(int64_t));
    /* the last block may lie over the one before */
    j->pieces = (piece *)ct_take(memory, (j->nblocks + j->block + j->count / j->c->axes[2].count)
                                      * sizeof(piece));
}

static void set_parts(job *j, int vectors)
{
    const int lanes = j->c->kit->lanes;
    j->block = vectors * lanes;
    j->nblocks = ct_ceil_div(j->nflats, j->block);
    const int64_t rows = strip_rows(j->c, vectors, ct_tile_rows(j->c->kit, j->count, vectors));
    j->strip = j->is_across ? (rows < 128 ? 128 / rows : 1) * rows
                            : ct_ceil_div(STRIP_PIXELS, j->block);
    j->nparts = ct_ceil_div(j->is_across ? j->count : j->nblocks, j->strip);
    j->box_bytes = round_up((j->c->channels * j->box.items + j->block) * j->c->item, 64) + 64;
}

static void set_tables(job *j)
{
    for (int r = 0; r < CT_KIT_ROWS; r++)
        j->row_at[r] = r * j->c->item;
    ct_conv_set_reads(j->c, j->is_boxed ? &j->box : NULL, j->reads);
    ct_conv_set_pixels(j->c, j->is_boxed ? &j->box : NULL, j->pixels);
    j->is_plain = ct_conv_set_results(j->c, j->placed);
    set_steps(j);
    if (!j->is_across)
        set_pieces(j);
}

int ct_conv_images(const ct_conv *c)
{
    job j = new_job(c);
    int status = CT_MEMORY, vectors;
    choose(&j, &vectors);
    set_parts(&j, vectors);
    char *tables = ct_with_memory(&j, lay_out);
    if (tables == NULL)
        return CT_MEMORY;
    set_columns(&j, vectors);
    j.panels = aligned_alloc(64, round_up(c->groups * j.panel_items * c->item + 64, 64));
    if (j.panels != NULL) {
        set_tables(&j);
        status = run(&j);
    }
    free(j.panels);
    free(tables);
    return status;
}
