/* cores.c: how many cores this process may use. */
#define _GNU_SOURCE
#include "threads.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#ifdef __linux__
#include <sched.h>

static int affinity(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set))
        return (int)sysconf(_SC_NPROCESSORS_ONLN);
    return CPU_COUNT(&set);
}

/* Read up to two numbers from a file; "max" reads as none. Return how many there were. */
static int read_numbers(const char *path, long long *first, long long *second)
{
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return 0;
    const int count = fscanf(file, "%lld %lld", first, second);
    fclose(file);
    return count < 0 ? 0 : count;
}

/* The quota of one group, rounded up to whole cores; INT_MAX where there is none. */
static int quota_of(const char *group, int version)
{
    char path[2 * PATH_MAX];
    long long quota = -1, period = 0, rest;
    if (version == 2) {
        snprintf(path, sizeof path, "/sys/fs/cgroup%s/cpu.max", group);
        if (read_numbers(path, &quota, &period) < 2)
            return INT_MAX;
    } else {
        snprintf(path, sizeof path, "/sys/fs/cgroup/cpu%s/cpu.cfs_quota_us", group);
        read_numbers(path, &quota, &rest);
        snprintf(path, sizeof path, "/sys/fs/cgroup/cpu%s/cpu.cfs_period_us", group);
        read_numbers(path, &period, &rest);
    }
    return quota > 0 && period > 0 ? (int)((quota + period - 1) / period) : INT_MAX;
}

/* The smallest quota from a group up to the root. Inside a container the path may be that of the
 * host, and only the root of what is mounted here exists. */
static int quota_above(char *group, int version)
{
    int least = INT_MAX;
    for (;;) {
        const int quota = quota_of(group, version);
        least = quota < least ? quota : least;
        char *slash = strrchr(group, '/');
        if (slash == NULL)
            return least;
        *slash = 0;
    }
}

/* Whether a comma-separated list of controllers names "cpu". */
static int names_cpu(const char *list)
{
    for (const char *at = list; (at = strstr(at, "cpu")) != NULL; at += 3)
        if ((at == list || at[-1] == ',') && (at[3] == 0 || at[3] == ','))
            return 1;
    return 0;
}

static int quota(void)
{
    char line[PATH_MAX];
    int least = INT_MAX;
    FILE *file = fopen("/proc/self/cgroup", "r");
    if (file == NULL)
        return least;
    while (fgets(line, sizeof line, file)) {        /* number:controllers:/group */
        line[strcspn(line, "\n")] = 0;
        char *controllers = strchr(line, ':');
        char *group = controllers ? strchr(controllers + 1, ':') : NULL;
        if (group == NULL)
            continue;
        *group++ = 0;
        const int version = controllers[1] == 0 ? 2 : 1;
        if (version == 2 || names_cpu(controllers + 1)) {
            const int here = quota_above(group, version);
            least = here < least ? here : least;
        }
    }
    fclose(file);
    return least;
}

int ct_threads_default(void)
{
    const int cores = affinity(), limit = quota();
    const int least = cores < limit ? cores : limit;
    return least < 1 ? 1 : least > CT_MAXTHREADS ? CT_MAXTHREADS : least;
}

#else

int ct_threads_default(void)
{
    const long cores = sysconf(_SC_NPROCESSORS_ONLN);
    return cores < 1 ? 1 : cores > CT_MAXTHREADS ? CT_MAXTHREADS : (int)cores;
}

#endif
