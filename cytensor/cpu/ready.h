/* ready.h: products with a factor that is the same in each step of a loop. It is made ready once:
 * brought into the form that is fastest to read. */
#ifndef CT_READY_H
#define CT_READY_H

#include "abi.h"

typedef struct ct_ready ct_ready;

typedef struct {
    ct_kernel product;          /* t[0] = t[1] @ t[2], whatever the sizes */

    /* The same for such dims and strides, with operand `factor` ready: its address is then in the
     * register `place` of the call. alone: no other thread waits for a part of the work.
     * NULL: it is not worth it, or there is no memory. */
    ct_ready *(*make)(const ct_tensor *t, int factor, int alone, int64_t place);
    void (*free)(ct_ready *);

    /* What the factor takes when it is ready; to make it so; the ct_kernel, whose params it is. */
    int64_t (*bytes)(const ct_ready *);
    void (*fill)(const ct_ready *, const ct_tensor *x, char *to);
    ct_kernel run;
} ct_ready_products;

#endif
