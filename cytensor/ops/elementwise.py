"""Elementwise ops. One row says everything: what one element costs in C, and the gradient.

In an expression ``T`` is the dtype of the inputs; float16 is computed in float. Names ``ct_*`` are
those of ``cpu/ctmath.h``, generic over the dtypes; ``ctc_*`` are those of ``cpu/ctcomplex.h``, for
complex numbers alone. Rows with ``special=True`` run SciPy's function. ``fixup`` names a function
that needs ``ct_<fixup>_any`` instead for the rare floats where ``ct_is_big_<fixup>`` is true.
A gradient is plain mathematics: the walk casts, undoes broadcasting, and skips what nobody wants.
It is the linear transpose of the derivative, without conjugation: ``conj`` shows up only where a
function is not holomorphic.

The build reads this file too, with a recorder in place of ``elementwise``: at its top level it
may do nothing but fill rows.
"""
from math import log as ln
from math import pi

from cytensor.ops.registry import KIND, elementwise, scalar_like


def _zero(x):
    """A gradient of 0; the walk gives it the shape of ``x``."""
    return scalar_like(0, x.type.dtype)


def _is_complex(x):
    return KIND[x.type.dtype] == "c"


def _conj(x):
    return conj(x) if _is_complex(x) else x


def _step(g, y, *inputs):
    """The gradient of a function that is constant between its jumps."""
    return tuple([_zero(x) for x in inputs])


# ----- arithmetic -----

add = elementwise(
    "add", {"?": "{x} | {y}", "*": "{x} + {y}"},
    lambda g, z, x, y: (g, g), commutes=True, chains=0, doc="Add arrays.")
sub = elementwise(
    "sub", "{x} - {y}", lambda g, z, x, y: (g, -g), kinds="iufc", doc="Subtract.")
mul = elementwise(
    "mul", {"?": "{x} & {y}", "*": "{x} * {y}", "c": "ctc_mul({x}, {y})"},
    lambda g, z, x, y: (g * y, g * x), commutes=True, chains=1,
    doc="Multiply arrays.")


def _true_div_vjp(g, z, x, y):
    gx = g / y
    return gx, -(gx * z)


true_div = elementwise(
    "true_div", {"*": "{x} / {y}", "c": "ctc_div({x}, {y})"}, _true_div_vjp,
    types="divide", kinds="fc", doc="Divide; the quotient of integers is a float.")
floor_div = elementwise(
    "floor_div", "ct_floor_div({x}, {y})", _step, kinds="iuf", fixup="floor_div",
    doc="Divide and round towards minus infinity.")
mod = elementwise(
    "mod", "ct_floor_mod({x}, {y})", lambda g, z, x, y: (g, -(g * floor_div(x, y))), kinds="iuf",
    fixup="floor_mod", doc="Take the remainder of `floor_div`; it has the sign of the divisor.")
neg = elementwise(
    "neg", "-{x}", lambda g, y, x: (-g,), kinds="iufc", doc="Change the sign.")
abs = elementwise(
    "abs", {"?": "{x}", "u": "{x}", "*": "ct_abs({x})"},
    lambda g, y, x: (g * _conj(sgn(x)),), types="real",
    doc="Take the absolute value; of a complex number it is real.")


def _sgn_vjp(g, y, x):
    if not _is_complex(x):
        return (_zero(x),)
    turn = make_complex(0, imag(g * y) / abs(x))        # only the angle of x moves y
    return (turn * conj(y),)


sgn = elementwise(
    "sgn", {"?": "{x}", "u": "{x} != 0", "*": "ct_sgn({x})"}, _sgn_vjp,
    doc="Return -1, 0 or 1 by the sign; of a complex number x / abs(x).")
sqr = elementwise(
    "sqr", {"*": "{x} * {x}", "c": "ctc_mul({x}, {x})"}, lambda g, y, x: (g * 2 * x,),
    kinds="iufc", doc="Multiply by itself.")
