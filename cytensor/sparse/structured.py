"""Functions applied to what a sparse matrix stores; zeros that are not stored stay zeros."""
from cytensor.ops import elementwise as ew
from cytensor.ops.arithmetic import round as round_to_even
from cytensor.sparse.conversion import as_sparse_variable, csm_data, with_data


def structured_monoid(function, name=None):
    """Return the function of a sparse matrix that changes what it stores by a function.

    Parameters
    ----------
    function : callable
        Of a vector, and perhaps further arguments.
    name : str, optional

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> from scipy import sparse
    >>> structured_monoid(T.exp)(sparse.csr_matrix([[0.0, 1.0]])).eval().toarray().round(3)
    array([[0.   , 2.718]])
    """
    def apply(x, *more):
        x = as_sparse_variable(x)
        return with_data(x, function(csm_data(x), *more))

    apply.__name__ = apply.__qualname__ = name or f"structured_{_name(function)}"
    apply.__doc__ = f"Return ``{_name(function)}`` of what a sparse matrix stores."
    return apply


def _name(function):
    return getattr(function, "__name__", None) or function.name


structured_sigmoid = structured_monoid(ew.sigmoid)
structured_exp = structured_monoid(ew.exp)
structured_log = structured_monoid(ew.log)
structured_pow = structured_monoid(ew.pow)
structured_minimum = structured_monoid(ew.minimum)
structured_maximum = structured_monoid(ew.maximum)
structured_add = structured_monoid(ew.add)

# Functions that are 0 at 0.
sin, tan, arcsin, arctan = [structured_monoid(f, f.name) for f in
                            (ew.sin, ew.tan, ew.arcsin, ew.arctan)]
sinh, arcsinh, tanh, arctanh = [structured_monoid(f, f.name) for f in
                                (ew.sinh, ew.arcsinh, ew.tanh, ew.arctanh)]
rint = structured_monoid(round_to_even, "rint")
sgn, ceil, floor, trunc = [structured_monoid(f, f.name) for f in
                           (ew.sgn, ew.ceil, ew.floor, ew.trunc)]
log1p, expm1, sqr, sqrt = [structured_monoid(f, f.name) for f in
                           (ew.log1p, ew.expm1, ew.sqr, ew.sqrt)]
deg2rad, rad2deg, conj = [structured_monoid(f, f.name) for f in
                          (ew.deg2rad, ew.rad2deg, ew.conj)]
