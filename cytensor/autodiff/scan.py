"""Derivatives of loops: a loop that runs the other way, and one that also carries directions.

The backward loop goes over the steps of the forward loop, last first. The gradient of what the
body read from a state with lag k is a state of the backward loop, read with lag k as well: k steps
ago was the step that read the value which this step makes. So the gradient of a new value is the
sum of those states, and of what comes from outside. Such a state begins with the gradients of the
forward state's last values, and ends with those of its initial ones.
"""
from cytensor._core import TensorType, new_variable, replace, toposort
from cytensor.autodiff.absent import DisconnectedType, is_null
from cytensor.autodiff.cotangents import expand, is_float, total, zeros
from cytensor.autodiff.forward import push
from cytensor.autodiff.reverse import ZERO, backpropagate
from cytensor.autodiff.sums import StepSums, terms_of
from cytensor.ops.elementwise import le, minimum, mul
from cytensor.ops.indexing import inc_subtensor
from cytensor.ops.registry import cast, scalar_like
from cytensor.ops.quiet import quiet
from cytensor.ops.scan import Loop, State, split_outputs, use_rules
from cytensor.ops.subtensor import inc_subtensor_op
from cytensor.ops.views import broadcast_to_op, dimshuffle_op, padded_left, sizes_of, spread

#: Elementwise ops that are computed again rather than saved.
_CHEAP = frozenset((
    "add", "sub", "mul", "neg", "sqr", "abs", "sgn", "maximum", "minimum", "eq", "neq", "lt", "le",
    "gt", "ge", "logical_and", "logical_or", "logical_not", "logical_xor", "switch", "cast",
    "reciprocal", "true_div", "isnan", "isinf"))


def is_blank(g):
    """Whether a cotangent stands for zero all over."""
    while g.owner is not None and g.owner.op in (broadcast_to_op, dimshuffle_op):
        g = g.owner.inputs[0]
    data = getattr(g, "data", None)
    return data is not None and data.size == 1 and data.flat[0] == 0


def row_type(array):
    """The type of one row of an array."""
    return TensorType(array.type.dtype, array.type.shape[1:])


# ----- backward -----

