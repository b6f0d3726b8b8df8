"""Graphs as text and as pictures.

``pprint`` writes an expression, ``debugprint`` lists a graph, ``pydotprint`` draws it, and
``d3viz`` makes a page on which it can be explored.
"""
from importlib import import_module

from cytensor.ops.variable import register_display
from cytensor.printing.infix import pp, pprint
from cytensor.printing.tree import debugprint

__all__ = ["d3viz", "d3write", "debugprint", "pp", "pprint", "pydotprint"]

#: What is loaded when it is first asked for: it needs much that nothing else needs.
_LATE = {"d3viz": "page", "d3write": "page", "pydotprint": "pictures"}


def show(obj, kind):
    """Return what a notebook shows of a variable or a function, as ``"svg"`` or ``"html"``."""
    from cytensor.printing import notebook      # it needs what draws
    return notebook.show(obj, kind)


register_display(show)


def __getattr__(name):
    if name not in _LATE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_LATE[name]}"), name)
