/* index.c: x[i, j, ..] with arrays of indices: gather, and scatter in two ways.
 *
 * All of them move rows between an indexed tensor (k index arrays for its first k axes) and a
 * plain one, whose first axes are those of the indices. They go through the positions in C order,
 * in chunks: first the indices of a chunk are checked, then its rows are moved. */
#include "structured.h"

#include <stdatomic.h>
#include <string.h>

#define CHUNK 512
#define AHEAD 4                 /* rows from one to one that is fetched in advance */
#define FETCHED 1024            /* bytes of it; the rest is foreseen by the hardware */

/* Where one array has its item for each position. */
typedef struct {
    char *data;
    int64_t strides[CT_MAXDIM];
} lane;

typedef struct {
    int64_t first, n;
} run_of_positions;

typedef struct {
    int ndim;                       /* axes of the positions, merged where that is possible */
    int64_t dims[CT_MAXDIM], count;
    lane plain;
    int nindices;
    lane indices[CT_MAXDIM];
    int64_t sizes[CT_MAXDIM], steps[CT_MAXDIM];     /* of the indexed tensor's first axes */
    int into;                       /* whether rows go into the indexed tensor, or out of it */
    ct_nest row;                    /* destination and source at offset 0 */
    int64_t row_size;
    int simple;                     /* whether a row has one axis */
    int itemsize;                   /* if rows are copied as they lie there; else 0 */
    ct_inner move_row;
    ct_items move_items;            /* their indices are checked before */
    ct_checked_items check_items;
    int64_t chunk, chunks;          /* positions per chunk; how many chunks there are */
    _Atomic int64_t bad;            /* the first chunk with a bad index */
} indexing;

/* ----- setting up ----- */

static lane lane_of(const ct_tensor *t, int ndim)
{
    lane l = {.data = t->data};
    for (int i = 0; i < ndim; i++)
        l.strides[i] = t->dims[i] == 1 ? 0 : t->strides[i];
    return l;
}

static int lane_continues(const lane *l, int outer, int inner, int64_t size)
{
    return l->strides[outer] == size * l->strides[inner];
}

/* Merge the last two axes of the positions, if no array minds. */
static int merge_last(indexing *ix)
{
    const int outer = ix->ndim - 2, inner = ix->ndim - 1;
    if (outer < 0)
        return 0;
    const int64_t size = ix->dims[inner];
    if (!lane_continues(&ix->plain, outer, inner, size))
        return 0;
    for (int k = 0; k < ix->nindices; k++)
        if (!lane_continues(&ix->indices[k], outer, inner, size))
            return 0;
    ix->dims[outer] *= size;
    ix->plain.strides[outer] = ix->plain.strides[inner];
    for (int k = 0; k < ix->nindices; k++)
        ix->indices[k].strides[outer] = ix->indices[k].strides[inner];
    ix->ndim--;
    return 1;
}

static void set_positions(indexing *ix, const ct_tensor *plain, const ct_tensor *indices)
{
    ix->ndim = indices[0].ndim;
    for (int i = 0; i < ix->ndim; i++) {
        ix->dims[i] = 1;
        for (int k = 0; k < ix->nindices; k++)
            if (indices[k].dims[i] != 1)
                ix->dims[i] = indices[k].dims[i];
    }
    ix->count = ct_product(ix->ndim, ix->dims);
    ix->plain = lane_of(plain, ix->ndim);
    for (int k = 0; k < ix->nindices; k++)
        ix->indices[k] = lane_of(&indices[k], ix->ndim);
    while (merge_last(ix))
        continue;
    if (ix->ndim == 0)
        ix->dims[ix->ndim++] = 1;       /* a single position; all strides are 0 */
}

