/* vectorcall.h: calls of a Cython class without building a tuple and a dict of the arguments. */
#ifndef CT_VECTORCALL_H
#define CT_VECTORCALL_H

#include <Python.h>

typedef vectorcallfunc vectorcall_t;

static Py_ssize_t ct_offset(void *start, void *member)
{
    return (char *)member - (char *)start;
}

/* Cython has no syntax for this slot. The class must not be given another __call__. */
static void ct_enable_vectorcall(PyObject *type, Py_ssize_t offset)
{
    PyTypeObject *t = (PyTypeObject *)type;
    t->tp_vectorcall_offset = offset;
    t->tp_flags |= Py_TPFLAGS_HAVE_VECTORCALL;
    PyType_Modified(t);
}

#endif
