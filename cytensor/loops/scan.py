"""`scan`: a loop as an expression."""
from cytensor._core import Constant, TensorType, Variable, leaves, new_variable, placeholder
from cytensor.engine.modes import as_mode
from cytensor.loops.arguments import as_initial, as_list, as_sequence, parse
from cytensor.loops.checkpoints import Chunks
from cytensor.loops.updates import OrderedUpdates
from cytensor.ops.elementwise import minimum
from cytensor.ops.outside import make_outside
from cytensor.ops.quiet import quiet
from cytensor.ops.registry import KIND, as_variable, to_dtype
from cytensor.ops.scan import AS_AROUND, How, Loop, State
from cytensor.ops.views import as_size, dimshuffle_op, sizes_of
from cytensor.profiles import as_stats
from cytensor.shared import SharedVariable
from cytensor.test_values import complete, lend


def scan(fn, sequences=None, outputs_info=None, non_sequences=None, n_steps=None,
         truncate_gradient=-1, go_backwards=False, mode=None, name=None, profile=False,
         allow_gc=None, strict=False, return_list=False, checkpoint=None):
    """Apply a function step by step: to rows of arrays, and to what it returned before.

    Parameters
    ----------
    fn : callable
        What one step computes. Its arguments are variables: for each sequence its rows at the
        taps, for each output that is fed back its values at the taps, then the non-sequences. It
        returns outputs, then updates of shared variables (a dict), then ``until(condition)``, each
        if there are any.
    sequences : Variable or dict, or list of those
        Arrays whose rows the steps read, in turn. ``dict(input=x, taps=[-1, 0, 2])`` gives a step
        rows t - 1, t and t + 2; without taps it is row t.
    outputs_info : Variable, dict or None, or list of those
        One entry per output. None: the output is not fed back. A variable: the value before
        the first step; a step gets the value of the step before. ``dict(initial=x, taps=[-3, -1])``
        gives a step the values of three steps and one step before; ``x`` then holds several
        initial values, the latest last.
    non_sequences : variable or list of variables
        Further arguments, the same in each step. What ``fn`` uses need not be listed.
    n_steps : int or 0-d integer variable, optional
        By default as many as the shortest sequence allows.
    truncate_gradient : int
        Through how many of the last steps gradients go; -1 for all.
    go_backwards : bool
        Read the sequences from their ends. Outputs come in the order of the steps.
    name : str, optional
        For messages.
    strict : bool
        Refuse shared variables that are not listed among the non-sequences.
    return_list : bool
        Return a list of outputs also if there is only one.
    checkpoint : int or "sqrt", optional
        Keep values for gradients only every so many steps, and compute the others again: less
        memory, one more forward pass. "sqrt" takes about the root of the number of steps.
    mode : Mode or str, optional
        How the steps are compiled; by default, as the function around the loop is. With a mode
        that looks on, such as ``DebugMode``, each step is a call of a function of its own.
    profile : bool, str or ProfileStats
        Measure the ops of the steps, each of which then is a call: see `function`.
    allow_gc : bool, optional
        Accepted for Theano's sake, and without effect: the memory of a loop is laid out before
        its first step.

    Returns
    -------
    outputs : Variable, list of Variable, or None
        The outputs of all steps, stacked along a new first axis.
    updates : OrderedUpdates
        New values of shared variables, to be passed to `function`.

    Raises
    ------
    ValueError
        If the number of steps is not known, or ``outputs_info`` does not fit what ``fn`` returns.
    TypeError
        If an argument is no array.

    Examples
    --------
    >>> import cytensor as ct, cytensor.tensor as T
    >>> x = T.vector("x")
    >>> sums, updates = ct.scan(lambda x_t, total: total + x_t, sequences=x,
    ...                         outputs_info=T.constant(0.0))
    >>> ct.function([x], sums, updates=updates)([1, 2, 3])
    array([1., 3., 6.])
    """
    def make(loop):
        loop.truncate = int(truncate_gradient)
        return make_outside(loop) if checkpoint is None else Chunks(loop, checkpoint).all_values()

    return build(fn, sequences, outputs_info, non_sequences, n_steps, go_backwards, name, strict,
                 return_list, make, _how(mode, profile, name))


def _how(mode, profile, name):
    """What a user asks for the compilation of the steps."""
    mode = None if mode is None else as_mode(mode)
    if not profile:
        profile = getattr(mode, "profile", None)
    return How(mode, as_stats(profile or False, name))


