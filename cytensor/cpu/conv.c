/* conv.c: the kernels `conv`, `conv_grad_inputs` and `conv_grad_filters`. */
#include "conv.h"

#include <stdlib.h>

const ct_conv_kits *ct_conv_used;

/* ----- what the ops say ----- */

enum { HALF = -2, FULL = -1 };  /* codes of borders: ops/convolution.py */

/* One spatial axis of the forward convolution. */
typedef struct {
    int64_t image, window, result, step, spread, before;
} forward_axis;

typedef struct {
    int64_t groups, flip;
    forward_axis axes[CT_SPACE];
} forward;

/* Size and step of a spatial axis. Missing ones are of size 1 and come first. */
static int64_t size_of(const ct_tensor *t, int axis)
{
    const int at = axis - CT_SPACE + t->ndim;
    return at < 2 ? 1 : t->dims[at];
}

static ct_view view_of(const ct_tensor *t)
{
    ct_view v = {t->data, t->strides[0], t->strides[1], {0}, {0}};
    for (int a = 0; a < CT_SPACE; a++) {
        const int at = a - CT_SPACE + t->ndim;
        v.sizes[a] = size_of(t, a);
        v.steps[a] = at < 2 ? 0 : t->strides[at];
    }
    return v;
}

static int64_t zeros_before(int64_t code, int64_t span)
{
    return code == HALF ? span / 2 : code == FULL ? span - 1 : code;
}

static forward read_params(const int64_t *params, const ct_tensor *image,
                           const ct_tensor *window, const ct_tensor *result)
{
    forward f = {params[0], params[1], {{0}}};
    const int missing = CT_SPACE - (image->ndim - 2);
    for (int a = 0; a < CT_SPACE; a++) {
        static const int64_t plain[3] = {1, 1, 0};
        const int64_t *p = a < missing ? plain : params + 2 + 3 * (a - missing);
        const int64_t taps = size_of(window, a);
        f.axes[a] = (forward_axis){size_of(image, a), taps, size_of(result, a), p[0], p[1],
                                   zeros_before(p[2], (taps - 1) * p[1] + 1)};
    }
    return f;
}

/* How far tap t of a window reaches; flipped, the last one is first. */
static int64_t reach(const forward *f, const forward_axis *axis, int64_t t)
{
    return (f->flip ? axis->window - 1 - t : t) * axis->spread;
}

/* ----- axes ----- */

/* Places of the taps of all axes, in one piece of memory. */
typedef struct {
    int64_t *memory, *next;
} taps;

static int take_memory(taps *t, const forward *f)
{
    int64_t n = 0, all = 1;
    for (int a = 0; a < CT_SPACE; a++) {
        n += 2 * f->axes[a].window;
        all *= f->axes[a].window;
    }
    t->memory = t->next = malloc((n + all + 1) * sizeof(int64_t));
    return t->memory ? CT_OK : CT_MEMORY;
}

/* Where the taps of all axes lie in a filter. */
static void set_taps(ct_conv *c, const ct_tensor *filters, int64_t *tap_at)
{
    const ct_view window = view_of(filters);
    const int64_t sizes[CT_SPACE] = {c->axes[0].ntaps, c->axes[1].ntaps, c->axes[2].ntaps};
    int64_t tap[CT_SPACE] = {0};
    c->ntaps = sizes[0] * sizes[1] * sizes[2];
    c->tap_at = tap_at;
    for (int64_t t = 0; t < c->ntaps; t++, ct_next_place(tap, sizes)) {
        tap_at[t] = 0;
        for (int a = 0; a < CT_SPACE; a++)
            tap_at[t] += c->axes[a].window_at[tap[a]] * window.steps[a];
    }
}

static ct_axis along_results(const forward *f, int a, taps *t)
{
    const forward_axis *axis = &f->axes[a];
    int64_t *pixel_at = t->next, *window_at = pixel_at + axis->window;
    for (int64_t i = 0; i < axis->window; i++) {
        pixel_at[i] = reach(f, axis, i);
        window_at[i] = i;
    }
    t->next = window_at + axis->window;
    return (ct_axis){axis->result, 0, 1, -axis->before, axis->step, axis->window, pixel_at,
                     window_at};
}

/* The pixels whose number is `phase` after each step meet the same taps: that part of the gradient
 * with respect to an image is a convolution of step 1. Result o and tap k meet at the pixel
 * o * step + reach(k) - before. */
