"""Theano's registries of rewrites: what programs register there is kept, and not run.

cytensor's rewrites are rules between graphs, and its passes stand in one list. A program that adds
a rewrite of its own to Theano's works without it: a rewrite never changes what is computed.
"""


# ----- rewrites of users -----

class Optimizer:
    """A rewrite of a whole graph. Subclasses define ``apply(fgraph)``."""

    name = None

    def apply(self, fgraph):
        """Do nothing."""

    def optimize(self, fgraph, *args, **kwargs):
        """Rewrite a graph of ours, if it is asked for."""
        self.add_requirements(fgraph)
        return self.apply(fgraph, *args, **kwargs)

    __call__ = optimize

    def add_requirements(self, fgraph):
        """Do nothing."""


class LocalOptimizer:
    """A rewrite of one node. Subclasses define ``transform(node)``."""

    def tracks(self):
        """Return the ops that it looks at; None for all."""

    def transform(self, node):
        """Return False: nothing to be changed."""
        return False


class _FromFunction(LocalOptimizer):
    def __init__(self, function, tracks):
        self.transform, self._tracks = function, tracks
        self.__name__ = function.__name__

    def tracks(self):
        return self._tracks

    def __repr__(self):
        return f"<rewrite {self.__name__}>"


def local_optimizer(tracks, inplace=False, requirements=()):
    """Return a decorator that makes a rewrite from ``function(node)``."""
    return lambda function: _FromFunction(function, tracks)


def optimizer(function):
    """Make a rewrite from ``function(fgraph)``."""
    made = Optimizer()
    made.apply = function
    made.name = function.__name__
    return made


inplace_optimizer = optimizer


class _Holding(Optimizer):
    """A rewrite made of others, which it keeps."""

    def __init__(self, *parts, **options):
        self.parts, self.options = parts, options


class SeqOptimizer(_Holding, list):
    """Several rewrites, one after another."""


class LocalOptGroup(_Holding, LocalOptimizer):
    """Several rewrites of one node."""


class EquilibriumOptimizer(_Holding):
    """Rewrites that run until nothing changes."""


class MergeOptimizer(_Holding):
    """Makes equal nodes one. Passes of ours do that."""


class NavigatorOptimizer(_Holding):
    """A rewrite of nodes, applied to a graph."""


class OpKeyOptimizer(_Holding):
    """A rewrite of the nodes of one op."""


class TopoOptimizer(_Holding):
    """A rewrite of nodes, applied in the order of a graph."""


class CheckStackTraceOptimization(_Holding):
    """Checks that nodes remember their lines: ours always do."""


class OpSub(LocalOptimizer):
    """Puts one op in the place of another."""

    def __init__(self, op1, op2, transfer_tags=True):
        self.op1, self.op2 = op1, op2


class OpRemove(LocalOptimizer):
    """Takes an op away."""

    def __init__(self, op):
        self.op = op


class PatternSub(LocalOptimizer):
    """Puts one pattern in the place of another."""

    def __init__(self, in_pattern, out_pattern, **options):
        self.in_pattern, self.out_pattern, self.options = in_pattern, out_pattern, options


def out2in(*parts, **options):
    """Return rewrites of nodes, applied from the outputs on."""
    return TopoOptimizer(*parts, **options)


in2out = out2in


def copy_stack_trace(from_var, to_var):
    """Return ``to_var``: nodes that replace others remember their lines by themselves."""
    return to_var


def check_stack_trace(f_or_fgraph, ops_to_check="last", bug_print="raise"):
    """Return True: nodes always remember their lines."""
    return True


# ----- registries -----

class DB:
    """A registry of rewrites by name and tag."""

    def __init__(self, *args, **kwargs):
        self._entries = {}
        self.name = None

    def register(self, name, obj, *tags, **options):
        """Keep a rewrite."""
        if name in self._entries:
            raise ValueError(f"the rewrite {name!r} is registered already")
        self._entries[name] = obj, {name, *[str(tag) for tag in tags]}

    def add_tags(self, name, *tags):
        """Give a rewrite further tags."""
        self._entries[name][1].update(tags)

    def remove_tags(self, name, *tags):
        """Take tags from a rewrite."""
        self._entries[name][1].difference_update(tags)

    def query(self, *tags, **options):
        """Return the rewrites with one of the tags, as one."""
        wanted = {str(tag).lstrip("+") for tag in tags}
        return SeqOptimizer(*[obj for obj, names in self._entries.values() if names & wanted])

    def __getitem__(self, name):
        return self._entries[name][0]

    def __contains__(self, name):
        return name in self._entries


