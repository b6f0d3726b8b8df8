"""What users pass to `scan`, and what their functions return, in one form."""
from typing import NamedTuple

from cytensor._core import TensorType, Variable
from cytensor.ops.registry import as_variable


class until:
    """Say when a loop ends: after the step in which ``condition`` is true.

    Parameters
    ----------
    condition : Variable, 0-d

    Examples
    --------
    >>> import cytensor as ct, cytensor.tensor as T
    >>> limit = T.scalar("limit")
    >>> powers, _ = ct.scan(lambda x: (2 * x, ct.until(2 * x > limit)),
    ...                     outputs_info=T.constant(1.0), n_steps=100)
    >>> ct.function([limit], powers)(20.0)
    array([ 2.,  4.,  8., 16., 32.])
    """

    def __init__(self, condition):
        self.condition = as_variable(condition)
        if self.condition.type.ndim != 0:
            raise TypeError(f"until: the condition is a scalar, not {self.condition.type}")


class Sequence(NamedTuple):
    """An array, and which rows of it a step reads: ``taps`` are relative to the step."""

    array: Variable
    taps: list


class Initial(NamedTuple):
    """The values that an output has before the first step, and which of them a step reads."""

    value: Variable
    taps: list


def as_list(x):
    """Return what users may give as one thing, a list of things, or None, as a list."""
    if x is None:
        return []
    return list(x) if isinstance(x, (list, tuple)) else [x]


def as_sequence(x):
    """Return one of ``sequences`` as a `Sequence`."""
    array, taps = (x["input"], x.get("taps")) if isinstance(x, dict) else (x, None)
    array = as_variable(array)
    if isinstance(array.type, TensorType) and array.type.ndim == 0:
        raise TypeError(f"scan: a sequence needs an axis to go along, {array!r} has none")
    return Sequence(array, [0] if taps is None else as_list(taps))


def as_initial(x):
    """Return one of ``outputs_info`` as an `Initial`, or None where nothing is fed back."""
    if x is None:
        return None
    value, taps = (x.get("initial"), x.get("taps")) if isinstance(x, dict) else (x, None)
    if isinstance(x, dict) and x.get("return_steps") is not None:
        raise ValueError("scan: return_steps is gone; take a part of the result, such as out[-2:]: "
                         "the rest is then not kept")
    if value is None:
        if taps is not None:
            raise ValueError("scan: an output with taps needs initial values: "
                             f"{{'initial': .., 'taps': {taps}}}")
        return None
    return Initial(as_variable(value), _checked_taps([-1] if taps is None else as_list(taps)))


def _checked_taps(taps):
    if len(set(taps)) < len(taps):
        raise ValueError(f"scan: the taps of an output must all be different, not {taps}")
    if any([tap >= 0 for tap in taps]):
        raise ValueError(f"scan: the taps of an output are negative, not {taps}: a step cannot "
                         "read what has not been computed")
    return [int(tap) for tap in taps]


# ----- what the function of one step returns -----

def parse(returned):
    """Sort what the function of a step returned.

    Returns
    -------
    outputs : list of Variable
    updates : dict
    condition : Variable or None
    """
    if not _is_allowed(returned):
        raise ValueError(
            "scan: the function may return variables, and lists, tuples and dicts of them, and "
            f"`until(..)`, not {returned!r}. Write T.constant(value) for a constant")
    if _are_outputs(returned):
        return as_list(returned), {}, None
    if _are_updates(returned):
        return [], dict(returned), None
    if isinstance(returned, until):
        return [], {}, returned.condition
    return _parts(list(returned), returned)


def _parts(parts, returned):
    """Outputs, updates and the condition, in this order; each may be missing."""
    outputs, updates, condition = [], {}, None
    if parts and _are_outputs(parts[0]):
        outputs = as_list(parts.pop(0))
    if parts and _are_updates(parts[0]):
        updates = dict(parts.pop(0))
    if parts and isinstance(parts[0], until):
        condition = parts.pop(0).condition
    if parts:
        raise ValueError("scan: the function returns outputs, then updates (a dict), then "
                         f"`until(..)`, each if there are any; not {returned!r}")
    return outputs, updates, condition


def _is_allowed(x):
    if isinstance(x, (list, tuple)):
        return all([_is_allowed(item) for item in x])
    if isinstance(x, dict):
        return all([_is_allowed(item) for pair in x.items() for item in pair])
    return isinstance(x, (Variable, until))


def _are_outputs(x):
    return isinstance(x, Variable) or (
        isinstance(x, (list, tuple)) and all([isinstance(item, Variable) for item in x]))


def _are_updates(x):
    return isinstance(x, dict) or (isinstance(x, (list, tuple)) and all(
        [isinstance(item, (list, tuple)) and len(item) == 2 for item in x]))
