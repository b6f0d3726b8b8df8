"""One row for each op and each public function: what it should give, and on what.

The loops are in `test_ops.py`. A row says what NumPy or SciPy would compute, from which numbers,
in which shapes and dtypes, and which dtype comes out.
"""
from dataclasses import dataclass, field
from functools import partial

import numpy as np
from reference import ELEMENTWISE, STRUCTURED
from scipy import special

import cytensor as ct
import cytensor.tensor as T
from cytensor._core import DTYPES, registered_ops
from cytensor.ops.control import assert_op

OPS = registered_ops()
KINDS = {name: np.dtype(name).kind for name in DTYPES}


# ----- from which numbers -----

@dataclass(frozen=True)
class Domain:
    """Random numbers of a range; integers may be the ends.

    ``dtype`` is that of the test unless it is given. ``whole`` numbers are integers in any dtype;
    ``distinct`` ones keep apart, so that the largest stays the largest when all move a little.
    """

    low: float
    high: float
    dtype: str = None
    whole: bool = False
    distinct: bool = False

    def sample(self, rng, shape, dtype):
        """Return an array of these numbers."""
        dtype = self.dtype or dtype
        kind = KINDS[dtype]
        if kind in "biu" or self.whole:
            return self._integers(rng, shape, kind).astype(dtype)
        x = np.asarray(rng.uniform(self.low, self.high, shape))
        if self.distinct:
            x = self._apart(rng, shape)
        return (x + 1j * rng.uniform(0.2, 1, shape) if kind == "c" else x).astype(dtype)

    def _integers(self, rng, shape, kind):
        low, high = int(np.ceil(self.low)), int(np.floor(self.high))
        if kind in "bu":
            low, high = np.clip((low, high), 0, 1 if kind == "b" else None)
        return rng.integers(low, high, shape, endpoint=True)

    def _apart(self, rng, shape):
        n = int(np.prod(shape))
        return (self.low + (self.high - self.low) * rng.permutation(n) / max(n, 1)).reshape(shape)


REAL, SMALL, UNIT = Domain(-3, 3), Domain(-1, 1), Domain(-0.9, 0.9)
POSITIVE, BEYOND_1, PROBABILITY = Domain(0.3, 4), Domain(1.2, 4), Domain(0.1, 0.9)
NEGATIVE = Domain(-4, -0.2)
NONZERO = Domain(1, 4)
APART = Domain(-3, 3, distinct=True)
ORDER = Domain(1, 3, whole=True)
SHIFT = Domain(0, 5)
MASK = Domain(0, 1, "bool")
SIZE = Domain(1, 5, "int64")


def index(n, dtype="int64"):
    """Places of an axis of size n, also counted from its end."""
    return Domain(-n if KINDS[dtype] == "i" else 0, n - 1, dtype)


# ----- in which shapes, one tuple for each argument -----

ONE = [((3, 4),), ((),), ((0, 4),), ((5, 1),)]
PAIR = [((3, 4), (3, 4)), ((3, 4), (4,)), ((3, 1), (1, 4)), ((), (3, 4)), ((), ()),
        ((0, 4), (1, 4))]
TRIPLE = [((3, 4),) * 3, ((3, 1), (4,), ()), ((),) * 3, ((0, 4), (1, 4), (0, 1))]
VECTOR, MATRIX, CUBE, NUMBER = [((5,),)], [((3, 4),)], [((2, 3, 4),)], [((),)]
VECTORS, MATRICES = [((5,), (5,))], [((3, 4), (3, 4))]
WITH_EMPTY = [((3, 4),), ((0, 4),), ((3, 0),)]
LONG = [((3, 1100),), ((1100, 3),)]         # more than one tile
NUMBERS = [((), ())]


# ----- of which dtypes -----

ALL, REALS, FLOATS, INTS = "biufc", "biuf", "f", "iu"
#: Those that kernels of products and of running sums have.
WIDE = tuple([name for name in DTYPES if name not in ("bool", "float16")])
WIDE_REALS = tuple([name for name in WIDE if KINDS[name] != "c"])


def float_of(dtype):
    """The float dtype in which a function of integers is computed."""
    if KINDS[dtype] in "fc":
        return dtype
    return "float32" if dtype in ("bool", "int8", "uint8", "int16", "uint16") else "float64"


def at_least_64(dtype):
    """The dtype of sums: integers are added in 64 bits."""
    return {"b": "int64", "i": "int64", "u": "uint64"}.get(KINDS[dtype], dtype)


def divided(dtype):
    """The dtype of quotients and means: that of integers is float64."""
    return dtype if KINDS[dtype] in "fc" else "float64"


def real_of(dtype):
    """The dtype of a real part."""
    return {"complex64": "float32", "complex128": "float64"}.get(dtype, dtype)


#: From the dtype of the arguments to that of the result.
RESULTS = {
    "same": lambda dtype: dtype, "float": float_of, "divided": divided, "sum": at_least_64,
    "real": real_of, "real of float": lambda dtype: real_of(float_of(dtype)),
    "real of divided": lambda dtype: real_of(divided(dtype)),
    "count": lambda dtype: "int64" if dtype == "bool" else dtype,
    "complex": lambda dtype: "complex128" if float_of(dtype) == "float64" else "complex64",
    **{name: lambda dtype, name=name: name for name in DTYPES},
}


# ----- rows -----

@dataclass(frozen=True, eq=False)
class Row:
    """What is known of a function.

    Attributes
    ----------
    function : callable
        The op or the public function that the row stands for.
    reference : callable
        The same on arrays. Floats reach it in double precision.
    domain : Domain, or tuple of Domain
        One for each argument; the last serves for all further ones.
    shapes : list of tuple of shape
    params : dict
        Passed to both sides.
    dtypes : str or tuple of str
        Kinds, or names, of the dtypes that it takes.
    result : str, or tuple of str
        A key of `RESULTS`, for each result.
    slopes : tuple of int, optional
        Which arguments have a gradient; by default all whose dtype is that of the test.
    call : callable, optional
        How the function is called, where ``function(*args, **params)`` will not do.
    loose : float
        How much larger errors may be than usual.
    """

    function: object
    reference: object = None
    domain: object = REAL
    shapes: list = field(default_factory=lambda: ONE)
    params: dict = field(default_factory=dict)
    dtypes: object = ALL
    result: object = "same"
    slopes: tuple = None
    call: object = None
    loose: float = 1

    def __str__(self):
        name = self.function.__name__
        return "-".join([name, *[f"{k}={v}" for k, v in self.params.items()]])

    def domains(self, n):
        """The domain of each of n arguments."""
        given = self.domain if isinstance(self.domain, tuple) else (self.domain,)
        return given + given[-1:] * (n - len(given))

    def takes(self, dtype):
        """Whether the row takes arguments of a dtype."""
        return (KINDS[dtype] if isinstance(self.dtypes, str) else dtype) in self.dtypes

    def sample(self, shapes, dtype, seed=0):
        """Return an array for each argument."""
        rng = np.random.default_rng(seed)
        return [d.sample(rng, shape, dtype)
                for d, shape in zip(self.domains(len(shapes)), shapes)]

    def build(self, *variables):
        """Return the results as a list of variables."""
        call = self.call or (lambda *xs: self.function(*xs, **self.params))
        out = call(*variables)
        return list(out) if isinstance(out, (list, tuple)) else [out]

    def expected(self, arrays, dtype):
        """Return the results as a list of arrays."""
        own = [d.dtype is None for d in self.domains(len(arrays))]
        arrays = [self._widened(x) if mine else x for x, mine in zip(arrays, own)]
        with np.errstate(all="ignore"):
            out = self.reference(*arrays, **self.params)
            out = list(out) if isinstance(out, (list, tuple)) else [out]
            results = (self.result,) * len(out) if isinstance(self.result, str) else self.result
            return [np.asarray(x).astype(RESULTS[name](dtype))
                    for x, name in zip(out, results, strict=True)]

    def _widened(self, x):
        if x.dtype.kind == "c":
            return x.astype("complex128")
        floats = self.result in ("float", "divided", "real of float", "real of divided", "complex")
        return x.astype("float64") if x.dtype.kind == "f" or floats else x


