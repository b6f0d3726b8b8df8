"""Theano's classes of scalar ops: to ask what an elementwise op is, and to make one."""
from cytensor import tensor as T
from cytensor.compat.theano.kinds import kind

#: Class -> our function. Calling a class gives the op itself.
_OPS = {
    "Abs": T.abs_, "Add": T.add, "AND": T.and_, "Angle": T.angle, "ArcCos": T.arccos,
    "ArcCosh": T.arccosh, "ArcSin": T.arcsin, "ArcSinh": T.arcsinh, "ArcTan": T.arctan,
    "ArcTan2": T.arctan2, "ArcTanh": T.arctanh, "Ceil": T.ceil, "Clip": T.clip,
    "Complex": T.make_complex, "ComplexFromPolar": T.complex_from_polar, "Conj": T.conj,
    "Cos": T.cos, "Cosh": T.cosh, "Deg2Rad": T.deg2rad, "EQ": T.eq, "Exp": T.exp, "Exp2": T.exp2,
    "Expm1": T.expm1, "Floor": T.floor, "GE": T.ge, "GT": T.gt, "Imag": T.imag,
    "IntDiv": T.floor_div, "Inv": T.reciprocal, "Invert": T.invert, "IsInf": T.isinf,
    "IsNan": T.isnan, "LE": T.le, "LT": T.lt, "Log": T.log, "Log10": T.log10, "Log1p": T.log1p,
    "Log2": T.log2, "Maximum": T.maximum, "Minimum": T.minimum, "Mod": T.mod, "Mul": T.mul,
    "NEQ": T.neq, "Neg": T.neg, "OR": T.or_, "Pow": T.pow, "Rad2Deg": T.rad2deg, "Real": T.real,
    "RoundHalfAwayFromZero": T.round_half_away_from_zero,
    "RoundHalfToEven": T.round_half_to_even, "Second": T.second, "Sgn": T.sgn, "Sin": T.sin,
    "Sinh": T.sinh, "Sqr": T.sqr, "Sqrt": T.sqrt, "Sub": T.sub, "Switch": T.switch, "Tan": T.tan,
    "Tanh": T.tanh, "TrueDiv": T.true_div, "Trunc": T.trunc, "XOR": T.xor,
    "Identity": T.TensorVariable.copy, "Erf": T.erf, "Erfc": T.erfc, "Erfcx": T.erfcx,
    "Erfinv": T.erfinv, "Erfcinv": T.erfcinv, "Gamma": T.gamma, "GammaLn": T.gammaln, "Psi": T.psi,
    "TriGamma": T.tri_gamma, "Chi2SF": T.chi2sf, "Jv": T.jv, "J0": T.j0, "J1": T.j1, "Iv": T.iv,
    "I0": T.i0, "I1": T.i1,
}


def _always(op):
    return lambda *args, **kwargs: op


globals().update({name: kind(name, getattr(op, "name", ""), _always(op))
                  for name, op in _OPS.items()})
Cast = kind("Cast", "cast", lambda dtype, name=None: lambda x: T.cast(x, str(dtype)))
LogicalComparison = kind("LogicalComparison", "eq neq lt le gt ge")
FixedLogicalComparison = kind("FixedLogicalComparison", "isnan isinf")
UnaryBitOp = kind("UnaryBitOp", "invert")
BinaryBitOp = kind("BinaryBitOp", "and_ or_ xor")
