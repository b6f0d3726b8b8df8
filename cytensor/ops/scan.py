"""The op of loops: a graph that is computed step by step, on rows of arrays and on its own results.

The inputs of a node are the number of steps, then sequences, the initial values of states, and
constants. Its *body* is a graph of its own, whose inputs are one row of each sequence, the values
of each state at its lags, and the constants; it computes the new values of the states, then rows,
then, if the loop may end early, the condition to end.

The outputs of a node are a buffer for each state, the stacked rows, and, if the loop may end early,
the number of steps that it took. A buffer that is *kept* has the initial values and all new ones:
in the order of the steps, or, if the loop runs backwards, with step 0 (the last) in front. A buffer
that is not kept has the last values, as many as there were initial ones, the latest last.
"""
from typing import NamedTuple

from cytensor._core import (
    Constant, Op, TensorType, Variable, placeholder, replace, toposort, type_key)
from cytensor.ops.registry import as_variable, dtype_of, structured
from cytensor.ops.sizes import STATIC, Size, Sizes
from cytensor.ops.views import as_size

_INTEGER_OPS = {"add": "add", "sub": "sub", "mul": "mul", "floor_div": "floordiv", "mod": "mod",
                "maximum": "max", "minimum": "min"}


class Body:
    """What one step of a loop computes: a closed graph. Equal graphs are equal bodies.

    Parameters
    ----------
    inputs, outputs : sequence of Variable
    """

    __slots__ = ("inputs", "outputs", "_key", "compiled", "settled")

    def __init__(self, inputs, outputs):
        self.inputs, self.outputs = tuple(inputs), tuple(outputs)
        self._key = None
        self.compiled = {}          # functions of one step, where the loop runs in Python
        self.settled = None         # the passes that have rewritten it

    @property
    def key(self):
        """What makes two bodies compute the same."""
        if self._key is None:
            self._key = _structure(self.inputs, self.outputs)
        return self._key

    def over(self, inputs):
        """Return the outputs as graphs over other variables."""
        return replace(self.outputs, dict(zip(self.inputs, inputs)))

    def __eq__(self, other):
        return self is other or (isinstance(other, Body) and self.key == other.key)

    def __hash__(self):
        return hash(self.key)

    def __reduce__(self):
        return Body, (self.inputs, self.outputs)

    def __repr__(self):
        return f"<body of {len(toposort(self.outputs, self.inputs))} nodes>"


def _structure(inputs, outputs):
    """A hashable description of a graph that does not depend on whose variables it is made of."""
    numbers = {x: i for i, x in enumerate(inputs)}
    lines = [tuple([type_key(x.type) for x in inputs])]

    def number(x):
        if isinstance(x, Constant) and x not in numbers:
            return (type_key(x.type), x.data.tobytes()) if x.data.nbytes <= 4096 else x
        return numbers.setdefault(x, x)         # a variable from outside stands for itself

    for node in toposort(outputs, inputs):
        lines.append((node.key, *[number(x) for x in node.inputs]))
        for out in node.outputs:
            numbers[out] = len(numbers)
    lines.append(tuple([number(out) for out in outputs]))
    return tuple(lines)


class How(NamedTuple):
    """How the body of a scan is compiled and run: what users ask for."""

    #: Which passes rewrite it; None: those of the function around it.
    mode: object = None
    #: What measures its steps.
    profile: object = None

    @property
    def by_calls(self):
        """Whether steps are calls of a function, at which something looks on."""
        return self.profile is not None or (self.mode is not None and self.mode.looks_on)


AS_AROUND = How()           # as the function around the loop


class Form(NamedTuple):
    """How the inputs and outputs of a scan divide."""

    seqs: int
    #: Per state: how many steps back each of its values lies that the body reads.
    lags: tuple = ()
    #: Per state: whether all of its values are an output.
    keeps: tuple = ()
    rows: int = 0
    until: bool = False
    backwards: bool = False
    #: How many of the last steps gradients go through; -1 for all.
    truncate: int = -1
    #: Whether gradients compute values of the body again, and save none.
    recompute: bool = False
    name: str | None = None
    how: How = AS_AROUND

    def __repr__(self):
        plain = Form(self.seqs)
        parts = [f"{key}={value!r}" for key, value, usual in zip(self._fields, self, plain)
                 if key == "seqs" or value != usual]
        return f"({', '.join(parts)})"

    def split_inputs(self, inputs):
        """Divide the inputs of a node: steps, sequences, initial values, constants."""
        n, *rest = inputs
        first, last = self.seqs, self.seqs + len(self.lags)
        return n, rest[:first], rest[first:last], rest[last:]

    def split_body(self, body):
        """Divide the inputs of a body: rows, a list of values per state, constants."""
        at = self.seqs
        taps = []
        for lags in self.lags:
            taps.append(body.inputs[at:at + len(lags)])
            at += len(lags)
        return body.inputs[:self.seqs], taps, body.inputs[at:]

    def split_results(self, body):
        """Divide the outputs of a body: new values of states, rows, the condition or None."""
        count = len(self.lags)
        return (body.outputs[:count], body.outputs[count:count + self.rows],
                body.outputs[-1] if self.until else None)


