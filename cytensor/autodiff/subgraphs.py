"""`OpFromGraph`: a part of a graph as an op of its own, whose derivatives may be overridden.

Compilation puts the graph in the place of the op first of all, so that the op costs nothing.
"""
from cytensor._core import (
    Constant, TensorType, Variable, leaves, new_variable, observe, replace, toposort, typed_apply)
from cytensor.autodiff.compiler import compiled
from cytensor.autodiff.custom import connections
from cytensor.autodiff.absent import is_disconnected, is_null
from cytensor.autodiff.cotangents import ZERO, is_float, unspread, zeros
from cytensor.autodiff.forward import Rop
from cytensor.autodiff.reverse import Report, backpropagate, known_cotangent
from cytensor.ops.custom import CustomOp, same_to_theano
from cytensor.ops.objects import DisconnectedType, NullType
from cytensor.ops.registry import as_variable

DEFAULT = "default"


class OpFromGraph(CustomOp):
    """An op that computes expressions of its inputs.

    Parameters
    ----------
    inputs : list of Variable
    outputs : list of Variable
        Expressions of the inputs and of shared variables.
    inline : bool
        No effect: the graph is always put in the place of the op when a function is compiled.
    lop_overrides, grad_overrides : optional
        What to take for the gradients: a callable ``f(inputs, outputs, output_gradients)`` for
        the first, ``f(inputs, output_gradients)`` for the second, that returns a list; or another
        `OpFromGraph`, to be applied to all of these; or a variable of NullType or
        DisconnectedType; or a list with one of those, or ``"default"``, for each input.
    rop_overrides : optional
        The same for the forward derivative: ``f(inputs, eval_points)``, one for each output.
    connection_pattern : list of list of bool, optional
        Whether each input has an influence on each output. By default what the graph says.
    name : str, optional
    **kwargs
        Options of ``function``, without effect.

    Examples
    --------
    >>> import cytensor as ct, cytensor.tensor as T
    >>> x, y = T.dscalars("x", "y")
    >>> op = ct.OpFromGraph([x, y], [x * y], grad_overrides=lambda inputs, gs: [gs[0], gs[0] * 2])
    >>> a, b = T.dscalars("a", "b")
    >>> f = ct.function([a, b], [op(a, b), *T.grad(op(a, b), [a, b])])
    >>> f(3, 4)
    [array(12.), array(1.), array(2.)]
    """

    def __init__(self, inputs, outputs, inline=False, lop_overrides=DEFAULT,
                 grad_overrides=DEFAULT, rop_overrides=DEFAULT, connection_pattern=None, name=None,
                 **kwargs):
        _check_arguments(inputs, outputs, kwargs)
        self.is_inline, self.name, self.kwargs = inline, name, kwargs
        self.inputs, self.outputs = inputs, outputs
        self.shared_inputs = _shared_among(inputs, outputs)
        self.local_inputs = [new_variable(x.type, x.name)
                             for x in (*inputs, *self.shared_inputs)]
        self.local_outputs = replace(
            outputs, dict(zip([*inputs, *self.shared_inputs], self.local_inputs)))
        self.input_types = [x.type for x in inputs]
        self.output_types = [out.type for out in outputs]
        self._pattern = connection_pattern
        if not _is_default(lop_overrides) and not _is_default(grad_overrides):
            raise ValueError("OpFromGraph: give lop_overrides or grad_overrides, not both")
        self.set_lop_overrides(lop_overrides)
        if not _is_default(grad_overrides):
            self.set_grad_overrides(grad_overrides)
        self.set_rop_overrides(rop_overrides)

    def set_lop_overrides(self, overrides):
        """Say what to take for the gradients, given inputs, outputs and output gradients."""
        self._lop, self._takes_outputs = overrides, True

    def set_grad_overrides(self, overrides):
        """Say what to take for the gradients, given inputs and output gradients."""
        self._lop, self._takes_outputs = overrides, False

    def set_rop_overrides(self, overrides):
        """Say what to take for the forward derivatives, given inputs and directions."""
        self._rop = overrides

    def __str__(self):
        return self.name or f"{type(self).__name__}{{inline={self.is_inline}}}"

    @property
    def traits(self):
        """What lowering and rewrites ask for."""
        return {**super().traits, "inline": self.expressions}

    # ----- the graph -----

    def make_node(self, *inputs):
        """Apply the op. Shared variables come last among the inputs of the node."""
        if len(inputs) != len(self.input_types):
            raise ValueError(f"{self}: expected {len(self.input_types)} inputs, got {len(inputs)}")
        inputs = [_as_type(self, x, wanted) for x, wanted in zip(inputs, self.input_types)]
        return typed_apply(self, [*inputs, *self.shared_inputs], self.output_types)

    def reapply(self, node, inputs):
        """Apply the op to inputs of which some may have other types."""
        inputs = list(inputs)
        own = [_as_type(self, x, wanted) for x, wanted in zip(inputs, self.input_types)]
        return typed_apply(self, [*own, *inputs[len(own):]], self.output_types)

    def expressions(self, node):
        """Return what the outputs of a node stand for, as expressions of its inputs."""
        return self._put(lambda: self.local_outputs, node.inputs)

    def _put(self, make, inputs):
        """Return expressions of the op's own inputs, put into terms of other ones.

        Only what comes of it is seen by who observes the making of nodes.
        """
        observer = observe(None)
        try:
            found = replace(make(), dict(zip(self.local_inputs, inputs)))
        finally:
            observe(observer)
        if observer is not None:
            for node in toposort(found, inputs):
                observer(node)
        return found

    def perform(self, node, inputs, output_storage):
        """Compute the outputs, where the op was not replaced by its graph."""
        results = compiled(self.local_inputs, self.local_outputs)(*inputs)
        for cell, result in zip(output_storage, results):
            cell[0] = result

    def connection_pattern(self, node):
        """Return whether each input has an influence on each output."""
        if self._pattern is None:
            reached = [_connected(self.local_inputs, out) for out in self.local_outputs]
            rows = [[x in found for found in reached] for x in self.local_inputs]
            self._pattern = rows if _is_default(self._lop) else self._with_overrides(rows)
        missing = len(self.local_inputs) - len(self._pattern)
        return [*self._pattern, *[[False] * len(self.local_outputs)] * missing]

    def _with_overrides(self, rows):
        """Which inputs count for which outputs, by the gradients that override those of the graph.

        An input also counts if its gradient is made of that of the output, and does not if its
        gradient is disconnected.
        """
        before, gs = observe(None), [new_variable(t) for t in self.output_types]
        try:
            terms = self.L_op(self.local_inputs, self.local_outputs, gs)
        finally:
            observe(before)
        for i, term in enumerate(terms):
            found = set() if is_null(term) else _connected(gs, term)
            rows[i] = [not is_disconnected(term) and (known or g in found)
                       for known, g in zip(rows[i], gs)]
        return rows

    # ----- derivatives -----

    def L_op(self, inputs, outputs, output_gradients):
        """Return the gradients: those of the graph, or what overrides them."""
        gs = [zeros(out) if is_disconnected(g) and is_float(out) else g
              for out, g in zip(outputs, output_gradients)]
        arguments = (inputs, outputs, gs) if self._takes_outputs else (inputs, gs)

        def default(places):
            wrt = [self.local_inputs[i] for i in places]
            return self._put(lambda: self._gradients(wrt, output_gradients), inputs)

        return _overridden(self, self._lop, arguments, default, len(self.local_inputs))

    def _gradients(self, wrt, output_gradients):
        known = {}
        for out, g in zip(self.local_outputs, output_gradients):
            if not is_disconnected(g):
                known[out] = g if out not in known else known[out] + g
        seeds = {out: _small(known_cotangent(out, g, str(self))) for out, g in known.items()}
        found = backpropagate(seeds, wrt, fixed=seeds)
        report = Report("ignore", "disconnected", "return")
        return [report.result(x, found.get(x)) for x in wrt]

    def R_op(self, inputs, eval_points):
        """Return the forward derivatives: those of the graph, or what overrides them."""
        moving = [(x, t) for x, t in zip(self.local_inputs, eval_points) if t is not None]
        if not moving:
            return [None] * len(self.local_outputs)

        def default(places):
            outputs = [self.local_outputs[i] for i in places]
            wrt, directions = zip(*moving)
            return self._put(lambda: Rop(outputs, wrt, directions, "ignore"), inputs)

        return _overridden(self, self._rop, (inputs, eval_points), default,
                           len(self.local_outputs))


