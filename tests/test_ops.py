"""Every op and every public function against NumPy and SciPy, and its derivatives against
differences. What is tested stands in `op_table.py`; here are the loops.
"""
import itertools
import pkgutil
from functools import cache, partial
from importlib import import_module

import numpy as np
import pytest
from op_table import DTYPES, KINDS, RESULTS, TABLE

import cytensor as ct
import cytensor.tensor as T
from cytensor._core import Op, TensorType

#: (relative, absolute) tolerance by the dtype of a result.
TOLERANCE = {"float16": (4e-3, 4e-3), "float32": (4e-6, 2e-6), "float64": (2e-13, 2e-14),
             "complex64": (4e-6, 2e-6), "complex128": (2e-13, 2e-14)}
#: Public names that compute nothing from tensors by themselves.
NOT_COMPUTING = {
    "constant": "makes a constant", "grad": "", "Lop": "", "Rop": "", "subgraph_grad": "",
    "hessian": "", "hessian_vector_product": "", "hvp": "", "jacobian": "",
    "verify_grad": "derivatives: test_autodiff.py"}

#: Modules without ops, and those of sparse matrices, whose rows are in `test_sparse.py`.
NO_ARRAYS = ("._kernels_", ".lowering", ".sparse")
#: Ops that only make sense in their surroundings.
ELSEWHERE = {"beside": "test_theano_facts.py, by which inputs count as used"}

CASES = [(row, dtype) for row in TABLE for dtype in DTYPES if row.takes(dtype)]
REFUSED = [(row, dtype) for row in TABLE for dtype in DTYPES
           if isinstance(row.function, Op) and row.function.kind == "elementwise"
           and not row.takes(dtype) and dtype != "float16"]


def case_id(value):
    return str(value)


def variables_for(arrays):
    """Inputs whose types know sizes of 1, and no others."""
    return [TensorType(x.dtype.name, [1 if n == 1 else None for n in x.shape])() for x in arrays]




# ----- the table is complete -----

def modules():
    return [import_module(module.name)
            for module in pkgutil.walk_packages(ct.__path__, "cytensor.")
            if not any(part in module.name for part in NO_ARRAYS)]


def test_every_op_has_a_row():
    ops = {value for module in modules() for value in vars(module).values()
           if isinstance(value, Op)}
    assert len(ops) > 100
    missing = {op.name for op in ops - {row.function for row in TABLE}}
    assert missing == set(ELSEWHERE)


def test_every_public_function_has_a_row():
    known = {row.function for row in TABLE}
    public = {name: value for name, value in vars(T).items()
              if callable(value) and not isinstance(value, (type, TensorType))
              and name[0] != "_" and name not in T.constructors.__all__}
    assert not sorted([name for name, function in public.items()
                       if function not in known and name not in NOT_COMPUTING])


# ----- values -----

def strided(x):
    """The same numbers, every second one of a larger array."""
    larger = np.zeros([2 * n + 1 for n in x.shape], x.dtype)
    view = larger[(..., *[slice(1, None, 2)] * x.ndim)]
    view[...] = x
    return view


def backwards(x):
    """The same numbers, lying in memory from the last to the first."""
    turn = (..., *[slice(None, None, -1)] * x.ndim)
    return x[turn].copy()[turn]


def unaligned(x):
    """The same numbers at an odd address."""
    raw = np.empty(x.nbytes + 1, "uint8")
    view = raw[1:].view(x.dtype).reshape(x.shape)
    view[...] = x
    return view


LAYOUTS = [np.array, strided, backwards, partial(np.array, order="F"), unaligned]


def check_types(outputs, want):
    """Compare what the graph knows beforehand with the reference: dtype, rank, sizes."""
    for out, expected in zip(outputs, want, strict=True):
        assert out.type.dtype == expected.dtype
        assert out.type.ndim == expected.ndim
        assert all([n in (None, m) for n, m in zip(out.type.shape, expected.shape)])


def check(row, results, want):
    """Compare results with the reference: dtype, shape and value."""
    for got, expected in zip(results, want, strict=True):
        assert got.dtype == expected.dtype
        assert got.shape == expected.shape
        rtol, atol = [row.loose * t for t in TOLERANCE.get(got.dtype.name, (0, 0))]
        np.testing.assert_allclose(got, expected, rtol=rtol, atol=atol)


@pytest.mark.filterwarnings("ignore:Mean of empty slice")
@pytest.mark.parametrize("row, dtype", CASES, ids=case_id)
def test_value(row, dtype):
    for shapes in row.shapes:
        arrays = row.sample(shapes, dtype)
        xs, want = variables_for(arrays), row.expected(arrays, dtype)
        outputs = row.build(*xs)
        check_types(outputs, want)
        plain, f = [ct.function(xs, outputs, mode=mode, on_unused_input="ignore")
                    for mode in ("none", "fast_run")]
        check(row, plain(*arrays), want)
        for layout in LAYOUTS:
            check(row, f(*[layout(x) for x in arrays]), want)


