/* nestcode.h: what generated loops need beside expressions: rings, failures, sizes. */
#ifndef CT_NESTCODE_H
#define CT_NESTCODE_H

#include "abi.h"

/* Which steps a function takes, and how that went: ct_steps of _loops.pxd. */
typedef struct {
    int64_t first, n, taken;
    int32_t ended;
} ct_steps;

/* Looks for Ctrl-C. */
typedef int (*ct_look)(ct_call *call);

/* A place in a ring, some bytes back; fewer than the ring has. */
static inline char *ct_ring_back(char *at, int64_t bytes, char *low, char *high)
{
    at -= bytes;
    return at < low ? at + (high - low) : at;
}

/* A place in a ring, any number of bytes on. */
static inline char *ct_ring_on(char *at, int64_t bytes, char *low, char *high)
{
    return low + ((at - low) + bytes) % (high - low);
}

/* Note where a failure happened; the loops around it add theirs. */
static inline void ct_failed(ct_call *call, const void *loop, int64_t step, int at)
{
    if (call->depth < CT_MAXLOOPS)
        call->trace[call->depth] = (ct_trace){loop, step, at};
    call->depth++;
}

static inline int64_t ct_least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static inline int64_t ct_most(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* Python's rules for sizes; by zero they give 0. */
static inline int64_t ct_size_quotient(int64_t a, int64_t b)
{
    if (b == 0)
        return 0;
    const int64_t q = a / b;
    return a % b != 0 && (a < 0) != (b < 0) ? q - 1 : q;
}

static inline int64_t ct_size_remainder(int64_t a, int64_t b)
{
    return b != 0 ? a - ct_size_quotient(a, b) * b : 0;
}

#endif
