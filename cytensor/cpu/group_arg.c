/* group_arg.c: where the largest or smallest of each row of a group is.
 *
 * A row is searched by the function that the kernel of the op has (arg.c). Of a long row, the best
 * so far lies where a reduction keeps its partial results: its place, and its value. */
#include "group.h"

#include <string.h>

typedef struct {
    int64_t place;
    char value[8];
} best;

_Static_assert(sizeof(best) == PARTIAL, "threads hand on what they found");

/* Search whole rows of n elements. */
void arg_rows(work *w, const op *o, int64_t rows, int64_t n)
{
    const ct_searcher *search = o->fn;
    const int item = w->j->g->values[o->in[0]].item;
    const char *x = w->ptr[o->in[0]];
    int64_t *out = (int64_t *)w->ptr[o->out];
    for (int64_t r = 0; r < rows; r++)
        out[r] = search->row(x + r * n * item, n, item);
}

static int is_better(const op *o, const counter *c, const char *x)
{
    return !c->count || ((const ct_searcher *)o->fn)->better(x, ((best *)c->result)->value);
}

static void take(counter *c, const char *x, int item, int64_t place)
{
    best *b = (best *)c->result;
    memcpy(b->value, x, item);
    b->place = place;
    c->count = 1;
}

/* One block: most have nothing better than what was found before. */
static void search_block(const op *o, counter *c, const char *x, int64_t n, int item,
                         int64_t from)
{
    const ct_searcher *search = o->fn;
    _Alignas(8) char value[8];
    int64_t at = 0;
    if (search->extreme) {
        search->extreme(x, n, value);
    } else {
        at = search->row(x, n, item);
        memcpy(value, x + at * item, item);
    }
    if (!is_better(o, c, value))
        return;
    if (search->extreme)
        at = search->place(x, n, value);
    take(c, value, item, from + at);
}

/* Search `blocks` blocks of n elements of a long row, from the column `from` on. */
void arg_blocks(work *w, const op *o, int64_t blocks, int64_t n, int64_t from, counter *c)
{
    const int item = w->j->g->values[o->in[0]].item;
    for (int64_t b = 0; b < blocks; b++)
        search_block(o, c, w->ptr[o->in[0]] + b * n * item, n, item, from + b * n);
}

/* Hand on what a part of a row gave, and take it: parts come in order. */
void arg_keep(const counter *c, char *partial)
{
    memcpy(partial, c->result, PARTIAL);
}

void arg_take(const ct_group *g, const op *o, counter *c, const char *partial)
{
    best found;
    memcpy(&found, partial, PARTIAL);
    if (is_better(o, c, found.value))
        take(c, found.value, g->values[o->in[0]].item, found.place);
}

void arg_finish(const counter *c, char *out)
{
    memcpy(out, &((const best *)c->result)->place, sizeof(int64_t));
}
