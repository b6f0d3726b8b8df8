/* draw.c: arrays of uniform and normal numbers, of bits, and of truth values.
 *
 * Element i comes from a block and a word that depend on i alone: 64 blocks make a chunk, in which
 * all first words come before all second ones, so that nothing has to change places in a vector.
 */
#include "half.h"
#include "philox.h"
#include "structured.h"

/* ----- 64 blocks at a time ----- */

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>

/* A vector of 64-bit lanes whose low halves are words; what is in the high halves does not matter,
 * since the multiplication takes low halves. Two vectors, of even and of odd blocks, make one of
 * words. */
#define WORDS(name, ISA, bytes, MULTIPLY) \
__attribute__((target(ISA))) static void name(ct_philox p, uint64_t first, ct_words words) \
{ \
    typedef uint64_t lanes __attribute__((vector_size(bytes))); \
    typedef lanes stored __attribute__((aligned(4), may_alias)); \
    enum { N = bytes / 8 }; \
    const lanes zero = {0}, m0 = zero + CT_PHILOX_M0, m1 = zero + CT_PHILOX_M1; \
    lanes even = zero; \
    for (int i = 0; i < N; i++) \
        even[i] = (uint32_t)first + 2 * i; \
    for (int j = 0; j < CT_LANES; j += 2 * N) { \
        uint32_t k0 = (uint32_t)p.key, k1 = (uint32_t)(p.key >> 32); \
        lanes c[2][4]; \
        for (int u = 0; u < 2; u++) { \
            c[u][0] = even + (uint64_t)(j + u); \
            c[u][1] = zero + (first >> 32); \
            c[u][2] = zero + p.draw; \
            c[u][3] = zero + (p.draw >> 32); \
        } \
        for (int round = 0; round < CT_PHILOX_ROUNDS; round++) { \
            for (int u = 0; u < 2; u++) { \
                const lanes a = MULTIPLY(c[u][0], m0), b = MULTIPLY(c[u][2], m1); \
                c[u][0] = (b >> 32) ^ c[u][1] ^ (uint64_t)k0; \
                c[u][2] = (a >> 32) ^ c[u][3] ^ (uint64_t)k1; \
                c[u][1] = b; \
                c[u][3] = a; \
            } \
            k0 += CT_PHILOX_W0; \
            k1 += CT_PHILOX_W1; \
        } \
        for (int w = 0; w < 4; w++) \
            *(stored *)&words[w][j] = (c[0][w] & (uint64_t)0xffffffffu) | c[1][w] << 32; \
    } \
}

#define MULTIPLY_128(a, b) (lanes)_mm_mul_epu32((__m128i)(a), (__m128i)(b))
#define MULTIPLY_256(a, b) (lanes)_mm256_mul_epu32((__m256i)(a), (__m256i)(b))
#define MULTIPLY_512(a, b) (lanes)_mm512_mul_epu32((__m512i)(a), (__m512i)(b))
WORDS(words_128, "sse2", 16, MULTIPLY_128)
WORDS(words_256, "avx2", 32, MULTIPLY_256)
WORDS(words_512, "avx512f", 64, MULTIPLY_512)

void ct_philox_words(ct_philox p, uint64_t first, ct_words words)
{
    if (__builtin_cpu_supports("avx512f"))
        words_512(p, first, words);
    else if (__builtin_cpu_supports("avx2"))
        words_256(p, first, words);
    else
        words_128(p, first, words);
}
#else
void ct_philox_words(ct_philox p, uint64_t first, ct_words words)
{
    for (int j = 0; j < CT_LANES; j++) {
        uint32_t word[4];
        ct_philox_block(p, first + j, word);
        for (int w = 0; w < 4; w++)
            words[w][j] = word[w];
    }
}
#endif

/* ----- a chunk of words as numbers ----- */

enum { UNIFORM, OPEN, NORMAL, BITS, KINDS };

