"""Compiled functions: ``function(inputs, outputs, updates, givens)``."""
import time
import warnings

from cytensor import config
from cytensor._core import Constant, Variable, leaves, replace
from cytensor._cells import Cell
from cytensor._interpreter import Callable, enable_vectorcall
from cytensor.engine.modes import as_mode
from cytensor.engine.pipeline import Job, compile_program
from cytensor.exports import Exports
from cytensor.fgraph import Inspection, Maker
from cytensor.inputs import Out, as_input, as_type_of
from cytensor.ops.objects import DisconnectedType, NullType
from cytensor.ops.registry import as_variable
from cytensor.ops.values import duplicate, fit
from cytensor.ops.variable import register_eval
from cytensor.printing import show
from cytensor.profiles import as_stats
from cytensor.shared import SharedVariable


class MissingInputError(Exception):
    """A result depends on a variable that is neither an input nor has a value."""


class UnusedInputError(Exception):
    """No result depends on an input."""


def function(inputs, outputs=None, mode=None, updates=None, givens=None, no_default_updates=False,
             accept_inplace=False, name=None, rebuild_strict=True, allow_input_downcast=None,
             profile=None, on_unused_input=None):
    """Compile expressions into a function of arrays.

    Parameters
    ----------
    inputs : list of Variable or In
        The arguments, in order. ``In`` gives them defaults and other options.
    outputs : Variable, list, dict or None
        What to compute. A call returns an array, a list, a dict with the same keys, or None.
    mode : Mode or str, optional
        Which rewrites run: ``"fast_run"`` by default (``config.mode``).
    updates : dict or list of pairs, optional
        Shared variables and the values that they take when a call has succeeded.
    givens : dict or list of pairs, optional
        Variables and what to put in their place.
    no_default_updates : bool or list of shared variables
        Leave out the default updates of all, or of these, shared variables.
    name : str, optional
        For messages.
    allow_input_downcast : bool, optional
        Whether arguments may lose precision when they are cast.
    profile : bool, str or ProfileStats, optional
        Measure each step, and print the times when the process ends; see ``Function.profile``. A
        ``ProfileStats`` may be shared by several functions.
    on_unused_input : {"raise", "warn", "ignore"}, optional
    rebuild_strict : bool
        Whether a given must have the type of what it replaces. Otherwise the ops above it are
        applied anew, and their results may be of other types, too.
    accept_inplace
        Accepted for Theano's sake.

    Returns
    -------
    Function

    Raises
    ------
    TypeError
        If something listed is no variable, or an update or a given is of another type.
    MissingInputError
        If a result depends on a variable that is not an input.
    UnusedInputError
        If an input is listed twice, or nothing depends on it.
    ValueError
        If a shared variable has two updates.

    Examples
    --------
    >>> import cytensor as ct, cytensor.tensor as T
    >>> x = T.dvector("x")
    >>> total = ct.shared(0.0)
    >>> f = ct.function([x], x * 2, updates={total: total + x.sum()})
    >>> f([1, 2])
    array([2., 4.])
    >>> total.get_value()
    array(3.)
    """
    if not isinstance(inputs, (list, tuple)):
        raise TypeError("function: inputs is a list of variables; put a single one into brackets")
    spec = _Spec(inputs, outputs, updates, givens, no_default_updates, on_unused_input,
                 rebuild_strict)
    kind = StatefulFunction if spec.states else Function
    mode = as_mode(mode)
    if profile is None:
        profile = getattr(mode, "profile", None)
    return kind(spec, mode, name, allow_input_downcast, as_stats(profile, name))


# ----- what is to be computed -----

def _pairs(mapping, what):
    """Return a dict or a list of pairs as a list of pairs."""
    if mapping is None:
        return []
    items = mapping.items() if hasattr(mapping, "items") else mapping
    try:
        return [(key, value) for key, value in items]
    except (TypeError, ValueError):
        raise TypeError(f"function: {what} is a dict or a list of pairs, not "
                        f"{mapping!r}") from None


