"""Normalisation against NumPy in double precision: values, gradients of any order, statistics."""
import numpy as np
import pytest

import cytensor as ct
import cytensor.tensor as T
from cytensor._core import TensorType
from cytensor.cpu import _structured

RNG = np.random.default_rng(0)
TOLERANCE = {"float16": 4e-3, "float32": 2e-5, "float64": 1e-11}
AXES = [("per-activation", (0,)), ("spatial", (0, 2, 3)), ((1, 2), (1, 2)), ((3,), (3,)),
        ((0, 1, 2, 3), (0, 1, 2, 3))]
SHAPE = (6, 3, 5, 7)
bn = T.nnet.bn


def standardised(x, axes, epsilon):
    """Return (x - mean) / std, the mean and the variance."""
    mean, var = x.mean(axes, keepdims=True), x.var(axes, keepdims=True)
    return (x - mean) / np.sqrt(var + epsilon), mean, var


def small(shape, axes):
    return tuple([1 if i in axes else n for i, n in enumerate(shape)])


def variables(*arrays):
    return [TensorType(x.dtype.name, [1 if n == 1 else None for n in x.shape])() for x in arrays]


def close(got, wanted, dtype):
    assert got.dtype == dtype and got.shape == wanted.shape
    scale = np.abs(wanted[np.isfinite(wanted)]).max(initial=1)
    np.testing.assert_allclose(got, wanted, rtol=TOLERANCE[dtype], atol=TOLERANCE[dtype] * scale)


# ----- batches -----

@pytest.mark.parametrize("is_full", [True, False])
@pytest.mark.parametrize("axes, places", AXES)
@pytest.mark.parametrize("dtype", TOLERANCE)
def test_batch_and_its_statistics(dtype, axes, places, is_full):
    x = RNG.normal(2, 3, SHAPE).astype(dtype)
    parameters = RNG.uniform(0.5, 1.5, (4, *small(SHAPE, places))).astype(dtype)
    gamma, beta, mean, var = parameters.astype("f8")
    out, m, v = standardised(x.astype("f8"), places, 0.01)
    count = x.size / m.size
    wanted = [out * gamma + beta, m, 1 / np.sqrt(v + 0.01), 0.7 * mean + 0.3 * m,
              0.7 * var + 0.3 * v * count / (count - 1)]
    if not is_full:
        parameters = [p.reshape([n for i, n in enumerate(SHAPE) if i not in places])
                      for p in parameters]
        wanted[1:] = [w.squeeze(places) for w in wanted[1:]]
    xs = variables(x, *parameters)
    outs = bn.batch_normalization_train(*xs[:3], axes, 0.01, 0.3, *xs[3:])
    for got, want in zip(ct.function(xs, list(outs))(x, *parameters), wanted, strict=True):
        close(got, want, dtype)


@pytest.mark.parametrize("axes, places", AXES)
@pytest.mark.parametrize("dtype", TOLERANCE)
def test_batch_by_given_statistics(dtype, axes, places):
    x = RNG.normal(2, 3, SHAPE).astype(dtype)
    parameters = RNG.uniform(0.5, 1.5, (4, *small(SHAPE, places))).astype(dtype)
    gamma, beta, mean, var = parameters.astype("f8")
    xs = variables(x, *parameters)
    f = ct.function(xs, bn.batch_normalization_test(*xs, axes, 0.01))
    close(f(x, *parameters), (x - mean) / np.sqrt(var + 0.01) * gamma + beta, dtype)


@pytest.mark.parametrize("mode", ["low_mem", "high_mem"])
def test_by_mean_and_deviation(mode):
    x, gamma, beta, mean, std = arrays = [
        RNG.uniform(1, 2, shape) for shape in ((4, 5), (5,), (5,), (5,), (1, 5))]
    xs = variables(*arrays)
    f = ct.function(xs, bn.batch_normalization(*xs, mode=mode))
    close(f(*arrays), (x - mean) / std * gamma + beta, "float64")


