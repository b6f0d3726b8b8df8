"""Reverse mode: from a cost, a graph of its derivatives with respect to any of its ancestors.

The walk goes through the nodes between the variables and the cost, last first, and asks each op's
``vjp`` for the cotangents of its inputs. Rules are plain mathematics; what they leave out is done
here, once: broadcasting is undone, dtypes are restored, contributions are summed, integers are
skipped, and new nodes get the source line of the node that they differentiate.

Complex numbers: a rule is the transpose of the derivative, not conjugated, so that rules look the
same for real and complex. ``grad`` conjugates once, at its end: what it returns for a real cost is
``d/d(real) + 1j * d/d(imag)``, the direction in which the cost grows fastest.
"""
import warnings

from cytensor._core import TensorType, Variable, at_loc, toposort
from cytensor.autodiff import branches, custom
from cytensor.autodiff.absent import (DisconnectedInputError, DisconnectedType, NullType,
                                      NullTypeGradError, is_disconnected, is_null)
from cytensor.autodiff.cotangents import (
    ZERO, expand, fit, is_float, number_like, total, unspread, zeros)
from cytensor.ops import elementwise
from cytensor.ops.control import split_branches
from cytensor.ops.custom import CustomOp
from cytensor.ops.registry import KIND, as_variable


# ----- the walk -----

def backpropagate(seeds, wrt, stop=(), fixed=()):
    """Carry cotangents from some variables back to others.

    Parameters
    ----------
    seeds : dict of Variable to Variable
        The cotangents to begin with.
    wrt : sequence of Variable
        Where to go: only nodes on a way to these are visited.
    stop : collection of Variable
        Variables beyond which nothing is carried.
    fixed : collection of Variable
        Seeds to which nothing may be added.

    Returns
    -------
    dict of Variable to Variable
        Cotangents, as small as they happen to be; ``ZERO`` where there is a path without influence;
        without an entry where there is no path.
    """
    walk = _Walk(seeds, wrt, set(stop), set(fixed))
    return walk.carry(branches.TOP, dict(seeds))


class _Walk:
    """The nodes between some variables and others, and how cotangents are carried back."""

    def __init__(self, seeds, wrt, stop, fixed):
        self.stop, self.fixed = stop, fixed
        known = toposort(list(seeds), stop)
        nodes, self.needed = _between(known, wrt)
        self.inside = branches.by_region(nodes, {*seeds, *wrt})
        #: What is the user's, who may ask for derivatives by it: it is not looked through.
        self.before = {*known, *toposort([g for g in seeds.values() if g is not ZERO])}

    def carry(self, region, grads):
        """Carry cotangents through one region of the graph: see ``branches``."""
        for node in reversed(self.inside.get(region, ())):
            gs = [None if out in self.stop else grads.get(out) for out in node.outputs]
            if all([g is None for g in gs]):
                continue
            with at_loc(node.loc):
                for x, g in self._pulled(node, gs):
                    if x in self.needed and x not in self.fixed and g is not None:
                        grads[x] = _accumulate(grads.get(x), g)
        return grads

    def _pulled(self, node, gs):
        """The contributions of a node, and the variables to which it makes them."""
        if node.kind != "ifelse":
            return zip(node.inputs, _pull(node, gs, self.before))
        halves = [self._through_branch(node, branch, gs) for branch in (0, 1)]
        return branches.joined(node.inputs[0], halves)

    def _through_branch(self, node, branch, gs):
        """Carry cotangents through one branch; return those of what comes from outside of it."""
        region, seeds = (node, branch), {}
        for x, g in zip(split_branches(node.inputs[1:])[branch], gs):
            if g is not None and x in self.needed:
                g = g if g is ZERO else _contribution(g, x, None, self.before)
                seeds[x] = _accumulate(seeds.get(x), g)
        inside = set(self.inside.get(region, ()))
        return {x: g for x, g in self.carry(region, seeds).items() if x.owner not in inside}


