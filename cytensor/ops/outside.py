"""What a loop need not do: work that does not recur leaves it when it is put together.

Products of matrices and rows that are looked up leave with what they need: those that read no state
are computed for all steps before the loop, those that no state depends on, after it. A loop over
single numbers is left by all of its work that does not recur. A gradient then meets one product in
place of many.
"""
from cytensor._core import placeholder, toposort
from cytensor.ops.linear import matmul_op
from cytensor.ops.steps import Lift, can_lift, is_lookup


def make_outside(loop):
    """Make the node of a loop, and what was taken out of it.

    Parameters
    ----------
    loop : Loop
        Is changed.

    Returns
    -------
    Results
        One array for each row that the loop had.
    """
    if loop.condition is not None or loop.recompute:
        return loop.make()
    worth = _is_work if _is_scalar(loop) else _is_large
    take_head(loop, worth)
    tail = Tail(loop, worth)
    results = loop.make()
    return results._replace(rows=tail.rows(results))


def _is_scalar(loop):
    # the state of a generator of random numbers has no axes, and no elements either
    return all([getattr(x.type, "ndim", None) == 0 for x in (*loop.moving, *loop.results)])


def _is_large(node, moving):
    return node.op is matmul_op or is_lookup(node, moving)


def _is_work(node, moving):
    return node.op.kind == "elementwise" or is_lookup(node, moving)


# ----- before the loop -----

def take_head(loop, worth):
    """Compute what depends on sequences alone before the loop, as far as that is worth it."""
    nodes = _chosen(*_head(loop), worth)
    lift = Lift(loop.n, dict(loop.seqs))
    for node in nodes:
        lift.add(node)
    made = {node.outputs[0] for node in nodes}
    rows = {x: None for x in loop.results if x in made}
    for node in toposort(loop.results, [*loop.moving, *made]):
        rows.update(dict.fromkeys([x for x in node.inputs if x in made]))
    stand_in = {x: placeholder(x) for x in rows}
    loop.exchange(stand_in)
    loop.seqs += [(stand_in[x], lift.arrays[x]) for x in rows]


def _head(loop):
    """The nodes that move, depend on no state, and can be lifted; and the variables that move."""
    free = {x for x, _ in loop.seqs}
    stuck = {tap for state in loop.states for tap in state.taps}
    nodes = []
    for node in toposort(loop.results, loop.moving):
        if not stuck.isdisjoint(node.inputs):
            stuck.update(node.outputs)
        elif not free.isdisjoint(node.inputs):
            lifted = can_lift(node, free)
            (free if lifted else stuck).update(node.outputs)
            if lifted:
                nodes.append(node)
    return nodes, free


def _chosen(nodes, moving, worth):
    """The nodes that are worth it, what they need, and the views of them."""
    chosen, needed = set(), set()
    for node in reversed(nodes):
        if worth(node, moving) or not needed.isdisjoint(node.outputs):
            chosen.add(node)
            needed.update(node.inputs)
    for node in nodes:
        if node.op.kind == "view" and node.inputs[0].owner in chosen:
            chosen.add(node)
    return [node for node in nodes if node in chosen]


# ----- after the loop -----

class Tail:
    """The work on rows that no state depends on.

    Parameters
    ----------
    loop : Loop
        Is changed: rows that the work makes give way to those it needs.
    """

    def __init__(self, loop, worth):
        self.loop = loop
        self.wanted = list(loop.rows)
        self.nodes = self._find(worth)
        made = {node.outputs[0] for node in self.nodes}
        self.bases = dict.fromkeys([x for node in self.nodes for x in node.inputs
                                    if x in self.moving and x not in made])
        known = {x for x, _ in loop.seqs}
        for state in loop.states:
            if state.keep:
                known.update([*state.taps, state.new])
        loop.rows = list(dict.fromkeys([
            *[row for row in self.wanted if row in self.moving and row not in made],
            *[x for x in self.bases if x not in known]]))
        self.stacked = list(loop.rows)

    def _find(self, worth):
        """The nodes that leave the loop, in order."""
        loop = self.loop
        nodes = toposort(loop.results, loop.moving)
        core = self._core(nodes)
        self.moving = set(loop.moving)
        able = set(loop.moving)
        tail = []
        for node in nodes:
            if self.moving.isdisjoint(node.inputs):
                continue
            inner = core.isdisjoint(node.outputs)
            good = not inner or (can_lift(node, self.moving) and all(
                [x in able for x in node.inputs if x in self.moving]))
            self.moving.update(node.outputs)
            if good:
                able.update(node.outputs)
            if inner:
                tail.append(node)
        chosen = set()
        for row in self.wanted:
            mine = _ancestors_in(row, tail)
            if mine and row in able and any([worth(node, self.moving) for node in mine]):
                chosen.update(mine)
        return [node for node in tail if node in chosen]

    def _core(self, nodes):
        """The variables that states need."""
        core = {state.new for state in self.loop.states}
        for node in reversed(nodes):
            if not core.isdisjoint(node.outputs):
                core.update(node.inputs)
        return core

    def rows(self, results):
        """The arrays for the rows that the loop had, from the results of its node."""
        loop = self.loop
        arrays = dict(loop.seqs)
        for state, buffer in zip(loop.states, results.buffers):
            if state.keep:
                arrays.update(zip(state.taps, loop.read(buffer, state, loop.n)))
                arrays[state.new] = loop.made(buffer, state)
        arrays.update(zip(self.stacked, results.rows))
        lift = Lift(loop.n, arrays)
        for node in self.nodes:
            lift.add(node)
        return [lift.spread(x) for x in self.wanted]


def _ancestors_in(row, nodes):
    """The nodes of a list that a variable needs."""
    needed, found = {row}, []
    for node in reversed(nodes):
        if not needed.isdisjoint(node.outputs):
            found.append(node)
            needed.update(node.inputs)
    return found