class _Spec:
    """The inputs, results and updates of a function, after givens and default updates.

    Kept by the function, for copies and for pickling.
    """

    def __init__(self, inputs, outputs, updates, givens, no_default_updates, on_unused_input,
                 rebuild_strict=True):
        self.strict = rebuild_strict
        self.inputs = [as_input(x) for x in inputs]
        self._check_inputs()
        self.kind, self.keys, results = _results(outputs)
        self.updates = self._checked_updates(updates)
        self._read_in_values()
        self.results = results
        given = self._put_givens(_pairs(givens, "givens"))
        self._cut_at_inputs()
        self._add_default_updates(no_default_updates, given)
        self._check_leaves(on_unused_input or config.on_unused_input)

    def _check_inputs(self):
        seen = set()
        for given in self.inputs:
            if isinstance(given.variable, SharedVariable):
                raise TypeError(f"Cannot use a shared variable ({given.variable!r}) as explicit "
                                "input: it has a value. Use givens to put another one in its place")
            if isinstance(given.variable, Constant):
                raise TypeError(f"Constants not allowed in param list: {given.variable!r}")
            if given.variable in seen:
                raise UnusedInputError(f"the variable {given.variable!r} is listed twice among the "
                                       "inputs")
            seen.add(given.variable)

    def _checked_updates(self, updates):
        done = {}
        for target, value in _pairs(updates, "updates"):
            if not isinstance(target, SharedVariable):
                raise TypeError(f"only shared variables can be updated, not {target!r}")
            if target in done:
                raise ValueError(f"the shared variable {target!r} has two updates")
            done[target] = as_type_of(target, value, "An update")
        return done

    def _read_in_values(self):
        """An input with an update is state: a hidden result takes its new value."""
        self.states = [(i, given.update) for i, given in enumerate(self.inputs)
                       if given.update is not None]

    # ----- givens and default updates -----

    def _put_givens(self, givens):
        mapping, inputs = {}, {x.variable for x in self.inputs}
        for old, new in givens:
            if not isinstance(old, Variable):
                raise TypeError(f"givens: {old!r} is not a variable")
            if old in mapping:
                raise ValueError(f"givens: {old!r} is replaced twice")
            if old in inputs:
                raise RuntimeError(f"givens: {old!r} is an input, and cannot be replaced")
            new = as_type_of(old, new, "A given") if self.strict else as_variable(new)
            mapping[old] = replace([new], mapping)[0]
        self._replace(mapping)
        return mapping

    def _cut_at_inputs(self):
        """Let a new variable stand for an input that other variables compute."""
        given = [x.variable for x in self.inputs]
        self.variables = [v if v.owner is None else v.type.make_variable(v.name) for v in given]
        self._replace({v: new for v, new in zip(given, self.variables) if new is not v})

    def _replace(self, mapping):
        if not mapping:
            return
        roots = replace(self._roots(), mapping)
        nresults, nupdates = len(self.results), len(self.updates)
        self.results = roots[:nresults]
        self.updates = dict(zip(self.updates, roots[nresults:nresults + nupdates]))
        self.states = [(i, new) for (i, _), new in zip(self.states, roots[nresults + nupdates:])]

    def _roots(self):
        return [*self.results, *self.updates.values(), *[new for _, new in self.states]]

    def _add_default_updates(self, left_out, given):
        """Updates that shared variables bring along; those may bring further ones."""
        if left_out is True:
            return
        if left_out and not isinstance(left_out, (list, tuple, set)):
            raise TypeError("function: no_default_updates is a bool or a list of shared variables, "
                            f"not {left_out!r}")
        left_out = set(left_out or ())
        queue = leaves(self._roots())
        while queue:
            v = queue.pop(0)
            new = getattr(v, "default_update", None)
            if new is None or v in self.updates or v in left_out:
                continue
            new, = replace([as_type_of(v, new, "A default update")], given)
            self.updates[v] = new
            queue += leaves([self.updates[v]])

    # ----- leaves -----

    def _check_leaves(self, on_unused):
        known = set(self.variables)
        found = [*leaves(self._roots(), known), *self.updates]
        used = known.intersection(found)
        for given, v in zip(self.inputs, self.variables):
            if v not in used and given.update is None:
                _complain(given, on_unused)
        self.shared = []
        for v in found:
            if isinstance(v, SharedVariable):
                if v not in self.shared:
                    self.shared.append(v)
            elif v in known or isinstance(v, Constant):
                continue
            elif isinstance(v.type, (NullType, DisconnectedType)):
                raise TypeError(f"a result depends on a gradient that does not exist: {v.type}")
            else:
                raise MissingInputError(
                    f"a result depends on {v!r}, which is neither an input nor has a value"
                    + _made_at(v))

    def copy(self, delete_updates):
        """The same, without updates if so wished."""
        other = _Spec.__new__(_Spec)
        other.__dict__.update(self.__dict__)
        if delete_updates:
            other.updates = {}
            other._check_leaves("ignore")
        return other