def elementwise(op, *args, **kwargs):
    """A row of an op that the naive twin has, too."""
    return Row(op, ELEMENTWISE[op.__name__], *args, **kwargs)


def structured(name, *args, **kwargs):
    """A row of an op below the public functions."""
    return Row(OPS[name], STRUCTURED[name], *args, **kwargs)


ARITHMETIC = [
    elementwise(T.add, REAL, PAIR),
    elementwise(T.sub, REAL, PAIR, dtypes="iufc"),
    elementwise(T.mul, REAL, PAIR),
    elementwise(T.true_div, (REAL, NONZERO), PAIR, result="divided"),
    elementwise(T.floor_div, (REAL, NONZERO), PAIR, dtypes="iuf"),
    elementwise(T.mod, (REAL, NONZERO), PAIR, dtypes="iuf"),
    elementwise(T.neg, dtypes="iufc"),
    elementwise(T.abs, result="real"),
    elementwise(T.sgn),
    elementwise(T.sqr, dtypes="iufc"),
    elementwise(T.sqrt, POSITIVE, result="float"),
    elementwise(T.reciprocal, NONZERO, result="float"),
    elementwise(T.rsqrt, POSITIVE, dtypes=REALS, result="float"),
    elementwise(T.cbrt, POSITIVE, dtypes=REALS, result="float"),
    elementwise(T.pow, (POSITIVE, Domain(0, 3)), PAIR, dtypes="iufc"),
    elementwise(T.hypot, REAL, PAIR, dtypes=REALS, result="float"),
]
EXPONENTIALS = [
    elementwise(T.exp, result="float"),
    elementwise(T.exp2, result="float"),
    elementwise(T.expm1, result="float"),
    elementwise(T.log, POSITIVE, result="float"),
    elementwise(T.log2, POSITIVE, result="float"),
    elementwise(T.log10, POSITIVE, result="float"),
    elementwise(T.log1p, POSITIVE, result="float"),
    elementwise(T.log1mexp, NEGATIVE, dtypes=REALS, result="float"),
    elementwise(T.logaddexp, REAL, PAIR, dtypes=REALS, result="float"),
]
TRIGONOMETRY = [
    elementwise(T.sin, result="float"),
    elementwise(T.cos, result="float"),
    elementwise(T.tan, SMALL, result="float"),
    elementwise(T.arcsin, UNIT, result="float"),
    elementwise(T.arccos, UNIT, result="float"),
    elementwise(T.arctan, UNIT, result="float"),
    elementwise(T.arctan2, (REAL, POSITIVE), PAIR, dtypes=REALS, result="float"),
    elementwise(T.sinh, result="float"),
    elementwise(T.cosh, result="float"),
    elementwise(T.tanh, SMALL, result="float"),
    elementwise(T.arcsinh, SMALL, result="float"),
    elementwise(T.arccosh, BEYOND_1, result="float"),
    elementwise(T.arctanh, UNIT, result="float"),
    elementwise(T.deg2rad, dtypes=REALS, result="float"),
    elementwise(T.rad2deg, dtypes=REALS, result="float"),
]
ROUNDING = [
    elementwise(T.ceil, dtypes=REALS),
    elementwise(T.floor, dtypes=REALS),
    elementwise(T.trunc, dtypes=REALS),
    elementwise(T.round_half_to_even, dtypes=REALS),
    elementwise(T.round_half_away_from_zero, dtypes=REALS),
    Row(T.round, np.round, dtypes=REALS),
    Row(T.round, np.round, params={"decimals": 1}, dtypes=FLOATS),
    Row(T.round, lambda x, mode: ELEMENTWISE["round_half_away_from_zero"](x), dtypes=FLOATS,
        params={"mode": "half_away_from_zero"}),
]
COMPARISON = [
    elementwise(T.eq, REAL, PAIR, result="bool"),
    elementwise(T.neq, REAL, PAIR, result="bool"),
    elementwise(T.lt, REAL, PAIR, dtypes=REALS, result="bool"),
    elementwise(T.le, REAL, PAIR, dtypes=REALS, result="bool"),
    elementwise(T.gt, REAL, PAIR, dtypes=REALS, result="bool"),
    elementwise(T.ge, REAL, PAIR, dtypes=REALS, result="bool"),
    elementwise(T.isnan, result="bool"),
    elementwise(T.isinf, result="bool"),
    elementwise(T.isfinite, result="bool"),
    Row(T.isclose, np.isclose, REAL, PAIR, result="bool", params={"rtol": 0.5}),
    Row(T.allclose, np.allclose, REAL, PAIR, result="bool", params={"rtol": 0.5}),
    elementwise(T.switch, (MASK, REAL), TRIPLE),
    Row(T.where, np.where, (MASK, REAL), TRIPLE),
    Row(T.where, np.where, Domain(0, 1), WITH_EMPTY, result=("int64", "int64")),
    elementwise(T.maximum, REAL, PAIR, dtypes=REALS),
    elementwise(T.minimum, REAL, PAIR, dtypes=REALS),
    elementwise(T.fmax, REAL, PAIR, dtypes=REALS),
    elementwise(T.fmin, REAL, PAIR, dtypes=REALS),
    elementwise(T.clip, (REAL, Domain(-2, -1), Domain(1, 2)), TRIPLE, dtypes=REALS),
]
BITS = [
    elementwise(T.and_, REAL, PAIR, dtypes="biu"),
    elementwise(T.or_, REAL, PAIR, dtypes="biu"),
    elementwise(T.xor, REAL, PAIR, dtypes="biu"),
    elementwise(T.invert, dtypes="biu"),
    elementwise(T.left_shift, (REAL, SHIFT), PAIR, dtypes=INTS),
    elementwise(T.right_shift, (REAL, SHIFT), PAIR, dtypes=INTS),
    elementwise(T.logical_and, REAL, PAIR, result="bool"),
    elementwise(T.logical_or, REAL, PAIR, result="bool"),
    elementwise(T.logical_xor, REAL, PAIR, result="bool"),
    elementwise(T.logical_not, result="bool"),
]
SPECIAL = [
    elementwise(T.erf, dtypes=REALS, result="float"),
    elementwise(T.erfc, dtypes=REALS, result="float"),
    elementwise(T.erfinv, UNIT, dtypes=REALS, result="float"),
    elementwise(T.erfcinv, Domain(0.2, 1.8), dtypes=REALS, result="float"),
    elementwise(T.erfcx, dtypes=REALS, result="float"),
    elementwise(T.gamma, POSITIVE, dtypes=REALS, result="float"),
    elementwise(T.gammaln, POSITIVE, dtypes=REALS, result="float"),
    elementwise(T.psi, POSITIVE, dtypes=REALS, result="float"),
    elementwise(T.tri_gamma, POSITIVE, dtypes=REALS, result="float"),
    elementwise(T.polygamma, (ORDER, POSITIVE), PAIR, dtypes=REALS, result="float", slopes=(1,)),
    elementwise(T.chi2sf, (POSITIVE, ORDER), PAIR, dtypes=REALS, result="float", slopes=(0,)),
    elementwise(T.gammainc, (ORDER, POSITIVE), PAIR, dtypes=REALS, result="float", slopes=(1,)),
    elementwise(T.gammaincc, (ORDER, POSITIVE), PAIR, dtypes=REALS, result="float", slopes=(1,)),
    elementwise(T.gammal, (ORDER, POSITIVE), PAIR, dtypes=REALS, result="float", slopes=(1,)),
    elementwise(T.gammau, (ORDER, POSITIVE), PAIR, dtypes=REALS, result="float", slopes=(1,)),
    elementwise(T.j0, dtypes=REALS, result="float"),
    elementwise(T.j1, dtypes=REALS, result="float"),
    elementwise(T.jv, (ORDER, POSITIVE), PAIR, dtypes=REALS, result="float", slopes=(1,)),
    elementwise(T.i0, dtypes=REALS, result="float"),
    elementwise(T.i1, dtypes=REALS, result="float"),
    elementwise(T.iv, (ORDER, POSITIVE), PAIR, dtypes=REALS, result="float", slopes=(1,)),
]
COMPLEX = [
    elementwise(T.real, result="real"),
    elementwise(T.imag, result="real"),
    elementwise(T.conj),
    elementwise(T.angle, POSITIVE, result="real of float"),
    elementwise(T.make_complex, REAL, PAIR, dtypes=REALS, result="complex"),
    Row(T.complex_from_polar, lambda r, t: r * np.exp(1j * t), REAL, PAIR, result="complex",
        dtypes=("int8", "int64", "float32", "float64")),
]


