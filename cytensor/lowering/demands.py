"""What needs what around the branches of ifelses: for ``branches.py``."""
from cytensor.ops.control import split_branches

TOP = None          # the region of what every call computes


def find_demands(nodes, roots):
    """Where the values of each node are needed.

    A region is ``TOP``, or a pair of an ifelse and the number of one of its branches. A region is
    strict if whatever runs it needs the node.

    Returns
    -------
    demands : dict of Apply to dict
        For each node: from regions to whether they are strict. Regions are those of the ifelses
        that always run. A node of which only the sizes count has none; but the sizes of an ifelse
        are known only when it has run.
    uneven : dict of Apply to list of list of int
        The ifelses whose results are not needed in the same places: those that are, by number.
    """
    wanted, sized, demands, uneven = {}, {}, {}, {}
    for x in roots:
        wanted[x] = {TOP: True}
    for node in reversed(nodes):
        found, shape = _places_of(node, wanted), _places_of(node, sized)
        if node.kind == "ifelse":
            _merge(found, shape)
            groups = sort_results(node, wanted, sized)
            if found and groups != [list(range(len(node.outputs)))]:
                uneven[node] = groups
        demands[node] = found = _settled(found)
        for x, places in _reads(node, found):
            _merge(wanted.setdefault(x, {}), places)
        for x in node.inputs:
            _merge(sized.setdefault(x, {}), found if node.kind == "shape" else shape)
    return demands, uneven


def sort_results(node, wanted, sized):
    """Sort the results of an ifelse by the places that need them; leave out those without."""
    groups = {}
    for i, out in enumerate(node.outputs):
        places = dict(wanted.get(out, {}))
        _merge(places, sized.get(out, {}))
        if places:
            groups.setdefault(frozenset(_settled(places).items()), []).append(i)
    return list(groups.values())


def _places_of(node, places):
    """Where the outputs of a node are needed."""
    found = {}
    for out in node.outputs:
        _merge(found, places.get(out, {}))
    return found


def _merge(found, places):
    for region, strict in places.items():
        found[region] = strict or found.get(region, False)


def _settled(found):
    """What both branches need in any case, every call needs."""
    both = any([strict and region is not TOP and found.get((region[0], 1 - region[1]), False)
                for region, strict in found.items()])
    return {TOP: True} if both or TOP in found else found


def _reads(node, places):
    """The inputs of a node whose values it reads, and where they are needed for it."""
    if not places or node.kind == "shape":
        return []
    if node.kind != "ifelse":
        return [(x, places) for x in node.inputs]
    halves = split_branches(node.inputs[1:])
    found = [(node.inputs[0], places)]
    for branch in (0, 1):
        inner = {(node, branch): True} if TOP in places else dict.fromkeys(places, False)
        found += [(x, inner) for x in halves[branch]]
    return found


# ----- what several branches share -----

class Shared:
    """Nodes that branches of several ifelses need, and that are computed together.

    Attributes
    ----------
    number : int
    nodes : list of Apply
    regions : set
        Where they are needed.
    outputs : list of Variable
        What is read outside of them.
    inputs : list of Variable
        What they read, of the rest of the graph.
    function : Branch
    """

    def __init__(self, number):
        self.number = number
        self.nodes, self.regions = [], set()

    def add(self, node, places):
        """Take a node in."""
        self.nodes.append(node)
        self.regions.update(places)


class Sharing:
    """Finds the nodes that branches of several ifelses need, and which of them belong together.

    What only one of them reads belongs to it. Nodes that are strictly needed in the same places
    run together as well: who needs one needs all. That may tie two groups into a knot; then each
    group is what one node alone needs.
    """

    def __init__(self, nodes, demands):
        self.nodes = nodes[::-1]
        self.demands = demands
        self.readers = {}
        for node in nodes:
            for x in node.inputs if demands[node] and node.kind != "shape" else ():
                self.readers.setdefault(x, []).append(node)

    def groups(self):
        """Return a list of ``Shared``, each after those that it reads from."""
        return _in_order(*self._sorted(True)) or _in_order(*self._sorted(False))

    def _sorted(self, together):
        """Sort the nodes into groups; return these, and the group of each node."""
        home, made, strict = {}, [], {}
        for node in self.nodes:
            places = self.demands[node]
            if TOP in places or len({ifelse for ifelse, _ in places}) < 2:
                continue
            homes = {home.get(r) for out in node.outputs for r in self.readers.get(out, ())}
            group = homes.pop() if len(homes) == 1 else None
            if group is None and together and all(places.values()):
                group = strict.get(frozenset(places))
            if group is None:
                group = Shared(len(made))
                made.append(group)
                if all(places.values()):
                    strict[frozenset(places)] = group
            home[node] = group
            group.add(node, places)
        for group in made:
            group.outputs = [out for node in group.nodes for out in node.outputs if any(
                [home.get(r) is not group for r in self.readers.get(out, ())])]
        return made, home


def _in_order(groups, home):
    """Sort groups so that each comes after those that it reads from; None if there is a circle."""
    before = {group: {home[x.owner] for node in group.nodes if node.kind != "shape"
                      for x in node.inputs if x.owner in home} - {group} for group in groups}
    done = []
    while len(done) < len(groups):
        ready = [g for g in groups if g not in done and before[g].issubset(done)]
        if not ready:
            return None
        done += ready
    return done
