"""One C function while it is written: its lines, names, memory, helpers and errors."""
from pathlib import Path

import numpy as np

from cytensor.export.elements import literal
from cytensor.export.folds import fold_of
from cytensor.export.lines import Lines, Names, identifiers
from cytensor.export.places import NUMBER, Place, array
from cytensor.export.sizes import plus, product, times
from cytensor.lowering.scalars import BY_NAME

_ON_STACK = 2048            # bytes of an array on the stack
_MOST_ON_STACK = 16384      # of all of them
ALIGNMENT = 64


class ExportError(NotImplementedError):
    """A function, or a part of it, that cannot be written as C of its own."""


class Slot:
    """A part of the workspace, which several values use in turn."""

    def __init__(self, name, size):
        self.name = name
        self.sizes = [size]         # bytes; as large as the largest


class Unit:
    """What is written into one function.

    Parameters
    ----------
    name : str
        Of the function: its error codes begin with it.

    Attributes
    ----------
    lines : Lines
        The steps.
    prologue : Lines
        Sizes, and checks of sizes, before any memory is there.
    checks : list of (code, message)
    helpers : dict of str to str
        Functions that the steps call, by name.
    """

    def __init__(self, name, blas="fortran"):
        self.name, self.blas = name, blas
        self.lines, self.prologue = Lines(), Lines()
        self.names = Names()
        self.late = set()           # names of sizes that the steps find out
        self.checks = []
        self.failures = {}          # what may fail, of the steps
        self.helpers = {}
        self.constants = []
        self.slots = []
        self._free = []
        self._on_stack = 0
        self._local = set()         # names of arrays on the stack

    # ----- helpers -----

    def need(self, name, make):
        """Have a helper function; ``make`` returns its text."""
        if name not in self.helpers:
            self.helpers[name] = ""             # its place comes after those that it needs
            text = make()
            del self.helpers[name]
            self.helpers[name] = text
        return name

    def fold(self, node):
        """Return the fold of a reduction, whose function is there."""
        fold = fold_of(node)
        self.need(fold.name, fold.row)
        return fold

    def literal(self, value, dtype):
        """Return a number as C."""
        return literal(np.dtype(dtype.name).type(value), dtype)

    def fail(self, what):
        """Return the statement that ends the function with an error."""
        self.failures[what] = None
        return f"return {self.name}_{what};"

    def check(self, lines, condition, message):
        """Write a check of sizes."""
        known = [code for code, text in self.checks if text == message]
        code = known[0] if known else f"SIZES_{len(self.checks) + 1}"
        if not known:
            self.checks.append((code, message))
        lines.add(f"if (!({condition}))", f"    return {self.name}_{code};")

    # ----- memory -----

    def size(self, expression, late=False):
        """Give an expression a name."""
        if type(expression) is int or expression.isidentifier():
            return expression
        name = self.names.new("n")
        late = late or not self.late.isdisjoint(identifiers(expression))
        if late:
            self.late.add(name)
        lines = self.lines if late else self.prologue
        return lines.define(name, f"const int64_t {name} = {expression};")

    def buffer(self, dtype, dims, node=None):
        """Return a place with memory: on the stack if it is known to be small."""
        count = product(dims)
        name = self.names.new("b")
        if type(count) is int and self._fits(max(count, 1) * dtype.size):
            self.lines.define(name, f"{dtype.storage} {name}[{max(count, 1)}];")
            self._local.add(name)
            return array(name, dtype, dims)
        slot = self._slot(times(count, dtype.size), node)
        self.lines.define(name, f"{dtype.storage} *const {name} = "
                          f"({dtype.storage} *)(workspace + {slot.name});")
        return array(name, dtype, dims, buffer=slot)

    def is_local(self, place):
        """Whether a place is an array on the stack."""
        return place.base in self._local

    def _fits(self, size):
        if size > _ON_STACK or self._on_stack + size > _MOST_ON_STACK:
            return False
        self._on_stack += size
        return True

    def _slot(self, size, node):
        if not self.late.isdisjoint(identifiers(str(size))):
            raise ExportError(f"the size of a result depends on computed data{where(node)}")
        for slot in self._free:
            if size in slot.sizes:
                break
        else:
            slot = self._free[-1] if self._free else None
        if slot is None:
            slot = Slot(self.names.new("at"), size)
            self.slots.append(slot)
        else:
            self._free.remove(slot)
            if size not in slot.sizes:
                slot.sizes.append(size)
        return slot

    def release(self, slot):
        """Give memory back to those who come later."""
        if slot is not None and slot not in self._free:
            self._free.append(slot)

    def lay_out(self):
        """Write where the parts of the workspace are; return its size."""
        at = 0
        for slot in self.slots:
            self.prologue.define(slot.name, f"const int64_t {slot.name} = {at};")
            size = slot.sizes[0]
            for other in slot.sizes[1:]:
                size = f"ct_larger({size}, {other})"
            at = plus(slot.name, f"ct_aligned({size})")
        return plus(at, ALIGNMENT) if self.slots else 0

    def constant(self, value):
        """Return a place of an array that is a part of the text, or of the number that fills it."""
        value = np.asarray(value, order="C")
        dtype = BY_NAME[value.dtype.name]
        if value.size and len(set(value.reshape(-1).view(f"V{value.itemsize}").tolist())) == 1:
            number = literal(value.reshape(-1)[0], dtype)
            return Place(number, dtype, value.shape, (0,) * value.ndim, NUMBER, True)
        name = self.names.new("constant")
        self.constants.append((name, dtype, value))
        return array(name, dtype, value.shape, early=True)


def where(node):
    """Return the user's line of a node, as a part of a message."""
    loc = getattr(node, "loc", None)
    return f" (made at {loc[0]}:{loc[1]})" if loc else ""


def line_of(node):
    """Return the same for the text, which may go to other machines."""
    loc = getattr(node, "loc", None)
    return f" ({Path(loc[0]).name}:{loc[1]})" if loc else ""


def in_comment(text):
    """Return a text that can be a part of a comment."""
    return text.replace("*/", "* /").replace("/*", "/ *")
