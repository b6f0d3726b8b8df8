/* conv_panels.c: filters, turned so that the same item of different filters lies side by side. */
#include "conv.h"

#include <string.h>

#define FILTERS 64              /* that are turned at a time */
#define SPAN 64                 /* items of a window that is turned as a whole */

/* How many items from the start of a window its taps lie in; 0 where that is not worth while. */
static int64_t span_of(const ct_conv *c)
{
    const int64_t *at = c->tap_at;
    int64_t span = 0;
    for (int64_t t = 0; t < c->ntaps; t++) {
        if (at[t] < 0 || at[t] % c->item)
            return 0;
        span = at[t] / c->item >= span ? at[t] / c->item + 1 : span;
    }
    return span <= SPAN && span <= 8 * c->ntaps ? span : 0;
}

static int is_in_order(const ct_conv *c)
{
    for (int64_t t = 0; t < c->ntaps; t++)
        if (c->tap_at[t] != t * c->item)
            return 0;
    return 1;
}

/* Each channel's window is turned as a whole, and its taps are copied from there. */
static void turn_windows(const ct_conv *c, int64_t n, int64_t wide, const int64_t *filters,
                         int64_t span, const char *from, char *to)
{
    _Alignas(64) char window[SPAN * FILTERS * 8];
    const int64_t row = n * c->item;
    for (int64_t i = 0; i < c->channels; i++, from += c->channel_step) {
        c->kit->turn((int)n, span, from, filters, window, row);
        for (int64_t t = 0; t < c->ntaps; t++, to += wide * c->item)
            c->kit->copy(n, to, window + c->tap_at[t] / c->item * row);
    }
}

static void gather(const ct_conv *c, int64_t n, int64_t wide, const char *from, char *to)
{
    for (int64_t i = 0; i < c->channels; i++, from += c->channel_step)
        for (int64_t t = 0; t < c->ntaps; t++, to += wide * c->item)
            for (int64_t r = 0; r < n; r++)
                ct_move(c->item, to + r * c->item, from + c->tap_at[t] + r * c->result_step);
}

/* Up to FILTERS of them. */
static void fill_some(const ct_conv *c, int64_t n, int64_t wide, const char *from, char *to)
{
    const int64_t span = span_of(c);
    int64_t filters[FILTERS];
    for (int64_t r = 0; r < n; r++)
        filters[r] = r * c->result_step;
    if (is_in_order(c) && c->channel_step == c->ntaps * c->item)
        c->kit->turn((int)n, c->channels * c->ntaps, from, filters, to, wide * c->item);
    else if (span > 0)
        turn_windows(c, n, wide, filters, span, from, to);
    else
        gather(c, n, wide, from, to);
}

void ct_fill_panel(const ct_conv *c, int64_t group, int64_t first, int64_t n, int64_t wide,
                   char *to)
{
    const char *from = c->filters + group * c->group_step + first * c->result_step;
    if (n < wide)
        memset(to, 0, c->channels * c->ntaps * wide * c->item);
    for (int64_t i = 0; i < n; i += FILTERS)
        fill_some(c, ct_min(FILTERS, n - i), wide, from + i * c->result_step, to + i * c->item);
}
