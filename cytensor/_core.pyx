"""The graph: variables, constants, applications, ops, and the walks over them.

An expression is a directed graph without cycles. A ``Variable`` is a value; an ``Apply``
says how it comes about: which ``Op``, from which inputs, with which static parameters.
Nothing here knows what an op means: that is in ``cytensor.ops``.

All walks are iterative, so that a graph may be 100,000 nodes deep.
"""
cimport cython

from cytensor._lines cimport caller
from cytensor._types cimport same_type, without_sizes

from cytensor import _types
from cytensor._lines import at_loc

# Python modules import these from here.
globals().update({name: getattr(_types, name) for name in (
    "DTYPES", "TensorType", "Type", "count_sizes", "register_arrays", "register_attributes",
    "same_type", "type_key")})

# ----- how nodes are printed -----

cdef object _label = None


def register_label(label):
    """Say how ops, nodes and constants are printed: ``label(x)`` is a text, or None for ours."""
    global _label
    _label = label


# ----- nodes -----

cdef object _listed = None


def register_listed(listed):
    """Say as what new nodes have their inputs and outputs: a subclass of tuple, or None."""
    global _listed
    _listed = listed


cdef tuple _kept(variables):
    # not checked: Cython takes no instance of a subclass for a tuple
    return tuple(variables) if _listed is None else <tuple>_listed(variables)


cdef class Scratch:
    """A bag of attributes that users and libraries hang on a variable.

    Names that begin with an underscore are not pickled.
    """
    cdef dict __dict__

    def __reduce__(self):
        return Scratch, (), {k: v for k, v in vars(self).items() if k[0] != "_"} or None

    def __setstate__(self, state):
        vars(self).update(state)


cdef class Variable:
    """One value of a graph: an input, a constant, or an output of an ``Apply``.

    Compared and hashed by identity. Arithmetic is added by the subclasses that
    ``cytensor.ops.variable`` registers.
    """

    def __init__(self, type=None, owner=None, index=None, name=None):
        if type is not None:
            init_variable(self, type, name)
        self.owner = owner
        self.index = 0 if index is None else index

    @property
    def tag(self):
        """Free space for attributes, such as ``x.tag.test_value``."""
        if self._tag is None:
            self._tag = {"bag": Scratch()}
            if isinstance(self, Constant):      # it is its own test value
                self._tag["bag"].test_value = (<Constant>self).data
        return self._tag["bag"]

    @property
    def dtype(self):
        """Name of the element type."""
        return (<TensorType>self.type).dtype

    @property
    def ndim(self):
        """Number of axes."""
        return (<TensorType>self.type).ndim

    @property
    def broadcastable(self):
        """One bool per axis: whether its size is known to be 1."""
        return self.type.broadcastable

    def __repr__(self):
        if self.name is not None:
            return self.name
        if self.owner is None:
            return f"<{self.type}>"
        label = None if _label is None else _label(self)
        return f"{self.owner!r}.{self.index}" if label is None else label

    def __reduce__(self):
        return _reduce_variable(self)


cdef class Constant(Variable):
    """A variable whose value is part of the graph."""

    def __init__(self, type, data, name=None):
        self.type = type
        self.data = data
        self.name = name

    @property
    def value(self):
        """The value: a read-only array, or an object."""
        return self.data

    def __repr__(self):
        if self.name is not None:
            return self.name
        label = None if _label is None else _label(self)
        if label is not None:
            return label
        if not isinstance(self.type, TensorType):
            return f"{type(self.type).__name__}Constant{{{self.data!r}}}"
        text = str(self.data).replace("\n", "")
        if len(text) > 30:
            text = text[:20] + ".." + text[-8:]
        return f"TensorConstant{{{text}}}"

    def __reduce__(self):
        return _load_constant, (self.type, self.data, self.name)


