"""Sums over the steps of a loop: where each step's share is a product, one product does it all.

The gradient of what is the same in each step is a sum. Added up inside of the loop it would cost
a pass over memory per step; the factors of the products are stacked instead, and multiplied once.
"""
from cytensor._core import new_variable, toposort
from cytensor.autodiff.cotangents import total
from cytensor.ops.elementwise import add, mul, neg
from cytensor.ops.linear import matmul_op, turned
from cytensor.ops.reduce import sum_op
from cytensor.ops.registry import scalar_like
from cytensor.ops.scan import State
from cytensor.ops.views import dimshuffle_op, product, reshaped, sizes_of, spread


class StepSums:
    """Plans the sums of one loop.

    Parameters
    ----------
    loop : Loop
        Gets further rows and states.
    moving : collection of Variable
        What differs from step to step.
    """

    def __init__(self, loop, moving):
        self.loop = loop
        self.moving = set(moving)
        self._waiting = {}          # x -> terms that are no products

    def add(self, x, g):
        """Plan the sum of ``g``, a cotangent of ``x``; return a function of the results."""
        self._mark_moving(g)
        found, rest = [], []
        for term in terms_of(g):
            # stacked factors would take the memory that is to be saved
            reader = None if self.loop.recompute else self._product(term)
            (rest if reader is None else found).append(term if reader is None else reader)
        self._waiting[x] = rest
        return lambda results: self._read(x, found, results)

    def finish(self):
        """Plan what is left, once all rows are known: sums of rows, and sums made in the loop."""
        self._readers = {}
        for x, terms in self._waiting.items():
            readers = [self._sum_of_row(term) for term in terms]
            left = [term for term, reader in zip(terms, readers) if reader is None]
            if left:
                readers.append(self._accumulated(x, left))
            self._readers[x] = [r for r in readers if r is not None]

    def _read(self, x, found, results):
        g = None
        for reader in [*found, *self._readers[x]]:
            g = total(g, reader(results))
        return g

    # ----- products -----

    def _product(self, term):
        """How to read the sum of a product off the results; None if the term is none."""
        node = term.owner
        if node is None:
            return None
        if node.op is matmul_op and term.type.ndim == 2:
            return self._matmul(*node.inputs)
        if node.op is mul and _is_outer(*node.inputs):
            return self._matmul(*node.inputs)
        if node.op is mul and _is_outer(*node.inputs[::-1]):
            return self._matmul(*node.inputs[::-1])
        if node.op is neg or (node.op is dimshuffle_op and _keeps_axes(node)):
            inner = self._product(node.inputs[0])
            return inner and (lambda results: node.op.apply([inner(results)], node.params).out)
        return None

    def _matmul(self, a, b):
        first, second = self._stacked(turned(a)), self._stacked(b)
        if first is None or second is None:
            return None

        def read(results):
            left, right = _flat(first(results)), _flat(second(results))
            return matmul_op(turned(left), right)
        return read

    def _stacked(self, x):
        """How to read all values of ``x`` off the results; None if it does not move."""
        node = x.owner
        if node is not None and node.op is dimshuffle_op and _keeps_axes(node):
            inner = self._stacked(node.inputs[0])
            order = (0, *[a + 1 if a >= 0 else -1 for a in node.params["order"]])
            return inner and (lambda results: dimshuffle_op(inner(results), order=order))
        for row, array in self.loop.seqs:
            if row is x:
                return lambda results: array
        if x not in self.moving:
            return None
        if x not in self.loop.rows:
            self.loop.rows.append(x)
        place = self.loop.rows.index(x)
        return lambda results: results.rows[place]

    def _mark_moving(self, g):
        for node in toposort([g], self.moving):
            if not self.moving.isdisjoint(node.inputs):
                self.moving.update(node.outputs)

    # ----- other sums -----

    def _sum_of_row(self, term):
        """A sum over axes of what is stacked anyway."""
        node = term.owner
        if node is None or node.op is not sum_op or node.inputs[0] not in self.loop.rows:
            if node is not None and node.op is dimshuffle_op:
                inner = self._sum_of_row(node.inputs[0])
                return inner and (lambda results: dimshuffle_op(inner(results), **node.params))
            return None
        place = self.loop.rows.index(node.inputs[0])
        axis = (0, *[a + 1 for a in node.params["axis"]])
        ndim, keeps = node.inputs[0].type.ndim, node.params["keepdims"]

        def read(results):
            g = sum_op(results.rows[place], axis=axis, keepdims=keeps)
            return dimshuffle_op(g, order=tuple(range(1, ndim + 1))) if keeps else g
        return read

    def _accumulated(self, x, terms):
        share = terms[0]
        for term in terms[1:]:
            share = add(share, term)
        outside = sizes_of(self.loop.consts[x])
        sizes = [1 if n == 1 else m for n, m in
                 zip(share.type.shape, outside[len(outside) - share.type.ndim:])]
        before = new_variable(share.type)
        first = spread(scalar_like(0, share.type.dtype), [1, *sizes])
        self.loop.states.append(State((before,), (1,), first, add(before, share), False))
        place = len(self.loop.states) - 1
        return lambda results: results.buffers[place][0]


def terms_of(g):
    """The terms of a sum."""
    found, stack = [], [g]
    while stack:
        x = stack.pop()
        if x.owner is not None and x.owner.op is add and all(
                [y.type.shape == x.type.shape for y in x.owner.inputs]):
            stack.extend(reversed(x.owner.inputs))
        else:
            found.append(x)
    return found


def _is_outer(a, b):
    """Whether a * b is the product of a column and a row."""
    return (a.type.ndim == b.type.ndim == 2 and a.type.shape[1] == 1 and b.type.shape[0] == 1
            and a.type.shape[0] != 1 and b.type.shape[1] != 1)


def _keeps_axes(node):
    order = node.params["order"]
    return sorted([a for a in order if a >= 0]) == list(range(node.inputs[0].type.ndim))


def _flat(stack):
    """(steps, k, n) as (steps * k, n)."""
    steps, k, n = sizes_of(stack)
    return reshaped(stack, [product([steps, k]), n])
