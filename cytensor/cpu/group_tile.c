/* group_tile.c: the ops of a group on one tile, and the counters that combine reductions. */
#include "group.h"

#include <pthread.h>
#include <string.h>

/* Everything points at the first tile. */
work work_new(const job *j, char *shared, int thread)
{
    const ct_group *g = j->g;
    char *private = j->private + thread * g->private_bytes;
    work w = {.j = j, .private = private, .shared = shared};
    w.ptr = (char **)(private + g->tile_bytes);
    for (int i = 0; i < g->nvalues; i++) {
        const value *v = &g->values[i];
        switch (v->access) {
        case TILE: w.ptr[i] = private + v->at; break;
        case STRIDED: w.ptr[i] = (v->level == CT_FULL ? private : shared) + v->at; break;
        case FIXED: case DIRECT: case LINE: case SPOT: w.ptr[i] = j->t[v->operand].data; break;
        default: w.ptr[i] = shared + v->at;
        }
    }
    return w;
}

/* Point the FULL values at the tile that begins at element `start`. */
void work_at_elements(work *w, int64_t start, int64_t row_start)
{
    const ct_group *g = w->j->g;
    w->start = start;
    for (int i = 0; i < g->nmoving[CT_FULL]; i++) {
        const moving *m = &g->moving[CT_FULL][i];
        if (m->access == SPOT) {
            w->ptr[m->value] = w->j->t[m->operand].data + group_offset(&g->values[m->value], start);
            continue;
        }
        const int64_t from = m->access == DIRECT ? start : start - row_start;
        char *base = m->access == LONG ? w->shared + m->at : w->j->t[m->operand].data;
        w->ptr[m->value] = base + from * m->item;
    }
    if (g->nscatters)
        group_hold(w, start);
}

/* Point the KEPT values at the row `row`. */
void work_at_rows(work *w, int64_t row)
{
    const ct_group *g = w->j->g;
    w->row = row;
    for (int i = 0; i < g->nmoving[CT_KEPT]; i++) {
        const moving *m = &g->moving[CT_KEPT][i];
        w->ptr[m->value] = w->j->t[m->operand].data + row * m->item;
    }
}

static void expand(char *out, const char *in, int64_t rows, int64_t n, int item)
{
    for (int64_t r = 0; r < rows; r++)
        group_copy_run(out + r * n * item, in + r * item, 0, n, item);
}

static pthread_mutex_t lock_of_bad = PTHREAD_MUTEX_INITIALIZER;

/* Note that the index of a row is out of bounds. Of several the first counts, by op and by row, so
 * that the error does not depend on threads. */
static void bad_pick(const work *w, const op *o, int64_t row, int64_t index)
{
    job *j = (job *)w->j;
    pthread_mutex_lock(&lock_of_bad);
    if (j->bad_op < 0 || o->spec < j->bad_op || (o->spec == j->bad_op && row < j->bad_row)) {
        const int64_t info[4] = {index, 0, j->g->nr, o->spec};
        memcpy(j->call->info, info, sizeof info);
        j->bad_op = o->spec;
        j->bad_row = row;
        __atomic_store_n(&j->status, CT_INDEX, __ATOMIC_RELAXED);
    }
    pthread_mutex_unlock(&lock_of_bad);
}

/* The column of row r that an index names, or -1 with the error noted. */
static int64_t picked(work *w, const op *o, int64_t r)
{
    int64_t nr = w->j->g->nr, i = ((const int64_t *)w->ptr[o->in[1]])[r];
    if (i < -nr || i >= nr) {
        bad_pick(w, o, w->row + r, i);
        return -1;
    }
    return i < 0 ? i + nr : i;
}