def _small(g):
    """A cotangent that was repeated for users' rules, as the walk wants it."""
    return g if g is ZERO else unspread(g, ())


# ----- making one -----

def _check_arguments(inputs, outputs, options):
    if not isinstance(outputs, list):
        raise TypeError(f"OpFromGraph: outputs is a list, not {outputs!r}")
    for x in (*inputs, *outputs):
        if not isinstance(x, Variable):
            raise TypeError(f"OpFromGraph: inputs and outputs are variables, not {x!r}")
    if "updates" in options or "givens" in options:
        raise TypeError("OpFromGraph takes neither updates nor givens")


def _shared_among(inputs, outputs):
    """The shared variables of a graph; raise if it has other ones that are no inputs."""
    others = [x for x in leaves(outputs, inputs)
              if x not in inputs and not isinstance(x, Constant)]
    for x in others:
        if not hasattr(x, "container"):
            raise ValueError(f"OpFromGraph: an output depends on {x!r}, which is no input")
    return others


def _as_type(op, x, wanted):
    x = as_variable(x)
    if same_to_theano(x.type, wanted):
        return x
    if isinstance(x.type, TensorType) and isinstance(wanted, TensorType) \
            and x.type.dtype == wanted.dtype and x.type.ndim == wanted.ndim \
            and all(m != 1 or n == 1 for n, m in zip(x.type.shape, wanted.shape)):
        return x
    raise TypeError(f"{op}: expected an input of type {wanted}, got {x!r} of type {x.type}")


