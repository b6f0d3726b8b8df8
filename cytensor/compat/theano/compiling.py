"""What ``theano.compile`` and its linkers have around ``function``."""
import functools
import inspect
import os
import pickle
import sys

from cytensor._core import Variable
from cytensor.compat.theano.arrays import check_equal_numpy
from cytensor.fgraph import FunctionGraph
from cytensor.function import Function
from cytensor.function import function as compile_function
from cytensor.inputs import In, Out, as_input

_PLACE_OF_NAME = list(inspect.signature(compile_function).parameters).index("name")


@functools.wraps(compile_function)
def function(*args, **kwargs):
    """Compile a function; without a name it gets that of the line, as ``script.py:3``."""
    if kwargs.get("name") is None and len(args) <= _PLACE_OF_NAME:
        frame = sys._getframe(1)
        kwargs["name"] = f"{os.path.basename(frame.f_code.co_filename)}:{frame.f_lineno}"
    return compile_function(*args, **kwargs)


def function_dump(filename, inputs, outputs=None, *args, extra_tag_to_remove=None, **kwargs):
    """Write the arguments of ``function`` by their names to a file, to compile them elsewhere."""
    given = inspect.signature(compile_function).bind(inputs, outputs, *args, **kwargs)
    with open(filename, "wb") as file:
        pickle.dump(dict(given.arguments), file)


class Param(In):
    """An argument of a function, with its default second; see ``In``."""

    def __init__(self, variable, default=None, name=None, mutable=False, borrow=None,
                 allow_downcast=None, strict=False, implicit=None):
        super().__init__(variable, name, default, mutable=mutable, borrow=borrow, strict=strict,
                         allow_downcast=allow_downcast, implicit=implicit)


class FunctionMaker:
    """Compiles a function when it is asked for.

    Parameters
    ----------
    inputs, outputs : list of In, Out or Variable
    mode : Mode or str, optional
    **options
        Further arguments of ``function``.
    """

    def __init__(self, inputs, outputs, mode=None, accept_inplace=False, function_builder=Function,
                 profile=None, on_unused_input=None, fgraph=None, output_keys=None):
        self.inputs, self.outputs, self.mode = inputs, outputs, mode
        self.options = {"profile": profile, "on_unused_input": on_unused_input}

    def create(self, input_storage=None, trustme=False, storage_map=None):
        """Return the function; values of ``input_storage`` are defaults."""
        inputs = list(self.inputs)
        for i, value in enumerate(input_storage or ()):
            if value is not None:
                given = as_input(inputs[i])
                inputs[i] = In(given.variable, given.name, value=value, update=given.update)
        return function(inputs, self.outputs, self.mode, **self.options)


def orig_function(inputs, outputs, mode=None, accept_inplace=False, name=None, profile=None,
                  on_unused_input=None, output_keys=None):
    """Compile a function; see ``function``."""
    if output_keys is not None:
        outputs = dict(zip(output_keys, outputs))
    return function(inputs, outputs, mode, name=name, profile=profile,
                    on_unused_input=on_unused_input)


def rebuild_collect_shared(outputs, inputs=None, replace=None, updates=None, rebuild_strict=True,
                           copy_inputs_over=True, no_default_updates=False):
    """Put replacements into a graph, and find its shared variables and their updates.

    Parameters
    ----------
    outputs : Variable or list
    inputs : list of Variable, optional
    replace : dict or list of pairs, optional
    updates : dict or list of pairs, optional

    Returns
    -------
    inputs, outputs : list
    others : list
        Dict of copies, dict of updates, lists of updates and of shared variables.
    """
    from cytensor.function import _Spec
    spec = _Spec(list(inputs or ()), outputs, updates, replace, no_default_updates, "ignore")
    results = spec.results if isinstance(outputs, (list, tuple)) else spec.results[0]
    variables = [given.variable for given in spec.inputs]
    return variables, results, [{}, dict(spec.updates), list(spec.updates), list(spec.shared)]


def iter_over_pairs(pairs):
    """Return an iterator over a dict or a list of pairs."""
    return iter(pairs.items() if hasattr(pairs, "items") else pairs)


def convert_function_input(given):
    """Return what was listed as an input as an ``In``."""
    return as_input(given)


# ----- comparing -----

