"""Rewrites in Theano's protocol: a function of one node that returns what takes its place."""
from cytensor._core import Variable, copy_apply, toposort
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
            before, outputs = outputs, self._sweep(outputs)
            if all([old is new for old, new in zip(before, outputs)]):
                break
        return outputs

    def _sweep(self, outputs):
        now = {}
        for node in toposort(outputs):
            current = node
            if not now.keys().isdisjoint(node.inputs):
                current = copy_apply(node, [now.get(x, x) for x in node.inputs])
                now.update(zip(node.outputs, current.outputs))
            for old, new in self._changes(current):
                if isinstance(old, Variable) and old is not new:
                    tell(self.__name__, self.__name__, current, new)
                    now[node.outputs[old.index]] = new
        return [now.get(out, out) for out in outputs]

    def _changes(self, node):
        """Pairs of an output of the node and what takes its place."""
        new = self.rewrite.transform(node)
        if not new:
            return []
        if isinstance(new, dict):
            return [(old, value) for old, value in new.items() if old in node.outputs]
        return list(zip(node.outputs, new))
