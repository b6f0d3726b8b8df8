/* device.h: what the interpreter asks of a device beyond its kernels. */
#ifndef CT_DEVICE_H
#define CT_DEVICE_H

#include "fused.h"
#include "ready.h"

typedef struct {
    ct_group *(*group_new)(const ct_spec *, const int64_t *dims, int noperands,
                           const int64_t *strides);
    void (*group_free)(ct_group *);
    int64_t (*group_cost)(const ct_group *);
    ct_kernel group_run;
    ct_kernel copy;             /* t[0] <- t[1], same dtype and dims */
    void (*run)(int64_t ntasks, ct_task task, void *ctx);   /* on its threads */
    const ct_ready_products *ready;     /* NULL until a program has products */
} ct_device;

#endif
