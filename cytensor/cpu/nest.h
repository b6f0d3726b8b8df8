/* nest.h: loops over tensors of any strides, on the thread pool. */
#ifndef CT_NEST_H
#define CT_NEST_H

#include "abi.h"
#include "threads.h"

/* The pool of this extension module: its own, or the one that it was given when it was loaded. */
extern const ct_pool *ct_pool_used;

/* Fewer elements than this are not worth a second thread. */
#define CT_GRAIN 32768

/* Up to three operands over one set of dimensions, the innermost last. */
typedef struct {
    int nops, ndim;
    char *data[3];
    int64_t dims[CT_MAXDIM];
    int64_t strides[3][CT_MAXDIM];
} ct_nest;

/* The innermost loops of a nest: the first of them runs over n, the rest over nest->dims. */
typedef void (*ct_inner)(const ct_nest *nest, int64_t n, char *const *data, const void *ctx);

/* A nest without operands. */
ct_nest ct_nest_new(int ndim, const int64_t *dims);

/* Add an operand. Where its size is 1 it broadcasts. */
void ct_nest_add(ct_nest *nest, char *data, const int64_t *dims, const int64_t *strides);

/* A nest over a tensor, its operand 0. */
ct_nest ct_nest_of(const ct_tensor *t);

/* Add a tensor of as many axes, or fewer: they are aligned at the end. */
void ct_nest_broadcast(ct_nest *nest, const ct_tensor *t);

/* Move an axis to another place; those between move up. */
void ct_nest_rotate(ct_nest *nest, int from, int to);

/* Drop axes of size 1, sort the others so that operand `by` is read in the order of memory, and
 * merge those that can be one. At least one axis stays. For work whose order does not matter. */
void ct_nest_tidy(ct_nest *nest, int by);

/* The number of elements; 0 if any dimension is. */
int64_t ct_nest_size(const ct_nest *nest);

/* Call `inner`, which takes the last `depth` dimensions, over all the others of a tidy nest. */
void ct_nest_serial(const ct_nest *nest, int depth, ct_inner inner, const void *ctx);

/* The same on the pool. An element costs about as much as `weight` additions; the first inner
 * dimension may be cut, at multiples of `multiple`. */
void ct_nest_run(const ct_nest *nest, int depth, int64_t weight, int64_t multiple,
                 ct_inner inner, const void *ctx);

/* Run tasks on the pool with the number of threads that is set. */
void ct_run(int64_t ntasks, ct_task task, void *ctx);

/* The product of sizes. */
static inline int64_t ct_product(int ndim, const int64_t *dims)
{
    int64_t size = 1;
    for (int i = 0; i < ndim; i++)
        size *= dims[i];
    return size;
}

static inline int64_t ct_min(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static inline int64_t ct_ceil_div(int64_t a, int64_t b)
{
    return (a + b - 1) / b;
}

/* Build a loop for several instruction sets, and choose when the module is loaded. The loops that
 * use it give the same bits on each: they round in no other places. */
#if defined(__x86_64__) && defined(__linux__) && defined(__GNUC__) && !defined(__clang__)
#define CT_CLONES __attribute__((target_clones("default", "arch=x86-64-v3", "arch=x86-64-v4")))
#else
#define CT_CLONES
#endif

#endif
