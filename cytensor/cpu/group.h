/* group.h: what the parts of the fused-group engine share. Others include fused.h. */
#ifndef CT_GROUP_H
#define CT_GROUP_H

#include "fused.h"

#define CHUNK 32                /* rows that a column reduction adds in order */
#define CACHE_LINE 64           /* bytes */
#define CACHE_BYTES (1 << 20)   /* what a core keeps close */
#define RUN 16                  /* tiles' worth of elements that a fold takes from memory at once */
#define PARTIAL 16              /* bytes of what a part of a reduction gives, at most */
#define SHORT_ROW 32            /* blocks take shorter rows several at a time */
#define ALIGN(n) (((n) + 63) & ~(int64_t)63)

enum mode { MAP, ROW, COLUMN };

/* How the elements of a value are reached while a tile is worked on. */
enum access { TILE, LONG, DIRECT, LINE, SPOT, FIXED, STRIDED, ROWS, APART };

typedef struct {
    int32_t level, dtype, item, source, operand;
    int32_t access;
    int32_t is_scalar;          /* one element serves the whole tile */
    int32_t is_constant;        /* STRIDED: the same in each tile, so loaded once per task */
    int64_t at;                 /* TILE, STRIDED, LONG, ROWS: offset in its scratch area */
    int32_t nd;
    int64_t dims[CT_MAXDIM], strides[CT_MAXDIM];
    int32_t spec;               /* which value of the spec it is, or has the elements of */
} value;

typedef struct {
    int32_t kind, segment, level;
    int32_t out, nin, in[4];
    unsigned scalars;
    int32_t fold;               /* which fold, in order */
    int32_t spec;               /* which op of the spec it is */
    int32_t block;              /* of CT_BLOCK: which */
    int32_t gather;             /* which of the ops that have indices */
    int64_t counter_at;         /* where its counter lies in private scratch */
    int64_t held_at;            /* of CT_SCATTER: where tiles wait there to be added */
    void *fn, *fn2;
    char identity[16];
} op;

/* A value that lies elsewhere in each tile or row. */
typedef struct {
    int32_t value, operand, item, access;
    int64_t at;
} moving;

/* What a tile of a phase asks the cache for. */
typedef struct {
    int32_t value, phase, writes;
} fetch;

/* A map as one block over strided memory: axes that all operands share, merged. */
typedef struct {
    int nd;
    int64_t dims[CT_MAXDIM];
    int64_t *strides;           /* nd for each value of the block */
} nest;

#define MOST_INDICES 3          /* index arrays of an op */

/* Where a gather has its elements, or a scatter: axes that table and indices share, merged. */
typedef struct {
    int nd, nindices;
    int32_t table, indices[MOST_INDICES];       /* operands */
    int64_t dims[CT_MAXDIM], row[CT_MAXDIM];    /* row: bytes in the table */
    int64_t steps[MOST_INDICES][CT_MAXDIM];     /* bytes in the indices */
} gathering;

struct ct_group {
    enum mode mode;
    int64_t nk, nr, nc;         /* numbers of elements */
    int64_t tile_rows;          /* rows per tile */
    int64_t line;               /* MAP: elements of a row that tiles keep to; 0: they need not */
    int64_t width;              /* COLUMN: columns per tile */
    int64_t run;                /* blocks of a long row that are folded at once */
    int64_t band;               /* COLUMN: adjacent tiles that a task sums side by side */
    int nvalues, nops, nphases, nfolds, levels;
    value *values;
    op *ops;
    int32_t *first;             /* first op of each segment */
    int32_t once;               /* the segment that loads what is the same in each tile */
    int32_t last;               /* the segment that adds tiles to other memory */
    moving *moving[2];          /* by level */
    int nmoving[2];
    fetch *fetches;             /* of row groups */
    int nfetches;
    int64_t shared_bytes, private_bytes, tile_bytes;
    int64_t cost;
    const ct_spec *spec;
    int64_t *dims, *strides;    /* as they were given */
    int noperands;
    int in_blocks;              /* maps are merged into blocks */
    int by_rows;                /* blocks of a tile of several rows take it row by row */
    int ngathers, nscatters;
    gathering *gathers;
    int nblocks;
    ct_pass *blocks;
    nest nest;                  /* of a map in blocks; of the rows of a group that is whole */
    ct_pass *sums;              /* the block that adds the rows of a column group, or NULL */
    int row_axis;               /* the axis along which it goes from row to row */
    int is_whole;               /* one block does all of a row */
    int64_t lines, line_length; /* of such a row */
    int64_t *line_steps;        /* bytes to the next line, for each value that the block has */
    ct_group *better;           /* what runs in its place */
};

