/* pooling_tiles.c: which axes a grid has, how large tiles are, and who computes which. */
#include "pooling.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define ROOM 4096               /* items of a grid that stay in the L1 cache */
#define ROW 1024                /* of them in a row, where there are several */
#define LANES 32                /* items of an axis that becomes the innermost one */

/* ----- axes ----- */

static ct_pooling_axis axis_of(const ct_tensor *t, int nops, int images, int i)
{
    ct_pooling_axis axis = {.window = 1, .given = 1, .step = 1};
    for (int k = 0; k < nops; k++) {
        const int64_t size = t[k].dims[i];
        axis.strides[k] = t[k].strides[i];
        if (images >> k & 1)
            axis.n = size;
        else
            axis.m = size;
    }
    return axis;
}

/* Merge an axis into the one before it, if both are plain and go on where the other ends. */
static int merge(const ct_pooling *p, ct_pooling_axis *before, const ct_pooling_axis *axis)
{
    if (!ct_pooling_is_plain(before) || !ct_pooling_is_plain(axis))
        return 0;
    for (int k = 0; k < p->nops; k++)
        if (before->strides[k] != axis->n * axis->strides[k])
            return 0;
    const int64_t n = before->n * axis->n;
    *before = *axis;
    before->n = before->m = n;
    return 1;
}

static void add_axis(ct_pooling *p, const ct_pooling_axis *axis)
{
    if (ct_pooling_is_plain(axis) && axis->n == 1)
        return;
    if (p->axes == 0 || !merge(p, &p->axis[p->axes - 1], axis))
        p->axis[p->axes++] = *axis;
}

static int64_t magnitude(int64_t stride)
{
    return stride < 0 ? -stride : stride;
}

/* Move the leading plain axis whose items are closest in memory inside of all others, where it
 * belongs there: the channels of an image that has them last. What is repeated is in no memory. */
static void move_inside(ct_pooling *p, int leading)
{
    int best = p->axes - 1;
    for (int a = 0; a < leading; a++) {
        const int64_t step = magnitude(p->axis[a].strides[1]);
        if (step != 0 && step < magnitude(p->axis[best].strides[1]))
            best = a;
    }
    p->inside = best < leading;
    const ct_pooling_axis moved = p->axis[best];
    memmove(&p->axis[best], &p->axis[best + 1], (p->axes - 1 - best) * sizeof moved);
    p->axis[p->axes - 1] = moved;
}

/* Of the leading plain axes only the last belongs to grids. */
static void set_aside(ct_pooling *p)
{
    int leading = 0;
    while (leading < p->axes && ct_pooling_is_plain(&p->axis[leading]))
        leading++;
    if (leading < p->axes && leading > 0) {
        const int before = leading;
        move_inside(p, leading);
        for (leading = 0; leading < before && ct_pooling_is_plain(&p->axis[leading]); )
            leading++;
    }
    p->outer = ct_max(leading - 1, 0);
    memcpy(p->around, p->axis, p->outer * sizeof p->axis[0]);
    memmove(p->axis, p->axis + p->outer, (p->axes - p->outer) * sizeof p->axis[0]);
    p->axes -= p->outer;
}

static int64_t value_of(const ct_tensor *size)
{
    return *(const int64_t *)size->data;
}

/* Windows end with the image at the latest, and a single one has no next: so no grid is larger than
 * an image and its padding. */
static void set_window(ct_pooling_axis *axis, int64_t window, int64_t step, int64_t pad)
{
    axis->given = window;
    axis->window = ct_min(window, ct_max(axis->n + pad, 1));
    axis->step = axis->m > 1 ? step : axis->window;
    axis->pad = pad;
}

int ct_pooling_describe(ct_pooling *p, const ct_tensor *t, int nops, int images, int pooled,
                        const ct_tensor *sizes)
{
    *p = (ct_pooling){.nops = nops, .of_images = images & 1};
    for (int k = 0; k < nops; k++)
        p->data[k] = t[k].data;
    for (int i = 0; i < t[0].ndim; i++) {
        ct_pooling_axis axis = axis_of(t, nops, images, i);
        const int which = i - (t[0].ndim - pooled);
        if (which >= 0)
            set_window(&axis, value_of(&sizes[which]), value_of(&sizes[pooled + which]),
                       value_of(&sizes[2 * pooled + which]));
        add_axis(p, &axis);
    }
    if (p->axes == 0)
        p->axis[p->axes++] = (ct_pooling_axis){.n = 1, .m = 1, .window = 1, .given = 1, .step = 1};
    set_aside(p);
    return ct_product(t[0].ndim, t[0].dims) != 0;
}

/* ----- how many items a window has ----- */

static double count_of(const ct_pooling_axis *axis, int64_t j, int padded)
{
    const int64_t start = j * axis->step - axis->pad, end = start + axis->window;
    return (double)(padded ? axis->given : ct_min(end, axis->n) - ct_max(start, 0));
}

