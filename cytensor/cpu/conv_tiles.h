/* conv_tiles.h: the inner loops of convolution, over items of type T, which has T_BYTES. It is
 * included once for each type. Vectors are as wide as the instruction set has them. A tile of sums
 * stays in registers, so that its sizes depend on how many there are. */
#include <string.h>

#include "conv_kit.h"

#if defined(__AVX512F__)
#define VECTOR_BYTES 64
#define REGISTERS 32
#elif defined(__AVX2__)
#define VECTOR_BYTES 32
#define REGISTERS 16
#elif defined(__x86_64__)
#define VECTOR_BYTES 16
#define REGISTERS 16
#else
#define VECTOR_BYTES 16
#define REGISTERS 32
#endif
#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

/* Or it would be read anew from memory for each product. */
#if defined(__x86_64__)
#define KEEP_IN_REGISTER(x) __asm__("" : "+x"(x))
#else
#define KEEP_IN_REGISTER(x) __asm__("" : "+w"(x))
#endif

/* With many vector registers, compilers keep pointers that find no place in others there, and take
 * time of the adders to get them back. */
#define KEEP_IN_MEMORY(x) __asm__("" : "+m"(x))
#if defined(__AVX512F__)
#define POINTERS 8
#else
#define POINTERS CT_KIT_ROWS
#endif
#define INLINE static inline __attribute__((always_inline))
#if defined(__clang__)
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 32")
#endif

#define LANES (VECTOR_BYTES / T_BYTES)
typedef T vector __attribute__((vector_size(VECTOR_BYTES)));
typedef T loose __attribute__((vector_size(VECTOR_BYTES), aligned(sizeof(T)), may_alias));
typedef T item __attribute__((may_alias));

/* a * b + c. The flags of this module do not let the compiler join the two by itself. */
INLINE vector fused(vector a, vector b, vector c)
{
#if defined(__AVX512F__)
    return sizeof(T) == 4 ? (vector)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c)
                          : (vector)_mm512_fmadd_pd((__m512d)a, (__m512d)b, (__m512d)c);
#elif defined(__FMA__)
    return sizeof(T) == 4 ? (vector)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c)
                          : (vector)_mm256_fmadd_pd((__m256d)a, (__m256d)b, (__m256d)c);
#elif defined(__aarch64__)
    return sizeof(T) == 4
        ? (vector)vfmaq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b)
        : (vector)vfmaq_f64((float64x2_t)c, (float64x2_t)a, (float64x2_t)b);
#else
    return a * b + c;
#endif
}

INLINE vector spread(const char *from)
{
    return *(const item *)from - (vector){0};
}

/* ----- tiles ----- */

INLINE void tile(const int rows, const int vectors, int64_t n, const char *ones,
                 const int64_t *one_at, const int64_t *row_at, const char *lanes,
                 const int64_t *lanes_at, loose *sums, int go_on)
{
    vector sum[REGISTERS], wide[CT_KIT_VECTORS];
    const char *row[CT_KIT_ROWS];
    UNROLL
    for (int r = 0; r < rows; r++)
        row[r] = ones + row_at[r];
    UNROLL
    for (int i = 0; i < rows * vectors; i++)
        sum[i] = (vector){0};
    if (go_on == 1) {
        UNROLL
        for (int i = 0; i < rows * vectors; i++)
            sum[i] = sums[i];
    }
    for (int64_t i = 0; i < n; i++) {
        const loose *from = (const loose *)(lanes + lanes_at[i]);
        const int64_t at = one_at[i];
        if (rows >= vectors) {                      /* hold the vectors, and spread items */
            UNROLL
            for (int v = 0; v < vectors; v++)
                wide[v] = from[v];
            UNROLL
            for (int r = 0; r < rows; r++) {
                if (r >= POINTERS)
                    KEEP_IN_MEMORY(row[r]);
                const vector one = spread(row[r] + at);
                UNROLL
                for (int v = 0; v < vectors; v++)
                    sum[r * vectors + v] = fused(one, wide[v], sum[r * vectors + v]);
            }
        } else {
            UNROLL
            for (int r = 0; r < rows; r++)
                wide[r] = spread(row[r] + at);
            UNROLL
            for (int v = 0; v < vectors; v++) {
                vector some = from[v];
                KEEP_IN_REGISTER(some);
                UNROLL
                for (int r = 0; r < rows; r++)
                    sum[r * vectors + v] = fused(wide[r], some, sum[r * vectors + v]);
            }
        }
    }
    const int64_t step = go_on > 1 ? go_on : vectors * VECTOR_BYTES;
    UNROLL
    for (int r = 0; r < rows; r++) {
        loose *to = (loose *)((char *)sums + r * step);
        UNROLL
        for (int v = 0; v < vectors; v++)
            to[v] = sum[r * vectors + v];
    }
}

