/* copy.c: moving items from one layout to another. Only the size of an item matters here. */
#include "structured.h"

#include <string.h>

/* ----- rows and items ----- */

#define COPY_ROW(size, T) \
static void copy_row_##size(const ct_nest *nest, int64_t n, char *const *data, const void *ctx) \
{ \
    const int last = nest->ndim - 1; \
    const int64_t to = nest->strides[0][last], from = nest->strides[1][last]; \
    char *restrict out = data[0]; \
    const char *restrict in = data[1]; \
    (void)ctx; \
    if (to == size && from == size) { \
        memcpy(out, in, n * size); \
    } else if (to == size && from == 0) { \
        const T value = *(const T *)in; \
        for (int64_t i = 0; i < n; i++) \
            ((T *)out)[i] = value; \
    } else { \
        for (int64_t i = 0; i < n; i++) \
            *(T *)(out + i * to) = *(const T *)(in + i * from); \
    } \
}
CT_FOR_SIZES(COPY_ROW)

ct_inner ct_copy_row(int itemsize)
{
    switch (itemsize) {
    case 1: return copy_row_1;
    case 2: return copy_row_2;
    case 4: return copy_row_4;
    case 8: return copy_row_8;
    default: return copy_row_16;
    }
}

#define COPY_ITEMS(size, T) \
static void put_items_##size(int64_t n, char *indexed, ct_places places, \
                             char *plain, int64_t step) \
{ \
    for (int64_t i = 0; i < n; i++) \
        *(T *)(indexed + ct_place(places, i)) = *(const T *)(plain + i * step); \
} \
\
static void get_items_##size(int64_t n, char *indexed, ct_places places, \
                             char *plain, int64_t step) \
{ \
    if (step == size && places.step == size) { \
        for (int64_t i = 0; i < n; i++) \
            ((T *)plain)[i] = ((const T *)indexed)[ct_from_front(places.indices[i], \
                                                                 places.length)]; \
        return; \
    } \
    for (int64_t i = 0; i < n; i++) \
        *(T *)(plain + i * step) = *(const T *)(indexed + ct_place(places, i)); \
}
CT_FOR_SIZES(COPY_ITEMS)

ct_items ct_copy_items(int itemsize, int into)
{
    switch (itemsize) {
    case 1: return into ? put_items_1 : get_items_1;
    case 2: return into ? put_items_2 : get_items_2;
    case 4: return into ? put_items_4 : get_items_4;
    case 8: return into ? put_items_8 : get_items_8;
    default: return into ? put_items_16 : get_items_16;
    }
}

#define COPY_CHECKED(size, T) \
static int put_checked_##size(int64_t n, char *indexed, ct_places places, \
                              char *plain, int64_t step) \
{ \
    int64_t at, i = 0; \
    for (; i < n && ct_is_within(places, i, &at); i++) \
        *(T *)(indexed + at * places.step) = *(const T *)(plain + i * step); \
    return i == n; \
} \
\
static int get_checked_##size(int64_t n, char *indexed, ct_places places, \
                              char *plain, int64_t step) \
{ \
    int64_t at, i = 0; \
    if (step == size && places.step == size) \
        for (; i < n && ct_is_within(places, i, &at); i++) \
            ((T *)plain)[i] = ((const T *)indexed)[at]; \
    else \
        for (; i < n && ct_is_within(places, i, &at); i++) \
            *(T *)(plain + i * step) = *(const T *)(indexed + at * places.step); \
    return i == n; \
}
CT_FOR_SIZES(COPY_CHECKED)

ct_checked_items ct_copy_checked_items(int itemsize, int into)
{
    switch (itemsize) {
    case 1: return into ? put_checked_1 : get_checked_1;
    case 2: return into ? put_checked_2 : get_checked_2;
    case 4: return into ? put_checked_4 : get_checked_4;
    case 8: return into ? put_checked_8 : get_checked_8;
    default: return into ? put_checked_16 : get_checked_16;
    }
}

/* ----- large rows -----
 *
 * What does not fit the caches is written past them: to fetch a line only to overwrite it would
 * cost as much as the copy. */

#define STREAM_BYTES (16 << 20)

#ifdef __SSE2__
#include <emmintrin.h>

