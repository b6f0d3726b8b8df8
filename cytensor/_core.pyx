"""The graph: types, variables, constants, applications, ops, and the walks over them.

An expression is a directed graph without cycles. A ``Variable`` is a value; an ``Apply``
says how it comes about: which ``Op``, from which inputs, with which static parameters.
Nothing here knows what an op means: that is in ``cytensor.ops``.

All walks are iterative, so that a graph may be 100,000 nodes deep.
"""
import os
import sys

cimport cython

DTYPES = (
    "bool", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64",
    "float16", "float32", "float64", "complex64", "complex128",
)
cdef dict _CODES = {name: code for code, name in enumerate(DTYPES)}
cdef tuple _SIZES = (1, 1, 1, 2, 2, 4, 4, 8, 8, 2, 4, 8, 8, 16)
cdef tuple _NAMES = ("scalar", "vector", "matrix", "tensor3", "tensor4", "tensor5", "tensor6",
                     "tensor7")


# ----- where the user made a node -----

cdef str _HOME = os.path.dirname(os.path.abspath(__file__)) + os.sep
cdef dict _inside = {}          # code object -> whether it belongs to this package
cdef object _loc_override = None


cdef object _caller():
    """Return (file, line) of the innermost frame outside this package."""
    if _loc_override is not None:
        return _loc_override
    frame = sys._getframe()
    while frame is not None:
        code = frame.f_code
        inside = _inside.get(code)
        if inside is None:
            if len(_inside) > 10_000:
                _inside.clear()
            inside = _inside[code] = code.co_filename.startswith(_HOME)
        if not inside:
            return (code.co_filename, frame.f_lineno)
        frame = frame.f_back
    return None


@cython.final
cdef class at_loc:
    """Give the nodes that are made inside a ``with`` block the source line ``loc``.

    Passes use it: a node that replaces another, or differentiates it, stands for the same
    line of the user's.
    """
    cdef object loc
    cdef object before

    def __init__(self, loc):
        self.loc = loc

    def __enter__(self):
        global _loc_override
        self.before = _loc_override
        if self.loc is not None:
            _loc_override = self.loc

    def __exit__(self, *exc):
        global _loc_override
        _loc_override = self.before


# ----- types -----

cdef class Type:
    """What is known of a variable before the program runs. Users may subclass it."""

    def __call__(self, name=None):
        """Make a new input variable of this type."""
        return new_variable(self, name)


@cython.final
cdef class TensorType(Type):
    """The type of an array: its dtype, its rank, and its sizes as far as they are known.

    Parameters
    ----------
    dtype : str
        One of ``DTYPES``.
    shape : sequence of int, None or bool
        One entry per axis: the size, or None where only the run will tell. Booleans are
        read as Theano's broadcast pattern: True is size 1, False is unknown.

    Examples
    --------
    >>> from cytensor._core import TensorType
    >>> TensorType("float32", (None, 1)).broadcastable
    (False, True)
    """

    def __init__(self, dtype, shape):
        if type(dtype) is not str or dtype not in _CODES:
            dtype = _dtype_name(dtype)
        self.dtype = dtype
        self.code = _CODES[dtype]
        self.shape = tuple([_checked_size(size) for size in shape])
        self.ndim = len(self.shape)
        self._hash = hash((self.code, self.shape))

    @property
    def broadcastable(self):
        """One bool per axis: whether its size is known to be 1."""
        return tuple([size == 1 for size in self.shape])

    @property
    def itemsize(self):
        """Bytes per element."""
        return _SIZES[self.code]

    def __eq__(self, other):
        if self is other:
            return True
        if not isinstance(other, TensorType):
            return NotImplemented
        cdef TensorType that = <TensorType>other
        return (self._hash == that._hash and self.code == that.code
                and self.shape == that.shape)

    def __hash__(self):
        return self._hash

    def __reduce__(self):
        return TensorType, (self.dtype, self.shape)

    def __repr__(self):
        known = any(size not in (None, 1) for size in self.shape)
        if known or self.ndim >= len(_NAMES):
            return f"TensorType({self.dtype}, {self.shape})"
        if 1 in self.shape:
            names = {(1,): "(True,)", (1, None): "row", (None, 1): "col"}
            return f"TensorType({self.dtype}, {names.get(self.shape, self.broadcastable)})"
        return f"TensorType({self.dtype}, {_NAMES[self.ndim]})"

    def with_dtype(self, dtype):
        """The same sizes with another dtype."""
        return self if dtype == self.dtype else TensorType(dtype, self.shape)


cdef str _dtype_name(dtype):
    import numpy
    name = numpy.dtype(dtype).name
    if name not in _CODES:
        raise TypeError(f"cytensor has no dtype {name!r}; it has {', '.join(DTYPES)}")
    return name


cdef object _checked_size(size):
    if size is None or type(size) is int:
        if size is not None and size < 0:
            raise ValueError(f"a size may not be negative: {size}")
        return size
    if isinstance(size, bool):
        return 1 if size else None
    try:
        return _checked_size(size.__index__())
    except AttributeError:
        raise TypeError(f"a shape holds ints, None or bools, not {size!r}") from None


# ----- nodes -----

cdef class Scratch:
    """A bag of attributes that users and libraries hang on a variable."""
    cdef dict __dict__


