"""Compiled functions: ``function(inputs, outputs, updates, givens)``."""
import atexit
import warnings

from cytensor import config
from cytensor._core import Constant, TensorType, Variable, leaves, replace
from cytensor._cells import Cell, Profile
from cytensor._interpreter import Callable, enable_vectorcall
from cytensor.engine.modes import as_mode
from cytensor.engine.pipeline import compile_program
from cytensor.inputs import Out, as_input, fit
from cytensor.ops.registry import as_variable, scalar_like
from cytensor.ops.variable import register_eval
from cytensor.printing.profiles import profile_lines
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
    profile : bool, optional
        Measure each step; see ``Function.profile``.
    on_unused_input : {"raise", "warn", "ignore"}, optional
    accept_inplace, rebuild_strict
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
    spec = _Spec(inputs, outputs, updates, givens, no_default_updates, on_unused_input)
    kind = StatefulFunction if spec.states else Function
    return kind(spec, as_mode(mode), name, allow_input_downcast,
                config.profile if profile is None else profile)


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


def _as_type_of(variable, value, what):
    """Return ``value`` as a variable that may stand for ``variable``."""
    if isinstance(value, (bool, int, float, complex)) and variable.type.ndim == 0:
        return scalar_like(value, variable.type.dtype)
    value = as_variable(value)
    ours, theirs = variable.type, value.type
    if ours == theirs:
        return value
    if not isinstance(ours, TensorType) or not isinstance(theirs, TensorType) \
            or ours.dtype != theirs.dtype or ours.ndim != theirs.ndim:
        raise TypeError(f"{what} must have the same type as the original variable {variable!r}: "
                        f"it is {ours}, the new one {theirs}. If only the dtype differs, use "
                        f"cast(value, {getattr(ours, 'dtype', None)!r})")
    return value


class _Spec:
    """The inputs, results and updates of a function, after givens and default updates.

    Kept by the function, for copies and for pickling.
    """

    def __init__(self, inputs, outputs, updates, givens, no_default_updates, on_unused_input):
        self.inputs = [as_input(x) for x in inputs]
        self._check_inputs()
        self.kind, self.keys, results = _results(outputs)
        self.updates = self._checked_updates(updates)
        self._read_in_values()
        self.results = results
        self._put_givens(_pairs(givens, "givens"))
        self._add_default_updates(no_default_updates)
        self._check_leaves(on_unused_input or config.on_unused_input)

    def _check_inputs(self):
        seen = set()
        for given in self.inputs:
            if isinstance(given.variable, SharedVariable):
                raise TypeError(f"the shared variable {given.variable!r} cannot be an input: it "
                                "has a value. Use givens to put another one in its place")
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
            done[target] = _as_type_of(target, value, "an update")
        return done

    def _read_in_values(self):
        """An input with an update is state: a hidden result takes its new value."""
        self.states = [(i, given.update) for i, given in enumerate(self.inputs)
                       if given.update is not None]

    # ----- givens and default updates -----

    def _put_givens(self, givens):
        mapping = {}
        for old, new in givens:
            if not isinstance(old, Variable):
                raise TypeError(f"givens: {old!r} is not a variable")
            if old in mapping:
                raise ValueError(f"givens: {old!r} is replaced twice")
            mapping[old] = replace([_as_type_of(old, new, "a given")], mapping)[0]
        self._replace(mapping)

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

    def _add_default_updates(self, left_out):
        """Updates that shared variables bring along; those may bring further ones."""
        if left_out is True:
            return
        left_out = set(left_out or ())
        queue = leaves(self._roots())
        while queue:
            v = queue.pop(0)
            new = getattr(v, "default_update", None)
            if new is None or v in self.updates or v in left_out:
                continue
            self.updates[v] = _as_type_of(v, new, "a default update")
            queue += leaves([self.updates[v]])

    # ----- leaves -----

    def _check_leaves(self, on_unused):
        variables = [given.variable for given in self.inputs]
        known = set(variables)
        self.shared = []
        used = set()
        for v in [*leaves(self._roots(), known), *self.updates]:
            if isinstance(v, SharedVariable):
                if v not in self.shared:
                    self.shared.append(v)
            elif v in known:
                used.add(v)
            elif not isinstance(v, Constant):
                raise MissingInputError(
                    f"a result depends on {v!r}, which is neither an input nor has a value"
                    + _made_at(v))
        for given in self.inputs:
            if given.variable not in used and given.update is None:
                _complain(given, on_unused)

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

class StepProfile(Profile):
    """Where a function spends its time: ``print(f.profile)``, or ``f.profile.summary()``."""

    def __init__(self, f):
        super().__init__()
        self._function = f

    def __str__(self):
        return "\n".join(profile_lines(self, self._function.program, self._function.name))

    def summary(self, file=None):
        """Print the time, the runs and the bytes of each step, with the user's lines."""
        print(self, file=file)


