/* structured.c: the table of structured kernels by name. */
#include "structured.h"

const ct_kernel_entry ct_structured_kernels[] = {
    {"copy", ct_copy},
    {"fill", ct_copy},
    {"join", ct_join},
    {"add_into", ct_add_into},
    {"gather", ct_gather},
    {"scatter_set", ct_scatter_set},
    {"scatter_add", ct_scatter_add},
    {"argmax", ct_argmax},
    {"argmin", ct_argmin},
    {"cumsum", ct_cumsum},
    {"cumprod", ct_cumprod},
    {"recurrence", ct_recurrence},
    {"nonzero_count", ct_nonzero_count},
    {"nonzero", ct_nonzero},
    {NULL, NULL},
};