@cython.final
cdef class Apply:
    """``op`` applied to ``inputs``, with static ``params``: where variables come from.

    ``loc`` is the user's (file, line). Ops make their nodes by ``Op.apply``; an op of the user's
    makes its own, ``Apply(op, inputs, outputs)``, with new variables as outputs. Of their types,
    known sizes other than 1 are forgotten: who writes ``x.type()`` does not mean those.
    """

    def __init__(self, Op op, inputs, outputs):
        cdef Variable v
        for x in (*inputs, *outputs):
            if not isinstance(x, Variable):
                raise TypeError(f"{op}: inputs and outputs are variables, not {x!r}")
        for i, v in enumerate(outputs):
            if v.owner is not None:
                raise ValueError(f"{op}: its output {i} is computed by another node: {v.owner!r}")
            v.owner, v.index, v.type = self, i, without_sizes(v.type)
        self.op, self.inputs, self.outputs = op, _kept(inputs), _kept(outputs)
        self.params = {}
        self.loc = caller()

    @property
    def kind(self):
        """The kind of the op, also where a class of the user's has an attribute of that name."""
        return self.op.kind

    @property
    def name(self):
        """The name of the op, also where a class of the user's has an attribute ``name``."""
        return str(self.op) if self.op.name is None else self.op.name

    @property
    def key(self):
        """What makes two applications on the same inputs compute the same."""
        if self._key is None:
            self._key = (self.op, _freeze(self.params))
        return self._key

    @property
    def out(self):
        """The first output."""
        return self.outputs[0]

    def __repr__(self):
        label = None if _label is None else _label(self)
        if label is not None:
            return label
        name = self.name
        if not self.params:
            return name
        inner = ", ".join([f"{k}={v}" for k, v in self.params.items()])
        return f"{name}{{{inner}}}"

    def __reduce__(self):
        return _load_apply, (self.op, tuple(self.inputs), self.params, self.loc,
                             tuple([out.type for out in self.outputs]),
                             tuple([(out.name, (<Variable>out)._tag) for out in self.outputs]))


cdef object _freeze(value):
    """A hashable stand-in for a parameter."""
    if isinstance(value, dict):
        return tuple([(k, _freeze(value[k])) for k in sorted(value)])
    if isinstance(value, (list, tuple)):
        return tuple([_freeze(item) for item in value])
    if isinstance(value, float):
        return value.hex()                  # tells -0.0 from 0.0, and NaN equals itself
    try:
        hash(value)
    except TypeError:
        return id(value)
    return (type(value), value) if isinstance(value, (bool, int)) else value


cdef class Op:
    """What a kind of node means: one record.

    Parameters
    ----------
    name : str
        The name that NumPy users know.
    kind : str
        How lowering treats it: ``elementwise``, ``reduce``, ``view``, ``structured``,
        ``python``, or another that ``cytensor.lowering`` lists.
    prepare : callable
        The type rule, ``prepare(op, inputs, params) -> (inputs, types)``: converts and checks
        what the user gave, and returns the inputs of the node and the types of its outputs.
    sizes : callable, optional
        The size rule, ``sizes(S, shapes, inputs, **params) -> shapes of the outputs``.
    vjp : callable, optional
        The gradient rule, ``vjp(g, out, *inputs, **params) -> one gradient per input``. With
        several outputs, ``g`` and ``out`` are tuples. None stands for no gradient.
    jvp : callable, optional
        The forward rule, ``jvp(tangents, out, *inputs, **params) -> tangent of the output``.
    expr : str or dict, optional
        The scalar expression of an elementwise op.
    traits : dict
        Further facts, each read by one pass.
    """

    def __cinit__(self, *args, **kwargs):
        self.kind = "python"                # what holds for ops that users write as classes
        self.traits = {}

    def __init__(self, name, kind, prepare, sizes=None, vjp=None, jvp=None, expr=None,
                 nout=1, doc=None, **traits):
        self.name = name
        self.kind = kind
        self.prepare = prepare
        self.sizes = sizes
        self.vjp = vjp
        self.jvp = jvp
        self.expr = expr
        self.nout = nout
        self.traits = traits
        self.__doc__ = doc
        _ops.setdefault(name, self)

    @property
    def __name__(self):
        return self.name

    def __call__(self, *inputs, **params):
        """Apply the op, and return its output (a list, where it has several)."""
        cdef Apply node = self.apply(inputs, params)
        return node.outputs[0] if self.nout == 1 else list(node.outputs)

    def apply(self, inputs, dict params):
        """Make the ``Apply`` that the inputs and the static parameters give."""
        for x in inputs:
            if isinstance(x, Variable) and (<Variable>x).type is None:
                return _new_apply(self, tuple(inputs), params, (None,) * self.nout)
        inputs, types = self.prepare(self, inputs, params)
        return observed(_new_apply(self, tuple(inputs), params, types))

    def reapply(self, Apply node, inputs):
        """Make an ``Apply`` on inputs whose types are not those of the inputs of ``node``."""
        return self.apply(inputs, node.params)

    def __repr__(self):
        label = None if _label is None else _label(self)
        if label is not None:
            return label
        return f"<op {self.name}>"

    def __reduce__(self):
        if _ops.get(self.name) is self:
            return _load_op, (self.name,)
        raise TypeError(f"the op {self.name!r} is not a registered one and cannot be pickled")


