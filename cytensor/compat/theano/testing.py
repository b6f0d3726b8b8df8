"""What libraries test themselves with: ``theano.tests.unittest_tools``."""
import functools
import sys
import unittest
from unittest import SkipTest

import numpy as np

import cytensor
from cytensor.compat.theano import gradients
from cytensor.compat.theano.arrays import allclose, tolerances
from cytensor.compat.theano.flags import config

__all__ = ["SkipTest"]

# ----- seeds -----

def fetch_seed(pseed=None):
    """Return a seed for tests: ``pseed``, or the flag ``unittests.rseed``; None for "random"."""
    seed = pseed or config.unittests.rseed
    try:
        return None if seed == "random" else int(seed)
    except ValueError:
        print(f"config.unittests.rseed is no seed: {seed!r}", file=sys.stderr)
        return None


def seed_rng(pseed=None):
    """Seed NumPy's global generator, and return the seed."""
    seed = fetch_seed(pseed)
    np.random.seed(seed)        # noqa: NPY002  (tests of others draw from it)
    return seed


class MockRandomState:
    """A generator that always draws the same end of its range."""

    def __init__(self, val):
        self.val = val

    def rand(self, *shape):
        """Return an array full of ``val``."""
        return np.full(shape, self.val, dtype="float64")

    def randint(self, minval, maxval=None, size=1):
        """Return the smallest integers if ``val`` is 0, else the largest."""
        low, high = (0, minval) if maxval is None else (minval, maxval)
        return np.full(size, low if self.val == 0 else high - 1, dtype="int64")


# ----- comparing -----

def verify_grad(op, pt, n_tests=2, rng=None, *args, **kwargs):
    """Check a gradient against differences; see ``theano.gradient.verify_grad``."""
    if rng is None:
        rng = np.random.RandomState(seed_rng())
    gradients.verify_grad(op, pt, n_tests, rng, *args, **kwargs)


verify_grad.E_grad = gradients.GradientError


def str_diagnostic(expected, value, rtol, atol):
    """Return a text on how two arrays differ."""
    expected, value = np.asarray(expected), np.asarray(value)
    usual_atol, usual_rtol = tolerances(expected, value)
    lines = [f"{name}: shape {x.shape}, dtype {x.dtype}, strides {x.strides}\n{x}"
             for name, x in (("expected", expected), ("value", value))]
    if expected.shape == value.shape:
        with np.errstate(all="ignore"):
            off = np.abs(value - expected)
            lines.append(f"largest absolute difference {off.max(initial=0)}, "
                         f"relative {(off / np.abs(expected)).max(initial=0)}")
    lines.append(f"rtol {usual_rtol if rtol is None else rtol}, "
                 f"atol {usual_atol if atol is None else atol}")
    return "\n".join(lines)


class WrongValue(Exception):
    """A value is not what was expected."""

    def __init__(self, expected_val, val, rtol, atol):
        super().__init__(str_diagnostic(expected_val, val, rtol, atol))
        self.val1, self.val2, self.rtol, self.atol = expected_val, val, rtol, atol


def assert_allclose(expected, value, rtol=None, atol=None):
    """Raise ``WrongValue`` unless two arrays are close, by the tolerances of their dtypes."""
    if not allclose(expected, value, rtol, atol):
        raise WrongValue(expected, value, rtol, atol)


# ----- classes of tests -----

class InferShapeTester(unittest.TestCase):
    """A test that the sizes of results are known without computing them."""

    mode = None

    def setUp(self):
        """Seed the generator."""
        seed_rng()

    def _compile_and_check(self, inputs, outputs, numeric_inputs, cls, excluding=None, warn=True,
                           check_topo=True):
        values = cytensor.function(inputs, outputs, mode=self.mode)
        shapes = cytensor.function(inputs, [out.shape for out in outputs], mode=self.mode,
                                   on_unused_input="ignore")
        pairs = zip(values(*numeric_inputs), shapes(*numeric_inputs))
        for value, shape in pairs:
            assert tuple(shape) == np.shape(value), (np.shape(value), shape)


class TestOptimizationMixin:
    """Assertions on which ops a compiled function has."""

    def assertFunctionContains(self, f, op, min=1, max=sys.maxsize):
        """Assert that an op comes between ``min`` and ``max`` times."""
        found = sum([node.op == op for node in f.maker.fgraph.toposort()])
        assert min <= found <= max, f"{op} comes {found} times"

    def assertFunctionContains0(self, f, op):
        """Assert that an op does not come."""
        self.assertFunctionContains(f, op, 0, 0)

    def assertFunctionContains1(self, f, op):
        """Assert that an op comes once."""
        self.assertFunctionContains(f, op, 1, 1)

    def assertFunctionContainsN(self, f, op, N):
        """Assert that an op comes N times."""
        self.assertFunctionContains(f, op, N, N)

    def assertFunctionContainsClass(self, f, op, min=1, max=sys.maxsize):
        """Assert that ops of a class come between ``min`` and ``max`` times."""
        found = sum([isinstance(node.op, op) for node in f.maker.fgraph.toposort()])
        assert min <= found <= max, f"{op} comes {found} times"

    def assertFunctionContainsClassN(self, f, op, N):
        """Assert that ops of a class come N times."""
        self.assertFunctionContainsClass(f, op, N, N)

    def SkipTest(self, msg="Skip this test"):
        """Skip the test."""
        raise SkipTest(msg)


class T_OpContractMixin:
    """Tests of equality and hashes of ops; a subclass sets ``ops`` and ``other_op``."""

    def test_eq(self):
        """Ops equal themselves, and nothing else."""
        for i, op in enumerate(self.ops):
            assert op == op
            assert op != self.other_op
            assert all([op != other for j, other in enumerate(self.ops) if j != i])

    def test_hash(self):
        """Different ops have different hashes."""
        hashes = [hash(op) for op in self.ops]
        assert len(set(hashes)) == len(hashes)

    def test_name(self):
        """An op can be printed."""
        for op in self.ops:
            assert str(op)
            assert repr(op)


class AttemptManyTimes:
    """A decorator of tests that may fail by chance: several attempts, some of which must pass."""

    def __init__(self, n_attempts, n_req_successes=1):
        self.n_attempts, self.n_req_successes = n_attempts, n_req_successes

    def __call__(self, test):
        """Return the test that is tried several times."""
        @functools.wraps(test)
        def attempt(*args, **kwargs):
            passed = 0
            for number in range(self.n_attempts):
                left = self.n_attempts - number - 1
                try:
                    test(*args, **kwargs)
                    passed += 1
                except Exception:
                    if passed + left < self.n_req_successes:
                        raise
                if passed >= self.n_req_successes:
                    return
        return attempt


def assertFailure_fast(test):
    """Return the test: it is about a rewrite that is not here."""
    return test


def custom_name_func(testcase_func, param_num, param):
    """Return a name of a parametrised test, from its parameters."""
    return "_".join([testcase_func.__name__, *map(str, param.args)])


def attr(*tags, **values):
    """Return a decorator that leaves a test as it is: tags of tests are not used."""
    return lambda test: test
