"""Determinants and the logarithms of them."""
from cytensor.ops import elementwise as ew
from cytensor.ops.linear import turned
from cytensor.ops.registry import dtype_of, to_dtype
from cytensor.ops.solve import inverse_op
from cytensor.ops.stacks import (
    as_matrices, column, factorisation, is_complex, real_dtype, square)


def _det_sizes(S, shapes, inputs):
    square(S, shapes[0], "det")
    return shapes[0][:-2]


def _per_matrix(v):
    """One number for each matrix, as a matrix of size 1."""
    return column(column(v))


det_op = factorisation(
    "det", dtype_of(0), _det_sizes,
    lambda g, out, x: (_per_matrix(g * out) * turned(inverse_op(x)),),
    doc="The determinant of square matrices.")


def _slogdet_sizes(S, shapes, inputs):
    square(S, shapes[0], "slogdet")
    return [shapes[0][:-2]] * 2


def _slogdet_vjp(g, out, x):
    """Of the trace of inv(x) dx the logarithm takes the real part, and the sign the other."""
    weight = g[1]
    if is_complex(x):
        weight = to_dtype(weight, x.type.dtype) + 1j * ew.imag(g[0] * out[0])
    return (_per_matrix(weight) * turned(inverse_op(x)),)


slogdet_op = factorisation(
    "slogdet", lambda x: (x.type.dtype, real_dtype(x)), _slogdet_sizes, _slogdet_vjp, nout=2,
    doc="The sign of the determinant, and the logarithm of its absolute value.")


def det(x):
    """Return the determinant of square matrices.

    Parameters
    ----------
    x : Variable or array_like, shape (..., n, n)

    Returns
    -------
    Variable, shape (...)
        Its gradient needs the inverse, so that a singular matrix has none.

    Examples
    --------
    >>> from cytensor.tensor import nlinalg
    >>> nlinalg.det([[1.0, 2.0], [3.0, 5.0]]).eval().round(12)
    np.float64(-1.0)
    """
    return det_op(*as_matrices("det", x))


def slogdet(x):
    """Return the sign and the logarithm of the absolute value of determinants.

    They neither overflow nor underflow, as the determinant of a large matrix does.

    Parameters
    ----------
    x : Variable or array_like, shape (..., n, n)

    Returns
    -------
    sign : Variable, shape (...)
        1, -1, or 0 where the matrix is singular; complex, of absolute value 1, where it is complex.
    logabsdet : Variable, shape (...)

    Examples
    --------
    >>> from cytensor.tensor import nlinalg
    >>> sign, logabsdet = nlinalg.slogdet([[0.0, 1.0], [1.0, 0.0]])
    >>> float(sign.eval()), float(logabsdet.eval())
    (-1.0, 0.0)
    """
    return list(slogdet_op(*as_matrices("slogdet", x)))


def logdet(x):
    """Return the logarithm of the absolute value of determinants.

    Parameters
    ----------
    x : Variable or array_like, shape (..., n, n)

    Returns
    -------
    Variable, shape (...)

    Examples
    --------
    >>> from cytensor.tensor import nlinalg
    >>> float(nlinalg.logdet([[0.0, 1.0], [1.0, 0.0]]).eval())
    0.0
    """
    return slogdet(x)[1]