class Backward:
    """The backward loop of one scan.

    Attributes
    ----------
    loop, over : Loop
        The forward loop, and the backward one that is being made.
    steps, count : Variable
        How many steps the forward loop took, and through how many of them gradients go.
    """

    def __init__(self, gs, outs, inputs, body, form):
        self.inputs, self.body, self.form = inputs, body, form
        self.loop = Loop.of(inputs, body, form)
        self.results = split_outputs(outs, form)
        self.steps = self.results.count if form.until else self.loop.n
        self.count = self.steps if form.truncate < 0 else minimum(
            self.steps, scalar_like(form.truncate, "int64"))
        self.given = split_outputs([None if g is None or is_blank(g) else g for g in gs], form)
        self.parts = [None if g is None else _Given(self.loop, state, g)
                      for g, state in zip(self.given.buffers, self.loop.states)]
        self.over = Loop(self.count, not form.backwards, form.truncate, form.recompute,
                         f"gradient of {form.name}" if form.name else None, form.how)
        self.over.consts = dict(self.loop.consts)
        self.active = self._find_active()

    def _find_active(self):
        """The states, by number, whose new values have a gradient."""
        states = self.loop.states
        active = {i for i, (s, g) in enumerate(zip(states, self.given.buffers))
                  if g is not None and is_float(s.taps[0])}
        while True:
            reached = self._reached(active)
            more = {i for i, s in enumerate(states) if i not in active and is_float(s.taps[0])
                    and not reached.isdisjoint(s.taps)}
            if not more:
                return active
            active |= more

    def _reached(self, active):
        """The variables of the body on which rows with a gradient, and some states, depend."""
        rows = [row for row, g in zip(self.loop.rows, self.given.rows) if g is not None]
        return _float_ancestors([*rows, *[self.loop.states[i].new for i in active]])

    def gradients(self):
        """Return a gradient for each input of the node."""
        floats = [x for x in (*self.loop.moving, *self.loop.consts) if is_float(x)]
        self.grads = backpropagate(self._seeds(), floats)
        null = next((g for g in self.grads.values() if g is not ZERO and is_null(g)), None)
        if null is not None:
            return [null if is_float(x) else None for x in self.inputs]
        self.grads = {x: self.grads[x] for x in floats if x in self.grads}
        self._bring_forward_values()
        rows = [self._plan_row(x, array) for x, array in self.loop.seqs]
        firsts = [self._plan_state(i) for i in range(len(self.loop.states))]
        self.sums = StepSums(self.over, self.over.moving)
        sums = [self._plan_sum(x) for x in self.loop.consts]
        self.sums.finish()
        results = self.over.make()
        return [None, *[plan(results) for plan in (*rows, *firsts, *sums)]]

    # ----- the backward body -----

    def _seeds(self):
        seeds = {}
        for row, g in zip(self.loop.rows, self.given.rows):
            if g is not None and is_float(row):
                seeds[row] = total(seeds.get(row), self._row_of(g))
        self.pulled = {}            # (state, lag) -> what stands for the gradient `lag` steps ago
        reached = self._reached(self.active)
        for i in sorted(self.active):
            state, given = self.loop.states[i], self.parts[i]
            for lag, tap in zip(state.lags, state.taps):
                if tap in reached or (lag == state.most and given and given.last is not None):
                    self.pulled[i, lag] = new_variable(state.taps[0].type)
                    seeds[state.new] = total(seeds.get(state.new), self.pulled[i, lag])
            if given is not None and given.made is not None:
                seeds[state.new] = total(seeds.get(state.new), self._row_of(given.made))
        return seeds

    def _row_of(self, array):
        """Make an array a sequence of the backward loop; return what stands for a row."""
        row = row_type(array)()
        self.over.seqs.append((row, self._last(array)))
        return row

    def _last(self, array):
        """The rows of an array that belong to the steps gradients go through."""
        if self.count is self.steps and not self.form.until:
            return array
        if self.form.backwards:
            return array[:self.count]
        return array[self.steps - self.count:self.steps]

    # Each of these adds to the loop, and returns how to read the gradient off its results.

    def _full_gradient(self, x):
        g = self.grads.get(x)
        return None if g is None or g is ZERO else expand(g, x)

    def _absent(self, x):
        """No gradient: because of no path, or for want of influence."""
        whole = not is_float(x) or x in self.grads
        g = None if whole else DisconnectedType()()
        return lambda results: g

    def _plan_row(self, x, array):
        g = self._full_gradient(x)
        if g is None:
            return self._absent(x)
        self.over.rows.append(g)
        place = len(self.over.rows) - 1
        return lambda results: self._padded(results.rows[place], array)

    def _padded(self, g, array):
        """Put the gradients of the steps gradients go through into their places."""
        if self.count is self.steps and not self.form.until:
            return g
        return inc_subtensor(self._last(zeros(array)), g)

    def _plan_state(self, i):
        state, given = self.loop.states[i], self.parts[i]
        if i not in self.active:
            return self._absent(state.taps[0])
        places = {}
        for lag, tap in zip(state.lags, state.taps):
            if (i, lag) not in self.pulled:
                continue
            new, pulled = self._full_gradient(tap), self.pulled[i, lag]
            places[lag] = len(self.over.states)
            self.over.states.append(State(
                (pulled,), (lag,), self._begin(state, lag, given),
                zeros(pulled) if new is None else new, False))
        if not places and (given is None or given.first is None):
            return self._absent(state.taps[0])
        return lambda results: self._initial(results, state, places, given)

    def _begin(self, state, lag, given):
        if given is not None and given.last is not None and lag == state.most:
            return given.last[::-1]
        return spread(scalar_like(0, state.init.type.dtype), [lag, *sizes_of(state.init)[1:]])

    def _initial(self, results, state, places, given):
        """The gradient of the initial values of a state."""
        most, g = state.most, None if given is None else given.first
        for lag, place in places.items():
            last = results.buffers[place][::-1]
            if self.form.truncate >= 0:     # what was cut off did not reach the beginning
                last = mul(last, cast(le(self.steps, self.count), dtype=last.type.dtype))
            if lag == most:
                g = total(g, last)
            else:
                g = inc_subtensor((zeros(state.init) if g is None else g)[most - lag:], last)
        return g

    def _plan_sum(self, x):
        g = self.grads.get(x)
        return self._absent(x) if g is None or g is ZERO else self.sums.add(x, g)

    # ----- values of the forward loop -----

    def _bring_forward_values(self):
        """Let the backward body read values of the forward steps, in place of computing them."""
        wanted = [x for x, g in self.grads.items() if g is not ZERO]
        targets = [self.grads[x] for x in wanted]
        made = [*[state.new for state in self.loop.states], *self.loop.rows]
        saved = [] if self.form.recompute else values_to_save(
            targets, [*self.loop.moving, *made], self.loop.consts)
        results = self._forward(saved)
        for x, array in self.loop.seqs:
            self.over.seqs.append((x, self._last(array)))
        kept = [(state, buffer) for state, buffer in zip(self.loop.states, results.buffers)
                if isinstance(buffer.type, TensorType)]
        for state, buffer in kept:
            for tap, array in zip(state.taps, self.loop.read(buffer, state, self.steps)):
                self.over.seqs.append((tap, self._last(array)))
        arrays = dict(zip([*self.loop.rows, *saved], results.rows))
        for state, buffer in kept:
            arrays[state.new] = self.loop.made(buffer, state)
        stand_in = {x: self._row_of(array) for x, array in arrays.items()
                    if x.owner is not None}
        self.grads.update(zip(wanted, replace(targets, stand_in)))

    def _forward(self, saved):
        """The results of the forward loop with all histories kept, and with more rows."""
        loop = Loop.of(self.inputs, self.body, self.form)
        states = [state._replace(keep=isinstance(state.init.type, TensorType))
                  for state in loop.states]
        if not saved and states == loop.states:
            return self.results
        loop.states = states
        loop.rows += saved
        return loop.make()