# ----- activations, softmax, losses -----

def _elu(x, alpha=1.0):
    return np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0)))


def _gelu(x, approximate=False):
    if approximate:
        return x / 2 * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x ** 3)))
    return x * special.ndtr(x)


def _rows(y, p):
    return np.take_along_axis(p, y[..., None], -1)[..., 0]


def _confusion(actual, pred):
    classes = np.union1d(actual, pred)
    return [(actual[:, None] == classes).T.astype(int) @ (pred[:, None] == classes), classes]


def _soft(function):
    return lambda x, axis=-1: function(x, axis=axis)


ACTIVATIONS = [
    elementwise(T.sigmoid, dtypes=REALS, result="float"),
    elementwise(T.hard_sigmoid, dtypes=REALS, result="float"),
    elementwise(T.ultra_fast_sigmoid, dtypes=REALS, result="float"),
    elementwise(T.softplus, dtypes=REALS, result="float"),
    elementwise(T.relu, dtypes=REALS),
    elementwise(OPS["relu"], dtypes=REALS),
    Row(T.elu, _elu, dtypes=FLOATS),
    Row(T.elu, _elu, params={"alpha": 0.5}, dtypes=FLOATS),
    Row(T.selu, lambda x: 1.0507009873554805 * _elu(x, 1.6732632423543772), dtypes=FLOATS),
    Row(T.gelu, _gelu, dtypes=FLOATS),
    Row(T.gelu, _gelu, params={"approximate": True}, dtypes=FLOATS),
    Row(T.swish, lambda x: x * special.expit(x), dtypes=FLOATS),
    Row(T.softsign, lambda x: x / (1 + np.abs(x)), dtypes=REALS, result="divided"),
    Row(T.leaky_relu, lambda x, slope=0.01: np.where(x > 0, x, slope * x), dtypes=FLOATS),
    Row(T.log_sigmoid, special.log_expit, dtypes=FLOATS),
]
SOFTMAX = [
    Row(T.softmax, _soft(special.softmax), REAL, [*WITH_EMPTY[:2], ((5,),), *LONG], dtypes=REALS,
        result="float", loose=20),
    Row(T.softmax, special.softmax, REAL, CUBE, {"axis": (0, 2)}, REALS, "float"),
    Row(T.logsoftmax, _soft(special.log_softmax), REAL, [*WITH_EMPTY[:2], ((5,),)],
        dtypes=REALS, result="float"),
    Row(T.logsoftmax, special.log_softmax, REAL, CUBE, {"axis": 1}, REALS, "float"),
    Row(T.logsumexp, special.logsumexp, REAL, [*MATRIX, *LONG], dtypes=REALS, result="float"),
    Row(T.logsumexp, special.logsumexp, REAL, CUBE, {"axis": (0, 1), "keepdims": True}, REALS,
        "float"),
    Row(T.softmax_with_bias, lambda x, b: special.softmax(x + b, -1), REAL, [((3, 4), (4,))],
        dtypes=FLOATS),
    *[Row(OPS[name], function, REAL, MATRIX, {"axis": (1,), **more}, ("float32", "float64"))
      for name, function, more in (("softmax", special.softmax, {}),
                                   ("logsoftmax", special.log_softmax, {}),
                                   ("logsumexp", special.logsumexp, {"keepdims": False}))],
    Row(T.categorical_crossentropy, lambda p, q: -(q * np.log(p)).sum(-1), PROBABILITY, MATRICES,
        dtypes=FLOATS),
    Row(T.categorical_crossentropy, lambda p, y: -np.log(_rows(y, p)),
        (PROBABILITY, index(4)), [((3, 4), (3,)), ((2, 3, 4), (2, 3))], dtypes=FLOATS),
    Row(T.crossentropy_categorical_1hot, lambda p, y: -np.log(_rows(y, p)),
        (PROBABILITY, index(4, "uint8")), [((3, 4), (3,)), ((0, 4), (0,))], dtypes=FLOATS),
    Row(T.binary_crossentropy, lambda p, t: -(t * np.log(p) + (1 - t) * np.log(1 - p)),
        PROBABILITY, PAIR, dtypes=FLOATS),
    Row(T.sigmoid_binary_crossentropy,
        lambda x, t: -(t * special.log_expit(x) + (1 - t) * special.log_expit(-x)),
        (REAL, PROBABILITY), PAIR, dtypes=FLOATS),
    Row(T.to_one_hot, lambda y, nb_class: np.eye(nb_class)[y], Domain(0, 4),
        [((3,),), ((),), ((0, 2),)], {"nb_class": 5}, INTS, "float64"),
    Row(T.confusion_matrix, _confusion, Domain(0, 3), VECTORS, dtypes=INTS,
        result=("int64", "same")),
]


# ----- axes and shapes -----

def _dimshuffle(x, *order):
    kept = [i for i in order if i != "x"]
    return np.expand_dims(x.transpose(kept), [i for i, a in enumerate(order) if a == "x"])


