"""Several parameters as one flat float64 vector, which is what SciPy's methods work on."""
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from types import MappingProxyType

import numpy as np

from cytensor._core import TensorType, Variable, new_variable, replace
from cytensor.function import function
from cytensor.ops.values import fit
from cytensor.shared import SharedVariable
from cytensor.tensor import cast, concatenate, flatten, reshape

Params = Variable | Iterable | Mapping


class Packing:
    """Where each parameter lies in the flat vector, in numbers and in the graph.

    Parameters
    ----------
    params : shared variable, list of these, or dict of variable to start value
    data : dict of Variable to array_like, optional
        Values of other inputs.
    givens : dict of Variable to Variable, optional
        What to put in place of variables.
    who : str
        The function that a user called, for errors.

    Attributes
    ----------
    flat : Variable
        The vector.
    pieces : dict
        Each parameter as a part of the vector.
    start : ndarray
    """

    def __init__(self, params, data=None, givens=None, who="minimize"):
        self.who = who
        values = _start_values(params, who)
        self.variables = list(values)
        self.arrays = list(values.values())
        ends = np.cumsum([0] + [value.size for value in self.arrays])
        self.spans = [slice(int(a), int(b)) for a, b in pairwise(ends)]
        self.start = self.pack(self.arrays)
        self.flat = self.vector("flat")
        self.pieces = self.split(self.flat)
        self.data = dict(data or {})
        self.givens = list(dict(givens or {}).items())

    def vector(self, name: str) -> Variable:
        """Make a flat input of the graph."""
        return new_variable(TensorType("float64", (len(self.start),)), name)

    def split(self, flat: Variable) -> dict[Variable, Variable]:
        """Cut a flat vector into the parameters, each of its own shape and dtype."""
        return {v: cast(reshape(flat[span], value.shape), v.type.dtype)
                for v, value, span in zip(self.variables, self.arrays, self.spans)}

    def join(self, expressions: Sequence[Variable]) -> Variable:
        """Write expressions of the parameters' shapes, or other ones, as a flat vector."""
        parts = [cast(flatten(x), "float64") for x in expressions]
        return parts[0] if len(parts) == 1 else concatenate(parts)

    def pack(self, arrays: Sequence[np.ndarray]) -> np.ndarray:
        """Write values of the parameters as a flat vector."""
        return np.concatenate([np.ravel(array) for array in arrays]).astype(np.float64)

    def unpack(self, x: np.ndarray) -> dict[Variable, np.ndarray]:
        """Return the parameters that a flat vector stands for."""
        return {v: np.reshape(x[span], value.shape).astype(v.type.dtype)
                for v, value, span in zip(self.variables, self.arrays, self.spans)}

    def store(self, x: np.ndarray) -> None:
        """Give the shared parameters the values that a flat vector stands for."""
        for v, value in self.unpack(x).items():
            if isinstance(v, SharedVariable):
                v.set_value(value, borrow=True)

    # ----- the graph -----

    def of_flat(self, expressions: Sequence[Variable]) -> list[Variable]:
        """Write expressions in terms of the flat vector."""
        mapping: dict[Variable, Variable] = {}
        for old, new in self.givens:
            mapping[old] = replace([new], mapping)[0]
        return replace(replace(expressions, mapping), self.pieces)

    def compile(self, outputs: Variable | list, *more: Variable):
        """Return a function of the flat vector, and of ``more`` inputs."""
        f = function([self.flat, *more, *self.data], outputs, on_unused_input="ignore",
                     allow_input_downcast=True)
        values = [fit(value, v.type, allow_downcast=True) for v, value in self.data.items()]
        return lambda *args: f(*args, *values)

    def result(self, found):
        """Give the parameters the values that SciPy found, and SciPy's result these values."""
        self.store(found.x)
        found.params = readable(self.unpack(found.x))
        return found


def readable(values: dict) -> Mapping:
    """Return a dict as a mapping that SciPy can print: it takes the keys of a dict for text."""
    return MappingProxyType(values)


def _start_values(params, who):
    """A dict of the parameters and the arrays to start from."""
    if isinstance(params, Variable):
        params = [params]
    pairs = params.items() if isinstance(params, Mapping) else [_pair(p, who) for p in params]
    values = {}
    for v, value in pairs:
        _check(v, values, who)
        values[v] = np.array(fit(value, v.type, allow_downcast=True))
    if not values:
        raise ValueError(f"{who}: there are no parameters")
    return values


def _pair(param, who):
    if isinstance(param, SharedVariable):
        return param, param.get_value()
    if isinstance(param, Variable):
        raise TypeError(f"{who}: the parameter {param!r} has no value to start from; pass "
                        "{variable: value}, or a shared variable")
    return param


def _check(v, values, who):
    if not isinstance(v, Variable) or v.owner is not None:
        raise TypeError(f"{who}: a parameter is a shared variable or an input, not {v!r}")
    if not isinstance(v.type, TensorType) or v.type.dtype not in ("float32", "float64"):
        raise TypeError(f"{who}: the parameter {v!r} is {v.type}; SciPy's methods vary "
                        "float32 and float64")
    if v in values:
        raise ValueError(f"{who}: the parameter {v!r} is listed twice")