@pytest.mark.parametrize("row, dtype", REFUSED, ids=case_id)
def test_other_dtypes_are_refused(row, dtype):
    with pytest.raises(TypeError, match=r"is not defined for|cannot cast"):
        row.build(*[TensorType(dtype, ())() for _ in row.shapes[0]])


# ----- derivatives -----

class Smooth:
    """A row as one function of its differentiable arguments; the others are constants."""

    def __init__(self, row, shapes, dtype):
        self.row = row
        self.arrays = row.sample(shapes, dtype)
        own = [i for i, d in enumerate(row.domains(len(shapes))) if d.dtype is None]
        self.places = own if row.slopes is None else row.slopes
        self.points = [self.arrays[i] for i in self.places]

    def __call__(self, *xs):
        """Return the results that are floats, as one vector or as they are."""
        arguments = list(self.arrays)
        for i, x in zip(self.places, xs):
            arguments[i] = x
        outputs = self.row.build(*[T.as_tensor_variable(x) for x in arguments])
        floats = [out for out in outputs if KINDS[out.type.dtype] in "fc"]
        return floats[0] if len(floats) == 1 else T.concatenate([out.flatten() for out in floats])

    def slope(self, *xs):
        """Return the gradient of a weighted sum of the results, as one vector."""
        out = self(*xs).flatten()
        cost = T.real((out * T.sin(1 + T.arange(out.shape[0]))).sum())
        grads = T.grad(cost, list(xs), disconnected_inputs="ignore")
        return T.concatenate([g.flatten() for g in grads])


@cache
def has_slope(row, dtype):
    results = [row.result] if isinstance(row.result, str) else row.result
    return row.takes(dtype) and row.slopes != () and any(
        [KINDS[RESULTS[name](dtype)] in "fc" for name in results])


def smooth_cases(dtype):
    return [row for row in TABLE if has_slope(row, dtype)]


DIFFERENTIABLE = [(row, dtype) for dtype in ("float64", "complex128", "float32")
                  for row in smooth_cases(dtype)]
TWICE = [(row, dtype) for row, dtype in DIFFERENTIABLE if dtype != "float32"]
LARGE = 100             # more elements than this are too many for differences one by one


def smooth(row, dtype):
    """The row in each of its shapes."""
    found = [Smooth(row, shapes, dtype) for shapes in row.shapes]
    return [f for f in found if sum([x.size for x in f.points]) <= LARGE]


@pytest.mark.parametrize("row, dtype", DIFFERENTIABLE, ids=case_id)
def test_gradient(row, dtype):
    for f in smooth(row, dtype):
        T.verify_grad(f, f.points, n_tests=1)


@pytest.mark.parametrize("row, dtype", TWICE, ids=case_id)
def test_second_derivative(row, dtype):
    for f in smooth(row, dtype)[:2]:
        T.verify_grad(f.slope, f.points, n_tests=1, abs_tol=1e-6, rel_tol=1e-6)


@pytest.mark.parametrize("row, dtype", TWICE, ids=case_id)
def test_forward_derivative(row, dtype):
    """Rop against central differences along one direction, with two steps (Richardson)."""
    for f in smooth(row, dtype)[:2]:
        xs, ways = variables_for(f.points), variables_for(f.points)
        out = f(*xs)
        moved = ct.Rop(out, xs, ways, disconnected_outputs="ignore")
        run = partial(ct.function, on_unused_input="ignore")
        value, slope = run(xs, out), run([*xs, *ways], moved)
        directions = [np.full_like(x, 0.7) for x in f.points]
        near, far = [difference(value, f.points, directions, h) for h in (5e-4, 1e-3)]
        np.testing.assert_allclose(slope(*f.points, *directions), (4 * near - far) / 3,
                                   rtol=2e-6, atol=2e-8)


def difference(value, points, directions, h):
    above, below = [value(*[x + sign * h * d for x, d in zip(points, directions)])
                    for sign in (1, -1)]
    return (above - below) / (2 * h)


def test_layouts_are_what_they_say():
    x = np.arange(12.0).reshape(3, 4)
    for layout, other in itertools.combinations([f(x) for f in LAYOUTS], 2):
        np.testing.assert_array_equal(layout, other)
    assert min(backwards(x).strides) < 0
    assert not unaligned(x).flags.aligned
    assert not strided(x).flags.c_contiguous