/* A block holds whole rows, or the columns [from, from + n) of one row. */
static void pick(work *w, const op *o, int64_t rows, int64_t n, int64_t from)
{
    int item = w->j->g->values[o->out].item;
    const char *x = w->ptr[o->in[0]];
    char *out = w->ptr[o->out];
    for (int64_t r = 0; r < rows; r++) {
        int64_t i = picked(w, o, r);
        if (i >= from && i < from + n)
            memcpy(out + r * item, x + (r * n + i - from) * item, item);
    }
}

static void unpick(work *w, const op *o, int64_t rows, int64_t n, int64_t from)
{
    int item = w->j->g->values[o->out].item;
    const char *grad = w->ptr[o->in[0]];
    char *out = w->ptr[o->out];
    memset(out, 0, rows * n * item);
    for (int64_t r = 0; r < rows; r++) {
        int64_t i = picked(w, o, r);
        if (i >= from && i < from + n)
            memcpy(out + (r * n + i - from) * item, grad + (o->scalars & 1 ? 0 : r * item), item);
    }
}

/* Load what is the same in each tile; the largest has n elements. */
void work_load_once(work *w, int64_t start, int64_t n)
{
    const ct_group *g = w->j->g;
    for (int i = g->first[g->once]; n > 0 && i < g->first[g->once + 1]; i++) {
        const value *out = &g->values[g->ops[i].out];
        group_load(out, w->ptr[g->ops[i].out], w->j->t[out->operand].data, start, n);
    }
}

void work_map(work *w, const op *o, int64_t n)
{
    const void *in[4];
    for (int k = 0; k < o->nin; k++)
        in[k] = w->ptr[o->in[k]];
    ((ct_map)o->fn)(n, w->ptr[o->out], in, o->scalars);
}

static void fold(work *w, const op *o, int64_t rows, int64_t n, void *out)
{
    const void *in[4];
    if (o->nin == 1) {
        ((ct_fold)o->fn)(rows, n, out, w->ptr[o->in[0]]);
        return;
    }
    for (int k = 0; k < o->nin; k++)
        in[k] = w->ptr[o->in[k]];
    ((ct_fold_terms)o->fn)(rows, n, out, in);
}

/* Copy numbers: most often one of a known size. */
static void copy_numbers(char *to, const char *from, int64_t bytes)
{
    if (bytes == 4)
        memcpy(to, from, 4);
    else if (bytes == 8)
        memcpy(to, from, 8);
    else
        memcpy(to, from, bytes);
}

/* Fold blocks of a long row, and push what each gives. */
static void fold_blocks(work *w, const op *o, int64_t blocks, int64_t n, counter *c, int item)
{
    _Alignas(16) char results[RUN * 16];
    fold(w, o, blocks, n, results);
    for (int64_t b = 0; b < blocks; b++) {
        copy_numbers(c->result, results + b * item, item);
        counter_push(c, (ct_accumulate)o->fn2, 1, item);
    }
}

/* Generated code on n elements, or on the `rows` rows of a tile. */
void work_block(work *w, const op *o, int64_t n, int64_t rows, int64_t cols)
{
    const ct_group *g = w->j->g;
    const ct_pass *b = &g->blocks[o->block];
    const int nargs = b->nin + b->nout, by_rows = g->by_rows && b->level == CT_FULL;
    char *at[nargs];
    int64_t steps[2 * nargs];
    for (int k = 0; k < nargs; k++) {
        const value *v = &g->values[b->places[k]];
        at[k] = w->ptr[b->places[k]];
        steps[2 * k] = v->is_scalar ? 0 : v->level == CT_FULL ? cols * v->item : v->item;
        steps[2 * k + 1] = 0;
    }
    b->fn(by_rows ? rows : 1, by_rows ? cols : n, at, steps);
}

/* Run the ops of one segment on a tile of n elements. Of a row of many blocks, it holds `rows` of
 * `cols` elements, `from` is the first column, and folds go into `counters`; else it holds `rows`
 * whole rows. */