#define TILE(vectors, rows)                                                                       \
static void tile_##vectors##_##rows(int64_t n, const char *ones, const int64_t *one_at,           \
                                    const int64_t *row_at, const char *lanes,                     \
                                    const int64_t *lanes_at, void *sums, int go_on)               \
{                                                                                                 \
    tile(rows, vectors, n, ones, one_at, row_at, lanes, lanes_at, sums, go_on);                   \
}

/* vectors, rows: their sums, the smaller number of both, and one more are in registers. */
#define FEW_TILES(X)                                                                              \
    X(1, 1) X(1, 2) X(1, 3) X(1, 4) X(1, 5) X(1, 6) X(1, 7) X(1, 8) X(1, 9) X(1, 10) X(1, 11)     \
    X(1, 12) X(1, 13) X(1, 14)                                                                    \
    X(2, 1) X(2, 2) X(2, 3) X(2, 4) X(2, 5) X(2, 6)                                               \
    X(3, 1) X(3, 2) X(3, 3) X(3, 4) X(4, 1) X(4, 2) X(4, 3) X(6, 1) X(6, 2) X(8, 1)
#define MORE_TILES(X)                                                                             \
    X(1, 15) X(1, 16) X(1, 17) X(1, 18) X(1, 19) X(1, 20) X(1, 21) X(1, 22) X(1, 23) X(1, 24)     \
    X(1, 25) X(1, 26) X(1, 27) X(1, 28)                                                           \
    X(2, 7) X(2, 8) X(2, 9) X(2, 10) X(2, 11) X(2, 12) X(2, 13) X(2, 14)                          \
    X(3, 5) X(3, 6) X(3, 7) X(3, 8) X(3, 9) X(4, 4) X(4, 5) X(4, 6)                               \
    X(6, 3) X(6, 4) X(8, 2) X(8, 3)
#if REGISTERS == 32
#define ALL_TILES(X) FEW_TILES(X) MORE_TILES(X)
#else
#define ALL_TILES(X) FEW_TILES(X)
#endif

ALL_TILES(TILE)

/* ----- a few items ----- */

#if defined(__AVX512F__)
INLINE __mmask16 first_lanes(int64_t n)
{
    return n >= LANES ? (__mmask16)-1 : (__mmask16)((1u << (n > 0 ? n : 0)) - 1);
}

INLINE vector load_some(int64_t n, const char *from)
{
    return sizeof(T) == 4 ? (vector)_mm512_maskz_loadu_ps(first_lanes(n), from)
                          : (vector)_mm512_maskz_loadu_pd((__mmask8)first_lanes(n), from);
}

INLINE void store_some(int64_t n, char *to, vector some)
{
    if (sizeof(T) == 4)
        _mm512_mask_storeu_ps(to, first_lanes(n), (__m512)some);
    else
        _mm512_mask_storeu_pd(to, (__mmask8)first_lanes(n), (__m512d)some);
}
#elif defined(__AVX2__)
INLINE __m256i first_lanes(int64_t n)
{
    static const int64_t ones[8] = {-1, -1, -1, -1, 0, 0, 0, 0};
    const int64_t some = n < 0 ? 0 : n > LANES ? LANES : n;
    return _mm256_loadu_si256((const __m256i *)((const char *)(ones + 4) - some * sizeof(T)));
}

INLINE vector load_some(int64_t n, const char *from)
{
    return sizeof(T) == 4 ? (vector)_mm256_maskload_ps((const float *)from, first_lanes(n))
                          : (vector)_mm256_maskload_pd((const double *)from, first_lanes(n));
}

INLINE void store_some(int64_t n, char *to, vector some)
{
    if (sizeof(T) == 4)
        _mm256_maskstore_ps((float *)to, first_lanes(n), (__m256)some);
    else
        _mm256_maskstore_pd((double *)to, first_lanes(n), (__m256d)some);
}
#else
INLINE vector load_some(int64_t n, const char *from)
{
    vector some = {0};
    if (n >= LANES)
        return *(const loose *)from;
    for (int64_t i = 0; i < n; i++)
        some[i] = ((const item *)from)[i];
    return some;
}

INLINE void store_some(int64_t n, char *to, vector some)
{
    if (n >= LANES)
        *(loose *)to = some;
    else
        for (int64_t i = 0; i < n; i++)
            ((item *)to)[i] = some[i];
}
#endif

