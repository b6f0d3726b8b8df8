"""How many users each variable of a graph has, while the graph is being rewritten.

A rule may wait until nobody else uses what is inside its pattern. So what nobody needs any more
stops counting as a user at once, and not only when the graph is walked again.
"""
from collections import Counter
from itertools import chain


class Uses:
    """Counts users: nodes that are needed, and places among the outputs.

    Parameters
    ----------
    nodes : list of Apply
    outputs : list of Variable

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> from cytensor.rewrites.uses import Uses
    >>> x = T.dscalar()
    >>> y = T.exp(x)
    >>> z = y + y
    >>> Uses([y.owner, z.owner], [z])[y]
    2
    """

    def __init__(self, nodes, outputs):
        self._count = Counter(chain.from_iterable([node.inputs for node in nodes]))
        self._count.update(outputs)

    def __getitem__(self, variable):
        return self._count[variable]

    def add(self, variables):
        """Count one more user of each variable."""
        self._count.update(variables)

    def rename(self, node, copy):
        """A copy takes the place of a node, and its inputs those of the node's inputs."""
        for before, after in zip(node.outputs, copy.outputs):
            self._count[after] = self._count.pop(before, 0)

    def move(self, old, new, users):
        """Let some users of a variable be users of another one."""
        if users and new.owner is not None and not self._is_needed(new.owner):
            self._add_inputs(new.owner)
        self._count[new] += users
        self._count[old] -= users
        if old.owner is not None and not self._is_needed(old.owner):
            self._drop_inputs(old.owner)

    def _is_needed(self, node):
        return any([self._count[out] > 0 for out in node.outputs])

    def _add_inputs(self, node):
        """Count a node that is needed again as a user."""
        stack = [node]
        while stack:
            for x in stack.pop().inputs:
                if x.owner is not None and not self._is_needed(x.owner):
                    stack.append(x.owner)
                self._count[x] += 1

    def _drop_inputs(self, node):
        """Count a node that nobody needs any more as a user no longer."""
        stack = [node]
        while stack:
            for x in stack.pop().inputs:
                self._count[x] -= 1
                if x.owner is not None and not self._is_needed(x.owner):
                    stack.append(x.owner)