static void set_row(indexing *ix, const ct_tensor *plain, const ct_tensor *indexed)
{
    const int k = ix->nindices;
    const int skip = plain->ndim - (indexed->ndim - k);
    ct_nest row = ct_nest_new(indexed->ndim - k, indexed->dims + k);
    if (ix->into)
        ct_nest_add(&row, indexed->data, indexed->dims + k, indexed->strides + k);
    ct_nest_add(&row, plain->data, plain->dims + skip, plain->strides + skip);
    if (!ix->into)
        ct_nest_add(&row, indexed->data, indexed->dims + k, indexed->strides + k);
    ct_nest_tidy(&row, 0);
    ix->row_size = ct_nest_size(&row);
    ix->simple = row.ndim == 1 && ix->row_size > 0;
    const int itemsize = ct_itemsize[plain->dtype];
    if (ix->simple && row.strides[0][0] == itemsize && row.strides[1][0] == itemsize)
        ix->itemsize = itemsize;
    ix->row = row;
}

static void set_indices(indexing *ix, const ct_tensor *indexed, int nindices)
{
    *ix = (indexing){.nindices = nindices, .bad = INT64_MAX};
    for (int k = 0; k < nindices; k++) {
        ix->sizes[k] = indexed->dims[k];
        ix->steps[k] = indexed->strides[k];
    }
}

static void set_chunks(indexing *ix)
{
    ix->chunk = ct_min(CHUNK, 1 + CT_GRAIN / (ix->row_size + 1));
    if (ix->count)
        ix->chunks = ix->count / ix->dims[ix->ndim - 1]
                     * ct_ceil_div(ix->dims[ix->ndim - 1], ix->chunk);
}

static void set_up(indexing *ix, int into, const ct_tensor *indexed, const ct_tensor *plain,
                   int nindices, const ct_tensor *indices)
{
    set_indices(ix, indexed, nindices);
    ix->into = into;
    set_positions(ix, plain, indices);
    set_row(ix, plain, indexed);
    set_chunks(ix);
    ix->move_row = ct_copy_row(ct_itemsize[plain->dtype]);
    ix->move_items = ct_copy_items(ct_itemsize[plain->dtype], into);
    ix->check_items = ct_copy_checked_items(ct_itemsize[plain->dtype], into);
}

/* ----- indices ----- */

/* Where the item of a position is, in C order. */
static char *item_at(const indexing *ix, const lane *l, int64_t position)
{
    int64_t offset = 0;
    for (int i = ix->ndim - 1; i >= 0; i--) {
        offset += position % ix->dims[i] * l->strides[i];
        position /= ix->dims[i];
    }
    return l->data + offset;
}

/* Positions that differ along the last axis alone. */
static run_of_positions chunk_at(const indexing *ix, int64_t chunk)
{
    const int64_t per_line = ct_ceil_div(ix->dims[ix->ndim - 1], ix->chunk);
    const int64_t size = ix->dims[ix->ndim - 1], first = chunk % per_line * ix->chunk;
    return (run_of_positions){chunk / per_line * size + first, ct_min(ix->chunk, size - first)};
}

/* The indices of a chunk, side by side: where they are, or copied to `buffer`. */
static const int64_t *load_indices(const indexing *ix, int k, run_of_positions run,
                                   int64_t *buffer)
{
    const char *data = item_at(ix, &ix->indices[k], run.first);
    const int64_t stride = ix->indices[k].strides[ix->ndim - 1];
    if (stride == sizeof(int64_t))
        return (const int64_t *)data;
    for (int64_t i = 0; i < run.n; i++)
        buffer[i] = *(const int64_t *)(data + i * stride);
    return buffer;
}

CT_CLONES static int in_bounds(const int64_t *indices, int64_t n, int64_t size)
{
    int64_t bad = 0;
    for (int64_t i = 0; i < n; i++)
        bad |= (indices[i] < -size) | (indices[i] >= size);
    return !bad;
}

/* Add the offsets of indices that lie within bounds; return whether all do. */
CT_CLONES static int add_offsets(const int64_t *indices, int64_t n, int64_t size, int64_t step,
                                 int64_t *restrict offsets)
{
    int64_t bad = 0;
    for (int64_t i = 0; i < n; i++) {
        const int64_t at = ct_from_front(indices[i], size);
        bad |= at | (size - 1 - at);
        offsets[i] += at * step;
    }
    return bad >= 0;
}

/* Check the indices of a chunk. One index array is used as it is; several become offsets, which
 * are indices of an axis that steps by one byte. */