def _between(known, wrt):
    """The nodes of a graph that depend on ``wrt``, in order, and the variables on the way."""
    needed, nodes = set(wrt), []
    for node in known:
        if not needed.isdisjoint(node.inputs):
            needed.update(node.outputs)
            nodes.append(node)
    return nodes, needed


def _accumulate(before, g):
    if before is None or before is ZERO:
        return g
    if g is ZERO or is_null(before):
        return before
    return g if is_null(g) else total(before, g)


def _pull(node, gs, before):
    """Return the contribution of a node to each of its inputs: None where it is disconnected."""
    count = len(node.inputs)
    if node.op.kind == "shape":                 # sizes do not depend on values
        return [None] * count
    if isinstance(node.op, CustomOp):
        return custom.pull(node, gs)
    null = next(filter(is_null, gs), None)
    if null is not None:
        return [null] * count
    gs = [None if g is ZERO or not is_float(out) else g for g, out in zip(gs, node.outputs)]
    if all([g is None for g in gs]) and not node.op.traits.get("undefined"):
        return [ZERO] * count
    if node.op.vjp is None:
        return [_no_rule(node)] * count
    out = node.outputs[0] if node.op.kind == "elementwise" else None
    return [_contribution(g, x, out, before) for g, x in zip(call_vjp(node, gs), node.inputs)]


def _contribution(g, x, out, before):
    if g is None:
        return ZERO
    if is_disconnected(g):
        return None
    if is_null(g):
        return g
    return unspread(fit(g, x, out), before) if is_float(x) else ZERO


def _no_rule(node):
    """An elementwise op without a rule is flat (``floor``); another's gradient is not known."""
    if node.op.kind == "elementwise":
        return ZERO
    return NullType(f"{node.op} has no gradient rule{made_at(node)}")()


def call_vjp(node, gs):
    """Call the gradient rule of a node. Only elementwise rules see cotangents that are small."""
    op = node.op
    if isinstance(op, CustomOp):
        return [None if g is ZERO else g for g in custom.pull(node, gs)]
    if op.kind != "elementwise":
        gs = [_full_cotangent(g, out) for g, out in zip(gs, node.outputs)]
    g, out = (gs[0], node.outputs[0]) if op.nout == 1 else (tuple(gs), node.outputs)
    try:
        found = op.vjp(g, out, *node.inputs, **node.params)
    except Exception as error:
        error.add_note(f"in the gradient of {op}{made_at(node)}")
        raise
    if len(found) != len(node.inputs):
        raise ValueError(f"{op}: its gradient rule returns {len(found)} gradients for "
                         f"{len(node.inputs)} inputs{made_at(node)}")
    return found


def _full_cotangent(g, out):
    """What the rule of an op that is not elementwise gets for one output."""
    if g is not None:
        return expand(g, out)
    return zeros(out) if is_float(out) else None


def made_at(node):
    """Where the user made a node, for messages."""
    return ", made at {}:{}".format(*node.loc) if node.loc else ""


# ----- what users call -----

