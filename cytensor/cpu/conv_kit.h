/* conv_kit.h: the inner loops of convolution, one set for each instruction set and dtype. */
#ifndef CT_CONV_KIT_H
#define CT_CONV_KIT_H

#include "abi.h"

#define CT_KIT_VECTORS 8        /* of a row of sums, at most */
#define CT_KIT_WIDTHS 8, 6, 4, 3, 2, 1      /* the numbers of vectors for which there are tiles */
#define CT_KIT_ROWS 28          /* of a tile of sums, at most */

/* sums[r][lane] = the sum over i < n of
 *     the item at ones + one_at[i] + rows[r], times the item `lane` at lanes + lanes_at[i].
 * A row of sums is as many vectors as the tile is wide. go_on: 1 to add to what is in sums; a
 * larger number to write rows that are so many bytes apart. */
typedef void (*ct_conv_tile)(int64_t n, const char *ones, const int64_t *one_at,
                             const int64_t *rows, const char *lanes, const int64_t *lanes_at,
                             void *sums, int go_on);

typedef struct {
    int lanes;                  /* items of a vector */

    /* By vectors, then by rows. NULL: there are not enough registers. */
    ct_conv_tile tile[CT_KIT_VECTORS + 1][CT_KIT_ROWS + 1];

    /* Turn rows into columns: to[i][r] = row r's item i, for i < n. Row r begins at from + at[r];
     * items lie side by side in both; `step` bytes are between to[i] and to[i + 1]. */
    void (*turn)(int rows, int64_t n, const char *from, const int64_t *at, char *to, int64_t step);

    /* sums[t] += x * y moved by at[t] bytes, over n pixels of each of some rows: a sum is a vector,
     * whose lanes together are the sum. */
    void (*dots)(int taps, int64_t rows, int64_t n, const char *x, int64_t x_step, const char *y,
                 int64_t y_step, const int64_t *at, void *sums);

    /* Copy items that lie side by side, and some rows of them. */
    void (*copy)(int64_t n, char *to, const char *from);
    void (*copy_rows)(int rows, int64_t n, char *to, int64_t step, const char *from,
                      int64_t pitch);

    /* Windows of 3x3 with 4 multiplications for a result rather than 9. A square of 4x4 pixels is
     * split into 16 parts, each of them is multiplied by a part of the filter, and the sums over
     * channels are joined to 2x2 results. Here for n vectors of squares. */
    void (*split)(int64_t n, const char *from, int64_t row_step, int64_t step, char *to,
                  int64_t to_step);
    void (*join)(int64_t n, const char *from, int64_t from_step, char *to, int64_t row_step,
                 int64_t step);
} ct_conv_kit;

/* The capsule `conv` of a module of tile kernels. */
typedef struct {
    const ct_conv_kit *f32, *f64;
} ct_conv_kits;

#endif
