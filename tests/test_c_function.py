"""Functions behind pointers: called by ctypes, SciPy, Numba, Cython and threads."""
import ctypes
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from exported import needs_compiler
from scipy import LowLevelCallable
from scipy.integrate import nquad, quad
from scipy.ndimage import generic_filter

import cytensor as ct
import cytensor.tensor as T
from cytensor import config
from cytensor.cpu import compiler

pytestmark = needs_compiler

DOUBLE, POINTER = ctypes.c_double, ctypes.c_void_p
x, y, v = T.dscalar("x"), T.dscalar("y"), T.dvector("v")
bump = T.exp(-x * x) * T.sin(y) + x


def as_ctypes(c_function, *types, result=DOUBLE):
    return ctypes.CFUNCTYPE(result, *types)(c_function.address)


# ----- functions of numbers -----

def test_a_function_of_numbers():
    f = ct.function([x, y], bump)
    call = as_ctypes(f.c_function(), DOUBLE, DOUBLE)
    for a, b in [(0.5, 2.0), (1e30, -1e30), (np.nan, 1.0), (-0.0, 0.0)]:
        np.testing.assert_array_equal(call(a, b), f(a, b))


def test_its_gradient():
    f = ct.function([x, y], T.grad(bump, x))
    assert as_ctypes(f.c_function(), DOUBLE, DOUBLE)(0.3, 0.7) == float(f(0.3, 0.7))


def test_other_numbers():
    a, b = T.fscalar("a"), T.lscalar("b")
    c = ct.function([a, b], a * T.cast(b, "float32")).c_function()
    assert c.signature == "float (float, int64_t)"
    call = as_ctypes(c, ctypes.c_float, ctypes.c_int64, result=ctypes.c_float)
    assert call(1.5, 3) == 4.5


def test_no_inputs():
    c = ct.function([], T.constant(2.0) * 3).c_function()
    assert c.signature == "double (void)" and as_ctypes(c)() == 6.0


def test_loops_in_a_function_of_numbers():
    root, _ = ct.scan(lambda r: 0.5 * (r + x / r), outputs_info=x, n_steps=30)
    f = ct.function([x], root[-1])
    assert f.c_function().signature == "double (double)"
    assert as_ctypes(f.c_function(), DOUBLE)(2.0) == float(f(2.0))


def test_address_and_capsule():
    f = ct.function([x], x + 1)
    assert ctypes.CFUNCTYPE(DOUBLE, DOUBLE)(f.address)(1.0) == 2.0
    assert LowLevelCallable(f.capsule).signature == "double (double)"


# ----- signatures -----

SIGNATURES = {
    "double (double, double)": (DOUBLE, DOUBLE),
    "double (int, double *)": (ctypes.c_int, POINTER),
    "double (int, double *, void *)": (ctypes.c_int, POINTER, POINTER),
    "double (double *, void *)": (POINTER, POINTER),
}


@pytest.mark.parametrize("signature", SIGNATURES)
def test_signatures_of_numbers(signature):
    f = ct.function([x, y], bump)
    data = np.array([0.5, 2.0])
    arguments = {"double": (0.5, 2.0)}.get(signature.split("(")[1].split(",")[0].strip())
    if signature != "double (double, double)":
        arguments = [2] * ("int" in signature) + [data.ctypes.data]
        arguments += [None] * ("void" in signature)
    got = as_ctypes(f.c_function(signature), *SIGNATURES[signature])(*arguments)
    assert got == float(f(0.5, 2.0))


@pytest.mark.parametrize("size", [0, 1, 5, 3000])
def test_signature_of_a_vector(size):
    f = ct.function([v], (T.exp(v) * v).sum())
    data = np.linspace(-1, 1, size)
    call = as_ctypes(f.c_function("double (int, double *)"), ctypes.c_int, POINTER)
    assert call(size, data.ctypes.data) == float(f(data))


def test_failure_is_not_a_number():
    f = ct.function([v], v[3] + v.max())
    call = as_ctypes(f.c_function("double (int, double *)"), ctypes.c_int, POINTER)
    data = np.arange(5.0)
    assert call(5, data.ctypes.data) == 7.0 and np.isnan(call(3, data.ctypes.data))


def test_spaces_do_not_matter():
    assert ct.function([x], x + 1).c_function("double  (double)").address


@pytest.mark.parametrize("signature, text", [
    ("void (double)", "there is no signature"), ("double (double, double, double)", "is no"),
    ("double (double)", "is no")])
def test_signatures_that_do_not_fit(signature, text):
    with pytest.raises(ValueError, match=text):
        ct.function([x, y], bump).c_function(signature)


def test_several_results_have_no_number():
    with pytest.raises(ValueError, match="is no 'double"):
        ct.function([v], [v.sum(), v]).c_function("double (int, double *)")


# ----- arrays -----

def test_value_and_gradient_of_a_known_size():
    q = T.TensorType("float64", (3,))("q")
    density = -0.5 * (q ** 2).sum() - T.log(1 + q[0] ** 2)
    f = ct.function([q], [density, T.grad(density, q)])
    c = f.c_function()
    assert c.signature == "int (double *, double *, double *, void *)"
    call = as_ctypes(c, *[POINTER] * 4, result=ctypes.c_int)
    point, value, slope = np.array([0.5, 1.0, -2.0]), np.empty(()), np.empty(3)
    assert call(point.ctypes.data, value.ctypes.data, slope.ctypes.data, None) == 0
    want = f(point)
    np.testing.assert_array_equal(value, want[0])
    np.testing.assert_array_equal(slope, want[1])


