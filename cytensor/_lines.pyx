"""Where the user made a node: the line of the user's that is running."""
import os
import sys

cimport cython

cdef str _HOME = os.path.dirname(os.path.abspath(__file__)) + os.sep
cdef dict _inside = {}          # code object -> whether it belongs to this package
cdef object _loc_override = None


cpdef object caller():
    """Return (file, line) of the innermost frame outside this package, or None."""
    if _loc_override is not None:
        return _loc_override
    frame = sys._getframe()
    while frame is not None:
        code = frame.f_code
        inside = _inside.get(code)
        if inside is None:
            if len(_inside) > 10_000:
                _inside.clear()
            inside = _inside[code] = code.co_filename.startswith(_HOME)
        if not inside:
            return (code.co_filename, frame.f_lineno)
        frame = frame.f_back
    return None


@cython.final
cdef class at_loc:
    """Give the nodes that are made inside a ``with`` block the source line ``loc``.

    Passes use it: a node that replaces another, or differentiates it, stands for the same
    line of the user's.
    """
    cdef object loc
    cdef object before

    def __init__(self, loc):
        self.loc = loc

    def __enter__(self):
        global _loc_override
        self.before = _loc_override
        if self.loc is not None:
            _loc_override = self.loc

    def __exit__(self, *exc):
        global _loc_override
        _loc_override = self.before
