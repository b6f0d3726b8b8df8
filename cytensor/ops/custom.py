"""Ops that users write as classes, in Theano's protocol: ``make_node``, ``perform``, ``grad``, ..

The protocol is that of Theano 1.0. Methods that hold C code are ignored. What ``perform`` gets are
copies, so that it may keep and change them: no op can spoil what others read.
"""
import inspect
import threading
import warnings
from importlib import import_module
from pickle import PicklingError

from cytensor._core import Apply, TensorType, Type, at_loc, observed, typed_apply
from cytensor._core import Op as Record
from cytensor._lines import caller
from cytensor.ops.registry import as_variable, cast, constant
from cytensor.ops.values import duplicate
from cytensor.ops.views import sizes_of


class ShapeError(Exception):
    """For ``infer_shape`` to say that it cannot tell the shapes."""


class _ClassName:
    """What stands for the name of an op until the user gives it one."""

    def __get__(self, op, cls):
        return cls.__name__ if op is None else str(op)


class CustomOp(Record):
    """The base of ops that users write as classes.

    A subclass has ``make_node(*inputs)``, which returns an ``Apply`` with new variables as
    outputs, or else ``itypes`` and ``otypes``; and ``perform(node, inputs, output_storage)``, which
    puts each result into ``output_storage[i][0]``. It may have

    * ``__props__``: names of attributes; ops are equal if these are;
    * ``grad(inputs, output_gradients)`` or ``L_op(inputs, outputs, output_gradients)``, and
      ``R_op(inputs, eval_points)``;
    * ``infer_shape(node, input_shapes)``: tuples of sizes, from tuples of sizes;
    * ``connection_pattern(node)``: a bool for each input and output;
    * ``default_output``, ``make_thunk``, ``get_params``, ``destroy_map``, as in Theano;
    * ``reads_only = True``: it neither keeps nor changes what it gets, which then is not copied.

    Examples
    --------
    >>> import cytensor as ct, cytensor.tensor as T
    >>> from cytensor.ops.custom import CustomOp
    >>> class Double(CustomOp):
    ...     itypes, otypes = [T.dvector], [T.dvector]
    ...     def perform(self, node, inputs, output_storage):
    ...         output_storage[0][0] = 2 * inputs[0]
    >>> x = T.dvector("x")
    >>> ct.function([x], Double()(x))([1, 2])
    array([2., 4.])
    """

    default_output = None
    reads_only = False
    # A subclass may use these names as it likes, so here they hide those of the record.
    name = _ClassName()
    kind, nout = "python", None
    prepare = sizes = vjp = jvp = expr = None
    __name__ = property(str)

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        if cls.__hash__ is None:
            cls.__hash__ = _hash_of_class
        if "c_code" in cls.__dict__:
            import logging      # here, since it takes as long as a tenth of the package
            logging.getLogger("cytensor").debug("%s: C code is not used", cls.__name__)

    def __init__(self):
        """Subclasses need not call this."""

    # ----- the graph -----

    def make_node(self, *inputs):
        """Apply the op to inputs of the types ``itypes``, with outputs of the types ``otypes``."""
        if not hasattr(self, "itypes") or not hasattr(self, "otypes"):
            raise NotImplementedError(f"{self}: define make_node, or itypes and otypes")
        if len(inputs) != len(self.itypes):
            raise ValueError(f"{self}: expected {len(self.itypes)} inputs, got {len(inputs)}")
        inputs = [as_variable(x) for x in inputs]
        for x, wanted in zip(inputs, self.itypes):
            if not same_to_theano(x.type, wanted):
                raise TypeError(f"{self}: expected inputs of types {self.itypes}, got "
                                f"{[x.type for x in inputs]}")
        return Apply(self, inputs, [wanted() for wanted in self.otypes])

    def __call__(self, *inputs, return_list=False, **kwargs):
        """Apply the op; return its output, or a list where it has several."""
        with at_loc(caller()):                  # not a line of make_node
            node = observed(self.make_node(*inputs, **kwargs))
        if self.default_output is not None:
            found = node.outputs[self.default_output]
            return [found] if return_list else found
        if return_list or len(node.outputs) != 1:
            return list(node.outputs)
        return node.outputs[0]

    def apply(self, inputs, params):
        """Make the ``Apply`` that the inputs give."""
        return self.make_node(*inputs)

    def reapply(self, node, inputs):
        """Make an ``Apply`` on inputs of other types; types that are the same to Theano do."""
        if all(same_to_theano(x.type, old.type) for x, old in zip(inputs, node.inputs)):
            return typed_apply(self, inputs, [out.type for out in node.outputs])
        return self.make_node(*inputs)

    # ----- derivatives -----

    def L_op(self, inputs, outputs, output_gradients):
        """Return the gradients of the inputs, by default those of ``grad``."""
        return self.grad(inputs, output_gradients)

    # ----- what runs -----

    def perform(self, node, inputs, output_storage, params=None):
        """Compute the outputs; each subclass has its own."""
        only_c = ": it has only C code, which cytensor does not run" \
            if hasattr(self, "c_code") else ""
        raise NotImplementedError(f"{self} has no method perform{only_c}")

    def get_params(self, node):
        """Return the last argument of ``perform``, for ops that have ``params_type``."""
        return self.params_type.get_params(self)

    def prepare_node(self, node, storage_map, compute_map, impl):
        """Do what must be done before ``make_thunk``."""

    def make_thunk(self, node, storage_map, compute_map, no_recycling, impl=None):
        """Return a function without arguments that computes from and into ``storage_map``."""
        self.prepare_node(node, storage_map=storage_map, compute_map=compute_map, impl="py")
        return self.make_py_thunk(node, storage_map, compute_map, no_recycling)

    def make_py_thunk(self, node, storage_map, compute_map, no_recycling, debug=False):
        """Return a thunk that calls ``perform``."""
        sources = [storage_map[x] for x in node.inputs]
        targets = [storage_map[out] for out in node.outputs]

        def thunk():
            _call_perform(self, node, [cell[0] for cell in sources], targets)
            for out in node.outputs:
                compute_map[out][0] = True

        thunk.inputs, thunk.outputs, thunk.lazy = sources, targets, False
        return thunk

    # ----- equality and pickles -----

    def __eq__(self, other):
        if self is other:
            return True
        names = getattr(self, "__props__", None)
        if names is None or type(self) is not type(other):
            return NotImplemented
        return all([getattr(self, name) == getattr(other, name) for name in names])

    def __hash__(self):
        names = getattr(self, "__props__", None)
        if names is None:
            return object.__hash__(self)
        return hash((type(self), *[getattr(self, name) for name in names]))

    def __str__(self):
        names, name = getattr(self, "__props__", None), type(self).__name__
        if not names:
            return name
        return f"{name}{{{', '.join([f'{p}={getattr(self, p)!r}' for p in names])}}}"

    def __repr__(self):
        return str(self)

    def __reduce__(self):
        own = type(self).__getstate__ is not object.__getstate__
        return _new_op, (type(self),), self.__getstate__() if own else self.__dict__

    @property
    def traits(self):
        """What lowering asks for."""
        return _TRAITS