def _connected(inputs, output):
    """The inputs on whose values an output depends."""
    reached = {output}
    for node in reversed(toposort([output], inputs)):
        if node.kind == "shape":
            continue
        for x, row in zip(node.inputs, connections(node)):
            if any([a and out in reached for a, out in zip(row, node.outputs)]):
                reached.add(x)
    return reached.intersection(inputs)


# ----- overrides -----

def _is_default(override):
    return isinstance(override, str) and override == DEFAULT


def _overridden(op, override, arguments, default, count):
    """Return derivatives, some or all of which are overridden.

    Parameters
    ----------
    op : OpFromGraph
    override : str, callable, OpFromGraph, Variable or list
    arguments : tuple of list
        For callables.
    default : callable
        ``default(places) -> list``: the derivatives that the graph gives.
    count : int
        How many there are. Those for shared variables may be left out, and are the default then.
    """
    if _is_default(override):
        return default(range(count))
    if isinstance(override, (list, tuple)):
        found = [_one(item, arguments) for item in override]
    elif isinstance(override, Variable):
        found = [_stand_in(override)] * count
    else:
        found = _call(override, arguments)
        if not isinstance(found, (list, tuple)):
            raise TypeError(f"{op}: what overrides a derivative returns a list, not {found!r}")
        found = list(found)
    if len(found) not in (count, count - len(op.shared_inputs)):
        raise ValueError(f"{op}: {count} derivatives are to be overridden, got {len(found)}")
    found += [DEFAULT] * (count - len(found))
    places = [i for i, item in enumerate(found) if _is_default(item)]
    if places:
        for i, value in zip(places, default(places)):
            found[i] = value
    return found


def _one(item, arguments):
    """One item of a list of overrides."""
    if _is_default(item):
        return item
    if isinstance(item, Variable):
        return _stand_in(item)
    found = _call(item, arguments)
    return found[0] if isinstance(found, (list, tuple)) else found


def _call(override, arguments):
    if isinstance(override, OpFromGraph):
        return override(*[x for part in arguments for x in part], return_list=True)
    if not callable(override):
        raise TypeError(f"OpFromGraph: an override is 'default', an OpFromGraph, a callable, a "
                        f"variable of NullType or DisconnectedType, or a list of those, not "
                        f"{override!r}")
    return override(*[list(part) for part in arguments])


def _stand_in(variable):
    if not isinstance(variable.type, (NullType, DisconnectedType)):
        raise ValueError(f"OpFromGraph: a variable that overrides a derivative is of NullType or "
                         f"DisconnectedType, not {variable.type}")
    return variable
