"""Where values lie: base address, sizes and strides as C expressions, and what views make of them.

Strides count elements. Besides memory there are *counts*, whose element is a base number plus
strides times indices, and *numbers*: expressions that stand for a single element.
"""
from typing import NamedTuple

from cytensor.export.sizes import packed, plus, times, wrapped
from cytensor.lowering.scalars import DType

MEMORY, COUNT, NUMBER = "memory", "count", "number"


class Place(NamedTuple):
    """Where a value lies.

    Attributes
    ----------
    base : str
        The address of the first element; the first number of a count; the number.
    early : bool
        Whether the elements are known when a call begins.
    buffer : object
        What memory it is in, if that was allotted.
    """

    base: str
    dtype: DType
    dims: tuple = ()
    strides: tuple = ()
    kind: str = MEMORY
    early: bool = False
    buffer: object = None

    @property
    def is_packed(self):
        """Whether the elements follow each other in C order."""
        if self.kind != MEMORY:
            return False
        real = [(n, s) for n, s in zip(self.dims, self.strides) if n != 1]
        return tuple([s for _, s in real]) == packed([n for n, _ in real])

    def element(self, offset=0):
        """Return the expression of an element."""
        if self.kind == NUMBER:
            return self.base
        if self.kind == COUNT:
            return f"({self.dtype.storage})({plus(self.base, offset)})"
        base = wrapped(self.base)
        if base.startswith("&"):
            base = f"({base})"
        return f"{base}[{offset}]"

    def moved(self, offset, **changes):
        """Return the place ``offset`` elements on."""
        base = plus(int(self.base) if self.base.lstrip("-").isdigit() else self.base, offset)
        return self._replace(base=str(base), **changes)


def array(base, dtype, dims, **more):
    """Return a place of memory in C order."""
    return Place(base, dtype, tuple(dims), packed(dims), **more)


# ----- views -----

def dimshuffled(place, order):
    """Return the axes of a place in another order; -1 is a new axis of size 1."""
    return place._replace(
        dims=tuple([place.dims[i] if i >= 0 else 1 for i in order]),
        strides=tuple([place.strides[i] if i >= 0 else 0 for i in order]))


def sliced(place, items):
    """Return a part of a place.

    ``items`` has (start or None, step or None, size or None) for each axis; without a size the
    axis is dropped.
    """
    offset, dims, strides = 0, [], []
    for (start, step, size), stride in zip(items, place.strides):
        if start is not None:
            offset = plus(offset, _start(start, stride, size))
        if size is not None:
            dims.append(size)
            strides.append(stride if step is None else times(step, stride))
    return place.moved(offset, dims=tuple(dims), strides=tuple(strides))


def _start(start, stride, size):
    """How far a slice begins: not at all if it is empty, where there may be no memory."""
    offset = times(start, stride)
    if offset == 0 or size is None or (type(size) is int and size > 0):
        return offset
    return 0 if size == 0 else f"({wrapped(size)} > 0 ? {offset} : 0)"


def broadcast(place, dims):
    """Return a place with axes that repeat it."""
    extra = len(dims) - len(place.dims)
    strides = [0] * extra
    for n, m, stride in zip(place.dims, dims[extra:], place.strides):
        strides.append(0 if n == 1 and m != 1 else stride)
    return place._replace(dims=tuple(dims), strides=tuple(strides))


def reshaped(place, dims):
    """Return a place with other axes; None if that takes a copy."""
    old = [(n, s) for n, s in zip(place.dims, place.strides) if n != 1]
    if [n for n, _ in old] == [n for n in dims if n != 1]:
        it = iter([s for _, s in old])
        return place._replace(dims=tuple(dims),
                              strides=tuple([0 if n == 1 else next(it) for n in dims]))
    if place.is_packed:
        return place._replace(dims=tuple(dims), strides=packed(dims))
    return None


def diagonal(place, offset, axis1, axis2, length):
    """Return the diagonals over two axes; ``length`` is their size."""
    keep = [i for i in range(len(place.dims)) if i not in (axis1, axis2)]
    along = place.strides[axis2 if offset >= 0 else axis1]
    return place.moved(
        _start(abs(offset), along, length),
        dims=(*[place.dims[i] for i in keep], length),
        strides=(*[place.strides[i] for i in keep],
                 plus(place.strides[axis1], place.strides[axis2])))
