"""MonitorMode: a function of yours sees each node before and after it is computed."""
from functools import partial
from itertools import count

import numpy as np

from cytensor.engine.loops import Run
from cytensor.engine.modes import Mode
from cytensor.engine.nodewise import Values, as_results, compute, given_values
from cytensor.printing import debugprint


class MonitorMode(Mode):
    """A mode that shows each node, its inputs and its outputs.

    The graph is computed node by node, and nothing is fused: much slower than other modes. The
    nodes of a loop's body are shown at each step, after the loop itself has begun.

    Parameters
    ----------
    pre_func, post_func : callable, optional
        ``pre_func(i, node, fn)`` is called before a node is computed, ``post_func(i, node, fn)``
        after that. ``i`` counts the nodes. ``fn.inputs`` and ``fn.outputs`` are lists of lists
        with one value each; before, that of an output is None.
    optimizer : str, optional
        As for ``Mode``.

    Examples
    --------
    >>> import cytensor as ct, cytensor.tensor as T
    >>> x = T.dscalar("x")
    >>> def show(i, node, fn):
    ...     print(i, node, [float(x[0]) for x in fn.outputs])
    >>> f = ct.function([x], T.exp(x) * x, mode=MonitorMode(post_func=show))
    >>> f(0)
    0 exp [1.0]
    1 mul [0.0]
    array(0.)
    """

    def __init__(self, pre_func=None, post_func=None, optimizer="default", linker=None,
                 excluding=(), **options):
        super().__init__(linker, optimizer, {**dict.fromkeys(excluding), "assume": None},
                         **options)
        self.pre_func = pre_func
        self.post_func = post_func

    def options(self):
        """Return the further arguments that make this mode."""
        return {"pre_func": self.pre_func, "post_func": self.post_func}

    def runner(self, job, program, graph):
        """Return what runs the graph node by node."""
        return _Monitor(job, graph, self.pre_func, self.post_func)


class Thunk:
    """A node and its values: a call computes it.

    Attributes
    ----------
    inputs, outputs : list of [value]
    """

    def __init__(self, node, inputs, run):
        self.node = node
        self._run = run
        self.inputs = [[value] for value in inputs]
        self.outputs = [[None] for _ in node.outputs]

    def __call__(self):
        """Compute the outputs."""
        results = self._run(self.node, [value for value, in self.inputs])
        for storage, value in zip(self.outputs, results):
            storage[0] = value


class _Monitor:
    """Runs one function."""

    def __init__(self, job, graph, pre_func, post_func):
        self.job = job
        self.graph = graph
        self.pre_func = pre_func
        self.post_func = post_func

    def __call__(self, arguments, shared):
        order = count()
        values = Values(given_values(self.job, arguments, shared),
                        lambda node, inputs: self._visit(order, node, inputs))
        return as_results(self.job, [values[out] for out in self.graph])

    def _visit(self, order, node, inputs):
        run = partial(self._loop, order) if node.kind == "scan" else compute
        i, fn = next(order), Thunk(node, inputs, run)
        if self.pre_func is not None:
            self.pre_func(i, node, fn)
        fn()
        if self.post_func is not None:
            self.post_func(i, node, fn)
        return [value for value, in fn.outputs]

    def _loop(self, order, node, arrays):
        """Run a loop, and visit the nodes of its body at each step."""
        body = node.params["body"]

        def step(*values):
            known = Values(zip(body.inputs, values),
                           lambda node, inputs: self._visit(order, node, inputs))
            return [known[out] for out in body.outputs]
        return Run(arrays, **node.params).run(step)


def detect_nan(i, node, fn):
    """Print the first outputs that hold a NaN: a ``post_func``."""
    for value, in fn.outputs:
        if isinstance(value, np.ndarray) and value.dtype.kind in "fc" and np.isnan(value).any():
            print(f"*** NaN detected in node {i} ***")
            debugprint(node)
            print(f"Inputs : {[value for value, in fn.inputs]}")
            print(f"Outputs: {[value for value, in fn.outputs]}")
            break
