/* pool.h: new arrays for results. The memory of large ones is kept when they die, because asking
 * the system for fresh pages costs more than the work on them. */
#ifndef CT_POOL_H
#define CT_POOL_H

#include <Python.h>
#include <numpy/arrayobject.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* the order of cytensor._core.DTYPES */
static const int ct_typenum[14] = {
    NPY_BOOL, NPY_INT8, NPY_UINT8, NPY_INT16, NPY_UINT16, NPY_INT32, NPY_UINT32, NPY_INT64,
    NPY_UINT64, NPY_HALF, NPY_FLOAT32, NPY_FLOAT64, NPY_COMPLEX64, NPY_COMPLEX128};

#define CT_POOL_BLOCKS 32               /* kept at most */
#define CT_POOL_LEAST (256 * 1024)      /* bytes from which a block is kept */
#define CT_POOL_MOST ((size_t)512 << 20) /* bytes kept in all */
#define CT_HUGE ((size_t)2 << 20)

typedef struct { void *data; size_t bytes; } ct_block;

static ct_block ct_blocks[CT_POOL_BLOCKS];
static int ct_nblocks;
static size_t ct_kept;
static pthread_mutex_t ct_pool_lock = PTHREAD_MUTEX_INITIALIZER;

/* A kept block that is large enough and not much too large, or a fresh one. */
static void *ct_pool_malloc(void *ctx, size_t bytes)
{
    (void)ctx;
    void *data = NULL;
    if (bytes >= CT_POOL_LEAST) {
        pthread_mutex_lock(&ct_pool_lock);
        for (int i = ct_nblocks - 1; i >= 0 && !data; i--)
            if (ct_blocks[i].bytes >= bytes && ct_blocks[i].bytes <= bytes + bytes / 4) {
                data = ct_blocks[i].data;
                ct_kept -= ct_blocks[i].bytes;
                memmove(&ct_blocks[i], &ct_blocks[i + 1], (--ct_nblocks - i) * sizeof(ct_block));
            }
        pthread_mutex_unlock(&ct_pool_lock);
        if (data)
            return data;
    }
    if (posix_memalign(&data, bytes >= 2 * CT_HUGE ? CT_HUGE : 64, bytes ? bytes : 1))
        return NULL;
#ifdef MADV_HUGEPAGE
    if (bytes >= 2 * CT_HUGE)
        madvise(data, bytes, MADV_HUGEPAGE);
#endif
    return data;
}

static void ct_pool_free(void *ctx, void *data, size_t bytes)
{
    (void)ctx;
    if (bytes >= CT_POOL_LEAST) {
        void *old = NULL;
        pthread_mutex_lock(&ct_pool_lock);
        if (bytes <= CT_POOL_MOST / 2) {
            if (ct_nblocks == CT_POOL_BLOCKS || ct_kept + bytes > CT_POOL_MOST) {
                old = ct_blocks[0].data;            /* the oldest makes room */
                ct_kept -= ct_blocks[0].bytes;
                memmove(ct_blocks, ct_blocks + 1, --ct_nblocks * sizeof(ct_block));
            }
            if (ct_kept + bytes <= CT_POOL_MOST) {
                ct_blocks[ct_nblocks++] = (ct_block){data, bytes};
                ct_kept += bytes;
                data = NULL;
            }
        }
        pthread_mutex_unlock(&ct_pool_lock);
        free(old);
    }
    free(data);
}

static void *ct_pool_calloc(void *ctx, size_t n, size_t size)
{
    void *data = ct_pool_malloc(ctx, n * size);
    return data ? memset(data, 0, n * size) : NULL;
}

static void *ct_pool_realloc(void *ctx, void *data, size_t bytes)
{
    (void)ctx;
    return realloc(data, bytes);
}

static PyDataMem_Handler ct_handler = {
    "cytensor", 1, {NULL, ct_pool_malloc, ct_pool_calloc, ct_pool_realloc, ct_pool_free}};

/* An uninitialised C-contiguous array. Small ones are NumPy's; large ones live in the pool and go
 * back to it through NumPy's own memory handler. */
static PyObject *ct_new_array(int ndim, const npy_intp *dims, int typenum)
{
    static PyObject *handler;
    npy_intp count = 1;
    for (int a = 0; a < ndim; a++)
        count *= dims[a];
    PyArray_Descr *descr = PyArray_DescrFromType(typenum);
    npy_intp bytes = count * PyDataType_ELSIZE(descr);
    if (bytes < CT_POOL_LEAST)
        return PyArray_NewFromDescr(&PyArray_Type, descr, ndim, dims, NULL, NULL, 0, NULL);
    if (!handler && !(handler = PyCapsule_New(&ct_handler, "mem_handler", NULL))) {
        Py_DECREF(descr);
        return NULL;
    }
    void *data = ct_pool_malloc(NULL, bytes);
    if (!data) {
        Py_DECREF(descr);
        return PyErr_NoMemory();
    }
    PyObject *array = PyArray_NewFromDescr(&PyArray_Type, descr, ndim, dims, NULL, data,
                                           NPY_ARRAY_CARRAY, NULL);
    if (!array) {
        free(data);
        return NULL;
    }
    PyArrayObject_fields *fields = (PyArrayObject_fields *)array;
    fields->flags |= NPY_ARRAY_OWNDATA;
    Py_INCREF(handler);
    fields->mem_handler = handler;
    return array;
}

#endif