cdef class Variable:
    """One value of a graph: an input, a constant, or an output of an ``Apply``.

    Compared and hashed by identity. Arithmetic is added by the subclasses that
    ``cytensor.ops.variable`` registers.
    """

    @property
    def tag(self):
        """Free space for attributes, such as ``x.tag.test_value``."""
        if self._tag is None:
            self._tag = {"bag": Scratch()}
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
        return f"{self.owner!r}.{self.index}"

    def __reduce__(self):
        return _reduce_variable(self)


cdef class Constant(Variable):
    """A variable whose value is part of the graph."""

    @property
    def value(self):
        """The array (read-only)."""
        return self.data

    def __repr__(self):
        if self.name is not None:
            return self.name
        text = str(self.data).replace("\n", "")
        if len(text) > 30:
            text = text[:20] + ".." + text[-8:]
        return f"TensorConstant{{{text}}}"

    def __reduce__(self):
        return _load_constant, (self.type, self.data, self.name)


@cython.final
cdef class Apply:
    """``op`` applied to ``inputs``, with static ``params``: where variables come from.

    ``loc`` is the user's (file, line).
    """

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
        if not self.params:
            return self.op.name
        inner = ", ".join([f"{k}={v}" for k, v in self.params.items()])
        return f"{self.op.name}{{{inner}}}"

    def __reduce__(self):
        return _load_apply, (self.op, self.inputs, self.params, self.loc,
                             tuple([out.type for out in self.outputs]),
                             tuple([out.name for out in self.outputs]))


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
        return _new_apply(self, tuple(inputs), params, types)

    def __repr__(self):
        return f"<op {self.name}>"

    def __reduce__(self):
        if _ops.get(self.name) is self:
            return _load_op, (self.name,)
        raise TypeError(f"the op {self.name!r} is not a registered one and cannot be pickled")


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
    cdef Variable v
    if isinstance(type, TensorType) or type is None:
        v = _variable_class.__new__(_variable_class)
    else:
        v = getattr(type, "variable_class", Variable)()
    init_variable(v, type, name, loc)
    return v


cpdef init_variable(Variable v, Type type, name=None, loc=None):
    """Fill in a variable that a subclass has made."""
    v.type = type
    v.name = name
    v.loc = _caller() if loc is None else loc


def new_constant(TensorType type, data, name=None):
    """Make a constant. ``data`` is an ndarray of that type; it is not copied."""
    cdef Constant c = _constant_class.__new__(_constant_class)
    data.flags.writeable = False
    c.type = type
    c.data = data
    c.name = name
    return c


def hole(name):
    """Make a variable without a type: a place in a rewrite pattern that any value fills."""
    return new_variable(None, name)


cdef Apply _new_apply(Op op, tuple inputs, dict params, object types):
    cdef Apply node = Apply.__new__(Apply)
    cdef Variable v
    cdef list outputs = []
    node.op = op
    node.inputs = inputs
    node.params = params
    node.loc = _caller()
    for type in types:
        if type is None or isinstance(type, TensorType):
            v = _variable_class.__new__(_variable_class)
        else:
            v = getattr(type, "variable_class", Variable)()
        v.type = type
        v.owner = node
        v.index = len(outputs)
        outputs.append(v)
    node.outputs = tuple(outputs)
    return node


def copy_apply(Apply node, inputs):
    """Apply the same op to other inputs; names and the source line are kept."""
    cdef Apply copy
    cdef Variable old, new
    cdef bint same_types = True
    inputs = tuple(inputs)
    for before, after in zip(node.inputs, inputs):
        if (<Variable>before).type is not (<Variable>after).type \
                and (<Variable>before).type != (<Variable>after).type:
            same_types = False
    with at_loc(node.loc):
        if same_types:
            copy = _new_apply(node.op, inputs, node.params,
                              [(<Variable>out).type for out in node.outputs])
        else:
            copy = node.op.apply(inputs, node.params)
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
    for out, name in zip(node.outputs, names):
        (<Variable>out).name = name
    return node


def _load_op(name):
    return _ops[name]


# ----- walks -----

cpdef list toposort(object outputs, object stop=()):
    """Return the applications that ``outputs`` need, each after those it depends on.

    Parameters
    ----------
    outputs : sequence of Variable
    stop : collection of Variable
        Variables to take as given: what computes them is left out.

    Returns
    -------
    list of Apply
        In a fixed order, that of a depth-first walk. Time and memory are linear.
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
    """Rebuild ``outputs`` with some variables exchanged for others.

    Parameters
    ----------
    outputs : sequence of Variable
    mapping : dict of Variable to Variable
        What to exchange. A variable in it is not looked into; the replacements are taken
        as they are.

    Returns
    -------
    list of Variable
        Nodes that do not depend on an exchanged variable are shared with the old graph.
    """
    cdef dict memo = dict(mapping)
    cdef Apply node, copy
    for node in toposort(outputs, mapping):
        inputs = [memo.get(x, x) for x in node.inputs]
        for old, new in zip(node.inputs, inputs):
            if old is not new:
                copy = copy_apply(node, inputs)
                for a, b in zip(node.outputs, copy.outputs):
                    memo.setdefault(a, b)
                break
    return [memo.get(out, out) for out in outputs]