SHAPES = [
    Row(T.dimshuffle, lambda x: _dimshuffle(x, 1, "x", 0), REAL, WITH_EMPTY,
        call=lambda x: T.dimshuffle(x, 1, "x", 0)),
    Row(T.transpose, np.transpose, REAL, [((3, 4),), ((5,),), ((),), ((2, 3, 4),)]),
    Row(T.transpose, np.transpose, REAL, CUBE, {"axes": (2, 0, 1)}),
    Row(T.swapaxes, np.swapaxes, REAL, CUBE, {"axis1": 0, "axis2": -1}),
    Row(T.moveaxis, np.moveaxis, REAL, CUBE, {"source": (0, 1), "destination": (-1, 0)}),
    Row(T.squeeze, np.squeeze, REAL, [((1, 3, 1),), ((3,),)]),
    Row(T.squeeze, np.squeeze, REAL, [((1, 3, 1),)], {"axis": -1}),
    Row(T.expand_dims, np.expand_dims, REAL, MATRIX, {"axis": (0, -1)}),
    Row(T.atleast_1d, np.atleast_1d, REAL, [((),), ((3,),)]),
    Row(T.atleast_2d, np.atleast_2d, REAL, [((),), ((3,),), ((2, 3),)]),
    Row(T.atleast_3d, np.atleast_3d, REAL, [((),), ((3,),), ((2, 3),), ((2, 3, 4),)]),
    Row(T.shape_padleft, lambda x, n_ones: x[None, None], REAL, MATRIX, {"n_ones": 2}),
    Row(T.shape_padright, lambda x, n_ones: x[..., None, None], REAL, MATRIX, {"n_ones": 2}),
    Row(T.shape_padaxis, np.expand_dims, REAL, MATRIX, {"axis": 1}),
    Row(T.shape, lambda x: np.array(x.shape, int), REAL, [((3, 4),), ((),), ((0, 2),)],
        result="int64"),
    Row(T.shape_i, lambda x, axis: x.shape[axis], REAL, MATRIX, {"axis": -1}, result="int64"),
    Row(T.size, np.size, REAL, ONE, result="int64"),
    Row(T.reshape, lambda x, newshape: x.reshape(newshape), REAL,
        [((3, 4),), ((12,),), ((2, 3, 2),)], {"newshape": (2, -1)}),
    Row(T.reshape, lambda x, newshape: x.reshape(newshape), REAL, [((1, 1),), ((1,),), ((),)],
        {"newshape": ()}),
    Row(T.flatten, np.ravel, REAL, [*ONE, ((2, 3, 4),)]),
    Row(T.flatten, lambda x, ndim: x.reshape(2, 12), REAL, CUBE, {"ndim": 2}),
    Row(T.ravel, np.ravel, REAL, ONE),
    Row(T.broadcast_to, np.broadcast_to, REAL, [((4,),), ((1, 4),), ((3, 1),), ((),)],
        {"shape": (2, 3, 4)}),
    Row(T.broadcast_to, np.broadcast_to, REAL, [((1,),)], {"shape": (0, 4)}),
    Row(T.broadcast_arrays, np.broadcast_arrays, REAL, PAIR[:4], result=("same", "same")),
    Row(T.specify_shape, lambda x, shape: x, REAL, MATRIX, {"shape": (3, None)}),
    Row(T.addbroadcast, lambda x: x, REAL, [((1, 4),)], call=lambda x: T.addbroadcast(x, 0)),
    Row(T.unbroadcast, lambda x: x, REAL, [((1, 4),)], call=lambda x: T.unbroadcast(x, 0)),
    Row(T.patternbroadcast, lambda x, broadcastable: x, REAL, [((1, 4),)],
        {"broadcastable": (False, False)}),
    Row(T.as_tensor_variable, lambda x, ndim: x[None], REAL, MATRIX, {"ndim": 3}),
    Row(T.cast, lambda x, dtype: x, dtypes=REALS, params={"dtype": "float32"}, result="float32",
        slopes=()),                         # steps, to differences
    Row(T.cast, lambda x, dtype: x, params={"dtype": "complex128"}, result="complex128"),
    Row(T.cast, lambda x, dtype: x, dtypes=REALS, params={"dtype": "int32"}, result="int32"),
    Row(T.cast, lambda x, dtype: x, dtypes=REALS, params={"dtype": "float16"}, result="float16",
        slopes=()),
    Row(OPS["cast"], lambda x, dtype: x, params={"dtype": "bool"}, result="bool"),
    structured("dimshuffle", REAL, CUBE, {"order": (2, -1, 0, 1)}),
    Row(OPS["reshape"], lambda x: x.reshape(2, 6), REAL, WITH_EMPTY[:1],
        call=lambda x: OPS["reshape"](x, 2, 6)),
    Row(OPS["broadcast_to"], lambda x: np.broadcast_to(x, (2, 3, 4)), REAL, MATRIX,
        call=lambda x: OPS["broadcast_to"](x, 2, *[x.shape[i] for i in range(2)])),
    structured("unbroadcast", REAL, [((1, 4),)], {"axes": (0,)}),
    Row(OPS["assume_size"], lambda x: x, REAL, MATRIX,
        call=lambda x: OPS["assume_size"](x, 3, axis=0)),
    structured("shape_i", REAL, MATRIX, {"axis": 1}, result="int64"),
    Row(OPS["make_vector"], lambda *xs: np.array(xs), REAL, [((),) * 3]),
]


# ----- indexing -----

def _written(key, set):
    def write(x, y):
        x = x.copy()
        if set:
            x[key] = y
        else:
            np.add.at(x, key, y)
        return x
    return write


def _writes(key, *shapes):
    """Rows of both functions that write to ``x[key]``."""
    return [Row(function, _written(key, set), REAL, list(shapes), dtypes="iufc",
                call=lambda x, y, function=function: function(x[key], y))
            for function, set in ((T.set_subtensor, True), (T.inc_subtensor, False))]


def _at(x, i, axis=0, mode="raise"):
    return np.take(x, i, axis, mode=mode)


SLICES = (slice(None, None, -2), slice(1, 3))
INDEXING = [
    *_writes(SLICES, ((3, 4), (2, 2)), ((3, 4), (2,)), ((3, 4), ())),
    *_writes((0,), ((3, 4), (4,)), ((3, 4), ())),
    *_writes(([2, 0],), ((3, 4), (2, 4)), ((3, 4), (4,))),
    *_writes((slice(None), [[0, 1], [3, -2]]), ((3, 4), (3, 2, 2)), ((3, 4), ())),
    Row(T.inc_subtensor, _written(([1, 1, 1, 0],), False), REAL, [((3, 4), (4, 4))],
        call=lambda x, y: T.inc_subtensor(x[[1, 1, 1, 0]], y), dtypes="iufc"),
    Row(T.take, _at, (REAL, index(3)), [((3, 4), (2,)), ((3, 4), (2, 2)), ((3, 4), ()),
                                        ((3, 4), (0,))], {"axis": 0}),
    Row(T.take, _at, (REAL, Domain(-9, 9, "int32")), [((3, 4), (5,))],
        {"axis": 1, "mode": "wrap"}),
    Row(T.take, _at, (REAL, Domain(-9, 9, "int8")), [((3, 4), (5,))], {"axis": 1, "mode": "clip"}),
    Row(T.take, lambda x, i: np.take(x, i), (REAL, index(12)), [((3, 4), (5,))]),
    Row(T.take_along_axis, np.take_along_axis, (REAL, index(4)), [((3, 4), (3, 2))], {"axis": 1}),
    Row(T.choose, lambda a, x, y: np.choose(a, [x, y]), (Domain(0, 1, "int64"), REAL),
        [((3, 4), (3, 4), (4,)), ((4,), (4,), (4,))], call=lambda a, x, y: T.choose(a, [x, y])),
    Row(T.nonzero, np.nonzero, Domain(0, 1), [((3, 4),), ((0, 4),)], result=("int64", "int64")),
    Row(T.flatnonzero, np.flatnonzero, Domain(0, 1), ONE, result="int64"),
    Row(T.nonzero_values, lambda x: x[x != 0], Domain(0, 1), [((3, 4),), ((0, 4),), ((5,),)]),
    Row(T.compress, np.compress, (MASK, REAL), [((3,), (3, 4)), ((2,), (3, 4))], {"axis": 0}),
    Row(OPS["subtensor"], lambda x: x[1:, ::-2], REAL, MATRIX, call=lambda x: OPS["subtensor"](
        x, index=(("slice", 1, None, None), ("slice", None, None, -2)))),
    Row(OPS["inc_subtensor"], lambda x, y: x + y * (np.arange(3) == 1)[:, None], REAL,
        [((3, 4), (4,))], dtypes="iufc", call=lambda x, y: OPS["inc_subtensor"](
            x, y, index=(("at", 1),), set=False)),
    structured("gather", (REAL, index(3), index(4)), [((3, 4), (5,), (5,)), ((3, 4), (2, 1), (3,)),
                                                      ((3, 4), (0,), (0,))]),
    structured("scatter_add", (REAL, REAL, index(3)), [((3, 4), (5, 4), (5,)), ((3,), (), (4,))],
               dtypes="iufc"),
    Row(OPS["scatter_set"], lambda x, y: _written(([2, 0],), True)(x, y), REAL,
        [((3, 4), (2, 4)), ((3, 4), ())], call=lambda x, y: OPS["scatter_set"](x, y, [2, 0])),
    structured("pick", (REAL, index(4)), [((3, 4), (3,)), ((2, 3, 4), (2, 3)), ((4,), ())]),
    Row(OPS["unpick"], lambda g, i: STRUCTURED["unpick"](g, i, 4), (REAL, index(4)),
        [((3,), (3,)), ((2, 3), (2, 3)), ((), ())], call=lambda g, i: OPS["unpick"](g, i, 4)),
    structured("nonzero_count", Domain(0, 1), ONE, result="int64"),
    Row(OPS["nonzero"], lambda x: np.array(np.nonzero(x)), Domain(0, 1), WITH_EMPTY,
        call=lambda x: OPS["nonzero"](x, OPS["nonzero_count"](x)), result="int64"),
]
DIAGONALS = [
    Row(T.diagonal, np.diagonal, REAL, [((3, 4),), ((4, 3),), ((0, 2),), ((2, 3, 4),)],
        {"offset": 1}),
    Row(T.diagonal, np.diagonal, REAL, CUBE, {"offset": -1, "axis1": 2, "axis2": 0}),
    structured("diagonal", REAL, MATRIX, {"offset": -1, "axis1": 0, "axis2": 1}),
    Row(T.extract_diag, np.diagonal, REAL, MATRIX),
    Row(T.alloc_diag, lambda x, offset: np.diag(x, offset), REAL, VECTOR, {"offset": -2}),
    Row(T.alloc_diag, lambda x: np.stack([np.diag(row) for row in x]).transpose(1, 2, 0), REAL,
        MATRIX),
    Row(T.diag, np.diag, REAL, [((3,),), ((3, 4),)], {"k": 1}),
    Row(T.trace, lambda x, offset: np.trace(x, offset), REAL, [((3, 4),), ((2, 3, 4),)],
        {"offset": 1}, result="sum"),
    Row(T.identity_like, lambda x: np.eye(*x.shape), REAL, MATRIX),
    Row(T.tril, np.tril, REAL, [((3, 4),), ((2, 3, 4),), ((0, 4),)], {"k": -1}),
    Row(T.triu, np.triu, REAL, [((3, 4),), ((2, 3, 4),), ((0, 4),)], {"k": 1}),
]