def grad(cost, wrt, consider_constant=None, disconnected_inputs="raise", add_names=True,
         known_grads=None, return_disconnected="zero", null_gradients="raise"):
    """Return the gradient of a scalar cost, as new variables of the graph.

    Parameters
    ----------
    cost : Variable, 0-d, or None
        None where ``known_grads`` says all.
    wrt : Variable or sequence of Variable
    consider_constant : sequence of Variable, optional
        Variables through which no gradient passes.
    disconnected_inputs : {"raise", "warn", "ignore"}
        What to do about a ``wrt`` on which the cost does not depend.
    add_names : bool
        Name results ``(dcost/dx)``, where both have names.
    known_grads : dict of Variable to Variable, optional
        Gradients of the cost with respect to intermediate variables, to be taken as given. One
        that is disconnected says that the cost does not depend on its variable.
    return_disconnected : {"zero", "None", "disconnected"}
        What stands for the gradient with respect to a disconnected variable.
    null_gradients : {"raise", "return"}
        What to do about a gradient that is undefined or has no rule.

    Returns
    -------
    Variable or list of Variable
        As ``wrt``. Each has the type of its variable; for an integer or boolean one it is zeros
        of ``config.floatX``.

    Raises
    ------
    TypeError
        If the cost is not a real scalar.
    DisconnectedInputError
    NullTypeGradError

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> x = T.vector("x")
    >>> T.grad((x ** 2).sum(), x).type
    TensorType(float64, vector)
    """
    report = Report(disconnected_inputs, return_disconnected, null_gradients)
    wrt_list = as_list(wrt)
    seeds = _seeds(cost, known_grads)
    grads = backpropagate(seeds, wrt_list, consider_constant or (), known_grads or ())
    results = [report.result(x, grads.get(x)) for x in wrt_list]
    if add_names and cost is not None and cost.name is not None:
        taken = set(seeds.values())
        for x, g in zip(wrt_list, results):
            _name_gradient(cost, x, g, taken)
    return results if isinstance(wrt, (list, tuple)) else results[0]


def as_list(wrt):
    """Return one variable or several as a list, checked."""
    variables = list(wrt) if isinstance(wrt, (list, tuple)) else [wrt]
    for x in variables:
        if not isinstance(x, Variable):
            raise TypeError(f"grad: differentiate with respect to variables, not {x!r}")
    return variables


def _seeds(cost, known_grads):
    """The cotangents that ``grad`` begins with."""
    seeds = {}
    if cost is not None:
        _check_cost(cost)
        seeds[cost] = number_like(1, cost)
    elif not known_grads:
        raise ValueError("grad: give a cost, known_grads, or both")
    for x, g in (known_grads or {}).items():
        g = as_variable(g)
        if is_disconnected(g):
            seeds.pop(x, None)
        else:
            seeds[x] = known_cotangent(x, g, "known_grads")
    return seeds


def _check_cost(cost):
    if not isinstance(cost, Variable):
        raise TypeError(f"grad: the cost must be a variable, not {cost!r}")
    if is_null(cost):
        raise ValueError(f"grad: the cost has no value: {cost.type.why_null}")
    if cost.type.ndim != 0:
        raise TypeError(f"grad: the cost must be a scalar, not {cost!r} of type {cost.type}; "
                        "take its sum or its mean")
    if KIND[cost.type.dtype] == "c":
        raise TypeError(f"grad: the cost must be real, not {cost.type.dtype}; take real(cost)")


def known_cotangent(x, g, what):
    """Check a cotangent that the user gave for ``x``; return it as the walk wants it."""
    if is_null(g) or is_disconnected(g):
        return g if is_null(g) else ZERO
    if g.type.ndim != x.type.ndim:
        raise ValueError(f"{what}: the gradient given for {x!r} has {g.type.ndim} axes, "
                         f"not {x.type.ndim}")
    return conjugate(fit(g, x)) if is_float(x) else ZERO


def conjugate(g):
    """Between the transposes of the rules and the gradients that users see."""
    is_complex = isinstance(g.type, TensorType) and KIND[g.type.dtype] == "c"
    return elementwise.conj(g) if is_complex else g


def _name_gradient(cost, x, g, taken):
    new = g is not None and g.owner is not None and g not in taken
    if new and g.name is None and x.name is not None:
        g.name = f"(d{cost.name}/d{x.name})"


