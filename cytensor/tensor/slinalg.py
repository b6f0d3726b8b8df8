"""Linear algebra under the names of ``theano.tensor.slinalg`` and ``scipy.linalg``."""
# ruff: noqa: F401
from numpy.linalg import LinAlgError

from cytensor.ops.decompositions import lu, lu_factor, lu_solve
from cytensor.ops.eigen import eigh, eigvalsh
from cytensor.ops.matrix_functions import expm
from cytensor.ops.solve import (
    cho_solve, cholesky, inv, solve, solve_lower_triangular, solve_triangular,
    solve_upper_triangular)
