/* conv.h: convolution as sums of products over offsets, whatever its strides and borders are. */
#ifndef CT_CONV_H
#define CT_CONV_H

#include "conv_kit.h"
#include "nest.h"

#define CT_SPACE 3              /* spatial axes; an image with fewer has further ones of size 1 */

/* Images, results or filters: (batch, channels, *space) of any strides in bytes. */
typedef struct {
    char *data;
    int64_t batch_step, channel_step, sizes[CT_SPACE], steps[CT_SPACE];
} ct_view;

/* One spatial axis: result i, for i < count, stands at first_result + i * result_step; tap t of it
 * reads the pixel first + i * step + pixel_at[t], times item window_at[t] of the window. */
typedef struct {
    int64_t count, first_result, result_step, first, step, ntaps;
    const int64_t *pixel_at, *window_at;
} ct_axis;

/* result[n, g, r] = sum over channels c and taps of image[n, g, c] * filters[g, r, c], at the
 * places that the axes say. Where a pixel lies outside of the image, it is 0. */
typedef struct {
    const ct_conv_kit *kit;
    int item;                                       /* bytes of an item */
    int64_t batch, groups, channels, results;       /* channels and results of one group */
    ct_axis axes[CT_SPACE];
    ct_view image, result;
    char *filters;
    int64_t group_step, result_step, channel_step;
    int64_t ntaps;
    const int64_t *tap_at;                          /* in a filter, in bytes */
} ct_conv;

/* The first channel of a group, in image n and in its result. */
static inline char *ct_conv_image(const ct_conv *c, int64_t n, int64_t group)
{
    return c->image.data + n * c->image.batch_step
        + group * c->channels * c->image.channel_step;
}

static inline char *ct_conv_result(const ct_conv *c, int64_t n, int64_t group)
{
    return c->result.data + n * c->result.batch_step
        + group * c->results * c->result.channel_step;
}

/* The kits of the instruction set in use, from float32. */
extern const ct_conv_kits *ct_conv_used;

extern const ct_kernel_entry ct_conv_kernels[];

/* ----- conv_box.c: the part of an image that is read, with the zeros around it ----- */

/* A box is a copy of some channels of an image. With `apart`, pixels that are neighbours for one
 * tap lie side by side: box axis a is cut into `apart[a]` planes, of every apart[a]-th pixel. */
typedef struct {
    int64_t low[CT_SPACE];                  /* the first pixel, may be negative */
    int64_t sizes[CT_SPACE];                /* in pixels */
    int64_t apart[CT_SPACE], across[CT_SPACE];      /* planes, and the pixels of each */
    int64_t steps[CT_SPACE], plane_steps[CT_SPACE]; /* in items */
    int64_t items;                          /* of a channel */
} ct_box;

ct_box ct_box_of(const ct_conv *c, int apart);

/* Whether it goes beyond the image. */
int ct_box_is_padded(const ct_conv *c, const ct_box *box);

/* Copy one channel into the box at `to`. */
void ct_box_fill(const ct_conv *c, const ct_box *box, char *to, const char *channel);

/* Where in a box a tap reads for the first result, in items. */
int64_t ct_box_tap(const ct_conv *c, const ct_box *box, const int64_t *tap);

/* ----- conv_places.c ----- */

int64_t ct_conv_count(const ct_conv *c);            /* results of one channel of one image */

/* From a pixel to what is read for each channel and tap, in bytes; in a box, or in the image. */
void ct_conv_set_reads(const ct_conv *c, const ct_box *box, int64_t *reads);

/* From the first result's pixel to that of each, in bytes. */
void ct_conv_set_pixels(const ct_conv *c, const ct_box *box, int64_t *pixels);

/* Where results belong, in bytes; return whether they lie side by side. */
int ct_conv_set_results(const ct_conv *c, int64_t *placed);

/* Where `width` images abreast are: rows of a panel, images, and the results of a row; in bytes. */
void ct_conv_set_abreast(const ct_conv *c, int64_t width, int64_t *row_at, int64_t *image_at,
                         int64_t *pixel_at);