#define CHUNK (4 * CT_LANES)        /* elements of 32 bits or fewer; half as many of 64 bits */

typedef void (*convert)(ct_words words, void *out);

/* Word by word: `value` is an expression of w. */
#define EACH_WORD(name, T, value) \
CT_CLONES static void name(ct_words words, void *out) \
{ \
    for (int k = 0; k < CHUNK; k++) { \
        const uint32_t w = words[0][k]; \
        ((T *)out)[k] = value; \
    } \
}

/* Two words make one number, or two of them: `value` sets x and y of a, b, c, d. */
#define EACH_BLOCK(name, T, value) \
CT_CLONES static void name(ct_words words, void *out) \
{ \
    for (int j = 0; j < CT_LANES; j++) { \
        const uint32_t a = words[0][j], b = words[1][j], c = words[2][j], d = words[3][j]; \
        T x, y; \
        value; \
        ((T *)out)[j] = x; \
        ((T *)out)[CT_LANES + j] = y; \
    } \
}

EACH_WORD(uniform_f32, float, (float)(int32_t)(w >> 8) * 0x1p-24f)
EACH_WORD(uniform_f16, uint16_t, ct_float_to_half((float)(int32_t)(w >> 21) * 0x1p-11f))
EACH_BLOCK(uniform_f64, double, (x = ct_uniform_f64(a, b), y = ct_uniform_f64(c, d)))
EACH_WORD(open_f32, float, ((float)(int32_t)(w >> 9) + 0.5f) * 0x1p-23f)
EACH_WORD(open_f16, uint16_t, ct_float_to_half(((float)(int32_t)(w >> 22) + 0.5f) * 0x1p-10f))
EACH_BLOCK(open_f64, double, (x = ct_open_f64(a, b), y = ct_open_f64(c, d)))
EACH_WORD(bits_u32, uint32_t, w)
EACH_BLOCK(bits_u64, uint64_t, (x = ct_long(a, b), y = ct_long(c, d)))
EACH_BLOCK(normal_f64, double, {
    const double radius = ct_radius_f64(ct_open_f64(a, b));
    const ct_turn_f64 at = ct_circle_f64(c, d);
    x = radius * at.cos;
    y = radius * at.sin;
})

/* Box and Muller's pairs, of the first and second words and of the third and fourth ones. */
CT_CLONES static void normal_f32(ct_words words, void *out)
{
    for (int half = 0; half < 4; half += 2) {
        float *x = (float *)out + half * CT_LANES, *y = x + CT_LANES;
        for (int j = 0; j < CT_LANES; j++) {
            const float radius = ct_radius_f32(words[half][j]);
            const ct_turn_f32 at = ct_circle_f32(words[half + 1][j]);
            x[j] = radius * at.cos;
            y[j] = radius * at.sin;
        }
    }
}

CT_CLONES static void normal_f16(ct_words words, void *out)
{
    float values[CHUNK];
    normal_f32(words, values);
    for (int k = 0; k < CHUNK; k++)
        ((uint16_t *)out)[k] = ct_float_to_half(values[k]);
}

static const convert converts[KINDS][CT_NDTYPES] = {
    [UNIFORM] = {[CT_F16] = uniform_f16, [CT_F32] = uniform_f32, [CT_F64] = uniform_f64},
    [OPEN] = {[CT_F16] = open_f16, [CT_F32] = open_f32, [CT_F64] = open_f64},
    [NORMAL] = {[CT_F16] = normal_f16, [CT_F32] = normal_f32, [CT_F64] = normal_f64},
    [BITS] = {[CT_U32] = bits_u32, [CT_U64] = bits_u64},
};

/* ----- the kernel ----- */

#define CHUNKS_PER_TASK 64

typedef struct {
    ct_philox philox;
    convert convert;
    char *out;
    int64_t n, itemsize, chunk;
} drawing;