def arrays_call(f, data, count):
    """Call a function of one vector that returns one, of its own size."""
    call = as_ctypes(f.c_function(), *[POINTER] * 4, result=ctypes.c_int)
    out, shape = np.empty(count), np.array(data.shape)
    assert call(data.ctypes.data, shape.ctypes.data, out.ctypes.data, None) == 0
    return out


@pytest.mark.parametrize("size", [0, 1, 7, 10_000])
def test_arrays(size):
    f = ct.function([v], T.cumsum(v) * v.sum())
    data = np.linspace(-1, 1, size)
    np.testing.assert_array_equal(arrays_call(f, data, size), f(data))


def test_shared_values_are_those_of_the_moment():
    scale = ct.shared(2.0)
    f = ct.function([x], x * scale)
    before = as_ctypes(f.c_function(), DOUBLE)
    scale.set_value(5.0)
    after = as_ctypes(f.c_function(), DOUBLE)
    assert (before(1.0), after(1.0), float(f(1.0))) == (2.0, 5.0, 5.0)


def test_shared_values_as_arguments():
    scale = ct.shared(2.0, "scale")
    c = ct.function([x], x * scale).c_function(shared="arguments")
    assert c.signature == "double (double, double)"
    assert as_ctypes(c, DOUBLE, DOUBLE)(3.0, 7.0) == 21.0


def test_threads_call_at_once():
    f = ct.function([v], T.exp(T.cumsum(v)) * v.sum())
    data = [np.linspace(-1, 1, 5000 + i) / 100 for i in range(8)]
    want = [f(d) for d in data]
    start = threading.Barrier(8)

    def work(i):
        start.wait()
        for _ in range(20):
            np.testing.assert_array_equal(arrays_call(f, data[i], data[i].size), want[i])
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))


# ----- who calls -----

def test_scipy_quad():
    f = ct.function([x], T.exp(-x * x))
    area, _ = quad(LowLevelCallable(f.capsule), -np.inf, np.inf)
    assert area == pytest.approx(np.pi ** 0.5)
    with_data = f.c_function("double (double, void *)")
    assert quad(LowLevelCallable(with_data.capsule), -9, 9)[0] == pytest.approx(np.pi ** 0.5)


@pytest.mark.parametrize("signature", ["double (int, double *)",
                                       "double (int, double *, void *)"])
def test_scipy_nquad(signature):
    f = ct.function([x, y], x * y)
    call = LowLevelCallable(f.c_function(signature).capsule)
    assert nquad(call, [(0, 1), (0, 2)])[0] == pytest.approx(1)


def test_scipy_ndimage():
    f = ct.function([v], v.max() - v.min())
    call = LowLevelCallable(f.c_function("int (double *, intptr_t, double *, void *)").capsule)
    image = np.random.default_rng(0).normal(size=(12, 11))
    want = generic_filter(image, lambda a: a.max() - a.min(), size=3)
    np.testing.assert_array_equal(generic_filter(image, call, size=3), want)


def test_numba():
    numba = pytest.importorskip("numba")
    f = ct.function([x, y], bump)
    g = as_ctypes(f.c_function(), DOUBLE, DOUBLE)

    @numba.njit
    def total(n):
        s = 0.0
        for i in range(n):
            s += g(0.01 * i, 1.0)
        return s
    want = sum([float(f(0.01 * i, 1.0)) for i in range(100)])
    assert total(100) == pytest.approx(want, rel=1e-13)


CYTHON = """\
ctypedef double (*function)(double, double) noexcept nogil

def call(size_t address, double x, double y):
    cdef function f = <function>address
    with nogil:
        x = f(x, y)
    return x
"""


def test_cython(tmp_path):
    pytest.importorskip("Cython")
    (tmp_path / "caller.pyx").write_text(CYTHON)
    built = subprocess.run([sys.executable, "-m", "cython", "-3", "caller.pyx"], cwd=tmp_path,
                           capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    setup = ("from setuptools import Extension, setup\n"
             "setup(name='caller', ext_modules=[Extension('caller', ['caller.c'])])\n")
    (tmp_path / "setup.py").write_text(setup)
    built = subprocess.run([sys.executable, "setup.py", "-q", "build_ext", "--inplace"],
                           cwd=tmp_path, capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    sys.path.insert(0, str(tmp_path))
    try:
        from caller import call
    finally:
        sys.path.pop(0)
    f = ct.function([x, y], bump)
    assert call(f.address, 0.5, 2.0) == float(f(0.5, 2.0))


# ----- compilers -----

def test_without_a_compiler_it_says_how_to_get_one(monkeypatch):
    monkeypatch.setattr(config, "cc", "none")
    f = ct.function([x], x * 17 + 0.123)
    with pytest.raises(RuntimeError, match=r"pip install ziglang.*CYTENSOR_CC"):
        f.c_function()


def test_code_comes_from_the_cache():
    f = ct.function([x], x * 3 + 0.456)
    c = f.c_function()
    assert f.c_function().address == c.address
    assert compiler.find().build(c.text, about={"name": "exported function"})


def test_the_text_can_be_read():
    text = ct.function([x], T.exp(x)).c_function().text
    assert "exp_f64(t0_)" in text and "double ct_exported(double x)" in text