sqrt = elementwise(
    "sqrt", "ct_sqrt({x})", lambda g, y, x: (g / (2 * y),),
    types="float", kinds="fc", doc="Take the square root.")
reciprocal = elementwise(
    "reciprocal", {"f": "(T)1 / {x}", "c": "ctc_div((T)1, {x})"},
    lambda g, y, x: (-(g * sqr(y)),), types="float", kinds="fc", doc="Divide 1 by it.")
rsqrt = elementwise(
    "rsqrt", "(T)1 / ct_sqrt({x})", lambda g, y, x: (g * y * sqr(y) * -0.5,),
    types="float", kinds="f", doc="Divide 1 by the square root.")
cbrt = elementwise(
    "cbrt", "ct_cbrt({x})", lambda g, y, x: (g / (3 * sqr(y)),), types="float", kinds="f",
    doc="Take the cubic root.")


def _pow_vjp(g, z, x, y):
    gx = switch(eq(y, 0), 0, g * y * x ** (y - 1))      # 0 ** -1 is not wanted where y is 0
    return gx, g * z * log(switch(eq(x, 0), 1, x))      # 0 ** y is flat in y


pow = elementwise(
    "pow", {"*": "ct_pow({x}, {y})", "c": "ctc_pow({x}, {y})"}, _pow_vjp, kinds="iufc",
    doc="Raise to a power.")
hypot = elementwise(
    "hypot", "ct_hypot({x}, {y})", lambda g, z, x, y: (g * (x / z), g * (y / z)),
    types="float", kinds="f", commutes=True, doc="Return sqrt(x*x + y*y) without overflow.")


# ----- exponentials and logarithms -----

exp = elementwise(
    "exp", "ct_exp({x})", lambda g, y, x: (g * y,),
    types="float", kinds="fc", doc="Return e to the power of it.")
exp2 = elementwise(
    "exp2", "ct_exp2({x})",
    lambda g, y, x: (g * y * ln(2),), types="float", kinds="fc",
    doc="Return 2 to the power of it.")
expm1 = elementwise(
    "expm1", "ct_expm1({x})", lambda g, y, x: (g * (y + 1),),
    types="float", kinds="fc", doc="Return exp(x) - 1, precise near 0.")
log = elementwise(
    "log", "ct_log({x})", lambda g, y, x: (g / x,),
    types="float", kinds="fc", doc="Take the natural logarithm.")
log2 = elementwise(
    "log2", "ct_log2({x})",
    lambda g, y, x: (g / (x * ln(2)),), types="float", kinds="fc",
    doc="Take the logarithm to base 2.")
log10 = elementwise(
    "log10", "ct_log10({x})",
    lambda g, y, x: (g / (x * ln(10)),), types="float", kinds="fc",
    doc="Take the logarithm to base 10.")
log1p = elementwise(
    "log1p", "ct_log1p({x})", lambda g, y, x: (g / (x + 1),),
    types="float", kinds="fc", doc="Return log(1 + x), precise near 0.")
log1mexp = elementwise(
    "log1mexp", "ct_log1mexp({x})", lambda g, y, x: (-(g / expm1(-x)),),
    types="float", kinds="f", doc="Return log(1 - exp(x)) for negative x, precise at both ends.")
logaddexp = elementwise(
    "logaddexp", "ct_logaddexp({x}, {y})",
    lambda g, z, x, y: (g * sigmoid(x - y), g * sigmoid(y - x)), types="float", kinds="f",
    commutes=True, doc="Return log(exp(x) + exp(y)) without overflow.")


# ----- trigonometry -----

sin = elementwise(
    "sin", "ct_sin({x})", lambda g, y, x: (g * cos(x),),
    types="float", kinds="fc", fixup="sin", doc="Take the sine.")
cos = elementwise(
    "cos", "ct_cos({x})", lambda g, y, x: (-(g * sin(x)),),
    types="float", kinds="fc", fixup="cos", doc="Take the cosine.")