# ----- types -----

def _prepare(op, inputs, params):
    body, form = params["body"], params["form"]
    n, *rest = inputs
    inputs = [as_size(n, "scan: the number of steps"), *[as_variable(x) for x in rest]]
    n, seqs, inits, consts = form.split_inputs(inputs)
    slices, taps, inner = form.split_body(body)
    for outside, inside, axes in ((seqs, slices, 1), (inits, [t[0] for t in taps], 1),
                                  (consts, inner, 0)):
        for x, y in zip(outside, inside, strict=True):
            _check_type(x, y, axes)
    shapes = _sizes(STATIC, [STATIC.static(x) if isinstance(x.type, TensorType) else ()
                             for x in inputs], inputs, body=body, form=form)
    return inputs, [_output_type(out, shape) for out, shape in zip(_kinds(body, form), shapes)]


def _check_type(x, inner, axes):
    if not isinstance(x.type, TensorType):
        return
    if x.type.dtype != inner.type.dtype or x.type.ndim != inner.type.ndim + axes:
        raise TypeError(f"scan: the body reads {inner!r} of type {inner.type}, which is no row or "
                        f"value of {x!r} of type {x.type}")


def _kinds(body, form):
    """The types of one value of each output."""
    _, rows, condition = form.split_results(body)
    _, taps, _ = form.split_body(body)
    types = [state[0].type for state in taps] + [row.type for row in rows]
    return [*types, TensorType("int64", ())] if condition is not None else types


def _output_type(type, shape):
    if not isinstance(type, TensorType):
        return type
    return TensorType(type.dtype, [n if isinstance(n, int) else None for n in shape])


# ----- sizes -----

class BodySizes(Sizes):
    """Sizes of what a body computes, as expressions of the sizes outside.

    The body checks its own sizes when its program is made. Here nothing is checked, and what
    depends on the data of a step is unknown.
    """

    def __init__(self, outside, values):
        super().__init__()
        self._outside = outside
        self._values = values       # inner variable -> the variable outside, for constants
        self._found = {}
        self.shapes = {}

    def make(self, op, *args):
        return self._outside.make(op, *args)

    def unknown(self):
        return Size(self._outside, "unknown", ())

    def equal(self, a, b, message, error=ValueError):
        return a if type(a) is int else b

    def check(self, condition, message, a=0, b=0, error=ValueError):
        pass

    def value(self, variable):
        if isinstance(variable, Constant):
            return int(variable.data)
        if variable in self._values:
            return self._outside.value(self._values[variable])
        if variable not in self._found:
            self._found[variable] = self.unknown()
        return self._found[variable]

    def infer(self, node):
        """Note the shapes of a node's outputs, and the value of an integer."""
        shapes = self.shapes_of(node)
        for out, shape in zip(node.outputs, shapes):
            known = out.type.shape if isinstance(out.type, TensorType) else ()
            shape = [self.unknown() for _ in known] if shape is None else shape
            self.shapes[out] = tuple([m if n is None else n for n, m in zip(known, shape)])
        self._note_value(node)

    def shapes_of(self, node):
        op = node.op
        inputs = [self.shape(x) for x in node.inputs]
        if op.kind == "elementwise":
            return [_broadcast(inputs, node.outputs[0].type.ndim)]
        if op.sizes is None:
            return [[self.unknown() for _ in getattr(out.type, "shape", ())]
                    for out in node.outputs]
        shapes = op.sizes(self, inputs, node.inputs, **node.params)
        return (shapes,) if op.nout == 1 else shapes

    def shape(self, x):
        if x not in self.shapes:
            self.shapes[x] = self.static(x) if isinstance(x.type, TensorType) else ()
        return self.shapes[x]

    def _note_value(self, node):
        name, out = node.op.name, node.outputs[0]
        if name == "shape_i":
            self._found[out] = self.shape(node.inputs[0])[node.params["axis"]]
        elif name in _INTEGER_OPS and out.type.ndim == 0 and out.type.dtype == "int64":
            self._found[out] = self.make(_INTEGER_OPS[name], *[self.value(x) for x in node.inputs])


