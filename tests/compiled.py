"""Results with and without machine code, compared bit for bit."""
import numpy as np
import pytest

from cytensor.cpu import codegen, compiler

needs_compiler = pytest.mark.skipif(compiler.find() is None, reason="no C compiler")


class Lot:
    """Calls whose results are compared before and after their groups are compiled, in one go."""

    def __init__(self):
        self.calls = []                 # (what, function, arguments, results)
        self.plans = []

    def call(self, what, f, *args):
        """Call a function, and keep what it gives and the plan that it made."""
        results = f(*args)
        self.calls.append((what, f, args, results if isinstance(results, list) else [results]))
        self.plans += [segment.last for segment in f.program.segments]

    def check(self, jit):
        """Compile, and call again."""
        jit.improve_now(self.plans)
        for plan in self.plans:
            for _, functions in codegen.wanted_by(plan, 0):
                assert all([jit._addresses[f.name] for f in functions]), "not compiled"
        for what, f, args, before in self.calls:
            after = f(*args)
            after = after if isinstance(after, list) else [after]
            for a, b in zip(after, before, strict=True):
                assert_same_bits(a, b, what)


def assert_same_bits(a, b, what):
    """Compare bits. Which not-a-number comes out of two is not defined, and no C says it."""
    assert (a.dtype, a.shape) == (b.dtype, b.shape), what
    kind = {"f": a.dtype, "c": f"f{a.dtype.itemsize // 2}"}.get(a.dtype.kind)
    a, b = [np.ascontiguousarray(x).reshape(-1) for x in (a, b)]
    if kind is not None:
        a, b = a.view(kind), b.view(kind)
        np.testing.assert_array_equal(np.isnan(a), np.isnan(b), str(what))
        a, b = a[~np.isnan(a)], b[~np.isnan(b)]
    assert a.tobytes() == b.tobytes(), what


def values(dtype, n, seed):
    """Random numbers of all sizes, and the odd ones."""
    rng, dtype = np.random.default_rng(seed), np.dtype(dtype)
    if dtype.kind == "c":
        parts = values(f"f{dtype.itemsize // 2}", 2 * n + 12, seed)
        return parts[:len(parts) // 2 * 2].view(dtype)
    if dtype.kind == "f":
        info = np.finfo(dtype)
        odd = [0, -0.0, 1, -1, 0.5, np.inf, -np.inf, np.nan, info.max, -info.max, info.tiny,
               info.smallest_subnormal]
        x = np.concatenate([rng.normal(size=n), rng.uniform(-100, 100, n), odd])
        return rng.permutation(x).astype(dtype)
    if dtype.kind == "b":
        return rng.integers(0, 2, 2 * n + 12).astype(bool)
    info = np.iinfo(dtype)
    small, odd = [0, 1, 2, 3, 5, 7], [info.min, info.max]
    x = np.concatenate([rng.choice(np.array(small, dtype), n), np.array(odd * 6, dtype),
                        rng.integers(info.min, info.max, n, dtype)])
    return rng.permutation(x)