cdef object _observer = None


def observe(observer):
    """Let ``observer(node)`` see each node that is made, or nobody; return who has seen them."""
    global _observer
    before, _observer = _observer, observer
    return before


cpdef Apply observed(Apply node):
    """Return a node that an op has made for its user, after the observer has seen it."""
    if _observer is not None:
        _observer(node)
    return node


cdef dict _ops = {}


def registered_ops():
    """Return a dict of all ops by name."""
    return dict(_ops)


# ----- making nodes -----

cdef object _variable_class = Variable
cdef object _constant_class = Constant


def register_classes(variable, constant):
    """Say which subclasses of ``Variable`` and ``Constant`` stand for tensors."""
    global _variable_class, _constant_class
    _variable_class, _constant_class = variable, constant


cpdef Variable new_variable(Type type, name=None, loc=None):
    """Make a variable that no node computes."""
    cdef Variable v = _blank_variable(type)
    init_variable(v, type, name, loc)
    return v


def placeholder(Variable x):
    """Make an input of the type and name of a variable, to stand for it."""
    return new_variable(x.type, x.name)


cdef Variable _blank_variable(Type type):
    if type is None or isinstance(type, TensorType):
        return _variable_class.__new__(_variable_class)
    cls = getattr(type, "Variable", Variable)
    return cls.__new__(cls)


cpdef init_variable(Variable v, Type type, name=None, loc=None):
    """Fill in a variable that a subclass has made."""
    v.type = type
    v.name = name
    v.loc = caller() if loc is None else loc


def new_constant(Type type, data, name=None):
    """Make a constant. ``data`` is a value of that type, such as an ndarray; it is not copied."""
    cdef Constant c
    if isinstance(type, TensorType):
        cls = _constant_class
        data.flags.writeable = False
    else:
        cls = getattr(type, "Constant", Constant)
    c = cls.__new__(cls)
    c.type = type
    c.data = data
    c.name = name
    return c


_types.register_variables(new_variable, new_constant, Variable)


def hole(name):
    """Make a variable without a type: a place in a rewrite pattern that any value fills."""
    return new_variable(None, name)


def typed_apply(Op op, inputs, types, params=None):
    """Apply an op, whose results are of the given types."""
    return _new_apply(op, tuple(inputs), {} if params is None else params, types)


cdef Apply _new_apply(Op op, tuple inputs, dict params, object types):
    cdef Apply node = Apply.__new__(Apply)
    cdef Variable v
    cdef list outputs = []
    node.op = op
    node.inputs = inputs if _listed is None else _kept(inputs)
    node.params = params
    node.loc = caller()
    for type in types:
        v = _blank_variable(type)
        v.type = type
        v.owner = node
        v.index = len(outputs)
        outputs.append(v)
    node.outputs = _kept(outputs)
    return node


def exchange_op(Apply node, Op op):
    """Let a node that was just made have another op, one that computes the same."""
    node.op = op
    node._key = None


def copy_apply(Apply node, inputs):
    """Apply the same op to other inputs; names and the source line are kept."""
    cdef Apply copy
    cdef Variable old, new
    cdef bint same_types = True
    inputs = tuple(inputs)
    for before, after in zip(node.inputs, inputs):
        if not same_type((<Variable>before).type, (<Variable>after).type):
            same_types = False
    with at_loc(node.loc):
        if same_types:
            copy = _new_apply(node.op, inputs, node.params,
                              [(<Variable>out).type for out in node.outputs])
        else:
            copy = node.op.reapply(node, inputs)
    for old, new in zip(node.outputs, copy.outputs):
        new.name = old.name
        if old._tag is not None:
            new._tag = old._tag
    return copy


# ----- pickling: deep graphs are written node by node, in order -----

cdef bint _listing = False      # an ancestry is being written: its nodes come in order


