"""Names of variables: what ``theano.gof.utils`` knows of them, and its other small functions."""
from cytensor._core import Variable


class MethodNotDefined(Exception):
    """An op does not have a method."""


class object2:
    """A class of values: two are equal if they are of one class with equal ``__props__``."""

    __props__: tuple = ()

    def _values(self):
        return tuple([getattr(self, name) for name in self.__props__])

    def __eq__(self, other):
        return type(self) is type(other) and self._values() == other._values()

    def __hash__(self):
        return hash((type(self), self._values()))


class scratchpad:
    """A bag of attributes."""

    def clear(self):
        """Forget all of them."""
        self.__dict__.clear()

    def __str__(self):
        return f"scratchpad{self.__dict__}"

    __repr__ = __str__


def give_variables_names(variables):
    """Give each variable a name of its own: those without one get ``Unnamed_0`` and so on."""
    names = [v.name for v in variables]

    def is_bad(v):
        return not v.name or names.count(v.name) > 1

    for i, v in enumerate([v for v in variables if is_bad(v)]):
        v.name = f"{v.name or 'Unnamed'}_{i}"
    seen: dict = {}
    for v in variables:
        count = seen[v.name] = seen.get(v.name, -1) + 1
        if count:
            v.name = f"{v.name}_{count}"
    return variables


def hashtype(x):
    """Return a hash of the class of ``x``."""
    return hash(type(x).__name__) ^ hash(type(x).__module__)


def uniq(seq):
    """Return a list without what comes again."""
    return list(dict.fromkeys(seq)) if all([_is_hashable(x) for x in seq]) else _uniq_slowly(seq)


def _is_hashable(x):
    try:
        hash(x)
    except TypeError:
        return False
    return True


def _uniq_slowly(seq):
    found: list = []
    for x in seq:
        if x not in found:
            found.append(x)
    return found


def unique(x):
    """Whether nothing in ``x`` comes twice."""
    return len(set(x)) == len(x)


def difference(seq1, seq2):
    """Return what is in ``seq1`` and not in ``seq2``, in order."""
    return [x for x in seq1 if x not in seq2]


def remove(predicate, coll):
    """Return what in ``coll`` a predicate is not true of."""
    return [x for x in coll if not predicate(x)]


def hist(coll):
    """Return how often each thing comes."""
    counts: dict = {}
    for x in coll:
        counts[x] = counts.get(x, 0) + 1
    return counts


def flatten(a):
    """Return the leaves of nested lists, tuples and sets."""
    if isinstance(a, (tuple, list, set)):
        return [leaf for item in a for leaf in flatten(item)]
    return [a]


def to_return_values(values):
    """Return the one value alone, or the list."""
    return values[0] if len(values) == 1 else values


def from_return_values(values):
    """Return a list of what a function returned: one value or several."""
    return list(values) if isinstance(values, (list, tuple)) else [values]


def add_tag_trace(thing, user_line=None):
    """Return the node: it remembers its line already."""
    return thing


def get_variable_trace_string(v):
    """Return where the user made a variable, as a text."""
    loc = getattr(v, "loc", None) or (isinstance(v, Variable) and v.owner and v.owner.loc)
    return f'  File "{loc[0]}", line {loc[1]}\n' if loc else ""


def memoize(f):
    """Let a function remember its results, by its positional and keyword arguments."""
    cache: dict = {}

    def remembering(*args, **kwargs):
        key = (args, tuple(sorted(kwargs.items())))
        if key not in cache:
            cache[key] = f(*args, **kwargs)
        return cache[key]
    return remembering


def hash_from_code(msg):
    """Return a text that stands for another one, or for bytes."""
    import hashlib
    data = msg.encode() if isinstance(msg, str) else memoryview(msg).tobytes()
    return hashlib.sha256(data).hexdigest()


def hash_from_file(file_path):
    """Return a text that stands for the contents of a file."""
    from pathlib import Path
    return hash_from_code(Path(file_path).read_bytes())
