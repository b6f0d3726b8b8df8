"""Graphs as text and as pictures.

``pprint`` writes an expression, ``debugprint`` lists a graph, ``pydotprint`` draws it, and
``d3viz`` makes a page on which it can be explored.
"""
from cytensor.printing.infix import pp, pprint
from cytensor.printing.page import d3viz, d3write
from cytensor.printing.pictures import pydotprint
from cytensor.printing.tree import debugprint

__all__ = ["d3viz", "d3write", "debugprint", "pp", "pprint", "pydotprint"]
