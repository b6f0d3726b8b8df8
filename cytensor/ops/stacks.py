"""Stacks of matrices, shape (..., rows, columns): what the ops of linear algebra share.

Gradient rules of this package are transposes and know no conjugation. Formulas in books do: where
a function is not analytic (``eigh``, ``qr``, ``svd``), its rule is written as in the books and
wrapped in ``textbook``.
"""
from functools import reduce, wraps

from numpy.linalg import LinAlgError

from cytensor.ops import elementwise as ew
from cytensor.ops.axes import permuted
from cytensor.ops.diagonal import diagonal
from cytensor.ops.gather import gather
from cytensor.ops.generate import counted
from cytensor.ops.linear import times, turned
from cytensor.ops.matrices import eye, tril, triu
from cytensor.ops.registry import KIND, REAL_OF, promote, structured, to_dtype
from cytensor.ops.views import as_tensor_variable, padded_left, sizes_of

#: To the dtypes that LAPACK has.
_WORK = {"float16": "float32"}


# ----- arguments -----

def lapack_dtype(*dtypes):
    """Return the dtype in which LAPACK computes: integers become float64, float16 float32."""
    dtype = promote(*dtypes)
    return _WORK.get(dtype, dtype) if KIND[dtype] in "fc" else "float64"


def as_matrices(what, *xs):
    """Return stacks of matrices in a dtype of LAPACK's that they have in common.

    Raises
    ------
    LinAlgError
        If one has fewer than two axes.
    """
    xs = [as_tensor_variable(x) for x in xs]
    for x in xs:
        if x.type.ndim < 2:
            raise LinAlgError(f"{what}: a matrix is wanted, not {x!r} of type {x.type}")
    dtype = lapack_dtype(*[x.type.dtype for x in xs])
    return [to_dtype(x, dtype) for x in xs]


def of_one_rank(*xs):
    """Return stacks with as many axes each: those of size 1 in front are new."""
    ndim = max([x.type.ndim for x in xs])
    return [padded_left(x, ndim) for x in xs]


def real_dtype(x):
    """The dtype of the absolute values of ``x``."""
    return REAL_OF.get(x.type.dtype, x.type.dtype)


def is_complex(x):
    """Whether the elements of ``x`` are complex."""
    return KIND[x.type.dtype] == "c"


# ----- sizes -----

def square(S, sizes, what):
    """Check that matrices are square, and return their side."""
    rows, columns = sizes[-2:]
    message = f"{what}: the matrices are not square: they have {{a}} rows and {{b}} columns"
    S.check(S.eq(rows, columns), message, rows, columns, LinAlgError)
    return S.equal(rows, columns, message)


def square_sizes(what):
    """A size rule: that of one square input."""
    def sizes(S, shapes, inputs, **params):
        n = square(S, shapes[0], what)
        return (*shapes[0][:-2], n, n)
    return sizes


def factorisation(name, dtype, sizes, vjp=None, **traits):
    """Make an op whose work is about the cube of a side."""
    return structured(name, dtype, sizes, vjp, cubic=True, **traits)


# ----- small formulas -----

def conjugate(x):
    """The complex conjugate; a real stack as it is."""
    return ew.conj(x) if is_complex(x) else x


def adjoint(x):
    """The conjugate transpose of each matrix."""
    return conjugate(turned(x))


def chain(*xs):
    """The product of stacks of matrices of one rank, from left to right."""
    return reduce(times, xs)


def column(v):
    """Vectors as matrices of one column."""
    return permuted(v, [*range(v.type.ndim), -1])


def row(v):
    """Vectors as matrices of one row."""
    ndim = v.type.ndim
    return permuted(v, [*range(ndim - 1), -1, ndim - 1])


def diagonals(x):
    """The main diagonal of each matrix."""
    return diagonal(x, 0, -2, -1)


def identity_of(x):
    """A unit matrix, of the sizes of one matrix of a stack, in its dtype."""
    rows, columns = sizes_of(x)[-2:]
    return padded_left(eye(rows, columns, dtype=x.type.dtype), x.type.ndim)


def as_diagonal(v):
    """Vectors as diagonal matrices."""
    n = sizes_of(v)[-1]
    return column(v) * padded_left(eye(n, dtype=v.type.dtype), v.type.ndim + 1)


def triangle(x, lower, strict=False):
    """Zeros but in one triangle; a strict one has no diagonal."""
    return tril(x, -1 if strict else 0) if lower else triu(x, 1 if strict else 0)


def safe_reciprocal(x):
    """1 / x, but 0 where x is 0: where a gap between eigenvalues vanishes, nothing is known."""
    zero = ew.eq(x, 0)
    return ew.switch(zero, 0, 1 / ew.switch(zero, 1, x))


def half_diagonal(x):
    """The matrices with their diagonals halved."""
    return x * (1 - identity_of(x) / 2)


def folded(g, lower, hermitian=True):
    """The gradient of the one triangle that is read where the matrix stands for both."""
    other = adjoint(g) if hermitian else turned(g)
    return half_diagonal(triangle(g + other, lower))


def mirrored(x, lower, hermitian=True):
    """The whole matrices of which one triangle is given."""
    half = half_diagonal(triangle(x, lower))
    return half + (adjoint(half) if hermitian else turned(half))


def rows_at(x, places):
    """Rows of each matrix, in the order of ``places``, one vector for each."""
    ndim = places.type.ndim
    grid = [permuted(counted(n), [0 if i == axis else -1 for i in range(ndim)])
            for axis, n in enumerate(sizes_of(x)[:ndim - 1])]
    return gather(x, *grid, places)


def textbook(rule):
    """Make a gradient rule of a formula that gets and returns conjugated gradients."""
    @wraps(rule)
    def vjp(g, *args, **params):
        g = tuple([h if h is None else conjugate(h) for h in g]) if type(g) is tuple \
            else conjugate(g)
        return tuple([h if h is None else conjugate(h) for h in rule(g, *args, **params)])
    return vjp
