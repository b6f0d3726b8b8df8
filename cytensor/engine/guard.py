"""NanGuardMode: the first op whose result holds a NaN, an infinity or a huge number is named."""
import warnings

import numpy as np

from cytensor._watch import Guard
from cytensor.engine.modes import Mode
from cytensor.engine.pipeline import device
from cytensor.engine.tracing import Bad, trace_step
from cytensor.failures import where

BIG = 1e10
_FLOATS = (np.float16, np.float32, np.float64)


class NanGuardMode(Mode):
    """A mode that stops where bad numbers appear.

    The results of all steps are looked at, the arguments and the shared values as well. A fused
    group and a loop are one step; when its result is bad, it is run once more op by op to name
    the first of them. Shared variables change only when a call has succeeded.

    Parameters
    ----------
    nan_is_error, inf_is_error, big_is_error : bool
        What is bad; numbers beyond 1e10 are big.
    optimizer : str, optional
        As for ``Mode``.
    action : {"raise", "warn", "pdb"}
        What to do: raise an AssertionError, warn, or start the debugger.

    Examples
    --------
    >>> import cytensor as ct, cytensor.tensor as T
    >>> x = T.dvector("x")
    >>> f = ct.function([x], T.log(x), mode=NanGuardMode())
    >>> f([1.0, -1.0])
    Traceback (most recent call last):
        ...
    AssertionError: NaN in 1 of 2 numbers that log made
      ...
    """

    def __init__(self, nan_is_error=True, inf_is_error=True, big_is_error=True,
                 optimizer="default", linker=None, action="raise", excluding=(), **options):
        super().__init__(linker, optimizer, {**dict.fromkeys(excluding), "inplace": None},
                         **options)
        self.nan_is_error, self.inf_is_error, self.big_is_error = [
            flag is None or bool(flag) for flag in (nan_is_error, inf_is_error, big_is_error)]
        self.action = action

    def options(self):
        """Return the further arguments that make this mode."""
        return {"nan_is_error": self.nan_is_error, "inf_is_error": self.inf_is_error,
                "big_is_error": self.big_is_error, "action": self.action}

    def watchers(self):
        """Return the guard."""
        kernel = device().structured_kernel("guard")
        return [Guard(self._report_value, self._report_step, kernel, self._limits())]

    def _limits(self):
        """The bits of the largest good number of each kind of float."""
        limits = []
        for dtype in _FLOATS:
            top = float(np.finfo(dtype).max)
            bound = min(top, BIG) if self.big_is_error else top if self.inf_is_error else np.inf
            bound = np.array(bound, dtype)
            limits.append(int(bound.view(f"i{bound.itemsize}")))
        return limits

    # ----- a bad number was found -----

    def _report_value(self, program, number, value):
        text = self._describe(value)
        if text:
            variable = program.variables[number]
            self._act(f"{text} that {variable!r} holds{where(variable)}"
                      f"{_summary([variable], [value])}")

    def _report_step(self, segment, step, operands, registers):
        for value in operands[:step.written]:
            text = self._describe(value)
            if text:
                self._act(self._name(text, segment, step, operands, registers))
                break

    def _describe(self, value):
        """What is bad about an array, or None."""
        if not isinstance(value, np.ndarray) or value.dtype.kind not in "fc":
            return None
        big = min(BIG, float(np.finfo(value.dtype).max))
        kinds = (("NaN", self.nan_is_error, np.isnan(value)),
                 ("Inf", self.inf_is_error, np.isinf(value)),
                 ("Big value", self.big_is_error, np.isfinite(value) & (np.abs(value) > big)))
        for name, is_error, found in kinds:
            if is_error and found.any():
                return f"{name} in {np.count_nonzero(found)} of {value.size} numbers"
        return None

    def _name(self, text, segment, step, operands, registers):
        """The message for a step: which of its ops it was."""
        try:
            bad = trace_step(segment, step, operands, registers, self._describe)
        except Exception:           # it does not run by itself: then it is named as a whole
            bad = None
        if bad is None:
            bad = Bad(step.node, text, operands[step.written:], "")
        name = getattr(getattr(bad.node, "op", None), "name", "a copy")
        variables = getattr(bad.node, "inputs", ())
        return (f"{bad.text} that {name} made{where(bad.node)}{bad.place}"
                f"{_summary(variables, bad.inputs)}")

    def _act(self, text):
        if self.action == "raise":
            raise AssertionError(text)
        if self.action == "pdb":
            print(text)
            breakpoint()
        else:
            warnings.warn(text, stacklevel=3)


def _summary(variables, values):
    """A line for each input: its shape, dtype and range."""
    lines = []
    for variable, value in zip(variables, values):
        if isinstance(value, np.ndarray):
            lines.append(f"\n  input {variable!r}: {value.dtype}, shape {value.shape}"
                         f"{_range(value)}")
    return "".join(lines)


def _range(value):
    if value.dtype.kind != "f" or not np.isfinite(value).any():
        return ""
    finite = value[np.isfinite(value)]
    bad = value.size - finite.size
    return (f", from {finite.min():.4g} to {finite.max():.4g}"
            + (f", {bad} not finite" if bad else ""))