# ----- reductions -----

def _argmax(function, **more):
    return lambda x: function(x.astype(float) if x.dtype == bool else x, **more)


def _var(x, axis=None, ddof=0, **more):
    return np.var(x, axis=axis, ddof=ddof)


REDUCTIONS = [
    Row(T.sum, np.sum, REAL, [*ONE, *LONG], result="sum", loose=20),
    Row(T.sum, np.sum, REAL, WITH_EMPTY, {"axis": 0}, result="sum"),
    Row(T.sum, np.sum, REAL, CUBE, {"axis": (0, 2), "keepdims": True}, result="sum"),
    Row(T.prod, np.prod, NONZERO, [*ONE], result="sum", loose=20),
    Row(T.prod, np.prod, NONZERO, WITH_EMPTY, {"axis": 1}, result="sum"),
    Row(T.prod, np.prod, NONZERO, CUBE, {"axis": (0, 2)}, result="sum", loose=20),
    Row(T.mean, np.mean, REAL, [*ONE, *LONG], result="divided", loose=20),
    Row(T.mean, np.mean, REAL, CUBE, {"axis": (0, 1)}, result="divided"),
    Row(T.var, _var, REAL, MATRIX, result="real of divided", loose=5),
    Row(T.var, _var, REAL, CUBE, {"axis": 1, "ddof": 1}, result="real of divided", loose=5),
    Row(T.var, _var, REAL, MATRIX, {"axis": 0, "corrected": True}, "iuf", "real of divided",
        loose=5),
    Row(T.std, np.std, REAL, MATRIX, {"axis": 0}, result="real of divided", loose=5),
    Row(T.ptp, np.ptp, APART, MATRIX, {"axis": 1}, "iuf"),
    Row(T.norm, np.linalg.norm, REAL, VECTOR, dtypes="iufc", result="real of divided"),
    Row(T.norm, np.linalg.norm, REAL, MATRIX, {"ord": 1, "axis": 0}, "iufc", "real of divided"),
    Row(T.norm, np.linalg.norm, APART, MATRIX, {"ord": np.inf, "axis": 1}, "iufc",
        "real of divided"),
    Row(T.norm, np.linalg.norm, REAL, MATRIX, {"ord": 3, "axis": 1}, "iufc", "real of divided",
        loose=4),
    Row(T.norm, np.linalg.norm, Domain(0, 2), MATRIX, {"ord": 0, "axis": 1}, "iufc",
        "real of divided", slopes=()),
    Row(T.max, np.max, APART, [*MATRIX, *VECTOR, *NUMBER, *LONG], dtypes=REALS),
    Row(T.max, np.max, APART, WITH_EMPTY[:2], {"axis": 1}, dtypes=REALS),
    Row(T.min, np.min, APART, [*MATRIX, *VECTOR, *NUMBER, *LONG], dtypes=REALS),
    Row(T.min, np.min, APART, CUBE, {"axis": (0, 2), "keepdims": True}, dtypes=REALS),
    Row(T.argmax, np.argmax, APART, [*MATRIX, *VECTOR, *LONG], dtypes=REALS, result="int64"),
    Row(T.argmax, np.argmax, APART, WITH_EMPTY[:2], {"axis": 1}, dtypes=REALS, result="int64"),
    Row(T.argmin, np.argmin, APART, MATRIX, {"axis": 0, "keepdims": True}, dtypes=REALS,
        result="int64"),
    Row(T.max_and_argmax, lambda x, axis: [x.max(axis), x.argmax(axis)], APART, MATRIX,
        {"axis": 1}, REALS, ("same", "int64")),
    Row(T.all, np.all, REAL, [*ONE, *LONG], result="bool"),
    Row(T.all, np.all, Domain(0, 2), WITH_EMPTY, {"axis": 1}, result="bool"),
    Row(T.any, np.any, REAL, [*ONE, *LONG], result="bool"),
    Row(T.any, np.any, Domain(0, 1), WITH_EMPTY, {"axis": 1}, result="bool"),
    structured("sum", REAL, CUBE, {"axis": (1,), "keepdims": False}, WIDE),
    structured("prod", NONZERO, CUBE, {"axis": (1,), "keepdims": False}, WIDE),
    structured("max", APART, CUBE, {"axis": (1,), "keepdims": True}, WIDE_REALS),
    structured("min", APART, CUBE, {"axis": (0, 1), "keepdims": False}, WIDE_REALS),
    structured("all", REAL, CUBE, {"axis": (1,), "keepdims": False}, "b"),
    structured("any", REAL, CUBE, {"axis": (1,), "keepdims": False}, "b"),
    structured("argmax", APART, CUBE, {"axis": 1}, WIDE_REALS, "int64"),
    structured("argmin", APART, CUBE, {"axis": 1}, WIDE_REALS, "int64"),
]
RUNNING = [
    Row(T.cumsum, lambda x: np.cumsum(x, dtype=None if x.dtype == bool else x.dtype), REAL,
        [*ONE, *LONG], result="count", loose=50),
    Row(T.cumsum, lambda x, axis: np.cumsum(x, axis, None if x.dtype == bool else x.dtype), REAL,
        CUBE, {"axis": 1}, result="count"),
    Row(T.cumprod, lambda x, axis: np.cumprod(x, axis, None if x.dtype == bool else x.dtype),
        NONZERO, WITH_EMPTY, {"axis": 0}, result="count"),
    structured("cumsum", REAL, MATRIX, {"axis": 0}, WIDE),
    structured("cumprod", REAL, MATRIX, {"axis": 1}, WIDE),
    structured("recurrence", REAL, MATRICES, {"axis": 0}, WIDE, loose=10),
    structured("recurrence", SMALL, [((4, 0), (4, 0)), ((2, 5, 3), (2, 5, 3))], {"axis": 1}, WIDE,
               loose=10),
]


# ----- products -----

def _batched(function):
    return lambda x, y, **params: np.stack([function(a, b, **params) for a, b in zip(x, y)])


EINSUMS = {"ij,jk->ik": [((3, 4), (4, 2))], "i,i": [((5,), (5,))], "bij,bjk->bki": [
    ((2, 3, 4), (2, 4, 2))], "ij->ji": [((3, 4),)], "ii->i": [((3, 3),)], "ij,j,k->ik": [
        ((3, 4), (4,), (2,))], "...i,i...->...": [((3, 4), (4, 3))]}
