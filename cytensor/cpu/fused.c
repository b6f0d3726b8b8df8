/* fused.c: runs fused groups (see fused.h and docs/decisions/0001): scratch, threads, loops. */
#include "group.h"

#include <pthread.h>
#include <stdlib.h>

#define PARALLEL_COST 150000    /* additions below which waking threads does not pay */

ct_parallel_for group_pool_run;
static int (*pool_threads)(void);

void ct_group_use_pool(ct_parallel_for parallel_for, int (*threads)(void))
{
    group_pool_run = parallel_for;
    pool_threads = threads;
}

/* ----- scratch: one growing block per calling thread ----- */

static pthread_key_t scratch_key;
static pthread_once_t scratch_once = PTHREAD_ONCE_INIT;
static __thread char *scratch_block;
static __thread int64_t scratch_size;

static void make_scratch_key(void)
{
    pthread_key_create(&scratch_key, free);
}

static char *scratch(int64_t bytes)
{
    if (bytes > scratch_size) {
        pthread_once(&scratch_once, make_scratch_key);
        void *block = NULL;
        if (posix_memalign(&block, 64, bytes))
            return NULL;
        free(scratch_block);
        scratch_block = block;
        scratch_size = bytes;
        pthread_setspecific(scratch_key, block);
    }
    return scratch_block;
}

int ct_group_run(ct_call *call, int n, const ct_tensor *t, const int64_t *params)
{
    (void)n;
    const ct_group *g = (const ct_group *)(intptr_t)params[0];
    const ct_group *better = __atomic_load_n(&g->better, __ATOMIC_ACQUIRE);
    g = better ? better : g;
    job j = {.g = g, .t = t, .call = call, .bad_op = -1};
    if (g->ngathers && g->nk * g->nr * g->nc == 0)      /* no tile would look at them */
        group_check_indices(&j);
    else if (g->nscatters)
        group_check_scatters(&j);
    if (j.status || g->nk == 0 || (g->mode == COLUMN && g->nc == 0))
        return j.status;
    int threads = g->cost > PARALLEL_COST && group_pool_run ? pool_threads() : 1;
    if (g->nest.nd && !g->is_whole)
        return group_run_nest(&j, threads);
    j.shared = scratch(threads * (g->shared_bytes + g->private_bytes));
    j.private = j.shared + threads * g->shared_bytes;
    if (!j.shared)
        return CT_MEMORY;
    if (g->is_whole)
        return group_run_whole(&j, threads);
    int status = g->mode == COLUMN ? group_run_columns(&j, threads) : group_run_rows(&j, threads);
    if (j.status == CT_INDEX && g->ngathers)
        group_check_indices(&j);
    return status ? status : j.status;
}

int ct_group_improve(ct_group *group, ct_group *better)
{
    ct_group *none = NULL;
    return __atomic_compare_exchange_n(&group->better, &none, better, 0, __ATOMIC_ACQ_REL,
                                       __ATOMIC_RELAXED);
}