/* Results along whole rows of a box whose pixels lie apart, with what is between the rows. */
int64_t ct_conv_flats(const ct_conv *c, const ct_box *box);

/* Lay out arrays one behind the other: each takes its bytes. `lay_out` is called once without
 * memory, to see how much it takes, and then in that memory, which is returned, or NULL. */
char *ct_take(char **memory, int64_t bytes);
char *ct_with_memory(void *what, void (*lay_out)(void *what, char **memory));

/* Move one item. */
static inline void ct_move(int item, char *to, const char *from)
{
    if (item == 4)
        *(uint32_t *)to = *(const uint32_t *)from;
    else
        *(uint64_t *)to = *(const uint64_t *)from;
}

/* Step through the places of three axes, the last one fastest. */
static inline void ct_next_place(int64_t *at, const int64_t *sizes)
{
    for (int a = CT_SPACE - 1; a >= 0 && ++at[a] == sizes[a]; a--)
        at[a] = 0;
}

/* How many rows tiles of so many vectors have, for n rows in tiles of about one size. */
int ct_tile_rows(const ct_conv_kit *kit, int64_t n, int vectors);

/* How many vectors the next tile has: at most `most`, and at most n. */
int ct_tile_width(int64_t n, int most);

/* What n rows of so many vectors cost for each product, in vectors of sums; and rows of any number
 * of vectors, in tiles of the best width. */
double ct_rows_cost(const ct_conv_kit *kit, int64_t n, int vectors);
double ct_grid_cost(const ct_conv_kit *kit, int64_t rows, int64_t vectors, int *width);

/* ----- conv_panels.c ----- */

/* to[k][r] = item k, by channels and then by taps, of filter first + r of a group, for r < n; the
 * rows of `to` have `wide` items, and what is beyond n becomes 0. */
void ct_fill_panel(const ct_conv *c, int64_t group, int64_t first, int64_t n, int64_t wide,
                   char *to);

/* ----- conv_windows.c ----- */

#define CT_WINDOW_PIECE 32      /* bytes of a piece, at most */

/* Items of a window that lie side by side: where in the image, and in the window; in bytes. */
typedef struct {
    int64_t from, to, n;
} ct_piece;

/* Cut the first n items of a window, at `reads`, into pieces; return how many. */
int64_t ct_cut_window(const int64_t *reads, int64_t n, int item, ct_piece *pieces);

/* Copy the windows of n pixels, from + at[p], one after the other: they are `step` bytes apart, and
 * there is room for one more piece behind the last. The image's memory ends at `end`. */
void ct_copy_windows(const ct_piece *pieces, int64_t npieces, int64_t n, const char *from,
                     const int64_t *at, const char *end, char *to, int64_t step);

/* ----- conv_images.c, conv_batch.c, conv_winograd.c: three ways to compute the result -----
 *
 * Image by image; `width` images at a time; and these in squares, for windows of 3x3. They return
 * CT_OK or CT_MEMORY. Costs are in sums of vectors; below 0 where a way cannot be gone. */

int ct_conv_images(const ct_conv *c);
double ct_conv_images_cost(const ct_conv *c);
int ct_conv_batch(const ct_conv *c, int64_t width);
double ct_conv_batch_cost(const ct_conv *c, int64_t *width);
int ct_conv_winograd(const ct_conv *c);
double ct_conv_winograd_cost(const ct_conv *c);

/* ----- conv_filters.c, conv_pixels.c ----- */

/* The gradient of the same convolution with respect to its filters, from that of its result:
 * writes c->filters. */
int ct_conv_filters(const ct_conv *c);

/* The same with pixels in the vectors, where that is possible; and what it costs for one image of
 * one group, in sums of vectors. */
int ct_conv_pixels(const ct_conv *c);
int ct_conv_pixels_can(const ct_conv *c);
double ct_conv_pixels_cost(const ct_conv *c);

#endif