class _Ancestry(list):
    """The nodes that a variable needs, first things first, as one flat pickle."""

    def __init__(self, node=None):
        super().__init__()
        self.node = node

    def __reduce__(self):
        return _Ancestry, (), None, self._nodes()

    def _nodes(self):
        global _listing
        _listing = True
        try:
            yield from toposort(self.node.outputs)
        finally:
            _listing = False


def _reduce_variable(Variable v):
    if v.owner is None:
        return _load_input, (type(v), v.type, v.name, v.loc, v._tag)
    if _listing:
        return _load_output, (v.owner, v.index, v.name)
    return _load_output, (_Ancestry(v.owner), v.index, v.name)


def _load_input(cls, type, name, loc, tag):
    cdef Variable v = cls.__new__(cls)
    init_variable(v, type, name, loc or ("<pickle>", 0))
    v._tag = tag
    return v


def _load_output(node, index, name):
    if isinstance(node, _Ancestry):
        node = node[-1]
    return (<Apply>node).outputs[index]


def _load_constant(type, data, name):
    return new_constant(type, data, name)


def _load_apply(op, inputs, params, loc, types, names):
    cdef Apply node = _new_apply(op, inputs, params, types)
    node.loc = loc
    for out, (name, tag) in zip(node.outputs, names):
        (<Variable>out).name = name
        (<Variable>out)._tag = tag
    return node


def _load_op(name):
    return _ops[name]


# ----- walks -----

cpdef list toposort(object outputs, object stop=()):
    """Return the applications that ``outputs`` need, each after those it depends on.

    What computes the variables ``stop`` is left out. The order is fixed: that of a depth-first
    walk. Time and memory are linear.
    """
    cdef set done = set(), blocked = set(stop)
    cdef list order = [], stack = []
    cdef Variable v
    cdef Apply node
    cdef bint ready
    for v in outputs:
        if v.owner is not None and v not in blocked:
            stack.append(v.owner)
        while stack:
            node = stack[len(stack) - 1]
            if node in done:
                stack.pop()
                continue
            ready = True
            for x in reversed(node.inputs):
                v = <Variable>x
                if v.owner is not None and v.owner not in done and v not in blocked:
                    stack.append(v.owner)
                    ready = False
            if ready:
                stack.pop()
                done.add(node)
                order.append(node)
    return order


def leaves(outputs, stop=()):
    """Return the variables without an owner that ``outputs`` need, constants included."""
    cdef dict found = {}
    blocked = set(stop)
    for out in outputs:
        if (<Variable>out).owner is None or out in blocked:
            found[out] = None
    for node in toposort(outputs, blocked):
        for x in (<Apply>node).inputs:
            if (<Variable>x).owner is None or x in blocked:
                found[x] = None
    return list(found)


def ancestors(outputs, stop=()):
    """Return every variable that ``outputs`` need, themselves included, each once."""
    cdef dict found = {}
    for v in leaves(outputs, stop):
        found[v] = None
    for node in toposort(outputs, stop):
        for v in (<Apply>node).outputs:
            found[v] = None
    return list(found)


def replace(outputs, mapping):
    """Rebuild ``outputs`` with some variables exchanged for others, all at once.

    What is exchanged is not looked into; the replacements are taken as they are. Nodes that do not
    depend on an exchanged variable are shared with the old graph.
    """
    return rebuild(outputs, now=dict(mapping))


cpdef Apply renewed(Apply node, dict now):
    """Return a node on what stands for its inputs ``now``; itself, where that is the same."""
    cdef list inputs = []
    cdef bint same = True
    for x in node.inputs:
        y = now.get(x, x)
        same = same and y is x
        inputs.append(y)
    return node if same else copy_apply(node, inputs)


def rebuild(outputs, change=None, now=None, nodes=None):
    """Rebuild a graph from its inputs on: the walk of all who exchange nodes.

    ``change(node, now)`` returns what stands for the outputs of a node, or None for those of
    ``renewed(node, now)``. The dict ``now`` says what stands for a variable, and is added to.
    ``nodes`` are those of the graph, in order, where they are known.
    """
    cdef Apply node, copy
    now = {} if now is None else now
    for node in toposort(outputs, now) if nodes is None else nodes:
        made = None if change is None else change(node, now)
        if made is None:
            copy = renewed(node, now)
            if copy is node:
                continue
            made = copy.outputs
        for out, new in zip(node.outputs, made):
            now.setdefault(out, new)
    return [now.get(out, out) for out in outputs]
