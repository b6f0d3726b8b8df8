/* conv_box.c: the part of an image that a convolution reads, with the zeros around it. */
#include "conv.h"

#include <string.h>

static void set_span(const ct_axis *axis, int64_t *low, int64_t *size)
{
    int64_t least = axis->ntaps ? axis->pixel_at[0] : 0, most = least;
    for (int64_t t = 1; t < axis->ntaps; t++) {
        least = axis->pixel_at[t] < least ? axis->pixel_at[t] : least;
        most = axis->pixel_at[t] > most ? axis->pixel_at[t] : most;
    }
    *low = axis->first + least;
    *size = (axis->count - 1) * axis->step + most - least + 1;
}

ct_box ct_box_of(const ct_conv *c, int apart)
{
    ct_box box;
    int64_t items = 1;
    for (int a = CT_SPACE - 1; a >= 0; a--) {
        set_span(&c->axes[a], &box.low[a], &box.sizes[a]);
        box.apart[a] = apart ? c->axes[a].step : 1;
        box.across[a] = ct_ceil_div(box.sizes[a], box.apart[a]);
        box.steps[a] = items;
        items *= box.across[a];
    }
    for (int a = CT_SPACE - 1; a >= 0; a--) {
        box.plane_steps[a] = items;
        items *= box.apart[a];
    }
    box.items = items;
    return box;
}

int ct_box_is_padded(const ct_conv *c, const ct_box *box)
{
    for (int a = 0; a < CT_SPACE; a++)
        if (box->low[a] < 0 || box->low[a] + box->sizes[a] > c->image.sizes[a])
            return 1;
    return 0;
}

int64_t ct_box_tap(const ct_conv *c, const ct_box *box, const int64_t *tap)
{
    int64_t at = 0;
    for (int a = 0; a < CT_SPACE; a++) {
        const int64_t pixel = c->axes[a].first + c->axes[a].pixel_at[tap[a]] - box->low[a];
        at += pixel % box->apart[a] * box->plane_steps[a]
            + pixel / box->apart[a] * box->steps[a];
    }
    return at;
}

/* Pixels first, first + apart, .. of a row of the image, n of them: those outside are 0. */
static void fill_row(const ct_conv *c, int64_t first, int64_t apart, int64_t n, char *to,
                     const char *row)
{
    const int64_t size = c->image.sizes[2], step = c->image.steps[2];
    const int64_t before = first < 0 ? ct_min(n, ct_ceil_div(-first, apart)) : 0;
    const int64_t beyond = size > first ? ct_min(n, ct_ceil_div(size - first, apart)) : 0;
    const int64_t end = beyond > before ? beyond : before;
    const char *from = row + (first + before * apart) * step;
    memset(to, 0, before * c->item);
    memset(to + end * c->item, 0, (n - end) * c->item);
    to += before * c->item;
    if (apart * step == c->item)
        c->kit->copy(end - before, to, from);
    else
        for (int64_t i = 0; i < end - before; i++)
            ct_move(c->item, to + i * c->item, from + i * apart * step);
}

static int is_inside(const ct_conv *c, int axis, int64_t pixel)
{
    return 0 <= pixel && pixel < c->image.sizes[axis];
}

/* Whether a tap reads a plane of an axis: of strides larger than the window, some are not read. */
static int is_read(const ct_conv *c, const ct_box *box, int axis, int64_t plane)
{
    const ct_axis *x = &c->axes[axis];
    for (int64_t t = 0; t < x->ntaps; t++)
        if ((x->first + x->pixel_at[t] - box->low[axis]) % box->apart[axis] == plane)
            return 1;
    return 0;
}

static void fill_plane(const ct_conv *c, const ct_box *box, const int64_t *plane, char *to,
                       const char *channel)
{
    const ct_view *image = &c->image;
    for (int64_t i = 0; i < box->across[0]; i++) {
        const int64_t z = box->low[0] + plane[0] + i * box->apart[0];
        for (int64_t j = 0; j < box->across[1]; j++) {
            const int64_t y = box->low[1] + plane[1] + j * box->apart[1];
            char *row = to + (i * box->steps[0] + j * box->steps[1]) * c->item;
            if (is_inside(c, 0, z) && is_inside(c, 1, y))
                fill_row(c, box->low[2] + plane[2], box->apart[2], box->across[2], row,
                         channel + z * image->steps[0] + y * image->steps[1]);
            else
                memset(row, 0, box->across[2] * c->item);
        }
    }
}

void ct_box_fill(const ct_conv *c, const ct_box *box, char *to, const char *channel)
{
    int64_t plane[CT_SPACE] = {0};
    const int64_t planes = box->apart[0] * box->apart[1] * box->apart[2];
    for (int64_t i = 0; i < planes; i++, ct_next_place(plane, box->apart)) {
        int64_t at = 0;
        int read = 1;
        for (int a = 0; a < CT_SPACE; a++) {
            at += plane[a] * box->plane_steps[a];
            read = read && is_read(c, box, a, plane[a]);
        }
        if (read)
            fill_plane(c, box, plane, to + at * c->item, channel);
    }
}