@pytest.mark.parametrize("axes", [(0, 2, 3), (0,), (2, 3)])
def test_an_offset_costs_no_digits(axes):
    x = (RNG.normal(size=(16, 4, 30, 40)) + 1e4).astype("f4")
    want, mean, var = standardised(x.astype("f8"), axes, 1e-5)
    v = T.ftensor4()
    out, m, invstd = ct.function([v], list(bn.batch_normalization_train(v, axes=axes)))(x)
    unit = np.spacing(np.float32(1e4))
    assert np.abs(m.reshape(mean.shape) - mean).max() < 3 * unit
    np.testing.assert_allclose(1 / invstd.reshape(mean.shape)**2, var + 1e-4, rtol=1e-4)
    assert (np.abs(out - want) * np.sqrt(var)).max() < 4 * unit


def test_without_scale_shift_or_either():
    x, gamma = RNG.normal(size=(8, 3)), RNG.normal(size=3)
    want = standardised(x, 0, 1e-4)[0]
    xs = variables(x, gamma)
    f = ct.function(xs, [bn.batch_normalization_train(xs[0])[0],
                         bn.batch_normalization_train(*xs)[0],
                         bn.batch_normalization_train(xs[0], beta=xs[1])[0]])
    for got, wanted in zip(f(x, gamma), (want, want * gamma, want + gamma)):
        close(got, wanted, "float64")


# ----- running statistics -----

def running(x, mean, var, **more):
    """New running statistics of a matrix, given old ones."""
    xs = variables(x, mean, var)
    outs = bn.batch_normalization_train(xs[0], running_mean=xs[1], running_var=xs[2], **more)
    return ct.function(xs, list(outs[3:]))(x, mean, var)


def test_running_statistics_keep_their_dtype():
    x, old = RNG.normal(size=(8, 3)), np.ones(3, "f4")
    assert [r.dtype for r in running(x, old, old)] == ["float32", "float32"]


def test_what_a_batch_does_not_define_leaves_running_statistics():
    mean, var = RNG.uniform(1, 2, (2, 3))
    for n in (0, 1):
        x = RNG.normal(size=(n, 3))
        new_mean, new_var = running(x, mean, var, running_average_factor=0.5)
        np.testing.assert_allclose(new_mean, 0.5 * mean + 0.5 * x[0] if n else mean)
        np.testing.assert_array_equal(new_var, var)


def test_an_empty_batch_has_no_mean():
    v = T.fmatrix()
    out, mean, invstd = ct.function([v], list(bn.batch_normalization_train(v)))(
        np.zeros((0, 3), "f4"))
    assert out.shape == (0, 3) and np.isnan(mean).all() and np.isnan(invstd).all()


def test_updates_of_shared_variables():
    x = T.fmatrix()
    mean, var = [ct.shared(np.full(4, start, "f4")) for start in (0, 1)]
    weight = T.scalar(dtype="float64")
    out, _, _, new_mean, new_var = bn.batch_normalization_train(
        x, running_average_factor=weight, running_mean=mean, running_var=var)
    f = ct.function([x, weight], out, updates=[(mean, new_mean), (var, new_var)])
    a = RNG.normal(3, 2, (50, 4)).astype("f4")
    f(a, 1)
    np.testing.assert_allclose(mean.get_value(), a.mean(0), rtol=1e-5)
    np.testing.assert_allclose(var.get_value(), a.var(0, ddof=1), rtol=1e-5)


# ----- examples and channels -----

def group_norm(x, groups):
    return standardised(x.reshape(len(x), groups, -1), 2, 1e-5)[0].reshape(x.shape)


