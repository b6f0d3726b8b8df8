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
        self._users = set(nodes)        # the nodes that are counted

    def __getitem__(self, variable):
        return self._count[variable]

    def add(self, node, inputs):
        """Count a new node as a user of ``inputs``."""
        self._users.add(node)
        self._count.update(inputs)
        for x in inputs:
            self._gain(x.owner)

    def rename(self, node, copy):
        """A copy takes the place of a node, and its inputs those of the node's inputs."""
        self._users.discard(node)
        self._users.add(copy)
        for before, after in zip(node.outputs, copy.outputs):
            self._count[after] = self._count.pop(before, 0)

    def move(self, old, new, users):
        """Let some users of a variable be users of another one."""
        self._count[new] += users
        self._count[old] -= users
        if users:
            self._gain(new.owner)
        self._lose(old.owner)

    def _gain(self, node):
        """Count a node, and those that it needs, where they had been given up."""
        stack = [node]
        while stack:
            node = stack.pop()
            if node is not None and node not in self._users:
                self._users.add(node)
                self._count.update(node.inputs)
                stack.extend([x.owner for x in node.inputs])

    def _lose(self, node):
        """Give up a node that nobody needs any more, and those that only it needed."""
        stack = [node]
        while stack:
            node = stack.pop()
            if node in self._users and not any([self._count[out] > 0 for out in node.outputs]):
                self._users.remove(node)
                self._count.subtract(node.inputs)
                stack.extend([x.owner for x in node.inputs])
