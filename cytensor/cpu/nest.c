/* nest.c: loops over tensors of any strides, on the thread pool. */
#include "nest.h"

const ct_pool *ct_pool_used;

void ct_run(int64_t ntasks, ct_task task, void *ctx)
{
    ct_pool_used->parallel_for(ct_pool_used->get_threads(), ntasks, task, ctx);
}

ct_nest ct_nest_new(int ndim, const int64_t *dims)
{
    ct_nest nest = {.ndim = ndim};
    for (int i = 0; i < ndim; i++)
        nest.dims[i] = dims[i];
    return nest;
}

void ct_nest_add(ct_nest *nest, char *data, const int64_t *dims, const int64_t *strides)
{
    nest->data[nest->nops] = data;
    for (int i = 0; i < nest->ndim; i++)
        nest->strides[nest->nops][i] = dims[i] == 1 ? 0 : strides[i];
    nest->nops++;
}

ct_nest ct_nest_of(const ct_tensor *t)
{
    ct_nest nest = ct_nest_new(t->ndim, t->dims);
    ct_nest_add(&nest, t->data, t->dims, t->strides);
    return nest;
}

void ct_nest_broadcast(ct_nest *nest, const ct_tensor *t)
{
    int64_t *strides = nest->strides[nest->nops];
    const int missing = nest->ndim - t->ndim;
    nest->data[nest->nops++] = t->data;
    for (int i = 0; i < nest->ndim; i++)
        strides[i] = i < missing || t->dims[i - missing] == 1 ? 0 : t->strides[i - missing];
}

int64_t ct_nest_size(const ct_nest *nest)
{
    return ct_product(nest->ndim, nest->dims);
}

/* ----- tidying ----- */

static void move_axis(ct_nest *nest, int from, int to)
{
    nest->dims[to] = nest->dims[from];
    for (int k = 0; k < nest->nops; k++)
        nest->strides[k][to] = nest->strides[k][from];
}

void ct_nest_rotate(ct_nest *nest, int from, int to)
{
    const ct_nest before = *nest;
    const int step = from < to ? 1 : -1;
    for (int i = from; i != to; i += step)
        move_axis(nest, i + step, i);
    nest->dims[to] = before.dims[from];
    for (int k = 0; k < nest->nops; k++)
        nest->strides[k][to] = before.strides[k][from];
}

static void drop_ones(ct_nest *nest)
{
    int kept = 0;
    for (int i = 0; i < nest->ndim; i++)
        if (nest->dims[i] != 1)
            move_axis(nest, i, kept++);
    nest->ndim = kept;
}

/* A single element is one axis of size 1, so that inner loops always have one. */
static void append_one(ct_nest *nest)
{
    nest->dims[0] = 1;
    for (int k = 0; k < nest->nops; k++)
        nest->strides[k][0] = 0;
    nest->ndim = 1;
}

/* Walk an axis from its other end. */
static void flip(ct_nest *nest, int axis)
{
    for (int k = 0; k < nest->nops; k++) {
        nest->data[k] += (nest->dims[axis] - 1) * nest->strides[k][axis];
        nest->strides[k][axis] = -nest->strides[k][axis];
    }
}

static int64_t magnitude(int64_t stride)
{
    return stride < 0 ? -stride : stride;
}

/* Whether axis i should be inside of axis j: it steps less in operand `by`, or else in another. */
static int steps_less(const ct_nest *nest, int i, int j, int by)
{
    for (int k = 0; k < nest->nops; k++) {
        const int64_t *strides = nest->strides[(by + k) % nest->nops];
        if (magnitude(strides[i]) != magnitude(strides[j]))
            return magnitude(strides[i]) < magnitude(strides[j]);
    }
    return 0;
}

static void sort_axes(ct_nest *nest, int by)
{
    for (int i = 1; i < nest->ndim; i++)
        for (int j = i; j > 0 && steps_less(nest, j - 1, j, by); j--)
            ct_nest_rotate(nest, j, j - 1);
}

/* Whether axis `inner` goes on where `outer` steps, in every operand. */
static int continues(const ct_nest *nest, int outer, int inner)
{
    for (int k = 0; k < nest->nops; k++)
        if (nest->strides[k][outer] != nest->dims[inner] * nest->strides[k][inner])
            return 0;
    return 1;
}

static void merge_axes(ct_nest *nest)
{
    int last = 0;
    for (int i = 1; i < nest->ndim; i++) {
        const int64_t size = nest->dims[last];
        if (continues(nest, last, i)) {
            move_axis(nest, i, last);
            nest->dims[last] *= size;
        } else {
            move_axis(nest, i, ++last);
        }
    }
    nest->ndim = last + 1;
}