class EquilibriumDB(DB):
    """A registry of rewrites that run until nothing changes."""


class LocalGroupDB(DB):
    """A registry of rewrites of one node."""


class SequenceDB(DB):
    """A registry of rewrites in order."""


class ProxyDB(DB):
    """A registry that stands for another one."""


class Query:
    """What to take from a registry."""

    def __init__(self, include, require=None, exclude=None, **options):
        self.include, self.require = set(include), set(require or ())
        self.exclude, self.options = set(exclude or ()), options

    def including(self, *tags):
        """Return a query for more."""
        return Query(self.include | set(tags), self.require, self.exclude, **self.options)

    def excluding(self, *tags):
        """Return a query for less."""
        return Query(self.include, self.require, self.exclude | set(tags), **self.options)

    def requiring(self, *tags):
        """Return a query that requires more."""
        return Query(self.include, self.require | set(tags), self.exclude, **self.options)


optdb = SequenceDB()
OPT_FAST_RUN = Query(["fast_run"])
OPT_FAST_RUN_STABLE = OPT_FAST_RUN.requiring("stable")
OPT_FAST_COMPILE, OPT_MERGE, OPT_NONE = Query(["fast_compile"]), Query(["merge"]), Query([])
OPT_STABILIZE, OPT_UNSAFE = Query(["fast_run"], ["stabilize"]), Query(["fast_run", "unsafe"])
OPT_O2, OPT_O3 = OPT_FAST_RUN, OPT_FAST_RUN


def _registering(name):
    """A decorator that keeps a rewrite; with text arguments, one that makes such a decorator."""
    def register(rewrite, *tags, **options):
        if isinstance(rewrite, str):
            return lambda inner: register(inner, rewrite, *tags, **options)
        return rewrite

    register.__name__ = name
    register.__doc__ = "Keep a rewrite; may be used as a decorator, with tags or without."
    return register


register_canonicalize = _registering("register_canonicalize")
register_stabilize = _registering("register_stabilize")
register_specialize = _registering("register_specialize")
register_specialize_device = _registering("register_specialize_device")
register_uncanonicalize = _registering("register_uncanonicalize")
register_fast_run = _registering("register_fast_run")
register_useless = _registering("register_useless")


def register_optimizer(name, opt):
    """Keep a rewrite under a name."""
    optdb.register(name, opt)


def register_linker(name, linker):
    """Keep a linker: functions are always run by cytensor's interpreter."""


# ----- features of graphs -----

class Feature:
    """Looks on while a graph is changed. Subclasses define the methods that they need."""

    def on_attach(self, fgraph):
        """Do nothing."""

    def on_detach(self, fgraph):
        """Do nothing."""

    def on_import(self, fgraph, node, reason):
        """Do nothing."""

    def on_prune(self, fgraph, node, reason):
        """Do nothing."""

    def on_change_input(self, fgraph, node, i, r, new_r, reason=None):
        """Do nothing."""

    def orderings(self, fgraph):
        """Return no further orders."""
        return {}


class Bookkeeper(Feature):
    """A feature that is told of each node."""


class History(Feature):
    """A feature that remembers changes."""


class Validator(Feature):
    """A feature that checks a graph."""


class ReplaceValidate(History, Validator):
    """A feature that undoes what is not valid: changes of ours always are."""


class NodeFinder(Bookkeeper):
    """A feature that finds nodes by op."""


class PrintListener(Feature):
    """A feature that prints changes."""

    def __init__(self, active=True):
        self.active = active


class NoOutputFromInplace(Feature):
    """A feature that keeps outputs from sharing memory: they never do."""


class AlreadyThere(Exception):
    """A feature is attached already."""


class ReplacementDidntRemovedError(Exception):
    """A replaced variable is still in the graph."""


class AddDestroyHandler(Optimizer):
    """Takes care of memory that is written in place: lowering does that."""


class AddFeatureOptimizer(Optimizer):
    """Attaches a feature to a graph."""

    def __init__(self, feature):
        self.feature = feature

    def apply(self, fgraph):
        """Attach it."""
        fgraph.attach_feature(self.feature)


class PrintCurrentFunctionGraph(Optimizer):
    """Prints the graph as it is."""

    def __init__(self, header):
        self.header = header

    def apply(self, fgraph):
        """Print it."""
        from cytensor.printing import debugprint
        print("PrintCurrentFunctionGraph:", self.header)
        debugprint(fgraph.outputs)