static void stream(char *restrict out, const char *restrict in, int64_t bytes)
{
    const int64_t head = ct_min(bytes, -(intptr_t)out & 15);
    memcpy(out, in, head);
    int64_t i = head;
    for (; i + 64 <= bytes; i += 64)
        for (int k = 0; k < 64; k += 16)
            _mm_stream_si128((__m128i *)(out + i + k), _mm_loadu_si128((__m128i *)(in + i + k)));
    memcpy(out + i, in + i, bytes - i);
}

static void stream_end(void)
{
    _mm_sfence();
}
#else
static void stream(char *restrict out, const char *restrict in, int64_t bytes)
{
    memcpy(out, in, bytes);
}

static void stream_end(void)
{
}
#endif

static void stream_row(const ct_nest *nest, int64_t n, char *const *data, const void *ctx)
{
    stream(data[0], data[1], n * nest->strides[0][nest->ndim - 1]);
    stream_end();
    (void)ctx;
}

/* ----- transposes -----
 *
 * The output is written along its rows, the input is read along its columns. Both go through
 * memory in whole lines: a square block, whose sides are one line long, is read line by line,
 * transposed in two buffers, and written line by line.
 *
 * Within a block, square tiles of one vector's length are transposed. Interleaving the vectors
 * i and i + half for all i, log2(length) times over, does that. */

#define LINE 64
#define STRIP 16                /* blocks side by side: their pages stay known to the TLB */
#define AHEAD (4 * LINE)        /* bytes from a line to one that is fetched in advance */

typedef struct {
    int64_t to, from;           /* bytes from row to row of the output, of the input */
} transpose_steps;

#define LOW_1(a, b) __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, \
                                            6, 22, 7, 23)
#define HIGH_1(a, b) __builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, \
                                             13, 29, 14, 30, 15, 31)
#define LOW_2(a, b) __builtin_shufflevector(a, b, 0, 8, 1, 9, 2, 10, 3, 11)
#define HIGH_2(a, b) __builtin_shufflevector(a, b, 4, 12, 5, 13, 6, 14, 7, 15)
#define LOW_4(a, b) __builtin_shufflevector(a, b, 0, 4, 1, 5)
#define HIGH_4(a, b) __builtin_shufflevector(a, b, 2, 6, 3, 7)
#define LOW_8(a, b) __builtin_shufflevector(a, b, 0, 2)
#define HIGH_8(a, b) __builtin_shufflevector(a, b, 1, 3)

#define FLIP_TILE(size, T) \
typedef T vector_##size __attribute__((vector_size(16))); \
static inline void flip_tile_##size(char *out, const char *in) \
{ \
    enum { length = 16 / size, half = length / 2 }; \
    vector_##size a[length], b[length]; \
    for (int i = 0; i < length; i++) \
        memcpy(&a[i], in + i * LINE, 16); \
    for (int stage = 1; stage < length; stage *= 2) { \
        for (int i = 0; i < half; i++) { \
            b[2 * i] = LOW_##size(a[i], a[i + half]); \
            b[2 * i + 1] = HIGH_##size(a[i], a[i + half]); \
        } \
        memcpy(a, b, sizeof a); \
    } \
    for (int i = 0; i < length; i++) \
        memcpy(out + i * LINE, &a[i], 16); \
}
FLIP_TILE(1, uint8_t)
FLIP_TILE(2, uint16_t)
FLIP_TILE(4, uint32_t)
FLIP_TILE(8, uint64_t)

static inline void flip_tile_16(char *out, const char *in)
{
    memcpy(out, in, 16);
}