class _AnyOp(type):
    """Lets all ops be instances of ``Op``, not only those that users write."""

    def __instancecheck__(cls, op):
        return isinstance(op, Record) if cls is Op else super().__instancecheck__(op)


class Op(CustomOp, metaclass=_AnyOp):
    __doc__ = CustomOp.__doc__


def _hash_of_class(op):
    return hash(type(op))


def _new_op(cls):
    return cls.__new__(cls)


def same_to_theano(ours, wanted):
    """Whether two types are the same to Theano: known sizes other than 1 do not count."""
    if not isinstance(ours, TensorType) or not isinstance(wanted, TensorType):
        return ours == wanted
    return ours.dtype == wanted.dtype and ours.broadcastable == wanted.broadcastable


# ----- sizes -----

def output_shapes(node):
    """Return what ``infer_shape`` says of the outputs of a node, as tuples of variables.

    Returns
    -------
    list or None
        None where nothing is known, of all or of one output.
    """
    infer = getattr(node.op, "infer_shape", None)
    if infer is None:
        return None
    shapes = [_shape_variables(x) for x in node.inputs]
    try:
        found = infer(None, node, shapes) if _takes_fgraph(infer) else infer(node, shapes)
    except (NotImplementedError, ShapeError):
        return None
    except Exception as error:
        warnings.warn(f"{node.op}: infer_shape failed, so that its sizes are taken to be unknown: "
                      f"{type(error).__name__}: {error}", stacklevel=2)
        return None
    if len(found) != len(node.outputs):
        raise ValueError(f"{node.op}: infer_shape returns {len(found)} shapes for "
                         f"{len(node.outputs)} outputs")
    return [_as_sizes(shape, out) for shape, out in zip(found, node.outputs)]


def _shape_variables(x):
    if not isinstance(x.type, TensorType):
        return None
    return tuple([constant(n) if type(n) is int else n for n in sizes_of(x)])


def _takes_fgraph(infer):
    parameters = inspect.signature(infer).parameters.values()
    return len([p for p in parameters if p.default is p.empty
                and p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]) == 3


def _as_sizes(shape, out):
    if shape is None or not isinstance(out.type, TensorType):
        return None
    if len(shape) != out.type.ndim:
        raise ValueError(f"{out.owner.op}: infer_shape gives {len(shape)} sizes to an output of "
                         f"{out.type.ndim} axes")
    sizes = [as_variable(n) for n in shape]
    return tuple([n if n.type.dtype == "int64" else cast(n, dtype="int64") for n in sizes])


def _node_sizes(S, node, shapes):
    """The size rule: sizes that are plain arithmetic on those of the inputs."""
    found = output_shapes(node)
    if found is None:
        return [None] * len(node.outputs)
    return [None if sizes is None else S.try_values(sizes, node.inputs) for sizes in found]


# ----- running -----

