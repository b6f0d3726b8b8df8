"""Rewrites in Theano's protocol: a function of one node that returns what takes its place."""
from cytensor._core import Variable, rebuild, renewed
from cytensor.rewrites.driver import tell

_MAX_SWEEPS = 8


class NodeRewrite:
    """A pass from ``transform(node)``, applied to each node until nothing changes.

    Parameters
    ----------
    rewrite : object
        ``rewrite.transform(node)`` returns False or None for a node that stays, a list of new
        variables, one for each output, or a dict of old variables to new ones.
    """

    def __init__(self, rewrite):
        self.rewrite = rewrite
        self.__name__ = getattr(rewrite, "__name__", None) or type(rewrite).__name__

    def __call__(self, outputs):
        """Return the outputs of the rewritten graph."""
        for _ in range(_MAX_SWEEPS):
            before, outputs = outputs, rebuild(outputs, self._change)
            if all([old is new for old, new in zip(before, outputs)]):
                break
        return outputs

    def _change(self, node, now):
        current = renewed(node, now)
        made = list(current.outputs)
        for old, new in self._pairs(current):
            if isinstance(old, Variable) and old is not new:
                tell(self.__name__, self.__name__, current, new)
                made[old.index] = new
        return made

    def _pairs(self, node):
        """Pairs of an output of the node and what takes its place."""
        new = self.rewrite.transform(node)
        if not new:
            return []
        if isinstance(new, dict):
            return [(old, value) for old, value in new.items() if old in node.outputs]
        return list(zip(node.outputs, new))