tan = elementwise(
    "tan", "ct_tan({x})", lambda g, y, x: (g * (1 + sqr(y)),),
    types="float", kinds="fc", fixup="tan", doc="Take the tangent.")
arcsin = elementwise(
    "arcsin", "ct_asin({x})",
    lambda g, y, x: (g / sqrt(1 - sqr(x)),), types="float", kinds="fc",
    doc="Take the inverse sine.")
arccos = elementwise(
    "arccos", "ct_acos({x})",
    lambda g, y, x: (-(g / sqrt(1 - sqr(x))),), types="float", kinds="fc",
    doc="Take the inverse cosine.")
arctan = elementwise(
    "arctan", "ct_atan({x})", lambda g, y, x: (g / (1 + sqr(x)),),
    types="float", kinds="fc", doc="Take the inverse tangent.")


def _arctan2_vjp(g, z, y, x):
    scaled = g / (sqr(x) + sqr(y))
    return scaled * x, -(scaled * y)


arctan2 = elementwise(
    "arctan2", "ct_atan2({x}, {y})", _arctan2_vjp, types="float", kinds="f",
    doc="Return the angle of the point (second, first).")
sinh = elementwise(
    "sinh", "ct_sinh({x})", lambda g, y, x: (g * cosh(x),),
    types="float", kinds="fc", doc="Take the hyperbolic sine.")
cosh = elementwise(
    "cosh", "ct_cosh({x})", lambda g, y, x: (g * sinh(x),),
    types="float", kinds="fc", doc="Take the hyperbolic cosine.")
tanh = elementwise(
    "tanh", "ct_tanh({x})", lambda g, y, x: (g * (1 - sqr(y)),),
    types="float", kinds="fc", doc="Take the hyperbolic tangent.")
arcsinh = elementwise(
    "arcsinh", "ct_asinh({x})",
    lambda g, y, x: (g / sqrt(1 + sqr(x)),), types="float", kinds="fc",
    doc="Take the inverse hyperbolic sine.")
arccosh = elementwise(
    "arccosh", "ct_acosh({x})",
    lambda g, y, x: (g / (sqrt(x - 1) * sqrt(x + 1)),), types="float", kinds="fc",
    doc="Take the inverse hyperbolic cosine.")
arctanh = elementwise(
    "arctanh", "ct_atanh({x})",
    lambda g, y, x: (g / (1 - sqr(x)),), types="float", kinds="fc",
    doc="Take the inverse hyperbolic tangent.")
deg2rad = elementwise(
    "deg2rad", "{x} * (T)0.017453292519943295", lambda g, y, x: (deg2rad(g),),
    types="float", kinds="f", doc="Convert degrees to radians.")
rad2deg = elementwise(
    "rad2deg", "{x} * (T)57.29577951308232", lambda g, y, x: (rad2deg(g),),
    types="float", kinds="f", doc="Convert radians to degrees.")


# ----- rounding -----

ceil = elementwise(
    "ceil", {"f": "ct_ceil({x})", "*": "{x}"}, _step, kinds="biuf", doc="Round up.")
floor = elementwise(
    "floor", {"f": "ct_floor({x})", "*": "{x}"}, _step, kinds="biuf", doc="Round down.")
trunc = elementwise(
    "trunc", {"f": "ct_trunc({x})", "*": "{x}"}, _step, kinds="biuf", doc="Round towards 0.")
round_half_to_even = elementwise(
    "round_half_to_even", {"f": "ct_rint({x})", "*": "{x}"}, _step, kinds="biuf",
    doc="Round to the nearest integer, halves to the even one.")
round_half_away_from_zero = elementwise(
    "round_half_away_from_zero", {"f": "ct_round({x})", "*": "{x}"}, _step, kinds="biuf",
    doc="Round to the nearest integer, halves away from 0.")


# ----- comparison and choice -----