EXAMPLES = [
    ("last axis", lambda x, g, b: T.nnet.layer_norm(x, g, b), (7,),
     lambda x: standardised(x, -1, 1e-5)[0]),
    ("three axes", lambda x, g, b: T.nnet.layer_norm(x, g, b, (1, 2, 3)), (3, 5, 7),
     lambda x: standardised(x, (1, 2, 3), 1e-5)[0]),
    ("channels", lambda x, g, b: T.nnet.layer_norm(x, g, b, 1), (3, 1, 1),
     lambda x: standardised(x, 1, 1e-5)[0]),
    ("groups", lambda x, g, b: T.nnet.group_norm(x, 3, g, b), (3,), lambda x: group_norm(x, 3)),
    ("one group", lambda x, g, b: T.nnet.group_norm(x, 1, g, b), (3,), lambda x: group_norm(x, 1)),
    ("instances", lambda x, g, b: T.nnet.instance_norm(x, g, b), (3,),
     lambda x: standardised(x, (2, 3), 1e-5)[0]),
    ("root mean square", lambda x, g, b: T.nnet.rms_norm(x, g) + b, (7,),
     lambda x: x / np.sqrt((x**2).mean(-1, keepdims=True) + 1e-6)),
]


@pytest.mark.parametrize("name, function, shape, reference", EXAMPLES,
                         ids=[row[0] for row in EXAMPLES])
@pytest.mark.parametrize("dtype", TOLERANCE)
def test_examples_and_channels(dtype, name, function, shape, reference):
    arrays = [RNG.uniform(0.5, 1.5, s).astype(dtype) for s in (SHAPE, shape, shape)]
    xs = variables(*arrays)
    x, gamma, beta = [a.astype("f8") for a in arrays]
    if shape == (3,):
        gamma, beta = gamma.reshape(3, 1, 1), beta.reshape(3, 1, 1)
    close(ct.function(xs, function(*xs))(*arrays), reference(x) * gamma + beta, dtype)


def test_groups_of_more_than_one_channel_and_unknown_sizes():
    x = T.dtensor3()
    f = ct.function([x], T.nnet.group_norm(x, 2))
    for shape in ((3, 4, 6), (1, 2, 1), (5, 6, 10)):
        a = RNG.normal(size=shape)
        close(f(a), group_norm(a, 2), "float64")
    assert f(np.zeros((0, 4, 6))).shape == (0, 4, 6)
    with pytest.raises(ValueError, match="reshape"):
        f(np.zeros((3, 5, 6)))


# ----- derivatives -----

def train(x, gamma, beta):
    return bn.batch_normalization_train(x, gamma, beta, "spatial", 0.01)[0]


def all_results(x, gamma, beta):
    outs = bn.batch_normalization_train(x, gamma, beta, (0, 2), 0.01, 0.3, beta, gamma)
    return T.concatenate([out.flatten() for out in outs])


def given(x, gamma, beta):
    return bn.batch_normalization_test(x, gamma, beta, beta, T.sqr(gamma), "spatial", 0.01)


DIFFERENTIABLE = [
    (train, (3, 2, 2, 2), (2,)), (all_results, (3, 2, 4), (2,)), (given, (3, 2, 2, 2), (2,)),
    (EXAMPLES[0][1], (3, 2, 4), (4,)), (EXAMPLES[1][1], (2, 2, 2, 3), (2, 2, 3)),
    (EXAMPLES[2][1], (2, 3, 2), (3, 1)),
    (lambda x, g, b: T.nnet.group_norm(x, 2, g, b), (2, 4, 3), (4,)),
    (EXAMPLES[5][1], (2, 3, 4), (3,)), (EXAMPLES[6][1], (3, 4), (4,)),
]


@pytest.fixture(params=DIFFERENTIABLE)
def case(request):
    function, shape, small_shape = request.param
    rng = np.random.default_rng(1)
    return function, [rng.uniform(0.5, 2.5, s) for s in (shape, small_shape, small_shape)]


def test_gradient(case):
    T.verify_grad(*case)


def test_second_derivative(case):
    function, points = case

    def slope(*xs):
        out = function(*xs)
        weights = T.sin(1 + T.arange(out.size)).reshape(out.shape)
        return T.concatenate([g.flatten() for g in T.grad((out * weights).sum(), list(xs))])

    T.verify_grad(slope, points, abs_tol=1e-5, rel_tol=1e-5)