PRODUCTS = [
    Row(T.dot, np.dot, REAL, [((3, 4), (4, 2)), ((4,), (4,)), ((3, 4), (4,)), ((4,), (4, 2)),
                              ((), (3, 4)), ((2, 3, 4), (4, 2)), ((3, 4), (2, 4, 2)),
                              ((0, 4), (4, 2)), ((3, 0), (0, 2))]),
    Row(T.matmul, np.matmul, REAL, [((3, 4), (4, 2)), ((4,), (4,)), ((2, 3, 4), (2, 4, 2)),
                                    ((2, 3, 4), (1, 4, 2)), ((2, 3, 4), (4, 2)),
                                    ((3, 4), (2, 4, 2)), ((4,), (2, 4, 2)), ((3, 0), (0, 2)),
                                    ((0, 3, 4), (0, 4, 2)), ((33, 65), (65, 17))], loose=20),
    structured("matmul", REAL, [((3, 4), (4, 2)), ((2, 1, 3, 4), (1, 2, 4, 2))], dtypes=WIDE),
    structured("gemm", REAL, [((3, 2), (3, 4), (4, 2), (), ())],
               dtypes=("float32", "float64", "complex64", "complex128")),
    Row(T.tensordot, np.tensordot, REAL, [((2, 3, 4), (4, 3, 2))], {"axes": ((1, 2), (1, 0))}),
    Row(T.tensordot, np.tensordot, REAL, [((2, 3, 4), (3, 4, 2)), ((3, 4), (3, 4))], {"axes": 2}),
    Row(T.tensordot, np.tensordot, REAL, [((2, 3), (4,))], {"axes": 0}),
    Row(T.batched_dot, _batched(np.dot), REAL, [((2, 3, 4), (2, 4, 2)), ((2, 3, 4), (2, 4)),
                                                ((2, 4), (2, 4)), ((2,), (2,))]),
    Row(T.batched_tensordot, _batched(lambda a, b, axes: np.tensordot(a, b, ((1,), (0,)))), REAL,
        [((2, 3, 4), (2, 4, 3))], {"axes": ((2,), (1,))}),
    Row(T.inner, np.inner, REAL, [((3, 4), (2, 4)), ((4,), (4,)), ((), (3,))]),
    Row(T.outer, np.outer, REAL, [((3,), (4,)), ((2, 2), (3,)), ((0,), (3,))]),
    Row(T.vdot, np.vdot, REAL, [((4,), (4,)), ((2, 3), (3, 2))]),
    Row(T.kron, np.kron, REAL, [((2, 3), (3, 2)), ((2,), (2, 3))]),
    *[Row(T.einsum, lambda *xs, s=s: np.einsum(s, *xs), REAL, shapes, dtypes="iufc",
          call=lambda *xs, s=s: T.einsum(s, *xs)) for s, shapes in EINSUMS.items()],
    Row(T.jacobian, lambda x: np.diag(2 * x) + 1, REAL, VECTOR, dtypes=("float32", "float64"),
        call=lambda x: T.jacobian(x ** 2 + x.sum(), x)),
    Row(OPS["ifelse"], lambda x, y: x if x.size > 3 else y, REAL,
        [((3, 4), (3, 4)), ((2,), (2,)), ((), ())],
        call=lambda x, y: OPS["ifelse"](x.size > 3, x, y)),
    Row(assert_op, lambda x: x, call=lambda x: assert_op(x, x.size >= 0)),
    Row(OPS["scan"], np.cumsum, REAL, VECTOR, dtypes=("float32", "float64"),
        call=lambda x: ct.scan(lambda x, s: s + x, x, T.zeros((), x.dtype))[0]),
    Row(OPS["after_steps"], lambda x: x, REAL, VECTOR, call=lambda x: OPS["after_steps"](x, 1)),
]


# ----- making, joining and rearranging arrays -----

def _split(x, sizes, axis):
    return np.split(x, np.cumsum(sizes)[:-1], axis)


JOINING = [
    Row(T.join, lambda x, y: np.concatenate([x, y], 1), REAL, [((3, 4), (3, 2)), ((3, 4), (3, 0))],
        call=lambda x, y: T.join(1, x, y)),
    structured("join", REAL, [((3, 4), (2, 4), (0, 4))], {"axis": 0}),
    *[Row(function, lambda *xs, ref=ref: ref(xs), REAL, shapes,
          call=lambda *xs, function=function: function(list(xs)))
      for function, ref, shapes in (
          (T.concatenate, np.concatenate, [((3, 4), (2, 4)), ((3,), (0,), (2,))]),
          (T.stack, np.stack, [((3, 4), (3, 4)), ((), ()), ((0, 2), (0, 2))]),
          (T.vstack, np.vstack, [((3,), (3,)), ((2, 3), (3,))]),
          (T.hstack, np.hstack, [((3,), (2,)), ((2, 3), (2, 1)), ((), ())]),
          (T.dstack, np.dstack, [((2, 3), (2, 3)), ((3,), (3,))]),
          (T.column_stack, np.column_stack, [((3,), (3, 2)), ((3,), (3,))]))],
    Row(T.stack, lambda x, y: np.stack([x, y], -1), REAL, MATRICES,
        call=lambda x, y: T.stack([x, y], axis=-1)),
    Row(T.split, lambda x: _split(x, [1, 3], 1), REAL, MATRIX, result=("same",) * 2,
        call=lambda x: T.split(x, [1, 3], 2, axis=1)),
    Row(T.split, lambda x: np.split(x, 2, 1), REAL, MATRIX, result=("same",) * 2,
        call=lambda x: T.split(x, 2, axis=1)),
    Row(T.array_split, np.array_split, REAL, [((5,),), ((2, 4),)],
        {"indices_or_sections": 3}, result=("same",) * 3),
]
REARRANGING = [
    Row(T.tile, lambda x, reps: np.tile(x, reps), REAL, [((3, 4),), ((3,),), ((0, 2),)],
        {"reps": (2, 3)}),
    Row(T.repeat, np.repeat, REAL, [((3, 4),), ((),)], {"repeats": 2}),
    Row(T.repeat, np.repeat, REAL, MATRIX, {"repeats": 0, "axis": 1}),
    Row(T.repeat, lambda x, n: np.repeat(x, n, 0), (REAL, Domain(0, 3, "int64")),
        [((3, 4), (3,)), ((3, 4), ())], call=lambda x, n: T.repeat(x, n, axis=0)),
    Row(T.flip, np.flip, REAL, ONE),
    Row(T.flip, np.flip, REAL, CUBE, {"axis": (0, 2)}),
    Row(T.flipud, np.flipud, REAL, MATRIX),
    Row(T.fliplr, np.fliplr, REAL, MATRIX),
    *[Row(T.rot90, np.rot90, REAL, CUBE, {"k": k, "axes": (2, 1)}) for k in (0, 1, 2, -1)],
    Row(T.roll, np.roll, REAL, [((3, 4),), ((5,),), ((0,),)], {"shift": -2}),
    Row(T.roll, np.roll, REAL, MATRIX, {"shift": (1, 5), "axis": (0, 1)}),
    Row(T.roll, lambda x, n: np.roll(x, n, 1), (REAL, index(9)), [((3, 4), ())],
        call=lambda x, n: T.roll(x, n, axis=1)),
    *[Row(T.pad, np.pad, REAL, MATRIX, {"pad_width": ((2, 1), (0, 5)), "mode": mode})
      for mode in ("constant", "edge", "reflect", "symmetric", "wrap")],
    Row(T.pad, np.pad, REAL, VECTOR, {"pad_width": 2, "constant_values": 3}, "iufc"),
]
MAKING = [
    Row(T.alloc, lambda x, n: np.full((n, 4), x), (REAL, SIZE), [((4,), ()), ((), ())],
        call=lambda x, n: T.alloc(x, n, 4)),
    Row(T.full, lambda x, n: np.full((2, n), x), (REAL, SIZE), NUMBERS,
        call=lambda x, n: T.full((2, n), x)),
    *[Row(function, lambda n, value=value: np.full((2, n), value), SIZE, NUMBER, result="float32",
          dtypes=("int64",), call=lambda n, function=function: function((2, n), dtype="float32"))
      for function, value in ((T.zeros, 0), (T.ones, 1), (T.empty, 0))],
    *[Row(function, lambda x, value=value: np.full_like(x, value), slopes=())
      for function, value in ((T.zeros_like, 0), (T.ones_like, 1), (T.empty_like, 0))],
    Row(T.full_like, np.full_like, params={"fill_value": 1}, slopes=()),
    Row(T.fill, lambda a, b: np.broadcast_to(b, a.shape), REAL, [((3, 4), (4,)), ((3, 4), ())],
        slopes=(1,)),
    Row(T.second, lambda a, b: np.broadcast_to(b, a.shape), REAL, [((3, 4), (4,)), ((3, 4), ())],
        slopes=(1,)),
    Row(T.eye, lambda n, m: np.eye(n, m, 1), SIZE, NUMBERS, dtypes=("int64",), result="float64",
        call=lambda n, m: T.eye(n, m, 1)),
    Row(T.identity, np.identity, SIZE, NUMBER, dtypes=("int64",), result="float64"),
    Row(T.tri, lambda n, m: np.tri(n, m, -1), SIZE, NUMBERS, dtypes=("int64",), result="float64",
        call=lambda n, m: T.tri(n, m, -1)),
    Row(T.arange, np.arange, Domain(0, 9), NUMBER, dtypes=("int8", "uint16", "int32", "int64"),
        result="int64"),
    Row(T.arange, np.arange, (Domain(-3, 0), Domain(3, 9), NONZERO), [((),) * 3],
        dtypes=("int64", "float32", "float64"), slopes=(0, 2)),
    Row(T.linspace, np.linspace, REAL, NUMBERS, {"num": 7}, "iuf", slopes=(0, 1),
        result="divided"),
    Row(T.linspace, np.linspace, REAL, NUMBERS, {"num": 5, "endpoint": False}, FLOATS),
    Row(T.logspace, np.logspace, SMALL, NUMBERS, {"num": 4, "base": 2.0}, FLOATS),
    Row(T.meshgrid, np.meshgrid, REAL, [((3,), (4,)), ((3,), (1,)), ((0,), (2,))],
        result=("same", "same")),
    Row(T.meshgrid, np.meshgrid, REAL, [((3,), (4,), (2,))], {"indexing": "ij"},
        result=("same",) * 3),
    Row(OPS["iota"], lambda n, dtype: np.arange(n), SIZE, NUMBER, {"dtype": "float32"},
        ("int64",), "float32"),
    Row(T.divmod, np.divmod, (REAL, NONZERO), PAIR, dtypes="iuf", result=("same", "same")),
]
#: Identities whose gradient is something else, which `test_autodiff.py` checks.
CONTROL = [
    *[Row(OPS[name], lambda x, **params: x, slopes=(), dtypes="fc", params=params)
      for name, params in (("grad_clip", {"low": -1, "high": 1}), ("grad_scale", {"multiplier": 2}),
                           ("zero_grad", {}), ("disconnected_grad", {}), ("undefined_grad", {}))],
    Row(T.grad_clip, lambda x: x, slopes=(), dtypes="f", call=lambda x: T.grad_clip(x, -1, 1)),
    Row(T.grad_scale, lambda x: x, slopes=(), dtypes="fc", call=lambda x: T.grad_scale(x, 2)),
    *[Row(function, lambda x: x, slopes=(), dtypes="fc")
      for function in (T.zero_grad, T.disconnected_grad, T.undefined_grad)],
]