class _Given:
    """The gradient of a buffer, in parts: of initial values, of new ones, of the last ones.

    Attributes
    ----------
    first, made, last : Variable or None
        None where it is zero.
    """

    def __init__(self, loop, state, g):
        self.first = self.made = self.last = None
        if not state.keep:
            self.last = g
        elif loop.backwards:
            self.made, self.first = g[:loop.n], g[loop.n:][::-1]
        elif loop.condition is not None or not self._split(g, state.most):
            self.first, self.made, self.last = g[:state.most], g[state.most:], None

    def _split(self, g, most):
        """Take apart a sum of gradients of new values, most of which may be zero."""
        whole = (("slice", most, None, None),)
        for term in terms_of(g):
            y = _written(term, whole)
            if y is None:
                return False
            for part in terms_of(y):
                value = _written(part, (("at", -1),)) if most == 1 else None
                if value is None:
                    self.made = total(self.made, part)
                else:
                    self.last = total(self.last, padded_left(value, value.type.ndim + 1))
        return True


def _written(x, index):
    """What was added to a part of zeros, and nothing else; None if ``x`` is something else."""
    node = x.owner
    if node is None or node.op is not inc_subtensor_op or node.params["index"] != index \
            or not is_blank(node.inputs[0]):
        return None
    y, dropped = node.inputs[1], sum([item[0] == "at" for item in index])
    whole = [n == 1 for n in y.type.shape] == [n == 1 for n in x.type.shape[dropped:]]
    return y if whole and y.type.ndim == x.type.ndim - dropped else None


def _float_ancestors(outputs):
    """The variables from which a gradient may come to some of ``outputs``."""
    found = set(outputs)
    for node in reversed(toposort(outputs)):
        if node.op.kind != "shape" and not found.isdisjoint(node.outputs):
            found.update([x for x in node.inputs if is_float(x)])
    return found