void work_run(work *w, int segment, int64_t n, int64_t rows, int64_t cols, int64_t from,
                        counter *counters)
{
    const ct_group *g = w->j->g;
    for (int i = g->first[segment]; i < g->first[segment + 1]; i++) {
        const op *o = &g->ops[i];
        const value *out = &g->values[o->out];
        switch (o->kind) {
        case CT_MAP:
            work_map(w, o, n);
            break;
        case CT_BLOCK:
            work_block(w, o, n, rows, cols);
            break;
        case CT_LOAD:
            group_load(out, w->ptr[o->out], w->j->t[out->operand].data,
                 out->level == CT_FULL ? w->start : w->row, n);
            break;
        case CT_STORE:
            group_store(out, w->ptr[o->in[0]], w->j->t[out->operand].data,
                  out->level == CT_FULL ? w->start : w->row, n);
            break;
        case CT_EXPAND:
            expand(w->ptr[o->out], w->ptr[o->in[0]], rows, cols, out->item);
            break;
        case CT_FOLD:
            if (counters)
                fold_blocks(w, o, rows, cols, &counters[o->fold], out->item);
            else
                fold(w, o, rows, cols, w->ptr[o->out]);
            break;
        case CT_PICK:
            pick(w, o, rows, cols, from);
            break;
        case CT_UNPICK:
            unpick(w, o, rows, cols, from);
            break;
        case CT_ARG:
            if (counters)
                arg_blocks(w, o, rows, cols, from, &counters[o->fold]);
            else
                arg_rows(w, o, rows, cols);
            break;
        case CT_GATHER:
            group_gather(w, o, n);
            break;
        }
    }
}

void work_identities(work *w, int phase, int64_t rows)
{
    const ct_group *g = w->j->g;
    int segment = group_segment(CT_FULL, phase);
    for (int i = g->first[segment]; i < g->first[segment + 1]; i++) {
        const op *o = &g->ops[i];
        if (o->kind == CT_FOLD)
            group_copy_run(w->ptr[o->out], o->identity, 0, rows, g->values[o->out].item);
    }
}

/* Start counters for the folds of a phase, the `number`th of each. */
void work_start_folds(work *w, int phase, counter *counters, int64_t number)
{
    const ct_group *g = w->j->g;
    int segment = group_segment(CT_FULL, phase);
    for (int i = g->first[segment]; i < g->first[segment + 1]; i++)
        if (is_counted(g->ops[i].kind))
            counters[g->ops[i].fold] = counter_new(w, &g->ops[i], number);
}

char *work_shared(const job *j, int thread)
{
    return j->shared + thread * j->g->shared_bytes;
}

/* ----- binary counters ----- */

int64_t counter_bytes(const ct_group *g, const op *o)
{
    int item = g->values[o->in[0]].item;
    return ALIGN((g->mode == COLUMN ? g->width : 1) * item);
}

void counter_push(counter *c, ct_accumulate join, int64_t width, int item)
{
    char *at = c->stack;
    for (int64_t full = c->count; full & 1; full >>= 1, at += c->size) {
        join(1, width, at, c->result);
        copy_numbers(c->result, at, width * item);
    }
    copy_numbers(at, c->result, width * item);
    c->count++;
}

/* Combine what the counter holds into out: smaller runs first. */
void counter_finish(counter *c, ct_accumulate join, char *out, int64_t width, int item)
{
    char *at = c->stack;
    int first = 1;
    for (int64_t full = c->count; full; full >>= 1, at += c->size) {
        if (!(full & 1))
            continue;
        if (!first)
            join(1, width, at, out);
        copy_numbers(out, at, width * item);
        first = 0;
    }
}

counter counter_new(const work *w, const op *o, int64_t number)
{
    int64_t size = counter_bytes(w->j->g, o);
    char *base = w->private + o->counter_at + number * (w->j->g->levels + 1) * size;
    return (counter){.result = base, .stack = base + size, .size = size};
}

int64_t power_of_two_at_least(int64_t n)
{
    int64_t p = 1;
    while (p < n)
        p *= 2;
    return p;
}