static void copy_items(int64_t n, char *to, const char *from)
{
    for (; n >= LANES; n -= LANES, to += VECTOR_BYTES, from += VECTOR_BYTES)
        *(loose *)to = *(const loose *)from;
    if (n > 0)
        store_some(n, to, load_some(n, from));
}

static void copy_rows(int rows, int64_t n, char *to, int64_t step, const char *from, int64_t pitch)
{
    for (int r = 0; r < rows; r++, to += step, from += pitch)
        copy_items(n, to, from);
}

/* ----- turning ----- */

/* Pairs of blocks of `side` items change places: after 1, 2, 4, .. a square has been turned. */
#if defined(__clang__)
#define PICK(a, b, mask) __extension__({ \
    vector picked; \
    for (int i = 0; i < LANES; i++) \
        picked[i] = mask[i] < LANES ? a[mask[i]] : b[mask[i] - LANES]; \
    picked; })
#else
#define PICK(a, b, mask) __builtin_shuffle(a, b, mask)
#endif

#if T_BYTES == 4
typedef int32_t index_item;
#else
typedef int64_t index_item;
#endif
typedef index_item indices __attribute__((vector_size(VECTOR_BYTES)));

#define FIRST_2(X) X(0), X(1)
#define FIRST_4(X) FIRST_2(X), X(2), X(3)
#define FIRST_8(X) FIRST_4(X), X(4), X(5), X(6), X(7)
#define FIRST_16(X) FIRST_8(X), X(8), X(9), X(10), X(11), X(12), X(13), X(14), X(15)
#if LANES == 16
#define EACH_LANE FIRST_16
#elif LANES == 8
#define EACH_LANE FIRST_8
#elif LANES == 4
#define EACH_LANE FIRST_4
#else
#define EACH_LANE FIRST_2
#endif
#define LOW(i) ((i) & side ? LANES + (i) - side : (i))
#define HIGH(i) ((i) & side ? LANES + (i) : (i) + side)

INLINE void turn_pairs(vector *square, const int side)
{
    UNROLL
    for (int r = 0; r < LANES; r++) {
        if (r & side)
            continue;
        const vector a = square[r], b = square[r + side];
        square[r] = PICK(a, b, ((indices){EACH_LANE(LOW)}));
        square[r + side] = PICK(a, b, ((indices){EACH_LANE(HIGH)}));
    }
}

INLINE void turn_square(vector *square)
{
    UNROLL
    for (int side = 1; side < LANES; side *= 2)
        turn_pairs(square, side);
}

INLINE void turn_block(int rows, int64_t n, const char *from, const int64_t *at, char *to,
                       int64_t step)
{
    vector square[LANES];
    UNROLL
    for (int r = 0; r < LANES; r++)
        square[r] = load_some(r < rows ? n : 0, r < rows ? from + at[r] : NULL);
    turn_square(square);
    UNROLL
    for (int i = 0; i < LANES; i++)
        if (i < n)
            store_some(rows, to + i * step, square[i]);
}

static void turn_whole(const char *from, const int64_t *at, char *to, int64_t step)
{
    turn_block(LANES, LANES, from, at, to, step);
}

static void turn_part(int rows, int64_t n, const char *from, const int64_t *at, char *to,
                      int64_t step)
{
    turn_block(rows, n, from, at, to, step);
}

#define HALF (LANES / 2)
#define UPPER(i) (HALF + (i) % HALF)

/* Of few rows, two blocks of items share a square. */
static void turn_few(int rows, const char *from, const int64_t *at, char *to, int64_t step)
{
    vector square[LANES];
    UNROLL
    for (int r = 0; r < HALF; r++) {
        const char *row = r < rows ? from + at[r] : NULL;
        square[r] = load_some(r < rows ? LANES : 0, row);
        square[HALF + r] = load_some(r < rows ? LANES : 0, row + (r < rows ? VECTOR_BYTES : 0));
    }
    turn_square(square);
    UNROLL
    for (int i = 0; i < LANES; i++) {
        store_some(rows, to + i * step, square[i]);
        store_some(rows, to + (LANES + i) * step,
                   PICK(square[i], square[i], ((indices){EACH_LANE(UPPER)})));
    }
}

static void turn(int rows, int64_t n, const char *from, const int64_t *at, char *to, int64_t step)
{
    for (int r = 0; r < rows; r += LANES) {
        int64_t i = 0;
        for (; rows - r <= HALF && n - i >= 2 * LANES; i += 2 * LANES)
            turn_few(rows - r, from + i * sizeof(T), at + r, to + i * step + r * sizeof(T), step);
        for (; i < n; i += LANES) {
            const char *x = from + i * sizeof(T);
            char *y = to + i * step + r * sizeof(T);
            if (rows - r >= LANES && n - i >= LANES)
                turn_whole(x, at + r, y, step);
            else
                turn_part(rows - r < LANES ? rows - r : LANES, n - i, x, at + r, y, step);
        }
    }
}

