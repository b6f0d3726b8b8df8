/* rowcode.h: what generated code of whole rows needs beside expressions: folds, and stores around
 * the cache. */
#ifndef CT_ROWCODE_H
#define CT_ROWCODE_H

#include <string.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "abi.h"

#define CT_MOST_LEVELS 40       /* of a tree: more blocks than memory has */
#define CT_MOST_ITEM 16         /* bytes */
#define CT_MOST_TERMS 3         /* inputs of a ct_fold_terms */

/* Results of blocks, combined pairwise: level l holds what 2^l of them give. */
typedef struct {
    _Alignas(16) char level[CT_MOST_LEVELS][CT_MOST_ITEM];
    int64_t count;
} ct_tree;

static inline void ct_tree_push(ct_tree *t, ct_accumulate join, int64_t item, char *result)
{
    int l = 0;
    for (int64_t full = t->count; full & 1; full >>= 1, l++) {
        join(1, 1, t->level[l], result);
        memcpy(result, t->level[l], item);
    }
    memcpy(t->level[l], result, item);
    t->count++;
}

/* Combine what the tree holds: smaller runs first. */
static inline void ct_tree_finish(ct_tree *t, ct_accumulate join, int64_t item, void *out)
{
    int l = 0, first = 1;
    for (int64_t full = t->count; full; full >>= 1, l++) {
        if (!(full & 1))
            continue;
        if (!first)
            join(1, 1, t->level[l], out);
        memcpy(out, t->level[l], item);
        first = 0;
    }
}

/* Fold a row of n elements, a block of CT_TILE at a time. */
static inline void ct_fold_row(ct_fold fold, ct_accumulate join, int64_t n, int64_t item, void *out,
                               const void *x)
{
    if (n <= CT_TILE) {
        fold(1, n, out, x);
        return;
    }
    ct_tree t = {.count = 0};
    for (int64_t i = 0; i < n; i += CT_TILE) {
        _Alignas(16) char result[CT_MOST_ITEM];
        fold(1, n - i < CT_TILE ? n - i : CT_TILE, result, (const char *)x + i * item);
        ct_tree_push(&t, join, item, result);
    }
    ct_tree_finish(&t, join, item, out);
}

/* Fold a row of terms of nin inputs, of which `arrays` says by a bit which are arrays. */
static inline void ct_fold_terms_row(ct_fold_terms fold, ct_accumulate join, int64_t n,
                                     int64_t item, void *out, const void *const *in, int nin,
                                     unsigned arrays)
{
    if (n <= CT_TILE) {
        fold(1, n, out, in);
        return;
    }
    ct_tree t = {.count = 0};
    for (int64_t i = 0; i < n; i += CT_TILE) {
        _Alignas(16) char result[CT_MOST_ITEM];
        const void *at[CT_MOST_TERMS];
        for (int k = 0; k < nin; k++)
            at[k] = (const char *)in[k] + (arrays >> k & 1 ? i * item : 0);
        fold(1, n - i < CT_TILE ? n - i : CT_TILE, result, at);
        ct_tree_push(&t, join, item, result);
    }
    ct_tree_finish(&t, join, item, out);
}

/* ----- stores that leave the cache to others ----- */

#if defined(__AVX512F__)
#define CT_STREAM_LINE(to, from) \
    _mm512_stream_si512((void *)(to), _mm512_loadu_si512((const void *)(from)))
#elif defined(__AVX__)
#define CT_STREAM_PART(to, from, k) \
    _mm256_stream_si256((__m256i *)(to) + (k), _mm256_loadu_si256((const __m256i *)(from) + (k)))
#define CT_STREAM_LINE(to, from) \
    do { CT_STREAM_PART(to, from, 0); CT_STREAM_PART(to, from, 1); } while (0)
#elif defined(__x86_64__)
#define CT_STREAM_PART(to, from, k) \
    _mm_stream_si128((__m128i *)(to) + (k), _mm_loadu_si128((const __m128i *)(from) + (k)))
#define CT_STREAM_LINE(to, from) \
    do { CT_STREAM_PART(to, from, 0); CT_STREAM_PART(to, from, 1); \
         CT_STREAM_PART(to, from, 2); CT_STREAM_PART(to, from, 3); } while (0)
#else
#define CT_STREAM_LINE(to, from) memcpy(to, from, 64)
#endif

/* Copy, by whole lines of the cache where that can be. */
static inline void ct_stream(char *to, const void *data, int64_t bytes)
{
    const char *from = data;
    int64_t head = -(intptr_t)to & 63;
    head = head < bytes ? head : bytes;
    memcpy(to, from, head);
    for (to += head, from += head, bytes -= head; bytes >= 64; to += 64, from += 64, bytes -= 64)
        CT_STREAM_LINE(to, from);
    memcpy(to, from, bytes);
}

/* Have all that was written so be seen before what is written next. */
static inline void ct_stream_end(void)
{
#if defined(__x86_64__)
    _mm_sfence();
#endif
}

#endif