def _results(outputs):
    """Return (how results are handed out, keys, list of variables)."""
    if outputs is None:
        return "list", None, []
    if isinstance(outputs, dict):
        keys = list(outputs)
        for key in keys:
            if not isinstance(key, str):
                raise TypeError(f"function: the keys of outputs are strings, not {key!r}")
        return "dict", keys, [_result(outputs[key]) for key in keys]
    if isinstance(outputs, (list, tuple)):
        return "list", None, [_result(out) for out in outputs]
    return "one", None, [_result(outputs)]


def _result(out):
    out = out.variable if isinstance(out, Out) else out
    return out if isinstance(out, Variable) else as_variable(out)


def _made_at(v):
    return f" (made at {v.loc[0]}:{v.loc[1]})" if getattr(v, "loc", None) else ""


def _complain(given, on_unused):
    text = (f"no result depends on the input {given.variable!r}{_made_at(given.variable)}; "
            "pass on_unused_input='ignore' to allow that")
    if on_unused == "raise":
        raise UnusedInputError(text)
    if on_unused == "warn":
        warnings.warn(text, stacklevel=5)


# ----- the compiled function -----

#: What is said of wrong arguments. Other libraries' names come with other words.
WORDS = {
    "function": "a compiled function",
    "named": "the function {name!r}",
    "too many": "{f} takes {n} arguments, {given} were passed",
    "twice": "{f}: two values for the input {key!r}",
    "unknown": "{f}: unknown input or state {key!r}",
    "missing": "{f}: missing required input {x!r}",
    "bad": "bad argument to {f} at index {i} (counting from 0){name}: {error}",
}


#: How copies hand out results, where that differs: other libraries' copies have other rules.
COPIED_KINDS: dict = {}


