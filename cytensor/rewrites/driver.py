"""Apply rules until none fires, in time linear in the graph.

A sweep goes through the graph from its inputs to its outputs, so that what a rule looks into has
settled before. Equal nodes become one on the way, since rules compare by identity. A node asks for
its rules by its op and the ops above its inputs, and most nodes have none. What a rule builds is
swept at once; whole sweeps are repeated only because a rule may wait until a value has no other
user.
"""
import warnings
from itertools import chain

from cytensor import config
from cytensor._core import Constant, renewed, toposort
from cytensor.rewrites.uses import Uses

_MAX_SWEEPS = 8
_MAX_DEPTH = 100            # rules that fire one inside the result of another
_MAX_FIRED = 20             # times that rules fire in one sweep, per node (and 1,000 in any case)


_listener = None


def listen(listener):
    """Tell ``listener(pass's name, rule, node, new value)`` of each rule that fires, or nobody.

    Returns
    -------
    callable or None
        Who was told until now.
    """
    global _listener
    before, _listener = _listener, listener
    return before


def tell(name, rule, node, new):
    """Say that a rule of the pass ``name`` puts ``new`` in the place of a node's output."""
    if _listener is not None:
        _listener(name, rule, node, new)


class Pass:
    """One step of compilation, from graph to graph.

    Parameters
    ----------
    name : str
        What users write to leave the pass out.
    step : sequence of rules, or callable
        ``step(outputs) -> outputs``, where it is not a table of rules.

    Examples
    --------
    >>> from cytensor.rewrites.driver import Pass
    >>> Pass("nothing", lambda outputs: outputs)
    <pass nothing>
    """

    def __init__(self, name, step):
        self.name = name
        self.is_table = not callable(step)
        self.rules = tuple(step) if self.is_table else ()
        self._step = RuleSet(name, step) if self.is_table else step

    def __call__(self, outputs, unique=False):
        """Return the better graph: one variable for each of ``outputs``.

        With ``unique``, no two nodes of the graph compute the same, which saves time.
        """
        return self._step(list(outputs), unique) if self.is_table else self._step(list(outputs))

    def __repr__(self):
        return f"<pass {self.name}>"


class RuleSet:
    """Rules, found by the op of a node and the ops above its inputs."""

    def __init__(self, name, rules):
        self.name = name
        self._by_op = {}
        for rule in rules:
            self._by_op.setdefault(rule.op, []).append(rule)
        self._found = {}

    def find(self, node):
        """Return the rules that may match a node."""
        key = (node.op, *[isinstance(x, Constant) if x.owner is None else x.owner.op
                          for x in node.inputs])
        rules = self._found.get(key)
        if rules is None:
            rules = self._found[key] = self._possible(*key)
        return rules

    def _possible(self, op, *heads):
        named = self._by_op.get(op, [])
        return tuple([rule for rule in chain(named, self._by_op.get(None, []))
                      if rule.possible(op, heads)])

    def _first(self, nodes):
        """How many nodes no rule may match, from the first on."""
        for place, node in enumerate(nodes):
            if self.find(node):
                return place
        return len(nodes)

    def __call__(self, outputs, unique=False):
        """Rewrite a graph until no rule fires."""
        for _ in range(_MAX_SWEEPS):
            nodes = toposort(outputs)
            first = self._first(nodes) if unique else 0
            if first == len(nodes):
                break
            sweep = _Sweep(self, outputs, nodes)
            outputs = sweep.run(unique, first)
            unique = True
            if not sweep.fired or sweep.warned:
                break
        return outputs


