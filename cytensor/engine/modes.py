"""Which passes run, and in which order."""
from cytensor import config

_passes = {}


def _make(name):
    """Build a pass. Rules are graphs; nobody pays for them before the first compile."""
    from cytensor.rewrites import passes
    if name == "fold":
        return passes.folding(evaluate)
    return passes.named(name)


#: The order, top to bottom. A pass may come more than once.
ORDER = {
    "fast_run": ("intern", "fold", "smaller", "safer", "smaller", "assume", "faster", "updates",
                 "smaller", "expand", "smaller", "intern"),
    "fast_compile": ("intern", "smaller", "safer", "expand", "intern"),
    "none": ("expand",),
}
_NEEDED = ("expand",)       # without it some nodes have no kernels


class Mode:
    """A choice of passes.

    Parameters
    ----------
    name : str
        ``"fast_run"`` (all passes), ``"fast_compile"`` (few) or ``"none"`` (no rewrites).
    excluding : sequence of str
        Passes to leave out.

    Examples
    --------
    >>> Mode("fast_compile").excluding("safer").names
    ('intern', 'smaller', 'expand', 'intern')
    """

    def __init__(self, name="fast_run", excluding=()):
        key = name.lower()
        if key not in ORDER:
            raise ValueError(f"a mode is one of {', '.join(ORDER)}, not {name!r}")
        known = {p for order in ORDER.values() for p in order}
        unknown = [p for p in excluding if p not in known]
        if unknown:
            raise ValueError(f"there is no pass {unknown[0]!r}; there are "
                             f"{', '.join(sorted(known))}")
        self.name = key
        self.left_out = tuple(excluding)
        self.names = tuple([p for p in ORDER[key] if p not in excluding or p in _NEEDED])

    def excluding(self, *names):
        """Return this mode without some passes."""
        return Mode(self.name, (*self.left_out, *names))

    def including(self, *names):
        """Return this mode with passes that were left out."""
        return Mode(self.name, [p for p in self.left_out if p not in names])

    def __repr__(self):
        return f"Mode({self.name!r}, excluding={self.left_out!r})"


def as_mode(mode):
    """Return ``mode``, a name or None (the configured one) as a ``Mode``."""
    if isinstance(mode, Mode):
        return mode
    return Mode(config.mode if mode is None else mode)


def rewrite(outputs, mode):
    """Run the passes of a mode over a graph.

    A pass that comes again is left out if nothing has changed since it last came.
    """
    seen = {}                   # pass -> the outputs that it left
    for name in mode.names:
        if seen.get(name) == outputs:
            continue
        if name not in _passes:
            _passes[name] = _make(name)
        outputs = seen[name] = _passes[name](outputs)
        if config.debug >= 5:
            _print_graph(name, outputs)
    return outputs


def _print_graph(name, outputs):
    from cytensor.printing import debugprint
    print(f"cytensor: after {name}")
    debugprint(outputs)


def evaluate(variables):
    """Compute a graph without inputs: for constant folding."""
    from cytensor.engine.pipeline import run_once
    return run_once(variables)
