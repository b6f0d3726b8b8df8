/* abi.h: what compiled steps look like to the interpreter, to lowering and to the kernels.
 *
 * Three kinds of functions do the work of a program:
 *
 *   ct_kernel      one structured step (gemm, gather, join ...) on whole tensors;
 *   ct_map         one elementwise op on one tile: contiguous arrays and scalars;
 *   ct_fold        one reduction on one tile.
 *
 * A fused group is a ct_kernel too: it walks over its tiles and calls maps and folds.
 */
#ifndef CT_ABI_H
#define CT_ABI_H

#include <stddef.h>
#include <stdint.h>

#define CT_MAXDIM 16
#define CT_TILE 1024            /* elements per tile; the reduction trees depend on it */

#define CT_PIECE 2048           /* elements of a row that generated code of a map gets at a time */

/* the order of cytensor._core.DTYPES */
enum ct_dtype {
    CT_BOOL, CT_I8, CT_U8, CT_I16, CT_U16, CT_I32, CT_U32, CT_I64, CT_U64,
    CT_F16, CT_F32, CT_F64, CT_C64, CT_C128, CT_NDTYPES
};

static const int ct_itemsize[CT_NDTYPES] = {1, 1, 1, 2, 2, 4, 4, 8, 8, 2, 4, 8, 8, 16};

/* A tensor as a kernel sees it. Strides are in bytes and may be 0 or negative. */
typedef struct {
    char *data;
    const int64_t *dims, *strides;
    int32_t ndim, dtype;
} ct_tensor;

/* Why a step failed; the interpreter turns it into a Python exception with the user's line. */
enum ct_status {
    CT_OK = 0,
    CT_PYTHON = 1,              /* a Python exception is set */
    CT_INDEX = 2,               /* index info[0] is out of bounds on axis info[1] of size info[2] */
    CT_ZERO_DIVISION = 3,       /* integer division by zero */
    CT_EMPTY = 4,               /* a maximum over nothing */
    CT_MEMORY = 5,
    CT_LINALG = 6,              /* problem info[1] of a stack (-1: the only one); see text */
    CT_VALUE = 7,               /* message in text */
    CT_CHECK = 8                /* check info[0] of a loop's body fails, on info[1] and info[2] */
};

#define CT_MAXLOOPS 8           /* loops in loops that an error names */

/* Which step of a loop failed, and which step of its body's plan. */
typedef struct {
    const void *loop;           /* begins with its Python object */
    int64_t step;
    int32_t at;
} ct_trace;

typedef struct ct_call {
    int64_t info[4];
    const char *text;
    int64_t *regs;              /* the results of the integer prologue */
    int64_t looked;             /* when a loop last looked for Ctrl-C, in ns */
    int32_t depth;              /* loops around a failure: trace has the innermost first */
    ct_trace trace[CT_MAXLOOPS];
    void *after;                /* a ct_after for each step of a loop's body, or NULL */
    void *watchers;             /* for it: who looks on */
} ct_call;

/* Shows a step of the body of a loop, which begins with its Python object, to those who look on. */
typedef int (*ct_after)(ct_call *call, const void *loop, int at, const ct_tensor *tensors);

/* t[0..] are the outputs, then the inputs; params are the static parameters, and sizes. */
typedef int (*ct_kernel)(ct_call *call, int n, const ct_tensor *t, const int64_t *params);

/* out[i] = f(in[0][i], in[1][i], ...) for i < n. Bit k of `scalars` says that in[k] is a single
 * element. `out` may be one of the inputs exactly, and overlaps none otherwise. */
typedef void (*ct_map)(int64_t n, void *out, const void *const *in, unsigned scalars);

/* Reduce each of `rows` rows of n contiguous elements: out[r] = fold(x[r*n .. r*n+n-1]).
 * n is at least 1 and at most CT_TILE; the order of the operations depends on n alone. */
typedef void (*ct_fold)(int64_t rows, int64_t n, void *out, const void *x);

/* Reduce rows of terms that are computed of several arrays, as in the sum of x * (y - z): with the
 * bits of a map and a fold. What the last input of a term is, its kernel knows: as the others, or
 * one element for each row. */
typedef void (*ct_fold_terms)(int64_t rows, int64_t n, void *out, const void *const *in);

/* acc[j] = f(acc[j], x[r*n + j]) for r = 0, 1, .. rows-1, in this order. */
typedef void (*ct_accumulate)(int64_t rows, int64_t n, void *acc, const void *x);

/* How the largest, or the smallest, of many elements is found. */
typedef struct {
    /* where it is, of n elements that lie `stride` bytes apart */
    int64_t (*row)(const char *x, int64_t n, int64_t stride);
    /* the same for m columns side by side, whose rows lie `stride` bytes apart; or NULL */
    void (*columns)(const char *x, int64_t n, int64_t stride, int64_t m, int64_t *out);
    /* whether one element is better than another */
    int (*better)(const char *x, const char *than);
    /* which element it is, of n that lie side by side, and where that is; or NULL */
    void (*extreme)(const char *x, int64_t n, char *out);
    int64_t (*place)(const char *x, int64_t n, const char *extreme);
} ct_searcher;

/* One row of the table that a kernel module exports as the capsule `table`; name NULL ends it.
 * kind 'm': ct_map, 'f': ct_fold, 't': ct_fold_terms, 'a': ct_accumulate. dtype is that of the
 * inputs; for a cast (name "cast") to is the dtype of the output, else -1. */
typedef struct {
    const char *name;
    int kind, dtype, to;
    void *fn;
} ct_entry;

/* A table of structured kernels by name: capsule `kernels`, ended by a NULL name. */
typedef struct {
    const char *name;
    ct_kernel fn;
} ct_kernel_entry;

/* ----- the one thread pool (threads.c) ----- */

typedef void (*ct_task)(void *ctx, int64_t task, int thread);

/* Run task(ctx, 0..ntasks-1, thread) on up to `threads` threads, the caller among them, and wait.
 * Which thread takes which task is not defined; `thread` is below `threads` and tells scratch
 * areas apart. */
typedef void (*ct_parallel_for)(int threads, int64_t ntasks, ct_task task, void *ctx);

#endif