static ct_axis along_pixels(const forward *f, int a, int64_t phase, taps *t)
{
    const forward_axis *axis = &f->axes[a];
    const int64_t first = ((phase - axis->before) % axis->step + axis->step) % axis->step;
    int64_t n = 0, *pixel_at = t->next, *window_at = pixel_at + axis->window;
    for (int64_t i = 0; i < axis->window; i++) {
        const int64_t far = reach(f, axis, i) - phase;
        if (far % axis->step == 0) {
            pixel_at[n] = -far / axis->step;
            window_at[n++] = i;
        }
    }
    t->next = window_at + axis->window;
    return (ct_axis){first < axis->image ? ct_ceil_div(axis->image - first, axis->step) : 0, first,
                     axis->step, (first + axis->before - phase) / axis->step, 1, n, pixel_at,
                     window_at};
}

/* ----- kernels ----- */

static ct_conv conv_of(const ct_tensor *images, const ct_tensor *filters,
                       const ct_tensor *results, int64_t groups)
{
    return (ct_conv){
        .kit = images->dtype == CT_F32 ? ct_conv_used->f32 : ct_conv_used->f64,
        .item = ct_itemsize[images->dtype],
        .batch = images->dims[0], .groups = groups,
        .channels = images->dims[1] / groups, .results = results->dims[1] / groups,
        .image = view_of(images), .result = view_of(results), .filters = filters->data,
        .group_step = results->dims[1] / groups * filters->strides[0],
        .result_step = filters->strides[0], .channel_step = filters->strides[1]};
}

/* Squares round in more places, and so are to be clearly faster. */
#define CLEARLY 0.9

/* Compute a result in the cheapest way. */
static int run(const ct_conv *c)
{
    int64_t width;
    if (c->batch * c->groups * c->results * ct_conv_count(c) == 0)
        return CT_OK;
    const double images = ct_conv_images_cost(c), batch = ct_conv_batch_cost(c, &width);
    const double least = batch < images ? batch : images, squares = ct_conv_winograd_cost(c);
    if (squares >= 0 && squares < CLEARLY * least)
        return ct_conv_winograd(c);
    return batch < images ? ct_conv_batch(c, width) : ct_conv_images(c);
}

/* The problem whose results are those of the convolution, given to `compute`. */
static int over_results(const int64_t *params, const ct_tensor *images, const ct_tensor *filters,
                        const ct_tensor *results, int (*compute)(const ct_conv *))
{
    const forward f = read_params(params, images, filters, results);
    ct_conv c = conv_of(images, filters, results, f.groups);
    taps places;
    if (take_memory(&places, &f) != CT_OK)
        return CT_MEMORY;
    for (int a = 0; a < CT_SPACE; a++)
        c.axes[a] = along_results(&f, a, &places);
    set_taps(&c, filters, places.next);
    const int status = compute(&c);
    free(places.memory);
    return status;
}

static int conv(ct_call *call, int n, const ct_tensor *t, const int64_t *params)
{
    (void)call, (void)n;
    return over_results(params, &t[1], &t[2], &t[0], run);
}

static int conv_grad_filters(ct_call *call, int n, const ct_tensor *t, const int64_t *params)
{
    (void)call, (void)n;
    return over_results(params, &t[1], &t[0], &t[2], ct_conv_filters);
}

/* Results are read as images, and filters as if they had their two first axes exchanged. */
static int conv_grad_inputs(ct_call *call, int n, const ct_tensor *t, const int64_t *params)
{
    const forward f = read_params(params, &t[0], &t[2], &t[1]);
    ct_conv c = conv_of(&t[1], &t[2], &t[0], f.groups);
    const int64_t steps[CT_SPACE] = {f.axes[0].step, f.axes[1].step, f.axes[2].step};
    const int64_t phases = steps[0] * steps[1] * steps[2];
    int64_t phase[CT_SPACE] = {0};
    taps places;
    int status = take_memory(&places, &f);
    (void)call, (void)n;
    c.group_step = c.channels * t[2].strides[0];
    c.result_step = t[2].strides[1];
    c.channel_step = t[2].strides[0];
    for (int64_t i = 0; status == CT_OK && i < phases; i++, ct_next_place(phase, steps)) {
        places.next = places.memory;
        for (int a = 0; a < CT_SPACE; a++)
            c.axes[a] = along_pixels(&f, a, phase[a], &places);
        set_taps(&c, &t[2], places.next);
        status = run(&c);
    }
    free(places.memory);
    return status;
}

const ct_kernel_entry ct_conv_kernels[] = {
    {"conv", conv},
    {"conv_grad_inputs", conv_grad_inputs},
    {"conv_grad_filters", conv_grad_filters},
    {NULL, NULL},
};