/* ----- dots ----- */

INLINE void dot_taps(const int taps, int64_t rows, int64_t n, const char *x, int64_t x_step,
                     const char *y, int64_t y_step, const int64_t *at, loose *sums)
{
    const int64_t whole = n / LANES * VECTOR_BYTES, rest = n % LANES;
    vector sum[CT_KIT_ROWS];
    UNROLL
    for (int t = 0; t < taps; t++)
        sum[t] = sums[t];
    for (int64_t r = 0; r < rows; r++, x += x_step, y += y_step) {
        for (int64_t i = 0; i < whole; i += VECTOR_BYTES) {
            const vector some = *(const loose *)(x + i);
            UNROLL
            for (int t = 0; t < taps; t++)
                sum[t] = fused(some, *(const loose *)(y + i + at[t]), sum[t]);
        }
        if (rest) {
            const vector some = load_some(rest, x + whole);
            UNROLL
            for (int t = 0; t < taps; t++)
                sum[t] = fused(some, load_some(rest, y + whole + at[t]), sum[t]);
        }
    }
    UNROLL
    for (int t = 0; t < taps; t++)
        sums[t] = sum[t];
}

static void dots(int taps, int64_t rows, int64_t n, const char *x, int64_t x_step, const char *y,
                 int64_t y_step, const int64_t *at, void *sums)
{
    loose *out = sums;
    for (; taps >= 9; taps -= 9, at += 9, out += 9)
        dot_taps(9, rows, n, x, x_step, y, y_step, at, out);
    for (; taps >= 5; taps -= 5, at += 5, out += 5)
        dot_taps(5, rows, n, x, x_step, y, y_step, at, out);
    for (; taps >= 1; taps--, at++, out++)
        dot_taps(1, rows, n, x, x_step, y, y_step, at, out);
}

/* ----- windows of 3x3 in squares of 2x2 results: Lavin and Gray (2016) ----- */

INLINE void split_line(vector a, vector b, vector c, vector d, vector *out, int step)
{
    out[0] = a - c;
    out[step] = b + c;
    out[2 * step] = c - b;
    out[3 * step] = b - d;
}

static void split(int64_t n, const char *from, int64_t row_step, int64_t step, char *to,
                  int64_t to_step)
{
    for (int64_t i = 0; i < n; i++, from += VECTOR_BYTES, to += VECTOR_BYTES) {
        vector half[16], whole[16];
        UNROLL
        for (int r = 0; r < 4; r++) {
            const char *row = from + r * row_step;
            split_line(*(const loose *)row, *(const loose *)(row + step),
                       *(const loose *)(row + 2 * step), *(const loose *)(row + 3 * step),
                       half + 4 * r, 1);
        }
        UNROLL
        for (int k = 0; k < 4; k++)
            split_line(half[k], half[4 + k], half[8 + k], half[12 + k], whole + k, 4);
        UNROLL
        for (int k = 0; k < 16; k++)
            *(loose *)(to + k * to_step) = whole[k];
    }
}

INLINE void join_line(vector a, vector b, vector c, vector d, vector *out, int step)
{
    out[0] = a + b + c;
    out[step] = b - c - d;
}

static void join(int64_t n, const char *from, int64_t from_step, char *to, int64_t row_step,
                 int64_t step)
{
    for (int64_t i = 0; i < n; i++, from += VECTOR_BYTES, to += VECTOR_BYTES) {
        vector part[16], half[8], whole[4];
        UNROLL
        for (int k = 0; k < 16; k++)
            part[k] = *(const loose *)(from + k * from_step);
        UNROLL
        for (int r = 0; r < 4; r++)
            join_line(part[4 * r], part[4 * r + 1], part[4 * r + 2], part[4 * r + 3],
                      half + 2 * r, 1);
        UNROLL
        for (int k = 0; k < 2; k++)
            join_line(half[k], half[2 + k], half[4 + k], half[6 + k], whole + k, 2);
        *(loose *)to = whole[0];
        *(loose *)(to + step) = whole[1];
        *(loose *)(to + row_step) = whole[2];
        *(loose *)(to + row_step + step) = whole[3];
    }
}

#define ENTRY(vectors, rows) .tile[vectors][rows] = tile_##vectors##_##rows,
#define KIT {.lanes = LANES, ALL_TILES(ENTRY) .turn = turn, .dots = dots,       \
             .copy = copy_items, .copy_rows = copy_rows, .split = split,   \
             .join = join}