int ct_pooling_count(ct_pooling *p, int padded)
{
    for (int a = 0; a < p->axes; a++) {
        ct_pooling_axis *axis = &p->axis[a];
        if (axis->given == 1 && a < p->axes - 1)       /* the last one is asked in any case */
            continue;
        axis->counts = malloc(axis->m * sizeof(double) + 1);
        if (!axis->counts)
            return 0;
        for (int64_t j = 0; j < axis->m; j++)
            axis->counts[j] = count_of(axis, j, padded);
    }
    return 1;
}

void ct_pooling_free(ct_pooling *p)
{
    for (int a = 0; a < p->axes; a++)
        free(p->axis[a].counts);
}

/* ----- tiles ----- */

/* The items of an image that `block` entries take: windows, or items and what overlaps them. */
static int64_t extent(const ct_pooling *p, const ct_pooling_axis *axis, int64_t block)
{
    if (p->of_images)
        return block + axis->window - 1;
    return (block - 1) * axis->step + axis->window;
}

static int64_t fitting_block(const ct_pooling *p, const ct_pooling_axis *axis, int64_t room)
{
    if (extent(p, axis, axis->entries) <= room)
        return axis->entries;
    const int64_t step = p->of_images ? 1 : axis->step;
    const int64_t most = (room - axis->window) / step + 1;
    const int64_t least = 4 * axis->window / step;          /* what overlaps stays a small part */
    return ct_min(axis->entries, ct_max(1, ct_max(most, least)));
}

static void choose_blocks(ct_pooling *p)
{
    int64_t room = p->axes > 1 ? ROW : ROOM, size = 1;
    for (int a = p->axes - 1; a >= 0; a--) {
        ct_pooling_axis *axis = &p->axis[a];
        const int is_inside = p->inside && a == p->axes - 1;
        axis->entries = p->of_images ? axis->n : axis->m;
        axis->block = fitting_block(p, axis, is_inside ? LANES : room);
        axis->blocks = ct_ceil_div(axis->entries, axis->block);
        axis->block = ct_ceil_div(axis->entries, axis->blocks);
        size *= extent(p, axis, axis->block);
        room = ct_max(ROOM / size, 1);
    }
}

/* All tiles of one call. */
typedef struct {
    const ct_pooling *p;
    int64_t units, per_task;
    _Atomic int *failed;
} run;

static void shift_data(const ct_pooling *p, char **data, const int64_t *strides, int64_t by)
{
    for (int k = 0; k < p->nops; k++)
        data[k] += by * strides[k];
}

/* Where one tile starts, and where the tensors are around it. */
static void find_tile(const ct_pooling *p, int64_t unit, int64_t *start, char **data)
{
    memcpy(data, p->data, sizeof p->data);
    for (int a = p->axes - 1; a >= 0; a--) {
        start[a] = unit % p->axis[a].blocks * p->axis[a].block;
        unit /= p->axis[a].blocks;
    }
    for (int a = p->outer - 1; a >= 0; a--) {
        shift_data(p, data, p->around[a].strides, unit % p->around[a].n);
        unit /= p->around[a].n;
    }
}

static void run_task(void *ctx, int64_t task, int thread)
{
    const run *r = ctx;
    const int64_t first = task * r->per_task, end = ct_min(first + r->per_task, r->units);
    int64_t start[CT_MAXDIM];
    char *data[CT_POOLING_OPERANDS];
    ct_room room = {NULL, 0};
    (void)thread;
    for (int64_t unit = first; unit < end && !*r->failed; unit++) {
        find_tile(r->p, unit, start, data);
        if (!r->p->tile(r->p, start, data, &room))
            *r->failed = 1;
    }
    free(room.memory);
}

int ct_pooling_run(ct_pooling *p, int64_t weight)
{
    _Atomic int failed = 0;
    run r = {p, 1, 1, &failed};
    choose_blocks(p);
    int64_t entries = 1;
    for (int a = 0; a < p->axes; a++) {
        r.units *= p->axis[a].blocks;
        entries *= p->axis[a].entries;
    }
    for (int a = 0; a < p->outer; a++) {
        r.units *= p->around[a].n;
        entries *= p->around[a].n;
    }
    const int64_t tasks = ct_min(entries * weight / CT_GRAIN,
                                 4 * (int64_t)ct_pool_used->get_threads());
    r.per_task = ct_ceil_div(r.units, ct_max(ct_min(tasks, r.units), 1));
    ct_run(ct_ceil_div(r.units, r.per_task), run_task, &r);
    return failed ? CT_MEMORY : CT_OK;
}

int ct_room_cut(ct_room *room, int n, const int64_t *bytes, void **parts)
{
    int64_t total = 0;
    for (int i = 0; i < n; i++)
        total += ct_ceil_div(bytes[i], 64) * 64;
    if (total > room->size) {
        free(room->memory);
        room->memory = aligned_alloc(64, total);
        room->size = room->memory ? total : 0;
    }
    char *next = room->memory;
    for (int i = 0; i < n && next; i++) {
        parts[i] = next;
        next += ct_ceil_div(bytes[i], 64) * 64;
    }
    return room->memory != NULL;
}
