/* threads.c: the one thread pool of the process.
 *
 * Design:
 * a. A loop is a `job` on its caller's stack, in a list of open jobs. Workers join any open job
 *    that still wants helpers, so several callers share the workers, and none waits for another.
 * b. The caller always takes part. If every core is busy with callers and helpers already, the
 *    job is not even opened: the caller runs all of its tasks, and nobody is woken in vain.
 * c. Tasks are handed out by one atomic counter. The lock is taken to join and to leave a job,
 *    never for a task.
 * d. A worker that has nothing to do spins for a moment, since the next step of a program
 *    follows within microseconds, and then sleeps. A woken worker wakes two others.
 * e. Whoever wakes a worker first forbids it the core that itself runs on. Schedulers look at
 *    the load of the last milliseconds, find the waker's core as idle as the others, and put both
 *    there, where they take turns for many calls.
 */
#define _GNU_SOURCE
#include "threads.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <time.h>

#define SPIN_NS 30000           /* about the price of a sleep and a wake-up */
#define YIELD_NS 500000         /* how long a caller waits for its last helper before it sleeps */

typedef struct job {
    ct_task task;
    void *ctx;
    int64_t ntasks;
    _Atomic int64_t next;       /* the next task that nobody has taken */
    int places;                 /* how many more helpers may join */
    int joined;                 /* how many have: the last one's `thread` */
    _Atomic int running;        /* helpers that are still inside */
    struct job *older;          /* the list of open jobs */
} job;

typedef struct worker {
    pthread_t id;
    pthread_cond_t called;
    int awake;
    int forbidden;              /* the core that it may not run on, or -1 */
    struct worker *below;       /* the stack of sleeping workers */
} worker;

static struct {
    pthread_mutex_t lock;
    pthread_cond_t left;        /* the last helper left a job */
    job *open;
    _Atomic int wanted;         /* the places of all open jobs together */
    int busy;                   /* threads that are inside a job */
    int count, stopped;
    worker *asleep;
    worker workers[CT_MAXTHREADS];
} pool = {
    .lock = PTHREAD_MUTEX_INITIALIZER,
    .left = PTHREAD_COND_INITIALIZER,
};

static _Atomic int cores;               /* ct_threads_default(), once it has been asked */
static _Atomic int threads_wanted;      /* set_threads */
static _Thread_local int threads_wanted_here;   /* set_threads_here; 0 where nothing is said */
static _Thread_local int depth;         /* jobs that this thread is inside of */

static void relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

static int64_t now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * (int64_t)1000000000 + t.tv_nsec;
}

/* Wait for a moment until `flag` is zero (`want` 0) or not; return whether it came true. */
static int spin(const _Atomic int *flag, int want)
{
    if (cores == 1)
        return 0;
    for (const int64_t end = now() + SPIN_NS; now() < end;)
        for (int i = 0; i < 32; i++) {
            if ((atomic_load_explicit(flag, memory_order_acquire) != 0) == want)
                return 1;
            relax();
        }
    return 0;
}

/* Wait a little longer, and let others run on this core meanwhile. */
static void yield_until_zero(const _Atomic int *flag)
{
    for (const int64_t end = now() + YIELD_NS; now() < end;) {
        if (atomic_load_explicit(flag, memory_order_acquire) == 0)
            return;
        sched_yield();
    }
}

static void run_tasks(job *j, int thread)
{
    int64_t i;
    depth++;
    while ((i = atomic_fetch_add_explicit(&j->next, 1, memory_order_relaxed)) < j->ntasks)
        j->task(j->ctx, i, thread);
    depth--;
}

/* ----- workers (called with the lock held) ----- */

/* Forbid a worker the core of the calling thread. */
static void keep_off_this_core(worker *w)
{
#if defined(__linux__)
    cpu_set_t allowed;
    const int core = sched_getcpu();
    if (core < 0 || core == w->forbidden || pthread_getaffinity_np(pthread_self(), sizeof allowed,
                                                                   &allowed))
        return;
    CPU_CLR(core, &allowed);
    if (CPU_COUNT(&allowed) > 0 && pthread_setaffinity_np(w->id, sizeof allowed, &allowed) == 0)
        w->forbidden = core;
#else
    (void)w;
#endif
}

static void wake(int count)
{
    for (; count > 0 && pool.asleep != NULL; count--) {
        worker *w = pool.asleep;
        pool.asleep = w->below;
        w->awake = 1;
        keep_off_this_core(w);
        pthread_cond_signal(&w->called);
    }
}

/* Help the newest job that wants helpers. Return whether there was one. */
static int help(void)
{
    job *j = pool.open;
    while (j != NULL && j->places == 0)
        j = j->older;
    if (j == NULL)
        return 0;
    const int thread = ++j->joined;
    j->places--;
    j->running++;
    pool.wanted--;
    pool.busy++;
    wake(pool.wanted < 2 ? pool.wanted : 2);
    pthread_mutex_unlock(&pool.lock);
    run_tasks(j, thread);
    pthread_mutex_lock(&pool.lock);
    pool.busy--;
    if (--j->running == 0)
        pthread_cond_broadcast(&pool.left);
    return 1;
}

