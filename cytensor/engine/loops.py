"""Loops whose steps are calls of a compiled function: for bodies that no plan can be made for.

Such are bodies with values that are Python objects, or whose sizes only the run tells.
"""
from collections import deque

import numpy as np

from cytensor.autodiff.compiler import compiled
from cytensor.ops.scan import row_shapes, use_rules
from cytensor.ops.sizes import Sizes


class _Numbers(Sizes):
    """Sizes that are all known: an array stands for the variable whose value it is."""

    def value(self, variable):
        return int(variable) if isinstance(variable, np.ndarray) else super().value(variable)


class Run:
    """One run of a loop: what the steps read, and what they have made."""

    def __init__(self, arrays, body, form):
        self.body, self.form = body, form
        n, self.seqs, self.inits, self.consts = form.split_inputs(arrays)
        self.n = int(n)
        shapes = [getattr(x, "shape", ()) for x in arrays]
        self.shapes = row_shapes(_Numbers(), shapes, arrays, body, form)
        self.news, self.rows, _ = form.split_results(body)
        self.windows = [deque(self._first(init), maxlen=max(lags))
                        for init, lags in zip(self.inits, form.lags)]
        self.made = [[] for _ in form.lags]
        self.stacks = [[] for _ in self.rows]

    def _first(self, init):
        return [x.copy() for x in _rows_of(init)] if isinstance(init, np.ndarray) else [init]

    def run(self, step):
        """Let ``step(*values of the body's inputs)`` run all steps; return the node's outputs."""
        taken = 0
        while taken < self.n:
            results = self._step(step, taken)
            taken += 1
            if self.form.until and results[-1]:
                break
        out = [self._buffer(i) for i in range(len(self.made))]
        out += [self._stack(i) for i in range(len(self.stacks))]
        return [*out, np.array(taken)] if self.form.until else out

    def _step(self, step, k):
        t = self.n - 1 - k if self.form.backwards else k
        taps = [window[len(window) - lag] for window, lags in zip(self.windows, self.form.lags)
                for lag in lags]
        try:
            results = step(*[x[t, ...] for x in self.seqs], *taps, *self.consts)
        except Exception as error:
            error.add_note(f"in step {k} of {self.form.name or 'a scan'}")
            raise
        count = len(self.made)
        for window, values, new in zip(self.windows, self.made, results):
            window.append(new)
            values.append(new)
        for stack, row in zip(self.stacks, results[count:]):
            stack.append(row)
        return results

    def _buffer(self, i):
        init, keep = self.inits[i], self.form.keeps[i]
        if not isinstance(init, np.ndarray):
            return self.windows[i][-1]
        if not keep:
            return np.stack(self.windows[i])
        made = self._filled(self.made[i], init.shape[1:], init.dtype)
        parts = [made, init[::-1]] if self.form.backwards else [init, made]
        return np.concatenate(parts)

    def _stack(self, i):
        row = self.rows[i]
        return self._filled(self.stacks[i], self.shapes[i], row.type.dtype)

    def _filled(self, values, shape, dtype):
        """Values stacked; where the loop ended early, what is behind them means nothing."""
        out = np.zeros((self.n, *(values[0].shape if values else shape)), dtype)
        if values:
            out[:len(values)] = values
        return out[::-1] if self.form.backwards else out


def _rows_of(array):
    """Those of an array, also where they are single numbers, as arrays."""
    return [array[i, ...] for i in range(len(array))]


def _function_of(body, form):
    found = body.compiled.get(form.how)
    if found is None:
        found = body.compiled[form.how] = compiled(
            list(body.inputs), list(body.outputs), mode=form.how.mode, profile=form.how.profile,
            name=form.name)
    return found


def perform(arrays, params):
    """Run a scan on arrays; return its outputs."""
    return Run(arrays, **params).run(_function_of(**params))


use_rules(perform=perform)