def build(fn, sequences, outputs_info, non_sequences, n_steps, go_backwards=False, name=None,
          strict=False, return_list=False, make=make_outside, how=AS_AROUND):
    """Put a loop together, let ``make`` make it of a `Loop`, and hand out its results."""
    step = Step(sequences, outputs_info, non_sequences, n_steps, go_backwards)
    outputs, updates, condition = step.call(fn)
    if strict:
        _check_listed(outputs, updates, condition, step)
    with quiet():
        step.fill(outputs, updates, condition)
        step.loop.name, step.loop.how = name, how
        results, finals = step.hand_out(make(step.loop))
    complete([*results, *finals.values()])
    if not results:
        return None, finals
    return (results if return_list or len(results) > 1 else results[0]), finals


def _check_listed(outputs, updates, condition, step):
    roots = [*outputs, *updates.values(), *([] if condition is None else [condition])]
    listed = {*step.constants, *[s.array for s in step.sequences]}
    for v in leaves(roots, listed):
        if isinstance(v, SharedVariable) and v not in listed:
            from cytensor.function import MissingInputError
            raise MissingInputError(f"scan(strict=True): the function uses {v!r}, which is not "
                                    "among the non_sequences")


def _named(variable, name, tap):
    """Name what stands for one row or value: ``x[t-1]``."""
    if name is not None:
        variable.name = f"{name}[t{tap:+d}]" if tap else f"{name}[t]"
    return variable


class Step:
    """One step of a loop: what stands for its rows and values, and what it computes of them."""

    def __init__(self, sequences, outputs_info, non_sequences, n_steps, go_backwards):
        self.sequences = [as_sequence(x) for x in as_list(sequences)]
        self.infos = [as_initial(x) for x in as_list(outputs_info)]
        self.constants = [as_variable(x) for x in as_list(non_sequences)]
        arrays = [self._tap_of(s, tap, go_backwards) for s in self.sequences for tap in s.taps]
        n = _steps(n_steps, arrays)
        all_rows = n_steps is None and len(arrays) == 1     # of which a gradient has nothing to cut
        self.loop = Loop(n)
        self.loop.seqs = arrays if all_rows else [(row, array[:n]) for row, array in arrays]
        self.taps = [None if info is None else self._values_of(info) for info in self.infos]

    def _tap_of(self, sequence, tap, go_backwards):
        """What stands for a row at a tap, and the array of these rows."""
        array, taps = sequence
        first, last = min([*taps, 0]), max([*taps, 0])
        row = new_variable(TensorType(array.type.dtype, array.type.shape[1:]))
        _named(row, array.name, tap)
        if first or last:
            array = array[tap - first:] if tap == last else array[tap - first:tap - last]
        array = array[::-1] if go_backwards else array
        lend(row, array, 0)
        return row, array

    def _values_of(self, info):
        """What stands for the values of an output at its taps."""
        value, taps = info
        if taps == [-1]:
            kind = value.type
        elif value.type.ndim == 0:
            raise ValueError(f"scan: the initial value {value!r} has no axis for the taps {taps}")
        else:
            kind = TensorType(value.type.dtype, value.type.shape[1:])
        values = tuple([_named(new_variable(kind), value.name, tap) for tap in taps])
        for x, tap in zip(values, taps):
            lend(x, value, ... if taps == [-1] else tap - min(taps))
        return values

    def call(self, fn):
        """Let the user's function compute one step."""
        values = [tap for taps in self.taps if taps is not None for tap in taps]
        return parse(fn(*[row for row, _ in self.loop.seqs], *values, *self.constants))

    # ----- what the function returned -----

    def fill(self, outputs, updates, condition):
        """Put what the function returned into the loop."""
        if not self.infos:
            self.infos = [None] * len(outputs)
            self.taps = [None] * len(outputs)
        if len(outputs) != len(self.infos):
            raise ValueError(f"scan: the function returns {len(outputs)} outputs, but outputs_info "
                             f"has {len(self.infos)} entries; please provide None as outputs_info "
                             "for any output that is not fed back")
        loop = self.loop
        for info, taps, new in zip(self.infos, self.taps, outputs):
            if info is None:
                loop.rows.append(new)
            else:
                loop.states.append(_state(info, taps, new))
        loop.condition = condition
        loop.listed = [x for x in self.constants if isinstance(x.type, TensorType)]
        self._add_shared(updates)

    def _add_shared(self, updates):
        """Make the shared variables that steps update states of the loop."""
        self.shared = self._all_updates(updates)
        taps = {v: placeholder(v) for v in self.shared}
        loop = self.loop
        for v, new in self.shared.items():
            tensor = isinstance(v.type, TensorType)
            init = dimshuffle_op(v, order=(-1, *range(v.type.ndim))) if tensor else v
            loop.states.append(State((taps[v],), (1,), init, new, False))
        loop.exchange(taps)

    def _all_updates(self, updates):
        """Those that the function returned, and those that shared variables bring along."""
        found = OrderedUpdates()
        for v, new in updates.items():
            found[v] = _new_value(v, new)
        queue = self._shared_in([*self.loop.results, *found.values()])
        while queue:
            v = queue.pop(0)
            new = getattr(v, "default_update", None)
            if new is not None and v not in found:
                found[v] = _new_value(v, new)
                queue += self._shared_in([found[v]])
        return found

    def _shared_in(self, roots):
        stop = [*self.loop.moving, *self.constants]
        return [v for v in leaves(roots, stop) if isinstance(v, SharedVariable)
                and v not in self.constants]

    # ----- results -----

    def hand_out(self, results):
        """Return the outputs and the updates."""
        buffers, rows = iter(zip(results.buffers, self.loop.states)), iter(results.rows)
        outputs = [next(rows) if info is None else self.loop.made(*next(buffers))
                   for info in self.infos]
        if results.count is not None:
            outputs = [out[:results.count] for out in outputs]
        finals = OrderedUpdates()
        for v, (buffer, _) in zip(self.shared, buffers):
            finals[v] = buffer[0] if isinstance(v.type, TensorType) else buffer
        return outputs, finals