#define CT_BLOCK (CT_STORE + 1) /* an op: a block of generated code */

static inline int64_t ct_least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Whether an op runs over all elements, whatever the level of its result. */
static inline int takes_rows(int kind)
{
    return kind == CT_FOLD || kind == CT_PICK || kind == CT_ARG;
}

/* Whether an op has a counter. */
static inline int is_counted(int kind)
{
    return kind == CT_FOLD || kind == CT_ARG;
}

/* Whether an op goes where indices say. */
static inline int has_indices(int kind)
{
    return kind == CT_GATHER || kind == CT_SCATTER;
}

static inline int group_axes(const ct_spec *s)
{
    return s->nk + s->nr + s->nc;
}

/* Whether an op reads a value. */
static inline int group_reads(const ct_spec_op *o, int value)
{
    for (int k = 0; k < o->nin; k++)
        if (o->in[k] == value)
            return 1;
    return 0;
}

/* Whether any op reads a value. */
static inline int group_is_read(const ct_spec *s, int value)
{
    for (int i = 0; i < s->nops; i++)
        if (group_reads(&s->ops[i], value))
            return 1;
    return 0;
}

/* The elements of a map from i on that are one tile. Where tiles keep to rows, none goes over the
 * end of one. */
static inline int64_t tile_of_map(const ct_group *g, int64_t i, int64_t end)
{
    const int64_t n = ct_least(end - i, g->tile_rows);
    return g->line ? ct_least(n, g->line - i % g->line) : n;
}

/* Segments in the order in which they run: KEPT ops that need no reduction (phase -1); then per
 * phase its block loop and the KEPT ops after it. */
static inline int group_segment(int level, int phase)
{
    return level == CT_KEPT ? 2 * phase + 2 : 2 * phase + 1;
}

/* Short rows are many: calls between the files of the engine need no detour. */
#pragma GCC visibility push(hidden)

/* Bring the ops into the order of their segments, each as it was. */
int group_order_ops(ct_group *g, int nsegments);

/* ----- the size of tiles (group_extent.c) ----- */

/* Before the values are placed. */
void group_choose_tiles(ct_group *g, const ct_spec *s, const int64_t *dims);
/* Once it is known how they are reached, and before there is scratch. */
void group_lengthen_tiles(ct_group *g);
/* At the end. */
void group_fit_tiles(ct_group *g);

/* ----- blocks (group_blocks.c, group_nest.c) ----- */

int group_merge_maps(ct_group *g, int nsegments);
int group_op_inputs(const ct_group *g, const op *o, const int32_t **values);
int group_op_outputs(const ct_group *g, const op *o, const int32_t **values);
int block_new(ct_pass *b, int nvalues, int nops);
int group_is_nest(const ct_group *g);
int group_make_nest(ct_group *g);
int group_merge_nest(const ct_group *g, const ct_pass *b, int from, int end, int64_t *dims,
                     int *last);
int group_make_whole(ct_group *g);
int group_make_sums(ct_group *g);                       /* group_sums.c */
int group_streams(const ct_group *g, int output);       /* group_stream.c */

/* ----- strided memory (group_move.c) ----- */

int group_merge_axes(int n, const int64_t *dims, const int64_t *strides,
                     int64_t *out_dims, int64_t *out_strides);
int64_t group_offset(const value *v, int64_t i);
void group_copy_run(char *out, const char *in, int64_t step, int64_t run, int item);
void group_load(const value *v, char *out, const char *data, int64_t start, int64_t n);
void group_prefetch(const value *v, const char *data, int64_t start, int64_t n, int writes);
void group_store(const value *v, const char *in, char *data, int64_t start, int64_t n);

