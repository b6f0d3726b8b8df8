"""`matmul` and `gemm` against NumPy: every dtype, odd layouts, batches, always the same bits."""
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from new_process import run

from cytensor._core import DTYPES
from cytensor.cpu import _blas, _structured, blas

FLOATS = ["float32", "float64", "complex64", "complex128"]
TOLERANCE = {"float16": 2e-2, "float32": 1e-4, "complex64": 1e-4}


def call(name, outputs, inputs):
    _structured.call(name, outputs, inputs, table=_blas.kernels)


@pytest.fixture
def threads():
    yield _structured.set_threads
    _structured.set_threads(0)


def sample(shape, dtype, seed=0):
    rng = np.random.default_rng(seed)
    if dtype == "bool":
        return rng.random(shape) < 0.3
    if np.dtype(dtype).kind in "iu":
        return rng.integers(0, 100, shape).astype(dtype)
    x = rng.standard_normal(shape)
    if np.dtype(dtype).kind == "c":
        x = x + 1j * rng.standard_normal(shape)
    return x.astype(dtype)


#: What may be done to a matrix so that it keeps its shape and gets other strides.
LAYOUTS = {
    "rows": lambda x: x,
    "columns": lambda x: np.swapaxes(np.swapaxes(x, -1, -2).copy(), -1, -2),
    "padded rows": lambda x: np.concatenate([x, x, x], -1)[..., :x.shape[-1]],
    "padded columns": lambda x: np.swapaxes(
        np.concatenate([np.swapaxes(x, -1, -2)] * 2, -1), -1, -2)[..., :x.shape[-2], :],
    "every other": lambda x: np.repeat(np.repeat(x, 2, -1), 2, -2)[..., ::2, ::2],
    "backwards": lambda x: x[..., ::-1, ::-1].copy()[..., ::-1, ::-1],
    "one row": lambda x: np.broadcast_to(x[..., :1, :], x.shape),
    "one column": lambda x: np.broadcast_to(x[..., :, :1], x.shape),
}
OUTPUTS = [name for name in LAYOUTS if not name.startswith("one")]
SIDES = st.sampled_from([1, 1, 2, 3, 7, 16, 33])


def assert_close(got, want, dtype):
    if np.dtype(dtype).kind in "biu":
        np.testing.assert_array_equal(got, want)
    else:
        tolerance = TOLERANCE.get(dtype, 1e-10)
        np.testing.assert_allclose(got, want, tolerance, tolerance * 10)


def check_matmul(a, b, out, dtype):
    call("matmul", [out], [a, b])
    if dtype == "float16":
        a, b = a.astype("float32"), b.astype("float32")
    assert_close(out, np.matmul(a, b), dtype)


@settings(max_examples=400, deadline=None)
@given(SIDES, SIDES, SIDES, st.sampled_from(sorted(LAYOUTS)), st.sampled_from(sorted(LAYOUTS)),
       st.sampled_from(OUTPUTS), st.sampled_from(DTYPES))
def test_matmul(m, k, n, of_a, of_b, of_out, dtype):
    a, b = LAYOUTS[of_a](sample((m, k), dtype)), LAYOUTS[of_b](sample((k, n), dtype, 1))
    check_matmul(a, b, LAYOUTS[of_out](np.zeros((m, n), dtype)), dtype)


@settings(max_examples=150, deadline=None)
@given(st.tuples(SIDES, SIDES, SIDES), st.lists(st.integers(0, 3), max_size=2),
       st.sets(st.integers(0, 1)), st.sets(st.integers(0, 1)), st.sampled_from(OUTPUTS),
       st.sampled_from(DTYPES))
