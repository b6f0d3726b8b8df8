"""The passes by name. Their tables of rules are built when a pass is first asked for."""
from importlib import import_module

from cytensor.rewrites.driver import Pass
from cytensor.rewrites.fold import fold

#: Passes that are tables of rules: where the rules are.
_TABLES = {
    "smaller": ("algebra.SMALLER", "shapes.SHAPES", "reductions.REDUCTIONS",
                "control.CONTROL"),
    "safer": ("stability.SAFER", "through.THROUGH", "linalg.LINALG"),
    "assume": ("assumptions.ASSUMED",),
    "faster": ("powers.POWERS", "reductions.FACTORS", "updates.PICKS"),
    "updates": ("updates.UPDATES",),
    "splits": ("reductions.SPLITS",),
}
#: Passes that are functions.
_FUNCTIONS = {"intern": "intern.intern", "expand": "expand.expand", "loops": "scan.loops",
              "parts": "parts.parts"}


def _find(path):
    module, name = path.split(".")
    return getattr(import_module(f"cytensor.rewrites.{module}"), name)


def named(name):
    """Return the pass of that name.

    Parameters
    ----------
    name : str
        ``intern`` merges equal nodes, ``smaller`` is algebra, ``safer`` numerical stability,
        ``assume`` what nearly always holds, ``faster`` powers and picks, ``updates`` gemm and
        partial writes, ``splits`` reduces row by row, ``parts`` joins disjoint parts and takes
        parts early, ``loops`` merges loops and drops what they need not do, ``expand`` ends
        composites. (``fold`` needs an evaluator: see `folding`.)

    Returns
    -------
    Pass

    Examples
    --------
    >>> from cytensor.rewrites.passes import named
    >>> named("smaller")
    <pass smaller>
    """
    if name in _FUNCTIONS:
        return Pass(name, _find(_FUNCTIONS[name]))
    return Pass(name, [rule for path in _TABLES[name] for rule in _find(path)])


def folding(evaluate):
    """Return the pass ``fold``, which computes what constants determine.

    Parameters
    ----------
    evaluate : callable
        ``evaluate(variables) -> arrays``: runs a graph that has no inputs.
    """
    return Pass("fold", lambda outputs: fold(outputs, evaluate))
