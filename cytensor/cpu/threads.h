/* threads.h: the one thread pool, and how other extension modules reach it. */
#ifndef CT_THREADS_H
#define CT_THREADS_H

#include "abi.h"

#define CT_MAXTHREADS 256

/* The functions of the pool: the capsule `pool` of cytensor.cpu._structured. */
typedef struct {
    ct_parallel_for parallel_for;
    int (*default_threads)(void);   /* the cores that this process may use */
    void (*set_threads)(int);       /* for the kernels; 0 or less means the default */
    int (*get_threads)(void);
    int (*set_threads_here)(int);   /* for what this thread calls; returns what was set before */
} ct_pool;

extern const ct_pool ct_the_pool;

/* End the workers. Loops that come later run on their callers alone. */
void ct_pool_stop(void);

/* cores.c: how many cores the affinity mask and the CPU quota leave to this process. */
int ct_threads_default(void);

#endif
