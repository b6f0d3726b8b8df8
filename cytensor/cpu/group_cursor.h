/* group_cursor.h: walks over the rows, or the elements, of a table that indices name. */
#ifndef CT_GROUP_CURSOR_H
#define CT_GROUP_CURSOR_H

#include "group.h"

/* Where a tile is being filled, or added. */
typedef struct {
    const job *j;
    const gathering *p;
    const ct_tensor *table;
    char *row;                  /* of the table, at index 0 */
    const char *at[MOST_INDICES];
    int64_t idx[CT_MAXDIM];
} cursor;

/* Whether the indices stay the same along the last axis, so that it is a row, or a part of one. */
static inline int are_rows(const gathering *p)
{
    int same = 1;
    for (int k = 0; k < p->nindices; k++)
        same &= p->steps[k][p->nd - 1] == 0;
    return same;
}

/* Go to the element `start` of the level of an op. */
static inline void start_at(cursor *c, const job *j, const op *o, int64_t start)
{
    const gathering *p = &j->g->gathers[o->gather];
    const ct_tensor *t = j->t;
    c->j = j;
    c->p = p;
    c->table = &t[p->table];
    c->row = c->table->data;
    for (int k = 0; k < p->nindices; k++)
        c->at[k] = t[p->indices[k]].data;
    for (int a = p->nd - 1; a >= 0; a--) {
        c->idx[a] = a ? start % p->dims[a] : start;
        start = a ? start / p->dims[a] : 0;
        c->row += c->idx[a] * p->row[a];
        for (int k = 0; k < p->nindices; k++)
            c->at[k] += c->idx[a] * p->steps[k][a];
    }
}

/* Go n steps along the axis `a`, at most to its end. */
static inline void advance(cursor *c, int a, int64_t n)
{
    const gathering *p = c->p;
    for (;; n = 1, a--) {
        c->idx[a] += n;
        const int is_end = a > 0 && c->idx[a] == p->dims[a];
        const int64_t steps = is_end ? n - p->dims[a] : n;
        c->row += steps * p->row[a];
        for (int k = 0; k < p->nindices; k++)
            c->at[k] += steps * p->steps[k][a];
        if (!is_end)
            return;
        c->idx[a] = 0;
    }
}

static inline int64_t index_at(const cursor *c, int k, int a, int64_t i)
{
    return *(const int64_t *)(c->at[k] + i * c->p->steps[k][a]);
}

/* Whether the next n indices along the axis `a` are all within bounds; if not, the job knows. */
static inline int are_within(const cursor *c, int a, int64_t n)
{
    int64_t bad = 0;
    for (int k = 0; k < c->p->nindices; k++) {
        const int64_t size = c->table->dims[k];
        for (int64_t i = 0; i < n; i++)
            bad |= (index_at(c, k, a, i) < -size) | (index_at(c, k, a, i) >= size);
    }
    if (bad)
        __atomic_store_n(&((job *)c->j)->status, CT_INDEX, __ATOMIC_RELAXED);
    return !bad;
}

/* Where the row, or the element, of indices that lie `i` steps ahead is in the table. */
static inline char *place_of(const cursor *c, int a, int64_t i)
{
    char *row = c->row + i * c->p->row[a];
    for (int k = 0; k < c->p->nindices; k++) {
        const int64_t index = index_at(c, k, a, i);
        row += (index + (index < 0 ? c->table->dims[k] : 0)) * c->table->strides[k];
    }
    return row;
}

#endif