eq = elementwise(
    "eq", "{x} == {y}", types="compare", commutes=True, doc="Compare for equality.")
neq = elementwise(
    "neq", "{x} != {y}", types="compare", commutes=True, doc="Compare for inequality.")
lt = elementwise("lt", "{x} < {y}", types="compare", kinds="biuf", doc="Test for x < y.")
le = elementwise("le", "{x} <= {y}", types="compare", kinds="biuf", doc="Test for x <= y.")
gt = elementwise("gt", "{x} > {y}", types="compare", kinds="biuf", doc="Test for x > y.")
ge = elementwise("ge", "{x} >= {y}", types="compare", kinds="biuf", doc="Test for x >= y.")
isnan = elementwise(
    "isnan", "{x} != {x}", types="float_test", kinds="fc", doc="Test for not-a-number.")
isinf = elementwise(
    "isinf", {"f": "ct_abs({x}) == (T)INFINITY", "c": "ctc_isinf({x})"}, types="float_test",
    kinds="fc", doc="Test for plus or minus infinity.")
isfinite = elementwise(
    "isfinite", {"f": "ct_abs({x}) < (T)INFINITY", "c": "ctc_isfinite({x})"},
    types="float_test", kinds="fc", doc="Test for neither infinite nor not-a-number.")

# The condition has no gradient. A tie gives all of g to x, so that maximum(x, x) counts once.
switch = elementwise(
    "switch", "{x} ? {y} : {z}",
    lambda g, out, c, x, y: (None, switch(c, g, 0), switch(c, 0, g)), types="where",
    doc="Take the second where the first is true, else the third.")


def _share(first, g):
    """Give ``g`` to the first of two inputs where a condition holds, else to the second."""
    return switch(first, g, 0), switch(first, 0, g)


maximum = elementwise(
    "maximum", {"?": "{x} | {y}", "*": "ct_max({x}, {y})"},
    lambda g, z, x, y: _share(ge(x, y), g), kinds="biuf", commutes=True,
    doc="Take the larger; not-a-number wins.")
minimum = elementwise(
    "minimum", {"?": "{x} & {y}", "*": "ct_min({x}, {y})"},
    lambda g, z, x, y: _share(le(x, y), g), kinds="biuf", commutes=True,
    doc="Take the smaller; not-a-number wins.")
fmax = elementwise(
    "fmax", {"?": "{x} | {y}", "f": "ct_fmax({x}, {y})", "*": "ct_max({x}, {y})"},
    lambda g, z, x, y: _share(or_(ge(x, y), isnan(y)), g), kinds="biuf", commutes=True,
    doc="Take the larger; a number wins over not-a-number.")
fmin = elementwise(
    "fmin", {"?": "{x} & {y}", "f": "ct_fmin({x}, {y})", "*": "ct_min({x}, {y})"},
    lambda g, z, x, y: _share(or_(le(x, y), isnan(y)), g), kinds="biuf", commutes=True,
    doc="Take the smaller; a number wins over not-a-number.")


def _clip_vjp(g, out, x, low, high):
    below, above = lt(x, low), gt(maximum(x, low), high)        # high wins over low
    return (switch(or_(below, gt(x, high)), 0, g), switch(above, 0, switch(below, g, 0)),
            switch(above, g, 0))


clip = elementwise(
    "clip", {"?": "({x} | {y}) & {z}", "*": "ct_min({z}, ct_max({x}, {y}))"}, _clip_vjp,
    kinds="biuf", doc="Limit to the range from the second to the third.")


# ----- bits and truth values -----

and_ = elementwise("and_", "{x} & {y}", kinds="biu", commutes=True, doc="And, bit by bit.")
or_ = elementwise("or_", "{x} | {y}", kinds="biu", commutes=True, doc="Or, bit by bit.")
xor = elementwise("xor", "{x} ^ {y}", kinds="biu", commutes=True,
                  doc="Exclusive or, bit by bit.")