class _Sweep:
    """One walk over a graph."""

    def __init__(self, rules, outputs, nodes):
        self.rules = rules
        self.outputs = outputs
        self.nodes = nodes
        self.uses = None            # until a rule asks for it, or fires
        self.settled = None
        self.now = {}               # what stands for a variable, where that has changed
        self.seen = {}              # nodes by what they compute, so that equal ones are one
        self.fired = 0
        self.warned = False
        self.budget = 1000 + _MAX_FIRED * len(self.nodes)

    def run(self, unique, first):
        """Return the outputs after the walk. ``first`` is the first node that a rule may match."""
        if not unique:
            self._look_around()
        start = self._start(first) if unique else 0
        for node in self.nodes[start:]:
            self._settle(node, 0)
        return [self.now.get(out, out) for out in self.outputs]

    def _look_around(self):
        """Note who uses what: many walks end without that."""
        if self.uses is None:
            self.uses = Uses(self.nodes, self.outputs)
            self.settled = set(self.nodes)

    def _start(self, first):
        """Let the first rule fire, and return how many nodes have settled with that.

        Up to there nothing has changed, and no two nodes are equal.
        """
        for place in range(first, len(self.nodes)):
            node = self.nodes[place]
            rules = self.rules.find(node)
            if any([rule.asks_for_uses for rule in rules]):
                self._look_around()
            match = self._match(node, rules) if rules else None
            if match:
                self._look_around()
                self.seen.update([((n.key, *n.inputs), n) for n in self.nodes[:place + 1]])
                self._replace(node, *match, 0)
                return place + 1
        return len(self.nodes)

    def _settle(self, node, depth):
        """Bring a node up to date with what is below it, and let the rules see it."""
        now = self.now
        current = renewed(node, now)
        if current is not node:
            self.settled.add(current)
            self.uses.rename(node, current)
        first = self.seen.setdefault((current.key, *current.inputs), current)
        if first is not current:
            for again, before in zip(current.outputs, first.outputs):
                before = now.get(before, before)        # a rule may have replaced the first
                now[again] = before
                self.uses.move(again, before, self.uses[again])
        else:
            rules = self.rules.find(current)
            match = self._match(current, rules) if rules else None
            if match:
                self._replace(current, *match, depth)
        if current is not node:
            for before, after in zip(node.outputs, current.outputs):
                now[before] = now.get(after, after)

    def _match(self, node, rules):
        """The first rule that fits a node, and what it makes of it."""
        for rule in rules:
            new = rule.apply(node, self.uses)
            if new is not None:
                return rule, new
        return None

    def _replace(self, node, rule, new, depth):
        """Put what a rule has made in the place of a node, itself rewritten."""
        old = node.outputs[0]
        if self._runs_away(rule, depth):
            return
        if config.debug >= 3:
            _print_fired(self.rules.name, rule, node)
        tell(self.rules.name, rule, node, new)
        self.fired += 1
        self._keep_name(old, new)
        users = self.uses[old]
        for fresh in toposort_until([new], self.settled):
            self.settled.add(fresh)
            self.uses.add(fresh, [self.now.get(x, x) for x in fresh.inputs])
            self._settle(fresh, depth + 1)
        new = self.now.get(new, new)
        self.now[old] = new
        self.uses.move(old, new, users)

    def _keep_name(self, old, new):
        if new.owner is not None and new.owner not in self.settled and new.name is None:
            new.name = old.name

    def _runs_away(self, rule, depth):
        if depth < _MAX_DEPTH and self.fired < self.budget:
            return False
        if not self.warned:
            self.warned = True
            warnings.warn(f"the rule {rule} of the pass {self.rules.name!r} keeps firing "
                          "on its own result; it was stopped", RuntimeWarning, stacklevel=2)
        return True


def toposort_until(outputs, known):
    """As ``toposort``, but nodes of the set ``known`` (which is not copied) are left out."""
    order, done = [], set()
    stack = [out.owner for out in outputs if out.owner is not None and out.owner not in known]
    while stack:
        node = stack[-1]
        missing = [x.owner for x in node.inputs if x.owner is not None
                   and x.owner not in known and x.owner not in done]
        if missing:
            stack.extend(missing)
            continue
        stack.pop()
        if node not in done:
            done.add(node)
            order.append(node)
    return order


def _print_fired(name, rule, node):
    where = "{}:{}".format(*node.loc) if node.loc else "?"
    print(f"cytensor: {name}: {rule}  ({where})")
