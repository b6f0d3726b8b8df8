"""Lazy branches: what only one branch of an ifelse needs becomes a program of its own.

An ifelse is lowered to a step in Python that looks at the condition and calls one of two compiled
branches. Their arguments are what both they and the rest of the graph need. What several branches
need, of more than one ifelse, and nobody else, is a program of its own, too: the first branch that
needs it in a call computes it, and leaves the results for the others.
"""
from functools import partial

import numpy as np

from cytensor._core import (
    Constant, Op, at_loc, leaves, new_variable, rebuild, replace, toposort)
from cytensor._interpreter import Callable
from cytensor._program import AssumptionError
from cytensor.lowering.demands import TOP, Sharing, find_demands
from cytensor.ops.control import ifelse_op, split_branches
from cytensor.ops.objects import generic


def has_branches(nodes):
    """Whether there is an ifelse among some nodes."""
    return any([node.kind == "ifelse" for node in nodes])


def compile_branches(roots, given, lower):
    """Replace every ifelse by a step that calls a compiled branch.

    Parameters
    ----------
    roots : list of Variable
    given : list of Variable
        The variables at which the graph begins.
    lower : callable
        ``lower(outputs, inputs) -> Program``.

    Returns
    -------
    list of Variable
    """
    roots = rebuild(roots, _certain_branch, nodes=toposort(roots, given))
    while True:
        nodes = toposort(roots, given)
        if not has_branches(nodes):
            return roots
        demands, uneven = find_demands(nodes, roots)
        if not uneven:
            return _Branches(nodes, roots, given, demands, lower).roots()
        roots = rebuild(roots, partial(_even_parts, uneven), nodes=nodes)


def _certain_branch(node, now):
    """The branch of an ifelse whose condition is a constant."""
    if node.kind != "ifelse" or not isinstance(now.get(node.inputs[0], node.inputs[0]), Constant):
        return None
    condition, *branches = [now.get(x, x) for x in node.inputs]
    return split_branches(branches)[0 if condition.data else 1]


def _even_parts(uneven, node, now):
    """An ifelse in parts whose results are needed in the same places."""
    if node not in uneven:
        return None
    condition, *branches = [now.get(x, x) for x in node.inputs]
    halves, made = split_branches(branches), list(node.outputs)
    with at_loc(node.loc):
        for places in uneven[node]:
            chosen = [half[i] for half in halves for i in places]
            for i, out in zip(places, ifelse_op(condition, *chosen)):
                made[i] = out
    return made


# ----- the new graph -----

class _Branches:
    """Makes the graph in which calls stand for the ifelses that always run."""

    def __init__(self, nodes, roots, given, demands, lower):
        self.nodes, self.outputs, self.lower = nodes, roots, lower
        self.demands = demands
        self.available = set(given)
        for node in nodes:
            if TOP in self.demands[node]:
                self.available.update(node.outputs)
        self.shared = []
        self.memo = memo_op()
        for shared in Sharing(nodes, demands).groups():
            shared.function, shared.inputs = self._compiled(shared.outputs, shared.regions)
            self.shared.append(shared)

    def roots(self):
        """Return the outputs of the new graph."""
        return rebuild(self.outputs, self._call, nodes=self.nodes)

    def _call(self, node, now):
        """Make the step that calls one of the branches of an ifelse that always runs."""
        if node.kind != "ifelse" or TOP not in self.demands[node]:
            return None
        with at_loc(node.loc):
            halves = [self._compiled(outputs, [(node, branch)])
                      for branch, outputs in enumerate(split_branches(node.inputs[1:]))]
            inputs = list(dict.fromkeys([x for _, used in halves for x in used]))
            places = [[inputs.index(x) for x in used] for _, used in halves]
            call = _Choice([function for function, _ in halves], places)
            return call_op(*[now.get(x, x) for x in [node.inputs[0], *inputs]],
                           call=call, types=tuple([out.type for out in node.outputs]))

    def _compiled(self, outputs, regions):
        """Compile variables that are needed in some regions.

        Returns
        -------
        function : Branch
        inputs : list of Variable
            Its arguments, of what is always computed.
        """
        available = {*self.available, self.memo}
        mapping = dict(zip(available, available))
        for shared in self.shared:
            if not shared.regions.isdisjoint(regions):
                needs = need_op(self.memo, *shared.inputs, shared=shared,
                                types=tuple([v.type for v in shared.outputs]))
                mapping.update(zip(shared.outputs, needs))
        outputs = replace(outputs, mapping)
        inputs = [x for x in leaves(outputs, available) if not isinstance(x, Constant)]
        fresh = {x: new_variable(x.type, x.name, x.loc) for x in inputs}
        program = self.lower(replace(outputs, fresh), list(fresh.values()))
        return Branch(program, len(outputs)), inputs


# ----- steps -----

class Branch(Callable):
    """A branch that was compiled."""

    def __init__(self, program, nresults):
        super().__init__(program, [], "list", nresults)

    def _convert(self, i, value):
        return np.require(value, requirements="A") if isinstance(value, np.ndarray) else value

    def _general(self):
        raise AssumptionError           # the whole function turns to its other program


class _Choice:
    """Calls one of two functions.

    Parameters
    ----------
    functions : list of Callable
    places : list of list of int
        For each function, where its arguments are.
    """

    def __init__(self, functions, places):
        self.functions, self.places = functions, places

    def __call__(self, condition, arguments):
        branch = 0 if condition else 1
        return self.functions[branch](*[arguments[i] for i in self.places[branch]])


def _step(name, perform, doc):
    return Op(name, "python", lambda op, inputs, params: (inputs, params["types"]),
              nout=0, perform=perform, doc=doc)


def _perform_need(inputs, params):
    memo, shared = inputs[0], params["shared"]
    if shared.number not in memo:
        memo[shared.number] = shared.function(*inputs[1:])
    return memo[shared.number]


call_op = _step("ifelse_call", lambda inputs, params: params["call"](inputs[0], inputs[1:]),
                "Call one of two compiled branches.")
need_op = _step("ifelse_need", _perform_need,
                "Return what several branches share; the first that needs it computes it.")
_memo_op = _step("ifelse_memo", lambda inputs, params: [{}], "Make room for what branches share.")


def memo_op():
    """Return a variable that is a new dict in each call."""
    return _memo_op(types=(generic,))[0]
