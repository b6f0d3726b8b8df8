/* pooling.h: windows that slide over axes of a tensor.
 *
 * Work goes from tile to tile. What a tile needs of a tensor is put on a *grid*: contiguous scratch
 * that fits a cache, in the dtype that is computed in, with margins where windows run over the
 * edge. There, all windows along an axis are a few passes over the whole grid at once, which
 * vectorise whatever the sizes are; and a tensor that lies so in memory is its own grid. */
#ifndef CT_POOLING_H
#define CT_POOLING_H

#include "nest.h"

/* ----- loops over items (pooling_loops.c) ----- */

/* What a line of items is compared with, item by item, and what counts where the two are equal. */
typedef struct {
    const void *moving, *value;
} ct_meeting;

/* The loops of one dtype. Counts, where they are not NULL, are what items are divided by: item j by
 * scale * counts[j]. */
typedef struct {
    int size, stored;               /* bytes of an item on the grid, and in memory */
    int plain;                      /* whether both are one */
    void (*fill)(void *grid, int64_t n);
    void (*put)(void *grid, int64_t step, int64_t repeat, const char *x, int64_t stride,
                int64_t n, const double *counts, double scale);
    void (*fold)(void *grid, const char *x, int64_t stride, int64_t n);
    void (*take)(char *out, int64_t stride, const void *grid, int64_t step, int64_t n,
                 const double *counts, double scale);
    /* to[i] = from[i] and from[i + near] and rest[i + far], if there is a rest */
    void (*combine)(void *restrict to, const void *from, int64_t near, const void *rest,
                    int64_t far, int64_t n);
    /* out[i] = the sum, over the meetings in their order, of value[i] where x[i] == moving[i] */
    void (*match)(void *restrict out, const void *x, int64_t n, const ct_meeting *with,
                  int64_t meetings);
} ct_pooling_loops;

/* By dtype. Loops of sums have `match`, for floats. */
extern const ct_pooling_loops ct_pooling_max[CT_NDTYPES], ct_pooling_sum[CT_NDTYPES];

/* ----- grids (pooling_grid.c) ----- */

/* Items in C order; `unit` items from one to the next along an axis. */
typedef struct {
    int axes;
    int64_t len[CT_MAXDIM], unit[CT_MAXDIM], size;
} ct_grid;

/* How a tensor lies on a grid along one axis: entry j is at `at + j * step`, `repeat` times. With a
 * period, it is folded into place (at + j) / period, if it lies in a window: if the remainder is
 * below `window`. */
typedef struct {
    int64_t stride;                 /* of the tensor, in bytes */
    int64_t count, at, step, repeat;
    int64_t period, window;
    const double *counts;           /* by which entries are divided, or NULL */
} ct_lay;

/* Work out the units of a grid from its lengths. */
void ct_grid_measure(ct_grid *grid);

/* Put a tensor on a grid; what it does not cover is filled. */
void ct_grid_put(const ct_pooling_loops *loops, const ct_grid *grid, const ct_lay *lay,
                 const char *x, void *room);

/* Where a tensor is as on a grid: in `room`, after it has been put there, or right where it is. */
const void *ct_grid_source(const ct_pooling_loops *loops, const ct_grid *grid, const ct_lay *lay,
                           const char *x, void *room);

/* Where to compute what is to be taken from a grid: in `room`, or right where it belongs. */
void *ct_grid_target(const ct_pooling_loops *loops, const ct_grid *grid, const ct_lay *lay,
                     char *out, void *room);

/* Take a tensor from a grid. */
void ct_grid_take(const ct_pooling_loops *loops, const ct_grid *grid, const ct_lay *lay,
                  const void *from, char *out);

/* ----- tiles (pooling_tiles.c) ----- */

#define CT_POOLING_OPERANDS 4

/* One axis: of `n` items in images, of `m` windows. A window has `window` items, of `given` that it
 * was said to have: those beyond the image are nowhere. A tile has `block` entries, of the
 * `entries` that are to be computed: items, or windows. */
typedef struct {
    int64_t n, m, window, given, step, pad;
    int64_t entries, block, blocks;
    int64_t strides[CT_POOLING_OPERANDS];
    double *counts;                 /* how many items each window has, or NULL */
} ct_pooling_axis;

typedef struct ct_pooling ct_pooling;

/* Memory for the grids of a tile, which is kept from one to the next. */
typedef struct {
    char *memory;
    int64_t size;
} ct_room;

/* Compute a tile, whose first entry is start[axis], of tensors that are at data[operand]; return 0
 * without memory. */
typedef int (*ct_pooling_tile)(const ct_pooling *p, const int64_t *start, char *const *data,
                               ct_room *room);

struct ct_pooling {
    int nops, axes, outer;          /* operands, axes of a grid, axes around it */
    int of_images;                  /* whether images are computed */
    int inside;                     /* whether the last axis of a grid was before the others */
    char *data[CT_POOLING_OPERANDS];
    ct_pooling_axis axis[CT_MAXDIM];        /* of a grid */
    ct_pooling_axis around[CT_MAXDIM];      /* the others, of which windows know nothing */
    const ct_pooling_loops *loops;
    ct_pooling_tile tile;
};

/* Whether windows know nothing of an axis. */
static inline int ct_pooling_is_plain(const ct_pooling_axis *axis)
{
    return axis->given == 1 && axis->step == 1 && axis->pad == 0 && axis->n == axis->m;
}

/* Describe pooling over the last axes of `nops` tensors, the first of which is computed; tensor k
 * is an image if bit k of `images` is set. `sizes` are a window, a stride and a padding for each
 * axis that is pooled. Return 0 if nothing is to be computed. */
int ct_pooling_describe(ct_pooling *p, const ct_tensor *t, int nops, int images, int pooled,
                        const ct_tensor *sizes);

/* Set how many items each window has: those in the image, or with its padding all of them. */
int ct_pooling_count(ct_pooling *p, int padded);
void ct_pooling_free(ct_pooling *p);

/* Compute all tiles on the pool of threads. An entry costs about as much as `weight` additions. */
int ct_pooling_run(ct_pooling *p, int64_t weight);

/* ----- pooling_apart.c ----- */

/* The gradient of the maximum where windows do not overlap, and items lie side by side. */
int ct_pooling_is_apart(const ct_pooling *p);
int ct_pooling_apart_tile(const ct_pooling *p, const int64_t *start, char *const *data,
                          ct_room *room);

/* ----- pooling_pairs.c ----- */

/* The largest, or the sum, of windows of two by two whose items lie side by side. */
int ct_pooling_is_pairs(const ct_pooling *p);
int ct_pooling_pairs_tile(const ct_pooling *p, const int64_t *start, char *const *data,
                          ct_room *room);

/* The items of two vectors that the indices name: those of `b` come after those of `a`. */
#if defined(__clang__)
#define CT_PICK(mask, a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define CT_PICK(mask, a, b, ...) __builtin_shuffle(a, b, (mask){__VA_ARGS__})
#endif

/* Cut memory of this many bytes each, or return 0. */
int ct_room_cut(ct_room *room, int n, const int64_t *bytes, void **parts);

static inline int64_t ct_max(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* Rounded down, also below zero. */
static inline int64_t ct_floor_div(int64_t a, int64_t b)
{
    return a >= 0 ? a / b : -((b - 1 - a) / b);
}

#endif