/* ----- one tile (group_tile.c) ----- */

/* Combines results pairwise: level l of the stack holds the sum of 2^l leaves. */
typedef struct {
    char *result, *stack;
    int64_t size, count;        /* bytes per level; leaves so far */
} counter;

typedef struct {
    const ct_group *g;
    const ct_tensor *t;
    ct_call *call;
    char *shared, *private;     /* scratch: one shared area, one private area per thread */
    int64_t step, rows;         /* what one task takes */
    int64_t row;                /* of a row that several threads share */
    int phase;
    char *partials;             /* results of the tasks of one reduction */
    int64_t nsupers, super_rows, ntiles;
    int status;
    int64_t turn;               /* the task that may add its tiles now */
    int bad_op;                 /* of the first bad index of a pick: which, and its row */
    int64_t bad_row;
} job;

/* What one thread works with. */
typedef struct {
    const job *j;
    char **ptr;                 /* where each value is now */
    char *private, *shared;
    int64_t start, row;         /* first element and first row of the tile */
    int64_t span;               /* first element of the tiles that wait to be added */
} work;

work work_new(const job *j, char *shared, int thread);
char *work_shared(const job *j, int thread);
void work_at_elements(work *w, int64_t start, int64_t row_start);
void work_at_rows(work *w, int64_t row);
void work_load_once(work *w, int64_t start, int64_t n);
void work_map(work *w, const op *o, int64_t n);
void work_block(work *w, const op *o, int64_t n, int64_t rows, int64_t cols);
void work_run(work *w, int segment, int64_t n, int64_t rows, int64_t cols, int64_t from,
              counter *counters);
void work_identities(work *w, int phase, int64_t rows);
void work_start_folds(work *w, int phase, counter *counters, int64_t number);

/* ----- where the best of a row is (group_arg.c) ----- */

void arg_rows(work *w, const op *o, int64_t rows, int64_t n);
void arg_blocks(work *w, const op *o, int64_t blocks, int64_t n, int64_t from, counter *c);
void arg_keep(const counter *c, char *partial);
void arg_take(const ct_group *g, const op *o, counter *c, const char *partial);
void arg_finish(const counter *c, char *out);

/* ----- indices (group_gather.c) ----- */

int group_list_gathers(ct_group *g);
void group_gather(work *w, const op *o, int64_t n);
void group_check_indices(job *j);

/* ----- additions where indices say (group_scatter.c) ----- */

void group_hold_tiles(ct_group *g);
void group_check_scatters(job *j);
int64_t group_span_tiles(int threads);
void group_begin_span(work *w, int64_t start);
void group_hold(work *w, int64_t start);
void group_end_span(work *w, int64_t task, int phase, int64_t n);

int64_t counter_bytes(const ct_group *g, const op *o);
void counter_push(counter *c, ct_accumulate join, int64_t width, int item);
void counter_finish(counter *c, ct_accumulate join, char *out, int64_t width, int item);
counter counter_new(const work *w, const op *o, int64_t number);

int group_list_fetches(ct_group *g);
void group_fetch(const work *w, int phase, int64_t n, int64_t next);

int64_t power_of_two_at_least(int64_t n);

/* ----- the loops ----- */

extern ct_parallel_for group_pool_run;
int group_run_rows(job *j, int threads);        /* map and row groups (group_rows.c) */
int group_run_columns(job *j, int threads);     /* column groups (group_columns.c) */
int64_t group_band(const ct_group *g);
int group_run_nest(job *j, int threads);        /* maps in blocks (group_nest.c) */
int64_t group_locate(const job *j, int64_t row, int64_t from, char **at);
int group_run_whole(job *j, int threads);       /* rows in one block (group_whole.c) */
void group_add_rows(work *w, int64_t k, int64_t r, int64_t rows, int64_t c, int64_t n,
                    counter *counters);

#pragma GCC visibility pop

#endif
