"""Several variables at once, as Theano makes them: one text is read letter by letter."""
from cytensor.tensor import constructors

_PREFIXES = ("", *constructors.PREFIXES)


def plural(name, make):
    """Return a function of that name, which makes several variables with ``make(name)``."""
    def several(*names):
        if names and isinstance(names[0], int):
            return [make() for _ in range(names[0])]
        names = names[0] if len(names) == 1 else names
        return make(names) if len(names) == 1 else [make(name) for name in names]

    several.__name__ = several.__qualname__ = name
    several.__doc__ = f"Make several variables: {name}(2), {name}('x', 'y') or {name}('xy')."
    return several


def _all():
    made = {}
    for kind in constructors.SHAPES:
        ending = "matrices" if kind == "matrix" else kind + "s"
        for prefix in _PREFIXES:
            name = prefix + ending
            made[name] = plural(name, getattr(constructors, prefix + kind))
    return made


_MADE = _all()
globals().update(_MADE)
__all__ = list(_MADE)