invert = elementwise("invert", {"?": "!{x}", "*": "~{x}"}, kinds="biu",
                     doc="Flip each bit; of a bool, not.")
left_shift = elementwise("left_shift", "ct_shl({x}, {y})", kinds="iu", doc="Shift bits left.")
right_shift = elementwise("right_shift", "ct_shr({x}, {y})", kinds="iu",
                          doc="Shift bits right; a negative number stays negative.")
logical_and = elementwise("logical_and", "{x} & {y}", types="logical", kinds="b",
                          commutes=True, doc="Test that both are true.")
logical_or = elementwise("logical_or", "{x} | {y}", types="logical", kinds="b", commutes=True,
                         doc="Test that one or both are true.")
logical_xor = elementwise("logical_xor", "{x} ^ {y}", types="logical", kinds="b", commutes=True,
                          doc="Test that exactly one is true.")
logical_not = elementwise("logical_not", "!{x}", types="logical", kinds="b",
                          doc="Test that it is false.")


# ----- activations -----

sigmoid = elementwise(
    "sigmoid", "ct_sigmoid({x})", lambda g, y, x: (g * (y * (1 - y)),), types="float",
    kinds="f", doc="Return 1 / (1 + exp(-x)).")
hard_sigmoid = elementwise(
    "hard_sigmoid", "ct_min(ct_max({x} * (T)0.2 + (T)0.5, (T)0), (T)1)",
    lambda g, y, x: (switch(gt(abs(x), 2.5), 0, g * 0.2),), types="float", kinds="f",
    doc="Approximate `sigmoid` by 0.2 x + 0.5 between 0 and 1.")


def _ultra_fast_sigmoid_vjp(g, y, x):
    half = abs(x) * 0.5
    slope = switch(lt(half, 1.7), 0.375 / sqr(1 + half), 0.25 * 0.0458812946797165)
    return (g * switch(lt(half, 3), slope, 0),)


# h = |x| / 2; z(h) is 1.5 h / (1 + h), then a line, then a constant; y = (1 + sign(x) z) / 2
ultra_fast_sigmoid = elementwise(
    "ultra_fast_sigmoid",
    "(T)0.5 + ct_sgn({x}) * (T)0.5 * ("
    "ct_abs({x}) < (T)3.4 ? (T)0.75 * ct_abs({x}) / ((T)1 + (T)0.5 * ct_abs({x})) : "
    "ct_abs({x}) < (T)6 ? (T)0.935409070603099 + (T)0.0458812946797165 * "
    "((T)0.5 * ct_abs({x}) - (T)1.7) : (T)0.99505475368673)",
    _ultra_fast_sigmoid_vjp, types="float", kinds="f",
    doc="Approximate `sigmoid` to 0.02 by three simple pieces.")
softplus = elementwise(
    "softplus", "ct_softplus({x})", lambda g, y, x: (g * sigmoid(x),), types="float",
    kinds="f", doc="Return log(1 + exp(x)) without overflow.")
relu = elementwise(
    "relu", {"?": "{x}", "u": "{x}", "*": "ct_max({x}, (T)0)"},
    lambda g, y, x: (g * (0.5 * (1 + sgn(x))),), kinds="biuf",
    doc="Take the larger of it and 0; the slope at 0 is a half.")


# ----- special functions -----

erf = elementwise(
    "erf", "ct_erf({x})", lambda g, y, x: (g * (2 / pi ** 0.5) * exp(-sqr(x)),),
    types="float", kinds="f", doc="Take the error function.")
erfc = elementwise(
    "erfc", "ct_erfc({x})", lambda g, y, x: (g * (-2 / pi ** 0.5) * exp(-sqr(x)),),
    types="float", kinds="f", doc="Return 1 - erf(x), precise for large x.")