class Report:
    """What to do about gradients that do not exist: the last three options of ``grad``."""

    def __init__(self, disconnected="raise", stand_in="zero", null="raise"):
        stand_in = "disconnected" if stand_in == "Disconnected" else stand_in
        _check_option("disconnected_inputs", disconnected, ("raise", "warn", "ignore"))
        _check_option("return_disconnected", stand_in, ("zero", "None", "disconnected"))
        _check_option("null_gradients", null, ("raise", "return"))
        self.disconnected, self.stand_in, self.null = disconnected, stand_in, null

    def result(self, x, g):
        """Return what the user gets for ``x``, whose cotangent is ``g``."""
        if g is None:
            return self._without_path(x)
        if g is ZERO:
            return zeros(x)
        if is_null(g):
            if self.null == "raise":
                raise NullTypeGradError(f"grad: no gradient with respect to {x!r}: "
                                        f"{g.type.why_null}")
            return g
        return expand(conjugate(g), x)

    def _without_path(self, x):
        message = (f"grad: the cost does not depend on {x!r}, or only through its shape or through "
                   "what was made constant")
        if self.disconnected == "raise":
            raise DisconnectedInputError(message)
        if self.disconnected == "warn":
            warnings.warn(message, stacklevel=4)
        if self.stand_in == "zero":
            return zeros(x)
        return None if self.stand_in == "None" else DisconnectedType()()


def _check_option(name, value, choices):
    if value not in choices:
        raise ValueError(f"grad: {name} is one of {', '.join(map(repr, choices))}, not {value!r}")


def Lop(f, wrt, eval_points, consider_constant=None, disconnected_inputs="raise"):
    """Multiply by a Jacobian from the left: ``eval_points . df/dwrt``.

    Parameters
    ----------
    f, wrt : Variable or sequence of Variable
    eval_points : Variable or sequence of Variable
        One for each of ``f``, of its shape.
    consider_constant, disconnected_inputs
        As in ``grad``.

    Returns
    -------
    Variable or list of Variable
        As ``wrt``. For complex variables the Jacobian is conjugated, as in ``grad``.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> x, v = T.vectors("x", "v")
    >>> T.Lop(T.exp(x), x, v).type
    TensorType(float64, vector)
    """
    outputs = as_list(f)
    points = eval_points if isinstance(eval_points, (list, tuple)) else [eval_points]
    if len(points) != len(outputs):
        raise ValueError(f"Lop: {len(outputs)} outputs and {len(points)} eval_points")
    seeds = {}
    for y, v in zip(outputs, points):
        seeds[y] = _accumulate(seeds.get(y), known_cotangent(y, as_variable(v), "Lop"))
    report = Report(disconnected_inputs)
    wrt_list = as_list(wrt)
    grads = backpropagate(seeds, wrt_list, consider_constant or ())
    results = [report.result(x, grads.get(x)) for x in wrt_list]
    return results if isinstance(wrt, (list, tuple)) else results[0]


def subgraph_grad(wrt, end, start=None, cost=None, details=False):
    """Differentiate one part of a graph, so that the next part can go on from there.

    Parameters
    ----------
    wrt : sequence of Variable
        Parameters of this part.
    end : sequence of Variable
        Where this part begins and the walk ends: the inputs of the part.
    start : dict of Variable to Variable, optional
        Gradients of what comes after, with respect to the outputs of this part.
    cost : Variable, 0-d, optional
        A cost of this part alone.
    details : bool
        Also return the gradients by ``start`` and by ``cost``, before they are added.

    Returns
    -------
    (list, list)
        The gradients with respect to ``wrt`` and to ``end``. With ``details`` two more lists of
        both together: those that come from ``start``, and those that come from ``cost``.
    """
    if start is None and cost is None:
        raise ValueError("subgraph_grad: give start, cost, or both")
    params = list(dict.fromkeys([*wrt, *end]))

    def part(cost, start):
        if cost is None and start is None:
            return None
        return grad(cost, params, consider_constant=end, known_grads=start,
                    disconnected_inputs="ignore")

    by_start, by_cost = part(None, start), part(cost, None)
    sums = [total(a, b) for a, b in zip(by_start or [None] * len(params),
                                        by_cost or [None] * len(params))]
    found = dict(zip(params, sums))
    result = [found[x] for x in wrt], [found[x] for x in end]
    return (*result, by_start, by_cost) if details else result
