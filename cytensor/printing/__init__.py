"""Graphs as text: ``pprint`` writes an expression, ``debugprint`` draws the graph."""
from cytensor.printing.infix import pp, pprint
from cytensor.printing.tree import debugprint

__all__ = ["debugprint", "pp", "pprint"]