def _steps(n_steps, arrays):
    """The number of steps, as a variable: what the user says, or the shortest sequence."""
    if n_steps is not None:
        n = as_size(n_steps, "scan: n_steps")
        if isinstance(n, Constant) and int(n.data) < 0:
            raise ValueError(f"scan: n_steps is negative: {int(n.data)}")
        return n
    if not arrays:
        raise ValueError("scan: the number of steps is not known: give n_steps or a sequence")
    lengths = list(dict.fromkeys([sizes_of(array)[0] for _, array in arrays]))
    known = [n for n in lengths if type(n) is int]
    lengths = [n for n in lengths if type(n) is not int] + ([min(known)] if known else [])
    n = as_size(lengths[0])
    for other in lengths[1:]:
        n = minimum(n, as_size(other))
    return n


def _state(info, taps, new):
    """A state of the loop, checked."""
    value, at = info
    inner = taps[0].type
    if not isinstance(inner, TensorType):
        return State(taps, (1,), value, new)
    new = _fitting(new, inner, value)
    if at == [-1]:
        return State(taps, (1,), dimshuffle_op(value, order=(-1, *range(value.type.ndim))), new)
    lags = tuple([-tap for tap in at])
    return State(taps, lags, value[:max(lags)], new)


def _fitting(new, inner, value):
    """Check the new value of a state against its initial one."""
    what = f"scan: the initial value {value!r} has "
    if new.type.ndim != inner.ndim:
        raise ValueError(f"{what}{inner.ndim} axes per step, but the function returns "
                         f"{new.type.ndim} ({new.type})")
    if new.type.dtype != inner.dtype:
        if isinstance(new, Constant) and KIND[inner.dtype] in "fc":
            return to_dtype(new, inner.dtype)
        raise ValueError(f"{what}dtype {inner.dtype}, but the function returns {new.type.dtype}; "
                         f"cast one of them, for instance T.cast(value, {new.type.dtype!r})")
    for axis, (before, after) in enumerate(zip(inner.shape, new.type.shape)):
        if None not in (before, after) and before != after:
            raise ValueError(f"{what}size {before} on axis {axis} of a step, but the function "
                             f"returns {after}")
    return new


def _new_value(v, new):
    """Check the new value of a shared variable."""
    if not isinstance(v, SharedVariable):
        raise TypeError(f"scan: only shared variables can be updated, not {v!r}")
    if not isinstance(new, Variable):
        new = as_variable(new)
    if not isinstance(v.type, TensorType):
        return new
    if new.type.dtype != v.type.dtype or new.type.ndim != v.type.ndim:
        if isinstance(new, Constant) and new.type.ndim == v.type.ndim:
            return to_dtype(new, v.type.dtype)
        raise TypeError(f"scan: an update must have the same type as the shared variable {v!r}: it "
                        f"is {v.type}, the new value {new.type}")
    return new