class Function(Callable, Inspection, Exports):
    """A compiled function. Made by ``function``.

    Call it with arrays, by position or by the names of the inputs. ``f[x]`` or ``f["x"]`` is the
    value of an input with a default, or of a shared variable, and may be set.

    Attributes
    ----------
    name : str or None
    profile : ProfileStats or None
        Times per step, if the function was compiled with ``profile=True``.
    trust_input : bool
        Take arguments as they are: they must be arrays of the right type.
    graph : list of Variable
        The expressions that run, after all rewrites.
    """

    def __init__(self, spec, mode, name, allow_input_downcast, profile, cells=None):
        self.spec = spec
        self.mode = mode
        self.name = name
        self.trust_input = False
        self._downcast = allow_input_downcast
        self._without = None
        self._defaults = [_default_cell(given) for given in spec.inputs]
        job = Job(spec.variables, [*spec.results, *[new for _, new in spec.states]],
                  list(spec.updates.items()), spec.shared)
        self.compiling = {}
        start = time.perf_counter()
        program, self.graph = compile_program(*job, mode, self.compiling)
        self._finish(program, [v.container for v in spec.shared] if cells is None else cells)
        self.runner = mode.runner(job, program, self.graph)
        self.compiling["compile"] = time.perf_counter() - start
        self._watch(profile)

    def _watch(self, profile):
        """Let the mode, and a profile if there is one, look on."""
        self.profile = profile
        watchers = self.mode.watchers()
        if profile is not None:
            watchers.append(profile.measure(self.name, self.program, self.compiling))
        self.watchers = watchers or None

    def _finish(self, program, cells):
        spec = self.spec
        unpack = spec.keys if spec.kind == "dict" else spec.kind
        super().__init__(program, cells, unpack, len(spec.results))

    def _general(self):
        """The same function without assumptions on sizes, for a call that breaks one."""
        if self._without is None:
            self._without = type(self)(self.spec, self.mode.excluding("assume"), self.name,
                                       self._downcast, self.profile, self.cells)
        return self._without

    @property
    def maker(self):
        """What the function was made from: ``f.maker.fgraph.outputs`` is the graph that runs."""
        return Maker(self)

    @property
    def changes(self):
        """Pairs of a variable that a call changes, and its new value in ``graph``."""
        spec = self.spec
        changed = [*[spec.variables[i] for i, _ in spec.states], *spec.updates]
        return list(zip(changed, self.graph[len(spec.results):]))

    # ----- arguments -----

    def _bind(self, args, kwargs):
        """Sort the arguments, and fill in defaults."""
        inputs = self.spec.inputs
        values = list(args) + [None] * (len(inputs) - len(args))
        given = [True] * len(args) + [False] * (len(inputs) - len(args))
        open_to = [i for i, x in enumerate(inputs) if not x.implicit]
        if len(args) > len(open_to):
            raise TypeError(self._say("too many", n=len(open_to), given=len(args)))
        if len(open_to) < len(inputs):
            values = [None] * len(inputs)
            given = [False] * len(inputs)
            for i, value in zip(open_to, args):
                values[i], given[i] = value, True
        for key, value in kwargs.items():
            i = self._position(key)
            if given[i]:
                raise TypeError(self._say("twice", key=key))
            values[i], given[i] = value, True
        for i, is_given in enumerate(given):
            if not is_given:
                values[i] = self._default(i)
        return tuple(values)

    def _position(self, key):
        for i, x in enumerate(self.spec.inputs):
            if key is x.variable or (x.name is not None and key == x.name):
                return i
        raise TypeError(self._say("unknown", key=key))

    def _default(self, i):
        cell = self._defaults[i]
        if cell is None:
            raise TypeError(self._say("missing", x=self.spec.inputs[i].variable))
        return cell.value

    def _convert(self, i, value):
        given = self.spec.inputs[i]
        downcast = self._downcast if given.allow_downcast is None else given.allow_downcast
        try:
            return fit(value, given.variable.type, given.strict, downcast)
        except TypeError as error:
            name = f" ({given.name})" if given.name else ""
            raise TypeError(self._say("bad", i=i, name=name, error=error)) from None

    def _called(self):
        return WORDS["named"].format(name=self.name) if self.name else WORDS["function"]

    def _say(self, what, **parts):
        return WORDS[what].format(f=self._called(), **parts)

    def __repr__(self):
        return f"<{self._called()}>"

    def _repr_svg_(self):
        return show(self, "svg")

    def _repr_html_(self):
        return show(self, "html")

    # ----- state -----

    def _cell(self, key):
        for i, x in enumerate(self.spec.inputs):
            if (key is x.variable or key == x.name) and self._defaults[i] is not None:
                return self._defaults[i], x.variable.type
        for v, cell in zip(self.spec.shared, self.cells):
            if key is v or (v.name is not None and key == v.name):
                return cell, v.type
        raise KeyError(f"{self._called()} has no state {key!r}")

    def __getitem__(self, key):
        return self._cell(key)[0].copy()

    def __setitem__(self, key, value):
        cell, type = self._cell(key)
        cell.set(duplicate(fit(value, type, allow_downcast=self._downcast)))

    def __contains__(self, key):
        try:
            self._cell(key)
        except KeyError:
            return False
        return True

    @property
    def container(self):
        """Storage by variable, name and place, to share state: ``In(s, value=f.container[s])``."""
        return {key: Cell(None) if cell is None else cell for key, cell in self.finder.items()}

    @property
    def value(self):
        """The values of inputs with defaults and of shared variables, with the same keys."""
        return {key: cell.value for key, cell in self.container.items()}

    # ----- copies -----

    def copy(self, share_memory=False, swap=None, delete_updates=False, name=None, profile=None):
        """Return a copy that shares the compiled program, and the shared variables.

        Parameters
        ----------
        share_memory : bool
            Accepted for Theano's sake: calls take their memory from a common store anyway.
        swap : dict, optional
            Shared variables, and those to use in their place.
        delete_updates : bool
            Change no shared variable.
        name : str, optional
        profile : bool, optional

        Returns
        -------
        Function

        Raises
        ------
        ValueError, TypeError
            If the function does not use a variable of ``swap``, or the types differ.
        """
        spec = self.spec.copy(delete_updates)
        spec.kind = COPIED_KINDS.get(spec.kind, spec.kind)
        places = dict(swap or {})
        for old, new in places.items():
            if old not in spec.shared:
                raise ValueError(f"swap: {self._called()} does not use {old!r}")
            if old.type != new.type:
                raise TypeError(f"swap: {old!r} is {old.type}, {new!r} is {new.type}")
        cells = [places.get(v, v).container for v in spec.shared]
        name = self.name if name is None else name
        if delete_updates:
            return type(self)(spec, self.mode, name, self._downcast,
                              as_stats(profile or False, name), cells)
        other = type(self).__new__(type(self))
        other.__dict__.update(self.__dict__)
        other.spec, other.name = spec, name
        other._without = None
        other._defaults = [cell if cell is None or not _is_own(given)
                           else Cell(cell.copy())
                           for cell, given in zip(self._defaults, spec.inputs)]
        other._finish(self.program, cells)
        other.runner = self.runner
        other._watch(as_stats(profile or False, name))
        return other

    def __copy__(self):
        return self.copy()

    def __reduce__(self):
        return _load_function, (self.spec.__dict__, self.mode, self.name, self._downcast,
                                self._defaults, self.trust_input)