static int resolve(const indexing *ix, run_of_positions run, ct_places *places, int64_t *offsets)
{
    int64_t buffer[CHUNK];
    if (ix->nindices > 1)
        memset(offsets, 0, run.n * sizeof *offsets);
    for (int k = 0; k < ix->nindices; k++) {
        const int64_t size = ix->sizes[k], step = ix->steps[k];
        const int64_t *indices = load_indices(ix, k, run, ix->nindices > 1 ? buffer : offsets);
        if (ix->nindices > 1 ? !add_offsets(indices, run.n, size, step, offsets)
                             : !in_bounds(indices, run.n, size))
            return 0;
        *places = (ct_places){indices, size, step};
    }
    if (ix->nindices > 1)
        *places = (ct_places){offsets, 0, 1};
    return 1;
}

/* Say which index of a chunk is out of bounds: at the first place that has one. */
static void find_bad(const indexing *ix, run_of_positions run, int64_t *info)
{
    int64_t buffer[CHUNK], first = run.n;
    for (int k = 0; k < ix->nindices; k++) {
        const int64_t *indices = load_indices(ix, k, run, buffer);
        for (int64_t i = 0; i < first; i++)
            if (!in_bounds(indices + i, 1, ix->sizes[k])) {
                info[0] = indices[i];
                info[1] = k;
                info[2] = ix->sizes[k];
                first = i;
            }
    }
}

/* Remember the first chunk that has a bad index. */
static void note_bad(indexing *ix, int64_t chunk)
{
    int64_t least = ix->bad;
    while (chunk < least && !atomic_compare_exchange_weak(&ix->bad, &least, chunk))
        continue;
}

/* ----- moving ----- */

/* Copy rows of contiguous bytes. One that comes soon is fetched meanwhile. */
static void copy_rows(int into, int64_t bytes, int64_t n, char *indexed, ct_places places,
                      char *plain, int64_t step)
{
    for (int64_t i = 0; i < n; i++) {
        char *there = indexed + ct_place(places, i), *here = plain + i * step;
        if (i + AHEAD < n) {
            const char *next = indexed + ct_place(places, i + AHEAD);
            for (int64_t k = 0; k < ct_min(bytes, FETCHED); k += 64)
                __builtin_prefetch(next + k);
        }
        memcpy(into ? there : here, into ? here : there, bytes);
    }
}

static void move_rows(const indexing *ix, const ct_nest *row, int64_t n, ct_places places,
                      int64_t plain, int64_t step)
{
    const int indexed = !ix->into;
    ct_nest at = *row;
    for (int64_t i = 0; i < n; i++) {
        at.data[indexed] = row->data[indexed] + ct_place(places, i);
        at.data[!indexed] = row->data[!indexed] + plain + i * step;
        if (ix->simple)
            ix->move_row(&at, at.dims[0], at.data, NULL);
        else
            ct_nest_serial(&at, 1, ix->move_row, NULL);
    }
}

static void move_chunk(indexing *ix, const ct_nest *row, int64_t chunk)
{
    int64_t offsets[CHUNK];
    ct_places places;
    const run_of_positions run = chunk_at(ix, chunk);
    const int64_t step = ix->plain.strides[ix->ndim - 1];
    if (ix->nindices == 1 && ix->row_size == 1) {
        places = (ct_places){load_indices(ix, 0, run, offsets), ix->sizes[0], ix->steps[0]};
        if (!ix->check_items(run.n, row->data[!ix->into], places,
                             item_at(ix, &ix->plain, run.first), step))
            note_bad(ix, chunk);
        return;
    }
    if (!resolve(ix, run, &places, offsets)) {
        note_bad(ix, chunk);
        return;
    }
    char *plain = item_at(ix, &ix->plain, run.first);
    if (ix->row_size == 1)
        ix->move_items(run.n, row->data[!ix->into], places, plain, step);
    else if (ix->itemsize)
        copy_rows(ix->into, row->dims[0] * ix->itemsize, run.n, row->data[!ix->into], places,
                  row->data[ix->into] + (plain - ix->plain.data), step);
    else
        move_rows(ix, row, run.n, places, plain - ix->plain.data, step);
}

