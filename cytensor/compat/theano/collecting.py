"""Small collections and shims of Python 2 that programs import from Theano."""
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableSet
from functools import partial
from io import BytesIO
from operator import truediv as operator_div

__all__ = ["BytesIO", "Callable", "DefaultOrderedDict", "Iterable", "Iterator", "Mapping",
           "MutableSet", "OrderedDict", "OrderedSet", "defaultdict", "frozendict", "operator_div",
           "partial"]
PY3 = True
izip, imap, ifilter = zip, map, filter


class OrderedSet(MutableSet):
    """A set that is iterated in the order in which things were added."""

    def __init__(self, iterable=()):
        self._items = dict.fromkeys(iterable)

    def __contains__(self, key):
        return key in self._items

    def __iter__(self):
        return iter(self._items)

    def __len__(self):
        return len(self._items)

    def add(self, key):
        """Add a thing at the end, if it is new."""
        self._items.setdefault(key)

    def discard(self, key):
        """Remove a thing, if it is there."""
        self._items.pop(key, None)

    def update(self, iterable):
        """Add several things."""
        self._items.update(dict.fromkeys(iterable))

    def __eq__(self, other):
        if isinstance(other, (OrderedSet, list)):
            return list(self) == list(other)
        return set(self) == set(other)

    def __repr__(self):
        return f"OrderedSet({list(self)!r})"


class frozendict(Mapping):
    """A dict that cannot be changed, and so can be a key itself."""

    def __init__(self, *args, **kwargs):
        self._dict = dict(*args, **kwargs)
        self._hash = hash(frozenset(self._dict.items()))

    def __getitem__(self, key):
        return self._dict[key]

    def __contains__(self, key):
        return key in self._dict

    def __iter__(self):
        return iter(self._dict)

    def __len__(self):
        return len(self._dict)

    def copy(self, **changes):
        """Return another one, with some values changed."""
        return type(self)(self, **changes)

    def __hash__(self):
        return self._hash

    def __repr__(self):
        return f"frozendict({self._dict!r})"


class DefaultOrderedDict(OrderedDict):
    """An ordered dict that makes what is missing."""

    def __init__(self, default_factory=None, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.default_factory = default_factory

    def __missing__(self, key):
        if self.default_factory is None:
            raise KeyError(key)
        self[key] = value = self.default_factory()
        return value


# ----- shims -----

def cmp(x, y):
    """Return -1, 0 or 1, as ``x`` is smaller than, equal to or larger than ``y``."""
    return (x > y) - (x < y)


def exc_message(error):
    """Return the message of an exception."""
    return error.args[0] if error.args else str(error)


def get_unbound_function(unbound):
    """Return the function of a method."""
    return getattr(unbound, "__func__", unbound)


def decode(x):
    """Return bytes as text."""
    return x.decode("utf8") if isinstance(x, bytes) else x


def decode_iter(items):
    """Return a list of bytes as texts."""
    return [decode(x) for x in items]


def decode_with(x, encoding):
    """Return bytes in an encoding as text."""
    return x.decode(encoding)


def with_metaclass(meta, *bases):
    """Return a base class with a metaclass."""
    return meta("Base", bases or (object,), {})


def add_metaclass(metaclass):
    """Return a decorator that makes a class anew, with a metaclass."""
    def wrapper(cls):
        body = {key: value for key, value in cls.__dict__.items()
                if key not in ("__dict__", "__weakref__")}
        return metaclass(cls.__name__, cls.__bases__, body)
    return wrapper
