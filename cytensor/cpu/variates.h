/* variates.h: the words of one element of a draw, for numbers that take tests and a varying number
 * of blocks.
 *
 * Element i begins with block i. Further blocks lie so far behind it that no other element takes
 * them.
 */
#ifndef CT_VARIATES_H
#define CT_VARIATES_H

#include "philox.h"
#include "structured.h"

#define CT_ELEMENT_BITS 40          /* of a block: the element; the others count its blocks */

typedef struct {
    ct_philox philox;
    uint64_t block;
    uint32_t word[4];
    int used;
} ct_source;

static inline ct_source ct_source_at(ct_philox p, uint64_t element)
{
    ct_source s = {.philox = p, .block = element};
    ct_philox_block(p, element, s.word);
    return s;
}

static inline ct_source ct_source_of(ct_philox p, uint64_t element, ct_words words)
{
    const int lane = element % CT_LANES;
    return (ct_source){p, element, {words[0][lane], words[1][lane], words[2][lane], words[3][lane]},
                       0};
}

static inline uint32_t ct_next_word(ct_source *s)
{
    if (s->used == 4) {
        s->block += (uint64_t)1 << CT_ELEMENT_BITS;
        ct_philox_block(s->philox, s->block, s->word);
        s->used = 0;
    }
    return s->word[s->used++];
}

static inline uint64_t ct_next_long(ct_source *s)
{
    const uint32_t low = ct_next_word(s);
    return ct_long(low, ct_next_word(s));
}

static inline double ct_next_uniform(ct_source *s)
{
    const uint32_t low = ct_next_word(s);
    return ct_uniform_f64(low, ct_next_word(s));
}

static inline double ct_next_open(ct_source *s)
{
    const uint32_t low = ct_next_word(s);
    return ct_open_f64(low, ct_next_word(s));
}

/* Two words make a normal number, so that a test that takes one more uniform takes one block. */
static inline double ct_next_normal(ct_source *s)
{
    const double radius = ct_radius_f64((ct_next_word(s) + 0.5) * 0x1p-32);
    const uint32_t word = ct_next_word(s);
    const ct_turn_f64 at = ct_turned_f64(((word >> 3) + 0.5) * 0x1.921fb54442d18p-30);
    const double side = word & 1 ? at.sin : at.cos;
    return radius * (word & 2 ? -side : side);
}

/* A whole number below n, or any where n is 0. (D. Lemire: Fast random integer generation in an
 * interval. ACM Transactions on Modeling and Computer Simulation 29, 2019.) */
static inline uint64_t ct_next_below(ct_source *s, uint64_t n)
{
    uint64_t x = ct_next_long(s);
    unsigned __int128 product = (unsigned __int128)x * n;
    if (n == 0)
        return x;
    if ((uint64_t)product < n)
        while ((uint64_t)product < -n % n)
            product = (unsigned __int128)ct_next_long(s) * n;
    return product >> 64;
}

/* rejection.c: each writes one number, and returns whether the parameters allow it. */
typedef int (*ct_variate)(ct_source *s, void *out, const void *a, const void *b);
int ct_make_integer(ct_source *s, void *out, const void *low, const void *high);
int ct_make_gamma(ct_source *s, void *out, const void *shape, const void *unused);
int ct_make_beta(ct_source *s, void *out, const void *a, const void *b);
int ct_make_poisson(ct_source *s, void *out, const void *mean, const void *unused);
int ct_make_binomial(ct_source *s, void *out, const void *n, const void *p);
int64_t ct_binomial(ct_source *s, int64_t n, double p);

#endif
