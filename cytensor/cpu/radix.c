/* radix.c: sorting by unsigned keys, a byte at a time from the lowest; short arrays by merging.
 *
 * A pass counts how often each digit occurs, and then deals the items out to where their digits
 * begin. It keeps the order of equal digits, so the whole is stable. A pass in which all items
 * have one digit is left out. On several threads each counts and deals its own piece. */
#include "sort.h"

#include <string.h>

#define DIGITS 256
#define PIECES 16
#define SHORT 64                /* per byte of a key: so few items are merged */
#define RUN 32                  /* items that are sorted at once, before runs are merged */

/* ----- one kind of items ----- */

#define KEY_PLAIN(x) (x)
#define KEY_PAIR(x) ((x).key)

#define SORTABLE(name, T, K, KEY) \
static void count_##name(const void *x, int64_t n, int shift, int64_t *counts) \
{ \
    const T *items = x; \
    for (int64_t i = 0; i < n; i++) \
        counts[KEY(items[i]) >> shift & (DIGITS - 1)]++; \
} \
\
static void deal_##name(const void *x, int64_t n, int shift, int64_t *places, void *out) \
{ \
    const T *items = x; \
    T *to = out; \
    for (int64_t i = 0; i < n; i++) \
        to[places[KEY(items[i]) >> shift & (DIGITS - 1)]++] = items[i]; \
} \
\
static void insert_##name(T *x, int64_t n) \
{ \
    for (int64_t i = 1; i < n; i++) { \
        const T item = x[i]; \
        int64_t k = i; \
        for (; k > 0 && KEY(item) < KEY(x[k - 1]); k--) \
            x[k] = x[k - 1]; \
        x[k] = item; \
    } \
} \
\
/* Sort a run: an item's place is the number of keys that are less, and of equal ones before. */ \
CT_CLONES static void rank_##name(T *x) \
{ \
    T items[RUN]; \
    K keys[RUN], places[RUN]; \
    uint8_t before[RUN] = {0}; \
    for (int i = 0; i < RUN; i++) { \
        items[i] = x[i]; \
        keys[i] = KEY(x[i]); \
        places[i] = 0; \
    } \
    for (int i = 0; i < RUN; i++) \
        for (int j = 0; j < RUN; j++) \
            places[j] += keys[i] < keys[j]; \
    for (int i = 0; i < RUN; i++) \
        x[places[i] + before[places[i]]++] = items[i]; \
} \
\
/* Merge the sorted x[0 .. m-1] and x[m .. n-1]; no branch that could be guessed wrongly. */ \
static void merge_two_##name(const T *x, int64_t m, int64_t n, T *out) \
{ \
    int64_t i = 0, j = m, k = 0; \
    while (i < m && j < n) { \
        const int second = KEY(x[j]) < KEY(x[i]); \
        out[k++] = second ? x[j] : x[i]; \
        j += second; \
        i += !second; \
    } \
    memcpy(out + k, x + i, (m - i) * sizeof(T)); \
    memcpy(out + k + m - i, x + j, (n - j) * sizeof(T)); \
} \
\
static void *merge_##name(void *x, void *other, int64_t n) \
{ \
    T *from = x, *to = other; \
    int64_t done = 0; \
    for (; done + RUN <= n; done += RUN) \
        rank_##name(from + done); \
    insert_##name(from + done, n - done); \
    for (int64_t size = RUN; size < n; size *= 2) { \
        for (int64_t i = 0; i < n; i += 2 * size) \
            merge_two_##name(from + i, ct_min(size, n - i), ct_min(2 * size, n - i), to + i); \
        T *swap = from; \
        from = to; \
        to = swap; \
    } \
    return from; \
}

SORTABLE(keys_1, uint8_t, uint8_t, KEY_PLAIN)
SORTABLE(keys_2, uint16_t, uint16_t, KEY_PLAIN)
SORTABLE(keys_4, uint32_t, uint32_t, KEY_PLAIN)
SORTABLE(keys_8, uint64_t, uint64_t, KEY_PLAIN)
SORTABLE(pairs, ct_pair, uint64_t, KEY_PAIR)

#define KIND(name, T, shift) {sizeof(T), shift, count_##name, deal_##name, merge_##name}
const ct_sortable ct_keys_1 = KIND(keys_1, uint8_t, 0), ct_keys_2 = KIND(keys_2, uint16_t, 0),
    ct_keys_4 = KIND(keys_4, uint32_t, 0), ct_keys_8 = KIND(keys_8, uint64_t, 0),
    ct_packed = KIND(keys_8, uint64_t, 32), ct_pairs = KIND(pairs, ct_pair, 0);

/* ----- passes ----- */

typedef struct {
    const ct_sortable *kind;
    const char *from;
    char *to;
    int64_t n, piece;
    int pieces, shift;
    int64_t places[PIECES][DIGITS];         /* counts at first */
} pass;

static int64_t piece_size(const pass *p, int64_t k)
{
    return ct_min(p->piece, p->n - k * p->piece);
}

static void count_piece(void *ctx, int64_t k, int thread)
{
    pass *p = ctx;
    (void)thread;
    memset(p->places[k], 0, sizeof p->places[k]);
    p->kind->count(p->from + k * p->piece * p->kind->size, piece_size(p, k), p->shift,
                   p->places[k]);
}

static void deal_piece(void *ctx, int64_t k, int thread)
{
    pass *p = ctx;
    (void)thread;
    p->kind->deal(p->from + k * p->piece * p->kind->size, piece_size(p, k), p->shift,
                  p->places[k], p->to);
}

/* Loops in a task of the pool run on their thread. */
static void for_pieces(pass *p, ct_task task)
{
    if (p->pieces == 1)
        task(p, 0, 0);
    else
        ct_run(p->pieces, task, p);
}

/* Turn counts into places; return whether one digit has all items. */
static int find_places(pass *p)
{
    int64_t at = 0;
    for (int d = 0; d < DIGITS; d++) {
        const int64_t before = at;
        for (int k = 0; k < p->pieces; k++) {
            const int64_t count = p->places[k][d];
            p->places[k][d] = at;
            at += count;
        }
        if (at - before == p->n)
            return 1;
    }
    return 0;
}

static void *sort_by_digits(const ct_sortable *kind, int key_bytes, void *x, void *other,
                            int64_t n, int pieces)
{
    pass p;
    p.kind = kind, p.from = x, p.to = other, p.n = n;
    p.piece = ct_ceil_div(n, pieces);
    p.pieces = (int)ct_ceil_div(n, p.piece);
    for (int byte = 0; byte < key_bytes; byte++) {
        p.shift = kind->shift + 8 * byte;
        for_pieces(&p, count_piece);
        if (find_places(&p))
            continue;
        for_pieces(&p, deal_piece);
        char *swap = (char *)p.from;
        p.from = p.to;
        p.to = swap;
    }
    return (void *)p.from;
}

void *ct_sort_items(const ct_sortable *kind, int key_bytes, void *x, void *other, int64_t n,
                    int parallel)
{
    if (n <= SHORT * key_bytes)
        return kind->merge(x, other, n);
    const int64_t threads = parallel ? ct_pool_used->get_threads() : 1;
    const int64_t pieces = ct_min(ct_min(threads, PIECES), n / CT_GRAIN);
    return sort_by_digits(kind, key_bytes, x, other, n, pieces > 1 ? (int)pieces : 1);
}
