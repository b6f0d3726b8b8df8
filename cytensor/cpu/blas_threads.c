/* blas_threads.c: OpenBLAS's own threads rest while our products run.
 *
 * The pool runs blocks of a large product side by side; threads below those would only be in
 * the way, and would make the result depend on their number. The user's setting comes back when
 * the last product in flight ends. */
#define _GNU_SOURCE
#include "product.h"

#include <dlfcn.h>
#include <pthread.h>

static void (*set_threads)(int);
static int (*get_threads)(void);
static char *(*core_name)(void);

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int in_flight, users_threads;

/* A function of the libraries that `handle` depends on, under the name that wheels of SciPy give
 * it, or its own. */
static void *find(void *handle, const char *prefixed)
{
    void *function = dlsym(handle, prefixed);
    return function ? function : dlsym(handle, prefixed + sizeof "scipy_" - 1);
}

const char *ct_blas_find(const char *path)
{
    Dl_info where;
    void *handle = dlopen(path, RTLD_LAZY | RTLD_NOLOAD);
    if (handle == NULL)
        return NULL;
    set_threads = (void (*)(int))find(handle, "scipy_openblas_set_num_threads");
    get_threads = (int (*)(void))find(handle, "scipy_openblas_get_num_threads");
    core_name = (char *(*)(void))find(handle, "scipy_openblas_get_corename");
    if (set_threads == NULL || get_threads == NULL || !dladdr((void *)set_threads, &where))
        return NULL;
    return where.dli_fname;
}

const char *ct_blas_core(void)
{
    return core_name ? core_name() : NULL;
}

int ct_blas_threads(void)
{
    return in_flight ? users_threads : get_threads ? get_threads() : 0;
}

void ct_blas_enter(void)
{
    if (set_threads == NULL || get_threads == NULL)
        return;
    pthread_mutex_lock(&lock);
    if (in_flight++ == 0) {
        users_threads = get_threads();
        if (users_threads != 1)
            set_threads(1);
    }
    pthread_mutex_unlock(&lock);
}

void ct_blas_leave(void)
{
    if (set_threads == NULL || get_threads == NULL)
        return;
    pthread_mutex_lock(&lock);
    if (--in_flight == 0 && users_threads != 1)
        set_threads(users_threads);
    pthread_mutex_unlock(&lock);
}