def test_forward_mode_is_the_transpose_of_reverse_mode(case):
    function, points = case
    xs = variables(*points)
    steps = [RNG.normal(size=p.shape) for p in points]
    out = function(*xs)
    v = out.type()
    inner = sum([(g * s).sum() for g, s in zip(T.Lop(out, xs, v), steps)])
    forward = T.Rop(out, xs, [T.constant(s) for s in steps])
    f = ct.function([*xs, v], [inner, (forward * v).sum()], on_unused_input="ignore")
    weights = RNG.normal(size=function(*points).eval().shape)
    np.testing.assert_allclose(*f(*points, weights), rtol=1e-9)


def batch_gradients(x, gamma, g, axes, epsilon):
    """Those of the result times g, with respect to the inputs, the scale and the shift."""
    out, _, var = standardised(x, axes, epsilon)
    of_out = g * gamma
    centred = of_out - of_out.mean(axes, keepdims=True) \
        - out * (of_out * out).mean(axes, keepdims=True)
    return centred / np.sqrt(var + epsilon), (g * out).sum(axes), g.sum(axes)


@pytest.mark.parametrize("shape, axes", [
    ((5, 3, 70, 40), "spatial"), ((40, 200, 3), "spatial"), ((3, 300, 11, 13), "per-activation"),
    ((2000, 7), "per-activation"), ((6, 5, 4, 3), (1, 3))])
def test_gradients_of_larger_batches(shape, axes):
    places = {"spatial": (0, *range(2, len(shape))), "per-activation": (0,)}.get(axes, axes)
    x, g = RNG.normal(3, 2, (2, *shape)).astype("f4")
    gamma, beta = RNG.uniform(0.5, 1.5, (2, *small(shape, places))).astype("f4")
    xs = variables(x, gamma, beta, g)
    out = bn.batch_normalization_train(*xs[:3], axes)[0]
    f = ct.function(xs, T.grad(None, xs[:3], known_grads={out: xs[3]}),
                    on_unused_input="ignore")           # the shift
    wanted = batch_gradients(*[a.astype("f8") for a in (x, gamma, g)], places, 1e-4)
    for got, want in zip(f(x, gamma, beta, g), wanted, strict=True):
        np.testing.assert_allclose(got.squeeze(), want.squeeze(), rtol=2e-3,
                                   atol=2e-5 * np.abs(want).max())


def loss_and_slopes(x, gamma, beta):
    out = bn.batch_normalization_train(x, gamma, beta, "spatial")[0]
    loss = T.sqr(T.tanh(out)).sum()
    return [loss, *T.grad(loss, [x, gamma, beta])]


@pytest.mark.parametrize("shape", [(4, 6, 50, 60), (3, 2, 300, 200), (700, 9), (64, 5, 3)])
def test_the_number_of_threads_changes_no_bit(shape):
    arrays = [RNG.normal(size=s).astype("f4") for s in (shape, shape[1:2], shape[1:2])]
    xs = variables(*arrays)
    f = ct.function(xs, loss_and_slopes(*xs))
    before, results = _structured.get_threads(), []
    try:
        for n in (1, 2, 3, 7):
            _structured.set_threads(n)
            results.append([r.tobytes() for r in f(*arrays)])
    finally:
        _structured.set_threads(before)
    assert all(r == results[0] for r in results)


# ----- passes over the data -----

def groups_of(variables, outputs):
    """The fused groups of a program that read or write whole arrays."""
    f = ct.function(variables, outputs)
    return [s for s in f.program.segments[0].steps if s.spec is not None
            and any(v.type.shape == (None,) * 4 for v in s.variables)]


def test_value_and_gradient_of_examples_are_one_group():
    x, g = T.ftensor4s(2)
    gamma, beta = T.fvectors(2)
    out = T.nnet.layer_norm(x, gamma, beta)
    slope = T.grad(None, x, known_grads={out: g})
    assert len(groups_of([x, gamma, beta, g], [out, slope])) == 1