def _broadcast(shapes, ndim):
    out = []
    for axis in range(-ndim, 0):
        sizes = [s[axis] for s in shapes if len(s) >= -axis]
        out.append(next((n for n in sizes if not (type(n) is int and n == 1)), 1))
    return tuple(out)


def row_shapes(S, shapes, inputs, body, form):
    """Return the shapes of the rows that a body makes, as sizes of ``S``."""
    _, rows, _ = form.split_results(body)
    if S is STATIC:
        return [STATIC.static(row) for row in rows]
    _, seqs, inits, consts = form.split_inputs(shapes)
    slices, taps, inner = form.split_body(body)
    sizes = BodySizes(S, dict(zip(inner, form.split_inputs(inputs)[3])))
    for shape, x in zip(seqs, slices):
        sizes.shapes[x] = shape[1:]
    for shape, values in zip(inits, taps):
        sizes.shapes.update(dict.fromkeys(values, shape[1:]))
    sizes.shapes.update(zip(inner, consts))
    for node in toposort(rows, body.inputs):
        sizes.infer(node)
    return [sizes.shape(row) if not isinstance(row, Constant) else row.type.shape for row in rows]


def _sizes(S, shapes, inputs, *, body, form):
    n = S.value(inputs[0])
    S.check(S.lt(-1, n), "scan: the number of steps is negative: {a}", a=n)
    _, seqs, inits, _ = form.split_inputs(shapes)
    for shape in seqs:
        S.equal(shape[0], n, "scan: a sequence has {a} entries, too few or too many for {b} steps")
    out = []
    for shape, lags, keep, taps in zip(inits, form.lags, form.keeps, form.split_body(body)[1]):
        if not isinstance(taps[0].type, TensorType):
            out.append(())
            continue
        S.equal(shape[0], max(lags), "scan: a state has {a} initial values, but {b} are read")
        row = [n if m is None else m for n, m in zip(shape[1:], taps[0].type.shape)]
        out.append((n + max(lags) if keep else max(lags), *row))
    out += [(n, *row) for row in row_shapes(S, shapes, inputs, body, form)]
    return [*out, ()] if form.until else out


# ----- the op -----

_rules = {}


def use_rules(**rules):
    """Say how a scan is differentiated (``vjp``, ``jvp``) and run in Python (``perform``)."""
    _rules.update(rules)


scan_op = Op(
    "scan", "scan", _prepare, sizes=_sizes, nout=0,
    vjp=lambda g, out, *inputs, **params: _rules["vjp"](g, out, *inputs, **params),
    jvp=lambda tangents, out, *inputs, **params: _rules["jvp"](tangents, out, *inputs, **params),
    perform=lambda inputs, params: _rules["perform"](inputs, params),
    doc="Compute a body step by step, on rows of arrays and on its own results.")


def _after_steps_sizes(S, shapes, inputs):
    S.check(S.lt(0, S.value(inputs[1])), "index -1 is out of bounds for axis 0 with size 0",
            error=IndexError)
    return shapes[0]


after_steps = structured(
    "after_steps", dtype_of(0), _after_steps_sizes, lambda g, out, x, n: (g, None),
    kind="view", coerce=lambda inputs, params: [inputs[0], as_size(inputs[1])],
    doc="x, if there was at least one step: else an IndexError.")


# ----- a loop taken apart -----

class State(NamedTuple):
    """A value that each step renews: what the body reads (``taps`` at ``lags``) and makes."""

    taps: tuple
    lags: tuple
    init: Variable
    new: Variable
    keep: bool = True


    @property
    def most(self):
        """How many values back the body looks at most."""
        return max(self.lags)


class Results(NamedTuple):
    """The outputs of a scan: buffers of states, stacked rows, the number of steps taken."""

    buffers: list
    rows: list
    count: Variable | None


