"""Rules: a graph with holes, and the better graph that takes its place.

Both sides of ``Rule(log(1 + exp(x)), softplus(x))`` are built by the ordinary ops. A hole is a
variable without a type, so nothing is checked or inferred while a rule is written. In a pattern

* a hole matches any variable, and the same variable (or an equal constant) wherever it stands;
* ``constant_hole("c")`` matches constants only;
* ``rest("dims")``, as the last input of an op, matches all inputs that are left;
* a Python number matches a constant all of whose elements equal it, of any dtype and shape;
* ``any_param("axis")`` among the parameters of an op matches any value, as a hole does;
* the inputs of an op that commutes match in both orders.
"""
from cytensor._core import Constant, Variable, at_loc, hole, same_type
from cytensor.ops import variable  # noqa: F401  (holes have operators)
from cytensor.ops.registry import scalar_like
from cytensor.ops.views import sizes_of, spread


class AnyParam:
    """Stands for any value of a static parameter."""

    __slots__ = ("name",)

    def __init__(self, name):
        self.name = name

    def __repr__(self):
        return self.name


any_param = AnyParam
_only_constants, _rests = set(), set()


def constant_hole(name):
    """Make a hole that only constants fill."""
    c = hole(name)
    _only_constants.add(c)
    return c


def rest(name):
    """Make a hole that all remaining inputs of an op fill."""
    r = hole(name)
    _rests.add(r)
    return r


def holes(names):
    """Make several holes: ``x, y = holes("x y")``."""
    return [hole(name) for name in names.split()]


class RewriteError(AssertionError):
    """A rule would have changed the dtype of a value."""


# ----- rules -----

class Rule:
    """Replace ``old`` by ``new``.

    Parameters
    ----------
    old : Variable
        The pattern.
    new : Variable, number or callable
        What takes its place: a graph over the holes of ``old``, a number, or a function of the
        holes that returns a graph, or None to decline.
    where : callable, optional
        A condition on what fills the holes; its arguments have their names.
    name : str, optional
        By default the two sides, printed.
    shared : bool
        Whether to fire even if other nodes also use what is inside the pattern. That part of the
        graph then stays, and the rule adds work. By default a rule does so only where the new
        side is a single node or none.
    """

    def __init__(self, old, new, where=None, name=None, shared=False):
        self.old, self.new, self.where = old, new, where
        self.op = old.owner.op
        self.shared = shared or (not callable(new) and _is_small(new))
        self.asks_for_uses = not self.shared
        self._name = name
        self._fillers = {}          # for `where` and for a callable `new`: the holes they name

    @property
    def name(self):
        """What the debug output calls the rule."""
        if self._name is None:
            new = self.new.__name__ if callable(self.new) else show(self.new)
            self._name = f"{show(self.old)} -> {new}"
        return self._name

    def __repr__(self):
        return self.name

    def possible(self, op, heads):
        """Whether a node with these ops above its inputs may match."""
        args = self.old.owner.inputs
        if args[-1] in _rests:
            args, heads = args[:-1], heads[:len(args) - 1]
        return len(args) == len(heads) and any(
            all(_head_fits(p, head) for p, head in zip(args, order))
            for order in _orders(op, heads))

    def apply(self, node, uses):
        """Return what ``node`` becomes, or None. ``uses`` counts the users of each variable."""
        def accept(env, inner):
            if not self.shared and _used_elsewhere(inner, uses):
                return None
            if self.where is not None and not self._call(self.where, env):
                return None
            return env

        root = node.outputs[self.old.index]
        env = _unify((self.old, root), None, {}, (), accept)
        if env is None:
            return None
        with at_loc(node.loc):
            return _checked(self, root, self._made(env, root))

    def _made(self, env, root):
        if callable(self.new):
            return self._call(self.new, env)
        new = instantiate(self.new, env)
        if isinstance(new, Variable):
            return new
        return spread(scalar_like(new, root.type.dtype), sizes_of(root))

    def _call(self, function, env):
        """Call a function with what fills the holes that its arguments are named after."""
        fillers = self._fillers.get(function)
        if fillers is None:
            by_name = {leaf.name: leaf for leaf in _pattern_leaves(self.old)}
            code = function.__code__
            fillers = self._fillers[function] = [
                by_name.get(name, name) for name in code.co_varnames[:code.co_argcount]]
        return function(*[env[key] for key in fillers])


class NodeRule:
    """A rule that a graph with holes cannot say: a function from a node to a variable, or None.

    Parameters
    ----------
    name : str
    possible : callable
        ``possible(op, heads)``: whether a node of ``op`` may match. ``heads`` has one item per
        input: the op that computes it, True for a constant, False for an input of the graph.
    apply : callable
        ``apply(node) -> variable`` in place of the node's only output, or None to decline.
    """

    op = None
    asks_for_uses = False

    def __init__(self, name, possible, apply):
        self.name, self.possible, self._apply = name, possible, apply

    def __repr__(self):
        return self.name

    def apply(self, node, uses):
        """Return what ``node`` becomes, or None."""
        with at_loc(node.loc):
            return _checked(self, node.outputs[0], self._apply(node))


def _checked(rule, old, new):
    """Return ``new`` if it may stand for ``old``; a rule that changes a dtype is a bug."""
    if new is None or new is old:
        return None
    if new.type.dtype != old.type.dtype:
        raise RewriteError(f"the rule {rule} makes {new.type} of {old.type}")
    return new if _keeps_shape(old.type, new.type) else None


def _keeps_shape(old, new):
    """Whether nothing that was known of the shape is lost, and no axis begins to broadcast."""
    return old.ndim == new.ndim and all(
        a == b or (a is None and b != 1) for a, b in zip(old.shape, new.shape))


