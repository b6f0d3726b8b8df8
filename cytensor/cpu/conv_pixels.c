/* conv_pixels.c: the gradient with respect to filters of one or a few channels in many groups.
 *
 * A vector holds pixels side by side, and is added up when all images are done. */
#include "conv.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
    const ct_conv *c;
    ct_box box;
    int is_boxed;
    int64_t steps[CT_SPACE];    /* from pixel to pixel, of one tap */
    int64_t *reads;
    char *scratch;
    int64_t sum_bytes, scratch_bytes;
} job;

#define READ 1.7                /* to read a vector for each sum, in sums */
#define MOVE_ROW 12.0           /* to copy a row into a box */

/* Whether results lie side by side. */
int ct_conv_pixels_can(const ct_conv *c)
{
    return c->result.steps[2] == c->item || c->axes[2].count == 1;
}

double ct_conv_pixels_cost(const ct_conv *c)
{
    const double rows = (double)c->axes[0].count * c->axes[1].count;
    const double vectors = rows * ct_ceil_div(c->axes[2].count, c->kit->lanes);
    const double box = MOVE_ROW * c->image.sizes[0] * c->image.sizes[1];
    return c->results * c->channels * (c->ntaps * vectors * READ + rows * 4 + box);
}

/* The box of a channel is as good as the image itself where nothing is to be moved. */
static int needs_box(const ct_conv *c, const ct_box *box)
{
    return ct_box_is_padded(c, box) || c->axes[2].step > 1
        || (c->image.steps[2] != c->item && c->image.sizes[2] > 1);
}

/* Add one image to the sums of one filter. */
static void add_image(const job *j, const char *image, const char *result, char *sums)
{
    const ct_conv *c = j->c;
    for (int64_t z = 0; z < c->axes[0].count; z++)
        c->kit->dots((int)(c->channels * c->ntaps), c->axes[1].count, c->axes[2].count,
                     result + z * c->result.steps[0], c->result.steps[1],
                     image + z * j->steps[0], j->steps[1], j->reads, sums);
}

/* Write the lanes' sums to a filter. */
static void place_sums(const ct_conv *c, const char *sums, char *filter)
{
    for (int64_t k = 0; k < c->channels * c->ntaps; k++) {
        char *to = filter + k / c->ntaps * c->channel_step + c->tap_at[k % c->ntaps];
        double sum = 0;
        for (int i = 0; i < c->kit->lanes; i++, sums += c->item)
            sum += c->item == 4 ? *(const float *)sums : *(const double *)sums;
        if (c->item == 4)
            *(float *)to = (float)sum;
        else
            *(double *)to = sum;
    }
}

/* One filter, over all images. */
static void run_filter(void *ctx, int64_t task, int thread)
{
    const job *j = ctx;
    const ct_conv *c = j->c;
    const int64_t group = task / c->results, filter = task % c->results;
    char *sums = j->scratch + thread * j->scratch_bytes, *box = sums + j->sum_bytes;
    memset(sums, 0, j->sum_bytes);
    for (int64_t n = 0; n < c->batch; n++) {
        const char *image = ct_conv_image(c, n, group);
        const char *result = ct_conv_result(c, n, group) + filter * c->result.channel_step;
        if (j->is_boxed) {
            for (int64_t i = 0; i < c->channels; i++)
                ct_box_fill(c, &j->box, box + i * j->box.items * c->item,
                            image + i * c->image.channel_step);
            image = box;
        }
        add_image(j, image, result, sums);
    }
    place_sums(c, sums, c->filters + group * c->group_step + filter * c->result_step);
}

static void lay_out(void *job_, char **memory)
{
    job *j = job_;
    j->reads = (int64_t *)ct_take(memory, j->c->channels * j->c->ntaps * sizeof(int64_t));
    j->scratch = ct_take(memory, ct_pool_used->get_threads() * j->scratch_bytes);
}

int ct_conv_pixels(const ct_conv *c)
{
    job j = {.c = c, .box = ct_box_of(c, 1)};
    j.is_boxed = needs_box(c, &j.box);
    j.sum_bytes = c->channels * c->ntaps * c->kit->lanes * c->item;
    j.scratch_bytes = j.sum_bytes + (j.is_boxed ? c->channels * j.box.items * c->item : 0);
    j.scratch_bytes = (j.scratch_bytes + 127) / 64 * 64;
    for (int a = 0; a < CT_SPACE; a++)
        j.steps[a] = j.is_boxed ? j.box.steps[a] * c->item
                                : c->axes[a].step * c->image.steps[a];
    char *memory = ct_with_memory(&j, lay_out);
    if (memory == NULL)
        return CT_MEMORY;
    ct_conv_set_reads(c, j.is_boxed ? &j.box : NULL, j.reads);
    ct_run(c->groups * c->results, run_filter, &j);
    free(memory);
    return CT_OK;
}
