"""Derivatives through `ifelse`: they choose a branch as well, and compute only that one.

What only one branch needs is differentiated by itself, down to what comes from outside of it.
There, an ifelse chooses between the gradients that come from either branch.
"""
from cytensor._core import same_type
from cytensor.autodiff.absent import is_null
from cytensor.autodiff.cotangents import ZERO, expand, is_float, zeros
from cytensor.ops.control import ifelse_op, split_branches

TOP = None          # the region of what every run computes


# ----- regions -----

def by_region(nodes, held):
    """Sort nodes by the innermost branch that alone needs them.

    Parameters
    ----------
    nodes : list of Apply
        In order.
    held : collection of Variable
        What is needed outside of all branches.

    Returns
    -------
    dict
        From ``TOP``, or a pair of an ifelse and the number of a branch, to its nodes in order.
    """
    if not any([node.kind == "ifelse" for node in nodes]):
        return {TOP: nodes}
    home, users, sorted_nodes = {}, {}, {}
    for node in reversed(nodes):
        found = [r for out in node.outputs for r in users.get(out, ())]
        is_held = not found or any([out in held for out in node.outputs])
        home[node] = TOP if is_held else _common(found, home)
        sorted_nodes.setdefault(home[node], []).append(node)
        for x, region in _reads(node, home[node]):
            users.setdefault(x, []).append(region)
    return {region: found[::-1] for region, found in sorted_nodes.items()}


def _reads(node, region):
    """The inputs of a node, and the region that needs each."""
    if node.kind != "ifelse":
        return [(x, region) for x in node.inputs]
    then, other = split_branches(node.inputs[1:])
    return [(node.inputs[0], region), *[(x, (node, 0)) for x in then],
            *[(x, (node, 1)) for x in other]]


def _common(regions, home):
    """The innermost region that holds all of ``regions``."""
    chain = _chain(regions[0], home)
    for region in regions[1:]:
        others = set(_chain(region, home))
        chain = [r for r in chain if r in others]
    return chain[0]


def _chain(region, home):
    """A region, the one around it, and so on."""
    chain = [region]
    while region is not TOP:
        region = home[region[0]]
        chain.append(region)
    return chain


# ----- joining -----

def joined(condition, halves):
    """Choose between the cotangents that come from the two branches.

    Parameters
    ----------
    condition : Variable
    halves : pair of dict
        From variables to cotangents.

    Returns
    -------
    list of (Variable, cotangent)
    """
    found, chosen = [(condition, ZERO)], []
    for x in dict.fromkeys([*halves[0], *halves[1]]):
        pair = [half.get(x) for half in halves]
        null = next(filter(is_null, pair), None)
        if null is not None:
            found.append((x, null))
        elif all([g is None or g is ZERO for g in pair]):
            found.append((x, ZERO))
        else:
            chosen.append((x, _of_one_shape(x, *pair)))
    if chosen:
        gs = ifelse_op(condition, *[a for _, (a, _) in chosen], *[b for _, (_, b) in chosen])
        found += [(x, g) for (x, _), g in zip(chosen, gs)]
    return found


def _of_one_shape(x, a, b):
    """Two cotangents of ``x``; zero takes the shape of the other."""
    if a is None or a is ZERO:
        return zeros(b), b
    if b is None or b is ZERO:
        return a, zeros(a)
    if same_type(a.type, b.type):
        return a, b
    return expand(a, x), expand(b, x)


# ----- forwards -----

def push(node, moving):
    """Return the tangent of each output of an ifelse, None for zero."""
    condition, *branches = node.inputs
    results = []
    pairs = zip(zip(*split_branches(branches)), zip(*split_branches(moving[1:])))
    for (x, y), (s, t) in pairs:
        if s is None and t is None or not is_float(x):
            results.append(None)
        else:
            results.append((zeros(x) if s is None else expand(s, x),
                            zeros(y) if t is None else expand(t, y)))
    chosen = [pair for pair in results if pair is not None]
    tangents = iter(ifelse_op(condition, *[s for s, _ in chosen], *[t for _, t in chosen])
                    if chosen else [])
    return [None if pair is None else next(tangents) for pair in results]