erfinv = elementwise(
    "erfinv", "ct_erfinv({x})", lambda g, y, x: (g * (pi ** 0.5 / 2) * exp(sqr(y)),),
    types="float", kinds="f", special=True, doc="Invert `erf`.")
erfcinv = elementwise(
    "erfcinv", "ct_erfcinv({x})", lambda g, y, x: (g * (-pi ** 0.5 / 2) * exp(sqr(y)),),
    types="float", kinds="f", special=True, doc="Invert `erfc`.")
erfcx = elementwise(
    "erfcx", "ct_erfcx({x})", lambda g, y, x: (g * (2 * x * y - 2 / pi ** 0.5),),
    types="float", kinds="f", special=True, doc="Return exp(x*x) * erfc(x) without overflow.")
gamma = elementwise(
    "gamma", "ct_gamma({x})", lambda g, y, x: (g * y * psi(x),), types="float", kinds="f",
    special=True, doc="Take the gamma function.")
gammaln = elementwise(
    "gammaln", "ct_gammaln({x})", lambda g, y, x: (g * psi(x),), types="float", kinds="f",
    special=True, doc="Take the logarithm of the absolute value of the gamma function.")
psi = elementwise(
    "psi", "ct_psi({x})", lambda g, y, x: (g * tri_gamma(x),), types="float", kinds="f",
    special=True, doc="Take the derivative of `gammaln`.")
tri_gamma = elementwise(
    "tri_gamma", "ct_tri_gamma({x})", lambda g, y, x: (g * polygamma(2, x),), types="float",
    kinds="f", special=True, doc="Take the derivative of `psi`.")
# The order is a whole number: it has no gradient.
polygamma = elementwise(
    "polygamma", "ct_polygamma({x}, {y})", lambda g, z, n, x: (None, g * polygamma(n + 1, x)),
    types="float", kinds="f", special=True,
    doc="Take the derivative of `psi` of order n = 1, 2, ... at the second argument.")


def _chi2sf_vjp(g, z, x, k):
    log_density = (k / 2 - 1) * log(x) - x / 2 - (k / 2) * ln(2) - gammaln(k / 2)
    return -(g * exp(log_density)), None                # no closed form in k


chi2sf = elementwise(
    "chi2sf", "ct_chi2sf({x}, {y})", _chi2sf_vjp, types="float", kinds="f", special=True,
    doc="Return the probability that chi squared with k (second) degrees exceeds x.")


def _gamma_density(k, x):
    """The derivative of gammainc in x; there is no closed form of that in k."""
    return exp((k - 1) * log(x) - x - gammaln(k))


gammainc = elementwise(
    "gammainc", "ct_gammainc({x}, {y})", lambda g, z, k, x: (None, g * _gamma_density(k, x)),
    types="float", kinds="f", special=True,
    doc="Take the lower incomplete gamma function of k (first) and x, divided by gamma(k).")
gammaincc = elementwise(
    "gammaincc", "ct_gammaincc({x}, {y})", lambda g, z, k, x: (None, -(g * _gamma_density(k, x))),
    types="float", kinds="f", special=True,
    doc="Take the upper incomplete gamma function of k (first) and x, divided by gamma(k).")


def gammal(k, x):
    """Take the lower incomplete gamma function: the integral of t^(k-1) exp(-t) from 0 to x.

    Examples
    --------
    >>> from cytensor.tensor import constant
    >>> round(float(gammal(constant(1.0), 2.0).eval()), 6)      # 1 - exp(-2)
    0.864665
    """
    return gammainc(k, x) * gamma(k)


def gammau(k, x):
    """Take the upper incomplete gamma function: the integral of t^(k-1) exp(-t) from x on.

    Examples
    --------
    >>> from cytensor.tensor import constant
    >>> round(float(gammau(constant(1.0), 2.0).eval()), 6)      # exp(-2)
    0.135335
    """
    return gammaincc(k, x) * gamma(k)