enable_vectorcall(Function)


class StatefulFunction(Function):
    """A function some of whose inputs are state: ``In(x, value=0, update=x + 1)``."""

    def _finish(self, program, cells):
        Callable.__init__(self, program, cells, "list",
                          len(self.spec.results) + len(self.spec.states))

    def __call__(self, *args, **kwargs):
        """Compute the results; the state takes its new values."""
        spec, n = self.spec, len(self.spec.results)
        results = super().__call__(*args, **kwargs)
        for (i, _), value in zip(spec.states, results[n:]):
            self._defaults[i].set(value)
        results = results[:n]
        if spec.kind == "one":
            return results[0]
        return results if spec.kind == "list" else dict(zip(spec.keys, results))


def _is_own(given):
    """Whether an input's default belongs to the function, not to a shared variable."""
    return not isinstance(given.value, SharedVariable)


def _default_cell(given):
    if given.value is None:
        return None
    if isinstance(given.value, SharedVariable):
        return given.value.container
    if isinstance(given.value, Cell):
        return given.value
    return Cell(duplicate(fit(given.value, given.variable.type,
                              allow_downcast=given.allow_downcast)))


def _load_function(spec_dict, mode, name, downcast, defaults, trust_input):
    spec = _Spec.__new__(_Spec)
    spec.__dict__.update(spec_dict)
    kind = StatefulFunction if spec.states else Function
    f = kind(spec, mode, name, downcast, None)
    f._defaults = defaults          # other functions of the same pickle may have them, too
    f.trust_input = trust_input
    return f


def _evaluate(x, inputs):
    """Compute a variable: the function is compiled once, and kept with the variable."""
    pairs = {_named(x, key) if isinstance(key, str) else key: value
             for key, value in (inputs or {}).items()}
    compiled = x.tag.__dict__.setdefault("_compiled", {})
    key = tuple(pairs)
    if key not in compiled:
        compiled[key] = function(list(pairs), x, on_unused_input="ignore")
    return compiled[key](*pairs.values())


def _named(x, name):
    """The input of ``x`` with that name."""
    for v in leaves([x]):
        if v.name == name:
            return v
    raise KeyError(f"{x!r} depends on no variable named {name!r}")


register_eval(_evaluate)
