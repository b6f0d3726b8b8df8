"""A loop over rows: the same graph for i = 0, 1, .., n - 1, its results stacked or summed.

A Jacobian whose height only the run will know needs it. What does not depend on ``i`` stays
outside of the loop. The gradient of a stack is a sum of gradients, and that of a sum is one as
well, so that the two kinds of loop are closed under gradient.
"""
import numpy as np

from cytensor._core import Constant, TensorType, new_variable, replace, toposort
from cytensor.autodiff.absent import is_null
from cytensor.autodiff.compiler import compiled
from cytensor.autodiff.cotangents import expand, is_float
from cytensor.autodiff.reverse import ZERO, backpropagate
from cytensor.ops.registry import structured
from cytensor.ops.views import as_size, sizes_of


class Body:
    """What one turn of a loop computes: a graph of its own.

    Parameters
    ----------
    index : Variable, 0-d int64
        Stands for i.
    inputs : list of Variable
        Stand for what comes from outside.
    row : Variable
    """

    def __init__(self, index, inputs, row):
        self.index, self.inputs, self.row = index, inputs, row
        self._function = None

    def __call__(self, i, arrays):
        if self._function is None:
            self._function = compiled([self.index, *self.inputs], [self.row])
        return self._function(i, *arrays)[0]

    def over(self, index, inputs):
        """Return the row as a graph over other variables."""
        mapping = {self.index: index, **dict(zip(self.inputs, inputs))}
        return replace([self.row], mapping)[0]

    def __reduce__(self):
        return Body, (self.index, self.inputs, self.row)


def new_index():
    """Make a variable that stands for i."""
    return new_variable(TensorType("int64", ()), "i")


def loop(index, n, row, sizes, combine):
    """Compute ``row`` for each value of ``index`` below ``n``.

    Parameters
    ----------
    index : Variable
        From `new_index`.
    n : int or Variable
    row : Variable
        A graph over ``index`` and anything else.
    sizes : list of int or Variable
        The shape of ``row``, in terms of variables outside of the loop.
    combine : {"stack", "sum"}

    Returns
    -------
    Variable, shape (n, *sizes) or sizes
    """
    outside = _outside(index, row)
    inside = [new_variable(x.type, x.name) for x in outside]
    body = Body(index, inside, replace([row], dict(zip(outside, inside)))[0])
    return rows_op(as_size(n), *[as_size(m) for m in sizes], *outside, body=body, combine=combine)


def _outside(index, row):
    """What the nodes that depend on ``index`` take from those that do not."""
    inside, found = {index}, {}
    for node in toposort([row]):
        if inside.isdisjoint(node.inputs):
            continue
        inside.update(node.outputs)
        found.update(dict.fromkeys(
            [x for x in node.inputs if x not in inside and not isinstance(x, Constant)]))
    if row not in inside:
        found[row] = None
    return list(found)


def _split(body, inputs):
    """The sizes of a row, and the variables from outside."""
    ndim = body.row.type.ndim
    return inputs[:ndim], inputs[ndim:]


def _sizes(S, shapes, inputs, *, body, combine):
    n, *rest = inputs
    sizes = tuple([S.value(m) for m in _split(body, rest)[0]])
    return (S.value(n), *sizes) if combine == "stack" else sizes


def _perform(inputs, params):
    body, stack = params["body"], params["combine"] == "stack"
    n, *rest = inputs
    sizes, arrays = _split(body, rest)
    n, sizes = int(n), tuple(map(int, sizes))
    out = np.zeros((n, *sizes) if stack else sizes, body.row.type.dtype)
    for i in range(n):
        row = body(np.array(i, "int64"), arrays)
        if stack:
            out[i] = row
        else:
            out += row
    return [out]


def _vjp(g, out, n, *rest, body, combine):
    sizes, outside = _split(body, rest)
    index = new_index()
    row = body.over(index, outside)
    seed = g[index] if combine == "stack" else g
    grads = backpropagate({row: seed}, [x for x in outside if is_float(x)])
    found = [_summed(index, n, x, grads.get(x)) for x in outside]
    return (None,) * (1 + len(sizes)) + tuple(found)


def _summed(index, n, x, g):
    if g is None or g is ZERO:
        return None
    if is_null(g):
        return g
    return loop(index, n, expand(g, x), sizes_of(x), "sum")


rows_op = structured(
    "rows", lambda *inputs, body, combine: body.row.type.dtype, _sizes, _vjp, kind="python",
    perform=_perform, doc="Compute a graph for each row, and stack or sum the results.")
