/* sparse.h: a csr matrix as SciPy stores it, and its product with a dense one. */
#ifndef CT_SPARSE_H
#define CT_SPARSE_H

#include "threads.h"

typedef struct {
    int64_t nrows, width;           /* rows of the matrix, columns of the dense one */
    const void *data, *indices, *indptr;
    int is_double, is_wide;         /* float64, else float32; int64 indices, else int32 */
} ct_csr;

/* out = x . dense, both in C order. `pool` says how many threads may work on it. */
void ct_csr_dot(const ct_csr *x, const void *dense, void *out, const ct_pool *pool);

#endif
