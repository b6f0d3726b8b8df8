"""Einstein's summation: products and sums of arrays whose axes are named by letters.

Two operands at a time become one matmul: axes that both have and that stay are the batch, axes that
both have and that no one else needs are summed over.
"""
from cytensor.ops.axes import permuted
from cytensor.ops.diagonal import diagonal
from cytensor.ops.linear import times
from cytensor.ops.registry import common_dtype, to_dtype
from cytensor.ops.views import as_tensor_variable, product, reshaped, sizes_of

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


# ----- reading the string -----

def _parse(subscripts, ranks):
    """Return one list of axis names per operand, and that of the result.

    Axes that an ellipsis stands for are named by numbers, counted from the end: -1 is the last.
    """
    text = subscripts.replace(" ", "")
    left, arrow, right = text.partition("->")
    terms = left.split(",")
    if len(terms) != len(ranks):
        raise ValueError(f"einsum: {subscripts!r} names {len(terms)} operands, "
                         f"but {len(ranks)} are given")
    names = [_names(term, rank, subscripts) for term, rank in zip(terms, ranks)]
    dots = max([sum([type(name) is int for name in term]) for term in names])
    if arrow:
        out = _names(right, dots + len(right.replace("...", "")), subscripts)
    else:
        out = [*range(-dots, 0), *_implicit(names)]
    _check_out(out, names, subscripts)
    return names, out


def _names(term, rank, subscripts):
    head, dots, tail = term.partition("...")
    for letter in head + tail:
        if letter not in _LETTERS:
            raise ValueError(f"einsum: {letter!r} in {subscripts!r} is no letter")
    hidden = rank - len(head) - len(tail)
    if hidden < 0 or (hidden and not dots):
        raise ValueError(f"einsum: {term!r} in {subscripts!r} names {len(head) + len(tail)} "
                         f"axes, but the operand has {rank}")
    return [*head, *range(-hidden, 0), *tail]


def _implicit(names):
    """The letters that occur once, in alphabetical order."""
    letters = [name for term in names for name in term if type(name) is str]
    return sorted([letter for letter in set(letters) if letters.count(letter) == 1])


def _check_out(out, names, subscripts):
    known = {name for term in names for name in term}
    for name in out:
        if out.count(name) > 1:
            raise ValueError(f"einsum: {name!r} is twice in the result of {subscripts!r}")
        if name not in known:
            raise ValueError(f"einsum: {name!r} in the result of {subscripts!r} "
                             "is in no operand")

# ----- one operand -----

class _Operand:
    """An array and the names of its axes, each once."""

    def __init__(self, x, names):
        self.x = x
        self.names = names

    def sizes(self):
        """The size of each axis by name."""
        return dict(zip(self.names, sizes_of(self.x)))

    def ordered(self, names):
        """Return the array with its axes in the order of ``names``; missing ones have size 1."""
        return permuted(self.x, [self.names.index(n) if n in self.names else -1 for n in names])

    def without(self, names):
        """Return the operand summed over some axes."""
        axes = tuple([i for i, name in enumerate(self.names) if name in names])
        if not axes:
            return self
        return _Operand(self.x.sum(axis=axes, dtype=self.x.type.dtype),
                        [name for name in self.names if name not in names])


def _with_single_names(x, names):
    """Replace axes of the same name by their diagonal."""
    names = list(names)
    for name in set(names):
        while names.count(name) > 1:
            first = names.index(name)
            second = names.index(name, first + 1)
            n, m = x.type.shape[first], x.type.shape[second]
            if n is not None and m is not None and n != m:
                raise ValueError(f"einsum: axis {name!r} has size {n} and size {m}")
            x = diagonal(x, 0, first, second)
            del names[second], names[first]
            names.append(name)
    return _Operand(x, names)


def _drop_ones(operands):
    """Drop axes of size 1 that another operand has at full size: they broadcast."""
    full = {name for op in operands for name, n in zip(op.names, op.x.type.shape) if n != 1}
    out = []
    for op in operands:
        keep = [i for i, n in enumerate(op.x.type.shape) if n != 1 or op.names[i] not in full]
        out.append(_Operand(permuted(op.x, keep), [op.names[i] for i in keep]))
    return out


