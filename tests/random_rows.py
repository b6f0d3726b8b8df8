"""The rows of random numbers in the table of ops.

Where a distribution is made by rejection, the row has parameters that leave it no choice: that
tests shapes, strides and dtypes. `test_random.py` tests the distributions.
"""
import numpy as np
import random_twins as twins
from op_table import NONZERO, PROBABILITY, Domain, Row

from cytensor.random import draws, mrg, raw_random

ONCE = ("float64",)
STATE = Domain(0, 2**62, "uint64")
COUNTS = Domain(0, 9, "int64")
STREAMS = Domain(1, 2**31 - 2**16, "int32")
CERTAIN = Domain(1, 1, whole=True)
NEVER = Domain(0, 0, whole=True)


def state_row(op, reference, *domains, shapes=((),), result="int64", call=None, **params):
    """A row of an op over a state and other arrays, each with its domain."""
    shapes = [((2,), *[shape] * len(domains)) for shape in shapes]
    return Row(op, reference, (STATE, *domains), shapes, params, ONCE, result, (), call)


def _drawn(state, kind, dtype):
    n = 300                     # more than a chunk
    if kind == "bits":
        return (twins.words if dtype == "uint32" else twins.longs)(state, n)
    if kind == "normal":
        return twins.normal32(state, n)
    return (twins.uniform32 if dtype == "float32" else twins.uniform64)(state, n)


KINDS = [("uniform", "float32"), ("uniform", "float64"), ("normal", "float32"),
         ("bits", "uint32"), ("bits", "uint64")]
SOME = ((3, 4), (), (0, 2), (70,))
ROWS = ((3, 1), (0, 1), (2, 3, 1))


def _mrg(states, dtype):
    new, z = twins.mrg(states, 7)
    factor = 2.0**-31 if dtype == "float64" else np.float32(2.0**-31 - 2.0**-55)
    return new, (z.astype(dtype) * factor).reshape(7, 1)


def _numpy_uniform(low):
    return np.random.RandomState(5).uniform(low, 9.0, (3, 4))


RANDOM_ROWS = [
    *[state_row(draws.random_draw, _drawn, result=dtype, kind=kind, dtype=dtype,
                call=lambda state, kind=kind, dtype=dtype: draws.random_draw(
                    state, 300, kind=kind, dtype=dtype)) for kind, dtype in KINDS],
    *[state_row(draws.random_mask, lambda state, p=p: twins.mask(state, p, 300), result="bool",
                call=lambda state, p=p: draws.random_mask(state, p, 300))
      for p in (0.3, 0.0, 1.0)],
    state_row(draws.random_next, lambda state: state + np.array([0, 1], "uint64"),
              result="uint64"),
    state_row(draws.random_integers, lambda state, low, high: low, CERTAIN, CERTAIN, shapes=SOME),
    state_row(draws.random_poisson, lambda state, mean: 0 * mean, NEVER, shapes=SOME),
    state_row(draws.random_binomial, lambda state, n, p: n, COUNTS, CERTAIN, shapes=SOME),
    state_row(draws.random_gamma, lambda state, shape: 0 * shape, NEVER, shapes=SOME,
              result="float64"),
    state_row(draws.random_beta, lambda state, a, b: a**0, Domain(1e9, 2e9), Domain(1e-9, 2e-9),
              shapes=SOME, result="float64"),
    state_row(draws.random_permutation, lambda state: np.zeros((3, 1)),
              call=lambda state: draws.random_permutation(state, 3, 1)),
    Row(draws.random_multinomial, lambda state, n, p: n[..., None], (STATE, COUNTS, CERTAIN),
        [((2,), shape[:-1], shape) for shape in ROWS], {}, ONCE, "int64", ()),
    state_row(draws.random_categorical, lambda state, sums: np.zeros(sums.shape[:-1]), CERTAIN,
              shapes=ROWS),
    state_row(draws.random_choose, lambda state, p: np.zeros(p.shape), CERTAIN, shapes=ROWS,
              call=lambda state, p: draws.random_choose(state, p, 1)),
    *[Row(mrg.random_mrg, _mrg, STREAMS, [((3, 6),), ((70, 6),), ((1, 6),)], {"dtype": dtype},
          ONCE, ("int32", dtype), (), lambda states, dtype=dtype: mrg.random_mrg(
              states, 7, 1, dtype=dtype)) for dtype in ("float32", "float64")],
    Row(mrg.mrg_choice, lambda p, u: np.zeros((len(p), 1)), (CERTAIN, PROBABILITY),
        [((3, 1), (3,)), ((0, 1), (0,))], {}, ("float32", "float64"), "int64", (),
        lambda p, u: mrg.mrg_choice(p, u, 1)),
    Row(raw_random.random_function, _numpy_uniform, NONZERO, [((),), ((4,),), ((3, 1),)], {}, ONCE,
        "same", (), lambda low: raw_random.uniform(
            raw_random.random_state_type.make_constant(np.random.RandomState(5)), (3, 4), low,
            9.0)[1]),
]