class Loop:
    """A scan while it is put together, or taken apart.

    Inside, its graphs are over ``slices`` and ``taps`` alone; whatever else they use is a
    constant, or becomes one when the loop is made.

    Attributes
    ----------
    n : Variable
    seqs : list of (Variable, Variable)
        A row, and the array it is taken from.
    states : list of State
    rows : list of Variable
    consts : dict of Variable to Variable
        What stands inside for something outside.
    condition : Variable or None
    """

    def __init__(self, n, backwards=False, truncate=-1, recompute=False, name=None,
                 how=AS_AROUND):
        self.n = n
        self.seqs, self.states, self.rows, self.consts = [], [], [], {}
        self.listed = None          # constants that stay inputs, as sequences do, even if unread
        self.condition = None
        self.backwards, self.truncate = backwards, truncate
        self.recompute, self.name, self.how = recompute, name, how

    @classmethod
    def of(cls, inputs, body, form):
        """Take a scan apart, from the inputs and parameters of its node."""
        n, seqs, inits, consts = form.split_inputs(inputs)
        slices, taps, inner = form.split_body(body)
        news, rows, condition = form.split_results(body)
        loop = cls(n, form.backwards, form.truncate, form.recompute, form.name, form.how)
        loop.seqs = list(zip(slices, seqs))
        loop.states = [State(tuple(t), lags, init, new, keep) for t, lags, init, new, keep
                       in zip(taps, form.lags, inits, news, form.keeps)]
        loop.rows = list(rows)
        loop.consts = dict(zip(inner, consts))
        loop.condition = condition
        return loop

    @property
    def results(self):
        """All that the body computes."""
        found = [*[s.new for s in self.states], *self.rows]
        return found if self.condition is None else [*found, self.condition]

    @property
    def moving(self):
        """The variables inside that differ from step to step."""
        return [*[x for x, _ in self.seqs], *[t for s in self.states for t in s.taps]]

    def exchange(self, mapping):
        """Put other variables in the place of some that the body computes."""
        found = iter(replace(self.results, mapping))
        self.states = [state._replace(new=next(found)) for state in self.states]
        self.rows = [next(found) for _ in self.rows]
        self.condition = None if self.condition is None else next(found)

    def made(self, buffer, state):
        """The part of a kept buffer that the steps made."""
        return buffer[:self.n] if self.backwards else buffer[state.most:]

    def read(self, buffer, state, steps):
        """For each lag of a state, the array of what the steps read: parts of a kept buffer."""
        if self.backwards:
            return [buffer[lag:steps + lag] for lag in state.lags]
        most = state.most
        return [buffer[most - lag:steps + (most - lag)] for lag in state.lags]

    def make(self):
        """Make the node; return its outputs as ``Results``.

        What does not differ from step to step is computed outside; sequences and constants that
        nothing reads are left out, unless the user has listed them.
        """
        results = replace(self.results, self.consts)
        captured = captured_by(results, self.moving, self.consts.values())
        captured += [x for x in self.listed or () if x not in captured
                     and not isinstance(x, Constant)]
        needed = _reached(results, [*self.moving, *captured])
        seqs = [(x, array) for x, array in self.seqs if x in needed or self.listed is not None]
        inside = {x: placeholder(x) for x in captured}
        results = replace(results, inside)
        form = Form(len(seqs), tuple([s.lags for s in self.states]),
                    tuple([s.keep for s in self.states]), len(self.rows),
                    self.condition is not None, self.backwards, self.truncate, self.recompute,
                    self.name, self.how)
        body = Body([*[x for x, _ in seqs], *[t for s in self.states for t in s.taps],
                     *inside.values()], results)
        node = scan_op.apply([self.n, *[a for _, a in seqs], *[s.init for s in self.states],
                              *captured], {"body": body, "form": form})
        return split_outputs(node.outputs, form)


def split_outputs(outputs, form):
    """Divide the outputs of a node."""
    count = len(form.lags)
    return Results(list(outputs[:count]), list(outputs[count:count + form.rows]),
                   outputs[-1] if form.until else None)


def captured_by(results, moving, stop=()):
    """Return what graphs over ``moving`` take from outside: the first variables that rest."""
    inside, found = set(moving), {}
    stop = [*moving, *stop]
    for node in toposort(results, stop):
        if inside.isdisjoint(node.inputs):
            continue
        inside.update(node.outputs)
        found.update(dict.fromkeys([x for x in node.inputs if not isinstance(x, Constant)]))
    found.update(dict.fromkeys([x for x in results if not isinstance(x, Constant)]))
    return [x for x in found if x not in inside]


def _reached(results, stop):
    """The variables of ``stop`` that graphs use."""
    stop = set(stop)
    found = stop.intersection(results)
    for node in toposort(results, stop):
        found.update(stop.intersection(node.inputs))
    return found
