"""Loops as expressions: `scan` and its relatives."""
from cytensor.loops.arguments import until
from cytensor.loops.scan import scan
from cytensor.loops.updates import OrderedUpdates
from cytensor.loops.views import foldl, foldr, map, reduce, scan_checkpoints, while_loop

__all__ = ["OrderedUpdates", "foldl", "foldr", "map", "reduce", "scan", "scan_checkpoints",
           "until", "while_loop"]