def values_to_save(targets, moving, consts):
    """Return the values of a forward body that a backward body should read from memory.

    Parameters
    ----------
    targets : list of Variable
        What the backward body computes.
    moving : list of Variable
        What the forward body reads, and what its loop returns: this is there anyway.
    consts : collection of Variable

    Returns
    -------
    list of Variable
    """
    forward, need = set(moving), dict.fromkeys(moving, frozenset())
    rests = set(consts)             # what neither moves nor is a gradient
    saved = {}
    for node in toposort(targets, moving):
        if _all_in(node.inputs, rests):
            rests.update(node.outputs)
        elif _all_in(node.inputs, forward | rests):
            forward.update(node.outputs)
            for out in node.outputs:
                need[out] = _needed_for(node, out, need)
        elif node.op.kind != "shape":
            for x in node.inputs:
                saved.update(dict.fromkeys(need.get(x, ())))
    for x in targets:
        saved.update(dict.fromkeys(need.get(x, ())))
    return list(saved)


def _all_in(inputs, known):
    return all([x in known or hasattr(x, "data") for x in inputs])


def _needed_for(node, out, need):
    """What has to be saved so that a value can be had again: itself, or one other at most."""
    if node.op.kind == "shape":
        return frozenset()
    if node.op.name in _CHEAP or node.op.kind == "view":
        below = frozenset().union(*[need.get(x, ()) for x in node.inputs])
        if len(below) <= 1:
            return below
    return frozenset([out])


def _vjp(gs, outs, *inputs, body, form):
    return Backward(gs, outs, inputs, body, form).gradients()


# ----- forward -----

class Forward:
    """A loop that also computes how its results move: directions are further states and rows."""

    def __init__(self, tangents, inputs, body, form):
        self.loop = Loop.of(inputs, body, form)
        _, self.seqs, self.inits, self.consts = form.split_inputs(tangents)
        self.form = form
        self.directions = {}        # inside: a variable -> its direction
        self._add_inputs()

    def _add_inputs(self):
        for (x, array), t in zip(list(self.loop.seqs), self.seqs):
            if t is not None:
                self.directions[x] = row_type(array)()
                self.loop.seqs.append((self.directions[x], expand(t, array)))
        for (x, outside), t in zip(list(self.loop.consts.items()), self.consts):
            if t is not None:
                self.directions[x] = new_variable(x.type)
                self.loop.consts[self.directions[x]] = expand(t, outside)

    def tangents(self):
        """Return the direction of each output of the node, None where it rests."""
        loop, states, rows = self.loop, list(self.loop.states), list(self.loop.rows)
        found, moving = self._moving_states()
        for i in moving:
            s, t = states[i], self.inits[i]
            new = found.get(s.new)
            loop.states.append(State(
                self.taps[i], s.lags, zeros(s.init) if t is None else expand(t, s.init),
                zeros(s.taps[0]) if new in (None, ZERO) else expand(new, s.taps[0]), s.keep))
        moved = [row for row in rows if is_float(row) and found.get(row) not in (None, ZERO)]
        loop.rows += [expand(found[row], row) for row in moved]
        results = loop.make()
        buffers = dict(zip(moving, results.buffers[len(states):]))
        stacked = dict(zip(moved, results.rows[len(rows):]))
        return [*[buffers.get(i) for i in range(len(states))], *[stacked.get(r) for r in rows],
                *[None] * self.form.until]

    def _moving_states(self):
        """The directions inside, and which states move, found by trying until no more do."""
        states = self.loop.states
        self.taps = [tuple([new_variable(tap.type) for tap in s.taps]) for s in states]
        moving = [i for i, t in enumerate(self.inits) if t is not None]
        while True:
            found = dict(self.directions)
            for i in moving:
                found.update(zip(states[i].taps, self.taps[i]))
            push(self.loop.results, found)
            now = [i for i, s in enumerate(states) if i in moving or (
                is_float(s.taps[0]) and found.get(s.new) not in (None, ZERO))]
            if now == moving:
                return found, moving
            moving = now


def _jvp(tangents, outs, *inputs, body, form):
    return Forward(tangents, inputs, body, form).tangents()


use_rules(vjp=quiet()(_vjp), jvp=quiet()(_jvp))
