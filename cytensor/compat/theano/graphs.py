"""Walks over graphs, under the names of ``theano.gof.graph``."""
from collections import Counter

from cytensor import _core
from cytensor._core import Constant, Variable
from cytensor.fgraph import copied, equivalents


def stack_search(start, expand, mode="bfs", build_inv=False):
    """Return what can be reached from ``start``, in the order in which it is met.

    Parameters
    ----------
    start : deque
    expand : callable
        Gives a list of neighbours, or None.
    mode : {"bfs", "dfs"}
    build_inv : bool
        Return also a dict from each thing to those that led to it.
    """
    if mode not in ("bfs", "dfs"):
        raise ValueError('mode should be bfs or dfs', mode)
    todo, found, back = list(start), {}, {}
    while todo:
        item = todo.pop(0 if mode == "bfs" else -1)
        if item in found:
            continue
        found[item] = None
        for other in expand(item) or ():
            todo.append(other)
            back.setdefault(other, []).append(item)
    return (list(found), back) if build_inv else list(found)


def ancestors(variable_list, blockers=None):
    """Return the variables that others need, themselves included."""
    return _core.ancestors(list(variable_list), blockers or ())


def inputs(variable_list, blockers=None):
    """Return the variables without an owner that others need, constants included."""
    return [v for v in _core.leaves(list(variable_list), blockers or ()) if v.owner is None]


def variables(i, o):
    """Return all variables between inputs and outputs, both included."""
    return list(dict.fromkeys([*i, *_core.ancestors(list(o), list(i)), *o]))


def orphans(i, o):
    """Return the leaves of the outputs that are not among the inputs."""
    given = set(i)
    return [v for v in _core.leaves(list(o), given) if v not in given]


def variables_and_orphans(i, o):
    """Return both lists."""
    return variables(i, o), orphans(i, o)


def ops(i, o):
    """Return the set of nodes between inputs and outputs."""
    return set(_core.toposort(list(o), list(i)))


def list_of_nodes(inputs, outputs):
    """Return the nodes between inputs and outputs."""
    return _core.toposort(list(outputs), list(inputs))


def io_toposort(inputs, outputs, orderings=None, clients=None):
    """Return the nodes between inputs and outputs, each after those it depends on."""
    return _core.toposort(list(outputs), list(inputs))


def general_toposort(outputs, deps, debug_print=False, compute_deps_cache=None, deps_cache=None,
                     clients=None):
    """Return what can be reached by ``deps``, each thing after those it depends on.

    Raises
    ------
    ValueError
        If there is a cycle.
    """
    order, state = [], {}
    todo = list(reversed(list(outputs)))
    while todo:
        item = todo[-1]
        if item not in state:
            state[item] = "open"
            waiting = [d for d in deps(item) or () if state.get(d) != "done"]
            if any([state.get(d) == "open" for d in waiting]):
                raise ValueError("graph contains cycles")
            todo.extend(waiting)
        else:
            if state[item] == "open":
                state[item] = "done"
                order.append(item)
            todo.pop()
    return order


def is_in_ancestors(l_node, f_node):
    """Whether the node ``l_node`` depends on the node ``f_node``."""
    return f_node in _core.toposort(l_node.outputs)


def view_roots(r):
    """Return the variables of which ``r`` may be a view: itself, as memory is not fixed yet."""
    return [r]


# ----- copies -----

def clone(i, o, copy_inputs=True, copy_orphans=None):
    """Return copies of inputs and outputs, with new nodes between them."""
    if copy_inputs:
        return copied(list(i), list(o))
    memo = equivalents(list(i), list(o), copy_inputs=False)
    return list(i), [memo[v] for v in o]


def clone_get_equiv(inputs, outputs, copy_inputs=True, copy_orphans=True, memo=None):
    """Copy a graph; return a dict from its variables and nodes to their copies."""
    found = equivalents(list(inputs), list(outputs), copy_inputs)
    if memo is not None:
        memo.update(found)
        return memo
    return found


# ----- comparing -----

def is_same_graph(var1, var2, givens=None, debug=False):
    """Whether two variables are computed by the same ops from the same inputs.

    Parameters
    ----------
    var1, var2 : Variable
    givens : dict or list of pairs, optional
        Variables to exchange in both, first.
    debug : bool
        No effect.
    """
    first, second = _core.replace([var1, var2], dict(givens or {}))
    return equal_computations([first], [second])


def equal_computations(xs, ys, in_xs=None, in_ys=None, strict=True):
    """Whether two lists of variables are computed alike, if inputs are paired as given."""
    xs, ys = [[_as_variable(v) for v in vs] for vs in (xs, ys)]
    if len(xs) != len(ys) or any([x.type != y.type for x, y in zip(xs, ys)]):
        return False
    number: dict = dict(zip(in_ys or (), in_xs or ()))
    keys: dict = {}
    return [_number(x, number, keys) for x in xs] == [_number(y, number, keys) for y in ys]


def _as_variable(v):
    from cytensor.tensor import as_tensor_variable
    return v if isinstance(v, Variable) else as_tensor_variable(v)


def _number(v, number, keys):
    """Give equal values equal numbers: what stands for ``v`` in comparisons."""
    for node in _core.toposort([v], list(number)):
        parts = tuple([_leaf(x, number) for x in node.inputs])
        same = keys.setdefault((node.key, parts), node)
        for out, first in zip(node.outputs, same.outputs):
            number.setdefault(out, first)
    return _leaf(v, number)


def _leaf(v, number):
    if v in number:
        return number[v]
    if isinstance(v, Constant) and hasattr(v.data, "tobytes"):
        return v.type, v.data.tobytes()
    return v


def is_same_graph_with_merge(var1, var2, givens=None):
    """See ``is_same_graph``."""
    return is_same_graph(var1, var2, givens)


# ----- text -----

def default_node_formatter(node, arguments):
    """Return the text of a node: ``op(arguments)``."""
    return f"{node.op}({', '.join(arguments)})"


def as_string(i, o, leaf_formatter=str, node_formatter=default_node_formatter):
    """Return the outputs as a list of texts; what is used often is written once, as ``*1``.

    Parameters
    ----------
    i, o : list of Variable
        What is computed from what.
    leaf_formatter : callable
        The text of a variable that is given.
    node_formatter : callable
        The text of a node, from those of its inputs.
    """
    text = _Text(i, o, leaf_formatter, node_formatter)
    return [text.of(v) for v in o]


class _Text:
    """The texts of a graph between inputs and outputs."""

    def __init__(self, given, outputs, leaf, of_node):
        self.given, self.leaf, self.of_node = set(given), leaf, of_node
        nodes = _core.toposort(outputs, given)
        uses = Counter([x.owner for x in [*outputs, *[x for node in nodes for x in node.inputs]]
                        if x not in self.given])
        often = [node for node in nodes if uses[node] > 1]
        self.numbers = {node: f"*{k}" for k, node in enumerate(often, 1)}
        self.done = set()

    def of(self, v):
        """Return the text of a variable; of a node that is used often, only the first time."""
        node = v.owner
        if node is None or v in self.given:
            return self.leaf(v)
        number = self.numbers.get(node, "")
        if number and v.index:
            number += f"::{v.index}"
        if node in self.done:
            return number
        if number:
            self.done.add(node)
        text = self.of_node(node, [self.of(x) for x in node.inputs])
        return f"{number} -> {text}" if number else text
