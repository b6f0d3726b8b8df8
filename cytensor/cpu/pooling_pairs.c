/* pooling_pairs.c: the largest item, and the sum, of windows of two by two that do not overlap.
 *
 * Two rows become one, in vector registers, and then two columns: the order of other windows. */
#include "pooling.h"

#define LEAST 4                 /* windows of a row */

/* `rows` by `columns` windows; in bytes, from row to row. */
typedef struct {
    int64_t rows, columns, to_step, from_step;
    char *to;
    const char *from;
} plane;

typedef void (*pairs)(const plane *p);

/* A NaN is larger than all. */
#define LARGER(block, mask, a, b) ({ \
    const mask first = (a > b) | (a != a); \
    (block)((first & (mask)a) | (~first & (mask)b)); })
#define PLUS(block, mask, a, b) (a + b)
#define SAME(a) (a)
#define FROM_ZERO(a) (0 + a)    /* which no sum of zeros is less than */

/* The last vector of a row may lie over the one before. */
#define PAIRS(name, T, M, BYTES, EVEN, ODD, FIRST, FOLD) \
typedef T block_##name __attribute__((vector_size(BYTES))); \
typedef T loose_##name __attribute__((vector_size(BYTES), aligned(sizeof(T)), may_alias)); \
typedef M mask_##name __attribute__((vector_size(BYTES))); \
\
CT_CLONES static void name(const plane *p) \
{ \
    const int64_t most = BYTES / sizeof(T); \
    for (int64_t r = 0; r < p->rows; r++) { \
        const T *upper = (const T *)(p->from + 2 * r * p->from_step); \
        const T *lower = (const T *)((const char *)upper + p->from_step); \
        T *to = (T *)(p->to + r * p->to_step); \
        for (int64_t at = 0; at < p->columns; at += most) { \
            const int64_t i = ct_min(at, p->columns - most); \
            block_##name a = FIRST(*(const loose_##name *)(upper + 2 * i)); \
            block_##name b = FIRST(*(const loose_##name *)(upper + 2 * i + most)); \
            const block_##name c = *(const loose_##name *)(lower + 2 * i); \
            const block_##name d = *(const loose_##name *)(lower + 2 * i + most); \
            a = FOLD(block_##name, mask_##name, a, c); \
            b = FOLD(block_##name, mask_##name, b, d); \
            const block_##name x = CT_PICK(mask_##name, a, b, EVEN); \
            const block_##name y = CT_PICK(mask_##name, a, b, ODD); \
            *(loose_##name *)(to + i) = FOLD(block_##name, mask_##name, x, y); \
        } \
    } \
}
#define EVEN_8 0, 2, 4, 6, 8, 10, 12, 14
#define ODD_8 1, 3, 5, 7, 9, 11, 13, 15
#define EVEN_4 0, 2, 4, 6
#define ODD_4 1, 3, 5, 7
PAIRS(max_f32, float, int32_t, 32, EVEN_8, ODD_8, SAME, LARGER)
PAIRS(max_few_f32, float, int32_t, 16, EVEN_4, ODD_4, SAME, LARGER)
PAIRS(max_f64, double, int64_t, 32, EVEN_4, ODD_4, SAME, LARGER)
PAIRS(sum_f32, float, int32_t, 32, EVEN_8, ODD_8, FROM_ZERO, PLUS)
PAIRS(sum_few_f32, float, int32_t, 16, EVEN_4, ODD_4, FROM_ZERO, PLUS)
PAIRS(sum_f64, double, int64_t, 32, EVEN_4, ODD_4, FROM_ZERO, PLUS)

static pairs loop_of(const ct_pooling *p, int64_t columns)
{
    const int is_max = p->loops == &ct_pooling_max[CT_F32] || p->loops == &ct_pooling_max[CT_F64];
    if (p->loops->size == 8)
        return is_max ? max_f64 : sum_f64;
    if (columns < 8)
        return is_max ? max_few_f32 : sum_few_f32;
    return is_max ? max_f32 : sum_f32;
}

static int is_pairs(const ct_pooling_axis *axis)
{
    return axis->given == 2 && axis->step == 2 && axis->pad == 0 && 2 * axis->m <= axis->n
        && !axis->counts;
}

int ct_pooling_is_pairs(const ct_pooling *p)
{
    const ct_pooling_loops *l = p->loops;
    const int last = p->axes - 1;
    if (l != &ct_pooling_max[CT_F32] && l != &ct_pooling_max[CT_F64] && l != &ct_pooling_sum[CT_F32]
        && l != &ct_pooling_sum[CT_F64])
        return 0;
    for (int a = 0; a < last - 1; a++)
        if (!ct_pooling_is_plain(&p->axis[a]))
            return 0;
    return last >= 1 && is_pairs(&p->axis[last - 1]) && is_pairs(&p->axis[last])
        && p->axis[last].m >= LEAST && p->axis[last].strides[0] == l->size
        && p->axis[last].strides[1] == l->size;
}

/* All planes of a tile, from an axis on. */
static void compute(const ct_pooling *p, int a, const int64_t *start, char *to, const char *from)
{
    const ct_pooling_axis *axis = &p->axis[a];
    const int64_t n = ct_min(axis->block, axis->m - start[a]);
    if (a < p->axes - 2) {
        for (int64_t i = start[a]; i < start[a] + n; i++)
            compute(p, a + 1, start, to + i * axis->strides[0], from + i * axis->strides[1]);
        return;
    }
    const plane part = {n, axis[1].m, axis->strides[0], axis->strides[1],
                        to + start[a] * axis->strides[0], from + 2 * start[a] * axis->strides[1]};
    loop_of(p, part.columns)(&part);
}

int ct_pooling_pairs_tile(const ct_pooling *p, const int64_t *start, char *const *data,
                          ct_room *room)
{
    (void)room;
    if (start[p->axes - 1] == 0)        /* a tile has whole rows, or else none */
        compute(p, 0, start, data[0], data[1]);
    return 1;
}