class _Runner:
    """Runs the ``perform`` of one node, or the thunk that its op makes."""

    def __init__(self, node):
        self.node = node
        destroyed = getattr(node.op, "destroy_map", None) or {}
        self._destroyed = {i for places in destroyed.values() for i in places}
        self._thunk = None
        self._lock = threading.Lock()
        if any([getattr(type(node.op), name) is not getattr(CustomOp, name)
                for name in ("make_thunk", "make_py_thunk", "prepare_node")]):
            self._make_thunk()

    def __call__(self, inputs, params):
        values = [self._own(i, value) for i, value in enumerate(inputs)]
        if self._thunk is not None:
            return self._run_thunk(values)
        storage = [[None] for _ in self.node.outputs]
        _call_perform(self.node.op, self.node, values, storage)
        return self._checked(storage)

    def _own(self, i, value):
        """A value that the op may keep and change. Other objects it keeps as they are."""
        if self.node.op.reads_only:
            return value
        is_array = isinstance(self.node.inputs[i].type, TensorType)
        return duplicate(value) if is_array or i in self._destroyed else value

    def _checked(self, storage):
        return [_checked(self.node, out, cell[0]) for out, cell in zip(self.node.outputs, storage)]

    def _make_thunk(self):
        variables = [*self.node.inputs, *self.node.outputs]
        self._storage = {v: [None] for v in variables}
        computed = {v: [v in self.node.inputs] for v in variables}
        self._thunk = self.node.op.make_thunk(self.node, self._storage, computed, [])

    def _run_thunk(self, values):
        storage = self._storage
        with self._lock:
            for x, value in zip(self.node.inputs, values):
                storage[x][0] = value
            for out in self.node.outputs:
                storage[out][0] = None
            self._thunk()
            results = self._checked([storage[out] for out in self.node.outputs])
            for cell in storage.values():
                cell[0] = None
        return results


def _call_perform(op, node, values, storage):
    has_params = hasattr(op, "params_type") or type(op).get_params is not CustomOp.get_params
    op.perform(node, values, storage, *([op.get_params(node)] if has_params else []))


def _checked(node, out, value):
    """Return a result as a value of its type, or raise."""
    if value is None and isinstance(out.type, TensorType):
        raise ValueError(f"{node.op}: perform left output {out.index} without a value")
    try:
        return out.type.filter(value, strict=False, allow_downcast=None)
    except TypeError as error:
        raise TypeError(f"{node.op}: what perform put into output {out.index} does not fit its "
                        f"type {out.type}: {error}") from None


_TRAITS = {"bind": _Runner, "node_sizes": _node_sizes}


# ----- ops of plain functions -----

class FromFunctionOp(CustomOp):
    """An op that calls a function of arrays; see `as_op`."""

    def __init__(self, fn, itypes, otypes, infer_shape):
        self.fn, self.itypes, self.otypes = fn, itypes, otypes
        if infer_shape is not None:
            self.infer_shape = infer_shape

    def __eq__(self, other):
        return type(self) is type(other) and self.fn == other.fn

    def __hash__(self):
        return hash((type(self), self.fn))

    def __str__(self):
        return f"FromFunctionOp{{{self.fn.__name__}}}"

    def perform(self, node, inputs, output_storage):
        """Call the function."""
        results = self.fn(*inputs)
        results = results if isinstance(results, (list, tuple)) else [results]
        if len(results) != len(output_storage):
            raise ValueError(f"{self} returned {len(results)} results instead of "
                             f"{len(output_storage)}")
        for cell, result in zip(output_storage, results):
            cell[0] = result

    def __reduce__(self):
        module, name = self.fn.__module__, self.fn.__name__
        if getattr(import_module(module), name, None) is not self:
            raise PicklingError(f"cannot pickle {self}: it is not found as {module}.{name}")
        return _load_function_op, (module, name)


def _load_function_op(module, name):
    return getattr(import_module(module), name)


def as_op(itypes, otypes, infer_shape=None):
    """Make an op of a function of arrays; for use as a decorator.

    Parameters
    ----------
    itypes, otypes : Type or list of Type
        Those of the arguments and of the results.
    infer_shape : callable, optional
        ``infer_shape(node, input_shapes) -> list of shapes``.

    Returns
    -------
    callable
        From the function to the op. It has no gradient.

    Examples
    --------
    >>> import cytensor as ct, cytensor.tensor as T
    >>> @as_op(itypes=[T.dvector], otypes=[T.dvector])
    ... def backwards(x):
    ...     return x[::-1]
    >>> x = T.dvector("x")
    >>> ct.function([x], backwards(x))([1, 2])
    array([2., 1.])
    """
    lists = []
    for name, types in (("itypes", itypes), ("otypes", otypes)):
        types = list(types) if isinstance(types, (list, tuple)) else [types]
        if not all([isinstance(t, Type) for t in types]):
            raise TypeError(f"as_op: {name} is a list of types, not {types}")
        lists.append(types)
    if infer_shape is not None and not callable(infer_shape):
        raise TypeError(f"as_op: infer_shape is a function, not {infer_shape!r}")
    return lambda fn: FromFunctionOp(fn, *lists, infer_shape)