# ----- matching -----

def _unify(pair, rest, env, inner, accept):
    """Match pairs of (pattern, variable), held in a linked list; return what ``accept`` does.

    ``env`` says what fills the holes, ``inner`` lists the variables below the root that the
    pattern computes. Where a choice fails later, the next one is tried.
    """
    pattern, x = pair
    if not isinstance(pattern, Variable):
        found = env if is_number(x, pattern) else None
    elif pattern.owner is None:
        found = _fill(env, pattern, x)
    else:
        return _unify_node(pattern, x, rest, env, inner, accept)
    return None if found is None else _unify_rest(rest, found, inner, accept)


def _unify_rest(rest, env, inner, accept):
    if rest is None:
        return accept(env, inner)
    return _unify(rest[0], rest[1], env, inner, accept)


def _unify_node(pattern, x, rest, env, inner, accept):
    want, node = pattern.owner, x.owner
    if node is None or node.op is not want.op or x.index != pattern.index:
        return None
    env = _fill_params(env, want.params, node.params)
    args, given = want.inputs, node.inputs
    if env is not None and args and args[-1] in _rests:
        env, args, given = _fill_rest(env, args, given)
    if env is None or len(args) != len(given):
        return None
    for order in _orders(node.op, given):
        todo, below = rest, inner
        for p, value in zip(reversed(args), reversed(order)):
            todo = ((p, value), todo)
            if isinstance(p, Variable) and p.owner is not None:
                below = (*below, value)
        found = _unify_rest(todo, env, below, accept)
        if found is not None:
            return found
    return None


def _orders(op, inputs):
    """The orders in which the inputs of an op may be read."""
    if len(inputs) == 2 and op.traits.get("commutes"):
        return (inputs, inputs[::-1])
    return (inputs,)


def _fill(env, place, x):
    """Put ``x`` into a hole: return the new environment, or None if something else is there."""
    if isinstance(place, Constant):
        return env if _same(place, x) else None
    bound = env.get(place)
    if bound is not None:
        return env if _same(bound, x) else None
    if place in _only_constants and not isinstance(x, Constant):
        return None
    return {**env, place: x}


def _fill_rest(env, args, given):
    """Take the remaining inputs out of the match."""
    count = len(args) - 1
    left, bound = given[count:], env.get(args[-1])
    if len(given) < count or (bound is not None and bound != left):
        return None, args, given
    return {**env, args[-1]: left}, args[:-1], given[:count]


def _fill_params(env, want, params):
    if want.keys() != params.keys():
        return None
    for name, value in want.items():
        given = params[name]
        if not isinstance(value, AnyParam):
            if value != given:
                return None
        elif value.name not in env:
            env = {**env, value.name: given}
        elif env[value.name] != given:
            return None
    return env


def _same(a, b):
    """Whether two variables are one, or equal constants."""
    return a is b or (isinstance(a, Constant) and isinstance(b, Constant)
                      and same_type(a.type, b.type) and a.data.tobytes() == b.data.tobytes())


def uniform_value(x):
    """Return the one number that a constant holds, or None if it holds several."""
    if not isinstance(x, Constant) or x.data.size == 0:
        return None
    first = x.data.flat[0]
    return first if x.data.size == 1 or bool((x.data == first).all()) else None


def is_number(x, number):
    """Whether ``x`` is a constant all of whose elements equal ``number``."""
    if not isinstance(x, Constant) or x.data.size == 0 or x.data.flat[0] != number:
        return False
    return uniform_value(x) is not None


def _head_fits(pattern, head):
    """Whether an input whose head is ``head`` (see ``NodeRule``) may match a pattern."""
    if not isinstance(pattern, Variable) or isinstance(pattern, Constant) \
            or pattern in _only_constants:
        return head is True
    return pattern.owner is None or head is pattern.owner.op


def _used_elsewhere(inner, uses):
    """Whether something besides the pattern itself uses what it computes inside."""
    return any([uses[v] > inner.count(v) for v in inner])


# ----- building -----

def instantiate(pattern, env):
    """Build a pattern over what fills its holes."""
    if not isinstance(pattern, Variable) or isinstance(pattern, Constant):
        return pattern
    if pattern.owner is None:
        return env[pattern]
    built = env.get(pattern)
    if built is None:
        built = env[pattern] = _instantiate_node(pattern.owner, pattern.index, env)
    return built


def _instantiate_node(node, index, env):
    inputs = []
    for p in node.inputs:
        if isinstance(p, Variable) and p in _rests:
            inputs.extend(env[p])
        else:
            inputs.append(instantiate(p, env))
    params = {name: env[value.name] if isinstance(value, AnyParam) else value
              for name, value in node.params.items()}
    return node.op.apply(inputs, params).outputs[index]


def _pattern_leaves(pattern):
    """The holes of a pattern, each once."""
    if not isinstance(pattern, Variable) or isinstance(pattern, Constant):
        return []
    if pattern.owner is None:
        return [pattern]
    return list(dict.fromkeys(
        leaf for p in pattern.owner.inputs for leaf in _pattern_leaves(p)))


def _is_small(pattern):
    """Whether a pattern is one op over holes and numbers, or less."""
    return not isinstance(pattern, Variable) or pattern.owner is None or not any(
        [isinstance(p, Variable) and p.owner is not None for p in pattern.owner.inputs])


def show(pattern):
    """Print a pattern: ``log(add(1, exp(x)))``."""
    if not isinstance(pattern, Variable) or pattern.owner is None:
        return str(pattern)
    node = pattern.owner
    parts = [*map(show, node.inputs), *[f"{k}={v}" for k, v in node.params.items()]]
    return f"{node.op.name}({', '.join(parts)})"