def test_matmul_of_batches(sides, batch, ones_of_a, ones_of_b, layout, dtype):
    m, k, n = sides
    batch_of = [[1 if i in ones else size for i, size in enumerate(batch)]
                for ones in (ones_of_a, ones_of_b)]
    a = LAYOUTS[layout](sample((*batch_of[0], m, k), dtype))
    b = sample((*batch_of[1], k, n), dtype, 1)
    out = np.zeros((*np.broadcast_shapes(*batch_of), m, n), dtype)
    check_matmul(a, b, out, dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("m, k, n", [(130, 200, 150), (1, 3000, 400), (400, 3000, 1), (1, 9000, 1),
                                     (300, 1, 300), (2000, 5, 3)])
def test_matmul_of_larger_matrices(m, k, n, dtype, threads):
    threads(2)
    a, b = sample((m, k), dtype), sample((k, n), dtype, 1)
    for x, y in ((a, b), (LAYOUTS["columns"](a), b), (a, LAYOUTS["columns"](b)),
                 (a[::-1], b[:, ::-1])):
        check_matmul(x, y, np.zeros((m, n), dtype), dtype)
        check_matmul(x, y, np.zeros((n, m), dtype).T, dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("m, k, n", [(170, 300, 170), (33, 1100, 130), (9, 1024, 600),
                                     (64, 2500, 134), (600, 70, 130)])
def test_matmul_in_tiles(m, k, n, dtype, threads):
    a, b = sample((m, k), dtype), sample((k, n), dtype, 1)
    want = a.astype("float64") @ b.astype("float64")
    layouts = [(LAYOUTS[of_a](a), LAYOUTS[of_b](b)) for of_a in OUTPUTS for of_b in OUTPUTS]
    for count in (1, 2):
        threads(count)
        made = [np.zeros((m, n), dtype) for _ in layouts]
        for (x, y), out in zip(layouts, made):
            call("matmul", [out], [x, y])
            assert_close(out, want, dtype)
            np.testing.assert_array_equal(out, made[0])     # whatever the layout
        turned = np.zeros((n, m), dtype).T
        call("matmul", [turned], [a, b])
        assert_close(turned, want, dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("m, k, n", [(64, 64, 64), (8, 128, 512), (100, 150, 17), (300, 200, 10),
                                     (70, 1500, 33)])
def test_a_transposed_factor_in_tiles(m, k, n, dtype, threads):
    a, b = sample((m, k), dtype), sample((n, k), dtype, 1).T
    made = []
    for count in (1, 2):
        threads(count)
        out = np.zeros((m, n + 5), dtype)[:, :n]
        check_matmul(a, b, out, dtype)
        made.append(out)
    np.testing.assert_array_equal(*made)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("alpha, beta", [(1, 0), (1, 1), (-0.5, 1), (2, 0), (-0.5, 3)])
def test_gemm_in_tiles(alpha, beta, dtype):
    for m, k, n in [(130, 300, 130), (40, 2100, 134)]:
        a, b = sample((m, k), dtype), sample((k, n), dtype, 1)
        out = sample((m, n + 3), dtype, 2)[:, :n] if beta else np.full((m, n), np.nan, dtype)
        want = alpha * (a @ b) + (beta * out if beta else 0)
        call("gemm", [out], [a, b, np.array(alpha, dtype), np.array(beta, dtype)])
        assert_close(out, want, dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("m, k, n", [(0, 3, 4), (3, 4, 0), (3, 0, 4), (0, 0, 0), (1, 0, 1)])
def test_matmul_of_nothing(m, k, n, dtype):
    out = np.ones((m, n), dtype)
    call("matmul", [out], [np.ones((m, k), dtype), np.ones((k, n), dtype)])
    np.testing.assert_array_equal(out, np.zeros((m, n), dtype))


@settings(max_examples=200, deadline=None)
@given(SIDES, SIDES, SIDES, st.sampled_from(sorted(LAYOUTS)), st.sampled_from(OUTPUTS),
       st.sampled_from(FLOATS), st.sampled_from([0, 1, -0.5]), st.sampled_from([0, 1, 2]))
def test_gemm(m, k, n, of_b, of_out, dtype, alpha, beta):
    a, b = sample((m, k), dtype), LAYOUTS[of_b](sample((k, n), dtype, 1))
    out = LAYOUTS[of_out](sample((m, n), dtype, 2))
    want = beta * out + alpha * (a @ b)
    call("gemm", [out], [a, b, np.array(alpha, dtype), np.array(beta, dtype)])
    assert_close(out, want, dtype)


def test_gemm_with_beta_zero_does_not_read_its_output():
    for side in (3, 50):
        a, out = sample((side, side), "float32"), np.full((side, side), np.nan, "float32")
        call("gemm", [out], [a, a, np.ones((), "float32"), np.zeros((), "float32")])
        assert_close(out, a @ a, "float32")


def test_gemm_of_integers_fails_clearly():
    x = np.ones((2, 2), int)
    with pytest.raises(ValueError, match="gemm: it is for float32"):
        call("gemm", [x], [x, x, np.ones((), int), np.ones((), int)])


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64"])
@pytest.mark.parametrize("m, k, n", [(256, 784, 500), (784, 256, 500), (500, 256, 10),
                                     (3000, 700, 1), (1, 900, 3000), (1, 400_000, 1),
                                     (65, 4000, 33)])
def test_the_bits_do_not_depend_on_the_number_of_threads(m, k, n, dtype, threads):
    a, b = sample((m, k), dtype), sample((k, n), dtype, 1)
    results = set()
    for count in (1, 2, 3, 8):
        threads(count)
        for own in (1, 2):
            with own_threads(own):
                out = np.empty((m, n), dtype)
                call("matmul", [out], [a, b])
                results.add(out.tobytes())
    assert len(results) == 1


class own_threads:
    """Set how many threads OpenBLAS takes when SciPy calls it, if threadpoolctl is there."""

    def __init__(self, count):
        self.limits = None
        try:
            from threadpoolctl import threadpool_limits
        except ImportError:
            return
        self.limits = threadpool_limits(count, "blas")

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        if self.limits is not None:
            self.limits.restore_original_limits()


def test_the_users_number_of_blas_threads_comes_back():
    before = _blas.library()[2]
    a = sample((300, 300), "float32")
    call("matmul", [np.empty_like(a)], [a, a])
    assert _blas.library()[2] == before


LOAD = """
import os
os.environ.pop("OPENBLAS_CORETYPE", None)
{setting}
from cytensor.cpu import blas
record = blas.record()
print(record["coretype_set_by_us"], os.environ.get("OPENBLAS_CORETYPE"), record["core"])
"""


def run_load(setting):
    return run(LOAD.format(setting=setting)).split()


def test_a_choice_of_the_users_stays():
    assert run_load('os.environ["OPENBLAS_CORETYPE"] = "Haswell"')[:2] == ["None", "Haswell"]


@pytest.mark.skipif(not blas.processor()[2], reason="the processor has no AVX-512")
def test_zen_5_gets_the_kernels_for_avx512():
    lie = ("import cytensor.cpu.blas as blas; "
           "blas.processor = lambda: ('AuthenticAMD', 26, True)")
    assert run_load(lie) == ["SkylakeX", "None", "SkylakeX"]


def test_others_keep_what_openblas_chooses():
    lie = ("import cytensor.cpu.blas as blas; "
           "blas.processor = lambda: ('AuthenticAMD', 25, True)")
    assert run_load(lie)[:2] == ["None", "None"]


def test_scipy_linalg_is_imported_only_when_a_user_asks():
    program = """
from cytensor.cpu import blas
blas.load()
import sys
print("scipy.linalg" in sys.modules)
import scipy.linalg.cython_blas
print(scipy.linalg.cython_blas.__name__, scipy.linalg.inv([[2.0]])[0, 0])
"""
    assert run(program).split() == ["False", "scipy.linalg.cython_blas", "0.5"]


def test_where_blas_does_not_load_alone_the_package_is_imported():
    program = """
import sys
from cytensor.cpu import blas
blas._load_alone = lambda package, name: False
blas.load()
print("scipy.linalg" in sys.modules)
"""
    assert run(program) == "True\n"


def test_the_record_of_what_was_chosen():
    record = blas.record()
    assert set(record) == {"vendor", "core", "coretype_set_by_us", "threads", "path"}
    assert record["vendor"]