# ----- sorting, counting, windows -----

def _topk(x, kth, axis=-1, arg=False):
    order = np.argsort(x if kth < 0 else x.max() - x, axis, kind="stable")
    places = np.take(order, np.arange(abs(kth)), axis)
    places = np.flip(places, axis) if kth < 0 else places
    return places if arg else np.take_along_axis(x, places, axis)


def _of_rows(x):
    return np.lexsort(x.T[::-1])


def _starts(x):
    return np.append(True, x[1:] != x[:-1])[:len(x)]


def _weighed(i, w, n=9):
    return (w[:, None] * (i[:, None] == np.arange(n))).sum(0)


def _filled_diagonal(x, value, offset=0):
    x = x.copy()
    i = np.arange(max(min(x.shape[0] + min(offset, 0), x.shape[1] - max(offset, 0)), 0))
    x[i - min(offset, 0), i + max(offset, 0)] = value
    return x


def _neibs(x, neib_shape, neib_step=None, mode="valid"):
    """Windows one by one, as the definition says."""
    (r, c), (dr, dc) = neib_shape, neib_step or neib_shape
    edge = {"half": (r // 2, c // 2), "full": (r - 1, c - 1), "wrap_centered": (r // 2, c // 2)}
    up, left = edge.get(mode, (0, 0))
    more = {"mode": "wrap"} if mode == "wrap_centered" else {}
    x = np.pad(x, ((0, 0), (0, 0), (up, up), (left, left)), **more)
    return np.array([image[i:i + r, j:j + c].ravel() for images in x for image in images
                     for i in range(0, x.shape[2] - r + 1, dr)
                     for j in range(0, x.shape[3] - c + 1, dc)])


REPEATED = Domain(0, 3, whole=True)
CLASSES, IMAGES = [((3, 4), (4,), (3,))], [((2, 3, 4, 6),)]
SORTING = [
    *[Row(T.sort, np.sort, domain, [((3, 4),), ((0, 4),), ((3, 0),), ((5,),)],
          slopes=() if domain is REPEATED else None) for domain in (APART, REPEATED)],
    Row(T.sort, np.sort, APART, LONG, {"axis": 0}),
    Row(T.sort, np.sort, APART, CUBE, {"axis": 1}),
    Row(T.sort, np.sort, APART, MATRIX, {"axis": None, "kind": "heapsort"}),
    Row(T.argsort, partial(np.argsort, kind="stable"), REPEATED, [((3, 4),), ((3, 0),), *LONG],
        result="int64"),
    Row(T.argsort, partial(np.argsort, kind="stable"), REPEATED, CUBE, {"axis": 0},
        result="int64"),
    Row(OPS["sort"], np.sort, APART, CUBE),
    Row(OPS["argsort"], partial(np.argsort, kind="stable"), REPEATED, CUBE, result="int64"),
    Row(OPS["argsort_rows"], _of_rows, REPEATED, [((9, 2),), ((0, 3),), ((1, 4),)],
        result="int64", dtypes=REALS),
    *[Row(T.topk, _topk, APART, shapes, {"kth": kth, "axis": axis}, "iuf")
      for kth, axis, shapes in ((2, -1, MATRIX), (-3, 0, MATRIX), (1, 0, VECTOR), (-2, 1, CUBE))],
    Row(T.topk, _topk, APART, LONG[:1], {"kth": -7}, "f"),
    Row(T.argtopk, partial(_topk, arg=True), APART, MATRIX, {"kth": -2}, "iuf", "int64"),
    Row(T.topk_and_argtopk, lambda x, kth: [_topk(x, kth), _topk(x, kth, arg=True)], APART,
        MATRIX, {"kth": 2}, "iuf", ("same", "int64")),
    Row(OPS["argtopk"], lambda x: _topk(x, 3, arg=True), APART, CUBE,
        call=lambda x: OPS["argtopk"](x, 3), result="int64", dtypes="iuf"),
    *[Row(T.searchsorted, lambda x, v, side: np.searchsorted(np.sort(x), v, side), REPEATED,
          [((5,), (3, 4)), ((0,), (3,)), ((9,), ()), ((1,), (2,))], {"side": side}, REALS,
          "int64", call=lambda x, v, side=side: T.searchsorted(x, v, side, sorter=T.argsort(x)))
      for side in ("left", "right")],
    Row(OPS["searchsorted"], lambda x, v: np.searchsorted(np.sort(x), v), REPEATED,
        [((5,), (3, 4))], dtypes=REALS, result="int64",
        call=lambda x, v: OPS["searchsorted"](T.sort(x), v, right=False)),
    Row(T.unique, np.unique, REPEATED, [((3, 4),), ((0, 4),), ((1,),), ((),)], slopes=()),
    Row(T.unique, np.unique, REPEATED, [((9, 2),), ((2, 3),)], {"axis": 0}, REALS, slopes=()),
    Row(T.unique, lambda x, **more: np.unique(x, True, True, True, **more), REPEATED,
        [((3, 4),), ((0, 4),)], slopes=(), result=("same", *("int64",) * 3),
        call=lambda x: T.unique(x, True, True, True)),
    Row(OPS["starts"], lambda x: _starts(np.sort(x)), REPEATED, [((12,),), ((0,),), ((1,),)],
        result="bool", call=lambda x: OPS["starts"](T.sort(x))),
    Row(OPS["highest"], lambda x: max(x, default=-1), Domain(0, 9, "int64"), [((5,),), ((0,),)],
        dtypes=("int64",), result="int64"),
    Row(T.bincount, np.bincount, Domain(0, 9), [((5,),), ((0,),), ((2000,),)], dtypes="biu",
        result="int64"),
    Row(T.bincount, _weighed, (Domain(0, 6, "int8"), REAL), VECTORS, dtypes="iufc",
        call=lambda i, w: T.bincount(i, w, minlength=9)),
    Row(OPS["bincount"], lambda i: np.bincount(i, minlength=9), Domain(0, 6), VECTOR,
        dtypes="iu", result="int64", call=lambda i: OPS["bincount"](i, 9)),
    Row(OPS["weighted_bincount"], _weighed, (Domain(0, 6, "int64"), REAL), VECTORS, dtypes="fc",
        call=lambda i, w: OPS["weighted_bincount"](i, w, 9)),
    Row(T.diff, np.diff, REAL, [((3, 4),), ((5,),), ((0, 4),), ((3, 1),)]),
    Row(T.diff, np.diff, REAL, CUBE, {"n": 2, "axis": 1}),
    *[Row(function, reference, Domain(0, 9), NUMBER, dtypes=("int64", "int8"), result="float64")
      for function, reference in ((T.bartlett, np.bartlett), (T.hanning, np.hanning),
                                  (T.hamming, np.hamming), (T.blackman, np.blackman))],
    Row(T.fill_diagonal, _filled_diagonal, REAL, [((3, 4), ()), ((4, 3), ()), ((0, 3), ())]),
    *[Row(T.fill_diagonal_offset, _filled_diagonal, REAL, [((3, 4), ())], {"offset": k})
      for k in (1, -2, 9)],
    *[Row(T.ravel_multi_index, lambda i, j, **more: np.ravel_multi_index(
          (i.astype(int), j.astype(int)), (3, 4), **more), Domain(0, 2), VECTORS, more, INTS,
          "int64", call=lambda i, j, more=more: T.ravel_multi_index((i, j), (3, 4), **more))
      for more in ({}, {"mode": "wrap", "order": "F"}, {"mode": "clip"})],
    *[Row(T.unravel_index, lambda i, order: np.unravel_index(i.astype(int), (3, 4), order),
          Domain(0, 11), [((5,),), ((2, 3),), ((0,),)], {"order": order}, INTS, ("int64",) * 2,
          call=lambda i, order=order: T.unravel_index(i, (3, 4), order)) for order in "CF"],
    Row(OPS["bounded"], lambda i: i, Domain(0, 11), MATRIX, dtypes=INTS, result="int64",
        call=lambda i: OPS["bounded"](i, 12, what="unravel_index")),
    Row(T.default, lambda x: x, call=lambda x: T.default(x, 3)),
]
NEIGHBOURS = [
    *[Row(T.nnet.neighbours.images2neibs, _neibs, REAL, IMAGES,
          {"neib_shape": shape, "neib_step": step, "mode": mode}, "fi") for shape, step, mode in (
              ((2, 3), None, "valid"), ((3, 2), (1, 2), "valid"), ((3, 4), None, "ignore_borders"),
              ((2, 4), (2, 3), "ignore_borders"), ((3, 3), (1, 1), "half"),
              ((2, 3), (1, 1), "full"), ((3, 5), (1, 1), "wrap_centered"))],
    Row(T.nnet.neighbours.neibs2images, lambda x: x, REAL, IMAGES, dtypes="fi",
        call=lambda x: T.nnet.neighbours.neibs2images(
            T.nnet.neighbours.images2neibs(x, (2, 3)), (2, 3), x.shape)),
    Row(OPS["window_numbers"], lambda n: np.arange(n // 2), SIZE, NUMBER, dtypes=("int64",),
        result="int64", call=lambda n: OPS["window_numbers"](n, 2, 2, mode="ignore_borders")),
]
CLASSIFIERS = [
    Row(T.nnet.crossentropy_softmax_argmax_1hot_with_bias, lambda x, b, y: [
        -_rows(y, special.log_softmax(x + b, -1)), special.softmax(x + b, -1),
        np.argmax(x + b, -1)], (APART, APART, index(4)), CLASSES, dtypes=("float32", "float64"),
        result=("same", "same", "int64")),
    Row(T.nnet.crossentropy_softmax_1hot, lambda x, y: [
        -_rows(y, special.log_softmax(x, -1)), special.softmax(x, -1)], (REAL, index(4)),
        [((3, 4), (3,))], dtypes=("float32", "float64"), result=("same", "same")),
    Row(T.nnet.crossentropy_softmax_max_and_argmax_1hot, lambda x, y: [
        -_rows(y, special.log_softmax(x, -1)), special.softmax(x, -1),
        special.softmax(x, -1).max(-1), np.argmax(x, -1)], (APART, index(4)), [((3, 4), (3,))],
        dtypes=("float32", "float64"), result=("same", "same", "same", "int64")),
    Row(T.nnet.crossentropy_categorical_1hot_grad,
        lambda g, p, y: -(g / _rows(y, p))[:, None] * (y[:, None] == np.arange(4)),
        (REAL, PROBABILITY, Domain(0, 3, "int64")), [((3,), (3, 4), (3,))],
        dtypes=("float32", "float64")),
    Row(T.nnet.prepend_scalar_to_each_row, lambda v, x: np.pad(
        x, ((0, 0), (1, 0)), constant_values=v), REAL, [((), (3, 4)), ((), (0, 2))],
        dtypes="iuf"),
    Row(T.nnet.prepend_0_to_each_row, lambda x: np.pad(x, ((0, 0), (1, 0))), REAL, MATRIX),
    Row(T.nnet.prepend_1_to_each_row, lambda x: np.pad(
        x, ((0, 0), (1, 0)), constant_values=1), REAL, MATRIX, dtypes="iuf"),
    Row(T.relu, lambda x, alpha: np.where(x > 0, x, alpha * x), REAL, ONE, {"alpha": 0.25},
        FLOATS),
]

from conv_rows import CONV_ROWS  # noqa: E402  (these files take their rows from above)
from fft_rows import FFT_ROWS  # noqa: E402
from linalg_rows import LINALG_ROWS  # noqa: E402
from pooling_rows import POOLING_ROWS  # noqa: E402
from normalization_rows import NORMALIZATION_ROWS  # noqa: E402
from random_rows import RANDOM_ROWS  # noqa: E402

TABLE = [
    *ARITHMETIC, *EXPONENTIALS, *TRIGONOMETRY, *ROUNDING, *COMPARISON, *BITS, *SPECIAL, *COMPLEX,
    *ACTIVATIONS, *SOFTMAX, *SHAPES, *INDEXING, *DIAGONALS, *REDUCTIONS, *RUNNING, *PRODUCTS,
    *SORTING, *NEIGHBOURS, *CLASSIFIERS, *JOINING, *REARRANGING, *MAKING, *CONTROL,
    *LINALG_ROWS, *FFT_ROWS, *NORMALIZATION_ROWS, *RANDOM_ROWS, *CONV_ROWS,
    *POOLING_ROWS,
]
