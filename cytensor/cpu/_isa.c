/* _isa.c: which of the instruction sets that kernels are built for this CPU has. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

/* Best first. */
static PyObject *supported(void)
{
#if defined(__x86_64__)
    __builtin_cpu_init();
    const int v2 = __builtin_cpu_supports("sse4.2") && __builtin_cpu_supports("popcnt");
    const int v3 = v2 && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")
                   && __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2");
    const int v4 = v3 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw")
                   && __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq")
                   && __builtin_cpu_supports("avx512vl");
    return v4 ? Py_BuildValue("(sss)", "v4", "v3", "v2")
         : v3 ? Py_BuildValue("(ss)", "v3", "v2")
         : v2 ? Py_BuildValue("(s)", "v2") : PyTuple_New(0);
#else
    return Py_BuildValue("(s)", "base");
#endif
}

static int fill(PyObject *module)
{
    PyObject *names = supported();
    const int failed = !names || PyModule_AddObjectRef(module, "supported", names) < 0;
    Py_XDECREF(names);
    return failed ? -1 : 0;
}

static PyModuleDef_Slot slots[] = {{Py_mod_exec, fill}, {0}};
static PyModuleDef module = {PyModuleDef_HEAD_INIT, "_isa", NULL, 0, NULL, slots};

PyMODINIT_FUNC PyInit__isa(void) { return PyModuleDef_Init(&module); }