class Function(Callable):
    """A compiled function. Made by ``function``.

    Call it with arrays, by position or by the names of the inputs. ``f[x]`` or ``f["x"]`` is the
    value of an input with a default, or of a shared variable, and may be set.

    Attributes
    ----------
    name : str or None
    profile : Profile or None
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
        program, self.graph = compile_program(
            [given.variable for given in spec.inputs],
            [*spec.results, *[new for _, new in spec.states]],
            list(spec.updates.items()), spec.shared, mode)
        self._finish(program, [v.container for v in spec.shared] if cells is None else cells)
        if profile or config.debug >= 2:
            self.profile = StepProfile(self)
        if config.debug >= 2:
            atexit.register(self.profile.summary)

    def _finish(self, program, cells):
        spec = self.spec
        unpack = spec.keys if spec.kind == "dict" else spec.kind
        super().__init__(program, cells, unpack, len(spec.results))

    def _general(self):
        """The same function without assumptions on sizes, for a call that breaks one."""
        if self._without is None:
            self._without = type(self)(self.spec, self.mode.excluding("assume"), self.name,
                                       self._downcast, False, self.cells)
        return self._without

    # ----- arguments -----

    def _bind(self, args, kwargs):
        """Sort the arguments, and fill in defaults."""
        inputs = self.spec.inputs
        values = list(args) + [None] * (len(inputs) - len(args))
        given = [True] * len(args) + [False] * (len(inputs) - len(args))
        open_to = [i for i, x in enumerate(inputs) if not x.implicit]
        if len(args) > len(open_to):
            raise TypeError(f"{self._called()} takes {len(open_to)} arguments, {len(args)} were "
                            "passed")
        if len(open_to) < len(inputs):
            values = [None] * len(inputs)
            given = [False] * len(inputs)
            for i, value in zip(open_to, args):
                values[i], given[i] = value, True
        for key, value in kwargs.items():
            i = self._position(key)
            if given[i]:
                raise TypeError(f"{self._called()}: two values for the input {key!r}")
            values[i], given[i] = value, True
        for i, is_given in enumerate(given):
            if not is_given:
                values[i] = self._default(i)
        return tuple(values)

    def _position(self, key):
        for i, x in enumerate(self.spec.inputs):
            if key is x.variable or (x.name is not None and key == x.name):
                return i
        raise TypeError(f"{self._called()}: unknown input or state {key!r}")

    def _default(self, i):
        cell = self._defaults[i]
        if cell is None:
            raise TypeError(f"{self._called()}: missing required input "
                            f"{self.spec.inputs[i].variable!r}")
        return cell.value

    def _convert(self, i, value):
        given = self.spec.inputs[i]
        downcast = self._downcast if given.allow_downcast is None else given.allow_downcast
        try:
            return fit(value, given.variable.type, given.strict, downcast)
        except TypeError as error:
            name = f" ({given.name})" if given.name else ""
            raise TypeError(f"bad argument to {self._called()} at index {i} (counting from 0)"
                            f"{name}: {error}") from None

    def _called(self):
        return f"the function {self.name!r}" if self.name else "a compiled function"

    def __repr__(self):
        return f"<{self._called()}>"

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
        cell.set(fit(value, type, allow_downcast=self._downcast).copy())

    def __contains__(self, key):
        try:
            self._cell(key)
        except KeyError:
            return False
        return True

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
        places = dict(swap or {})
        for old, new in places.items():
            if old not in spec.shared:
                raise ValueError(f"swap: {self._called()} does not use {old!r}")
            if old.type != new.type:
                raise TypeError(f"swap: {old!r} is {old.type}, {new!r} is {new.type}")
        cells = [places.get(v, v).container for v in spec.shared]
        name = self.name if name is None else name
        if delete_updates:
            return type(self)(spec, self.mode, name, self._downcast, bool(profile), cells)
        other = type(self).__new__(type(self))
        other.__dict__.update(self.__dict__)
        other.name = name
        other._without = None
        other._defaults = [cell if cell is None or not _is_own(given)
                           else Cell(cell.copy())
                           for cell, given in zip(self._defaults, spec.inputs)]
        other._finish(self.program, cells)
        if profile:
            other.profile = StepProfile(other)
        return other

    def __reduce__(self):
        values = [None if cell is None else cell.value for cell in self._defaults]
        return _load_function, (self.spec.__dict__, self.mode.name, self.mode.left_out, self.name,
                                self._downcast, values)


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
    return Cell(fit(given.value, given.variable.type, allow_downcast=given.allow_downcast).copy())


def _load_function(spec_dict, mode, left_out, name, downcast, values):
    from cytensor.engine.modes import Mode
    spec = _Spec.__new__(_Spec)
    spec.__dict__.update(spec_dict)
    kind = StatefulFunction if spec.states else Function
    f = kind(spec, Mode(mode, left_out), name, downcast, False)
    for cell, value in zip(f._defaults, values):
        if cell is not None:
            cell.set(value)
    return f


def _evaluate(x, inputs):
    """Compute a variable: the function is compiled once, and kept with the variable."""
    pairs = {_named(x, key) if isinstance(key, str) else key: value
             for key, value in (inputs or {}).items()}
    compiled = x.tag.__dict__.setdefault("compiled", {})
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
