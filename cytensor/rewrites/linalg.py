"""Linear algebra: equations are solved and not inverted; determinants stay below their logarithm.

A solution by ``solve`` is sooner there than one by an inverse, and has more right digits.
"""
from cytensor.ops.determinants import det_op, slogdet_op
from cytensor.ops.elementwise import abs, log
from cytensor.ops.linear import matmul_op, turned
from cytensor.ops.solve import cholesky_op, inverse_op, solve_op, triangular_op
from cytensor.ops.views import dimshuffle_op
from cytensor.rewrites.patterns import Rule, any_param, holes

a, b, spd = holes("a b spd")
order, lower, nan = any_param("order"), any_param("lower"), any_param("nan")


def is_turned(a, order):
    """Whether ``order`` exchanges the last two axes, and no others."""
    n = len(order)
    return n == a.type.ndim >= 2 and order == (*range(n - 2), n - 1, n - 2)


def _solved(a, b):
    return solve_op(a, b, kind="gen", lower=False)


def solve_from_left(a, b):
    """inv(a) @ b"""
    return _solved(a, b)


def solve_from_right(a, b):
    """b @ inv(a)"""
    return turned(_solved(turned(a), turned(b)))


def solve_turned_from_left(a, b, order):
    """inv(a).T @ b"""
    return _solved(turned(a), b)


def solve_turned_from_right(a, b, order):
    """b @ inv(a).T"""
    return turned(_solved(a, turned(b)))


def log_of_determinant(a):
    """log(det(a)): the logarithm of the sign is 0, NaN or, of a singular matrix, -inf."""
    sign, size = slogdet_op(a)
    return size + log(sign)


def log_of_size(a):
    """log(abs(det(a)))"""
    return slogdet_op(a)[1]


def solve_factor(spd, b, lower, nan):
    """An equation in a factor that is known to be triangular."""
    factor = cholesky_op(spd, lower=lower, nan=nan)
    return triangular_op(factor, b, lower=lower, unit=False)


def solve_turned_factor(spd, b, lower, nan, order):
    """An equation in the transpose of such a factor."""
    factor = cholesky_op(spd, lower=lower, nan=nan)
    return triangular_op(turned(factor), b, lower=not lower, unit=False)


_inverse = inverse_op(a)
_factor = cholesky_op(spd, lower=lower, nan=nan)

LINALG = [
    Rule(matmul_op(_inverse, b), solve_from_left, name="inv(a) @ b -> solve(a, b)"),
    Rule(matmul_op(b, _inverse), solve_from_right, name="b @ inv(a) -> solve(a.T, b.T).T"),
    Rule(matmul_op(dimshuffle_op(_inverse, order=order), b), solve_turned_from_left,
         where=is_turned, name="inv(a).T @ b -> solve(a.T, b)"),
    Rule(matmul_op(b, dimshuffle_op(_inverse, order=order)), solve_turned_from_right,
         where=is_turned, name="b @ inv(a).T -> solve(a, b.T).T"),
    Rule(solve_op(_factor, b, kind="gen", lower=False), solve_factor, shared=True,
         name="solve(cholesky(x), b) -> solve_triangular"),
    Rule(solve_op(dimshuffle_op(_factor, order=order), b, kind="gen", lower=False),
         solve_turned_factor, shared=True, where=lambda spd, order: is_turned(spd, order),
         name="solve(cholesky(x).T, b) -> solve_triangular"),
    Rule(log(det_op(a)), log_of_determinant, name="log(det(a)) -> slogdet"),
    Rule(log(abs(det_op(a))), log_of_size, name="log(abs(det(a))) -> slogdet"),
]
