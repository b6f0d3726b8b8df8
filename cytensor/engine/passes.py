"""The order of the passes, and the run of them over a graph."""
import time
from functools import cache

from cytensor import config
from cytensor.rewrites.driver import Pass
from cytensor.rewrites.expand import expand
from cytensor.rewrites.expand import inline
from cytensor.rewrites.nodes import NodeRewrite
from cytensor.rewrites.scan import rewrite_bodies

_passes = {}


def _make(name):
    """Build a pass. Rules are graphs; nobody pays for them before the first compile."""
    from cytensor.rewrites import passes
    if name == "fold":
        return passes.folding(evaluate)
    return passes.named(name)


#: The order, top to bottom. A pass may come more than once.
ORDER = {
    "fast_run": ("intern", "fold", "smaller", "loops", "safer", "smaller", "assume", "faster",
                 "parts", "updates", "smaller", "expand", "smaller", "splits", "intern"),
    "fast_compile": ("intern", "smaller", "loops", "safer", "expand", "intern"),
    "stabilize": ("intern", "fold", "smaller", "safer", "smaller", "expand", "smaller", "intern"),
    "merge": ("intern", "expand", "intern"),
    "none": ("expand",),
}
KNOWN = frozenset([name for order in ORDER.values() for name in order])
_NEEDED = ("expand",)       # without it some nodes have no kernels


def choose(order, without, also):
    """Return the passes of an order, without some and with others.

    Parameters
    ----------
    order : str
        A key of ``ORDER``.
    without, also : collection of str

    Examples
    --------
    >>> "fold" in choose("merge", (), ("fold",))
    True
    """
    names = ORDER[order]
    if not set(also) <= set(names):
        chosen = {*names, *also}
        names = [name for name in ORDER["fast_run"] if name in chosen]
    return tuple([name for name in names if name not in without or name in _NEEDED])


def as_passes(rewrite):
    """Return what users register as a list of ``Pass``.

    Parameters
    ----------
    rewrite : Pass, Rule, list of Rule, callable, or a rewrite of Theano's
        Of Theano's, those of nodes, and those made of them (``parts``), are run.
    """
    if isinstance(rewrite, Pass):
        return [rewrite]
    if hasattr(rewrite, "parts"):
        return [found for part in rewrite.parts for found in as_passes(part)]
    if hasattr(rewrite, "transform"):
        rewrite = NodeRewrite(rewrite)
        return [Pass(rewrite.__name__, rewrite)]
    if hasattr(rewrite, "possible"):        # a rule
        return [Pass(str(rewrite), [rewrite])]
    if isinstance(rewrite, (list, tuple)):
        return [Pass("registered", rewrite)]
    if hasattr(rewrite, "optimize"):
        return []               # of a whole graph, in Theano's protocol
    return [Pass(getattr(rewrite, "__name__", type(rewrite).__name__), rewrite)]


def steps_of(mode):
    """Return the passes of a mode in order, its own ones before composites are expanded."""
    steps = []
    for name in mode.names:
        if name not in _passes:
            _passes[name] = _make(name)
        steps.append(_passes[name])
    place = mode.names.index("expand")
    return [*steps[:place], *mode.registered, *steps[place:]]


def rewrite(outputs, mode, seconds=None):
    """Run the passes of a mode over a graph.

    A pass that comes again is left out if nothing has changed since it last came.

    Parameters
    ----------
    outputs : list of Variable
    mode : Mode
    seconds : dict, optional
        Takes the time of each pass, by its name.
    """
    seen = {}                   # pass -> the outputs that it left
    unique = False              # whether no two nodes compute the same
    seconds = {} if seconds is None else seconds
    outputs = inline(outputs)
    for step in steps_of(mode):
        if seen.get(step) == outputs:
            continue
        start = time.perf_counter()
        before, outputs = outputs, step(outputs, unique)
        seen[step] = outputs
        unique = (step.is_table or step is _passes.get("intern")
                  or unique and outputs == before)
        seconds[step.name] = seconds.get(step.name, 0.0) + time.perf_counter() - start
        if config.debug >= 5:
            _print_graph(step.name, outputs)
    inside = cache(_inside)
    return rewrite_bodies(outputs, lambda body, mode: rewrite(body, mode, seconds),
                          lambda how: inside(how.mode or mode))


def _inside(mode):
    """The mode of the bodies of loops. A sum with a product is one pass more in a gemm there."""
    return mode.excluding("updates") if "updates" in mode.names else mode


def _print_graph(name, outputs):
    from cytensor.printing import debugprint
    print(f"cytensor: after {name}")
    debugprint(outputs)


def evaluate(variables):
    """Compute a graph without inputs: for constant folding."""
    from cytensor.engine.pipeline import run_once
    return run_once(expand(variables))
