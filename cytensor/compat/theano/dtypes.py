"""Theano's lists of dtypes and of types, and its tolerances."""
from cytensor._core import TensorType

int_dtypes = ["int8", "int16", "int32", "int64"]
uint_dtypes = ["uint8", "uint16", "uint32", "uint64"]
integer_dtypes = [*int_dtypes, *uint_dtypes]
discrete_dtypes = ["bool", *integer_dtypes]
float_dtypes = ["float16", "float32", "float64"]
complex_dtypes = ["complex64", "complex128"]
continuous_dtypes = [*float_dtypes, *complex_dtypes]
all_dtypes = [*discrete_dtypes, *continuous_dtypes]

_REALS = float_dtypes[1:]


def _types(dtypes, ndim):
    return tuple([TensorType(dtype, (None,) * ndim) for dtype in dtypes])


int_scalar_types = int_types = _types(int_dtypes, 0)
float_scalar_types = float_types = _types(_REALS, 0)
complex_scalar_types = complex_types = _types(complex_dtypes, 0)
int_vector_types = _types(int_dtypes, 1)
float_vector_types = _types(_REALS, 1)
complex_vector_types = _types(complex_dtypes, 1)
int_matrix_types = _types(int_dtypes, 2)
float_matrix_types = _types(_REALS, 2)
complex_matrix_types = _types(complex_dtypes, 2)

float16_atol = float16_rtol = 1e-3
float32_atol = float32_rtol = 1e-5
float64_atol, float64_rtol = 1e-8, 1e-5
