/* group_stream.c: which results go to memory around the cache.
 *
 * A line that is written comes into the cache first, is read from memory for that, and drives out
 * another one. All of it is in vain if nobody reads the result before it is driven out itself.
 */
#include "group.h"

#define LAST_CACHE (30 << 20)   /* bytes: about what the last cache holds */

/* Bytes that an operand has in memory. */
static int64_t bytes_of(const ct_group *g, int operand, int dtype)
{
    const int naxes = group_axes(g->spec);
    int64_t bytes = ct_itemsize[dtype];
    for (int a = 0; a < naxes; a++)
        bytes *= g->strides[operand * naxes + a] ? g->dims[a] : 1;
    return bytes;
}

static int64_t bytes_of_output(const ct_group *g, int output)
{
    return bytes_of(g, output, g->spec->values[g->spec->output_value[output]].dtype);
}

/* Bytes of all that the group reads and writes. */
static int64_t bytes_of_all(const ct_group *g)
{
    int64_t bytes = 0;
    for (int i = 0; i < g->spec->nvalues; i++) {
        const ct_spec_value *v = &g->spec->values[i];
        bytes += v->source == CT_ARRAY ? bytes_of(g, v->operand, v->dtype) : 0;
    }
    for (int k = 0; k < g->spec->noutputs; k++)
        bytes += bytes_of_output(g, k);
    return bytes;
}

/* Whether an output is better written around the cache. What it overwrites is in there already; and
 * what another step reads may still be, unless it is too large. */
int group_streams(const ct_group *g, int output)
{
    if (g->spec->output_alias[output] >= 0)
        return 0;
    return bytes_of_output(g, output) >= LAST_CACHE
           || (!g->spec->output_read[output] && bytes_of_all(g) >= LAST_CACHE);
}