j0 = elementwise(
    "j0", "ct_j0({x})", lambda g, y, x: (-(g * j1(x)),), types="float", kinds="f",
    special=True, doc="Take the Bessel function of the first kind of order 0.")
j1 = elementwise(
    "j1", "ct_j1({x})", lambda g, y, x: (g * (0.5 * (j0(x) - jv(2, x))),), types="float",
    kinds="f", special=True, doc="Take the Bessel function of the first kind of order 1.")
# There is no closed form of the derivative in the order v.
jv = elementwise(
    "jv", "ct_jv({x}, {y})",
    lambda g, z, v, x: (None, g * (0.5 * (jv(v - 1, x) - jv(v + 1, x)))), types="float",
    kinds="f", special=True, doc="Take the Bessel function of the first kind of order v (first).")
i0 = elementwise(
    "i0", "ct_i0({x})", lambda g, y, x: (g * i1(x),), types="float", kinds="f", special=True,
    doc="Take the modified Bessel function of order 0.")
i1 = elementwise(
    "i1", "ct_i1({x})", lambda g, y, x: (g * (0.5 * (i0(x) + iv(2, x))),), types="float",
    kinds="f", special=True, doc="Take the modified Bessel function of order 1.")
iv = elementwise(
    "iv", "ct_iv({x}, {y})",
    lambda g, z, v, x: (None, g * (0.5 * (iv(v - 1, x) + iv(v + 1, x)))), types="float",
    kinds="f", special=True, doc="Take the modified Bessel function of order v (first).")


# ----- complex numbers -----

real = elementwise(
    "real", {"*": "{x}", "c": "ctc_re({x})"},
    lambda g, y, x: (make_complex(g, 0) if _is_complex(x) else g,), types="real",
    doc="Take the real part.")
imag = elementwise(
    "imag", {"*": "(T)0", "c": "ctc_im({x})"},
    lambda g, y, x: (make_complex(0, -g) if _is_complex(x) else _zero(x),), types="real",
    doc="Take the imaginary part.")
conj = elementwise(
    "conj", {"*": "{x}", "c": "ctc_conj({x})"}, lambda g, y, x: (_conj(g),),
    doc="Change the sign of the imaginary part.")
angle = elementwise(
    "angle", {"f": "ct_atan2((T)0, {x})", "c": "ct_angle({x})"},
    lambda g, y, x: (make_complex(0, -g) / x if _is_complex(x) else _zero(x),),
    types="angle", kinds="fc", doc="Take the angle in the complex plane, in radians.")
make_complex = elementwise(
    "make_complex", "ctc_make({x}, {y})", lambda g, z, x, y: (real(g), -imag(g)),
    types="make_complex", kinds="f", doc="Make a complex number from its two parts.")


def complex_from_polar(radius, angle):
    """Make complex numbers from their absolute values and angles.

    Parameters
    ----------
    radius, angle : array_like

    Returns
    -------
    Variable

    Examples
    --------
    >>> complex_from_polar(2.0, 0.5).type
    TensorType(complex128, scalar)
    """
    return make_complex(mul(radius, cos(angle)), mul(radius, sin(angle)))


def isclose(a, b, rtol=1e-5, atol=1e-8, equal_nan=False):
    """Test where ``abs(a - b) <= atol + rtol * abs(b)``; equal infinities are close.

    Parameters
    ----------
    a, b : array_like
    rtol, atol : float
        Relative and absolute tolerance.
    equal_nan : bool
        Whether not-a-number is close to not-a-number.

    Returns
    -------
    Variable of bool

    Examples
    --------
    >>> isclose(1.0, [1.0, 2.0]).type
    TensorType(bool, (2,))
    """
    difference = sub(true_div(a, 1), b)                 # of floats: integers would wrap around
    within = le(abs(difference), add(atol, mul(rtol, abs(b))))
    close = or_(eq(a, b), and_(within, isfinite(b)))
    return or_(close, and_(isnan(a), isnan(b))) if equal_nan else close
