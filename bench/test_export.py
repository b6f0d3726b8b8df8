"""What does a call cost that does not come from Python: by integrators, samplers, loops in C?"""
import ctypes
import math

import numpy as np
from questions import Question
from turns import Candidate

CALLS, STEPS, SIZE = 100_000, 2_000, 10
#: What a program in C does with a function pointer.
DRIVER = """
#include <stdint.h>

double sum_of_calls(double (*f)(double), int64_t n)
{
    double total = 0;
    for (int64_t i = 0; i < n; i++)
        total += f(1e-5 * (double)i);
    return total;
}

double descend(int (*f)(const double *, double *, double *, void *), int64_t n, double *x,
               double *gradient, int64_t size)
{
    double value = 0;
    for (int64_t i = 0; i < n; i++) {
        f(x, &value, gradient, 0);
        for (int64_t j = 0; j < size; j++)
            x[j] -= 1e-4 * gradient[j];
    }
    return value;
}
"""


def driver(name, *types):
    from cytensor.cache.load import load
    from cytensor.cpu import compiler
    address = load(compiler.find().build(DRIVER)).address(name)
    return ctypes.CFUNCTYPE(ctypes.c_double, *types)(address)


# ----- a function of one number -----

def exported():
    import cytensor as ct
    import cytensor.tensor as T
    x = T.dscalar("x")
    return ct.function([x], T.exp(-x * x) * T.sin(3 * x) + T.log1p(x * x)).c_function()


def numba_callback():
    import numba

    @numba.cfunc("float64(float64)")
    def f(x):
        return math.exp(-x * x) * math.sin(3 * x) + math.log1p(x * x)
    return f


def called(function):
    """Calls from a loop in C."""
    call = driver("sum_of_calls", ctypes.c_void_p, ctypes.c_int64)
    names = {"call": call, "function": function, "at": function.address, "n": CALLS}
    return Candidate("call(at, n)", names, CALLS)


def calls():
    return Question("call of exp(-x x) sin(3x) + log1p(x x) from C", {
        "cytensor": lambda: called(exported()), "numba.cfunc": lambda: called(numba_callback()),
    }, {"numba.cfunc": 1.0}, limit=100e-9, rtol=1e-9, label="a callback from C")


def integrated(callback):
    from scipy.integrate import quad
    return Candidate("quad(f, 0, 10, limit=200)[0]", {"quad": quad, "f": callback})


def low_level(function):
    from scipy import LowLevelCallable
    return LowLevelCallable(function)


def integrals():
    return Question("scipy.integrate.quad of the same", {
        "cytensor": lambda: integrated(low_level(exported().capsule)),
        "numba.cfunc": lambda: integrated(low_level(numba_callback().ctypes)),
        "scipy with a Python function": lambda: integrated(numba_callback().__wrapped__),
    }, {"numba.cfunc": 1.1, "scipy with a Python function": 0.3}, rtol=1e-9)


# ----- a value and its gradient -----

START = np.linspace(-1, 1, SIZE)


def cytensor_descent():
    import cytensor as ct
    import cytensor.tensor as T
    x = T.TensorType("float64", (SIZE,))("x")
    value = (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()
    f = ct.function([x], [value, T.grad(value, x)]).c_function()
    pointer = ctypes.c_void_p
    call = driver("descend", pointer, ctypes.c_int64, pointer, pointer, ctypes.c_int64)

    def descend():
        x, gradient = START.copy(), np.empty(SIZE)
        call(f.address, STEPS, x.ctypes.data, gradient.ctypes.data, SIZE)
        return x
    return Candidate("descend()", {"descend": descend}, STEPS)


def numba_descent():
    """The gradient is written by hand."""
    import numba

    @numba.njit
    def gradient(x, out):
        out[:] = 0
        for i in range(x.size - 1):
            a = x[i + 1] - x[i] ** 2
            out[i] -= 400 * a * x[i] + 2 * (1 - x[i])
            out[i + 1] += 200 * a

    @numba.njit
    def descend():
        x, out = START.copy(), np.empty(SIZE)
        for _ in range(STEPS):
            gradient(x, out)
            x -= 1e-4 * out
        return x
    descend()
    return Candidate("descend()", {"descend": descend}, STEPS)


def jax_descent():
    import jax
    jax.config.update("jax_enable_x64", True)

    def value(x):
        return (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()

    @jax.jit
    def descend(x):
        def step(_, x):
            return x - 1e-4 * jax.value_and_grad(value)(x)[1]
        return jax.lax.fori_loop(0, STEPS, step, x)
    return Candidate("descend(x).block_until_ready()",
                     {"descend": descend, "x": jax.numpy.asarray(START)}, STEPS)


def descents():
    return Question("a step of descent: value and gradient of Rosenbrock's function, 10 numbers", {
        "cytensor": cytensor_descent, "jax.jit": jax_descent,
        "numba, gradient by hand": numba_descent,
    }, limit=100e-9, rtol=1e-9)


def questions():
    yield calls()
    yield integrals()
    yield descents()


def test_question(question, ask):
    ask(question)
