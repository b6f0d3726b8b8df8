"""Loops of loops: values are kept every so many steps, and those between are computed again.

The steps are cut into chunks of equal length, and those that are left over. The outer loop goes
over chunks, and saves nothing for gradients but the states between them.
"""
from cytensor._core import Constant, TensorType, new_variable
from cytensor.ops.elementwise import lt, switch
from cytensor.ops.outside import make_outside
from cytensor.ops.registry import scalar_like
from cytensor.ops.scan import Loop, Results, State
from cytensor.ops.views import as_size, dimshuffle_op, join_op, reshaped, sizes_of

_LARGEST = 24           # chunks have at most 2**24 steps


def root_of(n):
    """Return a power of two between the root of a number of steps and twice that."""
    if isinstance(n, Constant):
        return 1 << (max(int(n.data) - 1, 0).bit_length() + 1) // 2
    k = scalar_like(1, "int64")
    for i in range(_LARGEST):           # integers alone, so that no size depends on data
        k = k * switch(lt(4 ** i, n), 2, 1)
    return k


class Chunks:
    """A loop over chunks of the steps of a loop, and a loop over the rest.

    Parameters
    ----------
    loop : Loop
    every : int or "sqrt"
        The length of a chunk.
    """

    def __init__(self, loop, every):
        if loop.condition is not None:
            raise ValueError("scan: a loop that may end early cannot have checkpoints")
        if loop.truncate >= 0:
            raise ValueError("scan: choose one of truncate_gradient and checkpoint")
        self.loop = loop
        self.length = as_size(root_of(loop.n) if every == "sqrt" else every, "scan: checkpoint")
        if isinstance(self.length, Constant) and int(self.length.data) < 1:
            raise ValueError(f"scan: checkpoints every {int(self.length.data)} steps")
        self.count = loop.n // self.length
        self.whole = self.count * self.length

    def all_values(self):
        """Make the loops; return what the one loop would return."""
        chunks, rest = self._make(lambda array: array)
        buffers = [self._buffer(*parts) for parts in
                   zip(self.loop.states, chunks.rows, rest.buffers)]
        rows = [join_op(self._flat(a), b, axis=0)
                for a, b in zip(chunks.rows[len(buffers):], rest.rows)]
        return Results(buffers, rows, None)

    def last_of_each(self):
        """Make the loops; return the last value in each chunk, as a loop over chunks would."""
        chunks, rest = self._make(lambda array: array[-1])
        buffers = []
        for state, made, buffer in zip(self.loop.states, chunks.rows, rest.buffers):
            parts = [made, self.loop.made(buffer, state)[-1:]]
            buffers.append(join_op(*[state.init] * state.keep, *parts, axis=0)
                           if state.keep else buffer)
        rows = [join_op(a, b[-1:], axis=0)
                for a, b in zip(chunks.rows[len(buffers):], rest.rows)]
        return Results(buffers, rows, None)

    def _make(self, part):
        """The results of the loop over chunks, of whose rows ``part`` is kept, and of the rest."""
        name, how = self.loop.name, self.loop.how
        outer = Loop(self.count, recompute=True, name=name, how=how)
        inner = Loop(self.length, how=how)
        inner.states = list(self.loop.states)
        windows = []
        for row, array in self.loop.seqs:
            sizes = sizes_of(array)[1:]
            chunk = new_variable(TensorType(row.type.dtype, (None, *array.type.shape[1:])))
            inner.seqs.append((row, chunk))
            outer.seqs.append((chunk, reshaped(array[:self.whole],
                                               [self.count, self.length, *sizes])))
        for i, state in enumerate(self.loop.states):
            windows.append(new_variable(state.init.type))
            inner.states[i] = state._replace(init=windows[i], keep=True)
        inner.rows = list(self.loop.rows)
        results = make_outside(inner)
        for window, state, buffer in zip(windows, self.loop.states, results.buffers):
            init = dimshuffle_op(state.init, order=(-1, *range(state.init.type.ndim)))
            outer.states.append(State((window,), (1,), init, buffer[self.length:]))
            outer.rows.append(part(inner.made(buffer, state)))
        outer.rows += [part(rows) for rows in results.rows]
        made = outer.make()
        return made, self._rest([buffer[-1] for buffer in made.buffers])

    def _rest(self, windows):
        """The results of the steps that are left over."""
        rest = Loop(self.loop.n - self.whole, name=self.loop.name, how=self.loop.how)
        rest.seqs = [(row, array[self.whole:]) for row, array in self.loop.seqs]
        rest.states = [state._replace(init=window)
                       for state, window in zip(self.loop.states, windows)]
        rest.rows = list(self.loop.rows)
        return make_outside(rest)

    def _flat(self, stack):
        sizes = sizes_of(stack)
        return reshaped(stack, [self.whole, *sizes[2:]])

    def _buffer(self, state, stack, buffer):
        if not state.keep:
            return buffer
        return join_op(state.init, self._flat(stack), buffer[state.most:], axis=0)