#define TRANSPOSE(size, T) \
/* Output rows of LINE bytes each, from LINE / size input rows of as many. */ \
static void flip_block_##size(const transpose_steps *steps, char *out, const char *in) \
{ \
    enum { side = LINE / size, tile = 16 / size }; \
    char before[side * LINE], after[side * LINE]; \
    for (int j = 0; j < side; j++) { \
        memcpy(before + j * LINE, in + j * steps->from, LINE); \
        __builtin_prefetch(in + j * steps->from + AHEAD, 0, 2); \
    } \
    for (int i = 0; i < side; i += tile) \
        for (int j = 0; j < side; j += tile) \
            flip_tile_##size(after + i * LINE + j * size, before + j * LINE + i * size); \
    for (int i = 0; i < side; i++) \
        memcpy(out + i * steps->to, after + i * LINE, LINE); \
} \
\
/* The same for a block at the edge, of n output rows of m items. */ \
static void flip_edge_##size(const transpose_steps *steps, char *out, const char *in, \
                             int64_t n, int64_t m) \
{ \
    for (int64_t i = 0; i < n; i++) \
        for (int64_t j = 0; j < m; j++) \
            ((T *)(out + i * steps->to))[j] = ((const T *)(in + j * steps->from))[i]; \
} \
\
static void transpose_##size(const ct_nest *nest, int64_t n, char *const *data, const void *ctx) \
{ \
    enum { side = LINE / size, strip = STRIP * side }; \
    const int row = nest->ndim - 2, column = nest->ndim - 1; \
    const int64_t m = nest->dims[column]; \
    const transpose_steps steps = {nest->strides[0][row], nest->strides[1][column]}; \
    (void)ctx; \
    for (int64_t left = 0; left < m; left += strip) \
        for (int64_t i = 0; i < n; i += side) \
            for (int64_t j = left; j < ct_min(m, left + strip); j += side) { \
                char *out = data[0] + i * steps.to + j * size; \
                const char *in = data[1] + i * size + j * steps.from; \
                if (n - i >= side && m - j >= side) \
                    flip_block_##size(&steps, out, in); \
                else \
                    flip_edge_##size(&steps, out, in, ct_min(side, n - i), \
                                     ct_min(side, m - j)); \
            } \
}
CT_FOR_SIZES(TRANSPOSE)

static ct_inner transpose(int itemsize)
{
    switch (itemsize) {
    case 1: return transpose_1;
    case 2: return transpose_2;
    case 4: return transpose_4;
    case 8: return transpose_8;
    default: return transpose_16;
    }
}

/* If a tidy nest is a transpose, make the axis along which the input is contiguous the last but
 * one, and return 1. */
static int find_transpose(ct_nest *nest, int itemsize)
{
    const int last = nest->ndim - 1;
    int axis = last;
    if (nest->strides[0][last] != itemsize || nest->strides[1][last] == 0)
        return 0;
    while (axis >= 0 && nest->strides[1][axis] != itemsize)
        axis--;
    if (axis < 0 || axis == last)
        return 0;
    ct_nest_rotate(nest, axis, last - 1);
    return 1;
}

/* ----- kernels ----- */

static int is_contiguous(const ct_nest *nest, int itemsize)
{
    const int last = nest->ndim - 1;
    return nest->strides[0][last] == itemsize && nest->strides[1][last] == itemsize;
}

void ct_copy_nest(ct_nest *nest, int itemsize)
{
    const int streams = ct_nest_size(nest) * itemsize >= STREAM_BYTES;
    ct_nest_tidy(nest, 0);
    if (find_transpose(nest, itemsize))
        ct_nest_run(nest, 2, 1, LINE / itemsize, transpose(itemsize), NULL);
    else if (streams && is_contiguous(nest, itemsize) && nest->dims[nest->ndim - 1] >= CT_GRAIN)
        ct_nest_run(nest, 1, 1, LINE, stream_row, NULL);
    else
        ct_nest_run(nest, 1, 1, LINE, ct_copy_row(itemsize), NULL);
}

/* t[0] = t[1], which broadcasts: `copy`, and `fill`, where t[1] is a single item. */
int ct_copy(ct_call *call, int n, const ct_tensor *t, const int64_t *params)
{
    (void)call, (void)n, (void)params;
    ct_nest nest = ct_nest_of(&t[0]);
    ct_nest_broadcast(&nest, &t[1]);
    ct_copy_nest(&nest, ct_itemsize[t[0].dtype]);
    return CT_OK;
}

/* t[0] = the concatenation of t[1..] along params[0]. */
int ct_join(ct_call *call, int n, const ct_tensor *t, const int64_t *params)
{
    (void)call;
    const int64_t axis = params[0];
    char *out = t[0].data;
    for (int i = 1; i < n; i++) {
        ct_nest nest = ct_nest_new(t[i].ndim, t[i].dims);
        ct_nest_add(&nest, out, t[i].dims, t[0].strides);
        ct_nest_add(&nest, t[i].data, t[i].dims, t[i].strides);
        ct_copy_nest(&nest, ct_itemsize[t[0].dtype]);
        out += t[i].dims[axis] * t[0].strides[axis];
    }
    return CT_OK;
}
