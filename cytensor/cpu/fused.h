/* fused.h: a fused group, as lowering describes it and as a plan runs it.
 *
 * A group computes over one space of axes (K, R, C): kept, reduced, kept inside. Its values live on
 * one of two levels: the whole space (FULL) or the kept axes (KEPT). All values of a level have the
 * linear C order of its axes. Axes of size 1 may come and go freely.
 *
 *   map      R, C empty     FULL is K
 *   row      C empty        KEPT is K; after each reduction a new phase begins
 *   column   R, C present   KEPT is (K, C); one phase
 */
#ifndef CT_FUSED_H
#define CT_FUSED_H

#include "abi.h"

enum ct_level {
    CT_FULL, CT_KEPT,
    CT_WHOLE,                   /* of a block: all of a row */
    CT_SUMS                     /* of a block: rows that are added to sums of columns */
};

enum ct_tile_kind {
    CT_MAP,         /* fn: ct_map */
    CT_FOLD,        /* FULL -> KEPT. fn: ct_fold, fn2: ct_accumulate; of several inputs, fn is a
                     * ct_fold_terms, and those that are KEPT have one element for each row */
    CT_PICK,        /* KEPT[r] = FULL x[r, KEPT i[r]] */
    CT_UNPICK,      /* FULL: 0 but out[r, KEPT i[r]] = KEPT g[r] */
    CT_GATHER,      /* FULL: rows of a table. in: the table, then the indices of its first axes */
    CT_ARG,         /* KEPT: where the best of a row of FULL x is. fn: a ct_searcher */
    CT_SCATTER,     /* FULL y is added to rows of a table, after all else. in: y, then the indices
                     * of its first axes; out: the table. fn: the ct_map of an addition */
    CT_LOAD,        /* made by the plan: strided memory -> tile */
    CT_EXPAND,      /* made by the plan: KEPT -> FULL */
    CT_STORE        /* made by the plan: tile -> strided memory */
};

enum ct_source {
    CT_COMPUTED, CT_ARRAY, CT_COUNT,
    CT_APART                    /* an array that its reader reaches by itself */
};

typedef struct {
    int32_t level, dtype, source;
    int32_t operand;            /* of all but CT_COMPUTED: which tensor of the step */
} ct_spec_value;

typedef struct {
    int32_t kind, level;
    int32_t phase;              /* block loop (FULL) or stage after it (KEPT; -1: before all) */
    int32_t out, nin, in[4];
    int32_t weight;             /* cost of one element, in additions */
    void *fn, *fn2;
    char identity[16];          /* of a fold */
} ct_spec_op;

typedef struct {
    int32_t nvalues, nops, noutputs, nphases;
    int32_t nk, nr, nc;         /* numbers of axes */
    ct_spec_value *values;
    ct_spec_op *ops;
    int32_t *output_value;      /* value of each output; outputs are the first operands */
    int32_t *output_alias;      /* operand whose memory the output overwrites, or -1 */
    int32_t *output_read;       /* whether a later step reads the output */
} ct_spec;

/* Work out a group for given sizes. The spec must outlive it.
 *
 * dims has nk + nr + nc sizes. strides has one row of as many entries per operand: bytes per step
 * (counts, for CT_COUNT: 0, 1, 2 ..), 0 along axes that the operand does not have. A KEPT operand
 * has 0 along R, a table 0 along the axes of its indices, and these 0 along its own. Returns NULL
 * when memory runs out. */
typedef struct ct_group ct_group;
ct_group *ct_group_new(const ct_spec *spec, const int64_t *dims, int noperands,
                       const int64_t *strides);
void ct_group_free(ct_group *group);

/* ----- generated code ----- */

/* Does all maps of one segment of a group in one pass. at: where each value is. steps has two
 * numbers for each: bytes to the next row, and to the next element where that is not one on.
 *
 * Of a group that is computed row by row: all of its ops. A row is some lines of n elements; steps
 * has for each value bytes to the next row and to the next line, and then the number of lines.
 *
 * Of a column group: what is computed of rows is added to what it writes, by sums or the like; the
 * last of steps says whether the first row takes its place. */
typedef void (*ct_pass_fn)(int64_t rows, int64_t n, char *const *at, const int64_t *steps);

/* How a block reaches the elements of a row of a value. */
enum ct_how {
    CT_EACH = 'e',              /* one after the other */
    CT_ONE = 'o',               /* one serves all */
    CT_STEPS = 's',             /* some bytes apart */
    CT_COUNTED = 'c',           /* a number, and what is added to it */
    CT_AROUND = 'w',            /* a result that is kept, and then written to memory around the
                                 * cache: at the end of a row, or of a piece of CT_PIECE */
    CT_BEHIND = 'k'             /* a result that is kept, and written at the end of a row */
};

typedef struct {
    int32_t level;
    int32_t phase;              /* of CT_WHOLE: whether a row may have several lines */
    int32_t nin, nout, nkept, nops;
    int32_t *values;            /* of the spec: those that it reads, then those that it writes, and
                                 * those that it keeps while it computes a row */
    int32_t *places;            /* the same, as the plan knows them */
    int32_t *ops;               /* of the spec, in order */
    char *how;                  /* of each value */
    ct_pass_fn fn;
} ct_pass;

/* The same group in blocks; NULL when memory runs out. Their functions are to be filled in. `whole`
 * says whether all of a row may be one block. */
ct_group *ct_group_in_blocks(const ct_group *group, int whole);
int ct_group_blocks(const ct_group *group, ct_pass **blocks);

/* Let runs of a group from now on be runs of a better one. Returns whether it takes it over: not
 * if it has a better one already. */
int ct_group_improve(ct_group *group, ct_group *better);

/* Additions that a run costs, roughly. */
int64_t ct_group_cost(const ct_group *group);

/* The ct_kernel of a fused group; params[0] is the ct_group pointer. For a CT_COUNT operand, data
 * is its first value. */
int ct_group_run(ct_call *call, int n, const ct_tensor *t, const int64_t *params);

/* Where the pool is, and how many threads may be used. */
void ct_group_use_pool(ct_parallel_for parallel_for, int (*threads)(void));

#endif