_checkers = [check_equal_numpy]


def register_checker(checker):
    """Take a further function that compares values."""
    _checkers.insert(0, checker)


def check_equal(x, y):
    """Whether two values are equal, by the first checker."""
    return _checkers[0](x, y)


# ----- graphs -----

def std_fgraph(input_specs, output_specs, accept_inplace=False):
    """Return the graph between inputs and outputs, and the variables that are updated."""
    inputs = [as_input(spec) for spec in input_specs]
    outputs = [spec.variable if isinstance(spec, Out) else spec for spec in output_specs]
    updates = [given.update for given in inputs if given.update is not None]
    return FunctionGraph([given.variable for given in inputs], [*outputs, *updates]), updates


def fgraph_updated_vars(fgraph, expanded_inputs):
    """Return a dict from inputs to the outputs that update them."""
    updated = [given.variable for given in expanded_inputs if given.update is not None]
    return dict(zip(updated, fgraph.outputs[len(fgraph.outputs) - len(updated):]))


class Supervisor:
    """Keeps inputs from being overwritten: lowering does that."""

    def __init__(self, protected):
        self.protected = list(protected)


class AliasedMemoryError(Exception):
    """Two variables share memory: here they never do."""


def get_info_on_inputs(named_inputs, n_unnamed_inputs):
    """Return a text on which inputs have names."""
    return (f"The function has {len(named_inputs)} named inputs "
            f"({', '.join(map(str, named_inputs))}) and {n_unnamed_inputs} unnamed ones.")


def ops_with_inner_function():
    """Return no ops: all are compiled together with what is around them."""
    return {}


def ignore_c_code(*args, **kwargs):
    """Take C code for a type, and do nothing: cytensor compiles none."""


# ----- linkers: how a program is run is not a choice here -----

class Container:
    """A place for a value: ``container.value``.

    Parameters
    ----------
    r : Variable or Type
        What the value must fit.
    storage : list
        One element: the value.
    """

    def __init__(self, r, storage, readonly=False, strict=False, allow_downcast=None, name=None):
        self.type = r.type if isinstance(r, Variable) else r
        self.storage, self.readonly, self.strict = storage, readonly, strict
        self.allow_downcast, self.name = allow_downcast, name

    @property
    def value(self):
        """The value; what is put there is made to fit."""
        return self.storage[0]

    @value.setter
    def value(self, value):
        if self.readonly:
            raise AttributeError(f"cannot change the read-only {self.name}")
        if value is not None:
            value = self.type.filter(value, strict=self.strict,
                                     allow_downcast=self.allow_downcast)
        self.storage[0] = value

    data = value

    def __get__(self, obj, owner=None):
        return self.value


class Linker:
    """How a program is run. cytensor has one way, whatever is asked for."""

    def __init__(self, *args, **kwargs):
        self.allow_gc = kwargs.get("allow_gc", True)
        self.fgraph = None

    def accept(self, fgraph, no_recycling=None, profile=None):
        """Take the graph to run."""
        self.fgraph = fgraph
        return self

    def clone(self, allow_gc=None):
        """Return another one."""
        return type(self)(allow_gc=self.allow_gc if allow_gc is None else allow_gc)

    def make_function(self, unpack_single=True, **kwargs):
        """Return a function of the graph that was accepted."""
        outputs = self.fgraph.outputs
        one = unpack_single and len(outputs) == 1
        return function(self.fgraph.inputs, outputs[0] if one else outputs,
                        on_unused_input="ignore")


class LocalLinker(Linker):
    """Theano's base class of linkers."""


class PerformLinker(LocalLinker):
    """Theano's linker that runs Python."""


class CLinker(Linker):
    """Theano's linker that makes C."""


class OpWiseCLinker(LocalLinker):
    """Theano's linker that makes C op by op."""


class DualLinker(Linker):
    """Theano's linker that compares C and Python."""


class WrapLinker(Linker):
    """Theano's linker around others."""


class VM_Linker(LocalLinker):
    """Theano's linker with a virtual machine."""


WrapLinkerMany = WrapLinker


class HideC:
    """Theano's base class of ops without C."""


def raise_with_op(node, *args, **kwargs):
    """Raise the exception that is being handled: our errors name the node already."""
    raise