def test_the_gradient_reads_the_inputs_and_not_what_is_made_of_them():
    """The work between value and gradient, a product here, makes two groups of them."""
    x, w, gamma, beta = T.ftensor4("x"), T.fmatrix("w"), *T.fvectors(2)
    out = T.nnet.layer_norm(x, gamma, beta)
    loss = T.sqr(T.dot(out, w)).sum()
    f = ct.function([x, gamma, beta, w], T.grad(loss, x))
    whole = [[v for v in s.variables if v.type.ndim == 4 and v.type.shape.count(None) == 4]
             for s in f.program.segments[0].steps if s.spec is not None]
    forward, backward = [group for group in whole if x in group]
    assert len(forward) == 2                    # reads x, writes the result
    assert len(backward) == 3                   # reads x and the gradient, writes a gradient


def test_a_batch_is_read_in_the_order_of_memory():
    """What belongs to a channel lies apart: its sums are sums of rows."""
    x, gamma, beta = T.ftensor4("x"), *T.fvectors(2)
    out = bn.batch_normalization_train(x, gamma, beta, "spatial")[0]
    groups = groups_of([x, gamma, beta], out)
    assert len(groups) == 3                     # means, variances, the result
    sums = [node for s in groups for node in s.nodes if node.name == "sum"]
    assert {node.params["axis"] for node in sums if node.inputs[0].type.ndim == 4} == {(2, 3)}


# ----- errors -----

X, V, M, Z = T.ftensor4("x"), T.fvector("v"), T.fmatrix("m"), T.zmatrix("z")
KNOWN = TensorType("float32", (None, 5))()
BAD = [
    (lambda: bn.batch_normalization_train(X, V, V, "image"), ValueError, "'image'"),
    (lambda: bn.batch_normalization_train(X, V, V, (4,)), ValueError, r"4 of inputs.*\(4,\)"),
    (lambda: bn.batch_normalization_train(X, V, V, ()), ValueError, r"not \(\)"),
    (lambda: bn.batch_normalization_train(X, V, V, (0, 0)), ValueError, "each once"),
    (lambda: bn.batch_normalization_train(X, V, M, "spatial"), ValueError, "beta has 2 axes"),
    (lambda: bn.batch_normalization_train(X, V, V, "spatial", running_mean=V), ValueError, "both"),
    (lambda: bn.batch_normalization_train(X, V, V, "spatial", running_mean=M, running_var=V),
     ValueError, "running_mean has 2 axes"),
    (lambda: bn.batch_normalization_train(KNOWN, T.constant(np.ones(3, "f4"))), ValueError,
     r"gamma has shape \(3,\), but inputs has size 5 on axis 1"),
    (lambda: bn.batch_normalization_test(X, V, V, V, M, "spatial"), ValueError, "var has 2 axes"),
    (lambda: bn.batch_normalization_train(Z), TypeError, "complex128"),
    (lambda: bn.batch_normalization(M, V, V, V, V, "fast"), ValueError, "mode must be"),
    (lambda: T.nnet.layer_norm(M, axes=2), np.exceptions.AxisError, "layer_norm: axis 2"),
    (lambda: T.nnet.layer_norm(V, M), ValueError, "gamma has 2 axes, more than the 1"),
    (lambda: T.nnet.group_norm(V, 2), ValueError, "x has 1 axes"),
    (lambda: T.nnet.group_norm(KNOWN, 2), ValueError, "5 channels, which 2 groups"),
    (lambda: T.nnet.group_norm(X, 2, M), ValueError, "gamma has 2 axes; one is wanted"),
    (lambda: T.nnet.instance_norm(M), ValueError, "at least 3"),
    (lambda: T.nnet.rms_norm(Z), TypeError, "complex128"),
]


@pytest.mark.parametrize("call, error, text", BAD)
def test_errors(call, error, text):
    with pytest.raises(error, match=text):
        call()


def test_sizes_that_only_the_run_knows():
    f = ct.function([X, V], bn.batch_normalization_train(X, V, None, "spatial")[0])
    with pytest.raises(ValueError, match=r"3.*4|4.*3"):
        f(np.ones((2, 3, 4, 4), "f4"), np.ones(4, "f4"))