def _check_sizes(operands):
    known = {}
    for op in operands:
        for name, n in zip(op.names, op.x.type.shape):
            if n is not None and known.setdefault(name, n) != n:
                raise ValueError(f"einsum: axis {name!r} has size {known[name]} and size {n}")


# ----- two operands -----

def _pair(a, b, needed):
    """Multiply two operands, and sum over the axes that nothing else needs."""
    a = a.without([n for n in a.names if n not in b.names and n not in needed])
    b = b.without([n for n in b.names if n not in a.names and n not in needed])
    shared = [n for n in a.names if n in b.names]
    batch = [n for n in shared if n in needed]
    summed = [n for n in shared if n not in needed]
    left = [n for n in a.names if n not in shared]
    right = [n for n in b.names if n not in shared]
    names = batch + left + right
    if not summed:
        return _Operand(a.ordered(names) * b.ordered(names), names)
    sizes = {**a.sizes(), **b.sizes()}
    rows = _grouped(a.ordered(batch + left + summed), sizes, batch, left, summed)
    columns = _grouped(b.ordered(batch + summed + right), sizes, batch, summed, right)
    out = times(rows, columns)
    if len(left) == len(right) == 1:
        return _Operand(out, names)
    return _Operand(reshaped(out, [sizes[n] for n in names]), names)


def _grouped(x, sizes, batch, rows, columns):
    """Merge axes, so that after the batch there are two."""
    if len(rows) == len(columns) == 1:
        return x
    merged = [product([sizes[n] for n in group]) for group in (rows, columns)]
    return reshaped(x, [*[sizes[n] for n in batch], *merged])


def _cost(a, b, needed):
    """Elements of the product of two operands, less those of the operands; sizes are known."""
    sizes = {**a.sizes(), **b.sizes()}
    out = product([n for name, n in sizes.items() if name in needed])
    return out - product(list(a.sizes().values())) - product(list(b.sizes().values()))


def _needed(operands, out, pair):
    others = [op for i, op in enumerate(operands) if i not in pair]
    return {*out, *[name for op in others for name in op.names]}


def _next_pair(operands, out):
    """The pair to multiply next: the first two, or if all sizes are known the cheapest."""
    if len(operands) == 2 or any([None in op.x.type.shape for op in operands]):
        return 0, 1
    pairs = [(i, j) for j in range(len(operands)) for i in range(j)]
    return min(pairs, key=lambda pair: _cost(*[operands[i] for i in pair],
                                             _needed(operands, out, pair)))


# ----- what users call -----

def einsum(subscripts, *operands):
    """Multiply arrays and sum over axes that letters name.

    Parameters
    ----------
    subscripts : str
        Such as ``'ij,jk->ik'``: the axes of each operand, and those of the result. Without
        ``->`` the result has the letters that occur once, in alphabetical order. ``...`` stands
        for axes that broadcast.
    *operands : Variable or array_like

    Returns
    -------
    Variable

    Raises
    ------
    ValueError
        If the string does not fit the operands, or sizes of one letter differ.

    Notes
    -----
    With three operands or more, the pair whose product is smallest goes first if all sizes are
    known; else they are taken from left to right.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> T.einsum("bij,bjk->bik", T.zeros((5, 2, 3)), T.zeros((5, 3, 4))).type.shape
    (5, 2, 4)
    """
    operands = [as_tensor_variable(x) for x in operands]
    names, out = _parse(subscripts, [x.type.ndim for x in operands])
    dtype = common_dtype(operands)
    work = {"float16": "float32", "bool": "int64"}.get(dtype, dtype)
    todo = [_with_single_names(to_dtype(x, work), n) for x, n in zip(operands, names)]
    todo = _drop_ones(todo)
    _check_sizes(todo)
    while len(todo) > 1:
        i, j = _next_pair(todo, out)
        needed = _needed(todo, out, (i, j))
        second, first = todo.pop(j), todo.pop(i)
        todo.insert(0, _pair(first, second, needed))
    last = todo[0].without([n for n in todo[0].names if n not in out])
    return to_dtype(last.ordered(out), dtype)
