"""The graph of a compiled function, under the names that Theano's users know."""
from cytensor._core import Variable, ancestors, copy_apply, placeholder, replace, toposort


class FunctionGraph:
    """Inputs, outputs, and the nodes between them.

    Parameters
    ----------
    inputs, outputs : list of Variable
    features : list, optional
        Objects of which ``on_attach(fgraph)`` is called, where they have it.
    clone : bool
        Work on a copy of the nodes.

    Examples
    --------
    >>> import cytensor as ct, cytensor.tensor as T
    >>> x = T.dscalar("x")
    >>> f = ct.function([x], T.exp(x))
    >>> f.maker.fgraph.outputs
    [exp.0]
    """

    def __init__(self, inputs, outputs, features=None, clone=True):
        if clone:
            inputs, outputs = copied(inputs, outputs)
        self.inputs = list(inputs)
        self.outputs = list(outputs)
        self.features = []
        for feature in features or ():
            self.attach_feature(feature)

    @property
    def apply_nodes(self):
        """The set of all nodes."""
        return set(self.toposort())

    @property
    def variables(self):
        """The set of all variables, inputs included."""
        return {*self.inputs, *ancestors(self.outputs, self.inputs)}

    @property
    def clients(self):
        """A dict from each variable to its uses: (node, place among its inputs).

        The use as an output is ("output", place among the outputs).
        """
        uses = {v: [] for v in self.variables}
        for node in self.toposort():
            for place, v in enumerate(node.inputs):
                uses[v].append((node, place))
        for place, v in enumerate(self.outputs):
            uses[v].append(("output", place))
        return uses

    def toposort(self):
        """Return the nodes, each after those that it depends on."""
        return toposort(self.outputs, self.inputs)

    def replace(self, old, new, reason=None, verbose=None):
        """Put one variable in the place of another."""
        self.replace_all([(old, new)], reason)

    def replace_all(self, pairs, reason=None, verbose=None):
        """Exchange several variables."""
        pairs = list(pairs)
        for old, new in pairs:
            if old.type != new.type:
                raise TypeError(f"{old!r} is {old.type}, its replacement {new!r} {new.type}")
        self.outputs = replace(self.outputs, dict(pairs))

    replace_validate = replace
    replace_all_validate = replace_all

    def attach_feature(self, feature):
        """Keep a feature, and tell it where it is."""
        if feature in self.features:
            return
        self.features.append(feature)
        if hasattr(feature, "on_attach"):
            feature.on_attach(self)

    def remove_feature(self, feature):
        """Let go of a feature."""
        if feature in self.features:
            self.features.remove(feature)
            if hasattr(feature, "on_detach"):
                feature.on_detach(self)

    def check_integrity(self):
        """Do nothing: a graph cannot be put together wrongly."""

    def clone(self, check_integrity=True):
        """Return a copy with variables of its own."""
        return FunctionGraph(self.inputs, self.outputs)

    def clone_get_equiv(self, check_integrity=True, attach_feature=True):
        """Return a copy, and a dict from the old variables and nodes to the new ones."""
        memo = equivalents(self.inputs, self.outputs)
        other = FunctionGraph([memo[v] for v in self.inputs], [memo[v] for v in self.outputs],
                              clone=False)
        return other, memo

    def __contains__(self, item):
        return item in (self.variables if isinstance(item, Variable) else self.apply_nodes)

    def __repr__(self):
        return f"[{', '.join(map(repr, self.outputs))}]"


def equivalents(inputs, outputs, copy_inputs=True):
    """Copy a graph; return a dict from its variables and nodes to their copies."""
    memo = {v: placeholder(v) if copy_inputs else v for v in inputs}
    for node in toposort(outputs, inputs):
        copy = memo[node] = copy_apply(node, [memo.setdefault(v, v) for v in node.inputs])
        for old, new in zip(node.outputs, copy.outputs):
            memo.setdefault(old, new)
    for v in outputs:
        memo.setdefault(v, v)
    return memo


def copied(inputs, outputs):
    """Return inputs and outputs of a copy of a graph."""
    memo = equivalents(inputs, outputs)
    return [memo[v] for v in inputs], [memo[v] for v in outputs]


class Maker:
    """What a compiled function was made from: ``f.maker``.

    Attributes
    ----------
    fgraph : FunctionGraph
        The graph that runs, after the rewrites. Shared variables are among its inputs.
    inputs : list of In
    outputs : list of Variable
        As they were given, with the givens put in.
    mode : Mode
    """

    def __init__(self, function):
        spec = function.spec
        self.function = function
        self.inputs = spec.inputs
        self.outputs = spec.results
        self.mode = function.mode
        self.profile = function.profile
        self.fgraph = FunctionGraph([*spec.variables, *spec.shared], function.graph, clone=False)

    @property
    def expanded_inputs(self):
        """The inputs, then the shared variables."""
        return [*self.inputs, *self.function.spec.shared]


# ----- compiled functions -----

class Machine:
    """What runs a compiled function: ``f.fn``.

    Attributes
    ----------
    nodes : list of Apply
        What the function computes, in an order in which it may be computed.
    program : Program
        What is run.
    """

    def __init__(self, function):
        self.nodes = function.maker.fgraph.toposort()
        self.program = function.program


class Inspection:
    """What a compiled function tells of itself, most of it under Theano's names.

    A call pays nothing for it.
    """

    @property
    def fn(self):
        """What runs: its ``nodes``, and the program."""
        return Machine(self)

    @property
    def input_storage(self):
        """Where the values of inputs and shared variables are, each with an attribute ``value``.

        An input without a default has None.
        """
        return [*self._defaults, *self.cells]

    @property
    def finder(self):
        """The storage of inputs and shared variables by variable, by name, and by place."""
        variables = [*[given.variable for given in self.spec.inputs], *self.spec.shared]
        found = {}
        for place, (v, storage) in enumerate(zip(variables, self.input_storage)):
            found.update({v: storage, place: storage})
            if v.name is not None:
                found[v.name] = storage
        return found

    def source(self):
        """Return the C for the fused parts, with or without a compiler, in use or not.

        Returns
        -------
        str
            For the arrays of the last call; for packed ones where there was none.

        Examples
        --------
        >>> import cytensor as ct, cytensor.tensor as T
        >>> x = T.dvector("x")
        >>> "const double t2 = ct_exp(t1);" in ct.function([x], T.exp(-x)).source()
        True
        """
        return self.program.jit.source(self.program)

    def get_shared(self):
        """Return the shared variables that the function reads or updates."""
        return list(self.spec.shared)

    def free(self):
        """Do nothing: memory between calls belongs to the plans."""