static void sleep_until_wanted(worker *self)
{
    pthread_mutex_unlock(&pool.lock);
    spin(&pool.wanted, 1);
    pthread_mutex_lock(&pool.lock);
    if (pool.wanted > 0 || pool.stopped)
        return;
    self->awake = 0;
    self->below = pool.asleep;
    pool.asleep = self;
    while (!self->awake)
        pthread_cond_wait(&self->called, &pool.lock);
}

static void *work(void *self)
{
    pthread_mutex_lock(&pool.lock);
    while (!pool.stopped)
        if (!help())
            sleep_until_wanted(self);
    pthread_mutex_unlock(&pool.lock);
    return NULL;
}

/* Have at least `count` workers, or as many as the system gives. They take no signals. */
static void grow(int count)
{
    sigset_t all, before;
    if (pool.count >= count)
        return;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    while (pool.count < count) {
        worker *w = &pool.workers[pool.count];
        *w = (worker){.called = PTHREAD_COND_INITIALIZER, .forbidden = -1};
        if (pthread_create(&w->id, NULL, work, w))
            break;
        keep_off_this_core(w);
        pool.count++;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

/* ----- jobs ----- */

/* Offer a job to as many helpers as there are idle cores. Return whether it is open now. */
static int open_job(job *j, int threads)
{
    const int limit = threads > cores ? threads : cores;
    pthread_mutex_lock(&pool.lock);
    if (depth == 0)
        pool.busy++;
    int places = limit - pool.busy < threads - 1 ? limit - pool.busy : threads - 1;
    if (pool.stopped || places <= 0) {
        pthread_mutex_unlock(&pool.lock);
        return 0;
    }
    grow(places);
    j->places = places;
    j->older = pool.open;
    pool.open = j;
    pool.wanted += places;
    wake(places < 2 ? places : 2);
    pthread_mutex_unlock(&pool.lock);
    return 1;
}

/* Take a job, whose tasks have all been handed out, from the list; wait for its helpers. */
static void close_job(job *j)
{
    pthread_mutex_lock(&pool.lock);
    job **link = &pool.open;
    while (*link != j)
        link = &(*link)->older;
    *link = j->older;
    pool.wanted -= j->places;
    if (j->running > 0) {
        pthread_mutex_unlock(&pool.lock);
        if (!spin(&j->running, 0))
            yield_until_zero(&j->running);
        pthread_mutex_lock(&pool.lock);
    }
    while (j->running > 0)
        pthread_cond_wait(&pool.left, &pool.lock);
    pthread_mutex_unlock(&pool.lock);
}

static void leave(void)
{
    pthread_mutex_lock(&pool.lock);
    pool.busy--;
    pthread_mutex_unlock(&pool.lock);
}

/* ----- a fork: the child has the memory of the pool, but none of its threads ----- */

static void before_fork(void)
{
    pthread_mutex_lock(&pool.lock);
}

static void after_fork_in_parent(void)
{
    pthread_mutex_unlock(&pool.lock);
}

static void after_fork_in_child(void)
{
    pthread_mutex_init(&pool.lock, NULL);
    pthread_cond_init(&pool.left, NULL);
    pool.open = NULL;
    pool.wanted = 0;
    pool.busy = depth > 0;
    pool.asleep = NULL;
    pool.count = 0;
}

static void prepare_pool(void)
{
    cores = ct_threads_default();
    pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child);
}

static pthread_once_t prepared = PTHREAD_ONCE_INIT;

/* ----- the interface ----- */

static void parallel_for(int threads, int64_t ntasks, ct_task task, void *ctx)
{
    job j = {.task = task, .ctx = ctx, .ntasks = ntasks};
    threads = threads > ntasks ? (int)ntasks : threads;
    threads = threads > CT_MAXTHREADS ? CT_MAXTHREADS : threads;
    if (threads <= 1) {
        for (int64_t i = 0; i < ntasks; i++)
            task(ctx, i, 0);
        return;
    }
    pthread_once(&prepared, prepare_pool);
    const int opened = open_job(&j, threads);
    run_tasks(&j, 0);
    if (opened)
        close_job(&j);
    if (depth == 0)
        leave();
}

static int default_threads(void)
{
    pthread_once(&prepared, prepare_pool);
    return cores;
}

static void set_threads(int n)
{
    threads_wanted = n > CT_MAXTHREADS ? CT_MAXTHREADS : n;
}

static int get_threads(void)
{
    const int n = threads_wanted_here > 0 ? threads_wanted_here : threads_wanted;
    return n > 0 ? n : default_threads();
}

static int set_threads_here(int n)
{
    const int before = threads_wanted_here;
    threads_wanted_here = n > CT_MAXTHREADS ? CT_MAXTHREADS : n;
    return before;
}

const ct_pool ct_the_pool = {parallel_for, default_threads, set_threads, get_threads,
                             set_threads_here};

void ct_pool_stop(void)
{
    pthread_mutex_lock(&pool.lock);
    const int count = pool.count;
    pool.stopped = 1;
    pool.count = 0;
    wake(count);
    pthread_mutex_unlock(&pool.lock);
    for (int i = 0; i < count; i++)
        pthread_join(pool.workers[i].id, NULL);
}