static int finish(indexing *ix, ct_call *call)
{
    if (ix->bad == INT64_MAX)
        return CT_OK;
    find_bad(ix, chunk_at(ix, ix->bad), call->info);
    return CT_INDEX;
}

/* ----- gather: the outputs of different positions are disjoint ----- */

typedef struct {
    indexing *ix;
    int64_t per_task;               /* chunks */
} gather_run;

static void gather_task(void *ctx, int64_t task, int thread)
{
    const gather_run *run = ctx;
    const int64_t first = task * run->per_task;
    (void)thread;
    for (int64_t c = first; c < ct_min(first + run->per_task, run->ix->chunks); c++)
        move_chunk(run->ix, &run->ix->row, c);
}

/* t[0] = t[1][t[2], t[3], ..] */
int ct_gather(ct_call *call, int n, const ct_tensor *t, const int64_t *params)
{
    (void)params;
    indexing ix;
    set_up(&ix, 0, &t[1], &t[0], n - 2, t + 2);
    const gather_run run = {&ix, ct_ceil_div(CT_GRAIN, ix.chunk * (ix.row_size + 1))};
    ct_run(ct_ceil_div(ix.chunks, run.per_task), gather_task, (void *)&run);
    return finish(&ix, call);
}

/* ----- scatter: a thread takes some columns of all rows, and so the order of rows is kept ----- */

typedef struct {
    indexing *ix;
    int64_t columns;                /* per task, of the outermost axis of a row */
} scatter_run;

static void scatter_task(void *ctx, int64_t task, int thread)
{
    const scatter_run *run = ctx;
    indexing *ix = run->ix;
    const int64_t first = task * run->columns;
    ct_nest row = ix->row;
    (void)thread;
    row.data[0] += first * row.strides[0][0];
    row.data[1] += first * row.strides[1][0];
    row.dims[0] = ct_min(run->columns, row.dims[0] - first);
    for (int64_t c = 0; c < ix->chunks; c++)
        move_chunk(ix, &row, c);
}

static int scatter(ct_call *call, indexing *ix)
{
    const int64_t columns = ix->row.dims[0];
    int64_t tasks = ct_min(ix->count * ix->row_size / CT_GRAIN, ct_pool_used->get_threads());
    tasks = ct_min(ct_min(tasks, ix->row_size / 64), columns);
    scatter_run run = {ix, columns};
    if (tasks > 1)
        run.columns = ct_ceil_div(columns, tasks);
    ct_run(tasks > 1 ? ct_ceil_div(columns, run.columns) : 1, scatter_task, &run);
    return finish(ix, call);
}

/* t[0][t[2], t[3], ..] = t[1], which broadcasts */
int ct_scatter_set(ct_call *call, int n, const ct_tensor *t, const int64_t *params)
{
    (void)params;
    indexing ix;
    set_up(&ix, 1, &t[0], &t[1], n - 2, t + 2);
    return scatter(call, &ix);
}

/* t[0][t[2], t[3], ..] += t[1], which broadcasts; duplicates add up in order */
int ct_scatter_add(ct_call *call, int n, const ct_tensor *t, const int64_t *params)
{
    (void)params;
    indexing ix;
    set_up(&ix, 1, &t[0], &t[1], n - 2, t + 2);
    ix.itemsize = 0;
    ix.move_row = ct_add_row(t[0].dtype);
    ix.move_items = ct_add_items(t[0].dtype);
    ix.check_items = ct_add_checked_items(t[0].dtype);
    return scatter(call, &ix);
}

/* Whether all of t[1], t[2], .. are indices of t[0]. */
int ct_check_indices(ct_call *call, int n, const ct_tensor *t, const int64_t *params)
{
    (void)params;
    indexing ix;
    set_indices(&ix, &t[0], n - 1);
    set_positions(&ix, &t[1], t + 1);
    set_chunks(&ix);
    for (int64_t c = 0; c < ix.chunks; c++) {
        int64_t offsets[CHUNK];
        ct_places places;
        if (!resolve(&ix, chunk_at(&ix, c), &places, offsets))
            note_bad(&ix, c);
    }
    return finish(&ix, call);
}