void ct_nest_tidy(ct_nest *nest, int by)
{
    if (ct_nest_size(nest) == 0)
        return;
    drop_ones(nest);
    if (nest->ndim == 0)
        append_one(nest);
    for (int i = 0; i < nest->ndim; i++)
        if (nest->strides[by][i] < 0)
            flip(nest, i);
    sort_axes(nest, by);
    merge_axes(nest);
}

/* ----- running ----- */

/* A nest whose first inner dimension is cut into `pieces`, which become its last outer one. */
typedef struct {
    const ct_nest *nest;
    int outer;                      /* the number of outer dimensions */
    int64_t pieces, piece, units, per_task;
    ct_inner inner;
    const void *ctx;
} run;

/* The position of one unit of work: an index per outer dimension, and where that is. */
typedef struct {
    int64_t index[CT_MAXDIM], piece;
    char *data[3];
} place;

static void step_outer(const run *r, place *at, int axis, int64_t count)
{
    at->index[axis] += count;
    for (int k = 0; k < r->nest->nops; k++)
        at->data[k] += count * r->nest->strides[k][axis];
}

static place place_of(const run *r, int64_t unit)
{
    place at = {.piece = unit % r->pieces};
    unit /= r->pieces;
    for (int k = 0; k < r->nest->nops; k++)
        at.data[k] = r->nest->data[k];
    for (int i = r->outer - 1; i >= 0; i--) {
        step_outer(r, &at, i, unit % r->nest->dims[i]);
        unit /= r->nest->dims[i];
    }
    return at;
}

static void advance(const run *r, place *at)
{
    if (++at->piece < r->pieces)
        return;
    at->piece = 0;
    for (int i = r->outer - 1; i >= 0; i--) {
        step_outer(r, at, i, 1);
        if (at->index[i] < r->nest->dims[i])
            return;
        step_outer(r, at, i, -r->nest->dims[i]);
    }
}

static void run_unit(const run *r, const place *at)
{
    const ct_nest *nest = r->nest;
    char *data[3];
    const int64_t first = at->piece * r->piece;
    for (int k = 0; k < nest->nops; k++)
        data[k] = at->data[k] + first * nest->strides[k][r->outer];
    r->inner(nest, ct_min(r->piece, nest->dims[r->outer] - first), data, r->ctx);
}

static void run_task(void *ctx, int64_t task, int thread)
{
    const run *r = ctx;
    const int64_t first = task * r->per_task, end = ct_min(first + r->per_task, r->units);
    (void)thread;
    place at = place_of(r, first);
    for (int64_t unit = first; unit < end; unit++) {
        run_unit(r, &at);
        advance(r, &at);
    }
}

static run whole(const ct_nest *nest, int depth, ct_inner inner, const void *ctx)
{
    const int outer = nest->ndim - depth;
    run r = {nest, outer, 1, nest->dims[outer], 0, 0, inner, ctx};
    r.units = r.per_task = ct_product(outer, nest->dims);
    return r;
}

void ct_nest_serial(const ct_nest *nest, int depth, ct_inner inner, const void *ctx)
{
    if (ct_nest_size(nest) == 0)
        return;
    run r = whole(nest, depth, inner, ctx);
    run_task(&r, 0, 0);
}

/* Cut the inner dimension if the outer ones do not make enough units for `tasks`. */
static void cut(run *r, int64_t tasks, int64_t multiple)
{
    if (r->units >= tasks)
        return;
    const int64_t n = r->nest->dims[r->outer], pieces = ct_ceil_div(tasks, r->units);
    r->piece = ct_ceil_div(ct_ceil_div(n, pieces), multiple) * multiple;
    r->pieces = ct_ceil_div(n, r->piece);
    r->units *= r->pieces;
}

void ct_nest_run(const ct_nest *nest, int depth, int64_t weight, int64_t multiple,
                 ct_inner inner, const void *ctx)
{
    const int64_t size = ct_nest_size(nest), work = size * weight / CT_GRAIN;
    if (size == 0)
        return;
    run r = whole(nest, depth, inner, ctx);
    if (work >= 2) {
        const int64_t tasks = ct_min(work, 4 * (int64_t)ct_pool_used->get_threads());
        cut(&r, tasks, multiple);
        r.per_task = ct_ceil_div(r.units, ct_min(tasks, r.units));
    }
    ct_run(ct_ceil_div(r.units, r.per_task), run_task, &r);
}
