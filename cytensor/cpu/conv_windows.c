/* conv_windows.c: windows of images, one after the other, copied in pieces of rows. */
#include "conv.h"

#include <string.h>

int64_t ct_cut_window(const int64_t *reads, int64_t n, int item, ct_piece *pieces)
{
    int64_t used = 0;
    for (int64_t k = 0, run; k < n; k += run) {
        for (run = 1; k + run < n && (run + 1) * item <= CT_WINDOW_PIECE; run++)
            if (reads[k + run] != reads[k] + run * item)
                break;
        pieces[used++] = (ct_piece){reads[k], k * item, run * item};
    }
    return used;
}

/* Copy the windows of n pixels. A whole `some` is read for each piece where that much memory is
 * certain to be there; what it overwrites behind is written later. */
#define COPY(bytes)                                                                               \
typedef char some_##bytes __attribute__((vector_size(bytes), aligned(1), may_alias));             \
CT_CLONES static void copy_##bytes(const ct_piece *pieces, int64_t npieces, int64_t n,            \
                                   const char *from, const int64_t *at, int64_t most, char *to,   \
                                   int64_t step)                                                  \
{                                                                                                 \
    for (int64_t p = 0; p < n; p++, to += step) {                                                 \
        const char *pixel = from + at[p];                                                         \
        if (at[p] <= most)                                                                        \
            for (int64_t i = 0; i < npieces; i++)                                                 \
                *(some_##bytes *)(to + pieces[i].to)                                              \
                    = *(const some_##bytes *)(pixel + pieces[i].from);                            \
        else                                                                                      \
            for (int64_t i = 0; i < npieces; i++)                                                 \
                memcpy(to + pieces[i].to, pixel + pieces[i].from, pieces[i].n);                   \
    }                                                                                             \
}
COPY(16)
COPY(32)

void ct_copy_windows(const ct_piece *pieces, int64_t npieces, int64_t n, const char *from,
                     const int64_t *at, const char *end, char *to, int64_t step)
{
    int64_t far = 0, longest = 0;
    for (int64_t i = 0; i < npieces; i++) {
        far = pieces[i].from > far ? pieces[i].from : far;
        longest = pieces[i].n > longest ? pieces[i].n : longest;
    }
    if (longest <= 16)
        copy_16(pieces, npieces, n, from, at, end - from - far - 16, to, step);
    else
        copy_32(pieces, npieces, n, from, at, end - from - far - 32, to, step);
}
