"""``scan`` as Theano has it: its results count as made of all that it was given."""
import functools
import inspect

import cytensor
from cytensor import tensor as T
from cytensor._core import Variable
from cytensor.compat.theano.dependence import reading
from cytensor.loops.arguments import as_list

_SIGNATURE = inspect.signature(cytensor.scan)


@functools.wraps(cytensor.scan)
def scan(*args, **kwargs):
    """Apply a function step by step; see ``cytensor.scan``.

    A sequence or a non-sequence that no step reads counts as an input of the results.
    """
    results, updates = cytensor.scan(*args, **kwargs)
    given = _given(_SIGNATURE.bind(*args, **kwargs).arguments)
    if isinstance(results, list):
        return [_mentioning(x, given) for x in results], updates
    return _mentioning(results, given), updates


def _given(arguments):
    """The variables that are listed among the arguments of a scan."""
    found = []
    for name in ("sequences", "outputs_info", "non_sequences"):
        for x in as_list(arguments.get(name)):
            x = x.get("input", x.get("initial")) if isinstance(x, dict) else x
            if isinstance(x, Variable) and isinstance(x.type, T.TensorType):
                found.append(x)
    return found


def _mentioning(x, given):
    plain = isinstance(x, Variable) and isinstance(x.type, T.TensorType)
    return reading(x, *given) if plain else x