static void draw_chunk(const drawing *d, int64_t chunk)
{
    ct_words words;
    char *out = d->out + chunk * d->chunk * d->itemsize;
    const int64_t left = d->n - chunk * d->chunk;
    ct_philox_words(d->philox, chunk * CT_LANES, words);
    if (left >= d->chunk) {
        d->convert(words, out);
    } else {
        double whole[CHUNK / 2];            /* a chunk of any dtype */
        d->convert(words, whole);
        memcpy(out, whole, left * d->itemsize);
    }
}

static void draw_task(void *ctx, int64_t task, int thread)
{
    const drawing *d = ctx;
    const int64_t first = task * CHUNKS_PER_TASK;
    const int64_t end = ct_min(first + CHUNKS_PER_TASK, ct_ceil_div(d->n, d->chunk));
    (void)thread;
    for (int64_t chunk = first; chunk < end; chunk++)
        draw_chunk(d, chunk);
}

/* t[0] = numbers of kind params[0], from the state t[1]. */
int ct_random_draw(ct_call *call, int n, const ct_tensor *t, const int64_t *params)
{
    const int64_t itemsize = ct_itemsize[t[0].dtype];
    drawing d = {ct_philox_of(&t[1]), converts[params[0]][t[0].dtype], t[0].data,
                 ct_product(t[0].ndim, t[0].dims), itemsize, itemsize == 8 ? CHUNK / 2 : CHUNK};
    (void)call, (void)n;
    ct_run(ct_ceil_div(d.n, d.chunk * CHUNKS_PER_TASK), draw_task, &d);
    return CT_OK;
}

/* ----- truth values ----- */

typedef struct {
    ct_philox philox;
    uint8_t *out;
    int64_t n;
    uint32_t last;              /* the largest word that stands for true */
} masking;

CT_CLONES static void mask_chunk(ct_words words, uint32_t last, uint8_t *out)
{
    for (int k = 0; k < CHUNK; k++)
        out[k] = words[0][k] <= last;
}

static void mask_task(void *ctx, int64_t task, int thread)
{
    const masking *m = ctx;
    const int64_t first = task * CHUNKS_PER_TASK;
    const int64_t end = ct_min(first + CHUNKS_PER_TASK, ct_ceil_div(m->n, CHUNK));
    (void)thread;
    for (int64_t chunk = first; chunk < end; chunk++) {
        ct_words words;
        uint8_t whole[CHUNK];
        ct_philox_words(m->philox, chunk * CT_LANES, words);
        mask_chunk(words, m->last, whole);
        memcpy(m->out + chunk * CHUNK, whole, ct_min(CHUNK, m->n - chunk * CHUNK));
    }
}

/* t[0] = true with the probability t[2], from the state t[1]: where a word is below t[2] * 2^32. */
int ct_random_mask(ct_call *call, int n, const ct_tensor *t, const int64_t *params)
{
    const int64_t size = ct_product(t[0].ndim, t[0].dims);
    double probability;
    (void)call, (void)n, (void)params;
    memcpy(&probability, t[2].data, 8);
    const double words = probability < 1 ? __builtin_rint(probability * 0x1p32) : 0x1p32;
    if (!(words >= 1)) {
        memset(t[0].data, 0, size);
        return CT_OK;
    }
    masking m = {ct_philox_of(&t[1]), (uint8_t *)t[0].data, size, (uint32_t)(words - 1)};
    ct_run(ct_ceil_div(size, CHUNK * CHUNKS_PER_TASK), mask_task, &m);
    return CT_OK;
}

/* t[0] = the state after the draw that t[1] is the state of. */
int ct_random_next(ct_call *call, int n, const ct_tensor *t, const int64_t *params)
{
    const ct_philox p = ct_philox_of(&t[1]);
    const uint64_t next = p.draw + 1;
    (void)call, (void)n, (void)params;
    memcpy(t[0].data, &p.key, 8);
    memcpy(t[0].data + t[0].strides[0], &next, 8);
    return CT_OK;
}
